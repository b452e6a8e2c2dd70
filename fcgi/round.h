/*
 * round.h - those who ask at the same moment are answered by one look.
 *
 * Whoever asks gets what a look that began after he asked has found, never an earlier one.  While all
 * the looks that may be under way at once are, those who come wait, and the next look is for all of
 * them: once for each key, in the order they came.  Its results are forgotten when the last of them
 * has them.  So a login disabled, an attempt made, here or on another node, is seen by the very next
 * request, whatever the rate; and the fewer looks keep up, the more each of them answers.  Nobody
 * blocks: who waits has left a callback, and the thread that looks makes the rounds.
 */
#ifndef OTPREFUND_ROUND_H
#define OTPREFUND_ROUND_H

#include <stdbool.h>
#include <stddef.h>

#define ROUND_KEY_SIZE 80
#define ROUND_KEYS     64 /* answered by one look */

/* Looks for n keys (up to ROUND_KEYS): args[i] is what somebody who asks for the i-th left; fills
 * *results[i], which is zeroed before. */
typedef void round_look(void *const args[], void *const results[], int n);
/* Takes the result, which is gone when this returns.  Must not ask again. */
typedef void round_ready(void *arg, const void *result);
/* Ends a result: what it owns is freed. */
typedef void round_end(void *result);

struct rounds;

/* Results of that size; at most looks_max (at least 1) looks at once.  NULL: no memory. */
struct rounds *rounds_new(size_t result_size, int looks_max, round_look *look, round_ready *ready,
                          round_end *end);
void rounds_free(struct rounds *r); /* once nobody asks; NULL allowed */

/*
 * Calls ready(arg, result) once, with the result of a look that began after this call: before it
 * returns, or later on another thread.  Asks of the same key must mean the same.  false: no memory,
 * or key is not shorter than ROUND_KEY_SIZE; ready is not called then.
 */
bool round_ask(struct rounds *r, const char *key, void *arg);

#endif
