/*
 * advice.h - what to say about an attempt: what happened, what to do at the counter, what to tell
 * the customer.
 *
 * All texts are static: never freed, never NULL once filled, valid in any thread.  They are plain
 * text, not HTML.
 */
#ifndef OTPREFUND_ADVICE_H
#define OTPREFUND_ADVICE_H

#include "sql/record.h"

enum advice_tone {
    ADVICE_PLAIN, /* a fact */
    ADVICE_WAIT,  /* still on its way */
    ADVICE_GOOD,  /* settled as wanted */
    ADVICE_CARE,  /* open or unsure: take care with the cash */
    ADVICE_BAD,   /* refused */
    ADVICE_TONE__MAX
};

struct advice {
    enum advice_tone tone;
    const char *badge; /* two or three words for a list */
    const char *title; /* the heading of the attempt's page */
    const char *happened;
    const char *why;      /* the reason in words; "" where there is none */
    const char *counter;  /* what to do at the counter */
    const char *also;     /* something more to do, mostly whom to call; "" if nothing */
    const char *customer; /* words to say to the customer */
};

/*
 * The advice for an attempt as it stands: kind, outcome, reason, resolution, resolved_by and
 * tx_status count.  A value outside an enum is treated as "not known".  Any thread; never fails.
 */
void advice_for(const struct otr_attempt *a, struct advice *advice);

/* The words for a reason alone ("The OTP has run out."); NULL where the table has no row for it. */
const char *advice_why(enum otr_reason reason);

/*
 * A bank's tx_status in a few words ("Refund pending"), and in a sentence with what it means for
 * the cash.
 */
const char *advice_tx_word(int tx_status);
const char *advice_tx_meaning(int tx_status);

/* The word for a tone in class names: "plain", "wait", "good", "care", "bad". */
const char *advice_tone_name(enum advice_tone tone);

#endif
