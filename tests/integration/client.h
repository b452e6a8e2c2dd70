/*
 * client.h - a browser and an API client in small, on libcurl.
 *
 * Redirects are followed by hand, so that a test sees the 303 and where it points.  One thread.
 */
#ifndef INTEGRATION_CLIENT_H
#define INTEGRATION_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#define CLIENT_FIELDS    16
#define CLIENT_REPLY_MAX (8u << 20)

struct client {
    const char *base;  /* "http://127.0.0.1:8080" */
    const char *login; /* NULL: no Basic login */
    const char *password;
    const char *token; /* NULL: no bearer token */
};

struct reply {
    int status;        /* 0: no answer */
    char *head, *body; /* NUL-terminated; owned, never NULL after a call */
    size_t head_size, body_size;
    char error[256]; /* of curl, where status is 0 */
};
void reply_free(struct reply *r); /* NULL contents allowed */

struct ask {
    const char *method;       /* NULL: GET, or POST where there is a body */
    const char *path;         /* "/..." */
    const char *content_type; /* NULL: none */
    const char *body;         /* NULL: none */
    size_t body_size;         /* 0: strlen(body) */
    const char *headers[6];   /* "Name: value", up to the first NULL */
};

/* One exchange; r is freed first: start with {0}.  false: no answer (r->error says why). */
bool client_ask(const struct client *c, const struct ask *a, struct reply *r);
bool client_get(const struct client *c, const char *path, struct reply *r);
/* The same exchange n times at once, each on its own connection. */
bool client_ask_at_once(const struct client *c, const struct ask *a, struct reply *r, int n);
/* An exchange with an address outside the program ("http://..."): the bank's control port. */
bool client_ask_url(const char *method, const char *url, const char *body, struct reply *r);

/* Sends bytes as they are on a fresh TCP connection to the client's base, then shuts down writing.
   The HTTP status of the answer, 0 if the connection was closed without one, -1 if it failed. */
int client_raw(const struct client *c, const char *bytes, size_t size);
/* "Authorization: Basic ..." of the client's login, for such bytes.  Returns out. */
char *client_basic(const struct client *c, char *out, size_t size);

/* The value of a header (first of that name, any case); "" if there is none.  Returns out. */
char *reply_header(const struct reply *r, const char *name, char *out, size_t size);
/* Does the body hold these words?  Any case; white space is one blank; tags are not skipped. */
bool reply_says(const struct reply *r, const char *words);
/* The path of the Location header, without scheme and host; "" if there is none. */
char *reply_location(const struct reply *r, char *out, size_t size);
/* The number at the end of "/attempts/123" in Location; 0 if there is none. */
long reply_attempt_id(const struct reply *r);

struct form {
    char action[256];
    int count;
    struct {
        char name[64], value[512];
    } field[CLIENT_FIELDS];
};
/* The page's form whose action is this path, with its hidden fields; false if there is none. */
bool form_find(const struct reply *r, const char *action, struct form *f);
void form_set(struct form *f, const char *name, const char *value); /* replaces or adds */
void form_add(struct form *f, const char *name, const char *value); /* adds, duplicates too */
void form_drop(struct form *f, const char *name);
const char *form_value(const struct form *f, const char *name); /* "" if not there */
/* Posts it as a browser does. */
bool form_post(const struct client *c, const struct form *f, struct reply *r);
/* The body a browser would send; owned by the caller. */
char *form_body(const struct form *f);

#endif
