/* wire.c - FastCGI records, as a web server sends them (FastCGI specification 1.0, section 3). */
#include "tests/integration/wire.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { BEGIN_REQUEST = 1, END_REQUEST = 3, PARAMS = 4, STDIN = 5, STDOUT = 6 };

static int wire_connect(const char *path) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const struct timeval limit = {.tv_sec = 30};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 ||
        snprintf(to.sun_path, sizeof to.sun_path, "%s", path) >= (int)sizeof to.sun_path ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
        connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

static bool send_all(int fd, const void *bytes, size_t size) {
    for (const char *p = bytes; size;) {
        ssize_t n = send(fd, p, size, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        p += n;
        size -= (size_t)n;
    }
    return true;
}

static bool send_record(int fd, uint8_t type, const void *content, size_t size) {
    const uint8_t head[8] = {1, type, 0, 1, (uint8_t)(size >> 8), (uint8_t)size, 0, 0};
    return send_all(fd, head, sizeof head) && send_all(fd, content, size);
}

/* A stream in records of at most 32 KiB, and the empty one that ends it. */
static bool send_stream(int fd, uint8_t type, const char *content, size_t size) {
    while (size) {
        size_t n = size < 32768 ? size : 32768;
        if (!send_record(fd, type, content, n))
            return false;
        content += n;
        size -= n;
    }
    return send_record(fd, type, "", 0);
}

static size_t put_size(uint8_t *to, size_t n) {
    if (n < 128) {
        to[0] = (uint8_t)n;
        return 1;
    }
    to[0] = (uint8_t)(0x80 | n >> 24);
    to[1] = (uint8_t)(n >> 16);
    to[2] = (uint8_t)(n >> 8);
    to[3] = (uint8_t)n;
    return 4;
}

static bool send_variables(int fd, const char *const *variables) {
    uint8_t text[32768];
    size_t used = 0;
    for (; *variables; variables++) {
        const char *equals = strchr(*variables, '=');
        size_t name = equals ? (size_t)(equals - *variables) : 0,
               value = equals ? strlen(equals + 1) : 0;
        if (!equals || used + name + value + 8 > sizeof text)
            return false;
        used += put_size(text + used, name);
        used += put_size(text + used, value);
        memcpy(text + used, *variables, name);
        memcpy(text + used + name, equals + 1, value);
        used += name + value;
    }
    return send_stream(fd, PARAMS, (const char *)text, used);
}

static bool receive_all(int fd, void *to, size_t size) {
    for (char *p = to; size;) {
        ssize_t n = recv(fd, p, size, 0);
        if (n <= 0)
            return false;
        p += n;
        size -= (size_t)n;
    }
    return true;
}

/* The records of the answer; what stands on STDOUT goes to *out.  true: the end was reached. */
static bool receive(int fd, char *out, size_t max, size_t *size) {
    static char content[65536 + 256];
    uint8_t head[8];
    *size = 0;
    while (receive_all(fd, head, sizeof head)) {
        size_t n = (size_t)head[4] << 8 | head[5];
        if (!receive_all(fd, content, n + head[6]))
            return false;
        if (head[1] == END_REQUEST)
            return true;
        if (head[1] == STDOUT && *size + n < max) {
            memcpy(out + *size, content, n);
            *size += n;
        }
    }
    return false;
}

static void split(const char *out, size_t size, struct reply *r) {
    const char *end = memmem(out, size, "\r\n\r\n", 4);
    size_t head = end ? (size_t)(end - out) + 2 : size;
    size_t from = end ? head + 2 : size;
    char status[64];
    reply_free(r);
    r->head = strndup(out, head);
    r->body = calloc(1, size - from + 1);
    if (!r->head || !r->body)
        return;
    r->head_size = head;
    r->body_size = size - from;
    memcpy(r->body, out + from, r->body_size);
    reply_header(r, "Status", status, sizeof status);
    r->status = *status ? (int)strtol(status, NULL, 10) : 200;
}

bool wire_ask(const char *socket_path, const char *const *variables, const char *body, size_t size,
              struct reply *r) {
    static char out[1 << 20];
    static const uint8_t begin[8] = {0, 1, 0, 0, 0, 0, 0, 0}; /* responder, close when done */
    size_t n = 0;
    int fd = wire_connect(socket_path);
    if (fd < 0)
        return false;
    bool whole =
        send_record(fd, BEGIN_REQUEST, begin, sizeof begin) && send_variables(fd, variables);
    if (whole)
        send_stream(fd, STDIN, body, size); /* it may answer before it has read all */
    whole = whole && receive(fd, out, sizeof out - 1, &n);
    close(fd);
    out[n] = '\0';
    split(out, n, r);
    return whole;
}

bool wire_throw(const char *socket_path, const void *bytes, size_t size) {
    int fd = wire_connect(socket_path);
    if (fd < 0)
        return false;
    send_all(fd, bytes, size);
    close(fd);
    return true;
}
