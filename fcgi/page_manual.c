/* page_manual.c - the part of an attempt's page about settling it by hand, and the ask button. */
#include "fcgi/page_part.h"

#include <stdio.h>
#include <string.h>

#include "fcgi/advice.h"

static bool role_is(const struct page *p, enum otr_role role) {
    return p->viewer && p->viewer->role == role;
}

/* Nobody but another person who may; the journal holds the same rule. */
static bool may_decide(const struct page *p, const struct otr_manual *m) {
    return m && m->state == OTR_MANUAL_PENDING && p->csrf_token &&
           (role_is(p, OTR_ROLE_SUPERVISOR) || role_is(p, OTR_ROLE_AUDITOR)) &&
           strcmp(p->viewer->name, m->proposed_by) != 0;
}

/* Settled by hand and not countered yet: the opposite may be put beside it. */
static bool may_counter(const struct otr_attempt *a, const struct page_manual *m) {
    const struct otr_manual *n = m->newest;
    return !a->open && a->resolution != OTR_RESOLUTION_NONE && a->resolved_by == OTR_HOW_MANUAL &&
           !(n && n->counter && n->state == OTR_MANUAL_APPROVED);
}

static bool may_propose(const struct page *p, const struct otr_attempt *a,
                        const struct page_manual *m) {
    bool pending = m->newest && m->newest->state == OTR_MANUAL_PENDING;
    return a->kind == OTR_KIND_REFUND && (a->open || may_counter(a, m)) &&
           a->outcome != OTR_OUTCOME_NONE && !pending && p->csrf_token &&
           role_is(p, OTR_ROLE_SUPERVISOR) && p->now - a->started_at >= m->settle_s * INT64_C(1000);
}

int page_attempt_refresh_s(const struct page *p, const struct otr_attempt *a,
                           const struct page_manual *m) {
    /* A page that somebody may be typing into does not renew itself. */
    if (m && (may_decide(p, m->newest) || may_propose(p, a, m)))
        return 0;
    return page_refresh_s(p, a);
}

static const char *resolution_words(enum otr_resolution r) {
    return r == OTR_RESOLUTION_REFUNDED ? "refunded" : "not refunded";
}

static const char *state_words(enum otr_manual_state s) {
    switch (s) {
    case OTR_MANUAL_PENDING:
        return "It waits for another supervisor or an auditor to approve it.";
    case OTR_MANUAL_SETTLED:
        return "It was not needed: the attempt was settled otherwise meanwhile.";
    case OTR_MANUAL_EXPIRED:
        return "Nobody approved it within 24 hours: a supervisor must propose again.";
    case OTR_MANUAL_STALE:
        return "The bank has said something else since: a supervisor must propose again.";
    case OTR_MANUAL_SUPERSEDED:
        return "There is a newer proposal.";
    default:
        return "";
    }
}

static bool bank_was_silent(const struct otr_manual *m) {
    return m->evidence_outcome == OTR_OUTCOME_NOT_SENT ||
           m->evidence_reason == OTR_REASON_NO_ANSWER ||
           m->evidence_reason == OTR_REASON_CONNECTION_LOST ||
           m->evidence_reason == OTR_REASON_NODE_LOST;
}

static void put_evidence(struct fill *f, struct node *n, const struct otr_manual *m) {
    const char *why = advice_why(m->evidence_reason);
    char at[PAGE_TEXT_SIZE];
    bool word =
        m->evidence_outcome == OTR_OUTCOME_ANSWERED && m->evidence_tx_status != OTR_NO_STATUS;
    page_time_short(m->evidence_at, f->page->now, at);
    if (word)
        put_format(f, n, "evidence", "Asked at %s, the bank said: %s", at,
                   advice_tx_word(m->evidence_tx_status));
    else if (bank_was_silent(m))
        put_format(f, n, "evidence", "Asked by %s, the bank did not answer. %s", at,
                   why ? why : "");
    else
        put_format(f, n, "evidence", "Asked by %s, the bank said nothing certain. %s", at,
                   why ? why : "");
    node_bool(f->m, n, "no_word", !word);
    put_format(f, n, "evidence_path", "/attempts/%lld", (long long)m->evidence_attempt_id);
}

static void put_proposal(struct fill *f, const struct otr_manual *m) {
    struct node *n = node_map(f->m, f->root, "proposal");
    node_int(f->m, n, "proposal_id", m->proposal_id);
    node_bool(f->m, n, "counter", m->counter);
    node_text(f->m, n, "state", otr_manual_state_name(m->state));
    node_text(f->m, n, "state_words", state_words(m->state));
    node_text(f->m, n, "proposed", resolution_words(m->resolution));
    node_text(f->m, n, "proposed_by", m->proposed_by);
    put_time(f, n, "proposed_at", m->proposed_at);
    node_text(f->m, n, "reason", m->reason);
    put_evidence(f, n, m);
    node_text(f->m, n, "decided_by", m->decided_by);
    put_time(f, n, "decided_at", m->decided_at);
    bool approved = m->state == OTR_MANUAL_APPROVED;
    node_text(f->m, n, "decided", approved ? "Approved" : "Refused");
    node_text(f->m, n, "decision_note", m->note);
    node_bool(f->m, n, "may_decide", may_decide(f->page, m));
    node_bool(f->m, n, "own",
              m->state == OTR_MANUAL_PENDING && f->page->viewer &&
                  strcmp(f->page->viewer->name, m->proposed_by) == 0);
}

void put_manual(struct fill *f, const struct otr_attempt *a, const struct page_manual *m) {
    bool ask = a->kind == OTR_KIND_REFUND && a->open && a->outcome != OTR_OUTCOME_NONE &&
               f->page->csrf_token && page_sees_desk(f->page);
    node_bool(f->m, f->root, "ask", ask);
    node_text(f->m, f->root, "manual_error", m ? m->error : "");
    node_text(f->m, f->root, "proposal", "");
    if (m && m->newest)
        put_proposal(f, m->newest);
    bool form = m && may_propose(f->page, a, m);
    node_text(f->m, f->root, "propose", "");
    if (!form)
        return;
    struct node *n = node_map(f->m, f->root, "propose");
    node_bool(f->m, n, "countering", !a->open);
    node_bool(f->m, n, "offer_refunded", a->resolution != OTR_RESOLUTION_REFUNDED);
    node_bool(f->m, n, "offer_not_refunded", a->resolution != OTR_RESOLUTION_NOT_REFUNDED);
    node_text(f->m, n, "key", f->page->idempotency_key[0]);
    node_text(f->m, n, "typed", m->reason);
    node_bool(f->m, n, "is_refunded", m->resolution == OTR_RESOLUTION_REFUNDED);
    node_bool(f->m, n, "is_not_refunded", m->resolution == OTR_RESOLUTION_NOT_REFUNDED);
    node_bool(f->m, n, "unanswered", m->waiting);
    node_text(f->m, n, "inquiry", "");
    if (m->inquiry_id)
        node_int(f->m, n, "inquiry", m->inquiry_id);
    node_int(f->m, n, "reason_min", OTR_REASON_MIN);
    node_int(f->m, n, "reason_max", OTR_REASON_MAX);
}
