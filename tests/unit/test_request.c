/* test_request.c - requests from an array of CGI variables and a reader of the body. */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/otprefund.h"
#include "fcgi/request.h"
#include "tests/unit/suite.h"

/* Random bytes come from the core; here a counter, so that two requests differ. */
bool otr_random(void *out, size_t size) {
    static unsigned char next;
    memset(out, ++next, size);
    return true;
}

static struct request r;
static const char *why;

static int parse(const char *const *env) {
    why = NULL;
    return request_parse(&r, (char *const *)(uintptr_t)env, NULL, NULL, &why);
}

#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})
#define URI(u)     PARSE("REQUEST_METHOD=GET", "REQUEST_URI=" u)

static void test_good(void) {
    CU_ASSERT_EQUAL(PARSE("REQUEST_METHOD=POST", "REQUEST_URI=/refunds/12%33?q=1",
                          "QUERY_STRING=q=1", "REMOTE_USER=asha", "REMOTE_ADDR=127.0.0.1",
                          "CONTENT_TYPE=text/plain", "CONTENT_LENGTH=3",
                          "HTTP_AUTHORIZATION=bearer  tok", "HTTP_SEC_FETCH_SITE=none",
                          "HTTP_SEC_FETCH_MODE=navigate", "HTTP_SEC_FETCH_DEST=document",
                          "HTTP_IDEMPOTENCY_KEY=k1", "HTTP_PREFER=wait=5", "HTTP_X_REQUEST_ID=mine",
                          "NOT A PAIR"),
                    0);
    CU_ASSERT_EQUAL(r.method, METHOD_POST);
    CU_ASSERT_STRING_EQUAL(r.path, "/refunds/123");
    CU_ASSERT_STRING_EQUAL(r.query, "q=1");
    CU_ASSERT_STRING_EQUAL(r.remote_user, "asha");
    CU_ASSERT_STRING_EQUAL(r.bearer, "tok");
    CU_ASSERT_STRING_EQUAL(r.idempotency_key, "k1");
    CU_ASSERT_STRING_EQUAL(r.sec_fetch_site, "none");
    CU_ASSERT_STRING_EQUAL(r.sec_fetch_mode, "navigate");
    CU_ASSERT_STRING_EQUAL(r.sec_fetch_dest, "document");
    CU_ASSERT_EQUAL(r.content_length, 3);
    CU_ASSERT_STRING_NOT_EQUAL(r.id, "mine");
    CU_ASSERT_EQUAL(strlen(r.id), 16);
    request_clear(&r);
    CU_ASSERT_EQUAL(PARSE("REQUEST_METHOD=GET", "REQUEST_URI=/", "HTTP_AUTHORIZATION=Basic YTpi"),
                    0);
    CU_ASSERT_PTR_NULL(r.bearer); /* a password is none of our business */
    CU_ASSERT_PTR_NULL(memmem(r.text, r.used, "YTpi", 4));
    CU_ASSERT_EQUAL(r.content_length, -1);
    CU_ASSERT_STRING_EQUAL(r.remote_user, "");
}

static void test_path(void) {
    CU_ASSERT_EQUAL(PARSE("REQUEST_METHOD=GET", "DOCUMENT_URI=/a%20b", "SCRIPT_NAME=/x"), 0);
    CU_ASSERT_STRING_EQUAL(r.path, "/a%20b"); /* the web server has decoded it: not twice */
    CU_ASSERT_EQUAL(PARSE("REQUEST_METHOD=GET", "SCRIPT_NAME=/x", "PATH_INFO=/y"), 0);
    CU_ASSERT_STRING_EQUAL(r.path, "/x/y");
    CU_ASSERT_EQUAL(PARSE("REQUEST_METHOD=GET", "SCRIPT_NAME=", "PATH_INFO=/y"), 0);
    CU_ASSERT_STRING_EQUAL(r.path, "/y");
    CU_ASSERT_EQUAL(URI("/a%2562"), 0);
    CU_ASSERT_STRING_EQUAL(r.path, "/a%62");
    CU_ASSERT_EQUAL(URI("/a+b"), 0);
    CU_ASSERT_STRING_EQUAL(r.path, "/a+b");
    CU_ASSERT_EQUAL(URI("/%zz"), 400);
    CU_ASSERT_PTR_NOT_NULL(why);
    CU_ASSERT_STRING_EQUAL(r.path, "");
    CU_ASSERT_EQUAL(URI("/%"), 400);
    CU_ASSERT_EQUAL(URI("/%4"), 400);
    CU_ASSERT_EQUAL(URI("/%00"), 400);
    CU_ASSERT_EQUAL(URI("/%0a"), 400);
    CU_ASSERT_EQUAL(URI("/%ff"), 400);
    CU_ASSERT_EQUAL(URI("/\xff"), 400);
    CU_ASSERT_EQUAL(URI("/%c0%af"), 400);
    CU_ASSERT_EQUAL(URI("//"), 404);
    CU_ASSERT_EQUAL(URI("/a/"), 404);
    CU_ASSERT_EQUAL(URI("/a//b"), 404);
    CU_ASSERT_EQUAL(URI("/a/../b"), 404);
    CU_ASSERT_EQUAL(URI("/a/%2e%2e/b"), 404);
    CU_ASSERT_EQUAL(URI("/a%2f..%2fb"), 404);
    CU_ASSERT_EQUAL(URI("/./b"), 404);
    CU_ASSERT_EQUAL(URI("/.."), 404);
    CU_ASSERT_EQUAL(URI("/..b"), 0);
    CU_ASSERT_EQUAL(URI("*"), 404);
    CU_ASSERT_EQUAL(URI("http://h/x"), 404);
    CU_ASSERT_EQUAL(PARSE("REQUEST_METHOD=GET"), 404);
}

static int with_long(const char *name, size_t size) {
    static char variable[20000];
    int n = snprintf(variable, sizeof(variable), "%s=/", name);
    memset(variable + n, 'a', size - 1);
    variable[(size_t)n + size - 1] = '\0';
    return PARSE("REQUEST_METHOD=GET", "DOCUMENT_URI=/", variable);
}

static void test_bounds(void) {
    CU_ASSERT_EQUAL(with_long("REQUEST_URI", 6144), 0);
    CU_ASSERT_EQUAL(with_long("REQUEST_URI", 6145), 400);
    CU_ASSERT_EQUAL(with_long("QUERY_STRING", 4096), 0);
    CU_ASSERT_EQUAL(with_long("QUERY_STRING", 4097), 400);
    CU_ASSERT_EQUAL(with_long("REMOTE_USER", 64), 0);
    CU_ASSERT_EQUAL(with_long("REMOTE_USER", 65), 400);
    CU_ASSERT_EQUAL(with_long("HTTP_IDEMPOTENCY_KEY", 128), 0);
    CU_ASSERT_EQUAL(with_long("HTTP_IDEMPOTENCY_KEY", 129), 400);
    CU_ASSERT_EQUAL(with_long("HTTP_COOKIE", 19000), 0);   /* not looked at */
    CU_ASSERT_EQUAL(with_long("REQUEST_METHOD", 17), 400); /* and another method than GET */
    CU_ASSERT_EQUAL(PARSE("REQUEST_METHOD=GETGETGETGETGETGETGET", "REQUEST_URI=/"), 400);
    CU_ASSERT_EQUAL(r.method, METHOD_OTHER);
    CU_ASSERT_EQUAL(PARSE("REQUEST_METHOD=get", "REQUEST_URI=/"), 0);
    CU_ASSERT_EQUAL(r.method, METHOD_OTHER);
    CU_ASSERT_EQUAL(PARSE("REQUEST_METHOD=GET", "REQUEST_URI=/", "CONTENT_LENGTH=-1"), 400);
    CU_ASSERT_EQUAL(PARSE("REQUEST_METHOD=GET", "REQUEST_URI=/", "CONTENT_LENGTH=1x"), 400);
    CU_ASSERT_EQUAL(PARSE("REQUEST_METHOD=GET", "REQUEST_URI=/", "CONTENT_LENGTH="), 0);
    CU_ASSERT_EQUAL(PARSE("REQUEST_METHOD=GET", "REQUEST_URI=/", "REMOTE_USER=a\x01"), 400);
    CU_ASSERT_EQUAL(PARSE("REQUEST_METHOD=GET", "REQUEST_URI=/", "REMOTE_USER=\xe9"), 400);
}

static int twice(const char *first, const char *second) {
    return PARSE("REQUEST_METHOD=GET", "REQUEST_URI=/", first, second);
}

/* An empty one says something too where it says who asks or what for; elsewhere it does not count. */
static void test_twice(void) {
    static const char *const proofs[] = {"REMOTE_USER=", "HTTP_AUTHORIZATION=",
                                         "HTTP_IDEMPOTENCY_KEY="};
    static const char *const filled[] = {"REMOTE_USER=a", "HTTP_AUTHORIZATION=Bearer a",
                                         "HTTP_IDEMPOTENCY_KEY=a"};
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(twice(proofs[i], filled[i]), 400);
        CU_ASSERT_EQUAL(twice(filled[i], proofs[i]), 400);
        CU_ASSERT_STRING_EQUAL(r.remote_user, "");
        CU_ASSERT_EQUAL(twice(filled[i], filled[i]), 0);
        CU_ASSERT_EQUAL(twice(proofs[i], proofs[i]), 0);
    }
    CU_ASSERT_EQUAL(twice("REMOTE_USER=a", "REMOTE_USER=b"), 400);
    CU_ASSERT_EQUAL(twice("CONTENT_TYPE=", "CONTENT_TYPE=text/plain"), 0);
    CU_ASSERT_STRING_EQUAL(r.content_type, "text/plain");
    CU_ASSERT_EQUAL(twice("CONTENT_TYPE=text/plain", "CONTENT_TYPE="), 0);
    CU_ASSERT_STRING_EQUAL(r.content_type, "text/plain");
    CU_ASSERT_EQUAL(twice("CONTENT_TYPE=text/plain", "CONTENT_TYPE=text/html"), 400);
}

/* A body that comes in pieces of three bytes. */
struct source {
    const char *bytes;
    size_t size;
};

static size_t piece(void *arg, char *out, size_t size) {
    struct source *s = arg;
    size_t n = size < 3 ? size : 3;
    n = n < s->size ? n : s->size;
    memcpy(out, s->bytes, n);
    s->bytes += n;
    s->size -= n;
    return n;
}

static int body(const char *type, const char *length, const char *bytes, size_t max) {
    char t[80], l[80];
    struct source s = {bytes, strlen(bytes)};
    snprintf(t, sizeof(t), "CONTENT_TYPE=%s", type);
    snprintf(l, sizeof(l), "CONTENT_LENGTH=%s", length);
    const char *env[] = {"REQUEST_METHOD=POST", "REQUEST_URI=/", t, l, NULL};
    request_clear(&r);
    CU_ASSERT_EQUAL(request_parse(&r, (char *const *)(uintptr_t)env, piece, &s, &why), 0);
    return request_body(&r, max, "application/json", &why);
}

static void test_body(void) {
    CU_ASSERT_EQUAL(body("application/json", "8", "12345678", 8), 0);
    CU_ASSERT_STRING_EQUAL(r.body, "12345678");
    CU_ASSERT_EQUAL(r.body_size, 8);
    CU_ASSERT_EQUAL(body("Application/JSON ; charset=utf-8", "2", "{}", 8), 0);
    CU_ASSERT_EQUAL(body("application/json", "0", "", 8), 0);
    CU_ASSERT_EQUAL(r.body_size, 0);
    CU_ASSERT_EQUAL(body("application/jsonx", "2", "{}", 8), 415);
    CU_ASSERT_EQUAL(body("", "2", "{}", 8), 415);
    CU_ASSERT_EQUAL(body("text/plain", "2", "{}", 8), 415);
    CU_ASSERT_EQUAL(body("application/json", "9", "123456789", 8), 413);
    CU_ASSERT_PTR_NULL(r.body);
    CU_ASSERT_EQUAL(body("application/json", "999999999999999999", "", 8), 413);
    CU_ASSERT_EQUAL(body("application/json", "", "{}", 8), 400);
    CU_ASSERT_EQUAL(body("application/json", "5", "1234", 8), 400);
    request_clear(&r);
    CU_ASSERT_PTR_NULL(r.body);
}

static void test_wait(void) {
    static const struct {
        const char *prefer;
        int seconds;
    } cases[] = {
        {"wait=5", 5},
        {"wait=0", 0},
        {"WAIT=7", 7},
        {"respond-async, wait=9", 9},
        {"wait=3; x=y", 3},
        {"wait=600", 30},
        {"wait=\"3\"", 3},
        {"respond-async, wait=\"8\"; x=y", 8},
        {"x=\"a, wait=9\", wait=4", 4},
        {"x=\"\\\", wait=9\", wait=4", 4},
        {"x=\"a, wait=9", -1},
        {"wait=\"\"", -1},
        {"wait=\"3", -1},
        {"wait=3\"", -1},
        {"wait=\"", -1},
        {"wait=999999999999999999999", -1},
        {"wait=", -1},
        {"wait=-1", -1},
        {"waiting=4", -1},
        {"", -1},
        {",,;,", -1},
        {"return=minimal", -1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        r.prefer = cases[i].prefer;
        CU_ASSERT_EQUAL(request_wait_s(&r, 30, -1), cases[i].seconds);
    }
    r.prefer = NULL;
    CU_ASSERT_EQUAL(request_wait_s(&r, 30, 2), 2);
}

static void test_wiped(void) {
    struct source s = {"otp=424242", 10};
    const char *env[] = {"REQUEST_METHOD=POST", "REQUEST_URI=/", "CONTENT_LENGTH=10",
                         "HTTP_AUTHORIZATION=Bearer s3cr3t", NULL};
    request_clear(&r);
    CU_ASSERT_EQUAL(request_parse(&r, (char *const *)(uintptr_t)env, piece, &s, &why), 0);
    CU_ASSERT_EQUAL(request_body(&r, 100, NULL, &why), 0);
    size_t used = r.used;
    CU_ASSERT_PTR_NOT_NULL(memmem(r.text, used, "s3cr3t", 6));
    request_clear(&r);
    CU_ASSERT_PTR_NULL(memmem(r.text, used, "s3cr3t", 6));
    CU_ASSERT_PTR_NULL(r.body);
    request_free(&r);
    CU_ASSERT_PTR_NULL(r.text);
}

int main(void) {
    CU_pSuite suite = suite_begin("request", NULL, NULL);
    if (!suite || !CU_add_test(suite, "good", test_good) ||
        !CU_add_test(suite, "path", test_path) || !CU_add_test(suite, "bounds", test_bounds) ||
        !CU_add_test(suite, "twice", test_twice) ||
        !CU_add_test(suite, "body", test_body) || !CU_add_test(suite, "prefer wait", test_wait) ||
        !CU_add_test(suite, "wiped", test_wiped))
        return 2;
    return suite_run();
}
