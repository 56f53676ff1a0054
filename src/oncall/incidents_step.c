/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps when they are due.
 *
 * What a step does (deliveries, the next due time, history) is written in one
 * turn, so it is one transaction: after a kill it has happened or it has not.
 * A step whose alerts are all suppressed waits for the next flush that finds
 * some that are not; one whose receivers all have quiet hours, for their end.
 */
#include "config.h"

#include <assert.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/duration.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "oncall/incidents_internal.h"
#include "oncall/plan.h"
#include "oncall/quiet.h"

/* Steps in one turn, for this long; the rest waits for the next. */
#define STEP_BUDGET DUR_MS(3)
/* Lateness that is worth a word. */
#define LATE DUR_S(5)

/* ---- moves ------------------------------------------------------------------------ */

static const struct escalation_policy *
policy_of(const struct incident *incident)
{
	return incident->work != NULL && incident->work->policy != NULL
		   ? &incident->work->policy->policy
		   : NULL;
}

/* Of one that has. */
static const struct escalation_policy *
steps_of(const struct incident *incident)
{
	return &incident->work->policy->policy;
}

void
incident_set_timer(struct incident *incident)
{
	struct incident_work *work = incident->work;
	struct loop *loop = incident->incidents->loop;

	if (work == NULL)
		return;
	if (incident->incidents->started && incident->state != INCIDENT_RESOLVED && !work->waits &&
	    wall_is_set(work->due_at))
		loop_timer_set_wall(loop, &work->timer, work->due_at);
	else
		loop_timer_stop(loop, &work->timer);
}

static bool
is_quiet(uint8_t state)
{
	return state == INCIDENT_ACKNOWLEDGED || state == INCIDENT_SNOOZED;
}

uint32_t
incident_move(struct incident *incident, enum escalation_event event, wall_t now, wall_t until,
    uint32_t *ret_step)
{
	struct incident_work *work = incident->work;
	struct escalation e = { .state = (enum incident_state)incident->state,
		.before = (enum incident_state)incident->before };
	const struct incidents_hooks *hooks = &incident->incidents->hooks;
	uint8_t before = incident->state;
	uint32_t effects;

	if (work != NULL) {
		e.generation = work->generation;
		e.loop = work->loop;
		e.step = work->step;
		e.due_at = work->due_at;
		e.saved_due_at = work->saved_due_at;
		e.exhausted = work->exhausted;
		e.passed_over = work->passed_over;
	}
	effects = escalation_move(&e, policy_of(incident), event, now, until, ret_step);
	incident->state = (uint8_t)e.state;
	incident->before = (uint8_t)e.before;
	if (work != NULL) {
		work->generation = e.generation;
		work->loop = e.loop;
		work->step = e.step;
		work->due_at = e.due_at;
		work->saved_due_at = e.saved_due_at;
		work->exhausted = e.exhausted;
		work->passed_over = e.passed_over;
		work->waits = false;
		incident_set_timer(incident);
	}
	if (before != incident->state && hooks->changed != NULL)
		hooks->changed(hooks->arg, incident, now);
	if (incident->state == INCIDENT_OPEN && is_quiet(before) &&
	    event != ESCALATION_SEVERITY_ROSE && hooks->show != NULL)
		hooks->show(hooks->arg, incident, now);
	return effects;
}

/* ---- one step ----------------------------------------------------------------------- */

static void
note(const struct incident *incident, enum incident_note what, const char *target,
    const char *cause, wall_t until, wall_t now)
{
	const struct incidents_hooks *hooks = &incident->incidents->hooks;

	if (hooks->note != NULL)
		hooks->note(hooks->arg, incident, what, target, cause, until, now);
}

static void
make_plan(const struct incident *incident, uint32_t step, wall_t now, struct plan *plan)
{
	const struct incidents *incidents = incident->incidents;
	struct plan_context context = { .config = incidents->config };

	context.overrides = overrides_list(incidents->overrides, &context.n_overrides);
	plan_step(
	    &context, steps_of(incident), step, istr_str(incident->severity), now, plan);
}

static void
say_line(struct buf *said, const struct plan_line *line, const char *what)
{
	buf_printf(said, "%s%s %s", said->n > 0 ? ", " : "", what,
	    line->receiver != NULL ? line->receiver->name : line->name);
	if (line->user != NULL)
		buf_printf(said, " (%s)", line->user);
	if (line->is_fallback)
		buf_puts(said, " (fallback)");
}

static const char *const why_skipped[] = {
	[PLAN_NOT_SKIPPED] = "",
	[PLAN_NOT_THIS_SEVERITY] = "not a step for this severity",
	[PLAN_NOT_AT_THIS_TIME] = "outside the step's active time intervals",
	[PLAN_NOBODY_ON_CALL] = "nobody is on call",
	[PLAN_UNKNOWN] = "no longer configured",
};
static_assert(ARRAY_LEN(why_skipped) == PLAN_SKIP_COUNT, "a reason for each");

static void
skip_line(struct incident *incident, const struct plan_line *line, wall_t now, struct buf *said)
{
	const char *why = why_skipped[line->skipped];

	note(incident,
	    line->skipped == PLAN_NOBODY_ON_CALL ? INCIDENT_NOTE_NOBODY : INCIDENT_NOTE_SKIPPED,
	    line->name, why, WALL_NONE, now);
	buf_printf(said, "%s%s%s%s", said->n > 0 ? ", " : "", line->name,
	    line->name[0] != '\0' ? ": " : "", why);
}

static void
tell_line(struct incident *incident, const struct plan_line *line, const char *place, wall_t now,
    struct buf *said)
{
	const struct incidents_hooks *hooks = &incident->incidents->hooks;

	switch (hooks->tell(hooks->arg, incident, line->receiver, place, now)) {
	case TELL_SENT:
		say_line(said, line, "told");
		return;
	case TELL_HELD:
		say_line(said, line, "held for");
		return;
	case TELL_DUPLICATE:
		note(incident, INCIDENT_NOTE_DUPLICATE, line->receiver->name,
		    "it is told the same anyway", WALL_NONE, now);
		say_line(said, line, "already telling");
		return;
	case TELL_IMPOSSIBLE:
		note(incident, INCIDENT_NOTE_IMPOSSIBLE, line->receiver->name,
		    "the receiver has no integration", WALL_NONE, now);
		say_line(said, line, "cannot tell");
		return;
	}
}

static void
say_step(struct incident *incident, uint32_t step, dur_t late, wall_t now, const struct buf *said)
{
	const struct escalation_policy *policy = steps_of(incident);
	char duration[DURATION_TEXT_MAX], lateness[DURATION_TEXT_MAX + 16] = "";

	if (dur_less(LATE, late))
		snprintf(lateness, sizeof(lateness), ", %s late",
		    duration_format(DUR_S(late.ns / 1000000000), duration));
	incident_history(incident, "escalated", policy->name, now, "step %u of %u%s: %s", step + 1,
	    policy->n_steps, lateness, said->n > 0 ? said->p : "nobody to tell");
	log_info("oncall", "escalated", LOG_INT("incident", incident->id),
	    LOG_Z("policy", policy->name), LOG_INT("step", step + 1),
	    LOG_Z("outcome", said->n > 0 ? said->p : "nobody to tell"), LOG_DUR("late", late));
}

static void
do_step(struct incident *incident, uint32_t step, dur_t late, wall_t now)
{
	struct incident_work *work = incident->work;
	struct plan *plan = &incident->incidents->plan;
	struct buf said = { 0 };
	char place[64];

	make_plan(incident, step, now, plan);
	snprintf(place, sizeof(place), "%u.%u.%u", work->generation, work->loop, step);
	for (uint32_t i = 0; i < plan->n; i++) {
		const struct plan_line *line = &plan->lines[i];

		work->passed_over =
		    work->passed_over || line->skipped == PLAN_NOT_THIS_SEVERITY;
		if (line->skipped == PLAN_NOT_SKIPPED)
			tell_line(incident, line, place, now, &said);
		else
			skip_line(incident, line, now, &said);
	}
	say_step(incident, step, late, now, &said);
	buf_fini(&said);
}

/* ---- the end of the steps ------------------------------------------------------------- */

static void
exhausted(struct incident *incident, wall_t now)
{
	struct incidents *incidents = incident->incidents;
	const struct escalation_policy *policy = steps_of(incident);
	struct plan_line line = { .name = policy->fallback, .is_fallback = true };
	struct buf said = { 0 };
	char place[64];

	incidents->exhausted++;
	if (policy->fallback != NULL)
		line.receiver = config_receiver(incidents->config, policy->fallback);
	snprintf(place, sizeof(place), "%u.%u.end", incident->work->generation,
	    incident->work->loop);
	note(incident, INCIDENT_NOTE_EXHAUSTED, "",
	    "all steps were taken and nobody acknowledged", WALL_NONE, now);
	if (line.receiver != NULL)
		tell_line(incident, &line, place, now, &said);
	incident_history(incident, "exhausted", policy->name, now,
	    "all steps were taken and nobody acknowledged%s%s", said.n > 0 ? "; " : "",
	    said.n > 0 ? said.p : "");
	log_error("oncall", "escalation exhausted: nobody acknowledged",
	    LOG_INT("incident", incident->id), LOG_Z("policy", policy->name),
	    LOG_Z("group", incident->key));
	buf_fini(&said);
}

/* ---- when ------------------------------------------------------------------------------- */

static bool
turn_is_spent(struct incidents *incidents)
{
	mono_t turn = loop_mono(incidents->loop), now = loop_mono_exact(incidents->loop);

	if (incidents->turn.ns != turn.ns) {
		incidents->turn = turn;
		incidents->turn_steps = now;
	}
	return dur_less(STEP_BUDGET, mono_since(now, incidents->turn_steps));
}

/* When all whom the step would tell have quiet hours: until when, for the first. Else WALL_NONE. */
static wall_t
quiet_for_all(const struct incident *incident, uint32_t step, wall_t now)
{
	const struct incidents *incidents = incident->incidents;
	struct plan *plan = &incident->incidents->plan;
	wall_t first = WALL_MAX;

	if (incidents->config->n_quiet_hours == 0 || step >= steps_of(incident)->n_steps)
		return WALL_NONE;
	make_plan(incident, step, now, plan);
	for (uint32_t i = 0; i < plan->n; i++) {
		wall_t until;

		if (plan->lines[i].skipped)
			continue;
		until = quiet_until(incidents->config, plan->lines[i].receiver->name,
		    istr_str(incident->severity), now);
		if (!wall_is_set(until))
			return WALL_NONE;
		first = wall_min(first, until);
	}
	return first.ns == WALL_MAX.ns ? WALL_NONE : first;
}

static void
hold(struct incident *incident, wall_t now, wall_t until)
{
	struct incident_work *work = incident->work;
	char text[TIMESTAMP_TEXT_MAX];

	work->due_at = until;
	note(incident, INCIDENT_NOTE_HELD, "",
	    "everybody whom the step would tell has quiet hours", until, now);
	incident_history(incident, "held", steps_of(incident)->name, now,
	    "step %u is held until %s: quiet hours", work->step + 1,
	    timestamp_format_ms(until, text));
	incident_write(incident, false);
}

/* False: not now. */
static bool
may_step(struct incident *incident, wall_t now)
{
	const struct incidents_hooks *hooks = &incident->incidents->hooks;
	struct incident_work *work = incident->work;
	struct incident_facts facts;
	wall_t until;

	if (incident->group == NULL)
		return false;
	facts = hooks->look(hooks->arg, incident->group, now);
	if (facts.firing == 0) {
		work->waits = true;
		return false;
	}
	until = quiet_for_all(incident, work->step, now);
	if (wall_is_set(until)) {
		hold(incident, now, until);
		return false;
	}
	return true;
}

static void
begun_anew(struct incident *incident, enum incident_state before, wall_t now)
{
	incident_history(incident, before == INCIDENT_SNOOZED ? "snooze" : "ack", "", now,
	    "no longer %s: the time is up and it still fires", incident_state_name(before));
}

/* One event that is due; false when there is none, or it must wait. */
static bool
run_one(struct incident *incident, wall_t now)
{
	struct incident_work *work = incident->work;
	enum incident_state before = (enum incident_state)incident->state;
	uint32_t step = 0, effects;
	dur_t late;

	if (before == INCIDENT_RESOLVED || !wall_is_set(work->due_at) ||
	    wall_before(now, work->due_at))
		return false;
	if (before == INCIDENT_OPEN && work->policy != NULL && !may_step(incident, now))
		return false;
	late = wall_since(now, work->due_at);
	effects = incident_move(incident, ESCALATION_DUE, now, WALL_NONE, &step);
	if (effects & ESCALATION_TAKE_STEP)
		do_step(incident, step, late, now);
	if (effects & ESCALATION_EXHAUSTED)
		exhausted(incident, now);
	if (effects & ESCALATION_RESTARTED)
		begun_anew(incident, before, now);
	incident_write(incident, false);
	return true;
}

void
incident_run(struct incident *incident, wall_t now)
{
	struct incidents *incidents = incident->incidents;

	if (incident->work == NULL || !incidents->started)
		return;
	while (run_one(incident, now)) {
		if (turn_is_spent(incidents))
			break;
	}
	incident_set_timer(incident);
}

void
incident_on_timer(void *arg)
{
	struct incident *incident = arg;

	/* After a restart many are due at once: they must not hold up the loop. */
	if (turn_is_spent(incident->incidents))
		loop_timer_set_wall(incident->incidents->loop, &incident->work->timer,
		    loop_now(incident->incidents->loop));
	else
		incident_run(incident, loop_now(incident->incidents->loop));
}
