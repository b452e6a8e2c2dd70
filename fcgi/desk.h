/*
 * desk.h - what the handlers of pages share.
 */
#ifndef OTPREFUND_DESK_H
#define OTPREFUND_DESK_H

#include "fcgi/app.h"
#include "fcgi/csrf.h"
#include "fcgi/form.h"
#include "fcgi/page.h"
#include "fcgi/text.h"

#define DESK_FORM_MAX 16384 /* bytes of a form */
#define DESK_KEY_SIZE 33    /* our idempotency keys: 128 random bits in hex */

/* What a page needs, with the texts it points to. */
struct desk_page {
    struct page page;
    char csrf[CSRF_SIZE];
    char keys[2][DESK_KEY_SIZE];
};

/*
 * Did the person ask for this page?  Another site may make the browser fetch it, and an inquiry would
 * be made in the person's name.  False: answered (403).
 */
bool desk_asked_for(struct visit *v);
/* Who REMOTE_USER is and whether the role may have this page.  False: answered (403, 503). */
bool desk_admit(struct visit *v);
/* What one look at a desk found. */
struct desk_copy;
struct desk_view {
    enum otr_status status;
    struct otr_fault fault;
    bool known; /* has the login a row? */
    struct otr_operator who;
    struct desk_copy *copy; /* shared by all who asked meanwhile: the page as it is shown without a
                               search; NULL: the person may not see it, or no memory */
    struct otr_desk *desk;  /* read for this request alone */
};
#define DESK_PAGE_MAX (1u << 20)
struct desk_views *desk_views_new(int connections); /* for struct app; NULL: no memory */
void desk_views_free(struct desk_views *d);         /* once nobody asks; NULL allowed */
void desk_views_trim(struct desk_views *d);         /* keeps no page that was made before */
/*
 * Leaves a visit of the desk until somebody has looked at it: true: app_resume goes on, with v->desk
 * set to what was looked up after this call.  Nobody waits for it.  false: not this visit (nobody's,
 * a search, no memory): go on.
 */
bool desk_view_park(struct visit *v);
/* Looks now, for this visit alone: v->desk is new. */
bool desk_view_take(struct visit *v, const char *name); /* false: no memory */
void desk_view_drop(struct visit *v);
/* As otr_operator_get, by the look in v->desk, or else by one made now. */
enum otr_status desk_view_who(struct visit *v, const char *name, struct otr_operator *who,
                              struct otr_fault *f);

/* Fills what every page needs.  with_forms: fresh token and keys too; false: none to be had
 * (answered with 500). */
bool desk_page_begin(struct visit *v, struct desk_page *p, bool with_forms);
/* An error page.  attempt_id: a link to it, or 0; back: a path to go back to, or NULL. */
void desk_error(struct visit *v, int status, const char *what, int64_t attempt_id,
                const char *back);
/* The error page of a status of the core that is not OTR_OK. */
void desk_fault(struct visit *v, enum otr_status s, const struct otr_fault *f);
/* The caller as the core wants it. */
struct otr_who desk_who(const struct visit *v);
/* Room for n attempts; NULL: answered with 503.  The caller frees. */
struct otr_attempt *desk_rows(struct visit *v, int n);
/* The transaction as the journal knows it; one that nothing is known of has its tid only. */
enum otr_status desk_transaction_get(struct visit *v, const char *tid, struct otr_transaction *t,
                                     struct otr_fault *f);

/*
 * Reads the form of the body.  ours: it came from our own page.  back: a path to go back to.
 * False: answered.
 */
bool desk_form_take(struct visit *v, const struct form_rule *rules, int n,
                    struct form_value *values, const char *back);
bool desk_form_ours(struct visit *v, const char *token, const char *back);
/* The inquiry about tid that is on its way, made by whose (NULL: anybody); 0: none. */
int64_t desk_inquiry_under_way(struct visit *v, const char *tid, const char *whose);

/* The attempt whose number stands in the address, if it is for this person; false: answered with 404
 * or 503. */
bool desk_attempt_find(struct visit *v, struct otr_attempt *a);
/* "/attempts/123" of that number.  Returns path. */
#define DESK_PATH_SIZE 48
const char *desk_attempt_path(const struct visit *v, char path[DESK_PATH_SIZE]);
/* Its page.  typed: what a form about settling it by hand held, or NULL. */
void desk_attempt_show(struct visit *v, const struct otr_attempt *a, int status,
                       const struct page_manual *typed);

/* HTTP status of a status of the core, and its sentence (out: at least 400 bytes) with times as when
 * writes them: text_clock for a person, text_rfc3339 for a program. */
typedef char *desk_when(int64_t ms, char out[TEXT_TIME_SIZE]);
int desk_http_status(enum otr_status s);
bool desk_points_to(enum otr_status s); /* does fault.attempt_id name the attempt to look at? */
void desk_sentence(enum otr_status s, const struct otr_fault *f, desk_when *when, char *out,
                   size_t size);
/* Tells the log of what it must know: a fault of ours, or that a limit was reached (ASVS 16.3.3). */
void desk_fault_log(const struct visit *v, enum otr_status s, const struct otr_fault *f,
                    const char *what);
/* Retry-After in seconds from retry_at, at least 1. */
void desk_retry_after(struct visit *v, const struct otr_fault *f);

#endif
