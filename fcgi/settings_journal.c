/* settings_journal.c - does the way to the database stay on this machine, or is it verify-full?  And does
 * it hold a password? */
#include <string.h>
#include <strings.h>

#include "fcgi/settings_part.h"

/* What of a conninfo says how it travels; "" where it does not. */
struct way {
    char host[SETTINGS_TEXT_SIZE], hostaddr[SETTINGS_TEXT_SIZE], sslmode[SETTINGS_TEXT_SIZE],
        service[SETTINGS_TEXT_SIZE];
    bool secret; /* a password stands in it */
};

static int hex(char c) {
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Copies a value as libpq reads it: backslashes of pairs, percent signs of a URI. */
static void take(char out[SETTINGS_TEXT_SIZE], const char *from, const char *end, bool uri) {
    size_t n = 0;
    for (; from < end && n < SETTINGS_TEXT_SIZE - 1; from++) {
        if (!uri && *from == '\\' && from + 1 < end)
            from++;
        if (uri && *from == '%' && from + 2 < end && hex(from[1]) >= 0 && hex(from[2]) >= 0) {
            out[n++] = (char)(hex(from[1]) * 16 + hex(from[2]));
            from += 2;
        } else {
            out[n++] = *from;
        }
    }
    out[n] = '\0';
}

/* The last of a name counts, as with libpq. */
static void note(struct way *w, const char *name, size_t size, const char *from, const char *end,
                 bool uri) {
    char text[SETTINGS_TEXT_SIZE];
    take(text, name, name + size, uri);
    if (end > from && settings_is_secret(text, strlen(text)))
        w->secret = true;
    if (strcmp(text, "host") == 0)
        take(w->host, from, end, uri);
    else if (strcmp(text, "hostaddr") == 0)
        take(w->hostaddr, from, end, uri);
    else if (strcmp(text, "sslmode") == 0)
        take(w->sslmode, from, end, uri);
    else if (strcmp(text, "service") == 0)
        take(w->service, from, end, uri);
}

/* name = value pairs; a value is quoted with '...' or ends at a blank. */
static void read_pairs(const char *at, struct way *w) {
    for (at += strspn(at, " \t"); *at; at += strspn(at, " \t")) {
        size_t name = strcspn(at, "= \t");
        const char *value = at + name + strspn(at + name, " \t");
        if (*value != '=')
            return; /* libpq will refuse it */
        value += 1 + strspn(value + 1, " \t");
        bool quoted = *value == '\'';
        const char *end = value += quoted;
        for (; *end && (quoted ? *end != '\'' : !strchr(" \t", *end)); end++)
            if (*end == '\\' && end[1])
                end++;
        note(w, at, name, value, end, false);
        at = end + (quoted && *end);
    }
}

/* postgresql://user:password@host:port,host:port/db?name=value&... */
static void read_uri(const char *uri, struct way *w) {
    const char *at = strstr(uri, "://") + 3,
               *user = at + strcspn(at, "@/"); /* as libpq looks for it */
    if (*user == '@') {
        const char *colon = memchr(at, ':', (size_t)(user - at));
        w->secret = colon && colon + 1 < user;
        at = user + 1;
    }
    const char *end = at + strcspn(at, "/?");
    take(w->host, at, end, true);
    const char *query = strchr(end, '?');
    while (query && *query) {
        const char *name = query + 1;
        size_t size = strcspn(name, "=&");
        const char *value = name + size + (name[size] == '='), *stop = value + strcspn(value, "&");
        note(w, name, size, value, stop, true);
        query = *stop ? stop : NULL;
    }
}

/* One of a list: nothing (libpq's own socket), a socket's folder, or this machine. */
static bool is_here(const char *host, size_t size) {
    static const char *const names[] = {"localhost", "::1", "[::1]"};
    if (size == 0 || *host == '/' || *host == '@')
        return true;
    if (strncmp(host, "127.", 4) == 0) {
        size_t n = strspn(host, "0123456789.");
        return n >= size || host[n] == ':';
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n = strlen(names[i]);
        if (size >= n && strncasecmp(host, names[i], n) == 0 && (size == n || host[n] == ':'))
            return true;
    }
    return *host == ':'; /* a port of a URI, and no host */
}

static bool are_here(const char *hosts) {
    for (;;) {
        size_t size = strcspn(hosts, ",");
        if (!is_here(hosts, size))
            return false;
        if (!hosts[size])
            return true;
        hosts += size + 1;
    }
}

static void read_conninfo(const char *conninfo, struct way *w) {
    *w = (struct way){.host = ""};
    if (strncmp(conninfo, "postgresql://", 13) == 0 || strncmp(conninfo, "postgres://", 11) == 0)
        read_uri(conninfo, w);
    else
        read_pairs(conninfo, w);
}

bool settings_conninfo_secret(const char *conninfo) {
    struct way w;
    read_conninfo(conninfo, &w);
    return w.secret;
}

const char *settings_wrong_conninfo(const char *conninfo) {
    struct way w;
    if (strlen(conninfo) >= SETTINGS_TEXT_SIZE) /* what is cut cannot be judged */
        return "is longer than 255 bytes: put some of it into a passfile";
    read_conninfo(conninfo, &w);
    if (strcmp(w.sslmode, "verify-full") == 0)
        return NULL;
    if (*w.service && !*w.hostaddr) /* its hostaddr, if it has one, counts before any host */
        return "names a service, which may lead anywhere: add sslmode=verify-full (a socket does "
               "not mind), or say host=/var/run/postgresql instead";
    if (*w.hostaddr ? !are_here(w.hostaddr) : !are_here(w.host))
        return "leads over the network unproven: add sslmode=verify-full (and sslrootcert), or use "
               "a socket, such as host=/var/run/postgresql";
    return NULL;
}
