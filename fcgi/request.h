/*
 * request.h - one HTTP request as the web server hands it over (CGI/1.1 variables, RFC 3875),
 * checked.
 *
 * Knows no FastCGI: the variables come as an array of "NAME=value" and the body through a function,
 * so that tests can give both.  Everything is copied into the request's own memory, NUL-terminated:
 * no more of it than there is to keep, for thousands of requests may wait for the bank at once.
 */
#ifndef OTPREFUND_REQUEST_H
#define OTPREFUND_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_TEXT_MAX 16384 /* all texts of a request together */
#define REQUEST_ID_SIZE  17

enum request_method { METHOD_OTHER, METHOD_GET, METHOD_HEAD, METHOD_POST };

/* Up to size bytes of the body to out; 0: its end, or it was cut short. */
typedef size_t request_reader(void *arg, char *out, size_t size);

struct request {
    char id[REQUEST_ID_SIZE]; /* 16 random hex digits; ours, never the client's */
    enum request_method method;
    const char *method_name;    /* as sent, at most 16 bytes */
    const char *path;           /* decoded once; starts with / and has no empty, "." or ".." part */
    char *query;                /* not decoded; "" if none */
    const char *remote_user;    /* "" if none */
    const char *remote_addr;    /* "" if none */
    const char *bearer;         /* token of "Authorization: Bearer ..."; NULL if none; a secret */
    const char *sec_fetch_site; /* NULL if none; so are the next two */
    const char *sec_fetch_mode, *sec_fetch_dest;
    const char *content_type;   /* "" if none */
    int64_t content_length;     /* -1 if none */
    const char *idempotency_key; /* NULL if none */
    const char *prefer;          /* NULL if none */

    char *body; /* owned; NUL-terminated; NULL until request_body */
    size_t body_size;
    request_reader *read;
    void *read_arg;

    size_t used, room;
    char *text; /* owned; most of the texts above point into it */
};

/*
 * Fills r from envp (NULL-terminated).  0, or the HTTP status to answer with (400, 404; 503: no
 * memory) and *why: a sentence.  r->id, ->path ("" if it was bad), ->query and ->method are set in any
 * case.  read may be NULL: no body.  Before the first time r is zeroed, before every other cleared.
 */
int request_parse(struct request *r, char *const envp[], request_reader *read, void *read_arg,
                  const char **why);

/*
 * Reads the body of at most max bytes into r->body.  type: the media type it must have
 * ("text/plain"; parameters are ignored), NULL: any.  0, or the HTTP status: 400 no length
 * or cut short, 413 too large, 415, 503 no memory.
 */
int request_body(struct request *r, size_t max, const char *type, const char **why);

/* Seconds of "Prefer: wait=N" (RFC 7240), at most max; or otherwise. */
int request_wait_s(const struct request *r, int max, int otherwise);

/* Wipes and frees the body alone (it may hold an OTP). */
void request_forget_body(struct request *r);
/* Wipes what the request holds (it may hold an OTP or a token), and keeps some room for the next; the
 * reader stays untouched. */
void request_clear(struct request *r);
/* Wipes and frees. */
void request_free(struct request *r);

#endif
