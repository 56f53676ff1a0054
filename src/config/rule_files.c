/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_files: patterns to files, each read once.
 *
 * A pattern that matches nothing is a warning (a folder may fill later); a
 * name without wildcards that is not there is a mistake.
 */
#include <config.h>

#include <glob.h>
#include <string.h>

#include "base/hash.h"
#include "config/internal.h"

struct file_set {
	struct map paths; /* of char */
	uint32_t n;
};

static bool
path_is(const void *value, const void *key)
{
	return strcmp(value, key) == 0;
}

static void
file_read(struct loader *l, struct rules_reader *r, struct file_set *files,
    const char *path)
{
	const uint64_t hash = hash_bytes(path, strlen(path));
	struct yaml_node *root;

	if (map_find(&files->paths, hash, path_is, path) != NULL) {
		return; /* two patterns met in one file */
	}
	map_insert(&files->paths, hash, arena_strdup(l->scratch, path));
	files->n++;
	if (loader_file(l, path, &root)) {
		rules_read(r, root, path);
	}
}

static void
pattern_read(struct loader *l, struct rules_reader *r, struct file_set *files,
    const struct yaml_node *node)
{
	const char *name, *pattern;
	glob_t found;
	int rc;

	name = schema_scalar(&l->ctx, node, "a file or pattern");
	if (name == NULL) {
		return;
	}
	pattern = schema_path(&l->ctx, name);
	rc = glob(pattern, 0, NULL, &found);
	if (rc == GLOB_NOMATCH && strpbrk(name, "*?[") != NULL) {
		diag_warning(l->ctx.diag, node->pos, "no file matches '%s'",
		    pattern);
		return;
	}
	if (rc == GLOB_NOMATCH) {
		diag_error(l->ctx.diag, node->pos, "there is no file '%s'",
		    pattern);
		return;
	}
	if (rc != 0) {
		diag_error(l->ctx.diag, node->pos, "cannot search for '%s'",
		    pattern);
		return;
	}
	for (size_t i = 0; i < found.gl_pathc; i++) {
		if (files->n >= RULE_FILES_MAX) {
			diag_error(l->ctx.diag, node->pos,
			    "more than %d rule files", RULE_FILES_MAX);
			break;
		}
		file_read(l, r, files, found.gl_pathv[i]);
	}
	globfree(&found);
}

void
rule_files_read(struct loader *l, struct rules_reader *r,
    const struct yaml_node *list)
{
	struct file_set files = { 0 };

	if (list == NULL || !schema_is_list(&l->ctx, list, "[rules/*.yml]")) {
		return;
	}
	for (uint32_t i = 0; i < list->n; i++) {
		pattern_read(l, r, &files, list->items[i]);
	}
	map_fini(&files.paths);
}
