/* flight.c - attempts on their way. */
#include "core/flight.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STRIPES 512 /* so that those who are about different attempts do not meet */

/* Somebody who waits for an attempt; lives on his stack.  Who is woken needs no lock. */
struct waiter {
    struct waiter *next;
    int64_t attempt_id;
    bool event_too;    /* not only for its landing */
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
    flight_finish *finish;
    void *arg;
    int threads;
    pthread_t thread[];
};

static struct stripe *stripe_of(struct flights *fs, int64_t attempt_id) {
    return &fs->stripes[(uint64_t)attempt_id % STRIPES];
}

static struct timespec deadline_in(int wait_ms) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += wait_ms / 1000;
    t.tv_nsec += (wait_ms % 1000) * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000L;
    }
    return t;
}

static void cond_init(pthread_cond_t *c) {
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

/* Wakes those who wait for it, or only those who want to know of any event; locked. */
static void wake(struct stripe *s, int64_t attempt_id, bool landed) {
    for (struct waiter **p = &s->waiters; *p;) {
        struct waiter *w = *p;
        if (w->attempt_id != attempt_id || (!landed && !w->event_too)) {
            p = &w->next;
            continue;
        }
        *p = w->next;
        w->woken = true;
        sem_post(&w->wake); /* still locked: it is gone once it may see that */
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
    wake(s, f->attempt_id, true);
    pthread_mutex_unlock(&s->lock);
    free((char *)f->result.body);
    free(f);
}

static struct flight *next_landed(struct flights *fs) {
    while (sem_wait(&fs->work) != 0 && errno == EINTR)
        ;
    pthread_mutex_lock(&fs->lock);
    struct flight *f = fs->first;
    if (f) {
        fs->first = f->next_done;
        if (!fs->first)
            fs->last = &fs->first;
    }
    pthread_mutex_unlock(&fs->lock);
    return f;
}

static void *finisher(void *arg) {
    struct flights *fs = arg;
    for (struct flight *f; (f = next_landed(fs));) {
        fs->finish(fs->arg, f);
        flight_end(fs, f);
        pthread_mutex_lock(&fs->lock);
        if (--fs->unfinished == 0)
            pthread_cond_broadcast(&fs->idle);
        pthread_mutex_unlock(&fs->lock);
    }
    return NULL;
}

struct flights *flights_open(int finishers, flight_finish *finish, void *arg) {
    struct flights *fs = calloc(1, sizeof *fs + (size_t)finishers * sizeof fs->thread[0]);
    if (!fs)
        return NULL;
    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_init(&fs->stripes[i].lock, NULL);
    pthread_mutex_init(&fs->lock, NULL);
    sem_init(&fs->work, 0, 0);
    cond_init(&fs->idle);
    fs->last = &fs->first;
    fs->finish = finish;
    fs->arg = arg;
    for (int i = 0; i < finishers; i++) {
        if (pthread_create(&fs->thread[i], NULL, finisher, fs) != 0)
            break;
        fs->threads++;
    }
    if (fs->threads == 0) {
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

static void leave(struct stripe *s, const struct waiter *w) {
    for (struct waiter **p = &s->waiters; *p; p = &(*p)->next)
        if (*p == w) {
            *p = w->next;
            break;
        }
}

void flights_wait(struct flights *fs, int64_t attempt_id, int wait_ms, bool event_too) {
    const struct timespec until = deadline_in(wait_ms);
    struct waiter w = {.attempt_id = attempt_id};
    struct stripe *s = stripe_of(fs, attempt_id);
    pthread_mutex_lock(&s->lock);
    bool landing = on_its_way(s, attempt_id);
    w.event_too = event_too && !landing;
    if (landing || event_too) {
        sem_init(&w.wake, 0, 0);
        w.next = s->waiters;
        s->waiters = &w;
    }
    pthread_mutex_unlock(&s->lock);
    if (!landing && !event_too)
        return;
    int result;
    while ((result = sem_clockwait(&w.wake, CLOCK_MONOTONIC, &until)) != 0 && errno == EINTR)
        ;
    if (result != 0 || !atomic_load(&w.woken)) {
        pthread_mutex_lock(&s->lock); /* who woke it just now has let go of it then */
        if (!atomic_load(&w.woken))
            leave(s, &w);
        pthread_mutex_unlock(&s->lock);
    }
    sem_destroy(&w.wake);
}

void flights_event(struct flights *fs, int64_t attempt_id) {
    struct stripe *s = stripe_of(fs, attempt_id);
    pthread_mutex_lock(&s->lock);
    wake(s, attempt_id, false);
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
    struct timespec until = deadline_in(grace_ms);
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
    for (int i = 0; i < STRIPES; i++)
        pthread_mutex_destroy(&fs->stripes[i].lock);
    pthread_cond_destroy(&fs->idle);
    sem_destroy(&fs->work);
    pthread_mutex_destroy(&fs->lock);
    free(fs);
}
