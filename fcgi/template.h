/*
 * template.h - Mustache templates: {{name}} (escaped), {{{name}}} and {{&name}} (raw),
 * {{#name}}..{{/name}}, {{^name}}..{{/name}}, {{>partial}}, {{! comment}}; dotted names;
 * standalone tags take their line with them. Parsed once at start; rendering is read-only and may
 * be done by any number of threads at once.
 */
#ifndef OTPREFUND_TEMPLATE_H
#define OTPREFUND_TEMPLATE_H

#include "core/buf.h"
#include "fcgi/model.h"

struct templates;

/*
 * Loads every *.mustache of the folder; the name is the file's without the ending.  NULL with
 * why = "file:line: ...".
 */
struct templates *templates_load(const char *folder, char *why, size_t why_size);
void templates_free(struct templates *t); /* NULL allowed */
/*
 * Fills template name from m and appends to out.  false: no such template, the model failed, or
 * out is full.
 */
bool template_render(const struct templates *t, const char *name, struct model *m, struct buf *out);

#endif
