/* SPDX-License-Identifier: Apache-2.0 */
/* Turns on a wall clock: see schedule.h. */
#include "config.h"

#include "oncall/schedule.h"

#include <string.h>

#include "base/tz.h"
#include "route/intervals.h"

#define NS_PER_S INT64_C(1000000000)

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t
local_of(const struct tz *zone, int64_t sec)
{
	return sec + (zone != NULL ? tz_offset(zone, sec, NULL) : 0);
}

static int64_t
instant_of(const struct tz *zone, int64_t local)
{
	return zone != NULL ? tz_instant(zone, local) : local;
}

/* When the n-th turn begins. */
static int64_t
turn_start(const struct schedule_config *schedule, const struct schedule_layer *layer, int64_t n)
{
	return instant_of(schedule->zone, layer->start_s + n * layer->length_s);
}

/*
 * The turn that has begun last.  The wall clock alone would hand back when
 * the clocks go back past the hand-over, and again an hour later.
 */
static int64_t
turn_number(const struct schedule_config *schedule, const struct schedule_layer *layer, int64_t sec)
{
	int64_t n = floor_div(local_of(schedule->zone, sec) - layer->start_s, layer->length_s);

	while (turn_start(schedule, layer, n + 1) <= sec)
		n++;
	while (turn_start(schedule, layer, n) > sec)
		n--;
	return n;
}

static const struct oncall_user *
layer_at(const struct schedule_config *schedule, const struct schedule_layer *layer, wall_t at)
{
	int64_t n = turn_number(schedule, layer, floor_div(at.ns, NS_PER_S));

	if (layer->n_users == 0 || (n < 0 && layer->starts) ||
	    (layer->n_active > 0 && !intervals_contain(layer->active, layer->n_active, at)))
		return NULL;
	n %= layer->n_users;
	return layer->users[n < 0 ? n + layer->n_users : n];
}

static bool
stands_in(const struct oncall_override *override, const struct schedule_view *view, wall_t at)
{
	return strcmp(override->schedule, view->schedule->name) == 0 &&
	       !wall_before(at, override->starts_at) && wall_before(at, override->ends_at);
}

struct oncall_turn
schedule_at(const struct schedule_view *view, wall_t at)
{
	struct oncall_turn turn = { .layer = -1 };

	for (uint32_t i = 0; i < view->n_overrides; i++) {
		const struct oncall_override *override = view->overrides[i];
		const struct oncall_user *user;

		if (override->id <= turn.override_id || !stands_in(override, view, at))
			continue;
		user = config_user(view->config, str_from(override->user));
		if (user != NULL) {
			turn.user = user;
			turn.override_id = override->id;
		}
	}
	for (uint32_t i = 0; i < view->schedule->n_layers && turn.user == NULL; i++) {
		turn.user = layer_at(view->schedule, &view->schedule->layers[i], at);
		turn.layer = turn.user != NULL ? (int)i : -1;
	}
	return turn;
}

/* When the layer may have somebody else: its turn is over, or its times begin or end. */
static wall_t
layer_mark(const struct schedule_config *schedule, const struct schedule_layer *layer, wall_t at,
    wall_t limit)
{
	int64_t n = turn_number(schedule, layer, floor_div(at.ns, NS_PER_S));
	wall_t next = { turn_start(schedule, layer, n + 1) * NS_PER_S };

	next = wall_min(next, limit);
	return layer->n_active > 0 ? intervals_change(layer->active, layer->n_active, at, next)
				   : next;
}

static wall_t
next_mark(const struct schedule_view *view, wall_t at, wall_t limit)
{
	for (uint32_t i = 0; i < view->n_overrides; i++) {
		const struct oncall_override *override = view->overrides[i];

		if (strcmp(override->schedule, view->schedule->name) != 0)
			continue;
		if (wall_before(at, override->starts_at))
			limit = wall_min(limit, override->starts_at);
		if (wall_before(at, override->ends_at))
			limit = wall_min(limit, override->ends_at);
	}
	for (uint32_t i = 0; i < view->schedule->n_layers; i++)
		limit = layer_mark(view->schedule, &view->schedule->layers[i], at, limit);
	return limit;
}

wall_t
schedule_change(const struct schedule_view *view, wall_t at, wall_t limit)
{
	const struct oncall_user *user = schedule_at(view, at).user;

	while (wall_before(at, limit)) {
		at = next_mark(view, at, limit);
		if (wall_before(at, limit) && schedule_at(view, at).user != user)
			return at;
	}
	return limit;
}
