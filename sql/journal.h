/*
 * journal.h - the append-only record in PostgreSQL.  Knows no bank and no page.
 *
 * Each call is one round trip and, where it writes, one transaction that is durable when the call
 * returns JOURNAL_OK (fsync and synchronous_commit stay on).  All calls may be made from any
 * thread; they block while a connection is busy.  Parameters only, never SQL made from text
 * (CVE-2025-1094).
 */
#ifndef OTPREFUND_JOURNAL_H
#define OTPREFUND_JOURNAL_H

#include "sql/record.h"

struct journal;

enum journal_status {
    JOURNAL_OK,
    JOURNAL_SAME, /* begin: this key was used before with the same content: the earlier attempt */
    JOURNAL_KEY_USED, /* begin: this key was used before with other content: nothing written */
    JOURNAL_OPEN,     /* begin: a refund attempt on this transaction is open: nothing written */
    JOURNAL_REFUNDED, /* begin: an attempt has refunded this transaction: nothing written */
    JOURNAL_CONTRADICTED, /* begin: a word of the bank disagrees with an attempt on this transaction,
                             and it is no supervisor who asks: nothing written */
    JOURNAL_LIMITED,  /* begin: a limit is reached, try again at retry_at: nothing written */
    JOURNAL_NOT_FOUND,
    JOURNAL_REFUSED, /* the database refused the values (a CHECK, a type): nothing written; our bug
                      */
    JOURNAL_DOWN,    /* no database, or nothing was committed: may be tried again */
    JOURNAL_UNSURE,  /* the connection was lost during COMMIT and the row could not be looked up */
    JOURNAL_NO_MEMORY,
    JOURNAL_STATUS__MAX
};

/* A short fixed text for a status, for logs. */
const char *journal_status_text(enum journal_status s);

struct journal_config {
    const char *conninfo; /* libpq conninfo; the schema is always named, search_path is ignored */
    int connections;      /* 1..100 */
    int commit_batch; /* at most so many begins and finishes in one transaction; 0, 1: one each */
    const char *node; /* host:pid, stored with each attempt */
};

/*
 * Opens the pool.  Connects at least once to tell a wrong conninfo early; why (size bytes) gets one
 * line that says what to do, without passwords.  JOURNAL_OK, _DOWN (unreachable, or the schema is
 * missing or of another version: why says so), _NO_MEMORY.  close: NULL allowed; no call may be
 * under way.
 */
enum journal_status journal_open(const struct journal_config *c, struct journal **out, char *why,
                                 size_t size);
void journal_close(struct journal *j);

/* Is the database there now?  JOURNAL_OK or _DOWN with why as in journal_open. */
enum journal_status journal_ping(struct journal *j, char *why, size_t size);

/* ---- writing ------------------------------------------------------------------------------ */

struct journal_limits {
    int otp_cooldown_s, otp_per_hour, wrong_otp_per_hour; /* 0: no limit (inquiries ignore them) */
};

/* What we are about to ask of the bank.  Pointers are borrowed for the call. */
struct journal_intent {
    enum otr_kind kind;
    enum otr_channel channel;
    const char *tid;           /* NULL or "": by client_ref_id (inquiry only) */
    const char *client_ref_id; /* NULL or "": none */
    const char *operator_name;
    const char *user_code;
    const char *idempotency_key; /* NULL for inquiries: none; unique per operator_name otherwise */
    const unsigned char
        *content_mac;         /* 32 bytes: keyed hash over kind, tid, OTP; NULL for inquiries */
    bool cash_returned;       /* refund: the operator said so */
    int64_t about_attempt_id; /* inquiry: the refund attempt it is to settle; 0: none */
    int deadline_ms;          /* from now: past it another node may take the attempt over */
    struct journal_limits limits;
};

struct journal_begun {
    int64_t attempt_id; /* _OK, _SAME: the attempt; _OPEN: the open one; _KEY_USED, _REFUNDED: the
                           earlier */
    int64_t open_attempt_id; /* the open refund attempt on this tid before this call, 0: none */
    int64_t open_age_ms;     /* since that one was recorded, by the database's clock */
    char open_operator[OTR_NAME_SIZE];
    int64_t open_since;
    int64_t retry_at;                  /* _LIMITED */
    char otp_ref_id[OTR_OTP_REF_SIZE]; /* refund: of the newest OTP attempt that may have been sent
                                        */
    int64_t known_amount; /* of the transaction, from an earlier answer, or OTR_NO_AMOUNT */
};

/*
 * Records the intent and commits.  Only after JOURNAL_OK may a byte go to the bank.
 * A refund attempt also takes the transaction's place in open_attempt (at most one per tid).
 * While one is open, neither another refund nor an OTP may begin on that tid: JOURNAL_OPEN.  After
 * one has refunded it (and nothing contradicts that) neither may: JOURNAL_REFUNDED.
 * A commit whose result was lost is looked up (by a token of this call) before answering:
 * JOURNAL_OK if it is there, _DOWN if it certainly is not, _UNSURE otherwise; send nothing then.
 * All of enum journal_status but _NOT_FOUND.
 */
enum journal_status journal_begin(struct journal *j, const struct journal_intent *i,
                                  struct journal_begun *b);

/* What became of it.  Pointers are borrowed; "" and NULL mean none. */
struct journal_finding {
    int64_t attempt_id;
    enum otr_kind kind;
    enum otr_outcome outcome;
    enum otr_reason reason;
    int http_status;
    int duration_ms;
    const char *message;
    const char *evidence; /* JSON object text, valid UTF-8, no \u0000: allow-listed fields only */
    int tx_status;
    const char *refund_tid;
    const char *otp_ref_id;
    int64_t amount, refunded_amount;

    /* Facts about the transaction, stored where given (inquiry answered, or amounts of a refund).
     */
    const char *tid; /* of the transaction; "" or another than was asked about leaves the
                        transaction table alone */
    const char *client_ref_id;
    const char *customer, *recipient; /* masked */
    int64_t transacted_at;

    /* What it settles: the attempt itself (refund) or the open refund attempt (inquiry). */
    int64_t settles_attempt_id; /* 0: nothing */
    enum otr_resolution resolution;
    enum otr_how how;

    int next_inquiry_ms; /* still open: ask again after this long (0: leave as it is) */
};

/*
 * Records outcome, facts and resolution in one transaction.  Calling it again with the same finding
 * changes nothing and answers JOURNAL_OK.  An outcome or resolution that contradicts a recorded one
 * is written to table contradiction and changes nothing that is recorded (an inquiry's own outcome
 * and the facts it tells are still recorded); so is another TID (reason other_tid) or amount than
 * the transaction's, which counts nowhere; JOURNAL_OK.  After a recorded outcome "unknown" (a
 * node taken for lost) proof that comes late still settles the attempt: table late_answer;
 * JOURNAL_OK. If the database refuses the bank's words (message, evidence), the rest is recorded
 * without them. JOURNAL_OK, _NOT_FOUND, _REFUSED, _DOWN (keep it and call again), _NO_MEMORY.
 */
enum journal_status journal_finish(struct journal *j, const struct journal_finding *f);

#define JOURNAL_FINISH_MAX 64
/* The same for n findings (up to JOURNAL_FINISH_MAX) at once, each with its own answer, as if each had
 * its own thread. */
void journal_finish_all(struct journal *j, const struct journal_finding *const f[],
                        enum journal_status status[], int n);

/* ---- the resolver's queue ------------------------------------------------------------------ */

struct journal_due {
    int64_t attempt_id;
    char tid[OTR_TID_SIZE];
    char client_ref_id[OTR_REF_SIZE];
    char user_code[OTR_CODE_SIZE];
    int64_t age_ms; /* since the attempt was recorded, by the database's clock */
    int inquiries;  /* made so far */
};

#define JOURNAL_NEVER INT64_MAX

/*
 * Claims up to max due open attempts (FOR UPDATE SKIP LOCKED): their next inquiry moves lease_ms
 * ahead, so no other node takes them meanwhile and none is lost if this one dies.  An attempt
 * without an outcome is due once its deadline has passed; it gets outcome unknown, reason
 * node_lost. *n: rows written.  *next_ms: in how many milliseconds, by the database's clock, there
 * is something to do again (not above 0: at once); JOURNAL_NEVER: nothing is open.
 */
enum journal_status journal_claim(struct journal *j, int max, int lease_ms,
                                  struct journal_due *rows, int *n, int64_t *next_ms);

/* Why the last claim that failed did: one short line; "" if none did. */
void journal_claim_trouble(struct journal *j, char *why, size_t size);

/* Makes the open attempt on tid due now and notifies every node.  JOURNAL_OK also where none is
 * open. */
enum journal_status journal_wake(struct journal *j, const char *tid);

/* ---- news of other nodes -------------------------------------------------------------------- */

struct journal_listener;

enum journal_event {
    JOURNAL_EVENT_NONE, /* nothing in that time, or stopped */
    JOURNAL_EVENT_UP,   /* listening from now on; what happened before was not heard */
    JOURNAL_EVENT_LOST, /* the connection is lost; news is missed until _UP */
    JOURNAL_EVENT_WAKE, /* an open attempt is due, or due sooner than before: look at the queue */
    JOURNAL_EVENT_SETTLED, /* attempt_id was settled by an inquiry or by people */
};
struct journal_news {
    enum journal_event event;
    int64_t attempt_id; /* _SETTLED */
};

/*
 * A connection of its own that listens for what any node does, this one included (LISTEN,
 * PostgreSQL's manual).  Opening does not connect: the first wait does.  One thread waits; conninfo
 * is copied.  NULL: out of memory or descriptors.
 */
struct journal_listener *journal_listen_open(const char *conninfo, int look_ms);
/*
 * Waits for the next event, at most timeout_ms (negative: for ever).  While there is no database it
 * tries to connect after pauses that grow from 0.1 to 10 s; in between, and while nothing happens,
 * it sleeps and sends nothing, but for one small question each look_ms, to see that the server is
 * there still.
 */
void journal_listen_wait(struct journal_listener *l, int timeout_ms, struct journal_news *n);
/* Ends the wait under way and each later one at once.  A connect or a question under way takes up to
   10 s.  Any thread.  NULL allowed. */
void journal_listen_stop(struct journal_listener *l);
/* Once nobody waits.  NULL allowed. */
void journal_listen_close(struct journal_listener *l);

/* ---- callbacks ----------------------------------------------------------------------------- */

#define JOURNAL_CALLBACK_MAX 8192

/*
 * Keeps a callback as evidence; changes nothing else.  body: the first size bytes of those that were
 * sent; JOURNAL_CALLBACK_MAX are stored at most, what is no UTF-8 (or is zero) as U+FFFD; NULL: none.
 * tid: 1 to 18 digits, the first no 0; NULL or "": none could be read.  address: NULL or "": not
 * known; its first 64 bytes at most.  _OK, _REFUSED, _DOWN (it may have been recorded all the same),
 * _NO_MEMORY.
 */
enum journal_status journal_callback(struct journal *j, const char *tid, const char *body,
                                     size_t size, size_t sent, const char *address);

/* ---- manual resolution ---------------------------------------------------------------------- */

/* What came of a step: the words of manual_propose and manual_decide, in that order. */
enum journal_manual {
    JOURNAL_MANUAL_DONE,     /* proposed, approved or refused; also where it had been done before */
    JOURNAL_MANUAL_KEY_USED, /* the key was used with other content */
    JOURNAL_MANUAL_FORBIDDEN,    /* unknown, disabled or the wrong role */
    JOURNAL_MANUAL_OWN,          /* the proposer may not decide */
    JOURNAL_MANUAL_NOT_FOUND,    /* no such refund attempt or proposal */
    JOURNAL_MANUAL_SETTLED,      /* the attempt is not open any more */
    JOURNAL_MANUAL_TOO_SOON,     /* younger than settle_s, or its own answer may still come */
    JOURNAL_MANUAL_NO_EVIDENCE,  /* no finished inquiry on this tid of the last 15 minutes */
    JOURNAL_MANUAL_STALE,        /* a newer inquiry says something else than the evidence */
    JOURNAL_MANUAL_EXPIRED,      /* proposed more than 24 hours ago */
    JOURNAL_MANUAL_SUPERSEDED,   /* there is a newer proposal */
    JOURNAL_MANUAL_DECIDED,      /* somebody has decided already */
    JOURNAL_MANUAL_PROPOSER_OUT, /* the proposer is no enabled supervisor any more */
    JOURNAL_MANUAL__MAX
};

/* Pointers are borrowed for the call. */
struct journal_proposal {
    int64_t attempt_id;
    enum otr_resolution resolution;
    const char *reason; /* 10..500 characters, no control characters, no blanks around it */
    int64_t evidence_attempt_id;
    const char *proposed_by;
    const char *idempotency_key; /* unique per proposer */
    int settle_s;                /* refused while the attempt is younger */
};

/*
 * Records a proposal, unless *what says why not.  JOURNAL_OK (look at *what; *proposal_id where it
 * is DONE or KEY_USED), _REFUSED, _DOWN, _UNSURE (call again with the same key), _NO_MEMORY.
 */
enum journal_status journal_manual_propose(struct journal *j, const struct journal_proposal *p,
                                           enum journal_manual *what, int64_t *proposal_id);
/*
 * Approves or refuses, once; an approval settles the attempt in the same transaction.  note: NULL
 * or up to 500 characters.  Statuses as above.
 */
enum journal_status journal_manual_decide(struct journal *j, int64_t attempt_id,
                                          int64_t proposal_id, bool approve, const char *decided_by,
                                          const char *note, enum journal_manual *what);
/* The newest proposal about an attempt; JOURNAL_NOT_FOUND if there is none. */
enum journal_status journal_manual_get(struct journal *j, int64_t attempt_id, struct otr_manual *m);

/* ---- reading ------------------------------------------------------------------------------- */

enum journal_status journal_attempt(struct journal *j, int64_t attempt_id, struct otr_attempt *a);
/* The same for n attempts (up to JOURNAL_FINISH_MAX) at once, each with its own answer. */
void journal_attempt_all(struct journal *j, const int64_t attempt_id[], struct otr_attempt *const a[],
                         enum journal_status status[], int n);
/* max: up to 2000 (more are cut to that). */
enum journal_status journal_attempts(struct journal *j, const struct otr_filter *f, int max,
                                     struct otr_attempt *rows, int *n);
enum journal_status journal_transaction(struct journal *j, const char *tid,
                                        const struct journal_limits *l, struct otr_transaction *t);
/* TID of a transaction known by its client_ref_id; JOURNAL_NOT_FOUND if none. */
enum journal_status journal_tid_of(struct journal *j, const char *client_ref_id,
                                   char tid[OTR_TID_SIZE]);
enum journal_status journal_operator(struct journal *j, const char *name, struct otr_operator *o);
/* By SHA-256 of the token (32 bytes).  Disabled ones are found too: look at the field. */
enum journal_status journal_client(struct journal *j, const unsigned char *token_sha256,
                                   struct otr_operator *o);
/* Today in zone (an IANA name); operator_name NULL: everyone's. */
enum journal_status journal_today(struct journal *j, const char *operator_name, const char *zone,
                                  struct otr_today *t);
/*
 * Who each of n people is (1 to OTR_DESKS_MAX) and all that the desk shows him, in one round trip;
 * from: the first moment of today in zone.  JOURNAL_OK also where nobody has that login.  _REFUSED
 * says nothing of any of them, even if one name was all that was wrong (a text that is not UTF-8).
 * moment: when all of it was read.
 */
enum journal_status journal_desks(struct journal *j, const char *const names[], int n,
                                  const char *zone, int64_t from, struct otr_desk *const desks[],
                                  char moment[OTR_MOMENT_SIZE]);
/*
 * Which moment it is now: the one that journal_desks told, text for text, as long as nothing was
 * committed since by anybody in that PostgreSQL, it is the same day in zone, and no connection had
 * to be made anew.
 */
enum journal_status journal_moment(struct journal *j, const char *zone,
                                   char moment[OTR_MOMENT_SIZE]);

enum journal_report {
    JOURNAL_REPORT_AGEING,          /* view ageing */
    JOURNAL_REPORT_DAILY_TOTALS,    /* view daily_totals, newest 31 days */
    JOURNAL_REPORT_OPERATOR_TOTALS, /* view operator_totals, newest 200 rows */
    JOURNAL_REPORT_UNRESOLVED,      /* view unresolved, oldest 200 */
    JOURNAL_REPORT_MISMATCH,        /* view statement_mismatch, newest 200 */
    JOURNAL_REPORT_MANUAL,          /* view manual_status: what waits for approval, oldest 200 */
    JOURNAL_REPORT_ACCESS,          /* view access_history, newest 200; auditor and owner only */
    JOURNAL_REPORT__MAX
};
/* The caller frees *t with otr_table_free. */
enum journal_status journal_report(struct journal *j, enum journal_report r, struct otr_table *t);

struct journal_numbers {
    int64_t open;           /* refund attempts without a resolution */
    int64_t overdue;        /* of these, past their next inquiry by more than a minute */
    int64_t oldest_open_ms; /* age of the oldest, 0 if none */
    int64_t lag_ms;         /* how long the most overdue one has been due, 0 if none */
};
enum journal_status journal_numbers(struct journal *j, struct journal_numbers *n);

/* ---- administration (otprefundctl; needs the owner's connection) --------------------------- */

enum journal_status journal_operator_put(struct journal *j, const struct otr_operator *o);
enum journal_status journal_operator_disable(struct journal *j, const char *name, bool disabled);
enum journal_status journal_operator_list(struct journal *j, struct otr_table *t);
enum journal_status journal_client_put(struct journal *j, const struct otr_operator *o,
                                       const unsigned char *token_sha256);
enum journal_status journal_client_disable(struct journal *j, const char *name, bool disabled);
enum journal_status journal_client_list(struct journal *j, struct otr_table *t);

/* ---- the bank's statements (needs the owner's connection) ------------------------------------ */

#define JOURNAL_REFERENCE_SIZE 256
#define JOURNAL_FILE_NAME_SIZE 256

/* A credit on a statement.  Texts are borrowed for the call. */
struct journal_statement_line {
    int line_no; /* of the file */
    const char *tid;
    const char *refund_tid; /* NULL: not given */
    int64_t amount;         /* paise */
    int64_t booked_at;
    const char *reference; /* NULL: not given */
};

struct journal_statement {
    const char *file_name; /* 1 to 255 bytes, without a path */
    const unsigned char *file_sha256;
    int64_t period_from, period_to; /* credits from this moment on, before that one */
    const char *imported_by;
    const struct journal_statement_line *lines;
    int count;
    bool check; /* find the mismatches, and import nothing */
};

/* The caller frees mismatches with otr_table_free. */
struct journal_imported {
    bool before; /* the same file was imported before: nothing was written; when, by whom, as what */
    int64_t statement_id, imported_at;
    char file_name[JOURNAL_FILE_NAME_SIZE], imported_by[OTR_NAME_SIZE];
    struct otr_table mismatches; /* mismatch, count: of this statement; none if before */
};

/*
 * Imports a statement with all its lines and finds its mismatches, in one transaction.  JOURNAL_OK;
 * _REFUSED: the database refused a value; _DOWN: nothing was imported, why (size bytes) gets a line
 * that says why not; _UNSURE: the connection was lost during COMMIT, import it again to know;
 * _NO_MEMORY.
 */
enum journal_status journal_statement_import(struct journal *j, const struct journal_statement *s,
                                             struct journal_imported *i, char *why, size_t size);

/* ---- seals ----------------------------------------------------------------------------------- */

/* A seal: SHA-256 over the rows since the last one, and over that one. */
struct journal_seal {
    int64_t seal_id, sealed_at, rows;
    char digest[65]; /* hexadecimal */
};

/*
 * Seals every row that is older than a minute and not sealed yet; *rows: how many.  JOURNAL_OK also
 * where there was none, or another node is at it; _DOWN.  It takes a while where there are many.
 */
enum journal_status journal_seal(struct journal *j, int64_t *rows);
/* The same, but one seal of bounded size: more may be due then. */
enum journal_status journal_seal_once(struct journal *j, int64_t *rows);
/* In how many ms the next seal is due, by the database's newest; 0: now; JOURNAL_NEVER: every row is
 * sealed.  JOURNAL_OK, _DOWN. */
enum journal_status journal_seal_due(struct journal *j, int64_t *ms);
/* The newest seal.  JOURNAL_OK, _NOT_FOUND (none yet), _DOWN. */
enum journal_status journal_seal_last(struct journal *j, struct journal_seal *s);

/*
 * All that is sealed, line by line, of one moment; conninfo: who may read the tables.  The fields of a
 * line, texts without tabs and newlines (core/seal.h says what they mean):
 *   seal ID SEALED_AT COVERS_TO ROWS PREVIOUS DIGEST, after it its rows: row TABLE ID DIGEST CONTENT
 *   orphan TABLE ID; late TABLE ID; overdue TABLE ID; new TABLE ID; end
 * see answers false to stop.  JOURNAL_OK, or _DOWN with why.
 */
#define JOURNAL_LINE_FIELDS 8
typedef bool journal_line(void *arg, const char *const *fields, int n);
enum journal_status journal_export(const char *conninfo, journal_line *see, void *arg, char *why,
                                   size_t size);

#endif
