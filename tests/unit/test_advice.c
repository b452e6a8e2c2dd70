/*
 * test_advice.c - for every outcome and reason: what happened, what to do, what to say, and no
 * false claim.
 */
#include <CUnit/Basic.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/advice.h"
#include "fcgi/desk.h"
#include "tests/unit/suite.h"

static struct otr_attempt attempt(enum otr_kind kind, enum otr_outcome outcome,
                                  enum otr_reason reason) {
    struct otr_attempt a = {.attempt_id = 7,
                            .kind = kind,
                            .outcome = outcome,
                            .reason = reason,
                            .tx_status = OTR_NO_STATUS,
                            .amount = OTR_NO_AMOUNT,
                            .refunded_amount = OTR_NO_AMOUNT};
    return a;
}

static bool has(const char *text, const char *part) {
    return strstr(text, part) != NULL;
}

/* The word on its own, in any case: "sent" is in "has been sent." but not in "presented". */
static bool has_word(const char *text, const char *word) {
    size_t size = strlen(word);
    for (const char *p = text; (p = strcasestr(p, word)) != NULL; p++)
        if ((p == text || !isalpha((unsigned char)p[-1])) && !isalpha((unsigned char)p[size]))
            return true;
    return false;
}

static bool may_be(enum otr_kind kind, enum otr_outcome outcome) {
    switch (outcome) {
    case OTR_OUTCOME_SENT:
    case OTR_OUTCOME_UNCONFIRMED:
        return kind == OTR_KIND_OTP;
    case OTR_OUTCOME_REFUNDED:
        return kind == OTR_KIND_REFUND;
    case OTR_OUTCOME_ANSWERED:
        return kind == OTR_KIND_INQUIRY;
    default:
        return true;
    }
}

static void filled(const struct advice *d, const char *where) {
    bool ok = d->title && *d->title && d->badge && *d->badge && d->happened && *d->happened &&
              d->counter && *d->counter && d->customer && *d->customer && d->why && d->also &&
              d->tone < ADVICE_TONE__MAX;
    if (!ok)
        printf("\n  not filled: %s\n", where);
    CU_ASSERT_TRUE(ok);
}

static void test_all_filled(void) {
    char where[120];
    for (int k = 1; k < OTR_KIND__MAX; k++)
        for (int o = 0; o < OTR_OUTCOME__MAX; o++)
            for (int r = 0; r < OTR_REASON__MAX; r++) {
                struct otr_attempt a =
                    attempt((enum otr_kind)k, (enum otr_outcome)o, (enum otr_reason)r);
                struct advice d;
                advice_for(&a, &d);
                snprintf(where, sizeof where, "kind %d outcome %d reason %d", k, o, r);
                filled(&d, where);
                bool known = strcmp(d.badge, "Not known") != 0;
                CU_ASSERT_EQUAL(known, may_be(a.kind, a.outcome));
                bool ours = o == OTR_OUTCOME_NOT_SENT && r && r < OTR_REASON_CONNECT_FAILED;
                if (known && r)
                    CU_ASSERT_STRING_EQUAL(d.why,
                                           ours ? "The request could not be made or signed here."
                                                : advice_why(a.reason));
                if (o == OTR_OUTCOME_REJECTED)
                    CU_ASSERT(*d.why != '\0');
            }
}

static void test_every_reason_has_its_row(void) {
    for (int r = 1; r < OTR_REASON__MAX; r++) {
        const char *why = advice_why((enum otr_reason)r);
        CU_ASSERT_PTR_NOT_NULL(why);
        if (!why) {
            printf("\n  no row for reason %d\n", r);
            continue;
        }
        CU_ASSERT(strlen(why) > 10);
        CU_ASSERT_EQUAL(why[strlen(why) - 1], '.');
        for (int other = 1; other < r; other++)
            CU_ASSERT(strcmp(why, advice_why((enum otr_reason)other)) != 0);
    }
    CU_ASSERT_PTR_NULL(advice_why(OTR_REASON_NONE));
    CU_ASSERT_PTR_NULL(advice_why(OTR_REASON__MAX));
}

/* Promise 9: an OTP that is not confirmed never reads as sent, whatever the reason. */
static void test_never_sent(void) {
    static const enum otr_outcome unsure[] = {OTR_OUTCOME_NONE, OTR_OUTCOME_UNCONFIRMED,
                                              OTR_OUTCOME_UNKNOWN, OTR_OUTCOME_REJECTED,
                                              OTR_OUTCOME_NOT_SENT};
    static const char *const claims[] = {"sent", "texted", "delivered", "received"};
    for (size_t o = 0; o < sizeof unsure / sizeof *unsure; o++)
        for (int r = 0; r < OTR_REASON__MAX; r++) {
            struct otr_attempt a = attempt(OTR_KIND_OTP, unsure[o], (enum otr_reason)r);
            struct advice d;
            advice_for(&a, &d);
            const char *all[] = {d.badge,   d.title, d.happened, d.why,
                                 d.counter, d.also,  d.customer};
            for (size_t i = 0; i < sizeof all / sizeof *all; i++)
                for (size_t c = 0; c < sizeof claims / sizeof *claims; c++) {
                    if (has_word(all[i], claims[c]))
                        printf("\n  \"%s\" says \"%s\"\n", all[i], claims[c]);
                    CU_ASSERT_FALSE(has_word(all[i], claims[c]));
                }
        }
    struct otr_attempt a = attempt(OTR_KIND_OTP, OTR_OUTCOME_SENT, OTR_REASON_NONE);
    struct advice d;
    advice_for(&a, &d);
    CU_ASSERT_TRUE(has_word(d.title, "sent"));
}

/*
 * Promise 3: only a proof reads as refunded; an unsure one says "not twice, not again" for every
 * reason.
 */
static void test_unsure_refund(void) {
    for (int r = 0; r < OTR_REASON__MAX; r++) {
        struct otr_attempt a = attempt(OTR_KIND_REFUND, OTR_OUTCOME_UNKNOWN, (enum otr_reason)r);
        struct advice d;
        advice_for(&a, &d);
        CU_ASSERT_TRUE(has(d.counter, "Do not return the cash a second time and do not try again"));
        CU_ASSERT_EQUAL(d.tone, ADVICE_CARE);
        CU_ASSERT_TRUE(has(d.title, "not confirmed"));
        a.outcome = OTR_OUTCOME_NONE;
        advice_for(&a, &d);
        CU_ASSERT_TRUE(has(d.counter, "Do not return the cash a second time"));
        CU_ASSERT_EQUAL(d.tone, ADVICE_WAIT);
        a.outcome = OTR_OUTCOME_REJECTED;
        advice_for(&a, &d);
        CU_ASSERT_TRUE(has(d.counter, "Do not return the cash a second time"));
        CU_ASSERT_FALSE(has(d.title, "Refunded"));
        CU_ASSERT_EQUAL(d.tone, ADVICE_BAD);
        a.outcome = OTR_OUTCOME_NOT_SENT;
        advice_for(&a, &d);
        CU_ASSERT_TRUE(has(d.title, "Nothing was sent"));
        CU_ASSERT_TRUE(has(d.counter, "Try again"));
    }
}

/* Before the cash is out nobody is told that it is. */
static void test_before_cash(void) {
    static const enum otr_kind kinds[] = {OTR_KIND_OTP, OTR_KIND_INQUIRY};
    for (size_t k = 0; k < 2; k++)
        for (int r = 0; r < OTR_REASON__MAX; r++) {
            struct otr_attempt a = attempt(kinds[k], OTR_OUTCOME_REJECTED, (enum otr_reason)r);
            struct advice d;
            advice_for(&a, &d);
            CU_ASSERT_FALSE(has(d.counter, "cash is out"));
            CU_ASSERT_FALSE(has(d.counter, "a second time"));
            CU_ASSERT_FALSE(has(d.customer, "You have your cash"));
            CU_ASSERT_TRUE(has(d.counter, "Do not return cash"));
        }
}

static void test_reasons_that_matter(void) {
    struct advice d;
    struct otr_attempt a = attempt(OTR_KIND_REFUND, OTR_OUTCOME_REJECTED, OTR_REASON_WRONG_OTP);
    advice_for(&a, &d);
    CU_ASSERT_TRUE(has(d.counter, "newest SMS"));
    a.reason = OTR_REASON_OTP_EXPIRED;
    advice_for(&a, &d);
    CU_ASSERT_TRUE(has(d.counter, "Send a new OTP"));
    a.reason = OTR_REASON_BAD_CREDENTIALS;
    advice_for(&a, &d);
    CU_ASSERT_TRUE(has(d.why, "clock"));
    CU_ASSERT_TRUE(has(d.also, "looks after this system"));
    a = attempt(OTR_KIND_INQUIRY, OTR_OUTCOME_UNKNOWN, OTR_REASON_NO_SUCH_TRANSACTION);
    advice_for(&a, &d);
    CU_ASSERT_TRUE(has(d.counter, "Compare it with the customer's slip"));
}

static void test_settled_later(void) {
    struct advice d;
    struct otr_attempt a = attempt(OTR_KIND_REFUND, OTR_OUTCOME_UNKNOWN, OTR_REASON_NO_ANSWER);
    a.resolution = OTR_RESOLUTION_REFUNDED;
    a.resolved_by = OTR_HOW_INQUIRY;
    advice_for(&a, &d);
    CU_ASSERT_EQUAL(d.tone, ADVICE_GOOD);
    CU_ASSERT_TRUE(has(d.happened, "Asked again, it said: refunded"));
    CU_ASSERT_STRING_EQUAL(d.why, "");
    a.resolved_by = OTR_HOW_MANUAL;
    advice_for(&a, &d);
    CU_ASSERT_TRUE(has(d.happened, "supervisor settled"));
    a.outcome = OTR_OUTCOME_NONE;
    advice_for(&a, &d);
    CU_ASSERT_EQUAL(d.tone, ADVICE_GOOD);
    a.outcome = OTR_OUTCOME_UNKNOWN;
    a.resolution = OTR_RESOLUTION_NOT_REFUNDED;
    a.resolved_by = OTR_HOW_INQUIRY;
    for (int tx = -1; tx < 12; tx++) {
        a.tx_status = tx;
        advice_for(&a, &d);
        filled(&d, "not refunded after an inquiry");
        CU_ASSERT_EQUAL(d.tone, ADVICE_BAD);
        CU_ASSERT_TRUE(has(d.counter, "Do not return the cash a second time"));
        CU_ASSERT_EQUAL(has(d.counter, "new OTP"), tx != 0 && tx != 1);
    }
    a.resolved_by = OTR_HOW_MANUAL;
    advice_for(&a, &d);
    CU_ASSERT_TRUE(has(d.happened, "supervisor settled"));
}

static void test_outside_the_enums(void) {
    struct advice d;
    struct otr_attempt a = attempt((enum otr_kind)99, OTR_OUTCOME_SENT, OTR_REASON_NONE);
    advice_for(&a, &d);
    filled(&d, "kind 99");
    CU_ASSERT_STRING_EQUAL(d.badge, "Not known");
    a = attempt(OTR_KIND_OTP, (enum otr_outcome)99, OTR_REASON_NONE);
    advice_for(&a, &d);
    CU_ASSERT_STRING_EQUAL(d.badge, "Not known");
    a = attempt(OTR_KIND_REFUND, OTR_OUTCOME_REJECTED, (enum otr_reason)99);
    advice_for(&a, &d);
    CU_ASSERT_STRING_EQUAL(d.badge, "Not known");
    a = attempt(OTR_KIND_NONE, OTR_OUTCOME_NONE, OTR_REASON_NONE);
    advice_for(&a, &d);
    CU_ASSERT_STRING_EQUAL(d.badge, "Not known");
    CU_ASSERT_STRING_EQUAL(advice_tone_name((enum advice_tone)99), "plain");
}

static void test_tx_status(void) {
    for (int s = -1; s < 20; s++) {
        CU_ASSERT(strlen(advice_tx_word(s)) > 0);
        CU_ASSERT(strlen(advice_tx_meaning(s)) > 0);
        bool initiated = s == 2 || s > 5;
        CU_ASSERT_EQUAL(strcmp(advice_tx_word(s), advice_tx_word(2)) == 0, initiated);
    }
    CU_ASSERT_STRING_EQUAL(advice_tx_word(3), "Refund pending");
    CU_ASSERT_STRING_EQUAL(advice_tx_word(4), "Refunded");
}

/* What is not known is not claimed: neither that it was recorded nor that it was not. */
static void test_the_journal_is_away(void) {
    struct otr_fault f = {0};
    char sentence[400];
    desk_sentence(OTR_NO_JOURNAL, &f, text_clock, sentence, sizeof sentence);
    CU_ASSERT_PTR_NOT_NULL(strstr(sentence, "nothing was recorded, so nothing was sent"));
    f.unsure = true;
    desk_sentence(OTR_NO_JOURNAL, &f, text_clock, sentence, sizeof sentence);
    CU_ASSERT_PTR_NOT_NULL(strstr(sentence, "whether this was recorded is not known. Nothing was"));
    CU_ASSERT_PTR_NOT_NULL(strstr(sentence, "same form or key"));
    CU_ASSERT_PTR_NULL(strstr(sentence, "nothing was recorded"));
}

static void test_times_told(void) {
    struct otr_fault f = {.retry_at = INT64_C(1795922133000)};
    char sentence[400];
    desk_sentence(OTR_LIMITED, &f, text_rfc3339, sentence, sizeof sentence);
    CU_ASSERT_PTR_NOT_NULL(strstr(sentence, "Try again at 2026-11-29T03:15:33.000Z."));
    desk_sentence(OTR_LIMITED, &f, text_clock, sentence, sizeof sentence);
    CU_ASSERT_PTR_NULL(strstr(sentence, "2026"));
}

int main(void) {
    CU_pSuite s = suite_begin("advice", NULL, NULL);
    if (!s || !CU_add_test(s, "all filled", test_all_filled) ||
        !CU_add_test(s, "every reason has its row", test_every_reason_has_its_row) ||
        !CU_add_test(s, "never sent", test_never_sent) ||
        !CU_add_test(s, "unsure refund", test_unsure_refund) ||
        !CU_add_test(s, "before the cash", test_before_cash) ||
        !CU_add_test(s, "reasons that matter", test_reasons_that_matter) ||
        !CU_add_test(s, "settled later", test_settled_later) ||
        !CU_add_test(s, "outside the enums", test_outside_the_enums) ||
        !CU_add_test(s, "tx_status", test_tx_status) ||
        !CU_add_test(s, "the journal is away", test_the_journal_is_away) ||
        !CU_add_test(s, "times told", test_times_told))
        return 1;
    return suite_run();
}
