/* test_record.c - the words of sql/record.c. */
#include <CUnit/Basic.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "sql/record.h"
#include "tests/unit/suite.h"

/* Every value has a name of its own that leads back to it; everything else leads nowhere. */
#define ROUND_TRIP(what, max)                                                                      \
    static void what##_words(void) {                                                               \
        CU_ASSERT_STRING_EQUAL(otr_##what##_name((enum otr_##what)0), "");                         \
        for (int v = 1; v < (int)max; v++) {                                                       \
            const char *name = otr_##what##_name((enum otr_##what)v);                              \
            CU_ASSERT_PTR_NOT_NULL_FATAL(name);                                                    \
            CU_ASSERT(strlen(name) > 0 &&                                                          \
                      strspn(name, "abcdefghijklmnopqrstuvwxyz_") == strlen(name));                \
            CU_ASSERT_EQUAL((int)otr_##what##_value(name), v);                                     \
        }                                                                                          \
        CU_ASSERT_PTR_NULL(otr_##what##_name((enum otr_##what)max));                               \
        CU_ASSERT_PTR_NULL(otr_##what##_name((enum otr_##what) - 1));                              \
        CU_ASSERT_EQUAL((int)otr_##what##_value(NULL), 0);                                         \
        CU_ASSERT_EQUAL((int)otr_##what##_value(""), 0);                                           \
        CU_ASSERT_EQUAL((int)otr_##what##_value("no such word"), 0);                               \
    }

ROUND_TRIP(kind, OTR_KIND__MAX)
ROUND_TRIP(outcome, OTR_OUTCOME__MAX)
ROUND_TRIP(reason, OTR_REASON__MAX)
ROUND_TRIP(resolution, OTR_RESOLUTION__MAX)
ROUND_TRIP(how, OTR_HOW__MAX)
ROUND_TRIP(role, OTR_ROLE__MAX)
ROUND_TRIP(channel, OTR_CHANNEL__MAX)
ROUND_TRIP(manual_state, OTR_MANUAL__MAX)

static void fixed_words(void) {
    CU_ASSERT_STRING_EQUAL(otr_kind_name(OTR_KIND_OTP), "otp");
    CU_ASSERT_STRING_EQUAL(otr_outcome_name(OTR_OUTCOME_NOT_SENT), "not_sent");
    CU_ASSERT_STRING_EQUAL(otr_reason_name(OTR_REASON_WRONG_OTP), "wrong_otp");
    CU_ASSERT_STRING_EQUAL(otr_resolution_name(OTR_RESOLUTION_NOT_REFUNDED), "not_refunded");
    CU_ASSERT_STRING_EQUAL(otr_how_name(OTR_HOW_INQUIRY), "inquiry");
    CU_ASSERT_STRING_EQUAL(otr_role_name(OTR_ROLE_SUPERVISOR), "supervisor");
    CU_ASSERT_STRING_EQUAL(otr_channel_name(OTR_CHANNEL_CTL), "ctl");
}

static void tx_status_words(void) {
    CU_ASSERT_STRING_EQUAL(otr_tx_status_name(OTR_NO_STATUS), "");
    CU_ASSERT_STRING_EQUAL(otr_tx_status_name(0), "success");
    CU_ASSERT_STRING_EQUAL(otr_tx_status_name(1), "fail");
    CU_ASSERT_STRING_EQUAL(otr_tx_status_name(2), "initiated");
    CU_ASSERT_STRING_EQUAL(otr_tx_status_name(3), "refund_pending");
    CU_ASSERT_STRING_EQUAL(otr_tx_status_name(4), "refunded");
    CU_ASSERT_STRING_EQUAL(otr_tx_status_name(5), "hold");
    const int others[] = {6, 8, 11, INT_MAX, -2, INT_MIN};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        CU_ASSERT_STRING_EQUAL(otr_tx_status_name(others[i]), "initiated");
}

static void tables(void) {
    struct otr_table t = {.columns = 2, .rows = 1, .cells = calloc(2, sizeof(char *))};
    CU_ASSERT_PTR_NOT_NULL_FATAL(t.cells);
    otr_table_free(&t);
    CU_ASSERT_PTR_NULL(t.cells);
    CU_ASSERT_EQUAL(t.rows, 0);
    CU_ASSERT_EQUAL(t.columns, 0);
    otr_table_free(&t);
    otr_table_free(NULL);
}

int main(void) {
    CU_pSuite s = suite_begin("record", NULL, NULL);
    CU_add_test(s, "kind", kind_words);
    CU_add_test(s, "outcome", outcome_words);
    CU_add_test(s, "reason", reason_words);
    CU_add_test(s, "resolution", resolution_words);
    CU_add_test(s, "how", how_words);
    CU_add_test(s, "role", role_words);
    CU_add_test(s, "channel", channel_words);
    CU_add_test(s, "manual_state", manual_state_words);
    CU_add_test(s, "fixed words", fixed_words);
    CU_add_test(s, "tx_status", tx_status_words);
    CU_add_test(s, "tables are freed", tables);
    return suite_run();
}
