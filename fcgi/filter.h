/*
 * filter.h - the query of a list of attempts, for the page and for the JSON API: read strictly,
 * with hints.
 */
#ifndef OTPREFUND_FILTER_H
#define OTPREFUND_FILTER_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/otprefund.h"
#include "fcgi/form.h"

enum filter_field {
    FILTER_TID,
    FILTER_OPERATOR,
    FILTER_KIND,
    FILTER_STATUS,
    FILTER_FROM,
    FILTER_TO,
    FILTER_AFTER,
    FILTER_FORMAT,
    FILTER__MAX
};

struct filter {
    struct otr_filter wanted;             /* texts point into the query */
    struct form_value typed[FILTER__MAX]; /* trimmed; text NULL: not given */
    bool csv;
};

/*
 * Reads the query in place.  status is one word: an outcome, a resolution, or open, in_flight,
 * contradicted. from and to are days in the desk's time zone (to: that day included) or RFC 3339
 * times (to: not included). Empty fields mean "any".  false with why: one sentence that names the
 * field; f->typed is filled as far as it was read.
 */
bool filter_read(struct filter *f, char *query, char why[FORM_WHY_SIZE]);

/* Appends the same query, percent-encoded, with after (0: none) and, if csv is set, format=csv. */
void filter_query(const struct filter *f, int64_t after, bool csv, struct buf *out);

#endif
