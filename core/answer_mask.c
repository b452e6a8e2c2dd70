/* answer_mask.c - the bank's free text and personal data, made fit to show and to keep. */
#include <stdio.h>
#include <string.h>

#include "core/answer_parts.h"

#define TOKEN_MAX    18 /* "{", 16 characters, "}" */
#define INITIALS_MAX 4

struct out {
    char *to;
    size_t size, room; /* room: with the NUL */
    bool blank;        /* a blank is due before the next character */
    bool full;
};

static void put(struct out *o, const char *bytes, size_t size) {
    size_t blank = o->blank && o->size ? 1 : 0;
    if (o->full || o->size + blank + size >= o->room) {
        o->full = true;
        return;
    }
    if (blank)
        o->to[o->size++] = ' ';
    memcpy(o->to + o->size, bytes, size);
    o->size += size;
    o->to[o->size] = '\0';
    o->blank = false;
}

/* Length of an unfilled token such as "{2}" at p, 0 if there is none. */
static size_t token(const char *p) {
    size_t n = 1;
    if (*p != '{')
        return 0;
    n += strspn(p + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
    return n < TOKEN_MAX && p[n] == '}' ? n + 1 : 0;
}

/* Length of a character that is to become a blank: C0, C1, and those that turn the text round. */
static size_t unseen(const char *p) {
    const unsigned char *s = (const unsigned char *)p;
    if (s[0] <= 0x20 || s[0] == 0x7f)
        return 1;
    if (s[0] == 0xc2 && s[1] <= 0xa0)
        return 2;
    if (s[0] == 0xe2 && s[1] == 0x80 &&
        (s[2] <= 0x8b || s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xa8 && s[2] <= 0xae)))
        return 3; /* U+2000-200B, 200E-200F, 2028-202E; the joiners of Indian scripts stay */
    if (s[0] == 0xe2 && s[1] == 0x81 && s[2] >= 0xa0 && s[2] <= 0xaf)
        return 3; /* U+2060-206F */
    return 0;
}

static bool same(const char *run, size_t size, const char *keep) {
    return keep && strlen(keep) == size && memcmp(run, keep, size) == 0;
}

static void put_digits(struct out *o, const char *run, size_t size, const char *const keep[2]) {
    bool mobile = (size == 10 && run[0] >= '6') || (size == 12 && memcmp(run, "91", 2) == 0);
    if (same(run, size, keep[0]) || same(run, size, keep[1])) {
        put(o, run, size);
    } else if (size >= 4 && size <= 8) {
        put(o, "....", 4);
    } else if (mobile) {
        char hidden[11];
        snprintf(hidden, sizeof hidden, "******%.4s", run + size - 4);
        put(o, hidden, 10);
    } else {
        put(o, run, size);
    }
}

void mask_text(const char *in, const char *const keep[2], char *out, size_t size) {
    struct out o = {.to = out, .room = size};
    out[0] = '\0';
    while (*in && !o.full) {
        size_t digits = strspn(in, "0123456789"), n = token(in);
        if (n == 0)
            n = unseen(in);
        if (n) {
            o.blank = true;
        } else if (digits) {
            put_digits(&o, in, digits, keep);
            n = digits;
        } else {
            n = json_utf8(in, strlen(in));
            n = n ? n : 1;
            put(&o, in, n);
        }
        in += n;
    }
}

/* "Ravi Kumar" to "R. K.": the first letter of each word. */
static void initials(struct out *o, const char *name) {
    for (int words = 0; *name && words < INITIALS_MAX; words++) {
        name += strspn(name, " \t.,;");
        unsigned char c = (unsigned char)*name;
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80) {
            size_t n = json_utf8(name, strlen(name));
            char letter[8] = {(char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c)};
            for (size_t i = 1; i < n; i++)
                letter[i] = name[i];
            n = n ? n : 1;
            letter[n] = '.';
            o->blank = words > 0;
            put(o, letter, n + 1);
        }
        name += strcspn(name, " \t.,;");
    }
}

void mask_person(const char *name, const char *mobile, char *out, size_t size) {
    struct out o = {.to = out, .room = size};
    size_t digits = strspn(mobile, "0123456789");
    out[0] = '\0';
    initials(&o, name);
    if (!*mobile)
        return;
    if (o.size) {
        put(&o, ",", 1);
        o.blank = true;
    }
    put(&o, "******", 6);
    if (digits >= 8 && !mobile[digits])
        put(&o, mobile + digits - 4, 4);
}
