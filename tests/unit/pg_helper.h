/*
 * pg_helper.h - a fresh, migrated database for a test program, and SQL to look into it.
 *
 * Needs OTPREFUND_TEST_DB (conninfo of a superuser; tests/pg.sh makes one); without it the test
 * program is to exit 77.  The migrations are taken from $srcdir/sql, or ./sql.
 */
#ifndef OTPREFUND_TESTS_PG_HELPER_H
#define OTPREFUND_TESTS_PG_HELPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern char pg_owner[600]; /* conninfo of a superuser, in the fresh database */
extern char pg_app[600];   /* conninfo of a login that is only otprefund_app */
extern char pg_folder[512];

/* False with a line on stderr: no such luck. */
bool pg_setup(void);
void pg_teardown(void);

/* Runs sql as the superuser.  True if it did not fail; pg_state() then is "" and else the SQLSTATE. */
bool pg_do(const char *sql);
const char *pg_state(void);

/* First field of the first row: a number (INT64_MIN if NULL, no row or an error), or a text. */
int64_t pg_number(const char *sql);
const char *pg_text(const char *sql); /* "" likewise; valid until the next call */

/* All fields of the first column, each followed by a newline. */
const char *pg_column(const char *sql);

#endif
