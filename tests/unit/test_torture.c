/*
 * test_torture.c - every allocation of the request path fails once: in the handlers, the core, the templates,
 * libpq, libcurl, OpenSSL and cJSON.  The answer is the right one or a clean 503 (500 where a library does
 * not say why it failed), the process lives, and no attempt and no money is lost.
 */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fcgi/route.h"
#include "tests/unit/house.h"
#include "tests/unit/pg_helper.h"
#include "tests/unit/suite.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TORTURE 0 /* they bring their own malloc */
#else
#define TORTURE 1
#endif

#define SITES_MAX 20000 /* a request with more allocations would be another fault */

static atomic_long count;   /* allocations since the request began, of all threads */
static atomic_long fail_at; /* the one that fails; 0: none */
static atomic_int hit;
static int callbacks; /* that were answered 200 */
static int decisions; /* and 303 */

#if TORTURE
static void *(*next_malloc)(size_t);
static void *(*next_calloc)(size_t, size_t);
static void *(*next_realloc)(void *, size_t);

__attribute__((constructor)) static void find(void) {
    *(void **)&next_calloc = dlsym(RTLD_NEXT, "calloc");
    *(void **)&next_realloc = dlsym(RTLD_NEXT, "realloc");
    *(void **)&next_malloc = dlsym(RTLD_NEXT, "malloc");
}

static bool failing(void) {
    long at = atomic_load(&fail_at);
    if (!at || atomic_fetch_add(&count, 1) + 1 != at)
        return false;
    atomic_store(&hit, 1);
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size) {
    if (!next_malloc)
        find();
    return failing() ? NULL : next_malloc(size);
}

void *calloc(size_t n, size_t size) {
    if (!next_calloc)
        find();
    return failing() ? NULL : next_calloc(n, size);
}

void *realloc(void *p, size_t size) {
    if (!next_realloc)
        find();
    return failing() ? NULL : next_realloc(p, size);
}
#endif

/* ---- the requests ---------------------------------------------------------------------------- */

static char tid[24], known[64], form[500];
static long open_id;           /* a refund the bank said nothing of */
static bool asked[ROUTE__MAX]; /* which addresses were */

static void fresh_tid(void) {
    static long next = 70000000;
    snprintf(tid, sizeof tid, "%ld", ++next);
}

static const char *path_with(const char *start, const char *end) {
    static char path[100];
    snprintf(path, sizeof path, "%s%s%s", start, tid, end);
    return path;
}

static const char *open_path(const char *end) {
    static char path[100];
    snprintf(path, sizeof path, "/attempts/%ld%s", open_id, end);
    return path;
}

/* The form token and key are made before anything fails. */
static void fill_form(const char *login, const char *more) {
    static int n;
    snprintf(form, sizeof form, "csrf_token=%s&idempotency_key=torture-%d%s", house_token(login),
             ++n, more);
}

static int ask(const struct house_request *q) {
    struct route r;
    route_find(strcmp(q->method, "POST") == 0 ? METHOD_POST : METHOD_GET, q->path, &r);
    asked[r.id] |= !r.allow;
    return house_ask(q);
}

#define CUT 1 /* instead of a status: whole rows are out, and the connection ends */

struct step {
    const char *name;
    int wanted, other;
    int (*ask)(void);
    void (*prepare)(void);
};

#define FORM            "application/x-www-form-urlencoded"
#define GET(page, user) ask(&(struct house_request){.method = "GET", .path = page, .login = user})
#define POST(page, user)                                                                           \
    ask(&(struct house_request){                                                                   \
        .method = "POST", .path = page, .login = user, .type = FORM, .body = form})
#define API(how, where, k, text)                                                                   \
    ask(&(struct house_request){.method = how,                                                     \
                                .path = where,                                                     \
                                .bearer = HOUSE_TOKEN_REFUND,                                      \
                                .key = k,                                                          \
                                .type = "application/json",                                        \
                                .body = text})

static int ask_home(void) {
    return GET("/", "asha");
}
static int ask_page(void) {
    return GET(path_with("/refunds/", ""), "asha");
}
static int ask_attempt(void) {
    return GET(known, "meera");
}
static int ask_list(void) {
    return GET("/attempts", "meera");
}
static int ask_totals(void) {
    return GET("/reconciliation", "sunil");
}
static int ask_metrics(void) {
    return GET("/metrics", NULL);
}
static int ask_ready(void) {
    return GET("/readyz", NULL);
}
static int ask_unknown(void) {
    return GET("/nothing", "asha");
}
static int ask_style(void) {
    return GET("/style.css", NULL);
}
static int ask_health(void) {
    return GET("/healthz", NULL);
}
static int ask_csv(void) {
    return ask(&(struct house_request){
        .method = "GET", .path = "/attempts", .query = "format=csv", .login = "meera"});
}
static void prepare_otp(void) {
    fresh_tid(), fill_form("asha", "");
}
static int ask_otp(void) {
    return POST(path_with("/refunds/", "/otp"), "asha");
}
static void prepare_refund(void) {
    fresh_tid(), fill_form("asha", "&otp=123456&cash_returned=yes");
}
static int ask_refund(void) {
    return POST(path_with("/refunds/", "/refund"), "asha");
}
static void prepare_inquiry(void) {
    snprintf(form, sizeof form, "csrf_token=%s", house_token("asha"));
}
static int ask_inquiry(void) {
    return POST(open_path("/ask"), "asha");
}
static void prepare_proposal(void) {
    fill_form("sunil", "&resolution=refunded&reason=The+bank+wrote+a+letter&inquiry=");
}
static int ask_proposal(void) {
    return POST(open_path("/propose"), "sunil");
}
/* Of a proposal each; what is refused stays open, for the next one. */
static void prepare_decision(void) {
    prepare_proposal();
    CU_ASSERT_EQUAL(ask_proposal(), 303);
    snprintf(form, sizeof form, "csrf_token=%s&proposal_id=%s&decision=refused&note=No",
             house_token("meera"),
             pg_text("SELECT max(proposal_id) FROM otprefund.manual_proposal"));
}
static int ask_decision(void) {
    return POST(open_path("/decide"), "meera");
}
static int ask_api_otp(void) {
    return API("POST", path_with("/api/v1/transactions/", "/otp"), tid, "{}");
}
static int ask_api_attempt(void) {
    static char path[100];
    snprintf(path, sizeof path, "/api/v1%s", known);
    return API("GET", path, NULL, NULL);
}
static int ask_api_refund(void) {
    return API("POST", path_with("/api/v1/transactions/", "/refunds"), tid, "{\"otp\":\"123456\"}");
}
static int ask_api_list(void) {
    return API("GET", "/api/v1/attempts", NULL, NULL);
}
static int ask_api_transaction(void) {
    return API("GET", path_with("/api/v1/transactions/", ""), NULL, NULL);
}
static int ask_callback(void) {
    return ask(&(struct house_request){.method = "POST",
                                       .path = "/callback/eko/" HOUSE_CALLBACK,
                                       .type = "application/json",
                                       .body = "{\"tid\":\"70000001\",\"tx_status\":4}"});
}

static const struct step steps[] = {
    {"GET /", 200, 0, ask_home, NULL},
    {"GET /refunds/{tid}", 200, 0, ask_page, fresh_tid},
    {"POST .../otp", 303, 0, ask_otp, prepare_otp},
    {"POST .../refund", 303, 0, ask_refund, prepare_refund},
    {"GET /attempts/{id}", 200, 0, ask_attempt, NULL},
    {"POST .../ask", 303, 0, ask_inquiry, prepare_inquiry},
    {"POST .../propose", 303, 202, ask_proposal, prepare_proposal},
    {"POST .../decide", 303, 0, ask_decision, prepare_decision},
    {"GET /attempts", 200, 0, ask_list, NULL},
    {"GET /attempts as CSV", 200, CUT, ask_csv, NULL},
    {"GET /reconciliation", 200, 0, ask_totals, NULL},
    {"GET /metrics", 200, 0, ask_metrics, NULL},
    {"GET /healthz", 200, 0, ask_health, NULL},
    {"GET /readyz", 200, 0, ask_ready, NULL},
    {"GET /style.css", 200, 0, ask_style, NULL},
    {"GET /nothing", 404, 0, ask_unknown, NULL},
    {"API GET transaction", 200, 0, ask_api_transaction, fresh_tid},
    {"API POST otp", 200, 202, ask_api_otp, fresh_tid},
    {"API POST refund", 200, 202, ask_api_refund, fresh_tid},
    {"API GET attempt", 200, 0, ask_api_attempt, NULL},
    {"API GET attempts", 200, 0, ask_api_list, NULL},
    {"POST callback", 200, 0, ask_callback, NULL},
};

/* One request with its n-th allocation failing.  True: it came that far. */
static bool once(const struct step *s, long n, int seen[600]) {
    /* A connect to the database that failed is followed by a pause. */
    for (int i = 0; i < 1000 && ask_ready() != 200; i++)
        usleep(5000);
    if (s->prepare)
        s->prepare();
    atomic_store(&count, 0);
    atomic_store(&hit, 0);
    atomic_store(&fail_at, n);
    int status = s->ask();
    atomic_store(&fail_at, 0);
    status = status ? status : CUT;
    bool good = status == s->wanted || status == s->other || status == 503 || status == 500;
    if (!good)
        printf("\n  %s: allocation %ld fails: status %d\n%.300s\n", s->name, n, status,
               house_answer.text);
    CU_ASSERT(good);
    CU_ASSERT_PTR_NOT_NULL(strstr(house_answer.text, "Content-Security-Policy: "));
    seen[status > 0 && status < 600 ? status : 0]++;
    callbacks += s->ask == ask_callback && status == 200;
    decisions += s->ask == ask_decision && status == 303;
    return atomic_load(&hit) != 0;
}

static void torture(const struct step *s) {
    int seen[600] = {0};
    long n = 1, calm = 0;
    /* The other threads' allocations come as they like, so a few requests in a row must be calm. */
    for (; calm < 3 && n < SITES_MAX; n++)
        calm = once(s, n, seen) ? 0 : calm + 1;
    CU_ASSERT(n < SITES_MAX);
    CU_ASSERT(n > calm + 1);
    printf("\n    %-22s %4ld allocations: %d good, %d 503, %d 500", s->name, n - calm - 1,
           seen[s->wanted] + (s->other ? seen[s->other] : 0), seen[503], seen[500]);
    CU_ASSERT_EQUAL(once(s, 0, seen), false); /* and it works again */
    CU_ASSERT(house_answer.status == s->wanted || house_answer.status == s->other);
}

/* One that is old enough to be settled by hand. */
static void open_refund(void) {
    prepare_refund();
    snprintf(tid, sizeof tid, "50200001"); /* 502: neither paid nor refused */
    CU_ASSERT_EQUAL(ask_refund(), 303);
    open_id =
        (long)pg_number("SELECT attempt_id FROM otprefund.open_attempt WHERE tid = '50200001'");
    CU_ASSERT_FATAL(open_id > 0);
    CU_ASSERT(pg_do("UPDATE otprefund.open_attempt SET opened_at = opened_at - interval '1 h' "
                    "WHERE tid = '50200001'"));
}

static void test_every_site(void) {
    prepare_refund();
    CU_ASSERT_EQUAL(ask_refund(), 303);
    snprintf(known, sizeof known, "/attempts/%s",
             pg_text("SELECT max(attempt_id) FROM otprefund.attempt WHERE kind = 'refund'"));
    open_refund();
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        torture(&steps[i]);
    for (int id = 0; id < ROUTE__MAX; id++) {
        if (!asked[id])
            printf("\n    route %d is not among them", id);
        CU_ASSERT(asked[id]);
    }
    printf("\n  ");
}

/* What was answered 200 is kept, and what was answered 303 is decided. */
static void test_none_lost(void) {
    const char *kept = "SELECT count(*) FROM otprefund.callback";
    for (int i = 0; i < 200 && pg_number(kept) < callbacks; i++)
        usleep(50000);
    CU_ASSERT(callbacks > 3);
    CU_ASSERT(pg_number(kept) >= callbacks);
    CU_ASSERT(decisions > 3);
    CU_ASSERT(pg_number("SELECT count(*) FROM otprefund.manual_decision") >= decisions);
}

/* Each refund attempt is settled, or is among those that will be asked about; and no transaction was
   asked for more than once. */
static void test_nothing_lost(void) {
    for (int i = 0;
         i < 100 && pg_number("SELECT count(*) FROM otprefund.attempt a WHERE kind = 'refund' "
                              "AND NOT EXISTS (SELECT FROM otprefund.outcome o "
                              "WHERE o.attempt_id = a.attempt_id)") > 0;
         i++)
        usleep(50000);
    CU_ASSERT(pg_number("SELECT count(*) FROM otprefund.attempt WHERE kind = 'refund'") > 50);
    CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM otprefund.attempt a WHERE kind = 'refund' "
                              "AND NOT EXISTS (SELECT FROM otprefund.resolution r "
                              "WHERE r.attempt_id = a.attempt_id) "
                              "AND NOT EXISTS (SELECT FROM otprefund.open_attempt o "
                              "WHERE o.attempt_id = a.attempt_id AND isfinite(o.next_inquiry_at))"),
                    0);
    char tids[65536];
    snprintf(tids, sizeof tids, "%s",
             pg_column("SELECT tid || ' ' || coalesce(outcome, 'none') || ' ' || count(*) OVER "
                       "(PARTITION BY tid) "
                       "FROM otprefund.attempt_status WHERE kind = 'refund' LIMIT 1500"));
    int refunded = 0, lines = 0;
    for (char *save = NULL, *line = strtok_r(tids, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        char t[24] = "", outcome[24] = "";
        int attempts = 0;
        CU_ASSERT_EQUAL(sscanf(line, "%23s %23s %d", t, outcome, &attempts), 3);
        int initiates = house_initiates(t);
        CU_ASSERT(initiates <= attempts);
        CU_ASSERT(strcmp(outcome, "refunded") != 0 || initiates == 1); /* said only with proof */
        CU_ASSERT(strcmp(outcome, "not_sent") != 0 || initiates == 0);
        CU_ASSERT(strcmp(outcome, "rejected") != 0);
        refunded += strcmp(outcome, "refunded") == 0;
        lines++;
    }
    printf(" (%d attempts, %d refunded) ", lines, refunded);
    CU_ASSERT(refunded > 5);
}

int main(void) {
    if (!TORTURE || suite_in_valgrind() || !getenv("OTPREFUND_TEST_DB"))
        return 77;
    setvbuf(stdout, NULL, _IONBF, 0);
    dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2); /* the log says each failure */
    if (!house_open())
        return 1;
    CU_pSuite s = suite_begin("torture", NULL, NULL);
    CU_add_test(s, "every allocation fails once", test_every_site);
    CU_add_test(s, "no callback and no decision is lost", test_none_lost);
    CU_add_test(s, "nothing is lost", test_nothing_lost);
    int failed = suite_run();
    house_close();
    return failed;
}
