/* env.c - the environment, cut down to what the program itself reads. */
#include "fcgi/env.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How it was started, where systemd keeps its credentials, language, and HOME for libpq's passfile. */
static const char *const kept[] = {
    "LISTEN_FDS",
    "LISTEN_PID",
    "LISTEN_FDNAMES",
    "NOTIFY_SOCKET",
    "HOME",
    "CREDENTIALS_DIRECTORY",
    "LC_ALL",
    "LANG",
    "PATH",
#ifdef OTPREFUND_CHECKPOINTS
    "OTPREFUND_CHECKPOINT", /* sql/checkpoint.h: a test's build */
#endif
};
#define KEPT (sizeof(kept) / sizeof(kept[0]))

/* Of what libpq reads, for a person's commands: who, never where or how. */
static const char *const kept_pg[] = {"PGUSER", "PGDATABASE", "PGPASSWORD", "PGPASSFILE"};
#define KEPT_PG (sizeof(kept_pg) / sizeof(kept_pg[0]))

static bool is_one_of(const char *variable, const char *const *names, size_t size) {
    for (size_t i = 0; i < size; i++) {
        size_t n = strlen(names[i]);
        if (strncmp(variable, names[i], n) == 0 && variable[n] == '=')
            return true;
    }
    return false;
}

static bool is_kept(const char *variable) {
    return is_one_of(variable, kept, KEPT);
}

static bool is_harmless(const char *variable) {
    return strncmp(variable, "SSLKEYLOGFILE=", 14) != 0 &&
           (strncmp(variable, "PG", 2) != 0 || is_one_of(variable, kept_pg, KEPT_PG));
}

static void keep(bool (*may)(const char *variable)) {
    char **to = environ;
    for (char **from = environ; from && *from; from++)
        if (may(*from))
            *to++ = *from;
    if (to)
        *to = NULL;
}

void env_clean(void) {
    keep(is_kept);
}

void env_for_commands(void) {
    keep(is_harmless);
}
