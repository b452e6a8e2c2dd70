/*
 * bank.h - the simulated bank as a whole: its options, and the parts that share them.
 */
#ifndef OTPREFUND_BANK_BANK_H
#define OTPREFUND_BANK_BANK_H

#include <microhttpd.h>

#include "tests/bank/callback.h"
#include "tests/bank/scenario.h"
#include "tests/bank/timer.h"

#define BANK_KEY_SIZE 257
#define BANK_USER_CODES 16

struct options {
    uint16_t port, control_port; /* 0: any that is free */
    const char *dir;
    const char *developer_key_file, *access_key_file;
    const char *callback_url;
    bool plain; /* HTTP instead of HTTPS */
    struct scenario_options scenario;
    unsigned threads;
    int64_t skew_ms;
    char developer_key[BANK_KEY_SIZE];
    char access_key[BANK_KEY_SIZE];
    char initiator_id[ASK_TEXT_SIZE];
    char user_codes[BANK_USER_CODES][ASK_TEXT_SIZE];
    size_t n_user_codes;
};

struct bank {
    struct options opt;
    struct scenario *scenario;
    struct waits *waits;
    struct callbacks *callbacks;
    struct MHD_Daemon *api, *control;
    char *cert_pem, *key_pem; /* live as long as api */
};

/*
 * Starts the bank's own port on a listening socket, which then belongs to the daemon; max_calls
 * connections can be open at once.  NULL when that is not possible.
 */
struct MHD_Daemon *bankapi_start(struct bank *b, int listen_fd, unsigned max_calls);

/* The same for the control port, which is always plain HTTP. */
struct MHD_Daemon *control_start(struct bank *b, int listen_fd);

/*
 * Whether the headers of a call prove that the caller holds the keys and that its clock is right
 * (Eko: base64(HMAC-SHA256(timestamp, key = base64 text of the access key))).  A missing header is
 * NULL.  now: ms since the epoch.
 */
bool door_open(const struct options *opt, const char *developer_key, const char *secret_key,
               const char *timestamp, int64_t now);

#endif
