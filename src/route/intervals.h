/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which named times a moment belongs to, and whether a route is silent then
 * (alertmanager.md 1.5, 2.5). Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "config/config.h"

bool interval_contains(const struct time_interval *interval, wall_t at);

/* One of them does; false of none. */
bool intervals_contain(const struct time_interval *const *intervals, uint32_t n, wall_t at);
/* The first moment after `at` at which intervals_contain() changes; `limit` when it does not change before. */
wall_t intervals_change(const struct time_interval *const *intervals, uint32_t n, wall_t at, wall_t limit);

enum route_voice {
	ROUTE_SPEAKS,
	ROUTE_INACTIVE, /* outside of all its active intervals */
	ROUTE_MUTED,    /* inside one of its mute intervals */
};
enum route_voice route_voice(const struct route_config *route, wall_t at);
/* The i-th name of an interval that keeps the route silent, or NULL: all active ones, or the mute ones that hold. */
const char *route_muted_by(const struct route_config *route, wall_t at, uint32_t i);
