/* csrf.c - the token that shows that a form came from our own page. */
#include "fcgi/csrf.h"

#include <string.h>

static bool csrf_mac(struct otr *o, const char *name, const unsigned char time[8],
                     unsigned char mac[32]) {
    unsigned char data[8 + OTR_NAME_SIZE];
    size_t n = strlen(name);
    if (n >= OTR_NAME_SIZE)
        return false;
    memcpy(data, time, 8);
    memcpy(data + 8, name, n);
    return otr_mac(o, "csrf", data, 8 + n, mac) == OTR_OK;
}

bool csrf_make(struct otr *o, const char *operator_name, int64_t now, char token[CSRF_SIZE]) {
    unsigned char bytes[CSRF_BYTES];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)((uint64_t)now >> (56 - 8 * i));
    if (!csrf_mac(o, operator_name, bytes, bytes + 8))
        return false;
    text_base64url(bytes, sizeof(bytes), token);
    return true;
}

enum csrf_verdict csrf_judge(struct otr *o, const char *operator_name, const char *token,
                             int64_t now) {
    unsigned char bytes[CSRF_BYTES], mac[32];
    uint64_t made = 0;
    if (!token || !text_base64url_read(token, bytes, sizeof(bytes)))
        return CSRF_BAD;
    if (!csrf_mac(o, operator_name, bytes, mac))
        return CSRF_NO_MEMORY;
    if (!otr_equal(mac, bytes + 8, sizeof(mac)))
        return CSRF_BAD;
    for (int i = 0; i < 8; i++)
        made = made << 8 | bytes[i];
    /* The HMAC proves that we wrote the time, so it is a sane number. */
    bool fresh = (int64_t)made <= now + 60 && now - (int64_t)made <= CSRF_LIFETIME_S;
    return fresh ? CSRF_GOOD : CSRF_BAD;
}
