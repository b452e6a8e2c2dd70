/* test_contradiction.c - words of the bank that disagree with what is recorded (promise 5). */
#include <CUnit/Basic.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/journal.h"
#include "tests/unit/journal_steps.h"
#include "tests/unit/pg_helper.h"
#include "tests/unit/suite.h"

/* A refund attempt, settled by its own answer. */
static int64_t settled(const char *tid, enum otr_outcome outcome, enum otr_reason reason,
                       enum otr_resolution resolution) {
    int64_t id = begin(OTR_KIND_REFUND, tid);
    struct journal_finding f = finding(id, OTR_KIND_REFUND, outcome);
    f.reason = reason;
    settle(&f, id, resolution, OTR_HOW_ANSWER);
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    return id;
}

static int64_t refunded(const char *tid) {
    return settled(tid, OTR_OUTCOME_REFUNDED, OTR_REASON_NONE, OTR_RESOLUTION_REFUNDED);
}

static int64_t rejected(const char *tid) {
    return settled(tid, OTR_OUTCOME_REJECTED, OTR_REASON_WRONG_OTP, OTR_RESOLUTION_NOT_REFUNDED);
}

static void answer(int64_t inquiry, const char *tid, int tx_status) {
    struct journal_finding f = finding(inquiry, OTR_KIND_INQUIRY, OTR_OUTCOME_ANSWERED);
    f.tx_status = tx_status;
    f.tid = tid;
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
}

static int64_t ask(const char *tid, int tx_status) {
    int64_t id = begin(OTR_KIND_INQUIRY, tid);
    answer(id, tid, tx_status);
    return id;
}

/* A refund attempt of unknown outcome, settled by an inquiry. */
static int64_t given_up(const char *tid) {
    int64_t id = begin(OTR_KIND_REFUND, tid);
    struct journal_finding f = finding(id, OTR_KIND_REFUND, OTR_OUTCOME_UNKNOWN);
    f.reason = OTR_REASON_NO_ANSWER;
    f.next_inquiry_ms = 1000;
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    f = finding(begin(OTR_KIND_INQUIRY, tid), OTR_KIND_INQUIRY, OTR_OUTCOME_ANSWERED);
    f.tx_status = 3;
    f.tid = tid;
    settle(&f, id, OTR_RESOLUTION_NOT_REFUNDED, OTR_HOW_INQUIRY);
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    return id;
}

static void says(int64_t id, const char *expected) {
    char sql[400];
    snprintf(sql, sizeof sql,
             "SELECT concat_ws('|', what, recorded, found) FROM otprefund.contradiction "
             "WHERE attempt_id = %" PRId64 " ORDER BY contradiction_id",
             id);
    CU_ASSERT_STRING_EQUAL(pg_column(sql), expected);
}

static void refunded_and_not(void) {
    static const int other[] = {3, 0, 1};
    static const char *const found[] = {"resolution|refunded|not_refunded\n",
                                        "resolution|refunded|not_refunded\n",
                                        "resolution|refunded|not_refunded\n"};
    for (int k = 0; k < 3; k++) {
        const char *tid = new_tid();
        int64_t id = refunded(tid);
        struct otr_attempt before = look(id);
        ask(tid, 4); /* agrees */
        ask(tid, 2); /* not final: says nothing */
        CU_ASSERT_EQUAL(count("contradiction", id), 0);
        int64_t by = ask(tid, other[k]);
        says(id, found[k]);
        char sql[200];
        snprintf(sql, sizeof sql,
                 "SELECT by_attempt_id FROM otprefund.contradiction WHERE attempt_id = %" PRId64,
                 id);
        CU_ASSERT_EQUAL(pg_number(sql), by);
        struct otr_attempt after = look(id);
        CU_ASSERT(after.contradicted && !before.contradicted);
        after.contradicted = false;
        CU_ASSERT_EQUAL(memcmp(&after, &before, sizeof after), 0); /* nothing else changed */
        CU_ASSERT_EQUAL(count("open_attempt", id), 0);
    }
}

static void recorded_once(void) {
    const char *tid = new_tid();
    int64_t id = refunded(tid);
    for (int k = 0; k < 5; k++)
        ask(tid, 3);
    says(id, "resolution|refunded|not_refunded\n");
    ask(tid, 1);
    ask(tid, 3);
    says(id, "resolution|refunded|not_refunded\n"); /* the same finding: once */
}

/* What was asked before the refund was made cannot speak against it. */
static void asked_before(void) {
    const char *tid = new_tid();
    int64_t inquiry = begin(OTR_KIND_INQUIRY, tid);
    int64_t id = refunded(tid);
    answer(inquiry, tid, 3);
    CU_ASSERT_EQUAL(count("contradiction", id), 0);
}

static void not_refunded_and_yet(void) {
    const char *tid = new_tid();
    int64_t id = given_up(tid);
    ask(tid, 3);
    CU_ASSERT_EQUAL(count("contradiction", id), 0);
    /* Another try that the bank rejects does not hide it. */
    int64_t second = rejected(tid);
    ask(tid, 4);
    ask(tid, 4);
    says(id, "resolution|not_refunded|refunded\n");
    CU_ASSERT_EQUAL(count("contradiction", second), 0);
    CU_ASSERT_EQUAL(look(id).resolution, OTR_RESOLUTION_NOT_REFUNDED);
}

static void not_refunded_then_refunded(void) {
    const char *tid = new_tid();
    int64_t id = given_up(tid), second = refunded(tid);
    ask(tid, 4);
    CU_ASSERT_EQUAL(count("contradiction", id) + count("contradiction", second), 0);
    ask(tid, 3); /* against the one that was refunded */
    CU_ASSERT_EQUAL(count("contradiction", id), 0);
    says(second, "resolution|refunded|not_refunded\n");
}

/* The bank credits once, so a second refund is not even asked for; unless the first is in doubt, and then
 * by a supervisor only: cash may be out already. */
static void refunded_once(void) {
    const char *tid = new_tid();
    int64_t first = refunded(tid);
    struct journal_intent i = intent(OTR_KIND_REFUND, tid);
    struct journal_begun b;
    i.operator_name = "usha";
    CU_ASSERT_EQUAL(journal_begin(j, &i, &b), JOURNAL_REFUNDED);
    CU_ASSERT_EQUAL(b.attempt_id, first);
    ask(tid, 4);
    CU_ASSERT_EQUAL(journal_begin(j, &i, &b), JOURNAL_REFUNDED);
    struct journal_intent otp = intent(OTR_KIND_OTP, tid); /* the first, then one of several */
    CU_ASSERT_EQUAL(journal_begin(j, &otp, &b), JOURNAL_REFUNDED);
    CU_ASSERT_EQUAL(b.attempt_id, first);
    ask(tid, 3);
    otp.limits.otp_cooldown_s = 60;
    otp.operator_name = "usha"; /* no OTP either: with it the cash is given back */
    CU_ASSERT_EQUAL(journal_begin(j, &otp, &b), JOURNAL_CONTRADICTED);
    otp.operator_name = "asha"; /* a supervisor */
    CU_ASSERT_EQUAL(journal_begin(j, &otp, &b), JOURNAL_OK);
    otp.idempotency_key = new_key();
    CU_ASSERT_EQUAL(journal_begin(j, &otp, &b), JOURNAL_LIMITED);
    CU_ASSERT_EQUAL(journal_begin(j, &i, &b), JOURNAL_CONTRADICTED);
    CU_ASSERT_EQUAL(b.attempt_id, first);
    i.operator_name = "asha";
    i.channel = OTR_CHANNEL_API; /* a client of that name is no person */
    CU_ASSERT_EQUAL(journal_begin(j, &i, &b), JOURNAL_CONTRADICTED);
    i.channel = OTR_CHANNEL_DESK;
    CU_ASSERT_EQUAL(journal_begin(j, &i, &b), JOURNAL_OK);
    CU_ASSERT_EQUAL(journal_begin(j, &i, &b), JOURNAL_SAME);
    tid = new_tid(); /* that it is refunded comes before "too soon" */
    otp.tid = tid;
    otp.idempotency_key = new_key();
    CU_ASSERT_EQUAL(journal_begin(j, &otp, &b), JOURNAL_OK);
    first = refunded(tid);
    otp.idempotency_key = new_key();
    CU_ASSERT_EQUAL(journal_begin(j, &otp, &b), JOURNAL_REFUNDED);
    CU_ASSERT_EQUAL(b.attempt_id, first);
    tid = new_tid(); /* one that came to nothing stands in nobody's way */
    rejected(tid);
    given_up(tid);
    CU_ASSERT(refunded(tid) > 0);
}

static void rejected_and_elsewhere(void) {
    const char *tid = new_tid();
    int64_t id = rejected(tid);
    ask(tid, 4);
    ask(tid, 3);
    CU_ASSERT_EQUAL(count("contradiction", id), 0);
}

static void while_open(void) {
    const char *tid = new_tid();
    int64_t id = given_up(tid), open = begin(OTR_KIND_REFUND, tid);
    struct journal_intent i = intent(OTR_KIND_INQUIRY, tid);
    struct journal_begun b;
    i.about_attempt_id = id; /* about the settled one, while another is open */
    CU_ASSERT_EQUAL(journal_begin(j, &i, &b), JOURNAL_OK);
    answer(b.attempt_id, tid, 4);
    ask(tid, 4);
    CU_ASSERT_EQUAL(count("contradiction", id) + count("contradiction", open), 0);
    CU_ASSERT(look(open).open);
}

static struct journal_finding pending(int64_t inquiry, const char *tid, int64_t id) {
    struct journal_finding f = finding(inquiry, OTR_KIND_INQUIRY, OTR_OUTCOME_ANSWERED);
    f.tx_status = 3;
    f.tid = tid;
    settle(&f, id, OTR_RESOLUTION_NOT_REFUNDED, OTR_HOW_INQUIRY);
    return f;
}

/* Asked before the call's own end, "refund pending" settles nothing, however short settle_s is:
   no second Initiate goes out beside the first. */
static void asked_while_on_the_wire(void) {
    const char *tid = new_tid();
    int64_t id = begin(OTR_KIND_REFUND, tid), due = look(id).next_inquiry_at;
    struct journal_finding early = pending(begin(OTR_KIND_INQUIRY, tid), tid, id);
    struct journal_finding slow = pending(begin(OTR_KIND_INQUIRY, tid), tid, id);
    CU_ASSERT_EQUAL(journal_finish(j, &early), JOURNAL_OK);
    CU_ASSERT(look(id).open);
    CU_ASSERT_EQUAL(look(id).inquiries, 1);
    CU_ASSERT_EQUAL(look(id).next_inquiry_at, due);
    CU_ASSERT_EQUAL(count("contradiction", id), 0);
    struct journal_intent i = intent(OTR_KIND_REFUND, tid);
    struct journal_begun b;
    CU_ASSERT_EQUAL(journal_begin(j, &i, &b), JOURNAL_OPEN);
    struct journal_finding f = finding(id, OTR_KIND_REFUND, OTR_OUTCOME_UNKNOWN);
    f.reason = OTR_REASON_NO_ANSWER;
    f.next_inquiry_ms = 1000;
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    CU_ASSERT_EQUAL(journal_finish(j, &slow), JOURNAL_OK); /* asked before, answered after */
    CU_ASSERT(look(id).open);
    CU_ASSERT(look(id).next_inquiry_at > 0);
    f = pending(begin(OTR_KIND_INQUIRY, tid), tid, id);
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    CU_ASSERT_EQUAL(look(id).resolution, OTR_RESOLUTION_NOT_REFUNDED);
    CU_ASSERT_EQUAL(look(id).inquiries, 3);
}

/* Its node is lost: past its deadline nothing is awaited any more. */
static void asked_after_the_deadline(void) {
    const char *tid = new_tid();
    int64_t id = begin(OTR_KIND_REFUND, tid);
    set_back(id, 700);
    struct journal_finding f = pending(begin(OTR_KIND_INQUIRY, tid), tid, id);
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    CU_ASSERT_EQUAL(look(id).resolution, OTR_RESOLUTION_NOT_REFUNDED);
}

/* The bank refused B because A's refund was made after all: A, which an inquiry had settled. */
static void already_refunded(void) {
    static const enum otr_kind kinds[] = {OTR_KIND_OTP, OTR_KIND_REFUND};
    for (int k = 0; k < 2; k++) {
        const char *tid = new_tid();
        int64_t id = given_up(tid);
        for (int again = 0; again < 2; again++) {
            int64_t b = begin(kinds[k], tid);
            struct journal_finding f = finding(b, kinds[k], OTR_OUTCOME_REJECTED);
            f.reason = OTR_REASON_ALREADY_REFUNDED;
            if (kinds[k] == OTR_KIND_REFUND)
                settle(&f, b, OTR_RESOLUTION_NOT_REFUNDED, OTR_HOW_ANSWER);
            CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
            CU_ASSERT_EQUAL(count("contradiction", b), 0);
        }
        says(id, "resolution|not_refunded|refunded\n");
        CU_ASSERT_EQUAL(look(id).resolution, OTR_RESOLUTION_NOT_REFUNDED);
    }
}

/* Where the bank's own answer was no, somebody may have refunded elsewhere. */
static void already_refunded_elsewhere(void) {
    const char *tid = new_tid();
    int64_t id = rejected(tid);
    settled(tid, OTR_OUTCOME_REJECTED, OTR_REASON_ALREADY_REFUNDED, OTR_RESOLUTION_NOT_REFUNDED);
    CU_ASSERT_EQUAL(count("contradiction", id), 0);
}

/* ---- another TID, another amount ------------------------------------------------------------ */

/* It is on the pages and in the list: the attempt's, the transaction's, status=contradicted. */
static void shown(const char *tid, int64_t id) {
    struct otr_attempt rows[4];
    struct otr_transaction t;
    struct otr_filter filter = {.tid = tid, .contradicted_only = true};
    int n = 0;
    CU_ASSERT(look(id).contradicted);
    CU_ASSERT_EQUAL(journal_transaction(j, tid, NULL, &t), JOURNAL_OK);
    CU_ASSERT(t.contradicted);
    CU_ASSERT_EQUAL(journal_attempts(j, &filter, 4, rows, &n), JOURNAL_OK);
    CU_ASSERT(n == 1 && rows[0].attempt_id == id);
}

static void unproven(int64_t id, enum otr_kind kind, enum otr_reason reason, const char *tid,
                     int64_t amount) {
    struct journal_finding f = finding(id, kind, OTR_OUTCOME_UNKNOWN);
    f.reason = reason;
    f.tid = tid;
    f.amount = f.refunded_amount = amount;
    f.next_inquiry_ms = kind == OTR_KIND_REFUND ? 1000 : 0;
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK); /* once more changes nothing */
}

/* An inquiry that names this amount; id: the attempt that it settles by tx_status, or 0. */
static void told(const char *tid, int tx_status, int64_t amount, int64_t id) {
    struct journal_finding f =
        finding(begin(OTR_KIND_INQUIRY, tid), OTR_KIND_INQUIRY, OTR_OUTCOME_ANSWERED);
    f.tx_status = tx_status;
    f.tid = tid;
    f.amount = amount;
    f.refunded_amount = tx_status == 4 ? amount + 500 : OTR_NO_AMOUNT;
    if (id)
        settle(&f, id, tx_status == 4 ? OTR_RESOLUTION_REFUNDED : OTR_RESOLUTION_NOT_REFUNDED,
               OTR_HOW_INQUIRY);
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
}

static void another_tid(void) {
    static const enum otr_kind kinds[] = {OTR_KIND_OTP, OTR_KIND_REFUND};
    char expected[80];
    for (int k = 0; k < 2; k++) {
        const char *tid = new_tid(), *other = new_tid();
        int64_t id = begin(kinds[k], tid);
        told(tid, 3, 50000, 0);
        unproven(id, kinds[k], OTR_REASON_OTHER_TID, other, OTR_NO_AMOUNT);
        snprintf(expected, sizeof expected, "tid|%s|%s\n", tid, other);
        says(id, expected);
        shown(tid, id);
        if (kinds[k] == OTR_KIND_REFUND) { /* and it stays, once an inquiry has settled it */
            told(tid, 4, 50000, id);
            CU_ASSERT_EQUAL(look(id).resolution, OTR_RESOLUTION_REFUNDED);
            CU_ASSERT_EQUAL(look(id).refunded_amount, 50500);
            says(id, expected);
            shown(tid, id);
        }
        struct otr_transaction t;
        CU_ASSERT_EQUAL(journal_transaction(j, other, NULL, &t), JOURNAL_NOT_FOUND);
    }
}

static void unreadable_tid(void) {
    const char *tid = new_tid();
    char expected[80];
    int64_t id = begin(OTR_KIND_REFUND, tid);
    snprintf(expected, sizeof expected, "tid|%s|unreadable\n", tid);
    unproven(id, OTR_KIND_REFUND, OTR_REASON_OTHER_TID, "", OTR_NO_AMOUNT);
    says(id, expected);
}

/* Its node was taken for lost; then the answer came. */
static void another_tid_late(void) {
    const char *tid = new_tid(), *other = new_tid();
    char expected[80];
    int64_t id = begin(OTR_KIND_REFUND, tid);
    unproven(id, OTR_KIND_REFUND, OTR_REASON_NODE_LOST, NULL, OTR_NO_AMOUNT);
    unproven(id, OTR_KIND_REFUND, OTR_REASON_OTHER_TID, other, OTR_NO_AMOUNT);
    snprintf(expected, sizeof expected, "tid|%s|%s\n", tid, other);
    says(id, expected);
}

static void another_amount(void) {
    const char *tid = new_tid();
    told(tid, 3, 50000, 0);
    int64_t id = begin(OTR_KIND_REFUND, tid);
    unproven(id, OTR_KIND_REFUND, OTR_REASON_OTHER_AMOUNT, NULL, 60000);
    says(id, "amount|500.00|600.00\n");
    shown(tid, id);
    CU_ASSERT_EQUAL(look(id).amount, 50000);
    CU_ASSERT_EQUAL(look(id).refunded_amount, OTR_NO_AMOUNT);
    told(tid, 4, 50000, id);
    CU_ASSERT_EQUAL(look(id).refunded_amount, 50500);
    says(id, "amount|500.00|600.00\n");
    shown(tid, id);
}

/* Refunded is refunded; but what is counted is the amount that was known. */
static void settled_with_another_amount(void) {
    const char *tid = new_tid();
    told(tid, 3, 50000, 0);
    int64_t id = begin(OTR_KIND_REFUND, tid);
    unproven(id, OTR_KIND_REFUND, OTR_REASON_NO_ANSWER, NULL, OTR_NO_AMOUNT);
    told(tid, 4, 60000, id);
    CU_ASSERT_EQUAL(look(id).resolution, OTR_RESOLUTION_REFUNDED);
    CU_ASSERT_EQUAL(look(id).amount, 50000);
    CU_ASSERT_EQUAL(look(id).refunded_amount, 50000);
    for (int k = 0; k < 3; k++)
        told(tid, 4, 60000, 0); /* the same finding: once */
    says(id, "amount|500.00|600.00\n");
    shown(tid, id);
    told(tid, 4, 70000, 0);
    says(id, "amount|500.00|600.00\namount|500.00|700.00\n");
}

/* Every look at the page asks. */
static void another_amount_without_an_attempt(void) {
    const char *tid = new_tid();
    char sql[300];
    for (int k = 0; k < 4; k++)
        told(tid, 3, k == 0 ? 50000 : 60000, 0);
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM otprefund.contradiction c JOIN otprefund.attempt a"
             " USING (attempt_id) WHERE a.tid = '%s'",
             tid);
    CU_ASSERT_EQUAL(pg_number(sql), 1);
}

/* Neither the whole journal nor all contradictions are looked through. */
static void by_index(void) {
    const char *tid = new_tid();
    char sql[700];
    refunded(tid);
    CU_ASSERT(pg_do("SET enable_seqscan = off"));
    snprintf(sql, sizeof sql,
             "EXPLAIN (FORMAT TEXT) SELECT r.attempt_id FROM otprefund.attempt a "
             "JOIN otprefund.resolution r ON r.attempt_id = a.attempt_id "
             "WHERE a.tid = '%s' AND a.kind = 'refund' AND (r.resolution = 'refunded' "
             "OR r.resolved_by IN ('inquiry', 'manual')) "
             "ORDER BY r.resolution = 'refunded' DESC, a.attempt_id DESC LIMIT 1",
             tid);
    const char *plan = pg_column(sql);
    CU_ASSERT(strstr(plan, "attempt_tid") != NULL);
    CU_ASSERT(strstr(plan, "resolution_pkey") != NULL);
    CU_ASSERT(strstr(plan, "Seq Scan") == NULL);
    CU_ASSERT(pg_do("RESET enable_seqscan"));
}

int main(void) {
    if (!getenv("OTPREFUND_TEST_DB"))
        return 77;
    /* The steps are made by a supervisor: nobody else goes on after a contradiction. */
    if (!steps_open() ||
        !pg_do("INSERT INTO otprefund.operator (name, role) VALUES ('asha', 'supervisor')"))
        return 1;
    CU_pSuite s = suite_begin("contradiction", NULL, NULL);
    CU_add_test(s, "refunded, and an inquiry says not", refunded_and_not);
    CU_add_test(s, "the same finding is recorded once", recorded_once);
    CU_add_test(s, "an inquiry asked before", asked_before);
    CU_add_test(s, "not refunded, and an inquiry says refunded", not_refunded_and_yet);
    CU_add_test(s, "a second attempt was refunded", not_refunded_then_refunded);
    CU_add_test(s, "what is refunded is not asked for again", refunded_once);
    CU_add_test(s, "rejected, and refunded elsewhere", rejected_and_elsewhere);
    CU_add_test(s, "while one is open", while_open);
    CU_add_test(s, "asked while on the wire", asked_while_on_the_wire);
    CU_add_test(s, "asked after the deadline", asked_after_the_deadline);
    CU_add_test(s, "already refunded, after all", already_refunded);
    CU_add_test(s, "already refunded, elsewhere", already_refunded_elsewhere);
    CU_add_test(s, "another TID", another_tid);
    CU_add_test(s, "a TID that cannot be read", unreadable_tid);
    CU_add_test(s, "another TID, after its node was lost", another_tid_late);
    CU_add_test(s, "another amount", another_amount);
    CU_add_test(s, "settled with another amount", settled_with_another_amount);
    CU_add_test(s, "another amount, and no attempt", another_amount_without_an_attempt);
    CU_add_test(s, "by index", by_index);
    int failed = suite_run();
    steps_close();
    return failed;
}
