/*
 * book.h - the simulated bank's truth: one entry per transaction that was ever asked about.
 *
 * A pure state machine in memory: no HTTP, no clock, no lock.  The caller holds a lock around every
 * call (scenario.c does) and passes the time in.  Money is integer paise, times are milliseconds
 * since 1970-01-01T00:00:00Z.
 */
#ifndef OTPREFUND_BANK_BOOK_H
#define OTPREFUND_BANK_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BANK_OTP_SIZE 7      /* 6 digits */
#define BANK_OTP_REF_SIZE 25 /* otp_ref_id */
#define BANK_OTP_LIFE_MS (10 * 60 * 1000)
#define BANK_TID_MIN_DIGITS 8
#define BANK_TID_MAX_DIGITS 12

/* tx_status (Eko, Transaction Inquiry). */
enum bank_tx {
    TX_NONE = -1, /* the bank knows no such transaction */
    TX_SUCCESS = 0,
    TX_FAIL = 1,
    TX_INITIATED = 2,
    TX_REFUND_PENDING = 3,
    TX_REFUNDED = 4,
    TX_HOLD = 5,
    TX_AWAITED = 6 /* documented as "Response Awaited" */
};

/* A TID as the caller wrote it: its digits may begin with 0. */
struct bank_tid {
    uint64_t number;
    unsigned digits;
};

struct entry {
    struct bank_tid tid;
    int tx_status;      /* the truth */
    int shown_status;   /* what inquiries say while veil > 0 */
    unsigned veil;      /* inquiries still to be answered with shown_status */
    int64_t credited;   /* paise */
    int64_t otp_sent_at;
    char otp[BANK_OTP_SIZE];         /* the last one texted; "" if none */
    char otp_ref[BANK_OTP_REF_SIZE]; /* the otp_ref_id given out last; "" if none */
    uint32_t otp_calls, otp_sent, initiate_calls, initiate_executed, inquiry_calls;
};

/* One text message on the customers' phone. */
struct sms {
    struct bank_tid tid;
    int64_t at;
    char otp[BANK_OTP_SIZE];
};

enum otp_check { OTP_RIGHT, OTP_WRONG, OTP_EXPIRED };

struct book;

/* NULL when out of memory. */
struct book *book_new(void);
void book_free(struct book *b);

/* Forgets every entry and message.  Entries handed out before are gone. */
void book_reset(struct book *b);

/*
 * Reads 8 to 12 ASCII digits into *tid.  False for anything else.
 */
bool bank_tid_read(const char *text, struct bank_tid *tid);

/* Writes the TID as it was read; buf holds at least BANK_TID_MAX_DIGITS + 1 bytes. */
void bank_tid_write(const struct bank_tid *tid, char *buf, size_t size);

/*
 * The entry of a TID, or NULL if the book has none.  Valid until the next book_add or book_reset.
 */
struct entry *book_find(struct book *b, const struct bank_tid *tid);

/*
 * Adds an entry, Refund Pending and untouched.  The TID must not be in the book.
 * NULL when out of memory.  Valid until the next book_add or book_reset.
 */
struct entry *book_add(struct book *b, const struct bank_tid *tid);

/* Entries in the order in which they were added. */
size_t book_count(const struct book *b);
const struct entry *book_at(const struct book *b, size_t i);

/* Messages, oldest first. */
size_t book_sms_count(const struct book *b);
const struct sms *book_sms_at(const struct book *b, size_t i);

/*
 * Texts an OTP to the customer: from now on it is the only valid one, for BANK_OTP_LIFE_MS.
 * False when out of memory: then nothing was texted.
 */
bool book_text_otp(struct book *b, struct entry *e, const char *otp, int64_t now);

/* Digits are compared as text: 012345 is not 12345.  Changes nothing. */
enum otp_check entry_check_otp(const struct entry *e, const char *otp, int64_t now);

/*
 * Executes the refund: credits the paise, once.  False (and nothing changed) unless the
 * transaction is Refund Pending.
 */
bool entry_execute(struct entry *e, int64_t paise);

/*
 * Answers one inquiry: the status to show.  Lifts the veil by one; a transaction on Hold becomes
 * Refund Pending with the last of its veil.
 */
int entry_inquire(struct entry *e);

#endif
