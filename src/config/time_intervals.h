/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named times, as `time_intervals` gives them.  What they mean is route's:
 * route/intervals.h.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/tz.h"

/* Both ends belong to it, except with times of day, whose last minute does not. */
struct time_range {
	int first, last;
};
struct time_ranges {
	const struct time_range *r;
	uint32_t n;
	bool set; /* the key is there: one of the ranges must hold, of none none does */
};

/* All that is set must hold. */
struct time_spec {
	struct time_ranges times;         /* minutes of the day, 0..1440 */
	struct time_ranges weekdays;      /* 0 is Sunday */
	struct time_ranges days_of_month; /* from 1; -1 is the last, -31 at the least */
	struct time_ranges months;        /* from 1 */
	struct time_ranges years;
	const struct tz *zone;            /* NULL: UTC */
};

/* One of the specs must hold. */
struct time_interval {
	const char *name;
	struct time_spec *specs;
	uint32_t n_specs;
	struct pos pos;
};
