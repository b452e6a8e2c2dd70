/*
 * fake_journal.h - journal.h and http.h in memory, put in their place at link time, so that the
 * order of events in core/ is tested without a database and a bank.  FAKE_JOURNAL_ONLY leaves the
 * real http.h in place.
 */
#ifndef TESTS_FAKE_JOURNAL_H
#define TESTS_FAKE_JOURNAL_H

#include "core/http.h"
#include "sql/journal.h"

/* What the fakes answer next, and what they saw.  Reset with fake_reset. */
struct fake {
    enum journal_status begin_status;
    struct journal_begun begun;
    int begin_takes_ms;
    int finish_fails;                   /* journal_finish fails so often first */
    enum journal_status finish_trouble; /* and answers this then; JOURNAL_OK: _DOWN */
    int64_t held; /* findings of attempts up to this one come to nothing; three of them in a row
                     end the tries of those behind, as in db_batch.c */
    bool start_fails;                   /* http_start has no memory */
    struct http_result answer;          /* what the bank answers; copied at http_start */
    bool answer_never;                  /* the call stays in flight until http_close */
    bool number; /* begun.attempt_id counts up: the first attempt is the next */
    void (*found_one)(const struct journal_finding *f); /* sees each finding; NULL: nobody */

    char trace[256];              /* "begin start finish ..." in the order of the calls */
    struct journal_intent intent; /* pointers are stale: only numbers are of use */
    char key[OTR_KEY_SIZE];
    char user_code[32], client_ref_id[32];
    unsigned char mac[32];
    char url[512], body[1024], headers[2048];
    int64_t begun_ms, send_by_ms; /* CLOCK_MONOTONIC: journal_begin was called; of the call */
    bool post;
    struct journal_finding found; /* pointers are stale */
    char found_message[OTR_MESSAGE_SIZE], found_evidence[4096], found_tid[OTR_TID_SIZE];
    int finished;              /* findings written */
    int finished_at_close;     /* when the engine went */
    struct journal_due due[4]; /* handed out by the next journal_claim */
    int due_count;
    enum journal_status claim_status, callback_status;
    int claims;               /* calls of journal_claim */
    struct journal_news news; /* what the listener hears next */
};
extern struct fake fake;

void fake_reset(void);

/* A key file for otr_config, of bytes that are nobody's: how a suite of CUnit begins and ends. */
extern char fake_key_file[64];
int fake_key_make(void);
int fake_key_remove(void);

/* Waits until n findings were written, at most five seconds. */
bool fake_wait_finished(int n);
/* The same for calls of journal_claim. */
bool fake_wait_claims(int n);
/* From now on journal_finish fails so often. */
void fake_finish_fails(int times);
/* From now on fake.held is that. */
void fake_hold(int64_t up_to);
/* Puts due[0] into the queue and has the listener hear event; one without the other: no tid, _NONE. */
void fake_due_and_say(const char *tid, enum journal_event event);

#endif
