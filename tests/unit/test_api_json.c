/* test_api_json.c - JSON: bodies are read strictly, records come out as the contract says. */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/api.h"
#include "fcgi/api_json.h"
#include "tests/unit/suite.h"

static char otp[API_OTP_SIZE];

/* In a block of its own size, so that a byte too far is found by the sanitizer. */
static const char *read_bytes(const char *body, size_t size, bool with_otp) {
    char *copy = malloc(size + 1);
    if (!copy)
        return "no memory";
    memcpy(copy, body, size);
    copy[size] = '\0';
    const char *why = api_read_body(copy, size, with_otp ? otp : NULL);
    free(copy);
    return why;
}

static const char *read_body(const char *body, bool with_otp) {
    return read_bytes(body, strlen(body), with_otp);
}

static void test_bodies(void) {
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "null",
        "\"012345\"",
        "{\"otp\":12345}",
        "{\"otp\":null}",
        "{\"otp\":\"123\"}",
        "{\"otp\":\"123456789\"}",
        "{\"otp\":\" 12345\"}",
        "{\"otp\":\"12345\\u0000\"}",
        "{\"otp\":\"\xE0\xA5\xA7\xE0\xA5\xA8\"}",
        "{\"OTP\":\"012345\"}",
        "{\"otp\":\"012345\",\"otp\":\"012345\"}",
        "{\"otp\":\"012345\",\"a\":1}",
        "{\"otp\":\"012345\"} x",
        "{\"otp\":\"012345\"",
        "{\"otp\":\"012345\"}{}",
        "{\"otp\":\"012345\",}",
        "{\"otp\":\"0123\xff\"}",
        "{\"otp\":\"0123\\u00#045\"}", /* not 0123 */
        "{\"otp\":\"0123\\u",
        "{\"otp\":\"012345\"}\b", /* no blank of RFC 8259 */
        "\v{\"otp\":\"012345\"}",
    };
    CU_ASSERT_PTR_NULL(read_body(" {\"otp\" : \"012345\" }\r\n", true));
    CU_ASSERT_STRING_EQUAL(otp, "012345");
    CU_ASSERT_PTR_NULL(read_body("{\"\\u006ftp\":\"00000000\"}", true));
    CU_ASSERT_STRING_EQUAL(otp, "00000000");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (!read_body(bad[i], true))
            printf("\n  %s", bad[i]);
        CU_ASSERT_PTR_NOT_NULL(read_body(bad[i], true));
    }
    CU_ASSERT_PTR_NOT_NULL(read_bytes("{\"otp\":\"0123\0\"}", 15, true));
    CU_ASSERT_PTR_NULL(read_body("{}", false));
    CU_ASSERT_PTR_NOT_NULL(read_body("{\"otp\":\"012345\"}", false));
    CU_ASSERT_PTR_NOT_NULL(read_body("[]", false));
}

static void test_callback(void) {
    static const struct {
        const char *body, *tid;
    } cases[] = {
        {"{\"tx_status\":0,\"tid\":3211509412,\"amount\":900.0}", "3211509412"},
        {"{\"tid\":\"123\"}", "123"},
        {"{\"tid\":\"0123\"}", ""},
        {"{\"tid\":9007199254740991}", "9007199254740991"},
        {"{\"tid\":9007199254740993}", ""},
        {"{\"tid\":1.5}", ""},
        {"{\"tid\":-1}", ""},
        {"{\"tid\":0}", ""},
        {"{\"tid\":1e300}", ""},
        {"{\"tid\":\"12a\"}", ""},
        {"{\"tid\":[1]}", ""},
        {"{\"TID\":1}", ""},
        {"[{\"tid\":1}]", ""},
        {"", ""},
        {"{", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char tid[OTR_TID_SIZE];
        bool read = api_callback_tid(cases[i].body, strlen(cases[i].body), tid);
        CU_ASSERT_STRING_EQUAL(tid, cases[i].tid);
        CU_ASSERT_EQUAL(read, cases[i].tid[0] != '\0');
    }
}

static void test_attempt(void) {
    struct buf out;
    struct otr_attempt a = {.attempt_id = 7,
                            .tid = "12345600",
                            .kind = OTR_KIND_REFUND,
                            .operator_name = "asha",
                            .started_at = 1717299660123,
                            .message = "\"a\\b\"\n\x7f \xE2\x82\xB9",
                            .tx_status = OTR_NO_STATUS,
                            .amount = 505000,
                            .refunded_amount = OTR_NO_AMOUNT,
                            .inquiries = 2};
    buf_init(&out, 4096);
    api_json_attempts(&out, &a, 1, "/api/v1/attempts?after=7");
    CU_ASSERT_STRING_EQUAL(
        out.bytes,
        "{\"attempts\":[{\"attempt_id\":7,\"tid\":\"12345600\",\"kind\":\"refund\","
        "\"operator\":\"asha\",\"started_at\":\"2024-06-02T03:41:00.123Z\",\"finished_at\":null,"
        "\"outcome\":null,\"reason\":null,"
        "\"message\":\"\\\"a\\\\b\\\"\\u000a\\u007f \xE2\x82\xB9\",\"resolution\":null,"
        "\"resolved_at\":null,\"resolved_by\":null,\"tx_status\":null,\"refund_tid\":null,"
        "\"amount\":\"5050.00\",\"refunded_amount\":null,\"inquiries\":2}],"
        "\"next\":\"/api/v1/attempts?after=7\"}");
    buf_free(&out);
}

static void test_transaction_and_problem(void) {
    struct buf out;
    struct otr_transaction t = {
        .tid = "1", .amount = OTR_NO_AMOUNT, .tx_status = 3, .open_attempt_id = 9};
    buf_init(&out, 4096);
    api_json_transaction(&out, &t);
    CU_ASSERT_STRING_EQUAL(out.bytes,
                           "{\"tid\":\"1\",\"client_ref_id\":null,\"amount\":null,\"tx_status\":3,"
                           "\"status\":\"refund_pending\",\"customer\":null,\"recipient\":null,"
                           "\"transacted_at\":null,\"answered_at\":null,\"open_attempt_id\":9}");
    buf_free(&out);
    api_json_problem(&out, 404, "Not Found", "None.", "urn:x", 0);
    CU_ASSERT_STRING_EQUAL(out.bytes,
                           "{\"type\":\"about:blank\",\"title\":\"Not Found\","
                           "\"status\":404,\"detail\":\"None.\",\"instance\":\"urn:x\"}");
    buf_free(&out);
}

int main(void) {
    api_setup();
    CU_pSuite suite = suite_begin("api json", NULL, NULL);
    if (!suite || !CU_add_test(suite, "request bodies", test_bodies) ||
        !CU_add_test(suite, "callback", test_callback) ||
        !CU_add_test(suite, "attempts", test_attempt) ||
        !CU_add_test(suite, "transaction, problem", test_transaction_and_problem))
        return 2;
    return suite_run();
}
