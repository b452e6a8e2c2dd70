/*
 * callback.h - the bank's POST to the merchant's callback URL, made by a few helper threads.
 */
#ifndef OTPREFUND_BANK_CALLBACK_H
#define OTPREFUND_BANK_CALLBACK_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/bank/timer.h"

#define CALLBACK_URL_MAX 512
#define CALLBACK_BODY_MAX 1024
#define CALLBACK_LIMIT_MS 5000

struct callbacks;

/* Starts the threads.  NULL when that is not possible. */
struct callbacks *callbacks_new(struct waits *w);

/*
 * Sets where callbacks go: http://host[:port][/path]; NULL or "" for nowhere.
 * False (and nothing changed) if the URL is not of that kind.
 */
bool callbacks_set_url(struct callbacks *c, const char *url);

/* Copies the URL; "" if there is none. */
void callbacks_get_url(struct callbacks *c, char *url, size_t size);

/* Whether a callback would go anywhere. */
bool callbacks_wanted(struct callbacks *c);

/*
 * POSTs body (copied) and then wakes `id`, whether it was acknowledged or not, within
 * CALLBACK_LIMIT_MS of its turn.  False if it could not be queued.
 */
bool callbacks_post(struct callbacks *c, const char *body, wait_id id);

/* Gives up what is under way, and joins the threads. */
void callbacks_stop(struct callbacks *c);
void callbacks_free(struct callbacks *c);

#endif
