/* fuzz.c - what all targets share. */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void fuzz_failed(const char *file, int line, const char *words) {
    fprintf(stderr, "%s:%d: %s\n", file, line, words);
    abort();
}

char *fuzz_copy(const uint8_t *data, size_t size) {
    char *copy = malloc(size + 1);
    if (!copy)
        abort();
    if (size)
        memcpy(copy, data, size);
    copy[size] = '\0';
    return copy;
}

void fuzz_folder(char *path, size_t size) {
    const char *in = getenv("TMPDIR");
    int n = snprintf(path, size, "%s/otprefund-fuzz.XXXXXX", in && *in ? in : "/tmp");
    MUST(n > 0 && (size_t)n < size, "TMPDIR is too long");
    MUST(mkdtemp(path), "no folder");
}
