/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The alert state machine: one alert, one observation, one step.
 *
 * Prometheus' meaning of `for` and `keep_firing_for`, plus outcomes that
 * freeze the state instead of moving it, and hysteresis.  Pure: no clock, no
 * I/O, no log.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"

enum alert_state {
	ALERT_INACTIVE,
	ALERT_PENDING,
	ALERT_FIRING,
	ALERT_RESOLVED,
	ALERT_STATE_COUNT
};
const char *alert_state_name(enum alert_state state);

/* What one evaluation says of one alert. Only OK and BREACH move the state. */
enum outcome {
	OUTCOME_OK, /* the condition does not hold, or the series is gone and on_no_data is ok */
	OUTCOME_BREACH,
	OUTCOME_HOLD, /* between threshold and recovery: a firing alert goes on, others count it as
			 OK */
	OUTCOME_INSUFFICIENT, /* not enough data to say */
	OUTCOME_STALE,        /* the datum is older than max_age */
	OUTCOME_ERROR,
	OUTCOME_COUNT
};
const char *outcome_name(enum outcome outcome);

struct alert_policy {
	dur_t for_, keep_firing_for;
	bool collecting; /* too few breaches for for_points yet: it may begin, but not fire */
};

struct alert_times { /* { 0 } is an inactive alert */
	enum alert_state state;
	wall_t active_at;         /* first breach of this episode */
	wall_t fired_at;          /* set while firing or resolved */
	wall_t resolved_at;       /* set while resolved */
	wall_t keep_firing_since; /* set while held by keep_firing_for */
};

enum alert_change {
	ALERT_SAME, /* nothing that anyone must hear of or that must be stored */
	ALERT_HELD, /* only times changed (keep_firing_since, or the clock stepped back): to be
		       stored */
	ALERT_BECAME_PENDING, /* from firing too, when a reload raised `for`: then it has to be
				 withdrawn */
	ALERT_BECAME_FIRING,
	ALERT_BECAME_RESOLVED, /* was firing */
	ALERT_BECAME_INACTIVE, /* was pending: forget it */
	ALERT_CHANGE_COUNT
};

/* now: the evaluation's slot time. */
enum alert_change alert_step(
    struct alert_times *alert, const struct alert_policy *policy, enum outcome outcome, wall_t now);
