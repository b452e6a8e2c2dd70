/*
 * faults.h - the share of calls that go wrong whatever their TID, drawn from a seed so that a run
 * can be repeated.  No lock: the caller holds one.
 */
#ifndef OTPREFUND_BANK_FAULTS_H
#define OTPREFUND_BANK_FAULTS_H

#include <stdint.h>

/* Shares are 0 to 1 and are drawn in this order; together they count up to 1. */
struct faults {
    double latency_ms; /* before every answer */
    double drop;       /* connection reset */
    double error_502;
    double silent;     /* no answer ever */
    double seed;       /* of the draw; 0: none was given */
};

enum fault { FAULT_NONE, FAULT_DROP, FAULT_502, FAULT_SILENT };

/* The next number of the draw, 0 <= result < 1, and its state. */
double faults_random(uint64_t *state);

/* Which fault the next call meets. */
enum fault faults_draw(const struct faults *f, uint64_t *state);

/* 64 random bits of the system, not repeatable. */
uint64_t random_bits(void);

#endif
