/*
 * body.h - the body of a FastCGI request, read from its connection without the library.
 *
 * libfcgi 2.4.2 takes any record in between: a FCGI_GET_VALUES there overwrites its stack like one
 * before the request does (gate.h).  Here only FCGI_STDIN of the request itself is read.
 * Specification: FastCGI 1.0, sections 3.3, 5.3.
 */
#ifndef OTPREFUND_BODY_H
#define OTPREFUND_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct body {
    int fd;
    unsigned id;
    size_t left, padding; /* of the record being read */
    int64_t since_ms;     /* of the first byte; 0: none was read yet */
    bool ended;           /* it was read to its end */
    bool broken;          /* it was cut, took too long, or was no body */
    bool no_wait;         /* set by whoever cannot: what is not there yet took too long */
};

/* padding: of the record before the body, still to come.  fd is borrowed, with a time limit. */
void body_start(struct body *b, int fd, unsigned id, size_t padding);

/* Up to size bytes to out.  0: its end, or broken is set.  One thread at a time. */
size_t body_read(struct body *b, char *out, size_t size);

#endif
