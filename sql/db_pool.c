/* db_pool.c - who may use which connection, in the order they came. */
#include "sql/db_pool.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "sql/clock.h"

struct waiter {
    struct waiter *next;
    sem_t given;       /* whoever wakes needs no lock */
    atomic_int number; /* -1: none yet; what ThreadSanitizer sees: it knows no sem_clockwait */
};

struct db_pool {
    pthread_mutex_t lock;
    struct waiter *first, **last; /* none while a number is free */
    int free_count;
    int free[]; /* a stack: the one used last is used next */
};

struct db_pool *db_pool_new(int count) {
    struct db_pool *p = malloc(sizeof *p + (size_t)count * sizeof *p->free);
    if (!p)
        return NULL;
    pthread_mutex_init(&p->lock, NULL);
    p->first = NULL;
    p->last = &p->first;
    for (p->free_count = 0; p->free_count < count; p->free_count++)
        p->free[p->free_count] = p->free_count;
    return p;
}

void db_pool_free(struct db_pool *p) {
    if (p)
        pthread_mutex_destroy(&p->lock);
    free(p);
}

static void leave(struct db_pool *p, const struct waiter *w) {
    struct waiter **at = &p->first;
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    if (!*at)
        p->last = at;
}

static void stand_in_line(struct db_pool *p, struct waiter *w) {
    sem_init(&w->given, 0, 0);
    *p->last = w;
    p->last = &w->next;
}

int db_pool_take(struct db_pool *p, int wait_ms) {
    struct waiter w = {.number = -1};
    pthread_mutex_lock(&p->lock);
    bool waits = p->free_count == 0;
    if (waits)
        stand_in_line(p, &w);
    else
        w.number = p->free[--p->free_count];
    pthread_mutex_unlock(&p->lock);
    if (!waits)
        return w.number;
    const struct timespec until = clock_timespec(clock_monotonic_ms() + wait_ms);
    int result;
    while ((result = sem_clockwait(&w.given, CLOCK_MONOTONIC, &until)) != 0 && errno == EINTR)
        ;
    if (result != 0) {
        pthread_mutex_lock(&p->lock); /* who gives it just now has let go of it then */
        if (atomic_load(&w.number) < 0)
            leave(p, &w);
        pthread_mutex_unlock(&p->lock);
    }
    sem_destroy(&w.given);
    return atomic_load(&w.number);
}

void db_pool_give(struct db_pool *p, int number) {
    pthread_mutex_lock(&p->lock);
    struct waiter *w = p->first;
    if (w) {
        p->first = w->next;
        if (!p->first)
            p->last = &p->first;
        atomic_store(&w->number, number);
        sem_post(&w->given); /* still locked: w is gone once it may see its number */
    } else {
        p->free[p->free_count++] = number;
    }
    pthread_mutex_unlock(&p->lock);
}
