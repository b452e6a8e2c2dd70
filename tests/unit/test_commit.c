/*
 * test_commit.c - connections lost at the worst moment: before, during and after COMMIT.
 *
 * A small relay stands between the journal and PostgreSQL.  When told so it swallows what the
 * server says next and hangs up, so the statement is committed but nobody hears of it.
 */
#include <CUnit/Basic.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "sql/journal.h"
#include "tests/unit/pg_helper.h"
#include "tests/unit/suite.h"

static struct journal *j;

/* ---- the relay ------------------------------------------------------------------------------ */

enum mode {
    RELAY,        /* pass everything on */
    SWALLOW_NEXT, /* the server's next words are lost, then the line */
    CUT_NEXT,     /* the client's next words are lost, and the line */
    STALL_NEXT    /* the client's next words are held back, and the line is lost; the server hears
                     them a little later */
};
static atomic_int mode;
static atomic_bool stop;
static char relay_folder[] = "/tmp/otprefund-relay.XXXXXX";
static struct sockaddr_un here, there;

static void nap(int ms) {
    nanosleep(&(struct timespec){0, ms * 1000000L}, NULL);
}

static bool pass(int from, int to, char *buffer, ssize_t *n) {
    *n = read(from, buffer, 65536);
    return *n > 0 && write(to, buffer, (size_t)*n) == *n;
}

static void *line(void *arg) {
    int client = (int)(intptr_t)arg, server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char *buffer = malloc(65536);
    ssize_t n;
    if (!buffer || connect(server, (struct sockaddr *)&there, sizeof there) != 0)
        goto out;
    while (!atomic_load(&stop)) {
        struct pollfd f[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
        if (poll(f, 2, 50) <= 0)
            continue;
        if (f[0].revents) {
            int want = CUT_NEXT;
            if (atomic_compare_exchange_strong(&mode, &want, RELAY))
                break;
            want = STALL_NEXT;
            if (atomic_compare_exchange_strong(&mode, &want, RELAY)) {
                n = read(client, buffer, 65536);
                close(client);
                client = -1;
                nap(300);
                if (n > 0 && write(server, buffer, (size_t)n) == n)
                    nap(300);
                break;
            }
            if (!pass(client, server, buffer, &n))
                break;
        }
        if (f[1].revents) {
            int want = SWALLOW_NEXT;
            if (atomic_compare_exchange_strong(&mode, &want, RELAY)) {
                nap(100); /* until the COMMIT is done */
                break;
            }
            if (!pass(server, client, buffer, &n))
                break;
        }
    }
out:
    free(buffer);
    if (client >= 0)
        close(client);
    close(server);
    return NULL;
}

static void *accept_all(void *arg) {
    int listener = (int)(intptr_t)arg;
    while (!atomic_load(&stop)) {
        struct pollfd f = {listener, POLLIN, 0};
        pthread_t thread;
        int client;
        if (poll(&f, 1, 50) <= 0 || (client = accept(listener, NULL, NULL)) < 0)
            continue;
        if (pthread_create(&thread, NULL, line, (void *)(intptr_t)client) == 0)
            pthread_detach(thread);
    }
    close(listener);
    return NULL;
}

static bool relay_start(pthread_t *thread) {
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char folder[64]; /* pg_text is overwritten by the next call */
    snprintf(folder, sizeof folder, "%s",
             pg_text("SELECT split_part(current_setting('unix_socket_directories'), ',', 1)"));
    there.sun_family = here.sun_family = AF_UNIX;
    snprintf(there.sun_path, sizeof there.sun_path, "%s/.s.PGSQL.%" PRId64, folder,
             pg_number("SELECT current_setting('port')"));
    if (!mkdtemp(relay_folder))
        return false;
    snprintf(here.sun_path, sizeof here.sun_path, "%s/.s.PGSQL.5432", relay_folder);
    return bind(listener, (struct sockaddr *)&here, sizeof here) == 0 &&
           listen(listener, 64) == 0 &&
           pthread_create(thread, NULL, accept_all, (void *)(intptr_t)listener) == 0;
}

/* ---- the tests ------------------------------------------------------------------------------ */

static int rounds;

static enum journal_status begin(enum otr_kind kind, struct journal_begun *b,
                                 char tid[OTR_TID_SIZE]) {
    static const unsigned char mac[32];
    char key[32];
    snprintf(tid, OTR_TID_SIZE, "%d", 50000000 + ++rounds);
    snprintf(key, sizeof key, "key-%d", rounds);
    struct journal_intent i = {.kind = kind,
                               .channel = OTR_CHANNEL_DESK,
                               .tid = tid,
                               .operator_name = "asha",
                               .deadline_ms = 40000};
    if (kind != OTR_KIND_INQUIRY) {
        i.idempotency_key = key;
        i.content_mac = mac;
    }
    return journal_begin(j, &i, b);
}

static int64_t rows(const char *tid) {
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM otprefund.attempt WHERE tid = '%s'", tid);
    return pg_number(sql);
}

/* However the line is lost: one row, and the caller knows its number. */
static void begin_in(enum mode m) {
    static const enum otr_kind kinds[] = {OTR_KIND_OTP, OTR_KIND_REFUND, OTR_KIND_INQUIRY};
    char why[256], tid[OTR_TID_SIZE], sql[160];
    for (int k = 0; k < 6; k++) {
        struct journal_begun b, warm;
        CU_ASSERT_EQUAL(journal_ping(j, why, sizeof why), JOURNAL_OK);
        CU_ASSERT_EQUAL(begin(OTR_KIND_INQUIRY, &warm, tid),
                        JOURNAL_OK); /* prepares the statement */
        atomic_store(&mode, m);
        CU_ASSERT_EQUAL(begin(kinds[k % 3], &b, tid), JOURNAL_OK);
        CU_ASSERT_EQUAL(atomic_load(&mode), RELAY);
        nap(m == STALL_NEXT ? 400 : 0);
        CU_ASSERT_EQUAL(rows(tid), 1);
        snprintf(sql, sizeof sql, "SELECT attempt_id FROM otprefund.attempt WHERE tid = '%s'", tid);
        CU_ASSERT_EQUAL(pg_number(sql), b.attempt_id);
    }
}

static void begin_swallowed(void) {
    begin_in(SWALLOW_NEXT);
}

static void begin_cut(void) {
    begin_in(CUT_NEXT);
}

static void begin_stalled(void) {
    begin_in(STALL_NEXT);
}

static void finish_in(enum mode m) {
    for (int k = 0; k < 4; k++) {
        struct journal_begun b, other;
        struct otr_attempt a;
        char tid[OTR_TID_SIZE], other_tid[OTR_TID_SIZE];
        CU_ASSERT_EQUAL(begin(OTR_KIND_REFUND, &b, tid), JOURNAL_OK);
        struct journal_finding f = {.attempt_id = b.attempt_id,
                                    .kind = OTR_KIND_REFUND,
                                    .outcome = OTR_OUTCOME_REFUNDED,
                                    .tx_status = OTR_NO_STATUS,
                                    .amount = 505000,
                                    .refunded_amount = OTR_NO_AMOUNT,
                                    .settles_attempt_id = b.attempt_id,
                                    .resolution = OTR_RESOLUTION_REFUNDED,
                                    .how = OTR_HOW_ANSWER};
        struct journal_finding g = f;
        CU_ASSERT_EQUAL(begin(OTR_KIND_REFUND, &other, other_tid), JOURNAL_OK);
        g.attempt_id = g.settles_attempt_id = other.attempt_id;
        CU_ASSERT_EQUAL(journal_finish(j, &g), JOURNAL_OK); /* prepares the statement */
        atomic_store(&mode, m);
        CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
        CU_ASSERT_EQUAL(atomic_load(&mode), RELAY);
        CU_ASSERT_EQUAL(journal_attempt(j, b.attempt_id, &a), JOURNAL_OK);
        CU_ASSERT_EQUAL(a.resolution, OTR_RESOLUTION_REFUNDED);
        CU_ASSERT_EQUAL(a.refunded_amount, 505000);
        CU_ASSERT(!a.contradicted);
    }
}

static void finish_lost(void) {
    finish_in(SWALLOW_NEXT);
    finish_in(CUT_NEXT);
    finish_in(STALL_NEXT);
}

/* A backend that is stuck in the middle of a begin, and killed there. */
static void *kill_waiting(void *arg) {
    (void)arg;
    for (int k = 0; k < 200; k++, nap(10))
        if (pg_number("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                      " WHERE datname = current_database() AND wait_event_type = 'Lock'"
                      " AND query LIKE '%attempt_begin%'") > 0)
            break;
    nap(200);
    pg_do("ROLLBACK");
    return NULL;
}

static void begin_killed(void) {
    struct journal_begun b;
    char tid[OTR_TID_SIZE], lock[128];
    pthread_t thread;
    snprintf(lock, sizeof lock, "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('%d', 7031))",
             50000000 + rounds + 1);
    CU_ASSERT(pg_do(lock));
    pthread_create(&thread, NULL, kill_waiting, NULL);
    CU_ASSERT_EQUAL(begin(OTR_KIND_REFUND, &b, tid), JOURNAL_OK);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(rows(tid), 1);
}

int main(void) {
    if (!getenv("OTPREFUND_TEST_DB"))
        return 77;
    char why[256] = "", conninfo[800];
    pthread_t thread;
    signal(SIGPIPE, SIG_IGN); /* for the relay */
    if (!pg_setup() || !relay_start(&thread))
        return 1;
    snprintf(conninfo, sizeof conninfo, "%s host=%s port=5432", pg_app, relay_folder);
    struct journal_config c = {.conninfo = conninfo, .connections = 1, .node = "host:1"};
    if (journal_open(&c, &j, why, sizeof why) != JOURNAL_OK) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    CU_pSuite s = suite_begin("commit", NULL, NULL);
    CU_add_test(s, "begin: committed, the answer lost", begin_swallowed);
    CU_add_test(s, "begin: the request lost", begin_cut);
    CU_add_test(s, "begin: the request arrives after the line is lost", begin_stalled);
    CU_add_test(s, "begin: killed in the middle", begin_killed);
    CU_add_test(s, "finish: lost each way", finish_lost);
    int failed = suite_run();
    journal_close(j);
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    nap(200); /* the lines end by themselves */
    unlink(here.sun_path);
    rmdir(relay_folder);
    pg_teardown();
    return failed;
}
