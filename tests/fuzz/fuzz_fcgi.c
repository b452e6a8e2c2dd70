/*
 * fuzz_fcgi.c - the bytes of a FastCGI connection.  The gate's verdict on every prefix: once given it
 * stands.  What it does not wait for goes to a real server, and what comes back must be whole.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fcgi/gate.h"
#include "fcgi/listen.h"
#include "fcgi/log.h"
#include "fcgi/serve.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fcgi_client.h"

#define WORKERS  2
#define BODY_MAX 4096
#define HEAD     8
#define ALL_CUTS 1024 /* of longer inputs only some prefixes are judged */

enum { STDOUT = 6, END_REQUEST = 3 };

static char folder[80], path[100]; /* sun_path has 108 */
static struct listen door;
static struct serve *server;

/* Reads the body where there is one, and says how long it was. */
static bool handle(void *arg, struct request *request, int refused, const char *why,
                   struct reply *reply) {
    (void)arg;
    int status = refused;
    if (!status && request->method == METHOD_POST)
        status = request_body(request, BODY_MAX, NULL, &why);
    MUST(!status || *why, "refused without a sentence");
    reply_restart(reply, status ? status : 200, "text/plain");
    buf_format(&reply->body, "%zu bytes\n", request->body_size);
    reply_finish(reply);
    return true;
}

static void leave(void) {
    serve_stop(server);
    listen_close(&door);
    unlink(path);
    rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    log_setup(LOG_ERROR, false);
    fuzz_folder(folder, sizeof(folder));
    snprintf(path, sizeof(path), "%s/s", folder);
    return 0;
}

/* With the first input: AFL++ forks before it, and threads would stay behind. */
static void start(void) {
    char why[300] = "";
    MUST(listen_open(&door, path, why, sizeof(why)), why);
    server = serve_start(door.fd, WORKERS, 100, NULL, handle, NULL, NULL, why, sizeof(why));
    MUST(server, why);
    MUST(fcgi_get(path, "/", NULL, 0) == 200, "the server does not answer");
    atexit(leave); /* now: before OpenSSL, which the first request has started, takes its leave */
}

static enum gate_verdict judge(const uint8_t *data, size_t size, unsigned *id) {
    unsigned char *copy = (unsigned char *)fuzz_copy(data, size);
    enum gate_verdict v = gate_judge(copy, size, id);
    free(copy);
    return v;
}

static enum gate_verdict judge_all(const uint8_t *data, size_t size, unsigned *id) {
    enum gate_verdict v, last = GATE_WAIT;
    unsigned number, known = 0;
    for (size_t n = 0; n <= size; n += n < ALL_CUTS || n + 61 > size ? 1 : 61) {
        v = judge(data, n, &number);
        MUST(v != GATE_GONE, "bytes alone do not tell that somebody has gone");
        MUST(last == GATE_WAIT || v == last, "a verdict changes with more bytes");
        MUST(!known || number == known, "the request's number changes with more bytes");
        MUST(v != GATE_READY || number, "a request without a number");
        last = v;
        known = number;
    }
    *id = known;
    return last;
}

/* The fuzzer's clock interrupts. */
static bool again(ssize_t n) {
    return n > 0 || (n < 0 && errno == EINTR);
}

/* All that comes back; the caller frees. */
static unsigned char *exchange(const uint8_t *data, size_t size, size_t *got) {
    size_t room = 1 << 16, sent = 0;
    unsigned char *answer = malloc(room);
    int fd = fcgi_connect(path);
    MUST(answer && fd >= 0, "the server takes no connection");
    for (ssize_t n; sent < size && again(n = send(fd, data + sent, size - sent, MSG_NOSIGNAL));)
        sent += n > 0 ? (size_t)n : 0; /* it may close before it has read all */
    shutdown(fd, SHUT_WR);
    *got = 0;
    for (ssize_t n; again(n = recv(fd, answer + *got, room - *got, 0));) {
        *got += n > 0 ? (size_t)n : 0;
        MUST(*got < room, "an answer without an end");
    }
    close(fd);
    return answer;
}

/* One answer: STDOUT of that request, an empty one, END_REQUEST with "complete".  Its size. */
static size_t whole(const unsigned char *b, size_t size, unsigned id) {
    bool closed = false;
    for (size_t at = 0; at < size;) {
        const unsigned char *h = b + at;
        MUST(size - at >= HEAD, "a record's head is cut");
        size_t content = (size_t)h[4] << 8 | h[5];
        MUST(h[0] == 1 && h[7] == 0, "no record of FastCGI 1.0");
        MUST(((unsigned)h[2] << 8 | h[3]) == id, "a record of another request");
        MUST(h[1] == STDOUT || h[1] == END_REQUEST, "a record that is no answer");
        MUST(size - at - HEAD >= content + h[6], "a record is cut");
        if (at == 0)
            MUST(content > 8 && memcmp(h + HEAD, "Status: ", 8) == 0, "an answer without a status");
        at += HEAD + content + h[6];
        if (h[1] == END_REQUEST) {
            MUST(closed && content == 8, "the end comes before the output's");
            MUST(h[HEAD + 4] == 0, "not FCGI_REQUEST_COMPLETE");
            return at;
        }
        MUST(!closed, "more output after its end");
        closed = content == 0;
    }
    fuzz_failed(__FILE__, __LINE__, "an answer without its end");
}

/* Requests there may be at most: heads of FCGI_BEGIN_REQUEST. */
static int requests(const uint8_t *data, size_t size) {
    int n = 0;
    for (size_t i = 0; i + HEAD <= size; i++)
        n += data[i] == 1 && data[i + 1] == 1;
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    unsigned id;
    size_t got;
    if (!server)
        start();
    if (size > GATE_SIZE)
        size = GATE_SIZE;
    if (judge_all(data, size, &id) == GATE_WAIT)
        return 0;
    unsigned char *answer = exchange(data, size, &got);
    MUST(!id == !got, id ? "no answer" : "an answer to nobody");
    int answers = 0;
    for (size_t at = 0; at < got; answers++) {
        if (at && got - at >= HEAD) /* the next one on a connection that is kept */
            id = (unsigned)answer[at + 2] << 8 | answer[at + 3];
        at += whole(answer + at, got - at, id);
    }
    MUST(answers <= requests(data, size), "more answers than requests");
    MUST(answers < 2 || (data[HEAD + 2] & 1), "an answer after the end of a connection");
    free(answer);
    return 0;
}
