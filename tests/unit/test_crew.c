/* test_crew.c - how many workers look for work, whoever of them waits for something else. */
#include <CUnit/Basic.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

#include "fcgi/crew.h"
#include "tests/unit/suite.h"

#define WORKERS 10
#define FEWEST  2

static struct crew *crew;

/* ---- workers that do what they are told ------------------------------------------------------ */

enum { RESTING, LOOKING, WAITING };

static struct worker {
    pthread_t thread;
    sem_t told;
    atomic_int state, order; /* what to do next */
} workers[WORKERS];

enum { TO_LOOK, TO_WAIT, TO_GO };

static void *work(void *arg) {
    struct worker *w = arg;
    crew_join(crew);
    for (;;) {
        atomic_store(&w->state, RESTING);
        crew_next(crew);
        atomic_store(&w->state, LOOKING);
        sem_wait(&w->told);
        if (atomic_load(&w->order) == TO_GO)
            return NULL;
        if (atomic_load(&w->order) == TO_WAIT) {
            crew_away(crew);
            crew_away(crew);
            atomic_store(&w->state, WAITING);
            sem_wait(&w->told);
        }
    }
}

static void tell(struct worker *w, int order) {
    atomic_store(&w->order, order);
    sem_post(&w->told);
}

static int count(int state) {
    int n = 0;
    for (int i = 0; i < WORKERS; i++)
        n += atomic_load(&workers[i].state) == state;
    return n;
}

/* They come to it, and stay there. */
static bool come_to(int looking, int waiting) {
    for (int i = 0; i < 500 && (count(LOOKING) != looking || count(WAITING) != waiting); i++)
        usleep(10000);
    usleep(20000);
    return count(LOOKING) == looking && count(WAITING) == waiting;
}

static struct worker *somebody(int state) {
    for (int tries = 0; tries < 5000; tries++) { /* they may all be on their way there */
        for (int i = 0; i < WORKERS; i++)
            if (atomic_load(&workers[i].state) == state)
                return &workers[i];
        usleep(1000);
    }
    CU_FAIL_FATAL("nobody is in that state");
    return NULL;
}

static void send_away(int n) {
    for (int i = 0; i < n; i++) {
        struct worker *w = somebody(LOOKING);
        tell(w, TO_WAIT);
        for (int k = 0; k < 500 && atomic_load(&w->state) != WAITING; k++)
            usleep(1000);
    }
}

static void start(void) {
    crew = crew_new(FEWEST);
    CU_ASSERT_FATAL(crew != NULL);
    for (int i = 0; i < WORKERS; i++) {
        sem_init(&workers[i].told, 0, 0);
        atomic_store(&workers[i].state, RESTING);
        pthread_create(&workers[i].thread, NULL, work, &workers[i]);
    }
    CU_ASSERT(come_to(2 * FEWEST, 0));
}

static void finish(void) {
    crew_dismiss(crew);
    for (int i = 0; i < WORKERS; i++) {
        atomic_store(&workers[i].order, TO_GO);
        sem_post(&workers[i].told); /* twice, for one that waits */
        sem_post(&workers[i].told);
    }
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(workers[i].thread, NULL);
        sem_destroy(&workers[i].told);
    }
    crew_free(crew);
}

/* ---- the tests ------------------------------------------------------------------------------- */

static void who_waits_is_replaced_when_few_are_left(void) {
    start();
    send_away(2);
    CU_ASSERT(come_to(2, 2)); /* enough: nobody is called */
    send_away(1);
    CU_ASSERT(come_to(2, 3));
    send_away(5);
    CU_ASSERT(come_to(2, 8)); /* that is everybody */
    send_away(1);
    CU_ASSERT(come_to(1, 9));
    finish();
}

static void who_comes_back_rests_if_enough_look(void) {
    start();
    send_away(6);
    CU_ASSERT(come_to(2, 6));
    tell(somebody(WAITING), TO_LOOK);
    CU_ASSERT(come_to(3, 5));
    tell(somebody(WAITING), TO_LOOK);
    CU_ASSERT(come_to(4, 4));
    tell(somebody(WAITING), TO_LOOK);
    CU_ASSERT(come_to(4, 3));
    for (int i = 0; i < 20; i++) /* who looks and finds something quick stays */
        tell(somebody(LOOKING), TO_LOOK);
    CU_ASSERT(come_to(4, 3));
    finish();
}

static void dismissed_nobody_rests(void) {
    start();
    send_away(1);
    crew_dismiss(crew);
    CU_ASSERT(come_to(WORKERS - 1, 1));
    tell(somebody(WAITING), TO_LOOK);
    CU_ASSERT(come_to(WORKERS, 0));
    finish();
}

/* Any other thread, and where there is no crew. */
static void strangers_never_rest(void) {
    crew = crew_new(0);
    for (int i = 0; i < 10; i++) {
        crew_away(crew);
        crew_next(crew);
        crew_next(NULL);
        crew_away(NULL);
    }
    crew_join(NULL);
    crew_dismiss(NULL);
    crew_free(crew);
    crew_free(NULL);
    CU_PASS("it returned");
}

/* As a server has it: work comes, and each waits now and then; all of it is done. */
static atomic_int left;

static void *take_turns(void *arg) {
    unsigned seed = (unsigned)(uintptr_t)arg;
    crew_join(crew);
    while (atomic_load(&left) > 0) {
        crew_next(crew);
        int n = atomic_fetch_sub(&left, 1);
        if (rand_r(&seed) % 3 == 0) {
            crew_away(crew);
            usleep((unsigned)rand_r(&seed) % 200);
        }
        if (n <= 1)
            crew_dismiss(crew);
    }
    return NULL;
}

static void all_work_is_done(void) {
    pthread_t threads[WORKERS];
    for (int round = 0; round < 20; round++) {
        crew = crew_new(1 + round % 4);
        atomic_store(&left, 2000);
        for (int i = 0; i < WORKERS; i++)
            pthread_create(&threads[i], NULL, take_turns, (void *)(uintptr_t)(round * 100 + i));
        for (int i = 0; i < WORKERS; i++)
            pthread_join(threads[i], NULL);
        CU_ASSERT(atomic_load(&left) <= 0);
        crew_free(crew);
    }
}

int main(void) {
    CU_pSuite suite = suite_begin("crew", NULL, NULL);
    alarm(120);
    CU_ADD_TEST(suite, who_waits_is_replaced_when_few_are_left);
    CU_ADD_TEST(suite, who_comes_back_rests_if_enough_look);
    CU_ADD_TEST(suite, dismissed_nobody_rests);
    CU_ADD_TEST(suite, strangers_never_rest);
    CU_ADD_TEST(suite, all_work_is_done);
    return suite_run();
}
