/* request.c - one HTTP request as the web server hands it over, checked. */
#include "fcgi/request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/otprefund.h"
#include "fcgi/text.h"

enum variable {
    V_METHOD,
    V_URI,
    V_DOCUMENT,
    V_SCRIPT,
    V_PATH_INFO,
    V_QUERY,
    V_USER,
    V_ADDR,
    V_AUTHORIZATION,
    V_SITE,
    V_MODE,
    V_DEST,
    V_TYPE,
    V_LENGTH,
    V_KEY,
    V_PREFER,
    V__MAX
};

/*
 * What is looked at, and how long it may be.  Texts in the answer to one too long say which.  proof:
 * it says who asks, or what for: an empty one is an answer too.
 */
static const struct {
    const char *name;
    size_t max;
    const char *why;
    bool proof;
} variables[V__MAX] = {
    [V_METHOD] = {"REQUEST_METHOD", 16, "The method is too long."},
    [V_URI] = {"REQUEST_URI", 6144, "The address is too long."},
    [V_DOCUMENT] = {"DOCUMENT_URI", 2048, "The address is too long."},
    [V_SCRIPT] = {"SCRIPT_NAME", 2048, "The address is too long."},
    [V_PATH_INFO] = {"PATH_INFO", 2048, "The address is too long."},
    [V_QUERY] = {"QUERY_STRING", 4096, "The address is too long."},
    [V_USER] = {"REMOTE_USER", 64, "The login is longer than 64 characters.", true},
    [V_ADDR] = {"REMOTE_ADDR", 64, "The client's address is too long."},
    [V_AUTHORIZATION] = {"HTTP_AUTHORIZATION", 1024, "The Authorization header is too long.",
                         true},
    [V_SITE] = {"HTTP_SEC_FETCH_SITE", 32, "The Sec-Fetch-Site header is too long."},
    [V_MODE] = {"HTTP_SEC_FETCH_MODE", 32, "The Sec-Fetch-Mode header is too long."},
    [V_DEST] = {"HTTP_SEC_FETCH_DEST", 32, "The Sec-Fetch-Dest header is too long."},
    [V_TYPE] = {"CONTENT_TYPE", 256, "The Content-Type header is too long."},
    [V_LENGTH] = {"CONTENT_LENGTH", 18, "The Content-Length header is not a number."},
    [V_KEY] = {"HTTP_IDEMPOTENCY_KEY", 128, "The Idempotency-Key is longer than 128 characters.",
               true},
    [V_PREFER] = {"HTTP_PREFER", 256, "The Prefer header is too long."},
};

static const char no_memory[] = "There is no memory for this request just now: try again.";

static int refuse(const char **why, int status, const char *text) {
    *why = text;
    return status;
}

/*
 * Finds the known variables.  The same one twice with two values is refused: which one is meant?
 * An empty one does not count, but where it is a proof: a web server that says "nobody" after
 * fastcgi_params of nginx said what a client claims to be ($remote_user) means nobody.
 */
static int variables_find(char *const envp[], const char *found[V__MAX], const char **why) {
    for (; *envp; envp++) {
        const char *equals = strchr(*envp, '=');
        for (int v = 0; equals && v < V__MAX; v++) {
            size_t n = (size_t)(equals - *envp);
            if (strlen(variables[v].name) != n || memcmp(variables[v].name, *envp, n) != 0)
                continue;
            bool both = found[v] && (variables[v].proof || (*found[v] && equals[1]));
            if (both && strcmp(found[v], equals + 1) != 0)
                return refuse(why, 400, "A header was sent twice.");
            if (!found[v] || equals[1])
                found[v] = equals + 1;
        }
    }
    for (int v = 0; v < V__MAX; v++)
        if (found[v] && strlen(found[v]) > variables[v].max)
            return refuse(why, 400, variables[v].why);
    return 0;
}

/* A copy of size bytes in the request's own memory, with a NUL; NULL when it is full. */
static char *keep(struct request *r, const char *text, size_t size) {
    if (size + 1 > r->room - r->used)
        return NULL;
    char *copy = r->text + r->used;
    memcpy(copy, text, size);
    copy[size] = '\0';
    r->used += size + 1;
    return copy;
}

/* Room for all that was found, and their NULs.  false: no memory. */
static bool room_make(struct request *r, const char *const found[V__MAX]) {
    size_t size = V__MAX;
    for (int v = 0; v < V__MAX; v++)
        size += found[v] ? strlen(found[v]) : 0;
    if (size > REQUEST_TEXT_MAX)
        size = REQUEST_TEXT_MAX;
    if (size <= r->room)
        return true;
    free(r->text); /* wiped already */
    r->text = malloc(size);
    r->room = r->text ? size : 0;
    return r->text != NULL;
}

static char *keep_text(struct request *r, const char *text) {
    return text ? keep(r, text, strlen(text)) : NULL;
}

/* No part of a path may be empty, "." or "..": such addresses mean another one to the web server.
 */
static bool path_plain(const char *path) {
    if (*path != '/')
        return false;
    for (const char *part = path; *part == '/';) {
        size_t n = strcspn(++part, "/");
        bool last = part[n] == '\0';
        if ((n == 0 && (!last || part - path > 1)) || (n == 1 && part[0] == '.') ||
            (n == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        part += n;
    }
    return true;
}

static bool printable(const char *text) {
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return true;
}

/* From REQUEST_URI, which is still encoded; else from what the web server has decoded already. */
static int path_take(struct request *r, const char *const found[V__MAX], const char **why) {
    static const char *const bad = "The address is not readable.";
    char *path = NULL;
    if (found[V_URI] && found[V_URI][0]) {
        path = keep(r, found[V_URI], strcspn(found[V_URI], "?"));
        if (path && text_unescape(path, strlen(path), false) < 0)
            return refuse(why, 400, bad);
    } else if (found[V_DOCUMENT] && found[V_DOCUMENT][0]) {
        path = keep_text(r, found[V_DOCUMENT]);
    } else {
        path = keep_text(r, found[V_SCRIPT] ? found[V_SCRIPT] : "");
        if (path && found[V_PATH_INFO]) {
            r->used--; /* joined: PATH_INFO goes over the NUL */
            path = keep_text(r, found[V_PATH_INFO]) ? path : NULL;
        }
    }
    if (!path)
        return refuse(why, 400, "The address is too long.");
    if (!text_utf8(path, strlen(path)) || !printable(path))
        return refuse(why, 400, bad);
    r->path = path;
    return path_plain(path) ? 0 : refuse(why, 404, "There is no such page.");
}

static enum request_method method_of(const char *name) {
    if (strcmp(name, "GET") == 0)
        return METHOD_GET;
    if (strcmp(name, "HEAD") == 0)
        return METHOD_HEAD;
    return strcmp(name, "POST") == 0 ? METHOD_POST : METHOD_OTHER;
}

static void id_make(char id[REQUEST_ID_SIZE]) {
    static const char hex[] = "0123456789abcdef";
    unsigned char bytes[(REQUEST_ID_SIZE - 1) / 2] = {0};
    otr_random(bytes, sizeof(bytes)); /* without: zeros, which only blurs the log */
    for (size_t i = 0; i < sizeof(bytes); i++) {
        id[2 * i] = hex[bytes[i] >> 4];
        id[2 * i + 1] = hex[bytes[i] & 15];
    }
    id[REQUEST_ID_SIZE - 1] = '\0';
}

/* The token of "Bearer <token>"; NULL for other schemes, whose credentials are none of our
 * business. */
static const char *bearer_of(const char *header) {
    if (!header || strncasecmp(header, "Bearer ", 7) != 0)
        return NULL;
    header += 7;
    while (*header == ' ')
        header++;
    return header;
}

static int headers_take(struct request *r, const char *const found[V__MAX], const char **why) {
    r->remote_user = keep_text(r, found[V_USER] ? found[V_USER] : "");
    r->remote_addr = keep_text(r, found[V_ADDR] ? found[V_ADDR] : "");
    r->content_type = keep_text(r, found[V_TYPE] ? found[V_TYPE] : "");
    r->bearer = keep_text(r, bearer_of(found[V_AUTHORIZATION]));
    r->sec_fetch_site = keep_text(r, found[V_SITE]);
    r->sec_fetch_mode = keep_text(r, found[V_MODE]);
    r->sec_fetch_dest = keep_text(r, found[V_DEST]);
    r->idempotency_key = keep_text(r, found[V_KEY]);
    r->prefer = keep_text(r, found[V_PREFER]);
    if (!r->remote_user || !r->remote_addr || !r->content_type)
        return refuse(why, 400, "The request is too large.");
    if (!text_utf8(r->remote_user, strlen(r->remote_user)) || !printable(r->remote_user))
        return refuse(why, 400, "The login is not readable text.");
    if (found[V_LENGTH] && found[V_LENGTH][0]) {
        r->content_length = text_number(found[V_LENGTH]);
        if (r->content_length < 0)
            return refuse(why, 400, variables[V_LENGTH].why);
    }
    return 0;
}

int request_parse(struct request *r, char *const envp[], request_reader *read, void *read_arg,
                  const char **why) {
    const char *found[V__MAX] = {0};
    static char none[1];
    r->used = 0;
    r->method = METHOD_OTHER;
    r->method_name = r->path = r->remote_user = r->remote_addr = r->content_type = "";
    r->query = none;
    r->bearer = r->idempotency_key = r->prefer = NULL;
    r->sec_fetch_site = r->sec_fetch_mode = r->sec_fetch_dest = NULL;
    r->content_length = -1;
    r->body = NULL;
    r->body_size = 0;
    r->read = read;
    r->read_arg = read_arg;
    id_make(r->id);

    int status = variables_find(envp, found, why);
    if (!room_make(r, found))
        return refuse(why, 503, no_memory);
    if (found[V_METHOD] && strlen(found[V_METHOD]) <= variables[V_METHOD].max) {
        r->method_name = keep_text(r, found[V_METHOD]);
        r->method = method_of(r->method_name);
    }
    if (status)
        return status;
    if ((status = headers_take(r, found, why)) != 0)
        return status;
    if (found[V_QUERY] && !(r->query = keep_text(r, found[V_QUERY]))) {
        r->query = none;
        return refuse(why, 400, "The address is too long.");
    }
    return path_take(r, found, why);
}

/* "text/plain; charset=utf-8" is of type text/plain. */
static bool type_is(const char *content_type, const char *type) {
    size_t n = strlen(type);
    if (strncasecmp(content_type, type, n) != 0)
        return false;
    content_type += n;
    while (*content_type == ' ' || *content_type == '\t')
        content_type++;
    return *content_type == '\0' || *content_type == ';';
}

int request_body(struct request *r, size_t max, const char *type, const char **why) {
    if (r->content_length < 0)
        return refuse(why, 400, "The request says no length.");
    if (type && !type_is(r->content_type, type))
        return refuse(why, 415,
                      "The content of the request is of another type than this address takes.");
    if ((uint64_t)r->content_length > max)
        return refuse(why, 413, "The request is too large.");
    size_t size = (size_t)r->content_length;
    r->body = malloc(size + 1);
    if (!r->body)
        return refuse(why, 503, no_memory);
    while (r->body_size < size && r->read) {
        size_t n = r->read(r->read_arg, r->body + r->body_size, size - r->body_size);
        if (!n)
            break;
        r->body_size += n;
    }
    r->body[r->body_size] = '\0';
    if (r->body_size < size)
        return refuse(why, 400, "The request was cut short.");
    /* Its end, now that it is there: the connection is to be good for the next one. */
    char more;
    if (r->read && r->read(r->read_arg, &more, 1) > 0)
        return refuse(why, 400, "The request is longer than it says.");
    return 0;
}

/* How far it is to one of these characters outside a quoted-string, or to the end. */
static size_t span(const char *p, const char *stops) {
    bool quoted = false;
    size_t n = 0;
    for (; p[n] && (quoted || !strchr(stops, p[n])); n++)
        if (p[n] == '"')
            quoted = !quoted;
        else if (quoted && p[n] == '\\' && p[n + 1])
            n++;
    return n;
}

/* A number, or one in quotes (RFC 7240, section 2: a word).  -1: neither. */
static int64_t number_word(const char *p, size_t n) {
    char value[20];
    if (n >= 2 && p[0] == '"' && p[n - 1] == '"')
        p++, n -= 2;
    if (n == 0 || n >= sizeof(value))
        return -1;
    memcpy(value, p, n);
    value[n] = '\0';
    return text_number(value);
}

int request_wait_s(const struct request *r, int max, int otherwise) {
    const char *p = r->prefer;
    while (p && *p) {
        while (*p == ' ' || *p == '\t' || *p == ',')
            p++;
        size_t n = span(p, ",;");
        int64_t s = n > 5 && strncasecmp(p, "wait=", 5) == 0 ? number_word(p + 5, n - 5) : -1;
        if (s >= 0)
            return s > max ? max : (int)s;
        p += span(p, ",");
    }
    return otherwise;
}

void request_forget_body(struct request *r) {
    if (r->body)
        explicit_bzero(r->body, r->body_size);
    free(r->body);
    r->body = NULL;
    r->body_size = 0;
}

void request_clear(struct request *r) {
    request_forget_body(r);
    if (r->text)
        explicit_bzero(r->text, r->used);
    r->used = 0;
}

void request_free(struct request *r) {
    request_clear(r);
    free(r->text);
    r->text = NULL;
    r->room = 0;
}
