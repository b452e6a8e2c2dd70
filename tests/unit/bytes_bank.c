/* bytes_bank.c - a bank whose answers are byte sequences, and the real core that asks it. */
#include "tests/unit/bytes_bank.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/fake_journal.h"

#define SAMPLES_MAX 400
#define FIRST_TID   10000000 /* eight digits, as many as the mark has */
#define MARK        "@@@@@@@@"
#define MARK_SIZE   8
#define TELL_MAX    10

static struct bytes_sample samples[SAMPLES_MAX];
static int n_samples;
static char folder[] = "/tmp/otprefund-bytes-XXXXXX", key_file[64];

/* What is being run; the server's threads and the finishers look into it. */
static struct {
    struct bytes_item *items;
    int n, done;
    char url[64]; /* borrowed by the core */
    pthread_mutex_t lock;
    pthread_cond_t less;
} run = {.lock = PTHREAD_MUTEX_INITIALIZER, .less = PTHREAD_COND_INITIALIZER};

/* ---- the table --------------------------------------------------------------------------- */

/* Copies from into to, with mark for every tid. */
static void put_mark(char *to, size_t size, const char *from, const char *tid) {
    size_t n = 0, tid_size = strlen(tid);
    while (*from && n + MARK_SIZE < size) {
        if (tid_size > 1 && strncmp(from, tid, tid_size) == 0) {
            memcpy(to + n, MARK, MARK_SIZE);
            n += MARK_SIZE;
            from += tid_size;
        } else {
            to[n++] = *from++;
        }
    }
    to[n] = '\0';
}

bool bytes_samples(void) {
    enum { NAME, KIND, HTTP, ASKED, OUTCOME, BODY = 14, FIELDS };
    const char *srcdir = getenv("srcdir");
    char path[1024], line[8192];
    snprintf(path, sizeof path, "%s/tests/cases/answers.tsv", srcdir ? srcdir : ".");
    FILE *f = fopen(path, "r");
    if (!f) {
        perror(path);
        return false;
    }
    while (n_samples < SAMPLES_MAX && fgets(line, sizeof line, f)) {
        char *field[FIELDS], *p = line;
        int n = 0;
        line[strcspn(line, "\n")] = '\0';
        while (n < FIELDS && p) {
            field[n++] = p;
            p = n < FIELDS ? strchr(p, '\t') : NULL;
            if (p)
                *p++ = '\0';
        }
        /* Bytes written as %xx, and questions by reference, are test_answer's. */
        if (*line == '#' || n < FIELDS || strchr(field[BODY], '%') || !isdigit(*field[ASKED]))
            continue;
        struct bytes_sample *s = &samples[n_samples++];
        snprintf(s->name, sizeof s->name, "%s", field[NAME]);
        s->kind = otr_kind_value(field[KIND]);
        s->http = (int)strtol(field[HTTP], NULL, 10);
        s->proves = otr_outcome_value(field[OUTCOME]);
        /* An inquiry is never rejected: core/refund.c. */
        if (s->kind == OTR_KIND_INQUIRY && s->proves == OTR_OUTCOME_REJECTED)
            s->proves = strstr(field[5], "no_such") ? OTR_OUTCOME_ANSWERED : OTR_OUTCOME_UNKNOWN;
        put_mark(s->body, sizeof s->body, field[BODY], field[ASKED]);
    }
    fclose(f);
    return n_samples > 100;
}

const struct bytes_sample *bytes_sample_at(int i) {
    return i < n_samples ? &samples[i] : NULL;
}

const struct bytes_sample *bytes_sample(const char *name) {
    for (int i = 0; i < n_samples; i++)
        if (strcmp(samples[i].name, name) == 0)
            return &samples[i];
    fprintf(stderr, "answers.tsv has no %s\n", name);
    abort();
}

/* ---- the bank ---------------------------------------------------------------------------- */

static enum server_end say_it(struct conn *c, const char *request, void *arg) {
    (void)arg;
    char text[24], *answer;
    const char *path = strstr(request, "/refund/");
    path = path                               ? path + 8
           : strstr(request, "/transaction/") ? strstr(request, "/transaction/") + 13
                                              : "";
    long i = strtol(path, NULL, 10) - FIRST_TID;
    if (i < 0 || i >= run.n || !(answer = malloc(run.items[i].size + 1)))
        return SERVER_RESET;
    struct bytes_item *item = &run.items[i];
    atomic_fetch_add(strncmp(request, "POST ", 5) == 0 ? &item->posts : &item->gets, 1);
    snprintf(text, sizeof text, "%ld", FIRST_TID + i);
    memcpy(answer, item->answer, item->size);
    for (size_t at = 0; at < item->size; at++)
        if (memcmp(answer + at, MARK, item->size - at < MARK_SIZE ? item->size - at : MARK_SIZE) ==
            0)
            memcpy(answer + at, text, item->size - at < MARK_SIZE ? item->size - at : MARK_SIZE);
    server_say(c, answer, item->size);
    free(answer);
    return item->end;
}

/* ---- the core ---------------------------------------------------------------------------- */

static void found_one(const struct journal_finding *f) {
    pthread_mutex_lock(&run.lock);
    struct bytes_item *item = &run.items[f->attempt_id - 1];
    item->found++;
    item->outcome = f->outcome;
    item->reason = f->reason;
    item->resolution = f->resolution;
    item->next_inquiry_ms = f->next_inquiry_ms;
    run.done++;
    pthread_cond_signal(&run.less);
    pthread_mutex_unlock(&run.lock);
}

static void wait_until_done(int n) {
    pthread_mutex_lock(&run.lock);
    while (run.done < n)
        pthread_cond_wait(&run.less, &run.lock);
    pthread_mutex_unlock(&run.lock);
}

static struct otr *open_core(const struct server *s, int timeout_ms) {
    struct otr *o = NULL;
    struct otr_fault f;
    snprintf(run.url, sizeof run.url, "%s://127.0.0.1:%d/v3", s->ctx ? "https" : "http", s->port);
    const struct otr_config c = {.base_url = run.url,
                                 .initiator_id = "9000000001",
                                 .conninfo = "fake",
                                 .developer_key_file = key_file,
                                 .access_key_file = key_file,
                                 .secret_key_file = key_file,
                                 .ca_file = s->ctx ? s->ca_file : NULL,
                                 .connect_timeout_ms = timeout_ms, /* not what is looked at */
                                 .timeout_ms = timeout_ms};
    if (otr_open(&c, &o, &f) != OTR_OK)
        fprintf(stderr, "%s\n", f.detail);
    return o;
}

static bool begin(struct otr *o, const struct bytes_item *item, int i) {
    static const struct otr_who who = {
        .name = "asha", .user_code = "20110001", .channel = OTR_CHANNEL_DESK};
    struct otr_fault f;
    char tid[16], key[16];
    int64_t id = 0;
    enum otr_status s = OTR_INVALID;
    snprintf(tid, sizeof tid, "%d", FIRST_TID + i);
    snprintf(key, sizeof key, "k%d", i);
    if (item->sample->kind == OTR_KIND_OTP)
        s = otr_send_otp(o, &who, tid, key, &id, &f);
    else if (item->sample->kind == OTR_KIND_REFUND)
        s = otr_refund(o, &who, tid, "012345", 6, true, key, &id, &f);
    else if (item->sample->kind == OTR_KIND_INQUIRY)
        s = otr_inquire(o, &who, tid, NULL, &id, &f);
    return s == OTR_OK && id == i + 1;
}

/* ---- judging ----------------------------------------------------------------------------- */

static bool resolution_fits(const struct bytes_item *item) {
    if (item->outcome == OTR_OUTCOME_UNKNOWN)
        return item->resolution == OTR_RESOLUTION_NONE &&
               (item->sample->kind == OTR_KIND_OTP || item->next_inquiry_ms >= 1);
    if (item->sample->kind == OTR_KIND_REFUND)
        return item->resolution == (item->outcome == OTR_OUTCOME_REFUNDED
                                        ? OTR_RESOLUTION_REFUNDED
                                        : OTR_RESOLUTION_NOT_REFUNDED);
    return true;
}

/* least: 0 where the core may have given up before the bank could read the request. */
static bool judge(struct bytes_item *item, int least, struct bytes_tally *t) {
    bool post = item->sample->kind != OTR_KIND_INQUIRY;
    bool once = post ? item->posts >= least && item->posts <= 1 && item->gets == 0
                     : item->posts == 0 && item->gets >= least;
    bool right = item->outcome == OTR_OUTCOME_UNKNOWN ? !item->must_prove
                                                      : (item->may_prove || item->must_prove) &&
                                                            item->outcome == item->sample->proves;
    right = right && item->found == 1 && resolution_fits(item);
    t->answers++;
    t->unknown += item->outcome == OTR_OUTCOME_UNKNOWN;
    t->proven += right && item->outcome != OTR_OUTCOME_UNKNOWN;
    t->wrong += !right;
    t->twice += !once;
    if ((!right || !once) && t->wrong + t->twice <= TELL_MAX)
        fprintf(stderr, "%s, %s, %zu bytes: %s %s, resolution '%s', %d POST, %d GET, %d findings\n",
                item->sample->name, item->what, item->size, otr_outcome_name(item->outcome),
                otr_reason_name(item->reason), otr_resolution_name(item->resolution), item->posts,
                item->gets, item->found);
    return right && once;
}

bool bytes_run(struct bytes_item *items, int n, enum server_manner manner, int timeout_ms,
               int window, struct bytes_tally *tally) {
    struct server s;
    bool ok = true;
    int posts = 0;
    run.items = items;
    run.n = n;
    run.done = 0;
    fake_reset();
    fake.begun.attempt_id = 0;
    fake.number = true;
    fake.found_one = found_one;
    /* Inquiries are about an attempt old enough to be settled by them. */
    fake.begun.open_attempt_id = 99;
    fake.begun.open_age_ms = 700000;
    if (!server_start_script(&s, manner, say_it, NULL))
        return false;
    struct otr *o = open_core(&s, timeout_ms);
    for (int i = 0; o && ok && i < n; i++) {
        wait_until_done(i - window + 1);
        ok = begin(o, &items[i], i);
    }
    if (o && ok)
        wait_until_done(n);
    otr_close(o, 1000);
    server_stop(&s);
    for (int i = 0; o && i < n; i++) {
        ok &= judge(&items[i], timeout_ms < 10000 ? 0 : 1, tally);
        posts += items[i].sample->kind != OTR_KIND_INQUIRY;
    }
    /* A connection that was made again, without a whole request on it, would show here. */
    if (posts == n && s.connections != n) {
        fprintf(stderr, "%d attempts made %d connections\n", n, s.connections);
        ok = false;
    }
    return o && ok;
}

bool bytes_open(void) {
    if (!mkdtemp(folder) || !bytes_samples())
        return false;
    snprintf(key_file, sizeof key_file, "%s/key", folder);
    FILE *file = fopen(key_file, "w");
    if (!file)
        return false;
    fputs("TEST_KEY_DO_NOT_USE_0123456789ab\n", file);
    return fclose(file) == 0 && chmod(key_file, 0600) == 0;
}

void bytes_close(void) {
    unlink(key_file);
    rmdir(folder);
}
