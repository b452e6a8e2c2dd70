/* desk_home.c - the desk itself: find a transaction, my open attempts, today in numbers. */
#include <stdio.h>
#include <string.h>

#include "fcgi/desk.h"
#include "fcgi/desk_copy.h"
#include "fcgi/form.h"
#include "fcgi/text.h"

/* The desk with the words of a search on it. */
static void show(struct visit *v, int status, const char *query, const char *hint) {
    struct desk_page p;
    const struct otr_desk *d = v->desk->desk;
    struct page_desk page = {.today = &d->today,
                             .open = d->open,
                             .open_count = d->open_count,
                             .recent = d->recent,
                             .recent_count = d->recent_count,
                             .query = query,
                             .hint = hint};
    reply_restart(v->reply, status, NULL);
    if (desk_page_begin(v, &p, false) && !page_desk(&p.page, &page, &v->reply->body))
        v->reply->body.failed = true;
}

static void show_plain(struct visit *v) {
    const struct desk_copy *copy = v->desk->copy;
    if (v->desk->desk) { /* read for this request alone */
        show(v, 200, "", NULL);
        return;
    }
    reply_restart(v->reply, 200, NULL);
    if (copy)
        reply_lend(v->reply, copy->page, copy->size);
    else
        v->reply->body.failed = true;
}

/* After an inquiry of one's own the desk has one attempt more. */
static bool look_again(struct visit *v) {
    struct otr_fault f = {0};
    struct otr_operator who;
    desk_view_drop(v);
    enum otr_status s = desk_view_who(v, v->user.name, &who, &f);
    if (s != OTR_OK)
        desk_fault(v, s, &f);
    return s == OTR_OK;
}

static void go_to_transaction(struct visit *v, const char *tid) {
    char path[48];
    snprintf(path, sizeof(path), "/refunds/%s", tid);
    reply_see_other(v->reply, path);
}

static void show_not_found(struct visit *v, const char *ref, const struct otr_attempt *a) {
    if (!look_again(v))
        return;
    if (a->reason == OTR_REASON_NO_SUCH_TRANSACTION)
        show(v, 404, ref,
             *ref == '0'
                 ? "The bank knows no transaction with this reference, and a TID has no 0 in "
                   "front. Look at the receipt again."
                 : "The bank knows no transaction with this reference. Look at the receipt "
                   "again.");
    else if (a->outcome == OTR_OUTCOME_NONE)
        show(v, 200, ref,
             "The bank has not answered yet. Try again in a moment, or search by TID.");
    else
        show(v, 200, ref,
             "The bank could not say which transaction this is. Try again, or search by TID.");
}

static void reference_asked(struct visit *v, enum otr_status s, const struct otr_attempt *a,
                            const struct otr_fault *waited) {
    const char *ref = v->left;
    struct otr_fault f = *waited;
    char tid[OTR_TID_SIZE] = "";
    if (s == OTR_OK && a->outcome == OTR_OUTCOME_ANSWERED)
        s = otr_tid_of(v->app->core, ref, tid, &f);
    if (s != OTR_OK && s != OTR_NOT_FOUND)
        desk_fault(v, s, &f);
    else if (otr_tid_valid(tid))
        go_to_transaction(v, tid);
    else
        show_not_found(v, ref, a);
}

/* By own reference: from the journal, else from the bank. */
static void find_by_reference(struct visit *v, const char *ref) {
    struct otr_who who = desk_who(v);
    struct otr_fault f = {0};
    char tid[OTR_TID_SIZE] = "";
    int64_t id = 0;
    enum otr_status s = otr_tid_of(v->app->core, ref, tid, &f);
    if (s == OTR_OK) {
        go_to_transaction(v, tid);
        return;
    }
    if (s == OTR_NOT_FOUND)
        s = app_leave(v, ref, strlen(ref) + 1) ? otr_inquire(v->app->core, &who, NULL, ref, &id, &f)
                                               : OTR_NO_MEMORY;
    v->reply->attempt_id = id;
    if (s != OTR_OK) {
        desk_fault(v, s, &f);
        return;
    }
    desk_view_drop(v); /* it is looked at again afterwards */
    app_wait_then(v, id, v->app->settings->desk_wait_ms, false, reference_asked);
}

void desk_home(struct visit *v) {
    static const struct form_rule rules[] = {{"q", 64, false}};
    struct form_value value[1];
    char why[FORM_WHY_SIZE];
    if (!form_read(v->request->query, strlen(v->request->query), rules, 1, value, why)) {
        show(v, 400, "", why);
        return;
    }
    const char *query = form_trim(value[0].text);
    if (!query || !*query)
        show_plain(v);
    else if (otr_tid_valid(query))
        go_to_transaction(v, query);
    else if (otr_ref_valid(query))
        find_by_reference(v, query);
    else
        show(v, 400, query,
             "A TID has digits only, at most 18, and no 0 in front. A reference has at most 20 "
             "letters, digits, _ . or -.");
}
