/*
 * manual.c - "ask now", and settling by hand: a bank that says nothing about an executed-or-not
 * refund, two people, and what the journal keeps of it.
 */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/it.h"

#define WHY "Asked at the bank by telephone"

static void path_of(long id, const char *step, char *out, size_t size) {
    snprintf(out, size, "/attempts/%ld%s%s", id, *step ? "/" : "", step);
}

/* The form of this step on the attempt's page as this person sees it. */
static bool step_form(const struct client *c, long id, const char *step, struct form *f) {
    char page[64], action[64];
    struct reply r = {0};
    path_of(id, "", page, sizeof page);
    path_of(id, step, action, sizeof action);
    client_get(c, page, &r);
    bool there = form_find(&r, action, f);
    reply_free(&r);
    return there;
}

/* An open refund attempt the bank has not executed and says nothing about; 0: no such luck. */
static long open_refund(const char *tid) {
    char otp[16];
    struct reply r = {0};
    if (!texted_otp(&it.desk, tid, otp, sizeof otp))
        return 0;
    long id = submit_otp(&it.desk, tid, otp, &r);
    if (!bank_control("/faults", "{\"silent\":1}")) /* before the first inquiry can be made */
        id = 0;
    struct row w = wait_outcome(id, 10);
    expect_text(tid, "outcome", "unknown", w.outcome);
    expect_text(tid, "resolution", "", w.resolution);
    reply_free(&r);
    return id;
}

/* The supervisor's form, once the attempt is old enough. */
static bool propose_form(long id, struct form *f) {
    for (int i = 0; i < 60; i++) {
        if (step_form(&it.supervisor, id, "propose", f)) {
            form_set(f, "resolution", "not_refunded");
            form_set(f, "reason", WHY);
            return true;
        }
        nap_ms(250);
    }
    expect(false, "attempt %ld: no form to propose", id);
    return false;
}

/* Presses as often as the page asks for it while the bank does not answer; the last reply. */
static void propose(struct form *f, struct reply *r) {
    char action[256];
    snprintf(action, sizeof action, "%s", f->action);
    for (int i = 0; i < 10; i++) {
        form_post(&it.supervisor, f, r);
        if (r->status != 202)
            return;
        expect_says(action, r, "has not answered the question yet");
        expect(form_find(r, action, f), "%s: the form is not shown again", action);
        expect(*form_value(f, "inquiry"), "%s: the question asked is not kept", action);
        form_set(f, "resolution", "not_refunded");
        form_set(f, "reason", WHY);
    }
}

static long long proposals(long id) {
    char text[32];
    snprintf(text, sizeof text, "%ld", id);
    return db_number("select count(*) from otprefund.manual_proposal where attempt_id = $1::bigint",
                     text, NULL);
}

static char *state_of(long id, char *out, size_t size) {
    char text[32];
    snprintf(text, sizeof text, "%ld", id);
    return db_text(out, size,
                   "select state from otprefund.manual_status where attempt_id = $1::bigint"
                   " order by proposal_id desc limit 1",
                   text, NULL);
}

static void decide(const struct client *c, struct form *f, const char *decision, int status) {
    struct reply r = {0};
    form_set(f, "decision", decision);
    form_set(f, "note", "Seen");
    form_post(c, f, &r);
    expect_status(f->action, &r, status);
    reply_free(&r);
}

/* The whole way: refused to whom it is not open, proposed, approved by another. */
static void two_people(void) {
    const char *tid = new_tid(83);
    char action[64], state[32], proposal[32];
    struct reply r = {0};
    struct form f, g, again;
    long id = open_refund(tid);
    if (!id || !propose_form(id, &f))
        goto out;
    expect(!step_form(&it.desk, id, "propose", &g), "an operator sees the form to propose");
    expect(!step_form(&it.auditor, id, "propose", &g), "an auditor sees the form to propose");
    form_post(&it.desk, &f, &r);
    expect_status("an operator proposes", &r, 403);
    form_post(&it.auditor, &f, &r);
    expect_status("an auditor proposes", &r, 403);
    g = f;
    form_drop(&g, "csrf_token");
    form_post(&it.supervisor, &g, &r);
    expect_status("a proposal without token", &r, 403);
    g = f;
    form_set(&g, "reason", "short");
    form_post(&it.supervisor, &g, &r);
    expect_status("a proposal without reason", &r, 400);
    expect_number(tid, "proposals", 0, proposals(id));
    propose(&f, &r);
    expect_status("the proposal", &r, 303);
    again = f;
    form_post(&it.supervisor, &again, &r);
    expect_status("the same form again", &r, 303);
    expect_number(tid, "proposals", 1, proposals(id));
    expect_text(tid, "state", "pending", state_of(id, state, sizeof state));
    client_get(&it.auditor, "/reconciliation", &r);
    expect_says("/reconciliation", &r, tid);
    expect_says("/reconciliation", &r, WHY);
    /* Not the proposer, not an operator, not without token. */
    expect(!step_form(&it.supervisor, id, "decide", &g), "the proposer sees the form to decide");
    expect(!step_form(&it.desk, id, "decide", &g), "an operator sees the form to decide");
    if (!step_form(&it.auditor, id, "decide", &g)) {
        expect(false, "attempt %ld: the auditor has no form to decide", id);
        goto out;
    }
    snprintf(proposal, sizeof proposal, "%s", form_value(&g, "proposal_id"));
    decide(&it.desk, &g, "approved", 403);
    again = g;
    form_set(&again, "csrf_token", form_value(&f, "csrf_token"));
    decide(&it.auditor, &again, "approved", 403);    /* another person's token */
    decide(&it.supervisor, &again, "approved", 403); /* the proposer's own */
    expect_text(tid, "state", "pending", state_of(id, state, sizeof state));
    decide(&it.auditor, &g, "approved", 303);
    decide(&it.auditor, &g, "approved", 303); /* pressed twice: one decision */
    decide(&it.auditor, &g, "refused", 409);
    struct row w = row_of(id);
    expect_text(tid, "resolution", "not_refunded", w.resolution);
    expect_text(tid, "resolved_by", "manual", w.resolved_by);
    expect_number(tid, "decisions", 1,
                  db_number("select count(*) from otprefund.manual_decision"
                            " where proposal_id = $1::bigint",
                            proposal, NULL));
    path_of(id, "", action, sizeof action);
    client_get(&it.desk, action, &r);
    expect_says(action, &r, "Settled by hand: not refunded");
    expect_says(action, &r, WHY);
    char key[33];
    form_set(&f, "idempotency_key", fresh_key(key));
    form_drop(&f, "inquiry");
    propose(&f, &r); /* the same once more: only a counter-entry could be made */
    expect_status("a proposal once it is settled", &r, 409);
    expect_number(tid, "proposals", 1, proposals(id));
    expect(step_form(&it.supervisor, id, "propose", &g), "no form for a counter-entry");
out:
    bank_control("/faults", "{\"silent\":0}");
    reply_free(&r);
}

/* The bank's word comes between proposal and approval: the approval is refused. */
static void overtaken(void) {
    const char *tid = new_tid(85); /* executed; tx_status 6 for three inquiries */
    struct reply r = {0};
    struct form f, g;
    long id = open_refund(tid);
    if (!id || !propose_form(id, &f))
        goto out;
    propose(&f, &r);
    expect_status("the proposal", &r, 303);
    expect(step_form(&it.auditor, id, "decide", &g), "the auditor has no form to decide");
    bank_control("/faults", "{\"silent\":0}");
    expect(step_form(&it.desk, id, "ask", &f), "an operator has no button to ask the bank");
    form_post(&it.auditor, &f, &r);
    expect_status("an auditor asks", &r, 403);
    long long before = attempts_of(tid, "inquiry");
    form_post(&it.desk, &f, &r);
    expect_status("ask now", &r, 303);
    expect(attempts_of(tid, "inquiry") > before, "asking made no inquiry on %s", tid);
    for (int i = 0; i < 50; i++) { /* the answer differs from the evidence, or has settled it */
        char state[32];
        if (strcmp(state_of(id, state, sizeof state), "pending") != 0)
            break;
        nap_ms(100);
    }
    decide(&it.auditor, &g, "approved", 409);
    struct row w = wait_settled(id, 30);
    expect(strcmp(w.resolved_by, "manual") != 0, "%s was settled by hand on stale evidence", tid);
    expect(*w.resolution, "%s was not settled by the bank", tid);
    form_post(&it.desk, &f, &r);
    expect_status("ask now once it is settled", &r, 303);
out:
    bank_control("/faults", "{\"silent\":0}");
    reply_free(&r);
}

void suite_manual(void) {
    CU_pSuite s = CU_add_suite("manual", NULL, NULL);
    CU_add_test(s, "two people settle by hand", two_people);
    CU_add_test(s, "overtaken by the bank", overtaken);
}
