/*
 * table.c - every row of the bank's table of last two digits, driven through the desk's pages:
 * page, journal and the bank's book must agree.  All refunds are started, then each is awaited.
 */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/it.h"

enum typed {
    RIGHT,   /* the OTP from the customer's phone */
    WRONG,   /* one that was never texted */
    EXPIRED, /* the right one, too late */
    NOTHING  /* the desk offers no form: the JSON API asks all the same, with a made-up OTP */
};

/* One row: what we must make of what the bank does.  refund NULL: none is tried. */
struct rule {
    int last; /* last two digits */
    enum typed typed;
    const char *otp, *otp_reason; /* outcome and reason of sending the OTP */
    const char *refund, *reason;  /* outcome and reason of submitting it */
    const char *resolution, *by;  /* how it ends */
    bool texted, executed;        /* the bank's book: an SMS went out; the money moved */
};

static const struct rule rules[] = {
    {0, RIGHT, "sent", "", "refunded", "", "refunded", "answer", true, true},
    {1, RIGHT, "sent", "", "refunded", "", "refunded", "answer", true, true},
    {42, RIGHT, "sent", "", "refunded", "", "refunded", "answer", true, true},
    {79, RIGHT, "sent", "", "refunded", "", "refunded", "answer", true, true},
    {2, WRONG, "sent", "", "rejected", "wrong_otp", "not_refunded", "answer", true, false},
    {3, WRONG, "sent", "", "rejected", "wrong_otp", "not_refunded", "answer", true, false},
    {4, EXPIRED, "sent", "", "rejected", "otp_expired", "not_refunded", "answer", true, false},
    {81, NOTHING, "rejected", "invalid_tid", NULL, NULL, NULL, NULL, false, false},
    {82, RIGHT, "sent", "", "unknown", "no_answer", "refunded", "inquiry", true, true},
    {83, RIGHT, "sent", "", "unknown", "no_answer", "not_refunded", "inquiry", true, false},
    {84, RIGHT, "sent", "", "unknown", "in_progress", "refunded", "inquiry", true, true},
    {85, RIGHT, "sent", "", "unknown", "in_progress", "refunded", "inquiry", true, true},
    {86, RIGHT, "sent", "", "unknown", "bank_error", "refunded", "inquiry", true, true},
    {87, RIGHT, "sent", "", "unknown", "bank_error", "not_refunded", "inquiry", true, false},
    {88, RIGHT, "sent", "", "unknown", "connection_lost", "refunded", "inquiry", true, true},
    {89, RIGHT, "sent", "", "unknown", "unreadable_answer|connection_lost", "refunded", "inquiry",
     true, true},
    {90, NOTHING, "rejected", "already_refunded", "rejected", "already_refunded", "not_refunded",
     "answer", false, false},
    {91, NOTHING, "rejected", "not_refundable", "rejected", "not_refundable", "not_refunded",
     "answer", false, false},
    {92, NOTHING, "rejected", "not_refundable", "rejected", "not_refundable", "not_refunded",
     "answer", false, false},
    {93, RIGHT, "sent", "", "refunded", "", "refunded", "answer", true, true},
    {94, NOTHING, "rejected", "no_such_transaction", "rejected", "no_such_transaction",
     "not_refunded", "answer", false, false},
    {95, RIGHT, "sent", "", "unknown", "no_answer", "refunded", "inquiry", true, true},
    /* The callback wakes an inquiry, which may be quicker than the answer: either may settle it. */
    {96, RIGHT, "sent", "", "refunded", "", "refunded", "answer|inquiry", true, true},
    {97, RIGHT, "sent", "", "unknown", "other_tid", "refunded", "inquiry", true, true},
    {98, NOTHING, "rejected", "bad_credentials", "rejected", "bad_credentials", "not_refunded",
     "answer", false, false},
};
#define RULES ((int)(sizeof rules / sizeof rules[0]))

static struct run {
    const char *tid;
    char about[40];
    long otp_id, refund_id;
    bool seen_unknown; /* the page of the open, unknown attempt was looked at */
} runs[RULES];

/* got is one of the words of expected, which are parted by '|'. */
static void expect_word(const char *about, const char *what, const char *expected,
                        const char *got) {
    size_t n = strlen(got);
    for (const char *p = expected;; p++) {
        const char *end = strchrnul(p, '|');
        if ((size_t)(end - p) == n && strncmp(p, got, n) == 0) {
            expect_text(about, what, got, got);
            return;
        }
        if (!*end)
            break;
        p = end;
    }
    expect_text(about, what, expected, got);
}

/* ---- what the page of an attempt says -------------------------------------------------------- */

/* Looks at the page between two looks at the journal: if nothing changed, its words are binding. */
static void look_while_open(struct run *n) {
    char path[64];
    struct reply r = {0};
    struct row before = row_of(n->refund_id);
    snprintf(path, sizeof path, "/attempts/%ld", n->refund_id);
    client_get(&it.desk, path, &r);
    struct row after = row_of(n->refund_id);
    if (before.found && !*before.resolution && !*after.resolution &&
        strcmp(before.outcome, after.outcome) == 0) {
        expect_status(n->about, &r, 200);
        expect(!reply_says(&r, "Not refunded"),
               "%s: the page of an open attempt says 'Not refunded'", n->about);
        expect_says(n->about, &r, "Do not return the cash a second time");
        n->seen_unknown = n->seen_unknown || strcmp(before.outcome, "unknown") == 0;
    }
    reply_free(&r);
}

static void look_when_settled(const struct rule *x, const struct run *n, const struct row *w) {
    char path[64];
    struct reply r = {0};
    snprintf(path, sizeof path, "/attempts/%ld", n->refund_id);
    client_get(&it.desk, path, &r);
    expect_status(n->about, &r, 200);
    expect_says(n->about, &r, n->tid);
    if (strcmp(w->resolution, "refunded") == 0) {
        expect_says(n->about, &r, "back in your e-value");
        expect(!reply_says(&r, "Not refunded"), "%s: the page of a refund says it was none",
               n->about);
    } else if (strcmp(x->reason, "wrong_otp") == 0) {
        expect_says(n->about, &r, "OTP");
        expect_says(n->about, &r, "wrong");
    } else if (strcmp(x->reason, "otp_expired") == 0) {
        expect_says(n->about, &r, "run out");
    } else if (strcmp(x->reason, "already_refunded") == 0) {
        expect_says(n->about, &r, "already");
    }
    expect(!reply_says(&r, "{2}"), "%s: the page shows an unfilled token", n->about);
    reply_free(&r);
}

/* 97: the answer named another TID.  What settled it later does not hide that (promise 5). */
static void look_contradicted(const struct rule *x, const struct run *n) {
    char path[96], link[64];
    struct reply r = {0};
    bool expected = x->last == 97;
    expect_number(
        n->about, "contradictions", expected,
        db_number("select count(*) from otprefund.contradiction c join otprefund.attempt a"
                  " using (attempt_id) where a.tid::text = $1",
                  n->tid, NULL));
    if (!expected)
        return;
    snprintf(path, sizeof path, "/attempts/%ld", n->refund_id);
    client_get(&it.desk, path, &r);
    expect_says(n->about, &r, "disagrees with what is shown here");
    snprintf(path, sizeof path, "/refunds/%s", n->tid);
    client_get(&it.desk, path, &r);
    expect_says(n->about, &r, "disagrees with what is recorded");
    snprintf(path, sizeof path, "/attempts?status=contradicted&tid=%s", n->tid);
    snprintf(link, sizeof link, "/attempts/%ld", n->refund_id);
    client_get(&it.desk, path, &r);
    expect_says(n->about, &r, link);
    reply_free(&r);
}

/* ---- one row, from the page to the POST ------------------------------------------------------ */

/* Where the desk offers no form, a machine may still ask: the bank's refusal must be understood. */
static void start_by_api(const struct rule *x, struct run *n) {
    char path[96], key[33], otp[9], body[64], id[32];
    struct reply r = {0};
    snprintf(path, sizeof path, "/api/v1/transactions/%s/otp", n->tid);
    api_call(path, "{}", fresh_key(key), NULL, &r);
    n->otp_id = strtol(json_field(&r, "attempt_id", id, sizeof id), NULL, 10);
    expect(n->otp_id > 0, "%s: POST %s: no attempt, HTTP %d", n->about, path, r.status);
    if (x->refund) {
        snprintf(path, sizeof path, "/api/v1/transactions/%s/refunds", n->tid);
        snprintf(body, sizeof body, "{\"otp\":\"%s\"}", wrong_otp(otp));
        api_call(path, body, fresh_key(key), NULL, &r);
        n->refund_id = strtol(json_field(&r, "attempt_id", id, sizeof id), NULL, 10);
        expect(n->refund_id > 0, "%s: POST %s: no attempt, HTTP %d", n->about, path, r.status);
    }
    reply_free(&r);
}

static void start_by_desk(const struct rule *x, struct run *n) {
    struct reply r = {0};
    char otp[16], never[9];
    n->otp_id = send_otp(&it.desk, n->tid, &r);
    if (n->otp_id) {
        wait_outcome(n->otp_id, 20);
        bool there = phone_otp(n->tid, otp, sizeof otp);
        expect(there, "%s: no OTP on the customer's phone", n->about);
        if (x->typed == EXPIRED)
            bank_control("/clock", "{\"advance_s\":700}");
        n->refund_id =
            submit_otp(&it.desk, n->tid, x->typed == WRONG || !there ? wrong_otp(never) : otp, &r);
    }
    reply_free(&r);
}

static void start(const struct rule *x, struct run *n) {
    char path[64], action[64];
    struct reply r = {0};
    struct form f;
    n->tid = new_tid(x->last);
    snprintf(n->about, sizeof n->about, "row %02d (%s)", x->last, n->tid);
    snprintf(path, sizeof path, "/refunds/%s", n->tid);
    snprintf(action, sizeof action, "/refunds/%s/refund", n->tid);
    client_get(&it.desk, path, &r);
    expect_status(n->about, &r, 200);
    if (x->typed == NOTHING && x->last != 81) /* 81 is refundable: only its OTP call is refused */
        expect(!form_find(&r, action, &f), "%s: the page offers a refund that cannot be made",
               n->about);
    reply_free(&r);
    if (x->typed == NOTHING)
        start_by_api(x, n);
    else
        start_by_desk(x, n);
    if (n->refund_id && strcmp(x->refund, "unknown") == 0)
        look_while_open(n);
}

/* ---- one row, when it is settled ------------------------------------------------------------- */

static long long paise(const char *text) {
    long long rupees = 0, rest = 0;
    if (sscanf(text, "%lld.%2lld", &rupees, &rest) < 1)
        return -1;
    return rupees * 100 + rest;
}

static void finish_otp(const struct rule *x, const struct run *n) {
    struct row w = wait_outcome(n->otp_id, 20);
    char path[64];
    struct reply r = {0};
    expect_text(n->about, "kind", "otp", w.kind);
    expect_text(n->about, "otp outcome", x->otp, w.outcome);
    expect_text(n->about, "otp reason", x->otp_reason, w.reason);
    snprintf(path, sizeof path, "/attempts/%ld", n->otp_id);
    client_get(&it.desk, path, &r);
    expect_status(n->about, &r, 200);
    reply_free(&r);
}

static void finish_refund(const struct rule *x, struct run *n) {
    for (int i = 0; i < 100 && !*row_of(n->refund_id).resolution; i++) {
        look_while_open(n);
        nap_ms(300);
    }
    struct row w = wait_settled(n->refund_id, 20);
    if (strcmp(w.resolved_by, "answer") != 0)
        w = wait_outcome(n->refund_id, 20);
    expect_text(n->about, "tid", n->tid, w.tid);
    expect_text(n->about, "kind", "refund", w.kind);
    expect_text(n->about, "refund outcome", x->refund, w.outcome);
    expect_word(n->about, "refund reason", x->reason, w.reason);
    expect_text(n->about, "resolution", x->resolution, w.resolution);
    expect_word(n->about, "resolved by", x->by, w.resolved_by);
    look_when_settled(x, n, &w);
    look_contradicted(x, n);
    if (strcmp(x->resolution, "refunded") == 0) {
        expect_number(n->about, "refunded_amount in paise", book_of(n->tid).credited,
                      paise(w.refunded_amount));
        expect(paise(w.amount) > 0, "%s: no amount in the journal", n->about);
    } else {
        expect_text(n->about, "refunded_amount", "", w.refunded_amount);
    }
    expect_number(n->about, "open attempts", 0,
                  db_number("select count(*) from otprefund.open_attempt where tid::text = $1",
                            n->tid, NULL));
}

static void finish_book(const struct rule *x, const struct run *n) {
    struct book b = book_of(n->tid);
    expect(b.known, "%s: not in the bank's book", n->about);
    expect_number(n->about, "otp_sent in the book", x->texted, b.otp_sent);
    expect_number(n->about, "otp_calls in the book", 1, b.otp_calls);
    expect_number(n->about, "initiate_calls in the book", x->refund != NULL, b.initiate_calls);
    expect_number(n->about, "initiate_executed in the book", x->executed, b.initiate_executed);
    expect(x->executed == (b.credited > 0), "%s: credited %lld paise", n->about, b.credited);
}

static void start_all(void) {
    for (int i = 0; i < RULES; i++)
        start(&rules[i], &runs[i]);
}

static void finish_all(void) {
    int unknown_seen = 0;
    for (int i = 0; i < RULES; i++) {
        struct run *n = &runs[i];
        if (n->otp_id)
            finish_otp(&rules[i], n);
        if (n->refund_id)
            finish_refund(&rules[i], n);
        finish_book(&rules[i], n);
        unknown_seen += n->seen_unknown;
    }
    expect(unknown_seen > 0, "no page of an open, unknown attempt was seen");
}

/* ---- the rows that need words of their own --------------------------------------------------- */

/* 80: the bank accepts, but texts nothing: never "sent" (promise 9). */
static void unconfirmed(void) {
    const char *tid = new_tid(80);
    char otp[16];
    struct reply r = {0};
    long id = send_otp(&it.desk, tid, &r);
    struct row w = wait_outcome(id, 20);
    struct book b = book_of(tid);
    expect_text(tid, "otp outcome", "unconfirmed", w.outcome);
    expect(!phone_otp(tid, otp, sizeof otp), "%s: row 80 texts nothing, but the phone has an OTP",
           tid);
    expect_number(tid, "otp_calls in the book", 1, b.otp_calls);
    expect_number(tid, "otp_sent in the book", 0, b.otp_sent);
    expect(!reply_says(&r, "OTP sent") && !reply_says(&r, "OTP was sent") &&
               !reply_says(&r, "has been sent"),
           "%s: the page says sent for an unconfirmed OTP", tid);
    reply_free(&r);
}

/* 99: something else each time; whatever it is, the three truths must not contradict each other. */
#define ANYS 6
static struct run anys[ANYS];

static void start_any(struct run *n) {
    char path[96], key[33], otp[16], never[9], body[64], id[32];
    struct reply r = {0};
    n->tid = new_tid(99);
    snprintf(n->about, sizeof n->about, "row 99 (%s)", n->tid);
    snprintf(path, sizeof path, "/api/v1/transactions/%s/otp", n->tid);
    api_call(path, "{}", fresh_key(key), NULL, &r);
    bool texted = phone_otp(n->tid, otp, sizeof otp);
    snprintf(path, sizeof path, "/api/v1/transactions/%s/refunds", n->tid);
    snprintf(body, sizeof body, "{\"otp\":\"%s\"}", texted ? otp : wrong_otp(never));
    api_call(path, body, fresh_key(key), "Prefer: wait=0", &r);
    n->refund_id = strtol(json_field(&r, "attempt_id", id, sizeof id), NULL, 10);
    expect(n->refund_id > 0, "%s: no attempt, HTTP %d", n->about, r.status);
    reply_free(&r);
}

static void start_anys(void) {
    for (int i = 0; i < ANYS; i++)
        start_any(&anys[i]);
}

static void finish_anys(void) {
    for (int i = 0; i < ANYS; i++) {
        const char *about = anys[i].about;
        struct row w = wait_settled(anys[i].refund_id, 60);
        struct book b = book_of(anys[i].tid);
        expect(*w.resolution, "%s: outcome %s %s is not settled", about, w.outcome, w.reason);
        expect_number(about, "initiate_calls in the book", 1, b.initiate_calls);
        expect_text(about, "resolution", b.initiate_executed ? "refunded" : "not_refunded",
                    w.resolution);
        if (b.initiate_executed)
            expect_number(about, "refunded_amount", b.credited, paise(w.refunded_amount));
    }
}

void suite_table(void) {
    CU_pSuite s = CU_add_suite("table", NULL, NULL);
    CU_add_test(s, "every row is started at the desk", start_all);
    CU_add_test(s, "row 80: unconfirmed is never called sent", unconfirmed);
    CU_add_test(s, "row 99: one of any is started", start_anys);
    CU_add_test(s, "every row ends as the bank's book says", finish_all);
    CU_add_test(s, "row 99: whatever it was, it ends as the book says", finish_anys);
}
