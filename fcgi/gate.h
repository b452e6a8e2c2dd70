/*
 * gate.h - looks at what waits on a FastCGI connection before the library reads it.
 *
 * libfcgi 2.4.2 trusts the web server: it ends the process where its own memory runs out, adds the
 * lengths of a name and a value without a bound (CVE-2025-23016), writes its answer to FCGI_GET_VALUES
 * over a buffer of 64 bytes, and waits for the rest of a cut request as long as the socket lets it.
 * So it is given a request's variables, and nothing else, when all are there, are well formed and are
 * few; the body is read by body.c.
 * Specification: FastCGI 1.0, sections 3.3, 3.4, 5.1, 5.2.
 */
#ifndef OTPREFUND_GATE_H
#define OTPREFUND_GATE_H

#include <stdbool.h>
#include <stddef.h>

#define GATE_PARAMS_MAX 49152 /* bytes of all variables together */
#define GATE_PAIRS_MAX  256   /* variables */
#define GATE_SIZE       65536 /* of what is looked at: the variables with their records' heads */
#define GATE_WAIT_MS    1000  /* for the rest of the variables */

enum gate_verdict {
    GATE_READY,     /* the library may read it */
    GATE_WAIT,      /* well so far, but more must come */
    GATE_GONE,      /* the other side has closed, or says no more */
    GATE_TOO_LARGE, /* too many or too long variables */
    GATE_FOREIGN,   /* not a FastCGI request, or one of a kind that is not served */
};

/*
 * Judges the first size bytes of a request; bytes is overwritten.  *id: the request's number, 0 while it is
 * not known.  Pure; any thread.
 */
enum gate_verdict gate_judge(unsigned char *bytes, size_t size, unsigned *id);

/* What gate_wait saw of a request that is GATE_READY. */
struct gate_look {
    unsigned id;    /* 0: not known */
    size_t end;     /* bytes up to the end of the last head of its variables */
    size_t padding; /* that come after it, before the body */
    bool no_body;   /* the empty body is there, and nothing else */
};

/*
 * Waits until the request on fd can be judged, at most wait_ms; takes nothing off the socket.  room
 * has GATE_SIZE bytes and is wiped: the body may hold an OTP.  GATE_WAIT only where wait_ms
 * is 0.
 */
enum gate_verdict gate_wait(int fd, unsigned char *room, int wait_ms, struct gate_look *look);

/*
 * Takes the variables of a request that is GATE_READY off fd, up to look->end and with no_body the
 * empty body too, and sends them, without the padding that libfcgi trips over, to to: a socket of our
 * own with room for GATE_SIZE bytes.  room as above.  false: it could not.
 */
bool gate_take(int fd, unsigned char *room, const struct gate_look *look, int to);

/* Answers request id with a status (400, 431 or 503) and a sentence, without the library and without
 * memory.  The caller closes fd. */
void gate_refuse(int fd, unsigned id, int status);

#endif
