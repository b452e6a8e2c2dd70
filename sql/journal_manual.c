/* journal_manual.c - manual resolution: proposing, deciding, reading. */
#include <string.h>

#include "sql/db.h"

static const struct {
    const char *word;
    enum journal_manual what;
} words[] = {
    {"proposed", JOURNAL_MANUAL_DONE},
    {"approved", JOURNAL_MANUAL_DONE},
    {"refused", JOURNAL_MANUAL_DONE},
    {"same", JOURNAL_MANUAL_DONE},
    {"key_used", JOURNAL_MANUAL_KEY_USED},
    {"forbidden", JOURNAL_MANUAL_FORBIDDEN},
    {"own", JOURNAL_MANUAL_OWN},
    {"not_found", JOURNAL_MANUAL_NOT_FOUND},
    {"settled", JOURNAL_MANUAL_SETTLED},
    {"too_soon", JOURNAL_MANUAL_TOO_SOON},
    {"no_evidence", JOURNAL_MANUAL_NO_EVIDENCE},
    {"stale", JOURNAL_MANUAL_STALE},
    {"expired", JOURNAL_MANUAL_EXPIRED},
    {"superseded", JOURNAL_MANUAL_SUPERSEDED},
    {"decided", JOURNAL_MANUAL_DECIDED},
    {"proposer_out", JOURNAL_MANUAL_PROPOSER_OUT},
};

/* Runs one of the two steps.  Once more changes nothing, so a lost COMMIT is simply repeated. */
static enum journal_status step(struct journal *j, enum db_statement s, const struct db_params *p,
                                enum journal_manual *what, int64_t *proposal_id) {
    PGresult *r = NULL;
    enum journal_status status = db_run(j, s, p, &r, NULL);
    if (status == JOURNAL_UNSURE)
        status = db_run(j, s, p, &r, NULL);
    if (status == JOURNAL_OK) {
        const char *word = PQgetvalue(r, 0, 0);
        status = JOURNAL_REFUSED;
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
            if (strcmp(word, words[i].word) == 0) {
                *what = words[i].what;
                status = JOURNAL_OK;
            }
        if (proposal_id)
            *proposal_id = db_get_number(r, 0, 1, 0);
    }
    PQclear(r);
    return status;
}

enum journal_status journal_manual_propose(struct journal *j, const struct journal_proposal *p,
                                           enum journal_manual *what, int64_t *proposal_id) {
    struct db_params v = {0};
    *proposal_id = 0;
    db_number(&v, p->attempt_id);
    db_text(&v, otr_resolution_name(p->resolution));
    db_text(&v, p->reason);
    db_number(&v, p->evidence_attempt_id);
    db_text(&v, p->proposed_by);
    db_text(&v, p->idempotency_key);
    db_number(&v, p->settle_s);
    return step(j, DB_MANUAL_PROPOSE, &v, what, proposal_id);
}

enum journal_status journal_manual_decide(struct journal *j, int64_t attempt_id,
                                          int64_t proposal_id, bool approve, const char *decided_by,
                                          const char *note, enum journal_manual *what) {
    struct db_params v = {0};
    db_number(&v, attempt_id);
    db_number(&v, proposal_id);
    db_text(&v, approve ? "approved" : "refused");
    db_text(&v, decided_by);
    db_text(&v, note);
    return step(j, DB_MANUAL_DECIDE, &v, what, NULL);
}

static void manual_read(const PGresult *r, struct otr_manual *m) {
    char word[40];
    *m = (struct otr_manual){0};
    m->proposal_id = db_get_number(r, 0, 0, 0);
    m->attempt_id = db_get_number(r, 0, 1, 0);
    db_get_text(r, 0, 2, word, sizeof word);
    m->resolution = otr_resolution_value(word);
    db_get_text(r, 0, 3, m->reason, sizeof m->reason);
    m->evidence_attempt_id = db_get_number(r, 0, 4, 0);
    db_get_text(r, 0, 5, word, sizeof word);
    m->evidence_outcome = otr_outcome_value(word);
    db_get_text(r, 0, 6, word, sizeof word);
    m->evidence_reason = otr_reason_value(word);
    m->evidence_tx_status = (int)db_get_number(r, 0, 7, OTR_NO_STATUS);
    m->evidence_at = db_get_number(r, 0, 8, 0);
    db_get_text(r, 0, 9, m->proposed_by, sizeof m->proposed_by);
    m->proposed_at = db_get_number(r, 0, 10, 0);
    db_get_text(r, 0, 11, word, sizeof word);
    m->state = otr_manual_state_value(word);
    db_get_text(r, 0, 12, m->decided_by, sizeof m->decided_by);
    m->decided_at = db_get_number(r, 0, 13, 0);
    db_get_text(r, 0, 14, m->note, sizeof m->note);
    m->counter = db_get_bool(r, 0, 15);
}

enum journal_status journal_manual_get(struct journal *j, int64_t attempt_id,
                                       struct otr_manual *m) {
    struct db_params v = {0};
    PGresult *r = NULL;
    *m = (struct otr_manual){.evidence_tx_status = OTR_NO_STATUS};
    db_number(&v, attempt_id);
    enum journal_status status = db_read(j, DB_MANUAL, &v, &r);
    if (status == JOURNAL_OK && PQntuples(r) == 0)
        status = JOURNAL_NOT_FOUND;
    if (status == JOURNAL_OK)
        manual_read(r, m);
    PQclear(r);
    return status;
}
