/* pg_helper.c - a fresh, migrated database for a test program, and SQL to look into it. */
#include "tests/unit/pg_helper.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sql/migrate.h"

char pg_owner[600], pg_app[600], pg_folder[512];

static char name[64];
static PGconn *pg, *cluster;
static char text[65536];
static char state[6];

static bool command(PGconn *on, const char *sql) {
    PGresult *r = PQexec(on, sql);
    ExecStatusType status = PQresultStatus(r);
    const char *s = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    snprintf(state, sizeof state, "%s", s ? s : "");
    PQclear(r);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static void quiet(void *arg, const char *message) {
    (void)arg, (void)message;
}

bool pg_setup(void) {
    const char *db = getenv("OTPREFUND_TEST_DB"), *srcdir = getenv("srcdir");
    char sql[512], why[256];
    snprintf(pg_folder, sizeof pg_folder, "%s/sql", srcdir ? srcdir : ".");
    snprintf(name, sizeof name, "otprefund_test_%d", (int)getpid());
    cluster = PQconnectdb(db);
    snprintf(sql, sizeof sql, "CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8'", name);
    if (PQstatus(cluster) != CONNECTION_OK || !command(cluster, sql)) {
        fprintf(stderr, "no test database: %s", PQerrorMessage(cluster));
        return false;
    }
    snprintf(pg_owner, sizeof pg_owner, "%s dbname=%s", db, name);
    snprintf(pg_app, sizeof pg_app, "%s dbname=%s user=%s", db, name, name);
    if (journal_migrate(pg_owner, pg_folder, NULL, NULL, why, sizeof why) != JOURNAL_OK) {
        fprintf(stderr, "%s\n", why);
        return false;
    }
    pg = PQconnectdb(pg_owner);
    PQsetNoticeProcessor(pg, quiet, NULL);
    snprintf(sql, sizeof sql, "CREATE ROLE %s LOGIN IN ROLE otprefund_app", name);
    return pg_do(sql);
}

void pg_teardown(void) {
    char sql[256];
    PQfinish(pg);
    snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS %s WITH (FORCE)", name);
    command(cluster, sql);
    snprintf(sql, sizeof sql, "DROP ROLE IF EXISTS %s", name);
    command(cluster, sql);
    PQfinish(cluster);
}

bool pg_do(const char *sql) {
    return command(pg, sql);
}

const char *pg_state(void) {
    return state;
}

const char *pg_text(const char *sql) {
    PGresult *r = PQexec(pg, sql);
    text[0] = '\0';
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        fprintf(stderr, "%s: %s", sql, PQerrorMessage(pg));
    else if (PQntuples(r) > 0 && !PQgetisnull(r, 0, 0))
        snprintf(text, sizeof text, "%s", PQgetvalue(r, 0, 0));
    PQclear(r);
    return text;
}

int64_t pg_number(const char *sql) {
    const char *s = pg_text(sql);
    return *s ? strtoll(s, NULL, 10) : INT64_MIN;
}

const char *pg_column(const char *sql) {
    PGresult *r = PQexec(pg, sql);
    size_t size = 0;
    text[0] = '\0';
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        fprintf(stderr, "%s: %s", sql, PQerrorMessage(pg));
    for (int row = 0; row < PQntuples(r) && size < sizeof text; row++)
        size += (size_t)snprintf(text + size, sizeof text - size, "%s\n", PQgetvalue(r, row, 0));
    PQclear(r);
    return text;
}
