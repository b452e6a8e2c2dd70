/* test_secret.c - core/secret: bounds, wiping, comparing, key files. */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/secret.h"
#include "tests/unit/suite.h"

static char folder[] = "/tmp/test_secret.XXXXXX";
static char path[64];

static void test_set(void) {
    static const struct secret empty;
    struct secret s;
    char text[SECRET_MAX + 1];
    memset(text, 'k', sizeof text);
    CU_ASSERT(secret_set(&s, text, SECRET_MAX));
    CU_ASSERT_EQUAL(s.size, SECRET_MAX);
    CU_ASSERT_EQUAL(s.bytes[SECRET_MAX], '\0');
    CU_ASSERT_FALSE(secret_set(&s, text, SECRET_MAX + 1));
    CU_ASSERT_EQUAL(memcmp(&s, &empty, sizeof s), 0);
    CU_ASSERT_FALSE(secret_set(&s,
                               "12\0"
                               "34",
                               5));
    CU_ASSERT_EQUAL(s.size, 0);
    CU_ASSERT(secret_set(&s, "012345", 6));
    CU_ASSERT_STRING_EQUAL(s.bytes, "012345");
    CU_ASSERT(secret_set(&s, "1", 1));
    CU_ASSERT_PTR_NULL(memmem(&s, sizeof s, "2345", 4));
    CU_ASSERT(secret_set(&s, NULL, 0));
    CU_ASSERT_EQUAL(s.size, 0);
}

static void test_wipe(void) {
    static const struct secret empty;
    struct secret s;
    memset(&s, 0x5a, sizeof s);
    secret_wipe(&s);
    CU_ASSERT_EQUAL(memcmp(&s, &empty, sizeof s), 0);
    secret_wipe(NULL);
}

static void test_equal(void) {
    struct secret a, b;
    secret_set(&a, "012345", 6);
    secret_set(&b, "012345", 6);
    CU_ASSERT(secret_equal(&a, &b));
    secret_set(&b, "012346", 6);
    CU_ASSERT_FALSE(secret_equal(&a, &b));
    secret_set(&b, "01234", 5);
    CU_ASSERT_FALSE(secret_equal(&a, &b));
    CU_ASSERT(secret_bytes_equal("abc", "abd", 2));
    CU_ASSERT_FALSE(secret_bytes_equal("abc", "abd", 3));
    CU_ASSERT(secret_bytes_equal("", "", 0));
}

static bool read_file(const char *content, size_t size, mode_t mode, struct secret *s, char *why) {
    unlink(path);
    FILE *f = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fwrite(content, 1, size, f);
    fclose(f);
    chmod(path, mode);
    memset(s, 0x5a, sizeof *s);
    why[0] = '\0';
    return secret_read_file(s, path, why, 256);
}

static void expect_read(const char *content, const char *key) {
    struct secret s;
    char why[256];
    CU_ASSERT(read_file(content, strlen(content), 0640, &s, why));
    CU_ASSERT_STRING_EQUAL(s.bytes, key);
    CU_ASSERT_EQUAL(s.size, strlen(key));
}

static void expect_refused(const char *content, size_t size, mode_t mode, const char *word) {
    static const struct secret empty;
    struct secret s;
    char why[256];
    CU_ASSERT_FALSE(read_file(content, size, mode, &s, why));
    CU_ASSERT_EQUAL(memcmp(&s, &empty, sizeof s), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, word));
    CU_ASSERT_PTR_NULL(strstr(why, "FAKEKEY"));
    CU_ASSERT_PTR_NULL(strchr(why, '\n'));
}

static void test_file(void) {
    char longest[SECRET_MAX + 3];
    memset(longest, 'k', sizeof longest);
    longest[SECRET_MAX] = '\0';
    expect_read("FAKEKEY\n", "FAKEKEY");
    expect_read("FAKEKEY", "FAKEKEY");
    expect_read("FAKEKEY\r\nmore\n", "FAKEKEY");
    expect_read(longest, longest);
    longest[SECRET_MAX] = '\r';
    longest[SECRET_MAX + 1] = '\n';
    longest[SECRET_MAX + 2] = '\0';
    struct secret s;
    char why[256];
    CU_ASSERT(read_file(longest, sizeof longest - 1, 0600, &s, why));
    CU_ASSERT_EQUAL(s.size, SECRET_MAX);
    longest[SECRET_MAX] = 'k';
    expect_refused(longest, sizeof longest - 1, 0600, "longer");
    expect_refused("", 0, 0600, "empty");
    expect_refused("\nFAKEKEY\n", 9, 0600, "empty");
    expect_refused("\r\n", 2, 0600, "empty");
    expect_refused("FAKE\0KEY\n", 9, 0600, "control");
    expect_refused("FAKE\rKEY\n", 9, 0600, "control");
    expect_refused("FAKEKEY\n", 8, 0644, "chmod");
    expect_refused("FAKEKEY\n", 8, 0602, "chmod");
    expect_refused("FAKEKEY\n", 8, 0601, "chmod");
}

/* A key of our own making could have been made longer. */
static void test_own_file(void) {
    static const char text[] = "FAKEKEYFAKEKEYFAKEKEYFAKEKEYFAKE\n"; /* 32 bytes and a line end */
    struct secret s;
    char why[256];
    CU_ASSERT_TRUE(read_file(text, sizeof text - 1, 0600, &s, why));
    CU_ASSERT_TRUE(secret_read_own(&s, path, why, sizeof why));
    CU_ASSERT_EQUAL(s.size, SECRET_OWN_MIN);
    CU_ASSERT_TRUE(read_file(text + 1, sizeof text - 2, 0600, &s, why));
    CU_ASSERT_FALSE(secret_read_own(&s, path, why, sizeof why));
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "shorter than 32 bytes"));
    CU_ASSERT_EQUAL(s.size, 0);
    CU_ASSERT_FALSE(secret_read_own(&s, "/nonexistent/key", why, sizeof why));
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "No such file"));
}

static void test_no_file(void) {
    struct secret s;
    char why[256];
    CU_ASSERT_FALSE(secret_read_file(&s, "/nonexistent/key", why, sizeof why));
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "/nonexistent/key: No such file"));
    CU_ASSERT_FALSE(secret_read_file(&s, NULL, why, sizeof why));
    CU_ASSERT_FALSE(secret_read_file(&s, "", why, sizeof why));
    CU_ASSERT_FALSE(secret_read_file(&s, folder, why, sizeof why));
    unlink(path);
    CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
    CU_ASSERT_FALSE(secret_read_file(&s, path, why, sizeof why)); /* and does not hang */
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "not a regular file"));
}

/*
 * As systemd hands over LoadCredential= of web/otprefund.service.in: a folder nobody may change, files
 * of mode 0400; where root owns them, the service's right to read is an ACL, and its mask shows as the
 * group's: 0440.  That group is nobody's, so it must be taken.
 */
static void test_credentials(void) {
    static const struct {
        mode_t mode;
        bool taken;
    } cases[] = {{0400, true}, {0440, true}, {0444, false}, {0404, false}, {0402, false}};
    char credentials[64], file[128], why[256];
    struct secret s;
    snprintf(credentials, sizeof credentials, "%s/otprefund.service", folder);
    snprintf(file, sizeof file, "%s/developer_key", credentials);
    CU_ASSERT_EQUAL_FATAL(mkdir(credentials, 0700), 0);
    FILE *f = fopen(file, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs("FAKEKEY\n", f);
    fclose(f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        chmod(file, cases[i].mode);
        chmod(credentials, 0500);
        CU_ASSERT_EQUAL(secret_read_file(&s, file, why, sizeof why), cases[i].taken);
        CU_ASSERT_STRING_EQUAL(s.bytes, cases[i].taken ? "FAKEKEY" : "");
    }
    chmod(credentials, 0700);
    unlink(file);
    rmdir(credentials);
}

int main(void) {
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/key", folder);
    CU_pSuite s = suite_begin("secret", NULL, NULL);
    CU_add_test(s, "set", test_set);
    CU_add_test(s, "wipe", test_wipe);
    CU_add_test(s, "equal", test_equal);
    CU_add_test(s, "key file", test_file);
    CU_add_test(s, "a key of our own", test_own_file);
    CU_add_test(s, "no key file", test_no_file);
    CU_add_test(s, "systemd credentials", test_credentials);
    int failed = suite_run();
    unlink(path);
    rmdir(folder);
    return failed;
}
