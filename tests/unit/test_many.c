/*
 * test_many.c - begin and finish for many at once say and write what one after the other does
 * (tests/cases/many.sql); and arrays hold every value there is.
 */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/db_many.h"
#include "tests/unit/pg_helper.h"
#include "tests/unit/suite.h"

#define ROUNDS 250

static char *file_read(const char *name) {
    const char *top = getenv("srcdir");
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/cases/%s", top ? top : ".", name);
    FILE *f = fopen(path, "re");
    char *text = calloc(1, 1 << 18);
    if (f && text && fread(text, 1, (1 << 18) - 1, f) > 0) {
        fclose(f);
        return text;
    }
    perror(path);
    exit(1);
}

static void test_file(void) {
    char *sql = file_read("many.sql");
    CU_ASSERT_FATAL(pg_do(sql));
    free(sql);
}

/* A connection keeps its plans, and the journal grows in the meantime: rows read for 20 refunds at
 * once, for 20 of everything alone, and by the resolver's 10 looks. */
static bool reads_few_when_grown(void) {
    CU_ASSERT(pg_do("DISCARD PLANS") && pg_do("BEGIN"));
    CU_ASSERT(pg_number("SELECT pg_temp.batch(30000000)") > 0);
    CU_ASSERT(pg_number("SELECT pg_temp.singles(33000000)") > 0);
    CU_ASSERT(pg_number("SELECT pg_temp.looks()") > 0);
    CU_ASSERT(pg_do("SELECT pg_temp.grow(40000000, 20000)"));
    int64_t batch = pg_number("SELECT pg_temp.batch(31000000)");
    int64_t singles = pg_number("SELECT pg_temp.singles(34000000)");
    int64_t looks = pg_number("SELECT pg_temp.looks()");
    CU_ASSERT(pg_do("ROLLBACK"));
    printf(" (%lld, %lld and %lld rows) ", (long long)batch, (long long)singles, (long long)looks);
    return batch > 0 && batch < 20 * 30 && singles > 0 && singles < 20 * 100 && looks > 0 &&
           looks < 10 * (2000 + 2000 + 20 * 10);
}

/* The planner guesses. */
static void test_plans_made_early(void) {
    CU_ASSERT(
        pg_do("SET enable_seqscan = off; SET jit = off; SET plan_cache_mode = force_generic_plan"));
    CU_ASSERT(reads_few_when_grown());
}

/* VACUUM tells the planner that nothing is there: every index costs the same. */
static void test_plans_when_there_was_nothing(void) {
    CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM otprefund.attempt"), 0);
    CU_ASSERT(pg_do("VACUUM ANALYZE"));
    CU_ASSERT(reads_few_when_grown());
}

/* The open ones come and go: that they are none is what the planner is mostly told. */
static void test_plans_when_none_is_open(void) {
    CU_ASSERT(pg_number("SELECT pg_temp.batch(32000000)") > 0);
    CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM otprefund.open_attempt"), 0);
    CU_ASSERT(pg_do("VACUUM ANALYZE"));
    CU_ASSERT(reads_few_when_grown());
}

/* As after a busy hour: many pages, few rows. */
static void test_plans_when_few_are_open(void) {
    CU_ASSERT(pg_do("SELECT pg_temp.grow(50000000, 6000)"));
    CU_ASSERT(pg_do("DELETE FROM otprefund.open_attempt q WHERE q.attempt_id % 200 <> 0"));
    CU_ASSERT(pg_do("VACUUM ANALYZE"));
    CU_ASSERT(reads_few_when_grown());
    CU_ASSERT(pg_do("DELETE FROM otprefund.open_attempt"));
}

static void test_same(void) {
    char play[80];
    snprintf(play, sizeof play, "SELECT pg_temp.play(%d, 0.25)", ROUNDS);
    CU_ASSERT_EQUAL(pg_number(play), 0);
    const char *difference =
        pg_text("SELECT concat_ws(E'\\n    ', 'round ' || round, what, one, many) "
                "FROM difference LIMIT 1");
    if (difference && *difference)
        printf("\n  %s\n", difference);
    /* Every word of both must have come up, or it shows little. */
    CU_ASSERT_EQUAL(
        pg_number(
            "SELECT count(DISTINCT word) FROM seen WHERE word IN ('begun', 'same', 'key_used', "
            "'open', 'refunded', 'contradicted', 'limited', 'ok', 'late', 'contradiction')"),
        10);
    CU_ASSERT(pg_number("SELECT count(*) FROM otprefund.contradiction") > 20);
    printf(" (%lld begins and findings) ", (long long)pg_number("SELECT count(*) FROM seen"));
}

/* Two who ask for a first refund; the bank has told two amounts of the one transaction. */
static void test_contradicted(void) {
    static const char told_twice[] =
        "WITH a AS (INSERT INTO otprefund.attempt (kind, channel, tid, operator, node, "
        "commit_token, started_at, deadline_at) VALUES ('inquiry', 'desk', '39000001', 'x', 'n:1', "
        "uuid_send(gen_random_uuid()), clock_timestamp(), clock_timestamp() + interval '1 s') "
        "RETURNING attempt_id) "
        "INSERT INTO otprefund.contradiction (attempt_id, by_attempt_id, what, recorded, found) "
        "SELECT attempt_id, attempt_id, 'amount', '500', '600' FROM a";
    static const char both[] =
        "SELECT o_status FROM otprefund.attempt_begin_many("
        "ARRAY['refund', 'refund'], ARRAY['desk', 'desk'], ARRAY['39000001', '39000002'], "
        "ARRAY[NULL, NULL]::text[], ARRAY['x', 'x'], ARRAY['20110001', '20110001'], "
        "ARRAY['n:1', 'n:1'], ARRAY['many-1', 'many-2'], ARRAY[sha256('m'), sha256('m')], "
        "ARRAY[uuid_send(gen_random_uuid()), uuid_send(gen_random_uuid())], ARRAY[true, true], "
        "ARRAY[NULL, NULL]::bigint[], ARRAY[60000, 60000], ARRAY[60, 60], ARRAY[5, 5], "
        "ARRAY[5, 5])";
    CU_ASSERT(pg_do(told_twice));
    CU_ASSERT_STRING_EQUAL(pg_column(both), "contradicted\nbegun\n");
}

static void test_arrays(void) {
    static const unsigned char bytes[3] = {0, 0x5c, 0xff};
    struct db_params one = {0}, two = {0};
    struct db_many many;
    const struct db_params *both[2] = {&one, &two};
    db_text(&one, "a\"b\\c{,}");
    db_text(&two, NULL);
    db_text_or_empty(&one, "");
    db_text(&two, "NULL");
    db_bytes(&one, bytes, 3);
    db_bytes(&two, NULL, 0);
    db_number(&one, -5);
    db_number_or_null(&two, false, 0);
    CU_ASSERT_FATAL(db_many_make(&many, both, 2));
    CU_ASSERT_EQUAL(many.params.count, 4);
    CU_ASSERT_STRING_EQUAL(many.texts[0], "{\"a\\\"b\\\\c{,}\",NULL}");
    CU_ASSERT_STRING_EQUAL(many.texts[1], "{\"\",\"NULL\"}");
    CU_ASSERT_STRING_EQUAL(many.texts[2], "{\"\\\\x005cff\",NULL}");
    CU_ASSERT_STRING_EQUAL(many.texts[3], "{\"-5\",NULL}");
    db_many_free(&many);
    db_bool(&two, true);
    CU_ASSERT_FALSE(db_many_make(&many, both, 2)); /* not the same statement's */
}

int main(void) {
    if (!pg_setup())
        return 77;
    CU_pSuite s = suite_begin("many", NULL, NULL);
    CU_add_test(s, "arrays", test_arrays);
    CU_add_test(s, "the file", test_file);
    CU_add_test(s, "plans that were made early", test_plans_made_early);
    CU_add_test(s, "plans made when there was nothing", test_plans_when_there_was_nothing);
    CU_add_test(s, "plans made when none was open", test_plans_when_none_is_open);
    CU_add_test(s, "plans made when few were open", test_plans_when_few_are_open);
    CU_add_test(s, "many at once as one by one", test_same);
    CU_add_test(s, "contradicted", test_contradicted);
    int failed = suite_run();
    pg_teardown();
    return failed;
}
