/* callback.c - the bank's callback is not signed: it may wake an inquiry, and settles nothing. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "tests/integration/it.h"

static int call_back(const char *secret, const char *tid, int tx_status) {
    char path[700], body[256];
    struct reply r = {0};
    snprintf(path, sizeof path, "/callback/eko/%s", secret);
    snprintf(body, sizeof body,
             "{\"tx_status\":%d,\"amount\":900.0,\"txstatus_desc\":\"x\",\"tid\":%s,\"client_ref_"
             "id\":\"REF%s\"}",
             tx_status, tid, tid);
    const struct ask a = {
        .method = "POST", .path = path, .body = body, .content_type = "application/json"};
    client_ask(&it.nobody, &a, &r);
    int status = r.status;
    reply_free(&r);
    return status;
}

static const char *secret(void) {
    keys_load();
    const char *text = key_named("secret_file");
    expect(text != NULL, "no [callback] secret_file in the settings under DEMO_DIR");
    return text ? text : "unknown-secret";
}

static void wrong_secret(void) {
    int status = call_back("0000000000000000", new_tid(64), 4);
    expect(status == 403 || status == 404,
           "a callback with a wrong secret: expected 403 or 404, got %d", status);
}

/* The lie: "refunded", and later "refund pending", about an attempt the bank never executed. */
static void lies_settle_nothing(void) {
    const char *tid = new_tid(87);
    char otp[16];
    struct reply r = {0};
    if (!texted_otp(&it.desk, tid, otp, sizeof otp))
        return;
    long id = submit_otp(&it.desk, tid, otp, &r);
    expect_number(tid, "HTTP status of a callback", 200, call_back(secret(), tid, 4));
    nap_ms(500);
    struct row w = row_of(id);
    expect(strcmp(w.resolution, "refunded") != 0, "%s: a callback settled the attempt as refunded",
           tid);
    expect_number(tid, "HTTP status of a callback", 200, call_back(secret(), tid, 3));
    w = wait_settled(id, 40);
    expect_text(tid, "resolution", "not_refunded", w.resolution);
    expect_text(tid, "resolved by", "inquiry", w.resolved_by);
    reply_free(&r);
}

static void about_nothing(void) {
    const char *tid = new_tid(66);
    int status = call_back(secret(), tid, 4);
    expect(status == 200 || status == 404, "a callback about nothing of ours: got %d", status);
    expect_number(
        tid, "attempts made by a callback", 0,
        db_number("select count(*) from otprefund.attempt where tid::text = $1", tid, NULL));
    status = call_back(secret(), "\"x\"", 4);
    expect(status == 200 || status == 400, "a callback with an odd TID: got %d", status);
    expect_alive("odd callbacks");
}

void suite_callback(void) {
    CU_pSuite s = CU_add_suite("callback", NULL, NULL);
    CU_add_test(s, "a wrong secret", wrong_secret);
    CU_add_test(s, "lies settle nothing", lies_settle_nothing);
    CU_add_test(s, "about nothing of ours", about_nothing);
}
