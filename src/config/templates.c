/* SPDX-License-Identifier: Apache-2.0 */
/*
 * templates: files that define named templates for notifications.
 *
 * They are read before the receivers, whose texts may use them.  The stock
 * names (slack.default.title, __subject, ...) are always there; a file may
 * define them anew.
 */
#include <config.h>

#include "base/hash.h"
#include "config/internal.h"

struct files {
	struct loader *loader;
	struct template_set *set;
	uint32_t n;
};

/* Where in a file, for an offset: templates span lines, so a scalar's position will not do. */
static struct pos
pos_in(const char *file, struct str text, uint32_t at)
{
	struct pos pos = { .file = file, .line = 1, .col = 1 };

	for (uint32_t i = 0; i < text.n && at != ERR_NOWHERE && i < at; i++) {
		if (text.p[i] == '\n') {
			pos.line++;
			pos.col = 1;
		} else if (((unsigned char)text.p[i] & 0xc0) != 0x80) {
			pos.col++;
		}
	}
	return pos;
}

static bool
read_one(void *arg, const struct yaml_node *node, const char *path)
{
	struct files *files = arg;
	struct loader *l = files->loader;
	struct err err = { .at = ERR_NOWHERE };
	struct str text;

	if (files->n++ >= TEMPLATE_FILES_MAX) {
		diag_error(
		    l->ctx.diag, node->pos, "more than %d template files", TEMPLATE_FILES_MAX);
		return false;
	}
	if (!yaml_read_file(l->ctx.arena, l->ctx.diag, path, &text))
		return true;
	l->hash = fnv1a64(l->hash, text.p, text.n);
	if (template_set_add(files->set, arena_str(l->ctx.arena, str_from(path)), text, &err) < 0) {
		const char *name = diag_add_file(l->ctx.diag, path, text);
		diag_error(l->ctx.diag, pos_in(name, text, err.at), "template: %s", err.text);
	}
	return true;
}

/* What the files refer to exists. */
static void
check_set(struct files *files)
{
	struct loader *l = files->loader;
	struct err err = { .at = ERR_NOWHERE };
	struct str file = { 0 }, text;

	if (template_set_check(files->set, &file, &err) == 0)
		return;
	if (!yaml_read_file(l->scratch, l->ctx.diag, arena_str(l->scratch, file).p, &text))
		return;
	const char *name = diag_add_file(l->ctx.diag, arena_str(l->scratch, file).p, text);
	diag_error(l->ctx.diag, pos_in(name, text, err.at), "template: %s", err.text);
}

void
templates_build(struct loader *l, const struct yaml_node *list)
{
	struct files files = { .loader = l, .set = template_set_new(l->ctx.arena) };

	template_set_add_defaults(files.set);
	l->ctx.templates = files.set;
	if (list == NULL || list->kind == YAML_NULL ||
	    !schema_is_list(&l->ctx, list, "[templates/*.tmpl]"))
		return;
	for (uint32_t i = 0; i < list->n; i++)
		pattern_each(l, list->items[i], true, read_one, &files);
	if (!loader_failed(l))
		check_set(&files);
}
