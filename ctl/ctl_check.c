/* ctl_check.c - otprefundctl check: is everything there that the program needs? */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/secret.h"
#include "ctl/ctl.h"
#include "sql/migrate.h"

#define CHECK_REF   "otprefund-check"
#define WRITE_MS    10000 /* for the database, on top of the bank's time */
#define SKEW_MAX_MS 10000 /* a clock that is further off gets HTTP 403 before long */

/* The first failure decides the exit code. */
struct check {
    struct ctl *c;
    int code;
};

__attribute__((format(printf, 5, 6))) static void
result(struct check *k, bool good, int code, const char *what, const char *format, ...) {
    char text[1024];
    va_list a;
    va_start(a, format);
    vsnprintf(text, sizeof text, format, a);
    va_end(a);
    printf("%-4s %-11s ", good ? "OK" : "FAIL", what);
    ctl_put(text);
    putchar('\n');
    fflush(stdout); /* the next one may take a while */
    if (!good && k->code == CTL_GOOD)
        k->code = code;
}

/* ---- settings and files ---------------------------------------------------------------------- */

static bool check_settings(struct check *k) {
    struct ctl *c = k->c;
    char why[SETTINGS_WHY_SIZE];
    c->loaded = settings_load(&c->settings, c->file, why, sizeof why);
    if (c->loaded)
        result(k, true, 0, "settings", "%s (%s, %s)", c->file, c->settings.bank_environment,
               c->settings.bank_api);
    else
        result(k, false, CTL_SETTINGS, "settings", "%s", why);
    return c->loaded;
}

/* A key of ours must be long enough not to be guessed; the bank's are as they are. */
static void check_key(struct check *k, const char *path, bool ours) {
    struct secret s;
    char why[512] = "";
    if (ours ? secret_read_own(&s, path, why, sizeof why)
             : secret_read_file(&s, path, why, sizeof why))
        result(k, true, 0, "key file", "%s", path);
    else
        result(k, false, CTL_SETTINGS, "key file", "%s", why);
    secret_wipe(&s);
}

static void check_readable(struct check *k, const char *what, const char *path) {
    if (access(path, R_OK) == 0)
        result(k, true, 0, what, "%s", path);
    else
        result(k, false, CTL_SETTINGS, what, "%s: %s", path, strerror(errno));
}

static void check_files(struct check *k) {
    const struct settings *s = &k->c->settings;
    char path[SETTINGS_TEXT_SIZE + 16];
    check_key(k, s->bank_developer_key_file, false);
    check_key(k, s->bank_access_key_file, false);
    check_key(k, s->desk_csrf_key_file, true);
    if (*s->callback_secret_file)
        check_key(k, s->callback_secret_file, true);
    if (*s->bank_ca_file)
        check_readable(k, "CA file", s->bank_ca_file);
    snprintf(path, sizeof path, "%s/style.css", s->desk_data_dir);
    check_readable(k, "pages", path);
    snprintf(path, sizeof path, "%s/templates", s->desk_data_dir);
    check_readable(k, "pages", path);
}

/* ---- the database ---------------------------------------------------------------------------- */

static bool check_database(struct check *k) {
    char why[640] = "";
    struct journal *j = NULL;
    const struct journal_config config = {
        .conninfo = k->c->settings.journal_conninfo, .connections = 1, .node = "otprefundctl"};
    struct journal_numbers n = {0};
    enum journal_status s = journal_open(&config, &j, why, sizeof why);
    if (s == JOURNAL_OK)
        s = journal_numbers(j, &n);
    if (s == JOURNAL_OK)
        result(k, true, 0, "database",
               "schema version %d, %" PRId64 " open attempts, %" PRId64 " overdue",
               JOURNAL_SCHEMA_VERSION, n.open, n.overdue);
    else
        result(k, false, CTL_DATABASE, "database", "%s",
               *why ? why : "its functions may not be used: have the owner GRANT otprefund_app");
    journal_close(j);
    return s == JOURNAL_OK;
}

/* ---- the bank -------------------------------------------------------------------------------- */

static void check_clock(struct check *k, struct otr *o) {
    struct otr_numbers n;
    struct otr_fault f;
    if (otr_numbers_get(o, &n, &f) != OTR_OK || !n.bank_answered_at)
        return; /* it has not answered, and that was told */
    /* The Date header has whole seconds. */
    int64_t off = n.bank_skew_ms < 0 ? -n.bank_skew_ms : n.bank_skew_ms;
    if (off <= SKEW_MAX_MS)
        result(k, true, 0, "clock", "within %" PRId64 " s of the bank's", off / 1000 + 1);
    else
        result(k, false, CTL_BANK, "clock",
               "%" PRId64 " s %s the bank's: switch on time synchronisation (timedatectl set-ntp "
               "true)",
               off / 1000, n.bank_skew_ms > 0 ? "behind" : "ahead of");
}

/* What to do about an inquiry that did not go through; NULL: nothing. */
static const char *advice(enum otr_reason reason) {
    switch (reason) {
    case OTR_REASON_CONNECT_FAILED:
        return "look at [bank] base_url, the firewall, and whether Eko has whitelisted this "
               "host's address";
    case OTR_REASON_DNS_FAILED:
        return "its name is not known: look at [bank] base_url and the name server";
    case OTR_REASON_TLS_FAILED:
        return "its certificate is not trusted or has expired: look at [bank] ca_file and base_url";
    case OTR_REASON_NO_ANSWER:
        return "it does not answer in time: try again, then ask Eko";
    case OTR_REASON_BAD_REQUEST:
        return "it does not know that address: look at [bank] base_url and api";
    case OTR_REASON_BANK_ERROR:
    case OTR_REASON_BANK_BUSY:
        return "it has trouble of its own: try again later";
    default:
        return "try again, then ask Eko";
    }
}

static void check_credentials(struct check *k, const struct otr_attempt *a) {
    switch (a->reason) {
    case OTR_REASON_BAD_CREDENTIALS:
        result(k, false, CTL_BANK, "credentials",
               "HTTP 403: a key is wrong (developer_key_file, access_key_file), the clock is off, "
               "or this host's address is not whitelisted");
        return;
    case OTR_REASON_BAD_INITIATOR:
        result(k, false, CTL_BANK, "credentials", "Eko does not know [bank] initiator_id");
        return;
    case OTR_REASON_BAD_USER_CODE:
        result(k, false, CTL_BANK, "credentials", "Eko does not know [bank] user_code");
        return;
    case OTR_REASON_AGENT_NOT_ONBOARDED:
        result(k, false, CTL_BANK, "credentials", "Eko has not onboarded [bank] user_code");
        return;
    default:
        result(k, true, 0, "credentials", "taken by the bank");
        return;
    }
}

static void judge(struct check *k, struct otr *o, const struct otr_attempt *a) {
    const char *url = k->c->settings.bank_base_url;
    bool answered = a->http_status > 0;
    bool trouble = !answered || a->http_status >= 500 || a->reason == OTR_REASON_BAD_REQUEST ||
                   a->reason == OTR_REASON_BANK_ERROR || a->reason == OTR_REASON_UNREADABLE_ANSWER;
    if (trouble)
        result(k, false, CTL_BANK, "bank", "%s: %s%s%s: %s", url,
               a->outcome ? otr_reason_name(a->reason) : "no outcome yet", *a->message ? ", " : "",
               a->message, advice(a->reason));
    else
        result(k, true, 0, "bank", "%s answered in %d ms", url, a->duration_ms);
    check_clock(k, o);
    if (!trouble)
        check_credentials(k, a);
}

static void check_bank(struct check *k) {
    char name[OTR_NAME_SIZE];
    const struct otr_who who = {.name = name, .channel = OTR_CHANNEL_CTL};
    struct otr_config config;
    struct otr_attempt a;
    struct otr_fault f;
    struct otr *o = NULL;
    int64_t id;
    ctl_who(name);
    settings_core(&k->c->settings, &config);
    config.resolver = false;
    config.connections = 2;
    enum otr_status s = otr_open(&config, &o, &f);
    if (s == OTR_OK)
        s = otr_inquire(o, &who, NULL, CHECK_REF, &id, &f);
    if (s == OTR_OK)
        s = otr_wait(o, id, config.timeout_ms + WRITE_MS, false, &a, &f);
    if (s == OTR_OK)
        judge(k, o, &a);
    else
        result(k, false, s == OTR_NO_JOURNAL ? CTL_DATABASE : CTL_FAILED, "bank", "not asked: %s",
               f.detail);
    otr_close(o, WRITE_MS);
}

int ctl_check(struct ctl *c, int argc, char **argv) {
    const struct ctl_option none[] = {{NULL, NULL, NULL}};
    struct check k = {.c = c, .code = CTL_GOOD};
    int n, code;
    if (!ctl_arguments(c, argc, argv, none, NULL, 0, &n, &code))
        return code;
    if (!check_settings(&k))
        return k.code;
    check_files(&k);
    bool keys = k.code == CTL_GOOD;
    bool database = check_database(&k);
    if (keys && database)
        check_bank(&k);
    else
        result(&k, false, k.code, "bank", "not asked: %s",
               keys ? "an inquiry is recorded in the database first" : "put the files right first");
    return k.code;
}
