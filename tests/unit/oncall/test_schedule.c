/* SPDX-License-Identifier: Apache-2.0 */
/* Who is on call when: literal instants around hand-overs and clock changes. */
#include <string.h>

#include "base/attr.h"
#include "base/timestamp.h"
#include "oncall/quiet.h"
#include "oncall/schedule.h"
#include "suites.h"
#include "unit/route/helpers.h"

static const char yaml[] =
    "route: {receiver: ops}\n"
    "receivers: [{name: ops, probe_configs: [{url: 'http://a/'}]}, {name: desk, "
    "probe_configs: [{url: "
    "'http://b/'}]}]\n"
    "time_intervals:\n"
    "- {name: office, time_intervals: [{times: [{start_time: '09:00', end_time: "
    "'17:00'}], weekdays: "
    "['monday:friday'], location: Europe/Berlin}]}\n"
    "- {name: night, time_intervals: [{times: [{start_time: '22:00', end_time: "
    "'24:00'}, {start_time: "
    "'00:00', end_time: '06:30'}]}]}\n"
    "users: [{name: amy}, {name: bob}, {name: cid}]\n"
    "schedules:\n"
    "- {name: weekly, time_zone: Europe/Berlin, layers: [{users: [amy, bob], start: 2026-03-02}]}\n"
    "- {name: daily, time_zone: Europe/Berlin, layers: [{users: [amy, bob, cid], "
    "rotation: daily, start: "
    "2026-03-01, handover: '02:30'}]}\n"
    "- {name: half, layers: [{users: [amy, bob], rotation: custom, every: 12h, start: 2026-01-01, "
    "handover: '06:00'}]}\n"
    "- {name: friday, layers: [{users: [amy, bob], handover_day: friday, handover: '17:00', start: "
    "2026-11-02}]}\n"
    "- {name: office, time_zone: Europe/Berlin, layers: [{users: [amy], "
    "active_time_intervals: [office]}, "
    "{users: [bob], start: 2026-11-16}]}\n"
    "quiet_hours: [{time_intervals: [night], receivers: [desk], pass: [error]}]\n";

static const struct {
	const char *label, *schedule, *at, *user;
} turns[] = {
	{ "before its start nobody is on call", "weekly", "2026-03-02T07:59:59Z", "" },
	{ "the first begins at nine in Berlin", "weekly", "2026-03-02T08:00:00Z", "amy" },
	{ "a week later the second", "weekly", "2026-03-09T08:00:00Z", "bob" },
	{ "until that very second the first", "weekly", "2026-03-09T07:59:59Z", "amy" },
	{ "in summer time nine is an hour earlier", "weekly", "2026-03-30T07:00:00Z", "amy" },
	{ "and not before", "weekly", "2026-03-30T06:59:59Z", "bob" },
	{ "back in winter it is what it was", "weekly", "2026-10-26T08:00:00Z", "amy" },
	{ "and not an hour too early", "weekly", "2026-10-26T07:59:59Z", "bob" },
	/* 02:30 is left out on 29 March: handed over when the clocks go forward */
	{ "a hand-over that is left out is at the leap", "daily", "2026-03-29T01:00:00Z", "bob" },
	{ "not before it", "daily", "2026-03-29T00:59:59Z", "amy" },
	{ "the next one is at its time", "daily", "2026-03-30T00:30:00Z", "cid" },
	/* 02:30 comes twice on 25 October: 00:30Z and 01:30Z */
	{ "a hand-over that comes twice is at the first", "daily", "2026-10-25T00:30:00Z",
	    "bob" },
	{ "before it", "daily", "2026-10-25T00:29:59Z", "amy" },
	{ "it is not handed back when the clock goes back", "daily", "2026-10-25T01:00:00Z",
	    "bob" },
	{ "nor handed over again", "daily", "2026-10-25T01:30:00Z", "bob" },
	{ "half a day each", "half", "2026-01-01T17:59:59Z", "amy" },
	{ "half a day each: the other", "half", "2026-01-01T18:00:00Z", "bob" },
	{ "and again", "half", "2026-01-02T06:00:00Z", "amy" },
	{ "from the first such weekday on", "friday", "2026-11-06T16:59:59Z", "" },
	{ "on that weekday", "friday", "2026-11-06T17:00:00Z", "amy" },
	{ "the first layer in its hours", "office", "2026-11-20T08:00:00Z", "amy" },
	{ "else the second", "office", "2026-11-20T16:00:00Z", "bob" },
	{ "on Saturday the second", "office", "2026-11-21T10:00:00Z", "bob" },
	{ "before the second begins nobody", "office", "2026-11-14T10:00:00Z", "" },
};

static struct schedule_view
view_of(const struct config *config, const char *name)
{
	struct schedule_view view = { .config = config,
		.schedule = config_schedule(config, str_from(name)) };

	ck_assert_ptr_nonnull(view.schedule);
	return view;
}

START_TEST(turns_are_handed_over_by_the_wall_clock)
{
	struct config *config = config_of(yaml);
	struct schedule_view view = view_of(config, turns[_i].schedule);
	struct oncall_turn turn = schedule_at(&view, at(turns[_i].at));

	ck_assert_msg(strcmp(turn.user != NULL ? turn.user->name : "", turns[_i].user) == 0,
	    "%s: got %s", turns[_i].label, turn.user != NULL ? turn.user->name : "nobody");
	config_unref(config);
}
END_TEST

static const struct {
	const char *label, *schedule, *from, *until;
} changes[] = {
	{ "the end of the turn", "weekly", "2026-03-03T00:00:00Z", "2026-03-09T08:00:00Z" },
	{ "over the change to summer time", "weekly", "2026-03-24T00:00:00Z",
	    "2026-03-30T07:00:00Z" },
	{ "the beginning of the first turn", "weekly", "2026-02-01T00:00:00Z",
	    "2026-03-02T08:00:00Z" },
	{ "the first layer's hours begin", "office", "2026-11-20T04:00:00Z",
	    "2026-11-20T08:00:00Z" },
	{ "and end", "office", "2026-11-20T10:00:00Z", "2026-11-20T16:00:00Z" },
	{ "over the weekend", "office", "2026-11-20T16:00:00Z", "2026-11-23T08:00:00Z" },
};

START_TEST(a_change_is_found_where_it_is)
{
	struct config *config = config_of(yaml);
	struct schedule_view view = view_of(config, changes[_i].schedule);
	wall_t from = at(changes[_i].from);
	wall_t next = schedule_change(&view, from, wall_add(from, DUR_S(60 * 86400)));
	char text[TIMESTAMP_TEXT_MAX];

	ck_assert_msg(next.ns == at(changes[_i].until).ns, "%s: got %s", changes[_i].label,
	    timestamp_format_ms(next, text));
	config_unref(config);
}
END_TEST

START_TEST(whoever_stands_in_comes_first_and_the_last_entered_wins)
{
	struct config *config = config_of(yaml);
	struct schedule_view view = view_of(config, "weekly");
	struct oncall_override first = { .id = 1,
		.schedule = (char[]){ "weekly" },
		.user = (char[]){ "bob" },
		.starts_at = at("2026-03-03T00:00:00Z"),
		.ends_at = at("2026-03-05T00:00:00Z") };
	struct oncall_override second = first, other = first, gone = first;
	const struct oncall_override *const list[] = { &first, &second, &other, &gone };

	second.id = 2;
	second.user = (char[]){ "cid" };
	second.starts_at = at("2026-03-04T00:00:00Z");
	other.id = 3;
	other.schedule = (char[]){ "daily" };
	gone.id = 4;
	gone.user = (char[]){ "zoe" }; /* no longer configured */
	view.overrides = list;
	view.n_overrides = ARRAY_LEN(list);
	ck_assert_str_eq(schedule_at(&view, at("2026-03-02T12:00:00Z")).user->name, "amy");
	ck_assert_str_eq(schedule_at(&view, at("2026-03-03T12:00:00Z")).user->name, "bob");
	ck_assert_int_eq(schedule_at(&view, at("2026-03-03T12:00:00Z")).override_id, 1);
	ck_assert_str_eq(schedule_at(&view, at("2026-03-04T12:00:00Z")).user->name, "cid");
	ck_assert_str_eq(schedule_at(&view, at("2026-03-05T00:00:00Z")).user->name, "amy");
	ck_assert_int_eq(schedule_change(&view, at("2026-03-03T12:00:00Z"), WALL_MAX).ns,
	    at("2026-03-04T00:00:00Z").ns);
	config_unref(config);
}
END_TEST

static const struct {
	const char *label, *receiver, *severity, *now, *until;
} quiet[] = {
	{ "by day nobody is held", "desk", "warning", "2026-11-20T12:00:00Z", NULL },
	{ "over midnight until the end", "desk", "warning", "2026-11-20T23:10:00Z",
	    "2026-11-21T06:30:00Z" },
	{ "critical always passes", "desk", "critical", "2026-11-20T23:10:00Z", NULL },
	{ "so does what is to pass", "desk", "error", "2026-11-20T23:10:00Z", NULL },
	{ "an alert without a severity is held", "desk", "", "2026-11-21T01:00:00Z",
	    "2026-11-21T06:30:00Z" },
	{ "another receiver is not", "ops", "warning", "2026-11-20T23:10:00Z", NULL },
};

START_TEST(quiet_hours_hold_what_is_not_urgent)
{
	struct config *config = config_of(yaml);
	wall_t until = quiet_until(
	    config, quiet[_i].receiver, str_from(quiet[_i].severity), at(quiet[_i].now));
	wall_t want = quiet[_i].until != NULL ? at(quiet[_i].until) : WALL_NONE;
	char text[TIMESTAMP_TEXT_MAX];

	ck_assert_msg(until.ns == want.ns, "%s: got %s", quiet[_i].label,
	    timestamp_format_ms(until, text));
	config_unref(config);
}
END_TEST

TCase *
schedule_tests(void)
{
	TCase *tcase = tcase_create("schedule");

	tcase_add_loop_test(
	    tcase, turns_are_handed_over_by_the_wall_clock, 0, (int)ARRAY_LEN(turns));
	tcase_add_loop_test(tcase, a_change_is_found_where_it_is, 0, (int)ARRAY_LEN(changes));
	tcase_add_test(tcase, whoever_stands_in_comes_first_and_the_last_entered_wins);
	tcase_add_loop_test(tcase, quiet_hours_hold_what_is_not_urgent, 0, (int)ARRAY_LEN(quiet));
	return tcase;
}
