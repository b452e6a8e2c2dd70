/* advice.c - one table: outcome and reason, what happened, what to do, what to say. */
#include "fcgi/advice.h"

#include <stddef.h>

#define NOT_TWICE "Do not return the cash a second time. "
#define KEEP_CASH "Do not return cash yet. "

/* ---- by kind and outcome ---------------------------------------------------------------- */

static const struct advice otp_table[OTR_OUTCOME__MAX] = {
    [OTR_OUTCOME_NONE] =
        {ADVICE_WAIT, "On its way", "Asking the bank for an OTP…",
         "The bank has been asked to text an OTP to the customer and has not answered yet.", "",
         KEEP_CASH "Wait: this page renews itself.", "",
         "I have asked the bank to text you a code. Please keep your phone at hand."},
    [OTR_OUTCOME_SENT] =
        {ADVICE_GOOD, "OTP sent", "The bank has sent the OTP",
         "The bank texted an OTP to the mobile number it has for this customer.", "",
         "Give the cash back, counted out, and only then ask for the OTP. The newest SMS counts.",
         "", "The bank has texted you a code. Take your cash first, then read me the code."},
    [OTR_OUTCOME_UNCONFIRMED] =
        {ADVICE_CARE, "OTP not confirmed", "It is not certain that an SMS went out",
         "The bank accepted the request but did not confirm that an SMS went out.", "",
         KEEP_CASH "Ask the customer whether an SMS has come. If it has, go on; if not, ask the "
                   "bank for another one.",
         "", "The bank may text you a code. Please look whether a new SMS has come."},
    [OTR_OUTCOME_REJECTED] =
        {ADVICE_BAD, "Refused", "The bank refused to text an OTP", "No OTP went out.",
         "The bank gave no reason that is understood here.",
         KEEP_CASH "Open the transaction and look at its status before trying again.", "",
         "The bank did not take the request. I am looking into it; please keep your slip."},
    [OTR_OUTCOME_NOT_SENT] = {ADVICE_CARE, "Never left", "The request never left this office",
                              "The bank does not know of this attempt, and no SMS went out.", "",
                              KEEP_CASH "Try again.", "",
                              "I could not reach the bank. I am trying again."},
    [OTR_OUTCOME_UNKNOWN] =
        {ADVICE_CARE, "Not certain", "It is not known whether an SMS went out",
         "The bank gave no certain answer. An SMS may come, or not.", "",
         KEEP_CASH "Ask the customer whether an SMS has come. If it has, go on; if not, ask the "
                   "bank for another one.",
         "", "The bank may text you a code. Please look whether a new SMS has come."},
};

static const struct advice refund_table[OTR_OUTCOME__MAX] = {
    [OTR_OUTCOME_NONE] = {ADVICE_WAIT, "On its way", "Asking the bank to refund…",
                          "The OTP is with the bank, which has not answered yet.", "",
                          NOT_TWICE
                          "Wait: this page renews itself. Nothing needs to be typed again.",
                          "", "The bank is checking your code. One moment, please."},
    [OTR_OUTCOME_REFUNDED] =
        {ADVICE_GOOD, "Refunded", "Refunded",
         "The bank confirmed the refund: the amount is back in your e-value.", "",
         "Done. " NOT_TWICE "Print the receipt if the customer wants one.", "",
         "The refund is complete. You have your cash, and nothing more is needed from you."},
    [OTR_OUTCOME_REJECTED] =
        {ADVICE_BAD, "Refused", "The bank refused the refund", "This attempt refunded nothing.",
         "The bank gave no reason that is understood here.",
         NOT_TWICE "Open the transaction, look at its status, and tell your supervisor if it is "
                   "not refund pending.",
         "", "The bank did not accept it this time. You keep your cash; please stay a moment."},
    [OTR_OUTCOME_NOT_SENT] =
        {ADVICE_CARE, "Never left", "Nothing was sent to the bank",
         "The bank does not know of this attempt, and nothing was refunded.", "",
         "Try again with the same OTP. " NOT_TWICE, "",
         "I could not reach the bank. Please keep the code at hand; I am trying again."},
    [OTR_OUTCOME_UNKNOWN] =
        {ADVICE_CARE, "Not confirmed yet", "The bank has not confirmed yet",
         "The refund may have gone through, or not. We keep asking the bank until it is settled.",
         "",
         "Do not return the cash a second time and do not try again: this page shows the truth "
         "as soon as the bank tells it.",
         "", "You have your cash and need not wait. The rest is between us and the bank."},
};

static const struct advice inquiry_table[OTR_OUTCOME__MAX] = {
    [OTR_OUTCOME_NONE] = {ADVICE_WAIT, "Asking", "Asking the bank for the status…",
                          "The bank has not answered yet.", "",
                          KEEP_CASH "Wait: this page renews itself.", "",
                          "I am asking the bank how your transfer stands."},
    [OTR_OUTCOME_ANSWERED] = {ADVICE_PLAIN, "Answered", "The bank told the status",
                              "The bank answered the question about this transaction.", "",
                              "Open the transaction to see what can be done.", "",
                              "I have the bank's answer and am looking at your transfer."},
    [OTR_OUTCOME_REJECTED] = {ADVICE_BAD, "Refused", "The bank did not answer the question",
                              "The bank turned the question away; nothing changed by asking.",
                              "The bank gave no reason that is understood here.",
                              KEEP_CASH "Check the number on the customer's slip and ask again.",
                              "",
                              "I could not find your transfer yet. May I see your slip once more?"},
    [OTR_OUTCOME_NOT_SENT] = {ADVICE_CARE, "Never left", "The bank could not be asked",
                              "The question never left this office; nothing changed.", "",
                              KEEP_CASH "Ask again.", "",
                              "I cannot reach the bank just now. I am trying again."},
    [OTR_OUTCOME_UNKNOWN] = {ADVICE_CARE, "No answer", "No certain answer from the bank",
                             "The status is not known. Asking changes nothing and may be repeated.",
                             "", KEEP_CASH "Ask again in a moment.", "",
                             "The bank has not answered yet. I am asking again."},
};

static const struct advice *const table[OTR_KIND__MAX] = {
    [OTR_KIND_OTP] = otp_table,
    [OTR_KIND_REFUND] = refund_table,
    [OTR_KIND_INQUIRY] = inquiry_table,
};

/* ---- by reason -------------------------------------------------------------------------- */

/* NULL: as the outcome's row says.  before: cash not yet returned (otp, inquiry); after: refund. */
struct reason_row {
    const char *why;
    const char *before_counter, *before_customer;
    const char *after_counter, *after_customer;
    const char *also;
};

#define CALL_SUPPORT                                                                               \
    "Nothing will work until this is put right: tell whoever looks after this system."
#define CASH_IS_OUT                                                                                \
    "The cash is out and the e-value has not come back: keep the slip and tell your supervisor "   \
    "now. " NOT_TWICE

static const struct reason_row reasons[OTR_REASON__MAX] = {
    [OTR_REASON_WRONG_OTP] =
        {.why = "The OTP is wrong.",
         .after_counter = "Ask the customer to read the newest SMS and type that OTP. " NOT_TWICE,
         .after_customer = "That code did not match. Please read me the code in the newest SMS."},
    [OTR_REASON_OTP_EXPIRED] = {.why = "The OTP has run out.",
                                .after_counter =
                                    "Send a new OTP and type the one that comes. " NOT_TWICE,
                                .after_customer =
                                    "That code is too old. The bank will text you a new one."},
    [OTR_REASON_ALREADY_REFUNDED] =
        {.why = "The bank says this transaction is already refunded.",
         .before_counter = "Do not return cash for it again. Look at what happened so far: was it "
                           "refunded at another counter?",
         .before_customer = "The bank shows this transfer as refunded already. Let us look at it "
                            "together.",
         .after_counter = "Look at what happened so far. If the cash went out twice, tell your "
                          "supervisor now. " NOT_TWICE,
         .after_customer = "The bank shows this transfer as refunded already. Please stay while I "
                           "look at it."},
    [OTR_REASON_NOT_REFUNDABLE] =
        {.why = "The bank says this transaction is not in a state that can be refunded.",
         .before_counter = KEEP_CASH "Open the transaction: its status says what comes next.",
         .before_customer = "The bank does not release this transfer for a refund yet.",
         .after_counter = CASH_IS_OUT,
         .after_customer = "The bank has not released this transfer. Please stay while I call my "
                           "supervisor."},
    [OTR_REASON_NO_SUCH_TRANSACTION] =
        {.why = "The bank knows no transaction with this TID.",
         .before_counter =
             "Do not return cash on this number. Compare it with the customer's slip, "
             "digit by digit.",
         .before_customer = "The bank does not know this number. May I see your slip once more?",
         .after_counter = CASH_IS_OUT,
         .after_customer =
             "The bank does not know this number. Please stay while I compare it with "
             "your slip."},
    [OTR_REASON_INVALID_TID] =
        {.why = "The bank does not accept this TID as a number of a transaction.",
         .before_counter =
             "Do not return cash on this number. Compare it with the customer's slip, "
             "digit by digit.",
         .before_customer = "There is something wrong with this number. May I see your slip?",
         .after_counter = CASH_IS_OUT,
         .after_customer = "There is something wrong with this number. Please stay while I compare "
                           "it with your slip."},
    [OTR_REASON_INSUFFICIENT_BALANCE] =
        {.why = "The bank says the balance of the merchant's account does not suffice.",
         .after_counter = CASH_IS_OUT,
         .after_customer = "There is a problem on our side with the bank, not on yours.",
         .also = "Have the e-value account looked at before trying again."},
    [OTR_REASON_ANOTHER_IN_PROGRESS] =
        {.why = "The bank is still working on another transaction of this customer.",
         .before_counter = KEEP_CASH "Wait a few minutes and try again.",
         .before_customer = "The bank is still busy with another transfer of yours. It takes some "
                            "minutes.",
         .after_counter = "Wait a few minutes and submit the OTP again; if it has run out, send a "
                          "new one. " NOT_TWICE,
         .after_customer = "The bank is still busy with another transfer of yours. It takes some "
                           "minutes."},
    [OTR_REASON_BANK_BUSY] =
        {.why = "The bank is not available now.",
         .before_counter = KEEP_CASH "Try again in some minutes.",
         .before_customer = "The bank's system is busy. It takes some minutes.",
         .after_counter = "Try again in some minutes; if the OTP has run out by then, send a new "
                          "one. " NOT_TWICE,
         .after_customer = "The bank's system is busy. You have your cash; please keep the code at "
                           "hand."},
    [OTR_REASON_BAD_CREDENTIALS] =
        {.why = "The bank does not accept our signature: a key or this computer's clock is wrong.",
         .also = CALL_SUPPORT},
    [OTR_REASON_BAD_INITIATOR] =
        {.why = "The bank does not know the merchant's mobile number (initiator_id).",
         .also = CALL_SUPPORT},
    [OTR_REASON_BAD_USER_CODE] =
        {.why = "The bank does not know this counter's user code.",
         .also = "Tell whoever looks after this system: the user code of your login is wrong."},
    [OTR_REASON_AGENT_NOT_ONBOARDED] =
        {.why = "The bank has not admitted this counter to money transfer.",
         .also = "Tell whoever looks after this system: the agent has to be onboarded with the "
                 "bank."},
    [OTR_REASON_BAD_REQUEST] = {.why = "The bank's system turned the request away at the door.",
                                .also = CALL_SUPPORT},
    [OTR_REASON_CONNECT_FAILED] = {.why = "The bank's computer could not be reached.",
                                   .also = "If it happens again, check the internet connection."},
    [OTR_REASON_DNS_FAILED] = {.why =
                                   "The name of the bank's computer could not be looked up (DNS).",
                               .also = "If it happens again, check the internet connection."},
    [OTR_REASON_TLS_FAILED] =
        {.why = "No secure connection to the bank could be made (TLS).",
         .also = "If it happens again, tell whoever looks after this system: a certificate or this "
                 "computer's clock may be wrong."},
    [OTR_REASON_OVERLOADED] = {.why = "Too many requests are waiting for the bank.",
                               .also = "Wait a minute first."},
    [OTR_REASON_STOPPING] = {.why = "The program was just being restarted.",
                             .also = "Wait a minute first."},
    [OTR_REASON_NO_ANSWER] = {.why = "The bank did not answer in time.", .also = ""},
    [OTR_REASON_CONNECTION_LOST] = {.why = "The connection broke off before the bank had answered.",
                                    .also = ""},
    [OTR_REASON_BANK_ERROR] = {.why = "The bank's system reported an error of its own.",
                               .also = ""},
    [OTR_REASON_UNREADABLE_ANSWER] = {.why = "The bank's answer could not be read.", .also = ""},
    [OTR_REASON_OTHER_TID] =
        {.why = "The bank's answer named another transaction than the one we asked about.",
         .also = "Tell your supervisor: the bank's answer does not fit."},
    [OTR_REASON_OTHER_AMOUNT] = {.why =
                                     "The bank's answer named another amount than the one we know.",
                                 .also = "Tell your supervisor: the bank's answer does not fit."},
    [OTR_REASON_IN_PROGRESS] = {.why = "The bank is still working on it.", .also = ""},
    [OTR_REASON_UNPROVEN] =
        {.why = "The bank answered, but the answer does not say clearly what happened.",
         .also = ""},
    [OTR_REASON_NODE_LOST] =
        {.why = "The program stopped before it could write the bank's answer down.", .also = ""},
};

/* ---- a refund settled later than by its own answer -------------------------------------- */

static void settled_as_refunded(const struct otr_attempt *a, struct advice *d) {
    *d = refund_table[OTR_OUTCOME_REFUNDED];
    if (a->resolved_by == OTR_HOW_MANUAL)
        d->happened = "The bank did not confirm by itself. A supervisor settled this attempt as "
                      "refunded.";
    else if (a->resolved_by == OTR_HOW_INQUIRY)
        d->happened = "The bank did not confirm at once. Asked again, it said: refunded. The "
                      "amount is back in your e-value.";
}

static void settled_as_not_refunded(const struct otr_attempt *a, struct advice *d) {
    *d = (struct advice){
        ADVICE_BAD,
        "Not refunded",
        "Not refunded",
        "The bank did not confirm at once. Asked again, it said that nothing was refunded.",
        "",
        "Open the transaction, send a new OTP and submit that one. " NOT_TWICE,
        "",
        "The bank did not complete it. It will text you a new code; you keep your cash."};
    if (a->resolved_by == OTR_HOW_MANUAL)
        d->happened = "The bank did not confirm by itself. A supervisor settled this attempt as "
                      "not refunded.";
    if (a->tx_status == 0) {
        d->why = "The transfer went through to the recipient after all.";
        d->counter = "The customer has the cash and the recipient has the money: tell your "
                     "supervisor now. " NOT_TWICE;
        d->customer = "The bank says your transfer went through after all. Please stay while I "
                      "call my supervisor.";
    } else if (a->tx_status == 1) {
        d->why = "The bank holds nothing for this transaction any more.";
        d->counter = CASH_IS_OUT;
        d->customer = "You keep your cash. The rest is between us and the bank.";
    }
}

/* ---- the answer ------------------------------------------------------------------------- */

static const struct advice not_known = {
    ADVICE_CARE, "Not known",
    "Not known", "The record of this attempt cannot be read by this version of the program.",
    "",          "Do not return cash on the strength of this page; tell your supervisor.",
    "",          "I have to ask my supervisor. One moment, please."};

static void add_reason(const struct otr_attempt *a, struct advice *d) {
    const struct reason_row *r = &reasons[a->reason];
    bool after = a->kind == OTR_KIND_REFUND;
    const char *counter = after ? r->after_counter : r->before_counter;
    const char *customer = after ? r->after_customer : r->before_customer;
    if (r->why)
        d->why = r->why;
    if (r->also)
        d->also = r->also;
    /* Nothing reached the bank, so none of this can be the bank's word: it went wrong in here. */
    if (a->outcome == OTR_OUTCOME_NOT_SENT && a->reason && a->reason < OTR_REASON_CONNECT_FAILED) {
        d->why = "The request could not be made or signed here.";
        d->also = CALL_SUPPORT;
    }
    /* While a refund is unsure there is one rule, whatever the reason: not twice, not again. */
    bool certain = a->outcome == OTR_OUTCOME_REJECTED || a->kind == OTR_KIND_INQUIRY;
    if (counter && certain)
        d->counter = counter;
    if (customer && certain)
        d->customer = customer;
}

void advice_for(const struct otr_attempt *a, struct advice *advice) {
    *advice = not_known;
    if (a->kind <= OTR_KIND_NONE || a->kind >= OTR_KIND__MAX || a->outcome >= OTR_OUTCOME__MAX ||
        a->reason >= OTR_REASON__MAX || a->resolution >= OTR_RESOLUTION__MAX)
        return;
    const struct advice *row = &table[a->kind][a->outcome];
    if (!row->title)
        return;
    *advice = *row;
    bool by_itself = a->outcome != OTR_OUTCOME_UNKNOWN && a->outcome != OTR_OUTCOME_NONE;
    if (a->kind == OTR_KIND_REFUND && !by_itself && a->resolution) {
        if (a->resolution == OTR_RESOLUTION_REFUNDED)
            settled_as_refunded(a, advice);
        else
            settled_as_not_refunded(a, advice);
    } else {
        add_reason(a, advice);
    }
}

const char *advice_why(enum otr_reason reason) {
    return reason > OTR_REASON_NONE && reason < OTR_REASON__MAX ? reasons[reason].why : NULL;
}

const char *advice_tx_word(int tx_status) {
    switch (tx_status) {
    case OTR_NO_STATUS:
        return "Not known";
    case 0:
        return "Paid to the recipient";
    case 1:
        return "Failed, nothing held";
    case 3:
        return "Refund pending";
    case 4:
        return "Refunded";
    case 5:
        return "On hold at the bank";
    default:
        return "Still on its way";
    }
}

const char *advice_tx_meaning(int tx_status) {
    switch (tx_status) {
    case OTR_NO_STATUS:
        return "The bank has not told the status of this transaction yet.";
    case 0:
        return "The transfer went through. There is nothing to refund: do not return cash.";
    case 1:
        return "The transfer failed and the bank holds nothing for it, so there is nothing to "
               "refund with an OTP. Ask your supervisor before any cash is returned.";
    case 3:
        return "The transfer failed and the bank holds the amount. It can be refunded with the "
               "customer's OTP.";
    case 4:
        return "The amount is back in the e-value. Do not return cash for it again.";
    case 5:
        return "The bank has put the transfer on hold. Do not return cash; look again later.";
    default:
        return "The bank has not decided yet whether the transfer goes through. Do not return "
               "cash; look again later.";
    }
}

const char *advice_tone_name(enum advice_tone tone) {
    static const char *const names[ADVICE_TONE__MAX] = {"plain", "wait", "good", "care", "bad"};
    return tone < ADVICE_TONE__MAX ? names[tone] : "plain";
}
