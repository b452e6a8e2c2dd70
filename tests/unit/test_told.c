/* test_told.c - what the log says of those who are refused, and of those who look; and no secret. */
#include <CUnit/Basic.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fcgi/log.h"
#include "tests/unit/house.h"
#include "tests/unit/pg_helper.h"
#include "tests/unit/suite.h"

#define FORM "application/x-www-form-urlencoded"
#define JSON "application/json"
#define OTP  "/refunds/81000002/otp"

static char said[65536];
static int file = -1, quiet = -1;

static void log_begin(enum log_level level) {
    char path[] = "/tmp/otprefund-told.XXXXXX";
    file = mkstemp(path);
    quiet = dup(2);
    CU_ASSERT_FATAL(file >= 0 && quiet >= 0 && dup2(file, 2) == 2);
    unlink(path);
    log_setup(level, false);
}

/* Into said. */
static void log_end(void) {
    log_setup(LOG_ERROR, false);
    dup2(quiet, 2);
    ssize_t n = pread(file, said, sizeof said - 1, 0);
    CU_ASSERT(n > 0);
    said[n > 0 ? n : 0] = '\0';
    close(file);
    close(quiet);
}

static char strange[32]; /* an attempt of asha's alone */

static bool one_attempt(void) {
    house_ask(
        &(struct house_request){.method = "GET", .path = "/refunds/81000001", .login = "asha"});
    snprintf(strange, sizeof strange, "/attempts/%s",
             pg_text("SELECT max(attempt_id) FROM otprefund.attempt WHERE operator = 'asha'"));
    return strlen(strange) > strlen("/attempts/");
}

/* Who was refused, why, and no token in it. */
static void test_refused(void) {
    char body[400];
    snprintf(body, sizeof body, "idempotency_key=t-1&csrf_token=%s", house_token("asha"));
    const struct {
        struct house_request asked;
        int status;
        const char *wanted;
    } cases[] = {
        {{"GET", "/", .login = "mallory"}, 403, "user=mallory because=unknown path=/ "},
        {{"GET", "/", .login = "gone"}, 403, "user=gone because=disabled path=/ "},
        {{"GET", "/", .login = "meera"}, 403, "user=meera because=role path=/ "},
        {{"GET", "/", .login = ""}, 403, "refused because=\"no login\" path=/ from=127.0.0.1\n"},
        {{"POST", OTP, .login = "usha", .type = FORM, .body = body},
         403,
         "user=usha because=\"form token\" path=/refunds/{tid}/otp "},
        {{"POST", OTP, .login = "asha", .type = FORM, .body = body, .site = "cross-site"},
         403,
         "user=asha because=\"another site\" path=/refunds/{tid}/otp "},
        {{"GET", "/attempts", .login = "asha", .site = "cross-site"},
         403,
         "user=asha because=\"another site\" path=/attempts "},
        {{"GET", strange, .login = "usha"},
         404,
         "user=usha because=\"another counter\" path=/attempts/{id} "},
        {{.method = "GET", .path = "/api/v1/attempts"},
         401,
         "refused because=\"no token\" path=/api/v1/attempts "},
        {{"GET", "/api/v1/attempts", .bearer = "token-of-nobody-at-all"},
         401,
         "refused because=token path=/api/v1/attempts "},
        {{"POST", "/api/v1/transactions/81000003/refunds", .bearer = HOUSE_TOKEN_READ, .key = "t-2",
          .type = JSON, .body = "{\"otp\":\"48201537\"}"},
         403,
         "user=reader because=scope "},
        {{"POST", "/callback/eko/token-of-the-bank", .type = JSON, .body = "{}"},
         404,
         "refused because=\"callback secret\" path=/callback/eko/{secret} "},
        {{"GET", "/metrics", .address = "192.0.2.7"},
         403,
         "because=\"not this machine\" path=/metrics from=192.0.2.7\n"},
        {{"GET", "/readyz", .address = ""}, 403, "because=\"not this machine\" path=/readyz\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        log_begin(LOG_WARNING);
        CU_ASSERT_EQUAL(house_ask(&cases[i].asked), cases[i].status);
        log_end();
        const char *line = strstr(said, " warning ");
        CU_ASSERT_PTR_NOT_NULL(line);
        CU_ASSERT(line && !strstr(line + 1, " warning ")); /* once */
        if (!strstr(said, cases[i].wanted))
            printf("\n    not told: %s in\n%s", cases[i].wanted, said);
        CU_ASSERT_PTR_NOT_NULL(strstr(said, cases[i].wanted));
        CU_ASSERT_PTR_NULL(strstr(said, "token-of-"));
        CU_ASSERT_PTR_NULL(strstr(said, "48201537"));
    }
}

/* An operator may look at whatever TID is at hand; so it is known who did. */
static void test_lookup(void) {
    log_begin(LOG_INFO);
    house_ask(&(struct house_request){"GET", "/attempts", "tid=81999999", .login = "usha"});
    log_end();
    CU_ASSERT_PTR_NOT_NULL(strstr(said, " lookup user=usha tid=81999999\n"));
    log_begin(LOG_INFO);
    house_ask(&(struct house_request){"GET", "/attempts", .login = "usha"});
    log_end();
    CU_ASSERT_PTR_NULL(strstr(said, " lookup "));
}

/* What a mistyped address of the callback leaves in the log: nothing of its secret. */
static void test_secret(void) {
    static const char *const paths[] = {
        "/callback/eko/" HOUSE_CALLBACK,      "//callback/eko/" HOUSE_CALLBACK,
        "/./callback/eko/" HOUSE_CALLBACK,    "/Callback/eko/" HOUSE_CALLBACK,
        "/x/../callback/eko/" HOUSE_CALLBACK, "/%2563allback/eko/" HOUSE_CALLBACK,
        "/callbak/eko/" HOUSE_CALLBACK,       "/callback/eko/" HOUSE_CALLBACK "/",
        "/callback/eko/x" HOUSE_CALLBACK,     "/api/callback/eko/" HOUSE_CALLBACK};
    int lines = 0;
    log_begin(LOG_DEBUG);
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        house_ask(&(struct house_request){.method = "GET", .path = paths[i]});
        house_ask(&(struct house_request){"POST", paths[i], .type = JSON,
                                          .body = "{\"tid\":\"81000001\"}"});
    }
    log_end();
    for (const char *p = said; (p = strstr(p, " request method=")); p++)
        lines++;
    CU_ASSERT_EQUAL(lines, 2 * (int)(sizeof paths / sizeof paths[0]));
    CU_ASSERT_PTR_NULL(strstr(said, HOUSE_CALLBACK));
}

int main(void) {
    if (!getenv("OTPREFUND_TEST_DB"))
        return 77;
    setvbuf(stdout, NULL, _IONBF, 0);
    if (!house_open() || !one_attempt())
        return 1;
    CU_pSuite s = suite_begin("told", NULL, NULL);
    CU_add_test(s, "refusals are told in the log", test_refused);
    CU_add_test(s, "who looks a transaction up", test_lookup);
    CU_add_test(s, "the callback's secret is in no log", test_secret);
    int failed = suite_run();
    house_close();
    return failed;
}
