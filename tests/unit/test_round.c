/* test_round.c - many who ask at the same moment: one look, and never one that began before. */
#include <CUnit/Basic.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fcgi/round.h"

#define ASKERS 16
#define TURNS  300

struct found {
    int truth;
    char *owned;
};

static struct rounds *rounds;
static atomic_int truth, looks, ended, wrong;

static void end(void *result) {
    struct found *f = result;
    free(f->owned);
    atomic_fetch_add(&ended, 1);
}

static void look(void *arg, void *result) {
    struct found *f = result;
    atomic_fetch_add(&looks, 1);
    if (f->owned || f->truth) /* not zeroed */
        atomic_fetch_add(&wrong, 1);
    f->truth = atomic_load(&truth);
    if (arg)
        usleep(*(int *)arg);
    f->owned = strdup("something");
}

/* Each changes the truth and asks: what it is told must not be older than its own change. */
static void *change_and_ask(void *key) {
    int us = 50;
    for (int i = 0; i < TURNS; i++) {
        int mine = atomic_fetch_add(&truth, 1) + 1;
        struct round *r = round_take(rounds, key, look, &us);
        const struct found *f = r ? round_result(r) : NULL;
        if (!f || f->truth < mine || strcmp(f->owned, "something") != 0)
            atomic_fetch_add(&wrong, 1);
        round_give(r);
    }
    return NULL;
}

static void reset(void) {
    atomic_store(&truth, 0);
    atomic_store(&looks, 0);
    atomic_store(&ended, 0);
    atomic_store(&wrong, 0);
}

static void nobody_is_told_what_was_before_he_asked(void) {
    static char asha[] = "asha", sunil[] = "sunil";
    pthread_t threads[ASKERS];
    reset();
    for (int i = 0; i < ASKERS; i++)
        pthread_create(&threads[i], NULL, change_and_ask, i % 4 ? asha : sunil);
    for (int i = 0; i < ASKERS; i++)
        pthread_join(threads[i], NULL);
    CU_ASSERT_EQUAL(atomic_load(&wrong), 0);
    CU_ASSERT_EQUAL(atomic_load(&looks), atomic_load(&ended));
    CU_ASSERT(atomic_load(&looks) < ASKERS * TURNS); /* some were shared */
}

static atomic_int holding;

static void slow_look(void *arg, void *result) {
    look(NULL, result);
    atomic_store(&holding, 1);
    while (atomic_load((atomic_int *)arg))
        usleep(1000);
}

static void *ask_slowly(void *gate) {
    round_give(round_take(rounds, "asha", slow_look, gate));
    return NULL;
}

static void one_look_for_all_who_waited(void) {
    pthread_t first, later[ASKERS];
    atomic_int gate = 1;
    reset();
    atomic_store(&holding, 0);
    pthread_create(&first, NULL, ask_slowly, &gate);
    while (!atomic_load(&holding))
        usleep(1000);
    for (int i = 0; i < ASKERS; i++)
        pthread_create(&later[i], NULL, ask_slowly, &gate);
    usleep(200000); /* they come while the first look is under way */
    CU_ASSERT_EQUAL(atomic_load(&looks), 1);
    atomic_store(&gate, 0);
    pthread_join(first, NULL);
    for (int i = 0; i < ASKERS; i++)
        pthread_join(later[i], NULL);
    CU_ASSERT(atomic_load(&looks) >= 2);
    CU_ASSERT(atomic_load(&looks) < 1 + ASKERS);
    CU_ASSERT_EQUAL(atomic_load(&ended), atomic_load(&looks));
}

static void another_key_does_not_wait(void) {
    pthread_t first;
    atomic_int gate = 1;
    int none = 0;
    reset();
    atomic_store(&holding, 0);
    pthread_create(&first, NULL, ask_slowly, &gate);
    while (!atomic_load(&holding))
        usleep(1000);
    struct round *r = round_take(rounds, "sunil", look, &none); /* would hang */
    CU_ASSERT_PTR_NOT_NULL(r);
    round_give(r);
    atomic_store(&gate, 0);
    pthread_join(first, NULL);
}

static void a_key_has_a_size(void) {
    char key[ROUND_KEY_SIZE + 1];
    memset(key, 'k', sizeof key);
    key[ROUND_KEY_SIZE] = '\0';
    CU_ASSERT_PTR_NULL(round_take(rounds, key, look, NULL));
    key[ROUND_KEY_SIZE - 1] = '\0';
    struct round *r = round_take(rounds, key, look, NULL);
    CU_ASSERT_PTR_NOT_NULL(r);
    round_give(r);
    round_give(NULL);
}

int main(void) {
    rounds = rounds_new(sizeof(struct found), end);
    if (!rounds || CU_initialize_registry() != CUE_SUCCESS)
        return 1;
    CU_pSuite suite = CU_add_suite("round", NULL, NULL);
    CU_ADD_TEST(suite, nobody_is_told_what_was_before_he_asked);
    CU_ADD_TEST(suite, one_look_for_all_who_waited);
    CU_ADD_TEST(suite, another_key_does_not_wait);
    CU_ADD_TEST(suite, a_key_has_a_size);
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    unsigned failures = CU_get_number_of_failures();
    CU_cleanup_registry();
    rounds_free(rounds);
    return failures != 0;
}
