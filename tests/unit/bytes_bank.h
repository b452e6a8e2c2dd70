/*
 * bytes_bank.h - a bank whose answers are byte sequences, and the real core that asks it: otr_refund,
 * otr_send_otp and otr_inquire over core/http.c, with a journal in memory.
 */
#ifndef TESTS_BYTES_BANK_H
#define TESTS_BYTES_BANK_H

#include "core/core.h"
#include "tests/unit/http_server.h"

#define BYTES_BODY 2048

/* A line of tests/cases/answers.tsv; @@@@@@@@ stands for the TID that was asked about. */
struct bytes_sample {
    char name[48];
    enum otr_kind kind;
    int http;
    enum otr_outcome proves; /* by the whole body */
    char body[BYTES_BODY];
};

/* Reads the table; false with a line on stderr. */
bool bytes_samples(void);
/* By name; aborts where there is none. */
const struct bytes_sample *bytes_sample(const char *name);
/* One after the other, NULL after the last. */
const struct bytes_sample *bytes_sample_at(int i);

/* One attempt and the answer it gets. */
struct bytes_item {
    const char *what; /* for the report */
    const struct bytes_sample *sample;
    const char *answer; /* borrowed; @@@@@@@@ becomes the attempt's TID */
    size_t size;        /* so much of it is sent */
    enum server_end end;
    bool may_prove, must_prove; /* neither: the outcome must be unknown */

    /* what happened */
    atomic_int posts, gets;
    int found; /* findings */
    enum otr_outcome outcome;
    enum otr_reason reason;
    enum otr_resolution resolution;
    int next_inquiry_ms;
};

struct bytes_tally {
    long answers, unknown, proven, wrong, twice;
};

/*
 * Makes all the attempts, window of them at a time, each about a TID of its own, and judges each:
 * unknown, or where the item allows it what the sample proves; exactly one POST on the wire, on one
 * connection.  Tells the first few that are wrong.  True: none is.
 */
bool bytes_run(struct bytes_item *items, int n, enum server_manner manner, int timeout_ms,
               int window, struct bytes_tally *tally);

bool bytes_open(void); /* scratch files; false: none to be had */
void bytes_close(void);

#endif
