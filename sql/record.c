/* record.c - one table of names per enum of record.h. */
#include "sql/record.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const kinds[] = {
    [OTR_KIND_NONE] = "",
    [OTR_KIND_OTP] = "otp",
    [OTR_KIND_REFUND] = "refund",
    [OTR_KIND_INQUIRY] = "inquiry",
};
_Static_assert(COUNT(kinds) == OTR_KIND__MAX, "a name for each kind");

static const char *const outcomes[] = {
    [OTR_OUTCOME_NONE] = "",
    [OTR_OUTCOME_SENT] = "sent",
    [OTR_OUTCOME_UNCONFIRMED] = "unconfirmed",
    [OTR_OUTCOME_REFUNDED] = "refunded",
    [OTR_OUTCOME_REJECTED] = "rejected",
    [OTR_OUTCOME_ANSWERED] = "answered",
    [OTR_OUTCOME_NOT_SENT] = "not_sent",
    [OTR_OUTCOME_UNKNOWN] = "unknown",
};
_Static_assert(COUNT(outcomes) == OTR_OUTCOME__MAX, "a name for each outcome");

static const char *const reasons[] = {
    [OTR_REASON_NONE] = "",
    [OTR_REASON_WRONG_OTP] = "wrong_otp",
    [OTR_REASON_OTP_EXPIRED] = "otp_expired",
    [OTR_REASON_ALREADY_REFUNDED] = "already_refunded",
    [OTR_REASON_NOT_REFUNDABLE] = "not_refundable",
    [OTR_REASON_NO_SUCH_TRANSACTION] = "no_such_transaction",
    [OTR_REASON_INVALID_TID] = "invalid_tid",
    [OTR_REASON_INSUFFICIENT_BALANCE] = "insufficient_balance",
    [OTR_REASON_ANOTHER_IN_PROGRESS] = "another_in_progress",
    [OTR_REASON_BANK_BUSY] = "bank_busy",
    [OTR_REASON_BAD_CREDENTIALS] = "bad_credentials",
    [OTR_REASON_BAD_INITIATOR] = "bad_initiator",
    [OTR_REASON_BAD_USER_CODE] = "bad_user_code",
    [OTR_REASON_AGENT_NOT_ONBOARDED] = "agent_not_onboarded",
    [OTR_REASON_BAD_REQUEST] = "bad_request",
    [OTR_REASON_CONNECT_FAILED] = "connect_failed",
    [OTR_REASON_DNS_FAILED] = "dns_failed",
    [OTR_REASON_TLS_FAILED] = "tls_failed",
    [OTR_REASON_OVERLOADED] = "overloaded",
    [OTR_REASON_STOPPING] = "stopping",
    [OTR_REASON_NO_ANSWER] = "no_answer",
    [OTR_REASON_CONNECTION_LOST] = "connection_lost",
    [OTR_REASON_BANK_ERROR] = "bank_error",
    [OTR_REASON_UNREADABLE_ANSWER] = "unreadable_answer",
    [OTR_REASON_OTHER_TID] = "other_tid",
    [OTR_REASON_OTHER_AMOUNT] = "other_amount",
    [OTR_REASON_IN_PROGRESS] = "in_progress",
    [OTR_REASON_UNPROVEN] = "unproven",
    [OTR_REASON_NODE_LOST] = "node_lost",
};
_Static_assert(COUNT(reasons) == OTR_REASON__MAX, "a name for each reason");

static const char *const resolutions[] = {
    [OTR_RESOLUTION_NONE] = "",
    [OTR_RESOLUTION_REFUNDED] = "refunded",
    [OTR_RESOLUTION_NOT_REFUNDED] = "not_refunded",
};
_Static_assert(COUNT(resolutions) == OTR_RESOLUTION__MAX, "a name for each resolution");

static const char *const hows[] = {
    [OTR_HOW_NONE] = "",
    [OTR_HOW_ANSWER] = "answer",
    [OTR_HOW_INQUIRY] = "inquiry",
    [OTR_HOW_MANUAL] = "manual",
};
_Static_assert(COUNT(hows) == OTR_HOW__MAX, "a name for each how");

static const char *const roles[] = {
    [OTR_ROLE_NONE] = "",
    [OTR_ROLE_OPERATOR] = "operator",
    [OTR_ROLE_SUPERVISOR] = "supervisor",
    [OTR_ROLE_AUDITOR] = "auditor",
};
_Static_assert(COUNT(roles) == OTR_ROLE__MAX, "a name for each role");

static const char *const channels[] = {
    [OTR_CHANNEL_NONE] = "",   [OTR_CHANNEL_DESK] = "desk",
    [OTR_CHANNEL_API] = "api", [OTR_CHANNEL_RESOLVER] = "resolver",
    [OTR_CHANNEL_CTL] = "ctl", [OTR_CHANNEL_LIBRARY] = "library",
};
_Static_assert(COUNT(channels) == OTR_CHANNEL__MAX, "a name for each channel");

static const char *const manual_states[] = {
    [OTR_MANUAL_NONE] = "",
    [OTR_MANUAL_PENDING] = "pending",
    [OTR_MANUAL_APPROVED] = "approved",
    [OTR_MANUAL_REFUSED] = "refused",
    [OTR_MANUAL_SETTLED] = "settled",
    [OTR_MANUAL_SUPERSEDED] = "superseded",
    [OTR_MANUAL_EXPIRED] = "expired",
    [OTR_MANUAL_STALE] = "stale",
};
_Static_assert(COUNT(manual_states) == OTR_MANUAL__MAX, "a name for each state");

/* tx_status 0 to 5 (Eko, Transaction Inquiry). */
static const char *const tx_statuses[] = {
    "success", "fail", "initiated", "refund_pending", "refunded", "hold",
};

static const char *name_of(const char *const *names, size_t count, int v) {
    return v >= 0 && (size_t)v < count ? names[v] : NULL;
}

static int value_of(const char *const *names, size_t count, const char *name) {
    if (!name)
        return 0;
    for (size_t i = 1; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return (int)i;
    return 0;
}

#define WORDS(what, names)                                                                         \
    const char *otr_##what##_name(enum otr_##what v) {                                             \
        return name_of(names, COUNT(names), (int)v);                                               \
    }                                                                                              \
    enum otr_##what otr_##what##_value(const char *name) {                                         \
        return (enum otr_##what)value_of(names, COUNT(names), name);                               \
    }

WORDS(kind, kinds)
WORDS(outcome, outcomes)
WORDS(reason, reasons)
WORDS(resolution, resolutions)
WORDS(how, hows)
WORDS(role, roles)
WORDS(channel, channels)
WORDS(manual_state, manual_states)

const char *otr_tx_status_name(int tx_status) {
    if (tx_status == OTR_NO_STATUS)
        return "";
    const char *name = name_of(tx_statuses, COUNT(tx_statuses), tx_status);
    return name ? name : "initiated";
}

void otr_table_free(struct otr_table *t) {
    if (!t)
        return;
    free(t->cells);
    *t = (struct otr_table){0};
}
