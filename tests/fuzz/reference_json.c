/* reference_json.c - a small strict reader of JSON: recursive descent, two levels are kept. */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/reference.h"

#define DEPTH_MAX 64

struct reader {
    const unsigned char *p, *end;
    struct reference *r;
    int depth;
};

struct text {
    char bytes[VALUE_SIZE];
    size_t size;
    bool cut;
};

static void blanks(struct reader *j) {
    while (j->p < j->end && (*j->p == ' ' || *j->p == '\t' || *j->p == '\n' || *j->p == '\r'))
        j->p++;
}

static bool eat(struct reader *j, char c) {
    blanks(j);
    if (j->p == j->end || *j->p != c)
        return false;
    j->p++;
    return true;
}

static void put(struct text *t, unsigned c) {
    if (t->size + 1 < sizeof(t->bytes))
        t->bytes[t->size++] = (char)c;
    else
        t->cut = true;
    t->bytes[t->size] = '\0';
}

/* What is no ASCII comes out as '?': nothing that is looked for holds any. */
static bool read_unicode(struct reader *j, struct text *t) {
    char four[5] = "", *stop = NULL;
    if (j->end - j->p < 4)
        return false;
    memcpy(four, j->p, 4);
    if (strspn(four, "0123456789abcdefABCDEF") != 4)
        return false;
    unsigned long v = strtoul(four, &stop, 16);
    j->p += 4;
    put(t, v && v < 0x80 ? (unsigned)v : '?');
    return true;
}

static bool read_text(struct reader *j, struct text *t) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    *t = (struct text){.size = 0};
    if (!eat(j, '"'))
        return false;
    while (j->p < j->end && *j->p != '"') {
        unsigned char c = *j->p++;
        const char *at;
        if (c < 0x20)
            return false;
        if (c != '\\') {
            put(t, c < 0x80 ? c : '?');
        } else if (j->p == j->end) {
            return false;
        } else if (*j->p == 'u') {
            j->p++;
            if (!read_unicode(j, t))
                return false;
        } else if (*j->p && (at = strchr(from, *j->p))) {
            put(t, (unsigned char)to[at - from]);
            j->p++;
        } else {
            return false;
        }
    }
    return eat(j, '"');
}

static bool some_digits(struct reader *j, struct text *t) {
    const unsigned char *from = j->p;
    for (; j->p < j->end && *j->p >= '0' && *j->p <= '9'; j->p++)
        put(t, *j->p);
    return j->p > from;
}

static bool read_number(struct reader *j, struct text *t) {
    *t = (struct text){.size = 0};
    if (*j->p == '-')
        put(t, *j->p++);
    bool zero = j->p < j->end && *j->p == '0';
    const unsigned char *from = j->p;
    if (!some_digits(j, t) || (zero && j->p - from > 1))
        return false;
    if (j->p < j->end && *j->p == '.') {
        put(t, *j->p++);
        if (!some_digits(j, t))
            return false;
    }
    if (j->p < j->end && (*j->p == 'e' || *j->p == 'E')) {
        put(t, *j->p++);
        if (j->p < j->end && (*j->p == '+' || *j->p == '-'))
            put(t, *j->p++);
        return some_digits(j, t);
    }
    return true;
}

static bool word(struct reader *j, const char *w) {
    size_t n = strlen(w);
    if ((size_t)(j->end - j->p) < n || memcmp(j->p, w, n) != 0)
        return false;
    j->p += n;
    return true;
}

static bool read_object(struct reader *j, const char *name);
static bool read_any(struct reader *j, const char *name, struct value *v);

static bool read_array(struct reader *j) {
    struct value ignored;
    if (eat(j, ']'))
        return true;
    do {
        if (!read_any(j, "[]", &ignored))
            return false;
    } while (eat(j, ','));
    return eat(j, ']');
}

/* name: the member's, for what is inside it. */
static bool read_any(struct reader *j, const char *name, struct value *v) {
    struct text t = {.size = 0};
    bool good;
    blanks(j);
    v->kind = VALUE_OTHER;
    if (j->p == j->end || ++j->depth > DEPTH_MAX)
        return false;
    unsigned char c = *j->p;
    if (c == '"' || c == '-' || (c >= '0' && c <= '9')) {
        good = c == '"' ? read_text(j, &t) : read_number(j, &t);
        v->kind = VALUE_TEXT;
    } else if (c == '{') {
        good = read_object(j, j->depth == 2 ? name : NULL);
        v->kind = VALUE_OBJECT;
    } else if (c == '[') {
        j->p++;
        good = read_array(j);
    } else if (word(j, "null")) {
        good = true;
        v->kind = VALUE_NULL;
    } else {
        good = word(j, "true") || word(j, "false");
    }
    memcpy(v->text, t.bytes, sizeof(v->text));
    v->cut = t.cut;
    j->depth--;
    return good;
}

/* in: the name under which its members are kept; NULL: too deep to matter. */
static bool read_object(struct reader *j, const char *in) {
    if (!eat(j, '{'))
        return false;
    if (eat(j, '}'))
        return true;
    do {
        struct text name;
        struct value v;
        memset(&v, 0, sizeof(v));
        if (!read_text(j, &name) || !eat(j, ':') || !read_any(j, name.bytes, &v))
            return false;
        if (!in)
            continue;
        memcpy(v.in, in, strlen(in) + 1);
        memcpy(v.name, name.bytes, sizeof(v.name));
        if ((!name.cut && reference_value(j->r, in, v.name)) || j->r->count == MEMBERS_KEPT)
            return false;
        j->r->values[j->r->count++] = v;
    } while (eat(j, ','));
    return eat(j, '}');
}

bool reference_read(struct reference *r, const char *text, size_t size) {
    struct reader j = {.p = (const unsigned char *)text, .r = r, .depth = 1};
    j.end = j.p + size;
    r->count = 0;
    if (!read_object(&j, ""))
        return false;
    blanks(&j);
    return j.p == j.end;
}

const struct value *reference_value(const struct reference *r, const char *in, const char *name) {
    for (int i = 0; i < r->count; i++)
        if (strcmp(r->values[i].in, in) == 0 && strcmp(r->values[i].name, name) == 0)
            return &r->values[i];
    return NULL;
}
