/*
 * callbacks.c - holds the bank's callbacks until the journal has taken them, so that whoever brings
 * one waits for no database: one thread writes them in the order they came.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"
#include "sql/clock.h"

#define HELD_MAX       1000
#define HELD_BYTES_MAX (4u << 20)
#define KEEP_MS        600000 /* so long each is offered to the database, as an outcome is */
#define PAUSE_FIRST_MS 50
#define PAUSE_MAX_MS   1000
#define RETRY_MS       10000 /* the bank is told to come again then */
/* What is stored, and what the journal needs to see that a character is cut. */
#define BODY_MAX (JOURNAL_CALLBACK_MAX + 3)

struct callback {
    struct callback *next;
    int64_t until_ms; /* monotonic */
    bool kept, woken;
    char tid[OTR_TID_SIZE], address[65];
    size_t sent, size;
    char body[];
};

struct callbacks {
    struct otr *core;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct callback *first, **last;
    int held;
    size_t bytes;
    uint64_t dropped, dropped_before; /* all; until it was told to stop */
    bool stop;
    int64_t stop_ms; /* from then on nothing is tried any more */
};

/* ---- the thread ------------------------------------------------------------------------------ */

static bool passing(enum journal_status s) {
    return s == JOURNAL_DOWN || s == JOURNAL_UNSURE || s == JOURNAL_NO_MEMORY;
}

/* Each of the two is tried, whatever becomes of the other.  False: something is left to do. */
static bool keep(struct otr *o, struct callback *one) {
    bool left = false;
    if (!one->kept) {
        enum journal_status s =
            journal_callback(o->journal, one->tid, one->body, one->size, one->sent, one->address);
        one->kept = s == JOURNAL_OK;
        left = passing(s);
    }
    if (!one->woken && *one->tid) {
        enum journal_status s = journal_wake(o->journal, one->tid);
        resolver_poke(o->resolver);
        one->woken = !passing(s);
    }
    return !left && (one->woken || !*one->tid);
}

static bool time_is_over(const struct callbacks *c) {
    return c->stop && clock_monotonic_ms() >= c->stop_ms;
}

/* Sleeps while there is none.  It stays the first; NULL: stop. */
static struct callback *oldest(struct callbacks *c) {
    pthread_mutex_lock(&c->lock);
    while (!c->first && !c->stop)
        pthread_cond_wait(&c->changed, &c->lock);
    struct callback *one = time_is_over(c) ? NULL : c->first;
    pthread_mutex_unlock(&c->lock);
    return one;
}

/* Before it is tried again.  False: its time is over. */
static bool rest(struct callbacks *c, const struct callback *one, int ms) {
    const struct timespec until = clock_timespec(clock_monotonic_ms() + ms);
    pthread_mutex_lock(&c->lock);
    bool stop = c->stop; /* who is stopped meanwhile tries at once */
    while (c->stop == stop && pthread_cond_timedwait(&c->changed, &c->lock, &until) != ETIMEDOUT)
        ;
    bool more = !time_is_over(c) && clock_monotonic_ms() < one->until_ms;
    pthread_mutex_unlock(&c->lock);
    return more;
}

static void take_off(struct callbacks *c) {
    pthread_mutex_lock(&c->lock);
    struct callback *one = c->first;
    c->first = one->next;
    if (!c->first)
        c->last = &c->first;
    c->held--;
    c->bytes -= one->size;
    c->dropped += !one->kept;
    pthread_mutex_unlock(&c->lock);
    if (!one->kept)
        news_callback_lost(c->core, one->tid);
    free(one);
}

static void *keep_on(void *arg) {
    struct callbacks *c = arg;
    for (struct callback *one; (one = oldest(c));) {
        for (int ms = PAUSE_FIRST_MS; !keep(c->core, one) && rest(c, one, ms);)
            ms = ms * 2 < PAUSE_MAX_MS ? ms * 2 : PAUSE_MAX_MS;
        take_off(c);
    }
    return NULL;
}

/* ---- those who bring one ----------------------------------------------------------------------- */

static enum otr_status put(struct callbacks *c, struct callback *one, struct otr_fault *f) {
    pthread_mutex_lock(&c->lock);
    bool full = c->held >= HELD_MAX || c->bytes + one->size > HELD_BYTES_MAX, stop = c->stop;
    if (full && !stop)
        c->dropped++;
    if (!full && !stop) {
        *c->last = one;
        c->last = &one->next;
        c->held++;
        c->bytes += one->size;
        pthread_cond_signal(&c->changed);
    }
    pthread_mutex_unlock(&c->lock);
    if (stop)
        return core_fault(f, OTR_STOPPING, OTR_WHOSE_OURS, "the program is stopping");
    if (!full)
        return OTR_OK;
    core_fault(f, OTR_LIMITED, OTR_WHOSE_DATABASE,
               "too many callbacks wait for the database; this one was not kept");
    f->retry_at = clock_now_ms() + RETRY_MS;
    return OTR_LIMITED;
}

enum otr_status otr_callback(struct otr *o, const char *tid, const char *body, size_t size,
                             const char *address, struct otr_fault *f) {
    struct callbacks *c = o->callbacks;
    size_t kept = !body ? 0 : size < BODY_MAX ? size : BODY_MAX;
    struct callback *one = malloc(sizeof *one + kept);
    if (!one) {
        pthread_mutex_lock(&c->lock);
        c->dropped++;
        pthread_mutex_unlock(&c->lock);
        return core_fault(f, OTR_NO_MEMORY, OTR_WHOSE_OURS, "no memory for a callback");
    }
    *one = (struct callback){
        .until_ms = clock_monotonic_ms() + KEEP_MS, .sent = body ? size : 0, .size = kept};
    if (kept)
        memcpy(one->body, body, kept);
    if (api_tid_valid(tid))
        snprintf(one->tid, sizeof one->tid, "%s", tid);
    snprintf(one->address, sizeof one->address, "%s", address ? address : "");
    enum otr_status s = put(c, one, f);
    if (s != OTR_OK)
        free(one);
    return s;
}

void callbacks_count(struct callbacks *c, int *held, uint64_t *dropped) {
    pthread_mutex_lock(&c->lock);
    *held = c->held;
    *dropped = c->dropped;
    pthread_mutex_unlock(&c->lock);
}

/* ---- open and close ---------------------------------------------------------------------------- */

struct callbacks *callbacks_start(struct otr *o) {
    struct callbacks *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->core = o;
    c->last = &c->first;
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->changed, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&c->thread, NULL, keep_on, c) == 0)
        return c;
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
    return NULL;
}

void callbacks_stop(struct callbacks *c, int64_t until_ms) {
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    c->stop_ms = until_ms;
    c->dropped_before = c->dropped;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

int callbacks_end(struct callbacks *c) {
    if (!c)
        return 0;
    pthread_join(c->thread, NULL);
    while (c->first)
        take_off(c);
    int lost = (int)(c->dropped - c->dropped_before);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
    return lost;
}
