/*
 * main.c - integration: drives a running demo (./demo up) as a browser and an API client would.
 *
 * integration [--bank-down] [suite...]     the variables of $DEMO_DIR/env must be set
 * Exit: 0 all passed, 1 something failed, 2 wrong use or nothing to test against.
 */
#include <CUnit/Basic.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/it.h"

struct it it;

static const struct {
    const char *name;
    void (*add)(void);
} suites[] = {
    /* in the order they run: the last three look back at all the others */
    {"pages", suite_pages},   {"table", suite_table},       {"idempotency", suite_idempotency},
    {"roles", suite_roles},   {"api", suite_api},           {"callback", suite_callback},
    {"manual", suite_manual}, {"badinput", suite_badinput}, {"socket", suite_socket},
    {"ledger", suite_ledger}, {"memory", suite_memory},     {"secrets", suite_secrets},
};
#define SUITES (sizeof suites / sizeof suites[0])

static bool known(const char *name) {
    for (size_t i = 0; i < SUITES; i++)
        if (strcmp(suites[i].name, name) == 0)
            return true;
    return false;
}

static bool wanted(const char *name, char *const *args) {
    if (!*args)
        return true;
    for (; *args; args++)
        if (strcmp(*args, name) == 0)
            return true;
    return false;
}

static const char *need(const char *name, bool *ok) {
    const char *v = getenv(name);
    if (!v || !*v) {
        fprintf(stderr,
                "integration: %s is not set: run ./demo up, then . \"$DEMO_DIR/env\" with set -a\n",
                name);
        *ok = false;
    }
    return v;
}

static bool environment(void) {
    bool ok = true;
    it.base = need("OTPREFUND_URL", &ok);
    it.db = need("OTPREFUND_DB", &ok);
    it.desk.login = need("OTPREFUND_LOGIN", &ok);
    it.desk.password = need("OTPREFUND_PASSWORD", &ok);
    it.api.token = need("OTPREFUND_API_TOKEN", &ok);
    const char *pid = need("OTPREFUND_PID", &ok);
    it.pid = pid ? strtol(pid, NULL, 10) : 0;
    if (!it.bank_down)
        it.control = need("BANK_CONTROL_URL", &ok);
    it.folder = getenv("DEMO_DIR");
    it.state = getenv("DEMO_STATE");
    it.supervisor.login = getenv("OTPREFUND_SUPERVISOR_LOGIN");
    it.supervisor.password = getenv("OTPREFUND_SUPERVISOR_PASSWORD");
    it.auditor.login = getenv("OTPREFUND_AUDITOR_LOGIN");
    it.auditor.password = getenv("OTPREFUND_AUDITOR_PASSWORD");
    const char *api = getenv("DEMO_BANK_API");
    it.v2 = api && strcmp(api, "v2") == 0;
    if (ok) {
        static char base[256];
        size_t n = strlen(it.base);
        snprintf(base, sizeof base, "%.*s", (int)(n && it.base[n - 1] == '/' ? n - 1 : n), it.base);
        it.base = base;
    }
    it.desk.base = it.supervisor.base = it.auditor.base = it.api.base = it.nobody.base = it.base;
    return ok;
}

static bool arguments(int argc, char **argv) {
    int n = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--bank-down") == 0) {
            it.bank_down = true;
        } else if (known(argv[i])) {
            argv[n++] = argv[i];
        } else {
            fprintf(stderr, "usage: integration [--bank-down] [suite...]\nsuites:");
            for (size_t s = 0; s < SUITES; s++)
                fprintf(stderr, " %s", suites[s].name);
            fprintf(stderr, "\n");
            return false;
        }
    }
    argv[n] = NULL;
    return true;
}

int main(int argc, char **argv) {
    unsigned failed = 1;
    if (!arguments(argc, argv) || !environment() || !db_open(it.db))
        return 2;
    curl_global_init(CURL_GLOBAL_ALL);
    if (CU_initialize_registry() != CUE_SUCCESS)
        goto out;
    if (it.bank_down) {
        suite_bank_down();
    } else {
        for (size_t i = 0; i < SUITES; i++)
            if (wanted(suites[i].name, argv))
                suites[i].add();
    }
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failed = CU_get_number_of_tests_failed() + CU_get_number_of_suites_failed();
    CU_cleanup_registry();
out:
    db_close();
    curl_global_cleanup();
    return failed ? 1 : 0;
}
