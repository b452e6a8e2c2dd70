/* desk_home.c - the desk itself: find a transaction, my open attempts, today in numbers; and one
 * attempt. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fcgi/desk.h"
#include "fcgi/form.h"
#include "fcgi/text.h"

#define ROWS 20 /* attempts of each list on the desk */

/* Midnight on the desk's clock (the process's time zone). */
static int64_t today_began(int64_t now_ms) {
    struct tm tm;
    time_t now = (time_t)(now_ms / 1000);
    if (!localtime_r(&now, &tm))
        return 0;
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    tm.tm_isdst = -1;
    return (int64_t)mktime(&tm) * 1000;
}

static void show(struct visit *v, int status, const char *query, const char *hint) {
    struct otr *core = v->app->core;
    struct otr_fault f = {0};
    struct desk_page p;
    struct otr_today today;
    int opens = 0, recents = 0;
    struct otr_attempt *rows = desk_rows(v, 2 * ROWS);
    if (!rows)
        return;
    struct otr_filter open = {.operator_name = v->user.name, .open_only = true};
    struct otr_filter recent = {.operator_name = v->user.name, .from = today_began(app_now_ms())};
    enum otr_status s =
        otr_today_get(core, v->user.name, v->app->settings->desk_time_zone, &today, &f);
    if (s == OTR_OK)
        s = otr_attempt_list(core, &open, ROWS, rows, &opens, &f);
    if (s == OTR_OK)
        s = otr_attempt_list(core, &recent, ROWS, rows + ROWS, &recents, &f);
    if (s != OTR_OK) {
        desk_fault(v, s, &f);
        goto out;
    }
    struct page_desk page = {.today = &today,
                             .open = rows,
                             .open_count = opens,
                             .recent = rows + ROWS,
                             .recent_count = recents,
                             .query = query,
                             .hint = hint};
    reply_restart(v->reply, status, NULL);
    if (desk_page_begin(v, &p, false) && !page_desk(&p.page, &page, &v->reply->body))
        v->reply->body.failed = true;
out:
    free(rows);
}

static void go_to_transaction(struct visit *v, const char *tid) {
    char path[48];
    snprintf(path, sizeof(path), "/refunds/%s", tid);
    reply_see_other(v->reply, path);
}

/* By own reference: from the journal, else from the bank. */
static void find_by_reference(struct visit *v, const char *ref) {
    struct otr_who who = desk_who(v);
    struct otr_fault f = {0};
    struct otr_attempt a = {.outcome = OTR_OUTCOME_NONE};
    char tid[OTR_TID_SIZE] = "";
    int64_t id = 0;
    enum otr_status s = otr_tid_of(v->app->core, ref, tid, &f);
    if (s == OTR_NOT_FOUND) {
        s = otr_inquire(v->app->core, &who, NULL, ref, &id, &f);
        if (s == OTR_OK)
            s = app_wait(v->app, id, v->app->settings->desk_wait_ms, false, &a, &f);
        v->reply->attempt_id = id;
        if (s == OTR_OK && a.outcome == OTR_OUTCOME_ANSWERED) {
            s = otr_tid_of(v->app->core, ref, tid, &f);
            if (s == OTR_NOT_FOUND)
                s = OTR_OK;
        }
    }
    if (s != OTR_OK)
        desk_fault(v, s, &f);
    else if (otr_tid_valid(tid))
        go_to_transaction(v, tid);
    else if (a.reason == OTR_REASON_NO_SUCH_TRANSACTION)
        show(v, 404, ref,
             "The bank knows no transaction with this reference. Look at the receipt again.");
    else if (a.outcome == OTR_OUTCOME_NONE)
        show(v, 200, ref,
             "The bank has not answered yet. Try again in a moment, or search by TID.");
    else
        show(v, 200, ref,
             "The bank could not say which transaction this is. Try again, or search by TID.");
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
        show(v, 200, "", NULL);
    else if (otr_tid_valid(query))
        go_to_transaction(v, query);
    else if (otr_ref_valid(query))
        find_by_reference(v, query);
    else
        show(v, 400, query,
             "A TID has digits only, at most 18. A reference has at most 20 letters, digits, _ . "
             "or -.");
}
