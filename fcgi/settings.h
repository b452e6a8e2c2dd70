/*
 * settings.h - the settings of otprefund.fcgi and otprefundctl: one table, one file.
 *
 * The table in settings.c is the only list; otprefund.conf(5) and the sample are checked against it
 * (tests/docs.sh).  Nothing here logs: a refusal is one line of text for the caller to print.
 */
#ifndef OTPREFUND_SETTINGS_H
#define OTPREFUND_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "core/otprefund.h"

/* The build gives both; these are what a build without them gets. */
#ifndef OTPREFUND_SYSCONFDIR
#define OTPREFUND_SYSCONFDIR "/etc/otprefund"
#endif
#ifndef OTPREFUND_DATADIR
#define OTPREFUND_DATADIR "/usr/share/otprefund"
#endif

#define SETTINGS_FILE      OTPREFUND_SYSCONFDIR "/otprefund.conf" /* read where -c names no other */
#define SETTINGS_TEXT_SIZE 256 /* bytes of a value with its NUL; each row has a lower maximum */
#define SETTINGS_WHY_SIZE  640  /* enough for every why of this file; smaller buffers cut it off */

/*
 * All values, named section_name.  Texts are owned by the struct, NUL-terminated, "" where not set:
 * it may be copied with =.  Every number lies within the minimum and maximum of its row, every
 * choice is one of the row's words.
 */
struct settings {
    char bank_base_url[SETTINGS_TEXT_SIZE];   /* without a / at the end */
    char bank_api[SETTINGS_TEXT_SIZE];        /* "v3", "v2" */
    char bank_developer_key_file[SETTINGS_TEXT_SIZE];
    char bank_access_key_file[SETTINGS_TEXT_SIZE];
    char bank_initiator_id[SETTINGS_TEXT_SIZE];
    char bank_user_code[SETTINGS_TEXT_SIZE];
    char bank_service_code[SETTINGS_TEXT_SIZE];
    int bank_timeout_ms, bank_connect_timeout_ms;
    char bank_ca_file[SETTINGS_TEXT_SIZE];    /* "": the system's certificates */
    int bank_max_in_flight;
    char bank_environment[SETTINGS_TEXT_SIZE]; /* "production", "uat" */

    char journal_conninfo[SETTINGS_TEXT_SIZE]; /* may hold a password: never print it */
    int journal_connections, journal_commit_batch;

    char desk_listen[SETTINGS_TEXT_SIZE];      /* path of a Unix socket, or host:port */
    int desk_workers, desk_wait_ms;
    char desk_csrf_key_file[SETTINGS_TEXT_SIZE];
    char desk_time_zone[SETTINGS_TEXT_SIZE];   /* IANA name, known to exist */
    char desk_data_dir[SETTINGS_TEXT_SIZE];    /* holds style.css and templates/ */

    int limits_otp_cooldown_s, limits_otp_per_hour, limits_wrong_otp_per_hour; /* 0: no limit */

    bool resolver_enabled;
    int resolver_settle_s, resolver_first_s, resolver_max_s, resolver_per_second;

    char callback_secret_file[SETTINGS_TEXT_SIZE]; /* "": no callbacks */

    char log_level[SETTINGS_TEXT_SIZE];  /* "error", "warning", "info", "debug" */
    char log_format[SETTINGS_TEXT_SIZE]; /* "text", "json" */
};

/* Fills *s with the defaults of the table; required values are "" then.  Cannot fail. */
void settings_defaults(struct settings *s);

/*
 * Reads the file at path into *s (which need not be filled in before) and checks it as a whole:
 * unknown, repeated, malformed, out-of-range and missing settings are refused, and so are values
 * that contradict each other, and a password in a file that others may read or change.  Key files
 * are named here, but read and checked by who uses them.
 * false: why (size bytes) holds one line "FILE:LINE: what is wrong and what to do", or "FILE: ..."
 * where no line is to blame, without any value; *s holds the defaults.  Lines may have at most 198
 * bytes (libinih's INI_MAX_LINE).  Any thread.
 */
bool settings_load(struct settings *s, const char *path, char *why, size_t size);

/* Wipes *s, which may hold a password.  Does not free s itself.  NULL allowed. */
void settings_free(struct settings *s);

/*
 * Prints every setting in the form of a settings file, with passwords in [journal] conninfo shown
 * as ********.  Key files appear by their path only.  Any thread; write errors are left to ferror.
 */
void settings_print(const struct settings *s, FILE *to);

/* The part of the settings that the core needs.  Texts of *c are borrowed from *s. */
void settings_core(const struct settings *s, struct otr_config *c);

/* NULL: the way to the database stays on this machine, or is sslmode=verify-full.  Else what is
 * wrong; a fixed text. */
const char *settings_wrong_conninfo(const char *conninfo);

/* ---- the table, for tests ------------------------------------------------------------------- */

enum settings_type {
    SETTINGS_TEXT,   /* char[SETTINGS_TEXT_SIZE]; min and max count bytes */
    SETTINGS_PATH,   /* the same, an absolute path */
    SETTINGS_INT,    /* int; decimal digits only */
    SETTINGS_BOOL,   /* bool; yes or no */
    SETTINGS_CHOICE, /* char[SETTINGS_TEXT_SIZE]; one of choices */
    SETTINGS_TYPE__MAX
};

struct settings_row {
    const char *section, *name;
    enum settings_type type;
    size_t offset;       /* in struct settings */
    int min, max;
    const char *text;    /* the default as it would stand in the file; "" where there is none */
    const char *unit;    /* "ms", "s", "" ... */
    bool secret;         /* the value itself may hold a secret: masked by settings_print */
    bool required;
    const char *choices; /* "v3|v2"; NULL for other types */
};

/* The i-th row, in the order of the manual; NULL when there is none (i < 0 or past the end). */
const struct settings_row *settings_row(int i);
/* "text", "path", "int", "bool", "choice". */
const char *settings_type_name(enum settings_type t);

#endif
