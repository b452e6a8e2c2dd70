/* answer_evidence.c - what of an answer is kept for the record: an allow-list, bounded, valid
   JSON. */
#include <stdio.h>
#include <string.h>

#include "core/answer_parts.h"

#define VALUE_SIZE   513
#define NAME_SIZE    65
#define INVALID_MAX  8 /* invalid_params: so many members are kept */
#define CLOSING_SIZE 4 /* room kept for what closes the objects */

enum shape { SHAPE_INT, SHAPE_NUMBER, SHAPE_DIGITS, SHAPE_TIME, SHAPE_CODE, SHAPE_TEXT };

/* All that may be kept, beside or inside data.  No otp, no name, no mobile number (promise 8). */
static const struct field {
    const char *name;
    enum shape shape;
} fields[] = {
    {"status", SHAPE_INT},
    {"response_status_id", SHAPE_INT},
    {"response_type_id", SHAPE_INT},
    {"tx_status", SHAPE_INT},
    {"txstatus_desc", SHAPE_TEXT},
    {"tid", SHAPE_DIGITS},
    {"refund_tid", SHAPE_DIGITS},
    {"amount", SHAPE_NUMBER},
    {"refunded_amount", SHAPE_NUMBER},
    {"fee", SHAPE_NUMBER},
    {"gst", SHAPE_NUMBER},
    {"tds", SHAPE_NUMBER},
    {"commission_reverse", SHAPE_NUMBER},
    {"balance", SHAPE_NUMBER},
    {"currency", SHAPE_TEXT},
    {"timestamp", SHAPE_TIME},
    {"bank_ref_num", SHAPE_CODE},
    {"client_ref_id", SHAPE_CODE},
    {"otp_ref_id", SHAPE_CODE},
    {"message", SHAPE_TEXT},
};

struct evidence {
    char *to;
    size_t size, room;
    bool first; /* no comma before the next member */
    const char *const *keep;
};

/* ---- writing members that fit ------------------------------------------------------------ */

static size_t escape(char *to, const char *text) {
    size_t n = 0;
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            to[n++] = '\\';
        to[n++] = *text; /* no control characters: masked or checked before */
    }
    return n;
}

static bool add_raw(struct evidence *e, const char *bytes, size_t size) {
    if (e->size + size + CLOSING_SIZE >= e->room)
        return false;
    memcpy(e->to + e->size, bytes, size);
    e->size += size;
    e->to[e->size] = '\0';
    return true;
}

/* name and value: at most NAME_SIZE and VALUE_SIZE, without control characters. */
static void add_text(struct evidence *e, const char *name, const char *value) {
    char member[2 * (NAME_SIZE + VALUE_SIZE) + 8];
    size_t n = 0;
    if (!e->first)
        member[n++] = ',';
    member[n++] = '"';
    n += escape(member + n, name);
    memcpy(member + n, "\":\"", 3);
    n += 3;
    n += escape(member + n, value);
    member[n++] = '"';
    if (add_raw(e, member, n))
        e->first = false;
}

static bool open_object(struct evidence *e, const char *name) {
    char member[NAME_SIZE + 8];
    int n = snprintf(member, sizeof member, "%s\"%s\":{", e->first ? "" : ",", name);
    if (n < 0 || n >= (int)sizeof member || !add_raw(e, member, (size_t)n))
        return false;
    e->first = true;
    return true;
}

static void close_object(struct evidence *e) {
    memcpy(e->to + e->size, "}", 2); /* CLOSING_SIZE keeps the room */
    e->size++;
    e->first = false;
}

/* ---- what is kept ------------------------------------------------------------------------ */

static bool visible(const char *text, size_t max) {
    size_t n = 0;
    while (text[n] >= '!' && text[n] <= '~')
        n++;
    return n >= 1 && n <= max && !text[n];
}

/* Does the text look as a value of that field should?  What does not is masked as free text. */
static bool fits(enum shape shape, const char *text) {
    int number;
    switch (shape) {
    case SHAPE_INT:
        return value_int(text, &number);
    case SHAPE_NUMBER:
        return strspn(text, "0123456789.eE+-") == strlen(text) && visible(text, 32);
    case SHAPE_DIGITS:
        return value_digits(text, 18);
    case SHAPE_TIME:
        return value_time(text) != 0 && strlen(text) < 40;
    case SHAPE_CODE:
        return visible(text, 256);
    default:
        return false;
    }
}

static void add_field(struct evidence *e, const struct cJSON *from, const struct field *f) {
    const char *text;
    char value[VALUE_SIZE];
    if (json_get(from, f->name, &text) != JSON_TEXT || !*text)
        return;
    if (fits(f->shape, text))
        snprintf(value, sizeof value, "%s", text);
    else
        mask_text(text, e->keep, value, sizeof value);
    add_text(e, f->name, value);
}

static void add_fields(struct evidence *e, const struct cJSON *from) {
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        add_field(e, from, &fields[i]);
}

static void add_invalid(struct evidence *e, const struct cJSON *root, const char *name) {
    const struct cJSON *from = json_object(root, name), *member = NULL;
    if (!json_next(from, NULL) || !open_object(e, name))
        return;
    for (int i = 0; i < INVALID_MAX && (member = json_next(from, member)); i++) {
        char field[NAME_SIZE], value[VALUE_SIZE];
        const char *text;
        if (json_value(member, &text) != JSON_TEXT)
            continue;
        mask_text(json_name(member), e->keep, field, sizeof field);
        mask_text(text, e->keep, value, sizeof value);
        add_text(e, field, value);
    }
    close_object(e);
}

void evidence_write(const struct cJSON *root, int http_status, size_t bytes,
                    const char *const keep[2], char *out, size_t size) {
    struct evidence e = {.to = out, .room = size, .keep = keep};
    int n = snprintf(out, size, "{\"http_status\":%d,\"bytes\":%zu", http_status, bytes);
    e.size = n > 0 ? (size_t)n : 0;
    const struct cJSON *data = json_object(root, "data");
    if (root) {
        add_fields(&e, root);
        if (json_next(data, NULL) && open_object(&e, "data")) {
            add_fields(&e, data);
            close_object(&e);
        }
        add_invalid(&e, root, "invalid_params");
        add_invalid(&e, root, "invalid_parameters");
    }
    close_object(&e);
}
