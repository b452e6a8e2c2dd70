/* journal_desk.c - all that the desk shows, in one round trip. */
#include "sql/db_shape.h"

enum { WHO, TODAY, OPEN, RECENT, ASKS };

static void ask_fixed(struct db_ask *ask, enum db_statement s) {
    ask->shape = DB_SHAPE_OF(s);
    ask->sql = db_texts[s].sql;
}

static void take(const struct db_ask asks[ASKS], struct otr_desk *d) {
    d->known = PQntuples(asks[WHO].result) > 0;
    if (!d->known)
        return;
    db_read_operator(asks[WHO].result, 0, &d->who);
    db_read_today(asks[TODAY].result, &d->today);
    d->open_count = db_list_rows(&asks[OPEN], OTR_DESK_ROWS, d->open);
    d->recent_count = db_list_rows(&asks[RECENT], OTR_DESK_ROWS, d->recent);
}

enum journal_status journal_desk(struct journal *j, const char *operator_name, const char *zone,
                                 int64_t from, struct otr_desk *d) {
    struct db_ask asks[ASKS] = {0};
    char open_text[DB_LIST_SIZE], recent_text[DB_LIST_SIZE];
    const struct otr_filter open = {.operator_name = operator_name, .open_only = true};
    const struct otr_filter recent = {.operator_name = operator_name, .from = from};
    *d = (struct otr_desk){0};
    ask_fixed(&asks[WHO], DB_OPERATOR);
    db_text(&asks[WHO].params, operator_name);
    ask_fixed(&asks[TODAY], DB_TODAY);
    db_text_or_empty(&asks[TODAY].params, operator_name); /* NULL would be everyone */
    db_text_or_empty(&asks[TODAY].params, zone);
    db_list(&asks[OPEN], &open, OTR_DESK_ROWS, open_text);
    db_list(&asks[RECENT], &recent, OTR_DESK_ROWS, recent_text);
    enum journal_status status = db_ask_all(j, asks, ASKS);
    if (status == JOURNAL_OK)
        take(asks, d);
    db_asks_clear(asks, ASKS);
    return status;
}
