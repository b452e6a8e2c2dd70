/* callback.c - the bank's callback is not signed: it may wake an inquiry, and settles nothing. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/integration/it.h"

static int send_body(const char *secret, const char *body) {
    char path[700];
    struct reply r = {0};
    snprintf(path, sizeof path, "/callback/eko/%s", secret);
    const struct ask a = {
        .method = "POST", .path = path, .body = body, .content_type = "application/json"};
    client_ask(&it.nobody, &a, &r);
    int status = r.status;
    reply_free(&r);
    return status;
}

static int call_back(const char *secret, const char *tid, int tx_status) {
    char body[256];
    snprintf(body, sizeof body,
             "{\"tx_status\":%d,\"amount\":900.0,\"txstatus_desc\":\"x\",\"tid\":%s,\"client_ref_"
             "id\":\"REF%s\"}",
             tx_status, tid, tid);
    return send_body(secret, body);
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

/* It is answered before the database has it: so many rows there are soon. */
static long long soon(long long n, const char *sql, const char *arg) {
    long long got = db_number(sql, arg, NULL);
    for (int i = 0; i < 200 && got < n; i++) {
        nanosleep(&(struct timespec){0, 50000000}, NULL);
        got = db_number(sql, arg, NULL);
    }
    return got;
}

/* Each callback is kept as it was sent, and nothing else in the journal moves. */
static void kept_as_evidence(void) {
    static const char *const counted =
        "select (select count(*) from otprefund.attempt) + (select count(*) from otprefund.outcome)"
        " + (select count(*) from otprefund.resolution)"
        " + (select count(*) from otprefund.contradiction) where $1 = ''";
    static const char *const of_tid = "select count(*) from otprefund.callback where tid = $1";
    static const char *const newest =
        "select body from otprefund.callback where tid = $1 order by callback_id desc limit 1";
    const char *tid = new_tid(65);
    char got[9000], body[256];
    long long before = db_number(counted, "", NULL);
    snprintf(body, sizeof body, "{\"tid\":\"%s\",\"tx_status\":4,\"note\":\"\xe2\x82\xb9\"}", tid);
    expect_number(tid, "HTTP status of a callback", 200, send_body(secret(), body));
    expect_number(tid, "rows of the callback", 1, soon(1, of_tid, tid));
    expect_text(tid, "text of the callback", body, db_text(got, sizeof got, newest, tid, NULL));
    expect_text(tid, "address of the callback", "127.0.0.1",
                db_text(got, sizeof got, "select address from otprefund.callback where tid = $1",
                        tid, NULL));
    expect_number(tid, "rows elsewhere in the journal", before, db_number(counted, "", NULL));
}

/* What names no transaction is evidence too, and what is long is cut. */
static void kept_unread(void) {
    static const char *const unread =
        "select count(*) from otprefund.callback where tid is null and body = $1";
    static const char odd[] = "not JSON at all: \xff", as_kept[] = "not JSON at all: \xef\xbf\xbd";
    char long_body[20001];
    const char *tid = new_tid(64);
    long long before = db_number(unread, as_kept, NULL);
    expect_number("a callback that is no JSON", "HTTP status", 200, send_body(secret(), odd));
    expect_number("a callback that is no JSON", "rows", before + 1,
                  soon(before + 1, unread, as_kept));
    int n = snprintf(long_body, sizeof long_body, "{\"tid\":%s,\"note\":\"", tid);
    memset(long_body + n, 'x', sizeof long_body - (size_t)n);
    snprintf(long_body + sizeof long_body - 3, 3, "%s", "\"}");
    expect_number("a long callback", "HTTP status", 200, send_body(secret(), long_body));
    soon(1, "select count(*) from otprefund.callback where tid = $1", tid);
    expect_number(
        tid, "bytes kept", 8192,
        db_number("select octet_length(body) from otprefund.callback where tid = $1", tid, NULL));
    expect_number(tid, "bytes sent", (long long)strlen(long_body),
                  db_number("select body_bytes from otprefund.callback where tid = $1", tid, NULL));
}

/* A wrong secret keeps nothing: anybody could fill the table. */
static void not_kept(void) {
    const char *tid = new_tid(63);
    call_back("0000000000000000", tid, 4);
    expect_number(tid, "callbacks kept", 0,
                  db_number("select count(*) from otprefund.callback where tid = $1", tid, NULL));
}

void suite_callback(void) {
    CU_pSuite s = CU_add_suite("callback", NULL, NULL);
    CU_add_test(s, "a wrong secret", wrong_secret);
    CU_add_test(s, "lies settle nothing", lies_settle_nothing);
    CU_add_test(s, "about nothing of ours", about_nothing);
    CU_add_test(s, "kept as evidence", kept_as_evidence);
    CU_add_test(s, "kept where nothing can be read from it", kept_unread);
    CU_add_test(s, "not kept with a wrong secret", not_kept);
}
