/*
 * rule.h - what an inquiry's answer means for an open refund attempt, and when to ask again.  Pure.
 */
#ifndef OTPREFUND_RULE_H
#define OTPREFUND_RULE_H

#include "sql/record.h"

struct rule_times {
    int64_t settle_ms;        /* promise 6: tx_status 3 proves nothing before */
    int64_t first_ms, max_ms; /* of the back-off */
};

/*
 * Does this answer settle an attempt that was recorded age_ms ago?  4 → refunded.  3, 0 and 1 →
 * not_refunded, but only when the attempt is at least settle_ms old: an Initiate may still be on
 * its way through the bank. Everything else, "no such transaction" included, → none: ask again.
 */
enum otr_resolution rule_settles(const struct rule_times *t, enum otr_outcome outcome,
                                 int tx_status, int64_t age_ms);

/*
 * How long to wait before inquiry number inquiries + 1: first_ms doubled each time up to max_ms,
 * spread by a quarter either way (random: any 32 bits); never past the moment at which an answer
 * could settle it. Always >= 1: an open attempt always has a next inquiry (promise 4).
 */
int rule_next_ms(const struct rule_times *t, int inquiries, int tx_status, int64_t age_ms,
                 uint32_t random);

#endif
