/*
 * facts.h - what the simulated bank knows about a transaction: everything follows from its TID, so
 * a test can foretell it and nothing has to be stored.  All people are invented.
 */
#ifndef OTPREFUND_BANK_FACTS_H
#define OTPREFUND_BANK_FACTS_H

#include "tests/bank/book.h"

struct facts {
    int64_t amount; /* paise, 100.00 to 5000.00 rupees, not always whole rupees */
    int64_t fee;    /* paise; 0 where shape_r2 */
    bool shape_r2;  /* with --mixed Initiate answers R2: the digit before the last two is 7 to 9 */
    char mobile[11];
    char sender[24];
    const char *recipient;
    uint64_t bank_ref;     /* 10 digits */
    uint64_t refund_tid;   /* 10 digits */
    int64_t made_at;       /* when the transfer was made, ms since the epoch */
    unsigned variant;      /* 0 to 3: shape of inquiry answers, by the 4th digit from the end */
    char client_ref[20];   /* "REF" + TID */
};

/* Any thread; cannot fail. */
void facts_of(const struct bank_tid *tid, struct facts *f);

/* What a refund of this transaction credits, in paise: amount + fee. */
int64_t facts_refund(const struct facts *f);

#endif
