/* SPDX-License-Identifier: Apache-2.0 */
/* Receivers that fail: what is tried again, replaced, given up. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "unit/notify/suites.h"
#include "unit/notify/world.h"

static const char one[] = "route: {receiver: r, group_by: [g], group_wait: 30s, "
			  "group_interval: 5m, repeat_interval: 1h}\n"
			  "receivers: [{name: r, probe_configs: [{url: p}]}]\n";
static const char local[] = "route: {receiver: r, group_by: [g], group_wait: 30s, "
			    "group_interval: 5m, repeat_interval: 1h}\n"
			    "receivers: [{name: r, scribe_configs: [{url: s}]}]\n";

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

static void
host_answers(int status)
{
	host("p")->mood = HOST_STATUS;
	host("p")->status = status;
}

START_TEST(same_delivery_is_tried_again_with_growing_pauses)
{
	host_answers(503);
	fire("g=1,a=1");
	world_run(300);
	ck_assert_uint_ge(w.n_seen, 8);
	for (uint32_t i = 1; i < w.n_seen; i++) {
		ck_assert_int_eq(w.seen[i].delivery, w.seen[0].delivery);
		ck_assert_str_eq(w.seen[i].firing, "a=1,g=1");
	}
	ck_assert_int_lt(w.seen[1].at_exact.ns - w.seen[0].at_exact.ns, DUR_MS(750).ns + 1);
	ck_assert_int_ge(w.seen[1].at_exact.ns - w.seen[0].at_exact.ns, DUR_MS(250).ns);
	uint32_t before = w.n_seen;
	host("p")->mood = HOST_OK;
	world_run(3000);
	ck_assert_uint_eq(w.n_seen, before + 1);
	ck_assert_int_eq(w.seen[before].delivery, w.seen[0].delivery);
	ck_assert_uint_eq(history_count("retry"), 1);
	ck_assert_uint_eq(history_count("notified"), 1);
}
END_TEST

START_TEST(retry_after_is_honoured)
{
	host_answers(429);
	host("p")->retry_after_s = 100;
	fire("g=1,a=1");
	world_run(31);
	host("p")->mood = HOST_OK;
	world_run(129);
	ck_assert_uint_eq(w.n_seen, 1);
	world_run(130);
	saw(1, "130 p first notification F[a=1,g=1] R[]");
}
END_TEST

START_TEST(waiting_delivery_is_replaced_by_what_is_newer)
{
	host_answers(503);
	host("p")->retry_after_s = 400;
	fire("g=1,a=1");
	world_run(100);
	fire("g=1,a=2");
	host("p")->mood = HOST_OK;
	world_run(429); /* the pause asked for still holds after the flush at 330 */
	ck_assert_uint_eq(w.n_seen, 1);
	world_run(500);
	saw(1, "430 p first notification F[a=1,g=1 a=2,g=1] R[]");
	rows_are("cancelled 1 replaced by delivery; delivered 2 ");
}
END_TEST

START_TEST(unchanged_group_keeps_its_waiting_delivery)
{
	host_answers(503);
	fire("g=1,a=1");
	world_run(2000);
	ck_assert_uint_gt(w.n_seen, 20);
	ck_assert_int_eq(w.seen[w.n_seen - 1].delivery, w.seen[0].delivery);
	ck_assert_uint_eq(rows_in_state(-1), 1);
}
END_TEST

START_TEST(resolved_before_it_was_told_is_not_told)
{
	host_answers(503);
	fire("g=1,a=1");
	world_run(100);
	resolve("g=1,a=1");
	world_run(330);
	uint32_t before = w.n_seen;
	host("p")->mood = HOST_OK;
	world_run(3000);
	ck_assert_uint_eq(w.n_seen, before);
	ck_assert_uint_eq(rows_in_state(DELIVERY_CANCELLED), 1);
	ck_assert_uint_eq(history_count("cancelled"), 1);
	ck_assert_uint_eq(alerts_count(w.alerts), 0);
	ck_assert_uint_eq(groups_count(w.groups), 0);
}
END_TEST

START_TEST(resolve_is_told_when_the_firing_may_have_arrived)
{
	host("p")->mood = HOST_HANGS;
	fire("g=1,a=1");
	world_run(100);
	resolve("g=1,a=1");
	world_run(331);
	host("p")->mood = HOST_OK;
	world_run(3000);
	ck_assert_str_eq(w.seen[w.n_seen - 1].resolved, "a=1,g=1");
	ck_assert_str_eq(w.seen[w.n_seen - 1].reason, "all alerts resolved");
	ck_assert_uint_eq(alerts_count(w.alerts), 0);
}
END_TEST

START_TEST(resolve_is_told_when_the_firing_may_have_arrived_and_was_then_refused)
{
	host("p")->mood = HOST_HANGS;
	fire("g=1,a=1");
	world_run(40);
	host_answers(400);
	world_run(200);
	ck_assert_uint_eq(rows_in_state(DELIVERY_DEAD), 1);
	host("p")->mood = HOST_OK;
	resolve("g=1,a=1");
	world_run(331);
	ck_assert_str_eq(w.seen[w.n_seen - 1].resolved, "a=1,g=1");
}
END_TEST

START_TEST(no_connection_means_it_cannot_have_arrived)
{
	host("p")->mood = HOST_REFUSES;
	fire("g=1,a=1");
	world_run(100);
	resolve("g=1,a=1");
	world_run(331);
	host("p")->mood = HOST_OK;
	world_run(3000);
	saw(0, "");
}
END_TEST

START_TEST(refused_delivery_is_dead_and_the_next_flush_tries_anew)
{
	host_answers(400);
	fire("g=1,a=1");
	world_run(700);
	saw(0, "30 p first notification F[a=1,g=1] R[]; 330 p first notification F[a=1,g=1] R[]; "
	       "630 p first notification F[a=1,g=1] R[]");
	rows_are("cancelled 1 replaced by delivery; cancelled 1 replaced by delivery; dead 1 "
		 "status 400");
	ck_assert_uint_eq(notifier_stats(w.notifier).dead, 3);
	host("p")->mood = HOST_OK;
	world_run(1000);
	ck_assert_uint_eq(rows_in_state(DELIVERY_DEAD), 0);
	ck_assert_uint_eq(rows_in_state(DELIVERY_DELIVERED), 1);
	ck_assert_uint_eq(history_count("dead"), 3);
}
END_TEST

START_TEST(unrenderable_delivery_is_dead)
{
	w.unrenderable = true;
	fire("g=1,a=1");
	world_run(100);
	saw(0, "");
	rows_are("dead 1 no such template");
	w.unrenderable = false;
	world_run(331);
	ck_assert_uint_eq(w.n_seen, 1);
}
END_TEST

START_TEST(secret_that_cannot_be_read_is_tried_again)
{
	w.no_secret = true;
	fire("g=1,a=1");
	world_run(100);
	saw(0, "");
	ck_assert_uint_eq(rows_in_state(DELIVERY_DEAD), 0);
	ck_assert_uint_eq(rows_in_state(DELIVERY_PENDING), 1);
	w.no_secret = false;
	world_run(300);
	ck_assert_uint_eq(w.n_seen, 1);
	ck_assert_uint_eq(rows_in_state(DELIVERY_DELIVERED), 1);
}
END_TEST

START_TEST(message_of_several_requests_goes_on_where_it_failed)
{
	w.steps = 3;
	fire("g=1,a=1");
	world_run(31);
	saw(0, "30 p first notification F[a=1,g=1] R[]; 30 p first notification F[a=1,g=1] R[]; "
	       "30 p first notification F[a=1,g=1] R[]");
	ck_assert_uint_eq(rows_in_state(DELIVERY_DELIVERED), 1);
	fire("g=2,a=1");
	host_answers(503);
	world_run(62);
	uint32_t before = w.n_seen;
	ck_assert_uint_ge(before, 4);
	host("p")->mood = HOST_OK;
	world_run(120);
	ck_assert_uint_eq(w.n_seen, before + 3);
	ck_assert_uint_eq(rows_in_state(DELIVERY_DELIVERED), 2);
}
END_TEST

START_TEST(flush_during_a_request_is_made_up_for_after_its_outcome)
{
	host("p")->latency = DUR_S(20);
	fire("g=1,a=1");
	world_run(35);
	world_reload("route: {receiver: r, group_by: [g], group_wait: 1s, group_interval: 10s, "
		     "repeat_interval: 1h}\nreceivers: [{name: r, probe_configs: [{url: p}]}]\n");
	fire("g=1,a=2");
	world_run(46); /* flushed at 45, while the first message is on the wire */
	ck_assert_uint_eq(w.n_seen, 1);
	host("p")->latency = DUR_S(0);
	world_run(52);
	saw(1, "50 p new alerts added F[a=1,g=1 a=2,g=1] R[]");
}
END_TEST

START_TEST(silenced_while_waiting_is_withdrawn)
{
	char id[37];

	host_answers(503);
	fire("g=1,a=1");
	world_run(100);
	silence("a=1", 100000, id);
	world_run(331);
	uint32_t before = w.n_seen;
	host("p")->mood = HOST_OK;
	world_run(700);
	ck_assert_uint_eq(w.n_seen, before);
	ck_assert_int_eq(silences_expire(w.silences, str_from(id), loop_now(w.loop), NULL), 0);
	world_run(1000);
	saw(before, "930 p first notification F[a=1,g=1] R[]");
}
END_TEST

START_TEST(local_receiver_that_fails_is_tried_again)
{
	world_close();
	world_open(local);
	w.scribe_fails = true;
	fire("g=1,a=1");
	world_run(60);
	w.scribe_fails = false;
	world_run(200);
	ck_assert_uint_eq(w.n_seen, 1);
	ck_assert_uint_eq(rows_in_state(DELIVERY_DELIVERED), 1);
}
END_TEST

START_TEST(nothing_leaves_before_its_commit)
{
	fire("g=1,a=1");
	world_run(1);
	store_set_failing(w.store, true);
	world_run(1000);
	saw(0, "");
	ck_assert_uint_eq(notifier_stats(w.notifier).pending, 1);
	store_set_failing(w.store, false);
	world_run(1002);
	ck_assert_uint_eq(w.n_seen, 1);
}
END_TEST

TCase *
retry_tests(void)
{
	TCase *tcase = tcase_create("retry");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, same_delivery_is_tried_again_with_growing_pauses);
	tcase_add_test(tcase, retry_after_is_honoured);
	tcase_add_test(tcase, waiting_delivery_is_replaced_by_what_is_newer);
	tcase_add_test(tcase, unchanged_group_keeps_its_waiting_delivery);
	tcase_add_test(tcase, resolved_before_it_was_told_is_not_told);
	tcase_add_test(tcase, resolve_is_told_when_the_firing_may_have_arrived);
	tcase_add_test(
	    tcase, resolve_is_told_when_the_firing_may_have_arrived_and_was_then_refused);
	tcase_add_test(tcase, no_connection_means_it_cannot_have_arrived);
	tcase_add_test(tcase, refused_delivery_is_dead_and_the_next_flush_tries_anew);
	tcase_add_test(tcase, unrenderable_delivery_is_dead);
	tcase_add_test(tcase, secret_that_cannot_be_read_is_tried_again);
	tcase_add_test(tcase, message_of_several_requests_goes_on_where_it_failed);
	tcase_add_test(tcase, flush_during_a_request_is_made_up_for_after_its_outcome);
	tcase_add_test(tcase, silenced_while_waiting_is_withdrawn);
	tcase_add_test(tcase, local_receiver_that_fails_is_tried_again);
	tcase_add_test(tcase, nothing_leaves_before_its_commit);
	return tcase;
}
