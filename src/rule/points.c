/* SPDX-License-Identifier: Apache-2.0 */
/* Points of a series, remembered and asked for; see the header. */
#include "config.h"

#include "rule/points.h"

#include <math.h>

#include "rule/kinds.h"

#define GAP_STEPS 3 /* fewer points missing than this: not worth a query */

struct points_builder {
	wall_t *at;
	double *value;
	uint8_t *flags;
	uint32_t n;
};

static void
put_point(struct points_builder *b, wall_t at, double value, uint8_t flags)
{
	if (!isfinite(value) || (b->n > 0 && !wall_before(b->at[b->n - 1], at)))
		return;
	b->at[b->n] = at;
	b->value[b->n] = value;
	b->flags[b->n++] = flags;
}

/* The first point that is not before `from`. */
static uint32_t
lower_bound(const wall_t *at, uint32_t n, wall_t from)
{
	uint32_t low = 0, high = n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (wall_before(at[middle], from))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void
points_of(const struct past *past, struct str key, const struct series *range, wall_t from,
    wall_t before, struct arena *arena, struct points *ret)
{
	struct past_series known = { 0 };
	uint32_t i = 0, k = 0, end, n_range = range != NULL ? range->n : 0;
	struct points_builder b = { 0 };

	if (past != NULL && !past_of(past, key, &known))
		known = (struct past_series){ 0 };
	i = lower_bound(known.at, known.n, from);
	end = lower_bound(known.at, known.n, before);
	b.at = ARENA_ARRAY(arena, end - i + n_range, wall_t);
	b.value = ARENA_ARRAY(arena, end - i + n_range, double);
	b.flags = ARENA_ARRAY(arena, end - i + n_range, uint8_t);
	while (i < end || k < n_range) {
		const struct sample *sample = k < n_range ? range->samples[k] : NULL;

		if (sample != NULL && (i == end || wall_before(sample->at, known.at[i]))) {
			k++;
			if (!sample->missing && !wall_before(sample->at, from) &&
			    wall_before(sample->at, before))
				put_point(&b, sample->at, sample->value, 0);
		} else {
			put_point(&b, known.at[i], known.value[i],
			    known.flags != NULL ? known.flags[i] : 0);
			i++;
		}
	}
	*ret = (struct points){ b.at, b.value, b.flags, b.n };
}

/* --- settings and plan ---------------------------------------------------- */

/* How far apart points are kept. */
static dur_t
step_of(const struct rule_config *rule, const struct points_settings *settings, uint32_t usual)
{
	dur_t least = { settings->window.ns / usual };
	int64_t second = DUR_S(1).ns;

	if (dur_is_set(settings->step))
		return settings->step;
	if (rule->group != NULL && dur_less(least, rule->group->interval))
		least = rule->group->interval;
	/* Whole seconds: some sources know nothing finer. */
	least.ns = (least.ns + second - 1) / second * second;
	return least;
}

void
points_settings_check(struct schema_context *ctx, struct points_settings *settings, struct pos pos)
{
	if (settings->query != NULL)
		settings->query = rule_query_text(ctx, settings->query, pos, "query");
	if (settings->guard != NULL)
		settings->guard = rule_query_text(ctx, settings->guard, pos, "guard");
}

void
points_settings_finish(struct schema_context *ctx, struct rule_config *rule,
    struct points_settings *settings, struct pos pos, uint32_t usual, uint32_t most)
{
	rule->query_text = settings->query;
	settings->need = (struct past_need){
		.window = settings->window,
		.step = step_of(rule, settings, usual),
		.reset_on = settings->reset_on,
	};
	if (settings->window.ns / settings->need.step.ns > most)
		diag_error(ctx->diag, pos,
		    "window holds more than %u points of step: make step longer or window shorter",
		    most);
}

static void
plan_history(const struct rule_config *rule, const struct points_settings *settings,
    const struct past *past, wall_t now, struct rule_plan *ret)
{
	const struct past_need *need = &settings->need;
	wall_t at = rule_query_at(rule, now), from = wall_sub(at, need->window);
	wall_t newest = past != NULL ? past_newest(past) : WALL_NONE;
	dur_t gap = need->step;

	if (dur_less(gap, rule->group->interval))
		gap = rule->group->interval;
	if (wall_is_set(newest)) {
		if (!dur_less((dur_t){ instant_plus(gap.ns, (GAP_STEPS - 1) * gap.ns) },
			wall_since(at, newest)))
			return;
		from = wall_max(from, wall_add(newest, need->step));
	}
	ret->queries[ret->n++] = (struct rule_query){
		.text = str_from(settings->query),
		.shape = QUERY_RANGE,
		.at = at,
		.from = from,
		.to = wall_sub(at, need->step),
		.step = need->step,
	};
}

void
points_plan(const struct rule_config *rule, const struct points_settings *settings,
    const struct past *past, wall_t now, struct rule_plan *ret)
{
	rule_plan_one(rule, now, settings->query, ret);
	/* Where the query lists rows: of how long ago the newest may be. */
	ret->queries[0].step = settings->need.step;
	if (settings->history)
		plan_history(rule, settings, past, now, ret);
	if (settings->guard != NULL)
		ret->queries[ret->n++] = (struct rule_query){
			.text = str_from(settings->guard),
			.at = rule_query_at(rule, now),
		};
}

/* --- judgement ------------------------------------------------------------ */

void
points_remember(const struct vector *answer, const struct vector *range, wall_t asked_at,
    struct arena *arena, struct judgement *ret)
{
	uint32_t most = answer->n + (range != NULL ? range->n : 0);

	ret->remember = ARENA_ARRAY(arena, most, struct remembered);
	ret->n_remember = 0;
	for (uint32_t i = 0; range != NULL && i < range->n; i++) {
		const struct sample *sample = &range->samples[i];

		if (!sample->missing && isfinite(sample->value) && wall_is_set(sample->at))
			ret->remember[ret->n_remember++] =
			    (struct remembered){ sample, sample->at, sample->value };
	}
	for (uint32_t i = 0; i < answer->n; i++) {
		struct current current = series_current(&answer->samples[i], asked_at);

		if (current.usable)
			ret->remember[ret->n_remember++] =
			    (struct remembered){ &answer->samples[i], current.at, current.value };
	}
}

/*
 * A table's query lists rows, of which the newest of each series counts.  Servers of series give
 * one value of each; what they give twice is a mistake that others tell.
 */
static const struct vector *
newest_of_each(const struct rule_input *in)
{
	const struct vector *answer = &in->answers[0];
	struct series_set set;
	const struct source_config *config = in->sources[0]->config;
	struct vector *ret;

	if (config == NULL || config->kind == NULL || config->kind->series)
		return answer;
	series_group(answer, in->arena, &set);
	if (set.n == answer->n)
		return answer;
	ret = ARENA_NEW(in->arena, struct vector);
	*ret = (struct vector){ ARENA_ARRAY(in->arena, answer->n, struct sample), 0 };
	for (uint32_t i = 0; i < set.n; i++) {
		const struct series *series = &set.list[i];
		const struct sample *newest = series->samples[0];

		for (uint32_t k = 1; k < series->n; k++) {
			if (!wall_is_set(series->samples[k]->at))
				return answer;
			if (!wall_before(series->samples[k]->at, newest->at))
				newest = series->samples[k];
		}
		ret->samples[ret->n++] = *newest;
	}
	return ret;
}

int
points_judge(const struct rule_input *in, bool has_guard, uint32_t levels, points_judge_fn *judge,
    struct judgement *ret, struct err *err)
{
	const struct vector *answer = newest_of_each(in);
	uint32_t last = in->n - 1;
	bool has_range = in->n > (has_guard ? 2u : 1u);
	struct series_join guard;
	struct series_set ranges = { 0 };

	if (has_range)
		series_group(&in->answers[1], in->arena, &ranges);
	if (has_guard)
		series_join_init(&guard, in->sources[last], &in->answers[last], in->arena);
	series_observations(in->arena, answer->n, levels, ret);
	for (uint32_t i = 0; i < answer->n; i++) {
		const struct sample *sample = &answer->samples[i];
		int code = judge(in, series_find(&ranges, sample->key), has_guard ? &guard : NULL,
		    sample, ret, err);

		if (code < 0)
			return code;
	}
	points_remember(answer, has_range ? &in->answers[1] : NULL,
	    rule_query_at(in->rule, in->now), in->arena, ret);
	return 0;
}
