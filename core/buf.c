/* buf.c - a growing byte buffer with a maximum. */
#include "core/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max) {
    *b = (struct buf){.max = max};
}

static bool buf_reserve(struct buf *b, size_t more) {
    if (b->failed || more > b->max - b->size) {
        b->failed = true;
        return false;
    }
    size_t need = b->size + more + 1;
    if (need <= b->room)
        return true;
    size_t room = b->room < 256 ? 256 : b->room;
    while (room < need)
        room *= 2;
    char *bytes = malloc(room);
    if (!bytes) {
        b->failed = true;
        return false;
    }
    if (b->size)
        memcpy(bytes, b->bytes, b->size);
    bytes[b->size] = '\0';
    if (b->bytes) /* not realloc: the old bytes may be secret */
        explicit_bzero(b->bytes, b->size);
    free(b->bytes);
    b->bytes = bytes;
    b->room = room;
    return true;
}

bool buf_add(struct buf *b, const void *bytes, size_t size) {
    if (!buf_reserve(b, size))
        return false;
    if (size)
        memcpy(b->bytes + b->size, bytes, size);
    b->size += size;
    b->bytes[b->size] = '\0';
    return true;
}

bool buf_text(struct buf *b, const char *text) {
    return text ? buf_add(b, text, strlen(text)) : !b->failed;
}

bool buf_format(struct buf *b, const char *format, ...) {
    va_list args;
    size_t room = b->failed ? 0 : b->room - b->size;
    va_start(args, format);
    int size = vsnprintf(room ? b->bytes + b->size : NULL, room, format, args);
    va_end(args);
    bool fits = size >= 0 && (size_t)size < room && (size_t)size <= b->max - b->size;
    if (room && !fits) /* what was begun may be secret, too */
        explicit_bzero(b->bytes + b->size, room);
    if (size < 0 || !buf_reserve(b, (size_t)size)) {
        b->failed = true;
        return false;
    }
    if (!fits) {
        va_start(args, format);
        vsnprintf(b->bytes + b->size, (size_t)size + 1, format, args);
        va_end(args);
    }
    b->size += (size_t)size;
    return true;
}

void buf_free(struct buf *b) {
    if (!b)
        return;
    if (b->bytes)
        explicit_bzero(b->bytes, b->size);
    free(b->bytes);
    buf_init(b, b->max);
}
