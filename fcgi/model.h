/*
 * model.h - what a template is filled with: a tree of maps, lists and texts that knows no HTML.
 *
 * All nodes live in one arena: free the root, never a node.  A failed allocation marks the whole
 * model failed (model_failed); further calls are then harmless, so that filling code needs no
 * checks in between. Not for use by two threads at once.
 */
#ifndef OTPREFUND_MODEL_H
#define OTPREFUND_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct model; /* the root map and its arena */
struct node;  /* a map, list or text inside it */

struct model *model_new(void);    /* NULL: no memory */
void model_free(struct model *m); /* NULL allowed */
bool model_failed(const struct model *m);
struct node *model_root(struct model *m); /* the root map */

/* Sets name in a map.  Texts are copied.  NULL or "" is stored as "" (false in a section). */
void node_text(struct model *m, struct node *map, const char *name, const char *text);
void node_int(struct model *m, struct node *map, const char *name, int64_t value);
void node_bool(struct model *m, struct node *map, const char *name, bool value);
struct node *node_map(struct model *m, struct node *map, const char *name);
struct node *node_list(struct model *m, struct node *map, const char *name);
struct node *node_item(struct model *m, struct node *list); /* a new map at the end of the list */

/* For the template engine. */
enum node_type { NODE_TEXT, NODE_BOOL, NODE_MAP, NODE_LIST };
enum node_type node_type(const struct node *n);
/* NULL if not there */
const struct node *node_find(const struct node *map, const char *name, size_t name_size);
/* text; "" otherwise */
const char *node_value(const struct node *n);
bool node_true(const struct node *n); /* not "", not false, not an empty list */
const struct node *node_first(const struct node *list);
const struct node *node_next(const struct node *item);

#endif
