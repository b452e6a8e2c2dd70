/* http_server.c - a small server for test_http: misbehaves by path. */
#include "tests/unit/http_server.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX 16384

struct conn {
    struct server *server;
    int fd;
    SSL *ssl;
    int answered; /* requests on this connection */
    bool rude;    /* no close_notify */
};

/* ---- bytes ------------------------------------------------------------------------------- */

/* -1: closed, or the server is to stop. */
static int receive(struct conn *c, char *to, int size) {
    while (!c->ssl || !SSL_pending(c->ssl)) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        int n = poll(&p, 1, 50);
        if (atomic_load(&c->server->stopping) || n < 0)
            return -1;
        if (n > 0)
            break;
    }
    int n = c->ssl ? SSL_read(c->ssl, to, size) : (int)recv(c->fd, to, (size_t)size, 0);
    return n > 0 ? n : -1;
}

static bool transmit(struct conn *c, const char *bytes, int size) {
    while (size > 0) {
        int n = c->ssl ? SSL_write(c->ssl, bytes, size)
                       : (int)send(c->fd, bytes, (size_t)size, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes += n;
        size -= n;
    }
    return true;
}

static bool say(struct conn *c, const char *text) {
    return transmit(c, text, (int)strlen(text));
}

/* One whole request, NUL-terminated; its size, or -1. */
static int read_request(struct conn *c, char *to) {
    int size = 0;
    for (;;) {
        to[size] = '\0';
        char *end = strstr(to, "\r\n\r\n"), *length = strcasestr(to, "\r\ncontent-length:");
        if (end && size >= end + 4 - to + (length ? atoi(length + 17) : 0))
            return size;
        int n = size < REQUEST_MAX ? receive(c, to + size, REQUEST_MAX - size) : -1;
        if (n < 0)
            return -1;
        size += n;
    }
}

/* ---- answers ----------------------------------------------------------------------------- */

static bool ok(struct conn *c, const char *head, const char *body) {
    char answer[REQUEST_MAX + 512];
    snprintf(answer, sizeof answer,
             "HTTP/1.1 %s\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: %zu\r\n\r\n%s",
             head, strlen(body), body);
    return say(c, answer);
}

static bool flood(struct conn *c, const char *head, const char *unit, int times) {
    bool open = say(c, head);
    for (int i = 0; open && i < times; i++)
        open = say(c, unit);
    return open;
}

static void reset(struct conn *c) {
    struct linger l = {.l_onoff = 1};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
}

static bool stall(struct conn *c) {
    char byte;
    while (receive(c, &byte, 1) > 0)
        ;
    return false;
}

static const char *kilobyte(void) {
    static char unit[1025];
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    memset(unit, 'x', 1024);
    memcpy(unit, "X-Long: ", 8);
    memcpy(unit + 1022, "\r\n", 2);
    pthread_mutex_unlock(&lock);
    return unit;
}

static const struct {
    const char *path, *answer;
    bool keep;
} fixed[] = {
    {"/garbage", "SSH-2.0-nothing\r\n\r\n", false},
    {"/cut", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"status\":0,", false},
    {"/chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\nzz\r\n1}",
     false},
    {"/chunk-cut", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", false},
    {"/continue", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
     true},
    {"/redirect", "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n", true},
    {"/gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", true},
    {"/reset", "", false},
    {"/fin", "", false},
};

/* false: the connection ends. */
static bool answer(struct conn *c, const char *request) {
    char path[64] = "";
    sscanf(request, "%*15s %63[^ ?]", path);
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
        if (strcmp(path, fixed[i].path) != 0)
            continue;
        if (strcmp(path, "/reset") == 0)
            reset(c);
        return say(c, fixed[i].answer) && fixed[i].keep;
    }
    if (strcmp(path, "/stall") == 0)
        return stall(c);
    if (strcmp(path, "/once") == 0 && c->answered)
        return false;
    if (strcmp(path, "/slow") == 0)
        usleep(300000);
    if (strcmp(path, "/echo") == 0)
        return ok(c, "200 OK", request);
    if (strcmp(path, "/502") == 0)
        return ok(c, "502 Bad Gateway", "<html>502</html>");
    if (strcmp(path, "/huge") == 0)
        return flood(c, "HTTP/1.1 200 OK\r\nContent-Length: 2097152\r\n\r\n", kilobyte(), 2048);
    if (strcmp(path, "/endless") == 0)
        return flood(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", kilobyte(), 2048) && false;
    if (strcmp(path, "/headers") == 0)
        return flood(c, "HTTP/1.1 200 OK\r\n", kilobyte(), 200) && say(c, "\r\n") && false;
    return ok(c, "200 OK", "{\"status\":0}");
}

/* ---- scripts ------------------------------------------------------------------------------ */

bool server_say(struct conn *c, const char *bytes, size_t size) {
    return transmit(c, bytes, (int)size);
}

/* false: the connection ends. */
static bool follow_script(struct conn *c, const char *request) {
    enum server_end end = c->server->script(c, request, c->server->script_arg);
    if (end == SERVER_KEEP)
        return true;
    if (end == SERVER_RESET)
        reset(c);
    if (end == SERVER_HALF)
        shutdown(c->fd, SHUT_WR);
    if (end == SERVER_HALF || end == SERVER_STALL)
        stall(c);
    c->rude = end != SERVER_FIN;
    return false;
}

/* ---- connections ------------------------------------------------------------------------- */

static bool shake_hands(struct conn *c) {
    if (!c->server->ctx)
        return true;
    c->ssl = SSL_new(c->server->ctx);
    if (!c->ssl || !SSL_set_fd(c->ssl, c->fd) || SSL_accept(c->ssl) != 1)
        return false;
    atomic_fetch_add(&c->server->handshakes, 1);
    if (SSL_session_reused(c->ssl))
        atomic_fetch_add(&c->server->resumed, 1);
    return true;
}

static void *serve(void *arg) {
    struct conn *c = arg;
    char *request = malloc(REQUEST_MAX + 1);
    if (c->server->silent)
        stall(c);
    else if (request && shake_hands(c))
        while (read_request(c, request) > 0) {
            atomic_fetch_add(&c->server->requests, 1);
            bool go_on = c->server->script ? follow_script(c, request) : answer(c, request);
            c->answered += go_on || c->server->script;
            if (!go_on)
                break;
        }
    if (c->ssl && c->answered && !c->rude) /* a clean end: TLS 1.2 keeps a session only then */
        SSL_shutdown(c->ssl);
    SSL_free(c->ssl);
    close(c->fd);
    free(request);
    atomic_fetch_sub(&c->server->threads, 1);
    free(c);
    return NULL;
}

static void *listen_on(void *arg) {
    struct server *s = arg;
    pthread_attr_t attr;
    sigset_t pipe;
    sigemptyset(&pipe); /* only here: the engine must do without */
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, 256 * 1024);
    while (!atomic_load(&s->stopping)) {
        struct pollfd p = {.fd = s->fd, .events = POLLIN};
        pthread_t t;
        struct conn *c;
        if (poll(&p, 1, 50) <= 0 || !(c = calloc(1, sizeof *c)))
            continue;
        c->server = s;
        c->fd = accept(s->fd, NULL, NULL);
        atomic_fetch_add(&s->connections, 1);
        atomic_fetch_add(&s->threads, 1);
        if (pthread_create(&t, &attr, serve, c) != 0)
            abort();
    }
    pthread_attr_destroy(&attr);
    return NULL;
}

/* ---- a certificate of its own for 127.0.0.1 ---------------------------------------------- */

static X509 *make_certificate(EVP_PKEY *key) {
    X509 *x = X509_new();
    X509_NAME *name = X509_get_subject_name(x);
    X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(x, name);
    X509_set_pubkey(x, key);
    X509_add_ext(x, san, -1);
    X509_EXTENSION_free(san);
    X509_sign(x, key, EVP_sha256());
    return x;
}

static bool open_tls(struct server *s, int newest) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = make_certificate(key);
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    snprintf(s->ca_file, sizeof s->ca_file, "/tmp/test_http.XXXXXX");
    int fd = mkstemp(s->ca_file);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool done = f && PEM_write_X509(f, x) && SSL_CTX_use_certificate(ctx, x) &&
                SSL_CTX_use_PrivateKey(ctx, key) &&
                SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"t", 1) &&
                SSL_CTX_set_max_proto_version(ctx, newest);
    if (f)
        fclose(f);
    X509_free(x);
    EVP_PKEY_free(key);
    s->ctx = ctx;
    return done;
}

bool server_start(struct server *s, enum server_manner manner) {
    return server_start_script(s, manner, NULL, NULL);
}

bool server_start_script(struct server *s, enum server_manner manner, server_script *script,
                         void *arg) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    pthread_t t;
    memset(s, 0, sizeof *s);
    s->script = script;
    s->script_arg = arg;
    s->silent = manner == SERVER_SILENT;
    static const int newest[] = {[SERVER_TLS] = TLS1_3_VERSION,
                                 [SERVER_TLS12] = TLS1_2_VERSION,
                                 [SERVER_TLS11] = TLS1_1_VERSION,
                                 [SERVER_SILENT] = 0};
    if (newest[manner] && !open_tls(s, newest[manner]))
        return false;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&a, sizeof a) != 0 ||
        listen(s->fd, 1024) != 0 || getsockname(s->fd, (struct sockaddr *)&a, &size) != 0 ||
        pthread_create(&t, NULL, listen_on, s) != 0)
        return false;
    s->port = ntohs(a.sin_port);
    s->thread = t;
    return true;
}

void server_stop(struct server *s) {
    atomic_store(&s->stopping, true);
    pthread_join(s->thread, NULL);
    while (atomic_load(&s->threads) > 0)
        usleep(1000);
    close(s->fd);
    SSL_CTX_free(s->ctx);
    if (*s->ca_file)
        unlink(s->ca_file);
}
