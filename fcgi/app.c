/* app.c - from request to handler and out again: route, who, handler, send, count, log. */
#include "fcgi/app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/api.h"
#include "fcgi/crew.h"
#include "fcgi/desk.h"
#include "fcgi/log.h"
#include "fcgi/park.h"
#include "fcgi/serve.h"
#include "fcgi/text.h"
#include "sql/clock.h"

static void (*const handlers[ROUTE__MAX])(struct visit *) = {
    [ROUTE_DESK] = desk_home,          [ROUTE_TRANSACTION] = desk_transaction,
    [ROUTE_SEND_OTP] = desk_send_otp,  [ROUTE_REFUND] = desk_refund,
    [ROUTE_ATTEMPT] = desk_attempt,    [ROUTE_ASK] = desk_ask,
    [ROUTE_PROPOSE] = desk_propose,    [ROUTE_DECIDE] = desk_decide,
    [ROUTE_LIST] = desk_list,          [ROUTE_RECONCILIATION] = desk_reconciliation,
    [ROUTE_STYLE] = probe_style,       [ROUTE_HEALTHZ] = probe_healthz,
    [ROUTE_READYZ] = probe_readyz,     [ROUTE_METRICS] = probe_metrics,
    [ROUTE_CALLBACK] = callback_eko,   [ROUTE_API_TRANSACTION] = api_transaction,
    [ROUTE_API_OTP] = api_otp,         [ROUTE_API_REFUND] = api_refund,
    [ROUTE_API_ATTEMPT] = api_attempt, [ROUTE_API_LIST] = api_list,
};

int64_t app_now_ms(void) {
    return clock_now_ms();
}

void app_wait_then(struct visit *v, int64_t attempt_id, int wait_ms, bool settled, app_then *then) {
    v->wait = (struct app_wait){then, attempt_id, wait_ms, settled};
}

bool app_leave(struct visit *v, const void *what, size_t size) {
    v->left = malloc(size);
    if (v->left)
        memcpy(v->left, what, size);
    return v->left != NULL;
}

static bool is_api(const struct visit *v) {
    return strncmp(v->request->path, "/api/", 5) == 0;
}

void app_refused(const struct visit *v, const char *user, const char *because) {
    const char *from = v->request->remote_addr;
    log_event(LOG_WARNING, v->request->id, "refused", "user", user && *user ? user : NULL,
              "because", because, "path", v->route.pattern, "from", *from ? from : NULL, NULL);
}

/* An answer that says no, in the caller's own language: problem+json or a page. */
static void refuse(struct visit *v, int status, const char *what) {
    if (is_api(v))
        api_problem(v, status, what);
    else
        desk_error(v, status, what, 0, NULL);
}

static bool local_peer(const char *addr) {
    return strncmp(addr, "127.", 4) == 0 || strcmp(addr, "::1") == 0 ||
           strcmp(addr, "unix:") == 0;
}

/* Who is it, and may they?  False: answered. */
static bool admit(struct visit *v) {
    if (route_is_page(v->route.who))
        return desk_admit(v);
    switch (v->route.who) {
    case WHO_CLIENT:
    case WHO_REFUNDER:
        return api_admit(v);
    case WHO_LOCAL:
        if (local_peer(v->request->remote_addr))
            return true;
        app_refused(v, NULL, "not this machine");
        refuse(v, 403, "This address is for the machine itself only.");
        return false;
    default:
        return true;
    }
}

/* False: the answer comes later (app_resume). */
static bool run(struct visit *v, int refused, const char *why) {
    if (refused) {
        refuse(v, refused, why);
        return true;
    }
    route_find(v->request->method, v->request->path, &v->route);
    v->reply->pattern = v->route.pattern;
    if (v->route.id == ROUTE_NONE) {
        refuse(v, 404, "There is no such page.");
        return true;
    }
    if (v->route.allow) {
        refuse(v, 405, "This address does not take that method.");
        reply_header(v->reply, "Allow", "%s", v->route.allow);
        return true;
    }
    if (*v->request->query && !v->route.query) {
        refuse(v, 400, "This address takes nothing behind a question mark. Nothing was done.");
        return true;
    }
    if (route_is_page(v->route.who) && !desk_asked_for(v))
        return true;
    if (v->route.id == ROUTE_DESK && desk_view_park(v))
        return false;
    crew_away(v->app->crew); /* for the database */
    if (admit(v))
        handlers[v->route.id](v);
    return true;
}

static void log_request(const struct visit *v, enum log_level level, int64_t us) {
    char status[12], ms[24], attempt[24] = "";
    const struct reply *r = v->reply;
    snprintf(status, sizeof(status), "%d", r->status);
    snprintf(ms, sizeof(ms), "%lld.%lld", (long long)(us / 1000), (long long)(us % 1000 / 100));
    if (r->attempt_id)
        snprintf(attempt, sizeof(attempt), "%lld", (long long)r->attempt_id);
    /* An address that is none of ours may be the callback's, mistyped with its secret. */
    log_event(level, v->request->id, "request", "method", v->request->method_name, "path",
              r->pattern ? r->pattern : "unknown", "status", status, "ms", ms, "user",
              v->user.name[0] ? v->user.name : NULL, "attempt", attempt[0] ? attempt : NULL, "cut",
              r->broken ? "yes" : NULL, NULL);
}

static void count_and_log(const struct visit *v, int64_t us) {
    int status = v->reply->status;
    atomic_fetch_add(&v->app->requests[status > 0 && status < APP_STATUS_MAX ? status : 0], 1);
    atomic_fetch_add(&v->app->request_us, (uint64_t)us);
    enum log_level level = status >= 500 ? LOG_ERROR : LOG_INFO;
    if (v->route.id == ROUTE_HEALTHZ || v->route.id == ROUTE_READYZ || v->route.id == ROUTE_METRICS)
        level = status >= 500 ? LOG_WARNING : LOG_DEBUG;
    if (log_wants(level))
        log_request(v, level, us);
}

void app_finish(struct visit *v) {
    desk_view_drop(v);
    free(v->left);
    v->left = NULL;
    reply_finish(v->reply);
    count_and_log(v, clock_monotonic_us() - v->started_us);
}

void app_resume(struct visit *v) {
    serve_no_wait(v->reply); /* the same thread has others to answer */
    if (admit(v))
        handlers[v->route.id](v);
    if (park(v))
        return;
    app_finish(v);
    serve_answered(v->reply);
}

void app_quiet(void *arg) {
    desk_views_trim(((struct app *)arg)->desks);
}

bool app_handle(void *arg, struct request *request, int refused, const char *why,
                struct reply *reply) {
    struct visit v = {
        .app = arg, .request = request, .reply = reply, .started_us = clock_monotonic_us()};
    if (!run(&v, refused, why) || park(&v))
        return false;
    crew_away(v.app->crew); /* who asked may read slowly */
    app_finish(&v);
    return true;
}
