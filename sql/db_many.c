/* db_many.c - many callers' parameters as arrays, and the answer row by row. */
#include "sql/db_many.h"

#include <stdlib.h>
#include <string.h>

enum db_statement db_many_of(enum db_statement s) {
    switch (s) {
    case DB_BEGIN:
        return DB_BEGIN_MANY;
    case DB_FINISH:
        return DB_FINISH_MANY;
    case DB_ATTEMPT:
        return DB_ATTEMPT_MANY;
    case DB_OPERATOR:
        return DB_OPERATOR_MANY;
    case DB_CLIENT:
        return DB_CLIENT_MANY;
    default:
        return DB_STATEMENT__MAX;
    }
}

/* How long the element can get: quoted, and each byte behind a backslash or as two digits. */
static size_t room_of(const struct db_params *p, int k) {
    if (!p->values[k])
        return sizeof "NULL,";
    return 2 * (p->formats[k] ? (size_t)p->lengths[k] : strlen(p->values[k])) + sizeof "\"\\\\x\",";
}

static char *put_bytes(char *to, const char *bytes, int size) {
    static const char hex[] = "0123456789abcdef";
    memcpy(to, "\\\\x", 3);
    to += 3;
    for (int i = 0; i < size; i++) {
        *to++ = hex[(unsigned char)bytes[i] >> 4];
        *to++ = hex[(unsigned char)bytes[i] & 15];
    }
    return to;
}

static char *put(char *to, const struct db_params *p, int k) {
    const char *v = p->values[k];
    if (!v) {
        memcpy(to, "NULL", 4);
        return to + 4;
    }
    *to++ = '"';
    if (p->formats[k]) {
        to = put_bytes(to, v, p->lengths[k]);
    } else {
        for (; *v; *to++ = *v++)
            if (*v == '"' || *v == '\\')
                *to++ = '\\';
    }
    *to++ = '"';
    return to;
}

static char *array_of(const struct db_params *const callers[], int n, int k) {
    size_t room = sizeof "{}";
    for (int i = 0; i < n; i++)
        room += room_of(callers[i], k);
    char *text = malloc(room), *to = text;
    if (!text)
        return NULL;
    *to++ = '{';
    for (int i = 0; i < n; i++) {
        if (i)
            *to++ = ',';
        to = put(to, callers[i], k);
    }
    *to++ = '}';
    *to = '\0';
    return text;
}

bool db_many_make(struct db_many *m, const struct db_params *const callers[], int n) {
    *m = (struct db_many){.params = {.count = 0}};
    for (int k = 0; n > 0 && k < callers[0]->count; k++) {
        m->texts[k] = callers[n - 1]->count == callers[0]->count ? array_of(callers, n, k) : NULL;
        if (!m->texts[k]) {
            db_many_free(m);
            return false;
        }
        db_text(&m->params, m->texts[k]);
    }
    return true;
}

void db_many_free(struct db_many *m) {
    for (int k = 0; k < DB_PARAMS_MAX; k++) {
        free(m->texts[k]);
        m->texts[k] = NULL;
    }
    m->params.count = 0;
}

PGresult *db_many_row(const PGresult *r, int row) {
    PGresult *one = PQcopyResult(r, PG_COPYRES_ATTRS);
    bool good = one && row < PQntuples(r);
    for (int k = 0; good && k < PQnfields(r); k++)
        good = PQsetvalue(one, 0, k, PQgetisnull(r, row, k) ? NULL : PQgetvalue(r, row, k),
                          PQgetisnull(r, row, k) ? -1 : PQgetlength(r, row, k));
    if (good)
        return one;
    PQclear(one);
    return NULL;
}
