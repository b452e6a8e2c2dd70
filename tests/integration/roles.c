/* roles.c - who may see and do what: the contract's column "who". */
#include <CUnit/CUnit.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/it.h"

static void all_logins_known(void) {
    expect(it.supervisor.login && it.supervisor.password,
           "OTPREFUND_SUPERVISOR_LOGIN and OTPREFUND_SUPERVISOR_PASSWORD are not set");
    expect(it.auditor.login && it.auditor.password,
           "OTPREFUND_AUDITOR_LOGIN and OTPREFUND_AUDITOR_PASSWORD are not set");
}

static void who_sees_what(void) {
    const char *tid = new_tid(40);
    char transaction[64], attempt[64], colleague[64], id[32];
    snprintf(transaction, sizeof transaction, "/refunds/%s", tid);
    db_text(id, sizeof id, "select min(attempt_id) from otprefund.attempt where operator = $1",
            it.desk.login, NULL);
    snprintf(attempt, sizeof attempt, "/attempts/%s", id);
    struct reply sent = {0};
    snprintf(colleague, sizeof colleague, "/attempts/%ld",
             send_otp(&it.supervisor, new_tid(41), &sent));
    reply_free(&sent);
    const struct {
        const char *path;
        int operator_gets, supervisor_gets, auditor_gets;
    } cases[] = {
        {"/", 200, 200, 403},     {transaction, 200, 200, 403}, {"/attempts", 200, 200, 200},
        {attempt, 200, 200, 200}, {colleague, 404, 200, 200},   {"/reconciliation", 403, 200, 200},
    };
    const struct client *const who[] = {&it.desk, &it.supervisor, &it.auditor};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const int wanted[] = {cases[i].operator_gets, cases[i].supervisor_gets,
                              cases[i].auditor_gets};
        for (int w = 0; w < 3; w++) {
            struct reply r = {0};
            char about[160];
            client_get(who[w], cases[i].path, &r);
            snprintf(about, sizeof about, "%s as %s", cases[i].path,
                     who[w]->login ? who[w]->login : "?");
            expect_status(about, &r, wanted[w]);
            reply_free(&r);
        }
    }
}

/* An auditor with everything an operator's form has, but for the role. */
static void auditor_posts_nothing(void) {
    const char *tid = new_tid(42);
    char path[64];
    struct form f, g;
    struct reply r = {0};
    char otp[16];
    if (!texted_otp(&it.desk, tid, otp, sizeof otp) || !refund_form(&it.desk, tid, otp, &f))
        return;
    form_post(&it.auditor, &f, &r);
    expect_status("an auditor submits an OTP", &r, 403);
    snprintf(path, sizeof path, "/refunds/%s/otp", tid);
    g = f;
    snprintf(g.action, sizeof g.action, "%s", path);
    form_drop(&g, "otp");
    form_drop(&g, "cash_returned");
    form_post(&it.auditor, &g, &r);
    expect_status("an auditor sends an OTP", &r, 403);
    struct book b = book_of(tid);
    expect_number(tid, "otp_calls in the book", 1, b.otp_calls);
    expect_number(tid, "initiate_calls in the book", 0, b.initiate_calls);
    expect_number(tid, "refund attempts", 0, attempts_of(tid, "refund"));
    reply_free(&r);
}

static void supervisor_refunds(void) {
    const char *tid = new_tid(44);
    char otp[16];
    struct reply r = {0};
    if (!texted_otp(&it.supervisor, tid, otp, sizeof otp))
        return;
    long id = submit_otp(&it.supervisor, tid, otp, &r);
    struct row w = wait_settled(id, 20);
    expect_text(tid, "resolution", "refunded", w.resolution);
    expect_text(tid, "operator", it.supervisor.login ? it.supervisor.login : "?", w.operator_name);
    client_get(&it.supervisor, "/reconciliation", &r);
    expect_status("/reconciliation", &r, 200);
    expect_says("/reconciliation", &r, "<table");
    reply_free(&r);
}

static void nobody(void) {
    static const char *const paths[] = {"/", "/attempts", "/reconciliation", "/refunds/12345678"};
    const struct client stranger = {
        .base = it.base, .login = it.desk.login, .password = "not-the-password"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct reply r = {0};
        client_get(&it.nobody, paths[i], &r);
        expect_status(paths[i], &r, 401);
        client_get(&stranger, paths[i], &r);
        expect_status(paths[i], &r, 401);
        reply_free(&r);
    }
}

/* A login the web server knows and the journal does not, or no longer. */
static void disabled(void) {
    char name[128];
    struct reply r = {0};
    db_text(name, sizeof name, "select name::text from otprefund.operator where name::text = $1",
            it.auditor.login ? it.auditor.login : "", NULL);
    expect(*name, "the auditor is not in table operator");
    db_text(name, sizeof name,
            "update otprefund.operator set disabled = true where name::text = $1 returning name",
            it.auditor.login ? it.auditor.login : "", NULL);
    client_get(&it.auditor, "/attempts", &r);
    expect_status("a disabled auditor", &r, 403);
    db_text(name, sizeof name,
            "update otprefund.operator set disabled = false where name::text = $1 returning name",
            it.auditor.login ? it.auditor.login : "", NULL);
    client_get(&it.auditor, "/attempts", &r);
    expect_status("an enabled auditor", &r, 200);
    reply_free(&r);
}

/* ---- the desk, while many ask for it ------------------------------------------------------------ */

static atomic_bool enough;
static atomic_int odd;

static void *keep_asking(void *unused) {
    while (!atomic_load(&enough)) {
        struct reply r = {0};
        client_get(&it.supervisor, "/", &r);
        if (r.status != 200 && r.status != 403)
            atomic_fetch_add(&odd, 1);
        reply_free(&r);
    }
    return unused;
}

static void set_disabled(const char *value) {
    char name[128];
    db_text(name, sizeof name,
            "update otprefund.operator set disabled = $2::boolean where name::text = $1 "
            "returning name",
            it.supervisor.login ? it.supervisor.login : "", value);
    expect(*name, "the supervisor is not in table operator");
}

/* Requests of one login share a look at the desk; none may get one from before it asked. */
static void disabled_at_once(void) {
    pthread_t threads[8];
    int wrong = 0;
    atomic_store(&enough, false);
    for (int i = 0; i < 8; i++)
        expect(pthread_create(&threads[i], NULL, keep_asking, NULL) == 0, "no thread");
    for (int i = 0; i < 30; i++) {
        struct reply r = {0};
        set_disabled("true");
        client_get(&it.supervisor, "/", &r);
        wrong += r.status != 403;
        set_disabled("false");
        client_get(&it.supervisor, "/", &r);
        wrong += r.status != 200;
        reply_free(&r);
    }
    atomic_store(&enough, true);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    expect_number("/", "answers from before the change", 0, wrong);
    expect_number("/", "answers of another kind", 0, atomic_load(&odd));
}

/* The own attempt is on the own desk as soon as its form was answered. */
static void own_attempt_is_on_the_desk(void) {
    pthread_t threads[4];
    atomic_store(&enough, false);
    for (int i = 0; i < 4; i++)
        expect(pthread_create(&threads[i], NULL, keep_asking, NULL) == 0, "no thread");
    for (int i = 0; i < 5; i++) {
        struct reply r = {0};
        char link[64];
        long id = send_otp(&it.supervisor, new_tid(45 + i), &r);
        snprintf(link, sizeof link, "/attempts/%ld\"", id);
        client_get(&it.supervisor, "/", &r);
        expect_says("the own attempt on /", &r, link);
        reply_free(&r);
    }
    atomic_store(&enough, true);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
}

void suite_roles(void) {
    CU_pSuite s = CU_add_suite("roles", NULL, NULL);
    CU_add_test(s, "a login for each role", all_logins_known);
    CU_add_test(s, "who sees what", who_sees_what);
    CU_add_test(s, "an auditor posts nothing", auditor_posts_nothing);
    CU_add_test(s, "a supervisor refunds", supervisor_refunds);
    CU_add_test(s, "nobody sees nothing", nobody);
    CU_add_test(s, "a disabled login is refused", disabled);
    CU_add_test(s, "at once, while many ask", disabled_at_once);
    CU_add_test(s, "the own attempt is on the desk", own_attempt_is_on_the_desk);
}
