/*
 * env.h - what the program takes from its environment: a short list, nothing else.
 *
 * Libraries look into the environment too: SSLKEYLOGFILE has libcurl write TLS session keys to a file,
 * PG* redirect libpq, OPENSSL_CONF and *_proxy change what TLS and HTTP do (ASVS 13.2.4, 13.3.1).
 */
#ifndef OTPREFUND_ENV_H
#define OTPREFUND_ENV_H

/* Drops every variable but those on the list.  Before any thread and any library's set-up. */
void env_clean(void);

/*
 * For commands, whose environment is the person's: drops what has a TLS library write its keys down, and
 * every PG* but PGUSER, PGDATABASE, PGPASSWORD and PGPASSFILE, which say who and not which way.
 */
void env_for_commands(void);

#endif
