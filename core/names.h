/*
 * names.h - the addresses of the bank's name: looked up once for all calls, and never waited for.
 *
 * libcurl looks a name up on a thread for each call that needs it, and joins that thread when the call
 * ends early: a name server that hangs would hold up every answer that is there already.
 * (CURLOPT_QUICK_EXIT does not join, but libcurl before 8.14 may then read what the thread has freed.)
 * So curl is given the addresses (CURLOPT_RESOLVE), and they are looked up here: one lookup of a name at
 * a time, on a thread of its own, which is left to itself where it does not end.
 */
#ifndef OTPREFUND_NAMES_H
#define OTPREFUND_NAMES_H

#include <stddef.h>
#include <stdint.h>

#define NAMES_FRESH_MS 60000  /* older: looked up again, and used meanwhile */
#define NAMES_STALE_MS 600000 /* older: not used any more */
#define NAMES_AGAIN_MS 1000   /* after a lookup that failed */
#define NAMES_ENTRY    1024   /* bytes of an entry, at most */

struct names;

enum names_answer {
    NAMES_KNOWN,
    NAMES_ASKING, /* ask again at the next news */
    NAMES_UNKNOWN /* the name server knows none, or could not be asked: ask again later */
};

/* Called when a lookup has ended, on its thread: must return at once and not call names_... */
typedef void names_news(void *arg);

/* NULL: no memory. */
struct names *names_open(names_news *news, void *arg);
/* From here on there is no news.  What a lookup under way still needs is freed when it ends.  NULL
 * allowed. */
void names_close(struct names *n);

/*
 * The addresses of host, as CURLOPT_RESOLVE wants them ("host:port:address,address"), in entry
 * (NAMES_ENTRY bytes) if they are known.  Starts a lookup where it is time for one.  now_ms:
 * CLOCK_MONOTONIC.  One thread at a time.
 */
enum names_answer names_find(struct names *n, const char *host, int port, int64_t now_ms, char *entry);

#endif
