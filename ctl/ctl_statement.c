/* ctl_statement.c - otprefundctl import-statement. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/sign.h"
#include "core/statement.h"
#include "ctl/ctl.h"
#include "fcgi/text.h"

#define STATEMENT_ROOM (STATEMENT_SIZE_MAX + 2) /* one too many, and one for the reader */
#define LINES_FIRST    1000
#define INDIA_S        19800 /* +05:30 */

/* A file and the credits in it; the texts of the lines lie in bytes. */
struct file {
    const char *path, *name;
    char *bytes; /* STATEMENT_ROOM of them */
    size_t size;
    unsigned char sha256[SIGN_MAC_SIZE];
    struct journal_statement_line *lines;
    struct statement_reader reader;
    struct statement_period covers;
};

/* ---- the file -------------------------------------------------------------------------------- */

/* At most one byte more than a statement may have, to see that it is too large.  false: errno. */
static bool read_all(struct file *f) {
    int fd = strcmp(f->path, "-") == 0 ? dup(0) : open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0 && f->size <= STATEMENT_SIZE_MAX) {
        n = read(fd, f->bytes + f->size, STATEMENT_SIZE_MAX + 1 - f->size);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            f->size += (size_t)n;
    }
    int why = errno;
    if (fd >= 0)
        close(fd);
    errno = why;
    return n >= 0;
}

/* Room for one more line: it grows with what is there. */
static bool room(struct file *f, int *have) {
    if (f->reader.lines < *have)
        return true;
    int wanted = *have ? 2 * *have : LINES_FIRST;
    struct journal_statement_line *lines = reallocarray(f->lines, (size_t)wanted, sizeof *lines);
    if (lines) {
        f->lines = lines;
        *have = wanted;
    }
    return lines != NULL;
}

/* "FILE: line 7, column amount: ..." */
static int bad_file(const struct file *f, const char *why) {
    char what[512];
    snprintf(what, sizeof what, "nothing was imported: %.400s", f->name);
    return ctl_fail(CTL_FAILED, what, why);
}

/* All credits, to the end of the file.  CTL_GOOD, else told. */
static int read_lines(struct file *f) {
    int have = 0;
    enum statement_step step = STATEMENT_LINE;
    while (step == STATEMENT_LINE) {
        if (!room(f, &have))
            return ctl_fail(CTL_FAILED, "out of memory", NULL);
        step = statement_next(&f->reader, &f->lines[f->reader.lines]);
    }
    return step == STATEMENT_END ? CTL_GOOD : bad_file(f, f->reader.why);
}

static int read_statement(struct file *f, const struct statement_period *told) {
    if (!read_all(f))
        return bad_file(f, strerror(errno));
    if (!sign_sha256(f->bytes, f->size, f->sha256)) /* before it is decoded in place */
        return ctl_fail(CTL_FAILED, "SHA-256 could not be computed", NULL);
    if (!statement_open(&f->reader, f->bytes, f->size, told, (int64_t)time(NULL) * 1000))
        return bad_file(f, f->reader.why);
    int code = read_lines(f);
    if (code == CTL_GOOD && !statement_covers(&f->reader, &f->covers))
        code =
            bad_file(f, "there is no credit in it: say with --from and --to which days, of those "
                        "that have begun, it covers");
    return code;
}

/* ---- the result ------------------------------------------------------------------------------ */

static void print_line(const char *name, const char *text) {
    printf("%-12s ", name);
    ctl_put(text);
    putchar('\n');
}

static void print_number(const char *name, int64_t number) {
    printf("%-12s %" PRId64 "\n", name, number);
}

/* Days of a statement are India's, whatever this machine's clock shows. */
static char *india(int64_t ms, char out[40]) {
    time_t s = (time_t)(ms / 1000 + INDIA_S);
    struct tm t;
    *out = '\0';
    if (gmtime_r(&s, &t))
        strftime(out, 40, "%Y-%m-%d %H:%M:%S +0530", &t);
    return out;
}

static const char *cell(const struct otr_table *t, int row, int column) {
    return t->cells[row * t->columns + column];
}

static void print_statement(const struct file *f, const struct journal_imported *i, bool check) {
    char from[40], to[40], period[96], rupees[24];
    int64_t all = 0;
    const struct otr_table *t = &i->mismatches;
    if (check)
        print_line("statement", "checked only, nothing was imported");
    else
        print_number("statement", i->statement_id);
    print_line("file", f->name);
    snprintf(period, sizeof period, "%s to before %s", india(f->covers.from, from),
             india(f->covers.to, to));
    print_line("period", period);
    print_number("credits", f->reader.lines);
    print_line("total", otr_rupees(f->reader.total, rupees, sizeof rupees));
    for (int row = 1; row < t->rows; row++)
        all += text_number(cell(t, row, 1));
    print_number("mismatches", all);
    for (int row = 1; row < t->rows; row++)
        printf("  %-24s %s\n", cell(t, row, 0), cell(t, row, 1));
    if (all && !check)
        puts("Each of them: otprefundctl report mismatch");
}

static int told_before(const struct file *f, const struct journal_imported *i) {
    char what[400], at[40];
    snprintf(what, sizeof what,
             "nothing was imported: this file was imported before, as statement %" PRId64
             ", on %s by %s",
             i->statement_id, ctl_time(i->imported_at, at), i->imported_by);
    return ctl_fail(CTL_FAILED, what, strcmp(i->file_name, f->name) == 0 ? NULL : i->file_name);
}

static int trouble(enum journal_status s, const char *why) {
    char what[400];
    if (s == JOURNAL_UNSURE)
        return ctl_fail(CTL_DATABASE,
                        "the connection was lost: import the file again, which tells whether it "
                        "had been imported",
                        NULL);
    snprintf(what, sizeof what,
             s == JOURNAL_REFUSED ? "nothing was imported: the database refused it: %.300s"
                                  : "nothing was imported (it takes the owner's login: give --db "
                                    "or OTPREFUND_OWNER_DB): %.300s",
             *why ? why : journal_status_text(s));
    return ctl_fail(CTL_DATABASE, what, NULL);
}

static int put(struct ctl *c, const char *db, const struct file *f, bool check) {
    char who[OTR_NAME_SIZE], why[256];
    struct journal *j;
    struct journal_imported i;
    const struct journal_statement s = {.file_name = f->name,
                                        .file_sha256 = f->sha256,
                                        .period_from = f->covers.from,
                                        .period_to = f->covers.to,
                                        .imported_by = who,
                                        .lines = f->lines,
                                        .count = f->reader.lines,
                                        .check = check};
    ctl_who(who);
    int code = ctl_journal(c, db, &j);
    if (code != CTL_GOOD)
        return code;
    enum journal_status status = journal_statement_import(j, &s, &i, why, sizeof why);
    if (status != JOURNAL_OK)
        code = trouble(status, why);
    else if (i.before)
        code = told_before(f, &i);
    else
        print_statement(f, &i, check);
    otr_table_free(&i.mismatches);
    journal_close(j);
    return code;
}

/* ---- the command ----------------------------------------------------------------------------- */

/* Its name without folders; NULL: not one to keep. */
static const char *name_of(const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t n = strlen(name);
    if (strcmp(path, "-") == 0)
        return "standard input";
    for (size_t k = 0; k < n; k++)
        if ((unsigned char)name[k] < 0x20 || name[k] == 0x7f)
            return NULL;
    return n >= 1 && n < JOURNAL_FILE_NAME_SIZE && text_utf8(name, n) ? name : NULL;
}

/* Days to moments; both days are covered.  NULL, or the one that is wrong. */
static const char *days(const char *from, const char *to, struct statement_period *p) {
    *p = (struct statement_period){from ? statement_day(from) : 0, to ? statement_day(to) : 0};
    if (from && !p->from)
        return from;
    if (to && (!p->to || (p->to += STATEMENT_DAY_MS) <= p->from))
        return to;
    return NULL;
}

int ctl_statement(struct ctl *c, int argc, char **argv) {
    const char *db = NULL, *from = NULL, *to = NULL;
    struct file f = {0};
    bool check = false;
    struct statement_period told;
    const struct ctl_option options[] = {{"from", &from, NULL},
                                         {"to", &to, NULL},
                                         {"check", NULL, &check},
                                         {"db", &db, NULL},
                                         {NULL, NULL, NULL}};
    int n, code;
    if (!ctl_arguments(c, argc, argv, options, &f.path, 1, &n, &code))
        return code;
    if (n < 1)
        return ctl_usage(c, "which file? - is standard input", NULL);
    f.name = name_of(f.path);
    if (!f.name)
        return ctl_usage(c, "a file's name is 1 to 255 bytes of UTF-8: rename it", NULL);
    const char *wrong = days(from, to, &told);
    if (wrong)
        return ctl_usage(
            c, "--from and --to take days as 2026-11-01, the last not before the first", wrong);
    char *bytes = malloc(STATEMENT_ROOM);
    if (!bytes)
        return ctl_fail(CTL_FAILED, "out of memory", NULL);
    f.bytes = bytes;
    code = read_statement(&f, &told);
    if (code == CTL_GOOD)
        code = put(c, db, &f, check);
    free(f.lines);
    free(bytes);
    return code;
}
