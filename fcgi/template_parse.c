/* template_parse.c - the text of a template into a flat list of parts. */
#include "fcgi/template_part.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE   128 /* bytes of a name in a tag */
#define NESTING_MAX 32  /* sections within sections */

struct parser {
    struct template *t;
    size_t at;
    int line;
    int open[NESTING_MAX]; /* indexes of the sections we are in */
    int nesting;
    bool line_start; /* nothing of this line has become a part yet */
    bool tagged;     /* a tag stands before on this line */
    char *why;
    size_t why_size;
};

static bool complain(struct parser *p, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool complain(struct parser *p, int line, const char *format, ...) {
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(p->why, p->why_size, "%s" TEMPLATE_ENDING ":%d: %s", p->t->name, line, text);
    return false;
}

static struct part *add_part(struct parser *p, enum part_type type, const char *text, size_t size) {
    struct template *t = p->t;
    if (t->count == t->room) {
        int room = t->room ? t->room * 2 : 64;
        struct part *parts = realloc(t->parts, (size_t)room * sizeof *parts);
        if (!parts) {
            complain(p, p->line, "out of memory");
            return NULL;
        }
        t->parts = parts;
        t->room = room;
    }
    struct part *part = &t->parts[t->count++];
    *part = (struct part){
        .type = type, .line = p->line, .text = text, .size = size, .line_start = p->line_start};
    p->line_start = false;
    return part;
}

/* Text up to end, one part for each line. */
static bool add_text(struct parser *p, size_t end) {
    while (p->at < end) {
        const char *from = p->t->source + p->at;
        const char *nl = memchr(from, '\n', end - p->at);
        size_t size = nl ? (size_t)(nl - from) + 1 : end - p->at;
        if (!add_part(p, PART_TEXT, from, size))
            return false;
        p->at += size;
        if (nl) {
            p->line++;
            p->line_start = true;
            p->tagged = false;
        }
    }
    return true;
}

static bool blank(char c) {
    return c == ' ' || c == '\t';
}

static bool name_valid(const char *name, size_t size) {
    if (size == 1 && *name == '.')
        return true;
    if (size == 0 || size > NAME_SIZE || name[0] == '.' || name[size - 1] == '.')
        return false;
    for (size_t i = 0; i < size; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '.')
            return false;
        if (c == '.' && name[i + 1] == '.')
            return false;
    }
    return true;
}

/* A tag as found in the source: {{ sigil name }}. */
struct tag {
    size_t from, to; /* the whole tag; with a standalone line, that line */
    char sigil;      /* one of # ^ / > ! & { or 0 */
    const char *name;
    size_t size;
    size_t indent;   /* standalone: blanks before it */
    int line, lines; /* where it begins, how many line ends it holds */
    bool standalone;
};

/* Reads the tag that begins at from ("{{" is there). */
static bool read_tag(struct parser *p, size_t from, struct tag *tag) {
    const char *s = p->t->source, *end = s + p->t->size, *at = s + from + 2;
    *tag = (struct tag){.from = from, .line = p->line};
    if (at < end && strchr("#^/>!&{=$<", *at) && *at)
        tag->sigil = *at++;
    const char *close = tag->sigil == '{' ? "}}}" : "}}";
    const char *to = memmem(at, (size_t)(end - at), close, strlen(close));
    if (!to)
        return complain(p, p->line, "the tag that begins with {{ is not closed");
    tag->to = (size_t)(to - s) + strlen(close);
    for (const char *c = s + from; c < s + tag->to; c++)
        tag->lines += *c == '\n';
    if (tag->sigil == '!')
        return true;
    if (tag->sigil == '=')
        return complain(p, p->line, "tags that set other delimiters ({{=) are not supported");
    if (tag->sigil == '$' || tag->sigil == '<')
        return complain(p, p->line, "blocks and parents ({{%c) are not supported", tag->sigil);
    while (at < to && (blank(*at) || *at == '\n' || *at == '\r'))
        at++;
    while (to > at && (blank(to[-1]) || to[-1] == '\n' || to[-1] == '\r'))
        to--;
    tag->name = at;
    tag->size = (size_t)(to - at);
    if (!name_valid(tag->name, tag->size))
        return complain(p, p->line, "\"%.*s\" is not a name",
                        (int)(tag->size > 40 ? 40 : tag->size), tag->name);
    return true;
}

/* Alone on its line, a tag that prints nothing takes the whole line with it. */
static void look_around(const struct parser *p, struct tag *tag) {
    const char *s = p->t->source;
    if (tag->sigil == 0 || tag->sigil == '&' || tag->sigil == '{')
        return;
    size_t from = tag->from, to = tag->to;
    while (from > p->at && blank(s[from - 1]))
        from--;
    if (from > p->at ? s[from - 1] != '\n' : !p->line_start || p->tagged)
        return;
    while (to < p->t->size && blank(s[to]))
        to++;
    if (to < p->t->size && s[to] == '\r' && to + 1 < p->t->size && s[to + 1] == '\n')
        to++;
    if (to < p->t->size && s[to] != '\n')
        return;
    tag->standalone = true;
    tag->indent = tag->from - from;
    tag->from = from;
    if (to < p->t->size) {
        to++;
        tag->lines++;
    }
    tag->to = to;
}

static bool close_section(struct parser *p, const struct tag *tag) {
    if (p->nesting == 0)
        return complain(p, tag->line, "{{/%.*s}} closes no section", (int)tag->size, tag->name);
    struct part *open = &p->t->parts[p->open[p->nesting - 1]];
    if (open->size != tag->size || memcmp(open->text, tag->name, tag->size) != 0)
        return complain(p, tag->line, "{{/%.*s}} where {{/%.*s}} (line %d) was expected",
                        (int)tag->size, tag->name, (int)open->size, open->text, open->line);
    open->end = p->t->count;
    p->nesting--;
    return true;
}

static bool open_section(struct parser *p, const struct tag *tag) {
    if (p->nesting == NESTING_MAX)
        return complain(p, tag->line, "sections are nested more than %d deep", NESTING_MAX);
    p->open[p->nesting++] = p->t->count;
    return add_part(p, tag->sigil == '#' ? PART_SECTION : PART_INVERTED, tag->name, tag->size);
}

static bool add_tag(struct parser *p, const struct tag *tag) {
    struct part *part;
    if (tag->standalone)
        p->line_start = false; /* the line is gone: nothing to indent */
    switch (tag->sigil) {
    case '!':
        break;
    case '/':
        if (!close_section(p, tag))
            return false;
        break;
    case '#':
    case '^':
        if (!open_section(p, tag))
            return false;
        break;
    case '>':
        part = add_part(p, PART_PARTIAL, tag->name, tag->size);
        if (!part)
            return false;
        part->indent = p->t->source + tag->from;
        part->indent_size = tag->standalone ? tag->indent : 0;
        break;
    default:
        if (!add_part(p, tag->sigil ? PART_RAW : PART_VALUE, tag->name, tag->size))
            return false;
    }
    p->tagged = !tag->standalone;
    if (tag->standalone)
        p->line_start = true;
    p->at = tag->to;
    p->line += tag->lines;
    return true;
}

bool template_parse(struct template *t, char *why, size_t why_size) {
    struct parser p = {.t = t, .line = 1, .line_start = true, .why = why, .why_size = why_size};
    const char *nul = memchr(t->source, '\0', t->size);
    if (nul)
        return complain(&p, 1, "a NUL byte at offset %zu", (size_t)(nul - t->source));
    while (p.at < t->size) {
        const char *open = memmem(t->source + p.at, t->size - p.at, "{{", 2);
        if (!open)
            break;
        size_t from = (size_t)(open - t->source);
        struct tag tag;
        int line = p.line;
        for (size_t i = p.at; i < from; i++)
            p.line += t->source[i] == '\n';
        bool ok = read_tag(&p, from, &tag);
        p.line = line;
        if (!ok)
            return false;
        look_around(&p, &tag);
        if (!add_text(&p, tag.from) || !add_tag(&p, &tag))
            return false;
    }
    if (!add_text(&p, t->size))
        return false;
    if (p.nesting) {
        const struct part *open = &t->parts[p.open[p.nesting - 1]];
        return complain(&p, open->line, "section {{#%.*s}} is never closed", (int)open->size,
                        open->text);
    }
    return true;
}
