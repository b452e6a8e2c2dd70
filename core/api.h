/*
 * api.h - the bank's calls as bytes: method, path, query and body for v2 and v3.  Pure: no network.
 */
#ifndef OTPREFUND_API_H
#define OTPREFUND_API_H

#include <stdbool.h>
#include <stddef.h>

#include "core/secret.h"
#include "sql/record.h"

enum api_generation { API_V3, API_V2, API__MAX };

#define API_URL_SIZE  512
#define API_BODY_SIZE 1024

struct api_settings { /* borrowed pointers, valid as long as the core lives */
    enum api_generation generation;
    const char *base_url; /* without a slash at the end */
    const char *initiator_id;
    const char *service_code; /* v3: "80" */
};

struct api_call { /* what to ask; borrowed pointers */
    enum otr_kind kind;
    const char *tid; /* digits; NULL or "" only for an inquiry by client_ref_id */
    const char *client_ref_id;
    const char *user_code;
    const struct secret *otp; /* refund only */
    const char *otp_ref_id;   /* refund on v3: NULL or "" leaves the field out */
};

struct api_request {
    char url[API_URL_SIZE];
    bool post;
    const char *content_type; /* static text; NULL for GET */
    size_t body_size;
    char body[API_BODY_SIZE]; /* may hold the OTP: wipe with api_wipe */
};

/*
 * Fills *r.  Values are percent-encoded (RFC 3986) or JSON-escaped.  The OTP goes as a JSON number
 * on v3 unless it begins with 0, then as a string (eko-api.md, "The calls"); as text on v2. false:
 * a value is malformed (tid not 1-18 digits or with a leading 0, ref not 1-20 of [A-Za-z0-9_.-],
 * OTP not 4-8 digits, ...) or too long; nothing is left in *r.
 */
bool api_build(const struct api_settings *s, const struct api_call *c, struct api_request *r);
void api_wipe(struct api_request *r); /* NULL allowed */

bool api_tid_valid(const char *tid); /* 1..18 ASCII digits, the first no 0; NULL: false */
bool api_ref_valid(const char *ref);
bool api_otp_valid(const char *otp, size_t size); /* 4..8 ASCII digits */

#endif
