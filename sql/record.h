/*
 * record.h - the words of the journal, as C sees them.
 *
 * Installed beside otprefund.h.  Every enum ends in __MAX and has one table of names; the names are
 * the words in SQL, JSON, pages and logs.  Value 0 is always "none" (SQL NULL, JSON null).
 *
 * Units: money in paise (int64_t, OTR_NO_AMOUNT where there is none), times in milliseconds since
 * 1970-01-01T00:00:00Z (0 where there is none).  All texts are NUL-terminated valid UTF-8 in fixed
 * arrays: records own nothing, may be copied with = and need no free.
 */
#ifndef OTPREFUND_RECORD_H
#define OTPREFUND_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OTR_TID_SIZE     19  /* 1..18 decimal digits */
#define OTR_REF_SIZE     21  /* client_ref_id: at most 20 characters (Eko, Transaction Inquiry) */
#define OTR_KEY_SIZE     129 /* idempotency key: 1..128 visible ASCII characters */
#define OTR_NAME_SIZE    65  /* login of an operator or name of an API client */
#define OTR_CODE_SIZE    33  /* user_code */
#define OTR_MESSAGE_SIZE 513 /* the bank's words, cleaned */
#define OTR_OTP_REF_SIZE 257 /* otp_ref_id */
#define OTR_WORDS_SIZE   2001 /* a person's own words: at most 500 characters */
#define OTR_NO_AMOUNT    INT64_MIN
#define OTR_NO_STATUS    (-1) /* tx_status not known */

/* What we asked of the bank. */
enum otr_kind {
    OTR_KIND_NONE,
    OTR_KIND_OTP,     /* "otp":     send the OTP       (Get Refund OTP) */
    OTR_KIND_REFUND,  /* "refund":  submit the OTP     (Initiate Refund) */
    OTR_KIND_INQUIRY, /* "inquiry": ask for the status (Transaction Inquiry) */
    OTR_KIND__MAX
};

/* What the bank's answer proves. */
enum otr_outcome {
    OTR_OUTCOME_NONE,        /* no outcome recorded yet: on its way */
    OTR_OUTCOME_SENT,        /* otp */
    OTR_OUTCOME_UNCONFIRMED, /* otp: accepted, but nothing shows that an SMS went out */
    OTR_OUTCOME_REFUNDED,    /* refund */
    OTR_OUTCOME_REJECTED,    /* otp, refund */
    OTR_OUTCOME_ANSWERED,    /* inquiry */
    OTR_OUTCOME_NOT_SENT,    /* any: certainly no byte of the request left this host */
    OTR_OUTCOME_UNKNOWN,     /* any: may have happened */
    OTR_OUTCOME__MAX
};

/* Why rejected, not sent or unknown. */
enum otr_reason {
    OTR_REASON_NONE,
    /* rejected: the customer, the counter or the transaction */
    OTR_REASON_WRONG_OTP,
    OTR_REASON_OTP_EXPIRED,
    OTR_REASON_ALREADY_REFUNDED,
    OTR_REASON_NOT_REFUNDABLE,
    OTR_REASON_NO_SUCH_TRANSACTION,
    OTR_REASON_INVALID_TID,
    OTR_REASON_INSUFFICIENT_BALANCE,
    OTR_REASON_ANOTHER_IN_PROGRESS, /* response_status_id -2 */
    /* rejected: the bank, or how we are set up with it */
    OTR_REASON_BANK_BUSY,           /* 544 */
    OTR_REASON_BAD_CREDENTIALS,     /* HTTP 403: key or clock */
    OTR_REASON_BAD_INITIATOR,       /* 319 */
    OTR_REASON_BAD_USER_CODE,       /* 346, 463 */
    OTR_REASON_AGENT_NOT_ONBOARDED, /* 1297 */
    OTR_REASON_BAD_REQUEST,         /* HTTP 404, 405, 415: turned away at the door */
    /* not sent */
    OTR_REASON_CONNECT_FAILED,
    OTR_REASON_DNS_FAILED,
    OTR_REASON_TLS_FAILED,
    OTR_REASON_OVERLOADED, /* max_in_flight reached */
    OTR_REASON_STOPPING,   /* the program was stopping */
    /* unknown */
    OTR_REASON_NO_ANSWER,         /* timeout */
    OTR_REASON_CONNECTION_LOST,   /* reset or closed before a whole answer */
    OTR_REASON_BANK_ERROR,        /* HTTP 5xx or another unexpected HTTP status */
    OTR_REASON_UNREADABLE_ANSWER, /* not JSON, cut short, too large, duplicate fields */
    OTR_REASON_OTHER_TID,         /* the answer names another transaction */
    OTR_REASON_OTHER_AMOUNT,      /* the answer names another amount */
    OTR_REASON_IN_PROGRESS,       /* tx_status 2, 5, 6, ... : the bank is still at it */
    OTR_REASON_UNPROVEN,          /* readable, but proves nothing */
    OTR_REASON_NODE_LOST,         /* the program died before the outcome was written */
    OTR_REASON__MAX
};

/* The settled truth of a refund attempt. */
enum otr_resolution {
    OTR_RESOLUTION_NONE, /* open */
    OTR_RESOLUTION_REFUNDED,
    OTR_RESOLUTION_NOT_REFUNDED,
    OTR_RESOLUTION__MAX
};

/* How it was settled (column and JSON field resolved_by). */
enum otr_how {
    OTR_HOW_NONE,
    OTR_HOW_ANSWER, /* by the attempt's own outcome */
    OTR_HOW_INQUIRY,
    OTR_HOW_MANUAL,
    OTR_HOW__MAX
};

enum otr_role {
    OTR_ROLE_NONE,
    OTR_ROLE_OPERATOR,
    OTR_ROLE_SUPERVISOR,
    OTR_ROLE_AUDITOR,
    OTR_ROLE__MAX
};

/* Who or what started an attempt. */
enum otr_channel {
    OTR_CHANNEL_NONE,
    OTR_CHANNEL_DESK,
    OTR_CHANNEL_API,
    OTR_CHANNEL_RESOLVER,
    OTR_CHANNEL_CTL,
    OTR_CHANNEL_LIBRARY,
    OTR_CHANNEL__MAX
};

/* How a proposal of a manual resolution stands. */
enum otr_manual_state {
    OTR_MANUAL_NONE,
    OTR_MANUAL_PENDING, /* waits for another person */
    OTR_MANUAL_APPROVED,
    OTR_MANUAL_REFUSED,
    OTR_MANUAL_SETTLED,    /* the attempt was settled otherwise meanwhile */
    OTR_MANUAL_SUPERSEDED, /* there is a newer proposal */
    OTR_MANUAL_EXPIRED,    /* nobody approved it within 24 hours */
    OTR_MANUAL_STALE,      /* the bank has said something else since */
    OTR_MANUAL__MAX
};

/*
 * The word for a value ("otp", "not_sent", ...); "" for value 0, NULL outside the enum.
 * The other way round: the value for a word, 0 for "", NULL or a word that is not in the list.
 * Any thread.
 */
const char *otr_kind_name(enum otr_kind v);
const char *otr_outcome_name(enum otr_outcome v);
const char *otr_reason_name(enum otr_reason v);
const char *otr_resolution_name(enum otr_resolution v);
const char *otr_how_name(enum otr_how v);
const char *otr_role_name(enum otr_role v);
const char *otr_channel_name(enum otr_channel v);
const char *otr_manual_state_name(enum otr_manual_state v);
enum otr_kind otr_kind_value(const char *name);
enum otr_outcome otr_outcome_value(const char *name);
enum otr_reason otr_reason_value(const char *name);
enum otr_resolution otr_resolution_value(const char *name);
enum otr_how otr_how_value(const char *name);
enum otr_role otr_role_value(const char *name);
enum otr_channel otr_channel_value(const char *name);
enum otr_manual_state otr_manual_state_value(const char *name);

/*
 * The word for a bank's tx_status: "success", "fail", "initiated", "refund_pending", "refunded",
 * "hold"; any other value, which is treated as initiated (Eko, Transaction Inquiry): "initiated";
 * "" for OTR_NO_STATUS.
 */
const char *otr_tx_status_name(int tx_status);

/* One attempt, with its outcome, its resolution and its place in the resolver's queue. */
struct otr_attempt {
    int64_t attempt_id;
    char tid[OTR_TID_SIZE];           /* "" where only client_ref_id is known (inquiry) */
    char client_ref_id[OTR_REF_SIZE]; /* "" if none */
    enum otr_kind kind;
    enum otr_channel channel;
    char operator_name[OTR_NAME_SIZE]; /* login, or name of the API client */
    char node[OTR_NAME_SIZE];          /* host:pid that took it on */
    int64_t started_at;
    int64_t finished_at;
    enum otr_outcome outcome;
    enum otr_reason reason;
    char message[OTR_MESSAGE_SIZE]; /* the bank's words, for the record; "" if none */
    int http_status;                /* 0 if none */
    int duration_ms;                /* of the bank call; 0 if none */
    enum otr_resolution resolution;
    int64_t resolved_at;
    enum otr_how resolved_by;
    int tx_status; /* last word of the bank on it, or OTR_NO_STATUS */
    char refund_tid[OTR_TID_SIZE];
    int64_t amount;
    int64_t refunded_amount;
    int inquiries;           /* inquiries made to settle it */
    int64_t next_inquiry_at; /* 0 when settled */
    bool open;               /* a refund attempt without a resolution */
    bool contradicted;       /* a word of the bank disagrees: look at it */
};

/* What is known of a transaction: the bank's last answer and what was tried so far. */
struct otr_transaction {
    char tid[OTR_TID_SIZE];
    char client_ref_id[OTR_REF_SIZE];
    int64_t amount;
    int tx_status;                /* OTR_NO_STATUS: the bank has not said yet */
    char customer[65];            /* masked: "R. K., ******0001"; "" if not known */
    char recipient[65];           /* masked */
    int64_t transacted_at;        /* the bank's timestamp */
    int64_t answered_at;          /* when the bank last said so */
    int64_t otp_at;               /* last OTP attempt that may have texted the customer */
    enum otr_outcome otp_outcome; /* of the last OTP attempt */
    int64_t otp_again_at;         /* an OTP may be sent again from then on; 0: now */
    int64_t refund_again_at; /* an OTP may be submitted again from then on (wrong tries); 0: now */
    int64_t open_attempt_id; /* 0: none is open */
    char open_operator[OTR_NAME_SIZE];
    int64_t open_since;
    bool contradicted;
};

/* A proposal to settle an open refund attempt by hand, and what another person decided. */
struct otr_manual {
    int64_t proposal_id;
    int64_t attempt_id;
    enum otr_resolution resolution;
    char reason[OTR_WORDS_SIZE];
    int64_t evidence_attempt_id; /* the inquiry it rests on, and what that brought */
    enum otr_outcome evidence_outcome;
    enum otr_reason evidence_reason;
    int evidence_tx_status; /* or OTR_NO_STATUS */
    int64_t evidence_at;
    char proposed_by[OTR_NAME_SIZE];
    int64_t proposed_at;
    enum otr_manual_state state;
    char decided_by[OTR_NAME_SIZE]; /* "" while nobody has */
    int64_t decided_at;
    char note[OTR_WORDS_SIZE];
    bool counter; /* a counter-entry: the opposite of what was settled by hand before */
};

/* A person at a counter or a machine using the JSON API. */
struct otr_operator {
    char name[OTR_NAME_SIZE]; /* login (REMOTE_USER) or client name */
    char full_name[OTR_NAME_SIZE];
    enum otr_role role;            /* NONE for an API client */
    char user_code[OTR_CODE_SIZE]; /* "" : the setting's */
    bool client;                   /* an API client */
    bool may_refund; /* API client's scope; for a person: role operator or supervisor */
    bool disabled;
};

/* A list of attempts: all set fields must hold; newest first. */
struct otr_filter {
    const char *tid;           /* NULL: any */
    const char *operator_name; /* NULL: any */
    enum otr_kind kind;        /* NONE: any */
    enum otr_outcome outcome;  /* NONE: any */
    enum otr_resolution resolution;
    bool open_only;
    bool in_flight_only; /* no outcome yet */
    bool contradicted_only;
    int64_t from, to; /* started_at in [from, to); 0: no bound */
    int64_t after;    /* keyset: only attempt_id < after; 0: from the newest */
};

/* One day of one operator (or of all) in numbers. */
struct otr_today {
    int otps, otps_unconfirmed, refunds, refunded, rejected, open;
    int64_t refunded_amount;
};

/* What the desk shows a person, all of it read at one moment. */
#define OTR_DESK_ROWS 20
#define OTR_DESKS_MAX 64 /* asked for together */
struct otr_desk {
    bool known; /* who is: a login without a row has nothing of the rest */
    struct otr_operator who;
    struct otr_today today;
    int open_count, recent_count;
    struct otr_attempt open[OTR_DESK_ROWS];   /* the own ones without a resolution, newest first */
    struct otr_attempt recent[OTR_DESK_ROWS]; /* the own ones of today, newest first */
};

/*
 * What the journal said at one moment, by name: a later call that says the same name, text for text,
 * would find the same, for nothing was committed in between.  "": cannot be told.
 */
#define OTR_MOMENT_SIZE 256

/* A small table of texts for reports: cells[row * columns + column], row 0 is the heading. */
struct otr_table {
    int columns, rows;
    char **cells; /* owned, one block with the texts in it; no cell is NULL */
};
void otr_table_free(struct otr_table *t); /* NULL allowed; leaves *t empty */

#ifdef __cplusplus
}
#endif
#endif
