/* desk_form.c - what every form of the desk goes through: readable, and from our own page. */
#include <string.h>

#include "fcgi/desk.h"

bool desk_form_take(struct visit *v, const struct form_rule *rules, int n,
                    struct form_value *values, const char *back) {
    char why[FORM_WHY_SIZE];
    const char *sentence = why;
    int status =
        request_body(v->request, DESK_FORM_MAX, "application/x-www-form-urlencoded", &sentence);
    if (!status && !form_read(v->request->body, v->request->body_size, rules, n, values, why)) {
        sentence = why;
        status = 400;
    }
    if (status)
        desk_error(v, status, sentence, 0, back);
    return !status;
}

/* A form of another site, or one too old.  The browser says where it came from; the token proves
 * it. */
bool desk_form_ours(struct visit *v, const char *token, const char *back) {
    const char *site = v->request->sec_fetch_site;
    bool same = !site || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
    enum csrf_verdict verdict =
        same ? csrf_judge(v->app->core, v->user.name, token, app_now_ms() / 1000) : CSRF_BAD;
    if (verdict == CSRF_GOOD)
        return true;
    if (verdict == CSRF_NO_MEMORY) {
        desk_fault(v, OTR_NO_MEMORY, &(struct otr_fault){.detail = "no memory for a form token"});
        return false;
    }
    app_refused(v, v->user.name, same ? "form token" : "another site");
    desk_error(v, 403,
               "This form is too old or was not opened here. Nothing was sent. "
               "Open the page again and use the fresh form.",
               0, back);
    return false;
}
