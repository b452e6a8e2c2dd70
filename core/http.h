/*
 * http.h - one I/O thread that carries every call to the bank: the only door to libcurl.
 *
 * What it promises: TLS >= 1.2 verified (plain http only to a loopback address), no redirects, no
 * retries, no proxy, netrc or cookies, at most answer_max bytes of answer, HTTP/1.1.  A POST always
 * travels on a fresh connection that is not reused afterwards, because libcurl re-sends a request
 * by itself when a reused connection dies (Curl_retry_request); GETs reuse connections.  TLS
 * sessions are resumed.
 */
#ifndef OTPREFUND_HTTP_H
#define OTPREFUND_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sql/record.h"

struct http;

struct http_config {
    const char *ca_file; /* PEM; NULL or "": the system's */
    int timeout_ms;      /* of a whole call */
    int connect_timeout_ms;
    int max_in_flight; /* more are refused as not sent (overloaded) */
    size_t answer_max; /* 0: 1 MiB */
};

enum http_fate {
    HTTP_ANSWERED,  /* a complete HTTP answer: look at status and body */
    HTTP_NOT_SENT,  /* certain: no byte of the request left (libcurl never reached
                       CURLOPT_PREREQFUNCTION, and CURLINFO_REQUEST_SIZE is 0) */
    HTTP_MAYBE_SENT /* anything else */
};

/* What came of one call.  Owned by the engine, valid during the callback only. */
struct http_result {
    enum http_fate fate;
    enum otr_reason reason; /* NONE when answered; not sent: connect_failed, dns_failed, tls_failed,
                               bad_request (address not allowed, unfit header), overloaded,
                               stopping; maybe sent: no_answer, connection_lost,
                               unreadable_answer (too large, not HTTP) */
    int status;             /* HTTP status, 0 if none */
    const char *body;       /* size bytes, not NUL-terminated; NULL if none */
    size_t size;
    int duration_ms;
    int64_t date;     /* the Date header, ms since the epoch, 0 if none */
    char detail[256]; /* for the log: what libcurl said; no URL, no secrets */
};

/* Called exactly once per http_start, on the I/O thread: must return soon and not call
 * http_start... */
typedef void http_done(void *arg, const struct http_result *r);

struct http_header {
    const char *name, *value;
};

struct http_request {
    const char *url;
    bool post;
    const char *body;
    size_t body_size; /* POST */
    const struct http_header *headers;
    int header_count;
    int timeout_ms;     /* 0: the configured one */
    int64_t send_by_ms; /* CLOCK_MONOTONIC: no byte of it leaves later, then it is not sent
                           (overloaded); 0: its time limit from now */
};

/* NULL with why on failure.  Starts the I/O thread. */
struct http *http_open(const struct http_config *c, char *why, size_t why_size);

/*
 * Hands a call over; url, headers and body are copied (the copies are wiped afterwards).  done is
 * called exactly once, on the I/O thread, also when the engine is full or closing (HTTP_NOT_SENT),
 * except when this returns false (no memory: nothing was sent and done will not be called).  Any
 * thread.
 */
bool http_start(struct http *h, const struct http_request *r, http_done *done, void *arg);

int http_in_flight(struct http *h);

/*
 * Ends the engine: calls not yet on the wire end as not_sent (stopping), the others run on for at
 * most grace_ms and then end as maybe_sent (no_answer).  Returns when every done has been called;
 * from then on http_start says false.  One thread; a second time it does nothing.
 * NULL allowed.
 */
void http_stop(struct http *h, int grace_ms);

/* http_stop, and frees it: nobody may call http_start any more.  NULL allowed. */
void http_close(struct http *h, int grace_ms);

#endif
