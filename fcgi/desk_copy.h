/*
 * desk_copy.h - pages of desks as they were made, shared by all who show them within the same second.
 *
 * A page says when it is shown, to the second, so none is of use for longer.  And within it none is
 * shown again but by who has asked the journal, after he was asked himself, whether it still is the
 * moment at which that desk was read (otr_moment_get).
 */
#ifndef OTPREFUND_DESK_COPY_H
#define OTPREFUND_DESK_COPY_H

#include <stdatomic.h>
#include <stdint.h>

#include "core/otprefund.h"
#include "core/buf.h"

struct desk_copy {
    atomic_int users;
    int64_t second;           /* in which it is shown, since 1970 */
    char name[OTR_NAME_SIZE]; /* whose */
    char moment[OTR_MOMENT_SIZE];
    struct otr_operator who;
    size_t size;
    char page[];
};

struct desk_copies;
struct desk_copies *desk_copies_new(void);    /* NULL: no memory */
void desk_copies_free(struct desk_copies *c); /* NULL allowed */

/* A copy of the page with one user, whom it belongs to.  NULL: no memory, or the page was cut short. */
struct desk_copy *desk_copy_make(const char *name, const struct otr_operator *who,
                                 const char *moment, int64_t second, const struct buf *page);
void desk_copy_drop(struct desk_copy *copy); /* one user less; NULL allowed */

/* Keeps it for those who come within its second, if there is room and none of a later second: one user
   more. */
void desk_copies_keep(struct desk_copies *c, struct desk_copy *copy);
/* Drops all of them. */
void desk_copies_clear(struct desk_copies *c);
/* That person's of that second, with one user more, or NULL. */
struct desk_copy *desk_copies_find(struct desk_copies *c, const char *name, int64_t second);

#endif
