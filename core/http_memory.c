/* http_memory.c - libcurl's memory. */
#include "core/http_memory.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static struct {
    _Alignas(16) unsigned char bytes[HTTP_MEMORY_POOL][HTTP_MEMORY_BLOCK];
    atomic_flag taken[HTTP_MEMORY_POOL];
} pool;

static void *pool_take(size_t size) {
    if (size > HTTP_MEMORY_BLOCK)
        return NULL;
    for (int i = 0; i < HTTP_MEMORY_POOL; i++)
        if (!atomic_flag_test_and_set(&pool.taken[i]))
            return pool.bytes[i];
    return NULL;
}

/* The number of p's block, -1: it is none. */
static int pool_block(const void *p) {
    uintptr_t at = (uintptr_t)p, from = (uintptr_t)pool.bytes;
    return at >= from && at < from + sizeof pool.bytes ? (int)((at - from) / HTTP_MEMORY_BLOCK)
                                                       : -1;
}

static size_t size_of(void *p) {
    return pool_block(p) >= 0 ? HTTP_MEMORY_BLOCK : malloc_usable_size(p);
}

void *http_malloc(size_t size) {
    void *p = malloc(size);
    if (!p)
        p = pool_take(size);
    return p;
}

void *http_calloc(size_t n, size_t size) {
    void *p = calloc(n, size);
    if (p || (size && n > SIZE_MAX / size))
        return p;
    p = pool_take(n * size);
    return p ? memset(p, 0, n * size) : NULL;
}

void http_free(void *p) {
    if (!p)
        return;
    int block = pool_block(p);
    explicit_bzero(p, size_of(p));
    if (block >= 0)
        atomic_flag_clear(&pool.taken[block]);
    else
        free(p);
}

/* Not realloc: the old bytes may be secret. */
void *http_realloc(void *p, size_t size) {
    if (!size) {
        http_free(p);
        return NULL;
    }
    void *to = http_malloc(size);
    if (to && p) {
        size_t old = size_of(p);
        memcpy(to, p, old < size ? old : size);
        http_free(p);
    }
    return to;
}

char *http_strdup(const char *s) {
    size_t size = strlen(s) + 1;
    char *copy = http_malloc(size);
    return copy ? memcpy(copy, s, size) : NULL;
}
