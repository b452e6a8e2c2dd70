/* phone.c - the page with the customers' text messages: plain HTML that renews itself. */
#include "tests/bank/phone.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/bank/answers.h"
#include "tests/bank/facts.h"

static const char page_head[] =
    "<!DOCTYPE html>\n"
    "<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta http-equiv=\"refresh\" content=\"3\">\n"
    "<title>Customer's phone</title>\n"
    "<style>\n"
    "body { margin: 0; background: #e9edf1; color: #1c2733; font: 16px/1.45 sans-serif; }\n"
    "header { background: #1f3a4d; color: #fff; padding: 0.8rem 1rem; }\n"
    "header h1 { font-size: 1.15rem; margin: 0; }\n"
    "header p { margin: 0.2rem 0 0; font-size: 0.85rem; color: #d5e0e8; }\n"
    "main { max-width: 30rem; margin: 0 auto; padding: 0.8rem; }\n"
    "ol { list-style: none; margin: 0; padding: 0; }\n"
    "li { background: #fff; border-radius: 0.6rem; padding: 0.7rem 0.9rem;"
    " margin: 0 0 0.7rem; box-shadow: 0 1px 2px #0003; overflow-wrap: anywhere; }\n"
    "li p { margin: 0.2rem 0; }\n"
    ".to, time { font-size: 0.82rem; color: #4b5b69; }\n"
    ".to { display: flex; justify-content: space-between; gap: 1rem; }\n"
    "b { font-size: 1.35rem; letter-spacing: 0.12em; font-family: monospace; }\n"
    "</style>\n</head>\n<body>\n"
    "<header><h1>Customer's phone</h1>\n"
    "<p>Text messages of the simulated bank, newest first. Nothing here is real.</p></header>\n"
    "<main>\n";

static void write_message(FILE *out, const struct sms *m)
{
    char tid[BANK_TID_MAX_DIGITS + 1];
    struct facts f;
    struct text t;

    facts_of(&m->tid, &f);
    bank_tid_write(&m->tid, tid, sizeof tid);
    text_clear(&t);
    text_add_time(&t, m->at, true);
    fprintf(out, "<li><div class=\"to\"><span>To %s</span><time>%s</time></div>\n", f.mobile,
            t.buf);
    text_clear(&t);
    text_add_rupees(&t, f.amount, true);
    fprintf(out,
            "<p><b>%s</b></p>\n<p>is the OTP for the refund of Rs %s, transaction %s. "
            "Tell it only after you have received the cash. Valid for 10 minutes.</p></li>\n",
            m->otp, t.buf, tid);
}

struct MHD_Response *phone_page(struct scenario *s)
{
    struct sms *messages = calloc(PHONE_SHOWN, sizeof *messages);
    struct MHD_Response *response = NULL;
    char *page = NULL;
    size_t page_size = 0, n, total;
    FILE *out = NULL;

    if (messages == NULL)
        goto out;
    out = open_memstream(&page, &page_size);
    if (out == NULL)
        goto out;
    n = scenario_sms(s, messages, PHONE_SHOWN, &total);
    fputs(page_head, out);
    if (n == 0)
        fputs("<p>No messages yet.</p>\n", out);
    fputs("<ol>\n", out);
    for (size_t i = 0; i < n; i++)
        write_message(out, &messages[i]);
    fputs("</ol>\n", out);
    if (total > n)
        fprintf(out, "<p>%zu older messages are not shown.</p>\n", total - n);
    fputs("</main>\n</body>\n</html>\n", out);
    if (fclose(out) == 0) {
        response = MHD_create_response_from_buffer(page_size, page, MHD_RESPMEM_MUST_FREE);
        if (response != NULL)
            page = NULL;
    }
    if (response != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/html; charset=utf-8");
out:
    free(page);
    free(messages);
    return response;
}
