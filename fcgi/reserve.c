/* reserve.c - malloc, realloc and free with a fixed pool behind them for libfcgi. */
#include "fcgi/reserve.h"

/* gcc says so by its macros, clang by its features. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define RESERVE_NONE
#endif
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(RESERVE_NONE)

void reserve_enter(void) {
}
void reserve_leave(void) {
}
int reserve_taken(void) {
    return -1;
}

#else

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fcgi/gate.h"

#define SLOTS     4
#define BLOCK     16         /* alignment, and the head of a block: its size */
#define STREAMS   27648 /* three streams of libfcgi with their buffers of 8 KiB */
#define VECTORS   (sizeof(char *) * 2 * 2 * GATE_PAIRS_MAX) /* its array of pairs grows by doubling */
#define SLOT_SIZE (GATE_PARAMS_MAX + (size_t)GATE_PAIRS_MAX * 3 * BLOCK + STREAMS + VECTORS)

/* live: blocks in use, and one for the thread that takes from it; 0: free. */
static struct {
    _Alignas(BLOCK) unsigned char bytes[SLOT_SIZE];
    size_t used;
    atomic_int live;
} slots[SLOTS];
static atomic_int taken;

static _Thread_local bool inside, looking;
static _Thread_local int mine = -1;

/* The next malloc, realloc and free behind ours: the C library's, or what was loaded before it. */
static void *(*next_malloc)(size_t);
static void *(*next_realloc)(void *, size_t);
static void (*next_free)(void *);

static bool next_find(void) {
    if (looking) /* dlsym itself wants memory: it can do without */
        return false;
    looking = true;
    *(void **)&next_realloc = dlsym(RTLD_NEXT, "realloc");
    *(void **)&next_free = dlsym(RTLD_NEXT, "free");
    *(void **)&next_malloc = dlsym(RTLD_NEXT, "malloc");
    looking = false;
    return next_malloc && next_realloc && next_free;
}

static int slot_of(const void *p) {
    uintptr_t at = (uintptr_t)p, from = (uintptr_t)slots;
    return at >= from && at < from + sizeof(slots) ? (int)((at - from) / sizeof(slots[0])) : -1;
}

/* A slot for this thread; waits for one, as there is no other way but the end of the process. */
static int slot_take(void) {
    static const struct timespec pause = {.tv_nsec = 2000000};
    for (;;) {
        for (int i = 0; i < SLOTS; i++) {
            int none = 0;
            if (atomic_compare_exchange_strong(&slots[i].live, &none, 1)) {
                slots[i].used = 0;
                atomic_fetch_add(&taken, 1);
                return i;
            }
        }
        nanosleep(&pause, NULL);
    }
}

static void *reserve_take(size_t size) {
    int error = errno;
    if (mine < 0)
        mine = slot_take();
    size_t whole = (size + BLOCK - 1) / BLOCK * BLOCK + BLOCK;
    if (size > SLOT_SIZE || whole > SLOT_SIZE - slots[mine].used)
        return NULL; /* the gate lets no such request through */
    unsigned char *block = slots[mine].bytes + slots[mine].used;
    slots[mine].used += whole;
    atomic_fetch_add(&slots[mine].live, 1);
    memcpy(block, &size, sizeof(size));
    errno = error;
    return block + BLOCK;
}

static size_t size_of(void *p, int slot) {
    size_t size;
    if (slot < 0)
        return malloc_usable_size(p);
    memcpy(&size, (unsigned char *)p - BLOCK, sizeof(size));
    return size;
}

void reserve_enter(void) {
    inside = true;
}

void reserve_leave(void) {
    inside = false;
    if (mine >= 0)
        atomic_fetch_sub(&slots[mine].live, 1);
    mine = -1;
}

int reserve_taken(void) {
    return atomic_load(&taken);
}

/* The C library's names for these three: the compiler's checks take functions of its names for its own. */
void *reserve_malloc(size_t size) __asm__("malloc");
void *reserve_realloc(void *p, size_t size) __asm__("realloc");
void reserve_free(void *p) __asm__("free");

void *reserve_malloc(size_t size) {
    void *p = next_malloc || next_find() ? next_malloc(size) : NULL;
    return p || !inside ? p : reserve_take(size);
}

void reserve_free(void *p) {
    int slot = slot_of(p);
    if (p && (slot >= 0 || inside))
        explicit_bzero(p, size_of(p, slot));
    if (slot >= 0) {
        atomic_fetch_sub(&slots[slot].live, 1);
    } else if (next_free || next_find()) {
        next_free(p);
    }
}

void *reserve_realloc(void *p, size_t size) {
    int slot = slot_of(p);
    void *new = slot < 0 && (next_realloc || next_find()) ? next_realloc(p, size) : NULL;
    if (new || (slot < 0 && (!inside || !size)))
        return new;
    new = slot >= 0 ? reserve_malloc(size) : reserve_take(size);
    if (new && p) {
        size_t old = size_of(p, slot);
        memcpy(new, p, old < size ? old : size);
        reserve_free(p);
    }
    return new;
}

#endif
