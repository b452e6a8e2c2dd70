/* test_csrf.c - form tokens: bound to the operator and the time. */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/csrf.h"

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
    CU_ASSERT_TRUE(csrf_check(NULL, "asha", token, NOW));
    CU_ASSERT_TRUE(csrf_check(NULL, "asha", token, NOW + CSRF_LIFETIME_S));
    CU_ASSERT_FALSE(csrf_check(NULL, "asha", token, NOW + CSRF_LIFETIME_S + 1));
    CU_ASSERT_TRUE(csrf_check(NULL, "asha", token, NOW - 60));
    CU_ASSERT_FALSE(csrf_check(NULL, "asha", token, NOW - 61));
}

static void test_bound(void) {
    char token[CSRF_SIZE], changed[CSRF_SIZE + 1];
    CU_ASSERT_TRUE(csrf_make(NULL, "asha", NOW, token));
    CU_ASSERT_FALSE(csrf_check(NULL, "ash", token, NOW));
    CU_ASSERT_FALSE(csrf_check(NULL, "ashb", token, NOW));
    CU_ASSERT_FALSE(csrf_check((struct otr *)0x10, "asha", token, NOW)); /* another key */
    CU_ASSERT_FALSE(csrf_check(NULL, "asha", NULL, NOW));
    CU_ASSERT_FALSE(csrf_check(NULL, "asha", "", NOW));
    for (size_t i = 0; i < CSRF_SIZE - 1; i++) { /* every character counts */
        memcpy(changed, token, CSRF_SIZE);
        changed[i] = token[i] == 'A' ? 'B' : 'A';
        CU_ASSERT_FALSE(csrf_check(NULL, "asha", changed, NOW));
    }
    memcpy(changed, token, CSRF_SIZE);
    changed[CSRF_SIZE - 1] = 'A';
    changed[CSRF_SIZE] = '\0';
    CU_ASSERT_FALSE(csrf_check(NULL, "asha", changed, NOW));
}

static void test_no_key(void) {
    char token[CSRF_SIZE];
    CU_ASSERT_TRUE(csrf_make(NULL, "asha", NOW, token));
    broken = 1;
    CU_ASSERT_FALSE(csrf_check(NULL, "asha", token, NOW));
    CU_ASSERT_FALSE(csrf_make(NULL, "asha", NOW, token));
    broken = 0;
}

int main(void) {
    if (CU_initialize_registry() != CUE_SUCCESS)
        return 2;
    CU_pSuite suite = CU_add_suite("csrf", NULL, NULL);
    if (!suite || !CU_add_test(suite, "lifetime", test_lifetime) ||
        !CU_add_test(suite, "bound to operator, key and bytes", test_bound) ||
        !CU_add_test(suite, "no key", test_no_key))
        return 2;
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    unsigned failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    return failures ? 1 : 0;
}
