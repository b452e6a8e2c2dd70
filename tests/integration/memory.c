/*
 * memory.c - at the end: no OTP and no API token in the memory of the idle program, none in what /proc tells
 * of any process of the demo; and nobody of the program's own user can look: no core file, no /proc/PID/mem,
 * no ptrace.
 *
 * Only root can read the memory then; anybody else proves no more than that it is closed.  OTPs of 8 random
 * digits are looked for: shorter ones would turn up by chance.
 */
#include <CUnit/CUnit.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/it.h"

#define PIECE   (1 << 20)
#define OVERLAP 64

/* The whole of a small file of /proc; -1: not to be read. */
static ssize_t proc_read(long pid, const char *name, char *out, size_t size) {
    char path[64];
    size_t have = 0;
    ssize_t n = 1;
    snprintf(path, sizeof path, "/proc/%ld/%s", pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    while (have < size - 1 && (n = read(fd, out + have, size - 1 - have)) > 0)
        have += (size_t)n;
    close(fd);
    out[have] = '\0';
    return n < 0 ? -1 : (ssize_t)have;
}

/* ---- one more refund by each way ------------------------------------------------------------- */

/* Whatever was typed before, these came last: what they leave behind is still there. */
static void refunds(void) {
    char otp[16], key[33], body[64], path[80];
    struct reply r = {0};
    const char *tid = new_tid(2);
    if (texted_otp(&it.desk, tid, otp, sizeof otp)) {
        wait_settled(submit_otp(&it.desk, tid, wrong_otp(otp), &r), 20);
        expect_status("a wrong OTP at the desk", &r, 200);
    }
    tid = new_tid(3);
    snprintf(path, sizeof path, "/api/v1/transactions/%s/otp", tid);
    api_call(path, "{}", fresh_key(key), "Prefer: wait=10", &r);
    snprintf(path, sizeof path, "/api/v1/transactions/%s/refunds", tid);
    snprintf(body, sizeof body, "{\"otp\":\"%s\"}", wrong_otp(otp));
    api_call(path, body, fresh_key(key), "Prefer: wait=10", &r);
    expect(r.status == 200 || r.status == 202, "a wrong OTP over the API: %d", r.status);
    reply_free(&r);
    nap_ms(500);
}

/* ---- the memory ------------------------------------------------------------------------------ */

static long long bytes_seen;
static bool key_seen; /* the keys are in use, so they are there: the search finds what there is */

/* The OTPs, and behind them the token. */
static const char *secret_at(int i) {
    const char *token = it.api.token;
    return i < otp_count() ? otp_at(i) : token ? token : "";
}

static int secrets_in(const char *bytes, size_t size, const char *about, unsigned long at) {
    int hits = 0;
    for (int i = 0; i <= otp_count(); i++) {
        const char *p = bytes;
        size_t n = strlen(secret_at(i));
        while (n >= 8 && (p = memmem(p, size - (size_t)(p - bytes), secret_at(i), n))) {
            char near[49] = "";
            size_t from = p - bytes > 20 ? (size_t)(p - bytes) - 20 : 0;
            for (size_t c = 0; c < 48 && from + c < size; c++)
                near[c] = isprint((unsigned char)bytes[from + c]) ? bytes[from + c] : '.';
            if (getenv("MEMORY_SHOWS"))
                printf("\n    %s at %lx: %s", about, at + (unsigned long)(p - bytes), near);
            hits++;
            p += n;
        }
    }
    return hits;
}

static int look_in_range(int mem, unsigned long from, unsigned long to, const char *about) {
    static char piece[PIECE + OVERLAP];
    int hits = 0;
    for (; from < to; from += PIECE) {
        size_t wanted = to - from < sizeof piece ? to - from : sizeof piece;
        ssize_t n = pread(mem, piece, wanted, (off_t)from);
        if (n <= 0)
            continue; /* a guard page */
        bytes_seen += n;
        for (int k = 0; k < keys_count() && !key_seen; k++)
            key_seen = memmem(piece, (size_t)n, keys_at(k)->text, strlen(keys_at(k)->text)) != NULL;
        hits += secrets_in(piece, (size_t)n, about, from);
    }
    return hits;
}

static void in_memory(void) {
    static char maps[1 << 20];
    char path[64], *save = NULL;
    int hits = 0, ranges = 0;
    expect(keys_load() >= 2, "no keys by the settings under DEMO_DIR");
    if (geteuid() != 0) {
        puts(" (not root: not looked into)");
        return;
    }
    snprintf(path, sizeof path, "/proc/%ld/mem", it.pid);
    int mem = open(path, O_RDONLY | O_CLOEXEC);
    if (mem < 0 || proc_read(it.pid, "maps", maps, sizeof maps) <= 0) {
        printf(" (root without CAP_SYS_PTRACE: not looked into: %s)\n", strerror(errno));
        return;
    }
    for (char *line = strtok_r(maps, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        unsigned long from, to;
        char rights[8] = "", about[64];
        if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || rights[0] != 'r' ||
            rights[1] != 'w')
            continue;
        const char *name = strpbrk(line, "/[");
        snprintf(about, sizeof about, "%.60s", name ? name : "anonymous");
        hits += look_in_range(mem, from, to, about);
        ranges++;
    }
    close(mem);
    expect(ranges > 5 && bytes_seen > 1 << 20, "looked into %d ranges of memory only", ranges);
    expect(key_seen, "not even a key was found: the search is no good");
    expect(otp_count() > 0, "no OTP was used in this run");
    expect(*secret_at(otp_count()) != 0, "no API token was used in this run");
    expect_number("the program's memory", "OTPs and tokens", 0, hits);
}

/* ---- nobody looks ---------------------------------------------------------------------------- */

/* Another process of the same user: 0, or which door is open. */
static int doors_open(uid_t uid, gid_t gid) {
    char path[64], bytes[16];
    if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(gid) != 0 || setuid(uid) != 0))
        return 9;
    static const char *const names[] = {"mem", "environ", "maps", "auxv"};
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "/proc/%ld/%s", it.pid, names[i]);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && read(fd, bytes, sizeof bytes) > 0)
            return i + 1;
        if (fd >= 0)
            close(fd);
    }
    return ptrace(PTRACE_ATTACH, (pid_t)it.pid, NULL, NULL) == 0 ? 5 : 0; /* its end lets go */
}

static void nobody_looks(void) {
    static char status[8192];
    char *at, soft[32] = "", hard[32] = "";
    unsigned uid = 0, gid = 0;
    int ended = 0;
    expect(proc_read(it.pid, "status", status, sizeof status) > 0, "/proc/%ld/status", it.pid);
    if ((at = strstr(status, "\nUid:")))
        sscanf(at, "\nUid: %*u %u", &uid);
    if ((at = strstr(status, "\nGid:")))
        sscanf(at, "\nGid: %*u %u", &gid);
    expect(uid != 0, "the program runs as root");
    at = strstr(status, "\nNoNewPrivs:\t");
    expect(at && at[13] == '1', "the program can get privileges");
    at = strstr(status, "\nSeccomp:\t");
    expect(at && at[10] == '2', "the program runs without its filter of system calls");
    pid_t child = fork();
    if (child == 0)
        _exit(doors_open(uid, gid));
    expect(child > 0 && waitpid(child, &ended, 0) == child, "no process to look from");
    expect_number("mem 1, environ 2, maps 3, auxv 4, ptrace 5", "open to its own user", 0,
                  WIFEXITED(ended) ? WEXITSTATUS(ended) : -1);
    expect(proc_read(it.pid, "limits", status, sizeof status) > 0, "/proc/%ld/limits", it.pid);
    if ((at = strstr(status, "Max core file size")))
        sscanf(at + strlen("Max core file size"), " %31s %31s", soft, hard);
    expect_text("core files", "soft limit", "0", soft);
    expect_text("core files", "hard limit", "0", hard);
}

/* ---- what /proc tells of every process of the demo -------------------------------------------- */

static bool of_the_demo(long pid) {
    char path[64], folder[4096];
    static char line[65536];
    snprintf(path, sizeof path, "/proc/%ld/cwd", pid);
    ssize_t n = readlink(path, folder, sizeof folder - 1);
    if (n > 0 && strncmp(folder, it.folder, strlen(it.folder)) == 0)
        return true;
    n = proc_read(pid, "cmdline", line, sizeof line);
    return n > 0 && memmem(line, (size_t)n, it.folder, strlen(it.folder)) != NULL;
}

static void in_processes(void) {
    static char bytes[1 << 18];
    int seen = 0, postgres = 0;
    DIR *proc = opendir("/proc");
    expect(proc != NULL && it.folder != NULL, "no /proc, or DEMO_DIR is not set");
    for (struct dirent *d; proc && it.folder && (d = readdir(proc));) {
        char about[64], comm[32] = "";
        long pid = strtol(d->d_name, NULL, 10);
        if (pid < 1 || pid == getpid() || !of_the_demo(pid))
            continue;
        proc_read(pid, "comm", comm, sizeof comm);
        comm[strcspn(comm, "\n")] = '\0';
        static const char *const files[] = {"cmdline", "environ"};
        for (int i = 0; i < 2; i++) {
            ssize_t n = proc_read(pid, files[i], bytes, sizeof bytes);
            snprintf(about, sizeof about, "/proc/%ld/%s (%s)", pid, files[i], comm);
            if (n > 0)
                expect_number(about, "OTPs and tokens", 0, secrets_in(bytes, (size_t)n, about, 0));
            for (int k = 0; n > 0 && k < keys_count(); k++)
                expect(!memmem(bytes, (size_t)n, keys_at(k)->text, strlen(keys_at(k)->text)),
                       "%s: the %s", about, keys_at(k)->name);
        }
        seen++;
        postgres += strcmp(comm, "postgres") == 0;
    }
    if (proc)
        closedir(proc);
    expect(seen >= 5 && postgres >= 3, "looked at %d processes, %d of PostgreSQL: expected more",
           seen, postgres);
}

void suite_memory(void) {
    CU_pSuite s = CU_add_suite("memory", NULL, NULL);
    CU_add_test(s, "one more OTP by each way", refunds);
    CU_add_test(s, "no OTP in the program's memory", in_memory);
    CU_add_test(s, "nobody of its own user looks", nobody_looks);
    CU_add_test(s, "none in any process's command line or environment", in_processes);
}
