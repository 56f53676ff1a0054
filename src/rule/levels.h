/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kinds that compare a number share: an operator, one threshold or one
 * per level, and how far back a value must go before the alert clears.
 *
 * A kind embeds struct levels in its settings and takes the rows from the
 * macros below.  Each level is an alert of its own, told apart by the label
 * severity.  With recover, a value between threshold and recovery holds a
 * firing alert and starts none: a value that wobbles around the threshold does
 * not flap.  Levels are kept from the mildest to the most severe.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/schema.h"
#include "rule/alert_step.h"
#include "rule/kind.h"

enum op {
	OP_GT,
	OP_GE,
	OP_LT,
	OP_LE,
	OP_EQ,
	OP_NE,
	OP_COUNT
};
extern const char *const op_names[]; /* NULL-terminated: ">", ">=", ... */
bool op_holds(enum op op, double a, double b);

struct recover {
	bool set;
	double value; /* for all levels; NAN: by_level */
	struct number_map by_level;
	struct pos pos;
};

struct level {
	const char *name; /* NULL: the rule has one value and no levels */
	double value;
	double recover; /* the value itself when there is no way back to go */
};

struct levels {
	int op;
	double value;
	struct number_map map;
	struct recover recover;
	/* from the above */
	struct level level[RULE_LEVELS_MAX];
	uint32_t n;
};

void levels_read_recover(struct schema_context *ctx, const struct yaml_node *node, void *member);

/* The row for the operator: member is the struct levels inside struct S. */
#define LEVELS_OP_FIELD(S, member, text)                                                           \
	{                                                                                          \
		.name = "op", .kind = FIELD_ENUM, .offset = offsetof(struct S, member.op),         \
		.flags = FIELD_REQUIRED, .choices = op_names, .doc = (text)                        \
	}
/* The rows for one threshold (named key), for several, and for the way back. */
#define LEVELS_FIELDS(S, member, key, text)                                                        \
	{ .name = (key),                                                                           \
		.kind = FIELD_DOUBLE,                                                              \
		.offset = offsetof(struct S, member.value),                                        \
		.exclusive = key " or levels",                                                     \
		.doc = (text) },                                                                   \
	    { .name = "levels",                                                                    \
		    .kind = FIELD_NUMBER_MAP,                                                      \
		    .offset = offsetof(struct S, member.map),                                      \
		    .flags = FIELD_NONEMPTY,                                                       \
		    .exclusive = key " or levels",                                                 \
		    .doc = "Thresholds by name; each is an alert of its own with its name as the " \
			   "label severity, which texts see as $labels.severity." },               \
	{                                                                                          \
		.name = "recover", .kind = FIELD_CUSTOM,                                           \
		.offset = offsetof(struct S, member.recover), .custom = levels_read_recover,       \
		.json_schema = "{\"anyOf\":[{\"type\":\"number\"},{\"type\":\"object\","           \
			       "\"additionalProperties\":{\"type\":\"number\"}}]}",                \
		.doc = "A firing alert clears only beyond this; a number, or one for each level."  \
	}

/*
 * From the settings as read; op must be set.  kind and key are named in what is said when
 * neither a value nor levels are given.
 */
void levels_check(struct schema_context *ctx, struct levels *levels, struct pos pos,
    const char *kind, const char *key);
/* NaN is OUTCOME_INSUFFICIENT. */
enum outcome levels_judge(const struct levels *levels, uint32_t level, double value);
const char *levels_severity(const struct levels *levels, uint8_t level);
/* recover is left out: to change it is to change when alerts end, not what they are. */
void levels_identity(const struct levels *levels, struct buf *out);
