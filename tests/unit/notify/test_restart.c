/* SPDX-License-Identifier: Apache-2.0 */
/* Crashes, shutdowns and reloads: nothing lost, nothing twice. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "unit/notify/suites.h"
#include "unit/notify/world.h"

#define ROUTE                                                                                      \
	"route: {receiver: r, group_by: [g], group_wait: 30s, group_interval: 5m, "                \
	"repeat_interval: 1h}\n"
static const char one[] = ROUTE "receivers: [{name: r, probe_configs: [{url: p}]}]\n";
static const char moved[] = ROUTE "receivers: [{name: r, probe_configs: [{url: p2}]}]\n";
static const char gone[] = ROUTE "receivers: [{name: r, quiet_configs: [{url: q}]}]\n";
/* Their groups have the same key, and tell the same receiver: it hears of each thing once. */
#define TWINS(second)                                                                              \
	"route: {receiver: r, group_by: [g], group_wait: 30s, group_interval: 5m, "                \
	"repeat_interval: 1h, routes: [{matchers: ['a!=\"\"'], receiver: r, "                      \
	"continue: true}" second "]}\nreceivers: [{name: r, probe_configs: [{url: p}]}]\n"
static const char twins[] =
    TWINS(", {matchers: ['a!=\"\"'], receiver: r, group_wait: 40s, group_interval: 2m}");
static const char only_one[] = TWINS("");
static const char other_route[] = "route: {receiver: r, group_by: [h], group_wait: 30s, "
				  "group_interval: 5m, repeat_interval: 1h}\n"
				  "receivers: [{name: r, probe_configs: [{url: p}]}]\n";

static void
setup(void)
{
	world_open(one);
}

static void
teardown(void)
{
	world_close();
}

static uint32_t
alerts_in_history(void)
{
	struct alert *alert;
	uint32_t n = 0;

	for (size_t it = 0; (alert = alerts_next(w.alerts, &it)) != NULL;)
		n += (alert->flags & ALERT_IN_HISTORY) != 0;
	return n;
}

START_TEST(crash_between_flushes_repeats_and_loses_nothing)
{
	fire("g=1,a=1");
	world_run(40);
	for (int64_t at = 50; at < 3000; at += 130)
		world_crash(at);
	world_run(3000);
	saw(0, "30 p first notification F[a=1,g=1] R[]");
	resolve("g=1,a=1");
	world_turns();
	world_crash(3001);
	world_run(4000);
	saw(1, "3210 p all alerts resolved F[] R[a=1,g=1]");
	ck_assert_uint_eq(alerts_count(w.alerts), 0);
	world_crash(4001);
	ck_assert_uint_eq(alerts_count(w.alerts), 0);
	ck_assert_uint_eq(groups_count(w.groups), 0);
}
END_TEST

START_TEST(the_history_has_what_senders_alerts_did_once)
{
	post("g=1,a=1", 0, 10000);
	fire("g=1,a=2"); /* a rule's: it writes its own */
	world_run(20);
	ck_assert_uint_eq(history_count("firing"), 0); /* nothing is paid before a flush looks */
	world_run(40);
	ck_assert_uint_eq(history_count("firing"), 1);
	for (int64_t at = 50; at < 2000; at += 430)
		world_crash(at);
	world_run(2000);
	post("g=1,a=1", 0, 12000); /* a refresh is no event */
	world_run(3000);
	ck_assert_uint_eq(history_count("firing"), 1);
	ck_assert_uint_eq(history_count("resolved"), 0);
	host("p")->mood = HOST_REFUSES; /* so that it is still known at the next flush */
	post("g=1,a=1", 0, 3000);
	world_run(3400);
	ck_assert_uint_eq(history_count("resolved"), 1);
	world_crash(3500);
	world_run(5000);
	ck_assert_uint_eq(history_count("resolved"), 1);
	post("g=1,a=1", 5000, 20000);
	world_run(5400);
	ck_assert_uint_eq(history_count("firing"), 2);
	post("g=2,a=1", 100, 200); /* it is over before anybody hears of it */
	world_run(6000);
	ck_assert_uint_eq(history_count("firing"), 2);
	ck_assert_uint_eq(history_count("resolved"), 1);
}
END_TEST

START_TEST(a_storm_of_senders_alerts_fills_the_history_by_degrees)
{
	char labels[40];

	for (int i = 0; i < 1500; i++) {
		(void)snprintf(labels, sizeof(labels), "g=1,a=%d", i);
		post(labels, 0, 10000);
	}
	world_run(40);
	ck_assert_uint_eq(history_count("firing"), 1000);
	world_run(340);
	ck_assert_uint_eq(history_count("firing"), 1000); /* the listing ends there */
	ck_assert_uint_eq(alerts_in_history(), 1500);
}
END_TEST

START_TEST(groups_that_share_a_receivers_channel_let_go_of_it_one_by_one)
{
	world_close();
	world_open(twins);
	fire("g=1,a=1");
	world_run(200);
	ck_assert_uint_eq(groups_count(w.groups), 2);
	saw(0, "30 p first notification F[a=1,g=1] R[]");
	world_crash(250);
	world_run(400);
	resolve("g=1,a=1");
	world_run(2000);
	saw(1, "520 p all alerts resolved F[] R[a=1,g=1]");
	ck_assert_uint_eq(groups_count(w.groups), 0);
	fire("g=1,a=1");
	world_run(2100);
	host("p")->latency = DUR_S(20); /* one goes while a message is on its way */
	fire("g=1,a=2");
	world_run(2155);
	world_reload(only_one);
	world_run(2400);
	ck_assert_uint_eq(groups_count(w.groups), 1);
	world_reload(twins);
	world_run(2800);
	resolve("g=1,a=1");
	resolve("g=1,a=2");
	world_run(6000);
	ck_assert_uint_eq(groups_count(w.groups), 0);
	ck_assert_uint_eq(alerts_count(w.alerts), 0);
	ck_assert_str_eq(w.seen[w.n_seen - 1].firing, "");
	ck_assert_str_eq(w.seen[w.n_seen - 1].resolved, "a=1,g=1 a=2,g=1");
	ck_assert_uint_eq(w.n_seen, 5);
}
END_TEST

START_TEST(crash_on_the_wire_sends_the_same_delivery_again)
{
	host("p")->latency = DUR_S(5);
	fire("g=1,a=1");
	world_run(31);
	ck_assert_uint_eq(w.n_seen, 1);
	world_crash(33);
	world_run(1000);
	ck_assert_uint_eq(w.n_seen, 2);
	ck_assert_int_eq(w.seen[0].delivery, w.seen[1].delivery);
	rows_are("delivered 1 ");
}
END_TEST

START_TEST(crash_before_the_intent_was_durable_flushes_again)
{
	fire("g=1,a=1");
	world_run(1);
	store_set_failing(w.store, true);
	world_run(40);
	saw(0, "");
	world_crash(41);
	world_run(1000);
	saw(0, "41 p first notification F[a=1,g=1] R[]");
}
END_TEST

START_TEST(crash_before_the_outcome_was_durable_sends_once_more)
{
	host("p")->latency = DUR_S(1);
	fire("g=1,a=1");
	world_run(30);
	store_set_failing(w.store, true);
	world_run(40);
	ck_assert_uint_eq(w.n_seen, 1);
	world_crash(41);
	world_run(1000);
	ck_assert_uint_eq(w.n_seen, 2);
	ck_assert_int_eq(w.seen[0].delivery, w.seen[1].delivery);
}
END_TEST

START_TEST(retry_is_due_when_it_was_due_before_the_crash)
{
	host("p")->mood = HOST_STATUS;
	host("p")->status = 503;
	host("p")->retry_after_s = 150;
	fire("g=1,a=1");
	world_run(40);
	world_crash(50);
	host("p")->mood = HOST_OK;
	world_run(179);
	ck_assert_uint_eq(w.n_seen, 1);
	world_run(181);
	ck_assert_uint_eq(w.n_seen, 2);
	ck_assert_int_eq(w.seen[1].at, 180);
	ck_assert_int_eq(w.seen[0].delivery, w.seen[1].delivery);
}
END_TEST

/* A sender that was refreshed before we went down must not look resolved, nor told twice. */
START_TEST(downtime_resolves_no_alert_of_a_sender)
{
	post("g=1,a=1", 0, 240);
	for (int64_t at = 60; at <= 600; at += 60) {
		world_run(at);
		post("g=1,a=1", 0, at + 240);
	}
	world_crash(2000);
	world_run(2200);
	saw(0, "30 p first notification F[a=1,g=1] R[]");
	world_run(2700);
	saw(1, "2300 p all alerts resolved F[] R[a=1,g=1]");
}
END_TEST

START_TEST(timed_out_alert_that_was_told_resolved_does_not_come_back)
{
	host("p")->latency = DUR_S(3);
	post("g=1,a=1", 0, 240);
	world_run(331); /* the resolve is on the wire */
	ck_assert_uint_eq(w.n_seen, 2);
	world_crash(335);
	world_run(2000);
	ck_assert_uint_eq(w.n_seen, 3);
	ck_assert_int_eq(w.seen[1].delivery, w.seen[2].delivery);
	ck_assert_str_eq(w.seen[2].resolved, "a=1,g=1");
	ck_assert_uint_eq(alerts_count(w.alerts), 0);
}
END_TEST

START_TEST(stopped_notifier_starts_nothing_and_the_next_one_goes_on)
{
	host("p")->latency = DUR_S(5);
	fire("g=1,a=1");
	fire("g=2,a=1");
	world_run(29);
	notifier_stop(w.notifier);
	ck_assert(notifier_idle(w.notifier));
	world_run(100);
	saw(0, "");
	world_crash(101);
	ck_assert(notifier_idle(w.notifier));
	world_run(103);
	ck_assert_uint_eq(w.n_seen, 2);
	notifier_stop(w.notifier);
	ck_assert(!notifier_idle(w.notifier));
	world_run(110);
	ck_assert(notifier_idle(w.notifier));
	ck_assert_uint_eq(rows_in_state(DELIVERY_DELIVERED), 2);
}
END_TEST

START_TEST(reload_repeats_nothing)
{
	fire("g=1,a=1");
	world_run(40);
	world_reload(one);
	world_run(1000);
	world_reload(moved);
	world_run(2000);
	saw(0, "30 p first notification F[a=1,g=1] R[]");
	resolve("g=1,a=1");
	world_run(2200);
	saw(1, "2130 p2 all alerts resolved F[] R[a=1,g=1]");
}
END_TEST

START_TEST(waiting_delivery_uses_the_new_settings)
{
	host("p")->mood = HOST_REFUSES;
	fire("g=1,a=1");
	world_run(40);
	world_reload(moved);
	world_run(200);
	ck_assert_uint_eq(w.n_seen, 1);
	ck_assert_str_eq(w.seen[0].url, "p2");
}
END_TEST

START_TEST(delivery_to_a_receiver_that_is_gone_is_cancelled)
{
	host("p")->mood = HOST_STATUS;
	host("p")->status = 503;
	host("p")->retry_after_s = 1000;
	fire("g=1,a=1");
	world_run(40);
	world_reload(gone);
	rows_are("cancelled 1 its receiver is no longer configured");
	ck_assert_uint_eq(history_count("cancelled"), 1);
	uint32_t before = w.n_seen;
	world_run(331);
	saw(before, "330 q first notification F[a=1,g=1] R[]");
}
END_TEST

START_TEST(request_to_a_receiver_that_is_gone_is_cancelled)
{
	host("p")->mood = HOST_HANGS;
	fire("g=1,a=1");
	world_run(31);
	ck_assert_uint_eq(notifier_stats(w.notifier).sending, 1);
	world_reload(gone);
	world_turns();
	ck_assert_uint_eq(notifier_stats(w.notifier).sending, 0);
	rows_are("cancelled 1 its receiver is no longer configured");
}
END_TEST

START_TEST(delivery_of_a_group_that_is_gone_is_cancelled)
{
	host("p")->mood = HOST_REFUSES;
	fire("g=1,a=1");
	world_run(40);
	world_reload(other_route);
	host("p")->mood = HOST_OK;
	world_run(400);
	ck_assert_uint_eq(w.n_seen, 1);
	ck_assert_str_eq(w.seen[0].group, "{}:{}");
	ck_assert_uint_eq(rows_in_state(DELIVERY_CANCELLED), 1);
}
END_TEST

START_TEST(shutdown_with_requests_on_the_wire_frees_everything)
{
	host("p")->mood = HOST_HANGS;
	for (int i = 0; i < 40; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "g=%d", i);
		fire(text);
	}
	world_run(31);
	ck_assert_uint_eq(notifier_stats(w.notifier).sending, 16);
}
END_TEST

TCase *
restart_tests(void)
{
	TCase *tcase = tcase_create("restart");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, crash_between_flushes_repeats_and_loses_nothing);
	tcase_add_test(tcase, the_history_has_what_senders_alerts_did_once);
	tcase_add_test(tcase, a_storm_of_senders_alerts_fills_the_history_by_degrees);
	tcase_add_test(tcase, groups_that_share_a_receivers_channel_let_go_of_it_one_by_one);
	tcase_add_test(tcase, crash_on_the_wire_sends_the_same_delivery_again);
	tcase_add_test(tcase, crash_before_the_intent_was_durable_flushes_again);
	tcase_add_test(tcase, crash_before_the_outcome_was_durable_sends_once_more);
	tcase_add_test(tcase, retry_is_due_when_it_was_due_before_the_crash);
	tcase_add_test(tcase, downtime_resolves_no_alert_of_a_sender);
	tcase_add_test(tcase, timed_out_alert_that_was_told_resolved_does_not_come_back);
	tcase_add_test(tcase, stopped_notifier_starts_nothing_and_the_next_one_goes_on);
	tcase_add_test(tcase, reload_repeats_nothing);
	tcase_add_test(tcase, waiting_delivery_uses_the_new_settings);
	tcase_add_test(tcase, delivery_to_a_receiver_that_is_gone_is_cancelled);
	tcase_add_test(tcase, request_to_a_receiver_that_is_gone_is_cancelled);
	tcase_add_test(tcase, delivery_of_a_group_that_is_gone_is_cancelled);
	tcase_add_test(tcase, shutdown_with_requests_on_the_wire_frees_everything);
	return tcase;
}
