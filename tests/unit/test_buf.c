/* test_buf.c - core/buf: growing, the maximum, and what happens at it. */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <string.h>

#include "core/buf.h"
#include "tests/unit/suite.h"

static void test_add(void) {
    struct buf b;
    buf_init(&b, 10000);
    CU_ASSERT_PTR_NULL(b.bytes);
    CU_ASSERT(buf_text(&b, NULL));
    CU_ASSERT(buf_add(&b, "a\0b", 3));
    CU_ASSERT(buf_text(&b, "cd"));
    CU_ASSERT(buf_format(&b, "%d-%s", 42, "x"));
    CU_ASSERT_EQUAL(b.size, 9);
    CU_ASSERT_EQUAL(memcmp(b.bytes, "a\0bcd42-x", 10), 0);
    for (int i = 0; i < 999; i++)
        CU_ASSERT(buf_text(&b, "0123456789"));
    CU_ASSERT_EQUAL(b.size, 9999);
    CU_ASSERT_EQUAL(strlen(b.bytes + 2), 9997);
    buf_free(&b);
    CU_ASSERT_PTR_NULL(b.bytes);
    CU_ASSERT_EQUAL(b.size, 0);
    CU_ASSERT(buf_text(&b, "again"));
    CU_ASSERT_STRING_EQUAL(b.bytes, "again");
    buf_free(&b);
    buf_free(NULL);
}

static void test_maximum(void) {
    struct buf b;
    buf_init(&b, 8);
    CU_ASSERT(buf_text(&b, "12345678"));
    CU_ASSERT_FALSE(b.failed);
    CU_ASSERT(buf_add(&b, "", 0));
    CU_ASSERT_FALSE(buf_text(&b, "9"));
    CU_ASSERT(b.failed);
    CU_ASSERT_STRING_EQUAL(b.bytes, "12345678");
    CU_ASSERT_FALSE(buf_add(&b, "", 0)); /* once it has failed it stays so */
    CU_ASSERT_FALSE(buf_text(&b, NULL));
    buf_free(&b);
    CU_ASSERT_FALSE(b.failed);
    CU_ASSERT_FALSE(buf_format(&b, "%d", 123456789));
    CU_ASSERT(b.failed);
    buf_free(&b);
    buf_init(&b, 0);
    CU_ASSERT(buf_add(&b, NULL, 0));
    CU_ASSERT_FALSE(buf_add(&b, "x", 1));
    CU_ASSERT_FALSE(buf_add(&b, "x", (size_t)-1));
    buf_free(&b);
}

/* Whether it fits into the room there is or not, and the last byte that may be. */
static void test_format(void) {
    char text[700], expected[1500];
    for (int before = 0; before < 300; before += 17)
        for (int length = 0; length < 600; length++) {
            struct buf b;
            buf_init(&b, 899);
            memset(text, 'b', sizeof text);
            CU_ASSERT(buf_add(&b, text, (size_t)before));
            memset(text, 'f', sizeof text);
            bool fits = before + length + 2 <= 899;
            CU_ASSERT_EQUAL(buf_format(&b, "<%.*s>", length, text), fits);
            CU_ASSERT_EQUAL(b.failed, !fits);
            memset(expected, 'b', (size_t)before);
            snprintf(expected + before, sizeof expected - (size_t)before, "<%.*s>", length, text);
            if (!fits)
                expected[before] = '\0';
            CU_ASSERT_EQUAL(b.size, fits ? strlen(expected) : (size_t)before);
            CU_ASSERT(!b.bytes || strcmp(b.bytes, expected) == 0);
            buf_free(&b);
        }
}

int main(void) {
    CU_pSuite s = suite_begin("buf", NULL, NULL);
    CU_add_test(s, "add", test_add);
    CU_add_test(s, "maximum", test_maximum);
    CU_add_test(s, "format", test_format);
    return suite_run();
}
