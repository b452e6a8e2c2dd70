/*
 * scenario.h - what the simulated bank does with a request: the table of the last two digits, the
 * faults and the bank's clock.  It knows no HTTP: a request comes in as struct ask, and what shall
 * be answered goes out as struct reply.  Every function may be called from any thread.
 */
#ifndef OTPREFUND_BANK_SCENARIO_H
#define OTPREFUND_BANK_SCENARIO_H

#include "tests/bank/book.h"
#include "tests/bank/faults.h"

enum generation { GEN_V2, GEN_V3 };

enum call {
    CALL_NONE,
    CALL_OTP,      /* Get Refund OTP */
    CALL_REFUND,   /* Initiate Refund */
    CALL_INQUIRY,  /* Transaction Inquiry */
    CALL_PENDING,  /* pending refunds of a customer (v3) */
    CALL__MAX
};

/* Why a request is refused before the transaction is looked at, in the order of checking. */
enum refusal {
    REFUSAL_NONE,
    REFUSAL_NO_URL,       /* HTTP 404 */
    REFUSAL_METHOD,       /* HTTP 405 */
    REFUSAL_FORBIDDEN,    /* HTTP 403: keys or clock */
    REFUSAL_CONTENT_TYPE, /* HTTP 415 */
    REFUSAL_TOO_LARGE,    /* HTTP 413 */
    REFUSAL_BODY,         /* the body cannot be read */
    REFUSAL_INITIATOR,    /* 319 */
    REFUSAL_USER_CODE,    /* 346 */
    REFUSAL_FIELD,        /* another field is missing or wrong: see ask.bad_field */
    REFUSAL__MAX
};

#define ASK_TEXT_SIZE 64

struct ask {
    enum generation gen;
    enum call call;
    enum refusal refusal;
    bool tid_ok; /* tid was understood: 8 to 12 digits, or REF and those */
    bool by_ref; /* asked for by client_ref_id */
    struct bank_tid tid;
    char otp[ASK_TEXT_SIZE];
    char otp_ref_id[ASK_TEXT_SIZE];
    char customer_id[ASK_TEXT_SIZE];
    const char *bad_field; /* literal name of the field, with REFUSAL_FIELD */
};

/* How the answer reaches the client. */
enum manner {
    MANNER_WHOLE,
    MANNER_SILENT, /* never: the connection stays open until the client leaves */
    MANNER_RESET,  /* TCP reset instead of an answer */
    MANNER_CUT     /* half of the body, then the connection is closed */
};

/* What the answer says: samples O1 to R8 by their names in the bank's description. */
enum shape {
    SHAPE_REFUSAL, /* reply.refusal says which */
    SHAPE_O1,
    SHAPE_O2,
    SHAPE_O3, /* with reply.otp: O8 */
    SHAPE_O4,
    SHAPE_O5,
    SHAPE_ALREADY_REFUNDED, /* O6, for Initiate too */
    SHAPE_NOT_REFUNDABLE,   /* O7, for Initiate too */
    SHAPE_R1,
    SHAPE_R2,
    SHAPE_R3,
    SHAPE_R4,
    SHAPE_R5,
    SHAPE_R7,
    SHAPE_R8,
    SHAPE_NO_SUCH, /* 168 */
    SHAPE_INQUIRY,
    SHAPE_PENDING,
    SHAPE_502,
    SHAPE_503, /* the bank itself is out of memory */
    SHAPE__MAX
};

#define REPLY_PENDING_MAX 32

struct reply {
    enum manner manner;
    enum shape shape;
    enum refusal refusal;
    const char *bad_field;
    struct bank_tid tid;
    struct bank_tid named; /* the TID that the answer names: another one in row 97 */
    int tx_status;
    int64_t now;      /* the bank's clock */
    int64_t delay_ms; /* before the answer */
    bool callback;    /* POST the callback, and answer after it */
    char otp[BANK_OTP_SIZE]; /* only with --uat */
    char otp_ref[BANK_OTP_REF_SIZE];
    size_t n_pending;
    struct bank_tid pending[REPLY_PENDING_MAX];
};

struct scenario;

struct scenario_options {
    int64_t slow_ms;    /* the delay of row 95 */
    int64_t latency_ms; /* of every answer, until POST /faults says otherwise */
    bool uat;           /* Get Refund OTP answers O8 */
    bool any_otp;       /* every OTP is right, also where none was texted: for benches */
    bool mixed;         /* Initiate answers R2 where the digit before the last two is 7 to 9 */
};

/* NULL when out of memory. */
struct scenario *scenario_new(const struct scenario_options *o);
void scenario_free(struct scenario *s);

/* Decides what to answer and writes it into the book.  *r is filled in every case. */
void scenario_ask(struct scenario *s, const struct ask *a, struct reply *r);

/* Clears book, faults and clock. */
void scenario_reset(struct scenario *s);

/* Sets all faults; a seed other than 0 restarts the draw. */
void scenario_set_faults(struct scenario *s, const struct faults *f);
void scenario_get_faults(struct scenario *s, struct faults *f);

/* Moves the bank's clock on and returns it (ms since the epoch). */
int64_t scenario_advance(struct scenario *s, int64_t ms);

/* The OTP texted last for this TID, in force or not; false if there is none. */
bool scenario_phone(struct scenario *s, const struct bank_tid *tid, char otp[BANK_OTP_SIZE]);

/* Copies up to max entries from index `first` on; returns how many. */
size_t scenario_entries(struct scenario *s, size_t first, struct entry *to, size_t max);
bool scenario_entry(struct scenario *s, const struct bank_tid *tid, struct entry *to);

/* Copies up to max messages, newest first, and sets *total; returns how many. */
size_t scenario_sms(struct scenario *s, struct sms *to, size_t max, size_t *total);

#endif
