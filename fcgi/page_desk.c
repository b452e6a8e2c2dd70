/* page_desk.c - GET /: find a transaction, what is open, today in numbers. */
#include "fcgi/page_part.h"

static void put_rows(struct fill *f, const char *name, const char *some,
                     const struct otr_attempt *rows, int count) {
    node_bool(f->m, f->root, some, count > 0);
    struct node *list = node_list(f->m, f->root, name);
    for (int i = 0; i < count; i++)
        put_attempt(f, node_item(f->m, list), &rows[i]);
}

static void put_today(struct fill *f, const struct otr_today *t) {
    if (!t) {
        node_text(f->m, f->root, "today", "");
        return;
    }
    struct node *n = node_map(f->m, f->root, "today");
    put_money(f, n, "amount", t->refunded_amount == OTR_NO_AMOUNT ? 0 : t->refunded_amount);
    node_int(f->m, n, "refunded", t->refunded);
    node_int(f->m, n, "refunds", t->refunds);
    node_int(f->m, n, "rejected", t->rejected);
    node_int(f->m, n, "open", t->open);
    node_bool(f->m, n, "some_open", t->open > 0);
    node_int(f->m, n, "otps", t->otps);
    node_int(f->m, n, "unconfirmed", t->otps_unconfirmed);
    node_bool(f->m, n, "some_unconfirmed", t->otps_unconfirmed > 0);
}

bool page_desk(const struct page *p, const struct page_desk *d, struct buf *out) {
    struct fill f;
    page_start(&f, p, "Desk", PLACE_DESK);
    node_text(f.m, f.root, "query", d->query);
    node_text(f.m, f.root, "hint", d->hint);
    put_rows(&f, "open", "any_open", d->open, d->open_count);
    put_rows(&f, "rows", "any_rows", d->recent, d->recent_count);
    put_today(&f, d->today);
    return page_finish(&f, "desk", out);
}
