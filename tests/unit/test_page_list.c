/* test_page_list.c - the list, its CSV, the reconciliation page, the error pages. */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/page_check.h"
#include "tests/unit/suite.h"

static void test_list(void) {
    begin();
    struct otr_attempt rows[2] = {attempt(OTR_KIND_REFUND, OTR_OUTCOME_REFUNDED, OTR_REASON_NONE),
                                  attempt(OTR_KIND_INQUIRY, OTR_OUTCOME_NONE, OTR_REASON_NONE)};
    rows[1].tid[0] = '\0';
    snprintf(rows[1].client_ref_id, sizeof rows[1].client_ref_id, "SET-7");
    struct page_list l = {.rows = rows,
                          .count = 2,
                          .next = "kind=refund&after=7",
                          .csv = "kind=refund&format=csv",
                          .tid_text = EVIL,
                          .kind_text = "refund",
                          .status_text = "open",
                          .from_text = "2026-11-01",
                          .hint = EVIL};
    RENDER(page_list(&page, &l, &out));
    CU_ASSERT_TRUE(has("href=\"/attempts?kind=refund&amp;after=7\""));
    CU_ASSERT_TRUE(has("href=\"/attempts?kind=refund&amp;format=csv\""));
    CU_ASSERT_TRUE(has("<option value=\"open\" selected=\"selected\">"));
    CU_ASSERT_EQUAL(count("selected="), 2);
    CU_ASSERT_TRUE(has("SET-7"));
    CU_ASSERT_EQUAL(count("data-label=\"Time\""), 2);
    static const char *const states[] = {"open",     "in_flight",    "sent",        "unconfirmed",
                                         "refunded", "rejected",     "not_sent",    "unknown",
                                         "answered", "not_refunded", "contradicted"};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        char option[60];
        snprintf(option, sizeof option, "<option value=\"%s\"", states[i]);
        CU_ASSERT_EQUAL(count(option), 1);
    }
    CU_ASSERT_FALSE(has("name=\"operator\"")); /* an operator's list is the own one */
    asha.role = OTR_ROLE_AUDITOR;
    RENDER(page_list(&page, &l, &out));
    CU_ASSERT_TRUE(has("name=\"operator\""));
    l = (struct page_list){.kind_text = "otp"};
    RENDER(page_list(&page, &l, &out));
    CU_ASSERT_TRUE(has("No attempt fits these filters"));
    l.kind_text = NULL;
    RENDER(page_list(&page, &l, &out));
    CU_ASSERT_TRUE(has("No attempt has been made yet"));
    CU_ASSERT_FALSE(has("CSV"));
}

static void csv_of(struct otr_attempt *a, bool first) {
    buf_free(&out);
    buf_init(&out, 1 << 20);
    CU_ASSERT_TRUE_FATAL(page_csv(&page, a, 1, first, &out));
}

static void test_csv(void) {
    begin();
    struct otr_attempt a = attempt(OTR_KIND_REFUND, OTR_OUTCOME_REFUNDED, OTR_REASON_NONE);
    a.refunded_amount = 505000;
    a.tx_status = 4;
    csv_of(&a, true);
    CU_ASSERT_STRING_EQUAL(
        out.bytes,
        "attempt_id,tid,kind,operator,started_at,finished_at,outcome,reason,message,resolution,"
        "resolved_at,resolved_by,tx_status,refund_tid,amount,refunded_amount,inquiries\r\n"
        "118,3211509412,refund,asha,2026-11-23T09:05:05.000Z,2026-11-23T09:05:06.000Z,refunded,,,"
        "refunded,2026-11-23T09:05:06.000Z,answer,4,,5050.00,5050.00,0\r\n");
    a = attempt(OTR_KIND_OTP, OTR_OUTCOME_NONE, OTR_REASON_NONE);
    a.amount = OTR_NO_AMOUNT;
    csv_of(&a, false);
    CU_ASSERT_STRING_EQUAL(out.bytes,
                           "118,3211509412,otp,asha,2026-11-23T09:05:05.000Z,,,,,,,,,,,,0\r\n");
    static const struct {
        const char *text, *cell;
    } cells[] = {
        {"a,b", ",\"a,b\","},
        {"say \"hi\"", ",\"say \"\"hi\"\"\","},
        {"two\r\nlines", ",\"two\r\nlines\","},
        {"=1+1", ",\"'=1+1\","},
        {"+1", ",\"'+1\","},
        {"-1", ",\"'-1\","},
        {"@x", ",\"'@x\","},
        {"\tx", ",\"'\tx\","},
        {"\rx", ",\"'\rx\","},
        {"＝1", ",\"'＝1\","},
        {"a=1", ",a=1,"},
        {"=\"a\",b", ",\"'=\"\"a\"\",b\","},
        {"नमस्ते", ",नमस्ते,"},
    };
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        snprintf(a.message, sizeof a.message, "%s", cells[i].text);
        csv_of(&a, false);
        if (!has(cells[i].cell))
            printf("\n  <%s> gave <%s>\n", cells[i].text, out.bytes);
        CU_ASSERT_TRUE(has(cells[i].cell));
    }
    buf_free(&out);
    buf_init(&out, 10);
    CU_ASSERT_FALSE(page_csv(&page, &a, 1, true, &out));
}

static struct otr_table table(int columns, int rows, const char *const *cells) {
    return (struct otr_table){columns, rows, (char **)cells};
}

static void test_reconciliation(void) {
    static const char *const ageing[] = {"bucket", "attempts",
                                         "amount", "without_amount",
                                         "oldest", "< 1 h",
                                         "4",      "5050.00",
                                         "0",      "2026-11-23 09:00:00Z",
                                         "1-24 h", "1",
                                         "0.00",   "1",
                                         "",       "> 30 d",
                                         "0",      "0.00",
                                         "0",      ""};
    static const char *const days[] = {"day",        "refunds", "refunded", "refunded_amount",
                                       "2026-11-23", "9",       "8",        "123456.00",
                                       "2026-11-22", "5",       "4",        "20200.00"};
    static const char *const people[] = {"day",        "operator", "refunds", "refunded_amount",
                                         "2026-11-23", EVIL,       "9",       EVIL};
    static const char *const open[] = {"attempt_id", "tid",       "operator",
                                       "started_at", "reason",    "113",
                                       "3211509412", "asha",      "2026-11-22 07:45:09.12+00",
                                       "no_answer",  "x\"><b>",   "../x",
                                       "asha",       "yesterday", EVIL};
    static const char *const mismatch[] = {"mismatch",           "tid",        "statement_amount",
                                           "missing_in_journal", "3211509412", "499.00"};
    struct otr_table t1 = table(5, 4, ageing), t2 = table(4, 3, days), t3 = table(4, 2, people),
                     t4 = table(5, 3, open), t5 = table(3, 2, mismatch);
    static const char *waiting[] = {"attempt_id", "tid",        "resolution",   "why",
                                    "118",        "3211509412", "not_refunded", EVIL};
    struct otr_table t6 = table(4, 2, waiting);
    struct page_reconciliation r = {&t1, &t2, &t3, &t4, &t5, &t6};
    begin();
    asha.role = OTR_ROLE_AUDITOR;
    RENDER(page_reconciliation(&page, &r, &out));
    CU_ASSERT_FALSE(has("Nothing here"));
    CU_ASSERT_TRUE(has("not refunded") && has("&lt;script&gt;") && has("href=\"/attempts/118\""));
    CU_ASSERT_TRUE(has("<rect width=\"100\" height=\"10\"/>"));
    CU_ASSERT_TRUE(has("<rect width=\"25\" height=\"10\"/>"));
    CU_ASSERT_TRUE(has("<rect width=\"0\" height=\"10\"/>"));
    CU_ASSERT_TRUE(has("&lt; 1 h") && has("₹1,23,456.00"));
    CU_ASSERT_TRUE(has(">14:30:00<") && has(">22 Nov 2026, 13:15<"));
    CU_ASSERT_TRUE(has("22 Nov 2026 to 23 Nov 2026; at most 8 a day."));
    CU_ASSERT_TRUE(has("y=\"50\" width=\"8\" height=\"50\"><title>22 Nov 2026: 4</title>"));
    CU_ASSERT_TRUE(has("href=\"/attempts/113\"") && has("href=\"/attempts?tid=3211509412\""));
    CU_ASSERT_FALSE(has("href=\"/refunds") || has("href=\"/attempts/x"));
    CU_ASSERT_TRUE(has("missing in journal") && has("no answer"));
    asha.role = OTR_ROLE_SUPERVISOR;
    RENDER(page_reconciliation(&page, &r, &out));
    CU_ASSERT_TRUE(has("href=\"/refunds/3211509412\""));
    CU_ASSERT_FALSE(has("href=\"/refunds/.."));
}

static void test_reconciliation_empty(void) {
    static const char *const zeros[] = {"bucket", "attempts", "amount", "< 1 h", "0", "0.00"};
    struct otr_table none = {0}, heading = table(3, 1, zeros), ageing = table(3, 2, zeros);
    struct page_reconciliation r = {&ageing, &none, &heading, NULL, &none, NULL};
    begin();
    asha.role = OTR_ROLE_AUDITOR;
    RENDER(page_reconciliation(&page, &r, &out));
    CU_ASSERT_EQUAL(count("Nothing here"), 6);
    CU_ASSERT_FALSE(has("<svg"));
}

static void test_long_report(void) {
    static const char *cells[2 * 201] = {"tid", "operator"};
    for (int i = 1; i <= 200; i++) {
        cells[2 * i] = "3211509412";
        cells[2 * i + 1] = "asha";
    }
    struct otr_table many = table(2, 201, cells);
    struct page_reconciliation r = {NULL, NULL, NULL, &many, NULL, NULL};
    begin();
    RENDER(page_reconciliation(&page, &r, &out));
    CU_ASSERT_EQUAL(count("data-label=\"TID\""), 60);
    CU_ASSERT_TRUE(has("These are 60 of 200 rows"));
}

static void test_errors(void) {
    static const int statuses[] = {400, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503, 418};
    char previous[4096] = "";
    begin();
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        char title[40];
        RENDER(page_error(&page, statuses[i], NULL, NULL, 0, NULL, &out));
        snprintf(title, sizeof title, "Error %d", statuses[i]);
        CU_ASSERT_TRUE(has(title) && has("req-1"));
        CU_ASSERT(strcmp(previous, strstr(out.bytes, "<h1>")) != 0);
        snprintf(previous, sizeof previous, "%s", strstr(out.bytes, "<h1>"));
    }
    RENDER(page_error(&page, 409, EVIL, EVIL, 113, "/refunds/3211509412", &out));
    CU_ASSERT_TRUE(has("href=\"/attempts/113\"") && has("href=\"/refunds/3211509412\""));
    CU_ASSERT_TRUE(has("&lt;script&gt;"));
    page.viewer = NULL;
    page.request_id = NULL;
    RENDER(page_error(&page, 400, NULL, NULL, 0, "//evil.example/", &out));
    CU_ASSERT_FALSE(has("evil.example"));
    RENDER(page_error(&page, 400, NULL, NULL, 0, "javascript:alert(1)", &out));
    RENDER(page_error(&page, 400, NULL, NULL, 0, "/\\evil.example", &out));
    CU_ASSERT_FALSE(has("evil.example"));
}

static void test_too_large(void) {
    begin();
    struct page_list l = {0};
    buf_free(&out);
    buf_init(&out, 500);
    CU_ASSERT_FALSE(page_list(&page, &l, &out));
    CU_ASSERT_FALSE(page_error(&page, 503, NULL, NULL, 0, NULL, &out));
    buf_free(&out);
}

static const CU_TestInfo tests[] = {
    {"list", test_list},
    {"csv", test_csv},
    {"reconciliation", test_reconciliation},
    {"reconciliation, empty", test_reconciliation_empty},
    {"long report", test_long_report},
    {"errors", test_errors},
    {"too large", test_too_large},
    CU_TEST_INFO_NULL,
};

int main(void) {
    return suite_run_table("page list", page_check_start, page_check_stop, tests);
}
