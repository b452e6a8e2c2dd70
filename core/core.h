/*
 * core.h - what the parts of the core share: one running core.  Internal.
 */
#ifndef OTPREFUND_CORE_H
#define OTPREFUND_CORE_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/api.h"
#include "core/flight.h"
#include "core/http.h"
#include "core/otprefund.h"
#include "core/rule.h"
#include "core/secret.h"
#include "sql/journal.h"

struct callbacks;
struct listener;
struct resolver;

/* news.c; under the lock of the numbers. */
struct news {
    bool bank_lost;                         /* and that was told */
    int64_t bank_told_ms, resolver_told_ms; /* monotonic; 0: never */
};

struct otr {
    struct otr_config config; /* texts borrowed from the caller; numbers with defaults filled in */
    struct api_settings api;
    struct rule_times times;
    struct journal_limits limits;
    struct secret developer_key, access_key, master_key;
    char node[OTR_NAME_SIZE];
    struct journal *journal;
    struct http *http;
    struct flights *flights;
    struct resolver *resolver; /* NULL: switched off */
    struct listener *listener;
    struct callbacks *callbacks;
    atomic_bool listening; /* other nodes are heard just now */
    atomic_bool stopping;
    atomic_bool hurried; /* nobody is to wait any more */

    pthread_mutex_t numbers_lock;
    struct otr_numbers numbers;
    struct news news;
};

/* Times: milliseconds since the epoch, and on a clock that never steps. */
/* Fills f from a journal status; returns the matching otr_status. */
enum otr_status core_journal_status(enum journal_status s, struct otr_fault *f);
/* Sets f and returns s. */
enum otr_status core_fault(struct otr_fault *f, enum otr_status s, enum otr_whose whose,
                           const char *detail);

/* An idempotency key: 1..128 visible ASCII characters (refund.c).  NULL: false. */
bool core_key_valid(const char *key);

/* Starts an inquiry about an open attempt or, with about 0, about whatever is open on tid
 * (refund.c). */
enum otr_status refund_inquire(struct otr *o, const struct otr_who *w, const char *tid,
                               const char *client_ref_id, int64_t about_attempt_id, int inquiries,
                               int64_t *attempt_id, struct otr_fault *f);

/* What the answers to n flights (up to FLIGHTS_AT_ONCE) mean, and their way into the journal
 * (refund.c).  Runs on a finisher thread. */
void refund_finish(struct otr *o, struct flight *const flights[], int n);

/* news.c: what nobody's answer says, to otr_config.tell. */
void news_call(struct otr *o, const struct http_result *r); /* after each call to the bank */
void news_resolver(struct otr *o, const char *why);
void news_callback_lost(struct otr *o, const char *tid);

/* resolver.c */
struct resolver *resolver_start(struct otr *o);
void resolver_stop(struct resolver *r); /* ends the thread; NULL allowed */
void resolver_free(struct resolver *r); /* once nobody can poke it any more; NULL allowed */
void resolver_poke(struct resolver *r); /* look at the queue now; NULL allowed */

/* listener.c: hears other nodes; wakes the resolver and those who wait for a resolution. */
struct listener *listener_start(struct otr *o); /* NULL: no memory or no threads */
void listener_stop(struct listener *l);         /* ends the thread and frees; NULL allowed */

/* callbacks.c: holds the bank's callbacks (otr_callback) until the journal has taken them. */
struct callbacks *callbacks_start(struct otr *o); /* NULL: no memory or no threads */
/* Takes no more; what is held is tried until until_ms, monotonic.  NULL allowed. */
void callbacks_stop(struct callbacks *c, int64_t until_ms);
/* After callbacks_stop: waits for the thread and frees; how many were lost.  NULL allowed: 0. */
int callbacks_end(struct callbacks *c);
void callbacks_count(struct callbacks *c, int *held, uint64_t *dropped);

#endif
