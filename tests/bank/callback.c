/* callback.c - POSTing callbacks over plain sockets, bounded in time. */
#include "tests/bank/callback.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define THREADS 4
#define QUEUE_MAX 16384

struct job {
    struct job *next;
    wait_id id;
    char url[CALLBACK_URL_MAX];
    char body[CALLBACK_BODY_MAX];
};

struct callbacks {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct job *first, *last;
    size_t queued;
    char url[CALLBACK_URL_MAX];
    bool stopping;
    int stop_fd; /* readable from callbacks_stop() on */
    struct waits *waits;
    pthread_t threads[THREADS];
    size_t n_threads;
};

struct target {
    char host[256], port[8], path[CALLBACK_URL_MAX];
};

static bool split_url(const char *url, struct target *t)
{
    static const char scheme[] = "http://";
    const char *host = url + sizeof scheme - 1;
    size_t n, digits;

    if (strncmp(url, scheme, sizeof scheme - 1) != 0)
        return false;
    for (const char *p = url; *p != '\0'; p++) {
        if (*p <= ' ' || *p > '~')
            return false;
    }
    n = strcspn(host, ":/");
    if (n == 0 || n >= sizeof t->host)
        return false;
    memcpy(t->host, host, n);
    t->host[n] = '\0';
    snprintf(t->port, sizeof t->port, "80");
    host += n;
    if (*host == ':') {
        digits = strspn(host + 1, "0123456789");
        if (digits == 0 || digits > 5)
            return false;
        snprintf(t->port, sizeof t->port, "%.*s", (int)digits, host + 1);
        host += 1 + digits;
    }
    if (*host != '\0' && *host != '/')
        return false;
    snprintf(t->path, sizeof t->path, "%s", *host == '/' ? host : "/");
    return true;
}

/* Waits for the socket; false when the time is over, at the stop, and when polling fails. */
static bool wait_for(const struct callbacks *c, int fd, short events, int64_t deadline)
{
    struct pollfd p[2] = {{.fd = fd, .events = events}, {.fd = c->stop_fd, .events = POLLIN}};
    int64_t left = deadline - clock_mono_ms();

    if (left <= 0 || poll(p, 2, (int)left) <= 0)
        return false;
    return p[1].revents == 0 && p[0].revents != 0;
}

static int connect_to(const struct callbacks *c, const struct target *t, int64_t deadline)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int fd = -1;

    if (getaddrinfo(t->host, t->port, &hints, &list) != 0)
        return -1;
    for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        int error = 0;
        socklen_t size = sizeof error;

        fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
            continue;
        if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
            break;
        if (errno == EINPROGRESS && wait_for(c, fd, POLLOUT, deadline) &&
            getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0)
            break;
        close(fd);
        fd = -1;
    }
    freeaddrinfo(list);
    return fd;
}

static bool send_all(const struct callbacks *c, int fd, const char *data, size_t n,
                     int64_t deadline)
{
    while (n > 0) {
        ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);

        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (sent < 0 && !wait_for(c, fd, POLLOUT, deadline))
            return false;
        if (sent > 0) {
            data += sent;
            n -= (size_t)sent;
        }
    }
    return true;
}

/* Returns when the answer has begun: the merchant has then taken notice. */
static void post(const struct callbacks *c, const struct job *job)
{
    int64_t deadline = clock_mono_ms() + CALLBACK_LIMIT_MS;
    char request[CALLBACK_URL_MAX + CALLBACK_BODY_MAX + 512], answer[512];
    struct target t;
    int fd, n;

    if (!split_url(job->url, &t))
        return;
    fd = connect_to(c, &t, deadline);
    if (fd < 0)
        return;
    n = snprintf(request, sizeof request,
                 "POST %s HTTP/1.1\r\nHost: %s:%s\r\nContent-Type: application/json\r\n"
                 "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                 t.path, t.host, t.port, strlen(job->body), job->body);
    if (n > 0 && (size_t)n < sizeof request &&
        send_all(c, fd, request, (size_t)n, deadline) && wait_for(c, fd, POLLIN, deadline)) {
        ssize_t got = recv(fd, answer, sizeof answer, 0);

        (void)got; /* whatever it says, the bank has told */
    }
    close(fd);
}

static void *run(void *arg)
{
    struct callbacks *c = arg;

    pthread_mutex_lock(&c->lock);
    for (;;) {
        struct job *job;

        while (c->first == NULL && !c->stopping)
            pthread_cond_wait(&c->more, &c->lock);
        if (c->stopping)
            break;
        job = c->first;
        c->first = job->next;
        if (c->first == NULL)
            c->last = NULL;
        c->queued--;
        pthread_mutex_unlock(&c->lock);
        post(c, job);
        waits_wake(c->waits, job->id);
        free(job);
        pthread_mutex_lock(&c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

struct callbacks *callbacks_new(struct waits *w)
{
    struct callbacks *c = calloc(1, sizeof *c);

    if (c == NULL)
        return NULL;
    c->waits = w;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->more, NULL);
    c->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    while (c->stop_fd >= 0 && c->n_threads < THREADS &&
           pthread_create(&c->threads[c->n_threads], NULL, run, c) == 0)
        c->n_threads++;
    if (c->n_threads == 0) {
        callbacks_free(c);
        return NULL;
    }
    return c;
}

bool callbacks_set_url(struct callbacks *c, const char *url)
{
    struct target t;

    if (url == NULL)
        url = "";
    if (strlen(url) >= sizeof c->url || (*url != '\0' && !split_url(url, &t)))
        return false;
    pthread_mutex_lock(&c->lock);
    snprintf(c->url, sizeof c->url, "%s", url);
    pthread_mutex_unlock(&c->lock);
    return true;
}

void callbacks_get_url(struct callbacks *c, char *url, size_t size)
{
    pthread_mutex_lock(&c->lock);
    snprintf(url, size, "%s", c->url);
    pthread_mutex_unlock(&c->lock);
}

bool callbacks_wanted(struct callbacks *c)
{
    char url[CALLBACK_URL_MAX];

    callbacks_get_url(c, url, sizeof url);
    return url[0] != '\0';
}

bool callbacks_post(struct callbacks *c, const char *body, wait_id id)
{
    struct job *job = calloc(1, sizeof *job);
    bool queued = false;

    if (job == NULL)
        return false;
    job->id = id;
    snprintf(job->body, sizeof job->body, "%s", body);
    pthread_mutex_lock(&c->lock);
    if (!c->stopping && c->queued < QUEUE_MAX) {
        snprintf(job->url, sizeof job->url, "%s", c->url);
        if (c->last != NULL)
            c->last->next = job;
        else
            c->first = job;
        c->last = job;
        c->queued++;
        queued = true;
        pthread_cond_signal(&c->more);
    }
    pthread_mutex_unlock(&c->lock);
    if (!queued)
        free(job);
    return queued;
}

void callbacks_stop(struct callbacks *c)
{
    uint64_t one = 1;
    ssize_t n;

    pthread_mutex_lock(&c->lock);
    c->stopping = true;
    pthread_cond_broadcast(&c->more);
    pthread_mutex_unlock(&c->lock);
    n = write(c->stop_fd, &one, sizeof one);
    (void)n;
    for (size_t i = 0; i < c->n_threads; i++)
        pthread_join(c->threads[i], NULL);
    c->n_threads = 0;
}

void callbacks_free(struct callbacks *c)
{
    if (c == NULL)
        return;
    while (c->first != NULL) {
        struct job *next = c->first->next;

        free(c->first);
        c->first = next;
    }
    if (c->stop_fd >= 0)
        close(c->stop_fd);
    pthread_cond_destroy(&c->more);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
