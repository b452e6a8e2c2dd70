/* probe.c - what machines ask: liveness, readiness, metrics; and the stylesheet. */
#include <stdio.h>
#include <string.h>

#include "fcgi/app.h"
#include "fcgi/desk.h"
#include "fcgi/text.h"

#define LAG_MAX_MS 300000 /* an open attempt overdue by 5 minutes: the resolver does not keep up */

static const char plain[] = "text/plain; charset=utf-8";

void probe_style(struct visit *v) {
    reply_restart(v->reply, 200, "text/css; charset=utf-8");
    v->reply->cacheable = true;
    reply_header(v->reply, "Cache-Control", "public, max-age=3600");
    buf_add(&v->reply->body, v->app->style.bytes, v->app->style.size);
}

void probe_healthz(struct visit *v) {
    reply_restart(v->reply, 200, plain);
    buf_text(&v->reply->body, "ok\n");
}

/* An error that stays is told here long before the lag shows it. */
static void resolver(struct buf *b, const struct otr_numbers *n) {
    char at[TEXT_TIME_SIZE];
    if (!n->resolver)
        buf_text(b, "resolver: switched off\n");
    else if (!n->resolver_errors)
        buf_text(b, "resolver: ok\n");
    else
        buf_format(b, "resolver: %s, errors %llu, last %s: %s\n",
                   n->resolver_failing ? "failing" : "ok", (unsigned long long)n->resolver_errors,
                   text_rfc3339(n->resolver_error_at, at), n->resolver_error);
    if (!n->listening)
        buf_text(b, "other nodes: not heard, looked after every 30 s\n");
}

/* Ready: what is asked of us can be recorded, and what is open is being settled.  A bank that does
   not answer is told, but is no reason to send people elsewhere: every node has the same bank. */
void probe_readyz(struct visit *v) {
    struct otr_numbers n = {0};
    struct otr_fault f = {0};
    enum otr_status s = otr_numbers_get(v->app->core, &n, &f);
    bool database = s == OTR_OK && n.database;
    bool keeps_up = database && n.lag_ms <= LAG_MAX_MS;
    bool ready = database && keeps_up && !atomic_load(&v->app->stopping);
    reply_restart(v->reply, ready ? 200 : 503, plain);
    struct buf *b = &v->reply->body;
    buf_format(b, "database: %s\n", database ? "ok" : "not reachable");
    buf_format(b, "bank: %s\n",
               n.bank               ? "ok"
               : n.bank_answered_at ? "no answer to the last call"
                                    : "no answer yet");
    if (database)
        buf_format(b, "resolver lag: %lld ms, open %lld, overdue %lld\n", (long long)n.lag_ms,
                   (long long)n.open, (long long)n.overdue);
    else
        buf_text(b, "resolver lag: not known\n");
    resolver(b, &n);
    if (atomic_load(&v->app->stopping))
        buf_text(b, "stopping\n");
}

static void metric(struct buf *b, const char *name, const char *type, const char *help) {
    buf_format(b, "# HELP otprefund_%s %s\n# TYPE otprefund_%s %s\n", name, help, name, type);
}

static void gauge(struct buf *b, const char *name, const char *help, double value) {
    metric(b, name, "gauge", help);
    buf_format(b, "otprefund_%s %.15g\n", name, value);
}

static void requests(struct buf *b, struct app *app) {
    uint64_t total = 0;
    metric(b, "requests_total", "counter", "Requests answered, by status.");
    for (int i = 0; i < APP_STATUS_MAX; i++) {
        uint64_t n = atomic_load(&app->requests[i]);
        total += n;
        if (n)
            buf_format(b, "otprefund_requests_total{status=\"%d\"} %llu\n", i,
                       (unsigned long long)n);
    }
    metric(b, "request_duration_seconds", "summary", "Time from request to answer.");
    buf_format(b,
               "otprefund_request_duration_seconds_sum "
               "%.6f\notprefund_request_duration_seconds_count %llu\n",
               (double)atomic_load(&app->request_us) / 1e6, (unsigned long long)total);
}

static void bank_calls(struct buf *b, const struct otr_numbers *n) {
    metric(b, "attempts_total", "counter", "Attempts of this process with an outcome.");
    for (int k = 1; k < OTR_KIND__MAX; k++)
        for (int o = 1; o < OTR_OUTCOME__MAX; o++)
            buf_format(b, "otprefund_attempts_total{kind=\"%s\",outcome=\"%s\"} %llu\n",
                       otr_kind_name((enum otr_kind)k), otr_outcome_name((enum otr_outcome)o),
                       (unsigned long long)n->outcomes[k][o]);
    metric(b, "bank_call_seconds_total", "counter", "Time spent in bank calls.");
    for (int k = 1; k < OTR_KIND__MAX; k++)
        buf_format(b, "otprefund_bank_call_seconds_total{kind=\"%s\"} %.3f\n",
                   otr_kind_name((enum otr_kind)k), (double)n->bank_ms_sum[k] / 1e3);
}

void probe_metrics(struct visit *v) {
    struct otr_numbers n = {0};
    struct otr_fault f = {0};
    bool queue = otr_numbers_get(v->app->core, &n, &f) == OTR_OK;
    reply_restart(v->reply, 200, "text/plain; version=0.0.4; charset=utf-8");
    struct buf *b = &v->reply->body;
    bank_calls(b, &n);
    gauge(b, "database_up", "1 if the database was there when last tried.", queue && n.database);
    gauge(b, "bank_up", "1 if the bank answered when last tried.", n.bank);
    gauge(b, "bank_clock_skew_seconds", "The bank's clock minus ours.",
          (double)n.bank_skew_ms / 1e3);
    gauge(b, "in_flight", "Bank calls under way.", n.in_flight);
    gauge(b, "unwritten", "Outcomes waiting for the database.", n.unwritten);
    gauge(b, "callbacks_held", "Callbacks waiting for the database.", n.callbacks_held);
    metric(b, "callbacks_dropped_total", "counter",
           "Callbacks that were answered 503, or that the database did not take in time.");
    buf_format(b, "otprefund_callbacks_dropped_total %llu\n",
               (unsigned long long)n.callbacks_dropped);
    gauge(b, "waiting_requests", "Requests waiting for the bank.",
          atomic_load(&v->app->parked));
    if (queue && n.database) { /* no number is better than a wrong one */
        gauge(b, "open", "Refund attempts without a resolution, all nodes.", (double)n.open);
        gauge(b, "overdue", "Open attempts past their next inquiry by more than a minute.",
              (double)n.overdue);
        gauge(b, "oldest_open_seconds", "Age of the oldest open attempt.",
              (double)n.oldest_open_ms / 1e3);
        gauge(b, "resolver_lag_seconds", "How long the most overdue open attempt has been due.",
              (double)n.lag_ms / 1e3);
    }
    metric(b, "resolver_errors_total", "counter",
           "Looks at the queue and inquiries of the resolver that failed.");
    buf_format(b, "otprefund_resolver_errors_total %llu\n", (unsigned long long)n.resolver_errors);
    gauge(b, "resolver_failing", "1 if the resolver's last look at the queue failed.",
          n.resolver_failing);
    gauge(b, "listening", "1 if other nodes are heard (LISTEN).", n.listening);
    requests(b, v->app);
}
