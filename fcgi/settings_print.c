/* settings_print.c - the settings as a person may see them: without passwords. */
#include <string.h>

#include "fcgi/settings_part.h"

#define MASK         "********"
#define LONGEST_LINE 198 /* bytes that settings_load takes of a line */

/* Percent signs could hide one. */
bool settings_is_secret(const char *name, size_t size) {
    char text[32];
    if (size >= sizeof text || memchr(name, '%', size))
        return true;
    memcpy(text, name, size);
    text[size] = '\0';
    return strcasestr(text, "password") || strcasestr(text, "secret") || strcasestr(text, "scram_");
}

/* postgresql://user:password@host/db?name=value&...  In doubt it shows too little. */
static void print_uri(const char *uri, FILE *to) {
    const char *at = strstr(uri, "://") + 3, *query = strchr(at, '?');
    const char *colon = strchr(at, ':'), *end = strrchr(at, '@');
    fprintf(to, "%.*s", (int)(at - uri), uri);
    if (end && colon && colon < end) {
        fprintf(to, "%.*s:%s", (int)(colon - at), at, MASK);
        at = end;
        query = strchr(at, '?');
    }
    fprintf(to, "%.*s", query ? (int)(query - at) : (int)strlen(at), at);
    while (query && *query) {
        size_t size = 1 + strcspn(query + 1, "&"), name = strcspn(query + 1, "=&");
        if (settings_is_secret(query + 1, name))
            fprintf(to, "%.*s=%s", (int)name + 1, query, MASK);
        else
            fprintf(to, "%.*s", (int)size, query);
        query += size;
    }
}

/* The end of a value: quoted with '...' or up to a blank; a backslash takes the next along. */
static const char *value_end(const char *at) {
    bool quoted = *at == '\'';
    for (at += quoted; *at && (quoted ? *at != '\'' : !strchr(" \t", *at)); at++)
        if (*at == '\\' && at[1])
            at++;
    return at + (quoted && *at);
}

/* name = value pairs of libpq, as they stand, but for passwords. */
static void print_pairs(const char *at, FILE *to) {
    while (*at) {
        size_t blank = strspn(at, " \t"), name = strcspn(at + blank, "= \t");
        const char *value = at + blank + name;
        value += strspn(value, " \t");
        if (*value != '=') { /* libpq will refuse it; it may be anything */
            fprintf(to, "%s%s", *value || name ? " " : "", *value || name ? MASK : "");
            return;
        }
        value += 1 + strspn(value + 1, " \t");
        const char *end = value_end(value);
        fprintf(to, "%.*s", (int)(value - at), at);
        if (settings_is_secret(at + blank, name))
            fputs(MASK, to);
        else
            fprintf(to, "%.*s", (int)(end - value), value);
        at = end;
    }
}

static void print_value(const struct settings *s, const struct settings_row *row, FILE *to) {
    const char *at = (const char *)s + row->offset;
    int number;
    bool yes;
    if (row->type == SETTINGS_INT) {
        memcpy(&number, at, sizeof number);
        fprintf(to, "%d", number);
    } else if (row->type == SETTINGS_BOOL) {
        memcpy(&yes, at, sizeof yes);
        fputs(yes ? "yes" : "no", to);
    } else if (!row->secret) {
        fputs(at, to);
    } else if (strncmp(at, "postgresql://", 13) == 0 || strncmp(at, "postgres://", 11) == 0) {
        print_uri(at, to);
    } else {
        print_pairs(at, to);
    }
}

/* Without its blanks where a long text would not fit on a line with them. */
static const char *equals(const struct settings *s, const struct settings_row *row) {
    bool text = row->type != SETTINGS_INT && row->type != SETTINGS_BOOL;
    size_t size = strlen(row->name) + (text ? strlen((const char *)s + row->offset) : 0);
    return size + 3 > LONGEST_LINE ? "=" : " = ";
}

void settings_print(const struct settings *s, FILE *to) {
    const struct settings_row *row;
    const char *section = "";
    for (int i = 0; (row = settings_row(i)); i++) {
        if (strcmp(section, row->section) != 0)
            fprintf(to, "%s[%s]\n", i ? "\n" : "", row->section);
        section = row->section;
        fprintf(to, "%s%s", row->name, equals(s, row));
        print_value(s, row, to);
        fputc('\n', to);
    }
}
