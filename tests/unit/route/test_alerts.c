/* SPDX-License-Identifier: Apache-2.0 */
/* The alert table: merging, what is written, what survives a restart, what is let go. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "loop/loop.h"
#include "route/alerts.h"
#include "suites.h"
#include "unit/route/helpers.h"

static struct labels *no_labels;
static struct labels *subject;

static void
setup(void)
{
	no_labels = labels_of("");
	subject = labels_of("alertname=A,job=j");
}

static void
teardown(void)
{
	labels_unref(no_labels);
	labels_unref(subject);
	ck_assert_uint_eq(labels_live(), 0);
	ck_assert_uint_eq(istr_live(), 0);
}

static struct alert *
put(struct alerts *alerts, int start, int end, int now, uint32_t flags, enum alert_put_result *ret)
{
	struct alert_update update = {
		.labels = subject,
		.annotations = no_labels,
		.generator_url = STR("http://g"),
		.starts_at = AT(start),
		.ends_at = AT(end),
		.flags = flags,
	};

	return alerts_put(alerts, &update, AT(now), ret);
}

/* Seconds: the stored alert, the arriving one, the time of arrival, the outcome. */
static const struct {
	const char *label;
	int old_start, old_end;
	bool old_timeout;
	int new_start, new_end;
	bool new_timeout;
	int now, want_start, want_end;
	enum alert_put_result want;
} merges[] = {
	{ "a refresh only moves the end", 0, 100, false, 0, 150, false, 50, 0, 150,
	    ALERT_PUT_REFRESHED },
	{ "no start given: the earliest start stays", 0, 100, true, 50, 350, true, 50, 0, 350,
	    ALERT_PUT_REFRESHED },
	{ "an earlier start wins", 40, 100, false, 10, 90, false, 50, 10, 100, ALERT_PUT_CHANGED },
	{ "a later end that was not a guess is kept", 0, 300, false, 20, 200, false, 50, 0, 300,
	    ALERT_PUT_REFRESHED },
	{ "a later end that was a guess is not", 0, 300, true, 20, 200, false, 50, 0, 200,
	    ALERT_PUT_CHANGED },
	{ "a resolve ends a firing alert", 0, 300, false, 0, 49, false, 50, 0, 49,
	    ALERT_PUT_CHANGED },
	{ "ending exactly now is resolved", 0, 300, false, 0, 50, false, 50, 0, 50,
	    ALERT_PUT_CHANGED },
	{ "of two resolves the later end wins", 0, 40, false, 10, 30, false, 50, 0, 40,
	    ALERT_PUT_REFRESHED },
	{ "a resolve after a resolve moves the end on", 0, 40, false, 0, 45, false, 50, 0, 45,
	    ALERT_PUT_CHANGED },
	{ "firing again after the end is a new start", 0, 40, false, 45, 200, false, 50, 45, 200,
	    ALERT_PUT_CHANGED },
	{ "firing again from before the end keeps the start", 0, 40, false, 30, 200, false, 50, 0,
	    200, ALERT_PUT_CHANGED },
	{ "touching ranges do not overlap", 10, 40, false, 40, 200, false, 50, 40, 200,
	    ALERT_PUT_CHANGED },
	{ "a wider range replaces: neither end lies inside", 20, 100, false, 10, 150, false, 50, 10,
	    150, ALERT_PUT_CHANGED },
	{ "a guess replaced by a known end is a change", 0, 300, true, 0, 400, false, 50, 0, 400,
	    ALERT_PUT_CHANGED },
};

START_TEST(merge)
{
	struct alerts *alerts = alerts_new(NULL);
	enum alert_put_result result;
	struct alert *alert;

	put(alerts, merges[_i].old_start, merges[_i].old_end, 5,
	    merges[_i].old_timeout ? ALERT_TIMEOUT : 0, &result);
	ck_assert_int_eq(result, ALERT_PUT_NEW);
	alert = put(alerts, merges[_i].new_start, merges[_i].new_end, merges[_i].now,
	    merges[_i].new_timeout ? ALERT_TIMEOUT : 0, &result);
	ck_assert_msg(alert->starts_at.ns == AT(merges[_i].want_start).ns, "%s: start %lld",
	    merges[_i].label, (long long)(alert->starts_at.ns - START_AT.ns) / 1000000000);
	ck_assert_msg(alert->ends_at.ns == AT(merges[_i].want_end).ns, "%s: end %lld",
	    merges[_i].label, (long long)(alert->ends_at.ns - START_AT.ns) / 1000000000);
	ck_assert_msg(result == merges[_i].want, "%s: result %d", merges[_i].label, (int)result);
	ck_assert_uint_eq(alerts_count(alerts), 1);
	alerts_free(alerts);
}
END_TEST

START_TEST(newer_texts_win)
{
	struct alerts *alerts = alerts_new(NULL);
	struct labels *words = labels_of("summary=new");
	struct alert_update update = {
		.labels = subject,
		.annotations = words,
		.generator_url = STR("http://other"),
		.starts_at = AT(0),
		.ends_at = AT(100),
	};
	enum alert_put_result result;
	struct alert *alert = put(alerts, 0, 100, 5, 0, NULL);

	alerts_put(alerts, &update, AT(10), &result);
	ck_assert_int_eq(result, ALERT_PUT_CHANGED);
	ck_assert_ptr_eq(alert->annotations, words);
	ck_assert_str_eq(alert->generator_url->p, "http://other");
	alerts_put(alerts, &update, AT(11), &result);
	ck_assert_int_eq(result, ALERT_PUT_REFRESHED);
	labels_unref(words);
	alerts_free(alerts);
}
END_TEST

/* ---- with a store ----------------------------------------------------------------- */

static char dir[64];
static struct loop *loop;
static struct store *store;
static struct alerts *table;
static wall_t restored_at;

static void
restore_one(void *arg, const struct alert_row *row)
{
	(void)arg;
	ck_assert_ptr_nonnull(alerts_restore(table, row, restored_at));
}

static void
open_table(wall_t now)
{
	struct err err = { 0 };
	struct store_sink sink = { .alert = restore_one };

	restored_at = now;
	store = store_open(&(struct store_options){ .dir = dir }, loop, &err);
	ck_assert_msg(store != NULL, "%s", err.text);
	table = alerts_new(store);
	ck_assert_int_eq(store_load(store, &sink, &err), 0);
}

static void
close_table(void)
{
	loop_turn(loop, DUR_S(0));
	alerts_free(table);
	store_close(store);
}

static void
restart(wall_t now)
{
	close_table();
	open_table(now);
}

static void
setup_store(void)
{
	setup();
	dir_make(dir);
	loop = loop_new_virtual(START_AT);
	open_table(START_AT);
}

static void
teardown_store(void)
{
	close_table();
	loop_free(loop);
	dir_remove(dir);
	teardown();
}

static uint64_t
rows_written(void)
{
	/* The commit, then its completion. */
	while (loop_turn(loop, DUR_S(0)))
		;
	return store_stats(store).rows;
}

START_TEST(refresh_costs_no_row)
{
	uint64_t before;

	put(table, 0, 100, 5, 0, NULL);
	before = rows_written();
	for (int i = 0; i < 10; i++)
		put(table, 0, 110 + i, 10 + i, 0, NULL);
	ck_assert_uint_eq(rows_written(), before);
	put(table, 0, 30, 31, 0, NULL);
	ck_assert_uint_eq(rows_written(), before + 1);
}
END_TEST

START_TEST(restart_keeps_a_firing_alert_for_the_lead_it_had)
{
	struct alert *alert;

	put(table, 0, 105, 5, 0, NULL);
	restart(AT(1000));
	alert = alerts_find(table, subject);
	ck_assert_ptr_nonnull(alert);
	ck_assert_int_eq(alert->ends_at.ns, AT(1100).ns);
	ck_assert_int_eq(alert->starts_at.ns, AT(0).ns);
	ck_assert_ptr_eq(alerts_by_id(table, alert->id), alert);
	ck_assert_ptr_eq(alerts_by_fingerprint(table, labels_fingerprint(subject)), alert);
}
END_TEST

START_TEST(restart_keeps_a_resolved_alert_resolved)
{
	put(table, 0, 105, 5, 0, NULL);
	put(table, 0, 20, 20, 0, NULL);
	restart(AT(1000));
	ck_assert_int_eq(alerts_find(table, subject)->ends_at.ns, AT(20).ns);
}
END_TEST

START_TEST(restart_does_not_revive_what_was_told_over)
{
	struct alert *alert = put(table, 0, 105, 5, 0, NULL);

	alerts_settle(table, alert, AT(50));
	ck_assert(!(alert->flags & ALERT_SETTLED));
	alerts_settle(table, alert, AT(110));
	restart(AT(1000));
	ck_assert_int_eq(alerts_find(table, subject)->ends_at.ns, AT(105).ns);
	ck_assert(alert_is_resolved(alerts_find(table, subject), AT(1000)));
}
END_TEST

START_TEST(rule_alert_fires_until_its_rule_says_otherwise)
{
	struct alert_update update = { .labels = subject,
		.annotations = no_labels,
		.generator_url = STR(""),
		.starts_at = AT(0),
		.ends_at = WALL_MAX,
		.flags = ALERT_FROM_RULE };

	alerts_put(table, &update, AT(1), NULL);
	restart(AT(100000));
	struct alert *alert = alerts_find(table, subject);
	ck_assert(!alert_is_resolved(alert, AT(200000)));
	alerts_resolve(table, alert, AT(100001), AT(100002));
	ck_assert(alert_is_resolved(alert, AT(100002)));
	restart(AT(200000));
	ck_assert_int_eq(alerts_find(table, subject)->ends_at.ns, AT(100001).ns);
}
END_TEST

START_TEST(resolve_of_an_unknown_alert_is_not_stored_until_somebody_names_it)
{
	uint64_t before;
	struct alert *alert;

	put(table, 900, 950, 901, 0, NULL); /* the first row also reserves ids */
	alerts_resolve(table, alerts_find(table, subject), AT(902), AT(902));
	alerts_release(table, alerts_find(table, subject), AT(902));
	before = rows_written();
	alert = put(table, 0, 10, 1000, 0, NULL);
	ck_assert_uint_eq(rows_written(), before);
	alerts_keep(table, alert);
	alerts_keep(table, alert);
	ck_assert_uint_eq(rows_written(), before + 1);
}
END_TEST

START_TEST(alert_is_let_go_when_resolved_and_unpinned)
{
	struct alert *alert = put(table, 0, 100, 5, 0, NULL);

	alert->pins = 1;
	alerts_gc(table, AT(200));
	ck_assert_uint_eq(alerts_count(table), 1);
	alert->pins = 0;
	alerts_gc(table, AT(50));
	ck_assert_uint_eq(alerts_count(table), 1);
	alerts_gc(table, AT(200));
	ck_assert_uint_eq(alerts_count(table), 0);
	restart(AT(300));
	ck_assert_uint_eq(alerts_count(table), 0);
}
END_TEST

static const struct {
	const char *label, *first, *second;
} orders[] = {
	{ "job first", "job=a,instance=z,x=9", "job=b,instance=a" },
	{ "then instance", "job=a,instance=a,x=9", "job=a,instance=b,x=1" },
	{ "who lacks the job comes last", "job=z", "a=1" },
	{ "fewer labels first among equals", "job=a,z=1", "job=a,b=1,c=1" },
	{ "then the values in order of names", "job=a,b=1,c=9", "job=a,b=2,c=1" },
};

START_TEST(message_order)
{
	struct alert a = { .labels = labels_of(orders[_i].first) };
	struct alert b = { .labels = labels_of(orders[_i].second) };

	ck_assert_msg(alert_notify_cmp(&a, &b) < 0, "%s", orders[_i].label);
	ck_assert_msg(alert_notify_cmp(&b, &a) > 0, "%s, turned round", orders[_i].label);
	ck_assert_int_eq(alert_notify_cmp(&a, &a), 0);
	labels_unref(a.labels);
	labels_unref(b.labels);
}
END_TEST

TCase *
alerts_tests(void)
{
	TCase *tcase = tcase_create("alerts");

	tcase_add_checked_fixture(tcase, setup_store, teardown_store);
	tcase_add_loop_test(tcase, merge, 0, (int)(sizeof(merges) / sizeof(merges[0])));
	tcase_add_test(tcase, newer_texts_win);
	tcase_add_loop_test(tcase, message_order, 0, (int)(sizeof(orders) / sizeof(orders[0])));
	tcase_add_test(tcase, refresh_costs_no_row);
	tcase_add_test(tcase, restart_keeps_a_firing_alert_for_the_lead_it_had);
	tcase_add_test(tcase, restart_keeps_a_resolved_alert_resolved);
	tcase_add_test(tcase, restart_does_not_revive_what_was_told_over);
	tcase_add_test(tcase, rule_alert_fires_until_its_rule_says_otherwise);
	tcase_add_test(tcase, resolve_of_an_unknown_alert_is_not_stored_until_somebody_names_it);
	tcase_add_test(tcase, alert_is_let_go_when_resolved_and_unpinned);
	return tcase;
}
