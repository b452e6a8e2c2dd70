/* db_batch.c - writes of many callers in one transaction, with one flush (group commit). */
#include "sql/db_batch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sql/checkpoint.h"
#include "sql/db_many.h"
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
    b->max = max < 1 ? 1 : max > DB_BATCH_MAX ? DB_BATCH_MAX : max;
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

/* One statement of the transaction, for one caller or for n of them. */
struct step {
    int first, n; /* of batch.writes */
    enum db_statement statement;
    struct db_many many; /* n > 1: theirs as arrays */
    struct db_sent sent;
};

struct batch {
    struct write **writes;
    struct step *steps;
    int n, step_count;
    struct db_sent begin, commit;
};

static const struct db_params no_params;

enum { SHAPE_BEGIN = DB_STATEMENT__MAX, SHAPE_COMMIT };

/* Callers of the same statement, if it can be made for many: one step.  Else one each. */
static void plan(struct batch *b) {
    const struct db_params *callers[DB_BATCH_MAX];
    for (int i = 0; i < b->n;) {
        struct step *step = &b->steps[b->step_count++];
        enum db_statement one = b->writes[i]->statement, many = db_many_of(one);
        int n = 0;
        for (; i + n < b->n && n < DB_BATCH_MAX && b->writes[i + n]->statement == one; n++)
            callers[n] = b->writes[i + n]->params;
        *step = (struct step){.first = i, .n = 1, .statement = one};
        if (n > 1 && many != DB_STATEMENT__MAX && db_many_make(&step->many, callers, n)) {
            step->n = n;
            step->statement = many;
        }
        i += step->n;
    }
}

static bool send_all(PGconn *pg, struct db_shapes *s, struct batch *b) {
    if (!db_shape_send(pg, s, DB_SHAPE_OF(SHAPE_BEGIN), "BEGIN", &no_params, &b->begin))
        return false;
    for (int i = 0; i < b->step_count; i++) {
        struct step *step = &b->steps[i];
        const struct db_params *p =
            step->n > 1 ? &step->many.params : b->writes[step->first]->params;
        if (!db_shape_send(pg, s, DB_SHAPE_OF(step->statement), db_texts[step->statement].sql, p,
                           &step->sent))
            return false;
    }
    return db_shape_send(pg, s, DB_SHAPE_OF(SHAPE_COMMIT), "COMMIT", &no_params, &b->commit) &&
           PQpipelineSync(pg);
}

/* Each caller's own result; NULL where there was no memory for it. */
static void share(const struct batch *b, const struct step *step, PGresult *r) {
    if (step->n == 1) {
        b->writes[step->first]->result = r;
        return;
    }
    for (int i = 0; r && i < step->n; i++)
        b->writes[step->first + i]->result = db_many_row(r, i);
    PQclear(r);
}

/* JOURNAL_OK: every statement was, and COMMIT said so. */
static enum journal_status take_all(PGconn *pg, struct db_shapes *s, struct batch *b) {
    enum journal_status status = JOURNAL_OK;
    PQclear(db_shape_take(pg, s, &b->begin, &status));
    for (int i = 0; i < b->step_count && status != JOURNAL_UNSURE; i++)
        share(b, &b->steps[i], db_shape_take(pg, s, &b->steps[i].sent, &status));
    if (status == JOURNAL_UNSURE)
        return status;
    PGresult *r = db_shape_take(pg, s, &b->commit, &status);
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

/* Begins first: they wait for nothing that a finish holds.  Then by transaction. */
static int in_order(const void *a, const void *b) {
    const struct write *x = *(struct write *const *)a, *y = *(struct write *const *)b;
    int order = (int)x->statement - (int)y->statement;
    return order != 0 ? order : strcmp(x->tid, y->tid);
}

/* Writes for all of them; results are in theirs at JOURNAL_OK only. */
static enum journal_status commit(struct journal *j, struct write *first, int n,
                                  struct db_backend *lost) {
    struct batch b = {.n = 0};
    enum journal_status status = JOURNAL_NO_MEMORY;
    b.writes = calloc((size_t)n, sizeof(void *));
    b.steps = calloc((size_t)n, sizeof *b.steps);
    if (!b.writes || !b.steps)
        goto out;
    for (struct write *w = first; w; w = w->next)
        b.writes[b.n++] = w;
    qsort(b.writes, (size_t)n, sizeof(void *), in_order);
    plan(&b);
    status = db_lend(j, write_all, &b, lost);
    for (int i = 0; i < n && status != JOURNAL_OK; i++) {
        PQclear(b.writes[i]->result);
        b.writes[i]->result = NULL;
    }
    for (int i = 0; i < b.step_count; i++)
        db_many_free(&b.steps[i].many);
out:
    free(b.writes);
    free(b.steps);
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

/* Committed, but there was no memory for the answer: to be looked up. */
static enum journal_status of(const struct write *w, enum journal_status status) {
    return status == JOURNAL_OK && !w->result ? JOURNAL_UNSURE : status;
}

/* Tells everybody but own what came of it; locked, as they are gone once they see it. */
static void tell(struct write *first, const struct write *own, enum journal_status status,
                 const struct db_backend *lost) {
    for (struct write *w = first, *next; w; w = next) {
        next = w->next;
        if (w == own)
            continue;
        w->status = of(w, status);
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
        own->status = of(own, own->status);
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
