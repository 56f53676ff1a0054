/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step of one alert.
 *
 * The rules quoted below are Prometheus' own (rules/alerting.go, Eval); "ts"
 * is the evaluation's slot, here `now`.  Ours are marked "Here:".
 * Invariant: a state's times are set exactly as struct alert_times says.
 */
#include "config.h"

#include "rule/alert_step.h"

#include <assert.h>

#include "base/attr.h"

const char *
alert_state_name(enum alert_state state)
{
	static const char *const names[] = { "inactive", "pending", "firing", "resolved" };

	static_assert(ARRAY_LEN(names) == ALERT_STATE_COUNT, "a name for every state");
	return (unsigned)state < ALERT_STATE_COUNT ? names[state] : "?";
}

const char *
outcome_name(enum outcome outcome)
{
	static const char *const names[] = { "ok", "breach", "hold", "insufficient", "stale",
		"error" };

	static_assert(ARRAY_LEN(names) == OUTCOME_COUNT, "a name for every outcome");
	return (unsigned)outcome < OUTCOME_COUNT ? names[outcome] : "?";
}

/*
 * Here: when the wall clock steps back, a start that now lies in the future
 * would hold the alert for as long as the step; it is moved to now.
 */
static bool
pull_back(wall_t *start, wall_t now)
{
	if (!wall_before(now, *start))
		return false;
	*start = now;
	return true;
}

/*
 * "firing && ts-ActiveAt < for -> pending, FiredAt=LastSentAt=KeepFiringSince=0
 *  (for was raised by reload)"
 * Here: its age when it fired must be short of `for` too, which says the same
 * while time goes forward and nothing when the wall clock steps back.
 */
static bool
for_was_raised(const struct alert_times *alert, const struct alert_policy *policy, wall_t now)
{
	return dur_less(wall_since(now, alert->active_at), policy->for_) &&
	       dur_less(wall_since(alert->fired_at, alert->active_at), policy->for_);
}

static enum alert_change
back_to_pending(struct alert_times *alert)
{
	*alert = (struct alert_times){ .state = ALERT_PENDING, .active_at = alert->active_at };
	return ALERT_BECAME_PENDING;
}

static enum alert_change
step_breach(struct alert_times *alert, const struct alert_policy *policy, wall_t now)
{
	bool fresh = false, changed = false;

	switch (alert->state) {
	case ALERT_INACTIVE:
	case ALERT_RESOLVED:
		/* "otherwise -> new {pending, ActiveAt=ts} (also replaces a
		 * resolved one)" */
		*alert = (struct alert_times){ .state = ALERT_PENDING, .active_at = now };
		fresh = true;
		FALLTHROUGH;
	case ALERT_PENDING:
		changed = pull_back(&alert->active_at, now);
		/* "pending && ts-ActiveAt >= for -> firing, FiredAt=ts (for=0
		 * fires in the same evaluation)"; here: and for_points is met */
		if (!policy->collecting &&
		    !dur_less(wall_since(now, alert->active_at), policy->for_)) {
			alert->state = ALERT_FIRING;
			alert->fired_at = now;
			return ALERT_BECAME_FIRING;
		}
		return fresh ? ALERT_BECAME_PENDING : changed ? ALERT_HELD : ALERT_SAME;
	case ALERT_FIRING:
		/* "known and state != inactive -> update value, annotations
		 * only (ActiveAt kept)" */
		if (for_was_raised(alert, policy, now))
			return back_to_pending(alert);
		/* "in result: KeepFiringSince = 0" */
		if (!wall_is_set(alert->keep_firing_since))
			return ALERT_SAME;
		alert->keep_firing_since = WALL_NONE;
		return ALERT_HELD;
	case ALERT_STATE_COUNT:
		break;
	}
	assert(0 && "alert state");
	return ALERT_SAME;
}

static enum alert_change
step_firing_ok(struct alert_times *alert, const struct alert_policy *policy, wall_t now)
{
	bool changed = false;

	/*
	 * "keep = state==firing && keep_firing_for>0 &&
	 *  (KeepFiringSince ?:= ts) && ts-KeepFiringSince < keep_firing_for"
	 */
	if (policy->keep_firing_for.ns > 0) {
		if (!wall_is_set(alert->keep_firing_since)) {
			alert->keep_firing_since = now;
			changed = true;
		}
		changed |= pull_back(&alert->keep_firing_since, now);
		if (dur_less(wall_since(now, alert->keep_firing_since), policy->keep_firing_for)) {
			if (for_was_raised(alert, policy, now))
				return back_to_pending(alert);
			return changed ? ALERT_HELD : ALERT_SAME;
		}
	}
	/* "state!=inactive && !keep -> inactive, ResolvedAt=ts" */
	alert->state = ALERT_RESOLVED;
	alert->resolved_at = now;
	alert->keep_firing_since = WALL_NONE;
	return ALERT_BECAME_RESOLVED;
}

static enum alert_change
step_ok(struct alert_times *alert, const struct alert_policy *policy, wall_t now)
{
	switch (alert->state) {
	case ALERT_INACTIVE:
	case ALERT_RESOLVED:
		return ALERT_SAME;
	case ALERT_PENDING:
		/* "state==pending -> delete (pending never sends anything)" */
		*alert = (struct alert_times){ 0 };
		return ALERT_BECAME_INACTIVE;
	case ALERT_FIRING:
		return step_firing_ok(alert, policy, now);
	case ALERT_STATE_COUNT:
		break;
	}
	assert(0 && "alert state");
	return ALERT_SAME;
}

/* Here: what is firing goes on while the value is between threshold and
 * recovery; nothing starts there. */
static enum alert_change
step_hold(struct alert_times *alert, const struct alert_policy *policy, wall_t now)
{
	if (alert->state != ALERT_FIRING)
		return step_ok(alert, policy, now);
	if (!wall_is_set(alert->keep_firing_since))
		return ALERT_SAME;
	alert->keep_firing_since = WALL_NONE;
	return ALERT_HELD;
}

enum alert_change
alert_step(
    struct alert_times *alert, const struct alert_policy *policy, enum outcome outcome, wall_t now)
{
	switch (outcome) {
	case OUTCOME_OK:
		return step_ok(alert, policy, now);
	case OUTCOME_BREACH:
		return step_breach(alert, policy, now);
	case OUTCOME_HOLD:
		return step_hold(alert, policy, now);
	case OUTCOME_INSUFFICIENT:
	case OUTCOME_STALE:
	case OUTCOME_ERROR:
		/* "A query error returns before touching the map: state is
		 * kept." */
		return ALERT_SAME;
	case OUTCOME_COUNT:
		break;
	}
	assert(0 && "outcome");
	return ALERT_SAME;
}
