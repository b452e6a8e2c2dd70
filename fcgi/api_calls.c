/* api_calls.c - the JSON API: the same calls of the core as the pages, for machines. */
#include "fcgi/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/advice.h"
#include "fcgi/api_json.h"
#include "fcgi/desk.h"
#include "fcgi/filter.h"
#include "fcgi/text.h"
#include "sql/clock.h"

#define BODY_MAX   16384
#define WAIT_MAX_S 30
#define PAGE_ROWS  100

static const char json[] = "application/json; charset=utf-8";

static void problem(struct visit *v, int status, const char *detail, int64_t attempt_id) {
    char instance[40];
    reply_restart(v->reply, status, "application/problem+json; charset=utf-8");
    if (status == 401)
        reply_header(v->reply, "WWW-Authenticate", "Bearer realm=\"otprefund\"");
    if (status == 503)
        reply_header(v->reply, "Retry-After", "5");
    /* The request's number, not its address: a support can find it in the log. */
    snprintf(instance, sizeof(instance), "urn:otprefund:%s", v->request->id);
    api_json_problem(&v->reply->body, status, reply_reason(status), detail, instance, attempt_id);
}

void api_problem(struct visit *v, int status, const char *detail) {
    problem(v, status, detail, 0);
}

static void fault(struct visit *v, enum otr_status s, const struct otr_fault *f) {
    char what[400];
    int status = desk_http_status(s);
    if (s == OTR_KEY_USED)
        snprintf(what, sizeof(what),
                 "This Idempotency-Key was used before with other content. Nothing was sent.");
    else
        desk_sentence(s, f, text_rfc3339, what, sizeof(what));
    desk_fault_log(v, s, f, what);
    problem(v, status, what, desk_points_to(s) ? f->attempt_id : 0);
    if (s == OTR_LIMITED)
        desk_retry_after(v, f);
}

bool api_admit(struct visit *v) {
    struct otr_operator client;
    struct otr_fault f = {0};
    if (!v->request->bearer || !text_visible(v->request->bearer, 1024)) {
        app_refused(v, NULL, "no token");
        api_problem(v, 401, "Send \"Authorization: Bearer\" with the token of an API client.");
        return false;
    }
    enum otr_status s = otr_client_get(v->app->core, v->request->bearer, &client, &f);
    if (s != OTR_OK && s != OTR_NOT_FOUND) {
        fault(v, s, &f);
        return false;
    }
    if (s == OTR_NOT_FOUND || client.disabled || !client.client) {
        app_refused(v, NULL, "token");
        api_problem(v, 401, "This token is not known, or it was revoked.");
        return false;
    }
    v->user = client;
    if (v->route.who == WHO_REFUNDER && !client.may_refund) {
        app_refused(v, client.name, "scope");
        api_problem(v, 403, "This client's scope is to read only.");
        return false;
    }
    return true;
}

/* How long this caller still wants to wait, in milliseconds, for all that he asked for. */
static int wait_ms(struct visit *v) {
    int s = request_wait_s(v->request, WAIT_MAX_S, -1);
    int64_t gone = (clock_monotonic_us() - v->started_us) / 1000;
    int64_t left = (s < 0 ? v->app->settings->desk_wait_ms : s * 1000) - gone;
    if (s >= 0)
        reply_header(v->reply, "Preference-Applied", "wait=%d", s);
    return left > 0 ? (int)left : 0;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* What the bank refuses as often as it is asked: the caller's mistake (400), or one of the set-up
 * here (500).  0: asking again may help. */
static int refused_for_good(enum otr_reason reason) {
    switch (reason) {
    case OTR_REASON_INVALID_TID:
        return 400;
    case OTR_REASON_BAD_REQUEST:
    case OTR_REASON_BAD_INITIATOR:
    case OTR_REASON_BAD_USER_CODE:
    case OTR_REASON_AGENT_NOT_ONBOARDED:
        return 500;
    default:
        return 0;
    }
}

/* What the journal had before is not how it stands: no answer of the bank, no 200. */
static void nothing_learnt(struct visit *v, const struct otr_attempt *a) {
    char detail[300];
    const char *why = advice_why(a->reason);
    int refused = refused_for_good(a->reason);
    if (refused)
        snprintf(detail, sizeof(detail), "%s Inquiry %lld was refused, and another would be. %s",
                 why ? why : "", (long long)v->reply->attempt_id,
                 refused == 400 ? "Check the number." : "Tell whoever looks after this system.");
    else if (a->outcome == OTR_OUTCOME_NONE)
        snprintf(detail, sizeof(detail),
                 "The bank has not answered yet: inquiry %lld is still under way. Ask again.",
                 (long long)v->reply->attempt_id);
    else
        snprintf(detail, sizeof(detail), "%s Inquiry %lld learnt nothing. Ask again.",
                 why ? why : "The bank did not say how this transaction stands.",
                 (long long)v->reply->attempt_id);
    problem(v, refused ? refused : 503, detail, v->reply->attempt_id);
}

static void show_transaction(struct visit *v, enum otr_status s, const struct otr_attempt *a,
                             const struct otr_fault *waited) {
    struct otr_fault f = *waited;
    struct otr_transaction t;
    if (s == OTR_OK)
        s = desk_transaction_get(v, v->route.param, &t, &f);
    if (s != OTR_OK)
        fault(v, s, &f);
    else if (t.tx_status == OTR_NO_STATUS && a->reason == OTR_REASON_NO_SUCH_TRANSACTION)
        api_problem(v, 404, "The bank knows no transaction with this TID.");
    else if (a->outcome != OTR_OUTCOME_ANSWERED || a->reason != OTR_REASON_NONE)
        nothing_learnt(v, a);
    else
        api_json_transaction(&v->reply->body, &t);
}

/* Asks the bank about the transaction itself, whatever the journal had. */
static void ask_by_tid(struct visit *v) {
    struct otr_who who = desk_who(v);
    struct otr_fault f = {0};
    int64_t id = 0;
    reply_restart(v->reply, 200, json);
    enum otr_status s = otr_inquire(v->app->core, &who, v->route.param, NULL, &id, &f);
    v->reply->attempt_id = id;
    if (s == OTR_OK)
        app_wait_then(v, id, wait_ms(v), false, show_transaction);
    else
        fault(v, s, &f);
}

static const char by_reference[] = "client_ref_id:";

/* As otr_tid_of the reference that was asked for; OTR_OK: its TID is asked for from here on. */
static enum otr_status tid_of_reference(struct visit *v, struct otr_fault *f) {
    char tid[OTR_TID_SIZE] = "";
    enum otr_status s = otr_tid_of(v->app->core, v->route.param + sizeof(by_reference) - 1, tid, f);
    if (s == OTR_OK)
        memcpy(v->route.param, tid, sizeof(tid));
    return s;
}

static void reference_asked(struct visit *v, enum otr_status s, const struct otr_attempt *a,
                            const struct otr_fault *waited) {
    struct otr_fault f = *waited;
    if (s == OTR_OK)
        s = tid_of_reference(v, &f);
    if (s == OTR_OK)
        ask_by_tid(v);
    else if (s == OTR_NOT_FOUND && a->reason == OTR_REASON_NO_SUCH_TRANSACTION)
        api_problem(v, 404, "The bank knows no transaction with this client_ref_id.");
    else if (s == OTR_NOT_FOUND)
        nothing_learnt(v, a);
    else
        fault(v, s, &f);
}

static void ask_by_reference(struct visit *v, const char *ref) {
    struct otr_who who = desk_who(v);
    struct otr_fault f = {0};
    int64_t id = 0;
    if (!otr_ref_valid(ref)) {
        api_problem(v, 400, "A client_ref_id has at most 20 letters, digits, _ . or -.");
        return;
    }
    enum otr_status s = tid_of_reference(v, &f);
    if (s == OTR_OK) {
        ask_by_tid(v);
        return;
    }
    if (s == OTR_NOT_FOUND)
        s = otr_inquire(v->app->core, &who, NULL, ref, &id, &f);
    v->reply->attempt_id = id;
    if (s == OTR_OK)
        app_wait_then(v, id, wait_ms(v), false, reference_asked);
    else
        fault(v, s, &f);
}

void api_transaction(struct visit *v) {
    const size_t prefix = sizeof(by_reference) - 1;
    if (strncmp(v->route.param, by_reference, prefix) == 0)
        ask_by_reference(v, v->route.param + prefix);
    else if (otr_tid_valid(v->route.param))
        ask_by_tid(v);
    else
        api_problem(v, 400, "A TID has digits only, at most 18, and no 0 in front.");
}

void api_attempt(struct visit *v) {
    struct otr_attempt a;
    struct otr_fault f = {0};
    int64_t id = text_number(v->route.param);
    if (id < 1) {
        api_problem(v, 400, "The number of an attempt has digits only.");
        return;
    }
    v->reply->attempt_id = id;
    enum otr_status s = otr_attempt_get(v->app->core, id, &a, &f);
    if (s != OTR_OK) {
        fault(v, s, &f);
        return;
    }
    reply_restart(v->reply, 200, json);
    api_json_attempt(&v->reply->body, &a);
}

void api_list(struct visit *v) {
    struct filter filter;
    struct otr_fault f = {0};
    struct buf next;
    char why[FORM_WHY_SIZE];
    int n = 0;
    if (!filter_read(&filter, v->request->query, why) || filter.csv) {
        api_problem(v, 400, filter.csv ? "This list comes as JSON only." : why);
        return;
    }
    struct otr_attempt *rows = calloc(PAGE_ROWS + 1, sizeof(*rows));
    if (!rows) {
        fault(v, OTR_NO_MEMORY, &(struct otr_fault){.detail = "rows"});
        return;
    }
    buf_init(&next, 2048);
    enum otr_status s = otr_attempt_list(v->app->core, &filter.wanted, PAGE_ROWS + 1, rows, &n, &f);
    if (s != OTR_OK) {
        fault(v, s, &f);
        goto out;
    }
    reply_restart(v->reply, 200, json);
    if (n > PAGE_ROWS) {
        n = PAGE_ROWS;
        buf_text(&next, "/api/v1/attempts?");
        struct buf query;
        buf_init(&query, 2000);
        filter_query(&filter, rows[n - 1].attempt_id, false, &query);
        buf_add(&next, query.bytes, query.size);
        next.failed |= query.failed;
        buf_free(&query);
    }
    api_json_attempts(&v->reply->body, rows, n, next.bytes);
    v->reply->body.failed |= next.failed;
out:
    buf_free(&next);
    free(rows);
}

/* ---- doing --------------------------------------------------------------------------------- */

/* What both POSTs need.  otp NULL: the body must be {}.  False: answered. */
static bool take(struct visit *v, char otp[API_OTP_SIZE]) {
    const char *why = "";
    if (!otr_tid_valid(v->route.param)) {
        api_problem(v, 400, "A TID has digits only, at most 18, and no 0 in front.");
        return false;
    }
    int status = request_body(v->request, BODY_MAX, "application/json", &why);
    if (status) {
        api_problem(v, status, why);
        return false;
    }
    if (!text_visible(v->request->idempotency_key, OTR_KEY_SIZE - 1)) {
        api_problem(v, 400, "Send an Idempotency-Key of 1 to 128 visible ASCII characters.");
        return false;
    }
    why = api_read_body(v->request->body, v->request->body_size, otp);
    if (why)
        api_problem(v, why == api_no_memory ? 503 : 400, why);
    return why == NULL;
}

/* 200 with the attempt; 202 with its address while a refund is open. */
static void show_attempt(struct visit *v, enum otr_status s, const struct otr_attempt *read,
                         const struct otr_fault *f) {
    bool refund = v->route.id == ROUTE_API_REFUND;
    struct otr_attempt a = *read;
    (void)f;
    if (s != OTR_OK) {
        /* It is recorded and may be on its way: the address is all that can be said now. */
        reply_restart(v->reply, 202, json);
        a = (struct otr_attempt){.attempt_id = v->reply->attempt_id,
                                 .kind = refund ? OTR_KIND_REFUND : OTR_KIND_OTP,
                                 .tx_status = OTR_NO_STATUS,
                                 .amount = OTR_NO_AMOUNT,
                                 .refunded_amount = OTR_NO_AMOUNT};
        snprintf(a.tid, sizeof(a.tid), "%.18s", v->route.param);
        snprintf(a.operator_name, sizeof(a.operator_name), "%s", v->user.name);
    } else if (refund && a.resolution == OTR_RESOLUTION_NONE) {
        v->reply->status = 202;
    }
    if (v->reply->status == 202)
        reply_header(v->reply, "Location", "/api/v1/attempts/%lld",
                     (long long)v->reply->attempt_id);
    api_json_attempt(&v->reply->body, &a);
}

static void answer(struct visit *v, int64_t id, bool settled) {
    v->reply->attempt_id = id;
    reply_restart(v->reply, 200, json);
    app_wait_then(v, id, wait_ms(v), settled, show_attempt);
}

void api_otp(struct visit *v) {
    struct otr_who who = desk_who(v);
    struct otr_fault f = {0};
    int64_t id = 0;
    if (!take(v, NULL))
        return;
    enum otr_status s =
        otr_send_otp(v->app->core, &who, v->route.param, v->request->idempotency_key, &id, &f);
    if (s == OTR_OK)
        answer(v, id, false);
    else
        fault(v, s, &f);
}

void api_refund(struct visit *v) {
    struct otr_who who = desk_who(v);
    struct otr_fault f = {0};
    char otp[API_OTP_SIZE] = "";
    int64_t id = 0;
    if (!take(v, otp))
        goto out;
    /* The client vouches for the cash: a machine that asks for a refund has returned it. */
    enum otr_status s = otr_refund(v->app->core, &who, v->route.param, otp, strlen(otp), true,
                                   v->request->idempotency_key, &id, &f);
    explicit_bzero(otp, sizeof(otp));
    if (s == OTR_OK)
        answer(v, id, true);
    else
        fault(v, s, &f);
out:
    explicit_bzero(otp, sizeof(otp));
}
