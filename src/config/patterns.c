/* SPDX-License-Identifier: Apache-2.0 */
/*
 * File patterns of the configuration (rule_files, templates): names or
 * wildcards, relative to the file they stand in.
 *
 * A pattern that matches nothing is a warning (a folder may fill later); a
 * name without wildcards that is not there is a mistake.
 */
#include <config.h>
#include <glob.h>
#include <string.h>

#include "config/internal.h"

void
pattern_each(struct loader *l, const struct yaml_node *node, bool may_miss, pattern_fn *each,
    void *arg)
{
	const char *name = schema_scalar(&l->ctx, node, "a file or pattern"), *pattern;
	glob_t found;
	int rc;

	if (name == NULL)
		return;
	pattern = schema_path(&l->ctx, name);
	rc = glob(pattern, 0, NULL, &found);
	if (rc == GLOB_NOMATCH && (may_miss || strpbrk(name, "*?[") != NULL)) {
		diag_warning(l->ctx.diag, node->pos, "no file matches '%s'", pattern);
		return;
	}
	if (rc != 0) {
		diag_error(l->ctx.diag, node->pos,
		    rc == GLOB_NOMATCH ? "there is no file '%s'" : "cannot search for '%s'",
		    pattern);
		return;
	}
	for (size_t i = 0; i < found.gl_pathc; i++)
		if (!each(arg, node, found.gl_pathv[i]))
			break;
	globfree(&found);
}
