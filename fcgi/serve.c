/* serve.c - FastCGI connections and the worker threads that answer them. */
#include "fcgi/serve.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "fcgi/log.h"

#define READ_TIMEOUT_S  10 /* the web server has the whole request: it needs no time */
#define WRITE_TIMEOUT_S 30
#define DRAIN_MAX       (16u << 20) /* unread body thrown away so that the answer is not lost */
#define THREAD_STACK    (1u << 20)

struct serve {
    int listen_fd, epoll_fd, stop_fd;
    serve_handler *handler;
    void *arg;
    int started;
    pthread_t threads[];
};

/* One request's streams, for the reader and writer that know no FastCGI. */
struct exchange {
    FCGX_Request fcgi;
    bool ended; /* the body was read to its end */
};

/* Bytes are wiped from libfcgi's buffer as they are taken out: they may be an OTP. */
static size_t exchange_read(void *arg, char *out, size_t size) {
    struct exchange *x = arg;
    FCGX_Stream *in = x->fcgi.in;
    if (!size)
        return 0;
    int c = FCGX_GetChar(in);
    if (c == EOF) {
        x->ended = FCGX_GetError(in) == 0;
        return 0;
    }
    out[0] = (char)c;
    explicit_bzero(in->rdNext - 1, 1);
    size_t more = (size_t)(in->stop - in->rdNext);
    if (more > size - 1)
        more = size - 1;
    if (more) {
        FCGX_GetStr(out + 1, (int)more, in);
        explicit_bzero(in->rdNext - more, more);
    }
    return more + 1;
}

static bool exchange_write(void *arg, const char *bytes, size_t size) {
    struct exchange *x = arg;
    while (size) {
        int n = size > INT_MAX ? INT_MAX : (int)size;
        if (FCGX_PutStr(bytes, n, x->fcgi.out) != n)
            return false;
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

/* Reads what the handler left of the body.  false: the connection cannot be used again. */
static bool exchange_drain(struct exchange *x) {
    char rest[4096];
    size_t total = 0, n;
    while (!x->ended && total < DRAIN_MAX && (n = exchange_read(x, rest, sizeof(rest))) > 0)
        total += n;
    explicit_bzero(rest, sizeof(rest));
    return x->ended;
}

/* Answers the request that is waiting on fd.  True: keep the connection; otherwise it is closed. */
static bool answer(struct serve *s, int fd, struct request *request) {
    struct exchange x = {.ended = false};
    struct reply reply;
    const char *why = "";
    /* No listening socket: when this connection fails, the library must not wait for another one.
     */
    if (FCGX_InitRequest(&x.fcgi, -1, 0) != 0) {
        close(fd);
        return false;
    }
    /* As if it had kept this connection from an earlier request: it reads the next one from it. */
    x.fcgi.ipcFd = fd;
    x.fcgi.keepConnection = 1;
    FCGX_Detach(&x.fcgi); /* closing means close(2), without the library's lingering */
    if (FCGX_Accept_r(&x.fcgi) != 0)
        return false; /* the library has closed fd */
    if (FCGX_GetError(x.fcgi.in) != 0) { /* cut short: half of the variables are no request */
        FCGX_Free(&x.fcgi, 1);
        return false;
    }

    int refused = request_parse(request, x.fcgi.envp, exchange_read, &x, &why);
    reply_init(&reply, exchange_write, &x, request->id);
    reply.head_only = request->method == METHOD_HEAD;
    s->handler(s->arg, request, refused, why, &reply);
    bool whole = exchange_drain(&x) && !reply.broken;
    if (reply.broken) /* cut it: without its end record the web server sees that the answer is not
                         whole */
        shutdown(fd, SHUT_RDWR);
    reply_free(&reply);
    request_clear(request);
    FCGX_Finish_r(&x.fcgi);
    if (x.fcgi.ipcFd >= 0 && !whole)
        FCGX_Free(&x.fcgi, 1);
    return x.fcgi.ipcFd >= 0;
}

static bool watch(struct serve *s, int op, int fd) {
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.fd = fd};
    return epoll_ctl(s->epoll_fd, op, fd, &e) == 0;
}

static void out_of_descriptors(void) {
    static const struct timespec pause = {.tv_nsec = 20000000};
    log_event(LOG_ERROR, NULL, "accept", "error", strerror(errno), NULL);
    nanosleep(&pause, NULL); /* no busy loop while nothing can be had */
}

/* Takes on what is waiting at the door. */
static void take_on(struct serve *s) {
    static const struct timeval read_time = {.tv_sec = READ_TIMEOUT_S};
    static const struct timeval write_time = {.tv_sec = WRITE_TIMEOUT_S};
    for (int i = 0; i < 64; i++) {
        int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                out_of_descriptors();
            break;
        }
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &read_time, sizeof(read_time));
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &write_time, sizeof(write_time));
        if (!watch(s, EPOLL_CTL_ADD, fd))
            close(fd);
    }
    watch(s, EPOLL_CTL_MOD, s->listen_fd);
}

/* Bytes are there, or the other side has gone. */
static void attend(struct serve *s, int fd, struct request *request) {
    char byte;
    if (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0) {
        close(fd);
        return;
    }
    if (answer(s, fd, request) && !watch(s, EPOLL_CTL_MOD, fd))
        close(fd);
}

static void *work(void *arg) {
    struct serve *s = arg;
    struct request *request = malloc(sizeof(*request)); /* reused from request to request */
    struct epoll_event e;
    while (request) {
        int n = epoll_wait(s->epoll_fd, &e, 1, -1);
        if (n < 0 && errno != EINTR)
            break;
        if (n <= 0)
            continue;
        if (e.data.fd == s->stop_fd)
            break;
        if (e.data.fd == s->listen_fd)
            take_on(s);
        else
            attend(s, e.data.fd, request);
    }
    free(request);
    return NULL;
}

static bool serve_watch_all(struct serve *s) {
    struct epoll_event stop = {.events = EPOLLIN, .data.fd = s->stop_fd};
    int flags = fcntl(s->listen_fd, F_GETFL);
    return flags >= 0 && fcntl(s->listen_fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->stop_fd, &stop) == 0 &&
           watch(s, EPOLL_CTL_ADD, s->listen_fd);
}

struct serve *serve_start(int listen_fd, int workers, serve_handler *handler, void *arg, char *why,
                          size_t why_size) {
    struct serve *s = calloc(1, sizeof(*s) + (size_t)workers * sizeof(pthread_t));
    pthread_attr_t attr;
    if (!s || FCGX_Init() != 0) {
        snprintf(why, why_size, "no memory to serve requests");
        free(s);
        return NULL;
    }
    *s = (struct serve){.listen_fd = listen_fd, .handler = handler, .arg = arg};
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, THREAD_STACK);
    int error = s->epoll_fd < 0 || s->stop_fd < 0 || !serve_watch_all(s) ? errno : 0;
    while (!error && s->started < workers) {
        error = pthread_create(&s->threads[s->started], &attr, work, s);
        s->started += error == 0;
    }
    pthread_attr_destroy(&attr);
    if (error) {
        snprintf(why, why_size, "cannot start %d workers: %s", workers, strerror(error));
        serve_stop(s);
        return NULL;
    }
    return s;
}

void serve_stop(struct serve *s) {
    static const uint64_t one = 1;
    if (!s)
        return;
    /* Never read again, so that every worker sees it.  The listening socket may be another
       process's too: it is left as it is. */
    if (s->stop_fd >= 0 && write(s->stop_fd, &one, sizeof(one)) < 0)
        log_event(LOG_ERROR, NULL, "stop", "error", strerror(errno), NULL);
    for (int i = 0; i < s->started; i++)
        pthread_join(s->threads[i], NULL);
    if (s->epoll_fd >= 0)
        close(s->epoll_fd);
    if (s->stop_fd >= 0)
        close(s->stop_fd);
    free(s);
}
