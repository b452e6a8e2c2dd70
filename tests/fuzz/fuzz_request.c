/*
 * fuzz_request.c - CGI variables and a body.  Input: variables that end with a NUL byte each, an
 * empty one, and then the body.
 */
#include <stdlib.h>
#include <string.h>

#include "fcgi/request.h"
#include "fcgi/route.h"
#include "fcgi/text.h"
#include "tests/fuzz/fuzz.h"

#define VARIABLES_MAX 64

struct rest {
    const char *at, *end;
};

/* One to seven bytes at a time. */
static size_t read_rest(void *arg, char *out, size_t size) {
    struct rest *r = arg;
    size_t n = (size_t)(r->end - r->at), few = 1 + (size_t)(r->end - r->at) % 7;
    n = n < few ? n : few;
    n = n < size ? n : size;
    memcpy(out, r->at, n);
    r->at += n;
    return n;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    return 0;
}

static void look(const struct request *r, int status) {
    const char *texts[] = {r->path,
                           r->query,
                           r->remote_user,
                           r->remote_addr,
                           r->bearer,
                           r->sec_fetch_site,
                           r->sec_fetch_mode,
                           r->sec_fetch_dest,
                           r->content_type,
                           r->idempotency_key};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        MUST(!texts[i] || !*texts[i] ||
                 (texts[i] >= r->text && texts[i] + strlen(texts[i]) < r->text + r->room),
             "a text is not the request's own");
    MUST(strlen(r->id) == REQUEST_ID_SIZE - 1, "no number");
    if (status)
        return;
    MUST(r->path[0] == '/' && !strstr(r->path, "/../") && !strstr(r->path, "//") &&
             text_utf8(r->path, strlen(r->path)),
         "a path that means another");
    int wait = request_wait_s(r, 30, 2);
    MUST(wait >= 0 && wait <= 30, "waits longer than allowed");
    struct route route;
    route_find(r->method, r->path, &route);
    MUST(route.id < ROUTE__MAX && route.who < WHO__MAX, "a route that is none");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct request r;
    char *copy = fuzz_copy(data, size), *envp[VARIABLES_MAX + 1], *p = copy, *end = copy + size;
    int n = 0;
    while (p < end && *p && n < VARIABLES_MAX) {
        envp[n++] = p;
        p += strlen(p) + 1;
    }
    envp[n] = NULL;
    struct rest rest = {.at = p < end ? p + 1 : end, .end = end};
    const char *why = "";
    int status = request_parse(&r, envp, read_rest, &rest, &why);
    MUST(status == 0 || ((status == 400 || status == 404) && *why), "refused without a sentence");
    look(&r, status);
    if (!status) {
        status = request_body(&r, 4096, n % 2 ? "application/json" : NULL, &why);
        MUST(status == 0 || status == 400 || status == 413 || status == 415, "another status");
        MUST(status || (int64_t)r.body_size == r.content_length, "a body cut short was taken");
    }
    request_clear(&r);
    MUST(!r.body && !r.used, "not cleared");
    request_free(&r); /* so that the next one has no more room than it needs */
    free(copy);
    return 0;
}
