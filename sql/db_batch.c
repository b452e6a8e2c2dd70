/* db_batch.c - calls of many together: writes in one transaction, with one flush (group commit). */
#include "sql/db_batch.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "sql/checkpoint.h"
#include "sql/db_many.h"
#include "sql/db_shape.h"

/* So many calls of one thread in a row came to nothing: the next would not fare better now. */
#define IN_VAIN 3

enum lane { READS, WRITES, LANES };

enum state { WAITS, LEADS, DONE, ALONE };

/* One caller's statement; lives on the caller's stack. */
struct call {
    struct call *next;
    enum db_statement statement;
    const struct db_params *params;
    const char *tid;
    enum state state;
    sem_t told; /* state changed; whoever wakes needs no lock, of which there is a crowd then */
    PGresult *result;
    enum journal_status status;
    struct db_backend lost;
};

/* Those who wait for company. */
struct line {
    struct call *first, **last;
    int leaders;
};

struct db_batches {
    pthread_mutex_t lock;
    int max, leaders_max;
    struct line lines[LANES];
};

struct db_batches *db_batches_new(int max, int leaders) {
    struct db_batches *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->max = max < 1 ? 1 : max > DB_BATCH_MAX ? DB_BATCH_MAX : max;
    b->leaders_max = leaders < 1 ? 1 : leaders;
    for (int i = 0; i < LANES; i++)
        b->lines[i].last = &b->lines[i].first;
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
    int first, n; /* of batch.calls */
    enum db_statement statement;
    struct db_many many; /* n > 1: theirs as arrays */
    struct db_sent sent;
};

struct batch {
    enum lane lane;
    struct call **calls;
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
        enum db_statement one = b->calls[i]->statement, many = db_many_of(one);
        int n = 0;
        for (; i + n < b->n && n < DB_BATCH_MAX && b->calls[i + n]->statement == one; n++)
            callers[n] = b->calls[i + n]->params;
        *step = (struct step){.first = i, .n = 1, .statement = one};
        if (n > 1 && many != DB_STATEMENT__MAX && db_many_make(&step->many, callers, n)) {
            step->n = n;
            step->statement = many;
        }
        i += step->n;
    }
}

static bool send_all(PGconn *pg, struct db_shapes *s, struct batch *b) {
    if (b->lane == WRITES &&
        !db_shape_send(pg, s, DB_SHAPE_OF(SHAPE_BEGIN), "BEGIN", &no_params, &b->begin))
        return false;
    for (int i = 0; i < b->step_count; i++) {
        struct step *step = &b->steps[i];
        const struct db_params *p =
            step->n > 1 ? &step->many.params : b->calls[step->first]->params;
        if (!db_shape_send(pg, s, DB_SHAPE_OF(step->statement), db_texts[step->statement].sql, p,
                           &step->sent))
            return false;
    }
    if (b->lane == WRITES &&
        !db_shape_send(pg, s, DB_SHAPE_OF(SHAPE_COMMIT), "COMMIT", &no_params, &b->commit))
        return false;
    return PQpipelineSync(pg);
}

/* Each caller's own result; NULL where there was no memory for it. */
static void share(const struct batch *b, const struct step *step, PGresult *r) {
    if (step->n == 1) {
        b->calls[step->first]->result = r;
        return;
    }
    for (int i = 0; r && i < step->n; i++)
        b->calls[step->first + i]->result = db_many_row(r, i);
    PQclear(r);
}

static void take_commit(PGconn *pg, struct db_shapes *s, struct batch *b,
                        enum journal_status *status) {
    PGresult *r = db_shape_take(pg, s, &b->commit, status);
    if (*status == JOURNAL_OK && strcmp(PQcmdStatus(r), "COMMIT") != 0)
        *status = JOURNAL_DOWN; /* it was rolled back */
    PQclear(r);
}

/* JOURNAL_OK: every statement was, and COMMIT said so. */
static enum journal_status take_all(PGconn *pg, struct db_shapes *s, struct batch *b) {
    enum journal_status status = JOURNAL_OK;
    if (b->lane == WRITES)
        PQclear(db_shape_take(pg, s, &b->begin, &status));
    for (int i = 0; i < b->step_count && status != JOURNAL_UNSURE; i++)
        share(b, &b->steps[i], db_shape_take(pg, s, &b->steps[i].sent, &status));
    if (b->lane == WRITES && status != JOURNAL_UNSURE)
        take_commit(pg, s, b, &status);
    if (status != JOURNAL_UNSURE && !db_shape_end(pg))
        status = JOURNAL_UNSURE;
    return status;
}

static enum journal_status call_all(PGconn *pg, struct db_shapes *s, void *arg) {
    struct batch *b = arg;
    if (!PQenterPipelineMode(pg) || !send_all(pg, s, b))
        return JOURNAL_UNSURE;
    if (b->lane == WRITES)
        checkpoint("batch", "sent");
    enum journal_status status = take_all(pg, s, b);
    if (b->lane == WRITES && status == JOURNAL_OK)
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
    const struct call *x = *(struct call *const *)a, *y = *(struct call *const *)b;
    int order = (int)x->statement - (int)y->statement;
    return order != 0 ? order : strcmp(x->tid, y->tid);
}

/* Calls for all of them; results are in theirs at JOURNAL_OK only. */
static enum journal_status together(struct journal *j, enum lane lane, struct call *first, int n,
                                    struct db_backend *lost) {
    struct batch b = {.lane = lane};
    enum journal_status status = JOURNAL_NO_MEMORY;
    b.calls = calloc((size_t)n, sizeof(void *));
    b.steps = calloc((size_t)n, sizeof *b.steps);
    if (!b.calls || !b.steps)
        goto out;
    for (struct call *w = first; w; w = w->next)
        b.calls[b.n++] = w;
    qsort(b.calls, (size_t)n, sizeof(void *), in_order);
    plan(&b);
    status = db_lend(j, call_all, &b, lane == WRITES ? lost : NULL);
    for (int i = 0; i < n && status != JOURNAL_OK; i++) {
        PQclear(b.calls[i]->result);
        b.calls[i]->result = NULL;
    }
    for (int i = 0; i < b.step_count; i++)
        db_many_free(&b.steps[i].many);
out:
    free(b.calls);
    free(b.steps);
    return status;
}

/* ---- who calls for whom ------------------------------------------------------------------------ */

/* Takes those who wait, the caller first; locked.  Returns how many. */
static int take_waiting(struct line *l, int max, struct call **first) {
    struct call **end = &l->first;
    int n = 0;
    for (; *end && n < max; n++)
        end = &(*end)->next;
    *first = l->first;
    l->first = *end;
    *end = NULL;
    if (!l->first)
        l->last = &l->first;
    return n;
}

/* Done, but there was no memory for the answer: to be looked up. */
static enum journal_status of(const struct call *c, enum journal_status status) {
    return status == JOURNAL_OK && !c->result ? JOURNAL_UNSURE : status;
}

/* Is each to call by himself?  Not where a read was tried twice already (db_lend). */
static bool apart(enum lane lane, enum journal_status status) {
    return status != JOURNAL_OK && status != JOURNAL_UNSURE &&
           (lane == WRITES || status != JOURNAL_DOWN);
}

/* Tells everybody but own what came of it: they are gone once they see it. */
static void tell(enum lane lane, struct call *first, const struct call *own,
                 enum journal_status status, const struct db_backend *lost) {
    for (struct call *c = first, *next; c; c = next) {
        next = c->next;
        if (c == own)
            continue;
        c->status = of(c, status);
        c->lost = *lost;
        c->state = apart(lane, status) ? ALONE : DONE;
        sem_post(&c->told);
    }
}

static void alone(struct journal *j, enum lane lane, struct call *c) {
    c->status = lane == WRITES ? db_run(j, c->statement, c->params, &c->result, &c->lost)
                               : db_read(j, c->statement, c->params, &c->result);
}

/* Who is to lead besides those who do, to be woken; locked.  NULL: nobody waits, it would be one too
   many, or somebody is about to who takes them all. */
static struct call *heir(const struct db_batches *b, struct line *l) {
    struct call *next = l->first;
    if (!next || next->state == LEADS || l->leaders == b->leaders_max)
        return NULL;
    l->leaders++;
    next->state = LEADS;
    return next;
}

/* The caller calls for all who wait, tells them, and leaves the lead to the next. */
static void lead(struct journal *j, struct db_batches *b, enum lane lane, struct call *own) {
    struct line *l = &b->lines[lane];
    struct call *first = NULL;
    pthread_mutex_lock(&b->lock);
    int n = take_waiting(l, b->max, &first);
    struct call *next = heir(b, l); /* of more than fit */
    pthread_mutex_unlock(&b->lock);
    if (next)
        sem_post(&next->told);
    own->status = JOURNAL_NO_MEMORY;
    if (n > 1) {
        own->status = together(j, lane, first, n, &own->lost);
        tell(lane, first, own, own->status, &own->lost);
        own->status = of(own, own->status);
    }
    if (apart(lane, own->status))
        alone(j, lane, own);
    pthread_mutex_lock(&b->lock);
    l->leaders--;
    next = heir(b, l);
    pthread_mutex_unlock(&b->lock);
    if (next)
        sem_post(&next->told);
}

/* Calls of one thread, which wait for each other only. */
static void call(struct journal *j, enum lane lane, struct call *calls, int n) {
    struct db_batches *b = db_batches(j);
    struct line *l = &b->lines[lane];
    int in_vain = 0; /* one may be held up by a row that is locked, and no other */
    for (int i = 0; i < n; i++)
        sem_init(&calls[i].told, 0, 0);
    pthread_mutex_lock(&b->lock);
    bool leads =
        l->leaders < b->leaders_max && !l->first; /* else whoever leads next takes these too */
    if (leads) {
        l->leaders++;
        calls[0].state = LEADS;
    }
    for (int i = 0; i < n; i++) {
        *l->last = &calls[i];
        l->last = &calls[i].next;
    }
    pthread_mutex_unlock(&b->lock);
    for (int i = 0; i < n; i++) {
        struct call *c = &calls[i];
        while (!(leads && i == 0) && sem_wait(&c->told) != 0 && errno == EINTR)
            ;
        if (c->state == LEADS)
            lead(j, b, lane, c);
        else if (c->state == ALONE && in_vain >= IN_VAIN)
            c->status = JOURNAL_DOWN;
        else if (c->state == ALONE)
            alone(j, lane, c);
        in_vain = c->status == JOURNAL_DOWN ? in_vain + 1 : 0;
    }
    for (int i = 0; i < n; i++) /* not before: they may still be in the line together */
        sem_destroy(&calls[i].told);
}

enum journal_status db_write(struct journal *j, enum db_statement s, const struct db_params *p,
                             const char *tid, PGresult **out, struct db_backend *lost) {
    struct call c = {.statement = s, .params = p, .tid = tid ? tid : ""};
    call(j, WRITES, &c, 1);
    *out = c.result;
    if (lost)
        *lost = c.lost;
    return c.status;
}

static void look(struct journal *j, struct call *c) {
    if (c->status == JOURNAL_UNSURE) /* no memory for a copy, or lost more than once */
        alone(j, READS, c);
}

enum journal_status db_look(struct journal *j, enum db_statement s, const struct db_params *p,
                            PGresult **out) {
    struct call c = {.statement = s, .params = p, .tid = ""};
    call(j, READS, &c, 1);
    look(j, &c);
    *out = c.result;
    return c.status;
}

static void all(struct journal *j, enum lane lane, struct db_call *calls, int n) {
    struct call *c = calloc((size_t)n, sizeof(*c));
    for (int i = 0; c && i < n; i++)
        c[i] = (struct call){.statement = calls[i].statement,
                             .params = calls[i].params,
                             .tid = calls[i].tid ? calls[i].tid : ""};
    if (c)
        call(j, lane, c, n);
    for (int i = 0; i < n; i++) {
        if (c && lane == READS)
            look(j, &c[i]);
        calls[i].status = c ? c[i].status : JOURNAL_NO_MEMORY;
        calls[i].result = c ? c[i].result : NULL;
    }
    free(c);
}

void db_write_all(struct journal *j, struct db_call *calls, int n) {
    all(j, WRITES, calls, n);
}

void db_look_all(struct journal *j, struct db_call *calls, int n) {
    all(j, READS, calls, n);
}
