/* it.c - sentences for what failed, and the steps that several suites take. */
#include "tests/integration/it.h"

#include <CUnit/CUnit.h>
#include <CUnit/TestRun.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#define MAX_TIDS 400
#define MAX_OTPS 400

/* ---- saying what failed ---------------------------------------------------------------------- */

void expect_at(bool ok, const char *file, int line, const char *sentence, ...) {
    char text[600];
    va_list args;
    va_start(args, sentence);
    vsnprintf(text, sizeof text, sentence, args);
    va_end(args);
    if (!ok)
        printf("\n    FAILED %s:%d: %s", file, line, text);
    fflush(stdout);
    CU_assertImplementation(ok ? CU_TRUE : CU_FALSE, (unsigned)line, text, file, "", CU_FALSE);
}

void expect_text_at(const char *file, int line, const char *about, const char *what,
                    const char *expected, const char *got) {
    expect_at(strcmp(expected, got) == 0, file, line, "%s: %s: expected '%s', got '%s'", about,
              what, expected, got);
}

void expect_number_at(const char *file, int line, const char *about, const char *what,
                      long long expected, long long got) {
    expect_at(expected == got, file, line, "%s: %s: expected %lld, got %lld", about, what, expected,
              got);
}

void expect_says_at(const char *file, int line, const char *about, const struct reply *r,
                    const char *words) {
    expect_at(reply_says(r, words), file, line, "%s: the page (HTTP %d) should say '%s'", about,
              r->status, words);
}

void expect_alive(const char *after) {
    struct reply r = {0};
    client_get(&it.nobody, "/healthz", &r);
    expect(r.status == 200, "after %s: /healthz answers %d %s", after, r.status, r.error);
    expect(it.pid > 0 && (kill((pid_t)it.pid, 0) == 0 || errno == EPERM),
           "after %s: process %ld is gone", after, it.pid);
    reply_free(&r);
}

void expect_logged(const char *words, const char *more) {
    char path[600], line[4096];
    bool found = false;
    snprintf(path, sizeof path, "%s/log/program.log", it.folder);
    FILE *f = fopen(path, "re");
    while (f && !found && fgets(line, sizeof line, f)) {
        const char *at = strstr(line, words);
        found = at && (!more || strstr(at, more));
    }
    if (f)
        fclose(f);
    expect(found, "the log does not say: %s %s", words, more ? more : "");
}

/* ---- names that were never used before ------------------------------------------------------- */

static char tids[MAX_TIDS][IT_TID_SIZE];
static int tids_used;
static char otps[MAX_OTPS][16];
static int otps_used;

static unsigned random_below(unsigned limit) {
    unsigned v = 0;
    if (getrandom(&v, sizeof v, 0) != (ssize_t)sizeof v)
        abort();
    return v % limit;
}

/* 12 digits: a run of its own (7 digits), a counter (3), the two that choose what the bank does. */
const char *new_tid(int last_two) {
    static unsigned run;
    if (run == 0)
        run = 1000000 + random_below(9000000);
    if (tids_used == MAX_TIDS)
        abort();
    char *tid = tids[tids_used];
    snprintf(tid, IT_TID_SIZE, "%07u%03d%02d", run % 10000000, tids_used % 1000, last_two % 100);
    tids_used++;
    return tid;
}

int tid_count(void) {
    return tids_used;
}

const char *tid_at(int i) {
    return tids[i];
}

void remember_otp(const char *otp) {
    for (int i = 0; i < otps_used; i++)
        if (strcmp(otps[i], otp) == 0)
            return;
    if (otps_used < MAX_OTPS)
        snprintf(otps[otps_used++], sizeof otps[0], "%s", otp);
}

int otp_count(void) {
    return otps_used;
}

const char *otp_at(int i) {
    return otps[i];
}

const char *wrong_otp(char out[9]) {
    snprintf(out, 9, "%08u", random_below(100000000));
    remember_otp(out);
    return out;
}

const char *fresh_key(char out[33]) {
    for (int i = 0; i < 32; i++)
        out[i] = "0123456789abcdef"[random_below(16)];
    out[32] = '\0';
    return out;
}

/* ---- steps at the desk ----------------------------------------------------------------------- */

static void path_of(char *out, size_t size, const char *tid, const char *what) {
    snprintf(out, size, "/refunds/%s%s", tid, what);
}

bool open_transaction(const struct client *c, const char *tid, struct reply *r) {
    char path[64], action[64];
    struct form f;
    path_of(path, sizeof path, tid, "");
    path_of(action, sizeof action, tid, "/otp");
    for (int i = 0; i < 6; i++) { /* a transaction on hold needs several looks */
        if (!client_get(c, path, r) || r->status != 200)
            return false;
        if (form_find(r, action, &f))
            return true;
        nap_ms(100);
    }
    return false;
}

/* After a POST: the 303's attempt, and its page. */
static long follow(const struct client *c, const char *tid, const char *what, struct reply *r) {
    char path[512];
    long id = reply_attempt_id(r);
    expect(r->status == 303 && id > 0, "%s: POST %s: expected 303 to /attempts/{id}, got %d '%s'",
           tid, what, r->status, reply_location(r, path, sizeof path));
    if (id > 0) {
        reply_location(r, path, sizeof path);
        client_get(c, path, r);
        expect(r->status == 200, "%s: %s: expected 200, got %d", tid, path, r->status);
    }
    return id;
}

long send_otp(const struct client *c, const char *tid, struct reply *page) {
    char action[64];
    struct form f;
    path_of(action, sizeof action, tid, "/otp");
    if (!open_transaction(c, tid, page) || !form_find(page, action, &f)) {
        expect(false, "%s: the page (HTTP %d) offers no form to send the OTP", tid, page->status);
        return 0;
    }
    form_post(c, &f, page);
    return follow(c, tid, "otp", page);
}

bool refund_form(const struct client *c, const char *tid, const char *otp, struct form *f) {
    char action[64], path[64];
    struct reply r = {0};
    path_of(path, sizeof path, tid, "");
    path_of(action, sizeof action, tid, "/refund");
    client_get(c, path, &r);
    bool ok = form_find(&r, action, f);
    expect(ok, "%s: the page (HTTP %d) offers no form for the OTP", tid, r.status);
    reply_free(&r);
    form_set(f, "otp", otp);
    form_set(f, "cash_returned", "yes");
    return ok;
}

long submit_otp(const struct client *c, const char *tid, const char *otp, struct reply *page) {
    struct form f;
    if (!refund_form(c, tid, otp, &f))
        return 0;
    form_post(c, &f, page);
    return follow(c, tid, "refund", page);
}

bool texted_otp(const struct client *c, const char *tid, char *otp, size_t size) {
    struct reply r = {0};
    otp[0] = '\0';
    long id = send_otp(c, tid, &r);
    reply_free(&r);
    if (id == 0)
        return false;
    struct row w = wait_outcome(id, 20);
    expect_text(tid, "outcome of the otp attempt", "sent", w.outcome);
    bool ok = phone_otp(tid, otp, size);
    expect(ok, "%s: no OTP on the customer's phone", tid);
    return ok;
}

bool api_call(const char *path, const char *body, const char *key, const char *header,
              struct reply *r) {
    char line[160];
    struct ask a = {.path = path, .body = body, .content_type = body ? "application/json" : NULL};
    int n = 0;
    if (key) {
        snprintf(line, sizeof line, "Idempotency-Key: %s", key);
        a.headers[n++] = line;
    }
    if (header)
        a.headers[n++] = header;
    return client_ask(&it.api, &a, r);
}
