/* settings.c - the table of settings, and the file that is read into it. */
#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fcgi/settings_part.h"

/* ---- the table ------------------------------------------------------------------------------ */

/* tests/docs.sh reads the rows: one row stands on one line. */

#define ROW(s, n, type, min, max, text, unit, secret, required, choices)                           \
    {                                                                                              \
        #s, #n, type, offsetof(struct settings, s##_##n), min, max, text, unit, secret, required,  \
            choices                                                                                \
    }
#define TEXT(s, n, max, text)   ROW(s, n, SETTINGS_TEXT, 0, max, text, "", false, false, NULL)
#define NEED_TEXT(s, n, max)    ROW(s, n, SETTINGS_TEXT, 1, max, "", "", false, true, NULL)
#define NEED_SECRET(s, n, max)  ROW(s, n, SETTINGS_TEXT, 1, max, "", "", true, true, NULL)
#define PATH(s, n, text)        ROW(s, n, SETTINGS_PATH, 0, 190, text, "", false, false, NULL)
#define NEED_PATH(s, n)         ROW(s, n, SETTINGS_PATH, 1, 190, "", "", false, true, NULL)
#define INT(s, n, a, b, t, u)   ROW(s, n, SETTINGS_INT, a, b, t, u, false, false, NULL)
#define BOOL(s, n, text)        ROW(s, n, SETTINGS_BOOL, 0, 1, text, "", false, false, NULL)
#define CHOICE(s, n, t, words)  ROW(s, n, SETTINGS_CHOICE, 1, 32, t, "", false, false, words)

/* clang-format off */
static const struct settings_row rows[] = {
    NEED_TEXT(bank, base_url, 180),
    CHOICE(bank, api, "v3", "v3|v2"),
    NEED_PATH(bank, developer_key_file),
    NEED_PATH(bank, access_key_file),
    NEED_TEXT(bank, initiator_id, 10),
    NEED_TEXT(bank, user_code, 32),
    TEXT(bank, service_code, 6, "80"),
    INT(bank, timeout_ms, 100, 300000, "30000", "ms"),
    INT(bank, connect_timeout_ms, 100, 60000, "5000", "ms"),
    PATH(bank, ca_file, ""),
    INT(bank, max_in_flight, 1, 100000, "10000", "calls"),
    CHOICE(bank, environment, "production", "production|uat"),
    NEED_SECRET(journal, conninfo, 190),
    INT(journal, connections, 1, 100, "8", "connections"),
    INT(journal, commit_batch, 1, 1000, "64", "writes"),
    TEXT(desk, listen, 107, "/run/otprefund/fcgi.sock"),
    INT(desk, workers, 1, 1000, "96", "threads"),
    INT(desk, wait_ms, 0, 30000, "2500", "ms"),
    NEED_PATH(desk, csrf_key_file),
    TEXT(desk, time_zone, 64, "Asia/Kolkata"),
    PATH(desk, data_dir, OTPREFUND_DATADIR),
    INT(limits, otp_cooldown_s, 0, 3600, "60", "s"),
    INT(limits, otp_per_hour, 0, 1000, "5", "an hour"),
    INT(limits, wrong_otp_per_hour, 0, 1000, "5", "an hour"),
    BOOL(resolver, enabled, "yes"),
    INT(resolver, settle_s, 1, 86400, "600", "s"),
    INT(resolver, first_s, 1, 3600, "5", "s"),
    INT(resolver, max_s, 1, 86400, "3600", "s"),
    INT(resolver, per_second, 1, 10000, "50", "inquiries"),
    PATH(callback, secret_file, ""),
    CHOICE(log, level, "info", "error|warning|info|debug"),
    CHOICE(log, format, "text", "text|json"),
};
/* clang-format on */
#define ROWS ((int)(sizeof rows / sizeof rows[0]))
_Static_assert(sizeof OTPREFUND_DATADIR <= 191, "the data folder's name is too long for its row");

const struct settings_row *settings_row(int i) {
    return i >= 0 && i < ROWS ? &rows[i] : NULL;
}

const char *settings_type_name(enum settings_type t) {
    static const char *const names[] = {"text", "path", "int", "bool", "choice"};
    return t < SETTINGS_TYPE__MAX ? names[t] : "";
}

/* ---- one value ------------------------------------------------------------------------------- */

static char *text_of(struct settings *s, const struct settings_row *row) {
    return (char *)s + row->offset;
}

static bool is_choice(const char *choices, const char *value) {
    size_t size = strlen(value);
    for (const char *c = choices; c; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL)
        if (size && strncmp(c, value, size) == 0 && (c[size] == '|' || c[size] == '\0'))
            return true;
    return false;
}

static bool set_int(struct settings *s, const struct settings_row *row, const char *value) {
    size_t size = strlen(value);
    long number = strtol(value, NULL, 10);
    if (size == 0 || size > 9 || strspn(value, "0123456789") != size || number < row->min ||
        number > row->max)
        return false;
    int small = (int)number;
    memcpy((char *)s + row->offset, &small, sizeof small);
    return true;
}

static bool set_bool(struct settings *s, const struct settings_row *row, const char *value) {
    bool yes = strcmp(value, "yes") == 0;
    if (!yes && strcmp(value, "no") != 0)
        return false;
    memcpy((char *)s + row->offset, &yes, sizeof yes);
    return true;
}

static bool set_text(struct settings *s, const struct settings_row *row, const char *value) {
    size_t size = strlen(value);
    if ((int)size < row->min || (int)size > row->max ||
        (row->type == SETTINGS_CHOICE && !is_choice(row->choices, value)) ||
        (row->type == SETTINGS_PATH && size && *value != '/'))
        return false;
    memcpy(text_of(s, row), value, size + 1);
    return true;
}

static bool set_value(struct settings *s, const struct settings_row *row, const char *value) {
    switch (row->type) {
    case SETTINGS_INT:
        return set_int(s, row, value);
    case SETTINGS_BOOL:
        return set_bool(s, row, value);
    default:
        return set_text(s, row, value);
    }
}

/* What the row takes, for a person. */
static void explain(const struct settings_row *row, char *out, size_t size) {
    switch (row->type) {
    case SETTINGS_INT:
        snprintf(out, size, "write a whole number from %d to %d (%s), digits only", row->min,
                 row->max, row->unit);
        break;
    case SETTINGS_BOOL:
        snprintf(out, size, "write yes or no");
        break;
    case SETTINGS_CHOICE:
        snprintf(out, size, "write one of %s", row->choices);
        break;
    case SETTINGS_PATH:
        snprintf(out, size, "write a file name that begins with / and has at most %d bytes",
                 row->max);
        break;
    default:
        snprintf(out, size, "write a text of %d to %d bytes", row->min, row->max);
        break;
    }
}

void settings_defaults(struct settings *s) {
    memset(s, 0, sizeof *s);
    for (int i = 0; i < ROWS; i++)
        if (*rows[i].text)
            set_value(s, &rows[i], rows[i].text);
}

void settings_free(struct settings *s) {
    if (s)
        explicit_bzero(s, sizeof *s);
}

/* ---- reading --------------------------------------------------------------------------------- */

struct reading {
    struct settings *s;
    FILE *file;
    const char *path;
    int line;       /* that was read last */
    bool indented;  /* it began with a blank */
    int seen[ROWS]; /* line a setting stands on; 0: it does not */
    bool failed;
    int failed_line;
    char *why;
    size_t size;
};

/* The first thing that is wrong is the one that is told.  line 0: the file as a whole. */
static void refuse(struct reading *r, int line, const char *what) {
    if (r->failed)
        return;
    r->failed = true;
    r->failed_line = line;
    if (line > 0)
        snprintf(r->why, r->size, "%s:%d: %s", r->path, line, what);
    else
        snprintf(r->why, r->size, "%s: %s", r->path, what);
}

static int index_of(const char *section, const char *name) {
    for (int i = 0; i < ROWS; i++)
        if (strcmp(rows[i].section, section) == 0 && strcmp(rows[i].name, name) == 0)
            return i;
    return -1;
}

static bool is_section(const char *section) {
    for (int i = 0; i < ROWS; i++)
        if (strcmp(rows[i].section, section) == 0)
            return true;
    return false;
}

/* Blames the line on which a setting stands. */
static void refuse_setting(struct reading *r, const char *section, const char *name,
                           const char *what) {
    char text[256];
    snprintf(text, sizeof text, "[%s] %s %s", section, name, what);
    refuse(r, r->seen[index_of(section, name)], text);
}

/* On its own line: inih's handler hears of a section only when a setting stands in it. */
static void check_section(struct reading *r, const char *line) {
    char name[64], what[128];
    if (r->line == 1 && strncmp(line, "\xEF\xBB\xBF", 3) == 0) /* inih skips that mark, too */
        line += 3;
    line += strspn(line, " \t");
    const char *end = *line == '[' ? strchr(line, ']') : NULL;
    if (!end)
        return;
    snprintf(name, sizeof name, "%.*s", (int)(end - line - 1), line + 1);
    snprintf(what, sizeof what, "unknown section %s: see otprefund.conf(5)", name);
    if (!is_section(name))
        refuse(r, r->line, what);
}

/* Reads a line for inih, and counts: inih tells its handler no line number. */
static char *read_line(char *out, int size, void *arg) {
    struct reading *r = arg;
    int n = 0, c = 0;
    if (r->failed)
        return NULL;
    r->line++;
    while (n < size - 1 && c != '\n' && (c = getc(r->file)) != EOF) {
        if ((c < ' ' && c != '\n' && c != '\r' && c != '\t') || c == 0x7f) {
            refuse(r, r->line, "a control character: remove it");
            return NULL;
        }
        out[n++] = (char)c;
    }
    out[n] = '\0';
    if (ferror(r->file)) {
        refuse(r, 0, strerror(errno));
        return NULL;
    }
    if (n == size - 1 && c != '\n') {
        char what[96];
        snprintf(what, sizeof what, "the line is too long: at most %d bytes are allowed", size - 2);
        refuse(r, r->line, what);
        return NULL;
    }
    r->indented = *out == ' ' || *out == '\t';
    check_section(r, out);
    return n && !r->failed ? out : NULL;
}

static void take(struct reading *r, const char *section, const char *name, const char *value) {
    char what[192], help[128];
    int i = index_of(section, name);
    if (r->indented) {
        refuse(r, r->line, "the line begins with a blank: begin it with the setting's name");
    } else if (i < 0 && !*section) {
        refuse(r, r->line, "a setting before the first [section]: write the section above it");
    } else if (i < 0) {
        snprintf(what, sizeof what, "unknown setting %.49s: see otprefund.conf(5)", name);
        refuse(r, r->line, what);
    } else if (*value == ';') {
        refuse(r, r->line, "the value begins with a ;, as a remark does: put a blank before the ;");
    } else if (r->seen[i]) {
        snprintf(what, sizeof what, "[%s] %s stands on line %d already: remove one of them",
                 section, name, r->seen[i]);
        refuse(r, r->line, what);
    } else {
        r->seen[i] = r->line;
        explain(&rows[i], help, sizeof help);
        if (!set_value(r->s, &rows[i], value))
            refuse_setting(r, section, name, help);
    }
}

static int on_setting(void *arg, const char *section, const char *name, const char *value) {
    struct reading *r = arg;
    if (!r->failed)
        take(r, section, name, value ? value : "");
    return 1;
}

static void read_file(struct reading *r) {
    int bad = ini_parse_stream(read_line, r, on_setting, r);
    if (bad > 0 && (!r->failed || (r->failed_line && bad < r->failed_line))) {
        r->failed = false; /* that one comes first */
        refuse(r, bad, "neither a [section] nor a name = value");
    } else if (bad < 0) {
        refuse(r, 0, "out of memory");
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void check_required(struct reading *r) {
    for (int i = 0; i < ROWS; i++)
        if (rows[i].required && !r->seen[i]) {
            char what[160];
            snprintf(what, sizeof what, "[%s] %s is missing: add it, see otprefund.conf(5)",
                     rows[i].section, rows[i].name);
            refuse(r, 0, what);
        }
}

/* As with key files: what holds a password is not for others, to read or to change. */
static void check_mode(struct reading *r, mode_t mode) {
    if ((mode & 007) && settings_conninfo_secret(r->s->journal_conninfo))
        refuse_setting(r, "journal", "conninfo",
                       "holds a password, and others may read or change this file: chmod o= the "
                       "file, or put the password in a passfile");
}

bool settings_load(struct settings *s, const char *path, char *why, size_t size) {
    struct reading r = {.s = s, .path = path, .why = why, .size = size};
    struct settings_misfit m;
    struct stat st;
    settings_defaults(s);
    snprintf(why, size, "%s", "");
    r.file = fopen(path, "re");
    if (!r.file || fstat(fileno(r.file), &st) != 0) {
        refuse(&r, 0, strerror(errno));
        if (r.file)
            fclose(r.file);
        return false;
    }
    read_file(&r);
    fclose(r.file);
    if (!r.failed)
        check_required(&r);
    if (!r.failed && !settings_check(s, &m))
        refuse_setting(&r, m.section, m.name, m.what);
    if (!r.failed)
        check_mode(&r, st.st_mode);
    if (r.failed) {
        settings_free(s); /* a password may have been read before */
        settings_defaults(s);
    }
    return !r.failed;
}

void settings_core(const struct settings *s, struct otr_config *c) {
    *c = (struct otr_config){
        .base_url = s->bank_base_url,
        .api = s->bank_api,
        .developer_key_file = s->bank_developer_key_file,
        .access_key_file = s->bank_access_key_file,
        .initiator_id = s->bank_initiator_id,
        .user_code = s->bank_user_code,
        .service_code = s->bank_service_code,
        .ca_file = *s->bank_ca_file ? s->bank_ca_file : NULL,
        .timeout_ms = s->bank_timeout_ms,
        .connect_timeout_ms = s->bank_connect_timeout_ms,
        .max_in_flight = s->bank_max_in_flight,
        .conninfo = s->journal_conninfo,
        .connections = s->journal_connections,
        .commit_batch = s->journal_commit_batch,
        .secret_key_file = s->desk_csrf_key_file,
        .otp_cooldown_s = s->limits_otp_cooldown_s,
        .otp_per_hour = s->limits_otp_per_hour,
        .wrong_otp_per_hour = s->limits_wrong_otp_per_hour,
        .resolver = s->resolver_enabled,
        .settle_s = s->resolver_settle_s,
        .first_s = s->resolver_first_s,
        .max_s = s->resolver_max_s,
        .per_second = s->resolver_per_second,
    };
}
