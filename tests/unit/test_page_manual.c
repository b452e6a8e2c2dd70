/* test_page_manual.c - settling by hand on the attempt's page: who sees which form, and when. */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/page_part.h"
#include "tests/unit/page_check.h"
#include "tests/unit/suite.h"

static struct otr_attempt a;
static struct otr_manual m;
static struct page_manual view;

/* An open refund, unknown for 20 minutes, seen by this role; no proposal. */
static void open_refund(enum otr_role role) {
    begin();
    asha.role = role;
    a = attempt(OTR_KIND_REFUND, OTR_OUTCOME_UNKNOWN, OTR_REASON_NO_ANSWER);
    a.resolution = OTR_RESOLUTION_NONE;
    a.open = true;
    a.started_at = NOW - 20 * MINUTE;
    view = (struct page_manual){.settle_s = 600};
}

static void proposal(const char *by, enum otr_manual_state state) {
    m = (struct otr_manual){.proposal_id = 7,
                            .attempt_id = 118,
                            .resolution = OTR_RESOLUTION_NOT_REFUNDED,
                            .evidence_attempt_id = 119,
                            .evidence_outcome = OTR_OUTCOME_ANSWERED,
                            .evidence_tx_status = 2,
                            .evidence_at = NOW - 3 * MINUTE,
                            .proposed_at = NOW - 2 * MINUTE,
                            .state = state};
    snprintf(m.proposed_by, sizeof m.proposed_by, "%s", by);
    snprintf(m.reason, sizeof m.reason, "Seen on the bank's own list");
    view.newest = &m;
}

#define SHOW() RENDER(page_attempt_manual(&page, &a, NULL, &view, &out))

static bool ask(void) {
    return has("action=\"/attempts/118/ask\"");
}
static bool propose(void) {
    return has("action=\"/attempts/118/propose\"");
}
static bool decide(void) {
    return has("action=\"/attempts/118/decide\"");
}

static void test_ask(void) {
    open_refund(OTR_ROLE_OPERATOR);
    SHOW();
    CU_ASSERT_TRUE(ask() && has("Ask the bank now"));
    CU_ASSERT_FALSE(propose() || decide());
    CU_ASSERT_TRUE(has("renews itself"));
    open_refund(OTR_ROLE_AUDITOR);
    SHOW();
    CU_ASSERT_FALSE(ask() || propose() || decide());
    open_refund(OTR_ROLE_OPERATOR);
    a.outcome = OTR_OUTCOME_NONE; /* its own answer is awaited */
    SHOW();
    CU_ASSERT_FALSE(ask());
    open_refund(OTR_ROLE_SUPERVISOR);
    a.open = false;
    a.resolution = OTR_RESOLUTION_REFUNDED;
    SHOW();
    CU_ASSERT_FALSE(ask() || propose());
}

static void test_propose(void) {
    open_refund(OTR_ROLE_SUPERVISOR);
    SHOW();
    CU_ASSERT_TRUE(ask() && propose());
    CU_ASSERT_FALSE(has("renews itself")); /* it would take away what is being typed */
    CU_ASSERT_EQUAL(page_attempt_refresh_s(&page, &a, &view), 0);
    CU_ASSERT_TRUE(has("name=\"idempotency_key\" value=\"key-otp\""));
    CU_ASSERT_FALSE(has("checked=") || has("name=\"inquiry\""));
    CU_ASSERT_TRUE(has("minlength=\"10\" maxlength=\"500\""));
    a.started_at = NOW - 5 * MINUTE;
    SHOW();
    CU_ASSERT_FALSE(propose());
    CU_ASSERT(page_attempt_refresh_s(&page, &a, &view) > 0);
    a.started_at = NOW - 20 * MINUTE;
    page.csrf_token = NULL;
    SHOW();
    CU_ASSERT_FALSE(propose() || ask());
}

static void test_typed(void) {
    open_refund(OTR_ROLE_SUPERVISOR);
    view.reason = EVIL;
    view.error = EVIL;
    view.resolution = OTR_RESOLUTION_REFUNDED;
    view.inquiry_id = 120;
    view.waiting = true;
    SHOW();
    CU_ASSERT_EQUAL(count("&lt;script&gt;"), 2);
    CU_ASSERT_EQUAL(count("checked=\"checked\""), 1);
    CU_ASSERT_TRUE(has("name=\"inquiry\" value=\"120\""));
    CU_ASSERT_TRUE(has("has not answered the question yet"));
}

static void test_decide(void) {
    static const struct {
        enum otr_role role;
        const char *by;
        enum otr_manual_state state;
        bool decide, propose;
    } cases[] = {
        {OTR_ROLE_SUPERVISOR, "sunil", OTR_MANUAL_PENDING, true, false},
        {OTR_ROLE_AUDITOR, "sunil", OTR_MANUAL_PENDING, true, false},
        {OTR_ROLE_OPERATOR, "sunil", OTR_MANUAL_PENDING, false, false},
        {OTR_ROLE_SUPERVISOR, "asha", OTR_MANUAL_PENDING, false, false},
        {OTR_ROLE_SUPERVISOR, "sunil", OTR_MANUAL_STALE, false, true},
        {OTR_ROLE_SUPERVISOR, "sunil", OTR_MANUAL_EXPIRED, false, true},
        {OTR_ROLE_SUPERVISOR, "sunil", OTR_MANUAL_REFUSED, false, true},
        {OTR_ROLE_AUDITOR, "sunil", OTR_MANUAL_STALE, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        open_refund(cases[i].role);
        proposal(cases[i].by, cases[i].state);
        SHOW();
        CU_ASSERT_EQUAL(decide(), cases[i].decide);
        CU_ASSERT_EQUAL(propose(), cases[i].propose);
        CU_ASSERT_EQUAL(has("renews itself"), !cases[i].decide && !cases[i].propose);
        CU_ASSERT_TRUE(has("Seen on the bank&#39;s own list"));
        CU_ASSERT_TRUE(has("href=\"/attempts/119\""));
        if (cases[i].decide)
            CU_ASSERT_TRUE(has("name=\"proposal_id\" value=\"7\"") &&
                           has("name=\"decision\" value=\"approved\"") &&
                           has("name=\"decision\" value=\"refused\""));
    }
}

/* Who decides is told plainly, and when it was asked. */
static void test_decide_without_a_word(void) {
    open_refund(OTR_ROLE_SUPERVISOR);
    proposal("sunil", OTR_MANUAL_PENDING);
    SHOW();
    CU_ASSERT_TRUE(decide() && !has("No word of the bank"));
    m.evidence_outcome = OTR_OUTCOME_UNKNOWN;
    m.evidence_reason = OTR_REASON_NO_ANSWER;
    m.evidence_tx_status = OTR_NO_STATUS;
    SHOW();
    CU_ASSERT_TRUE(decide() && has("No word of the bank stands behind this.</b> Asked by "));
    CU_ASSERT_EQUAL(count("the bank did not answer."), 2);
    m.evidence_reason = OTR_REASON_BANK_ERROR;
    SHOW();
    CU_ASSERT_TRUE(has("No word of the bank") && has("the bank said nothing certain."));
}

static void test_settled(void) {
    open_refund(OTR_ROLE_OPERATOR);
    proposal(EVIL, OTR_MANUAL_APPROVED);
    snprintf(m.decided_by, sizeof m.decided_by, "meera");
    snprintf(m.note, sizeof m.note, "%s", EVIL);
    snprintf(m.reason, sizeof m.reason, "%s", EVIL);
    m.decided_at = NOW - MINUTE;
    m.evidence_outcome = OTR_OUTCOME_UNKNOWN;
    m.evidence_reason = OTR_REASON_NO_ANSWER;
    m.evidence_tx_status = OTR_NO_STATUS;
    a.open = false;
    a.resolution = OTR_RESOLUTION_NOT_REFUNDED;
    a.resolved_by = OTR_HOW_MANUAL;
    SHOW();
    CU_ASSERT_EQUAL(count("&lt;script&gt;"), 3);
    CU_ASSERT_TRUE(has("Approved") && has("by meera") && has("the bank did not answer. The bank"));
    CU_ASSERT_FALSE(ask() || propose() || decide());
}

static void test_counter(void) {
    open_refund(OTR_ROLE_SUPERVISOR);
    proposal("sunil", OTR_MANUAL_APPROVED);
    a.open = false;
    a.resolution = OTR_RESOLUTION_NOT_REFUNDED;
    a.resolved_by = OTR_HOW_MANUAL;
    SHOW();
    CU_ASSERT_TRUE(propose() && has("Was it settled wrongly?"));
    CU_ASSERT_TRUE(has("value=\"refunded\""));
    CU_ASSERT_FALSE(has("value=\"not_refunded\"") || ask());
    m.counter = true;
    SHOW();
    CU_ASSERT_FALSE(propose());
    CU_ASSERT_TRUE(has("Counter-entry to what was settled by hand"));
    m.state = OTR_MANUAL_PENDING;
    SHOW();
    CU_ASSERT_TRUE(decide() && !propose() && has("stays as it is"));
    a.resolved_by = OTR_HOW_INQUIRY; /* the bank settled it */
    m.counter = false;
    m.state = OTR_MANUAL_SETTLED;
    SHOW();
    CU_ASSERT_FALSE(propose() || decide());
}

static const CU_TestInfo tests[] = {
    {"ask now", test_ask},
    {"propose", test_propose},
    {"as typed", test_typed},
    {"decide", test_decide},
    {"decide without a word of the bank", test_decide_without_a_word},
    {"settled by hand", test_settled},
    {"counter-entry", test_counter},
    CU_TEST_INFO_NULL,
};

int main(void) {
    return suite_run_table("page manual", page_check_start, page_check_stop, tests);
}
