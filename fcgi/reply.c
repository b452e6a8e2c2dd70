/* reply.c - the answer being made. */
#include "fcgi/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char html[] = "text/html; charset=utf-8";

static const char security[] =
    "Content-Security-Policy: default-src 'none'; style-src 'self'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "Cross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n";

const char *reply_security(void) {
    return security;
}

const char *reply_reason(int status) {
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {202, "Accepted"},
        {303, "See Other"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Other";
}

void reply_init(struct reply *r, reply_writer *write, void *write_arg, const char *request_id) {
    *r = (struct reply){.status = 200,
                        .type = html,
                        .write = write,
                        .write_arg = write_arg,
                        .request_id = request_id};
    buf_init(&r->head, 8192);
    buf_init(&r->body, REPLY_BODY_MAX);
}

void reply_restart(struct reply *r, int status, const char *type) {
    if (r->started) {
        r->broken = true;
        return;
    }
    buf_free(&r->head);
    buf_free(&r->body);
    r->status = status;
    r->type = type ? type : html;
    r->cacheable = false;
    r->lent = NULL;
}

void reply_lend(struct reply *r, const char *bytes, size_t size) {
    r->lent = bytes;
    r->lent_size = size;
}

void reply_header(struct reply *r, const char *name, const char *format, ...) {
    char value[2048];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(value, sizeof(value), format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(value) || strpbrk(value, "\r\n")) {
        r->head.failed = true;
        return;
    }
    buf_format(&r->head, "%s: %s\r\n", name, value);
}

void reply_see_other(struct reply *r, const char *path) {
    reply_restart(r, 303, html);
    reply_header(r, "Location", "%s", path);
}

static bool send(struct reply *r, const char *bytes, size_t size) {
    if (size && !r->broken && !r->write(r->write_arg, bytes, size))
        r->broken = true;
    return !r->broken;
}

/* length: of the body, or -1 where it is not known yet.  false: nothing was sent, or it is broken. */
static bool send_head(struct reply *r, int64_t length) {
    struct buf head;
    char status[24], bytes[48];
    snprintf(status, sizeof(status), "%d ", r->status);
    snprintf(bytes, sizeof(bytes), "Content-Length: %lld\r\n", (long long)length);
    const char *const lines[] = {"Status: ",
                                 status,
                                 reply_reason(r->status),
                                 "\r\nContent-Type: ",
                                 r->type,
                                 "\r\n",
                                 security,
                                 "X-Request-Id: ",
                                 r->request_id,
                                 "\r\n",
                                 r->cacheable ? "" : "Cache-Control: no-store\r\n",
                                 length >= 0 ? bytes : ""};
    buf_init(&head, 16384);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        buf_text(&head, lines[i]);
    buf_add(&head, r->head.bytes, r->head.size);
    buf_text(&head, "\r\n");
    if (head.failed)
        r->head.failed = true;
    else
        r->started = true;
    bool sent = !head.failed && send(r, head.bytes, head.size);
    buf_free(&head);
    return sent;
}

bool reply_flush(struct reply *r) {
    if (r->body.failed || r->head.failed) {
        if (r->started)
            r->broken = true;
        return false; /* not started: reply_finish says 503 */
    }
    if (!r->started && !send_head(r, -1))
        return false;
    bool sent = r->head_only || send(r, r->body.bytes, r->body.size);
    r->body.size = 0;
    return sent;
}

/* 503 in pieces that need no memory. */
static void say_sorry(struct reply *r) {
    const char *const parts[] = {
        "Status: 503 Service Unavailable\r\n",
        "Content-Type: text/plain; charset=utf-8\r\n",
        "Cache-Control: no-store\r\n",
        "Retry-After: 5\r\n",
        security,
        "X-Request-Id: ",
        r->request_id,
        "\r\n\r\n",
        r->head_only ? "" : "There is no memory for this request just now: try again.\n",
    };
    r->status = 503;
    r->started = true;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        send(r, parts[i], strlen(parts[i]));
}

void reply_finish(struct reply *r) {
    const char *body = r->lent ? r->lent : r->body.bytes;
    size_t size = r->lent ? r->lent_size : r->body.size;
    if (r->started)
        reply_flush(r);
    else if (!r->body.failed && !r->head.failed && send_head(r, (int64_t)size) && !r->head_only)
        send(r, body, size);
    if (!r->started)
        say_sorry(r);
}

void reply_free(struct reply *r) {
    buf_free(&r->head);
    buf_free(&r->body);
}
