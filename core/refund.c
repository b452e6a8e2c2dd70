/*
 * refund.c - the order of events, top to bottom: may it, intent committed, one request, what the
 * answer proves, outcome committed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/answer.h"
#include "core/core.h"
#include "core/sign.h"
#include "sql/checkpoint.h"
#include "sql/clock.h"

#define TAKEOVER_MS                                                                                \
    10000             /* on top of the bank's time: then another node may take the attempt over */
#define TX_REFUNDED 4 /* eko-api: tx_status */
#define WRITE_MS    600000 /* an outcome is kept and offered to the database for so long */

/* ---- 1. may it? -------------------------------------------------------------------------- */

bool core_key_valid(const char *key) {
    size_t size = key ? strlen(key) : 0;
    if (size == 0 || size >= OTR_KEY_SIZE)
        return false;
    for (size_t i = 0; i < size; i++)
        if (key[i] < '!' || key[i] > '~')
            return false;
    return true;
}

static enum otr_status check(struct otr *o, const char *tid, const char *key, struct otr_fault *f) {
    if (atomic_load(&o->stopping))
        return core_fault(f, OTR_STOPPING, OTR_WHOSE_OURS,
                          "the program is stopping; nothing was sent");
    if (!api_tid_valid(tid))
        return core_fault(f, OTR_INVALID, OTR_WHOSE_CALLER,
                          "a TID is 1 to 18 digits and does not begin with 0");
    if (!core_key_valid(key))
        return core_fault(f, OTR_INVALID, OTR_WHOSE_CALLER,
                          "the idempotency key must be 1 to 128 visible ASCII characters");
    return OTR_OK;
}

/* A keyed hash of what is asked: a repeated key with other content is noticed (promise 7). */
static bool content_mac(struct otr *o, enum otr_kind kind, const char *tid, const char *otp,
                        size_t otp_size, unsigned char mac[SIGN_MAC_SIZE]) {
    char text[16 + OTR_TID_SIZE + 16];
    int size =
        snprintf(text, sizeof text, "%s|%s|%.*s", otr_kind_name(kind), tid, (int)otp_size, otp);
    bool ok = size > 0 && size < (int)sizeof text &&
              otr_mac(o, "idempotency", text, (size_t)size, mac) == OTR_OK;
    explicit_bzero(text, sizeof text);
    return ok;
}

/* ---- 2. the intent, committed ------------------------------------------------------------ */

static enum otr_status begin(struct otr *o, const struct otr_who *w, struct journal_intent *i,
                             struct journal_begun *b, bool *same, struct otr_fault *f) {
    i->channel = w->channel;
    i->operator_name = w->name;
    i->user_code = w->user_code && *w->user_code ? w->user_code : o->config.user_code;
    i->deadline_ms = o->config.timeout_ms + TAKEOVER_MS;
    i->limits = o->limits;
    checkpoint(otr_kind_name(i->kind), "before_intent");
    enum journal_status s = journal_begin(o->journal, i, b);
    checkpoint(otr_kind_name(i->kind), "after_intent");
    if (s == JOURNAL_OPEN || s == JOURNAL_KEY_USED) {
        core_fault(f, OTR_OK, OTR_WHOSE_CALLER,
                   s == JOURNAL_OPEN ? "another refund attempt on this transaction is open"
                                     : "this idempotency key was used with other content");
        f->attempt_id = b->attempt_id;
        f->since = b->open_since;
        snprintf(f->operator_name, sizeof f->operator_name, "%s", b->open_operator);
        return s == JOURNAL_OPEN ? OTR_BUSY : OTR_KEY_USED;
    }
    if (s == JOURNAL_REFUNDED || s == JOURNAL_CONTRADICTED) {
        core_fault(f, OTR_CONFLICT, OTR_WHOSE_CALLER,
                   s == JOURNAL_REFUNDED
                       ? "This transaction was refunded already. Nothing was sent. Do not return "
                         "the cash a second time."
                       : "A word of the bank disagrees with what is recorded of this transaction. "
                         "Nothing was sent. Do not return cash: a supervisor must look at it first.");
        f->attempt_id = b->attempt_id;
        return OTR_CONFLICT;
    }
    if (s == JOURNAL_LIMITED) {
        core_fault(f, OTR_LIMITED, OTR_WHOSE_CALLER, "the limit for this transaction is reached");
        f->retry_at = b->retry_at;
        return OTR_LIMITED;
    }
    *same = s == JOURNAL_SAME;
    return s == JOURNAL_OK || s == JOURNAL_SAME ? OTR_OK : core_journal_status(s, f);
}

/* ---- 3. one request on the wire ---------------------------------------------------------- */

static void landed(void *arg, const struct http_result *r) {
    checkpoint(otr_kind_name(((const struct flight *)arg)->kind), "answer_arrived");
    flight_landed(arg, r);
}

static void not_sent(struct flight *flight, enum otr_reason reason, const char *detail) {
    struct http_result r = {.fate = HTTP_NOT_SENT, .reason = reason};
    snprintf(r.detail, sizeof r.detail, "%s", detail);
    flight_landed(flight, &r);
}

/* From here on the attempt is the flight's: whatever happens ends in flight_landed. */
static void launch(struct otr *o, struct flight *flight, const struct api_call *call,
                   int64_t since_monotonic) {
    struct api_request request;
    char key[SIGN_KEY_TEXT_SIZE], timestamp[SIGN_TIME_TEXT_SIZE];
    if (!api_build(&o->api, call, &request)) {
        not_sent(flight, OTR_REASON_BAD_REQUEST, "the request could not be built");
        return;
    }
    if (!sign_request(&o->access_key, clock_now_ms(), key, timestamp)) {
        not_sent(flight, OTR_REASON_BAD_CREDENTIALS, "the request could not be signed");
        api_wipe(&request);
        return;
    }
    const struct http_header headers[] = {
        {"developer_key", o->developer_key.bytes}, {"secret-key", key},
        {"secret-key-timestamp", timestamp},       {"accept", "application/json"},
        {"content-type", request.content_type},
    };
    struct http_request r = {
        .url = request.url,
        .post = request.post,
        .body = request.body,
        .body_size = request.body_size,
        .headers = headers,
        .header_count = request.content_type ? 5 : 4,
        .send_by_ms = since_monotonic + o->config.timeout_ms,
    };
    checkpoint(otr_kind_name(flight->kind), "before_send");
    if (!http_start(o->http, &r, landed, flight))
        not_sent(flight, OTR_REASON_OVERLOADED, "out of memory");
    api_wipe(&request);
    explicit_bzero(key, sizeof key);
}

/* Intent committed and not yet seen before: off it goes. */
static void depart(struct otr *o, const struct journal_intent *i, const struct journal_begun *b,
                   const struct secret *otp, int inquiries, int64_t since_monotonic) {
    struct flight *flight = flight_new(o->flights, b->attempt_id);
    if (!flight) /* the attempt stays open in the journal; past its deadline it is taken over */
        return;
    flight->kind = i->kind;
    snprintf(flight->tid, sizeof flight->tid, "%s", i->tid ? i->tid : "");
    snprintf(flight->client_ref_id, sizeof flight->client_ref_id, "%s",
             i->client_ref_id ? i->client_ref_id : "");
    flight->known_amount = b->known_amount;
    if (i->kind == OTR_KIND_INQUIRY) {
        flight->about_attempt_id = b->open_attempt_id;
        flight->about_age_ms = b->open_age_ms;
        flight->inquiries = inquiries;
    }
    const struct api_call call = {
        .kind = i->kind,
        .tid = i->tid,
        .client_ref_id = i->client_ref_id,
        .user_code = i->user_code,
        .otp = otp,
        .otp_ref_id = b->otp_ref_id,
    };
    launch(o, flight, &call, since_monotonic);
}

enum otr_status otr_send_otp(struct otr *o, const struct otr_who *w, const char *tid,
                             const char *key, int64_t *attempt_id, struct otr_fault *f) {
    int64_t since = clock_monotonic_ms();
    unsigned char mac[SIGN_MAC_SIZE];
    enum otr_status s = check(o, tid, key, f);
    if (s != OTR_OK)
        return s;
    if (!content_mac(o, OTR_KIND_OTP, tid, "", 0, mac))
        return core_fault(f, OTR_NO_MEMORY, OTR_WHOSE_OURS, "no memory for an HMAC");
    struct journal_intent i = {
        .kind = OTR_KIND_OTP, .tid = tid, .idempotency_key = key, .content_mac = mac};
    struct journal_begun b = {0};
    bool same = false;
    s = begin(o, w, &i, &b, &same, f);
    if (s != OTR_OK)
        return s;
    *attempt_id = b.attempt_id;
    if (!same)
        depart(o, &i, &b, NULL, 0, since);
    return OTR_OK;
}

enum otr_status otr_refund(struct otr *o, const struct otr_who *w, const char *tid, const char *otp,
                           size_t otp_size, bool cash_returned, const char *key,
                           int64_t *attempt_id, struct otr_fault *f) {
    int64_t since = clock_monotonic_ms();
    unsigned char mac[SIGN_MAC_SIZE];
    struct secret secret = {0};
    enum otr_status s = check(o, tid, key, f);
    if (s != OTR_OK)
        return s;
    if (!api_otp_valid(otp, otp_size) || !secret_set(&secret, otp, otp_size))
        return core_fault(f, OTR_INVALID, OTR_WHOSE_CALLER, "an OTP is 4 to 8 digits");
    if (!content_mac(o, OTR_KIND_REFUND, tid, otp, otp_size, mac)) {
        s = core_fault(f, OTR_NO_MEMORY, OTR_WHOSE_OURS, "no memory for an HMAC");
        goto out;
    }
    struct journal_intent i = {.kind = OTR_KIND_REFUND,
                               .tid = tid,
                               .idempotency_key = key,
                               .content_mac = mac,
                               .cash_returned = cash_returned};
    struct journal_begun b = {0};
    bool same = false;
    s = begin(o, w, &i, &b, &same, f);
    if (s != OTR_OK)
        goto out;
    *attempt_id = b.attempt_id;
    if (!same)
        depart(o, &i, &b, &secret, 0, since);
out:
    secret_wipe(&secret);
    return s;
}

enum otr_status refund_inquire(struct otr *o, const struct otr_who *w, const char *tid,
                               const char *client_ref_id, int64_t about_attempt_id, int inquiries,
                               int64_t *attempt_id, struct otr_fault *f) {
    int64_t since = clock_monotonic_ms();
    struct journal_intent i = {.kind = OTR_KIND_INQUIRY,
                               .tid = tid,
                               .client_ref_id = client_ref_id,
                               .about_attempt_id = about_attempt_id};
    struct journal_begun b = {0};
    bool same = false;
    enum otr_status s = begin(o, w, &i, &b, &same, f);
    if (s != OTR_OK)
        return s;
    *attempt_id = b.attempt_id;
    depart(o, &i, &b, NULL, inquiries, since);
    return OTR_OK;
}

enum otr_status otr_inquire(struct otr *o, const struct otr_who *w, const char *tid,
                            const char *client_ref_id, int64_t *attempt_id, struct otr_fault *f) {
    if (atomic_load(&o->stopping))
        return core_fault(f, OTR_STOPPING, OTR_WHOSE_OURS,
                          "the program is stopping; nothing was sent");
    if (tid ? !api_tid_valid(tid) : !api_ref_valid(client_ref_id))
        return core_fault(
            f, OTR_INVALID, OTR_WHOSE_CALLER,
            tid ? "a TID is 1 to 18 digits and does not begin with 0"
                : "a reference is 1 to 20 letters, digits, dots, dashes or underscores");
    return refund_inquire(o, w, tid, tid ? NULL : client_ref_id, 0, 0, attempt_id, f);
}

/* ---- 4. what does it prove? -------------------------------------------------------------- */

static void read_meaning(const struct flight *flight, struct answer_meaning *m) {
    const struct http_result *r = &flight->result;
    if (r->fate == HTTP_ANSWERED) {
        answer_read(flight->kind, flight->tid, r->status, r->body, r->size, m);
    } else {
        memset(m, 0, sizeof *m);
        m->outcome = r->fate == HTTP_NOT_SENT ? OTR_OUTCOME_NOT_SENT : OTR_OUTCOME_UNKNOWN;
        m->reason = r->reason;
        m->tx_status = OTR_NO_STATUS;
        m->amount = m->refunded_amount = OTR_NO_AMOUNT;
        snprintf(m->message, sizeof m->message, "%s", r->detail);
    }
    /* An inquiry changes nothing, so it is never rejected: answered, or nothing was learnt. */
    if (flight->kind == OTR_KIND_INQUIRY && m->outcome == OTR_OUTCOME_REJECTED)
        m->outcome = m->no_such_transaction ? OTR_OUTCOME_ANSWERED : OTR_OUTCOME_UNKNOWN;
    /* What only we can know: which reference we asked for, and which amount it was about. */
    if (m->outcome == OTR_OUTCOME_ANSWERED && !m->no_such_transaction && !*flight->tid &&
        strcmp(flight->client_ref_id, m->client_ref_id) != 0) {
        m->outcome = OTR_OUTCOME_UNKNOWN;
        m->reason = OTR_REASON_OTHER_TID;
    }
    if (m->outcome == OTR_OUTCOME_REFUNDED && m->amount != OTR_NO_AMOUNT &&
        flight->known_amount != OTR_NO_AMOUNT && m->amount != flight->known_amount) {
        m->outcome = OTR_OUTCOME_UNKNOWN;
        m->reason = OTR_REASON_OTHER_AMOUNT;
    }
}

static uint32_t any32(void) {
    uint32_t v;
    return sign_random(&v, sizeof v) ? v : 0;
}

/* A refund attempt settles itself where its own outcome is proof; else the first inquiry is set. */
static void settle_refund(const struct otr *o, const struct answer_meaning *m,
                          struct journal_finding *g) {
    if (m->outcome == OTR_OUTCOME_REFUNDED)
        g->resolution = OTR_RESOLUTION_REFUNDED;
    else if (m->outcome == OTR_OUTCOME_REJECTED || m->outcome == OTR_OUTCOME_NOT_SENT)
        g->resolution = OTR_RESOLUTION_NOT_REFUNDED;
    if (g->resolution != OTR_RESOLUTION_NONE) {
        g->settles_attempt_id = g->attempt_id;
        g->how = OTR_HOW_ANSWER;
    } else {
        g->next_inquiry_ms = rule_next_ms(&o->times, 0, OTR_NO_STATUS, 0, any32());
    }
}

/* An inquiry settles the open attempt it is about where the rule says so, or sets the next one. */
static void settle_inquiry(const struct otr *o, const struct flight *flight,
                           const struct answer_meaning *m, struct journal_finding *g) {
    if (flight->about_attempt_id == 0)
        return;
    g->resolution = rule_settles(&o->times, m->outcome, m->tx_status, flight->about_age_ms);
    if (g->resolution != OTR_RESOLUTION_NONE) {
        g->settles_attempt_id = flight->about_attempt_id;
        g->how = OTR_HOW_INQUIRY;
    } else {
        g->next_inquiry_ms = rule_next_ms(&o->times, flight->inquiries + 1, m->tx_status,
                                          flight->about_age_ms, any32());
    }
}

/* ---- 5. the outcome, committed ----------------------------------------------------------- */

/* What one flight becomes. */
struct finished {
    const struct flight *flight;
    struct answer_meaning m;
    struct journal_finding g; /* points into m and flight */
    bool kept;                /* still to be written */
};

/* Writes what is kept, in one go, f[first] first.  False: nothing is kept any more. */
static bool write_once(struct otr *o, struct finished f[], int n, int first) {
    const struct journal_finding *g[FLIGHTS_AT_ONCE];
    enum journal_status status[FLIGHTS_AT_ONCE];
    struct finished *of[FLIGHTS_AT_ONCE];
    int count = 0;
    bool left = false;
    for (int i = 0; i < n; i++) {
        struct finished *next = &f[(first + i) % n];
        if (next->kept) {
            g[count] = &next->g;
            of[count++] = next;
        }
    }
    if (count)
        journal_finish_all(o->journal, g, status, count);
    for (int k = 0; k < count; k++) {
        of[k]->kept = (status[k] == JOURNAL_DOWN || status[k] == JOURNAL_UNSURE ||
                       status[k] == JOURNAL_NO_MEMORY) &&
                      clock_monotonic_ms() <= of[k]->flight->landed_ms + WRITE_MS;
        left |= of[k]->kept;
    }
    return left;
}

/*
 * The bank's word is kept until the database takes it, for WRITE_MS from when it arrived; then an
 * inquiry finds out.  Who waited longer than that for a finisher is offered once.
 */
static void write_findings(struct otr *o, struct finished f[], int n) {
    /* Another one first each time: what is locked may end the tries of those behind it. */
    for (int wait = 50, first = 0;
         write_once(o, f, n, first) && !flights_giving_up(o->flights);
         wait = wait < 1000 ? wait * 2 : wait, first++)
        clock_pause(wait);
}

/* Whoever watches need not read it himself. */
static void see(struct otr *o, struct flight *const flights[], int n) {
    int64_t ids[FLIGHTS_AT_ONCE];
    struct otr_attempt *seen[FLIGHTS_AT_ONCE];
    enum journal_status status[FLIGHTS_AT_ONCE];
    struct flight *of[FLIGHTS_AT_ONCE];
    int count = 0;
    for (int i = 0; i < n; i++) {
        if (!flights_watched(o->flights, flights[i]->attempt_id) ||
            !(seen[count] = malloc(sizeof *seen[count])))
            continue;
        ids[count] = flights[i]->attempt_id;
        of[count++] = flights[i];
    }
    if (count)
        journal_attempt_all(o->journal, ids, seen, status, count);
    for (int k = 0; k < count; k++) {
        if (status[k] == JOURNAL_OK)
            of[k]->seen = seen[k];
        else
            free(seen[k]);
    }
}

static void count(struct otr *o, const struct flight *flight, const struct answer_meaning *m) {
    const struct http_result *r = &flight->result;
    pthread_mutex_lock(&o->numbers_lock);
    o->numbers.outcomes[flight->kind][m->outcome]++;
    o->numbers.bank_ms_sum[flight->kind] += (uint64_t)r->duration_ms;
    o->numbers.bank = r->fate == HTTP_ANSWERED;
    if (r->fate == HTTP_ANSWERED) {
        o->numbers.bank_answered_at = clock_now_ms();
        if (r->date)
            o->numbers.bank_skew_ms = r->date + 500 - o->numbers.bank_answered_at;
    }
    pthread_mutex_unlock(&o->numbers_lock);
}

/*
 * The node was stopped for so long that another one may have taken the attempt over and settled it,
 * on the ground that nothing is sent any more.  Should its last bytes have left after all, an
 * inquiry finds out, and what it finds is held against the resolution (promise 5).
 */
static void ask_if_late(struct otr *o, const struct flight *flight, enum otr_outcome outcome) {
    const struct otr_who who = {.name = "resolver", .channel = OTR_CHANNEL_RESOLVER};
    struct otr_fault f;
    int64_t id;
    if (flight->kind == OTR_KIND_REFUND && outcome == OTR_OUTCOME_UNKNOWN &&
        flight->result.duration_ms > o->config.timeout_ms + TAKEOVER_MS)
        (void)refund_inquire(o, &who, flight->tid, NULL, 0, 0, &id, &f);
}

/* What the answer proves, and what is to be written of it. */
static void find(struct otr *o, const struct flight *flight, struct finished *f) {
    struct answer_meaning *m = &f->m;
    f->flight = flight;
    f->kept = true;
    read_meaning(flight, m);
    struct journal_finding *g = &f->g;
    *g = (struct journal_finding){
        .attempt_id = flight->attempt_id,
        .kind = flight->kind,
        .outcome = m->outcome,
        .reason = m->reason,
        .http_status = flight->result.status,
        .duration_ms = flight->result.duration_ms,
        .message = m->message,
        .evidence = m->evidence,
        .tx_status = m->tx_status,
        .refund_tid = m->refund_tid,
        .otp_ref_id = m->otp_ref_id,
        .amount = m->amount,
        .refunded_amount = m->refunded_amount,
    };
    if (m->outcome == OTR_OUTCOME_REFUNDED) {
        g->tid = flight->tid;
        g->tx_status = TX_REFUNDED; /* sample R1 says so in other words */
    } else if (m->outcome == OTR_OUTCOME_ANSWERED && m->tx_status != OTR_NO_STATUS) {
        g->tid = *flight->tid ? flight->tid : api_tid_valid(m->tid) ? m->tid : "";
        g->client_ref_id = m->client_ref_id;
        g->customer = m->customer;
        g->recipient = m->recipient;
        g->transacted_at = m->bank_time;
    } else if (m->outcome == OTR_OUTCOME_UNKNOWN && m->reason == OTR_REASON_OTHER_TID) {
        /* No fact of ours: the journal records what was named (promise 5). */
        g->tid = *flight->tid ? m->tid : "";
        g->client_ref_id = *flight->tid ? "" : m->client_ref_id;
    }
    if (flight->kind == OTR_KIND_REFUND)
        settle_refund(o, m, g);
    else if (flight->kind == OTR_KIND_INQUIRY)
        settle_inquiry(o, flight, m, g);
    count(o, flight, m);
    news_call(o, &flight->result);
    checkpoint(otr_kind_name(flight->kind), "before_outcome");
}

/* What follows from what is written. */
static void follow_up(struct otr *o, const struct finished *f) {
    checkpoint(otr_kind_name(f->flight->kind), "after_outcome");
    if (f->g.settles_attempt_id && f->g.settles_attempt_id != f->g.attempt_id)
        flights_event(o->flights, f->g.settles_attempt_id);
    if (f->g.next_inquiry_ms)
        resolver_poke(o->resolver);
    ask_if_late(o, f->flight, f->m.outcome);
}

static void finish_all(struct otr *o, struct flight *const flights[], struct finished f[], int n) {
    for (int i = 0; i < n; i++)
        find(o, flights[i], &f[i]);
    write_findings(o, f, n);
    for (int i = 0; i < n; i++)
        follow_up(o, &f[i]);
    see(o, flights, n);
    explicit_bzero(f, (size_t)n * sizeof *f);
}

static void finish_alone(struct otr *o, struct flight *flight) {
    struct finished one = {.flight = flight};
    finish_all(o, &flight, &one, 1);
}

void refund_finish(struct otr *o, struct flight *const flights[], int n) {
    struct finished *all = malloc((size_t)n * sizeof *all);
    if (all)
        finish_all(o, flights, all, n);
    for (int i = 0; !all && i < n; i++) /* no memory for all of them */
        finish_alone(o, flights[i]);
    free(all);
}
