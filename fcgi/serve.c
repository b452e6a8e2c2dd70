/* serve.c - FastCGI connections and the worker threads that answer them. */
#include "fcgi/serve.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "fcgi/body.h"
#include "fcgi/gate.h"
#include "fcgi/log.h"
#include "fcgi/reserve.h"

#define READ_TIMEOUT_S  2 /* the web server has the whole request: it needs no time */
#define WRITE_TIMEOUT_S 10
#define DRAIN_MAX       (16u << 20) /* unread body thrown away so that the answer is not lost */
#define THREAD_STACK    (1u << 20)
#define QUIET_MS        5000 /* without a request: memory is given back */

/* FastCGI 1.0, 3.3 and 8: a record's header, and what it may be about. */
#define HEADER_SIZE 8
#define END_SIZE    8
#define OUT_ROOM    32768 /* of a record: most pages go out as one, in one write */
enum { RECORD_VERSION = 1, RECORD_END_REQUEST = 3, RECORD_STDOUT = 6 };

struct job;

struct serve {
    int listen_fd, epoll_fd, stop_fd;
    atomic_int spare_fd; /* given up where there is no other: to say 503 with */
    serve_handler *handler;
    void *arg;
    pthread_mutex_t lock;
    struct job *free; /* reused from request to request */
    int free_count;
    atomic_bool dirty;  /* something was answered since memory was given back */
    int started;
    pthread_t threads[];
};

/* One request's streams, for the reader and writer that know no FastCGI. */
struct exchange {
    FCGX_Request fcgi; /* its variables */
    struct body body;
    size_t out_size;
    unsigned char out[HEADER_SIZE + OUT_ROOM + 2 * HEADER_SIZE + END_SIZE];
};

/* A request on its way through a handler.  It may outlive the worker's turn: serve_answered. */
struct job {
    struct job *next;
    struct serve *serve;
    int fd;
    struct exchange x;
    struct reply reply;
    struct request request;
};

/* What a worker has for itself. */
struct bench {
    int in, out; /* a way to the library, for the variables of one request; -1: none */
    unsigned char room[GATE_SIZE];
};

static size_t exchange_read(void *arg, char *out, size_t size) {
    struct exchange *x = arg;
    return body_read(&x->body, out, size);
}

static void put_header(unsigned char *to, int type, int id, size_t size) {
    const unsigned char header[HEADER_SIZE] = {
        RECORD_VERSION,    (unsigned char)type,        (unsigned char)(id >> 8),
        (unsigned char)id, (unsigned char)(size >> 8), (unsigned char)size};
    memcpy(to, header, sizeof(header));
}

static bool write_all(int fd, const unsigned char *bytes, size_t size) {
    while (size) {
        ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

/* Sends the record being filled; last: and that this was all of it. */
static bool exchange_send(struct exchange *x, bool last) {
    int id = x->fcgi.requestId;
    size_t size = x->out_size ? HEADER_SIZE + x->out_size : 0;
    put_header(x->out, RECORD_STDOUT, id, x->out_size);
    if (last) {
        put_header(x->out + size, RECORD_STDOUT, id, 0);
        size += HEADER_SIZE;
        put_header(x->out + size, RECORD_END_REQUEST, id, END_SIZE);
        memset(x->out + size + HEADER_SIZE, 0, END_SIZE); /* status 0, request complete */
        size += HEADER_SIZE + END_SIZE;
    }
    x->out_size = 0;
    return write_all(x->body.fd, x->out, size);
}

static bool exchange_write(void *arg, const char *bytes, size_t size) {
    struct exchange *x = arg;
    while (size) {
        size_t n = OUT_ROOM - x->out_size;
        if (n > size)
            n = size;
        memcpy(x->out + HEADER_SIZE + x->out_size, bytes, n);
        x->out_size += n;
        bytes += n;
        size -= n;
        if (x->out_size == OUT_ROOM && !exchange_send(x, false))
            return false;
    }
    return true;
}

/* Reads what the handler left of the body.  false: the connection cannot be used again. */
static bool exchange_drain(struct exchange *x) {
    char rest[4096];
    size_t total = 0, n;
    while (total < DRAIN_MAX && (n = body_read(&x->body, rest, sizeof(rest))) > 0)
        total += n;
    explicit_bzero(rest, sizeof(rest));
    return x->body.ended;
}

static struct job *job_take(struct serve *s) {
    pthread_mutex_lock(&s->lock);
    struct job *j = s->free;
    if (j) {
        s->free = j->next;
        s->free_count--;
    }
    pthread_mutex_unlock(&s->lock);
    if (!j)
        j = malloc(sizeof(*j));
    if (j)
        j->serve = s;
    return j;
}

static void job_give(struct job *j) {
    struct serve *s = j->serve;
    pthread_mutex_lock(&s->lock);
    bool keep = s->free_count < s->started;
    if (keep) {
        j->next = s->free;
        s->free = j;
        s->free_count++;
    }
    pthread_mutex_unlock(&s->lock);
    if (!keep)
        free(j);
}

static void jobs_free(struct serve *s) {
    pthread_mutex_lock(&s->lock);
    struct job *j = s->free;
    s->free = NULL;
    s->free_count = 0;
    pthread_mutex_unlock(&s->lock);
    for (struct job *next; j; j = next) {
        next = j->next;
        free(j);
    }
}

static bool watch(struct serve *s, int op, int fd) {
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.fd = fd};
    return epoll_ctl(s->epoll_fd, op, fd, &e) == 0;
}

/* The library closes its end where it does not like a request; then there is a new one. */
static bool bench_open(struct bench *b) {
    int pair[2], size = GATE_SIZE * 2;
    if (b->in >= 0)
        return true;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    b->in = pair[0];
    b->out = pair[1];
    return true;
}

static void bench_close(struct bench *b, bool both) {
    if (b->out >= 0)
        close(b->out);
    if (both && b->in >= 0)
        close(b->in);
    b->in = b->out = -1;
}

/* Reads the request that is waiting on the connection.  false: there is none to answer. */
static bool receive(struct job *j, const struct gate_look *look, struct bench *bench) {
    FCGX_Request *r = &j->x.fcgi;
    /* No listening socket: when this fails, the library must not wait for another one. */
    if (FCGX_InitRequest(r, -1, 0) != 0)
        return false;
    if (!gate_take(j->fd, bench->room, look,
                   bench->out)) { /* what is left on the way is no request's */
        bench_close(bench, true);
        return false;
    }
    j->x.out_size = 0;
    body_start(&j->x.body, j->fd, look->id, look->padding);
    j->x.body.ended = look->no_body;
    /* As if it had kept this connection from an earlier request: it reads the next one from it. */
    r->ipcFd = bench->in;
    r->keepConnection = 1;
    FCGX_Detach(r); /* closing means close(2), without the library's lingering */
    reserve_enter();
    int accepted = FCGX_Accept_r(r);
    reserve_leave();
    if (accepted != 0) { /* the library has closed its end */
        bench_close(bench, false);
        return false;
    }
    r->ipcFd = -1;
    if (FCGX_GetError(r->in) == 0)
        return true;
    FCGX_Free(r, 0);
    bench_close(bench, true);
    return false;
}

void serve_answered(struct reply *reply) {
    struct job *j = (struct job *)((char *)reply - offsetof(struct job, reply));
    FCGX_Request *r = &j->x.fcgi;
    bool keep = exchange_drain(&j->x) && r->keepConnection;
    if (reply->broken) /* cut it: without its end record the web server sees that the answer is not
                          whole */
        shutdown(j->fd, SHUT_RDWR);
    if (reply->broken || !exchange_send(&j->x, true))
        keep = false;
    reply_free(reply);
    request_clear(&j->request);
    FCGX_Free(r, 0);
    if (!keep || !watch(j->serve, EPOLL_CTL_MOD, j->fd))
        close(j->fd);
    job_give(j);
}

/* Answers the request that is waiting on fd, or hands it to the handler, which sees to the rest. */
static void answer(struct serve *s, int fd, const struct gate_look *look, struct bench *bench) {
    const char *why = "";
    struct job *j = job_take(s);
    if (!atomic_load_explicit(&s->dirty, memory_order_relaxed))
        atomic_store(&s->dirty, true);
    if (!j || !bench_open(bench)) {
        gate_refuse(fd, look->id, 503);
        close(fd);
        if (j)
            job_give(j);
        return;
    }
    j->fd = fd;
    if (!receive(j, look, bench)) {
        gate_refuse(fd, look->id, 503);
        close(fd);
        job_give(j);
        return;
    }
    int refused = request_parse(&j->request, j->x.fcgi.envp, exchange_read, &j->x, &why);
    reply_init(&j->reply, exchange_write, &j->x, j->request.id);
    j->reply.head_only = j->request.method == METHOD_HEAD;
    if (s->handler(s->arg, &j->request, refused, why, &j->reply))
        serve_answered(&j->reply);
}

static void spare_open(struct serve *s) {
    int none = -1, fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && !atomic_compare_exchange_strong(&s->spare_fd, &none, fd))
        close(fd);
}

/* The spare descriptor is given up for one connection, whose request is answered with 503. */
static void out_of_descriptors(struct serve *s, unsigned char *room) {
    static const struct timespec pause = {.tv_nsec = 20000000};
    struct gate_look look;
    log_event(LOG_ERROR, NULL, "accept", "error", strerror(errno), NULL);
    int spare = atomic_exchange(&s->spare_fd, -1);
    if (spare >= 0)
        close(spare);
    int fd = spare >= 0 ? accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC) : -1;
    if (fd < 0) {
        nanosleep(&pause, NULL); /* no busy loop while nothing can be had */
    } else {
        gate_wait(fd, room, 100, &look);
        if (look.id)
            gate_refuse(fd, look.id, 503);
        close(fd);
    }
    spare_open(s);
}

/* Takes on what is waiting at the door. */
static void take_on(struct serve *s, unsigned char *room) {
    static const struct timeval read_time = {.tv_sec = READ_TIMEOUT_S};
    static const struct timeval write_time = {.tv_sec = WRITE_TIMEOUT_S};
    for (int i = 0; i < 64; i++) {
        int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                out_of_descriptors(s, room);
            break;
        }
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &read_time, sizeof(read_time));
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &write_time, sizeof(write_time));
        if (!watch(s, EPOLL_CTL_ADD, fd))
            close(fd);
    }
    if (atomic_load(&s->spare_fd) < 0)
        spare_open(s);
    watch(s, EPOLL_CTL_MOD, s->listen_fd);
}

/* Bytes are there, or the other side has gone. */
static void attend(struct serve *s, int fd, struct bench *bench) {
    struct gate_look look;
    enum gate_verdict v = gate_wait(fd, bench->room, GATE_WAIT_MS, &look);
    if (v == GATE_READY) {
        answer(s, fd, &look, bench);
        return;
    }
    if (v == GATE_TOO_LARGE || (v == GATE_FOREIGN && look.id)) {
        log_event(LOG_WARNING, NULL, "refused", "because",
                  v == GATE_TOO_LARGE ? "variables too large" : "not a FastCGI request", NULL);
        gate_refuse(fd, look.id, v == GATE_TOO_LARGE ? 431 : 400);
    }
    close(fd);
}

/* The next event.  A worker that has had none for a while lets memory go that was needed before,
 * once; then nothing wakes it but work. */
static int next_event(struct serve *s, struct epoll_event *e) {
    bool dirty = atomic_load_explicit(&s->dirty, memory_order_relaxed);
    int n = epoll_wait(s->epoll_fd, e, 1, dirty ? QUIET_MS : -1);
    if (n == 0 && atomic_exchange(&s->dirty, false)) {
        jobs_free(s);
        malloc_trim(0);
    }
    return n;
}

static void *work(void *arg) {
    struct serve *s = arg;
    struct bench *bench = malloc(sizeof(*bench));
    struct epoll_event e;
    if (!bench)
        return NULL;
    bench->in = bench->out = -1;
    bench_open(bench);
    for (;;) {
        int n = next_event(s, &e);
        if (n < 0 && errno != EINTR)
            break;
        if (n <= 0)
            continue;
        if (e.data.fd == s->stop_fd)
            break;
        if (e.data.fd == s->listen_fd)
            take_on(s, bench->room);
        else
            attend(s, e.data.fd, bench);
    }
    bench_close(bench, true);
    free(bench);
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
    pthread_mutex_init(&s->lock, NULL);
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->spare_fd = -1;
    spare_open(s);
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
    jobs_free(s);
    pthread_mutex_destroy(&s->lock);
    if (s->spare_fd >= 0)
        close(s->spare_fd);
    free(s);
}
