/* text.c - small things done to texts of requests and answers. */
#include "fcgi/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Bytes of the sequence at s, 0 if it is not well-formed (RFC 3629, section 4). */
static size_t utf8_sequence(const unsigned char *s, size_t size) {
    unsigned char low = 0x80, high = 0xbf;
    size_t n;
    if (s[0] < 0x80)
        return s[0] ? 1 : 0;
    if (s[0] >= 0xc2 && s[0] <= 0xdf)
        n = 2;
    else if (s[0] >= 0xe0 && s[0] <= 0xef)
        n = 3;
    else if (s[0] >= 0xf0 && s[0] <= 0xf4)
        n = 4;
    else
        return 0;
    if (s[0] == 0xe0)
        low = 0xa0;
    else if (s[0] == 0xed)
        high = 0x9f;
    else if (s[0] == 0xf0)
        low = 0x90;
    else if (s[0] == 0xf4)
        high = 0x8f;
    if (n > size || s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if (s[i] < 0x80 || s[i] > 0xbf)
            return 0;
    return n;
}

bool text_utf8(const char *bytes, size_t size) {
    const unsigned char *s = (const unsigned char *)bytes;
    while (size) {
        size_t n = utf8_sequence(s, size);
        if (!n)
            return false;
        s += n;
        size -= n;
    }
    return true;
}

bool text_visible(const char *text, size_t max) {
    size_t n = 0;
    if (!text)
        return false;
    for (; text[n]; n++)
        if (n >= max || text[n] < 0x21 || text[n] > 0x7e)
            return false;
    return n > 0;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

long text_unescape(char *text, size_t size, bool plus) {
    size_t out = 0;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '%') {
            int high = i + 2 < size ? hex_digit(text[i + 1]) : -1;
            int low = i + 2 < size ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return -1;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        text[out++] = c;
    }
    text[out] = '\0';
    return text_utf8(text, out) ? (long)out : -1;
}

void text_escape(struct buf *out, const char *text) {
    for (const char *p = text ? text : ""; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
            c == '-' || c == '.' || c == '_' || c == '~')
            buf_add(out, p, 1);
        else
            buf_format(out, "%%%02X", c);
    }
}

static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void text_base64url(const void *bytes, size_t size, char *out) {
    const unsigned char *in = bytes;
    unsigned bits = 0;
    int have = 0;
    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | in[i];
        for (have += 8; have >= 6; have -= 6)
            *out++ = base64url[bits >> (have - 6) & 63];
    }
    if (have)
        *out++ = base64url[bits << (6 - have) & 63];
    *out = '\0';
}

bool text_base64url_read(const char *text, void *out, size_t size) {
    unsigned char *to = out;
    unsigned bits = 0;
    int have = 0;
    size_t n = 0;
    if (strlen(text) != TEXT_BASE64URL_SIZE(size) - 1)
        return false;
    for (; *text; text++) {
        const char *at = strchr(base64url, *text);
        if (!at)
            return false;
        bits = bits << 6 | (unsigned)(at - base64url);
        have += 6;
        if (have >= 8) {
            have -= 8;
            if (n < size)
                to[n++] = (unsigned char)(bits >> have);
        }
    }
    return n == size && (bits & ((1u << have) - 1)) == 0;
}

char *text_rfc3339(int64_t ms, char out[TEXT_TIME_SIZE]) {
    struct tm tm;
    time_t s = (time_t)(ms / 1000);
    out[0] = '\0';
    if (ms > 0 && gmtime_r(&s, &tm)) {
        size_t n = strftime(out, TEXT_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(out + n, TEXT_TIME_SIZE - n, ".%03dZ", (int)(ms % 1000));
    }
    return out;
}

char *text_clock(int64_t ms, char out[TEXT_TIME_SIZE]) {
    struct tm tm;
    time_t s = (time_t)(ms / 1000);
    out[0] = '\0';
    if (ms > 0 && localtime_r(&s, &tm))
        strftime(out, TEXT_TIME_SIZE, "%H:%M:%S", &tm);
    return out;
}

/* Reads exactly n digits at *p; -1 if they are not there. */
static int digits(const char **p, int n) {
    int value = 0;
    for (int i = 0; i < n; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return -1;
        value = value * 10 + (**p - '0');
    }
    return value;
}

static bool skip(const char **p, char c) {
    if (**p != c)
        return false;
    (*p)++;
    return true;
}

/* "2024-06-02" to tm; false if there is no such day. */
static bool date_read(const char **p, struct tm *tm) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = digits(p, 4);
    if (year < 1970 || !skip(p, '-'))
        return false;
    int month = digits(p, 2);
    if (month < 1 || month > 12 || !skip(p, '-'))
        return false;
    int day = digits(p, 2);
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day < 1 || day > days[month - 1] + (month == 2 && leap))
        return false;
    *tm = (struct tm){.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_isdst = -1};
    return true;
}

/* ".123" to milliseconds; further digits are dropped. */
static int fraction_read(const char **p) {
    int ms = 0, scale = 100;
    if (!skip(p, '.'))
        return 0;
    if (**p < '0' || **p > '9')
        return -1;
    for (; **p >= '0' && **p <= '9'; (*p)++, scale /= 10)
        ms += (**p - '0') * scale;
    return ms;
}

/* "Z", "+05:30": minutes east of UTC. */
static bool offset_read(const char **p, int *minutes) {
    *minutes = 0;
    if (skip(p, 'Z') || skip(p, 'z'))
        return true;
    bool west = **p == '-';
    if (!skip(p, '+') && !skip(p, '-'))
        return false;
    int h = digits(p, 2);
    if (h < 0 || h > 23 || !skip(p, ':'))
        return false;
    int m = digits(p, 2);
    if (m < 0 || m > 59)
        return false;
    *minutes = (west ? -1 : 1) * (h * 60 + m);
    return true;
}

int64_t text_time_read(const char *text, bool *day) {
    struct tm tm;
    const char *p = text;
    int ms, minutes;
    *day = false;
    if (!date_read(&p, &tm))
        return -1;
    if (!*p) {
        *day = true;
        time_t t = mktime(&tm);
        return t < 0 ? -1 : (int64_t)t * 1000;
    }
    if (!skip(&p, 'T') && !skip(&p, 't'))
        return -1;
    if ((tm.tm_hour = digits(&p, 2)) < 0 || tm.tm_hour > 23 || !skip(&p, ':') ||
        (tm.tm_min = digits(&p, 2)) < 0 || tm.tm_min > 59 || !skip(&p, ':') ||
        (tm.tm_sec = digits(&p, 2)) < 0 || tm.tm_sec > 60)
        return -1;
    if ((ms = fraction_read(&p)) < 0 || !offset_read(&p, &minutes) || *p)
        return -1;
    time_t t = timegm(&tm);
    int64_t at = ((int64_t)t - (int64_t)minutes * 60) * 1000 + ms;
    return at < 0 ? -1 : at;
}

int64_t text_number(const char *text) {
    int64_t value = 0;
    size_t n = text ? strlen(text) : 0;
    if (n < 1 || n > 18)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

bool text_formula(const char *text) {
    /* full-width forms */
    static const char *const wide[] = {"＝", "＋", "－", "＠"};
    if (*text && strchr("=+-@\t\r\n", *text))
        return true;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (strncmp(text, wide[i], strlen(wide[i])) == 0)
            return true;
    return false;
}

uint32_t text_hash(const char *text) {
    uint32_t hash = 2166136261u;
    for (const char *p = text; *p; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619u;
    return hash;
}
