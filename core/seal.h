/*
 * seal.h - verifies an export of the journal against its seals, line by line, without the database.
 *
 * A leaf is SHA-256("TABLE\nID\nCONTENT"); a seal is
 * SHA-256("seal\nID\nSEALED_AT\nCOVERS_TO\nROWS\nPREVIOUS\n" and then the 32 bytes of each leaf, in the
 * order of table and number).  PREVIOUS is the digest of the seal before, "-" for the first.  So one
 * changed byte in one row changes its leaf and every later seal; and whoever keeps a digest elsewhere
 * finds out when the whole chain was made anew.
 *
 * COVERS_TO is the moment up to which all rows are sealed, so a row with a time well before the last
 * COVERS_TO was put in by other hands, whether a later seal took it (its time is compared) or none.
 * Rows that wait for a seal for longer than half an hour, and rows without any seal, are findings too;
 * so is an operator or an API client who is not as the last entry in access_change says.
 */
#ifndef OTPREFUND_SEAL_H
#define OTPREFUND_SEAL_H

#include <stdbool.h>
#include <stdint.h>

struct seal_check;

/* Called for each finding with one line of visible ASCII: what is wrong, and with which row or seal. */
typedef void seal_finding(void *arg, const char *text);

/* expect: a digest in hexadecimal that must be in the chain; NULL: none.  NULL: no memory. */
struct seal_check *seal_check_new(const char *expect, seal_finding *found, void *arg);
void seal_check_free(struct seal_check *c); /* NULL allowed */

/* The next line's fields, as journal_export gives them.  false: not a line of an export, or no
 * memory; then nothing more can be said. */
bool seal_check_line(struct seal_check *c, const char *const *fields, int n);

/* After the last line. */
struct seal_summary {
    int64_t seals, rows, unsealed, findings;
    char digest[65]; /* of the last seal; "": none, or it has no digest */
    bool whole;      /* the end was seen: nothing was cut off */
};
void seal_check_end(struct seal_check *c, struct seal_summary *s);

#endif
