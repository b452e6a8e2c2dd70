/*
 * descriptors.h - who may have how many of the process's descriptors (RLIMIT_NOFILE).
 *
 * The web server opens connections as it likes; were they to take all there are, calls to the bank would
 * end as not sent and the database could not be reached again.  So it is let in up to a number, the bank's
 * calls have theirs, and what is kept back from both is:
 *   64                       the listening socket, logs, epoll sets, looking up names and certificates
 *   2 for each worker        its way to the library (serve.c)
 *   2 for each connection to the database, the one that listens too: itself, and what libpq reads while
 *                            it connects again
 * A refund under way takes one of the web server's and one of the bank's: calls have half of the rest, or
 * as many as they may be if that is less; the web server has what is left.
 */
#ifndef OTPREFUND_DESCRIPTORS_H
#define OTPREFUND_DESCRIPTORS_H

#include <stdint.h>

#define DESCRIPTORS_OWN    64
#define DESCRIPTORS_FEWEST 16 /* for either, even where the limit is too low for that */

struct descriptors {
    int connections; /* of the web server, at once */
    int calls;       /* to the bank, at once; max_in_flight at most */
};

/*
 * Shares out limit descriptors.  workers: threads; database: [journal] connections; max_in_flight: calls
 * that are allowed.  However low the limit, either has DESCRIPTORS_FEWEST.  Pure; any thread.
 */
void descriptors_share(uint64_t limit, int workers, int database, int max_in_flight,
                       struct descriptors *d);

#endif
