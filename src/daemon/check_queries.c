/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query that its source would refuse is found by `tocsin check`, not at the
 * first slot.  A server only warns: it must start although a table is missing
 * for the moment.
 */
#include "config.h"

#include "daemon/core.h"
#include "source/source.h"

static void
check_rule(const struct rule_config *rule, bool strict, struct diag *diag)
{
	const struct source_ops *ops =
	    rule->source != NULL ? source_ops_of(rule->source->kind) : NULL;
	struct err err = { 0 };

	if (ops == NULL || ops->check == NULL || rule->query_text == NULL)
		return;
	if (ops->check(rule->source, str_from(rule->query_text), &err) != -ERR_INVALID)
		return;
	(strict ? diag_error : diag_warning)(diag, rule->pos,
	    "rule '%s': source '%s' refuses its query: %s", rule->name, rule->source->name,
	    err.text);
}

void
core_check_queries(const struct config *config, bool strict, struct diag *diag)
{
	for (uint32_t g = 0; g < config->n_groups; g++)
		for (uint32_t r = 0; r < config->groups[g].n_rules; r++)
			check_rule(&config->groups[g].rules[r], strict, diag);
}
