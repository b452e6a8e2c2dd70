/* rule.c - what an inquiry's answer settles, and when to ask again. */
#include "core/rule.h"

enum {
    TX_SUCCESS = 0,
    TX_FAIL = 1,
    TX_REFUND_PENDING = 3,
    TX_REFUNDED = 4
}; /* eko-api: tx_status */

static bool says_not_refunded(int tx_status) {
    return tx_status == TX_REFUND_PENDING || tx_status == TX_SUCCESS || tx_status == TX_FAIL;
}

enum otr_resolution rule_settles(const struct rule_times *t, enum otr_outcome outcome,
                                 int tx_status, int64_t age_ms) {
    if (outcome != OTR_OUTCOME_ANSWERED)
        return OTR_RESOLUTION_NONE;
    if (tx_status == TX_REFUNDED)
        return OTR_RESOLUTION_REFUNDED;
    if (says_not_refunded(tx_status) && age_ms >= t->settle_ms)
        return OTR_RESOLUTION_NOT_REFUNDED;
    return OTR_RESOLUTION_NONE;
}

int rule_next_ms(const struct rule_times *t, int inquiries, int tx_status, int64_t age_ms,
                 uint32_t random) {
    int64_t wait = t->first_ms;
    for (int i = 0; i < inquiries && wait < t->max_ms; i++)
        wait *= 2;
    if (wait > t->max_ms)
        wait = t->max_ms;
    wait += wait / 4 - ((wait / 2 * (int64_t)(random >> 1)) >> 31);
    int64_t to_settle = t->settle_ms - age_ms;
    if (says_not_refunded(tx_status) && to_settle > 0 && wait > to_settle)
        wait = to_settle;
    if (wait < 1)
        wait = 1;
    return wait > INT32_MAX ? INT32_MAX : (int)wait;
}
