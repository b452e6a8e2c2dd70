/* test_standby.c - a server that follows another one: who reads there, and what that proves. */
#include <CUnit/Basic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/journal_steps.h"
#include "tests/unit/pg_helper.h"
#include "tests/unit/suite.h"

#define PORT 5433 /* the standby's socket stands beside the primary's, which has 5432 */

static const char *home, *bin;

/* A shell command as the user who owns the cluster. */
static bool server_run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool server_run(const char *format, ...) {
    char text[2000], whole[2200];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    snprintf(whole, sizeof whole, "cd / && %s sh -c '%s' >/dev/null",
             geteuid() == 0 ? "runuser -u postgres --" : "", text);
    return system(whole) == 0;
}

static bool standby_start(void) {
    return server_run("%s/pg_basebackup -h %s -U postgres -D %s/standby -R -c fast", bin, home,
                      home) &&
           server_run("echo port = %d >>%s/standby/postgresql.conf", PORT, home) &&
           server_run("%s/pg_ctl -D %s/standby -l %s/standby.log -s -w start", bin, home, home);
}

static void standby_stop(void) {
    server_run("%s/pg_ctl -D %s/standby -m immediate -s -w stop", bin, home);
}

/* The app's conninfo with more behind it. */
static struct journal *open_with(const char *more, char *why, size_t size) {
    char conninfo[900];
    struct journal *there = NULL;
    snprintf(conninfo, sizeof conninfo, "%s %s", pg_app, more);
    const struct journal_config c = {
        .conninfo = conninfo, .connections = 2, .commit_batch = 1, .node = "host:2"};
    enum journal_status s = journal_open(&c, &there, why, size);
    CU_ASSERT_EQUAL(s == JOURNAL_OK, there != NULL);
    return there;
}

/* Nothing can be recorded there, so it is no journal. */
static void it_is_not_taken_for_the_journal(void) {
    char why[400] = "", more[900];
    CU_ASSERT_PTR_NULL(open_with("port=5433", why, sizeof why));
    CU_ASSERT_PTR_NOT_NULL_FATAL(strstr(why, "hot standby"));
    snprintf(more, sizeof more, "host=%s,%s port=5433,5432", home, home);
    struct journal *there = open_with(more, why, sizeof why);
    CU_ASSERT_PTR_NOT_NULL_FATAL(there); /* the other one of the two */
    struct journal_intent i = intent(OTR_KIND_INQUIRY, new_tid());
    struct journal_begun b;
    CU_ASSERT_EQUAL(journal_begin(there, &i, &b), JOURNAL_OK);
    journal_close(there);
}

/* Who asks for it by name may read there; but no page is shown again on its word. */
static void no_moment_is_told_there(void) {
    char why[400] = "", moment[OTR_MOMENT_SIZE] = "x";
    static struct otr_desk desk;
    struct otr_desk *desks[] = {&desk};
    const char *const names[] = {"asha"};
    struct journal *there = open_with("port=5433 target_session_attrs=any", why, sizeof why);
    CU_ASSERT_PTR_NOT_NULL_FATAL(there);
    CU_ASSERT_EQUAL(journal_moment(there, "UTC", moment), JOURNAL_OK);
    CU_ASSERT_STRING_EQUAL(moment, "");
    CU_ASSERT_EQUAL(journal_desks(there, names, 1, "UTC", 0, desks, moment), JOURNAL_OK);
    CU_ASSERT_STRING_EQUAL(moment, "");
    journal_close(there);
    CU_ASSERT_EQUAL(journal_moment(j, "UTC", moment), JOURNAL_OK);
    CU_ASSERT_STRING_NOT_EQUAL(moment, "");
}

static bool see(void *arg, const char *const *fields, int n) {
    bool *ended = arg;
    *ended = n == 1 && strcmp(fields[0], "end") == 0;
    return true;
}

static void the_journal_is_exported_there(void) {
    char conninfo[900], why[400] = "";
    bool ended = false;
    snprintf(conninfo, sizeof conninfo, "%s port=5433", pg_owner);
    CU_ASSERT_EQUAL(journal_export(conninfo, see, &ended, why, sizeof why), JOURNAL_OK);
    CU_ASSERT_TRUE(ended);
    CU_ASSERT_STRING_EQUAL(why, "");
}

int main(void) {
    home = getenv("OTPREFUND_TEST_PG");
    bin = getenv("OTPREFUND_TEST_PGBIN");
    if (!getenv("OTPREFUND_TEST_DB") || !home || !bin)
        return 77;
    if (!steps_open())
        return 1;
    bool started = standby_start();
    CU_pSuite suite = suite_begin("standby", NULL, NULL);
    if (started) {
        CU_ADD_TEST(suite, it_is_not_taken_for_the_journal);
        CU_ADD_TEST(suite, no_moment_is_told_there);
        CU_ADD_TEST(suite, the_journal_is_exported_there);
    }
    int failed = suite_run();
    standby_stop();
    steps_close();
    return started ? failed : 1;
}
