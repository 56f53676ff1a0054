/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `rate_of_change:`: the value now against the value of a window ago.
 *
 * Both are asked for; nothing is remembered, so the rule judges from its first
 * evaluation on.  The baseline may be the median of several points around
 * now - window: one noisy point must not decide.  A change that cannot be
 * formed (no baseline, a value that is not finite, a baseline so small that a
 * ratio says nothing) is insufficient, never a breach.
 */
#include "config.h"

#include <math.h>

#include "rule/kinds.h"
#include "rule/levels.h"
#include "rule/series.h"
#include "stats/burn.h"
#include "stats/sample.h"

#define BASELINE_POINTS_MAX 9

enum compare {
	COMPARE_RELATIVE,
	COMPARE_ABSOLUTE,
	COMPARE_RATIO
};
static const char *const compare_names[] = { "relative", "absolute", "ratio", NULL };
enum direction {
	DIRECTION_UP,
	DIRECTION_DOWN,
	DIRECTION_BOTH
};
static const char *const direction_names[] = { "up", "down", "both", NULL };
enum aggregate {
	AGGREGATE_MEDIAN,
	AGGREGATE_MEAN,
	AGGREGATE_MIN,
	AGGREGATE_MAX
};
static const char *const aggregate_names[] = { "median", "mean", "min", "max", NULL };

struct rate_settings {
	const char *query, *guard;
	dur_t window, baseline_step;
	int compare, direction, baseline_agg;
	int64_t baseline_points;
	double min_abs_change, min_rel_change, min_baseline;
	struct levels levels;
	struct pos pos;
};

static uint32_t
guard_index(const struct rate_settings *settings)
{
	return 1 + (uint32_t)settings->baseline_points;
}

static int
rate_plan(const struct rule_config *rule, const struct past *past UNUSED, wall_t now,
    struct rule_plan *ret, struct err *err UNUSED)
{
	const struct rate_settings *settings = rule->settings;
	wall_t at = rule_query_at(rule, now), then = wall_sub(at, settings->window);
	dur_t step = settings->baseline_step;
	int64_t middle = settings->baseline_points / 2;

	rule_plan_one(rule, now, settings->query, ret);
	if (!dur_is_set(step))
		step = rule->group->interval;
	for (int64_t i = 0; i < settings->baseline_points; i++)
		ret->queries[ret->n++] = (struct rule_query){
			.text = str_from(settings->query),
			.at = wall_add(then, (dur_t){ (i - middle) * step.ns }),
		};
	if (settings->guard != NULL)
		ret->queries[ret->n++] =
		    (struct rule_query){ .text = str_from(settings->guard), .at = at };
	return 0;
}

struct change {
	double value; /* in the terms of `compare`; NaN: cannot be said */
	double current, baseline, absolute, relative;
	uint32_t n; /* points of the baseline */
};

static double
aggregate(enum aggregate how, double *x, uint32_t n)
{
	sample_sort(x, n);
	switch (how) {
	case AGGREGATE_MEDIAN:
		return sample_median(x, n);
	case AGGREGATE_MEAN:
		return stats_sum(x, n) / (double)n;
	case AGGREGATE_MIN:
		return x[0];
	case AGGREGATE_MAX:
		return x[n - 1];
	}
	return (double)NAN;
}

static void
measure(const struct rate_settings *settings, struct change *change)
{
	struct stats_value relative = burn_relative_change(change->baseline, change->current);

	change->absolute = change->current - change->baseline;
	change->relative = relative.status == STATS_OK ? relative.value : (double)NAN;
	switch ((enum compare)settings->compare) {
	case COMPARE_RELATIVE:
		change->value = change->relative;
		break;
	case COMPARE_ABSOLUTE:
		change->value = change->absolute;
		break;
	case COMPARE_RATIO:
		change->value = change->baseline > 0.0 || change->baseline < 0.0
				    ? change->current / change->baseline
				    : (double)NAN;
		break;
	}
	if (settings->compare != COMPARE_ABSOLUTE &&
	    fabs(change->baseline) < settings->min_baseline)
		change->value = (double)NAN;
	if (settings->direction == DIRECTION_DOWN)
		change->value = -change->value;
	else if (settings->direction == DIRECTION_BOTH)
		change->value = fabs(change->value);
	if (!isfinite(change->value))
		change->value = (double)NAN;
}

static int
read_change(const struct rule_input *in, struct series_join *then, const struct sample *sample,
    struct change *ret, struct err *err)
{
	const struct rate_settings *settings = in->rule->settings;
	struct current current = series_current(sample, in->now);
	double x[BASELINE_POINTS_MAX];

	*ret = (struct change){ .value = (double)NAN,
		.current = current.value,
		.baseline = (double)NAN,
		.absolute = (double)NAN,
		.relative = (double)NAN };
	for (uint32_t i = 0; i < (uint32_t)settings->baseline_points; i++) {
		const struct sample *found;
		int code = series_join_find(&then[i], in->sources[0], sample, &found, err);

		if (code < 0)
			return code;
		if (found != NULL && !found->missing && isfinite(found->value))
			x[ret->n++] = found->value;
	}
	if (ret->n == 0 || !current.usable)
		return 0;
	ret->baseline = aggregate((enum aggregate)settings->baseline_agg, x, ret->n);
	measure(settings, ret);
	return 0;
}

/* Too small to matter, whatever its share: all is well. */
static bool
is_small(const struct rate_settings *settings, const struct change *change)
{
	return fabs(change->absolute) < settings->min_abs_change ||
	       fabs(change->relative) < settings->min_rel_change;
}

static const struct explain *
explain_change(const struct rate_settings *settings, const struct change *change, uint32_t level,
    struct arena *arena)
{
	struct explain *explain = ARENA_NEW(arena, struct explain);
	struct buf detail = { 0 };

	*explain = explain_none;
	explain->method = compare_names[settings->compare];
	explain->value = change->value;
	explain->threshold = settings->levels.level[level].value;
	explain->baseline = change->baseline;
	explain->n_reference = change->n;
	explain->n_current = 1;
	explain->effect = change->absolute;
	explain->window = settings->window;
	buf_putc(&detail, '{');
	detail_number(&detail, "current", change->current);
	detail_number(&detail, "absolute", change->absolute);
	detail_number(&detail, "relative", change->relative);
	buf_putc(&detail, '}');
	explain->detail = arena_str(arena, buf_str(&detail));
	buf_fini(&detail);
	return explain;
}

static int
judge_series(const struct rule_input *in, struct series_join *then, struct series_join *guard,
    const struct sample *sample, struct judgement *ret, struct err *err)
{
	const struct rate_settings *settings = in->rule->settings;
	uint32_t least = in->rule->min_samples > 0 ? in->rule->min_samples : 1;
	struct change change;
	bool passes = true;
	int code = read_change(in, then, sample, &change, err);

	if (code == 0 && guard != NULL)
		code = series_is_guarded(guard, in->sources[0], sample, &passes, err);
	if (code < 0)
		return code;
	if (change.n < least)
		change.value = (double)NAN;
	for (uint32_t level = 0; level < settings->levels.n; level++) {
		enum outcome outcome = levels_judge(&settings->levels, level, change.value);

		if (outcome == OUTCOME_BREACH && is_small(settings, &change))
			outcome = OUTCOME_OK;
		if (outcome != OUTCOME_OK && !passes)
			outcome = OUTCOME_INSUFFICIENT;
		ret->observations[ret->n++] = (struct observation){
			.sample = sample,
			.outcome = outcome,
			.value = change.value,
			.level = (uint8_t)level,
			.explain = explain_change(settings, &change, level, in->arena),
		};
	}
	return 0;
}

static int
rate_judge(const struct rule_input *in, struct judgement *ret, struct err *err)
{
	const struct rate_settings *settings = in->rule->settings;
	const struct vector *answer = &in->answers[0];
	struct series_join then[BASELINE_POINTS_MAX], guard;
	uint32_t g = guard_index(settings);

	for (uint32_t i = 0; i < (uint32_t)settings->baseline_points; i++)
		series_join_init(&then[i], in->sources[1 + i], &in->answers[1 + i], in->arena);
	if (settings->guard != NULL)
		series_join_init(&guard, in->sources[g], &in->answers[g], in->arena);
	series_observations(in->arena, answer->n, settings->levels.n, ret);
	for (uint32_t i = 0; i < answer->n; i++) {
		int code = judge_series(in, then, settings->guard != NULL ? &guard : NULL,
		    &answer->samples[i], ret, err);

		if (code < 0)
			return code;
	}
	return 0;
}

static const char *
rate_level_severity(const struct rule_config *rule, uint8_t level)
{
	return levels_severity(&((const struct rate_settings *)rule->settings)->levels, level);
}

/* --- settings ---------------------------------------------------------- */

static void
rate_check(struct schema_context *ctx, void *value, const struct yaml_node *node UNUSED)
{
	struct rate_settings *settings = value;

	if (settings->levels.op < 0)
		return;
	if (settings->query != NULL)
		settings->query = rule_query_text(ctx, settings->query, settings->pos, "query");
	if (settings->guard != NULL)
		settings->guard = rule_query_text(ctx, settings->guard, settings->pos, "guard");
	if (settings->compare == COMPARE_RATIO && settings->direction != DIRECTION_UP)
		diag_error(ctx->diag, settings->pos,
		    "direction makes no sense with compare: ratio, which has no sign; say it with "
		    "op and value");
	if (settings->baseline_points % 2 == 0)
		diag_error(ctx->diag, settings->pos,
		    "baseline_points must be odd: as many points before now - window as after");
	levels_check(ctx, &settings->levels, settings->pos, "rate_of_change", "value");
}

static void
rate_finish(struct schema_context *ctx, struct rule_config *rule)
{
	const struct rate_settings *settings = rule->settings;
	dur_t step = settings->baseline_step;
	int64_t after = settings->baseline_points / 2;

	rule->query_text = settings->query;
	if (!dur_is_set(step))
		step = rule->group->interval;
	if (settings->window.ns > 0 && after * step.ns >= settings->window.ns)
		diag_error(ctx->diag, settings->pos,
		    "the %lld points of the baseline reach into the present: make window longer, "
		    "or baseline_points or baseline_step less",
		    (long long)settings->baseline_points);
}

static void
rate_identity(const struct rule_config *rule, struct buf *out)
{
	const struct rate_settings *settings = rule->settings;

	config_normalize_query(str_from(rule->query_text), out);
	buf_printf(out, "%c%lld %d %d", '\0', (long long)settings->window.ns, settings->compare,
	    settings->direction);
	levels_identity(&settings->levels, out);
}

static const struct schema_field rate_fields[] = {
	{ .name = "query",
	    .kind = FIELD_STRING,
	    .offset = offsetof(struct rate_settings, query),
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    .doc = "What to look at, in the source's language; it is asked as of now and as of a "
		   "window ago." },
	{ .name = "window",
	    .kind = FIELD_DURATION,
	    .offset = offsetof(struct rate_settings, window),
	    .flags = FIELD_REQUIRED | FIELD_POSITIVE,
	    .doc = "How far back the value lies that now is compared with." },
	{ .name = "compare",
	    .kind = FIELD_ENUM,
	    .offset = offsetof(struct rate_settings, compare),
	    .choices = compare_names,
	    .fallback = "relative",
	    .doc = "relative: (now - then) / |then|, so 0.15 is 15 %; absolute: now - then, in the "
		   "query's unit; ratio: now / then." },
	{ .name = "direction",
	    .kind = FIELD_ENUM,
	    .offset = offsetof(struct rate_settings, direction),
	    .choices = direction_names,
	    .fallback = "up",
	    .doc = "up: a rise is positive; down: a fall is positive, so that value stays "
		   "positive; both: the size of the change, whichever way." },
	LEVELS_OP_FIELD(rate_settings, levels, "How the change is compared with the threshold."),
	LEVELS_FIELDS(rate_settings, levels, "value", "The change that raises the alert."),
	{ .name = "min_abs_change",
	    .kind = FIELD_DOUBLE,
	    .offset = offsetof(struct rate_settings, min_abs_change),
	    .flags = FIELD_NOT_NEGATIVE,
	    .fallback = "0",
	    .doc = "A change smaller than this, in the query's unit, raises nothing: 2 ms to 3 ms "
		   "is 50 % and nobody cares." },
	{ .name = "min_rel_change",
	    .kind = FIELD_DOUBLE,
	    .offset = offsetof(struct rate_settings, min_rel_change),
	    .flags = FIELD_NOT_NEGATIVE,
	    .fallback = "0",
	    .doc = "A change smaller than this share of the baseline raises nothing." },
	{ .name = "min_baseline",
	    .kind = FIELD_DOUBLE,
	    .offset = offsetof(struct rate_settings, min_baseline),
	    .flags = FIELD_NOT_NEGATIVE,
	    .fallback = "0",
	    .doc = "With a baseline nearer to 0 than this a relative change or a ratio says "
		   "nothing: the outcome is insufficient." },
	{ .name = "baseline_points",
	    .kind = FIELD_INT,
	    .offset = offsetof(struct rate_settings, baseline_points),
	    .fallback = "1",
	    .min = 1,
	    .max = BASELINE_POINTS_MAX,
	    .doc = "How many points around now - window make the baseline; odd. Each is a query." },
	{ .name = "baseline_step",
	    .kind = FIELD_DURATION,
	    .offset = offsetof(struct rate_settings, baseline_step),
	    .flags = FIELD_POSITIVE,
	    .doc = "How far apart those points are; default: the group's interval." },
	{ .name = "baseline_agg",
	    .kind = FIELD_ENUM,
	    .offset = offsetof(struct rate_settings, baseline_agg),
	    .choices = aggregate_names,
	    .fallback = "median",
	    .doc = "What is made of those points." },
	{ .name = "guard",
	    .kind = FIELD_STRING,
	    .offset = offsetof(struct rate_settings, guard),
	    .flags = FIELD_NONEMPTY,
	    .doc = "A query that must have a series with the same labels (or one without labels, "
		   "for all) whose value is not 0: without it, for instance without traffic, a "
		   "change raises nothing." },
};

static const struct schema rate_schema = {
	.name = "rate_of_change",
	.doc = "Compares each series with itself a window ago.",
	.size = sizeof(struct rate_settings),
	SCHEMA_FIELDS(rate_fields),
	.pos_offset = offsetof(struct rate_settings, pos) + 1,
	.check = rate_check,
};

const struct rule_kind_schema rule_kind_rate_of_change_schema = {
	.name = "rate_of_change",
	.min_samples = true,
	.schema = &rate_schema,
	.finish = rate_finish,
	.identity = rate_identity,
};

const struct rule_kind rule_kind_rate_of_change = {
	.schema = &rule_kind_rate_of_change_schema,
	.plan = rate_plan,
	.judge = rate_judge,
	.level_severity = rate_level_severity,
};
