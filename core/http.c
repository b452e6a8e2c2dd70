/* http.c - one I/O thread that carries every call to the bank: curl's multi interface over
   epoll. */
#include "core/http.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "core/http_call.h"
#include "core/names.h"
#include "sql/clock.h"

#define ANSWER_MAX 1048576 /* bytes of a body, unless configured */
#define EVENTS     256

struct http {
    /* Fixed once the thread runs. */
    struct call_settings settings;
    int max_in_flight;
    char *ca_file;
    pthread_t thread;
    bool stopped; /* the thread was joined */
    int epoll, wake;
    CURLM *multi;
    struct names *names;

    /* Shared, under lock. */
    pthread_mutex_t lock;
    struct call *queue, **queue_end;
    bool closing, ended;
    int64_t close_ms; /* when the grace is over */
    int in_flight;    /* queued or under way; refused calls are not counted */

    /* The I/O thread's own. */
    struct call *calls;
    struct call *unnamed; /* not with curl yet: their name is being looked up */
    int64_t unnamed_ms;   /* the first of them is then too late */
    int64_t timer_ms;     /* when curl wants to be called; -1: not */

    atomic_bool news; /* a lookup has ended since they were looked at */
};

/* ---- handing over, on any thread --------------------------------------------------------- */

bool http_start(struct http *h, const struct http_request *r, http_done *done, void *arg) {
    struct call *c = call_new(&h->settings, r, done, arg);
    if (!c)
        return false;
    pthread_mutex_lock(&h->lock);
    bool ended = h->ended, wake = !h->queue;
    if (h->closing)
        c->refused = OTR_REASON_STOPPING;
    else if (h->in_flight >= h->max_in_flight)
        c->refused = OTR_REASON_OVERLOADED;
    if (!ended) {
        if (!c->refused)
            h->in_flight++;
        *h->queue_end = c;
        h->queue_end = &c->next;
    }
    pthread_mutex_unlock(&h->lock);
    if (ended)
        call_free(c);
    else if (wake)
        eventfd_write(h->wake, 1);
    return !ended;
}

int http_in_flight(struct http *h) {
    pthread_mutex_lock(&h->lock);
    int n = h->in_flight;
    pthread_mutex_unlock(&h->lock);
    return n;
}

/* ---- the life of a call, on the I/O thread ----------------------------------------------- */

/* The end of every call.  c is in no list any more. */
static void end(struct http *h, struct call *c, struct http_result *r) {
    if (c->easy) {
        curl_multi_remove_handle(h->multi, c->easy);
        curl_easy_cleanup(c->easy);
    }
    r->duration_ms = (int)(clock_monotonic_ms() - c->start_ms);
    if (!c->refused) {
        pthread_mutex_lock(&h->lock);
        h->in_flight--;
        pthread_mutex_unlock(&h->lock);
    }
    c->done(c->arg, r);
    call_free(c);
}

static void end_unsent(struct http *h, struct call *c, enum otr_reason reason, const char *detail) {
    struct http_result r = {.fate = HTTP_NOT_SENT, .reason = reason};
    call_detail(&r, detail);
    end(h, c, &r);
}

/* list: h->calls, or h->unnamed. */
static void link_call(struct call **list, struct call *c) {
    c->before = NULL;
    c->next = *list;
    if (*list)
        (*list)->before = c;
    *list = c;
}

static void unlink_call(struct call **list, struct call *c) {
    if (c->before)
        c->before->next = c->next;
    else
        *list = c->next;
    if (c->next)
        c->next->before = c->before;
}

static const char *refusal(enum otr_reason reason) {
    switch (reason) {
    case OTR_REASON_STOPPING:
        return "the program is stopping";
    case OTR_REASON_OVERLOADED:
        return "too many calls are under way";
    default:
        return "a header is too long or has a line end";
    }
}

/* Over to curl. */
static void launch(struct http *h, struct call *c) {
    if (curl_multi_add_handle(h->multi, c->easy) == CURLM_OK)
        link_call(&h->calls, c);
    else
        end_unsent(h, c, OTR_REASON_CONNECT_FAILED, "out of memory");
}

/* Ends a call that is in no list as curl would have. */
static void end_unnamed(struct http *h, struct call *c, CURLcode code) {
    struct http_result r = {0};
    call_result(c, code, &r);
    end(h, c, &r);
}

static int64_t too_late_ms(const struct call *c) {
    int limit = c->settings->connect_timeout_ms;
    return c->start_ms + (c->timeout_ms < limit ? c->timeout_ms : limit);
}

/* Launches it, if it needs no name or that is known. */
static void find_and_launch(struct http *h, struct call *c) {
    char entry[NAMES_ENTRY];
    int64_t now = clock_monotonic_ms();
    enum names_answer answer = *c->host ? names_find(h->names, c->host, c->port, now, entry)
                                        : NAMES_KNOWN;
    if (answer == NAMES_KNOWN && (!*c->host || call_addresses(c, entry))) {
        launch(h, c);
    } else if (answer == NAMES_KNOWN) {
        end_unsent(h, c, OTR_REASON_CONNECT_FAILED, "out of memory");
    } else if (answer == NAMES_UNKNOWN) {
        end_unnamed(h, c, CURLE_COULDNT_RESOLVE_HOST);
    } else if (now >= too_late_ms(c)) {
        end_unnamed(h, c, CURLE_OPERATION_TIMEDOUT);
    } else {
        if (!h->unnamed || too_late_ms(c) < h->unnamed_ms)
            h->unnamed_ms = too_late_ms(c);
        link_call(&h->unnamed, c);
    }
}

/* A lookup has ended, or the first of those who wait for one has waited too long. */
static void look_again(struct http *h) {
    bool news = atomic_exchange(&h->news, false);
    if (!h->unnamed || (!news && clock_monotonic_ms() < h->unnamed_ms))
        return;
    struct call *c = h->unnamed;
    h->unnamed = NULL;
    while (c) {
        struct call *next = c->next;
        find_and_launch(h, c);
        c = next;
    }
}

static void start(struct http *h, struct call *c) {
    const char *detail = "out of memory";
    enum otr_reason reason = OTR_REASON_CONNECT_FAILED;
    if (c->refused) {
        end_unsent(h, c, c->refused, refusal(c->refused));
        return;
    }
    /* A new handle each: nothing of an earlier call can be left in it.  Connections, addresses and
       TLS sessions live in the multi handle and the share, not in it. */
    c->easy = curl_easy_init();
    if (c->easy)
        reason = call_prepare(c, &detail);
    if (reason)
        end_unsent(h, c, reason, detail);
    else
        find_and_launch(h, c);
}

/* Starts what was handed over since. */
static void start_queue(struct http *h) {
    pthread_mutex_lock(&h->lock);
    struct call *c = h->queue;
    h->queue = NULL;
    h->queue_end = &h->queue;
    pthread_mutex_unlock(&h->lock);
    while (c) {
        struct call *next = c->next;
        start(h, c);
        c = next;
    }
}

/* Ends what curl is done with. */
static void reap(struct http *h) {
    const CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(h->multi, &left))) {
        struct call *c = NULL;
        struct http_result r = {0};
        CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c);
        unlink_call(&h->calls, c);
        call_result(c, code, &r);
        end(h, c, &r);
    }
}

/* Closing: ends the calls of which nothing was sent; with all, also the others. */
static void cut_off(struct http *h, bool all) {
    struct call *next;
    for (struct call *c = h->calls; c; c = next) {
        struct http_result r = {0};
        next = c->next;
        call_result(c, CURLE_OPERATION_TIMEDOUT, &r);
        if (r.fate != HTTP_NOT_SENT && !all)
            continue;
        unlink_call(&h->calls, c);
        if (r.fate == HTTP_NOT_SENT)
            r.reason = OTR_REASON_STOPPING;
        call_detail(&r, refusal(OTR_REASON_STOPPING));
        end(h, c, &r);
    }
    while ((next = h->unnamed)) {
        unlink_call(&h->unnamed, next);
        end_unsent(h, next, OTR_REASON_STOPPING, refusal(OTR_REASON_STOPPING));
    }
}

/* ---- the I/O thread ---------------------------------------------------------------------- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known) {
    struct http *h = arg;
    struct epoll_event e = {.data.fd = fd};
    struct call *c = NULL;
    (void)known;
    if (what == CURL_POLL_REMOVE) {
        /* curl 7.88 closes a socket that is not connected yet before it says so: the kernel has
           dropped it, and its number may be another thread's by now. */
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&c);
        if (!c || c->began)
            epoll_ctl(h->epoll, EPOLL_CTL_DEL, fd, &e);
        return 0;
    }
    if (what & CURL_POLL_IN)
        e.events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        e.events |= EPOLLOUT;
    /* Failing both (no memory) the call ends by its time limit. */
    if (epoll_ctl(h->epoll, EPOLL_CTL_MOD, fd, &e) != 0)
        epoll_ctl(h->epoll, EPOLL_CTL_ADD, fd, &e);
    return 0;
}

static int on_timer(CURLM *multi, long ms, void *arg) {
    struct http *h = arg;
    (void)multi;
    h->timer_ms = ms < 0 ? -1 : clock_monotonic_ms() + ms;
    return 0;
}

/* Sleeps until something happens, curl's timer or close_ms (0: none), and lets curl see to it. */
static void wait_and_drive(struct http *h, int64_t close_ms) {
    struct epoll_event events[EVENTS];
    int64_t until = h->timer_ms, wait = -1;
    int running;
    if (h->unnamed && (until < 0 || h->unnamed_ms < until))
        until = h->unnamed_ms;
    if (close_ms && (until < 0 || close_ms < until))
        until = close_ms;
    if (until >= 0) {
        wait = until - clock_monotonic_ms();
        wait = wait < 0 ? 0 : wait > 60000 ? 60000 : wait;
    }
    int n = epoll_wait(h->epoll, events, EVENTS, (int)wait);
    for (int i = 0; i < n; i++) {
        eventfd_t count;
        uint32_t e = events[i].events;
        if (events[i].data.fd == h->wake) {
            eventfd_read(h->wake, &count);
            continue;
        }
        int what = (e & EPOLLIN ? CURL_CSELECT_IN : 0) | (e & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (e & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
        curl_multi_socket_action(h->multi, events[i].data.fd, what, &running);
    }
    if (h->timer_ms >= 0 && clock_monotonic_ms() >= h->timer_ms) {
        h->timer_ms = -1;
        curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
}

/* Closing and nothing left to end: from now on http_start says false. */
static bool may_end(struct http *h) {
    pthread_mutex_lock(&h->lock);
    h->ended = h->closing && !h->queue && !h->calls && !h->unnamed;
    bool ended = h->ended;
    pthread_mutex_unlock(&h->lock);
    return ended;
}

static void *run(void *arg) {
    struct http *h = arg;
    bool was_closing = false;
    while (!may_end(h)) {
        look_again(h);
        start_queue(h);
        pthread_mutex_lock(&h->lock);
        bool closing = h->closing;
        int64_t close_ms = h->close_ms;
        pthread_mutex_unlock(&h->lock);
        bool over = closing && clock_monotonic_ms() >= close_ms;
        if (closing && (!was_closing || over))
            cut_off(h, over);
        was_closing = closing;
        if (h->calls || !closing)
            wait_and_drive(h, closing ? close_ms : 0);
        reap(h);
    }
    return NULL;
}

/* ---- open and close ---------------------------------------------------------------------- */

/* On the lookup's thread. */
static void on_news(void *arg) {
    struct http *h = arg;
    atomic_store(&h->news, true);
    eventfd_write(h->wake, 1);
}

static void free_all(struct http *h) {
    names_close(h->names); /* first: it may still write to wake */
    if (h->multi)
        curl_multi_cleanup(h->multi);
    if (h->settings.share)
        curl_share_cleanup(h->settings.share);
    if (h->epoll >= 0)
        close(h->epoll);
    if (h->wake >= 0)
        close(h->wake);
    pthread_mutex_destroy(&h->lock);
    free(h->ca_file);
    free(h);
}

static bool open_curl(struct http *h) {
    h->names = names_open(on_news, h);
    h->multi = curl_multi_init();
    h->settings.share = curl_share_init();
    if (!h->names || !h->multi || !h->settings.share)
        return false;
    /* A kept connection per call at most: curl then never searches for the oldest one to close. */
    curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)h->max_in_flight);
    curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    /* libcurl before 8.12 keeps TLS sessions per easy handle unless told to share them. */
    return curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
           curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h) == CURLM_OK &&
           curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
           curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h) == CURLM_OK &&
           curl_share_setopt(h->settings.share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) ==
               CURLSHE_OK;
}

/* Signals are the program's business: the thread (and those that look up names) take none. */
static bool start_thread(struct http *h) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    bool ok = pthread_create(&h->thread, NULL, run, h) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (ok)
        pthread_setname_np(h->thread, "bank-io");
    return ok;
}

struct http *http_open(const struct http_config *c, char *why, size_t why_size) {
    struct http *h = calloc(1, sizeof *h);
    bool ca = c->ca_file && *c->ca_file;
    if (!h || !call_init_curl()) {
        snprintf(why, why_size, "libcurl could not be initialised");
        free(h);
        return NULL;
    }
    pthread_mutex_init(&h->lock, NULL);
    h->queue_end = &h->queue;
    h->timer_ms = -1;
    h->max_in_flight = c->max_in_flight;
    h->ca_file = ca ? strdup(c->ca_file) : NULL;
    h->settings = (struct call_settings){.ca_file = h->ca_file,
                                         .timeout_ms = c->timeout_ms,
                                         .connect_timeout_ms = c->connect_timeout_ms,
                                         .answer_max = c->answer_max ? c->answer_max : ANSWER_MAX};
    h->epoll = epoll_create1(EPOLL_CLOEXEC);
    h->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = h->wake};
    if (ca && (!h->ca_file || access(h->ca_file, R_OK) != 0))
        snprintf(why, why_size, "ca_file %s cannot be read", c->ca_file);
    else if (h->epoll < 0 || h->wake < 0 || epoll_ctl(h->epoll, EPOLL_CTL_ADD, h->wake, &e) != 0 ||
             !open_curl(h) || !start_thread(h))
        snprintf(why, why_size, "no memory, descriptors or threads for the bank client");
    else
        return h;
    free_all(h);
    return NULL;
}

void http_stop(struct http *h, int grace_ms) {
    if (!h || h->stopped)
        return;
    pthread_mutex_lock(&h->lock);
    h->closing = true;
    h->close_ms = clock_monotonic_ms() + (grace_ms > 0 ? grace_ms : 0);
    pthread_mutex_unlock(&h->lock);
    eventfd_write(h->wake, 1);
    pthread_join(h->thread, NULL);
    h->stopped = true;
}

void http_close(struct http *h, int grace_ms) {
    if (!h)
        return;
    http_stop(h, grace_ms);
    free_all(h);
}
