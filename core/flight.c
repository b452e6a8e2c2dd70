/* flight.c - attempts on their way. */
#include "core/flight.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STRIPES 512 /* so that waiters on different attempts do not wake each other */

struct stripe {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct flight *first; /* on their way */
};

struct flights {
    struct stripe stripes[STRIPES];
    pthread_mutex_t lock;
    pthread_cond_t work, idle;
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

/* Takes the flight off the table, wakes its waiters and frees it. */
static void flight_end(struct flights *fs, struct flight *f) {
    struct stripe *s = stripe_of(fs, f->attempt_id);
    pthread_mutex_lock(&s->lock);
    for (struct flight **p = &s->first; *p; p = &(*p)->next_waiting)
        if (*p == f) {
            *p = f->next_waiting;
            break;
        }
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    free((char *)f->result.body);
    free(f);
}

static struct flight *next_landed(struct flights *fs) {
    pthread_mutex_lock(&fs->lock);
    while (!fs->first && !fs->closing)
        pthread_cond_wait(&fs->work, &fs->lock);
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
    for (int i = 0; i < STRIPES; i++) {
        pthread_mutex_init(&fs->stripes[i].lock, NULL);
        cond_init(&fs->stripes[i].changed);
    }
    pthread_mutex_init(&fs->lock, NULL);
    pthread_cond_init(&fs->work, NULL);
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
    pthread_cond_signal(&fs->work);
    pthread_mutex_unlock(&fs->lock);
}

static bool on_its_way(const struct stripe *s, int64_t attempt_id) {
    for (const struct flight *f = s->first; f; f = f->next_waiting)
        if (f->attempt_id == attempt_id)
            return true;
    return false;
}

void flights_wait(struct flights *fs, int64_t attempt_id, int wait_ms, bool event_too) {
    struct timespec until = deadline_in(wait_ms);
    struct stripe *s = stripe_of(fs, attempt_id);
    pthread_mutex_lock(&s->lock);
    bool was = on_its_way(s, attempt_id);
    if (was)
        while (on_its_way(s, attempt_id) &&
               pthread_cond_timedwait(&s->changed, &s->lock, &until) != ETIMEDOUT)
            ;
    else if (event_too)
        pthread_cond_timedwait(&s->changed, &s->lock, &until);
    pthread_mutex_unlock(&s->lock);
}

void flights_event(struct flights *fs, int64_t attempt_id) {
    struct stripe *s = stripe_of(fs, attempt_id);
    pthread_mutex_lock(&s->lock);
    pthread_cond_broadcast(&s->changed);
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
    pthread_cond_broadcast(&fs->work);
    pthread_mutex_unlock(&fs->lock);
    for (int i = 0; i < fs->threads; i++)
        pthread_join(fs->thread[i], NULL);
    for (int i = 0; i < STRIPES; i++) {
        pthread_cond_destroy(&fs->stripes[i].changed);
        pthread_mutex_destroy(&fs->stripes[i].lock);
    }
    pthread_cond_destroy(&fs->idle);
    pthread_cond_destroy(&fs->work);
    pthread_mutex_destroy(&fs->lock);
    free(fs);
}
