/* desk_manual.c - settling an attempt by hand: a supervisor proposes, another person decides. */
#include <stdio.h>
#include <string.h>

#include "fcgi/desk.h"
#include "fcgi/text.h"

/* A person's words as the journal takes them: one line, no blanks around it. */
static const char *one_line(char *text) {
    for (char *c = text; c && *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = ' ';
    return form_trim(text);
}

/* What stands against it: on the attempt's page where the person can act on it. */
static void say_no(struct visit *v, enum otr_status s, const struct otr_fault *f,
                   struct page_manual *typed) {
    char what[400], path[DESK_PATH_SIZE];
    struct otr_attempt a;
    int status = desk_http_status(s);
    desk_sentence(s, f, text_clock, what, sizeof(what));
    if (s == OTR_CONFLICT || s == OTR_INVALID) {
        typed->error = what;
        typed->inquiry_id = 0; /* the next try asks the bank afresh */
        if (desk_attempt_find(v, &a))
            desk_attempt_show(v, &a, status, typed);
        typed->error = NULL; /* it was ours */
        return;
    }
    desk_fault_log(v, s, f, what);
    desk_error(v, status, what, 0, desk_attempt_path(v, path));
}

/* A proposal as it was typed, kept while the bank is asked for the evidence. */
struct proposal {
    enum otr_resolution resolution;
    int64_t inquiry_id;
    char reason[OTR_WORDS_SIZE], key[OTR_KEY_SIZE];
};

static struct page_manual typed_in(const struct proposal *p) {
    return (struct page_manual){
        .reason = p->reason, .resolution = p->resolution, .inquiry_id = p->inquiry_id};
}

/* The evidence is there, or the bank takes longer than a page may wait: then the form, filled in,
 * waits for it. */
static void propose(struct visit *v, enum otr_status s, const struct otr_attempt *inquiry,
                    const struct otr_fault *waited) {
    const struct proposal *p = v->left;
    struct page_manual typed = typed_in(p);
    struct otr_who who = desk_who(v);
    struct otr_fault f = *waited;
    struct otr_attempt a;
    char path[DESK_PATH_SIZE];
    int64_t proposal_id = 0;
    if (s == OTR_OK && inquiry->outcome == OTR_OUTCOME_NONE) {
        typed.waiting = true;
        if (desk_attempt_find(v, &a))
            desk_attempt_show(v, &a, 202, &typed);
        return;
    }
    if (s == OTR_OK)
        s = otr_manual_propose(v->app->core, &who, text_number(v->route.param), p->resolution,
                               p->reason, p->inquiry_id, p->key, &proposal_id, &f);
    if (s == OTR_OK)
        reply_see_other(v->reply, desk_attempt_path(v, path));
    else
        say_no(v, s, &f, &typed);
}

/* What is wrong with it before anybody is asked. */
static enum otr_status judge(const struct otr_attempt *a, const struct proposal *p,
                             struct otr_fault *f) {
    if (!a->open && a->resolved_by != OTR_HOW_MANUAL) {
        snprintf(f->detail, sizeof(f->detail), "This attempt is not open. Nothing was changed.");
        return OTR_CONFLICT;
    }
    if (p->resolution == OTR_RESOLUTION_NONE || strlen(p->reason) < OTR_REASON_MIN) {
        snprintf(f->detail, sizeof(f->detail),
                 "Choose how to settle it, and give the reason in %d to %d characters.",
                 OTR_REASON_MIN, OTR_REASON_MAX);
        return OTR_INVALID;
    }
    return OTR_OK;
}

void desk_propose(struct visit *v) {
    enum { TOKEN, KEY, RESOLUTION, REASON, INQUIRY, FIELDS };
    static const struct form_rule rules[FIELDS] = {
        [TOKEN] = {"csrf_token", 128, false},
        [KEY] = {"idempotency_key", OTR_KEY_SIZE - 1, true},
        [RESOLUTION] = {"resolution", 20, false},
        [REASON] = {"reason", OTR_WORDS_SIZE - 1, false},
        [INQUIRY] = {"inquiry", 18, false},
    };
    struct form_value value[FIELDS];
    struct otr_who who = desk_who(v);
    struct otr_fault f = {0};
    struct otr_attempt a;
    char path[DESK_PATH_SIZE];
    if (!desk_attempt_find(v, &a) ||
        !desk_form_take(v, rules, FIELDS, value, desk_attempt_path(v, path)) ||
        !desk_form_ours(v, value[TOKEN].text, path))
        return;
    const char *reason = one_line(value[REASON].text);
    int64_t inquiry = value[INQUIRY].text ? text_number(value[INQUIRY].text) : 0;
    struct proposal p = {.resolution = otr_resolution_value(value[RESOLUTION].text),
                         .inquiry_id = inquiry > 0 ? inquiry : 0};
    snprintf(p.reason, sizeof(p.reason), "%s", reason ? reason : "");
    snprintf(p.key, sizeof(p.key), "%s", value[KEY].text);
    enum otr_status s = judge(&a, &p, &f);
    if (s == OTR_OK && !p.inquiry_id) /* a question to the bank made for this proposal */
        s = otr_inquire(v->app->core, &who, a.tid, NULL, &p.inquiry_id, &f);
    if (s == OTR_OK && !app_leave(v, &p, sizeof(p)))
        s = OTR_NO_MEMORY;
    struct page_manual typed = typed_in(&p);
    if (s == OTR_OK)
        app_wait_then(v, p.inquiry_id, v->app->settings->desk_wait_ms, false, propose);
    else
        say_no(v, s, &f, &typed);
}

void desk_decide(struct visit *v) {
    enum { TOKEN, PROPOSAL, DECISION, NOTE, FIELDS };
    static const struct form_rule rules[FIELDS] = {
        [TOKEN] = {"csrf_token", 128, false},
        [PROPOSAL] = {"proposal_id", 18, true},
        [DECISION] = {"decision", 10, true},
        [NOTE] = {"note", OTR_WORDS_SIZE - 1, false},
    };
    struct form_value value[FIELDS];
    struct otr_who who = desk_who(v);
    struct otr_fault f = {0};
    struct otr_attempt a;
    char path[DESK_PATH_SIZE];
    if (!desk_attempt_find(v, &a) ||
        !desk_form_take(v, rules, FIELDS, value, desk_attempt_path(v, path)) ||
        !desk_form_ours(v, value[TOKEN].text, path))
        return;
    struct page_manual empty = {.inquiry_id = 0};
    int64_t proposal_id = text_number(value[PROPOSAL].text);
    bool approve = strcmp(value[DECISION].text, "approved") == 0;
    if (proposal_id < 1 || (!approve && strcmp(value[DECISION].text, "refused") != 0)) {
        desk_error(v, 400, "The form says neither approved nor refused. Open the page again.", 0,
                   path);
        return;
    }
    enum otr_status s = otr_manual_decide(v->app->core, &who, a.attempt_id, proposal_id, approve,
                                          one_line(value[NOTE].text), &f);
    if (s == OTR_OK)
        reply_see_other(v->reply, path);
    else
        say_no(v, s, &f, &empty);
}
