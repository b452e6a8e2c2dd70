/*
 * round.h - many who ask the same at the same moment are answered by one look.
 *
 * Nothing is cached: whoever asks gets what was looked up after he asked, never before.  While a
 * look is under way, those who come wait for the next one and share it; its result is forgotten when
 * the last of them has it.  So a login disabled, an attempt made, here or on another node, is seen
 * by the very next request, whatever the rate.
 */
#ifndef OTPREFUND_ROUND_H
#define OTPREFUND_ROUND_H

#include <stddef.h>

#define ROUND_KEY_SIZE 80

/* Looks: fills *result, which is zeroed before.  Runs in the thread of one of those who asked. */
typedef void round_look(void *arg, void *result);
/* Ends a result: what it owns is freed. */
typedef void round_end(void *result);

struct rounds;
struct round;

/* Results of that size.  NULL: no memory. */
struct rounds *rounds_new(size_t result_size, round_end *end);
void rounds_free(struct rounds *r); /* once nobody asks; NULL allowed */

/*
 * The result of a look that began after this call; arg is used if this thread is the one to look, so
 * arg of the same key must mean the same.  key: shorter than ROUND_KEY_SIZE.  NULL: no memory, or
 * the key is too long.  Blocks.  Give it back with round_give.
 */
struct round *round_take(struct rounds *r, const char *key, round_look *look, void *arg);
const void *round_result(const struct round *round);
void round_give(struct round *round); /* NULL allowed */

#endif
