/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "oncall/plan.h"

#include <string.h>

#include "route/intervals.h"

static struct plan_line *
add(struct plan *plan, const struct step_target *target)
{
	struct plan_line *line =
	    &plan->lines[plan->n < PLAN_LINES_MAX ? plan->n++ : PLAN_LINES_MAX - 1];

	*line = (struct plan_line){ .name = target->name };
	return line;
}

static void
skip(struct plan_line *line, enum plan_skip why)
{
	line->skipped = why;
}

static void
tell(struct plan_line *line, const struct receiver_config *receiver)
{
	line->receiver = receiver;
	if (receiver == NULL)
		skip(line, PLAN_UNKNOWN);
}

/* A word of the person's, else a receiver for everybody; no word: all ways. */
static void
tell_user(struct plan *plan, const struct plan_context *context, const struct step_target *target,
    const struct oncall_user *user, const char *schedule)
{
	const struct receiver_config *found = NULL;
	uint32_t before = plan->n;

	for (uint32_t i = 0; i < user->n_ways; i++) {
		if (target->via != NULL && strcmp(user->ways[i].word, target->via) != 0)
			continue;
		struct plan_line *line = add(plan, target);

		line->user = user->name;
		line->schedule = schedule;
		tell(line, user->ways[i].receiver);
	}
	if (plan->n > before)
		return;
	if (target->via != NULL)
		found = config_receiver(context->config, target->via);
	struct plan_line *line = add(plan, target);

	line->user = user->name;
	line->schedule = schedule;
	tell(line, found);
}

static void
tell_schedule(struct plan *plan, const struct plan_context *context,
    const struct step_target *target, wall_t now)
{
	struct schedule_view view = {
		.config = context->config,
		.schedule = config_schedule(context->config, str_from(target->name)),
		.overrides = context->overrides,
		.n_overrides = context->n_overrides,
	};
	const struct oncall_user *user =
	    view.schedule != NULL ? schedule_at(&view, now).user : NULL;

	if (user != NULL) {
		tell_user(plan, context, target, user, view.schedule->name);
		return;
	}
	struct plan_line *line = add(plan, target);

	line->schedule = target->name;
	skip(line, PLAN_NOBODY_ON_CALL);
}

static void
tell_target(struct plan *plan, const struct plan_context *context,
    const struct step_target *target, wall_t now)
{
	const struct oncall_user *user;

	switch (target->kind) {
	case STEP_RECEIVER:
		tell(add(plan, target), config_receiver(context->config, target->name));
		return;
	case STEP_SCHEDULE:
		tell_schedule(plan, context, target, now);
		return;
	case STEP_USER:
		user = config_user(context->config, str_from(target->name));
		if (user != NULL)
			tell_user(plan, context, target, user, NULL);
		else
			skip(add(plan, target), PLAN_UNKNOWN);
		return;
	case STEP_TARGET_COUNT:
		return;
	}
}

static bool
severity_holds(const struct escalation_step *step, struct str severity)
{
	for (uint32_t i = 0; i < step->n_severities; i++) {
		if (str_is(severity, step->severities[i]))
			return true;
	}
	return step->n_severities == 0;
}

/* An interval that is no longer configured does not keep anybody from being told. */
static bool
time_holds(const struct plan_context *context, const struct escalation_step *step, wall_t now)
{
	for (uint32_t i = 0; i < step->n_intervals; i++) {
		const struct time_interval *interval =
		    config_time_interval(context->config, step->intervals[i]);

		if (interval == NULL || intervals_contain(&interval, 1, now))
			return true;
	}
	return step->n_intervals == 0;
}

static void
add_fallback(struct plan *plan, const struct plan_context *context,
    const struct escalation_policy *policy)
{
	const struct step_target target = { .name = policy->fallback };

	for (uint32_t i = 0; i < plan->n; i++) {
		if (!plan->lines[i].skipped)
			return;
	}
	if (policy->fallback == NULL)
		return;
	struct plan_line *line = add(plan, &target);

	line->is_fallback = true;
	tell(line, config_receiver(context->config, policy->fallback));
}

void
plan_step(const struct plan_context *context, const struct escalation_policy *policy, uint32_t step,
    struct str severity, wall_t now, struct plan *ret)
{
	const struct escalation_step *s = &policy->steps[step];

	ret->n = 0;
	if (!severity_holds(s, severity)) {
		skip(add(ret, &(struct step_target){ .name = "" }), PLAN_NOT_THIS_SEVERITY);
		return;
	}
	if (!time_holds(context, s, now)) {
		skip(add(ret, &(struct step_target){ .name = "" }), PLAN_NOT_AT_THIS_TIME);
		return;
	}
	for (uint32_t i = 0; i < s->n_notify; i++)
		tell_target(ret, context, &s->notify[i], now);
	add_fallback(ret, context, policy);
}
