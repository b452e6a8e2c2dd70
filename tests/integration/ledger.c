/* ledger.c - at the end: journal and bank's book agree to the paisa, for every TID of this run. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/it.h"

static long long total_credited, total_recorded;

static void everything_settles(void) {
    char open[64];
    for (int i = 0; i < tid_count(); i++) {
        const char *tid = tid_at(i);
        for (int n = 0; n < 400; n++) {
            db_text(open, sizeof open,
                    "select attempt_id from otprefund.open_attempt where tid::text = $1", tid,
                    NULL);
            if (!*open)
                break;
            nap_ms(100);
        }
        expect(!*open, "%s: attempt %s is still open", tid, open);
    }
}

/* One Initiate per attempt, never more; none for an attempt that was not sent. */
static void one_initiate_each(void) {
    for (int i = 0; i < tid_count(); i++) {
        const char *tid = tid_at(i);
        struct book b = book_of(tid);
        long long asked =
            db_number("select count(*) from otprefund.attempt_status where tid::text = $1"
                      " and kind::text = 'refund' and outcome::text <> 'not_sent'",
                      tid, NULL);
        expect_number(tid, "initiate_calls", asked, b.initiate_calls);
        expect(b.initiate_executed <= 1, "%s: executed %d times", tid, b.initiate_executed);
        long long otps =
            db_number("select count(*) from otprefund.attempt_status where tid::text = $1"
                      " and kind::text = 'otp' and outcome::text <> 'not_sent'",
                      tid, NULL);
        expect_number(tid, "otp_calls", otps, b.otp_calls);
    }
}

static void paise_agree(void) {
    for (int i = 0; i < tid_count(); i++) {
        const char *tid = tid_at(i);
        struct book b = book_of(tid);
        long long recorded = db_number(
            "select coalesce(sum(round(refunded_amount * 100)), 0)::bigint from "
            "otprefund.attempt_status"
            " where tid::text = $1 and kind::text = 'refund' and resolution::text = 'refunded'",
            tid, NULL);
        long long refunds =
            db_number("select count(*) from otprefund.attempt_status where tid::text = $1"
                      " and kind::text = 'refund' and resolution::text = 'refunded'",
                      tid, NULL);
        expect(refunds <= 1, "%s: refunded %lld times in the journal", tid, refunds);
        expect_number(tid, "paise refunded in the journal", b.credited, recorded);
        total_credited += b.credited;
        total_recorded += recorded;
    }
    expect(total_credited > 0, "nothing was refunded in this run");
    printf("\n    %d transactions, %lld.%02lld credited by the bank, %lld.%02lld in the journal ",
           tid_count(), total_credited / 100, total_credited % 100, total_recorded / 100,
           total_recorded % 100);
}

/* Promise 1 as it stands in the rows: nothing has an outcome without an intent that is older. */
static void order_of_rows(void) {
    expect_number(
        "attempt_status", "attempts finished before they started", 0,
        db_number("select count(*) from otprefund.attempt_status where finished_at < started_at",
                  NULL, NULL));
    expect_number(
        "attempt_status", "resolved before they started", 0,
        db_number("select count(*) from otprefund.attempt_status where resolved_at < started_at",
                  NULL, NULL));
    expect_number(
        "attempt_status", "two rows of one attempt", 0,
        db_number("select count(*) - count(distinct attempt_id) from otprefund.attempt_status",
                  NULL, NULL));
    expect_number(
        "attempt_status", "resolution 'refunded' without proof", 0,
        db_number("select count(*) from otprefund.attempt_status where kind::text = 'refund'"
                  " and resolution::text = 'refunded' and resolved_by::text = 'answer'"
                  " and outcome::text <> 'refunded'",
                  NULL, NULL));
}

static void append_only(void) {
    static const char *const tables[] = {"attempt", "outcome", "resolution"};
    static const char *const rights[] = {"UPDATE", "DELETE", "TRUNCATE"};
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++) {
        for (size_t i = 0; i < sizeof rights / sizeof rights[0]; i++) {
            char sql[256], may[16];
            snprintf(sql, sizeof sql,
                     "select has_table_privilege('otprefund_app', 'otprefund.%s', '%s')::text",
                     tables[t], rights[i]);
            expect_text(tables[t], rights[i], "false", db_text(may, sizeof may, sql, NULL, NULL));
        }
    }
}

void suite_ledger(void) {
    CU_pSuite s = CU_add_suite("ledger", NULL, NULL);
    CU_add_test(s, "every attempt of this run is settled", everything_settles);
    CU_add_test(s, "one Initiate for each attempt", one_initiate_each);
    CU_add_test(s, "the bank's credits are the journal's refunds", paise_agree);
    CU_add_test(s, "the order of the rows", order_of_rows);
    CU_add_test(s, "the program's role cannot change the journal", append_only);
}
