/* SPDX-License-Identifier: Apache-2.0 */
/* Time zones: literal instants around the days when clocks change. */
#include <string.h>

#include "base/attr.h"
#include "base/civil.h"
#include "base/timestamp.h"
#include "base/tz.h"
#include "suites.h"

static const struct {
	const char *zone, *at;
	int32_t offset;
	const char *abbreviation;
} instants[] = {
	{ "Europe/Berlin", "2026-03-29T00:59:59Z", 3600, "CET" },
	{ "Europe/Berlin", "2026-03-29T01:00:00Z", 7200, "CEST" },
	{ "Europe/Berlin", "2026-10-25T00:59:59Z", 7200, "CEST" },
	{ "Europe/Berlin", "2026-10-25T01:00:00Z", 3600, "CET" },
	/* beyond the list of transitions: the rule at the end of the file */
	{ "Europe/Berlin", "2090-03-26T00:59:59Z", 3600, "CET" },
	{ "Europe/Berlin", "2090-03-26T01:00:00Z", 7200, "CEST" },
	{ "Europe/Berlin", "2090-10-29T01:00:00Z", 3600, "CET" },
	{ "America/New_York", "2026-03-08T06:59:59Z", -18000, "EST" },
	{ "America/New_York", "2026-03-08T07:00:00Z", -14400, "EDT" },
	{ "America/New_York", "2026-11-01T05:59:59Z", -14400, "EDT" },
	{ "America/New_York", "2026-11-01T06:00:00Z", -18000, "EST" },
	/* half an hour of summer time, in the south */
	{ "Australia/Lord_Howe", "2026-04-04T14:59:59Z", 39600, "+11" },
	{ "Australia/Lord_Howe", "2026-04-04T15:00:00Z", 37800, "+1030" },
	{ "Australia/Lord_Howe", "2026-10-03T15:29:59Z", 37800, "+1030" },
	{ "Australia/Lord_Howe", "2026-10-03T15:30:00Z", 39600, "+11" },
	{ "Australia/Lord_Howe", "2080-01-01T00:00:00Z", 39600, "+11" },
	{ "Asia/Kolkata", "2026-11-20T00:00:00Z", 19800, "IST" },
	{ "Asia/Kolkata", "2090-07-01T00:00:00Z", 19800, "IST" },
	/* a summer that is the standard, and a winter that is the exception */
	{ "Europe/Dublin", "2090-01-01T00:00:00Z", 0, "GMT" },
	{ "Europe/Dublin", "2090-07-01T00:00:00Z", 3600, "IST" },
	/* local mean time, before any transition */
	{ "Europe/Berlin", "1890-01-01T00:00:00Z", 3208, "LMT" },
	{ "UTC", "2026-07-01T00:00:00Z", 0, "UTC" },
};

START_TEST(offset_at_an_instant)
{
	const struct tz *tz = tz_find(str_from(instants[_i].zone));
	const char *abbreviation = "";
	wall_t at;

	ck_assert_msg(tz != NULL, "%s: needs the package tzdata", instants[_i].zone);
	ck_assert(timestamp_parse(str_from(instants[_i].at), &at));
	ck_assert_msg(tz_offset(tz, at.ns / 1000000000, &abbreviation) == instants[_i].offset,
	    "%s at %s", instants[_i].zone, instants[_i].at);
	ck_assert_str_eq(abbreviation, instants[_i].abbreviation);
	ck_assert_ptr_eq(tz_find(str_from(instants[_i].zone)), tz);
	ck_assert_str_eq(tz_name(tz), instants[_i].zone);
}
END_TEST

static const char *const not_zones[] = { "", "Europe/Nowhere", "../etc/passwd", "/etc/localtime",
	"Europe", "europe/berlin", "tzdata.zi", "zone.tab",
	"Europe/Berlin/Europe/Berlin/Europe/Berlin/Europe/Berlin/Europe/Berlin" };

START_TEST(what_is_no_zone_is_not_found)
{
	ck_assert_ptr_null(tz_find(str_from(not_zones[_i])));
}
END_TEST

START_TEST(the_local_zone_is_always_there)
{
	/* TZ is UTC in the tests. */
	ck_assert_ptr_nonnull(tz_find(STR("Local")));
}
END_TEST

START_TEST(dates_and_days_are_each_others_inverse)
{
	int64_t day = civil_to_days(-1, 12, 31);

	for (int64_t year = 0; year < 2900; year++) {
		for (int month = 1; month <= 12; month++) {
			int days = civil_month_days(year, month);

			for (int d = 1; d <= days; d += days - 1) {
				struct civil date;

				day += d == 1 ? 1 : days - 1;
				date = civil_from_days(day);
				REQUIRE(civil_to_days(year, month, d) == day);
				REQUIRE(date.year == year && date.month == month && date.day == d);
			}
		}
	}
	ck_assert_int_eq(civil_from_days(0).weekday, 4);
	ck_assert_int_eq(civil_from_days(civil_to_days(2026, 11, 20)).weekday, 5);
	ck_assert_int_eq(civil_from_days(civil_to_days(1969, 12, 28)).weekday, 0);
}
END_TEST

static const struct {
	const char *label, *zone, *local, *at;
} readings[] = {
	{ "in winter", "Europe/Berlin", "2026-01-10T09:00:00Z", "2026-01-10T08:00:00Z" },
	{ "in summer", "Europe/Berlin", "2026-07-10T09:00:00Z", "2026-07-10T07:00:00Z" },
	{ "left out: when the clocks go forward", "Europe/Berlin", "2026-03-29T02:30:00Z",
	    "2026-03-29T01:00:00Z" },
	{ "right after that", "Europe/Berlin", "2026-03-29T03:00:00Z", "2026-03-29T01:00:00Z" },
	{ "the evening before", "Europe/Berlin", "2026-03-28T20:00:00Z", "2026-03-28T19:00:00Z" },
	{ "twice: the first", "Europe/Berlin", "2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z" },
	{ "once again", "Europe/Berlin", "2026-10-25T03:00:00Z", "2026-10-25T02:00:00Z" },
	{ "half an hour left out", "Australia/Lord_Howe", "2026-10-04T02:10:00Z",
	    "2026-10-03T15:30:00Z" },
	{ "always the same", "Asia/Kolkata", "2026-11-20T05:30:00Z", "2026-11-20T00:00:00Z" },
};

START_TEST(a_local_time_is_first_read_at)
{
	wall_t local, want;

	ck_assert(timestamp_parse(str_from(readings[_i].local), &local));
	ck_assert(timestamp_parse(str_from(readings[_i].at), &want));
	int64_t got = tz_instant(
	    tz_find(str_from(readings[_i].zone)), local.ns / 1000000000);

	ck_assert_msg(got == want.ns / 1000000000, "%s: off by %lld s", readings[_i].label,
	    (long long)(got - want.ns / 1000000000));
}
END_TEST

TCase *
case_tz(void)
{
	TCase *tcase = tcase_create("time zones");

	tcase_add_loop_test(tcase, a_local_time_is_first_read_at, 0, ARRAY_LEN(readings));
	tcase_add_loop_test(tcase, offset_at_an_instant, 0, ARRAY_LEN(instants));
	tcase_add_loop_test(tcase, what_is_no_zone_is_not_found, 0, ARRAY_LEN(not_zones));
	tcase_add_test(tcase, the_local_zone_is_always_there);
	tcase_add_test(tcase, dates_and_days_are_each_others_inverse);
	return tcase;
}
