/*
 * serve.h - FastCGI connections and the worker threads that answer them.
 *
 * Connections wait in an epoll set; a worker takes one only when bytes are there, so idle kept
 * connections (nginx: fastcgi_keep_conn on) hold no thread.  libfcgi reads a request's
 * variables (gate.h); accepting, waiting, closing and the body are ours, because the library can do
 * these only by blocking, or not safely.
 */
#ifndef OTPREFUND_SERVE_H
#define OTPREFUND_SERVE_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi/reply.h"
#include "fcgi/request.h"

/*
 * Answers one request: fills and finishes *reply.  refused: 0, or the status with which
 * request_parse refused it (why says it).  true: answered.  false: somebody has called
 * serve_answered(reply) or will, on any thread; request and reply stay until then.  A request that
 * is left so holds no thread, and a few kilobytes.
 */
typedef bool serve_handler(void *arg, struct request *request, int refused, const char *why,
                           struct reply *reply);

/* The reply of a request whose handler said false is finished.  Any worker's thread. */
void serve_answered(struct reply *reply);

/* For whoever answers on others' behalf too: from here on neither reading nor writing waits for the web
 * server.  Where that is needed, the connection is cut. */
void serve_no_wait(struct reply *reply);

/* What goes on with such a request; borrowed until it runs. */
struct serve_task {
    struct serve_task *next; /* the server's own */
    void (*run)(struct serve_task *);
};

/* Has a worker run it soon.  Any thread; waits for nobody. */
void serve_soon(struct reply *reply, struct serve_task *task);

struct serve;
struct crew;

/* Starts workers threads on a listening socket (set non-blocking, not owned).  Above most connections at
 * once a request is answered with 503 (descriptors.h says why).  crew: theirs, whom the handler tells
 * before it waits, or NULL; borrowed.  quiet: runs once a while has passed without a request, or NULL.
 * NULL with why: could not. */
typedef void serve_quiet(void *arg);
struct serve *serve_start(int listen_fd, int workers, int most, struct crew *crew,
                          serve_handler *handler, serve_quiet *quiet, void *arg, char *why,
                          size_t why_size);
/* Takes no further requests, lets those that have come finish (also those left by their handlers:
 * whatever they wait for must come), ends the threads, frees.  Connections without a request are closed
 * at once, the others after their answer; what still waits at the socket's door stays there.  NULL
 * allowed. */
void serve_stop(struct serve *s);

#endif
