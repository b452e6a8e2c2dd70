/* test_rule.c - what an inquiry's answer settles, and when to ask again. */
#include <CUnit/Basic.h>

#include "core/rule.h"
#include "tests/unit/suite.h"

static const struct rule_times TIMES = {.settle_ms = 600000, .first_ms = 5000, .max_ms = 3600000};

static enum otr_resolution settles(enum otr_outcome outcome, int tx_status, int64_t age_ms) {
    return rule_settles(&TIMES, outcome, tx_status, age_ms);
}

static void only_an_answer_settles(void) {
    for (int outcome = 0; outcome < OTR_OUTCOME__MAX; outcome++)
        for (int tx = -1; tx < 12; tx++)
            if (outcome != OTR_OUTCOME_ANSWERED)
                CU_ASSERT_EQUAL(settles((enum otr_outcome)outcome, tx, INT64_MAX),
                                OTR_RESOLUTION_NONE);
}

static void refunded_settles_at_once(void) {
    CU_ASSERT_EQUAL(settles(OTR_OUTCOME_ANSWERED, 4, 0), OTR_RESOLUTION_REFUNDED);
}

static void pending_settles_only_after_settle_ms(void) {
    const int tx[] = {0, 1, 3};
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(settles(OTR_OUTCOME_ANSWERED, tx[i], 599999), OTR_RESOLUTION_NONE);
        CU_ASSERT_EQUAL(settles(OTR_OUTCOME_ANSWERED, tx[i], 600000), OTR_RESOLUTION_NOT_REFUNDED);
    }
}

static void every_other_status_keeps_asking(void) {
    for (int tx = -1; tx < 100; tx++)
        if (tx != 0 && tx != 1 && tx != 3 && tx != 4)
            CU_ASSERT_EQUAL(settles(OTR_OUTCOME_ANSWERED, tx, INT64_MAX), OTR_RESOLUTION_NONE);
}

static void waits_double_within_a_quarter(void) {
    const uint32_t random[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff};
    for (int r = 0; r < 5; r++) {
        int64_t middle = TIMES.first_ms;
        for (int inquiries = 0; inquiries < 2000; inquiries++) {
            int wait = rule_next_ms(&TIMES, inquiries, 2, 0, random[r]);
            CU_ASSERT(wait >= middle - middle / 4 - 1 && wait <= middle + middle / 4 + 1);
            middle = middle * 2 > TIMES.max_ms ? TIMES.max_ms : middle * 2;
        }
    }
    CU_ASSERT(rule_next_ms(&TIMES, 3, 2, 0, 0) > rule_next_ms(&TIMES, 3, 2, 0, 0xffffffff));
}

static void never_past_the_moment_of_settling(void) {
    CU_ASSERT_EQUAL(rule_next_ms(&TIMES, 20, 3, 599000, 0), 1000);
    CU_ASSERT_EQUAL(rule_next_ms(&TIMES, 20, 0, 599999, 0), 1);
    CU_ASSERT(rule_next_ms(&TIMES, 20, 2, 599000, 0) > 1000);
}

static void always_a_next_inquiry(void) {
    const struct rule_times zero = {0, 0, 0}, huge = {INT64_MAX / 4, INT64_MAX / 8, INT64_MAX / 4};
    CU_ASSERT_EQUAL(rule_next_ms(&zero, 0, 3, 0, 0), 1);
    CU_ASSERT_EQUAL(rule_next_ms(&huge, 90, 2, 0, 0), INT32_MAX);
}

int main(void) {
    CU_pSuite s = suite_begin("rule", NULL, NULL);
    CU_ADD_TEST(s, only_an_answer_settles);
    CU_ADD_TEST(s, refunded_settles_at_once);
    CU_ADD_TEST(s, pending_settles_only_after_settle_ms);
    CU_ADD_TEST(s, every_other_status_keeps_asking);
    CU_ADD_TEST(s, waits_double_within_a_quarter);
    CU_ADD_TEST(s, never_past_the_moment_of_settling);
    CU_ADD_TEST(s, always_a_next_inquiry);
    return suite_run();
}
