/* test_statement.c - the bank's statement from CSV: what is read, what is refused and how it is said. */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/statement.h"
#include "tests/unit/suite.h"

#define NOW       INT64_C(1764547200000) /* 2025-12-01 00:00:00 UTC */
#define HEAD      "tid,amount,booked_at\n"
#define GOOD      "2886600100,5050.00,2025-11-03 10:00:00"
#define LINES_MAX 8

static struct statement_reader r;
static struct journal_statement_line lines[LINES_MAX];
static struct statement_period told; /* nothing, but where a test says */
static char *bytes;

/* Reads all of it.  How many credits, or -1: refused. */
static int read_bytes(const char *text, size_t size) {
    enum statement_step step = STATEMENT_BAD;
    struct journal_statement_line l;
    int n = 0;
    free(bytes);
    bytes = malloc(size + 1); /* and no more, for sanitizers to see */
    memcpy(bytes, text, size);
    if (statement_open(&r, bytes, size, &told, NOW))
        while ((step = statement_next(&r, &l)) == STATEMENT_LINE) {
            if (n < LINES_MAX)
                lines[n] = l;
            n++;
        }
    CU_ASSERT_EQUAL(step == STATEMENT_BAD, *r.why != '\0');
    if (step == STATEMENT_BAD) /* and it stays so */
        CU_ASSERT_EQUAL(statement_next(&r, &l), STATEMENT_BAD);
    return step == STATEMENT_END ? n : -1;
}

static int read_text(const char *text) {
    return read_bytes(text, strlen(text));
}

static void test_good(void) {
    CU_ASSERT_EQUAL_FATAL(read_text(HEAD GOOD "\n2886600101,499,2025-11-03T04:30:00.5Z\n"), 2);
    CU_ASSERT_EQUAL(lines[0].line_no, 2);
    CU_ASSERT_STRING_EQUAL(lines[0].tid, "2886600100");
    CU_ASSERT_EQUAL(lines[0].amount, 505000);
    CU_ASSERT_EQUAL(lines[0].booked_at, INT64_C(1762144200000)); /* 04:30 UTC */
    CU_ASSERT_PTR_NULL(lines[0].refund_tid);
    CU_ASSERT_PTR_NULL(lines[0].reference);
    CU_ASSERT_EQUAL(lines[1].line_no, 3);
    CU_ASSERT_EQUAL(lines[1].amount, 49900);
    CU_ASSERT_EQUAL(lines[1].booked_at, INT64_C(1762144200500));
    CU_ASSERT_EQUAL(r.lines, 2);
    CU_ASSERT_EQUAL(r.total, 554900);
    CU_ASSERT_EQUAL(r.first, lines[0].booked_at);
    CU_ASSERT_EQUAL(r.last, lines[1].booked_at);
    CU_ASSERT_EQUAL(read_text(HEAD), 0); /* nothing was credited */
    CU_ASSERT_EQUAL(read_text("tid,amount,booked_at"), 0);
    CU_ASSERT_EQUAL(read_text(HEAD GOOD "\n" GOOD "\n"), 2); /* twice is two credits */
}

static void test_csv(void) {
    /* A mark, CR LF, quotes, commas and ends of lines within them, empty lines, no end at the end. */
    CU_ASSERT_EQUAL_FATAL(
        read_text("\xef\xbb\xbf\"Remarks\",\"TID\",Amount, Booked-At ,Refund TID,Bank Ref Num\r\n"
                  "\"a \"\"b\"\", c\r\nd\",\"2886600100\",\"5050.00\",2025-11-03 10:00:00,\"\",\r\n"
                  "\r\n"
                  ",2886600101, 1.5 ,\t2025-11-03 10:00:00,2147591637,\"IMPS, \xe0\xa4\x85 1\""),
        2);
    CU_ASSERT_EQUAL(lines[0].line_no, 2);
    CU_ASSERT_STRING_EQUAL(lines[0].tid, "2886600100");
    CU_ASSERT_EQUAL(lines[0].amount, 505000);
    CU_ASSERT_PTR_NULL(lines[0].refund_tid);
    CU_ASSERT_PTR_NULL(lines[0].reference);
    CU_ASSERT_EQUAL(lines[1].line_no, 5);
    CU_ASSERT_EQUAL(lines[1].amount, 150);
    CU_ASSERT_STRING_EQUAL(lines[1].refund_tid, "2147591637");
    CU_ASSERT_STRING_EQUAL(lines[1].reference, "IMPS, \xe0\xa4\x85 1");
    /* Names of the bank's own answers. */
    CU_ASSERT_EQUAL(read_text("TIMESTAMP,refunded amount,transaction_id\n"
                              "2025-11-03 10:00:00,1.00,1\n"),
                    1);
}

/* What is said, from its beginning. */
static const struct {
    const char *text, *why;
} refused[] = {
    {"", "line 1: the file is empty"},
    {"\r\n\n", "line 3: the file is empty"},
    {"tid,amount\n1,2\n", "line 1: no column is called booked_at"},
    {"amount,booked_at\n", "line 1: no column is called tid"},
    {"tid,booked_at\n", "line 1: no column is called amount"},
    {"tid;amount;booked_at\n",
     "line 1: no column is called tid: the first line must name tid, amount "
     "and booked_at, with commas"},
    {"tid,amount,refunded_amount,booked_at\n", "line 1: columns 2 and 3 both are amount"},
    {"tid,amount,booked_at,TID\n", "line 1: columns 1 and 4 both are tid"},
    {HEAD GOOD "\n1,2.00\n", "line 3: 2 fields, but the first line names 3 columns"},
    {HEAD "1,5,050.00,2025-11-03 10:00:00\n", "line 2: 4 fields, but the first line names 3"},
    {HEAD GOOD ",\n", "line 2: 4 fields"},
    {HEAD " \n", "line 2: 1 fields"},
    {HEAD "\"1,2.00,2025-11-03 10:00:00\n\n", "line 2: a quote is opened and never closed"},
    {HEAD "\"1\"x,2.00,2025-11-03 10:00:00\n", "line 2: something stands behind a closing quote"},
    {HEAD "1\"2\",2.00,2025-11-03 10:00:00\n", "line 2: a quote inside a field"},
    {HEAD GOOD "\r1,2.00,2025-11-03 10:00:00\n", "line 2: a carriage return without a newline"},
    {HEAD GOOD "\r", "line 2: a carriage return without a newline"},
    {HEAD "\n\n" GOOD "\n\xc3(,1,1\n", "line 5: this is not UTF-8"},
    {HEAD "\xed\xa0\x80", "line 2: this is not UTF-8"},
    {"\xff\xfet", "line 1: this is UTF-16"},
    {HEAD "x,5050.00,2025-11-03 10:00:00\n", "line 2, column tid: not 1 to 18 digits"},
    {HEAD ",5050.00,2025-11-03 10:00:00\n", "line 2, column tid: not 1 to 18 digits"},
    {HEAD "0123,5050.00,2025-11-03 10:00:00\n", "line 2, column tid: not 1 to 18 digits without"},
    {HEAD "-1,5050.00,2025-11-03 10:00:00\n", "line 2, column tid: not 1 to 18 digits"},
    {HEAD "2.8866E+09,5050.00,2025-11-03 10:00:00\n", "line 2, column tid: not 1 to 18 digits"},
    {HEAD "1234567890123456789,1.00,2025-11-03 10:00:00\n", "line 2, column tid: not 1 to 18"},
    {"tid,amount,booked_at,refund_tid\n1,1.00,2025-11-03 10:00:00,x\n",
     "line 2, column refund_tid: not 1 to 18 digits"},
    {HEAD "1,2025-11-03 10:00:00,1.00\n", "line 2, column amount: not an amount above 0"},
    {"timestamp,tid,amount,reference\n2025-11-03 10:00:00,1,1.00,\"a\nb\"\n",
     "line 2, column reference: a control character"},
    {"timestamp,tid,amount,reference\n2025-11-03 10:00:00,1,1.00,a\x1b[2J\n",
     "line 2, column reference: a control character"},
};

static bool says(const char *text, size_t size, const char *why) {
    int n = read_bytes(text, size);
    bool ok = n == -1 && strncmp(r.why, why, strlen(why)) == 0;
    if (!ok)
        printf("\n  <%.60s>: %d, <%s>, not <%s>\n", text, n, r.why, why);
    return ok;
}

static void test_refused(void) {
    for (size_t k = 0; k < sizeof refused / sizeof *refused; k++)
        CU_ASSERT(says(refused[k].text, strlen(refused[k].text), refused[k].why));
    CU_ASSERT(says(HEAD "1\0,1.00,", sizeof HEAD + 8, "line 2: there is a NUL byte"));
}

/* A line with that amount, or that time. */
static int one(const char *amount, const char *booked_at) {
    char text[400];
    snprintf(text, sizeof text, HEAD "2886600100,%s,%s\n", amount, booked_at);
    return read_text(text);
}

static void test_amounts(void) {
    static const char *const bad[] = {"",
                                      "0",
                                      "0.00",
                                      "-1",
                                      "+1",
                                      "1.005",
                                      "1e3",
                                      "5.05E+03",
                                      "1.",
                                      ".5",
                                      "1.2.3",
                                      "abc",
                                      "NaN",
                                      "1 000",
                                      "\"5,050.00\"",
                                      "Rs 5",
                                      "\xe2\x82\xb9"
                                      "5",
                                      "0x10",
                                      "100000000.01",
                                      "99999999999999999999999999"};
    static const struct {
        const char *text;
        int64_t paise;
    } good[] = {{"0.01", 1},      {"5050", 505000},         {"5050.5", 505050},
                {"1.2300", 123},  {"\"7.10\"", 710},        {"100000000.00", 10000000000},
                {"000012", 1200}, {"4999999.99", 499999999}};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        CU_ASSERT_EQUAL(one(bad[k], "2025-11-03 10:00:00"), -1);
        CU_ASSERT_EQUAL(strncmp(r.why, "line 2, column amount: ", 23), 0);
    }
    for (size_t k = 0; k < sizeof good / sizeof *good; k++) {
        CU_ASSERT_EQUAL(one(good[k].text, "2025-11-03 10:00:00"), 1);
        CU_ASSERT_EQUAL(lines[0].amount, good[k].paise);
    }
}

static void test_times(void) {
    static const char *const bad[] = {"",
                                      "2025-11-03",
                                      "03/11/2025 10:00:00",
                                      "yesterday",
                                      "2025-11-31 10:00:00",
                                      "2025-11-03 24:00:00",
                                      "1999-12-31 10:00:00",
                                      "2025-11-03 10:00",
                                      "1762144200",
                                      "2025-11-03 10:00:00 IST"};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        CU_ASSERT_EQUAL(one("1.00", bad[k]), -1);
        CU_ASSERT_EQUAL(strncmp(r.why, "line 2, column booked_at: not a time", 36), 0);
    }
    CU_ASSERT_EQUAL(one("1.00", "2025-11-03T10:00:00+05:30"), 1);
    CU_ASSERT_EQUAL(lines[0].booked_at, INT64_C(1762144200000));
    CU_ASSERT_EQUAL(one("1.00", "2025-12-01T00:05:00Z"), 1); /* two clocks */
    CU_ASSERT_EQUAL(one("1.00", "2025-12-01T00:05:01Z"), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.why, "column booked_at: in the future"));
    told = (struct statement_period){statement_day("2025-11-03"), statement_day("2025-11-04")};
    CU_ASSERT_EQUAL(one("1.00", "2025-11-03 00:00:00"), 1);
    CU_ASSERT_EQUAL(one("1.00", "2025-11-03 23:59:59.999"), 1);
    CU_ASSERT_EQUAL(one("1.00", "2025-11-04 00:00:00"), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(r.why, "outside of the days"));
    CU_ASSERT_EQUAL(one("1.00", "2025-11-02 23:59:59"), -1);
    told = (struct statement_period){0, 0};
}

static void test_covers(void) {
    struct statement_period p;
    const int64_t day3 = statement_day("2025-11-03");
    CU_ASSERT_EQUAL(day3, INT64_C(1762108200000)); /* 2025-11-02T18:30Z */
    CU_ASSERT_EQUAL(statement_midnight(day3), day3);
    CU_ASSERT_EQUAL(statement_midnight(day3 - 1), day3 - STATEMENT_DAY_MS);
    CU_ASSERT_EQUAL(statement_day("2025-02-30"), 0);
    CU_ASSERT_EQUAL(statement_day("2025-11-3"), 0);
    CU_ASSERT_EQUAL(statement_day("2025-11-03 01"), 0);
    CU_ASSERT_EQUAL(read_text(HEAD GOOD "\n1,1.00,2025-11-05 23:00:00\n"), 2);
    CU_ASSERT(statement_covers(&r, &p));
    CU_ASSERT_EQUAL(p.from, day3);
    CU_ASSERT_EQUAL(p.to, day3 + 3 * STATEMENT_DAY_MS);
    /* Today is not over: it covers what is past. */
    CU_ASSERT_EQUAL(one("1.00", "2025-12-01T00:00:00Z"), 1);
    CU_ASSERT(statement_covers(&r, &p));
    CU_ASSERT_EQUAL(p.to, NOW + 1);
    CU_ASSERT_EQUAL(one("1.00", "2025-11-30T20:00:00Z"), 1);
    CU_ASSERT(statement_covers(&r, &p));
    CU_ASSERT_EQUAL(p.to, NOW);
    /* Nothing was credited: whoever has it must say when. */
    CU_ASSERT_EQUAL(read_text(HEAD), 0);
    CU_ASSERT_FALSE(statement_covers(&r, &p));
    told = (struct statement_period){day3, day3 + STATEMENT_DAY_MS};
    CU_ASSERT_EQUAL(read_text(HEAD), 0);
    CU_ASSERT(statement_covers(&r, &p));
    CU_ASSERT_EQUAL(p.from, day3);
    CU_ASSERT_EQUAL(p.to, day3 + STATEMENT_DAY_MS);
    told = (struct statement_period){NOW, NOW + STATEMENT_DAY_MS};
    CU_ASSERT_EQUAL(read_text(HEAD), 0);
    CU_ASSERT_FALSE(statement_covers(&r, &p));
    told = (struct statement_period){0, 0};
}

/* Many times piece, between head and tail. */
static const char *many(const char *head, const char *piece, int times, const char *tail) {
    static char *text;
    size_t n = strlen(head), one_size = strlen(piece);
    text = realloc(text, n + one_size * (size_t)times + strlen(tail) + 1);
    memcpy(text, head, n);
    for (int k = 0; k < times; k++, n += one_size)
        memcpy(text + n, piece, one_size);
    memcpy(text + n, tail, strlen(tail) + 1);
    return text;
}

static bool too_much(const char *text, const char *why) {
    return says(text, strlen(text), why);
}

static void test_bounds(void) {
    CU_ASSERT_EQUAL(read_text(many(HEAD, GOOD "\n", STATEMENT_LINES_MAX, "")), STATEMENT_LINES_MAX);
    CU_ASSERT_EQUAL(r.total, INT64_C(505000) * STATEMENT_LINES_MAX);
    CU_ASSERT(too_much(many(HEAD, GOOD "\n", STATEMENT_LINES_MAX + 1, ""),
                       "line 200002: more than 200000 credits"));
    CU_ASSERT_EQUAL(read_text(many(HEAD, ",", 61, "\n")), -1); /* a line of 62 fields */
    CU_ASSERT_EQUAL(read_text(many("tid,amount,booked_at", ",", 61, "\n")), 0);
    CU_ASSERT(
        too_much(many("tid,amount,booked_at", ",", 62, "\n"), "line 1: more than 64 columns"));
    CU_ASSERT_EQUAL(read_text(many("tid,amount,booked_at,\"", "x", 1024, "\"\n")), 0);
    CU_ASSERT(too_much(many("tid,amount,booked_at,\"", "x", 1025, "\"\n"),
                       "line 1: column 4 is longer than 1024 bytes"));
    CU_ASSERT(
        too_much(many("tid,amount,booked_at,", "x", 1025, "\n"), "line 1: column 4 is longer"));
    static const char reference[] = "tid,amount,booked_at,reference\n" GOOD ",";
    CU_ASSERT_EQUAL(read_text(many(reference, "x", 255, "\n")), 1);
    CU_ASSERT(
        too_much(many(reference, "x", 256, "\n"), "line 2, column reference: longer than 255"));
    CU_ASSERT_EQUAL(read_text(many(HEAD, "\n", (int)STATEMENT_SIZE_MAX - (int)strlen(HEAD), "")),
                    0);
    CU_ASSERT(too_much(many(HEAD, "\n", (int)STATEMENT_SIZE_MAX - (int)strlen(HEAD) + 1, ""),
                       "line 1: the file has more than 32 MiB"));
}

int main(void) {
    CU_pSuite s = suite_begin("statement", NULL, NULL);
    CU_add_test(s, "credits", test_good);
    CU_add_test(s, "CSV", test_csv);
    CU_add_test(s, "refused", test_refused);
    CU_add_test(s, "amounts", test_amounts);
    CU_add_test(s, "times", test_times);
    CU_add_test(s, "the time it covers", test_covers);
    CU_add_test(s, "bounds", test_bounds);
    return suite_run();
}
