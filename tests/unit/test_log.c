/* test_log.c - one bounded line whatever the client sends, and valid JSON where asked for. */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/log.h"
#include "tests/unit/suite.h"

#define NOW INT64_C(1717299660123)

static char line[LOG_LINE_MAX];

__attribute__((sentinel)) static size_t make(size_t size, bool json, const char *id,
                                             const char *event, ...) {
    va_list pairs;
    va_start(pairs, event);
    size_t n = log_line(line, size, json, NOW, LOG_INFO, id, event, pairs);
    va_end(pairs);
    CU_ASSERT_EQUAL(strlen(line), n);
    CU_ASSERT_TRUE(n < size);
    CU_ASSERT_TRUE(n > 0 && line[n - 1] == '\n');
    CU_ASSERT_PTR_EQUAL(strchr(line, '\n'), line + n - 1); /* one line */
    return n;
}

static void test_text(void) {
    make(sizeof(line), false, "0123456789abcdef", "request", "path", "/attempts/{id}", "status",
         "200", "user", NULL, "agent", "", NULL);
    CU_ASSERT_STRING_EQUAL(
        line, "2024-06-02T03:41:00.123Z info 0123456789abcdef request path=/attempts/{id} "
              "status=200 agent=\"\"\n");
    make(sizeof(line), false, NULL, "ready", NULL);
    CU_ASSERT_STRING_EQUAL(line, "2024-06-02T03:41:00.123Z info - ready\n");
}

static void test_escaped(void) {
    make(sizeof(line), false, NULL, "x", "user", "a b\r\n2024 error\x1b[31m\"\\\x7f\xC3\xA9", NULL);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(line, " user=\"a b\\x0d\\x0a2024 error\\x1b[31m\\x22\\x5c\\x7f\\xc3\\xa9\"\n"));
    make(sizeof(line), true, "id", "x", "user", "a\n\"\\\xff", NULL);
    CU_ASSERT_STRING_EQUAL(
        line, "{\"time\":\"2024-06-02T03:41:00.123Z\",\"level\":\"info\",\"request\":\"id\","
              "\"event\":\"x\",\"user\":\"a\\\\x0a\\\\x22\\\\x5c\\\\xff\"}\n");
}

static void test_bounded(void) {
    char value[LOG_VALUE_MAX + 100];
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    make(sizeof(line), false, NULL, "x", "a", value, NULL);
    CU_ASSERT_PTR_NOT_NULL(strstr(line, "vvv..."));
    CU_ASSERT_TRUE(strlen(line) < LOG_VALUE_MAX + 64);
    memset(value, '\n', sizeof(value) - 1);
    for (int json = 0; json <= 1; json++)
        for (size_t size = 160; size <= sizeof(line); size += 7) {
            size_t n =
                make(size, json, "id", "x", "a", value, "b", value, "c", value, "d", value, NULL);
            if (json) {
                CU_ASSERT_EQUAL(line[n - 2], '}');
                CU_ASSERT_EQUAL(line[n - 3], '"');
                int quotes = 0;
                for (size_t i = 0; i < n; i++)
                    quotes += line[i] == '"';
                CU_ASSERT_EQUAL(quotes % 4, 0); /* names and values in pairs */
            }
        }
}

static void test_levels(void) {
    CU_ASSERT_EQUAL(log_level_value("error"), LOG_ERROR);
    CU_ASSERT_EQUAL(log_level_value("debug"), LOG_DEBUG);
    CU_ASSERT_EQUAL(log_level_value("loud"), LOG_LEVEL__MAX);
    CU_ASSERT_EQUAL(log_level_value(NULL), LOG_LEVEL__MAX);
    for (int i = 0; i < LOG_LEVEL__MAX; i++)
        CU_ASSERT_EQUAL(log_level_value(log_level_name((enum log_level)i)), i);
}

int main(void) {
    CU_pSuite suite = suite_begin("log", NULL, NULL);
    if (!suite || !CU_add_test(suite, "text", test_text) ||
        !CU_add_test(suite, "escaped", test_escaped) ||
        !CU_add_test(suite, "bounded", test_bounded) || !CU_add_test(suite, "levels", test_levels))
        return 2;
    return suite_run();
}
