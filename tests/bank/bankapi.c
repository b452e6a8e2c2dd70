/* bankapi.c - the HTTP side of the simulated bank: one handler for all calls of the merchant. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "tests/bank/answers.h"
#include "tests/bank/request.h"

#define IDLE_S 120u /* how long an idle connection is kept */

/* What comes next for a call whose answer has been decided. */
enum stage { STAGE_CALLBACK, STAGE_DELAY, STAGE_SEND };

/* One request, from its headers to its answer. */
struct exchange {
    char *body; /* NULL: none came, or it has been read */
    size_t body_len;
    bool too_large, failed;
    bool decided;
    bool waiting;
    enum wait_end wait_end;
    enum stage stage;
    struct reply reply;
    struct MHD_Response *response;
    unsigned http;
};

static const char *header(struct MHD_Connection *c, const char *name)
{
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

static bool content_type_fits(struct MHD_Connection *c, enum generation gen)
{
    const char *type = header(c, MHD_HTTP_HEADER_CONTENT_TYPE);
    const char *wanted = gen == GEN_V3 ? "application/json" : "application/x-www-form-urlencoded";
    size_t n = strlen(wanted);

    return type != NULL && strncasecmp(type, wanted, n) == 0 &&
           (type[n] == '\0' || type[n] == ';' || type[n] == ' ');
}

static enum MHD_Result take_query(void *cls, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    (void)kind;
    if (name != NULL && value != NULL)
        fields_set(cls, name, value);
    return MHD_YES;
}

static bool read_fields(struct MHD_Connection *c, const struct exchange *x, const struct ask *a,
                        struct fields *f)
{
    const char *body = x->body != NULL ? x->body : "";

    if (a->call == CALL_INQUIRY || a->call == CALL_PENDING) {
        MHD_get_connection_values(c, MHD_GET_ARGUMENT_KIND, take_query, f);
        return true;
    }
    return a->gen == GEN_V3 ? fields_from_json(f, body, x->body_len)
                            : fields_from_form(f, body, x->body_len);
}

/* From the request to what is asked, or why it is refused. */
static void read_request(struct bank *b, struct MHD_Connection *c, const struct exchange *x,
                         const char *method, const char *url, struct ask *a)
{
    struct fields f;

    memset(a, 0, sizeof *a);
    memset(&f, 0, sizeof f);
    request_route(method, url, a);
    if (a->refusal != REFUSAL_NONE)
        return;
    if (!door_open(&b->opt, header(c, "developer_key"), header(c, "secret-key"),
                   header(c, "secret-key-timestamp"), clock_real_ms()))
        a->refusal = REFUSAL_FORBIDDEN;
    else if ((a->call == CALL_OTP || a->call == CALL_REFUND) && !content_type_fits(c, a->gen))
        a->refusal = REFUSAL_CONTENT_TYPE;
    else if (x->too_large)
        a->refusal = REFUSAL_TOO_LARGE;
    else if (!read_fields(c, x, a, &f))
        a->refusal = REFUSAL_BODY;
    else
        fields_check(&f, &b->opt, a);
}

/* Hands out the first half of the body, then ends the connection. */
static ssize_t half_body(void *cls, uint64_t pos, char *buf, size_t max)
{
    const char *body = cls;
    size_t half = strlen(body) / 2;
    size_t n;

    if (pos >= half)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    n = half - (size_t)pos;
    if (n > max)
        n = max;
    memcpy(buf, body + pos, n);
    return (ssize_t)n;
}

static struct MHD_Response *make_response(const struct reply *r, unsigned *http)
{
    struct MHD_Response *response;
    const char *type;
    struct text t;

    *http = answer_write(&t, r, &type);
    if (r->manner == MANNER_CUT) {
        char *copy = strdup(t.buf);

        if (copy == NULL)
            return NULL;
        response = MHD_create_response_from_callback(t.len, TEXT_MAX, half_body, copy, free);
        if (response == NULL)
            free(copy);
    } else {
        response = MHD_create_response_from_buffer(t.len, t.buf, MHD_RESPMEM_MUST_COPY);
    }
    if (response != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    return response;
}

/* Disconnecting the socket sends RST at once; MHD then finds it dead. */
static void reset_connection(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};

    if (info == NULL)
        return;
    setsockopt(info->connect_fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    if (connect(info->connect_fd, &nobody, sizeof nobody) != 0)
        shutdown(info->connect_fd, SHUT_RDWR);
}

static void decide(struct bank *b, struct MHD_Connection *c, struct exchange *x,
                   const char *method, const char *url)
{
    struct ask a;

    read_request(b, c, x, method, url, &a);
    free(x->body);
    x->body = NULL;
    scenario_ask(b->scenario, &a, &x->reply);
    x->decided = true;
    if (x->reply.manner == MANNER_WHOLE || x->reply.manner == MANNER_CUT)
        x->response = make_response(&x->reply, &x->http);
}

static void hold(struct bank *b, struct MHD_Connection *c, struct exchange *x, int64_t ms)
{
    x->waiting = true;
    waits_hold(b->waits, c, ms, &x->wait_end);
}

/* Starts the callback and holds the answer back until it is over. */
static void hold_for_callback(struct bank *b, struct MHD_Connection *c, struct exchange *x)
{
    struct text t;
    wait_id id;

    answer_write_callback(&t, &x->reply);
    x->waiting = true;
    id = waits_hold(b->waits, c, CALLBACK_LIMIT_MS + 500, &x->wait_end);
    if (!callbacks_post(b->callbacks, t.buf, id))
        waits_wake(b->waits, id);
}

static enum MHD_Result send_answer(struct MHD_Connection *c, struct exchange *x)
{
    if (x->reply.manner == MANNER_RESET)
        reset_connection(c);
    if (x->response == NULL)
        return MHD_NO;
    return MHD_queue_response(c, x->http, x->response);
}

/* Goes on with a decided call until it has to wait or is answered. */
static enum MHD_Result proceed(struct bank *b, struct MHD_Connection *c, struct exchange *x)
{
    if (x->waiting) {
        x->waiting = false;
        if (x->wait_end == WAIT_LEFT || x->wait_end == WAIT_STOPPED)
            return MHD_NO;
    }
    if (x->reply.manner == MANNER_SILENT) {
        hold(b, c, x, WAIT_FOR_EVER);
        return MHD_YES;
    }
    if (x->stage == STAGE_CALLBACK) {
        x->stage = STAGE_DELAY;
        if (x->reply.callback && callbacks_wanted(b->callbacks)) {
            hold_for_callback(b, c, x);
            return MHD_YES;
        }
    }
    if (x->stage == STAGE_DELAY) {
        x->stage = STAGE_SEND;
        if (x->reply.delay_ms > 0) {
            hold(b, c, x, x->reply.delay_ms);
            return MHD_YES;
        }
    }
    return send_answer(c, x);
}

static void take_body(struct exchange *x, const char *data, size_t n)
{
    if (x->too_large)
        return;
    if (x->body == NULL && (x->body = malloc(BODY_MAX + 1)) == NULL) {
        x->failed = true;
        return;
    }
    if (n > BODY_MAX - x->body_len) {
        x->too_large = true;
        return;
    }
    memcpy(x->body + x->body_len, data, n);
    x->body_len += n;
    x->body[x->body_len] = '\0';
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *data_size, void **con_cls)
{
    struct bank *b = cls;
    struct exchange *x = *con_cls;

    (void)version;
    if (x == NULL) {
        x = calloc(1, sizeof *x);
        *con_cls = x;
        return x != NULL ? MHD_YES : MHD_NO;
    }
    if (*data_size > 0) {
        take_body(x, data, *data_size);
        *data_size = 0;
        return MHD_YES;
    }
    if (x->failed)
        return MHD_NO;
    if (!x->decided)
        decide(b, c, x, method, url);
    return proceed(b, c, x);
}

static void completed(void *cls, struct MHD_Connection *c, void **con_cls,
                      enum MHD_RequestTerminationCode why)
{
    struct exchange *x = *con_cls;

    (void)cls;
    (void)c;
    (void)why;
    if (x == NULL)
        return;
    if (x->response != NULL)
        MHD_destroy_response(x->response);
    free(x->body);
    free(x);
    *con_cls = NULL;
}

struct MHD_Daemon *bankapi_start(struct bank *b, int listen_fd, unsigned max_calls)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_LISTEN_SOCKET, listen_fd, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, (intptr_t)max_calls, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, 16 * 1024, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)completed, NULL},
        {b->opt.threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END,
         (intptr_t)b->opt.threads, NULL},
        {MHD_OPTION_END, 0, NULL}};

    if (b->opt.plain)
        return MHD_start_daemon(flags, 0, NULL, NULL, handle, b, MHD_OPTION_ARRAY, options,
                                MHD_OPTION_END);
    return MHD_start_daemon(flags | MHD_USE_TLS, 0, NULL, NULL, handle, b, MHD_OPTION_ARRAY,
                            options, MHD_OPTION_HTTPS_MEM_KEY, b->key_pem,
                            MHD_OPTION_HTTPS_MEM_CERT, b->cert_pem, MHD_OPTION_END);
}
