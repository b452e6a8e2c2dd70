/*
 * desk_view.c - a look at a person's desk: who it is, what is open, today; and the page of it.
 *
 * A person who asks twice at the same moment, or through two windows, is answered by one look
 * (round.h).  Nothing of it outlives the requests it answers.
 */
#include <stdlib.h>
#include <time.h>

#include "fcgi/desk.h"

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

static void render(const struct app *app, struct desk_view *view, int64_t now) {
    const struct otr_desk *d = &view->desk;
    const struct page page = {.templates = app->templates,
                              .viewer = &d->who,
                              .zone = app->settings->desk_time_zone,
                              .now = now};
    const struct page_desk desk = {.today = &d->today,
                                   .open = d->open,
                                   .open_count = d->open_count,
                                   .recent = d->recent,
                                   .recent_count = d->recent_count,
                                   .query = ""};
    if (!page_desk(&page, &desk, &view->page))
        view->page.failed = true;
}

static void look(struct app *app, const char *name, enum route_who may, struct desk_view *view) {
    int64_t now = app_now_ms();
    buf_init(&view->page, DESK_PAGE_MAX);
    view->status = otr_desk_get(app->core, name, app->settings->desk_time_zone, today_began(now),
                                &view->desk, &view->fault);
    const struct otr_operator *who = &view->desk.who;
    if (view->status == OTR_OK && view->desk.known && !who->disabled &&
        route_role_may(may, who->role))
        render(app, view, now);
}

/* ---- shared ---------------------------------------------------------------------------------- */

static void look_for_all(void *arg, void *result) {
    const struct visit *v = arg;
    look(v->app, v->request->remote_user, v->route.who, result);
}

static void go_on(void *arg, const void *result) {
    struct visit *v = arg;
    v->desk = result;
    app_resume(v);
    free(v);
}

static void end(void *result) {
    struct desk_view *view = result;
    buf_free(&view->page);
}

struct rounds *desk_views_new(void) {
    return rounds_new(sizeof(struct desk_view), look_for_all, go_on, end);
}

bool desk_view_park(struct visit *v) {
    if (*v->request->query || !*v->request->remote_user) /* a search may wait for the bank */
        return false;
    struct visit *parked = malloc(sizeof(*parked));
    if (!parked)
        return false;
    *parked = *v;
    if (round_ask(v->app->desks, v->request->remote_user, parked))
        return true;
    free(parked);
    return false;
}

/* ---- alone ----------------------------------------------------------------------------------- */

bool desk_view_take(struct visit *v, const char *name) {
    desk_view_drop(v);
    v->own_desk = calloc(1, sizeof(*v->own_desk));
    v->desk = v->own_desk;
    if (v->own_desk)
        look(v->app, name, v->route.who, v->own_desk);
    return v->own_desk != NULL;
}

void desk_view_drop(struct visit *v) {
    if (v->own_desk)
        end(v->own_desk);
    free(v->own_desk);
    v->own_desk = NULL;
    v->desk = NULL;
}

enum otr_status desk_view_who(struct visit *v, const char *name, struct otr_operator *who,
                              struct otr_fault *f) {
    if (!v->desk && !desk_view_take(v, name)) {
        *f = (struct otr_fault){.whose = OTR_WHOSE_OURS, .detail = "no memory for the desk"};
        return OTR_NO_MEMORY;
    }
    *f = v->desk->fault;
    if (v->desk->status == OTR_OK && !v->desk->desk.known)
        return OTR_NOT_FOUND;
    *who = v->desk->desk.who;
    return v->desk->status;
}
