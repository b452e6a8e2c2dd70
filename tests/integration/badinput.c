/*
 * badinput.c - what no browser sends by itself, and what people type: the right status, nothing
 * written, nothing asked of the bank, and the program still serving.
 */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/it.h"

#define FORM "application/x-www-form-urlencoded"

/* One transaction whose customer has an OTP, used by every case: none may reach the bank. */
static const char *tid;
static char otp[16], refund_path[64], otp_path[64];
static struct form good;
static long long attempts_before, operators_before;
static struct book book_before;

static long long all_attempts(void) {
    return db_number(
        "select count(*) from otprefund.attempt where tid::text = $1 and kind::text <> 'inquiry'",
        tid, NULL);
}

static void prepare_case(void) {
    tid = new_tid(20);
    snprintf(refund_path, sizeof refund_path, "/refunds/%s/refund", tid);
    snprintf(otp_path, sizeof otp_path, "/refunds/%s/otp", tid);
    if (texted_otp(&it.desk, tid, otp, sizeof otp))
        refund_form(&it.desk, tid, otp, &good);
    attempts_before = all_attempts();
    operators_before = db_number("select count(*) from otprefund.operator", NULL, NULL);
    book_before = book_of(tid);
}

static void expect_untouched(const char *about) {
    struct book b = book_of(tid);
    expect_number(about, "attempts in the journal", attempts_before, all_attempts());
    expect_number(about, "otp_calls in the book", book_before.otp_calls, b.otp_calls);
    expect_number(about, "initiate_calls in the book", book_before.initiate_calls,
                  b.initiate_calls);
    expect_alive(about);
}

/* Posts a body as it is; status 0: any of 400 and a closed connection. */
static void refused(const char *about, const char *path, const char *type, const char *body,
                    size_t size, int status) {
    struct reply r = {0};
    const struct ask a = {
        .method = "POST", .path = path, .content_type = type, .body = body, .body_size = size};
    client_ask(&it.desk, &a, &r);
    expect_status(about, &r, status);
    expect_untouched(about);
    reply_free(&r);
}

static void refused_form(const char *about, const struct form *f, int status, const char *words) {
    struct reply r = {0};
    form_post(&it.desk, f, &r);
    expect_status(about, &r, status);
    if (words)
        expect_says(about, &r, words);
    expect_untouched(about);
    reply_free(&r);
}

static void oversized(void) {
    struct form f = good;
    size_t size = 2u << 20;
    char *body = malloc(size + 1);
    if (!body)
        return;
    memset(body, 'a', size);
    body[size] = '\0';
    memcpy(body, "otp=", 4);
    refused("a body of 2 MiB", refund_path, FORM, body, size, 413);
    /* a web server lets that through: the program's own limit */
    refused("a body of 40 kB", refund_path, FORM, body, 40000, 413);
    free(body);
    char *text = form_body(&f);
    char field[4096];
    memset(field, '1', sizeof field - 1);
    field[sizeof field - 1] = '\0';
    size_t n = strlen(text) + sizeof field + 16;
    char *long_field = malloc(n);
    if (long_field) {
        form_drop(&f, "otp");
        char *rest = form_body(&f);
        snprintf(long_field, n, "%s&otp=%s", rest, field);
        refused("an OTP of 4095 digits", refund_path, FORM, long_field, 0, 400);
        free(rest);
    }
    free(long_field);
    free(text);
}

/* Content-Length promises more than comes: closed, or 400. */
static void truncated(void) {
    char request[2048], login[400];
    char *body = form_body(&good);
    int n = snprintf(request, sizeof request,
                     "POST %s HTTP/1.1\r\nHost: localhost\r\n%s\r\nContent-Type: " FORM
                     "\r\nContent-Length: 5000\r\nConnection: close\r\n\r\n%.600s",
                     refund_path, client_basic(&it.desk, login, sizeof login), body);
    int status = client_raw(&it.desk, request, n > 0 ? (size_t)n : 0);
    expect(status == 0 || status == 400, "a cut body: expected 400 or closed, got %d", status);
    expect_untouched("a cut body");
    free(body);
}

static void duplicated(void) {
    struct form f = good;
    form_add(&f, "otp", otp);
    refused_form("otp twice", &f, 400, NULL);
    f = good;
    form_add(&f, "idempotency_key", form_value(&good, "idempotency_key"));
    refused_form("idempotency_key twice", &f, 400, NULL);
    f = good;
    form_add(&f, "csrf_token", form_value(&good, "csrf_token"));
    refused_form("csrf_token twice", &f, 400, NULL);
}

static void malformed(void) {
    char body[2048];
    char *text = form_body(&good);
    static const struct {
        const char *about, *more;
    } cases[] = {{"an unknown field", "&amount=1.00"},
                 {"bytes that are not UTF-8", "&note=%ff%fe"},
                 {"an overlong UTF-8 sequence", "&note=%c0%af"},
                 {"a NUL byte", "&note=a%00b"},
                 {"a lone percent sign", "&note=%"},
                 {"a bad percent escape", "&note=%zz"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(body, sizeof body, "%s%s", text, cases[i].more);
        refused(cases[i].about, refund_path, FORM, body, 0, 400);
    }
    struct form f = good;
    form_drop(&f, "otp");
    char *rest = form_body(&f);
    snprintf(body, sizeof body, "%s&otp=%%ff%%fe12", rest);
    refused("an OTP that is not UTF-8", refund_path, FORM, body, 0, 400);
    snprintf(body, sizeof body, "%s&otp=1234%%0056", rest);
    refused("an OTP with a NUL byte", refund_path, FORM, body, 0, 400);
    free(rest);
    free(text);
}

static void missing(void) {
    struct form f = good;
    form_drop(&f, "otp");
    refused_form("no otp", &f, 400, NULL);
    f = good;
    form_drop(&f, "cash_returned");
    refused_form("cash_returned not ticked", &f, 400, "cash");
    f = good;
    form_set(&f, "cash_returned", "no");
    refused_form("cash_returned=no", &f, 400, NULL);
    f = good;
    form_drop(&f, "idempotency_key");
    refused_form("no idempotency_key", &f, 400, NULL);
    f = good;
    form_set(&f, "idempotency_key", "");
    refused_form("an empty idempotency_key", &f, 400, NULL);
    f = good;
    form_set(&f, "idempotency_key", "a key with blanks\n");
    refused_form("an idempotency_key with blanks", &f, 400, NULL);
    refused("an empty body", refund_path, FORM, "", 0, 400);
}

/* The hint is for the person who typed it: it must name digits. */
static void odd_otps(void) {
    static const struct {
        const char *about, *otp;
    } cases[] = {
        {"an OTP with a blank inside", "123 456"},
        {"an OTP with dashes", "123-456"},
        {"an OTP of letters", "abcdef"},
        {"an OTP with an O for a zero", "12345O"},
        {"an OTP in Devanagari digits", "\u0967\u0968\u0969\u096a\u096b\u096c"},
        {"an OTP in Arabic-Indic digits", "\u0661\u0662\u0663\u0664\u0665\u0666"},
        {"an OTP in full-width digits", "\uff11\uff12\uff13\uff14\uff15\uff16"},
        {"an OTP with a no-break space", "\u00a0123456"},
        {"an OTP with a sign", "+12345"},
        {"an OTP of three digits", "123"},
        {"an OTP of nine digits", "123456789"},
        {"an empty OTP", ""},
        {"an OTP of blanks", "    "},
        {"markup for an OTP", "<script>alert(1)</script>"},
        {"a quote for an OTP", "1234' or '1'='1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct form f = good;
        struct reply r = {0};
        form_set(&f, "otp", cases[i].otp);
        form_post(&it.desk, &f, &r);
        expect_status(cases[i].about, &r, 400);
        bool blank = strspn(cases[i].otp, " ") == strlen(cases[i].otp);
        expect_says(cases[i].about, &r, blank ? "Type the OTP" : "digits");
        expect(!reply_says(&r, "<script>alert"), "%s: comes back unescaped", cases[i].about);
        expect_untouched(cases[i].about);
        reply_free(&r);
    }
}

static void forged(void) {
    struct form f = good;
    char token[512];
    form_drop(&f, "csrf_token");
    refused_form("no csrf_token", &f, 403, NULL);
    f = good;
    form_set(&f, "csrf_token", "");
    refused_form("an empty csrf_token", &f, 403, NULL);
    snprintf(token, sizeof token, "%s", form_value(&good, "csrf_token"));
    for (size_t at = 0; token[0] && at < 2; at++) { /* its first and its last byte */
        size_t i = at ? strlen(token) - 2 : 0;
        char kept = token[i];
        token[i] = kept == 'A' ? 'B' : 'A';
        f = good;
        form_set(&f, "csrf_token", token);
        refused_form("a forged csrf_token", &f, 403, NULL);
        token[i] = kept;
    }
    if (it.supervisor.login) { /* another person's token */
        struct reply r = {0};
        form_post(&it.supervisor, &good, &r);
        expect_status("the token of another login", &r, 403);
        expect_untouched("the token of another login");
        reply_free(&r);
    }
}

static void methods(void) {
    static const struct {
        const char *method, *path, *allow;
    } cases[] = {
        {"POST", "/", "GET"},          {"DELETE", "/attempts", "GET"},
        {"PUT", "/attempts/1", "GET"}, {"PATCH", "/reconciliation", "GET"},
        {"POST", "/healthz", "GET"},   {"GET", NULL, "POST"},
        {"PUT", NULL, "POST"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reply r = {0};
        char about[128], allow[128];
        const char *path = cases[i].path ? cases[i].path : refund_path;
        const struct ask a = {.method = cases[i].method, .path = path};
        client_ask(&it.desk, &a, &r);
        snprintf(about, sizeof about, "%s %s", cases[i].method, path);
        expect_status(about, &r, 405);
        reply_header(&r, "Allow", allow, sizeof allow);
        expect(strstr(allow, cases[i].allow) != NULL, "%s: Allow: expected '%s' in it, got '%s'",
               about, cases[i].allow, allow);
        reply_free(&r);
    }
    expect_untouched("wrong methods");
}

static void content_types(void) {
    char *body = form_body(&good);
    refused("a form sent as JSON", refund_path, "application/json", body, 0, 415);
    refused("a form sent as text", refund_path, "text/plain", body, 0, 415);
    refused("a form sent as multipart", refund_path, "multipart/form-data; boundary=x", body, 0,
            415);
    refused("a form without content type", refund_path, NULL, body, 0, 415);
    free(body);
}

static void paths(void) {
    static const struct {
        const char *path;
        int status, other; /* either of the two */
    } cases[] = {
        {"/refunds/12a45678", 400, 404},
        {"/refunds/-1", 400, 404},
        {"/refunds/1234567890123456789", 400, 404},
        {"/refunds/012345678", 400, 400},
        {"/refunds/%31%32%33%34%35%36%37%zz", 400, 404},
        {"/refunds/%E0%A5%A7%E0%A5%A8%E0%A5%A9", 400, 404},
        {"/refunds/", 400, 404},
        {"/refunds/12345678/nothing", 404, 404},
        {"/attempts/abc", 400, 404},
        {"/attempts/0", 404, 400},
        {"/attempts/99999999999999999999", 400, 404},
        {"/attempts/999999999999", 404, 404},
        {"/attempts?after=abc", 400, 200},
        {"/attempts?tid=%FF", 400, 400},
        {"/attempts?tid=012345678", 400, 400},
        {"/no/such/page", 404, 404},
        {"/../../etc/passwd", 400, 404},
        {"/?%FF=%FF", 400, 200},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reply r = {0};
        client_get(&it.desk, cases[i].path, &r);
        expect(r.status == cases[i].status || r.status == cases[i].other,
               "GET %s: expected %d or %d, got %d", cases[i].path, cases[i].status, cases[i].other,
               r.status);
        reply_free(&r);
    }
    expect_untouched("odd paths");
}

/* What is forgiven: ASCII blanks around the digits; and a leading zero stays. */
static void surrounding_blanks(void) {
    struct form f = good;
    struct reply r = {0};
    char typed[32];
    snprintf(typed, sizeof typed, "  %s\t", otp);
    form_set(&f, "otp", typed);
    form_post(&it.desk, &f, &r);
    expect_status("an OTP with blanks around it", &r, 303);
    struct row w = wait_settled(reply_attempt_id(&r), 20);
    expect_text("an OTP with blanks around it", "resolution", "refunded", w.resolution);
    expect_number(tid, "initiate_calls in the book", 1, book_of(tid).initiate_calls);
    reply_free(&r);
}

/* A customer whose OTP begins with 0: asked for until there is one (one in ten does). */
static void leading_zero(void) {
    char zero[16] = "";
    for (int i = 0; i < 80 && zero[0] != '0'; i++) {
        const char *t = new_tid(i % 80);
        struct reply r = {0};
        char path[96], key[33];
        snprintf(path, sizeof path, "/api/v1/transactions/%s/otp", t);
        api_call(path, "{}", fresh_key(key), NULL, &r);
        if (phone_otp(t, zero, sizeof zero) && zero[0] == '0') {
            long id = submit_otp(&it.desk, t, zero, &r);
            expect_text(t, "an OTP with a leading zero: resolution", "refunded",
                        wait_settled(id, 20).resolution);
        }
        reply_free(&r);
    }
    expect(zero[0] == '0', "the bank texted no OTP with a leading zero in 80 tries");
}

static void nothing_left_behind(void) {
    expect_number("operators", "rows", operators_before,
                  db_number("select count(*) from otprefund.operator", NULL, NULL));
    expect_alive("all bad input");
}

void suite_badinput(void) {
    CU_pSuite s = CU_add_suite("badinput", NULL, NULL);
    CU_add_test(s, "a transaction to try it on", prepare_case);
    CU_add_test(s, "oversized bodies and fields", oversized);
    CU_add_test(s, "a body cut short", truncated);
    CU_add_test(s, "duplicated fields", duplicated);
    CU_add_test(s, "malformed and unknown fields", malformed);
    CU_add_test(s, "missing fields", missing);
    CU_add_test(s, "OTPs typed oddly", odd_otps);
    CU_add_test(s, "missing and forged csrf_token", forged);
    CU_add_test(s, "wrong methods", methods);
    CU_add_test(s, "wrong content types", content_types);
    CU_add_test(s, "odd paths", paths);
    CU_add_test(s, "blanks around the OTP are forgiven", surrounding_blanks);
    CU_add_test(s, "a leading zero is kept", leading_zero);
    CU_add_test(s, "nothing left behind", nothing_left_behind);
}
