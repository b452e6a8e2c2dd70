/*
 * reserve.h - memory for libfcgi where there is none left.
 *
 * libfcgi 2.4.2 ends the process (assert) when malloc says no, and does not look at what realloc
 * says.  Between reserve_enter and reserve_leave, a thread whose allocation fails gets it from a fixed
 * pool instead, so the request reaches the handlers, which answer 503.  The pool's slots have room for the
 * largest request that the gate lets through; a thread that finds them all taken waits for one.  What it
 * frees there is wiped first: logins, tokens and addresses of requests stand in it.
 *
 * The program's own malloc, realloc and free stand in front of the C library's for this.  Under a
 * sanitizer, which brings its own, there is no reserve.
 */
#ifndef OTPREFUND_RESERVE_H
#define OTPREFUND_RESERVE_H

#include <stdbool.h>
#include <stddef.h>

void reserve_enter(void);
void reserve_leave(void);

/* For tests: how often a slot was taken so far; -1: there is no reserve in this build. */
int reserve_taken(void);

#endif
