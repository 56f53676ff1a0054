/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "oncall/lint.h"

#include <string.h>

#include "base/timestamp.h"
#include "oncall/schedule.h"

#define GAPS_COUNTED_MAX 100

/* A step that names the schedule, and no fallback: nobody at all would be told. */
static const struct escalation_policy *
policy_with(const struct config *config, const struct schedule_config *schedule)
{
	for (uint32_t i = 0; i < config->n_policies; i++) {
		const struct escalation_policy *policy = &config->policies[i];

		for (uint32_t s = 0; s < policy->n_steps; s++) {
			for (uint32_t k = 0; k < policy->steps[s].n_notify; k++) {
				const struct step_target *target = &policy->steps[s].notify[k];

				if (target->kind == STEP_SCHEDULE &&
				    strcmp(target->name, schedule->name) == 0)
					return policy;
			}
		}
	}
	return NULL;
}

static void
lint_schedule(const struct config *config, const struct schedule_config *schedule, wall_t now,
    struct diag *diag)
{
	const struct schedule_view view = { .config = config, .schedule = schedule };
	const struct escalation_policy *policy = policy_with(config, schedule);
	wall_t limit = wall_add(now, ONCALL_LINT_AHEAD), from = WALL_NONE, until = WALL_NONE;
	char from_text[TIMESTAMP_TEXT_MAX], until_text[TIMESTAMP_TEXT_MAX];
	uint32_t n = 0;

	for (wall_t at = now; policy != NULL && wall_before(at, limit) && n < GAPS_COUNTED_MAX;) {
		wall_t next = schedule_change(&view, at, limit);

		if (schedule_at(&view, at).user == NULL && n++ == 0) {
			from = at;
			until = next;
		}
		at = next;
	}
	if (n == 0)
		return;
	diag_warning(diag, schedule->pos,
	    "schedule '%s': nobody is on call from %s until %s%s; policy '%s' would %s",
	    schedule->name, timestamp_format_ms(from, from_text),
	    timestamp_format_ms(until, until_text), n > 1 ? ", and again later" : "", policy->name,
	    policy->fallback != NULL ? "tell its fallback" : "tell nobody");
}

void
oncall_lint(const struct config *config, wall_t now, struct diag *diag)
{
	for (uint32_t i = 0; i < config->n_schedules; i++)
		lint_schedule(config, &config->schedules[i], now, diag);
}
