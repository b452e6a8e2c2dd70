/* test_news.c - what goes wrong where nobody asked is told, once, and that it is over. */
#include <CUnit/Basic.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/core.h"
#include "tests/unit/fake_journal.h"
#include "tests/unit/suite.h"

static const struct otr_who ASHA = {.name = "asha", .user_code = "20110001"};
static const char ANSWER[] = "{\"status\":0,\"response_status_id\":0,\"message\":\"ok\","
                             "\"data\":{\"tid\":12345600,\"tx_status\":\"2\",\"amount\":499}}";

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char told[400]; /* "NEWS detail;" for each */

static void note(void *arg, enum otr_news news, const char *detail) {
    static const char *const names[OTR_NEWS__MAX] = {"lost", "back", "resolver", "callback"};
    CU_ASSERT_PTR_EQUAL(arg, told);
    pthread_mutex_lock(&lock);
    size_t n = strlen(told);
    snprintf(told + n, sizeof told - n, "%s %s;", names[news], detail);
    pthread_mutex_unlock(&lock);
}

static struct otr *open_core(bool resolver, otr_tell *tell) {
    const struct otr_config c = {
        .base_url = "https://bank.test/v3",
        .initiator_id = "9000000001",
        .conninfo = "fake",
        .developer_key_file = fake_key_file,
        .access_key_file = fake_key_file,
        .secret_key_file = fake_key_file,
        .resolver = resolver,
        .tell = tell,
        .tell_arg = told,
    };
    struct otr *o = NULL;
    struct otr_fault f;
    told[0] = '\0';
    CU_ASSERT_EQUAL_FATAL(otr_open(&c, &o, &f), OTR_OK);
    return o;
}

static void call(struct otr *o, const struct http_result *answer) {
    struct otr_fault f;
    int64_t id;
    fake_reset();
    fake.answer = *answer;
    CU_ASSERT_EQUAL(otr_inquire(o, &ASHA, "12345600", NULL, &id, &f), OTR_OK);
    CU_ASSERT_TRUE(fake_wait_finished(1));
}

static void a_bank_that_is_lost_and_found(void) {
    const struct http_result good = {.fate = HTTP_ANSWERED,
                                     .status = 200,
                                     .body = ANSWER,
                                     .size = sizeof ANSWER - 1},
                             silent = {.fate = HTTP_MAYBE_SENT, .reason = OTR_REASON_NO_ANSWER},
                             tls = {.fate = HTTP_NOT_SENT, .reason = OTR_REASON_TLS_FAILED},
                             full = {.fate = HTTP_NOT_SENT, .reason = OTR_REASON_OVERLOADED};
    struct otr *o = open_core(false, note);
    call(o, &good);
    call(o, &full);
    CU_ASSERT_STRING_EQUAL(told, "");
    call(o, &tls);
    call(o, &silent);
    CU_ASSERT_STRING_EQUAL(told, "lost tls_failed;");
    call(o, &good);
    call(o, &good);
    CU_ASSERT_STRING_EQUAL(told, "lost tls_failed;back ;");
    call(o, &silent); /* so soon that it is not told again */
    call(o, &good);
    CU_ASSERT_STRING_EQUAL(told, "lost tls_failed;back ;");
    o->news.bank_told_ms -= 10001;
    call(o, &silent);
    CU_ASSERT_STRING_EQUAL(told, "lost tls_failed;back ;lost no_answer;");
    otr_close(o, 1000);
}

static void a_resolver_that_fails(void) {
    fake_reset();
    fake.claim_status = JOURNAL_DOWN;
    struct otr *o = open_core(true, note);
    CU_ASSERT_TRUE(fake_wait_claims(3)); /* which it tries more often than it is told */
    otr_close(o, 1000);
    CU_ASSERT_EQUAL(strncmp(told, "resolver ", 9), 0);
    CU_ASSERT(strlen(told) > strlen("resolver ;"));
    CU_ASSERT_PTR_EQUAL(strchr(told, ';'), told + strlen(told) - 1); /* once */
}

static void a_callback_that_is_lost(void) {
    struct otr_fault f;
    fake_reset();
    fake.callback_status = JOURNAL_DOWN;
    struct otr *o = open_core(false, note);
    CU_ASSERT_EQUAL(otr_callback(o, "12345600", "{}", 2, "192.0.2.1", &f), OTR_OK);
    CU_ASSERT_EQUAL(otr_close(o, 50), 1);
    CU_ASSERT_STRING_EQUAL(told, "callback 12345600;");
}

/* A library's user may not care. */
static void nobody_is_told(void) {
    struct otr *o = open_core(false, NULL);
    call(o, &(struct http_result){.fate = HTTP_MAYBE_SENT, .reason = OTR_REASON_NO_ANSWER});
    otr_close(o, 1000);
}

int main(void) {
    CU_pSuite s = suite_begin("news", fake_key_make, fake_key_remove);
    CU_ADD_TEST(s, a_bank_that_is_lost_and_found);
    CU_ADD_TEST(s, a_resolver_that_fails);
    CU_ADD_TEST(s, a_callback_that_is_lost);
    CU_ADD_TEST(s, nobody_is_told);
    return suite_run();
}
