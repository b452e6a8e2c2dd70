/* test_env.c - what the environment cannot do: keys to a file, another proxy, another database. */
#include <CUnit/Basic.h>
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/http.h"
#include "fcgi/env.h"
#include "tests/unit/suite.h"

extern char **environ;

static void dirty(void) {
    static const char *const names[] = {"SSLKEYLOGFILE",  "http_proxy",    "HTTPS_PROXY",
                                        "CURL_CA_BUNDLE", "SSL_CERT_FILE", "PGPASSWORD",
                                        "PGHOST",         "PGSERVICE",     "OPENSSL_CONF",
                                        "MALLOC_CHECK_",  "RESOLV_HOST",   "CURL_HOME"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        CU_ASSERT_EQUAL(setenv(names[i], "/nonexistent", 1), 0);
    setenv("LISTEN_FDS", "1", 1);
    setenv("NOTIFY_SOCKET", "@x", 1);
    setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x", 1);
}

static void test_list(void) {
    int n = 0;
    dirty();
    env_clean();
    CU_ASSERT_STRING_EQUAL(getenv("LISTEN_FDS"), "1");
    CU_ASSERT_STRING_EQUAL(getenv("NOTIFY_SOCKET"), "@x");
    CU_ASSERT_STRING_EQUAL(getenv("CREDENTIALS_DIRECTORY"), "/run/credentials/x");
    for (char **e = environ; e && *e; e++, n++) {
        CU_ASSERT_PTR_NULL(strstr(*e, "nonexistent"));
        CU_ASSERT(strncmp(*e, "PG", 2) != 0 && strncmp(*e, "SSL", 3) != 0);
    }
    CU_ASSERT(n >= 3 && n <= 9);
}

/* Does libcurl open a key log when its TLS is set up?  In a process of its own. */
static bool key_log_made(void (*clean)(void)) {
    char path[] = "/tmp/otprefund-keylog.XXXXXX", why[200];
    int fd = mkstemp(path), status = -1;
    if (fd < 0)
        return false;
    close(fd);
    unlink(path);
    pid_t child = fork();
    if (child == 0) {
        const struct http_config c = {
            .timeout_ms = 1000, .connect_timeout_ms = 1000, .max_in_flight = 1};
        setenv("SSLKEYLOGFILE", path, 1);
        if (clean)
            clean();
        struct http *h = http_open(&c, why, sizeof why);
        _exit(h ? access(path, F_OK) == 0 : 2);
    }
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) < 2);
    unlink(path);
    return WEXITSTATUS(status) == 1;
}

static void test_key_log(void) {
    CU_ASSERT(key_log_made(NULL)); /* else this test could not fail */
    CU_ASSERT_FALSE(key_log_made(env_clean));
    CU_ASSERT_FALSE(key_log_made(env_for_commands));
}

/* Who a person is to the database may come from there, and which way it is never. */
static void test_commands(void) {
    dirty();
    setenv("PGUSER", "postgres", 1);
    setenv("PGPORT", "1", 1);
    setenv("PGSSLMODE", "disable", 1);
    setenv("PGHOSTADDR", "10.0.0.7", 1);
    setenv("OTPREFUND_OWNER_DB", "dbname=x", 1);
    env_for_commands();
    CU_ASSERT_STRING_EQUAL(getenv("PGUSER"), "postgres");
    CU_ASSERT_PTR_NOT_NULL(getenv("PGPASSWORD"));
    CU_ASSERT_PTR_NOT_NULL(getenv("OTPREFUND_OWNER_DB"));
    static const char *const gone[] = {"PGHOST",    "PGHOSTADDR", "PGPORT",
                                       "PGSSLMODE", "PGSERVICE",  "SSLKEYLOGFILE"};
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        CU_ASSERT_PTR_NULL(getenv(gone[i]));
}

int main(void) {
    CU_pSuite s = suite_begin("env", NULL, NULL);
    CU_add_test(s, "no TLS keys to a file", test_key_log);
    CU_add_test(s, "a person's commands", test_commands);
    CU_add_test(s, "the short list", test_list);
    return suite_run();
}
