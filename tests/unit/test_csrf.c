/* test_csrf.c - form tokens: bound to the operator and the time. */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/csrf.h"
#include "tests/unit/suite.h"

/* The core's keyed hash is tested with the core.  This one, too, depends on every byte. */
static int broken;

enum otr_status otr_mac(struct otr *o, const char *purpose, const void *data, size_t size,
                        unsigned char mac[32]) {
    const unsigned char *bytes = data;
    uint64_t h = 1469598103934665603u ^ (uintptr_t)o;
    if (broken)
        return OTR_BROKEN;
    for (const char *p = purpose; *p; p++)
        h = (h ^ (unsigned char)*p) * 1099511628211u;
    for (int i = 0; i < 32; i++) {
        for (size_t k = 0; k < size; k++)
            h = (h ^ bytes[k]) * 1099511628211u;
        mac[i] = (unsigned char)(h >> 32);
    }
    return OTR_OK;
}

bool otr_equal(const void *a, const void *b, size_t size) {
    return memcmp(a, b, size) == 0;
}

#define NOW INT64_C(1717299660)

static void test_lifetime(void) {
    char token[CSRF_SIZE];
    CU_ASSERT_TRUE(csrf_make(NULL, "asha", NOW, token));
    CU_ASSERT_EQUAL(strlen(token), CSRF_SIZE - 1);
    CU_ASSERT_EQUAL(csrf_judge(NULL, "asha", token, NOW), CSRF_GOOD);
    CU_ASSERT_EQUAL(csrf_judge(NULL, "asha", token, NOW + CSRF_LIFETIME_S), CSRF_GOOD);
    CU_ASSERT_EQUAL(csrf_judge(NULL, "asha", token, NOW + CSRF_LIFETIME_S + 1), CSRF_BAD);
    CU_ASSERT_EQUAL(csrf_judge(NULL, "asha", token, NOW - 60), CSRF_GOOD);
    CU_ASSERT_EQUAL(csrf_judge(NULL, "asha", token, NOW - 61), CSRF_BAD);
}

static void test_bound(void) {
    char token[CSRF_SIZE], changed[CSRF_SIZE + 1];
    CU_ASSERT_TRUE(csrf_make(NULL, "asha", NOW, token));
    CU_ASSERT_EQUAL(csrf_judge(NULL, "ash", token, NOW), CSRF_BAD);
    CU_ASSERT_EQUAL(csrf_judge(NULL, "ashb", token, NOW), CSRF_BAD);
    CU_ASSERT_EQUAL(csrf_judge((struct otr *)0x10, "asha", token, NOW), CSRF_BAD); /* another key */
    CU_ASSERT_EQUAL(csrf_judge(NULL, "asha", NULL, NOW), CSRF_BAD);
    CU_ASSERT_EQUAL(csrf_judge(NULL, "asha", "", NOW), CSRF_BAD);
    for (size_t i = 0; i < CSRF_SIZE - 1; i++) { /* every character counts */
        memcpy(changed, token, CSRF_SIZE);
        changed[i] = token[i] == 'A' ? 'B' : 'A';
        CU_ASSERT_EQUAL(csrf_judge(NULL, "asha", changed, NOW), CSRF_BAD);
    }
    memcpy(changed, token, CSRF_SIZE);
    changed[CSRF_SIZE - 1] = 'A';
    changed[CSRF_SIZE] = '\0';
    CU_ASSERT_EQUAL(csrf_judge(NULL, "asha", changed, NOW), CSRF_BAD);
}

static void test_no_key(void) {
    char token[CSRF_SIZE];
    CU_ASSERT_TRUE(csrf_make(NULL, "asha", NOW, token));
    broken = 1;
    CU_ASSERT_EQUAL(csrf_judge(NULL, "asha", token, NOW), CSRF_NO_MEMORY);
    CU_ASSERT_FALSE(csrf_make(NULL, "asha", NOW, token));
    broken = 0;
}

int main(void) {
    CU_pSuite suite = suite_begin("csrf", NULL, NULL);
    if (!suite || !CU_add_test(suite, "lifetime", test_lifetime) ||
        !CU_add_test(suite, "bound to operator, key and bytes", test_bound) ||
        !CU_add_test(suite, "no key", test_no_key))
        return 2;
    return suite_run();
}
