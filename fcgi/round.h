/*
 * round.h - many who ask the same at the same moment are answered by one look.
 *
 * Nothing is cached: whoever asks gets what was looked up after he asked, never before.  While a
 * look is under way, those who come share the next one; its result is forgotten when the last of
 * them has it.  So a login disabled, an attempt made, here or on another node, is seen by the very
 * next request, whatever the rate.  Nobody blocks: who comes while a look is under way leaves a
 * callback, and the thread that looks makes the rounds.
 */
#ifndef OTPREFUND_ROUND_H
#define OTPREFUND_ROUND_H

#include <stdbool.h>
#include <stddef.h>

#define ROUND_KEY_SIZE 80

/* Looks: fills *result, which is zeroed before. */
typedef void round_look(void *arg, void *result);
/* Takes the result, which is gone when this returns.  Must not ask again. */
typedef void round_ready(void *arg, const void *result);
/* Ends a result: what it owns is freed. */
typedef void round_end(void *result);

struct rounds;

/* Results of that size.  NULL: no memory. */
struct rounds *rounds_new(size_t result_size, round_look *look, round_ready *ready, round_end *end);
void rounds_free(struct rounds *r); /* once nobody asks; NULL allowed */

/*
 * Calls ready(arg, result) once, with the result of a look that began after this call: before it
 * returns, or later on another thread.  arg is what the look gets too, if it is the first of its
 * round; asks of the same key must mean the same.  false: no memory, or key is not shorter than
 * ROUND_KEY_SIZE; ready is not called then.
 */
bool round_ask(struct rounds *r, const char *key, void *arg);

#endif
