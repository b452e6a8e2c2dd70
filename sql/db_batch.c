/* db_batch.c - writes of many callers in one transaction, with one flush (group commit). */
#include "sql/db_batch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sql/checkpoint.h"
#include "sql/db_shape.h"

#define LEADERS 2 /* while one waits for the disk the next can fill its transaction */

enum state { WAITS, LEADS, DONE, ALONE };

/* One caller's statement; lives on the caller's stack. */
struct write {
    struct write *next;
    enum db_statement statement;
    const struct db_params *params;
    const char *tid;
    enum state state;
    pthread_cond_t told; /* state changed */
    PGresult *result;
    enum journal_status status;
    struct db_backend lost;
};

struct db_batches {
    pthread_mutex_t lock;
    struct write *first, **last;
    int max, leaders;
};

struct db_batches *db_batches_new(int max) {
    struct db_batches *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->max = max > 1 ? max : 1;
    b->last = &b->first;
    pthread_mutex_init(&b->lock, NULL);
    return b;
}

void db_batches_free(struct db_batches *b) {
    if (!b)
        return;
    pthread_mutex_destroy(&b->lock);
    free(b);
}

/* ---- one transaction ------------------------------------------------------------------------- */

struct batch {
    struct write **writes;
    struct db_sent *sent; /* of BEGIN, of each write, of COMMIT */
    int n;
};

static const struct db_params no_params;

enum { SHAPE_BEGIN = DB_STATEMENT__MAX, SHAPE_COMMIT };

static bool send_all(PGconn *pg, struct db_shapes *s, struct batch *b) {
    if (!db_shape_send(pg, s, DB_SHAPE_OF(SHAPE_BEGIN), "BEGIN", &no_params, &b->sent[0]))
        return false;
    for (int i = 0; i < b->n; i++) {
        const struct write *w = b->writes[i];
        if (!db_shape_send(pg, s, DB_SHAPE_OF(w->statement), db_texts[w->statement].sql, w->params,
                           &b->sent[i + 1]))
            return false;
    }
    return db_shape_send(pg, s, DB_SHAPE_OF(SHAPE_COMMIT), "COMMIT", &no_params,
                         &b->sent[b->n + 1]) &&
           PQpipelineSync(pg);
}

/* JOURNAL_OK: every statement was, and COMMIT said so. */
static enum journal_status take_all(PGconn *pg, struct db_shapes *s, struct batch *b) {
    enum journal_status status = JOURNAL_OK;
    PQclear(db_shape_take(pg, s, &b->sent[0], &status));
    for (int i = 0; i < b->n && status != JOURNAL_UNSURE; i++)
        b->writes[i]->result = db_shape_take(pg, s, &b->sent[i + 1], &status);
    if (status == JOURNAL_UNSURE)
        return status;
    PGresult *r = db_shape_take(pg, s, &b->sent[b->n + 1], &status);
    if (status == JOURNAL_OK && strcmp(PQcmdStatus(r), "COMMIT") != 0)
        status = JOURNAL_DOWN; /* it was rolled back */
    PQclear(r);
    if (status != JOURNAL_UNSURE && !db_shape_end(pg))
        status = JOURNAL_UNSURE;
    return status;
}

static enum journal_status write_all(PGconn *pg, struct db_shapes *s, void *arg) {
    struct batch *b = arg;
    if (!PQenterPipelineMode(pg) || !send_all(pg, s, b))
        return JOURNAL_UNSURE;
    checkpoint("batch", "sent");
    enum journal_status status = take_all(pg, s, b);
    if (status == JOURNAL_OK)
        checkpoint("batch", "committed");
    if (status == JOURNAL_UNSURE || !PQexitPipelineMode(pg))
        return status == JOURNAL_OK ? JOURNAL_OK : JOURNAL_UNSURE;
    if (PQtransactionStatus(pg) != PQTRANS_IDLE) {
        PGresult *r = PQsendQuery(pg, "ROLLBACK") ? db_await(pg, DB_ANSWER_MS) : NULL;
        if (!r)
            s->broken = true; /* the server rolls back when the connection goes */
        PQclear(r);
    }
    return status;
}

/* By transaction, and there a begin first: it waits for nothing that a finish holds. */
static int in_order(const void *a, const void *b) {
    const struct write *x = *(struct write *const *)a, *y = *(struct write *const *)b;
    int order = strcmp(x->tid, y->tid);
    return order != 0 ? order : (int)x->statement - (int)y->statement;
}

/* Writes for all of them; results are in theirs at JOURNAL_OK only. */
static enum journal_status commit(struct journal *j, struct write *first, int n,
                                  struct db_backend *lost) {
    struct batch b = {.n = n};
    enum journal_status status = JOURNAL_NO_MEMORY;
    b.writes = calloc((size_t)n, sizeof *b.writes);
    b.sent = calloc((size_t)n + 2, sizeof *b.sent);
    if (!b.writes || !b.sent)
        goto out;
    n = 0;
    for (struct write *w = first; w; w = w->next)
        b.writes[n++] = w;
    qsort(b.writes, (size_t)n, sizeof *b.writes, in_order);
    status = db_lend(j, write_all, &b, lost);
    for (int i = 0; i < n && status != JOURNAL_OK; i++) {
        PQclear(b.writes[i]->result);
        b.writes[i]->result = NULL;
    }
out:
    free(b.writes);
    free(b.sent);
    return status;
}

/* ---- who writes for whom ----------------------------------------------------------------------- */

/* Takes those who wait, the caller first; locked.  Returns how many. */
static int take_waiting(struct db_batches *b, struct write **first) {
    struct write **end = &b->first;
    int n = 0;
    for (; *end && n < b->max; n++)
        end = &(*end)->next;
    *first = b->first;
    b->first = *end;
    *end = NULL;
    if (!b->first)
        b->last = &b->first;
    return n;
}

/* Tells everybody but own what came of it; locked, as they are gone once they see it. */
static void tell(struct write *first, const struct write *own, enum journal_status status,
                 const struct db_backend *lost) {
    for (struct write *w = first, *next; w; w = next) {
        next = w->next;
        if (w == own)
            continue;
        w->status = status;
        w->lost = *lost;
        w->state = status == JOURNAL_OK || status == JOURNAL_UNSURE ? DONE : ALONE;
        pthread_cond_signal(&w->told);
    }
}

/* The caller writes for all who wait, tells them, and leaves the lead to the next.  Locked. */
static void lead(struct journal *j, struct db_batches *b, struct write *own) {
    struct write *first = NULL;
    int n = take_waiting(b, &first);
    own->status = JOURNAL_NO_MEMORY;
    if (n > 1) {
        pthread_mutex_unlock(&b->lock);
        own->status = commit(j, first, n, &own->lost);
        pthread_mutex_lock(&b->lock);
        tell(first, own, own->status, &own->lost);
    }
    if (own->status != JOURNAL_OK && own->status != JOURNAL_UNSURE) {
        pthread_mutex_unlock(&b->lock);
        own->status = db_run(j, own->statement, own->params, &own->result, &own->lost);
        pthread_mutex_lock(&b->lock);
    }
    if (b->first) {
        b->first->state = LEADS;
        pthread_cond_signal(&b->first->told);
    } else {
        b->leaders--;
    }
}

enum journal_status db_write(struct journal *j, enum db_statement s, const struct db_params *p,
                             const char *tid, PGresult **out, struct db_backend *lost) {
    struct db_batches *b = db_batches(j);
    struct write w = {.statement = s, .params = p, .tid = tid ? tid : ""};
    pthread_cond_init(&w.told, NULL);
    pthread_mutex_lock(&b->lock);
    *b->last = &w;
    b->last = &w.next;
    if (b->leaders < LEADERS) { /* then nobody waited */
        b->leaders++;
        w.state = LEADS;
    }
    while (w.state == WAITS)
        pthread_cond_wait(&w.told, &b->lock);
    if (w.state == LEADS)
        lead(j, b, &w);
    pthread_mutex_unlock(&b->lock);
    if (w.state == ALONE)
        w.status = db_run(j, s, p, &w.result, &w.lost);
    pthread_cond_destroy(&w.told);
    *out = w.result;
    if (lost)
        *lost = w.lost;
    return w.status;
}
