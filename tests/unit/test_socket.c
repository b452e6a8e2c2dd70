/* test_socket.c - fcgi/listen.c: which sockets are made or taken, and who may write to them. */
#include <CUnit/Basic.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcgi/listen.h"
#include "tests/unit/suite.h"

static char folder[] = "/tmp/otprefund-socket.XXXXXX";
static char path[60];
static char why[200];

/* ---- TCP ------------------------------------------------------------------------------------- */

/* A listening socket at that numeric address, of a port that is free; -1: this machine has none. */
static int bound(const char *host, int *port) {
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    struct addrinfo *a = NULL;
    struct sockaddr_storage is;
    socklen_t size = sizeof is;
    CU_ASSERT_EQUAL_FATAL(getaddrinfo(host, NULL, &hints, &a), 0);
    int fd = socket(a->ai_family, SOCK_STREAM, 0);
    if (fd >= 0 && (bind(fd, a->ai_addr, a->ai_addrlen) != 0 || listen(fd, 1) != 0)) {
        close(fd);
        fd = -1;
    }
    freeaddrinfo(a);
    if (fd >= 0 && port && getsockname(fd, (struct sockaddr *)&is, &size) == 0)
        *port = ntohs(((struct sockaddr_in *)&is)->sin_port); /* at the same place in both */
    return fd;
}

/* Is it opened at that host, at a port nobody else has? */
static bool opens(const char *host) {
    struct listen l;
    char where[80];
    int port = 0;
    close(bound("127.0.0.1", &port));
    snprintf(where, sizeof where, "%s:%d", host, port);
    why[0] = '\0';
    bool opened = listen_open(&l, where, why, sizeof why);
    CU_ASSERT_EQUAL(opened, l.fd >= 0);
    listen_close(&l);
    return opened;
}

static void test_beyond(void) {
    static const char *const hosts[] = {
        "0.0.0.0", "192.0.2.1",   "10.0.0.7",      "126.255.255.255",    "128.0.0.1",
        "[::]",    "[fe80::127]", "[2001:db8::1]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.7]"};
    static const char *const odd[] = {"0.0.0.0:0",     "[::]:0",  "127.0.0.1:0", ":9000",
                                      "*:9000",        "9000",    "127.1:9000",  "localhost:9000",
                                      "127.0.0.1:9 0", "::1:9000"};
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        CU_ASSERT_FALSE(opens(hosts[i]));
        CU_ASSERT_PTR_NOT_NULL(strstr(why, "not for other machines")); /* and for no other reason */
    }
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct listen l;
        CU_ASSERT_FALSE(listen_open(&l, odd[i], why, sizeof why));
        CU_ASSERT_EQUAL(l.fd, -1);
    }
}

static void test_loopback(void) {
    int six = bound("::1", NULL);
    CU_ASSERT(opens("127.0.0.1"));
    CU_ASSERT(opens("127.255.255.254"));
    CU_ASSERT_EQUAL(opens("[::1]"), six >= 0);
    close(six);
}

/* ---- inherited ------------------------------------------------------------------------------- */

/* 1: what listens at the host is taken when it comes as that descriptor; 0: it is not, for being
   open to other machines; in a process of its own, which has the descriptors. */
static int taken(const char *host, int as) {
    int status = -1, fd = bound(host, NULL);
    if (fd < 0)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        struct listen l;
        setenv("LISTEN_FDS", as == 3 ? "1" : "0", 1);
        if (dup2(fd, as) != as)
            _exit(9);
        if (fd != as)
            close(fd);
        bool good = listen_open(&l, path, why, sizeof why);
        if (good != (l.fd > 3) || l.path[0])
            _exit(8); /* another one was made */
        _exit(good ? 1 : strstr(why, "beyond this machine") ? 0 : 7);
    }
    close(fd);
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_inherited(void) {
    static const int ways[] = {3, STDIN_FILENO}; /* systemd's, spawn-fcgi's */
    int six = bound("::1", NULL);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(taken("0.0.0.0", ways[i]), 0);
        CU_ASSERT_EQUAL(taken("127.0.0.1", ways[i]), 1);
        if (six < 0)
            continue;
        CU_ASSERT_EQUAL(taken("::", ways[i]), 0);
        CU_ASSERT_EQUAL(taken("::1", ways[i]), 1);
    }
    close(six);
}

/* ---- a Unix socket --------------------------------------------------------------------------- */

static bool answers(void) {
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    bool good = connect(fd, (struct sockaddr *)&un, sizeof un) == 0;
    close(fd);
    return good;
}

/* Whatever the umask. */
static void test_mode(void) {
    static const mode_t masks[] = {0, 022, 077, 0777};
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        struct listen l;
        struct stat st = {0};
        mode_t before = umask(masks[i]);
        CU_ASSERT(listen_open(&l, path, why, sizeof why));
        umask(before);
        CU_ASSERT_EQUAL(lstat(path, &st), 0);
        CU_ASSERT(S_ISSOCK(st.st_mode));
        CU_ASSERT_EQUAL(st.st_mode & 07777, 0660);
        listen_close(&l);
        CU_ASSERT_NOT_EQUAL(access(path, F_OK), 0);
    }
}

/* One that nobody listens on is replaced; another's, even one too busy to answer, is not. */
static void test_in_use(void) {
    struct listen first, second;
    CU_ASSERT(listen_open(&first, path, why, sizeof why));
    CU_ASSERT_EQUAL(listen(first.fd, 0), 0); /* the first look fills its backlog */
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_FALSE(listen_open(&second, path, why, sizeof why));
        CU_ASSERT_PTR_NOT_NULL(strstr(why, "another program listens there"));
        listen_close(&second); /* takes nothing of the first one's away */
        CU_ASSERT_EQUAL(access(path, F_OK), 0);
    }
    close(first.fd); /* as one that died */
    CU_ASSERT(listen_open(&second, path, why, sizeof why));
    CU_ASSERT(answers());
    listen_close(&second);
}

/* What is no socket stays as it is, and so does what a link points to. */
static void test_no_socket(void) {
    char target[70], long_path[200];
    struct listen l;
    struct stat st;
    FILE *f = fopen(path, "w");
    CU_ASSERT(f && fputs("kept", f) >= 0 && fclose(f) == 0);
    CU_ASSERT_FALSE(listen_open(&l, path, why, sizeof why));
    CU_ASSERT(stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 4);
    unlink(path);
    snprintf(target, sizeof target, "%s.target", path);
    CU_ASSERT_EQUAL(symlink(target, path), 0);
    CU_ASSERT_FALSE(listen_open(&l, path, why, sizeof why));
    CU_ASSERT_NOT_EQUAL(access(target, F_OK), 0);
    unlink(path);
    snprintf(long_path, sizeof long_path, "%s/%0100d", folder, 0);
    CU_ASSERT_FALSE(listen_open(&l, long_path, why, sizeof why));
    CU_ASSERT_FALSE(listen_open(&l, "", why, sizeof why));
}

static int prepare(void) {
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_PID");
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/socket", folder);
    return 0;
}

static int tidy(void) {
    unlink(path);
    return rmdir(folder);
}

int main(void) {
    CU_pSuite s = suite_begin("socket", prepare, tidy);
    CU_add_test(s, "nothing beyond this machine", test_beyond);
    CU_add_test(s, "loopback", test_loopback);
    CU_add_test(s, "an inherited socket, likewise", test_inherited);
    CU_add_test(s, "mode 0660, whatever the umask", test_mode);
    CU_add_test(s, "a socket file that is there", test_in_use);
    CU_add_test(s, "what is no socket stays", test_no_socket);
    return suite_run();
}
