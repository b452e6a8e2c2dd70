/* page.c - what all pages share: the frame, money, times, ages, the row of an attempt. */
#include "fcgi/page_part.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fcgi/advice.h"
#include "fcgi/text.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* ---- money, times, ages ----------------------------------------------------------------- */

char *page_money(int64_t paise, char *out) {
    char digits[24];
    out[0] = '\0';
    if (paise == OTR_NO_AMOUNT)
        return out;
    uint64_t value = paise < 0 ? -(uint64_t)paise : (uint64_t)paise;
    int n = snprintf(digits, sizeof digits, "%" PRIu64, value / 100);
    int at = snprintf(out, PAGE_TEXT_SIZE, "%s₹", paise < 0 ? "−" : "");
    for (int i = 0; i < n; i++) {
        int left = n - i; /* digits from here: a comma before the last 3, then before each 2 */
        if (i > 0 && left >= 3 && left % 2 == 1)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    snprintf(out + at, PAGE_TEXT_SIZE - (size_t)at, ".%02u", (unsigned)(value % 100));
    return out;
}

int64_t page_paise(const char *text) {
    int64_t value = 0;
    bool minus = *text == '-';
    const char *p = text + minus, *start = p;
    for (; *p >= '0' && *p <= '9' && p - start < 15; p++)
        value = value * 10 + (*p - '0');
    if (p == start)
        return OTR_NO_AMOUNT;
    value *= 100;
    if (*p == '.' && p[1] >= '0' && p[1] <= '9' && p[2] >= '0' && p[2] <= '9') {
        value += (p[1] - '0') * 10 + (p[2] - '0');
        p += 3;
    }
    if (*p)
        return OTR_NO_AMOUNT;
    return minus ? -value : value;
}

static bool local(int64_t ms, struct tm *tm) {
    time_t s = (time_t)(ms / 1000);
    return ms > 0 && localtime_r(&s, tm) && tm->tm_year < 8100;
}

char *page_time(int64_t ms, char *out) {
    struct tm tm;
    out[0] = '\0';
    if (local(ms, &tm))
        snprintf(out, PAGE_TEXT_SIZE, "%d %s %d, %02d:%02d:%02d %.8s", tm.tm_mday,
                 months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec,
                 tm.tm_zone ? tm.tm_zone : "");
    return out;
}

char *page_time_short(int64_t ms, int64_t now, char *out) {
    struct tm tm, today;
    out[0] = '\0';
    if (!local(ms, &tm))
        return out;
    if (local(now, &today) && tm.tm_yday == today.tm_yday && tm.tm_year == today.tm_year)
        snprintf(out, PAGE_TEXT_SIZE, "%02d:%02d:%02d", tm.tm_hour, tm.tm_min, tm.tm_sec);
    else
        snprintf(out, PAGE_TEXT_SIZE, "%d %s %d, %02d:%02d", tm.tm_mday, months[tm.tm_mon],
                 tm.tm_year + 1900, tm.tm_hour, tm.tm_min);
    return out;
}

char *page_age(int64_t ms, char *out) {
    if (ms < MINUTE)
        snprintf(out, PAGE_TEXT_SIZE, "%d s", ms < 0 ? 0 : (int)(ms / SECOND));
    else if (ms < HOUR)
        snprintf(out, PAGE_TEXT_SIZE, "%d min", (int)(ms / MINUTE));
    else if (ms < DAY && ms % HOUR >= MINUTE)
        snprintf(out, PAGE_TEXT_SIZE, "%d h %d min", (int)(ms / HOUR), (int)(ms % HOUR / MINUTE));
    else if (ms < DAY)
        snprintf(out, PAGE_TEXT_SIZE, "%d h", (int)(ms / HOUR));
    else
        snprintf(out, PAGE_TEXT_SIZE, ms < 2 * DAY ? "%" PRId64 " day" : "%" PRId64 " days",
                 ms / DAY);
    return out;
}

/* ---- putting them into a model ---------------------------------------------------------- */

void put_format(struct fill *f, struct node *map, const char *name, const char *format, ...) {
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    node_text(f->m, map, name, text);
}

void put_money(struct fill *f, struct node *map, const char *name, int64_t paise) {
    char text[PAGE_TEXT_SIZE];
    if (paise == OTR_NO_AMOUNT) {
        node_text(f->m, map, name, ""); /* set, so that no amount further up is found instead */
        return;
    }
    struct node *n = node_map(f->m, map, name);
    node_text(f->m, n, "plain", otr_rupees(paise, text, sizeof text));
    node_text(f->m, n, "text", page_money(paise, text));
}

void put_time(struct fill *f, struct node *map, const char *name, int64_t ms) {
    char text[PAGE_TEXT_SIZE], iso[TEXT_TIME_SIZE];
    if (!*page_time(ms, text)) {
        node_text(f->m, map, name, "");
        return;
    }
    struct node *n = node_map(f->m, map, name);
    node_text(f->m, n, "full", text);
    node_text(f->m, n, "iso", text_rfc3339(ms, iso));
    node_text(f->m, n, "short", page_time_short(ms, f->page->now, text));
    node_text(f->m, n, "age", page_age(f->page->now - ms, text));
}

static const char *kind_word(enum otr_kind kind) {
    switch (kind) {
    case OTR_KIND_OTP:
        return "Send OTP";
    case OTR_KIND_REFUND:
        return "Refund";
    case OTR_KIND_INQUIRY:
        return "Ask the bank";
    default:
        return "";
    }
}

bool page_sees_desk(const struct page *p) {
    return p->viewer &&
           (p->viewer->role == OTR_ROLE_OPERATOR || p->viewer->role == OTR_ROLE_SUPERVISOR);
}

void put_attempt(struct fill *f, struct node *map, const struct otr_attempt *a) {
    struct advice d;
    advice_for(a, &d);
    node_int(f->m, map, "id", a->attempt_id);
    node_text(f->m, map, "tid", a->tid);
    node_text(f->m, map, "ref", a->client_ref_id);
    if (page_sees_desk(f->page) && *a->tid)
        put_format(f, map, "tid_path", "/refunds/%s", a->tid);
    else
        node_text(f->m, map, "tid_path", "");
    node_text(f->m, map, "kind", kind_word(a->kind));
    node_text(f->m, map, "operator", a->operator_name);
    bool said = a->kind == OTR_KIND_INQUIRY && a->outcome == OTR_OUTCOME_ANSWERED &&
                a->tx_status != OTR_NO_STATUS;
    node_text(f->m, map, "badge", said ? advice_tx_word(a->tx_status) : d.badge);
    node_text(f->m, map, "tone", advice_tone_name(d.tone));
    bool wrong = a->reason == OTR_REASON_WRONG_OTP || a->reason == OTR_REASON_OTP_EXPIRED;
    node_text(f->m, map, "note",
              wrong && a->resolution != OTR_RESOLUTION_REFUNDED ? advice_why(a->reason) : "");
    put_time(f, map, "started", a->started_at);
    put_money(f, map, "amount",
              a->refunded_amount != OTR_NO_AMOUNT ? a->refunded_amount : a->amount);
    node_bool(f->m, map, "contradicted", a->contradicted);
}

/* ---- the frame -------------------------------------------------------------------------- */

static const char *role_word(enum otr_role role) {
    switch (role) {
    case OTR_ROLE_OPERATOR:
        return "operator";
    case OTR_ROLE_SUPERVISOR:
        return "supervisor";
    case OTR_ROLE_AUDITOR:
        return "auditor";
    default:
        return "";
    }
}

static void nav_item(struct fill *f, struct node *nav, const char *path, const char *text,
                     bool here) {
    struct node *n = node_item(f->m, nav);
    node_text(f->m, n, "path", path);
    node_text(f->m, n, "text", text);
    node_bool(f->m, n, "here", here);
}

static void put_viewer(struct fill *f, const struct otr_operator *o, enum page_place place) {
    if (!o) {
        node_text(f->m, f->root, "viewer", "");
        return;
    }
    struct node *viewer = node_map(f->m, f->root, "viewer");
    node_text(f->m, viewer, "name", *o->full_name ? o->full_name : o->name);
    node_text(f->m, viewer, "role", role_word(o->role));
    struct node *nav = node_list(f->m, f->root, "nav");
    if (o->role == OTR_ROLE_OPERATOR || o->role == OTR_ROLE_SUPERVISOR)
        nav_item(f, nav, "/", "Desk", place == PLACE_DESK);
    if (o->role != OTR_ROLE_NONE)
        nav_item(f, nav, "/attempts", "Attempts", place == PLACE_LIST);
    if (o->role == OTR_ROLE_SUPERVISOR || o->role == OTR_ROLE_AUDITOR)
        nav_item(f, nav, "/reconciliation", "Reconciliation", place == PLACE_RECONCILIATION);
}

void page_start(struct fill *f, const struct page *p, const char *title, enum page_place place) {
    *f = (struct fill){.page = p, .m = model_new()};
    f->root = model_root(f->m);
    node_text(f->m, f->root, "title", title);
    node_text(f->m, f->root, "home",
              p->viewer && p->viewer->role == OTR_ROLE_AUDITOR ? "/attempts" : "/");
    node_text(f->m, f->root, "zone", p->zone);
    node_text(f->m, f->root, "request_id", p->request_id);
    node_text(f->m, f->root, "csrf_token", p->csrf_token);
    put_time(f, f->root, "now", p->now);
    put_viewer(f, p->viewer, place);
}

bool page_finish(struct fill *f, const char *template, struct buf *out) {
    bool ok = f->m && template_render(f->page->templates, template, f->m, out);
    model_free(f->m);
    f->m = NULL;
    return ok;
}
