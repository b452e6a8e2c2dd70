/* test_sign.c - core/sign: the bank's golden vector, and published vectors of the parts. */
#include <CUnit/Basic.h>
#include <stdint.h>
#include <string.h>

#include "core/sign.h"
#include "tests/unit/suite.h"

/* eko-api.md, "Headers of every call". */
static void test_golden(void) {
    struct secret key;
    char secret_key[SIGN_KEY_TEXT_SIZE], timestamp[SIGN_TIME_TEXT_SIZE];
    secret_set(&key, "TEST_ACCESS_KEY_DO_NOT_USE", 26);
    CU_ASSERT(sign_request(&key, 1700000000000, secret_key, timestamp));
    CU_ASSERT_STRING_EQUAL(secret_key, "u30ak/iOGwKCaspqCeiYng8fd98QDx7kF3DBBOadQHk=");
    CU_ASSERT_STRING_EQUAL(timestamp, "1700000000000");
    CU_ASSERT(sign_request(&key, 1700000000001, secret_key, timestamp));
    CU_ASSERT_STRING_NOT_EQUAL(secret_key, "u30ak/iOGwKCaspqCeiYng8fd98QDx7kF3DBBOadQHk=");
    CU_ASSERT_STRING_EQUAL(timestamp, "1700000000001");
}

/* The longest key and the longest times fit. */
static void test_bounds(void) {
    struct secret key;
    char text[SECRET_MAX], secret_key[SIGN_KEY_TEXT_SIZE], timestamp[SIGN_TIME_TEXT_SIZE];
    memset(text, 'k', sizeof text);
    secret_set(&key, text, sizeof text);
    CU_ASSERT(sign_request(&key, INT64_MAX, secret_key, timestamp));
    CU_ASSERT_STRING_EQUAL(timestamp, "9223372036854775807");
    CU_ASSERT_EQUAL(strlen(secret_key), SIGN_KEY_TEXT_SIZE - 1);
    CU_ASSERT(sign_request(&key, INT64_MIN, secret_key, timestamp));
    CU_ASSERT_STRING_EQUAL(timestamp, "-9223372036854775808");
}

/* RFC 4231, test case 2. */
static void test_mac(void) {
    static const unsigned char expected[] =
        "\x5b\xdc\xc1\x46\xbf\x60\x75\x4e\x6a\x04\x24\x26\x08\x95\x75\xc7"
        "\x5a\x00\x3f\x08\x9d\x27\x39\x83\x9d\xec\x58\xb9\x64\xec\x38\x43";
    unsigned char mac[SIGN_MAC_SIZE];
    CU_ASSERT(sign_mac("Jefe", 4, "what do ya want for nothing?", 28, mac));
    CU_ASSERT_EQUAL(memcmp(mac, expected, sizeof mac), 0);
}

/* FIPS 180-4: "abc". */
static void test_sha256(void) {
    static const unsigned char expected[] =
        "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23"
        "\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad";
    unsigned char digest[SIGN_MAC_SIZE];
    CU_ASSERT(sign_sha256("abc", 3, digest));
    CU_ASSERT_EQUAL(memcmp(digest, expected, sizeof digest), 0);
}

/* RFC 4648, 10, in the alphabet of section 5 and without padding. */
static void test_base64url(void) {
    static const struct {
        const char *data, *text;
    } cases[] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "-__-"}};
    char out[16];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memset(out, '#', sizeof out);
        size_t size = strlen(cases[i].data);
        sign_base64url(cases[i].data, size, out);
        CU_ASSERT_STRING_EQUAL(out, cases[i].text);
        CU_ASSERT_EQUAL(out[(size * 4 + 2) / 3 + 1], '#');
    }
}

static void test_random(void) {
    unsigned char a[32] = {0}, b[32] = {0};
    CU_ASSERT(sign_random(a, sizeof a));
    CU_ASSERT(sign_random(b, sizeof b));
    CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof a), 0);
}

int main(void) {
    CU_pSuite s = suite_begin("sign", NULL, NULL);
    CU_add_test(s, "golden vector", test_golden);
    CU_add_test(s, "bounds", test_bounds);
    CU_add_test(s, "HMAC-SHA256", test_mac);
    CU_add_test(s, "SHA-256", test_sha256);
    CU_add_test(s, "base64url", test_base64url);
    CU_add_test(s, "random", test_random);
    return suite_run();
}
