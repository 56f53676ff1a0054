/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The points that a learning kind looks at: what the rule remembers of a
 * series and what was asked for besides, as one row of numbers; what to ask
 * so that nothing is missing; and what to remember next.
 *
 * A kind embeds struct points_settings in its settings, takes most rows from
 * POINTS_FIELDS and has a row of its own for query and for window.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/schema.h"
#include "rule/kind.h"
#include "rule/past.h"
#include "rule/series.h"

struct points {
	const wall_t *at; /* ascending */
	const double *value;
	const uint8_t *flags; /* PAST_FIRING */
	uint32_t n;
};

struct points_settings {
	const char *query, *guard, *reset_on;
	dur_t window, step;
	bool history;
	struct past_need need; /* from the above */
};

/* usual: the step when none is given; unguarded: what does not happen while the guard says no. */
#define POINTS_FIELDS(S, member, usual, unguarded)                                                 \
	{ .name = "step",                                                                          \
		.kind = FIELD_DURATION,                                                            \
		.offset = offsetof(struct S, member.step),                                         \
		.flags = FIELD_POSITIVE,                                                           \
		.doc = "One point in so long is remembered; default: the group's interval, or "    \
		       usual " if that is longer." },                                              \
	    { .name = "history",                                                                   \
		    .kind = FIELD_BOOL,                                                            \
		    .offset = offsetof(struct S, member.history),                                  \
		    .fallback = "true",                                                            \
		    .doc = "Ask the source for the past on first start and after a gap; false: "   \
			   "learn from what is seen only." },                                      \
	    { .name = "reset_on",                                                                  \
		    .kind = FIELD_STRING,                                                          \
		    .offset = offsetof(struct S, member.reset_on),                                 \
		    .flags = FIELD_NONEMPTY,                                                       \
		    .doc = "A label that tells a version, such as a model's: a new value of it "   \
			   "starts the past anew and the alert stays the same one." },             \
	{                                                                                          \
		.name = "guard", .kind = FIELD_STRING, .offset = offsetof(struct S, member.guard), \
		.flags = FIELD_NONEMPTY,                                                           \
		.doc = "A query that must have a series with the same labels (or one without "     \
		       "labels, for all) whose value is not 0; without it nothing is " unguarded,  \
	}

/* From the settings as read. */
void points_settings_check(
    struct schema_context *ctx, struct points_settings *settings, struct pos pos);
/*
 * When the rule's group is known: need, where it is usual to keep so many points of a window
 * and more than `most` are refused.
 */
void points_settings_finish(struct schema_context *ctx, struct rule_config *rule,
    struct points_settings *settings, struct pos pos, uint32_t usual, uint32_t most);

/*
 * What is known of a series from `from` up to but without `before`: what is remembered and, where
 * range is not NULL, what was asked for besides.  Values that are not finite are left out.
 */
void points_of(const struct past *past, struct str key, const struct series *range, wall_t from,
    wall_t before, struct arena *arena, struct points *ret);

/*
 * The plan of a kind that learns: the value now, and the history which is not remembered yet:
 * all of the window on first start, later what a gap has left out.  The guard comes last.
 */
void points_plan(const struct rule_config *rule, const struct points_settings *settings,
    const struct past *past, wall_t now, struct rule_plan *ret);
/* Adds the observations of one series; range: what was asked for besides, guard: NULL without one. */
typedef int points_judge_fn(const struct rule_input *in, const struct series *range,
    struct series_join *guard, const struct sample *sample, struct judgement *ret, struct err *err);
/* Judges the answers to such a plan, the guard's last, series by series, and remembers them. */
int points_judge(const struct rule_input *in, bool has_guard, uint32_t levels,
    points_judge_fn *judge, struct judgement *ret, struct err *err);
/* What is to be remembered: the range's points, if any, and what the answer says now. */
void points_remember(const struct vector *answer, const struct vector *range, wall_t asked_at,
    struct arena *arena, struct judgement *ret);
