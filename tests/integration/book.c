/* book.c - the bank's truth, from its control port: the book, the customer's phone, the faults. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/it.h"

static long long number(const cJSON *o, const char *name) {
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
    if (cJSON_IsString(v))
        return strtoll(v->valuestring, NULL, 10);
    return cJSON_IsNumber(v) ? (long long)v->valuedouble : 0;
}

static bool names(const cJSON *o, const char *tid) {
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, "tid");
    if (cJSON_IsString(v))
        return strcmp(v->valuestring, tid) == 0;
    return cJSON_IsNumber(v) && (long long)v->valuedouble == strtoll(tid, NULL, 10);
}

static struct book read_line(const cJSON *o) {
    return (struct book){
        .known = true,
        .tx_status = (int)number(o, "tx_status"),
        .credited = number(o, "credited"),
        .otp_calls = (int)number(o, "otp_calls"),
        .otp_sent = (int)number(o, "otp_sent"),
        .initiate_calls = (int)number(o, "initiate_calls"),
        .initiate_executed = (int)number(o, "initiate_executed"),
        .inquiry_calls = (int)number(o, "inquiry_calls"),
    };
}

struct book book_of(const char *tid) {
    char url[512];
    struct reply r = {0};
    struct book b = {0};
    snprintf(url, sizeof url, "%s/book", it.control);
    if (!client_ask_url("GET", url, NULL, &r) || r.status != 200)
        expect(false, "the bank's book cannot be read: HTTP %d %s", r.status, r.error);
    for (char *line = r.body; line && *line && !b.known;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        cJSON *o = strstr(line, tid) ? cJSON_Parse(line) : NULL;
        if (o && names(o, tid))
            b = read_line(o);
        cJSON_Delete(o);
        line = end ? end + 1 : NULL;
    }
    reply_free(&r);
    return b;
}

bool phone_otp(const char *tid, char *otp, size_t size) {
    char url[512];
    struct reply r = {0};
    snprintf(url, sizeof url, "%s/phone/%s", it.control, tid);
    otp[0] = '\0';
    if (client_ask_url("GET", url, NULL, &r) && r.status == 200)
        json_field(&r, "otp", otp, size);
    reply_free(&r);
    if (*otp)
        remember_otp(otp);
    return *otp != '\0';
}

bool bank_control(const char *path, const char *json) {
    char url[512];
    struct reply r = {0};
    snprintf(url, sizeof url, "%s%s", it.control, path);
    bool ok = client_ask_url("POST", url, json, &r) && r.status / 100 == 2;
    expect(ok, "the bank's control refused POST %s %s: HTTP %d %s", path, json, r.status, r.error);
    reply_free(&r);
    return ok;
}

char *json_field(const struct reply *r, const char *name, char *out, size_t size) {
    cJSON *o = cJSON_Parse(r->body);
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);
    out[0] = '\0';
    if (cJSON_IsString(v)) {
        snprintf(out, size, "%s", v->valuestring);
    } else if (v && !cJSON_IsNull(v)) {
        char *text = cJSON_PrintUnformatted(v);
        snprintf(out, size, "%s", text ? text : "");
        cJSON_free(text);
    }
    cJSON_Delete(o);
    return out;
}
