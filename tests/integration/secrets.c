/*
 * secrets.c - at the end: no OTP and no key in any file of the demo, any row, any command line.
 *
 * An OTP of 8 random digits, as typed by the tests, is looked for everywhere, in the database's own
 * files too.  One of 6 digits from the bank would turn up by chance in binary files, so it is
 * looked for in logs and rows, as a number that stands alone.
 */
#include <CUnit/CUnit.h>
#include <ctype.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/it.h"

static int files_seen, logs_seen, wal_seen, table_files_seen;

/* ---- looking through bytes ------------------------------------------------------------------- */

/* Is the number at [p, p+n) a word of its own, and not the fraction of a second or of a rupee? */
static bool stands_alone(const char *from, const char *end, const char *p, size_t n) {
    const char *after = p + n;
    if (p > from && (isalnum((unsigned char)p[-1]) || p[-1] == '.' || p[-1] == '-' || p[-1] == '+'))
        return false;
    if (after < end && (isalnum((unsigned char)*after) || *after == '-'))
        return false;
    return !(after + 1 < end && *after == '.' && isdigit((unsigned char)after[1]));
}

/* text: also look for short OTPs that stand alone. */
static void look_through(const char *about, const char *bytes, size_t size, bool text) {
    const char *end = bytes + size;
    for (int i = 0; i < otp_count(); i++) {
        size_t n = strlen(otp_at(i));
        const char *p = bytes;
        while ((n >= 8 || text) && (p = memmem(p, (size_t)(end - p), otp_at(i), n))) {
            if (stands_alone(bytes, end, p, n)) {
                expect(false, "%s: an OTP (%.2s...) at byte %td", about, otp_at(i), p - bytes);
                break;
            }
            p++;
        }
    }
    for (int i = 0; i < keys_count(); i++) {
        const char *p = memmem(bytes, size, keys_at(i)->text, strlen(keys_at(i)->text));
        if (p) {
            expect(false, "%s: the %s at byte %td", about, keys_at(i)->name, p - bytes);
        }
    }
}

static void find_keys(void) {
    expect(it.folder != NULL, "DEMO_DIR is not set");
    int from_files = keys_load();
    expect(from_files >= 2,
           "found %d keys by the settings under DEMO_DIR, expected at least the bank's two",
           from_files);
    keys_add("API token", it.api.token);
    expect(otp_count() > 0 || it.bank_down,
           "no OTP was used in this run: run the other suites first");
}

/* The callback's secret in addresses that are not quite the callback's, or not by POST. */
static void odd_addresses(void) {
    static const struct {
        const char *before, *after;
    } odd[] = {
        {"//callback/eko/", ""},    {"/./callback/eko/", ""},   {"/Callback/eko/", ""},
        {"/CALLBACK/EKO/", ""},     {"/%63allback/eko/", ""},   {"/x/../callback/eko/", ""},
        {"/callback//eko/", ""},    {"/callback/eko/", "/"},    {"/callback/eko/x", ""},
        {"/api/callback/eko/", ""}, {"/callback/eko/", "?x=1"}, {"/callback/", ""},
    };
    const char *secret = key_named("secret_file");
    expect(secret != NULL, "no [callback] secret_file in the settings under DEMO_DIR");
    for (size_t i = 0; secret && i < sizeof odd / sizeof odd[0]; i++) {
        char path[600];
        struct reply r = {0};
        snprintf(path, sizeof path, "%s%s%s", odd[i].before, secret, odd[i].after);
        const struct ask post = {
            .method = "POST", .path = path, .body = "{}", .content_type = "application/json"};
        client_ask(&it.nobody, &post, &r);
        expect(r.status != 0, "POST %s...: no answer", odd[i].before);
        client_get(&it.desk, path, &r);
        expect(r.status != 0, "GET %s...: no answer", odd[i].before);
        reply_free(&r);
    }
}

/* ---- files ----------------------------------------------------------------------------------- */

/* The file that is there to hold a key: nothing else is in it. */
static bool is_key_file(const char *bytes, size_t size) {
    while (size && isspace((unsigned char)bytes[size - 1]))
        size--;
    for (int i = 0; i < keys_count(); i++)
        if (strlen(keys_at(i)->text) == size && memcmp(keys_at(i)->text, bytes, size) == 0)
            return true;
    return false;
}

static bool ends_with(const char *path, const char *end) {
    size_t n = strlen(path), m = strlen(end);
    return n >= m && strcmp(path + n - m, end) == 0;
}

static int look_in_file(const char *path, const struct stat *s, int type, struct FTW *at) {
    const char *name = path + at->base;
    if (type != FTW_F || s->st_size == 0 ||
        strcmp(name, "env") == 0) /* env holds the logins, as the contract says */
        return 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    char *bytes = mmap(NULL, (size_t)s->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED)
        return 0;
    bool log = strstr(name, "log") != NULL || ends_with(name, ".out") || ends_with(name, ".err") ||
               ends_with(name, ".txt");
    log = log && !memchr(bytes, '\0', (size_t)s->st_size);
    if (!is_key_file(bytes, (size_t)s->st_size))
        look_through(path, bytes, (size_t)s->st_size, log);
    munmap(bytes, (size_t)s->st_size);
    files_seen++;
    logs_seen += log;
    wal_seen += strstr(path, "/pg_wal/") != NULL;
    table_files_seen += strstr(path, "/base/") != NULL;
    return 0;
}

/* Templates, style and SQL, where they are installed beside the program; only root may ask where that is. */
static void in_data(void) {
    char link[64], path[4096], data[4200];
    int before = files_seen;
    snprintf(link, sizeof link, "/proc/%ld/exe", it.pid);
    ssize_t n = readlink(link, path, sizeof path - 1);
    char *end = n > 0 ? memmem(path, (size_t)n, "/libexec/", 9) : NULL;
    if (!end)
        return;
    snprintf(data, sizeof data, "%.*s/share/otprefund", (int)(end - path), path);
    nftw(data, look_in_file, 16, FTW_PHYS);
    expect(files_seen > before + 10, "looked into %d files of %s", files_seen - before, data);
}

static void in_files(void) {
    char done[8];
    db_text(done, sizeof done, "CHECKPOINT", NULL, NULL); /* tables, too, are on the disk then */
    if (it.folder)
        nftw(it.folder, look_in_file, 16, FTW_PHYS);
    if (it.state && (!it.folder || strcmp(it.state, it.folder) != 0))
        nftw(it.state, look_in_file, 16, FTW_PHYS);
    in_data();
    expect(files_seen > 0 && logs_seen > 0,
           "looked into %d files and %d logs under DEMO_DIR: expected some", files_seen, logs_seen);
    expect(geteuid() != 0 || (wal_seen > 0 && table_files_seen > 50),
           "looked into %d files of WAL and %d of tables: expected more", wal_seen,
           table_files_seen);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static long long rows_seen;

static void look_in_row(void *arg, const char *value) {
    look_through(arg, value, strlen(value), true);
    rows_seen++;
}

static void look_in_table(void *arg, const char *value) {
    char sql[256];
    (void)arg;
    snprintf(sql, sizeof sql, "select to_jsonb(t)::text from %s t", value);
    char about[128];
    snprintf(about, sizeof about, "table %s", value);
    db_each(sql, look_in_row, about);
}

static void in_rows(void) {
    db_each("select format('%I.%I', schemaname, tablename) from pg_tables"
            " where schemaname not in ('pg_catalog', 'information_schema')",
            look_in_table, NULL);
    expect(rows_seen > 0, "no row was looked at");
}

/* ---- processes ------------------------------------------------------------------------------- */

static void in_process(void) {
    static const char *const files[] = {"cmdline", "environ", "limits"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char path[64];
        static char bytes[65536];
        snprintf(path, sizeof path, "/proc/%ld/%s", it.pid, files[i]);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes - 1);
        if (fd >= 0)
            close(fd);
        bool closed =
            n < 0 && strcmp(files[i], "environ") == 0 && geteuid() != 0; /* not dumpable */
        expect(n > 0 || closed, "%s cannot be read", path);
        if (n <= 0)
            continue;
        bytes[n] = '\0';
        if (strcmp(files[i], "limits") != 0) {
            look_through(path, bytes, (size_t)n, false);
            continue;
        }
        const char *core = strstr(bytes, "Max core file size"); /* promise 8: no core dump */
        char soft[32] = "";
        if (core)
            sscanf(core + strlen("Max core file size"), " %31s", soft);
        expect_text("the program", "limit of core files", "0", soft);
    }
}

static void in_pages(void) {
    static const char *const paths[] = {"/", "/attempts", "/metrics", "/readyz"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct reply r = {0};
        client_get(&it.desk, paths[i], &r);
        look_through(paths[i], r.body, r.body_size, false);
        reply_free(&r);
    }
}

void suite_secrets(void) {
    CU_pSuite s = CU_add_suite("secrets", NULL, NULL);
    CU_add_test(s, "the keys and OTPs to look for", find_keys);
    CU_add_test(s, "odd addresses of the callback", odd_addresses);
    CU_add_test(s, "none in any file", in_files);
    CU_add_test(s, "none in any row", in_rows);
    CU_add_test(s, "none in the program's command line or environment", in_process);
    CU_add_test(s, "none in a page", in_pages);
}
