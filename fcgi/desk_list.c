/* desk_list.c - lists of attempts, as a page and as CSV, and the reconciliation page. */
#include <stdlib.h>
#include <string.h>

#include "fcgi/desk.h"
#include "fcgi/filter.h"
#include "fcgi/log.h"

#define PAGE_ROWS 50
#define CSV_ROWS  500    /* read and sent at a time */
#define CSV_MAX   100000 /* rows of a file; more: narrow the filter */

/* An operator sees the own attempts; those of others only for one transaction, whose TID is at
 * hand, and the log says who looked.  False: answered (403). */
static bool narrow(struct visit *v, struct filter *f) {
    const char *wanted = f->wanted.operator_name;
    if (v->user.role != OTR_ROLE_OPERATOR)
        return true;
    if (f->wanted.tid) {
        log_event(LOG_INFO, v->request->id, "lookup", "user", v->user.name, "tid", f->wanted.tid,
                  NULL);
        return true;
    }
    f->wanted.operator_name = v->user.name;
    if (!wanted || strcmp(wanted, v->user.name) == 0)
        return true;
    app_refused(v, v->user.name, "role");
    desk_error(v, 403,
               "Your role shows your own attempts. Give a TID to see all attempts on one "
               "transaction.",
               0, "/attempts");
    return false;
}

/* Rows go out as they are read: the list is never in memory as a whole. */
static void send_csv(struct visit *v, struct filter *f) {
    struct desk_page p;
    struct otr_fault fault = {0};
    int n = 0, total = 0;
    struct otr_attempt *rows = desk_rows(v, CSV_ROWS);
    if (!rows)
        return;
    desk_page_begin(v, &p, false);
    do {
        enum otr_status s = otr_attempt_list(v->app->core, &f->wanted, CSV_ROWS, rows, &n, &fault);
        if (s != OTR_OK) {
            desk_fault(v, s, &fault); /* 503, or, once rows are out, a cut connection */
            break;
        }
        if (total == 0) {
            reply_restart(v->reply, 200, "text/csv; charset=utf-8");
            reply_header(v->reply, "Content-Disposition", "attachment; filename=\"attempts.csv\"");
        }
        if (!page_csv(&p.page, rows, n, total == 0, &v->reply->body))
            v->reply->body.failed = true;
        total += n;
        if (n > 0)
            f->wanted.after = rows[n - 1].attempt_id;
    } while (reply_flush(v->reply) && n == CSV_ROWS && total < CSV_MAX && !v->reply->head_only);
    free(rows);
}

static void show(struct visit *v, struct filter *f, int status, const char *hint) {
    struct desk_page p;
    struct otr_fault fault = {0};
    struct buf next, csv;
    int n = 0;
    buf_init(&next, 2048);
    buf_init(&csv, 2048);
    struct otr_attempt *rows = desk_rows(v, PAGE_ROWS + 1);
    if (!rows)
        return;
    if (status == 200) {
        enum otr_status s =
            otr_attempt_list(v->app->core, &f->wanted, PAGE_ROWS + 1, rows, &n, &fault);
        if (s != OTR_OK) {
            desk_fault(v, s, &fault);
            goto out;
        }
    }
    bool more = n > PAGE_ROWS; /* the one row too many says that there is a next page */
    n = more ? PAGE_ROWS : n;
    if (more)
        filter_query(f, rows[n - 1].attempt_id, false, &next);
    filter_query(f, 0, true, &csv);
    struct page_list page = {
        .rows = rows,
        .count = n,
        .next = more ? next.bytes : NULL,
        .csv = csv.bytes,
        .hint = hint,
        .tid_text = f->typed[FILTER_TID].text,
        .operator_text = f->typed[FILTER_OPERATOR].text,
        .kind_text = f->typed[FILTER_KIND].text,
        .status_text = f->typed[FILTER_STATUS].text,
        .from_text = f->typed[FILTER_FROM].text,
        .to_text = f->typed[FILTER_TO].text,
    };
    reply_restart(v->reply, status, NULL);
    desk_page_begin(v, &p, false);
    if (next.failed || csv.failed || !page_list(&p.page, &page, &v->reply->body))
        v->reply->body.failed = true;
out:
    free(rows);
    buf_free(&next);
    buf_free(&csv);
}

void desk_list(struct visit *v) {
    struct filter f;
    char why[FORM_WHY_SIZE];
    if (!filter_read(&f, v->request->query, why)) {
        for (int i = 0; i < FILTER__MAX; i++) /* what was not readable is not shown again */
            f.typed[i].text = form_trim(f.typed[i].text);
        show(v, &f, 400, why);
        return;
    }
    if (!narrow(v, &f))
        return;
    if (!f.csv) {
        show(v, &f, 200, NULL);
        return;
    }
    /* A slow reader keeps a worker waiting: not all of them. */
    if (atomic_fetch_add(&v->app->files, 1) < v->app->files_max) {
        send_csv(v, &f);
    } else {
        desk_error(v, 503, "Many files are being downloaded just now. Try again in a minute.", 0,
                   "/attempts");
        reply_header(v->reply, "Retry-After", "60");
    }
    atomic_fetch_sub(&v->app->files, 1);
}

void desk_reconciliation(struct visit *v) {
    struct desk_page p;
    struct otr_fault f = {0};
    struct otr_table tables[OTR_REPORT__MAX] = {{0}};
    enum otr_status s = OTR_OK;
    for (int i = 0; i < OTR_REPORT__MAX && s == OTR_OK; i++)
        s = otr_report_get(v->app->core, (enum otr_report)i, &tables[i], &f);
    if (s != OTR_OK) {
        desk_fault(v, s, &f);
        goto out;
    }
    struct page_reconciliation page = {
        .ageing = &tables[OTR_REPORT_AGEING],
        .daily_totals = &tables[OTR_REPORT_DAILY_TOTALS],
        .operator_totals = &tables[OTR_REPORT_OPERATOR_TOTALS],
        .unresolved = &tables[OTR_REPORT_UNRESOLVED],
        .mismatch = &tables[OTR_REPORT_MISMATCH],
        .manual = &tables[OTR_REPORT_MANUAL],
    };
    desk_page_begin(v, &p, false);
    if (!page_reconciliation(&p.page, &page, &v->reply->body))
        v->reply->body.failed = true;
out:
    for (int i = 0; i < OTR_REPORT__MAX; i++)
        otr_table_free(&tables[i]);
}
