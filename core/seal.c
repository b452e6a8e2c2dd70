/* seal.c - verifies an export of the journal against its seals. */
#include "core/seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "core/sign.h"

#define HEX_SIZE    65
#define CONTENT_MAX (8u << 20) /* of a row; the largest evidence is 64 KiB */
#define LEAVES_MAX  (64u << 20)

struct seal_check {
    seal_finding *found;
    void *arg;
    char expect[HEX_SIZE];
    bool expected;
    struct seal_summary sum;
    /* the seal whose rows are coming in */
    bool open;
    int64_t id, rows, rows_told;
    char digest[HEX_SIZE], last_row[96];
    struct buf text; /* its heading, then its leaves */
    struct buf row;
};

struct seal_check *seal_check_new(const char *expect, seal_finding *found, void *arg) {
    struct seal_check *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->found = found;
    c->arg = arg;
    c->expected = expect && *expect;
    if (c->expected)
        snprintf(c->expect, sizeof c->expect, "%s", expect);
    buf_init(&c->text, LEAVES_MAX);
    buf_init(&c->row, CONTENT_MAX);
    return c;
}

void seal_check_free(struct seal_check *c) {
    if (!c)
        return;
    buf_free(&c->text);
    buf_free(&c->row);
    free(c);
}

static void finding(struct seal_check *c, const char *what, const char *part, const char *id) {
    char text[200];
    snprintf(text, sizeof text, "%s: %.40s %.20s", what, part, id);
    for (unsigned char *p = (unsigned char *)text; *p; p++) /* it may go to a terminal */
        if (*p < 0x20 || *p >= 0x7f)
            *p = '?';
    c->sum.findings++;
    c->found(c->arg, text);
}

static void hex(const unsigned char digest[SIGN_MAC_SIZE], char out[HEX_SIZE]) {
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < SIGN_MAC_SIZE; i++) {
        out[2 * (size_t)i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[HEX_SIZE - 1] = '\0';
}

static int nibble(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool unhex(const char *text, unsigned char digest[SIGN_MAC_SIZE]) {
    if (strlen(text) != HEX_SIZE - 1)
        return false;
    for (int i = 0; i < SIGN_MAC_SIZE; i++) {
        int high = nibble(text[2 * (size_t)i]), low = nibble(text[2 * (size_t)i + 1]);
        if (high < 0 || low < 0)
            return false;
        digest[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

/* All rows of the seal are there: does it say the same? */
static bool seal_close(struct seal_check *c) {
    unsigned char digest[SIGN_MAC_SIZE];
    char id[24], is[HEX_SIZE];
    if (!c->open)
        return true;
    c->open = false;
    if (c->text.failed || !sign_sha256(c->text.bytes, c->text.size, digest))
        return false;
    hex(digest, is);
    snprintf(id, sizeof id, "%lld", (long long)c->id);
    if (c->rows != c->rows_told)
        finding(c, "rows are missing or too many", "seal", id);
    if (strcmp(is, c->digest) != 0)
        finding(c, "changed", "seal", id);
    snprintf(c->sum.digest, sizeof c->sum.digest, "%s", c->digest);
    if (c->expected && strcmp(c->expect, c->digest) == 0)
        c->expected = false;
    return true;
}

/* seal ID SEALED_AT COVERS_TO ROWS PREVIOUS DIGEST */
static bool seal_open(struct seal_check *c, const char *const *f) {
    if (!seal_close(c))
        return false;
    if (strcmp(f[5], *c->sum.digest ? c->sum.digest : "-") != 0)
        finding(c, "does not follow the one before", f[0], f[1]);
    c->open = true;
    c->id = strtoll(f[1], NULL, 10);
    if (c->id < 1 || c->id - 1 != c->sum.seals)
        finding(c, "out of turn, one before it is gone", f[0], f[1]);
    if (c->id > 0)
        c->sum.seals = c->id;
    c->rows_told = strtoll(f[4], NULL, 10);
    c->rows = 0;
    c->last_row[0] = '\0';
    snprintf(c->digest, sizeof c->digest, "%s", f[6]);
    c->text.size = 0;
    for (int i = 0; i < 6; i++) {
        buf_add(&c->text, f[i], strlen(f[i]));
        buf_add(&c->text, "\n", 1);
    }
    return !c->text.failed;
}

/* row TABLE ID DIGEST CONTENT */
static bool row(struct seal_check *c, const char *const *f) {
    unsigned char leaf[SIGN_MAC_SIZE], is[SIGN_MAC_SIZE];
    char place[sizeof c->last_row];
    if (!c->open || !unhex(f[3], leaf))
        return false;
    c->rows++;
    c->sum.rows++;
    buf_add(&c->text, (const char *)leaf, sizeof leaf);
    snprintf(place, sizeof place, "%.40s %020lld", f[1], strtoll(f[2], NULL, 10));
    if (strcmp(place, c->last_row) <= 0)
        finding(c, "twice, or out of order", f[1], f[2]);
    memcpy(c->last_row, place, sizeof place);
    if (strcmp(f[4], "-") == 0) {
        finding(c, "removed", f[1], f[2]);
        return !c->text.failed;
    }
    c->row.size = 0;
    for (int i = 1; i < 5; i++) {
        if (i == 3)
            continue;
        buf_add(&c->row, f[i], strlen(f[i]));
        if (i < 4)
            buf_add(&c->row, "\n", 1);
    }
    if (c->row.failed || !sign_sha256(c->row.bytes, c->row.size, is))
        return false;
    if (memcmp(is, leaf, sizeof is) != 0)
        finding(c, "changed", f[1], f[2]);
    return !c->text.failed;
}

bool seal_check_line(struct seal_check *c, const char *const *f, int n) {
    if (n == 7 && strcmp(f[0], "seal") == 0)
        return seal_open(c, f);
    if (n == 5 && strcmp(f[0], "row") == 0)
        return row(c, f);
    if (!seal_close(c))
        return false;
    if (n == 1 && strcmp(f[0], "end") == 0) {
        c->sum.whole = true;
        return true;
    }
    if (n != 3)
        return false;
    if (strcmp(f[0], "orphan") == 0)
        finding(c, "its seal is gone", f[1], f[2]);
    else if (strcmp(f[0], "late") == 0)
        finding(c, "inserted, or its seal was taken away", f[1], f[2]);
    else if (strcmp(f[0], "new") == 0)
        c->sum.unsealed++;
    else
        return false;
    return true;
}

void seal_check_end(struct seal_check *c, struct seal_summary *s) {
    unsigned char digest[SIGN_MAC_SIZE];
    if (c->expected)
        finding(c, "not in the chain", "seal", c->expect);
    *s = c->sum;
    if (!unhex(s->digest, digest)) /* told as a finding, and not to be kept elsewhere */
        s->digest[0] = '\0';
}
