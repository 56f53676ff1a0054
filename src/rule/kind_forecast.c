/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `forecast:`: where a series will be, if it goes on as in the window.
 *
 * A line through the window's points, by least squares or Theil and Sen's
 * robust one, is followed to now + horizon; what it says there is compared.  A
 * slope that does not stand out of the noise is no trend: then the series is
 * expected to stay where it is.  "Full in four hours" is never said of noise.
 */
#include "config.h"

#include <math.h>

#include "base/duration.h"
#include "rule/kinds.h"
#include "rule/levels.h"
#include "rule/points.h"
#include "rule/series.h"
#include "stats/forecast.h"
#include "stats/sample.h"

#define MIN_SAMPLES 10
#define POINTS      240  /* of a window, unless step says otherwise */
#define POINTS_MOST 1999 /* besides the value now: Theil and Sen look at all pairs */

enum method {
	METHOD_LEAST_SQUARES,
	METHOD_THEIL_SEN
};
static const char *const method_names[] = { "least_squares", "theil_sen", NULL };

struct forecast_settings {
	struct points_settings points;
	int method;
	dur_t horizon;
	double min_current, min_trend;
	struct levels levels;
	struct pos pos;
};

static void
forecast_remembers(const struct rule_config *rule, struct past_need *ret)
{
	*ret = ((const struct forecast_settings *)rule->settings)->points.need;
}

static int
forecast_plan(const struct rule_config *rule, const struct past *past, wall_t now,
    struct rule_plan *ret, struct err *err UNUSED)
{
	const struct forecast_settings *settings = rule->settings;

	points_plan(rule, &settings->points, past, now, ret);
	return 0;
}

/* --- judging ----------------------------------------------------------- */

struct outlook {
	double value; /* NaN: cannot be said */
	double current, low, high;
	struct forecast_line line; /* time in seconds from now */
	double trend;              /* slope in its standard errors, or the like */
	bool has_trend;
	uint32_t n;
};

/*
 * Does the slope stand out?  Least squares: by its standard error; Theil and
 * Sen: Kendall's test, put on the same scale by its normal approximation.
 */
static double
trend_of(const struct forecast_settings *settings, const struct outlook *o, const double *t,
    const double *y)
{
	struct stats_test kendall;
	double n = o->n;

	if (settings->method == METHOD_LEAST_SQUARES)
		return o->line.slope_stderr > 0.0 ? fabs(o->line.slope) / o->line.slope_stderr
		       : o->line.slope != 0.0     ? (double)INFINITY
						  : 0.0;
	kendall = forecast_kendall(t, y, o->n);
	if (kendall.status != STATS_OK)
		return 0.0;
	return fabs(kendall.statistic) * 3.0 * sqrt(n * (n - 1.0)) / sqrt(2.0 * (2.0 * n + 5.0));
}

static double
median_of(const double *y, uint32_t n, struct arena *arena)
{
	double *sorted = ARENA_ARRAY(arena, n, double);

	memcpy(sorted, y, n * sizeof(*sorted));
	sample_sort(sorted, n);
	return sample_median(sorted, n);
}

static void
look_ahead(const struct forecast_settings *settings, const double *t, const double *y,
    struct outlook *o, struct arena *arena)
{
	double horizon = dur_seconds(settings->horizon);
	struct stats_value sd;

	o->line = settings->method == METHOD_LEAST_SQUARES ? forecast_least_squares(t, y, o->n)
							   : forecast_theil_sen(t, y, o->n);
	if (o->line.status != STATS_OK)
		return;
	o->trend = trend_of(settings, o, t, y);
	o->has_trend = o->trend >= settings->min_trend;
	o->value = o->has_trend ? forecast_at(&o->line, horizon) : median_of(y, o->n, arena);
	sd = forecast_sd_at(&o->line, horizon);
	if (settings->method == METHOD_LEAST_SQUARES && sd.status == STATS_OK) {
		o->low = o->value - 2.0 * sd.value;
		o->high = o->value + 2.0 * sd.value;
	}
}

static void
read_outlook(const struct rule_input *in, const struct series *range, const struct sample *sample,
    struct outlook *ret)
{
	const struct forecast_settings *settings = in->rule->settings;
	struct current current = series_current(sample, rule_query_at(in->rule, in->now));
	uint32_t least = in->rule->min_samples > 0 ? in->rule->min_samples : MIN_SAMPLES;
	struct points points;
	double *t, *y;

	*ret = (struct outlook){ .value = (double)NAN,
		.current = current.value,
		.low = (double)NAN,
		.high = (double)NAN,
		.line = { .status = STATS_FEW } };
	if (!current.usable)
		return;
	points_of(in->past, sample->key, range, wall_sub(current.at, settings->points.window),
	    current.at, in->arena, &points);
	t = ARENA_ARRAY(in->arena, points.n + 1, double);
	y = ARENA_ARRAY(in->arena, points.n + 1, double);
	for (uint32_t i = 0; i < points.n; i++) {
		t[i] = -dur_seconds(wall_since(current.at, points.at[i]));
		y[i] = points.value[i];
	}
	t[points.n] = 0.0;
	y[points.n] = current.value;
	ret->n = points.n + 1;
	if (ret->n >= least)
		look_ahead(settings, t, y, ret, in->arena);
}

/* Seconds until the line is at the level's value; NaN without a trend, infinity for never. */
static double
time_to_breach(const struct outlook *o, double threshold)
{
	struct stats_value at = forecast_time_to(&o->line, 0.0, threshold);

	return o->has_trend && at.status == STATS_OK ? at.value : (double)NAN;
}

/* "87 now, 104 expected in 4h (98 to 110), against the threshold 100, reached in 2h51m" */
static struct str
say_outlook(const struct forecast_settings *settings, const struct outlook *o, double threshold,
    struct arena *arena)
{
	double seconds = time_to_breach(o, threshold);
	char horizon[DURATION_TEXT_MAX], left[DURATION_TEXT_MAX];
	struct buf said = { 0 };
	struct str ret;

	if (o->line.status != STATS_OK)
		return STR("");
	buf_printf(&said, "%.6g now, %.6g expected in %s", o->current, o->value,
	    duration_format(settings->horizon, horizon));
	if (isfinite(o->low) && isfinite(o->high))
		buf_printf(&said, " (%.6g to %.6g)", o->low, o->high);
	buf_printf(&said, ", against the threshold %.6g", threshold);
	if (seconds > 0 && seconds <= dur_seconds(settings->horizon))
		buf_printf(
		    &said, ", reached in %s", duration_format(DUR_S((int64_t)seconds), left));
	ret = arena_str(arena, buf_str(&said));
	buf_fini(&said);
	return ret;
}

static const struct explain *
explain_outlook(const struct forecast_settings *settings, const struct outlook *o,
    const struct level *level, struct arena *arena)
{
	struct explain *explain = ARENA_NEW(arena, struct explain);
	struct buf detail = { 0 };

	*explain = explain_none;
	explain->method = method_names[settings->method];
	explain->value = o->value;
	explain->threshold = level->value;
	explain->n_reference = o->n;
	explain->window = settings->points.window;
	explain->said = say_outlook(settings, o, level->value, arena);
	buf_putc(&detail, '{');
	detail_number(&detail, "current", o->current);
	detail_number(&detail, "horizon_seconds", dur_seconds(settings->horizon));
	if (o->line.status == STATS_OK) {
		explain->baseline = o->current;
		explain->low = o->low;
		explain->high = o->high;
		explain->statistic = o->trend;
		explain->effect = o->line.slope;
		detail_number(&detail, "slope_per_second", o->line.slope);
		detail_number(&detail, "r2", o->line.r2);
		detail_number(&detail, "seconds_to_threshold", time_to_breach(o, level->value));
	} else {
		detail_text(&detail, "why", stats_status_name(o->line.status));
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
	const struct forecast_settings *settings = in->rule->settings;
	struct outlook outlook;
	bool passes = true;
	int code = 0;

	if (guard != NULL)
		code = series_is_guarded(guard, in->sources[0], sample, &passes, err);
	if (code < 0)
		return code;
	read_outlook(in, range, sample, &outlook);
	for (uint32_t i = 0; i < settings->levels.n; i++) {
		enum outcome outcome = levels_judge(&settings->levels, i, outlook.value);

		if (outcome == OUTCOME_BREACH && !isnan(settings->min_current) &&
		    outlook.current < settings->min_current)
			outcome = OUTCOME_OK;
		if (outcome != OUTCOME_OK && !passes)
			outcome = OUTCOME_INSUFFICIENT;
		ret->observations[ret->n++] = (struct observation){
			.sample = sample,
			.outcome = outcome,
			.value = outlook.value,
			.level = (uint8_t)i,
			.explain = explain_outlook(
			    settings, &outlook, &settings->levels.level[i], in->arena),
		};
	}
	return 0;
}

static int
forecast_judge(const struct rule_input *in, struct judgement *ret, struct err *err)
{
	const struct forecast_settings *settings = in->rule->settings;

	return points_judge(
	    in, settings->points.guard != NULL, settings->levels.n, judge_series, ret, err);
}

static const char *
forecast_level_severity(const struct rule_config *rule, uint8_t level)
{
	return levels_severity(&((const struct forecast_settings *)rule->settings)->levels, level);
}

/* --- settings ---------------------------------------------------------- */

static void
forecast_check(struct schema_context *ctx, void *value, const struct yaml_node *node UNUSED)
{
	struct forecast_settings *settings = value;

	if (settings->levels.op < 0)
		return;
	points_settings_check(ctx, &settings->points, settings->pos);
	if (settings->levels.op == OP_EQ || settings->levels.op == OP_NE)
		diag_error(ctx->diag, settings->pos,
		    "op '%s' makes no sense with forecast: a line meets a value exactly at one "
		    "instant",
		    op_names[settings->levels.op]);
	levels_check(ctx, &settings->levels, settings->pos, "forecast", "value");
}

static void
forecast_finish(struct schema_context *ctx, struct rule_config *rule)
{
	/* The settings are the rule's own until the configuration is done. */
	struct forecast_settings *settings = (struct forecast_settings *)(uintptr_t)rule->settings;

	points_settings_finish(ctx, rule, &settings->points, settings->pos, POINTS, POINTS_MOST);
	if (settings->points.window.ns / settings->points.need.step.ns < MIN_SAMPLES)
		diag_error(ctx->diag, settings->pos,
		    "window holds fewer than %d points: make it longer, or the group's interval "
		    "(or step) shorter",
		    MIN_SAMPLES);
}

static void
forecast_identity(const struct rule_config *rule, struct buf *out)
{
	const struct forecast_settings *settings = rule->settings;

	config_normalize_query(str_from(rule->query_text), out);
	buf_printf(out, "%c%d %lld", '\0', settings->method, (long long)settings->horizon.ns);
	levels_identity(&settings->levels, out);
}

static const struct schema_field forecast_fields[] = {
	{ .name = "query",
	    .kind = FIELD_STRING,
	    .offset = offsetof(struct forecast_settings, points.query),
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    .doc = "What to look at, in the source's language. In a database: rows with their time "
		   "as ts, as "
		   "SELECT ts, model, value FROM m WHERE ts >= :from AND ts <= :to: the window is "
		   "asked for on first start, then the last minutes, of which the newest row of "
		   "each series counts; a query without :from has no history and learns." },
	{ .name = "window",
	    .kind = FIELD_DURATION,
	    .offset = offsetof(struct forecast_settings, points.window),
	    .flags = FIELD_REQUIRED | FIELD_POSITIVE,
	    .doc = "How much of the past the line is drawn through." },
	{ .name = "horizon",
	    .kind = FIELD_DURATION,
	    .offset = offsetof(struct forecast_settings, horizon),
	    .flags = FIELD_REQUIRED | FIELD_POSITIVE,
	    .doc = "How far ahead the line is followed; what it says there is compared." },
	{ .name = "method",
	    .kind = FIELD_ENUM,
	    .offset = offsetof(struct forecast_settings, method),
	    .choices = method_names,
	    .fallback = "least_squares",
	    .doc = "least_squares: the usual line; theil_sen: the median of all slopes, which a "
		   "quarter of wild points does not move." },
	LEVELS_OP_FIELD(
	    forecast_settings, levels, "How the forecast is compared with the threshold."),
	LEVELS_FIELDS(forecast_settings, levels, "value",
	    "The value that must not be reached within the horizon."),
	{ .name = "min_trend",
	    .kind = FIELD_DOUBLE,
	    .offset = offsetof(struct forecast_settings, min_trend),
	    .flags = FIELD_NOT_NEGATIVE,
	    .fallback = "3",
	    .doc = "How many of its standard errors a slope must have to be a trend; without one "
		   "the series is expected to stay at its median. 0: every slope is." },
	{ .name = "min_current",
	    .kind = FIELD_DOUBLE,
	    .offset = offsetof(struct forecast_settings, min_current),
	    .doc = "While the value now is below this nothing is raised, whatever it grows to." },
	POINTS_FIELDS(forecast_settings, points, "a 240th of the window", "raised."),
};

static const struct schema forecast_schema = {
	.name = "forecast",
	.doc = "Tells in advance: a line through the past, followed to the horizon.",
	.size = sizeof(struct forecast_settings),
	SCHEMA_FIELDS(forecast_fields),
	.pos_offset = offsetof(struct forecast_settings, pos) + 1,
	.check = forecast_check,
};

const struct rule_kind_schema rule_kind_forecast_schema = {
	.name = "forecast",
	.schema = &forecast_schema,
	.finish = forecast_finish,
	.identity = forecast_identity,
};

const struct rule_kind rule_kind_forecast = {
	.schema = &rule_kind_forecast_schema,
	.plan = forecast_plan,
	.judge = forecast_judge,
	.level_severity = forecast_level_severity,
	.remembers = forecast_remembers,
	.heavy = true,
	.heavy_always = true, /* slopes of all pairs: 80 series can take 40 ms */
};
