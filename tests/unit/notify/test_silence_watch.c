/* SPDX-License-Identifier: Apache-2.0 */
/* Silences that end with what they silence, and notice of those that end. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "unit/notify/suites.h"
#include "unit/notify/world.h"

#define REST                                                                                       \
	"route: {receiver: r, group_by: [alertname], group_wait: 30s, group_interval: 5m, "        \
	"repeat_interval: 12h}\nreceivers: [{name: r, probe_configs: [{url: p}]}]\n"
static const char plain[] = REST;
static const char noticing[] = "global: {silence_expiry_notice: 15m}\n" REST;

static char id[37];

static void
teardown(void)
{
	world_close();
}

START_TEST(ends_five_minutes_after_the_last_alert)
{
	world_open(plain);
	silence_until_resolved("a=1", 1000000, id);
	fire("a=1,b=1");
	fire("a=1,b=2");
	fire("a=2");
	world_run(5000);
	resolve("a=1,b=1");
	world_run(6000);
	ck_assert(silenced(id));
	resolve("a=1,b=2");
	world_run(6299);
	ck_assert(silenced(id));
	world_run(6331);
	ck_assert(!silenced(id));
	ck_assert_uint_eq(history_count("silence_expired"), 1);
}
END_TEST

START_TEST(waits_for_the_first_alert)
{
	world_open(plain);
	silence_until_resolved("a=1", 1000000, id);
	fire("a=2");
	world_run(50000);
	ck_assert(silenced(id));
}
END_TEST

START_TEST(alert_that_is_back_in_time_keeps_it)
{
	world_open(plain);
	silence_until_resolved("a=~\"1|3\"", 1000000, id);
	for (int i = 0; i < 5; i++) {
		fire("a=1");
		world_run(1000 * i + 100);
		resolve("a=1");
		world_run(1000 * i + 350);
		post("a=3", 1000 * i + 350, 1000 * i + 900); /* ends by itself */
		world_run(1000 * i + 1000);
		ck_assert(silenced(id));
	}
	world_run(5300);
	ck_assert(!silenced(id));
}
END_TEST

START_TEST(ends_at_its_end_at_the_latest)
{
	world_open(plain);
	silence_until_resolved("a=1", 1000, id);
	fire("a=1");
	world_run(999);
	ck_assert(silenced(id));
	world_run(1000);
	ck_assert(!silenced(id));
}
END_TEST

START_TEST(power_cut_neither_ends_it_nor_forgets_what_it_is)
{
	world_open(plain);
	silence_until_resolved("a=1", 1000000, id);
	fire("a=1");
	world_run(100);
	world_crash(2000); /* down for longer than five minutes */
	world_run(3000);
	ck_assert(silenced(id));
	resolve("a=1");
	world_run(3100);
	world_crash(3150);
	world_run(3299);
	ck_assert(silenced(id));
	world_run(3331);
	ck_assert(!silenced(id));
}
END_TEST

START_TEST(other_silences_stay)
{
	world_open(plain);
	silence("a=1", 1000000, id);
	fire("a=1");
	world_run(100);
	resolve("a=1");
	world_run(5000);
	ck_assert(silenced(id));
}
END_TEST

static void
saw_notice(uint32_t from, const char *head, const char *tail)
{
	char want[300];

	(void)snprintf(want, sizeof(want),
	    "%s[alertname=TocsinSilenceExpiring,created_by=me,silence_id=%s]%s", head, id, tail);
	saw(from, want);
}

START_TEST(notice_goes_through_the_routes_and_ends_with_the_silence)
{
	world_open(noticing);
	silence("a=1", 3600, id);
	world_run(2699);
	ck_assert_uint_eq(alerts_count(w.alerts), 0);
	world_run(3000);
	saw_notice(0, "2730 p first notification F", " R[]");
	world_crash(3100);
	world_run(3500);
	saw(1, "");
	world_run(4000);
	saw_notice(1, "3630 p all alerts resolved F[] R", "");
	ck_assert_uint_eq(alerts_count(w.alerts), 0);
}
END_TEST

START_TEST(notice_of_a_silence_that_ends_early_is_over)
{
	world_open(noticing);
	silence("a=1", 3600, id);
	world_run(2800);
	ck_assert_uint_eq(alerts_count(w.alerts), 1);
	ck_assert_int_eq(silences_expire(w.silences, str_from(id), loop_now(w.loop), NULL), 0);
	world_run(3100);
	saw_notice(1, "3030 p all alerts resolved F[] R", "");
}
END_TEST

START_TEST(notice_left_by_a_power_cut_ends_with_the_silence)
{
	world_open(noticing);
	silence("a=1", 3600, id);
	world_run(2800);
	world_crash(9000); /* the silence has ended meanwhile */
	world_run(10000);
	saw_notice(1, "9300 p all alerts resolved F[] R", "");
	ck_assert_uint_eq(alerts_count(w.alerts), 0);
}
END_TEST

START_TEST(short_silences_and_other_configurations_give_no_notice)
{
	world_open(plain);
	silence("a=1", 3600, id);
	world_run(3500);
	ck_assert_uint_eq(alerts_count(w.alerts), 0);
	world_reload(noticing);
	world_run(3520);
	ck_assert_uint_eq(alerts_count(w.alerts), 1);
	silence("a=2", 3600 + 800, id); /* shorter than the notice */
	world_reload(plain);
	world_run(8000);
	saw(0, "");
	ck_assert_uint_eq(alerts_count(w.alerts), 0);
}
END_TEST

TCase *
silence_watch_tests(void)
{
	TCase *tcase = tcase_create("silence watch");

	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_add_test(tcase, ends_five_minutes_after_the_last_alert);
	tcase_add_test(tcase, waits_for_the_first_alert);
	tcase_add_test(tcase, alert_that_is_back_in_time_keeps_it);
	tcase_add_test(tcase, ends_at_its_end_at_the_latest);
	tcase_add_test(tcase, power_cut_neither_ends_it_nor_forgets_what_it_is);
	tcase_add_test(tcase, other_silences_stay);
	tcase_add_test(tcase, notice_goes_through_the_routes_and_ends_with_the_silence);
	tcase_add_test(tcase, notice_of_a_silence_that_ends_early_is_over);
	tcase_add_test(tcase, notice_left_by_a_power_cut_ends_with_the_silence);
	tcase_add_test(tcase, short_silences_and_other_configurations_give_no_notice);
	return tcase;
}
