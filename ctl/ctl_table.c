/* ctl_table.c - tables for a terminal and for a spreadsheet. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "ctl/ctl.h"
#include "fcgi/text.h"

/* True for one byte of a character that shows as nothing or steers the terminal. */
static bool is_control(unsigned char c) {
    return c < 0x20 || c == 0x7f;
}

void ctl_put(const char *text) {
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        /* U+0080 to U+009F: control characters of two bytes */
        if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0) {
            putchar('?');
            at++;
        } else {
            putchar(is_control(*at) ? '?' : *at);
        }
    }
}

void ctl_line(const char *name, const char *text) {
    if (!*text)
        return;
    printf("%-14s ", name);
    ctl_put(text);
    putchar('\n');
}

/* Columns of the terminal: a letter of an Indian script may take several bytes, or no column. */
static size_t width(const char *text) {
    size_t columns = 0;
    mbstate_t state = {0};
    while (*text) {
        wchar_t c;
        size_t bytes = mbrtowc(&c, text, strlen(text), &state);
        if (bytes == 0 || bytes > strlen(text)) { /* not of this locale */
            memset(&state, 0, sizeof state);
            bytes = 1;
            columns++;
        } else {
            columns += wcwidth(c) > 0 ? (size_t)wcwidth(c) : 0;
        }
        text += bytes;
    }
    return columns;
}

static bool is_number(const char *text) {
    text += *text == '-';
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && (text[digits] == '\0' ||
                          (text[digits] == '.' && text[digits + 1] &&
                           text[digits + 1 + strspn(text + digits + 1, "0123456789")] == '\0'));
}

static const char *cell(const struct otr_table *t, int row, int column) {
    return t->cells[row * t->columns + column];
}

/* Numbers stand to the right, where a column holds nothing else. */
static bool is_number_column(const struct otr_table *t, int column) {
    bool any = false;
    for (int row = 1; row < t->rows; row++) {
        if (*cell(t, row, column) && !is_number(cell(t, row, column)))
            return false;
        any |= *cell(t, row, column) != '\0';
    }
    return any;
}

static void pad(size_t n) {
    while (n--)
        putchar(' ');
}

static void put_aligned(const struct otr_table *t, const size_t *widths, const bool *right) {
    for (int row = 0; row < t->rows; row++) {
        for (int i = 0; i < t->columns; i++) {
            size_t gap = widths[i] - width(cell(t, row, i));
            pad(i ? 2 : 0);
            if (right[i])
                pad(gap);
            ctl_put(cell(t, row, i));
            if (!right[i] && i + 1 < t->columns)
                pad(gap);
        }
        putchar('\n');
    }
}

/* A cell that a spreadsheet would take for a formula is made a text. */
static void put_csv_cell(const char *text) {
    bool formula = text_formula(text) && !is_number(text);
    if (!formula && !strpbrk(text, ",\"\r\n")) {
        fputs(text, stdout);
        return;
    }
    putchar('"');
    if (formula)
        putchar('\'');
    for (; *text; text++) {
        if (*text == '"')
            putchar('"');
        putchar(*text);
    }
    putchar('"');
}

static void put_csv(const struct otr_table *t) {
    for (int row = 0; row < t->rows; row++)
        for (int i = 0; i < t->columns; i++) {
            put_csv_cell(cell(t, row, i));
            fputs(i + 1 < t->columns ? "," : "\r\n", stdout);
        }
}

void ctl_table(const struct otr_table *t, bool csv) {
    size_t columns = t->columns > 0 ? (size_t)t->columns : 0;
    size_t *widths = calloc(columns + 1, sizeof *widths);
    bool *right = calloc(columns + 1, sizeof *right);
    if (csv || !widths || !right) {
        put_csv(t); /* needs no memory */
        goto out;
    }
    for (int i = 0; i < t->columns; i++) {
        right[i] = is_number_column(t, i);
        for (int row = 0; row < t->rows; row++)
            if (width(cell(t, row, i)) > widths[i])
                widths[i] = width(cell(t, row, i));
    }
    put_aligned(t, widths, right);
out:
    free(widths);
    free(right);
}
