/* test_manual.c - manual resolution against a real PostgreSQL: every refusal, and the way through. */
#include <CUnit/Basic.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/journal.h"
#include "tests/unit/journal_steps.h"
#include "tests/unit/pg_helper.h"
#include "tests/unit/suite.h"

#define SETTLE_S 600
#define WHY      "The bank confirmed it on the phone"

/* ---- steps -------------------------------------------------------------- */

static bool person(const char *name, enum otr_role role, bool disabled) {
    char sql[256];
    snprintf(sql, sizeof sql,
             "INSERT INTO otprefund.operator (name, role, disabled) VALUES ('%s', '%s', %s) "
             "ON CONFLICT (name) DO UPDATE SET role = excluded.role, disabled = excluded.disabled",
             name, otr_role_name(role), disabled ? "true" : "false");
    return pg_do(sql);
}

/* An open refund attempt on tid, unknown, older than SETTLE_S. */
static int64_t open_refund(const char *tid) {
    int64_t id = begin(OTR_KIND_REFUND, tid);
    struct journal_finding f = finding(id, OTR_KIND_REFUND, OTR_OUTCOME_UNKNOWN);
    f.reason = OTR_REASON_NO_ANSWER;
    f.next_inquiry_ms = 60000;
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    set_back(id, SETTLE_S + 60);
    return id;
}

/* A finished inquiry on tid that settles nothing. */
static int64_t inquire(const char *tid, int tx_status) {
    bool answered = tx_status != OTR_NO_STATUS;
    int64_t id = begin(OTR_KIND_INQUIRY, tid);
    struct journal_finding f =
        finding(id, OTR_KIND_INQUIRY, answered ? OTR_OUTCOME_ANSWERED : OTR_OUTCOME_UNKNOWN);
    f.reason = answered ? OTR_REASON_NONE : OTR_REASON_NO_ANSWER;
    f.tx_status = tx_status;
    if (answered) {
        f.tid = tid;
        f.amount = 49900;
    }
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    return id;
}

static struct journal_proposal proposal(int64_t id, int64_t evidence) {
    return (struct journal_proposal){.attempt_id = id,
                                     .resolution = OTR_RESOLUTION_NOT_REFUNDED,
                                     .reason = WHY,
                                     .evidence_attempt_id = evidence,
                                     .proposed_by = "sunil",
                                     .idempotency_key = new_key(),
                                     .settle_s = SETTLE_S};
}

static enum journal_manual propose(const struct journal_proposal *p, int64_t *id) {
    enum journal_manual what = JOURNAL_MANUAL__MAX;
    CU_ASSERT_EQUAL(journal_manual_propose(j, p, &what, id), JOURNAL_OK);
    return what;
}

static int64_t proposed(int64_t id, int64_t evidence) {
    struct journal_proposal p = proposal(id, evidence);
    int64_t number = 0;
    CU_ASSERT_EQUAL(propose(&p, &number), JOURNAL_MANUAL_DONE);
    return number;
}

static enum journal_manual decide(int64_t id, int64_t number, bool approve, const char *who) {
    enum journal_manual what = JOURNAL_MANUAL__MAX;
    CU_ASSERT_EQUAL(journal_manual_decide(j, id, number, approve, who, NULL, &what), JOURNAL_OK);
    return what;
}

static enum otr_manual_state state(int64_t id) {
    struct otr_manual m;
    CU_ASSERT_EQUAL(journal_manual_get(j, id, &m), JOURNAL_OK);
    return m.state;
}

static int64_t decisions(int64_t number) {
    char sql[128];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM otprefund.manual_decision WHERE proposal_id = %" PRId64, number);
    return pg_number(sql);
}

/* ---- the way through -------------------------------------------------------------- */

static void approved(void) {
    const char *tid = new_tid();
    int64_t id = open_refund(tid), evidence = inquire(tid, 2), number;
    struct journal_proposal p = proposal(id, evidence);
    struct otr_manual m;
    CU_ASSERT_EQUAL(journal_manual_get(j, id, &m), JOURNAL_NOT_FOUND);
    p.resolution = OTR_RESOLUTION_REFUNDED;
    CU_ASSERT_EQUAL(propose(&p, &number), JOURNAL_MANUAL_DONE);
    CU_ASSERT_EQUAL(journal_manual_get(j, id, &m), JOURNAL_OK);
    CU_ASSERT_EQUAL(m.proposal_id, number);
    CU_ASSERT_EQUAL(m.attempt_id, id);
    CU_ASSERT_EQUAL(m.resolution, OTR_RESOLUTION_REFUNDED);
    CU_ASSERT_STRING_EQUAL(m.reason, WHY);
    CU_ASSERT_EQUAL(m.evidence_attempt_id, evidence);
    CU_ASSERT_EQUAL(m.evidence_outcome, OTR_OUTCOME_ANSWERED);
    CU_ASSERT_EQUAL(m.evidence_tx_status, 2);
    CU_ASSERT(m.evidence_at > 0 && m.proposed_at >= m.evidence_at && m.decided_at == 0);
    CU_ASSERT_STRING_EQUAL(m.proposed_by, "sunil");
    CU_ASSERT_EQUAL(m.state, OTR_MANUAL_PENDING);
    CU_ASSERT(look(id).open); /* a proposal alone settles nothing */
    struct otr_table t;
    CU_ASSERT_EQUAL(journal_report(j, JOURNAL_REPORT_MANUAL, &t), JOURNAL_OK);
    CU_ASSERT_EQUAL(t.rows, 2);
    otr_table_free(&t);
    enum journal_manual what;
    CU_ASSERT_EQUAL(journal_manual_decide(j, id, number, true, "meera", "Seen the fax", &what),
                    JOURNAL_OK);
    CU_ASSERT_EQUAL(what, JOURNAL_MANUAL_DONE);
    struct otr_attempt a = look(id);
    CU_ASSERT_EQUAL(a.resolution, OTR_RESOLUTION_REFUNDED);
    CU_ASSERT_EQUAL(a.resolved_by, OTR_HOW_MANUAL);
    CU_ASSERT_EQUAL(a.refunded_amount, 49900);
    CU_ASSERT_EQUAL(a.tx_status, 2);
    CU_ASSERT(!a.open && !a.contradicted);
    CU_ASSERT_EQUAL(count("open_attempt", id), 0);
    CU_ASSERT_EQUAL(journal_manual_get(j, id, &m), JOURNAL_OK);
    CU_ASSERT_EQUAL(m.state, OTR_MANUAL_APPROVED);
    CU_ASSERT_STRING_EQUAL(m.decided_by, "meera");
    CU_ASSERT_STRING_EQUAL(m.note, "Seen the fax");
    CU_ASSERT(m.decided_at >= m.proposed_at);
    char sql[160];
    snprintf(sql, sizeof sql,
             "SELECT evidence_attempt_id FROM otprefund.resolution WHERE attempt_id = %" PRId64,
             id);
    CU_ASSERT_EQUAL(pg_number(sql), evidence);
    /* What two people call refunded is not refunded again. */
    struct journal_intent i = intent(OTR_KIND_REFUND, tid);
    struct journal_begun b;
    CU_ASSERT_EQUAL(journal_begin(j, &i, &b), JOURNAL_REFUNDED);
    CU_ASSERT_EQUAL(b.attempt_id, id);
}

/* What the bank did not answer is evidence too; the decider may be a second supervisor. */
static void silent_bank(void) {
    const char *tid = new_tid();
    int64_t id = open_refund(tid), number = proposed(id, inquire(tid, OTR_NO_STATUS));
    inquire(tid, OTR_NO_STATUS); /* the same once more overtakes nothing */
    CU_ASSERT_EQUAL(decide(id, number, true, "tara"), JOURNAL_MANUAL_DONE);
    CU_ASSERT_EQUAL(look(id).resolution, OTR_RESOLUTION_NOT_REFUNDED);
    CU_ASSERT_EQUAL(look(id).refunded_amount, OTR_NO_AMOUNT);
}

static void refused(void) {
    const char *tid = new_tid();
    int64_t id = open_refund(tid), number = proposed(id, inquire(tid, 2));
    CU_ASSERT_EQUAL(decide(id, number, false, "meera"), JOURNAL_MANUAL_DONE);
    CU_ASSERT(look(id).open);
    CU_ASSERT_EQUAL(state(id), OTR_MANUAL_REFUSED);
    CU_ASSERT_EQUAL(decide(id, number, true, "meera"), JOURNAL_MANUAL_DECIDED);
    CU_ASSERT_EQUAL(decide(id, number, true, "tara"), JOURNAL_MANUAL_DECIDED);
    CU_ASSERT(look(id).open);
    number = proposed(id, inquire(tid, 2)); /* it may be proposed again */
    CU_ASSERT_EQUAL(decide(id, number, true, "meera"), JOURNAL_MANUAL_DONE);
    CU_ASSERT_EQUAL(decide(id, number, true, "meera"), JOURNAL_MANUAL_DONE); /* the same again */
    CU_ASSERT_EQUAL(decide(id, number, true, "tara"), JOURNAL_MANUAL_DECIDED);
    CU_ASSERT_EQUAL(decide(id, number, false, "meera"), JOURNAL_MANUAL_DECIDED);
    CU_ASSERT_EQUAL(decisions(number), 1);
    CU_ASSERT_EQUAL(count("resolution", id), 1);
}

/* ---- who may not -------------------------------------------------------------- */

static void people(void) {
    static const char *const not_proposers[] = {"asha", "meera", "gone", "stranger"};
    const char *tid = new_tid();
    int64_t id = open_refund(tid), evidence = inquire(tid, 2), number;
    for (size_t i = 0; i < 4; i++) { /* operator, auditor, disabled supervisor, nobody */
        struct journal_proposal p = proposal(id, evidence);
        p.proposed_by = not_proposers[i];
        CU_ASSERT_EQUAL(propose(&p, &number), JOURNAL_MANUAL_FORBIDDEN);
    }
    CU_ASSERT_EQUAL(count("manual_proposal", id), 0);
    number = proposed(id, evidence);
    CU_ASSERT_EQUAL(decide(id, number, true, "sunil"), JOURNAL_MANUAL_OWN);
    CU_ASSERT_EQUAL(decide(id, number, false, "sunil"), JOURNAL_MANUAL_OWN);
    CU_ASSERT_EQUAL(decide(id, number, true, "asha"), JOURNAL_MANUAL_FORBIDDEN);
    CU_ASSERT_EQUAL(decide(id, number, false, "asha"), JOURNAL_MANUAL_FORBIDDEN);
    CU_ASSERT_EQUAL(decide(id, number, true, "gone"), JOURNAL_MANUAL_FORBIDDEN);
    CU_ASSERT_EQUAL(decide(id, number, true, "stranger"), JOURNAL_MANUAL_FORBIDDEN);
    CU_ASSERT(person("sunil", OTR_ROLE_SUPERVISOR, true)); /* turned away since he proposed */
    CU_ASSERT_EQUAL(decide(id, number, true, "meera"), JOURNAL_MANUAL_PROPOSER_OUT);
    CU_ASSERT(person("sunil", OTR_ROLE_OPERATOR, false));
    CU_ASSERT_EQUAL(decide(id, number, true, "meera"), JOURNAL_MANUAL_PROPOSER_OUT);
    CU_ASSERT(person("sunil", OTR_ROLE_SUPERVISOR, false));
    CU_ASSERT_EQUAL(decisions(number), 0);
    CU_ASSERT(look(id).open);
}

/* No role is exempt: not the owner of the tables, nor a superuser. */
static void no_way_round(void) {
    const char *tid = new_tid();
    char sql[512];
    int64_t id = open_refund(tid), evidence = inquire(tid, 2), number = proposed(id, evidence);
    snprintf(sql, sizeof sql,
             "INSERT INTO otprefund.resolution (attempt_id, resolution, resolved_by, "
             "evidence_attempt_id) VALUES (%" PRId64 ", 'not_refunded', 'manual', %" PRId64 ")",
             id, evidence);
    CU_ASSERT_FALSE(pg_do(sql));
    CU_ASSERT_STRING_EQUAL(pg_state(), "23514");
    snprintf(sql, sizeof sql,
             "INSERT INTO otprefund.manual_decision (proposal_id, proposed_by, decision, "
             "decided_by) VALUES (%" PRId64 ", 'sunil', 'approved', 'sunil')",
             number);
    CU_ASSERT_FALSE(pg_do(sql));
    CU_ASSERT_STRING_EQUAL(pg_state(), "23514");
    snprintf(sql, sizeof sql,
             "INSERT INTO otprefund.manual_decision (proposal_id, proposed_by, decision, "
             "decided_by) VALUES (%" PRId64 ", 'meera', 'approved', 'sunil')",
             number);
    CU_ASSERT_FALSE(pg_do(sql)); /* not its proposer */
    CU_ASSERT_STRING_EQUAL(pg_state(), "23503");
    /* The resolver's way cannot write the word either. */
    struct journal_finding f =
        finding(begin(OTR_KIND_INQUIRY, tid), OTR_KIND_INQUIRY, OTR_OUTCOME_ANSWERED);
    settle(&f, id, OTR_RESOLUTION_NOT_REFUNDED, OTR_HOW_MANUAL);
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_REFUSED);
    CU_ASSERT(look(id).open);
    static const char *const tables[] = {"manual_proposal", "manual_decision"};
    for (int t = 0; t < 2; t++) {
        snprintf(sql, sizeof sql, "UPDATE otprefund.%s SET proposed_by = proposed_by", tables[t]);
        CU_ASSERT_FALSE(pg_do(sql));
        snprintf(sql, sizeof sql, "DELETE FROM otprefund.%s", tables[t]);
        CU_ASSERT_FALSE(pg_do(sql));
        snprintf(sql, sizeof sql, "TRUNCATE otprefund.%s CASCADE", tables[t]);
        CU_ASSERT_FALSE(pg_do(sql));
        CU_ASSERT_STRING_EQUAL(pg_state(), "42501");
        snprintf(sql, sizeof sql,
                 "SELECT has_table_privilege('otprefund_app', 'otprefund.%s', "
                 "'INSERT, UPDATE, DELETE, SELECT')::int",
                 tables[t]);
        CU_ASSERT_EQUAL(pg_number(sql), 0);
    }
}

/* ---- when not -------------------------------------------------------------- */

/* The colleague is a supervisor for as long as it takes to approve: the trail has it, in order. */
static void made_supervisor(void) {
    const char *tid = new_tid();
    char sql[700];
    int64_t id = open_refund(tid), number = proposed(id, inquire(tid, 2));
    CU_ASSERT(person("ravi", OTR_ROLE_OPERATOR, false));
    CU_ASSERT_EQUAL(decide(id, number, true, "ravi"), JOURNAL_MANUAL_FORBIDDEN);
    CU_ASSERT(person("ravi", OTR_ROLE_SUPERVISOR, false));
    CU_ASSERT_EQUAL(decide(id, number, true, "ravi"), JOURNAL_MANUAL_DONE);
    CU_ASSERT(person("ravi", OTR_ROLE_OPERATOR, false));
    snprintf(sql, sizeof sql,
             "SELECT what FROM ("
             "SELECT changed_at, concat_ws(' ', changed_by = session_user, action, role_before, "
             "role) FROM otprefund.access_history WHERE name = 'ravi' UNION ALL "
             "SELECT decided_at, decision FROM otprefund.manual_decision "
             "WHERE decided_by = 'ravi' AND proposal_id = %" PRId64 ") t(at, what) ORDER BY at",
             number);
    CU_ASSERT_STRING_EQUAL(pg_column(sql), "t added operator\nt changed operator supervisor\n"
                                           "approved\nt changed supervisor operator\n");
}

static void too_soon(void) {
    const char *tid = new_tid();
    int64_t number, id = begin(OTR_KIND_REFUND, tid);
    struct journal_proposal p = proposal(id, inquire(tid, 2));
    set_back(id, 5);
    p.settle_s = 0; /* old enough, but its own answer may still come */
    CU_ASSERT_EQUAL(propose(&p, &number), JOURNAL_MANUAL_TOO_SOON);
    struct journal_finding f = finding(id, OTR_KIND_REFUND, OTR_OUTCOME_UNKNOWN);
    f.reason = OTR_REASON_NO_ANSWER;
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    p.settle_s = SETTLE_S;
    CU_ASSERT_EQUAL(propose(&p, &number), JOURNAL_MANUAL_TOO_SOON);
    p.settle_s = 0;
    CU_ASSERT_EQUAL(propose(&p, &number), JOURNAL_MANUAL_DONE);
}

static void evidence_of_something_else(void) {
    const char *tid = new_tid(), *other = new_tid();
    int64_t number, early = inquire(tid, 2), id = open_refund(tid);
    int64_t others = inquire(other, 2), unfinished = begin(OTR_KIND_INQUIRY, tid);
    int64_t old = inquire(tid, 2);
    set_back(early, SETTLE_S + 120); /* before the attempt */
    set_back(old, 15 * 60 + 1);
    const int64_t wrong[] = {early, others, unfinished, old, id, 0, INT64_C(1) << 40};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct journal_proposal p = proposal(id, wrong[i]);
        CU_ASSERT_EQUAL(propose(&p, &number), JOURNAL_MANUAL_NO_EVIDENCE);
    }
    struct journal_proposal p = proposal(others, inquire(tid, 2));
    CU_ASSERT_EQUAL(propose(&p, &number), JOURNAL_MANUAL_NOT_FOUND); /* no refund attempt */
    p = proposal(id, inquire(tid, 2));
    p.reason = "short";
    enum journal_manual what;
    CU_ASSERT_EQUAL(journal_manual_propose(j, &p, &what, &number), JOURNAL_REFUSED);
    CU_ASSERT_EQUAL(count("manual_proposal", id), 0);
}

static void not_open(void) {
    const char *tid = new_tid();
    int64_t id = open_refund(tid), evidence = inquire(tid, 2), number = proposed(id, evidence), n;
    int64_t last = begin(OTR_KIND_INQUIRY, tid);
    struct journal_finding f = finding(last, OTR_KIND_INQUIRY, OTR_OUTCOME_ANSWERED);
    f.tid = tid;
    f.tx_status = 4;
    f.amount = 49900;
    settle(&f, id, OTR_RESOLUTION_REFUNDED, OTR_HOW_INQUIRY);
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    CU_ASSERT_EQUAL(state(id), OTR_MANUAL_SETTLED);
    CU_ASSERT_EQUAL(decide(id, number, true, "meera"), JOURNAL_MANUAL_SETTLED);
    CU_ASSERT_EQUAL(decide(id, number, false, "meera"), JOURNAL_MANUAL_SETTLED);
    struct journal_proposal p = proposal(id, evidence);
    CU_ASSERT_EQUAL(propose(&p, &n), JOURNAL_MANUAL_SETTLED);
    CU_ASSERT_EQUAL(look(id).resolved_by, OTR_HOW_INQUIRY);
}

static void stale(void) {
    const char *tid = new_tid();
    int64_t id = open_refund(tid), evidence = inquire(tid, 2), number = proposed(id, evidence), n;
    inquire(tid, 5); /* the bank says something else */
    CU_ASSERT_EQUAL(state(id), OTR_MANUAL_STALE);
    CU_ASSERT_EQUAL(decide(id, number, true, "meera"), JOURNAL_MANUAL_STALE);
    struct journal_proposal p = proposal(id, evidence);
    CU_ASSERT_EQUAL(propose(&p, &n), JOURNAL_MANUAL_STALE);
    int64_t newer = proposed(id, inquire(tid, 5));
    CU_ASSERT_EQUAL(decide(id, number, true, "meera"), JOURNAL_MANUAL_SUPERSEDED);
    CU_ASSERT_EQUAL(decide(id, number, false, "meera"), JOURNAL_MANUAL_SUPERSEDED);
    inquire(tid, OTR_NO_STATUS); /* no answer is another outcome too */
    CU_ASSERT_EQUAL(decide(id, newer, true, "meera"), JOURNAL_MANUAL_STALE);
    CU_ASSERT_EQUAL(decide(id, newer, false, "meera"), JOURNAL_MANUAL_DONE); /* harmless */
    CU_ASSERT(look(id).open);
}

static void expired(void) {
    const char *tid = new_tid();
    char sql[512];
    int64_t id = open_refund(tid), number = proposed(id, inquire(tid, 2));
    snprintf(sql, sizeof sql,
             "ALTER TABLE otprefund.manual_proposal DISABLE TRIGGER insert_only;"
             "UPDATE otprefund.manual_proposal SET proposed_at = proposed_at - interval '24 hours'"
             " WHERE proposal_id = %" PRId64 ";"
             "ALTER TABLE otprefund.manual_proposal ENABLE ALWAYS TRIGGER insert_only",
             number);
    CU_ASSERT(pg_do(sql));
    CU_ASSERT_EQUAL(state(id), OTR_MANUAL_EXPIRED);
    CU_ASSERT_EQUAL(decide(id, number, true, "meera"), JOURNAL_MANUAL_EXPIRED);
    CU_ASSERT(look(id).open);
}

static void the_form_twice(void) {
    const char *tid = new_tid(), *other = new_tid();
    int64_t id = open_refund(tid), n = 0, again = 0;
    int64_t second = open_refund(other);
    struct journal_proposal p = proposal(id, inquire(tid, 2));
    CU_ASSERT_EQUAL(propose(&p, &n), JOURNAL_MANUAL_DONE);
    p.evidence_attempt_id = inquire(tid, 2);
    CU_ASSERT_EQUAL(propose(&p, &again), JOURNAL_MANUAL_DONE);
    CU_ASSERT_EQUAL(again, n);
    p.resolution = OTR_RESOLUTION_REFUNDED;
    CU_ASSERT_EQUAL(propose(&p, &again), JOURNAL_MANUAL_KEY_USED);
    CU_ASSERT_EQUAL(count("manual_proposal", id), 1);
    /* A proposal is decided at its own attempt's address only. */
    CU_ASSERT_EQUAL(decide(second, n, true, "meera"), JOURNAL_MANUAL_NOT_FOUND);
    CU_ASSERT_EQUAL(decide(id, n + 1000, true, "meera"), JOURNAL_MANUAL_NOT_FOUND);
    CU_ASSERT(look(id).open && look(second).open);
}

/* ---- a later word of the bank -------------------------------------------------------------- */

static void contradicted(void) {
    const char *tid = new_tid();
    int64_t id = open_refund(tid), number = proposed(id, inquire(tid, 2));
    int64_t late = begin(OTR_KIND_INQUIRY, tid); /* on its way while it is decided */
    CU_ASSERT_EQUAL(decide(id, number, true, "meera"), JOURNAL_MANUAL_DONE);
    inquire(tid, 3); /* agrees */
    CU_ASSERT(!look(id).contradicted);
    struct journal_finding f = finding(late, OTR_KIND_INQUIRY, OTR_OUTCOME_ANSWERED);
    f.tid = tid;
    f.tx_status = 4;
    settle(&f, id, OTR_RESOLUTION_REFUNDED, OTR_HOW_INQUIRY);
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    inquire(tid, 4);
    inquire(tid, 4);
    struct otr_attempt a = look(id);
    CU_ASSERT_EQUAL(a.resolution, OTR_RESOLUTION_NOT_REFUNDED); /* as it was */
    CU_ASSERT_EQUAL(a.resolved_by, OTR_HOW_MANUAL);
    CU_ASSERT(a.contradicted);
    CU_ASSERT_EQUAL(count("contradiction", id), 1); /* said once, not at each question */

    tid = new_tid(); /* without one on its way: a question asked afterwards */
    id = open_refund(tid);
    number = proposed(id, inquire(tid, 2));
    CU_ASSERT_EQUAL(decide(id, number, true, "meera"), JOURNAL_MANUAL_DONE);
    inquire(tid, 2); /* says nothing either way */
    CU_ASSERT(!look(id).contradicted);
    inquire(tid, 4);
    CU_ASSERT(look(id).contradicted);
}

/* Two people were wrong: the opposite stands beside, and nothing is changed. */
static void counter(void) {
    const char *tid = new_tid();
    struct otr_manual m;
    int64_t n, id = open_refund(tid), first = inquire(tid, 2), number = proposed(id, first);
    CU_ASSERT_EQUAL(decide(id, number, true, "meera"), JOURNAL_MANUAL_DONE);
    struct journal_proposal p = proposal(id, inquire(tid, 2));
    CU_ASSERT_EQUAL(propose(&p, &n), JOURNAL_MANUAL_SETTLED); /* the same once more */
    p.resolution = OTR_RESOLUTION_REFUNDED;
    p.evidence_attempt_id = first; /* asked before it was settled */
    CU_ASSERT_EQUAL(propose(&p, &n), JOURNAL_MANUAL_NO_EVIDENCE);
    p.evidence_attempt_id = inquire(tid, 2);
    p.proposed_by = "meera";
    CU_ASSERT_EQUAL(propose(&p, &n), JOURNAL_MANUAL_FORBIDDEN);
    p.proposed_by = "tara";
    CU_ASSERT_EQUAL(propose(&p, &n), JOURNAL_MANUAL_DONE);
    CU_ASSERT_EQUAL(journal_manual_get(j, id, &m), JOURNAL_OK);
    CU_ASSERT(m.counter && m.state == OTR_MANUAL_PENDING && !look(id).contradicted);
    CU_ASSERT_EQUAL(decide(id, n, true, "tara"), JOURNAL_MANUAL_OWN);
    CU_ASSERT_EQUAL(decide(id, n, true, "sunil"), JOURNAL_MANUAL_DONE);
    struct otr_attempt a = look(id);
    CU_ASSERT_EQUAL(a.resolution, OTR_RESOLUTION_NOT_REFUNDED);
    CU_ASSERT(a.contradicted && !a.open);
    CU_ASSERT_EQUAL(count("contradiction", id), 1);
    CU_ASSERT_EQUAL(count("resolution", id), 1);
    p.idempotency_key = new_key();
    p.evidence_attempt_id = inquire(tid, 2);
    CU_ASSERT_EQUAL(propose(&p, &n), JOURNAL_MANUAL_SETTLED); /* once */
}

/* ---- two at once -------------------------------------------------------------- */

static pthread_barrier_t barrier;

struct decider {
    int64_t id, number;
    const char *who;
    bool approve;
    enum journal_manual what;
};

static void *decide_now(void *arg) {
    struct decider *d = arg;
    pthread_barrier_wait(&barrier);
    d->what = decide(d->id, d->number, d->approve, d->who);
    return NULL;
}

static void race(void) {
    pthread_barrier_init(&barrier, NULL, 4);
    for (int round = 0; round < 25; round++) {
        const char *tid = new_tid();
        int64_t id = open_refund(tid), number = proposed(id, inquire(tid, 2));
        struct decider d[4] = {{id, number, "meera", true, 0},
                               {id, number, "tara", true, 0},
                               {id, number, "meera", false, 0},
                               {id, number, "tara", false, 0}};
        pthread_t threads[4];
        for (int k = 0; k < 4; k++)
            pthread_create(&threads[k], NULL, decide_now, &d[k]);
        int done = 0, approvals = 0;
        for (int k = 0; k < 4; k++) {
            pthread_join(threads[k], NULL);
            CU_ASSERT(d[k].what == JOURNAL_MANUAL_DONE || d[k].what == JOURNAL_MANUAL_DECIDED);
            done += d[k].what == JOURNAL_MANUAL_DONE;
            approvals += d[k].what == JOURNAL_MANUAL_DONE && d[k].approve;
        }
        CU_ASSERT_EQUAL(done, 1);
        CU_ASSERT_EQUAL(decisions(number), 1);
        CU_ASSERT_EQUAL(count("resolution", id), approvals);
        CU_ASSERT_EQUAL(look(id).open, approvals == 0);
    }
    pthread_barrier_destroy(&barrier);
}

int main(void) {
    if (!getenv("OTPREFUND_TEST_DB"))
        return 77;
    if (!steps_open())
        return 1;
    CU_pSuite s = suite_begin("manual", NULL, NULL);
    if (!person("asha", OTR_ROLE_OPERATOR, false) || !person("sunil", OTR_ROLE_SUPERVISOR, false) ||
        !person("tara", OTR_ROLE_SUPERVISOR, false) || !person("gone", OTR_ROLE_SUPERVISOR, true) ||
        !person("meera", OTR_ROLE_AUDITOR, false))
        return 1;
    CU_add_test(s, "proposed and approved", approved);
    CU_add_test(s, "a silent bank is evidence too", silent_bank);
    CU_add_test(s, "refused; decided once", refused);
    CU_add_test(s, "who may not", people);
    CU_add_test(s, "no role is exempt", no_way_round);
    CU_add_test(s, "made a supervisor to approve", made_supervisor);
    CU_add_test(s, "too soon", too_soon);
    CU_add_test(s, "evidence of something else", evidence_of_something_else);
    CU_add_test(s, "not open any more", not_open);
    CU_add_test(s, "stale evidence", stale);
    CU_add_test(s, "expired", expired);
    CU_add_test(s, "the form twice", the_form_twice);
    CU_add_test(s, "a later word of the bank", contradicted);
    CU_add_test(s, "a counter-entry", counter);
    CU_add_test(s, "a race of deciders", race);
    int failed = suite_run();
    steps_close();
    return failed;
}
