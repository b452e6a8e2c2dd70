/* guests.c - how many, and a set of descriptors: a bit for each number. */
#include "fcgi/guests.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BITS  64
#define FIRST 16 /* words: room for the descriptors of a quiet day */

struct guests {
    pthread_mutex_t lock;
    int count, most; /* connections */
    size_t size;     /* words */
    uint64_t *words;
};

struct guests *guests_new(int most) {
    struct guests *g = calloc(1, sizeof(*g));
    if (g)
        g->words = calloc(FIRST, sizeof(*g->words));
    if (!g || !g->words) {
        free(g);
        return NULL;
    }
    g->size = FIRST;
    g->most = most;
    pthread_mutex_init(&g->lock, NULL);
    return g;
}

void guests_free(struct guests *g) {
    if (!g)
        return;
    pthread_mutex_destroy(&g->lock);
    free(g->words);
    free(g);
}

static uint64_t bit(int fd) {
    return UINT64_C(1) << (fd % BITS);
}

static size_t word(int fd) {
    return (size_t)fd / BITS;
}

/* Locked. */
static bool grow(struct guests *g, int fd) {
    size_t size = g->size;
    while (size <= word(fd))
        size *= 2;
    uint64_t *words = size > g->size ? realloc(g->words, size * sizeof(*words)) : g->words;
    if (!words)
        return false;
    memset(words + g->size, 0, (size - g->size) * sizeof(*words));
    g->words = words;
    g->size = size;
    return true;
}

bool guests_let_in(struct guests *g, int fd) {
    pthread_mutex_lock(&g->lock);
    bool in = g->count < g->most && grow(g, fd);
    g->count += in;
    pthread_mutex_unlock(&g->lock);
    return in;
}

void guests_leave(struct guests *g, int fd) {
    close(fd);
    pthread_mutex_lock(&g->lock);
    g->count--;
    pthread_mutex_unlock(&g->lock);
}

bool guests_seat(struct guests *g, int fd, guests_watch *watch, void *arg, int op) {
    pthread_mutex_lock(&g->lock);
    bool watched = watch(arg, op, fd);
    if (watched)
        g->words[word(fd)] |= bit(fd);
    pthread_mutex_unlock(&g->lock);
    return watched;
}

bool guests_take(struct guests *g, int fd) {
    pthread_mutex_lock(&g->lock);
    bool there = word(fd) < g->size && (g->words[word(fd)] & bit(fd));
    if (there)
        g->words[word(fd)] &= ~bit(fd);
    pthread_mutex_unlock(&g->lock);
    return there;
}

int guests_take_any(struct guests *g) {
    int fd = -1;
    pthread_mutex_lock(&g->lock);
    size_t i = 0;
    while (i < g->size && !g->words[i])
        i++;
    if (i < g->size) {
        fd = (int)(i * BITS) + __builtin_ctzll(g->words[i]);
        g->words[i] &= g->words[i] - 1;
    }
    pthread_mutex_unlock(&g->lock);
    return fd;
}
