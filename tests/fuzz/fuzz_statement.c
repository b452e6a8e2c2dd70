/* fuzz_statement.c - a statement of the bank as import-statement reads it; what comes out fits the table. */
#include <stdlib.h>
#include <string.h>

#include "core/answer_json.h"
#include "core/statement.h"
#include "tests/fuzz/fuzz.h"

#define NOW INT64_C(1764547200000) /* 2025-12-01 00:00:00 UTC */

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    return 0;
}

static void must_be_digits(const char *text) {
    size_t n = strlen(text);
    MUST(n >= 1 && n <= 18 && strspn(text, "0123456789") == n,
         "a number of a transaction that is none");
}

static void must_be_text(const char *text) {
    size_t size = strlen(text);
    MUST(size >= 1 && size <= 255, "a reference without a size");
    for (size_t i = 0, n; i < size; i += n) {
        n = json_utf8(text + i, size - i);
        MUST(n > 0, "a reference that is not UTF-8");
        MUST((unsigned char)text[i] >= ' ' && text[i] != 0x7f,
             "a reference that steers the terminal");
    }
}

static void must_be_credit(const struct journal_statement_line *l, int line_before) {
    MUST(l->line_no > line_before, "lines out of order");
    must_be_digits(l->tid);
    if (l->refund_tid)
        must_be_digits(l->refund_tid);
    if (l->reference)
        must_be_text(l->reference);
    MUST(l->amount > 0 && l->amount <= STATEMENT_AMOUNT_MAX, "an amount out of bounds");
    MUST(l->booked_at > 0 && l->booked_at <= NOW + 300000, "a time out of bounds");
}

static void must_be_reason(const char *why) {
    MUST(strncmp(why, "line ", 5) == 0, "refused without a line");
    for (; *why; why++)
        MUST(*why >= ' ' && *why <= '~', "a reason that is no line of text");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *bytes = fuzz_copy(data, size);
    const struct statement_period told = {0, 0};
    struct statement_reader r;
    struct statement_period p;
    struct journal_statement_line l = {.line_no = 0};
    enum statement_step step = STATEMENT_BAD;
    int64_t total = 0;
    int n = 0, before = 1;
    if (statement_open(&r, bytes, size, &told, NOW))
        while ((step = statement_next(&r, &l)) == STATEMENT_LINE) {
            must_be_credit(&l, n ? before : 0);
            before = l.line_no;
            total += l.amount;
            n++;
            MUST(r.first <= l.booked_at && l.booked_at <= r.last,
                 "a credit outside of first and last");
        }
    MUST(r.lines == n && r.total == total, "counted wrongly");
    if (step == STATEMENT_BAD) {
        must_be_reason(r.why);
        MUST(statement_next(&r, &l) == STATEMENT_BAD, "it goes on after it was refused");
    } else {
        MUST(statement_covers(&r, &p) == (n > 0), "covered without a credit, or not with one");
        MUST(n == 0 || (p.from <= r.first && r.last < p.to), "a credit outside of what is covered");
    }
    free(bytes);
    return 0;
}
