/* callback.c - the bank's hint that a transaction moved: it wakes an inquiry and settles nothing.
 */
#include <string.h>

#include "fcgi/api.h"
#include "fcgi/app.h"
#include "fcgi/desk.h"
#include "fcgi/log.h"

#define CALLBACK_MAX 65536

/* The secret in the address, compared in constant time for its length. */
static bool secret_good(const struct visit *v) {
    const struct secret *wanted = &v->app->callback_secret;
    size_t n = strlen(v->route.param);
    return wanted->size > 0 && n == wanted->size && otr_equal(v->route.param, wanted->bytes, n);
}

/*
 * Whatever a caller who knows the secret sends is evidence, and is answered at once: 200 says that
 * it is held, 503 that it is not, so that the bank sends it again.  The text carries no signature,
 * so nothing in it counts but the TID.
 */
void callback_eko(struct visit *v) {
    char tid[OTR_TID_SIZE] = "";
    struct otr_fault f = {0};
    const char *why = "";
    if (!secret_good(v)) {
        app_refused(v, NULL, "callback secret");
        desk_error(v, 404, "There is no such page.", 0, NULL);
        return;
    }
    int status = request_body(v->request, CALLBACK_MAX, NULL, &why);
    if (status) {
        desk_error(v, status, why, 0, NULL);
        return;
    }
    bool read = api_callback_tid(v->request->body, v->request->body_size, tid);
    enum otr_status s = otr_callback(v->app->core, read ? tid : NULL, v->request->body,
                                     v->request->body_size, v->request->remote_addr, &f);
    log_event(s == OTR_OK && read ? LOG_INFO : LOG_WARNING, v->request->id, "callback", "tid",
              read ? tid : "unreadable", "held", s == OTR_OK ? "yes" : "no", "detail", f.detail,
              NULL);
    if (s != OTR_OK) {
        desk_error(v, 503, "This callback was not kept. Send it again.", 0, NULL);
        return;
    }
    reply_restart(v->reply, 200, "text/plain; charset=utf-8");
    buf_text(&v->reply->body, "ok\n");
}
