/*
 * fcgi_client.h - a small FastCGI client for unit tests: one request, or part of one.  Needs no memory.
 */
#ifndef TESTS_FCGI_CLIENT_H
#define TESTS_FCGI_CLIENT_H

#include <stddef.h>

/* Connects to a Unix socket; -1: not.  What is read from it waits at most 30 s. */
int fcgi_connect(const char *path);
/* Sends a GET of a path; pieces > 0: only so many of its bytes.  0: sent. */
int fcgi_send(int fd, const char *path, size_t pieces);
/* All of it, and wants the connection kept for the next one. */
int fcgi_send_keep(int fd, const char *path);
/* Reads the answer: its HTTP status, 0 if it ended before its end; text (if not NULL) gets it. */
int fcgi_receive(int fd, char *text, size_t size);
/* All of it, on a connection of its own. */
int fcgi_get(const char *socket_path, const char *path, char *text, size_t size);

#endif
