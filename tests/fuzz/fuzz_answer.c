/*
 * fuzz_answer.c - the bank's answers against reference.h: nothing is said without proof.
 *
 * Input: the kind of call (o, r, i; I: asked by own reference), the HTTP status (0 to 9, see
 * below), and the body.  The TID asked about is ASKED.
 */
#include <stdlib.h>
#include <string.h>

#include "core/answer.h"
#include "fcgi/text.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/reference.h"

#define ASKED "13192443"

static const int statuses[10] = {200, 403, 404, 405, 415, 500, 502, 504, 302, 429};

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    return 0;
}

/* No OTP is left in what is shown: 4 to 8 digits that are neither the TID nor a mobile's last four. */
static void no_otp(const char *text, const char *tid) {
    for (const char *p = text; *(p += strcspn(p, "0123456789"));) {
        size_t n = strspn(p, "0123456789");
        bool mobile = n == 4 && p - text >= 6 && memcmp(p - 6, "******", 6) == 0;
        MUST(n < 4 || n > 8 || mobile || (strlen(ASKED) == n && memcmp(p, ASKED, n) == 0) ||
                 (strlen(tid) == n && memcmp(p, tid, n) == 0),
             "digits that may be an OTP are shown");
        p += n;
    }
}

static void sane(const struct answer_meaning *m, const char *asked) {
    static struct reference evidence;
    MUST(m->outcome > OTR_OUTCOME_NONE && m->outcome < OTR_OUTCOME__MAX, "no outcome");
    MUST((m->outcome == OTR_OUTCOME_UNKNOWN || m->outcome == OTR_OUTCOME_REJECTED) ==
             (m->reason != OTR_REASON_NONE),
         "an outcome whose reason is missing, or one too many");
    MUST(m->amount == OTR_NO_AMOUNT || m->amount >= 0, "a negative amount");
    MUST(m->refunded_amount == OTR_NO_AMOUNT || m->refunded_amount >= 0, "a negative refund");
    MUST(m->outcome == OTR_OUTCOME_UNKNOWN || !*asked || !*m->tid || strcmp(m->tid, asked) == 0,
         "an answer about another transaction says something");
    MUST(strspn(m->refund_tid, "0123456789") == strlen(m->refund_tid), "a refund_tid that is none");
    const char *texts[] = {m->message, m->customer, m->recipient, m->client_ref_id, m->evidence};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        MUST(text_utf8(texts[i], strlen(texts[i])), "a text is not UTF-8");
    no_otp(m->message, m->tid);
    MUST(reference_read(&evidence, m->evidence, strlen(m->evidence)), "the evidence is no JSON");
    MUST(reference_value(&evidence, "", "http_status"), "the evidence lacks the HTTP status");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct answer_meaning m;
    if (size < 2)
        return 0;
    enum otr_kind kind = data[0] == 'o' || data[0] == 'O'   ? OTR_KIND_OTP
                         : data[0] == 'i' || data[0] == 'I' ? OTR_KIND_INQUIRY
                                                            : OTR_KIND_REFUND;
    const char *asked = data[0] == 'I' ? "" : ASKED;
    int status = statuses[(unsigned char)(data[1] - '0') % 10];
    char *body = fuzz_copy(data + 2, size - 2);
    answer_read(kind, asked, status, body, size - 2, &m);
    sane(&m, asked);
    MUST(reference_allows(m.outcome, kind, asked, status, body, size - 2),
         "said without the proof that the reference wants");
    free(body);
    return 0;
}
