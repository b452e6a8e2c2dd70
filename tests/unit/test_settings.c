/* test_settings.c - the settings file: what is taken, what is refused with which line, what is printed. */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/settings_part.h"
#include "tests/unit/suite.h"

static char path[] = "/tmp/otprefund-settings.XXXXXX";
static struct settings s;
static char why[SETTINGS_WHY_SIZE];

static const char needed[] = "[bank]\n"
                             "base_url = https://127.0.0.1:8090/ekoapi/v3\n"
                             "developer_key_file = /run/keys/developer\n"
                             "access_key_file = /run/keys/access\n"
                             "initiator_id = 9000000001\n"
                             "user_code = 20110001\n"
                             "[journal]\n"
                             "conninfo = dbname=otprefund\n"
                             "[desk]\n"
                             "csrf_key_file = /run/keys/csrf\n";
#define NEEDED_LINES 10

static bool load_bytes(const char *bytes, size_t size) {
    FILE *f = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(fwrite(bytes, 1, size, f), size);
    CU_ASSERT_EQUAL(fclose(f), 0);
    memset(&s, 0x5a, sizeof s);
    memset(why, 0x5a, sizeof why);
    bool good = settings_load(&s, path, why, sizeof why);
    CU_ASSERT_PTR_NOT_NULL_FATAL(memchr(why, '\0', sizeof why));
    CU_ASSERT_EQUAL(good, *why == '\0');
    CU_ASSERT_PTR_NULL(strchr(why, '\n'));
    return good;
}

static bool load(const char *text) {
    return load_bytes(text, strlen(text));
}

/* The needed settings and text behind them. */
static bool load_more(const char *text) {
    char all[4096];
    int n = snprintf(all, sizeof all, "%s%s", needed, text);
    return load_bytes(all, (size_t)n);
}

/* The needed settings with one line changed. */
static bool load_with(const char *line, const char *instead) {
    char all[4096];
    const char *at = strstr(needed, line);
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    int n = snprintf(all, sizeof all, "%.*s%s%s", (int)(at - needed), needed, instead,
                     at + strcspn(at, "\n"));
    return load_bytes(all, (size_t)n);
}

/* Was it refused with "FILE:line: ...word..."?  line 0: "FILE: ...". */
static bool refused(int line, const char *word) {
    char start[128];
    if (line)
        snprintf(start, sizeof start, "%s:%d: ", path, line);
    else
        snprintf(start, sizeof start, "%s: ", path);
    bool good = strncmp(why, start, strlen(start)) == 0 && strstr(why, word) &&
                s.bank_timeout_ms == 30000 && !*s.journal_conninfo;
    if (!good)
        fprintf(stderr, "\n  wanted \"%s...%s\", got \"%s\"\n", start, word, why);
    return good;
}

static void test_table(void) {
    const struct settings_row *row, *other;
    int n = 0;
    CU_ASSERT_PTR_NULL(settings_row(-1));
    for (; (row = settings_row(n)); n++) {
        CU_ASSERT_TRUE(*row->section && *row->name && row->type < SETTINGS_TYPE__MAX);
        CU_ASSERT_TRUE(row->min <= row->max && row->max < 1 << 20);
        CU_ASSERT_TRUE(row->offset < sizeof s);
        CU_ASSERT_EQUAL(row->type == SETTINGS_CHOICE, row->choices != NULL);
        CU_ASSERT_EQUAL(row->type == SETTINGS_INT, *row->unit != '\0');
        CU_ASSERT_FALSE(row->required && *row->text);
        if (row->type == SETTINGS_TEXT || row->type == SETTINGS_PATH)
            CU_ASSERT_TRUE(row->max < SETTINGS_TEXT_SIZE);
        for (int i = 0; i < n; i++) {
            other = settings_row(i);
            CU_ASSERT_TRUE(other->offset != row->offset);
            CU_ASSERT_TRUE(strcmp(other->section, row->section) != 0 ||
                           strcmp(other->name, row->name) != 0);
        }
    }
    CU_ASSERT_EQUAL(n, 32);
    CU_ASSERT_STRING_EQUAL(settings_type_name(SETTINGS_CHOICE), "choice");
    CU_ASSERT_STRING_EQUAL(settings_type_name(SETTINGS_TYPE__MAX), "");
}

static void test_defaults(void) {
    CU_ASSERT_TRUE(load(needed));
    CU_ASSERT_STRING_EQUAL(s.bank_base_url, "https://127.0.0.1:8090/ekoapi/v3");
    CU_ASSERT_STRING_EQUAL(s.bank_api, "v3");
    CU_ASSERT_STRING_EQUAL(s.bank_service_code, "80");
    CU_ASSERT_STRING_EQUAL(s.bank_ca_file, "");
    CU_ASSERT_STRING_EQUAL(s.bank_environment, "production");
    CU_ASSERT_EQUAL(s.bank_timeout_ms, 30000);
    CU_ASSERT_EQUAL(s.bank_connect_timeout_ms, 5000);
    CU_ASSERT_EQUAL(s.bank_max_in_flight, 10000);
    CU_ASSERT_STRING_EQUAL(s.journal_conninfo, "dbname=otprefund");
    CU_ASSERT_EQUAL(s.desk_wait_ms, 2500);
    CU_ASSERT_STRING_EQUAL(s.desk_time_zone, "Asia/Kolkata");
    CU_ASSERT_STRING_EQUAL(s.desk_data_dir, OTPREFUND_DATADIR);
    CU_ASSERT_EQUAL(s.limits_otp_cooldown_s, 60);
    CU_ASSERT_EQUAL(s.limits_otp_per_hour, 5);
    CU_ASSERT_EQUAL(s.limits_wrong_otp_per_hour, 5);
    CU_ASSERT_TRUE(s.resolver_enabled);
    CU_ASSERT_EQUAL(s.resolver_settle_s, 600);
    CU_ASSERT_EQUAL(s.resolver_first_s, 5);
    CU_ASSERT_EQUAL(s.resolver_max_s, 3600);
    CU_ASSERT_STRING_EQUAL(s.log_level, "info");
    CU_ASSERT_STRING_EQUAL(s.log_format, "text");
}

static void test_values(void) {
    CU_ASSERT_TRUE(load_more("; a remark\n"
                             "# another, and a section again\n"
                             "\n"
                             "[bank]\n"
                             "timeout_ms=3000 ; behind\r\n"
                             "connect_timeout_ms\t=\t0002000\n"
                             "api: v3\n"
                             "environment = uat\n"
                             "[resolver]\n"
                             "enabled = no\n"
                             "[limits]\n"
                             "otp_per_hour = 0\n"
                             "[desk]\n"
                             "listen = 127.0.0.1:9000\n"
                             "[log]\n"
                             "format = json")); /* no line end */
    CU_ASSERT_EQUAL(s.bank_timeout_ms, 3000);
    CU_ASSERT_EQUAL(s.bank_connect_timeout_ms, 2000);
    CU_ASSERT_STRING_EQUAL(s.bank_environment, "uat");
    CU_ASSERT_FALSE(s.resolver_enabled);
    CU_ASSERT_EQUAL(s.limits_otp_per_hour, 0);
    CU_ASSERT_STRING_EQUAL(s.desk_listen, "127.0.0.1:9000");
    CU_ASSERT_STRING_EQUAL(s.log_format, "json");
    CU_ASSERT_TRUE(load_with("[bank]", "\xEF\xBB\xBF[bank]")); /* as some editors begin a file */
}

static void test_numbers(void) {
    static const struct {
        const char *text;
        int value; /* -1: refused */
    } cases[] = {
        {"100", 100},
        {"300000", 300000},
        {"99", -1},
        {"300001", -1},
        {"-1", -1},
        {"+200", -1},
        {"0x200", -1},
        {"200ms", -1},
        {"2e2", -1},
        {"200.0", -1},
        {"", -1},
        {"99999999999999999999", -1},
        {"4294967496", -1},
        {"200 300", -1},
        {"200 # no remark here", -1},
        {"\xD9\xA2\xD9\xA0\xD9\xA0", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "[bank]\ntimeout_ms = %s\nconnect_timeout_ms = 100\n",
                 cases[i].text);
        if (cases[i].value >= 0) {
            CU_ASSERT_TRUE(load_more(text));
            CU_ASSERT_EQUAL(s.bank_timeout_ms, cases[i].value);
        } else {
            CU_ASSERT_FALSE(load_more(text));
            CU_ASSERT_TRUE(refused(NEEDED_LINES + 2, "timeout_ms write a whole number from 100"));
        }
    }
}

static void test_words(void) {
    CU_ASSERT_FALSE(load_more("[bank]\napi = v1\n"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 2, "one of v3|v2"));
    CU_ASSERT_FALSE(load_more("[bank]\napi = v\n"));
    CU_ASSERT_FALSE(load_more("[bank]\napi = V3\n"));
    CU_ASSERT_FALSE(load_more("[bank]\napi = v3|v2\n"));
    CU_ASSERT_FALSE(load_more("[bank]\napi =\n"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 2, "one of v3|v2"));
    CU_ASSERT_FALSE(load_more("[resolver]\nenabled = true\n"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 2, "yes or no"));
    CU_ASSERT_FALSE(load_more("[callback]\nsecret_file = keys/callback\n"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 2, "begins with /"));
    CU_ASSERT_TRUE(load_more("[callback]\nsecret_file =\n"));
    CU_ASSERT_TRUE(load_more("[callback]\nsecret_file = ; none\n"));
    CU_ASSERT_FALSE(load_more("[bank]\nservice_code =;80\n")); /* printed it would be a remark */
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 2, "begins with a ;"));
}

static void test_names(void) {
    CU_ASSERT_FALSE(load_more("[bank]\ntimeout = 1\n"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 2, "unknown setting timeout"));
    CU_ASSERT_FALSE(load_more("[banc]\ntimeout_ms = 1000\n"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 1, "unknown section banc: see otprefund.conf(5)"));
    CU_ASSERT_FALSE(load_more("[log]\n\n[nosuch] ; nothing in it\n\n[bank]\n"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 3, "unknown section nosuch: see otprefund.conf(5)"));
    CU_ASSERT_FALSE(load_more(" [Log]"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 1, "unknown section Log"));
    CU_ASSERT_FALSE(load_more("[]\n"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 1, "unknown section"));
    CU_ASSERT_FALSE(load("\xEF\xBB\xBF[nosuch]\n"));
    CU_ASSERT_TRUE(refused(1, "unknown section nosuch"));
    CU_ASSERT_TRUE(load_more("[resolver]\n[log] ; nothing in it\n"));
    CU_ASSERT_FALSE(load_more("[bank]\nnonsense\n[nosuch]\n"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 2, "name = value"));
    CU_ASSERT_FALSE(load_more("[log]\ntimeout_ms = 1000\n"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 2, "unknown setting timeout_ms"));
    CU_ASSERT_FALSE(load("timeout_ms = 1000\n"));
    CU_ASSERT_TRUE(refused(1, "before the first [section]"));
    CU_ASSERT_FALSE(load_more("[bank]\n\ntimeout_ms = 5000\n\n[log]\n[bank]\ntimeout_ms = 5000\n"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 7, "stands on line 13 already"));
    CU_ASSERT_FALSE(load_more("[bank]\nTIMEOUT_MS = 5000\n"));
    CU_ASSERT_FALSE(load_more("[bank]\ntimeout_ms\n"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 2, "name = value"));
    CU_ASSERT_FALSE(load_more("[bank\ntimeout_ms = 5000\n"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 1, "name = value"));
    /* the first thing wrong is told, whichever kind it is */
    CU_ASSERT_FALSE(load_more("[bank]\nnonsense\ntimeout = 1\n"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 2, "name = value"));
    CU_ASSERT_FALSE(load_more("[bank]\ntimeout = 1\nnonsense\n"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 2, "unknown setting"));
    /* what libinih takes for more of the line above */
    CU_ASSERT_FALSE(load_more("[bank]\ntimeout_ms = 5000\n  max_in_flight = 10\n"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 3, "begins with a blank"));
}

static void test_bytes(void) {
    char line[400];
    static const char nul[] = "[bank]\napi = v3\0\n";
    CU_ASSERT_FALSE(load_bytes(nul, sizeof nul - 1));
    CU_ASSERT_TRUE(refused(2, "control character"));
    CU_ASSERT_FALSE(load_more("[bank]\nca_file = /a\x1b[31m\n"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 2, "control character"));
    /* a line of 198 bytes and its end is the longest */
    memset(line, 'x', sizeof line);
    snprintf(line, sizeof line, "#%0197d\n[log]\nlevel = debug\n", 0);
    CU_ASSERT_TRUE(load_more(line));
    CU_ASSERT_STRING_EQUAL(s.log_level, "debug");
    snprintf(line, sizeof line, "#%0198d\n[log]\nlevel = debug\n", 0);
    CU_ASSERT_FALSE(load_more(line));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 1, "at most 198 bytes"));
    snprintf(line, sizeof line, "[bank]\nca_file = /%0180d\n", 0);
    CU_ASSERT_TRUE(load_more(line));
    CU_ASSERT_EQUAL(strlen(s.bank_ca_file), 181);
    CU_ASSERT_FALSE(load_with("user_code", "user_code = 012345678901234567890123456789012"));
    CU_ASSERT_TRUE(refused(6, "1 to 32 bytes"));
}

static void test_required(void) {
    static const char *const names[] = {"base_url",     "developer_key_file", "access_key_file",
                                        "initiator_id", "user_code",          "conninfo",
                                        "csrf_key_file"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char word[64];
        snprintf(word, sizeof word, "%s is missing", names[i]);
        CU_ASSERT_FALSE(load_with(names[i], "; gone"));
        CU_ASSERT_TRUE(refused(0, word));
        snprintf(word, sizeof word, "%s =", names[i]);
        CU_ASSERT_FALSE(load_with(names[i], word));
        snprintf(word, sizeof word, "%s write a ", names[i]);
        CU_ASSERT_PTR_NOT_NULL(strstr(why, word));
    }
    CU_ASSERT_FALSE(load(""));
    CU_ASSERT_TRUE(refused(0, "[bank] base_url is missing"));
    CU_ASSERT_FALSE(settings_load(&s, "/nonexistent/otprefund.conf", why, sizeof why));
    CU_ASSERT_STRING_EQUAL(why, "/nonexistent/otprefund.conf: No such file or directory");
    CU_ASSERT_FALSE(settings_load(&s, "/tmp", why, sizeof why));
    CU_ASSERT_STRING_EQUAL(why, "/tmp: Is a directory");
}

static void test_url(void) {
    static const char *const good[] = {
        "https://api.eko.in:25002/ekoicici/v3",
        "HTTPS://API.EKO.IN:25002/ekoicici/v3/",
        "http://127.0.0.1:8090/ekoapi/v3",
        "http://localhost/v3",
        "http://[::1]:8090/v3",
        "https://bank.example",
        "https://staging.eko.in.example/v3",
    };
    static const char *const bad[] = {
        "api.eko.in/v3",
        "ftp://127.0.0.1/v3",
        "http://api.eko.in/v3",
        "http://127.0.0.1.evil/",
        "http://localhost.evil/",
        "http://127.0.0.1@evil/",
        "https://u:p@bank/v3",
        "https://bank/v3?x=1",
        "https://bank/v3#x",
        "https://",
        "https:///v3",
        "https://bank:/v3",
        "https://bank:port/v3",
        "https://bank:123456/v3",
        "https://[::1/v3",
        "https://bank/a b",
        "https://STAGING.eko.in/v3",
        "https://bank/ekoapi/v2",
        "https://bank/ekoapi/v1/",
        "https://staging.eko.in:25004/ekoapi/v3",
        "https://[::1]x/v3",
    };
    char line[256];
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        snprintf(line, sizeof line, "base_url = %s", good[i]);
        CU_ASSERT_TRUE(load_with("base_url", line));
        CU_ASSERT_NOT_EQUAL(s.bank_base_url[strlen(s.bank_base_url) - 1], '/');
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(line, sizeof line, "base_url = %s", bad[i]);
        CU_ASSERT_FALSE(load_with("base_url", line));
        CU_ASSERT_TRUE(refused(2, "[bank] base_url "));
    }
    CU_ASSERT_TRUE(
        load_with("base_url", "environment = uat\nbase_url = https://staging.eko.in/v3"));
    CU_ASSERT_FALSE(load_with("base_url", "environment = uat\nbase_url = https://api.eko.in/v3"));
    CU_ASSERT_TRUE(refused(3, "Eko's production"));
    CU_ASSERT_TRUE(load_with("base_url", "api = v2\nbase_url = https://bank/v2"));
    CU_ASSERT_FALSE(load_with("base_url", "api = v2\nbase_url = https://bank/v3"));
    CU_ASSERT_TRUE(refused(3, "another generation"));
}

static void test_together(void) {
    static const char *const bad_zones[] = {
        "/etc/passwd", "../zoneinfo/UTC", "Asia/../UTC", "Asia", "Asia/Kolkatta", "zone.tab", "",
        "tzdata.zi",   "Asia//Kolkata"};
    char line[256];
    CU_ASSERT_FALSE(load_with("initiator_id", "initiator_id = 900000001"));
    CU_ASSERT_TRUE(refused(5, "10 digits"));
    CU_ASSERT_FALSE(load_with("initiator_id", "initiator_id = +900000001"));
    CU_ASSERT_FALSE(load_with("user_code", "user_code = 2011 0001"));
    CU_ASSERT_TRUE(refused(6, "user_code"));
    CU_ASSERT_FALSE(load_more("[bank]\nservice_code = 080\n"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 2, "service_code"));
    CU_ASSERT_FALSE(load_more("[bank]\ntimeout_ms = 4000\n"));
    CU_ASSERT_TRUE(refused(0, "connect_timeout_ms is longer")); /* it is the default: no line */
    CU_ASSERT_FALSE(load_more("[bank]\ntimeout_ms = 4000\nconnect_timeout_ms = 4001\n"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 3, "connect_timeout_ms is longer"));
    CU_ASSERT_FALSE(load_more("[resolver]\nfirst_s = 11\nmax_s = 10\n"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 2, "first_s is longer"));
    CU_ASSERT_FALSE(load_more("[resolver]\nsettle_s = 29\n")); /* timeout_ms is 30000 */
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 2, "settle_s is shorter than [bank] timeout_ms"));
    CU_ASSERT_TRUE(load_more("[resolver]\nsettle_s = 30\n"));
    CU_ASSERT_FALSE(load_more("[desk]\nlisten = run/fcgi.sock\n"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 2, "listen is not a socket"));
    CU_ASSERT_FALSE(load_more("[desk]\ndata_dir =\n"));
    CU_ASSERT_TRUE(refused(NEEDED_LINES + 2, "data_dir is empty"));
    for (size_t i = 0; i < sizeof bad_zones / sizeof bad_zones[0]; i++) {
        snprintf(line, sizeof line, "[desk]\ntime_zone = %s\n", bad_zones[i]);
        CU_ASSERT_FALSE(load_more(line));
        CU_ASSERT_TRUE(refused(NEEDED_LINES + 2, "time_zone is not in"));
    }
    CU_ASSERT_TRUE(load_more("[desk]\ntime_zone = UTC\n"));
}

/* No refusal shows a value: it could be a key pasted into the wrong line. */
static void test_values_stay_hidden(void) {
    static const char *const lines[] = {
        "[bank]\ntimeout_ms = hunter2\n", "[bank]\napi = hunter2\n",
        "[log]\nlevel = hunter2\n",       "[desk]\ntime_zone = hunter2\n",
        "[desk]\nlisten = hunter2\n",     "[bank]\nservice_code = hunt\n",
        "[journal]\nconninfo = hunter2\n"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        CU_ASSERT_FALSE(load_more(lines[i]));
        CU_ASSERT_PTR_NULL(strstr(why, "hunt"));
    }
}

/* What settings_print writes, in a text to be freed. */
static char *printed(void) {
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    settings_print(&s, f);
    CU_ASSERT_EQUAL(fclose(f), 0);
    return text;
}

static void test_print(void) {
    struct settings before;
    CU_ASSERT_TRUE(load_more("[resolver]\nenabled = no\nfirst_s = 7\n[log]\nlevel = debug\n"));
    before = s;
    char *text = printed();
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "[resolver]\nenabled = no\nsettle_s = 600\nfirst_s = 7\n"));
    for (int i = 0; settings_row(i); i++) {
        char name[64];
        snprintf(name, sizeof name, "\n%s = ", settings_row(i)->name);
        CU_ASSERT_PTR_NOT_NULL(strstr(text, name));
    }
    CU_ASSERT_TRUE(load(text)); /* without a password it is a settings file */
    CU_ASSERT_EQUAL(memcmp(&before, &s, sizeof s), 0);
    free(text);
    char line[250]; /* the longest line, that blanks would make too long */
    snprintf(line, sizeof line, "[bank]\nca_file=/%0189d\n", 0);
    CU_ASSERT_TRUE(load_more(line));
    text = printed();
    CU_ASSERT_PTR_NOT_NULL(strstr(text, line + strlen("[bank]")));
    CU_ASSERT_TRUE(load(text));
    free(text);
}

static void test_print_masks(void) {
    static const struct {
        const char *conninfo, *shown;
    } cases[] = {
        {"host=/run dbname=x password=hunter2 user=a",
         "host=/run dbname=x password=******** user=a"},
        {"password = 'hun\\'ter2 x' dbname=x", "password = ******** dbname=x"},
        {"PASSWORD=hun\\ ter2 dbname=x", "PASSWORD=******** dbname=x"},
        {"password='hunter2", "password=********"},
        {"password=", "password=********"},
        {"dbname=x sslpassword=hunter2", "dbname=x sslpassword=********"},
        {"dbname='a b'x user=hunter3", "dbname='a b' ********"},
        {"passfile=/etc/pgpass sslkey=/etc/key", "passfile=/etc/pgpass sslkey=/etc/key"},
        {"dbname", " ********"},
        {"postgresql://a:hunter2@h:5432/x?sslmode=verify-full",
         "postgresql://a:********@h:5432/x?sslmode=verify-full"},
        {"postgres://a:hun@ter2@h/x?sslmode=verify-full",
         "postgres://a:********@h/x?sslmode=verify-full"},
        {"postgres://a:hun?ter2@localhost/x", "postgres://a:********@localhost/x"},
        {"postgres://a@[::1]/x?user=b&password=hunter2&port=1",
         "postgres://a@[::1]/x?user=b&password=********&port=1"},
        {"postgres:///x?password=hunter2", "postgres:///x?password=********"},
        {"postgres:///x?p%61ssword=hunter2", "postgres:///x?p%61ssword=********"},
        {"postgres:///x?password=hun@ter2", "postgres:///x?password=********"},
        {"postgres://localhost:5432/x", "postgres://localhost:5432/x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[256], want[256];
        snprintf(line, sizeof line, "conninfo = %s", cases[i].conninfo);
        snprintf(want, sizeof want, "conninfo = %s\n", cases[i].shown);
        CU_ASSERT_TRUE_FATAL(load_with("conninfo", line));
        CU_ASSERT_STRING_EQUAL(s.journal_conninfo, cases[i].conninfo);
        char *text = printed();
        CU_ASSERT_PTR_NOT_NULL(strstr(text, want));
        if (!strstr(text, want))
            fprintf(stderr, "\n  wanted \"%s\", got \"%s\"\n", want, strstr(text, "conninfo"));
        free(text);
    }
}

/* A password in a file that others may read or change; without one it may be readable. */
static void test_others_may_read(void) {
    static const struct {
        const char *conninfo;
        bool secret;
    } cases[] = {
        {"host=/run dbname=x password=hunter2 user=a", true},
        {"PASSWORD = 'hun\\'ter2 x' dbname=x", true},
        {"dbname=x sslpassword=hunter2", true},
        {"postgresql://a:hunter2@h:5432/x?sslmode=verify-full", true},
        {"postgres://a@[::1]/x?user=b&password=hunter2&port=1", true},
        {"postgres:///x?p%61ssword=hunter2", true},
        {"password='' dbname=x", false},
        {"dbname=x password=", false},
        {"postgres://a:@localhost/x", false},
        {"passfile=/etc/pgpass sslkey=/etc/key", false},
        {"postgres://localhost:5432/x?user=a", false},
    };
    static const mode_t modes[] = {0604, 0602, 0601, 0644, 0666};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[256];
        snprintf(line, sizeof line, "conninfo = %s", cases[i].conninfo);
        for (size_t m = 0; m < sizeof modes / sizeof modes[0]; m++) {
            CU_ASSERT_EQUAL(chmod(path, modes[m]), 0);
            CU_ASSERT_EQUAL(load_with("conninfo", line), !cases[i].secret);
            if (cases[i].secret)
                CU_ASSERT_TRUE(refused(8, "[journal] conninfo holds a password, and others"));
            CU_ASSERT_PTR_NULL(strstr(why, "hun"));
        }
        CU_ASSERT_EQUAL(chmod(path, 0640), 0); /* root's, for the program's group */
        CU_ASSERT_TRUE(load_with("conninfo", line));
        CU_ASSERT_EQUAL(chmod(path, 0600), 0);
        CU_ASSERT_TRUE(load_with("conninfo", line));
    }
}

/* Over a network: only to whom the certificate proves. */
static void test_way_to_the_database(void) {
    static const char *const good[] = {"dbname=x",
                                       "host=/run/postgresql",
                                       "host = '/run/my socket' user=a",
                                       "host=localhost",
                                       "host=127.0.0.1",
                                       "host=::1",
                                       "host=/run,localhost",
                                       "host=db.example hostaddr=127.0.0.1",
                                       "host=@abstract",
                                       "host=db.example sslmode=verify-full",
                                       "sslmode='verify-full' host=db.example,db2.example",
                                       "service=x sslmode=verify-full",
                                       "service=x hostaddr=127.0.0.1",
                                       "postgres:///x",
                                       "postgres://a:b@/x",
                                       "postgres://localhost:5432/x",
                                       "postgres://[::1]:5432/x",
                                       "postgres://%2Frun/x",
                                       "postgres://:5432/x",
                                       "postgresql:///x?host=/run",
                                       "postgresql://h/x?sslmode=verify-full",
                                       "postgresql://h/x?host=/run",
                                       "postgres://h/x?a=b&sslmode=verify%2Dfull"};
    static const char *const bad[] = {"host=db.example",
                                      "host=10.0.0.7 sslmode=require",
                                      "host=db sslmode=verify-ca",
                                      "hostaddr=10.0.0.7",
                                      "host=localhost hostaddr=10.0.0.7",
                                      "host=/run,db.example",
                                      "host='db.example'",
                                      "host=\\db",
                                      "host=localhost.example",
                                      "host=127.0.0.1.example",
                                      "sslmode=verify-full sslmode=disable host=db",
                                      "service=x",
                                      "service=x sslmode=require",
                                      "service=x host=/run",
                                      "postgres://h/x",
                                      "postgres://a:b@h:5432/x?sslmode=require",
                                      "postgres://localhost,h/x",
                                      "postgres:///x?host=h",
                                      "postgres:///x?h%6Fst=h",
                                      "postgres:///x?service=y",
                                      "postgres://%68/x",
                                      "host=/run host=db"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        CU_ASSERT_PTR_NULL(settings_wrong_conninfo(good[i]));
        if (settings_wrong_conninfo(good[i]))
            printf("\n    refused: %s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CU_ASSERT_PTR_NOT_NULL(settings_wrong_conninfo(bad[i]));
        if (!settings_wrong_conninfo(bad[i]))
            printf("\n    taken: %s", bad[i]);
    }
    CU_ASSERT_FALSE(load_with("conninfo", "conninfo = host=db.example password=hunter2"));
    CU_ASSERT(strstr(why, "sslmode=verify-full") && !strstr(why, "hunter2"));
}

static void test_core(void) {
    struct otr_config c;
    CU_ASSERT_TRUE(load_more("[bank]\ntimeout_ms = 1001\nconnect_timeout_ms = 1002\n"
                             "timeout_ms = 5000\n") == false);
    CU_ASSERT_TRUE(load_more("[bank]\ntimeout_ms = 1002\nconnect_timeout_ms = 1001\n"
                             "max_in_flight = 1003\nservice_code = 81\n"
                             "[journal]\nconnections = 9\n"
                             "[limits]\notp_cooldown_s = 61\notp_per_hour = 6\n"
                             "wrong_otp_per_hour = 7\n"
                             "[resolver]\nsettle_s = 601\nfirst_s = 6\nmax_s = 3601\n"
                             "per_second = 51\nenabled = no\n"));
    settings_core(&s, &c);
    CU_ASSERT_PTR_EQUAL(c.base_url, s.bank_base_url);
    CU_ASSERT_PTR_EQUAL(c.api, s.bank_api);
    CU_ASSERT_STRING_EQUAL(c.developer_key_file, "/run/keys/developer");
    CU_ASSERT_STRING_EQUAL(c.access_key_file, "/run/keys/access");
    CU_ASSERT_STRING_EQUAL(c.secret_key_file, "/run/keys/csrf");
    CU_ASSERT_STRING_EQUAL(c.initiator_id, "9000000001");
    CU_ASSERT_STRING_EQUAL(c.user_code, "20110001");
    CU_ASSERT_STRING_EQUAL(c.service_code, "81");
    CU_ASSERT_STRING_EQUAL(c.conninfo, "dbname=otprefund");
    CU_ASSERT_PTR_NULL(c.ca_file);
    CU_ASSERT_EQUAL(c.timeout_ms, 1002);
    CU_ASSERT_EQUAL(c.connect_timeout_ms, 1001);
    CU_ASSERT_EQUAL(c.max_in_flight, 1003);
    CU_ASSERT_EQUAL(c.connections, 9);
    CU_ASSERT_EQUAL(c.otp_cooldown_s, 61);
    CU_ASSERT_EQUAL(c.otp_per_hour, 6);
    CU_ASSERT_EQUAL(c.wrong_otp_per_hour, 7);
    CU_ASSERT_FALSE(c.resolver);
    CU_ASSERT_EQUAL(c.settle_s, 601);
    CU_ASSERT_EQUAL(c.first_s, 6);
    CU_ASSERT_EQUAL(c.max_s, 3601);
    CU_ASSERT_EQUAL(c.per_second, 51);
    settings_free(&s);
    CU_ASSERT_EQUAL(s.journal_conninfo[0], '\0');
    settings_free(NULL);
}

int main(void) {
    static CU_TestInfo tests[] = {
        {"the table is consistent", test_table},
        {"defaults", test_defaults},
        {"values, remarks, sections", test_values},
        {"numbers", test_numbers},
        {"words and paths", test_words},
        {"names and lines", test_names},
        {"bytes and long lines", test_bytes},
        {"required settings", test_required},
        {"base_url", test_url},
        {"what must fit together", test_together},
        {"no value in a refusal", test_values_stay_hidden},
        {"printed and read again", test_print},
        {"printed without passwords", test_print_masks},
        {"a password that others may read", test_others_may_read},
        {"the way to the database", test_way_to_the_database},
        {"for the core", test_core},
        CU_TEST_INFO_NULL,
    };
    int fd = mkstemp(path);
    if (fd < 0)
        return 1;
    close(fd);
    int failed = suite_run_table("settings", NULL, NULL, tests);
    unlink(path);
    return failed;
}
