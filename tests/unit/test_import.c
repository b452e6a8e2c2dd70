/*
 * test_import.c - otprefundctl import-statement, run as people run it: the file, the database, what is
 * printed, the report and the page.  What the view statement_mismatch says of each kind of difference.
 */
#include <CUnit/Basic.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/sign.h"
#include "tests/unit/house.h"
#include "tests/unit/journal_steps.h"
#include "tests/unit/pg_helper.h"
#include "tests/unit/suite.h"

#define PROGRAM "ctl/otprefundctl"
#define HEAD    "tid,amount,booked_at,reference\n"

static char folder[] = "/tmp/otprefund-import.XXXXXX";
static char said[65536];   /* what the last run printed, results and trouble */
static char text[1 << 20]; /* of the file that is being written */

/* ---- running it ------------------------------------------------------------------------------ */

/* Starts otprefundctl import-statement with these arguments (NULL: no more).  Its output: *out. */
static pid_t start(const char *const *argv, int *out) {
    const char *all[12] = {PROGRAM};
    int pipes[2], n = 1;
    for (; *argv && n < 11; argv++)
        all[n++] = *argv;
    if (pipe2(pipes, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        char *const environment[] = {NULL};
        dup2(pipes[1], 1);
        dup2(pipes[1], 2);
        execve(PROGRAM, (char *const *)all, environment);
        _exit(127);
    }
    close(pipes[1]);
    *out = pipes[0];
    return pid;
}

/* Its exit status. */
static int end(pid_t pid, int out) {
    int status = 0;
    size_t size = 0;
    ssize_t n;
    while ((n = read(out, said + size, sizeof said - 1 - size)) > 0)
        size += (size_t)n;
    said[size] = '\0';
    close(out);
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define RUN(...) run((const char *const[]){__VA_ARGS__, NULL})
static int run(const char *const *argv) {
    int out;
    pid_t pid = start(argv, &out);
    return pid > 0 ? end(pid, out) : -1;
}
#define IMPORT(...) RUN("import-statement", "--db", pg_owner, __VA_ARGS__)

static bool says(const char *what) {
    bool ok = strstr(said, what) != NULL;
    if (!ok)
        printf("\n  <%s> is not in <%s>\n", what, said);
    return ok;
}

/* ---- its file -------------------------------------------------------------------------------- */

static char day_from[16], day_to[16]; /* five days ago, today: India's */
static int64_t now;                   /* seconds */

static void new_file(void) {
    snprintf(text, sizeof text, "%s", HEAD);
}

/* A credit ago seconds ago. */
static void credit(const char *tid, const char *amount, int ago, const char *reference) {
    char at[32];
    struct tm t;
    time_t when = (time_t)(now - ago);
    size_t n = strlen(text);
    strftime(at, sizeof at, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&when, &t));
    snprintf(text + n, sizeof text - n, "%s,%s,%s,%s\n", tid, amount, at, reference);
}

/* Its path, valid for two calls. */
static const char *file(const char *name) {
    static char paths[2][128];
    static int n;
    char *path = paths[n++ % 2];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    FILE *f = fopen(path, "we");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs(text, f);
    CU_ASSERT_EQUAL(fclose(f), 0);
    return path;
}

/* ---- the journal ----------------------------------------------------------------------------- */

/* Refund attempts of a while ago, each its tid. */
static char matches[20], differs[20], absent[20], elsewhere[20], twice[20], refused[20], waits[20],
    early[20];
static int64_t early_id;

static int64_t attempt(char tid[20], enum otr_outcome outcome, int64_t paise) {
    snprintf(tid, 20, "%s", new_tid());
    int64_t id = begin(OTR_KIND_REFUND, tid);
    struct journal_finding f = finding(id, OTR_KIND_REFUND, outcome);
    f.amount = paise;
    if (outcome == OTR_OUTCOME_REFUNDED) {
        f.refunded_amount = paise;
        settle(&f, id, OTR_RESOLUTION_REFUNDED, OTR_HOW_ANSWER);
    } else if (outcome == OTR_OUTCOME_REJECTED) {
        f.reason = OTR_REASON_WRONG_OTP;
        settle(&f, id, OTR_RESOLUTION_NOT_REFUNDED, OTR_HOW_ANSWER);
    } else {
        f.reason = OTR_REASON_NO_ANSWER;
    }
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    set_back(id, 120);
    return id;
}

static void attempts(void) {
    attempt(matches, OTR_OUTCOME_REFUNDED, 505000);
    attempt(differs, OTR_OUTCOME_REFUNDED, 49900);
    attempt(absent, OTR_OUTCOME_REFUNDED, 10000);
    attempt(twice, OTR_OUTCOME_REFUNDED, 20000);
    attempt(refused, OTR_OUTCOME_REJECTED, 30000);
    attempt(waits, OTR_OUTCOME_UNKNOWN, 40000);
    early_id = attempt(early, OTR_OUTCOME_REFUNDED, 60000);
    set_back(early_id, 10 * 86400); /* its course is not covered: the credit may be further back */
    snprintf(elsewhere, sizeof elsewhere, "%s", new_tid());
    CU_ASSERT(pg_do("ALTER TABLE otprefund.resolution DISABLE TRIGGER insert_only;"
                    "UPDATE otprefund.resolution SET resolved_at = resolved_at - interval '60 s';"
                    "ALTER TABLE otprefund.resolution ENABLE ALWAYS TRIGGER insert_only"));
}

static int64_t statements(void) {
    return pg_number("SELECT count(*) FROM otprefund.statement");
}

static int64_t stored(void) {
    return pg_number("SELECT count(*) FROM otprefund.statement_line");
}

/* The mismatches as "kind tid statement journal attempt?" lines. */
static const char *mismatches(void) {
    return pg_column(
        "SELECT concat_ws(' ', mismatch, tid, statement_id, statement_amount, "
        "journal_amount, CASE WHEN attempt_id IS NULL THEN 'no attempt' END) "
        "FROM otprefund.statement_mismatch ORDER BY mismatch, tid, statement_id, line_no");
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void first_file(void) {
    new_file();
    credit(matches, "5050.00", 90, "IMPS 1");
    credit(differs, "499.01", 90, "");
    credit(elsewhere, "7.10", 90, "\"of \"\"another\"\" \\ till\"");
    credit(twice, "200", 90, "");
    credit(twice, "200", 90, ""); /* to the letter */
    credit(refused, "300.00", 90, "");
    credit(waits, "400.00", 90, "");
}

/* Finds all, and leaves nothing behind. */
static void test_check(void) {
    first_file();
    CU_ASSERT_EQUAL(IMPORT("--check", "--from", day_from, "--to", day_to, file("november.csv")), 0);
    CU_ASSERT(says("checked only, nothing was imported"));
    CU_ASSERT(says("credits      7\n"));
    CU_ASSERT(says("total        6656.11\n"));
    CU_ASSERT(says("mismatches   6\n"));
    CU_ASSERT_EQUAL(statements(), 0);
    CU_ASSERT_EQUAL(stored(), 0);
    CU_ASSERT_STRING_EQUAL(mismatches(), "");
}

static int64_t first_id;

/* Of the file as it lies there, not as it was decoded. */
static void digest(char hex[2 * SIGN_MAC_SIZE + 1]) {
    unsigned char d[SIGN_MAC_SIZE];
    CU_ASSERT(sign_sha256(text, strlen(text), d));
    for (int k = 0; k < SIGN_MAC_SIZE; k++)
        snprintf(hex + 2 * k, 3, "%02x", d[k]);
}

static void test_import(void) {
    char want[1000], hex[2 * SIGN_MAC_SIZE + 1];
    first_file();
    digest(hex);
    CU_ASSERT_EQUAL(IMPORT("--from", day_from, "--to", day_to, file("november.csv")), 0);
    first_id = pg_number("SELECT statement_id FROM otprefund.statement");
    snprintf(want, sizeof want, "statement    %" PRId64 "\n", first_id);
    CU_ASSERT(says(want));
    CU_ASSERT(says("file         november.csv\n"));
    CU_ASSERT(says("  amount_differs           1\n  credited_twice           1\n"
                   "  missing_in_journal       1\n  missing_in_statement     1\n"
                   "  not_refunded_in_journal  1\n  still_open               1\n"));
    snprintf(want, sizeof want,
             "amount_differs %s %" PRId64 " 499.01 499.00\n"
             "credited_twice %s %" PRId64 " 200.00 200.00\n"
             "missing_in_journal %s %" PRId64 " 7.10 no attempt\n"
             "missing_in_statement %s %" PRId64 " 100.00\n"
             "not_refunded_in_journal %s %" PRId64 " 300.00\n"
             "still_open %s %" PRId64 " 400.00\n",
             differs, first_id, twice, first_id, elsewhere, first_id, absent, first_id, refused,
             first_id, waits, first_id);
    CU_ASSERT_STRING_EQUAL(mismatches(), want);
    CU_ASSERT_EQUAL(stored(), 7);
    CU_ASSERT_STRING_EQUAL(pg_text("SELECT encode(file_sha256, 'hex') FROM otprefund.statement"),
                           hex);
    CU_ASSERT_STRING_EQUAL(
        pg_text("SELECT string_agg(line_no || ' ' || reference, ',' ORDER BY line_no) "
                "FROM otprefund.statement_line WHERE reference IS NOT NULL"),
        "2 IMPS 1,4 of \"another\" \\ till");
    CU_ASSERT_EQUAL(
        pg_number("SELECT count(*) FROM otprefund.statement WHERE imported_by LIKE 'ctl:_%' "
                  "AND file_name = 'november.csv' AND period_to <= clock_timestamp() "
                  "AND period_to > clock_timestamp() - interval '5 minutes'"),
        1);
    snprintf(
        want, sizeof want,
        "SELECT (period_from = timestamptz '%s 00:00:00+05:30')::integer FROM otprefund.statement",
        day_from);
    CU_ASSERT_EQUAL(pg_number(want), 1);
    snprintf(want, sizeof want,
             "SELECT count(*) FROM otprefund.statement_line WHERE tid = '%s' AND amount = 499.01 "
             "AND booked_at = to_timestamp(%" PRId64 ")",
             differs, now - 90);
    CU_ASSERT_EQUAL(pg_number(want), 1);
}

/* By its bytes, not by its name. */
static void test_again(void) {
    char want[200];
    first_file();
    CU_ASSERT_EQUAL(IMPORT("--from", day_from, file("renamed.csv")), 1);
    snprintf(want, sizeof want, "this file was imported before, as statement %" PRId64 ", on ",
             first_id);
    CU_ASSERT(says(want));
    CU_ASSERT(says(" by ctl:"));
    CU_ASSERT(says(": november.csv\n"));
    CU_ASSERT_EQUAL(IMPORT("--check", file("renamed.csv")), 1);
    CU_ASSERT(says(want));
    CU_ASSERT_EQUAL(statements(), 1);
    CU_ASSERT_EQUAL(stored(), 7);
}

static void test_report(void) {
    CU_ASSERT_EQUAL(RUN("report", "mismatch", "--csv", "--db", pg_app), 0);
    CU_ASSERT(says("not_refunded_in_journal,"));
    CU_ASSERT(says("missing_in_statement,"));
    const struct house_request page = {
        .method = "GET", .path = "/reconciliation", .login = "sunil"};
    CU_ASSERT_EQUAL(house_ask(&page), 200);
    static const char *const kinds[] = {"amount differs",          "credited twice",
                                        "missing in journal",      "missing in statement",
                                        "not refunded in journal", "still open"};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        CU_ASSERT_PTR_NOT_NULL(strstr(house_answer.text, kinds[k]));
    CU_ASSERT_PTR_NOT_NULL(strstr(house_answer.text, differs));
}

/* The next statement, overlapping: what it repeats is told once, what it brings settles. */
static void test_overlap(void) {
    char want[1000];
    new_file();
    credit(absent, "100.00", 80, "");
    credit(twice, "200.00", 90, "");
    credit(twice, "200.00", 90, "");
    credit(elsewhere, "7.10", 90, "again");
    credit(matches, "5050.00", 90, "IMPS 1");
    credit(matches, "5050.00", 300, "IMPS 2"); /* at another time: another credit, told here */
    CU_ASSERT_EQUAL(IMPORT(file("december.csv")), 0);
    CU_ASSERT(says("mismatches   1\n  credited_twice           1\n"));
    snprintf(want, sizeof want,
             "amount_differs %s %" PRId64 " 499.01 499.00\n"
             "credited_twice %s %" PRId64 " 5050.00 5050.00\n"
             "credited_twice %s %" PRId64 " 200.00 200.00\n"
             "missing_in_journal %s %" PRId64 " 7.10 no attempt\n"
             "not_refunded_in_journal %s %" PRId64 " 300.00\n"
             "still_open %s %" PRId64 " 400.00\n",
             differs, first_id, matches,
             pg_number("SELECT max(statement_id) FROM otprefund.statement"), twice, first_id,
             elsewhere, first_id, refused, first_id, waits, first_id);
    CU_ASSERT_STRING_EQUAL(mismatches(), want);
    /* Three where there were two: the third is one more. */
    new_file();
    for (int k = 0; k < 3; k++)
        credit(twice, "200.00", 90, "third");
    CU_ASSERT_EQUAL(IMPORT(file("third.csv")), 0);
    CU_ASSERT(says("mismatches   1\n  credited_twice           1\n"));
}

/* An open attempt settles meanwhile; days before are covered too. */
static void test_later(void) {
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT attempt_id FROM otprefund.open_attempt WHERE tid = '%s'",
             waits);
    int64_t id = pg_number(sql),
            before = pg_number("SELECT count(*) FROM otprefund.statement_mismatch");
    int64_t ask = begin(OTR_KIND_INQUIRY, waits);
    struct journal_finding f = finding(ask, OTR_KIND_INQUIRY, OTR_OUTCOME_ANSWERED);
    f.amount = 40000;
    settle(&f, id, OTR_RESOLUTION_REFUNDED, OTR_HOW_INQUIRY);
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM otprefund.statement_mismatch"), before - 1);
    /* Nothing was credited on days of which one more attempt's course is part. */
    char from[16], to[16];
    snprintf(sql, sizeof sql, "SELECT (date '%s' - 9)::text", day_from);
    snprintf(from, sizeof from, "%s", pg_text(sql));
    snprintf(sql, sizeof sql, "SELECT (date '%s' - 2)::text", day_from);
    snprintf(to, sizeof to, "%s", pg_text(sql));
    snprintf(text, sizeof text, "tid,amount,booked_at\n");
    CU_ASSERT_EQUAL(IMPORT("--from", from, "--to", to, file("a gap of a day.csv")), 0);
    CU_ASSERT(says("credits      0\n"));
    CU_ASSERT(says("mismatches   0\n"));
    snprintf(sql, sizeof sql, "SELECT (date '%s' - 1)::text", day_from);
    snprintf(to, sizeof to, "%s", pg_text(sql));
    snprintf(text, sizeof text, "amount,tid,booked_at\n");
    CU_ASSERT_EQUAL(IMPORT("--from", to, "--to", to, file("no gap.csv")), 0);
    CU_ASSERT_STRING_EQUAL(
        pg_text(
            "SELECT tid FROM otprefund.statement_mismatch WHERE mismatch = 'missing_in_statement'"),
        early);
}

static void test_refused(void) {
    int64_t n = statements(), lines = stored();
    new_file();
    credit(new_tid(), "1.00", 90, "");
    credit(new_tid(), "-1.00", 90, "");
    CU_ASSERT_EQUAL(IMPORT(file("bad.csv")), 1);
    CU_ASSERT(says("nothing was imported: bad.csv: line 3, column amount: not an amount above 0"));
    CU_ASSERT_EQUAL(IMPORT("--from", "2020-01-01", "--to", "2020-01-31", file("bad.csv")), 1);
    CU_ASSERT(says("line 2, column booked_at: outside of the days"));
    snprintf(text, sizeof text, "%s", HEAD);
    CU_ASSERT_EQUAL(IMPORT(file("empty.csv")), 1);
    CU_ASSERT(says("say with --from and --to"));
    CU_ASSERT_EQUAL(IMPORT("/nonexistent.csv"), 1);
    CU_ASSERT(says("No such file"));
    CU_ASSERT_EQUAL(IMPORT(folder), 1);
    CU_ASSERT_EQUAL(IMPORT("a.csv", "b.csv"), 2);
    CU_ASSERT_EQUAL(IMPORT("--check"), 2);
    CU_ASSERT_EQUAL(IMPORT("--from", "2025-11-31", "a.csv"), 2);
    CU_ASSERT_EQUAL(IMPORT("--from", "2025-11-02", "--to", "2025-11-01", "a.csv"), 2);
    CU_ASSERT_EQUAL(IMPORT("a\nb.csv"), 2);
    new_file();
    credit(new_tid(), "1.00", 90, "");
    const char *good = file("good.csv");
    CU_ASSERT_EQUAL(RUN("import-statement", "--db", pg_app, good), 4); /* the program's own login */
    CU_ASSERT(says("it takes the owner's login"));
    CU_ASSERT(says("permission denied"));
    CU_ASSERT_EQUAL(RUN("import-statement", "--db", "host=/nonexistent", good), 4);
    CU_ASSERT_EQUAL(statements(), n);
    CU_ASSERT_EQUAL(stored(), lines);
}

/* A line that the database refuses takes all that came before it with it. */
static void test_all_or_nothing(void) {
    int64_t n = statements(), lines = stored();
    char tid[20];
    new_file();
    for (int k = 0; k < 1200; k++) {
        snprintf(tid, sizeof tid, "%d", 880000000 + k);
        credit(tid, "12.34", 90, "");
    }
    CU_ASSERT(pg_do("ALTER TABLE otprefund.statement_line ADD CONSTRAINT not_this "
                    "CHECK (tid <> '880001199')"));
    CU_ASSERT_EQUAL(IMPORT(file("large.csv")), 4);
    CU_ASSERT(says("nothing was imported: the database refused it: "));
    CU_ASSERT_EQUAL(statements(), n);
    CU_ASSERT_EQUAL(stored(), lines);
    CU_ASSERT(pg_do("ALTER TABLE otprefund.statement_line DROP CONSTRAINT not_this"));
    CU_ASSERT_EQUAL(IMPORT(file("large.csv")), 0);
    CU_ASSERT(says("credits      1200\ntotal        14808.00\nmismatches   1200\n"));
    CU_ASSERT_EQUAL(stored(), lines + 1200);
    CU_ASSERT_EQUAL(pg_number("SELECT sum(amount * 100)::bigint FROM otprefund.statement_line "
                              "WHERE tid LIKE '88000____'"),
                    1480800);
}

/* Four at once with the same file: one takes it. */
static void test_at_once(void) {
    int64_t n = statements(), lines = stored();
    pid_t pids[4];
    int outs[4], good = 0, before = 0;
    new_file();
    credit(new_tid(), "1.00", 90, "");
    const char *argv[] = {"import-statement", "--db", pg_owner, file("at once.csv"), NULL};
    for (int k = 0; k < 4; k++)
        pids[k] = start(argv, &outs[k]);
    for (int k = 0; k < 4; k++) {
        int code = end(pids[k], outs[k]);
        good += code == 0;
        before += code == 1 && strstr(said, "was imported before") != NULL;
    }
    CU_ASSERT_EQUAL(good, 1);
    CU_ASSERT_EQUAL(before, 3);
    CU_ASSERT_EQUAL(statements(), n + 1);
    CU_ASSERT_EQUAL(stored(), lines + 1);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static bool begin_all(void) {
    char why[256] = "", sql[200];
    const struct journal_config c = {.conninfo = pg_app, .connections = 2, .node = "host:1"};
    if (!mkdtemp(folder) || !house_open())
        return false;
    if (journal_open(&c, &j, why, sizeof why) != JOURNAL_OK) {
        fprintf(stderr, "%s\n", why);
        return false;
    }
    now = (int64_t)time(NULL);
    snprintf(sql, sizeof sql, "SELECT (now() AT TIME ZONE 'Asia/Kolkata')::date::text");
    snprintf(day_to, sizeof day_to, "%s", pg_text(sql));
    snprintf(sql, sizeof sql, "SELECT (date '%s' - 5)::text", day_to);
    snprintf(day_from, sizeof day_from, "%s", pg_text(sql));
    return true;
}

static void remove_files(void) {
    static const char *const names[] = {"november.csv", "renamed.csv",        "december.csv",
                                        "third.csv",    "a gap of a day.csv", "no gap.csv",
                                        "bad.csv",      "empty.csv",          "good.csv",
                                        "large.csv",    "at once.csv"};
    char path[128];
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[k]);
        unlink(path);
    }
    rmdir(folder);
}

int main(void) {
    if (!getenv("OTPREFUND_TEST_DB"))
        return 77;
    if (!begin_all())
        return 1;
    CU_pSuite s = suite_begin("import", NULL, NULL);
    CU_add_test(s, "attempts of a while ago", attempts);
    CU_add_test(s, "checked only", test_check);
    CU_add_test(s, "each kind of mismatch", test_import);
    CU_add_test(s, "the same file again", test_again);
    CU_add_test(s, "the report and the page", test_report);
    CU_add_test(s, "statements that overlap", test_overlap);
    CU_add_test(s, "settled later, days covered later", test_later);
    CU_add_test(s, "refused", test_refused);
    CU_add_test(s, "all or nothing", test_all_or_nothing);
    CU_add_test(s, "the same file at once", test_at_once);
    int failed = suite_run();
    journal_close(j);
    house_close();
    remove_files();
    return failed;
}
