/* rate.c - never more than so many starts in any second. */
#include "core/rate.h"

#include <stdlib.h>

#define WINDOW_MS 1001 /* a second, and what a time in whole milliseconds leaves out */

struct rate {
    int places, next;
    int64_t from_ms[]; /* by place: free from then on */
};

struct rate *rate_new(int per_second) {
    struct rate *r = calloc(1, sizeof *r + (size_t)per_second * sizeof r->from_ms[0]);
    if (r)
        r->places = per_second;
    return r;
}

void rate_free(struct rate *r) {
    free(r);
}

int rate_take(struct rate *r, int64_t *from_ms) {
    int place = r->next;
    r->next = (place + 1) % r->places;
    *from_ms = r->from_ms[place];
    return place;
}

void rate_started(struct rate *r, int place, int64_t now_ms) {
    r->from_ms[place] = now_ms + WINDOW_MS;
}
