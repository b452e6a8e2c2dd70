/* door.c - checking the keys and the clock of a call. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bank/bank.h"

static bool same(const char *a, const char *b)
{
    size_t n = strlen(b);

    return strlen(a) == n && CRYPTO_memcmp(a, b, n) == 0;
}

static bool sign(const char *access_key, const char *timestamp, char *out)
{
    unsigned char key[(BANK_KEY_SIZE + 2) / 3 * 4 + 1], mac[EVP_MAX_MD_SIZE];
    unsigned mac_size = 0;
    int key_size = EVP_EncodeBlock(key, (const unsigned char *)access_key,
                                   (int)strlen(access_key));

    if (HMAC(EVP_sha256(), key, key_size, (const unsigned char *)timestamp, strlen(timestamp), mac,
             &mac_size) == NULL)
        return false;
    EVP_EncodeBlock((unsigned char *)out, mac, (int)mac_size);
    return true;
}

bool door_open(const struct options *opt, const char *developer_key, const char *secret_key,
               const char *timestamp, int64_t now)
{
    char expected[(EVP_MAX_MD_SIZE + 2) / 3 * 4 + 1];
    long long at;
    char *end;

    if (developer_key == NULL || secret_key == NULL || timestamp == NULL)
        return false;
    if (!same(developer_key, opt->developer_key))
        return false;
    if (strspn(timestamp, "0123456789") != strlen(timestamp) || strlen(timestamp) > 15)
        return false;
    at = strtoll(timestamp, &end, 10);
    if (end == timestamp || at < now - opt->skew_ms || at > now + opt->skew_ms)
        return false;
    return sign(opt->access_key, timestamp, expected) && same(secret_key, expected);
}
