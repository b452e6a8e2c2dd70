/* desk_attempt.c - one attempt: look at it, ask the bank now. */
#include <stdio.h>
#include <string.h>

#include "fcgi/desk.h"
#include "fcgi/text.h"

/* Is there an attempt that the filter lets through? */
static enum otr_status any(struct visit *v, const struct otr_filter *filter, struct otr_fault *f) {
    struct otr_attempt a;
    int n = 0;
    enum otr_status s = otr_attempt_list(v->app->core, filter, 1, &a, &n, f);
    return s == OTR_OK && n == 0 ? OTR_NOT_FOUND : s;
}

/*
 * Operators see their own counter: an own attempt, and all on a transaction that they are at too, or
 * that somebody is at: a refusal (409) points there.  OTR_NOT_FOUND: it is none of theirs.
 */
static enum otr_status own_counter(struct visit *v, const struct otr_attempt *a,
                                   struct otr_fault *f) {
    if (v->user.role != OTR_ROLE_OPERATOR || strcmp(a->operator_name, v->user.name) == 0)
        return OTR_OK;
    if (!a->tid[0])
        return OTR_NOT_FOUND;
    struct otr_filter own = {.tid = a->tid, .operator_name = v->user.name};
    struct otr_filter open = {.tid = a->tid, .open_only = true};
    enum otr_status s = any(v, &own, f);
    return s == OTR_NOT_FOUND ? any(v, &open, f) : s;
}

bool desk_attempt_find(struct visit *v, struct otr_attempt *a) {
    struct otr_fault f = {0};
    int64_t id = text_number(v->route.param);
    if (id < 1) {
        desk_error(v, 404, "There is no such attempt: its number has digits only.", 0, "/attempts");
        return false;
    }
    v->reply->attempt_id = id;
    enum otr_status s = otr_attempt_get(v->app->core, id, a, &f);
    if (s == OTR_OK && (s = own_counter(v, a, &f)) == OTR_NOT_FOUND)
        app_refused(v, v->user.name, "another counter");
    if (s == OTR_NOT_FOUND)
        desk_error(v, 404, "There is no such attempt.", 0, "/attempts");
    else if (s != OTR_OK)
        desk_fault(v, s, &f);
    return s == OTR_OK;
}

const char *desk_attempt_path(const struct visit *v, char path[DESK_PATH_SIZE]) {
    snprintf(path, DESK_PATH_SIZE, "/attempts/%lld", (long long)text_number(v->route.param));
    return path;
}

void desk_attempt_show(struct visit *v, const struct otr_attempt *a, int status,
                       const struct page_manual *typed) {
    struct otr_fault f = {0};
    struct desk_page p;
    struct otr_transaction t;
    struct otr_manual newest;
    struct page_manual manual = typed ? *typed : (struct page_manual){.inquiry_id = 0};
    enum otr_status s = a->tid[0] ? desk_transaction_get(v, a->tid, &t, &f) : OTR_OK;
    manual.settle_s = v->app->settings->resolver_settle_s;
    if (s == OTR_OK && a->kind == OTR_KIND_REFUND) {
        s = otr_manual_get(v->app->core, a->attempt_id, &newest, &f);
        manual.newest = s == OTR_OK ? &newest : NULL;
        s = s == OTR_NOT_FOUND ? OTR_OK : s;
    }
    if (s != OTR_OK) {
        desk_fault(v, s, &f);
        return;
    }
    reply_restart(v->reply, status, NULL);
    if (!desk_page_begin(v, &p, true))
        return;
    int refresh = page_attempt_refresh_s(&p.page, a, &manual);
    if (refresh > 0)
        reply_header(v->reply, "Refresh", "%d", refresh);
    if (!page_attempt_manual(&p.page, a, a->tid[0] ? &t : NULL, &manual, &v->reply->body))
        v->reply->body.failed = true;
}

void desk_attempt(struct visit *v) {
    struct otr_attempt a;
    if (desk_attempt_find(v, &a))
        desk_attempt_show(v, &a, 200, NULL);
}

static void go_back(struct visit *v, enum otr_status s, const struct otr_attempt *inquiry,
                    const struct otr_fault *f) {
    char path[DESK_PATH_SIZE];
    (void)s, (void)inquiry, (void)f; /* however it went: the attempt's page says so */
    reply_see_other(v->reply, desk_attempt_path(v, path));
}

/* One question at a time is enough: whoever else presses sees the same answer. */
void desk_ask(struct visit *v) {
    static const struct form_rule rules[] = {{"csrf_token", 128, false}};
    struct form_value value[1];
    struct otr_who who = desk_who(v);
    struct otr_fault f = {0};
    struct otr_attempt a;
    char path[DESK_PATH_SIZE];
    if (!desk_attempt_find(v, &a) ||
        !desk_form_take(v, rules, 1, value, desk_attempt_path(v, path)) ||
        !desk_form_ours(v, value[0].text, path))
        return;
    if (!a.open || a.outcome == OTR_OUTCOME_NONE) {
        reply_see_other(v->reply, path);
        return;
    }
    int64_t id = desk_inquiry_under_way(v, a.tid, NULL);
    enum otr_status s = id ? OTR_OK : otr_inquire(v->app->core, &who, a.tid, NULL, &id, &f);
    if (s == OTR_OK)
        app_wait_then(v, id, v->app->settings->desk_wait_ms, false, go_back);
    else
        desk_fault(v, s, &f);
}
