/* test_journal.c - begin, finish, claim and read of sql/journal.h against a real PostgreSQL. */
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

static const struct journal_limits limits = {60, 5, 5};

/* ---- round trips ---------------------------------------------------------------------------- */

static void otp_round_trip(void) {
    const char *tid = new_tid();
    int64_t id = begin(OTR_KIND_OTP, tid);
    struct otr_attempt a = look(id);
    CU_ASSERT_EQUAL(a.kind, OTR_KIND_OTP);
    CU_ASSERT_EQUAL(a.channel, OTR_CHANNEL_DESK);
    CU_ASSERT_EQUAL(a.outcome, OTR_OUTCOME_NONE);
    CU_ASSERT_STRING_EQUAL(a.tid, tid);
    CU_ASSERT_STRING_EQUAL(a.operator_name, "asha");
    CU_ASSERT_STRING_EQUAL(a.node, "host:1");
    CU_ASSERT(a.started_at / 1000 - time(NULL) < 5 && a.finished_at == 0 && !a.open);
    struct journal_finding f = finding(id, OTR_KIND_OTP, OTR_OUTCOME_SENT);
    f.otp_ref_id = "zCISyglexo0P=";
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    a = look(id);
    CU_ASSERT_EQUAL(a.outcome, OTR_OUTCOME_SENT);
    CU_ASSERT_EQUAL(a.http_status, 200);
    CU_ASSERT_EQUAL(a.duration_ms, 12);
    CU_ASSERT_STRING_EQUAL(a.message, "Said so");
    CU_ASSERT(a.finished_at >= a.started_at);
    CU_ASSERT_EQUAL(a.amount, OTR_NO_AMOUNT);
    CU_ASSERT_EQUAL(a.tx_status, OTR_NO_STATUS);
    struct journal_intent i = intent(OTR_KIND_REFUND, tid);
    struct journal_begun b;
    CU_ASSERT_EQUAL(journal_begin(j, &i, &b), JOURNAL_OK);
    CU_ASSERT_STRING_EQUAL(b.otp_ref_id, "zCISyglexo0P=");
    CU_ASSERT_EQUAL(b.known_amount, OTR_NO_AMOUNT);
}

/* Paise survive: the smallest, the awkward and the largest that numeric(14,2) holds. */
static void refund_round_trip(void) {
    static const int64_t amounts[] = {0, 1, 10, 505000, 1999999999999, 99999999999999};
    for (size_t k = 0; k < sizeof amounts / sizeof amounts[0]; k++) {
        const char *tid = new_tid();
        int64_t id = begin(OTR_KIND_REFUND, tid);
        struct otr_attempt a = look(id);
        CU_ASSERT(a.open && a.resolution == OTR_RESOLUTION_NONE);
        CU_ASSERT(a.next_inquiry_at >= a.started_at + 40000 - 1);
        struct journal_finding f = finding(id, OTR_KIND_REFUND, OTR_OUTCOME_REFUNDED);
        f.amount = f.refunded_amount = amounts[k];
        f.refund_tid = "2147591637";
        f.tid = tid;
        settle(&f, id, OTR_RESOLUTION_REFUNDED, OTR_HOW_ANSWER);
        CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
        CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
        a = look(id);
        CU_ASSERT_EQUAL(a.refunded_amount, amounts[k]);
        CU_ASSERT_EQUAL(a.amount, amounts[k]);
        CU_ASSERT_EQUAL(a.resolution, OTR_RESOLUTION_REFUNDED);
        CU_ASSERT_EQUAL(a.resolved_by, OTR_HOW_ANSWER);
        CU_ASSERT(!a.open && a.next_inquiry_at == 0 && a.resolved_at >= a.started_at);
        CU_ASSERT(!a.contradicted);
        CU_ASSERT_STRING_EQUAL(a.refund_tid, "2147591637");
    }
}

static void inquiry_settles(void) {
    const char *tid = new_tid();
    int64_t id = begin(OTR_KIND_REFUND, tid);
    struct journal_finding f = finding(id, OTR_KIND_REFUND, OTR_OUTCOME_UNKNOWN);
    f.reason = OTR_REASON_NO_ANSWER;
    f.http_status = 0;
    f.next_inquiry_ms = 5000;
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    struct otr_attempt a = look(id);
    CU_ASSERT(a.open && a.next_inquiry_at >= a.finished_at + 4999 &&
              a.next_inquiry_at <= a.finished_at + 5001);
    for (int k = 0; k < 2; k++) { /* the first leaves it open, the second settles it */
        struct journal_intent i = intent(OTR_KIND_INQUIRY, tid);
        struct journal_begun b;
        i.about_attempt_id = k ? id : 0;
        CU_ASSERT_EQUAL(journal_begin(j, &i, &b), JOURNAL_OK);
        CU_ASSERT_EQUAL(b.open_attempt_id, id);
        CU_ASSERT_STRING_EQUAL(b.open_operator, "asha");
        CU_ASSERT_EQUAL(b.open_since, a.started_at);
        CU_ASSERT(b.open_age_ms >= 0 && b.open_age_ms < 60000);
        struct journal_finding g = finding(b.attempt_id, OTR_KIND_INQUIRY, OTR_OUTCOME_ANSWERED);
        g.tid = tid;
        g.client_ref_id = "Settlemet 7206123420";
        g.customer = "R. K., ******0001";
        g.amount = 104500;
        g.tx_status = k ? 4 : 5;
        g.transacted_at = 1572610844000;
        g.next_inquiry_ms = k ? 0 : 7000;
        if (k)
            settle(&g, id, OTR_RESOLUTION_REFUNDED, OTR_HOW_INQUIRY);
        CU_ASSERT_EQUAL(journal_finish(j, &g), JOURNAL_OK);
        CU_ASSERT_EQUAL(journal_finish(j, &g), JOURNAL_OK); /* counted once */
        a = look(id);
        CU_ASSERT_EQUAL(a.inquiries, k + 1);
        CU_ASSERT_EQUAL(a.open, k == 0);
        CU_ASSERT_EQUAL(a.tx_status, k ? 4 : 5);
    }
    CU_ASSERT_EQUAL(a.outcome, OTR_OUTCOME_UNKNOWN);
    CU_ASSERT_EQUAL(a.resolved_by, OTR_HOW_INQUIRY);
    CU_ASSERT_EQUAL(a.refunded_amount, 104500);
    CU_ASSERT_EQUAL(a.amount, 104500);
    struct otr_transaction t;
    CU_ASSERT_EQUAL(journal_transaction(j, tid, &limits, &t), JOURNAL_OK);
    CU_ASSERT_EQUAL(t.amount, 104500);
    CU_ASSERT_EQUAL(t.tx_status, 4);
    CU_ASSERT_EQUAL(t.transacted_at, 1572610844000);
    CU_ASSERT_STRING_EQUAL(t.customer, "R. K., ******0001");
    CU_ASSERT_STRING_EQUAL(t.client_ref_id, "Settlemet 7206123420");
    CU_ASSERT_EQUAL(t.open_attempt_id, 0);
    char found[OTR_TID_SIZE];
    CU_ASSERT_EQUAL(journal_tid_of(j, "Settlemet 7206123420", found), JOURNAL_OK);
    CU_ASSERT_STRING_EQUAL(found, tid);
    CU_ASSERT_EQUAL(journal_tid_of(j, "nobody", found), JOURNAL_NOT_FOUND);
}

/* Asked first, answered last: it changes nothing. */
static void older_answer(void) {
    const char *tid = new_tid();
    int64_t first = begin(OTR_KIND_INQUIRY, tid), second = begin(OTR_KIND_INQUIRY, tid);
    struct journal_finding f = finding(second, OTR_KIND_INQUIRY, OTR_OUTCOME_ANSWERED);
    f.tid = tid;
    f.tx_status = 4;
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    f.attempt_id = first;
    f.tx_status = 3;
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    struct otr_transaction t;
    CU_ASSERT_EQUAL(journal_transaction(j, tid, NULL, &t), JOURNAL_OK);
    CU_ASSERT_EQUAL(t.tx_status, 4);
    /* An inquiry by reference learns the TID from the answer. */
    struct journal_intent i = intent(OTR_KIND_INQUIRY, NULL);
    struct journal_begun b;
    i.client_ref_id = "REF-7";
    CU_ASSERT_EQUAL(journal_begin(j, &i, &b), JOURNAL_OK);
    f = finding(b.attempt_id, OTR_KIND_INQUIRY, OTR_OUTCOME_ANSWERED);
    f.tid = new_tid();
    f.client_ref_id = "REF-7";
    f.tx_status = 3;
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    char found[OTR_TID_SIZE];
    CU_ASSERT_EQUAL(journal_tid_of(j, "REF-7", found), JOURNAL_OK);
    CU_ASSERT_STRING_EQUAL(found, f.tid);
    /* An answer about another transaction says nothing about this one, nor about the other. */
    int64_t id = begin(OTR_KIND_INQUIRY, tid);
    f = finding(id, OTR_KIND_INQUIRY, OTR_OUTCOME_UNKNOWN);
    f.reason = OTR_REASON_OTHER_TID;
    f.tid = "999999999999999999";
    f.tx_status = 1;
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    CU_ASSERT_EQUAL(journal_transaction(j, f.tid, NULL, &t), JOURNAL_NOT_FOUND);
}

/* ---- conflicts ------------------------------------------------------------------------------ */

static void conflicts(void) {
    const char *tid = new_tid();
    struct journal_intent i = intent(OTR_KIND_REFUND, tid), other;
    struct journal_begun b, c;
    CU_ASSERT_EQUAL(journal_begin(j, &i, &b), JOURNAL_OK);
    CU_ASSERT_EQUAL(b.open_attempt_id, 0);
    CU_ASSERT_EQUAL(journal_begin(j, &i, &c), JOURNAL_SAME); /* though open: its own */
    CU_ASSERT_EQUAL(c.attempt_id, b.attempt_id);
    other = i;
    other.content_mac = mac_b;
    CU_ASSERT_EQUAL(journal_begin(j, &other, &c), JOURNAL_KEY_USED);
    CU_ASSERT_EQUAL(c.attempt_id, b.attempt_id);
    other = i;
    other.kind = OTR_KIND_OTP;
    other.cash_returned = false;
    CU_ASSERT_EQUAL(journal_begin(j, &other, &c), JOURNAL_KEY_USED);
    other = i;
    other.tid = new_tid();
    CU_ASSERT_EQUAL(journal_begin(j, &other, &c), JOURNAL_KEY_USED);
    other = i;
    other.idempotency_key = new_key();
    other.operator_name = "ravi";
    CU_ASSERT_EQUAL(journal_begin(j, &other, &c), JOURNAL_OPEN);
    CU_ASSERT_EQUAL(c.attempt_id, b.attempt_id);
    CU_ASSERT_EQUAL(c.open_attempt_id, b.attempt_id);
    CU_ASSERT_STRING_EQUAL(c.open_operator, "asha");
    CU_ASSERT_EQUAL(c.open_since, look(b.attempt_id).started_at);
    other.kind = OTR_KIND_OTP; /* a new OTP could spoil the one on its way */
    other.cash_returned = false;
    CU_ASSERT_EQUAL(journal_begin(j, &other, &c), JOURNAL_OPEN);
    struct journal_finding f = finding(b.attempt_id, OTR_KIND_REFUND, OTR_OUTCOME_REJECTED);
    f.reason = OTR_REASON_OTP_EXPIRED;
    settle(&f, b.attempt_id, OTR_RESOLUTION_NOT_REFUNDED, OTR_HOW_ANSWER);
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    CU_ASSERT_EQUAL(journal_begin(j, &i, &c), JOURNAL_SAME);
    other.kind = OTR_KIND_REFUND;
    CU_ASSERT_EQUAL(journal_begin(j, &other, &c), JOURNAL_OK); /* a new try */
    CU_ASSERT_NOT_EQUAL(c.attempt_id, b.attempt_id);
}

#define THREADS 32
struct racer {
    struct journal_intent intent;
    char key[32], tid[OTR_TID_SIZE];
    enum journal_status status;
    struct journal_begun begun;
};
static pthread_barrier_t barrier;

static void *race(void *arg) {
    struct racer *r = arg;
    pthread_barrier_wait(&barrier);
    r->status = journal_begin(j, &r->intent, &r->begun);
    return NULL;
}

/* Runs THREADS begins at once; counts each status. */
static int64_t races(struct racer *r, int counts[JOURNAL_STATUS__MAX]) {
    pthread_t threads[THREADS];
    int64_t winner = 0;
    memset(counts, 0, sizeof(int) * JOURNAL_STATUS__MAX);
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int k = 0; k < THREADS; k++)
        pthread_create(&threads[k], NULL, race, &r[k]);
    for (int k = 0; k < THREADS; k++) {
        pthread_join(threads[k], NULL);
        counts[r[k].status]++;
        if (r[k].status == JOURNAL_OK)
            winner = r[k].begun.attempt_id;
    }
    pthread_barrier_destroy(&barrier);
    return winner;
}

enum race_kind { SAME_TID, SAME_KEY, SAME_KEY_OTHER_TIDS, RACES };

static void same_moment(void) {
    static struct racer r[THREADS];
    int counts[JOURNAL_STATUS__MAX];
    for (int round = 0; round < 3 * RACES; round++) {
        enum race_kind kind = (enum race_kind)(round % RACES);
        char tid[OTR_TID_SIZE], key[32];
        snprintf(tid, sizeof tid, "%s", new_tid());
        snprintf(key, sizeof key, "%s", new_key());
        for (int k = 0; k < THREADS; k++) {
            r[k] = (struct racer){.intent = intent(OTR_KIND_REFUND, NULL)};
            snprintf(r[k].key, sizeof r[k].key, "%s", kind == SAME_TID ? new_key() : key);
            snprintf(r[k].tid, sizeof r[k].tid, "%s",
                     kind == SAME_KEY_OTHER_TIDS ? new_tid() : tid);
            r[k].intent.idempotency_key = r[k].key;
            r[k].intent.tid = r[k].tid;
        }
        int64_t winner = races(r, counts);
        static const enum journal_status rest[] = {JOURNAL_OPEN, JOURNAL_SAME, JOURNAL_KEY_USED};
        CU_ASSERT_EQUAL(counts[JOURNAL_OK], 1);
        CU_ASSERT_EQUAL(counts[rest[kind]], THREADS - 1);
        for (int k = 0; k < THREADS; k++)
            CU_ASSERT_EQUAL(r[k].begun.attempt_id, winner);
    }
}

/* ---- limits --------------------------------------------------------------------------------- */

static enum journal_status limited(enum otr_kind kind, const char *tid, int64_t *id,
                                   int64_t *retry_at) {
    struct journal_intent i = intent(kind, tid);
    struct journal_begun b;
    i.limits = limits;
    enum journal_status s = journal_begin(j, &i, &b);
    *id = b.attempt_id;
    *retry_at = b.retry_at;
    return s;
}

static void otp_limits(void) {
    const char *tid = new_tid();
    int64_t id, other, retry_at;
    struct otr_transaction t;
    CU_ASSERT_EQUAL(limited(OTR_KIND_OTP, tid, &id, &retry_at), JOURNAL_OK);
    CU_ASSERT_EQUAL(limited(OTR_KIND_OTP, tid, &other, &retry_at), JOURNAL_LIMITED);
    int64_t due = look(id).started_at + 60000;
    CU_ASSERT(retry_at >= due && retry_at <= due + 1);
    CU_ASSERT_EQUAL(journal_transaction(j, tid, &limits, &t), JOURNAL_OK);
    CU_ASSERT_EQUAL(t.otp_again_at, retry_at);
    CU_ASSERT_EQUAL(t.otp_at, look(id).started_at);
    /* One that certainly texted nobody does not count. */
    struct journal_finding f = finding(id, OTR_KIND_OTP, OTR_OUTCOME_NOT_SENT);
    f.reason = OTR_REASON_CONNECT_FAILED;
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    int64_t first = 0;
    for (int k = 0; k < 5; k++) { /* 300, 240, ... 60 s ago */
        CU_ASSERT_EQUAL(limited(OTR_KIND_OTP, tid, &id, &retry_at), JOURNAL_OK);
        set_back(id, 300 - k * 60 + 1);
        if (k == 0)
            first = look(id).started_at;
    }
    CU_ASSERT_EQUAL(limited(OTR_KIND_OTP, tid, &id, &retry_at), JOURNAL_LIMITED);
    CU_ASSERT(retry_at >= first + 3600000 && retry_at <= first + 3600001);
    CU_ASSERT_EQUAL(limited(OTR_KIND_OTP, new_tid(), &id, &retry_at), JOURNAL_OK);
}

static void wrong_otp_limit(void) {
    const char *tid = new_tid();
    int64_t id, retry_at, first = 0;
    struct otr_transaction t;
    for (int k = 0; k < 6; k++) {
        CU_ASSERT_EQUAL(limited(OTR_KIND_REFUND, tid, &id, &retry_at), JOURNAL_OK);
        struct journal_finding f = finding(id, OTR_KIND_REFUND, OTR_OUTCOME_REJECTED);
        f.reason =
            k == 0 ? OTR_REASON_OTP_EXPIRED : OTR_REASON_WRONG_OTP; /* the first is no wrong one */
        settle(&f, id, OTR_RESOLUTION_NOT_REFUNDED, OTR_HOW_ANSWER);
        CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
        if (k == 1)
            first = id;
    }
    CU_ASSERT_EQUAL(limited(OTR_KIND_REFUND, tid, &id, &retry_at), JOURNAL_LIMITED);
    int64_t due = look(first).finished_at + 3600000;
    CU_ASSERT(retry_at >= due && retry_at <= due + 1);
    CU_ASSERT_EQUAL(journal_transaction(j, tid, &limits, &t), JOURNAL_OK);
    CU_ASSERT_EQUAL(t.refund_again_at, retry_at);
    set_back(first, 3601);
    CU_ASSERT_EQUAL(limited(OTR_KIND_REFUND, tid, &id, &retry_at), JOURNAL_OK);
}

static void *race_otp(void *arg) {
    struct racer *r = arg;
    r->intent.limits = limits;
    return race(r);
}

static void otp_limit_race(void) {
    static struct racer r[THREADS];
    pthread_t threads[THREADS];
    int begun = 0;
    const char *tid = new_tid();
    pthread_barrier_init(&barrier, NULL, THREADS);
    for (int k = 0; k < THREADS; k++) {
        r[k] = (struct racer){.intent = intent(OTR_KIND_OTP, tid)};
        snprintf(r[k].key, sizeof r[k].key, "%s", r[k].intent.idempotency_key);
        r[k].intent.idempotency_key = r[k].key;
        pthread_create(&threads[k], NULL, race_otp, &r[k]);
    }
    for (int k = 0; k < THREADS; k++) {
        pthread_join(threads[k], NULL);
        begun += r[k].status == JOURNAL_OK;
        CU_ASSERT(r[k].status == JOURNAL_OK || r[k].status == JOURNAL_LIMITED);
    }
    pthread_barrier_destroy(&barrier);
    CU_ASSERT_EQUAL(begun, 1);
}

/* ---- second words --------------------------------------------------------------------------- */

static void contradictions(void) {
    const char *tid = new_tid();
    int64_t id = begin(OTR_KIND_REFUND, tid);
    struct journal_finding f = finding(id, OTR_KIND_REFUND, OTR_OUTCOME_REJECTED), g;
    f.reason = OTR_REASON_WRONG_OTP;
    settle(&f, id, OTR_RESOLUTION_NOT_REFUNDED, OTR_HOW_ANSWER);
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    g = finding(id, OTR_KIND_REFUND, OTR_OUTCOME_UNKNOWN); /* says nothing against it */
    g.reason = OTR_REASON_NO_ANSWER;
    CU_ASSERT_EQUAL(journal_finish(j, &g), JOURNAL_OK);
    CU_ASSERT_EQUAL(count("contradiction", id), 0);
    g = finding(id, OTR_KIND_REFUND, OTR_OUTCOME_REFUNDED);
    g.amount = 100;
    settle(&g, id, OTR_RESOLUTION_REFUNDED, OTR_HOW_ANSWER);
    for (int k = 0; k < 2; k++)
        CU_ASSERT_EQUAL(journal_finish(j, &g), JOURNAL_OK);
    CU_ASSERT_EQUAL(count("contradiction", id), 1);
    struct otr_attempt a = look(id);
    CU_ASSERT_EQUAL(a.outcome, OTR_OUTCOME_REJECTED);
    CU_ASSERT_EQUAL(a.resolution, OTR_RESOLUTION_NOT_REFUNDED);
    CU_ASSERT(a.contradicted);
    int64_t inquiry = begin(OTR_KIND_INQUIRY, tid);
    g = finding(inquiry, OTR_KIND_INQUIRY, OTR_OUTCOME_ANSWERED);
    g.tx_status = 4;
    g.tid = tid;
    g.amount = 777;
    settle(&g, id, OTR_RESOLUTION_REFUNDED, OTR_HOW_INQUIRY);
    CU_ASSERT_EQUAL(journal_finish(j, &g), JOURNAL_OK);
    CU_ASSERT_EQUAL(count("contradiction", id), 2);
    CU_ASSERT_EQUAL(look(inquiry).outcome, OTR_OUTCOME_ANSWERED);
    CU_ASSERT_EQUAL(look(id).resolution, OTR_RESOLUTION_NOT_REFUNDED);
    /* Another amount than before: held against the refund attempt. */
    inquiry = begin(OTR_KIND_INQUIRY, tid);
    g = finding(inquiry, OTR_KIND_INQUIRY, OTR_OUTCOME_ANSWERED);
    g.tid = tid;
    g.amount = 778;
    CU_ASSERT_EQUAL(journal_finish(j, &g), JOURNAL_OK);
    CU_ASSERT_EQUAL(count("contradiction", inquiry), 0);
    CU_ASSERT_EQUAL(count("contradiction", id), 3);
    struct otr_transaction t;
    CU_ASSERT_EQUAL(journal_transaction(j, tid, NULL, &t), JOURNAL_OK);
    CU_ASSERT_EQUAL(t.amount, 777);
    CU_ASSERT(t.contradicted);
    struct otr_attempt rows[8];
    int n = 0;
    struct otr_filter filter = {.tid = tid, .contradicted_only = true};
    CU_ASSERT_EQUAL(journal_attempts(j, &filter, 8, rows, &n), JOURNAL_OK);
    CU_ASSERT_EQUAL(n, 1);
}

static void refused(void) {
    struct journal_begun b;
    struct journal_intent i = intent(OTR_KIND_REFUND, "12x4");
    int64_t before = pg_number("SELECT count(*) FROM otprefund.attempt");
    CU_ASSERT_EQUAL(journal_begin(j, &i, &b), JOURNAL_REFUSED);
    i = intent(OTR_KIND_REFUND, NULL);
    CU_ASSERT_EQUAL(journal_begin(j, &i, &b), JOURNAL_REFUSED);
    i = intent(OTR_KIND_OTP, new_tid());
    i.cash_returned = true;
    CU_ASSERT_EQUAL(journal_begin(j, &i, &b), JOURNAL_REFUSED);
    i = intent(OTR_KIND_OTP, new_tid());
    i.operator_name = "\xff\xfe";
    CU_ASSERT_EQUAL(journal_begin(j, &i, &b), JOURNAL_REFUSED);
    i = intent(OTR_KIND_OTP, new_tid());
    i.idempotency_key = "with blank";
    CU_ASSERT_EQUAL(journal_begin(j, &i, &b), JOURNAL_REFUSED);
    i = intent(OTR_KIND_OTP, new_tid());
    i.deadline_ms = 0;
    CU_ASSERT_EQUAL(journal_begin(j, &i, &b), JOURNAL_REFUSED);
    CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM otprefund.attempt"), before);
    int64_t id = begin(OTR_KIND_REFUND, new_tid());
    struct journal_finding f = finding(id, OTR_KIND_REFUND, OTR_OUTCOME_REJECTED);
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_REFUSED); /* no reason */
    f = finding(id, OTR_KIND_REFUND, OTR_OUTCOME_SENT);
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_REFUSED); /* an outcome of another kind */
    f = finding(id, OTR_KIND_OTP, OTR_OUTCOME_SENT);
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_REFUSED); /* another kind */
    f = finding(id, OTR_KIND_REFUND, OTR_OUTCOME_REFUNDED);
    f.amount = -1;
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_REFUSED);
    f.amount = 100000000000000; /* more than numeric(14,2) holds */
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_REFUSED);
    CU_ASSERT_EQUAL(look(id).outcome, OTR_OUTCOME_NONE);
    CU_ASSERT(look(id).open);
    f = finding(1LL << 60, OTR_KIND_OTP, OTR_OUTCOME_SENT);
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_NOT_FOUND);
    /* Words of the bank that cannot be stored are lost, what they prove is not. */
    f = finding(id, OTR_KIND_REFUND, OTR_OUTCOME_REFUNDED);
    f.message = "\xc3";
    f.evidence = "{";
    settle(&f, id, OTR_RESOLUTION_REFUNDED, OTR_HOW_ANSWER);
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    CU_ASSERT_EQUAL(look(id).resolution, OTR_RESOLUTION_REFUNDED);
}

/* ---- lists ---------------------------------------------------------------------------------- */

static void lists(void) {
    static struct otr_attempt rows[100];
    const char *tid = new_tid();
    int n;
    int64_t ids[7];
    for (int k = 0; k < 7; k++)
        ids[k] = begin(OTR_KIND_INQUIRY, tid);
    struct otr_filter f = {.tid = tid};
    int64_t seen = 7;
    for (;;) { /* newest first, in pages of three */
        CU_ASSERT_EQUAL(journal_attempts(j, &f, 3, rows, &n), JOURNAL_OK);
        if (n == 0)
            break;
        for (int k = 0; k < n; k++)
            CU_ASSERT_EQUAL(rows[k].attempt_id, ids[--seen]);
        f.after = rows[n - 1].attempt_id;
    }
    CU_ASSERT_EQUAL(seen, 0);
    struct otr_attempt a = look(ids[3]);
    f = (struct otr_filter){.tid = tid, .from = a.started_at, .to = a.started_at + 1};
    CU_ASSERT_EQUAL(journal_attempts(j, &f, 100, rows, &n), JOURNAL_OK);
    bool found = false;
    for (int k = 0; k < n; k++) {
        found = found || rows[k].attempt_id == ids[3];
        CU_ASSERT_EQUAL(rows[k].started_at, a.started_at);
    }
    CU_ASSERT(found);
    static const struct otr_filter filters[] = {
        {.kind = OTR_KIND_REFUND},
        {.outcome = OTR_OUTCOME_REJECTED},
        {.resolution = OTR_RESOLUTION_REFUNDED},
        {.open_only = true},
        {.in_flight_only = true},
        {.contradicted_only = true},
        {.operator_name = "asha", .kind = OTR_KIND_OTP, .outcome = OTR_OUTCOME_SENT},
    };
    static const char *const truths[] = {"kind = 'refund'",
                                         "outcome = 'rejected'",
                                         "resolution = 'refunded'",
                                         "open",
                                         "outcome IS NULL",
                                         "contradicted",
                                         "operator = 'asha' AND kind = 'otp' AND outcome = 'sent'"};
    for (size_t k = 0; k < sizeof filters / sizeof filters[0]; k++) {
        char sql[256];
        CU_ASSERT_EQUAL(journal_attempts(j, &filters[k], 100, rows, &n), JOURNAL_OK);
        snprintf(sql, sizeof sql,
                 "SELECT least(100, count(*)) FROM otprefund.attempt_status WHERE %s", truths[k]);
        CU_ASSERT_EQUAL(n, pg_number(sql));
        CU_ASSERT(n > 0);
        for (int i = 1; i < n; i++)
            CU_ASSERT(rows[i].attempt_id < rows[i - 1].attempt_id);
    }
    f = (struct otr_filter){.tid = "' OR true --"};
    CU_ASSERT_EQUAL(journal_attempts(j, &f, 100, rows, &n), JOURNAL_OK);
    CU_ASSERT_EQUAL(n, 0);
    CU_ASSERT_EQUAL(journal_attempt(j, 1LL << 60, &a), JOURNAL_NOT_FOUND);
    struct otr_transaction t;
    CU_ASSERT_EQUAL(journal_transaction(j, "404", NULL, &t), JOURNAL_NOT_FOUND);
}

static void reports(void) {
    static const int columns[] = {5, 11, 12, 11, 9, 6};
    struct otr_table t;
    for (int k = 0; k < JOURNAL_REPORT_ACCESS; k++) {
        CU_ASSERT_EQUAL(journal_report(j, (enum journal_report)k, &t), JOURNAL_OK);
        CU_ASSERT_EQUAL(t.columns, columns[k]);
        CU_ASSERT(t.rows >= (k >= JOURNAL_REPORT_MISMATCH ? 1 : 2));
        for (int i = 0; i < t.rows * t.columns; i++)
            CU_ASSERT_PTR_NOT_NULL(t.cells[i]);
        otr_table_free(&t);
    }
    CU_ASSERT(journal_report(j, JOURNAL_REPORT_ACCESS, &t) != JOURNAL_OK); /* the auditor's alone */
    struct otr_today all, mine;
    CU_ASSERT_EQUAL(journal_today(j, NULL, "Asia/Kolkata", &all), JOURNAL_OK);
    CU_ASSERT_EQUAL(journal_today(j, "asha", "Asia/Kolkata", &mine), JOURNAL_OK);
    CU_ASSERT(mine.refunds > 0 && mine.refunded > 0 && mine.otps > 0 && mine.rejected > 0);
    CU_ASSERT(all.refunds >= mine.refunds && all.refunded_amount >= mine.refunded_amount);
    CU_ASSERT_EQUAL(journal_today(j, "nobody", "UTC", &mine), JOURNAL_OK);
    CU_ASSERT_EQUAL(mine.refunds, 0);
    CU_ASSERT_EQUAL(journal_today(j, NULL, "No/Where", &all), JOURNAL_REFUSED);
}

/* ---- trouble -------------------------------------------------------------------------------- */

static void backends_die(void) {
    static const char kill_all[] =
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
        " WHERE application_name = 'otprefund' AND datname = current_database()";
    for (int k = 0; k < 3; k++) {
        CU_ASSERT(pg_number(kill_all) > 0);
        int64_t id = begin(OTR_KIND_REFUND, new_tid());
        CU_ASSERT(pg_number(kill_all) > 0);
        struct journal_finding f = finding(id, OTR_KIND_REFUND, OTR_OUTCOME_REFUNDED);
        settle(&f, id, OTR_RESOLUTION_REFUNDED, OTR_HOW_ANSWER);
        CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
        CU_ASSERT(pg_number(kill_all) > 0);
        CU_ASSERT_EQUAL(look(id).resolution, OTR_RESOLUTION_REFUNDED);
        char why[256];
        CU_ASSERT(pg_number(kill_all) > 0);
        CU_ASSERT_EQUAL(journal_ping(j, why, sizeof why), JOURNAL_OK);
    }
}

static void bad_conninfo(void) {
    struct journal *other = NULL;
    char why[256];
    struct journal_config c = {
        .conninfo = "host=/nonexistent password=secret-word user=x", .connections = 1, .node = "n"};
    CU_ASSERT_EQUAL(journal_open(&c, &other, why, sizeof why), JOURNAL_DOWN);
    CU_ASSERT_PTR_NULL(other);
    CU_ASSERT(strlen(why) > 0 && strchr(why, '\n') == NULL && !strstr(why, "secret-word"));
    journal_close(NULL);
    for (int s = 0; s < JOURNAL_STATUS__MAX; s++)
        CU_ASSERT(strlen(journal_status_text((enum journal_status)s)) > 0);
}

int main(void) {
    if (!getenv("OTPREFUND_TEST_DB"))
        return 77;
    if (!steps_open())
        return 1;
    CU_pSuite s = suite_begin("journal", NULL, NULL);
    CU_add_test(s, "otp: begin, finish, read", otp_round_trip);
    CU_add_test(s, "refund: paise survive", refund_round_trip);
    CU_add_test(s, "inquiry settles", inquiry_settles);
    CU_add_test(s, "an older answer changes nothing", older_answer);
    CU_add_test(s, "same, key used, open", conflicts);
    CU_add_test(s, "32 at the same moment", same_moment);
    CU_add_test(s, "limits of OTP sends", otp_limits);
    CU_add_test(s, "limit of wrong OTPs", wrong_otp_limit);
    CU_add_test(s, "32 OTP sends at the same moment", otp_limit_race);
    CU_add_test(s, "contradictions", contradictions);
    CU_add_test(s, "bad values are refused", refused);
    CU_add_test(s, "lists", lists);
    CU_add_test(s, "reports", reports);
    CU_add_test(s, "backends die", backends_die);
    CU_add_test(s, "bad conninfo", bad_conninfo);
    int failed = suite_run();
    steps_close();
    return failed;
}
