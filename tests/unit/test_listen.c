/* test_listen.c - what one node does is heard by another, against a real PostgreSQL. */
#include <CUnit/Basic.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sql/journal.h"
#include "tests/unit/journal_steps.h"
#include "tests/unit/pg_helper.h"
#include "tests/unit/suite.h"

#define LONG_MS  10000 /* longer than anything may take */
#define NEVER_MS 3600000
#define QUIET_MS 200 /* so long nothing is said where nothing is expected */

static struct journal *other; /* another node */
static struct journal_listener *ear;

static enum journal_event next_event(int ms, int64_t *attempt_id) {
    struct journal_news n;
    journal_listen_wait(ear, ms, &n);
    if (attempt_id)
        *attempt_id = n.attempt_id;
    return n.event;
}

static void no_answer(int64_t id, int next_ms) {
    struct journal_finding f = finding(id, OTR_KIND_REFUND, OTR_OUTCOME_UNKNOWN);
    f.reason = OTR_REASON_NO_ANSWER;
    f.next_inquiry_ms = next_ms;
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
}

static void comes_up(void) {
    CU_ASSERT_EQUAL(next_event(LONG_MS, NULL), JOURNAL_EVENT_UP);
    CU_ASSERT_EQUAL(next_event(QUIET_MS, NULL), JOURNAL_EVENT_NONE);
}

static void wake_is_heard(void) {
    const char *tid = new_tid();
    CU_ASSERT_EQUAL(journal_wake(other, tid), JOURNAL_OK);
    CU_ASSERT_EQUAL(next_event(LONG_MS, NULL), JOURNAL_EVENT_WAKE);
    CU_ASSERT_EQUAL(journal_wake(other, tid), JOURNAL_OK);
    CU_ASSERT_EQUAL(journal_wake(other, tid), JOURNAL_OK);
    CU_ASSERT_EQUAL(next_event(LONG_MS, NULL), JOURNAL_EVENT_WAKE);
    CU_ASSERT_EQUAL(next_event(LONG_MS, NULL), JOURNAL_EVENT_WAKE);
    CU_ASSERT_EQUAL(next_event(QUIET_MS, NULL), JOURNAL_EVENT_NONE);
}

/* A first open attempt is news, and so is one that becomes due before the others; more is not. */
static void due_sooner_is_heard(void) {
    int64_t id = begin(OTR_KIND_REFUND, new_tid());
    CU_ASSERT_EQUAL(next_event(LONG_MS, NULL), JOURNAL_EVENT_WAKE);
    int64_t second = begin(OTR_KIND_REFUND, new_tid());
    CU_ASSERT_EQUAL(next_event(QUIET_MS, NULL), JOURNAL_EVENT_NONE);
    no_answer(second, 5000); /* is due before the first one */
    CU_ASSERT_EQUAL(next_event(LONG_MS, NULL), JOURNAL_EVENT_WAKE);
    no_answer(id, 8000); /* sooner than it was, but the second one is due before it */
    CU_ASSERT_EQUAL(next_event(QUIET_MS, NULL), JOURNAL_EVENT_NONE);
    for (int k = 0; k < 2; k++) {
        struct otr_attempt a = look(k == 0 ? id : second);
        struct journal_finding f =
            finding(begin(OTR_KIND_INQUIRY, a.tid), OTR_KIND_INQUIRY, OTR_OUTCOME_ANSWERED);
        int64_t told = 0;
        f.tx_status = 4;
        settle(&f, a.attempt_id, OTR_RESOLUTION_REFUNDED, OTR_HOW_INQUIRY);
        CU_ASSERT_EQUAL(journal_finish(other, &f), JOURNAL_OK);
        CU_ASSERT_EQUAL(next_event(LONG_MS, &told), JOURNAL_EVENT_SETTLED);
        CU_ASSERT_EQUAL(told, a.attempt_id);
    }
}

/* Anybody who may connect may also notify: nothing of it is believed but that there is news. */
static void odd_notifications(void) {
    CU_ASSERT(pg_do("SELECT pg_notify('otprefund_settled', 'no number'),"
                    " pg_notify('otprefund_settled', '-7'), pg_notify('otprefund_settled', ''),"
                    " pg_notify('elsewhere', '1')"));
    CU_ASSERT_EQUAL(next_event(QUIET_MS, NULL), JOURNAL_EVENT_NONE);
    CU_ASSERT_EQUAL(journal_wake(other, "1"), JOURNAL_OK);
    CU_ASSERT_EQUAL(next_event(LONG_MS, NULL), JOURNAL_EVENT_WAKE);
}

static void reconnects(void) {
    CU_ASSERT(pg_do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE query LIKE 'LISTEN otprefund%'"));
    CU_ASSERT_EQUAL(next_event(LONG_MS, NULL), JOURNAL_EVENT_LOST);
    CU_ASSERT_EQUAL(next_event(LONG_MS, NULL), JOURNAL_EVENT_UP);
    CU_ASSERT_EQUAL(journal_wake(other, "1"), JOURNAL_OK);
    CU_ASSERT_EQUAL(next_event(LONG_MS, NULL), JOURNAL_EVENT_WAKE);
}

/*
 * A server that says nothing more, on a connection that stands: found out by being asked, and
 * another connection takes its place.  One that is there is asked, too, and nothing is missed.
 */
static void a_silent_server_is_noticed(void) {
    struct journal_listener *asking = journal_listen_open(pg_app, QUIET_MS);
    struct journal_news n;
    CU_ASSERT_PTR_NOT_NULL_FATAL(asking);
    journal_listen_wait(asking, LONG_MS, &n);
    CU_ASSERT_EQUAL(n.event, JOURNAL_EVENT_UP);
    pid_t backend = (pid_t)pg_number("SELECT pid FROM pg_stat_activity WHERE query LIKE "
                                     "'LISTEN otprefund%' ORDER BY backend_start DESC LIMIT 1");
    CU_ASSERT_FATAL(backend > 1);
    journal_listen_wait(asking, 5 * QUIET_MS, &n);
    CU_ASSERT_EQUAL(n.event, JOURNAL_EVENT_NONE);
    CU_ASSERT_EQUAL(journal_wake(other, "1"), JOURNAL_OK);
    journal_listen_wait(asking, LONG_MS, &n);
    CU_ASSERT_EQUAL(n.event, JOURNAL_EVENT_WAKE);
    CU_ASSERT_EQUAL(kill(backend, SIGSTOP), 0);
    journal_listen_wait(asking, 2 * LONG_MS, &n);
    CU_ASSERT_EQUAL(n.event, JOURNAL_EVENT_LOST);
    CU_ASSERT_EQUAL(kill(backend, SIGCONT), 0);
    journal_listen_wait(asking, LONG_MS, &n);
    CU_ASSERT_EQUAL(n.event, JOURNAL_EVENT_UP);
    journal_listen_close(asking);
    CU_ASSERT_EQUAL(next_event(LONG_MS, NULL), JOURNAL_EVENT_WAKE);
}

/* Neither an idle listener nor one without a database burns the processor. */
static void no_busy_loop(void) {
    struct journal_listener *deaf =
        journal_listen_open("host=/nonexistent dbname=nothing", NEVER_MS);
    struct journal_news n;
    struct timespec a, b;
    CU_ASSERT_PTR_NOT_NULL_FATAL(deaf);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
    journal_listen_wait(deaf, 700, &n);
    CU_ASSERT_EQUAL(n.event, JOURNAL_EVENT_NONE);
    CU_ASSERT_EQUAL(next_event(700, NULL), JOURNAL_EVENT_NONE);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
    int64_t used_us = (b.tv_sec - a.tv_sec) * 1000000LL + (b.tv_nsec - a.tv_nsec) / 1000;
    CU_ASSERT(used_us < 700000); /* a loop that never sleeps takes all of 1.4 s */
    journal_listen_stop(deaf);
    journal_listen_wait(deaf, -1, &n);
    CU_ASSERT_EQUAL(n.event, JOURNAL_EVENT_NONE);
    journal_listen_close(deaf);
}

static void *stop_soon(void *arg) {
    nanosleep(&(struct timespec){0, 100000000}, NULL);
    journal_listen_stop(arg);
    return NULL;
}

static void stop_ends_the_wait(void) {
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, stop_soon, ear), 0);
    CU_ASSERT_EQUAL(next_event(-1, NULL), JOURNAL_EVENT_NONE);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(next_event(-1, NULL), JOURNAL_EVENT_NONE); /* and each later one */
}

int main(void) {
    if (!getenv("OTPREFUND_TEST_DB"))
        return 77;
    char why[256] = "";
    if (!steps_open())
        return 1;
    const struct journal_config c = {.conninfo = pg_app, .connections = 1, .node = "host:2"};
    if (journal_open(&c, &other, why, sizeof why) != JOURNAL_OK ||
        !(ear = journal_listen_open(pg_app, NEVER_MS))) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    CU_pSuite s = suite_begin("listen", NULL, NULL);
    CU_add_test(s, "comes up", comes_up);
    CU_add_test(s, "a wake of another node", wake_is_heard);
    CU_add_test(s, "due sooner, and settled", due_sooner_is_heard);
    CU_add_test(s, "odd notifications", odd_notifications);
    CU_add_test(s, "a lost connection is replaced", reconnects);
    CU_add_test(s, "a silent server is noticed", a_silent_server_is_noticed);
    CU_add_test(s, "no busy loop", no_busy_loop);
    CU_add_test(s, "stopping", stop_ends_the_wait);
    int failed = suite_run();
    journal_listen_close(ear);
    journal_close(other);
    steps_close();
    return failed;
}
