/* journal_seal.c - seals the journal, and hands out all of it row by row for who verifies it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/db.h"

#define SEAL_ROWS 20000 /* in one seal: bounds its memory here and there */

static void seal_read(const PGresult *r, struct journal_seal *s) {
    s->seal_id = db_get_number(r, 0, 0, 0);
    s->sealed_at = db_get_number(r, 0, 1, 0);
    s->rows = db_get_number(r, 0, 2, 0);
    db_get_text(r, 0, 3, s->digest, sizeof s->digest);
}

/* JOURNAL_OK, or _NOT_FOUND: no row. */
static enum journal_status one_seal(struct journal *j, enum db_statement st,
                                    const struct db_params *p, struct journal_seal *s) {
    PGresult *r = NULL;
    enum journal_status status = db_run(j, st, p, &r, NULL);
    if (status == JOURNAL_OK && PQntuples(r) == 0)
        status = JOURNAL_NOT_FOUND;
    if (status == JOURNAL_OK)
        seal_read(r, s);
    PQclear(r);
    return status == JOURNAL_UNSURE ? JOURNAL_DOWN
                                    : status; /* the next call seals what this did not */
}

enum journal_status journal_seal_due(struct journal *j, int64_t *ms) {
    struct db_params p = {0};
    PGresult *r = NULL;
    enum journal_status status = db_read(j, DB_SEAL_DUE, &p, &r);
    *ms = status == JOURNAL_OK ? db_get_number(r, 0, 0, JOURNAL_NEVER) : JOURNAL_NEVER;
    PQclear(r);
    return status;
}

enum journal_status journal_seal_once(struct journal *j, int64_t *rows) {
    struct journal_seal s = {0};
    struct db_params p = {0};
    db_number(&p, SEAL_ROWS);
    enum journal_status status = one_seal(j, DB_SEAL, &p, &s);
    *rows = s.rows;
    return status == JOURNAL_NOT_FOUND ? JOURNAL_OK : status;
}

enum journal_status journal_seal(struct journal *j, int64_t *rows) {
    enum journal_status status;
    int64_t n;
    *rows = 0;
    do {
        status = journal_seal_once(j, &n);
        *rows += n;
    } while (status == JOURNAL_OK && n > 0);
    return status;
}

enum journal_status journal_seal_last(struct journal *j, struct journal_seal *s) {
    struct db_params p = {0};
    *s = (struct journal_seal){0};
    return one_seal(j, DB_SEAL_LAST, &p, s);
}

/* ---- all of it ------------------------------------------------------------------------------- */

#define AT(column) "to_char(" column ", 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"

/* What the tables hold, not what views and functions in the database make of that. */
static const char are_tables[] =
    "SELECT count(*) FROM pg_catalog.pg_class c WHERE c.relkind = 'r' AND NOT c.relrowsecurity"
    " AND c.relnamespace = 'otprefund'::regnamespace AND c.relname IN ('audit_seal', 'audit_leaf',"
    " 'attempt', 'outcome', 'late_answer', 'resolution', 'contradiction', 'callback',"
    " 'manual_proposal', 'manual_decision', 'access_change', 'operator', 'api_client')"
    " HAVING count(*) = 13";
static const char seals[] = "SELECT 'seal', s.seal_id::text, " AT("s.sealed_at") ", " AT(
    "s.covers_to") ", "
                   "s.row_count::text, coalesce(encode(s.previous, 'hex'), '-'), encode(s.digest, "
                   "'hex') "
                   "FROM otprefund.audit_seal s ORDER BY s.seal_id";
#define CONTENT(part, id)                                                                          \
    " WHEN '" part "' THEN (SELECT jsonb_strip_nulls(to_jsonb(t)) FROM otprefund." part            \
    " t WHERE t." id " = l.row_id)"
static const char leaves[] =
    "SELECT 'row', l.part, l.row_id::text, encode(l.digest, 'hex'), coalesce((CASE l.part"
    CONTENT("attempt", "attempt_id")
    CONTENT("outcome", "attempt_id")
    CONTENT("late_answer", "attempt_id")
    CONTENT("resolution", "attempt_id")
    CONTENT("contradiction", "contradiction_id")
    CONTENT("callback", "callback_id")
    CONTENT("manual_proposal", "proposal_id")
    CONTENT("manual_decision", "proposal_id")
    CONTENT("access_change", "change_id") " END)::text, '-') "
    "FROM otprefund.audit_leaf l WHERE l.seal_id = $1 ORDER BY l.part, l.row_id";
/* Rows that no seal covers: older than any that the newest seal can have missed (0010-seal.sql), older
 * than any that waits for its seal when all is well, or in time yet. */
#define LOOSE(part, id, at)                                                                        \
    "SELECT '" part "' AS part, t." id " AS row_id, t." at " AS at FROM otprefund." part           \
    " t WHERE (SELECT l.row_id FROM otprefund.audit_leaf l WHERE l.part = '" part                  \
    "' AND l.row_id = t." id " LIMIT 1) IS NULL"
static const char loose[] =
    "SELECT CASE WHEN r.at < (SELECT max(s.covers_to) FROM otprefund.audit_seal s)"
    " - interval '10 minutes' THEN 'late'"
    " WHEN r.at < clock_timestamp() - interval '30 minutes' THEN 'overdue' ELSE 'new' END,"
    " r.part, r.row_id::text FROM ("
    LOOSE("attempt", "attempt_id", "started_at")
    " UNION ALL " LOOSE("outcome", "attempt_id", "finished_at")
    " UNION ALL " LOOSE("late_answer", "attempt_id", "found_at")
    " UNION ALL " LOOSE("resolution", "attempt_id", "resolved_at")
    " UNION ALL " LOOSE("contradiction", "contradiction_id", "found_at")
    " UNION ALL " LOOSE("callback", "callback_id", "received_at")
    " UNION ALL " LOOSE("manual_proposal", "proposal_id", "proposed_at")
    " UNION ALL " LOOSE("manual_decision", "proposal_id", "decided_at")
    " UNION ALL " LOOSE("access_change", "change_id", "changed_at") ") r "
    "ORDER BY r.part, r.row_id";
/* Leaves of seals that are gone. */
static const char orphans[] =
    "SELECT 'orphan', l.part, l.row_id::text FROM otprefund.audit_leaf l "
    "WHERE NOT EXISTS (SELECT FROM otprefund.audit_seal s WHERE s.seal_id = l.seal_id) "
    "ORDER BY l.part, l.row_id";

/* Who is not as the last entry says: its trigger was switched off.  What was taken back since shows,
 * too: changed_at is another one. */
static const char unrecorded[] =
    "SELECT 'unrecorded', part, name FROM ("
    "SELECT 'operator' AS part, o.name, to_jsonb(o) AS content FROM otprefund.operator o UNION ALL "
    "SELECT 'api_client', c.name, to_jsonb(c) FROM otprefund.api_client c) r FULL JOIN ("
    "SELECT DISTINCT ON (a.part, a.name) a.part, a.name, nullif(a.action, 'removed') AS action,"
    " a.content - 'token' AS content FROM otprefund.access_change a"
    " ORDER BY a.part, a.name, a.change_id DESC) e USING (part, name) "
    "WHERE CASE WHEN r.content IS NULL THEN e.action IS NOT NULL"
    " ELSE (e.action IS NOT NULL AND r.content @> e.content) IS NOT TRUE END ORDER BY part, name";

static bool plain(PGconn *pg, const char *sql) {
    PGresult *r = PQexec(pg, sql);
    bool ok = PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK;
    PQclear(r);
    return ok;
}

/* Row by row, whatever there is of it.  false: it failed, or see said so. */
static bool stream(PGconn *pg, const char *sql, const char *seal_id, journal_line *see, void *arg) {
    const char *values[] = {seal_id};
    bool ok = PQsendQueryParams(pg, sql, seal_id ? 1 : 0, NULL, values, NULL, NULL, 0) &&
              PQsetSingleRowMode(pg);
    PGresult *r;
    while (ok && (r = PQgetResult(pg))) {
        const char *fields[JOURNAL_LINE_FIELDS];
        int n = PQnfields(r);
        ok = PQresultStatus(r) == PGRES_SINGLE_TUPLE || PQresultStatus(r) == PGRES_TUPLES_OK;
        for (int i = 0; i < n && i < JOURNAL_LINE_FIELDS && PQntuples(r) > 0; i++)
            fields[i] = PQgetvalue(r, 0, i);
        if (ok && PQntuples(r) > 0)
            ok = see(arg, fields, n);
        PQclear(r);
    }
    return ok;
}

struct each_seal {
    PGconn *rows; /* a second connection, in the same snapshot */
    journal_line *see;
    void *arg;
};

static bool seal_and_leaves(void *arg, const char *const *fields, int n) {
    const struct each_seal *e = arg;
    return e->see(e->arg, fields, n) && stream(e->rows, leaves, fields[1], e->see, e->arg);
}

static PGconn *reader(const char *conninfo, const char *snapshot, char *why, size_t size) {
    char sql[200];
    PGconn *pg = db_connect(conninfo, DB_ANY, why, size);
    if (!pg)
        return NULL;
    snprintf(sql, sizeof sql, "SET TRANSACTION SNAPSHOT '%.100s'", snapshot ? snapshot : "");
    if (plain(pg, "SET statement_timeout = 0; SET enable_seqscan = on") &&
        plain(pg, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") &&
        (!snapshot || plain(pg, sql)))
        return pg;
    db_first_line(PQerrorMessage(pg), why, size);
    PQfinish(pg);
    return NULL;
}

enum journal_status journal_export(const char *conninfo, journal_line *see, void *arg, char *why,
                                   size_t size) {
    enum journal_status status = JOURNAL_DOWN;
    PGconn *rows = NULL, *pg = reader(conninfo, NULL, why, size);
    PGresult *snapshot = pg ? PQexec(pg, "SELECT pg_catalog.pg_export_snapshot()") : NULL;
    PGresult *tables = snapshot ? PQexec(pg, are_tables) : NULL;
    if (PQntuples(tables) == 1)
        rows = reader(conninfo, PQgetvalue(snapshot, 0, 0), why, size);
    else if (tables)
        snprintf(why, size, "a table of the journal is not there, or is no plain table");
    if (!rows)
        goto out;
    struct each_seal e = {.rows = rows, .see = see, .arg = arg};
    const char *const end[] = {"end"};
    if (stream(pg, seals, NULL, seal_and_leaves, &e) && stream(pg, orphans, NULL, see, arg) &&
        stream(pg, loose, NULL, see, arg) && stream(pg, unrecorded, NULL, see, arg) &&
        see(arg, end, 1))
        status = JOURNAL_OK;
    else
        db_first_line(*PQerrorMessage(pg) ? PQerrorMessage(pg) : PQerrorMessage(rows), why, size);
out:
    PQclear(tables);
    PQclear(snapshot);
    PQfinish(rows);
    PQfinish(pg);
    return status;
}
