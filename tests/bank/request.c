/* request.c - reading path, form and JSON of a request to the simulated bank. */
#include "tests/bank/request.h"

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define REF_PREFIX "client_ref_id:"
#define OWN_REF_PREFIX "REF"

/* One row per call: the path is before + TID + after. */
static const struct route {
    enum generation gen;
    enum call call;
    const char *method, *before, *after;
} routes[] = {
    {GEN_V3, CALL_PENDING, "GET", "/ekoapi/v3/customer/payment/refunds", NULL},
    {GEN_V3, CALL_OTP, "POST", "/ekoapi/v3/customer/payment/refund/", "/otp"},
    {GEN_V3, CALL_REFUND, "POST", "/ekoapi/v3/customer/payment/refund/", ""},
    {GEN_V3, CALL_INQUIRY, "GET", "/ekoapi/v3/tools/reference/transaction/", ""},
    {GEN_V2, CALL_OTP, "POST", "/ekoapi/v2/transactions/", "/refund/otp"},
    {GEN_V2, CALL_REFUND, "POST", "/ekoapi/v2/transactions/", "/refund"},
    {GEN_V2, CALL_INQUIRY, "GET", "/ekoapi/v2/transactions/", ""},
};

/* Copies the TID part of the path if the path is the route's; the part has no slash. */
static bool path_matches(const struct route *r, const char *path, char tid[ASK_TEXT_SIZE])
{
    size_t before = strlen(r->before);
    size_t n;

    tid[0] = '\0';
    if (strncmp(path, r->before, before) != 0)
        return false;
    path += before;
    if (r->after == NULL)
        return *path == '\0';
    n = strcspn(path, "/");
    if (n == 0 || strcmp(path + n, r->after) != 0)
        return false;
    snprintf(tid, ASK_TEXT_SIZE, "%.*s", (int)(n < ASK_TEXT_SIZE ? n : ASK_TEXT_SIZE), path);
    return true;
}

static void read_tid(struct ask *a, const char *text)
{
    const char *ref = text + sizeof REF_PREFIX - 1;

    a->by_ref = a->call == CALL_INQUIRY && strncmp(text, REF_PREFIX, sizeof REF_PREFIX - 1) == 0;
    if (!a->by_ref)
        a->tid_ok = bank_tid_read(text, &a->tid);
    else if (strncmp(ref, OWN_REF_PREFIX, sizeof OWN_REF_PREFIX - 1) == 0)
        a->tid_ok = bank_tid_read(ref + sizeof OWN_REF_PREFIX - 1, &a->tid);
}

void request_route(const char *method, const char *path, struct ask *a)
{
    char tid[ASK_TEXT_SIZE];
    bool seen = false;

    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!path_matches(&routes[i], path, tid))
            continue;
        seen = true;
        if (strcmp(method, routes[i].method) != 0)
            continue;
        a->gen = routes[i].gen;
        a->call = routes[i].call;
        read_tid(a, tid);
        return;
    }
    a->refusal = seen ? REFUSAL_METHOD : REFUSAL_NO_URL;
}

void fields_set(struct fields *f, const char *name, const char *value)
{
    static const struct {
        const char *name;
        size_t at;
    } known[] = {
        {"initiator_id", offsetof(struct fields, initiator_id)},
        {"user_code", offsetof(struct fields, user_code)},
        {"otp", offsetof(struct fields, otp)},
        {"state", offsetof(struct fields, state)},
        {"service_code", offsetof(struct fields, service_code)},
        {"otp_ref_id", offsetof(struct fields, otp_ref_id)},
        {"customer_id", offsetof(struct fields, customer_id)},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(name, known[i].name) == 0)
            snprintf((char *)f + known[i].at, ASK_TEXT_SIZE, "%s", value);
    }
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes one name or value up to a stop character; false if it is too long or malformed. */
static bool form_part(const char **p, const char *end, const char *stops, char *out, size_t size)
{
    size_t n = 0;

    for (; *p < end && strchr(stops, **p) == NULL; (*p)++) {
        char c = **p == '+' ? ' ' : **p;

        if (c == '%') {
            if (end - *p < 3 || hex((*p)[1]) < 0 || hex((*p)[2]) < 0)
                return false;
            c = (char)(hex((*p)[1]) * 16 + hex((*p)[2]));
            *p += 2;
        }
        if (c == '\0' || n + 1 >= size)
            return false;
        out[n++] = c;
    }
    out[n] = '\0';
    return true;
}

bool fields_from_form(struct fields *f, const char *body, size_t n)
{
    const char *p = body, *end = body + n;
    char name[ASK_TEXT_SIZE], value[512];

    if (memchr(body, '\0', n) != NULL)
        return false;
    while (p < end) {
        value[0] = '\0';
        if (!form_part(&p, end, "=&", name, sizeof name))
            return false;
        if (p < end && *p == '=') {
            p++;
            if (!form_part(&p, end, "&", value, sizeof value))
                return false;
        }
        fields_set(f, name, value);
        p++;
    }
    return true;
}

bool fields_from_json(struct fields *f, const char *body, size_t n)
{
    cJSON *json = cJSON_ParseWithLengthOpts(body, n + 1, NULL, 1);
    const cJSON *item;
    bool ok = cJSON_IsObject(json);

    if (ok) {
        cJSON_ArrayForEach(item, json) {
            char number[32];

            if (cJSON_IsString(item)) {
                fields_set(f, item->string, item->valuestring);
            } else if (cJSON_IsNumber(item)) {
                snprintf(number, sizeof number, "%.15g", item->valuedouble);
                fields_set(f, item->string, number);
            }
        }
    }
    cJSON_Delete(json);
    return ok;
}

static bool user_code_known(const struct options *opt, const char *code)
{
    for (size_t i = 0; i < opt->n_user_codes; i++) {
        if (strcmp(opt->user_codes[i], code) == 0)
            return true;
    }
    return false;
}

static void bad_field(struct ask *a, const char *name)
{
    a->refusal = REFUSAL_FIELD;
    a->bad_field = name;
}

void fields_check(const struct fields *f, const struct options *opt, struct ask *a)
{
    bool refund = a->call == CALL_REFUND;

    snprintf(a->otp, sizeof a->otp, "%s", f->otp);
    snprintf(a->otp_ref_id, sizeof a->otp_ref_id, "%s", f->otp_ref_id);
    snprintf(a->customer_id, sizeof a->customer_id, "%s", f->customer_id);
    if (strcmp(f->initiator_id, opt->initiator_id) != 0)
        a->refusal = REFUSAL_INITIATOR;
    else if (a->call != CALL_OTP && !user_code_known(opt, f->user_code))
        a->refusal = REFUSAL_USER_CODE;
    else if (refund && strcmp(f->state, "1") != 0)
        bad_field(a, "state");
    else if (refund && a->gen == GEN_V3 && strcmp(f->service_code, "80") != 0)
        bad_field(a, "service_code");
    else if (refund && f->otp[0] == '\0')
        bad_field(a, "otp");
    else if (a->call == CALL_PENDING && f->customer_id[0] == '\0')
        bad_field(a, "customer_id");
}
