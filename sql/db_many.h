/*
 * db_many.h - inside sql/ only: many callers' parameters as arrays, and the answer row by row.
 *
 * A statement that takes for each parameter an array of what another one takes does for many callers
 * what that one does for one of them: DB_BEGIN_MANY for DB_BEGIN, DB_ATTEMPT_MANY for DB_ATTEMPT.  It
 * answers each of them with one row, in their order; of NULLs where the other one has none.
 */
#ifndef OTPREFUND_DB_MANY_H
#define OTPREFUND_DB_MANY_H

#include "sql/db.h"

/* The statement for many callers of s; DB_STATEMENT__MAX: there is none. */
enum db_statement db_many_of(enum db_statement s);

/* n callers' parameters as arrays; the text of each is owned. */
struct db_many {
    struct db_params params; /* borrows the texts */
    char *texts[DB_PARAMS_MAX];
};

/*
 * Makes the arrays (PostgreSQL 15, 8.15.2), in that order; db_many_free them once the statement was
 * sent.  false: no memory, or not all have as many.
 */
bool db_many_make(struct db_many *m, const struct db_params *const callers[], int n);
void db_many_free(struct db_many *m);

/* That row as a result of its own, or NULL: no memory. */
PGresult *db_many_row(const PGresult *r, int row);

#endif
