/*
 * guests.h - the web server's connections: how many there are, and on which of them nobody works (idle,
 * kept for the next request, or with one that no worker has taken yet).
 *
 * epoll does not tell which they are, and an orderly stop has to: else the web server sends its next
 * request to somebody who has left.  Whoever wants to work on such a connection, or to close it, takes it
 * out first; what was taken out is the taker's alone, whatever events are still on their way.
 */
#ifndef OTPREFUND_GUESTS_H
#define OTPREFUND_GUESTS_H

#include <stdbool.h>

struct guests;

/* most: connections at once.  NULL: no memory.  free: whoever is in it stays open; NULL allowed. */
struct guests *guests_new(int most);
void guests_free(struct guests *g);

/* ---- any thread ------------------------------------------------------------------------------ */

/* A new connection is one more.  false: there are as many as may be, or there is no memory: it is not. */
bool guests_let_in(struct guests *g, int fd);

/* Closes fd, which was let in and is taken out: one less. */
void guests_leave(struct guests *g, int fd);

/*
 * Nobody works on fd any more, which was let in.  Calls watch(arg, op, fd) for it, and nobody takes fd
 * out before that has returned: the event may come first.  false: watch said so; fd is still the
 * caller's.
 */
typedef bool guests_watch(void *arg, int op, int fd);
bool guests_seat(struct guests *g, int fd, guests_watch *watch, void *arg, int op);

/* Takes fd out.  false: it is not in it: somebody else works on it, or it is closed. */
bool guests_take(struct guests *g, int fd);

/* Takes one out, whichever.  -1: there is none. */
int guests_take_any(struct guests *g);

#endif
