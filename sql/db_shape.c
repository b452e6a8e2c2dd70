/* db_shape.c - reads asked together, in one round trip, each planned once; and reports. */
#include "sql/db_shape.h"

#include <stdio.h>
#include <string.h>

struct group {
    struct db_ask *asks;
    int n;
};

static void shape_name(int slot, char name[16]) {
    snprintf(name, 16, "shape%d", slot);
}

static int slot_of(const struct db_shapes *s, uint32_t shape) {
    for (int i = 0; i < s->count; i++)
        if (s->shape[i] == shape)
            return i;
    return -1;
}

/* A place for another shape; *taken: one stands there and has to go first. */
static int slot_new(struct db_shapes *s, bool *taken) {
    *taken = s->count == DB_SHAPES;
    if (!*taken)
        return s->count++;
    int slot = s->next;
    s->next = (s->next + 1) % DB_SHAPES;
    return slot;
}

bool db_shape_send(PGconn *pg, struct db_shapes *s, uint32_t shape, const char *sql,
                   const struct db_params *p, struct db_sent *sent) {
    char name[16], drop[32];
    *sent = (struct db_sent){.slot = slot_of(s, shape)};
    if (sent->slot < 0) {
        sent->slot = slot_new(s, &sent->dropped);
        /* Its own from now on, or the same shape later in this group would be made twice. */
        s->shape[sent->slot] = shape;
        sent->made = true;
    }
    shape_name(sent->slot, name);
    if (sent->dropped) {
        snprintf(drop, sizeof drop, "DEALLOCATE %s", name);
        if (!PQsendQueryParams(pg, drop, 0, NULL, NULL, NULL, NULL, 0))
            return false;
    }
    if (sent->made && !PQsendPrepare(pg, name, sql, 0, NULL))
        return false;
    return PQsendQueryPrepared(pg, name, p->count, p->values, p->lengths, p->formats, 0);
}

/* The next result; the worst so far to *status. */
static PGresult *take(PGconn *pg, enum journal_status *status) {
    PGresult *r = db_await(pg, DB_ANSWER_MS);
    enum journal_status s = r ? db_judge(r) : JOURNAL_UNSURE;
    /* After an error come results that say only that there was one. */
    if (*status == JOURNAL_OK)
        *status = s;
    if (s == JOURNAL_OK)
        return r;
    PQclear(r);
    return NULL;
}

PGresult *db_shape_take(PGconn *pg, struct db_shapes *s, const struct db_sent *sent,
                        enum journal_status *status) {
    if (sent->dropped)
        PQclear(take(pg, status));
    if (sent->made) {
        PQclear(take(pg, status));
        if (*status != JOURNAL_OK) /* the server may or may not have it: the name is not used */
            s->broken = true;
    }
    return take(pg, status);
}

bool db_shape_end(PGconn *pg) {
    enum journal_status end = JOURNAL_OK;
    PQclear(take(pg, &end));
    return end == JOURNAL_OK;
}

static enum journal_status ask_on(PGconn *pg, struct db_shapes *s, void *arg) {
    struct group *g = arg;
    struct db_sent sent[DB_ASKS_MAX];
    if (!PQenterPipelineMode(pg))
        return JOURNAL_UNSURE;
    for (int i = 0; i < g->n; i++)
        if (!db_shape_send(pg, s, g->asks[i].shape, g->asks[i].sql, &g->asks[i].params, &sent[i]))
            return JOURNAL_UNSURE;
    if (!PQpipelineSync(pg))
        return JOURNAL_UNSURE;
    enum journal_status status = JOURNAL_OK;
    for (int i = 0; i < g->n && status != JOURNAL_UNSURE; i++)
        g->asks[i].result = db_shape_take(pg, s, &sent[i], &status);
    if (status != JOURNAL_UNSURE && !db_shape_end(pg)) /* it says nothing new */
        status = JOURNAL_UNSURE;
    if (status != JOURNAL_OK)
        db_asks_clear(g->asks, g->n);
    if (status != JOURNAL_UNSURE && !PQexitPipelineMode(pg))
        status = JOURNAL_UNSURE;
    return status;
}

enum journal_status db_ask_all(struct journal *j, struct db_ask *asks, int n) {
    struct group g = {asks, n};
    for (int i = 0; i < n; i++)
        asks[i].result = NULL;
    return n > DB_ASKS_MAX ? JOURNAL_REFUSED : db_lend(j, ask_on, &g, NULL);
}

void db_asks_clear(struct db_ask *asks, int n) {
    for (int i = 0; i < n; i++) {
        PQclear(asks[i].result);
        asks[i].result = NULL;
    }
}

/* ---- reports ------------------------------------------------------------------------------- */

struct report {
    const char *sql;
    PGresult *result;
};

static enum journal_status command(PGconn *pg, const char *sql) {
    PGresult *r = PQsendQuery(pg, sql) ? db_await(pg, DB_ANSWER_MS) : NULL;
    enum journal_status status = r ? db_judge(r) : JOURNAL_UNSURE;
    PQclear(r);
    return status;
}

/* It takes its time, and reads whole tables where that is quicker. */
static enum journal_status report_on(PGconn *pg, struct db_shapes *s, void *arg) {
    struct report *report = arg;
    if (command(pg, "SET statement_timeout = '60s'; SET enable_seqscan = on;"
                    " RESET max_parallel_workers_per_gather") != JOURNAL_OK)
        return JOURNAL_UNSURE;
    s->broken = true; /* until the settings are as they were; it is not tried again */
    PGresult *r = PQsendQueryParams(pg, report->sql, 0, NULL, NULL, NULL, NULL, 0)
                      ? db_await(pg, DB_SLOW_MS + DB_ANSWER_MS)
                      : NULL;
    enum journal_status status = r ? db_judge(r) : JOURNAL_DOWN;
    if (r)
        s->broken = command(pg, "SET statement_timeout = '5s'; SET enable_seqscan = off;"
                                " SET max_parallel_workers_per_gather = 0") != JOURNAL_OK;
    if (status == JOURNAL_UNSURE)
        status = JOURNAL_DOWN;
    if (status == JOURNAL_OK)
        report->result = r;
    else
        PQclear(r);
    return status;
}

enum journal_status db_report(struct journal *j, const char *sql, PGresult **out) {
    struct report report = {.sql = sql};
    enum journal_status status = db_lend(j, report_on, &report, NULL);
    *out = report.result;
    return status;
}
