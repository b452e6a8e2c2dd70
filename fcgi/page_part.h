/*
 * page_part.h - what the pages share: the frame, and how money, times and attempts look.  Internal
 * to fcgi/page*.c.
 *
 * Clock times are those of the process's time zone: main sets TZ to the configured zone and calls
 * tzset() once, before there are threads; after that localtime_r only reads.  struct page's zone
 * is the name shown beside them.
 */
#ifndef OTPREFUND_PAGE_PART_H
#define OTPREFUND_PAGE_PART_H

#include "fcgi/model.h"
#include "fcgi/page.h"

#define PAGE_TEXT_SIZE 64 /* room for any of the short texts below */

/* A page being filled. */
struct fill {
    const struct page *page;
    struct model *m;
    struct node *root;
};

enum page_place { PLACE_NONE, PLACE_DESK, PLACE_LIST, PLACE_RECONCILIATION };

/* Starts a page: title, viewer, navigation.  Out of memory shows in page_finish. */
void page_start(struct fill *f, const struct page *p, const char *title, enum page_place place);
/* Renders and frees the model.  false: no memory, or out is full. */
bool page_finish(struct fill *f, const char *template, struct buf *out);

/* node_text with a format; texts over 400 bytes are cut. */
void put_format(struct fill *f, struct node *map, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A map {plain "5050.00", text "₹5,050.00"}, or "" (false) of OTR_NO_AMOUNT. */
void put_money(struct fill *f, struct node *map, const char *name, int64_t paise);
/* A map {iso, full "23 Nov 2026, 14:05:09 IST", short "14:05:09", age "3 min"}, or "" of 0. */
void put_time(struct fill *f, struct node *map, const char *name, int64_t ms);
/* The row of an attempt as lists show it. */
void put_attempt(struct fill *f, struct node *map, const struct otr_attempt *a);

/* The part about settling an attempt by hand, and the button that asks (page_manual.c).  m: NULL
 * allowed. */
void put_manual(struct fill *f, const struct otr_attempt *a, const struct page_manual *m);

/*
 * "₹5,050.00", "₹12,34,567.00": grouped as in India; "" of OTR_NO_AMOUNT.  out: PAGE_TEXT_SIZE
 * bytes.
 */
char *page_money(int64_t paise, char *out);
/* "23 Nov 2026, 14:05:09 IST"; "" of 0.  out: PAGE_TEXT_SIZE bytes. */
char *page_time(int64_t ms, char *out);
/*
 * "14:05:09" on the day of now, otherwise "22 Nov 2026, 14:05"; "" of 0.  out: PAGE_TEXT_SIZE
 * bytes.
 */
char *page_time_short(int64_t ms, int64_t now, char *out);
/*
 * "12 s", "3 min", "2 h 5 min", "3 days"; "0 s" of what has not happened yet.  out:
 * PAGE_TEXT_SIZE bytes.
 */
char *page_age(int64_t ms, char *out);
/* Paise of "5050.00" as SQL writes it; OTR_NO_AMOUNT if it is not such a number. */
int64_t page_paise(const char *text);

/* May the viewer open /refunds/{tid}? */
bool page_sees_desk(const struct page *p);

#endif
