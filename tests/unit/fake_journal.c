/* fake_journal.c - journal and HTTP engine in memory, for tests of core/. */
#include "tests/unit/fake_journal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sql/clock.h"

struct fake fake;
char fake_key_file[64];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct journal {
    int unused;
};

static void trace(const char *word) {
    size_t size = strlen(fake.trace);
    snprintf(fake.trace + size, sizeof fake.trace - size, "%s%s", size ? " " : "", word);
}

static char folder[] = "/tmp/otprefund-test-XXXXXX";

int fake_key_make(void) {
    if (!mkdtemp(folder))
        return 1;
    snprintf(fake_key_file, sizeof fake_key_file, "%s/key", folder);
    FILE *file = fopen(fake_key_file, "w");
    if (!file)
        return 1;
    fputs("TEST_KEY_DO_NOT_USE_0123456789ab\n", file);
    fclose(file);
    return chmod(fake_key_file, 0600);
}

int fake_key_remove(void) {
    return unlink(fake_key_file) + rmdir(folder);
}

void fake_reset(void) {
    pthread_mutex_lock(&lock);
    memset(&fake, 0, sizeof fake);
    fake.begun.attempt_id = 7;
    fake.begun.known_amount = OTR_NO_AMOUNT;
    pthread_mutex_unlock(&lock);
}

static bool wait_for(const int *counter, int n) {
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&lock);
        bool there = *counter >= n;
        pthread_mutex_unlock(&lock);
        if (there)
            return true;
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    }
    return false;
}

bool fake_wait_finished(int n) {
    return wait_for(&fake.finished, n);
}

bool fake_wait_claims(int n) {
    return wait_for(&fake.claims, n);
}

void fake_finish_fails(int times) {
    pthread_mutex_lock(&lock);
    fake.finish_fails = times;
    pthread_mutex_unlock(&lock);
}

void fake_hold(int64_t up_to) {
    pthread_mutex_lock(&lock);
    fake.held = up_to;
    pthread_mutex_unlock(&lock);
}

static pthread_cond_t said = PTHREAD_COND_INITIALIZER;

void fake_due_and_say(const char *tid, enum journal_event event) {
    pthread_mutex_lock(&lock);
    if (tid) {
        fake.due[0] = (struct journal_due){.attempt_id = 3, .user_code = "20110001"};
        snprintf(fake.due[0].tid, sizeof fake.due[0].tid, "%s", tid);
        fake.due_count = 1;
    }
    fake.news = (struct journal_news){.event = event, .attempt_id = 3};
    pthread_cond_broadcast(&said);
    pthread_mutex_unlock(&lock);
}

/* ---- journal ---- */

const char *journal_status_text(enum journal_status s) {
    return s == JOURNAL_OK ? "ok" : "fake trouble";
}

enum journal_status journal_open(const struct journal_config *c, struct journal **out, char *why,
                                 size_t size) {
    (void)c;
    snprintf(why, size, "%s", "");
    *out = calloc(1, sizeof **out);
    return *out ? JOURNAL_OK : JOURNAL_NO_MEMORY;
}

void journal_close(struct journal *j) {
    free(j);
}

enum journal_status journal_begin(struct journal *j, const struct journal_intent *i,
                                  struct journal_begun *b) {
    (void)j;
    pthread_mutex_lock(&lock);
    trace("begin");
    fake.intent = *i;
    snprintf(fake.key, sizeof fake.key, "%s", i->idempotency_key ? i->idempotency_key : "");
    snprintf(fake.user_code, sizeof fake.user_code, "%s", i->user_code ? i->user_code : "");
    snprintf(fake.client_ref_id, sizeof fake.client_ref_id, "%s",
             i->client_ref_id ? i->client_ref_id : "");
    if (i->content_mac)
        memcpy(fake.mac, i->content_mac, sizeof fake.mac);
    fake.begun.attempt_id += fake.number;
    *b = fake.begun;
    enum journal_status s = fake.begin_status;
    fake.begun_ms = clock_monotonic_ms();
    if (fake.begin_takes_ms)
        nanosleep(&(struct timespec){0, fake.begin_takes_ms * 1000000L}, NULL);
    pthread_mutex_unlock(&lock);
    return s;
}

enum journal_status journal_seal_due(struct journal *j, int64_t *ms) {
    (void)j;
    *ms = JOURNAL_NEVER;
    return JOURNAL_OK;
}

enum journal_status journal_seal_once(struct journal *j, int64_t *rows) {
    (void)j;
    *rows = 0;
    return JOURNAL_OK;
}

enum journal_status journal_finish(struct journal *j, const struct journal_finding *f) {
    (void)j;
    pthread_mutex_lock(&lock);
    enum journal_status s = fake.finish_trouble ? fake.finish_trouble : JOURNAL_DOWN;
    if (f->attempt_id <= fake.held) {
        trace("held");
    } else if (fake.finish_fails > 0) {
        fake.finish_fails--;
        trace("down");
    } else {
        trace("finish");
        fake.found = *f;
        snprintf(fake.found_message, sizeof fake.found_message, "%s", f->message);
        snprintf(fake.found_evidence, sizeof fake.found_evidence, "%s", f->evidence);
        snprintf(fake.found_tid, sizeof fake.found_tid, "%s", f->tid ? f->tid : "");
        fake.finished++;
        if (fake.found_one)
            fake.found_one(f);
        s = JOURNAL_OK;
    }
    pthread_mutex_unlock(&lock);
    return s;
}

void journal_finish_all(struct journal *j, const struct journal_finding *const f[],
                        enum journal_status status[], int n) {
    int in_vain = 0;
    for (int i = 0; i < n; i++) {
        status[i] = in_vain < 3 ? journal_finish(j, f[i]) : JOURNAL_DOWN;
        in_vain = status[i] == JOURNAL_DOWN ? in_vain + 1 : 0;
    }
}

void journal_attempt_all(struct journal *j, const int64_t attempt_id[],
                         struct otr_attempt *const a[], enum journal_status status[], int n) {
    for (int i = 0; i < n; i++)
        status[i] = journal_attempt(j, attempt_id[i], a[i]);
}

enum journal_status journal_claim(struct journal *j, int max, int lease_ms,
                                  struct journal_due *rows, int *n, int64_t *next_ms) {
    (void)j, (void)lease_ms;
    pthread_mutex_lock(&lock);
    *n = fake.due_count < max ? fake.due_count : max;
    memcpy(rows, fake.due, (size_t)*n * sizeof rows[0]);
    fake.due_count = 0;
    fake.claims++;
    *next_ms = JOURNAL_NEVER;
    enum journal_status s = fake.claim_status;
    pthread_mutex_unlock(&lock);
    return s;
}

void journal_claim_trouble(struct journal *j, char *why, size_t size) {
    (void)j;
    snprintf(why, size, "%s", "42883 no such function");
}

enum journal_status journal_attempt(struct journal *j, int64_t attempt_id, struct otr_attempt *a) {
    (void)j;
    memset(a, 0, sizeof *a);
    pthread_mutex_lock(&lock);
    a->attempt_id = attempt_id;
    a->kind = fake.intent.kind;
    a->outcome = fake.finished ? fake.found.outcome : OTR_OUTCOME_NONE;
    a->open = a->kind == OTR_KIND_REFUND && !fake.found.resolution;
    pthread_mutex_unlock(&lock);
    return JOURNAL_OK;
}

struct journal_listener {
    bool stop;
};

struct journal_listener *journal_listen_open(const char *conninfo, int look_ms) {
    (void)conninfo, (void)look_ms;
    return calloc(1, sizeof(struct journal_listener));
}

void journal_listen_wait(struct journal_listener *l, int timeout_ms, struct journal_news *n) {
    (void)timeout_ms;
    pthread_mutex_lock(&lock);
    while (!l->stop && fake.news.event == JOURNAL_EVENT_NONE)
        pthread_cond_wait(&said, &lock);
    *n = fake.news;
    fake.news.event = JOURNAL_EVENT_NONE;
    pthread_mutex_unlock(&lock);
}

void journal_listen_stop(struct journal_listener *l) {
    pthread_mutex_lock(&lock);
    l->stop = true;
    pthread_cond_broadcast(&said);
    pthread_mutex_unlock(&lock);
}

void journal_listen_close(struct journal_listener *l) {
    free(l);
}

enum journal_status journal_callback(struct journal *j, const char *tid, const char *body,
                                     size_t size, size_t sent, const char *address) {
    (void)j;
    (void)tid;
    (void)body;
    (void)size;
    (void)sent;
    (void)address;
    return fake.callback_status;
}

/* Not asked for by what is tested here. */
#define NOTHING(name, ...)                                                                         \
    enum journal_status name(__VA_ARGS__) {                                                        \
        return JOURNAL_NOT_FOUND;                                                                  \
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
NOTHING(journal_wake, struct journal *j, const char *tid)
NOTHING(journal_attempts, struct journal *j, const struct otr_filter *f, int max,
        struct otr_attempt *rows, int *n)
NOTHING(journal_transaction, struct journal *j, const char *tid, const struct journal_limits *l,
        struct otr_transaction *t)
NOTHING(journal_tid_of, struct journal *j, const char *client_ref_id, char tid[OTR_TID_SIZE])
NOTHING(journal_operator, struct journal *j, const char *name, struct otr_operator *o)
NOTHING(journal_client, struct journal *j, const unsigned char *token_sha256,
        struct otr_operator *o)
NOTHING(journal_today, struct journal *j, const char *operator_name, const char *zone,
        struct otr_today *t)
NOTHING(journal_desks, struct journal *j, const char *const names[], int n, const char *zone,
        int64_t from, struct otr_desk *const desks[], char moment[OTR_MOMENT_SIZE])
NOTHING(journal_moment, struct journal *j, const char *zone, char moment[OTR_MOMENT_SIZE])
NOTHING(journal_report, struct journal *j, enum journal_report r, struct otr_table *t)
#pragma GCC diagnostic pop

enum journal_status journal_numbers(struct journal *j, struct journal_numbers *n) {
    (void)j;
    *n = (struct journal_numbers){0};
    return JOURNAL_OK;
}

/* ---- http ---- */

#ifndef FAKE_JOURNAL_ONLY
struct http {
    http_done *done; /* of a call that never gets an answer */
    void *arg;
    atomic_bool stopped;
};

struct http *http_open(const struct http_config *c, char *why, size_t why_size) {
    (void)c;
    snprintf(why, why_size, "%s", "");
    return calloc(1, sizeof(struct http));
}

bool http_start(struct http *h, const struct http_request *r, http_done *done, void *arg) {
    pthread_mutex_lock(&lock);
    if (fake.start_fails || h->stopped) {
        pthread_mutex_unlock(&lock);
        return false;
    }
    trace("start");
    snprintf(fake.url, sizeof fake.url, "%s", r->url);
    snprintf(fake.body, sizeof fake.body, "%.*s", (int)r->body_size, r->body ? r->body : "");
    fake.post = r->post;
    fake.send_by_ms = r->send_by_ms;
    for (int i = 0; i < r->header_count; i++) {
        size_t size = strlen(fake.headers);
        snprintf(fake.headers + size, sizeof fake.headers - size, "%s: %s\n", r->headers[i].name,
                 r->headers[i].value);
    }
    struct http_result result = fake.answer;
    bool never = fake.answer_never;
    pthread_mutex_unlock(&lock);
    if (never) {
        h->done = done;
        h->arg = arg;
    } else {
        done(arg, &result);
    }
    return true;
}

int http_in_flight(struct http *h) {
    return h->done != NULL;
}

void http_stop(struct http *h, int grace_ms) {
    (void)grace_ms;
    h->stopped = true;
    if (h->done) {
        struct http_result lost = {.fate = HTTP_MAYBE_SENT,
                                   .reason = OTR_REASON_NO_ANSWER,
                                   .duration_ms = fake.answer.duration_ms};
        h->done(h->arg, &lost);
        h->done = NULL;
    }
}

void http_close(struct http *h, int grace_ms) {
    (void)grace_ms;
    pthread_mutex_lock(&lock);
    fake.finished_at_close = fake.finished;
    pthread_mutex_unlock(&lock);
    free(h);
}
#endif
