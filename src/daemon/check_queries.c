/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query that its source would refuse is found by `tocsin check`, not at the
 * first slot.  A server only warns: it must start although a table is missing
 * for the moment.
 */
#include "config.h"

#include "daemon/core.h"
#include "rule/kind.h"
#include "rule/kinds.h"
#include "source/source.h"

#define SHOWN 48

/* Any instant will do. */
#define AT ((wall_t){ INT64_C(1700000000) * 1000000000 })

static void
check_query(const struct rule_config *rule, const struct source_config *source,
    const struct source_query *query, bool strict, struct diag *diag)
{
	const struct source_ops *ops = source != NULL ? source_ops_of(source->kind) : NULL;
	struct err err = { 0 };

	if (ops == NULL || ops->check == NULL)
		return;
	if (ops->check(source, query, &err) != -ERR_INVALID)
		return;
	(strict ? diag_error : diag_warning)(diag, rule->pos,
	    "rule '%s': source '%s' refuses its query: %s", rule->name, source->name, err.text);
}

/*
 * Asked for another time, or for a window, a query that names none answers the same as ever: a rule
 * that compares two times would compare a thing with itself and never fire.
 */
static void
check_time(const struct rule_config *rule, const struct source_config *source,
    const struct source_query *query, bool strict, struct diag *diag)
{
	const struct source_ops *ops = source != NULL ? source_ops_of(source->kind) : NULL;
	bool span = wall_is_set(query->from);
	const char *remedy;

	/* A range is of whatever rows lie in it. */
	if (ops == NULL || ops->timeless == NULL || query->shape == QUERY_RANGE)
		return;
	if (!span && !wall_before(query->at, rule_query_at(rule, AT)))
		return;
	remedy = ops->timeless(source, query->text, span);
	if (remedy != NULL)
		(strict ? diag_error : diag_warning)(diag, rule->pos,
		    "rule '%s': '%.*s' is asked %s and answers the same for any: %s", rule->name,
		    STR_ARG(str_head(query->text, SHOWN)),
		    span ? "for a window" : "for an earlier time", remedy);
}

/* What the rule will ask. */
static void
check_rule(const struct rule_config *rule, struct arena *arena, bool strict, struct diag *diag)
{
	struct rule_plan *plan = ARENA_NEW(arena, struct rule_plan);

	if (rule_kind_of(rule->kind)->plan(rule, NULL, AT, plan, NULL) < 0)
		return;
	for (uint32_t i = 0; i < plan->n; i++) {
		const struct rule_query *asked = &plan->queries[i];
		const struct source_query query = {
			.text = asked->text,
			.at = asked->at,
			.shape = asked->shape,
			.from = asked->from,
			.to = asked->to,
			.step = asked->step,
			.fields = asked->fields,
			.n_fields = asked->n_fields,
		};

		const struct source_config *source =
		    asked->source != NULL ? asked->source : rule->source;

		check_query(rule, source, &query, strict, diag);
		if (!asked->for_window)
			check_time(rule, source, &query, strict, diag);
	}
}

void
core_check_queries(const struct config *config, bool strict, struct diag *diag)
{
	struct arena *arena = arena_new(0);

	for (uint32_t g = 0; g < config->n_groups; g++)
		for (uint32_t r = 0; r < config->groups[g].n_rules; r++) {
			check_rule(&config->groups[g].rules[r], arena, strict, diag);
			arena_reset(arena);
		}
	arena_free(arena);
}
