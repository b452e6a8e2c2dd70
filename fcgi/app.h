/*
 * app.h - one running program: what the handlers share.  Filled in main before threads start.
 */
#ifndef OTPREFUND_APP_H
#define OTPREFUND_APP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/otprefund.h"
#include "core/secret.h"
#include "fcgi/reply.h"
#include "fcgi/request.h"
#include "fcgi/route.h"
#include "fcgi/settings.h"
#include "fcgi/template.h"

#define APP_STATUS_MAX 600

struct crew;
struct desk_views;

struct app {
    const struct settings *settings;
    struct otr *core;
    struct templates *templates;
    struct crew *crew;             /* the workers; NULL: they do not take turns */
    struct desk_views *desks;      /* looks at desks under way (desk_view.c) */
    struct buf style;              /* web/style.css */
    struct secret callback_secret; /* empty: no callbacks */
    atomic_int parked;             /* requests that wait without a worker (park.c) */
    int files_max;                 /* files that may be downloaded at once */
    atomic_int files;
    atomic_bool stopping;
    atomic_uint_least64_t requests[APP_STATUS_MAX]; /* by status */
    atomic_uint_least64_t request_us;               /* time spent in all of them */
};

/* A serve_handler: finds the route, asks who it is, runs the handler, sends, counts, logs. */
bool app_handle(void *app, struct request *request, int refused, const char *why,
                struct reply *reply);

/* A serve_quiet: lets go what was kept for requests that do not come. */
void app_quiet(void *app);

/* Milliseconds since the epoch. */
int64_t app_now_ms(void);

struct visit;

/* Goes on with a visit when the attempt it waited for was read: as otr_wait's answer. */
typedef void app_then(struct visit *v, enum otr_status s, const struct otr_attempt *a,
                      const struct otr_fault *f);

/* What a handler leaves to be waited for (app_wait_then). */
struct app_wait {
    app_then *then; /* NULL: nothing */
    int64_t attempt_id;
    int wait_ms;
    bool settled;
};

/* One request on its way through a handler. */
struct visit {
    struct app *app;
    struct request *request;
    struct reply *reply;
    struct route route;
    struct otr_operator user; /* operator or API client; name "" if neither */
    int64_t started_us;
    const struct desk_view *desk; /* a look at the own desk; NULL: none was taken */
    struct desk_view *own_desk;   /* taken for this request alone, or NULL */
    struct app_wait wait;
    void *left; /* what the handler left for then (app_leave), or NULL */
};

/* Tells the log who is refused, and why: a login, a right or a proof of it is missing (ASVS 16.3.1,
 * 16.3.2).  user: NULL or "": nobody that is known. */
void app_refused(const struct visit *v, const char *user, const char *because);

/* As otr_wait, and then then(), but once the handler has returned, and without a worker: the last
 * thing a handler does.  then may do it again.  The body is gone by then. */
void app_wait_then(struct visit *v, int64_t attempt_id, int wait_ms, bool settled, app_then *then);

/* Copies what then() needs besides the visit to v->left, until the end of the visit.  Once a visit.
 * false: no memory. */
bool app_leave(struct visit *v, const void *what, size_t size);

/* Goes on with a visit that was left for a look at the desk, to its end (serve_answered). */
void app_resume(struct visit *v);
/* The end of a visit: sent, counted, logged. */
void app_finish(struct visit *v);

/* ---- handlers: each fills v->reply ---------------------------------------------------------- */
void desk_home(struct visit *v);
void desk_transaction(struct visit *v);
void desk_send_otp(struct visit *v);
void desk_refund(struct visit *v);
void desk_attempt(struct visit *v);
void desk_ask(struct visit *v);
void desk_propose(struct visit *v);
void desk_decide(struct visit *v);
void desk_list(struct visit *v);
void desk_reconciliation(struct visit *v);
void probe_style(struct visit *v);
void probe_healthz(struct visit *v);
void probe_readyz(struct visit *v);
void probe_metrics(struct visit *v);
void callback_eko(struct visit *v);
void api_transaction(struct visit *v);
void api_otp(struct visit *v);
void api_refund(struct visit *v);
void api_attempt(struct visit *v);
void api_list(struct visit *v);

#endif
