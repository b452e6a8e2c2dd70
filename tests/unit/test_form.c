/* test_form.c - what forms are accepted; all others are refused, naming the field. */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/form.h"
#include "fcgi/text.h"
#include "tests/unit/suite.h"

enum { A, OTP, FIELDS };
static const struct form_rule rules[FIELDS] = {[A] = {"a", 5, false}, [OTP] = {"otp", 32, true}};

static char text[512], why[FORM_WHY_SIZE];
static struct form_value value[FIELDS];

static bool read_bytes(const char *form, size_t size) {
    memcpy(text, form, size);
    text[size] = 'X'; /* not a NUL: the reader must not rely on one */
    return form_read(text, size, rules, FIELDS, value, why);
}

static bool read_form(const char *form) {
    return read_bytes(form, strlen(form));
}

static void test_good(void) {
    CU_ASSERT_TRUE(read_form("a=1+2%203&otp=012345"));
    CU_ASSERT_STRING_EQUAL(value[A].text, "1 2 3");
    CU_ASSERT_EQUAL(value[A].size, 5);
    CU_ASSERT_STRING_EQUAL(value[OTP].text, "012345");
    CU_ASSERT_TRUE(read_form("%6ftp=%C3%A9"));
    CU_ASSERT_PTR_NULL(value[A].text);
    CU_ASSERT_STRING_EQUAL(value[OTP].text, "\xC3\xA9");
    CU_ASSERT_TRUE(read_form("otp"));
    CU_ASSERT_STRING_EQUAL(value[OTP].text, "");
    CU_ASSERT_TRUE(read_form("otp=a=b"));
    CU_ASSERT_STRING_EQUAL(value[OTP].text, "a=b");
}

static void test_refused(void) {
    static const struct {
        const char *form, *names;
    } cases[] = {
        {"otp=1&b=2", "\"b\""},
        {"otp=1&otp=1", "\"otp\" was given twice"},
        {"otp=1&o%74p=2", "twice"},
        {"otp=1&a=123456", "\"a\" is too long"},
        {"a=1", "\"otp\" is missing"},
        {"", "\"otp\" is missing"},
        {"otp=%4", "\"otp\""},
        {"otp=%", "\"otp\""},
        {"otp=%zz", "\"otp\""},
        {"otp=%00", "\"otp\""},
        {"otp=%ff", "\"otp\""},
        {"otp=%ed%a0%80", "\"otp\""},
        {"otp=%c0%af", "\"otp\""},
        {"otp=1&&a=1", "empty"},
        {"&otp=1", "empty"},
        {"otp=1&", "empty"},
        {"%00=1", "name"},
        {"otp=1&\xff=2", "name"},
        {"otp=1&<b>=2", "\"<b>\""},
        {"otp=1&a b=2", "\"?\""},
        {"otp=1&=2", "\"?\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool read = read_form(cases[i].form);
        if (read || !strstr(why, cases[i].names))
            printf("\n  %s: %s", cases[i].form, why);
        CU_ASSERT_FALSE(read);
        CU_ASSERT_PTR_NOT_NULL(strstr(why, cases[i].names));
    }
    CU_ASSERT_FALSE(read_bytes("otp=1\0002", 7));
    CU_ASSERT_FALSE(read_bytes("otp\0=12", 7));
}

static const char *otp_of(const char *typed, const char **otp, size_t *size) {
    snprintf(text, sizeof(text), "%s", typed);
    struct form_value v = {.text = text, .size = strlen(text)};
    return form_otp(&v, otp, size);
}

static void test_otp(void) {
    static const char *const good[] = {"012345", " 012345", "012345\t", "\r\n 012345  "};
    static const char *const bad[] = {
        "",
        "  ",
        "123",
        "123456789",
        "12 3456",
        "12345a",
        "-12345",
        "+12345",
        "\xE0\xA5\xA7\xE0\xA5\xA8\xE0\xA5\xA9\xE0\xA5\xAA" /* Devanagari 1234 */,
        "\xEF\xBC\x91\xEF\xBC\x92\xEF\xBC\x93\xEF\xBC\x94" /* fullwidth */,
        "\xC2\xA0"
        "1234",
        "1e5000",
        "0x1234"};
    const char *otp = NULL;
    size_t size = 0;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CU_ASSERT_PTR_NULL(otp_of(good[i], &otp, &size));
        CU_ASSERT_EQUAL(size, 6);
        CU_ASSERT_EQUAL(memcmp(otp, "012345", 6), 0);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CU_ASSERT_PTR_NOT_NULL(otp_of(bad[i], &otp, &size));
    CU_ASSERT_PTR_NOT_NULL(form_otp(&(struct form_value){0}, &otp, &size));
    CU_ASSERT_PTR_NOT_NULL(strstr(otp_of("12 34", &otp, &size), "blanks"));
}

static void test_text(void) {
    char out[64], id[TEXT_TIME_SIZE];
    unsigned char back[4];
    bool day;
    CU_ASSERT_TRUE(text_utf8("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 10));
    CU_ASSERT_FALSE(text_utf8("\xE2\x82", 2));
    CU_ASSERT_FALSE(text_utf8("\xF4\x90\x80\x80", 4));
    CU_ASSERT_FALSE(text_utf8("a\0b", 3));
    text_base64url("\xfb\xff\xfe\x01", 4, out);
    CU_ASSERT_STRING_EQUAL(out, "-__-AQ");
    CU_ASSERT_TRUE(text_base64url_read("-__-AQ", back, 4));
    CU_ASSERT_EQUAL(memcmp(back, "\xfb\xff\xfe\x01", 4), 0);
    CU_ASSERT_FALSE(text_base64url_read("-__-AR", back, 4)); /* bits left over */
    CU_ASSERT_FALSE(text_base64url_read("+//+AQ", back, 4));
    CU_ASSERT_FALSE(text_base64url_read("-__-A", back, 4));
    CU_ASSERT_STRING_EQUAL(text_rfc3339(1717299660123, id), "2024-06-02T03:41:00.123Z");
    CU_ASSERT_EQUAL(text_time_read("2024-06-02T03:41:00.123Z", &day), 1717299660123);
    CU_ASSERT_EQUAL(text_time_read("2024-06-02T09:11:00+05:30", &day), 1717299660000);
    CU_ASSERT_FALSE(day);
    CU_ASSERT_TRUE(text_time_read("2024-02-29", &day) > 0 && day);
    static const char *const bad[] = {"",
                                      "2023-02-29",
                                      "2024-13-01",
                                      "2024-06-02T",
                                      "2024-06-02T25:00:00Z",
                                      "2024-06-02 03:41:00Z",
                                      "2024-06-02T03:41:00",
                                      "yesterday",
                                      "2024-6-2",
                                      "2024-06-02T03:41:00.Z",
                                      "2024-06-02T03:41:00Zx"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CU_ASSERT_EQUAL(text_time_read(bad[i], &day), -1);
    CU_ASSERT_EQUAL(text_number("000000000000000018"), 18);
    CU_ASSERT_EQUAL(text_number("1234567890123456789"), -1);
    CU_ASSERT_EQUAL(text_number("-1"), -1);
    CU_ASSERT_EQUAL(text_number(""), -1);
}

int main(void) {
    CU_pSuite suite = suite_begin("form", NULL, NULL);
    if (!suite || !CU_add_test(suite, "good forms", test_good) ||
        !CU_add_test(suite, "refused", test_refused) ||
        !CU_add_test(suite, "otp as typed", test_otp) || !CU_add_test(suite, "texts", test_text))
        return 2;
    return suite_run();
}
