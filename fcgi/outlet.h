/*
 * outlet.h - the answer to a FastCGI request, written to its connection without the library.
 *
 * What is written is gathered and goes out as few records as may be, the end of the answer with the
 * last of them: most pages are one record and one write.  The room for it is borrowed while there is
 * something to send, and shared by all: a request that waits has none.
 * Specification: FastCGI 1.0, sections 3.3, 5.5.
 */
#ifndef OTPREFUND_OUTLET_H
#define OTPREFUND_OUTLET_H

#include <stdbool.h>
#include <stddef.h>

struct sheets; /* room for records, reused from answer to answer */
struct sheet;

struct outlet {
    struct sheets *sheets;
    struct sheet *sheet; /* borrowed; NULL: nothing was written yet, or there is no memory */
    int fd, id;
    int wait_ms; /* how long the web server may still keep us waiting */
};

/* Keeps room for at most so many records.  NULL: no memory.  free: no outlet has any; NULL allowed. */
struct sheets *sheets_new(int keep);
void sheets_trim(struct sheets *s); /* frees what nobody uses just now */
void sheets_free(struct sheets *s);

/* fd is borrowed; id: the request's.  wait_ms: how long all writes together may wait for the web server
 * to read: a slow reader holds a worker no longer. */
void outlet_start(struct outlet *o, struct sheets *s, int fd, int id, int wait_ms);

/* A reply_writer.  false: the web server is gone, or too slow. */
bool outlet_write(void *outlet, const char *bytes, size_t size);

/*
 * Sends the rest and the end, and gives back what was borrowed.  broken: the answer is not whole:
 * the connection is shut instead.  false: it cannot be used again.
 */
bool outlet_end(struct outlet *o, bool broken);

#endif
