/*
 * page_check.h - what the tests of pages share: sample records, and what must hold for every page.
 */
#ifndef TEST_PAGE_CHECK_H
#define TEST_PAGE_CHECK_H

#include "fcgi/page.h"

#define NOW    INT64_C(1795424709000) /* 2026-11-23T09:05:09Z, 14:35:09 in India */
#define MINUTE INT64_C(60000)
#define EVIL   "<script>alert('x')</script>\" onload=\"x"

extern struct otr_operator asha; /* the viewer */
extern struct page page;
extern struct buf out; /* the page last rendered */

/* For CU_SuiteInfo: loads $srcdir/web/templates, in India's time; frees. */
int page_check_start(void);
int page_check_stop(void);
/* The viewer and the frame as they usually are. */
void begin(void);

/* Is the text in the page?  How often? */
bool has(const char *text);
int count(const char *text);

/* An attempt, 4 s old, as the journal would tell it; a transaction of 5050 rupees. */
struct otr_attempt attempt(enum otr_kind kind, enum otr_outcome outcome, enum otr_reason reason);
struct otr_transaction transaction(int tx_status);

/* Well-formed, one heading, no inline style or script, every reference within it has its target. */
void check_page(bool rendered, int line);
#define RENDER(call)                                                                               \
    do {                                                                                           \
        buf_free(&out);                                                                            \
        buf_init(&out, 1 << 22);                                                                   \
        check_page(call, __LINE__);                                                                \
    } while (0)

#endif
