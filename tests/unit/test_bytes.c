/*
 * test_bytes.c - the bank's answer cut after every byte, stalled, half closed, garbled: it proves
 * what it proves only when it is whole, and each attempt is one POST on the wire.
 *
 * OTPREFUND_BYTES=long in the environment: every sample that proves something, every ending, TLS too.
 */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/bytes_bank.h"
#include "tests/unit/suite.h"

#define ANSWER_SIZE 8192
#define WINDOW      64
#define LONG_WAIT   20000
#define SHORT_WAIT  1500

enum framing { BY_LENGTH, BY_CHUNKS, BY_CLOSE, AFTER_100, FRAMINGS };
static const char *const framing_name[FRAMINGS] = {"Content-Length", "chunked", "until close",
                                                   "after a 100"};
static const char *const end_name[] = {"FIN", "FIN without close_notify", "RST", "half-close",
                                       "stall"};

/* A whole answer; from proof_at bytes on nothing that matters is missing. */
struct whole {
    char text[ANSWER_SIZE];
    size_t size, proof_at;
};

/* Items for one run, of which the answers live elsewhere. */
struct batch {
    struct bytes_item *items;
    int n, room;
    char what[FRAMINGS][5][64];
};

static bool thorough(void) {
    const char *v = getenv("OTPREFUND_BYTES");
    return v && strcmp(v, "long") == 0;
}

/* Turned away at the door: the status alone says so, as long as no body says otherwise. */
static bool door(const struct bytes_sample *s) {
    return s->http == 403 || s->http == 404 || s->http == 405 || s->http == 415;
}

/* ---- making answers ---------------------------------------------------------------------- */

static void add(struct whole *w, const char *text, size_t size) {
    if (w->size + size >= sizeof w->text)
        abort();
    memcpy(w->text + w->size, text, size);
    w->size += size;
    w->text[w->size] = '\0';
}

static void frame(const struct bytes_sample *s, enum framing framing, struct whole *w) {
    char head[256];
    size_t size = strlen(s->body);
    w->size = 0;
    if (framing == AFTER_100)
        add(w, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    int n =
        snprintf(head, sizeof head,
                 "HTTP/1.1 %d Said\r\nContent-Type: application/json\r\nX-Trace: 7\r\n", s->http);
    add(w, head, (size_t)n);
    if (framing == BY_CHUNKS)
        add(w, "Transfer-Encoding: chunked\r\n", 28);
    else if (framing == BY_CLOSE)
        add(w, "Connection: close\r\n", 19);
    else
        add(w, head, (size_t)snprintf(head, sizeof head, "Content-Length: %zu\r\n", size));
    add(w, "\r\n", 2);
    w->proof_at = w->size;
    if (framing != BY_CHUNKS)
        add(w, s->body, size);
    for (size_t at = 0; framing == BY_CHUNKS && at < size; at += 100) {
        size_t part = size - at < 100 ? size - at : 100;
        add(w, head, (size_t)snprintf(head, sizeof head, "%zx\r\n", part));
        add(w, s->body + at, part);
        if (!door(s))
            w->proof_at = w->size;
        add(w, "\r\n", 2);
    }
    if (framing != BY_CHUNKS && !door(s))
        w->proof_at = w->size;
    if (framing == BY_CHUNKS)
        add(w, "0\r\n\r\n", 5);
}

/* ---- running them ------------------------------------------------------------------------ */

static void batch_open(struct batch *b, int room) {
    b->n = 0;
    b->room = room;
    b->items = calloc((size_t)room, sizeof *b->items);
    for (int f = 0; f < FRAMINGS; f++)
        for (int e = 0; e < 5; e++)
            snprintf(b->what[f][e], sizeof b->what[f][e], "%s, %s", framing_name[f], end_name[e]);
}

static struct bytes_item *batch_add(struct batch *b) {
    if (b->n >= b->room)
        abort();
    return &b->items[b->n++];
}

static void batch_run(struct batch *b, const char *what, enum server_manner manner, int timeout_ms,
                      int window) {
    struct bytes_tally t = {0};
    CU_ASSERT(b->n > 0);
    CU_ASSERT(bytes_run(b->items, b->n, manner, timeout_ms, window, &t));
    CU_ASSERT(t.unknown > 0);
    printf("\n    %s: %ld answers: %ld unknown, %ld proven by a whole answer, %ld wrong, "
           "%ld sent twice",
           what, t.answers, t.unknown, t.proven, t.wrong, t.twice);
    free(b->items);
}

/* The answer cut after each step-th byte; the whole answer is always among them. */
static void cut_after(struct batch *b, const struct bytes_sample *s, const struct whole *w,
                      enum framing framing, enum server_end end, size_t step) {
    bool proves = s->proves != OTR_OUTCOME_UNKNOWN;
    for (size_t size = 0, next; size <= w->size; size = next) {
        next = size < w->size && size + step > w->size ? w->size : size + step;
        /* Until close: nobody can tell that there was to be a body, or something behind it. */
        if (!proves && framing == BY_CLOSE && size < w->size &&
            ((door(s) && size == w->proof_at) || strstr(s->name, "trailing")))
            continue;
        struct bytes_item *item = batch_add(b);
        item->what = b->what[framing][end];
        item->sample = s;
        item->answer = w->text;
        item->size = size;
        item->end = end;
        item->may_prove = proves && size >= w->proof_at;
        item->must_prove = proves && size == w->size && (end == SERVER_FIN || end == SERVER_HALF);
    }
}

static const char *const proofs[] = {"R1", "R2", "R3", "R4", "R-403", "O1", "O3", "O5", "I"};
enum { PROOFS = sizeof proofs / sizeof *proofs };

static void cut_all(const char *what, const enum server_end *ends, int n_ends, size_t step,
                    enum server_manner manner, int timeout_ms, int window) {
    static struct whole whole[PROOFS][FRAMINGS];
    struct batch b;
    batch_open(&b, 200000);
    for (int i = 0; i < PROOFS; i++)
        for (int f = 0; f < FRAMINGS; f++) {
            const struct bytes_sample *s = bytes_sample(proofs[i]);
            frame(s, f, &whole[i][f]);
            for (int e = 0; e < n_ends; e++)
                cut_after(&b, s, &whole[i][f], f, ends[e], step);
        }
    batch_run(&b, what, manner, timeout_ms, window);
}

static void cut_after_every_byte(void) {
    static const enum server_end fin[] = {SERVER_FIN};
    cut_all("every byte, then closed", fin, 1, 1, SERVER_PLAIN, LONG_WAIT, WINDOW);
}

static void reset_or_half_closed(void) {
    static const enum server_end ends[] = {SERVER_RESET, SERVER_HALF};
    cut_all("reset, half-closed", ends, 2, thorough() ? 1 : 17, SERVER_PLAIN, LONG_WAIT, WINDOW);
}

static void stalled(void) {
    static const enum server_end ends[] = {SERVER_STALL};
    cut_all("stalled", ends, 1, thorough() ? 3 : 61, SERVER_PLAIN, SHORT_WAIT, 400);
}

static void cut_inside_tls(void) {
    static const enum server_end ends[] = {SERVER_FIN, SERVER_RUDE, SERVER_RESET};
    cut_all("TLS, with and without close_notify, reset", ends, 3, thorough() ? 1 : 53, SERVER_TLS,
            LONG_WAIT, WINDOW);
}

/* All the table, whole and in halves: what proves nothing does so in every framing. */
static void every_sample(void) {
    static struct whole whole[400][FRAMINGS];
    struct batch b;
    const struct bytes_sample *s;
    batch_open(&b, 2000000);
    for (int i = 0; i < 400 && (s = bytes_sample_at(i)); i++)
        for (int f = 0; f < FRAMINGS; f++) {
            frame(s, f, &whole[i][f]);
            cut_after(&b, s, &whole[i][f], f, SERVER_FIN,
                      thorough() ? 1 : whole[i][f].size / 2 + 1);
        }
    batch_run(&b, "every sample of answers.tsv", SERVER_PLAIN, LONG_WAIT, WINDOW);
}

/* ---- what is no answer, or not one answer ------------------------------------------------ */

enum proof { NEVER, MAY, MUST };

/* In the text {b} is the body, {l} its length, {l+} and {l-} ten more and less, {x} in hex. */
static const struct {
    const char *what, *text;
    enum proof proof;
} odd[] = {
    {"the body alone (HTTP/0.9)", "{b}", NEVER},
    {"an empty line and the body", "\r\n\r\n{b}", NEVER},
    {"SSH", "SSH-2.0-server\r\n\r\n{b}", NEVER},
    {"a TLS alert", "\x15\x03\x01\x02\x02\x28", NEVER},
    {"no version", "HTTP 200 OK\r\n\r\n{b}", NEVER},
    {"HTTP/2 without being asked", "HTTP/2 200\r\nContent-Length: {l}\r\n\r\n{b}", MAY},
    {"HTTP/9.9", "HTTP/9.9 200 OK\r\nContent-Length: {l}\r\n\r\n{b}", NEVER},
    {"HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\n{b}", MUST},
    {"no reason phrase", "HTTP/1.1 200\r\nContent-Length: {l}\r\n\r\n{b}", MAY},
    {"status 2", "HTTP/1.1 2\r\nContent-Length: {l}\r\n\r\n{b}", NEVER},
    {"status 20", "HTTP/1.1 20 OK\r\nContent-Length: {l}\r\n\r\n{b}", NEVER},
    {"status 2000", "HTTP/1.1 2000 OK\r\nContent-Length: {l}\r\n\r\n{b}", NEVER},
    {"status -200", "HTTP/1.1 -200 OK\r\nContent-Length: {l}\r\n\r\n{b}", NEVER},
    {"status 000", "HTTP/1.1 000 OK\r\nContent-Length: {l}\r\n\r\n{b}", NEVER},
    {"201", "HTTP/1.1 201 Created\r\nContent-Length: {l}\r\n\r\n{b}", NEVER},
    {"204 with a body", "HTTP/1.1 204 None\r\nContent-Length: {l}\r\n\r\n{b}", NEVER},
    {"206", "HTTP/1.1 206 Part\r\nContent-Length: {l}\r\n\r\n{b}", NEVER},
    {"301", "HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: {l}\r\n\r\n{b}", NEVER},
    {"304 with a body", "HTTP/1.1 304 Same\r\nContent-Length: {l}\r\n\r\n{b}", NEVER},
    {"307", "HTTP/1.1 307 There\r\nLocation: /\r\nContent-Length: {l}\r\n\r\n{b}", NEVER},
    {"401", "HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic\r\nContent-Length: {l}\r\n\r\n{b}", NEVER},
    {"407", "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nContent-Length: {l}\r\n\r\n{b}",
     NEVER},
    {"408", "HTTP/1.1 408 Late\r\nContent-Length: {l}\r\n\r\n{b}", NEVER},
    {"421", "HTTP/1.1 421 Elsewhere\r\nContent-Length: {l}\r\n\r\n{b}", NEVER},
    {"425", "HTTP/1.1 425 Early\r\nContent-Length: {l}\r\n\r\n{b}", NEVER},
    {"429", "HTTP/1.1 429 Slow\r\nRetry-After: 0\r\nContent-Length: {l}\r\n\r\n{b}", NEVER},
    {"500", "HTTP/1.1 500 Broken\r\nContent-Length: {l}\r\n\r\n{b}", NEVER},
    {"503", "HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: {l}\r\n\r\n{b}", NEVER},
    /* lengths */
    {"a length too big", "HTTP/1.1 200 OK\r\nContent-Length: {l+}\r\n\r\n{b}", NEVER},
    {"a length too small", "HTTP/1.1 200 OK\r\nContent-Length: {l-}\r\n\r\n{b}", NEVER},
    {"length 0", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n{b}", NEVER},
    {"a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -{l}\r\n\r\n{b}", NEVER},
    {"a length in words", "HTTP/1.1 200 OK\r\nContent-Length: much\r\n\r\n{b}", NEVER},
    {"a length that overflows",
     "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n{b}", NEVER},
    {"a length of 2^64 + ", "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551617\r\n\r\n{b}",
     NEVER},
    {"the same length twice",
     "HTTP/1.1 200 OK\r\nContent-Length: {l}\r\nContent-Length: {l}\r\n\r\n{b}", MAY},
    {"two lengths, the right one first",
     "HTTP/1.1 200 OK\r\nContent-Length: {l}\r\nContent-Length: {l+}\r\n\r\n{b}", NEVER},
    {"two lengths, the right one last",
     "HTTP/1.1 200 OK\r\nContent-Length: {l+}\r\nContent-Length: {l}\r\n\r\n{b}", NEVER},
    {"two lengths in one line", "HTTP/1.1 200 OK\r\nContent-Length: {l+}, {l}\r\n\r\n{b}", NEVER},
    {"length and chunks",
     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: "
     "chunked\r\n\r\n{x}\r\n{b}\r\n0\r\n\r\n",
     MAY},
    /* chunks */
    {"a chunk's size is no number", "{c}zz\r\n{b}\r\n0\r\n\r\n", NEVER},
    {"a chunk's size is empty", "{c}\r\n{b}\r\n0\r\n\r\n", NEVER},
    {"a chunk's size is negative", "{c}-{x}\r\n{b}\r\n0\r\n\r\n", NEVER},
    {"a chunk's size overflows", "{c}FFFFFFFFFFFFFFFFFF\r\n{b}\r\n0\r\n\r\n", NEVER},
    {"a chunk's size is 2^63", "{c}8000000000000000\r\n{b}\r\n0\r\n\r\n", NEVER},
    {"a chunk's size is too big", "{c}fff\r\n{b}\r\n0\r\n\r\n", NEVER},
    {"a chunk's size is too small", "{c}5\r\n{b}\r\n0\r\n\r\n", NEVER},
    {"no line end after a chunk", "{c}{x}\r\n{b}0\r\n\r\n", NEVER},
    {"no last chunk", "{c}{x}\r\n{b}\r\n", NEVER},
    {"no end after the last chunk", "{c}{x}\r\n{b}\r\n0\r\n", MAY},
    {"a trailer cut short", "{c}{x}\r\n{b}\r\n0\r\nX-Sum: 1", MAY},
    {"a trailer", "{c}{x}\r\n{b}\r\n0\r\nX-Sum: 1\r\n\r\n", MUST},
    {"a chunk extension", "{c}{x};a=b\r\n{b}\r\n0\r\n\r\n", MAY},
    {"the last chunk first", "{c}0\r\n\r\n{x}\r\n{b}\r\n0\r\n\r\n", NEVER},
    {"said to be chunked, is not", "{c}{b}", NEVER},
    {"an unknown transfer coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: zip\r\n\r\n{b}", MAY},
    {"chunks inside gzip",
     "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n{x}\r\n{b}\r\n0\r\n\r\n", MAY},
    /* header lines */
    {"a header line without a colon",
     "HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: {l}\r\n\r\n{b}", MAY},
    {"a folded header line", "HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\nContent-Length: {l}\r\n\r\n{b}",
     MAY},
    {"line ends without CR", "HTTP/1.1 200 OK\nContent-Length: {l}\n\n{b}", MAY},
    {"the body's type is a page",
     "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {l}\r\n\r\n{b}", MUST},
    /* The whole right text under a wrong name is still the whole right text. */
    {"said to be gzip, is not",
     "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {l}\r\n\r\n{b}", MAY},
    {"said to be UTF-8",
     "HTTP/1.1 200 OK\r\nContent-Encoding: UTF-8\r\nContent-Length: {l}\r\n\r\n{b}", MAY},
    /* around the answer */
    {"103 first",
     "HTTP/1.1 103 Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: {l}\r\n\r\n{b}",
     MUST},
    {"100 with a length first",
     "HTTP/1.1 100 Go\r\nContent-Length: 3\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
     "{l}\r\n\r\n{b}",
     MAY},
    {"101 first",
     "HTTP/1.1 101 Switch\r\nUpgrade: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: {l}\r\n\r\n{b}",
     NEVER},
    {"100 and nothing else", "HTTP/1.1 100 Go\r\n\r\n", NEVER},
    {"100 and the body", "HTTP/1.1 100 Go\r\n\r\n{b}", NEVER},
    {"100 and a cut 403", "HTTP/1.1 100 Go\r\n\r\nHTTP/1.1 403 No\r\nX-Trace: 1", NEVER},
    {"403 cut in its header", "HTTP/1.1 403 No\r\nContent-Type: text/html\r\nX-Tr", NEVER},
    {"404 cut after its status line", "HTTP/1.1 404 No\r\n", NEVER},
    {"405 cut before the empty line", "HTTP/1.1 405 No\r\nContent-Length: 0\r\n", NEVER},
    {"415 cut after half the empty line", "HTTP/1.1 415 No\r\nContent-Length: 0\r\n\r", NEVER},
    {"an unproven answer, then the right one",
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nContent-Length: "
     "{l}\r\n\r\n{b}",
     NEVER},
    {"502, then the right one",
     "HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: "
     "{l}\r\n\r\n{b}",
     NEVER},
    {"the right one, then another",
     "HTTP/1.1 200 OK\r\nContent-Length: {l}\r\n\r\n{b}HTTP/1.1 200 OK\r\nContent-Length: "
     "2\r\n\r\n{}",
     MAY},
    {"the body twice", "HTTP/1.1 200 OK\r\n\r\n{b}{b}", NEVER},
    {"something after the body", "HTTP/1.1 200 OK\r\n\r\n{b}<html>", NEVER},
    {"something before the body", "HTTP/1.1 200 OK\r\n\r\n<!-- -->{b}", NEVER},
};

static void fill(struct whole *w, const char *text, const char *body) {
    char number[32];
    size_t l = strlen(body);
    static const char chunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    w->size = 0;
    while (*text) {
        const char *with = NULL;
        size_t skip = 3;
        if (strncmp(text, "{b}", 3) == 0)
            with = body;
        else if (strncmp(text, "{c}", 3) == 0)
            with = chunked;
        else if (strncmp(text, "{x}", 3) == 0)
            snprintf(number, sizeof number, "%zx", l), with = number;
        else if (strncmp(text, "{l}", 3) == 0)
            snprintf(number, sizeof number, "%zu", l), with = number;
        else if (strncmp(text, "{l+}", 4) == 0)
            snprintf(number, sizeof number, "%zu", l + 10), with = number, skip = 4;
        else if (strncmp(text, "{l-}", 4) == 0)
            snprintf(number, sizeof number, "%zu", l - 10), with = number, skip = 4;
        add(w, with ? with : text, with ? strlen(with) : 1);
        text += with ? skip : 1;
    }
}

static void no_answer_or_not_one(void) {
    enum { ODD = sizeof odd / sizeof *odd };
    static struct whole whole[ODD][PROOFS];
    struct batch b;
    batch_open(&b, ODD * PROOFS);
    for (int i = 0; i < ODD; i++)
        for (int k = 0; k < PROOFS; k++) {
            const struct bytes_sample *s = bytes_sample(proofs[k]);
            struct bytes_item *item;
            if (door(s)) /* proven by the status alone */
                continue;
            fill(&whole[i][k], odd[i].text, s->body);
            item = batch_add(&b);
            item->what = odd[i].what;
            item->sample = s;
            item->answer = whole[i][k].text;
            item->size = whole[i][k].size;
            item->may_prove = odd[i].proof != NEVER;
            item->must_prove = odd[i].proof == MUST;
        }
    batch_run(&b, "no answer, or not one", SERVER_PLAIN, LONG_WAIT, WINDOW);
}

/* ---- too much ---------------------------------------------------------------------------- */

/* One byte, then itself 258 times, again and again: a deflate block of fixed codes that unpacks to 158
   times its size (RFC 1951, 3.2.6). */
static void bomb(char *to, size_t size) {
    static const char code[] = "1100010100000"; /* length 258, distance 1 */
    size_t bit = 0;
    memset(to, 0, size);
    for (const char *p = "11001010000"; *p; p++, bit++) /* last block, fixed codes; a blank */
        to[bit / 8] |= (char)((*p == '1') << bit % 8);
    for (size_t i = 0; bit < size * 8; i++, bit++)
        to[bit / 8] |= (char)((code[i % 13] == '1') << bit % 8);
}

/* 2 MiB of all kinds: refused once it is too much, never held. */
static void too_much(void) {
    enum { SIZE = 2 * 1024 * 1024, BOMB = 900000, KINDS = 7 };
    static const struct {
        const char *what, *head, *unit;
    } floods[KINDS] = {
        {"2 MiB of header lines", "HTTP/1.1 200 OK\r\n",
         "X-Long: 0123456789012345678901234567\r\n"},
        {"one header line of 2 MiB", "HTTP/1.1 200 OK\r\nX-Long: ", "01234567"},
        {"a status line of 2 MiB", "HTTP/1.1 200 ", "O"},
        {"100 for ever", "", "HTTP/1.1 100 Go\r\n\r\n"},
        {"2 MiB of blanks before the body", "HTTP/1.1 200 OK\r\n\r\n", " "},
        {"a chunk's size of 2 MiB", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "0"},
        {"a gzip bomb",
         "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x01____\x02\x03", ""},
    };
    char *text[KINDS];
    struct batch b;
    batch_open(&b, KINDS * PROOFS);
    for (int i = 0; i < KINDS; i++) {
        size_t at = strlen(floods[i].head), unit = strlen(floods[i].unit);
        text[i] = malloc(SIZE + BYTES_BODY + 64);
        memcpy(text[i], floods[i].head, at);
        if (unit == 0) { /* as such no more than is taken */
            bomb(text[i] + at, BOMB);
            at += BOMB;
        }
        for (; unit && at + unit < SIZE; at += unit)
            memcpy(text[i] + at, floods[i].unit, unit);
        for (int k = 0; k < PROOFS; k++) {
            const struct bytes_sample *s = bytes_sample(proofs[k]);
            struct bytes_item *item = batch_add(&b);
            item->what = floods[i].what;
            item->sample = s;
            item->answer = text[i];
            item->size = at;
        }
    }
    batch_run(&b, "too much", SERVER_PLAIN, LONG_WAIT, 8);
    for (int i = 0; i < KINDS; i++)
        free(text[i]);
}

/* ---- a connection that is kept ------------------------------------------------------------- */

/* Inquiries share connections: what comes behind one answer is not taken for the next one. */
static void too_many_answers_on_a_kept_connection(void) {
    enum { MANY = 200 };
    static struct whole whole;
    struct batch b;
    const struct bytes_sample *s = bytes_sample("I");
    frame(s, BY_LENGTH, &whole);
    add(&whole, whole.text, whole.size);
    batch_open(&b, 2 * MANY);
    for (int i = 0; i < 2 * MANY; i++) {
        struct bytes_item *item = batch_add(&b);
        item->what = "two answers, kept open";
        item->sample = s;
        item->answer = whole.text;
        /* Every other one is alone, so that its connection is used again; or cut. */
        item->size = i % 8 == 7 ? whole.size / 2 - 1 : i % 2 ? whole.size / 2 : whole.size;
        item->end = i % 8 == 7 ? SERVER_FIN : SERVER_KEEP;
        item->must_prove = i % 8 != 7;
    }
    batch_run(&b, "a kept connection", SERVER_PLAIN, LONG_WAIT, 1);
}

int main(void) {
    if (!bytes_open())
        return 1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    CU_pSuite s = suite_begin("bytes", NULL, NULL);
    CU_ADD_TEST(s, cut_after_every_byte);
    CU_ADD_TEST(s, reset_or_half_closed);
    CU_ADD_TEST(s, stalled);
    CU_ADD_TEST(s, cut_inside_tls);
    CU_ADD_TEST(s, every_sample);
    CU_ADD_TEST(s, no_answer_or_not_one);
    CU_ADD_TEST(s, too_much);
    CU_ADD_TEST(s, too_many_answers_on_a_kept_connection);
    int failed = suite_run();
    bytes_close();
    return failed;
}
