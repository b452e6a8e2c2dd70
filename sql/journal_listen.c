/* journal_listen.c - hears what other nodes do, on a connection of its own. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sql/clock.h"
#include "sql/db.h"

#define PAUSE_FIRST_MS 100
#define PAUSE_MAX_MS   10000

struct journal_listener {
    char *conninfo;
    PGconn *pg; /* NULL: not connected */
    int stop;   /* an eventfd; readable for ever once stopped */
    int pause_ms, look_ms;
    int64_t connect_at, up_since, look_at;
};

struct journal_listener *journal_listen_open(const char *conninfo, int look_ms) {
    struct journal_listener *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->conninfo = strdup(conninfo ? conninfo : "");
    l->look_ms = look_ms;
    l->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->conninfo && l->stop >= 0)
        return l;
    if (l->stop >= 0)
        close(l->stop);
    free(l->conninfo);
    free(l);
    return NULL;
}

void journal_listen_stop(struct journal_listener *l) {
    static const uint64_t one = 1;
    ssize_t n;
    if (!l)
        return;
    do
        n = write(l->stop, &one, sizeof one);
    while (n < 0 && errno == EINTR); /* a full counter is readable as well */
}

void journal_listen_close(struct journal_listener *l) {
    if (!l)
        return;
    PQfinish(l->pg);
    close(l->stop);
    free(l->conninfo);
    free(l);
}

static void hang_up(struct journal_listener *l) {
    if (l->up_since > 0 && clock_monotonic_ms() - l->up_since > PAUSE_MAX_MS)
        l->pause_ms = 0;
    l->up_since = 0;
    PQfinish(l->pg);
    l->pg = NULL;
    l->pause_ms = l->pause_ms == 0                  ? PAUSE_FIRST_MS
                  : l->pause_ms * 2 <= PAUSE_MAX_MS ? l->pause_ms * 2
                                                    : PAUSE_MAX_MS;
    l->connect_at = clock_monotonic_ms() + l->pause_ms;
}

static bool does(struct journal_listener *l, const char *sql, ExecStatusType wanted) {
    PGresult *r = PQsendQuery(l->pg, sql) ? db_await(l->pg, DB_ANSWER_MS) : NULL;
    bool ok = r && PQresultStatus(r) == wanted;
    PQclear(r);
    l->look_at = clock_monotonic_ms() + l->look_ms;
    return ok;
}

/* A peer that went without a word, or a server that hangs, is found out by being asked. */
static bool alive(struct journal_listener *l) {
    return PQconsumeInput(l->pg) && PQstatus(l->pg) == CONNECTION_OK &&
           (clock_monotonic_ms() < l->look_at || does(l, "SELECT 1", PGRES_TUPLES_OK));
}

static bool connect_now(struct journal_listener *l) {
    char why[256];
    l->pg = db_connect(l->conninfo, DB_PRIMARY, why, sizeof why);
    if (!l->pg || !does(l, "LISTEN otprefund_wake; LISTEN otprefund_settled", PGRES_COMMAND_OK)) {
        hang_up(l);
        return false;
    }
    l->up_since = clock_monotonic_ms();
    return true;
}

/* The next notification that was read already, if it is one for us. */
static bool heard(struct journal_listener *l, struct journal_news *n) {
    for (PGnotify *told; (told = PQnotifies(l->pg)); PQfreemem(told)) {
        if (strcmp(told->relname, "otprefund_wake") == 0) {
            n->event = JOURNAL_EVENT_WAKE;
        } else if (strcmp(told->relname, "otprefund_settled") == 0) {
            n->attempt_id = strtoll(told->extra, NULL, 10);
            n->event = n->attempt_id > 0 ? JOURNAL_EVENT_SETTLED : JOURNAL_EVENT_NONE;
        }
        if (n->event != JOURNAL_EVENT_NONE) {
            PQfreemem(told);
            return true;
        }
    }
    return false;
}

/*
 * Sleeps until the server says something, it is to be looked after, the pause before the next
 * connect is over, or until (-1: for ever).  False: stopped.
 */
static bool rest(struct journal_listener *l, int64_t until) {
    int64_t due = l->pg ? l->look_at : l->connect_at;
    if (until < 0 || due < until)
        until = due;
    int64_t left = until - clock_monotonic_ms();
    if (left < 0)
        left = 0;
    struct pollfd f[2] = {{.fd = l->stop, .events = POLLIN},
                          {.fd = l->pg ? PQsocket(l->pg) : -1, .events = POLLIN}};
    if (poll(f, 2, left > INT32_MAX ? INT32_MAX : (int)left) < 0 && errno != EINTR)
        return false;
    return f[0].revents == 0;
}

void journal_listen_wait(struct journal_listener *l, int timeout_ms, struct journal_news *n) {
    int64_t until = timeout_ms < 0 ? -1 : clock_monotonic_ms() + timeout_ms;
    *n = (struct journal_news){0};
    for (;;) {
        if (l->pg && heard(l, n))
            return;
        if (!rest(l, until))
            return;
        if (l->pg) {
            if (!alive(l)) {
                hang_up(l);
                n->event = JOURNAL_EVENT_LOST;
                return;
            }
            if (heard(l, n))
                return;
        } else if (clock_monotonic_ms() >= l->connect_at && connect_now(l)) {
            n->event = JOURNAL_EVENT_UP;
            return;
        }
        if (until >= 0 && clock_monotonic_ms() >= until)
            return;
    }
}
