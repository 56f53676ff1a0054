/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `deviation:`: a value unlike the series' own past.
 *
 * The past is remembered by the rule (rule/past.h); on first start, and after a
 * gap, the source is asked for what is missing, so that the rule judges from
 * its first evaluation on and a restart changes nothing.  rule/deviate.h says
 * what the methods are.  A series that has too short a past, or whose past has
 * no spread and whose rule does not say what deviation matters, is
 * insufficient: never a breach.
 */
#include "config.h"

#include <math.h>

#include "config/calendar.h"
#include "rule/deviate.h"
#include "rule/kinds.h"
#include "rule/levels.h"
#include "rule/points.h"
#include "rule/series.h"

#define SIGMAS_DEFAULT   3.5
#define SIGMAS_MIN       1.5
#define SIGMAS_MAX       30.0
#define MIN_SAMPLES      30
#define MIN_SAMPLES_AUTO 60
#define POINTS           2016 /* remembered of a window unless step says otherwise: a week of 5m */
#define POINTS_AUTO      4032
#define POINTS_MOST      20000

enum direction {
	DIRECTION_BOTH,
	DIRECTION_UP,
	DIRECTION_DOWN
};
static const char *const direction_names[] = { "both", "up", "down", NULL };

struct deviation_settings {
	struct points_settings points;
	const char *time_zone;
	int method, direction;
	dur_t season, slot, warm_up;
	int64_t periods;
	double min_abs_dev, min_rel_dev, lambda, k;
	bool exclude_firing;
	struct string_list exclude;
	struct levels levels;
	struct pos pos;
	/* from the above */
	const struct tz *zone;
	const struct time_interval **excluded;
	uint32_t n_excluded;
};

static void
deviation_remembers(const struct rule_config *rule, struct past_need *ret)
{
	*ret = ((const struct deviation_settings *)rule->settings)->points.need;
}

static int
deviation_plan(const struct rule_config *rule, const struct past *past, wall_t now,
    struct rule_plan *ret, struct err *err UNUSED)
{
	const struct deviation_settings *settings = rule->settings;

	points_plan(rule, &settings->points, past, now, ret);
	return 0;
}

/* --- judging ----------------------------------------------------------- */

static bool
is_excluded(const struct deviation_settings *settings, wall_t at)
{
	return settings->n_excluded > 0 &&
	       intervals_contain(settings->excluded, settings->n_excluded, at);
}

static uint32_t
least_samples(const struct rule_config *rule)
{
	const struct deviation_settings *settings = rule->settings;

	if (rule->min_samples > 0)
		return rule->min_samples;
	return settings->method == DEVIATE_AUTO ? MIN_SAMPLES_AUTO : MIN_SAMPLES;
}

/* Those points that pass; firing: also those that were measured while the alert fired. */
static void
select_points(const struct deviation_settings *settings, const struct points *from, bool firing,
    struct arena *arena, struct points *ret)
{
	wall_t *at;
	double *value;
	uint8_t *flags;

	if (settings->n_excluded == 0 && firing) {
		*ret = *from;
		return;
	}
	at = ARENA_ARRAY(arena, from->n, wall_t);
	value = ARENA_ARRAY(arena, from->n, double);
	flags = ARENA_ARRAY(arena, from->n, uint8_t);
	*ret = (struct points){ at, value, flags, 0 };
	for (uint32_t i = 0; i < from->n; i++) {
		if ((!firing && (from->flags[i] & PAST_FIRING) != 0) ||
		    is_excluded(settings, from->at[i]))
			continue;
		at[ret->n] = from->at[i];
		value[ret->n] = from->value[i];
		flags[ret->n++] = firing ? 0 : from->flags[i];
	}
}

/*
 * An alert's own points stay out of the baseline while they are the smaller part of it; when it
 * has gone on for longer, they are what is normal now.
 */
static void
set_points(const struct rule_input *in, struct deviate *d, const struct points *all)
{
	const struct deviation_settings *settings = in->rule->settings;
	struct points *baseline = ARENA_NEW(in->arena, struct points);
	struct points *kept = ARENA_NEW(in->arena, struct points);

	select_points(settings, all, !settings->exclude_firing, in->arena, baseline);
	d->all = all;
	d->baseline = baseline;
	if (settings->exclude_firing &&
	    (baseline->n < least_samples(in->rule) || baseline->n < all->n / 2)) {
		select_points(settings, all, true, in->arena, kept);
		for (uint32_t i = 0; i < kept->n; i++)
			((uint8_t *)(uintptr_t)kept->flags)[i] = 0;
		d->all = d->baseline = kept;
	}
}

static struct deviation
measure(const struct rule_input *in, const struct series *range, const struct sample *sample,
    const struct current *current)
{
	const struct deviation_settings *settings = in->rule->settings;
	struct points *all = ARENA_NEW(in->arena, struct points);
	struct deviate d = {
		.method = (enum deviate_method)settings->method,
		.at = current->at,
		.value = current->value,
		.sigmas = settings->levels.level[0].value,
		.floor = settings->min_abs_dev,
		.floor_share = settings->min_rel_dev,
		.step = settings->method == DEVIATE_SEASONAL ? settings->slot
							     : settings->points.need.step,
		.season = settings->season,
		.zone = settings->zone,
		.direction = settings->direction == DIRECTION_UP     ? 1
			     : settings->direction == DIRECTION_DOWN ? -1
								     : 0,
		.periods_min = (uint32_t)settings->periods,
		.lambda = settings->lambda,
		.k = settings->k,
		.arena = in->arena,
	};
	struct deviation few = { .status = STATS_FEW, .score = (double)NAN };

	points_of(in->past, sample->key, range, wall_sub(current->at, settings->points.need.window),
	    current->at, in->arena, all);
	set_points(in, &d, all);
	few.n = d.baseline->n;
	if (d.baseline->n == 0 ||
	    (settings->method != DEVIATE_SEASONAL && d.baseline->n < least_samples(in->rule)))
		return few;
	if (settings->warm_up.ns > 0 &&
	    dur_less(wall_since(current->at, all->at[0]), settings->warm_up))
		return few;
	return deviate(&d);
}

static enum outcome
judge_level(const struct deviation_settings *settings, const struct deviation *dev,
    const struct level *level)
{
	enum deviate_method method = (enum deviate_method)settings->method;
	double score = fabs(dev->score),
	       limit = deviate_limit(method, dev->n, level->value, settings->k);

	if (dev->status != STATS_OK || isnan(dev->score))
		return OUTCOME_INSUFFICIENT;
	if ((settings->direction == DIRECTION_UP && dev->score < 0.0) ||
	    (settings->direction == DIRECTION_DOWN && dev->score > 0.0))
		return OUTCOME_OK;
	if (fabs(dev->dev) < settings->min_abs_dev ||
	    fabs(dev->dev) < settings->min_rel_dev * fabs(dev->expected))
		return OUTCOME_OK;
	if (score > limit)
		return OUTCOME_BREACH;
	return score > deviate_limit(method, dev->n, level->recover, settings->k) ? OUTCOME_HOLD
										  : OUTCOME_OK;
}

static const struct explain *
explain_deviation(const struct deviation_settings *settings, const struct deviation *dev,
    const struct current *current, const struct level *level, struct arena *arena)
{
	struct explain *explain = ARENA_NEW(arena, struct explain);
	struct buf detail = { 0 };

	*explain = explain_none;
	explain->method = deviate_names[settings->method];
	explain->value = current->value;
	explain->threshold =
	    deviate_limit((enum deviate_method)settings->method, dev->n, level->value, settings->k);
	explain->n_reference = dev->n;
	explain->n_current = 1;
	explain->window = settings->points.need.window;
	buf_putc(&detail, '{');
	detail_number(&detail, "sigmas", level->value);
	if (dev->status == STATS_OK) {
		explain->baseline = dev->expected;
		explain->low = dev->low;
		explain->high = dev->high;
		explain->statistic = dev->score;
		explain->effect = dev->dev;
		detail_number(&detail, "spread", dev->spread);
		if (dev->view != NULL)
			detail_text(&detail, "view", dev->view);
	} else {
		detail_text(&detail, "why", stats_status_name(dev->status));
	}
	buf_putc(&detail, '}');
	explain->detail = arena_str(arena, buf_str(&detail));
	buf_fini(&detail);
	return explain;
}

static int
judge_series(const struct rule_input *in, const struct series *range, struct series_join *guard,
    const struct sample *sample, struct judgement *ret, struct err *err)
{
	const struct deviation_settings *settings = in->rule->settings;
	struct current current = series_current(sample, rule_query_at(in->rule, in->now));
	struct deviation dev = { .status = STATS_NOT_FINITE, .score = (double)NAN };
	bool passes = true;
	int code = 0;

	if (guard != NULL)
		code = series_is_guarded(guard, in->sources[0], sample, &passes, err);
	if (code < 0)
		return code;
	if (is_excluded(settings, current.at))
		passes = false;
	if (current.usable && passes)
		dev = measure(in, range, sample, &current);
	for (uint32_t i = 0; i < settings->levels.n; i++) {
		const struct level *level = &settings->levels.level[i];

		ret->observations[ret->n++] = (struct observation){
			.sample = sample,
			.outcome =
			    passes ? judge_level(settings, &dev, level) : OUTCOME_INSUFFICIENT,
			.value = current.value,
			.level = (uint8_t)i,
			.explain = explain_deviation(settings, &dev, &current, level, in->arena),
		};
	}
	return 0;
}

static int
deviation_judge(const struct rule_input *in, struct judgement *ret, struct err *err)
{
	const struct deviation_settings *settings = in->rule->settings;

	return points_judge(
	    in, settings->points.guard != NULL, settings->levels.n, judge_series, ret, err);
}

static const char *
deviation_level_severity(const struct rule_config *rule, uint8_t level)
{
	return levels_severity(&((const struct deviation_settings *)rule->settings)->levels, level);
}

/* --- settings ---------------------------------------------------------- */

static void
check_levels(struct schema_context *ctx, struct deviation_settings *settings)
{
	struct levels *levels = &settings->levels;

	levels->op = OP_GT;
	if (levels->map.n == 0 && isnan(levels->value))
		levels->value = SIGMAS_DEFAULT;
	levels_check(ctx, levels, settings->pos, "deviation", "sigmas");
	for (uint32_t i = 0; i < levels->n; i++)
		if (levels->level[i].value < SIGMAS_MIN || levels->level[i].value > SIGMAS_MAX ||
		    levels->level[i].recover < SIGMAS_MIN)
			diag_error(ctx->diag, settings->pos,
			    "sigmas, levels and recover lie between %g and %g", SIGMAS_MIN,
			    SIGMAS_MAX);
}

static void
check_zone(struct schema_context *ctx, struct deviation_settings *settings)
{
	settings->zone = tz_find(str_from(settings->time_zone));
	if (settings->zone == NULL)
		diag_error(ctx->diag, settings->pos,
		    "there is no time zone '%s'; give an IANA name such as Europe/Berlin",
		    settings->time_zone);
}

static void
find_intervals(struct schema_context *ctx, struct deviation_settings *settings)
{
	const struct string_list *names = &settings->exclude;

	settings->n_excluded = 0;
	if (ctx->config == NULL || names->n == 0)
		return;
	settings->excluded = ARENA_ARRAY(ctx->arena, names->n, const struct time_interval *);
	for (uint32_t i = 0; i < names->n; i++) {
		const struct time_interval *interval =
		    config_time_interval(ctx->config, names->items[i]);

		if (interval == NULL)
			diag_error(ctx->diag, names->pos[i],
			    "there is no time interval '%s' in time_intervals", names->items[i]);
		else
			settings->excluded[settings->n_excluded++] = interval;
	}
}

/* How far back each method looks when the rule does not say. */
static dur_t
usual_window(const struct deviation_settings *settings)
{
	int64_t week = 7 * 86400 * DUR_S(1).ns, seasons = 4 * settings->season.ns;

	switch ((enum deviate_method)settings->method) {
	case DEVIATE_SEASONAL:
		seasons = (settings->periods + 4) * settings->season.ns;
		return (dur_t){ seasons > week ? seasons : week };
	case DEVIATE_HOLT_WINTERS:
		return (dur_t){ seasons > week ? seasons : week };
	case DEVIATE_AUTO:
		return (dur_t){ seasons > 2 * week ? seasons : 2 * week };
	case DEVIATE_ZSCORE:
	case DEVIATE_ROBUST:
	case DEVIATE_EWMA:
	case DEVIATE_IQR:
	case DEVIATE_CUSUM:
	case DEVIATE_METHOD_COUNT:
		break;
	}
	return (dur_t){ week };
}

static bool
is_seasonal(const struct deviation_settings *settings)
{
	return settings->method == DEVIATE_SEASONAL || settings->method == DEVIATE_HOLT_WINTERS ||
	       settings->method == DEVIATE_AUTO;
}

static void
deviation_check(struct schema_context *ctx, void *value, const struct yaml_node *node UNUSED)
{
	struct deviation_settings *settings = value;

	points_settings_check(ctx, &settings->points, settings->pos);
	check_levels(ctx, settings);
	check_zone(ctx, settings);
	find_intervals(ctx, settings);
	if (!dur_is_set(settings->points.window))
		settings->points.window = usual_window(settings);
	if (!dur_is_set(settings->slot))
		settings->slot = (dur_t){ settings->season.ns / 96 };
	if (is_seasonal(settings) &&
	    settings->points.window.ns <
		(settings->method == DEVIATE_SEASONAL ? settings->periods : 2) *
		    settings->season.ns)
		diag_error(ctx->diag, settings->pos,
		    "window must hold at least %lld seasons of method '%s'",
		    settings->method == DEVIATE_SEASONAL ? (long long)settings->periods : 2LL,
		    deviate_names[settings->method]);
}

static void
deviation_finish(struct schema_context *ctx, struct rule_config *rule)
{
	/* The settings are the rule's own until the configuration is done. */
	struct deviation_settings *settings =
	    (struct deviation_settings *)(uintptr_t)rule->settings;
	uint32_t points = settings->method == DEVIATE_AUTO ? POINTS_AUTO : POINTS;

	points_settings_finish(ctx, rule, &settings->points, settings->pos, points, POINTS_MOST);
	settings->points.need.exclude_firing = settings->exclude_firing;
}

static void
deviation_identity(const struct rule_config *rule, struct buf *out)
{
	const struct deviation_settings *settings = rule->settings;

	config_normalize_query(str_from(rule->query_text), out);
	buf_printf(out, "%c%d %d", '\0', settings->method, settings->direction);
	levels_identity(&settings->levels, out);
}

static const struct schema_field deviation_fields[] = {
	{ .name = "query",
	    .kind = FIELD_STRING,
	    .offset = offsetof(struct deviation_settings, points.query),
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    .doc = "What to look at, in the source's language; each series is compared with its "
		   "own past. In a database: rows with their time as ts, as "
		   "SELECT ts, model, value FROM m WHERE ts >= :from AND ts <= :to: the window is "
		   "asked for on first start, then the last minutes, of which the newest row of "
		   "each series counts; a query without :from has no history and learns." },
	{ .name = "method",
	    .kind = FIELD_ENUM,
	    .offset = offsetof(struct deviation_settings, method),
	    .choices = deviate_names,
	    .fallback = "auto",
	    .doc =
		"auto: how rare level, step and the last hour's distance from other days are, "
		"taken together, for series of any shape, skewed ones too; zscore: mean and "
		"standard deviation; "
		"robust: median and MAD, not moved by outliers; ewma: a chart for small lasting "
		"shifts; seasonal: the same time of past seasons; iqr: Tukey's fences; cusum: a "
		"chart for changes of level; holt_winters: level, trend and season, predicted. All "
		"but auto expect values that scatter about normally. Of independent values, at "
		"the default sigmas and after 1,000 points, auto finds 0.07 % odd where normal or "
		"exponential, 0.1 % where gamma, Pareto or Student's t with 4 degrees of freedom, "
		"0.26 % where lognormal; 0.05 % is meant." },
	{ .name = "window",
	    .kind = FIELD_DURATION,
	    .offset = offsetof(struct deviation_settings, points.window),
	    .flags = FIELD_POSITIVE,
	    .doc = "How much of the past is looked at and remembered; default: 7d, for auto 14d, "
		   "and always some seasons." },
	{ .name = "season",
	    .kind = FIELD_DURATION,
	    .offset = offsetof(struct deviation_settings, season),
	    .flags = FIELD_POSITIVE,
	    .fallback = "1d",
	    .doc = "The period after which the series repeats, such as 1d or 1w; seasonal, "
		   "holt_winters, auto." },
	{ .name = "slot",
	    .kind = FIELD_DURATION,
	    .offset = offsetof(struct deviation_settings, slot),
	    .flags = FIELD_POSITIVE,
	    .doc = "seasonal: how far around the same time of a past season points are taken; "
		   "default: a 96th of the season, 15m of a day." },
	{ .name = "periods",
	    .kind = FIELD_INT,
	    .offset = offsetof(struct deviation_settings, periods),
	    .min = 2,
	    .max = 100,
	    .fallback = "3",
	    .doc = "seasonal: past seasons that must have points at this time; with fewer the "
		   "outcome is insufficient." },
	{ .name = "time_zone",
	    .kind = FIELD_STRING,
	    .offset = offsetof(struct deviation_settings, time_zone),
	    .fallback = "UTC",
	    .doc = "The clock that seasons follow, an IANA name such as Europe/Berlin: what people "
		   "do at nine they do at nine in summer, too." },
	LEVELS_FIELDS(deviation_settings, levels, "sigmas",
	    "How far out a value must be, for every method as rare as a normal value so many "
	    "standard deviations from its mean: 3 is 0.27 %, 3.5 (the default) 0.05 %, 4 0.006 % "
	    "of the points."),
	{ .name = "direction",
	    .kind = FIELD_ENUM,
	    .offset = offsetof(struct deviation_settings, direction),
	    .choices = direction_names,
	    .fallback = "both",
	    .doc = "Which deviations count: above what is expected, below, or both." },
	{ .name = "min_abs_dev",
	    .kind = FIELD_DOUBLE,
	    .offset = offsetof(struct deviation_settings, min_abs_dev),
	    .flags = FIELD_NOT_NEGATIVE,
	    .fallback = "0",
	    .doc = "A smaller deviation, in the query's unit, raises nothing. For a series that "
		   "has been constant this or min_rel_dev says what matters; without either it is "
		   "not judged." },
	{ .name = "min_rel_dev",
	    .kind = FIELD_DOUBLE,
	    .offset = offsetof(struct deviation_settings, min_rel_dev),
	    .flags = FIELD_NOT_NEGATIVE,
	    .fallback = "0",
	    .doc = "A deviation smaller than this share of what is expected raises nothing." },
	POINTS_FIELDS(deviation_settings, points,
	    "what makes 2016 points of the window (4032 for auto)", "judged."),
	{ .name = "warm_up",
	    .kind = FIELD_DURATION,
	    .offset = offsetof(struct deviation_settings, warm_up),
	    .fallback = "0s",
	    .doc = "A series is judged only when its known past is at least so long; min_samples "
		   "points (30, for auto 60) are needed in any case." },
	{ .name = "exclude_firing",
	    .kind = FIELD_BOOL,
	    .offset = offsetof(struct deviation_settings, exclude_firing),
	    .fallback = "false",
	    .doc = "What is measured while the series' alert fires stays out of its baseline, so "
		   "that a long incident does not become normal, until it is the larger part of "
		   "what is known. For series whose usual levels are all in the window." },
	{ .name = "exclude",
	    .kind = FIELD_STRING_LIST,
	    .offset = offsetof(struct deviation_settings, exclude),
	    .doc = "Names of time_intervals, such as holidays: then nothing is judged, and what "
		   "was measured then is no baseline." },
	{ .name = "lambda",
	    .kind = FIELD_DOUBLE,
	    .offset = offsetof(struct deviation_settings, lambda),
	    .min = 0.01,
	    .max = 1,
	    .fallback = "0.2",
	    .doc = "ewma: the weight of the newest value." },
	{ .name = "k",
	    .kind = FIELD_DOUBLE,
	    .offset = offsetof(struct deviation_settings, k),
	    .min = 0.1,
	    .max = 3,
	    .fallback = "0.5",
	    .doc = "cusum: half the shift, in standard deviations, that is to be found fastest." },
};

static const struct schema deviation_schema = {
	.name = "deviation",
	.doc = "Tells when a series is unlike its own past, with a method of choice.",
	.size = sizeof(struct deviation_settings),
	SCHEMA_FIELDS(deviation_fields),
	.pos_offset = offsetof(struct deviation_settings, pos) + 1,
	.check = deviation_check,
};

const struct rule_kind_schema rule_kind_deviation_schema = {
	.name = "deviation",
	.schema = &deviation_schema,
	.finish = deviation_finish,
	.identity = deviation_identity,
};

const struct rule_kind rule_kind_deviation = {
	.schema = &rule_kind_deviation_schema,
	.plan = deviation_plan,
	.judge = deviation_judge,
	.level_severity = deviation_level_severity,
	.remembers = deviation_remembers,
	.heavy = true,
};
