/*
 * it.h - what the integration suites share: the running demo, its three truths (page, journal, the
 * bank's book), and words for what was expected.  One thread.
 */
#ifndef INTEGRATION_IT_H
#define INTEGRATION_IT_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/integration/client.h"

#define IT_TID_SIZE 19

struct it {
    struct client desk, supervisor, auditor, api, nobody; /* nobody: no login */
    const char *base, *db, *control;
    const char *folder, *state; /* DEMO_DIR, and where its processes live if that is elsewhere */
    long pid;
    bool v2;
    bool bank_down; /* the program is pointed at a closed port */
};
extern struct it it;

/* ---- saying what failed ---------------------------------------------------------------------- */

/* Counts one assertion; a false one prints the sentence and fails the test. */
void expect_at(bool ok, const char *file, int line, const char *sentence, ...)
    __attribute__((format(printf, 4, 5)));
#define expect(ok, ...) expect_at((ok), __FILE__, __LINE__, __VA_ARGS__)
/* about: a TID, a path, ...; what: the name of the thing. */
void expect_text_at(const char *file, int line, const char *about, const char *what,
                    const char *expected, const char *got);
#define expect_text(about, what, expected, got)                                                    \
    expect_text_at(__FILE__, __LINE__, (about), (what), (expected), (got))
void expect_number_at(const char *file, int line, const char *about, const char *what,
                      long long expected, long long got);
#define expect_number(about, what, expected, got)                                                  \
    expect_number_at(__FILE__, __LINE__, (about), (what), (expected), (got))
void expect_says_at(const char *file, int line, const char *about, const struct reply *r,
                    const char *words);
#define expect_says(about, reply, words)                                                           \
    expect_says_at(__FILE__, __LINE__, (about), (reply), (words))
#define expect_status(about, reply, code)                                                          \
    expect_number((about), "HTTP status", (code), (reply)->status)

/* The process whose pid the demo named still runs and answers /healthz. */
void expect_alive(const char *after);

/* A line of the program's log holds all of these words, in that order; more: NULL for none. */
void expect_logged(const char *words, const char *more);

/* ---- the bank's truth ------------------------------------------------------------------------ */

struct book {
    bool known;
    int tx_status;
    long long credited; /* paise */
    int otp_calls, otp_sent, initiate_calls, initiate_executed, inquiry_calls;
};
/* The line of the bank's book for a TID; .known false where it has none. */
struct book book_of(const char *tid);
/* The newest OTP on the customer's phone; false: no SMS. */
bool phone_otp(const char *tid, char *otp, size_t size);
/* POSTs JSON to the control port: "/faults", "/clock", "/reset". */
bool bank_control(const char *path, const char *json);

/* ---- the journal ----------------------------------------------------------------------------- */

#define ROW_TEXT 160
struct row { /* of otprefund.attempt_status, as text; "" is NULL */
    bool found;
    char attempt_id[ROW_TEXT], tid[ROW_TEXT], kind[ROW_TEXT], operator_name[ROW_TEXT],
        started_at[ROW_TEXT], finished_at[ROW_TEXT], outcome[ROW_TEXT], reason[ROW_TEXT],
        resolution[ROW_TEXT], resolved_by[ROW_TEXT], tx_status[ROW_TEXT], amount[ROW_TEXT],
        refunded_amount[ROW_TEXT], inquiries[ROW_TEXT];
};
struct row row_of(long attempt_id);
/* One value of a query with up to two text parameters; "" for no row or NULL.  Returns out. */
char *db_text(char *out, size_t size, const char *sql, const char *p1, const char *p2);
long long db_number(const char *sql, const char *p1, const char *p2);
/* Every row of a query's first column; each is handed to see.  false: the query failed. */
bool db_each(const char *sql, void (*see)(void *arg, const char *value), void *arg);
/* Connects; false with a sentence on stderr. */
bool db_open(const char *conninfo);
void db_close(void);
/* Number of attempts of a kind on a TID. */
long long attempts_of(const char *tid, const char *kind);

/* Waits until the attempt has an outcome (settled: a resolution), at most so long; the last row. */
struct row wait_outcome(long attempt_id, int seconds);
struct row wait_settled(long attempt_id, int seconds);
void nap_ms(int ms);

/* ---- steps ----------------------------------------------------------------------------------- */

/* A TID never used before that ends in these two digits.  The ledger suite goes through all. */
const char *new_tid(int last_two);
int tid_count(void);
const char *tid_at(int i);
/* OTPs that were typed or texted, for the search at the end. */
void remember_otp(const char *otp);
int otp_count(void);
const char *otp_at(int i);
/* A random OTP of 8 digits, which the bank never texts: always wrong. */
const char *wrong_otp(char out[9]);
/* 32 random hexadecimal digits, as an idempotency key. */
const char *fresh_key(char out[33]);

/* Opens the transaction's page until it offers the form that sends the OTP; false if never. */
bool open_transaction(const struct client *c, const char *tid, struct reply *r);
/* Sends the OTP through the page's form: the attempt's id (from the 303), 0 if that failed.
   page: where the 303 leads. */
long send_otp(const struct client *c, const char *tid, struct reply *page);
/* Submits this OTP with cash_returned=yes through the page's form, likewise. */
long submit_otp(const struct client *c, const char *tid, const char *otp, struct reply *page);
/* The refund form of the page, with otp and cash_returned filled in. */
bool refund_form(const struct client *c, const char *tid, const char *otp, struct form *f);
/* Sends an OTP and reads it from the phone. */
bool texted_otp(const struct client *c, const char *tid, char *otp, size_t size);

/* JSON API: one call.  key NULL: none.  body NULL: GET. */
bool api_call(const char *path, const char *body, const char *key, const char *header,
              struct reply *r);
/* A field of the JSON object in the body as text; "" for null or none. */
char *json_field(const struct reply *r, const char *name, char *out, size_t size);

/* ---- the demo's keys, from the files its settings name --------------------------------------- */

struct key {
    char name[64], text[512]; /* the setting's name; the key without the line's end */
};
int keys_load(void); /* how many are known then */
void keys_add(const char *name, const char *text);
int keys_count(void);
const struct key *keys_at(int i);
const char *key_named(const char *name); /* NULL: not found */
const char *demo_socket(void);           /* [desk] listen, where it is a path; NULL: not found */

/* ---- the suites ------------------------------------------------------------------------------ */
void suite_pages(void);
void suite_table(void);
void suite_idempotency(void);
void suite_badinput(void);
void suite_roles(void);
void suite_api(void);
void suite_manual(void);
void suite_callback(void);
void suite_socket(void);
void suite_secrets(void);
void suite_ledger(void);
void suite_memory(void);
void suite_bank_down(void);

#endif
