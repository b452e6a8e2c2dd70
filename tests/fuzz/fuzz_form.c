/* fuzz_form.c - forms: what is taken is whole, within its bounds, and means itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/form.h"
#include "fcgi/text.h"
#include "tests/fuzz/fuzz.h"

#define FIELDS 5

static const struct form_rule rules[FIELDS] = {{"csrf_token", 64, true},
                                               {"idempotency_key", 64, false},
                                               {"otp", 32, false},
                                               {"cash_returned", 3, false},
                                               {"q", 64, false}};

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    return 0;
}

/* Written again as a form it reads as the same. */
static void again(const struct form_value *values) {
    char text[FIELDS * 300], why[FORM_WHY_SIZE];
    struct form_value back[FIELDS];
    size_t n = 0;
    for (int i = 0; i < FIELDS; i++) {
        if (!values[i].text)
            continue;
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s=", n ? "&" : "", rules[i].name);
        for (size_t k = 0; k < values[i].size; k++)
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%%%02X",
                                  (unsigned char)values[i].text[k]);
    }
    MUST(form_read(text, n, rules, FIELDS, back, why), "what was taken is refused when written again");
    for (int i = 0; i < FIELDS; i++)
        MUST(!values[i].text == !back[i].text &&
                 (!values[i].text || (values[i].size == back[i].size &&
                                      strcmp(values[i].text, back[i].text) == 0)),
             "a value changes when written again");
}

static void otp_is_digits(const struct form_value *v) {
    const char *otp = NULL;
    size_t size = 0;
    if (form_otp(v, &otp, &size))
        return;
    MUST(size >= 4 && size <= 8 && strspn(otp, "0123456789") >= size, "an OTP that is none");
    MUST(otp >= v->text && otp + size <= v->text + v->size, "an OTP from elsewhere");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct form_value values[FIELDS];
    char why[FORM_WHY_SIZE], *text = fuzz_copy(data, size);
    if (form_read(text, size, rules, FIELDS, values, why)) {
        MUST(values[0].text, "a field that must be there is not");
        for (int i = 0; i < FIELDS; i++) {
            const struct form_value *v = &values[i];
            if (!v->text)
                continue;
            MUST(v->text >= text && v->text + v->size <= text + size, "a value from elsewhere");
            MUST(strlen(v->text) == v->size && v->size <= rules[i].max, "a value's size");
            MUST(text_utf8(v->text, v->size), "a value is not UTF-8");
        }
        otp_is_digits(&values[2]);
        again(values);
        form_trim(values[4].text);
    } else {
        MUST(*why && strlen(why) < FORM_WHY_SIZE && text_utf8(why, strlen(why)),
             "refused without a sentence");
    }
    free(text);
    return 0;
}
