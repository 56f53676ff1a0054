/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `drift:` its settings, and the judgement of a reference's and a current
 * answer by them.
 *
 * kind_drift.c reads the settings and plans; what is here judges.
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

int drift_judge(const struct rule_input *in, struct judgement *ret, struct err *err);
