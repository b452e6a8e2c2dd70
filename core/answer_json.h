/*
 * answer_json.h - strict reading of the bank's JSON.  Internal to answer.c; with it the only door
 * to cJSON for answers.
 *
 * Stricter than RFC 8259 where an answer could be read in two ways: one object, no duplicate names
 * (RFC 8259, 4), bounded nesting and members, nothing after it.  Numbers come out as their text, so
 * no binary floating point touches money.
 */
#ifndef OTPREFUND_ANSWER_JSON_H
#define OTPREFUND_ANSWER_JSON_H

#include <stdbool.h>
#include <stddef.h>

struct cJSON; /* a value; owned by the tree json_read made */

/*
 * Reads one object out of size bytes.  NULL: not such an object (NUL, bad syntax, cut short,
 * duplicate names, too deep, too many members) or no memory.  In texts, invalid UTF-8, lone
 * surrogates and \u0000 have become U+FFFD.
 */
struct cJSON *json_read(const char *body, size_t size);
void json_free(struct cJSON *root); /* wipes all texts first; NULL allowed */

enum json_kind {
    JSON_NOTHING, /* missing, null or (as parent) NULL */
    JSON_TEXT,    /* a string or number */
    JSON_OBJECT,
    JSON_OTHER /* true, false, an array */
};

/* What parent has under name (case-sensitive), and its text ("" unless JSON_TEXT).  parent may
   be NULL. */
enum json_kind json_get(const struct cJSON *parent, const char *name, const char **text);
/* The object under name, else NULL. */
const struct cJSON *json_object(const struct cJSON *parent, const char *name);
/* The members of an object one after the other: after NULL the first; NULL at the end. */
const struct cJSON *json_next(const struct cJSON *parent, const struct cJSON *after);
const char *json_name(const struct cJSON *member);
enum json_kind json_value(const struct cJSON *member, const char **text);

/* Length in bytes of the valid UTF-8 character at p (RFC 3629), 0 if it is none.  size >= 1. */
size_t json_utf8(const char *p, size_t size);

#endif
