/* fuzz_filter.c - a list's query: what is taken is within bounds, and means the same when written again. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fcgi/filter.h"
#include "fcgi/text.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    MUST(setenv("TZ", "Asia/Kolkata", 1) == 0, "no memory");
    tzset();
    return 0;
}

static bool same_text(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void sane(const struct filter *f) {
    const struct otr_filter *w = &f->wanted;
    MUST(!w->tid || otr_tid_valid(w->tid), "a TID that is none");
    MUST(!w->operator_name || (*w->operator_name && strlen(w->operator_name) < OTR_NAME_SIZE),
         "an operator's name of another length");
    MUST(w->kind < OTR_KIND__MAX && w->outcome < OTR_OUTCOME__MAX && w->after >= 0, "out of range");
    MUST(w->open_only + w->in_flight_only + w->contradicted_only + !!w->outcome + !!w->resolution <= 1,
         "more than one status");
    MUST(w->from >= 0 && w->to >= 0, "a time before all times");
}

/* A page's link to the next: the same but for "after". */
static void again(const struct filter *f) {
    struct filter back;
    struct buf out;
    char why[FORM_WHY_SIZE];
    buf_init(&out, 1 << 14);
    filter_query(f, 7, f->csv, &out);
    MUST(!out.failed && filter_read(&back, out.bytes, why), "a link is refused");
    const struct otr_filter *a = &f->wanted, *b = &back.wanted;
    MUST(b->after == 7 && back.csv == f->csv, "a link to another page");
    MUST(same_text(a->tid, b->tid) && same_text(a->operator_name, b->operator_name) &&
             a->kind == b->kind && a->outcome == b->outcome && a->resolution == b->resolution &&
             a->open_only == b->open_only && a->in_flight_only == b->in_flight_only &&
             a->contradicted_only == b->contradicted_only && a->from == b->from && a->to == b->to,
         "a link that means something else");
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct filter f;
    char why[FORM_WHY_SIZE], *query = fuzz_copy(data, size);
    if (filter_read(&f, query, why)) {
        sane(&f);
        again(&f);
    } else {
        MUST(*why && strlen(why) < FORM_WHY_SIZE && text_utf8(why, strlen(why)),
             "refused without a sentence");
    }
    free(query);
    return 0;
}
