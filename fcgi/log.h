/*
 * log.h - one line per event on stderr, with UTC time, level, request id and key=value pairs.
 *
 * Client text is escaped (control bytes, quotes, backslashes and non-ASCII bytes as \xNN), values
 * and lines are bounded (ASVS 16.4.1: no line can be forged).  Never pass an OTP, a key, a token or
 * a query string.
 */
#ifndef OTPREFUND_LOG_H
#define OTPREFUND_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LINE_MAX                                                                               \
    2048 /* bytes of a line with its line end: below PIPE_BUF, so lines never mix */
#define LOG_VALUE_MAX                                                                              \
    256 /* bytes of a value that are looked at; "..." says that there were more  \
                           */

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_LEVEL__MAX };

/* "error", "warning", "info", "debug". */
const char *log_level_name(enum log_level level);
/* The level for a word; LOG_LEVEL__MAX for another word. */
enum log_level log_level_value(const char *name);

/* Lines above level are dropped; json: one JSON object per line instead of text.  Before threads
 * start. */
void log_setup(enum log_level level, bool json);

/* Is anything written of such an event? */
bool log_wants(enum log_level level);

/*
 * Writes a line.  request_id: NULL where there is none.  event: a fixed word.  Then pairs of texts:
 * name (fixed word), value (NULL: the pair is left out); ended by NULL.  Any thread.
 */
void log_event(enum log_level level, const char *request_id, const char *event, ...)
    __attribute__((sentinel));

/* The line itself, for log_event: at most size - 1 bytes, with its line end.  Returns its length.
 */
size_t log_line(char *out, size_t size, bool json, int64_t now_ms, enum log_level level,
                const char *request_id, const char *event, va_list pairs);

#endif
