/* test_desk_view.c - looks at desks that many share: each gets his own, and nobody suffers for another. */
#include <CUnit/Basic.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "fcgi/desk.h"
#include "tests/unit/suite.h"

/* ---- the core and the pages, in the place of the real ones ----------------------------------- */

static atomic_int gate, holding, reads, most;
static enum otr_status trouble;

enum otr_status otr_desks_get(struct otr *o, const char *const names[], int n, const char *zone,
                              int64_t from, struct otr_desk *const desks[], struct otr_fault *f) {
    (void)o;
    (void)zone;
    (void)from;
    atomic_fetch_add(&reads, 1);
    if (n > atomic_load(&most))
        atomic_store(&most, n);
    atomic_store(&holding, 1);
    while (atomic_load(&gate))
        usleep(1000);
    *f = (struct otr_fault){.whose = OTR_WHOSE_DATABASE};
    if (trouble != OTR_OK)
        return trouble;
    for (int i = 0; i < n; i++)
        if (strcmp(names[i], "\xff") == 0) /* not UTF-8: the whole statement is refused */
            return OTR_BROKEN;
    for (int i = 0; i < n; i++) {
        struct otr_desk *d = desks[i];
        *d = (struct otr_desk){.known = strcmp(names[i], "nobody") != 0};
        d->who.role = OTR_ROLE_OPERATOR;
        d->who.disabled = strcmp(names[i], "gone") == 0;
        snprintf(d->who.name, sizeof d->who.name, "%s", names[i]);
    }
    return OTR_OK;
}

bool page_desk(const struct page *p, const struct page_desk *d, struct buf *out) {
    (void)d;
    buf_text(out, "the desk of ");
    buf_text(out, p->viewer->name);
    return true;
}

int64_t app_now_ms(void) {
    return 1717300000000;
}

#define PEOPLE 6
static const char *const people[PEOPLE] = {"asha", "usha", "\xff", "gone", "nobody", "meera"};

static struct answer {
    atomic_bool there;
    enum otr_status status;
    char name[OTR_NAME_SIZE], page[80];
} answers[PEOPLE];

void app_resume(struct visit *v) {
    struct answer *a = &answers[v->request->id[0] - '0'];
    a->status = v->desk->status;
    snprintf(a->name, sizeof a->name, "%s", v->desk->desk.who.name);
    snprintf(a->page, sizeof a->page, "%.*s", (int)v->desk->page.size,
             v->desk->page.size ? v->desk->page.bytes : "");
    atomic_store(&a->there, true);
}

/* ---- the tests ------------------------------------------------------------------------------- */

static struct settings settings;
static struct app app = {.settings = &settings};
static struct request requests[PEOPLE];

static bool ask(int i) {
    static char none[] = "";
    struct visit v = {.app = &app, .request = &requests[i], .route = {.who = WHO_OPERATOR}};
    requests[i].query = none;
    requests[i].remote_user = people[i];
    requests[i].id[0] = (char)('0' + i);
    return desk_view_park(&v);
}

static void *ask_first(void *arg) {
    (void)arg;
    CU_ASSERT(ask(0));
    return NULL;
}

/* The first is looked for; the others come meanwhile. */
static void all_ask(void) {
    pthread_t first;
    memset(answers, 0, sizeof answers);
    atomic_store(&reads, 0);
    atomic_store(&most, 0);
    atomic_store(&holding, 0);
    atomic_store(&gate, 1);
    pthread_create(&first, NULL, ask_first, NULL);
    while (!atomic_load(&holding))
        usleep(1000);
    for (int i = 1; i < PEOPLE; i++)
        CU_ASSERT(ask(i));
    atomic_store(&gate, 0);
    pthread_join(first, NULL);
    for (int i = 0; i < PEOPLE; i++)
        CU_ASSERT_FATAL(atomic_load(&answers[i].there));
}

static void a_login_that_cannot_be_asked_for_is_its_own_trouble(void) {
    trouble = OTR_OK;
    all_ask();
    CU_ASSERT_EQUAL(atomic_load(&most), PEOPLE - 1);
    CU_ASSERT_EQUAL(atomic_load(&reads), 1 + 1 + PEOPLE - 1);
    for (int i = 0; i < PEOPLE; i++) {
        bool bad = strcmp(people[i], "\xff") == 0;
        CU_ASSERT_EQUAL(answers[i].status, bad ? OTR_BROKEN : OTR_OK);
        CU_ASSERT_STRING_EQUAL(answers[i].name, bad ? "" : people[i]);
    }
    CU_ASSERT_STRING_EQUAL(answers[1].page, "the desk of usha");
    CU_ASSERT_STRING_EQUAL(answers[5].page, "the desk of meera");
    CU_ASSERT_STRING_EQUAL(answers[2].page, "");
    CU_ASSERT_STRING_EQUAL(answers[3].page, "");
    CU_ASSERT_STRING_EQUAL(answers[4].page, "");
}

/* With the database away, each of many would wait for it in turn. */
static void what_is_everybodys_trouble_is_asked_once(void) {
    trouble = OTR_NO_JOURNAL;
    all_ask();
    CU_ASSERT_EQUAL(atomic_load(&reads), 2);
    for (int i = 0; i < PEOPLE; i++) {
        CU_ASSERT_EQUAL(answers[i].status, OTR_NO_JOURNAL);
        CU_ASSERT_STRING_EQUAL(answers[i].page, "");
    }
}

int main(void) {
    app.desks = desk_views_new(2);
    if (!app.desks)
        return 1;
    CU_pSuite suite = suite_begin("desk_view", NULL, NULL);
    CU_ADD_TEST(suite, a_login_that_cannot_be_asked_for_is_its_own_trouble);
    CU_ADD_TEST(suite, what_is_everybodys_trouble_is_asked_once);
    int failed = suite_run();
    rounds_free(app.desks);
    return failed;
}
