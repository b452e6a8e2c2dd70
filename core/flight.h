/*
 * flight.h - attempts on their way: from the committed intent to the committed outcome.
 *
 * Many calls are in flight, few threads serve them: the HTTP engine's I/O thread hands each result
 * to a pool of finishers, and whoever waits for an attempt sleeps here, or has left word.
 */
#ifndef OTPREFUND_FLIGHT_H
#define OTPREFUND_FLIGHT_H

#include "core/http.h"
#include "sql/record.h"

struct flights;

struct flight {
    struct flights *home;
    int64_t attempt_id;
    enum otr_kind kind;
    char tid[OTR_TID_SIZE];
    char client_ref_id[OTR_REF_SIZE];
    int64_t about_attempt_id; /* inquiry: the open attempt it may settle, 0: none */
    int64_t about_age_ms;     /* its age when the inquiry was recorded */
    int inquiries;            /* made before this one */
    int64_t known_amount;     /* of the transaction */

    /* What came back, copied from the engine, and when, monotonic. */
    struct http_result result; /* .body is owned here */
    int64_t landed_ms;

    struct otr_attempt *seen; /* as the journal has it now, owned here; NULL: it was not read */

    struct flight *next_waiting, *next_done; /* the tables' own */
};

#define FLIGHTS_AT_ONCE 64

/* Runs on a finisher thread, for n flights (up to FLIGHTS_AT_ONCE) that have landed; must not free
 * them.  What is seen is told to those who watch. */
typedef void flight_finish(void *arg, struct flight *const f[], int n);

/* NULL: no memory or no threads. */
struct flights *flights_open(int finishers, flight_finish *finish, void *arg);

/* A zeroed flight, entered in the table of those on their way under attempt_id; NULL: no memory. */
struct flight *flight_new(struct flights *fs, int64_t attempt_id);

/* For the engine's http_done: copies the result and hands the flight to a finisher, who ends it. */
void flight_landed(struct flight *f, const struct http_result *r);

/*
 * Sleeps while attempt_id is on its way here or until something about it happens, at most wait_ms.
 * Returns at once when it is not on its way here and event_too is false.
 */
void flights_wait(struct flights *fs, int64_t attempt_id, int wait_ms, bool event_too);

/* What is told who watches, with what was seen of it at its landing (NULL: nothing; borrowed).  Under a
 * lock of the flights: it must be quick and ask them nothing. */
typedef void flight_told(void *arg, const struct otr_attempt *seen);

/*
 * As flights_wait, but nobody sleeps: told(arg) is called once, before this returns or later on
 * another thread, up to 20 ms after wait_ms.  false: no memory; it is not called.
 */
bool flights_watch(struct flights *fs, int64_t attempt_id, int wait_ms, bool event_too,
                   flight_told *told, void *arg);

/* Does anybody watch attempt_id just now? */
bool flights_watched(struct flights *fs, int64_t attempt_id);

/* Wakes and tells those who wait for an event of attempt_id. */
void flights_event(struct flights *fs, int64_t attempt_id);

/* Wakes and tells everybody now, and whoever waits later at once. */
void flights_hurry(struct flights *fs);

/* Landed, but not yet finished (outcome not written). */
int flights_unfinished(struct flights *fs);

/* Waits until all landed flights are finished, at most grace_ms, tells who still watches, ends the
 * threads and frees everything. */
void flights_close(struct flights *fs, int grace_ms);

/* True once flights_close has run out of grace: a finisher that keeps trying gives up. */
bool flights_giving_up(struct flights *fs);

#endif
