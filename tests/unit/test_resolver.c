/* test_resolver.c - the resolver on a real PostgreSQL: never faster than its rate, whatever happens. */
#include <CUnit/Basic.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/core.h"
#include "tests/unit/http_server.h"
#include "tests/unit/journal_steps.h"
#include "tests/unit/pg_helper.h"
#include "tests/unit/suite.h"

static char folder[] = "/tmp/otprefund-resolver.XXXXXX";
static char key_file[64];
static struct server bank;
static atomic_bool over;

/* A bank that never says what became of it. */
static enum server_end still_initiated(struct conn *c, const char *request, void *arg) {
    char out[600], tid[24], body[400];
    const char *at = strstr(request, "/transactions/");
    (void)arg;
    at = at ? at + 14 : "0";
    snprintf(tid, sizeof tid, "%.*s", (int)strspn(at, "0123456789"), at);
    int n = snprintf(body, sizeof body,
                     "{\"status\":0,\"response_status_id\":0,\"message\":\"ok\","
                     "\"data\":{\"tid\":\"%s\",\"tx_status\":\"2\",\"amount\":\"1045.0\"}}",
                     tid);
    n = snprintf(out, sizeof out, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", n, body);
    return server_say(c, out, (size_t)n) ? SERVER_KEEP : SERVER_FIN;
}

static struct otr *open_core(int per_second) {
    static char url[64]; /* borrowed by the core until it is closed */
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v3", bank.port);
    const struct otr_config c = {
        .base_url = url,
        .initiator_id = "9000000001",
        .user_code = "20110001",
        .conninfo = pg_app,
        .developer_key_file = key_file,
        .access_key_file = key_file,
        .secret_key_file = key_file,
        .resolver = true,
        .first_s = 1,
        .max_s = 1,
        .per_second = per_second,
    };
    struct otr *o = NULL;
    struct otr_fault f;
    CU_ASSERT_EQUAL_FATAL(otr_open(&c, &o, &f), OTR_OK);
    return o;
}

static void open_attempts(int n) {
    for (int k = 0; k < n; k++) {
        int64_t id = begin(OTR_KIND_REFUND, new_tid());
        struct journal_finding f = finding(id, OTR_KIND_REFUND, OTR_OUTCOME_UNKNOWN);
        f.reason = OTR_REASON_NO_ANSWER;
        f.next_inquiry_ms = 1;
        CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    }
}

/* As unsettled inquiries, callbacks and other nodes do, and more often. */
static void *poke_on(void *arg) {
    struct otr_fault f;
    while (!atomic_load(&over)) {
        otr_wake(arg, "1", &f);
        usleep(1000);
    }
    return NULL;
}

static bool all_asked(void) {
    return pg_number("SELECT count(*) FROM otprefund.open_attempt o WHERE NOT EXISTS "
                     "(SELECT FROM otprefund.attempt i WHERE i.kind = 'inquiry'"
                     " AND i.about_attempt_id = o.attempt_id)") == 0;
}

/* Far more is due than may be asked, it is poked all the time, and the database stands still once. */
static void run(int per_second, int attempts) {
    pthread_t poker;
    int64_t before = pg_number("SELECT coalesce(max(attempt_id), 0) FROM otprefund.attempt");
    char sql[400];
    open_attempts(attempts);
    atomic_store(&over, false);
    struct otr *o = open_core(per_second);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&poker, NULL, poke_on, o), 0);
    usleep(1500000);
    CU_ASSERT(pg_do("BEGIN; LOCK TABLE otprefund.attempt IN ACCESS EXCLUSIVE MODE;"
                    " SELECT pg_sleep(1.5); COMMIT"));
    usleep(2000000);
    for (int i = 0; i < 600 && !all_asked(); i++)
        usleep(100000);
    CU_ASSERT(all_asked());
    atomic_store(&over, true);
    pthread_join(poker, NULL);
    otr_close(o, 5000);
    snprintf(sql, sizeof sql,
             "SELECT max(n) FROM (SELECT count(*) OVER (ORDER BY started_at RANGE BETWEEN "
             "interval '1 s' PRECEDING AND CURRENT ROW) AS n FROM otprefund.attempt"
             " WHERE kind = 'inquiry' AND attempt_id > %lld) s",
             (long long)before);
    int64_t most = pg_number(sql);
    printf(" %d a second: at most %lld ", per_second, (long long)most);
    CU_ASSERT(most > 0 && most <= per_second);
}

static void never_faster(void) {
    run(20, 60);
    run(100, 250);
}

int main(void) {
    if (!getenv("OTPREFUND_TEST_DB"))
        return 77;
    setvbuf(stdout, NULL, _IONBF, 0);
    FILE *file;
    if (!steps_open() || !mkdtemp(folder) ||
        !server_start_script(&bank, SERVER_PLAIN, still_initiated, NULL))
        return 1;
    snprintf(key_file, sizeof key_file, "%s/key", folder);
    if (!(file = fopen(key_file, "w")))
        return 1;
    fputs("TEST_KEY_DO_NOT_USE_0123456789ab\n", file);
    if (fclose(file) != 0 || chmod(key_file, 0600) != 0)
        return 1;
    CU_pSuite s = suite_begin("resolver", NULL, NULL);
    CU_add_test(s, "never faster than its rate", never_faster);
    int failed = suite_run();
    server_stop(&bank);
    steps_close();
    unlink(key_file);
    rmdir(folder);
    return failed;
}
