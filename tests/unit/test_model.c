/* test_model.c - the tree a template is filled with. */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/model.h"
#include "tests/unit/suite.h"

static const struct node *get(struct model *m, const char *name) {
    return node_find(model_root(m), name, strlen(name));
}

static void test_texts(void) {
    struct model *m = model_new();
    struct node *root = model_root(m);
    char text[] = "first";
    node_text(m, root, "a", text);
    memset(text, 'x', sizeof text - 1); /* the model has its own copy */
    CU_ASSERT_STRING_EQUAL(node_value(get(m, "a")), "first");
    node_text(m, root, "a", "second");
    CU_ASSERT_STRING_EQUAL(node_value(get(m, "a")), "second");
    node_text(m, root, "b", NULL);
    CU_ASSERT_PTR_NOT_NULL(get(m, "b"));
    CU_ASSERT_FALSE(node_true(get(m, "b")));
    node_int(m, root, "n", INT64_MIN);
    CU_ASSERT_STRING_EQUAL(node_value(get(m, "n")), "-9223372036854775808");
    node_int(m, root, "zero", 0);
    CU_ASSERT_TRUE(node_true(get(m, "zero")));
    CU_ASSERT_PTR_NULL(get(m, "nothing"));
    CU_ASSERT_PTR_NULL(get(m, "aa"));
    CU_ASSERT_FALSE(model_failed(m));
    model_free(m);
}

static void test_kinds(void) {
    struct model *m = model_new();
    struct node *root = model_root(m);
    node_bool(m, root, "yes", true);
    node_bool(m, root, "no", false);
    struct node *list = node_list(m, root, "list");
    CU_ASSERT_FALSE(node_true(get(m, "list")));
    node_text(m, node_item(m, list), "x", "1");
    node_text(m, node_item(m, list), "x", "2");
    node_map(m, root, "map");
    CU_ASSERT_TRUE(node_true(get(m, "yes")));
    CU_ASSERT_FALSE(node_true(get(m, "no")));
    CU_ASSERT_TRUE(node_true(get(m, "list")));
    CU_ASSERT_TRUE(node_true(get(m, "map")));
    CU_ASSERT_FALSE(node_true(NULL));
    CU_ASSERT_STRING_EQUAL(node_value(get(m, "yes")), "");
    CU_ASSERT_STRING_EQUAL(node_value(NULL), "");
    CU_ASSERT_EQUAL(node_type(get(m, "list")), NODE_LIST);
    const struct node *item = node_first(get(m, "list"));
    CU_ASSERT_STRING_EQUAL(node_value(node_find(item, "x", 1)), "1");
    item = node_next(item);
    CU_ASSERT_STRING_EQUAL(node_value(node_find(item, "x", 1)), "2");
    CU_ASSERT_PTR_NULL(node_next(item));
    CU_ASSERT_PTR_NULL(node_first(get(m, "map")));
    CU_ASSERT_PTR_NULL(node_find(get(m, "list"), "x", 1));
    node_list(m, root, "list"); /* set anew: emptied */
    CU_ASSERT_FALSE(node_true(get(m, "list")));
    CU_ASSERT_FALSE(model_failed(m));
    model_free(m);
}

static void test_misuse(void) {
    struct model *m = model_new();
    node_text(m, NULL, "a", "x");
    CU_ASSERT_TRUE(model_failed(m));
    node_text(m, model_root(m), "a", "x"); /* harmless once failed */
    CU_ASSERT_PTR_NULL(get(m, "a"));
    model_free(m);

    m = model_new();
    struct node *list = node_list(m, model_root(m), "l");
    node_text(m, list, "a", "x"); /* a list has no names */
    CU_ASSERT_TRUE(model_failed(m));
    model_free(m);

    m = model_new();
    CU_ASSERT_PTR_NULL(node_item(m, model_root(m)));
    CU_ASSERT_TRUE(model_failed(m));
    model_free(m);

    CU_ASSERT_TRUE(model_failed(NULL));
    CU_ASSERT_PTR_NULL(model_root(NULL));
    node_text(NULL, NULL, "a", "x");
    CU_ASSERT_PTR_NULL(node_map(NULL, NULL, "a"));
    CU_ASSERT_PTR_NULL(node_item(NULL, NULL));
    model_free(NULL);
}

/* It has a maximum: past it the model has failed and says so. */
static void test_bounded(void) {
    struct model *m = model_new();
    size_t size = 100000;
    char *text = malloc(size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    memset(text, 'a', size - 1);
    text[size - 1] = '\0';
    struct node *list = node_list(m, model_root(m), "l");
    int n = 0;
    while (n < 1000 && !model_failed(m)) {
        node_text(m, node_item(m, list), "t", text);
        n++;
    }
    CU_ASSERT(n > 20 && n < 1000);
    CU_ASSERT_TRUE(model_failed(m));
    CU_ASSERT_PTR_NULL(node_item(m, list));
    free(text);
    model_free(m);
}

static void test_many(void) {
    struct model *m = model_new();
    char name[16];
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "n%d", i);
        node_int(m, model_root(m), name, i);
    }
    CU_ASSERT_FALSE(model_failed(m));
    CU_ASSERT_STRING_EQUAL(node_value(get(m, "n0")), "0");
    CU_ASSERT_STRING_EQUAL(node_value(get(m, "n499")), "499");
    model_free(m);
}

int main(void) {
    CU_pSuite s = suite_begin("model", NULL, NULL);
    if (!s || !CU_add_test(s, "texts", test_texts) || !CU_add_test(s, "kinds", test_kinds) ||
        !CU_add_test(s, "misuse", test_misuse) || !CU_add_test(s, "bounded", test_bounded) ||
        !CU_add_test(s, "many", test_many))
        return 1;
    return suite_run();
}
