/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a route is silent at a moment, by its named times. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "config/calendar.h"
#include "config/config.h"

enum route_voice {
	ROUTE_SPEAKS,
	ROUTE_INACTIVE, /* outside of all its active intervals */
	ROUTE_MUTED,    /* inside one of its mute intervals */
};
enum route_voice route_voice(const struct route_config *route, wall_t at);
/* The i-th name of an interval that keeps the route silent, or NULL: all active ones, or the mute ones that hold. */
const char *route_muted_by(const struct route_config *route, wall_t at, uint32_t i);
