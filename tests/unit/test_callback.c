/* test_callback.c - callbacks are kept as evidence, whatever bytes they are made of. */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/journal.h"
#include "tests/unit/journal_steps.h"
#include "tests/unit/pg_helper.h"
#include "tests/unit/suite.h"

#define BAD "\xEF\xBF\xBD"

static const char *last(const char *column) {
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT %s FROM otprefund.callback ORDER BY callback_id DESC LIMIT 1",
             column);
    return pg_text(sql);
}

static void keep(const char *tid, const char *body, size_t size, const char *address) {
    CU_ASSERT_EQUAL(journal_callback(j, tid, body, size, size, address), JOURNAL_OK);
}

static void kept(void) {
    const char *body = "{\"tid\":77000001,\"tx_status\":4}";
    keep("77000001", body, strlen(body), "192.0.2.7");
    CU_ASSERT_STRING_EQUAL(last("body"), body);
    CU_ASSERT_STRING_EQUAL(last("tid"), "77000001");
    CU_ASSERT_STRING_EQUAL(last("address"), "192.0.2.7");
    CU_ASSERT_EQUAL(pg_number("SELECT body_bytes FROM otprefund.callback"), (int64_t)strlen(body));
    keep(NULL, NULL, 0, NULL);
    CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM otprefund.callback "
                              "WHERE tid IS NULL AND body = '' AND address IS NULL"),
                    1);
    CU_ASSERT_EQUAL(journal_callback(j, "no digits", "x", 1, 1, NULL), JOURNAL_REFUSED);
}

static void any_bytes(void) {
    static const struct {
        const char *sent;
        size_t size;
        const char *kept;
    } rows[] = {
        {"a\0b", 3, "a" BAD "b"},
        {"\xFF", 1, BAD},
        {"\xE2\x82\xB9 500", 7, "\xE2\x82\xB9 500"},
        {"\xE2\x82", 2, BAD BAD},                 /* cut short */
        {"\xC0\xAF", 2, BAD BAD},                 /* overlong */
        {"\xE0\x80\x80", 3, BAD BAD BAD},         /* overlong */
        {"\xED\xA0\x80", 3, BAD BAD BAD},         /* a surrogate */
        {"\xF4\x90\x80\x80", 4, BAD BAD BAD BAD}, /* past U+10FFFF */
        {"\xF0\x9F\x98\x80", 4, "\xF0\x9F\x98\x80"},
        {"'); DROP TABLE otprefund.callback; --", 37, "'); DROP TABLE otprefund.callback; --"},
    };
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        keep(NULL, rows[k].sent, rows[k].size, "192.0.2.7");
        CU_ASSERT_STRING_EQUAL(last("body"), rows[k].kept);
    }
}

static void cut_at_a_character(void) {
    static char body[20000];
    memset(body, 'x', sizeof body);
    keep(NULL, body, sizeof body, NULL);
    CU_ASSERT_STRING_EQUAL(last("octet_length(body)"), "8192");
    CU_ASSERT_STRING_EQUAL(last("body_bytes"), "20000");
    memset(body, 0xFF, sizeof body); /* three bytes each: 2730 fit */
    keep(NULL, body, sizeof body, NULL);
    CU_ASSERT_STRING_EQUAL(last("octet_length(body)"), "8190");
    memset(body, 'a', 200);
    body[199] = '\0';
    keep(NULL, "x", 1, body);
    CU_ASSERT_STRING_EQUAL(last("octet_length(address)"), "64");
}

int main(void) {
    if (!getenv("OTPREFUND_TEST_DB"))
        return 77;
    if (!steps_open())
        return 1;
    CU_pSuite s = suite_begin("callback", NULL, NULL);
    CU_add_test(s, "kept as sent", kept);
    CU_add_test(s, "any bytes", any_bytes);
    CU_add_test(s, "cut at a character", cut_at_a_character);
    int failed = suite_run();
    steps_close();
    return failed;
}
