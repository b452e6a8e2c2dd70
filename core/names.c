/* names.c - the addresses of the bank's name: looked up once for all calls, and never waited for. */
#include "core/names.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "sql/clock.h"

#define HOST_SIZE    256
#define ADDRESSES    16 /* more are not tried */
#define LOOKUP_STACK (1u << 20)

/* One name; the bank has one. */
struct name {
    struct name *next;
    struct names *names;
    char host[HOST_SIZE];
    int port;
    char addresses[NAMES_ENTRY - HOST_SIZE - 8]; /* "": none known */
    int64_t known_ms, again_ms;
    bool asking;
};

struct names {
    pthread_mutex_t lock;
    int users; /* the owner, and each lookup under way: the last one frees */
    bool closed;
    names_news *news;
    void *arg;
    struct name *first;
};

struct names *names_open(names_news *news, void *arg) {
    struct names *n = calloc(1, sizeof *n);
    if (!n)
        return NULL;
    pthread_mutex_init(&n->lock, NULL);
    n->users = 1;
    n->news = news;
    n->arg = arg;
    return n;
}

/* Locked; unlocks. */
static void leave(struct names *n) {
    bool last = --n->users == 0;
    pthread_mutex_unlock(&n->lock);
    if (!last)
        return;
    while (n->first) {
        struct name *next = n->first->next;
        free(n->first);
        n->first = next;
    }
    pthread_mutex_destroy(&n->lock);
    free(n);
}

void names_close(struct names *n) {
    if (!n)
        return;
    pthread_mutex_lock(&n->lock);
    n->closed = true;
    leave(n);
}

/* ---- one lookup, on its thread --------------------------------------------------------------- */

static void add_address(char *text, size_t size, const struct addrinfo *a) {
    char address[INET6_ADDRSTRLEN];
    size_t used = strlen(text);
    const char *comma = used ? "," : "";
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } to = {0};
    if (a->ai_addrlen > sizeof to)
        return;
    memcpy(&to, a->ai_addr, a->ai_addrlen);
    if (a->ai_family == AF_INET && inet_ntop(AF_INET, &to.in.sin_addr, address, sizeof address) &&
        used + strlen(address) + 2 < size)
        snprintf(text + used, size - used, "%s%s", comma, address);
    else if (a->ai_family == AF_INET6 && !to.in6.sin6_scope_id &&
             inet_ntop(AF_INET6, &to.in6.sin6_addr, address, sizeof address) &&
             used + strlen(address) + 4 < size)
        snprintf(text + used, size - used, "%s[%s]", comma, address);
}

static void *look_up(void *arg) {
    static const struct addrinfo stream = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct name *e = arg;
    struct names *n = e->names;
    char text[sizeof e->addresses] = "";
    struct addrinfo *all = NULL;
    int count = 0;
    if (getaddrinfo(e->host, NULL, &stream, &all) == 0)
        for (const struct addrinfo *a = all; a && count < ADDRESSES; a = a->ai_next, count++)
            add_address(text, sizeof text, a);
    if (all)
        freeaddrinfo(all);
    pthread_mutex_lock(&n->lock);
    e->asking = false;
    if (*text) {
        memcpy(e->addresses, text, sizeof text);
        e->known_ms = clock_monotonic_ms();
    } else {
        e->again_ms = clock_monotonic_ms() + NAMES_AGAIN_MS;
    }
    if (!n->closed)
        n->news(n->arg);
    leave(n);
    return NULL;
}

/* ---- for the calls --------------------------------------------------------------------------- */

/* Locked. */
static void ask(struct name *e, int64_t now_ms) {
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, LOOKUP_STACK);
    e->asking = pthread_create(&thread, &attr, look_up, e) == 0;
    pthread_attr_destroy(&attr);
    e->names->users += e->asking;
    e->again_ms = now_ms + NAMES_AGAIN_MS; /* where there was no thread */
}

/* Locked.  NULL: no memory, or no such name can be. */
static struct name *entry_of(struct names *n, const char *host, int port) {
    for (struct name *e = n->first; e; e = e->next)
        if (e->port == port && strcmp(e->host, host) == 0)
            return e;
    struct name *e = strlen(host) < HOST_SIZE ? calloc(1, sizeof *e) : NULL;
    if (!e)
        return NULL;
    snprintf(e->host, sizeof e->host, "%s", host);
    e->port = port;
    e->names = n;
    e->next = n->first;
    n->first = e;
    return e;
}

enum names_answer names_find(struct names *n, const char *host, int port, int64_t now_ms, char *entry) {
    enum names_answer answer = NAMES_UNKNOWN;
    pthread_mutex_lock(&n->lock);
    struct name *e = entry_of(n, host, port);
    if (e) {
        int64_t age = now_ms - e->known_ms;
        bool known = *e->addresses;
        if (!e->asking && (!known || age >= NAMES_FRESH_MS) && now_ms >= e->again_ms)
            ask(e, now_ms);
        if (known && age < NAMES_STALE_MS) {
            snprintf(entry, NAMES_ENTRY, "%s:%d:%s", e->host, e->port, e->addresses);
            answer = NAMES_KNOWN;
        } else if (e->asking) {
            answer = NAMES_ASKING;
        }
    }
    pthread_mutex_unlock(&n->lock);
    return answer;
}
