/* api.c - the bank's calls as bytes: method, path, query and body for v2 and v3. */
#include "core/api.h"

#include <string.h>

#define CODE_MAX 32 /* user_code */

/* Writes into a fixed array; once something does not fit, ok is false and stays so. */
struct writer {
    char *to;
    size_t size, room;
    bool ok;
};

/* How the bytes of a value are written where it goes. */
typedef void escape(struct writer *w, unsigned char c);

static void put(struct writer *w, char c) {
    if (!w->ok || w->size + 1 >= w->room) {
        w->ok = false;
        return;
    }
    w->to[w->size++] = c;
    w->to[w->size] = '\0';
}

static void text(struct writer *w, const char *s) {
    for (; *s; s++)
        put(w, *s);
}

static void percent(struct writer *w, unsigned char c) {
    static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                     "0123456789-._~"; /* RFC 3986, 2.3 */
    static const char hex[] = "0123456789ABCDEF";
    if (c && strchr(unreserved, c)) {
        put(w, (char)c);
    } else {
        put(w, '%');
        put(w, hex[c >> 4]);
        put(w, hex[c & 15]);
    }
}

static void json(struct writer *w, unsigned char c) {
    static const char hex[] = "0123456789abcdef";
    if (c == '"' || c == '\\')
        put(w, '\\');
    if (c >= 0x20) {
        put(w, (char)c);
    } else {
        text(w, "\\u00"); /* RFC 8259, 7 */
        put(w, hex[c >> 4]);
        put(w, hex[c & 15]);
    }
}

static void escaped(struct writer *w, const char *s, escape *how) {
    for (; *s; s++)
        how(w, (unsigned char)*s);
}

/* ---- what may be sent -------------------------------------------------------------------- */

static bool all_of(const char *s, size_t size, const char *allowed) {
    for (size_t i = 0; i < size; i++)
        if (!s[i] || !strchr(allowed, s[i]))
            return false;
    return true;
}

static bool digits(const char *s, size_t min, size_t max) {
    size_t size = s ? strnlen(s, max + 1) : 0;
    return size >= min && size <= max && all_of(s, size, "0123456789");
}

/* One number, one text: 0123 would be another transaction than 123 to the journal. */
bool api_tid_valid(const char *tid) {
    return digits(tid, 1, OTR_TID_SIZE - 1) && tid[0] != '0';
}

bool api_ref_valid(const char *ref) {
    size_t size = ref ? strnlen(ref, OTR_REF_SIZE) : 0;
    return size >= 1 && size < OTR_REF_SIZE &&
           all_of(ref, size, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");
}

bool api_otp_valid(const char *otp, size_t size) {
    return otp && size >= 4 && size <= 8 && all_of(otp, size, "0123456789");
}

static bool code_valid(const char *code) {
    size_t size = code ? strnlen(code, CODE_MAX + 1) : 0;
    for (size_t i = 0; i < size; i++)
        if (code[i] < '!' || code[i] > '~')
            return false;
    return size >= 1 && size <= CODE_MAX;
}

/* It goes as a JSON number, which has no leading zero (RFC 8259, 6). */
static bool service_code_valid(const char *code) {
    return digits(code, 1, 6) && code[0] != '0';
}

static bool call_valid(const struct api_settings *s, const struct api_call *c) {
    bool by_ref = c->kind == OTR_KIND_INQUIRY && (!c->tid || !*c->tid);
    if (!s->base_url || !digits(s->initiator_id, 10, 10) ||
        !(by_ref ? api_ref_valid(c->client_ref_id) : api_tid_valid(c->tid)))
        return false;
    switch (c->kind) {
    case OTR_KIND_OTP:
        return true;
    case OTR_KIND_REFUND:
        return code_valid(c->user_code) && c->otp && api_otp_valid(c->otp->bytes, c->otp->size) &&
               (s->generation == API_V2 || service_code_valid(s->service_code));
    case OTR_KIND_INQUIRY:
        return code_valid(c->user_code);
    default:
        return false;
    }
}

/* ---- the address ------------------------------------------------------------------------- */

static void address(struct writer *w, const struct api_settings *s, const struct api_call *c) {
    bool v3 = s->generation == API_V3, inquiry = c->kind == OTR_KIND_INQUIRY;
    text(w, s->base_url);
    if (inquiry)
        text(w, v3 ? "/tools/reference/transaction/" : "/transactions/");
    else
        text(w, v3 ? "/customer/payment/refund/" : "/transactions/");
    if (c->tid && *c->tid) {
        text(w, c->tid);
    } else {
        text(w, "client_ref_id:");
        escaped(w, c->client_ref_id, percent);
    }
    if (!inquiry && !v3)
        text(w, "/refund");
    if (c->kind == OTR_KIND_OTP)
        text(w, "/otp");
    if (inquiry) {
        text(w, "?initiator_id=");
        escaped(w, s->initiator_id, percent);
        text(w, "&user_code=");
        escaped(w, c->user_code, percent);
    }
}

/* ---- the body ---------------------------------------------------------------------------- */

/* Written by hand rather than by a JSON library: no copy of the OTP is left on the heap. */
static void body_v3(struct writer *w, const struct api_settings *s, const struct api_call *c) {
    text(w, "{\"initiator_id\":\"");
    escaped(w, s->initiator_id, json);
    text(w, "\"");
    if (c->kind == OTR_KIND_REFUND) {
        const char *quote = c->otp->bytes[0] == '0' ? "\"" : "";
        text(w, ",\"user_code\":\"");
        escaped(w, c->user_code, json);
        text(w, "\",\"otp\":");
        text(w, quote);
        text(w, c->otp->bytes);
        text(w, quote);
        text(w, ",\"state\":1,\"service_code\":");
        text(w, s->service_code);
        if (c->otp_ref_id && *c->otp_ref_id) {
            text(w, ",\"otp_ref_id\":\"");
            escaped(w, c->otp_ref_id, json);
            text(w, "\"");
        }
    }
    text(w, "}");
}

static void body_v2(struct writer *w, const struct api_settings *s, const struct api_call *c) {
    text(w, "initiator_id=");
    escaped(w, s->initiator_id, percent);
    if (c->kind == OTR_KIND_REFUND) {
        text(w, "&user_code=");
        escaped(w, c->user_code, percent);
        text(w, "&otp=");
        text(w, c->otp->bytes);
        text(w, "&state=1");
    }
}

bool api_build(const struct api_settings *s, const struct api_call *c, struct api_request *r) {
    memset(r, 0, sizeof *r);
    if (!call_valid(s, c))
        return false;
    struct writer url = {.to = r->url, .room = sizeof r->url, .ok = true};
    address(&url, s, c);
    r->post = c->kind != OTR_KIND_INQUIRY;
    struct writer body = {.to = r->body, .room = sizeof r->body, .ok = true};
    if (r->post) {
        if (s->generation == API_V3)
            body_v3(&body, s, c);
        else
            body_v2(&body, s, c);
        r->content_type =
            s->generation == API_V3 ? "application/json" : "application/x-www-form-urlencoded";
        r->body_size = body.size;
    }
    if (url.ok && body.ok)
        return true;
    api_wipe(r);
    return false;
}

void api_wipe(struct api_request *r) {
    if (r)
        explicit_bzero(r, sizeof *r);
}
