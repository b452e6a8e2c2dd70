/*
 * http_server.h - a small server for test_http: one thread per connection, misbehaves by path,
 * counts what reaches it.
 *
 *   /ok            200, kept alive            /echo      200, the request as the body
 *   /slow          200 after 300 ms           /stall     reads the request, never answers
 *   /reset /fin    reads the request, then the connection is reset / closed
 *   /once          answers the first request of a connection; closes at the second
 *   /cut           100 bytes announced, 50 sent, closed      /chunk   broken chunk
 *   /huge /endless 2 MiB announced / unannounced             /headers 200 kB of header lines
 *   /redirect      302 to /ok                 /gzip      a body that claims to be gzip
 *   /continue      100, then 200              /garbage   no HTTP            /502  502 with HTML
 *
 * Or it says what a script says.
 */
#ifndef OTPREFUND_HTTP_SERVER_H
#define OTPREFUND_HTTP_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct server;
struct conn; /* one connection, on a thread of its own */

/* How a script leaves its connection. */
enum server_end {
    SERVER_FIN,   /* closed; TLS: after close_notify */
    SERVER_RUDE,  /* closed; TLS: without close_notify */
    SERVER_RESET, /* reset */
    SERVER_HALF,  /* nothing more is said, but the connection stays open until the peer closes it */
    SERVER_STALL, /* the same, and the peer is not told that nothing more comes */
    SERVER_KEEP   /* the next request may come */
};

/* Answers a whole request (NUL-terminated) with server_say; called on many threads. */
typedef enum server_end server_script(struct conn *c, const char *request, void *arg);
bool server_say(struct conn *c, const char *bytes, size_t size);

struct server {
    int port;
    atomic_int connections; /* accepted */
    atomic_int requests;    /* whole requests read */
    atomic_int resumed;     /* TLS handshakes that resumed a session */
    atomic_int handshakes;  /* TLS handshakes done */
    char ca_file[64];       /* TLS: the certificate to trust; removed by server_stop */

    int fd;
    bool silent;
    void *ctx; /* SSL_CTX */
    server_script *script;
    void *script_arg;
    atomic_bool stopping;
    atomic_int threads;
    unsigned long thread;
};

enum server_manner {
    SERVER_PLAIN,
    SERVER_TLS,
    SERVER_TLS12,
    SERVER_TLS11, /* where OpenSSL may speak it */
    SERVER_SILENT /* accepts and says nothing */
};

/* Listens on 127.0.0.1.  false: could not. */
bool server_start(struct server *s, enum server_manner manner);
bool server_start_script(struct server *s, enum server_manner manner, server_script *script,
                         void *arg);
void server_stop(struct server *s);

#endif
