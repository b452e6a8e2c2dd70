/* api.c - the JSON API as a payments switch uses it. */
#include <CUnit/CUnit.h>
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/integration/it.h"

static void path_to(char *out, size_t size, const char *tid, const char *what) {
    snprintf(out, size, "/api/v1/transactions/%s%s", tid, what);
}

static void expect_json_text(const char *about, const struct reply *r, const char *name,
                             const char *expected) {
    char value[256];
    expect_text(about, name, expected, json_field(r, name, value, sizeof value));
}

/* An error is application/problem+json with type, title, status and detail (RFC 9457). */
static void expect_problem(const char *about, const struct reply *r, int status) {
    char value[256];
    expect_status(about, r, status);
    reply_header(r, "Content-Type", value, sizeof value);
    expect(strncasecmp(value, "application/problem+json", 24) == 0, "%s: Content-Type is '%s'",
           about, value);
    char number[16];
    snprintf(number, sizeof number, "%d", status);
    expect_text(about, "status in the problem", number,
                json_field(r, "status", value, sizeof value));
    expect(*json_field(r, "title", value, sizeof value), "%s: the problem has no title", about);
}

/* All the contract's fields are there, null where absent; money is text with two decimals. */
static void expect_attempt_shape(const char *about, const struct reply *r) {
    static const char *const names[] = {
        "attempt_id", "tid",        "kind",    "operator",        "started_at",  "finished_at",
        "outcome",    "reason",     "message", "resolution",      "resolved_at", "resolved_by",
        "tx_status",  "refund_tid", "amount",  "refunded_amount", "inquiries"};
    static const char *const money[] = {"amount", "refunded_amount"};
    static const char *const times[] = {"started_at", "finished_at", "resolved_at"};
    cJSON *o = cJSON_Parse(r->body);
    expect(cJSON_IsObject(o), "%s: not a JSON object: '%.80s'", about, r->body);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        expect(cJSON_HasObjectItem(o, names[i]), "%s: the attempt has no field %s", about,
               names[i]);
    for (size_t i = 0; i < sizeof money / sizeof money[0]; i++) {
        const cJSON *v = cJSON_GetObjectItem(o, money[i]);
        const char *dot = cJSON_IsString(v) ? strchr(v->valuestring, '.') : NULL;
        expect(cJSON_IsNull(v) || (dot && strlen(dot) == 3), "%s: %s is not decimal text", about,
               money[i]);
    }
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        const cJSON *v = cJSON_GetObjectItem(o, times[i]);
        bool utc = cJSON_IsString(v) && strlen(v->valuestring) >= 20 && v->valuestring[10] == 'T' &&
                   v->valuestring[strlen(v->valuestring) - 1] == 'Z';
        expect(cJSON_IsNull(v) || utc, "%s: %s is not RFC 3339 in UTC", about, times[i]);
    }
    cJSON_Delete(o);
}

static void read_transaction(void) {
    const char *tid = new_tid(50);
    char path[128], value[64], ref[64];
    struct reply r = {0};
    path_to(path, sizeof path, tid, "");
    api_call(path, NULL, NULL, NULL, &r);
    expect_status(path, &r, 200);
    expect_json_text(path, &r, "tid", tid);
    json_field(&r, "tx_status", value, sizeof value);
    expect(strcmp(value, "3") == 0 || strcmp(value, "refund_pending") == 0, "%s: tx_status is '%s'",
           path, value);
    expect(strchr(json_field(&r, "amount", value, sizeof value), '.') != NULL, "%s: amount is '%s'",
           path, value);
    json_field(&r, "client_ref_id", ref, sizeof ref);
    expect(*ref, "%s: no client_ref_id", path);
    snprintf(path, sizeof path, "/api/v1/transactions/client_ref_id:%s", ref);
    api_call(path, NULL, NULL, NULL, &r);
    expect_status(path, &r, 200);
    expect_json_text(path, &r, "tid", tid);
    expect_json_text(path, &r, "client_ref_id", ref);
    expect(book_of(tid).inquiry_calls >= 2, "%s: the bank was not asked", tid);
    path_to(path, sizeof path, new_tid(94), "");
    api_call(path, NULL, NULL, NULL, &r);
    expect_problem("a transaction the bank does not know", &r, 404);
    path_to(path, sizeof path, new_tid(98), ""); /* 403 on every call */
    api_call(path, NULL, NULL, NULL, &r);
    expect_problem("a question the bank turns away", &r, 503);
    expect_says("a question the bank turns away", &r, "does not accept our signature");
    expect(*reply_header(&r, "Retry-After", value, sizeof value), "503 without Retry-After");
    reply_free(&r);
}

/* Sends the OTP; the customer's, from the phone. */
static bool otp_by_api(const char *tid, char *otp, size_t size) {
    char path[128], key[33];
    struct reply r = {0};
    path_to(path, sizeof path, tid, "/otp");
    api_call(path, "{}", fresh_key(key), NULL, &r);
    expect_status(path, &r, 200);
    expect_attempt_shape(path, &r);
    expect_json_text(path, &r, "kind", "otp");
    expect_json_text(path, &r, "outcome", "sent");
    expect_json_text(path, &r, "tid", tid);
    reply_free(&r);
    bool ok = phone_otp(tid, otp, size);
    expect(ok, "%s: no OTP on the customer's phone", tid);
    return ok;
}

static void refund_by_api(const char *tid, const char *otp, const char *key, const char *prefer,
                          struct reply *r) {
    char path[128], body[64];
    path_to(path, sizeof path, tid, "/refunds");
    snprintf(body, sizeof body, "{\"otp\":\"%s\"}", otp);
    api_call(path, body, key, prefer, r);
}

static void right_and_wrong(void) {
    const char *tid = new_tid(52);
    char otp[16], never[9], key[33], value[64], path[64];
    struct reply r = {0};
    if (!otp_by_api(tid, otp, sizeof otp))
        return;
    refund_by_api(tid, wrong_otp(never), fresh_key(key), "Prefer: wait=10", &r);
    expect_status("a wrong OTP", &r, 200);
    expect_attempt_shape("a wrong OTP", &r);
    expect_json_text("a wrong OTP", &r, "outcome", "rejected");
    expect_json_text("a wrong OTP", &r, "reason", "wrong_otp");
    expect_json_text("a wrong OTP", &r, "resolution", "not_refunded");
    refund_by_api(tid, otp, fresh_key(key), "Prefer: wait=10", &r);
    expect_status("the right OTP", &r, 200);
    expect_attempt_shape("the right OTP", &r);
    expect_json_text("the right OTP", &r, "outcome", "refunded");
    expect_json_text("the right OTP", &r, "resolution", "refunded");
    expect_json_text("the right OTP", &r, "resolved_by", "answer");
    char first[32];
    json_field(&r, "attempt_id", first, sizeof first);
    refund_by_api(tid, otp, key, "Prefer: wait=10", &r);
    expect_status("the same once more", &r, 200);
    expect_json_text("the same once more", &r, "attempt_id", first);
    refund_by_api(tid, wrong_otp(never), key, NULL, &r);
    expect_problem("the same key, another OTP", &r, 422);
    expect_number(tid, "initiate_calls in the book", 2, book_of(tid).initiate_calls);
    snprintf(path, sizeof path, "/api/v1/attempts/%s", first);
    api_call(path, NULL, NULL, NULL, &r);
    expect_status(path, &r, 200);
    expect_attempt_shape(path, &r);
    expect_json_text(path, &r, "resolution", "refunded");
    expect_text(path, "operator", row_of(strtol(first, NULL, 10)).operator_name,
                json_field(&r, "operator", value, sizeof value));
    reply_free(&r);
}

static void while_open(void) {
    const char *tid = new_tid(87);
    char otp[16], never[9], key[33], value[64], where[512], path[64];
    struct reply r = {0};
    if (!otp_by_api(tid, otp, sizeof otp))
        return;
    refund_by_api(tid, otp, fresh_key(key), "Prefer: wait=1", &r);
    expect_status("a refund with an unknown end", &r, 202);
    expect_attempt_shape("a refund with an unknown end", &r);
    expect_json_text("a refund with an unknown end", &r, "resolution", "");
    char id[32];
    json_field(&r, "attempt_id", id, sizeof id);
    snprintf(path, sizeof path, "/api/v1/attempts/%s", id);
    expect_text("202", "Location", path, reply_location(&r, where, sizeof where));
    refund_by_api(tid, wrong_otp(never), fresh_key(value), NULL, &r);
    expect_problem("another attempt while one is open", &r, 409);
    wait_settled(strtol(id, NULL, 10), 40);
    refund_by_api(tid, otp, key, NULL, &r); /* the same key after the end: the settled attempt */
    expect_status("the same key after the end", &r, 200);
    expect_json_text("the same key after the end", &r, "attempt_id", id);
    expect_json_text("the same key after the end", &r, "resolution", "not_refunded");
    expect_json_text("the same key after the end", &r, "resolved_by", "inquiry");
    expect_number(tid, "initiate_calls in the book", 1, book_of(tid).initiate_calls);
    reply_free(&r);
}

/* Prefer: wait=N outlasts the outcome and waits for the end, where that comes in time. */
static void prefer_wait(void) {
    const char *tid = new_tid(86);
    char otp[16], key[33], applied[64];
    struct reply r = {0};
    if (!otp_by_api(tid, otp, sizeof otp))
        return;
    refund_by_api(tid, otp, fresh_key(key), "Prefer: wait=25", &r);
    expect_status("Prefer: wait=25", &r, 200);
    expect_json_text("Prefer: wait=25", &r, "outcome", "unknown");
    expect_json_text("Prefer: wait=25", &r, "resolution", "refunded");
    reply_header(&r, "Preference-Applied", applied, sizeof applied);
    expect(!*applied || strncmp(applied, "wait=", 5) == 0, "Preference-Applied is '%s'", applied);
    reply_free(&r);
}

struct bad {
    const char *about, *what, *body, *key, *type, *method;
    int status;
};

static const struct bad bads[] = {
    {"no Idempotency-Key", "/refunds", "{\"otp\":\"123456\"}", NULL, "application/json", "POST",
     400},
    {"an empty body", "/refunds", "", "k1", "application/json", "POST", 400},
    {"not JSON", "/refunds", "otp=123456", "k2", "application/json", "POST", 400},
    {"JSON cut short", "/refunds", "{\"otp\":\"12", "k3", "application/json", "POST", 400},
    {"an array", "/refunds", "[\"123456\"]", "k4", "application/json", "POST", 400},
    {"no otp", "/refunds", "{}", "k5", "application/json", "POST", 400},
    {"otp as a number", "/refunds", "{\"otp\":123456}", "k6", "application/json", "POST", 400},
    {"otp twice", "/refunds", "{\"otp\":\"123456\",\"otp\":\"123457\"}", "k7", "application/json",
     "POST", 400},
    {"an unknown field", "/refunds", "{\"otp\":\"123456\",\"amount\":\"1.00\"}", "k8",
     "application/json", "POST", 400},
    {"otp of letters", "/refunds", "{\"otp\":\"abcdef\"}", "k9", "application/json", "POST", 400},
    {"otp in Devanagari digits", "/refunds", "{\"otp\":\"\u0967\u0968\u0969\u096a\u096b\u096c\"}",
     "k10", "application/json", "POST", 400},
    {"otp not UTF-8", "/refunds", "{\"otp\":\"\xff\xfe\x31\x32\x33\x34\"}", "k11",
     "application/json", "POST", 400},
    {"otp with a NUL", "/refunds", "{\"otp\":\"1234\\u00005\"}", "k12", "application/json", "POST",
     400},
    {"trailing text", "/refunds", "{\"otp\":\"123456\"} x", "k13", "application/json", "POST", 400},
    {"a form", "/refunds", "otp=123456", "k14", "application/x-www-form-urlencoded", "POST", 415},
    {"no content type", "/refunds", "{\"otp\":\"123456\"}", "k15", NULL, "POST", 415},
    {"an unknown field for otp", "/otp", "{\"x\":1}", "k16", "application/json", "POST", 400},
    {"PUT", "/refunds", "{\"otp\":\"123456\"}", "k17", "application/json", "PUT", 405},
    {"GET", "/refunds", NULL, NULL, NULL, "GET", 405},
    {"no such call", "/nothing", "{}", "k18", "application/json", "POST", 404},
};

static void bad_calls(void) {
    const char *tid = new_tid(54);
    struct reply r = {0};
    for (size_t i = 0; i < sizeof bads / sizeof bads[0]; i++) {
        const struct bad *b = &bads[i];
        char path[128], header[64];
        path_to(path, sizeof path, tid, b->what);
        struct ask a = {
            .method = b->method, .path = path, .body = b->body, .content_type = b->type};
        snprintf(header, sizeof header, "Idempotency-Key: %s", b->key ? b->key : "");
        if (b->key)
            a.headers[0] = header;
        client_ask(&it.api, &a, &r);
        expect_problem(b->about, &r, b->status);
    }
    static char deep[9000];
    memset(deep, '[', sizeof deep - 1);
    char path[128], key[33];
    path_to(path, sizeof path, tid, "/refunds");
    api_call(path, deep, fresh_key(key), NULL, &r);
    expect(r.status == 400 || r.status == 413, "deeply nested JSON: expected 400 or 413, got %d",
           r.status);
    char *large = calloc(1, (2u << 20) + 1);
    if (large) {
        memset(large, ' ', 2u << 20);
        api_call(path, large, fresh_key(key), NULL, &r);
        expect_problem("2 MiB of JSON", &r, 413);
        large[40000] = '\0'; /* a web server lets that through: the program's own limit */
        api_call(path, large, fresh_key(key), NULL, &r);
        expect_problem("40 kB of JSON", &r, 413);
    }
    free(large);
    expect_number(tid, "attempts after bad calls", 0,
                  attempts_of(tid, "refund") + attempts_of(tid, "otp"));
    expect_number(tid, "initiate_calls in the book", 0, book_of(tid).initiate_calls);
    expect_alive("bad API calls");
    reply_free(&r);
}

/* What never reaches the program is a problem, too. */
static void web_server(void) {
    static char path[12000] = "/api/v1/attempts?tid=", header[12000] = "X-Long: ";
    memset(path + strlen(path), '1', sizeof path - strlen(path) - 1);
    memset(header + strlen(header), 'x', sizeof header - strlen(header) - 1);
    const struct {
        const char *about;
        int status;
        struct ask ask;
    } cases[] = {
        {"an address of 12 kB", 414, {.path = path}},
        {"a header of 12 kB", 400, {.path = "/api/v1/attempts", .headers = {header}}},
        {"TRACE", 405, {.method = "TRACE", .path = "/api/v1/attempts"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reply r = {0};
        char value[64];
        client_ask(&it.api, &cases[i].ask, &r);
        expect_problem(cases[i].about, &r, cases[i].status);
        expect(*json_field(&r, "detail", value, sizeof value), "%s: no detail", cases[i].about);
        expect_text(cases[i].about, "Cache-Control", "no-store",
                    reply_header(&r, "Cache-Control", value, sizeof value));
        reply_free(&r);
    }
}

static void unauthorised(void) {
    static const char *const tokens[] = {"", "not-a-token", "00000000000000000000000000000000"};
    struct reply r = {0};
    client_get(&it.nobody, "/api/v1/attempts", &r);
    expect_problem("no token", &r, 401);
    char value[128];
    expect(*reply_header(&r, "WWW-Authenticate", value, sizeof value),
           "401 without WWW-Authenticate");
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        const struct client c = {.base = it.base, .token = tokens[i]};
        client_get(&c, "/api/v1/attempts", &r);
        expect_problem("a wrong token", &r, 401);
    }
    client_get(&it.desk, "/api/v1/attempts", &r); /* a person's login is no token */
    expect_problem("Basic login for the API", &r, 401);
    reply_free(&r);
}

static void bad_reads(void) {
    static const struct {
        const char *path;
        int status;
    } cases[] = {
        {"/api/v1/attempts/999999999999", 404},
        {"/api/v1/nothing", 404},
        {"/api/v1/transactions/12a4", 400},
        {"/api/v1/transactions/client_ref_id:", 400},
        {"/api/v1/transactions/client_ref_id:012345678901234567890", 400},
        {"/api/v1/attempts?after=abc", 400},
        {"/api/v1/attempts?from=yesterday", 400},
        {"/api/v1/attempts?status=odd", 400},
        {"/api/v1/attempts?unknown=1", 400},
    };
    struct reply r = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        api_call(cases[i].path, NULL, NULL, NULL, &r);
        expect_problem(cases[i].path, &r, cases[i].status);
    }
    reply_free(&r);
}

/* The page's rows: an array, or the first array inside an object. */
static const cJSON *rows_in(const cJSON *o) {
    if (cJSON_IsArray(o))
        return o;
    const cJSON *v = NULL;
    cJSON_ArrayForEach(v, o) {
        if (cJSON_IsArray(v))
            return v;
    }
    return NULL;
}

/* Pages of the list by keyset: strictly falling attempt_ids, nothing twice, nothing left out. */
static void list_pages(void) {
    const char *tid = new_tid(56);
    char path[128], key[33], otp[16], never[9];
    struct reply r = {0};
    if (!otp_by_api(tid, otp, sizeof otp))
        return;
    for (int i = 0; i < 3; i++)
        refund_by_api(tid, wrong_otp(never), fresh_key(key), "Prefer: wait=10", &r);
    long long seen = 0, last = INT64_MAX;
    for (int page = 0; page < 50; page++) {
        if (last == INT64_MAX)
            snprintf(path, sizeof path, "/api/v1/attempts?tid=%s", tid);
        else
            snprintf(path, sizeof path, "/api/v1/attempts?tid=%s&after=%lld", tid, last);
        api_call(path, NULL, NULL, NULL, &r);
        expect_status(path, &r, 200);
        cJSON *o = cJSON_Parse(r.body);
        const cJSON *rows = rows_in(o), *row = NULL;
        int n = 0;
        cJSON_ArrayForEach(row, rows) {
            const cJSON *id = cJSON_GetObjectItem(row, "attempt_id"),
                        *t = cJSON_GetObjectItem(row, "tid");
            long long number = cJSON_IsString(id) ? strtoll(id->valuestring, NULL, 10)
                                                  : (long long)cJSON_GetNumberValue(id);
            expect(number < last, "%s: attempt %lld after %lld", path, number, last);
            expect(cJSON_IsString(t) && strcmp(t->valuestring, tid) == 0,
                   "%s: another tid in the list", path);
            last = number;
            n++;
        }
        cJSON_Delete(o);
        seen += n;
        if (n == 0)
            break;
    }
    expect_number(
        tid, "attempts listed",
        db_number("select count(*) from otprefund.attempt where tid::text = $1", tid, NULL), seen);
    reply_free(&r);
}

void suite_api(void) {
    CU_pSuite s = CU_add_suite("api", NULL, NULL);
    CU_add_test(s, "a transaction by TID and by own reference", read_transaction);
    CU_add_test(s, "wrong OTP, right OTP, the same key", right_and_wrong);
    CU_add_test(s, "202 while open", while_open);
    CU_add_test(s, "Prefer: wait", prefer_wait);
    CU_add_test(s, "bad calls", bad_calls);
    CU_add_test(s, "what the web server answers itself", web_server);
    CU_add_test(s, "no token, wrong token", unauthorised);
    CU_add_test(s, "bad reads", bad_reads);
    CU_add_test(s, "the list, page by page", list_pages);
}
