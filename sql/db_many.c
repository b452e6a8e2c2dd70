/* db_many.c - many callers' parameters as arrays, and the answer row by row. */
#include "sql/db_many.h"

#include <stdlib.h>
#include <string.h>

enum db_statement db_many_of(enum db_statement s) {
    return s == DB_BEGIN ? DB_BEGIN_MANY : s == DB_FINISH ? DB_FINISH_MANY : DB_STATEMENT__MAX;
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

bool db_many_params(struct db_params *p, const struct db_params *const callers[], int n) {
    *p = (struct db_params){0};
    for (int k = 0; n > 0 && k < callers[0]->count; k++) {
        char *text = callers[n - 1]->count == callers[0]->count ? array_of(callers, n, k) : NULL;
        if (!text) {
            db_many_free(p);
            return false;
        }
        db_text(p, text);
    }
    return true;
}

void db_many_free(struct db_params *p) {
    for (int k = 0; k < p->count; k++)
        free((char *)p->values[k]);
    p->count = 0;
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
