/* SPDX-License-Identifier: Apache-2.0 */
/* One file checked by itself: a configuration or a rule file, told by its keys. */
#include <config.h>

#include "config/internal.h"

/* How many keys of the mapping the table knows; a near miss counts, too. */
static uint32_t
keys_known(const struct schema *table, const struct yaml_node *root)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < root->n; i++) {
		const struct str key = root->pairs[i].key->text;

		n += schema_suggest(table, key) != NULL ||
		    schema_find(table, key.p) != NULL;
	}
	return n;
}

static bool
is_rule_file(const struct loader *l, const struct yaml_node *root)
{
	if (root->kind != YAML_MAPPING) {
		return false;
	}
	if (yaml_get(root, "groups") != NULL ||
	    yaml_get(root, "apiVersion") != NULL) {
		return true;
	}
	return keys_known(&l->tables->rule_file, root) >
	    keys_known(&l->tables->top, root);
}

int
config_check_file(const char *path, const struct config_kinds *kinds,
    const struct config *with, struct diag *diag, struct config **ret_config)
{
	struct loader *l = loader_new(path, kinds, diag);
	struct yaml_node *root;
	struct config *config;
	int n_rules = -1;

	if (loader_file(l, path, &root)) {
		if (is_rule_file(l, root)) {
			struct rules_reader *rules = rules_reader_new(l);

			l->sources = l->ctx.config = with;
			if (with != NULL) {
				l->generation->config.evaluation_interval =
				    with->evaluation_interval;
			}
			rules_read(rules, root, path);
			rules_finish(rules);
		} else {
			config_build(l, root);
		}
	}
	config = loader_end(l);
	if (config != NULL) {
		n_rules = (int)config->n_rules;
		if (ret_config != NULL)
			*ret_config = config;
		else
			config_unref(config);
	}
	return n_rules;
}
