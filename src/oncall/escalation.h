/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an incident stands, and where an event takes it.  Pure.
 *
 *   open ──due──▶ the next step is taken; after the last one, repeat_after
 *        later, the first again (loop + 1), or the escalation is exhausted
 *   open ──acknowledged──▶ acknowledged ──timeout──▶ open, from the first step
 *   any  ──snoozed──▶ snoozed ──until──▶ open, from the first step
 *   any  ──resolved──▶ resolved ──fires again in time──▶ where it was
 *
 * To begin anew is a new generation.  A due time is wall time and survives
 * restarts; one that was missed is taken once, late, and the next is counted
 * from then, so that a long night down does not wake everybody at once.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "config/config.h"

enum incident_state { INCIDENT_OPEN, INCIDENT_ACKNOWLEDGED, INCIDENT_SNOOZED, INCIDENT_RESOLVED, INCIDENT_STATE_COUNT };
const char *incident_state_name(enum incident_state state); /* "acknowledged" */

struct escalation {
	enum incident_state state;
	enum incident_state before; /* it was resolved */
	uint32_t generation, loop;
	uint32_t step;       /* the next one; as many as there are: it begins anew, or ends */
	wall_t due_at;       /* open: of the next step; else: when that is over; WALL_NONE: never */
	wall_t saved_due_at; /* what it was when it was resolved */
	bool exhausted;
	bool passed_over;    /* a step was, for the severity; a higher one must not miss it */
};

enum escalation_event {
	ESCALATION_OPENED,
	ESCALATION_DUE,
	ESCALATION_ACKNOWLEDGED,
	ESCALATION_UNACKNOWLEDGED,
	ESCALATION_SNOOZED,
	ESCALATION_SEVERITY_ROSE,
	ESCALATION_RESOLVED,
	ESCALATION_FIRED_AGAIN, /* within the refire window */
	ESCALATION_NEWS,        /* something new fires in what was resolved by hand */
	ESCALATION_EVENT_COUNT
};

/* What there is to do. */
enum {
	ESCALATION_TAKE_STEP = 1u << 0, /* *ret_step */
	ESCALATION_EXHAUSTED = 1u << 1,
	ESCALATION_STOP = 1u << 2,      /* what has not been sent yet is not to be */
	ESCALATION_RESTARTED = 1u << 3,
};

/*
 * policy NULL: nobody but the route's own receiver is ever told.  until: of a
 * snooze, and when an acknowledgement ends (WALL_NONE: never).
 */
uint32_t escalation_move(struct escalation *e, const struct escalation_policy *policy, enum escalation_event event,
    wall_t now, wall_t until, uint32_t *ret_step);
