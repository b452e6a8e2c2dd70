/* page_transaction.c - GET /refunds/{tid}: how it stands, and forms where the rules allow. */
#include "fcgi/page_part.h"

#include <stdio.h>
#include <string.h>

#include "fcgi/advice.h"

#define HOUR_MS INT64_C(3600000)

enum {
    TX_REFUND_PENDING = 3 /* eko-api: tx_status */
};

static bool has_error(const struct page_transaction *t) {
    return t->otp_error || t->cash_error;
}

/* How much the status shown is worth. */
enum proof { PROOF_NONE, PROOF_ASKING, PROOF_ANSWERED, PROOF_NO_SUCH, PROOF_UNANSWERED };

static enum proof proof_of(const struct otr_attempt *inquiry) {
    if (!inquiry)
        return PROOF_NONE;
    if (inquiry->outcome == OTR_OUTCOME_NONE)
        return PROOF_ASKING;
    /* Also an answer, and the bank's last word on the number: it comes before "answered". */
    if (inquiry->reason == OTR_REASON_NO_SUCH_TRANSACTION ||
        inquiry->reason == OTR_REASON_INVALID_TID)
        return PROOF_NO_SUCH;
    return inquiry->outcome == OTR_OUTCOME_ANSWERED ? PROOF_ANSWERED : PROOF_UNANSWERED;
}

/* "Asked the bank at …": never more than what is known. */
static void put_proof(struct fill *f, const struct page_transaction *t, enum proof proof) {
    char at[PAGE_TEXT_SIZE], last[PAGE_TEXT_SIZE];
    const struct otr_attempt *i = t->inquiry;
    const char *why = i ? advice_why(i->reason) : NULL;
    int64_t asked_at = !i ? 0 : i->finished_at ? i->finished_at : i->started_at;
    page_time_short(asked_at, f->page->now, at);
    page_time_short(t->transaction->answered_at, f->page->now, last);
    if (*last && proof != PROOF_ANSWERED)
        put_format(f, f->root, "last_word", "What is shown here is the bank's last word, of %s.",
                   last);
    if (proof == PROOF_ASKING)
        put_format(f, f->root, "asking", "Asking the bank since %s.%s", at,
                   has_error(t) ? "" : " This page renews itself.");
    else if (proof == PROOF_ANSWERED)
        put_format(f, f->root, "proof", "Asked the bank at %s.", at);
    else if (proof == PROOF_NO_SUCH)
        put_format(f, f->root, "no_proof", "Asked the bank at %s. %s", at, why ? why : "");
    else if (proof == PROOF_UNANSWERED)
        put_format(f, f->root, "no_proof", "Asked the bank at %s: no certain answer. %s", at,
                   why ? why : "");
    else
        node_text(f->m, f->root, "no_proof", "The bank was not asked for this page.");
}

static enum advice_tone tone_of(int tx_status, enum proof proof) {
    if (tx_status == OTR_NO_STATUS)
        return proof == PROOF_NO_SUCH ? ADVICE_BAD : ADVICE_PLAIN;
    if (tx_status == TX_REFUND_PENDING)
        return ADVICE_CARE;
    if (tx_status == 4)
        return ADVICE_GOOD;
    return tx_status == 0 || tx_status == 1 ? ADVICE_BAD : ADVICE_WAIT;
}

static void put_transaction(struct fill *f, const struct page_transaction *t, enum proof proof) {
    const struct otr_transaction *x = t->transaction;
    bool unknown_tid = proof == PROOF_NO_SUCH && x->tx_status == OTR_NO_STATUS;
    node_text(f->m, f->root, "tid", x->tid);
    node_text(f->m, f->root, "ref", x->client_ref_id);
    put_money(f, f->root, "amount", x->amount);
    node_text(f->m, f->root, "customer", x->customer);
    node_text(f->m, f->root, "recipient", x->recipient);
    put_time(f, f->root, "transacted", x->transacted_at);
    node_text(f->m, f->root, "tx_word", advice_tx_word(x->tx_status));
    node_text(f->m, f->root, "tx_name", otr_tx_status_name(x->tx_status));
    node_text(f->m, f->root, "tx_tone", advice_tone_name(tone_of(x->tx_status, proof)));
    node_text(f->m, f->root, "tx_meaning",
              unknown_tid ? "Do not return cash on this number. Compare it with the customer's "
                            "slip, digit by digit."
                          : advice_tx_meaning(x->tx_status));
    node_bool(f->m, f->root, "contradicted", x->contradicted);
    put_proof(f, t, proof);
}

static void put_open(struct fill *f, const struct otr_transaction *x) {
    if (!x->open_attempt_id) {
        node_text(f->m, f->root, "open", "");
        return;
    }
    struct node *n = node_map(f->m, f->root, "open");
    node_int(f->m, n, "id", x->open_attempt_id);
    node_text(f->m, n, "operator", *x->open_operator ? x->open_operator : "Somebody");
    put_time(f, n, "since", x->open_since);
}

/* Attempts of the last hour that count towards a limit. */
static int recently(const struct page_transaction *t, int64_t now, enum otr_kind kind) {
    int n = 0;
    for (int i = 0; i < t->history_count; i++) {
        const struct otr_attempt *a = &t->history[i];
        bool counts = kind == OTR_KIND_OTP || a->reason == OTR_REASON_WRONG_OTP;
        n += a->kind == kind && counts && a->started_at > now - HOUR_MS;
    }
    return n;
}

/* Step 1. */
static void put_otp_step(struct fill *f, const struct page_transaction *t) {
    char text[PAGE_TEXT_SIZE], age[PAGE_TEXT_SIZE];
    const struct otr_transaction *x = t->transaction;
    int64_t now = f->page->now;
    page_time_short(x->otp_at, now, text);
    page_age(now - x->otp_at, age);
    if (x->otp_at && x->otp_outcome == OTR_OUTCOME_SENT)
        put_format(f, f->root, "otp_done", "OTP sent at %s (%s ago).", text, age);
    else if (x->otp_at && x->otp_outcome == OTR_OUTCOME_NONE)
        put_format(f, f->root, "otp_doubt",
                   "The bank was asked for an OTP at %s (%s ago) and has not answered yet.", text,
                   age);
    else if (x->otp_at)
        put_format(f, f->root, "otp_doubt",
                   "The bank was asked for an OTP at %s (%s ago) but did not confirm that an SMS "
                   "went out. Ask the customer whether one has come.",
                   text, age);
    node_bool(f->m, f->root, "otp_again", x->otp_at != 0);
    bool later = x->otp_again_at > now;
    node_bool(f->m, f->root, "otp_form", !later);
    if (later)
        put_format(f, f->root, "otp_later", "You can send another OTP at %s.",
                   page_time_short(x->otp_again_at, now, text));
    int sends = recently(t, now, OTR_KIND_OTP);
    if (t->otp_per_hour > 0 && sends > 0)
        put_format(f, f->root, "otp_count", "%d of %d OTPs in the last hour.", sends,
                   t->otp_per_hour);
}

/* Steps 2 and 3. */
static void put_refund_step(struct fill *f, const struct page_transaction *t) {
    char text[PAGE_TEXT_SIZE];
    const struct otr_transaction *x = t->transaction;
    int64_t now = f->page->now;
    bool later = x->refund_again_at > now;
    node_bool(f->m, f->root, "refund_form", !later);
    if (later)
        put_format(f, f->root, "refund_later",
                   "Too many wrong OTPs. You can submit an OTP again at %s.",
                   page_time_short(x->refund_again_at, now, text));
    int wrong = recently(t, now, OTR_KIND_REFUND), left = t->wrong_otp_per_hour - wrong;
    if (!later && t->wrong_otp_per_hour > 0 && wrong > 0)
        put_format(f, f->root, "tries", "%d wrong %s in the last hour, %d %s left.", wrong,
                   wrong == 1 ? "OTP" : "OTPs", left > 0 ? left : 0, left == 1 ? "try" : "tries");
    bool otp_only = t->otp_error && !t->cash_error;
    node_bool(f->m, f->root, "cash_ticked", otp_only);
    node_bool(f->m, f->root, "focus_otp", otp_only);
    node_bool(f->m, f->root, "focus_cash", t->cash_error || (x->otp_at && !t->otp_error));
}

/* Forms only where the bank said that a refund is pending, and so which amount and whose. */
static bool may_act(const struct page *p, const struct page_transaction *t, enum proof proof) {
    const struct otr_transaction *x = t->transaction;
    if (!t->may_refund || !p->csrf_token || !p->idempotency_key[0] || !p->idempotency_key[1] ||
        x->open_attempt_id || proof == PROOF_NO_SUCH)
        return false;
    /* Cash may be out already; the journal refuses it too. */
    if (x->contradicted && !(p->viewer && p->viewer->role == OTR_ROLE_SUPERVISOR))
        return false;
    if (proof == PROOF_ASKING && !has_error(t)) /* the page renews itself: typing would be lost */
        return false;
    return x->tx_status == TX_REFUND_PENDING;
}

static void put_steps(struct fill *f, const struct page_transaction *t, enum proof proof) {
    const struct page *p = f->page;
    bool act = may_act(p, t, proof);
    node_bool(f->m, f->root, "act", act);
    node_bool(f->m, f->root, "error", act && has_error(t));
    node_text(f->m, f->root, "otp_error", t->otp_error);
    node_bool(f->m, f->root, "cash_error", t->cash_error);
    node_bool(f->m, f->root, "unsure", act && proof != PROOF_ANSWERED);
    node_bool(f->m, f->root, "no_right",
              !t->may_refund && t->transaction->tx_status == TX_REFUND_PENDING);
    if (!act)
        return;
    node_text(f->m, f->root, "key_otp", p->idempotency_key[0]);
    node_text(f->m, f->root, "key_refund", p->idempotency_key[1]);
    put_otp_step(f, t);
    put_refund_step(f, t);
}

/* Questions of one person, client or of the resolver's. */
static bool same_asker(const struct otr_attempt *a, const struct otr_attempt *b) {
    return a->kind == OTR_KIND_INQUIRY && b->kind == OTR_KIND_INQUIRY && a->channel == b->channel &&
           strcmp(a->operator_name, b->operator_name) == 0;
}

/* Newest first; one asker's questions in a row become one line, or they would bury what was done. */
static void put_history(struct fill *f, const struct page_transaction *t) {
    struct node *list = node_list(f->m, f->root, "history");
    node_bool(f->m, f->root, "any_history", t->history_count > 0);
    for (int i = 0; i < t->history_count;) {
        const struct otr_attempt *a = &t->history[i];
        int n = 1;
        while (i + n < t->history_count && same_asker(a, &t->history[i + n]))
            n++;
        struct node *row = node_item(f->m, list);
        put_attempt(f, row, a);
        node_text(f->m, row, "times", "");
        if (n > 1)
            put_format(f, row, "times", "× %d", n);
        i += n;
    }
}

bool page_transaction(const struct page *p, const struct page_transaction *t, struct buf *out) {
    struct fill f;
    char title[80];
    enum proof proof = proof_of(t->inquiry);
    snprintf(title, sizeof title, "%sTransaction %s", has_error(t) ? "Error: " : "",
             t->transaction->tid);
    page_start(&f, p, title, PLACE_DESK);
    put_transaction(&f, t, proof);
    put_open(&f, t->transaction);
    put_steps(&f, t, proof);
    put_history(&f, t);
    return page_finish(&f, "transaction", out);
}
