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
#include "oncall/schedule.h"

#define PLAN_LINES_MAX 256

enum plan_skip {
	PLAN_NOT_SKIPPED,
	PLAN_NOT_THIS_SEVERITY, /* the whole step */
	PLAN_NOT_AT_THIS_TIME,  /* the same */
	PLAN_NOBODY_ON_CALL,
	PLAN_UNKNOWN,           /* what it names is no longer configured */
	PLAN_SKIP_COUNT
};

struct plan_line {
	enum plan_skip skipped;
	const struct receiver_config *receiver; /* not skipped: who is told */
	const char *user, *schedule;            /* for whom, or NULL */
	const char *name;                       /* of what the step names */
	bool is_fallback;
};

struct plan {
	struct plan_line lines[PLAN_LINES_MAX];
	uint32_t n;
};

struct plan_context {
	const struct config *config;
	const struct oncall_override *const *overrides;
	uint32_t n_overrides;
};

void plan_step(const struct plan_context *context, const struct escalation_policy *policy, uint32_t step,
    struct str severity, wall_t now, struct plan *ret);
