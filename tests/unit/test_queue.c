/* test_queue.c - the resolver's queue of sql/journal.h against a real PostgreSQL. */
#include <CUnit/Basic.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sql/journal.h"
#include "tests/unit/journal_steps.h"
#include "tests/unit/pg_helper.h"
#include "tests/unit/suite.h"

static pthread_barrier_t barrier;

/* ---- the queue ------------------------------------------------------------------------------ */

static bool claimed(const struct journal_due *rows, int n, int64_t id) {
    for (int k = 0; k < n; k++)
        if (rows[k].attempt_id == id)
            return true;
    return false;
}

/* Nothing is open, and yet the resolver must come back: that attempt's node may be lost. */
static void comes_back(void) {
    struct journal_due rows[4];
    int64_t next_ms;
    int n;
    CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM otprefund.open_attempt"), 0);
    CU_ASSERT_EQUAL(journal_claim(j, 4, 30000, rows, &n, &next_ms), JOURNAL_OK);
    CU_ASSERT_EQUAL(next_ms, JOURNAL_NEVER);
    int64_t otp = begin(OTR_KIND_OTP, new_tid());
    CU_ASSERT_EQUAL(journal_claim(j, 4, 30000, rows, &n, &next_ms), JOURNAL_OK);
    CU_ASSERT(next_ms > 0 && next_ms < 3600000);
    set_back(otp, 300);
    CU_ASSERT_EQUAL(journal_claim(j, 4, 30000, rows, &n, &next_ms), JOURNAL_OK);
    CU_ASSERT_EQUAL(look(otp).reason, OTR_REASON_NODE_LOST);
    CU_ASSERT_EQUAL(next_ms, JOURNAL_NEVER);
}

/* An inquiry found it refunded before its own answer came, and then its node was lost. */
static void settled_and_lost(void) {
    struct journal_due rows[4];
    int64_t next_ms;
    int n;
    const char *tid = new_tid();
    int64_t id = begin(OTR_KIND_REFUND, tid), inquiry = begin(OTR_KIND_INQUIRY, tid);
    struct journal_finding f = finding(inquiry, OTR_KIND_INQUIRY, OTR_OUTCOME_ANSWERED);
    f.tx_status = 4;
    f.tid = tid;
    settle(&f, id, OTR_RESOLUTION_REFUNDED, OTR_HOW_INQUIRY);
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    CU_ASSERT_EQUAL(look(id).outcome, OTR_OUTCOME_NONE);
    set_back(id, 300);
    set_back(inquiry, 300);
    CU_ASSERT_EQUAL(journal_claim(j, 4, 30000, rows, &n, &next_ms), JOURNAL_OK);
    CU_ASSERT_EQUAL(look(id).outcome, OTR_OUTCOME_UNKNOWN);
    CU_ASSERT_EQUAL(look(id).resolution, OTR_RESOLUTION_REFUNDED);
    CU_ASSERT_EQUAL(pg_number("SELECT swept_to FROM otprefund.swept"), inquiry);
}

static void take_over(void) {
    struct journal_due rows[64];
    int64_t next_ms;
    int n;
    const char *tid = new_tid();
    int64_t id = begin(OTR_KIND_REFUND, tid), otp = begin(OTR_KIND_OTP, new_tid());
    CU_ASSERT_EQUAL(journal_wake(j, tid), JOURNAL_OK); /* the answer may still come: not due */
    CU_ASSERT_EQUAL(journal_claim(j, 64, 30000, rows, &n, &next_ms), JOURNAL_OK);
    CU_ASSERT(!claimed(rows, n, id));
    CU_ASSERT(next_ms > 0);
    /* All up to the OTP attempt are set back, so that the sweep comes that far. */
    for (int64_t k = pg_number("SELECT swept_to + 1 FROM otprefund.swept"); k <= otp; k++)
        set_back(k, 300);
    CU_ASSERT_EQUAL(journal_claim(j, 64, 30000, rows, &n, &next_ms), JOURNAL_OK);
    CU_ASSERT(claimed(rows, n, id));
    struct otr_attempt a = look(id);
    CU_ASSERT_EQUAL(a.outcome, OTR_OUTCOME_UNKNOWN);
    CU_ASSERT_EQUAL(a.reason, OTR_REASON_NODE_LOST);
    CU_ASSERT(a.open);
    a = look(otp);
    CU_ASSERT_EQUAL(a.outcome, OTR_OUTCOME_UNKNOWN);
    CU_ASSERT_EQUAL(a.reason, OTR_REASON_NODE_LOST);
    CU_ASSERT_EQUAL(journal_claim(j, 64, 30000, rows, &n, &next_ms), JOURNAL_OK);
    CU_ASSERT(!claimed(rows, n, id)); /* leased */
    char sql[160];                    /* but not for longer: this node may die, too */
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM otprefund.open_attempt WHERE attempt_id = %" PRId64
             " AND next_inquiry_at <= clock_timestamp() + interval '30 s'",
             id);
    CU_ASSERT_EQUAL(pg_number(sql), 1);
    CU_ASSERT_EQUAL(journal_wake(j, tid), JOURNAL_OK);
    CU_ASSERT_EQUAL(journal_claim(j, 64, 30000, rows, &n, &next_ms), JOURNAL_OK);
    CU_ASSERT(claimed(rows, n, id));
    CU_ASSERT(rows[0].age_ms >= 300000);
    CU_ASSERT_STRING_EQUAL(rows[0].user_code, "20810200");
    /* The lost node was only slow: its proof counts, the recorded outcome stays. */
    struct journal_finding f = finding(id, OTR_KIND_REFUND, OTR_OUTCOME_REFUNDED);
    f.amount = 49900;
    settle(&f, id, OTR_RESOLUTION_REFUNDED, OTR_HOW_ANSWER);
    for (int k = 0; k < 2; k++)
        CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    a = look(id);
    CU_ASSERT_EQUAL(a.outcome, OTR_OUTCOME_UNKNOWN);
    CU_ASSERT_EQUAL(a.resolution, OTR_RESOLUTION_REFUNDED);
    CU_ASSERT_EQUAL(a.refunded_amount, 49900);
    CU_ASSERT(!a.contradicted);
    CU_ASSERT_EQUAL(count("late_answer", id), 1);
}

struct claimer {
    struct journal_due rows[64];
    int n;
};

static void *claim(void *arg) {
    struct claimer *c = arg;
    int64_t next_ms;
    pthread_barrier_wait(&barrier);
    while (c->n < 40) {
        int n = 0;
        if (journal_claim(j, 5, 60000, c->rows + c->n, &n, &next_ms) != JOURNAL_OK || n == 0)
            break;
        c->n += n;
    }
    return NULL;
}

static void claims_are_disjoint(void) {
    static struct claimer c[4];
    pthread_t threads[4];
    int64_t ids[40];
    CU_ASSERT(
        pg_do("UPDATE otprefund.open_attempt SET next_inquiry_at = now() + interval '1 hour'"));
    for (int k = 0; k < 40; k++) {
        ids[k] = begin(OTR_KIND_REFUND, new_tid());
        struct journal_finding f = finding(ids[k], OTR_KIND_REFUND, OTR_OUTCOME_UNKNOWN);
        f.reason = OTR_REASON_NO_ANSWER;
        f.next_inquiry_ms = 1;
        CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    }
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    struct journal_numbers numbers;
    CU_ASSERT_EQUAL(journal_numbers(j, &numbers), JOURNAL_OK);
    CU_ASSERT(numbers.open >= 40 && numbers.lag_ms >= 10 && numbers.oldest_open_ms >= 10);
    pthread_barrier_init(&barrier, NULL, 4);
    for (int k = 0; k < 4; k++)
        pthread_create(&threads[k], NULL, claim, &c[k]);
    for (int k = 0; k < 4; k++)
        pthread_join(threads[k], NULL);
    pthread_barrier_destroy(&barrier);
    for (int i = 0; i < 40; i++) {
        int times = 0;
        for (int k = 0; k < 4; k++)
            times += claimed(c[k].rows, c[k].n, ids[i]);
        CU_ASSERT_EQUAL(times, 1);
    }
    CU_ASSERT_EQUAL(c[0].n + c[1].n + c[2].n + c[3].n, 40);
}

/* Why a claim fails is told, not only that it does; and it works again once that is mended. */
static void failures_are_told(void) {
    struct journal_due rows[4];
    struct journal *fresh = NULL; /* with nothing prepared yet */
    const struct journal_config c = {.conninfo = pg_app, .connections = 1, .node = "host:2"};
    char why[160];
    int64_t next_ms;
    int n;
    CU_ASSERT_EQUAL_FATAL(journal_open(&c, &fresh, why, sizeof why), JOURNAL_OK);
    journal_claim_trouble(fresh, why, sizeof why);
    CU_ASSERT_STRING_EQUAL(why, "");
    CU_ASSERT(pg_do("ALTER FUNCTION otprefund.attempt_claim(integer, integer) RENAME TO gone"));
    CU_ASSERT_EQUAL(journal_claim(fresh, 4, 1000, rows, &n, &next_ms), JOURNAL_DOWN);
    journal_claim_trouble(fresh, why, sizeof why);
    CU_ASSERT(strstr(why, "42883") && strstr(why, "attempt_claim") && strstr(why, "not exist"));
    CU_ASSERT(pg_do("ALTER FUNCTION otprefund.gone(integer, integer) RENAME TO attempt_claim"));
    CU_ASSERT(pg_do("REVOKE EXECUTE ON FUNCTION otprefund.attempt_claim(integer, integer) "
                    "FROM otprefund_app"));
    CU_ASSERT_EQUAL(journal_claim(fresh, 4, 1000, rows, &n, &next_ms), JOURNAL_DOWN);
    journal_claim_trouble(fresh, why, sizeof why);
    CU_ASSERT(strstr(why, "42501") != NULL);
    CU_ASSERT(pg_do("GRANT EXECUTE ON FUNCTION otprefund.attempt_claim(integer, integer) "
                    "TO otprefund_app"));
    CU_ASSERT_EQUAL(journal_claim(fresh, 4, 1000, rows, &n, &next_ms), JOURNAL_OK);
    journal_close(fresh);
}

int main(void) {
    if (!getenv("OTPREFUND_TEST_DB"))
        return 77;
    if (!steps_open())
        return 1;
    CU_pSuite s = suite_begin("queue", NULL, NULL);
    CU_add_test(s, "with nothing open it comes back for a lost OTP attempt", comes_back);
    CU_add_test(s, "settled by an inquiry, then its node was lost", settled_and_lost);
    CU_add_test(s, "lost nodes are taken over", take_over);
    CU_add_test(s, "claims are disjoint", claims_are_disjoint);
    CU_add_test(s, "why a claim fails", failures_are_told);
    int failed = suite_run();
    steps_close();
    return failed;
}
