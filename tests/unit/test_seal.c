/* test_seal.c - the journal tells of tampering (promise 10): each kind of it is found, and named. */
#include <CUnit/Basic.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/seal.h"
#include "sql/journal.h"
#include "tests/unit/journal_steps.h"
#include "tests/unit/pg_helper.h"
#include "tests/unit/suite.h"

static char found[4000]; /* the findings, a line each */
static struct seal_summary sum;

static void note(void *arg, const char *text) {
    size_t n = strlen(found);
    (void)arg;
    snprintf(found + n, sizeof found - n, "%s\n", text);
}

static bool line(void *arg, const char *const *fields, int n) {
    return seal_check_line(arg, fields, n);
}

/* Files that no database wrote: counted within bounds, told in visible characters. */
static void test_file(void) {
    static const char *const seals[][7] = {
        {"seal", "9223372036854775807", "x", "1", "0", "-", "no digest"},
        {"seal", "-9223372036854775808", "x", "1", "0", "no digest", "\x1b[2J"},
    };
    static const char *const late[] = {"late", "\x1b]0;x\a", "\xff"};
    struct seal_check *c = seal_check_new(NULL, note, NULL);
    found[0] = '\0';
    CU_ASSERT(seal_check_line(c, seals[0], 7));
    CU_ASSERT(seal_check_line(c, seals[1], 7));
    CU_ASSERT(seal_check_line(c, late, 3));
    seal_check_end(c, &sum);
    seal_check_free(c);
    CU_ASSERT_EQUAL(sum.seals, INT64_MAX);
    CU_ASSERT_STRING_EQUAL(sum.digest, "");
    CU_ASSERT_PTR_NULL(strpbrk(found, "\x1b\a\xff"));
    CU_ASSERT_PTR_NOT_NULL(strstr(found, "inserted, or its seal was taken away: ?]0;x? ?\n"));
}

/* Verifies; the number of findings, -1 if it could not. */
static int64_t verify(const char *expect) {
    char why[200] = "";
    found[0] = '\0';
    struct seal_check *c = seal_check_new(expect, note, NULL);
    enum journal_status s = journal_export(pg_owner, line, c, why, sizeof why);
    seal_check_end(c, &sum);
    seal_check_free(c);
    if (s != JOURNAL_OK || !sum.whole)
        fprintf(stderr, "  not verified: %s\n", why);
    return s == JOURNAL_OK && sum.whole ? sum.findings : -1;
}

static bool says(const char *what, const char *part, int64_t id) {
    char text[120];
    snprintf(text, sizeof text, "%s: %s %" PRId64 "\n", what, part, id);
    bool ok = strstr(found, text) != NULL;
    if (!ok)
        printf("\n  <%s> is not in <%s>\n", text, found);
    return ok;
}

/* As whoever can do anything.  The statement ends with the number. */
static void tamper(const char *statement, int64_t id) {
    char sql[400];
    snprintf(sql, sizeof sql, "%s%" PRId64, statement, id);
    CU_ASSERT(pg_do("SET session_replication_role = replica"));
    CU_ASSERT(pg_do("ALTER TABLE otprefund.attempt DISABLE TRIGGER insert_only"));
    static const char *const tables[] = {"outcome", "resolution", "audit_seal", "audit_leaf",
                                         "access_change"};
    for (int k = 0; k < 5; k++) {
        char off[120];
        snprintf(off, sizeof off, "ALTER TABLE otprefund.%s DISABLE TRIGGER insert_only",
                 tables[k]);
        CU_ASSERT(pg_do(off));
    }
    CU_ASSERT(pg_do(sql));
    CU_ASSERT(pg_do("SET session_replication_role = origin"));
}

/* A refunded attempt, old enough to be sealed. */
static int64_t refunded(void) {
    int64_t id = begin(OTR_KIND_REFUND, new_tid());
    struct journal_finding f = finding(id, OTR_KIND_REFUND, OTR_OUTCOME_REFUNDED);
    f.amount = f.refunded_amount = 49900;
    settle(&f, id, OTR_RESOLUTION_REFUNDED, OTR_HOW_ANSWER);
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    set_back(id, 120);
    tamper("UPDATE otprefund.resolution SET resolved_at = resolved_at - interval '120 s' "
           "WHERE attempt_id = ",
           id);
    return id;
}

static int64_t ids[6];

static void sealed(void) {
    int64_t rows = 0;
    struct journal_seal s;
    CU_ASSERT_EQUAL(journal_seal_last(j, &s), JOURNAL_NOT_FOUND);
    for (int k = 0; k < 6; k++)
        ids[k] = refunded();
    int64_t young = begin(OTR_KIND_OTP, new_tid());
    CU_ASSERT_EQUAL(journal_seal(j, &rows), JOURNAL_OK);
    CU_ASSERT_EQUAL(rows, 18); /* attempt, outcome, resolution of each */
    CU_ASSERT_EQUAL(journal_seal(j, &rows), JOURNAL_OK);
    CU_ASSERT_EQUAL(rows, 0);
    CU_ASSERT_EQUAL(verify(NULL), 0);
    CU_ASSERT_EQUAL(sum.rows, 18);
    CU_ASSERT_EQUAL(sum.unsealed, 1);
    set_back(young, 120);
    refunded();
    CU_ASSERT_EQUAL(journal_seal(j, &rows), JOURNAL_OK);
    CU_ASSERT_EQUAL(rows, 4);
    CU_ASSERT_EQUAL(journal_seal_last(j, &s), JOURNAL_OK);
    CU_ASSERT_EQUAL(s.seal_id, 2);
    CU_ASSERT_EQUAL(verify(s.digest), 0);
    CU_ASSERT_STRING_EQUAL(sum.digest, s.digest);
}

/* A row about an old attempt, with a number below others that are sealed: the next seal has it. */
static void late_rows(void) {
    int64_t rows, id = begin(OTR_KIND_OTP, new_tid());
    set_back(id, 180);
    refunded();
    CU_ASSERT_EQUAL(journal_seal(j, &rows), JOURNAL_OK);
    struct journal_finding f = finding(id, OTR_KIND_OTP, OTR_OUTCOME_UNKNOWN);
    f.reason = OTR_REASON_NO_ANSWER;
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    CU_ASSERT_EQUAL(verify(NULL), 0);
    set_back(id, 100);
    CU_ASSERT(pg_number("SELECT max(row_id) FROM otprefund.audit_leaf WHERE part = 'outcome'") >
              id);
    CU_ASSERT_EQUAL(journal_seal(j, &rows), JOURNAL_OK);
    CU_ASSERT_EQUAL(rows, 1);
}

/* set_back above changed a sealed attempt's times: that is what a test may do, and what is found. */
static void start_anew(void) {
    int64_t rows;
    tamper("DELETE FROM otprefund.audit_leaf WHERE seal_id > ", 0);
    tamper("DELETE FROM otprefund.audit_seal WHERE seal_id > ", 0);
    CU_ASSERT_EQUAL(journal_seal(j, &rows), JOURNAL_OK);
    CU_ASSERT(rows > 18);
    CU_ASSERT_EQUAL(verify(NULL), 0);
}

static void changed(void) {
    start_anew();
    tamper("UPDATE otprefund.resolution SET refunded_amount = refunded_amount + 0.01 "
           "WHERE attempt_id = ",
           ids[0]);
    CU_ASSERT_EQUAL(verify(NULL), 1);
    CU_ASSERT(says("changed", "resolution", ids[0]));
    tamper("UPDATE otprefund.resolution SET refunded_amount = refunded_amount - 0.01 "
           "WHERE attempt_id = ",
           ids[0]);
    CU_ASSERT_EQUAL(verify(NULL), 0);
    tamper("UPDATE otprefund.attempt SET operator = 'ashb' WHERE attempt_id = ", ids[1]);
    CU_ASSERT_EQUAL(verify(NULL), 1);
    CU_ASSERT(says("changed", "attempt", ids[1]));
    /* With its leaf made to fit, the seal does not. */
    tamper("UPDATE otprefund.audit_leaf l SET digest = otprefund.leaf_digest(l.part, l.row_id, "
           "s.content) "
           "FROM otprefund.sealable s WHERE s.part = 'attempt' AND s.row_id = l.row_id "
           "AND l.part = 'attempt' AND l.row_id = ",
           ids[1]);
    CU_ASSERT_EQUAL(verify(NULL), 1);
    CU_ASSERT(says("changed", "seal", 1));
}

static void removed_and_inserted(void) {
    start_anew();
    tamper("DELETE FROM otprefund.outcome WHERE attempt_id = ", ids[2]);
    CU_ASSERT_EQUAL(verify(NULL), 1);
    CU_ASSERT(says("removed", "outcome", ids[2]));
    start_anew();
    tamper("INSERT INTO otprefund.outcome (attempt_id, kind, outcome, finished_at) "
           "SELECT attempt_id, kind, 'unknown', now() - interval '1 day' FROM otprefund.attempt "
           "WHERE attempt_id = ",
           ids[2]);
    CU_ASSERT_EQUAL(verify(NULL), 1);
    CU_ASSERT(says("inserted, or its seal was taken away", "outcome", ids[2]));
}

static void the_chain(void) {
    struct journal_seal before, s;
    int64_t rows;
    start_anew();
    CU_ASSERT_EQUAL(journal_seal_last(j, &before), JOURNAL_OK);
    refunded();
    CU_ASSERT_EQUAL(journal_seal(j, &rows), JOURNAL_OK);
    refunded();
    CU_ASSERT_EQUAL(journal_seal(j, &rows), JOURNAL_OK);
    CU_ASSERT_EQUAL(verify(before.digest), 0);
    CU_ASSERT_EQUAL(journal_seal_last(j, &s), JOURNAL_OK);
    /* The last seal taken away: its rows have leaves of a seal that is not there. */
    tamper("DELETE FROM otprefund.audit_seal WHERE seal_id = ", s.seal_id);
    CU_ASSERT(verify(NULL) >= 3);
    CU_ASSERT(strstr(found, "its seal is gone") != NULL);
    /* With them: only who kept its digest knows. */
    tamper("DELETE FROM otprefund.audit_leaf WHERE seal_id = ", s.seal_id);
    CU_ASSERT_EQUAL(verify(NULL), 0);
    CU_ASSERT_EQUAL(verify(s.digest), 1);
    CU_ASSERT(strstr(found, "not in the chain") != NULL);
    /* A seal in the middle. */
    refunded();
    CU_ASSERT_EQUAL(journal_seal(j, &rows), JOURNAL_OK);
    tamper("DELETE FROM otprefund.audit_seal WHERE seal_id = ", s.seal_id - 1);
    tamper("DELETE FROM otprefund.audit_leaf WHERE seal_id = ", s.seal_id - 1);
    CU_ASSERT(verify(NULL) >= 1);
    CU_ASSERT(strstr(found, "does not follow the one before") != NULL);
    /* All made anew, with a changed row: only who kept a digest knows. */
    tamper("UPDATE otprefund.attempt SET operator = 'ravi' WHERE attempt_id = ", ids[3]);
    start_anew();
    CU_ASSERT_EQUAL(verify(s.digest), 1);
}

/* ---- rows put in with an old time ------------------------------------------------------------- */

/* A superuser's row, numbered above all, of thirty days ago. */
static int64_t back_dated(void) {
    int64_t id = 1000 + pg_number("SELECT max(attempt_id) FROM otprefund.attempt");
    char sql[700];
    snprintf(sql, sizeof sql,
             "INSERT INTO otprefund.attempt OVERRIDING SYSTEM VALUE "
             "SELECT (jsonb_populate_record(t, jsonb_build_object('attempt_id', %" PRId64
             ", 'idempotency_key', 'put-in-%" PRId64 "', 'started_at', now() - interval '30 days', "
             "'deadline_at', now() - interval '29 days'))).* "
             "FROM otprefund.attempt t ORDER BY t.attempt_id LIMIT 1",
             id, id);
    CU_ASSERT(pg_do(sql));
    return id;
}

static void numbered_above_all(void) {
    int64_t rows;
    start_anew();
    int64_t id = back_dated();
    CU_ASSERT_EQUAL(verify(NULL), 1);
    CU_ASSERT(says("inserted, or its seal was taken away", "attempt", id));
    refunded(); /* there is something to seal, and it is left out */
    CU_ASSERT_EQUAL(journal_seal(j, &rows), JOURNAL_OK);
    CU_ASSERT_EQUAL(rows, 3);
    CU_ASSERT_EQUAL(verify(NULL), 1);
    CU_ASSERT(says("inserted, or its seal was taken away", "attempt", id));
    /* By a function that seals anything: the row's own time tells. */
    char make[8000], wide[8000];
    snprintf(make, sizeof make, "%s",
             pg_text("SELECT pg_get_functiondef('otprefund.seal_make'::regproc)"));
    snprintf(wide, sizeof wide, "%s",
             pg_text("SELECT replace(pg_get_functiondef('otprefund.seal_make'::regproc), "
                     "'10 minutes', '90 days')"));
    CU_ASSERT(pg_do(wide));
    CU_ASSERT_EQUAL(journal_seal(j, &rows), JOURNAL_OK);
    CU_ASSERT_EQUAL(rows, 1);
    CU_ASSERT(pg_do(make));
    CU_ASSERT_EQUAL(verify(NULL), 1);
    CU_ASSERT(says("inserted, its time was sealed before", "attempt", id));
    tamper("DELETE FROM otprefund.attempt WHERE attempt_id = ", id);
}

/* What does not fit into one seal waits for the next, and is not taken for put in. */
static void cut(void) {
    int64_t rows, ms, old[4];
    start_anew();
    for (int k = 0; k < 4; k++) {
        old[k] = begin(OTR_KIND_OTP, new_tid());
        set_back(old[k], 7200 - k);
    }
    tamper("DELETE FROM otprefund.audit_leaf WHERE seal_id > ", 0);
    tamper("DELETE FROM otprefund.audit_seal WHERE seal_id > ", 0);
    CU_ASSERT(pg_do("SELECT otprefund.seal_make(2)"));
    CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM otprefund.audit_leaf WHERE part = 'attempt'"),
                    2);
    CU_ASSERT_EQUAL(verify(NULL), 1);
    CU_ASSERT(says("not sealed for half an hour and more", "rows", 2));
    CU_ASSERT(sum.unsealed > 18);
    CU_ASSERT_EQUAL(journal_seal_due(j, &ms), JOURNAL_OK);
    CU_ASSERT_EQUAL(ms, 0); /* a backlog does not wait ten minutes for each seal */
    CU_ASSERT_EQUAL(journal_seal(j, &rows), JOURNAL_OK);
    CU_ASSERT(rows > 18);
    CU_ASSERT_EQUAL(verify(NULL), 0);
    CU_ASSERT_EQUAL(sum.unsealed, 0);
}

/* The view that seals read is not what is verified. */
static void hidden(void) {
    char view[8000], none[8200], why[200] = "";
    start_anew();
    int64_t id = back_dated();
    const char *is = pg_text("SELECT pg_get_viewdef('otprefund.sealable'::regclass)");
    snprintf(view, sizeof view, "CREATE OR REPLACE VIEW otprefund.sealable AS %s", is);
    snprintf(none, sizeof none,
             "CREATE OR REPLACE VIEW otprefund.sealable AS SELECT * FROM (%.*s) v WHERE false",
             (int)strcspn(is, ";"), is);
    CU_ASSERT(pg_do(none));
    CU_ASSERT_EQUAL(verify(NULL), 1);
    CU_ASSERT(says("inserted, or its seal was taken away", "attempt", id));
    CU_ASSERT(pg_do(view));
    tamper("DELETE FROM otprefund.attempt WHERE attempt_id = ", id);
    CU_ASSERT_EQUAL(verify(NULL), 0);
    /* Nor is a view in a table's place. */
    CU_ASSERT(pg_do("BEGIN; ALTER TABLE otprefund.late_answer RENAME TO kept; CREATE VIEW "
                    "otprefund.late_answer AS SELECT * FROM otprefund.kept WHERE false; COMMIT"));
    struct seal_check *c = seal_check_new(NULL, note, NULL);
    CU_ASSERT_EQUAL(journal_export(pg_owner, line, c, why, sizeof why), JOURNAL_DOWN);
    CU_ASSERT(strstr(why, "no plain table") != NULL);
    seal_check_free(c);
    CU_ASSERT(pg_do("DROP VIEW otprefund.late_answer; ALTER TABLE otprefund.kept RENAME TO "
                    "late_answer"));
}

/* ---- when the next is due --------------------------------------------------------------------- */

static void cadence(void) {
    int64_t ms, rows;
    start_anew();
    CU_ASSERT_EQUAL(journal_seal_due(j, &ms), JOURNAL_OK);
    CU_ASSERT_EQUAL(ms, JOURNAL_NEVER); /* all is sealed: nothing wakes anybody */
    refunded();
    CU_ASSERT_EQUAL(journal_seal_due(j, &ms), JOURNAL_OK);
    CU_ASSERT(ms > 500000 && ms <= 600000); /* by the newest seal, whoever asks */
    tamper("DELETE FROM otprefund.audit_leaf WHERE seal_id > ", 0);
    tamper("DELETE FROM otprefund.audit_seal WHERE seal_id > ", 0);
    CU_ASSERT_EQUAL(journal_seal_due(j, &ms), JOURNAL_OK);
    CU_ASSERT_EQUAL(ms, 0);
    CU_ASSERT_EQUAL(verify(NULL), 1);
    CU_ASSERT(strstr(found, "without any seal: rows ") != NULL);
    CU_ASSERT_EQUAL(sum.seals, 0);
    CU_ASSERT_EQUAL(journal_seal(j, &rows), JOURNAL_OK);
    CU_ASSERT_EQUAL(verify(NULL), 0);
}

/* ---- who changed whom ------------------------------------------------------------------------- */

static void access_changes(void) {
    int64_t ms;
    start_anew();
    CU_ASSERT(pg_do("INSERT INTO otprefund.operator (name, role) VALUES ('ravi', 'supervisor'); "
                    "DELETE FROM otprefund.operator WHERE name = 'ravi'"));
    int64_t id = pg_number("SELECT max(change_id) - 1 FROM otprefund.access_change");
    CU_ASSERT_EQUAL(journal_seal_due(j, &ms), JOURNAL_OK);
    CU_ASSERT(ms != JOURNAL_NEVER); /* alone they are worth a seal */
    tamper("UPDATE otprefund.access_change SET changed_at = changed_at - interval '120 s' "
           "WHERE change_id >= ",
           id);
    start_anew();
    CU_ASSERT_EQUAL(sum.unsealed, 0);
    tamper("UPDATE otprefund.access_change SET content = content || '{\"role\": \"operator\"}' "
           "WHERE change_id = ",
           id);
    CU_ASSERT_EQUAL(verify(NULL), 1);
    CU_ASSERT(says("changed", "access_change", id));
    tamper("DELETE FROM otprefund.access_change WHERE change_id = ", id);
    CU_ASSERT_EQUAL(verify(NULL), 1);
    CU_ASSERT(says("removed", "access_change", id));
    start_anew();
    tamper("INSERT INTO otprefund.access_change (part, name, action, content, changed_at) "
           "SELECT part, name, action, content, changed_at - interval '1 day' "
           "FROM otprefund.access_change WHERE change_id > ",
           id);
    CU_ASSERT_EQUAL(verify(NULL), 1);
    CU_ASSERT(says("inserted, or its seal was taken away", "access_change", id + 2));
    tamper("DELETE FROM otprefund.access_change WHERE change_id > 1 + ", id);
}

/* With the trigger switched off: it is named, even what was taken back, until there is an entry. */
static void no_entry(void) {
    static const struct {
        const char *quietly, *finding, *again;
    } changes[] = {
        {"INSERT INTO otprefund.operator (name, role) VALUES ('ravi', 'supervisor')",
         "not as its last entry says: operator ravi\n",
         "DELETE FROM otprefund.operator WHERE name = 'ravi'"},
        {"UPDATE otprefund.operator SET role = 'supervisor' WHERE name = 'tara'",
         "not as its last entry says: operator tara\n",
         "UPDATE otprefund.operator SET role = 'operator' WHERE name = 'tara'"},
        {"UPDATE otprefund.operator SET role = 'supervisor' WHERE name = 'tara'; "
         "UPDATE otprefund.operator SET role = 'operator' WHERE name = 'tara'",
         "not as its last entry says: operator tara\n",
         "UPDATE otprefund.operator SET disabled = disabled WHERE name = 'tara'"},
        {"DELETE FROM otprefund.operator WHERE name = 'tara'",
         "not as its last entry says: operator tara\n",
         "INSERT INTO otprefund.operator (name, role) VALUES ('tara', 'operator')"},
        {"UPDATE otprefund.api_client SET token_sha256 = sha256('two') WHERE name = 'till'",
         "not as its last entry says: api_client till\n",
         "UPDATE otprefund.api_client SET token_sha256 = sha256('three') WHERE name = 'till'"}};
    start_anew();
    CU_ASSERT(pg_do("INSERT INTO otprefund.operator (name, role) VALUES ('tara', 'operator'); "
                    "INSERT INTO otprefund.api_client (name, token_sha256) "
                    "VALUES ('till', sha256('one'))"));
    for (size_t k = 0; k < sizeof changes / sizeof changes[0]; k++) {
        CU_ASSERT_EQUAL(verify(NULL), 0);
        CU_ASSERT(pg_do("ALTER TABLE otprefund.operator DISABLE TRIGGER access_changed; "
                        "ALTER TABLE otprefund.api_client DISABLE TRIGGER access_changed"));
        CU_ASSERT(pg_do(changes[k].quietly));
        CU_ASSERT(pg_do("ALTER TABLE otprefund.operator ENABLE ALWAYS TRIGGER access_changed; "
                        "ALTER TABLE otprefund.api_client ENABLE ALWAYS TRIGGER access_changed"));
        CU_ASSERT_EQUAL(verify(NULL), 1);
        CU_ASSERT_STRING_EQUAL(found, changes[k].finding);
        CU_ASSERT(pg_do(changes[k].again));
    }
    CU_ASSERT_EQUAL(verify(NULL), 0);
}

static void not_an_export(void) {
    const char *const rubbish[] = {"rubbish", "1"}, *const row[] = {"row", "attempt", "1", "00",
                                                                    "{}"};
    struct seal_check *c = seal_check_new(NULL, note, NULL);
    CU_ASSERT_FALSE(seal_check_line(c, rubbish, 2));
    CU_ASSERT_FALSE(seal_check_line(c, row, 5)); /* of no seal */
    seal_check_end(c, &sum);
    CU_ASSERT_FALSE(sum.whole);
    seal_check_free(c);
}

static void rights(void) {
    CU_ASSERT_EQUAL(
        pg_number("SELECT count(*) FROM (VALUES ('INSERT'), ('UPDATE'), ('DELETE'), "
                  "('TRUNCATE')) r(word), (VALUES ('audit_seal'), ('audit_leaf')) t(name) "
                  "WHERE has_table_privilege('otprefund_app', 'otprefund.' || name, word)"),
        0);
    CU_ASSERT_EQUAL(pg_number("SELECT has_table_privilege('otprefund_auditor', "
                              "'otprefund.seal_status', 'SELECT')::integer"),
                    1);
}

int main(void) {
    if (!getenv("OTPREFUND_TEST_DB"))
        return 77;
    if (!steps_open())
        return 1;
    CU_pSuite s = suite_begin("seal", NULL, NULL);
    CU_add_test(s, "a file of any words", test_file);
    CU_add_test(s, "rows are sealed, once", sealed);
    CU_add_test(s, "a row about an old attempt", late_rows);
    CU_add_test(s, "a changed row is named", changed);
    CU_add_test(s, "a removed row, an inserted row", removed_and_inserted);
    CU_add_test(s, "seals taken away, a chain made anew", the_chain);
    CU_add_test(s, "a row of old, numbered above all", numbered_above_all);
    CU_add_test(s, "a seal cut for its size", cut);
    CU_add_test(s, "hidden behind a view", hidden);
    CU_add_test(s, "when the next seal is due, and no seal at all", cadence);
    CU_add_test(s, "changes of access are sealed", access_changes);
    CU_add_test(s, "a change without an entry", no_entry);
    CU_add_test(s, "not an export", not_an_export);
    CU_add_test(s, "who may do what", rights);
    int failed = suite_run();
    steps_close();
    return failed;
}
