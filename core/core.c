/* core.c - opens and closes a core; waiting; what the parts share. */
#include "core/core.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/sign.h"
#include "sql/clock.h"

#define FINISHERS 4   /* each takes all that has landed, and they share commits */
#define POLL_MS   500 /* an attempt another node carries is looked at so often, heard of or not */

enum otr_status core_fault(struct otr_fault *f, enum otr_status s, enum otr_whose whose,
                           const char *detail) {
    memset(f, 0, sizeof *f);
    f->whose = whose;
    snprintf(f->detail, sizeof f->detail, "%s", detail);
    return s;
}

enum otr_status core_journal_status(enum journal_status s, struct otr_fault *f) {
    const char *text = journal_status_text(s);
    switch (s) {
    case JOURNAL_OK:
    case JOURNAL_SAME:
        return OTR_OK;
    case JOURNAL_NOT_FOUND:
        return core_fault(f, OTR_NOT_FOUND, OTR_WHOSE_CALLER, text);
    case JOURNAL_DOWN:
    case JOURNAL_UNSURE:
        core_fault(f, OTR_NO_JOURNAL, OTR_WHOSE_DATABASE, text);
        f->unsure = s == JOURNAL_UNSURE;
        return OTR_NO_JOURNAL;
    case JOURNAL_NO_MEMORY:
        return core_fault(f, OTR_NO_MEMORY, OTR_WHOSE_OURS, text);
    default:
        return core_fault(f, OTR_BROKEN, OTR_WHOSE_OURS, text);
    }
}

/* ---- open and close ---------------------------------------------------------------------- */

static const char *text_or(const char *text, const char *otherwise) {
    return text && *text ? text : otherwise;
}

static int number_or(int number, int otherwise) {
    return number > 0 ? number : otherwise;
}

static void fill_in(struct otr *o, const struct otr_config *c) {
    o->config = *c;
    struct otr_config *k = &o->config;
    k->api = text_or(c->api, "v3");
    k->service_code = text_or(c->service_code, "80");
    k->user_code = text_or(c->user_code, "");
    k->timeout_ms = number_or(c->timeout_ms, 30000);
    k->connect_timeout_ms = number_or(c->connect_timeout_ms, 5000);
    k->max_in_flight = number_or(c->max_in_flight, 10000);
    k->connections = number_or(c->connections, 8);
    k->commit_batch = number_or(c->commit_batch, 64);
    k->settle_s = number_or(c->settle_s, 600);
    k->first_s = number_or(c->first_s, 5);
    k->max_s = number_or(c->max_s, 3600);
    k->per_second = number_or(c->per_second, 50);
    o->times = (struct rule_times){.settle_ms = k->settle_s * 1000LL,
                                   .first_ms = k->first_s * 1000LL,
                                   .max_ms = k->max_s * 1000LL};
    o->limits = (struct journal_limits){.otp_cooldown_s = k->otp_cooldown_s,
                                        .otp_per_hour = k->otp_per_hour,
                                        .wrong_otp_per_hour = k->wrong_otp_per_hour};
    o->api = (struct api_settings){.generation = strcmp(k->api, "v2") == 0 ? API_V2 : API_V3,
                                   .base_url = k->base_url,
                                   .initiator_id = k->initiator_id,
                                   .service_code = k->service_code};
}

static bool read_keys(struct otr *o, struct otr_fault *f) {
    const struct otr_config *k = &o->config;
    return secret_read_file(&o->developer_key, k->developer_key_file, f->detail,
                            sizeof f->detail) &&
           secret_read_file(&o->access_key, k->access_key_file, f->detail, sizeof f->detail) &&
           secret_read_own(&o->master_key, k->secret_key_file, f->detail, sizeof f->detail);
}

static void finish(void *arg, struct flight *const f[], int n) {
    refund_finish(arg, f, n);
}

static enum otr_status open_parts(struct otr *o, struct otr_fault *f) {
    const struct otr_config *k = &o->config;
    const struct journal_config jc = {
        .conninfo = k->conninfo,
        .connections = k->connections,
        .commit_batch = k->commit_batch,
        .node = o->node,
    };
    enum journal_status s = journal_open(&jc, &o->journal, f->detail, sizeof f->detail);
    if (s != JOURNAL_OK) {
        f->whose = OTR_WHOSE_DATABASE;
        return s == JOURNAL_NO_MEMORY ? OTR_NO_MEMORY : OTR_NO_JOURNAL;
    }
    const struct http_config hc = {.ca_file = k->ca_file,
                                   .timeout_ms = k->timeout_ms,
                                   .connect_timeout_ms = k->connect_timeout_ms,
                                   .max_in_flight = k->max_in_flight};
    o->http = http_open(&hc, f->detail, sizeof f->detail);
    if (!o->http)
        return OTR_BROKEN;
    o->flights = flights_open(FINISHERS, finish, o);
    if (!o->flights)
        return core_fault(f, OTR_NO_MEMORY, OTR_WHOSE_OURS, "no memory or threads");
    o->callbacks = callbacks_start(o);
    if (!o->callbacks)
        return core_fault(f, OTR_NO_MEMORY, OTR_WHOSE_OURS, "no memory or threads");
    if (k->resolver && !(o->resolver = resolver_start(o)))
        return core_fault(f, OTR_NO_MEMORY, OTR_WHOSE_OURS, "no memory or threads");
    o->listener = listener_start(o);
    if (!o->listener)
        return core_fault(f, OTR_NO_MEMORY, OTR_WHOSE_OURS, "no memory or threads");
    return OTR_OK;
}

enum otr_status otr_open(const struct otr_config *c, struct otr **out, struct otr_fault *f) {
    *out = NULL;
    memset(f, 0, sizeof *f);
    f->whose = OTR_WHOSE_OURS;
    if (!c->base_url || !c->initiator_id || !c->conninfo || !c->developer_key_file ||
        !c->access_key_file || !c->secret_key_file)
        return core_fault(f, OTR_INVALID, OTR_WHOSE_CALLER,
                          "base_url, initiator_id, conninfo and the three key files are required");
    struct otr *o = calloc(1, sizeof *o);
    if (!o)
        return core_fault(f, OTR_NO_MEMORY, OTR_WHOSE_OURS, "out of memory");
    pthread_mutex_init(&o->numbers_lock, NULL);
    fill_in(o, c);
    char host[OTR_NAME_SIZE - 12] = "";
    gethostname(host, sizeof host - 1);
    snprintf(o->node, sizeof o->node, "%s:%ld", host, (long)getpid());
    enum otr_status s = read_keys(o, f) ? open_parts(o, f) : OTR_INVALID;
    if (s != OTR_OK) {
        otr_close(o, 0);
        return s;
    }
    *out = o;
    return OTR_OK;
}

int otr_close(struct otr *o, int grace_ms) {
    if (!o)
        return 0;
    int64_t until = clock_monotonic_ms() + grace_ms;
    atomic_store(&o->stopping, true);
    callbacks_stop(o->callbacks, until);
    listener_stop(o->listener);
    resolver_stop(o->resolver);
    int64_t left = until - clock_monotonic_ms();
    http_stop(o->http, left > 0 ? (int)left : 0); /* every flight has landed after this */
    left = until - clock_monotonic_ms();
    flights_close(o->flights, left > 1000 ? (int)left : grace_ms > 0 ? 1000 : 0);
    int lost = callbacks_end(o->callbacks);
    http_close(o->http, 0); /* not before: a finisher may ask the bank once more (refund.c) */
    resolver_free(o->resolver);
    journal_close(o->journal);
    pthread_mutex_destroy(&o->numbers_lock);
    secret_wipe(&o->developer_key);
    secret_wipe(&o->access_key);
    secret_wipe(&o->master_key);
    free(o);
    return lost;
}

/* ---- waiting ----------------------------------------------------------------------------- */

bool otr_attempt_done(const struct otr_attempt *a, bool settled) {
    return settled && a->kind == OTR_KIND_REFUND ? !a->open : a->outcome != OTR_OUTCOME_NONE;
}

/* At first only for its landing here; then for news of it, or of another node's. */
static int wait_at_once(int64_t left, bool again) {
    return again && left > POLL_MS ? POLL_MS : (int)left;
}

enum otr_status otr_wait(struct otr *o, int64_t attempt_id, int wait_ms, bool settled,
                         struct otr_attempt *a, struct otr_fault *f) {
    int64_t until = clock_monotonic_ms() + wait_ms;
    for (bool again = false;; again = true) {
        int64_t left = until - clock_monotonic_ms();
        if (left > 0)
            flights_wait(o->flights, attempt_id, wait_at_once(left, again), again);
        enum otr_status s = otr_attempt_get(o, attempt_id, a, f);
        if (s != OTR_OK || otr_attempt_done(a, settled) || clock_monotonic_ms() >= until ||
            atomic_load(&o->stopping) || atomic_load(&o->hurried))
            return s;
    }
}

bool otr_watch(struct otr *o, int64_t attempt_id, int wait_ms, bool again, otr_told *told,
               void *arg) {
    return flights_watch(o->flights, attempt_id, wait_at_once(wait_ms, again), again, told, arg);
}

void otr_hurry(struct otr *o) {
    atomic_store(&o->hurried, true);
    flights_hurry(o->flights);
}

/* ---- keyed hashes and random bytes ------------------------------------------------------- */

enum otr_status otr_mac(struct otr *o, const char *purpose, const void *data, size_t size,
                        unsigned char mac[32]) {
    unsigned char key[SIGN_MAC_SIZE];
    bool ok = sign_mac(o->master_key.bytes, o->master_key.size, purpose, strlen(purpose), key) &&
              sign_mac(key, sizeof key, data, size, mac);
    explicit_bzero(key, sizeof key);
    return ok ? OTR_OK : OTR_NO_MEMORY; /* the only thing that HMAC can lack */
}

bool otr_equal(const void *a, const void *b, size_t size) {
    return secret_bytes_equal(a, b, size);
}

bool otr_random(void *out, size_t size) {
    return sign_random(out, size);
}

bool otr_tid_valid(const char *tid) {
    return api_tid_valid(tid);
}

bool otr_ref_valid(const char *ref) {
    return api_ref_valid(ref);
}

bool otr_otp_valid(const char *otp, size_t size) {
    return api_otp_valid(otp, size);
}

char *otr_rupees(int64_t paise, char *out, size_t size) {
    if (paise == OTR_NO_AMOUNT)
        snprintf(out, size, "%s", "");
    else
        snprintf(out, size, "%s%" PRId64 ".%02d", paise < 0 ? "-" : "",
                 paise < 0 ? -(paise / 100) : paise / 100,
                 (int)(paise < 0 ? -(paise % 100) : paise % 100));
    return out;
}
