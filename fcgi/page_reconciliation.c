/* page_reconciliation.c - GET /reconciliation: the reports as tables and charts. */
#include "fcgi/page_part.h"

#include <stdio.h>
#include <string.h>

#include "fcgi/text.h"

#define CHART_DAYS 31
#define LABEL_SIZE 48

/* A report as the page shows it: these columns of the view, in this order. */
struct report {
    const char *name;          /* in the template */
    const char *const *wanted; /* columns, ends with NULL */
    const char *charted;       /* the column of the bars, NULL: none */
    int max;                   /* rows shown */
};

static const struct report ageing_report = {
    "ageing", (const char *const[]){"bucket", "attempts", "amount", "oldest", NULL}, "attempts",
    20};
static const struct report days_report = {
    "days",
    (const char *const[]){"day", "refunds", "refunded", "rejected", "open", "otps",
                          "otps_unconfirmed", "refunded_amount", NULL},
    NULL, CHART_DAYS};
static const struct report operators_report = {
    "operators",
    (const char *const[]){"day", "operator", "refunds", "refunded", "rejected", "open",
                          "otps_unconfirmed", "refunded_amount", NULL},
    NULL, 60};
static const struct report unresolved_report = {
    "unresolved",
    (const char *const[]){"attempt_id", "tid", "operator", "started_at", "age", "amount", "reason",
                          "inquiries", "next_inquiry_at", NULL},
    NULL, 60};
static const struct report mismatch_report = {
    "mismatch",
    (const char *const[]){"mismatch", "tid", "attempt_id", "statement_id", "line_no",
                          "statement_amount", "journal_amount", "booked_at", "resolved_at", NULL},
    NULL, 60};

static const struct report manual_report = {
    "manual",
    (const char *const[]){"attempt_id", "tid", "resolution", "why", "proposed_by", "proposed_at",
                          NULL},
    NULL, 60};

/* How a column is shown: by its name, which is the contract's. */
enum look {
    LOOK_TEXT,
    LOOK_NUMBER,
    LOOK_MONEY,
    LOOK_TIME,
    LOOK_TID,
    LOOK_ATTEMPT,
    LOOK_WORD,
};

static const char *cell_of(const struct otr_table *t, int row, int column) {
    const char *text = t->cells[row * t->columns + column];
    return text ? text : "";
}

static int rows_of(const struct otr_table *t) {
    return t && t->rows > 1 ? t->rows - 1 : 0;
}

static bool ends(const char *text, const char *with) {
    size_t size = strlen(text), n = strlen(with);
    return size >= n && strcmp(text + size - n, with) == 0;
}

/* The column of that name; -1: none. */
static int column_of(const struct otr_table *t, const char *name) {
    for (int c = 0; name && c < t->columns; c++)
        if (strcmp(cell_of(t, 0, c), name) == 0)
            return c;
    return -1;
}

/* Every cell below the heading is empty or a number, and one is there. */
static bool all_numbers(const struct otr_table *t, int column) {
    int there = 0;
    for (int r = 1; r < t->rows; r++) {
        const char *text = cell_of(t, r, column);
        if (*text && page_paise(text) == OTR_NO_AMOUNT)
            return false;
        there += *text != '\0';
    }
    return there > 0;
}

static enum look look_of(const struct otr_table *t, int column) {
    const char *name = cell_of(t, 0, column);
    if (strcmp(name, "tid") == 0)
        return LOOK_TID;
    if (strcmp(name, "attempt_id") == 0)
        return LOOK_ATTEMPT;
    if (strstr(name, "amount"))
        return LOOK_MONEY;
    if (ends(name, "_at") || strcmp(name, "oldest") == 0)
        return LOOK_TIME;
    if (strcmp(name, "reason") == 0 || strcmp(name, "mismatch") == 0 ||
        strcmp(name, "resolution") == 0)
        return LOOK_WORD;
    return all_numbers(t, column) ? LOOK_NUMBER : LOOK_TEXT;
}

/* "resolved_by" as "Resolved by". */
static char *label_of(const char *name, char out[LABEL_SIZE]) {
    static const struct {
        const char *name, *label;
    } labels[] = {{"tid", "TID"},
                  {"attempt_id", "Attempt"},
                  {"attempts", "Refunds"},
                  {"bucket", "Open for"},
                  {"next_inquiry_at", "Next inquiry"},
                  {"oldest", "Oldest since"},
                  {"otps", "OTPs"},
                  {"otps_unconfirmed", "OTPs not confirmed"},
                  {"rejected", "Refused"}};
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (strcmp(labels[i].name, name) == 0)
            name = labels[i].label;
    snprintf(out, LABEL_SIZE, "%s", name);
    for (char *p = out; *p; p++)
        if (*p == '_')
            *p = ' ';
    if (out[0] >= 'a' && out[0] <= 'z')
        out[0] = (char)(out[0] - 'a' + 'A');
    return out;
}

/* A timestamp as PostgreSQL writes it ("2026-11-23 08:35:09.12+00") in ms; 0 if it is none. */
static int64_t moment_of(const char *text) {
    char iso[40];
    bool day;
    size_t size = strlen(text);
    if (size < 19 || size > 33)
        return 0;
    bool short_offset = size > 3 && (text[size - 3] == '+' || text[size - 3] == '-');
    snprintf(iso, sizeof iso, "%s%s", text, short_offset ? ":00" : "");
    if (iso[10] == ' ')
        iso[10] = 'T';
    int64_t ms = text_time_read(iso, &day);
    return ms > 0 && !day ? ms : 0;
}

/* "2026-11-23" as "23 Nov 2026"; anything else as it is. */
static const char *day_text(const char *text, char out[PAGE_TEXT_SIZE]) {
    bool day = false;
    if (strlen(text) != 10)
        return text;
    int64_t ms = text_time_read(text, &day);
    char *comma = ms > 0 && day ? strchr(page_time(ms, out), ',') : NULL;
    if (!comma)
        return text;
    *comma = '\0';
    return out;
}

static void put_word(struct fill *f, struct node *n, const char *text) {
    char word[PAGE_TEXT_SIZE];
    snprintf(word, sizeof word, "%s", text);
    for (char *p = word; *p; p++)
        if (*p == '_')
            *p = ' ';
    node_text(f->m, n, "text", strlen(text) < sizeof word ? word : text);
}

static void put_cell(struct fill *f, struct node *row, const struct otr_table *t, int r, int c,
                     enum look look) {
    char text[PAGE_TEXT_SIZE], label[LABEL_SIZE];
    const char *raw = cell_of(t, r, c);
    struct node *n = node_item(f->m, row);
    node_text(f->m, n, "label", label_of(cell_of(t, 0, c), label));
    node_bool(f->m, n, "right", look == LOOK_NUMBER || look == LOOK_MONEY);
    node_text(f->m, n, "path", "");
    node_text(f->m, n, "text", raw);
    if (!*raw)
        return;
    if (look == LOOK_MONEY && page_paise(raw) != OTR_NO_AMOUNT)
        node_text(f->m, n, "text", page_money(page_paise(raw), text));
    else if (look == LOOK_TIME && moment_of(raw))
        node_text(f->m, n, "text", page_time_short(moment_of(raw), f->page->now, text));
    else if (look == LOOK_TID && otr_tid_valid(raw))
        put_format(f, n, "path", page_sees_desk(f->page) ? "/refunds/%s" : "/attempts?tid=%s", raw);
    else if (look == LOOK_ATTEMPT && text_number(raw) > 0)
        put_format(f, n, "path", "/attempts/%s", raw);
    else if (look == LOOK_WORD)
        put_word(f, n, raw);
    else if (look == LOOK_TEXT)
        node_text(f->m, n, "text", day_text(raw, text));
}

static int64_t number_at(const struct otr_table *t, int row, int column) {
    int64_t value = page_paise(cell_of(t, row, column));
    return value == OTR_NO_AMOUNT || value < 0 ? 0 : value;
}

static int64_t most(const struct otr_table *t, int column, int rows) {
    int64_t max = 0;
    for (int r = 1; r <= rows; r++)
        if (number_at(t, r, column) > max)
            max = number_at(t, r, column);
    return max;
}

/* value as a share of max on a scale of 0..size; what is there at all is at least seen. */
static int share(int64_t value, int64_t max, int size) {
    if (value <= 0 || max <= 0)
        return 0;
    int n = (int)((double)value / (double)max * size); /* a length on the screen, not money */
    return n < 2 ? 2 : n;
}

#define COLUMNS_MAX 16

struct shown {
    int column;
    enum look look;
};

/* The wanted columns that the table has. */
static int choose(const struct otr_table *t, const struct report *r, struct shown *shown) {
    int n = 0;
    for (const char *const *name = r->wanted; *name && n < COLUMNS_MAX; name++) {
        int c = column_of(t, *name);
        if (c >= 0)
            shown[n++] = (struct shown){c, look_of(t, c)};
    }
    return n;
}

static void put_heads(struct fill *f, struct node *table, const struct otr_table *t,
                      const struct shown *shown, int n) {
    char label[LABEL_SIZE];
    struct node *heads = node_list(f->m, table, "heads");
    for (int i = 0; i < n; i++) {
        struct node *head = node_item(f->m, heads);
        node_text(f->m, head, "label", label_of(cell_of(t, 0, shown[i].column), label));
        node_bool(f->m, head, "right", shown[i].look == LOOK_NUMBER || shown[i].look == LOOK_MONEY);
    }
}

static void put_table(struct fill *f, const struct report *report, const struct otr_table *t) {
    struct shown shown[COLUMNS_MAX];
    int rows = rows_of(t), max = rows < report->max ? rows : report->max;
    int chart = rows ? column_of(t, report->charted) : -1;
    int64_t most_of_all = chart >= 0 ? most(t, chart, rows) : 0;
    if (rows == 0 || (chart >= 0 && most_of_all == 0)) { /* ageing has rows of zeros then */
        node_text(f->m, f->root, report->name, "");
        return;
    }
    int n = choose(t, report, shown);
    struct node *table = node_map(f->m, f->root, report->name);
    put_heads(f, table, t, shown, n);
    node_bool(f->m, table, "bars", chart >= 0);
    struct node *list = node_list(f->m, table, "rows");
    for (int r = 1; r <= max; r++) {
        struct node *row = node_item(f->m, list), *cells = node_list(f->m, row, "cells");
        for (int i = 0; i < n; i++)
            put_cell(f, cells, t, r, shown[i].column, shown[i].look);
        if (chart >= 0)
            node_int(f->m, row, "bar", share(number_at(t, r, chart), most_of_all, 100));
    }
    node_text(f->m, table, "cut", "");
    if (rows > max)
        put_format(f, table, "cut", "These are %d of %d rows; the SQL reports have them all.", max,
                   rows);
}

/* One column for each of the newest rows, oldest on the left. */
static void put_chart(struct fill *f, const char *name, const struct otr_table *t) {
    char first[PAGE_TEXT_SIZE], last[PAGE_TEXT_SIZE];
    int rows = rows_of(t);
    int column = rows > 1 ? column_of(t, "refunded") : -1;
    if (rows > CHART_DAYS)
        rows = CHART_DAYS;
    int64_t max = column >= 0 ? most(t, column, rows) : 0;
    if (max == 0) {
        node_text(f->m, f->root, name, "");
        return;
    }
    struct node *chart = node_map(f->m, f->root, name), *bars = node_list(f->m, chart, "bars");
    put_format(f, chart, "caption", "%s, %s to %s; at most %lld a day.",
               "Refunds settled as refunded", day_text(cell_of(t, rows, 0), first),
               day_text(cell_of(t, 1, 0), last), (long long)(max / 100));
    node_int(f->m, chart, "width", (int64_t)rows * 10);
    for (int i = 0; i < rows; i++) {
        int row = rows - i, height = share(number_at(t, row, column), max, 100);
        struct node *bar = node_item(f->m, bars);
        node_int(f->m, bar, "x", i * 10 + 1);
        node_int(f->m, bar, "y", 100 - height);
        node_int(f->m, bar, "height", height);
        put_format(f, bar, "tip", "%s: %s", day_text(cell_of(t, row, 0), first),
                   cell_of(t, row, column));
    }
}

bool page_reconciliation(const struct page *p, const struct page_reconciliation *r,
                         struct buf *out) {
    struct fill f;
    page_start(&f, p, "Reconciliation", PLACE_RECONCILIATION);
    put_table(&f, &ageing_report, r->ageing);
    put_table(&f, &days_report, r->daily_totals);
    put_chart(&f, "day_chart", r->daily_totals);
    put_table(&f, &operators_report, r->operator_totals);
    put_table(&f, &unresolved_report, r->unresolved);
    put_table(&f, &mismatch_report, r->mismatch);
    put_table(&f, &manual_report, r->manual);
    node_int(f.m, f.root, "manual_count", rows_of(r->manual));
    node_int(f.m, f.root, "unresolved_count", rows_of(r->unresolved));
    node_int(f.m, f.root, "mismatch_count", rows_of(r->mismatch));
    return page_finish(&f, "reconciliation", out);
}
