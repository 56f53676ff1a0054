/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One side of a comparison: a query, where it is asked, and over which time.
 *
 * Shared by the kinds that look at two sets of data (drift, compare) or at a
 * window that does not end now (score, quality).
 */
#pragma once

#include "config/schema.h"
#include "rule/kind.h"

struct rule_arm {
	const char *query, *total; /* total: compare's, how many there are in all */
	const char *source_name;
	dur_t window, lag; /* window DUR_UNSET: the query says itself what it wants */
	dur_t cache;       /* 0: asked every time */
	struct pos pos;
	const struct source_config *source; /* NULL: the rule's own */
};

#define ARM_FIELDS(what)                                                                           \
	{ .name = "query",                                                                         \
	    .kind = FIELD_STRING,                                                                  \
	    .offset = offsetof(struct rule_arm, query),                                            \
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY,                                              \
	    .doc = what },                                                                         \
	    { .name = "source",                                                                    \
		.kind = FIELD_STRING,                                                              \
		.offset = offsetof(struct rule_arm, source_name),                                  \
		.flags = FIELD_NONEMPTY,                                                           \
		.doc = "Where this query is asked; default: the rule's source." },                 \
	    { .name = "window",                                                                    \
		.kind = FIELD_DURATION,                                                            \
		.offset = offsetof(struct rule_arm, window),                                       \
		.flags = FIELD_POSITIVE,                                                           \
		.doc = "How far back it looks: :from and :to in SQL, the time span of a metric's " \
		       "values; default: the query says itself what it wants." },                  \
	{                                                                                          \
		.name = "lag", .kind = FIELD_DURATION, .fallback = "0s",                           \
		.offset = offsetof(struct rule_arm, lag),                                          \
		.doc = "The window ends this long ago, for data that arrive late."                 \
	}

/* schema.check of a table made with ARM_FIELDS: trims the texts, finds the source. */
void rule_arm_check(struct schema_context *ctx, void *value, const struct yaml_node *node);
/* A query's end and beginning at `now`; WALL_NONE without a window. */
void rule_arm_span(const struct rule_config *rule, const struct rule_arm *arm, wall_t now, wall_t *ret_from, wall_t *ret_to);
/* Adds the arm's query to the plan. */
struct rule_query *rule_plan_arm(const struct rule_config *rule, const struct rule_arm *arm, wall_t now,
    enum query_shape shape, struct rule_plan *plan);
/* Values of a time span are wanted: a source that speaks PromQL must be told which. */
void rule_arm_needs_window(struct schema_context *ctx, const struct rule_config *rule, const struct rule_arm *arm, const char *name);
/* What gives the arm its meaning, for the rule's identity. */
void rule_arm_identity(const struct rule_arm *arm, struct buf *out);
/* Where a key's value stands; where the mapping stands when it has none. */
struct pos rule_key_pos(const struct yaml_node *mapping, const char *key);
/* The source that this name means; NULL and perhaps a finding. */
const struct source_config *rule_source_named(struct schema_context *ctx, const char *name, struct pos pos);
