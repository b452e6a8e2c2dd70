/*
 * test_roles.c - every address asked by everybody: people of each role, the disabled, the unknown,
 * nobody, and machines with each kind of token.  Who is refused has changed nothing; every answer
 * carries the headers.
 */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fcgi/route.h"
#include "tests/unit/house.h"
#include "tests/unit/pg_helper.h"
#include "tests/unit/suite.h"

#define FORM "application/x-www-form-urlencoded"
#define JSON "application/json"

enum who {
    OPERATOR,
    COLLEAGUE,
    SUPERVISOR,
    AUDITOR,
    DISABLED,
    UNKNOWN,
    NOBODY,
    REFUNDER,
    READER,
    REVOKED,
    WRONG,
    WHO_N
};

static const struct {
    const char *name, *login, *bearer;
} callers[WHO_N] = {
    [OPERATOR] = {"operator", "asha", NULL},
    [COLLEAGUE] = {"operator of another counter", "usha", NULL},
    [SUPERVISOR] = {"supervisor", "sunil", NULL},
    [AUDITOR] = {"auditor", "meera", NULL},
    [DISABLED] = {"disabled operator", "gone", NULL},
    [UNKNOWN] = {"unknown login", "mallory", NULL},
    [NOBODY] = {"nobody", NULL, NULL},
    [REFUNDER] = {"token to refund", NULL, HOUSE_TOKEN_REFUND},
    [READER] = {"token to read", NULL, HOUSE_TOKEN_READ},
    [REVOKED] = {"revoked token", NULL, HOUSE_TOKEN_REVOKED},
    [WRONG] = {"wrong token", NULL, "token-of-nobody-at-all"},
};

/* $T: a TID of this request's own.  $A: an attempt of asha's.  $F: form token and key. */
static const struct row {
    enum route_id route;
    const char *method, *path, *type, *body, *address;
    int wanted[WHO_N];
} rows[] = {
#define COUNTER(own, other, sup, aud)                                                              \
    { own, other, sup, aud, 403, 403, 403, 403, 403, 403, 403 }
#define PEOPLE(op, sup, aud) COUNTER(op, op, sup, aud)
#define MACHINES(refund, read)                                                                     \
    { 401, 401, 401, 401, 401, 401, 401, refund, read, 401, 401 }
#define ALL(s)                                                                                     \
    { s, s, s, s, s, s, s, s, s, s, s }
    {ROUTE_DESK, "GET", "/", NULL, NULL, NULL, PEOPLE(200, 200, 403)},
    {ROUTE_DESK, "HEAD", "/", NULL, NULL, NULL, PEOPLE(200, 200, 403)},
    {ROUTE_TRANSACTION, "GET", "/refunds/$T", NULL, NULL, NULL, PEOPLE(200, 200, 403)},
    {ROUTE_SEND_OTP, "POST", "/refunds/$T/otp", FORM, "$F", NULL, PEOPLE(303, 303, 403)},
    {ROUTE_REFUND, "POST", "/refunds/$T/refund", FORM, "$F&otp=48201537&cash_returned=yes", NULL,
     PEOPLE(303, 303, 403)},
    {ROUTE_LIST, "GET", "/attempts", NULL, NULL, NULL, PEOPLE(200, 200, 200)},
    {ROUTE_ATTEMPT, "GET", "/attempts/$A", NULL, NULL, NULL, COUNTER(200, 404, 200, 200)},
    {ROUTE_ASK, "POST", "/attempts/$A/ask", FORM, "$C", NULL, COUNTER(303, 404, 303, 403)},
    /* It was settled by the bank: nothing to propose (409).  There is no such proposal (404). */
    {ROUTE_PROPOSE, "POST", "/attempts/$A/propose", FORM,
     "$F&resolution=refunded&reason=the+bank+wrote+a+letter&inquiry=", NULL, PEOPLE(403, 409, 403)},
    {ROUTE_DECIDE, "POST", "/attempts/$A/decide", FORM,
     "$C&proposal_id=1&decision=approved&note=", NULL, PEOPLE(403, 404, 404)},
    {ROUTE_RECONCILIATION, "GET", "/reconciliation", NULL, NULL, NULL, PEOPLE(403, 200, 200)},
    {ROUTE_STYLE, "GET", "/style.css", NULL, NULL, "203.0.113.9", ALL(200)},
    {ROUTE_HEALTHZ, "GET", "/healthz", NULL, NULL, NULL, ALL(200)},
    {ROUTE_HEALTHZ, "GET", "/healthz", NULL, NULL, "203.0.113.9", ALL(403)},
    {ROUTE_READYZ, "GET", "/readyz", NULL, NULL, NULL, ALL(200)},
    {ROUTE_READYZ, "GET", "/readyz", NULL, NULL, "203.0.113.9", ALL(403)},
    {ROUTE_METRICS, "GET", "/metrics", NULL, NULL, NULL, ALL(200)},
    {ROUTE_METRICS, "GET", "/metrics", NULL, NULL, "203.0.113.9", ALL(403)},
    {ROUTE_CALLBACK, "POST", "/callback/eko/" HOUSE_CALLBACK, JSON, "{\"tid\":\"$T\"}",
     "203.0.113.9", ALL(200)},
    {ROUTE_CALLBACK, "POST", "/callback/eko/0123456789abcdef0123456789abcdee", JSON,
     "{\"tid\":\"$T\"}", "203.0.113.9", ALL(404)},
    {ROUTE_API_TRANSACTION, "GET", "/api/v1/transactions/$T", NULL, NULL, NULL, MACHINES(200, 200)},
    {ROUTE_API_OTP, "POST", "/api/v1/transactions/$T/otp", JSON, "{}", NULL, MACHINES(200, 403)},
    {ROUTE_API_REFUND, "POST", "/api/v1/transactions/$T/refunds", JSON, "{\"otp\":\"48201537\"}",
     NULL, MACHINES(200, 403)},
    {ROUTE_API_ATTEMPT, "GET", "/api/v1/attempts/$A", NULL, NULL, NULL, MACHINES(200, 200)},
    {ROUTE_API_LIST, "GET", "/api/v1/attempts", NULL, NULL, NULL, MACHINES(200, 200)},
    /* Wrong methods and no such page, whoever asks. */
    {ROUTE_REFUND, "GET", "/refunds/$T/refund", NULL, NULL, NULL, ALL(405)},
    {ROUTE_SEND_OTP, "GET", "/refunds/$T/otp", NULL, NULL, NULL, ALL(405)},
    {ROUTE_ASK, "GET", "/attempts/$A/ask", NULL, NULL, NULL, ALL(405)},
    {ROUTE_DECIDE, "GET", "/attempts/$A/decide", NULL, NULL, NULL, ALL(405)},
    {ROUTE_API_REFUND, "GET", "/api/v1/transactions/$T/refunds", NULL, NULL, NULL, ALL(405)},
    {ROUTE_DESK, "TRACE", "/", NULL, NULL, NULL, ALL(405)},
    {ROUTE_ATTEMPT, "DELETE", "/attempts/$A", NULL, NULL, NULL, ALL(405)},
    {ROUTE_NONE, "GET", "/admin", NULL, NULL, NULL, ALL(404)},
    /* Nothing behind a question mark where none is read: an OTP would stand in every log. */
    {ROUTE_TRANSACTION, "GET", "/refunds/$T?otp=48201537", NULL, NULL, NULL, ALL(400)},
    {ROUTE_REFUND, "POST", "/refunds/$T/refund?otp=48201537", FORM, "$F&cash_returned=yes", NULL,
     ALL(400)},
    {ROUTE_SEND_OTP, "POST", "/refunds/$T/otp?x", FORM, "$F", NULL, ALL(400)},
    {ROUTE_ATTEMPT, "GET", "/attempts/$A?a=1&a=2", NULL, NULL, NULL, ALL(400)},
    {ROUTE_ASK, "POST", "/attempts/$A/ask?x=1", FORM, "$C", NULL, ALL(400)},
    {ROUTE_PROPOSE, "POST", "/attempts/$A/propose?x=1", FORM,
     "$F&resolution=refunded&reason=the+bank+wrote+a+letter&inquiry=", NULL, ALL(400)},
    {ROUTE_DECIDE, "POST", "/attempts/$A/decide?x=1", FORM,
     "$C&proposal_id=1&decision=approved&note=", NULL, ALL(400)},
    {ROUTE_RECONCILIATION, "GET", "/reconciliation?x=1", NULL, NULL, NULL, ALL(400)},
    {ROUTE_HEALTHZ, "GET", "/healthz?x=1", NULL, NULL, NULL, ALL(400)},
    {ROUTE_READYZ, "GET", "/readyz?x=1", NULL, NULL, NULL, ALL(400)},
    {ROUTE_METRICS, "GET", "/metrics?x=1", NULL, NULL, NULL, ALL(400)},
    {ROUTE_API_TRANSACTION, "GET", "/api/v1/transactions/$T?x=1", NULL, NULL, NULL, ALL(400)},
    {ROUTE_API_OTP, "POST", "/api/v1/transactions/$T/otp?x=1", JSON, "{}", NULL, ALL(400)},
    {ROUTE_API_REFUND, "POST", "/api/v1/transactions/$T/refunds?otp=48201537", JSON,
     "{\"otp\":\"48201537\"}", NULL, ALL(400)},
    {ROUTE_API_ATTEMPT, "GET", "/api/v1/attempts/$A?x=1", NULL, NULL, NULL, ALL(400)},
    /* Read strictly, or not minded. */
    {ROUTE_DESK, "GET", "/?q=1&q=2", NULL, NULL, NULL, PEOPLE(400, 400, 403)},
    {ROUTE_DESK, "GET", "/?otp=48201537", NULL, NULL, NULL, PEOPLE(400, 400, 403)},
    {ROUTE_LIST, "GET", "/attempts?otp=48201537", NULL, NULL, NULL, PEOPLE(400, 400, 400)},
    {ROUTE_API_LIST, "GET", "/api/v1/attempts?tid=1&tid=2", NULL, NULL, NULL, MACHINES(400, 400)},
    {ROUTE_STYLE, "GET", "/style.css?v=2", NULL, NULL, NULL, ALL(200)},
    {ROUTE_CALLBACK, "POST", "/callback/eko/" HOUSE_CALLBACK "?from=bank", JSON, "{\"tid\":\"$T\"}",
     "203.0.113.9", ALL(200)},
};
#define ROWS (sizeof rows / sizeof rows[0])

static char known[24]; /* a refund of asha's that is settled */

/* ---- asking ---------------------------------------------------------------------------------- */

static void fill(char *out, size_t size, const char *from, const char *login, const char *tid) {
    static int keys;
    size_t n = 0;
    out[0] = '\0';
    for (; from && *from && n + 1 < size; from++) {
        if (*from != '$') {
            out[n++] = *from;
            out[n] = '\0';
            continue;
        }
        from++;
        if (*from == 'T' || *from == 'A')
            n += (size_t)snprintf(out + n, size - n, "%s", *from == 'T' ? tid : known);
        else
            n += (size_t)snprintf(out + n, size - n, "csrf_token=%s",
                                  house_token(login ? login : ""));
        if (*from == 'F')
            n += (size_t)snprintf(out + n, size - n, "&idempotency_key=roles-%d", ++keys);
    }
}

static bool says(const char *line) {
    const char *end = strstr(house_answer.text, "\r\n\r\n"), *at = strstr(house_answer.text, line);
    return at && end && at < end;
}

/* It leads to a page of ours. */
static bool at_home(void) {
    return says("\r\nLocation: /attempts/") || says("\r\nLocation: /refunds/") ||
           says("\r\nLocation: /api/v1/attempts/");
}

/* Every answer, whoever asked. */
static bool headers_good(bool cacheable) {
    const char *csp = strstr(house_answer.text, "Content-Security-Policy: ");
    bool good = csp && says("Content-Security-Policy: default-src 'none'; ") &&
                says("; base-uri 'none'; frame-ancestors 'none'\r\n") &&
                says("form-action 'self'") && !says("unsafe-") && !says("script-src") &&
                says("\r\nX-Content-Type-Options: nosniff\r\n") &&
                says("\r\nReferrer-Policy: no-referrer\r\n") &&
                says("\r\nCross-Origin-Opener-Policy: same-origin\r\n") &&
                says("\r\nX-Request-Id: ") && says("charset=utf-8\r\n") && !says("Set-Cookie") &&
                !says("Access-Control-") && (!says("\r\nLocation: ") || at_home()) &&
                says("\r\nCache-Control: no-store\r\n") != cacheable;
    if (!good)
        printf("\n%.900s\n", house_answer.text);
    return good;
}

static int send(const struct row *r, enum who who, const char *tid) {
    char path[200], body[800];
    fill(path, sizeof path, r->path, callers[who].login, tid);
    fill(body, sizeof body, r->body, callers[who].login, tid);
    char key[40], *query = strchr(path, '?');
    if (query)
        *query++ = '\0';
    snprintf(key, sizeof key, "machine-%s", tid);
    return house_ask(&(struct house_request){.method = r->method,
                                             .path = path,
                                             .query = query,
                                             .login = callers[who].login,
                                             .bearer = callers[who].bearer,
                                             .key = strncmp(path, "/api", 4) == 0 ? key : NULL,
                                             .site = "same-origin",
                                             .type = r->type,
                                             .body = r->body ? body : NULL,
                                             .address = r->address});
}

static int ask(const struct row *r, enum who who, const char *tid) {
    int status = send(r, who, tid);
    CU_ASSERT(headers_good(r->route == ROUTE_STYLE && status == 200));
    return status;
}

static const char *next_tid(void) {
    static long next = 81000000;
    static char tid[24];
    snprintf(tid, sizeof tid, "%ld", ++next);
    return tid;
}

/* How many rows each table has, and what they are. */
static void fingerprint(char *out, size_t size) {
    snprintf(out, size, "%s",
             pg_column("SELECT relname || query_to_xml(format('SELECT count(*), "
                       "md5(string_agg(t::text, '','' ORDER BY t::text)) FROM otprefund.%I t', "
                       "relname), true, true, '')::text FROM pg_class "
                       "WHERE relnamespace = 'otprefund'::regnamespace AND relkind = 'r' "
                       "ORDER BY relname"));
}

/* ---- the matrix ------------------------------------------------------------------------------ */

/* An address without a row here, or a row for another address, is a failure. */
static void test_all_routes(void) {
    int n[ROUTE__MAX] = {0};
    for (size_t i = 0; i < ROWS; i++) {
        struct route r;
        char path[200];
        enum request_method m = strcmp(rows[i].method, "POST") == 0  ? METHOD_POST
                                : strcmp(rows[i].method, "GET") == 0 ? METHOD_GET
                                                                     : METHOD_OTHER;
        fill(path, sizeof path, rows[i].path, NULL, "1");
        path[strcspn(path, "?")] = '\0';
        route_find(m, path, &r);
        CU_ASSERT_EQUAL(r.id, rows[i].route);
        n[r.id] += rows[i].wanted[NOBODY] != 405 && rows[i].wanted[NOBODY] != 400;
    }
    for (int id = 0; id < ROUTE__MAX; id++) {
        if (!n[id])
            printf("\n    no row for route %d ", id);
        CU_ASSERT(n[id] > 0);
    }
}

static void check(size_t i, enum who who, bool refused) {
    static char before[16384], after[16384];
    const char *tid = next_tid();
    if ((rows[i].wanted[who] >= 400) != refused)
        return;
    if (refused)
        fingerprint(before, sizeof before);
    int status = ask(&rows[i], who, tid);
    if (status != rows[i].wanted[who])
        printf("\n    %s %s as %s: %d, not %d", rows[i].method, rows[i].path, callers[who].name,
               status, rows[i].wanted[who]);
    CU_ASSERT_EQUAL(status, rows[i].wanted[who]);
    if (!refused)
        return;
    fingerprint(after, sizeof after);
    CU_ASSERT_STRING_EQUAL(after, before);
    CU_ASSERT_EQUAL(house_initiates(tid), 0);
}

static void test_refused(void) {
    char rows_text[16384];
    fingerprint(rows_text, sizeof rows_text);
    CU_ASSERT(strlen(rows_text) > 1000 && strstr(rows_text, "audit_seal") != NULL);
    for (size_t i = 0; i < ROWS; i++)
        for (enum who who = 0; who < WHO_N; who++)
            check(i, who, true);
}

static void test_let_in(void) {
    int paid = 0;
    for (size_t i = 0; i < ROWS; i++)
        for (enum who who = 0; who < WHO_N; who++)
            check(i, who, false);
    for (long tid = 81000001; tid < 81000001 + (long)(2 * ROWS * WHO_N); tid++) {
        char text[24];
        snprintf(text, sizeof text, "%ld", tid);
        paid += house_initiates(text);
    }
    CU_ASSERT_EQUAL(paid, 5); /* asha before; asha, usha, sunil and the switch, once each */
}

/* ---- at once --------------------------------------------------------------------------------- */

static int get(const char *path, const char *login, const char *bearer) {
    return house_ask(
        &(struct house_request){.method = "GET", .path = path, .login = login, .bearer = bearer});
}

static const struct row *row_of(enum route_id id) {
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].route == id)
            return &rows[i];
    return NULL;
}

static void test_at_once(void) {
    const struct row *refund = row_of(ROUTE_REFUND), *api = row_of(ROUTE_API_REFUND);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT(pg_do("UPDATE otprefund.operator SET disabled = true WHERE name = 'asha'"));
        CU_ASSERT_EQUAL(get("/", "asha", NULL), 403);
        CU_ASSERT_EQUAL(get("/attempts", "asha", NULL), 403);
        CU_ASSERT_EQUAL(ask(refund, OPERATOR, next_tid()), 403);
        CU_ASSERT(pg_do("UPDATE otprefund.operator SET disabled = false WHERE name = 'asha'"));
        CU_ASSERT_EQUAL(get("/", "asha", NULL), 200);
        CU_ASSERT(pg_do("UPDATE otprefund.operator SET role = 'auditor' WHERE name = 'asha'"));
        CU_ASSERT_EQUAL(get("/", "asha", NULL), 403);
        CU_ASSERT_EQUAL(get("/reconciliation", "asha", NULL), 200);
        CU_ASSERT_EQUAL(ask(refund, OPERATOR, next_tid()), 403);
        CU_ASSERT(pg_do("UPDATE otprefund.operator SET role = 'operator' WHERE name = 'asha'"));
        CU_ASSERT_EQUAL(ask(refund, OPERATOR, next_tid()), 303);

        CU_ASSERT(
            pg_do("UPDATE otprefund.api_client SET may_refund = false WHERE name = 'switch'"));
        CU_ASSERT_EQUAL(ask(api, REFUNDER, next_tid()), 403);
        CU_ASSERT(pg_do("UPDATE otprefund.api_client SET disabled = true WHERE name = 'switch'"));
        CU_ASSERT_EQUAL(ask(api, REFUNDER, next_tid()), 401);
        CU_ASSERT_EQUAL(get("/api/v1/attempts", NULL, HOUSE_TOKEN_REFUND), 401);
        CU_ASSERT(pg_do("UPDATE otprefund.api_client SET disabled = false, may_refund = true "
                        "WHERE name = 'switch'"));
        CU_ASSERT_EQUAL(ask(api, REFUNDER, next_tid()), 200);
    }
}

/* ---- whose attempts -------------------------------------------------------------------------- */

static bool page_says(const char *words) {
    const char *body = strstr(house_answer.text, "\r\n\r\n");
    return body && strstr(body, words) != NULL;
}

static int list(const char *login, const char *bearer, const char *query) {
    return house_ask(&(struct house_request){.method = "GET",
                                             .path = bearer ? "/api/v1/attempts" : "/attempts",
                                             .query = query,
                                             .login = login,
                                             .bearer = bearer});
}

static void test_own_counter(void) {
    char link[48];
    snprintf(link, sizeof link, "/attempts/%s\"", known);
    CU_ASSERT_EQUAL(get("/attempts", "asha", NULL), 200);
    CU_ASSERT(page_says("/attempts/"));
    CU_ASSERT_FALSE(page_says("sunil"));
    CU_ASSERT_EQUAL(get("/attempts", "usha", NULL), 200);
    CU_ASSERT_FALSE(page_says(link));
    CU_ASSERT_FALSE(page_says("asha"));
    CU_ASSERT_EQUAL(list("usha", NULL, "format=csv"), 200);
    CU_ASSERT_FALSE(page_says("asha"));
    CU_ASSERT_EQUAL(get("/", "usha", NULL), 200);
    CU_ASSERT_FALSE(page_says(link));
    CU_ASSERT_EQUAL(get("/attempts", "meera", NULL), 200);
    CU_ASSERT(page_says("asha") && page_says("sunil"));
}

/* The day in numbers is one's own; the house's and each operator's are not an operator's. */
static void test_totals(void) {
    static const char *const logins[] = {"asha", "usha", "sunil"};
    const char *refunds = "SELECT count(*) FROM otprefund.attempt WHERE kind = 'refund'";
    for (int i = 0; i < 3; i++) {
        char sql[160], own[40];
        snprintf(sql, sizeof sql, "%s AND operator = '%s'", refunds, logins[i]);
        snprintf(own, sizeof own, " of %d refunds<", (int)pg_number(sql));
        CU_ASSERT(pg_number(sql) > 0 && pg_number(sql) < pg_number(refunds));
        CU_ASSERT_EQUAL(get("/", logins[i], NULL), 200);
        CU_ASSERT(page_says(own));
        CU_ASSERT_EQUAL(page_says("/reconciliation"), i == 2);
        CU_ASSERT_EQUAL(get("/reconciliation", logins[i], NULL), i == 2 ? 200 : 403);
        CU_ASSERT_EQUAL(page_says("<table"), i == 2);
    }
}

/* A filter that does not hold is refused and not left out. */
static void test_by_operator(void) {
    char query[64], sql[128];
    CU_ASSERT_EQUAL(list("usha", NULL, "operator=asha"), 403);
    CU_ASSERT(page_says("Your role shows your own attempts") && !page_says("data-label"));
    CU_ASSERT_EQUAL(list("usha", NULL, "operator=asha&format=csv"), 403);
    CU_ASSERT_FALSE(page_says("refund,asha"));
    CU_ASSERT_EQUAL(list("usha", NULL, "operator=nobody"), 403); /* not told who there is */
    CU_ASSERT_EQUAL(list("asha", NULL, "operator=asha"), 200);
    CU_ASSERT(page_says(">asha</td>") && !page_says("name=\"operator\""));
    CU_ASSERT_EQUAL(list("sunil", NULL, "operator=asha"), 200);
    CU_ASSERT(page_says(">asha</td>") && !page_says(">sunil</td>"));
    snprintf(sql, sizeof sql, "SELECT tid FROM otprefund.attempt WHERE attempt_id = %s", known);
    snprintf(query, sizeof query, "tid=%s&operator=asha&format=csv", pg_text(sql));
    CU_ASSERT_EQUAL(list("usha", NULL, query), 200);
    CU_ASSERT(page_says("refund,asha"));
    CU_ASSERT_EQUAL(list(NULL, HOUSE_TOKEN_READ, "operator=asha"), 200); /* a client sees all */
    CU_ASSERT(page_says("\"operator\":\"asha\"") && !page_says("\"operator\":\"sunil\""));
    CU_ASSERT_EQUAL(list(NULL, HOUSE_TOKEN_READ, "operator=nobody"), 200);
    CU_ASSERT(page_says("{\"attempts\":[]"));
}

static int ask_bank(const char *id, const char *login) {
    char path[64], body[300];
    snprintf(path, sizeof path, "/attempts/%s/ask", id);
    snprintf(body, sizeof body, "csrf_token=%s", house_token(login));
    return house_ask(&(struct house_request){
        .method = "POST", .path = path, .login = login, .type = FORM, .body = body});
}

static int open_one(const char *id, const char *login) {
    char path[64];
    snprintf(path, sizeof path, "/attempts/%s", id);
    return get(path, login, NULL);
}

/* Counting numbers shows nobody a colleague's work; where two meet, both see who is at it. */
static void test_by_number(void) {
    char tid[24], path[64], sql[400], inquiry[24];
    snprintf(sql, sizeof sql, "SELECT tid FROM otprefund.attempt WHERE attempt_id = %s", known);
    snprintf(tid, sizeof tid, "%s", pg_text(sql));
    CU_ASSERT_EQUAL(open_one(known, "usha"), 404);
    CU_ASSERT_FALSE(page_says("asha"));
    CU_ASSERT_FALSE(page_says(tid));
    CU_ASSERT_EQUAL(ask_bank(known, "usha"), 404);
    CU_ASSERT_EQUAL(open_one(known, "sunil"), 200);
    CU_ASSERT_EQUAL(open_one(known, "meera"), 200);
    snprintf(
        sql, sizeof sql,
        "INSERT INTO otprefund.open_attempt (attempt_id, tid, operator, opened_at, "
        "deadline_at, next_inquiry_at) SELECT attempt_id, tid, operator, now(), now() + '1 h', "
        "now() + '1 h' FROM otprefund.attempt WHERE attempt_id = %s",
        known);
    CU_ASSERT(pg_do(sql));
    CU_ASSERT_EQUAL(open_one(known, "usha"), 200); /* a 409 points there */
    CU_ASSERT(pg_do("DELETE FROM otprefund.open_attempt"));
    CU_ASSERT_EQUAL(open_one(known, "usha"), 404);
    snprintf(path, sizeof path, "/refunds/%s", tid);
    CU_ASSERT_EQUAL(get(path, "sunil", NULL), 200);
    snprintf(inquiry, sizeof inquiry, "%s",
             pg_text("SELECT max(attempt_id) FROM otprefund.attempt"));
    CU_ASSERT_EQUAL(open_one(inquiry, "usha"), 404);
    CU_ASSERT_EQUAL(open_one(inquiry, "asha"), 200);
    CU_ASSERT_EQUAL(get(path, "usha", NULL), 200); /* an inquiry of her own, on record */
    CU_ASSERT_EQUAL(open_one(known, "usha"), 200);
    CU_ASSERT_EQUAL(open_one(inquiry, "usha"), 200);
    CU_ASSERT_EQUAL(ask_bank(known, "usha"), 303);
}

/* A colleague's inquiry on its way does not stand for an own one: what the page points to opens. */
static void test_meet(void) {
    char path[64], sql[300], inquiry[24];
    const char *tid = next_tid();
    snprintf(path, sizeof path, "/refunds/%s", tid);
    snprintf(sql, sizeof sql,
             "INSERT INTO otprefund.attempt (kind, channel, tid, operator, node, commit_token, "
             "deadline_at) VALUES ('inquiry', 'desk', '%s', 'asha', 'host:1', "
             "decode(repeat('00', 16), 'hex'), now() + '1 h')",
             tid);
    CU_ASSERT(pg_do(sql));
    snprintf(inquiry, sizeof inquiry, "%s",
             pg_text("SELECT max(attempt_id) FROM otprefund.attempt"));
    CU_ASSERT_EQUAL(get(path, "usha", NULL), 200);
    CU_ASSERT_EQUAL(open_one(inquiry, "usha"), 200);
}

/* ---- who one claims to be -------------------------------------------------------------------- */

static int claim(const char *login, const char *query, const char *extra, const char *path) {
    return house_ask(&(struct house_request){
        .method = "GET", .path = path, .query = query, .login = login, .extra = extra});
}

static void test_claims(void) {
    static const char *const headers[] = {"HTTP_REMOTE_USER=sunil",      "HTTP_X_REMOTE_USER=sunil",
                                          "HTTP_X_FORWARDED_USER=sunil", "HTTP_X_USER=sunil",
                                          "REDIRECT_REMOTE_USER=sunil",  "AUTH_USER=sunil"};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        CU_ASSERT_EQUAL(claim(NULL, NULL, headers[i], "/attempts"), 403);
        CU_ASSERT_EQUAL(claim("meera", NULL, headers[i], "/"), 403);
        CU_ASSERT_EQUAL(claim("asha", NULL, headers[i], "/reconciliation"), 403);
    }
    CU_ASSERT(claim(NULL, "REMOTE_USER=sunil", NULL, "/attempts") >= 400);
    CU_ASSERT(claim("asha", "remote_user=sunil", NULL, "/reconciliation") >= 400);
    CU_ASSERT_EQUAL(claim("meera", NULL, "REMOTE_USER=sunil", "/attempts"), 400); /* which one? */
    CU_ASSERT_EQUAL(claim("sunil\n", NULL, NULL, "/attempts"), 400);
    CU_ASSERT_EQUAL(claim(NULL, "access_token=" HOUSE_TOKEN_READ, NULL, "/api/v1/attempts"), 401);
    /* Who asks from where is the connection's word, not a header's. */
    CU_ASSERT_EQUAL(house_ask(&(struct house_request){.method = "GET",
                                                      .path = "/metrics",
                                                      .address = "203.0.113.9",
                                                      .extra = "HTTP_X_FORWARDED_FOR=127.0.0.1"}),
                    403);
    /* A person's page is not for a token, nor the machine's for a login: see the matrix. */
    CU_ASSERT_EQUAL(get("/attempts", "meera", HOUSE_TOKEN_REFUND), 200);
    CU_ASSERT_EQUAL(get("/", "meera", HOUSE_TOKEN_REFUND), 403);
}

static int post(const char *login, const char *site, const char *body) {
    char path[64];
    snprintf(path, sizeof path, "/refunds/%s/otp", next_tid());
    return house_ask(&(struct house_request){
        .method = "POST", .path = path, .login = login, .site = site, .type = FORM, .body = body});
}

static void test_forms(void) {
    char body[900], token[300];
    snprintf(token, sizeof token, "%s", house_token("asha"));
    long long before = pg_number("SELECT count(*) FROM otprefund.attempt");
    CU_ASSERT_EQUAL(post("asha", NULL, "idempotency_key=f-1"), 403);
    CU_ASSERT_EQUAL(post("asha", NULL, "idempotency_key=f-1&csrf_token="), 403);
    snprintf(body, sizeof body, "idempotency_key=f-1&csrf_token=%s", token);
    CU_ASSERT_EQUAL(post("usha", NULL, body), 403); /* asha's token */
    CU_ASSERT_EQUAL(post("asha", "cross-site", body), 403);
    CU_ASSERT_EQUAL(post("asha", "same-site", body), 403);
    snprintf(body, sizeof body, "idempotency_key=f-1&csrf_token=%s&csrf_token=%s", token, token);
    CU_ASSERT_EQUAL(post("asha", NULL, body), 400);
    snprintf(body, sizeof body, "idempotency_key=f-1&idempotency_key=f-2&csrf_token=%s", token);
    CU_ASSERT_EQUAL(post("asha", NULL, body), 400);
    snprintf(body, sizeof body, "idempotency_key=f-1&otp=1234&csrf_token=%s", token);
    CU_ASSERT_EQUAL(post("asha", NULL, body), 400); /* a field that is not of this form */
    CU_ASSERT_EQUAL(claim("meera", "tid=1&tid=2", NULL, "/attempts"), 400);
    CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM otprefund.attempt"), before);
    snprintf(body, sizeof body, "idempotency_key=f-1&csrf_token=%s", token);
    CU_ASSERT_EQUAL(post("asha", "same-origin", body), 303);
}

/* A picture or a frame on another site makes no inquiry in the operator's name; a link opens. */
static void test_other_sites(void) {
    static const struct {
        const char *site, *mode, *dest;
        int status;
    } cases[] = {
        {"cross-site", "no-cors", "image", 403},
        {"cross-site", "navigate", "iframe", 403},
        {"cross-site", "cors", "empty", 403},
        {"same-site", "no-cors", "script", 403},
        {"same-site", "navigate", "iframe", 403},
        {"cross-site", NULL, NULL, 403},
        {"cross-site", "navigate", NULL, 403},
        {"cross-site", NULL, "document", 403},
        {"cross-site", "no-cors", "document", 403},
        {"cross-site", "navigate", "document", 200},
        {"same-site", "navigate", "document", 200},
        {"same-origin", "navigate", "document", 200},
        {"same-origin", "no-cors", "empty", 200},
        {"none", "navigate", "document", 200},
        {NULL, NULL, NULL, 200},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[64];
        snprintf(path, sizeof path, "/refunds/%s", next_tid());
        struct house_request r = {.path = path,
                                  .login = "asha",
                                  .site = cases[i].site,
                                  .mode = cases[i].mode,
                                  .dest = cases[i].dest};
        long long before = pg_number("SELECT count(*) FROM otprefund.attempt");
        r.method = "HEAD";
        CU_ASSERT_EQUAL(house_ask(&r), cases[i].status);
        r.method = "GET";
        CU_ASSERT_EQUAL(house_ask(&r), cases[i].status);
        CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM otprefund.attempt") > before,
                        cases[i].status == 200);
        CU_ASSERT_EQUAL(page_says("Another web site"), cases[i].status == 403);
        r.path = "/";
        CU_ASSERT_EQUAL(house_ask(&r), cases[i].status);
        r.path = "/attempts";
        CU_ASSERT_EQUAL(house_ask(&r), cases[i].status);
        r = (struct house_request){.method = "GET",
                                   .path = "/api/v1/attempts",
                                   .bearer = HOUSE_TOKEN_READ,
                                   .site = cases[i].site,
                                   .mode = cases[i].mode,
                                   .dest = cases[i].dest};
        CU_ASSERT_EQUAL(house_ask(&r), 200);
    }
}

/* A refund of asha's, settled, for what needs one. */
static bool one_refund(void) {
    if (send(row_of(ROUTE_REFUND), OPERATOR, next_tid()) != 303)
        return false;
    for (int i = 0; i < 200; i++, usleep(20000)) {
        snprintf(known, sizeof known, "%s",
                 pg_text("SELECT max(attempt_id) FROM otprefund.resolution"));
        if (known[0])
            return true;
    }
    return false;
}

int main(void) {
    if (!getenv("OTPREFUND_TEST_DB"))
        return 77;
    setvbuf(stdout, NULL, _IONBF, 0);
    dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2); /* the log says each refusal */
    if (!house_open() || !one_refund())
        return 1;
    CU_pSuite s = suite_begin("roles", NULL, NULL);
    CU_add_test(s, "every address has a row", test_all_routes);
    CU_add_test(s, "who is refused changes nothing", test_refused);
    CU_add_test(s, "who may, gets in", test_let_in);
    CU_add_test(s, "a changed row counts at the next request", test_at_once);
    CU_add_test(s, "an operator lists the own attempts", test_own_counter);
    CU_add_test(s, "totals are a supervisor's and an auditor's", test_totals);
    CU_add_test(s, "a list by operator is that operator's or nobody's", test_by_operator);
    CU_add_test(s, "an operator opens what the own counter is at", test_by_number);
    CU_add_test(s, "whom one meets on a transaction", test_meet);
    CU_add_test(s, "nobody names himself", test_claims);
    CU_add_test(s, "another site opens nothing but a link", test_other_sites);
    CU_add_test(s, "forms of others, and names given twice", test_forms);
    int failed = suite_run();
    house_close();
    return failed;
}
