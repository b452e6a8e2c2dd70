/* reference.c - what must be in an answer before it may be taken for sent, refunded, rejected or answered. */
#include "tests/fuzz/reference.h"

#include <limits.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define NONE    INT_MIN       /* not named */
#define STRANGE (INT_MIN + 1) /* named, but no whole number */

static bool matches(const char *text, const char *pattern) {
    regex_t re;
    if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        abort();
    bool yes = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return yes;
}

static int number(const struct reference *r, const char *in, const char *name) {
    const struct value *v = reference_value(r, in, name);
    if (!v || v->kind == VALUE_NULL)
        return NONE;
    if (v->kind != VALUE_TEXT || v->cut || !matches(v->text, "^-?[0-9]{1,9}([.]0+)?$"))
        return STRANGE;
    return atoi(v->text);
}

/* A text in data, else beside it. */
static const char *text(const struct reference *r, const char *name) {
    const struct value *a = reference_value(r, "data", name), *b = reference_value(r, "", name);
    if (a && a->kind == VALUE_TEXT && *a->text)
        return a->text;
    return b && b->kind == VALUE_TEXT ? b->text : "";
}

/* Where tx_status stands, inside data or beside it, it must be this number. */
static int tx_status(const struct reference *r) {
    int a = number(r, "", "tx_status"), b = number(r, "data", "tx_status");
    if (a == NONE || b == NONE)
        return a == NONE ? b : a;
    return a == b ? a : STRANGE;
}

/* Every TID that is named is the one asked about; where none was asked for, they agree. */
static bool tid_fits(const struct reference *r, const char *asked) {
    const char *ins[] = {"", "data"}, *first = asked;
    for (int i = 0; i < 2; i++) {
        const struct value *v = reference_value(r, ins[i], "tid");
        if (!v || v->kind == VALUE_NULL || (v->kind == VALUE_TEXT && !*v->text))
            continue;
        if (v->kind != VALUE_TEXT || v->cut || !matches(v->text, "^[0-9]{1,18}$") ||
            (*first && strcmp(v->text, first) != 0))
            return false;
        first = v->text;
    }
    return true;
}

static bool complains(const struct reference *r) {
    const char *names[] = {"invalid_params", "invalid_parameters"};
    for (int n = 0; n < 2; n++) {
        const struct value *v = reference_value(r, "", names[n]);
        if (v && (v->kind == VALUE_OTHER || (v->kind == VALUE_TEXT && *v->text)))
            return true;
        for (int i = 0; i < r->count; i++) {
            const struct value *m = &r->values[i];
            if (strcmp(m->in, names[n]) == 0 && m->kind != VALUE_NULL &&
                (m->kind != VALUE_TEXT || *m->text))
                return true;
        }
    }
    return false;
}

static bool money(const char *amount) {
    return matches(amount, "^[0-9]+([.][0-9]+)?([eE][-+]?[0-9]+)?$");
}

static bool nothing_in(const char *amount) {
    return !matches(amount, "^[^eE]*[1-9]");
}

static bool may_be_refunded(const struct reference *r) {
    int id = number(r, "", "response_status_id"), tx = tx_status(r);
    const char *credited = text(r, "refunded_amount");
    if (number(r, "", "status") != 0 || (id != 0 && id != 4) || complains(r))
        return false;
    if (*credited && (!money(credited) || nothing_in(credited)))
        return false;
    return tx == 4 || (tx == NONE && matches(text(r, "refund_tid"), "^[0-9]{1,18}$"));
}

static bool code(int n) {
    static const int codes[] = {302, 303, 168, 319, 346, 347, 463, 544, 1297};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (n == codes[i])
            return true;
    return false;
}

/* Something happened all the same, or may have. */
static bool something_happened(const struct reference *r, enum otr_kind kind) {
    int tx = tx_status(r);
    const char *credited = text(r, "refunded_amount");
    if (*text(r, "refund_tid") || (*credited && !nothing_in(credited)) || tx == STRANGE)
        return true;
    if (kind == OTR_KIND_OTP && *text(r, "otp_ref_id"))
        return true;
    if (tx == NONE || tx == 0 || tx == 1 || tx == 3)
        return kind == OTR_KIND_INQUIRY && tx != NONE;
    return !(kind == OTR_KIND_OTP && tx == 4);
}

/* Of a message that is kept cut, the rest may say so. */
static bool refuses_in_words(const struct reference *r) {
    for (int i = 0; i < r->count; i++) {
        const struct value *v = &r->values[i];
        if (strcmp(v->name, "message") == 0 && v->kind == VALUE_TEXT &&
            (v->cut || strcasestr(v->text, "refunded") || strcasestr(v->text, "refundable")))
            return true;
    }
    return false;
}

static bool may_be_rejected(const struct reference *r, enum otr_kind kind) {
    int status = number(r, "", "status"), id = number(r, "", "response_status_id");
    if (status == STRANGE || id == STRANGE || something_happened(r, kind))
        return false;
    if (id == 0 || (id >= 2 && id <= 5)) /* a success, or under way */
        return false;
    if (code(status) || code(id) || id == -2)
        return true;
    if (id != 1 && id != -1)
        return false;
    if (complains(r))
        return true;
    return kind != OTR_KIND_INQUIRY && status == 1 && refuses_in_words(r);
}

static bool may_be_sent(const struct reference *r) {
    int tx = tx_status(r);
    return !complains(r) && (tx == NONE || tx == 3) && (*text(r, "tid") || *text(r, "otp_ref_id")) &&
           (number(r, "", "status") == 0 ||
            number(r, "", "status") == number(r, "", "response_type_id"));
}

static bool may_be_answered(const struct reference *r) {
    int tx = tx_status(r);
    return number(r, "", "status") == 0 && tx >= 0 && *text(r, "tid") && !complains(r);
}

/* 403, 404, 405, 415: turned away, unless the body says or may have said that something happened. */
static bool door(const struct reference *r, bool readable, enum otr_kind kind, const char *body,
                 size_t size) {
    if (readable)
        return !something_happened(r, kind);
    while (size && strchr(" \t\r\n", *body) && *body)
        body++, size--;
    return !size || *body != '{';
}

bool reference_allows(enum otr_outcome outcome, enum otr_kind kind, const char *asked_tid,
                      int http_status, const char *body, size_t size) {
    static _Thread_local struct reference r;
    bool readable = reference_read(&r, body, size);
    if (outcome == OTR_OUTCOME_UNKNOWN)
        return true;
    if (http_status != 200)
        return outcome == OTR_OUTCOME_REJECTED &&
               (http_status == 403 || http_status == 404 || http_status == 405 ||
                http_status == 415) &&
               door(&r, readable, kind, body, size);
    if (!readable || !tid_fits(&r, asked_tid))
        return false;
    switch (outcome) {
    case OTR_OUTCOME_REFUNDED:
        return kind == OTR_KIND_REFUND && may_be_refunded(&r);
    case OTR_OUTCOME_REJECTED:
        return may_be_rejected(&r, kind);
    case OTR_OUTCOME_SENT:
        return kind == OTR_KIND_OTP && may_be_sent(&r);
    case OTR_OUTCOME_UNCONFIRMED:
        return kind == OTR_KIND_OTP && !complains(&r);
    case OTR_OUTCOME_ANSWERED:
        return kind == OTR_KIND_INQUIRY && may_be_answered(&r);
    default:
        return false;
    }
}
