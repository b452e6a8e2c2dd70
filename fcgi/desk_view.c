/*
 * desk_view.c - a look at a person's desk: who it is, what is open, today; and the page of it.
 *
 * Those who ask at the same moment are answered by one look (round.h).  A page that was made within this
 * second is shown again if the journal says, asked after all of them were, that nothing was committed
 * since it was read; else the desk is read.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fcgi/crew.h"
#include "fcgi/desk.h"
#include "fcgi/desk_copy.h"
#include "fcgi/round.h"

_Static_assert(ROUND_KEYS <= OTR_DESKS_MAX, "one look, one round trip");

#define PAUSE_MAX 63

struct desk_views {
    struct rounds *rounds; /* looks under way */
    struct desk_copies *copies;
    /* Where something is committed all the time, asking for the moment only costs: looks that read
       at once before one asks again, and how many next time. */
    atomic_int pause, next_pause;
};

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

/* ---- shared ---------------------------------------------------------------------------------- */

/* One look at many desks. */
struct look {
    struct app *app;
    enum route_who may; /* all of them want the same page */
    const char *names[ROUND_KEYS];
    struct desk_view *views[ROUND_KEYS];
    int64_t now;
    char moment[OTR_MOMENT_SIZE]; /* of what was read last */
    enum otr_status status;       /* of that */
    struct otr_fault fault;
};

static void render(const struct look *l, const struct otr_desk *d, struct buf *out) {
    const struct page page = {.templates = l->app->templates,
                              .viewer = &d->who,
                              .zone = l->app->settings->desk_time_zone,
                              .now = l->now};
    const struct page_desk desk = {.today = &d->today,
                                   .open = d->open,
                                   .open_count = d->open_count,
                                   .recent = d->recent,
                                   .recent_count = d->recent_count,
                                   .query = ""};
    if (!page_desk(&page, &desk, out))
        out->failed = true;
}

/* What was read of one; what he may see of it is made into a page. */
static void take_in(struct look *l, int i, const struct otr_desk *d) {
    struct desk_view *view = l->views[i];
    struct buf page;
    view->known = d->known;
    view->who = d->who;
    if (!d->known || d->who.disabled || !route_role_may(l->may, d->who.role))
        return;
    buf_init(&page, DESK_PAGE_MAX);
    render(l, d, &page);
    view->copy = desk_copy_make(l->names[i], &d->who, l->moment, l->now / 1000, &page);
    buf_free(&page);
    if (view->copy && *l->moment)
        desk_copies_keep(l->app->desks->copies, view->copy);
}

/* What came of it, for those of which nothing was read. */
static void tell(const struct look *l, const int which[], int n) {
    for (int i = 0; i < n; i++) {
        l->views[which[i]]->status = l->status;
        l->views[which[i]]->fault = l->fault;
    }
}

static void read_together(struct look *l, const int which[], int n) {
    const char *names[ROUND_KEYS];
    struct otr_desk *desks[ROUND_KEYS], *all = malloc((size_t)n * sizeof(*all));
    l->status = OTR_NO_MEMORY;
    l->fault = (struct otr_fault){.whose = OTR_WHOSE_OURS, .detail = "no memory for desks"};
    for (int i = 0; i < n && all; i++) {
        names[i] = l->names[which[i]];
        desks[i] = &all[i];
    }
    if (all)
        l->status = otr_desks_get(l->app->core, names, n, l->app->settings->desk_time_zone,
                                  today_began(l->now), desks, l->moment, &l->fault);
    tell(l, which, n);
    for (int i = 0; i < n && l->status == OTR_OK; i++)
        take_in(l, which[i], &all[i]);
    free(all);
}

static void read_all(struct look *l, const int which[], int n) {
    read_together(l, which, n);
    if (l->status == OTR_BROKEN && n > 1) /* one of them is: the others are not to suffer for it */
        for (int i = 0; i < n; i++)
            read_together(l, &which[i], 1);
}

static bool worth_asking(struct desk_views *d) {
    return atomic_load(&d->pause) <= 0 || atomic_fetch_sub(&d->pause, 1) <= 0;
}

/* Reading a few costs hardly less than reading all: it was not, if any had to be read. */
static void was_it_worth_it(struct desk_views *d, bool yes) {
    int pause = yes ? 0 : atomic_load(&d->next_pause) * 2 + 1;
    pause = pause < PAUSE_MAX ? pause : PAUSE_MAX;
    atomic_store(&d->next_pause, pause);
    atomic_store(&d->pause, pause);
}

/* Those whose copies are true still are shown these, the others are read. */
static void show_or_read(struct look *l, const int which[], struct desk_copy *const copies[],
                         int n) {
    int rest[ROUND_KEYS] = {0}, left = 0;
    for (int i = 0; i < n; i++) {
        struct desk_view *view = l->views[which[i]];
        if (*l->moment && strcmp(l->moment, copies[i]->moment) == 0) {
            *view = (struct desk_view){
                .status = OTR_OK, .known = true, .who = copies[i]->who, .copy = copies[i]};
        } else {
            desk_copy_drop(copies[i]);
            rest[left++] = which[i];
        }
    }
    was_it_worth_it(l->app->desks, !left);
    if (l->status != OTR_OK && l->status != OTR_BROKEN)
        tell(l, rest, left); /* that is everybody's trouble */
    else if (left)
        read_all(l, rest, left);
}

static void look(struct look *l, int n) {
    struct desk_copy *copies[ROUND_KEYS];
    int fresh[ROUND_KEYS] = {0}, kept[ROUND_KEYS] = {0}, fresh_count = 0, kept_count = 0;
    bool asking = worth_asking(l->app->desks);
    for (int i = 0; i < n; i++) {
        copies[kept_count] =
            asking ? desk_copies_find(l->app->desks->copies, l->names[i], l->now / 1000) : NULL;
        if (copies[kept_count])
            kept[kept_count++] = i;
        else
            fresh[fresh_count++] = i;
    }
    if (fresh_count)
        read_all(l, fresh, fresh_count);
    else
        l->status =
            otr_moment_get(l->app->core, l->app->settings->desk_time_zone, l->moment, &l->fault);
    if (kept_count)
        show_or_read(l, kept, copies, kept_count);
}

static void look_for_all(void *const args[], void *const results[], int n) {
    const struct visit *const first = args[0];
    struct look l = {.app = first->app, .may = first->route.who, .now = app_now_ms()};
    crew_away(first->app->crew);
    for (int i = 0; i < n; i++) {
        l.names[i] = ((const struct visit *)args[i])->request->remote_user;
        l.views[i] = results[i];
    }
    look(&l, n);
}

static void go_on(void *arg, const void *result) {
    struct visit *v = arg;
    v->desk = result;
    app_resume(v);
    free(v);
}

static void end(void *result) {
    struct desk_view *view = result;
    desk_copy_drop(view->copy);
}

struct desk_views *desk_views_new(int connections) {
    struct desk_views *d = calloc(1, sizeof(*d));
    if (!d)
        return NULL;
    /* The other half is for those who write. */
    d->rounds = rounds_new(sizeof(struct desk_view), connections / 2, look_for_all, go_on, end);
    d->copies = desk_copies_new();
    if (d->rounds && d->copies)
        return d;
    desk_views_free(d);
    return NULL;
}

void desk_views_free(struct desk_views *d) {
    if (!d)
        return;
    rounds_free(d->rounds);
    desk_copies_free(d->copies);
    free(d);
}

void desk_views_trim(struct desk_views *d) {
    desk_copies_clear(d->copies);
}

bool desk_view_park(struct visit *v) {
    if (*v->request->query || !*v->request->remote_user) /* a search may wait for the bank */
        return false;
    struct visit *parked = malloc(sizeof(*parked));
    if (!parked)
        return false;
    *parked = *v;
    if (round_ask(v->app->desks->rounds, v->request->remote_user, parked))
        return true;
    free(parked);
    return false;
}

/* ---- alone ----------------------------------------------------------------------------------- */

bool desk_view_take(struct visit *v, const char *name) {
    const struct settings *settings = v->app->settings;
    char moment[OTR_MOMENT_SIZE];
    desk_view_drop(v);
    struct desk_view *view = v->own_desk = calloc(1, sizeof(*view));
    v->desk = view;
    if (!view || !(view->desk = calloc(1, sizeof(*view->desk)))) {
        desk_view_drop(v);
        return false;
    }
    view->status = otr_desks_get(v->app->core, &name, 1, settings->desk_time_zone,
                                 today_began(app_now_ms()), &view->desk, moment, &view->fault);
    view->known = view->desk->known;
    view->who = view->desk->who;
    return true;
}

void desk_view_drop(struct visit *v) {
    if (v->own_desk)
        free(v->own_desk->desk);
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
    if (v->desk->status == OTR_OK && !v->desk->known)
        return OTR_NOT_FOUND;
    *who = v->desk->who;
    return v->desk->status;
}
