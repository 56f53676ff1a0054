/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "oncall/escalation.h"

#include <assert.h>

#include "base/attr.h"

static const char *const names[] = {
	[INCIDENT_OPEN] = "open",
	[INCIDENT_ACKNOWLEDGED] = "acknowledged",
	[INCIDENT_SNOOZED] = "snoozed",
	[INCIDENT_RESOLVED] = "resolved",
};
static_assert(ARRAY_LEN(names) == INCIDENT_STATE_COUNT, "a name for each state");

const char *
incident_state_name(enum incident_state state)
{
	return names[state];
}

static uint32_t
begin(struct escalation *e, const struct escalation_policy *policy, wall_t now)
{
	e->state = INCIDENT_OPEN;
	e->generation++;
	e->loop = e->step = 0;
	e->exhausted = e->passed_over = false;
	e->due_at = policy != NULL ? wall_add(now, policy->steps[0].after) : WALL_NONE;
	return ESCALATION_RESTARTED;
}

static uint32_t
take_step(struct escalation *e, const struct escalation_policy *policy, wall_t now,
    uint32_t *ret_step)
{
	if (e->step < policy->n_steps) {
		*ret_step = e->step++;
		e->due_at = wall_add(now, e->step < policy->n_steps ? policy->steps[e->step].after
								    : policy->repeat_after);
		return ESCALATION_TAKE_STEP;
	}
	if (e->loop < policy->repeat) {
		e->loop++;
		e->step = 0;
		e->due_at = wall_add(now, policy->steps[0].after);
		return 0;
	}
	e->due_at = WALL_NONE;
	e->exhausted = true;
	return ESCALATION_EXHAUSTED;
}

static uint32_t
due(struct escalation *e, const struct escalation_policy *policy, wall_t now, uint32_t *ret_step)
{
	if (e->state == INCIDENT_RESOLVED || !wall_is_set(e->due_at) || wall_before(now, e->due_at))
		return 0;
	if (e->state != INCIDENT_OPEN)
		return begin(e, policy, now);
	if (policy == NULL) {
		e->due_at = WALL_NONE;
		return 0;
	}
	return take_step(e, policy, now, ret_step);
}

static uint32_t
rest(struct escalation *e, enum incident_state state, wall_t until)
{
	if (e->state == INCIDENT_RESOLVED)
		return 0;
	e->state = state;
	e->due_at = until;
	return ESCALATION_STOP;
}

static uint32_t
severity_rose(struct escalation *e, const struct escalation_policy *policy, wall_t now)
{
	bool breaks = policy == NULL || policy->break_ack_on_severity_rise;

	if (e->state == INCIDENT_RESOLVED)
		return 0;
	if (e->state == INCIDENT_OPEN ? e->exhausted || e->passed_over : breaks)
		return begin(e, policy, now);
	return 0;
}

static uint32_t
resolved(struct escalation *e)
{
	if (e->state == INCIDENT_RESOLVED)
		return 0;
	e->before = e->state;
	e->saved_due_at = e->due_at;
	e->state = INCIDENT_RESOLVED;
	e->due_at = WALL_NONE;
	return ESCALATION_STOP;
}

/* "keeps the acknowledgement, no restart" */
static uint32_t
fired_again(struct escalation *e, wall_t now)
{
	if (e->state != INCIDENT_RESOLVED)
		return 0;
	e->state = e->before;
	e->due_at = wall_is_set(e->saved_due_at) ? wall_max(e->saved_due_at, now) : WALL_NONE;
	e->saved_due_at = WALL_NONE;
	return 0;
}

uint32_t
escalation_move(struct escalation *e, const struct escalation_policy *policy,
    enum escalation_event event, wall_t now, wall_t until, uint32_t *ret_step)
{
	switch (event) {
	case ESCALATION_OPENED:
	case ESCALATION_NEWS:
		return begin(e, policy, now);
	case ESCALATION_DUE:
		return due(e, policy, now, ret_step);
	case ESCALATION_ACKNOWLEDGED:
		return rest(e, INCIDENT_ACKNOWLEDGED, until);
	case ESCALATION_SNOOZED:
		return rest(e, INCIDENT_SNOOZED, until);
	case ESCALATION_UNACKNOWLEDGED:
		return e->state == INCIDENT_ACKNOWLEDGED || e->state == INCIDENT_SNOOZED
			   ? begin(e, policy, now)
			   : 0;
	case ESCALATION_SEVERITY_ROSE:
		return severity_rose(e, policy, now);
	case ESCALATION_RESOLVED:
		return resolved(e);
	case ESCALATION_FIRED_AGAIN:
		return fired_again(e, now);
	case ESCALATION_EVENT_COUNT:
		break;
	}
	return 0;
}
