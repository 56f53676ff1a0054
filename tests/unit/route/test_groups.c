/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups on a virtual loop: when they flush, what they hold, what outlives a restart and a
 * reload.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "route/groups.h"
#include "suites.h"
#include "unit/route/helpers.h"

#define FLUSHES_MAX 64
#define RECEIVERS   "receivers: [{name: r}, {name: s}]\n"

static const char by_g[] = "route: {receiver: r, group_by: [g], group_wait: 30s, "
			   "group_interval: 5m}\n" RECEIVERS;
static const char by_g_quick[] = "route: {receiver: r, group_by: [g], group_wait: 10s, "
				 "group_interval: 1m}\n" RECEIVERS;
static const char by_h[] = "route: {receiver: r, group_by: [h], group_wait: 30s, "
			   "group_interval: 5m}\n" RECEIVERS;
static const char two_routes[] = "route:\n  receiver: r\n  group_by: [g]\n  routes:\n"
				 "  - {matchers: ['x=1'], receiver: s, continue: true}\n"
				 "  - {matchers: ['g=~\".+\"'], receiver: r}\n" RECEIVERS;
/* Each unlike two_routes in one thing; g=1,x=1 is then in so many groups. */
static const struct {
	const char *label, *text;
	uint32_t n_groups;
} other_trees[] = {
	{ "the same tree",
	    "route:\n  receiver: s\n  group_by: [g]\n  routes:\n"
	    "  - {matchers: ['x=1'], receiver: s, continue: true}\n"
	    "  - {matchers: ['g=~\".+\"'], receiver: s}\n" RECEIVERS,
	    2 },
	{ "the first ends the search",
	    "route:\n  receiver: r\n  group_by: [g]\n  routes:\n"
	    "  - {matchers: ['x=1'], receiver: s}\n"
	    "  - {matchers: ['g=~\".+\"'], receiver: r}\n" RECEIVERS,
	    1 },
	{ "other matchers",
	    "route:\n  receiver: r\n  group_by: [g]\n  routes:\n"
	    "  - {matchers: ['x=2'], receiver: s, continue: true}\n"
	    "  - {matchers: ['g=~\".+\"'], receiver: r}\n" RECEIVERS,
	    1 },
	{ "one inside the other",
	    "route:\n  receiver: r\n  group_by: [g]\n  routes:\n"
	    "  - {matchers: ['x=1'], receiver: s, continue: true,\n"
	    "     routes: [{matchers: ['g=~\".+\"'], receiver: r}]}\n" RECEIVERS,
	    1 },
};

static char dir[64];
static struct loop *loop;
static struct store *store;
static struct alerts *alerts;
static struct groups *groups;
static struct labels *no_labels;
static struct config *config;
static bool tell; /* flushes succeed: resolved alerts are let go */

static struct flush_seen {
	int64_t at; /* seconds */
	uint32_t firing, resolved;
	char key[100];
} flushes[FLUSHES_MAX];
static uint32_t n_flushes, n_gone;

static void
on_flush(void *arg, struct alert_group *group, wall_t now)
{
	struct flush_seen *seen = &flushes[n_flushes++];

	(void)arg;
	ck_assert_uint_lt(n_flushes, FLUSHES_MAX);
	*seen = (struct flush_seen){ .at = (now.ns - START_AT.ns) / 1000000000 };
	(void)snprintf(seen->key, sizeof(seen->key), "%s", group->key);
	for (uint32_t i = 0; i < group->n_alerts; i++) {
		if (alert_is_resolved(group->alerts[i], now))
			seen->resolved++;
		else
			seen->firing++;
	}
	if (tell)
		groups_forget_resolved(group, now);
}

static void
on_gone(void *arg, struct alert_group *group)
{
	(void)arg;
	(void)group;
	n_gone++;
}

static void
restore_alert(void *arg, const struct alert_row *row)
{
	(void)arg;
	ck_assert_ptr_nonnull(alerts_restore(alerts, row, loop_now(loop)));
}

static void
restore_group(void *arg, const struct group_row *row)
{
	(void)arg;
	groups_restore(groups, row);
}

static void
open_rooms(void)
{
	struct groups_hooks hooks = { .flush = on_flush, .group_gone = on_gone };
	struct store_sink sink = { .alert = restore_alert, .group = restore_group };
	struct err err = { 0 };

	store = store_open(&(struct store_options){ .dir = dir }, loop, &err);
	ck_assert_msg(store != NULL, "%s", err.text);
	alerts = alerts_new(store);
	groups = groups_new(loop, store, alerts, &hooks);
	alerts_subscribe(alerts, groups_on_alert, NULL, groups);
	ck_assert_int_eq(store_load(store, &sink, &err), 0);
	groups_apply(groups, config, loop_now(loop));
	groups_start(groups, loop_now(loop));
}

static void
close_rooms(void)
{
	loop_turn(loop, DUR_S(0));
	groups_free(groups);
	groups = NULL;
	alerts_free(alerts);
	store_close(store);
}

static void
restart_at(int seconds)
{
	close_rooms();
	loop_run_until(loop, AT(seconds));
	open_rooms();
}

static void
use(const char *yaml)
{
	struct config *next = config_of(yaml);

	if (groups != NULL)
		groups_apply(groups, next, loop_now(loop));
	config_unref(config);
	config = next;
}

static void
setup(void)
{
	dir_make(dir);
	no_labels = labels_of("");
	groups = NULL;
	config = NULL;
	n_flushes = n_gone = 0;
	tell = true;
	loop = loop_new_virtual(START_AT);
	use(by_g);
	open_rooms();
}

static void
teardown(void)
{
	close_rooms();
	config_unref(config);
	loop_free(loop);
	labels_unref(no_labels);
	dir_remove(dir);
	ck_assert_uint_eq(labels_live(), 0);
}

static struct alert *
post(const char *text, int start, int end)
{
	struct alert_update update = { .labels = labels_of(text),
		.annotations = no_labels,
		.generator_url = STR(""),
		.starts_at = AT(start),
		.ends_at = AT(end) };
	struct alert *alert = alerts_put(alerts, &update, loop_now(loop), NULL);

	labels_unref(update.labels);
	return alert;
}

static void
run_to(int seconds)
{
	loop_run_until(loop, AT(seconds));
}

/* "30:1/0 330:2/1": at second 30 one firing and none resolved ... */
static void
flushed(const char *want)
{
	struct buf got = { 0 };

	buf_puts(&got, "");
	for (uint32_t i = 0; i < n_flushes; i++)
		buf_printf(&got, "%s%lld:%u/%u", i > 0 ? " " : "", (long long)flushes[i].at,
		    flushes[i].firing, flushes[i].resolved);
	ck_assert_str_eq(got.n > 0 ? got.p : "", want);
	buf_fini(&got);
}

START_TEST(group_waits_then_ticks_at_a_fixed_period)
{
	post("g=1,a=1", 0, 100000);
	run_to(29);
	flushed("");
	run_to(31);
	post("g=1,a=2", 31, 100000); /* no early flush for a new alert */
	run_to(1000);
	flushed("30:1/0 330:2/0 630:2/0 930:2/0");
	ck_assert_str_eq(flushes[0].key, "{}:{g=\"1\"}");
}
END_TEST

START_TEST(alert_that_has_waited_elsewhere_flushes_at_once_with_its_batch)
{
	run_to(100);
	post("g=1,a=1", 50, 100000);
	post("g=1,a=2", 99, 100000);
	run_to(101);
	flushed("100:2/0");
}
END_TEST

START_TEST(old_alert_hurries_a_group_that_never_flushed)
{
	run_to(100);
	post("g=1,a=1", 100, 100000);
	run_to(110);
	post("g=1,a=2", 20, 100000);
	run_to(120);
	flushed("110:2/0");
}
END_TEST

START_TEST(values_of_group_by_make_the_group)
{
	post("g=1,a=1", 0, 100000);
	post("g=2,a=1", 0, 100000);
	post("g=2,a=2", 0, 100000);
	post("a=3", 0, 100000);
	ck_assert_uint_eq(groups_count(groups), 3);
	ck_assert_uint_eq(groups_find(groups, STR("{}:{g=\"2\"}"))->n_alerts, 2);
	ck_assert_uint_eq(groups_find(groups, STR("{}:{}"))->n_alerts, 1);
	ck_assert_ptr_null(groups_find(groups, STR("{}:{g=\"3\"}")));
}
END_TEST

START_TEST(told_group_ends_and_its_next_alert_waits_again)
{
	post("g=1,a=1", 0, 100);
	run_to(400);
	flushed("30:1/0 330:0/1");
	ck_assert_uint_eq(groups_count(groups), 0);
	ck_assert_uint_eq(alerts_count(alerts), 0);
	ck_assert_uint_eq(n_gone, 1);
	post("g=1,a=1", 400, 100000);
	run_to(431);
	flushed("30:1/0 330:0/1 430:1/0");
}
END_TEST

START_TEST(untold_group_keeps_its_resolved_alerts)
{
	tell = false;
	post("g=1,a=1", 0, 100);
	run_to(700);
	flushed("30:1/0 330:0/1 630:0/1");
	tell = true;
	run_to(1000);
	ck_assert_uint_eq(groups_count(groups), 0);
}
END_TEST

START_TEST(only_what_the_flush_saw_resolved_is_let_go)
{
	struct alert *one, *two;

	tell = false;
	one = post("g=1,a=1", 0, 100);
	two = post("g=1,a=2", 0, 400);
	post("g=1,a=3", 0, 100000);
	run_to(330); /* saw `one` resolved, `two` firing */
	alerts_resolve(alerts, two, AT(330), AT(330));
	struct alert_group *group = alert_group(one, 0);
	groups_forget_resolved(group, AT(330));
	ck_assert_uint_eq(group->n_alerts, 2);
	ck_assert_ptr_eq(alert_group(two, 0), group);
}
END_TEST

START_TEST(alert_that_came_back_before_the_outcome_stays)
{
	struct alert_group *group;

	tell = false;
	group = alert_group(post("g=1,a=1", 0, 100), 0);
	run_to(330);
	post("g=1,a=1", 331, 332);
	groups_forget_resolved(group, AT(340));
	ck_assert_uint_eq(group->n_alerts, 1);
}
END_TEST

START_TEST(restart_keeps_the_timer)
{
	post("g=1,a=1", 0, 100000);
	run_to(100);
	restart_at(200);
	run_to(700);
	flushed("30:1/0 330:1/0 630:1/0");
}
END_TEST

START_TEST(restart_during_group_wait_keeps_waiting)
{
	post("g=1,a=1", 0, 100000);
	restart_at(10);
	run_to(40);
	flushed("30:1/0");
}
END_TEST

START_TEST(overdue_flush_happens_once_after_the_start)
{
	post("g=1,a=1", 0, 100000);
	run_to(100);
	restart_at(2000);
	run_to(2400);
	flushed("30:1/0 2000:1/0 2300:1/0");
}
END_TEST

START_TEST(restart_drops_groups_without_alerts)
{
	post("g=1,a=1", 0, 100);
	tell = false;
	run_to(100);
	close_rooms();
	use("route: {receiver: r, group_by: [h]}\n" RECEIVERS);
	open_rooms();
	ck_assert_uint_eq(groups_count(groups), 1);
	ck_assert_ptr_nonnull(groups_find(groups, STR("{}:{}")));
	restart_at(101);
	ck_assert_uint_eq(groups_count(groups), 1);
}
END_TEST

START_TEST(reload_keeps_groups_and_timers)
{
	struct alert *alert = post("g=1,a=1", 0, 100000);
	struct alert_group *group = alert_group(alert, 0);

	group->notify = &n_gone;
	run_to(100);
	use(by_g);
	ck_assert_ptr_eq(alert_group(alert, 0), group);
	ck_assert_ptr_eq(group->notify, &n_gone);
	run_to(400);
	flushed("30:1/0 330:1/0");
	ck_assert_uint_eq(n_gone, 0);
}
END_TEST

START_TEST(reload_with_a_shorter_interval_does_not_wait_for_the_longer_one)
{
	post("g=1,a=1", 0, 100000);
	run_to(100);
	use(by_g_quick);
	run_to(225);
	flushed("30:1/0 160:1/0 220:1/0");
}
END_TEST

START_TEST(reload_with_other_group_by_moves_alerts)
{
	struct alert *alert = post("g=1,h=2", 0, 100000);

	run_to(100);
	use(by_h);
	ck_assert_uint_eq(alert->n_groups, 1);
	ck_assert_str_eq(alert_group(alert, 0)->key, "{}:{h=\"2\"}");
	ck_assert_uint_eq(groups_count(groups), 1);
	ck_assert_uint_eq(n_gone, 1);
	run_to(101); /* it has waited long enough already */
	flushed("30:1/0 100:1/0");
}
END_TEST

START_TEST(alert_of_two_routes_is_in_two_groups)
{
	struct alert *alert;

	use(two_routes);
	alert = post("g=1,x=1", 0, 100);
	ck_assert_uint_eq(alert->n_groups, 2);
	ck_assert_uint_eq(groups_count(groups), 2);
	run_to(30);
	ck_assert_uint_eq(n_flushes, 2);
	use(by_g);
	ck_assert_uint_eq(alert->n_groups, 1);
	ck_assert_str_eq(alert_group(alert, 0)->key, "{}:{g=\"1\"}");
}
END_TEST

START_TEST(reload_puts_alerts_where_the_new_tree_has_them)
{
	struct alert *alert;

	use(two_routes);
	alert = post("g=1,x=1", 0, 100000);
	run_to(30);
	use(other_trees[_i].text);
	ck_assert_msg(alert->n_groups == other_trees[_i].n_groups, "%s: %u groups",
	    other_trees[_i].label, alert->n_groups);
	ck_assert_uint_eq(groups_count(groups), other_trees[_i].n_groups);
	alert = post("g=2,x=1", 31, 100000);
	ck_assert_uint_eq(alert->n_groups, other_trees[_i].n_groups);
}
END_TEST

START_TEST(refired_alert_rejoins_the_group_that_let_it_go)
{
	struct alert *alert;

	use(two_routes);
	tell = false;
	alert = post("g=1,x=1", 0, 100);
	run_to(330);
	groups_forget_resolved(alert_group(alert, 0), AT(331));
	ck_assert_uint_eq(alert->n_groups, 1);
	post("g=1,x=1", 332, 100000);
	ck_assert_uint_eq(alert->n_groups, 2);
}
END_TEST

/* Many alerts of one group leave in an order of their own. */
START_TEST(leaving_keeps_every_place_right)
{
	struct alert_group *group;

	tell = false;
	for (int i = 0; i < 200; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "g=1,a=%d", i);
		post(text, 0, i % 3 == 0 ? 100 : 100000);
	}
	group = groups_find(groups, STR("{}:{g=\"1\"}"));
	run_to(330);
	groups_forget_resolved(group, AT(330));
	ck_assert_uint_eq(group->n_alerts, 133);
	for (uint32_t i = 0; i < group->n_alerts; i++) {
		ck_assert(!alert_is_resolved(group->alerts[i], AT(330)));
		ck_assert_ptr_eq(alert_group(group->alerts[i], 0), group);
	}
	ck_assert_uint_eq(alerts_count(alerts), 133);
}
END_TEST

TCase *
groups_tests(void)
{
	TCase *tcase = tcase_create("groups");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, group_waits_then_ticks_at_a_fixed_period);
	tcase_add_test(tcase, alert_that_has_waited_elsewhere_flushes_at_once_with_its_batch);
	tcase_add_test(tcase, old_alert_hurries_a_group_that_never_flushed);
	tcase_add_test(tcase, values_of_group_by_make_the_group);
	tcase_add_test(tcase, told_group_ends_and_its_next_alert_waits_again);
	tcase_add_test(tcase, untold_group_keeps_its_resolved_alerts);
	tcase_add_test(tcase, only_what_the_flush_saw_resolved_is_let_go);
	tcase_add_test(tcase, alert_that_came_back_before_the_outcome_stays);
	tcase_add_test(tcase, restart_keeps_the_timer);
	tcase_add_test(tcase, restart_during_group_wait_keeps_waiting);
	tcase_add_test(tcase, overdue_flush_happens_once_after_the_start);
	tcase_add_test(tcase, restart_drops_groups_without_alerts);
	tcase_add_test(tcase, reload_keeps_groups_and_timers);
	tcase_add_test(tcase, reload_with_a_shorter_interval_does_not_wait_for_the_longer_one);
	tcase_add_test(tcase, reload_with_other_group_by_moves_alerts);
	tcase_add_loop_test(tcase, reload_puts_alerts_where_the_new_tree_has_them, 0,
	    (int)(sizeof(other_trees) / sizeof(other_trees[0])));
	tcase_add_test(tcase, alert_of_two_routes_is_in_two_groups);
	tcase_add_test(tcase, refired_alert_rejoins_the_group_that_let_it_go);
	tcase_add_test(tcase, leaving_keeps_every_place_right);
	return tcase;
}
