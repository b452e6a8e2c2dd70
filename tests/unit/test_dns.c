/* test_dns.c - core/http while the resolver hangs: only the call that needs the name is held up. */
#include <CUnit/Basic.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/http.h"
#include "tests/unit/http_server.h"
#include "tests/unit/suite.h"

#define HANGS "hangs.invalid"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t news = PTHREAD_COND_INITIALIZER;
static int hanging; /* lookups that have begun and not ended */
static bool over;   /* they may end */

/* With lock held: waits for news; false after half a minute. */
static bool wait_for_news(void) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    return pthread_cond_timedwait(&news, &lock, &until) == 0;
}

static void hang(void) {
    pthread_mutex_lock(&lock);
    hanging++;
    pthread_cond_broadcast(&news);
    while (!over && wait_for_news())
        ;
    hanging--;
    pthread_cond_broadcast(&news);
    pthread_mutex_unlock(&lock);
}

/* In front of the C library's, as curl's own threads call it. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out) {
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (name && strcmp(name, HANGS) == 0) {
        hang();
        return EAI_AGAIN;
    }
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&next, &symbol, sizeof next);
    return next(name, service, hints, out);
}

struct landing {
    bool done;
    enum http_fate fate;
    enum otr_reason reason;
};

static void landed(void *arg, const struct http_result *r) {
    struct landing *l = arg;
    pthread_mutex_lock(&lock);
    *l = (struct landing){true, r->fate, r->reason};
    pthread_cond_broadcast(&news);
    pthread_mutex_unlock(&lock);
}

static void call(struct http *h, const char *url, int timeout_ms, struct landing *l) {
    const struct http_request r = {.url = url, .timeout_ms = timeout_ms};
    *l = (struct landing){0};
    CU_ASSERT_FATAL(http_start(h, &r, landed, l));
    pthread_mutex_lock(&lock);
    while (!l->done && wait_for_news())
        ;
    CU_ASSERT_FATAL(l->done);
    pthread_mutex_unlock(&lock);
}

static int still_hanging(void) {
    pthread_mutex_lock(&lock);
    int n = hanging;
    pthread_mutex_unlock(&lock);
    return n;
}

static void a_lookup_that_hangs_holds_up_nobody_else(void) {
    static struct server server;
    char url[64], why[256];
    struct landing l;
    CU_ASSERT_FATAL(server_start(&server, SERVER_PLAIN));
    snprintf(url, sizeof url, "http://127.0.0.1:%d/ok", server.port);
    struct http *h = http_open(&(struct http_config){.timeout_ms = 10000,
                                                     .connect_timeout_ms = 5000,
                                                     .max_in_flight = 10},
                               why, sizeof why);
    CU_ASSERT_PTR_NOT_NULL_FATAL(h);
    call(h, "https://" HANGS "/", 200, &l);
    CU_ASSERT_EQUAL(l.fate, HTTP_NOT_SENT);
    CU_ASSERT_EQUAL(l.reason, OTR_REASON_DNS_FAILED);
    CU_ASSERT_EQUAL(still_hanging(), 1);
    call(h, url, 0, &l);
    CU_ASSERT_EQUAL(l.fate, HTTP_ANSWERED);
    CU_ASSERT_EQUAL(still_hanging(), 1);
    http_close(h, 0);
    CU_ASSERT_EQUAL(still_hanging(), 1);
    server_stop(&server);
    pthread_mutex_lock(&lock);
    over = true;
    pthread_cond_broadcast(&news);
    while (hanging && wait_for_news())
        ;
    pthread_mutex_unlock(&lock);
}

int main(void) {
    CU_pSuite s = suite_begin("dns", NULL, NULL);
    CU_add_test(s, "a lookup that hangs holds up nobody else",
                a_lookup_that_hangs_holds_up_nobody_else);
    return suite_run();
}
