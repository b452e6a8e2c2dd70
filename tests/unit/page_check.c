/* page_check.c - what the tests of pages share. */
#include "tests/unit/page_check.h"

#include <CUnit/Basic.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct templates *templates;
struct otr_operator asha = {
    .name = "asha", .full_name = "Asha Verma", .role = OTR_ROLE_OPERATOR, .may_refund = true};
struct page page;
struct buf out;

int page_check_start(void) {
    char folder[1024], why[256];
    const char *top = getenv("srcdir");
    setenv("TZ", "Asia/Kolkata", 1);
    tzset();
    snprintf(folder, sizeof folder, "%s/web/templates", top ? top : ".");
    templates = templates_load(folder, why, sizeof why);
    if (!templates)
        printf("%s\n", why);
    return templates ? 0 : 1;
}

int page_check_stop(void) {
    buf_free(&out);
    templates_free(templates);
    return 0;
}

void begin(void) {
    asha.role = OTR_ROLE_OPERATOR;
    page = (struct page){.templates = templates,
                         .viewer = &asha,
                         .zone = "Asia/Kolkata",
                         .csrf_token = "token-1",
                         .idempotency_key = {"key-otp", "key-refund"},
                         .request_id = "req-1",
                         .now = NOW};
}

/* ---- what must hold for every page ------------------------------------------------------ */

/* Every tag closed in order, every attribute quoted: XML's rules. */
static const char *unbalanced(const char *p) {
    static char stack[100][24];
    int depth = 0;
    for (p = strchr(p, '<'); p; p = strchr(p, '<')) {
        char name[24] = "";
        bool closes = p[1] == '/';
        const char *start = p, *q = p + 1 + closes;
        size_t n = 0;
        if (*q == '!') {
            p = strchr(p, '>');
            continue;
        }
        while (isalnum((unsigned char)*q) && n < sizeof name - 1)
            name[n++] = *q++;
        while (*q && *q != '>') {
            if (*q == '"')
                q = strchr(q + 1, '"');
            if (!q || *q == '<')
                return start;
            q++;
        }
        if (!*q || n == 0)
            return start;
        if (closes && (depth == 0 || strcmp(stack[--depth], name) != 0))
            return start;
        if (!closes && q[-1] != '/') {
            if (depth == 100)
                return start;
            memcpy(stack[depth++], name, sizeof name);
        }
        p = q;
    }
    return depth ? stack[depth - 1] : NULL;
}

bool has(const char *text) {
    return out.bytes && strstr(out.bytes, text) != NULL;
}

int count(const char *text) {
    int n = 0;
    for (const char *p = out.bytes; (p = strstr(p, text)) != NULL; p += strlen(text))
        n++;
    return n;
}

/* Every label, description and link within the page has what it points to. */
static void check_references(void) {
    static const char *const kinds[] = {" for=\"", "aria-labelledby=\"", "aria-describedby=\"",
                                        "href=\"#"};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (const char *p = out.bytes; (p = strstr(p, kinds[k])) != NULL;) {
            p += strlen(kinds[k]);
            while (*p && *p != '"') {
                char id[80];
                int n = (int)strcspn(p, " \"");
                snprintf(id, sizeof id, " id=\"%.*s\"", n, p);
                if (!has(id))
                    printf("\n  nothing has%s\n", id);
                CU_ASSERT_TRUE(has(id));
                p += n;
                p += *p == ' ';
            }
        }
}

void check_page(bool rendered, int line) {
    CU_ASSERT_TRUE_FATAL(rendered);
    const char *wrong = unbalanced(out.bytes);
    if (wrong)
        printf("\n  line %d: not well-formed at: %.80s\n", line, wrong);
    CU_ASSERT_PTR_NULL(wrong);
    CU_ASSERT_EQUAL(strncmp(out.bytes, "<!DOCTYPE html>\n<html lang=\"en\">", 32), 0);
    CU_ASSERT_FALSE(has(" style="));
    CU_ASSERT_FALSE(has("<style"));
    CU_ASSERT_FALSE(has("<script"));
    CU_ASSERT_FALSE(has(" onload=\""));
    CU_ASSERT_FALSE(has("javascript:"));
    CU_ASSERT_FALSE(has("{{"));
    CU_ASSERT_FALSE(has("(null)"));
    CU_ASSERT_EQUAL(count("<h1"), 1);
    CU_ASSERT_EQUAL(count("<main id=\"main\""), 1);
    CU_ASSERT_EQUAL(count("href=\"/style.css\""), 1);
    CU_ASSERT_TRUE(has("class=\"skip\" href=\"#main\""));
    CU_ASSERT_EQUAL(count("<table"), count("<caption"));
    check_references();
}

/* ---- records ---------------------------------------------------------------------------- */

struct otr_attempt attempt(enum otr_kind kind, enum otr_outcome outcome, enum otr_reason reason) {
    struct otr_attempt a = {.attempt_id = 118,
                            .tid = "3211509412",
                            .kind = kind,
                            .channel = OTR_CHANNEL_DESK,
                            .operator_name = "asha",
                            .started_at = NOW - 4000,
                            .outcome = outcome,
                            .reason = reason,
                            .tx_status = OTR_NO_STATUS,
                            .amount = 505000,
                            .refunded_amount = OTR_NO_AMOUNT,
                            .http_status = 200};
    if (outcome)
        a.finished_at = NOW - 3000;
    if (kind == OTR_KIND_REFUND) {
        if (outcome == OTR_OUTCOME_REFUNDED)
            a.resolution = OTR_RESOLUTION_REFUNDED;
        else if (outcome == OTR_OUTCOME_REJECTED || outcome == OTR_OUTCOME_NOT_SENT)
            a.resolution = OTR_RESOLUTION_NOT_REFUNDED;
        a.open = a.resolution == OTR_RESOLUTION_NONE;
        a.resolved_at = a.open ? 0 : NOW - 3000;
        a.resolved_by = a.open ? OTR_HOW_NONE : OTR_HOW_ANSWER;
        a.next_inquiry_at = a.open ? NOW + 23000 : 0;
    }
    return a;
}

struct otr_transaction transaction(int tx_status) {
    struct otr_transaction t = {.tid = "3211509412",
                                .client_ref_id = "SET-1",
                                .amount = 505000,
                                .tx_status = tx_status,
                                .customer = "R. K., ******0001",
                                .recipient = "S. D.",
                                .transacted_at = NOW - 3 * 24 * 60 * MINUTE,
                                .answered_at = NOW - 60 * MINUTE};
    return t;
}
