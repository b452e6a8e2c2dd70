/*
 * checkpoint.h - named places at which a test stops the program.
 *
 * A build configured with --enable-checkpoints stops itself (SIGSTOP) the first time it passes the
 * place that the environment variable OTPREFUND_CHECKPOINT names, as "kind.place": the test then
 * kills it, cuts its connections or ends the database, and lets it go on.  In any other build a
 * checkpoint is nothing.  tests/chaos/crash.py finds the places by reading the sources, so both
 * arguments' words stand here as literals or come from the vocabulary (sql/record.h).
 */
#ifndef OTPREFUND_CHECKPOINT_H
#define OTPREFUND_CHECKPOINT_H

#ifdef OTPREFUND_CHECKPOINTS
/* Any thread.  kind: "otp", "refund", "inquiry", or the part of the program.  Never NULL. */
void checkpoint_pass(const char *kind, const char *place);
#define checkpoint(kind, place) checkpoint_pass((kind), (place))
#else
#define checkpoint(kind, place) ((void)0)
#endif

#endif
