/* SPDX-License-Identifier: Apache-2.0 */
/* rule_files: every file that the patterns name, each read once. */
#include <config.h>
#include <string.h>

#include "base/hash.h"
#include "config/internal.h"

struct files {
	struct loader *loader;
	struct rules_reader *reader;
	struct map paths; /* of char */
	uint32_t n;
};

static bool
path_is(const void *value, const void *key)
{
	return strcmp(value, key) == 0;
}

static bool
read_one(void *arg, const struct yaml_node *node, const char *path)
{
	struct files *files = arg;
	struct loader *l = files->loader;
	const uint64_t hash = hash_bytes(path, strlen(path));
	struct yaml_node *root;

	if (files->n >= RULE_FILES_MAX) {
		diag_error(l->ctx.diag, node->pos, "more than %d rule files", RULE_FILES_MAX);
		return false;
	}
	if (map_find(&files->paths, hash, path_is, path) != NULL)
		return true; /* two patterns met in one file */
	map_insert(&files->paths, hash, arena_strdup(l->scratch, path));
	files->n++;
	if (loader_file(l, path, &root))
		rules_read(files->reader, root, path);
	return true;
}

void
rule_files_read(struct loader *l, struct rules_reader *r, const struct yaml_node *list)
{
	struct files files = { .loader = l, .reader = r };

	if (list == NULL || !schema_is_list(&l->ctx, list, "[rules/*.yml]"))
		return;
	for (uint32_t i = 0; i < list->n; i++)
		pattern_each(l, list->items[i], false, read_one, &files);
	map_fini(&files.paths);
}
