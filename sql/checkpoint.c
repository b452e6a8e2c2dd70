/* checkpoint.c - stops the program at the place a test named; only with --enable-checkpoints. */
#include "sql/checkpoint.h"

#ifdef OTPREFUND_CHECKPOINTS
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void checkpoint_pass(const char *kind, const char *place) {
    static atomic_bool passed;
    char name[64];
    const char *wanted = getenv("OTPREFUND_CHECKPOINT");
    snprintf(name, sizeof name, "%s.%s", kind, place);
    if (wanted && strcmp(wanted, name) == 0 && !atomic_exchange(&passed, true))
        raise(SIGSTOP); /* every thread, and this one before its next step */
}
#else
typedef int checkpoint_nothing; /* ISO C has no empty file */
#endif
