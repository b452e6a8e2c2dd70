/* env.c - the environment, cut down to what the program itself reads. */
#include "fcgi/env.h"

#include <stdlib.h>
#include <string.h>

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

bool env_clean(void) {
    char *values[KEPT] = {NULL};
    bool good = true;
    for (size_t i = 0; i < KEPT; i++) {
        const char *value = getenv(kept[i]);
        if (value && !(values[i] = strdup(value)))
            good = false;
    }
    clearenv();
    for (size_t i = 0; i < KEPT; i++) {
        if (good && values[i] && setenv(kept[i], values[i], 1) != 0)
            good = false;
        free(values[i]);
    }
    if (!good)
        clearenv();
    return good;
}

void env_no_key_log(void) {
    unsetenv("SSLKEYLOGFILE");
}
