/*
 * text.h - small things done to texts of requests and answers: UTF-8, percent-encoding, base64url,
 * times. Pure; any thread.
 */
#ifndef OTPREFUND_TEXT_H
#define OTPREFUND_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"

/* Well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms, at most U+10FFFF) without NUL. */
bool text_utf8(const char *bytes, size_t size);

/* 1..max visible ASCII characters (0x21..0x7e).  NULL: false. */
bool text_visible(const char *text, size_t max);

/*
 * Decodes %XX (and, where plus is set, + as a blank) in place, once and strictly; NUL-terminates,
 * so the array needs size + 1 bytes.  The new size, or -1: a broken escape, a NUL, or not UTF-8.
 */
long text_unescape(char *text, size_t size, bool plus);

/* Appends text with everything but RFC 3986's unreserved characters as %XX.  NULL appends nothing.
 */
void text_escape(struct buf *out, const char *text);

/* A number to find the text by in a table; not for what a stranger may choose against us (FNV-1a). */
uint32_t text_hash(const char *text);

#define TEXT_BASE64URL_SIZE(n) (((n)*4 + 2) / 3 + 1) /* with the NUL */

/* RFC 4648, section 5, without padding.  out: TEXT_BASE64URL_SIZE(size) bytes. */
void text_base64url(const void *bytes, size_t size, char *out);
/* The other way round: exactly size bytes must come out.  false: other characters or another
 * length. */
bool text_base64url_read(const char *text, void *out, size_t size);

#define TEXT_TIME_SIZE 40

/* "2024-06-02T03:41:00.123Z" of milliseconds since the epoch; "" of 0. */
char *text_rfc3339(int64_t ms, char out[TEXT_TIME_SIZE]);
/* "09:11:00" on the clock of the process's time zone (TZ); "" of 0. */
char *text_clock(int64_t ms, char out[TEXT_TIME_SIZE]);
/*
 * Milliseconds of an RFC 3339 time ("2024-06-02T03:41:00Z", fraction and offset allowed) or of the
 * first moment of a day in the process's time zone ("2024-06-02": *day is set then).  -1: neither.
 */
int64_t text_time_read(const char *text, bool *day);

/* A decimal number of 1..18 digits, whole text.  -1: not one. */
int64_t text_number(const char *text);

/* A spreadsheet would take it for a formula (ASVS 1.2.10), though it may be a number below 0. */
bool text_formula(const char *text);

#endif
