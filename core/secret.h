/*
 * secret.h - OTP and keys in one type: bounded, wiped, compared in constant time, not printable.
 */
#ifndef OTPREFUND_SECRET_H
#define OTPREFUND_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#define SECRET_MAX 256 /* bytes of text in a secret, without the NUL */

/* Never pass .bytes to anything that prints.  Wipe with secret_wipe before it goes out of scope. */
struct secret {
    size_t size;
    char bytes[SECRET_MAX + 1]; /* NUL-terminated for libraries that want text */
};

/* Copies size bytes in.  false (and *s empty) when size > SECRET_MAX or text holds a NUL. */
bool secret_set(struct secret *s, const char *text, size_t size);
void secret_wipe(struct secret *s); /* explicit_bzero of the whole struct; NULL allowed */
bool secret_equal(const struct secret *a,
                  const struct secret *b); /* constant time for equal sizes */
/* Constant-time compare of two byte strings of the same length (ASVS 11.2.4). */
bool secret_bytes_equal(const void *a, const void *b, size_t size);

/*
 * Reads a key file: first line without its line end.  Refuses files that others may read (mode &
 * 007), an empty first line and one over SECRET_MAX bytes.  false with why (one line: what to do;
 * never content).
 */
bool secret_read_file(struct secret *s, const char *path, char *why, size_t why_size);
/* The same for a key of our own making, which must be too long to be guessed: SECRET_OWN_MIN bytes. */
#define SECRET_OWN_MIN 32
bool secret_read_own(struct secret *s, const char *path, char *why, size_t why_size);

#endif
