/*
 * fuzz_template.c - a template and a partial, with a NUL byte between them: parsed or refused with
 * its line, and never a "<" of the data in what is rendered escaped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fcgi/template.h"
#include "tests/fuzz/fuzz.h"

static char folder[200], whole[240], part[240];

static void leave(void) {
    unlink(whole);
    unlink(part);
    rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc, (void)argv;
    fuzz_folder(folder, sizeof(folder));
    snprintf(whole, sizeof(whole), "%s/whole.mustache", folder);
    snprintf(part, sizeof(part), "%s/part.mustache", folder);
    atexit(leave);
    return 0;
}

static void put(const char *path, const char *bytes, size_t size) {
    FILE *f = fopen(path, "we");
    MUST(f && fwrite(bytes, 1, size, f) == size && fclose(f) == 0, "no file");
}

static struct model *fill(void) {
    struct model *m = model_new();
    MUST(m, "no model");
    struct node *root = model_root(m), *list = node_list(m, root, "list");
    node_text(m, root, "a", "<a href='x'>\"&");
    node_int(m, root, "n", -5);
    node_bool(m, root, "yes", true);
    node_bool(m, root, "no", false);
    node_text(m, node_map(m, root, "map"), "b", "<b>");
    for (int i = 0; i < 3; i++)
        node_int(m, node_item(m, list), "n", i);
    return m;
}

/* Nothing in the template itself puts out a raw value or a tag. */
static bool innocent(const char *bytes, size_t size) {
    return !memmem(bytes, size, "<", 1) && !memmem(bytes, size, "{{{", 3) &&
           !memmem(bytes, size, "&", 1) && !memmem(bytes, size, "=", 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char why[300] = "";
    const uint8_t *cut = size ? memchr(data, 0, size) : NULL;
    size_t first = cut ? (size_t)(cut - data) : size;
    const char *bytes = size ? (const char *)data : "", *second = cut ? bytes + first + 1 : "";
    put(whole, bytes, first);
    put(part, second, cut ? size - first - 1 : 0);
    struct templates *t = templates_load(folder, why, sizeof(why));
    if (!t) {
        MUST(strstr(why, ".mustache:"), "refused without its line");
        return 0;
    }
    struct model *m = fill();
    struct buf out;
    buf_init(&out, 1 << 16);
    if (template_render(t, "whole", m, &out) && innocent(bytes, size))
        MUST(!out.size || !memchr(out.bytes, '<', out.size), "a value came out raw");
    buf_free(&out);
    model_free(m);
    templates_free(t);
    return 0;
}
