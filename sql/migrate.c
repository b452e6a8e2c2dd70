/* migrate.c - applies the numbered SQL files that a database lacks. */
#include "sql/migrate.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sql/db.h"

#define FILE_MAX      1048576
#define NAME_MAX_SIZE 64

struct run {
    PGconn *pg;
    const char *folder;
    char names[JOURNAL_SCHEMA_VERSION + 1][NAME_MAX_SIZE]; /* names[n]: file n without .sql */
    char *why;
    size_t size;
};

/* ---- the files ----------------------------------------------------------------------------- */

/* 1..9999 for "NNNN-name.sql", else 0. */
static int number_of(const char *file) {
    size_t n = strlen(file);
    if (n < 10 || n - 4 >= NAME_MAX_SIZE || strspn(file, "0123456789") != 4 || file[4] != '-' ||
        strcmp(file + n - 4, ".sql") != 0)
        return 0;
    return (int)strtol(file, NULL, 10);
}

static enum journal_status list_files(struct run *m) {
    DIR *dir = opendir(m->folder);
    enum journal_status status = JOURNAL_REFUSED;
    if (!dir) {
        snprintf(m->why, m->size, "the migrations in %s cannot be read: %s", m->folder,
                 strerror(errno));
        return status;
    }
    for (struct dirent *e; (e = readdir(dir));) {
        int n = number_of(e->d_name);
        if (n == 0)
            continue;
        if (n > JOURNAL_SCHEMA_VERSION || m->names[n][0]) {
            snprintf(m->why, m->size,
                     "%s/%s does not belong there: this program knows %d migrations", m->folder,
                     e->d_name, JOURNAL_SCHEMA_VERSION);
            goto out;
        }
        snprintf(m->names[n], NAME_MAX_SIZE, "%.*s", (int)strlen(e->d_name) - 4, e->d_name);
    }
    for (int n = 1; n <= JOURNAL_SCHEMA_VERSION; n++)
        if (!m->names[n][0]) {
            snprintf(m->why, m->size, "migration %04d is missing in %s", n, m->folder);
            goto out;
        }
    status = JOURNAL_OK;
out:
    closedir(dir);
    return status;
}

/* The file as text, owned by the caller; NULL with why. */
static char *read_file(struct run *m, int number) {
    char path[4096];
    char *text = NULL;
    int n = snprintf(path, sizeof path, "%s/%s.sql", m->folder, m->names[number]);
    int fd = n > 0 && (size_t)n < sizeof path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size > FILE_MAX)
        goto unreadable;
    text = malloc((size_t)st.st_size + 1);
    if (!text)
        goto unreadable;
    size_t got = 0;
    while (got < (size_t)st.st_size) {
        ssize_t k = read(fd, text + got, (size_t)st.st_size - got);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            goto unreadable;
        got += (size_t)k;
    }
    text[got] = '\0';
    close(fd);
    return text;
unreadable:
    snprintf(m->why, m->size, "%s cannot be read", path);
    if (fd >= 0)
        close(fd);
    free(text);
    return NULL;
}

/* ---- the database -------------------------------------------------------------------------- */

static enum journal_status trouble(struct run *m, const char *doing) {
    char line[256];
    db_first_line(PQerrorMessage(m->pg), line, sizeof line);
    snprintf(m->why, m->size, "%s: %s", doing, line);
    return PQstatus(m->pg) == CONNECTION_OK ? JOURNAL_REFUSED : JOURNAL_DOWN;
}

static bool done(PGresult *r) {
    ExecStatusType status = PQresultStatus(r);
    PQclear(r);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* 0: no schema yet; -1: trouble. */
static int version_of(struct run *m) {
    int version = 0;
    PGresult *r =
        PQexec(m->pg, "SELECT pg_catalog.to_regclass('otprefund.schema_version') IS NOT NULL");
    bool ok = PQresultStatus(r) == PGRES_TUPLES_OK;
    bool there = ok && db_get_bool(r, 0, 0);
    PQclear(r);
    if (!there)
        return ok ? 0 : -1;
    r = PQexec(m->pg, db_texts[DB_PING].sql);
    version = PQresultStatus(r) == PGRES_TUPLES_OK ? (int)db_get_number(r, 0, 0, 0) : -1;
    PQclear(r);
    return version;
}

static enum journal_status apply(struct run *m, int number, const char *text) {
    char version[16];
    const char *values[] = {version, text};
    const int lengths[] = {0, (int)strlen(text)}, formats[] = {0, 1};
    char doing[NAME_MAX_SIZE + 32];
    snprintf(version, sizeof version, "%d", number);
    snprintf(doing, sizeof doing, "migration %s failed", m->names[number]);
    if (!done(PQexec(m->pg, "BEGIN")) || !done(PQexec(m->pg, text)) ||
        !done(PQexecParams(
            m->pg,
            "UPDATE otprefund.schema_version SET sha256 = pg_catalog.sha256($2::bytea) "
            "WHERE version = $1::integer",
            2, NULL, values, lengths, formats, 0)) ||
        !done(PQexec(m->pg, "COMMIT"))) {
        enum journal_status status = trouble(m, doing);
        PQclear(PQexec(m->pg, "ROLLBACK"));
        return status;
    }
    int now = version_of(m);
    if (now != number) {
        snprintf(m->why, m->size, "%s: the file does not record itself", doing);
        return JOURNAL_REFUSED;
    }
    return JOURNAL_OK;
}

/* Was the file another one when it was applied? */
static bool changed(struct run *m, int number, const char *text) {
    char version[16];
    const char *values[] = {version, text};
    const int lengths[] = {0, (int)strlen(text)}, formats[] = {0, 1};
    snprintf(version, sizeof version, "%d", number);
    PGresult *r = PQexecParams(m->pg,
                               "SELECT sha256 <> pg_catalog.sha256($2::bytea) "
                               "FROM otprefund.schema_version WHERE version = $1::integer",
                               2, NULL, values, lengths, formats, 0);
    bool yes = PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1 && db_get_bool(r, 0, 0);
    PQclear(r);
    return yes;
}

static enum journal_status run(struct run *m, journal_migrated *report, void *context) {
    /* Two at once: the second waits, then finds nothing to do.  No limit on time in here. */
    if (!done(PQexec(m->pg, "SET statement_timeout = 0; SET enable_seqscan = on;"
                            "SELECT pg_catalog.pg_advisory_lock(7031, 1)")))
        return trouble(m, "no lock to be had");
    int version = version_of(m);
    if (version < 0)
        return trouble(m, "the version of the schema cannot be read");
    if (version > JOURNAL_SCHEMA_VERSION) {
        snprintf(m->why, m->size,
                 "the database has schema version %d, this program knows %d: "
                 "install the newer program",
                 version, JOURNAL_SCHEMA_VERSION);
        return JOURNAL_REFUSED;
    }
    for (int n = 1; n <= JOURNAL_SCHEMA_VERSION; n++) {
        char *text = read_file(m, n);
        if (!text)
            return JOURNAL_REFUSED;
        bool other = n <= version && changed(m, n, text);
        enum journal_status status = n > version ? apply(m, n, text) : JOURNAL_OK;
        free(text);
        if (status != JOURNAL_OK)
            return status;
        if (report && (n > version || other))
            report(context, n, m->names[n], other);
    }
    return JOURNAL_OK;
}

enum journal_status journal_migrate(const char *conninfo, const char *folder,
                                    journal_migrated *report, void *context, char *why,
                                    size_t size) {
    struct run m = {.folder = folder, .why = why, .size = size};
    snprintf(why, size, "%s", "");
    enum journal_status status = list_files(&m);
    if (status != JOURNAL_OK)
        return status;
    m.pg = db_connect(conninfo, DB_PRIMARY, why, size);
    if (!m.pg)
        return JOURNAL_DOWN;
    status = run(&m, report, context);
    PQfinish(m.pg); /* gives the lock back */
    return status;
}
