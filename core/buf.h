/*
 * buf.h - a growing byte buffer with a maximum given at creation.
 */
#ifndef OTPREFUND_BUF_H
#define OTPREFUND_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *bytes; /* owned; NUL-terminated when not NULL */
    size_t size; /* without the NUL */
    size_t room;
    size_t max;  /* without the NUL */
    bool failed; /* an append did not fit or memory ran out: the content is incomplete */
};

/* Starts empty, allocates nothing. */
void buf_init(struct buf *b, size_t max);
/* Appends; false and b->failed once it does not fit.  Later appends then do nothing. */
bool buf_add(struct buf *b, const void *bytes, size_t size);
bool buf_text(struct buf *b, const char *text); /* NULL appends nothing */
bool buf_format(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Frees (wiping first); leaves b empty and usable.  NULL allowed. */
void buf_free(struct buf *b);

#endif
