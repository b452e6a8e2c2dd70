/* outlet.c - the answer to a FastCGI request: FCGI_STDOUT records and FCGI_END_REQUEST. */
#include "fcgi/outlet.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "sql/clock.h"

#define HEADER_SIZE 8
#define END_SIZE    8
#define ROOM        32768 /* of a record */
#define TAIL_SIZE   (2 * HEADER_SIZE + END_SIZE)

enum { RECORD_VERSION = 1, RECORD_END_REQUEST = 3, RECORD_STDOUT = 6 };

/* A record being filled, with room for the end of the answer. */
struct sheet {
    struct sheet *next;
    size_t size;
    unsigned char bytes[HEADER_SIZE + ROOM + TAIL_SIZE];
};

struct sheets {
    pthread_mutex_t lock;
    struct sheet *first;
    int count, keep;
};

struct sheets *sheets_new(int keep) {
    struct sheets *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    pthread_mutex_init(&s->lock, NULL);
    s->keep = keep;
    return s;
}

static struct sheet *sheet_take(struct sheets *s) {
    pthread_mutex_lock(&s->lock);
    struct sheet *sheet = s->first;
    if (sheet) {
        s->first = sheet->next;
        s->count--;
    }
    pthread_mutex_unlock(&s->lock);
    if (!sheet)
        sheet = malloc(sizeof(*sheet));
    if (sheet)
        sheet->size = 0;
    return sheet;
}

static void sheet_give(struct sheets *s, struct sheet *sheet) {
    pthread_mutex_lock(&s->lock);
    bool keep = s->count < s->keep;
    if (keep) {
        sheet->next = s->first;
        s->first = sheet;
        s->count++;
    }
    pthread_mutex_unlock(&s->lock);
    if (!keep)
        free(sheet);
}

void sheets_trim(struct sheets *s) {
    pthread_mutex_lock(&s->lock);
    struct sheet *sheet = s->first;
    s->first = NULL;
    s->count = 0;
    pthread_mutex_unlock(&s->lock);
    for (struct sheet *next; sheet; sheet = next) {
        next = sheet->next;
        free(sheet);
    }
}

void sheets_free(struct sheets *s) {
    if (!s)
        return;
    sheets_trim(s);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void put_header(unsigned char *to, int type, int id, size_t size) {
    const unsigned char header[HEADER_SIZE] = {
        RECORD_VERSION,    (unsigned char)type,        (unsigned char)(id >> 8),
        (unsigned char)id, (unsigned char)(size >> 8), (unsigned char)size};
    memcpy(to, header, sizeof(header));
}

/* Until there is room.  false: that takes longer than there is time. */
static bool await_room(struct outlet *o) {
    struct pollfd p = {.fd = o->fd, .events = POLLOUT};
    int64_t began = clock_monotonic_ms();
    int n = o->wait_ms > 0 ? poll(&p, 1, o->wait_ms) : 0;
    o->wait_ms -= (int)(clock_monotonic_ms() - began);
    return n > 0 || (n < 0 && errno == EINTR);
}

static bool send_all(struct outlet *o, const unsigned char *bytes, size_t size) {
    while (size) {
        ssize_t n = send(o->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EINTR || (errno == EAGAIN && await_room(o))))
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

static bool send_sheet(struct outlet *o) {
    struct sheet *sheet = o->sheet;
    size_t size = sheet->size;
    put_header(sheet->bytes, RECORD_STDOUT, o->id, size);
    sheet->size = 0;
    return send_all(o, sheet->bytes, HEADER_SIZE + size);
}

/* Without room for a record: as it comes. */
static bool send_bare(struct outlet *o, const char *bytes, size_t size) {
    unsigned char header[HEADER_SIZE];
    for (size_t n; size; bytes += n, size -= n) {
        n = size < ROOM ? size : ROOM;
        put_header(header, RECORD_STDOUT, o->id, n);
        if (!send_all(o, header, sizeof(header)) || !send_all(o, (const unsigned char *)bytes, n))
            return false;
    }
    return true;
}

void outlet_start(struct outlet *o, struct sheets *s, int fd, int id, int wait_ms) {
    *o = (struct outlet){.sheets = s, .fd = fd, .id = id, .wait_ms = wait_ms};
}

bool outlet_write(void *outlet, const char *bytes, size_t size) {
    struct outlet *o = outlet;
    if (!o->sheet && !(o->sheet = sheet_take(o->sheets)))
        return send_bare(o, bytes, size);
    while (size) {
        struct sheet *sheet = o->sheet;
        size_t n = ROOM - sheet->size < size ? ROOM - sheet->size : size;
        memcpy(sheet->bytes + HEADER_SIZE + sheet->size, bytes, n);
        sheet->size += n;
        bytes += n;
        size -= n;
        if (sheet->size == ROOM && !send_sheet(o))
            return false;
    }
    return true;
}

bool outlet_end(struct outlet *o, bool broken) {
    unsigned char tail[TAIL_SIZE] = {0}; /* status 0, request complete */
    unsigned char *bytes = tail, *end = tail;
    if (o->sheet && o->sheet->size) { /* what is left, in the same write */
        bytes = o->sheet->bytes;
        end = bytes + HEADER_SIZE + o->sheet->size;
        put_header(bytes, RECORD_STDOUT, o->id, o->sheet->size);
        memset(end, 0, TAIL_SIZE);
    }
    put_header(end, RECORD_STDOUT, o->id, 0);
    put_header(end + HEADER_SIZE, RECORD_END_REQUEST, o->id, END_SIZE);
    /* Cut without its end record, so that the web server sees that the answer is not whole. */
    bool sent = broken ? (shutdown(o->fd, SHUT_RDWR), false)
                       : send_all(o, bytes, (size_t)(end - bytes) + TAIL_SIZE);
    if (o->sheet)
        sheet_give(o->sheets, o->sheet);
    o->sheet = NULL;
    return sent;
}
