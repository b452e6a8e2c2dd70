/* ctl_resolve.c - otprefundctl resolve: settling a refund attempt by hand, as the pages do it. */
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sign.h"
#include "ctl/ctl.h"
#include "fcgi/text.h"

#define WRITE_MS  10000 /* for the database, on top of the bank's time */
#define KEY_BYTES 18

/* One run. */
struct resolve {
    struct ctl *c;
    struct otr *core;
    const char *propose, *decide, *proposal, *as, *reason, *note;
    int64_t attempt_id, proposal_id;
    enum otr_resolution resolution;
    char login[OTR_NAME_SIZE]; /* of who runs this */
    struct otr_operator person;
};

static int failed(enum otr_status s, const struct otr_fault *f, const char *what) {
    int code = s == OTR_INVALID      ? CTL_USAGE
               : s == OTR_NO_JOURNAL ? CTL_DATABASE
                                     : CTL_FAILED;
    return ctl_fail(code, what, f->detail);
}

/* ---- how it stands --------------------------------------------------------------------------- */

static void line_of(const char *name, const char *what, const char *who, int64_t at) {
    char text[200], time[40];
    snprintf(text, sizeof text, "%s by %s, %s", what, who, ctl_time(at, time));
    ctl_line(name, text);
}

static void number_line(const char *name, int64_t number) {
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, number);
    ctl_line(name, text);
}

static void show_attempt(const struct otr_attempt *a) {
    char rupees[24];
    number_line("attempt", a->attempt_id);
    ctl_line("tid", a->tid);
    ctl_line("amount", otr_rupees(a->amount, rupees, sizeof rupees));
    line_of("started", otr_kind_name(a->kind), a->operator_name, a->started_at);
    ctl_line("outcome", a->outcome ? otr_outcome_name(a->outcome) : "none yet");
    ctl_line("reason", otr_reason_name(a->reason));
    ctl_line("message", a->message);
    if (a->resolution != OTR_RESOLUTION_NONE)
        line_of("resolution", otr_resolution_name(a->resolution), otr_how_name(a->resolved_by),
                a->resolved_at);
    else
        ctl_line("resolution", a->open ? "open" : "none");
    if (a->contradicted)
        ctl_line("contradicted", "a later word disagrees: look at it");
}

static void show_proposal(const struct otr_manual *m) {
    char text[160], time[40];
    putchar('\n');
    number_line("proposal", m->proposal_id);
    ctl_line("state", otr_manual_state_name(m->state));
    line_of(m->counter ? "counter-entry" : "proposed", otr_resolution_name(m->resolution),
            m->proposed_by, m->proposed_at);
    ctl_line("why", m->reason);
    const char *said = m->evidence_tx_status != OTR_NO_STATUS
                           ? otr_tx_status_name(m->evidence_tx_status)
                           : otr_reason_name(m->evidence_reason);
    snprintf(text, sizeof text, "inquiry %" PRId64 ", %s: %s %s", m->evidence_attempt_id,
             ctl_time(m->evidence_at, time), otr_outcome_name(m->evidence_outcome), said);
    ctl_line("evidence", text);
    if (*m->decided_by)
        line_of("decided", otr_manual_state_name(m->state), m->decided_by, m->decided_at);
    ctl_line("note", m->note);
}

static int show(const struct resolve *r) {
    struct otr_attempt a;
    struct otr_manual m;
    struct otr_fault f;
    enum otr_status s = otr_attempt_get(r->core, r->attempt_id, &a, &f);
    if (s != OTR_OK)
        return failed(s, &f, "the attempt could not be read");
    show_attempt(&a);
    s = otr_manual_get(r->core, r->attempt_id, &m, &f);
    if (s == OTR_OK)
        show_proposal(&m);
    else if (s != OTR_NOT_FOUND)
        return failed(s, &f, "the proposal could not be read");
    return CTL_GOOD;
}

/* ---- who ------------------------------------------------------------------------------------- */

/*
 * The person at the keyboard.  sudo's word counts only for root and for the account that owns the
 * keys, which can do all that the program can in any case; anybody else could have made it up.
 */
static bool login(struct resolve *r) {
    const char *sudo = getenv("SUDO_UID"), *keys = r->c->settings.bank_developer_key_file;
    uid_t uid = getuid();
    struct stat st;
    if (sudo && (uid == 0 || (stat(keys, &st) == 0 && st.st_uid == uid))) {
        int64_t n = text_number(sudo);
        uid = n > 0 && n < UINT32_MAX ? (uid_t)n : 0;
    }
    const struct passwd *user = uid ? getpwuid(uid) : NULL;
    if (!user || strlen(user->pw_name) >= sizeof r->login)
        return false;
    snprintf(r->login, sizeof r->login, "%s", user->pw_name);
    return true;
}

/* May this person do this step?  The journal holds the same rule; nothing is asked of the bank before. */
static int who(struct resolve *r) {
    struct otr_fault f;
    if (!login(r))
        return ctl_fail(CTL_FAILED, "root is no person: use sudo from your own login", NULL);
    if (r->as && strcmp(r->as, r->login) != 0)
        return ctl_fail(CTL_FAILED, "nobody acts for another person: you are logged in as",
                        r->login);
    enum otr_status s = otr_operator_get(r->core, r->login, &r->person, &f);
    if (s != OTR_OK && s != OTR_NOT_FOUND)
        return failed(s, &f, "the operator could not be read");
    bool may = s == OTR_OK && !r->person.disabled &&
               (r->person.role == OTR_ROLE_SUPERVISOR ||
                (r->decide && r->person.role == OTR_ROLE_AUDITOR));
    if (may)
        return CTL_GOOD;
    return ctl_fail(CTL_FAILED,
                    r->decide ? "only an enabled supervisor or auditor may decide; you are"
                              : "only an enabled supervisor may propose; you are",
                    r->login);
}

/* ---- the two steps --------------------------------------------------------------------------- */

/* A question to the bank made for this proposal: finished, even where the bank said nothing. */
static int ask(const struct resolve *r, const struct otr_who *w, const char *tid,
               int64_t *inquiry_id) {
    struct otr_attempt a;
    struct otr_fault f;
    enum otr_status s = otr_inquire(r->core, w, tid, NULL, inquiry_id, &f);
    if (s == OTR_OK)
        s = otr_wait(r->core, *inquiry_id, r->c->settings.bank_timeout_ms + WRITE_MS, false, &a,
                     &f);
    if (s != OTR_OK)
        return failed(s, &f, "the bank could not be asked");
    if (a.outcome == OTR_OUTCOME_NONE)
        return ctl_fail(CTL_BANK, "the question to the bank is not finished: try again", NULL);
    return CTL_GOOD;
}

static int propose(const struct resolve *r, const struct otr_who *w) {
    unsigned char bytes[KEY_BYTES];
    char key[2 * KEY_BYTES + 1];
    struct otr_attempt a;
    struct otr_fault f;
    int64_t inquiry_id, proposal_id;
    enum otr_status s = otr_attempt_get(r->core, r->attempt_id, &a, &f);
    if (s == OTR_OK && a.kind != OTR_KIND_REFUND)
        return ctl_fail(CTL_FAILED, "this is no refund attempt", NULL);
    if (s == OTR_OK && !a.open && a.resolved_by != OTR_HOW_MANUAL)
        return ctl_fail(CTL_FAILED, "this attempt is not open; nothing was changed", NULL);
    if (s != OTR_OK)
        return failed(s, &f, "the attempt could not be read");
    if (!otr_random(bytes, sizeof bytes))
        return ctl_fail(CTL_FAILED, "there are no random bytes", NULL);
    sign_base64url(bytes, sizeof bytes, key);
    int code = ask(r, w, a.tid, &inquiry_id);
    if (code != CTL_GOOD)
        return code;
    s = otr_manual_propose(r->core, w, r->attempt_id, r->resolution, r->reason, inquiry_id, key,
                           &proposal_id, &f);
    return s == OTR_OK ? show(r) : failed(s, &f, "nothing was proposed");
}

static int decide(const struct resolve *r, const struct otr_who *w) {
    struct otr_fault f;
    enum otr_status s = otr_manual_decide(r->core, w, r->attempt_id, r->proposal_id,
                                          strcmp(r->decide, "approved") == 0, r->note, &f);
    return s == OTR_OK ? show(r) : failed(s, &f, "nothing was decided");
}

static int run(struct resolve *r) {
    struct otr_who w = {.name = r->login, .channel = OTR_CHANNEL_CTL};
    if (!r->propose && !r->decide)
        return show(r);
    int code = who(r);
    if (code != CTL_GOOD)
        return code;
    w.user_code = r->person.user_code;
    return r->propose ? propose(r, &w) : decide(r, &w);
}

/* CTL_GOOD, or CTL_USAGE with the mistake told. */
static int check(struct resolve *r, const char *attempt) {
    const struct ctl *c = r->c;
    r->attempt_id = attempt ? text_number(attempt) : -1;
    r->proposal_id = r->proposal ? text_number(r->proposal) : -1;
    r->resolution = otr_resolution_value(r->propose);
    if (r->attempt_id < 1)
        return ctl_usage(c, "which attempt? give its number", attempt);
    if (r->propose && r->decide)
        return ctl_usage(c, "either --propose or --decide: another person decides", NULL);
    if (r->propose && (r->resolution == OTR_RESOLUTION_NONE || !r->reason))
        return ctl_usage(c, "--propose takes refunded or not_refunded, and a --reason", NULL);
    if (r->decide &&
        ((strcmp(r->decide, "approved") != 0 && strcmp(r->decide, "refused") != 0) ||
         r->proposal_id < 1))
        return ctl_usage(c, "--decide takes approved or refused, and the number of a --proposal",
                         NULL);
    if ((r->reason && !r->propose) || ((r->proposal || r->note) && !r->decide) ||
        (r->as && !r->propose && !r->decide))
        return ctl_usage(c, "that option belongs to another step", NULL);
    return CTL_GOOD;
}

int ctl_resolve(struct ctl *c, int argc, char **argv) {
    struct resolve r = {.c = c};
    const struct ctl_option options[] = {
        {"propose", &r.propose, NULL},   {"decide", &r.decide, NULL}, {"as", &r.as, NULL},
        {"proposal", &r.proposal, NULL}, {"reason", &r.reason, NULL}, {"note", &r.note, NULL},
        {NULL, NULL, NULL}};
    const char *attempt = NULL;
    int n, code;
    if (!ctl_arguments(c, argc, argv, options, &attempt, 1, &n, &code))
        return code;
    code = check(&r, attempt);
    if (code == CTL_GOOD)
        code = ctl_core(c, &r.core);
    if (code != CTL_GOOD)
        return code;
    code = run(&r);
    otr_close(r.core, WRITE_MS);
    return code;
}
