/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `drift:` its settings, and the judgement of a reference's and a current
 * answer by them.
 *
 * kind_drift.c reads the settings and plans, drift_check.c checks them; what is here judges.
 */
#pragma once

#include "config/schema.h"
#include "rule/aggregate.h"
#include "rule/arm.h"
#include "rule/drift.h"
#include "rule/kind.h"

struct drift_null_aware {
	bool given;
	double alpha; /* NaN: off */
};

struct drift_min_samples {
	bool given;
	double reference, current;
};

struct drift_settings {
	struct rule_arm *reference, *current;
	struct string_list by, group;
	int test, form, log_base, correct, nulls, direction;
	const char *category;
	struct string_list columns;
	struct drift_bins bins;
	double epsilon, p_value, value, min_effect;
	struct drift_null_aware null_aware;
	struct aggregate aggregate;
	struct drift_min_samples min_samples;
	int64_t max_rows;
	struct pos pos;
	/* from the above, except what a rule of its own says */
	struct drift_spec spec;
};

/* drift_check.c */
extern const char *const drift_form_names[]; /* NULL-terminated */
/* Findings on what does not fit; s->spec is filled. */
void drift_check_fit(struct schema_context *ctx, const struct drift_settings *s, const struct yaml_node *node);
/* ... and on columns of a source that has none. */
void drift_check_source(struct schema_context *ctx, const struct rule_config *rule, const struct drift_settings *s);

int drift_judge(const struct rule_input *in, struct judgement *ret, struct err *err);
