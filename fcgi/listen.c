/* listen.c - the socket that the web server connects to. */
#include "fcgi/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fcgi/text.h"

#define BACKLOG 4096 /* as many as may come at once; net.core.somaxconn bounds it */

union address {
    struct sockaddr any;
    struct sockaddr_un un;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

static bool fail(struct listen *l, char *why, size_t size, const char *what, const char *detail) {
    snprintf(why, size, "%s: %s", what, detail);
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    return false;
}

static bool listening(int fd) {
    int yes = 0;
    socklen_t size = sizeof(yes);
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &size) == 0 && yes;
}

static bool loopback(const union address *a) {
    switch (a->any.sa_family) {
    case AF_UNIX:
        return true;
    case AF_INET:
        return ntohl(a->in.sin_addr.s_addr) >> 24 == 127;
    case AF_INET6:
        return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
    default:
        return false;
    }
}

/* The descriptor that a service manager or the web server gave us; -1: none. */
static int inherited(void) {
    const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
    if (count && strcmp(count, "1") == 0 && (!pid || text_number(pid) == getpid()) && listening(3))
        return 3;
    return listening(STDIN_FILENO) ? STDIN_FILENO : -1;
}

/* Moves it away from the standard descriptors. */
static bool take_inherited(struct listen *l, int fd, char *why, size_t size) {
    union address a = {.any.sa_family = AF_UNSPEC};
    socklen_t n = sizeof(a);
    l->fd = fcntl(fd, F_DUPFD_CLOEXEC, 4);
    if (l->fd < 0 || getsockname(l->fd, &a.any, &n) != 0)
        return fail(l, why, size, "the inherited socket", strerror(errno));
    close(fd);
    if (fd == STDIN_FILENO && open("/dev/null", O_RDONLY) < 0)
        return fail(l, why, size, "/dev/null", strerror(errno));
    if (!loopback(&a))
        return fail(l, why, size, "the inherited socket",
                    "listens beyond this machine; use a Unix socket or a loopback address");
    return true;
}

/* True if somebody answers at that socket file. */
static bool in_use(const struct sockaddr_un *un) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool used =
        fd < 0 || connect(fd, (const struct sockaddr *)un, sizeof(*un)) == 0 || errno == EAGAIN;
    if (fd >= 0)
        close(fd);
    return used;
}

static bool open_unix(struct listen *l, const char *path, char *why, size_t size) {
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct stat st;
    if (strlen(path) >= sizeof(un.sun_path))
        return fail(l, why, size, path, "the path of a socket has at most 107 bytes");
    memcpy(un.sun_path, path, strlen(path) + 1);
    l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->fd < 0)
        return fail(l, why, size, "socket", strerror(errno));
    if (lstat(path, &st) == 0) {
        if (!S_ISSOCK(st.st_mode))
            return fail(l, why, size, path, "is there and is no socket; name another path");
        if (in_use(&un))
            return fail(l, why, size, path,
                        "another program listens there; stop it or name another path");
        if (unlink(path) != 0)
            return fail(l, why, size, path, strerror(errno));
    }
    if (bind(l->fd, (const struct sockaddr *)&un, sizeof(un)) != 0)
        return fail(l, why, size, path, strerror(errno));
    memcpy(l->path, un.sun_path, sizeof(l->path));
    if (chmod(path, 0660) != 0 || listen(l->fd, BACKLOG) != 0) {
        fail(l, why, size, path, strerror(errno));
        unlink(path);
        return false;
    }
    return true;
}

/* "127.0.0.1:9000" or "[::1]:9000". */
static bool read_address(const char *where, union address *a, socklen_t *size) {
    char host[64];
    const char *colon = strrchr(where, ':');
    int64_t port = colon ? text_number(colon + 1) : -1;
    size_t n = colon ? (size_t)(colon - where) : 0;
    if (port < 1 || port > 65535 || n == 0 || n >= sizeof(host))
        return false;
    memcpy(host, where, n);
    host[n] = '\0';
    memset(a, 0, sizeof(*a));
    if (host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = '\0';
        a->in6.sin6_family = AF_INET6;
        a->in6.sin6_port = htons((uint16_t)port);
        *size = sizeof(a->in6);
        return inet_pton(AF_INET6, host + 1, &a->in6.sin6_addr) == 1;
    }
    a->in.sin_family = AF_INET;
    a->in.sin_port = htons((uint16_t)port);
    *size = sizeof(a->in);
    return inet_pton(AF_INET, host, &a->in.sin_addr) == 1;
}

static bool open_tcp(struct listen *l, const char *where, char *why, size_t size) {
    static const int yes = 1;
    union address a;
    socklen_t n;
    if (!read_address(where, &a, &n))
        return fail(l, why, size, where, "name a socket's path, 127.0.0.1:port or [::1]:port");
    if (!loopback(&a))
        return fail(l, why, size, where,
                    "FastCGI is not for other machines; use a Unix socket or a loopback address");
    l->fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->fd < 0 || setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
        bind(l->fd, &a.any, n) != 0 || listen(l->fd, BACKLOG) != 0)
        return fail(l, why, size, where, strerror(errno));
    return true;
}

bool listen_open(struct listen *l, const char *where, char *why, size_t why_size) {
    *l = (struct listen){.fd = -1};
    int fd = inherited();
    if (fd >= 0)
        return take_inherited(l, fd, why, why_size);
    if (!where || !*where)
        return fail(l, why, why_size, "[desk] listen", "name the path of a socket");
    return where[0] == '/' || (where[0] == '.' && where[1] == '/')
               ? open_unix(l, where, why, why_size)
               : open_tcp(l, where, why, why_size);
}

void listen_close(struct listen *l) {
    if (l->fd >= 0)
        close(l->fd);
    if (l->path[0])
        unlink(l->path);
    *l = (struct listen){.fd = -1};
}

void listen_notify(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    size_t n = path ? strlen(path) : 0;
    if (n < 2 || n >= sizeof(un.sun_path) || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(un.sun_path, path, n);
    if (path[0] == '@')
        un.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
    if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&un, size) < 0)
        errno = 0; /* nobody listens: nothing lost */
    close(fd);
}
