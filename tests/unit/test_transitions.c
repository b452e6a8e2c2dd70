/*
 * test_transitions.c - the real core and the real journal take each step of
 * tests/model/transitions.tsv, the table that the model takes its steps from too.  Only the bank's
 * side of core/http.h is the test's own.
 */
#include <CUnit/Basic.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/core.h"
#include "tests/unit/journal_steps.h"
#include "tests/unit/pg_helper.h"
#include "tests/unit/suite.h"

#define ROWS_MAX 300
#define OLD_S    700 /* older than settle_s */
#define LATE_S   60  /* past the deadline, younger than settle_s */

struct row {
    char state[64], event[32], next[64], recorded[16];
};
static struct row rows[ROWS_MAX];
static int n_rows;

static struct otr *core;
static char key_file[] = "/tmp/otprefund-steps-XXXXXX";
static const struct otr_who ASHA = {
    .name = "asha", .user_code = "20110001", .channel = OTR_CHANNEL_DESK};

/* ---- calls that wait for the test to answer them ------------------------------------------- */

struct held {
    http_done *done;
    void *arg;
};
struct http {
    struct held last;
};
static struct http engine;

struct http *http_open(const struct http_config *c, char *why, size_t why_size) {
    (void)c, (void)why, (void)why_size;
    return &engine;
}

bool http_start(struct http *h, const struct http_request *r, http_done *done, void *arg) {
    (void)r;
    h->last = (struct held){done, arg};
    return true;
}

int http_in_flight(struct http *h) {
    (void)h;
    return 0;
}

void http_stop(struct http *h, int grace_ms) {
    (void)h, (void)grace_ms;
}

void http_close(struct http *h, int grace_ms) {
    (void)h, (void)grace_ms;
}

static void land(struct held *h, const struct http_result *r) {
    h->done(h->arg, r);
    while (flights_unfinished(core->flights) > 0)
        usleep(200);
    h->done = NULL;
}

/* The TID stands between head and tail. */
static void say(struct held *h, const char *head, const char *tid, const char *tail) {
    char body[512];
    snprintf(body, sizeof body, "%s%s%s", head, tid, tail);
    const struct http_result r = {
        .fate = HTTP_ANSWERED, .status = 200, .body = body, .size = strlen(body)};
    land(h, &r);
}

/* ---- events -------------------------------------------------------------------------------- */

/* One attempt and what is on its way. */
struct walk {
    char tid[OTR_TID_SIZE];
    int64_t id;
    struct held refund, inquiry;
    int64_t inquiry_id; /* of the last one; 0: none */
};

static enum otr_status refund(const char *tid, int64_t *id, struct otr_fault *f) {
    return otr_refund(core, &ASHA, tid, "012345", 6, true, new_key(), id, f);
}

static void inquire(struct walk *w) {
    struct otr_fault f;
    CU_ASSERT_EQUAL(otr_inquire(core, &ASHA, w->tid, NULL, &w->inquiry_id, &f), OTR_OK);
    w->inquiry = engine.last;
}

/* A refund is asked for while, or after, the attempt is there. */
static bool begin_again(struct walk *w, const char *recorded) {
    struct otr_fault f = {0};
    int64_t id = 0;
    enum otr_status s = refund(w->tid, &id, &f);
    if (strcmp(recorded, "busy") == 0)
        return s == OTR_BUSY && f.attempt_id == w->id && strcmp(f.operator_name, "asha") == 0;
    if (strcmp(recorded, "refused") == 0)
        return s == OTR_CONFLICT && f.attempt_id == w->id;
    struct held another = engine.last;
    if (s != OTR_OK || id == w->id)
        return false;
    land(&another, &(struct http_result){.fate = HTTP_NOT_SENT, .reason = OTR_REASON_STOPPING});
    return true;
}

static void answer(struct walk *w, const char *event) {
    if (strcmp(event, "answer_refunded") == 0)
        say(&w->refund,
            "{\"status\":0,\"response_status_id\":0,\"message\":\"Refund "
            "done\",\"data\":{\"tid\":\"",
            w->tid, "\",\"tx_status\":\"4\",\"amount\":499}}");
    else if (strcmp(event, "answer_rejected") == 0)
        say(&w->refund, "{\"status\":1,\"response_status_id\":302,\"message\":\"Wrong OTP\"}", "",
            "");
    else if (strcmp(event, "answer_not_sent") == 0)
        land(&w->refund,
             &(struct http_result){.fate = HTTP_NOT_SENT, .reason = OTR_REASON_CONNECT_FAILED});
    else
        land(&w->refund,
             &(struct http_result){.fate = HTTP_MAYBE_SENT, .reason = OTR_REASON_NO_ANSWER});
}

static void answer_inquiry(struct walk *w, const char *event) {
    static const char head[] =
        "{\"status\":0,\"response_status_id\":0,\"message\":\"ok\",\"data\":{\"tid\":\"";
    if (strstr(event, "unproven"))
        land(&w->inquiry,
             &(struct http_result){.fate = HTTP_MAYBE_SENT, .reason = OTR_REASON_NO_ANSWER});
    else if (strstr(event, "refunded"))
        say(&w->inquiry, head, w->tid, "\",\"tx_status\":\"4\",\"amount\":\"499.0\"}}");
    else
        say(&w->inquiry, head, w->tid, "\",\"tx_status\":\"3\",\"amount\":\"499.0\"}}");
}

static void take_over(struct walk *w) {
    struct journal_due due[200];
    int n = 0;
    int64_t next_ms;
    set_back(w->id, LATE_S);
    if (w->inquiry_id)
        set_back(w->inquiry_id, LATE_S);
    CU_ASSERT_EQUAL(journal_claim(j, 200, 3600000, due, &n, &next_ms), JOURNAL_OK);
}

/* Older than settle_s before its deadline: settle_s may be that short. */
static void older_than_its_call(const struct walk *w) {
    char sql[200];
    snprintf(sql, sizeof sql,
             "UPDATE otprefund.open_attempt SET opened_at = opened_at - interval '%d s'"
             " WHERE attempt_id = %" PRId64,
             OLD_S, w->id);
    CU_ASSERT(pg_do(sql));
}

static void put_in_doubt(const struct walk *w) {
    char sql[400];
    snprintf(
        sql, sizeof sql,
        "INSERT INTO otprefund.contradiction (attempt_id, by_attempt_id, what, recorded, found)"
        " VALUES (%" PRId64 ", %" PRId64 ", 'resolution', 'refunded', 'not_refunded')"
        " ON CONFLICT DO NOTHING",
        w->id, w->id);
    CU_ASSERT(pg_do(sql));
}

/* Does what the event says.  False: it was not answered as the row says. */
static bool happen(struct walk *w, const struct row *r) {
    struct otr_fault f;
    if (strcmp(r->state, "none") == 0) {
        bool ok = refund(w->tid, &w->id, &f) == OTR_OK;
        w->refund = engine.last;
        return ok;
    }
    if (strcmp(r->event, "begin_in_doubt") == 0)
        put_in_doubt(w);
    if (strncmp(r->event, "begin", 5) == 0)
        return begin_again(w, r->recorded);
    if (strcmp(r->event, "take_over") == 0) {
        take_over(w);
    } else if (strncmp(r->event, "answer_", 7) == 0) {
        answer(w, r->event);
    } else {
        if (!w->inquiry.done) { /* not begun before, when the attempt was open */
            if (strcmp(r->event, "inquiry_pending_old") == 0)
                set_back(w->id, OLD_S);
            if (strcmp(r->event, "inquiry_pending_young") == 0 &&
                strcmp(r->state, "intent/open") == 0)
                older_than_its_call(w);
            inquire(w);
        }
        answer_inquiry(w, r->event);
    }
    return true;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static bool read_rows(void) {
    const char *srcdir = getenv("srcdir");
    char path[1024], line[256];
    snprintf(path, sizeof path, "%s/tests/model/transitions.tsv", srcdir ? srcdir : ".");
    FILE *f = fopen(path, "r");
    if (!f) {
        perror(path);
        return false;
    }
    bool ok = true;
    while (ok && n_rows < ROWS_MAX && fgets(line, sizeof line, f)) {
        struct row *r = &rows[n_rows];
        if (*line == '#' || *line == '\n')
            continue;
        ok = sscanf(line, "%63[^\t]\t%31[^\t]\t%63[^\t]\t%15[^\t\n]", r->state, r->event, r->next,
                    r->recorded) == 4;
        n_rows++;
    }
    fclose(f);
    return ok && n_rows > 100;
}

static const char *state_of(int64_t id) {
    char sql[900];
    snprintf(sql, sizeof sql,
             "SELECT coalesce(o.outcome, 'intent') || coalesce('+' || l.outcome, '') ||"
             " CASE WHEN r.attempt_id IS NULL AND q.next_inquiry_at IS NOT NULL THEN '/open'"
             " WHEN r.attempt_id IS NULL THEN '/nobody asks' WHEN q.attempt_id IS NOT NULL"
             " THEN '/settled and open' ELSE '/' || r.resolution || '/' || r.resolved_by END"
             " FROM otprefund.attempt a LEFT JOIN otprefund.outcome o USING (attempt_id)"
             " LEFT JOIN otprefund.late_answer l USING (attempt_id)"
             " LEFT JOIN otprefund.resolution r USING (attempt_id)"
             " LEFT JOIN otprefund.open_attempt q USING (attempt_id)"
             " WHERE a.attempt_id = %" PRId64,
             id);
    return pg_text(sql);
}

/* Rows that lead from none to state, as few as may be; -1: no way there.  An answer comes once: what
   may still be answered became unknown by being taken over, not by answer_unknown. */
static int path_to(const char *state, int path[], int room) {
    int from[ROWS_MAX], queue[ROWS_MAX], n = 0, read = 0;
    for (int i = 0; i < n_rows; i++)
        if (strcmp(rows[i].state, "none") == 0)
            from[n] = -1, queue[n++] = i;
    for (; read < n; read++) {
        const struct row *r = &rows[queue[read]];
        if (strcmp(r->next, state) == 0)
            break;
        for (int i = 0; i < n_rows && n < ROWS_MAX; i++) {
            bool known =
                strcmp(rows[i].state, r->next) != 0 || strcmp(rows[i].event, "answer_unknown") == 0;
            for (int k = 0; k < n; k++)
                known |= strcmp(rows[queue[k]].next, rows[i].next) == 0;
            if (!known)
                from[n] = read, queue[n++] = i;
        }
    }
    int size = 0;
    for (int at = read < n ? read : -1; at >= 0 && size < room; at = from[at])
        path[size++] = queue[at];
    for (int i = 0; i < size / 2; i++) {
        int other = path[i];
        path[i] = path[size - 1 - i];
        path[size - 1 - i] = other;
    }
    return read < n ? size : -1;
}

/* Walks to the row's state and takes it. */
static bool take(const struct row *r) {
    struct walk w = {0};
    int path[ROWS_MAX],
        size = strcmp(r->state, "none") == 0 ? 0 : path_to(r->state, path, ROWS_MAX);
    struct held before = {0};
    bool held = strncmp(r->event, "inquiry_", 8) == 0 && !strstr(r->state, "/open");
    snprintf(w.tid, sizeof w.tid, "%s", new_tid());
    for (int i = 0; i < size; i++) {
        happen(&w, &rows[path[i]]);
        if (i == 0 && held) { /* the inquiry that is answered when all is settled */
            if (strcmp(r->event, "inquiry_pending_old") == 0)
                set_back(w.id, OLD_S);
            if (strcmp(r->event, "inquiry_pending_young") == 0)
                older_than_its_call(&w);
            inquire(&w);
            before = w.inquiry;
            w.inquiry = (struct held){0};
        }
        if (strcmp(state_of(w.id), rows[path[i]].next) != 0)
            size = -1;
    }
    int64_t contradictions = w.id ? count("contradiction", w.id) : 0;
    w.inquiry = before;
    bool ok = size >= 0 && happen(&w, r) && strcmp(state_of(w.id), r->next) == 0;
    int64_t now = count("contradiction", w.id);
    /* The same finding is recorded once. */
    if (strcmp(r->event, "begin_in_doubt") != 0)
        ok = ok && (strcmp(r->recorded, "contradiction") == 0 ? now > 0 : now == contradictions);
    if (!ok)
        fprintf(stderr, "%s, %s: expected %s %s, came to %s, %" PRId64 " contradictions\n",
                r->state, r->event, r->next, r->recorded,
                size < 0 ? "no way there" : state_of(w.id), now - contradictions);
    if (w.refund.done) /* no flight is left behind */
        answer(&w, "answer_unknown");
    return ok;
}

static void every_row_is_a_step_of_the_code(void) {
    int taken = 0;
    for (int i = 0; i < n_rows; i++)
        taken += take(&rows[i]);
    printf("\n    transitions.tsv: %d rows, %d taken by the code", n_rows, taken);
    CU_ASSERT_EQUAL(taken, n_rows);
}

static bool open_core(void) {
    int fd = mkstemp(key_file);
    struct otr_fault f;
    const struct otr_config c = {.base_url = "https://bank.test/v3",
                                 .initiator_id = "9000000001",
                                 .conninfo = pg_app,
                                 .developer_key_file = key_file,
                                 .access_key_file = key_file,
                                 .secret_key_file = key_file};
    if (fd < 0 || write(fd, "TEST_KEY_DO_NOT_USE_0123456789ab\n", 33) != 33 || close(fd) != 0)
        return false;
    if (otr_open(&c, &core, &f) == OTR_OK)
        return true;
    fprintf(stderr, "%s\n", f.detail);
    return false;
}

int main(void) {
    if (!getenv("OTPREFUND_TEST_DB"))
        return 77;
    if (!read_rows() || !steps_open() || !open_core() ||
        !pg_do("INSERT INTO otprefund.operator (name, role) VALUES ('asha', 'supervisor')"))
        return 1; /* anybody else stops at a contradiction (test_contradiction.c) */
    CU_pSuite s = suite_begin("transitions", NULL, NULL);
    CU_ADD_TEST(s, every_row_is_a_step_of_the_code);
    int failed = suite_run();
    otr_close(core, 1000);
    steps_close();
    unlink(key_file);
    return failed;
}
