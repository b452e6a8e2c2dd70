/* pages.c - one refund as an operator makes it, and what every answer of the program carries. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/integration/it.h"

static char refunded_path[64]; /* of the attempt made here */
static const char *refunded_tid;

static void one_refund(void) {
    refunded_tid = new_tid(30);
    char otp[16], path[64];
    struct reply r = {0};
    snprintf(path, sizeof path, "/refunds/%s", refunded_tid);
    client_get(&it.desk, path, &r);
    expect_status(path, &r, 200);
    expect_says(path, &r, refunded_tid);
    expect_says(path, &r, "<html lang=\"en");
    expect_says(path, &r, "<title>");
    expect_says(path, &r, "viewport");
    expect_says(path, &r, "inputmode=\"numeric\"");
    expect_says(path, &r, "autocomplete=\"one-time-code\"");
    expect(!reply_says(&r, "type=\"number\""),
           "%s: a number field would lose the leading zeros of an OTP", path);
    if (texted_otp(&it.desk, refunded_tid, otp, sizeof otp)) {
        long id = submit_otp(&it.desk, refunded_tid, otp, &r);
        struct row w = wait_settled(id, 20);
        expect_text(refunded_tid, "resolution", "refunded", w.resolution);
        expect_text(refunded_tid, "operator", it.desk.login, w.operator_name);
        snprintf(refunded_path, sizeof refunded_path, "/attempts/%ld", id);
        client_get(&it.desk, refunded_path, &r);
        expect_says(refunded_path, &r, "refunded");
        expect(!reply_says(&r, otp), "%s: the page shows the OTP", refunded_path);
        client_get(&it.desk, "/", &r);
        expect_says("the desk after a refund", &r, refunded_tid);
        client_get(&it.desk, "/attempts", &r);
        expect_says("the list after a refund", &r, refunded_tid);
    }
    reply_free(&r);
}

static void find_on_desk(void) {
    char path[96], where[512], tid_path[64];
    struct reply r = {0};
    snprintf(tid_path, sizeof tid_path, "/refunds/%s", refunded_tid);
    static const char *const fields[] = {"q", "query", "find", "tid", "search"};
    bool found = false;
    client_get(&it.desk, "/", &r);
    expect_status("/", &r, 200);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0] && !found; i++) {
        char name[32];
        snprintf(name, sizeof name, "name=\"%s\"", fields[i]);
        if (!reply_says(&r, name))
            continue;
        found = true;
        snprintf(path, sizeof path, "/?%s=%s", fields[i], refunded_tid);
        struct reply q = {0};
        client_get(&it.desk, path, &q);
        expect(q.status == 303 || q.status == 302,
               "%s: expected to be sent to the transaction, got %d", path, q.status);
        expect_text(path, "Location", tid_path, reply_location(&q, where, sizeof where));
        snprintf(path, sizeof path, "/?%s=REF%s", fields[i], refunded_tid); /* by own reference */
        client_get(&it.desk, path, &q);
        expect(q.status == 303 || q.status == 302,
               "%s: expected to be sent to the transaction, got %d", path, q.status);
        expect_text(path, "Location", tid_path, reply_location(&q, where, sizeof where));
        reply_free(&q);
    }
    expect(found, "the desk has no field to find a transaction with");
    reply_free(&r);
}

/* The headers of one answer, whatever its status. */
static void expect_headers(const char *path, const struct reply *r) {
    char value[1024];
    static const char *const scripts[] = {"'unsafe-inline'", "'unsafe-eval'", " * ", " *;",
                                          "http:",           "https:"};
    reply_header(r, "Content-Security-Policy", value, sizeof value);
    expect(strstr(value, "default-src 'none'") || strstr(value, "default-src 'self'"),
           "%s (%d): Content-Security-Policy is '%s'", path, r->status, value);
    expect(strstr(value, "frame-ancestors 'none'") != NULL, "%s (%d): may be framed: '%s'", path,
           r->status, value);
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
        expect(!strstr(value, scripts[i]), "%s (%d): Content-Security-Policy allows %s", path,
               r->status, scripts[i]);
    expect_text(path, "X-Content-Type-Options", "nosniff",
                reply_header(r, "X-Content-Type-Options", value, sizeof value));
    reply_header(r, "Cache-Control", value, sizeof value);
    expect(strstr(value, "no-store") != NULL, "%s (%d): Cache-Control is '%s'", path, r->status,
           value);
    expect(*reply_header(r, "Referrer-Policy", value, sizeof value), "%s (%d): no Referrer-Policy",
           path, r->status);
    expect(*reply_header(r, "Content-Type", value, sizeof value), "%s (%d): no Content-Type", path,
           r->status);
    expect(!*reply_header(r, "X-Powered-By", value, sizeof value), "%s: X-Powered-By", path);
}

static void headers(void) {
    static const char *const paths[] = {"/",
                                        "/attempts",
                                        "/attempts?format=csv",
                                        "/nothing",
                                        "/attempts/abc",
                                        "/reconciliation",
                                        "/refunds/x",
                                        "/attempts/999999999999"};
    struct reply r = {0};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        client_get(&it.desk, paths[i], &r);
        expect_headers(paths[i], &r);
    }
    client_get(&it.desk, refunded_path, &r);
    expect_headers(refunded_path, &r);
    const struct ask post = {.method = "POST",
                             .path = "/refunds/12345678/otp",
                             .body = "",
                             .content_type = "text/plain"};
    client_ask(&it.desk, &post, &r);
    expect_headers("POST as text", &r);
    api_call("/api/v1/attempts", NULL, NULL, NULL, &r);
    expect_headers("/api/v1/attempts", &r);
    api_call("/api/v1/attempts/0", NULL, NULL, NULL, &r);
    expect_headers("/api/v1/attempts/0", &r);
    client_get(&it.desk, "/style.css", &r);
    char type[128];
    expect_status("/style.css", &r, 200);
    reply_header(&r, "Content-Type", type, sizeof type);
    expect(strncasecmp(type, "text/css", 8) == 0, "/style.css: Content-Type is '%s'", type);
    reply_free(&r);
}

static void probes(void) {
    struct reply r = {0};
    char type[128];
    client_get(&it.nobody, "/healthz", &r);
    expect_status("/healthz", &r, 200);
    client_get(&it.nobody, "/readyz", &r);
    expect_status("/readyz", &r, 200);
    expect_says("/readyz", &r, "resolver: ok");
    client_get(&it.nobody, "/metrics", &r);
    expect_status("/metrics", &r, 200);
    reply_header(&r, "Content-Type", type, sizeof type);
    expect(strncasecmp(type, "text/plain", 10) == 0, "/metrics: Content-Type is '%s'", type);
    expect_says("/metrics", &r, "# TYPE otprefund_");
    expect_says("/metrics", &r, "# HELP otprefund_");
    expect_says("/metrics", &r, "otprefund_resolver_errors_total ");
    expect_says("/metrics", &r, "\notprefund_listening 1\n");
    for (const char *p = r.body; p && *p;) { /* every line is a comment or "name[{labels}] value" */
        size_t n = strcspn(p, "\n");
        expect(n == 0 || *p == '#' || memchr(p, ' ', n) != NULL, "/metrics: odd line '%.*s'",
               (int)n, p);
        p += n + (p[n] == '\n');
    }
    reply_free(&r);
}

static void head_requests(void) {
    static const char *const paths[] = {"/", "/attempts", "/healthz"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct reply r = {0};
        client_ask(&it.desk, &(struct ask){.method = "HEAD", .path = paths[i]}, &r);
        expect_status(paths[i], &r, 200);
        expect_number(paths[i], "bytes of body after HEAD", 0, (long long)r.body_size);
        reply_free(&r);
    }
}

static void csv(void) {
    struct reply r = {0};
    char type[128], path[300], where[256] = "";
    snprintf(path, sizeof path, "/attempts?tid=%s", refunded_tid);
    client_get(&it.desk, path, &r);
    expect_status(path, &r, 200);
    for (const char *p = r.body; p && (p = strstr(p, "href=\"")); p++) { /* as the page links it */
        size_t n = strcspn(p + 6, "\"");
        if (n < sizeof where && memmem(p + 6, n, "csv", 3)) {
            size_t o = 0;
            for (size_t i = 0; i < n; i++) {
                where[o++] = p[6 + i];
                if (strncmp(p + 6 + i, "&amp;", 5) == 0)
                    i += 4;
            }
            where[o] = '\0';
            break;
        }
    }
    expect(where[0] != '\0', "%s: no link to the CSV", path);
    if (where[0]) {
        snprintf(path, sizeof path, "%s%s", where[0] == '/' ? "" : "/attempts", where);
        client_get(&it.desk, path, &r);
        expect_status(path, &r, 200);
        reply_header(&r, "Content-Type", type, sizeof type);
        expect(strncasecmp(type, "text/csv", 8) == 0, "%s: Content-Type is '%s'", path, type);
        expect_says(path, &r, "attempt_id,");
        expect_says(path, &r, refunded_tid);
        expect_says(path, &r, "refunded");
    }
    reply_free(&r);
}

void suite_pages(void) {
    CU_pSuite s = CU_add_suite("pages", NULL, NULL);
    CU_add_test(s, "one refund at the desk", one_refund);
    CU_add_test(s, "find by TID and by own reference", find_on_desk);
    CU_add_test(s, "security headers on every answer", headers);
    CU_add_test(s, "healthz, readyz, metrics", probes);
    CU_add_test(s, "HEAD", head_requests);
    CU_add_test(s, "the list as CSV", csv);
}
