/* test_answer.c - core/answer: every line of tests/cases/answers.tsv, cut short and damaged too. */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/answer.h"
#include "core/answer_json.h"
#include "core/answer_parts.h"
#include "tests/unit/suite.h"

#define CASES_MAX 400
#define LINE_SIZE 4096
#define FIELDS    15

enum field {
    NAME,
    KIND,
    HTTP,
    ASKED_TID,
    OUTCOME,
    REASON,
    TX_STATUS,
    TID,
    AMOUNT,
    REFUNDED_AMOUNT,
    REFUND_TID,
    OTP_REF_ID,
    CUSTOMER,
    MESSAGE,
    BODY
};

struct sample {
    int line;
    char text[LINE_SIZE];      /* the line, cut into fields */
    const char *field[FIELDS]; /* "" for "-" */
    char message[OTR_MESSAGE_SIZE];
    char body[LINE_SIZE];
    size_t size;
};

static struct sample samples[CASES_MAX];
static int n_samples;

/* ---- reading the table ------------------------------------------------------------------- */

static size_t decode(const char *in, char *out) {
    size_t n = 0;
    for (; *in; in++) {
        unsigned byte;
        if (*in == '%' && sscanf(in + 1, "%2x", &byte) == 1) {
            out[n++] = (char)byte;
            in += 2;
        } else {
            out[n++] = *in;
        }
    }
    out[n] = '\0';
    return n;
}

static bool cut(struct sample *s) {
    char *p = s->text;
    p[strcspn(p, "\n")] = '\0';
    for (int i = 0; i < FIELDS; i++) {
        char *tab = i + 1 < FIELDS ? strchr(p, '\t') : NULL;
        if (i + 1 < FIELDS && !tab)
            return false;
        if (tab)
            *tab = '\0';
        s->field[i] = strcmp(p, "-") == 0 ? "" : p;
        p = tab ? tab + 1 : p;
    }
    s->size = decode(s->field[BODY], s->body);
    decode(s->field[MESSAGE], s->message);
    return otr_kind_value(s->field[KIND]) && otr_outcome_value(s->field[OUTCOME]) &&
           (!*s->field[REASON] || otr_reason_value(s->field[REASON]));
}

static bool read_table(void) {
    const char *srcdir = getenv("srcdir");
    char path[1024];
    snprintf(path, sizeof path, "%s/tests/cases/answers.tsv", srcdir ? srcdir : ".");
    FILE *f = fopen(path, "r");
    if (!f) {
        perror(path);
        return false;
    }
    bool ok = true;
    for (int line = 1; ok && n_samples < CASES_MAX; line++) {
        struct sample *s = &samples[n_samples];
        s->line = line;
        if (!fgets(s->text, sizeof s->text, f))
            break;
        if (s->text[0] == '#')
            continue;
        ok = cut(s);
        if (!ok)
            fprintf(stderr, "answers.tsv:%d: not a sample\n", line);
        n_samples++;
    }
    fclose(f);
    return ok && n_samples > 0;
}

/* ---- every answer, whatever it is -------------------------------------------------------- */

static bool utf8(const char *text) {
    for (size_t left = strlen(text); left;) {
        size_t n = json_utf8(text, left);
        if (n == 0 || ((unsigned char)*text < 0x20 && n == 1))
            return false;
        text += n;
        left -= n;
    }
    return true;
}

/* A run of 4 to 8 digits that is neither a nor b nor the end of a masked mobile number. */
static bool holds_otp(const char *text, const char *a, const char *b) {
    for (const char *start = text; *text; text++) {
        size_t n = strspn(text, "0123456789");
        bool kept = (n == strlen(a) && memcmp(text, a, n) == 0) ||
                    (n == strlen(b) && memcmp(text, b, n) == 0);
        bool masked = n == 4 && text > start && text[-1] == '*';
        if (n >= 4 && n <= 8 && !kept && !masked)
            return true;
        text += n ? n - 1 : 0;
    }
    return false;
}

static bool sound(const char *asked_tid, int http, const struct answer_meaning *m) {
    struct cJSON *evidence = json_read(m->evidence, strlen(m->evidence));
    const char *status = "";
    json_get(evidence, "http_status", &status);
    bool ok = evidence && atol(status) == http && utf8(m->evidence) && utf8(m->message) &&
              utf8(m->customer) && utf8(m->recipient) && utf8(m->otp_ref_id) &&
              !strstr(m->evidence, "\\u") && !holds_otp(m->message, asked_tid, m->tid) &&
              m->outcome != OTR_OUTCOME_NONE && m->outcome != OTR_OUTCOME_NOT_SENT &&
              (m->tx_status == OTR_NO_STATUS || m->tx_status >= 0);
    bool reasoned = m->reason != OTR_REASON_NONE;
    bool needs = m->outcome == OTR_OUTCOME_REJECTED || m->outcome == OTR_OUTCOME_UNKNOWN;
    json_free(evidence);
    return ok && reasoned == needs;
}

static void report(const struct sample *s, const char *what, const char *got, const char *want) {
    fprintf(stderr, "answers.tsv:%d: %s: %s is '%s', expected '%s'\n", s->line, s->field[NAME],
            what, got, want);
    CU_FAIL("see above");
}

static void expect(const struct sample *s, const char *what, const char *got, const char *want) {
    if (strcmp(got, want) != 0)
        report(s, what, got, want);
}

static void expect_number(const struct sample *s, const char *what, int64_t got, int64_t none,
                          const char *want) {
    char text[32] = "";
    if (got != none)
        snprintf(text, sizeof text, "%lld", (long long)got);
    expect(s, what, text, want);
}

/* ---- the tests --------------------------------------------------------------------------- */

static void read_sample(const struct sample *s, size_t size, struct answer_meaning *m) {
    /* A copy of exactly that size, so that a sanitizer sees any byte read past it. */
    char *body = malloc(size ? size : 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(body);
    memcpy(body, s->body, size);
    answer_read(otr_kind_value(s->field[KIND]), s->field[ASKED_TID], atoi(s->field[HTTP]),
                size ? body : NULL, size, m);
    free(body);
}

static void test_samples(void) {
    static struct answer_meaning m;
    for (int i = 0; i < n_samples; i++) {
        const struct sample *s = &samples[i];
        read_sample(s, s->size, &m);
        expect(s, "outcome", otr_outcome_name(m.outcome), s->field[OUTCOME]);
        expect(s, "reason", otr_reason_name(m.reason), s->field[REASON]);
        expect_number(s, "tx_status", m.tx_status, OTR_NO_STATUS, s->field[TX_STATUS]);
        expect(s, "tid", m.tid, s->field[TID]);
        expect_number(s, "amount", m.amount, OTR_NO_AMOUNT, s->field[AMOUNT]);
        expect_number(s, "refunded_amount", m.refunded_amount, OTR_NO_AMOUNT,
                      s->field[REFUNDED_AMOUNT]);
        expect(s, "refund_tid", m.refund_tid, s->field[REFUND_TID]);
        expect(s, "otp_ref_id", m.otp_ref_id, s->field[OTP_REF_ID]);
        if (*s->field[CUSTOMER])
            expect(s, "customer", m.customer, s->field[CUSTOMER]);
        if (*s->field[MESSAGE])
            expect(s, "message", m.message, s->message);
        if (!sound(s->field[ASKED_TID], atoi(s->field[HTTP]), &m))
            report(s, "evidence or message", m.evidence, "sound");
        bool none = m.outcome == OTR_OUTCOME_REJECTED &&
                    m.reason == OTR_REASON_NO_SUCH_TRANSACTION &&
                    otr_kind_value(s->field[KIND]) == OTR_KIND_INQUIRY;
        CU_ASSERT_EQUAL(m.no_such_transaction, none);
    }
}

/* No answer that was cut short proves anything. */
static void test_cut_short(void) {
    static struct answer_meaning m;
    int cuts = 0;
    for (int i = 0; i < n_samples; i++) {
        const struct sample *s = &samples[i];
        if (strcmp(s->field[HTTP], "200") != 0 ||
            strcmp(s->field[REASON], "unreadable_answer") == 0)
            continue;
        for (size_t size = 0; size < s->size; size++, cuts++) {
            read_sample(s, size, &m);
            if (m.outcome != OTR_OUTCOME_UNKNOWN || m.reason != OTR_REASON_UNREADABLE_ANSWER ||
                m.tx_status != OTR_NO_STATUS)
                report(s, "cut short", otr_outcome_name(m.outcome), "unknown");
        }
    }
    CU_ASSERT(cuts > 10000);
}

static const struct sample *sample_named(const char *name) {
    for (int i = 0; i < n_samples; i++)
        if (strcmp(samples[i].field[NAME], name) == 0)
            return &samples[i];
    fprintf(stderr, "answers.tsv has no %s\n", name);
    return NULL;
}

static void test_all_rows_are_there(void) {
    static const char *const names[] = {"O1", "O2", "O3", "O4", "O5", "O6", "O7", "O8",       "R1",
                                        "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9-empty", "I"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        CU_ASSERT_PTR_NOT_NULL(sample_named(names[i]));
}

/* Damage: whatever comes, the meaning is sound, and every byte read is inside the body. */
static void test_damaged(void) {
    static struct answer_meaning m;
    unsigned seed = 1;
    for (int i = 0; i < n_samples; i++) {
        for (int round = 0; round < 100; round++) {
            struct sample s = samples[i];
            if (s.size == 0)
                break;
            for (int hits = 1 + (int)(seed % 3); hits > 0; hits--) {
                seed = seed * 1103515245 + 12345;
                size_t at = (seed >> 8) % s.size;
                seed = seed * 1103515245 + 12345;
                s.body[at] = (seed >> 29) ? "0123456789{}[]\":,\\u%-e"[(seed >> 8) % 22]
                                          : (char)(seed >> 16);
            }
            read_sample(&s, s.size, &m);
            if (!sound(s.field[ASKED_TID], atoi(s.field[HTTP]), &m))
                report(&s, "damaged", m.evidence, "sound");
        }
    }
}

/* One wrong digit in the named TID is never taken for the right one. */
static void test_every_other_tid(void) {
    static struct answer_meaning m;
    const struct sample *s = sample_named("R1");
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    char asked[] = "13192443";
    for (size_t i = 0; i < sizeof asked - 1; i++) {
        for (char digit = '0'; digit <= '9'; digit++) {
            char right = asked[i];
            asked[i] = digit;
            answer_read(OTR_KIND_REFUND, asked, 200, s->body, s->size, &m);
            CU_ASSERT_EQUAL(m.outcome, digit == right ? OTR_OUTCOME_REFUNDED : OTR_OUTCOME_UNKNOWN);
            asked[i] = right;
        }
    }
}

static void test_nothing_secret_is_kept(void) {
    static struct answer_meaning m;
    static const char *const names[] = {"O8", "M-otp", "I"};
    static const char *const secrets[] = {"123456", "9000000001", "Ravi", "Kumar", "asha", "devi"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct sample *s = sample_named(names[i]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(s);
        read_sample(s, s->size, &m);
        for (size_t j = 0; j < sizeof secrets / sizeof *secrets; j++)
            CU_ASSERT_PTR_NULL(memmem(&m, sizeof m, secrets[j], strlen(secrets[j])));
    }
    CU_ASSERT_STRING_EQUAL(m.customer, "R. K., ******0001");
    CU_ASSERT_STRING_EQUAL(m.recipient, "A. D. R.");
    CU_ASSERT_STRING_EQUAL(m.client_ref_id, "Settlemet7206123420");
    CU_ASSERT_EQUAL(m.bank_time, 1572610844000); /* 2019-11-01 17:50:44 +05:30 */
}

static void test_evidence(void) {
    static struct answer_meaning m;
    const struct sample *s = sample_named("R3");
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    read_sample(s, s->size, &m);
    CU_ASSERT_STRING_EQUAL(m.evidence,
                           "{\"http_status\":200,\"bytes\":142,\"status\":\"0\","
                           "\"response_status_id\":\"1\",\"message\":\"Wrong TID or OTP\","
                           "\"data\":{},"
                           "\"invalid_params\":{\"otp\":\"Please enter a valid OTP\"}}");
    answer_read(OTR_KIND_REFUND, "1", 500, NULL, 0, &m);
    CU_ASSERT_STRING_EQUAL(m.evidence, "{\"http_status\":500,\"bytes\":0}");
}

/* The largest values there can be: what does not fit is left out, and it stays JSON. */
static void test_evidence_is_bounded(void) {
    static struct answer_meaning m;
    static char body[20000];
    size_t n = (size_t)snprintf(body, sizeof body, "{\"status\":0,\"message\":\"");
    for (int i = 0; i < 2000; i++)
        n += (size_t)snprintf(body + n, sizeof body - n, "\\\"");
    n += (size_t)snprintf(body + n, sizeof body - n, "\",\"data\":{\"otp_ref_id\":\"");
    for (int i = 0; i < 255; i++)
        n += (size_t)snprintf(body + n, sizeof body - n, "\\\\");
    n += (size_t)snprintf(body + n, sizeof body - n, "\"},\"invalid_params\":{\"end\":\"\"");
    for (int i = 0; i < 20; i++) {
        n += (size_t)snprintf(body + n, sizeof body - n, ",\"p%d\":\"", i);
        for (int j = 0; j < 300; j++)
            n += (size_t)snprintf(body + n, sizeof body - n, "%s", j % 2 ? "\\\\" : "x");
        n += (size_t)snprintf(body + n, sizeof body - n, "\"");
    }
    n += (size_t)snprintf(body + n, sizeof body - n, "}}");
    answer_read(OTR_KIND_OTP, "1", 200, body, n, &m);
    CU_ASSERT_EQUAL(m.outcome, OTR_OUTCOME_UNKNOWN);
    CU_ASSERT_EQUAL(strlen(m.message), OTR_MESSAGE_SIZE - 1);
    CU_ASSERT_EQUAL(strlen(m.otp_ref_id), 255);
    CU_ASSERT(strlen(m.evidence) < ANSWER_EVIDENCE_SIZE);
    CU_ASSERT(strlen(m.evidence) > ANSWER_EVIDENCE_SIZE / 2);
    CU_ASSERT(sound("1", 200, &m));
}

/* A megabyte of nonsense takes no unbounded time, memory or stack. */
static void test_large(void) {
    static struct answer_meaning m;
    static const char *const units[] = {"[", "{\"a\":", "\"a\":1,", "1,", "\\", "\"", " ", "\xff"};
    size_t size = 1024 * 1024;
    char *body = malloc(size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(body);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t unit = strlen(units[i]);
        for (size_t at = 0; at < size; at++)
            body[at] = units[i][at % unit];
        body[0] = '{';
        answer_read(OTR_KIND_REFUND, "1", 200, body, size, &m);
        CU_ASSERT_EQUAL(m.reason, OTR_REASON_UNREADABLE_ANSWER);
    }
    free(body);
}

static void test_paise(void) {
    static const struct {
        const char *text;
        int64_t paise;
    } cases[] = {
        {"5000.00", 500000},
        {"499", 49900},
        {"1045.0", 104500},
        {"0", 0},
        {"0.00", 0},
        {"0.01", 1},
        {"0.10", 10},
        {"7.1", 710},
        {"28.38", 2838},
        {"0.1e1", 100},
        {"2.22263731286E9", 222263731286},
        {"2.22263731286e+9", 222263731286},
        {"1E-2", 1},
        {"100e-4", 1},
        {"12.340000", 1234},
        {"0005.50", 550},
        {"1.15", 115}, /* 114.99999999999999 as a double */
        {"8765432.10", 876543210},
        {"10000000000", 1000000000000},
        {"0e999", 0},
        {"10000000000.01", OTR_NO_AMOUNT},
        {"99999999999999999999", OTR_NO_AMOUNT},
        {"1e11", OTR_NO_AMOUNT},
        {"1e999", OTR_NO_AMOUNT},
        {"1e-3", OTR_NO_AMOUNT},
        {"1e-999", OTR_NO_AMOUNT},
        {"1.001", OTR_NO_AMOUNT},
        {"-1", OTR_NO_AMOUNT},
        {"+1", OTR_NO_AMOUNT},
        {"", OTR_NO_AMOUNT},
        {".5", OTR_NO_AMOUNT},
        {"5.", OTR_NO_AMOUNT},
        {"1,000", OTR_NO_AMOUNT},
        {" 1", OTR_NO_AMOUNT},
        {"1 ", OTR_NO_AMOUNT},
        {"1e", OTR_NO_AMOUNT},
        {"1e+", OTR_NO_AMOUNT},
        {"1e1000", OTR_NO_AMOUNT},
        {"0x10", OTR_NO_AMOUNT},
        {"NaN", OTR_NO_AMOUNT},
        {"inf", OTR_NO_AMOUNT},
        {"1.2.3", OTR_NO_AMOUNT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (answer_paise(cases[i].text) != cases[i].paise) {
            fprintf(stderr, "answer_paise(\"%s\") is wrong\n", cases[i].text);
            CU_FAIL("see above");
        }
    }
    CU_ASSERT_EQUAL(answer_paise(NULL), OTR_NO_AMOUNT);
}

static void test_times(void) {
    CU_ASSERT_EQUAL(value_time("2018-10-30T12:00:14.058Z"), 1540900814058);
    CU_ASSERT_EQUAL(value_time("2018-10-30T12:00:14Z"), 1540900814000);
    CU_ASSERT_EQUAL(value_time("2019-11-01 17:50:44"), 1572610844000);
    CU_ASSERT_EQUAL(value_time("2019-11-01T17:50:44+05:30"), 1572610844000);
    CU_ASSERT_EQUAL(value_time("2019-11-01T17:50:44.1+0530"), 1572610844100);
    CU_ASSERT_EQUAL(value_time("2019-11-01T12:20:44.123456Z"), 1572610844123);
    CU_ASSERT_EQUAL(value_time("2024-02-29 00:00:00Z"), 1709164800000);
    static const char *const wrong[] = {
        "",
        "2019",
        "2019-11-01",
        "2019-13-01 00:00:00",
        "2023-02-29 00:00:00",
        "2019-11-01 24:00:00",
        "2019-11-01 00:60:00",
        "2019-11-01 00:00:00 ",
        "2019-11-01 00:00:00.",
        "2019-11-01 00:00:00+5",
        "1999-11-01 00:00:00",
        "2019-00-01 00:00:00",
        "2019-11-00 00:00:00",
        "x019-11-01 00:00:00",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CU_ASSERT_EQUAL(value_time(wrong[i]), 0);
}

static void test_mask_person(void) {
    static const struct {
        const char *name, *mobile, *masked;
    } cases[] = {
        {"Ravi Kumar", "9000000001", "R. K., ******0001"},
        {"  ravi   kumar  ", "", "R. K."},
        {"Mr. A.B. Rao", "+919000000001", "M. A. B. R., ******"},
        {"", "9000000001", "******0001"},
        {"", "", ""},
        {"9000000001", "12", "******"},
        {"\xe0\xa4\xb0\xe0\xa4\xb5\xe0\xa4\xbf", "9000000001", "\xe0\xa4\xb0., ******0001"},
        {"a b c d e f g", "", "A. B. C. D."},
    };
    char out[65];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mask_person(cases[i].name, cases[i].mobile, out, sizeof out);
        CU_ASSERT_STRING_EQUAL(out, cases[i].masked);
    }
    mask_person("Ravi Kumar", "9000000001", out, 5);
    CU_ASSERT(utf8(out) && strlen(out) < 5);
}

int main(void) {
    if (!read_table())
        return 1;
    CU_pSuite s = suite_begin("answer", NULL, NULL);
    CU_add_test(s, "every line of answers.tsv", test_samples);
    CU_add_test(s, "every row of the samples is there", test_all_rows_are_there);
    CU_add_test(s, "cut short at every byte", test_cut_short);
    CU_add_test(s, "damaged", test_damaged);
    CU_add_test(s, "every other tid", test_every_other_tid);
    CU_add_test(s, "nothing secret is kept", test_nothing_secret_is_kept);
    CU_add_test(s, "evidence", test_evidence);
    CU_add_test(s, "evidence is bounded", test_evidence_is_bounded);
    CU_add_test(s, "a megabyte of nonsense", test_large);
    CU_add_test(s, "money", test_paise);
    CU_add_test(s, "times", test_times);
    CU_add_test(s, "masked persons", test_mask_person);
    return suite_run();
}
