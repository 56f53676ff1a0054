/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rule remembers of its series: points in order of time, kept in the
 * store, so that a restart neither learns anew nor jumps.
 *
 * A kind says what it needs (struct past_need), looks (past_of) and hands back
 * what is to be remembered; the engine appends, marks what was measured while
 * an alert fired, forgets what is older than the window, and starts a series
 * anew when its reset_on label changes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "base/str.h"

#define PAST_POINTS_MAX 20000 /* per series; the step is made wider where a window would hold more */
#define PAST_SERIES_MAX 10000 /* per rule */

struct past;

enum { PAST_FIRING = 1u << 0 /* measured while the series' alert fired, under exclude_firing */ };

struct past_series {
	const wall_t *at; /* ascending */
	const double *value;
	const uint8_t *flags;
	uint32_t n;
};

/* By the sample's key; false: nothing is remembered of it. Valid until the engine appends. */
bool past_of(const struct past *past, struct str key, struct past_series *ret);
/* The newest point of any series; WALL_NONE: nothing is remembered at all. */
wall_t past_newest(const struct past *past);
