/*
 * test_page.c - desk, transaction and attempt: escaped, well-formed, forms only where the rules
 * allow.
 */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/page_part.h"
#include "tests/unit/page_check.h"
#include "tests/unit/suite.h"

/*
 * ---- formats
 * -----------------------------------------------------------------------------------
 */

static void test_money(void) {
    char text[PAGE_TEXT_SIZE];
    CU_ASSERT_STRING_EQUAL(page_money(505000, text), "₹5,050.00");
    CU_ASSERT_STRING_EQUAL(page_money(0, text), "₹0.00");
    CU_ASSERT_STRING_EQUAL(page_money(7, text), "₹0.07");
    CU_ASSERT_STRING_EQUAL(page_money(99999, text), "₹999.99");
    CU_ASSERT_STRING_EQUAL(page_money(10000000, text), "₹1,00,000.00");
    CU_ASSERT_STRING_EQUAL(page_money(123456789012, text), "₹1,23,45,67,890.12");
    CU_ASSERT_STRING_EQUAL(page_money(-150, text), "−₹1.50");
    CU_ASSERT_STRING_EQUAL(page_money(OTR_NO_AMOUNT, text), "");
    CU_ASSERT_STRING_EQUAL(page_money(INT64_MAX, text), "₹92,23,37,20,36,85,47,758.07");
    CU_ASSERT_EQUAL(page_paise("5050.00"), 505000);
    CU_ASSERT_EQUAL(page_paise("12"), 1200);
    CU_ASSERT_EQUAL(page_paise("-0.50"), -50);
    CU_ASSERT_EQUAL(page_paise(""), OTR_NO_AMOUNT);
    CU_ASSERT_EQUAL(page_paise("1.5"), OTR_NO_AMOUNT);
    CU_ASSERT_EQUAL(page_paise("12abc"), OTR_NO_AMOUNT);
    CU_ASSERT_EQUAL(page_paise("9999999999999999999999"), OTR_NO_AMOUNT);
}

static void test_times(void) {
    char text[PAGE_TEXT_SIZE];
    CU_ASSERT_STRING_EQUAL(page_time(NOW, text), "23 Nov 2026, 14:35:09 IST");
    CU_ASSERT_STRING_EQUAL(page_time(0, text), "");
    CU_ASSERT_STRING_EQUAL(page_time(-5, text), "");
    CU_ASSERT_STRING_EQUAL(page_time(INT64_MAX, text), "");
    CU_ASSERT_STRING_EQUAL(page_time_short(NOW - 1000, NOW, text), "14:35:08");
    CU_ASSERT_STRING_EQUAL(page_time_short(NOW - 24 * 60 * MINUTE, NOW, text),
                           "22 Nov 2026, 14:35");
    CU_ASSERT_STRING_EQUAL(page_age(-1, text), "0 s");
    CU_ASSERT_STRING_EQUAL(page_age(59999, text), "59 s");
    CU_ASSERT_STRING_EQUAL(page_age(3 * MINUTE, text), "3 min");
    CU_ASSERT_STRING_EQUAL(page_age(60 * MINUTE, text), "1 h");
    CU_ASSERT_STRING_EQUAL(page_age(125 * MINUTE, text), "2 h 5 min");
    CU_ASSERT_STRING_EQUAL(page_age(25 * 60 * MINUTE, text), "1 day");
    CU_ASSERT_STRING_EQUAL(page_age(72 * 60 * MINUTE, text), "3 days");
}

static void test_refresh(void) {
    begin();
    struct otr_attempt a = attempt(OTR_KIND_REFUND, OTR_OUTCOME_NONE, OTR_REASON_NONE);
    CU_ASSERT_EQUAL(page_refresh_s(&page, &a), 2);
    a.started_at = NOW - 40000;
    CU_ASSERT_EQUAL(page_refresh_s(&page, &a), 8);
    a.started_at = NOW - 60 * MINUTE;
    CU_ASSERT_EQUAL(page_refresh_s(&page, &a), 15);
    a.started_at = NOW + 60 * MINUTE; /* another node's clock */
    CU_ASSERT_EQUAL(page_refresh_s(&page, &a), 2);
    a = attempt(OTR_KIND_REFUND, OTR_OUTCOME_UNKNOWN, OTR_REASON_NO_ANSWER);
    CU_ASSERT(page_refresh_s(&page, &a) >= 2);
    a.resolution = OTR_RESOLUTION_REFUNDED;
    CU_ASSERT_EQUAL(page_refresh_s(&page, &a), 0);
    a = attempt(OTR_KIND_OTP, OTR_OUTCOME_UNKNOWN, OTR_REASON_NO_ANSWER);
    CU_ASSERT_EQUAL(page_refresh_s(&page, &a), 0);
    a = attempt(OTR_KIND_OTP, OTR_OUTCOME_NONE, OTR_REASON_NONE);
    CU_ASSERT_EQUAL(page_refresh_s(&page, &a), 2);
    CU_ASSERT_EQUAL(page_refresh_s(&page, NULL), 0);
}

/*
 * ---- the desk
 * ----------------------------------------------------------------------------------
 */

static void test_desk(void) {
    begin();
    struct otr_attempt rows[2] = {
        attempt(OTR_KIND_REFUND, OTR_OUTCOME_UNKNOWN, OTR_REASON_NO_ANSWER),
        attempt(OTR_KIND_OTP, OTR_OUTCOME_UNCONFIRMED, OTR_REASON_NONE)};
    struct otr_today today = {
        .otps = 3, .otps_unconfirmed = 1, .refunds = 2, .open = 1, .refunded_amount = 12345600};
    struct page_desk d = {
        .today = &today, .open = rows, .open_count = 1, .recent = rows, .recent_count = 2};
    RENDER(page_desk(&page, &d, &out));
    CU_ASSERT_TRUE(has("Asha Verma"));
    CU_ASSERT_TRUE(has("name=\"q\""));
    CU_ASSERT_TRUE(has("₹1,23,456.00"));
    CU_ASSERT_TRUE(has("<data value=\"5050.00\">₹5,050.00</data>"));
    CU_ASSERT_TRUE(has("href=\"/attempts/118\""));
    CU_ASSERT_TRUE(has("Not confirmed yet"));
    CU_ASSERT_FALSE(has("/reconciliation"));
    CU_ASSERT_FALSE(has(" sent"));
    CU_ASSERT_FALSE(has("method=\"post\""));
    CU_ASSERT(out.size < 10000);

    d = (struct page_desk){.query = EVIL, .hint = EVIL};
    RENDER(page_desk(&page, &d, &out));
    CU_ASSERT_TRUE(has("None of your refunds"));
    CU_ASSERT_TRUE(has("Nothing yet today"));
    CU_ASSERT_TRUE(has("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot; onload=&quot;x"));
    CU_ASSERT_TRUE(has("aria-invalid=\"true\""));
}

static void test_navigation(void) {
    struct page_list l = {0};
    begin();
    asha.role = OTR_ROLE_SUPERVISOR;
    RENDER(page_list(&page, &l, &out));
    CU_ASSERT_TRUE(has("<a href=\"/\">Desk</a>"));
    CU_ASSERT_TRUE(has("<a href=\"/attempts\" aria-current=\"page\">Attempts</a>"));
    CU_ASSERT_TRUE(has("<a href=\"/reconciliation\">"));
    asha.role = OTR_ROLE_AUDITOR;
    RENDER(page_list(&page, &l, &out));
    CU_ASSERT_FALSE(has(">Desk</a>"));
    CU_ASSERT_TRUE(has("class=\"brand\" href=\"/attempts\""));
    CU_ASSERT_TRUE(has("/reconciliation"));
    page.viewer = NULL;
    RENDER(page_list(&page, &l, &out));
    CU_ASSERT_FALSE(has("<nav"));
}

/*
 * ---- the transaction
 * ---------------------------------------------------------------------------
 */

static bool otp_form(void) {
    return has("action=\"/refunds/3211509412/otp\"");
}

static bool refund_form(void) {
    return has("action=\"/refunds/3211509412/refund\"");
}

static struct otr_transaction t;
static struct otr_attempt inquiry;

static struct page_transaction view(int tx_status) {
    begin();
    t = transaction(tx_status);
    inquiry = attempt(OTR_KIND_INQUIRY, OTR_OUTCOME_ANSWERED, OTR_REASON_NONE);
    inquiry.tx_status = tx_status;
    return (struct page_transaction){.transaction = &t,
                                     .inquiry = &inquiry,
                                     .otp_per_hour = 5,
                                     .wrong_otp_per_hour = 5,
                                     .may_refund = true};
}

static void test_pending(void) {
    struct page_transaction v = view(3);
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT_TRUE(otp_form());
    CU_ASSERT_TRUE(refund_form());
    CU_ASSERT_TRUE(has("Asked the bank at 14:35:06."));
    CU_ASSERT_TRUE(has("R. K., ******0001"));
    CU_ASSERT_TRUE(has("<data value=\"5050.00\">₹5,050.00</data>"));
    CU_ASSERT_EQUAL(count("name=\"csrf_token\" value=\"token-1\""), 2);
    CU_ASSERT_EQUAL(count("value=\"key-otp\""), 1);
    CU_ASSERT_EQUAL(count("value=\"key-refund\""), 1);
    CU_ASSERT_TRUE(
        has("name=\"otp\" type=\"text\" inputmode=\"numeric\" autocomplete=\"one-time-code\""));
    CU_ASSERT_TRUE(has("pattern=\"\\s*[0-9]{4,8}\\s*\""));
    CU_ASSERT_TRUE(has("name=\"cash_returned\" value=\"yes\""));
    CU_ASSERT_FALSE(has("checked="));
    CU_ASSERT_FALSE(has("autofocus"));
    CU_ASSERT_TRUE(strstr(out.bytes, "Give the cash back") < strstr(out.bytes, "Type the OTP"));
    CU_ASSERT(out.size < 10000);
}

static void test_forms_by_status(void) {
    for (int s = 0; s < 12; s++) {
        struct page_transaction v = view(s);
        RENDER(page_transaction(&page, &v, &out));
        CU_ASSERT_EQUAL(otp_form(), s == 3);
        CU_ASSERT_EQUAL(refund_form(), s == 3);
    }
    struct page_transaction v = view(3);
    v.may_refund = false;
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT_FALSE(otp_form() || refund_form());
    v = view(3);
    page.csrf_token = NULL;
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT_FALSE(otp_form() || refund_form());
}

static void test_unanswered(void) {
    struct page_transaction v = view(3);
    inquiry = attempt(OTR_KIND_INQUIRY, OTR_OUTCOME_UNKNOWN, OTR_REASON_NO_ANSWER);
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT_TRUE(has("no certain answer. The bank did not answer in time."));
    CU_ASSERT_TRUE(has("last word, of 13:35:09"));
    CU_ASSERT_TRUE(has("has not confirmed this status just now"));
    CU_ASSERT_FALSE(has("Asked the bank at 14:35:06.</p>"));
    CU_ASSERT_TRUE(otp_form() && refund_form());
    t.tx_status = OTR_NO_STATUS; /* never told: neither which amount nor whose it is */
    t.amount = OTR_NO_AMOUNT;
    t.answered_at = 0;
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT_FALSE(otp_form() || refund_form());
    CU_ASSERT_TRUE(has("Amount not known"));
    t.tx_status = 4;
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT_FALSE(otp_form() || refund_form());
    t.tx_status = OTR_NO_STATUS;
    v.inquiry = NULL;
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT_TRUE(has("The bank was not asked"));
}

/* "No such transaction" is an answer; a TID that the bank does not take is none.  Both are told. */
static void test_no_such(void) {
    static const enum otr_outcome outcomes[] = {OTR_OUTCOME_ANSWERED, OTR_OUTCOME_UNKNOWN};
    for (size_t i = 0; i < 2; i++) {
        struct page_transaction v = view(OTR_NO_STATUS);
        t.amount = OTR_NO_AMOUNT;
        t.answered_at = 0;
        inquiry = attempt(OTR_KIND_INQUIRY, outcomes[i], OTR_REASON_NO_SUCH_TRANSACTION);
        RENDER(page_transaction(&page, &v, &out));
        CU_ASSERT_TRUE(has("Asked the bank at 14:35:06. The bank knows no transaction with this "
                           "TID."));
        CU_ASSERT_TRUE(has("Do not return cash on this number. Compare it with the customer"));
        CU_ASSERT_FALSE(has("has not told the status"));
        t = transaction(3); /* as it was told before: no form all the same */
        RENDER(page_transaction(&page, &v, &out));
        CU_ASSERT_FALSE(otp_form() || refund_form());
        CU_ASSERT_TRUE(has("knows no transaction with this TID. What is shown here is the bank"));
    }
}

static void test_asking(void) {
    struct page_transaction v = view(3);
    inquiry = attempt(OTR_KIND_INQUIRY, OTR_OUTCOME_NONE, OTR_REASON_NONE);
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT_TRUE(has("Asking the bank since 14:35:05. This page renews itself."));
    CU_ASSERT_FALSE(otp_form() || refund_form());
    v.otp_error = "An OTP has 4 to 8 digits."; /* such a page does not renew itself */
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT_TRUE(otp_form() && refund_form());
    CU_ASSERT_FALSE(has("renews itself"));
}

static void test_open_attempt(void) {
    struct page_transaction v = view(3);
    t.open_attempt_id = 113;
    snprintf(t.open_operator, sizeof t.open_operator, "ravi");
    t.open_since = NOW - 3 * MINUTE;
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT_FALSE(otp_form() || refund_form());
    CU_ASSERT_TRUE(has("ravi is at it since"));
    CU_ASSERT_TRUE(has("(3 min)"));
    CU_ASSERT_TRUE(has("href=\"/attempts/113\""));
    CU_ASSERT_TRUE(has("Do not return the cash a second time"));
}

static void test_limits(void) {
    struct page_transaction v = view(3);
    t.otp_at = NOW - 30000;
    t.otp_outcome = OTR_OUTCOME_SENT;
    t.otp_again_at = NOW + 30000;
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT_TRUE(has("OTP sent at 14:34:39 (30 s ago)"));
    CU_ASSERT_TRUE(has("You can send another OTP at 14:35:39."));
    CU_ASSERT_FALSE(otp_form());
    CU_ASSERT_TRUE(refund_form());
    t.otp_outcome = OTR_OUTCOME_UNCONFIRMED;
    t.otp_again_at = NOW - 1;
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT_FALSE(has("OTP sent")); /* promise 9 */
    CU_ASSERT_TRUE(has("did not confirm that an SMS went out"));
    CU_ASSERT_TRUE(otp_form() && has("Send another OTP"));

    struct otr_attempt history[3] = {
        attempt(OTR_KIND_REFUND, OTR_OUTCOME_REJECTED, OTR_REASON_WRONG_OTP),
        attempt(OTR_KIND_REFUND, OTR_OUTCOME_REJECTED, OTR_REASON_WRONG_OTP),
        attempt(OTR_KIND_REFUND, OTR_OUTCOME_REJECTED, OTR_REASON_WRONG_OTP)};
    history[2].started_at = NOW - 61 * MINUTE;
    v.history = history;
    v.history_count = 3;
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT_TRUE(has("2 wrong OTPs in the last hour, 3 tries left."));
    t.refund_again_at = NOW + 10 * MINUTE;
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT_FALSE(refund_form());
    CU_ASSERT_TRUE(has("You can submit an OTP again at 14:45:09."));
}

static void test_form_errors(void) {
    struct page_transaction v = view(3);
    v.otp_error = "An OTP has 4 to 8 digits.";
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT_TRUE(has("<title>Error: "));
    CU_ASSERT_TRUE(has("<a href=\"#otp\">An OTP has 4 to 8 digits.</a>"));
    CU_ASSERT_TRUE(has("aria-describedby=\"otp-error otp-hint\" autofocus=\"autofocus\""));
    CU_ASSERT_TRUE(has("checked=\"checked\"")); /* the box was ticked: it stays so */
    CU_ASSERT_TRUE(has("Nothing was sent to the bank."));
    CU_ASSERT_EQUAL(count("autofocus="), 1);
    v.cash_error = true;
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT_FALSE(has("checked="));
    CU_ASSERT_TRUE(has("aria-describedby=\"cash-error\""));
    CU_ASSERT_EQUAL(count("autofocus="), 1);
    const char *field = strstr(out.bytes, "id=\"otp\"");
    CU_ASSERT_PTR_NOT_NULL_FATAL(field);
    CU_ASSERT(!strstr(field, "value=") || strstr(field, "value=") > strchr(field, '>'));
}

/* One asker's questions in a row are one line. */
static void test_history(void) {
    struct page_transaction v = view(3);
    struct otr_attempt h[5];
    for (int i = 0; i < 5; i++) {
        h[i] = attempt(i == 3 ? OTR_KIND_OTP : OTR_KIND_INQUIRY,
                       i == 3 ? OTR_OUTCOME_SENT : OTR_OUTCOME_ANSWERED, OTR_REASON_NONE);
        h[i].tx_status = 3;
        h[i].attempt_id = 200 - i;
    }
    v.history = h;
    v.history_count = 5;
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT_EQUAL(count("<tr>"), 1 + 3);
    CU_ASSERT_TRUE(has("× 3"));
    CU_ASSERT_TRUE(has("href=\"/attempts/197\"") && !has("href=\"/attempts/199\""));
    CU_ASSERT_EQUAL(count("OTP sent"), 1);
    snprintf(h[1].operator_name, sizeof h[1].operator_name, "ravi"); /* asha, ravi, asha */
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT_EQUAL(count("<tr>"), 1 + 5);
    CU_ASSERT_TRUE(has(">ravi</td>") && !has("×"));
    for (int i = 0; i < 2; i++) { /* twice the resolver, then a person who has its name */
        h[i].channel = OTR_CHANNEL_RESOLVER;
        snprintf(h[i].operator_name, sizeof h[i].operator_name, "resolver");
    }
    snprintf(h[2].operator_name, sizeof h[2].operator_name, "resolver");
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT_EQUAL(count("<tr>"), 1 + 4);
    CU_ASSERT_EQUAL(count("× 2"), 1);
    CU_ASSERT_EQUAL(count(">resolver</td>"), 2);
}

/* As long as a word of the bank disagrees, only a supervisor has the forms. */
static void test_contradicted(void) {
    struct page_transaction v = view(3);
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT_TRUE(has("name=\"otp\"") && !has("A supervisor must look"));
    t.contradicted = true;
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT_TRUE(has("A supervisor must look at it") && !has("<form method=\"post\""));
    asha.role = OTR_ROLE_SUPERVISOR;
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT_TRUE(has("A supervisor must look at it") && has("name=\"otp\""));
    asha.role = OTR_ROLE_OPERATOR;
}

static void test_hostile_transaction(void) {
    struct page_transaction v = view(3);
    snprintf(t.customer, sizeof t.customer, "%s", EVIL);
    snprintf(t.recipient, sizeof t.recipient, "%s", EVIL);
    snprintf(t.client_ref_id, sizeof t.client_ref_id, "<i>\"'&");
    snprintf(asha.full_name, sizeof asha.full_name, "%s", EVIL);
    struct otr_attempt h = attempt(OTR_KIND_REFUND, OTR_OUTCOME_REJECTED, OTR_REASON_OTP_EXPIRED);
    snprintf(h.operator_name, sizeof h.operator_name, "%s", EVIL);
    h.started_at = INT64_MAX;
    v.history = &h;
    v.history_count = 1;
    v.otp_error = EVIL;
    t.amount = INT64_MAX;
    t.otp_at = INT64_MAX;
    t.contradicted = true;
    asha.role = OTR_ROLE_SUPERVISOR;
    page.csrf_token = EVIL;
    RENDER(page_transaction(&page, &v, &out));
    CU_ASSERT(count("&lt;script&gt;") >= 6);
    CU_ASSERT_TRUE(has("A supervisor must look"));
    asha.role = OTR_ROLE_OPERATOR;
    snprintf(asha.full_name, sizeof asha.full_name, "Asha Verma");
}

/*
 * ---- the attempt
 * -------------------------------------------------------------------------------
 */

static void test_every_attempt(void) {
    static const enum otr_outcome outcomes[] = {OTR_OUTCOME_NONE, OTR_OUTCOME_UNKNOWN,
                                                OTR_OUTCOME_REJECTED, OTR_OUTCOME_NOT_SENT};
    begin();
    t = transaction(3);
    for (int k = 1; k < OTR_KIND__MAX; k++)
        for (size_t o = 0; o < 4; o++)
            for (int r = 0; r < OTR_REASON__MAX; r++) {
                struct otr_attempt a = attempt((enum otr_kind)k, outcomes[o], (enum otr_reason)r);
                RENDER(page_attempt(&page, &a, r % 2 ? &t : NULL, &out));
                CU_ASSERT_TRUE(has("At the counter") && has("Tell the customer"));
                CU_ASSERT_FALSE(has("id=\"receipt-h\""));
                CU_ASSERT_EQUAL(has("renews itself"), page_refresh_s(&page, &a) > 0);
            }
}

static void test_receipt(void) {
    begin();
    t = transaction(4);
    struct otr_attempt a = attempt(OTR_KIND_REFUND, OTR_OUTCOME_REFUNDED, OTR_REASON_NONE);
    a.refunded_amount = 505000;
    snprintf(a.refund_tid, sizeof a.refund_tid, "2147591637");
    RENDER(page_attempt(&page, &a, &t, &out));
    CU_ASSERT_TRUE(has("id=\"receipt-h\""));
    CU_ASSERT_TRUE(has("2147591637") && has("23 Nov 2026, 14:35:06 IST"));
    CU_ASSERT_TRUE(has("Settled by the bank&#39;s answer: refunded"));
    CU_ASSERT_TRUE(has("data-resolution=\"refunded\""));
    a.outcome = OTR_OUTCOME_UNKNOWN;
    a.resolved_by = OTR_HOW_INQUIRY;
    RENDER(page_attempt(&page, &a, &t, &out));
    CU_ASSERT_TRUE(has("id=\"receipt-h\"") && has("Settled by asking the bank: refunded"));
    a.resolved_by = OTR_HOW_MANUAL;
    a.contradicted = true;
    RENDER(page_attempt(&page, &a, &t, &out));
    CU_ASSERT_TRUE(has("Settled by hand: refunded"));
    CU_ASSERT_TRUE(has("disagrees"));
}

/* What never left has no answer that could have settled it. */
static void test_not_sent(void) {
    begin();
    struct otr_attempt a =
        attempt(OTR_KIND_REFUND, OTR_OUTCOME_NOT_SENT, OTR_REASON_CONNECT_FAILED);
    RENDER(page_attempt(&page, &a, NULL, &out));
    CU_ASSERT_FALSE(has("the bank&#39;s answer") || has("asked the bank"));
    CU_ASSERT_TRUE(has("</time> Written down</li>"));
    CU_ASSERT_TRUE(has("</time> Nothing was sent to the bank</li>"));
    CU_ASSERT_TRUE(has("Settled, as nothing was sent to the bank: not refunded"));
    a.outcome = OTR_OUTCOME_REJECTED;
    RENDER(page_attempt(&page, &a, NULL, &out));
    CU_ASSERT_TRUE(has("Settled by the bank&#39;s answer: not refunded"));
}

static void test_otp_attempt(void) {
    begin();
    t = transaction(3);
    t.otp_again_at = NOW + 56000;
    struct otr_attempt a = attempt(OTR_KIND_OTP, OTR_OUTCOME_SENT, OTR_REASON_NONE);
    RENDER(page_attempt(&page, &a, &t, &out));
    CU_ASSERT_TRUE(has("href=\"/refunds/3211509412\">Continue: enter the OTP</a>"));
    a.outcome = OTR_OUTCOME_UNCONFIRMED;
    snprintf(a.message, sizeof a.message, "OTP has been sent to customers mobile");
    RENDER(page_attempt(&page, &a, &t, &out));
    CU_ASSERT_FALSE(has("sent")); /* promise 9: the bank's own words would claim it */
    CU_ASSERT_TRUE(has("You can send another OTP at 14:36:05."));
    CU_ASSERT_TRUE(has("Continue: enter the OTP"));
    a.outcome = OTR_OUTCOME_UNKNOWN;
    RENDER(page_attempt(&page, &a, &t, &out));
    CU_ASSERT_FALSE(has("sent"));
}

static void test_unknown_attempt(void) {
    begin();
    t = transaction(3);
    struct otr_attempt a = attempt(OTR_KIND_REFUND, OTR_OUTCOME_UNKNOWN, OTR_REASON_OTHER_TID);
    snprintf(a.message, sizeof a.message, "Refund done");
    RENDER(page_attempt(&page, &a, &t, &out));
    CU_ASSERT_TRUE(has("Do not return the cash a second time and do not try again"));
    CU_ASSERT_TRUE(has("The next question to the bank goes out at 14:35:32."));
    CU_ASSERT_FALSE(has("Refund done"));
    CU_ASSERT_FALSE(has("Refunded"));
    a = attempt(OTR_KIND_REFUND, OTR_OUTCOME_REJECTED, OTR_REASON_WRONG_OTP);
    snprintf(a.message, sizeof a.message, "%s", EVIL);
    snprintf(a.operator_name, sizeof a.operator_name, "%s", EVIL);
    RENDER(page_attempt(&page, &a, &t, &out));
    CU_ASSERT_TRUE(has("<q>&lt;script&gt;"));
    CU_ASSERT_TRUE(has("Try again"));
    asha.role = OTR_ROLE_AUDITOR; /* may look, but /refunds is not open to auditors */
    RENDER(page_attempt(&page, &a, &t, &out));
    CU_ASSERT_FALSE(has("/refunds/"));
}

static const CU_TestInfo tests[] = {
    {"money", test_money},
    {"times", test_times},
    {"refresh", test_refresh},
    {"desk", test_desk},
    {"navigation", test_navigation},
    {"refund pending", test_pending},
    {"forms by status", test_forms_by_status},
    {"unanswered", test_unanswered},
    {"no such transaction", test_no_such},
    {"asking", test_asking},
    {"open attempt", test_open_attempt},
    {"limits", test_limits},
    {"form errors", test_form_errors},
    {"history", test_history},
    {"contradicted", test_contradicted},
    {"hostile transaction", test_hostile_transaction},
    {"every attempt", test_every_attempt},
    {"receipt", test_receipt},
    {"not sent", test_not_sent},
    {"otp attempt", test_otp_attempt},
    {"unknown attempt", test_unknown_attempt},
    CU_TEST_INFO_NULL,
};

int main(void) {
    return suite_run_table("page", page_check_start, page_check_stop, tests);
}
