/* api.c - JSON that is sent to us: request bodies and the bank's callback.  The one door to cJSON
 * here. */
#include <cjson/cJSON.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/api.h"
#include "fcgi/text.h"

static void wiping_free(void *p) {
    if (p)
        explicit_bzero(p, malloc_usable_size(p));
    free(p);
}

const char api_no_memory[] = "There is no memory for this request just now: try again.";

/* cJSON does not say why it could not read a text. */
static _Thread_local bool starved;

static void *noting_malloc(size_t size) {
    void *p = malloc(size);
    if (!p)
        starved = true;
    return p;
}

void api_setup(void) {
    cJSON_Hooks hooks = {.malloc_fn = noting_malloc, .free_fn = wiping_free};
    cJSON_InitHooks(&hooks);
}

/*
 * What cJSON would take for something else: control characters for blanks (RFC 8259, 2), and \u without
 * its four digits, or with 0000, for the end of the text.
 */
static bool mistakable(const char *body, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)body[i] < 0x20 && !memchr("\t\n\r", body[i], 3))
            return true;
        if (body[i] != '\\' || ++i == size || body[i] != 'u')
            continue;
        char digits[5] = "";
        memcpy(digits, body + i + 1, size - i - 1 < 4 ? size - i - 1 : 4);
        if (strspn(digits, "0123456789abcdefABCDEF") != 4 || strcmp(digits, "0000") == 0)
            return true;
    }
    return false;
}

/* A JSON object or NULL.  body has a NUL after size bytes. */
static cJSON *object_read(const char *body, size_t size) {
    if (!text_utf8(body, size) || mistakable(body, size))
        return NULL;
    cJSON *json = cJSON_ParseWithLengthOpts(body, size + 1, NULL, true);
    if (json && !cJSON_IsObject(json)) {
        cJSON_Delete(json);
        json = NULL;
    }
    return json;
}

static bool name_twice(const cJSON *object) {
    for (const cJSON *a = object->child; a; a = a->next)
        for (const cJSON *b = a->next; b; b = b->next)
            if (strcmp(a->string, b->string) == 0)
                return true;
    return false;
}

static const char *otp_read(const cJSON *object, char otp[API_OTP_SIZE]) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, "otp");
    if (!item)
        return "The body lacks \"otp\".";
    if (!cJSON_IsString(item) || !otr_otp_valid(item->valuestring, strlen(item->valuestring)))
        return "\"otp\" must be a text of 4 to 8 digits, such as \"012345\".";
    memcpy(otp, item->valuestring, strlen(item->valuestring) + 1);
    return NULL;
}

const char *api_read_body(const char *body, size_t size, char otp[API_OTP_SIZE]) {
    const char *why = NULL;
    starved = false;
    cJSON *object = object_read(body, size);
    if (!object)
        return starved ? api_no_memory : "The body is not a JSON object.";
    if (cJSON_GetArraySize(object) > 8)
        why = "The body has names that are not known here.";
    else if (name_twice(object))
        why = "The body has the same name twice.";
    for (const cJSON *item = object->child; item && !why; item = item->next)
        if (!otp || strcmp(item->string, "otp") != 0)
            why = "The body has a name that is not known here.";
    if (!why && otp)
        why = otp_read(object, otp);
    cJSON_Delete(object);
    return why;
}

bool api_callback_tid(const char *body, size_t size, char tid[OTR_TID_SIZE]) {
    cJSON *object = object_read(body, size);
    const cJSON *item = object ? cJSON_GetObjectItemCaseSensitive(object, "tid") : NULL;
    tid[0] = '\0';
    if (!item) {
        /* not an object, or without a TID */
    } else if (cJSON_IsString(item) && otr_tid_valid(item->valuestring)) {
        memcpy(tid, item->valuestring, strlen(item->valuestring) + 1);
    } else if (cJSON_IsNumber(item) && item->valuedouble >= 1 &&
               item->valuedouble <= 9007199254740991.0) {
        /* whole numbers up to 2^53 - 1 are exact in a double (RFC 8259, section 6) */
        char digits[OTR_TID_SIZE];
        uint64_t n = (uint64_t)item->valuedouble;
        size_t at = sizeof(digits) - 1;
        digits[at] = '\0';
        if ((double)n == item->valuedouble) {
            for (; n; n /= 10)
                digits[--at] = (char)('0' + n % 10);
            memcpy(tid, digits + at, sizeof(digits) - at);
        }
    }
    cJSON_Delete(object);
    return tid[0] != '\0';
}
