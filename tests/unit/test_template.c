/*
 * test_template.c - Mustache: what is written comes out, escaped; what is malformed is told with
 * its line.
 */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/template.h"
#include "tests/unit/suite.h"

/*
 * ---- a folder of templates
 * --------------------------------------------------------------------
 */

static char folder[64];

static void write_bytes(const char *name, const char *bytes, size_t size) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s.mustache", folder, name);
    FILE *f = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

static void write_template(const char *name, const char *text) {
    write_bytes(name, text, strlen(text));
}

static void forget(const char *name) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s.mustache", folder, name);
    unlink(path);
}

static int make_folder(void) {
    snprintf(folder, sizeof folder, "/tmp/test_template.XXXXXX");
    return mkdtemp(folder) ? 0 : 1;
}

static int remove_folder(void) {
    forget("t");
    forget("p");
    forget("q");
    return rmdir(folder);
}

/* The model of most cases. */
static struct model *sample(void) {
    struct model *m = model_new();
    struct node *r = model_root(m);
    node_text(m, r, "name", "Asha");
    node_text(m, r, "evil", "<b>&\"'</b>");
    node_text(m, r, "empty", "");
    node_text(m, r, "tag", "{{name}}");
    node_int(m, r, "zero", 0);
    node_bool(m, r, "yes", true);
    node_bool(m, r, "no", false);
    struct node *map = node_map(m, r, "map");
    node_text(m, map, "inner", "deep");
    node_text(m, map, "name", "Ravi");
    struct node *under = node_map(m, map, "under");
    node_text(m, under, "leaf", "leaf");
    struct node *list = node_list(m, r, "list");
    for (int i = 1; i <= 3; i++)
        node_int(m, node_item(m, list), "n", i);
    node_list(m, r, "none");
    return m;
}

static void check_line(int line, const char *template, const char *wanted) {
    char why[256] = "";
    struct buf out;
    buf_init(&out, 1 << 20);
    write_template("t", template);
    struct templates *t = templates_load(folder, why, sizeof why);
    struct model *m = sample();
    bool ok = t && template_render(t, "t", m, &out);
    const char *got = out.bytes ? out.bytes : "";
    if (!ok || strcmp(got, wanted) != 0)
        printf("\n  line %d: <%s> gave <%s>, wanted <%s> %s\n", line, template, got, wanted, why);
    CU_ASSERT_TRUE(ok);
    CU_ASSERT_STRING_EQUAL(got, wanted);
    model_free(m);
    templates_free(t);
    buf_free(&out);
}
#define CHECK(template, wanted) check_line(__LINE__, template, wanted)

static void refuse_line(int line, const char *template, const char *wanted) {
    char why[256] = "";
    write_template("t", template);
    struct templates *t = templates_load(folder, why, sizeof why);
    if (t || !strstr(why, wanted))
        printf("\n  line %d: <%s> gave <%s>, wanted <%s>\n", line, template, why, wanted);
    CU_ASSERT_PTR_NULL(t);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, wanted));
    templates_free(t);
    write_template("t", "");
}
#define REFUSE(template, wanted) refuse_line(__LINE__, template, wanted)

/*
 * ---- variables
 * --------------------------------------------------------------------------------
 */

static void test_variables(void) {
    CHECK("", "");
    CHECK("no tags { } }} { {", "no tags { } }} { {");
    CHECK("Hello, {{name}}!\n", "Hello, Asha!\n");
    CHECK("{{ name }}|{{\tname\n}}", "Asha|Asha");
    CHECK("[{{nothing}}]", "[]");
    CHECK("{{zero}}", "0");
    CHECK("{{map}}{{list}}{{yes}}", "");
    CHECK("  {{name}}\n", "  Asha\n");
}

static void test_escape(void) {
    CHECK("{{evil}}", "&lt;b&gt;&amp;&quot;&#39;&lt;/b&gt;");
    CHECK("{{{evil}}}", "<b>&\"'</b>");
    CHECK("{{& evil }}", "<b>&\"'</b>");
    CHECK("{{{ evil }}}", "<b>&\"'</b>");
    CHECK("{{#evil}}{{.}}{{/evil}}", "&lt;b&gt;&amp;&quot;&#39;&lt;/b&gt;");
    CHECK("{{tag}}{{{tag}}}", "{{name}}{{name}}"); /* values are never templates */
    CHECK("<a title=\"{{evil}}\">", "<a title=\"&lt;b&gt;&amp;&quot;&#39;&lt;/b&gt;\">");
}

static void test_dotted(void) {
    CHECK("{{map.inner}} {{map.under.leaf}}", "deep leaf");
    CHECK("[{{map.nothing}}{{nothing.inner}}{{name.inner}}]", "[]");
    CHECK("{{#map}}{{under.leaf}}{{/map}}", "leaf");
    CHECK("{{#map.under}}{{leaf}} {{inner}} {{name}}{{/map.under}}", "leaf  Asha");
    CHECK("[{{map.zero}}]", "[]"); /* the rest of a dotted name is not looked for further up */
}

/*
 * ---- sections
 * ---------------------------------------------------------------------------------
 */

static void test_sections(void) {
    CHECK("{{#yes}}y{{/yes}}{{#no}}n{{/no}}{{#nothing}}x{{/nothing}}", "y");
    CHECK("{{#name}}{{.}}{{/name}}{{#empty}}e{{/empty}}{{#zero}}0{{/zero}}", "Asha0");
    CHECK("{{#map}}{{inner}} {{name}} {{zero}}{{/map}} {{name}}", "deep Ravi 0 Asha");
    CHECK("{{#list}}{{n}}{{name}} {{/list}}", "1Asha 2Asha 3Asha ");
    CHECK("{{#none}}x{{/none}}", "");
    CHECK("{{#list}}{{#list}}{{n}}{{/list}}{{/list}}", "123123123");
    CHECK("{{#yes}}a{{#no}}b{{/no}}c{{/yes}}", "ac");
    CHECK("{{# yes }}a{{/ yes }}", "a");
}

static void test_inverted(void) {
    CHECK("{{^no}}a{{/no}}{{^yes}}b{{/yes}}{{^nothing}}c{{/nothing}}", "ac");
    CHECK("{{^none}}empty{{/none}}{{^list}}x{{/list}}{{^empty}}e{{/empty}}{{^zero}}z{{/zero}}",
          "emptye");
    CHECK("{{#no}}a{{/no}}{{^no}}b{{/no}}", "b");
}

/*
 * ---- lines
 * ------------------------------------------------------------------------------------
 */

static void test_standalone(void) {
    CHECK("a\n{{#yes}}\nb\n{{/yes}}\nc\n", "a\nb\nc\n");
    CHECK("a\n  {{#yes}}  \nb\n\t{{/yes}}\t\nc\n", "a\nb\nc\n");
    CHECK("a\r\n{{#yes}}\r\nb\r\n{{/yes}}\r\nc", "a\r\nb\r\nc");
    CHECK("{{#yes}}\na\n{{/yes}}", "a\n");
    CHECK("a {{#yes}}\nb {{/yes}}\n", "a \nb \n");
    CHECK("{{#no}}\nx\n{{/no}}\n{{^no}}\ny\n{{/no}}\n", "y\n");
    CHECK("{{#list}}\n{{n}}\n{{/list}}\n", "1\n2\n3\n");
    CHECK("{{#yes}}{{#yes}}\nx\n{{/yes}}{{/yes}}\n", "\nx\n\n"); /* two tags: not alone */
    CHECK("{{! a }} {{! b }}\nx", " \nx");
    CHECK("{{name}}\n", "Asha\n");
}

static void test_comments(void) {
    CHECK("a{{! no }}b", "ab");
    CHECK("a\n{{! no }}\nb", "a\nb");
    CHECK("a\n  {{! two\n lines: {{ and } too }}\nb", "a\nb");
    CHECK("a {{! inline }}\n", "a \n");
    CHECK("{{!}}a", "a");
}

static void test_partials(void) {
    write_template("p", "[{{name}}]");
    CHECK("{{>p}}", "[Asha]");
    CHECK("a{{> p }}b", "a[Asha]b");
    CHECK("{{#map}}{{>p}}{{/map}}", "[Ravi]");
    CHECK("{{#list}}{{>p}}{{/list}}", "[Asha][Asha][Asha]");
    write_template("p", "x\n{{name}}\n{{#yes}}\ny\n{{/yes}}\n");
    CHECK("{{>p}}\nend", "x\nAsha\ny\nend");
    CHECK("  {{>p}}\nend", "  x\n  Asha\n  y\nend");
    CHECK("a {{>p}}\n", "a x\nAsha\ny\n\n");
    write_template("p", "{{{evil}}}|\n");
    CHECK("  {{>p}}\n", "  <b>&\"'</b>|\n");
    write_template("q", " {{>p}}\n");
    CHECK(" {{>q}}\n", "  <b>&\"'</b>|\n");
    forget("q");
    forget("p");
}

/* A partial that calls itself ends where its data ends, and is cut where it never does. */
static void test_recursion(void) {
    char why[256];
    struct buf out;
    write_template("t", "{{v}}{{#down}}<{{>t}}>{{/down}}");
    struct templates *t = templates_load(folder, why, sizeof why);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    struct model *m = model_new();
    struct node *map = model_root(m);
    for (int i = 0; i < 3; i++) {
        node_int(m, map, "v", i);
        struct node *down = node_map(m, map, "down");
        map = down;
    }
    node_int(m, map, "v", 3);
    node_text(m, map, "down", "");
    buf_init(&out, 1000);
    CU_ASSERT_TRUE(template_render(t, "t", m, &out));
    CU_ASSERT_STRING_EQUAL(out.bytes, "0<1<2<3>>>");
    buf_free(&out);
    model_free(m);

    m = model_new();
    node_map(m, model_root(m), "down"); /* found again at every depth */
    buf_init(&out, 1 << 20);
    CU_ASSERT_FALSE(template_render(t, "t", m, &out));
    buf_free(&out);
    model_free(m);
    templates_free(t);
}

/*
 * ---- malformed templates
 * ----------------------------------------------------------------------
 */

static void test_malformed(void) {
    REFUSE("a\nb {{name", "t.mustache:2: the tag that begins with {{ is not closed");
    REFUSE("{{{name}}", "t.mustache:1: the tag");
    REFUSE("\n\n{{#a}}\nx", "t.mustache:3: section {{#a}} is never closed");
    REFUSE("x\n{{/a}}", "t.mustache:2: {{/a}} closes no section");
    REFUSE("{{#a}}\n{{#b}}\n{{/a}}\n{{/b}}", "t.mustache:3: {{/a}} where {{/b}} (line 2)");
    REFUSE("{{}}", "t.mustache:1: \"\" is not a name");
    REFUSE("{{a b}}", "\"a b\" is not a name");
    REFUSE("{{a..b}}", "is not a name");
    REFUSE("{{.a}}", "is not a name");
    REFUSE("{{a.}}", "is not a name");
    REFUSE("{{a<script>}}", "is not a name");
    REFUSE("{{>../../etc/passwd}}", "is not a name");
    REFUSE("\n{{>missing}}", "t.mustache:2: there is no template missing.mustache");
    REFUSE("{{=<% %>=}}", "t.mustache:1: tags that set other delimiters");
    REFUSE("{{$block}}{{/block}}", "not supported");
    REFUSE("{{<parent}}{{/parent}}", "not supported");
}

static void test_limits(void) {
    char why[256] = "";
    char *text = calloc(1, 300 * 1024);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    memset(text, 'a', 300 * 1024 - 1);
    REFUSE(text, "t.mustache:1: larger than");
    text[0] = '\0';
    for (int i = 0; i < 40; i++)
        memcpy(text + i * 6, "{{#a}}", 7);
    REFUSE(text, "sections are nested more than");
    snprintf(text, 1000, "{{%0200d}}", 7);
    REFUSE(text, "is not a name");
    free(text);
    write_bytes("t", "a\0b", 3);
    CU_ASSERT_PTR_NULL(templates_load(folder, why, sizeof why));
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "t.mustache:1: a NUL byte"));
    write_template("t", "");
    CU_ASSERT_PTR_NULL(templates_load("/nonexistent/folder", why, sizeof why));
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "cannot be read"));
}

static void test_render_fails(void) {
    char why[256], tiny[5];
    struct buf out;
    write_template("t", "0123456789{{name}}");
    struct templates *t = templates_load(folder, why, sizeof why);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    struct model *m = sample();
    buf_init(&out, 12);
    CU_ASSERT_FALSE(template_render(t, "t", m, &out)); /* does not fit */
    buf_free(&out);
    buf_init(&out, 100);
    CU_ASSERT_FALSE(template_render(t, "nothing", m, &out));
    CU_ASSERT_FALSE(template_render(t, "t", NULL, &out));
    node_item(m, NULL); /* now it has failed */
    CU_ASSERT_FALSE(template_render(t, "t", m, &out));
    CU_ASSERT_EQUAL(out.size, 0);
    buf_free(&out);
    model_free(m);
    templates_free(t);
    templates_free(NULL);
    write_template("t", "{{");
    CU_ASSERT_PTR_NULL(templates_load(folder, tiny, sizeof tiny)); /* why is cut, not overrun */
    CU_ASSERT_EQUAL(strlen(tiny), 4);
    write_template("t", "");
}

/* Any bytes at all: loaded or refused, never worse.  Cuts a template at every place. */
static void test_cut_anywhere(void) {
    static const char text[] =
        "a{{#l}}\n {{>t}} \r\n{{^x}}{{{y}}}{{&z}}{{/x}}{{! c }}\n{{/l}}\n{{a.b}}";
    char why[256];
    int loaded = 0, refused = 0;
    for (size_t from = 0; from < sizeof text - 1; from++)
        for (size_t to = from; to < sizeof text; to++) {
            write_bytes("t", text + from, to - from);
            struct templates *t = templates_load(folder, why, sizeof why);
            struct model *m = sample();
            struct buf out;
            buf_init(&out, 1 << 16);
            if (t)
                template_render(t, "t", m, &out);
            loaded += t != NULL;
            refused += t == NULL;
            buf_free(&out);
            model_free(m);
            templates_free(t);
        }
    CU_ASSERT(loaded > 100);
    CU_ASSERT(refused > 100);
    write_template("t", "");
}

static const CU_TestInfo tests[] = {
    {"variables", test_variables},
    {"escape", test_escape},
    {"dotted names", test_dotted},
    {"sections", test_sections},
    {"inverted", test_inverted},
    {"standalone", test_standalone},
    {"comments", test_comments},
    {"partials", test_partials},
    {"recursion", test_recursion},
    {"malformed", test_malformed},
    {"limits", test_limits},
    {"render fails", test_render_fails},
    {"cut anywhere", test_cut_anywhere},
    CU_TEST_INFO_NULL,
};

int main(void) {
    return suite_run_table("template", make_folder, remove_folder, tests);
}
