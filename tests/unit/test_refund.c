/* test_refund.c - the order of events of each call, with a journal and a bank in memory. */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/core.h"
#include "sql/clock.h"
#include "tests/unit/fake_journal.h"
#include "tests/unit/suite.h"

static const struct otr_who ASHA = {
    .name = "asha", .user_code = "20110001", .channel = OTR_CHANNEL_DESK};

static struct otr *open_core(bool resolver) {
    const struct otr_config c = {
        .base_url = "https://bank.test/v3",
        .initiator_id = "9000000001",
        .user_code = "20119999",
        .conninfo = "fake",
        .developer_key_file = fake_key_file,
        .access_key_file = fake_key_file,
        .secret_key_file = fake_key_file,
        .resolver = resolver,
        .first_s = 1,
        .per_second = 100,
    };
    struct otr *o = NULL;
    struct otr_fault f;
    CU_ASSERT_EQUAL_FATAL(otr_open(&c, &o, &f), OTR_OK);
    return o;
}

static void answers(const char *body) {
    fake.answer = (struct http_result){
        .fate = HTTP_ANSWERED, .status = 200, .body = body, .size = strlen(body), .duration_ms = 3};
}

static const char REFUNDED[] =
    "{\"status\":0,\"response_status_id\":0,\"message\":\"Refund initiated successfully.\","
    "\"tx_status\":\"4\",\"data\":{\"tid\":12345600,\"tx_status\":\"4\",\"amount\":499}}";
static const char WRONG_OTP[] =
    "{\"status\":1,\"response_status_id\":302,\"message\":\"Wrong OTP\",\"data\":{}}";

/* One refund attempt from start to finding. */
static enum otr_status refund(struct otr *o, struct otr_fault *f) {
    int64_t id = 0;
    enum otr_status s = otr_refund(o, &ASHA, "12345600", "012345", 6, true, "key-1", &id, f);
    if (s == OTR_OK)
        CU_ASSERT_EQUAL(id, 7);
    return s;
}

static void nothing_is_sent_without_a_committed_intent(void) {
    static const struct {
        enum journal_status begin;
        enum otr_status expected;
    } rows[] = {
        {JOURNAL_DOWN, OTR_NO_JOURNAL},     {JOURNAL_UNSURE, OTR_NO_JOURNAL},
        {JOURNAL_OPEN, OTR_BUSY},           {JOURNAL_KEY_USED, OTR_KEY_USED},
        {JOURNAL_LIMITED, OTR_LIMITED},     {JOURNAL_REFUSED, OTR_BROKEN},
        {JOURNAL_NO_MEMORY, OTR_NO_MEMORY}, {JOURNAL_REFUNDED, OTR_CONFLICT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct otr_fault f;
        fake_reset();
        struct otr *o = open_core(false);
        fake.begin_status = rows[i].begin;
        CU_ASSERT_EQUAL(refund(o, &f), rows[i].expected);
        int64_t id;
        CU_ASSERT_EQUAL(otr_send_otp(o, &ASHA, "12345600", "key", &id, &f), rows[i].expected);
        CU_ASSERT_EQUAL(otr_inquire(o, &ASHA, "12345600", NULL, &id, &f), rows[i].expected);
        CU_ASSERT_EQUAL(f.unsure, rows[i].begin == JOURNAL_UNSURE); /* what the desk says of it */
        CU_ASSERT_STRING_EQUAL(fake.trace, "begin begin begin");
        otr_close(o, 1000);
    }
}

static void the_order_is_intent_call_outcome(void) {
    struct otr_fault f;
    fake_reset();
    answers(REFUNDED);
    struct otr *o = open_core(false);
    CU_ASSERT_EQUAL(refund(o, &f), OTR_OK);
    CU_ASSERT(fake_wait_finished(1));
    CU_ASSERT_STRING_EQUAL(fake.trace, "begin start finish");
    CU_ASSERT_STRING_EQUAL(fake.url, "https://bank.test/v3/customer/payment/refund/12345600");
    CU_ASSERT(fake.post);
    CU_ASSERT_PTR_NOT_NULL(strstr(fake.body, "\"012345\""));
    CU_ASSERT_PTR_NOT_NULL(strstr(fake.headers, "secret-key-timestamp: 1"));
    CU_ASSERT_EQUAL(fake.found.outcome, OTR_OUTCOME_REFUNDED);
    CU_ASSERT_EQUAL(fake.found.resolution, OTR_RESOLUTION_REFUNDED);
    CU_ASSERT_EQUAL(fake.found.settles_attempt_id, 7);
    CU_ASSERT_EQUAL(fake.found.how, OTR_HOW_ANSWER);
    CU_ASSERT_EQUAL(fake.found.refunded_amount, 49900);
    CU_ASSERT_PTR_NULL(strstr(fake.found_evidence, "012345"));
    otr_close(o, 1000);
}

/* However long the journal took: the time in which it may be sent runs from before the intent. */
static void the_time_to_send_runs_from_the_intent(void) {
    struct otr_fault f;
    fake_reset();
    answers(REFUNDED);
    struct otr *o = open_core(false);
    int64_t before = clock_monotonic_ms();
    fake.begin_takes_ms = 5;
    CU_ASSERT_EQUAL(refund(o, &f), OTR_OK);
    CU_ASSERT(fake_wait_finished(1));
    CU_ASSERT(fake.send_by_ms >= before + o->config.timeout_ms);
    CU_ASSERT(fake.send_by_ms <= fake.begun_ms + o->config.timeout_ms);
    otr_close(o, 1000);
}

static void a_repeated_key_sends_nothing(void) {
    struct otr_fault f;
    fake_reset();
    answers(REFUNDED);
    struct otr *o = open_core(false);
    fake.begin_status = JOURNAL_SAME;
    CU_ASSERT_EQUAL(refund(o, &f), OTR_OK);
    CU_ASSERT_STRING_EQUAL(fake.trace, "begin");
    otr_close(o, 1000);
}

static void the_keyed_hash_covers_kind_tid_and_otp(void) {
    struct otr_fault f;
    unsigned char first[32];
    int64_t id;
    fake_reset();
    struct otr *o = open_core(false);
    fake.begin_status = JOURNAL_SAME;
    refund(o, &f);
    memcpy(first, fake.mac, sizeof first);
    refund(o, &f);
    CU_ASSERT(memcmp(first, fake.mac, sizeof first) == 0);
    otr_refund(o, &ASHA, "12345600", "012346", 6, true, "key-1", &id, &f);
    CU_ASSERT(memcmp(first, fake.mac, sizeof first) != 0);
    otr_refund(o, &ASHA, "12345601", "012345", 6, true, "key-1", &id, &f);
    CU_ASSERT(memcmp(first, fake.mac, sizeof first) != 0);
    otr_send_otp(o, &ASHA, "12345600", "key-1", &id, &f);
    CU_ASSERT(memcmp(first, fake.mac, sizeof first) != 0);
    otr_close(o, 1000);
}

static void what_is_not_proven_stays_open(void) {
    static const struct http_result lost[] = {
        {.fate = HTTP_MAYBE_SENT, .reason = OTR_REASON_NO_ANSWER},
        {.fate = HTTP_MAYBE_SENT, .reason = OTR_REASON_CONNECTION_LOST},
        {.fate = HTTP_ANSWERED, .status = 502, .body = "<html>", .size = 6},
        {.fate = HTTP_ANSWERED, .status = 200, .body = "{\"status\":0", .size = 11},
        {.fate = HTTP_ANSWERED, .status = 200},
    };
    for (size_t i = 0; i < sizeof lost / sizeof lost[0]; i++) {
        struct otr_fault f;
        fake_reset();
        fake.answer = lost[i];
        struct otr *o = open_core(false);
        CU_ASSERT_EQUAL(refund(o, &f), OTR_OK);
        CU_ASSERT(fake_wait_finished(1));
        CU_ASSERT_EQUAL(fake.found.outcome, OTR_OUTCOME_UNKNOWN);
        CU_ASSERT_EQUAL(fake.found.resolution, OTR_RESOLUTION_NONE);
        CU_ASSERT_EQUAL(fake.found.settles_attempt_id, 0);
        CU_ASSERT(fake.found.next_inquiry_ms >= 1);
        otr_close(o, 1000);
    }
}

/* Another node may have settled it by then: the bank is asked, and its word held against that. */
static void what_ended_far_too_late_is_asked_about(void) {
    static const struct {
        int later_ms;
        const char *trace;
    } rows[] = {{0, "begin start finish"}, {60000, "begin start finish begin start finish"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct otr_fault f;
        fake_reset();
        struct otr *o = open_core(false);
        fake.answer = (struct http_result){.fate = HTTP_MAYBE_SENT,
                                           .reason = OTR_REASON_NO_ANSWER,
                                           .duration_ms = o->config.timeout_ms + rows[i].later_ms};
        CU_ASSERT_EQUAL(refund(o, &f), OTR_OK);
        CU_ASSERT(fake_wait_finished(i == 0 ? 1 : 2));
        otr_close(o, 1000);
        CU_ASSERT_STRING_EQUAL(fake.trace, rows[i].trace);
        CU_ASSERT_EQUAL(fake.intent.kind, i == 0 ? OTR_KIND_REFUND : OTR_KIND_INQUIRY);
        CU_ASSERT_EQUAL(fake.intent.about_attempt_id, 0);
    }
}

/* Also when the program is about to end: then that inquiry is not sent. */
static void a_stop_outlives_a_late_question(void) {
    struct otr_fault f;
    fake_reset();
    fake.answer_never = true;
    fake.answer.duration_ms = 3600000;
    struct otr *o = open_core(false);
    CU_ASSERT_EQUAL(refund(o, &f), OTR_OK);
    otr_close(o, 1000);
    CU_ASSERT_STRING_EQUAL(fake.trace, "begin start finish begin finish");
    CU_ASSERT_EQUAL(fake.found.outcome, OTR_OUTCOME_NOT_SENT);
    CU_ASSERT_EQUAL(fake.finished_at_close, 2);
}

static void what_never_left_is_not_refunded(void) {
    struct otr_fault f;
    fake_reset();
    fake.answer = (struct http_result){.fate = HTTP_NOT_SENT, .reason = OTR_REASON_CONNECT_FAILED};
    struct otr *o = open_core(false);
    CU_ASSERT_EQUAL(refund(o, &f), OTR_OK);
    CU_ASSERT(fake_wait_finished(1));
    CU_ASSERT_EQUAL(fake.found.outcome, OTR_OUTCOME_NOT_SENT);
    CU_ASSERT_EQUAL(fake.found.reason, OTR_REASON_CONNECT_FAILED);
    CU_ASSERT_EQUAL(fake.found.resolution, OTR_RESOLUTION_NOT_REFUNDED);
    otr_close(o, 1000);
}

/* No memory for the call itself: that is known too. */
static void a_call_that_cannot_start_is_not_sent(void) {
    struct otr_fault f;
    fake_reset();
    fake.start_fails = true;
    struct otr *o = open_core(false);
    CU_ASSERT_EQUAL(refund(o, &f), OTR_OK);
    CU_ASSERT(fake_wait_finished(1));
    CU_ASSERT_EQUAL(fake.found.outcome, OTR_OUTCOME_NOT_SENT);
    CU_ASSERT_EQUAL(fake.found.reason, OTR_REASON_OVERLOADED);
    CU_ASSERT_EQUAL(fake.found.resolution, OTR_RESOLUTION_NOT_REFUNDED);
    CU_ASSERT_STRING_EQUAL(fake.trace, "begin finish");
    otr_close(o, 1000);
}

static void a_wrong_otp_settles(void) {
    struct otr_fault f;
    fake_reset();
    answers(WRONG_OTP);
    struct otr *o = open_core(false);
    CU_ASSERT_EQUAL(refund(o, &f), OTR_OK);
    CU_ASSERT(fake_wait_finished(1));
    CU_ASSERT_EQUAL(fake.found.outcome, OTR_OUTCOME_REJECTED);
    CU_ASSERT_EQUAL(fake.found.reason, OTR_REASON_WRONG_OTP);
    CU_ASSERT_EQUAL(fake.found.resolution, OTR_RESOLUTION_NOT_REFUNDED);
    otr_close(o, 1000);
}

static void another_amount_proves_nothing(void) {
    struct otr_fault f;
    fake_reset();
    answers(REFUNDED);
    fake.begun.known_amount = 50000;
    struct otr *o = open_core(false);
    CU_ASSERT_EQUAL(refund(o, &f), OTR_OK);
    CU_ASSERT(fake_wait_finished(1));
    CU_ASSERT_EQUAL(fake.found.outcome, OTR_OUTCOME_UNKNOWN);
    CU_ASSERT_EQUAL(fake.found.reason, OTR_REASON_OTHER_AMOUNT);
    CU_ASSERT_EQUAL(fake.found.resolution, OTR_RESOLUTION_NONE);
    otr_close(o, 1000);
}

static void the_amount_that_is_known_proves(void) {
    struct otr_fault f;
    fake_reset();
    answers(REFUNDED);
    fake.begun.known_amount = 49900;
    struct otr *o = open_core(false);
    CU_ASSERT_EQUAL(refund(o, &f), OTR_OK);
    CU_ASSERT(fake_wait_finished(1));
    CU_ASSERT_EQUAL(fake.found.outcome, OTR_OUTCOME_REFUNDED);
    otr_close(o, 1000);
}

/* The journal is told which one: it records a contradiction (promise 5). */
static void another_tid_is_handed_on(void) {
    struct otr_fault f;
    int64_t id;
    for (int k = 0; k < 2; k++) {
        fake_reset();
        answers("{\"status\":0,\"response_status_id\":0,\"data\":{\"tid\":\"777\","
                "\"tx_status\":\"4\",\"amount\":\"499\",\"otp_ref_id\":\"\"}}");
        struct otr *o = open_core(false);
        CU_ASSERT_EQUAL(k ? refund(o, &f) : otr_send_otp(o, &ASHA, "12345600", "key-1", &id, &f),
                        OTR_OK);
        CU_ASSERT(fake_wait_finished(1));
        CU_ASSERT_EQUAL(fake.found.outcome, OTR_OUTCOME_UNKNOWN);
        CU_ASSERT_EQUAL(fake.found.reason, OTR_REASON_OTHER_TID);
        CU_ASSERT_EQUAL(fake.found.resolution, OTR_RESOLUTION_NONE);
        CU_ASSERT_EQUAL(fake.found.tx_status, OTR_NO_STATUS);
        CU_ASSERT_EQUAL(fake.found.amount, OTR_NO_AMOUNT);
        CU_ASSERT_STRING_EQUAL(fake.found_tid, "777");
        otr_close(o, 1000);
    }
}

/* Asked by the merchant's own reference, only an answer that names it says something. */
static void an_answer_names_the_reference_asked_for(void) {
    static const struct {
        const char *ref;
        enum otr_outcome outcome;
        enum otr_reason reason;
    } rows[] = {{"REF-1", OTR_OUTCOME_ANSWERED, OTR_REASON_NONE},
                {"REF-2", OTR_OUTCOME_UNKNOWN, OTR_REASON_OTHER_TID}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct otr_fault f;
        int64_t id;
        char body[256];
        fake_reset();
        snprintf(body, sizeof body,
                 "{\"status\":0,\"response_status_id\":0,\"data\":{\"tid\":\"12345600\","
                 "\"tx_status\":\"3\",\"client_ref_id\":\"%s\"}}",
                 rows[i].ref);
        answers(body);
        struct otr *o = open_core(false);
        CU_ASSERT_EQUAL(otr_inquire(o, &ASHA, NULL, "REF-1", &id, &f), OTR_OK);
        CU_ASSERT(fake_wait_finished(1));
        CU_ASSERT_STRING_EQUAL(fake.client_ref_id, "REF-1");
        CU_ASSERT_PTR_NOT_NULL(strstr(fake.url, "REF-1"));
        CU_ASSERT_EQUAL(fake.found.outcome, rows[i].outcome);
        CU_ASSERT_EQUAL(fake.found.reason, rows[i].reason);
        CU_ASSERT_STRING_EQUAL(fake.found_tid, i == 0 ? "12345600" : "");
        otr_close(o, 1000);
    }
}

/* Who has no retailer code of his own works under the merchant's. */
static void the_retailer_code_is_ones_own_or_the_merchants(void) {
    static const struct {
        const char *own, *used;
    } rows[] = {{"20110001", "20110001"}, {"", "20119999"}, {NULL, "20119999"}};
    struct otr_fault f;
    int64_t id;
    fake_reset();
    fake.begin_status = JOURNAL_SAME;
    struct otr *o = open_core(false);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct otr_who who = {.name = "asha", .user_code = rows[i].own};
        CU_ASSERT_EQUAL(otr_send_otp(o, &who, "12345600", "key", &id, &f), OTR_OK);
        CU_ASSERT_STRING_EQUAL(fake.user_code, rows[i].used);
    }
    otr_close(o, 1000);
}

/* What the bank's clock says, against ours. */
static void the_banks_clock_is_noticed(void) {
    struct otr_fault f;
    struct otr_numbers n;
    fake_reset();
    answers(REFUNDED);
    fake.answer.date = clock_now_ms() - 90000;
    struct otr *o = open_core(false);
    CU_ASSERT_EQUAL(refund(o, &f), OTR_OK);
    CU_ASSERT(fake_wait_finished(1));
    CU_ASSERT_EQUAL(otr_numbers_get(o, &n, &f), OTR_OK);
    CU_ASSERT(n.bank && n.bank_skew_ms < -80000 && n.bank_skew_ms > -120000);
    otr_close(o, 1000);
}

static void an_outcome_is_kept_until_the_database_takes_it(void) {
    struct otr_fault f;
    fake_reset();
    answers(REFUNDED);
    fake.finish_fails = 3;
    struct otr *o = open_core(false);
    CU_ASSERT_EQUAL(refund(o, &f), OTR_OK);
    otr_close(o, 10000); /* an orderly stop waits for it */
    CU_ASSERT_STRING_EQUAL(fake.trace, "begin start down down down finish");
}

/* Whatever kind of trouble it is, and however long the waits have grown. */
static void any_trouble_with_the_database_is_outlasted(void) {
    static const struct {
        enum journal_status trouble;
        int times;
    } rows[] = {{JOURNAL_DOWN, 6}, {JOURNAL_UNSURE, 1}, {JOURNAL_NO_MEMORY, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct otr_fault f;
        fake_reset();
        answers(REFUNDED);
        fake.finish_fails = rows[i].times;
        fake.finish_trouble = rows[i].trouble;
        struct otr *o = open_core(false);
        CU_ASSERT_EQUAL(refund(o, &f), OTR_OK);
        otr_close(o, 20000);
        CU_ASSERT_EQUAL(fake.finished, 1);
        CU_ASSERT_EQUAL(fake.found.outcome, OTR_OUTCOME_REFUNDED);
    }
}

/* More than there are finishers, and each of those waits for the database: none is forgotten. */
static void more_outcomes_than_finishers_are_outlasted(void) {
    enum { OUTCOMES = 150 };
    struct otr_fault f;
    int64_t id;
    fake_reset();
    answers(REFUNDED);
    fake.number = true;
    fake.finish_fails = 1000000;
    struct otr *o = open_core(false);
    for (int i = 0; i < OUTCOMES; i++)
        CU_ASSERT_EQUAL(otr_refund(o, &ASHA, "12345600", "012345", 6, true, "key", &id, &f),
                        OTR_OK);
    usleep(300000);
    CU_ASSERT_EQUAL(flights_unfinished(o->flights), OUTCOMES);
    CU_ASSERT_EQUAL(fake.finished, 0);
    fake_finish_fails(0); /* the database is back */
    CU_ASSERT(fake_wait_finished(OUTCOMES));
    otr_close(o, 10000);
    CU_ASSERT_EQUAL(fake.finished, OUTCOMES);
}

/* The time an outcome is kept runs from when the answer arrived, not from when a finisher took it. */
static void an_outcome_that_waited_too_long_is_offered_once(void) {
    fake_reset();
    fake.finish_fails = 1000000;
    struct otr *o = open_core(false);
    struct flight late = {.home = o->flights,
                          .attempt_id = 7,
                          .kind = OTR_KIND_REFUND,
                          .tid = "12345600",
                          .known_amount = OTR_NO_AMOUNT,
                          .result = {.fate = HTTP_MAYBE_SENT, .reason = OTR_REASON_NO_ANSWER},
                          .landed_ms = clock_monotonic_ms() - 600001};
    refund_finish(o, (struct flight *const[]){&late}, 1);
    CU_ASSERT_EQUAL(fake.finish_fails, 999999);
    otr_close(o, 0);
}

static void *finish_six(void *arg) {
    struct flight flights[6], *all[6];
    for (int i = 0; i < 6; i++) {
        flights[i] = (struct flight){.home = ((struct otr *)arg)->flights,
                                     .attempt_id = i + 1,
                                     .kind = OTR_KIND_REFUND,
                                     .tid = "12345600",
                                     .known_amount = OTR_NO_AMOUNT,
                                     .result = {.fate = HTTP_MAYBE_SENT,
                                                .reason = OTR_REASON_NO_ANSWER},
                                     .landed_ms = clock_monotonic_ms()};
        all[i] = &flights[i];
    }
    refund_finish(arg, all, 6);
    return NULL;
}

/* Three rows that somebody keeps locked, and all three in front: the others are written. */
static void what_is_held_keeps_nothing_back(void) {
    pthread_t thread;
    fake_reset();
    fake.held = 3;
    struct otr *o = open_core(false);
    pthread_create(&thread, NULL, finish_six, o);
    CU_ASSERT(fake_wait_finished(3));
    fake_hold(0);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(fake.finished, 6);
    otr_close(o, 0);
}

/* An orderly stop has an end: then the resolver of another start finds out. */
static void a_stop_gives_up_after_its_grace(void) {
    struct otr_fault f;
    fake_reset();
    answers(REFUNDED);
    fake.finish_fails = 1000000;
    struct otr *o = open_core(false);
    CU_ASSERT_EQUAL(refund(o, &f), OTR_OK);
    otr_close(o, 200);
    CU_ASSERT_EQUAL(fake.finished, 0);
    CU_ASSERT(fake.finish_fails < 1000000);
}

static void nothing_begins_while_stopping(void) {
    struct otr_fault f;
    int64_t id;
    fake_reset();
    struct otr *o = open_core(false);
    atomic_store(&o->stopping, true);
    CU_ASSERT_EQUAL(refund(o, &f), OTR_STOPPING);
    CU_ASSERT_EQUAL(otr_send_otp(o, &ASHA, "12345600", "key", &id, &f), OTR_STOPPING);
    CU_ASSERT_EQUAL(otr_inquire(o, &ASHA, "12345600", NULL, &id, &f), OTR_STOPPING);
    CU_ASSERT_STRING_EQUAL(fake.trace, "");
    otr_close(o, 1000);
}

static void a_stop_ends_what_is_in_flight_as_unknown(void) {
    struct otr_fault f;
    fake_reset();
    fake.answer_never = true;
    struct otr *o = open_core(false);
    CU_ASSERT_EQUAL(refund(o, &f), OTR_OK);
    struct otr_attempt a;
    CU_ASSERT_EQUAL(otr_wait(o, 7, 20, false, &a, &f), OTR_OK);
    CU_ASSERT_EQUAL(a.outcome, OTR_OUTCOME_NONE);
    otr_close(o, 1000);
    CU_ASSERT_STRING_EQUAL(fake.trace, "begin start finish");
    CU_ASSERT_EQUAL(fake.found.outcome, OTR_OUTCOME_UNKNOWN);
}

static void the_resolver_asks_about_what_is_due(void) {
    fake_reset();
    answers("{\"status\":0,\"response_status_id\":0,\"message\":\"Success!tx.inquiry.success\","
            "\"data\":{\"tid\":\"12345600\",\"tx_status\":\"4\",\"amount\":\"1045.0\"}}");
    fake.due[0] = (struct journal_due){.attempt_id = 3, .tid = "12345600", .user_code = "20110001"};
    fake.due_count = 1;
    fake.begun.attempt_id = 8;
    fake.begun.open_attempt_id = 3;
    fake.begun.open_age_ms = 700000;
    struct otr *o = open_core(true);
    CU_ASSERT(fake_wait_finished(1));
    CU_ASSERT_STRING_EQUAL(fake.trace, "begin start finish");
    CU_ASSERT_EQUAL(fake.intent.kind, OTR_KIND_INQUIRY);
    CU_ASSERT_EQUAL(fake.intent.about_attempt_id, 3);
    CU_ASSERT_FALSE(fake.post);
    CU_ASSERT_EQUAL(fake.found.attempt_id, 8);
    CU_ASSERT_EQUAL(fake.found.settles_attempt_id, 3);
    CU_ASSERT_EQUAL(fake.found.resolution, OTR_RESOLUTION_REFUNDED);
    CU_ASSERT_EQUAL(fake.found.how, OTR_HOW_INQUIRY);
    CU_ASSERT_STRING_EQUAL(fake.found_tid, "12345600");
    CU_ASSERT_EQUAL(fake.found.amount, 104500);
    otr_close(o, 1000);
}

/* What other nodes do is heard: the resolver looks at once, long before it would by itself. */
static void the_resolver_heeds_other_nodes(void) {
    static const enum journal_event events[] = {JOURNAL_EVENT_WAKE, JOURNAL_EVENT_UP,
                                                JOURNAL_EVENT_LOST};
    for (int k = 0; k < 3; k++) {
        fake_reset();
        answers("{\"status\":0,\"response_status_id\":0,\"message\":\"ok\","
                "\"data\":{\"tid\":\"12345600\",\"tx_status\":\"4\"}}");
        fake.begun.open_attempt_id = 3;
        struct otr *o = open_core(true);
        CU_ASSERT(fake_wait_claims(1)); /* it found nothing due, and sleeps */
        fake_due_and_say("12345600", events[k]);
        CU_ASSERT(fake_wait_finished(1));
        CU_ASSERT_EQUAL(atomic_load(&o->listening), events[k] == JOURNAL_EVENT_UP);
        otr_close(o, 1000);
    }
}

/* A claim that fails for good is not silent. */
static void the_resolver_tells_what_fails(void) {
    struct otr_numbers n;
    struct otr_fault f;
    fake_reset();
    fake.claim_status = JOURNAL_DOWN;
    struct otr *o = open_core(true);
    CU_ASSERT(fake_wait_claims(2)); /* the first failure is counted by now */
    CU_ASSERT_EQUAL(otr_numbers_get(o, &n, &f), OTR_OK);
    CU_ASSERT(n.resolver && n.resolver_errors >= 1 && n.resolver_failing);
    CU_ASSERT_STRING_EQUAL(n.resolver_error, "42883 no such function");
    CU_ASSERT(n.resolver_error_at > 0);
    otr_close(o, 1000);
    fake_reset();
    o = open_core(false);
    CU_ASSERT_EQUAL(otr_numbers_get(o, &n, &f), OTR_OK);
    CU_ASSERT(!n.resolver && n.resolver_errors == 0 && !n.resolver_failing);
    CU_ASSERT_STRING_EQUAL(n.resolver_error, "");
    otr_close(o, 1000);
}

static void malformed_values_reach_nobody(void) {
    static char long_key[OTR_KEY_SIZE + 1];
    static const struct {
        const char *tid, *otp, *key;
    } rows[] = {
        {"", "1234", "k"},
        {"12a", "1234", "k"},
        {"1234567890123456789", "1234", "k"},
        {"012345600", "1234", "k"},
        {"12345600", "123", "k"},
        {"12345600", "123456789", "k"},
        {"12345600", "12 34", "k"},
        {"12345600", "1234", ""},
        {"12345600", "1234", "a b"},
        {"12345600", "1234", "a\x7f"},
        {"12345600", "1234", NULL},
        {"12345600", "1234", long_key},
    };
    int64_t id;
    memset(long_key, 'k', OTR_KEY_SIZE);
    struct otr_fault f;
    fake_reset();
    struct otr *o = open_core(false);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CU_ASSERT_EQUAL(otr_refund(o, &ASHA, rows[i].tid, rows[i].otp, strlen(rows[i].otp), true,
                                   rows[i].key, &id, &f),
                        OTR_INVALID);
        CU_ASSERT(f.detail[0] != '\0');
    }
    CU_ASSERT_EQUAL(otr_send_otp(o, &ASHA, "12a", "k", &id, &f), OTR_INVALID);
    CU_ASSERT_EQUAL(otr_inquire(o, &ASHA, "12a", NULL, &id, &f), OTR_INVALID);
    CU_ASSERT_EQUAL(otr_inquire(o, &ASHA, NULL, "no spaces", &id, &f), OTR_INVALID);
    CU_ASSERT_STRING_EQUAL(fake.trace, "");
    otr_close(o, 1000);
}

static void rupees_are_exact(void) {
    char out[24];
    CU_ASSERT_STRING_EQUAL(otr_rupees(505000, out, sizeof out), "5050.00");
    CU_ASSERT_STRING_EQUAL(otr_rupees(7, out, sizeof out), "0.07");
    CU_ASSERT_STRING_EQUAL(otr_rupees(-7, out, sizeof out), "-0.07");
    CU_ASSERT_STRING_EQUAL(otr_rupees(OTR_NO_AMOUNT, out, sizeof out), "");
}

int main(void) {
    CU_pSuite s = suite_begin("refund", fake_key_make, fake_key_remove);
    CU_ADD_TEST(s, nothing_is_sent_without_a_committed_intent);
    CU_ADD_TEST(s, the_order_is_intent_call_outcome);
    CU_ADD_TEST(s, the_time_to_send_runs_from_the_intent);
    CU_ADD_TEST(s, a_repeated_key_sends_nothing);
    CU_ADD_TEST(s, the_keyed_hash_covers_kind_tid_and_otp);
    CU_ADD_TEST(s, what_is_not_proven_stays_open);
    CU_ADD_TEST(s, what_ended_far_too_late_is_asked_about);
    CU_ADD_TEST(s, a_stop_outlives_a_late_question);
    CU_ADD_TEST(s, what_never_left_is_not_refunded);
    CU_ADD_TEST(s, a_call_that_cannot_start_is_not_sent);
    CU_ADD_TEST(s, a_wrong_otp_settles);
    CU_ADD_TEST(s, another_amount_proves_nothing);
    CU_ADD_TEST(s, the_amount_that_is_known_proves);
    CU_ADD_TEST(s, another_tid_is_handed_on);
    CU_ADD_TEST(s, an_answer_names_the_reference_asked_for);
    CU_ADD_TEST(s, the_retailer_code_is_ones_own_or_the_merchants);
    CU_ADD_TEST(s, the_banks_clock_is_noticed);
    CU_ADD_TEST(s, an_outcome_is_kept_until_the_database_takes_it);
    CU_ADD_TEST(s, any_trouble_with_the_database_is_outlasted);
    CU_ADD_TEST(s, more_outcomes_than_finishers_are_outlasted);
    CU_ADD_TEST(s, an_outcome_that_waited_too_long_is_offered_once);
    CU_ADD_TEST(s, what_is_held_keeps_nothing_back);
    CU_ADD_TEST(s, a_stop_gives_up_after_its_grace);
    CU_ADD_TEST(s, nothing_begins_while_stopping);
    CU_ADD_TEST(s, a_stop_ends_what_is_in_flight_as_unknown);
    CU_ADD_TEST(s, the_resolver_asks_about_what_is_due);
    CU_ADD_TEST(s, the_resolver_heeds_other_nodes);
    CU_ADD_TEST(s, the_resolver_tells_what_fails);
    CU_ADD_TEST(s, malformed_values_reach_nobody);
    CU_ADD_TEST(s, rupees_are_exact);
    return suite_run();
}
