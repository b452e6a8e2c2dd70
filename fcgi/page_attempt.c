/* page_attempt.c - GET /attempts/{id}: progress, outcome, what to do, what to say, receipt. */
#include "fcgi/page_part.h"

#include <stdio.h>

#include "fcgi/advice.h"

static bool is_open(const struct otr_attempt *a) {
    return a->outcome == OTR_OUTCOME_NONE || (a->kind == OTR_KIND_REFUND && a->open);
}

/* 2 s when fresh, 15 s from a minute and a quarter on. */
int page_refresh_s(const struct page *p, const struct otr_attempt *a) {
    if (!a || a->resolution != OTR_RESOLUTION_NONE || !is_open(a))
        return 0;
    int64_t s = (p->now - a->started_at) / 5000;
    return s < 2 ? 2 : s > 15 ? 15 : (int)s;
}

static void event(struct fill *f, struct node *list, int64_t at, const char *what) {
    if (!at)
        return;
    struct node *n = node_item(f->m, list);
    put_time(f, n, "at", at);
    node_text(f->m, n, "what", what);
}

static const char *answer_text(const struct otr_attempt *a) {
    switch (a->outcome) {
    case OTR_OUTCOME_NOT_SENT:
        return "Nothing was sent to the bank";
    case OTR_OUTCOME_UNKNOWN:
        return "No certain answer from the bank";
    default:
        return "The bank answered";
    }
}

static const char *settled_text(const struct otr_attempt *a) {
    bool refunded = a->resolution == OTR_RESOLUTION_REFUNDED;
    switch (a->resolved_by) {
    case OTR_HOW_INQUIRY:
        return refunded ? "Settled by asking the bank: refunded"
                        : "Settled by asking the bank: not refunded";
    case OTR_HOW_MANUAL:
        return refunded ? "Settled by hand: refunded" : "Settled by hand: not refunded";
    default:
        if (a->outcome == OTR_OUTCOME_NOT_SENT)
            return "Settled, as nothing was sent to the bank: not refunded";
        return refunded ? "Settled by the bank's answer: refunded"
                        : "Settled by the bank's answer: not refunded";
    }
}

static void put_events(struct fill *f, const struct otr_attempt *a) {
    char text[120];
    struct node *list = node_list(f->m, f->root, "events");
    event(f, list, a->started_at,
          a->outcome == OTR_OUTCOME_NOT_SENT ? "Written down"
                                             : "Written down, then asked the bank");
    if (a->outcome != OTR_OUTCOME_NONE)
        event(f, list, a->finished_at, answer_text(a));
    if (a->kind != OTR_KIND_REFUND)
        return;
    if (a->resolution != OTR_RESOLUTION_NONE) {
        event(f, list, a->resolved_at, settled_text(a));
    } else if (a->next_inquiry_at) {
        snprintf(text, sizeof text, "Next question to the bank (%d asked so far)", a->inquiries);
        event(f, list, a->next_inquiry_at, text);
    }
}

/* What an OTP attempt leads to, and what to do when an attempt came to nothing. */
static void put_next(struct fill *f, const struct otr_attempt *a) {
    const char *text = "Back to the transaction";
    bool main_thing = false;
    if (a->kind == OTR_KIND_OTP &&
        (a->outcome == OTR_OUTCOME_SENT || a->outcome == OTR_OUTCOME_UNCONFIRMED ||
         a->outcome == OTR_OUTCOME_UNKNOWN)) {
        text = "Continue: enter the OTP";
        main_thing = true;
    } else if (a->outcome == OTR_OUTCOME_NOT_SENT || a->reason == OTR_REASON_WRONG_OTP ||
               a->reason == OTR_REASON_OTP_EXPIRED) {
        text = "Try again";
        main_thing = true;
    }
    node_text(f->m, f->root, "next_text", text);
    node_bool(f->m, f->root, "next_main", main_thing && !is_open(a));
}

/* When something may be done or will happen: the advice with the clock in it. */
static void put_when(struct fill *f, const struct otr_attempt *a, const struct otr_transaction *x) {
    char at[PAGE_TEXT_SIZE];
    int64_t now = f->page->now;
    if (a->kind == OTR_KIND_REFUND && a->outcome == OTR_OUTCOME_UNKNOWN && !a->resolution &&
        a->next_inquiry_at)
        put_format(f, f->root, "when", "The next question to the bank goes out at %s.",
                   page_time_short(a->next_inquiry_at, now, at));
    if (!x)
        return;
    if (a->kind == OTR_KIND_OTP && a->outcome != OTR_OUTCOME_NONE && x->otp_again_at > now)
        put_format(f, f->root, "when", "You can send another OTP at %s.",
                   page_time_short(x->otp_again_at, now, at));
    if (a->kind == OTR_KIND_REFUND && !is_open(a) && x->refund_again_at > now)
        put_format(f, f->root, "when", "Too many wrong OTPs: an OTP can be submitted again at %s.",
                   page_time_short(x->refund_again_at, now, at));
}

/* The bank's words are shown only where they cannot claim more than the outcome does. */
static bool message_is_safe(const struct otr_attempt *a) {
    switch (a->outcome) {
    case OTR_OUTCOME_SENT:
    case OTR_OUTCOME_REFUNDED:
    case OTR_OUTCOME_REJECTED:
    case OTR_OUTCOME_NOT_SENT:
        return true;
    case OTR_OUTCOME_UNKNOWN:
        return a->http_status == 0; /* our own words: the bank said nothing */
    default:
        return false;
    }
}

static void put_record(struct fill *f, const struct otr_attempt *a,
                       const struct otr_transaction *x) {
    put_attempt(f, f->root, a);
    node_text(f->m, f->root, "kind_name", otr_kind_name(a->kind));
    node_text(f->m, f->root, "outcome_name", otr_outcome_name(a->outcome));
    node_text(f->m, f->root, "reason_name", otr_reason_name(a->reason));
    node_text(f->m, f->root, "resolution_name", otr_resolution_name(a->resolution));
    node_text(f->m, f->root, "refund_tid", a->refund_tid);
    put_time(f, f->root, "finished", a->finished_at);
    put_time(f, f->root, "resolved", a->resolved_at);
    node_text(f->m, f->root, "customer", x ? x->customer : "");
    if (a->refunded_amount == OTR_NO_AMOUNT && a->amount == OTR_NO_AMOUNT && x)
        put_money(f, f->root, "amount", x->amount);
    node_text(f->m, f->root, "message", message_is_safe(a) ? a->message : "");
    bool banks = a->http_status != 0;
    node_text(f->m, f->root, "message_label", banks ? "The bank's words" : "Technical detail");
}

bool page_attempt(const struct page *p, const struct otr_attempt *a,
                  const struct otr_transaction *transaction, struct buf *out) {
    return page_attempt_manual(p, a, transaction, NULL, out);
}

bool page_attempt_manual(const struct page *p, const struct otr_attempt *a,
                         const struct otr_transaction *transaction, const struct page_manual *m,
                         struct buf *out) {
    struct fill f;
    struct advice d;
    advice_for(a, &d);
    page_start(&f, p, d.title, PLACE_NONE);
    node_text(f.m, f.root, "happened", d.happened);
    node_text(f.m, f.root, "why", d.why);
    node_text(f.m, f.root, "counter", d.counter);
    node_text(f.m, f.root, "also", d.also);
    node_text(f.m, f.root, "say", d.customer);
    put_record(&f, a, transaction);
    put_when(&f, a, transaction);
    put_next(&f, a);
    put_events(&f, a);
    put_manual(&f, a, m);
    int refresh = page_attempt_refresh_s(p, a, m);
    node_int(f.m, f.root, "refresh", refresh);
    node_bool(f.m, f.root, "waiting", refresh > 0);
    node_bool(f.m, f.root, "receipt",
              a->kind == OTR_KIND_REFUND && a->resolution == OTR_RESOLUTION_REFUNDED);
    put_money(&f, f.root, "paid", a->amount);
    return page_finish(&f, "attempt", out);
}
