/* test_dns.c - the bank's name: looked up once for all, and only who needs it waits for the name server. */
#include <CUnit/Basic.h>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/http.h"
#include "core/names.h"
#include "sql/clock.h"
#include "tests/unit/http_server.h"
#include "tests/unit/suite.h"

#define HANGS "hangs.invalid" /* no answer while the name server hangs, and then this host */
#define NONE  "none.invalid"
#define MANY  50

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t news = PTHREAD_COND_INITIALIZER;
static bool hangs;      /* the name server */
static int hanging;     /* lookups that have begun and not ended */
static int lookups;     /* that have begun */
static int ended;       /* news of names.h */
static struct server plain, tls;

/* With lock held: waits for news; false after half a minute. */
static bool wait_for_news(void) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    return pthread_cond_timedwait(&news, &lock, &until) == 0;
}

static void hang(void) {
    pthread_mutex_lock(&lock);
    lookups++;
    hanging++;
    pthread_cond_broadcast(&news);
    while (hangs && wait_for_news())
        ;
    hanging--;
    pthread_cond_broadcast(&news);
    pthread_mutex_unlock(&lock);
}

static void set_hangs(bool on) {
    pthread_mutex_lock(&lock);
    hangs = on;
    pthread_cond_broadcast(&news);
    while (!on && hanging && wait_for_news())
        ;
    pthread_mutex_unlock(&lock);
}

/* One of the counts above, now. */
static int now(const int *count) {
    pthread_mutex_lock(&lock);
    int n = *count;
    pthread_mutex_unlock(&lock);
    return n;
}

/* Waits until there are so many. */
static void comes_to(const int *count, int n) {
    pthread_mutex_lock(&lock);
    while (*count < n && wait_for_news())
        ;
    CU_ASSERT_EQUAL(*count, n);
    pthread_mutex_unlock(&lock);
}

/* In front of the C library's, whoever calls it. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out) {
    int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (name && strcmp(name, NONE) == 0)
        return EAI_NONAME;
    if (name && strcmp(name, HANGS) == 0) {
        hang();
        name = "127.0.0.1";
    }
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&next, &symbol, sizeof next);
    return next(name, service, hints, out);
}

/* ---- calls --------------------------------------------------------------------------------- */

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

static struct http *open_engine(void) {
    char why[256];
    struct http *h = http_open(&(struct http_config){.timeout_ms = 30000,
                                                     .connect_timeout_ms = 25000,
                                                     .max_in_flight = MANY},
                               why, sizeof why);
    CU_ASSERT_PTR_NOT_NULL_FATAL(h);
    return h;
}

static void begin(struct http *h, const char *url, int timeout_ms, struct landing *l) {
    const struct http_request r = {.url = url, .timeout_ms = timeout_ms};
    *l = (struct landing){0};
    CU_ASSERT_FATAL(http_start(h, &r, landed, l));
}

static void wait_for(const struct landing *l) {
    pthread_mutex_lock(&lock);
    while (!l->done && wait_for_news())
        ;
    CU_ASSERT_FATAL(l->done);
    pthread_mutex_unlock(&lock);
}

static void comes(const struct landing *l, enum http_fate fate, enum otr_reason reason) {
    wait_for(l);
    CU_ASSERT_EQUAL(l->fate, fate);
    CU_ASSERT_EQUAL(l->reason, reason);
}

static void a_lookup_that_hangs_holds_up_nobody_else(void) {
    char url[64];
    struct landing l, waits;
    struct http *h = open_engine();
    snprintf(url, sizeof url, "http://127.0.0.1:%d/ok", plain.port);
    set_hangs(true);
    begin(h, "https://" HANGS "/", 200, &l);
    comes(&l, HTTP_NOT_SENT, OTR_REASON_DNS_FAILED);
    begin(h, url, 0, &l);
    comes(&l, HTTP_ANSWERED, OTR_REASON_NONE);
    begin(h, "https://" HANGS "/", 0, &waits);
    CU_ASSERT_EQUAL(now(&hanging), 1);
    http_close(h, 20000); /* nor does it hold up the end */
    comes(&waits, HTTP_NOT_SENT, OTR_REASON_STOPPING);
    CU_ASSERT_EQUAL(now(&hanging), 1);
    set_hangs(false);
}

/* Those who came while it hung have its answer; who comes after it asks nobody. */
static void one_lookup_for_all(void) {
    static struct landing l[MANY];
    char url[64];
    struct http *h = open_engine();
    int before = now(&lookups), connections = atomic_load(&tls.connections);
    snprintf(url, sizeof url, "https://" HANGS ":%d/ok", tls.port);
    set_hangs(true);
    for (int i = 0; i < MANY; i++)
        begin(h, url, 0, &l[i]);
    comes_to(&lookups, before + 1);
    set_hangs(false);
    for (int i = 0; i < MANY; i++)
        comes(&l[i], HTTP_NOT_SENT, OTR_REASON_TLS_FAILED); /* it is there; nobody vouches for it */
    begin(h, url, 0, &l[0]);
    comes(&l[0], HTTP_NOT_SENT, OTR_REASON_TLS_FAILED);
    CU_ASSERT_EQUAL(now(&lookups), before + 1);
    CU_ASSERT_EQUAL(atomic_load(&tls.connections) - connections, MANY + 1);
    http_close(h, 0);
}

static void no_such_name(void) {
    struct landing l;
    struct http *h = open_engine();
    for (int i = 0; i < 2; i++) {
        begin(h, "https://" NONE "/", 0, &l);
        comes(&l, HTTP_NOT_SENT, OTR_REASON_DNS_FAILED);
    }
    http_close(h, 0);
}

/* ---- names.h itself, with a clock of its own -------------------------------------------------- */

static void count_news(void *arg) {
    (void)arg;
    pthread_mutex_lock(&lock);
    ended++;
    pthread_cond_broadcast(&news);
    pthread_mutex_unlock(&lock);
}

static void used_for_a_while(void) {
    char entry[NAMES_ENTRY];
    struct names *n = names_open(count_news, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(n);
    int before = now(&lookups);
    int64_t t = clock_monotonic_ms();
    ended = 0;
    CU_ASSERT_EQUAL(names_find(n, HANGS, 443, t, entry), NAMES_ASKING);
    comes_to(&ended, 1);
    t = clock_monotonic_ms();
    CU_ASSERT_EQUAL(names_find(n, HANGS, 443, t, entry), NAMES_KNOWN);
    CU_ASSERT_STRING_EQUAL(entry, HANGS ":443:127.0.0.1");
    CU_ASSERT_EQUAL(names_find(n, HANGS, 443, t + NAMES_FRESH_MS / 2, entry), NAMES_KNOWN);
    CU_ASSERT_EQUAL(now(&lookups), before + 1);
    set_hangs(true);
    CU_ASSERT_EQUAL(names_find(n, HANGS, 443, t + NAMES_FRESH_MS, entry), NAMES_KNOWN);
    comes_to(&lookups, before + 2);
    CU_ASSERT_EQUAL(names_find(n, HANGS, 443, t + NAMES_STALE_MS - 1000, entry), NAMES_KNOWN);
    CU_ASSERT_EQUAL(names_find(n, HANGS, 443, t + NAMES_STALE_MS, entry), NAMES_ASKING);
    CU_ASSERT_EQUAL(now(&lookups), before + 2);
    names_close(n); /* with a lookup under way */
    set_hangs(false);
    CU_ASSERT_EQUAL(now(&ended), 1);
    names_close(NULL);
}

static void failed_for_a_moment(void) {
    char entry[NAMES_ENTRY], longest[300];
    struct names *n = names_open(count_news, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(n);
    ended = 0;
    CU_ASSERT_EQUAL(names_find(n, NONE, 443, clock_monotonic_ms(), entry), NAMES_ASKING);
    comes_to(&ended, 1);
    CU_ASSERT_EQUAL(names_find(n, NONE, 443, 0, entry), NAMES_UNKNOWN);
    int64_t later = clock_monotonic_ms() + NAMES_AGAIN_MS;
    CU_ASSERT_EQUAL(names_find(n, NONE, 443, later, entry), NAMES_ASKING);
    comes_to(&ended, 2);
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    CU_ASSERT_EQUAL(names_find(n, longest, 443, later, entry), NAMES_UNKNOWN);
    names_close(n);
}

static int prepare(void) {
    return server_start(&plain, SERVER_PLAIN) && server_start(&tls, SERVER_TLS) ? 0 : 1;
}

static int tidy(void) {
    server_stop(&plain);
    server_stop(&tls);
    return 0;
}

int main(void) {
    CU_pSuite s = suite_begin("dns", prepare, tidy);
    CU_add_test(s, "a lookup that hangs holds up nobody else",
                a_lookup_that_hangs_holds_up_nobody_else);
    CU_add_test(s, "one lookup for all", one_lookup_for_all);
    CU_add_test(s, "no such name", no_such_name);
    CU_add_test(s, "used for a while", used_for_a_while);
    CU_add_test(s, "failed for a moment", failed_for_a_moment);
    return suite_run();
}
