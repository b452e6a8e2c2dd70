/*
 * journal_list.c - lists of attempts.
 *
 * A list is two steps in one statement: the numbers of the rows wanted, from one index and nothing
 * else (the planner drops the view's other tables where no column of theirs is named), then those
 * few rows in full.  Words of closed lists and the size stand in the text, so that partial indexes
 * fit and the planner knows that few rows come; they are part of the shape.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sql/db_shape.h"

/* A text made of the fixed fragments below; each holds at most a %d for its $n. */
struct query {
    char *sql;
    size_t size;
    struct db_params *params;
    uint32_t shape;
    char walk[16]; /* the operator whose own rows are walked, newest first; "": not so */
    bool sorted;   /* they are few: read upwards, then sorted */
};

__attribute__((format(printf, 2, 3))) static void fragment(struct query *q, const char *format,
                                                           ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(q->sql + q->size, DB_LIST_SIZE - q->size, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < DB_LIST_SIZE - q->size)
        q->size += (size_t)n;
}

/* What is part of the shape: a number below 1 << bits. */
static void shape(struct query *q, unsigned number, int bits) {
    q->shape = q->shape << bits | number;
}

/* Whether an attempt can be of that kind and have come to that. */
static bool possible(const struct otr_filter *f) {
    if (f->resolution && f->kind && f->kind != OTR_KIND_REFUND)
        return false;
    switch (f->kind ? f->outcome : OTR_OUTCOME_NONE) {
    case OTR_OUTCOME_SENT:
    case OTR_OUTCOME_UNCONFIRMED:
        return f->kind == OTR_KIND_OTP;
    case OTR_OUTCOME_REFUNDED:
        return f->kind == OTR_KIND_REFUND;
    case OTR_OUTCOME_REJECTED:
        return f->kind != OTR_KIND_INQUIRY;
    case OTR_OUTCOME_ANSWERED:
        return f->kind == OTR_KIND_INQUIRY;
    default:
        return true;
    }
}

/* What one operator's few rows are looked for in: the rare outcomes have a function of their own. */
static bool odd(const struct otr_filter *f) {
    return f->operator_name && !f->tid && !f->open_only && !f->in_flight_only &&
           (f->outcome == OTR_OUTCOME_UNCONFIRMED || f->outcome == OTR_OUTCOME_REJECTED ||
            f->outcome == OTR_OUTCOME_NOT_SENT || f->outcome == OTR_OUTCOME_UNKNOWN);
}

/*
 * His rows are read from the index by operator and number: both ends of the walk name him, so no
 * other index will do.  With "operator = $n" the planner takes everybody's for a share of the rows,
 * walks the primary key and reads the whole journal for one who has few.
 */
static bool walks(const struct otr_filter *f) {
    return f->operator_name && !f->tid && !f->in_flight_only && !f->contradicted_only && !odd(f);
}

static void where_words(struct query *q, const struct otr_filter *f) {
    shape(q, f->kind, 2);
    shape(q, f->outcome, 4);
    shape(q, f->resolution, 2);
    shape(q, f->tid != NULL, 1);
    shape(q, f->operator_name != NULL, 1);
    shape(q, q->walk[0] != '\0', 1);
    if (f->tid) {
        db_text_or_empty(q->params, f->tid);
        fragment(q, " AND p.tid = $%d", q->params->count);
    }
    if (f->operator_name) {
        db_text_or_empty(q->params, f->operator_name);
        if (walks(f))
            snprintf(q->walk, sizeof q->walk, "$%d", q->params->count);
        else /* of one transaction's few rows, and never his many: no index fits */
            fragment(q, f->tid ? " AND p.operator || '' = $%d" : " AND p.operator = $%d",
                     q->params->count);
    }
    if (f->kind)
        fragment(q, " AND p.kind = '%s'", otr_kind_name(f->kind));
    if (f->outcome)
        fragment(q, " AND p.outcome = '%s'", otr_outcome_name(f->outcome));
    if (f->resolution)
        fragment(q, " AND p.resolution = '%s'", otr_resolution_name(f->resolution));
    if (!possible(f)) /* or the whole journal would be looked through for it */
        fragment(q, " AND false");
}

static void where_state(struct query *q, const struct otr_filter *f) {
    shape(q, f->open_only, 1);
    shape(q, f->in_flight_only, 1);
    shape(q, f->contradicted_only, 1);
    if (f->in_flight_only)
        fragment(q, " AND p.outcome IS NULL");
    /* Those of one transaction are few; otherwise the few that are on their way come first. */
    if (f->in_flight_only && !f->tid)
        fragment(q, " AND p.attempt_id = ANY (otprefund.in_flight())");
    if (f->contradicted_only)
        fragment(q, " AND p.attempt_id IN (SELECT c.attempt_id FROM otprefund.contradiction c)");
}

#define TIME "(timestamptz 'epoch' + $%d * interval '1 millisecond')"

/* One end of the numbers wanted: "p.attempt_id < " or, walking, the same with the operator. */
static void bound(struct query *q, const char *compare) {
    if (q->walk[0])
        fragment(q, " AND (p.operator, p.attempt_id) %s (%s, ", compare, q->walk);
    else
        fragment(q, " AND p.attempt_id %s (", compare);
}

static void where_times(struct query *q, const struct otr_filter *f) {
    struct db_params *p = q->params;
    const char *not_indexed = q->walk[0] ? " + interval '0'" : "";
    shape(q, f->from != 0, 1);
    shape(q, f->to != 0, 1);
    shape(q, f->after != 0, 1);
    if (f->from) {
        db_number(p, f->from);
        fragment(q, " AND p.started_at%s >= " TIME, not_indexed, p->count);
        bound(q, ">=");
        fragment(q, "(SELECT otprefund.attempt_id_from(" TIME ")))", p->count);
    }
    if (f->to) {
        db_number(p, f->to);
        fragment(q, " AND p.started_at%s < " TIME, not_indexed, p->count);
        bound(q, "<=");
        fragment(q, "(SELECT otprefund.attempt_id_to(" TIME ")))", p->count);
    }
    if (f->after) {
        db_number(p, f->after);
        bound(q, "<");
        fragment(q, "$%d)", p->count);
    }
    if (q->walk[0] && !f->from) {
        bound(q, ">=");
        fragment(q, "0)");
    }
    if (q->walk[0] && !f->to && !f->after) {
        bound(q, "<=");
        fragment(q, "9223372036854775807)");
    }
}

/* The next of a few sizes: each size is a shape of its own. */
static int size_for(int max, unsigned *index) {
    static const int sizes[] = {1, 20, 51, 101, 501, 2000};
    for (*index = 0; *index < sizeof sizes / sizeof *sizes - 1; ++*index)
        if (max <= sizes[*index])
            break;
    return sizes[*index];
}

/*
 * Where the numbers are looked for.  The open ones have a small table of their own; the rare
 * outcomes of one operator are found by a function, all of them where other filters take their
 * share.
 */
#define FROM_ALL "otprefund.attempt_status p"
#define FROM_ODD                                                                                   \
    "otprefund.attempt_odd($%d, '%s', %s) odd "                                                    \
    "JOIN otprefund.attempt_status p ON p.attempt_id = odd"
#define FROM_OPEN                                                                                  \
    "(SELECT u.attempt_id, u.tid, u.operator, 'refund'::text AS kind, u.outcome, NULL::text AS "   \
    "resolution, u.started_at FROM otprefund.unresolved u) p"

static void from(struct query *q, const struct otr_filter *f, int size) {
    char max[16] = "NULL";
    bool alone =
        !f->kind && !f->resolution && !f->contradicted_only && !f->from && !f->to && !f->after;
    if (alone)
        snprintf(max, sizeof max, "%d", size);
    if (odd(f)) {
        db_text_or_empty(q->params, f->operator_name);
        fragment(q, FROM_ODD, q->params->count, otr_outcome_name(f->outcome), max);
    } else {
        fragment(q, "%s", f->open_only ? FROM_OPEN : FROM_ALL);
    }
}

/* The numbers of the rows wanted: a SELECT without its end. */
static void pick(struct query *q, const struct otr_filter *f, int max) {
    unsigned index;
    int size = size_for(max, &index);
    fragment(q, "(SELECT p.attempt_id FROM ");
    from(q, f, size);
    fragment(q, " WHERE true");
    where_words(q, f);
    where_state(q, f);
    where_times(q, f);
    shape(q, index, 3);
    /* Of one transaction's few rows sorted: walked by number they are the whole journal's, which the
     * planner prefers where its statistics are of another day, or there are none. */
    fragment(q, " ORDER BY %s DESC LIMIT %d) k",
             q->sorted || f->tid ? "p.attempt_id + 0"
             : q->walk[0]        ? "p.operator DESC, p.attempt_id"
                                 : "p.attempt_id",
             size);
}

void db_list(struct db_ask *ask, const struct otr_filter *f, int max, char text[DB_LIST_SIZE]) {
    struct query q = {.sql = text, .params = &ask->params, .shape = 1};
    ask->params.count = 0;
    fragment(&q, "SELECT " DB_ATTEMPT_COLUMNS " FROM ");
    pick(&q, f, max);
    fragment(&q, " JOIN otprefund.attempt_status s ON s.attempt_id = k.attempt_id"
                 " ORDER BY s.attempt_id DESC");
    ask->shape = q.shape;
    ask->sql = text;
}

/*
 * Each row is looked up by LIMIT 1: the planner, who cannot know how many operators come, would join
 * with all there are.  A walk downwards that finds too few goes on through all one ever did: of the
 * two columns compared only the first can end it.  Upwards it begins where it should, and ends with
 * the operator; those since a day began are few enough to be sorted.
 */
void db_list_each(struct db_ask *ask, const char *operators, const struct otr_filter *f, int max,
                  char text[DB_LIST_SIZE]) {
    struct query q = {.sql = text,
                      .params = &ask->params,
                      .shape = 1,
                      .walk = "n.operator",
                      .sorted = f->from != 0};
    ask->params.count = 0;
    db_text(&ask->params, operators);
    fragment(&q, "SELECT s.*, n.number FROM unnest($1::text[]) WITH ORDINALITY n(operator, number),"
                 " LATERAL ");
    pick(&q, f, max);
    fragment(&q, ", LATERAL (SELECT " DB_ATTEMPT_COLUMNS " FROM otprefund.attempt_status s"
                 " WHERE s.attempt_id = k.attempt_id LIMIT 1) s"
                 " ORDER BY n.number, s.attempt_id DESC");
    ask->shape = q.shape;
    ask->sql = text;
}

int db_list_rows(const struct db_ask *ask, int max, struct otr_attempt *rows) {
    int n = PQntuples(ask->result);
    if (n > max)
        n = max;
    for (int row = 0; row < n; row++)
        db_read_attempt(ask->result, row, &rows[row]);
    return n > 0 ? n : 0;
}

enum journal_status journal_attempts(struct journal *j, const struct otr_filter *f, int max,
                                     struct otr_attempt *rows, int *n) {
    struct db_ask ask;
    char text[DB_LIST_SIZE];
    *n = 0;
    db_list(&ask, f, max, text);
    enum journal_status status = db_ask_all(j, &ask, 1);
    if (status == JOURNAL_OK)
        *n = db_list_rows(&ask, max, rows);
    db_asks_clear(&ask, 1);
    return status;
}
