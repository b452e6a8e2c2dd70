/* journal_statement.c - imports a statement of the bank, all of it or nothing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/db_many.h"

#define CHUNK 500 /* lines in one statement: none takes long, whatever the file's size */

static const char begin_sql[] =
    "BEGIN; SET LOCAL statement_timeout = '60s'; SET LOCAL enable_seqscan = on;"
    " SET LOCAL max_parallel_workers_per_gather TO DEFAULT";
/* A second import of the same file waits here for the first one's end. */
static const char statement_sql[] =
    "INSERT INTO otprefund.statement (file_name, file_sha256, period_from, period_to, imported_by) "
    "VALUES ($1, $2, timestamptz 'epoch' + $3::bigint * interval '1 millisecond', "
    "timestamptz 'epoch' + $4::bigint * interval '1 millisecond', $5) "
    "ON CONFLICT (file_sha256) DO NOTHING "
    "RETURNING statement_id, " DB_MS("imported_at") ", imported_by, file_name";
static const char before_sql[] =
    "SELECT statement_id, " DB_MS("imported_at") ", imported_by, file_name "
                                                 "FROM otprefund.statement WHERE file_sha256 = $1";
static const char lines_sql[] =
    "INSERT INTO otprefund.statement_line "
    "(statement_id, line_no, tid, refund_tid, amount, booked_at, reference) "
    "SELECT l.statement_id, l.line_no, l.tid, l.refund_tid, l.paise::numeric / 100, "
    "timestamptz 'epoch' + l.booked_ms * interval '1 millisecond', l.reference "
    "FROM unnest($1::bigint[], $2::integer[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], "
    "$7::text[]) l(statement_id, line_no, tid, refund_tid, paise, booked_ms, reference)";
static const char mismatches_sql[] =
    "SELECT mismatch, count(*) FROM otprefund.statement_mismatch WHERE statement_id = $1 "
    "GROUP BY mismatch ORDER BY mismatch";

struct import {
    const struct journal_statement *s;
    struct journal_imported *i;
    char *why;
    size_t size;
};

/* Runs one command; *out is NULL unless JOURNAL_OK. */
static enum journal_status run(PGconn *pg, const struct import *m, const char *sql,
                               const struct db_params *p, PGresult **out) {
    int sent = p ? PQsendQueryParams(pg, sql, p->count, NULL, p->values, p->lengths, p->formats, 0)
                 : PQsendQuery(pg, sql);
    PGresult *r = sent ? db_await(pg, DB_SLOW_MS + DB_ANSWER_MS) : NULL;
    enum journal_status status = r ? db_judge(r) : JOURNAL_UNSURE;
    if (status != JOURNAL_OK)
        db_first_line(r ? PQresultErrorMessage(r) : PQerrorMessage(pg), m->why, m->size);
    if (status == JOURNAL_OK && out)
        *out = r;
    else
        PQclear(r);
    return status;
}

static void told(const PGresult *r, struct journal_imported *i) {
    i->statement_id = db_get_number(r, 0, 0, 0);
    i->imported_at = db_get_number(r, 0, 1, 0);
    db_get_text(r, 0, 2, i->imported_by, sizeof i->imported_by);
    db_get_text(r, 0, 3, i->file_name, sizeof i->file_name);
}

static enum journal_status put_statement(PGconn *pg, const struct import *m) {
    struct db_params p = {0}, file = {0};
    PGresult *r = NULL;
    db_text(&p, m->s->file_name);
    db_bytes(&p, m->s->file_sha256, 32);
    db_number(&p, m->s->period_from);
    db_number(&p, m->s->period_to);
    db_text(&p, m->s->imported_by);
    enum journal_status status = run(pg, m, statement_sql, &p, &r);
    if (status == JOURNAL_OK && PQntuples(r) == 0) {
        m->i->before = true;
        PQclear(r);
        r = NULL;
        db_bytes(&file, m->s->file_sha256, 32);
        status = run(pg, m, before_sql, &file, &r);
    }
    if (status == JOURNAL_OK && PQntuples(r) == 1)
        told(r, m->i);
    PQclear(r);
    return status;
}

static enum journal_status put_chunk(PGconn *pg, const struct import *m, int from, int n,
                                     struct db_params *room) {
    const struct db_params *callers[CHUNK];
    struct db_many many;
    for (int k = 0; k < n; k++) {
        const struct journal_statement_line *l = &m->s->lines[from + k];
        callers[k] = &room[k];
        room[k].count = 0;
        db_number(&room[k], m->i->statement_id);
        db_number(&room[k], l->line_no);
        db_text(&room[k], l->tid);
        db_text(&room[k], l->refund_tid);
        db_number(&room[k], l->amount);
        db_number(&room[k], l->booked_at);
        db_text(&room[k], l->reference);
    }
    if (!db_many_make(&many, callers, n))
        return JOURNAL_NO_MEMORY;
    enum journal_status status = run(pg, m, lines_sql, &many.params, NULL);
    db_many_free(&many);
    return status;
}

static enum journal_status put_lines(PGconn *pg, const struct import *m) {
    struct db_params *room = calloc(CHUNK, sizeof *room);
    enum journal_status status = room ? JOURNAL_OK : JOURNAL_NO_MEMORY;
    for (int from = 0; from < m->s->count && status == JOURNAL_OK; from += CHUNK) {
        int left = m->s->count - from;
        status = put_chunk(pg, m, from, left < CHUNK ? left : CHUNK, room);
    }
    free(room);
    return status;
}

static enum journal_status find_mismatches(PGconn *pg, const struct import *m) {
    struct db_params p = {0};
    PGresult *r = NULL;
    db_number(&p, m->i->statement_id);
    enum journal_status status = run(pg, m, mismatches_sql, &p, &r);
    if (status == JOURNAL_OK)
        status = db_table(r, &m->i->mismatches);
    PQclear(r);
    return status;
}

static enum journal_status import_on(PGconn *pg, struct db_shapes *shapes, void *arg) {
    const struct import *m = arg;
    shapes->broken = true; /* until the transaction is over: the connection is not used again */
    enum journal_status status = run(pg, m, begin_sql, NULL, NULL);
    if (status == JOURNAL_OK)
        status = put_statement(pg, m);
    if (status == JOURNAL_OK && !m->i->before)
        status = put_lines(pg, m);
    if (status == JOURNAL_OK && !m->i->before)
        status = find_mismatches(pg, m);
    if (status == JOURNAL_UNSURE) /* lost before the COMMIT */
        return JOURNAL_DOWN;
    if (status != JOURNAL_OK || m->i->before || m->s->check) {
        shapes->broken = run(pg, m, "ROLLBACK", NULL, NULL) != JOURNAL_OK;
        return status;
    }
    status = run(pg, m, "COMMIT", NULL, NULL);
    shapes->broken = status != JOURNAL_OK;
    return status;
}

enum journal_status journal_statement_import(struct journal *j, const struct journal_statement *s,
                                             struct journal_imported *i, char *why, size_t size) {
    struct import m = {.s = s, .i = i, .why = why, .size = size};
    struct db_backend lost;
    *i = (struct journal_imported){0};
    snprintf(why, size, "%s", "");
    enum journal_status status = db_lend(j, import_on, &m, &lost);
    if (status != JOURNAL_OK)
        otr_table_free(&i->mismatches);
    return status;
}
