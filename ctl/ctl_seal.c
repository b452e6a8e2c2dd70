/* ctl_seal.c - otprefundctl seal, export and verify. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/seal.h"
#include "ctl/ctl.h"

/* ---- seal ------------------------------------------------------------------------------------ */

static void print_seal(const struct journal_seal *s, int64_t rows) {
    char at[40];
    printf("seal %" PRId64 " of %s\n%s\n", s->seal_id, ctl_time(s->sealed_at, at), s->digest);
    if (rows >= 0)
        printf("%" PRId64 " rows were sealed now\n", rows);
}

int ctl_seal(struct ctl *c, int argc, char **argv) {
    const char *db = NULL;
    bool show = false;
    const struct ctl_option options[] = {
        {"show", NULL, &show}, {"db", &db, NULL}, {NULL, NULL, NULL}};
    struct journal *j;
    struct journal_seal s;
    int64_t rows = -1;
    int n, code;
    if (!ctl_arguments(c, argc, argv, options, NULL, 0, &n, &code))
        return code;
    code = ctl_journal(c, db, &j);
    if (code != CTL_GOOD)
        return code;
    enum journal_status status = show ? JOURNAL_OK : journal_seal(j, &rows);
    if (status == JOURNAL_OK)
        status = journal_seal_last(j, &s);
    if (status == JOURNAL_OK)
        print_seal(&s, rows);
    else if (status == JOURNAL_NOT_FOUND)
        puts("there is no seal yet: a row is sealed when it is older than a minute");
    else
        code = ctl_fail(CTL_DATABASE, "the journal was not sealed", journal_status_text(status));
    journal_close(j);
    return code;
}

/* ---- export ---------------------------------------------------------------------------------- */

static bool put_line(void *arg, const char *const *fields, int n) {
    (void)arg;
    for (int i = 0; i < n; i++)
        if (fputs(fields[i], stdout) == EOF || putchar(i + 1 < n ? '\t' : '\n') == EOF)
            return false;
    return true;
}

int ctl_export(struct ctl *c, int argc, char **argv) {
    const char *db = NULL;
    const struct ctl_option options[] = {{"db", &db, NULL}, {NULL, NULL, NULL}};
    char why[256] = "";
    int n, code;
    if (!ctl_arguments(c, argc, argv, options, NULL, 0, &n, &code))
        return code;
    const char *conninfo = ctl_conninfo(c, db);
    if (!conninfo)
        return CTL_SETTINGS;
    if (journal_export(conninfo, put_line, NULL, why, sizeof why) == JOURNAL_OK)
        return CTL_GOOD;
    return ctl_fail(CTL_DATABASE, "the journal was not exported", why);
}

/* ---- verify ---------------------------------------------------------------------------------- */

static void put_finding(void *arg, const char *text) {
    (void)arg;
    ctl_put(text);
    putchar('\n');
}

static bool check_line(void *arg, const char *const *fields, int n) {
    return seal_check_line(arg, fields, n);
}

/* Reads an export.  NULL: good; else what is wrong with the file. */
static const char *check_file(const char *path, struct seal_check *check) {
    const char *why = NULL;
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (!in)
        return strerror(errno);
    while (!why && (size = getline(&line, &room, in)) > 0) {
        const char *fields[JOURNAL_LINE_FIELDS];
        int n = 0;
        if (line[size - 1] == '\n')
            line[size - 1] = '\0';
        for (char *p = line; p && n < JOURNAL_LINE_FIELDS; n++) {
            fields[n] = p;
            p = strchr(p, '\t');
            if (p)
                *p++ = '\0';
        }
        if (!seal_check_line(check, fields, n))
            why = "it has a line that is not one of an export";
    }
    if (ferror(in))
        why = "it cannot be read";
    free(line);
    if (in != stdin)
        fclose(in);
    return why;
}

static int told(const struct seal_summary *s) {
    if (!s->whole)
        return ctl_fail(CTL_FAILED, "the export ends before its end: it was cut", NULL);
    printf("sealed rows: %" PRId64 ", not sealed yet: %" PRId64 ", seals: %" PRId64 "\n", s->rows,
           s->unsealed, s->seals);
    if (*s->digest)
        printf("the last seal:\n%s\n", s->digest);
    if (s->findings == 0)
        return CTL_GOOD;
    printf("the journal was tampered with, or left unsealed; findings: %" PRId64 "\n", s->findings);
    return CTL_FAILED;
}

int ctl_verify(struct ctl *c, int argc, char **argv) {
    const char *db = NULL, *expect = NULL, *file = NULL, *wrong = NULL;
    const struct ctl_option options[] = {
        {"db", &db, NULL}, {"expect", &expect, NULL}, {NULL, NULL, NULL}};
    struct seal_summary sum;
    char why[256] = "";
    int n, code;
    if (!ctl_arguments(c, argc, argv, options, &file, 1, &n, &code))
        return code;
    if (expect && (strlen(expect) != 64 || strspn(expect, "0123456789abcdef") != 64))
        return ctl_usage(c, "--expect takes a digest of 64 hexadecimal digits", expect);
    const char *conninfo = n == 0 ? ctl_conninfo(c, db) : "";
    if (!conninfo)
        return CTL_SETTINGS;
    struct seal_check *check = seal_check_new(expect, put_finding, NULL);
    if (!check)
        return ctl_fail(CTL_FAILED, "out of memory", NULL);
    if (n == 1)
        wrong = check_file(file, check);
    else if (journal_export(conninfo, check_line, check, why, sizeof why) != JOURNAL_OK)
        wrong = *why ? why : "a line could not be checked";
    seal_check_end(check, &sum);
    seal_check_free(check);
    if (wrong)
        return ctl_fail(n == 1 ? CTL_FAILED : CTL_DATABASE, n == 1 ? file : "not verified", wrong);
    return told(&sum);
}
