/* test_api.c - core/api: the bytes of every call, v2 and v3, and what is refused. */
#include <CUnit/Basic.h>
#include <string.h>

#include "core/api.h"
#include "tests/unit/suite.h"

#define V3 "https://bank.example/ekoapi/v3"
#define V2 "https://bank.example/ekoapi/v2"

static const struct api_settings v3 = {
    .generation = API_V3, .base_url = V3, .initiator_id = "9000000001", .service_code = "80"};
static const struct api_settings v2 = {
    .generation = API_V2, .base_url = V2, .initiator_id = "9000000001"};
static struct secret otp;

static void expect(const struct api_settings *s, const struct api_call *c, const char *url,
                   const char *body) {
    struct api_request r;
    CU_ASSERT_FATAL(api_build(s, c, &r));
    CU_ASSERT_STRING_EQUAL(r.url, url);
    CU_ASSERT_EQUAL(r.post, body != NULL);
    CU_ASSERT_STRING_EQUAL(r.body, body ? body : "");
    CU_ASSERT_EQUAL(r.body_size, body ? strlen(body) : 0);
    if (body) {
        CU_ASSERT_STRING_EQUAL(r.content_type, s->generation == API_V3
                                                   ? "application/json"
                                                   : "application/x-www-form-urlencoded");
    } else {
        CU_ASSERT_PTR_NULL(r.content_type);
    }
    api_wipe(&r);
    CU_ASSERT_EQUAL(r.body[0], 0);
}

static void expect_refused(const struct api_settings *s, const struct api_call *c) {
    static const struct api_request empty;
    struct api_request r;
    memset(&r, 0x5a, sizeof r);
    CU_ASSERT_FALSE(api_build(s, c, &r));
    CU_ASSERT_EQUAL(memcmp(&r, &empty, sizeof r), 0);
}

static void set_otp(const char *text) {
    secret_set(&otp, text, strlen(text));
}

static struct api_call refund(void) {
    return (struct api_call){.kind = OTR_KIND_REFUND,
                             .tid = "13192443",
                             .user_code = "20310003",
                             .otp = &otp,
                             .otp_ref_id = "zCISyglexo0P="};
}

static void test_otp(void) {
    const struct api_call c = {.kind = OTR_KIND_OTP, .tid = "13192443", .user_code = "20310003"};
    expect(&v3, &c, V3 "/customer/payment/refund/13192443/otp",
           "{\"initiator_id\":\"9000000001\"}");
    expect(&v2, &c, V2 "/transactions/13192443/refund/otp", "initiator_id=9000000001");
}

static void test_refund(void) {
    struct api_call c = refund();
    set_otp("123456");
    expect(&v3, &c, V3 "/customer/payment/refund/13192443",
           "{\"initiator_id\":\"9000000001\",\"user_code\":\"20310003\",\"otp\":123456,"
           "\"state\":1,\"service_code\":80,\"otp_ref_id\":\"zCISyglexo0P=\"}");
    expect(&v2, &c, V2 "/transactions/13192443/refund",
           "initiator_id=9000000001&user_code=20310003&otp=123456&state=1");
    c.otp_ref_id = "";
    expect(&v3, &c, V3 "/customer/payment/refund/13192443",
           "{\"initiator_id\":\"9000000001\",\"user_code\":\"20310003\",\"otp\":123456,"
           "\"state\":1,\"service_code\":80}");
}

/* A JSON number would lose the zero: then it is text. */
static void test_leading_zero(void) {
    struct api_call c = refund();
    c.otp_ref_id = NULL;
    set_otp("012345");
    expect(&v3, &c, V3 "/customer/payment/refund/13192443",
           "{\"initiator_id\":\"9000000001\",\"user_code\":\"20310003\",\"otp\":\"012345\","
           "\"state\":1,\"service_code\":80}");
    expect(&v2, &c, V2 "/transactions/13192443/refund",
           "initiator_id=9000000001&user_code=20310003&otp=012345&state=1");
    set_otp("0000");
    expect(&v3, &c, V3 "/customer/payment/refund/13192443",
           "{\"initiator_id\":\"9000000001\",\"user_code\":\"20310003\",\"otp\":\"0000\","
           "\"state\":1,\"service_code\":80}");
}

static void test_inquiry(void) {
    struct api_call c = {.kind = OTR_KIND_INQUIRY, .tid = "13192443", .user_code = "A&b=1"};
    expect(&v3, &c,
           V3 "/tools/reference/transaction/13192443?initiator_id=9000000001&user_code=A%26b%3D1",
           NULL);
    expect(&v2, &c, V2 "/transactions/13192443?initiator_id=9000000001&user_code=A%26b%3D1", NULL);
    c.tid = "";
    c.client_ref_id = "Ref_20.a-b";
    expect(&v3, &c,
           V3 "/tools/reference/transaction/client_ref_id:Ref_20.a-b"
              "?initiator_id=9000000001&user_code=A%26b%3D1",
           NULL);
    c.tid = NULL;
    expect(&v2, &c,
           V2 "/transactions/client_ref_id:Ref_20.a-b?initiator_id=9000000001&user_code=A%26b%3D1",
           NULL);
}

static void test_escapes(void) {
    struct api_call c = refund();
    set_otp("1234");
    c.user_code = "a\"\\%+&=~";
    c.otp_ref_id = "\"}\x01\xe0\xa4\xb0";
    expect(&v3, &c, V3 "/customer/payment/refund/13192443",
           "{\"initiator_id\":\"9000000001\",\"user_code\":\"a\\\"\\\\%+&=~\",\"otp\":1234,"
           "\"state\":1,\"service_code\":80,\"otp_ref_id\":\"\\\"}\\u0001\xe0\xa4\xb0\"}");
    expect(&v2, &c, V2 "/transactions/13192443/refund",
           "initiator_id=9000000001&user_code=a%22%5C%25%2B%26%3D~&otp=1234&state=1");
}

static void test_refused(void) {
    struct api_call c = refund();
    struct api_settings s = v3;
    static const char *const tids[] = {"", NULL, "12a", "1234567890123456789", " 1", "1/2", "../1"};
    static const char *const codes[] = {
        "", NULL, "a b", "a\nb", "\xe0\xa4\xb0", "123456789012345678901234567890123"};
    static const char *const otps[] = {"", "123", "123456789", "12a4", "12 45"};
    set_otp("123456");
    for (size_t i = 0; i < sizeof tids / sizeof *tids; i++) {
        c.tid = tids[i];
        expect_refused(&v3, &c);
        expect_refused(&v2, &c);
    }
    c = refund();
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        c.user_code = codes[i];
        expect_refused(&v3, &c);
        c.kind = OTR_KIND_INQUIRY;
        expect_refused(&v2, &c);
        c.kind = OTR_KIND_REFUND;
    }
    c = refund();
    for (size_t i = 0; i < sizeof otps / sizeof *otps; i++) {
        set_otp(otps[i]);
        expect_refused(&v3, &c);
        expect_refused(&v2, &c);
    }
    set_otp("123456");
    c.otp = NULL;
    expect_refused(&v3, &c);
    c = refund();
    c.kind = OTR_KIND_NONE;
    expect_refused(&v3, &c);
    c = refund();
    s.initiator_id = "90000";
    expect_refused(&s, &c);
    s = v3;
    s.service_code = "08";
    expect_refused(&s, &c);
    s.service_code = "80,\"x\":1";
    expect_refused(&s, &c);
    s.service_code = NULL;
    expect_refused(&s, &c);
}

static void test_too_long(void) {
    struct api_call c = refund();
    struct api_settings s = v3;
    char base[API_URL_SIZE + 1], ref[API_BODY_SIZE];
    set_otp("123456");
    memset(base, 'b', sizeof base);
    base[sizeof base - 1] = '\0';
    s.base_url = base;
    expect_refused(&s, &c);
    memset(ref, 'r', sizeof ref);
    ref[sizeof ref - 1] = '\0';
    c.otp_ref_id = ref;
    expect_refused(&v3, &c);
}

static void test_valid(void) {
    CU_ASSERT(api_tid_valid("1"));
    CU_ASSERT(api_tid_valid("123456789012345678"));
    CU_ASSERT_FALSE(api_tid_valid("1234567890123456789"));
    CU_ASSERT_FALSE(api_tid_valid("02886600283")); /* 2886600283 is one transaction */
    CU_ASSERT_FALSE(api_tid_valid("0"));
    CU_ASSERT_FALSE(api_tid_valid(""));
    CU_ASSERT_FALSE(api_tid_valid(NULL));
    CU_ASSERT(api_ref_valid("abcDEF_0.9-123456789"));
    CU_ASSERT_FALSE(api_ref_valid("abcDEF_0.9-1234567890"));
    CU_ASSERT_FALSE(api_ref_valid("a/b"));
    CU_ASSERT_FALSE(api_ref_valid(""));
    CU_ASSERT_FALSE(api_ref_valid(NULL));
    CU_ASSERT(api_otp_valid("0000", 4));
    CU_ASSERT(api_otp_valid("12345678", 8));
    CU_ASSERT_FALSE(api_otp_valid("123", 3));
    CU_ASSERT_FALSE(api_otp_valid("123\0", 4));
    CU_ASSERT_FALSE(api_otp_valid("\xe0\xa5\xa7\xe0\xa5\xa8", 6)); /* Indian digits */
    CU_ASSERT_FALSE(api_otp_valid(NULL, 4));
}

int main(void) {
    CU_pSuite s = suite_begin("api", NULL, NULL);
    CU_add_test(s, "Get Refund OTP", test_otp);
    CU_add_test(s, "Initiate Refund", test_refund);
    CU_add_test(s, "OTP with a leading zero", test_leading_zero);
    CU_add_test(s, "Transaction Inquiry", test_inquiry);
    CU_add_test(s, "escapes", test_escapes);
    CU_add_test(s, "refused", test_refused);
    CU_add_test(s, "too long", test_too_long);
    CU_add_test(s, "what is valid", test_valid);
    return suite_run();
}
