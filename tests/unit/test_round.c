/* test_round.c - many who ask at the same moment: one look, and never one that began before. */
#include <CUnit/Basic.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fcgi/round.h"
#include "tests/unit/suite.h"

#define ASKERS 16
#define TURNS  300

struct found {
    int truth;
    char *owned;
};

static struct rounds *rounds;
static atomic_int truth, looks, ended, wrong, told;

/* Somebody who asks, and what he is told. */
struct asker {
    int mine;                   /* his own change: he must see it */
    atomic_int *gate, *holding; /* the look waits at it; NULL: it does not */
    sem_t told;
    int truth;
};

static void end(void *result) {
    struct found *f = result;
    free(f->owned);
    atomic_fetch_add(&ended, 1);
}

static void look(void *arg, void *result) {
    struct found *f = result;
    struct asker *a = arg;
    atomic_fetch_add(&looks, 1);
    if (f->owned || f->truth) /* not zeroed */
        atomic_fetch_add(&wrong, 1);
    f->truth = atomic_load(&truth);
    if (a->holding)
        atomic_store(a->holding, 1);
    while (a->gate && atomic_load(a->gate))
        usleep(1000);
    if (!a->gate)
        usleep(50);
    f->owned = strdup("something");
}

static void ready(void *arg, const void *result) {
    const struct found *f = result;
    struct asker *a = arg;
    atomic_fetch_add(&told, 1);
    if (f->truth < a->mine || strcmp(f->owned, "something") != 0)
        atomic_fetch_add(&wrong, 1);
    sem_post(&a->told);
}

/* Each changes the truth and asks: what it is told must not be older than its own change. */
static void *change_and_ask(void *key) {
    struct asker a = {0};
    sem_init(&a.told, 0, 0);
    for (int i = 0; i < TURNS; i++) {
        a.mine = atomic_fetch_add(&truth, 1) + 1;
        if (!round_ask(rounds, key, &a))
            atomic_fetch_add(&wrong, 1);
        else
            sem_wait(&a.told);
    }
    sem_destroy(&a.told);
    return NULL;
}

static void reset(void) {
    atomic_store(&truth, 0);
    atomic_store(&looks, 0);
    atomic_store(&ended, 0);
    atomic_store(&wrong, 0);
    atomic_store(&told, 0);
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
    CU_ASSERT_EQUAL(atomic_load(&told), ASKERS * TURNS);
    CU_ASSERT_EQUAL(atomic_load(&looks), atomic_load(&ended));
    CU_ASSERT(atomic_load(&looks) < ASKERS * TURNS); /* some were shared */
}

static void *ask_once(void *asker) {
    CU_ASSERT(round_ask(rounds, "asha", asker));
    return NULL;
}

static void one_look_for_all_who_came_meanwhile(void) {
    pthread_t first;
    atomic_int gate = 1, holding = 0;
    struct asker one = {.gate = &gate, .holding = &holding}, later[ASKERS];
    reset();
    sem_init(&one.told, 0, 0);
    pthread_create(&first, NULL, ask_once, &one);
    while (!atomic_load(&holding))
        usleep(1000);
    atomic_store(&truth, 7);
    for (int i = 0; i < ASKERS; i++) { /* from this one thread: it would hang if that blocked */
        later[i] = (struct asker){.mine = 7};
        sem_init(&later[i].told, 0, 0);
        CU_ASSERT(round_ask(rounds, "asha", &later[i]));
    }
    CU_ASSERT_EQUAL(atomic_load(&looks), 1);
    CU_ASSERT_EQUAL(atomic_load(&told), 0);
    atomic_store(&gate, 0);
    pthread_join(first, NULL);
    for (int i = 0; i < ASKERS; i++)
        sem_wait(&later[i].told);
    CU_ASSERT_EQUAL(atomic_load(&looks), 2);
    CU_ASSERT_EQUAL(atomic_load(&told), 1 + ASKERS);
    CU_ASSERT_EQUAL(atomic_load(&wrong), 0);
}

static void another_key_is_another_look(void) {
    pthread_t first;
    atomic_int gate = 1, holding = 0;
    struct asker one = {.gate = &gate, .holding = &holding}, other = {0};
    reset();
    sem_init(&one.told, 0, 0);
    sem_init(&other.told, 0, 0);
    pthread_create(&first, NULL, ask_once, &one);
    while (!atomic_load(&holding))
        usleep(1000);
    CU_ASSERT(round_ask(rounds, "sunil", &other));
    sem_wait(&other.told); /* would hang */
    CU_ASSERT_EQUAL(atomic_load(&looks), 2);
    atomic_store(&gate, 0);
    pthread_join(first, NULL);
}

static void a_key_has_a_size(void) {
    char key[ROUND_KEY_SIZE + 1];
    struct asker a = {0};
    sem_init(&a.told, 0, 0);
    memset(key, 'k', sizeof key);
    key[ROUND_KEY_SIZE] = '\0';
    CU_ASSERT_FALSE(round_ask(rounds, key, &a));
    key[ROUND_KEY_SIZE - 1] = '\0';
    CU_ASSERT(round_ask(rounds, key, &a));
}

int main(void) {
    rounds = rounds_new(sizeof(struct found), look, ready, end);
    if (!rounds)
        return 1;
    CU_pSuite suite = suite_begin("round", NULL, NULL);
    CU_ADD_TEST(suite, nobody_is_told_what_was_before_he_asked);
    CU_ADD_TEST(suite, one_look_for_all_who_came_meanwhile);
    CU_ADD_TEST(suite, another_key_is_another_look);
    CU_ADD_TEST(suite, a_key_has_a_size);
    int failed = suite_run();
    rounds_free(rounds);
    return failed;
}
