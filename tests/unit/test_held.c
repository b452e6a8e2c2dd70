/* test_held.c - callbacks are answered at once and kept later, whatever the database does meanwhile. */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/house.h"
#include "tests/unit/pg_helper.h"
#include "tests/unit/suite.h"

#define HELD_MAX 1000

/* Another session holds the table, as a reindex or a dump does. */
static void lock_it(void) {
    CU_ASSERT(pg_do("BEGIN"));
    CU_ASSERT(pg_do("LOCK TABLE otprefund.callback IN ACCESS EXCLUSIVE MODE"));
}

static void let_go(void) {
    CU_ASSERT(pg_do("COMMIT"));
}

static int call_back(const char *body) {
    return house_ask(&(struct house_request){.method = "POST",
                                             .path = "/callback/eko/" HOUSE_CALLBACK,
                                             .type = "application/json",
                                             .body = body});
}

static int64_t kept(const char *tid) {
    char sql[120];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM otprefund.callback WHERE tid = '%s'", tid);
    return pg_number(sql);
}

/* As many as that, soon. */
static void comes_to(const char *tid, int64_t n) {
    for (int i = 0; i < 600 && kept(tid) < n; i++)
        usleep(50000);
    CU_ASSERT_EQUAL(kept(tid), n);
}

static bool metrics_say(const char *line) {
    CU_ASSERT_EQUAL(house_ask(&(struct house_request){.method = "GET", .path = "/metrics"}), 200);
    return strstr(house_answer.text, line) != NULL;
}

/* For longer than a statement may take: it is tried again. */
static void while_the_table_is_locked(void) {
    const char *body = "{\"tid\":\"81000001\",\"tx_status\":4}";
    lock_it();
    CU_ASSERT_EQUAL(call_back(body), 200);
    CU_ASSERT(metrics_say("\notprefund_callbacks_held 1\n"));
    sleep(6);
    CU_ASSERT_EQUAL(kept("81000001"), 0);
    let_go();
    comes_to("81000001", 1);
    CU_ASSERT_STRING_EQUAL(pg_text("SELECT body FROM otprefund.callback WHERE tid = '81000001'"),
                           body);
    CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM otprefund.attempt"), 0);
}

/* No more than fit are held: the bank is told that the next one is not, and comes again. */
static void full(void) {
    lock_it();
    for (int i = 0; i < HELD_MAX; i++)
        CU_ASSERT_EQUAL(call_back("{\"tid\":\"81000002\"}"), 200);
    CU_ASSERT_EQUAL(call_back("{\"tid\":\"81000002\",\"again\":1}"), 503);
    CU_ASSERT_PTR_NOT_NULL(strstr(house_answer.text, "Retry-After: "));
    CU_ASSERT(metrics_say("\notprefund_callbacks_dropped_total 1\n"));
    let_go();
    comes_to("81000002", HELD_MAX);
    CU_ASSERT_EQUAL(call_back("{\"tid\":\"81000002\",\"again\":1}"), 200);
    comes_to("81000002", HELD_MAX + 1);
    CU_ASSERT(metrics_say("\notprefund_callbacks_held 0\n"));
}

static enum otr_status hold(struct otr *o, const char *tid, const char *body, size_t size) {
    struct otr_fault f;
    return otr_callback(o, tid, body, size, "192.0.2.7", &f);
}

/* Nor more bytes, of what was sent only those that are stored. */
static void full_of_long_ones(void) {
    static char body[20000];
    int held = 0;
    memset(body, 'x', sizeof body);
    memcpy(body + 8189, "\xF0\x9F\x98\x80", 4); /* does not fit as a whole */
    lock_it();
    while (held < HELD_MAX && hold(house.core, "81000003", body, sizeof body) == OTR_OK)
        held++;
    CU_ASSERT(held > 400 && held < 600);
    CU_ASSERT_EQUAL(hold(house.core, "81000003", body, sizeof body), OTR_LIMITED);
    let_go();
    comes_to("81000003", held);
    CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM otprefund.callback WHERE tid = '81000003'"
                              " AND body = repeat('x', 8189) AND body_bytes = 20000"),
                    held);
}

/* An orderly stop writes what it holds, and where it cannot says how many were lost. */
static void stopping(void) {
    struct otr_config config;
    struct otr_fault f;
    struct otr *o = NULL;
    settings_core(house.settings, &config);
    CU_ASSERT_EQUAL_FATAL(otr_open(&config, &o, &f), OTR_OK);
    for (int i = 0; i < 200; i++)
        CU_ASSERT_EQUAL(hold(o, "81000004", "{}", 2), OTR_OK);
    CU_ASSERT_EQUAL(otr_close(o, 20000), 0);
    CU_ASSERT_EQUAL(kept("81000004"), 200);
    CU_ASSERT_EQUAL_FATAL(otr_open(&config, &o, &f), OTR_OK);
    lock_it();
    for (int i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(hold(o, "81000005", "{}", 2), OTR_OK);
    CU_ASSERT_EQUAL(otr_close(o, 200), 5);
    let_go();
    CU_ASSERT_EQUAL(kept("81000005"), 0);
}

int main(void) {
    if (!getenv("OTPREFUND_TEST_DB"))
        return 77;
    if (!house_open())
        return 1;
    CU_pSuite s = suite_begin("held", NULL, NULL);
    CU_add_test(s, "while the table is locked", while_the_table_is_locked);
    CU_add_test(s, "full", full);
    CU_add_test(s, "full of long ones", full_of_long_ones);
    CU_add_test(s, "stopping", stopping);
    int failed = suite_run();
    house_close();
    return failed;
}
