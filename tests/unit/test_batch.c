/* test_batch.c - writes of many threads in one transaction: each is told its own result. */
#include <CUnit/Basic.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sql/journal.h"
#include "tests/unit/pg_helper.h"
#include "tests/unit/suite.h"

#define THREADS 32
#define EACH    24

static struct journal *j, *j_few; /* of which three writes share a commit */
static const unsigned char mac[32] = {7};

enum deed { PLAIN, BAD_VALUE, SHARED_TID, SHARED_KEY };

/* One begin, and the finish after it. */
struct step {
    enum deed deed;
    char tid[OTR_TID_SIZE], key[32];
    enum journal_status begun, finished;
    int64_t id;
    int again; /* begins that came to nothing clear */
    bool lied; /* _DOWN, and yet it was recorded */
};

struct worker {
    int number;
    struct step steps[EACH];
};
static struct worker workers[THREADS];
static int turn; /* so that each test has transactions of its own */

static void plan(bool mixed) {
    turn++;
    for (int w = 0; w < THREADS; w++) {
        workers[w].number = w;
        for (int k = 0; k < EACH; k++) {
            struct step *s = &workers[w].steps[k];
            *s = (struct step){.deed = mixed ? (enum deed)((w + k) % 4) : PLAIN};
            /* Neighbours share: the same tid, or the same key on other ones. */
            int group = s->deed == SHARED_TID ? w / 8 : w;
            snprintf(s->tid, sizeof s->tid, "%d%02d%03d", 700 + turn, group, k + s->deed * 100);
            snprintf(s->key, sizeof s->key, "%d-%d-%d", turn,
                     s->deed == SHARED_KEY ? w / 8 + 100 : w, k);
        }
    }
}

static struct journal_finding wrong_otp(int64_t id) {
    return (struct journal_finding){
        .attempt_id = id,
        .kind = OTR_KIND_REFUND,
        .outcome = OTR_OUTCOME_REJECTED,
        .reason = OTR_REASON_WRONG_OTP,
        .http_status = 200,
        .message = "Invalid OTP",
        .evidence = "{}",
        .tx_status = OTR_NO_STATUS,
        .amount = OTR_NO_AMOUNT,
        .refunded_amount = OTR_NO_AMOUNT,
        .settles_attempt_id = id,
        .resolution = OTR_RESOLUTION_NOT_REFUNDED,
        .how = OTR_HOW_ANSWER,
    };
}

static void finish(struct step *s) {
    const struct journal_finding f = wrong_otp(s->id);
    s->finished = journal_finish(j, &f);
}

static void nap(int ms) {
    nanosleep(&(struct timespec){0, ms * 1000000L}, NULL);
}

/* As a client does: the same key again until it is clear.  What is _DOWN must not be there. */
static void begin(struct step *s, const struct journal_intent *i) {
    struct journal_begun b;
    enum journal_status before = JOURNAL_OK;
    for (int tries = 0; tries < 6000; tries++, nap(10)) {
        s->begun = journal_begin(j, i, &b);
        s->id = b.attempt_id;
        s->lied |= before == JOURNAL_DOWN && s->begun == JOURNAL_SAME;
        if (before == JOURNAL_UNSURE && s->begun == JOURNAL_SAME)
            s->begun = JOURNAL_OK;
        if (s->begun != JOURNAL_DOWN && s->begun != JOURNAL_UNSURE)
            return;
        before = before == JOURNAL_UNSURE ? before : s->begun;
        s->again++;
    }
}

static void *work(void *arg) {
    struct worker *w = arg;
    for (int k = 0; k < EACH; k++) {
        struct step *s = &w->steps[k];
        const struct journal_intent i = {
            .kind = OTR_KIND_REFUND,
            .channel = OTR_CHANNEL_API,
            .tid = s->tid,
            .operator_name = s->deed == BAD_VALUE ? "" : "asha", /* a CHECK refuses nobody */
            .user_code = "20810200",
            .idempotency_key = s->key,
            .content_mac = mac,
            .cash_returned = true,
            .deadline_ms = 40000,
        };
        begin(s, &i);
        if (s->begun == JOURNAL_OK && s->deed == PLAIN)
            finish(s);
    }
    return NULL;
}

static void run(void) {
    pthread_t threads[THREADS];
    for (int w = 0; w < THREADS; w++)
        pthread_create(&threads[w], NULL, work, &workers[w]);
    for (int w = 0; w < THREADS; w++)
        pthread_join(threads[w], NULL);
}

/* ---- what is there --------------------------------------------------------------------------- */

static int64_t rows(const char *what, const char *value) {
    char sql[300];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM otprefund.attempt WHERE %s = '%s'", what,
             value);
    return pg_number(sql);
}

static int64_t outcomes(int64_t id) {
    char sql[200];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM otprefund.outcome WHERE attempt_id = %" PRId64
             " AND outcome = 'rejected'",
             id);
    return pg_number(sql);
}

static void commits_are_shared(void) {
    plan(false);
    run();
    for (int w = 0; w < THREADS; w++)
        for (int k = 0; k < EACH; k++) {
            const struct step *s = &workers[w].steps[k];
            CU_ASSERT_EQUAL(s->begun, JOURNAL_OK);
            CU_ASSERT_EQUAL(s->finished, JOURNAL_OK);
            CU_ASSERT_EQUAL(rows("tid", s->tid), 1);
            CU_ASSERT_EQUAL(outcomes(s->id), 1);
        }
    char sql[200];
    snprintf(sql, sizeof sql,
             "SELECT count(DISTINCT xmin::text) FROM otprefund.attempt WHERE tid LIKE '%d%%'",
             700 + turn);
    int64_t commits = pg_number(sql);
    printf("\n    %d begins in %" PRId64 " transactions ", THREADS * EACH, commits);
    CU_ASSERT(commits > 0 && commits < THREADS * EACH / 2);
}

/* More wait than fit into one transaction. */
static void more_than_fit(void) {
    struct journal *roomy = j;
    char sql[200];
    j = j_few;
    plan(false);
    run();
    j = roomy;
    for (int w = 0; w < THREADS; w++)
        for (int k = 0; k < EACH; k++) {
            const struct step *s = &workers[w].steps[k];
            CU_ASSERT(s->begun == JOURNAL_OK && s->finished == JOURNAL_OK);
            CU_ASSERT_EQUAL(outcomes(s->id), 1);
        }
    snprintf(sql, sizeof sql,
             "SELECT max(n) FROM (SELECT count(*) n FROM otprefund.attempt WHERE tid LIKE '%d%%' "
             "GROUP BY xmin::text) t",
             700 + turn);
    CU_ASSERT_EQUAL(pg_number(sql), 3);
}

/* Neighbours of what is refused, of the same transaction and of the same key. */
static void each_its_own_result(void) {
    int ok[4] = {0}, other[4] = {0};
    plan(true);
    run();
    for (int w = 0; w < THREADS; w++)
        for (int k = 0; k < EACH; k++) {
            const struct step *s = &workers[w].steps[k];
            static const enum journal_status rest[] = {
                [PLAIN] = JOURNAL_OK,
                [BAD_VALUE] = JOURNAL_REFUSED,
                [SHARED_TID] = JOURNAL_OPEN,
                [SHARED_KEY] = JOURNAL_KEY_USED,
            };
            ok[s->deed] += s->begun == JOURNAL_OK;
            other[s->deed] += s->begun == rest[s->deed];
            if (s->deed == PLAIN)
                CU_ASSERT_EQUAL(s->finished, JOURNAL_OK);
            if (s->deed == SHARED_TID)
                CU_ASSERT_EQUAL(rows("tid", s->tid), 1);
            if (s->deed == SHARED_KEY)
                CU_ASSERT_EQUAL(rows("idempotency_key", s->key), 1);
            if (s->deed == BAD_VALUE)
                CU_ASSERT_EQUAL(rows("tid", s->tid), 0);
        }
    int all = THREADS * EACH / 4;
    CU_ASSERT_EQUAL(ok[PLAIN], all);
    CU_ASSERT_EQUAL(other[BAD_VALUE], all);
    CU_ASSERT_EQUAL(ok[SHARED_TID] + other[SHARED_TID], all);
    CU_ASSERT_EQUAL(ok[SHARED_KEY] + other[SHARED_KEY], all);
    CU_ASSERT(ok[SHARED_TID] > 0 && other[SHARED_TID] > 0);
    CU_ASSERT(ok[SHARED_KEY] > 0 && other[SHARED_KEY] > 0);
}

/* ---- reads ----------------------------------------------------------------------------------- */

static atomic_int misread;

/* Own attempts and those of nobody; tokens and logins, of which some are not there, or no text. */
static void *read_all(void *arg) {
    const struct worker *w = arg;
    for (int k = 0; k < EACH; k++) {
        const struct step *s = &w->steps[k];
        unsigned char token[32];
        struct otr_operator client;
        struct otr_attempt a;
        char name[16];
        memset(token, 'a' + k % 3, sizeof token);
        snprintf(name, sizeof name, "client%d", k % 3);
        bool right = journal_attempt(j, s->id, &a) == JOURNAL_OK && a.attempt_id == s->id &&
                     strcmp(a.tid, s->tid) == 0 && a.outcome == OTR_OUTCOME_REJECTED;
        right = right && journal_attempt(j, 900000000 + s->id, &a) == JOURNAL_NOT_FOUND;
        enum journal_status found = journal_client(j, token, &client);
        right = right && (k % 3 == 2 ? found == JOURNAL_NOT_FOUND
                                     : found == JOURNAL_OK && client.may_refund == (k % 3 == 1) &&
                                           strcmp(client.name, name) == 0);
        static const char *const people[] = {"ravi", "nobody", "{\\\"", "\xff"};
        struct otr_operator who;
        found = journal_operator(j, people[(k + w->number) % 4], &who);
        right = right && found == ((k + w->number) % 4 == 0   ? JOURNAL_OK
                                   : (k + w->number) % 4 == 3 ? JOURNAL_REFUSED
                                                              : JOURNAL_NOT_FOUND);
        right = right && strcmp(who.name, found == JOURNAL_OK ? "ravi" : "") == 0;
        atomic_fetch_add(&misread, !right);
    }
    return NULL;
}

static void reads_are_shared(void) {
    pthread_t threads[THREADS];
    CU_ASSERT(pg_do("INSERT INTO otprefund.api_client (name, token_sha256, may_refund) VALUES "
                    "('client0', convert_to(repeat('a', 32), 'UTF8'), false), "
                    "('client1', convert_to(repeat('b', 32), 'UTF8'), true); "
                    "INSERT INTO otprefund.operator (name, role) VALUES ('ravi', 'operator')"));
    plan(false);
    run();
    atomic_store(&misread, 0);
    for (int w = 0; w < THREADS; w++)
        pthread_create(&threads[w], NULL, read_all, &workers[w]);
    for (int w = 0; w < THREADS; w++)
        pthread_join(threads[w], NULL);
    CU_ASSERT_EQUAL(atomic_load(&misread), 0);
}

/* ---- two at a time --------------------------------------------------------------------------- */

struct lone {
    const char *tid, *key;
    enum journal_status status;
    atomic_bool done;
};

static void *begin_alone(void *arg) {
    struct lone *l = arg;
    struct journal_begun b;
    const struct journal_intent i = {
        .kind = OTR_KIND_REFUND,
        .channel = OTR_CHANNEL_API,
        .tid = l->tid,
        .operator_name = "asha",
        .user_code = "20810200",
        .idempotency_key = l->key,
        .content_mac = mac,
        .cash_returned = true,
        .deadline_ms = 40000,
    };
    l->status = journal_begin(j, &i, &b);
    atomic_store(&l->done, true);
    return NULL;
}

/* After all that went before, one transaction that is held up still holds up no other one. */
static void one_held_up_does_not_hold_up_the_other(void) {
    struct lone held = {.tid = "880000001", .key = "held"}, other = {"880000002", "other", 0, 0};
    pthread_t threads[2];
    CU_ASSERT_FATAL(pg_do("BEGIN"));
    CU_ASSERT_FATAL(
        pg_do("INSERT INTO otprefund.attempt (kind, channel, tid, operator, node, idempotency_key, "
              "content_mac, commit_token, started_at, deadline_at) VALUES ('otp', 'api', "
              "'880000003', 'asha', 'x:1', 'held', sha256('a'), substr(sha256('b'), 1, 16), "
              "clock_timestamp(), clock_timestamp() + interval '1 minute')"));
    pthread_create(&threads[0], NULL, begin_alone, &held); /* the key may be another's yet */
    nap(300);
    pthread_create(&threads[1], NULL, begin_alone, &other);
    for (int i = 0; i < 200 && !atomic_load(&other.done); i++)
        nap(10);
    CU_ASSERT(atomic_load(&other.done));
    CU_ASSERT_FALSE(atomic_load(&held.done));
    CU_ASSERT(pg_do("ROLLBACK"));
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    CU_ASSERT_EQUAL(other.status, JOURNAL_OK);
    CU_ASSERT_EQUAL(held.status, JOURNAL_OK);
}

/* Of one caller's findings: the one whose row somebody holds for longer than a statement may take
 * does not keep the others back, wherever it stands. */
static void one_held_row_keeps_no_finding_back(void) {
    enum { N = 5, HELD = 1 };
    struct journal_finding f[N];
    const struct journal_finding *g[N];
    enum journal_status status[N];
    char tids[N][OTR_TID_SIZE], sql[200];
    for (int i = 0; i < N; i++) {
        snprintf(tids[i], sizeof tids[i], "88100000%d", i);
        const struct journal_intent intent = {.kind = OTR_KIND_REFUND,
                                              .channel = OTR_CHANNEL_API,
                                              .tid = tids[i],
                                              .operator_name = "asha",
                                              .user_code = "20810200",
                                              .idempotency_key = tids[i],
                                              .content_mac = mac,
                                              .cash_returned = true,
                                              .deadline_ms = 40000};
        struct journal_begun b;
        CU_ASSERT_EQUAL_FATAL(journal_begin(j, &intent, &b), JOURNAL_OK);
        f[i] = wrong_otp(b.attempt_id);
        g[i] = &f[i];
    }
    snprintf(sql, sizeof sql,
             "SELECT 1 FROM otprefund.open_attempt WHERE attempt_id = %" PRId64 " FOR UPDATE",
             f[HELD].attempt_id);
    CU_ASSERT_FATAL(pg_do("BEGIN") && pg_do(sql));
    journal_finish_all(j, g, status, N);
    for (int i = 0; i < N; i++) {
        CU_ASSERT_EQUAL(status[i], i == HELD ? JOURNAL_DOWN : JOURNAL_OK);
        CU_ASSERT_EQUAL(outcomes(f[i].attempt_id), i != HELD);
    }
    CU_ASSERT(pg_do("ROLLBACK"));
    CU_ASSERT_EQUAL(journal_finish(j, &f[HELD]), JOURNAL_OK);
    CU_ASSERT_EQUAL(outcomes(f[HELD].attempt_id), 1);
}

/* ---- connections that go away ---------------------------------------------------------------- */

static atomic_bool enough;

/* For a while; then what is left gets through. */
static void *cut(void *arg) {
    (void)arg;
    for (int n = 0; n < 20 && !atomic_load(&enough); n++, nap(20))
        pg_do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
              "WHERE datname = current_database() AND pid <> pg_backend_pid()");
    return NULL;
}

/* How many begins of the last run had to be repeated; all are there, once. */
static int repeated(void) {
    int again = 0;
    for (int w = 0; w < THREADS; w++)
        for (int k = 0; k < EACH; k++) {
            const struct step *s = &workers[w].steps[k];
            CU_ASSERT_EQUAL(s->begun, JOURNAL_OK);
            CU_ASSERT_FALSE(s->lied);
            CU_ASSERT_EQUAL(rows("tid", s->tid), 1);
            if (s->begun == JOURNAL_OK && s->finished == JOURNAL_OK)
                CU_ASSERT_EQUAL(outcomes(s->id), 1);
            again += s->again;
        }
    return again;
}

static void cut_off(void) {
    int again = 0;
    for (int round = 0; round < 6; round++) {
        pthread_t cutter;
        plan(false);
        atomic_store(&enough, false);
        pthread_create(&cutter, NULL, cut, NULL);
        run();
        atomic_store(&enough, true);
        pthread_join(cutter, NULL);
        again += repeated();
    }
    printf("\n    %d begins came to nothing clear and were repeated ", again);
    CU_ASSERT(again > 0);
}

int main(void) {
    char why[300];
    if (!getenv("OTPREFUND_TEST_DB"))
        return 77;
    if (!pg_setup())
        return 1;
    const struct journal_config c = {
        .conninfo = pg_app, .connections = 8, .commit_batch = 64, .node = "test:1"};
    struct journal_config few = c;
    few.commit_batch = 3;
    if (journal_open(&c, &j, why, sizeof why) != JOURNAL_OK ||
        journal_open(&few, &j_few, why, sizeof why) != JOURNAL_OK) {
        fprintf(stderr, "test_batch: %s\n", why);
        return 1;
    }
    CU_pSuite s = suite_begin("batch", NULL, NULL);
    CU_add_test(s, "commits are shared", commits_are_shared);
    CU_add_test(s, "more than fit", more_than_fit);
    CU_add_test(s, "each its own result", each_its_own_result);
    CU_add_test(s, "reads are shared", reads_are_shared);
    CU_add_test(s, "one held up does not hold up the other",
                one_held_up_does_not_hold_up_the_other);
    CU_add_test(s, "one held row keeps no finding back", one_held_row_keeps_no_finding_back);
    CU_add_test(s, "connections cut at any moment", cut_off);
    int failed = suite_run();
    journal_close(j);
    journal_close(j_few);
    pg_teardown();
    return failed;
}
