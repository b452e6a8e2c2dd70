/*
 * otprefund.h - libotprefund: refund a failed transfer against the customer's OTP, and never lose
 * track of it.
 *
 * The order of events of each call: intent row committed, one request on the wire, what the answer
 * proves, outcome row committed.  A program links the library to do what otprefund.fcgi does.  All
 * functions may be called from any thread; they block on the database, never on the bank (only
 * otr_wait waits, bounded). The library never logs and never exits; struct otr_fault says what is
 * wrong and whose fault it is.
 */
#ifndef OTPREFUND_H
#define OTPREFUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record.h"

#ifdef __cplusplus
extern "C" {
#endif

struct otr;

enum otr_status {
    OTR_OK,
    OTR_INVALID,   /* malformed tid, reference, OTP or key: detail says what to do */
    OTR_FORBIDDEN, /* this operator or client may not */
    OTR_NOT_FOUND,
    OTR_BUSY,       /* another refund attempt on this transaction is open: see fault.attempt_id */
    OTR_KEY_USED,   /* the idempotency key was used with other content */
    OTR_LIMITED,    /* a limit is reached: fault.retry_at */
    OTR_NO_JOURNAL, /* nothing could be recorded, so nothing was sent; but see fault.unsure */
    OTR_STOPPING,   /* the core is closing: nothing was sent */
    OTR_NO_MEMORY,
    OTR_CONFLICT, /* not possible as things stand now, as an OTP for or a refund of what an attempt
                     has refunded, or what the bank's words contradict, by anybody but a
                     supervisor: detail says why */
    OTR_BROKEN,   /* our bug or a wrong set-up */
    OTR_STATUS__MAX
};

enum otr_whose {
    OTR_WHOSE_NOBODY,
    OTR_WHOSE_OURS,
    OTR_WHOSE_CALLER,
    OTR_WHOSE_BANK,
    OTR_WHOSE_NETWORK,
    OTR_WHOSE_DATABASE
};

struct otr_fault {
    enum otr_whose whose;
    int64_t attempt_id; /* OTR_BUSY: the open one; OTR_KEY_USED: the earlier one; OTR_CONFLICT: the
                           one that refunded the transaction or is contradicted, or 0 */
    char operator_name[OTR_NAME_SIZE]; /* OTR_BUSY: who is at it */
    int64_t since;                     /* OTR_BUSY: since when */
    int64_t retry_at;                  /* OTR_LIMITED */
    bool unsure;      /* OTR_NO_JOURNAL: it may have been recorded; nothing was sent all the same */
    char detail[256]; /* one line, no secrets */
};

/*
 * What nobody's answer says.  detail: borrowed for the call, one line without secrets.  Told by threads of
 * the library, some of which others wait for: it must be quick, wait for nobody and call nothing of this
 * library.
 */
enum otr_news {
    OTR_NEWS_BANK_LOST,       /* a call was not answered: the reason; every ten seconds at most */
    OTR_NEWS_BANK_BACK,       /* one was, after that: "" */
    OTR_NEWS_RESOLVER_FAILED, /* a look at the queue, an inquiry, a seal: why; likewise */
    OTR_NEWS_CALLBACK_LOST,   /* held for ten minutes, or to the end, and not kept: its TID or "" */
    OTR_NEWS__MAX
};
typedef void otr_tell(void *arg, enum otr_news news, const char *detail);

/* Texts are borrowed until otr_close.  Files are read in otr_open.  0 and NULL take the default
 * named here. */
struct otr_config {
    /* [bank] */
    const char *base_url, *api; /* api "v3" (default) or "v2" */
    const char *developer_key_file, *access_key_file;
    const char *initiator_id, *user_code, *service_code; /* service_code "80" */
    const char *ca_file;
    int timeout_ms, connect_timeout_ms, max_in_flight; /* 30000, 5000, 10000 */
    /* [journal] */
    const char *conninfo;
    int connections;  /* 8 */
    int commit_batch; /* 64: at most so many intents and outcomes in one COMMIT */
    /* [desk] */
    const char
        *secret_key_file; /* csrf_key_file, 32 bytes at least: also keys the comparison of idempotent
                             requests */
    /* [limits]: 0 means no limit, so fill them in (60, 5, 5) */
    int otp_cooldown_s, otp_per_hour, wrong_otp_per_hour;
    /* [resolver] */
    bool resolver;
    int settle_s, first_s, max_s; /* 600, 5, 3600 */
    int per_second; /* 50: inquiries that the resolver begins at most within any second, by node */
    /* What goes wrong where nobody asked, for a log (ASVS 16.3.4).  NULL: nobody is told. */
    otr_tell *tell;
    void *tell_arg;
};

/* Who asks.  Borrowed for the call. */
struct otr_who {
    const char *name;      /* operator's login or API client's name */
    const char *user_code; /* NULL or "": the configured one */
    enum otr_channel channel;
};

/* Opens journal, bank client and (if set) the resolver.  OTR_OK, OTR_INVALID (a setting),
   OTR_NO_JOURNAL, OTR_BROKEN, OTR_NO_MEMORY. */
enum otr_status otr_open(const struct otr_config *c, struct otr **out, struct otr_fault *f);
/*
 * Stops taking on attempts, waits at most grace_ms for those on their way and for outcomes and
 * callbacks not yet written (and then for statements under way), frees.  An attempt that is cut off
 * stays open in the journal and is found again by any resolver; so is one whose outcome the database
 * has not taken ten minutes after it arrived.  Returns how many callbacks were held and could not be
 * kept.  NULL allowed: 0.
 */
int otr_close(struct otr *o, int grace_ms);

/*
 * Starts an inquiry by tid or, where tid is NULL, by client_ref_id.  *attempt_id for otr_wait.
 */
enum otr_status otr_inquire(struct otr *o, const struct otr_who *w, const char *tid,
                            const char *client_ref_id, int64_t *attempt_id, struct otr_fault *f);
/* Starts "send the OTP".  key: idempotency key, 1..128 visible ASCII characters. */
enum otr_status otr_send_otp(struct otr *o, const struct otr_who *w, const char *tid,
                             const char *key, int64_t *attempt_id, struct otr_fault *f);
/* Starts "submit the OTP".  otp: otp_size bytes, 4..8 ASCII digits; the caller wipes its own copy.
 */
enum otr_status otr_refund(struct otr *o, const struct otr_who *w, const char *tid, const char *otp,
                           size_t otp_size, bool cash_returned, const char *key,
                           int64_t *attempt_id, struct otr_fault *f);
/*
 * Waits at most wait_ms for the attempt's outcome (settled: for its resolution, where it is a
 * refund; or the outcome otherwise) and reads it.  OTR_OK whether or not it came in time: look at
 * the record.  OTR_NOT_FOUND, OTR_NO_JOURNAL.
 */
enum otr_status otr_wait(struct otr *o, int64_t attempt_id, int wait_ms, bool settled,
                         struct otr_attempt *a, struct otr_fault *f);
/* What otr_wait waits for: has it come? */
bool otr_attempt_done(const struct otr_attempt *a, bool settled);
/* What otr_watch tells.  seen: the attempt as the journal has it now, borrowed for the call; NULL: it is
   to be read (otr_attempt_get).  It must be quick, wait for nobody and call nothing of this library. */
typedef void otr_told(void *arg, const struct otr_attempt *seen);
/*
 * otr_wait for those who have no thread to wait with: told is called once, before this returns or
 * later on another thread, when there is news of the attempt or wait_ms is over.  See if it is done,
 * and else watch again, with again: then news are also those of the resolver and of other nodes, and
 * told comes within 500 ms.  false: no memory; told does not come.
 */
bool otr_watch(struct otr *o, int64_t attempt_id, int wait_ms, bool again, otr_told *told,
               void *arg);
/* Ends every wait: otr_wait returns and told comes now, and at once for whoever waits later.  The
   attempts go on.  For an orderly stop. */
void otr_hurry(struct otr *o);
/* Asks the bank about an open attempt's transaction as soon as may be ("ask now", callback). */
enum otr_status otr_wake(struct otr *o, const char *tid, struct otr_fault *f);
/*
 * The bank's callback: holds its text (of size bytes the first 8192) and returns, without the
 * database; a thread of the core then keeps it as evidence, and wakes as otr_wake does where tid can
 * be one; it settles nothing.  What the database does not take is tried again for ten minutes, and
 * where the end of a COMMIT was not seen it may be kept twice.  tid: NULL: none could be read.
 * address: where it came from, NULL: not known.  OTR_OK: it is held, until otr_close at most.
 * OTR_LIMITED: 1000 or 4 MiB are held already; OTR_STOPPING; OTR_NO_MEMORY: nothing is held of it.
 */
enum otr_status otr_callback(struct otr *o, const char *tid, const char *body, size_t size,
                             const char *address, struct otr_fault *f);

/*
 * Manual resolution: one supervisor proposes how an open refund attempt is to be settled, with a
 * fresh inquiry about its transaction as evidence; another supervisor or an auditor decides.
 * Nobody is exempt.
 */
enum otr_manual_limits { OTR_REASON_MIN = 10, OTR_REASON_MAX = 500 }; /* characters */
/*
 * About an attempt that was settled by hand the same two steps make a counter-entry, once: it must
 * say the opposite, and stands beside the resolution, which is never changed.
 *
 * reason: OTR_REASON_MIN..MAX characters of UTF-8 without control characters or blanks around it.
 * key: as for otr_refund; the same form twice is one proposal.  Only once the attempt is older than
 * settle_s and its own answer cannot come any more.  OTR_OK; OTR_INVALID (reason, resolution, key);
 * OTR_FORBIDDEN (not an enabled supervisor); OTR_NOT_FOUND; OTR_KEY_USED; OTR_CONFLICT (settled,
 * too soon, or the evidence is none: not finished, older than 15 minutes, or overtaken by another
 * answer); OTR_NO_JOURNAL, OTR_NO_MEMORY, OTR_BROKEN.
 */
enum otr_status otr_manual_propose(struct otr *o, const struct otr_who *w, int64_t attempt_id,
                                   enum otr_resolution resolution, const char *reason,
                                   int64_t evidence_attempt_id, const char *key,
                                   int64_t *proposal_id, struct otr_fault *f);
/*
 * Approves or refuses a proposal, once.  note: NULL, or up to OTR_REASON_MAX characters.  OTR_OK;
 * OTR_INVALID (note); OTR_FORBIDDEN (the proposer, or not an enabled supervisor or auditor);
 * OTR_NOT_FOUND; OTR_CONFLICT (decided, settled, superseded; for an approval also: older than 24
 * hours, or the bank has said something else since); OTR_NO_JOURNAL, OTR_NO_MEMORY, OTR_BROKEN.
 */
enum otr_status otr_manual_decide(struct otr *o, const struct otr_who *w, int64_t attempt_id,
                                  int64_t proposal_id, bool approve, const char *note,
                                  struct otr_fault *f);
/* The newest proposal about an attempt; OTR_NOT_FOUND if there is none. */
enum otr_status otr_manual_get(struct otr *o, int64_t attempt_id, struct otr_manual *m,
                               struct otr_fault *f);

/* Reading the journal: OTR_OK, OTR_NOT_FOUND, OTR_NO_JOURNAL, OTR_NO_MEMORY. */
enum otr_status otr_attempt_get(struct otr *o, int64_t attempt_id, struct otr_attempt *a,
                                struct otr_fault *f);
enum otr_status otr_attempt_list(struct otr *o, const struct otr_filter *filter, int max,
                                 struct otr_attempt *rows, int *n, struct otr_fault *f);
enum otr_status otr_transaction_get(struct otr *o, const char *tid, struct otr_transaction *t,
                                    struct otr_fault *f);
enum otr_status otr_tid_of(struct otr *o, const char *client_ref_id, char tid[OTR_TID_SIZE],
                           struct otr_fault *f);
enum otr_status otr_operator_get(struct otr *o, const char *name, struct otr_operator *op,
                                 struct otr_fault *f);
/* token: the bearer token as sent. */
enum otr_status otr_client_get(struct otr *o, const char *token, struct otr_operator *op,
                               struct otr_fault *f);
enum otr_status otr_today_get(struct otr *o, const char *operator_name, const char *zone,
                              struct otr_today *t, struct otr_fault *f);
/*
 * Who each of n people is (1 to OTR_DESKS_MAX) and all that the desk shows him, in one round trip.
 * zone: of the day; from: its first moment; *desks[i] is filled for names[i].  OTR_OK also where
 * nobody has that login (known is false then).  OTR_BROKEN where one of the names is not UTF-8: ask
 * for each on its own then.  moment: when all of it was read.
 */
enum otr_status otr_desks_get(struct otr *o, const char *const names[], int n, const char *zone,
                              int64_t from, struct otr_desk *const desks[],
                              char moment[OTR_MOMENT_SIZE], struct otr_fault *f);
/*
 * Which moment it is now.  As long as it is the one that otr_desks_get told (and that was not ""),
 * those desks are as they were: a tenth of the cost of reading one.
 */
enum otr_status otr_moment_get(struct otr *o, const char *zone, char moment[OTR_MOMENT_SIZE],
                               struct otr_fault *f);
enum otr_report {
    OTR_REPORT_AGEING,
    OTR_REPORT_DAILY_TOTALS,
    OTR_REPORT_OPERATOR_TOTALS,
    OTR_REPORT_UNRESOLVED,
    OTR_REPORT_MISMATCH,
    OTR_REPORT_MANUAL,
    OTR_REPORT__MAX
};
enum otr_status otr_report_get(struct otr *o, enum otr_report r, struct otr_table *t,
                               struct otr_fault *f);

/* Numbers of this process and of the queue, for /readyz and /metrics. */
struct otr_numbers {
    bool database, bank;        /* there when last tried */
    int64_t bank_answered_at;   /* last HTTP answer of the bank; 0 none yet */
    int64_t bank_skew_ms;       /* the bank's Date minus our clock, at bank_answered_at (+-1 s) */
    int in_flight, unwritten;   /* bank calls under way; outcomes waiting for the database */
    int callbacks_held;         /* callbacks waiting for it */
    uint64_t callbacks_dropped; /* since start: not taken on, or given up */
    int64_t open, overdue, oldest_open_ms, lag_ms;
    uint64_t outcomes[OTR_KIND__MAX][OTR_OUTCOME__MAX]; /* since start, by this process */
    uint64_t bank_ms_sum[OTR_KIND__MAX];                /* time spent in bank calls */
    bool resolver, listening; /* runs here; other nodes are heard (if not, looked after) just now */
    uint64_t resolver_errors; /* since start: claims that failed, inquiries that could not begin */
    int64_t resolver_error_at; /* of the last one; 0: none */
    bool resolver_failing;     /* its last look at the queue failed */
    char resolver_error[256];  /* the last one, one line; "": none */
};
enum otr_status otr_numbers_get(struct otr *o, struct otr_numbers *n, struct otr_fault *f);

/* HMAC-SHA256 over data with a key derived from secret_key_file and purpose (e.g. "csrf"): 32 bytes
 * to mac. */
enum otr_status otr_mac(struct otr *o, const char *purpose, const void *data, size_t size,
                        unsigned char mac[32]);
/* True if equal, in constant time (ASVS 11.2.4). */
bool otr_equal(const void *a, const void *b, size_t size);
/* Random bytes from the system's generator; false: none to be had. */
bool otr_random(void *out, size_t size);

/* 1..18 ASCII digits, the first no 0; 1..20 of [A-Za-z0-9_.-]; 4..8 ASCII digits.  NULL: false. */
bool otr_tid_valid(const char *tid);
bool otr_ref_valid(const char *ref);
bool otr_otp_valid(const char *otp, size_t size);

/* "5050.00" of 505000 paise; "" of OTR_NO_AMOUNT.  out: at least 24 bytes.  Returns out. */
char *otr_rupees(int64_t paise, char *out, size_t size);

#ifdef __cplusplus
}
#endif
#endif
