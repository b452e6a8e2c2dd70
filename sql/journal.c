/* journal.c - opening and closing the journal, and the texts of its statuses. */
#include "sql/journal.h"

#include <stdio.h>

#include "sql/db.h"
#include "sql/migrate.h"

static const char *const texts[] = {
    [JOURNAL_OK] = "ok",
    [JOURNAL_SAME] = "this idempotency key was used before with the same content",
    [JOURNAL_KEY_USED] = "this idempotency key was used before with other content",
    [JOURNAL_OPEN] = "a refund attempt on this transaction is open",
    [JOURNAL_REFUNDED] = "an attempt has refunded this transaction",
    [JOURNAL_CONTRADICTED] = "a word of the bank disagrees with an attempt on this transaction",
    [JOURNAL_LIMITED] = "a limit is reached for this transaction",
    [JOURNAL_NOT_FOUND] = "not in the journal",
    [JOURNAL_REFUSED] = "the database refused the values",
    [JOURNAL_DOWN] = "the database is not available",
    [JOURNAL_UNSURE] = "the database was lost during COMMIT",
    [JOURNAL_NO_MEMORY] = "out of memory",
};
_Static_assert(sizeof texts / sizeof texts[0] == JOURNAL_STATUS__MAX, "a text for each status");

const char *journal_status_text(enum journal_status s) {
    return (unsigned)s < JOURNAL_STATUS__MAX ? texts[s] : "no such status";
}

enum journal_status journal_open(const struct journal_config *c, struct journal **out, char *why,
                                 size_t size) {
    return db_open(c, out, why, size);
}

void journal_close(struct journal *j) {
    db_close(j);
}

enum journal_status journal_ping(struct journal *j, char *why, size_t size) {
    PGresult *r = NULL;
    snprintf(why, size, "%s", "");
    enum journal_status status = db_read(j, DB_PING, NULL, &r);
    if (status != JOURNAL_OK) {
        snprintf(why, size, "the database cannot be reached");
        return JOURNAL_DOWN;
    }
    int version = (int)db_get_number(r, 0, 0, 0);
    PQclear(r);
    if (version != JOURNAL_SCHEMA_VERSION) {
        snprintf(why, size, "the database has schema version %d, this program needs %d: %s",
                 version, JOURNAL_SCHEMA_VERSION,
                 version < JOURNAL_SCHEMA_VERSION ? "run otprefundctl migrate"
                                                  : "install the newer program");
        return JOURNAL_DOWN;
    }
    return JOURNAL_OK;
}
