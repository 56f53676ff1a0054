/* SPDX-License-Identifier: Apache-2.0 */
/* The list of rule kinds that are compiled in, and what kinds share. */
#include "config.h"

#include <math.h>

#include "rule/kind.h"

#include "rule/kinds.h"

#define NONE ((double)NAN)
const struct explain explain_none = {
	.value = NONE,
	.threshold = NONE,
	.baseline = NONE,
	.low = NONE,
	.high = NONE,
	.n_reference = NONE,
	.n_current = NONE,
	.statistic = NONE,
	.p_value = NONE,
	.effect = NONE,
};

const struct rule_kind *const rule_kind_list[] = {
#define RULE_KIND(name) &rule_kind_##name,
#include "rule/kinds.inc"
#undef RULE_KIND
	NULL,
};

const struct rule_kind_schema *const rule_kind_schemas[] = {
#define RULE_KIND(name) &rule_kind_##name##_schema,
#include "rule/kinds.inc"
#undef RULE_KIND
	NULL,
};

const struct rule_kind *rule_kind_of_tests;

const struct rule_kind *
rule_kind_of(const struct rule_kind_schema *schema)
{
	for (size_t i = 0; rule_kind_list[i] != NULL; i++)
		if (rule_kind_list[i]->schema == schema)
			return rule_kind_list[i];
	if (rule_kind_of_tests != NULL && rule_kind_of_tests->schema == schema)
		return rule_kind_of_tests;
	return NULL;
}

wall_t
rule_query_at(const struct rule_config *rule, wall_t now)
{
	dur_t offset = rule->group->query_offset;

	return dur_is_set(offset) ? wall_sub(now, offset) : now;
}

void
rule_plan_one(const struct rule_config *rule, wall_t now, const char *query, struct rule_plan *ret)
{
	ret->queries[0] = (struct rule_query){
		.text = str_from(query),
		.at = rule_query_at(rule, now),
	};
	ret->n = 1;
}

const char *
rule_query_text(struct schema_context *ctx, const char *text, struct pos pos, const char *what)
{
	struct str trimmed = str_trim(str_from(text));

	if (trimmed.n == 0) {
		diag_error(ctx->diag, pos, "%s is empty", what);
		return "";
	}
	return arena_str(ctx->arena, trimmed).p;
}
