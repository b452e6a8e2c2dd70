/* journal_desk.c - all that desks show, of many people in one round trip. */
#include <stdio.h>
#include <string.h>

#include "sql/db_many.h"
#include "sql/db_shape.h"

/* In that order: what they see is the same if the first and the last see the same. */
enum { WHO, OPEN, RECENT, TODAY, ASKS };

static void ask_fixed(struct db_ask *ask, enum db_statement s, const char *names,
                      const char *zone) {
    ask->shape = DB_SHAPE_OF(s);
    ask->sql = db_texts[s].sql;
    if (names)
        db_text(&ask->params, names);
    db_text_or_empty(&ask->params, zone);
}

/* The desk a row belongs to, which its last column says; NULL: nobody's. */
static struct otr_desk *whose(const PGresult *r, int row, int n, struct otr_desk *const desks[]) {
    int64_t number = db_get_number(r, row, PQnfields(r) - 1, 0);
    return number >= 1 && number <= n ? desks[number - 1] : NULL;
}

static void add(const PGresult *r, int row, struct otr_attempt *rows, int *count) {
    if (*count < OTR_DESK_ROWS)
        db_read_attempt(r, row, &rows[(*count)++]);
}

/* A login without a row has nothing of the rest. */
static void take(const struct db_ask *ask, int which, int n, struct otr_desk *const desks[]) {
    for (int row = 0; row < PQntuples(ask->result); row++) {
        struct otr_desk *d = whose(ask->result, row, n, desks);
        if (which == WHO && d)
            d->known = !PQgetisnull(ask->result, row, 0);
        if (!d || !d->known)
            continue;
        switch (which) {
        case WHO:
            db_read_operator(ask->result, row, &d->who);
            break;
        case TODAY:
            db_read_today(ask->result, row, &d->today);
            break;
        case OPEN:
            add(ask->result, row, d->open, &d->open_count);
            break;
        default:
            add(ask->result, row, d->recent, &d->recent_count);
        }
    }
}

/* The moment stands right before the last column. */
static const char *moment_of(const struct db_ask *ask) {
    int column = PQnfields(ask->result) - 2;
    return PQntuples(ask->result) > 0 ? PQgetvalue(ask->result, 0, column < 0 ? 0 : column) : "";
}

/* connects: as many as before they were asked.  Left as it is, "", where it was not one moment, or is too
   long to be kept. */
static void put_moment(struct journal *j, char moment[OTR_MOMENT_SIZE], const struct db_ask *first,
                       const struct db_ask *last, int64_t connects) {
    const char *seen = moment_of(first);
    if (connects == db_connects(j) && *seen && strcmp(seen, moment_of(last)) == 0 &&
        snprintf(moment, OTR_MOMENT_SIZE, "%lld %s", (long long)connects, seen) >= OTR_MOMENT_SIZE)
        *moment = '\0';
}

static enum journal_status ask(struct journal *j, const char *names, const char *zone, int64_t from,
                               int n, struct otr_desk *const desks[],
                               char moment[OTR_MOMENT_SIZE]) {
    struct db_ask asks[ASKS] = {0};
    char open_text[DB_LIST_SIZE], recent_text[DB_LIST_SIZE];
    int64_t connects = db_connects(j);
    ask_fixed(&asks[WHO], DB_WHO_OF, names, zone);
    db_list_each(&asks[OPEN], names, &(struct otr_filter){.open_only = true}, OTR_DESK_ROWS,
                 open_text);
    db_list_each(&asks[RECENT], names, &(struct otr_filter){.from = from}, OTR_DESK_ROWS,
                 recent_text);
    ask_fixed(&asks[TODAY], DB_TODAY_OF, names, zone);
    enum journal_status status = db_ask_all(j, asks, ASKS);
    for (int i = 0; i < ASKS && status == JOURNAL_OK; i++)
        take(&asks[i], i, n, desks);
    if (status == JOURNAL_OK)
        put_moment(j, moment, &asks[WHO], &asks[TODAY], connects);
    db_asks_clear(asks, ASKS);
    return status;
}

enum journal_status journal_moment(struct journal *j, const char *zone,
                                   char moment[OTR_MOMENT_SIZE]) {
    struct db_ask ask = {0};
    int64_t connects = db_connects(j);
    *moment = '\0';
    ask_fixed(&ask, DB_MOMENT, NULL, zone);
    enum journal_status status = db_ask_all(j, &ask, 1);
    if (status == JOURNAL_OK)
        put_moment(j, moment, &ask, &ask, connects);
    db_asks_clear(&ask, 1);
    return status;
}

enum journal_status journal_desks(struct journal *j, const char *const names[], int n,
                                  const char *zone, int64_t from, struct otr_desk *const desks[],
                                  char moment[OTR_MOMENT_SIZE]) {
    struct db_params each[OTR_DESKS_MAX];
    const struct db_params *callers[OTR_DESKS_MAX];
    struct db_many many;
    *moment = '\0';
    if (n < 1 || n > OTR_DESKS_MAX)
        return JOURNAL_REFUSED;
    for (int i = 0; i < n; i++) {
        *desks[i] = (struct otr_desk){0};
        each[i].count = 0;
        db_text_or_empty(&each[i], names[i]);
        callers[i] = &each[i];
    }
    if (!db_many_make(&many, callers, n))
        return JOURNAL_NO_MEMORY;
    enum journal_status status = ask(j, many.texts[0], zone, from, n, desks, moment);
    db_many_free(&many);
    return status;
}
