/* SPDX-License-Identifier: Apache-2.0 */
/* Named times: which instants belong to them, and what that makes of a route. */
#include "config.h"

#include <string.h>

#include "base/timestamp.h"
#include "route/intervals.h"
#include "unit/route/helpers.h"
#include "unit/route/suites.h"

static wall_t
when(const char *text)
{
	wall_t at;

	ck_assert(timestamp_parse(str_from(text), &at));
	return at;
}

/* 2026-11-20 is a Friday. */
static const struct {
	const char *rule, *spec, *at;
	bool want;
} instants[] = {
	{ "nothing given is always", "{}", "2026-11-20T12:00:00Z", true },
	{ "begins on the minute", "{times: [{start_time: '09:00', end_time: '17:00'}]}",
	    "2026-11-20T09:00:00Z", true },
	{ "not before", "{times: [{start_time: '09:00', end_time: '17:00'}]}",
	    "2026-11-20T08:59:59.999Z", false },
	{ "the end is exclusive", "{times: [{start_time: '09:00', end_time: '17:00'}]}",
	    "2026-11-20T17:00:00Z", false },
	{ "the last minute is whole", "{times: [{start_time: '09:00', end_time: '17:00'}]}",
	    "2026-11-20T16:59:59.999Z", true },
	{ "24:00 is the end of the day", "{times: [{start_time: '22:00', end_time: '24:00'}]}",
	    "2026-11-20T23:59:59Z", true },
	{ "one of several times",
	    "{times: [{start_time: '22:00', end_time: '24:00'}, {start_time: '00:00', end_time: "
	    "'06:00'}]}",
	    "2026-11-21T05:59:00Z", true },
	{ "an empty list never holds", "{times: []}", "2026-11-20T12:00:00Z", false },
	{ "a weekday", "{weekdays: [friday]}", "2026-11-20T12:00:00Z", true },
	{ "names in any case", "{weekdays: ['Monday:FRIDAY']}", "2026-11-20T12:00:00Z", true },
	{ "a range ends with its last day", "{weekdays: ['monday:friday']}", "2026-11-21T00:00:00Z",
	    false },
	{ "Sunday is the first day", "{weekdays: ['sunday:monday']}", "2026-11-22T12:00:00Z",
	    true },
	{ "a number", "{days_of_month: [20]}", "2026-11-20T12:00:00Z", true },
	{ "the last day of a month of 30", "{days_of_month: [-1]}", "2026-11-30T12:00:00Z", true },
	{ "the last day of February", "{days_of_month: [-1]}", "2026-02-28T12:00:00Z", true },
	{ "not in a leap year", "{days_of_month: [-1]}", "2028-02-28T12:00:00Z", false },
	{ "the last day of a leap February", "{days_of_month: [-1]}", "2028-02-29T12:00:00Z",
	    true },
	{ "from the end, first", "{days_of_month: ['-3:-1']}", "2026-11-28T00:00:00Z", true },
	{ "from the end, before", "{days_of_month: ['-3:-1']}", "2026-11-27T23:59:59Z", false },
	{ "cut to the month", "{days_of_month: ['28:31']}", "2026-02-28T12:00:00Z", true },
	{ "31 is not the 1st of the next", "{days_of_month: ['29:31']}", "2026-03-01T12:00:00Z",
	    false },
	{ "-31 in a month of 28 is before it", "{days_of_month: ['-31:-28']}",
	    "2026-02-01T12:00:00Z", true },
	{ "from the start to the end", "{days_of_month: ['10:-10']}", "2026-11-20T12:00:00Z",
	    true },
	{ "a month by name", "{months: [november]}", "2026-11-20T12:00:00Z", true },
	{ "a month by number", "{months: [11]}", "2026-11-20T12:00:00Z", true },
	{ "a range of both", "{months: ['10:november']}", "2026-12-01T00:00:00Z", false },
	{ "years", "{years: ['2026:2028']}", "2028-12-31T23:59:59Z", true },
	{ "years end", "{years: ['2026:2028']}", "2029-01-01T00:00:00Z", false },
	{ "all must hold", "{weekdays: [friday], months: [july]}", "2026-11-20T12:00:00Z", false },
	/* Berlin, 2026-03-29: 02:00 to 03:00 does not exist. */
	{ "before the gap",
	    "{times: [{start_time: '01:30', end_time: '02:30'}], location: "
	    "Europe/Berlin}",
	    "2026-03-29T00:59:59Z", true },
	{ "the gap is skipped",
	    "{times: [{start_time: '01:30', end_time: '02:30'}], location: "
	    "Europe/Berlin}",
	    "2026-03-29T01:00:00Z", false },
	{ "what lies in the gap never holds that day",
	    "{times: [{start_time: '02:00', end_time: '03:00'}], location: Europe/Berlin}",
	    "2026-03-29T01:00:00Z", false },
	/* 2026-10-25: 02:00 to 03:00 exists twice. */
	{ "the first time",
	    "{times: [{start_time: '02:15', end_time: '02:45'}], location: "
	    "Europe/Berlin}",
	    "2026-10-25T00:30:00Z", true },
	{ "between",
	    "{times: [{start_time: '02:15', end_time: '02:45'}], location: "
	    "Europe/Berlin}",
	    "2026-10-25T00:50:00Z", false },
	{ "the second time",
	    "{times: [{start_time: '02:15', end_time: '02:45'}], location: "
	    "Europe/Berlin}",
	    "2026-10-25T01:30:00Z", true },
	{ "a day of 25 hours", "{weekdays: [sunday], location: Europe/Berlin}",
	    "2026-10-25T22:59:59Z", true },
	{ "the zone's day, ahead", "{weekdays: [saturday], location: Asia/Kolkata}",
	    "2026-11-20T18:30:00Z", true },
	{ "the zone's day, behind", "{weekdays: [thursday], location: America/New_York}",
	    "2026-11-20T04:59:59Z", true },
	{ "half hours",
	    "{times: [{start_time: '00:00', end_time: '00:01'}], location: "
	    "Asia/Kolkata}",
	    "2026-11-20T18:30:59Z", true },
	{ "half an hour of summer",
	    "{times: [{start_time: '12:00', end_time: '12:01'}], "
	    "location: Australia/Lord_Howe}",
	    "2026-11-20T01:00:00Z", true },
	{ "and none in winter",
	    "{times: [{start_time: '12:00', end_time: '12:01'}], "
	    "location: Australia/Lord_Howe}",
	    "2026-07-20T01:30:00Z", true },
	{ "the zone's month and year",
	    "{days_of_month: [1], months: [1], years: [2027], "
	    "location: Europe/Berlin}",
	    "2026-12-31T23:00:00Z", true },
	{ "the zone's last day", "{days_of_month: [-1], location: America/New_York}",
	    "2026-12-01T04:59:59Z", true },
	{ "UTC by name", "{times: [{start_time: '12:00', end_time: '12:01'}], location: UTC}",
	    "2026-11-20T12:00:00Z", true },
	{ "before 1970", "{weekdays: [wednesday], years: [1969]}", "1969-12-31T23:59:59Z", true },
};

START_TEST(instant_belongs_to_the_interval)
{
	struct buf yaml = { 0 };
	struct config *config;

	buf_printf(&yaml,
	    "route: {receiver: r}\nreceivers: [{name: r}]\n"
	    "time_intervals: [{name: n, time_intervals: [%s]}]\n",
	    instants[_i].spec);
	config = config_of(yaml.p);
	ck_assert_uint_eq(config->n_time_intervals, 1);
	ck_assert_msg(interval_contains(&config->time_intervals[0], when(instants[_i].at)) ==
			  instants[_i].want,
	    "%s: %s at %s", instants[_i].rule, instants[_i].spec, instants[_i].at);
	config_unref(config);
	buf_fini(&yaml);
}
END_TEST

static const char times[] =
    "receivers: [{name: r}]\n"
    "time_intervals:\n"
    "- {name: morning, time_intervals: [{times: [{start_time: '06:00', end_time: '12:00'}]}]}\n"
    "- {name: evening, time_intervals: [{times: [{start_time: '18:00', end_time: '22:00'}]}]}\n"
    "- {name: never}\n"
    "mute_time_intervals:\n"
    "- {name: friday, time_intervals: [{weekdays: [friday]}]}\n";

static const struct {
	const char *rule, *route, *at;
	enum route_voice want;
	const char *by;
} voices[] = {
	{ "no intervals", "{}", "2026-11-20T12:00:00Z", ROUTE_SPEAKS, "" },
	{ "inside a mute interval", "{mute_time_intervals: [morning]}", "2026-11-20T07:00:00Z",
	    ROUTE_MUTED, "morning" },
	{ "outside", "{mute_time_intervals: [morning]}", "2026-11-20T13:00:00Z", ROUTE_SPEAKS, "" },
	{ "only those that hold are named", "{mute_time_intervals: [morning, evening, friday]}",
	    "2026-11-20T19:00:00Z", ROUTE_MUTED, "evening friday" },
	{ "inside an active interval", "{active_time_intervals: [morning, evening]}",
	    "2026-11-20T19:00:00Z", ROUTE_SPEAKS, "" },
	{ "outside of all: all are named", "{active_time_intervals: [morning, evening]}",
	    "2026-11-20T13:00:00Z", ROUTE_INACTIVE, "morning evening" },
	{ "an interval without times never holds", "{active_time_intervals: [never]}",
	    "2026-11-20T13:00:00Z", ROUTE_INACTIVE, "never" },
	{ "active and muted is muted",
	    "{active_time_intervals: [morning], mute_time_intervals: [friday]}",
	    "2026-11-20T07:00:00Z", ROUTE_MUTED, "friday" },
};

START_TEST(route_is_silent_at_its_times)
{
	struct buf yaml = { 0 }, by = { 0 };
	struct config *config;
	wall_t at = when(voices[_i].at);
	const char *name;

	buf_printf(&yaml, "%sroute: {receiver: r, routes: [%s]}\n", times, voices[_i].route);
	config = config_of(yaml.p);
	ck_assert_msg(route_voice(config->routes[1], at) == voices[_i].want, "%s", voices[_i].rule);
	buf_puts(&by, "");
	for (uint32_t i = 0; (name = route_muted_by(config->routes[1], at, i)) != NULL; i++)
		buf_printf(&by, "%s%s", i > 0 ? " " : "", name);
	ck_assert_str_eq(by.n > 0 ? by.p : "", voices[_i].by);
	config_unref(config);
	buf_fini(&yaml);
	buf_fini(&by);
}
END_TEST

START_TEST(times_are_not_inherited_our_keys_are)
{
	struct buf yaml = { 0 };
	struct config *config;

	buf_printf(&yaml,
	    "%sroute: {receiver: r, deliver_held_resolves: true, routes: [{mute_time_intervals: "
	    "[friday], routes: [{notify_on_unsilence: true, deliver_held_resolves: false, routes: "
	    "[{}]}]}]}\n",
	    times);
	config = config_of(yaml.p);
	ck_assert_uint_eq(config->routes[1]->n_mute_intervals, 1);
	ck_assert(config->routes[1]->deliver_held_resolves);
	ck_assert(!config->routes[1]->notify_on_unsilence);
	ck_assert_uint_eq(config->routes[2]->n_mute_intervals, 0);
	ck_assert(!config->routes[2]->deliver_held_resolves);
	ck_assert(config->routes[3]->notify_on_unsilence);
	ck_assert(!config->routes[3]->deliver_held_resolves);
	/* The page of Alertmanager's tools shows the times and not our keys. */
	ck_assert_ptr_nonnull(strstr(config->original.p, "mute_time_intervals"));
	ck_assert_ptr_null(strstr(config->original.p, "held_resolves"));
	config_unref(config);
	buf_fini(&yaml);
}
END_TEST

TCase *
intervals_tests(void)
{
	TCase *tcase = tcase_create("intervals");

	tcase_add_loop_test(tcase, instant_belongs_to_the_interval, 0, ARRAY_LEN(instants));
	tcase_add_loop_test(tcase, route_is_silent_at_its_times, 0, ARRAY_LEN(voices));
	tcase_add_test(tcase, times_are_not_inherited_our_keys_are);
	return tcase;
}
