/*
 * test_serve.c - the connections under pressure: no memory, no descriptors, cut requests, thousands of idle
 * ones.  The server is a process of its own; after each case it must live and answer.
 */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi/crew.h"
#include "fcgi/descriptors.h"
#include "fcgi/listen.h"
#include "fcgi/log.h"
#include "fcgi/reserve.h"
#include "fcgi/serve.h"
#include "tests/unit/fcgi_client.h"
#include "tests/unit/suite.h"

#define WORKERS 4
#define IDLE    3000
#define LEFT    200
#define LONGER_S 7 /* than a body may take */
#define AT_SIGNAL -1
#define CALLS    60 /* to the bank, at once */

static char path[64], folder[] = "/tmp/otprefund-serve.XXXXXX";
static pid_t server;

/* ---- the server ------------------------------------------------------------------------------ */

static struct link { struct link *next; } * eaten;

static atomic_bool hungry;
static atomic_int *reserve_seen; /* requests that were read with the reserve's help; shared */
static atomic_int *quiet_seen;   /* how often it was quiet; shared, likewise */

/* While it is hungry, takes all memory there is, down to the last small block, again and again. */
static void *eater(void *arg) {
    (void)arg;
    for (;; usleep(500)) {
        for (size_t size = 1 << 20; atomic_load(&hungry) && size >= sizeof(struct link); size /= 2)
            for (struct link *l; (l = malloc(size)) != NULL; eaten = l)
                l->next = eaten;
        while (!atomic_load(&hungry) && eaten) {
            struct link *l = eaten;
            eaten = l->next;
            free(l);
        }
    }
    return NULL;
}

static void starve(bool yes) {
    struct rlimit limit = {0, 0};
    getrlimit(RLIMIT_AS, &limit);
    limit.rlim_cur = yes ? 0 : limit.rlim_max;
    setrlimit(RLIMIT_AS, &limit);
    atomic_store(&hungry, yes);
}

/* A request whose handler leaves it, and what goes on with it. */
struct later {
    struct serve_task task;
    struct reply *reply;
    int seconds; /* 0: half a one; AT_SIGNAL: when SIGUSR1 comes */
};

static void go_on(struct serve_task *task) {
    struct reply *reply = ((struct later *)task)->reply;
    buf_text(&reply->body, "later\n");
    reply_finish(reply);
    serve_answered(reply);
    free(task);
}

static void be_quiet(void *arg) {
    (void)arg;
    atomic_fetch_add(quiet_seen, 1);
}

/* All threads of the server block it. */
static void wait_for(int number) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    sigwait(&set, &number);
}

static void *call_later(void *arg) {
    struct later *l = arg;
    if (l->seconds == AT_SIGNAL)
        wait_for(SIGUSR1);
    else
        usleep(l->seconds ? (useconds_t)l->seconds * 1000000 : 500000);
    serve_soon(l->reply, &l->task);
    return NULL;
}

static bool leave(struct reply *reply, int seconds) {
    static pthread_attr_t attr;
    struct later *l = malloc(sizeof *l);
    pthread_t thread;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, 65536);
    if (!l)
        return false;
    *l = (struct later){.task.run = go_on, .reply = reply, .seconds = seconds};
    return pthread_create(&thread, &attr, call_later, l) == 0;
}

/* Requests that somebody answers all together, as those of a round (round.h). */
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static struct reply *shared[LEFT];
static int shared_count;

static bool join_others(struct reply *reply) {
    pthread_mutex_lock(&shared_lock);
    shared[shared_count++] = reply;
    pthread_mutex_unlock(&shared_lock);
    return true;
}

static void answer_shared(void) {
    pthread_mutex_lock(&shared_lock);
    for (int i = 0; i < shared_count; i++) {
        serve_no_wait(shared[i]);
        buf_text(&shared[i]->body, "shared\n");
        reply_finish(shared[i]);
        serve_answered(shared[i]);
    }
    shared_count = 0;
    pthread_mutex_unlock(&shared_lock);
}

/* Are there as many descriptors as the calls to the bank may need? */
static bool can_call(void) {
    int fd[CALLS], n = 0;
    while (n < CALLS && (fd[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) >= 0)
        n++;
    for (int i = 0; i < n; i++)
        close(fd[i]);
    return n == CALLS;
}

static struct crew *crew;

static bool handle(void *arg, struct request *request, int refused, const char *why,
                   struct reply *reply) {
    (void)arg;
    crew_away(crew);
    if (strcmp(request->path, "/starve") == 0 || strcmp(request->path, "/feed") == 0)
        starve(request->path[1] == 's');
    atomic_store(reserve_seen, reserve_taken());
    reply_restart(reply, refused ? refused : 200, "text/plain");
    if (strcmp(request->path, "/later") == 0 && leave(reply, 0))
        return false;
    if (strcmp(request->path, "/call") == 0 && !can_call())
        reply_restart(reply, 500, "text/plain");
    if (strcmp(request->path, "/signal") == 0 && leave(reply, AT_SIGNAL))
        return false;
    if (strcmp(request->path, "/busy") == 0) /* the worker, too */
        wait_for(SIGUSR1);
    char byte; /* of the body, which is still to come to its end when the answer goes out */
    if (strcmp(request->path, "/longer") == 0 && request->read(request->read_arg, &byte, 1) == 1 &&
        leave(reply, LONGER_S))
        return false;
    buf_text(&reply->body, refused ? why : "");
    if (strcmp(request->path, "/shared") == 0 && join_others(reply))
        return false;
    if (strcmp(request->path, "/answer") == 0)
        answer_shared();
    for (int i = strcmp(request->path, "/large") == 0  ? 20000
                 : strcmp(request->path, "/huge") == 0 ? 400000
                                                       : 1;
         i > 0; i--)
        buf_text(&reply->body, "here\n");
    reply_finish(reply);
    return true;
}

static void serve_for_ever(int descriptors, int most) {
    char why[300];
    struct listen door;
    struct rlimit files = {0, 0};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    if (descriptors)
        files.rlim_cur = (rlim_t)descriptors;
    log_setup(LOG_LEVEL__MAX, false);
    mallopt(M_ARENA_MAX, 1); /* else each thread has some memory put by */
    pthread_t thread;
    sigset_t waited_for;
    sigemptyset(&waited_for);
    sigaddset(&waited_for, SIGTERM);
    sigaddset(&waited_for, SIGUSR1);
    sigaddset(&waited_for, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &waited_for, NULL);
    if (pthread_create(&thread, NULL, eater, NULL) != 0)
        _exit(9);
    dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
    struct serve *s = NULL;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0 || !listen_open(&door, path, why, sizeof why) ||
        !(crew = crew_new(2)) ||
        !(s = serve_start(door.fd, WORKERS, most, crew, handle, be_quiet, NULL, why, sizeof why)))
        _exit(9);
    wait_for(SIGTERM);
    serve_stop(s);
    wait_for(SIGUSR2); /* as the program, which has outcomes to write yet */
    _exit(0);
}

static void server_start(int descriptors, int most) {
    server = fork();
    if (server == 0)
        serve_for_ever(descriptors, most);
    for (int i = 0; i < 500 && fcgi_get(path, "/", NULL, 0) != 200; i++)
        usleep(10000);
}

static void server_end(void) {
    int status = -1;
    CU_ASSERT_EQUAL(waitpid(server, &status, WNOHANG), 0); /* it lives */
    kill(server, SIGUSR2);
    CU_ASSERT_EQUAL(waitpid(server, &status, 0), server);
    CU_ASSERT_EQUAL(status, 0);
    unlink(path);
}

static void server_stop(void) {
    int status = -1;
    CU_ASSERT_EQUAL(waitpid(server, &status, WNOHANG), 0); /* it lives */
    kill(server, SIGKILL);
    waitpid(server, &status, 0);
    unlink(path);
}

/* ---- what is done to it ---------------------------------------------------------------------- */

static void test_sane(void) {
    char text[4096];
    server_start(0, IDLE * 2);
    CU_ASSERT_EQUAL(fcgi_get(path, "/", text, sizeof text), 200);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "here\n"));
    server_stop();
}

static void test_no_memory(void) {
    char text[4096];
    int refused = 0;
    if (reserve_taken() < 0 || suite_in_valgrind()) { /* their own malloc ends the process */
        printf(" (not with this malloc) ");
        return;
    }
    server_start(0, IDLE * 2);
    fcgi_get(path, "/starve", NULL, 0);
    usleep(100000);
    for (int i = 0; i < 200; i++) {
        /* A small answer may do with what was just freed, a large one never. */
        int status = fcgi_get(path, i % 2 ? "/large" : "/", text, sizeof text);
        refused += status == 503;
        CU_ASSERT(status == 503 || status == 200); /* never cut off */
        CU_ASSERT(status == 200 || strstr(text, "There is no memory"));
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "Content-Security-Policy: "));
        usleep(3000);
    }
    printf(" (%d of 200 told 503, %d read from the reserve) ", refused, atomic_load(reserve_seen));
    CU_ASSERT(refused > 0);
    CU_ASSERT(atomic_load(reserve_seen) > 0);
    for (int i = 0; i < 300 && fcgi_get(path, "/feed", NULL, 0) != 200; i++)
        usleep(10000);
    int status = 0;
    for (int i = 0; i < 300 && (status = fcgi_get(path, "/", NULL, 0)) != 200; i++)
        usleep(10000); /* until what was eaten is given back */
    CU_ASSERT_EQUAL(status, 200);
    server_stop();
}

/* More connections than it has descriptors for: each that cannot be kept is told so. */
static void test_no_descriptors(void) {
    int held[100], n = 0, answered = 0, refused = 0, cut = 0;
    char text[4096];
    server_start(40, IDLE * 2);
    for (; n < 100; n++)
        if ((held[n] = fcgi_connect(path)) < 0)
            break;
    CU_ASSERT_EQUAL(n, 100);
    for (int i = 0; i < n; i++)
        fcgi_send(held[i], "/", 0);
    for (int i = 0; i < n; i++) {
        int status = fcgi_receive(held[i], text, sizeof text);
        answered += status == 200;
        refused += status == 503;
        cut += status == 0;
        close(held[i]);
    }
    CU_ASSERT(answered > 0);
    CU_ASSERT_EQUAL(answered + refused + cut, n);
    printf(" (%d answered, %d told 503, %d closed) ", answered, refused, cut);
    for (int i = 0; i < 300 && fcgi_get(path, "/", NULL, 0) != 200; i++)
        usleep(10000);
    for (int i = 0; i < 20; i++)
        CU_ASSERT_EQUAL(fcgi_get(path, "/", NULL, 0), 200);
    server_stop();
}

/* Idle ones that fill all descriptors, and one that asks. */
static void test_refused(void) {
    int held[60], n = 0;
    if (suite_in_valgrind()) { /* which closes itself what is accepted above the limit */
        printf(" (not under valgrind) ");
        return;
    }
    server_start(40, IDLE * 2);
    for (; n < 60; n++)
        held[n] = fcgi_connect(path);
    CU_ASSERT_EQUAL(fcgi_get(path, "/", NULL, 0), 503);
    for (int i = 0; i < n; i++)
        close(held[i]);
    for (int i = 0; i < 300 && fcgi_get(path, "/", NULL, 0) != 200; i++)
        usleep(10000);
    CU_ASSERT_EQUAL(fcgi_get(path, "/", NULL, 0), 200);
    server_stop();
}

/* More connections than may be: who is above is told so, and descriptors are left for the bank. */
static void test_kept_back(void) {
    enum { ALL = 160, MOST = 60, HELD = 120 };
    int held[HELD], status, answered = 0, refused = 0;
    char text[4096];
    server_start(ALL, MOST);
    int asks = fcgi_connect(path);
    CU_ASSERT_EQUAL(fcgi_send_keep(asks, "/"), 0);
    CU_ASSERT_EQUAL(fcgi_receive(asks, text, sizeof text), 200);
    for (int i = 0; i < HELD; i++) {
        held[i] = fcgi_connect(path);
        CU_ASSERT_EQUAL(fcgi_send(held[i], "/shared", 0), 0);
        if (i == HELD - 10)
            usleep(300000); /* who was answered before has left by now */
    }
    CU_ASSERT_EQUAL(fcgi_get(path, "/", text, sizeof text), 503);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "Retry-After: "));
    CU_ASSERT_EQUAL(fcgi_send_keep(asks, "/call"), 0);
    CU_ASSERT_EQUAL(fcgi_receive(asks, text, sizeof text), 200);
    CU_ASSERT_EQUAL(fcgi_send_keep(asks, "/answer"), 0);
    CU_ASSERT_EQUAL(fcgi_receive(asks, text, sizeof text), 200);
    for (int i = 0; i < HELD; i++) {
        status = fcgi_receive(held[i], text, sizeof text);
        answered += status == 200;
        refused += status == 503;
        close(held[i]);
    }
    CU_ASSERT_EQUAL(answered + refused, HELD);
    CU_ASSERT(answered > 0 && answered < MOST);
    close(asks);
    for (int i = 0; i < 300 && fcgi_get(path, "/", NULL, 0) != 200; i++)
        usleep(10000);
    for (int i = 0; i < MOST * 2; i++) /* each that leaves makes room */
        CU_ASSERT_EQUAL(fcgi_get(path, "/", NULL, 0), 200);
    server_stop();
}

static void test_share(void) {
    struct descriptors d = {0, 0};
    descriptors_share(65536, 96, 8, 10000, &d); /* the unit's, and what is default */
    CU_ASSERT_EQUAL(d.calls, 10000);
    CU_ASSERT_EQUAL(d.connections, 65536 - DESCRIPTORS_OWN - 2 * 96 - 2 * 9 - 10000);
    descriptors_share(1024, 96, 8, 10000, &d);
    CU_ASSERT_EQUAL(d.calls, 375);
    CU_ASSERT_EQUAL(d.connections, 375);
    descriptors_share(RLIM_INFINITY, 96, 8, 10000, &d);
    CU_ASSERT_EQUAL(d.calls, 10000);
    CU_ASSERT(d.connections > 1000000);
    descriptors_share(DESCRIPTORS_OWN + 2 + 4 + 2 * DESCRIPTORS_FEWEST, 1, 1, 1, &d);
    CU_ASSERT_EQUAL(d.calls, 1);
    CU_ASSERT_EQUAL(d.connections, 2 * DESCRIPTORS_FEWEST - 1);
    descriptors_share(0, 1000, 100, 100000, &d); /* it starts all the same */
    CU_ASSERT_EQUAL(d.calls, DESCRIPTORS_FEWEST);
    CU_ASSERT_EQUAL(d.connections, DESCRIPTORS_FEWEST);
}

/* More cut requests than workers: all are closed, at every byte. */
static void test_cut(void) {
    int held[WORKERS * 3];
    char byte;
    server_start(0, IDLE * 2);
    for (int i = 0; i < WORKERS * 3; i++) {
        held[i] = fcgi_connect(path);
        fcgi_send(held[i], "/", (size_t)(1 + i * 7));
    }
    CU_ASSERT_EQUAL(fcgi_get(path, "/", NULL, 0), 200);
    for (int i = 0; i < WORKERS * 3; i++) {
        CU_ASSERT(recv(held[i], &byte, 1, 0) <= 0 && errno != EAGAIN); /* closed by the server */
        close(held[i]);
    }
    server_stop();
}

/* What has no place in a body ends it: nothing of it is answered, and the library never sees it. */
static void test_strange_body(void) {
    static const char begin[] = "\1\1\0\1\0\10\2\0\0\1\1\0\0\0\0\0xx"
                                "\1\4\0\1\0\42\0\0\16\4REQUEST_METHODPOST\13\1REQUEST_URI/"
                                "\1\4\0\1\0\0\3\0pad";
    static const struct {
        const char *bytes;
        size_t size;
    } strange[] = {
        /* FCGI_GET_VALUES with more names than libfcgi has room for the answers */
        {"\1\11\0\0\0\120\0\0\16\0FCGI_MAX_CONNS\16\0FCGI_MAX_CONNS\16\0FCGI_MAX_CONNS"
         "\16\0FCGI_MAX_CONNS\16\0FCGI_MAX_CONNS",
         88},
        {"\1\1\0\2\0\10\0\0\0\1\0\0\0\0\0\0", 16}, /* another request */
        {"\1\2\0\1\0\0\0\0", 8},                   /* an abort */
        {"\1\5\0\2\0\1\0\0x", 9},                  /* another one's body */
        {"\2\5\0\1\0\1\0\0x", 9},                  /* another version */
    };
    static const char end[] = "\1\5\0\1\0\3\5\0abcpadpa\1\5\0\1\0\0\0";
    char text[4096], byte;
    server_start(0, IDLE * 2);
    for (size_t i = 0; i <= sizeof strange / sizeof strange[0]; i++) {
        bool sane = i == sizeof strange / sizeof strange[0];
        int fd = fcgi_connect(path);
        CU_ASSERT_EQUAL(send(fd, begin, sizeof begin - 1, 0), (ssize_t)sizeof begin - 1);
        if (!sane)
            CU_ASSERT(send(fd, strange[i].bytes, strange[i].size, MSG_NOSIGNAL) > 0);
        send(fd, end, sizeof end, MSG_NOSIGNAL); /* with the NUL */
        CU_ASSERT_EQUAL(fcgi_receive(fd, text, sizeof text), 200);
        if (sane) { /* kept, for the next one */
            CU_ASSERT_EQUAL(fcgi_send(fd, "/", 0), 0);
            CU_ASSERT_EQUAL(fcgi_receive(fd, text, sizeof text), 200);
        } else {
            CU_ASSERT(recv(fd, &byte, 1, 0) <= 0);
        }
        close(fd);
    }
    server_stop();
}

/* Many more requests than workers are left by their handlers: they keep nobody, and none is lost. */
static void test_left(void) {
    int held[LEFT];
    char text[4096];
    server_start(0, IDLE * 2);
    for (int i = 0; i < LEFT; i++) {
        held[i] = fcgi_connect(path);
        CU_ASSERT_EQUAL(fcgi_send(held[i], "/later", 0), 0);
    }
    for (int i = 0; i < 20; i++)
        CU_ASSERT_EQUAL(fcgi_get(path, "/", NULL, 0), 200);
    for (int i = 0; i < LEFT; i++) {
        CU_ASSERT_EQUAL(fcgi_receive(held[i], text, sizeof text), 200);
        CU_ASSERT_PTR_NOT_NULL(strstr(text, "later\n"));
        close(held[i]);
    }
    server_stop();
}

/* One that waits for longer than its body may take: the answer arrives whole, and the connection stays. */
static void test_longer(void) {
    static const char ask[] = "\1\1\0\1\0\10\0\0\0\1\1\0\0\0\0\0"
                              "\1\4\0\1\0\50\0\0\16\4REQUEST_METHODPOST\13\7REQUEST_URI/longer"
                              "\1\4\0\1\0\0\0\0\1\5\0\1\0\3\0\0abc\1\5\0\1\0\0\0";
    char text[4096];
    server_start(0, IDLE * 2);
    int fd = fcgi_connect(path);
    CU_ASSERT_EQUAL(send(fd, ask, sizeof ask, 0), sizeof ask); /* with the NUL */
    CU_ASSERT_EQUAL(fcgi_receive(fd, text, sizeof text), 200);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "later\n"));
    CU_ASSERT_EQUAL(fcgi_send(fd, "/", 0), 0);
    CU_ASSERT_EQUAL(fcgi_receive(fd, text, sizeof text), 200);
    close(fd);
    server_stop();
}

/* Whoever answers for all waits for none of them: their bodies are not there. */
static void test_shared(void) {
    static const char unended[] = "\1\1\0\1\0\10\0\0\0\1\1\0\0\0\0\0"
                                  "\1\4\0\1\0\50\0\0\16\4REQUEST_METHODPOST\13\7REQUEST_URI/shared"
                                  "\1\4\0\1\0\0\0\0\1\5\0\1\0\3\0\0ab";
    enum { STUCK = 20 }; /* two seconds each would be more than a client of this test waits */
    int held[STUCK + 1];
    char text[4096];
    server_start(0, IDLE * 2);
    for (int i = 0; i <= STUCK; i++) {
        held[i] = fcgi_connect(path);
        if (i < STUCK)
            CU_ASSERT_EQUAL(send(held[i], unended, sizeof unended - 1, 0), sizeof unended - 1)
        else
            CU_ASSERT_EQUAL(fcgi_send(held[i], "/shared", 0), 0);
        usleep(5000); /* in this order */
    }
    usleep(200000);
    CU_ASSERT_EQUAL(fcgi_get(path, "/answer", NULL, 0), 200);
    for (int i = 0; i <= STUCK; i++) {
        CU_ASSERT_EQUAL(fcgi_receive(held[i], text, sizeof text), 200);
        close(held[i]);
    }
    server_stop();
}

/* More slow readers than workers: each keeps one waiting for ten seconds, however it trickles. */
static void test_slow_readers(void) {
    int held[WORKERS * 2];
    char some[8192];
    server_start(0, IDLE * 2);
    for (int i = 0; i < WORKERS * 2; i++) {
        held[i] = fcgi_connect(path);
        CU_ASSERT_EQUAL(fcgi_send(held[i], "/huge", 0), 0);
    }
    int asks = fcgi_connect(path), answered = 0;
    CU_ASSERT_EQUAL(fcgi_send(asks, "/", 0), 0);
    /* At this pace an answer takes them a minute. */
    for (int i = 0; i < 140 && !answered; i++) {
        usleep(200000);
        for (int k = 0; k < WORKERS * 2; k++)
            (void)!recv(held[k], some, sizeof some, MSG_DONTWAIT);
        answered = recv(asks, some, 1, MSG_DONTWAIT | MSG_PEEK) > 0;
    }
    CU_ASSERT(answered);
    for (int i = 0; i < WORKERS * 2; i++)
        close(held[i]);
    close(asks);
    server_stop();
}

/* An orderly stop waits for them, and for nothing else. */
static void test_stop(void) {
    int held[LEFT];
    char text[4096];
    server_start(0, IDLE * 2);
    for (int i = 0; i < LEFT; i++) {
        held[i] = fcgi_connect(path);
        CU_ASSERT_EQUAL(fcgi_send(held[i], "/later", 0), 0);
    }
    int idle = fcgi_connect(path);
    usleep(250000);
    kill(server, SIGTERM);
    for (int i = 0; i < LEFT; i++) {
        CU_ASSERT_EQUAL(fcgi_receive(held[i], text, sizeof text), 200);
        close(held[i]);
    }
    close(idle);
    server_end();
}

static bool closed(int fd) {
    char byte;
    return recv(fd, &byte, 1, 0) == 0;
}

/* Who is not being answered is told at once that nobody will, while others are still waited for; and
 * those are answered, and no longer kept. */
static void test_stop_kept(void) {
    char text[4096];
    server_start(0, IDLE * 2);
    int idle = fcgi_connect(path), fresh = fcgi_connect(path), asks = fcgi_connect(path);
    CU_ASSERT_EQUAL(fcgi_send_keep(idle, "/"), 0);
    CU_ASSERT_EQUAL(fcgi_receive(idle, text, sizeof text), 200);
    CU_ASSERT_EQUAL(fcgi_send_keep(asks, "/signal"), 0);
    usleep(250000);
    kill(server, SIGTERM);
    CU_ASSERT(closed(idle));
    CU_ASSERT(closed(fresh));
    kill(server, SIGUSR1);
    CU_ASSERT_EQUAL(fcgi_receive(asks, text, sizeof text), 200);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "later\n"));
    CU_ASSERT(closed(asks));
    close(idle);
    close(fresh);
    close(asks);
    server_end();
}

/* Whose request is there when the stop comes is answered, kept or not taken on yet. */
static void test_stop_came_before(void) {
    enum { CAME = 40 };
    int busy[WORKERS], came[CAME];
    char text[4096];
    server_start(0, IDLE * 2);
    for (int i = 0; i < CAME / 2; i++) {
        came[i] = fcgi_connect(path);
        CU_ASSERT_EQUAL(fcgi_send_keep(came[i], "/"), 0);
        CU_ASSERT_EQUAL(fcgi_receive(came[i], text, sizeof text), 200);
    }
    for (int i = 0; i < WORKERS; i++) {
        busy[i] = fcgi_connect(path);
        CU_ASSERT_EQUAL(fcgi_send(busy[i], "/busy", 0), 0);
    }
    usleep(250000);
    for (int i = 0; i < CAME; i++) {
        if (i >= CAME / 2)
            came[i] = fcgi_connect(path);
        CU_ASSERT_EQUAL(fcgi_send_keep(came[i], "/"), 0);
    }
    kill(server, SIGTERM);
    usleep(100000);
    for (int i = 0; i < WORKERS; i++) { /* one at a time: a signal that is pending is not counted */
        kill(server, SIGUSR1);
        usleep(50000);
    }
    for (int i = 0; i < CAME; i++) {
        CU_ASSERT_EQUAL(fcgi_receive(came[i], text, sizeof text), 200);
        CU_ASSERT(closed(came[i]));
        close(came[i]);
    }
    for (int i = 0; i < WORKERS; i++) {
        CU_ASSERT_EQUAL(fcgi_receive(busy[i], text, sizeof text), 200);
        close(busy[i]);
    }
    server_end();
}

/* Descriptors beyond 1024 too, where select(2) ends. */
static void test_idle(void) {
    static int held[IDLE];
    struct rlimit files;
    int n = 0;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    server_start(0, IDLE * 2);
    for (; n < IDLE && (held[n] = fcgi_connect(path)) >= 0; n++)
        ;
    CU_ASSERT(n == IDLE || (rlim_t)n + 50 > files.rlim_max);
    for (int i = n - 20; i < n; i++) {
        CU_ASSERT_EQUAL(fcgi_send(held[i], "/", 0), 0);
        CU_ASSERT_EQUAL(fcgi_receive(held[i], NULL, 0), 200);
    }
    CU_ASSERT_EQUAL(fcgi_get(path, "/", NULL, 0), 200);
    for (int i = 0; i < n; i++)
        close(held[i]);
    CU_ASSERT_EQUAL(fcgi_get(path, "/", NULL, 0), 200);
    server_stop();
}

/* Once for each time that there was something to do. */
static void test_quiet(void) {
    server_start(0, IDLE);
    for (int i = 1; i <= 2; i++) {
        int before = atomic_load(quiet_seen);
        CU_ASSERT_EQUAL(fcgi_get(path, "/", NULL, 0), 200);
        for (int k = 0; k < 3000 && atomic_load(quiet_seen) == before; k++)
            usleep(10000);
        CU_ASSERT_EQUAL(atomic_load(quiet_seen), before + 1);
    }
    server_stop();
}

int main(void) {
    reserve_seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (reserve_seen == MAP_FAILED || !mkdtemp(folder))
        return 1;
    quiet_seen = reserve_seen + 1;
    snprintf(path, sizeof path, "%s/s", folder);
    setvbuf(stdout, NULL, _IONBF, 0);
    CU_pSuite s = suite_begin("serve", NULL, NULL);
    CU_add_test(s, "a sane request", test_sane);
    CU_add_test(s, "out of memory", test_no_memory);
    CU_add_test(s, "out of descriptors", test_no_descriptors);
    CU_add_test(s, "out of descriptors, all idle", test_refused);
    CU_add_test(s, "descriptors kept back for the bank", test_kept_back);
    CU_add_test(s, "descriptors shared out", test_share);
    CU_add_test(s, "cut requests", test_cut);
    CU_add_test(s, "what has no place in a body", test_strange_body);
    CU_add_test(s, "requests that are left", test_left);
    CU_add_test(s, "one that waits for long", test_longer);
    CU_add_test(s, "who answers for others", test_shared);
    CU_add_test(s, "slow readers", test_slow_readers);
    CU_add_test(s, "an orderly stop", test_stop);
    CU_add_test(s, "a stop and the connections it keeps", test_stop_kept);
    CU_add_test(s, "what came before a stop", test_stop_came_before);
    CU_add_test(s, "thousands of idle connections", test_idle);
    CU_add_test(s, "when it is quiet", test_quiet);
    int failed = suite_run();
    rmdir(folder);
    return failed;
}
