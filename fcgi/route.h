/*
 * route.h - every address of the program: method, pattern, who may ask.  One table.
 */
#ifndef OTPREFUND_ROUTE_H
#define OTPREFUND_ROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi/request.h"
#include "sql/record.h"

enum route_id {
    ROUTE_NONE,
    ROUTE_DESK,
    ROUTE_TRANSACTION,
    ROUTE_SEND_OTP,
    ROUTE_REFUND,
    ROUTE_ATTEMPT,
    ROUTE_ASK,
    ROUTE_PROPOSE,
    ROUTE_DECIDE,
    ROUTE_LIST,
    ROUTE_RECONCILIATION,
    ROUTE_STYLE,
    ROUTE_HEALTHZ,
    ROUTE_READYZ,
    ROUTE_METRICS,
    ROUTE_CALLBACK,
    ROUTE_API_TRANSACTION,
    ROUTE_API_OTP,
    ROUTE_API_REFUND,
    ROUTE_API_ATTEMPT,
    ROUTE_API_LIST,
    ROUTE__MAX
};

/* Who may ask. */
enum route_who {
    WHO_OPERATOR, /* role operator or supervisor */
    WHO_STAFF,    /* every role */
    WHO_AUDIT,    /* role supervisor or auditor */
    WHO_SUPERVISOR, /* role supervisor */
    WHO_CLIENT,   /* API client with a bearer token */
    WHO_REFUNDER, /* API client with the scope refund */
    WHO_BANK,     /* knows the secret in the address */
    WHO_LOCAL,    /* this machine */
    WHO_ANYBODY,
    WHO__MAX
};

#define ROUTE_PARAM_SIZE 129

struct route {
    enum route_id id; /* ROUTE_NONE: no such address */
    enum route_who who;
    const char *pattern;          /* for logs: "/attempts/{id}"; NULL with ROUTE_NONE */
    bool query;                   /* one may stand behind the address */
    const char *allow;            /* not NULL: the method is wrong, these are right */
    char param[ROUTE_PARAM_SIZE]; /* what stood for {…}; "" where the pattern has none */
};

/* Looks up a decoded path.  HEAD counts as GET.  Any thread. */
void route_find(enum request_method method, const char *path, struct route *r);

/* Is it for people, by their login? */
bool route_is_page(enum route_who who);

/* May this role have a page of that kind? */
bool route_role_may(enum route_who who, enum otr_role role);

#endif
