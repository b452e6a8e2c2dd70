/*
 * fuzz.h - one target: any bytes in, and what must be true of them.
 *
 * A target is tests/fuzz/fuzz_NAME.c.  Plain `make check` replays tests/fuzz/corpus/NAME.txt with it
 * (replay.c); tests/fuzz/run builds it for libFuzzer or AFL++ and looks for more.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Called once before the first input.  0. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
/* One input.  0; what must not be ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process with file, line and words where it does not hold; never compiled out. */
#define MUST(holds, words) ((holds) ? (void)0 : fuzz_failed(__FILE__, __LINE__, words))
_Noreturn void fuzz_failed(const char *file, int line, const char *words);

/* A copy with a NUL behind it and not a byte more, so that a read past its end is seen.  free() it. */
char *fuzz_copy(const uint8_t *data, size_t size);

/* Makes a folder in $TMPDIR (or /tmp), for the target to remove when it leaves. */
void fuzz_folder(char *path, size_t size);

#endif
