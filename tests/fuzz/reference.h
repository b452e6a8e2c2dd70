/*
 * reference.h - what an answer of the bank may at most be taken for: a second, small reading of
 * eko-api.md that shares no line with core/answer*.c.
 *
 * It says what must be there for a proof, not what suffices: core/answer.c may be stricter, never
 * looser.
 */
#ifndef TESTS_REFERENCE_H
#define TESTS_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "sql/record.h"

enum value_kind { VALUE_NULL, VALUE_TEXT, VALUE_OBJECT, VALUE_OTHER };

#define VALUE_SIZE   96 /* longer names and texts are kept cut, and are "long" */
#define MEMBERS_KEPT 256

/* A member of the object itself ("in" is "") or of an object in it ("in" is its name). */
struct value {
    char in[VALUE_SIZE], name[VALUE_SIZE], text[VALUE_SIZE];
    enum value_kind kind;
    bool cut;
};

struct reference {
    int count;
    struct value values[MEMBERS_KEPT];
};

/* One JSON object (RFC 8259) with nothing after it and no name twice.  false: not that. */
bool reference_read(struct reference *r, const char *text, size_t size);

/* NULL: not there. */
const struct value *reference_value(const struct reference *r, const char *in, const char *name);

/* May an answer to that call be taken for that outcome? */
bool reference_allows(enum otr_outcome outcome, enum otr_kind kind, const char *asked_tid,
                      int http_status, const char *body, size_t size);

#endif
