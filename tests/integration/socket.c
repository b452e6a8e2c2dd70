/*
 * socket.c - the FastCGI socket itself: logins the program does not know, bodies shorter or longer
 * than said, variables out of all measure, bytes that are no records, and requests that wait.
 */
#include <CUnit/CUnit.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/integration/it.h"
#include "tests/integration/wire.h"

static const char *path; /* of the socket */

static void find_socket(void) {
    keys_load();
    path = demo_socket();
    expect(path != NULL, "no Unix socket in [desk] listen of the settings under DEMO_DIR");
}

/* A request that is good but for what the case changes; login NULL: no REMOTE_USER at all. */
static int ask(const char *login, const char *method, const char *uri, const char *length,
               const char *body, size_t size, struct reply *r) {
    static char user[8192], how[64], where[8192], document[8192], many[64];
    snprintf(user, sizeof user, "REMOTE_USER=%s", login ? login : "");
    snprintf(how, sizeof how, "REQUEST_METHOD=%s", method);
    snprintf(where, sizeof where, "REQUEST_URI=%s", uri);
    snprintf(document, sizeof document, "DOCUMENT_URI=%s", uri);
    snprintf(many, sizeof many, "CONTENT_LENGTH=%s", length);
    const char *variables[] = {how,
                               where,
                               document,
                               "QUERY_STRING=",
                               "SERVER_PROTOCOL=HTTP/1.1",
                               "REMOTE_ADDR=127.0.0.1",
                               "CONTENT_TYPE=application/x-www-form-urlencoded",
                               many,
                               login ? user : NULL,
                               NULL};
    if (!path || !wire_ask(path, variables, body, size, r))
        return 0;
    return r->status;
}

static void sane(void) {
    struct reply r = {0};
    expect_number("GET / on the socket", "status", 200,
                  ask(it.desk.login, "GET", "/", "", "", 0, &r));
    expect_says("GET / on the socket", &r, "</html>");
    reply_free(&r);
}

static void unknown_logins(void) {
    char longest[4000];
    struct reply r = {0};
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    static const char *const logins[] = {"nobody-knows-me", "",         "opera\ntor", "<b>",
                                         "' or '1'='1",     "\xff\xfe", "resolver"};
    for (size_t i = 0; i < sizeof logins / sizeof logins[0]; i++) {
        int status = ask(logins[i], "GET", "/", "", "", 0, &r);
        expect(status == 403 || status == 400, "login %zu that is not known: expected 403, got %d",
               i, status);
        expect(!reply_says(&r, "<b></b>"), "login %zu comes back unescaped", i);
    }
    expect_number("an unknown login", "status", 403,
                  ask("nobody-knows-me", "GET", "/", "", "", 0, &r));
    expect_number("no login", "status", 403, ask(NULL, "GET", "/", "", "", 0, &r));
    int status = ask(longest, "GET", "/", "", "", 0, &r);
    expect(status == 403 || status == 400, "a login of 4 kB: expected 403 or 400, got %d", status);
    expect_alive("unknown logins");
    reply_free(&r);
}

static void lengths(void) {
    static const struct {
        const char *about, *length, *body;
        int status, other;
    } cases[] = {
        {"a body shorter than said", "500", "csrf_token=x&idempotency_key=y", 400, 400},
        {"a body that never comes", "500", "", 400, 400},
        {"a length that is no number", "12a", "csrf_token=x", 400, 411},
        {"a negative length", "-5", "csrf_token=x", 400, 411},
        {"a length beyond all numbers", "99999999999999999999999", "csrf_token=x", 400, 413},
        {"a length of 3 GiB", "3221225472", "csrf_token=x", 413, 413},
        {"no length", "", "", 411, 400},
        {"a body longer than said", "5", "otp=123456", 400, 403},
    };
    struct reply r = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = ask(it.desk.login, "POST", "/refunds/12345678/otp", cases[i].length,
                         cases[i].body, strlen(cases[i].body), &r);
        expect(status == cases[i].status || status == cases[i].other,
               "%s: expected %d or %d, got %d", cases[i].about, cases[i].status, cases[i].other,
               status);
    }
    expect_number("12345678", "attempts", 0, attempts_of("12345678", "otp"));
    expect_alive("wrong lengths");
    reply_free(&r);
}

static void large_variables(void) {
    char uri[7900];
    struct reply r = {0};
    memset(uri, 'a', sizeof uri - 1);
    uri[0] = '/';
    uri[sizeof uri - 1] = '\0';
    int status = ask(it.desk.login, "GET", uri, "", "", 0, &r);
    expect(status == 414 || status == 400 || status == 404, "an address of 8 kB: got %d", status);
    status = ask(it.desk.login, "BREW\r\nX: y", "/", "", "", 0, &r);
    expect(status == 405 || status == 400 || status == 501, "an odd method: got %d", status);
    expect_alive("large variables");
    reply_free(&r);
}

/* Not FastCGI at all, and FastCGI that stops in the middle. */
static void garbage(void) {
    static const unsigned char cut[] = {1, 1, 0, 1, 0, 8, 0, 0, 0, 1, 0};
    static const unsigned char many[] = {1, 1, 0, 1, 0, 8,   0,   0, 0, 1,   0,   0,   0,   0,  0,
                                         0, 1, 4, 0, 1, 255, 255, 0, 0, 200, 255, 255, 255, 255};
    static char noise[65536];
    unsigned v = 1;
    for (size_t i = 0; i < sizeof noise; i++) {
        v = v * 1103515245 + 12345;
        noise[i] = (char)(v >> 16);
    }
    for (int i = 0; path && i < 20; i++) {
        expect(wire_throw(path, cut, sizeof cut), "the socket takes no connection (cut record)");
        expect(wire_throw(path, many, sizeof many), "the socket takes no connection (large name)");
        expect(wire_throw(path, noise, sizeof noise), "the socket takes no connection (noise)");
        expect(wire_throw(path, "GET / HTTP/1.0\r\n\r\n", 18),
               "the socket takes no connection (HTTP)");
    }
    expect_alive("garbage on the socket");
    sane();
}

#define WAITING_MAX 80
static atomic_int answered;

static void *ask_list(void *arg) {
    struct reply r = {0};
    (void)arg;
    client_get(&it.supervisor, "/attempts", &r);
    atomic_fetch_add(&answered, 1);
    reply_free(&r);
    return NULL;
}

/* A locked table: who needs it waits, everybody else is answered meanwhile. */
static void waiting_for_the_database(void) {
    pthread_t threads[WAITING_MAX];
    long looking = 2 * sysconf(_SC_NPROCESSORS_ONLN); /* at most, at a time */
    int waiting = looking + 4 < WAITING_MAX ? (int)looking + 4 : WAITING_MAX;
    char text[64];
    struct reply r = {0};
    atomic_store(&answered, 0);
    db_text(text, sizeof text, "begin", NULL, NULL);
    db_text(text, sizeof text, "lock table otprefund.operator in access exclusive mode", NULL,
            NULL);
    for (int i = 0; i < waiting; i++)
        expect(pthread_create(&threads[i], NULL, ask_list, NULL) == 0, "no thread");
    for (int i = 0; i < 200 && db_number("select count(*) from pg_locks where not granted and "
                                         "relation = 'otprefund.operator'::regclass",
                                         NULL, NULL) < 1;
         i++)
        usleep(10000);
    usleep(300000); /* the others come to wait, too */
    for (int i = 0; i < 20; i++)
        expect_number("/style.css while the database waits", "status", 200,
                      ask(NULL, "GET", "/style.css", "", "", 0, &r));
    expect_number("those who need the table", "answered by then", 0, atomic_load(&answered));
    db_text(text, sizeof text, "commit", NULL, NULL);
    for (int i = 0; i < waiting; i++)
        pthread_join(threads[i], NULL);
    expect_alive("a locked table");
    reply_free(&r);
}

void suite_socket(void) {
    CU_pSuite s = CU_add_suite("socket", NULL, NULL);
    CU_add_test(s, "the FastCGI socket", find_socket);
    CU_add_test(s, "a sane request", sane);
    CU_add_test(s, "logins that are not known", unknown_logins);
    CU_add_test(s, "lengths that are not true", lengths);
    CU_add_test(s, "variables out of all measure", large_variables);
    CU_add_test(s, "garbage", garbage);
    CU_add_test(s, "who waits for the database holds up nobody else", waiting_for_the_database);
}
