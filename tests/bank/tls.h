/*
 * tls.h - a throw-away certification authority and a server certificate, made at every start.
 */
#ifndef OTPREFUND_BANK_TLS_H
#define OTPREFUND_BANK_TLS_H

#include <stdbool.h>

/*
 * Makes a CA and a certificate for localhost and 127.0.0.1 (EC P-256, valid for 30 days), writes
 * the CA's certificate to ca_path (PEM, replaced at once) and returns the server's certificate and
 * key as PEM texts, to be freed by the caller.  The CA's key is forgotten, so nothing else can ever
 * be signed with it.  False: nothing is returned.
 */
bool tls_make(const char *ca_path, char **cert_pem, char **key_pem);

#endif
