/* ctl_bank.c - otprefundctl inquire. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/ctl.h"

#define WRITE_MS 10000 /* for the database, on top of the bank's time */

static void print_transaction(const struct otr_transaction *t) {
    char text[96], time[40], rupees[24];
    ctl_line("tid", t->tid);
    ctl_line("client_ref_id", t->client_ref_id);
    snprintf(text, sizeof text, "%s (tx_status %d)", otr_tx_status_name(t->tx_status),
             t->tx_status);
    ctl_line("status", text);
    ctl_line("amount", otr_rupees(t->amount, rupees, sizeof rupees));
    ctl_line("customer", t->customer);
    ctl_line("recipient", t->recipient);
    ctl_line("transacted_at", ctl_time(t->transacted_at, time));
    ctl_line("answered_at", ctl_time(t->answered_at, time));
    if (t->open_attempt_id) {
        snprintf(text, sizeof text, "%" PRId64 " by %s", t->open_attempt_id, t->open_operator);
        ctl_line("open_attempt", text);
    }
    if (t->contradicted)
        ctl_line("contradicted", "a word of the bank disagrees with what is recorded: look at it");
}

static int tell(struct otr *o, const struct otr_attempt *a) {
    struct otr_transaction t;
    struct otr_fault f;
    char text[128], tid[OTR_TID_SIZE];
    snprintf(text, sizeof text, "%" PRId64, a->attempt_id);
    ctl_line("attempt", text);
    ctl_line("outcome", a->outcome ? otr_outcome_name(a->outcome) : "none yet");
    ctl_line("reason", otr_reason_name(a->reason));
    ctl_line("message", a->message);
    if (a->outcome != OTR_OUTCOME_ANSWERED)
        return ctl_fail(CTL_BANK, "the bank has not told; try otprefundctl check",
                        otr_reason_name(a->reason));
    if (a->reason == OTR_REASON_NO_SUCH_TRANSACTION || a->tx_status == OTR_NO_STATUS)
        return ctl_fail(CTL_FAILED, "the bank knows no such transaction", NULL);
    snprintf(tid, sizeof tid, "%s", a->tid); /* none where it was asked for by reference */
    if ((!*tid && otr_tid_of(o, a->client_ref_id, tid, &f) != OTR_OK) ||
        otr_transaction_get(o, tid, &t, &f) != OTR_OK)
        return ctl_fail(CTL_DATABASE, "the transaction could not be read", f.detail);
    print_transaction(&t);
    return CTL_GOOD;
}

static int ask(struct ctl *c, struct otr *o, const char *tid, const char *ref) {
    char name[OTR_NAME_SIZE];
    const struct otr_who who = {.name = name, .channel = OTR_CHANNEL_CTL};
    struct otr_attempt a;
    struct otr_fault f;
    int64_t id;
    ctl_who(name);
    enum otr_status s = otr_inquire(o, &who, tid, ref, &id, &f);
    if (s == OTR_OK)
        s = otr_wait(o, id, c->settings.bank_timeout_ms + WRITE_MS, false, &a, &f);
    if (s != OTR_OK)
        return ctl_fail(s == OTR_NO_JOURNAL ? CTL_DATABASE : CTL_FAILED,
                        "the inquiry could not be made", f.detail);
    return tell(o, &a);
}

int ctl_inquire(struct ctl *c, int argc, char **argv) {
    const char *tid = NULL, *ref = NULL;
    const struct ctl_option options[] = {{"ref", &ref, NULL}, {NULL, NULL, NULL}};
    struct otr *o;
    int n, code;
    if (!ctl_arguments(c, argc, argv, options, &tid, 1, &n, &code))
        return code;
    if ((tid != NULL) + (ref != NULL) != 1)
        return ctl_usage(c, "name either a TID or --ref CLIENT_REF_ID", NULL);
    if (tid && !otr_tid_valid(tid))
        return ctl_usage(c, "a TID is 1 to 18 digits and does not begin with 0", tid);
    if (ref && !otr_ref_valid(ref))
        return ctl_usage(c, "a reference is 1 to 20 letters, digits, dots, dashes or underscores",
                         ref);
    code = ctl_core(c, &o);
    if (code != CTL_GOOD)
        return code;
    code = ask(c, o, tid, ref);
    otr_close(o, WRITE_MS);
    return code;
}
