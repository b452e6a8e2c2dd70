/*
 * wire.h - a web server in small: FastCGI records sent straight to the program's socket, for what a
 * real web server would never pass on.
 */
#ifndef INTEGRATION_WIRE_H
#define INTEGRATION_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/integration/client.h"

/*
 * One request: variables as "NAME=value" up to NULL, then the body, then the end of the stream.
 * r: status from the Status header (200 without one), head and body.  false: no whole answer.
 */
bool wire_ask(const char *socket_path, const char *const *variables, const char *body, size_t size,
              struct reply *r);
/* Sends these bytes and closes.  false: could not connect. */
bool wire_throw(const char *socket_path, const void *bytes, size_t size);

#endif
