/* park.c - requests that wait for the bank, without a thread. */
#include "fcgi/park.h"

#include <stdlib.h>

#include "fcgi/serve.h"
#include "sql/clock.h"

struct parked {
    struct serve_task task; /* first: what a worker is handed */
    struct visit visit;
    int64_t until_ms;
    bool seen; /* attempt is what the journal had at its landing */
    struct otr_attempt attempt;
};

/* On a thread of the core. */
static void told(void *arg, const struct otr_attempt *seen) {
    struct parked *p = arg;
    p->seen = seen;
    if (seen)
        p->attempt = *seen;
    serve_soon(p->visit.reply, &p->task);
}

static bool watch(struct parked *p, bool again) {
    int64_t left = p->until_ms - clock_monotonic_ms();
    return left > 0 &&
           otr_watch(p->visit.app->core, p->visit.wait.attempt_id, (int)left, again, told, p);
}

static bool ended(const struct parked *p, enum otr_status s, const struct otr_attempt *a) {
    return s != OTR_OK || otr_attempt_done(a, p->visit.wait.settled) ||
           atomic_load(&p->visit.app->stopping);
}

/* Reads the attempt and goes on, or waits on.  True: it waits. */
static bool go_on(struct parked *p) {
    struct visit *v = &p->visit;
    struct otr_fault f = {0};
    enum otr_status s =
        p->seen ? OTR_OK : otr_attempt_get(v->app->core, v->wait.attempt_id, &p->attempt, &f);
    if (!ended(p, s, &p->attempt) && watch(p, true))
        return true;
    app_then *then = v->wait.then;
    v->wait.then = NULL;
    p->seen = false;
    then(v, s, &p->attempt, &f);
    return false;
}

/* The next wait of a visit that wants one.  True: it waits. */
static bool wait_or_go_on(struct parked *p) {
    while (p->visit.wait.then) {
        p->until_ms = clock_monotonic_ms() + p->visit.wait.wait_ms;
        if (watch(p, false) || go_on(p))
            return true;
    }
    return false;
}

/* A worker's turn. */
static void run(struct serve_task *task) {
    struct parked *p = (struct parked *)task;
    struct app *app = p->visit.app;
    if (go_on(p) || wait_or_go_on(p))
        return;
    app_finish(&p->visit);
    serve_answered(p->visit.reply);
    free(p);
    atomic_fetch_sub(&app->parked, 1);
}

bool park(struct visit *v) {
    if (!v->wait.then)
        return false;
    struct app *app = v->app;
    struct parked *p = malloc(sizeof(*p));
    if (!p) { /* it goes on at once */
        struct parked here = {.visit = *v};
        while (here.visit.wait.then)
            go_on(&here);
        *v = here.visit;
        return false;
    }
    *p = (struct parked){.task.run = run, .visit = *v};
    request_forget_body(v->request); /* there may be an OTP in it */
    atomic_fetch_add(&app->parked, 1);
    if (wait_or_go_on(p))
        return true;
    *v = p->visit;
    free(p);
    atomic_fetch_sub(&app->parked, 1);
    return false;
}
