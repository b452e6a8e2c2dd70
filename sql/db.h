/*
 * db.h - inside sql/ only: the pool of connections and one way to run a statement.
 *
 * Every statement is written here once, is prepared on each connection at its first use, and takes
 * parameters only.
 */
#ifndef OTPREFUND_DB_H
#define OTPREFUND_DB_H

#include <libpq-fe.h>

#include "sql/journal.h"

enum db_statement {
    DB_BEGIN,
    DB_BEGUN,
    DB_FINISH,
    DB_BEGIN_MANY,
    DB_FINISH_MANY,
    DB_CLAIM,
    DB_WAKE,
    DB_CALLBACK,
    DB_MANUAL_PROPOSE,
    DB_MANUAL_DECIDE,
    DB_MANUAL,
    DB_ATTEMPT,
    DB_ATTEMPT_MANY,
    DB_TRANSACTION,
    DB_TID_OF,
    DB_OPERATOR,
    DB_OPERATOR_MANY,
    DB_CLIENT,
    DB_CLIENT_MANY,
    DB_TODAY,
    DB_MOMENT,
    DB_WHO_OF,
    DB_TODAY_OF,
    DB_NUMBERS,
    DB_PING,
    DB_END,
    DB_SEAL,
    DB_SEAL_LAST,
    DB_SEAL_DUE,
    DB_OPERATOR_PUT,
    DB_OPERATOR_DISABLE,
    DB_OPERATOR_LIST,
    DB_CLIENT_PUT,
    DB_CLIENT_DISABLE,
    DB_CLIENT_LIST,
    DB_STATEMENT__MAX
};

/* Parameters of one call: texts are borrowed, numbers are kept here. */
#define DB_PARAMS_MAX 24
struct db_params {
    int count;
    const char *values[DB_PARAMS_MAX];
    int lengths[DB_PARAMS_MAX];
    int formats[DB_PARAMS_MAX];
    char numbers[DB_PARAMS_MAX][24];
};
void db_text(struct db_params *p, const char *s);          /* NULL and "": SQL NULL */
void db_text_or_empty(struct db_params *p, const char *s); /* NULL: '' */
void db_number(struct db_params *p, int64_t v);
void db_number_or_null(struct db_params *p, bool present, int64_t v);
void db_bool(struct db_params *p, bool v);
void db_bytes(struct db_params *p, const unsigned char *bytes, int size); /* NULL: SQL NULL */

/* Fields of a result; the texts are cut at size, never inside a UTF-8 character. */
void db_get_text(const PGresult *r, int row, int column, char *to, size_t size);
int64_t db_get_number(const PGresult *r, int row, int column, int64_t if_null);
bool db_get_bool(const PGresult *r, int row, int column);

/* The backend that ran a statement whose end was not heard of. */
struct db_backend {
    int pid;
    char started[64]; /* backend_start as text; with pid it names one backend for ever */
};

/*
 * Runs a statement on a connection of the pool.  JOURNAL_OK with *out (PQclear it; NULL allowed:
 * not wanted); _REFUSED, _DOWN (nothing committed), _NO_MEMORY.  _UNSURE: the connection was lost
 * on the way; *lost (NULL allowed) says which backend it was.  Serialization failures and deadlocks
 * are tried again up to three times.  The caller waits at most DB_WAIT_MS for a free connection and
 * DB_ANSWER_MS for the answer.
 */
#define DB_WAIT_MS   5000
#define DB_ANSWER_MS 10000
enum journal_status db_run(struct journal *j, enum db_statement s, const struct db_params *p,
                           PGresult **out, struct db_backend *lost);

/* Why the last call of a statement that failed did: a line without values of ours; "": none did. */
#define DB_TROUBLE_SIZE 160
void db_trouble(struct journal *j, enum db_statement s, char *why, size_t size);

/* The same for statements that only read: a lost connection is replaced and asked again, once. */
enum journal_status db_read(struct journal *j, enum db_statement s, const struct db_params *p,
                            PGresult **out);

/* A report (db_shape.c): a fixed text, which may take DB_SLOW_MS. */
#define DB_SLOW_MS 60000
enum journal_status db_report(struct journal *j, const char *sql, PGresult **out);

/* What a connection has prepared for db_shape.c. */
#define DB_SHAPES 48
struct db_shapes {
    uint32_t shape[DB_SHAPES]; /* of the statement "shapeN" */
    int count, next;
    bool broken; /* a statement may or may not be there: the connection is not used again */
};

/*
 * Lends a connection.  The borrower answers JOURNAL_OK, _REFUSED, _DOWN, or _UNSURE where the
 * connection is of no use any more.  lost NULL, for what only reads: then it is asked once more, with
 * another connection, and the answer is _DOWN at worst.  Else that is the answer, and *lost is set.
 */
typedef enum journal_status db_borrower(PGconn *pg, struct db_shapes *shapes, void *arg);
enum journal_status db_lend(struct journal *j, db_borrower *borrower, void *arg,
                            struct db_backend *lost);
/* For borrowers: the answer to one statement (NULL: none within ms), and what it means. */
PGresult *db_await(PGconn *pg, int ms);
enum journal_status db_judge(const PGresult *r);

/*
 * Ends that backend, if it is still there.  JOURNAL_OK: it is gone, and what it did not commit it
 * never will.
 */
enum journal_status db_end_backend(struct journal *j, const struct db_backend *b);

/* The result as a table of texts; frees nothing of r. */
enum journal_status db_table(const PGresult *r, struct otr_table *t);

/* The name and the text of each prepared statement (db_sql.c). */
struct db_text_of {
    const char *name, *sql;
};
extern const struct db_text_of db_texts[DB_STATEMENT__MAX];

/* A time in ms and money in paise, exactly; both are numeric in SQL. */
#define DB_MS(column)    "floor(extract(epoch FROM " column ") * 1000)::bigint"
#define DB_PAISE(column) "(" column " * 100)::bigint"

/*
 * What a statement sees: whatever sees the same snapshot, text for text, sees the same rows (PostgreSQL
 * 15, 9.27.8 and 13.2.1: a commit in between moves one of its numbers, and none of them ever goes back), as
 * long as the server was not restarted (db_connects) and it is the same day in that zone, a parameter.
 * NULL on a standby: its snapshots do not name who is under way (PostgreSQL's procarray.c,
 * GetSnapshotData), so a commit there can leave the text as it is.
 */
#define DB_MOMENT_SEEN(zone)                                                                       \
    "(SELECT pg_current_snapshot()::text || ' ' || date_trunc('day', clock_timestamp(), " zone     \
    ") WHERE NOT pg_is_in_recovery())"

/* The columns of attempt_status, in the order in which journal_read.c reads them. */
/* clang-format off */
#define DB_ATTEMPT_COLUMNS                                                                         \
    "s.attempt_id, s.tid, s.client_ref_id, s.kind, s.channel, s.operator, s.node, "                \
    DB_MS("s.started_at") ", " DB_MS("s.finished_at") ", s.outcome, s.reason, s.message, "         \
    "s.http_status, s.duration_ms, s.resolution, " DB_MS("s.resolved_at") ", s.resolved_by, "      \
    "s.tx_status, s.refund_tid, " DB_PAISE("s.amount") ", " DB_PAISE("s.refunded_amount") ", "     \
    "s.inquiries, " DB_MS("s.next_inquiry_at") ", s.open, s.contradicted"
/* clang-format on */

/* The first line of a libpq message, without control characters. */
void db_first_line(const char *message, char *to, size_t size);

/*
 * A connection as sql/ wants it, or NULL with why; also for migrate.c.  which: libpq's
 * target_session_attrs, unless the conninfo has its own: DB_PRIMARY, which no standby is, or DB_ANY.
 */
#define DB_PRIMARY "primary"
#define DB_ANY     "any"
PGconn *db_connect(const char *conninfo, const char *which, char *why, size_t size);

/* The pool; open and close as journal_open and journal_close say. */
enum journal_status db_open(const struct journal_config *c, struct journal **out, char *why,
                            size_t size);
void db_close(struct journal *j);

const char *db_node(const struct journal *j);
/* How many connections were made so far: more, and the server may have been another one meanwhile. */
int64_t db_connects(struct journal *j);
struct db_batches *db_batches(struct journal *j);

#endif
