/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine does for kinds that learn, explain, judge much, and for
 * for_points: by a kind of its own, which compares a value with 100 and tells
 * what it remembers.
 */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "loop/loop.h"
#include "rule/kind.h"
#include "rule/past.h"
#include "store/store.h"
#include "unit/rule/fixture.h"
#include "unit/rule/test_rule.h"

#define GROUP "groups:\n- name: g\n  interval: 30s\n  rules:\n"
#define LEARN GROUP "  - {alert: A, learn: {query: m}}\n"

struct settings {
	const char *query, *reset_on;
};

static const struct schema_field fields[] = {
	{ .name = "query",
	    .kind = FIELD_STRING,
	    .flags = FIELD_REQUIRED,
	    .offset = offsetof(struct settings, query),
	    .doc = "What." },
	{ .name = "reset_on",
	    .kind = FIELD_STRING,
	    .offset = offsetof(struct settings, reset_on),
	    .doc = "A version." },
};

static const struct schema schema = {
	.name = "learn", .doc = "Learns.", .size = sizeof(struct settings), SCHEMA_FIELDS(fields)
};

static uint32_t points_seen, firing_seen;
static bool past_seen;

static void
learn_finish(struct schema_context *ctx UNUSED, struct rule_config *rule)
{
	rule->query_text = ((const struct settings *)rule->settings)->query;
}

static void
learn_identity(const struct rule_config *rule, struct buf *out)
{
	buf_puts(out, rule->query_text);
}

static const struct rule_kind_schema learn_schema = {
	.name = "learn", .schema = &schema, .finish = learn_finish, .identity = learn_identity
};

static int
learn_plan(const struct rule_config *rule, const struct past *past, wall_t now,
    struct rule_plan *ret, struct err *err UNUSED)
{
	wall_t newest = past != NULL ? past_newest(past) : WALL_NONE;

	ret->queries[0] = (struct rule_query){ .text = str_from(rule->query_text), .at = now };
	ret->n = 1;
	if (wall_is_set(newest) && dur_less(wall_since(now, newest), DUR_S(61)))
		return 0;
	ret->queries[1] = (struct rule_query){ .text = str_from(rule->query_text),
		.at = now,
		.shape = QUERY_RANGE,
		.from =
		    wall_is_set(newest) ? wall_add(newest, DUR_S(30)) : wall_sub(now, DUR_S(3600)),
		.to = wall_sub(now, DUR_S(30)),
		.step = DUR_S(30) };
	ret->n = 2;
	return 0;
}

static void
look(const struct past *past, const struct sample *sample)
{
	struct past_series series;

	past_seen = past != NULL;
	points_seen = firing_seen = 0;
	if (past == NULL || !past_of(past, sample->key, &series))
		return;
	points_seen = series.n;
	for (uint32_t i = 0; i < series.n; i++)
		firing_seen += (series.flags[i] & PAST_FIRING) != 0;
}

static int
learn_judge(const struct rule_input *in, struct judgement *ret, struct err *err UNUSED)
{
	const struct vector *answer = &in->answers[0];
	uint32_t n = answer->n + (in->n > 1 ? in->answers[1].n : 0);

	*ret = (struct judgement){
		.observations = ARENA_ARRAY(in->arena, answer->n, struct observation),
		.remember = ARENA_ARRAY(in->arena, n, struct remembered),
	};
	for (uint32_t i = 0; in->n > 1 && i < in->answers[1].n; i++)
		ret->remember[ret->n_remember++] = (struct remembered){ &in->answers[1].samples[i],
			in->answers[1].samples[i].at, in->answers[1].samples[i].value };
	for (uint32_t i = 0; i < answer->n; i++) {
		const struct sample *sample = &answer->samples[i];
		struct explain *explain = ARENA_NEW(in->arena, struct explain);

		look(in->past, sample);
		*explain = explain_none;
		explain->method = "learn";
		explain->value = sample->value;
		explain->high = 100;
		explain->baseline = 50;
		explain->n_reference = points_seen;
		explain->window = DUR_S(3600);
		explain->detail = STR("{\"worst\":\"x\"}");
		ret->observations[ret->n++] = (struct observation){
			.sample = sample,
			.outcome = sample->value > 100 ? OUTCOME_BREACH : OUTCOME_OK,
			.value = sample->value,
			.explain = explain,
		};
		ret->remember[ret->n_remember++] =
		    (struct remembered){ sample, in->now, sample->value };
	}
	return 0;
}

static void
learn_remembers(const struct rule_config *rule, struct past_need *ret)
{
	*ret = (struct past_need){
		.window = DUR_S(3600),
		.step = DUR_S(30),
		.exclude_firing = true,
		.reset_on = ((const struct settings *)rule->settings)->reset_on,
	};
}

static const struct rule_kind learn = {
	.schema = &learn_schema,
	.plan = learn_plan,
	.judge = learn_judge,
	.remembers = learn_remembers,
};

/* --- answers --------------------------------------------------------------------- */

static char range_body[64 << 10], value_body[2048];

/* What query_range says: a value at each step of the hour before the first slot, and on to `until`.
 */
static void
range_until(int64_t until_s)
{
	struct buf body = { 0 };
	int64_t first = world.start.ns / 1000000000 - 3600;

	buf_puts(&body, "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":["
			"{\"metric\":{\"job\":\"a\"},\"values\":[");
	for (int64_t s = first; s <= world.start.ns / 1000000000 + until_s; s += 30)
		buf_printf(&body, "%s[%lld,\"50\"]", s > first ? "," : "", (long long)s);
	buf_puts(&body, "]}]}}");
	ck_assert_uint_lt(body.n, sizeof(range_body));
	memcpy(range_body, body.p, body.n + 1);
	buf_fini(&body);
	world_answer("query_range", range_body);
}

static void
value_is(const char *labels, double value)
{
	snprintf(value_body, sizeof(value_body),
	    "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
	    "{\"metric\":{%s},\"value\":[0,\"%g\"]}]}}",
	    labels, value);
	world_answer("query?", value_body);
}

static void
set_up(void)
{
	rule_kind_of_tests = &learn;
}

static void
tear_down(void)
{
	rule_kind_of_tests = NULL;
}

/* --- the past ----------------------------------------------------------------------- */

static void
begin(const char *rules)
{
	world_open(rules, true);
	range_until(0);
	value_is("\"job\":\"a\"", 50);
	/* The first evaluation asks the window, the second sees it. */
	world_slot(2);
}

START_TEST(the_first_start_warms_up_from_the_source)
{
	begin(LEARN);
	ck_assert_uint_eq(world_asked("query_range"), 1);
	ck_assert_uint_ge(points_seen, 119);
	world_slot(10);
	ck_assert_uint_eq(world_asked("query_range"), 0);
	/* The window moves on, the number of points stays. */
	ck_assert_uint_ge(points_seen, 119);
	ck_assert_uint_le(points_seen, 122);
	world_close();
}
END_TEST

START_TEST(a_restart_learns_only_what_it_has_missed)
{
	uint32_t before;

	begin(LEARN);
	world_slot(40);
	before = points_seen;
	world_crash(DUR_S(1));
	world_asked("query_range");
	world_slot(42);
	ck_assert_uint_eq(world_asked("query_range"), 0);
	ck_assert_uint_ge(points_seen, before - 1);
	/* Ten minutes later there is a gap, and nothing but the gap is asked. */
	range_until(42 * 30 + 600);
	world_crash(DUR_S(600));
	world_slot(65);
	ck_assert_uint_eq(world_asked("query_range"), 1);
	ck_assert_uint_ge(points_seen, 115);
	world_close();
}
END_TEST

START_TEST(a_killed_program_asks_again_what_was_not_on_disk)
{
	begin(LEARN);
	world_slot(40);
	range_until(40 * 30);
	world_kill(DUR_S(1));
	world_asked("query_range");
	world_slot(43);
	ck_assert_uint_ge(points_seen, 117);
	ck_assert_uint_le(points_seen, 123);
	world_close();
}
END_TEST

START_TEST(a_reload_keeps_what_was_learnt)
{
	uint32_t before;

	begin(LEARN);
	before = points_seen;
	world_reload(GROUP "  - {alert: A, learn: {query: m}, annotations: {a: b}}\n");
	world_asked("query_range");
	world_slot(4);
	ck_assert_uint_eq(world_asked("query_range"), 0);
	ck_assert_uint_ge(points_seen, before);
	/* Another question is another rule. */
	world_reload(GROUP "  - {alert: A, learn: {query: n}}\n");
	world_slot(5);
	ck_assert_uint_eq(world_asked("query_range"), 1);
	world_close();
}
END_TEST

START_TEST(what_was_measured_while_it_fired_is_marked)
{
	begin(LEARN);
	ck_assert_uint_eq(firing_seen, 0);
	value_is("\"job\":\"a\"", 500);
	world_slot(3);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", job=\"a\"}");
	world_slot(6);
	ck_assert_uint_eq(firing_seen, 3);
	world_crash(DUR_S(1));
	world_slot(8);
	ck_assert_uint_ge(firing_seen, 3);
	value_is("\"job\":\"a\"", 50);
	world_slot(12);
	firing_seen = 0;
	world_slot(13);
	ck_assert_uint_ge(firing_seen, 4);
	ck_assert_uint_le(firing_seen, 6);
	world_close();
}
END_TEST

static void
two_versions(const char *first, double a, const char *second, double b)
{
	snprintf(value_body, sizeof(value_body),
	    "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
	    "{\"metric\":{\"job\":\"a\",\"v\":\"%s\"},\"value\":[0,\"%g\"]},"
	    "{\"metric\":{\"job\":\"a\",\"v\":\"%s\"},\"value\":[0,\"%g\"]}]}}",
	    first, a, second, b);
	world_answer("query?", value_body);
}

START_TEST(a_new_version_learns_anew_under_the_same_alert)
{
	world_open(GROUP "  - {alert: A, learn: {query: m, reset_on: v}, annotations: "
			 "{v: '{{ $labels.v }}'}}\n",
	    true);
	value_is("\"job\":\"a\",\"v\":\"1\"", 500);
	world_slot(5);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", job=\"a\"}");
	ck_assert_uint_eq(points_seen, 5);
	/* Both are there for a while: the newer one counts. */
	two_versions("1", 50, "2", 600);
	world_slot(6);
	ck_assert_uint_eq(points_seen, 0);
	world_slot(9);
	ck_assert_uint_eq(points_seen, 3);
	ck_assert_str_eq(world_events(), "");
	/* After a restart, too. */
	world_crash(DUR_S(1));
	world_slot(12);
	ck_assert_uint_ge(points_seen, 5);
	ck_assert_str_eq(world_events(), "");
	/* The newer one is taken back. */
	value_is("\"job\":\"a\",\"v\":\"1\"", 50);
	world_slot(13);
	ck_assert_uint_eq(points_seen, 0);
	ck_assert_str_eq(world_events(), "resolved{alertname=\"A\", job=\"a\"}");
	world_close();
}
END_TEST

/* --- judging off the loop --------------------------------------------------------------- */

static const struct rule_kind heavy_learn = {
	.schema = &learn_schema,
	.plan = learn_plan,
	.judge = learn_judge,
	.remembers = learn_remembers,
	.heavy = true,
};

/* More points than the loop judges itself. */
static void
answer_heavily(double value)
{
	static struct buf body;

	buf_clear(&body);
	buf_puts(&body, "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[");
	for (uint32_t i = 0; i < RULE_HEAVY_POINTS; i++)
		buf_printf(&body, "%s{\"metric\":{\"i\":\"%u\"},\"value\":[0,\"%g\"]}",
		    i > 0 ? "," : "", i, i == 7 ? value : 50);
	buf_puts(&body, "]}}");
	world_answer("query?", body.p);
}

START_TEST(many_points_are_judged_on_a_worker)
{
	rule_kind_of_tests = &heavy_learn;
	world_open(LEARN, false);
	answer_heavily(500);
	world_slot(2);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", i=\"7\"}");
	answer_heavily(50);
	world_slot(3);
	ck_assert_str_eq(world_events(), "resolved{alertname=\"A\", i=\"7\"}");
	world_close();
}
END_TEST

START_TEST(without_room_for_its_work_a_rule_fails_instead_of_holding_up_the_loop)
{
	rule_kind_of_tests = &heavy_learn;
	world_queue(0);
	world_open(LEARN, false);
	answer_heavily(500);
	world_slot(2);
	ck_assert_str_eq(world_events(), "");
	ck_assert_str_eq(world_rule(0, 0).last_error,
	    "not judged: too many rules wait for a worker thread already");
	ck_assert_uint_gt(engine_stats(world.engine).failures, 0);
	/* What it takes is little again. */
	value_is("\"i\":\"7\"", 500);
	world_slot(3);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", i=\"7\"}");
	world_close();
	world_queue(64);
}
END_TEST

START_TEST(a_reload_while_it_is_judged_loses_nothing)
{
	rule_kind_of_tests = &heavy_learn;
	world_open(LEARN, false);
	answer_heavily(500);
	world_slot(1);
	world_events();
	for (int i = 0; i < 5; i++) {
		/* Some of these moments are between the answer and the judgement. */
		loop_run_until(world.loop, wall_add(loop_now(world.loop), DUR_MS(29998)));
		for (int k = 0; k < i; k++)
			loop_turn(world.loop, DUR_MS(1));
		world_reload(GROUP "  - {alert: A, learn: {query: m}, annotations: {a: b}}\n");
	}
	ck_assert_str_eq(world_events(), "");
	ck_assert_str_eq(world_alerts(0, 0), "firing{alertname=\"A\", i=\"7\"}");
	world_close();
}
END_TEST

/* --- reasons ---------------------------------------------------------------------------- */

static char stored_detail[2048];

static void
on_history(void *arg UNUSED, const struct history_row *rows, uint32_t n, const struct err *err)
{
	ck_assert_ptr_null(err);
	ck_assert_uint_gt(n, 0);
	snprintf(stored_detail, sizeof(stored_detail), "%.*s", STR_ARG(rows[0].detail));
}

START_TEST(a_transition_is_kept_with_its_reason)
{
	const struct history_query query = { .kind = STR("firing"), .limit = 10 };
	struct explain_view view;
	const struct rule_alert *alert;
	uint32_t it = 0;
	char expect[256];

	begin(GROUP "  - {alert: A, learn: {query: m}, annotations: {why: "
		    "'{{ $explain.text }}', n: '{{ $explain.n_reference }}', p: "
		    "'{{ $explain.p_value }}'}}\n");
	value_is("\"job\":\"a\"", 500);
	world_slot(3);
	snprintf(expect, sizeof(expect),
	    "{n=\"%u\", p=\"NaN\", why=\"500 is above the expected maximum 100 (baseline 50, learn "
	    "over 1h, %u reference points)\"}",
	    points_seen, points_seen);
	ck_assert_str_eq(world.events[0].annotations, expect);
	store_history_query(world.store, &query, on_history, NULL);
	for (int i = 0; i < 10 && stored_detail[0] == '\0'; i++)
		loop_turn(world.loop, DUR_MS(10));
	snprintf(expect, sizeof(expect),
	    "{\"method\":\"learn\",\"value\":500,\"baseline\":50,\"high\":100,\"n_reference\":%u,"
	    "\"window\":\"1h\",\"detail\":{\"worst\":\"x\"},\"text\":\"500 is above",
	    points_seen);
	ck_assert_msg(str_starts(str_from(stored_detail), str_from(expect)), "%s", stored_detail);
	ck_assert_ptr_nonnull(strstr(stored_detail, "\"query\":\"m\"}"));
	alert = rule_alert_next(world_rule(0, 0).rule, &it);
	ck_assert(engine_explain(world.engine, labels_fingerprint(alert->labels), NULL, &view));
	ck_assert_ptr_nonnull(view.explain);
	ck_assert(view.explain->value == 500);
	ck_assert(!engine_explain(world.engine, 1, NULL, &view));
	world_close();
}
END_TEST

/* --- for_points ------------------------------------------------------------------------- */

static char stored_body[512];

/* A score of the time at_s, which may be evaluated again and again. */
static void
score_is(double value, int64_t at_s)
{
	snprintf(stored_body, sizeof(stored_body),
	    "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
	    "{\"metric\":{\"job\":\"a\"},\"value\":[%lld,\"%g\"]}]}}",
	    (long long)(1700000000 + at_s), value);
	world_answer("query=m", stored_body);
}

#define A_PENDING "pending{alertname=\"A\", job=\"a\"}"
#define A_FIRING  "firing{alertname=\"A\", job=\"a\"}"

START_TEST(a_score_that_is_seen_again_counts_once)
{
	world_open(GROUP "  - {alert: A, threshold: {query: m, op: '>', value: 5}, for_points: "
			 "{n: 2, of: 3}}\n",
	    true);
	score_is(9, 0);
	world_slot(10);
	ck_assert_str_eq(world_alerts(0, 0), A_PENDING);
	score_is(1, 100);
	world_slot(12);
	ck_assert_str_eq(world_alerts(0, 0), A_PENDING);
	/* What was counted is still counted after a restart. */
	world_crash(DUR_S(1));
	score_is(9, 200);
	world_slot(15);
	ck_assert_str_eq(world_events(), A_FIRING);
	/* Two of the last three breach: it goes on. */
	score_is(9, 300);
	world_slot(17);
	score_is(1, 400);
	world_slot(19);
	ck_assert_str_eq(world_events(), "");
	world_crash(DUR_S(1));
	world_slot(22);
	ck_assert_str_eq(world_events(), "");
	score_is(1, 500);
	world_slot(24);
	ck_assert_str_eq(world_events(), "resolved{alertname=\"A\", job=\"a\"}");
	ck_assert_str_eq(world_alerts(0, 0), "");
	world_close();
}
END_TEST

START_TEST(a_pending_alert_without_breaches_is_forgotten)
{
	world_open(GROUP
	    "  - {alert: A, threshold: {query: m, op: '>', value: 5}, for_points: {n: 2, of: "
	    "3}}\n",
	    false);
	score_is(9, 0);
	world_slot(1);
	ck_assert_str_eq(world_alerts(0, 0), A_PENDING);
	for (int i = 1; i <= 3; i++) {
		ck_assert_str_eq(world_alerts(0, 0), A_PENDING);
		score_is(1, 100 * i);
		world_slot(1 + 2 * i);
	}
	ck_assert_str_eq(world_alerts(0, 0), "");
	world_close();
}
END_TEST

START_TEST(with_for_both_must_hold)
{
	world_open(GROUP "  - {alert: A, threshold: {query: m, op: '>', value: 5}, for_points: 2, "
			 "for: 5m}\n",
	    false);
	score_is(9, 0);
	world_slot(1);
	score_is(9, 100);
	world_slot(5);
	ck_assert_str_eq(world_alerts(0, 0), A_PENDING);
	world_slot(10);
	ck_assert_str_eq(world_events(), A_FIRING);
	world_close();
}
END_TEST

START_TEST(an_old_score_is_stale_and_counts_for_nothing)
{
	world_open(GROUP "  - {alert: A, threshold: {query: m, op: '>', value: 5}, for_points: 2, "
			 "max_age: 1h}\n",
	    false);
	score_is(9, 0);
	world_slot(2);
	ck_assert_str_eq(world_alerts(0, 0), "");
	ck_assert_uint_eq(world_rule(0, 0).outcomes[OUTCOME_STALE], 1);
	world_close();
}
END_TEST

/* Without times of their own the evaluations are the points. */
START_TEST(values_without_times_count_at_each_evaluation)
{
	world_open(GROUP "  - {alert: A, expr: m, for_points: {n: 2, of: 3}}\n", false);
	world_answer("query=m", VECTOR(SERIES("\"job\":\"a\"", "7")));
	world_slot(0);
	ck_assert_str_eq(world_alerts(0, 0), A_PENDING);
	world_answer("query=m", EMPTY);
	world_slot(1);
	ck_assert_str_eq(world_alerts(0, 0), A_PENDING);
	world_answer("query=m", VECTOR(SERIES("\"job\":\"a\"", "7")));
	world_slot(2);
	ck_assert_str_eq(world_events(), A_FIRING);
	world_answer("query=m", EMPTY);
	world_slot(5);
	ck_assert_str_eq(world_events(), "resolved{alertname=\"A\", job=\"a\"}");
	world_close();
}
END_TEST

TCase *
tcase_learning(void)
{
	TCase *tc = tcase_create("learning");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, the_first_start_warms_up_from_the_source);
	tcase_add_test(tc, a_restart_learns_only_what_it_has_missed);
	tcase_add_test(tc, a_killed_program_asks_again_what_was_not_on_disk);
	tcase_add_test(tc, a_reload_keeps_what_was_learnt);
	tcase_add_test(tc, what_was_measured_while_it_fired_is_marked);
	tcase_add_test(tc, a_new_version_learns_anew_under_the_same_alert);
	tcase_add_test(tc, many_points_are_judged_on_a_worker);
	tcase_add_test(tc, without_room_for_its_work_a_rule_fails_instead_of_holding_up_the_loop);
	tcase_add_test(tc, a_reload_while_it_is_judged_loses_nothing);
	tcase_add_test(tc, a_transition_is_kept_with_its_reason);
	tcase_add_test(tc, a_score_that_is_seen_again_counts_once);
	tcase_add_test(tc, a_pending_alert_without_breaches_is_forgotten);
	tcase_add_test(tc, with_for_both_must_hold);
	tcase_add_test(tc, an_old_score_is_stale_and_counts_for_nothing);
	tcase_add_test(tc, values_without_times_count_at_each_evaluation);
	return tc;
}
