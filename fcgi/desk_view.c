/*
 * desk_view.c - a look at a person's desk: who it is, what is open, today; and the page of it.
 *
 * Those who ask at the same moment are answered by one look (round.h).  Nothing of it outlives the
 * requests it answers.
 */
#include <stdlib.h>
#include <time.h>

#include "fcgi/desk.h"

_Static_assert(ROUND_KEYS <= OTR_DESKS_MAX, "one look, one round trip");

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

/* What everyone may see of it is made into a page. */
static void shown(struct app *app, enum route_who may, int64_t now, struct desk_view *view) {
    const struct otr_operator *who = &view->desk.who;
    if (view->status == OTR_OK && view->desk.known && !who->disabled &&
        route_role_may(may, who->role))
        render(app, view, now);
}

static enum otr_status look_together(struct app *app, const char *const names[], int n,
                                     enum route_who may, struct desk_view *const views[]) {
    struct otr_desk *desks[ROUND_KEYS];
    struct otr_fault fault = {0};
    int64_t now = app_now_ms();
    for (int i = 0; i < n; i++)
        desks[i] = &views[i]->desk;
    enum otr_status s = otr_desks_get(app->core, names, n, app->settings->desk_time_zone,
                                      today_began(now), desks, &fault);
    for (int i = 0; i < n; i++) {
        buf_init(&views[i]->page, DESK_PAGE_MAX);
        views[i]->status = s;
        views[i]->fault = fault;
        shown(app, may, now, views[i]);
    }
    return s;
}

static void look(struct app *app, const char *const names[], int n, enum route_who may,
                 struct desk_view *const views[]) {
    enum otr_status s = look_together(app, names, n, may, views);
    if (s == OTR_BROKEN && n > 1) /* one of them is: the others are not to suffer for it */
        for (int i = 0; i < n; i++)
            look_together(app, &names[i], 1, may, &views[i]);
}

/* ---- shared ---------------------------------------------------------------------------------- */

static void look_for_all(void *const args[], void *const results[], int n) {
    const struct visit *const first = args[0];
    const char *names[ROUND_KEYS];
    struct desk_view *views[ROUND_KEYS];
    for (int i = 0; i < n; i++) {
        names[i] = ((const struct visit *)args[i])->request->remote_user;
        views[i] = results[i];
    }
    look(first->app, names, n, first->route.who, views); /* all of them want the same page */
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

struct rounds *desk_views_new(int connections) {
    /* The other half is for those who write. */
    return rounds_new(sizeof(struct desk_view), connections / 2, look_for_all, go_on, end);
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
        look(v->app, &name, 1, v->route.who, &v->own_desk);
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
