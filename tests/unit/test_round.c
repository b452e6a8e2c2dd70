/* test_round.c - many who ask at the same moment: one look, and never one that began before. */
#include <CUnit/Basic.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
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
static atomic_int truth, looks, keys, ended, wrong, told;

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

static void look_for(struct asker *a, struct found *f) {
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

static void look(void *const args[], void *const results[], int n) {
    atomic_fetch_add(&looks, 1);
    atomic_fetch_add(&keys, n);
    for (int i = 0; i < n; i++)
        look_for(args[i], results[i]);
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
    atomic_store(&keys, 0);
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
    CU_ASSERT_EQUAL(atomic_load(&keys), atomic_load(&ended));
    CU_ASSERT(atomic_load(&keys) < ASKERS * TURNS); /* some were shared */
}

static void *ask_once(void *asker) {
    CU_ASSERT(round_ask(rounds, "asha", asker));
    return NULL;
}

/* Somebody asks for "asha", on a thread of his own, and is kept waiting in the middle of the look. */
struct held {
    pthread_t thread;
    atomic_int gate, holding;
    struct asker asker;
};

static void hold(struct held *h) {
    atomic_store(&h->gate, 1);
    atomic_store(&h->holding, 0);
    h->asker = (struct asker){.gate = &h->gate, .holding = &h->holding};
    sem_init(&h->asker.told, 0, 0);
    pthread_create(&h->thread, NULL, ask_once, &h->asker);
    while (!atomic_load(&h->holding))
        usleep(1000);
}

static void let_go(struct held *h) {
    atomic_store(&h->gate, 0);
    pthread_join(h->thread, NULL);
}

static void one_look_for_all_who_came_meanwhile(void) {
    struct held one;
    struct asker later[ASKERS];
    reset();
    hold(&one);
    atomic_store(&truth, 7);
    for (int i = 0; i < ASKERS; i++) { /* from this one thread: it would hang if that blocked */
        later[i] = (struct asker){.mine = 7};
        sem_init(&later[i].told, 0, 0);
        CU_ASSERT(round_ask(rounds, "asha", &later[i]));
    }
    CU_ASSERT_EQUAL(atomic_load(&looks), 1);
    CU_ASSERT_EQUAL(atomic_load(&told), 0);
    let_go(&one);
    for (int i = 0; i < ASKERS; i++)
        sem_wait(&later[i].told);
    CU_ASSERT_EQUAL(atomic_load(&looks), 2);
    CU_ASSERT_EQUAL(atomic_load(&told), 1 + ASKERS);
    CU_ASSERT_EQUAL(atomic_load(&wrong), 0);
}

static void another_key_is_another_look(void) {
    struct held one;
    struct asker other = {0};
    reset();
    hold(&one);
    sem_init(&other.told, 0, 0);
    CU_ASSERT(round_ask(rounds, "sunil", &other));
    sem_wait(&other.told); /* would hang */
    CU_ASSERT_EQUAL(atomic_load(&looks), 2);
    let_go(&one);
}

/* With all the looks under way that may be, the next ones are for as many keys as fit. */
static void a_look_is_for_all_keys_that_wait(void) {
    enum { KEYS = ROUND_KEYS + 5 };
    struct rounds *two = rounds;
    struct held one;
    struct asker others[2 * KEYS];
    char key[ROUND_KEY_SIZE];
    rounds = rounds_new(sizeof(struct found), 1, look, ready, end);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rounds);
    reset();
    hold(&one);
    atomic_store(&truth, 7);
    for (int i = 0; i < 2 * KEYS; i++) {
        others[i] = (struct asker){.mine = 7};
        sem_init(&others[i].told, 0, 0);
        snprintf(key, sizeof key, "key%d", i % KEYS);
        CU_ASSERT(round_ask(rounds, key, &others[i]));
    }
    CU_ASSERT_EQUAL(atomic_load(&told), 0);
    let_go(&one);
    for (int i = 0; i < 2 * KEYS; i++)
        sem_wait(&others[i].told);
    CU_ASSERT_EQUAL(atomic_load(&looks), 3);
    CU_ASSERT_EQUAL(atomic_load(&keys), 1 + KEYS);
    CU_ASSERT_EQUAL(atomic_load(&ended), 1 + KEYS);
    CU_ASSERT_EQUAL(atomic_load(&wrong), 0);
    rounds_free(rounds);
    rounds = two;
}

/* One who asks without end has one look, and leaves the others theirs. */
static void a_key_is_looked_at_once_at_a_time(void) {
    struct held one;
    struct asker again = {0}, other = {0};
    reset();
    hold(&one);
    sem_init(&again.told, 0, 0);
    sem_init(&other.told, 0, 0);
    CU_ASSERT(round_ask(rounds, "asha", &again));
    CU_ASSERT(round_ask(rounds, "sunil", &other));
    sem_wait(&other.told);
    CU_ASSERT_EQUAL(atomic_load(&told), 1);
    let_go(&one);
    sem_wait(&again.told);
    CU_ASSERT_EQUAL(atomic_load(&looks), 3);
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
    rounds = rounds_new(sizeof(struct found), 2, look, ready, end);
    if (!rounds)
        return 1;
    CU_pSuite suite = suite_begin("round", NULL, NULL);
    CU_ADD_TEST(suite, nobody_is_told_what_was_before_he_asked);
    CU_ADD_TEST(suite, one_look_for_all_who_came_meanwhile);
    CU_ADD_TEST(suite, another_key_is_another_look);
    CU_ADD_TEST(suite, a_look_is_for_all_keys_that_wait);
    CU_ADD_TEST(suite, a_key_is_looked_at_once_at_a_time);
    CU_ADD_TEST(suite, a_key_has_a_size);
    int failed = suite_run();
    rounds_free(rounds);
    return failed;
}
