/*
 * bankdown.c - run mode --bank-down: the program is pointed at a closed port (DEMO_BANK_URL).
 * Nothing can be sent, and that is certain: it is said, recorded, and may be tried again.
 */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/it.h"

static void page_still_opens(void) {
    char path[64];
    const char *tid = new_tid(60);
    struct reply r = {0};
    snprintf(path, sizeof path, "/refunds/%s", tid);
    client_get(&it.desk, path, &r);
    expect_status(path, &r, 200);
    expect_says(path, &r, tid);
    expect_number(path, "inquiries recorded as not_sent", attempts_of(tid, "inquiry"),
                  db_number("select count(*) from otprefund.attempt_status where tid::text = $1"
                            " and outcome::text = 'not_sent' and reason::text = 'connect_failed'",
                            tid, NULL));
    expect(attempts_of(tid, "inquiry") > 0, "%s: no inquiry in the journal", tid);
    snprintf(path, sizeof path, "/api/v1/transactions/%s", tid);
    api_call(path, NULL, NULL, NULL, &r);
    expect_status(path, &r, 503);
    expect_says(path, &r, "could not be reached");
    reply_free(&r);
}

static long ask(const char *tid, const char *what, const char *body) {
    char path[96], key[33], id[32];
    struct reply r = {0};
    snprintf(path, sizeof path, "/api/v1/transactions/%s/%s", tid, what);
    api_call(path, body, fresh_key(key), "Prefer: wait=10", &r);
    expect_status(path, &r, 200);
    long n = strtol(json_field(&r, "attempt_id", id, sizeof id), NULL, 10);
    reply_free(&r);
    return n;
}

static void nothing_is_sent(void) {
    const char *tid = new_tid(62);
    char otp[9], body[64], path[64];
    struct reply r = {0};
    struct row w = wait_outcome(ask(tid, "otp", "{}"), 20);
    expect_text(tid, "otp outcome", "not_sent", w.outcome);
    expect_text(tid, "otp reason", "connect_failed", w.reason);
    snprintf(body, sizeof body, "{\"otp\":\"%s\"}", wrong_otp(otp));
    long id = ask(tid, "refunds", body);
    w = wait_settled(id, 20);
    expect_text(tid, "refund outcome", "not_sent", w.outcome);
    expect_text(tid, "refund reason", "connect_failed", w.reason);
    expect_text(tid, "resolution", "not_refunded", w.resolution);
    expect_text(tid, "resolved by", "answer", w.resolved_by);
    snprintf(path, sizeof path, "/attempts/%ld", id);
    client_get(&it.supervisor, path, &r);
    expect_status(path, &r, 200);
    expect_says(path, &r, "again");
    long second =
        ask(tid, "refunds", body); /* not sent is certain: at once again, as a new attempt */
    expect(second > 0 && second != id, "%s: a second attempt: %ld after %ld", tid, second, id);
    reply_free(&r);
}

static void still_serving(void) {
    struct reply r = {0};
    client_get(&it.nobody, "/readyz", &r);
    expect(r.status == 200 || r.status == 503, "/readyz: %d", r.status);
    expect_says("/readyz", &r, "bank");
    expect_alive("a bank that is not there");
    expect_logged(" bank ", "detail=connect_failed");
    reply_free(&r);
}

void suite_bank_down(void) {
    CU_pSuite s = CU_add_suite("bank-down", NULL, NULL);
    CU_add_test(s, "a transaction's page opens all the same", page_still_opens);
    CU_add_test(s, "not_sent, and again at once", nothing_is_sent);
    CU_add_test(s, "the program still serves", still_serving);
}
