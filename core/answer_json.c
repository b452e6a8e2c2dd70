/* answer_json.c - strict reading of the bank's JSON: a bounded scan, then cJSON. */
#include "core/answer_json.h"

#include <cjson/cJSON.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX   16
#define MEMBERS_MAX 128  /* of one object; the largest sample has 12 */
#define TOKENS_MAX  8192 /* of a body */
#define NUMBER_MAX  64   /* characters */

size_t json_utf8(const char *p, size_t size) {
    const unsigned char *s = (const unsigned char *)p;
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (n == 0 || s[0] > 0xf4 || n > size)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    /* Overlong forms, surrogates, above U+10FFFF. */
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

/* ---- the scan: numbers become texts, texts become clean, what is odd is refused ---------- */

struct scan {
    const char *at, *end;
    char *to;         /* room for three bytes per byte, and a few */
    char last;        /* the token before: one of { } [ ] , : or 'v' for a value */
    uint32_t objects; /* bit depth - 1: that level is an object */
    int depth;
    int tokens; /* bounds the memory of the tree */
};

static void copy(struct scan *s, const char *bytes, size_t size) {
    memcpy(s->to, bytes, size);
    s->to += size;
}

/* The four digits after \u; -1 if they are not. */
static int hex4(const char *p, const char *end) {
    int v = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        static const char hex[] = "0123456789abcdef0123456789ABCDEF";
        const char *d = p[i] ? strchr(hex, p[i]) : NULL;
        if (!d)
            return -1;
        v = v << 4 | (int)((d - hex) & 15);
    }
    return v;
}

/* An escape; at is on the backslash. */
static bool scan_escape(struct scan *s) {
    if (s->end - s->at < 2)
        return false;
    if (s->at[1] != 'u') {
        if (!s->at[1] || !strchr("\"\\/bfnrt", s->at[1]))
            return false;
        copy(s, s->at, 2);
        s->at += 2;
        return true;
    }
    int v = hex4(s->at + 2, s->end), low = -1;
    if (v < 0)
        return false;
    if (v >= 0xd800 && v < 0xdc00 && s->end - s->at >= 8 && s->at[6] == '\\' && s->at[7] == 'u')
        low = hex4(s->at + 8, s->end);
    bool pair = low >= 0xdc00 && low < 0xe000;
    size_t size = pair ? 12 : 6;
    if (v == 0 || (v >= 0xd800 && v < 0xe000 && !pair))
        copy(s, "\\ufffd", 6);
    else
        copy(s, s->at, size);
    s->at += size;
    return true;
}

/* A text; at is on the opening quote. */
static bool scan_text(struct scan *s) {
    copy(s, s->at++, 1);
    while (s->at < s->end && *s->at != '"') {
        unsigned char c = (unsigned char)*s->at;
        if (c < 0x20)
            return false;
        if (c == '\\') {
            if (!scan_escape(s))
                return false;
            continue;
        }
        size_t n = json_utf8(s->at, (size_t)(s->end - s->at));
        copy(s, n ? s->at : "\xef\xbf\xbd", n ? n : 3);
        s->at += n ? n : 1;
    }
    if (s->at == s->end)
        return false;
    copy(s, s->at++, 1);
    s->last = 'v';
    return true;
}

static const char *digits(const char *p, const char *end) {
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

/* A number (RFC 8259, 6), written as a text of the same characters. */
static bool scan_number(struct scan *s) {
    const char *p = s->at, *from;
    if (*p == '-')
        p++;
    from = p;
    p = digits(p, s->end);
    if (p == from || (*from == '0' && p - from > 1))
        return false;
    if (p < s->end && *p == '.') {
        from = ++p;
        p = digits(p, s->end);
        if (p == from)
            return false;
    }
    if (p < s->end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < s->end && (*p == '+' || *p == '-'))
            p++;
        from = p;
        p = digits(p, s->end);
        if (p == from)
            return false;
    }
    /* Not as a name, not beside another value. */
    bool in_object = s->depth && (s->objects >> (s->depth - 1) & 1);
    bool place = in_object ? s->last == ':' : s->last == '[' || s->last == ',';
    if (p - s->at > NUMBER_MAX || !place)
        return false;
    copy(s, "\"", 1);
    copy(s, s->at, (size_t)(p - s->at));
    copy(s, "\"", 1);
    s->at = p;
    s->last = 'v';
    return true;
}

/* true, false or null: cJSON checks the place. */
static bool scan_word(struct scan *s) {
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        size_t size = strlen(words[i]);
        if ((size_t)(s->end - s->at) >= size && memcmp(s->at, words[i], size) == 0) {
            copy(s, s->at, size);
            s->at += size;
            s->last = 'v';
            return true;
        }
    }
    return false;
}

static bool scan_token(struct scan *s) {
    char c = *s->at;
    if (c != ' ' && ++s->tokens > TOKENS_MAX)
        return false;
    if (c == '"')
        return scan_text(s);
    if (c == '-' || (c >= '0' && c <= '9'))
        return scan_number(s);
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        s->at++;
        return true;
    }
    if (!c || !strchr("{}[]:,", c))
        return scan_word(s);
    if (c == '{' || c == '[') {
        if (s->depth == DEPTH_MAX)
            return false;
        s->objects &= ~(1u << s->depth);
        s->objects |= (c == '{' ? 1u : 0u) << s->depth++;
    } else if (c == '}' || c == ']') {
        if (s->depth == 0)
            return false;
        s->depth--;
    }
    copy(s, s->at++, 1);
    s->last = c;
    return true;
}

/* ---- the tree ---------------------------------------------------------------------------- */

/* Depth is bounded by the scan. */
static bool names_unique(const cJSON *item) {
    const char *names[MEMBERS_MAX];
    size_t n = 0;
    const cJSON *child;
    cJSON_ArrayForEach(child, item) {
        if (cJSON_IsObject(item)) {
            for (size_t i = 0; i < n; i++)
                if (strcmp(names[i], child->string) == 0)
                    return false;
            if (n == MEMBERS_MAX)
                return false;
            names[n++] = child->string;
        }
        if (!names_unique(child))
            return false;
    }
    return true;
}

struct cJSON *json_read(const char *body, size_t size) {
    cJSON *root = NULL;
    size_t room = size * 3 + 4;
    char *text = size ? malloc(room) : NULL;
    if (!text)
        return NULL;
    struct scan s = {.at = body, .end = body + size, .to = text};
    bool ok = true;
    while (ok && s.at < s.end)
        ok = scan_token(&s);
    *s.to = '\0';
    if (ok) /* with the NUL: nothing may follow the object */
        root = cJSON_ParseWithLengthOpts(text, (size_t)(s.to - text) + 1, NULL, 1);
    explicit_bzero(text, (size_t)(s.to - text));
    free(text);
    if (root && cJSON_IsObject(root) && names_unique(root))
        return root;
    json_free(root);
    return NULL;
}

static void wipe(cJSON *item) {
    for (cJSON *child = item->child; child; child = child->next)
        wipe(child);
    if (item->valuestring)
        explicit_bzero(item->valuestring, strlen(item->valuestring));
}

void json_free(struct cJSON *root) {
    if (root)
        wipe(root);
    cJSON_Delete(root);
}

enum json_kind json_value(const struct cJSON *member, const char **text) {
    *text = "";
    if (!member || cJSON_IsNull(member))
        return JSON_NOTHING;
    if (cJSON_IsString(member)) {
        *text = member->valuestring;
        return JSON_TEXT;
    }
    return cJSON_IsObject(member) ? JSON_OBJECT : JSON_OTHER;
}

enum json_kind json_get(const struct cJSON *parent, const char *name, const char **text) {
    return json_value(cJSON_GetObjectItemCaseSensitive(parent, name), text);
}

const struct cJSON *json_object(const struct cJSON *parent, const char *name) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(parent, name);
    return cJSON_IsObject(item) ? item : NULL;
}

const struct cJSON *json_next(const struct cJSON *parent, const struct cJSON *after) {
    return after ? after->next : parent ? parent->child : NULL;
}

const char *json_name(const struct cJSON *member) {
    return member->string ? member->string : "";
}
