/* test_list.c - lists in every shape, and the desk, against the same records one by one. */
#include <CUnit/Basic.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/journal_steps.h"
#include "tests/unit/pg_helper.h"
#include "tests/unit/suite.h"

#define MANY 40

static int64_t ids[MANY];
static struct otr_attempt all[MANY]; /* newest first */
static int count_all;

static int64_t begin_by(enum otr_kind kind, const char *tid, const char *who) {
    struct journal_intent i = intent(kind, tid);
    struct journal_begun b;
    i.operator_name = who;
    CU_ASSERT_EQUAL_FATAL(journal_begin(j, &i, &b), JOURNAL_OK);
    return ids[count_all++] = b.attempt_id;
}

static void end(int64_t id, enum otr_kind kind, enum otr_outcome outcome, enum otr_reason reason,
                enum otr_resolution r) {
    struct journal_finding f = finding(id, kind, outcome);
    f.reason = reason;
    if (r)
        settle(&f, id, r, OTR_HOW_ANSWER);
    CU_ASSERT_EQUAL_FATAL(journal_finish(j, &f), JOURNAL_OK);
}

static void attempts_of(const char *who) {
    const char *tid = new_tid();
    end(begin_by(OTR_KIND_INQUIRY, tid, who), OTR_KIND_INQUIRY, OTR_OUTCOME_ANSWERED,
        OTR_REASON_NONE, OTR_RESOLUTION_NONE);
    end(begin_by(OTR_KIND_OTP, tid, who), OTR_KIND_OTP, OTR_OUTCOME_UNCONFIRMED, OTR_REASON_NONE,
        OTR_RESOLUTION_NONE);
    end(begin_by(OTR_KIND_OTP, tid, who), OTR_KIND_OTP, OTR_OUTCOME_SENT, OTR_REASON_NONE,
        OTR_RESOLUTION_NONE);
    end(begin_by(OTR_KIND_REFUND, tid, who), OTR_KIND_REFUND, OTR_OUTCOME_REJECTED,
        OTR_REASON_WRONG_OTP, OTR_RESOLUTION_NOT_REFUNDED);
    end(begin_by(OTR_KIND_REFUND, tid, who), OTR_KIND_REFUND, OTR_OUTCOME_REFUNDED, OTR_REASON_NONE,
        OTR_RESOLUTION_REFUNDED);
    tid = new_tid();
    end(begin_by(OTR_KIND_OTP, tid, who), OTR_KIND_OTP, OTR_OUTCOME_NOT_SENT,
        OTR_REASON_CONNECT_FAILED, OTR_RESOLUTION_NONE);
    end(begin_by(OTR_KIND_REFUND, tid, who), OTR_KIND_REFUND, OTR_OUTCOME_UNKNOWN,
        OTR_REASON_NO_ANSWER, OTR_RESOLUTION_NONE); /* open */
    begin_by(OTR_KIND_INQUIRY, tid, who);           /* on its way */
    begin_by(OTR_KIND_REFUND, new_tid(), who);      /* on its way and open */
}

static bool fits(const struct otr_filter *f, const struct otr_attempt *a) {
    return (!f->tid || strcmp(f->tid, a->tid) == 0) &&
           (!f->operator_name || strcmp(f->operator_name, a->operator_name) == 0) &&
           (!f->kind || f->kind == a->kind) && (!f->outcome || f->outcome == a->outcome) &&
           (!f->resolution || f->resolution == a->resolution) && (!f->open_only || a->open) &&
           (!f->in_flight_only || a->outcome == OTR_OUTCOME_NONE) &&
           (!f->contradicted_only || a->contradicted) && (!f->from || a->started_at >= f->from) &&
           (!f->to || a->started_at < f->to) && (!f->after || a->attempt_id < f->after);
}

static int wrong;

static void check(const struct otr_filter *f) {
    struct otr_attempt rows[MANY];
    int n = -1, want = 0, bad = 0;
    if (journal_attempts(j, f, MANY, rows, &n) != JOURNAL_OK)
        bad = 1;
    for (int i = 0; i < count_all && !bad; i++)
        if (fits(f, &all[i])) {
            bad = want >= n || memcmp(&rows[want], &all[i], sizeof all[i]) != 0;
            want++;
        }
    if (!bad && want == n)
        return;
    wrong++;
    fprintf(stderr,
            "tid %d operator %d kind %d outcome %d resolution %d open %d flight %d: %d of %d\n",
            f->tid != NULL, f->operator_name != NULL, f->kind, f->outcome, f->resolution,
            f->open_only, f->in_flight_only, n, want);
}

static void with_words(struct otr_filter f) {
    for (int kind = 0; kind < OTR_KIND__MAX; kind++)
        for (int outcome = 0; outcome < OTR_OUTCOME__MAX; outcome++)
            for (int resolution = 0; resolution < OTR_RESOLUTION__MAX; resolution++) {
                f.kind = (enum otr_kind)kind;
                f.outcome = (enum otr_outcome)outcome;
                f.resolution = (enum otr_resolution)resolution;
                for (int i = 0; i < 4; i++) { /* each shape again while it is still there */
                    f.tid = i % 2 ? all[3].tid : NULL;
                    check(&f);
                }
            }
}

/* Far more shapes than a connection keeps. */
static void every_shape_finds_what_fits(void) {
    wrong = 0;
    for (int bits = 0; bits < 16; bits++)
        with_words((struct otr_filter){.operator_name = bits & 1 ? "asha" : NULL,
                                       .open_only = bits & 2,
                                       .in_flight_only = bits & 4,
                                       .contradicted_only = bits & 8});
    CU_ASSERT_EQUAL(wrong, 0);
}

static void times_and_pages(void) {
    int64_t middle = all[count_all / 2].started_at;
    wrong = 0;
    for (int bits = 0; bits < 32; bits++) {
        struct otr_filter f = {.operator_name = bits & 8 ? "asha" : NULL,
                               .outcome = bits & 16 ? OTR_OUTCOME_UNKNOWN : OTR_OUTCOME_NONE,
                               .from = bits & 1 ? middle : 0,
                               .to = bits & 2 ? middle + 5 : 0,
                               .after = bits & 4 ? all[2].attempt_id : 0};
        check(&f);
        f.open_only = true;
        check(&f);
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void no_more_rows_than_wanted(void) {
    struct otr_attempt rows[MANY];
    for (int max = 0; max <= 30; max++) {
        int n = -1;
        const struct otr_filter any = {0};
        CU_ASSERT_EQUAL(journal_attempts(j, &any, max, rows, &n), JOURNAL_OK);
        CU_ASSERT_EQUAL(n, max < count_all ? max : count_all);
    }
}

/* What the database refuses spoils nothing for the next one on the same connection. */
static void a_refused_value_is_told(void) {
    struct otr_attempt row;
    int n;
    const struct otr_filter never = {.from = INT64_MAX}, any = {0};
    for (int i = 0; i < 12; i++) {
        CU_ASSERT_EQUAL(journal_attempts(j, &never, 1, &row, &n), JOURNAL_REFUSED);
        CU_ASSERT_EQUAL(n, 0);
        CU_ASSERT_EQUAL(journal_attempts(j, &any, 1, &row, &n), JOURNAL_OK);
        CU_ASSERT_EQUAL(n, 1);
    }
}

static void a_lost_connection_is_replaced(void) {
    struct otr_attempt row;
    int n = 0;
    const struct otr_filter any = {0};
    for (int i = 0; i < 3; i++) {
        CU_ASSERT(pg_do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE pid <> pg_backend_pid() AND application_name = 'otprefund'"));
        CU_ASSERT_EQUAL(journal_attempts(j, &any, 1, &row, &n), JOURNAL_OK);
        CU_ASSERT_EQUAL(n, 1);
    }
}

/* ---- the desk -------------------------------------------------------------------------------- */

static struct otr_desk desk;
static char moment[OTR_MOMENT_SIZE];

static enum journal_status desk_of(const char *name, const char *zone, int64_t from,
                                   struct otr_desk *d) {
    return journal_desks(j, &name, 1, zone, from, &d, moment);
}

static void the_desk_is_what_its_parts_are(void) {
    struct otr_today today;
    struct otr_operator who;
    struct otr_attempt rows[MANY];
    int n = 0;
    CU_ASSERT_EQUAL(desk_of("asha", "Asia/Kolkata", 0, &desk), JOURNAL_OK);
    CU_ASSERT_FATAL(desk.known);
    CU_ASSERT_EQUAL(journal_operator(j, "asha", &who), JOURNAL_OK);
    CU_ASSERT(memcmp(&who, &desk.who, sizeof who) == 0);
    CU_ASSERT_EQUAL(journal_today(j, "asha", "Asia/Kolkata", &today), JOURNAL_OK);
    CU_ASSERT(memcmp(&today, &desk.today, sizeof today) == 0);
    CU_ASSERT_EQUAL(today.refunds, 4);
    const struct otr_filter open = {.operator_name = "asha", .open_only = true};
    CU_ASSERT_EQUAL(journal_attempts(j, &open, OTR_DESK_ROWS, rows, &n), JOURNAL_OK);
    CU_ASSERT_EQUAL(n, 2);
    CU_ASSERT_EQUAL_FATAL(n, desk.open_count);
    CU_ASSERT(memcmp(rows, desk.open, sizeof rows[0] * (size_t)n) == 0);
    const struct otr_filter own = {.operator_name = "asha"};
    CU_ASSERT_EQUAL(journal_attempts(j, &own, OTR_DESK_ROWS, rows, &n), JOURNAL_OK);
    CU_ASSERT_EQUAL_FATAL(n, desk.recent_count);
    CU_ASSERT(memcmp(rows, desk.recent, sizeof rows[0] * (size_t)n) == 0);
}

static void nobody_has_no_desk(void) {
    static const char *const names[] = {"nobody", "", "bench' OR true --"};
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(desk_of(names[i], "Asia/Kolkata", 0, &desk), JOURNAL_OK);
        CU_ASSERT_FALSE(desk.known);
        CU_ASSERT_EQUAL(desk.recent_count, 0);
    }
    CU_ASSERT_EQUAL(desk_of("asha", "Nowhere/Land", 0, &desk), JOURNAL_REFUSED);
    CU_ASSERT_EQUAL(desk_of("asha", "Asia/Kolkata", 0, &desk), JOURNAL_OK);
    CU_ASSERT(desk.known);
}

/* Each finds in the group what he finds alone. */
static void many_desks_at_once(void) {
    enum { N = 7 };
    static const char *const names[N] = {"nobody", "asha", "",    "{a\\\"}, NULL",
                                         "sunil",  "asha", "NULL"};
    static struct otr_desk found[N], alone;
    struct otr_desk *desks[N];
    for (int i = 0; i < N; i++)
        desks[i] = &found[i];
    CU_ASSERT(pg_do("INSERT INTO otprefund.operator (name, role) VALUES ('sunil', 'auditor'), "
                    "(E'{a\\\\\"}, NULL', 'operator')"));
    CU_ASSERT_EQUAL(journal_desks(j, names, N, "Asia/Kolkata", 0, desks, moment), JOURNAL_OK);
    for (int i = 0; i < N; i++) {
        CU_ASSERT_EQUAL(desk_of(names[i], "Asia/Kolkata", 0, &alone), JOURNAL_OK);
        CU_ASSERT(memcmp(&found[i], &alone, sizeof alone) == 0);
    }
    CU_ASSERT(found[1].known && found[3].known && found[4].known);
    CU_ASSERT_FALSE(found[0].known || found[2].known || found[6].known);
    CU_ASSERT_STRING_EQUAL(found[3].who.name, names[3]);
    CU_ASSERT_EQUAL(found[1].recent_count, found[4].recent_count);
    CU_ASSERT(found[1].recent_count > 0 && found[3].recent_count == 0);
    static const char *const bad[2] = {"asha", "\xff"};
    CU_ASSERT_EQUAL(journal_desks(j, bad, 2, "Asia/Kolkata", 0, desks, moment), JOURNAL_REFUSED);
    CU_ASSERT_EQUAL(journal_desks(j, names, OTR_DESKS_MAX + 1, "UTC", 0, desks, moment),
                    JOURNAL_REFUSED);
}

static void a_change_is_seen_at_once(void) {
    for (int i = 0; i < 20; i++) {
        CU_ASSERT(pg_do(i % 2
                            ? "UPDATE otprefund.operator SET disabled = false WHERE name = 'asha'"
                            : "UPDATE otprefund.operator SET disabled = true WHERE name = 'asha'"));
        CU_ASSERT_EQUAL(desk_of("asha", "Asia/Kolkata", 0, &desk), JOURNAL_OK);
        CU_ASSERT_EQUAL(desk.who.disabled, i % 2 == 0);
    }
}

/* ---- which moment it is ---------------------------------------------------------------------- */

static const char *now_is(void) {
    static char now[OTR_MOMENT_SIZE];
    CU_ASSERT_EQUAL(journal_moment(j, "Asia/Kolkata", now), JOURNAL_OK);
    return now;
}

/* The desk is read, and that moment told.  PostgreSQL's own housekeeping commits too: it is tried again. */
static void read_until_told(void) {
    for (int i = 0; i < 50; i++) {
        CU_ASSERT_EQUAL(desk_of("asha", "Asia/Kolkata", 0, &desk), JOURNAL_OK);
        if (*moment && strcmp(moment, now_is()) == 0)
            return;
    }
    CU_FAIL("it is never the moment at which a desk was read");
}

static void any_commit_makes_it_another_moment(void) {
    static const char *const commits[] = {
        "UPDATE otprefund.operator SET disabled = disabled WHERE name = 'asha'",
        "INSERT INTO otprefund.operator (name, role) VALUES ('new at that moment', 'operator')",
        "DELETE FROM otprefund.operator WHERE name = 'new at that moment'",
        "SET synchronous_commit = off; UPDATE otprefund.operator SET disabled = disabled "
        "WHERE name = 'asha'; SET synchronous_commit = on",
        "GRANT SELECT ON otprefund.operator TO pg_monitor",
        "CREATE TABLE public.another (n integer)",
        "DROP TABLE public.another",
    };
    for (size_t i = 0; i < sizeof commits / sizeof commits[0]; i++) {
        read_until_told();
        CU_ASSERT(pg_do(commits[i]));
        CU_ASSERT_STRING_NOT_EQUAL(moment, now_is());
    }
    read_until_told();
    CU_ASSERT_EQUAL(journal_moment(j, "Pacific/Kiritimati", moment), JOURNAL_OK);
    char other[OTR_MOMENT_SIZE];
    CU_ASSERT_EQUAL(journal_moment(j, "Pacific/Pago_Pago", other), JOURNAL_OK);
    CU_ASSERT_STRING_NOT_EQUAL(moment, other); /* no hour belongs to the same day in both */
    CU_ASSERT_EQUAL(journal_moment(j, "Nowhere/Land", other), JOURNAL_REFUSED);
    CU_ASSERT_STRING_EQUAL(other, "");
}

/* What was begun before the look and committed after it, and the other way round. */
static void what_was_under_way_counts_when_it_commits(void) {
    PGconn *early = PQconnectdb(pg_owner), *late = PQconnectdb(pg_owner);
    static const char change[] =
        "BEGIN; UPDATE otprefund.operator SET full_name = 'x' WHERE name = 'asha'";
    PQclear(PQexec(early, change));
    read_until_told();
    PQclear(PQexec(late, "BEGIN; CREATE TABLE public.later (n integer)"));
    read_until_told();
    PQclear(PQexec(late, "COMMIT"));
    CU_ASSERT_STRING_NOT_EQUAL(moment, now_is());
    read_until_told();
    CU_ASSERT_STRING_EQUAL(desk.who.full_name, "");
    CU_ASSERT_EQUAL(PQtransactionStatus(early), PQTRANS_INTRANS);
    PQclear(PQexec(early, "COMMIT"));
    CU_ASSERT_STRING_NOT_EQUAL(moment, now_is());
    read_until_told();
    CU_ASSERT_STRING_EQUAL(desk.who.full_name, "x");
    CU_ASSERT(pg_do("DROP TABLE public.later; UPDATE otprefund.operator SET full_name = '' "
                    "WHERE name = 'asha'"));
    PQfinish(early);
    PQfinish(late);
}

static void *read_a_desk(void *arg) {
    CU_ASSERT_EQUAL(desk_of("asha", "Asia/Kolkata", 0, arg), JOURNAL_OK);
    return NULL;
}

/* Who it is was read before the commit, the attempts after it. */
static void what_commits_while_it_is_read_is_no_moment(void) {
    PGconn *other = PQconnectdb(pg_owner);
    pthread_t reader;
    read_until_told();
    PQclear(PQexec(other, "BEGIN; LOCK TABLE otprefund.attempt IN ACCESS EXCLUSIVE MODE"));
    pthread_create(&reader, NULL, read_a_desk, &desk);
    for (int i = 0; i < 400 && pg_number("SELECT count(*) FROM pg_locks WHERE NOT granted") < 1;
         i++)
        usleep(10000);
    CU_ASSERT(pg_do("UPDATE otprefund.operator SET user_code = '7' WHERE name = 'asha'"));
    PQclear(PQexec(other, "COMMIT"));
    pthread_join(reader, NULL);
    CU_ASSERT_STRING_EQUAL(moment, "");
    CU_ASSERT_STRING_EQUAL(desk.who.user_code, "");
    CU_ASSERT(pg_do("UPDATE otprefund.operator SET user_code = NULL WHERE name = 'asha'"));
    PQfinish(other);
}

/* It may be another server, or the same one after a crash, that has the same numbers to give. */
static void after_a_lost_connection_it_is_another_moment(void) {
    for (int i = 0; i < 3; i++) {
        read_until_told();
        CU_ASSERT(pg_do("SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity "
                        "WHERE pid <> pg_backend_pid() AND application_name = 'otprefund'"));
        CU_ASSERT_STRING_NOT_EQUAL(moment, now_is());
        CU_ASSERT_STRING_NOT_EQUAL(moment, now_is());
    }
}

static bool fill(void) {
    attempts_of("asha");
    attempts_of("sunil");
    if (!pg_do("INSERT INTO otprefund.operator (name, role) VALUES ('asha', 'operator')") ||
        !pg_do("INSERT INTO otprefund.contradiction (attempt_id, by_attempt_id, what, recorded, "
               "found) "
               "SELECT min(attempt_id), max(attempt_id), 'outcome', 'answered', 'unknown' "
               "FROM otprefund.attempt"))
        return false;
    for (int i = 0; i < count_all; i++)
        if (journal_attempt(j, ids[count_all - 1 - i], &all[i]) != JOURNAL_OK)
            return false;
    return true;
}

static void the_records_are_there(void) {
    CU_ASSERT_FATAL(fill());
    CU_ASSERT_EQUAL(count_all, 18);
}

/* Rows of attempt that were read so far; a session tells it when it is idle, once a second at most. */
static int64_t rows_read(void) {
    struct otr_desk d;
    usleep(1100000);
    CU_ASSERT_EQUAL(desk_of("nobody", "UTC", 1, &d), JOURNAL_OK);
    return pg_number("SELECT coalesce(sum(idx_tup_read), 0) FROM pg_stat_user_indexes "
                     "WHERE relname IN ('attempt', 'outcome')");
}

/* The planner takes an operator for one like all others: here one has nearly everything, so it would
   rather read it all than look for the few rows of another. */
static void one_with_few_among_many(void) {
    static struct otr_attempt rows[50];
    struct otr_desk d;
    struct otr_filter f = {.operator_name = "asha", .from = 1};
    int n;
    CU_ASSERT_FATAL(
        pg_do("INSERT INTO otprefund.attempt (kind, channel, tid, operator, node, idempotency_key, "
              "content_mac, "
              "commit_token, started_at, deadline_at) SELECT 'otp', 'api', (70000000 + n)::text, "
              "'switch', 'x:1', "
              "'many' || n, sha256(n::text::bytea), substr(sha256(n::text::bytea), 1, 16), "
              "clock_timestamp(), "
              "clock_timestamp() + interval '1 minute' FROM generate_series(1, 30000) n; "
              "ANALYZE otprefund.attempt"));
    int64_t before = rows_read();
    for (int i = 0; i < 20; i++) {
        CU_ASSERT_EQUAL(desk_of("asha", "UTC", 1, &d), JOURNAL_OK);
        CU_ASSERT_EQUAL(journal_attempts(j, &f, 50, rows, &n), JOURNAL_OK);
        CU_ASSERT(n > 0);
    }
    CU_ASSERT(rows_read() - before < 20 * 400);
}

/* What somebody with many rows did on one transaction; planned when there were few. */
static void on_one_transaction(void) {
    static struct otr_attempt row;
    struct otr_filter his[] = {
        {.tid = "72000005", .operator_name = "counter"},
        {.tid = "72000005",
         .operator_name = "counter",
         .kind = OTR_KIND_INQUIRY,
         .in_flight_only = true,
         .from = 1},
    };
    int n;
    int64_t before = 0;
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < 20; i++)
            for (int k = 0; k < 2; k++) {
                CU_ASSERT_EQUAL(journal_attempts(j, &his[k], 1, &row, &n), JOURNAL_OK);
                CU_ASSERT_EQUAL(n, turn && k == 0);
            }
        if (turn == 0) { /* a plan that is kept: nobody analyzes */
            CU_ASSERT_FATAL(pg_do(
                "INSERT INTO otprefund.attempt (kind, channel, tid, operator, node, "
                "idempotency_key, content_mac, commit_token, started_at, deadline_at) "
                "SELECT 'otp', 'desk', (72000000 + n)::text, 'counter', 'x:1', 'counter' || n, "
                "sha256('m'), substr(sha256('m'), 1, 16), clock_timestamp(), "
                "clock_timestamp() + interval '1 minute' FROM generate_series(1, 30000) n"));
            before = rows_read();
        }
    }
    CU_ASSERT(rows_read() - before < 20 * 50);
}

/* Without statistics the planner takes a transaction for one of 200, and would walk the journal to its
 * first 51 attempts. */
static void on_one_transaction_without_statistics(void) {
    static struct otr_attempt rows[51];
    static const struct otr_filter filters[] = {
        {.tid = "73000001"},
        {.tid = "73000001", .after = 900000000},
        {.tid = "73000001", .kind = OTR_KIND_OTP, .from = 1},
        {.tid = "73000001", .outcome = OTR_OUTCOME_UNKNOWN},
        {.tid = "73000001", .contradicted_only = true},
        {.tid = "73000001", .operator_name = "counter"},
    };
    enum { N = sizeof filters / sizeof filters[0] };
    CU_ASSERT_FATAL(
        pg_do("INSERT INTO otprefund.attempt (kind, channel, tid, operator, node, idempotency_key, "
              "content_mac, commit_token, started_at, deadline_at) "
              "SELECT 'otp', 'desk', (74000000 + n)::text, 'counter', 'x:1', 'old' || n, "
              "sha256('m'), substr(sha256('m'), 1, 16), clock_timestamp(), "
              "clock_timestamp() + interval '1 minute' FROM generate_series(1, 120000) n"));
    CU_ASSERT_FATAL(
        pg_do("DELETE FROM pg_statistic WHERE starelid = 'otprefund.attempt'::regclass"));
    int64_t before = rows_read();
    for (int i = 0, n; i < N; i++) {
        CU_ASSERT_EQUAL(journal_attempts(j, &filters[i], 51, rows, &n), JOURNAL_OK);
        CU_ASSERT_EQUAL(n, 0);
    }
    int64_t read = rows_read() - before;
    printf(" (%lld rows) ", (long long)read);
    CU_ASSERT(read < N * 100);
}

/* Blocks of the index by operator that were looked into so far. */
static int64_t blocks_read(void) {
    struct otr_desk d;
    CU_ASSERT(pg_do("SELECT pg_stat_force_next_flush()")); /* what inserting looked into */
    usleep(1100000);
    CU_ASSERT_EQUAL(desk_of("nobody", "UTC", 1, &d), JOURNAL_OK);
    return pg_number("SELECT idx_blks_hit + idx_blks_read FROM pg_statio_user_indexes "
                     "WHERE indexrelname = 'attempt_operator'");
}

/* A year's attempts, none of them today's: the numbers below those of the other tests. */
static void few_today_after_many(void) {
    struct otr_desk d;
    CU_ASSERT_FATAL(pg_do(
        "INSERT INTO otprefund.attempt (attempt_id, kind, channel, tid, operator, node, "
        "idempotency_key, content_mac, commit_token, started_at, deadline_at) "
        "OVERRIDING SYSTEM VALUE SELECT n, 'otp', 'desk', (71000000 + n)::text, 'longest', 'x:1', "
        "'year' || n, sha256('m'), substr(sha256('m'), 1, 16), clock_timestamp() - interval '9 d', "
        "clock_timestamp() - interval '9 d' + interval '1 minute' FROM generate_series(1, 30000) "
        "n; "
        "ANALYZE otprefund.attempt"));
    int64_t from = pg_number("SELECT (extract(epoch FROM now()) * 1000)::bigint - 3600000");
    int64_t before = blocks_read();
    for (int i = 0; i < 20; i++) {
        CU_ASSERT_EQUAL(desk_of("longest", "UTC", from, &d), JOURNAL_OK);
        CU_ASSERT_EQUAL(d.recent_count, 0);
    }
    int64_t blocks = blocks_read() - before;
    printf(" (%lld blocks for 20 desks) ", (long long)blocks);
    CU_ASSERT(blocks < 20 * 20);
}

int main(void) {
    if (!getenv("OTPREFUND_TEST_DB"))
        return 77;
    if (!steps_open())
        return 1;
    if (!pg_do("SELECT setval(pg_get_serial_sequence('otprefund.attempt', 'attempt_id'), 100000)"))
        return 1;
    CU_pSuite suite = suite_begin("list", NULL, NULL);
    CU_ADD_TEST(suite, the_records_are_there);
    CU_ADD_TEST(suite, every_shape_finds_what_fits);
    CU_ADD_TEST(suite, times_and_pages);
    CU_ADD_TEST(suite, no_more_rows_than_wanted);
    CU_ADD_TEST(suite, a_refused_value_is_told);
    CU_ADD_TEST(suite, a_lost_connection_is_replaced);
    CU_ADD_TEST(suite, the_desk_is_what_its_parts_are);
    CU_ADD_TEST(suite, nobody_has_no_desk);
    CU_ADD_TEST(suite, many_desks_at_once);
    CU_ADD_TEST(suite, a_change_is_seen_at_once);
    CU_ADD_TEST(suite, any_commit_makes_it_another_moment);
    CU_ADD_TEST(suite, what_was_under_way_counts_when_it_commits);
    CU_ADD_TEST(suite, what_commits_while_it_is_read_is_no_moment);
    CU_ADD_TEST(suite, after_a_lost_connection_it_is_another_moment);
    CU_ADD_TEST(suite, on_one_transaction);
    CU_ADD_TEST(suite, one_with_few_among_many);
    CU_ADD_TEST(suite, few_today_after_many);
    CU_ADD_TEST(suite, on_one_transaction_without_statistics);
    int failed = suite_run();
    steps_close();
    return failed;
}
