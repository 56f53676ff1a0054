/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `burn_rate:`: how fast an error budget is being spent, over pairs of windows.
 *
 * A pair breaches while both its windows burn faster than its factor: the long
 * one says that it matters, the short one that it still goes on (Google SRE
 * workbook, chapter 5).  Each query is asked once for each window, with
 * $window put in.  Pairs of one severity are one alert; severities are levels.
 * No traffic burns no budget and proves nothing: the outcome is insufficient.
 */
#include "config.h"

#include <math.h>

#include "base/duration.h"
#include "rule/kinds.h"
#include "rule/series.h"
#include "stats/burn.h"

#define WINDOWS_MAX (RULE_QUERIES_MAX / 2)
#define PAIRS_MAX   WINDOWS_MAX
#define WINDOW_TEXT "$window"

struct pair {
	dur_t long_, short_;
	double factor;
	const char *severity;
	struct pos pos;
	/* from the above */
	uint32_t i_long, i_short, level;
};

struct window {
	dur_t length;
	const char *bad, *total; /* the queries with this window */
};

struct burn_settings {
	const char *bad, *good, *total;
	double objective, min_total;
	dur_t period;
	struct sub_list pairs;
	struct pos pos;
	/* from the above */
	struct pair *pair;
	uint32_t n_pairs;
	struct window windows[WINDOWS_MAX];
	uint32_t n_windows;
	const char *levels[RULE_LEVELS_MAX];
	uint32_t n_levels;
};

/* 2 % of a 30-day budget in an hour, 5 % in six, 10 % in three days. */
static const struct pair usual_pairs[] = {
	{ .long_ = { INT64_C(3600000000000) },
	    .short_ = { INT64_C(300000000000) },
	    .factor = 14.4,
	    .severity = "critical" },
	{ .long_ = { INT64_C(21600000000000) },
	    .short_ = { INT64_C(1800000000000) },
	    .factor = 6,
	    .severity = "critical" },
	{ .long_ = { INT64_C(259200000000000) },
	    .short_ = { INT64_C(21600000000000) },
	    .factor = 1,
	    .severity = "warning" },
};

static int
burn_plan(const struct rule_config *rule, const struct past *past UNUSED, wall_t now,
    struct rule_plan *ret, struct err *err UNUSED)
{
	const struct burn_settings *settings = rule->settings;
	wall_t at = rule_query_at(rule, now);

	ret->n = 0;
	for (uint32_t i = 0; i < settings->n_windows; i++) {
		const struct window *window = &settings->windows[i];
		struct rule_query query = {
			.at = at,
			.from = wall_sub(at, window->length),
			.for_window = true,
			.to = at,
		};

		query.text = str_from(window->total);
		ret->queries[ret->n++] = query;
		query.text = str_from(window->bad);
		ret->queries[ret->n++] = query;
	}
	return 0;
}

/* --- judging ----------------------------------------------------------- */

struct rates {
	struct stats_value rate[WINDOWS_MAX];
	double total[WINDOWS_MAX];
};

static double
number_of(const struct sample *sample, double otherwise)
{
	return sample == NULL ? otherwise : sample->missing ? (double)NAN : sample->value;
}

/* A series of `total` without one of `bad` has nothing bad: rate() of no series is no series. */
static int
read_window(const struct rule_input *in, struct series_join *total, struct series_join *part,
    const struct sample *sample, uint32_t i, struct rates *ret, struct err *err)
{
	const struct burn_settings *settings = in->rule->settings;
	const struct sample *found_total, *found;
	double bad;
	int code = series_join_find(total, in->sources[0], sample, &found_total, err);

	if (code == 0)
		code = series_join_find(part, in->sources[0], sample, &found, err);
	if (code < 0)
		return code;
	ret->total[i] = number_of(found_total, (double)NAN);
	bad = number_of(found, 0.0);
	if (settings->good != NULL)
		bad = ret->total[i] - bad;
	/* Two rates are not scraped at one instant: a little over the whole is the whole. */
	bad = fmin(fmax(bad, 0.0), ret->total[i]);
	ret->rate[i] = ret->total[i] < settings->min_total
			   ? stats_value_undefined(STATS_FEW)
			   : burn_rate(bad, ret->total[i], settings->objective);
	if (isnan(ret->total[i]))
		ret->rate[i] = stats_value_undefined(STATS_FEW);
	return 0;
}

static void
put_pairs(const struct burn_settings *settings, const struct rates *rates, struct buf *out)
{
	buf_puts(out, "{\"pairs\":[");
	for (uint32_t i = 0; i < settings->n_pairs; i++) {
		const struct pair *pair = &settings->pair[i];
		char long_text[DURATION_TEXT_MAX], short_text[DURATION_TEXT_MAX];
		struct buf one = { 0 };

		buf_putc(&one, '{');
		detail_text(&one, "long", duration_format(pair->long_, long_text));
		detail_text(&one, "short", duration_format(pair->short_, short_text));
		detail_number(&one, "factor", pair->factor);
		detail_number(&one, "long_rate", rates->rate[pair->i_long].value);
		detail_number(&one, "short_rate", rates->rate[pair->i_short].value);
		detail_number(&one, "total", rates->total[pair->i_long]);
		buf_printf(out, "%s%s}", i > 0 ? "," : "", one.p);
		buf_fini(&one);
	}
	buf_puts(out, "]}");
}

static const struct explain *
explain_burn(const struct burn_settings *settings, const struct pair *pair,
    const struct rates *rates, struct arena *arena)
{
	struct explain *explain = ARENA_NEW(arena, struct explain);
	struct stats_value rate = rates->rate[pair->i_long];
	struct buf detail = { 0 };

	*explain = explain_none;
	explain->method = "burn_rate";
	explain->value = rate.value;
	explain->threshold = pair->factor;
	explain->baseline = 1.0 - settings->objective;
	explain->n_current = rates->total[pair->i_long];
	explain->statistic = rates->rate[pair->i_short].value;
	explain->effect =
	    burn_budget_spent(rate.value, dur_seconds(pair->long_), dur_seconds(settings->period))
		.value;
	explain->window = pair->long_;
	put_pairs(settings, rates, &detail);
	explain->detail = arena_str(arena, buf_str(&detail));
	buf_fini(&detail);
	return explain;
}

/* What the pairs of a level say; *ret_pair: the one that burns most for its factor. */
static enum outcome
judge_level(const struct burn_settings *settings, const struct rates *rates, uint32_t level,
    const struct pair **ret_pair)
{
	enum outcome outcome = OUTCOME_INSUFFICIENT;
	double most = -1.0;
	bool seen = false;

	*ret_pair = &settings->pair[0];
	for (uint32_t i = 0; i < settings->n_pairs; i++) {
		const struct pair *pair = &settings->pair[i];
		struct stats_value l = rates->rate[pair->i_long], s = rates->rate[pair->i_short];
		double share;

		if (pair->level != level)
			continue;
		if (!seen)
			*ret_pair = pair;
		seen = true;
		/* One window below the factor is enough to say no. */
		if (l.status != STATS_OK && s.status != STATS_OK)
			continue;
		if ((l.status != STATS_OK && s.value > pair->factor) ||
		    (s.status != STATS_OK && l.value > pair->factor))
			continue;
		if (burn_is_above(l, s, pair->factor))
			outcome = OUTCOME_BREACH;
		else if (outcome == OUTCOME_INSUFFICIENT)
			outcome = OUTCOME_OK;
		share = l.status == STATS_OK && s.status == STATS_OK
			    ? fmin(l.value, s.value) / pair->factor
			    : 0.0;
		if (share > most) {
			most = share;
			*ret_pair = pair;
		}
	}
	return outcome;
}

static int
judge_series(const struct rule_input *in, struct series_join *joins, const struct sample *sample,
    struct judgement *ret, struct err *err)
{
	const struct burn_settings *settings = in->rule->settings;
	struct rates rates;

	for (uint32_t i = 0; i < settings->n_windows; i++) {
		int code = read_window(
		    in, &joins[(size_t)2 * i], &joins[(size_t)2 * i + 1], sample, i, &rates, err);

		if (code < 0)
			return code;
	}
	for (uint32_t level = 0; level < settings->n_levels; level++) {
		const struct pair *pair;
		enum outcome outcome = judge_level(settings, &rates, level, &pair);

		ret->observations[ret->n++] = (struct observation){
			.sample = sample,
			.outcome = outcome,
			.value = rates.rate[pair->i_long].value,
			.level = (uint8_t)level,
			.explain = explain_burn(settings, pair, &rates, in->arena),
		};
	}
	return 0;
}

static int
burn_judge(const struct rule_input *in, struct judgement *ret, struct err *err)
{
	const struct burn_settings *settings = in->rule->settings;
	uint32_t widest = 0;
	const struct vector *answer;
	struct series_join joins[RULE_QUERIES_MAX];

	for (uint32_t i = 0; i < in->n; i++)
		series_join_init(&joins[i], in->sources[i], &in->answers[i], in->arena);
	/* The totals of the longest window know every series that any window knows. */
	for (uint32_t i = 1; i < settings->n_windows; i++)
		if (dur_less(settings->windows[widest].length, settings->windows[i].length))
			widest = i;
	answer = &in->answers[(size_t)2 * widest];
	series_observations(in->arena, answer->n, settings->n_levels, ret);
	for (uint32_t i = 0; i < answer->n; i++) {
		int code = judge_series(in, joins, &answer->samples[i], ret, err);

		if (code < 0)
			return code;
	}
	return 0;
}

static const char *
burn_level_severity(const struct rule_config *rule, uint8_t level)
{
	const struct burn_settings *settings = rule->settings;

	return level < settings->n_levels ? settings->levels[level] : NULL;
}

/* --- settings ---------------------------------------------------------- */

static void
check_pair(struct schema_context *ctx, const struct pair *pair, const struct pair *first)
{
	if (!dur_less(pair->short_, pair->long_))
		diag_error(ctx->diag, pair->pos, "short must be shorter than long");
	if ((pair->severity == NULL) != (first->severity == NULL))
		diag_error(ctx->diag, pair->pos,
		    "either every pair has a severity, or none: pairs of one severity are one "
		    "alert");
}

static void
read_pairs(struct schema_context *ctx, struct burn_settings *settings)
{
	bool given = settings->pairs.set && settings->pairs.n > 0;

	settings->n_pairs = given ? settings->pairs.n : (uint32_t)ARRAY_LEN(usual_pairs);
	if (settings->n_pairs > PAIRS_MAX) {
		diag_error(
		    ctx->diag, settings->pairs.pos[PAIRS_MAX], "more than %d pairs", PAIRS_MAX);
		settings->n_pairs = 0;
		return;
	}
	settings->pair = ARENA_ARRAY(ctx->arena, settings->n_pairs, struct pair);
	for (uint32_t i = 0; i < settings->n_pairs; i++) {
		settings->pair[i] =
		    given ? *(const struct pair *)settings->pairs.items[i] : usual_pairs[i];
		if (given)
			check_pair(ctx, &settings->pair[i], &settings->pair[0]);
	}
}

static void
set_levels(struct burn_settings *settings)
{
	settings->n_levels = 0;
	for (uint32_t i = 0; i < settings->n_pairs; i++) {
		struct pair *pair = &settings->pair[i];

		for (pair->level = 0; pair->level < settings->n_levels; pair->level++)
			if (pair->severity == NULL ||
			    strcmp(pair->severity, settings->levels[pair->level]) == 0)
				break;
		if (pair->level == settings->n_levels)
			settings->levels[settings->n_levels++] = pair->severity;
	}
}

static const char *
with_window(struct schema_context *ctx, const char *query, dur_t window)
{
	char text[DURATION_TEXT_MAX];
	const char *at, *rest = query;
	struct buf buf = { 0 };
	struct str whole;

	duration_format(window, text);
	while ((at = strstr(rest, WINDOW_TEXT)) != NULL) {
		buf_put(&buf, rest, (size_t)(at - rest));
		buf_puts(&buf, text);
		rest = at + sizeof(WINDOW_TEXT) - 1;
	}
	buf_puts(&buf, rest);
	whole = arena_str(ctx->arena, buf_str(&buf));
	buf_fini(&buf);
	return whole.p;
}

/* Its index; the queries are made for a new one. */
static uint32_t
add_window(struct schema_context *ctx, struct burn_settings *settings, dur_t length)
{
	const char *part = settings->bad != NULL ? settings->bad : settings->good;

	for (uint32_t i = 0; i < settings->n_windows; i++)
		if (settings->windows[i].length.ns == length.ns)
			return i;
	if (settings->n_windows == WINDOWS_MAX) {
		diag_error(ctx->diag, settings->pos,
		    "the pairs have more than %d different windows", WINDOWS_MAX);
		return 0;
	}
	settings->windows[settings->n_windows] = (struct window){ length,
		with_window(ctx, part, length), with_window(ctx, settings->total, length) };
	return settings->n_windows++;
}

static void
check_query(struct schema_context *ctx, const struct burn_settings *settings, const char *query,
    const char *name)
{
	if (query != NULL && strstr(query, WINDOW_TEXT) == NULL && strstr(query, ":from") == NULL)
		diag_error(ctx->diag, settings->pos,
		    "%s is asked for windows of several lengths and does not mention " WINDOW_TEXT
		    " (in SQL also :from and :to)",
		    name);
}

static void
burn_check(struct schema_context *ctx, void *value, const struct yaml_node *node UNUSED)
{
	struct burn_settings *settings = value;

	if (settings->total == NULL || isnan(settings->objective))
		return;
	if (settings->objective >= 1)
		diag_error(ctx->diag, settings->pos,
		    "objective is a share below 1, such as 0.999 for 99.9 %%");
	if (settings->bad == NULL && settings->good == NULL) {
		diag_error(ctx->diag, settings->pos,
		    "burn_rate needs bad or good: a query that counts the events that broke the "
		    "objective, or those that kept it");
		return;
	}
	check_query(ctx, settings, settings->bad, "bad");
	check_query(ctx, settings, settings->good, "good");
	check_query(ctx, settings, settings->total, "total");
	read_pairs(ctx, settings);
	set_levels(settings);
	for (uint32_t i = 0; i < settings->n_pairs; i++) {
		settings->pair[i].i_short = add_window(ctx, settings, settings->pair[i].short_);
		settings->pair[i].i_long = add_window(ctx, settings, settings->pair[i].long_);
	}
}

static void
burn_finish(struct schema_context *ctx UNUSED, struct rule_config *rule)
{
	const struct burn_settings *settings = rule->settings;

	rule->query_text = settings->bad != NULL ? settings->bad : settings->good;
}

static void
burn_identity(const struct rule_config *rule, struct buf *out)
{
	const struct burn_settings *settings = rule->settings;

	config_normalize_query(str_from(rule->query_text), out);
	buf_putc(out, settings->bad != NULL ? 'b' : 'g');
	config_normalize_query(str_from(settings->total), out);
	buf_printf(out, "%c%.17g", '\0', settings->objective);
	for (uint32_t i = 0; i < settings->n_pairs; i++) {
		const struct pair *pair = &settings->pair[i];

		buf_printf(out, "%c%lld %lld %.17g %s", '\0', (long long)pair->long_.ns,
		    (long long)pair->short_.ns, pair->factor,
		    pair->severity != NULL ? pair->severity : "");
	}
}

static const struct schema_field pair_fields[] = {
	{ .name = "long",
	    .kind = FIELD_DURATION,
	    .offset = offsetof(struct pair, long_),
	    .flags = FIELD_REQUIRED | FIELD_POSITIVE,
	    .doc = "The window that says whether it matters." },
	{ .name = "short",
	    .kind = FIELD_DURATION,
	    .offset = offsetof(struct pair, short_),
	    .flags = FIELD_REQUIRED | FIELD_POSITIVE,
	    .doc = "The window that says whether it still goes on; a twelfth of the long one is "
		   "usual." },
	{ .name = "factor",
	    .kind = FIELD_DOUBLE,
	    .offset = offsetof(struct pair, factor),
	    .flags = FIELD_REQUIRED | FIELD_POSITIVE,
	    .doc = "The burn rate that both must exceed; at 1 the budget lasts exactly its "
		   "period." },
	{ .name = "severity",
	    .kind = FIELD_STRING,
	    .offset = offsetof(struct pair, severity),
	    .flags = FIELD_NONEMPTY,
	    .doc = "Label severity of the alert; pairs of one severity are one alert." },
};

static const struct schema pair_schema = {
	.name = "pair",
	.doc = "A long and a short window.",
	.size = sizeof(struct pair),
	SCHEMA_FIELDS(pair_fields),
	.pos_offset = offsetof(struct pair, pos) + 1,
};

static const struct schema_field burn_fields[] = {
	{ .name = "bad",
	    .kind = FIELD_STRING,
	    .offset = offsetof(struct burn_settings, bad),
	    .flags = FIELD_NONEMPTY,
	    .exclusive = "bad or good",
	    .doc = "A query for the events that broke the objective, over $window: it is asked "
		   "once for each window, with the window's length put in for $window (in SQL "
		   "the window is also :from to :to). A series missing here has none." },
	{ .name = "good",
	    .kind = FIELD_STRING,
	    .offset = offsetof(struct burn_settings, good),
	    .flags = FIELD_NONEMPTY,
	    .exclusive = "bad or good",
	    .doc = "A query for the events that kept the objective, instead of bad." },
	{ .name = "total",
	    .kind = FIELD_STRING,
	    .offset = offsetof(struct burn_settings, total),
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    .doc = "A query for all events over $window; its series are what is judged." },
	{ .name = "objective",
	    .kind = FIELD_DOUBLE,
	    .offset = offsetof(struct burn_settings, objective),
	    .flags = FIELD_REQUIRED | FIELD_POSITIVE,
	    .doc = "The share of events that has to be good, such as 0.999." },
	{ .name = "period",
	    .kind = FIELD_DURATION,
	    .offset = offsetof(struct burn_settings, period),
	    .flags = FIELD_POSITIVE,
	    .fallback = "30d",
	    .doc = "The period that the budget is for; only what the explanation says depends on "
		   "it." },
	{ .name = "pairs",
	    .kind = FIELD_SUB_LIST,
	    .sub = &pair_schema,
	    .offset = offsetof(struct burn_settings, pairs),
	    .flags = FIELD_NONEMPTY,
	    .doc = "Pairs of windows; default: 1h with 5m at 14.4 and 6h with 30m at 6, both "
		   "critical, and 3d with 6h at 1, a warning." },
	{ .name = "min_total",
	    .kind = FIELD_DOUBLE,
	    .offset = offsetof(struct burn_settings, min_total),
	    .flags = FIELD_NOT_NEGATIVE,
	    .fallback = "0",
	    .doc = "With less than this, in the unit of total, a window says nothing: the outcome "
		   "is insufficient." },
};

static const struct schema burn_schema = {
	.name = "burn_rate",
	.doc = "Tells when an error budget is spent too fast, over pairs of a long and a short "
	       "window.",
	.size = sizeof(struct burn_settings),
	SCHEMA_FIELDS(burn_fields),
	.pos_offset = offsetof(struct burn_settings, pos) + 1,
	.check = burn_check,
};

const struct rule_kind_schema rule_kind_burn_rate_schema = {
	.name = "burn_rate",
	.schema = &burn_schema,
	.finish = burn_finish,
	.identity = burn_identity,
};

const struct rule_kind rule_kind_burn_rate = {
	.schema = &rule_kind_burn_rate_schema,
	.plan = burn_plan,
	.judge = burn_judge,
	.level_severity = burn_level_severity,
};
