/* test_route.c - the table of addresses and who may ask for them. */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/route.h"
#include "tests/unit/suite.h"

static void test_found(void) {
    static const struct {
        enum request_method method;
        const char *path;
        enum route_id id;
        enum route_who who;
        const char *param;
    } cases[] = {
        {METHOD_GET, "/", ROUTE_DESK, WHO_OPERATOR, ""},
        {METHOD_HEAD, "/refunds/1234", ROUTE_TRANSACTION, WHO_OPERATOR, "1234"},
        {METHOD_POST, "/refunds/1234/otp", ROUTE_SEND_OTP, WHO_OPERATOR, "1234"},
        {METHOD_POST, "/refunds/1234/refund", ROUTE_REFUND, WHO_OPERATOR, "1234"},
        {METHOD_GET, "/attempts", ROUTE_LIST, WHO_STAFF, ""},
        {METHOD_GET, "/attempts/77", ROUTE_ATTEMPT, WHO_STAFF, "77"},
        {METHOD_POST, "/attempts/77/ask", ROUTE_ASK, WHO_OPERATOR, "77"},
        {METHOD_POST, "/attempts/77/propose", ROUTE_PROPOSE, WHO_SUPERVISOR, "77"},
        {METHOD_POST, "/attempts/77/decide", ROUTE_DECIDE, WHO_AUDIT, "77"},
        {METHOD_GET, "/reconciliation", ROUTE_RECONCILIATION, WHO_AUDIT, ""},
        {METHOD_GET, "/healthz", ROUTE_HEALTHZ, WHO_LOCAL, ""},
        {METHOD_GET, "/readyz", ROUTE_READYZ, WHO_LOCAL, ""},
        {METHOD_GET, "/metrics", ROUTE_METRICS, WHO_LOCAL, ""},
        {METHOD_GET, "/style.css", ROUTE_STYLE, WHO_ANYBODY, ""},
        {METHOD_POST, "/callback/eko/s3cret", ROUTE_CALLBACK, WHO_BANK, "s3cret"},
        {METHOD_GET, "/api/v1/transactions/client_ref_id:A1", ROUTE_API_TRANSACTION, WHO_CLIENT,
         "client_ref_id:A1"},
        {METHOD_POST, "/api/v1/transactions/5/otp", ROUTE_API_OTP, WHO_REFUNDER, "5"},
        {METHOD_POST, "/api/v1/transactions/5/refunds", ROUTE_API_REFUND, WHO_REFUNDER, "5"},
        {METHOD_GET, "/api/v1/attempts/5", ROUTE_API_ATTEMPT, WHO_CLIENT, "5"},
        {METHOD_GET, "/api/v1/attempts", ROUTE_API_LIST, WHO_CLIENT, ""},
    };
    struct route r;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        route_find(cases[i].method, cases[i].path, &r);
        if (r.id != cases[i].id)
            printf("\n  %s", cases[i].path);
        CU_ASSERT_EQUAL(r.id, cases[i].id);
        CU_ASSERT_EQUAL(r.who, cases[i].who);
        CU_ASSERT_PTR_NULL(r.allow);
        CU_ASSERT_STRING_EQUAL(r.param, cases[i].param);
    }
    CU_ASSERT_EQUAL(sizeof(cases) / sizeof(cases[0]), ROUTE__MAX - 1);
}

static void test_not_found(void) {
    static const char *const paths[] = {"",
                                        "/x",
                                        "/refunds",
                                        "/refunds/",
                                        "/refunds/1/",
                                        "/refunds/1/otp/x",
                                        "/attempts/",
                                        "/attempts/1/2",
                                        "/callback/eko",
                                        "/callback/eko/",
                                        "/api",
                                        "/api/v1/",
                                        "/api/v2/attempts",
                                        "/style.css/",
                                        "/Healthz"};
    struct route r;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        route_find(METHOD_GET, paths[i], &r);
        CU_ASSERT_EQUAL(r.id, ROUTE_NONE);
        CU_ASSERT_PTR_NULL(r.pattern);
    }
    char longest[9 + ROUTE_PARAM_SIZE + 1] = "/refunds/";
    memset(longest + 9, '1', ROUTE_PARAM_SIZE - 1);
    route_find(METHOD_GET, longest, &r);
    CU_ASSERT_EQUAL(r.id, ROUTE_TRANSACTION);
    longest[9 + ROUTE_PARAM_SIZE - 1] = '1';
    route_find(METHOD_GET, longest, &r);
    CU_ASSERT_EQUAL(r.id, ROUTE_NONE);
}

static void test_methods(void) {
    struct route r;
    route_find(METHOD_GET, "/refunds/1/refund", &r);
    CU_ASSERT_STRING_EQUAL(r.allow, "POST");
    route_find(METHOD_HEAD, "/refunds/1/otp", &r);
    CU_ASSERT_STRING_EQUAL(r.allow, "POST");
    route_find(METHOD_POST, "/refunds/1", &r);
    CU_ASSERT_STRING_EQUAL(r.allow, "GET, HEAD");
    route_find(METHOD_OTHER, "/", &r);
    CU_ASSERT_STRING_EQUAL(r.allow, "GET, HEAD");
}

static void test_roles(void) {
    static const bool may[WHO_SUPERVISOR + 1][OTR_ROLE__MAX] = {
        [WHO_OPERATOR] = {false, true, true, false},
        [WHO_STAFF] = {false, true, true, true},
        [WHO_AUDIT] = {false, false, true, true},
        [WHO_SUPERVISOR] = {false, false, true, false},
    };
    for (int who = 0; who < WHO__MAX; who++)
        for (int role = 0; role < OTR_ROLE__MAX; role++)
            CU_ASSERT_EQUAL(route_role_may((enum route_who)who, (enum otr_role)role),
                            who <= WHO_SUPERVISOR && may[who][role]);
}

int main(void) {
    CU_pSuite suite = suite_begin("route", NULL, NULL);
    if (!suite || !CU_add_test(suite, "every address", test_found) ||
        !CU_add_test(suite, "no such address", test_not_found) ||
        !CU_add_test(suite, "methods", test_methods) || !CU_add_test(suite, "roles", test_roles))
        return 2;
    return suite_run();
}
