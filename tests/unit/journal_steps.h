/*
 * journal_steps.h - the small steps that tests of the journal are made of.
 */
#ifndef OTPREFUND_TESTS_JOURNAL_STEPS_H
#define OTPREFUND_TESTS_JOURNAL_STEPS_H

#include "sql/journal.h"

extern struct journal *j; /* between steps_open and steps_close */
extern const unsigned char mac_a[32], mac_b[32];

bool steps_open(void); /* a fresh database and a journal in it; false with a line on stderr */
void steps_close(void);

/* Each test works on transactions of its own.  Valid for seven more calls. */
const char *new_tid(void);
const char *new_key(void);

/* An intent without limits, with a fresh key unless it is an inquiry. */
struct journal_intent intent(enum otr_kind kind, const char *tid);
/* Records such an intent and asserts that it was. */
int64_t begin(enum otr_kind kind, const char *tid);
struct journal_finding finding(int64_t id, enum otr_kind kind, enum otr_outcome outcome);
void settle(struct journal_finding *f, int64_t id, enum otr_resolution r, enum otr_how how);
/* Rows of otprefund.TABLE with this attempt_id. */
int64_t count(const char *table, int64_t id);
struct otr_attempt look(int64_t id);
/* Makes the attempt, its outcome and its place in the queue older by so many seconds. */
void set_back(int64_t id, int seconds);

#endif
