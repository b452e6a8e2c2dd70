/*
 * db_shape.h - inside sql/ only: reads asked together, in one round trip, each planned once.
 *
 * A list is asked for in many shapes (which filters are set).  A shape's text is made of fixed
 * fragments and prepared on a connection at its first use there; the least recently made one gives
 * its place when there are DB_SHAPES.  Values are parameters, always.
 */
#ifndef OTPREFUND_DB_SHAPE_H
#define OTPREFUND_DB_SHAPE_H

#include "sql/db.h"

#define DB_ASKS_MAX 8

/* One statement of a group. */
struct db_ask {
    uint32_t shape; /* never 0; the same shape has the same text */
    const char *sql;
    struct db_params params;
    PGresult *result; /* set by db_ask_all; the caller clears it with db_asks_clear */
};

/* The shape of a statement of db_texts. */
#define DB_SHAPE_OF(statement) (UINT32_C(0x80000000) | (uint32_t)(statement))

/*
 * The steps of a pipeline, for a borrower: sends a statement by its shape; takes the results in the
 * same order (NULL where it was not executed; the worst so far to *status); and its end.
 */
struct db_sent {
    int slot; /* the place of its shape, and the commands before it */
    bool made, dropped;
};
bool db_shape_send(PGconn *pg, struct db_shapes *s, uint32_t shape, const char *sql,
                   const struct db_params *p, struct db_sent *sent);
PGresult *db_shape_take(PGconn *pg, struct db_shapes *s, const struct db_sent *sent,
                        enum journal_status *status);
bool db_shape_end(PGconn *pg);

/* JOURNAL_OK with every result, or _REFUSED, _DOWN with none.  n: up to DB_ASKS_MAX. */
enum journal_status db_ask_all(struct journal *j, struct db_ask *asks, int n);
void db_asks_clear(struct db_ask *asks, int n);

/* A row of DB_ATTEMPT_COLUMNS; of DB_OPERATOR; of DB_TODAY. */
void db_read_attempt(const PGresult *r, int row, struct otr_attempt *a);
void db_read_operator(const PGresult *r, int row, struct otr_operator *o);
void db_read_today(const PGresult *r, int row, struct otr_today *t);

/* The list as a statement: room for its text belongs to the caller and outlives the ask. */
#define DB_LIST_SIZE 4096
void db_list(struct db_ask *ask, const struct otr_filter *f, int max, char text[DB_LIST_SIZE]);
/* The list of each of many operators (a text[]; f's own is not looked at), max for each.  The column
 * behind a row says whose it is: 1 for the first. */
void db_list_each(struct db_ask *ask, const char *operators, const struct otr_filter *f, int max,
                  char text[DB_LIST_SIZE]);
/* What came of db_list: at most max rows to rows.  Returns how many. */
int db_list_rows(const struct db_ask *ask, int max, struct otr_attempt *rows);

#endif
