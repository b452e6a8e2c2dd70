/* form.c - application/x-www-form-urlencoded into a fixed list of fields, strictly. */
#include "fcgi/form.h"

#include <stdio.h>
#include <string.h>

#include "fcgi/text.h"

static int rule_of(const struct form_rule *rules, int n, const char *name) {
    for (int i = 0; i < n; i++)
        if (strcmp(rules[i].name, name) == 0)
            return i;
    return -1;
}

/* Takes one name=value of size bytes; the byte after it may be overwritten. */
static bool take_pair(char *pair, size_t size, const struct form_rule *rules, int n,
                      struct form_value *values, char why[FORM_WHY_SIZE]) {
    char *equals = memchr(pair, '=', size);
    size_t name_size = equals ? (size_t)(equals - pair) : size;
    if (text_unescape(pair, name_size, true) < 0) {
        snprintf(why, FORM_WHY_SIZE, "The name of a field is not readable text.");
        return false;
    }
    int i = rule_of(rules, n, pair);
    if (i < 0) {
        snprintf(why, FORM_WHY_SIZE, "There is no field \"%.40s\" here.",
                 text_visible(pair, 40) ? pair : "?");
        return false;
    }
    if (values[i].text) {
        snprintf(why, FORM_WHY_SIZE, "The field \"%s\" was given twice.", rules[i].name);
        return false;
    }
    char *value = equals ? equals + 1 : pair + strlen(pair);
    long value_size = equals ? text_unescape(value, size - name_size - 1, true) : 0;
    if (value_size < 0) {
        snprintf(why, FORM_WHY_SIZE, "The field \"%s\" is not readable text.", rules[i].name);
        return false;
    }
    if ((size_t)value_size > rules[i].max) {
        snprintf(why, FORM_WHY_SIZE, "The field \"%s\" is too long: at most %zu characters.",
                 rules[i].name, rules[i].max);
        return false;
    }
    values[i] = (struct form_value){.text = value, .size = (size_t)value_size};
    return true;
}

bool form_read(char *text, size_t size, const struct form_rule *rules, int n,
               struct form_value *values, char why[FORM_WHY_SIZE]) {
    why[0] = '\0';
    for (int i = 0; i < n; i++)
        values[i] = (struct form_value){0};
    for (size_t at = 0; at < size;) {
        char *end = memchr(text + at, '&', size - at);
        size_t pair = end ? (size_t)(end - text) - at : size - at;
        if (pair == 0 || (end && at + pair + 1 == size)) {
            snprintf(why, FORM_WHY_SIZE, "The form has an empty field.");
            return false;
        }
        if (!take_pair(text + at, pair, rules, n, values, why))
            return false;
        at += pair + 1;
    }
    for (int i = 0; i < n; i++)
        if (rules[i].required && !values[i].text) {
            snprintf(why, FORM_WHY_SIZE, "The field \"%s\" is missing.", rules[i].name);
            return false;
        }
    return true;
}

static bool blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

const char *form_otp(const struct form_value *v, const char **otp, size_t *size) {
    const char *from = v->text;
    size_t n = v->size;
    if (!from)
        return "Type the OTP that the customer received.";
    while (n && blank(from[0])) {
        from++;
        n--;
    }
    while (n && blank(from[n - 1]))
        n--;
    if (!n)
        return "Type the OTP that the customer received.";
    for (size_t i = 0; i < n; i++) {
        if (blank(from[i]))
            return "Type the OTP without blanks between its digits.";
        if (from[i] < '0' || from[i] > '9')
            return "Type the OTP with the digits 0 to 9 only.";
    }
    if (n < 4 || n > 8)
        return "The OTP has 4 to 8 digits.";
    *otp = from;
    *size = n;
    return NULL;
}

char *form_trim(char *text) {
    if (!text)
        return NULL;
    while (blank(*text))
        text++;
    size_t n = strlen(text);
    while (n && blank(text[n - 1]))
        text[--n] = '\0';
    return text;
}
