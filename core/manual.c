/* manual.c - settling an open refund attempt by hand: a proposal, another person's decision. */
#include <string.h>

#include "core/core.h"

/* Characters of UTF-8 at text; -1 where a person's words may not hold what is in there. */
static int words_length(const char *text) {
    int n = 0;
    size_t size = strlen(text);
    if (size >= OTR_WORDS_SIZE || (size > 0 && (text[0] == ' ' || text[size - 1] == ' ')))
        return -1;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7F)
            return -1;
        n += (c & 0xC0) != 0x80;
    }
    return n;
}

static enum otr_status answer(enum journal_manual what, struct otr_fault *f) {
    static const struct {
        enum otr_status status;
        enum otr_whose whose;
        const char *detail;
    } rows[JOURNAL_MANUAL__MAX] = {
        [JOURNAL_MANUAL_DONE] = {OTR_OK, OTR_WHOSE_NOBODY, ""},
        [JOURNAL_MANUAL_KEY_USED] = {OTR_KEY_USED, OTR_WHOSE_CALLER,
                                     "this form was used before with other content"},
        [JOURNAL_MANUAL_FORBIDDEN] = {OTR_FORBIDDEN, OTR_WHOSE_CALLER,
                                      "Only an enabled supervisor may propose, and only an enabled "
                                      "supervisor or auditor may decide."},
        [JOURNAL_MANUAL_OWN] = {OTR_FORBIDDEN, OTR_WHOSE_CALLER,
                                "Whoever proposed it cannot decide: another person must."},
        [JOURNAL_MANUAL_NOT_FOUND] = {OTR_NOT_FOUND, OTR_WHOSE_CALLER,
                                      "There is no such refund attempt or proposal."},
        [JOURNAL_MANUAL_SETTLED] = {OTR_CONFLICT, OTR_WHOSE_CALLER,
                                    "The attempt is settled already. Nothing was changed."},
        [JOURNAL_MANUAL_TOO_SOON] = {OTR_CONFLICT, OTR_WHOSE_CALLER,
                                     "It is too soon: the bank may still be working on this "
                                     "refund. Nothing was changed."},
        [JOURNAL_MANUAL_NO_EVIDENCE] = {OTR_CONFLICT, OTR_WHOSE_CALLER,
                                        "The question to the bank is not finished, or is older "
                                        "than 15 minutes. Propose again."},
        [JOURNAL_MANUAL_STALE] = {OTR_CONFLICT, OTR_WHOSE_CALLER,
                                  "The bank has said something else since. Look at it, then "
                                  "propose again."},
        [JOURNAL_MANUAL_EXPIRED] = {OTR_CONFLICT, OTR_WHOSE_CALLER,
                                    "The proposal is older than 24 hours. Propose again."},
        [JOURNAL_MANUAL_SUPERSEDED] = {OTR_CONFLICT, OTR_WHOSE_CALLER,
                                       "There is a newer proposal. Look at that one."},
        [JOURNAL_MANUAL_DECIDED] = {OTR_CONFLICT, OTR_WHOSE_CALLER,
                                    "Somebody has decided about this proposal already."},
        [JOURNAL_MANUAL_PROPOSER_OUT] = {OTR_CONFLICT, OTR_WHOSE_CALLER,
                                         "Who proposed it is not an enabled supervisor any more. "
                                         "Another supervisor must propose again."},
    };
    if (what == JOURNAL_MANUAL_DONE)
        return OTR_OK;
    return core_fault(f, rows[what].status, rows[what].whose, rows[what].detail);
}

enum otr_status otr_manual_propose(struct otr *o, const struct otr_who *w, int64_t attempt_id,
                                   enum otr_resolution resolution, const char *reason,
                                   int64_t evidence_attempt_id, const char *key,
                                   int64_t *proposal_id, struct otr_fault *f) {
    enum journal_manual what = JOURNAL_MANUAL_NOT_FOUND;
    int length = reason ? words_length(reason) : -1;
    if (length < OTR_REASON_MIN || length > OTR_REASON_MAX)
        return core_fault(f, OTR_INVALID, OTR_WHOSE_CALLER,
                          "Give the reason in 10 to 500 characters.");
    if (resolution != OTR_RESOLUTION_REFUNDED && resolution != OTR_RESOLUTION_NOT_REFUNDED)
        return core_fault(f, OTR_INVALID, OTR_WHOSE_CALLER, "Choose refunded or not refunded.");
    if (!core_key_valid(key))
        return core_fault(f, OTR_INVALID, OTR_WHOSE_CALLER,
                          "the idempotency key must be 1 to 128 visible ASCII characters");
    const struct journal_proposal p = {
        .attempt_id = attempt_id,
        .resolution = resolution,
        .reason = reason,
        .evidence_attempt_id = evidence_attempt_id,
        .proposed_by = w->name,
        .idempotency_key = key,
        .settle_s = o->config.settle_s,
    };
    enum journal_status s = journal_manual_propose(o->journal, &p, &what, proposal_id);
    return s == JOURNAL_OK ? answer(what, f) : core_journal_status(s, f);
}

enum otr_status otr_manual_decide(struct otr *o, const struct otr_who *w, int64_t attempt_id,
                                  int64_t proposal_id, bool approve, const char *note,
                                  struct otr_fault *f) {
    enum journal_manual what = JOURNAL_MANUAL_NOT_FOUND;
    int length = note ? words_length(note) : 0;
    if (length < 0 || length > OTR_REASON_MAX)
        return core_fault(f, OTR_INVALID, OTR_WHOSE_CALLER,
                          "The note has more than 500 characters, or some that are no text.");
    enum journal_status s =
        journal_manual_decide(o->journal, attempt_id, proposal_id, approve, w->name, note, &what);
    if (s != JOURNAL_OK)
        return core_journal_status(s, f);
    if (what == JOURNAL_MANUAL_DONE && approve) /* whoever waits for it sees it now */
        flights_event(o->flights, attempt_id);
    return answer(what, f);
}

enum otr_status otr_manual_get(struct otr *o, int64_t attempt_id, struct otr_manual *m,
                               struct otr_fault *f) {
    return core_journal_status(journal_manual_get(o->journal, attempt_id, m), f);
}
