/*
 * answer.h - the bank's answer: bytes in, meaning out.  A pure function; the only reader of the
 * bank's JSON.
 *
 * The rule (eko-api.md): sent, refunded, rejected and answered are only said where the answer
 * proves them; everything else, contradictions included, is unknown.
 */
#ifndef OTPREFUND_ANSWER_H
#define OTPREFUND_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "sql/record.h"

#define ANSWER_EVIDENCE_SIZE 4096

struct answer_meaning {
    enum otr_outcome outcome;
    enum otr_reason reason;
    int tx_status;            /* OTR_NO_STATUS if the answer names none or contradicts itself */
    bool no_such_transaction; /* inquiry: the bank answered that it does not know it */
    char tid[OTR_TID_SIZE];   /* as the answer names it, "" if not */
    char client_ref_id[OTR_REF_SIZE];
    char refund_tid[OTR_TID_SIZE];
    char otp_ref_id[OTR_OTP_REF_SIZE];
    int64_t amount,
        refunded_amount; /* paise or OTR_NO_AMOUNT; read from text, never through a double */
    int64_t bank_time;   /* timestamp, ms UTC, 0 if none; without an offset it is +05:30 */
    char customer[65], recipient[65];    /* masked here: the full values go nowhere else */
    char message[OTR_MESSAGE_SIZE];      /* valid UTF-8, {n} tokens and OTP-like digit runs (4-8)
                                            removed, except a run that equals the tid */
    char evidence[ANSWER_EVIDENCE_SIZE]; /* JSON object of allow-listed fields, valid UTF-8, no
                                            \u0000 */
};

/*
 * What does this answer to a call of that kind prove?  body may be NULL when size is 0 and may hold
 * anything. http_status 200 is read; 403 → rejected/bad_credentials, 404 405 415 →
 * rejected/bad_request (the door turned it away; for an inquiry these are outcome rejected too);
 * every other status → unknown/bank_error. asked_tid: the tid we asked about ("" when asked by
 * client_ref_id); an answer that names another one is unknown/other_tid.  Any thread.  Never fails;
 * *m is always filled (evidence at least {"http_status":N}).
 */
void answer_read(enum otr_kind kind, const char *asked_tid, int http_status, const char *body,
                 size_t size, struct answer_meaning *m);

/* Decimal rupees ("5000.00", "2.22263731286E9", "1045.0", "499") to paise, exact; more than two
   decimals only if they are zeros; OTR_NO_AMOUNT if it is not such a number, negative, or above
   10^12 paise. */
int64_t answer_paise(const char *text);

#endif
