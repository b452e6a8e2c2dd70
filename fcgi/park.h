/*
 * park.h - requests that wait for the bank, without a thread.
 *
 * A handler that has started something says what it waits for and how it goes on (app_wait_then), and
 * returns.  The request is left, its connection and a few kilobytes, until there is news of the
 * attempt or the time is over; then a worker goes on with it.  So no number of requests that wait for
 * a slow bank keeps a page from being answered, or a refund from being begun.
 */
#ifndef OTPREFUND_PARK_H
#define OTPREFUND_PARK_H

#include "fcgi/app.h"

/*
 * Leaves the visit if its handler wants to wait.  true: somebody goes on with it and answers it
 * (serve_answered): v, its request and its reply are not to be looked at any more.  false: it is
 * complete.
 */
bool park(struct visit *v);

#endif
