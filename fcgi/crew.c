/* crew.c - how many of the workers look for work at a time. */
#include "fcgi/crew.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* A worker that rests. */
struct resting {
    struct resting *next;
    pthread_cond_t call;
    bool called;
};

struct crew {
    int fewest, most;
    pthread_mutex_t lock;
    atomic_int looking;    /* or about to, after work that does not wait; changed under the lock */
    struct resting *first; /* the latest */
    bool dismissed;
};

/* This thread, as the crew knows it. */
static _Thread_local enum { STRANGER, LOOKING, AWAY } standing;
static _Thread_local struct resting self;

struct crew *crew_new(int fewest) {
    struct crew *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->fewest = fewest > 1 ? fewest : 1;
    c->most = 2 * c->fewest;
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

void crew_free(struct crew *c) {
    if (!c)
        return;
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void crew_join(struct crew *c) {
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    atomic_fetch_add(&c->looking, 1);
    pthread_mutex_unlock(&c->lock);
    standing = LOOKING;
}

/* Locked, with somebody who rests: he is counted as looking from now on. */
static void call(struct crew *c) {
    struct resting *r = c->first;
    c->first = r->next;
    r->called = true;
    atomic_fetch_add(&c->looking, 1);
    pthread_cond_signal(&r->call);
}

/* Locked. */
static void rest(struct crew *c) {
    self.called = false;
    self.next = c->first;
    pthread_cond_init(&self.call, NULL);
    c->first = &self;
    atomic_fetch_sub(&c->looking, 1);
    while (!self.called)
        pthread_cond_wait(&self.call, &c->lock);
    pthread_cond_destroy(&self.call);
}

void crew_next(struct crew *c) {
    if (!c || standing == STRANGER || (standing == LOOKING && atomic_load(&c->looking) <= c->most))
        return;
    pthread_mutex_lock(&c->lock);
    if (standing == AWAY)
        atomic_fetch_add(&c->looking, 1);
    standing = LOOKING;
    if (atomic_load(&c->looking) > c->most && !c->dismissed)
        rest(c);
    pthread_mutex_unlock(&c->lock);
}

void crew_away(struct crew *c) {
    if (!c || standing != LOOKING)
        return;
    standing = AWAY;
    pthread_mutex_lock(&c->lock);
    if (atomic_fetch_sub(&c->looking, 1) <= c->fewest && c->first)
        call(c);
    pthread_mutex_unlock(&c->lock);
}

void crew_dismiss(struct crew *c) {
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->dismissed = true;
    while (c->first)
        call(c);
    pthread_mutex_unlock(&c->lock);
}
