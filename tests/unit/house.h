/*
 * house.h - the whole program in one process, for unit tests: its handlers, the core, a PostgreSQL of its
 * own (tests/pg.sh) and a bank that does as asked, in a process of its own; but for a TID that begins with
 * 400 (it takes no such number), 401 (an unknown initiator), 403, 404 (no such transaction), 405 (no such
 * call), 408 (no answer), 409 (late) or 502.  A client_ref_id that begins with such a number and a dash is
 * answered alike; that of TID n is Rn.
 */
#ifndef TESTS_HOUSE_H
#define TESTS_HOUSE_H

#include <stdbool.h>
#include <stdint.h>

#include "fcgi/app.h"

/* People: "asha" and "usha" operators, "sunil" supervisor, "meera" auditor, "gone" a disabled operator.
 * Machines, by token: refund, read, and one that was revoked. */
#define HOUSE_TOKEN_REFUND  "token-of-a-machine-that-refunds"
#define HOUSE_TOKEN_READ    "token-of-a-machine-that-reads"
#define HOUSE_TOKEN_REVOKED "token-of-a-machine-that-was-revoked"
#define HOUSE_CALLBACK      "0123456789abcdef0123456789abcdef"

extern struct app house;

/* What is asked; NULL and 0 for what is not there. */
struct house_request {
    const char *method, *path, *query;
    const char *login, *bearer, *key, *type;
    const char *site, *mode, *dest; /* Sec-Fetch-... */
    const char *body;
    const char *address; /* NULL: 127.0.0.1 */
    const char *extra;   /* one more variable, as NAME=value */
};

/* The answer to the last request: head and body as sent, whether it was whole, and its status;
 * whether it waited for the bank without a worker. */
struct house_answer {
    char text[1 << 20];
    size_t size;
    int status;
    bool parked;
};
extern struct house_answer house_answer;

bool house_open(void); /* false with a line on stderr */
void house_close(void);
/* One request, through request_parse and app_handle.  The status that was sent. */
int house_ask(const struct house_request *r);
/* Money calls that reached the bank for a TID. */
int house_initiates(const char *tid);
/* The bank's tx_status of a TID from now on, whatever was done to it. */
void house_says(const char *tid, int tx_status);
/* A fresh form token of that login.  Static memory. */
const char *house_token(const char *login);

#endif
