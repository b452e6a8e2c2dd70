/* fcgi_client.c - FastCGI records as a web server sends them (FastCGI specification 1.0, section 3). */
#include "tests/unit/fcgi_client.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

int fcgi_connect(const char *path) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const struct timeval limit = {.tv_sec = 30};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    close(fd);
    return -1;
}

static size_t head(unsigned char *to, unsigned type, size_t content) {
    const unsigned char h[8] = {
        1, (unsigned char)type, 0, 1, (unsigned char)(content >> 8), (unsigned char)content, 0, 0};
    memcpy(to, h, 8);
    return 8;
}

static size_t pair(unsigned char *to, const char *name, const char *value) {
    size_t n = strlen(name), v = strlen(value);
    to[0] = (unsigned char)n;
    to[1] = (unsigned char)v;
    memcpy(to + 2, name, n);
    memcpy(to + 2 + n, value, v);
    return 2 + n + v;
}

static int ask(int fd, const char *path, bool keep, size_t pieces) {
    const unsigned char begin[8] = {0, 1, keep};
    unsigned char out[1024];
    size_t n = head(out, 1, 8), at, params;
    memcpy(out + n, begin, 8);
    n += 8;
    at = n;
    n += 8;
    n += pair(out + n, "REQUEST_METHOD", "GET");
    n += pair(out + n, "REQUEST_URI", path);
    n += pair(out + n, "REMOTE_ADDR", "127.0.0.1");
    params = n - at - 8;
    head(out + at, 4, params);
    n += head(out + n, 4, 0);
    n += head(out + n, 5, 0);
    if (pieces && pieces < n)
        n = pieces;
    return send(fd, out, n, MSG_NOSIGNAL) == (ssize_t)n ? 0 : -1;
}

int fcgi_send(int fd, const char *path, size_t pieces) {
    return ask(fd, path, false, pieces);
}

int fcgi_send_keep(int fd, const char *path) {
    return ask(fd, path, true, 0);
}

static int receive_all(int fd, void *to, size_t size) {
    for (char *p = to; size;) {
        ssize_t n = recv(fd, p, size, 0);
        if (n <= 0)
            return 0;
        p += n;
        size -= (size_t)n;
    }
    return 1;
}

int fcgi_receive(int fd, char *text, size_t size) {
    unsigned char h[8];
    char content[66000], first[4096] = "";
    size_t used = 0;
    while (receive_all(fd, h, sizeof h)) {
        size_t n = (size_t)h[4] << 8 | h[5];
        if (!receive_all(fd, content, n + h[6]))
            return 0;
        if (h[1] == 3) {
            const char *status = strstr(first, "Status: ");
            if (text)
                snprintf(text, size, "%s", first);
            return status ? (int)strtol(status + 8, NULL, 10) : 200;
        }
        if (h[1] == 6 && used + n < sizeof first) {
            memcpy(first + used, content, n);
            used += n;
            first[used] = '\0';
        }
    }
    return 0;
}

int fcgi_get(const char *socket_path, const char *path, char *text, size_t size) {
    int fd = fcgi_connect(socket_path), status = 0;
    if (fd < 0)
        return 0;
    if (fcgi_send(fd, path, 0) == 0)
        status = fcgi_receive(fd, text, size);
    close(fd);
    return status;
}
