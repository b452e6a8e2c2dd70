/* desk_copy.c - pages of desks as they were made, for those who show them within the same second. */
#include "fcgi/desk_copy.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/text.h"

#define PLACES 512 /* of 8 to 16 KB each, mostly */
#define TRIES  8   /* places a name may have: its own, or one of those behind it */
#define BACK_S 60  /* older than that is not late: the clock was set back */

/* All of one second; with the next one it begins empty. */
struct desk_copies {
    pthread_mutex_t lock;
    int64_t second;
    struct desk_copy *places[PLACES + TRIES];
};

struct desk_copies *desk_copies_new(void) {
    struct desk_copies *c = calloc(1, sizeof(*c));
    if (c)
        pthread_mutex_init(&c->lock, NULL);
    return c;
}

static void clear(struct desk_copies *c) {
    for (int i = 0; i < PLACES + TRIES; i++) {
        desk_copy_drop(c->places[i]);
        c->places[i] = NULL;
    }
}

void desk_copies_free(struct desk_copies *c) {
    if (!c)
        return;
    clear(c);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

struct desk_copy *desk_copy_make(const char *name, const struct otr_operator *who,
                                 const char *moment, int64_t second, const struct buf *page) {
    size_t length = strlen(name), moment_length = strlen(moment);
    if (page->failed || length >= OTR_NAME_SIZE || moment_length >= OTR_MOMENT_SIZE)
        return NULL;
    struct desk_copy *copy = malloc(sizeof(*copy) + page->size);
    if (!copy)
        return NULL;
    atomic_init(&copy->users, 1);
    copy->second = second;
    memcpy(copy->name, name, length + 1);
    memcpy(copy->moment, moment, moment_length + 1);
    copy->who = *who;
    copy->size = page->size;
    if (page->size)
        memcpy(copy->page, page->bytes, page->size);
    return copy;
}

void desk_copy_drop(struct desk_copy *copy) {
    if (copy && atomic_fetch_sub(&copy->users, 1) == 1)
        free(copy);
}

/* Its place, or the first empty one of those it may have; NULL: all are others'. */
static struct desk_copy **place_of(struct desk_copies *c, const char *name) {
    struct desk_copy **place = &c->places[text_hash(name) % PLACES];
    for (int i = 0; i < TRIES; i++)
        if (!place[i] || strcmp(place[i]->name, name) == 0)
            return &place[i];
    return NULL;
}

void desk_copies_keep(struct desk_copies *c, struct desk_copy *copy) {
    pthread_mutex_lock(&c->lock);
    bool late = copy->second < c->second && c->second - copy->second < BACK_S;
    if (copy->second != c->second && !late) {
        clear(c);
        c->second = copy->second;
    }
    struct desk_copy **place = late ? NULL : place_of(c, copy->name);
    if (place) {
        desk_copy_drop(*place);
        atomic_fetch_add(&copy->users, 1);
        *place = copy;
    }
    pthread_mutex_unlock(&c->lock);
}

void desk_copies_clear(struct desk_copies *c) {
    pthread_mutex_lock(&c->lock);
    clear(c);
    pthread_mutex_unlock(&c->lock);
}

struct desk_copy *desk_copies_find(struct desk_copies *c, const char *name, int64_t second) {
    struct desk_copy *copy = NULL;
    pthread_mutex_lock(&c->lock);
    struct desk_copy **place = second == c->second ? place_of(c, name) : NULL;
    if (place && *place) {
        copy = *place;
        atomic_fetch_add(&copy->users, 1);
    }
    pthread_mutex_unlock(&c->lock);
    return copy;
}
