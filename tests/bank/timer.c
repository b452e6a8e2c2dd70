/* timer.c - waiting calls: slots, a heap of deadlines, and an epoll of sockets that may close. */
#include "tests/bank/timer.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define NOWHERE UINT32_MAX
#define FIRST_SLOTS 256u
#define WAKE_ID UINT64_MAX /* epoll's word for the eventfd */
#define BATCH 256

struct slot {
    struct MHD_Connection *connection; /* NULL: the slot is free */
    enum wait_end *end;
    int fd;
    int64_t deadline; /* clock_mono_ms() */
    uint32_t generation;
    uint32_t heap_at; /* NOWHERE: no deadline */
    uint32_t next_free;
};

struct waits {
    pthread_mutex_t lock; /* around everything below but the two descriptors */
    struct slot *slots;
    uint32_t room, used, first_free;
    uint32_t *heap; /* slots by deadline, the earliest first */
    uint32_t heap_n;
    bool stopping;
    int epoll_fd, wake_fd;
    pthread_t thread;
};

int64_t clock_real_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void heap_put(struct waits *w, uint32_t at, uint32_t slot)
{
    w->heap[at] = slot;
    w->slots[slot].heap_at = at;
}

static void heap_up(struct waits *w, uint32_t at)
{
    uint32_t slot = w->heap[at];

    while (at > 0) {
        uint32_t parent = (at - 1) / 2;

        if (w->slots[w->heap[parent]].deadline <= w->slots[slot].deadline)
            break;
        heap_put(w, at, w->heap[parent]);
        at = parent;
    }
    heap_put(w, at, slot);
}

static void heap_down(struct waits *w, uint32_t at)
{
    uint32_t slot = w->heap[at];

    for (;;) {
        uint32_t child = at * 2 + 1;

        if (child >= w->heap_n)
            break;
        if (child + 1 < w->heap_n &&
            w->slots[w->heap[child + 1]].deadline < w->slots[w->heap[child]].deadline)
            child++;
        if (w->slots[slot].deadline <= w->slots[w->heap[child]].deadline)
            break;
        heap_put(w, at, w->heap[child]);
        at = child;
    }
    heap_put(w, at, slot);
}

static void heap_add(struct waits *w, uint32_t slot)
{
    heap_put(w, w->heap_n, slot);
    heap_up(w, w->heap_n++);
}

static void heap_remove(struct waits *w, uint32_t slot)
{
    uint32_t at = w->slots[slot].heap_at;
    uint32_t last;

    if (at == NOWHERE)
        return;
    w->slots[slot].heap_at = NOWHERE;
    last = w->heap[--w->heap_n];
    if (last == slot)
        return;
    heap_put(w, at, last);
    heap_up(w, at);
    heap_down(w, w->slots[last].heap_at);
}

static bool more_slots(struct waits *w)
{
    uint32_t room = w->room == 0 ? FIRST_SLOTS : w->room * 2;
    struct slot *slots = realloc(w->slots, room * sizeof *slots);
    uint32_t *heap;

    if (slots == NULL)
        return false;
    w->slots = slots;
    heap = realloc(w->heap, room * sizeof *heap);
    if (heap == NULL)
        return false;
    w->heap = heap;
    for (uint32_t i = w->room; i < room; i++) {
        memset(&slots[i], 0, sizeof slots[i]);
        slots[i].next_free = i + 1 < room ? i + 1 : w->first_free;
    }
    w->first_free = w->room;
    w->room = room;
    return true;
}

static wait_id slot_id(const struct waits *w, uint32_t slot)
{
    return (wait_id)w->slots[slot].generation << 32 | slot;
}

/* The slot that still waits under this id, or NOWHERE. */
static uint32_t slot_of(const struct waits *w, wait_id id)
{
    uint32_t slot = (uint32_t)id;

    if (slot >= w->room || w->slots[slot].connection == NULL || slot_id(w, slot) != id)
        return NOWHERE;
    return slot;
}

/* Ends the wait; from here on the connection belongs to its handler again. */
static void finish(struct waits *w, uint32_t slot, enum wait_end end)
{
    struct slot *s = &w->slots[slot];
    struct MHD_Connection *c = s->connection;

    heap_remove(w, slot);
    epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
    *s->end = end;
    s->connection = NULL;
    s->generation++;
    s->next_free = w->first_free;
    w->first_free = slot;
    w->used--;
    MHD_resume_connection(c);
}

static int connection_fd(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);

    return info == NULL ? -1 : info->connect_fd;
}

static void wake_thread(struct waits *w)
{
    uint64_t one = 1;
    ssize_t n = write(w->wake_fd, &one, sizeof one);

    (void)n; /* fails only when it is full, that is, awake anyway */
}

wait_id waits_hold(struct waits *w, struct MHD_Connection *c, int64_t ms, enum wait_end *end)
{
    wait_id id = WAKE_ID;
    struct epoll_event ev = {.events = EPOLLRDHUP};
    bool earlier = false;
    struct slot *s;
    uint32_t slot;

    *end = WAIT_STOPPED;
    MHD_suspend_connection(c);
    pthread_mutex_lock(&w->lock);
    if (w->stopping || (w->used == w->room && !more_slots(w))) {
        MHD_resume_connection(c);
        goto out;
    }
    slot = w->first_free;
    s = &w->slots[slot];
    w->first_free = s->next_free;
    w->used++;
    s->connection = c;
    s->end = end;
    s->fd = connection_fd(c);
    s->heap_at = NOWHERE;
    id = slot_id(w, slot);
    if (ms != WAIT_FOR_EVER) {
        s->deadline = clock_mono_ms() + ms;
        heap_add(w, slot);
        earlier = s->heap_at == 0;
    }
    ev.data.u64 = id;
    if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, s->fd, &ev) != 0)
        finish(w, slot, WAIT_STOPPED);
out:
    pthread_mutex_unlock(&w->lock);
    if (earlier)
        wake_thread(w);
    return id;
}

void waits_wake(struct waits *w, wait_id id)
{
    uint32_t slot;

    pthread_mutex_lock(&w->lock);
    slot = slot_of(w, id);
    if (slot != NOWHERE)
        finish(w, slot, WAIT_WOKEN);
    pthread_mutex_unlock(&w->lock);
}

size_t waits_count(struct waits *w)
{
    size_t n;

    pthread_mutex_lock(&w->lock);
    n = w->used;
    pthread_mutex_unlock(&w->lock);
    return n;
}

/* Ends what is due and returns how long epoll may sleep. */
static int finish_due(struct waits *w)
{
    int64_t now = clock_mono_ms();
    int64_t left;

    while (w->heap_n > 0 && w->slots[w->heap[0]].deadline <= now)
        finish(w, w->heap[0], WAIT_DUE);
    if (w->heap_n == 0)
        return -1;
    left = w->slots[w->heap[0]].deadline - now;
    return left > 60000 ? 60000 : (int)left;
}

static void *run(void *arg)
{
    struct waits *w = arg;
    struct epoll_event events[BATCH];
    bool stopping = false;
    int sleep_ms = -1;

    while (!stopping) {
        int n = epoll_wait(w->epoll_fd, events, BATCH, sleep_ms);

        pthread_mutex_lock(&w->lock);
        for (int i = 0; i < n; i++) {
            uint32_t slot;
            uint64_t count;

            if (events[i].data.u64 == WAKE_ID) {
                ssize_t got = read(w->wake_fd, &count, sizeof count);

                (void)got;
                continue;
            }
            slot = slot_of(w, events[i].data.u64);
            if (slot != NOWHERE)
                finish(w, slot, WAIT_LEFT);
        }
        sleep_ms = finish_due(w);
        stopping = w->stopping;
        pthread_mutex_unlock(&w->lock);
    }
    return NULL;
}

struct waits *waits_new(void)
{
    struct waits *w = calloc(1, sizeof *w);
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = WAKE_ID};
    int error;

    if (w == NULL)
        return NULL;
    w->first_free = NOWHERE;
    w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&w->lock, NULL);
    if (w->epoll_fd < 0 || w->wake_fd < 0 ||
        epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->wake_fd, &ev) != 0) {
        waits_free(w);
        return NULL;
    }
    error = pthread_create(&w->thread, NULL, run, w);
    if (error != 0) {
        waits_free(w);
        errno = error;
        return NULL;
    }
    return w;
}

void waits_stop(struct waits *w)
{
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    for (uint32_t i = 0; i < w->room; i++) {
        if (w->slots[i].connection != NULL)
            finish(w, i, WAIT_STOPPED);
    }
    pthread_mutex_unlock(&w->lock);
    wake_thread(w);
    pthread_join(w->thread, NULL);
}

void waits_free(struct waits *w)
{
    if (w == NULL)
        return;
    if (w->epoll_fd >= 0)
        close(w->epoll_fd);
    if (w->wake_fd >= 0)
        close(w->wake_fd);
    pthread_mutex_destroy(&w->lock);
    free(w->heap);
    free(w->slots);
    free(w);
}
