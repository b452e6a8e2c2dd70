/*
 * listen.h - the socket that the web server connects to: inherited or made, and nothing but local.
 */
#ifndef OTPREFUND_LISTEN_H
#define OTPREFUND_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

struct listen {
    int fd;         /* -1: none */
    char path[108]; /* the socket file we made, to be removed; "" if none */
};

/*
 * Finds the inherited socket: descriptor 3 of systemd (LISTEN_FDS=1, LISTEN_PID) or descriptor 0
 * where it is a listening one (spawn-fcgi, mod_fcgid); else makes one at where: a path (mode 0660;
 * a file nobody listens on is replaced) or "127.0.0.1:port", "[::1]:port".  TCP beyond loopback is
 * refused (CVE-2025-23016). false with why: one line that says what to do.  Before threads start.
 */
bool listen_open(struct listen *l, const char *where, char *why, size_t why_size);
void listen_close(struct listen *l);

/* Tells a service manager ("READY=1", "STOPPING=1") through NOTIFY_SOCKET (sd_notify(3)); nothing
 * without one. */
void listen_notify(const char *state);

#endif
