/* test_ctl.c - otprefundctl, as a person runs it: who may, resolve, verify, its way to the database. */
#include <CUnit/Basic.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fcgi/text.h"
#include "sql/journal.h"
#include "tests/unit/house.h"
#include "tests/unit/journal_steps.h"
#include "tests/unit/pg_helper.h"
#include "tests/unit/suite.h"

#define WHY "The bank confirmed it on the phone"

enum { GOOD, FAILED, USAGE, SETTINGS, DATABASE, BANK };

static char folder[] = "/tmp/otprefund-ctl.XXXXXX";
static char conf[60], file[60], self[OTR_NAME_SIZE];
static char said[1 << 20]; /* both outputs of the last run */

/* ---- running it ------------------------------------------------------------------------------ */

#define WORDS 16

/* Words up to a NULL; env: one more variable, or NULL.  The exit status; -1: it was killed. */
static int ctl_with(const char *env, const char *const *words) {
    char sudo[40], program[] = "./ctl/otprefundctl", dash_c[] = "-c";
    char *argv[WORDS + 4] = {program, dash_c, conf}, *envp[5] = {NULL}, copies[WORDS][700], more[200];
    char leaks[] = "ASAN_OPTIONS=detect_leaks=0"; /* it cannot look into what is not dumpable */
    size_t size = 0;
    int out[2], n = 0, e = 0, status = -1;
    for (; words[n] && n < WORDS; n++) {
        snprintf(copies[n], sizeof copies[n], "%s", words[n]);
        argv[3 + n] = copies[n];
    }
    snprintf(sudo, sizeof sudo, "SUDO_UID=%ld", (long)getpwnam(self)->pw_uid);
    snprintf(more, sizeof more, "%s", env ? env : "");
    envp[e++] = leaks;
    if (env)
        envp[e++] = more;
    if (getuid() == 0 && !(env && strncmp(env, "SUDO_UID", 8) == 0))
        envp[e++] = sudo;
    if (pipe(out) != 0)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        dup2(out[1], 1);
        dup2(out[1], 2);
        close(out[0]);
        execve(program, argv, envp);
        _exit(99);
    }
    close(out[1]);
    for (ssize_t got; (got = read(out[0], said + size, sizeof said - 1 - size)) > 0;)
        size += (size_t)got;
    said[size] = '\0';
    close(out[0]);
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define CTL(...)       ctl_with(NULL, (const char *const[]){__VA_ARGS__, NULL})
#define CTL_ENV(e, ...) ctl_with(e, (const char *const[]){__VA_ARGS__, NULL})

/* It ended so, and said so. */
static void check_end(int line, int is, int status, const char *words) {
    if (is == status && strstr(said, words))
        return;
    printf("\n  line %d: exit %d, not %d with <%s>: %s", line, is, status, words, said);
    CU_FAIL("another end");
}
#define ENDS(run, status, words) check_end(__LINE__, run, status, words)

/* ---- resolve --------------------------------------------------------------------------------- */

static void i_am(const char *role) {
    char sql[300];
    snprintf(sql, sizeof sql,
             "INSERT INTO otprefund.operator (name, role) VALUES ('%s', '%s') ON CONFLICT (name) "
             "DO UPDATE SET role = excluded.role, disabled = false",
             self, role);
    CU_ASSERT(pg_do(sql));
}

/* An open refund attempt, old enough to be settled by hand; the bank says tx_status. */
static int64_t open_refund(const char *tid, int tx_status) {
    int64_t id = begin(OTR_KIND_REFUND, tid);
    struct journal_finding f = finding(id, OTR_KIND_REFUND, OTR_OUTCOME_UNKNOWN);
    f.reason = OTR_REASON_NO_ANSWER;
    f.next_inquiry_ms = 600000;
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    set_back(id, 660);
    house_says(tid, tx_status);
    return id;
}

static const char *text(int64_t number) {
    static char out[4][24];
    static int n;
    n = (n + 1) % 4;
    snprintf(out[n], sizeof out[n], "%" PRId64, number);
    return out[n];
}

static int64_t inquiries(const char *tid) {
    char sql[300];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM otprefund.attempt WHERE kind = 'inquiry' AND tid = '%s' "
             "AND channel = 'ctl' AND operator = '%s'",
             tid, self);
    return pg_number(sql);
}

static int64_t newest(int64_t id) {
    struct otr_manual m = {0};
    struct otr_fault f;
    CU_ASSERT_EQUAL(otr_manual_get(house.core, id, &m, &f), OTR_OK);
    return m.proposal_id;
}

/* The colleague asks and proposes, on the page. */
static int64_t proposed_by_sunil(int64_t id, const char *tid) {
    const struct otr_who who = {.name = "sunil", .channel = OTR_CHANNEL_DESK};
    struct otr_attempt a;
    struct otr_fault f;
    int64_t inquiry = 0, number = 0;
    CU_ASSERT_EQUAL(otr_inquire(house.core, &who, tid, NULL, &inquiry, &f), OTR_OK);
    CU_ASSERT_EQUAL(otr_wait(house.core, inquiry, 10000, false, &a, &f), OTR_OK);
    CU_ASSERT_EQUAL(otr_manual_propose(house.core, &who, id, OTR_RESOLUTION_REFUNDED, WHY, inquiry,
                                       new_key(), &number, &f),
                    OTR_OK);
    return number;
}

static void propose(void) {
    const struct otr_who meera = {.name = "meera", .channel = OTR_CHANNEL_DESK};
    const char *tid = new_tid();
    int64_t id = open_refund(tid, 2);
    struct otr_fault f;
    i_am("supervisor");
    ENDS(CTL("resolve", text(id)), GOOD, "resolution     open\n");
    CU_ASSERT_PTR_NULL(strstr(said, "proposal"));
    ENDS(CTL("resolve", text(id), "--propose", "not_refunded", "--reason", "short"), USAGE,
         "10 to 500 characters");
    CU_ASSERT_EQUAL(count("manual_proposal", id), 0);
    ENDS(CTL("resolve", text(id), "--propose", "not_refunded", "--reason", WHY, "--as", self), GOOD,
         "state          pending\n");
    CU_ASSERT(strstr(said, "not_refunded by ") && strstr(said, WHY) && strstr(said, "answered"));
    CU_ASSERT_EQUAL(inquiries(tid), 2); /* its own evidence each time */
    int64_t number = newest(id);
    ENDS(CTL("resolve", text(id), "--decide", "approved", "--proposal", text(number)), FAILED,
         "another person must");
    CU_ASSERT(look(id).open);
    CU_ASSERT_EQUAL(otr_manual_decide(house.core, &meera, id, number, true, NULL, &f), OTR_OK);
    CU_ASSERT_EQUAL(look(id).resolved_by, OTR_HOW_MANUAL);
    ENDS(CTL("resolve", text(id)), GOOD, "decided        approved by meera");
    ENDS(CTL("resolve", text(id), "--propose", "not_refunded", "--reason", WHY), FAILED,
         "settled already");
}

static void decide(void) {
    const char *tid = new_tid(), *other = new_tid();
    int64_t id = open_refund(tid, 2), number = proposed_by_sunil(id, tid);
    int64_t second = open_refund(other, 2), refused = proposed_by_sunil(second, other);
    i_am("auditor");
    ENDS(CTL("resolve", text(second), "--decide", "approved", "--proposal", text(number)), FAILED,
         "no such");
    ENDS(CTL("resolve", text(id), "--decide", "approved", "--proposal", text(number), "--note",
             "As they say"),
         GOOD, "decided        approved by ");
    CU_ASSERT(strstr(said, "note           As they say\n") && strstr(said, "refunded by manual"));
    CU_ASSERT_EQUAL(look(id).resolution, OTR_RESOLUTION_REFUNDED);
    ENDS(CTL("resolve", text(second), "--decide", "refused", "--proposal", text(refused)), GOOD,
         "decided        refused by ");
    CU_ASSERT(look(second).open);
}

static void stale(void) {
    const struct otr_who who = {.name = "asha", .channel = OTR_CHANNEL_DESK};
    const char *tid = new_tid();
    int64_t id = open_refund(tid, 2), number = proposed_by_sunil(id, tid), inquiry;
    struct otr_attempt a;
    struct otr_fault f;
    i_am("auditor");
    house_says(tid, 5);
    CU_ASSERT_EQUAL(otr_inquire(house.core, &who, tid, NULL, &inquiry, &f), OTR_OK);
    CU_ASSERT_EQUAL(otr_wait(house.core, inquiry, 10000, false, &a, &f), OTR_OK);
    ENDS(CTL("resolve", text(id), "--decide", "approved", "--proposal", text(number)), FAILED,
         "said something else");
    CU_ASSERT(look(id).open);
}

static void who_may_not(void) {
    const char *tid = new_tid();
    int64_t id = open_refund(tid, 2), number = proposed_by_sunil(id, tid);
    static const char *const roles[] = {"operator", "auditor"};
    for (int k = 0; k < 2; k++) {
        i_am(roles[k]);
        ENDS(CTL("resolve", text(id), "--propose", "refunded", "--reason", WHY), FAILED,
             "only an enabled supervisor may propose");
    }
    i_am("operator");
    ENDS(CTL("resolve", text(id), "--decide", "approved", "--proposal", text(number)), FAILED,
         "only an enabled supervisor or auditor");
    i_am("supervisor");
    ENDS(CTL("resolve", text(id), "--decide", "approved", "--proposal", text(number), "--as",
             "meera"),
         FAILED, "nobody acts for another person");
    CU_ASSERT(pg_do("UPDATE otprefund.operator SET disabled = true WHERE name NOT IN ('sunil')"));
    ENDS(CTL("resolve", text(id), "--decide", "approved", "--proposal", text(number)), FAILED,
         "only an enabled");
    CU_ASSERT(pg_do("UPDATE otprefund.operator SET disabled = false WHERE name <> 'gone'"));
    if (getuid() == 0) {
        ENDS(CTL_ENV("SUDO_UID=0", "resolve", text(id), "--decide", "approved", "--proposal",
                     text(number)),
             FAILED, "root is no person");
        ENDS(CTL_ENV("SUDO_UID_IS=none", "resolve", text(id), "--decide", "approved", "--proposal",
                     text(number)),
             FAILED, "root is no person");
    }
    CU_ASSERT_EQUAL(inquiries(tid), 0); /* the bank is not asked for those who may not */
    CU_ASSERT(look(id).open);
}

static void not_possible(void) {
    i_am("supervisor");
    int64_t otp = begin(OTR_KIND_OTP, new_tid());
    ENDS(CTL("resolve", "999999999"), FAILED, "could not be read");
    ENDS(CTL("resolve", "999999999", "--propose", "refunded", "--reason", WHY), FAILED,
         "could not be read");
    ENDS(CTL("resolve", "999999999", "--decide", "refused", "--proposal", "1"), FAILED, "no such");
    ENDS(CTL("resolve", text(otp), "--propose", "refunded", "--reason", WHY), FAILED,
         "no refund attempt");
    ENDS(CTL("resolve"), USAGE, "which attempt");
    ENDS(CTL("resolve", "1x"), USAGE, "which attempt");
    ENDS(CTL("resolve", "1", "--propose", "open", "--reason", WHY), USAGE, "refunded or not_");
    ENDS(CTL("resolve", "1", "--propose", "refunded"), USAGE, "--reason");
    ENDS(CTL("resolve", "1", "--decide", "approved"), USAGE, "--proposal");
    ENDS(CTL("resolve", "1", "--propose", "refunded", "--reason", WHY, "--decide", "approved"),
         USAGE, "another person");
    ENDS(CTL("resolve", "1", "--note", "x"), USAGE, "another step");
}

/* ---- verify ---------------------------------------------------------------------------------- */

static bool write_file(const char *bytes, size_t size) {
    FILE *f = fopen(file, "w");
    return f && fwrite(bytes, 1, size, f) == size && fclose(f) == 0;
}

/* An export with one byte of it changed: where words begin, and at, from there. */
static void changed_at(const char *whole, const char *words, int at, const char *finding) {
    static char copy[sizeof said];
    snprintf(copy, sizeof copy, "%s", whole);
    char *place = strstr(copy, words);
    CU_ASSERT_PTR_NOT_NULL_FATAL(place);
    place[at] ^= 1;
    CU_ASSERT(write_file(copy, strlen(copy)));
    ENDS(CTL("verify", file), FAILED, finding);
}

static void verify_file(void) {
    static char whole[sizeof said];
    static const char none[] = "0000000000000000000000000000000000000000000000000000000000000000";
    struct journal_seal s;
    for (int k = 0; k < 3; k++)
        set_back(begin(OTR_KIND_OTP, new_tid()), 120);
    ENDS(CTL("seal"), GOOD, "rows were sealed now");
    CU_ASSERT_EQUAL(journal_seal_last(j, &s), JOURNAL_OK);
    ENDS(CTL("verify", "--db", pg_owner), GOOD, s.digest);
    ENDS(CTL("export", "--db", pg_owner), GOOD, "\nend\n");
    snprintf(whole, sizeof whole, "%s", said);
    size_t size = strlen(whole);
    CU_ASSERT(write_file(whole, size));
    ENDS(CTL("verify", file), GOOD, s.digest);
    ENDS(CTL("verify", "--expect", s.digest, file), GOOD, s.digest);
    ENDS(CTL("verify", "--expect", none, file), FAILED, "not in the chain");
    ENDS(CTL("verify", "--expect", none + 1, file), USAGE, "64 hexadecimal digits");
    changed_at(whole, "\"asha\"", 1, "changed: attempt");
    changed_at(whole, s.digest, 63, "changed: seal");
    changed_at(whole, "\nrow\t", 1, "not one of an export");
    for (size_t cut = size - 1; cut > size - 5; cut--) { /* all but its end's newline */
        CU_ASSERT(write_file(whole, cut));
        ENDS(CTL("verify", file), cut == size - 1 ? GOOD : FAILED, cut == size - 1 ? "" : "e");
    }
    CU_ASSERT(write_file(whole, size / 2));
    ENDS(CTL("verify", file), FAILED, "");
    CU_ASSERT(write_file(whole, (size_t)(strstr(whole, "\nend\n") + 1 - whole)));
    ENDS(CTL("verify", file), FAILED, "it was cut");
    unlink(file);
    ENDS(CTL("verify", file), FAILED, "No such file");
}

/* ---- who may use it -------------------------------------------------------------------------- */

static int64_t entries; /* so far */

static int64_t count_entries(void) {
    return pg_number("SELECT count(*) FROM otprefund.access_change");
}

/* One entry more, by this database's login, and it says so. */
static void one_entry(int line, const char *is) {
    const char *last =
        pg_text("SELECT concat_ws(' ', part, name, action, role_before, role, state, token) FROM "
                "otprefund.access_history WHERE changed_by = session_user ORDER BY change_id DESC");
    if (strcmp(last, is) != 0)
        printf("\n  line %d: <%s>, not <%s>", line, last, is);
    CU_ASSERT_STRING_EQUAL(last, is);
    CU_ASSERT_EQUAL(count_entries(), ++entries);
}
#define LEAVES(is, ...)                                                                            \
    (ENDS(CTL(__VA_ARGS__, "--db", pg_owner), GOOD, ""), one_entry(__LINE__, is))

/* The token that was just told stands alone on the last line, and nowhere else of what was said. */
static void token_said(char token[44]) {
    unsigned char bytes[32];
    size_t n = strlen(said);
    char *last = n ? memrchr(said, '\n', n - 1) : NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(last);
    said[n - 1] = '\0';
    snprintf(token, 44, "%s", last + 1);
    CU_ASSERT_STRING_EQUAL(token, last + 1);
    CU_ASSERT(text_base64url_read(token, bytes, sizeof bytes)); /* exactly 256 bits */
    *last = '\0';
    CU_ASSERT_PTR_NULL(strstr(said, token));
}

/* Neither the token that was just printed nor its hash is in any entry. */
static void no_token(void) {
    char sql[400], token[44];
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "again.\n"));
    token_said(token);
    CU_ASSERT_EQUAL(strlen(token), 43);
    snprintf(sql, sizeof sql,
             "SELECT sum(position('%s' IN a::text) + position(encode(c.token_sha256, 'hex') IN "
             "a::text)) FROM otprefund.access_change a, otprefund.api_client c "
             "WHERE c.name = 'till' AND c.token_sha256 = sha256('%s')",
             token, token);
    CU_ASSERT_EQUAL(pg_number(sql), 0);
}

static void access_changes(void) {
    entries = count_entries();
    LEAVES("operator ravi added operator enabled", "operator", "add", "ravi", "--role", "operator");
    LEAVES("operator ravi changed operator supervisor enabled", "operator", "add", "ravi", "--role",
           "supervisor");
    LEAVES("operator ravi changed supervisor supervisor disabled", "operator", "disable", "ravi");
    LEAVES("operator ravi changed supervisor supervisor enabled", "operator", "enable", "ravi");
    LEAVES("api_client till added read enabled", "api-client", "add", "till", "--scope", "read");
    no_token();
    LEAVES("api_client till changed read refund enabled replaced", "api-client", "add", "till",
           "--scope", "refund");
    no_token();
    LEAVES("api_client till changed refund refund disabled", "api-client", "disable", "till");
    LEAVES("api_client till changed refund refund enabled", "api-client", "enable", "till");
    ENDS(CTL("operator", "disable", "nobody", "--db", pg_owner), FAILED, "nobody of that name");
    ENDS(CTL("operator", "add", "till", "--role", "auditor", "--db", pg_owner), FAILED,
         "an API client has that name");
    ENDS(CTL("operator", "list", "--db", pg_owner), GOOD, "ravi");
    CU_ASSERT_EQUAL(count_entries(), entries); /* nothing was changed */
    ENDS(CTL("report", "access", "--csv", "--db", pg_owner), GOOD,
         ",operator,ravi,changed,operator,supervisor,enabled,");
    CU_ASSERT_PTR_NOT_NULL(strstr(said, ",api_client,till,changed,read,refund,enabled,replaced,"));
    ENDS(CTL("report", "access"), DATABASE, "could not be read"); /* by the program's login */
}

/* ---- inquire ---------------------------------------------------------------------------------- */

static void inquire(void) {
    ENDS(CTL("inquire", "77000001"), GOOD, "tid            77000001\n");
    ENDS(CTL("inquire", "--ref", "R77000002"), GOOD, "tid            77000002\n");
    ENDS(CTL("inquire", "--ref", "R77000002"), GOOD, "client_ref_id  R77000002\n"); /* now known */
    CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM otprefund.attempt a JOIN otprefund.outcome o "
                              "USING (attempt_id) WHERE a.client_ref_id = 'R77000002' "
                              "AND o.outcome = 'answered'"),
                    2);
    ENDS(CTL("inquire", "40400001"), FAILED, "knows no such transaction");
    ENDS(CTL("inquire", "--ref", "R40400002"), FAILED, "knows no such transaction");
    ENDS(CTL("inquire", "50200001"), BANK, "the bank has not told");
    ENDS(CTL("inquire", "--ref", "R50200002"), BANK, "the bank has not told");
    ENDS(CTL("inquire", "77000001", "--ref", "R77000001"), USAGE, "either a TID or --ref");
    ENDS(CTL("inquire", "077"), USAGE, "does not begin with 0");
}

/* ---- who may ---------------------------------------------------------------------------------- */

static void add_client(const char *name, char token[44]) {
    ENDS(CTL("api-client", "add", name, "--scope", "read", "--db", pg_owner), GOOD,
         "Keep this token: it is not stored");
    token_said(token);
}

/* Rows of api_client where words, in which $ stands for the token, are true. */
static int64_t clients(const char *words, const char *token) {
    char sql[600];
    const char *at = strchr(words, '$');
    snprintf(sql, sizeof sql, "SELECT count(*) FROM otprefund.api_client c WHERE %.*s'%s'%s",
             (int)(at - words), words, token, at + 1);
    return pg_number(sql);
}

static void token_told_once(void) {
    char tokens[3][44];
    add_client("till-1", tokens[0]);
    add_client("till-2", tokens[1]);
    add_client("till-1", tokens[2]); /* another one, and the first is none any more */
    for (int k = 0; k < 3; k++) {
        CU_ASSERT_STRING_NOT_EQUAL(tokens[k], tokens[(k + 1) % 3]);
        CU_ASSERT_EQUAL(clients("token_sha256 = sha256($)", tokens[k]), k > 0);
        CU_ASSERT_EQUAL(clients("strpos(c::text, $) > 0", tokens[k]), 0);
        CU_ASSERT_EQUAL(clients("strpos(c::text, encode($, 'hex')) > 0", tokens[k]), 0);
        ENDS(CTL("api-client", "list", "--db", pg_owner), GOOD, "till-1");
        CU_ASSERT_PTR_NULL(strstr(said, tokens[k]));
        ENDS(CTL("api-client", "list", "--csv", "--db", pg_owner), GOOD, "till-2,");
        CU_ASSERT_PTR_NULL(strstr(said, tokens[k]));
        ENDS(CTL("api-client", "disable", "till-1", "--db", pg_owner), GOOD, "is disabled");
        CU_ASSERT_PTR_NULL(strstr(said, tokens[k]));
    }
}

/* What a spreadsheet takes for a formula is a text; a number stays one. */
static void no_formulas(void) {
    static const struct {
        const char *name, *cell;
    } cells[] = {
        {"=1+1", "\"'=1+1\""},
        {"=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""},
        {"+1", "\"'+1\""},
        {"-1+1", "\"'-1+1\""},
        {"-1.", "\"'-1.\""},
        {"@x", "\"'@x\""},
        {"\tx", "\"'\tx\""},
        {"\rx", "\"'\rx\""},
        {"\nx", "\"'\nx\""},
        {"＝1", "\"'＝1\""},
        {"＠x", "\"'＠x\""},
        {"-1", "-1"},
        {"-1.50", "-1.50"},
        {"a=1", "a=1"},
        {"a,b", "\"a,b\""},
        {"say \"hi\"", "\"say \"\"hi\"\"\""},
    };
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        char sql[300], row[200];
        snprintf(sql, sizeof sql,
                 "INSERT INTO otprefund.operator (name, role, full_name) VALUES ('sheet', "
                 "'operator', '%s') ON CONFLICT (name) DO UPDATE SET full_name = excluded.full_name",
                 cells[i].name);
        CU_ASSERT(pg_do(sql));
        snprintf(row, sizeof row, "\r\nsheet,%s,operator,", cells[i].cell);
        ENDS(CTL("operator", "list", "--csv", "--db", pg_owner), GOOD, row);
    }
    CU_ASSERT(pg_do("DELETE FROM otprefund.operator WHERE name = 'sheet'"));
}

/* ---- the way to the database ------------------------------------------------------------------ */

static void the_way(void) {
    static const char *const env[] = {"PGHOST=db.example",  "PGHOSTADDR=192.0.2.1",
                                      "PGPORT=1",           "PGSSLMODE=require",
                                      "PGSERVICE=nowhere",  "PGOPTIONS=-c no.such.option="};
    static const char far[] = "host=db.example dbname=x", near[] = "leads over the network";
    char db[1000];
    for (size_t i = 0; i < sizeof env / sizeof env[0]; i++)
        ENDS(CTL_ENV(env[i], "seal", "--show", "--db", pg_app), GOOD, "");
    static const char *const commands[] = {"migrate", "seal", "export", "verify"};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        ENDS(CTL(commands[i], "--db", far), SETTINGS, near);
        ENDS(CTL_ENV("OTPREFUND_OWNER_DB=host=db.example dbname=x", commands[i]), SETTINGS, near);
    }
    ENDS(CTL("operator", "list", "--db", "hostaddr=192.0.2.1 sslmode=require"), SETTINGS, near);
    ENDS(CTL("report", "ageing", "--db", "service=x"), SETTINGS, "names a service");
    snprintf(db, sizeof db, "%s%300s", pg_app, "host=db.example");
    ENDS(CTL("seal", "--db", db), SETTINGS, "longer than 255 bytes");
}

/* ---- the program's own seals ------------------------------------------------------------------ */

static int64_t seals(void) {
    return pg_number("SELECT count(*) FROM otprefund.audit_seal");
}

/* A node starts; waits until there are so many seals, for tenths of a second at most. */
static void node_runs(int64_t until, int tenths) {
    struct otr_config config;
    struct otr_fault f;
    struct otr *o = NULL;
    settings_core(house.settings, &config);
    config.resolver = true;
    CU_ASSERT_EQUAL_FATAL(otr_open(&config, &o, &f), OTR_OK);
    for (int k = 0; k < tenths && seals() < until; k++)
        nanosleep(&(struct timespec){0, 100000000}, NULL);
    otr_close(o, 1000);
}

static void by_itself(void) {
    set_back(begin(OTR_KIND_OTP, new_tid()), 120);
    node_runs(1, 100);
    CU_ASSERT_EQUAL(seals(), 1);
    set_back(begin(OTR_KIND_OTP, new_tid()), 120);
    node_runs(2, 5); /* the newest seal is of just now */
    CU_ASSERT_EQUAL(seals(), 1);
    CU_ASSERT(pg_do("ALTER TABLE otprefund.audit_seal DISABLE TRIGGER insert_only;"
                    "UPDATE otprefund.audit_seal SET sealed_at = sealed_at - interval '10 min', "
                    "covers_to = covers_to - interval '10 min'"));
    node_runs(2, 100); /* a node that was started anew since goes on from there */
    CU_ASSERT_EQUAL(seals(), 2);
    CU_ASSERT(pg_do("ALTER TABLE otprefund.audit_leaf DISABLE TRIGGER insert_only;"
                    "DELETE FROM otprefund.audit_leaf; DELETE FROM otprefund.audit_seal"));
}

/* ---------------------------------------------------------------------------------------------- */

static bool open_all(void) {
    const struct journal_config c = {
        .conninfo = pg_app, .connections = 2, .commit_batch = 8, .node = "host:1"};
    const struct passwd *me = getpwuid(getuid() ? getuid() : 1);
    char why[256] = "no login, or no folder";
    if (!me || !mkdtemp(folder) || !house_open())
        return false;
    snprintf(self, sizeof self, "%s", me->pw_name);
    snprintf(conf, sizeof conf, "%s/conf", folder);
    snprintf(file, sizeof file, "%s/export", folder);
    struct settings settings = *house.settings;
    snprintf(settings.desk_data_dir, SETTINGS_TEXT_SIZE, "%s", folder); /* an absolute one; not read */
    settings.bank_connect_timeout_ms = 2000;
    FILE *f = fopen(conf, "w");
    if (f) {
        settings_print(&settings, f);
        fclose(f);
    }
    if (f && journal_open(&c, &j, why, sizeof why) == JOURNAL_OK)
        return true;
    fprintf(stderr, "%s\n", why);
    return false;
}

int main(void) {
    if (!getenv("OTPREFUND_TEST_DB") || access("./ctl/otprefundctl", X_OK) != 0)
        return 77;
    if (!open_all())
        return 1;
    CU_pSuite s = suite_begin("ctl", NULL, NULL);
    CU_add_test(s, "sealed by itself", by_itself);
    CU_add_test(s, "the way to the database", the_way);
    CU_add_test(s, "a token is told once and kept nowhere", token_told_once);
    CU_add_test(s, "no formulas in CSV", no_formulas);
    CU_add_test(s, "who changed whom", access_changes);
    CU_add_test(s, "inquire", inquire);
    CU_add_test(s, "verify a file", verify_file);
    CU_add_test(s, "proposed, and not decided by the same person", propose);
    CU_add_test(s, "decided by an auditor", decide);
    CU_add_test(s, "stale evidence", stale);
    CU_add_test(s, "who may not resolve", who_may_not);
    CU_add_test(s, "what cannot be resolved", not_possible);
    int failed = suite_run();
    journal_close(j);
    house_close();
    unlink(conf);
    unlink(file);
    rmdir(folder);
    return failed;
}
