/* api_json.c - records as JSON. */
#include "fcgi/api_json.h"

#include <string.h>

#include "core/otprefund.h"
#include "fcgi/text.h"

void api_json_text(struct buf *out, const char *text) {
    if (!text || !*text) {
        buf_text(out, "null");
        return;
    }
    buf_text(out, "\"");
    while (*text) {
        size_t n = 0;
        while ((unsigned char)text[n] >= 0x20 && text[n] != '"' && text[n] != '\\' &&
               text[n] != 0x7f)
            n++;
        buf_add(out, text, n);
        text += n;
        if (!*text)
            break;
        if (*text == '"' || *text == '\\')
            buf_format(out, "\\%c", *text);
        else
            buf_format(out, "\\u%04x", (unsigned)(unsigned char)*text);
        text++;
    }
    buf_text(out, "\"");
}

/* name must be a plain word; comma: not the first one. */
static void field(struct buf *out, bool comma, const char *name) {
    buf_format(out, "%s\"%s\":", comma ? "," : "", name);
}

static void text_field(struct buf *out, const char *name, const char *text) {
    field(out, true, name);
    api_json_text(out, text);
}

static void time_field(struct buf *out, const char *name, int64_t ms) {
    char text[TEXT_TIME_SIZE];
    text_field(out, name, text_rfc3339(ms, text));
}

static void money_field(struct buf *out, const char *name, int64_t paise) {
    char text[24];
    text_field(out, name, otr_rupees(paise, text, sizeof(text)));
}

static void number_field(struct buf *out, const char *name, int64_t value, int64_t none) {
    field(out, true, name);
    if (value == none)
        buf_text(out, "null");
    else
        buf_format(out, "%lld", (long long)value);
}

void api_json_attempt(struct buf *out, const struct otr_attempt *a) {
    buf_format(out, "{\"attempt_id\":%lld", (long long)a->attempt_id);
    text_field(out, "tid", a->tid);
    text_field(out, "kind", otr_kind_name(a->kind));
    text_field(out, "operator", a->operator_name);
    time_field(out, "started_at", a->started_at);
    time_field(out, "finished_at", a->finished_at);
    text_field(out, "outcome", otr_outcome_name(a->outcome));
    text_field(out, "reason", otr_reason_name(a->reason));
    text_field(out, "message", a->message);
    text_field(out, "resolution", otr_resolution_name(a->resolution));
    time_field(out, "resolved_at", a->resolved_at);
    text_field(out, "resolved_by", otr_how_name(a->resolved_by));
    number_field(out, "tx_status", a->tx_status, OTR_NO_STATUS);
    text_field(out, "refund_tid", a->refund_tid);
    money_field(out, "amount", a->amount);
    money_field(out, "refunded_amount", a->refunded_amount);
    field(out, true, "inquiries");
    buf_format(out, "%d}", a->inquiries);
}

void api_json_attempts(struct buf *out, const struct otr_attempt *rows, int n, const char *next) {
    buf_text(out, "{\"attempts\":[");
    for (int i = 0; i < n; i++) {
        if (i)
            buf_text(out, ",");
        api_json_attempt(out, &rows[i]);
    }
    buf_text(out, "]");
    text_field(out, "next", next);
    buf_text(out, "}");
}

void api_json_transaction(struct buf *out, const struct otr_transaction *t) {
    buf_text(out, "{\"tid\":");
    api_json_text(out, t->tid);
    text_field(out, "client_ref_id", t->client_ref_id);
    money_field(out, "amount", t->amount);
    number_field(out, "tx_status", t->tx_status, OTR_NO_STATUS);
    text_field(out, "status", otr_tx_status_name(t->tx_status));
    text_field(out, "customer", t->customer);
    text_field(out, "recipient", t->recipient);
    time_field(out, "transacted_at", t->transacted_at);
    time_field(out, "answered_at", t->answered_at);
    number_field(out, "open_attempt_id", t->open_attempt_id, 0);
    buf_text(out, "}");
}

void api_json_problem(struct buf *out, int status, const char *title, const char *detail,
                      const char *instance, int64_t attempt_id) {
    buf_text(out, "{\"type\":\"about:blank\",\"title\":");
    api_json_text(out, title);
    field(out, true, "status");
    buf_format(out, "%d", status);
    text_field(out, "detail", detail);
    text_field(out, "instance", instance);
    if (attempt_id)
        number_field(out, "attempt_id", attempt_id, 0);
    buf_text(out, "}");
}
