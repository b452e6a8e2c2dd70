/* flight.c - attempts on their way. */
#include "core/flight.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sql/clock.h"

#define SWEEP_MS 20  /* those whose time is over are told so often at most */
#define STRIPES  512 /* so that those who are about different attempts do not meet */

/* Somebody who waits for an attempt. */
struct waiter {
    struct waiter *next;
    int64_t attempt_id;
    int64_t until_ms; /* watches so long; INT64_MAX: sees to it himself */
    bool event_too;   /* not only for its landing */
    bool watches;     /* on the heap, freed when told */
    flight_told *told;
    void *arg;
};

/* One who sleeps; lives on his stack.  Who is woken needs no lock. */
struct sleeper {
    struct waiter w;
    atomic_bool woken; /* and off the list */
    sem_t wake;
};

struct stripe {
    pthread_mutex_t lock;
    struct flight *first; /* on their way */
    struct waiter *waiters;
};

struct flights {
    struct stripe stripes[STRIPES];
    pthread_mutex_t lock;
    sem_t work; /* landed, or closing */
    pthread_cond_t idle;
    struct flight *first, **last; /* landed, in order */
    int unfinished;
    bool closing;
    atomic_bool giving_up;
    atomic_bool hurried;
    pthread_mutex_t due_lock;
    pthread_cond_t due_changed;
    atomic_int_least64_t due_ms; /* when the keeper looks after those who watch; INT64_MAX: never */
    bool keeps;
    pthread_t keeper;
    flight_finish *finish;
    void *arg;
    int threads;
    pthread_t thread[];
};

static struct stripe *stripe_of(struct flights *fs, int64_t attempt_id) {
    return &fs->stripes[(uint64_t)attempt_id % STRIPES];
}

static void cond_init(pthread_cond_t *c) {
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

/* Takes him off the list and tells him; locked.  He may be gone then. */
static void tell(struct waiter **p, const struct otr_attempt *seen) {
    struct waiter *w = *p;
    flight_told *told = w->told;
    void *arg = w->arg;
    *p = w->next;
    if (w->watches)
        free(w);
    told(arg, seen);
}

/* Those who wait for it, or only those who want to know of any event; locked. */
static void wake(struct stripe *s, int64_t attempt_id, bool landed,
                 const struct otr_attempt *seen) {
    for (struct waiter **p = &s->waiters; *p;) {
        if ((*p)->attempt_id == attempt_id && (landed || (*p)->event_too))
            tell(p, seen);
        else
            p = &(*p)->next;
    }
}

/* Takes the flight off the table, wakes its waiters and frees it. */
static void flight_end(struct flights *fs, struct flight *f) {
    struct stripe *s = stripe_of(fs, f->attempt_id);
    pthread_mutex_lock(&s->lock);
    for (struct flight **p = &s->first; *p; p = &(*p)->next_waiting)
        if (*p == f) {
            *p = f->next_waiting;
            break;
        }
    wake(s, f->attempt_id, true, f->seen);
    pthread_mutex_unlock(&s->lock);
    free((char *)f->result.body);
    free(f->seen);
    free(f);
}

/* Waits for the next ones and takes them, in order; 0: it is the end. */
static int take_landed(struct flights *fs, struct flight *f[FLIGHTS_AT_ONCE]) {
    int n = 0;
    while (sem_wait(&fs->work) != 0 && errno == EINTR)
        ;
    pthread_mutex_lock(&fs->lock);
    for (; n < FLIGHTS_AT_ONCE && fs->first; n++) {
        f[n] = fs->first;
        fs->first = f[n]->next_done;
        if (n) /* no other finisher is to come for it */
            (void)sem_trywait(&fs->work);
    }
    if (!fs->first)
        fs->last = &fs->first;
    bool over = fs->closing;
    pthread_mutex_unlock(&fs->lock);
    return n || over ? n : -1;
}

static void *finisher(void *arg) {
    struct flights *fs = arg;
    struct flight *f[FLIGHTS_AT_ONCE];
    for (int n; (n = take_landed(fs, f)) != 0;) {
        if (n < 0)
            continue;
        fs->finish(fs->arg, f, n);
        for (int i = 0; i < n; i++)
            flight_end(fs, f[i]);
        pthread_mutex_lock(&fs->lock);
        if ((fs->unfinished -= n) == 0)
            pthread_cond_broadcast(&fs->idle);
        pthread_mutex_unlock(&fs->lock);
    }
    sem_post(&fs->work); /* the next one's, should somebody have taken it with a flight */
    return NULL;
}

/* ---- whose time is over ------------------------------------------------------------------------ */

/* Tells those whose time is over, with all: everybody.  When the next one's will be. */
static int64_t sweep(struct flights *fs, int64_t now, bool all) {
    int64_t next = INT64_MAX;
    for (int i = 0; i < STRIPES; i++) {
        struct stripe *s = &fs->stripes[i];
        pthread_mutex_lock(&s->lock);
        for (struct waiter **p = &s->waiters; *p;) {
            if (all || (*p)->until_ms <= now) {
                tell(p, NULL);
                continue;
            }
            if ((*p)->until_ms < next)
                next = (*p)->until_ms;
            p = &(*p)->next;
        }
        pthread_mutex_unlock(&s->lock);
    }
    return next;
}

/* Has the keeper look at that time, if he would not before. */
static void due_at(struct flights *fs, int64_t ms) {
    if (ms >= atomic_load(&fs->due_ms))
        return;
    pthread_mutex_lock(&fs->due_lock);
    if (ms < atomic_load(&fs->due_ms)) {
        atomic_store(&fs->due_ms, ms);
        pthread_cond_signal(&fs->due_changed);
    }
    pthread_mutex_unlock(&fs->due_lock);
}

/* Sleeps until somebody's time is over; for ever while nobody watches. */
static void *keeper(void *arg) {
    struct flights *fs = arg;
    pthread_mutex_lock(&fs->due_lock);
    while (!atomic_load(&fs->giving_up)) {
        int64_t now = clock_monotonic_ms(), due = atomic_load(&fs->due_ms);
        if (due == INT64_MAX) {
            pthread_cond_wait(&fs->due_changed, &fs->due_lock);
        } else if (due > now) {
            struct timespec until = clock_timespec(due);
            pthread_cond_timedwait(&fs->due_changed, &fs->due_lock, &until);
        } else {
            /* Whoever comes from here on says himself when he is due. */
            atomic_store(&fs->due_ms, INT64_MAX);
            pthread_mutex_unlock(&fs->due_lock);
            int64_t next = sweep(fs, now, false);
            if (next != INT64_MAX)
                due_at(fs, next < now + SWEEP_MS ? now + SWEEP_MS : next);
            pthread_mutex_lock(&fs->due_lock);
        }
    }
    pthread_mutex_unlock(&fs->due_lock);
    return NULL;
}

void flights_hurry(struct flights *fs) {
    atomic_store(&fs->hurried, true);
    sweep(fs, 0, true); /* who comes later sees it: the lock is between */
}

/* ---- open, on their way, landed ---------------------------------------------------------------- */

struct flights *flights_open(int finishers, flight_finish *finish, void *arg) {
    struct flights *fs = calloc(1, sizeof *fs + (size_t)finishers * sizeof fs->thread[0]);
    if (!fs)
        return NULL;
    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_init(&fs->stripes[i].lock, NULL);
    pthread_mutex_init(&fs->lock, NULL);
    sem_init(&fs->work, 0, 0);
    cond_init(&fs->idle);
    pthread_mutex_init(&fs->due_lock, NULL);
    cond_init(&fs->due_changed);
    atomic_store(&fs->due_ms, INT64_MAX);
    fs->last = &fs->first;
    fs->finish = finish;
    fs->arg = arg;
    for (int i = 0; i < finishers; i++) {
        if (pthread_create(&fs->thread[i], NULL, finisher, fs) != 0)
            break;
        fs->threads++;
    }
    fs->keeps = pthread_create(&fs->keeper, NULL, keeper, fs) == 0;
    if (fs->threads == 0 || !fs->keeps) {
        flights_close(fs, 0);
        return NULL;
    }
    return fs;
}

struct flight *flight_new(struct flights *fs, int64_t attempt_id) {
    struct flight *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->home = fs;
    f->attempt_id = attempt_id;
    f->known_amount = OTR_NO_AMOUNT;
    struct stripe *s = stripe_of(fs, attempt_id);
    pthread_mutex_lock(&s->lock);
    f->next_waiting = s->first;
    s->first = f;
    pthread_mutex_unlock(&s->lock);
    return f;
}

void flight_landed(struct flight *f, const struct http_result *r) {
    struct flights *fs = f->home;
    f->landed_ms = clock_monotonic_ms();
    f->result = *r;
    f->result.body = NULL;
    f->result.size = 0;
    if (r->size) {
        char *copy = malloc(r->size);
        if (copy) {
            memcpy(copy, r->body, r->size);
            f->result.body = copy;
            f->result.size = r->size;
        } else { /* an answer we cannot hold proves nothing */
            f->result.fate = HTTP_MAYBE_SENT;
            f->result.reason = OTR_REASON_UNREADABLE_ANSWER;
        }
    }
    pthread_mutex_lock(&fs->lock);
    f->next_done = NULL;
    *fs->last = f;
    fs->last = &f->next_done;
    fs->unfinished++;
    sem_post(&fs->work);
    pthread_mutex_unlock(&fs->lock);
}

static bool on_its_way(const struct stripe *s, int64_t attempt_id) {
    for (const struct flight *f = s->first; f; f = f->next_waiting)
        if (f->attempt_id == attempt_id)
            return true;
    return false;
}

/* Puts him on the list, unless there is nothing to wait for. */
static bool enter(struct flights *fs, struct waiter *w, bool event_too) {
    struct stripe *s = stripe_of(fs, w->attempt_id);
    pthread_mutex_lock(&s->lock);
    bool landing = on_its_way(s, w->attempt_id);
    bool waits = (landing || event_too) && !atomic_load(&fs->hurried);
    if (waits) {
        w->event_too = event_too && !landing;
        w->next = s->waiters;
        s->waiters = w;
    }
    pthread_mutex_unlock(&s->lock);
    return waits;
}

bool flights_watch(struct flights *fs, int64_t attempt_id, int wait_ms, bool event_too,
                   flight_told *told, void *arg) {
    struct waiter *w = malloc(sizeof(*w));
    if (!w)
        return false;
    int64_t until = clock_monotonic_ms() + wait_ms;
    *w = (struct waiter){
        .attempt_id = attempt_id, .until_ms = until, .watches = true, .told = told, .arg = arg};
    if (enter(fs, w, event_too)) { /* from here on it may be gone */
        due_at(fs, until);
    } else {
        free(w);
        told(arg, NULL);
    }
    return true;
}

static void wake_sleeper(void *arg, const struct otr_attempt *seen) {
    struct sleeper *s = arg;
    (void)seen;
    atomic_store(&s->woken, true);
    sem_post(&s->wake); /* the list is still locked: it is gone once it may see that */
}

static void leave(struct stripe *s, const struct waiter *w) {
    for (struct waiter **p = &s->waiters; *p; p = &(*p)->next)
        if (*p == w) {
            *p = w->next;
            break;
        }
}

void flights_wait(struct flights *fs, int64_t attempt_id, int wait_ms, bool event_too) {
    const struct timespec until = clock_timespec(clock_monotonic_ms() + wait_ms);
    struct sleeper me = {
        .w = {.attempt_id = attempt_id, .until_ms = INT64_MAX, .told = wake_sleeper, .arg = &me}};
    struct stripe *s = stripe_of(fs, attempt_id);
    int result;
    sem_init(&me.wake, 0, 0);
    if (!enter(fs, &me.w, event_too))
        goto out;
    while ((result = sem_clockwait(&me.wake, CLOCK_MONOTONIC, &until)) != 0 && errno == EINTR)
        ;
    if (result != 0 || !atomic_load(&me.woken)) {
        pthread_mutex_lock(&s->lock); /* who woke it just now has let go of it then */
        if (!atomic_load(&me.woken))
            leave(s, &me.w);
        pthread_mutex_unlock(&s->lock);
    }
out:
    sem_destroy(&me.wake);
}

bool flights_watched(struct flights *fs, int64_t attempt_id) {
    struct stripe *s = stripe_of(fs, attempt_id);
    pthread_mutex_lock(&s->lock);
    const struct waiter *w = s->waiters;
    while (w && !(w->watches && w->attempt_id == attempt_id))
        w = w->next;
    pthread_mutex_unlock(&s->lock);
    return w;
}

void flights_event(struct flights *fs, int64_t attempt_id) {
    struct stripe *s = stripe_of(fs, attempt_id);
    pthread_mutex_lock(&s->lock);
    wake(s, attempt_id, false, NULL);
    pthread_mutex_unlock(&s->lock);
}

int flights_unfinished(struct flights *fs) {
    pthread_mutex_lock(&fs->lock);
    int n = fs->unfinished;
    pthread_mutex_unlock(&fs->lock);
    return n;
}

bool flights_giving_up(struct flights *fs) {
    return atomic_load(&fs->giving_up);
}

void flights_close(struct flights *fs, int grace_ms) {
    if (!fs)
        return;
    struct timespec until = clock_timespec(clock_monotonic_ms() + grace_ms);
    pthread_mutex_lock(&fs->lock);
    while (fs->unfinished && pthread_cond_timedwait(&fs->idle, &fs->lock, &until) != ETIMEDOUT)
        ;
    fs->closing = true;
    atomic_store(&fs->giving_up, true);
    for (int i = 0; i < fs->threads; i++)
        sem_post(&fs->work); /* to each of them, once there is nothing else */
    pthread_mutex_unlock(&fs->lock);
    for (int i = 0; i < fs->threads; i++)
        pthread_join(fs->thread[i], NULL);
    pthread_mutex_lock(&fs->due_lock);
    pthread_cond_signal(&fs->due_changed);
    pthread_mutex_unlock(&fs->due_lock);
    if (fs->keeps)
        pthread_join(fs->keeper, NULL);
    flights_hurry(fs);
    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_destroy(&fs->stripes[i].lock);
    pthread_cond_destroy(&fs->idle);
    pthread_cond_destroy(&fs->due_changed);
    pthread_mutex_destroy(&fs->due_lock);
    sem_destroy(&fs->work);
    pthread_mutex_destroy(&fs->lock);
    free(fs);
}
