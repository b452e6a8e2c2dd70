/*
 * answers.h - from what the simulated bank has decided to the bytes that the client gets: the
 * shapes of Eko's own samples, with numbers as text and as numbers, tx_status inside data and
 * beside it, times in UTC and in India's.
 */
#ifndef OTPREFUND_BANK_ANSWERS_H
#define OTPREFUND_BANK_ANSWERS_H

#include "tests/bank/scenario.h"

#define TEXT_MAX 8192

/* A bounded text; what does not fit is left out and full is set. */
struct text {
    size_t len;
    bool full;
    char buf[TEXT_MAX];
};

void text_clear(struct text *t);
void text_add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* An amount in paise as "1045.0" or "1045.25"; with fixed, always two decimals. */
void text_add_rupees(struct text *t, int64_t paise, bool fixed);

/* ms since the epoch as 2018-10-30T12:00:14.058Z; with india as 2019-11-01 17:50:44 (+05:30). */
void text_add_time(struct text *t, int64_t ms, bool india);

/*
 * Writes the body of the answer.  Returns the HTTP status and sets *content_type (a literal).
 */
unsigned answer_write(struct text *t, const struct reply *r, const char **content_type);

/* The body of the callback for a refunded transaction. */
void answer_write_callback(struct text *t, const struct reply *r);

#endif
