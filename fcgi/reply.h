/*
 * reply.h - the answer being made: status, headers and body, sent as one piece, or a body sent in
 * pieces.
 *
 * Every answer carries the security headers (ASVS 3.4: CSP, nosniff, Referrer-Policy, COOP, CORP)
 * and, unless told otherwise, Cache-Control: no-store.
 */
#ifndef OTPREFUND_REPLY_H
#define OTPREFUND_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

#define REPLY_BODY_MAX (4u << 20)

/* Sends size bytes to the web server; false: it is gone. */
typedef bool reply_writer(void *arg, const char *bytes, size_t size);

struct reply {
    int status;
    const char *type; /* Content-Type with charset */
    bool cacheable;   /* no Cache-Control: no-store from us */
    struct buf head;  /* further header lines */
    struct buf body;
    const char *lent; /* the body instead, borrowed (reply_lend); NULL: none */
    size_t lent_size;
    bool head_only; /* HEAD: everything but the body */
    bool started;   /* the head is out */
    bool broken; /* the body could not be completed: cut the connection, so that nobody takes it for
                    whole */
    const char *request_id;
    reply_writer *write;
    void *write_arg;
    int64_t attempt_id;  /* for the log; 0: none */
    const char *pattern; /* for the log; NULL: no route */
};

/* 200, text/html, nothing in it.  request_id is borrowed. */
void reply_init(struct reply *r, reply_writer *write, void *write_arg, const char *request_id);
/* Forgets what was made so far, if none of it was sent; status and type are set anew. */
void reply_restart(struct reply *r, int status, const char *type);
/* Adds a header.  Line ends in the value are refused (the header is left out): it would be two. */
void reply_header(struct reply *r, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* 303 See Other to an absolute path. */
void reply_see_other(struct reply *r, const char *path);
/* The whole body is those bytes, which stay until reply_finish has returned, whatever is in the body. */
void reply_lend(struct reply *r, const char *bytes, size_t size);
/* A body in pieces: sends the head and whatever is in the body so far, and empties it.  false:
 * stop. */
bool reply_flush(struct reply *r);
/* Sends what has not been sent.  An answer that did not fit or found no memory goes out as a plain
 * 503. */
void reply_finish(struct reply *r);
void reply_free(struct reply *r);

/* The security headers that every answer carries, each with its line end. */
const char *reply_security(void);

/* "Not Found" of 404. */
const char *reply_reason(int status);

#endif
