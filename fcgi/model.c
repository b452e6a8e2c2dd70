/* model.c - what a template is filled with: maps, lists and texts in one arena. */
#include "fcgi/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODEL_CHUNK 8192              /* the usual piece of the arena */
#define MODEL_MAX   8388608 /* of all pieces together: a page is never that large */

struct node {
    enum node_type type;
    bool truth;       /* NODE_BOOL */
    const char *name; /* "" for items and the root */
    size_t name_size;
    const char *text;          /* NODE_TEXT */
    struct node *first, *last; /* NODE_MAP, NODE_LIST */
    struct node *next;
};

struct chunk {
    struct chunk *next;
    size_t used, room;
    max_align_t bytes[];
};

struct model {
    struct node root;
    struct chunk *chunks;
    size_t total;
    bool failed;
};

struct model *model_new(void) {
    struct model *m = calloc(1, sizeof *m);
    if (m) {
        m->root.type = NODE_MAP;
        m->root.name = "";
    }
    return m;
}

void model_free(struct model *m) {
    if (!m)
        return;
    for (struct chunk *c = m->chunks, *next; c; c = next) {
        next = c->next;
        explicit_bzero(c->bytes, c->used); /* form tokens and customers' names were in it */
        free(c);
    }
    free(m);
}

bool model_failed(const struct model *m) {
    return !m || m->failed;
}

struct node *model_root(struct model *m) {
    return m ? &m->root : NULL;
}

static void *take(struct model *m, size_t size) {
    const size_t align = sizeof(max_align_t);
    if (m->failed || size > MODEL_MAX)
        goto failed;
    size = (size + align - 1) / align * align;
    struct chunk *c = m->chunks;
    size_t left = c ? c->room - c->used : 0;
    if (left < size) {
        size_t room = size > MODEL_CHUNK ? size : MODEL_CHUNK;
        if (room > MODEL_MAX - m->total)
            goto failed;
        c = malloc(sizeof *c + room);
        if (!c)
            goto failed;
        *c = (struct chunk){.next = m->chunks, .room = room};
        m->chunks = c;
        m->total += room;
    }
    void *at = (char *)c->bytes + c->used;
    c->used += size;
    return at;
failed:
    m->failed = true;
    return NULL;
}

static const char *copy(struct model *m, const char *text) {
    if (!text || !*text)
        return "";
    size_t size = strlen(text) + 1;
    char *at = take(m, size);
    if (at)
        memcpy(at, text, size);
    return at;
}

static struct node *append(struct model *m, struct node *parent, const char *name) {
    struct node *n = take(m, sizeof *n);
    const char *own = copy(m, name);
    if (!n || !own)
        return NULL;
    *n = (struct node){.name = own, .name_size = strlen(own)};
    if (parent->last)
        parent->last->next = n;
    else
        parent->first = n;
    parent->last = n;
    return n;
}

/* The node of that name, made or emptied. */
static struct node *set(struct model *m, struct node *map, const char *name, enum node_type type) {
    if (!m)
        return NULL;
    if (m->failed || !map || map->type != NODE_MAP || !name) {
        m->failed = true;
        return NULL;
    }
    struct node *n = (struct node *)node_find(map, name, strlen(name));
    if (!n)
        n = append(m, map, name);
    if (!n)
        return NULL;
    n->type = type;
    n->truth = false;
    n->text = "";
    n->first = n->last = NULL;
    return n;
}

void node_text(struct model *m, struct node *map, const char *name, const char *text) {
    struct node *n = set(m, map, name, NODE_TEXT);
    const char *own = n ? copy(m, text) : NULL;
    if (own)
        n->text = own;
}

void node_int(struct model *m, struct node *map, const char *name, int64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    node_text(m, map, name, text);
}

void node_bool(struct model *m, struct node *map, const char *name, bool value) {
    struct node *n = set(m, map, name, NODE_BOOL);
    if (n)
        n->truth = value;
}

struct node *node_map(struct model *m, struct node *map, const char *name) {
    return set(m, map, name, NODE_MAP);
}

struct node *node_list(struct model *m, struct node *map, const char *name) {
    return set(m, map, name, NODE_LIST);
}

struct node *node_item(struct model *m, struct node *list) {
    if (!m)
        return NULL;
    if (m->failed || !list || list->type != NODE_LIST) {
        m->failed = true;
        return NULL;
    }
    struct node *n = append(m, list, "");
    if (n)
        n->type = NODE_MAP;
    return n;
}

enum node_type node_type(const struct node *n) {
    return n->type;
}

const struct node *node_find(const struct node *map, const char *name, size_t name_size) {
    if (!map || map->type != NODE_MAP)
        return NULL;
    for (const struct node *n = map->first; n; n = n->next)
        if (n->name_size == name_size && memcmp(n->name, name, name_size) == 0)
            return n;
    return NULL;
}

const char *node_value(const struct node *n) {
    return n && n->type == NODE_TEXT ? n->text : "";
}

bool node_true(const struct node *n) {
    if (!n)
        return false;
    switch (n->type) {
    case NODE_TEXT:
        return n->text[0] != '\0';
    case NODE_BOOL:
        return n->truth;
    case NODE_LIST:
        return n->first != NULL;
    case NODE_MAP:
        return true;
    }
    return false;
}

const struct node *node_first(const struct node *list) {
    return list && list->type == NODE_LIST ? list->first : NULL;
}

const struct node *node_next(const struct node *item) {
    return item ? item->next : NULL;
}
