/* form.c - the forms of a page: found by where they post to, filled in, posted. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/integration/client.h"

/* Copies an attribute's text and turns the entities it was escaped with back into characters. */
static void unescape(const char *from, size_t size, char *out, size_t out_size) {
    static const struct {
        const char *text;
        char is;
    } entity[] = {{"&amp;", '&'},  {"&lt;", '<'},   {"&gt;", '>'},    {"&quot;", '"'},
                  {"&#34;", '"'},  {"&#39;", '\''}, {"&#x27;", '\''}, {"&#x2F;", '/'},
                  {"&#x3D;", '='}, {"&#61;", '='},  {"&#43;", '+'},   {"&#x2B;", '+'}};
    const char *end = from + size;
    size_t n = 0;
    while (from < end && n + 1 < out_size) {
        size_t step = 1;
        char is = *from;
        for (size_t i = 0; *from == '&' && i < sizeof entity / sizeof entity[0]; i++) {
            size_t len = strlen(entity[i].text);
            if ((size_t)(end - from) >= len && strncasecmp(from, entity[i].text, len) == 0) {
                is = entity[i].is;
                step = len;
                break;
            }
        }
        out[n++] = is;
        from += step;
    }
    out[n] = '\0';
}

/* The value of an attribute inside the tag [tag, end); false if it has none. */
static bool attribute(const char *tag, const char *end, const char *name, char *out, size_t size) {
    size_t n = strlen(name);
    out[0] = '\0';
    for (const char *p = tag; p + n + 2 < end; p++) {
        if ((p[-1] != ' ' && p[-1] != '\n' && p[-1] != '\t') || strncasecmp(p, name, n) != 0 ||
            p[n] != '=')
            continue;
        char quote = p[n + 1];
        const char *from = p + n + 2;
        if (quote != '"' && quote != '\'')
            return false;
        const char *to = memchr(from, quote, (size_t)(end - from));
        if (!to)
            return false;
        unescape(from, (size_t)(to - from), out, size);
        return true;
    }
    return false;
}

static void collect_hidden(const char *from, const char *to, struct form *f) {
    char type[32], name[64], value[512];
    for (const char *tag = from; (tag = strcasestr(tag, "<input")) && tag < to; tag++) {
        const char *end = strchr(tag, '>');
        if (!end || end > to)
            return;
        const char *inside = tag + strlen("<input") + 1;
        if (attribute(inside, end, "type", type, sizeof type) && strcasecmp(type, "hidden") == 0 &&
            attribute(inside, end, "name", name, sizeof name)) {
            attribute(inside, end, "value", value, sizeof value);
            form_add(f, name, value);
        }
    }
}

bool form_find(const struct reply *r, const char *action, struct form *f) {
    char where[256];
    memset(f, 0, sizeof *f);
    for (const char *tag = r->body; tag && (tag = strcasestr(tag, "<form")); tag++) {
        const char *end = strchr(tag, '>');
        const char *close = end ? strcasestr(end, "</form") : NULL;
        if (!close)
            return false;
        if (!attribute(tag + strlen("<form") + 1, end, "action", where, sizeof where) ||
            strcmp(where, action) != 0)
            continue;
        snprintf(f->action, sizeof f->action, "%s", where);
        collect_hidden(end, close, f);
        return true;
    }
    return false;
}

static int find_field(const struct form *f, const char *name) {
    for (int i = 0; i < f->count; i++)
        if (strcmp(f->field[i].name, name) == 0)
            return i;
    return -1;
}

void form_add(struct form *f, const char *name, const char *value) {
    if (f->count == CLIENT_FIELDS)
        return;
    snprintf(f->field[f->count].name, sizeof f->field[0].name, "%s", name);
    snprintf(f->field[f->count].value, sizeof f->field[0].value, "%s", value);
    f->count++;
}

void form_set(struct form *f, const char *name, const char *value) {
    int i = find_field(f, name);
    if (i < 0)
        form_add(f, name, value);
    else
        snprintf(f->field[i].value, sizeof f->field[i].value, "%s", value);
}

void form_drop(struct form *f, const char *name) {
    int i = find_field(f, name);
    if (i >= 0)
        f->field[i] = f->field[--f->count];
}

const char *form_value(const struct form *f, const char *name) {
    int i = find_field(f, name);
    return i < 0 ? "" : f->field[i].value;
}

char *form_body(const struct form *f) {
    size_t size = 1;
    for (int i = 0; i < f->count; i++)
        size += 3 * (strlen(f->field[i].name) + strlen(f->field[i].value)) + 2;
    char *body = calloc(1, size);
    size_t n = 0;
    for (int i = 0; body && i < f->count; i++) {
        char *name = curl_easy_escape(NULL, f->field[i].name, 0);
        char *value = curl_easy_escape(NULL, f->field[i].value, 0);
        int w = snprintf(body + n, size - n, "%s%s=%s", i ? "&" : "", name ? name : "",
                         value ? value : "");
        n += w > 0 ? (size_t)w : 0;
        curl_free(name);
        curl_free(value);
    }
    return body;
}

bool form_post(const struct client *c, const struct form *f, struct reply *r) {
    char *body = form_body(f), origin[300];
    snprintf(origin, sizeof origin, "Origin: %s", c->base);
    const struct ask a = {.method = "POST",
                          .path = f->action,
                          .body = body ? body : "",
                          .content_type = "application/x-www-form-urlencoded",
                          .headers = {origin, "Sec-Fetch-Site: same-origin"}};
    bool ok = client_ask(c, &a, r);
    free(body);
    return ok;
}
