/*
 * http_memory.h - libcurl's memory: wiped before it is given back, and with something put by.
 *
 * Requests hold keys and OTPs, so what libcurl frees is wiped.  libcurl 7.88 ends the process (division by
 * zero in its table of sockets) where some of its smallest allocations fail; blocks of at most
 * HTTP_MEMORY_BLOCK bytes come from a fixed pool then.  Larger ones fail as they should: the call ends
 * unsent.  All functions: any thread.
 */
#ifndef OTPREFUND_HTTP_MEMORY_H
#define OTPREFUND_HTTP_MEMORY_H

#include <stddef.h>

#define HTTP_MEMORY_BLOCK 512
#define HTTP_MEMORY_POOL  512 /* blocks */

void *http_malloc(size_t size);
void *http_calloc(size_t n, size_t size);
void *http_realloc(void *p, size_t size);
char *http_strdup(const char *s);
void http_free(void *p);

#endif
