/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calendar of a time zone against lists of ranges.  Every instant has one
 * reading of the zone's wall clock, so a local time that does not exist on the
 * day the clocks go forward is simply never read, and one that exists twice
 * belongs to the interval twice.
 */
#include <config.h>

#include "config/calendar.h"

#include "base/civil.h"
#include "base/tz.h"

#define NS_PER_S INT64_C(1000000000)
#define DAY      86400
#define QUARTER  900 /* days begin, and offsets change, at such times */

static bool
holds(const struct time_ranges *ranges, int64_t value)
{
	for (uint32_t i = 0; i < ranges->n; i++) {
		if (value >= ranges->r[i].first && value <= ranges->r[i].last)
			return true;
	}
	return !ranges->set;
}

static bool
time_holds(const struct time_ranges *ranges, int64_t minute)
{
	for (uint32_t i = 0; i < ranges->n; i++) {
		if (minute >= ranges->r[i].first && minute < ranges->r[i].last)
			return true;
	}
	return !ranges->set;
}

/* Negative days count from the end; what reaches beyond the month is cut to it. */
static bool
day_holds(const struct time_ranges *ranges, const struct civil *date)
{
	int days = civil_month_days(date->year, date->month);

	for (uint32_t i = 0; i < ranges->n; i++) {
		int first = ranges->r[i].first, last = ranges->r[i].last;

		first += first < 0 ? days + 1 : 0;
		last += last < 0 ? days + 1 : 0;
		if (date->day >= first && date->day <= last)
			return true;
	}
	return !ranges->set;
}

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static bool
spec_contains(const struct time_spec *spec, int64_t sec)
{
	int64_t local = sec + (spec->zone != NULL ? tz_offset(spec->zone, sec, NULL) : 0);
	int64_t day = floor_div(local, DAY);
	struct civil date = civil_from_days(day);

	return time_holds(&spec->times, (local - day * DAY) / 60) &&
	       holds(&spec->weekdays, date.weekday) && day_holds(&spec->days_of_month, &date) &&
	       holds(&spec->months, date.month) && holds(&spec->years, date.year);
}

bool
interval_contains(const struct time_interval *interval, wall_t at)
{
	int64_t sec = floor_div(at.ns, NS_PER_S);

	for (uint32_t i = 0; i < interval->n_specs; i++) {
		if (spec_contains(&interval->specs[i], sec))
			return true;
	}
	return false;
}

bool
intervals_contain(const struct time_interval *const *intervals, uint32_t n, wall_t at)
{
	for (uint32_t i = 0; i < n; i++) {
		if (interval_contains(intervals[i], at))
			return true;
	}
	return false;
}

/* When a spec may begin or end: at a time of day of its own, or where a day or an offset may. */
static int64_t
next_mark(const struct time_spec *spec, int64_t sec)
{
	int64_t mark = (floor_div(sec, QUARTER) + 1) * QUARTER;
	int64_t local = sec + (spec->zone != NULL ? tz_offset(spec->zone, sec, NULL) : 0);
	int64_t second = local - floor_div(local, DAY) * DAY;

	for (uint32_t i = 0; i < spec->times.n; i++) {
		int64_t to_first = spec->times.r[i].first * 60 - second;
		int64_t to_last = spec->times.r[i].last * 60 - second;

		if (to_first > 0 && sec + to_first < mark)
			mark = sec + to_first;
		if (to_last > 0 && sec + to_last < mark)
			mark = sec + to_last;
	}
	return mark;
}

wall_t
intervals_change(const struct time_interval *const *intervals, uint32_t n, wall_t at, wall_t limit)
{
	bool is_in = intervals_contain(intervals, n, at);
	int64_t sec = floor_div(at.ns, NS_PER_S), last = floor_div(limit.ns, NS_PER_S);

	while (sec < last) {
		int64_t next = last;

		for (uint32_t i = 0; i < n; i++) {
			for (uint32_t k = 0; k < intervals[i]->n_specs; k++) {
				int64_t mark = next_mark(&intervals[i]->specs[k], sec);

				next = mark < next ? mark : next;
			}
		}
		sec = next;
		if (sec < last &&
		    intervals_contain(intervals, n, (wall_t){ sec * NS_PER_S }) != is_in)
			return (wall_t){ sec * NS_PER_S };
	}
	return limit;
}
