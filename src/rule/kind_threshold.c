/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `threshold:`: a query, a comparison, one value or one per level, and how far
 * back a value must go before the alert clears.
 *
 * rule/levels.h says what levels and the way back are.
 */
#include "config.h"

#include <math.h>

#include "rule/kinds.h"
#include "rule/levels.h"

struct threshold_settings {
	const char *query;
	struct levels levels;
	struct pos pos;
};

static int
threshold_plan(const struct rule_config *rule, const struct past *past UNUSED, wall_t now,
    struct rule_plan *ret, struct err *err UNUSED)
{
	const struct threshold_settings *settings = rule->settings;

	rule_plan_one(rule, now, settings->query, ret);
	return 0;
}

static int
threshold_judge(const struct rule_input *in, struct judgement *ret, struct err *err UNUSED)
{
	const struct threshold_settings *settings = in->rule->settings;
	const struct vector *answers = in->answers;
	uint32_t total = answers->n * settings->levels.n;
	struct observation *observations = ARENA_ARRAY(in->arena, total, struct observation);
	struct observation *o = observations;

	for (uint32_t i = 0; i < answers->n; i++) {
		const struct sample *sample = &answers->samples[i];
		double value = sample->missing ? (double)NAN : sample->value;

		for (uint32_t level = 0; level < settings->levels.n; level++, o++) {
			*o = (struct observation){
				.sample = sample,
				.outcome = levels_judge(&settings->levels, level, value),
				.value = value,
				.level = (uint8_t)level,
			};
		}
	}
	*ret = (struct judgement){ .observations = observations, .n = total };
	return 0;
}

static const char *
threshold_level_severity(const struct rule_config *rule, uint8_t level)
{
	return levels_severity(&((const struct threshold_settings *)rule->settings)->levels, level);
}

static double
threshold_threshold(const struct rule_config *rule, uint8_t level)
{
	const struct levels *levels = &((const struct threshold_settings *)rule->settings)->levels;

	return level < levels->n ? levels->level[level].value : (double)NAN;
}

/* --- reading the settings ------------------------------------------------ */

static void
threshold_check(struct schema_context *ctx, void *value, const struct yaml_node *node UNUSED)
{
	struct threshold_settings *settings = value;

	if (settings->levels.op < 0) /* missing or wrong: said already */
		return;
	if (settings->query != NULL)
		settings->query = rule_query_text(ctx, settings->query, settings->pos, "query");
	levels_check(ctx, &settings->levels, settings->pos, "threshold", "value");
}

static void
threshold_finish(struct schema_context *ctx UNUSED, struct rule_config *rule)
{
	const struct threshold_settings *settings = rule->settings;

	rule->query_text = settings->query;
}

static void
threshold_identity(const struct rule_config *rule, struct buf *out)
{
	const struct threshold_settings *settings = rule->settings;

	config_normalize_query(str_from(rule->query_text), out);
	levels_identity(&settings->levels, out);
}

static const struct schema_field threshold_fields[] = {
	{ .name = "query",
	    .kind = FIELD_STRING,
	    .offset = offsetof(struct threshold_settings, query),
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    .doc = "What to look at, in the source's language, without the "
		   "comparison." },
	LEVELS_OP_FIELD(
	    threshold_settings, levels, "How the value is compared with the threshold."),
	LEVELS_FIELDS(threshold_settings, levels, "value", "The threshold."),
};

static const struct schema threshold_schema = {
	.name = "threshold",
	.doc = "Compares each series with a value or with several levels, with "
	       "hysteresis.",
	.size = sizeof(struct threshold_settings),
	SCHEMA_FIELDS(threshold_fields),
	.pos_offset = offsetof(struct threshold_settings, pos) + 1,
	.check = threshold_check,
};

const struct rule_kind_schema rule_kind_threshold_schema = {
	.name = "threshold",
	.schema = &threshold_schema,
	.finish = threshold_finish,
	.identity = threshold_identity,
};

const struct rule_kind rule_kind_threshold = {
	.schema = &rule_kind_threshold_schema,
	.plan = threshold_plan,
	.judge = threshold_judge,
	.level_severity = threshold_level_severity,
	.threshold = threshold_threshold,
};
