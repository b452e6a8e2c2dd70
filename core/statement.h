/*
 * statement.h - reads a bank's statement of refunds from CSV (RFC 4180, UTF-8), line by line.
 *
 * The first line names the columns, in any order and case: tid, amount (what was credited, in
 * rupees) and booked_at; refund_tid and reference may be there; others are left out.  Nothing is
 * guessed: what is not exactly as it should be is refused, with line, column and what to do.
 * Pure: no file, no clock, no memory of its own.  Any thread, one reader each.
 */
#ifndef OTPREFUND_STATEMENT_H
#define OTPREFUND_STATEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sql/journal.h"

#define STATEMENT_SIZE_MAX    (32u << 20) /* bytes of a file */
#define STATEMENT_LINES_MAX   200000      /* credits in a file */
#define STATEMENT_COLUMNS_MAX 64
#define STATEMENT_FIELD_MAX   1024        /* bytes of any field */
#define STATEMENT_AMOUNT_MAX  10000000000 /* paise: ten crore rupees */
#define STATEMENT_WHY_SIZE    320

enum statement_column {
    STATEMENT_TID,
    STATEMENT_AMOUNT,
    STATEMENT_BOOKED_AT,
    STATEMENT_REFUND_TID,
    STATEMENT_REFERENCE,
    STATEMENT_COLUMN__MAX
};

/* When credits of this statement may be booked: ms since the epoch; 0: nobody has said. */
struct statement_period {
    int64_t from, to; /* from this moment on, before that one */
};

/* Filled by statement_open; lines, total, first and last are for who reads. */
struct statement_reader {
    char *at, *end;                            /* what is left */
    int line;                                  /* of the file, from 1 */
    int columns, place[STATEMENT_COLUMN__MAX]; /* place: -1 for a column that is not there */
    struct statement_period told;
    int64_t now;
    int lines;                    /* credits so far */
    int64_t total;                /* paise */
    int64_t first, last;          /* booked_at, of the earliest and the latest */
    char why[STATEMENT_WHY_SIZE]; /* what is wrong, and what to do: a line of ASCII, none of the
                                     file's own words */
};

/*
 * Begins, and reads the names of the columns.  bytes: size of them and room for one more; they are
 * the caller's, decoded in place, and must stay as long as lines of them are used.  now: credits
 * cannot be booked later, but for five minutes of two clocks' difference.  false: r->why.
 */
bool statement_open(struct statement_reader *r, char *bytes, size_t size,
                    const struct statement_period *told, int64_t now);

enum statement_step { STATEMENT_LINE, STATEMENT_END, STATEMENT_BAD };
/* The next credit, its texts inside bytes; _END: that was all; _BAD: r->why, and no more of it. */
enum statement_step statement_next(struct statement_reader *r, struct journal_statement_line *l);

/*
 * After _END: what time the statement covers.  What nobody has said: from the first moment of the
 * day of the first credit to the last moment of the day of the last one, India's days; never past
 * now, when the bank may still book more.  false: there is no credit to tell by, or no time in it.
 */
bool statement_covers(const struct statement_reader *r, struct statement_period *p);

/* "2026-11-01": the first moment of that day in India, ms since the epoch; 0: not a day. */
int64_t statement_day(const char *text);
/* The first moment of the day in India that ms lies in. */
int64_t statement_midnight(int64_t ms);
#define STATEMENT_DAY_MS INT64_C(86400000)

#endif
