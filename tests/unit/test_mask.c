/* test_mask.c - OTPs in the bank's free text, however they are written, and what must stay readable. */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "core/answer_parts.h"
#include "tests/unit/suite.h"

static const char *const keep[2] = {"12345678", "3554860154"};

static void expect_masked(const char *in, const char *wanted) {
    char out[200];
    mask_text(in, keep, out, sizeof out);
    if (strcmp(out, wanted) != 0)
        fprintf(stderr, "\n  '%s' became '%s', expected '%s'\n", in, out, wanted);
    CU_ASSERT_STRING_EQUAL(out, wanted);
}

static void test_plain(void) {
    expect_masked("OTP 123456 sent", "OTP .... sent");
    expect_masked("OTP:0123.", "OTP:.....");
    expect_masked("12345678", "12345678");
    expect_masked("12345679", "....");
    expect_masked("TID 3554860154 and 9000000001", "TID 3554860154 and ******0001");
}

static void test_groups(void) {
    static const char *const ways[] = {"12 34 56",
                                       "123-456",
                                       "123 456",
                                       "1 2 3 4 5 6",
                                       "1-2-3-4-5-6",
                                       "1.2.3.4.5.6",
                                       "12_34",
                                       "12 - 34 - 56",
                                       "123\xc2\xa0"
                                       "456",
                                       "123\xe2\x80\x93"
                                       "456",
                                       "123\t456",
                                       "1\xe2\x80\x8b"
                                       "2\xe2\x80\x8b"
                                       "3\xe2\x80\x8b"
                                       "4",
                                       "12/34/56"};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        char in[80];
        snprintf(in, sizeof in, "OTP %s is yours", ways[i]);
        expect_masked(in, "OTP .... is yours");
    }
    expect_masked("OTP 12 34 56 for 12345678", "OTP .... for 12345678");
    expect_masked("12 34 12345678", ".... 12345678");
    expect_masked("98765 43210", ".... ....");
    expect_masked("1 2 3 4 5 6 7 8 9 1 2 3", ".... ....");
}

static void test_scripts(void) {
    /* Devanagari, Bengali, Tamil, Arabic-Indic, fullwidth: 123456 */
    expect_masked("\xe0\xa5\xa7\xe0\xa5\xa8\xe0\xa5\xa9\xe0\xa5\xaa\xe0\xa5\xab\xe0\xa5\xac",
                  "....");
    expect_masked("\xe0\xa7\xa7\xe0\xa7\xa8\xe0\xa7\xa9\xe0\xa7\xaa OTP", ".... OTP");
    expect_masked("\xe0\xaf\xa7\xe0\xaf\xa8 \xe0\xaf\xa9\xe0\xaf\xaa", "....");
    expect_masked("\xd9\xa1\xd9\xa2\xd9\xa3\xd9\xa4\xd9\xa5\xd9\xa6", "....");
    expect_masked("\xef\xbc\x91\xef\xbc\x92\xef\xbc\x93\xef\xbc\x94", "....");
    expect_masked("\xe0\xa5\xa7"
                  "2\xe0\xa5\xa9"
                  "4",
                  "....");
    expect_masked("\xe0\xa5\xa7\xe0\xa5\xa8 din", "\xe0\xa5\xa7\xe0\xa5\xa8 din"); /* two days */
}

static void test_readable(void) {
    expect_masked("Rs. 100.50 is held", "Rs. 100.50 is held");
    expect_masked("Rs. 1,500.00 is held", "Rs. 1,500.00 is held");
    expect_masked("3 of 5, code R3", "3 of 5, code R3");
    expect_masked("within 24 - 48 hours", "within .... hours"); /* rather too much than an OTP */
    expect_masked("in 3-5 days", "in 3-5 days");
    expect_masked("123456789 is a reference", "123456789 is a reference");
}

/* Cut anywhere, nothing shows and nothing is overrun. */
static void test_short_room(void) {
    static const char in[] = "OTP 12 34 56 \xe0\xa5\xa7\xe0\xa5\xa8\xe0\xa5\xa9\xe0\xa5\xaa end";
    for (size_t size = 1; size < 40; size++) {
        char out[48];
        memset(out, 'x', sizeof out);
        mask_text(in, keep, out, size);
        CU_ASSERT(strlen(out) < size);
        CU_ASSERT_PTR_NULL(strstr(out, "12"));
        CU_ASSERT_EQUAL(out[size], 'x');
    }
    /* A text that ends in the middle of a character is no reason to read on. */
    char out[40];
    mask_text("12 \xe0\xa5", keep, out, sizeof out);
    mask_text("\xd9", keep, out, sizeof out);
}

int main(void) {
    CU_pSuite s = suite_begin("mask", NULL, NULL);
    CU_add_test(s, "an OTP in one piece", test_plain);
    CU_add_test(s, "an OTP in groups", test_groups);
    CU_add_test(s, "an OTP in other digits", test_scripts);
    CU_add_test(s, "what stays readable", test_readable);
    CU_add_test(s, "little room", test_short_room);
    return suite_run();
}
