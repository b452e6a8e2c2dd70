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
    bool stays = same(run, size, keep[0]) || same(run, size, keep[1]);
    if (!stays && size >= 4 && size <= 8) {
        put(o, "....", 4);
    } else if (!stays && mobile) {
        char hidden[11];
        snprintf(hidden, sizeof hidden, "******%.4s", run + size - 4);
        put(o, hidden, 10);
    } else {
        put(o, run, size);
    }
}

/* ---- an OTP that is written in groups, or in the digits of another script ------------------- */

#define GROUPS_MAX    8 /* "1 2 3 4 5 6 7 8" */
#define SEPARATOR_MAX 3 /* characters between two groups: " - " */

/* The zeros of the decimal digits that Indian phones write, and the fullwidth one (Unicode, Nd). */
static const unsigned zeros[] = {0x660, 0x6f0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66,
                                 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xff10};

/* Length of the digit at p in any of these scripts; 0: none. */
static size_t digit(const char *p) {
    const unsigned char *s = (const unsigned char *)p;
    unsigned c = 0;
    size_t n = 0;
    if (s[0] >= '0' && s[0] <= '9')
        return 1;
    if (s[0] >= 0xd8 && s[0] <= 0xdb && (s[1] & 0xc0) == 0x80) {
        c = (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
        n = 2;
    } else if ((s[0] == 0xe0 || s[0] == 0xef) && (s[1] & 0xc0) == 0x80 && (s[2] & 0xc0) == 0x80) {
        c = (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
        n = 3;
    }
    for (size_t i = 0; n && i < sizeof zeros / sizeof zeros[0]; i++)
        if (c >= zeros[i] && c < zeros[i] + 10)
            return n;
    return 0;
}

/* Length of a character that may stand between the groups of an OTP; 0: it may not. */
static size_t separator(const char *p) {
    const unsigned char *s = (const unsigned char *)p;
    if (*p && strchr(" -._\t/\\", *p))
        return 1;
    if (s[0] == 0xc2 && s[1] == 0xa0)
        return 2;
    if (s[0] == 0xe2 && s[1] == 0x80 && s[2] >= 0x80 && s[2] <= 0x95)
        return 3; /* U+2000-2015: blanks of all widths, joiners, hyphens and dashes */
    return 0;
}

struct group {
    const char *from;
    size_t size; /* bytes */
    int digits;
};

/* The groups of digits at in, with at most SEPARATOR_MAX characters between them.  How many. */
static int groups_read(const char *in, struct group g[GROUPS_MAX]) {
    int n = 0;
    while (n < GROUPS_MAX) {
        size_t d, gap = 0;
        g[n] = (struct group){.from = in};
        while ((d = digit(in)) > 0) {
            in += d;
            g[n].digits++;
        }
        g[n].size = (size_t)(in - g[n].from);
        n++;
        for (int i = 0; i < SEPARATOR_MAX && (d = separator(in + gap)) > 0; i++)
            gap += d;
        if (!gap || !digit(in + gap))
            break;
        in += gap;
    }
    return n;
}

/* "100.50": money, not an OTP. */
static bool is_money(const struct group *g, int n) {
    return n == 2 && g[1].from == g[0].from + g[0].size + 1 && g[1].from[-1] == '.' &&
           g[1].digits == 2;
}

/* Bytes taken from in, which begins with a digit. */
static size_t put_groups(struct out *o, const char *in, const char *const keep[2]) {
    struct group g[GROUPS_MAX];
    int count = groups_read(in, g), n = 0, digits = 0;
    bool plain = g[0].size == (size_t)g[0].digits; /* the digits 0 to 9 */
    if (same(g[0].from, g[0].size, keep[0]) || same(g[0].from, g[0].size, keep[1]) ||
        (plain && g[0].digits > 8)) {
        put_digits(o, in, g[0].size, keep);
        return g[0].size;
    }
    /* As many groups as one OTP can have digits. */
    while (n < count && digits + g[n].digits <= 8 && !same(g[n].from, g[n].size, keep[0]) &&
           !same(g[n].from, g[n].size, keep[1]))
        digits += g[n++].digits;
    if (n > 1 && digits >= 4 && digits <= 8 && !is_money(g, n)) {
        put(o, "....", 4);
        return (size_t)(g[n - 1].from + g[n - 1].size - in);
    }
    if (is_money(g, n) && g[0].digits < 4) {
        put(o, in, g[0].size + 3);
        return g[0].size + 3;
    }
    if (plain)
        put_digits(o, in, g[0].size, keep);
    else if (g[0].digits >= 4)
        put(o, "....", 4);
    else
        put(o, in, g[0].size);
    return g[0].size;
}

void mask_text(const char *in, const char *const keep[2], char *out, size_t size) {
    struct out o = {.to = out, .room = size};
    out[0] = '\0';
    while (*in && !o.full) {
        size_t n = token(in);
        if (n == 0)
            n = unseen(in);
        if (n) {
            o.blank = true;
        } else if (digit(in)) {
            n = put_groups(&o, in, keep);
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
