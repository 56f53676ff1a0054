/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mute times, and what is told when a suppression ends.  The start is 22:13:20
 * UTC on a Tuesday; flushes are at 30 s, then every 300 s.
 */
#include "config.h"

#include <string.h>

#include "unit/notify/suites.h"
#include "unit/notify/world.h"

#define TIMES "group_wait: 30s, group_interval: 5m, repeat_interval: 1h"
#define QUIET                                                                                      \
	"time_intervals: [{name: quiet, time_intervals: [{times: [{start_time: '22:20', "          \
	"end_time: '22:35'}]}]}, {name: rest, time_intervals: [{times: [{start_time: '00:00', "    \
	"end_time: '22:20'}, {start_time: '22:35', end_time: '24:00'}]}]}]\n"
#define ONE "receivers: [{name: r, probe_configs: [{url: p}]}]\n"
#define ROUTE(keys)                                                                                \
	"route: {receiver: r, group_by: [g], " TIMES ", routes: [{receiver: r" keys                \
	"}]}\n" ONE QUIET                                                                          \
	"inhibit_rules: [{source_matchers: [s=1], target_matchers: [t=1], equal: [e]}]\n"

static const char plain[] = ROUTE("");
static const char muted[] = ROUTE(", mute_time_intervals: [quiet]");
static const char active[] = ROUTE(", active_time_intervals: [rest]");
static const char muted_held[] =
    ROUTE(", mute_time_intervals: [quiet], deliver_held_resolves: true");
static const char muted_again[] =
    ROUTE(", active_time_intervals: [rest], notify_on_unsilence: true");
static const char held[] = ROUTE(", deliver_held_resolves: true");
static const char again[] = ROUTE(", notify_on_unsilence: true");
static const char held_quiet[] =
    "route: {receiver: r, group_by: [g], " TIMES ", deliver_held_resolves: true}\n"
    "receivers: [{name: r, quiet_configs: [{url: q}]}]\n";

static void
teardown(void)
{
	world_close();
}

static const char *const silent[] = { muted, active };

START_TEST(nothing_is_sent_at_a_mute_time)
{
	world_open(silent[_i]);
	fire("g=1,a=1");
	world_run(500);
	fire("g=1,a=2");
	fire("g=2,a=1"); /* its group's first flush is inside */
	world_run(1500);
	saw(0, "30 p first notification F[a=1,g=1] R[]; "
	       "1430 p first notification F[a=1,g=2] R[]");
	world_run(3000);
	saw(2, "1530 p new alerts added F[a=1,g=1 a=2,g=1] R[]");
}
END_TEST

START_TEST(after_a_mute_time_the_next_tick_says_only_what_is_new)
{
	world_open(silent[_i]);
	fire("g=1,a=1");
	world_run(3900);
	saw(0, "30 p first notification F[a=1,g=1] R[]");
}
END_TEST

START_TEST(what_ends_at_a_mute_time_is_lost_by_default)
{
	world_open(silent[_i]);
	fire("g=1,a=1");
	world_run(500);
	resolve("g=1,a=1");
	world_run(700);
	ck_assert(!in_table("g=1,a=1"));
	world_run(9000);
	saw(1, "");
}
END_TEST

START_TEST(what_waits_for_a_retry_is_not_sent_at_a_mute_time)
{
	world_open(muted);
	host("p")->mood = HOST_REFUSES;
	fire("g=1,a=1");
	world_run(635);
	host("p")->mood = HOST_OK;
	ck_assert_uint_eq(rows_in_state(DELIVERY_CANCELLED), 1);
	ck_assert_uint_eq(rows_in_state(DELIVERY_PENDING), 0);
	world_run(1400);
	saw(0, "");
	world_run(1600);
	saw(0, "1530 p first notification F[a=1,g=1] R[]");
}
END_TEST

START_TEST(what_ends_at_a_mute_time_can_be_told_afterwards)
{
	world_open(muted_held);
	fire("g=1,a=1");
	world_run(500);
	resolve("g=1,a=1");
	world_run(1500);
	ck_assert(in_table("g=1,a=1"));
	world_crash(1510);
	world_run(1600);
	saw(1, "1530 p all alerts resolved F[] R[a=1,g=1]");
	ck_assert(!in_table("g=1,a=1"));
	ck_assert_uint_eq(groups_count(w.groups), 0);
}
END_TEST

START_TEST(what_still_fires_after_a_mute_time_can_be_told_again)
{
	world_open(muted_again);
	fire("g=1,a=1");
	world_run(5000);
	saw(1, "1530 p no longer suppressed F[a=1,g=1] R[]");
}
END_TEST

START_TEST(silenced_resolve_is_lost_by_default)
{
	world_open(plain);
	fire("g=1,a=1");
	world_run(100);
	silence("a=1", 1200, NULL);
	world_run(400);
	resolve("g=1,a=1");
	world_run(3000);
	saw(1, "");
}
END_TEST

/* The log is overwritten by a message about others, and still nothing is forgotten. */
START_TEST(held_resolve_outlives_messages_about_others_and_a_power_cut)
{
	world_open(held);
	fire("g=1,a=1");
	fire("g=1,a=2");
	world_run(100);
	silence("a=1", 1200, NULL);
	world_run(200);
	resolve("g=1,a=2");
	world_run(400);
	resolve("g=1,a=1");
	world_run(700);
	world_crash(800);
	world_run(1229);
	saw(1, "330 p all alerts resolved F[] R[a=2,g=1]");
	ck_assert(in_table("g=1,a=1"));
	ck_assert(!in_table("g=1,a=2"));
	world_run(3000);
	saw(2, "1230 p resolved while suppressed F[] R[a=1,g=1]");
	ck_assert(!in_table("g=1,a=1"));
	ck_assert_uint_eq(groups_count(w.groups), 0);
}
END_TEST

START_TEST(held_resolve_is_told_with_what_fires)
{
	world_open(held);
	fire("g=1,a=1");
	fire("g=1,a=2");
	world_run(100);
	silence("a=1", 1000, NULL);
	world_run(200);
	resolve("g=1,a=1");
	fire("g=1,a=3");
	world_run(3000);
	saw(1, "330 p new alerts added F[a=2,g=1 a=3,g=1] R[]; "
	       "1230 p some alerts resolved F[a=2,g=1 a=3,g=1] R[a=1,g=1]");
}
END_TEST

START_TEST(inhibited_resolve_is_held_until_its_source_is_over)
{
	world_open(held);
	fire("g=1,t=1,e=1");
	world_run(100);
	fire("g=2,s=1,e=1");
	world_run(400);
	resolve("g=1,t=1,e=1");
	world_run(1000);
	resolve("g=2,s=1,e=1");
	world_run(2000);
	saw(1, "130 p first notification F[e=1,g=2,s=1] R[]; "
	       "1030 p all alerts resolved F[] R[e=1,g=2,s=1]; "
	       "1230 p all alerts resolved F[] R[e=1,g=1,t=1]");
}
END_TEST

START_TEST(what_was_never_told_is_not_held)
{
	world_open(held);
	silence("a=1", 1200, NULL);
	fire("g=1,a=1");
	world_run(100);
	resolve("g=1,a=1");
	world_run(400);
	ck_assert(!in_table("g=1,a=1"));
	world_run(3000);
	saw(0, "");
}
END_TEST

START_TEST(who_hears_of_no_resolves_holds_none)
{
	world_open(held_quiet);
	fire("g=1,a=1");
	world_run(100);
	silence("a=1", 1200, NULL);
	world_run(200);
	resolve("g=1,a=1");
	world_run(400);
	ck_assert(!in_table("g=1,a=1"));
	world_run(3000);
	saw(1, "");
}
END_TEST

START_TEST(refired_under_a_silence_is_no_news_until_it_ends)
{
	world_open(held);
	fire("g=1,a=1");
	world_run(100);
	silence("a=1", 1200, NULL);
	world_run(200);
	resolve("g=1,a=1");
	world_run(400);
	fire("g=1,a=1");
	world_run(1300);
	saw(1, "");
	resolve("g=1,a=1");
	world_run(2000);
	saw(1, "1530 p all alerts resolved F[] R[a=1,g=1]");
}
END_TEST

START_TEST(unsilenced_alert_is_told_once_also_over_a_power_cut)
{
	world_open(again);
	fire("g=1,a=1");
	world_run(100);
	silence("a=1", 500, NULL);
	world_run(400);
	world_crash(450);
	world_run(3000);
	saw(1, "630 p no longer suppressed F[a=1,g=1] R[]");
}
END_TEST

START_TEST(silence_between_two_flushes_is_not_noticed)
{
	world_open(again);
	fire("g=1,a=1");
	world_run(100);
	silence("a=1", 200, NULL);
	world_run(3000);
	saw(1, "");
}
END_TEST

START_TEST(taking_the_key_away_forgets_what_was_held)
{
	world_open(again);
	fire("g=1,a=1");
	world_run(100);
	silence("a=1", 650, NULL);
	world_run(400);
	world_reload(plain);
	world_run(700);
	world_reload(again);
	world_run(3500);
	saw(1, "");
}
END_TEST

START_TEST(suppressed_alerts_are_counted_by_reason)
{
	struct buf out = { 0 };

	world_open(muted);
	fire("g=1,a=1");
	fire("g=2,a=2");
	world_run(100);
	silence("a=2", 390, NULL);
	world_run(640);
	notifier_put_metrics(w.notifier, &out);
	ck_assert_ptr_nonnull(
	    strstr(out.p, "alertmanager_notifications_suppressed_total{reason=\"silence\"} 1\n"));
	ck_assert_ptr_nonnull(strstr(out.p,
	    "alertmanager_notifications_suppressed_total{reason=\"mute_time_interval\"} 2\n"));
	ck_assert_ptr_nonnull(strstr(
	    out.p, "alertmanager_notifications_suppressed_total{reason=\"inhibition\"} 0\n"));
	buf_fini(&out);
}
END_TEST

TCase *
suppressed_tests(void)
{
	TCase *tcase = tcase_create("suppressed");

	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_add_loop_test(tcase, nothing_is_sent_at_a_mute_time, 0, 2);
	tcase_add_loop_test(tcase, after_a_mute_time_the_next_tick_says_only_what_is_new, 0, 2);
	tcase_add_loop_test(tcase, what_ends_at_a_mute_time_is_lost_by_default, 0, 2);
	tcase_add_test(tcase, what_waits_for_a_retry_is_not_sent_at_a_mute_time);
	tcase_add_test(tcase, what_ends_at_a_mute_time_can_be_told_afterwards);
	tcase_add_test(tcase, what_still_fires_after_a_mute_time_can_be_told_again);
	tcase_add_test(tcase, silenced_resolve_is_lost_by_default);
	tcase_add_test(tcase, held_resolve_outlives_messages_about_others_and_a_power_cut);
	tcase_add_test(tcase, held_resolve_is_told_with_what_fires);
	tcase_add_test(tcase, inhibited_resolve_is_held_until_its_source_is_over);
	tcase_add_test(tcase, what_was_never_told_is_not_held);
	tcase_add_test(tcase, who_hears_of_no_resolves_holds_none);
	tcase_add_test(tcase, refired_under_a_silence_is_no_news_until_it_ends);
	tcase_add_test(tcase, unsilenced_alert_is_told_once_also_over_a_power_cut);
	tcase_add_test(tcase, silence_between_two_flushes_is_not_noticed);
	tcase_add_test(tcase, taking_the_key_away_forgets_what_was_held);
	tcase_add_test(tcase, suppressed_alerts_are_counted_by_reason);
	return tcase;
}
