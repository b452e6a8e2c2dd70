/*
 * answer.c - what the bank's answer proves.
 *
 * First the facts are read, each of them "not named", "named" or "odd" (unreadable, or named twice
 * and differently); then one function per kind of call decides.  Only a complete and consistent set
 * of facts is proof: the last word of each decision is unknown/unproven.  Row names (O1, R3, ...)
 * are those of the samples in tests/cases/answers.tsv.
 */
#include "core/answer.h"

#include <stdio.h>
#include <string.h>

#include "core/answer_parts.h"

#define TX_MAX        999  /* larger numbers are no tx_status */
#define TYPE_ID_FIRST 1000 /* response_type_id of a success that status repeats: O1's is 2133 */

enum { TX_SUCCESS = 0, TX_FAIL = 1, TX_REFUND_PENDING = 3, TX_REFUNDED = 4 };

struct number {
    bool named, odd;
    int value; /* meaningful where named and not odd */
};

struct facts {
    const struct cJSON *root, *data;
    struct number status, status_id, type_id, tx;
    /* something that matters cannot be read, or contradicts itself */
    bool odd;
    bool invalid;                              /* invalid_params holds something */
    const char *invalid_otp, *invalid_tid;     /* NULL if not named there */
    const char *tid, *refund_tid, *otp_ref_id; /* "" if not named */
    const char *amount, *refunded_amount;
    bool tid_odd;
    enum otr_reason refusal; /* why the bank refused, if that is what it says */
};

/* ---- reading the facts ------------------------------------------------------------------- */

static struct number number_of(const struct cJSON *parent, const char *name) {
    const char *text;
    struct number n = {0};
    enum json_kind kind = json_get(parent, name, &text);
    n.named = kind != JSON_NOTHING;
    n.odd = n.named && !(kind == JSON_TEXT && value_int(text, &n.value));
    return n;
}

/* tx_status comes inside data, beside it, or both: then they must agree. */
static struct number tx_status_of(const struct cJSON *root, const struct cJSON *data) {
    struct number a = number_of(root, "tx_status"), b = number_of(data, "tx_status");
    struct number n = b.named ? b : a;
    if (a.named && b.named && (a.odd || b.odd || a.value != b.value))
        n.odd = true;
    if (n.named && !n.odd && (n.value < 0 || n.value > TX_MAX))
        n.odd = true;
    return n;
}

/* The text under name in data, else beside it; "" if there is none. */
static const char *text_of(const struct facts *f, const char *name) {
    const char *text;
    if (json_get(f->data, name, &text) != JSON_TEXT || !*text)
        json_get(f->root, name, &text);
    return text;
}

static void read_tid(struct facts *f) {
    const char *in_data, *beside;
    enum json_kind a = json_get(f->data, "tid", &in_data), b = json_get(f->root, "tid", &beside);
    f->tid = *in_data ? in_data : beside;
    f->tid_odd = a > JSON_TEXT || b > JSON_TEXT ||
                 (*in_data && *beside && strcmp(in_data, beside) != 0) ||
                 (*f->tid && !value_digits(f->tid, OTR_TID_SIZE - 1));
}

/* An object without members, null and "" say nothing. */
static void read_invalid(struct facts *f, const char *name) {
    const char *text;
    enum json_kind kind = json_get(f->root, name, &text);
    const struct cJSON *object = json_object(f->root, name), *member = NULL;
    if (kind == JSON_OTHER || *text)
        f->invalid = f->odd = true;
    while ((member = json_next(object, member))) {
        kind = json_value(member, &text);
        if (kind == JSON_NOTHING || (kind == JSON_TEXT && !*text))
            continue;
        f->invalid = true;
        if (kind == JSON_TEXT && strcmp(json_name(member), "otp") == 0)
            f->invalid_otp = text;
        if (kind == JSON_TEXT && strcmp(json_name(member), "tid") == 0)
            f->invalid_tid = text;
    }
}

/* The description names another status than the number does.  Only what cannot be a manner of
   speaking counts. */
static bool description_contradicts(const struct facts *f) {
    const char *desc = text_of(f, "txstatus_desc");
    bool refunded = strcasecmp(desc, "Refunded") == 0;
    bool other = strcasecmp(desc, "Refund Pending") == 0 || strcasecmp(desc, "Success") == 0 ||
                 strcasecmp(desc, "Fail") == 0 || strcasecmp(desc, "Failed") == 0 ||
                 strcasecmp(desc, "Initiated") == 0 || strcasecmp(desc, "Hold") == 0;
    if (f->tx.value == TX_REFUNDED)
        return other;
    return refunded && (f->tx.value == TX_SUCCESS || f->tx.value == TX_FAIL ||
                        f->tx.value == TX_REFUND_PENDING);
}

static void read_facts(const struct cJSON *root, struct facts *f) {
    const char *text;
    enum json_kind data = json_get(root, "data", &text);
    memset(f, 0, sizeof *f);
    f->root = root;
    f->data = json_object(root, "data");
    f->status = number_of(root, "status");
    f->status_id = number_of(root, "response_status_id");
    f->type_id = number_of(root, "response_type_id");
    f->tx = tx_status_of(root, f->data);
    if (f->tx.named && !f->tx.odd && description_contradicts(f))
        f->tx.odd = true;
    read_tid(f);
    f->refund_tid = text_of(f, "refund_tid");
    f->otp_ref_id = text_of(f, "otp_ref_id");
    f->amount = text_of(f, "amount");
    f->refunded_amount = text_of(f, "refunded_amount");
    read_invalid(f, "invalid_params");
    read_invalid(f, "invalid_parameters");
    f->odd |= f->status.odd || f->status_id.odd || f->tx.odd || data == JSON_OTHER || *text;
}

static bool is(const struct number *n, int value) {
    return n->named && !n->odd && n->value == value;
}

/* ---- does it say no? --------------------------------------------------------------------- */

/* eko-api: "Status codes seen on refund calls". */
static enum otr_reason listed(const struct number *n) {
    static const struct {
        int code;
        enum otr_reason reason;
    } codes[] = {
        {302, OTR_REASON_WRONG_OTP},
        {303, OTR_REASON_OTP_EXPIRED},
        {168, OTR_REASON_NO_SUCH_TRANSACTION},
        {319, OTR_REASON_BAD_INITIATOR},
        {346, OTR_REASON_BAD_USER_CODE},
        {347, OTR_REASON_INSUFFICIENT_BALANCE},
        {463, OTR_REASON_BAD_USER_CODE},
        {544, OTR_REASON_BANK_BUSY},
        {1297, OTR_REASON_AGENT_NOT_ONBOARDED},
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (is(n, codes[i].code))
            return codes[i].reason;
    return OTR_REASON_NONE;
}

/* The number beside a listed code must not say the opposite. */
static enum otr_reason refusal_by_code(const struct facts *f) {
    enum otr_reason a = listed(&f->status), b = listed(&f->status_id);
    if (is(&f->status_id, -2))
        b = OTR_REASON_ANOTHER_IN_PROGRESS;
    if (a && b)
        return a == b ? a : OTR_REASON_NONE;
    if (a) /* R5 */
        return !f->status_id.named || is(&f->status_id, 1) || is(&f->status_id, -1)
                   ? a
                   : OTR_REASON_NONE;
    if (b) /* R4, R6 */
        return !f->status.named || is(&f->status, 0) || is(&f->status, 1) || is(&f->status, -1)
                   ? b
                   : OTR_REASON_NONE;
    return OTR_REASON_NONE;
}

static bool says(const char *message, const char *words) {
    return strcasestr(message, words);
}

/* O6, O7: no code of their own, only these words. */
static enum otr_reason refusal_by_message(const char *message) {
    if (says(message, "already in refunded state") || says(message, "already refunded"))
        return OTR_REASON_ALREADY_REFUNDED;
    if (says(message, "not in a refundable state") || says(message, "not in refundable state") ||
        says(message, "not refundable"))
        return OTR_REASON_NOT_REFUNDABLE;
    return OTR_REASON_NONE;
}

static enum otr_reason refusal_of(const struct facts *f, enum otr_kind kind) {
    enum otr_reason reason = refusal_by_code(f);
    bool failure = is(&f->status_id, 1) || is(&f->status_id, -1);
    if (f->status.odd || f->status_id.odd)
        return OTR_REASON_NONE;
    if (reason || !failure)
        return reason;
    if (f->invalid_otp && kind == OTR_KIND_REFUND) /* R3 */
        return says(f->invalid_otp, "expire") ? OTR_REASON_OTP_EXPIRED : OTR_REASON_WRONG_OTP;
    if (f->invalid_tid) /* O5 */
        return OTR_REASON_INVALID_TID;
    if (kind != OTR_KIND_INQUIRY && is(&f->status, 1))
        return refusal_by_message(text_of(f, "message"));
    return OTR_REASON_NONE;
}

/* Something in the answer speaks against a refusal. */
static bool speaks_against_refusal(const struct facts *f, enum otr_kind kind) {
    if (f->odd || f->tid_odd || *f->refund_tid ||
        (*f->refunded_amount && answer_paise(f->refunded_amount) != 0))
        return true;
    if (kind == OTR_KIND_OTP && (*f->otp_ref_id || (*f->tid && is(&f->status, 0))))
        return true;
    if (!f->tx.named)
        return false;
    if (kind == OTR_KIND_INQUIRY)
        return true;
    if (kind == OTR_KIND_OTP && f->refusal == OTR_REASON_ALREADY_REFUNDED)
        return f->tx.value != TX_REFUNDED;
    return f->tx.value != TX_SUCCESS && f->tx.value != TX_FAIL && f->tx.value != TX_REFUND_PENDING;
}

/* ---- what it proves, by kind of call ----------------------------------------------------- */

static void decide(struct answer_meaning *m, enum otr_outcome outcome, enum otr_reason reason) {
    m->outcome = outcome;
    m->reason = reason;
}

static void decide_otp(const struct facts *f, struct answer_meaning *m) {
    bool plain = is(&f->status, 0) && (is(&f->status_id, 0) || is(&f->status_id, -1));
    /* O1: status repeats response_type_id, and response_status_id is 1. */
    bool typed = is(&f->status_id, 1) && f->status.named && f->status.value >= TYPE_ID_FIRST &&
                 is(&f->type_id, f->status.value);
    if (f->odd || f->invalid || (f->tx.named && f->tx.value != TX_REFUND_PENDING))
        return;
    if ((plain && (*f->tid || *f->otp_ref_id)) || (typed && *f->otp_ref_id) ||
        (is(&f->status, 0) && is(&f->status_id, 1) && *f->otp_ref_id))
        decide(m, OTR_OUTCOME_SENT, OTR_REASON_NONE);
    else if (plain || typed) /* O4 */
        decide(m, OTR_OUTCOME_UNCONFIRMED, OTR_REASON_NONE);
}

static bool proves_refund(const struct facts *f) {
    if (f->odd || f->invalid || !is(&f->status, 0) ||
        !(is(&f->status_id, 0) || is(&f->status_id, 4)) ||
        (*f->refunded_amount && answer_paise(f->refunded_amount) <= 0))
        return false;
    if (f->tx.named) /* R2 */
        return f->tx.value == TX_REFUNDED;
    return value_digits(f->refund_tid, OTR_TID_SIZE - 1); /* R1 */
}

static void decide_refund(const struct facts *f, struct answer_meaning *m) {
    bool final = f->tx.value == TX_SUCCESS || f->tx.value == TX_FAIL ||
                 f->tx.value == TX_REFUND_PENDING || f->tx.value == TX_REFUNDED;
    bool at_it =
        f->tx.named ? !final : is(&f->status_id, 2) || is(&f->status_id, 3) || is(&f->status_id, 5);
    if (proves_refund(f))
        decide(m, OTR_OUTCOME_REFUNDED, OTR_REASON_NONE);
    else if (at_it && !f->odd && !f->invalid && is(&f->status, 0)) /* R7, R8 */
        decide(m, OTR_OUTCOME_UNKNOWN, OTR_REASON_IN_PROGRESS);
}

static void decide_inquiry(const struct facts *f, struct answer_meaning *m) {
    bool success = is(&f->status, 0) && (!f->status_id.named || is(&f->status_id, 0) ||
                                         is(&f->status_id, -1) || is(&f->status_id, f->tx.value));
    if (success && !f->odd && !f->invalid && f->tx.named && *f->tid && !f->tid_odd)
        decide(m, OTR_OUTCOME_ANSWERED, OTR_REASON_NONE);
}

/* ---- filling the meaning ----------------------------------------------------------------- */

static void copy(char *to, size_t size, const char *text, bool fit) {
    if (fit && strlen(text) < size)
        snprintf(to, size, "%s", text);
}

/* What the answer says about the transaction it names, where it fits the kind of call. */
static void fill_transaction(const struct facts *f, enum otr_kind kind, struct answer_meaning *m) {
    bool otp = kind == OTR_KIND_OTP;
    const char *ref = text_of(f, "client_ref_id");
    m->tx_status = f->tx.named && !f->tx.odd ? f->tx.value : OTR_NO_STATUS;
    copy(m->refund_tid, sizeof m->refund_tid, f->refund_tid,
         !otp && value_digits(f->refund_tid, OTR_TID_SIZE - 1));
    copy(m->client_ref_id, sizeof m->client_ref_id, ref, true);
    copy(m->otp_ref_id, sizeof m->otp_ref_id, f->otp_ref_id, otp);
    m->amount = answer_paise(f->amount);
    m->refunded_amount = otp ? OTR_NO_AMOUNT : answer_paise(f->refunded_amount);
    m->bank_time = value_time(text_of(f, "timestamp"));
    mask_person(text_of(f, "sender_name"), text_of(f, "customer_id"), m->customer,
                sizeof m->customer);
    mask_person(text_of(f, "recipient_name"), text_of(f, "recipient_mobile"), m->recipient,
                sizeof m->recipient);
}

/* R2 and inquiries name no refunded amount: it is amount and fee, as in R1 (5000 + 50 = 5050). */
static void fill_refunded_amount(const struct facts *f, struct answer_meaning *m) {
    const char *fee_text = text_of(f, "fee");
    int64_t fee = *fee_text ? answer_paise(fee_text) : 0;
    bool refunded = m->outcome == OTR_OUTCOME_REFUNDED ||
                    (m->outcome == OTR_OUTCOME_ANSWERED && m->tx_status == TX_REFUNDED);
    if (refunded && !*f->refunded_amount && m->amount != OTR_NO_AMOUNT && fee != OTR_NO_AMOUNT)
        m->refunded_amount = m->amount + fee;
}

static void fill_message(const struct facts *f, const char *const keep[2],
                         struct answer_meaning *m) {
    const char *text;
    if (json_get(f->root, "message", &text) != JSON_TEXT || !*text)
        json_get(f->data, "message", &text);
    mask_text(text, keep, m->message, sizeof m->message);
}

static void meaning_init(struct answer_meaning *m) {
    memset(m, 0, sizeof *m);
    m->outcome = OTR_OUTCOME_UNKNOWN;
    m->tx_status = OTR_NO_STATUS;
    m->amount = m->refunded_amount = OTR_NO_AMOUNT;
}

/* ---- the answer -------------------------------------------------------------------------- */

/* A readable answer with HTTP status 200. */
static void read_200(enum otr_kind kind, const char *asked_tid, struct facts *f,
                     struct answer_meaning *m) {
    m->reason = OTR_REASON_UNPROVEN;
    if (!f->tid_odd)
        copy(m->tid, sizeof m->tid, f->tid, true);
    if (*asked_tid && (f->tid_odd || (*f->tid && strcmp(f->tid, asked_tid) != 0))) {
        m->reason = OTR_REASON_OTHER_TID; /* what else it says is about another one */
        return;
    }
    fill_transaction(f, kind, m);
    f->refusal = refusal_of(f, kind);
    if (f->refusal) {
        if (speaks_against_refusal(f, kind))
            return;
        decide(m, OTR_OUTCOME_REJECTED, f->refusal);
        m->no_such_transaction =
            kind == OTR_KIND_INQUIRY && f->refusal == OTR_REASON_NO_SUCH_TRANSACTION;
    } else if (kind == OTR_KIND_OTP) {
        decide_otp(f, m);
    } else if (kind == OTR_KIND_REFUND) {
        decide_refund(f, m);
    } else {
        decide_inquiry(f, m);
    }
    fill_refunded_amount(f, m);
}

/* An object that cannot be read, as one cut short. */
static bool broken_object(const char *body, size_t size) {
    while (size && strchr(" \t\r\n", *body))
        body++, size--;
    return size && *body == '{';
}

/* Turned away at the door, if nothing in the body says, or may have said, that something happened
   all the same. */
static void read_door(enum otr_kind kind, int http_status, const struct facts *f, bool broken,
                      struct answer_meaning *m) {
    if (broken)
        decide(m, OTR_OUTCOME_UNKNOWN, OTR_REASON_UNREADABLE_ANSWER);
    else if (f->root && speaks_against_refusal(f, kind))
        decide(m, OTR_OUTCOME_UNKNOWN, OTR_REASON_UNPROVEN);
    else
        decide(m, OTR_OUTCOME_REJECTED,
               http_status == 403 ? OTR_REASON_BAD_CREDENTIALS : OTR_REASON_BAD_REQUEST);
}

void answer_read(enum otr_kind kind, const char *asked_tid, int http_status, const char *body,
                 size_t size, struct answer_meaning *m) {
    struct cJSON *root = json_read(body, size);
    struct facts f;
    read_facts(root, &f);
    meaning_init(m);
    if (http_status == 200 && !root)
        m->reason = OTR_REASON_UNREADABLE_ANSWER;
    else if (http_status == 200)
        read_200(kind, asked_tid, &f, m);
    else if (http_status == 403 || http_status == 404 || http_status == 405 || http_status == 415)
        read_door(kind, http_status, &f, !root && broken_object(body, size), m);
    else
        m->reason = OTR_REASON_BANK_ERROR;
    const char *const keep[2] = {asked_tid, m->tid}; /* all other digits may be an OTP */
    fill_message(&f, keep, m);
    evidence_write(root, http_status, size, keep, m->evidence, sizeof m->evidence);
    json_free(root);
}
