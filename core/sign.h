/*
 * sign.h - HMAC-SHA256, SHA-256, base64 and random bytes: the only door to OpenSSL besides
 * secret.h.
 */
#ifndef OTPREFUND_SIGN_H
#define OTPREFUND_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/secret.h"

#define SIGN_MAC_SIZE       32
#define SIGN_KEY_TEXT_SIZE  45 /* base64 of 32 bytes, with NUL */
#define SIGN_TIME_TEXT_SIZE 21

/*
 * The bank's secret-key header: base64(HMAC-SHA256(message = timestamp text, key = base64 text of
 * access_key)). now_ms: milliseconds since the epoch.  Writes both header values.  false: OpenSSL
 * failed.
 */
bool sign_request(const struct secret *access_key, int64_t now_ms,
                  char secret_key[SIGN_KEY_TEXT_SIZE], char timestamp[SIGN_TIME_TEXT_SIZE]);

bool sign_mac(const void *key, size_t key_size, const void *data, size_t size,
              unsigned char mac[SIGN_MAC_SIZE]);
bool sign_sha256(const void *data, size_t size, unsigned char digest[SIGN_MAC_SIZE]);
bool sign_random(void *out, size_t size); /* CSPRNG (ASVS 11.5.1) */
/* base64url without padding, NUL-terminated; out holds at least (size * 4 + 2) / 3 + 1 bytes. */
void sign_base64url(const void *data, size_t size, char *out);

#endif
