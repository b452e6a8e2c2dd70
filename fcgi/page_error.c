/* page_error.c - what went wrong with a request, and what to do. */
#include "fcgi/page_part.h"

struct error_row {
    int status;
    const char *title, *what;
};

/* The first row speaks for every status without one of its own. */
static const struct error_row errors[] = {
    {500, "Something is wrong here",
     "The mistake is in this program or its set-up, not in what you did. Tell whoever looks after "
     "this system, and name the request below."},
    {400, "This request cannot be understood",
     "Something in it is missing or malformed. Go back, check what was typed and send it again."},
    {403, "This is not open to you",
     "Your login may not see or do this. If you think it should, ask your supervisor."},
    {404, "There is no such page",
     "The address or the number in it does not exist here. Check it, or start from the desk."},
    {405, "This cannot be done at this address",
     "The address exists, but not for this kind of request. Go back and use the form there."},
    {409, "Somebody is already working on it",
     "Another refund attempt on this transaction is open. Nothing was sent. Wait until it is "
     "settled."},
    {413, "That was too much at once",
     "The request is larger than this program accepts. Nothing was sent. Use the form as it is."},
    {415, "This kind of content is not accepted",
     "Nothing was sent. Use the form of the page in an ordinary browser."},
    {422, "This form was already used",
     "It was sent before with other content. Nothing was sent now. Open the transaction again."},
    {429, "Too often in a short time",
     "A limit protects the customer and the account. Nothing was sent. Wait and try again."},
    {503, "Not possible just now",
     "Nothing could be recorded, so nothing was sent to the bank. Try again in a minute."},
};

static const struct error_row *row_of(int status) {
    for (size_t i = 1; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].status == status)
            return &errors[i];
    return &errors[0];
}

bool page_error(const struct page *p, int status, const char *title, const char *what,
                int64_t attempt_id, const char *back, struct buf *out) {
    struct fill f;
    const struct error_row *row = row_of(status);
    page_start(&f, p, title ? title : row->title, PLACE_NONE);
    node_int(f.m, f.root, "status", status);
    node_text(f.m, f.root, "what", what && *what ? what : row->what);
    node_text(f.m, f.root, "attempt_id", "");
    if (attempt_id)
        node_int(f.m, f.root, "attempt_id", attempt_id);
    /* Only a path of our own may stand in a link: "//host" would lead away. */
    bool own = back && back[0] == '/' && back[1] != '/' && back[1] != '\\';
    node_text(f.m, f.root, "back", own ? back : "");
    return page_finish(&f, "error", out);
}
