/* journal_write.c - begin, finish, claim, wake: one statement each. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "sql/clock.h"
#include "sql/db_batch.h"

#define LOOK_UP_MS 5000 /* how long the fate of a lost COMMIT is looked for */
#define PAUSE_MS   100

/* ---- begin --------------------------------------------------------------------------------- */

#define TOKEN_SIZE 16

static bool token_make(unsigned char token[TOKEN_SIZE]) {
    size_t n = 0;
    while (n < TOKEN_SIZE) {
        ssize_t got = getrandom(token + n, TOKEN_SIZE - n, 0);
        if (got < 0 && errno != EINTR)
            return false;
        if (got > 0)
            n += (size_t)got;
    }
    return true;
}

static void begin_params(struct db_params *p, const struct journal *j,
                         const struct journal_intent *i, const unsigned char token[TOKEN_SIZE]) {
    *p = (struct db_params){0};
    db_text(p, otr_kind_name(i->kind));
    db_text(p, otr_channel_name(i->channel));
    db_text(p, i->tid);
    db_text(p, i->client_ref_id);
    db_text(p, i->operator_name);
    db_text(p, i->user_code);
    db_text(p, db_node(j));
    db_text(p, i->idempotency_key);
    db_bytes(p, i->content_mac, 32);
    db_bytes(p, token, TOKEN_SIZE);
    db_bool(p, i->cash_returned);
    db_number_or_null(p, i->about_attempt_id != 0, i->about_attempt_id);
    db_number(p, i->deadline_ms);
    db_number(p, i->limits.otp_cooldown_s);
    db_number(p, i->limits.otp_per_hour);
    db_number(p, i->limits.wrong_otp_per_hour);
}

static enum journal_status begin_read(const PGresult *r, struct journal_begun *b) {
    static const struct {
        const char *word;
        enum journal_status status;
    } words[] = {
        {"begun", JOURNAL_OK},          {"same", JOURNAL_SAME},
        {"key_used", JOURNAL_KEY_USED}, {"open", JOURNAL_OPEN},
        {"limited", JOURNAL_LIMITED},   {"absent", JOURNAL_NOT_FOUND},
        {"refunded", JOURNAL_REFUNDED}, {"contradicted", JOURNAL_CONTRADICTED},
    };
    if (PQntuples(r) != 1)
        return JOURNAL_REFUSED;
    b->attempt_id = db_get_number(r, 0, 1, 0);
    b->open_attempt_id = db_get_number(r, 0, 2, 0);
    b->open_age_ms = db_get_number(r, 0, 3, 0);
    db_get_text(r, 0, 4, b->open_operator, sizeof b->open_operator);
    b->open_since = db_get_number(r, 0, 5, 0);
    b->retry_at = db_get_number(r, 0, 6, 0);
    db_get_text(r, 0, 7, b->otp_ref_id, sizeof b->otp_ref_id);
    b->known_amount = db_get_number(r, 0, 8, OTR_NO_AMOUNT);
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++)
        if (strcmp(PQgetvalue(r, 0, 0), words[k].word) == 0)
            return words[k].status;
    return JOURNAL_REFUSED;
}

/*
 * What became of a begin whose end was not heard of?  A row that is there was committed.  A row
 * that is not there may still be on its way, so that backend is ended first; then it is certain.
 * JOURNAL_OK, _NOT_FOUND (certainly), _UNSURE.
 */
static enum journal_status begin_look_up(struct journal *j, const struct journal_intent *i,
                                         const unsigned char token[TOKEN_SIZE],
                                         const struct db_backend *lost, struct journal_begun *b) {
    int64_t until = clock_monotonic_ms() + LOOK_UP_MS;
    for (; clock_monotonic_ms() < until; clock_pause(PAUSE_MS)) {
        struct db_params p = {0};
        PGresult *r = NULL;
        if (db_end_backend(j, lost) != JOURNAL_OK)
            continue;
        db_bytes(&p, token, TOKEN_SIZE);
        db_text(&p, i->operator_name);
        db_text(&p, i->idempotency_key);
        if (db_read(j, DB_BEGUN, &p, &r) == JOURNAL_OK) {
            enum journal_status status = begin_read(r, b);
            PQclear(r);
            if (status == JOURNAL_OK || status == JOURNAL_NOT_FOUND)
                return status;
        }
    }
    return JOURNAL_UNSURE;
}

enum journal_status journal_begin(struct journal *j, const struct journal_intent *i,
                                  struct journal_begun *b) {
    unsigned char token[TOKEN_SIZE];
    struct db_params p;
    enum journal_status status = JOURNAL_DOWN;
    *b = (struct journal_begun){.known_amount = OTR_NO_AMOUNT};
    if (!token_make(token))
        return JOURNAL_DOWN;
    begin_params(&p, j, i, token);
    for (int tries = 0; tries < 2; tries++) {
        PGresult *r = NULL;
        struct db_backend lost;
        status = db_write(j, DB_BEGIN, &p, i->tid, &r, &lost);
        if (status == JOURNAL_OK)
            status = begin_read(r, b);
        PQclear(r);
        if (status == JOURNAL_UNSURE)
            status = begin_look_up(j, i, token, &lost, b);
        if (status != JOURNAL_NOT_FOUND)
            return status;
    }
    return JOURNAL_DOWN;
}

/* ---- finish -------------------------------------------------------------------------------- */

static void finish_params(struct db_params *p, const struct journal_finding *f, bool texts) {
    bool otp = f->kind == OTR_KIND_OTP;
    *p = (struct db_params){0};
    db_number(p, f->attempt_id);
    db_text(p, otr_kind_name(f->kind));
    db_text(p, otr_outcome_name(f->outcome));
    db_text(p, otr_reason_name(f->reason));
    db_number_or_null(p, f->http_status > 0, f->http_status);
    db_number_or_null(p, f->duration_ms > 0, f->duration_ms);
    db_text(p, texts ? f->message : NULL);
    db_text(p, texts ? f->evidence : "{\"unstorable\": true}");
    db_number_or_null(p, f->tx_status != OTR_NO_STATUS, f->tx_status);
    db_text(p, otp ? NULL : f->refund_tid);
    db_text(p, otp && texts ? f->otp_ref_id : NULL);
    db_number_or_null(p, f->amount != OTR_NO_AMOUNT, f->amount);
    db_number_or_null(p, !otp && f->refunded_amount != OTR_NO_AMOUNT, f->refunded_amount);
    db_text(p, f->tid);
    db_text(p, texts ? f->client_ref_id : NULL);
    db_text(p, texts ? f->customer : NULL);
    db_text(p, texts ? f->recipient : NULL);
    db_number_or_null(p, f->transacted_at != 0, f->transacted_at);
    db_number_or_null(p, f->settles_attempt_id != 0, f->settles_attempt_id);
    db_text(p, otr_resolution_name(f->resolution));
    db_text(p, otr_how_name(f->how));
    db_number(p, f->next_inquiry_ms);
}

static enum journal_status finish_read(struct db_call *c) {
    enum journal_status status = c->status;
    if (status == JOURNAL_OK) {
        const char *word = PQgetvalue(c->result, 0, 0);
        if (strcmp(word, "not_found") == 0)
            status = JOURNAL_NOT_FOUND;
        else if (strcmp(word, "refused") == 0)
            status = JOURNAL_REFUSED;
    }
    PQclear(c->result);
    return status;
}

/* One finding on its way into the journal. */
struct finish {
    struct db_params params;
    bool without_texts, written; /* written: or there is nothing more to try */
};

/*
 * What is still to be written, once.  Rather lose the bank's words than what they prove: where they
 * are refused it is tried without them.  Once more changes nothing where it was written, so a lost COMMIT
 * is simply repeated.  False: nothing is left.
 */
static bool finish_round(struct journal *j, const struct journal_finding *const f[],
                         struct finish finishes[], enum journal_status status[], int n) {
    struct db_call calls[JOURNAL_FINISH_MAX];
    int of[JOURNAL_FINISH_MAX], count = 0;
    bool left = false;
    for (int i = 0; i < n; i++)
        if (!finishes[i].written) {
            finish_params(&finishes[i].params, f[i], !finishes[i].without_texts);
            calls[count] =
                (struct db_call){DB_FINISH, &finishes[i].params, f[i]->tid, JOURNAL_OK, NULL};
            of[count++] = i;
        }
    db_write_all(j, calls, count);
    for (int k = 0; k < count; k++) {
        struct finish *finish = &finishes[of[k]];
        enum journal_status s = finish_read(&calls[k]);
        bool again = s == JOURNAL_UNSURE || (s == JOURNAL_REFUSED && !finish->without_texts);
        finish->without_texts |= s == JOURNAL_REFUSED;
        finish->written = !again;
        status[of[k]] = again ? JOURNAL_DOWN : s;
        left |= again;
    }
    return left;
}

void journal_finish_all(struct journal *j, const struct journal_finding *const f[],
                        enum journal_status status[], int n) {
    struct finish *finishes = calloc((size_t)n, sizeof(*finishes));
    int64_t until = clock_monotonic_ms() + LOOK_UP_MS;
    for (int i = 0; i < n; i++)
        status[i] = JOURNAL_NO_MEMORY;
    while (finishes && finish_round(j, f, finishes, status, n) && clock_monotonic_ms() < until)
        clock_pause(PAUSE_MS);
    free(finishes);
}

enum journal_status journal_finish(struct journal *j, const struct journal_finding *f) {
    enum journal_status status;
    journal_finish_all(j, &f, &status, 1);
    return status;
}

/* ---- the resolver's queue ------------------------------------------------------------------ */

enum journal_status journal_claim(struct journal *j, int max, int lease_ms,
                                  struct journal_due *rows, int *n, int64_t *next_ms) {
    struct db_params p = {0};
    PGresult *r = NULL;
    *n = 0;
    *next_ms = JOURNAL_NEVER;
    db_number(&p, max > 0 ? max : 0);
    db_number(&p, lease_ms);
    /* After a lost COMMIT the lease brings the rows back: nothing to look up. */
    enum journal_status status = db_run(j, DB_CLAIM, &p, &r, NULL);
    if (status != JOURNAL_OK)
        return status == JOURNAL_UNSURE ? JOURNAL_DOWN : status;
    for (int row = 0; row < PQntuples(r); row++) {
        if (PQgetisnull(r, row, 0)) {
            *next_ms = db_get_number(r, row, 6, JOURNAL_NEVER);
            continue;
        }
        if (*n >= max)
            break;
        struct journal_due *d = &rows[(*n)++];
        *d = (struct journal_due){.attempt_id = db_get_number(r, row, 0, 0),
                                  .age_ms = db_get_number(r, row, 4, 0),
                                  .inquiries = (int)db_get_number(r, row, 5, 0)};
        db_get_text(r, row, 1, d->tid, sizeof d->tid);
        db_get_text(r, row, 2, d->client_ref_id, sizeof d->client_ref_id);
        db_get_text(r, row, 3, d->user_code, sizeof d->user_code);
    }
    PQclear(r);
    return JOURNAL_OK;
}

void journal_claim_trouble(struct journal *j, char *why, size_t size) {
    db_trouble(j, DB_CLAIM, why, size);
}

enum journal_status journal_wake(struct journal *j, const char *tid) {
    struct db_params p = {0};
    db_text(&p, tid);
    enum journal_status status = db_run(j, DB_WAKE, &p, NULL, NULL);
    if (status == JOURNAL_UNSURE) /* twice does no harm */
        status = db_run(j, DB_WAKE, &p, NULL, NULL);
    return status == JOURNAL_UNSURE ? JOURNAL_DOWN : status;
}
