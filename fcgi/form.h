/*
 * form.h - application/x-www-form-urlencoded into a fixed list of fields, strictly.
 *
 * Unknown, duplicate, overlong, missing and badly encoded fields are refused with a sentence that
 * names the field (ASVS 2.2.1, 15.3.5).  Decoded in place: values live as long as the text given,
 * and wiping it wipes them.
 */
#ifndef OTPREFUND_FORM_H
#define OTPREFUND_FORM_H

#include <stdbool.h>
#include <stddef.h>

#define FORM_WHY_SIZE   160
#define FORM_FIELDS_MAX 16

struct form_rule {
    const char *name;
    size_t max;    /* bytes of the decoded value */
    bool required; /* must be there (an empty value counts as there) */
};

struct form_value {
    char *text; /* NUL-terminated UTF-8 inside the text given; NULL: not given */
    size_t size;
};

/*
 * Reads size bytes at text (which has room for one more) into values[n], in the order of rules[n].
 * false with why: one sentence for the person.  n <= FORM_FIELDS_MAX.  Any thread.
 */
bool form_read(char *text, size_t size, const struct form_rule *rules, int n,
               struct form_value *values, char why[FORM_WHY_SIZE]);

/*
 * An OTP as typed: ASCII digits with surrounding blanks.  *size digits at *otp (inside v).
 * NULL: good; otherwise a hint for the person, and nothing else is set.
 */
const char *form_otp(const struct form_value *v, const char **otp, size_t *size);

/* Cuts ASCII blanks at both ends, in place.  NULL stays NULL. */
char *form_trim(char *text);

#endif
