/*
 * resolver.c - asks the bank about every open refund attempt, again and again, until it is settled.
 *
 * The queue lives in the journal (open_attempt), so any number of nodes may run this at once.
 * Nothing is due: the thread sleeps until something is, or until it is poked, also by the listener
 * for what other nodes do.  At the latest after LOOK_MS, or LOOK_DEAF_MS while other nodes are not
 * heard, it looks for what they left behind.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/core.h"
#include "core/rate.h"
#include "sql/checkpoint.h"
#include "sql/clock.h"

#define LOOK_MS      300000
#define LOOK_DEAF_MS 30000
#define GAP_MS       20    /* between two looks, however often it is poked */
#define TROUBLE_MS   1000  /* where the database fails, or the bank has all it may have */
#define SEAL_ASK_MS  60000 /* so often at most it is asked whether there is anything to seal */
#define BATCH        100
#define ASKERS       8 /* beside the thread itself; for begins that share a commit */
#define LEASE_SLACK_MS                                                                             \
    15000 /* a claimed attempt is due again so long after the bank's time, should we die */

struct resolver {
    struct otr *core;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t poked, stopped;
    bool poke, stop;
    struct rate *rate;
    int64_t seal_ms; /* monotonic: when to ask for the next seal; the thread's own, like the next */
    bool seal_wakes; /* and not sleep beyond it: some rows wait for a seal */
};

/* Sleeps until poked or for ms; false: stop. */
static bool rest(struct resolver *r, int64_t ms, bool heed_pokes) {
    struct timespec until = clock_timespec(clock_monotonic_ms() + ms);
    pthread_mutex_lock(&r->lock);
    while (!r->stop && !(heed_pokes && r->poke))
        if (pthread_cond_timedwait(&r->poked, &r->lock, &until) == ETIMEDOUT)
            break;
    if (heed_pokes)
        r->poke = false;
    bool go_on = !r->stop;
    pthread_mutex_unlock(&r->lock);
    return go_on;
}

/* What goes wrong here is nobody's answer, so it is counted for /readyz and /metrics, and told. */
static void failed(struct otr *o, const char *why) {
    pthread_mutex_lock(&o->numbers_lock);
    o->numbers.resolver_errors++;
    o->numbers.resolver_error_at = clock_now_ms();
    snprintf(o->numbers.resolver_error, sizeof o->numbers.resolver_error, "%s", why);
    pthread_mutex_unlock(&o->numbers_lock);
    news_resolver(o, why);
}

static void failing(struct otr *o, bool yes) {
    pthread_mutex_lock(&o->numbers_lock);
    o->numbers.resolver_failing = yes;
    pthread_mutex_unlock(&o->numbers_lock);
}

/* Sleeps until the rate allows one more inquiry.  Its place; -1: stop. */
static int wait_for_place(struct resolver *r) {
    int64_t from_ms;
    pthread_mutex_lock(&r->lock);
    int place = rate_take(r->rate, &from_ms);
    struct timespec from = clock_timespec(from_ms);
    while (!r->stop && clock_monotonic_ms() < from_ms)
        pthread_cond_timedwait(&r->stopped, &r->lock, &from);
    if (r->stop)
        place = -1;
    pthread_mutex_unlock(&r->lock);
    return place;
}

static void ask(struct otr *o, const struct journal_due *due) {
    const struct otr_who who = {
        .name = "resolver", .user_code = due->user_code, .channel = OTR_CHANNEL_RESOLVER};
    struct otr_fault fault;
    int64_t id;
    /* The lease brings the attempt back. */
    if (refund_inquire(o, &who, *due->tid ? due->tid : NULL, due->client_ref_id, due->attempt_id,
                       due->inquiries, &id, &fault) != OTR_OK)
        failed(o, fault.detail);
}

/* What one look claimed, and who asks for it: several at a time, so that their intents share commits. */
struct asking {
    struct resolver *resolver;
    const struct journal_due *due;
    int n;
    atomic_int next;
};

static void *ask_on(void *arg) {
    struct asking *a = arg;
    struct resolver *r = a->resolver;
    for (int i, place; (i = atomic_fetch_add(&a->next, 1)) < a->n;) {
        if ((place = wait_for_place(r)) < 0)
            break;
        ask(r->core, &a->due[i]);
        pthread_mutex_lock(&r->lock);
        rate_started(r->rate, place, clock_monotonic_ms());
        pthread_mutex_unlock(&r->lock);
    }
    return NULL;
}

static void ask_all(struct resolver *r, const struct journal_due *due, int n) {
    struct asking all = {.resolver = r, .due = due, .n = n};
    pthread_t askers[ASKERS];
    int started = 0;
    while (started < ASKERS && started < n / 2 &&
           pthread_create(&askers[started], NULL, ask_on, &all) == 0)
        started++;
    ask_on(&all);
    while (started > 0)
        pthread_join(askers[--started], NULL);
}

/* A row changed before its seal is made is not found out, so this never waits for a person.  The
 * database says when, so nodes and restarts keep one cadence. */
static void seal_when_due(struct resolver *r) {
    int64_t rows = 0, ms = JOURNAL_NEVER;
    if (clock_monotonic_ms() < r->seal_ms)
        return;
    enum journal_status s = journal_seal_due(r->core->journal, &ms);
    if (s == JOURNAL_OK && ms == 0) {
        s = journal_seal_once(r->core->journal, &rows);
        if (s == JOURNAL_OK)
            s = journal_seal_due(r->core->journal, &ms);
    }
    if (s != JOURNAL_OK)
        failed(r->core, "the journal could not be sealed");
    if (s != JOURNAL_OK ||
        ms == 0) /* a backlog, in turns with the queue; or another node is at it */
        ms = s == JOURNAL_OK && rows > 0 ? 1000 : LOOK_DEAF_MS;
    r->seal_wakes = ms != JOURNAL_NEVER;
    r->seal_ms = clock_monotonic_ms() + (r->seal_wakes ? ms : SEAL_ASK_MS);
}

/*
 * One look at the queue.  Returns how long to rest, in ms; *pause_ms: and for so long, whatever
 * happens.  What is claimed is never more than the rate allows in a second, so nobody waits for a
 * place that another one has not started from.
 */
static int64_t look(struct resolver *r, int64_t *pause_ms) {
    struct otr *o = r->core;
    int room = o->config.max_in_flight - http_in_flight(o->http);
    int max = o->config.per_second < BATCH ? o->config.per_second : BATCH;
    *pause_ms = TROUBLE_MS;
    if (room <= 0)
        return 0;
    if (max > room)
        max = room;
    struct journal_due due[BATCH];
    int n = 0;
    int64_t next_ms = 0;
    int lease = o->config.timeout_ms + LEASE_SLACK_MS;
    enum journal_status s = journal_claim(o->journal, max, lease, due, &n, &next_ms);
    if (n > 0)
        checkpoint("resolver", "claimed");
    failing(o, s != JOURNAL_OK);
    if (s != JOURNAL_OK) {
        char why[160];
        journal_claim_trouble(o->journal, why, sizeof why);
        failed(o, *why ? why : journal_status_text(s));
        return 0;
    }
    ask_all(r, due, n);
    *pause_ms = n == max ? 0 : GAP_MS;
    if (n > 0)
        return 0;
    int64_t longest = atomic_load(&o->listening) ? LOOK_MS : LOOK_DEAF_MS;
    return next_ms < longest ? next_ms - GAP_MS : longest;
}

static void *resolve(void *arg) {
    struct resolver *r = arg;
    for (int64_t ms = 0, pause_ms = 0; rest(r, pause_ms, false) && rest(r, ms, true);) {
        seal_when_due(r);
        ms = look(r, &pause_ms);
        int64_t seal_in = r->seal_ms - clock_monotonic_ms();
        if (r->seal_wakes && seal_in < ms)
            ms = seal_in;
    }
    return NULL;
}

struct resolver *resolver_start(struct otr *o) {
    struct resolver *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->core = o;
    r->rate = rate_new(o->config.per_second);
    pthread_mutex_init(&r->lock, NULL);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&r->poked, &attr);
    pthread_cond_init(&r->stopped, &attr);
    pthread_condattr_destroy(&attr);
    if (r->rate && pthread_create(&r->thread, NULL, resolve, r) == 0)
        return r;
    resolver_free(r);
    return NULL;
}

void resolver_poke(struct resolver *r) {
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->poke = true;
    pthread_cond_signal(&r->poked);
    pthread_mutex_unlock(&r->lock);
}

void resolver_stop(struct resolver *r) {
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->stop = true;
    pthread_cond_signal(&r->poked);
    pthread_cond_broadcast(&r->stopped);
    pthread_mutex_unlock(&r->lock);
    pthread_join(r->thread, NULL);
}

void resolver_free(struct resolver *r) {
    if (!r)
        return;
    pthread_cond_destroy(&r->poked);
    pthread_cond_destroy(&r->stopped);
    pthread_mutex_destroy(&r->lock);
    rate_free(r->rate);
    free(r);
}
