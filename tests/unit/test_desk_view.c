/* test_desk_view.c - looks at desks that many share: each gets his own, and nobody suffers for another. */
#include <CUnit/Basic.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "fcgi/desk.h"
#include "fcgi/desk_copy.h"
#include "tests/unit/suite.h"

/* ---- the core and the pages, in the place of the real ones ----------------------------------- */

static atomic_int gate, holding, reads, most, moments;
static enum otr_status trouble, moment_trouble;
static char now_is[OTR_MOMENT_SIZE]; /* which moment it is */
static int64_t now_ms = 1717300000000;

enum otr_status otr_desks_get(struct otr *o, const char *const names[], int n, const char *zone,
                              int64_t from, struct otr_desk *const desks[],
                              char moment[OTR_MOMENT_SIZE], struct otr_fault *f) {
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
    snprintf(moment, OTR_MOMENT_SIZE, "%s", "");
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
    snprintf(moment, OTR_MOMENT_SIZE, "%s", now_is);
    return OTR_OK;
}

enum otr_status otr_moment_get(struct otr *o, const char *zone, char moment[OTR_MOMENT_SIZE],
                               struct otr_fault *f) {
    (void)o;
    (void)zone;
    atomic_fetch_add(&moments, 1);
    *f = (struct otr_fault){.whose = OTR_WHOSE_DATABASE};
    snprintf(moment, OTR_MOMENT_SIZE, "%s", moment_trouble == OTR_OK ? now_is : "");
    return moment_trouble;
}

bool page_desk(const struct page *p, const struct page_desk *d, struct buf *out) {
    (void)d;
    buf_text(out, "the desk of ");
    buf_text(out, p->viewer->name);
    return true;
}

int64_t app_now_ms(void) {
    return now_ms;
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
    const struct desk_copy *copy = v->desk->copy;
    snprintf(a->name, sizeof a->name, "%s", v->desk->who.name);
    snprintf(a->page, sizeof a->page, "%.*s", copy ? (int)copy->size : 0, copy ? copy->page : "");
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

/* ---- what was read before ---------------------------------------------------------------------- */

/* What it took to answer one after the other: desks read, and moments asked for. */
static void expect(const int who[], int n, int desks, int asked) {
    memset(answers, 0, sizeof answers);
    atomic_store(&reads, 0);
    atomic_store(&moments, 0);
    for (int i = 0; i < n; i++) {
        CU_ASSERT(ask(who[i]));
        CU_ASSERT(atomic_load(&answers[who[i]].there));
    }
    CU_ASSERT_EQUAL(atomic_load(&reads), desks);
    CU_ASSERT_EQUAL(atomic_load(&moments), asked);
}

/* Nothing was read in this second yet, and it is asked for the moment again. */
static void begin_afresh(void) {
    trouble = moment_trouble = OTR_OK;
    snprintf(now_is, sizeof now_is, "a moment");
    atomic_store(&moments, 0);
    for (int i = 0; i < 200 && atomic_load(&moments) < 2; i++)
        ask(0);
    now_ms += 1000;
}

static const int asha[1] = {0}, usha[1] = {1}, gone[1] = {3}, nobody[1] = {4};

static void the_same_moment_needs_no_reading(void) {
    begin_afresh();
    expect(asha, 1, 1, 0);
    expect(usha, 1, 1, 0);
    for (int i = 0; i < 3; i++) {
        expect(asha, 1, 0, 1);
        CU_ASSERT_EQUAL(answers[0].status, OTR_OK);
        CU_ASSERT_STRING_EQUAL(answers[0].name, "asha");
        CU_ASSERT_STRING_EQUAL(answers[0].page, "the desk of asha");
        expect(usha, 1, 0, 1);
        CU_ASSERT_STRING_EQUAL(answers[1].page, "the desk of usha");
    }
    desk_views_trim(app.desks);
    expect(asha, 1, 1, 0);
}

/* As the moment is asked for before the others are read, each look tells it once. */
static void another_moment_is_read_anew(void) {
    begin_afresh();
    expect(asha, 1, 1, 0);
    snprintf(now_is, sizeof now_is, "b moment");
    expect(asha, 1, 1, 1);
    expect(asha, 1, 1, 0); /* another one might have come: it is not asked for */
    expect(asha, 1, 0, 1);
    now_ms += 1000; /* the page says when it is shown */
    expect(asha, 1, 1, 0);
    expect(asha, 1, 0, 1);
    snprintf(now_is, sizeof now_is, "%s", "");
    expect(asha, 1, 1, 1);
    CU_ASSERT_STRING_EQUAL(answers[0].page, "the desk of asha");
}

/* Where each look finds another moment, hardly any asks for it; and soon again once that is over. */
static void where_all_changes_it_is_read_at_once(void) {
    int looks = 0, asked = 0;
    begin_afresh();
    expect(asha, 1, 1, 0);
    for (; looks < 500; looks++) {
        snprintf(now_is, sizeof now_is, "moment %d", looks);
        atomic_store(&reads, 0);
        atomic_store(&moments, 0);
        ask(0);
        CU_ASSERT_EQUAL(atomic_load(&reads), 1);
        asked += atomic_load(&moments);
    }
    CU_ASSERT(asked > 4 && asked < 20);
    atomic_store(&reads, 0);
    for (looks = 0; looks < 100; looks++)
        ask(0);
    CU_ASSERT(atomic_load(&reads) < 70);
    expect(asha, 1, 0, 1);
}

static void who_sees_nothing_is_asked_for_each_time(void) {
    begin_afresh();
    for (int i = 0; i < 2; i++) {
        expect(gone, 1, 1, 0);
        expect(nobody, 1, 1, 0);
    }
}

static void old_and_new_in_one_look(void) {
    begin_afresh();
    trouble = OTR_OK;
    expect(usha, 1, 1, 0);
    all_ask(); /* asha alone, then the others: usha by the moment at which those were read */
    CU_ASSERT_EQUAL(atomic_load(&most), PEOPLE - 2);
    for (int i = 0; i < PEOPLE; i++)
        CU_ASSERT_STRING_EQUAL(answers[i].name, i == 2 ? "" : people[i]);
    CU_ASSERT_STRING_EQUAL(answers[1].page, "the desk of usha");
    CU_ASSERT_STRING_EQUAL(answers[5].page, "the desk of meera");
}

/* Nobody is shown what cannot be proven, and nobody waits twice for a database that is away. */
static void without_the_database_nothing_is_shown(void) {
    begin_afresh();
    expect(asha, 1, 1, 0);
    moment_trouble = trouble = OTR_NO_JOURNAL;
    expect(asha, 1, 0, 1);
    CU_ASSERT_EQUAL(answers[0].status, OTR_NO_JOURNAL);
    CU_ASSERT_STRING_EQUAL(answers[0].page, "");
}

static void copies_have_their_bounds(void) {
    char name[OTR_NAME_SIZE + 1];
    struct desk_copies *c = desk_copies_new();
    const struct otr_operator who = {0};
    struct buf page;
    int found = 0;
    buf_init(&page, 100);
    buf_text(&page, "a desk");
    CU_ASSERT_FATAL(c != NULL);
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "desk%d", i);
        struct desk_copy *copy = desk_copy_make(name, &who, "m", 7, &page);
        CU_ASSERT_FATAL(copy != NULL);
        desk_copies_keep(c, copy);
        desk_copy_drop(copy);
    }
    for (int i = 0; i < 3000; i++) {
        snprintf(name, sizeof name, "desk%d", i);
        struct desk_copy *copy = desk_copies_find(c, name, 7);
        found += copy && strcmp(copy->name, name) == 0;
        desk_copy_drop(copy);
        CU_ASSERT_PTR_NULL(desk_copies_find(c, name, 8));
    }
    CU_ASSERT(found > 400 && found < 600);
    memset(name, 'x', OTR_NAME_SIZE);
    name[OTR_NAME_SIZE] = '\0';
    CU_ASSERT_PTR_NULL(desk_copy_make(name, &who, "m", 7, &page));
    page.failed = true;
    CU_ASSERT_PTR_NULL(desk_copy_make("asha", &who, "m", 7, &page));
    buf_free(&page);
    desk_copies_free(c);
}

static struct desk_copy *keep_one(struct desk_copies *c, const char *name, int64_t second) {
    const struct otr_operator who = {0};
    struct buf page;
    buf_init(&page, 10);
    struct desk_copy *copy = desk_copy_make(name, &who, "m", second, &page);
    CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
    desk_copies_keep(c, copy);
    desk_copy_drop(copy);
    buf_free(&page);
    return desk_copies_find(c, name, second);
}

/* A look that took long ends after one of the next second. */
static void a_late_copy_replaces_no_newer_one(void) {
    struct desk_copies *c = desk_copies_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    struct desk_copy *newer = keep_one(c, "asha", 1000), *late = keep_one(c, "usha", 999);
    struct desk_copy *still = desk_copies_find(c, "asha", 1000);
    CU_ASSERT_PTR_NOT_NULL(newer);
    CU_ASSERT_PTR_NULL(late);
    CU_ASSERT_PTR_EQUAL(still, newer);
    desk_copy_drop(still);
    desk_copy_drop(newer);
    struct desk_copy *set_back = keep_one(c, "usha", 500); /* the clock was */
    CU_ASSERT_PTR_NOT_NULL(set_back);
    desk_copy_drop(set_back);
    CU_ASSERT_PTR_NULL(desk_copies_find(c, "asha", 1000));
    desk_copies_free(c);
}

int main(void) {
    app.desks = desk_views_new(2);
    if (!app.desks)
        return 1;
    CU_pSuite suite = suite_begin("desk_view", NULL, NULL);
    CU_ADD_TEST(suite, a_login_that_cannot_be_asked_for_is_its_own_trouble);
    CU_ADD_TEST(suite, what_is_everybodys_trouble_is_asked_once);
    CU_ADD_TEST(suite, the_same_moment_needs_no_reading);
    CU_ADD_TEST(suite, another_moment_is_read_anew);
    CU_ADD_TEST(suite, where_all_changes_it_is_read_at_once);
    CU_ADD_TEST(suite, who_sees_nothing_is_asked_for_each_time);
    CU_ADD_TEST(suite, old_and_new_in_one_look);
    CU_ADD_TEST(suite, without_the_database_nothing_is_shown);
    CU_ADD_TEST(suite, copies_have_their_bounds);
    CU_ADD_TEST(suite, a_late_copy_replaces_no_newer_one);
    int failed = suite_run();
    desk_views_free(app.desks);
    return failed;
}
