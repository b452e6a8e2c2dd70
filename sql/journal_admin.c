/* journal_admin.c - operators and API clients; needs a login that is otprefund_owner. */
#include "sql/db.h"

static enum journal_status put(struct journal *j, enum db_statement s, const struct db_params *p) {
    enum journal_status status = db_run(j, s, p, NULL, NULL);
    if (status == JOURNAL_UNSURE) /* the same row once more */
        status = db_run(j, s, p, NULL, NULL);
    return status == JOURNAL_UNSURE ? JOURNAL_DOWN : status;
}

static enum journal_status disable(struct journal *j, enum db_statement s, const char *name,
                                   bool disabled) {
    struct db_params p = {0};
    PGresult *r = NULL;
    db_text(&p, name);
    db_bool(&p, disabled);
    enum journal_status status = db_read(j, s, &p, &r);
    if (status == JOURNAL_OK && PQntuples(r) == 0)
        status = JOURNAL_NOT_FOUND;
    PQclear(r);
    return status;
}

static enum journal_status list(struct journal *j, enum db_statement s, struct otr_table *t) {
    PGresult *r = NULL;
    *t = (struct otr_table){0};
    enum journal_status status = db_read(j, s, NULL, &r);
    if (status == JOURNAL_OK)
        status = db_table(r, t);
    PQclear(r);
    return status;
}

enum journal_status journal_operator_put(struct journal *j, const struct otr_operator *o) {
    struct db_params p = {0};
    db_text(&p, o->name);
    db_text_or_empty(&p, o->full_name);
    db_text(&p, otr_role_name(o->role));
    db_text(&p, o->user_code);
    db_bool(&p, o->disabled);
    return put(j, DB_OPERATOR_PUT, &p);
}

enum journal_status journal_operator_disable(struct journal *j, const char *name, bool disabled) {
    return disable(j, DB_OPERATOR_DISABLE, name, disabled);
}

enum journal_status journal_operator_list(struct journal *j, struct otr_table *t) {
    return list(j, DB_OPERATOR_LIST, t);
}

enum journal_status journal_client_put(struct journal *j, const struct otr_operator *o,
                                       const unsigned char *token_sha256) {
    struct db_params p = {0};
    db_text(&p, o->name);
    db_text_or_empty(&p, o->full_name);
    db_text(&p, o->user_code);
    db_bool(&p, o->may_refund);
    db_bool(&p, o->disabled);
    db_bytes(&p, token_sha256, 32);
    return put(j, DB_CLIENT_PUT, &p);
}

enum journal_status journal_client_disable(struct journal *j, const char *name, bool disabled) {
    return disable(j, DB_CLIENT_DISABLE, name, disabled);
}

enum journal_status journal_client_list(struct journal *j, struct otr_table *t) {
    return list(j, DB_CLIENT_LIST, t);
}
