/* http_call.c - one call as curl sees it: its options, its answer, what came of it. */
#include "core/http_call.h"
#include "core/http_memory.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "sql/checkpoint.h"
#include "sql/clock.h"

#define HEADERS_MAX 65536 /* bytes of all header lines of an answer */
#define HEADER_SIZE 2048  /* of one header line of a request */
#define READ_SIZE   4096L /* answers are small, calls are many */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode once_result;

static void init_curl(void) {
    /* Where the program has initialised curl before, its own memory functions stay. */
    once_result = curl_global_init_mem(CURL_GLOBAL_DEFAULT, http_malloc, http_free, http_realloc,
                                       http_strdup, http_calloc);
}

bool call_init_curl(void) {
    return pthread_once(&once, init_curl) == 0 && once_result == CURLE_OK;
}

/* ---- made and freed, on any thread ------------------------------------------------------- */

static void wipe_text(char *s, size_t size) {
    if (s)
        explicit_bzero(s, size);
    free(s);
}

void call_free(struct call *c) {
    if (!c)
        return;
    for (struct curl_slist *l = c->headers; l; l = l->next)
        explicit_bzero(l->data, strlen(l->data));
    curl_slist_free_all(c->headers);
    curl_slist_free_all(c->addresses);
    wipe_text(c->url, c->url ? strlen(c->url) : 0);
    wipe_text(c->post, c->post_size);
    buf_free(&c->body);
    free(c);
}

static bool add_header(struct call *c, const char *line) {
    struct curl_slist *l = curl_slist_append(c->headers, line);
    if (l)
        c->headers = l;
    return l;
}

static bool copy_headers(struct call *c, const struct http_request *r) {
    for (int i = 0; i < r->header_count; i++) {
        char line[HEADER_SIZE];
        const struct http_header *h = &r->headers[i];
        int size = snprintf(line, sizeof line, "%s: %s", h->name, h->value ? h->value : "");
        bool fits = size > 0 && size < (int)sizeof line && !strpbrk(line, "\r\n");
        bool ok = fits && add_header(c, line);
        explicit_bzero(line, sizeof line);
        if (!fits)
            c->refused = OTR_REASON_BAD_REQUEST;
        else if (!ok)
            return false;
    }
    return add_header(c, "Expect:"); /* no 100-continue: one write, one answer */
}

struct call *call_new(const struct call_settings *s, const struct http_request *r, http_done *done,
                      void *arg) {
    struct call *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->settings = s;
    c->done = done;
    c->arg = arg;
    c->start_ms = clock_monotonic_ms();
    c->timeout_ms = r->timeout_ms > 0 ? r->timeout_ms : s->timeout_ms;
    c->send_by_ms = r->send_by_ms > 0 ? r->send_by_ms : c->start_ms + c->timeout_ms;
    buf_init(&c->body, s->answer_max);
    c->url = strdup(r->url);
    if (r->post) {
        c->post_size = r->body_size;
        c->post = malloc(r->body_size + 1);
        if (c->post && r->body_size)
            memcpy(c->post, r->body, r->body_size);
    }
    if (c->url && (!r->post || c->post) && copy_headers(c, r))
        return c;
    call_free(c);
    return NULL;
}

/* ---- while it is under way ---------------------------------------------------------------- */

/* Called when connected, before the first byte of the request (libcurl 7.80 or later). */
static int on_prereq(void *arg, char *remote_ip, char *local_ip, int remote_port, int local_port) {
    struct call *c = arg;
    (void)remote_ip, (void)local_ip, (void)remote_port, (void)local_port;
    checkpoint("call", "connected");
    /* A node that was stopped or starved since the intent: the transaction may have been settled
       without it.  curl's own time limit begins only where the call does. */
    if (clock_monotonic_ms() > c->send_by_ms)
        return CURL_PREREQFUNC_ABORT;
    c->began = true;
    return CURL_PREREQFUNC_OK;
}

static size_t on_body(char *bytes, size_t one, size_t size, void *arg) {
    struct call *c = arg;
    (void)one;
    if (buf_add(&c->body, bytes, size))
        return size;
    c->too_large = true;
    return 0;
}

/* Two lengths that differ: nobody knows where the answer ends (RFC 9112, 6.3).  curl takes the
   last. */
static bool take_length(struct call *c, const char *text, size_t size) {
    char value[sizeof c->length];
    while (size && (*text == ' ' || *text == '\t'))
        text++, size--;
    while (size && strchr(" \t\r\n", text[size - 1]))
        size--;
    if (size == 0 || size >= sizeof value)
        return false;
    snprintf(value, sizeof value, "%.*s", (int)size, text);
    if (*c->length)
        return strcmp(value, c->length) == 0;
    snprintf(c->length, sizeof c->length, "%s", value);
    return true;
}

/* Line by line; those of a 1xx come before, trailers behind. */
static size_t on_header(char *line, size_t one, size_t size, void *arg) {
    struct call *c = arg;
    char value[64];
    (void)one;
    checkpoint("call", "answer_begun");
    c->header_size += size;
    if (c->header_size > HEADERS_MAX) {
        c->too_large = true;
        return 0;
    }
    if (size > 5 && strncasecmp(line, "HTTP/", 5) == 0) {
        c->headed = false;
        *c->length = '\0';
    }
    if (*line == '\n' || (size > 1 && line[0] == '\r' && line[1] == '\n'))
        c->headed = true;
    if (size > 15 && !c->headed && strncasecmp(line, "content-length:", 15) == 0 &&
        !take_length(c, line + 15, size - 15))
        return 0;
    if (size > 5 && size < sizeof value && strncasecmp(line, "date:", 5) == 0) {
        snprintf(value, sizeof value, "%.*s", (int)(size - 5), line + 5);
        time_t t = curl_getdate(value, NULL);
        c->date = t > 0 ? (int64_t)t * 1000 : 0;
    }
    return size;
}

/* ---- its options -------------------------------------------------------------------------- */

/* Takes the host apart: what is to be looked up stays in c->host. */
static const char *scheme_for(struct call *c, const char *scheme, const char *host, const char *port) {
    struct in_addr v4;
    bool here = strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
    bool number = inet_pton(AF_INET, host, &v4) == 1;
    here = here || (number && ntohl(v4.s_addr) >> 24 == 127);
    if (!here && !number && *host != '[')
        snprintf(c->host, sizeof c->host, "%s", host);
    c->port = (int)strtol(port, NULL, 10); /* curl has looked that it is one */
    return strcmp(scheme, "https") == 0          ? "https"
           : strcmp(scheme, "http") == 0 && here ? "http"
                                                 : NULL;
}

/* "https"; "http" only to this host; NULL for any other address. */
static const char *scheme_allowed(struct call *c) {
    const char *allowed = NULL;
    char *scheme = NULL, *host = NULL, *port = NULL;
    CURLU *u = curl_url();
    if (u && curl_url_set(u, CURLUPART_URL, c->url, CURLU_DISALLOW_USER) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
        strlen(host) < sizeof c->host)
        allowed = scheme_for(c, scheme, host, port);
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(u);
    return allowed;
}

static unsigned set_answer_options(struct call *c) {
    unsigned e = CURLE_OK;
    e |= curl_easy_setopt(c->easy, CURLOPT_PREREQFUNCTION, on_prereq);
    e |= curl_easy_setopt(c->easy, CURLOPT_PREREQDATA, c);
    e |= curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
    e |= curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
    e |= curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_header);
    e |= curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
    e |= curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->error);
    e |= curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
    e |= curl_easy_setopt(c->easy, CURLOPT_BUFFERSIZE, READ_SIZE);
    e |= curl_easy_setopt(c->easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)c->settings->answer_max);
    return e;
}

/* No proxy, netrc, cookies, redirects, decoding: what the environment says does not matter. */
static unsigned set_network_options(struct call *c, const char *scheme) {
    const struct call_settings *s = c->settings;
    CURL *y = c->easy;
    unsigned e = CURLE_OK;
    e |= curl_easy_setopt(y, CURLOPT_PROTOCOLS_STR, scheme);
    e |= curl_easy_setopt(y, CURLOPT_FOLLOWLOCATION, 0L);
    e |= curl_easy_setopt(y, CURLOPT_PROXY, "");
    e |= curl_easy_setopt(y, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    e |= curl_easy_setopt(y, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    e |= curl_easy_setopt(y, CURLOPT_TCP_FASTOPEN, 0L);
    e |= curl_easy_setopt(y, CURLOPT_NOSIGNAL, 1L);
    e |= curl_easy_setopt(y, CURLOPT_TIMEOUT_MS, (long)c->timeout_ms);
    e |= curl_easy_setopt(y, CURLOPT_CONNECTTIMEOUT_MS, (long)s->connect_timeout_ms);
    e |= curl_easy_setopt(y, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    e |= curl_easy_setopt(y, CURLOPT_SSL_VERIFYPEER, 1L);
    e |= curl_easy_setopt(y, CURLOPT_SSL_VERIFYHOST, 2L);
    if (s->ca_file)
        e |= curl_easy_setopt(y, CURLOPT_CAINFO, s->ca_file);
    /* Only certificates from one file are parsed once and kept (CURLOPT_CA_CACHE_TIMEOUT). */
    e |= curl_easy_setopt(y, CURLOPT_CAPATH, NULL);
    e |= curl_easy_setopt(y, CURLOPT_SHARE, s->share);
    return e;
}

static unsigned set_request_options(struct call *c) {
    CURL *y = c->easy;
    unsigned e = curl_easy_setopt(y, CURLOPT_URL, c->url);
    e |= curl_easy_setopt(y, CURLOPT_HTTPHEADER, c->headers);
    if (!c->post)
        return e | curl_easy_setopt(y, CURLOPT_HTTPGET, 1L);
    e |= curl_easy_setopt(y, CURLOPT_POST, 1L);
    e |= curl_easy_setopt(y, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->post_size);
    e |= curl_easy_setopt(y, CURLOPT_POSTFIELDS, c->post);
    /* curl sends a request again by itself, POST too, when a reused connection dies. */
    e |= curl_easy_setopt(y, CURLOPT_FRESH_CONNECT, 1L);
    return e | curl_easy_setopt(y, CURLOPT_FORBID_REUSE, 1L);
}

enum otr_reason call_prepare(struct call *c, const char **detail) {
    const char *scheme = scheme_allowed(c);
    if (!scheme) {
        *detail = "the bank's address is not https";
        return OTR_REASON_BAD_REQUEST;
    }
    /* An option that is not taken could cost the certainty of what was sent: all or nothing. */
    if (set_answer_options(c) || set_network_options(c, scheme) || set_request_options(c)) {
        *detail = "the call could not be set up";
        return OTR_REASON_CONNECT_FAILED;
    }
    return OTR_REASON_NONE;
}

bool call_addresses(struct call *c, const char *entry) {
    int64_t gone = clock_monotonic_ms() - c->start_ms;
    int64_t whole = c->timeout_ms - gone, connect = c->settings->connect_timeout_ms - gone;
    c->addresses = curl_slist_append(NULL, entry);
    return c->addresses &&
           curl_easy_setopt(c->easy, CURLOPT_RESOLVE, c->addresses) == CURLE_OK &&
           curl_easy_setopt(c->easy, CURLOPT_TIMEOUT_MS, (long)(whole > 1 ? whole : 1)) == CURLE_OK &&
           curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(connect > 1 ? connect : 1)) ==
               CURLE_OK;
}

/* ---- what came of it --------------------------------------------------------------------- */

/* Before a byte of the request left: which of our steps failed? */
static enum otr_reason reason_not_sent(CURL *easy, CURLcode code) {
    curl_off_t resolved = 0;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return OTR_REASON_DNS_FAILED;
    case CURLE_OPERATION_TIMEDOUT:
        curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &resolved);
        return resolved ? OTR_REASON_CONNECT_FAILED : OTR_REASON_DNS_FAILED;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_USE_SSL_FAILED:
        return OTR_REASON_TLS_FAILED;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
        return OTR_REASON_BAD_REQUEST;
    case CURLE_ABORTED_BY_CALLBACK: /* on_prereq: too late */
        return OTR_REASON_OVERLOADED;
    default:
        return OTR_REASON_CONNECT_FAILED;
    }
}

/* After it may have left: what became of the answer? */
static enum otr_reason reason_maybe_sent(const struct call *c, CURLcode code) {
    if (c->too_large)
        return OTR_REASON_UNREADABLE_ANSWER;
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return OTR_REASON_NO_ANSWER;
    case CURLE_UNSUPPORTED_PROTOCOL: /* not HTTP/1.x */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
    case CURLE_FILESIZE_EXCEEDED:
    case CURLE_WRITE_ERROR:
    case CURLE_OUT_OF_MEMORY:
        return OTR_REASON_UNREADABLE_ANSWER;
    default: /* reset, closed, cut short, broken chunks */
        return OTR_REASON_CONNECTION_LOST;
    }
}

/* curl's words, in which the bank may have a say. */
void call_detail(struct http_result *r, const char *text) {
    snprintf(r->detail, sizeof r->detail, "%s", text);
    for (char *p = r->detail; *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
}

void call_result(struct call *c, CURLcode code, struct http_result *r) {
    long status = 0, sent = 0;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &sent);
    r->date = c->date;
    r->status = (int)status;
    if (!c->began && sent == 0) {
        r->fate = HTTP_NOT_SENT;
        r->reason = reason_not_sent(c->easy, code);
    } else if (code != CURLE_OK) {
        r->fate = HTTP_MAYBE_SENT;
        r->reason = reason_maybe_sent(c, code);
    } else if (!c->headed) { /* closed inside the header: no error to curl */
        r->fate = HTTP_MAYBE_SENT;
        r->reason = OTR_REASON_CONNECTION_LOST;
        call_detail(r, "the connection was closed inside the header");
    } else {
        r->fate = HTTP_ANSWERED;
        r->body = c->body.bytes;
        r->size = c->body.size;
    }
    if (code != CURLE_OK)
        call_detail(r, *c->error ? c->error : curl_easy_strerror(code));
}
