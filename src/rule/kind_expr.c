/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `expr: TEXT`: a query handed to the source as written; every series of its
 * answer breaches.  In PromQL the comparison is part of the expression, in SQL
 * it is the WHERE clause.
 */
#include "config.h"

#include "rule/kinds.h"

struct expr_settings {
	const char *query;
	struct pos pos;
};

static int
expr_plan(const struct rule_config *rule, const struct past *past UNUSED, wall_t now,
    struct rule_plan *ret, struct err *err UNUSED)
{
	const struct expr_settings *settings = rule->settings;

	rule_plan_one(rule, now, settings->query, ret);
	return 0;
}

static int
expr_judge(const struct rule_input *in, struct judgement *ret, struct err *err UNUSED)
{
	const struct vector *answers = in->answers;
	struct observation *observations = ARENA_ARRAY(in->arena, answers->n, struct observation);

	for (uint32_t i = 0; i < answers->n; i++) {
		const struct sample *sample = &answers->samples[i];

		/* As in Prometheus a NaN is a result like any other. */
		observations[i] = (struct observation){
			.sample = sample,
			.outcome = sample->missing ? OUTCOME_INSUFFICIENT : OUTCOME_BREACH,
			.value = sample->missing ? (double)NAN : sample->value,
		};
	}
	*ret = (struct judgement){ .observations = observations, .n = answers->n };
	return 0;
}

static const char *
expr_level_severity(const struct rule_config *rule UNUSED, uint8_t level UNUSED)
{
	return NULL;
}

static void
expr_scalar(struct schema_context *ctx, const struct yaml_node *node, void *value)
{
	struct expr_settings *settings = value;
	const char *text = schema_scalar(ctx, node, "expr");

	settings->pos = node->pos;
	settings->query = text != NULL ? rule_query_text(ctx, text, node->pos, "expr") : "";
}

static void
expr_check(struct schema_context *ctx, void *value, const struct yaml_node *node)
{
	struct expr_settings *settings = value;

	if (settings->query == NULL) {
		diag_error(ctx->diag, node->pos, "expr is a text, not %s", yaml_kind_name(node));
		settings->query = "";
	}
}

static void
expr_finish(struct schema_context *ctx, struct rule_config *rule)
{
	const struct expr_settings *settings = rule->settings;

	rule->query_text = settings->query;
	switch (rule->on_no_data) {
	case ON_NO_DATA_OK:
		break;
	case ON_NO_DATA_KEEP:
		diag_warning(ctx->diag, rule->pos,
		    "with expr an empty answer means that nothing is wrong: "
		    "under on_no_data: keep "
		    "the alerts of '%s' never resolve; use threshold",
		    rule->name);
		break;
	case ON_NO_DATA_ALERT:
		diag_warning(ctx->diag, rule->pos,
		    "with expr an empty answer means that nothing is wrong: "
		    "under on_no_data: alert "
		    "'%s' fires then; use threshold",
		    rule->name);
		break;
	}
}

static void
expr_identity(const struct rule_config *rule, struct buf *out)
{
	config_normalize_query(str_from(rule->query_text), out);
}

static const struct schema expr_schema = {
	.name = "expr",
	.doc = "A query in the source's language; each series or row of its "
	       "answer raises an alert.",
	.size = sizeof(struct expr_settings),
	.pos_offset = offsetof(struct expr_settings, pos) + 1,
	.check = expr_check,
	.scalar = expr_scalar,
};

const struct rule_kind_schema rule_kind_expr_schema = {
	.name = "expr",
	.schema = &expr_schema,
	.finish = expr_finish,
	.identity = expr_identity,
};

const struct rule_kind rule_kind_expr = {
	.schema = &rule_kind_expr_schema,
	.plan = expr_plan,
	.judge = expr_judge,
	.level_severity = expr_level_severity,
};
