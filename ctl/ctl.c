/* ctl.c - what the commands share: arguments, settings, the journal, the core. */
#include "ctl/ctl.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WHY_SIZE 640

int ctl_fail(int code, const char *what, const char *detail) {
    fflush(stdout);
    fprintf(stderr, "otprefundctl: %s%s%s\n", what, detail && *detail ? ": " : "",
            detail ? detail : "");
    return code;
}

int ctl_usage(const struct ctl *c, const char *what, const char *which) {
    ctl_fail(CTL_USAGE, what, which);
    fprintf(stderr, "Try otprefundctl %s%s--help\n", c->command ? c->command->name : "",
            c->command ? " " : "");
    return CTL_USAGE;
}

void ctl_help(const struct ctl_command *command) {
    const char *line = command->usage;
    const char *start = "Usage:";
    while (line && *line) {
        size_t n = strcspn(line, "\n");
        printf("%-6s otprefundctl [-c FILE] %.*s\n", start, (int)n, line);
        line += n + (line[n] == '\n');
        start = "";
    }
    printf("\n%s\n\n%s", command->summary, command->help);
}

/* ---- arguments ------------------------------------------------------------------------------- */

static const struct ctl_option *option_named(const struct ctl_option *options, const char *name,
                                             size_t size) {
    for (; options->name; options++)
        if (strlen(options->name) == size && strncmp(options->name, name, size) == 0)
            return options;
    return NULL;
}

/* Takes argv[*i], an option, and its value.  NULL, or what is wrong with it. */
static const char *take(const struct ctl_option *options, int argc, char **argv, int *i) {
    const char *name = argv[*i] + 2;
    size_t size = strcspn(name, "=");
    const struct ctl_option *o = option_named(options, name, size);
    if (!o)
        return "unknown option";
    if (!o->value && name[size])
        return "this option takes no value";
    if (!o->value)
        *o->flag = true;
    else if (*o->value)
        return "this option is given twice";
    else if (name[size])
        *o->value = name + size + 1;
    else if (*i + 1 < argc)
        *o->value = argv[++*i];
    else
        return "a value is missing after";
    return NULL;
}

bool ctl_arguments(struct ctl *c, int argc, char **argv, const struct ctl_option *options,
                   const char **words, int max, int *n, int *code) {
    bool only_words = false;
    *n = 0;
    for (int i = 1; i < argc; i++) {
        const char *at = argv[i], *wrong = NULL;
        if (!only_words && strcmp(at, "--") == 0) {
            only_words = true;
        } else if (!only_words && (strcmp(at, "--help") == 0 || strcmp(at, "-h") == 0)) {
            ctl_help(c->command);
            *code = CTL_GOOD;
            return false;
        } else if (!only_words && at[0] == '-' && at[1]) { /* "-" is a word: standard input */
            wrong = at[1] == '-' ? take(options, argc, argv, &i) : "unknown option";
        } else if (*n == max) {
            wrong = "too many arguments, beginning with";
        } else {
            words[(*n)++] = at;
        }
        if (wrong) {
            *code = ctl_usage(c, wrong, at);
            return false;
        }
    }
    return true;
}

/* ---- settings, journal, core ----------------------------------------------------------------- */

bool ctl_settings(struct ctl *c) {
    char why[SETTINGS_WHY_SIZE];
    if (c->loaded)
        return true;
    if (!settings_load(&c->settings, c->file, why, sizeof why)) {
        ctl_fail(CTL_SETTINGS, why, NULL);
        return false;
    }
    if (setenv("TZ", c->settings.desk_time_zone, 1) == 0)
        tzset();
    c->loaded = true;
    return true;
}

const char *ctl_conninfo(struct ctl *c, const char *db) {
    const char *owner = getenv("OTPREFUND_OWNER_DB"), *from = "--db";
    if (!db || !*db) {
        db = owner;
        from = "OTPREFUND_OWNER_DB";
    }
    if (!db || !*db)
        return ctl_settings(c) ? c->settings.journal_conninfo : NULL; /* judged there */
    const char *wrong = settings_wrong_conninfo(db);
    if (!wrong)
        return db;
    ctl_fail(CTL_SETTINGS, from, wrong);
    return NULL;
}

int ctl_journal(struct ctl *c, const char *db, struct journal **j) {
    char why[WHY_SIZE] = "";
    struct journal_config config = {
        .conninfo = ctl_conninfo(c, db), .connections = 1, .node = "otprefundctl"};
    *j = NULL;
    if (!config.conninfo)
        return CTL_SETTINGS;
    if (journal_open(&config, j, why, sizeof why) != JOURNAL_OK)
        return ctl_fail(CTL_DATABASE, why, NULL);
    return CTL_GOOD;
}

int ctl_core(struct ctl *c, struct otr **o) {
    struct otr_config config;
    struct otr_fault f;
    *o = NULL;
    if (!ctl_settings(c))
        return CTL_SETTINGS;
    settings_core(&c->settings, &config);
    config.resolver = false; /* the program's business */
    config.connections = 2;  /* one for the outcome, one to look whether it is there */
    switch (otr_open(&config, o, &f)) {
    case OTR_OK:
        return CTL_GOOD;
    case OTR_INVALID:
        return ctl_fail(CTL_SETTINGS, f.detail, NULL);
    case OTR_NO_JOURNAL:
        return ctl_fail(CTL_DATABASE, f.detail, NULL);
    default:
        return ctl_fail(CTL_FAILED, f.detail, NULL);
    }
}

void ctl_who(char name[OTR_NAME_SIZE]) {
    const struct passwd *user = getpwuid(getuid());
    if (user)
        snprintf(name, OTR_NAME_SIZE, "ctl:%s", user->pw_name);
    else
        snprintf(name, OTR_NAME_SIZE, "ctl:%ld", (long)getuid());
}

const char *ctl_time(int64_t ms, char out[40]) {
    time_t s = (time_t)(ms / 1000);
    struct tm t;
    *out = '\0';
    if (ms && localtime_r(&s, &t))
        strftime(out, 40, "%Y-%m-%d %H:%M:%S %z", &t);
    return out;
}
