/* fuzz_settings.c - a settings file: taken and printed it says the same, or one line says why not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/settings.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    return 0;
}

static bool load(struct settings *s, const void *bytes, size_t size, char *why) {
    char path[40];
    int fd = memfd_create("settings", MFD_CLOEXEC);
    MUST(fd >= 0 && fchmod(fd, 0600) == 0 && write(fd, bytes, size) == (ssize_t)size,
         "no memory for a file");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    bool good = settings_load(s, path, why, SETTINGS_WHY_SIZE);
    close(fd);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct settings s, again;
    char why[SETTINGS_WHY_SIZE] = "", *text = NULL;
    size_t text_size = 0;
    if (!load(&s, data, size, why)) {
        MUST(*why && !strchr(why, '\n'), "refused without one line");
        return 0;
    }
    for (int i = 0; settings_row(i); i++) {
        const struct settings_row *row = settings_row(i);
        if (row->type == SETTINGS_INT) {
            int n;
            memcpy(&n, (const char *)&s + row->offset, sizeof(n));
            MUST(n >= row->min && n <= row->max, "a number out of range was taken");
        }
    }
    for (int i = 0; i < 2; i++) { /* a password is printed masked: the second time without */
        free(text);
        FILE *out = open_memstream(&text, &text_size);
        MUST(out, "no memory");
        settings_print(&s, out);
        fclose(out);
        snprintf(s.journal_conninfo, sizeof(s.journal_conninfo), "dbname=otprefund");
    }
    MUST(load(&again, text, text_size, why), "what is printed is refused");
    for (int i = 0; settings_row(i); i++) {
        const struct settings_row *row = settings_row(i);
        const char *a = (const char *)&s + row->offset, *b = (const char *)&again + row->offset;
        bool number = row->type == SETTINGS_INT, yes = row->type == SETTINGS_BOOL;
        MUST(number ? memcmp(a, b, sizeof(int)) == 0
             : yes  ? *a == *b
                    : strcmp(a, b) == 0,
             "what is printed says something else");
    }
    free(text);
    settings_free(&s);
    return 0;
}
