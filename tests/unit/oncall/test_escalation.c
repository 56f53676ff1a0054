/* SPDX-License-Identifier: Apache-2.0 */
/* The escalation machine: stories of events, and where each leads. */
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/duration.h"
#include "config/schema.h"
#include "oncall/escalation.h"
#include "suites.h"

#define T0 INT64_C(1700000000)

/* Steps at once, after 10 minutes, after 15 more; once more after 30. */
static struct escalation_step steps[] = {
	{ .after = { 0 } },
	{ .after = { INT64_C(600) * 1000000000 } },
	{ .after = { INT64_C(900) * 1000000000 } },
};
static const struct escalation_policy policy = {
	.name = "p",
	.repeat = 1,
	.repeat_after = { INT64_C(1800) * 1000000000 },
	.break_ack_on_severity_rise = true,
	.steps = steps,
	.n_steps = 3,
};

struct move {
	int minute;
	enum escalation_event event;
	int until; /* minute; -1: none */
	/* what is expected of it */
	const char *outcome; /* "take N", "exhausted", "stop", "restart", "" */
	enum incident_state state;
	int due; /* minute; -1: none */
};

#define MOVES_MAX 12

static const struct {
	const char *label;
	bool without_policy;
	struct move moves[MOVES_MAX];
} stories[] = {
	{ "steps, one more round, exhausted",
	    .moves = { { 0, ESCALATION_OPENED, -1, "restart", INCIDENT_OPEN, 0 },
		{ 0, ESCALATION_DUE, -1, "take 0", INCIDENT_OPEN, 10 },
		{ 5, ESCALATION_DUE, -1, "", INCIDENT_OPEN, 10 },
		{ 10, ESCALATION_DUE, -1, "take 1", INCIDENT_OPEN, 25 },
		{ 25, ESCALATION_DUE, -1, "take 2", INCIDENT_OPEN, 55 },
		{ 55, ESCALATION_DUE, -1, "", INCIDENT_OPEN, 55 },
		{ 55, ESCALATION_DUE, -1, "take 0", INCIDENT_OPEN, 65 },
		{ 65, ESCALATION_DUE, -1, "take 1", INCIDENT_OPEN, 80 },
		{ 80, ESCALATION_DUE, -1, "take 2", INCIDENT_OPEN, 110 },
		{ 110, ESCALATION_DUE, -1, "exhausted", INCIDENT_OPEN, -1 },
		{ 999, ESCALATION_DUE, -1, "", INCIDENT_OPEN, -1 } } },
	{ "a step that was missed is taken once, the next is counted from then",
	    .moves = { { 0, ESCALATION_OPENED, -1, "restart", INCIDENT_OPEN, 0 },
		{ 0, ESCALATION_DUE, -1, "take 0", INCIDENT_OPEN, 10 },
		{ 11520, ESCALATION_DUE, -1, "take 1", INCIDENT_OPEN, 11535 },
		{ 11520, ESCALATION_DUE, -1, "", INCIDENT_OPEN, 11535 } } },
	{ "an acknowledgement stops, its end restarts",
	    .moves = { { 0, ESCALATION_OPENED, -1, "restart", INCIDENT_OPEN, 0 },
		{ 0, ESCALATION_DUE, -1, "take 0", INCIDENT_OPEN, 10 },
		{ 4, ESCALATION_ACKNOWLEDGED, 60, "stop", INCIDENT_ACKNOWLEDGED, 60 },
		{ 10, ESCALATION_DUE, -1, "", INCIDENT_ACKNOWLEDGED, 60 },
		{ 60, ESCALATION_DUE, -1, "restart", INCIDENT_OPEN, 60 },
		{ 60, ESCALATION_DUE, -1, "take 0", INCIDENT_OPEN, 70 } } },
	{ "one without a time-out holds",
	    .moves = { { 0, ESCALATION_OPENED, -1, "restart", INCIDENT_OPEN, 0 },
		{ 4, ESCALATION_ACKNOWLEDGED, -1, "stop", INCIDENT_ACKNOWLEDGED, -1 },
		{ 99999, ESCALATION_DUE, -1, "", INCIDENT_ACKNOWLEDGED, -1 },
		{ 99999, ESCALATION_UNACKNOWLEDGED, -1, "restart", INCIDENT_OPEN, 99999 },
		{ 99999, ESCALATION_UNACKNOWLEDGED, -1, "", INCIDENT_OPEN, 99999 } } },
	{ "a second acknowledgement cancels a snooze",
	    .moves = { { 0, ESCALATION_OPENED, -1, "restart", INCIDENT_OPEN, 0 },
		{ 1, ESCALATION_SNOOZED, 30, "stop", INCIDENT_SNOOZED, 30 },
		{ 2, ESCALATION_ACKNOWLEDGED, -1, "stop", INCIDENT_ACKNOWLEDGED, -1 },
		{ 30, ESCALATION_DUE, -1, "", INCIDENT_ACKNOWLEDGED, -1 } } },
	{ "what ends during a snooze does not start again",
	    .moves = { { 0, ESCALATION_OPENED, -1, "restart", INCIDENT_OPEN, 0 },
		{ 1, ESCALATION_SNOOZED, 30, "stop", INCIDENT_SNOOZED, 30 },
		{ 9, ESCALATION_RESOLVED, -1, "stop", INCIDENT_RESOLVED, -1 },
		{ 30, ESCALATION_DUE, -1, "", INCIDENT_RESOLVED, -1 },
		{ 31, ESCALATION_ACKNOWLEDGED, -1, "", INCIDENT_RESOLVED, -1 } } },
	{ "firing again goes on where it was, overdue at once",
	    .moves = { { 0, ESCALATION_OPENED, -1, "restart", INCIDENT_OPEN, 0 },
		{ 0, ESCALATION_DUE, -1, "take 0", INCIDENT_OPEN, 10 },
		{ 5, ESCALATION_RESOLVED, -1, "stop", INCIDENT_RESOLVED, -1 },
		{ 7, ESCALATION_FIRED_AGAIN, -1, "", INCIDENT_OPEN, 10 },
		{ 8, ESCALATION_RESOLVED, -1, "stop", INCIDENT_RESOLVED, -1 },
		{ 14, ESCALATION_FIRED_AGAIN, -1, "", INCIDENT_OPEN, 14 },
		{ 14, ESCALATION_DUE, -1, "take 1", INCIDENT_OPEN, 29 } } },
	{ "firing again keeps the acknowledgement",
	    .moves = { { 0, ESCALATION_OPENED, -1, "restart", INCIDENT_OPEN, 0 },
		{ 1, ESCALATION_ACKNOWLEDGED, 60, "stop", INCIDENT_ACKNOWLEDGED, 60 },
		{ 5, ESCALATION_RESOLVED, -1, "stop", INCIDENT_RESOLVED, -1 },
		{ 7, ESCALATION_FIRED_AGAIN, -1, "", INCIDENT_ACKNOWLEDGED, 60 } } },
	{ "a severity rise breaks an acknowledgement, not a running escalation",
	    .moves = { { 0, ESCALATION_OPENED, -1, "restart", INCIDENT_OPEN, 0 },
		{ 0, ESCALATION_DUE, -1, "take 0", INCIDENT_OPEN, 10 },
		{ 3, ESCALATION_SEVERITY_ROSE, -1, "", INCIDENT_OPEN, 10 },
		{ 4, ESCALATION_ACKNOWLEDGED, 60, "stop", INCIDENT_ACKNOWLEDGED, 60 },
		{ 5, ESCALATION_SEVERITY_ROSE, -1, "restart", INCIDENT_OPEN, 5 } } },
	{ "without a policy nothing is ever due but the end of a snooze",
	    .without_policy = true,
	    .moves = { { 0, ESCALATION_OPENED, -1, "restart", INCIDENT_OPEN, -1 },
		{ 1, ESCALATION_DUE, -1, "", INCIDENT_OPEN, -1 },
		{ 2, ESCALATION_SNOOZED, 9, "stop", INCIDENT_SNOOZED, 9 },
		{ 9, ESCALATION_DUE, -1, "restart", INCIDENT_OPEN, -1 } } },
};

static wall_t
minute(int m)
{
	return m < 0 ? WALL_NONE : (wall_t){ (T0 + (int64_t)m * 60) * 1000000000 };
}

static const char *
outcome_text(uint32_t effects, uint32_t step, char out[32])
{
	snprintf(out, 32, "%s",
	    effects & ESCALATION_EXHAUSTED   ? "exhausted"
	    : effects & ESCALATION_STOP	     ? "stop"
	    : effects & ESCALATION_RESTARTED ? "restart"
					     : "");
	if (effects & ESCALATION_TAKE_STEP)
		snprintf(out, 32, "take %u", step);
	return out;
}

START_TEST(events_lead_where_the_story_says)
{
	struct escalation e = { 0 };

	for (uint32_t i = 0; i < MOVES_MAX; i++) {
		const struct move *move = &stories[_i].moves[i];
		uint32_t step = 99, effects;
		char got[32];

		if (move->outcome == NULL)
			break;
		effects = escalation_move(&e, stories[_i].without_policy ? NULL : &policy,
		    move->event, minute(move->minute), minute(move->until), &step);
		outcome_text(effects, step, got);
		ck_assert_msg(strcmp(got, move->outcome) == 0, "%s, move %u: got '%s'",
		    stories[_i].label, i, got);
		ck_assert_msg(e.state == move->state, "%s, move %u: is %s", stories[_i].label, i,
		    incident_state_name(e.state));
		ck_assert_msg(e.due_at.ns == minute(move->due).ns, "%s, move %u: due at %lld s",
		    stories[_i].label, i, (long long)(e.due_at.ns / 1000000000 - T0));
	}
}
END_TEST

START_TEST(a_rise_after_a_step_was_passed_over_starts_anew)
{
	struct escalation e = { 0 };
	uint32_t step;

	escalation_move(&e, &policy, ESCALATION_OPENED, minute(0), WALL_NONE, &step);
	escalation_move(&e, &policy, ESCALATION_DUE, minute(0), WALL_NONE, &step);
	e.passed_over = true;
	ck_assert_uint_eq(escalation_move(&e, &policy, ESCALATION_SEVERITY_ROSE, minute(3),
			      WALL_NONE, &step),
	    ESCALATION_RESTARTED);
	ck_assert_uint_eq(e.generation, 2);
	ck_assert(!e.passed_over);
}
END_TEST

START_TEST(a_policy_may_let_acknowledgements_stand)
{
	struct escalation_policy stubborn = policy;
	struct escalation e = { .state = INCIDENT_ACKNOWLEDGED };
	uint32_t step;

	stubborn.break_ack_on_severity_rise = false;
	ck_assert_uint_eq(escalation_move(&e, &stubborn, ESCALATION_SEVERITY_ROSE, minute(3),
			      WALL_NONE, &step),
	    0);
	ck_assert_int_eq(e.state, INCIDENT_ACKNOWLEDGED);
}
END_TEST

TCase *
escalation_tests(void)
{
	TCase *tcase = tcase_create("escalation");

	tcase_add_loop_test(
	    tcase, events_lead_where_the_story_says, 0, (int)ARRAY_LEN(stories));
	tcase_add_test(tcase, a_rise_after_a_step_was_passed_over_starts_anew);
	tcase_add_test(tcase, a_policy_may_let_acknowledgements_stand);
	return tcase;
}
