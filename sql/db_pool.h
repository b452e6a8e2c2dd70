/*
 * db_pool.h - inside sql/ only: who may use which connection, in the order they came.
 *
 * A connection given back goes to whoever has waited longest.  If it were only put down, the thread
 * that has just given it back, still running, would mostly take it up again before the one that was
 * woken, and somebody would wait until he is told that the journal is down.
 */
#ifndef OTPREFUND_DB_POOL_H
#define OTPREFUND_DB_POOL_H

struct db_pool;

/* Numbers 0 to count - 1, all free; count at least 1.  NULL: no memory. */
struct db_pool *db_pool_new(int count);
void db_pool_free(struct db_pool *p); /* once nobody uses it; NULL allowed */

/* A number, the one given back last if several are free; -1: none within wait_ms.  Any thread. */
int db_pool_take(struct db_pool *p, int wait_ms);
void db_pool_give(struct db_pool *p, int number);

#endif
