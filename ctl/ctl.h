/*
 * ctl.h - otprefundctl: what its commands share.  One thread; results to stdout, trouble to stderr.
 */
#ifndef OTPREFUND_CTL_H
#define OTPREFUND_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/otprefund.h"
#include "fcgi/settings.h"
#include "sql/journal.h"

/* Exit codes: documented in otprefundctl(8). */
enum ctl_exit { CTL_GOOD, CTL_FAILED, CTL_USAGE, CTL_SETTINGS, CTL_DATABASE, CTL_BANK };

struct ctl;

struct ctl_command {
    const char *name;
    const char *usage;   /* its forms, one a line, without the program's name */
    const char *summary; /* one line */
    const char *help;    /* the rest, lines of at most 80 columns */
    int (*run)(struct ctl *c, int argc, char **argv); /* argv[0]: itself; returns an exit code */
};

struct ctl {
    const char *file; /* settings */
    const struct ctl_command *command;
    struct settings settings; /* once ctl_settings was good */
    bool loaded;
};

/* An option: with a value where value is set, else a flag. */
struct ctl_option {
    const char *name; /* without -- */
    const char **value;
    bool *flag;
};

/*
 * Reads options (ended by one without a name) and up to max words from argv.  false: end now with
 * *code; help was printed, or the mistake was told.
 */
bool ctl_arguments(struct ctl *c, int argc, char **argv, const struct ctl_option *options,
                   const char **words, int max, int *n, int *code);

/* Tells a mistake in the command line; returns CTL_USAGE. */
int ctl_usage(const struct ctl *c, const char *what, const char *which);
void ctl_help(const struct ctl_command *command);

/* "otprefundctl: what: detail" on stderr; returns code.  detail: NULL or "" for none. */
int ctl_fail(int code, const char *what, const char *detail);

/* Loads the settings once, and sets the clock's zone.  false: told on stderr. */
bool ctl_settings(struct ctl *c);

/*
 * The conninfo for administration: db, else the environment's OTPREFUND_OWNER_DB, else that of the
 * settings; a socket, this machine, or sslmode=verify-full.  NULL: it is none of these, or the settings
 * are wrong, told on stderr.  Lives as long as its source.
 */
const char *ctl_conninfo(struct ctl *c, const char *db);

/* Opens the journal there.  CTL_GOOD; else told on stderr. */
int ctl_journal(struct ctl *c, const char *db, struct journal **j);

/* Opens a core without resolver.  CTL_GOOD; else told on stderr. */
int ctl_core(struct ctl *c, struct otr **o);

/* "ctl:" and the name of the user who runs this. */
void ctl_who(char name[OTR_NAME_SIZE]);

/* Prints text with control characters replaced: nobody's words may steer the terminal. */
void ctl_put(const char *text);
/* A name and what it is, on a line; nothing where that is "". */
void ctl_line(const char *name, const char *text);
/* A table: aligned, or as CSV (RFC 4180). */
void ctl_table(const struct otr_table *t, bool csv);
/* "2024-06-02 09:11:00 +0530"; "" for 0.  Returns out. */
const char *ctl_time(int64_t ms, char out[40]);

int ctl_migrate(struct ctl *c, int argc, char **argv);
int ctl_check(struct ctl *c, int argc, char **argv);
int ctl_operator(struct ctl *c, int argc, char **argv);
int ctl_client(struct ctl *c, int argc, char **argv);
int ctl_inquire(struct ctl *c, int argc, char **argv);
int ctl_report(struct ctl *c, int argc, char **argv);
int ctl_statement(struct ctl *c, int argc, char **argv);
int ctl_resolve(struct ctl *c, int argc, char **argv);
int ctl_seal(struct ctl *c, int argc, char **argv);
int ctl_export(struct ctl *c, int argc, char **argv);
int ctl_verify(struct ctl *c, int argc, char **argv);

#endif
