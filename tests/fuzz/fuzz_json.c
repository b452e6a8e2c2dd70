/* fuzz_json.c - the JSON API's bodies, and the bank's callbacks.  The first byte says which. */
#include <stdlib.h>
#include <string.h>

#include "fcgi/api.h"
#include "fcgi/text.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/reference.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    api_setup();
    return 0;
}

/* What is taken is one object with that one name, says the reference too. */
static void body(const char *text, size_t size) {
    char otp[API_OTP_SIZE] = "";
    struct reference r;
    const char *why = api_read_body(text, size, otp);
    if (why) {
        MUST(*why, "refused without a sentence");
        return;
    }
    MUST(strlen(otp) >= 4 && strlen(otp) <= 8 && strspn(otp, "0123456789") == strlen(otp),
         "an OTP that is none");
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) /* may be ignored: RFC 8259, 8.1 */
        text += 3, size -= 3;
    MUST(reference_read(&r, text, size), "the reference cannot read it");
    const struct value *v = reference_value(&r, "", "otp");
    MUST(v && v->kind == VALUE_TEXT && strcmp(v->text, otp) == 0, "the reference reads another OTP");
    MUST(r.count == 1, "a name that is not known was taken");
}

static void callback(const char *text, size_t size) {
    char tid[OTR_TID_SIZE] = "";
    if (api_callback_tid(text, size, tid))
        MUST(otr_tid_valid(tid), "a TID that is none");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size)
        return 0;
    char *text = fuzz_copy(data + 1, size - 1);
    if (data[0] == 'c')
        callback(text, size - 1);
    else if (data[0] == 'e' && !api_read_body(text, size - 1, NULL))
        MUST(memchr(text, '{', size - 1) && memchr(text, '}', size - 1), "no object was taken");
    else
        body(text, size - 1);
    free(text);
    return 0;
}
