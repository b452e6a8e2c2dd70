/* news.c - what goes wrong where nobody asked, told for a log, and not more often than one can read. */
#include "core/core.h"
#include "sql/clock.h"

#define AGAIN_MS 10000 /* the same trouble is not told sooner */

static void tell(struct otr *o, enum otr_news news, const char *detail) {
    if (o->config.tell)
        o->config.tell(o->config.tell_arg, news, detail);
}

/* Locked: is it long enough ago, and told now? */
static bool due(int64_t *told_ms) {
    int64_t now = clock_monotonic_ms();
    if (*told_ms && now - *told_ms < AGAIN_MS)
        return false;
    *told_ms = now;
    return true;
}

void news_call(struct otr *o, const struct http_result *r) {
    struct news *n = &o->news;
    bool answered = r->fate == HTTP_ANSWERED;
    if (r->reason == OTR_REASON_OVERLOADED || r->reason == OTR_REASON_STOPPING)
        return; /* our own doing */
    pthread_mutex_lock(&o->numbers_lock);
    bool changed = answered ? n->bank_lost : !n->bank_lost && due(&n->bank_told_ms);
    if (changed)
        n->bank_lost = !answered;
    pthread_mutex_unlock(&o->numbers_lock);
    if (changed)
        tell(o, answered ? OTR_NEWS_BANK_BACK : OTR_NEWS_BANK_LOST,
             answered ? "" : otr_reason_name(r->reason));
}

void news_resolver(struct otr *o, const char *why) {
    pthread_mutex_lock(&o->numbers_lock);
    bool now = due(&o->news.resolver_told_ms);
    pthread_mutex_unlock(&o->numbers_lock);
    if (now)
        tell(o, OTR_NEWS_RESOLVER_FAILED, why);
}

void news_callback_lost(struct otr *o, const char *tid) {
    tell(o, OTR_NEWS_CALLBACK_LOST, tid);
}
