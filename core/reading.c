/* reading.c - what the journal knows, for those above; wakes. */
#include <string.h>

#include "core/core.h"
#include "core/sign.h"

enum otr_status otr_wake(struct otr *o, const char *tid, struct otr_fault *f) {
    if (!api_tid_valid(tid))
        return core_fault(f, OTR_INVALID, OTR_WHOSE_CALLER,
                          "a TID is 1 to 18 digits and does not begin with 0");
    enum journal_status s = journal_wake(o->journal, tid);
    resolver_poke(o->resolver);
    return core_journal_status(s, f);
}

enum otr_status otr_attempt_get(struct otr *o, int64_t attempt_id, struct otr_attempt *a,
                                struct otr_fault *f) {
    return core_journal_status(journal_attempt(o->journal, attempt_id, a), f);
}

enum otr_status otr_attempt_list(struct otr *o, const struct otr_filter *filter, int max,
                                 struct otr_attempt *rows, int *n, struct otr_fault *f) {
    return core_journal_status(journal_attempts(o->journal, filter, max, rows, n), f);
}

enum otr_status otr_transaction_get(struct otr *o, const char *tid, struct otr_transaction *t,
                                    struct otr_fault *f) {
    return core_journal_status(journal_transaction(o->journal, tid, &o->limits, t), f);
}

enum otr_status otr_tid_of(struct otr *o, const char *client_ref_id, char tid[OTR_TID_SIZE],
                           struct otr_fault *f) {
    return core_journal_status(journal_tid_of(o->journal, client_ref_id, tid), f);
}

enum otr_status otr_operator_get(struct otr *o, const char *name, struct otr_operator *op,
                                 struct otr_fault *f) {
    return core_journal_status(journal_operator(o->journal, name, op), f);
}

enum otr_status otr_client_get(struct otr *o, const char *token, struct otr_operator *op,
                               struct otr_fault *f) {
    unsigned char digest[SIGN_MAC_SIZE];
    if (!sign_sha256(token, strlen(token), digest))
        return core_fault(f, OTR_NO_MEMORY, OTR_WHOSE_OURS, "no memory for SHA-256");
    return core_journal_status(journal_client(o->journal, digest, op), f);
}

enum otr_status otr_today_get(struct otr *o, const char *operator_name, const char *zone,
                              struct otr_today *t, struct otr_fault *f) {
    return core_journal_status(journal_today(o->journal, operator_name, zone, t), f);
}

enum otr_status otr_desks_get(struct otr *o, const char *const names[], int n, const char *zone,
                              int64_t from, struct otr_desk *const desks[],
                              char moment[OTR_MOMENT_SIZE], struct otr_fault *f) {
    return core_journal_status(journal_desks(o->journal, names, n, zone, from, desks, moment), f);
}

enum otr_status otr_moment_get(struct otr *o, const char *zone, char moment[OTR_MOMENT_SIZE],
                               struct otr_fault *f) {
    return core_journal_status(journal_moment(o->journal, zone, moment), f);
}

enum otr_status otr_report_get(struct otr *o, enum otr_report r, struct otr_table *t,
                               struct otr_fault *f) {
    static const enum journal_report report[OTR_REPORT__MAX] = {
        [OTR_REPORT_AGEING] = JOURNAL_REPORT_AGEING,
        [OTR_REPORT_DAILY_TOTALS] = JOURNAL_REPORT_DAILY_TOTALS,
        [OTR_REPORT_OPERATOR_TOTALS] = JOURNAL_REPORT_OPERATOR_TOTALS,
        [OTR_REPORT_UNRESOLVED] = JOURNAL_REPORT_UNRESOLVED,
        [OTR_REPORT_MISMATCH] = JOURNAL_REPORT_MISMATCH,
        [OTR_REPORT_MANUAL] = JOURNAL_REPORT_MANUAL,
    };
    return core_journal_status(journal_report(o->journal, report[r], t), f);
}

enum otr_status otr_numbers_get(struct otr *o, struct otr_numbers *n, struct otr_fault *f) {
    struct journal_numbers j = {0};
    enum journal_status s = journal_numbers(o->journal, &j);
    pthread_mutex_lock(&o->numbers_lock);
    o->numbers.database = s == JOURNAL_OK;
    *n = o->numbers;
    pthread_mutex_unlock(&o->numbers_lock);
    n->resolver = o->resolver != NULL;
    n->listening = atomic_load(&o->listening);
    n->in_flight = http_in_flight(o->http);
    n->unwritten = flights_unfinished(o->flights);
    callbacks_count(o->callbacks, &n->callbacks_held, &n->callbacks_dropped);
    n->open = j.open;
    n->overdue = j.overdue;
    n->oldest_open_ms = j.oldest_open_ms;
    n->lag_ms = j.lag_ms;
    return core_journal_status(s, f);
}
