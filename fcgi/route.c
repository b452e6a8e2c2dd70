/* route.c - every address of the program. */
#include "fcgi/route.h"

#include <string.h>

static const struct {
    const char *pattern;
    enum request_method method;
    enum route_id id;
    enum route_who who;
    bool query; /* it reads one, or does not mind */
} routes[] = {
    {"/", METHOD_GET, ROUTE_DESK, WHO_OPERATOR, true},
    {"/refunds/{tid}", METHOD_GET, ROUTE_TRANSACTION, WHO_OPERATOR, false},
    {"/refunds/{tid}/otp", METHOD_POST, ROUTE_SEND_OTP, WHO_OPERATOR, false},
    {"/refunds/{tid}/refund", METHOD_POST, ROUTE_REFUND, WHO_OPERATOR, false},
    {"/attempts", METHOD_GET, ROUTE_LIST, WHO_STAFF, true},
    {"/attempts/{id}", METHOD_GET, ROUTE_ATTEMPT, WHO_STAFF, false},
    {"/attempts/{id}/ask", METHOD_POST, ROUTE_ASK, WHO_OPERATOR, false},
    {"/attempts/{id}/propose", METHOD_POST, ROUTE_PROPOSE, WHO_SUPERVISOR, false},
    {"/attempts/{id}/decide", METHOD_POST, ROUTE_DECIDE, WHO_AUDIT, false},
    {"/reconciliation", METHOD_GET, ROUTE_RECONCILIATION, WHO_AUDIT, false},
    {"/style.css", METHOD_GET, ROUTE_STYLE, WHO_ANYBODY, true},
    {"/healthz", METHOD_GET, ROUTE_HEALTHZ, WHO_LOCAL, false},
    {"/readyz", METHOD_GET, ROUTE_READYZ, WHO_LOCAL, false},
    {"/metrics", METHOD_GET, ROUTE_METRICS, WHO_LOCAL, false},
    {"/callback/eko/{secret}", METHOD_POST, ROUTE_CALLBACK, WHO_BANK, true},
    {"/api/v1/transactions/{tid}", METHOD_GET, ROUTE_API_TRANSACTION, WHO_CLIENT, false},
    {"/api/v1/transactions/{tid}/otp", METHOD_POST, ROUTE_API_OTP, WHO_REFUNDER, false},
    {"/api/v1/transactions/{tid}/refunds", METHOD_POST, ROUTE_API_REFUND, WHO_REFUNDER, false},
    {"/api/v1/attempts", METHOD_GET, ROUTE_API_LIST, WHO_CLIENT, true},
    {"/api/v1/attempts/{id}", METHOD_GET, ROUTE_API_ATTEMPT, WHO_CLIENT, false},
};

/* Does path fit pattern?  What stands for {…} goes to param. */
static bool fits(const char *pattern, const char *path, char param[ROUTE_PARAM_SIZE]) {
    param[0] = '\0';
    while (*pattern) {
        if (*pattern == '{') {
            size_t n = strcspn(path, "/");
            if (n == 0 || n >= ROUTE_PARAM_SIZE)
                return false;
            memcpy(param, path, n);
            param[n] = '\0';
            path += n;
            pattern = strchr(pattern, '}') + 1;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

void route_find(enum request_method method, const char *path, struct route *r) {
    *r = (struct route){.id = ROUTE_NONE, .who = WHO_ANYBODY};
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        char param[ROUTE_PARAM_SIZE];
        if (!fits(routes[i].pattern, path, param))
            continue;
        r->id = routes[i].id;
        r->who = routes[i].who;
        r->pattern = routes[i].pattern;
        r->query = routes[i].query;
        memcpy(r->param, param, sizeof(param));
        if (routes[i].method == METHOD_POST)
            r->allow = method == METHOD_POST ? NULL : "POST";
        else
            r->allow = method == METHOD_GET || method == METHOD_HEAD ? NULL : "GET, HEAD";
        return;
    }
}

bool route_is_page(enum route_who who) {
    return who == WHO_OPERATOR || who == WHO_STAFF || who == WHO_AUDIT || who == WHO_SUPERVISOR;
}

bool route_role_may(enum route_who who, enum otr_role role) {
    switch (who) {
    case WHO_OPERATOR:
        return role == OTR_ROLE_OPERATOR || role == OTR_ROLE_SUPERVISOR;
    case WHO_STAFF:
        return role == OTR_ROLE_OPERATOR || role == OTR_ROLE_SUPERVISOR || role == OTR_ROLE_AUDITOR;
    case WHO_SUPERVISOR:
        return role == OTR_ROLE_SUPERVISOR;
    case WHO_AUDIT:
        return role == OTR_ROLE_SUPERVISOR || role == OTR_ROLE_AUDITOR;
    default:
        return false;
    }
}
