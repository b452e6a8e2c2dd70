/* control.c - the control port of the simulated bank: phone, book, faults, clock, callback. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bank/answers.h"
#include "tests/bank/bank.h"
#include "tests/bank/phone.h"

#define CONTROL_BODY_MAX 4096
#define CONTROL_CONNECTIONS 200u
#define LINE_MAX_BYTES 320
#define MAX_LATENCY_MS 600000.0
#define MAX_ADVANCE_S 1e9

struct upload {
    size_t len;
    bool too_large;
    char body[CONTROL_BODY_MAX + 1];
};

static enum MHD_Result send_response(struct MHD_Connection *c, unsigned http, const char *type,
                                     struct MHD_Response *response)
{
    enum MHD_Result result;

    if (response == NULL)
        return MHD_NO;
    if (type != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    result = MHD_queue_response(c, http, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result send_json(struct MHD_Connection *c, unsigned http, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum MHD_Result send_json(struct MHD_Connection *c, unsigned http, const char *format, ...)
{
    char buf[1024];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(buf, sizeof buf, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof buf)
        return MHD_NO;
    return send_response(c, http, "application/json",
                         MHD_create_response_from_buffer((size_t)n, buf, MHD_RESPMEM_MUST_COPY));
}

static size_t write_line(char *buf, size_t size, const struct entry *e)
{
    char tid[BANK_TID_MAX_DIGITS + 1];
    int n;

    bank_tid_write(&e->tid, tid, sizeof tid);
    n = snprintf(buf, size,
                 "{\"tid\":\"%s\",\"tx_status\":%d,\"credited\":%" PRId64 ",\"otp_calls\":%" PRIu32
                 ",\"otp_sent\":%" PRIu32 ",\"initiate_calls\":%" PRIu32
                 ",\"initiate_executed\":%" PRIu32 ",\"inquiry_calls\":%" PRIu32 "}\n",
                 tid, e->tx_status, e->credited, e->otp_calls, e->otp_sent, e->initiate_calls,
                 e->initiate_executed, e->inquiry_calls);
    return n < 0 || (size_t)n >= size ? 0 : (size_t)n;
}

struct book_reader {
    struct scenario *scenario;
    size_t next;
};

/* As many whole lines as fit; the book may grow meanwhile. */
static ssize_t read_book(void *cls, uint64_t pos, char *buf, size_t max)
{
    struct book_reader *r = cls;
    struct entry entries[64];
    size_t room = max / LINE_MAX_BYTES, used = 0, n;

    (void)pos;
    if (room == 0)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (room > sizeof entries / sizeof *entries)
        room = sizeof entries / sizeof *entries;
    n = scenario_entries(r->scenario, r->next, entries, room);
    for (size_t i = 0; i < n; i++)
        used += write_line(buf + used, max - used, &entries[i]);
    r->next += n;
    return used > 0 ? (ssize_t)used : MHD_CONTENT_READER_END_OF_STREAM;
}

static enum MHD_Result send_book(struct bank *b, struct MHD_Connection *c)
{
    const char *wanted = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "tid");
    struct MHD_Response *response;
    struct book_reader *reader;
    char line[LINE_MAX_BYTES];
    struct bank_tid tid;
    struct entry e;
    size_t n = 0;

    if (wanted != NULL) {
        if (bank_tid_read(wanted, &tid) && scenario_entry(b->scenario, &tid, &e))
            n = write_line(line, sizeof line, &e);
        response = MHD_create_response_from_buffer(n, line, MHD_RESPMEM_MUST_COPY);
        return send_response(c, 200, "application/x-ndjson", response);
    }
    reader = malloc(sizeof *reader);
    if (reader == NULL)
        return MHD_NO;
    *reader = (struct book_reader){.scenario = b->scenario};
    response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 24 * 1024, read_book, reader,
                                                 free);
    if (response == NULL)
        free(reader);
    return send_response(c, 200, "application/x-ndjson", response);
}

static enum MHD_Result send_otp(struct bank *b, struct MHD_Connection *c, const char *tid_text)
{
    char otp[BANK_OTP_SIZE];
    struct bank_tid tid;

    if (!bank_tid_read(tid_text, &tid) || !scenario_phone(b->scenario, &tid, otp))
        return send_json(c, 404, "{\"error\":\"no OTP was texted for this transaction\"}\n");
    return send_json(c, 200, "{\"otp\":\"%s\"}\n", otp);
}

static enum MHD_Result send_faults(struct bank *b, struct MHD_Connection *c)
{
    struct faults f;

    scenario_get_faults(b->scenario, &f);
    return send_json(c, 200,
                     "{\"latency_ms\":%.15g,\"drop\":%.15g,\"error_502\":%.15g,"
                     "\"silent\":%.15g,\"seed\":%.15g}\n",
                     f.latency_ms, f.drop, f.error_502, f.silent, f.seed);
}

/* Takes an optional number of a JSON object, 0 where it is missing; false if it is out of range. */
static bool take_number(const cJSON *json, const char *name, double max, double *to)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);

    *to = 0;
    if (item == NULL || cJSON_IsNull(item))
        return true;
    if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble) || item->valuedouble < 0 ||
        item->valuedouble > max)
        return false;
    *to = item->valuedouble;
    return true;
}

static enum MHD_Result set_faults(struct bank *b, struct MHD_Connection *c, const cJSON *json)
{
    struct faults f;

    if (!take_number(json, "latency_ms", MAX_LATENCY_MS, &f.latency_ms) ||
        !take_number(json, "drop", 1, &f.drop) ||
        !take_number(json, "error_502", 1, &f.error_502) ||
        !take_number(json, "silent", 1, &f.silent) ||
        !take_number(json, "seed", 9007199254740992.0, &f.seed))
        return send_json(c, 400, "{\"error\":\"latency_ms is 0 to 600000, drop, error_502 and "
                                 "silent are shares from 0 to 1, seed is a whole number\"}\n");
    scenario_set_faults(b->scenario, &f);
    return send_faults(b, c);
}

static enum MHD_Result set_clock(struct bank *b, struct MHD_Connection *c, const cJSON *json)
{
    double seconds;
    int64_t now;

    if (!take_number(json, "advance_s", MAX_ADVANCE_S, &seconds))
        return send_json(c, 400, "{\"error\":\"advance_s is a number of seconds\"}\n");
    now = scenario_advance(b->scenario, (int64_t)(seconds * 1000));
    return send_json(c, 200, "{\"now_ms\":%" PRId64 "}\n", now);
}

static enum MHD_Result send_callback(struct bank *b, struct MHD_Connection *c)
{
    char url[CALLBACK_URL_MAX];
    cJSON *json = cJSON_CreateObject();
    char *text = NULL;
    enum MHD_Result result = MHD_NO;

    callbacks_get_url(b->callbacks, url, sizeof url);
    if (json != NULL && cJSON_AddStringToObject(json, "url", url) != NULL)
        text = cJSON_PrintUnformatted(json);
    if (text != NULL)
        result = send_json(c, 200, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(json);
    return result;
}

static enum MHD_Result set_callback(struct bank *b, struct MHD_Connection *c, const cJSON *json)
{
    const cJSON *url = cJSON_GetObjectItemCaseSensitive(json, "url");

    if ((url != NULL && !cJSON_IsNull(url) && !cJSON_IsString(url)) ||
        !callbacks_set_url(b->callbacks, cJSON_GetStringValue(url)))
        return send_json(c, 400, "{\"error\":\"url is http://host[:port][/path], or null\"}\n");
    return send_callback(b, c);
}

static enum MHD_Result handle_get(struct bank *b, struct MHD_Connection *c, const char *url)
{
    static const char one_phone[] = "/phone/";

    if (strcmp(url, "/phone") == 0 || strcmp(url, "/") == 0)
        return send_response(c, 200, NULL, phone_page(b->scenario));
    if (strncmp(url, one_phone, sizeof one_phone - 1) == 0)
        return send_otp(b, c, url + sizeof one_phone - 1);
    if (strcmp(url, "/book") == 0)
        return send_book(b, c);
    if (strcmp(url, "/faults") == 0)
        return send_faults(b, c);
    if (strcmp(url, "/callback") == 0)
        return send_callback(b, c);
    if (strcmp(url, "/clock") == 0)
        return send_json(c, 200, "{\"now_ms\":%" PRId64 "}\n", scenario_advance(b->scenario, 0));
    if (strcmp(url, "/healthz") == 0)
        return send_json(c, 200, "{\"status\":\"ok\",\"waiting_calls\":%zu}\n",
                         waits_count(b->waits));
    return send_json(c, 404, "{\"error\":\"no such URL\"}\n");
}

static enum MHD_Result handle_post(struct bank *b, struct MHD_Connection *c, const char *url,
                                   const struct upload *u)
{
    static const struct {
        const char *url;
        enum MHD_Result (*set)(struct bank *, struct MHD_Connection *, const cJSON *);
    } setters[] = {{"/faults", set_faults}, {"/clock", set_clock}, {"/callback", set_callback}};
    enum MHD_Result result;
    cJSON *json;

    if (strcmp(url, "/reset") == 0) {
        scenario_reset(b->scenario);
        return send_json(c, 200, "{\"status\":\"ok\"}\n");
    }
    for (size_t i = 0; i < sizeof setters / sizeof *setters; i++) {
        if (strcmp(url, setters[i].url) != 0)
            continue;
        json = cJSON_ParseWithLengthOpts(u->body, u->len + 1, NULL, 1);
        if (!u->too_large && cJSON_IsObject(json))
            result = setters[i].set(b, c, json);
        else
            result = send_json(c, 400, "{\"error\":\"the body is not a JSON object\"}\n");
        cJSON_Delete(json);
        return result;
    }
    return send_json(c, 404, "{\"error\":\"no such URL\"}\n");
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *data_size, void **con_cls)
{
    struct bank *b = cls;
    struct upload *u = *con_cls;

    (void)version;
    if (u == NULL) {
        *con_cls = calloc(1, sizeof *u);
        return *con_cls != NULL ? MHD_YES : MHD_NO;
    }
    if (*data_size > 0) {
        if (*data_size > CONTROL_BODY_MAX - u->len) {
            u->too_large = true;
        } else {
            memcpy(u->body + u->len, data, *data_size);
            u->len += *data_size;
        }
        *data_size = 0;
        return MHD_YES;
    }
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
        return handle_get(b, c, url);
    if (strcmp(method, "POST") == 0)
        return handle_post(b, c, url, u);
    return send_json(c, 405, "{\"error\":\"GET or POST\"}\n");
}

static void completed(void *cls, struct MHD_Connection *c, void **con_cls,
                      enum MHD_RequestTerminationCode why)
{
    (void)cls;
    (void)c;
    (void)why;
    free(*con_cls);
    *con_cls = NULL;
}

struct MHD_Daemon *control_start(struct bank *b, int listen_fd)
{
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, handle, b,
                            MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT,
                            CONTROL_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, 60u,
                            MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_END);
}
