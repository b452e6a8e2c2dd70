/* round.c - many who ask the same at the same moment are answered by one look. */
#include "fcgi/round.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 64 /* so that those who ask different things do not wait for one lock */

struct asker {
    struct asker *next;
    void *arg;
};

struct round {
    struct round *next;
    char key[ROUND_KEY_SIZE];
    bool looking;
    struct asker *first, **last;
    max_align_t result[];
};

struct slot {
    pthread_mutex_t lock;
    struct round *first; /* waiting or looking: at most one of each for a key */
};

struct rounds {
    size_t result_size;
    round_look *look;
    round_ready *ready;
    round_end *end;
    struct slot slots[SLOTS];
};

struct rounds *rounds_new(size_t result_size, round_look *look, round_ready *ready,
                          round_end *end) {
    struct rounds *rs = calloc(1, sizeof(*rs));
    if (!rs)
        return NULL;
    rs->result_size = result_size;
    rs->look = look;
    rs->ready = ready;
    rs->end = end;
    for (int i = 0; i < SLOTS; i++)
        pthread_mutex_init(&rs->slots[i].lock, NULL);
    return rs;
}

void rounds_free(struct rounds *rs) {
    if (!rs)
        return;
    for (int i = 0; i < SLOTS; i++)
        pthread_mutex_destroy(&rs->slots[i].lock);
    free(rs);
}

static struct slot *slot_of(struct rounds *rs, const char *key) {
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *p = key; *p; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619u;
    return &rs->slots[hash % SLOTS];
}

static struct round *find(struct slot *s, const char *key, bool looking) {
    for (struct round *r = s->first; r; r = r->next)
        if (r->looking == looking && strcmp(r->key, key) == 0)
            return r;
    return NULL;
}

static struct round *add(struct rounds *rs, struct slot *s, const char *key) {
    struct round *r = calloc(1, sizeof(*r) + rs->result_size);
    if (!r)
        return NULL;
    memcpy(r->key, key, strlen(key) + 1);
    r->last = &r->first;
    r->next = s->first;
    s->first = r;
    return r;
}

static void take_off(struct slot *s, const struct round *r) {
    for (struct round **p = &s->first; *p; p = &(*p)->next)
        if (*p == r) {
            *p = r->next;
            break;
        }
}

/* Everybody gets the result; the round is gone. */
static void deliver(struct rounds *rs, struct round *r) {
    for (struct asker *a = r->first, *next; a; a = next) {
        next = a->next;
        rs->ready(a->arg, r->result);
        free(a);
    }
    rs->end(r->result);
    free(r);
}

/* Looks for this round, and for the next as long as somebody waits for one.  Locked on entry. */
static void lead(struct rounds *rs, struct slot *s, struct round *r) {
    while (r) {
        r->looking = true; /* from here on nobody joins */
        pthread_mutex_unlock(&s->lock);
        rs->look(r->first->arg, r->result);
        pthread_mutex_lock(&s->lock);
        struct round *next = find(s, r->key, false);
        take_off(s, r);
        pthread_mutex_unlock(&s->lock);
        deliver(rs, r);
        r = next;
        if (r)
            pthread_mutex_lock(&s->lock);
    }
}

bool round_ask(struct rounds *rs, const char *key, void *arg) {
    if (strlen(key) >= ROUND_KEY_SIZE)
        return false;
    struct slot *s = slot_of(rs, key);
    struct asker *a = malloc(sizeof(*a));
    if (!a)
        return false;
    *a = (struct asker){.arg = arg};
    pthread_mutex_lock(&s->lock);
    bool under_way = find(s, key, true) != NULL;
    struct round *r = find(s, key, false);
    bool leads = !r && !under_way;
    if (!r)
        r = add(rs, s, key);
    if (!r) {
        pthread_mutex_unlock(&s->lock);
        free(a);
        return false;
    }
    *r->last = a;
    r->last = &a->next;
    if (leads)
        lead(rs, s, r);
    else
        pthread_mutex_unlock(&s->lock);
    return true;
}
