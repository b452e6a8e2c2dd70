/* test_flight.c - attempts on their way: every landing finished once, every waiter woken. */
#include <CUnit/Basic.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/flight.h"
#include "tests/unit/suite.h"

#define MANY 2000
#define SEEN 77 /* the one that is read at its landing */

static atomic_int finished[MANY + 1];
static atomic_int bodies_ok;

static void finish(void *arg, struct flight *const f[], int n) {
    (void)arg;
    CU_ASSERT(n > 0 && n <= FLIGHTS_AT_ONCE);
    for (int i = 0; i < n; i++) {
        atomic_fetch_add(&finished[f[i]->attempt_id], 1);
        if (f[i]->result.size == 5 && memcmp(f[i]->result.body, "hello", 5) == 0)
            atomic_fetch_add(&bodies_ok, 1);
        if (f[i]->attempt_id == SEEN && (f[i]->seen = calloc(1, sizeof *f[i]->seen)))
            f[i]->seen->attempt_id = SEEN;
    }
}

static void reset(void) {
    for (int i = 0; i <= MANY; i++)
        atomic_store(&finished[i], 0);
    atomic_store(&bodies_ok, 0);
}

static void each_landing_is_finished_once(void) {
    struct flights *fs = flights_open(4, finish, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fs);
    reset();
    for (int i = 1; i <= MANY; i++) {
        char body[5] = "hello"; /* must be copied: it is gone at once */
        struct flight *f = flight_new(fs, i);
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        flight_landed(f, &(struct http_result){.fate = HTTP_ANSWERED, .body = body, .size = 5});
        memset(body, 0, sizeof body);
    }
    flights_close(fs, 10000);
    int once = 0;
    for (int i = 1; i <= MANY; i++)
        once += atomic_load(&finished[i]) == 1;
    CU_ASSERT_EQUAL(once, MANY);
    CU_ASSERT_EQUAL(atomic_load(&bodies_ok), MANY);
}

struct waiter {
    struct flights *fs;
    int64_t id;
};

static void *wait_for_it(void *arg) {
    struct waiter *w = arg;
    flights_wait(w->fs, w->id, 60000, false);
    return NULL;
}

static void waiters_wake_when_it_is_finished(void) {
    enum { WAITERS = 20 };
    struct flights *fs = flights_open(2, finish, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fs);
    reset();
    struct flight *f = flight_new(fs, 5);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    struct waiter w = {fs, 5};
    pthread_t threads[WAITERS];
    for (int i = 0; i < WAITERS; i++)
        pthread_create(&threads[i], NULL, wait_for_it, &w);
    usleep(20000);
    flight_landed(f, &(struct http_result){.fate = HTTP_MAYBE_SENT});
    for (int i = 0; i < WAITERS; i++) /* a lost wake-up would hold the test for a minute */
        pthread_join(threads[i], NULL);
    CU_ASSERT_EQUAL(atomic_load(&finished[5]), 1);
    flights_close(fs, 1000);
}

static void *wait_for_event(void *arg) {
    struct waiter *w = arg;
    flights_wait(w->fs, w->id, 60000, true);
    return NULL;
}

static void an_event_wakes_who_waits_for_news(void) {
    struct flights *fs = flights_open(1, finish, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fs);
    struct waiter w = {fs, 9};
    pthread_t thread;
    pthread_create(&thread, NULL, wait_for_event, &w);
    int join = ETIMEDOUT;
    for (int i = 0; i < 500 && join != 0; i++) {
        flights_event(fs, 9);
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        t.tv_nsec += 10000000;
        t.tv_sec += t.tv_nsec / 1000000000;
        t.tv_nsec %= 1000000000;
        join = pthread_timedjoin_np(thread, NULL, &t);
    }
    CU_ASSERT_EQUAL(join, 0);
    flights_close(fs, 0);
}

static void what_is_not_on_its_way_is_not_waited_for(void) {
    struct flights *fs = flights_open(1, finish, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fs);
    flights_wait(fs, 4711, 60000, false);
    CU_ASSERT_EQUAL(flights_unfinished(fs), 0);
    flights_close(fs, 0);
}

/* ---- who watches ------------------------------------------------------------------------------- */

static atomic_int told, told_seen;

static void count_told(void *arg, const struct otr_attempt *seen) {
    atomic_fetch_add((atomic_int *)arg, 1);
    if (seen && seen->attempt_id == SEEN)
        atomic_fetch_add(&told_seen, 1);
}

static void told_comes_to(int n) {
    for (int i = 0; i < 2000 && atomic_load(&told) < n; i++)
        usleep(5000);
    CU_ASSERT_EQUAL(atomic_load(&told), n);
}

static void who_watches_is_told_once(void) {
    struct flights *fs = flights_open(2, finish, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fs);
    atomic_store(&told, 0);
    struct flight *f = flight_new(fs, 5), *other = flight_new(fs, 5 + 512); /* neighbours */
    CU_ASSERT_FATAL(f && other);
    for (int i = 0; i < 3; i++)
        CU_ASSERT(flights_watch(fs, 5, 60000, i % 2, count_told, &told));
    flights_event(fs, 5); /* it is on its way: only its landing is news */
    flight_landed(other, &(struct http_result){.fate = HTTP_MAYBE_SENT});
    usleep(50000);
    CU_ASSERT_EQUAL(atomic_load(&told), 0);
    flight_landed(f, &(struct http_result){.fate = HTTP_MAYBE_SENT});
    told_comes_to(3);
    CU_ASSERT(flights_watch(fs, 5, 60000, false, count_told, &told)); /* nothing to wait for */
    CU_ASSERT_EQUAL(atomic_load(&told), 4);
    CU_ASSERT(flights_watch(fs, 5, 60000, true, count_told, &told));
    CU_ASSERT_EQUAL(atomic_load(&told), 4);
    flights_event(fs, 5);
    CU_ASSERT_EQUAL(atomic_load(&told), 5);
    flights_close(fs, 1000);
    CU_ASSERT_EQUAL(atomic_load(&told), 5);
}

static void who_watches_is_told_what_was_seen(void) {
    struct flights *fs = flights_open(2, finish, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fs);
    atomic_store(&told, 0);
    struct flight *f = flight_new(fs, SEEN), *other = flight_new(fs, SEEN + 1);
    CU_ASSERT_FATAL(f && other);
    CU_ASSERT_FALSE(flights_watched(fs, SEEN));
    CU_ASSERT(flights_watch(fs, SEEN, 60000, false, count_told, &told));
    CU_ASSERT(flights_watch(fs, SEEN + 1, 60000, false, count_told, &told));
    CU_ASSERT_TRUE(flights_watched(fs, SEEN));
    CU_ASSERT_FALSE(flights_watched(fs, SEEN + 512));
    flight_landed(f, &(struct http_result){.fate = HTTP_MAYBE_SENT});
    flight_landed(other, &(struct http_result){.fate = HTTP_MAYBE_SENT});
    told_comes_to(2);
    CU_ASSERT_EQUAL(atomic_load(&told_seen), 1);
    flights_close(fs, 1000);
}

static void who_watches_is_told_when_time_is_over(void) {
    struct flights *fs = flights_open(1, finish, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fs);
    atomic_store(&told, 0);
    /* The later one first: the keeper is to look earlier than he meant to. */
    CU_ASSERT(flights_watch(fs, 1, 60000, true, count_told, &told));
    CU_ASSERT(flights_watch(fs, 2, 80, true, count_told, &told));
    CU_ASSERT(flights_watch(fs, 3, 1, true, count_told, &told));
    CU_ASSERT(flights_watch(fs, 3, 0, true, count_told, &told));
    told_comes_to(3);
    usleep(100000);
    CU_ASSERT_EQUAL(atomic_load(&told), 3); /* who has time is not disturbed */
    flights_hurry(fs);
    CU_ASSERT_EQUAL(atomic_load(&told), 4);
    CU_ASSERT(flights_watch(fs, 1, 60000, true, count_told, &told)); /* at once from now on */
    CU_ASSERT_EQUAL(atomic_load(&told), 5);
    flights_wait(fs, 1, 60000, true);
    flights_close(fs, 0);
}

/* The flights are closed while many watch: each is told. */
static void who_still_watches_is_told_at_the_end(void) {
    struct flights *fs = flights_open(1, finish, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fs);
    atomic_store(&told, 0);
    for (int i = 0; i < MANY; i++)
        CU_ASSERT(flights_watch(fs, i, 60000 + i, true, count_told, &told));
    flights_close(fs, 0);
    CU_ASSERT_EQUAL(atomic_load(&told), MANY);
}

int main(void) {
    CU_pSuite s = suite_begin("flight", NULL, NULL);
    CU_ADD_TEST(s, each_landing_is_finished_once);
    CU_ADD_TEST(s, waiters_wake_when_it_is_finished);
    CU_ADD_TEST(s, an_event_wakes_who_waits_for_news);
    CU_ADD_TEST(s, what_is_not_on_its_way_is_not_waited_for);
    CU_ADD_TEST(s, who_watches_is_told_once);
    CU_ADD_TEST(s, who_watches_is_told_what_was_seen);
    CU_ADD_TEST(s, who_watches_is_told_when_time_is_over);
    CU_ADD_TEST(s, who_still_watches_is_told_at_the_end);
    return suite_run();
}
