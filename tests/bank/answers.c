/* answers.c - the bodies of the simulated bank's answers. */
#include "tests/bank/answers.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "tests/bank/facts.h"

#define JSON_TYPE "application/json;charset=UTF-8"
#define HTML_TYPE "text/html"
#define INDIA_MS ((int64_t)19800 * 1000)

void text_clear(struct text *t)
{
    t->len = 0;
    t->full = false;
    t->buf[0] = '\0';
}

void text_add(struct text *t, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(t->buf + t->len, sizeof t->buf - t->len, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof t->buf - t->len) {
        t->buf[t->len] = '\0';
        t->full = true;
        return;
    }
    t->len += (size_t)n;
}

void text_add_rupees(struct text *t, int64_t paise, bool fixed)
{
    int64_t rest = paise % 100;

    if (fixed || rest % 10 != 0)
        text_add(t, "%" PRId64 ".%02" PRId64, paise / 100, rest);
    else
        text_add(t, "%" PRId64 ".%" PRId64, paise / 100, rest / 10);
}

void text_add_time(struct text *t, int64_t ms, bool india)
{
    time_t seconds = (time_t)((india ? ms + INDIA_MS : ms) / 1000);
    struct tm tm;
    char buf[40];

    if (gmtime_r(&seconds, &tm) == NULL)
        return;
    strftime(buf, sizeof buf, india ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%dT%H:%M:%S", &tm);
    text_add(t, "%s", buf);
    if (!india)
        text_add(t, ".%03dZ", (int)(ms % 1000));
}

static void add_tid(struct text *t, const struct bank_tid *tid)
{
    char buf[BANK_TID_MAX_DIGITS + 1];

    bank_tid_write(tid, buf, sizeof buf);
    text_add(t, "%s", buf);
}

static const char *tx_word(int tx_status)
{
    switch (tx_status) {
    case TX_SUCCESS:
        return "Success";
    case TX_FAIL:
        return "Fail";
    case TX_REFUND_PENDING:
        return "Refund Pending";
    case TX_REFUNDED:
        return "Refunded";
    case TX_HOLD:
        return "Hold";
    case TX_AWAITED:
        return "Response Awaited";
    default:
        return "Initiated";
    }
}

/* A JSON number has no leading zeros, so a TID that has them is always text. */
static bool number_fits(const struct bank_tid *tid)
{
    uint64_t least = 1;

    for (unsigned i = 1; i < tid->digits; i++)
        least *= 10;
    return tid->number >= least;
}

static void add_tid_field(struct text *t, const struct bank_tid *tid, bool as_number)
{
    const char *quote = as_number && number_fits(tid) ? "" : "\"";

    text_add(t, "\"tid\":%s", quote);
    add_tid(t, tid);
    text_add(t, "%s", quote);
}

static void write_otp(struct text *t, const struct reply *r)
{
    switch (r->shape) {
    case SHAPE_O1:
        text_add(t, "{\"response_status_id\":1,\"data\":{\"otp_ref_id\":\"%s\"},"
                    "\"response_type_id\":2133,\"message\":\"Send OTP\",\"status\":2133}",
                 r->otp_ref);
        break;
    case SHAPE_O2:
        text_add(t, "{\"status\":0,\"response_status_id\":0,"
                    "\"message\":\"OTP sent successfully.\",\"response_type_id\":1388,"
                    "\"data\":{\"otp_ref_id\":\"%s\",",
                 r->otp_ref);
        add_tid_field(t, &r->named, true);
        text_add(t, ",\"message\":\"OTP sent to the registered mobile number.\"}}");
        break;
    default: /* O3, O4 and O8 */
        text_add(t, "{\"response_status_id\":-1,\"status\":0,\"invalid_params\":null,"
                    "\"message\":\"OTP for failed transaction has been sent to customers mobile "
                    "{2} {3}\",\"data\":{");
        if (r->shape == SHAPE_O4)
            text_add(t, "\"tid\":\"\"");
        else
            add_tid_field(t, &r->named, false);
        text_add(t, ",\"otp_ref_id\":\"\"");
        if (r->otp[0] != '\0')
            text_add(t, ",\"otp\":\"%s\"", r->otp);
        text_add(t, "}}");
        break;
    }
}

static void write_r1(struct text *t, const struct reply *r, const struct facts *f)
{
    text_add(t, "{\"response_status_id\":0,\"data\":{\"refund_tid\":\"%" PRIu64 "\",\"amount\":\"",
             f->refund_tid);
    text_add_rupees(t, f->amount, true);
    text_add(t, "\",\"tds\":\"7.1\",\"balance\":\"2.22263731286E9\",\"fee\":\"");
    text_add_rupees(t, f->fee, false);
    text_add(t, "\",\"currency\":\"INR\",\"commission_reverse\":\"28.38\",");
    add_tid_field(t, &r->named, false);
    text_add(t, ",\"timestamp\":\"");
    text_add_time(t, r->now, false);
    text_add(t, "\",\"refunded_amount\":\"");
    text_add_rupees(t, facts_refund(f), true);
    text_add(t, "\"},\"response_type_id\":74,\"message\":\"Refund done\",\"status\":0}");
}

static void write_r2(struct text *t, const struct reply *r, const struct facts *f)
{
    text_add(t, "{\"status\":0,\"response_status_id\":0,"
                "\"message\":\"Refund initiated successfully.\",\"tx_status\":\"4\","
                "\"txstatus_desc\":\"Refunded\",\"data\":{");
    add_tid_field(t, &r->named, true);
    text_add(t, ",\"tx_status\":\"4\",\"amount\":");
    if (f->amount % 100 == 0)
        text_add(t, "%" PRId64, f->amount / 100);
    else
        text_add_rupees(t, f->amount, false);
    text_add(t, ",\"bank_ref_num\":\"%" PRIu64 "\",\"fee\":0,\"gst\":0,\"timestamp\":\"",
             f->bank_ref);
    text_add_time(t, r->now, true);
    text_add(t, "\"}}");
}

static void write_refund(struct text *t, const struct reply *r, const struct facts *f)
{
    switch (r->shape) {
    case SHAPE_R1:
        write_r1(t, r, f);
        break;
    case SHAPE_R2:
        write_r2(t, r, f);
        break;
    case SHAPE_R3:
        text_add(t, "{\"response_status_id\":1,\"status\":0,"
                    "\"invalid_params\":{\"otp\":\"Please enter a valid OTP\"},"
                    "\"message\":\"Wrong TID or OTP {2} {3}\",\"data\":{\"tid\":\"\"}}");
        break;
    case SHAPE_R4:
        text_add(t, "{\"status\":1,\"response_status_id\":302,"
                    "\"message\":\"Wrong OTP. Please enter the correct OTP.\",\"data\":{}}");
        break;
    case SHAPE_R5:
        text_add(t, "{\"status\":303,\"response_status_id\":1,\"message\":\"OTP expired\","
                    "\"data\":{}}");
        break;
    case SHAPE_R7:
        text_add(t, "{\"status\":0,\"response_status_id\":0,"
                    "\"message\":\"Refund request accepted\","
                    "\"data\":{\"tx_status\":\"2\",\"txstatus_desc\":\"Initiated\"}}");
        break;
    default: /* R8 */
        text_add(t, "{\"status\":0,\"response_status_id\":0,\"data\":{\"tx_status\":\"6\"},"
                    "\"message\":\"Response Awaited\"}");
        break;
    }
}

/*
 * Variant 0 is the published sample; 1 has JSON numbers and a time in UTC; 2 and 3 have tx_status
 * beside data, as text and as a number.
 */
static void write_inquiry(struct text *t, const struct reply *r, const struct facts *f)
{
    bool numbers = f->variant == 1 || f->variant == 3;
    const char *quote = numbers ? "" : "\"";

    text_add(t, "{\"response_type_id\":1472,\"data\":{\"bank_ref_num\":\"%" PRIu64 "\",\"fee\":%s",
             f->bank_ref, quote);
    text_add_rupees(t, f->fee, false);
    text_add(t, "%s,\"client_ref_id\":\"%s\",\"gst\":\"0.76\",\"sender_name\":\"%s\","
                "\"timestamp\":\"",
             quote, f->client_ref, f->sender);
    text_add_time(t, f->made_at, !numbers);
    text_add(t, "\",");
    if (f->variant < 2)
        text_add(t, "\"txstatus_desc\":\"%s\",\"tx_status\":%s%d%s,", tx_word(r->tx_status), quote,
                 r->tx_status, quote);
    add_tid_field(t, &r->named, numbers);
    text_add(t, ",\"amount\":%s", quote);
    text_add_rupees(t, f->amount, false);
    text_add(t, "%s,\"customer_id\":\"%s\",\"recipient_name\":\"%s\"},", quote, f->mobile,
             f->recipient);
    if (f->variant >= 2)
        text_add(t, "\"tx_status\":%s%d%s,\"txstatus_desc\":\"%s\",", quote, r->tx_status, quote,
                 tx_word(r->tx_status));
    text_add(t, "\"message\":\"Success!tx.inquiry.success\",\"status\":0,"
                "\"response_status_id\":0}");
}

/* One pending refund is an object, several are an array. */
static void write_pending(struct text *t, const struct reply *r)
{
    struct facts f;
    bool list = r->n_pending > 1;

    text_add(t, "{\"status\":0,\"response_status_id\":-1,\"response_type_id\":74,"
                "\"message\":\"%s\",\"data\":%s",
             r->n_pending > 0 ? "Pending refunds" : "No pending refunds",
             list ? "[" : r->n_pending == 0 ? "{}" : "");
    for (size_t i = 0; i < r->n_pending; i++) {
        facts_of(&r->pending[i], &f);
        text_add(t, "%s{", i > 0 ? "," : "");
        add_tid_field(t, &r->pending[i], false);
        text_add(t, ",\"amount\":\"");
        text_add_rupees(t, f.amount, true);
        text_add(t, "\",\"tx_status\":\"3\",\"txstatus_desc\":\"Refund Pending\","
                    "\"client_ref_id\":\"%s\",\"customer_id\":\"%s\"}",
                 f.client_ref, f.mobile);
    }
    text_add(t, "%s}", list ? "]" : "");
}

static const struct {
    unsigned http;
    int status, response_status_id;
    const char *message;
} refusals[REFUSAL__MAX] = {
    [REFUSAL_NO_URL] = {404, 404, 1, "No such URL"},
    [REFUSAL_METHOD] = {405, 405, 1, "Request method not supported"},
    [REFUSAL_FORBIDDEN] = {403, 403, 1, "Forbidden"},
    [REFUSAL_CONTENT_TYPE] = {415, 415, 1, "Content type not supported"},
    [REFUSAL_TOO_LARGE] = {413, 413, 1, "Request too large"},
    [REFUSAL_BODY] = {200, 1, 1, "Request cannot be read"},
    [REFUSAL_INITIATOR] = {200, 319, 1, "Invalid Initiator {2}"},
    [REFUSAL_USER_CODE] = {200, 346, 1, "Invalid user code {2}"},
    [REFUSAL_FIELD] = {200, 1, 1, "Invalid parameters {2} {3}"},
};

static unsigned write_refusal(struct text *t, const struct reply *r)
{
    text_add(t, "{\"status\":%d,\"response_status_id\":%d,\"response_type_id\":-1,",
             refusals[r->refusal].status, refusals[r->refusal].response_status_id);
    if (r->refusal == REFUSAL_FIELD)
        text_add(t, "\"invalid_params\":{\"%s\":\"Please enter a valid %s\"},", r->bad_field,
                 r->bad_field);
    text_add(t, "\"message\":\"%s\",\"data\":{}}", refusals[r->refusal].message);
    return refusals[r->refusal].http;
}

static void write_rejected(struct text *t, const struct reply *r)
{
    if (r->shape == SHAPE_O5)
        text_add(t, "{\"response_status_id\":-1,\"status\":0,"
                    "\"invalid_params\":{\"tid\":\"Invalid_tid_Format {2} {3}\"},"
                    "\"message\":\"Invalid_tid_Format {2} {3}\","
                    "\"data\":{\"tid\":\"\",\"otp_ref_id\":\"\"}}");
    else if (r->shape == SHAPE_NO_SUCH && r->tid.number / 100 % 2 == 0)
        text_add(t, "{\"status\":168,\"response_status_id\":1,"
                    "\"message\":\"TID does not exist {2}\",\"data\":{}}");
    else if (r->shape == SHAPE_NO_SUCH)
        text_add(t, "{\"status\":1,\"response_status_id\":168,"
                    "\"message\":\"TID does not exist {2}\",\"data\":null}");
    else
        text_add(t, "{\"status\":1,\"response_status_id\":-1,"
                    "\"message\":\"Transaction is %s state.\",\"data\":{}}",
                 r->shape == SHAPE_ALREADY_REFUNDED ? "already in refunded"
                                                    : "not in a refundable");
}

unsigned answer_write(struct text *t, const struct reply *r, const char **content_type)
{
    struct facts f;

    text_clear(t);
    *content_type = JSON_TYPE;
    facts_of(&r->tid, &f);
    switch (r->shape) {
    case SHAPE_REFUSAL:
        return write_refusal(t, r);
    case SHAPE_O1:
    case SHAPE_O2:
    case SHAPE_O3:
    case SHAPE_O4:
        write_otp(t, r);
        return 200;
    case SHAPE_INQUIRY:
        write_inquiry(t, r, &f);
        return 200;
    case SHAPE_PENDING:
        write_pending(t, r);
        return 200;
    case SHAPE_O5:
    case SHAPE_NO_SUCH:
    case SHAPE_ALREADY_REFUNDED:
    case SHAPE_NOT_REFUNDABLE:
        write_rejected(t, r);
        return 200;
    case SHAPE_502:
        *content_type = HTML_TYPE;
        text_add(t, "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
                    "<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n");
        return 502;
    case SHAPE_503:
        *content_type = HTML_TYPE;
        text_add(t, "<html><body>The simulated bank is out of memory.</body></html>\n");
        return 503;
    default:
        write_refund(t, r, &f);
        return 200;
    }
}

void answer_write_callback(struct text *t, const struct reply *r)
{
    struct facts f;

    facts_of(&r->tid, &f);
    text_clear(t);
    text_add(t, "{\"tx_status\":4,\"amount\":");
    text_add_rupees(t, f.amount, false);
    text_add(t, ",\"txstatus_desc\":\"Refunded\",");
    add_tid_field(t, &r->tid, true);
    text_add(t, ",\"client_ref_id\":\"%s\",\"old_tx_status\":3,"
                "\"old_tx_status_desc\":\"Refund Pending\",\"bank_ref_num\":\"%" PRIu64 "\","
                "\"timestamp\":\"",
             f.client_ref, f.bank_ref);
    text_add_time(t, r->now, true);
    text_add(t, "\"}");
}
