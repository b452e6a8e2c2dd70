/* journal_read.c - attempts, transactions, people, reports. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sql/db_batch.h"
#include "sql/db_shape.h"

/* ---- attempts ------------------------------------------------------------------------------ */

void db_read_attempt(const PGresult *r, int row, struct otr_attempt *a) {
    int c = 0;
    char word[40];
#define TEXT(field)                  db_get_text(r, row, c++, a->field, sizeof a->field)
#define NUMBER(field, type, if_null) a->field = (type)db_get_number(r, row, c++, if_null)
#define WORD(field, value_of)                                                                      \
    (db_get_text(r, row, c++, word, sizeof word), a->field = value_of(word))
    *a = (struct otr_attempt){0};
    NUMBER(attempt_id, int64_t, 0);
    TEXT(tid);
    TEXT(client_ref_id);
    WORD(kind, otr_kind_value);
    WORD(channel, otr_channel_value);
    TEXT(operator_name);
    TEXT(node);
    NUMBER(started_at, int64_t, 0);
    NUMBER(finished_at, int64_t, 0);
    WORD(outcome, otr_outcome_value);
    WORD(reason, otr_reason_value);
    TEXT(message);
    NUMBER(http_status, int, 0);
    NUMBER(duration_ms, int, 0);
    WORD(resolution, otr_resolution_value);
    NUMBER(resolved_at, int64_t, 0);
    WORD(resolved_by, otr_how_value);
    NUMBER(tx_status, int, OTR_NO_STATUS);
    TEXT(refund_tid);
    NUMBER(amount, int64_t, OTR_NO_AMOUNT);
    NUMBER(refunded_amount, int64_t, OTR_NO_AMOUNT);
    NUMBER(inquiries, int, 0);
    NUMBER(next_inquiry_at, int64_t, 0);
    a->open = db_get_bool(r, row, c++);
    a->contradicted = db_get_bool(r, row, c++);
#undef TEXT
#undef NUMBER
#undef WORD
}

/* No row, or one of NULLs, as many who look together have it. */
static bool nothing(const PGresult *r) {
    return PQntuples(r) == 0 || PQgetisnull(r, 0, 0);
}

void journal_attempt_all(struct journal *j, const int64_t attempt_id[], struct otr_attempt *const a[],
                         enum journal_status status[], int n) {
    struct db_params p[JOURNAL_FINISH_MAX];
    struct db_call calls[JOURNAL_FINISH_MAX];
    for (int i = 0; i < n; i++) {
        p[i].count = 0;
        db_number(&p[i], attempt_id[i]);
        calls[i] = (struct db_call){DB_ATTEMPT, &p[i], NULL, JOURNAL_OK, NULL};
    }
    db_look_all(j, calls, n);
    for (int i = 0; i < n; i++) {
        *a[i] = (struct otr_attempt){
            .tx_status = OTR_NO_STATUS, .amount = OTR_NO_AMOUNT, .refunded_amount = OTR_NO_AMOUNT};
        status[i] = calls[i].status;
        if (status[i] == JOURNAL_OK && nothing(calls[i].result))
            status[i] = JOURNAL_NOT_FOUND;
        if (status[i] == JOURNAL_OK)
            db_read_attempt(calls[i].result, 0, a[i]);
        PQclear(calls[i].result);
    }
}

enum journal_status journal_attempt(struct journal *j, int64_t attempt_id, struct otr_attempt *a) {
    enum journal_status status;
    journal_attempt_all(j, &attempt_id, &a, &status, 1);
    return status;
}

/* ---- transactions -------------------------------------------------------------------------- */

enum journal_status journal_transaction(struct journal *j, const char *tid,
                                        const struct journal_limits *l, struct otr_transaction *t) {
    struct db_params p = {0};
    PGresult *r = NULL;
    char word[40];
    *t = (struct otr_transaction){.amount = OTR_NO_AMOUNT, .tx_status = OTR_NO_STATUS};
    db_text(&p, tid);
    db_number(&p, l ? l->otp_cooldown_s : 0);
    db_number(&p, l ? l->otp_per_hour : 0);
    db_number(&p, l ? l->wrong_otp_per_hour : 0);
    enum journal_status status = db_read(j, DB_TRANSACTION, &p, &r);
    if (status == JOURNAL_OK && (PQntuples(r) == 0 || !db_get_bool(r, 0, 0)))
        status = JOURNAL_NOT_FOUND;
    if (status == JOURNAL_OK) {
        snprintf(t->tid, sizeof t->tid, "%s", tid);
        db_get_text(r, 0, 1, t->client_ref_id, sizeof t->client_ref_id);
        t->amount = db_get_number(r, 0, 2, OTR_NO_AMOUNT);
        t->tx_status = (int)db_get_number(r, 0, 3, OTR_NO_STATUS);
        db_get_text(r, 0, 4, t->customer, sizeof t->customer);
        db_get_text(r, 0, 5, t->recipient, sizeof t->recipient);
        t->transacted_at = db_get_number(r, 0, 6, 0);
        t->answered_at = db_get_number(r, 0, 7, 0);
        t->otp_at = db_get_number(r, 0, 8, 0);
        db_get_text(r, 0, 9, word, sizeof word);
        t->otp_outcome = otr_outcome_value(word);
        t->otp_again_at = db_get_number(r, 0, 10, 0);
        t->refund_again_at = db_get_number(r, 0, 11, 0);
        t->open_attempt_id = db_get_number(r, 0, 12, 0);
        db_get_text(r, 0, 13, t->open_operator, sizeof t->open_operator);
        t->open_since = db_get_number(r, 0, 14, 0);
        t->contradicted = db_get_bool(r, 0, 15);
    }
    PQclear(r);
    return status;
}

enum journal_status journal_tid_of(struct journal *j, const char *client_ref_id,
                                   char tid[OTR_TID_SIZE]) {
    struct db_params p = {0};
    PGresult *r = NULL;
    tid[0] = '\0';
    db_text(&p, client_ref_id);
    enum journal_status status = db_read(j, DB_TID_OF, &p, &r);
    if (status == JOURNAL_OK) {
        db_get_text(r, 0, 0, tid, OTR_TID_SIZE);
        if (!tid[0])
            status = JOURNAL_NOT_FOUND;
    }
    PQclear(r);
    return status;
}

/* ---- people and machines ------------------------------------------------------------------- */

void db_read_operator(const PGresult *r, int row, struct otr_operator *o) {
    char word[40];
    db_get_text(r, row, 0, o->name, sizeof o->name);
    db_get_text(r, row, 1, o->full_name, sizeof o->full_name);
    db_get_text(r, row, 2, word, sizeof word);
    o->role = otr_role_value(word);
    db_get_text(r, row, 3, o->user_code, sizeof o->user_code);
    o->disabled = db_get_bool(r, row, 4);
    o->may_refund = o->role == OTR_ROLE_OPERATOR || o->role == OTR_ROLE_SUPERVISOR;
}

enum journal_status journal_operator(struct journal *j, const char *name, struct otr_operator *o) {
    struct db_params p = {0};
    PGresult *r = NULL;
    *o = (struct otr_operator){0};
    db_text_or_empty(&p, name);
    enum journal_status status = db_look(j, DB_OPERATOR, &p, &r);
    if (status == JOURNAL_OK && nothing(r))
        status = JOURNAL_NOT_FOUND;
    if (status == JOURNAL_OK)
        db_read_operator(r, 0, o);
    PQclear(r);
    return status;
}

enum journal_status journal_client(struct journal *j, const unsigned char *token_sha256,
                                   struct otr_operator *o) {
    struct db_params p = {0};
    PGresult *r = NULL;
    *o = (struct otr_operator){0};
    db_bytes(&p, token_sha256, 32);
    enum journal_status status = db_look(j, DB_CLIENT, &p, &r);
    if (status == JOURNAL_OK && nothing(r))
        status = JOURNAL_NOT_FOUND;
    if (status == JOURNAL_OK) {
        db_get_text(r, 0, 0, o->name, sizeof o->name);
        db_get_text(r, 0, 1, o->full_name, sizeof o->full_name);
        db_get_text(r, 0, 2, o->user_code, sizeof o->user_code);
        o->client = true;
        o->may_refund = db_get_bool(r, 0, 3);
        o->disabled = db_get_bool(r, 0, 4);
    }
    PQclear(r);
    return status;
}

/* ---- numbers and reports ------------------------------------------------------------------- */

void db_read_today(const PGresult *r, int row, struct otr_today *t) {
    t->otps = (int)db_get_number(r, row, 0, 0);
    t->otps_unconfirmed = (int)db_get_number(r, row, 1, 0);
    t->refunds = (int)db_get_number(r, row, 2, 0);
    t->refunded = (int)db_get_number(r, row, 3, 0);
    t->rejected = (int)db_get_number(r, row, 4, 0);
    t->open = (int)db_get_number(r, row, 5, 0);
    t->refunded_amount = db_get_number(r, row, 6, 0);
}

enum journal_status journal_today(struct journal *j, const char *operator_name, const char *zone,
                                  struct otr_today *t) {
    struct db_params p = {0};
    PGresult *r = NULL;
    *t = (struct otr_today){0};
    db_text(&p, operator_name);
    db_text_or_empty(&p, zone);
    enum journal_status status = db_read(j, DB_TODAY, &p, &r);
    if (status == JOURNAL_OK)
        db_read_today(r, 0, t);
    PQclear(r);
    return status;
}

enum journal_status journal_numbers(struct journal *j, struct journal_numbers *n) {
    PGresult *r = NULL;
    *n = (struct journal_numbers){0};
    enum journal_status status = db_read(j, DB_NUMBERS, NULL, &r);
    if (status == JOURNAL_OK) {
        n->open = db_get_number(r, 0, 0, 0);
        n->overdue = db_get_number(r, 0, 1, 0);
        n->oldest_open_ms = db_get_number(r, 0, 2, 0);
        n->lag_ms = db_get_number(r, 0, 3, 0);
    }
    PQclear(r);
    return status;
}

#define AT(column) "to_char(" column ", 'YYYY-MM-DD HH24:MI:SS\"Z\"')"
#define RECENT     " WHERE day > (now() AT TIME ZONE 'Asia/Kolkata')::date - 31 ORDER BY day DESC"

static const char *const reports[JOURNAL_REPORT__MAX] = {
    [JOURNAL_REPORT_AGEING] = "SELECT bucket, attempts, amount, without_amount, " AT(
        "oldest") " AS oldest FROM otprefund.ageing ORDER BY bucket_no",
    [JOURNAL_REPORT_DAILY_TOTALS] =
        "SELECT day, otps, otps_unconfirmed, refunds, refunded, not_refunded, rejected, unknown,"
        " open, refunded_amount, inquiries FROM otprefund.daily_totals" RECENT,
    [JOURNAL_REPORT_OPERATOR_TOTALS] =
        "SELECT day, operator, otps, otps_unconfirmed, refunds, refunded, not_refunded, rejected,"
        " unknown, open, refunded_amount, inquiries FROM otprefund.operator_totals" RECENT
        ", operator LIMIT 200",
    [JOURNAL_REPORT_UNRESOLVED] = "SELECT attempt_id, tid, client_ref_id, operator, " AT(
        "started_at") " AS started_at,"
                      " date_trunc('second', age) AS age, amount, outcome, reason, inquiries, " AT(
                          "next_inquiry_at") " AS next_inquiry_at FROM otprefund.unresolved"
                                             " ORDER BY attempt_id LIMIT 200",
    [JOURNAL_REPORT_MISMATCH] =
        "SELECT mismatch, tid, attempt_id, statement_id, line_no, statement_amount,"
        " journal_amount, " AT("booked_at") " AS booked_at, " AT(
            "resolved_at") " AS resolved_at"
                           " FROM otprefund.statement_mismatch"
                           " ORDER BY coalesce(booked_at, resolved_at) DESC LIMIT 200",
    [JOURNAL_REPORT_MANUAL] = "SELECT attempt_id, tid, resolution, reason AS why, proposed_by, " AT(
        "proposed_at") " AS proposed_at"
                       " FROM otprefund.manual_status WHERE state = 'pending'"
                       " ORDER BY proposal_id LIMIT 200",
    [JOURNAL_REPORT_ACCESS] = "SELECT change_id, " AT(
        "changed_at") " AS changed_at, changed_by, part, name, action, role_before, role, state,"
                      " token, user_code, full_name FROM otprefund.access_history"
                      " ORDER BY change_id DESC LIMIT 200",
};

enum journal_status journal_report(struct journal *j, enum journal_report report,
                                   struct otr_table *t) {
    PGresult *r = NULL;
    *t = (struct otr_table){0};
    if ((unsigned)report >= JOURNAL_REPORT__MAX)
        return JOURNAL_REFUSED;
    enum journal_status status = db_report(j, reports[report], &r);
    if (status == JOURNAL_OK)
        status = db_table(r, t);
    PQclear(r);
    return status;
}
