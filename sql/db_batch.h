/*
 * db_batch.h - inside sql/ only: calls of many callers together; writes in one transaction, with one
 * flush, reads of the same kind in one statement.
 *
 * Whoever comes while no commit is under way commits at once, alone.  Those who come meanwhile share
 * the next one: its first caller writes for all of them, so there is no thread and no wait for
 * company.  Each is told its own result.  What the database refuses spoils nothing: the transaction is
 * rolled back, and each writes again by itself.  The same with reads, which wait for no commit; they
 * are of what was committed before they began, and so after their caller came.
 */
#ifndef OTPREFUND_DB_BATCH_H
#define OTPREFUND_DB_BATCH_H

#include "sql/db.h"

#define DB_BATCH_MAX 1000 /* writes in one transaction */

struct db_batches;

/*
 * At most max writes in one transaction, and leaders transactions at once: while one waits for the disk
 * the next can fill its own, but the fewer there are, the more share one.  NULL: no memory.  free:
 * nobody may be calling; NULL allowed.
 */
struct db_batches *db_batches_new(int max, int leaders);
void db_batches_free(struct db_batches *b);

/*
 * Runs a statement that writes, as db_run does and with its answers; it is durable at JOURNAL_OK.
 * tid ("": unknown): statements of one transaction run in its order, so that two do not lock the same
 * rows crosswise.  _UNSURE, with *lost: the connection was lost before the end of COMMIT was heard.
 */
enum journal_status db_write(struct journal *j, enum db_statement s, const struct db_params *p,
                             const char *tid, PGresult **out, struct db_backend *lost);

/* Runs a statement that only reads, as db_read does and with its answers; it has a form for many
 * (db_many_of). */
enum journal_status db_look(struct journal *j, enum db_statement s, const struct db_params *p,
                            PGresult **out);

/* One of many that a single thread makes together. */
struct db_call {
    enum db_statement statement;
    const struct db_params *params;
    const char *tid; /* as above; NULL: unknown */
    enum journal_status status;
    PGresult *result;
};

/* db_write and db_look for each of n calls, as if each had its own thread. */
void db_write_all(struct journal *j, struct db_call *calls, int n);
void db_look_all(struct journal *j, struct db_call *calls, int n);

#endif
