/* db.c - the pool of connections: take one, run a statement on it, give it back. */
#include "sql/db.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/checkpoint.h"
#include "sql/clock.h"
#include "sql/db_batch.h"
#include "sql/db_pool.h"
#include "sql/migrate.h"

#define TRIES             4  /* serialization failures, deadlocks, lost preparations */
#define BACK_OFF_FIRST_MS 50 /* after a failed connect nobody tries again for so long, doubling */
#define BACK_OFF_MAX_MS   2000

struct connection {
    PGconn *pg; /* NULL: not connected */
    struct db_backend backend;
    bool prepared[DB_STATEMENT__MAX];
    struct db_shapes shapes;
};

struct journal {
    char *conninfo;
    char node[OTR_NAME_SIZE];
    int count;
    struct connection *connections;
    struct db_pool *pool; /* of their numbers */
    pthread_mutex_t lock;
    int64_t no_connect_before, connects;
    int back_off_ms;
    char trouble[DB_STATEMENT__MAX][DB_TROUBLE_SIZE]; /* of the last failure of each statement */
    struct db_batches *batches;
};

const char *db_node(const struct journal *j) {
    return j->node;
}

int64_t db_connects(struct journal *j) {
    pthread_mutex_lock(&j->lock);
    int64_t n = j->connects;
    pthread_mutex_unlock(&j->lock);
    return n;
}

struct db_batches *db_batches(struct journal *j) {
    return j->batches;
}

/* ---- one connection ------------------------------------------------------------------------ */

static void no_notice(void *arg, const PGresult *r) {
    (void)arg, (void)r; /* the default prints to stderr */
}

/*
 * search_path: '' (CVE-2018-1058).  statement_timeout bounds a lock wait as well.  enable_seqscan:
 * a plan made while a table was small must not scan it when it has grown; reports switch it on
 * again.
 * jit, parallel workers: they cost more than these short statements take.
 * plan_cache_mode: what is prepared is planned once for a connection, not for each of its values.
 */
static const char session[] =
    "SELECT set_config('search_path', '', false), set_config('statement_timeout', '5s', false),"
    " set_config('idle_in_transaction_session_timeout', '10s', false),"
    " set_config('TimeZone', 'UTC', false), set_config('DateStyle', 'ISO', false),"
    " set_config('IntervalStyle', 'postgres', false), set_config('bytea_output', 'hex', false),"
    " set_config('enable_seqscan', 'off', false), set_config('jit', 'off', false),"
    " set_config('plan_cache_mode', 'force_generic_plan', false),"
    " set_config('max_parallel_workers_per_gather', '0', false),"
    " CASE WHEN current_setting('synchronous_commit') IN ('off', 'local')"
    " THEN set_config('synchronous_commit', 'on', false) END";

PGconn *db_connect(const char *conninfo, const char *which, char *why, size_t size) {
    /* What stands before dbname can be overruled by the conninfo, what stands behind it cannot. */
    const char *keys[] = {"connect_timeout",      "keepalives_idle",
                          "keepalives_interval",  "keepalives_count",
                          "tcp_user_timeout",     "fallback_application_name",
                          "target_session_attrs", "dbname",
                          "client_encoding",      NULL};
    const char *values[] = {"5",         "10",  "5",      "3",    "10000",
                            "otprefund", which, conninfo, "UTF8", NULL};
    char line[256];
    PGconn *pg = PQconnectdbParams(keys, values, 1);
    if (!pg) {
        snprintf(why, size, "out of memory");
        return NULL;
    }
    if (PQstatus(pg) != CONNECTION_OK) {
        db_first_line(PQerrorMessage(pg), line, sizeof line);
        snprintf(why, size, "no connection to the database: %s", line);
        PQfinish(pg);
        return NULL;
    }
    PQsetNoticeReceiver(pg, no_notice, NULL);
    PGresult *r = PQsendQuery(pg, session) ? db_await(pg, DB_ANSWER_MS) : NULL;
    if (PQresultStatus(r) != PGRES_TUPLES_OK) {
        db_first_line(PQerrorMessage(pg), line, sizeof line);
        snprintf(why, size, "the database connection is of no use: %s", line);
        PQclear(r);
        PQfinish(pg);
        return NULL;
    }
    PQclear(r);
    return pg;
}

static bool schema_fits(const PGresult *r, char *why, size_t size) {
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    if (PQresultStatus(r) == PGRES_TUPLES_OK) {
        int64_t version = db_get_number(r, 0, 0, 0);
        if (version == JOURNAL_SCHEMA_VERSION)
            return true;
        snprintf(why, size, "the database has schema version %d, this program needs %d: %s",
                 (int)version, JOURNAL_SCHEMA_VERSION,
                 version < JOURNAL_SCHEMA_VERSION ? "run otprefundctl migrate"
                                                  : "install the newer program");
    } else if (state && (strcmp(state, "42P01") == 0 || strcmp(state, "3F000") == 0)) {
        snprintf(why, size, "the database has no schema otprefund: run otprefundctl migrate");
    } else if (state && strcmp(state, "42501") == 0) {
        snprintf(why, size,
                 "this login may not use schema otprefund: "
                 "have the owner GRANT otprefund_app to it");
    } else {
        char line[256];
        db_first_line(PQresultErrorMessage(r), line, sizeof line);
        snprintf(why, size, "the database does not answer: %s", line);
    }
    return false;
}

static bool connection_open(const char *conninfo, struct connection *c, char *why, size_t size) {
    *c = (struct connection){.pg = db_connect(conninfo, DB_PRIMARY, why, size)};
    if (!c->pg)
        return false;
    PGresult *r = PQexec(c->pg, db_texts[DB_PING].sql);
    bool ok = schema_fits(r, why, size);
    PQclear(r);
    if (ok) {
        r = PQexec(c->pg, "SELECT pg_catalog.pg_backend_pid(), a.backend_start "
                          "FROM pg_catalog.pg_stat_activity a "
                          "WHERE a.pid = pg_catalog.pg_backend_pid()");
        ok = PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1;
        if (ok) {
            c->backend.pid = (int)db_get_number(r, 0, 0, 0);
            db_get_text(r, 0, 1, c->backend.started, sizeof c->backend.started);
        } else {
            snprintf(why, size, "the database does not answer");
        }
        PQclear(r);
    }
    if (!ok) {
        PQfinish(c->pg);
        c->pg = NULL;
    }
    return ok;
}

static void connection_drop(struct connection *c) {
    PQfinish(c->pg);
    *c = (struct connection){0};
}

/* Has the server hung up meanwhile?  Costs one poll, saves a call of unknown fate. */
static bool connection_alive(struct connection *c) {
    if (!c->pg)
        return false;
    struct pollfd f = {.fd = PQsocket(c->pg), .events = POLLIN};
    if (poll(&f, 1, 0) == 0)
        return true;
    if (PQconsumeInput(c->pg) && PQstatus(c->pg) == CONNECTION_OK && !(f.revents & POLLHUP))
        return true; /* a notice or a changed parameter */
    connection_drop(c);
    return false;
}

/* The last result of what was sent, or NULL: no answer within ms, or the connection is lost. */
static PGresult *await(PGconn *pg, int ms) {
    PGresult *last = NULL;
    int64_t until = clock_monotonic_ms() + ms;
    for (;;) {
        while (PQisBusy(pg)) {
            int64_t left = until - clock_monotonic_ms();
            struct pollfd f = {.fd = PQsocket(pg), .events = POLLIN};
            int n = left > 0 ? poll(&f, 1, (int)left) : 0;
            if (n == 0 || (n < 0 && errno != EINTR) || (n > 0 && !PQconsumeInput(pg)))
                goto lost;
        }
        PGresult *r = PQgetResult(pg);
        if (!r)
            break;
        PQclear(last);
        last = r;
        if (PQstatus(pg) == CONNECTION_BAD)
            break;
    }
    if (last && PQstatus(pg) == CONNECTION_OK)
        return last;
lost:
    PQclear(last);
    return NULL;
}

/* ---- the pool ------------------------------------------------------------------------------ */

enum journal_status db_open(const struct journal_config *c, struct journal **out, char *why,
                            size_t size) {
    *out = NULL;
    snprintf(why, size, "%s", "");
    struct journal *j = calloc(1, sizeof *j);
    if (!j)
        goto no_memory;
    j->count = c->connections < 1 ? 1 : c->connections > 100 ? 100 : c->connections;
    j->conninfo = strdup(c->conninfo ? c->conninfo : "");
    j->connections = calloc((size_t)j->count, sizeof *j->connections);
    j->pool = db_pool_new(j->count);
    /* On a small machine two would only halve what shares a flush. */
    j->batches = db_batches_new(c->commit_batch, j->count < 8 ? 1 : 2);
    if (!j->conninfo || !j->connections || !j->pool || !j->batches)
        goto no_memory;
    snprintf(j->node, sizeof j->node, "%s", c->node && *c->node ? c->node : "unnamed");
    pthread_mutex_init(&j->lock, NULL);
    if (!connection_open(j->conninfo, &j->connections[j->count - 1], why, size)) {
        db_close(j);
        return JOURNAL_DOWN;
    }
    *out = j;
    return JOURNAL_OK;
no_memory:
    snprintf(why, size, "out of memory");
    if (j) {
        free(j->conninfo);
        free(j->connections);
        db_pool_free(j->pool);
        db_batches_free(j->batches);
        free(j);
    }
    return JOURNAL_NO_MEMORY;
}

void db_close(struct journal *j) {
    if (!j)
        return;
    for (int i = 0; i < j->count; i++)
        PQfinish(j->connections[i].pg);
    pthread_mutex_destroy(&j->lock);
    free(j->conninfo);
    free(j->connections);
    db_pool_free(j->pool);
    db_batches_free(j->batches);
    free(j);
}

static struct connection *take(struct journal *j) {
    int number = db_pool_take(j->pool, DB_WAIT_MS);
    return number < 0 ? NULL : &j->connections[number];
}

static void give(struct journal *j, const struct connection *c) {
    db_pool_give(j->pool, (int)(c - j->connections));
}

/* Connects, unless somebody has just failed to: while the database is away nobody waits long. */
static bool connected(struct journal *j, struct connection *c, char why[DB_TROUBLE_SIZE]) {
    if (connection_alive(c))
        return true;
    pthread_mutex_lock(&j->lock);
    bool allowed = clock_monotonic_ms() >= j->no_connect_before;
    pthread_mutex_unlock(&j->lock);
    snprintf(why, DB_TROUBLE_SIZE, "no connection to the database");
    if (!allowed)
        return false;
    bool ok = connection_open(j->conninfo, c, why, DB_TROUBLE_SIZE);
    pthread_mutex_lock(&j->lock);
    if (ok) {
        j->connects++;
        j->back_off_ms = 0;
        j->no_connect_before = 0;
    } else {
        j->back_off_ms = j->back_off_ms == 0                     ? BACK_OFF_FIRST_MS
                         : j->back_off_ms * 2 <= BACK_OFF_MAX_MS ? j->back_off_ms * 2
                                                                 : BACK_OFF_MAX_MS;
        j->no_connect_before = clock_monotonic_ms() + j->back_off_ms;
    }
    pthread_mutex_unlock(&j->lock);
    return ok;
}

/* ---- one statement ------------------------------------------------------------------------- */

enum verdict { V_OK, V_REFUSED, V_DOWN, V_AGAIN, V_AFRESH };

static enum verdict judge(const PGresult *r) {
    ExecStatusType status = PQresultStatus(r);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        return V_OK;
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    if (!state)
        return V_DOWN;
    if (strcmp(state, "26000") == 0 || strcmp(state, "0A000") == 0)
        return V_AFRESH; /* the prepared statement is gone, or older than a migration */
    if (strncmp(state, "40", 2) == 0)
        return V_AGAIN;
    if (strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0 ||
        strncmp(state, "54", 2) == 0 || strncmp(state, "P0", 2) == 0)
        return V_REFUSED;
    return V_DOWN; /* nothing was committed: resources, shutdown, timeout, read-only, rights */
}

/* What the server says is wrong: its code and words. */
static void note(const PGresult *r, char why[DB_TROUBLE_SIZE]) {
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    char line[DB_TROUBLE_SIZE - 8];
    db_first_line(PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY), line, sizeof line);
    snprintf(why, DB_TROUBLE_SIZE, "%.5s %s", state ? state : "", line);
}

/* True: prepared.  False: *v says why not; nothing was executed. */
static bool prepare(struct connection *c, enum db_statement s, enum verdict *v,
                    char why[DB_TROUBLE_SIZE]) {
    if (c->prepared[s])
        return true;
    *v = V_AFRESH;
    if (!PQsendPrepare(c->pg, db_texts[s].name, db_texts[s].sql, 0, NULL))
        return false;
    PGresult *r = await(c->pg, DB_ANSWER_MS);
    if (!r)
        return false;
    *v = judge(r);
    if (*v != V_OK)
        note(r, why);
    PQclear(r);
    c->prepared[s] = *v == V_OK;
    return c->prepared[s];
}

/* Sends and waits.  V_OK with *r; lost (true) if it is not known whether it was executed. */
static enum verdict execute(struct connection *c, enum db_statement s, const struct db_params *p,
                            PGresult **r, bool *lost, char why[DB_TROUBLE_SIZE]) {
    enum verdict v;
    snprintf(why, DB_TROUBLE_SIZE, "the connection was lost, or the database did not answer");
    if (!prepare(c, s, &v, why))
        return v;
    bool sent = PQsendQueryPrepared(c->pg, db_texts[s].name, p->count, p->values, p->lengths,
                                    p->formats, 0);
    if (sent)
        checkpoint(db_texts[s].name, "sent");
    *r = sent ? await(c->pg, DB_ANSWER_MS) : NULL;
    *lost = !*r;
    if (*lost)
        return V_AFRESH;
    v = judge(*r);
    if (v != V_OK) {
        note(*r, why);
        PQclear(*r);
        *r = NULL;
    }
    return v;
}

static void trouble_put(struct journal *j, enum db_statement s, const char *why) {
    pthread_mutex_lock(&j->lock);
    snprintf(j->trouble[s], DB_TROUBLE_SIZE, "%s", why);
    pthread_mutex_unlock(&j->lock);
}

void db_trouble(struct journal *j, enum db_statement s, char *why, size_t size) {
    pthread_mutex_lock(&j->lock);
    snprintf(why, size, "%s", j->trouble[s]);
    pthread_mutex_unlock(&j->lock);
}

enum journal_status db_run(struct journal *j, enum db_statement s, const struct db_params *p,
                           PGresult **out, struct db_backend *lost) {
    static const struct db_params none;
    enum journal_status status = JOURNAL_DOWN;
    PGresult *r = NULL;
    bool unsure = false;
    char why[DB_TROUBLE_SIZE] = "all connections are in use";
    if (out)
        *out = NULL;
    struct connection *c = take(j);
    if (!c) {
        trouble_put(j, s, why);
        return JOURNAL_DOWN;
    }
    for (int i = 0; i < TRIES; i++) {
        if (!connected(j, c, why))
            break;
        enum verdict v = execute(c, s, p ? p : &none, &r, &unsure, why);
        if (unsure && lost)
            *lost = c->backend;
        if (v == V_AFRESH)
            connection_drop(c);
        if (unsure) {
            status = JOURNAL_UNSURE;
            break;
        }
        status = v == V_OK ? JOURNAL_OK : v == V_REFUSED ? JOURNAL_REFUSED : JOURNAL_DOWN;
        if (v != V_AGAIN && v != V_AFRESH)
            break;
    }
    give(j, c);
    if (status != JOURNAL_OK)
        trouble_put(j, s, why);
    if (out)
        *out = r;
    else
        PQclear(r);
    return status;
}

enum journal_status db_read(struct journal *j, enum db_statement s, const struct db_params *p,
                            PGresult **out) {
    enum journal_status status = db_run(j, s, p, out, NULL);
    if (status == JOURNAL_UNSURE)
        status = db_run(j, s, p, out, NULL);
    return status == JOURNAL_UNSURE ? JOURNAL_DOWN : status;
}

PGresult *db_await(PGconn *pg, int ms) {
    return await(pg, ms);
}

enum journal_status db_judge(const PGresult *r) {
    static const enum journal_status statuses[] = {[V_OK] = JOURNAL_OK,
                                                   [V_REFUSED] = JOURNAL_REFUSED,
                                                   [V_DOWN] = JOURNAL_DOWN,
                                                   [V_AGAIN] = JOURNAL_DOWN,
                                                   [V_AFRESH] = JOURNAL_UNSURE};
    return PQresultStatus(r) == PGRES_PIPELINE_SYNC ? JOURNAL_OK : statuses[judge(r)];
}

enum journal_status db_lend(struct journal *j, db_borrower *borrower, void *arg,
                            struct db_backend *lost) {
    enum journal_status status = JOURNAL_DOWN;
    char why[DB_TROUBLE_SIZE];
    struct connection *c = take(j);
    for (int i = 0; c && i < (lost ? 1 : 2) && connected(j, c, why); i++) {
        if (lost)
            *lost = c->backend;
        status = borrower(c->pg, &c->shapes, arg);
        if (status == JOURNAL_UNSURE || c->shapes.broken)
            connection_drop(c);
        if (status != JOURNAL_UNSURE)
            break;
    }
    if (c)
        give(j, c);
    return status == JOURNAL_UNSURE && !lost ? JOURNAL_DOWN : status;
}

enum journal_status db_end_backend(struct journal *j, const struct db_backend *b) {
    struct db_params p = {0};
    PGresult *r = NULL;
    db_number(&p, b->pid);
    db_text(&p, b->started);
    enum journal_status status = db_read(j, DB_END, &p, &r);
    if (status == JOURNAL_OK && PQntuples(r) > 0 && !db_get_bool(r, 0, 0))
        status = JOURNAL_DOWN; /* still there */
    PQclear(r);
    return status;
}
