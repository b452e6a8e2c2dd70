/*
 * http_call.h - one call as curl sees it: its options, its answer, what came of it.  Internal to
 * http.c.
 *
 * http.c owns the thread, the queue and the curl multi handle; http_call.c knows every curl
 * option.  Together they are the only door to libcurl.
 */
#ifndef OTPREFUND_HTTP_CALL_H
#define OTPREFUND_HTTP_CALL_H

#include <curl/curl.h>

#include "core/buf.h"
#include "core/http.h"

/* What all calls of an engine share; borrowed by the calls. */
struct call_settings {
    const char *ca_file; /* NULL: the system's */
    int timeout_ms, connect_timeout_ms;
    size_t answer_max;
    CURLSH *share; /* TLS sessions */
};

struct call {
    /* the engine's: in its queue (next only), then among the calls under way */
    struct call *next, *before;
    const struct call_settings *settings;
    CURL *easy;                 /* NULL until call_prepare */
    struct curl_slist *headers; /* owned; wiped */
    struct curl_slist *addresses; /* owned; what the name stands for */
    char *url, *post;           /* owned; wiped; post is NULL for a GET */
    char host[256];             /* to be looked up; "": it is an address, or this host */
    int port;
    size_t post_size;
    int timeout_ms;
    int64_t send_by_ms;
    enum otr_reason refused; /* not NONE: never to be sent */
    bool began;              /* curl was about to send: bytes of the request may have left */
    bool too_large;          /* the answer went over a limit */
    size_t header_size;
    bool headed;     /* the answer's header is whole */
    char length[24]; /* its Content-Length, as text; "" if none */
    int64_t start_ms, date;
    struct buf body;
    http_done *done;
    void *arg;
    char error[CURL_ERROR_SIZE];
};

/* curl_global_init, once per process, with memory functions that wipe what is given back.
   false: not possible. */
bool call_init_curl(void);

/* Copies the request.  NULL: no memory.  A header that cannot be sent sets refused. */
struct call *call_new(const struct call_settings *s, const struct http_request *r, http_done *done,
                      void *arg);
void call_free(struct call *c); /* wipes; the easy handle must have been taken away; NULL allowed */

/* Sets every option on the call's (new) easy handle.  Not NONE: the call must not be sent, see
   detail. */
enum otr_reason call_prepare(struct call *c, const char **detail);

/* An entry of names.h for its host; what of its time has gone by for that is taken off its limits.
   false: no memory. */
bool call_addresses(struct call *c, const char *entry);

/* What came of it, once curl is done with it (code), or has been stopped: then with
   CURLE_OPERATION_TIMEDOUT. */
void call_result(struct call *c, CURLcode code, struct http_result *r);

/* Puts text into r->detail: printable ASCII only. */
void call_detail(struct http_result *r, const char *text);

#endif
