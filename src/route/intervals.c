/* SPDX-License-Identifier: Apache-2.0 */
/* Which of a route's named times hold at a moment. */
#include "config.h"

#include "route/intervals.h"

enum route_voice
route_voice(const struct route_config *route, wall_t at)
{
	if (route->n_active_intervals > 0 &&
	    !intervals_contain(route->active_intervals, route->n_active_intervals, at))
		return ROUTE_INACTIVE;
	if (intervals_contain(route->mute_intervals, route->n_mute_intervals, at))
		return ROUTE_MUTED;
	return ROUTE_SPEAKS;
}

const char *
route_muted_by(const struct route_config *route, wall_t at, uint32_t i)
{
	switch (route_voice(route, at)) {
	case ROUTE_SPEAKS:
		break;
	case ROUTE_INACTIVE:
		return i < route->n_active_intervals ? route->active_intervals[i]->name : NULL;
	case ROUTE_MUTED:
		for (uint32_t k = 0; k < route->n_mute_intervals; k++) {
			if (interval_contains(route->mute_intervals[k], at) && i-- == 0)
				return route->mute_intervals[k]->name;
		}
		break;
	}
	return NULL;
}
