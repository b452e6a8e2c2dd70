/* desk.c - what the handlers of pages share: who it is, errors, what every page needs. */
#include "fcgi/desk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/log.h"
#include "fcgi/text.h"

int desk_http_status(enum otr_status s) {
    static const int statuses[OTR_STATUS__MAX] = {
        [OTR_OK] = 200,       [OTR_INVALID] = 400,   [OTR_FORBIDDEN] = 403, [OTR_NOT_FOUND] = 404,
        [OTR_BUSY] = 409,     [OTR_KEY_USED] = 422,  [OTR_LIMITED] = 429,   [OTR_NO_JOURNAL] = 503,
        [OTR_STOPPING] = 503, [OTR_NO_MEMORY] = 503, [OTR_BROKEN] = 500,    [OTR_CONFLICT] = 409,
    };
    return s < OTR_STATUS__MAX ? statuses[s] : 500;
}

bool desk_points_to(enum otr_status s) {
    return s == OTR_BUSY || s == OTR_KEY_USED || s == OTR_CONFLICT;
}

void desk_sentence(enum otr_status s, const struct otr_fault *f, desk_when *when, char *out,
                   size_t size) {
    char at[TEXT_TIME_SIZE];
    switch (s) {
    case OTR_BUSY:
        snprintf(
            out, size,
            "A refund of this transaction is being worked on by %s since %s. Nothing was sent. "
            "Wait until it is settled.",
            f->operator_name[0] ? f->operator_name : "somebody else", when(f->since, at));
        break;
    case OTR_KEY_USED:
        snprintf(out, size,
                 "This form was used before with other content. Nothing was sent. "
                 "Open the transaction again and use the fresh form.");
        break;
    case OTR_LIMITED:
        snprintf(out, size, "This was tried too often. Nothing was sent. Try again at %s.",
                 when(f->retry_at, at));
        break;
    case OTR_NO_JOURNAL:
        snprintf(out, size, "%s",
                 f->unsure ? "The journal did not answer: whether this was recorded is not known. "
                             "Nothing was sent to the bank. Try again in a minute, with the same "
                             "form or key."
                           : "The journal cannot be reached: nothing was recorded, so nothing was "
                             "sent to the bank. Try again in a minute.");
        break;
    case OTR_STOPPING:
        snprintf(
            out, size,
            "The program is being restarted: nothing was sent to the bank. Try again in a minute.");
        break;
    case OTR_NO_MEMORY:
        snprintf(out, size, "There is no memory for this request just now. Try again in a minute.");
        break;
    case OTR_NOT_FOUND:
        snprintf(out, size, "There is no such record.");
        break;
    case OTR_FORBIDDEN:
        snprintf(out, size, "You may not do this. %s", f->detail);
        break;
    case OTR_CONFLICT:
    case OTR_INVALID:
        snprintf(out, size, "%s",
                 f->detail[0] ? f->detail : "Something in the request is malformed.");
        break;
    default:
        snprintf(out, size,
                 "Something is wrong with the program or its set-up. Tell the support the "
                 "request's number.");
        break;
    }
}

void desk_fault_log(const struct visit *v, enum otr_status s, const struct otr_fault *f,
                    const char *what) {
    if (desk_http_status(s) >= 500)
        log_event(LOG_ERROR, v->request->id, "fault", "detail", f->detail[0] ? f->detail : what,
                  NULL);
    if (s == OTR_LIMITED)
        log_event(LOG_WARNING, v->request->id, "limit", "user", v->user.name, "path",
                  v->route.pattern, "tid", v->route.param, NULL);
}

void desk_retry_after(struct visit *v, const struct otr_fault *f) {
    int64_t s = (f->retry_at - app_now_ms() + 999) / 1000;
    reply_header(v->reply, "Retry-After", "%lld", (long long)(s < 1 ? 1 : s));
}

struct otr_who desk_who(const struct visit *v) {
    return (struct otr_who){.name = v->user.name,
                            .user_code = v->user.user_code,
                            .channel = v->user.client ? OTR_CHANNEL_API : OTR_CHANNEL_DESK};
}

static bool key_make(char key[DESK_KEY_SIZE]) {
    static const char hex[] = "0123456789abcdef";
    unsigned char bytes[(DESK_KEY_SIZE - 1) / 2];
    if (!otr_random(bytes, sizeof(bytes)))
        return false;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        key[2 * i] = hex[bytes[i] >> 4];
        key[2 * i + 1] = hex[bytes[i] & 15];
    }
    key[DESK_KEY_SIZE - 1] = '\0';
    return true;
}

bool desk_page_begin(struct visit *v, struct desk_page *p, bool with_forms) {
    *p = (struct desk_page){.page = {
                                .templates = v->app->templates,
                                .viewer = v->user.name[0] ? &v->user : NULL,
                                .zone = v->app->settings->desk_time_zone,
                                .request_id = v->request->id,
                                .now = app_now_ms(),
                            }};
    if (!with_forms)
        return true;
    if (!csrf_make(v->app->core, v->user.name, p->page.now / 1000, p->csrf) ||
        !key_make(p->keys[0]) || !key_make(p->keys[1])) {
        desk_fault(v, OTR_NO_MEMORY,
                   &(struct otr_fault){.detail = "no memory or random bytes for form tokens"});
        return false;
    }
    p->page.csrf_token = p->csrf;
    p->page.idempotency_key[0] = p->keys[0];
    p->page.idempotency_key[1] = p->keys[1];
    return true;
}

/* title: NULL: the status's own. */
static void error_page(struct visit *v, int status, const char *title, const char *what,
                       int64_t attempt_id, const char *back) {
    struct desk_page p;
    reply_restart(v->reply, status, NULL);
    desk_page_begin(v, &p, false);
    if (status == 503)
        reply_header(v->reply, "Retry-After", "5");
    if (!page_error(&p.page, status, title, what, attempt_id, back, &v->reply->body))
        v->reply->body.failed = true;
}

void desk_error(struct visit *v, int status, const char *what, int64_t attempt_id,
                const char *back) {
    error_page(v, status, NULL, what, attempt_id, back);
}

void desk_fault(struct visit *v, enum otr_status s, const struct otr_fault *f) {
    char what[400], back[40] = "/";
    int status = desk_http_status(s);
    desk_sentence(s, f, text_clock, what, sizeof(what));
    desk_fault_log(v, s, f, what);
    if (strncmp(v->request->path, "/refunds/", 9) == 0 && otr_tid_valid(v->route.param) &&
        v->request->method == METHOD_POST)
        snprintf(back, sizeof(back), "/refunds/%.18s", v->route.param);
    error_page(v, status, s == OTR_CONFLICT ? "Nothing was sent to the bank" : NULL, what,
               desk_points_to(s) ? f->attempt_id : 0, back);
    if (s == OTR_LIMITED)
        desk_retry_after(v, f);
}

/* A link in a mail or a chat opens a page; pictures, frames and scripts do not.  Forms: desk_form.c. */
bool desk_asked_for(struct visit *v) {
    const struct request *r = v->request;
    const char *site = r->sec_fetch_site;
    bool elsewhere = site && (strcmp(site, "cross-site") == 0 || strcmp(site, "same-site") == 0);
    bool opened = r->sec_fetch_mode && strcmp(r->sec_fetch_mode, "navigate") == 0 &&
                  r->sec_fetch_dest && strcmp(r->sec_fetch_dest, "document") == 0;
    if (!elsewhere || opened || r->method == METHOD_POST)
        return true;
    app_refused(v, r->remote_user, "another site");
    desk_error(v, 403,
               "Another web site asked for this page in your name. Nothing was done. "
               "Open the desk yourself if you want to see it.",
               0, "/");
    return false;
}

bool desk_admit(struct visit *v) {
    struct otr_operator user;
    struct otr_fault f = {0};
    const char *name = v->request->remote_user;
    if (!*name) {
        app_refused(v, NULL, "no login");
        desk_error(v, 403, "You are not logged in. The web server must name who you are.", 0, NULL);
        return false;
    }
    enum otr_status s = v->route.id == ROUTE_DESK
                            ? desk_view_who(v, name, &user, &f)
                            : otr_operator_get(v->app->core, name, &user, &f);
    if (s != OTR_OK && s != OTR_NOT_FOUND) {
        desk_fault(v, s, &f);
        return false;
    }
    if (s == OTR_NOT_FOUND || user.disabled || user.client) {
        app_refused(v, name, s == OTR_OK ? "disabled" : "unknown");
        desk_error(v, 403,
                   "Your login is not registered here, or it was disabled. Ask your supervisor.", 0,
                   NULL);
        return false;
    }
    v->user = user;
    if (route_role_may(v->route.who, user.role))
        return true;
    app_refused(v, name, "role");
    desk_error(v, 403, "Your role does not allow this page.", 0,
               user.role == OTR_ROLE_AUDITOR ? "/attempts" : "/");
    return false;
}

struct otr_attempt *desk_rows(struct visit *v, int n) {
    struct otr_attempt *rows = calloc((size_t)n, sizeof(*rows));
    if (!rows)
        desk_fault(v, OTR_NO_MEMORY, &(struct otr_fault){.detail = "rows"});
    return rows;
}

enum otr_status desk_transaction_get(struct visit *v, const char *tid, struct otr_transaction *t,
                                     struct otr_fault *f) {
    enum otr_status s = otr_transaction_get(v->app->core, tid, t, f);
    if (s == OTR_NOT_FOUND) {
        *t = (struct otr_transaction){.amount = OTR_NO_AMOUNT, .tx_status = OTR_NO_STATUS};
        snprintf(t->tid, sizeof(t->tid), "%s", tid);
        s = OTR_OK;
    }
    return s;
}
