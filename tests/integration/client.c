/* client.c - exchanges over HTTP with libcurl, as a browser or a machine makes them. */
#include "tests/integration/client.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define TIMEOUT_S 60L

void reply_free(struct reply *r) {
    free(r->head);
    free(r->body);
    memset(r, 0, sizeof *r);
}

static size_t append(char **to, size_t *have, const char *data, size_t size) {
    if (*have + size > CLIENT_REPLY_MAX)
        return 0;
    char *more = realloc(*to, *have + size + 1);
    if (!more)
        return 0;
    *to = more;
    memcpy(more + *have, data, size);
    *have += size;
    more[*have] = '\0';
    return size;
}

static size_t on_body(char *data, size_t one, size_t n, void *arg) {
    struct reply *r = arg;
    return append(&r->body, &r->body_size, data, one * n);
}

static size_t on_head(char *data, size_t one, size_t n, void *arg) {
    struct reply *r = arg;
    if (one * n >= 5 && strncmp(data, "HTTP/", 5) == 0) { /* a 100 Continue came before */
        r->head_size = 0;
        if (r->head)
            r->head[0] = '\0';
    }
    return append(&r->head, &r->head_size, data, one * n);
}

struct exchange {
    CURL *easy;
    struct curl_slist *headers;
    struct reply *reply;
};

static void set_login(CURL *e, const struct client *c) {
    if (c->login) {
        curl_easy_setopt(e, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(e, CURLOPT_USERNAME, c->login);
        curl_easy_setopt(e, CURLOPT_PASSWORD, c->password ? c->password : "");
    }
}

static void add_header(struct exchange *x, const char *line) {
    struct curl_slist *more = curl_slist_append(x->headers, line);
    if (more)
        x->headers = more;
}

static void set_body(CURL *e, const struct ask *a) {
    size_t size = a->body_size ? a->body_size : a->body ? strlen(a->body) : 0;
    if (a->body) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, a->body);
    } else if (a->method && strcmp(a->method, "HEAD") == 0) {
        curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
        return;
    }
    if (a->method)
        curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, a->method);
}

static bool prepare(struct exchange *x, const struct client *c, const struct ask *a,
                    struct reply *r) {
    char line[16384];
    reply_free(r);
    *x = (struct exchange){.easy = curl_easy_init(), .reply = r};
    if (!x->easy || append(&r->head, &r->head_size, "", 0) ||
        append(&r->body, &r->body_size, "", 0))
        return false;
    snprintf(line, sizeof line, "%s%s", c->base, a->path);
    curl_easy_setopt(x->easy, CURLOPT_URL, line);
    curl_easy_setopt(x->easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(x->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(x->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(x->easy, CURLOPT_TIMEOUT, TIMEOUT_S);
    curl_easy_setopt(x->easy, CURLOPT_SSL_VERIFYPEER,
                     0L); /* the control port may have the throw-away CA */
    curl_easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(x->easy, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(x->easy, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(x->easy, CURLOPT_HEADERDATA, r);
    set_login(x->easy, c);
    set_body(x->easy, a);
    add_header(x, "Expect:");
    if (a->content_type)
        snprintf(line, sizeof line, "Content-Type: %s", a->content_type);
    else
        snprintf(line, sizeof line, "Content-Type:"); /* curl would add its own */
    add_header(x, line);
    if (c->token) {
        snprintf(line, sizeof line, "Authorization: Bearer %s", c->token);
        add_header(x, line);
    }
    for (int i = 0; i < 6 && a->headers[i]; i++)
        add_header(x, a->headers[i]);
    curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers);
    return true;
}

static bool conclude(struct exchange *x, CURLcode code) {
    struct reply *r = x->reply;
    long status = 0;
    if (x->easy)
        curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    r->status = (int)status;
    if (code != CURLE_OK)
        snprintf(r->error, sizeof r->error, "%s", curl_easy_strerror(code));
    curl_slist_free_all(x->headers);
    curl_easy_cleanup(x->easy);
    return r->status != 0;
}

bool client_ask(const struct client *c, const struct ask *a, struct reply *r) {
    struct exchange x;
    CURLcode code = CURLE_FAILED_INIT;
    if (prepare(&x, c, a, r))
        code = curl_easy_perform(x.easy);
    return conclude(&x, code);
}

bool client_get(const struct client *c, const char *path, struct reply *r) {
    return client_ask(c, &(struct ask){.path = path}, r);
}

bool client_ask_at_once(const struct client *c, const struct ask *a, struct reply *r, int n) {
    struct exchange x[8];
    CURLM *multi = curl_multi_init();
    bool ok = multi != NULL && n <= 8;
    int running = 0;
    for (int i = 0; ok && i < n; i++) {
        ok = prepare(&x[i], c, a, &r[i]);
        if (ok)
            curl_multi_add_handle(multi, x[i].easy);
    }
    if (!ok) {
        curl_multi_cleanup(multi);
        return false;
    }
    do {
        curl_multi_perform(multi, &running);
        if (running)
            curl_multi_poll(multi, NULL, 0, 1000, NULL);
    } while (running);
    for (int i = 0; i < n; i++) {
        curl_multi_remove_handle(multi, x[i].easy);
        ok = conclude(&x[i], CURLE_OK) && ok;
    }
    curl_multi_cleanup(multi);
    return ok;
}

bool client_ask_url(const char *method, const char *url, const char *body, struct reply *r) {
    const struct client c = {.base = url};
    const struct ask a = {.method = method,
                          .path = "",
                          .body = body,
                          .content_type = body ? "application/json" : NULL};
    return client_ask(&c, &a, r);
}

static int raw_connect(const struct client *c) {
    const char *host = strstr(c->base, "://");
    const char *port = host ? strrchr(host + 3, ':') : NULL;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    to.sin_port = htons((unsigned short)(port ? strtol(port + 1, NULL, 10) : 80));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    const struct timeval limit = {.tv_sec = TIMEOUT_S};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
        connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int client_raw(const struct client *c, const char *bytes, size_t size) {
    char answer[64];
    size_t have = 0;
    int status = -1, fd = raw_connect(c);
    if (fd < 0)
        return -1;
    if (send(fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size || shutdown(fd, SHUT_WR) != 0)
        goto out;
    while (have < sizeof answer - 1) {
        ssize_t n = recv(fd, answer + have, sizeof answer - 1 - have, 0);
        if (n < 0)
            goto out;
        if (n == 0)
            break;
        have += (size_t)n;
    }
    answer[have] = '\0';
    status =
        have > 12 && strncmp(answer, "HTTP/1.", 7) == 0 ? (int)strtol(answer + 9, NULL, 10) : 0;
out:
    close(fd);
    return status;
}

char *client_basic(const struct client *c, char *out, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char plain[256] = "", text[360];
    int n = snprintf(plain, sizeof plain - 2, "%s:%s", c->login, c->password), o = 0;
    for (int i = 0; i < n && o + 4 < (int)sizeof text; i += 3) {
        unsigned v = (unsigned)(unsigned char)plain[i] << 16 |
                     (i + 1 < n ? (unsigned)(unsigned char)plain[i + 1] << 8 : 0) |
                     (i + 2 < n ? (unsigned)(unsigned char)plain[i + 2] : 0);
        text[o++] = digits[v >> 18 & 63];
        text[o++] = digits[v >> 12 & 63];
        text[o++] = i + 1 < n ? digits[v >> 6 & 63] : '=';
        text[o++] = i + 2 < n ? digits[v & 63] : '=';
    }
    text[o] = '\0';
    snprintf(out, size, "Authorization: Basic %s", text);
    return out;
}

char *reply_header(const struct reply *r, const char *name, char *out, size_t size) {
    size_t n = strlen(name);
    out[0] = '\0';
    for (const char *line = r->head; line && *line;) {
        const char *end = strstr(line, "\r\n");
        if (!end)
            break;
        if (strncasecmp(line, name, n) == 0 && line[n] == ':') {
            const char *value = line + n + 1;
            while (*value == ' ')
                value++;
            snprintf(out, size, "%.*s", (int)(end - value), value);
            break;
        }
        line = end + 2;
    }
    return out;
}

/* Length of the match of words at p, with white space folded; 0: none. */
static bool matches(const char *p, const char *words) {
    while (*words) {
        if (*words == ' ') {
            if (!isspace((unsigned char)*p))
                return false;
            while (isspace((unsigned char)*p))
                p++;
            words++;
        } else if (tolower((unsigned char)*p++) != tolower((unsigned char)*words++)) {
            return false;
        }
    }
    return true;
}

bool reply_says(const struct reply *r, const char *words) {
    for (const char *p = r->body; p && *p; p++)
        if (matches(p, words))
            return true;
    return false;
}

char *reply_location(const struct reply *r, char *out, size_t size) {
    char value[512];
    reply_header(r, "Location", value, sizeof value);
    const char *path = strstr(value, "://");
    if (path)
        path = strchr(path + 3, '/');
    else
        path = value;
    snprintf(out, size, "%s", path ? path : "");
    return out;
}

long reply_attempt_id(const struct reply *r) {
    char path[512];
    const char *at = strstr(reply_location(r, path, sizeof path), "/attempts/");
    return at ? strtol(at + strlen("/attempts/"), NULL, 10) : 0;
}
