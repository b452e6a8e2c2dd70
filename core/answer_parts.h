/*
 * answer_parts.h - the smaller parts of reading an answer: values, masking, evidence.  For
 * answer.c; values also for statement.c.  Pure.
 */
#ifndef OTPREFUND_ANSWER_PARTS_H
#define OTPREFUND_ANSWER_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/answer_json.h"

/* ---- answer_value.c ---- */

/* "4", "-1", "0.0": at most nine digits, and a fraction of zeros.  false: something else. */
bool value_int(const char *text, int *value);

/* "2018-10-30T12:00:14.058Z", "2019-11-01 17:50:44" (then +05:30), or with +hh:mm: ms since the
   epoch; 0 if neither. */
int64_t value_time(const char *text);

/* Decimal digits only, 1 to max of them. */
bool value_digits(const char *text, size_t max);

/* ---- answer_mask.c ---- */

/*
 * The bank's free text made fit to show and to keep: {n} tokens and control characters out, blanks
 * squeezed, digit runs of 4 to 8 (an OTP; also in groups, "12 34 56", and in the digits of other
 * scripts) to "....", mobile numbers to "******" and four digits;
 * runs equal to keep[0] or keep[1] stay ("" or NULL: none).  in is valid UTF-8; so is out, cut at
 * size - 1 bytes.
 */
void mask_text(const char *in, const char *const keep[2], char *out, size_t size);

/* "Ravi Kumar", "9000000001" to "R. K., ******0001"; "" where both are empty. */
void mask_person(const char *name, const char *mobile, char *out, size_t size);

/* ---- answer_evidence.c ---- */

/*
 * The allow-listed fields of the answer as a JSON object that fits size (>= 256); what does not
 * fit is left out.  root NULL: only http_status and bytes (the size of the body).  OTPs, names and
 * mobile numbers never get in.
 */
void evidence_write(const struct cJSON *root, int http_status, size_t bytes,
                    const char *const keep[2], char *out, size_t size);

#endif
