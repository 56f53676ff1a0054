/* SPDX-License-Identifier: Apache-2.0 */
/* Stored scores of which several come at once: what for_points counts, by the kind alone and
 * through the engine, over restarts. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <sqlite3.h>

#include "base/attr.h"
#include "base/buf.h"
#include "rule/score_points.h"
#include "unit/rule/answers.h"
#include "unit/rule/fixture.h"
#include "unit/rule/test_rule.h"

#define NOW ((wall_t){ INT64_C(1763621040) * 1000000000 })

static struct answers a;

/* --- the kind alone -------------------------------------------------------- */

static void
set_up(void)
{
	answers_init(&a);
}

static void
tear_down(void)
{
	answers_fini(&a);
}

static void
rule(const char *yaml)
{
	answers_rule(&a, "score", yaml);
	a.rule.for_points.n = 2;
	a.rule.for_points.of = 3;
}

static void
row(const char *labels, int64_t minute, double value)
{
	answers_row(&a, 0, labels, value)->at = wall_add(NOW, DUR_S(60 * (minute - 100)));
}

/* "b7 o8": a breach at minute 7, none at minute 8. */
static void
expect_points(const char *labels, const char *want)
{
	const struct observation *o;
	struct buf out = { 0 };

	ck_assert_msg(answers_judge(&a, NOW) == 0, "%s", a.err.text);
	o = answers_of(&a, labels);
	ck_assert_ptr_nonnull(o);
	for (uint32_t i = 0; i < o->n_points; i++)
		buf_printf(&out, "%s%c%lld", i > 0 ? " " : "", o->points[i].breach ? 'b' : 'o',
		    (long long)(100 + wall_since(o->points[i].at, NOW).ns / DUR_S(60).ns));
	ck_assert_msg(str_is(buf_str(&out), want), "%s: %s", labels, buf_str(&out).p);
	buf_fini(&out);
}

START_TEST(every_row_is_a_point_in_order_of_time)
{
	rule("{query: q, direction: high, threshold: 0.2}");
	row("f=a", 3, 0.3);
	row("f=a", 1, 0.3);
	row("f=b", 2, 0.1);
	row("f=a", 4, 0.1);
	row("f=a", 2, 0.2);
	expect_points("{f=\"a\"}", "b1 b2 b3 o4");
	expect_points("{f=\"b\"}", "o2");
	ck_assert_str_eq(answers_outcomes(&a), "ok{f=\"a\"} ok{f=\"b\"}");
}
END_TEST

START_TEST(rows_without_score_or_time_are_no_points)
{
	rule("{query: q, direction: high, threshold: 0.2}");
	row("f=a", 1, 0.3);
	row("f=a", 2, (double)NAN);
	answers_row(&a, 0, "f=a", 0.3);
	/* Of one time the last row counts, as it does without for_points. */
	row("f=a", 3, 0.1);
	row("f=a", 3, 0.4);
	expect_points("{f=\"a\"}", "b1 b3");
}
END_TEST

START_TEST(the_newest_points_are_kept)
{
	rule("{query: q, direction: low, threshold: 0.05}");
	for (int i = 0; i < 3 * TALLY_OF_MAX; i++)
		row("f=a", i - 1000, i == 3 * TALLY_OF_MAX - 1 ? 0.01 : 0.5);
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_uint_eq(a.judgement.observations[0].n_points, TALLY_OF_MAX);
	ck_assert(a.judgement.observations[0].points[TALLY_OF_MAX - 1].breach);
	ck_assert(!a.judgement.observations[0].points[0].breach);
}
END_TEST

/* 0.02 alone is significant; beside another one, corrected for two, it is not. */
START_TEST(scores_of_one_time_are_corrected_together)
{
	rule("{query: q, direction: low, threshold: 0.03, correct: bonferroni}");
	row("f=a", 1, 0.02);
	row("f=b", 2, 0.9);
	row("f=a", 2, 0.02);
	row("f=a", 3, 0.01);
	row("f=b", 3, 0.01);
	expect_points("{f=\"a\"}", "b1 o2 b3");
	expect_points("{f=\"b\"}", "o2 b3");
}
END_TEST

START_TEST(batches_are_points_of_one_alert_for_many)
{
	rule("{query: q, direction: high, threshold: 0.2, aggregate: {count: 2}}");
	for (int batch = 1; batch <= 3; batch++)
		for (int f = 0; f < 3; f++) {
			char labels[8];

			snprintf(labels, sizeof(labels), "f=%d", f);
			row(labels, 10 * batch, batch != 2 || f == 0 ? 0.3 : 0.1);
		}
	expect_points("{}", "b10 o20 b30");
}
END_TEST

/* Rows of one batch with times of their own: a batch is still one point. */
START_TEST(a_batch_that_is_written_row_by_row_is_one_point)
{
	rule("{query: q, direction: high, threshold: 0.2, aggregate: {share: 0.5}}");
	for (int batch = 1; batch <= 3; batch++)
		for (int f = 0; f < 4; f++) {
			char labels[8];

			snprintf(labels, sizeof(labels), "f=%d", f);
			row(labels, 10 * batch + f, batch != 2 ? 0.3 : 0.1);
		}
	expect_points("{}", "b13 o23 b33");
}
END_TEST

/* One that has nothing new stands as it stood, and is not counted again. */
START_TEST(groups_have_points_of_their_own)
{
	rule("{query: q, direction: high, threshold: 0.2, aggregate: {count: 1}, group: [m]}");
	row("m=x f=1", 1, 0.3);
	row("m=y f=1", 1, 0.1);
	row("m=x f=2", 2, 0.1);
	row("m=x f=1", 5, 0.1);
	row("m=x f=1", 6, 0.3);
	expect_points("{m=\"x\"}", "b1 o5 b6");
	expect_points("{m=\"y\"}", "o1");
}
END_TEST

START_TEST(without_for_points_the_newest_row_alone_is_looked_at)
{
	struct rule_plan plan;

	answers_rule(&a, "score", "{query: q, direction: high, threshold: 0.2}");
	row("f=a", 1, 0.3);
	row("f=a", 2, 0.1);
	expect_points("{f=\"a\"}", "");
	answers_plan(&a, NOW, &plan);
	ck_assert_int_eq(plan.queries[0].shape, QUERY_INSTANT);
	a.rule.for_points.n = 1;
	answers_plan(&a, NOW, &plan);
	ck_assert_int_eq(plan.queries[0].shape, QUERY_ROWS);
}
END_TEST

/* However many rows and series there are: not more rounds than the limits allow. */
START_TEST(rounds_are_bounded)
{
	const int n = SCORE_ROUNDS_MAX + 50;

	rule("{query: q, direction: low, threshold: 0.05, correct: bh}");
	for (int i = 0; i < n; i++)
		row("f=a", i - 1000, i == 0 ? 0.01 : 0.5);
	for (int i = 0; i < 4; i++) {
		char labels[8];

		snprintf(labels, sizeof(labels), "f=%d", i);
		row(labels, n - 1000, 0.01);
	}
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_uint_eq(answers_of(&a, "{f=\"a\"}")->n_points, TALLY_OF_MAX);
	ck_assert_uint_eq(answers_of(&a, "{f=\"3\"}")->n_points, 1);
}
END_TEST

/* --- through the engine ------------------------------------------------------ */

static void
run_sql(const char *sql)
{
	char path[128], *message = NULL;
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/drift.db", world.dir);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK, "%s", message);
	sqlite3_close(db);
}

/* "9 9 1": one after the other, a second apart, from the given second on. */
static void
stored(int64_t second, const char *values)
{
	struct buf sql = { 0 };

	for (const char *p = values; *p != '\0'; p++)
		if (*p != ' ')
			buf_printf(&sql, "INSERT INTO s VALUES('a', %c, %lld);", *p,
			    (long long)(world.start.ns / 1000000000 + second++));
	run_sql(buf_str(&sql).p);
	buf_fini(&sql);
}

static void
open_world(const char *for_points, const char *reach)
{
	char rules[512];

	world_sources("sources: [{name: s, type: sqlite, path: drift.db}]\n");
	snprintf(rules, sizeof(rules),
	    "groups:\n- name: g\n  interval: 30s\n  rules:\n  - alert: A\n    for_points: %s\n"
	    "    score: {query: 'SELECT f, v AS value, ts FROM s%s', direction: high, threshold: "
	    "5}\n",
	    for_points, reach);
	world_open(rules, true);
	run_sql("CREATE TABLE s(f TEXT, v REAL, ts REAL)");
}

#define A_FIRING   "firing{alertname=\"A\", f=\"a\"}"
#define A_PENDING  "pending{alertname=\"A\", f=\"a\"}"
#define A_RESOLVED "resolved{alertname=\"A\", f=\"a\"}"

START_TEST(batches_between_two_evaluations_all_count)
{
	open_world("{n: 2, of: 3}", "");
	stored(0, "1");
	world_slot(1);
	ck_assert_str_eq(world_alerts(0, 0), "");
	/* The newest is fine; two of the last three are not. */
	stored(40, "9 9 1");
	world_slot(2);
	ck_assert_str_eq(world_events(), A_FIRING);
	ck_assert_double_eq(world.events[0].value, 9);
	world_slot(4);
	ck_assert_str_eq(world_events(), "");
	stored(140, "1 1 1");
	world_slot(6);
	ck_assert_str_eq(world_events(), A_RESOLVED);
	ck_assert_str_eq(world_alerts(0, 0), "");
	world_close();
}
END_TEST

START_TEST(what_came_while_it_was_down_counts_once)
{
	open_world("{n: 3, of: 4}", "");
	stored(0, "1 9");
	world_slot(1);
	ck_assert_str_eq(world_alerts(0, 0), A_PENDING);
	world_kill(DUR_S(1));
	world_slot(3);
	ck_assert_str_eq(world_alerts(0, 0), A_PENDING); /* the same one again */
	stored(100, "9");
	world_slot(5);
	ck_assert_str_eq(world_alerts(0, 0), A_PENDING);
	stored(151, "1 9");
	world_kill(DUR_S(60)); /* 9 9 1 9 */
	world_slot(9);
	ck_assert_str_eq(world_events(), A_FIRING);
	stored(300, "1 1");
	world_crash(DUR_S(60));
	world_slot(13);
	ck_assert_str_eq(world_events(), A_RESOLVED);
	ck_assert_str_eq(world_alerts(0, 0), A_PENDING); /* 1 9 1 1 */
	world_close();
}
END_TEST

/* A query that shows each row once: what an alert has counted is kept with it. */
START_TEST(a_query_of_what_is_new_counts_beside_what_is_known)
{
	open_world("{n: 2, of: 4}", " WHERE ts > :now - 40 AND ts <= :now");
	stored(25, "9 1");
	world_slot(1);
	ck_assert_str_eq(world_alerts(0, 0), A_PENDING);
	/* Older than the last one counted, and too few to count anew: too late. */
	run_sql("INSERT INTO s SELECT 'a', 9, min(ts) + 0.5 FROM s");
	world_crash(DUR_S(1));
	world_slot(2);
	ck_assert_str_eq(world_events(), "");
	ck_assert_str_eq(world_alerts(0, 0), A_PENDING);
	stored(70, "9");
	world_slot(3);
	ck_assert_str_eq(world_events(), A_FIRING); /* 9 1 9 */
	world_crash(DUR_S(1));
	stored(95, "1 1");
	world_slot(4);
	ck_assert_str_eq(world_events(), A_RESOLVED); /* 1 9 1 1 */
	world_close();
}
END_TEST

START_TEST(a_late_score_counts_in_its_place)
{
	open_world("{n: 2, of: 3}", "");
	stored(0, "1");
	stored(20, "9");
	world_slot(1);
	ck_assert_str_eq(world_alerts(0, 0), A_PENDING);
	stored(10, "9"); /* 1 9 9 */
	world_slot(2);
	ck_assert_str_eq(world_events(), A_FIRING);
	/* Late, and older than all that count. */
	stored(5, "1 1 1 1");
	world_slot(3);
	ck_assert_str_eq(world_events(), "");
	stored(15, "1"); /* 9 1 9 */
	world_slot(4);
	ck_assert_str_eq(world_events(), "");
	stored(16, "1"); /* 1 1 9 */
	world_slot(5);
	ck_assert_str_eq(world_events(), A_RESOLVED);
	world_close();
}
END_TEST

TCase *
tcase_score(void)
{
	TCase *t = tcase_create("score");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, every_row_is_a_point_in_order_of_time);
	tcase_add_test(t, rows_without_score_or_time_are_no_points);
	tcase_add_test(t, the_newest_points_are_kept);
	tcase_add_test(t, scores_of_one_time_are_corrected_together);
	tcase_add_test(t, batches_are_points_of_one_alert_for_many);
	tcase_add_test(t, a_batch_that_is_written_row_by_row_is_one_point);
	tcase_add_test(t, groups_have_points_of_their_own);
	tcase_add_test(t, without_for_points_the_newest_row_alone_is_looked_at);
	tcase_add_test(t, rounds_are_bounded);
	return t;
}

TCase *
tcase_score_world(void)
{
	TCase *t = tcase_create("stored scores");

	tcase_add_test(t, batches_between_two_evaluations_all_count);
	tcase_add_test(t, what_came_while_it_was_down_counts_once);
	tcase_add_test(t, a_query_of_what_is_new_counts_beside_what_is_known);
	tcase_add_test(t, a_late_score_counts_in_its_place);
	return t;
}
