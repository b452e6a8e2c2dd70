/* log.c - one line per event on stderr. */
#include "fcgi/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fcgi/text.h"
#include "sql/clock.h"

static const char *const names[LOG_LEVEL__MAX] = {"error", "warning", "info", "debug"};

/* Set once by log_setup before threads start. */
static enum log_level log_max = LOG_INFO;
static bool log_json;

const char *log_level_name(enum log_level level) {
    return level < LOG_LEVEL__MAX ? names[level] : "error";
}

enum log_level log_level_value(const char *name) {
    for (int i = 0; name && i < LOG_LEVEL__MAX; i++)
        if (strcmp(names[i], name) == 0)
            return (enum log_level)i;
    return LOG_LEVEL__MAX;
}

void log_setup(enum log_level level, bool json) {
    log_max = level;
    log_json = json;
}

/* A line being made; keeps room for what must still come after the last value. */
struct line {
    char *out;
    size_t used, room;
};

static void put(struct line *l, const char *bytes, size_t size) {
    if (size > l->room - l->used)
        size = l->room - l->used;
    memcpy(l->out + l->used, bytes, size);
    l->used += size;
}

static void put_text(struct line *l, const char *text) {
    put(l, text, strlen(text));
}

/* Escapes are written whole or not at all. */
static void put_escaped(struct line *l, const char *value, bool json) {
    size_t n = 0;
    for (; n < LOG_VALUE_MAX && value[n]; n++) {
        unsigned char c = (unsigned char)value[n];
        char hex[8];
        if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\') {
            snprintf(hex, sizeof(hex), json ? "\\\\x%02x" : "\\x%02x", c);
            if (l->room - l->used < strlen(hex))
                return;
            put_text(l, hex);
        } else {
            put(l, &value[n], 1);
        }
    }
    if (value[n])
        put_text(l, "...");
}

static bool plain(const char *value) {
    for (const char *p = value; *p; p++)
        if (*p <= 0x20 || *p >= 0x7f || *p == '"' || *p == '\\' || *p == '=')
            return false;
    return *value != '\0';
}

static void put_pair(struct line *l, const char *name, const char *value, bool json) {
    if (l->room - l->used < strlen(name) + 16) /* no half names */
        return;
    if (json) {
        put_text(l, ",\"");
        put_text(l, name);
        put_text(l, "\":\"");
    } else {
        put_text(l, " ");
        put_text(l, name);
        put_text(l, plain(value) ? "=" : "=\"");
    }
    l->room -= 1; /* for the closing quote */
    put_escaped(l, value, json);
    l->room += 1;
    if (json || !plain(value))
        put_text(l, "\"");
}

size_t log_line(char *out, size_t size, bool json, int64_t now_ms, enum log_level level,
                const char *request_id, const char *event, va_list pairs) {
    char time[TEXT_TIME_SIZE];
    struct line l = {.out = out, .room = size - 3}; /* "}", line end, NUL */
    text_rfc3339(now_ms, time);
    if (json) {
        put_text(&l, "{\"time\":\"");
        put_text(&l, time);
        put_text(&l, "\",\"level\":\"");
        put_text(&l, log_level_name(level));
        put_text(&l, "\"");
        if (request_id)
            put_pair(&l, "request", request_id, true);
        put_pair(&l, "event", event, true);
    } else {
        put_text(&l, time);
        put_text(&l, " ");
        put_text(&l, log_level_name(level));
        put_text(&l, " ");
        put_text(&l, request_id ? request_id : "-");
        put_text(&l, " ");
        put_text(&l, event);
    }
    for (const char *name; (name = va_arg(pairs, const char *)) != NULL;) {
        const char *value = va_arg(pairs, const char *);
        if (value)
            put_pair(&l, name, value, json);
    }
    l.room += 2;
    put_text(&l, json ? "}\n" : "\n");
    out[l.used] = '\0';
    return l.used;
}

bool log_wants(enum log_level level) {
    return level <= log_max;
}

void log_event(enum log_level level, const char *request_id, const char *event, ...) {
    char line[LOG_LINE_MAX];
    va_list pairs;
    if (!log_wants(level))
        return;
    va_start(pairs, event);
    size_t n =
        log_line(line, sizeof(line), log_json, clock_now_ms(), level, request_id, event, pairs);
    va_end(pairs);
    while (write(STDERR_FILENO, line, n) < 0 && errno == EINTR)
        continue;
}
