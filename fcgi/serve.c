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
#include "fcgi/crew.h"
#include "fcgi/gate.h"
#include "fcgi/guests.h"
#include "fcgi/log.h"
#include "fcgi/outlet.h"
#include "fcgi/reserve.h"
#include "sql/clock.h"

#define READ_TIMEOUT_S  2 /* the web server has the whole request: it needs no time */
#define WRITE_MS        10000 /* all of an answer's writes wait for the web server so long */
#define ACCEPT_AT_ONCE  256
#define DRAIN_MAX       (16u << 20) /* unread body thrown away so that the answer is not lost */
#define THREAD_STACK    (1u << 20)
#define QUIET_MS        5000 /* without a request: memory is given back */

struct serve {
    int listen_fd, epoll_fd, stop_fd;
    int task_fd;         /* edge-triggered: there are tasks */
    atomic_int spare_fd; /* given up where there is no other: to say 503 with */
    serve_handler *handler;
    serve_quiet *quiet;
    void *arg;
    struct sheets *sheets;
    struct crew *crew;
    struct guests *guests; /* all connections, and those that are watched */
    pthread_mutex_t lock;
    struct serve_task *first, **last; /* to be run, in order */
    atomic_int under_way;             /* requests not yet answered */
    atomic_bool stopping;
    pthread_cond_t news; /* while it stops: a task, or nothing under way any more */
    atomic_int_least64_t told_ms; /* when the log last said that somebody was turned away */
    atomic_bool dirty;   /* something was answered since memory was given back */
    int started;
    pthread_t threads[];
};

/* A request on its way through a handler.  It may outlive the worker's turn (serve_answered), by
   seconds and by thousands: what only reading and writing need is not in it. */
struct job {
    struct serve *serve;
    int fd;    /* the connection */
    bool keep; /* the web server wants it kept */
    struct body body;
    struct outlet outlet;
    struct reply reply;
    struct request request;
};

/* What a worker has for itself. */
struct bench {
    struct job *job; /* for the next request; NULL: the last one was left, or there is no memory */
    int in, out; /* a way to the library, for the variables of one request; -1: none */
    unsigned char room[GATE_SIZE];
};

static size_t read_body(void *arg, char *out, size_t size) {
    return body_read(arg, out, size);
}

/* Reads what the handler left of the body.  false: the connection cannot be used again. */
static bool drain(struct body *b) {
    char rest[4096];
    size_t total = 0, n;
    while (total < DRAIN_MAX && (n = body_read(b, rest, sizeof(rest))) > 0)
        total += n;
    explicit_bzero(rest, sizeof(rest));
    return b->ended;
}

static bool watch(void *arg, int op, int fd) {
    const struct serve *s = arg;
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.fd = fd};
    return epoll_ctl(s->epoll_fd, op, fd, &e) == 0;
}

/* Nobody works on the connection: it waits for its next request. */
static void seat(struct serve *s, int op, int fd) {
    if (!guests_seat(s->guests, fd, watch, s, op))
        guests_leave(s->guests, fd);
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

/* Nothing of a request stays in the library's memory. */
static void let_go(FCGX_Request *r) {
    reserve_enter();
    FCGX_Free(r, 0);
    reserve_leave();
}

/* Reads the variables of the request that is waiting on the connection.  false: there is none to
   answer. */
static bool receive(FCGX_Request *r, int fd, const struct gate_look *look, struct bench *bench) {
    /* No listening socket: when this fails, the library must not wait for another one. */
    if (FCGX_InitRequest(r, -1, 0) != 0)
        return false;
    if (!gate_take(fd, bench->room, look,
                   bench->out)) { /* what is left on the way is no request's */
        bench_close(bench, true);
        return false;
    }
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
    let_go(r);
    bench_close(bench, true);
    return false;
}

/* While it stops: those who see the others out hear that nothing is left. */
static void one_less(struct serve *s) {
    if (atomic_fetch_sub(&s->under_way, 1) != 1 || !atomic_load(&s->stopping))
        return;
    pthread_mutex_lock(&s->lock);
    pthread_cond_broadcast(&s->news);
    pthread_mutex_unlock(&s->lock);
}

/* The answer is complete: it goes out, and the connection back to those who wait for the next. */
static void complete(struct job *j) {
    struct serve *s = j->serve;
    j->body.since_ms = 0; /* the request may have waited for longer than its body may take */
    bool keep = drain(&j->body) && j->keep;
    keep = outlet_end(&j->outlet, j->reply.broken) && keep;
    reply_free(&j->reply);
    request_clear(&j->request);
    if (keep && !atomic_load(&s->stopping))
        seat(s, EPOLL_CTL_MOD, j->fd);
    else
        guests_leave(s->guests, j->fd);
}

static void job_free(struct job *j) {
    if (j)
        request_free(&j->request);
    free(j);
}

static struct job *job_of(struct reply *reply) {
    return (struct job *)((char *)reply - offsetof(struct job, reply));
}

void serve_no_wait(struct reply *reply) {
    struct job *j = job_of(reply);
    j->body.no_wait = true;
    j->outlet.wait_ms = 0;
}

void serve_answered(struct reply *reply) {
    struct job *j = job_of(reply);
    struct serve *s = j->serve;
    complete(j);
    job_free(j);
    one_less(s);
}

/* Answers the request that is waiting on fd, or hands it to the handler, which sees to the rest. */
static void answer(struct serve *s, int fd, const struct gate_look *look, struct bench *bench) {
    const char *why = "";
    FCGX_Request fcgi;
    if (!atomic_load_explicit(&s->dirty, memory_order_relaxed))
        atomic_store(&s->dirty, true);
    if (!bench->job)
        bench->job = calloc(1, sizeof(*bench->job));
    struct job *j = bench->job;
    if (!j || !bench_open(bench) || !receive(&fcgi, fd, look, bench)) {
        gate_refuse(fd, look->id, 503);
        guests_leave(s->guests, fd);
        return;
    }
    j->serve = s;
    j->fd = fd;
    j->keep = fcgi.keepConnection;
    outlet_start(&j->outlet, s->sheets, fd, fcgi.requestId, WRITE_MS);
    body_start(&j->body, fd, look->id, look->padding);
    j->body.ended = look->no_body;
    int refused = request_parse(&j->request, fcgi.envp, read_body, &j->body, &why);
    let_go(&fcgi); /* all that counts was copied; the handler may take long */
    reply_init(&j->reply, outlet_write, &j->outlet, j->request.id);
    j->reply.head_only = j->request.method == METHOD_HEAD;
    atomic_fetch_add(&s->under_way, 1);
    bench->job = NULL; /* the handler may leave it, and another worker end it before this one goes on */
    if (s->handler(s->arg, &j->request, refused, why, &j->reply)) {
        complete(j);
        bench->job = j;
        one_less(s);
    }
}

/* ---- what goes on later ------------------------------------------------------------------------ */

void serve_soon(struct reply *reply, struct serve_task *task) {
    struct serve *s = job_of(reply)->serve;
    task->next = NULL;
    pthread_mutex_lock(&s->lock);
    *s->last = task;
    s->last = &task->next;
    pthread_cond_signal(&s->news);
    eventfd_write(s->task_fd, 1); /* still locked: once the task has run, the server may be gone */
    pthread_mutex_unlock(&s->lock);
}

/* Locked. */
static struct serve_task *task_take(struct serve *s) {
    struct serve_task *task = s->first;
    if (task && !(s->first = task->next))
        s->last = &s->first;
    return task;
}

/* One task for this worker; if there are more, another worker is woken for the next. */
static void run_task(struct serve *s) {
    pthread_mutex_lock(&s->lock);
    struct serve_task *task = task_take(s);
    bool more = s->first;
    pthread_mutex_unlock(&s->lock);
    if (more)
        eventfd_write(s->task_fd, 1);
    crew_away(s->crew);
    if (task)
        task->run(task);
}

/* While it stops: those whose handlers have left them are answered. */
static void see_out(struct serve *s) {
    pthread_mutex_lock(&s->lock);
    while (atomic_load(&s->under_way) > 0) {
        struct serve_task *task = task_take(s);
        if (!task) {
            pthread_cond_wait(&s->news, &s->lock);
            continue;
        }
        pthread_mutex_unlock(&s->lock);
        task->run(task);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
}

static void spare_open(struct serve *s) {
    int none = -1, fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && !atomic_compare_exchange_strong(&s->spare_fd, &none, fd))
        close(fd);
}

/* Once a second: who is turned away comes again. */
static void log_no_room(struct serve *s, const char *why) {
    int64_t now = clock_monotonic_ms(), told = atomic_load(&s->told_ms);
    if (now - told >= 1000 && atomic_compare_exchange_strong(&s->told_ms, &told, now))
        log_event(LOG_ERROR, NULL, "accept", "error", why, NULL);
}

/* No room for a connection: its request is answered with 503. */
static void turn_away(struct serve *s, int fd, unsigned char *room) {
    struct gate_look look;
    crew_away(s->crew);
    gate_wait(fd, room, 100, &look);
    if (look.id)
        gate_refuse(fd, look.id, 503);
    close(fd);
}

/* The spare descriptor is given up for one connection. */
static void out_of_descriptors(struct serve *s, unsigned char *room) {
    static const struct timespec pause = {.tv_nsec = 20000000};
    log_no_room(s, strerror(errno));
    crew_away(s->crew);
    int spare = atomic_exchange(&s->spare_fd, -1);
    if (spare >= 0)
        close(spare);
    int fd = spare >= 0 ? accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC) : -1;
    if (fd < 0)
        nanosleep(&pause, NULL); /* no busy loop while nothing can be had */
    else
        turn_away(s, fd, room);
    spare_open(s);
}

/* Takes on what is waiting at the door. */
static void take_on(struct serve *s, unsigned char *room) {
    static const struct timeval read_time = {.tv_sec = READ_TIMEOUT_S};
    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                out_of_descriptors(s, room);
            break;
        }
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &read_time, sizeof(read_time));
        if (!guests_let_in(s->guests, fd)) {
            log_no_room(s, "no room for more connections");
            turn_away(s, fd, room);
            break;
        }
        seat(s, EPOLL_CTL_ADD, fd);
    }
    if (atomic_load(&s->spare_fd) < 0)
        spare_open(s);
    watch(s, EPOLL_CTL_MOD, s->listen_fd);
}

/* Bytes are there, or the other side has gone.  fd was taken out. */
static void attend(struct serve *s, int fd, struct bench *bench, int wait_ms) {
    struct gate_look look;
    enum gate_verdict v = gate_wait(fd, bench->room, 0, &look);
    if (v == GATE_WAIT && wait_ms) {
        crew_away(s->crew);
        v = gate_wait(fd, bench->room, wait_ms, &look);
    }
    if (v == GATE_READY) {
        answer(s, fd, &look, bench);
        return;
    }
    if (v == GATE_TOO_LARGE || (v == GATE_FOREIGN && look.id)) {
        log_event(LOG_WARNING, NULL, "refused", "because",
                  v == GATE_TOO_LARGE ? "variables too large" : "not a FastCGI request", NULL);
        gate_refuse(fd, look.id, v == GATE_TOO_LARGE ? 431 : 400);
    }
    guests_leave(s->guests, fd);
}

/* While it stops: who waits and has asked is answered, and nobody is kept.  What another worker keeps
 * in spite of that (it saw no stop yet) it finds here itself. */
static void clear_seats(struct serve *s, struct bench *bench) {
    for (int fd; (fd = guests_take_any(s->guests)) >= 0;)
        attend(s, fd, bench, 0);
}

/* The next event.  A worker that has had none for a while lets memory go that was needed before,
 * once; then nothing wakes it but work. */
static int next_event(struct serve *s, struct epoll_event *e) {
    bool dirty = atomic_load_explicit(&s->dirty, memory_order_relaxed);
    int n = epoll_wait(s->epoll_fd, e, 1, dirty ? QUIET_MS : -1);
    if (n == 0 && atomic_exchange(&s->dirty, false)) {
        if (s->quiet)
            s->quiet(s->arg);
        sheets_trim(s->sheets);
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
    bench->job = calloc(1, sizeof(*bench->job)); /* now, that there is memory */
    bench->in = bench->out = -1;
    bench_open(bench);
    crew_join(s->crew);
    for (;;) {
        crew_next(s->crew);
        int n = next_event(s, &e);
        if (n < 0 && errno != EINTR)
            break;
        if (n <= 0)
            continue;
        if (e.data.fd == s->stop_fd)
            break;
        if (e.data.fd == s->task_fd)
            run_task(s);
        else if (e.data.fd == s->listen_fd)
            take_on(s, bench->room);
        else if (guests_take(s->guests, e.data.fd)) /* else it has just been closed */
            attend(s, e.data.fd, bench, GATE_WAIT_MS);
    }
    clear_seats(s, bench);
    see_out(s);
    job_free(bench->job);
    bench_close(bench, true);
    free(bench);
    return NULL;
}

static bool serve_watch_all(struct serve *s) {
    struct epoll_event stop = {.events = EPOLLIN, .data.fd = s->stop_fd};
    struct epoll_event task = {.events = EPOLLIN | EPOLLET, .data.fd = s->task_fd};
    int flags = fcntl(s->listen_fd, F_GETFL);
    return flags >= 0 && fcntl(s->listen_fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->stop_fd, &stop) == 0 &&
           epoll_ctl(s->epoll_fd, EPOLL_CTL_ADD, s->task_fd, &task) == 0 &&
           watch(s, EPOLL_CTL_ADD, s->listen_fd);
}

struct serve *serve_start(int listen_fd, int workers, int most, struct crew *crew,
                          serve_handler *handler, serve_quiet *quiet, void *arg, char *why,
                          size_t why_size) {
    struct serve *s = calloc(1, sizeof(*s) + (size_t)workers * sizeof(pthread_t));
    pthread_attr_t attr;
    if (!s || FCGX_Init() != 0) {
        snprintf(why, why_size, "no memory to serve requests");
        free(s);
        return NULL;
    }
    *s = (struct serve){
        .listen_fd = listen_fd, .handler = handler, .quiet = quiet, .arg = arg, .crew = crew};
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->news, NULL);
    s->last = &s->first;
    s->sheets = sheets_new(workers);
    s->guests = guests_new(most);
    s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->task_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->spare_fd = -1;
    spare_open(s);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, THREAD_STACK);
    bool good = s->sheets && s->guests && s->epoll_fd >= 0 && s->stop_fd >= 0 && s->task_fd >= 0;
    int error = good && serve_watch_all(s) ? 0 : errno;
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
    atomic_store(&s->stopping, true);
    /* Never read again, so that every worker sees it.  The listening socket may be another
       process's too: it is left as it is. */
    if (s->stop_fd >= 0 && write(s->stop_fd, &one, sizeof(one)) < 0)
        log_event(LOG_ERROR, NULL, "stop", "error", strerror(errno), NULL);
    crew_dismiss(s->crew);
    for (int i = 0; i < s->started; i++)
        pthread_join(s->threads[i], NULL);
    const int fds[] = {s->epoll_fd, s->stop_fd, s->task_fd, s->spare_fd};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    sheets_free(s->sheets);
    guests_free(s->guests);
    pthread_cond_destroy(&s->news);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
