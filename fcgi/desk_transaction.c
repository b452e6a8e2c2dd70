/* desk_transaction.c - one transaction: look at it, send the OTP, submit the OTP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/desk.h"
#include "fcgi/text.h"

#define HISTORY 50 /* attempts shown on a transaction's page */

/* What the page shows besides the journal's records. */
struct view {
    const struct otr_attempt *inquiry; /* made for this view; NULL: show what is known */
    const char *otp_error;
    bool cash_error;
    int status;
};

/* The newest inquiry among the records, when none was made for this view. */
static const struct otr_attempt *newest_inquiry(const struct otr_attempt *rows, int n) {
    for (int i = 0; i < n; i++)
        if (rows[i].kind == OTR_KIND_INQUIRY)
            return &rows[i];
    return NULL;
}

static void show(struct visit *v, const char *tid, const struct view *view) {
    const struct settings *set = v->app->settings;
    struct desk_page p;
    struct otr_transaction t;
    struct otr_fault f = {0};
    int n = 0;
    struct otr_attempt *rows = desk_rows(v, HISTORY);
    if (!rows)
        return;
    enum otr_status s = desk_transaction_get(v, tid, &t, &f);
    if (s == OTR_OK)
        s = otr_attempt_list(v->app->core, &(struct otr_filter){.tid = tid}, HISTORY, rows, &n, &f);
    if (s != OTR_OK) {
        desk_fault(v, s, &f);
        goto out;
    }
    struct page_transaction page = {
        .transaction = &t,
        .inquiry = view->inquiry ? view->inquiry : newest_inquiry(rows, n),
        .history = rows,
        .history_count = n,
        .otp_per_hour = set->limits_otp_per_hour,
        .wrong_otp_per_hour = set->limits_wrong_otp_per_hour,
        .may_refund = v->user.may_refund,
        .otp_error = view->otp_error,
        .cash_error = view->cash_error,
    };
    reply_restart(v->reply, view->status, NULL);
    if (!desk_page_begin(v, &p, true))
        goto out;
    int refresh = view->inquiry ? page_refresh_s(&p.page, view->inquiry) : 0;
    if (refresh > 0)
        reply_header(v->reply, "Refresh", "%d", refresh);
    if (!page_transaction(&p.page, &page, &v->reply->body))
        v->reply->body.failed = true;
out:
    free(rows);
}

/* A TID that cannot be one is told before the bank or the journal is asked. */
static bool tid_good(struct visit *v) {
    if (otr_tid_valid(v->route.param))
        return true;
    desk_error(v, 400,
               "A TID has digits only, at most 18, and no 0 in front: look at the receipt again.",
               0, "/");
    return false;
}

int64_t desk_inquiry_under_way(struct visit *v, const char *tid, const char *whose) {
    struct otr_attempt a;
    struct otr_fault f = {0};
    int n = 0;
    struct otr_filter filter = {.tid = tid,
                                .operator_name = whose,
                                .kind = OTR_KIND_INQUIRY,
                                .in_flight_only = true,
                                .from = app_now_ms() - v->app->settings->bank_timeout_ms};
    if (otr_attempt_list(v->app->core, &filter, 1, &a, &n, &f) != OTR_OK || n == 0)
        return 0;
    return a.attempt_id;
}

static void show_inquired(struct visit *v, enum otr_status s, const struct otr_attempt *inquiry,
                          const struct otr_fault *f) {
    if (s == OTR_OK)
        show(v, v->route.param, &(struct view){.status = 200, .inquiry = inquiry});
    else
        desk_fault(v, s, f);
}

void desk_transaction(struct visit *v) {
    struct otr_fault f = {0};
    struct otr_who who = desk_who(v);
    if (!tid_good(v))
        return;
    /* An own inquiry still on its way serves this view too: a page that renews itself asks the bank
     * once.  Not another's: who looks is on record, and may open what the page points to. */
    int64_t id = desk_inquiry_under_way(v, v->route.param, v->user.name);
    enum otr_status s =
        id ? OTR_OK : otr_inquire(v->app->core, &who, v->route.param, NULL, &id, &f);
    if (s == OTR_OK)
        app_wait_then(v, id, v->app->settings->desk_wait_ms, false, show_inquired);
    else
        desk_fault(v, s, &f);
}

static bool form_ours(struct visit *v, const char *token) {
    char back[40];
    snprintf(back, sizeof(back), "/refunds/%.18s", v->route.param);
    return desk_form_ours(v, token, back);
}

static bool form_take(struct visit *v, const struct form_rule *rules, int n,
                      struct form_value *values) {
    char back[40];
    if (!tid_good(v))
        return false;
    snprintf(back, sizeof(back), "/refunds/%.18s", v->route.param);
    return desk_form_take(v, rules, n, values, back);
}

static bool key_good(struct visit *v, const struct form_value *key) {
    if (text_visible(key->text, OTR_KEY_SIZE - 1))
        return true;
    desk_error(v, 400,
               "The field \"idempotency_key\" is not one of ours. Open the transaction again.", 0,
               "/");
    return false;
}

/* However far it got: the attempt's own page shows it, and reloading that submits nothing. */
static void go_to_attempt(struct visit *v, enum otr_status s, const struct otr_attempt *a,
                          const struct otr_fault *f) {
    char path[48];
    (void)s, (void)a, (void)f;
    snprintf(path, sizeof(path), "/attempts/%lld", (long long)v->reply->attempt_id);
    reply_see_other(v->reply, path);
}

static void follow(struct visit *v, int64_t attempt_id) {
    v->reply->attempt_id = attempt_id;
    app_wait_then(v, attempt_id, v->app->settings->desk_wait_ms, false, go_to_attempt);
}

void desk_send_otp(struct visit *v) {
    enum { TOKEN, KEY, FIELDS };
    static const struct form_rule rules[FIELDS] = {
        [TOKEN] = {"csrf_token", 128, false},
        [KEY] = {"idempotency_key", OTR_KEY_SIZE - 1, true},
    };
    struct form_value value[FIELDS];
    struct otr_who who = desk_who(v);
    struct otr_fault f = {0};
    int64_t id = 0;
    if (!form_take(v, rules, FIELDS, value) || !form_ours(v, value[TOKEN].text) ||
        !key_good(v, &value[KEY]))
        return;
    enum otr_status s = otr_send_otp(v->app->core, &who, v->route.param, value[KEY].text, &id, &f);
    if (s == OTR_OK)
        follow(v, id);
    else
        desk_fault(v, s, &f);
}

void desk_refund(struct visit *v) {
    enum { TOKEN, KEY, OTP, CASH, FIELDS };
    static const struct form_rule rules[FIELDS] = {
        [TOKEN] = {"csrf_token", 128, false},
        [KEY] = {"idempotency_key", OTR_KEY_SIZE - 1, true},
        [OTP] = {"otp", 64, true},
        [CASH] = {"cash_returned", 8, false},
    };
    struct form_value value[FIELDS];
    struct otr_who who = desk_who(v);
    struct otr_fault f = {0};
    struct view view = {.status = 400};
    const char *otp = NULL;
    size_t otp_size = 0;
    int64_t id = 0;
    if (!form_take(v, rules, FIELDS, value) || !form_ours(v, value[TOKEN].text) ||
        !key_good(v, &value[KEY]))
        return;
    view.otp_error = form_otp(&value[OTP], &otp, &otp_size);
    view.cash_error = !value[CASH].text || strcmp(value[CASH].text, "yes") != 0;
    if (view.otp_error || view.cash_error) {
        show(v, v->route.param, &view);
        return;
    }
    enum otr_status s = otr_refund(v->app->core, &who, v->route.param, otp, otp_size, true,
                                   value[KEY].text, &id, &f);
    explicit_bzero(value[OTP].text, value[OTP].size);
    if (s == OTR_OK)
        follow(v, id);
    else
        desk_fault(v, s, &f);
}
