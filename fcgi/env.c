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

static bool is_kept(const char *variable) {
    for (size_t i = 0; i < KEPT; i++) {
        size_t n = strlen(kept[i]);
        if (strncmp(variable, kept[i], n) == 0 && variable[n] == '=')
            return true;
    }
    return false;
}

void env_clean(void) {
    char **to = environ;
    for (char **from = environ; from && *from; from++)
        if (is_kept(*from))
            *to++ = *from;
    if (to)
        *to = NULL;
}

void env_no_key_log(void) {
    unsetenv("SSLKEYLOGFILE");
}
