/* round.c - those who ask at the same moment are answered by one look. */
#include "fcgi/round.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/text.h"

#define SLOTS 256

struct asker {
    struct asker *next;
    void *arg;
};

/* Those who ask for one key. */
struct round {
    struct round *next_in_slot, *next; /* in the table; among those waiting */
    uint32_t hash;
    char key[ROUND_KEY_SIZE];
    bool looking;
    struct asker *first, **last;
    max_align_t result[];
};

struct rounds {
    size_t result_size;
    round_look *look;
    round_ready *ready;
    round_end *end;
    int looks_max;
    pthread_mutex_t lock;
    int looks;                   /* leaders there are */
    struct round *first, **last; /* waiting, in the order they came */
    struct round *slots[SLOTS];  /* waiting or looking: at most one of each for a key */
};

struct rounds *rounds_new(size_t result_size, int looks_max, round_look *look, round_ready *ready,
                          round_end *end) {
    struct rounds *rs = calloc(1, sizeof(*rs));
    if (!rs)
        return NULL;
    rs->result_size = result_size;
    rs->looks_max = looks_max > 1 ? looks_max : 1;
    rs->look = look;
    rs->ready = ready;
    rs->end = end;
    rs->last = &rs->first;
    pthread_mutex_init(&rs->lock, NULL);
    return rs;
}

void rounds_free(struct rounds *rs) {
    if (!rs)
        return;
    pthread_mutex_destroy(&rs->lock);
    free(rs);
}

static struct round *find(const struct rounds *rs, uint32_t hash, const char *key, bool looking) {
    for (struct round *r = rs->slots[hash % SLOTS]; r; r = r->next_in_slot)
        if (r->hash == hash && r->looking == looking && strcmp(r->key, key) == 0)
            return r;
    return NULL;
}

static struct round *add(struct rounds *rs, uint32_t hash, const char *key) {
    struct round *r = calloc(1, sizeof(*r) + rs->result_size);
    if (!r)
        return NULL;
    memcpy(r->key, key, strlen(key) + 1);
    r->hash = hash;
    r->last = &r->first;
    r->next_in_slot = rs->slots[hash % SLOTS];
    rs->slots[hash % SLOTS] = r;
    *rs->last = r;
    rs->last = &r->next;
    return r;
}

/* Those who have waited longest, each key once: one that is being looked at waits for its leader,
   so that a person who asks without end has one look at a time.  From here on nobody joins. */
static int take(struct rounds *rs, struct round *group[ROUND_KEYS]) {
    int n = 0;
    struct round **p = &rs->first;
    while (*p && n < ROUND_KEYS) {
        struct round *r = *p;
        if (find(rs, r->hash, r->key, true)) {
            p = &r->next;
            continue;
        }
        *p = r->next;
        if (!*p)
            rs->last = p;
        r->looking = true;
        group[n++] = r;
    }
    return n;
}

static void leave_table(struct rounds *rs, const struct round *r) {
    for (struct round **p = &rs->slots[r->hash % SLOTS]; *p; p = &(*p)->next_in_slot)
        if (*p == r) {
            *p = r->next_in_slot;
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

/* Looks for those who wait, as long as somebody does.  Locked on entry and at the end. */
static void lead(struct rounds *rs) {
    struct round *group[ROUND_KEYS];
    void *args[ROUND_KEYS], *results[ROUND_KEYS];
    rs->looks++;
    for (int n; (n = take(rs, group)) > 0;) {
        for (int i = 0; i < n; i++) {
            args[i] = group[i]->first->arg;
            results[i] = group[i]->result;
        }
        pthread_mutex_unlock(&rs->lock);
        rs->look(args, results, n);
        pthread_mutex_lock(&rs->lock);
        for (int i = 0; i < n; i++)
            leave_table(rs, group[i]);
        pthread_mutex_unlock(&rs->lock);
        for (int i = 0; i < n; i++)
            deliver(rs, group[i]);
        pthread_mutex_lock(&rs->lock);
    }
    rs->looks--;
}

bool round_ask(struct rounds *rs, const char *key, void *arg) {
    if (strlen(key) >= ROUND_KEY_SIZE)
        return false;
    uint32_t hash = text_hash(key);
    struct asker *a = malloc(sizeof(*a));
    if (!a)
        return false;
    *a = (struct asker){.arg = arg};
    pthread_mutex_lock(&rs->lock);
    struct round *r = find(rs, hash, key, false);
    /* Else a leader will come to it: one that is looking at this key, or any. */
    bool leads = !r && rs->looks < rs->looks_max && !find(rs, hash, key, true);
    if (!r)
        r = add(rs, hash, key);
    bool asked = r != NULL;
    if (asked) {
        *r->last = a;
        r->last = &a->next;
        if (leads)
            lead(rs); /* which frees r */
    }
    pthread_mutex_unlock(&rs->lock);
    if (!asked)
        free(a);
    return asked;
}
