/* gate.c - a FastCGI request is whole, well formed and small, or it is refused here. */
#include "fcgi/gate.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "fcgi/reply.h"
#include "sql/clock.h"

#define HEAD         8
#define DRAIN_ROUNDS 64 /* times 4 KiB of what is thrown away, so that the answer arrives */
#define STEP_MAX_MS  20

enum { BEGIN_REQUEST = 1, END_REQUEST = 3, PARAMS = 4, STDIN = 5, STDOUT = 6, RESPONDER = 1 };

struct record {
    unsigned type, id;
    size_t content, padding;
};

/* The head at bytes; false: another version. */
static bool head_read(const unsigned char *b, struct record *r) {
    *r = (struct record){.type = b[1],
                         .id = (unsigned)b[2] << 8 | b[3],
                         .content = (size_t)b[4] << 8 | b[5],
                         .padding = b[6]};
    return b[0] == 1;
}

/* A length of one or four bytes.  false: cut. */
static bool length_read(const unsigned char **p, const unsigned char *end, size_t *n) {
    const unsigned char *b = *p;
    if (b == end || ((b[0] & 0x80) && end - b < 4))
        return false;
    if (b[0] & 0x80) {
        *n = (size_t)(b[0] & 0x7f) << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
        *p += 4;
    } else {
        *n = b[0];
        *p += 1;
    }
    return true;
}

/* All variables, one after the other: every length is true, and they are few. */
static enum gate_verdict pairs_judge(const unsigned char *p, size_t size) {
    const unsigned char *end = p + size;
    for (int pairs = 0; p < end; pairs++) {
        size_t name, value;
        if (pairs == GATE_PAIRS_MAX)
            return GATE_TOO_LARGE;
        if (!length_read(&p, end, &name) || !length_read(&p, end, &value) ||
            name > (size_t)(end - p) || value > (size_t)(end - p) - name)
            return GATE_FOREIGN;
        p += name + value;
    }
    return GATE_READY;
}

/* All of *look but no_body. */
static enum gate_verdict judge(unsigned char *bytes, size_t size, struct gate_look *look) {
    struct record r;
    size_t at = HEAD, used = 0;
    *look = (struct gate_look){.id = 0};
    if (size && bytes[0] != 1)
        return GATE_FOREIGN;
    if (size < HEAD)
        return GATE_WAIT;
    if (!head_read(bytes, &r) || r.type != BEGIN_REQUEST || r.id == 0 || r.content != HEAD)
        return GATE_FOREIGN;
    look->id = r.id;
    if (size < HEAD + r.content)
        return GATE_WAIT;
    if (bytes[HEAD] != 0 || bytes[HEAD + 1] != RESPONDER)
        return GATE_FOREIGN;
    at += r.content + r.padding;
    for (;;) { /* the contents of the variables' records are moved together at the front */
        if (size < at || size - at < HEAD)
            return GATE_WAIT;
        if (!head_read(bytes + at, &r) || r.type != PARAMS || r.id != look->id)
            return GATE_FOREIGN;
        at += HEAD;
        if (r.content == 0) {
            look->end = at;
            look->padding = r.padding;
            return pairs_judge(bytes, used);
        }
        if (used + r.content > GATE_PARAMS_MAX || at + r.content + r.padding + HEAD > GATE_SIZE)
            return GATE_TOO_LARGE;
        if (size - at < r.content)
            return GATE_WAIT;
        memmove(bytes + used, bytes + at, r.content);
        used += r.content;
        at += r.content + r.padding;
    }
}

enum gate_verdict gate_judge(unsigned char *bytes, size_t size, unsigned *id) {
    struct gate_look look;
    enum gate_verdict v = judge(bytes, size, &look);
    *id = look.id;
    return v;
}

/* Nothing but an empty body comes after the variables. */
static bool only_end(const unsigned char *bytes, size_t size, const struct gate_look *look) {
    struct record r;
    return size == look->end + HEAD && !look->padding && head_read(bytes + look->end, &r) &&
           r.type == STDIN && r.id == look->id && !r.content && !r.padding;
}

/* The other side says no more: what has not come yet will not come. */
static bool said_all(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) == 1 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

/* No system call waits for more bytes than are there without taking them, so it looks again: after
   1, 2, 4, ... 20 ms.  Web servers send the variables in one piece, so the first look is enough. */
enum gate_verdict gate_wait(int fd, unsigned char *room, int wait_ms, struct gate_look *look) {
    enum gate_verdict v = GATE_WAIT;
    bool last = false;
    int64_t end = 0;
    *look = (struct gate_look){.id = 0};
    for (int step = 1; v == GATE_WAIT; step = step * 2 > STEP_MAX_MS ? STEP_MAX_MS : step * 2) {
        ssize_t n = recv(fd, room, GATE_SIZE, MSG_PEEK | MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return GATE_GONE;
        if (n > 0) {
            v = judge(room, (size_t)n, look);
            look->no_body = v == GATE_READY && only_end(room, (size_t)n, look);
            explicit_bzero(room, (size_t)n);
        }
        if (v != GATE_WAIT || !wait_ms)
            break;
        if (!end)
            end = clock_monotonic_ms() + wait_ms;
        if (last || clock_monotonic_ms() >= end)
            return GATE_GONE;
        last = said_all(fd); /* then one more look, for what came since */
        if (!last)
            clock_pause(step);
    }
    return v;
}

bool gate_take(int fd, unsigned char *room, const struct gate_look *look, int to) {
    size_t begun = HEAD + HEAD, size = look->end + (look->no_body ? HEAD : 0);
    bool good = look->end >= begun && size <= GATE_SIZE &&
                recv(fd, room, size, MSG_DONTWAIT) == (ssize_t)size;
    if (good) {
        size_t gap = room[6], end = look->end - gap;
        room[6] = room[look->end - 2] = 0; /* libfcgi takes the padding of these two for a head */
        memmove(room + begun, room + begun + gap, end - begun);
        good = send(to, room, end, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)end;
    }
    explicit_bzero(room, size <= GATE_SIZE ? size : GATE_SIZE);
    return good;
}

/* A record's head at b. */
static size_t head_write(unsigned char *b, unsigned type, unsigned id, size_t content) {
    const unsigned char head[HEAD] = {1,
                                      (unsigned char)type,
                                      (unsigned char)(id >> 8),
                                      (unsigned char)id,
                                      (unsigned char)(content >> 8),
                                      (unsigned char)content,
                                      0,
                                      0};
    memcpy(b, head, HEAD);
    return HEAD;
}

static const char *sentence(int status) {
    switch (status) {
    case 431:
        return "The headers of the request are too many or too long.";
    case 503:
        return "There is no room for this request just now: try again.";
    default:
        return "The request is not readable.";
    }
}

void gate_refuse(int fd, unsigned id, int status) {
    unsigned char out[2048];
    char rest[4096];
    size_t n = HEAD;
    int text = snprintf((char *)out + HEAD, sizeof(out) - 64,
                        "Status: %d %s\r\nContent-Type: text/plain; charset=utf-8\r\n%s"
                        "Cache-Control: no-store\r\n%s\r\n%s\n",
                        status, reply_reason(status), reply_security(),
                        status == 503 ? "Retry-After: 5\r\n" : "", sentence(status));
    if (text < 0 || (size_t)text >= sizeof(out) - 64)
        return;
    head_write(out, STDOUT, id, (size_t)text);
    n += (size_t)text;
    n += head_write(out + n, STDOUT, id, 0);
    n += head_write(out + n, END_REQUEST, id, HEAD);
    memset(out + n, 0, HEAD);
    n += HEAD;
    if (send(fd, out, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return;
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < DRAIN_ROUNDS && recv(fd, rest, sizeof(rest), MSG_DONTWAIT) > 0; i++)
        ;
    explicit_bzero(rest, sizeof(rest));
}
