/*
 * api.h - the JSON API's own helpers: reading bodies (the one door to cJSON in this room),
 * problems, who.
 */
#ifndef OTPREFUND_API_H
#define OTPREFUND_API_H

#include <stdbool.h>
#include <stddef.h>

#include "fcgi/app.h"

/* Makes cJSON wipe what it frees: bodies hold OTPs.  Once, before threads start. */
void api_setup(void);

/* Who the bearer token is and whether its scope is enough.  False: answered (401, 403, 503). */
bool api_admit(struct visit *v);

/* An answer of application/problem+json (RFC 9457). */
void api_problem(struct visit *v, int status, const char *detail);

#define API_OTP_SIZE 9

/*
 * A request body: one JSON object (RFC 8259) with nothing after it, no duplicate names, no names
 * but "otp". otp NULL: the object must be empty.  Otherwise "otp" must be a text of 4 to 8 ASCII
 * digits, copied to otp (the caller wipes it).  NULL: good; otherwise a sentence.  Any thread.
 */
extern const char api_no_memory[]; /* the sentence where there was none: 503, not 400 */
const char *api_read_body(const char *body, size_t size, char otp[API_OTP_SIZE]);

/* The "tid" of a callback's text, a number or digits in a text.  Any thread. */
bool api_callback_tid(const char *body, size_t size, char tid[OTR_TID_SIZE]);

#endif
