/*
 * replay.c - main of a target without a fuzzer: the corpus, line by line, and each line cut short
 * at every byte.  Usage: fuzz_NAME [CORPUS]; else $srcdir/tests/fuzz/corpus/NAME.txt.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

#define CUTS_MAX 600 /* of longer inputs this many are tried, evenly spread */

static char where[64];

static void say_where(int signal_number) {
    if (write(2, where, strlen(where)) < 0)
        _exit(3);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static int hex(int c) {
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* % and two hexadecimal digits stand for one byte, as in tests/cases/answers.tsv.  The size. */
static size_t unescape(char *line) {
    char *to = line;
    for (const char *p = line; *p && *p != '\n'; p++) {
        if (*p == '%' && hex(p[1]) >= 0 && hex(p[2]) >= 0) {
            *to++ = (char)(hex(p[1]) << 4 | hex(p[2]));
            p += 2;
        } else {
            *to++ = *p;
        }
    }
    return (size_t)(to - line);
}

static void one(const char *bytes, size_t size) {
    char *exact = size ? malloc(size) : NULL; /* a read past its end is seen by sanitizers */
    if (size && !exact)
        exit(2);
    if (size)
        memcpy(exact, bytes, size);
    LLVMFuzzerTestOneInput((const uint8_t *)exact, size);
    free(exact);
}

static int replay(FILE *in) {
    char *line = NULL;
    size_t room = 0;
    int lines = 0, cuts = 0;
    while (getline(&line, &room, in) > 0) {
        snprintf(where, sizeof(where), "\ninput of line %d\n", ++lines);
        size_t size = unescape(line), step = 1 + size / CUTS_MAX;
        for (size_t n = 0; n < size; n += step, cuts++)
            one(line, n);
        one(line, size);
    }
    free(line);
    printf("%d inputs, and %d cut short\n%d passed, 0 failed\n", lines, cuts, lines);
    return lines ? 0 : 1;
}

int main(int argc, char **argv) {
    char path[4096];
    const char *name = strrchr(argv[0], '/'), *top = getenv("srcdir");
    name = name ? name + 1 : argv[0];
    name = strncmp(name, "lt-", 3) == 0 ? name + 3 : name;
    name = strncmp(name, "fuzz_", 5) == 0 ? name + 5 : name;
    snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s.txt", top ? top : ".", name);
    signal(SIGABRT, say_where);
    signal(SIGSEGV, say_where);
    LLVMFuzzerInitialize(&argc, &argv);
    FILE *in = fopen(argc > 1 ? argv[1] : path, "re");
    if (!in) {
        perror(argc > 1 ? argv[1] : path);
        return 1;
    }
    int code = replay(in);
    fclose(in);
    return code;
}
