/* SPDX-License-Identifier: Apache-2.0 */
/* Who is told what, when the receivers are well. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "unit/notify/suites.h"
#include "unit/notify/world.h"

#define TIMES "group_wait: 30s, group_interval: 5m, repeat_interval: 1h"
static const char one[] = "route: {receiver: r, group_by: [g], " TIMES "}\n"
			  "receivers: [{name: r, probe_configs: [{url: p}]}]\n";
static const char quiet[] = "route: {receiver: r, group_by: [g], " TIMES "}\n"
			    "receivers: [{name: r, quiet_configs: [{url: q}]}]\n";
static const char local[] = "route: {receiver: r, group_by: [g], " TIMES "}\n"
			    "receivers: [{name: r, scribe_configs: [{url: s}]}]\n";
static const char three[] =
    "route: {receiver: r, group_by: [g], " TIMES "}\n"
    "receivers: [{name: r, probe_configs: [{url: p}, {url: p2}], quiet_configs: [{url: q}]}]\n";
static const char nobody[] =
    "route: {receiver: r, group_by: [g], " TIMES "}\nreceivers: [{name: r}]\n";
static const char inhibiting[] =
    "route: {receiver: r, group_by: [g], " TIMES "}\n"
    "receivers: [{name: r, probe_configs: [{url: p}]}]\n"
    "inhibit_rules: [{source_matchers: [s=1], target_matchers: [t=1], equal: [e]}]\n";

static void
teardown(void)
{
	world_close();
}

START_TEST(told_once_repeated_and_told_resolved)
{
	world_open(one);
	fire("g=1,a=1");
	world_run(29);
	saw(0, "");
	world_run(3000);
	saw(0, "30 p first notification F[a=1,g=1] R[]");
	ck_assert_str_eq(w.seen[0].group, "{}:{g=\"1\"}");
	world_run(4000); /* the first tick later than an hour after */
	saw(1, "3930 p repeat interval elapsed F[a=1,g=1] R[]");
	resolve("g=1,a=1");
	world_run(5000);
	saw(2, "4230 p all alerts resolved F[] R[a=1,g=1]");
	ck_assert(!in_table("g=1,a=1"));
	ck_assert_uint_eq(groups_count(w.groups), 0);
	rows_are("delivered 1 ; delivered 1 ; delivered 1 ");
	ck_assert_uint_eq(history_count("notified"), 3);
}
END_TEST

START_TEST(news_are_told_with_the_whole_group)
{
	world_open(one);
	fire("g=1,a=1");
	world_run(100);
	fire("g=1,a=2");
	world_run(331);
	resolve("g=1,a=1");
	world_run(631);
	saw(0, "30 p first notification F[a=1,g=1] R[]; "
	       "330 p new alerts added F[a=1,g=1 a=2,g=1] R[]; "
	       "630 p some alerts resolved F[a=2,g=1] R[a=1,g=1]");
	ck_assert(!in_table("g=1,a=1"));
	ck_assert_str_eq(w.seen[1].common, "g=1");
	ck_assert_str_eq(w.seen[0].common, "a=1,g=1");
}
END_TEST

START_TEST(alerts_are_ordered_by_job_and_instance)
{
	world_open(one);
	fire("g=1,a=1");
	fire("g=1,job=b,instance=1");
	fire("g=1,job=a,instance=2");
	fire("g=1,job=a,instance=1,z=1");
	world_run(30);
	saw(0, "30 p first notification F[g=1,instance=1,job=a,z=1 g=1,instance=2,job=a "
	       "g=1,instance=1,job=b a=1,g=1] R[]");
}
END_TEST

START_TEST(fired_and_resolved_between_flushes_is_never_told)
{
	world_open(one);
	fire("g=1,a=1");
	world_run(10);
	resolve("g=1,a=1");
	world_run(1000);
	saw(0, "");
	ck_assert_uint_eq(groups_count(w.groups), 0);
	rows_are("");
}
END_TEST

START_TEST(refire_within_the_interval_says_nothing)
{
	world_open(one);
	fire("g=1,a=1");
	world_run(40);
	resolve("g=1,a=1");
	world_run(50);
	fire("g=1,a=1");
	world_run(3000);
	saw(0, "30 p first notification F[a=1,g=1] R[]");
}
END_TEST

START_TEST(receiver_without_resolves_is_told_of_firing_only)
{
	world_open(quiet);
	fire("g=1,a=1");
	fire("g=1,a=2");
	world_run(40);
	resolve("g=1,a=1");
	world_run(400);
	fire("g=1,a=3");
	world_run(700);
	resolve("g=1,a=2");
	resolve("g=1,a=3");
	world_run(1000);
	fire("g=1,a=2");
	world_run(1100);
	saw(0, "30 q first notification F[a=1,g=1 a=2,g=1] R[]; "
	       "630 q new alerts added F[a=2,g=1 a=3,g=1] R[]; "
	       "1030 q first notification F[a=2,g=1] R[]");
}
END_TEST

START_TEST(local_receiver_is_written_after_the_commit)
{
	world_open(local);
	fire("g=1,a=1");
	store_set_failing(w.store, true);
	world_run(100);
	saw(0, "");
	store_set_failing(w.store, false);
	world_run(102);
	ck_assert_uint_eq(w.n_seen, 1);
	rows_are("delivered 1 ");
}
END_TEST

START_TEST(silenced_alerts_are_left_out)
{
	char id[37];

	world_open(one);
	silence("a=1", 100000, id);
	fire("g=1,a=1");
	fire("g=1,a=2");
	world_run(400);
	saw(0, "30 p first notification F[a=2,g=1] R[]");
	ck_assert_int_eq(silences_expire(w.silences, str_from(id), loop_now(w.loop), NULL), 0);
	world_run(700);
	saw(1, "630 p new alerts added F[a=1,g=1 a=2,g=1] R[]");
}
END_TEST

START_TEST(resolved_while_silenced_is_let_go_untold)
{
	world_open(one);
	silence("a=1", 100000, NULL);
	fire("g=1,a=1");
	world_run(100);
	resolve("g=1,a=1");
	world_run(400);
	saw(0, "");
	ck_assert_uint_eq(alerts_count(w.alerts), 0);
	ck_assert_uint_eq(groups_count(w.groups), 0);
}
END_TEST

START_TEST(told_then_silenced_then_free_is_not_told_again_before_the_repeat)
{
	char id[37];

	world_open(one);
	fire("g=1,a=1");
	world_run(100);
	silence("a=1", 100000, id);
	world_run(700);
	ck_assert_int_eq(silences_expire(w.silences, str_from(id), loop_now(w.loop), NULL), 0);
	world_run(3000);
	saw(0, "30 p first notification F[a=1,g=1] R[]");
}
END_TEST

START_TEST(inhibited_alerts_are_left_out)
{
	world_open(inhibiting);
	fire("g=1,t=1,e=x");
	fire("g=2,s=1,e=x");
	world_run(40);
	saw(0, "30 p first notification F[e=x,g=2,s=1] R[]");
	resolve("g=2,s=1,e=x");
	world_run(400);
	ck_assert_uint_eq(w.n_seen, 3);
	for (uint32_t i = 1; i < 3; i++)
		ck_assert(strcmp(w.seen[i].firing, "e=x,g=1,t=1") == 0 ||
			  strcmp(w.seen[i].resolved, "e=x,g=2,s=1") == 0);
}
END_TEST

START_TEST(integrations_are_independent_but_let_go_together)
{
	world_open(three);
	host("p2")->mood = HOST_STATUS;
	host("p2")->status = 404;
	fire("g=1,a=1");
	world_run(40);
	saw(0, "30 p first notification F[a=1,g=1] R[]; 30 p2 first notification F[a=1,g=1] R[]; "
	       "30 q first notification F[a=1,g=1] R[]");
	resolve("g=1,a=1");
	world_run(340);
	saw(3, "330 p all alerts resolved F[] R[a=1,g=1]");
	/* p2 was never told of it, so there is nothing to say to it either. */
	ck_assert(!in_table("g=1,a=1"));
}
END_TEST

START_TEST(one_receiver_that_misses_the_resolve_keeps_the_alert)
{
	world_open(three);
	fire("g=1,a=1");
	world_run(40);
	host("p2")->mood = HOST_STATUS;
	host("p2")->status = 404;
	resolve("g=1,a=1");
	world_run(640);
	saw(3,
	    "330 p all alerts resolved F[] R[a=1,g=1]; 330 p2 all alerts resolved F[] R[a=1,g=1]; "
	    "630 p2 all alerts resolved F[] R[a=1,g=1]");
	ck_assert(in_table("g=1,a=1"));
	host("p2")->mood = HOST_OK;
	world_run(940);
	ck_assert(!in_table("g=1,a=1"));
	ck_assert_uint_eq(groups_count(w.groups), 0);
}
END_TEST

START_TEST(receiver_of_nothing_lets_go_at_once)
{
	world_open(nobody);
	fire("g=1,a=1");
	world_run(40);
	resolve("g=1,a=1");
	world_run(340);
	ck_assert_uint_eq(alerts_count(w.alerts), 0);
}
END_TEST

START_TEST(thread_lasts_until_everything_is_over)
{
	world_open(one);
	fire("g=1,a=1");
	world_run(100);
	fire("g=1,a=2");
	world_run(400);
	world_crash(401);
	resolve("g=1,a=1");
	resolve("g=1,a=2");
	world_run(1000);
	fire("g=1,a=1");
	world_run(1100);
	ck_assert_uint_eq(w.n_seen, 4);
	char thread[40];
	(void)snprintf(thread, sizeof(thread), "thread-%lld", w.seen[0].delivery);
	ck_assert_str_eq(w.seen[0].thread, "");
	ck_assert_str_eq(w.seen[1].thread, thread);
	ck_assert_str_eq(w.seen[2].thread, thread);
	ck_assert_str_eq(w.seen[3].thread, "");
}
END_TEST

START_TEST(a_thread_that_is_gone_is_begun_anew)
{
	world_open(one);
	fire("g=1,a=1");
	world_run(100);
	host("p")->mood = HOST_STATUS;
	host("p")->status = 410;
	fire("g=1,a=2");
	world_run(330);
	host("p")->mood = HOST_OK;
	world_run(400);
	uint32_t last = w.n_seen - 1;
	ck_assert_uint_ge(w.n_seen, 3);
	ck_assert_str_ne(w.seen[1].thread, "");
	ck_assert_str_eq(w.seen[last].thread, "");
	ck_assert_int_eq(w.seen[last].status, 200);
	ck_assert(w.seen[last].delivery == w.seen[1].delivery);
}
END_TEST

START_TEST(a_target_has_few_requests_on_the_wire)
{
	world_open(one);
	host("p")->latency = DUR_S(1);
	for (int i = 0; i < 40; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "g=%d", i);
		fire(text);
	}
	world_run(30);
	ck_assert_uint_eq(w.n_seen, 16);
	ck_assert_uint_eq(notifier_stats(w.notifier).sending, 16);
	ck_assert_uint_eq(notifier_stats(w.notifier).pending, 24);
	world_run(33);
	ck_assert_uint_eq(w.n_seen, 40);
	ck_assert_uint_eq(notifier_stats(w.notifier).sending, 0);
	ck_assert_uint_eq(notifier_stats(w.notifier).pending, 0);
}
END_TEST

START_TEST(metrics_tell_receivers_apart)
{
	struct buf out = { 0 };

	world_open(three);
	host("p2")->mood = HOST_STATUS;
	host("p2")->status = 404;
	fire("g=1,a=1");
	world_run(40);
	notifier_put_metrics(w.notifier, &out);
	static const char *const lines[] = {
		"\ntocsin_deliveries_total{receiver=\"r\",integration=\"probe[0]\",outcome="
		"\"delivered\"} 1\n",
		"\ntocsin_deliveries_total{receiver=\"r\",integration=\"probe[1]\",outcome="
		"\"dead\"} 1\n",
		"\ntocsin_deliveries_total{receiver=\"r\",integration=\"quiet[0]\",outcome="
		"\"delivered\"} 1\n",
		"\nalertmanager_notifications_total{integration=\"probe\"} 2\n",
		"\nalertmanager_notifications_failed_total{integration=\"probe\","
		"reason=\"clientError\"} 1\n",
		"\nalertmanager_notification_latency_seconds_bucket{integration=\"quiet\",le=\"+"
		"Inf\"} 1\n",
	};
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		ck_assert_msg(strstr(out.p, lines[i]) != NULL, "no %s in %s", lines[i], out.p);
	buf_fini(&out);
}
END_TEST

static uint32_t told;

static void
on_told(void *arg)
{
	(void)arg;
	told++;
}

START_TEST(first_delivery_is_announced_once)
{
	told = 0;
	world_open(one);
	notifier_on_delivered(w.notifier, on_told, NULL);
	fire("g=1");
	world_run(29);
	ck_assert_uint_eq(told, 0);
	fire("g=2");
	world_run(100);
	ck_assert_uint_eq(told, 1);
}
END_TEST

TCase *
deliver_tests(void)
{
	TCase *tcase = tcase_create("deliver");

	tcase_add_checked_fixture(tcase, NULL, teardown);
	tcase_add_test(tcase, told_once_repeated_and_told_resolved);
	tcase_add_test(tcase, news_are_told_with_the_whole_group);
	tcase_add_test(tcase, alerts_are_ordered_by_job_and_instance);
	tcase_add_test(tcase, fired_and_resolved_between_flushes_is_never_told);
	tcase_add_test(tcase, refire_within_the_interval_says_nothing);
	tcase_add_test(tcase, receiver_without_resolves_is_told_of_firing_only);
	tcase_add_test(tcase, local_receiver_is_written_after_the_commit);
	tcase_add_test(tcase, silenced_alerts_are_left_out);
	tcase_add_test(tcase, resolved_while_silenced_is_let_go_untold);
	tcase_add_test(tcase, told_then_silenced_then_free_is_not_told_again_before_the_repeat);
	tcase_add_test(tcase, inhibited_alerts_are_left_out);
	tcase_add_test(tcase, integrations_are_independent_but_let_go_together);
	tcase_add_test(tcase, one_receiver_that_misses_the_resolve_keeps_the_alert);
	tcase_add_test(tcase, receiver_of_nothing_lets_go_at_once);
	tcase_add_test(tcase, thread_lasts_until_everything_is_over);
	tcase_add_test(tcase, a_thread_that_is_gone_is_begun_anew);
	tcase_add_test(tcase, a_target_has_few_requests_on_the_wire);
	tcase_add_test(tcase, metrics_tell_receivers_apart);
	tcase_add_test(tcase, first_delivery_is_announced_once);
	return tcase;
}
