/*
 * api_json.h - records as JSON, exactly as the contract names the fields.  Money is decimal text,
 * times are RFC 3339 in UTC, absent is null.  Pure; any thread.
 */
#ifndef OTPREFUND_API_JSON_H
#define OTPREFUND_API_JSON_H

#include "core/buf.h"
#include "sql/record.h"

void api_json_attempt(struct buf *out, const struct otr_attempt *a);
/* {"attempts":[...],"next":...}: next is a path with query, or NULL. */
void api_json_attempts(struct buf *out, const struct otr_attempt *rows, int n, const char *next);
void api_json_transaction(struct buf *out, const struct otr_transaction *t);
/* RFC 9457; attempt_id 0: without. */
void api_json_problem(struct buf *out, int status, const char *title, const char *detail,
                      const char *instance, int64_t attempt_id);
/* A JSON text with its quotes (RFC 8259); NULL or "": null. */
void api_json_text(struct buf *out, const char *text);

#endif
