/* filter.c - the query of a list of attempts. */
#include "fcgi/filter.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "fcgi/text.h"

static const struct form_rule rules[FILTER__MAX] = {
    [FILTER_TID] = {"tid", 24, false},
    [FILTER_OPERATOR] = {"operator", OTR_NAME_SIZE - 1, false},
    [FILTER_KIND] = {"kind", 16, false},
    [FILTER_STATUS] = {"status", 16, false},
    [FILTER_FROM] = {"from", 40, false},
    [FILTER_TO] = {"to", 40, false},
    [FILTER_AFTER] = {"after", 18, false},
    [FILTER_FORMAT] = {"format", 8, false},
};

/* The field's text, NULL where it was not given or is empty. */
static const char *given(const struct filter *f, enum filter_field field) {
    const char *text = f->typed[field].text;
    return text && *text ? text : NULL;
}

static bool refuse(char why[FORM_WHY_SIZE], const char *sentence) {
    snprintf(why, FORM_WHY_SIZE, "%s", sentence);
    return false;
}

static bool status_read(struct otr_filter *w, const char *word) {
    if (strcmp(word, "open") == 0)
        return w->open_only = true;
    if (strcmp(word, "in_flight") == 0)
        return w->in_flight_only = true;
    if (strcmp(word, "contradicted") == 0)
        return w->contradicted_only = true;
    /* "refunded" is an outcome and a resolution: the resolution is what counts. */
    if ((w->resolution = otr_resolution_value(word)) != OTR_RESOLUTION_NONE)
        return true;
    return (w->outcome = otr_outcome_value(word)) != OTR_OUTCOME_NONE;
}

static bool time_read(const char *text, bool whole_day, int64_t *out) {
    bool day;
    int64_t at = text_time_read(text, &day);
    if (at < 0)
        return false;
    *out = at;
    if (day && whole_day) { /* up to the next midnight, which need not be 24 hours later */
        struct tm tm;
        time_t t = (time_t)(at / 1000);
        if (!localtime_r(&t, &tm))
            return false;
        tm.tm_mday++;
        tm.tm_isdst = -1;
        *out = (int64_t)mktime(&tm) * 1000;
    }
    return true;
}

bool filter_read(struct filter *f, char *query, char why[FORM_WHY_SIZE]) {
    struct otr_filter *w = &f->wanted;
    const char *text;
    *f = (struct filter){0};
    if (!form_read(query, strlen(query), rules, FILTER__MAX, f->typed, why))
        return false;
    for (int i = 0; i < FILTER__MAX; i++)
        f->typed[i].text = form_trim(f->typed[i].text);
    w->operator_name = given(f, FILTER_OPERATOR);
    if ((text = given(f, FILTER_TID)) != NULL && !otr_tid_valid(text))
        return refuse(why, "The field \"tid\" takes digits only, at most 18, and no 0 in front.");
    w->tid = text;
    if ((text = given(f, FILTER_KIND)) != NULL && (w->kind = otr_kind_value(text)) == OTR_KIND_NONE)
        return refuse(why, "The field \"kind\" takes otp, refund or inquiry.");
    if ((text = given(f, FILTER_STATUS)) != NULL && !status_read(w, text))
        return refuse(
            why,
            "The field \"status\" takes open, in_flight, contradicted, refunded, not_refunded, "
            "rejected, sent, unconfirmed, answered, not_sent or unknown.");
    if ((text = given(f, FILTER_FROM)) != NULL && !time_read(text, false, &w->from))
        return refuse(why, "The field \"from\" takes a day such as 2024-06-02.");
    if ((text = given(f, FILTER_TO)) != NULL && !time_read(text, true, &w->to))
        return refuse(why, "The field \"to\" takes a day such as 2024-06-02.");
    if ((text = given(f, FILTER_AFTER)) != NULL && (w->after = text_number(text)) < 1)
        return refuse(why, "The field \"after\" takes the number of an attempt.");
    if ((text = given(f, FILTER_FORMAT)) != NULL && !(f->csv = strcmp(text, "csv") == 0))
        return refuse(why, "The field \"format\" takes csv.");
    return true;
}

void filter_query(const struct filter *f, int64_t after, bool csv, struct buf *out) {
    const char *between = "";
    for (int i = 0; i < FILTER_AFTER; i++) {
        const char *text = given(f, (enum filter_field)i);
        if (!text)
            continue;
        buf_format(out, "%s%s=", between, rules[i].name);
        text_escape(out, text);
        between = "&";
    }
    if (after > 0) {
        buf_format(out, "%safter=%lld", between, (long long)after);
        between = "&";
    }
    if (csv)
        buf_format(out, "%sformat=csv", between);
    if (!out->size)
        buf_text(out, "");
}
