/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and planning one side of a comparison. */
#include "config.h"

#include "rule/arm.h"

#include "rule/kinds.h"

struct pos
rule_key_pos(const struct yaml_node *mapping, const char *key)
{
	const struct yaml_node *value = yaml_get(mapping, key);

	return value != NULL ? value->pos : mapping->pos;
}

const struct source_config *
rule_source_named(struct schema_context *ctx, const char *name, struct pos pos)
{
	const struct source_config *source;
	const char **names, *meant;

	if (name == NULL || ctx->config == NULL)
		return NULL;
	source = config_source(ctx->config, name);
	if (source != NULL)
		return source;
	names = ARENA_ARRAY(ctx->arena, ctx->config->n_sources + 1, const char *);
	for (uint32_t i = 0; i < ctx->config->n_sources; i++)
		names[i] = ctx->config->sources[i].name;
	meant = schema_suggest_among(names, ctx->config->n_sources, str_from(name));
	diag_error(ctx->diag, pos, "there is no source '%s'%s%s%s", name,
	    meant != NULL ? " (did you mean '" : "", meant != NULL ? meant : "",
	    meant != NULL ? "'?)" : "");
	return NULL;
}

void
rule_arm_check(struct schema_context *ctx, void *value, const struct yaml_node *node)
{
	struct rule_arm *arm = value;

	if (arm->query != NULL)
		arm->query = rule_query_text(ctx, arm->query, arm->pos, "query");
	if (arm->total != NULL)
		arm->total = rule_query_text(ctx, arm->total, arm->pos, "total");
	arm->source = rule_source_named(ctx, arm->source_name, rule_key_pos(node, "source"));
}

void
rule_arm_span(const struct rule_config *rule, const struct rule_arm *arm, wall_t now,
    wall_t *ret_from, wall_t *ret_to)
{
	wall_t to = wall_sub(rule_query_at(rule, now), arm->lag);

	*ret_to = dur_is_set(arm->window) ? to : WALL_NONE;
	*ret_from = dur_is_set(arm->window) ? wall_sub(to, arm->window) : WALL_NONE;
}

struct rule_query *
rule_plan_arm(const struct rule_config *rule, const struct rule_arm *arm, wall_t now,
    enum query_shape shape, struct rule_plan *plan)
{
	struct rule_query *query = &plan->queries[plan->n++];

	*query = (struct rule_query){
		.text = str_from(arm->query),
		.source = arm->source,
		.shape = shape,
		.cache = arm->cache,
		.at = wall_sub(rule_query_at(rule, now), arm->lag),
	};
	rule_arm_span(rule, arm, now, &query->from, &query->to);
	return query;
}

void
rule_arm_needs_window(struct schema_context *ctx, const struct rule_config *rule,
    const struct rule_arm *arm, const char *name)
{
	const struct source_config *source = arm->source != NULL ? arm->source : rule->source;

	/* Drift stores keep points; a server of metrics gives one value of each series. */
	if (source == NULL || dur_is_set(arm->window) || source->kind->promql == NULL)
		return;
	diag_error(ctx->diag, arm->pos,
	    "%s needs a window: source '%s' has metrics, whose values over a time span are "
	    "compared; add e.g. 'window: 1h'",
	    name, source->name);
}

void
rule_arm_identity(const struct rule_arm *arm, struct buf *out)
{
	config_normalize_query(str_from(arm->query), out);
	buf_putc(out, '\0');
	if (arm->total != NULL)
		config_normalize_query(str_from(arm->total), out);
	buf_printf(out, "%c%s %lld %lld%c", '\0', arm->source_name != NULL ? arm->source_name : "",
	    (long long)(dur_is_set(arm->window) ? arm->window.ns : 0), (long long)arm->lag.ns,
	    '\0');
}
