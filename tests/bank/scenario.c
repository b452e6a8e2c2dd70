/* scenario.c - the table of the last two digits, the faults and the bank's clock. */
#include "tests/bank/scenario.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bank/facts.h"
#include "tests/bank/timer.h"

/* The rows of the table that differ from the ordinary one. */
enum row {
    ROW_ORDINARY = 0,
    ROW_OTP_UNCONFIRMED = 80,
    ROW_OTP_BAD_TID = 81,
    ROW_DONE_SILENT = 82,
    ROW_NOT_DONE_SILENT = 83,
    ROW_DONE_INITIATED = 84,
    ROW_DONE_AWAITED = 85,
    ROW_DONE_502 = 86,
    ROW_NOT_DONE_502 = 87,
    ROW_DONE_RESET = 88,
    ROW_DONE_CUT = 89,
    ROW_REFUNDED = 90,
    ROW_SUCCESS = 91,
    ROW_FAIL = 92,
    ROW_HOLD = 93,
    ROW_NO_SUCH = 94,
    ROW_DONE_SLOW = 95,
    ROW_DONE_CALLBACK = 96,
    ROW_DONE_OTHER_TID = 97,
    ROW_FORBIDDEN = 98,
    ROW_CHANGING = 99
};

#define VEIL 3 /* inquiries for which a status other than the truth is shown */

/*
 * What row 99 does, call by call.  Only rows that do not lie about the truth: an inquiry may be
 * turned away or say "not yet", but never something final that is wrong.
 */
static const enum row changing_otp[] = {ROW_ORDINARY, ROW_OTP_UNCONFIRMED, ROW_OTP_BAD_TID,
                                        ROW_FORBIDDEN};
static const enum row changing_refund[] = {
    ROW_ORDINARY,   ROW_DONE_SILENT, ROW_NOT_DONE_SILENT, ROW_DONE_INITIATED, ROW_DONE_AWAITED,
    ROW_DONE_502,   ROW_NOT_DONE_502, ROW_DONE_RESET,     ROW_DONE_CUT,       ROW_DONE_SLOW,
    ROW_DONE_CALLBACK, ROW_DONE_OTHER_TID, ROW_FORBIDDEN};
static const enum row changing_inquiry[] = {ROW_ORDINARY, ROW_HOLD, ROW_FORBIDDEN,
                                            ROW_DONE_AWAITED};

struct scenario {
    pthread_mutex_t lock; /* around everything below */
    struct book *book;
    struct faults faults;
    uint64_t draw; /* state of the fault generator */
    int64_t advanced_ms;
    struct scenario_options options;
    double start_latency_ms;
};

struct scenario *scenario_new(const struct scenario_options *o)
{
    struct scenario *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    s->book = book_new();
    if (s->book == NULL) {
        free(s);
        return NULL;
    }
    pthread_mutex_init(&s->lock, NULL);
    s->options = *o;
    s->start_latency_ms = (double)o->latency_ms;
    s->faults.latency_ms = s->start_latency_ms;
    s->draw = random_bits();
    return s;
}

void scenario_free(struct scenario *s)
{
    if (s == NULL)
        return;
    pthread_mutex_destroy(&s->lock);
    book_free(s->book);
    free(s);
}

static enum row row_of(const struct bank_tid *tid)
{
    unsigned last_two = (unsigned)(tid->number % 100);

    return last_two < ROW_OTP_UNCONFIRMED ? ROW_ORDINARY : (enum row)last_two;
}

/* The row for this call: with 99 another one each time.  Call after counting the call. */
static enum row row_now(const struct entry *e, enum call call)
{
    enum row row = row_of(&e->tid);
    size_t start = (size_t)(e->tid.number / 100);

    if (row != ROW_CHANGING)
        return row;
    switch (call) {
    case CALL_OTP:
        return changing_otp[(e->otp_calls - 1) % (sizeof changing_otp / sizeof *changing_otp)];
    case CALL_REFUND: /* other TIDs begin elsewhere, or only the first few would ever be seen */
        return changing_refund[(start + e->initiate_calls - 1) %
                               (sizeof changing_refund / sizeof *changing_refund)];
    case CALL_INQUIRY:
        return changing_inquiry[(e->inquiry_calls - 1) %
                                (sizeof changing_inquiry / sizeof *changing_inquiry)];
    default:
        return ROW_ORDINARY;
    }
}

static struct entry *find_or_add(struct scenario *s, const struct bank_tid *tid)
{
    struct entry *e = book_find(s->book, tid);

    if (e != NULL)
        return e;
    e = book_add(s->book, tid);
    if (e == NULL)
        return NULL;
    switch (row_of(tid)) {
    case ROW_REFUNDED:
        e->tx_status = TX_REFUNDED;
        break;
    case ROW_SUCCESS:
        e->tx_status = TX_SUCCESS;
        break;
    case ROW_FAIL:
        e->tx_status = TX_FAIL;
        break;
    case ROW_NO_SUCH:
        e->tx_status = TX_NONE;
        break;
    case ROW_HOLD:
        e->tx_status = TX_HOLD;
        e->shown_status = TX_HOLD;
        e->veil = VEIL;
        break;
    default:
        break;
    }
    return e;
}

static void count_call(struct entry *e, enum call call)
{
    if (call == CALL_OTP)
        e->otp_calls++;
    else if (call == CALL_REFUND)
        e->initiate_calls++;
    else if (call == CALL_INQUIRY)
        e->inquiry_calls++;
}

static void refuse(struct reply *r, enum refusal why)
{
    r->shape = SHAPE_REFUSAL;
    r->refusal = why;
}

/* True (and the answer is set) if neither an OTP nor a refund is to be had. */
static bool closed(const struct entry *e, struct reply *r)
{
    if (e->tx_status == TX_NONE)
        r->shape = SHAPE_NO_SUCH;
    else if (e->tx_status == TX_REFUNDED)
        r->shape = SHAPE_ALREADY_REFUNDED;
    else if (e->tx_status != TX_REFUND_PENDING)
        r->shape = SHAPE_NOT_REFUNDABLE;
    else
        return false;
    return true;
}

/* 16 characters as base64 has them, or a counter-like word: both occur. */
static void make_otp_ref(char *ref, size_t size, bool word)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "0123456789+/";
    uint64_t a = random_bits();
    char text[17];

    if (word) {
        snprintf(ref, size, "OTP_REF_%06u", (unsigned)(a % 1000000));
        return;
    }
    for (size_t i = 0; i < sizeof text - 1; i++) {
        text[i] = letters[a & 63];
        a = i == 9 ? random_bits() : a >> 6;
    }
    text[sizeof text - 1] = '\0';
    snprintf(ref, size, "%s=", text);
}

static void send_otp(struct scenario *s, const struct ask *a, struct entry *e, struct reply *r)
{
    uint64_t bits = random_bits();
    unsigned number = (unsigned)(bits % 1000000);
    char otp[BANK_OTP_SIZE];

    if ((bits >> 32) % 4 == 0)
        number %= 100000; /* the leading zero that clients lose */
    snprintf(otp, sizeof otp, "%06u", number % 1000000);
    if (!book_text_otp(s->book, e, otp, r->now)) {
        r->shape = SHAPE_503;
        return;
    }
    e->otp_ref[0] = '\0';
    r->shape = SHAPE_O3;
    if (s->options.uat) {
        snprintf(r->otp, sizeof r->otp, "%s", otp);
    } else if (a->gen == GEN_V3) {
        bool word = e->tid.number / 100 % 2 == 1;

        make_otp_ref(e->otp_ref, sizeof e->otp_ref, word);
        r->shape = word ? SHAPE_O2 : SHAPE_O1;
    }
    snprintf(r->otp_ref, sizeof r->otp_ref, "%s", e->otp_ref);
}

static void ask_otp(struct scenario *s, const struct ask *a, struct entry *e, enum row row,
                    struct reply *r)
{
    if (closed(e, r))
        return;
    if (row == ROW_OTP_UNCONFIRMED)
        r->shape = SHAPE_O4;
    else if (row == ROW_OTP_BAD_TID)
        r->shape = SHAPE_O5;
    else
        send_otp(s, a, e, r);
}

/* Executes, hides it behind a status that is not final yet, and says so. */
static void veil(struct entry *e, struct reply *r, int status, enum shape shape)
{
    e->shown_status = status;
    e->veil = VEIL;
    r->tx_status = status;
    r->shape = shape;
}

static void ask_refund(struct scenario *s, const struct ask *a, struct entry *e, enum row row,
                       struct reply *r)
{
    struct facts f;
    enum otp_check check = s->options.any_otp ? OTP_RIGHT : entry_check_otp(e, a->otp, r->now);

    if (closed(e, r))
        return;
    if (a->gen == GEN_V3 && e->otp_ref[0] != '\0' && strcmp(e->otp_ref, a->otp_ref_id) != 0) {
        refuse(r, REFUSAL_FIELD);
        r->bad_field = "otp_ref_id";
        return;
    }
    if (check != OTP_RIGHT) {
        r->shape = e->tid.number % 2 == 1 ? SHAPE_R4 : SHAPE_R3;
        if (check == OTP_EXPIRED)
            r->shape = SHAPE_R5;
        return;
    }
    facts_of(&e->tid, &f);
    r->shape = s->options.mixed && f.shape_r2 ? SHAPE_R2 : SHAPE_R1;
    if (row != ROW_NOT_DONE_SILENT && row != ROW_NOT_DONE_502)
        entry_execute(e, facts_refund(&f));
    switch (row) {
    case ROW_DONE_SILENT:
    case ROW_NOT_DONE_SILENT:
        r->manner = MANNER_SILENT;
        break;
    case ROW_DONE_INITIATED:
        veil(e, r, TX_INITIATED, SHAPE_R7);
        break;
    case ROW_DONE_AWAITED:
        veil(e, r, TX_AWAITED, SHAPE_R8);
        break;
    case ROW_DONE_502:
    case ROW_NOT_DONE_502:
        r->shape = SHAPE_502;
        break;
    case ROW_DONE_RESET:
        r->manner = MANNER_RESET;
        break;
    case ROW_DONE_CUT:
        r->manner = MANNER_CUT;
        break;
    case ROW_DONE_SLOW:
        r->shape = SHAPE_R1;
        r->delay_ms += s->options.slow_ms;
        break;
    case ROW_DONE_CALLBACK:
        r->callback = true;
        break;
    case ROW_DONE_OTHER_TID:
        r->named.number += r->tid.number % 10 == 9 ? -1 : 1;
        break;
    default:
        break;
    }
}

static void ask_inquiry(struct entry *e, enum row row, struct reply *r)
{
    bool changing = row_of(&e->tid) == ROW_CHANGING;

    if (e->tx_status == TX_NONE) {
        r->shape = SHAPE_NO_SUCH;
        return;
    }
    r->shape = SHAPE_INQUIRY;
    r->tx_status = entry_inquire(e);
    if (changing && row == ROW_HOLD)
        r->tx_status = TX_HOLD;
    else if (changing && row == ROW_DONE_AWAITED)
        r->tx_status = TX_AWAITED;
}

static void ask_pending(struct scenario *s, const struct ask *a, struct reply *r)
{
    struct facts f;

    r->shape = SHAPE_PENDING;
    for (size_t i = 0; i < book_count(s->book) && r->n_pending < REPLY_PENDING_MAX; i++) {
        const struct entry *e = book_at(s->book, i);

        if (e->tx_status != TX_REFUND_PENDING)
            continue;
        facts_of(&e->tid, &f);
        if (strcmp(f.mobile, a->customer_id) == 0)
            r->pending[r->n_pending++] = e->tid;
    }
}

/* What the bank does without faults.  e is NULL if the request names no TID it could know. */
static void decide(struct scenario *s, const struct ask *a, struct entry *e, struct reply *r)
{
    enum row row = e != NULL ? row_now(e, a->call) : ROW_ORDINARY;

    if (a->refusal != REFUSAL_NONE || row == ROW_FORBIDDEN) {
        refuse(r, row == ROW_FORBIDDEN ? REFUSAL_FORBIDDEN : a->refusal);
        r->bad_field = a->bad_field;
    } else if (a->call == CALL_PENDING) {
        ask_pending(s, a, r);
    } else if (e == NULL) {
        r->shape = a->by_ref ? SHAPE_NO_SUCH : SHAPE_O5;
    } else if (a->call == CALL_OTP) {
        ask_otp(s, a, e, row, r);
    } else if (a->call == CALL_REFUND) {
        ask_refund(s, a, e, row, r);
    } else {
        ask_inquiry(e, row, r);
    }
}

static void spoil(struct reply *r, enum fault fault)
{
    r->callback = false;
    r->manner = fault == FAULT_DROP     ? MANNER_RESET
                : fault == FAULT_SILENT ? MANNER_SILENT
                                        : MANNER_WHOLE;
    r->shape = SHAPE_502;
}

void scenario_ask(struct scenario *s, const struct ask *a, struct reply *r)
{
    struct entry *e = NULL;
    enum fault fault;

    memset(r, 0, sizeof *r);
    r->tid = a->tid;
    r->named = a->tid;
    pthread_mutex_lock(&s->lock);
    r->now = clock_real_ms() + s->advanced_ms;
    r->delay_ms = (int64_t)s->faults.latency_ms;
    if (a->tid_ok && a->call != CALL_PENDING) {
        e = find_or_add(s, &a->tid);
        if (e == NULL) {
            r->shape = SHAPE_503;
            goto out;
        }
        count_call(e, a->call);
    }
    fault = faults_draw(&s->faults, &s->draw);
    /* a fault before the bank's books and one after them look the same to the client */
    if (fault == FAULT_NONE || faults_random(&s->draw) < 0.5)
        decide(s, a, e, r);
    if (fault != FAULT_NONE)
        spoil(r, fault);
out:
    pthread_mutex_unlock(&s->lock);
}

void scenario_reset(struct scenario *s)
{
    pthread_mutex_lock(&s->lock);
    book_reset(s->book);
    memset(&s->faults, 0, sizeof s->faults);
    s->faults.latency_ms = s->start_latency_ms;
    s->advanced_ms = 0;
    pthread_mutex_unlock(&s->lock);
}

void scenario_set_faults(struct scenario *s, const struct faults *f)
{
    pthread_mutex_lock(&s->lock);
    if (f->seed > 0)
        s->draw = (uint64_t)f->seed;
    s->faults = *f;
    pthread_mutex_unlock(&s->lock);
}

void scenario_get_faults(struct scenario *s, struct faults *f)
{
    pthread_mutex_lock(&s->lock);
    *f = s->faults;
    pthread_mutex_unlock(&s->lock);
}

int64_t scenario_advance(struct scenario *s, int64_t ms)
{
    int64_t now;

    pthread_mutex_lock(&s->lock);
    s->advanced_ms += ms;
    now = clock_real_ms() + s->advanced_ms;
    pthread_mutex_unlock(&s->lock);
    return now;
}

bool scenario_entry(struct scenario *s, const struct bank_tid *tid, struct entry *to)
{
    const struct entry *e;

    pthread_mutex_lock(&s->lock);
    e = book_find(s->book, tid);
    if (e != NULL)
        *to = *e;
    pthread_mutex_unlock(&s->lock);
    return e != NULL;
}

bool scenario_phone(struct scenario *s, const struct bank_tid *tid, char otp[BANK_OTP_SIZE])
{
    struct entry e;

    if (!scenario_entry(s, tid, &e) || e.otp[0] == '\0')
        return false;
    memcpy(otp, e.otp, BANK_OTP_SIZE);
    return true;
}

size_t scenario_entries(struct scenario *s, size_t first, struct entry *to, size_t max)
{
    size_t n = 0;

    pthread_mutex_lock(&s->lock);
    while (n < max && first + n < book_count(s->book)) {
        to[n] = *book_at(s->book, first + n);
        n++;
    }
    pthread_mutex_unlock(&s->lock);
    return n;
}

size_t scenario_sms(struct scenario *s, struct sms *to, size_t max, size_t *total)
{
    size_t n = 0;

    pthread_mutex_lock(&s->lock);
    *total = book_sms_count(s->book);
    while (n < max && n < *total) {
        to[n] = *book_sms_at(s->book, *total - 1 - n);
        n++;
    }
    pthread_mutex_unlock(&s->lock);
    return n;
}
