/*
 * timer.h - calls that wait: for a delay, for a callback, or for ever.  A waiting call is a
 * suspended MHD connection, not a sleeping thread; one thread holds all deadlines in a heap and
 * watches all sockets for clients that leave.
 */
#ifndef OTPREFUND_BANK_TIMER_H
#define OTPREFUND_BANK_TIMER_H

#include <microhttpd.h>
#include <stddef.h>
#include <stdint.h>

enum wait_end {
    WAIT_DUE,     /* the deadline has come */
    WAIT_WOKEN,   /* waits_wake() was called */
    WAIT_LEFT,    /* the client closed the connection */
    WAIT_STOPPED  /* the bank is stopping, or it could not wait (out of memory) */
};

#define WAIT_FOR_EVER INT64_C(-1)

typedef uint64_t wait_id; /* never used twice */

struct waits;

/* Starts the thread.  NULL and errno when that is not possible. */
struct waits *waits_new(void);

/*
 * Suspends the connection for ms milliseconds or WAIT_FOR_EVER.  To be called by the connection's
 * handler, which then returns MHD_YES and is called again when *end has been set; *end must live
 * until then.
 */
wait_id waits_hold(struct waits *w, struct MHD_Connection *c, int64_t ms, enum wait_end *end);

/* Ends one wait early; nothing if it is over already.  Any thread. */
void waits_wake(struct waits *w, wait_id id);

/* How many calls wait now.  Any thread. */
size_t waits_count(struct waits *w);

/* Ends all waits with WAIT_STOPPED, as well as all that come later, and joins the thread. */
void waits_stop(struct waits *w);

/* After waits_stop() and after MHD has stopped. */
void waits_free(struct waits *w);

/* Real time in ms since the epoch; time since some start, which never jumps. */
int64_t clock_real_ms(void);
int64_t clock_mono_ms(void);

#endif
