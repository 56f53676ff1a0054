/* SPDX-License-Identifier: Apache-2.0 */
/* Alerts that begin and end again and again. Flushes are at 30 s, then every 60 s. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "unit/notify/suites.h"
#include "unit/notify/world.h"

#define ROUTE(keys)                                                                                \
	"route: {receiver: r, group_by: [g], group_wait: 0s, group_interval: 1m, "                 \
	"repeat_interval: 12h" keys "}\n"                                                          \
	"receivers: [{name: r, probe_configs: [{url: p}]}]\n"

static const char plain[] = ROUTE("");
static const char detected[] = ROUTE(", flap_detection: {changes: 4, within: 1h, quiet: 10m}");

static void
teardown(void)
{
	world_close();
}

static uint32_t
told(const char *firing, const char *resolved)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < w.n_seen; i++)
		n += (firing == NULL || strstr(w.seen[i].firing, firing) != NULL) &&
		     (resolved == NULL || strstr(w.seen[i].resolved, resolved) != NULL);
	return n;
}

/* Fires and ends n times, two minutes each. */
static int64_t
flap(const char *labels, int n, int64_t at)
{
	for (int i = 0; i < n; i++) {
		world_run(at);
		fire(labels);
		world_run(at + 120);
		resolve(labels);
		at += 240;
	}
	world_run(at);
	return at;
}

START_TEST(without_the_key_each_change_is_told)
{
	world_open(plain);
	int64_t at = flap("g=1,a=1", 6, 10);
	world_run(at + 300);
	ck_assert_uint_eq(told("a=1,g=1", NULL), 6);
	ck_assert_uint_eq(told(NULL, "a=1,g=1"), 6);
}
END_TEST

START_TEST(one_notice_then_silence_until_it_keeps_still)
{
	world_open(detected);
	int64_t at = flap("g=1,a=1", 8, 10);
	ck_assert_uint_eq(flaps_count(notifier_flaps(w.notifier)), 1);
	ck_assert_uint_eq(told("alertname=TocsinFlapping", NULL), 1);
	ck_assert_uint_le(told("a=1,g=1", NULL), 2);
	world_run(at + 1500);
	ck_assert_uint_eq(flaps_count(notifier_flaps(w.notifier)), 0);
	ck_assert_uint_eq(told(NULL, "alertname=TocsinFlapping"), 1);
	/* The receiver's last word on it is that it is over. */
	ck_assert_uint_eq(told("a=1,g=1", NULL), told(NULL, "a=1,g=1"));
	ck_assert_uint_eq(groups_count(w.groups), 0);
}
END_TEST

/* It began to flap when it had been told to fire, so there is nothing to set right. */
START_TEST(who_believes_what_is_so_is_told_nothing)
{
	world_open(detected);
	int64_t at = flap("g=1,a=1", 5, 10);
	fire("g=1,a=1");
	world_run(at + 1500);
	ck_assert_uint_eq(told("a=1,g=1", NULL), 2);
	ck_assert_uint_eq(told(NULL, "a=1,g=1"), 1);
	resolve("g=1,a=1");
	world_run(at + 1700);
	ck_assert_uint_eq(told(NULL, "a=1,g=1"), 2);
}
END_TEST

START_TEST(the_rest_of_the_group_is_told_as_ever)
{
	world_open(detected);
	int64_t at = flap("g=1,a=1", 5, 10);
	fire("g=1,a=2");
	world_run(at + 120);
	ck_assert_uint_eq(told("a=2,g=1", NULL), 1);
}
END_TEST

START_TEST(flapping_outlives_a_restart)
{
	world_open(detected);
	int64_t at = flap("g=1,a=1", 3, 10);
	world_crash(at + 10);
	at = flap("g=1,a=1", 3, at + 20);
	world_crash(at + 10);
	ck_assert_uint_eq(told("alertname=TocsinFlapping", NULL), 1);
	ck_assert_uint_eq(flaps_count(notifier_flaps(w.notifier)), 1);
	world_run(at + 1500);
	ck_assert_uint_eq(told(NULL, "alertname=TocsinFlapping"), 1);
	ck_assert_uint_eq(told("a=1,g=1", NULL), told(NULL, "a=1,g=1"));
}
END_TEST

TCase *
flap_tests(void)
{
	TCase *tcase = tcase_create("flap");

	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_add_test(tcase, without_the_key_each_change_is_told);
	tcase_add_test(tcase, one_notice_then_silence_until_it_keeps_still);
	tcase_add_test(tcase, who_believes_what_is_so_is_told_nothing);
	tcase_add_test(tcase, the_rest_of_the_group_is_told_as_ever);
	tcase_add_test(tcase, flapping_outlives_a_restart);
	return tcase;
}
