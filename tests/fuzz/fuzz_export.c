/* fuzz_export.c - an export of the journal as otprefundctl verify reads it: lines, fields by tabs. */
#include <stdlib.h>
#include <string.h>

#include "core/seal.h"
#include "tests/fuzz/fuzz.h"

#define FIELDS_MAX 16

static int64_t findings;

static void found(void *arg, const char *text) {
    (void)arg;
    MUST(*text, "a finding without words");
    for (; *text; text++)
        MUST(*text >= ' ' && *text <= '~', "a finding that is no line of text");
    findings++;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = fuzz_copy(data, size), *rest = text, *line;
    findings = 0;
    struct seal_check *c = seal_check_new(size % 2 ? NULL : "00", found, NULL);
    MUST(c, "no memory");
    while ((line = strsep(&rest, "\n"))) {
        const char *fields[FIELDS_MAX];
        int n = 0;
        for (char *field; n < FIELDS_MAX && (field = strsep(&line, "\t"));)
            fields[n++] = field;
        if (!seal_check_line(c, fields, n))
            break;
    }
    struct seal_summary s;
    seal_check_end(c, &s);
    MUST(s.findings == findings, "findings are not counted");
    MUST(s.seals >= 0 && s.rows >= 0 && s.unsealed >= 0, "counted wrongly");
    MUST(strlen(s.digest) == 0 || strspn(s.digest, "0123456789abcdef") == 64, "a digest that is none");
    seal_check_free(c);
    free(text);
    return 0;
}
