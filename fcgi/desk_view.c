/*
 * desk_view.c - a look at a person's desk: who it is, what is open, today; and the page of it.
 *
 * A person who asks twice at the same moment, or through two windows, is answered by one look
 * (round.h).  Nothing of it outlives the requests it answers.
 */
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

struct whose {
    struct app *app;
    const char *name;
    enum route_who who;
};

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

static void look(void *arg, void *result) {
    const struct whose *w = arg;
    struct desk_view *view = result;
    int64_t now = app_now_ms();
    buf_init(&view->page, DESK_PAGE_MAX);
    view->status = otr_desk_get(w->app->core, w->name, w->app->settings->desk_time_zone,
                                today_began(now), &view->desk, &view->fault);
    const struct otr_operator *who = &view->desk.who;
    if (view->status == OTR_OK && view->desk.known && !who->disabled &&
        route_role_may(w->who, who->role))
        render(w->app, view, now);
}

void desk_view_end(void *result) {
    struct desk_view *view = result;
    buf_free(&view->page);
}

const struct desk_view *desk_view_take(struct visit *v, const char *name) {
    struct whose whose = {v->app, name, v->route.who};
    round_give(v->desk);
    v->desk = round_take(v->app->desks, name, look, &whose);
    return v->desk ? round_result(v->desk) : NULL;
}

enum otr_status desk_view_who(struct visit *v, const char *name, struct otr_operator *who,
                              struct otr_fault *f) {
    const struct desk_view *view = desk_view_take(v, name);
    if (!view) {
        *f = (struct otr_fault){.whose = OTR_WHOSE_OURS, .detail = "no memory for the desk"};
        return OTR_NO_MEMORY;
    }
    *f = view->fault;
    if (view->status == OTR_OK && !view->desk.known)
        return OTR_NOT_FOUND;
    *who = view->desk.who;
    return view->status;
}
