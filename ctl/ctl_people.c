/* ctl_people.c - otprefundctl operator and api-client: who may use the pages and the JSON API. */
#include <stdio.h>
#include <string.h>

#include "core/sign.h"
#include "ctl/ctl.h"

#define TOKEN_BYTES     32
#define TOKEN_TEXT_SIZE 44 /* base64url of 32 bytes, with NUL */

/* One run of operator or api-client. */
struct people {
    const char *role, *scope, *user_code, *full_name, *db;
    bool csv;
    const char *words[2]; /* what to do, with whom */
    bool clients;
};

/* ---- what may be a name ---------------------------------------------------------------------- */

static bool is_clean(const char *text, size_t min, size_t size) {
    size_t n = strlen(text);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    return n >= min && n < size;
}

static bool is_code(const char *text) {
    for (size_t i = 0; text[i]; i++)
        if (text[i] < '!' || text[i] > '~')
            return false;
    return strlen(text) < OTR_CODE_SIZE;
}

/* The journal tells the resolver and this program by these names. */
static bool is_reserved(const char *name) {
    return strcmp(name, "resolver") == 0 || strncmp(name, "ctl:", 4) == 0;
}

/* Fills *o from the command line; CTL_GOOD, or CTL_USAGE with the mistake told. */
static int describe(const struct ctl *c, const struct people *p, struct otr_operator *o) {
    const char *name = p->words[1], *full_name = p->full_name ? p->full_name : "";
    const char *code = p->user_code ? p->user_code : "";
    *o = (struct otr_operator){.client = p->clients};
    if (!is_clean(name, 1, sizeof o->name) || is_reserved(name))
        return ctl_usage(c, "a name is 1 to 64 bytes, not resolver and not ctl:...", name);
    if (!is_clean(full_name, 0, sizeof o->full_name))
        return ctl_usage(c, "a full name is at most 64 bytes", full_name);
    if (!is_code(code))
        return ctl_usage(c, "a user code is at most 32 letters, digits and signs", code);
    if (p->clients) {
        o->may_refund = p->scope && strcmp(p->scope, "refund") == 0;
        if (!p->scope || (!o->may_refund && strcmp(p->scope, "read") != 0))
            return ctl_usage(c, "--scope must be read or refund", p->scope);
    } else {
        o->role = otr_role_value(p->role);
        o->may_refund = o->role != OTR_ROLE_AUDITOR;
        if (o->role == OTR_ROLE_NONE)
            return ctl_usage(c, "--role must be operator, supervisor or auditor", p->role);
    }
    snprintf(o->name, sizeof o->name, "%s", name);
    snprintf(o->full_name, sizeof o->full_name, "%s", full_name);
    snprintf(o->user_code, sizeof o->user_code, "%s", code);
    return CTL_GOOD;
}

/* ---- commands -------------------------------------------------------------------------------- */

static int trouble(enum journal_status s, const char *name) {
    if (s == JOURNAL_NOT_FOUND)
        return ctl_fail(CTL_FAILED, "there is nobody of that name", name);
    if (s == JOURNAL_REFUSED)
        return ctl_fail(CTL_DATABASE, "the database refused the values (is it valid UTF-8?)", name);
    return ctl_fail(CTL_DATABASE,
                    "the database did not do it (it takes the owner's login: "
                    "give --db or OTPREFUND_OWNER_DB)",
                    journal_status_text(s));
}

/* Is the name taken by one of the other kind?  The journal would not tell them apart. */
static enum journal_status is_taken(struct journal *j, const struct otr_operator *o, bool *taken) {
    struct otr_operator other;
    struct otr_table t = {0};
    *taken = false;
    if (o->client) {
        enum journal_status s = journal_operator(j, o->name, &other);
        *taken = s == JOURNAL_OK;
        return s == JOURNAL_NOT_FOUND ? JOURNAL_OK : s;
    }
    enum journal_status s = journal_client_list(j, &t);
    for (int row = 1; s == JOURNAL_OK && row < t.rows; row++)
        *taken |= strcmp(t.cells[(size_t)row * (size_t)t.columns], o->name) == 0;
    otr_table_free(&t);
    return s;
}

static enum journal_status put_client(struct journal *j, const struct otr_operator *o) {
    unsigned char bytes[TOKEN_BYTES], digest[SIGN_MAC_SIZE];
    char token[TOKEN_TEXT_SIZE];
    enum journal_status s = JOURNAL_NO_MEMORY;
    if (otr_random(bytes, sizeof bytes)) {
        sign_base64url(bytes, sizeof bytes, token);
        if (sign_sha256(token, strlen(token), digest))
            s = journal_client_put(j, o, digest);
    }
    if (s == JOURNAL_OK) {
        fputs("Keep this token: it is not stored and cannot be shown again.\n", stderr);
        printf("%s\n", token);
    }
    explicit_bzero(token, sizeof token);
    explicit_bzero(bytes, sizeof bytes);
    return s;
}

static int add(struct journal *j, const struct otr_operator *o) {
    bool taken;
    enum journal_status s = is_taken(j, o, &taken);
    if (s == JOURNAL_OK && taken)
        return ctl_fail(CTL_FAILED,
                        o->client ? "an operator has that name" : "an API client has that name",
                        o->name);
    if (s == JOURNAL_OK)
        s = o->client ? put_client(j, o) : journal_operator_put(j, o);
    if (s != JOURNAL_OK)
        return trouble(s, o->name);
    if (!o->client)
        printf("%s is %s\n", o->name, otr_role_name(o->role));
    return CTL_GOOD;
}

static int disable(struct journal *j, const struct people *p, bool disabled) {
    const char *name = p->words[1];
    enum journal_status s = p->clients ? journal_client_disable(j, name, disabled)
                                       : journal_operator_disable(j, name, disabled);
    if (s != JOURNAL_OK)
        return trouble(s, name);
    printf("%s is %s\n", name, disabled ? "disabled" : "enabled");
    return CTL_GOOD;
}

static int list(struct journal *j, const struct people *p) {
    struct otr_table t = {0};
    enum journal_status s = p->clients ? journal_client_list(j, &t) : journal_operator_list(j, &t);
    if (s != JOURNAL_OK)
        return trouble(s, NULL);
    ctl_table(&t, p->csv);
    otr_table_free(&t);
    return CTL_GOOD;
}

static int run(struct ctl *c, const struct people *p, int n) {
    static const char *const verbs[] = {"add", "disable", "enable", "list"};
    enum { ADD, DISABLE, ENABLE, LIST, NONE };
    struct otr_operator o;
    struct journal *j;
    int verb = 0, code = CTL_GOOD;
    while (verb < NONE && (n < 1 || strcmp(verbs[verb], p->words[0]) != 0))
        verb++;
    if (verb == NONE)
        return ctl_usage(c, "what is to be done: add, disable, enable or list?",
                         n ? p->words[0] : NULL);
    if (n != (verb == LIST ? 1 : 2))
        return ctl_usage(c, verb == LIST ? "list takes no name" : "who?", NULL);
    if (verb != ADD && (p->role || p->scope || p->user_code || p->full_name))
        return ctl_usage(c, "that option belongs to add", NULL);
    if (verb == ADD)
        code = describe(c, p, &o);
    if (code == CTL_GOOD)
        code = ctl_journal(c, p->db, &j);
    if (code != CTL_GOOD)
        return code;
    if (verb == ADD)
        code = add(j, &o);
    else
        code = verb == LIST ? list(j, p) : disable(j, p, verb == DISABLE);
    journal_close(j);
    return code;
}

int ctl_operator(struct ctl *c, int argc, char **argv) {
    struct people p = {0};
    const struct ctl_option options[] = {{"role", &p.role, NULL},
                                         {"user-code", &p.user_code, NULL},
                                         {"full-name", &p.full_name, NULL},
                                         {"db", &p.db, NULL},
                                         {"csv", NULL, &p.csv},
                                         {NULL, NULL, NULL}};
    int n, code;
    if (!ctl_arguments(c, argc, argv, options, p.words, 2, &n, &code))
        return code;
    return run(c, &p, n);
}

int ctl_client(struct ctl *c, int argc, char **argv) {
    struct people p = {.clients = true};
    const struct ctl_option options[] = {{"scope", &p.scope, NULL},
                                         {"user-code", &p.user_code, NULL},
                                         {"full-name", &p.full_name, NULL},
                                         {"db", &p.db, NULL},
                                         {"csv", NULL, &p.csv},
                                         {NULL, NULL, NULL}};
    int n, code;
    if (!ctl_arguments(c, argc, argv, options, p.words, 2, &n, &code))
        return code;
    return run(c, &p, n);
}
