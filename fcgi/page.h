/*
 * page.h - every HTML page, from finished records only: nothing is fetched while rendering.
 *
 * Each function appends a whole HTML document to out and returns false when it could not (no
 * memory, page too large): the caller then answers 503.  Borrowed pointers, any thread.
 */
#ifndef OTPREFUND_PAGE_H
#define OTPREFUND_PAGE_H

#include "core/buf.h"
#include "core/otprefund.h"
#include "fcgi/template.h"

struct page { /* what all pages need */
    const struct templates *templates;
    const struct otr_operator *viewer; /* NULL: not known (error pages) */
    const char *zone;                  /* IANA name for times shown */
    const char *csrf_token;            /* for forms; NULL: none */
    const char *idempotency_key[2];    /* fresh random keys, one for each form of a page */
    const char *request_id;            /* shown on error pages */
    int64_t now;                       /* ms */
};

/*
 * GET / : search, my open attempts, today in numbers.  hint: a remark on what was searched for,
 * or NULL.
 */
struct page_desk {
    const struct otr_today *today;
    const struct otr_attempt *open;
    int open_count;
    const struct otr_attempt *recent;
    int recent_count; /* my newest attempts of today */
    const char *query, *hint;
};
bool page_desk(const struct page *p, const struct page_desk *d, struct buf *out);

/*
 * GET /refunds/{tid}.  inquiry: the attempt made for this view (its outcome may be none yet:
 * still asking).
 */
struct page_transaction {
    const struct otr_transaction *transaction;
    const struct otr_attempt *inquiry;
    const struct otr_attempt *history;
    int history_count; /* newest first */
    int otp_per_hour, wrong_otp_per_hour;
    bool may_refund; /* the viewer's role allows it */
    /* what was wrong with the OTP typed, or NULL (status 400 then) */
    const char *otp_error;
    bool cash_error; /* "cash returned" was not ticked */
};
bool page_transaction(const struct page *p, const struct page_transaction *t, struct buf *out);

/* GET /attempts/{id}.  transaction may be NULL. */
bool page_attempt(const struct page *p, const struct otr_attempt *a,
                  const struct otr_transaction *transaction, struct buf *out);
/* The same with what there is about settling it by hand. */
struct page_manual {
    const struct otr_manual *newest; /* the newest proposal; NULL: none */
    int settle_s;                    /* younger attempts are not settled by hand */
    const char *error;               /* what was wrong with the form sent, or NULL */
    const char *reason;              /* as typed; NULL: nothing yet */
    enum otr_resolution resolution;  /* as chosen */
    int64_t inquiry_id;              /* the question already put to the bank for it; 0: none */
    bool waiting;                    /* it is not answered yet */
};
bool page_attempt_manual(const struct page *p, const struct otr_attempt *a,
                         const struct otr_transaction *transaction, const struct page_manual *m,
                         struct buf *out);
/* As page_refresh_s, but 0 where the page has a form to type into.  m: NULL allowed. */
int page_attempt_refresh_s(const struct page *p, const struct otr_attempt *a,
                           const struct page_manual *m);
/*
 * In page_attempt and page_transaction a page that waits renews itself: seconds for the Refresh
 * header, 0: none.
 */
int page_refresh_s(const struct page *p, const struct otr_attempt *a);

/*
 * GET /attempts.  next: query string of the next page or NULL; csv: query string of the CSV;
 * *_text: filters as typed.
 */
struct page_list {
    const struct otr_attempt *rows;
    int count;
    const char *next, *csv;
    const char *tid_text, *operator_text, *kind_text, *status_text, *from_text, *to_text;
    const char *hint; /* a filter that was not understood, or NULL */
};
bool page_list(const struct page *p, const struct page_list *l, struct buf *out);
/* The same rows as CSV (RFC 4180, UTF-8, formula-safe: ASVS 1.2.10), with heading if first. */
bool page_csv(const struct page *p, const struct otr_attempt *rows, int count, bool first,
              struct buf *out);

/* GET /reconciliation. */
struct page_reconciliation {
    const struct otr_table *ageing, *daily_totals, *operator_totals, *unresolved, *mismatch,
        *manual;
};
bool page_reconciliation(const struct page *p, const struct page_reconciliation *r,
                         struct buf *out);

/*
 * Error pages: 400 403 404 405 409 413 415 422 429 500 503.  title: NULL: the status's own; what: a
 * sentence that says what to do; attempt_id: a link, or 0; back: a path to go back to, or NULL.
 */
bool page_error(const struct page *p, int status, const char *title, const char *what,
                int64_t attempt_id, const char *back, struct buf *out);

#endif
