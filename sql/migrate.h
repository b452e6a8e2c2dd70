/*
 * migrate.h - brings the schema of a database to the version this program was written for.
 */
#ifndef OTPREFUND_MIGRATE_H
#define OTPREFUND_MIGRATE_H

#include "sql/journal.h"

/* The highest migration this program knows; journal_open answers JOURNAL_DOWN at any other. */
#define JOURNAL_SCHEMA_VERSION 13

/*
 * Called for each migration: applied just now (changed false), or applied earlier from a file that
 * was different then (changed true).  name is the file's without ".sql", valid for the call.
 */
typedef void journal_migrated(void *context, int version, const char *name, bool changed);

/*
 * Applies the files NNNN-*.sql of folder that this database lacks, in the order of their numbers,
 * each in one transaction, recorded in otprefund.schema_version.  Nodes that do so at the same time
 * wait for each other.  conninfo: a superuser, or a role with CREATEROLE that may create schemas in
 * the database.  report: NULL allowed.  why (size bytes): one line that says what to do, "" if all
 * is well; never a password.  Any thread.
 * JOURNAL_OK; _REFUSED: the files are not numbered 1, 2, 3 ... or cannot be read, the database is
 * newer than the files, or the database refused one (nothing of that file is applied then);
 * _DOWN: no connection, or it was lost (call again: what is applied stays applied); _NO_MEMORY.
 */
enum journal_status journal_migrate(const char *conninfo, const char *folder,
                                    journal_migrated *report, void *context, char *why,
                                    size_t size);

#endif
