/*
 * suite.h - the beginning and the end of a test program: one CUnit suite, said word by word.
 */
#ifndef OTPREFUND_TESTS_SUITE_H
#define OTPREFUND_TESTS_SUITE_H

#include <CUnit/Basic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Under valgrind, which brings its own malloc and knows neither limits of memory nor seccomp. */
static inline bool suite_in_valgrind(void) {
    const char *preload = getenv("LD_PRELOAD");
    return preload && strstr(preload, "vgpreload");
}

/* The suite tests are added to; start and stop run before and after all of them, NULL: nothing. */
static inline CU_pSuite suite_begin(const char *name, CU_InitializeFunc start,
                                    CU_CleanupFunc stop) {
    return CU_initialize_registry() == CUE_SUCCESS ? CU_add_suite(name, start, stop) : NULL;
}

/* Runs what was added.  What main is to return: 0 if something ran and nothing failed, else 1. */
static inline int suite_run(void) {
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    int good = CU_get_number_of_tests_run() > 0 && CU_get_number_of_failures() == 0 &&
               CU_get_number_of_suites_failed() == 0;
    CU_cleanup_registry();
    return good ? 0 : 1;
}

/* Both, for a table of tests that ends with CU_TEST_INFO_NULL. */
static inline int suite_run_table(const char *name, CU_InitializeFunc start, CU_CleanupFunc stop,
                                  const CU_TestInfo *tests) {
    CU_pSuite s = suite_begin(name, start, stop);
    for (; s && tests->pName; tests++)
        CU_add_test(s, tests->pName, tests->pTestFunc);
    return suite_run();
}

#endif
