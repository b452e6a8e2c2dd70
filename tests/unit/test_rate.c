/* test_rate.c - never more than so many starts in any second, on a clock that the test turns. */
#include <CUnit/Basic.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/rate.h"
#include "tests/unit/suite.h"

#define STARTS 30000

/* Of starts in the order of time: the most in any window of a second. */
static int most_in_a_second(const int64_t at_us[], int n) {
    int most = 0;
    for (int first = 0, last = 0; last < n; last++) {
        while (at_us[last] - at_us[first] > 1000000)
            first++;
        if (last - first + 1 > most)
            most = last - first + 1;
    }
    return most;
}

static int earlier(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void at_first_all_at_once(void) {
    struct rate *r = rate_new(3);
    int64_t from;
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(rate_take(r, &from), i);
        CU_ASSERT(from <= 0);
        rate_started(r, i, 5000 + i * 100);
    }
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(rate_take(r, &from), i);
        CU_ASSERT_EQUAL(from, 6001 + i * 100);
    }
    rate_free(r);
    rate_free(NULL);
}

/* 5000.999 is 5000 in whole milliseconds, and 6000.999 is a second later. */
static void a_second_is_whole(void) {
    struct rate *r = rate_new(1);
    int64_t from;
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    rate_started(r, rate_take(r, &from), 5000);
    rate_take(r, &from);
    CU_ASSERT(from * 1000 > 5000999 + 1000000);
    rate_free(r);
}

/*
 * Nine ask at once, each takes up to so long to start, now and then all are stalled; when within
 * that time it starts nobody knows.  The bound holds, and without stalls the rate is reached.
 */
static void play(int per_second, int takes_us, int stall_us) {
    static int64_t at[STARTS];
    int64_t free_at[9] = {0};
    struct rate *r = rate_new(per_second);
    CU_ASSERT_PTR_NOT_NULL_FATAL(r);
    for (int i = 0; i < STARTS; i++) {
        int asker = 0;
        for (int k = 1; k < 9; k++)
            if (free_at[k] < free_at[asker])
                asker = k;
        int64_t from;
        int place = rate_take(r, &from);
        int64_t begins = free_at[asker] > from * 1000 ? free_at[asker] : from * 1000;
        at[i] = begins + rand() % (takes_us + 1);
        int64_t ends = at[i] + rand() % (takes_us + 1);
        if (stall_us && i % 5000 == 4999)
            ends += stall_us;
        free_at[asker] = ends;
        rate_started(r, place, ends / 1000);
    }
    rate_free(r);
    qsort(at, STARTS, sizeof at[0], earlier);
    CU_ASSERT(most_in_a_second(at, STARTS) <= per_second);
    if (!stall_us)
        CU_ASSERT(at[STARTS - 1] / 1000 < (int64_t)STARTS * 1000 * 103 / 100 / per_second + 1000);
}

static void the_bound_holds_and_the_rate_is_reached(void) {
    static const int rates[] = {1, 2, 7, 20, 50, 100, 999, 1000};
    srand(1);
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        play(rates[i], 5000, 0);
        play(rates[i], 5000, 3700000);
        play(rates[i], 400000, 1000);
    }
    play(10000, 300, 0);
    play(10000, 300, 2000000);
}

int main(void) {
    CU_pSuite s = suite_begin("rate", NULL, NULL);
    CU_ADD_TEST(s, at_first_all_at_once);
    CU_ADD_TEST(s, a_second_is_whole);
    CU_ADD_TEST(s, the_bound_holds_and_the_rate_is_reached);
    return suite_run();
}
