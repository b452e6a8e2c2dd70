/* sign.c - HMAC-SHA256, SHA-256, base64 and random bytes, by OpenSSL. */
#include "core/sign.h"

#include <inttypes.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define BASE64_SIZE(n) (((n) + 2) / 3 * 4 + 1)

bool sign_mac(const void *key, size_t key_size, const void *data, size_t size,
              unsigned char mac[SIGN_MAC_SIZE]) {
    unsigned int mac_size = SIGN_MAC_SIZE;
    if (key_size > INT_MAX)
        return false;
    return HMAC(EVP_sha256(), key, (int)key_size, data, size, mac, &mac_size) &&
           mac_size == SIGN_MAC_SIZE;
}

bool sign_sha256(const void *data, size_t size, unsigned char digest[SIGN_MAC_SIZE]) {
    unsigned int digest_size = SIGN_MAC_SIZE;
    return EVP_Digest(data, size, digest, &digest_size, EVP_sha256(), NULL) == 1;
}

bool sign_random(void *out, size_t size) {
    return size <= INT_MAX && RAND_bytes(out, (int)size) == 1;
}

bool sign_request(const struct secret *access_key, int64_t now_ms,
                  char secret_key[SIGN_KEY_TEXT_SIZE], char timestamp[SIGN_TIME_TEXT_SIZE]) {
    unsigned char key[BASE64_SIZE(SECRET_MAX)], mac[SIGN_MAC_SIZE];
    int key_size =
        EVP_EncodeBlock(key, (const unsigned char *)access_key->bytes, (int)access_key->size);
    int time_size = snprintf(timestamp, SIGN_TIME_TEXT_SIZE, "%" PRId64, now_ms);
    bool ok = key_size >= 0 && time_size > 0 &&
              sign_mac(key, (size_t)key_size, timestamp, (size_t)time_size, mac);
    if (ok)
        EVP_EncodeBlock((unsigned char *)secret_key, mac, SIGN_MAC_SIZE);
    else
        secret_key[0] = '\0';
    explicit_bzero(key, sizeof key);
    explicit_bzero(mac, sizeof mac);
    return ok;
}

void sign_base64url(const void *data, size_t size, char *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *in = data;
    for (; size >= 3; size -= 3, in += 3) {
        unsigned v = (unsigned)in[0] << 16 | (unsigned)in[1] << 8 | in[2];
        *out++ = digits[v >> 18];
        *out++ = digits[v >> 12 & 63];
        *out++ = digits[v >> 6 & 63];
        *out++ = digits[v & 63];
    }
    if (size) {
        unsigned v = (unsigned)in[0] << 16 | (size == 2 ? (unsigned)in[1] << 8 : 0);
        *out++ = digits[v >> 18];
        *out++ = digits[v >> 12 & 63];
        if (size == 2)
            *out++ = digits[v >> 6 & 63];
    }
    *out = '\0';
}
