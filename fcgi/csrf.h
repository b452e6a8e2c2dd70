/*
 * csrf.h - the token that shows that a form came from our own page (ASVS 3.5.1).
 *
 * base64url( time | HMAC-SHA256("csrf", time | operator) ): bound to one operator, good for 12
 * hours.
 */
#ifndef OTPREFUND_CSRF_H
#define OTPREFUND_CSRF_H

#include <stdbool.h>
#include <stdint.h>

#include "core/otprefund.h"
#include "fcgi/text.h"

#define CSRF_LIFETIME_S 43200    /* 12 hours */
#define CSRF_BYTES      (8 + 32) /* seconds since the epoch, big-endian; HMAC */
#define CSRF_SIZE       TEXT_BASE64URL_SIZE(CSRF_BYTES) /* with the NUL */

/* A fresh token.  now: seconds since the epoch.  false: no key (OTR_BROKEN in otr_mac).  Any
 * thread. */
bool csrf_make(struct otr *o, const char *operator_name, int64_t now, char token[CSRF_SIZE]);

enum csrf_verdict { CSRF_BAD, CSRF_GOOD, CSRF_NO_MEMORY };

/* Is it ours, of this operator, and neither too old nor from the future (60 s of drift)?  Constant
 * time. */
enum csrf_verdict csrf_judge(struct otr *o, const char *operator_name, const char *token,
                             int64_t now);

#endif
