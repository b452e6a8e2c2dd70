/* settings_check.c - values that are well formed, but do not fit together or make no sense. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "fcgi/settings_part.h"

#define ZONE_FOLDER "/usr/share/zoneinfo"

/* Lower-case host of "scheme://host[:port]/..."; false for user:password@, blanks and the like. */
static bool host_of(const char *url, char *host, size_t size) {
    const char *at = strstr(url, "://");
    at = at ? at + 3 : "";
    size_t n = *at == '[' ? strcspn(at, "]") + 1 : strcspn(at, ":/");
    if (n < 1 || n >= size || n > strlen(at) || strpbrk(at, "@?#%\"'<>\\{}|^` \t") ||
        (at[n] && !strchr(":/", at[n])))
        return false;
    if (at[n] == ':') {
        const char *port = at + n + 1;
        size_t digits = strspn(port, "0123456789");
        if (digits < 1 || digits > 5 || (port[digits] && port[digits] != '/'))
            return false;
    }
    for (size_t i = 0; i < n; i++)
        host[i] = (char)tolower((unsigned char)at[i]); /* the C locale's: ASCII only */
    host[n] = '\0';
    return true;
}

static bool is_loopback(const char *host) {
    struct in_addr v4;
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127);
}

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static const char *wrong_url(struct settings *s) {
    char host[SETTINGS_TEXT_SIZE];
    char *url = s->bank_base_url;
    for (size_t n = strlen(url); n && url[n - 1] == '/'; n--)
        url[n - 1] = '\0';
    bool https = strncasecmp(url, "https://", 8) == 0, http = strncasecmp(url, "http://", 7) == 0;
    if ((!https && !http) || !host_of(url, host, sizeof host))
        return "is not an address: write https://HOST[:PORT]/PATH and nothing behind it";
    if (http && !is_loopback(host))
        return "would send the OTP in the clear: write https:// (http:// only to this machine)";
    if (strcmp(s->bank_environment, "production") == 0 && strcmp(host, "staging.eko.in") == 0)
        return "is Eko's UAT: write environment = uat or the production address";
    if (strcmp(s->bank_environment, "uat") == 0 && strcmp(host, "api.eko.in") == 0)
        return "is Eko's production: write environment = production or the UAT address";
    bool v3 = strcmp(s->bank_api, "v3") == 0;
    if (v3 ? ends_with(url, "/v2") || ends_with(url, "/v1") : ends_with(url, "/v3"))
        return "is of another generation than [bank] api: change one of them";
    return NULL;
}

static bool is_digits(const char *text, size_t min, size_t max) {
    size_t n = strlen(text);
    return n >= min && n <= max && strspn(text, "0123456789") == n;
}

static bool is_visible(const char *text) {
    for (; *text; text++)
        if (*text < '!' || *text > '~')
            return false;
    return true;
}

/* A name of the zone database, and never a way out of its folder. */
static bool is_zone(const char *name) {
    char path[sizeof ZONE_FOLDER + SETTINGS_TEXT_SIZE], magic[4] = "";
    if (!*name || !strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ", *name) || strstr(name, "//") ||
        name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/")])
        return false;
    snprintf(path, sizeof path, "%s/%s", ZONE_FOLDER, name);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    bool good = fread(magic, 1, sizeof magic, f) == sizeof magic && memcmp(magic, "TZif", 4) == 0;
    fclose(f);
    return good;
}

static const char *wrong_bank(const struct settings *s, const char **name) {
    *name = "initiator_id";
    if (!is_digits(s->bank_initiator_id, 10, 10))
        return "is not a mobile number: write the registered one, 10 digits";
    *name = "user_code";
    if (!is_visible(s->bank_user_code))
        return "has blanks or is not ASCII: write it as Eko does";
    *name = "service_code";
    if (!is_digits(s->bank_service_code, 1, 6) || *s->bank_service_code == '0')
        return "is not a number: write 80, or what Eko told you";
    *name = "connect_timeout_ms";
    if (s->bank_connect_timeout_ms > s->bank_timeout_ms)
        return "is longer than timeout_ms: lower it or raise timeout_ms";
    return NULL;
}

static const char *wrong_desk(const struct settings *s, const char **name) {
    *name = "listen";
    if (*s->desk_listen != '/' && !strchr(s->desk_listen, ':'))
        return "is not a socket: write a path that begins with /, or 127.0.0.1:PORT";
    *name = "time_zone";
    if (!is_zone(s->desk_time_zone))
        return "is not in " ZONE_FOLDER ": write a name such as Asia/Kolkata (package tzdata)";
    *name = "data_dir";
    if (!*s->desk_data_dir)
        return "is empty: leave the line out or name a folder";
    return NULL;
}

bool settings_check(struct settings *s, struct settings_misfit *m) {
    *m = (struct settings_misfit){.section = "bank", .name = "base_url", .what = wrong_url(s)};
    if (!m->what)
        m->what = wrong_bank(s, &m->name);
    if (m->what)
        return false;
    m->section = "journal";
    m->name = "conninfo";
    m->what = settings_wrong_conninfo(s->journal_conninfo);
    if (m->what)
        return false;
    m->section = "desk";
    m->what = wrong_desk(s, &m->name);
    if (m->what)
        return false;
    m->section = "resolver";
    m->name = "first_s";
    if (s->resolver_first_s > s->resolver_max_s)
        m->what = "is longer than max_s: lower it or raise max_s";
    if (m->what)
        return false;
    m->name = "settle_s";
    if (s->resolver_settle_s * 1000LL < s->bank_timeout_ms)
        m->what =
            "is shorter than [bank] timeout_ms, when a call may still be on its way: raise it";
    return !m->what;
}
