/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of sources made by hand, and kinds that judge them without an
 * engine: plan() and judge() alone.
 */
#pragma once

#include "base/arena.h"
#include "base/rng.h"
#include "rule/kind.h"
#include "source/source.h"

#define ANSWERS_MAX 16

struct answers {
	struct arena *arena;
	struct vector vectors[ANSWERS_MAX];
	uint32_t cap[ANSWERS_MAX];
	const struct source *sources[ANSWERS_MAX];
	struct rule_config rule;
	struct rule_group_config group;
	const struct rule_kind *kind;
	const struct rule_lookup *others;
	const struct past *past;
	struct judgement judgement;
	struct err err;
};

void answers_init(struct answers *a);
void answers_fini(struct answers *a);
/* The answer of the query `at` gets a row; labels "feature=a host=b"; returned to be filled further. */
struct sample *answers_row(struct answers *a, uint32_t at, const char *labels, double value);
/* The same with fields; NULL is NULL. */
struct sample *answers_cells(struct answers *a, uint32_t at, const char *labels, const char *const *fields, uint32_t n);
void answers_clear(struct answers *a);
/* Reads the kind's settings; a finding fails the test. */
void answers_rule(struct answers *a, const char *kind, const char *yaml);
/* The text of the first finding, or "" when the settings are fine. */
const char *answers_finding(struct answers *a, const char *kind, const char *yaml);
void answers_plan(struct answers *a, wall_t now, struct rule_plan *ret);
/* judge(); 0 or its code, a.err then says why. */
int answers_judge(struct answers *a, wall_t now);
/* "breach{feature="a"} ok{feature="b"}", in their order. */
const char *answers_outcomes(struct answers *a);
const struct observation *answers_of(struct answers *a, const char *labels);

double random_normal(struct rng *rng);
