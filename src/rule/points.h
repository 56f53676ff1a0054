/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The points that a learning kind looks at: what the rule remembers of a
 * series and what was asked for besides, as one row of numbers; what to ask
 * so that nothing is missing; and what to remember next.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "rule/kind.h"
#include "rule/past.h"
#include "rule/series.h"

struct points {
	const wall_t *at; /* ascending */
	const double *value;
	const uint8_t *flags; /* PAST_FIRING */
	uint32_t n;
};

/*
 * What is known of a series from `from` up to but without `before`: what is remembered and, where
 * range is not NULL, what was asked for besides.  Values that are not finite are left out.
 */
void points_of(const struct past *past, struct str key, const struct series *range, wall_t from,
    wall_t before, struct arena *arena, struct points *ret);

/*
 * The plan of a kind that learns: the value now, and the history which is not remembered yet:
 * all of the window on first start, later what a gap has left out.
 */
void points_plan(const struct rule_config *rule, const struct past *past, wall_t now,
    const char *query, const struct past_need *need, bool ask_history, struct rule_plan *ret);
/* How far apart points are kept when the settings do not say. */
dur_t points_step(const struct rule_config *rule, dur_t window, dur_t step, uint32_t points);
/* Adds the observations of one series; range: what was asked for besides, guard: NULL without one. */
typedef int points_judge_fn(const struct rule_input *in, const struct series *range,
    struct series_join *guard, const struct sample *sample, struct judgement *ret, struct err *err);
/* Judges the answers to such a plan, the guard's last, series by series, and remembers them. */
int points_judge(const struct rule_input *in, bool has_guard, uint32_t levels,
    points_judge_fn *judge, struct judgement *ret, struct err *err);
/* What is to be remembered: the range's points, if any, and what the answer says now. */
void points_remember(const struct vector *answer, const struct vector *range, wall_t asked_at,
    struct arena *arena, struct judgement *ret);
