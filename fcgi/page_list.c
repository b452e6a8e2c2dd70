/* page_list.c - GET /attempts: the list with its filters, and the same rows as CSV. */
#include "fcgi/page_part.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fcgi/text.h"

struct choice {
    const char *value, *text;
};

static const struct choice kinds[] = {
    {"", "any"}, {"otp", "send OTP"}, {"refund", "refund"}, {"inquiry", "ask the bank"}};

static const struct choice states[] = {{"", "any"},
                                       {"open", "open: not settled"},
                                       {"in_flight", "on its way to the bank"},
                                       {"refunded", "refunded"},
                                       {"not_refunded", "not refunded"},
                                       {"rejected", "refused by the bank"},
                                       {"not_sent", "never left this office"},
                                       {"unknown", "no certain answer"},
                                       {"sent", "OTP sent"},
                                       {"unconfirmed", "OTP not confirmed"},
                                       {"answered", "question answered"},
                                       {"contradicted", "contradicted"}};

static void put_choices(struct fill *f, const char *name, const struct choice *choices, size_t n,
                        const char *chosen) {
    struct node *list = node_list(f->m, f->root, name);
    for (size_t i = 0; i < n; i++) {
        struct node *item = node_item(f->m, list);
        node_text(f->m, item, "value", choices[i].value);
        node_text(f->m, item, "text", choices[i].text);
        node_bool(f->m, item, "chosen", chosen && strcmp(chosen, choices[i].value) == 0);
    }
}

static bool given(const char *text) {
    return text && *text;
}

bool page_list(const struct page *p, const struct page_list *l, struct buf *out) {
    struct fill f;
    page_start(&f, p, "Attempts", PLACE_LIST);
    node_text(f.m, f.root, "f_tid", l->tid_text);
    node_text(f.m, f.root, "f_operator", l->operator_text);
    node_bool(f.m, f.root, "all_operators", !p->viewer || p->viewer->role != OTR_ROLE_OPERATOR);
    node_text(f.m, f.root, "f_from", l->from_text);
    node_text(f.m, f.root, "f_to", l->to_text);
    put_choices(&f, "kinds", kinds, sizeof kinds / sizeof *kinds, l->kind_text);
    put_choices(&f, "states", states, sizeof states / sizeof *states, l->status_text);
    bool filtered = given(l->tid_text) || given(l->operator_text) || given(l->from_text) ||
                    given(l->to_text) || given(l->kind_text) || given(l->status_text);
    node_bool(f.m, f.root, "filtered", filtered);
    node_text(f.m, f.root, "hint", l->hint);
    node_text(f.m, f.root, "next", l->next);
    node_text(f.m, f.root, "csv", l->count > 0 ? l->csv : NULL);
    node_bool(f.m, f.root, "any_rows", l->count > 0);
    struct node *rows = node_list(f.m, f.root, "rows");
    for (int i = 0; i < l->count; i++)
        put_attempt(&f, node_item(f.m, rows), &l->rows[i]);
    return page_finish(&f, "list", out);
}

/* ---- CSV -------------------------------------------------------------------------------- */

/* A cell as RFC 4180 has it, and the comma before it. */
static void cell(struct buf *out, const char *text, bool first) {
    if (!first)
        buf_add(out, ",", 1);
    bool quote = text_formula(text) || strpbrk(text, ",\"\r\n");
    if (!quote) {
        buf_text(out, text);
        return;
    }
    buf_text(out, text_formula(text) ? "\"'" : "\"");
    for (; *text; text++) {
        if (*text == '"')
            buf_add(out, "\"", 1);
        buf_add(out, text, 1);
    }
    buf_add(out, "\"", 1);
}

static void number(struct buf *out, int64_t value, bool there, bool first) {
    char text[24] = "";
    if (there)
        snprintf(text, sizeof text, "%" PRId64, value);
    buf_format(out, "%s%s", first ? "" : ",", text);
}

static void moment(struct buf *out, int64_t ms) {
    char text[TEXT_TIME_SIZE];
    cell(out, text_rfc3339(ms, text), false);
}

static void money(struct buf *out, int64_t paise) {
    char text[32];
    buf_format(out, ",%s", otr_rupees(paise, text, sizeof text));
}

static const char *name(const char *text) {
    return text ? text : "";
}

bool page_csv(const struct page *p, const struct otr_attempt *rows, int count, bool first,
              struct buf *out) {
    (void)p;
    if (first)
        buf_text(out, "attempt_id,tid,kind,operator,started_at,finished_at,outcome,reason,message,"
                      "resolution,resolved_at,resolved_by,tx_status,refund_tid,amount,"
                      "refunded_amount,inquiries\r\n");
    for (int i = 0; i < count; i++) {
        const struct otr_attempt *a = &rows[i];
        number(out, a->attempt_id, true, true);
        cell(out, a->tid, false);
        cell(out, name(otr_kind_name(a->kind)), false);
        cell(out, a->operator_name, false);
        moment(out, a->started_at);
        moment(out, a->finished_at);
        cell(out, name(otr_outcome_name(a->outcome)), false);
        cell(out, name(otr_reason_name(a->reason)), false);
        cell(out, a->message, false);
        cell(out, name(otr_resolution_name(a->resolution)), false);
        moment(out, a->resolved_at);
        cell(out, name(otr_how_name(a->resolved_by)), false);
        number(out, a->tx_status, a->tx_status != OTR_NO_STATUS, false);
        cell(out, a->refund_tid, false);
        money(out, a->amount);
        money(out, a->refunded_amount);
        number(out, a->inquiries, true, false);
        buf_text(out, "\r\n");
    }
    return !out->failed;
}
