/* round.c - many who ask the same at the same moment are answered by one look. */
#include "fcgi/round.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 64 /* so that those who ask different things do not wait for one lock */

enum state { WAITING, LOOKING, DONE };

struct round {
    struct slot *slot;
    struct round *next;
    char key[ROUND_KEY_SIZE];
    enum state state;
    int holders;
    round_end *end;
    pthread_cond_t changed;
    max_align_t result[];
};

struct slot {
    pthread_mutex_t lock;
    struct round *first; /* waiting or looking: at most one of each for a key */
};

struct rounds {
    size_t result_size;
    round_end *end;
    struct slot slots[SLOTS];
};

struct rounds *rounds_new(size_t result_size, round_end *end) {
    struct rounds *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->result_size = result_size;
    r->end = end;
    for (int i = 0; i < SLOTS; i++)
        pthread_mutex_init(&r->slots[i].lock, NULL);
    return r;
}

void rounds_free(struct rounds *r) {
    if (!r)
        return;
    for (int i = 0; i < SLOTS; i++)
        pthread_mutex_destroy(&r->slots[i].lock);
    free(r);
}

static struct slot *slot_of(struct rounds *r, const char *key) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *p = key; *p; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619u;
    return &r->slots[hash % SLOTS];
}

static struct round *find(struct slot *s, const char *key, enum state state) {
    for (struct round *r = s->first; r; r = r->next)
        if (r->state == state && strcmp(r->key, key) == 0)
            return r;
    return NULL;
}

static struct round *add(struct rounds *rs, struct slot *s, const char *key) {
    struct round *r = calloc(1, sizeof(*r) + rs->result_size);
    if (!r)
        return NULL;
    r->slot = s;
    r->end = rs->end;
    memcpy(r->key, key, strlen(key) + 1);
    pthread_cond_init(&r->changed, NULL);
    r->next = s->first;
    s->first = r;
    return r;
}

static void take_off(struct round *r) {
    for (struct round **p = &r->slot->first; *p; p = &(*p)->next)
        if (*p == r) {
            *p = r->next;
            break;
        }
}

/* The first of a round waits until the look before it is over, and does the next one. */
static void lead(struct slot *s, struct round *r, round_look *look, void *arg) {
    struct round *before;
    while ((before = find(s, r->key, LOOKING)) != NULL) {
        before->holders++; /* it must not go while its end is waited for */
        while (before->state != DONE)
            pthread_cond_wait(&before->changed, &s->lock);
        pthread_mutex_unlock(&s->lock);
        round_give(before);
        pthread_mutex_lock(&s->lock);
    }
    r->state = LOOKING; /* from here on nobody joins */
    pthread_mutex_unlock(&s->lock);
    look(arg, r->result);
    pthread_mutex_lock(&s->lock);
    r->state = DONE;
    take_off(r);
    pthread_cond_broadcast(&r->changed);
}

struct round *round_take(struct rounds *rs, const char *key, round_look *look, void *arg) {
    if (strlen(key) >= ROUND_KEY_SIZE)
        return NULL;
    struct slot *s = slot_of(rs, key);
    pthread_mutex_lock(&s->lock);
    struct round *r = find(s, key, WAITING);
    bool leads = !r;
    if (leads)
        r = add(rs, s, key);
    if (r)
        r->holders++;
    if (r && leads)
        lead(s, r, look, arg);
    while (r && r->state != DONE)
        pthread_cond_wait(&r->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
    return r;
}

const void *round_result(const struct round *r) {
    return r->result;
}

void round_give(struct round *r) {
    if (!r)
        return;
    struct slot *s = r->slot;
    pthread_mutex_lock(&s->lock);
    bool last = --r->holders == 0;
    pthread_mutex_unlock(&s->lock);
    if (!last)
        return;
    r->end(r->result);
    pthread_cond_destroy(&r->changed);
    free(r);
}
