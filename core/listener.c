/* listener.c - hears what other nodes do with the journal, so that nobody here sleeps past it. */
#include <stdlib.h>

#include "core/core.h"

#define ASK_MS 300000 /* so often the server is asked if it is there still */

struct listener {
    struct otr *core;
    struct journal_listener *journal;
    pthread_t thread;
    atomic_bool stop;
};

static void take_in(struct otr *o, const struct journal_news *n) {
    switch (n->event) {
    case JOURNAL_EVENT_UP: /* it may have missed something: one look */
    case JOURNAL_EVENT_LOST: /* and from now on it must look more often */
        atomic_store(&o->listening, n->event == JOURNAL_EVENT_UP);
        resolver_poke(o->resolver);
        break;
    case JOURNAL_EVENT_WAKE:
        resolver_poke(o->resolver);
        break;
    case JOURNAL_EVENT_SETTLED:
        flights_event(o->flights, n->attempt_id);
        break;
    case JOURNAL_EVENT_NONE:
        break;
    }
}

static void *listen_on(void *arg) {
    struct listener *l = arg;
    while (!atomic_load(&l->stop)) {
        struct journal_news n;
        journal_listen_wait(l->journal, -1, &n);
        take_in(l->core, &n);
    }
    return NULL;
}

struct listener *listener_start(struct otr *o) {
    struct listener *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->core = o;
    l->journal = journal_listen_open(o->config.conninfo, ASK_MS);
    if (l->journal && pthread_create(&l->thread, NULL, listen_on, l) == 0)
        return l;
    if (l->journal)
        journal_listen_close(l->journal);
    free(l);
    return NULL;
}

void listener_stop(struct listener *l) {
    if (!l)
        return;
    atomic_store(&l->stop, true);
    journal_listen_stop(l->journal);
    pthread_join(l->thread, NULL);
    journal_listen_close(l->journal);
    free(l);
}
