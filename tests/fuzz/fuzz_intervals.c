/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: time_intervals of a configuration, and what they say of the
 * next twenty years (config/time_intervals.c, route/intervals.c, base/tz.c on
 * the system's own zone files).  The input is the list below the key.
 *
 * Beyond not crashing: in UTC the answer is the one that the C library's
 * calendar gives, and a route is muted exactly inside of an interval and
 * inactive exactly outside of it.
 */
#include "config.h"

#include <stdlib.h>
#include <time.h>

#include "base/civil.h"
#include "config/config.h"
#include "fuzz.h"
#include "route/intervals.h"
#include "support.h"
#include "unit/config/fake_kinds.h"

#define FIRST INT64_C(1577836800) /* 2020-01-01 */
#define STEP  1555200             /* 18 days, so every month of the years */
#define MOMENTS 400

static bool
in_ranges(const struct time_ranges *ranges, int value)
{
	bool found = !ranges->set;

	for (uint32_t i = 0; i < ranges->n; i++)
		found |= ranges->r[i].first <= value && value <= ranges->r[i].last;
	return found;
}

static bool
in_days(const struct time_ranges *ranges, const struct tm *tm)
{
	int days = civil_month_days(tm->tm_year + 1900, tm->tm_mon + 1);
	bool found = !ranges->set;

	for (uint32_t i = 0; i < ranges->n; i++) {
		const struct time_range *r = &ranges->r[i];
		int first = r->first < 0 ? days + 1 + r->first : r->first;
		int last = r->last < 0 ? days + 1 + r->last : r->last;

		if (r->first == 0 || r->last == 0 || abs(r->first) > 31 || abs(r->last) > 31)
			abort();
		found |= first <= tm->tm_mday && tm->tm_mday <= last;
	}
	return found;
}

static bool
in_times(const struct time_ranges *ranges, int minute)
{
	bool found = !ranges->set;

	for (uint32_t i = 0; i < ranges->n; i++) {
		if (ranges->r[i].first >= ranges->r[i].last || ranges->r[i].last > 1440)
			abort();
		found |= ranges->r[i].first <= minute && minute < ranges->r[i].last;
	}
	return found;
}

/* By the C library's calendar; *ret_known is false where a zone is given. */
static bool
expected(const struct time_interval *interval, int64_t sec, bool *ret_known)
{
	bool found = false;
	struct tm tm;
	time_t t = (time_t)sec;

	*ret_known = gmtime_r(&t, &tm) != NULL;
	for (uint32_t i = 0; i < interval->n_specs; i++) {
		const struct time_spec *s = &interval->specs[i];

		*ret_known &= s->zone == NULL;
		found |= in_times(&s->times, tm.tm_hour * 60 + tm.tm_min) &&
			 in_ranges(&s->weekdays, tm.tm_wday) && in_days(&s->days_of_month, &tm) &&
			 in_ranges(&s->months, tm.tm_mon + 1) &&
			 in_ranges(&s->years, tm.tm_year + 1900);
	}
	return found;
}

static void
check_moment(const struct time_interval *interval, int64_t sec)
{
	const struct time_interval *list[] = { interval };
	const struct route_config mutes = { .mute_intervals = list, .n_mute_intervals = 1 };
	const struct route_config active = { .active_intervals = list, .n_active_intervals = 1 };
	const wall_t at = { sec * INT64_C(1000000000) + 999999999 };
	bool inside = interval_contains(interval, at), known;

	if (expected(interval, sec, &known) != inside && known)
		abort();
	if (route_voice(&mutes, at) != (inside ? ROUTE_MUTED : ROUTE_SPEAKS) ||
	    route_voice(&active, at) != (inside ? ROUTE_SPEAKS : ROUTE_INACTIVE) ||
	    (route_muted_by(&mutes, at, 0) != NULL) != inside ||
	    (route_muted_by(&active, at, 0) != NULL) == inside)
		abort();
}

static void
check_config(const struct config *config)
{
	for (uint32_t i = 0; i < config->n_time_intervals; i++) {
		const struct time_interval *interval = &config->time_intervals[i];

		if (config_time_interval(config, interval->name) != interval)
			abort();
		for (int64_t k = 0; k < MOMENTS; k++)
			check_moment(interval, FIRST + k * STEP + k * 997);
		interval_contains(interval, WALL_MAX);
		interval_contains(interval, (wall_t){ INT64_MIN });
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct str input = str_make((const char *)data, size);
	struct buf text = { 0 };
	struct diag *diag;
	struct config *config;

	if (support_names_files(input))
		return 0;
	diag = diag_new();
	buf_puts(&text, "route: {receiver: r}\nreceivers: [{name: r}]\ntime_intervals:\n");
	for (uint32_t i = 0; i < input.n; i++) {
		if (i == 0 || input.p[i - 1] == '\n')
			buf_puts(&text, "  ");
		buf_putc(&text, input.p[i]);
	}
	config = config_load(support_file(buf_str(&text)), &fake_kinds, diag);
	if ((config == NULL) != (diag_errors(diag) > 0))
		abort();
	if (config != NULL)
		check_config(config);
	config_unref(config);
	diag_free(diag);
	buf_fini(&text);
	return 0;
}
