/* test_open.c - a core that cannot be opened says why, and the next one opens. */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/settings.h"
#include "tests/unit/house.h"
#include "tests/unit/pg_helper.h"
#include "tests/unit/suite.h"

static void says(const struct otr_config *c, enum otr_status status, const char *why) {
    struct otr_fault f;
    struct otr *o = NULL;
    CU_ASSERT_EQUAL(otr_open(c, &o, &f), status);
    CU_ASSERT_PTR_NULL(o);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.detail, why));
    if (!strstr(f.detail, why))
        fprintf(stderr, "instead of \"%s\": %s\n", why, f.detail);
}

static void opened_in_vain(void) {
    struct otr_config good, bad;
    struct otr_fault f;
    struct otr *o = NULL;
    settings_core(house.settings, &good);
    bad = good;
    bad.developer_key_file = "/nonexistent/key";
    says(&bad, OTR_INVALID, "/nonexistent/key");
    bad = good;
    bad.secret_key_file = "/nonexistent/master";
    says(&bad, OTR_INVALID, "/nonexistent/master");
    bad = good;
    bad.conninfo = "host=/nonexistent user=nobody dbname=none";
    says(&bad, OTR_NO_JOURNAL, "/nonexistent");
    bad = good;
    bad.ca_file = "/nonexistent/ca.pem";
    says(&bad, OTR_BROKEN, "/nonexistent/ca.pem");
    bad = good;
    bad.conninfo = NULL;
    says(&bad, OTR_INVALID, "conninfo");
    CU_ASSERT_EQUAL_FATAL(otr_open(&good, &o, &f), OTR_OK);
    CU_ASSERT_EQUAL(otr_close(o, 1000), 0);
}

int main(void) {
    if (!getenv("OTPREFUND_TEST_DB"))
        return 77;
    if (!house_open())
        return 1;
    CU_pSuite s = suite_begin("open", NULL, NULL);
    CU_add_test(s, "opened in vain", opened_in_vain);
    int failed = suite_run();
    house_close();
    return failed;
}
