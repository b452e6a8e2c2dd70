/* idempotency.c - double clicks, reloads, back, a second operator: one attempt, one call. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/it.h"

static void expect_initiates(const char *tid, int n) {
    expect_number(tid, "initiate_calls in the book", n, book_of(tid).initiate_calls);
}

/* A filled-in refund form for a transaction whose customer has the OTP. */
static bool ready_form(const char *tid, struct form *f) {
    char otp[16];
    return texted_otp(&it.desk, tid, otp, sizeof otp) && refund_form(&it.desk, tid, otp, f);
}

static void same_form_twice(void) {
    const char *tid = new_tid(10);
    struct form f;
    struct reply r = {0};
    if (!ready_form(tid, &f))
        return;
    form_post(&it.desk, &f, &r);
    long first = reply_attempt_id(&r);
    expect_status(tid, &r, 303);
    form_post(&it.desk, &f, &r);
    expect_status(tid, &r, 303);
    expect_number(tid, "attempt of the second post", first, reply_attempt_id(&r));
    wait_settled(first, 20);
    form_post(&it.desk, &f, &r); /* once more, when all is settled: a reload the day after */
    expect_status(tid, &r, 303);
    expect_number(tid, "attempt of the third post", first, reply_attempt_id(&r));
    expect_initiates(tid, 1);
    expect_number(tid, "refund attempts", 1, attempts_of(tid, "refund"));
    reply_free(&r);
}

static void double_click(int last) {
    const char *tid = new_tid(last);
    struct form f;
    struct reply r[4] = {{0}};
    if (!ready_form(tid, &f))
        return;
    char *body = form_body(&f);
    const struct ask a = {.method = "POST",
                          .path = f.action,
                          .body = body,
                          .content_type = "application/x-www-form-urlencoded"};
    client_ask_at_once(&it.desk, &a, r, 4);
    long first = reply_attempt_id(&r[0]);
    for (int i = 0; i < 4; i++) {
        expect_status(tid, &r[i], 303);
        expect_number(tid, "attempt of each click", first, reply_attempt_id(&r[i]));
        reply_free(&r[i]);
    }
    wait_settled(first, 40);
    expect_initiates(tid, 1);
    expect_number(tid, "refund attempts", 1, attempts_of(tid, "refund"));
    free(body);
}

static void four_clicks_at_once(void) {
    double_click(11);
}

static void four_clicks_without_answer(void) {
    double_click(82);
}

static void otp_form_twice(void) {
    const char *tid = new_tid(12);
    char action[64];
    struct form f;
    struct reply r = {0};
    snprintf(action, sizeof action, "/refunds/%s/otp", tid);
    bool there = open_transaction(&it.desk, tid, &r) && form_find(&r, action, &f);
    expect(there, "%s: no form to send the OTP", tid);
    if (there) {
        form_post(&it.desk, &f, &r);
        long first = reply_attempt_id(&r);
        form_post(&it.desk, &f, &r);
        expect_status(tid, &r, 303);
        expect_number(tid, "attempt of the second post", first, reply_attempt_id(&r));
        wait_outcome(first, 20);
        expect_number(tid, "otp_calls in the book", 1, book_of(tid).otp_calls);
    }
    reply_free(&r);
}

static void same_key_other_otp(void) {
    const char *tid = new_tid(13);
    char otp[9];
    struct form f;
    struct reply r = {0};
    if (!ready_form(tid, &f))
        return;
    form_post(&it.desk, &f, &r);
    expect_status(tid, &r, 303);
    form_set(&f, "otp", wrong_otp(otp));
    form_post(&it.desk, &f, &r);
    expect_status("same key, other OTP", &r, 422);
    expect_initiates(tid, 1);
    expect_number(tid, "refund attempts", 1, attempts_of(tid, "refund"));
    reply_free(&r);
}

/* While an attempt is open nobody may start another, whoever they are and whatever the key. */
static void second_operator(void) {
    const char *tid = new_tid(87);
    char key[33], link[64];
    struct form f;
    struct reply r = {0};
    if (!ready_form(tid, &f))
        return;
    struct form other = f;
    form_post(&it.desk, &f, &r);
    long first = reply_attempt_id(&r);
    expect_status(tid, &r, 303);
    form_set(&other, "idempotency_key", fresh_key(key));
    form_post(&it.desk, &other, &r);
    expect_status("another attempt while one is open", &r, 409);
    snprintf(link, sizeof link, "/attempts/%ld", first);
    expect_says("the 409 page", &r, link);
    char path[64], otp[9];
    snprintf(path, sizeof path, "/api/v1/transactions/%s/refunds", tid);
    char body[64];
    snprintf(body, sizeof body, "{\"otp\":\"%s\"}", wrong_otp(otp));
    api_call(path, body, fresh_key(key), NULL, &r);
    expect_status("the API while one is open", &r, 409);
    expect_initiates(tid, 1);
    struct row w = wait_settled(first, 40);
    expect_text(tid, "resolution", "not_refunded", w.resolution);
    expect_initiates(tid, 1);
    reply_free(&r);
}

static void reload_and_back(void) {
    const char *tid = new_tid(14);
    char path[64];
    struct form f;
    struct reply r = {0};
    if (!ready_form(tid, &f))
        return;
    form_post(&it.desk, &f, &r);
    long id = reply_attempt_id(&r);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "/attempts/%ld", id);
        client_get(&it.desk, path, &r);
        expect_status(path, &r, 200);
        snprintf(path, sizeof path, "/refunds/%s", tid);
        client_get(&it.desk, path, &r);
        expect_status(path, &r, 200);
    }
    snprintf(path, sizeof path, "/refunds/%s/refund", tid);
    expect(!form_find(&r, path, &f), "%s: the page of a refunded transaction offers another refund",
           tid);
    expect_initiates(tid, 1);
    expect_number(tid, "otp_calls in the book", 1, book_of(tid).otp_calls);
    reply_free(&r);
}

/* A second OTP within the cool-down: refused with a time, and the bank is not asked. */
static void cool_down(void) {
    const char *tid = new_tid(15);
    char action[64], key[33], header[64];
    struct form f;
    struct reply r = {0};
    snprintf(action, sizeof action, "/refunds/%s/otp", tid);
    bool there = open_transaction(&it.desk, tid, &r) && form_find(&r, action, &f);
    expect(there, "%s: no form to send the OTP", tid);
    if (there) {
        form_post(&it.desk, &f, &r);
        wait_outcome(reply_attempt_id(&r), 20);
        form_set(&f, "idempotency_key", fresh_key(key));
        form_post(&it.desk, &f, &r);
        expect_status("a second OTP at once", &r, 429);
        expect(*reply_header(&r, "Retry-After", header, sizeof header),
               "the 429 page has no Retry-After");
        expect_number(tid, "otp_calls in the book", 1, book_of(tid).otp_calls);
        expect_number(tid, "otp attempts", 1, attempts_of(tid, "otp"));
    }
    reply_free(&r);
}

/* Five wrong OTPs an hour; the sixth stays here. */
static void wrong_otps(void) {
    const char *tid = new_tid(16);
    char key[33], otp[16], never[9];
    struct form f;
    struct reply r = {0};
    if (!texted_otp(&it.desk, tid, otp, sizeof otp) || !refund_form(&it.desk, tid, otp, &f))
        return;
    for (int i = 0; i < 5; i++) {
        form_set(&f, "otp", wrong_otp(never));
        form_set(&f, "idempotency_key", fresh_key(key));
        form_post(&it.desk, &f, &r);
        expect_status(tid, &r, 303);
        expect_text(tid, "reason", "wrong_otp", wait_settled(reply_attempt_id(&r), 20).reason);
    }
    form_set(&f, "otp", otp);
    form_set(&f, "idempotency_key", fresh_key(key));
    form_post(&it.desk, &f, &r);
    expect_status("a sixth OTP after five wrong ones", &r, 429);
    expect_initiates(tid, 5);
    expect_logged(" limit ", tid);
    reply_free(&r);
}

void suite_idempotency(void) {
    CU_pSuite s = CU_add_suite("idempotency", NULL, NULL);
    CU_add_test(s, "the same form posted twice is one attempt", same_form_twice);
    CU_add_test(s, "four clicks at once are one attempt", four_clicks_at_once);
    CU_add_test(s, "four clicks while the bank is silent are one attempt",
                four_clicks_without_answer);
    CU_add_test(s, "the OTP form posted twice is one SMS", otp_form_twice);
    CU_add_test(s, "the same key with another OTP is refused", same_key_other_otp);
    CU_add_test(s, "nobody starts a second attempt while one is open", second_operator);
    CU_add_test(s, "reload and back change nothing", reload_and_back);
    CU_add_test(s, "a second OTP waits for the cool-down", cool_down);
    CU_add_test(s, "after five wrong OTPs no more go to the bank", wrong_otps);
}
