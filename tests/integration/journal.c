/* journal.c - reads the journal as its owner, past the program: what was really recorded. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/integration/it.h"

static PGconn *db;

bool db_open(const char *conninfo) {
    db = PQconnectdb(conninfo);
    if (PQstatus(db) == CONNECTION_OK)
        return true;
    fprintf(stderr, "integration: no database: %s", PQerrorMessage(db));
    return false;
}

void db_close(void) {
    PQfinish(db);
    db = NULL;
}

static PGresult *query(const char *sql, const char *p1, const char *p2) {
    const char *values[] = {p1, p2};
    PGresult *r = PQexecParams(db, sql, p2 ? 2 : p1 ? 1 : 0, NULL, values, NULL, NULL, 0);
    expect(PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK,
           "query failed: %s: %s", sql, PQresultErrorMessage(r));
    return r;
}

char *db_text(char *out, size_t size, const char *sql, const char *p1, const char *p2) {
    PGresult *r = query(sql, p1, p2);
    snprintf(out, size, "%s", PQntuples(r) > 0 && PQnfields(r) > 0 ? PQgetvalue(r, 0, 0) : "");
    PQclear(r);
    return out;
}

long long db_number(const char *sql, const char *p1, const char *p2) {
    char text[64];
    return strtoll(db_text(text, sizeof text, sql, p1, p2), NULL, 10);
}

bool db_each(const char *sql, void (*see)(void *arg, const char *value), void *arg) {
    PGresult *r = query(sql, NULL, NULL);
    bool ok = PQresultStatus(r) == PGRES_TUPLES_OK;
    for (int i = 0; ok && i < PQntuples(r); i++)
        see(arg, PQgetvalue(r, i, 0));
    PQclear(r);
    return ok;
}

struct row row_of(long attempt_id) {
    static const char sql[] = "select attempt_id, tid, kind, operator, started_at, finished_at, "
                              "outcome, reason, resolution,"
                              " resolved_by, tx_status, amount, refunded_amount, inquiries"
                              " from otprefund.attempt_status where attempt_id = $1::bigint";
    struct row w = {0};
    char id[32];
    snprintf(id, sizeof id, "%ld", attempt_id);
    char *field[] = {w.attempt_id,      w.tid,         w.kind,      w.operator_name,
                     w.started_at,      w.finished_at, w.outcome,   w.reason,
                     w.resolution,      w.resolved_by, w.tx_status, w.amount,
                     w.refunded_amount, w.inquiries};
    PGresult *r = query(sql, id, NULL);
    if (PQntuples(r) == 1 && PQnfields(r) == (int)(sizeof field / sizeof field[0])) {
        w.found = true;
        for (int i = 0; i < PQnfields(r); i++)
            snprintf(field[i], ROW_TEXT, "%s", PQgetvalue(r, 0, i));
    }
    PQclear(r);
    return w;
}

long long attempts_of(const char *tid, const char *kind) {
    return db_number(
        "select count(*) from otprefund.attempt where tid::text = $1 and kind::text = $2", tid,
        kind);
}

void nap_ms(int ms) {
    nanosleep(&(struct timespec){ms / 1000, (ms % 1000) * 1000000L}, NULL);
}

static struct row wait_for(long attempt_id, int seconds, bool settled) {
    struct row w = row_of(attempt_id);
    for (int i = 0; i < seconds * 10 && w.found && !*(settled ? w.resolution : w.outcome); i++) {
        nap_ms(100);
        w = row_of(attempt_id);
    }
    return w;
}

struct row wait_outcome(long attempt_id, int seconds) {
    return wait_for(attempt_id, seconds, false);
}

struct row wait_settled(long attempt_id, int seconds) {
    return wait_for(attempt_id, seconds, true);
}
