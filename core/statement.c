/* statement.c - reads a bank's statement of refunds from CSV. */
#include "core/statement.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/answer.h"
#include "core/answer_parts.h"

#define CLOCKS_MS INT64_C(300000)   /* two clocks may differ by five minutes */
#define INDIA_MS  INT64_C(19800000) /* +05:30, and never summer time */
#define NAME_SIZE 32                /* of a column */

static const char *const columns[STATEMENT_COLUMN__MAX] = {
    [STATEMENT_TID] = "tid",
    [STATEMENT_AMOUNT] = "amount",
    [STATEMENT_BOOKED_AT] = "booked_at",
    [STATEMENT_REFUND_TID] = "refund_tid",
    [STATEMENT_REFERENCE] = "reference",
};

/* Names that files have for them; those of the bank's own answers among them. */
static const struct {
    const char *name;
    enum statement_column column;
} aliases[] = {
    {"transaction_id", STATEMENT_TID},    {"refunded_amount", STATEMENT_AMOUNT},
    {"credit", STATEMENT_AMOUNT},         {"timestamp", STATEMENT_BOOKED_AT},
    {"credited_at", STATEMENT_BOOKED_AT}, {"bank_ref_num", STATEMENT_REFERENCE},
};

__attribute__((format(printf, 3, 4))) static bool bad(struct statement_reader *r, int line,
                                                      const char *format, ...) {
    va_list a;
    int n = snprintf(r->why, sizeof r->why, "line %d", line);
    va_start(a, format);
    vsnprintf(r->why + n, sizeof r->why - (size_t)n, format, a);
    va_end(a);
    r->at = r->end;
    return false;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

/* UTF-8 without NUL, all of it: whatever is copied from here on is text. */
static bool is_text(struct statement_reader *r) {
    int line = 1;
    if (r->end - r->at >= 2 &&
        (memcmp(r->at, "\xff\xfe", 2) == 0 || memcmp(r->at, "\xfe\xff", 2) == 0))
        return bad(r, 1, ": this is UTF-16: save it as CSV in UTF-8");
    for (const char *p = r->at; p < r->end;) {
        size_t n = json_utf8(p, (size_t)(r->end - p));
        if (!*p)
            return bad(r, line, ": there is a NUL byte: this is not a CSV file");
        if (n == 0)
            return bad(r, line, ": this is not UTF-8: save it as CSV in UTF-8");
        line += *p == '\n';
        p += n;
    }
    return true;
}

/* ---- one record ------------------------------------------------------------------------------ */

struct record {
    int line; /* where it begins */
    int n;
    char *fields[STATEMENT_COLUMNS_MAX];
};

/* A field in quotes, r->at behind the first: unquoted in place.  Its end, or NULL. */
static char *quoted(struct statement_reader *r, const struct record *c) {
    char *out = r->at;
    for (;; r->at++) {
        if (r->at == r->end) {
            bad(r, c->line, ": a quote is opened and never closed");
            return NULL;
        }
        if (*r->at == '"' && *++r->at != '"')
            return out;
        r->line += *r->at == '\n';
        *out++ = *r->at;
    }
}

static char *unquoted(struct statement_reader *r) {
    for (; r->at < r->end && !strchr(",\r\n", *r->at); r->at++)
        if (*r->at == '"') {
            bad(r, r->line,
                ": a quote inside a field: put the whole field in quotes, and a quote "
                "in it twice");
            return NULL;
        }
    return r->at;
}

/* Takes what stands behind a field.  *more: a comma.  false: neither that nor the line's end. */
static bool separator(struct statement_reader *r, bool *more) {
    *more = r->at < r->end && *r->at == ',';
    if (r->at == r->end)
        return true;
    if (*r->at == '\r' && (r->at + 1 == r->end || r->at[1] != '\n'))
        return bad(r, r->line, ": a carriage return without a newline: end lines with CR LF or LF");
    if (!strchr(",\r\n", *r->at))
        return bad(r, r->line,
                   ": something stands behind a closing quote: a comma is missing, or "
                   "a quote in the field is not doubled");
    r->at += *r->at == '\r';
    r->line += *r->at == '\n';
    r->at++;
    return true;
}

/* The next record: its fields, each ended by NUL. */
static bool record(struct statement_reader *r, struct record *c) {
    bool more = true;
    for (*c = (struct record){.line = r->line}; more; c->n++) {
        if (c->n == STATEMENT_COLUMNS_MAX)
            return bad(r, c->line, ": more than %d columns", STATEMENT_COLUMNS_MAX);
        bool quote = r->at < r->end && *r->at == '"';
        char *from = c->fields[c->n] = r->at += quote;
        char *to = quote ? quoted(r, c) : unquoted(r);
        if (!to || !separator(r, &more))
            return false;
        if (to - from > STATEMENT_FIELD_MAX)
            return bad(r, c->line, ": column %d is longer than %d bytes", c->n + 1,
                       STATEMENT_FIELD_MAX);
        *to = '\0'; /* of the separator, which was taken; at the very end: the byte more */
    }
    return true;
}

static void skip_empty_lines(struct statement_reader *r) {
    for (;;) {
        bool crlf = r->end - r->at >= 2 && r->at[0] == '\r' && r->at[1] == '\n';
        if (!crlf && (r->at == r->end || *r->at != '\n'))
            return;
        r->at += crlf ? 2 : 1;
        r->line++;
    }
}

/* Without the blanks around it. */
static char *trim(char *text) {
    text += strspn(text, " \t");
    size_t n = strlen(text);
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t'))
        n--;
    text[n] = '\0';
    return text;
}

/* ---- the names of the columns ---------------------------------------------------------------- */

static char plain(char c) {
    if (c == ' ' || c == '-')
        return '_';
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c;
}

/* "Booked At", "booked-at" as booked_at.  Which column that is; _MAX: none of ours. */
static enum statement_column column_of(const char *text) {
    char name[NAME_SIZE] = "";
    size_t n = strlen(text);
    if (n >= sizeof name)
        return STATEMENT_COLUMN__MAX;
    for (size_t i = 0; i < n; i++)
        name[i] = plain(text[i]);
    for (int k = 0; k < STATEMENT_COLUMN__MAX; k++)
        if (strcmp(name, columns[k]) == 0)
            return (enum statement_column)k;
    for (size_t k = 0; k < sizeof aliases / sizeof *aliases; k++)
        if (strcmp(name, aliases[k].name) == 0)
            return aliases[k].column;
    return STATEMENT_COLUMN__MAX;
}

static bool header(struct statement_reader *r) {
    struct record c;
    skip_empty_lines(r);
    if (r->at == r->end)
        return bad(r, r->line,
                   ": the file is empty: its first line must name the columns tid, "
                   "amount and booked_at");
    if (!record(r, &c))
        return false;
    r->columns = c.n;
    for (int i = 0; i < c.n; i++) {
        enum statement_column k = column_of(trim(c.fields[i]));
        if (k == STATEMENT_COLUMN__MAX)
            continue;
        if (r->place[k] >= 0)
            return bad(r, c.line, ": columns %d and %d both are %s: leave the one that is meant",
                       r->place[k] + 1, i + 1, columns[k]);
        r->place[k] = i;
    }
    for (int k = STATEMENT_TID; k <= STATEMENT_BOOKED_AT; k++)
        if (r->place[k] < 0)
            return bad(r, c.line,
                       ": no column is called %s: the first line must name tid, amount "
                       "and booked_at%s",
                       columns[k],
                       c.n == 1 && strpbrk(c.fields[0], ";\t") ? ", with commas in between" : "");
    return true;
}

bool statement_open(struct statement_reader *r, char *bytes, size_t size,
                    const struct statement_period *told, int64_t now) {
    *r = (struct statement_reader){
        .at = bytes, .end = bytes + size, .line = 1, .told = *told, .now = now};
    for (int k = 0; k < STATEMENT_COLUMN__MAX; k++)
        r->place[k] = -1;
    if (size > STATEMENT_SIZE_MAX)
        return bad(r, 1, ": the file has more than %u MiB: import it in parts",
                   STATEMENT_SIZE_MAX >> 20);
    bytes[size] = '\0';
    if (!is_text(r))
        return false;
    if (size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        r->at += 3;
    return header(r);
}

/* ---- a credit -------------------------------------------------------------------------------- */

static bool bad_value(struct statement_reader *r, const struct record *c, enum statement_column k,
                      const char *what) {
    return bad(r, c->line, ", column %s: %s", columns[k], what);
}

static bool read_amount(struct statement_reader *r, const struct record *c, const char *text,
                        int64_t *paise) {
    /* No 5.05E+03: whoever wrote that may have rounded. */
    bool decimal = *text && text[strspn(text, "0123456789.")] == '\0';
    *paise = decimal ? answer_paise(text) : OTR_NO_AMOUNT;
    if (*paise == OTR_NO_AMOUNT || *paise <= 0)
        return bad_value(r, c, STATEMENT_AMOUNT,
                         "not an amount above 0: give rupees as 5050.00, with at most two decimals "
                         "and no sign, separator or currency");
    if (*paise > STATEMENT_AMOUNT_MAX)
        return bad_value(r, c, STATEMENT_AMOUNT,
                         "more than 100000000.00 rupees, which is no refund: look at the decimals");
    return true;
}

static bool read_time(struct statement_reader *r, const struct record *c, const char *text,
                      int64_t *ms) {
    *ms = value_time(text);
    if (*ms == 0)
        return bad_value(r, c, STATEMENT_BOOKED_AT,
                         "not a time: give 2024-06-02T03:41:00Z, or 2024-06-02 09:11:00 in India's "
                         "time");
    if (*ms > r->now + CLOCKS_MS)
        return bad_value(r, c, STATEMENT_BOOKED_AT,
                         "in the future: a time without Z or an offset must be India's");
    if (*ms < r->told.from || (r->told.to && *ms >= r->told.to))
        return bad_value(r, c, STATEMENT_BOOKED_AT,
                         "outside of the days that the statement is said to cover");
    return true;
}

static bool read_reference(struct statement_reader *r, const struct record *c, const char *text) {
    if (strlen(text) >= JOURNAL_REFERENCE_SIZE)
        return bad_value(r, c, STATEMENT_REFERENCE, "longer than 255 bytes");
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (*p < 0x20 || *p == 0x7f)
            return bad_value(r, c, STATEMENT_REFERENCE,
                             "a control character or a line's end in it");
    return true;
}

static bool credit(struct statement_reader *r, const struct record *c,
                   struct journal_statement_line *l) {
    char none[1] = "", *text[STATEMENT_COLUMN__MAX];
    static const char digits[] = "not 1 to 18 digits without a 0 in front: a spreadsheet may have "
                                 "rounded it, export it as text";
    for (int k = 0; k < STATEMENT_COLUMN__MAX; k++)
        text[k] = r->place[k] < 0 ? none : trim(c->fields[r->place[k]]);
    *l = (struct journal_statement_line){
        .line_no = c->line,
        .tid = text[STATEMENT_TID],
        .refund_tid = *text[STATEMENT_REFUND_TID] ? text[STATEMENT_REFUND_TID] : NULL,
        .reference = *text[STATEMENT_REFERENCE] ? text[STATEMENT_REFERENCE] : NULL};
    if (!value_digits(l->tid, OTR_TID_SIZE - 1) || l->tid[0] == '0')
        return bad_value(r, c, STATEMENT_TID, digits);
    if (l->refund_tid && !value_digits(l->refund_tid, OTR_TID_SIZE - 1))
        return bad_value(r, c, STATEMENT_REFUND_TID, digits);
    return read_amount(r, c, text[STATEMENT_AMOUNT], &l->amount) &&
           read_time(r, c, text[STATEMENT_BOOKED_AT], &l->booked_at) &&
           (!l->reference || read_reference(r, c, l->reference));
}

enum statement_step statement_next(struct statement_reader *r, struct journal_statement_line *l) {
    struct record c;
    if (*r->why)
        return STATEMENT_BAD;
    skip_empty_lines(r);
    if (r->at == r->end)
        return STATEMENT_END;
    if (!record(r, &c))
        return STATEMENT_BAD;
    if (c.n != r->columns)
        bad(r, c.line,
            ": %d fields, but the first line names %d columns: a comma in a field needs "
            "quotes around it",
            c.n, r->columns);
    else if (r->lines == STATEMENT_LINES_MAX)
        bad(r, c.line, ": more than %d credits: import the file in parts", STATEMENT_LINES_MAX);
    else if (credit(r, &c, l)) {
        r->first = r->lines == 0 || l->booked_at < r->first ? l->booked_at : r->first;
        r->last = r->lines == 0 || l->booked_at > r->last ? l->booked_at : r->last;
        r->total += l->amount;
        r->lines++;
        return STATEMENT_LINE;
    }
    return STATEMENT_BAD;
}

/* ---- the time it covers ---------------------------------------------------------------------- */

int64_t statement_midnight(int64_t ms) {
    return ms - (ms + INDIA_MS) % STATEMENT_DAY_MS;
}

int64_t statement_day(const char *text) {
    char time[20];
    if (strlen(text) != 10)
        return 0;
    snprintf(time, sizeof time, "%s 00:00:00", text);
    return value_time(time);
}

bool statement_covers(const struct statement_reader *r, struct statement_period *p) {
    *p = r->told;
    if (r->lines == 0 && (!p->from || !p->to))
        return false;
    if (!p->from)
        p->from = statement_midnight(r->first);
    if (!p->to)
        p->to = statement_midnight(r->last) + STATEMENT_DAY_MS;
    if (p->to > r->now)
        p->to = r->now;
    if (r->lines && p->to <= r->last)
        p->to = r->last + 1;
    return p->from < p->to;
}
