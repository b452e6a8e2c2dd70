/* test_sandbox.c - after sandbox_enter: no exec, no process, no file written; what serving needs goes on. */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fcgi/sandbox.h"
#include "tests/unit/suite.h"

extern char **environ;
static char folder[] = "/tmp/otprefund-sandbox.XXXXXX", mine[64], fresh[64];

/* How a child that enters and then does this ends: what it returned, or -SIGNAL. */
static int inside(int (*doing)(void)) {
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        char why[256];
        alarm(30);
        if (!sandbox_enter(why, sizeof why)) {
            dprintf(2, "%s\n", why);
            _exit(99);
        }
        _exit(doing());
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return 98;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- what ends the process ------------------------------------------------------------------- */

static int exec_true(void) {
    char *argv[] = {(char *)"true", NULL};
    execve("/bin/true", argv, environ);
    return errno;
}

static int exec_by_descriptor(void) {
    char *argv[] = {(char *)"true", NULL};
    int fd = open("/bin/true", O_RDONLY | O_CLOEXEC);
    syscall(SYS_execveat, fd, "", argv, environ, 0x1000 /* AT_EMPTY_PATH */);
    return errno;
}

static void *exec_on_a_thread(void *unused) {
    exec_true();
    return unused;
}

static int exec_thread(void) {
    pthread_t t;
    if (pthread_create(&t, NULL, exec_on_a_thread, NULL) != 0)
        return 97;
    pthread_join(t, NULL);
    return 1;
}

static void test_exec(void) {
    CU_ASSERT_EQUAL(inside(exec_true), -SIGSYS);
    CU_ASSERT_EQUAL(inside(exec_by_descriptor), -SIGSYS);
    CU_ASSERT_EQUAL(inside(exec_thread), -SIGSYS);
}

/* ---- what is refused ------------------------------------------------------------------------- */

/* 0 where it is refused with this error; else says so. */
static int refused(const char *what, long got, int error) {
    if (got == -1 && errno == error)
        return 0;
    dprintf(2, "    %s: got %ld, %s\n", what, got,
            got == -1 ? strerror(errno) : "which is too much");
    return 1;
}

#define NO(call) refused(#call, (long)(call), EPERM)

static int processes(void) {
    pid_t child = 0;
    char *argv[] = {(char *)"true", NULL};
    int bad = NO(fork()) + NO(vfork()) + NO(ptrace(PTRACE_TRACEME, 0, NULL, NULL)) +
              NO(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) + NO(unshare(CLONE_NEWUSER)) +
              NO(syscall(SYS_process_vm_readv, getpid(), NULL, 0, NULL, 0, 0)) +
              refused("clone3", syscall(SYS_clone3, NULL, 0), ENOSYS);
    int spawned = posix_spawn(&child, "/bin/true", NULL, NULL, argv, environ);
    errno = spawned;
    bad += refused("posix_spawn", spawned ? -1 : 0, EPERM);
    return bad + (system("true") == 0);
}

static int kernel(void) {
    struct timespec t = {0, 0};
    struct rlimit r = {RLIM_INFINITY, RLIM_INFINITY};
    return NO(mount("none", folder, "tmpfs", 0, NULL)) + NO(umount(folder)) + NO(chroot(folder)) +
           NO(syscall(SYS_bpf, 0, NULL, 0)) + NO(syscall(SYS_init_module, NULL, 0, "")) +
           NO(syscall(SYS_finit_module, -1, "", 0)) + NO(syscall(SYS_kexec_load, 0, 0, NULL, 0)) +
           NO(syscall(SYS_reboot, 0, 0, 0, NULL)) +
           NO(syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0)) +
           NO(syscall(SYS_io_uring_setup, 1, NULL)) + NO(clock_settime(CLOCK_REALTIME, &t)) +
           NO(setuid(getuid())) + NO(setgid(getgid())) +
           NO(setresuid(getuid(), getuid(), getuid())) + NO(setgroups(0, NULL)) +
           NO(setrlimit(RLIMIT_CORE, &r)) + NO(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)) +
           NO(socket(AF_PACKET, SOCK_RAW, 0)) + NO(socket(AF_VSOCK, SOCK_STREAM, 0)) +
           NO(socket(AF_APPLETALK, SOCK_DGRAM, 0));
}

static int memory(void) {
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return NO(mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) +
           NO(mprotect(p, 4096, PROT_READ | PROT_EXEC)) + NO(memfd_create("x", 0));
}

static int files(void) {
    int read_only = open(mine, O_RDONLY | O_CLOEXEC);
    if (read_only < 0)
        return 96;
    return NO(open(mine, O_WRONLY)) + NO(open(mine, O_RDWR)) + NO(open(mine, O_RDONLY | O_TRUNC)) +
           NO(open(fresh, O_RDONLY | O_CREAT, 0600)) + NO(open(folder, O_TMPFILE | O_RDWR, 0600)) +
           NO(syscall(SYS_open, mine, O_WRONLY)) + NO(creat(fresh, 0600)) + NO(truncate(mine, 0)) +
           NO(rename(mine, fresh)) + NO(link(mine, fresh)) + NO(symlink(mine, fresh)) +
           NO(mkdir(fresh, 0700)) + NO(mknod(fresh, S_IFREG | 0600, 0)) + NO(chmod(mine, 0777)) +
           NO(fchmod(read_only, 0777)) + NO(chown(mine, getuid(), getgid())) +
           refused("openat2", syscall(SYS_openat2, AT_FDCWD, mine, NULL, 0), ENOSYS);
}

static void test_refused(void) {
    CU_ASSERT_EQUAL(inside(processes), 0);
    CU_ASSERT_EQUAL(inside(kernel), 0);
    CU_ASSERT_EQUAL(inside(memory), 0);
    CU_ASSERT_EQUAL(inside(files), 0);
    CU_ASSERT(access(mine, R_OK) == 0 && access(fresh, F_OK) != 0);
}

/* A thread that was there before is inside as well. */
static int early_pipe[2];

static void *early(void *unused) {
    char byte;
    if (read(early_pipe[0], &byte, 1) != 1)
        return NULL;
    return fork() == -1 && errno == EPERM ? &early_pipe : unused;
}

static void test_threads_before(void) {
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        char why[256];
        pthread_t t;
        void *result = NULL;
        if (pipe(early_pipe) != 0 || pthread_create(&t, NULL, early, NULL) != 0 ||
            !sandbox_enter(why, sizeof why) || write(early_pipe[1], "x", 1) != 1 ||
            pthread_join(t, &result) != 0)
            _exit(2);
        _exit(result ? 0 : 1);
    }
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- what goes on ---------------------------------------------------------------------------- */

static void *ask(void *arg) {
    const struct sockaddr_in *a = arg;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof *a) == 0 &&
                send(fd, "hello", 5, MSG_NOSIGNAL) == 5;
    if (fd >= 0)
        close(fd);
    return good ? arg : NULL;
}

static int network(void) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    char text[8] = "";
    void *good = NULL;
    pthread_t t;
    if (getaddrinfo("localhost", "80", &hints, &found) != 0 || !found)
        return 1;
    freeaddrinfo(found);
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listening < 0 || bind(listening, (struct sockaddr *)&a, n) != 0 ||
        listen(listening, 4) != 0 || getsockname(listening, (struct sockaddr *)&a, &n) != 0)
        return 2;
    if (pthread_create(&t, NULL, ask, &a) != 0)
        return 3;
    int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0 || recv(fd, text, sizeof text - 1, MSG_WAITALL) != 5 || strcmp(text, "hello") != 0)
        return 4;
    return pthread_join(t, &good) == 0 && good ? 0 : 5;
}

/* Its own socket by a path, and the end of it; telling systemd. */
static int own_socket(void) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 1;
    (void)connect(fd, (struct sockaddr *)&a, sizeof a);
    return unlink(mine) == 0 ? 0 : 2;
}

static int reading(void) {
    char line[100];
    FILE *in = fopen("/etc/passwd", "re");
    time_t now = time(NULL);
    struct tm tm;
    if (!in || !fgets(line, sizeof line, in) || fclose(in) != 0)
        return 1;
    setenv("TZ", "Asia/Kolkata", 1);
    tzset();
    if (!localtime_r(&now, &tm) || tm.tm_gmtoff != 19800)
        return 2;
    for (size_t size = 1; size < 64u << 20; size *= 4) {
        char *p = malloc(size);
        if (!p)
            return 3;
        memset(p, 1, size);
        free(p);
    }
    struct rlimit r;
    return getrlimit(RLIMIT_NOFILE, &r) == 0 && kill(getpid(), 0) == 0 ? 0 : 4;
}

static void test_goes_on(void) {
    CU_ASSERT_EQUAL(inside(network), 0);
    CU_ASSERT_EQUAL(inside(reading), 0);
    CU_ASSERT_EQUAL(inside(own_socket), 0);
}

static bool prepared(void) {
    if (!mkdtemp(folder))
        return false;
    snprintf(mine, sizeof mine, "%s/mine", folder);
    snprintf(fresh, sizeof fresh, "%s/fresh", folder);
    int fd = open(mine, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    return fd >= 0 && close(fd) == 0;
}

#ifdef OTPREFUND_SECCOMP
#include <seccomp.h>

/* test_sandbox --under FILE COMMAND...: as under a unit whose SystemCallFilter allows the calls that FILE
 * names, one a line, and answers EPERM to all others. */
static int under(char **argv) {
    char name[64];
    int n = 0;
    FILE *in = fopen(argv[0], "re");
    scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    while (in && f && fgets(name, sizeof name, in)) {
        name[strcspn(name, "\n")] = '\0';
        int number = seccomp_syscall_resolve_name(name);
        n += number != __NR_SCMP_ERROR && seccomp_rule_add(f, SCMP_ACT_ALLOW, number, 0) == 0;
    }
    if (!in || fclose(in) != 0 || n < 100 || seccomp_load(f) != 0)
        return 2;
    seccomp_release(f);
    execv(argv[1], argv + 1);
    return 3;
}
#else
static int under(char **argv) {
    (void)argv;
    return 77;
}
#endif

int main(int argc, char **argv) {
    if (argc > 3 && strcmp(argv[1], "--under") == 0)
        return under(argv + 2);
    if (strcmp(sandbox_kind(), "seccomp") != 0) {
        puts("built without seccomp");
        return 77;
    }
    if (suite_in_valgrind()) {
        puts("valgrind knows no seccomp");
        return 77;
    }
    if (!prepared())
        return 1;
    CU_pSuite s = suite_begin("sandbox", NULL, NULL);
    CU_add_test(s, "exec ends the process", test_exec);
    CU_add_test(s, "processes, kernel, memory and files are refused", test_refused);
    CU_add_test(s, "threads that were there before", test_threads_before);
    CU_add_test(s, "sockets, names, threads and reading go on", test_goes_on);
    int failed = suite_run();
    unlink(mine);
    rmdir(folder);
    return failed;
}
