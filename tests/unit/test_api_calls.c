/* test_api_calls.c - what the JSON API says of a transaction, as far as the bank told; and the desk. */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/house.h"
#include "tests/unit/pg_helper.h"
#include "tests/unit/suite.h"

#define CSV_NAME  "\r\nContent-Disposition: attachment; filename=\"attempts.csv\"\r\n"
#define PATIENTLY "HTTP_PREFER=wait=4" /* a machine may be slow; the bank here is not */

static int get(const char *tid, const char *prefer) {
    char path[64];
    snprintf(path, sizeof path, "/api/v1/transactions/%s", tid);
    return house_ask(&(struct house_request){
        .method = "GET", .path = path, .bearer = HOUSE_TOKEN_READ, .extra = prefer});
}

static bool says(const char *words) {
    return strstr(house_answer.text, words) != NULL;
}

/* A problem with the number of the inquiry, in words and as a member. */
static bool points_to_inquiry(const char *tid) {
    char sql[160], sentence[64], member[64];
    snprintf(sql, sizeof sql,
             "SELECT max(attempt_id) FROM otprefund.attempt WHERE '%s' IN (tid, client_ref_id)",
             tid);
    long long id = pg_number(sql);
    snprintf(sentence, sizeof sentence, "nquiry %lld ", id);
    snprintf(member, sizeof member, "\"attempt_id\":%lld", id);
    return id > 0 && says(sentence) && says(member) && says("application/problem+json");
}

/* The same with when to come back. */
static bool names_inquiry(const char *tid) {
    return points_to_inquiry(tid) && says("\r\nRetry-After: 5\r\n") && says("Ask again.");
}

static void test_told(void) {
    CU_ASSERT_EQUAL(get("81000001", PATIENTLY), 200);
    CU_ASSERT(says("\"tx_status\":3"));
    CU_ASSERT_EQUAL(get("40400001", PATIENTLY), 404);
    CU_ASSERT(says("knows no transaction"));
}

static void test_nothing_told(void) {
    CU_ASSERT_EQUAL(get("40300001", PATIENTLY), 503);
    CU_ASSERT(says("does not accept our signature"));
    CU_ASSERT(names_inquiry("40300001"));
    CU_ASSERT_EQUAL(get("50200001", PATIENTLY), 503);
    CU_ASSERT(says("The bank's"));
    CU_ASSERT(names_inquiry("50200001"));
}

/* What the journal knows from before does not stand for an answer. */
static void test_known_before(void) {
    CU_ASSERT(pg_do("INSERT INTO otprefund.transaction (tid, tx_status, amount, answered_at, "
                    "asked_at, by_attempt_id) SELECT unnest(ARRAY['40300002', '40400002']), "
                    "tx_status, amount, answered_at, asked_at, by_attempt_id "
                    "FROM otprefund.transaction WHERE tid = '81000001'"));
    CU_ASSERT_EQUAL(get("40300002", PATIENTLY), 503);
    CU_ASSERT_FALSE(says("\"tx_status\""));
    CU_ASSERT_EQUAL(get("40400002", PATIENTLY), 503);
    CU_ASSERT(says("The bank knows no transaction with this TID."));
}

/* What the bank will refuse again is no invitation to ask again. */
static void test_refused_for_good(void) {
    static const struct {
        const char *tid;
        int status;
        const char *why, *what_to_do;
    } cases[] = {
        {"40000001", 400, "does not accept this TID", "Check the number."},
        {"40100001", 500, "mobile number (initiator_id)", "Tell whoever looks after"},
        {"40500001", 500, "turned the request away", "Tell whoever looks after"},
        {"client_ref_id:400-1", 400, "does not accept this TID", "Check the number."},
        {"client_ref_id:401-1", 500, "mobile number (initiator_id)", "Tell whoever looks after"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *ref = strchr(cases[i].tid, ':');
        CU_ASSERT_EQUAL(get(cases[i].tid, NULL), cases[i].status);
        CU_ASSERT(says(cases[i].why) && says(cases[i].what_to_do));
        CU_ASSERT(points_to_inquiry(ref ? ref + 1 : cases[i].tid));
        CU_ASSERT_FALSE(says("Retry-After") || says("sk again"));
    }
    CU_ASSERT_EQUAL(get("client_ref_id:403-1", PATIENTLY), 503);
    CU_ASSERT(says("does not accept our signature") && names_inquiry("403-1"));
}

static void test_no_answer(void) {
    CU_ASSERT_EQUAL(get("40800001", "HTTP_PREFER=wait=0"), 503);
    CU_ASSERT(says("has not answered yet") && says("still under way"));
    CU_ASSERT(names_inquiry("40800001"));
    CU_ASSERT_EQUAL(get("40800001", "HTTP_PREFER=wait=20"), 503); /* longer than a call may take */
    CU_ASSERT(says("did not answer in time"));
    CU_ASSERT(names_inquiry("40800001"));
}

#define FORM "application/x-www-form-urlencoded"

/* A form of login's with its token, and fields, each behind an &. */
static int post(const char *path, const char *login, const char *fields) {
    char body[400];
    snprintf(body, sizeof body, "csrf_token=%s%s", house_token(login), fields);
    return house_ask(&(struct house_request){
        .method = "POST", .path = path, .login = login, .type = FORM, .body = body});
}

static int post_json(const char *tid, const char *what, const char *body, const char *key) {
    char path[64];
    snprintf(path, sizeof path, "/api/v1/transactions/%s/%s", tid, what);
    return house_ask(&(struct house_request){.method = "POST",
                                             .path = path,
                                             .bearer = HOUSE_TOKEN_REFUND,
                                             .key = key,
                                             .type = "application/json",
                                             .body = body});
}

/* Neither an OTP nor a refund is asked for again. */
static void test_refunded(void) {
    char member[40];
    CU_ASSERT_EQUAL(post_json("81000003", "refunds", "{\"otp\":\"012345\"}", "r-1"), 200);
    snprintf(member, sizeof member, "\"attempt_id\":%lld",
             (long long)pg_number("SELECT max(attempt_id) FROM otprefund.attempt"));
    CU_ASSERT_EQUAL(post_json("81000003", "otp", "{}", "r-2"), 409);
    CU_ASSERT(says("was refunded already") && says(member));
    CU_ASSERT_EQUAL(post("/refunds/81000003/refund", "asha",
                         "&idempotency_key=r-3&otp=012345&cash_returned=yes"),
                    409);
    CU_ASSERT(says("<h1>Nothing was sent to the bank</h1>"));
    CU_ASSERT(says("was refunded already") && says("See that attempt"));
}

/* ---- nobody waits for the bank on a worker ----------------------------------------------------- */

/* Number of an attempt whose refund the silent bank never answered; NULL: there is none. */
static const char *unanswered(void) {
    CU_ASSERT_EQUAL(post("/refunds/40800003/refund", "asha",
                         "&idempotency_key=silent-1&otp=4820&cash_returned=yes"),
                    303);
    CU_ASSERT(house_answer.parked);
    for (int i = 0; i < 200; i++, usleep(100000)) {
        const char *id = pg_text("SELECT a.attempt_id FROM otprefund.attempt a JOIN "
                                 "otprefund.outcome o USING (attempt_id) WHERE a.tid = '40800003'");
        if (*id)
            return id;
    }
    return NULL;
}

static void test_parked(void) {
    char ask[64], propose[64];
    CU_ASSERT_EQUAL(get("client_ref_id:R40800002", NULL), 503);
    CU_ASSERT(house_answer.parked && says("has not answered yet"));
    CU_ASSERT_EQUAL(house_ask(&(struct house_request){
                        .method = "GET", .path = "/", .query = "q=R40800002", .login = "asha"}),
                    200);
    CU_ASSERT(house_answer.parked && says("The bank has not answered yet"));
    const char *id = unanswered();
    CU_ASSERT_PTR_NOT_NULL_FATAL(id);
    snprintf(ask, sizeof ask, "/attempts/%s/ask", id);
    snprintf(propose, sizeof propose, "/attempts/%s/propose", id);
    CU_ASSERT_EQUAL(post(propose, "sunil",
                         "&idempotency_key=silent-1&resolution=refunded"
                         "&reason=they+wrote+a+letter&inquiry="),
                    202);
    CU_ASSERT(house_answer.parked);
    CU_ASSERT_EQUAL(post(ask, "asha", ""), 303);
    CU_ASSERT(house_answer.parked);
}

/* Two questions, each answered within the time, and both together not. */
static void test_one_wait(void) {
    CU_ASSERT_EQUAL(get("client_ref_id:R40900001", "HTTP_PREFER=wait=1"), 503);
    CU_ASSERT_EQUAL(get("client_ref_id:R40900001", "HTTP_PREFER=wait=10"), 200);
}

/* Does a time follow on words, and end with after?  In form a 9 stands for any digit. */
static bool says_time(const char *words, const char *form, const char *after) {
    const char *p = strstr(house_answer.text, words);
    p = p ? p + strlen(words) : "";
    for (; *form && *p; form++, p++)
        if (*form == '9' ? *p < '0' || *p > '9' : *p != *form)
            return false;
    return !*form && strncmp(p, after, strlen(after)) == 0;
}

/* A machine has no idea of this office's clock and day; a person reads it off the wall. */
static void test_times(void) {
    CU_ASSERT_EQUAL(post_json("40800006", "refunds", "{\"otp\":\"012345\"}", "t-1"), 202);
    CU_ASSERT_EQUAL(post_json("40800006", "otp", "{}", "t-2"), 409);
    CU_ASSERT(says_time("worked on by switch since ", "9999-99-99T99:99:99.999Z", ". Nothing"));
    CU_ASSERT_EQUAL(post("/refunds/40800006/otp", "asha",
                         "&idempotency_key=t-3"),
                    409);
    CU_ASSERT(says_time("worked on by switch since ", "99:99:99", ". Nothing"));
}

static int list(const char *query) {
    return house_ask(&(struct house_request){
        .method = "GET", .path = "/attempts", .query = query, .login = "meera"});
}

/* A file has one name, whatever was asked for; what is no file has none. */
static void test_download(void) {
    static const char *const files[] = {"format=csv", "format=csv&tid=81000001",
                                        "operator=%22%3b+filename%3d%22x.exe&format=csv",
                                        "operator=x%22%0d%0aX-Evil:+1&format=csv"};
    static const char *const none[] = {"kind=refund", "format=x.exe", "format=csv&filename=x.exe"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        CU_ASSERT_EQUAL(list(files[i]), 200);
        const char *at = strcasestr(house_answer.text, "\r\nContent-Disposition:");
        CU_ASSERT_PTR_NOT_NULL_FATAL(at);
        CU_ASSERT_EQUAL(strncmp(at, CSV_NAME, strlen(CSV_NAME)), 0);
        CU_ASSERT_PTR_NULL(strcasestr(at + strlen(CSV_NAME), "Content-Disposition"));
        CU_ASSERT_FALSE(says("X-Evil"));
    }
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        CU_ASSERT_EQUAL(list(none[i]), i ? 400 : 200);
        CU_ASSERT_PTR_NULL(strcasestr(house_answer.text, "Content-Disposition"));
    }
}

int main(void) {
    if (!getenv("OTPREFUND_TEST_DB"))
        return 77;
    setvbuf(stdout, NULL, _IONBF, 0);
    dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2); /* the log says each 503 */
    if (!house_open())
        return 1;
    CU_pSuite s = suite_begin("api_calls", NULL, NULL);
    CU_add_test(s, "what the bank told", test_told);
    CU_add_test(s, "nothing learnt is no answer", test_nothing_told);
    CU_add_test(s, "nor is what was known before", test_known_before);
    CU_add_test(s, "refused for good", test_refused_for_good);
    CU_add_test(s, "no answer in time", test_no_answer);
    CU_add_test(s, "what is refunded already", test_refunded);
    CU_add_test(s, "nobody waits on a worker", test_parked);
    CU_add_test(s, "one time to wait", test_one_wait);
    CU_add_test(s, "times", test_times);
    CU_add_test(s, "the name of a download", test_download);
    int failed = suite_run();
    house_close();
    return failed;
}
