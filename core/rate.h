/*
 * rate.h - never more than so many starts in any second.  Pure: the caller has the clock and the lock.
 *
 * There are as many places as starts are allowed in a second.  Who starts takes the place that was
 * used longest ago, and may start once a whole second has passed since the one before him there had
 * started for certain: so no window of a second holds more starts than there are places, however
 * long each of them takes and however late it is.
 */
#ifndef OTPREFUND_RATE_H
#define OTPREFUND_RATE_H

#include <stdint.h>

struct rate;

/* All places are free.  NULL: no memory. */
struct rate *rate_new(int per_second);
void rate_free(struct rate *r); /* NULL allowed */

/* Takes the next place; *from_ms: who has it starts no sooner.  No more than per_second may have a
   place and not have started. */
int rate_take(struct rate *r, int64_t *from_ms);
/* Who has the place has started by now_ms, on the clock of from_ms, in ms rounded down. */
void rate_started(struct rate *r, int place, int64_t now_ms);

#endif
