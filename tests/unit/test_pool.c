/* test_pool.c - connections go to those who waited longest, and none is lost or had twice. */
#include <CUnit/Basic.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <stdbool.h>
#include "sql/db_pool.h"
#include "tests/unit/suite.h"

#define LONG_MS 60000
#define CROWD   8

static struct db_pool *pool;
static atomic_int turns;

/* Somebody in the line. */
struct person {
    pthread_t thread;
    atomic_int tid;
    atomic_bool through;
    int wait_ms, number, turn;
};

static void *stand_in_line(void *arg) {
    struct person *p = arg;
    atomic_store(&p->tid, (int)syscall(SYS_gettid));
    p->number = db_pool_take(pool, p->wait_ms);
    p->turn = atomic_fetch_add(&turns, 1);
    if (p->number >= 0)
        db_pool_give(pool, p->number);
    atomic_store(&p->through, true);
    return NULL;
}

/* Whether that thread sleeps: the kernel's word for it. */
static bool asleep(int tid) {
    char path[64], state = '?';
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    FILE *f = fopen(path, "r");
    if (!f || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
        state = '?';
    if (f)
        fclose(f);
    return state == 'S';
}

/* Returns when he stands in the line: he has slept for a while, with nothing else to wait for. */
static void start(struct person *p, int wait_ms) {
    *p = (struct person){.wait_ms = wait_ms, .number = -2};
    pthread_create(&p->thread, NULL, stand_in_line, p);
    for (int in_a_row = 0; in_a_row < 10 && !atomic_load(&p->through); usleep(1000))
        in_a_row = atomic_load(&p->tid) && asleep(atomic_load(&p->tid)) ? in_a_row + 1 : 0;
}

static void open_pool(int count) {
    db_pool_free(pool);
    pool = db_pool_new(count);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
    atomic_store(&turns, 0);
}

static void who_waited_longest_is_next(void) {
    struct person crowd[CROWD];
    open_pool(1);
    int mine = db_pool_take(pool, 0);
    CU_ASSERT_EQUAL(mine, 0);
    for (int i = 0; i < CROWD; i++)
        start(&crowd[i], LONG_MS);
    db_pool_give(pool, mine);
    for (int i = 0; i < CROWD; i++) {
        pthread_join(crowd[i].thread, NULL);
        CU_ASSERT_EQUAL(crowd[i].number, 0);
        CU_ASSERT_EQUAL(crowd[i].turn, i);
    }
}

static void who_gives_back_stands_behind(void) {
    struct person other;
    open_pool(1);
    for (int i = 0; i < 20; i++) {
        int mine = db_pool_take(pool, 0);
        start(&other, LONG_MS);
        db_pool_give(pool, mine);
        mine = db_pool_take(pool, LONG_MS);
        CU_ASSERT_EQUAL(mine, 0);
        CU_ASSERT_EQUAL(atomic_load(&turns), i + 1); /* he had it in between */
        db_pool_give(pool, mine);
        pthread_join(other.thread, NULL);
    }
}

static void who_gives_up_leaves_the_line(void) {
    struct person first, second, third;
    open_pool(1);
    int mine = db_pool_take(pool, 0);
    start(&first, LONG_MS);
    start(&second, 200);
    start(&third, LONG_MS);
    pthread_join(second.thread, NULL);
    CU_ASSERT_EQUAL(second.number, -1);
    CU_ASSERT_EQUAL(db_pool_take(pool, 0), -1);
    db_pool_give(pool, mine);
    pthread_join(first.thread, NULL);
    pthread_join(third.thread, NULL);
    CU_ASSERT_EQUAL(first.turn, 1);
    CU_ASSERT_EQUAL(third.turn, 2);
    CU_ASSERT_EQUAL(db_pool_take(pool, 0), 0);
}

static void the_one_used_last_is_used_next(void) {
    open_pool(3);
    int a = db_pool_take(pool, 0), b = db_pool_take(pool, 0), c = db_pool_take(pool, 0);
    CU_ASSERT(a != b && b != c && a != c);
    CU_ASSERT_EQUAL(db_pool_take(pool, 1), -1);
    db_pool_give(pool, a);
    db_pool_give(pool, b);
    CU_ASSERT_EQUAL(db_pool_take(pool, 0), b);
    CU_ASSERT_EQUAL(db_pool_take(pool, 0), a);
}

static atomic_int held[3], twice, had;

static void *use(void *arg) {
    int wait_ms = *(const int *)arg;
    for (int i = 0; i < 2000; i++) {
        int number = db_pool_take(pool, wait_ms);
        if (number < 0)
            continue;
        if (atomic_fetch_add(&held[number], 1) != 0)
            atomic_fetch_add(&twice, 1);
        atomic_fetch_add(&had, 1);
        atomic_fetch_sub(&held[number], 1);
        db_pool_give(pool, number);
    }
    return NULL;
}

static void none_is_lost_or_had_twice(void) {
    static const int waits[] = {0, 1, 2, LONG_MS};
    pthread_t threads[CROWD];
    open_pool(3);
    for (int i = 0; i < CROWD; i++)
        pthread_create(&threads[i], NULL, use, (void *)&waits[i % 4]);
    for (int i = 0; i < CROWD; i++)
        pthread_join(threads[i], NULL);
    CU_ASSERT_EQUAL(atomic_load(&twice), 0);
    CU_ASSERT(atomic_load(&had) >= CROWD / 4 * 2000); /* who waits long enough always has one */
    for (int i = 0; i < 3; i++)
        CU_ASSERT(db_pool_take(pool, 0) >= 0);
    CU_ASSERT_EQUAL(db_pool_take(pool, 0), -1);
}

int main(void) {
    CU_pSuite suite = suite_begin("pool", NULL, NULL);
    CU_ADD_TEST(suite, who_waited_longest_is_next);
    CU_ADD_TEST(suite, who_gives_back_stands_behind);
    CU_ADD_TEST(suite, who_gives_up_leaves_the_line);
    CU_ADD_TEST(suite, the_one_used_last_is_used_next);
    CU_ADD_TEST(suite, none_is_lost_or_had_twice);
    int failed = suite_run();
    db_pool_free(pool);
    return failed;
}
