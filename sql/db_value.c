/* db_value.c - values on their way into a statement and out of its result. */
#include "sql/db.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(struct db_params *p, const char *value, int length, int format) {
    if (p->count >= DB_PARAMS_MAX)
        return; /* more than any statement has: the server will refuse the call */
    p->values[p->count] = value;
    p->lengths[p->count] = length;
    p->formats[p->count] = format;
    p->count++;
}

void db_text(struct db_params *p, const char *s) {
    add(p, s && *s ? s : NULL, 0, 0);
}

void db_text_or_empty(struct db_params *p, const char *s) {
    add(p, s ? s : "", 0, 0);
}

void db_number(struct db_params *p, int64_t v) {
    db_number_or_null(p, true, v);
}

void db_number_or_null(struct db_params *p, bool present, int64_t v) {
    if (!present) {
        add(p, NULL, 0, 0);
        return;
    }
    if (p->count < DB_PARAMS_MAX)
        snprintf(p->numbers[p->count], sizeof p->numbers[0], "%" PRId64, v);
    add(p, p->numbers[p->count], 0, 0);
}

void db_bool(struct db_params *p, bool v) {
    add(p, v ? "t" : "f", 0, 0);
}

void db_bytes(struct db_params *p, const unsigned char *bytes, int size) {
    add(p, (const char *)bytes, bytes ? size : 0, 1);
}

void db_get_text(const PGresult *r, int row, int column, char *to, size_t size) {
    const char *value = PQgetvalue(r, row, column); /* "" for NULL */
    const char *s = value ? value : "";
    size_t n = strlen(s);
    if (!size)
        return;
    if (n >= size) {
        n = size - 1;
        while (n > 0 && ((unsigned char)s[n] & 0xC0) == 0x80)
            n--;
    }
    if (n > 0)
        memcpy(to, s, n);
    to[n] = '\0';
}

int64_t db_get_number(const PGresult *r, int row, int column, int64_t if_null) {
    if (PQgetisnull(r, row, column))
        return if_null;
    return strtoll(PQgetvalue(r, row, column), NULL, 10);
}

bool db_get_bool(const PGresult *r, int row, int column) {
    return PQgetvalue(r, row, column)[0] == 't';
}

/* Row 0 is the names of the columns. */
static const char *cell_text(const PGresult *r, int row, int column) {
    const char *s = row == 0 ? PQfname(r, column) : PQgetvalue(r, row - 1, column);
    return s ? s : "";
}

enum journal_status db_table(const PGresult *r, struct otr_table *t) {
    *t = (struct otr_table){.columns = PQnfields(r), .rows = PQntuples(r) + 1};
    size_t count = (size_t)t->columns * (size_t)t->rows, size = 1;
    for (int row = 0; row < t->rows; row++)
        for (int column = 0; column < t->columns; column++)
            size += strlen(cell_text(r, row, column)) + 1;
    t->cells = calloc(1, count * sizeof *t->cells + size);
    if (!t->cells) {
        otr_table_free(t);
        return JOURNAL_NO_MEMORY;
    }
    char *to = (char *)(t->cells + count); /* the texts lie behind the pointers to them */
    for (size_t i = 0; i < count; i++) {
        const char *text = cell_text(r, (int)i / t->columns, (int)i % t->columns);
        size_t bytes = strlen(text) + 1;
        t->cells[i] = memcpy(to, text, bytes);
        to += bytes;
    }
    return JOURNAL_OK;
}

void db_first_line(const char *message, char *to, size_t size) {
    size_t n = 0;
    while (message && message[n] && message[n] != '\n' && n + 1 < size) {
        bool control = (unsigned char)message[n] < 0x20 || message[n] == 0x7F;
        to[n] = message[n];
        if (control)
            to[n] = ' ';
        n++;
    }
    if (size > 0)
        to[n] = '\0';
}
