/* test_schema.c - the schema itself: words, comments, rights, triggers, migrations; people. */
#include <CUnit/Basic.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sql/journal.h"
#include "sql/migrate.h"
#include "tests/unit/pg_helper.h"
#include "tests/unit/suite.h"

static struct journal *j;

/* ---- the words of C and the words of SQL --------------------------------------------------- */

/* Are the quoted words of this CHECK exactly names(1) ... names(max - 1)? */
#define SAME_WORDS(table, constraint, what, max)                                                   \
    do {                                                                                           \
        char words_[2048] = "";                                                                    \
        size_t n_ = 0;                                                                             \
        for (int v_ = 1; v_ < (int)max; v_++)                                                      \
            n_ += (size_t)snprintf(words_ + n_, sizeof words_ - n_, "%s\n",                        \
                                   otr_##what##_name((enum otr_##what)v_));                        \
        CU_ASSERT_STRING_EQUAL(                                                                    \
            pg_column("SELECT m[1] FROM pg_constraint c, "                                         \
                      "regexp_matches(pg_get_constraintdef(c.oid), '''([^'']*)''', 'g') m "        \
                      "WHERE c.conrelid = 'otprefund." table "'::regclass "                        \
                      "AND c.conname = '" constraint "'"),                                         \
            words_);                                                                               \
    } while (0)

static void words(void) {
    SAME_WORDS("attempt", "kind_words", kind, OTR_KIND__MAX);
    SAME_WORDS("attempt", "channel_words", channel, OTR_CHANNEL__MAX);
    SAME_WORDS("outcome", "kind_words", kind, OTR_KIND__MAX);
    SAME_WORDS("outcome", "outcome_words", outcome, OTR_OUTCOME__MAX);
    SAME_WORDS("outcome", "reason_words", reason, OTR_REASON__MAX);
    SAME_WORDS("resolution", "resolution_words", resolution, OTR_RESOLUTION__MAX);
    SAME_WORDS("resolution", "resolved_by_words", how, OTR_HOW__MAX);
    SAME_WORDS("operator", "role_words", role, OTR_ROLE__MAX);
}

/* ---- every table, column, view and function explains itself --------------------------------- */

static void comments(void) {
    CU_ASSERT_STRING_EQUAL(pg_column("SELECT c.relname FROM pg_class c "
                                     "WHERE c.relnamespace = 'otprefund'::regnamespace "
                                     "AND c.relkind IN ('r', 'v', 'm', 'p') "
                                     "AND coalesce(obj_description(c.oid, 'pg_class'), '') = ''"),
                           "");
    CU_ASSERT_STRING_EQUAL(pg_column("SELECT a.attrelid::regclass || '.' || a.attname "
                                     "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
                                     "WHERE c.relnamespace = 'otprefund'::regnamespace "
                                     "AND c.relkind IN ('r', 'v', 'm', 'p') AND a.attnum > 0 "
                                     "AND NOT a.attisdropped "
                                     "AND coalesce(col_description(c.oid, a.attnum), '') = ''"),
                           "");
    CU_ASSERT_STRING_EQUAL(pg_column("SELECT p.proname FROM pg_proc p "
                                     "WHERE p.pronamespace = 'otprefund'::regnamespace "
                                     "AND coalesce(obj_description(p.oid, 'pg_proc'), '') = ''"),
                           "");
    CU_ASSERT(
        pg_number("SELECT count(*) FROM pg_class WHERE relnamespace = 'otprefund'::regnamespace "
                  "AND relkind IN ('r', 'v')") >= 17);
}

/* Every column but a yes or no has a CHECK. */
static void checks(void) {
    CU_ASSERT_STRING_EQUAL(pg_column("SELECT a.attrelid::regclass || '.' || a.attname "
                                     "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
                                     "WHERE c.relnamespace = 'otprefund'::regnamespace "
                                     "AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped "
                                     "AND a.atttypid <> 'boolean'::regtype "
                                     "AND c.relname <> 'schema_version' "
                                     "AND NOT EXISTS (SELECT FROM pg_constraint k "
                                     "WHERE k.conrelid = c.oid AND k.contype = 'c' "
                                     "AND a.attnum = ANY (k.conkey))"),
                           "");
}

/* ---- who may do what ------------------------------------------------------------------------ */

static const char *const journal_tables[] = {"attempt",         "outcome",         "resolution",
                                             "contradiction",   "late_answer",     "audit_seal",
                                             "manual_proposal", "manual_decision", "callback",
                                             "audit_leaf",      "access_change"};
static const char *const keys[] = {"operator", "outcome",   "resolution", "found",
                                   "outcome",  "row_count", "reason",     "note",
                                   "body",     "row_id",    "action"};

static void change(char *sql, size_t size, int how, int table) {
    const char *t = journal_tables[table], *k = keys[table];
    if (how == 0)
        snprintf(sql, size, "UPDATE otprefund.%s SET %s = %s", t, k, k);
    else if (how == 1)
        snprintf(sql, size, "DELETE FROM otprefund.%s", t);
    else
        snprintf(sql, size, "TRUNCATE otprefund.%s CASCADE", t);
}

static void insert_only(void) {
    static const char *const roles[] = {"otprefund_app", "otprefund_auditor", "otprefund_owner",
                                        "postgres"};
    char sql[256];
    CU_ASSERT(pg_number("SELECT count(*) FROM otprefund.attempt") > 0);
    for (size_t r = 0; r < sizeof roles / sizeof roles[0]; r++)
        for (size_t t = 0; t < sizeof journal_tables / sizeof journal_tables[0]; t++)
            for (int h = 0; h < 3; h++) { /* UPDATE, DELETE, TRUNCATE */
                snprintf(sql, sizeof sql, "BEGIN; SET LOCAL ROLE %s", r == 3 ? "none" : roles[r]);
                CU_ASSERT(pg_do(sql));
                change(sql, sizeof sql, h, (int)t);
                CU_ASSERT_FALSE(pg_do(sql));
                CU_ASSERT_STRING_EQUAL(pg_state(), "42501");
                CU_ASSERT(pg_do("ROLLBACK"));
            }
    /* Also when triggers are told to stay quiet. */
    CU_ASSERT(pg_do("BEGIN; SET LOCAL session_replication_role = replica"));
    CU_ASSERT_FALSE(pg_do("DELETE FROM otprefund.outcome"));
    CU_ASSERT(pg_do("ROLLBACK"));
}

static bool may(const char *role, const char *sql) {
    char set[128];
    snprintf(set, sizeof set, "BEGIN; SET LOCAL ROLE %s", role);
    CU_ASSERT(pg_do(set));
    bool ok = pg_do(sql);
    char state[6];
    snprintf(state, sizeof state, "%s", pg_state());
    CU_ASSERT(pg_do("ROLLBACK"));
    CU_ASSERT(ok || strcmp(state, "42501") == 0);
    return ok;
}

static void rights(void) {
    static const char *const views[] = {"attempt_status", "unresolved",      "ageing",
                                        "daily_totals",   "operator_totals", "statement_mismatch",
                                        "manual_status"};
    static const char *const tables[] = {
        "attempt",         "outcome",     "resolution",     "open_attempt", "transaction",
        "api_client",      "statement",   "statement_line", "audit_seal",   "manual_proposal",
        "manual_decision", "late_answer", "callback",       "access_change"};
    char sql[256];
    for (size_t k = 0; k < sizeof views / sizeof views[0]; k++) {
        snprintf(sql, sizeof sql, "SELECT * FROM otprefund.%s", views[k]);
        CU_ASSERT(may("otprefund_auditor", sql));
        CU_ASSERT(may("otprefund_app", sql));
    }
    CU_ASSERT(may("otprefund_auditor", "SELECT * FROM otprefund.sealable"));
    CU_ASSERT(may("otprefund_auditor", "SELECT * FROM otprefund.access_history"));
    CU_ASSERT_FALSE(may("otprefund_app", "SELECT * FROM otprefund.access_history"));
    CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM pg_class c WHERE c.relkind = 'v' AND "
                              "c.relnamespace = 'otprefund'::regnamespace AND NOT "
                              "has_table_privilege('otprefund_auditor', c.oid, 'SELECT')"),
                    0);
    for (size_t k = 0; k < sizeof tables / sizeof tables[0]; k++) {
        snprintf(sql, sizeof sql, "SELECT * FROM otprefund.%s", tables[k]);
        CU_ASSERT_FALSE(may("otprefund_auditor", sql));
        CU_ASSERT_FALSE(may("otprefund_app", sql));
        CU_ASSERT(may("otprefund_owner", sql));
    }
    CU_ASSERT_FALSE(may("otprefund_app",
                        "INSERT INTO otprefund.resolution (attempt_id, resolution, "
                        "resolved_by, evidence_attempt_id) "
                        "VALUES (1, 'refunded', 'answer', 1)"));
    CU_ASSERT_FALSE(may("otprefund_app", "UPDATE otprefund.operator SET role = 'supervisor'"));
    CU_ASSERT_FALSE(may("otprefund_app", "SELECT otprefund.attempt_sweep(now(), 1)"));
    CU_ASSERT(may("otprefund_app", "SELECT otprefund.attempt_wake('1')"));
    CU_ASSERT_FALSE(may("otprefund_auditor", "SELECT otprefund.attempt_wake('1')"));
    /* Nothing for everybody, and nothing that belongs to somebody else. */
    CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM pg_proc p, aclexplode(coalesce(p.proacl, "
                              "acldefault('f', p.proowner))) a WHERE a.grantee = 0 "
                              "AND p.pronamespace = 'otprefund'::regnamespace"),
                    0);
    CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM pg_class c, aclexplode(c.relacl) a "
                              "WHERE a.grantee = 0 AND c.relnamespace = 'otprefund'::regnamespace"),
                    0);
    CU_ASSERT_EQUAL(
        pg_number("SELECT count(*) FROM pg_class WHERE relnamespace = "
                  "'otprefund'::regnamespace AND relowner <> 'otprefund_owner'::regrole"),
        0);
    CU_ASSERT_EQUAL(
        pg_number("SELECT count(*) FROM pg_proc WHERE pronamespace = "
                  "'otprefund'::regnamespace AND prosecdef AND coalesce(array_to_string("
                  "proconfig, ' '), '') NOT LIKE 'search_path=pg_catalog, pg_temp%'"),
        0);
}

/* Every right that a role has in the end, its own or everybody's, over every object of the schema. */
static const char exact[] =
    "WITH object(what, name, oid, rights) AS ("
    "  SELECT CASE relkind WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence' ELSE 'table' END, "
    "relname::text,"
    "    oid, CASE relkind WHEN 'S' THEN '{SELECT,UPDATE,USAGE}' ELSE"
    "    '{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}' END::text[]"
    "  FROM pg_class WHERE relnamespace = 'otprefund'::regnamespace AND relkind NOT IN ('i', 'I', "
    "'t', 'c')"
    "  UNION ALL SELECT 'function', proname || '/' || pronargs, oid, '{EXECUTE}'"
    "  FROM pg_proc WHERE pronamespace = 'otprefund'::regnamespace"
    "  UNION ALL SELECT 'type', typname, oid, '{}' FROM pg_type"
    "  WHERE typnamespace = 'otprefund'::regnamespace AND typtype IN ('d', 'e')"
    "  UNION ALL SELECT 'schema', nspname, oid, '{USAGE,CREATE}' FROM pg_namespace"
    "  WHERE nspname IN ('otprefund', 'public')), "
    "given(what, name, place, role, word) AS ("
    "  SELECT what, name, p.n, r.role, p.word FROM object o, unnest(rights) WITH ORDINALITY "
    "p(word, n),"
    "    (VALUES ('otprefund_app'), ('otprefund_auditor')) r(role)"
    "  WHERE CASE what WHEN 'function' THEN has_function_privilege(r.role, o.oid, p.word)"
    "    WHEN 'schema' THEN has_schema_privilege(r.role, o.oid, p.word)"
    "    WHEN 'sequence' THEN has_sequence_privilege(r.role, o.oid, p.word)"
    "    ELSE has_table_privilege(r.role, o.oid, p.word) OR (p.word IN ('SELECT', 'INSERT', "
    "'UPDATE',"
    "      'REFERENCES') AND has_any_column_privilege(r.role, o.oid, p.word)) END) "
    "SELECT o.what || E'\\t' || o.name || E'\\t' || coalesce((SELECT string_agg(word, ' ' ORDER BY "
    "place)"
    "    FROM given g WHERE (g.what, g.name, role) = (o.what, o.name, 'otprefund_app')), '-')"
    "  || E'\\t' || coalesce((SELECT string_agg(word, ' ' ORDER BY place) FROM given g"
    "    WHERE (g.what, g.name, role) = (o.what, o.name, 'otprefund_auditor')), '-') "
    "FROM object o ORDER BY o.what COLLATE \"C\", o.name COLLATE \"C\"";

/* tests/cases/rights.tsv says it all: an object without a line there, or a right it does not name, fails. */
static void exact_rights(void) {
    static char wanted[32768], path[600];
    char line[512];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/../tests/cases/rights.tsv", pg_folder);
    FILE *in = fopen(path, "re");
    CU_ASSERT_PTR_NOT_NULL_FATAL(in);
    while (fgets(line, sizeof line, in))
        if (line[0] != '#')
            n += (size_t)snprintf(wanted + n, sizeof wanted - n, "%s", line);
    fclose(in);
    const char *have = pg_column(exact);
    CU_ASSERT(strlen(have) > 2000);
    CU_ASSERT_STRING_EQUAL(have, wanted);
    if (strcmp(have, wanted) != 0)
        printf("\n    tests/cases/rights.tsv is not what the database says:\n%s", have);
}

/* Neither role can more than that elsewhere: no attributes, no other roles, nothing in other schemas. */
static void no_more(void) {
    CU_ASSERT_EQUAL(
        pg_number("SELECT count(*) FROM pg_roles WHERE rolname IN ('otprefund_app', "
                  "'otprefund_auditor') AND NOT (rolsuper OR rolcreaterole OR rolcreatedb "
                  "OR rolcanlogin OR rolreplication OR rolbypassrls)"),
        2);
    CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM pg_auth_members WHERE member IN "
                              "('otprefund_app'::regrole, 'otprefund_auditor'::regrole)"),
                    0);
    CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM pg_default_acl d, aclexplode(d.defaclacl) a "
                              "WHERE a.grantee IN (0, 'otprefund_app'::regrole, "
                              "'otprefund_auditor'::regrole)"),
                    0);
    CU_ASSERT_FALSE(may("otprefund_app", "CREATE TABLE otprefund.own (id int)"));
    CU_ASSERT_FALSE(may("otprefund_app", "CREATE TABLE public.own (id int)"));
    CU_ASSERT_FALSE(may("otprefund_app", "COPY otprefund.operator TO '/tmp/x'"));
    CU_ASSERT_FALSE(may("otprefund_app", "COPY (SELECT 1) TO PROGRAM 'true'"));
    CU_ASSERT_FALSE(may("otprefund_app", "SELECT pg_read_file('/etc/passwd')"));
    CU_ASSERT_FALSE(may("otprefund_app", "SET session_replication_role = replica"));
    CU_ASSERT_FALSE(may("otprefund_app", "SELECT * FROM pg_authid"));
    CU_ASSERT_FALSE(may("otprefund_auditor", "SELECT otprefund.seal_make(1)"));
}

/* ---- migrations ----------------------------------------------------------------------------- */

static int reported, reported_changed;

static void report(void *context, int version, const char *name, bool changed) {
    CU_ASSERT_PTR_EQUAL(context, &reported);
    CU_ASSERT(version >= 1 && version <= JOURNAL_SCHEMA_VERSION && strlen(name) > 5);
    reported++;
    reported_changed += changed;
}

static enum journal_status migrate(const char *folder, char why[256]) {
    reported = reported_changed = 0;
    return journal_migrate(pg_owner, folder, report, &reported, why, 256);
}

static void migrations(void) {
    char why[256], folder[] = "/tmp/otprefund-migrations.XXXXXX", command[1200];
    CU_ASSERT_EQUAL(migrate(pg_folder, why), JOURNAL_OK); /* a second time: nothing to do */
    CU_ASSERT_EQUAL(reported, 0);
    CU_ASSERT_STRING_EQUAL(why, "");
    CU_ASSERT_EQUAL(
        pg_number("SELECT count(*) FROM otprefund.schema_version WHERE sha256 IS NOT NULL"),
        JOURNAL_SCHEMA_VERSION);
    CU_ASSERT_EQUAL(migrate("/nonexistent", why), JOURNAL_REFUSED);
    CU_ASSERT(strlen(why) > 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    CU_ASSERT_EQUAL(migrate(folder, why), JOURNAL_REFUSED);
    CU_ASSERT(strstr(why, "0001") != NULL);
    snprintf(command, sizeof command,
             "cp %s/0*.sql %s && echo '-- other' | tee -a %s/0002-*.sql >/dev/null", pg_folder,
             folder, folder);
    CU_ASSERT_EQUAL(system(command), 0);
    CU_ASSERT_EQUAL(migrate(folder, why), JOURNAL_OK);
    CU_ASSERT_EQUAL(reported, 1);
    CU_ASSERT_EQUAL(reported_changed, 1);
    snprintf(command, sizeof command, "cp %s/0001-*.sql %s/0001-twice.sql", pg_folder, folder);
    CU_ASSERT_EQUAL(system(command), 0);
    CU_ASSERT_EQUAL(migrate(folder, why), JOURNAL_REFUSED);
    snprintf(command, sizeof command, "rm -r %s", folder);
    CU_ASSERT_EQUAL(system(command), 0);
    /* A newer database is left alone, and not used. */
    struct journal *other = NULL;
    struct journal_config c = {.conninfo = pg_app, .connections = 1, .node = "n"};
    CU_ASSERT(pg_do("INSERT INTO otprefund.schema_version (version, name) VALUES (9999, 'x')"));
    CU_ASSERT_EQUAL(migrate(pg_folder, why), JOURNAL_REFUSED);
    CU_ASSERT(strstr(why, "newer program") != NULL);
    CU_ASSERT_EQUAL(journal_open(&c, &other, why, sizeof why), JOURNAL_DOWN);
    CU_ASSERT(strstr(why, "newer program") != NULL);
    CU_ASSERT_EQUAL(journal_ping(j, why, sizeof why), JOURNAL_DOWN);
    CU_ASSERT(pg_do("DELETE FROM otprefund.schema_version WHERE version = 9999"));
    CU_ASSERT_EQUAL(journal_ping(j, why, sizeof why), JOURNAL_OK);
}

static void not_migrated(void) {
    char why[256], conninfo[800], database[128], create[200];
    struct journal *other = NULL;
    snprintf(database, sizeof database, "otprefund_empty_%d", (int)getpid());
    snprintf(create, sizeof create, "CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8'",
             database);
    CU_ASSERT(pg_do(create));
    snprintf(conninfo, sizeof conninfo, "%s dbname=%s", pg_owner, database);
    struct journal_config c = {.conninfo = conninfo, .connections = 1, .node = "n"};
    CU_ASSERT_EQUAL(journal_open(&c, &other, why, sizeof why), JOURNAL_DOWN);
    CU_ASSERT(strstr(why, "otprefundctl migrate") != NULL);
    CU_ASSERT_EQUAL(journal_migrate(conninfo, pg_folder, NULL, NULL, why, sizeof why), JOURNAL_OK);
    CU_ASSERT_EQUAL(journal_open(&c, &other, why, sizeof why), JOURNAL_OK);
    journal_close(other);
    snprintf(create, sizeof create, "DROP DATABASE %s WITH (FORCE)", database);
    CU_ASSERT(pg_do(create));
}

/* ---- administration ------------------------------------------------------------------------- */

static void people(void) {
    struct otr_operator o = {.name = "asha",
                             .full_name = "Asha",
                             .role = OTR_ROLE_OPERATOR,
                             .user_code = "20810200"},
                        found;
    struct otr_table t;
    CU_ASSERT_EQUAL(journal_operator(j, "asha", &found), JOURNAL_NOT_FOUND);
    CU_ASSERT_EQUAL(journal_operator_put(j, &o), JOURNAL_OK);
    CU_ASSERT_EQUAL(journal_operator(j, "asha", &found), JOURNAL_OK);
    CU_ASSERT(found.role == OTR_ROLE_OPERATOR && found.may_refund && !found.disabled &&
              !found.client);
    CU_ASSERT_STRING_EQUAL(found.user_code, "20810200");
    o.role = OTR_ROLE_AUDITOR;
    o.user_code[0] = '\0';
    CU_ASSERT_EQUAL(journal_operator_put(j, &o), JOURNAL_OK);
    CU_ASSERT_EQUAL(journal_operator_disable(j, "asha", true), JOURNAL_OK);
    CU_ASSERT_EQUAL(journal_operator(j, "asha", &found), JOURNAL_OK);
    CU_ASSERT(found.role == OTR_ROLE_AUDITOR && !found.may_refund && found.disabled);
    CU_ASSERT_STRING_EQUAL(found.user_code, "");
    CU_ASSERT_EQUAL(journal_operator_disable(j, "nobody", true), JOURNAL_NOT_FOUND);
    o.role = OTR_ROLE_NONE;
    CU_ASSERT_EQUAL(journal_operator_put(j, &o), JOURNAL_REFUSED);
    CU_ASSERT_EQUAL(journal_operator_list(j, &t), JOURNAL_OK);
    CU_ASSERT_EQUAL(t.rows, 2);
    CU_ASSERT_STRING_EQUAL(t.cells[0], "name");
    CU_ASSERT_STRING_EQUAL(t.cells[t.columns], "asha");
    otr_table_free(&t);
}

static void machines(void) {
    static const unsigned char token[32] = {0, 1, 2, 255}, other[32] = {9};
    struct otr_operator o = {.name = "switch", .full_name = "Payment switch", .may_refund = true},
                        found;
    struct otr_table t;
    CU_ASSERT_EQUAL(journal_client_put(j, &o, token), JOURNAL_OK);
    CU_ASSERT_EQUAL(journal_client(j, token, &found), JOURNAL_OK);
    CU_ASSERT(found.client && found.may_refund && !found.disabled && found.role == OTR_ROLE_NONE);
    CU_ASSERT_STRING_EQUAL(found.name, "switch");
    CU_ASSERT_EQUAL(journal_client(j, other, &found), JOURNAL_NOT_FOUND);
    CU_ASSERT_EQUAL(journal_client_disable(j, "switch", true), JOURNAL_OK);
    CU_ASSERT_EQUAL(journal_client(j, token, &found), JOURNAL_OK);
    CU_ASSERT(found.disabled);
    CU_ASSERT_EQUAL(journal_client_disable(j, "nobody", true), JOURNAL_NOT_FOUND);
    snprintf(o.name, sizeof o.name, "asha"); /* a person's */
    CU_ASSERT_EQUAL(journal_client_put(j, &o, other), JOURNAL_REFUSED);
    snprintf(o.name, sizeof o.name, "another");
    CU_ASSERT_EQUAL(journal_client_put(j, &o, token),
                    JOURNAL_REFUSED); /* the token is the switch's */
    CU_ASSERT_EQUAL(journal_client_list(j, &t), JOURNAL_OK);
    CU_ASSERT_EQUAL(t.rows, 2);
    otr_table_free(&t);
}

/* ---- who changed whom ------------------------------------------------------------------------ */

struct change {
    const char *sql, *entries; /* what it leaves: a line each */
};

/* By whoever pg_do is at the moment. */
static void leaves(const struct change *c) {
    char sql[400];
    int64_t newest = pg_number("SELECT max(change_id) FROM otprefund.access_change");
    CU_ASSERT(pg_do(c->sql));
    snprintf(sql, sizeof sql,
             "SELECT concat_ws(' ', changed_by, part, name, action, role_before, role, state, "
             "token) FROM otprefund.access_history WHERE change_id > %" PRId64
             " ORDER BY change_id",
             newest);
    CU_ASSERT_STRING_EQUAL(pg_column(sql), c->entries);
}

static void each_change(void) {
    static const struct change changes[] = {
        {"INSERT INTO otprefund.operator (name, role) VALUES ('ravi', 'operator')",
         "the_admin operator ravi added operator enabled\n"},
        {"UPDATE otprefund.operator SET role = 'supervisor' WHERE name = 'ravi'",
         "the_admin operator ravi changed operator supervisor enabled\n"},
        {"UPDATE otprefund.operator SET disabled = true WHERE name = 'ravi'",
         "the_admin operator ravi changed supervisor supervisor disabled\n"},
        {"INSERT INTO otprefund.operator (name, role) VALUES ('ravi', 'auditor') "
         "ON CONFLICT (name) DO UPDATE SET role = excluded.role, disabled = false",
         "the_admin operator ravi changed supervisor auditor enabled\n"},
        {"UPDATE otprefund.operator SET name = 'tara' WHERE name = 'ravi'",
         "the_admin operator ravi removed auditor auditor removed\n"
         "the_admin operator tara added auditor enabled\n"},
        {"SET ROLE otprefund_owner; DELETE FROM otprefund.operator WHERE name = 'tara'; RESET ROLE",
         "the_admin operator tara removed auditor auditor removed\n"},
        {"INSERT INTO otprefund.api_client (name, token_sha256) VALUES ('kiosk', sha256('one'))",
         "the_admin api_client kiosk added read enabled\n"},
        {"UPDATE otprefund.api_client SET may_refund = true WHERE name = 'kiosk'",
         "the_admin api_client kiosk changed read refund enabled\n"},
        {"UPDATE otprefund.api_client SET token_sha256 = sha256('two') WHERE name = 'kiosk'",
         "the_admin api_client kiosk changed refund refund enabled replaced\n"},
        {"UPDATE otprefund.api_client SET disabled = true WHERE name = 'kiosk'",
         "the_admin api_client kiosk changed refund refund disabled\n"},
        {"DELETE FROM otprefund.api_client WHERE name = 'kiosk'",
         "the_admin api_client kiosk removed refund refund removed\n"}};
    static const char hashes[] =
        "SELECT count(*) FROM otprefund.access_change a, (SELECT sha256('one') UNION SELECT "
        "sha256('two') UNION SELECT token_sha256 FROM otprefund.api_client) t(hash) "
        "WHERE position(encode(hash, 'hex') IN a::text) + position(encode(hash, 'base64') IN "
        "a::text) > 0 OR content ? 'token_sha256'";
    CU_ASSERT(pg_do("CREATE ROLE the_admin LOGIN IN ROLE otprefund_owner"));
    CU_ASSERT(pg_do("SET SESSION AUTHORIZATION the_admin"));
    for (size_t k = 0; k < sizeof changes / sizeof changes[0]; k++)
        leaves(&changes[k]);
    CU_ASSERT_EQUAL(pg_number(hashes), 0);
    CU_ASSERT(pg_do("RESET SESSION AUTHORIZATION; DROP ROLE the_admin"));
    /* Also when triggers are told to stay quiet. */
    int64_t before = pg_number("SELECT count(*) FROM otprefund.access_change");
    CU_ASSERT(pg_do("SET session_replication_role = replica"));
    CU_ASSERT(pg_do("UPDATE otprefund.operator SET disabled = disabled WHERE name = 'asha'"));
    CU_ASSERT(pg_do("UPDATE otprefund.api_client SET disabled = disabled WHERE name = 'switch'"));
    CU_ASSERT(pg_do("SET session_replication_role = origin"));
    CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM otprefund.access_change"), before + 2);
}

static void emptied(void) {
    static const char *const roles[] = {"otprefund_app", "otprefund_auditor", "otprefund_owner",
                                        "none"}; /* the superuser */
    for (int k = 0; k < 4; k++) {
        CU_ASSERT_FALSE(may(roles[k], "TRUNCATE otprefund.operator"));
        CU_ASSERT_FALSE(may(roles[k], "TRUNCATE otprefund.api_client"));
    }
    CU_ASSERT(pg_do("SET session_replication_role = replica"));
    CU_ASSERT_FALSE(may("none", "TRUNCATE otprefund.operator"));
    CU_ASSERT_FALSE(may("none", "TRUNCATE otprefund.api_client"));
    CU_ASSERT(pg_do("SET session_replication_role = origin"));
}

/* Whoever was there before the trail has an entry from when it began. */
static void began(void) {
    static char file[16384];
    char path[600];
    snprintf(path, sizeof path, "%s/0013-access.sql", pg_folder);
    FILE *in = fopen(path, "re");
    CU_ASSERT_PTR_NOT_NULL_FATAL(in);
    file[fread(file, 1, sizeof file - 1, in)] = '\0';
    fclose(in);
    CU_ASSERT(pg_do("BEGIN; DROP TABLE otprefund.access_change CASCADE;"
                    "DROP FUNCTION otprefund.access_changed() CASCADE;"
                    "DELETE FROM otprefund.schema_version WHERE version = 13"));
    CU_ASSERT(pg_do(file));
    CU_ASSERT_STRING_EQUAL(
        pg_column("SELECT concat_ws(' ', part, name, action, role, state) "
                  "FROM otprefund.access_history ORDER BY change_id"),
        "api_client switch added refund disabled\noperator asha added auditor disabled\n");
    CU_ASSERT_EQUAL(pg_number("SELECT count(*) FROM otprefund.access_change WHERE changed_by = "
                              "session_user AND changed_at > now() - interval '1 minute'"),
                    2);
    CU_ASSERT(pg_do("ROLLBACK"));
}

/* ---- statements ----------------------------------------------------------------------------- */

static int64_t refunded(const char *tid, int64_t paise) {
    static const unsigned char mac[32];
    struct journal_intent i = {.kind = OTR_KIND_REFUND,
                               .channel = OTR_CHANNEL_API,
                               .tid = tid,
                               .operator_name = "switch",
                               .idempotency_key = tid,
                               .content_mac = mac,
                               .deadline_ms = 1000};
    struct journal_begun b;
    CU_ASSERT_EQUAL(journal_begin(j, &i, &b), JOURNAL_OK);
    struct journal_finding f = {.attempt_id = b.attempt_id,
                                .kind = OTR_KIND_REFUND,
                                .outcome = OTR_OUTCOME_REFUNDED,
                                .tx_status = 4,
                                .amount = paise,
                                .refunded_amount = paise,
                                .settles_attempt_id = b.attempt_id,
                                .resolution = OTR_RESOLUTION_REFUNDED,
                                .how = OTR_HOW_ANSWER};
    CU_ASSERT_EQUAL(journal_finish(j, &f), JOURNAL_OK);
    return b.attempt_id;
}

static void statements(void) {
    refunded("70000001", 10000);
    refunded("70000002", 20050);
    refunded("70000003", 30000);
    CU_ASSERT_STRING_EQUAL(pg_column("SELECT mismatch FROM otprefund.statement_mismatch"), "");
    CU_ASSERT(
        pg_do("INSERT INTO otprefund.statement (file_name, file_sha256, period_from, period_to, "
              "imported_by) VALUES ('a.csv', sha256('a'), now() - interval '1 day', "
              "now() + interval '1 day', 'asha')"));
    CU_ASSERT(pg_do(
        "INSERT INTO otprefund.statement_line (statement_id, line_no, tid, amount, "
        "booked_at) VALUES (1, 1, '70000001', 100, now()), (1, 2, '70000002', 200.51, now()), "
        "(1, 3, '70000009', 5, now())"));
    CU_ASSERT_STRING_EQUAL(
        pg_column("SELECT concat_ws(' ', mismatch, tid, statement_amount, journal_amount) "
                  "FROM otprefund.statement_mismatch ORDER BY tid"),
        "amount_differs 70000002 200.51 200.50\n"
        "missing_in_statement 70000003 300.00\n"
        "missing_in_journal 70000009 5.00\n");
}

int main(void) {
    if (!getenv("OTPREFUND_TEST_DB"))
        return 77;
    char why[256] = "";
    if (!pg_setup())
        return 1;
    struct journal_config c = {.conninfo = pg_owner, .connections = 1, .node = "host:1"};
    if (journal_open(&c, &j, why, sizeof why) != JOURNAL_OK) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    CU_pSuite s = suite_begin("schema", NULL, NULL);
    CU_add_test(s, "words of C and SQL agree", words);
    CU_add_test(s, "all is commented", comments);
    CU_add_test(s, "all is checked", checks);
    CU_add_test(s, "operators", people);
    CU_add_test(s, "API clients", machines);
    CU_add_test(s, "each change of access leaves its entry", each_change);
    CU_add_test(s, "people and machines are not truncated", emptied);
    CU_add_test(s, "who was there before the trail", began);
    CU_add_test(s, "statements", statements);
    CU_add_test(s, "the journal is insert-only", insert_only);
    CU_add_test(s, "rights of the roles", rights);
    CU_add_test(s, "exactly these rights", exact_rights);
    CU_add_test(s, "and no more elsewhere", no_more);
    CU_add_test(s, "migrations", migrations);
    CU_add_test(s, "a database without the schema", not_migrated);
    int failed = suite_run();
    journal_close(j);
    pg_teardown();
    return failed;
}
