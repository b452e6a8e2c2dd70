/* template.c - Mustache templates: loading a folder of them, and rendering, which is read-only. */
#include "fcgi/template.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fcgi/template_part.h"

#define FILE_MAX     262144 /* bytes of one template */
#define DEPTH_MAX    64           /* sections, and partials, while rendering */
#define INDENT_MAX   64           /* blanks before the lines of nested partials */
#define TEMPLATE_MAX 256          /* files in the folder */

struct templates {
    struct template *all;
    int count;
};

/* ---- loading ---------------------------------------------------------------------------- */

static bool read_source(const char *folder, const char *file, struct template *t, char *why,
                        size_t why_size) {
    char path[4096];
    bool ok = false;
    FILE *f = NULL;
    int n = snprintf(path, sizeof path, "%s/%s", folder, file);
    if (n > 0 && n < (int)sizeof path)
        f = fopen(path, "rbe");
    t->source = malloc(FILE_MAX + 1);
    if (!f || !t->source) {
        snprintf(why, why_size, "%s:1: cannot be read: %s", file, strerror(errno));
        goto out;
    }
    t->size = fread(t->source, 1, FILE_MAX + 1, f);
    if (ferror(f))
        snprintf(why, why_size, "%s:1: cannot be read: %s", file, strerror(errno));
    else if (t->size > FILE_MAX)
        snprintf(why, why_size, "%s:1: larger than %d bytes", file, FILE_MAX);
    else
        ok = true;
out:
    if (f)
        fclose(f);
    return ok;
}

static const struct template *find(const struct templates *t, const char *name, size_t size) {
    for (int i = 0; i < t->count; i++)
        if (strlen(t->all[i].name) == size && memcmp(t->all[i].name, name, size) == 0)
            return &t->all[i];
    return NULL;
}

static bool link_partials(struct templates *all, char *why, size_t why_size) {
    for (int i = 0; i < all->count; i++) {
        struct template *t = &all->all[i];
        for (int k = 0; k < t->count; k++) {
            struct part *part = &t->parts[k];
            if (part->type != PART_PARTIAL)
                continue;
            part->partial = find(all, part->text, part->size);
            if (!part->partial) {
                snprintf(why, why_size,
                         "%s" TEMPLATE_ENDING ":%d: there is no template %.*s" TEMPLATE_ENDING,
                         t->name, part->line, (int)part->size, part->text);
                return false;
            }
        }
    }
    return true;
}

static int wanted(const struct dirent *d) {
    size_t size = strlen(d->d_name), ending = strlen(TEMPLATE_ENDING);
    return d->d_name[0] != '.' && size > ending &&
           strcmp(d->d_name + size - ending, TEMPLATE_ENDING) == 0;
}

static bool load(struct templates *all, const char *folder, struct dirent **files, int n, char *why,
                 size_t why_size) {
    if (n > TEMPLATE_MAX) {
        snprintf(why, why_size, "%s:0: more than %d templates", folder, TEMPLATE_MAX);
        return false;
    }
    all->all = calloc(n ? (size_t)n : 1, sizeof *all->all);
    if (!all->all) {
        snprintf(why, why_size, "%s:0: out of memory", folder);
        return false;
    }
    for (int i = 0; i < n; i++) {
        struct template *t = &all->all[all->count++];
        const char *file = files[i]->d_name;
        t->name = strndup(file, strlen(file) - strlen(TEMPLATE_ENDING));
        if (!t->name) {
            snprintf(why, why_size, "%s:1: out of memory", file);
            return false;
        }
        if (!read_source(folder, file, t, why, why_size) || !template_parse(t, why, why_size))
            return false;
    }
    return link_partials(all, why, why_size);
}

struct templates *templates_load(const char *folder, char *why, size_t why_size) {
    struct dirent **files = NULL;
    int n = scandir(folder, &files, wanted, alphasort);
    if (n < 0) {
        snprintf(why, why_size, "%s:0: cannot be read: %s", folder, strerror(errno));
        return NULL;
    }
    struct templates *all = calloc(1, sizeof *all);
    if (!all)
        snprintf(why, why_size, "%s:0: out of memory", folder);
    else if (!load(all, folder, files, n, why, why_size)) {
        templates_free(all);
        all = NULL;
    }
    for (int i = 0; i < n; i++)
        free(files[i]);
    free(files);
    return all;
}

void templates_free(struct templates *t) {
    if (!t)
        return;
    for (int i = 0; i < t->count; i++) {
        free(t->all[i].name);
        free(t->all[i].source);
        free(t->all[i].parts);
    }
    free(t->all);
    free(t);
}

/* ---- rendering -------------------------------------------------------------------------- */

struct render {
    const struct node *stack[DEPTH_MAX];
    int depth;
    int partials;
    char indent[INDENT_MAX];
    size_t indent_size;
    struct buf *out;
};

static const struct node *lookup(const struct render *r, const char *name, size_t size) {
    if (size == 1 && *name == '.')
        return r->stack[r->depth - 1];
    const char *dot = memchr(name, '.', size);
    size_t head = dot ? (size_t)(dot - name) : size;
    const struct node *n = NULL;
    for (int i = r->depth; i-- > 0 && !n;)
        n = node_find(r->stack[i], name, head);
    while (n && head < size) { /* the rest is looked for in what was found, nowhere else */
        name += head + 1;
        size -= head + 1;
        dot = memchr(name, '.', size);
        head = dot ? (size_t)(dot - name) : size;
        n = node_find(n, name, head);
    }
    return n;
}

/* For text and for quoted attributes alike. */
static void escape(struct buf *out, const char *s) {
    for (;;) {
        size_t plain = strcspn(s, "&<>\"'");
        buf_add(out, s, plain);
        s += plain;
        switch (*s++) {
        case '&':
            buf_add(out, "&amp;", 5);
            break;
        case '<':
            buf_add(out, "&lt;", 4);
            break;
        case '>':
            buf_add(out, "&gt;", 4);
            break;
        case '"':
            buf_add(out, "&quot;", 6);
            break;
        case '\'':
            buf_add(out, "&#39;", 5);
            break;
        default:
            return;
        }
    }
}

static bool render_parts(struct render *r, const struct template *t, int from, int to);

static bool within(struct render *r, const struct node *n, const struct template *t, int i) {
    if (r->depth == DEPTH_MAX)
        return false;
    r->stack[r->depth++] = n;
    bool ok = render_parts(r, t, i + 1, t->parts[i].end);
    r->depth--;
    return ok;
}

static bool render_section(struct render *r, const struct template *t, int i) {
    const struct part *part = &t->parts[i];
    const struct node *n = lookup(r, part->text, part->size);
    if (part->type == PART_INVERTED)
        return node_true(n) || render_parts(r, t, i + 1, part->end);
    if (!node_true(n))
        return true;
    if (node_type(n) != NODE_LIST)
        return within(r, n, t, i);
    for (n = node_first(n); n; n = node_next(n))
        if (!within(r, n, t, i))
            return false;
    return true;
}

static bool render_partial(struct render *r, const struct part *part) {
    if (r->partials == DEPTH_MAX || part->indent_size > INDENT_MAX - r->indent_size)
        return false;
    memcpy(r->indent + r->indent_size, part->indent, part->indent_size);
    r->indent_size += part->indent_size;
    r->partials++;
    bool ok = render_parts(r, part->partial, 0, part->partial->count);
    r->partials--;
    r->indent_size -= part->indent_size;
    return ok;
}

static bool render_parts(struct render *r, const struct template *t, int from, int to) {
    for (int i = from; i < to && !r->out->failed; i++) {
        const struct part *part = &t->parts[i];
        if (part->line_start && r->indent_size)
            buf_add(r->out, r->indent, r->indent_size);
        switch (part->type) {
        case PART_TEXT:
            buf_add(r->out, part->text, part->size);
            break;
        case PART_VALUE:
            escape(r->out, node_value(lookup(r, part->text, part->size)));
            break;
        case PART_RAW:
            buf_text(r->out, node_value(lookup(r, part->text, part->size)));
            break;
        case PART_SECTION:
        case PART_INVERTED:
            if (!render_section(r, t, i))
                return false;
            i = part->end - 1;
            break;
        case PART_PARTIAL:
            if (!render_partial(r, part))
                return false;
            break;
        }
    }
    return !r->out->failed;
}

bool template_render(const struct templates *t, const char *name, struct model *m,
                     struct buf *out) {
    const struct template *found = find(t, name, strlen(name));
    if (!found || model_failed(m))
        return false;
    struct render r = {.out = out};
    r.stack[r.depth++] = model_root(m);
    return render_parts(&r, found, 0, found->count) && !model_failed(m);
}
