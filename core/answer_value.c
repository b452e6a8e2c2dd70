/* answer_value.c - numbers, money and times in the bank's answers, read from their text. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/answer.h"
#include "core/answer_parts.h"

#define PAISE_MAX    1000000000000 /* ten thousand million rupees */
#define INDIA_OFFSET (330 * 60)    /* seconds */

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* How many digits there are from p on. */
static size_t run(const char *p) {
    size_t n = 0;
    while (is_digit(p[n]))
        n++;
    return n;
}

bool value_digits(const char *text, size_t max) {
    size_t n = run(text);
    return n >= 1 && n <= max && !text[n];
}

bool value_int(const char *text, int *value) {
    bool minus = *text == '-';
    const char *p = text + minus;
    size_t n = run(p);
    if (n < 1 || n > 9)
        return false;
    int v = 0;
    for (size_t i = 0; i < n; i++)
        v = v * 10 + (p[i] - '0');
    p += n;
    if (*p == '.') {
        size_t zeros = strspn(++p, "0");
        if (zeros == 0)
            return false;
        p += zeros;
    }
    *value = minus ? -v : v;
    return !*p;
}

/* The exponent at p ("E9", or nothing); false if it is malformed. */
static bool exponent(const char *p, int *value) {
    *value = 0;
    if (!*p)
        return true;
    if (*p != 'e' && *p != 'E')
        return false;
    bool minus = *++p == '-';
    if (*p == '-' || *p == '+')
        p++;
    size_t n = run(p);
    if (n < 1 || n > 3 || p[n])
        return false;
    for (size_t i = 0; i < n; i++)
        *value = *value * 10 + (p[i] - '0');
    if (minus)
        *value = -*value;
    return true;
}

int64_t answer_paise(const char *text) {
    size_t whole = text ? run(text) : 0, fraction = 0;
    int power;
    if (whole == 0 || whole > 32)
        return OTR_NO_AMOUNT;
    const char *p = text + whole;
    if (*p == '.') {
        fraction = run(p + 1);
        if (fraction == 0 || fraction > 32)
            return OTR_NO_AMOUNT;
        p += 1 + fraction;
    }
    if (!exponent(p, &power))
        return OTR_NO_AMOUNT;
    /* All digits as one integer, times ten to the power, in paise. */
    power += 2 - (int)fraction;
    int64_t v = 0;
    int zeros = 0; /* seen, but not yet counted into v */
    for (size_t i = 0; i < whole + (fraction ? 1 + fraction : 0); i++) {
        if (text[i] == '.')
            continue;
        zeros++;
        if (text[i] == '0')
            continue;
        for (; zeros && v <= PAISE_MAX; zeros--)
            v *= 10;
        v += text[i] - '0';
        zeros = 0;
        if (v > PAISE_MAX)
            return OTR_NO_AMOUNT;
    }
    if (v == 0)
        return 0;
    power += zeros;
    if (power < 0) /* less than a paisa */
        return OTR_NO_AMOUNT;
    for (; power > 0 && v <= PAISE_MAX; power--)
        v *= 10;
    return v <= PAISE_MAX ? v : OTR_NO_AMOUNT;
}

/* n digits at *p, which moves on; -1 if there are fewer. */
static int field(const char **p, int n) {
    int v = 0;
    for (int i = 0; i < n; i++, (*p)++) {
        if (!is_digit(**p))
            return -1;
        v = v * 10 + (**p - '0');
    }
    return v;
}

static bool mark(const char **p, const char *allowed) {
    if (!**p || !strchr(allowed, **p))
        return false;
    (*p)++;
    return true;
}

/* "", "Z", "+05:30", "-0330": seconds east of UTC; false if malformed. */
static bool offset(const char *p, int *seconds) {
    *seconds = INDIA_OFFSET;
    if (!*p)
        return true;
    *seconds = 0;
    if (*p == 'Z')
        return !p[1];
    bool minus = *p == '-';
    if (!mark(&p, "+-"))
        return false;
    int hours = field(&p, 2);
    if (*p == ':')
        p++;
    int minutes = hours < 0 ? -1 : field(&p, 2);
    *seconds = (minus ? -60 : 60) * (hours * 60 + minutes);
    return hours >= 0 && hours < 15 && minutes >= 0 && minutes < 60 && !*p;
}

int64_t value_time(const char *text) {
    const char *p = text;
    struct tm t = {0}, back;
    int ms = 0, east;
    bool ok = (t.tm_year = field(&p, 4)) >= 2000 && mark(&p, "-") &&
              (t.tm_mon = field(&p, 2)) >= 1 && mark(&p, "-") && (t.tm_mday = field(&p, 2)) >= 1 &&
              mark(&p, "T ") && (t.tm_hour = field(&p, 2)) >= 0 && mark(&p, ":") &&
              (t.tm_min = field(&p, 2)) >= 0 && mark(&p, ":") && (t.tm_sec = field(&p, 2)) >= 0;
    if (ok && mark(&p, ".")) {
        int scale = 100;
        ok = is_digit(*p);
        for (; is_digit(*p); p++, scale /= 10)
            ms += (*p - '0') * scale;
    }
    if (!ok || !offset(p, &east) || t.tm_hour > 23 || t.tm_min > 59 || t.tm_sec > 59)
        return 0;
    t.tm_year -= 1900;
    t.tm_mon -= 1;
    struct tm norm = t;
    time_t seconds = timegm(&norm);
    if (!gmtime_r(&seconds, &back) || back.tm_mon != t.tm_mon || back.tm_mday != t.tm_mday)
        return 0; /* no such day */
    return ((int64_t)seconds - east) * 1000 + ms;
}
