/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "oncall/quiet.h"

#include <string.h>

#include "base/severity.h"
#include "route/intervals.h"

static bool
is_for(const struct quiet_hours *quiet, const char *receiver)
{
	for (uint32_t i = 0; i < quiet->n_receivers; i++) {
		if (strcmp(quiet->receivers[i]->name, receiver) == 0)
			return true;
	}
	return quiet->n_receivers == 0;
}

static bool
lets_pass(const struct quiet_hours *quiet, struct str severity)
{
	for (uint32_t i = 0; i < quiet->n_pass; i++) {
		if (str_is(severity, quiet->pass[i]))
			return true;
	}
	return severity.n > 0 && severity_level(severity) == SEVERITY_CRITICAL;
}

/* One may begin when another ends: until none of them holds. */
wall_t
quiet_until(const struct config *config, const char *receiver, struct str severity, wall_t now)
{
	wall_t limit = wall_add(now, QUIET_HOLD_MAX), until = now;
	bool moved = config->n_quiet_hours > 0;

	while (moved && wall_before(until, limit)) {
		moved = false;
		for (uint32_t i = 0; i < config->n_quiet_hours; i++) {
			const struct quiet_hours *quiet = &config->quiet_hours[i];

			if (!is_for(quiet, receiver) || lets_pass(quiet, severity) ||
			    !intervals_contain(quiet->intervals, quiet->n_intervals, until))
				continue;
			until =
			    intervals_change(quiet->intervals, quiet->n_intervals, until, limit);
			moved = true;
		}
	}
	return until.ns == now.ns ? WALL_NONE : until;
}
