/* tls.c - making the throw-away CA and server certificate with OpenSSL. */
#include "tests/bank/tls.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VALID_S (30L * 24 * 3600)
#define BACKDATE_S (-3600L) /* for clients whose clock is a little behind */

static bool set_random_serial(X509 *cert)
{
    unsigned char bytes[8];
    uint64_t serial = 0;

    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    for (size_t i = 0; i < sizeof bytes; i++)
        serial = serial << 8 | bytes[i];
    return ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) == 1;
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *ext;
    bool ok;

    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    ok = ext != NULL && X509_add_ext(cert, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    return ok;
}

/* A certificate without extensions and signature.  issuer is NULL for one that signs itself. */
static X509 *new_cert(const char *name, EVP_PKEY *key, X509 *issuer)
{
    X509 *cert = X509_new();
    X509_NAME *subject;

    if (cert == NULL)
        return NULL;
    subject = X509_get_subject_name(cert);
    if (X509_set_version(cert, 2) != 1 || !set_random_serial(cert) ||
        X509_gmtime_adj(X509_getm_notBefore(cert), BACKDATE_S) == NULL ||
        X509_gmtime_adj(X509_getm_notAfter(cert), VALID_S) == NULL ||
        X509_set_pubkey(cert, key) != 1 ||
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1,
                                   -1, 0) != 1 ||
        X509_set_issuer_name(cert, issuer != NULL ? X509_get_subject_name(issuer) : subject) !=
            1) {
        X509_free(cert);
        return NULL;
    }
    return cert;
}

static X509 *make_ca(EVP_PKEY *key)
{
    X509 *cert = new_cert("otprefund simulated bank: throw-away CA", key, NULL);

    if (cert == NULL)
        return NULL;
    if (add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
        add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
        add_extension(cert, cert, NID_subject_key_identifier, "hash") &&
        X509_sign(cert, key, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

static X509 *make_server(EVP_PKEY *key, X509 *ca, EVP_PKEY *ca_key)
{
    X509 *cert = new_cert("localhost", key, ca);

    if (cert == NULL)
        return NULL;
    if (add_extension(cert, ca, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(cert, ca, NID_key_usage, "critical,digitalSignature") &&
        add_extension(cert, ca, NID_ext_key_usage, "serverAuth") &&
        add_extension(cert, ca, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1") &&
        add_extension(cert, ca, NID_subject_key_identifier, "hash") &&
        add_extension(cert, ca, NID_authority_key_identifier, "keyid:always") &&
        X509_sign(cert, ca_key, EVP_sha256()) > 0)
        return cert;
    X509_free(cert);
    return NULL;
}

/* The PEM text of a certificate, or of a key where cert is NULL; to be freed. */
static char *pem_text(X509 *cert, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data, *text = NULL;
    long n;

    if (bio == NULL)
        return NULL;
    if (cert != NULL ? PEM_write_bio_X509(bio, cert) == 1
                     : PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1) {
        n = BIO_get_mem_data(bio, &data);
        if (n > 0)
            text = strndup(data, (size_t)n);
    }
    BIO_free(bio);
    return text;
}

static bool write_file(const char *path, const char *text)
{
    char temporary[4096];
    int n = snprintf(temporary, sizeof temporary, "%s.new", path);
    FILE *file;
    bool ok;

    if (n < 0 || (size_t)n >= sizeof temporary)
        return false;
    file = fopen(temporary, "we");
    if (file == NULL)
        return false;
    ok = fputs(text, file) >= 0;
    ok = fclose(file) == 0 && ok;
    return ok && rename(temporary, path) == 0;
}

bool tls_make(const char *ca_path, char **cert_pem, char **key_pem)
{
    EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    X509 *ca = NULL, *cert = NULL;
    char *ca_text = NULL;
    bool ok = false;

    *cert_pem = *key_pem = NULL;
    if (ca_key == NULL || key == NULL)
        goto out;
    ca = make_ca(ca_key);
    if (ca == NULL)
        goto out;
    cert = make_server(key, ca, ca_key);
    if (cert == NULL)
        goto out;
    ca_text = pem_text(ca, NULL);
    *cert_pem = pem_text(cert, NULL);
    *key_pem = pem_text(NULL, key);
    ok = ca_text != NULL && *cert_pem != NULL && *key_pem != NULL && write_file(ca_path, ca_text);
out:
    if (!ok) {
        free(*cert_pem);
        free(*key_pem);
        *cert_pem = *key_pem = NULL;
    }
    free(ca_text);
    X509_free(cert);
    X509_free(ca);
    EVP_PKEY_free(key);
    EVP_PKEY_free(ca_key);
    return ok;
}
