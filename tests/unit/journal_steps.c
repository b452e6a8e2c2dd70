/* journal_steps.c - the small steps that tests of the journal are made of. */
#include "tests/unit/journal_steps.h"

#include <CUnit/Basic.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/pg_helper.h"

struct journal *j;

const char *new_tid(void) {
    static char tid[8][OTR_TID_SIZE];
    static int n;
    n++;
    snprintf(tid[n % 8], OTR_TID_SIZE, "%d", 10000000 + n);
    return tid[n % 8];
}

const char *new_key(void) {
    static char key[8][32];
    static int n;
    n++;
    snprintf(key[n % 8], sizeof key[0], "key-%d", n);
    return key[n % 8];
}

const unsigned char mac_a[32] = {1}, mac_b[32] = {2};

struct journal_intent intent(enum otr_kind kind, const char *tid) {
    struct journal_intent i = {
        .kind = kind,
        .channel = OTR_CHANNEL_DESK,
        .tid = tid,
        .operator_name = "asha",
        .user_code = "20810200",
        .deadline_ms = 40000,
    };
    if (kind != OTR_KIND_INQUIRY) {
        i.idempotency_key = new_key();
        i.content_mac = mac_a;
    }
    i.cash_returned = kind == OTR_KIND_REFUND;
    return i;
}

int64_t begin(enum otr_kind kind, const char *tid) {
    struct journal_intent i = intent(kind, tid);
    struct journal_begun b;
    CU_ASSERT_EQUAL(journal_begin(j, &i, &b), JOURNAL_OK);
    return b.attempt_id;
}

struct journal_finding finding(int64_t id, enum otr_kind kind, enum otr_outcome outcome) {
    return (struct journal_finding){.attempt_id = id,
                                    .kind = kind,
                                    .outcome = outcome,
                                    .http_status = 200,
                                    .duration_ms = 12,
                                    .message = "Said so",
                                    .evidence = "{\"status\":0}",
                                    .tx_status = OTR_NO_STATUS,
                                    .amount = OTR_NO_AMOUNT,
                                    .refunded_amount = OTR_NO_AMOUNT};
}

void settle(struct journal_finding *f, int64_t id, enum otr_resolution r, enum otr_how how) {
    f->settles_attempt_id = id;
    f->resolution = r;
    f->how = how;
}

int64_t count(const char *table, int64_t id) {
    char sql[512];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM otprefund.%s WHERE attempt_id = %" PRId64,
             table, id);
    return pg_number(sql);
}

struct otr_attempt look(int64_t id) {
    struct otr_attempt a;
    CU_ASSERT_EQUAL(journal_attempt(j, id, &a), JOURNAL_OK);
    return a;
}

/* Sets an attempt's times back, as only a superuser who disables the trigger can. */
void set_back(int64_t id, int seconds) {
    char sql[1024];
    snprintf(sql, sizeof sql,
             "ALTER TABLE otprefund.attempt DISABLE TRIGGER insert_only;"
             "ALTER TABLE otprefund.outcome DISABLE TRIGGER insert_only;"
             "UPDATE otprefund.attempt SET started_at = started_at - interval '%d s',"
             " deadline_at = deadline_at - interval '%d s' WHERE attempt_id = %" PRId64 ";"
             "UPDATE otprefund.outcome SET finished_at = finished_at - interval '%d s'"
             " WHERE attempt_id = %" PRId64 ";"
             "UPDATE otprefund.open_attempt SET opened_at = opened_at - interval '%d s',"
             " deadline_at = deadline_at - interval '%d s',"
             " next_inquiry_at = next_inquiry_at - interval '%d s' WHERE attempt_id = %" PRId64 ";"
             "ALTER TABLE otprefund.attempt ENABLE ALWAYS TRIGGER insert_only;"
             "ALTER TABLE otprefund.outcome ENABLE ALWAYS TRIGGER insert_only",
             seconds, seconds, id, seconds, id, seconds, seconds, seconds, id);
    CU_ASSERT(pg_do(sql));
}

bool steps_open(void) {
    char why[256] = "";
    const struct journal_config c = {
        .conninfo = pg_app, .connections = 8, .commit_batch = 64, .node = "host:1"};
    if (!pg_setup())
        return false;
    if (journal_open(&c, &j, why, sizeof why) == JOURNAL_OK)
        return true;
    fprintf(stderr, "%s\n", why);
    return false;
}

void steps_close(void) {
    journal_close(j);
    pg_teardown();
}
