/* test_http.c - core/http against a server that misbehaves: what was sent, how often, and what
   is said of it. */
#include <CUnit/Basic.h>
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/http.h"
#include "sql/clock.h"
#include "tests/unit/http_server.h"
#include "tests/unit/suite.h"

#define MANY   300
#define SECRET "FAKESECRET"

/* What came of one call, for the thread that waits. */
struct landing {
    int calls; /* of done: exactly 1 in the end */
    struct http_result r;
    char body[4096];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t came = PTHREAD_COND_INITIALIZER;
static struct server plain, tls;
static struct http *engine; /* for the plain server */

static void landed(void *arg, const struct http_result *r) {
    struct landing *l = arg;
    pthread_mutex_lock(&lock);
    l->calls++;
    l->r = *r;
    if (r->body)
        memcpy(l->body, r->body, r->size < sizeof l->body - 1 ? r->size : sizeof l->body - 1);
    l->r.body = NULL; /* the engine's */
    pthread_cond_broadcast(&came);
    pthread_mutex_unlock(&lock);
}

static void wait_for(const struct landing *l) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    pthread_mutex_lock(&lock);
    while (l->calls == 0 && pthread_cond_timedwait(&came, &lock, &until) == 0)
        ;
    CU_ASSERT_FATAL(l->calls > 0);
    pthread_mutex_unlock(&lock);
}

static struct http *try_open(const struct http_config *c) {
    char why[256] = "";
    struct http_config k = *c;
    k.timeout_ms = k.timeout_ms ? k.timeout_ms : 10000;
    k.connect_timeout_ms = k.connect_timeout_ms ? k.connect_timeout_ms : 5000;
    k.max_in_flight = k.max_in_flight ? k.max_in_flight : 1000;
    struct http *h = http_open(&k, why, sizeof why);
    if (!h)
        fprintf(stderr, "http_open: %s\n", why);
    return h;
}

static struct http *open_engine(const struct http_config *c) {
    struct http *h = try_open(c);
    CU_ASSERT_PTR_NOT_NULL_FATAL(h);
    return h;
}

static void begin(struct http *h, const char *url, bool post, int timeout_ms, struct landing *l) {
    const struct http_header headers[] = {{"developer_key", SECRET},
                                          {"content-type", "application/json"}};
    const struct http_request r = {.url = url,
                                   .post = post,
                                   .body = "{\"otp\":\"" SECRET "\"}",
                                   .body_size = 20,
                                   .headers = headers,
                                   .header_count = post ? 2 : 1,
                                   .timeout_ms = timeout_ms};
    memset(l, 0, sizeof *l);
    CU_ASSERT_FATAL(http_start(h, &r, landed, l));
}

static void call(struct http *h, const char *url, bool post, struct landing *l) {
    begin(h, url, post, 0, l);
    wait_for(l);
    CU_ASSERT_PTR_NULL(strstr(l->r.detail, SECRET));
    CU_ASSERT_PTR_NULL(strstr(l->r.detail, "://"));
}

static const char *at(const struct server *s, const char *path) {
    static char url[128];
    snprintf(url, sizeof url, "%s://127.0.0.1:%d%s", s->ctx ? "https" : "http", s->port, path);
    return url;
}

static void expect(const struct landing *l, enum http_fate fate, enum otr_reason reason,
                   int status) {
    if (l->r.fate != fate || l->r.reason != reason || l->r.status != status) {
        fprintf(stderr, "fate %d reason %s status %d: %s\n", l->r.fate,
                otr_reason_name(l->r.reason), l->r.status, l->r.detail);
        CU_FAIL("see above");
    }
}

/* A port on which nobody listens. */
static int closed_port(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CU_ASSERT_FATAL(bind(fd, (struct sockaddr *)&a, sizeof a) == 0);
    getsockname(fd, (struct sockaddr *)&a, &size);
    close(fd);
    return ntohs(a.sin_port);
}

/* ---- answered ---------------------------------------------------------------------------- */

static void test_answers(void) {
    struct landing l;
    call(engine, at(&plain, "/ok"), false, &l);
    expect(&l, HTTP_ANSWERED, OTR_REASON_NONE, 200);
    CU_ASSERT_STRING_EQUAL(l.body, "{\"status\":0}");
    CU_ASSERT_EQUAL(l.r.date, 784111777000); /* RFC 9110's example */
    CU_ASSERT_STRING_EQUAL(l.r.detail, "");
    call(engine, at(&plain, "/502"), true, &l);
    expect(&l, HTTP_ANSWERED, OTR_REASON_NONE, 502);
    CU_ASSERT_STRING_EQUAL(l.body, "<html>502</html>");
    call(engine, at(&plain, "/continue"), true, &l);
    expect(&l, HTTP_ANSWERED, OTR_REASON_NONE, 200);
    CU_ASSERT_STRING_EQUAL(l.body, "{}");
    call(engine, at(&plain, "/gzip"), true, &l); /* not decoded */
    expect(&l, HTTP_ANSWERED, OTR_REASON_NONE, 200);
    CU_ASSERT_STRING_EQUAL(l.body, "{}");
}

static void test_request_on_the_wire(void) {
    struct landing l;
    call(engine, at(&plain, "/echo"), true, &l);
    expect(&l, HTTP_ANSWERED, OTR_REASON_NONE, 200);
    CU_ASSERT_PTR_NOT_NULL(strstr(l.body, "POST /echo HTTP/1.1\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(l.body, "\r\ndeveloper_key: " SECRET "\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(l.body, "\r\ncontent-type: application/json\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(l.body, "\r\nContent-Length: 20\r\n"));
    CU_ASSERT_PTR_NOT_NULL(strstr(l.body, "\r\n\r\n{\"otp\":\"" SECRET "\"}"));
    static const char *const absent[] = {"Expect", "Accept-Encoding", "Cookie", "Authorization",
                                         "urlencoded"};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        CU_ASSERT_PTR_NULL(strcasestr(l.body, absent[i]));
    call(engine, at(&plain, "/echo"), false, &l); /* nothing is left of the POST */
    CU_ASSERT_PTR_NOT_NULL(strstr(l.body, "GET /echo HTTP/1.1\r\n"));
    CU_ASSERT_PTR_NULL(strstr(l.body, "otp"));
    CU_ASSERT_PTR_NULL(strcasestr(l.body, "content-"));
}

static void test_no_redirect(void) {
    struct landing l;
    int requests = atomic_load(&plain.requests);
    call(engine, at(&plain, "/redirect"), true, &l);
    expect(&l, HTTP_ANSWERED, OTR_REASON_NONE, 302);
    call(engine, at(&plain, "/redirect"), false, &l);
    expect(&l, HTTP_ANSWERED, OTR_REASON_NONE, 302);
    CU_ASSERT_EQUAL(atomic_load(&plain.requests) - requests, 2);
}

/* ---- maybe sent: exactly one request reached the server ---------------------------------- */

static void test_lost(void) {
    static const struct {
        const char *path;
        enum otr_reason reason;
        int status;
    } cases[] = {
        {"/reset", OTR_REASON_CONNECTION_LOST, 0},
        {"/fin", OTR_REASON_CONNECTION_LOST, 0},
        {"/cut", OTR_REASON_CONNECTION_LOST, 200},
        {"/chunk", OTR_REASON_CONNECTION_LOST, 200},
        {"/chunk-cut", OTR_REASON_CONNECTION_LOST, 200},
        {"/garbage", OTR_REASON_UNREADABLE_ANSWER, 0},
        {"/huge", OTR_REASON_UNREADABLE_ANSWER, 200},
        {"/endless", OTR_REASON_UNREADABLE_ANSWER, 200},
        {"/headers", OTR_REASON_UNREADABLE_ANSWER, 200},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct landing l;
        int requests = atomic_load(&plain.requests);
        call(engine, at(&plain, cases[i].path), true, &l);
        expect(&l, HTTP_MAYBE_SENT, cases[i].reason, cases[i].status);
        CU_ASSERT_EQUAL(atomic_load(&plain.requests) - requests, 1);
        CU_ASSERT_EQUAL(l.r.size, 0);
        CU_ASSERT_STRING_NOT_EQUAL(l.r.detail, "");
    }
}

static void test_no_answer(void) {
    struct landing l;
    int requests = atomic_load(&plain.requests);
    begin(engine, at(&plain, "/stall"), true, 300, &l);
    wait_for(&l);
    expect(&l, HTTP_MAYBE_SENT, OTR_REASON_NO_ANSWER, 0);
    CU_ASSERT_EQUAL(atomic_load(&plain.requests) - requests, 1);
    CU_ASSERT(l.r.duration_ms >= 290);
}

/* A moment before which it must leave: connected too late, nothing is sent. */
static void test_too_late(void) {
    int64_t now = clock_monotonic_ms();
    const struct {
        int64_t send_by_ms;
        enum http_fate fate;
        enum otr_reason reason;
        int requests;
    } rows[] = {{now - 1, HTTP_NOT_SENT, OTR_REASON_OVERLOADED, 0},
                {now + 30000, HTTP_ANSWERED, OTR_REASON_NONE, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct landing l = {0};
        int requests = atomic_load(&plain.requests);
        const struct http_request r = {.url = at(&plain, "/ok"),
                                       .post = true,
                                       .body = "{}",
                                       .body_size = 2,
                                       .send_by_ms = rows[i].send_by_ms};
        CU_ASSERT_FATAL(http_start(engine, &r, landed, &l));
        wait_for(&l);
        expect(&l, rows[i].fate, rows[i].reason, rows[i].requests ? 200 : 0);
        CU_ASSERT_EQUAL(atomic_load(&plain.requests) - requests, rows[i].requests);
    }
}

/* A POST is never put on a used connection, so curl has none to retry on. */
static void test_post_fresh_connection(void) {
    struct landing l;
    call(engine, at(&plain, "/ok"), false, &l); /* leaves an idle connection behind */
    int connections = atomic_load(&plain.connections), requests = atomic_load(&plain.requests);
    for (int i = 0; i < 3; i++) {
        call(engine, at(&plain, "/once"), true, &l);
        expect(&l, HTTP_ANSWERED, OTR_REASON_NONE, 200);
    }
    CU_ASSERT_EQUAL(atomic_load(&plain.connections) - connections, 3);
    CU_ASSERT_EQUAL(atomic_load(&plain.requests) - requests, 3);
}

/* Nor is its connection left for a GET to take. */
static void test_post_leaves_no_connection(void) {
    struct landing l;
    struct http *h = open_engine(&(struct http_config){0});
    int connections = atomic_load(&plain.connections);
    call(h, at(&plain, "/ok"), true, &l);
    call(h, at(&plain, "/ok"), false, &l);
    expect(&l, HTTP_ANSWERED, OTR_REASON_NONE, 200);
    CU_ASSERT_EQUAL(atomic_load(&plain.connections) - connections, 2);
    http_close(h, 0);
}

static void test_get_reuses_connection(void) {
    struct landing l;
    struct http *h = open_engine(&(struct http_config){0});
    int connections = atomic_load(&plain.connections);
    for (int i = 0; i < 5; i++) {
        call(h, at(&plain, "/ok"), false, &l);
        expect(&l, HTTP_ANSWERED, OTR_REASON_NONE, 200);
        call(h, at(&plain, "/ok"), true, &l); /* in between: neither takes nor leaves one */
    }
    CU_ASSERT_EQUAL(atomic_load(&plain.connections) - connections, 1 + 5);
    http_close(h, 0);
}

/* A GET whose kept connection has died is tried again by curl: allowed, it only asks. */
static void test_get_survives_dead_connection(void) {
    struct landing l;
    struct http *h = open_engine(&(struct http_config){0});
    for (int i = 0; i < 4; i++) {
        call(h, at(&plain, "/once"), false, &l);
        expect(&l, HTTP_ANSWERED, OTR_REASON_NONE, 200);
    }
    http_close(h, 0);
}

/* ---- not sent: nothing reached the server ------------------------------------------------ */

static void test_refused(void) {
    struct landing l;
    char url[128];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", closed_port());
    call(engine, url, true, &l);
    expect(&l, HTTP_NOT_SENT, OTR_REASON_CONNECT_FAILED, 0);
    snprintf(url, sizeof url, "https://%070d.invalid/", 0); /* no name server is asked for that */
    call(engine, url, true, &l);
    expect(&l, HTTP_NOT_SENT, OTR_REASON_DNS_FAILED, 0);
}

static void test_addresses(void) {
    static const char *const wrong[] = {
        "http://192.0.2.1/",
        "http://127.0.0.1.bank.example/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://user:pw@127.0.0.1/",
        "127.0.0.1/",
        "http://localhost.test/",
        "https://",
        "",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct landing l;
        call(engine, wrong[i], true, &l);
        expect(&l, HTTP_NOT_SENT, OTR_REASON_BAD_REQUEST, 0);
    }
}

static void test_header_injection(void) {
    static const char *const values[] = {"a\r\nX-Evil: 1", "a\nb"};
    struct landing l = {0};
    int requests = atomic_load(&plain.requests);
    for (size_t i = 0; i < 2; i++) {
        const struct http_header header = {"developer_key", values[i]};
        const struct http_request r = {
            .url = at(&plain, "/ok"), .headers = &header, .header_count = 1};
        l.calls = 0;
        CU_ASSERT_FATAL(http_start(engine, &r, landed, &l));
        wait_for(&l);
        expect(&l, HTTP_NOT_SENT, OTR_REASON_BAD_REQUEST, 0);
    }
    CU_ASSERT_EQUAL(atomic_load(&plain.requests), requests);
}

static void test_overload(void) {
    struct landing l[5];
    struct http *h = open_engine(&(struct http_config){.max_in_flight = 3});
    for (int i = 0; i < 5; i++)
        begin(h, at(&plain, "/slow"), true, 0, &l[i]);
    CU_ASSERT(http_in_flight(h) <= 3);
    int overloaded = 0;
    for (int i = 0; i < 5; i++) {
        wait_for(&l[i]);
        if (l[i].r.fate == HTTP_NOT_SENT && l[i].r.reason == OTR_REASON_OVERLOADED)
            overloaded++;
        else
            expect(&l[i], HTTP_ANSWERED, OTR_REASON_NONE, 200);
    }
    CU_ASSERT_EQUAL(overloaded, 2);
    CU_ASSERT_EQUAL(http_in_flight(h), 0);
    call(h, at(&plain, "/ok"), true, &l[0]); /* and room again */
    expect(&l[0], HTTP_ANSWERED, OTR_REASON_NONE, 200);
    http_close(h, 0);
}

/* ---- TLS --------------------------------------------------------------------------------- */

static void test_tls(void) {
    struct landing l;
    struct http *h = open_engine(&(struct http_config){.ca_file = tls.ca_file});
    call(h, at(&tls, "/ok"), true, &l);
    expect(&l, HTTP_ANSWERED, OTR_REASON_NONE, 200);
    int requests = atomic_load(&tls.requests);
    call(h, at(&tls, "/fin"), true, &l);
    expect(&l, HTTP_MAYBE_SENT, OTR_REASON_CONNECTION_LOST, 0);
    call(h, at(&tls, "/reset"), true, &l);
    expect(&l, HTTP_MAYBE_SENT, OTR_REASON_CONNECTION_LOST, 0);
    CU_ASSERT_EQUAL(atomic_load(&tls.requests) - requests, 2);
    http_close(h, 0);
}

static void resume(struct server *s) {
    struct landing l;
    struct http *h = open_engine(&(struct http_config){.ca_file = s->ca_file});
    int resumed = atomic_load(&s->resumed), handshakes = atomic_load(&s->handshakes);
    for (int i = 0; i < 5; i++) {
        call(h, at(s, "/ok"), true, &l);
        expect(&l, HTTP_ANSWERED, OTR_REASON_NONE, 200);
    }
    CU_ASSERT_EQUAL(atomic_load(&s->handshakes) - handshakes, 5);
    CU_ASSERT_EQUAL(atomic_load(&s->resumed) - resumed, 4);
    http_close(h, 0);
}

/* Fresh connections, but only the first handshake is a full one. */
static void test_tls_resumption(void) {
    static struct server tls12;
    resume(&tls);
    CU_ASSERT_FATAL(server_start(&tls12, SERVER_TLS12));
    resume(&tls12);
    server_stop(&tls12);
}

static void test_tls_failures(void) {
    struct landing l;
    char url[128];
    int requests = atomic_load(&tls.requests);
    call(engine, at(&tls, "/ok"), true, &l); /* the system's CAs do not know it */
    expect(&l, HTTP_NOT_SENT, OTR_REASON_TLS_FAILED, 0);
    struct http *h = open_engine(&(struct http_config){.ca_file = tls.ca_file});
    snprintf(url, sizeof url, "https://localhost:%d/ok", tls.port); /* not in the certificate */
    call(h, url, true, &l);
    expect(&l, HTTP_NOT_SENT, OTR_REASON_TLS_FAILED, 0);
    snprintf(url, sizeof url, "https://127.0.0.1:%d/ok", plain.port); /* speaks no TLS */
    begin(h, url, true, 2000, &l);
    wait_for(&l);
    CU_ASSERT_EQUAL(l.r.fate, HTTP_NOT_SENT);
    CU_ASSERT_EQUAL(atomic_load(&tls.requests), requests);
    http_close(h, 0);
    char why[256] = "";
    const struct http_config wrong = {.ca_file = "/nonexistent/ca.pem", .max_in_flight = 1};
    CU_ASSERT_PTR_NULL(http_open(&wrong, why, sizeof why));
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "/nonexistent/ca.pem"));
}

/* The TLS that OpenSSL and this server agree on, without our engine; 0: none. */
static int agreed(const struct server *s) {
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)s->port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = ctx ? SSL_new(ctx) : NULL;
    bool met = ssl && connect(fd, (struct sockaddr *)&a, sizeof a) == 0 && SSL_set_fd(ssl, fd) &&
               SSL_connect(ssl) == 1;
    int version = met ? SSL_version(ssl) : 0;
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
    return version;
}

/* It is the engine that refuses: OpenSSL, as it is set up here, does not. */
static void test_tls_too_old(void) {
    static struct server old;
    struct landing l;
    CU_ASSERT_FATAL(server_start(&old, SERVER_TLS11));
    CU_ASSERT_EQUAL(agreed(&old), TLS1_1_VERSION);
    for (int i = 0; i < 1000 && atomic_load(&old.handshakes) == 0; i++)
        usleep(1000); /* the server's end of it may be a little later */
    int handshakes = atomic_load(&old.handshakes);
    struct http *h = open_engine(&(struct http_config){.ca_file = old.ca_file});
    call(h, at(&old, "/ok"), true, &l);
    expect(&l, HTTP_NOT_SENT, OTR_REASON_TLS_FAILED, 0);
    CU_ASSERT_EQUAL(atomic_load(&old.handshakes), handshakes);
    CU_ASSERT_EQUAL(atomic_load(&old.requests), 0);
    http_close(h, 0);
    server_stop(&old);
}

static void test_handshake_never_ends(void) {
    static struct server silent;
    struct landing l;
    char url[128];
    CU_ASSERT_FATAL(server_start(&silent, SERVER_SILENT));
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", silent.port);
    struct http *h = open_engine(&(struct http_config){.connect_timeout_ms = 300});
    call(h, url, true, &l);
    expect(&l, HTTP_NOT_SENT, OTR_REASON_CONNECT_FAILED, 0);
    http_close(h, 0);
    server_stop(&silent);
}

/* ---- many, and the end ------------------------------------------------------------------- */

static void test_many(void) {
    static struct landing l[MANY];
    int requests = atomic_load(&plain.requests);
    for (int i = 0; i < MANY; i++)
        begin(engine, at(&plain, i % 2 ? "/slow" : "/ok"), i % 3 != 0, 0, &l[i]);
    for (int i = 0; i < MANY; i++) {
        wait_for(&l[i]);
        expect(&l[i], HTTP_ANSWERED, OTR_REASON_NONE, 200);
    }
    CU_ASSERT_EQUAL(atomic_load(&plain.requests) - requests, MANY);
}

static void count_fates(const struct landing *l, int n, int fates[3]) {
    fates[0] = fates[1] = fates[2] = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < n; i++) {
        CU_ASSERT_EQUAL(l[i].calls, 1);
        fates[l[i].r.fate]++;
        CU_ASSERT_EQUAL(l[i].r.reason, l[i].r.fate == HTTP_ANSWERED   ? OTR_REASON_NONE
                                       : l[i].r.fate == HTTP_NOT_SENT ? OTR_REASON_STOPPING
                                                                      : OTR_REASON_NO_ANSWER);
    }
    pthread_mutex_unlock(&lock);
}

static void await_requests(const struct server *s, int n) {
    for (int i = 0; i < 3000 && atomic_load(&s->requests) < n; i++)
        usleep(10000);
    CU_ASSERT_FATAL(atomic_load(&s->requests) >= n);
}

/* Three fates at once: answered within the grace, cut off after it, never sent. */
static void test_close(void) {
    static struct server silent;
    static struct landing l[60];
    int fates[3], requests = atomic_load(&plain.requests);
    char url[128];
    CU_ASSERT_FATAL(server_start(&silent, SERVER_SILENT));
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", silent.port);
    struct http *h = open_engine(&(struct http_config){0});
    for (int i = 0; i < 20; i++)
        begin(h, at(&plain, "/stall"), true, 0, &l[i]);
    await_requests(&plain, requests + 20);
    for (int i = 20; i < 40; i++)
        begin(h, url, true, 0, &l[i]);
    for (int i = 40; i < 60; i++)
        begin(h, at(&plain, "/slow"), true, 0, &l[i]);
    await_requests(&plain, requests + 40);
    CU_ASSERT_EQUAL(http_in_flight(h), 60);
    http_close(h, 1500);
    count_fates(l, 60, fates);
    CU_ASSERT_EQUAL(fates[HTTP_MAYBE_SENT], 20);
    CU_ASSERT_EQUAL(fates[HTTP_NOT_SENT], 20);
    CU_ASSERT_EQUAL(fates[HTTP_ANSWERED], 20);
    CU_ASSERT_EQUAL(atomic_load(&plain.requests) - requests, 40);
    server_stop(&silent);
}

struct starter {
    struct http *h;
    pthread_barrier_t *go;
    struct landing l[50];
};

static void *start_some(void *arg) {
    struct starter *s = arg;
    char url[128];
    pthread_mutex_lock(&lock);
    snprintf(url, sizeof url, "%s", at(&plain, "/stall"));
    pthread_mutex_unlock(&lock);
    const struct http_request r = {.url = url, .post = true, .body = "{}", .body_size = 2};
    pthread_barrier_wait(s->go);
    for (int i = 0; i < 50; i++)
        if (!http_start(s->h, &r, landed, &s->l[i]))
            landed(&s->l[i],
                   &(struct http_result){.fate = HTTP_NOT_SENT, .reason = OTR_REASON_STOPPING});
    return NULL;
}

/* Starting on several threads; then the end, with everything under way or still in the queue. */
static void test_close_with_starters(void) {
    static struct starter s[4];
    pthread_t t[4];
    pthread_barrier_t go;
    int fates[3];
    struct http *h = open_engine(&(struct http_config){0});
    pthread_barrier_init(&go, NULL, 4);
    memset(s, 0, sizeof s);
    for (int i = 0; i < 4; i++) {
        s[i].h = h;
        s[i].go = &go;
        CU_ASSERT_FATAL(pthread_create(&t[i], NULL, start_some, &s[i]) == 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    http_close(h, 0);
    for (int i = 0; i < 4; i++)
        count_fates(s[i].l, 50, fates);
    pthread_barrier_destroy(&go);
}

static void test_close_idle(void) {
    http_close(open_engine(&(struct http_config){0}), 10000);
    http_close(NULL, 0);
}

/* OpenSSL takes what is old and weak, in all of this program: it is the engine that refuses. */
static bool weak_openssl(void) {
    char path[] = "/tmp/test_http.XXXXXX";
    int fd = mkstemp(path);
    bool done = fd >= 0 && dprintf(fd, "openssl_conf = a\n[a]\nssl_conf = b\n[b]\n"
                                       "system_default = c\n[c]\nMinProtocol = TLSv1\n"
                                       "CipherString = DEFAULT@SECLEVEL=0\n") > 0;
    setenv("OPENSSL_CONF", path, 1);
    done = done && OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, NULL);
    close(fd);
    unlink(path);
    return done;
}

static int prepare(void) {
    /* Nobody listens there: whoever heeds the environment fails. */
    setenv("http_proxy", "http://127.0.0.1:9", 1);
    setenv("https_proxy", "http://127.0.0.1:9", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:9", 1);
    if (!weak_openssl() || !server_start(&plain, SERVER_PLAIN) || !server_start(&tls, SERVER_TLS))
        return 1;
    engine = try_open(&(struct http_config){0});
    return engine ? 0 : 1;
}

static int tidy(void) {
    http_close(engine, 0);
    server_stop(&plain);
    server_stop(&tls);
    return 0;
}

int main(void) {
    CU_pSuite s = suite_begin("http", prepare, tidy);
    CU_add_test(s, "answers", test_answers);
    CU_add_test(s, "the request on the wire", test_request_on_the_wire);
    CU_add_test(s, "no redirect", test_no_redirect);
    CU_add_test(s, "lost: one POST on the wire", test_lost);
    CU_add_test(s, "no answer", test_no_answer);
    CU_add_test(s, "too late to send", test_too_late);
    CU_add_test(s, "POST: a fresh connection each", test_post_fresh_connection);
    CU_add_test(s, "POST: leaves no connection", test_post_leaves_no_connection);
    CU_add_test(s, "GET: reuses its connection", test_get_reuses_connection);
    CU_add_test(s, "GET: survives a dead connection", test_get_survives_dead_connection);
    CU_add_test(s, "refused", test_refused);
    CU_add_test(s, "addresses", test_addresses);
    CU_add_test(s, "header injection", test_header_injection);
    CU_add_test(s, "overload", test_overload);
    CU_add_test(s, "TLS", test_tls);
    CU_add_test(s, "TLS sessions are resumed", test_tls_resumption);
    CU_add_test(s, "TLS failures", test_tls_failures);
    CU_add_test(s, "TLS 1.1 is too old", test_tls_too_old);
    CU_add_test(s, "a handshake that never ends", test_handshake_never_ends);
    CU_add_test(s, "many at once", test_many);
    CU_add_test(s, "close", test_close);
    CU_add_test(s, "close with starters", test_close_with_starters);
    CU_add_test(s, "close an idle engine", test_close_idle);
    return suite_run();
}
