/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a step tells at this moment: names are looked up in the current
 * configuration and schedules, conditions are asked now.  Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "config/config.h"
#include "oncall/decision.h"
#include "oncall/schedule.h"

#define PLAN_LINES_MAX 256

struct plan_line {
	bool skipped;
	enum decision_reason reason;            /* skipped: why */
	const struct receiver_config *receiver; /* else: who is told */
	const char *user, *schedule;            /* for whom, or NULL */
	const char *name;                       /* of what the step names */
	bool is_fallback;
};

struct plan {
	struct plan_line lines[PLAN_LINES_MAX];
	uint32_t n;
	bool for_severity; /* the step is passed over for the severity */
};

struct plan_context {
	const struct config *config;
	const struct oncall_override *const *overrides;
	uint32_t n_overrides;
};

void plan_step(const struct plan_context *context, const struct escalation_policy *policy, uint32_t step,
    struct str severity, wall_t now, struct plan *ret);
