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
#define UNDER_WAY_S 600 /* a row may be committed so long after its time was taken */
#define NO_TIME     INT64_MIN

struct seal_check {
    seal_finding *found;
    void *arg;
    char expect[HEX_SIZE];
    bool expected;
    struct seal_summary sum;
    int64_t overdue; /* rows that have waited for their seal too long */
    /* the seal whose rows are coming in */
    bool open;
    int64_t id, rows, rows_told;
    int64_t covers_to, covered_to; /* its moment, and that of the seal before, in s */
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
    c->covers_to = c->covered_to = NO_TIME;
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
    snprintf(text, sizeof text, "%s: %.40s %.64s", what, part, id);
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

/* ---- times ----------------------------------------------------------------------------------- */

/* Digits as a number, -1 where one of them is none. */
static int64_t digits(const char *text, int n) {
    int64_t value = 0;
    for (int i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

/* "2024-06-02T03:41:00..." in UTC, in seconds; NO_TIME: it is none. */
static int64_t seconds(const char *text, size_t size) {
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    if (size < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
        text[16] != ':')
        return NO_TIME;
    int64_t year = digits(text, 4), month = digits(text + 5, 2), day = digits(text + 8, 2);
    int64_t hour = digits(text + 11, 2), minute = digits(text + 14, 2), s = digits(text + 17, 2);
    if (year < 1 || month < 1 || month > 12 || day < 1 || hour < 0 || minute < 0 || s < 0)
        return NO_TIME;
    int64_t past = month > 2 ? year : year - 1; /* whose 29th of February may lie behind */
    int64_t days = 365 * year + past / 4 - past / 100 + past / 400 + before[month - 1] + day;
    return ((days * 24 + hour) * 60 + minute) * 60 + s;
}

/* The end of a JSON string that begins at text; NULL: there is none. */
static const char *string_end(const char *text) {
    for (text++; *text && *text != '"'; text++)
        if (*text == '\\' && text[1])
            text++;
    return *text ? text : NULL;
}

/*
 * The value of the row's own member of that name, as PostgreSQL writes jsonb ("name": "value"); what
 * is nested deeper is not looked at.  NO_TIME: it is not there, or no time.
 */
static int64_t time_of(const char *json, const char *name) {
    int depth = 0;
    size_t size = strlen(name);
    for (; *json; json++) {
        depth += (*json == '{' || *json == '[') - (*json == '}' || *json == ']');
        if (*json != '"')
            continue;
        const char *end = string_end(json);
        if (!end)
            break;
        bool ours = depth == 1 && (size_t)(end - json - 1) == size &&
                    memcmp(json + 1, name, size) == 0 && strncmp(end, "\": \"", 4) == 0;
        json = end;
        if (ours && (end = string_end(json + 3)))
            return seconds(json + 4, (size_t)(end - json - 4));
    }
    return NO_TIME;
}

/* No seal takes a row that is older than what the seals before cover: other hands put it there. */
static void check_time(struct seal_check *c, const char *const *f) {
    static const char *const times[][2] = {
        {"attempt", "started_at"},          {"outcome", "finished_at"},
        {"late_answer", "found_at"},        {"resolution", "resolved_at"},
        {"contradiction", "found_at"},      {"callback", "received_at"},
        {"manual_proposal", "proposed_at"}, {"manual_decision", "decided_at"},
        {"access_change", "changed_at"}};
    size_t i = 0;
    while (i < sizeof times / sizeof times[0] && strcmp(times[i][0], f[1]) != 0)
        i++;
    int64_t at = i < sizeof times / sizeof times[0] ? time_of(f[4], times[i][1]) : NO_TIME;
    if (at == NO_TIME)
        finding(c, "no row of the journal", f[1], f[2]);
    else if (c->covered_to != NO_TIME && at < c->covered_to - UNDER_WAY_S)
        finding(c, "inserted, its time was sealed before", f[1], f[2]);
}

/* ---- lines ----------------------------------------------------------------------------------- */

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
    c->covered_to = c->covers_to;
    c->covers_to = seconds(f[3], strlen(f[3]));
    if (c->covers_to == NO_TIME || c->covers_to < c->covered_to)
        finding(c, "covers less than the one before", f[0], f[1]);
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
    else
        check_time(c, f);
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
    else if (strcmp(f[0], "unrecorded") == 0)
        finding(c, "not as its last entry says", f[1], f[2]);
    else if (strcmp(f[0], "new") == 0)
        c->sum.unsealed++;
    else if (strcmp(f[0], "overdue") == 0)
        c->overdue++;
    else
        return false;
    return true;
}

void seal_check_end(struct seal_check *c, struct seal_summary *s) {
    unsigned char digest[SIGN_MAC_SIZE];
    char rows[24];
    if (c->expected)
        finding(c, "not in the chain", "seal", c->expect);
    c->sum.unsealed += c->overdue;
    bool no_seal = c->sum.seals == 0 && c->sum.unsealed > 0;
    snprintf(rows, sizeof rows, "%lld", (long long)(no_seal ? c->sum.unsealed : c->overdue));
    if (no_seal)
        finding(c, "without any seal", "rows", rows);
    else if (c->overdue > 0)
        finding(c, "not sealed for half an hour and more", "rows", rows);
    *s = c->sum;
    if (!unhex(s->digest, digest)) /* told as a finding, and not to be kept elsewhere */
        s->digest[0] = '\0';
}
