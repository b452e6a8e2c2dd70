/*
 * template_part.h - a parsed template, between template_parse.c and template.c.  Internal.
 */
#ifndef OTPREFUND_TEMPLATE_PART_H
#define OTPREFUND_TEMPLATE_PART_H

#include <stdbool.h>
#include <stddef.h>

#define TEMPLATE_ENDING ".mustache"

enum part_type { PART_TEXT, PART_VALUE, PART_RAW, PART_SECTION, PART_INVERTED, PART_PARTIAL };

struct part {
    enum part_type type;
    bool line_start; /* first on its line: a partial's indentation goes before it */
    int line;
    int end;          /* sections: index behind the last part inside */
    const char *text; /* borrowed from the source: the text, or the name in the tag */
    size_t size;
    const char *indent; /* partials: blanks before a standalone tag */
    size_t indent_size;
    const struct template *partial;
};

struct template {
    char *name; /* owned, as are source and parts */
    char *source;
    size_t size;
    struct part *parts; /* in order; a section's inside follows it, up to its end */
    int count, room;
};

/*
 * Fills t->parts from t->source.  false with why = "name.mustache:line: ..." where the text is
 * not a template; partials are not looked for yet.
 */
bool template_parse(struct template *t, char *why, size_t why_size);

#endif
