/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rule kind: turns settings and a source's answers into observations.
 *
 * plan() says what to ask at `now`; judge() looks at the answers.  Both are
 * pure; the engine does the asking.  One file per kind, one line in kinds.inc.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/instant.h"
#include "config/config.h"
#include "rule/alert_step.h"
#include "source/source.h"

#define RULE_QUERIES_MAX 4
#define RULE_LEVELS_MAX  8

struct rule_query {
	struct str text;
	wall_t at; /* evaluation instant of this query */
};

struct rule_plan {
	struct rule_query queries[RULE_QUERIES_MAX];
	uint32_t n;
};

/* One judged series. */
struct observation {
	const struct sample *sample;
	enum outcome outcome;
	double value;
	uint8_t level; /* index into the kind's levels, 0 when it has none */
};

struct judgement {
	struct observation *observations; /* in the arena */
	uint32_t n;
	/* What a known alert gets whose series is not among the observations: OK for expr; the
	 * engine applies on_no_data. */
	enum outcome absent;
};

struct rule_kind {
	const struct rule_kind_schema *schema;
	int (*plan)(
	    const struct rule_config *rule, wall_t now, struct rule_plan *ret, struct err *err);
	int (*judge)(const struct rule_config *rule, const struct vector *answers, uint32_t n,
	    wall_t now, struct arena *arena, struct judgement *ret, struct err *err);
	/* The severity label that level carries; NULL: the rule has no levels. */
	const char *(*level_severity)(const struct rule_config *rule, uint8_t level);
};

extern const struct rule_kind *const rule_kind_list[]; /* NULL-terminated, from kinds.inc */
extern const struct rule_kind_schema *const rule_kind_schemas[];
const struct rule_kind *rule_kind_of(const struct rule_kind_schema *schema);
