/* body.c - the body of a FastCGI request: FCGI_STDIN records, and nothing else. */
#include "fcgi/body.h"

#include <errno.h>
#include <sys/socket.h>

#include "sql/clock.h"

#define BODY_TIMEOUT_MS 5000 /* all of the body, however it trickles */
#define HEAD            8

enum { RECORD_VERSION = 1, RECORD_STDIN = 5 };

void body_start(struct body *b, int fd, unsigned id, size_t padding) {
    *b = (struct body){.fd = fd, .id = id, .padding = padding};
}

/* Some bytes.  0: none came, and none will be asked for any more. */
static size_t take(struct body *b, void *to, size_t size) {
    ssize_t n = -1;
    if (!b->since_ms)
        b->since_ms = clock_monotonic_ms();
    while (clock_monotonic_ms() - b->since_ms <= BODY_TIMEOUT_MS) {
        n = recv(b->fd, to, size, b->no_wait ? MSG_DONTWAIT : 0);
        if (n >= 0 || errno != EINTR)
            break;
    }
    b->broken |= n <= 0;
    return n > 0 ? (size_t)n : 0;
}

static bool take_all(struct body *b, unsigned char *to, size_t size) {
    for (size_t n; size; to += n, size -= n)
        if ((n = take(b, to, size)) == 0)
            return false;
    return true;
}

/* On to the next record.  false: there is none. */
static bool next(struct body *b) {
    unsigned char head[HEAD], padding[255];
    if (!take_all(b, padding, b->padding) || !take_all(b, head, sizeof(head)))
        return false;
    b->left = (size_t)head[4] << 8 | head[5];
    b->padding = head[6];
    b->broken = head[0] != RECORD_VERSION || head[1] != RECORD_STDIN ||
                ((unsigned)head[2] << 8 | head[3]) != b->id;
    if (!b->broken && b->left == 0)
        b->ended = take_all(b, padding, b->padding);
    return !b->broken && b->left;
}

size_t body_read(struct body *b, char *out, size_t size) {
    if (b->ended || b->broken || !size || (!b->left && !next(b)))
        return 0;
    size_t n = take(b, out, size < b->left ? size : b->left);
    b->left -= n;
    return n;
}
