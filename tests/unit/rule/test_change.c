/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds that compare answers of several instants or windows: rate_of_change,
 * burn_rate, absent. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "unit/rule/answers.h"
#include "unit/rule/test_rule.h"

#define NOW     ((wall_t){ INT64_C(1763621040) * 1000000000 })
#define NOTHING ((double)NAN)
#define ENDLESS ((double)INFINITY)

static struct answers a;

static void
set_up(void)
{
	answers_init(&a);
	a.group.interval = DUR_S(30);
}

static void
tear_down(void)
{
	answers_fini(&a);
}

/* --- rate_of_change ---------------------------------------------------- */

static const struct {
	const char *label, *more; /* more settings */
	double then, now;
	const char *want;
	double value; /* NaN: not looked at */
} changes[] = {
	{ "a rise of the share asked for", "op: '>=', value: 0.5", 2, 3, "breach{}", 0.5 },
	{ "a smaller rise", "op: '>=', value: 0.5", 2, 2.9, "ok{}", NOTHING },
	{ "a fall is negative", "op: '<=', value: -0.5", 2, 1, "breach{}", -0.5 },
	{ "direction down makes a fall positive", "op: '>=', value: 0.5, direction: down", 2, 1,
	    "breach{}", 0.5 },
	{ "direction down and a rise", "op: '>=', value: 0.5, direction: down", 1, 2, "ok{}",
	    -1.0 },
	{ "direction both takes either", "op: '>=', value: 0.5, direction: both", 2, 1, "breach{}",
	    0.5 },
	{ "a negative baseline: the share of its size", "op: '>', value: 0.9", -2, 0, "breach{}",
	    1.0 },
	{ "absolute", "compare: absolute, op: '>', value: 3", 10, 14, "breach{}", 4 },
	{ "absolute from nothing", "compare: absolute, op: '>', value: 3", 0, 4, "breach{}", 4 },
	{ "ratio", "compare: ratio, op: '>', value: 2", 10, 21, "breach{}", 2.1 },
	{ "a baseline of 0 has no relative change", "op: '>', value: 0.1", 0, 5, "insufficient{}",
	    NOTHING },
	{ "nor a ratio", "compare: ratio, op: '>', value: 0.1", 0, 5, "insufficient{}", NOTHING },
	{ "0 to 0 is no change", "op: '>', value: 0.1", 0, 0, "ok{}", 0 },
	{ "a constant series never changes", "op: '>', value: 0", 7, 7, "ok{}", 0 },
	{ "a baseline too small to say", "op: '>', value: 0.1, min_baseline: 0.01", 0.005, 5,
	    "insufficient{}", NOTHING },
	{ "a change too small to matter", "op: '>', value: 0.1, min_abs_change: 0.02", 0.002, 0.003,
	    "ok{}", 0.5 },
	{ "a change large enough to matter", "op: '>', value: 0.1, min_abs_change: 0.02", 0.1, 0.13,
	    "breach{}", NOTHING },
	{ "a share too small to matter",
	    "compare: absolute, op: '>', value: 5, min_rel_change: 0.1", 1000, 1010, "ok{}", 10 },
	{ "NaN now", "op: '>', value: 0.1", 1, NOTHING, "insufficient{}", NOTHING },
	{ "NaN then", "op: '>', value: 0.1", NOTHING, 1, "insufficient{}", NOTHING },
	{ "infinite now is no number to compare", "op: '>', value: 0.1", 1, ENDLESS,
	    "insufficient{}", NOTHING },
	{ "infinite then", "op: '<', value: 0.1", ENDLESS, 1, "insufficient{}", NOTHING },
	{ "between threshold and recovery", "op: '>', value: 0.5, recover: 0.2", 1, 1.3, "hold{}",
	    NOTHING },
	{ "levels", "op: '>', levels: {warning: 0.2, critical: 0.5}", 1, 1.3, "breach{} ok{}",
	    NOTHING },
};

START_TEST(change_against_a_window_ago)
{
	char yaml[256];

	snprintf(yaml, sizeof(yaml), "{query: m, window: 10m, %s}", changes[_i].more);
	answers_rule(&a, "rate_of_change", yaml);
	answers_row(&a, 0, "model=x", changes[_i].now);
	answers_row(&a, 1, "model=x", changes[_i].then);
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_msg(strcmp(answers_outcomes(&a), changes[_i].want) == 0, "%s: %s",
	    changes[_i].label, answers_outcomes(&a));
	if (!isnan(changes[_i].value))
		ck_assert_msg(fabs(a.judgement.observations[0].value - changes[_i].value) < 1e-12,
		    "%s: %g", changes[_i].label, a.judgement.observations[0].value);
}
END_TEST

START_TEST(plan_asks_now_and_around_then)
{
	static const int64_t ago[] = { 0, 630, 600, 570 };
	struct rule_plan plan;

	answers_rule(&a, "rate_of_change",
	    "{query: m, window: 10m, op: '>', value: 1, baseline_points: 3, guard: g}");
	answers_plan(&a, NOW, &plan);
	ck_assert_uint_eq(plan.n, 5);
	for (uint32_t i = 0; i < ARRAY_LEN(ago); i++) {
		ck_assert_int_eq(wall_since(NOW, plan.queries[i].at).ns, DUR_S(ago[i]).ns);
		ck_assert_int_eq(plan.queries[i].shape, QUERY_INSTANT);
	}
	ck_assert(str_is(plan.queries[4].text, "g"));
	ck_assert_int_eq(plan.queries[4].at.ns, NOW.ns);
}
END_TEST

START_TEST(one_wild_point_does_not_make_the_baseline)
{
	answers_rule(&a, "rate_of_change",
	    "{query: m, window: 10m, op: '>', value: 0.5, baseline_points: 3}");
	answers_row(&a, 0, "model=x", 10);
	answers_row(&a, 1, "model=x", 10);
	answers_row(&a, 2, "model=x", 1);
	answers_row(&a, 3, "model=x", 11);
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_str_eq(answers_outcomes(&a), "ok{}");
	ck_assert_double_eq(a.judgement.observations[0].explain->baseline, 10);
	ck_assert_double_eq(a.judgement.observations[0].explain->n_reference, 3);
}
END_TEST

START_TEST(series_without_a_baseline_is_new_not_changed)
{
	answers_rule(&a, "rate_of_change", "{query: m, window: 10m, op: '>', value: 0.5}");
	answers_row(&a, 0, "model=x", 10);
	answers_row(&a, 0, "model=y", 10);
	answers_row(&a, 1, "model=y", 1);
	answers_row(&a, 1, "model=z", 1);
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_str_eq(answers_outcomes(&a), "insufficient{} breach{}");
}
END_TEST

START_TEST(guard_keeps_a_change_without_traffic_silent)
{
	static const struct {
		const char *labels;
		double value;
		const char *want;
	} cases[] = {
		{ NULL, 0, "insufficient{}" },
		{ "model=x", 3, "breach{}" },
		{ "model=x", 0, "insufficient{}" },
		{ "model=y", 3, "insufficient{}" },
		{ "", 3, "breach{}" }, /* without labels: for all */
		{ "__name__=q model=x", 3, "breach{}" },
	};

	answers_rule(
	    &a, "rate_of_change", "{query: m, window: 10m, op: '>', value: 0.5, guard: g}");
	answers_row(&a, 0, "model=x", 10);
	answers_row(&a, 1, "__name__=m model=x", 1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		a.vectors[2].n = 0;
		if (cases[i].labels != NULL)
			answers_row(&a, 2, cases[i].labels, cases[i].value);
		ck_assert_int_eq(answers_judge(&a, NOW), 0);
		ck_assert_msg(strcmp(answers_outcomes(&a), cases[i].want) == 0, "%zu: %s", i,
		    answers_outcomes(&a));
	}
}
END_TEST

/* --- burn_rate --------------------------------------------------------- */

#define BURN                                                                                       \
	"{bad: 'bad[$window]', total: 'total[$window]', objective: 0.99, pairs: "                  \
	"[{long: 1h, short: 5m, factor: 10}]"

START_TEST(window_is_put_into_the_queries)
{
	static const char *const texts[] = { "total[5m]", "bad[5m]", "total[1h]", "bad[1h]",
		"total[30m]", "bad[30m]", "total[6h]", "bad[6h]", "total[3d]", "bad[3d]" };
	struct rule_plan plan;

	answers_rule(
	    &a, "burn_rate", "{bad: 'bad[$window]', total: 'total[$window]', objective: 0.99}");
	answers_plan(&a, NOW, &plan);
	ck_assert_uint_eq(plan.n, ARRAY_LEN(texts));
	for (uint32_t i = 0; i < plan.n; i++)
		ck_assert_msg(
		    str_is(plan.queries[i].text, texts[i]), "%.*s", STR_ARG(plan.queries[i].text));
	ck_assert_int_eq(
	    wall_since(plan.queries[8].to, plan.queries[8].from).ns, DUR_S(3 * 86400).ns);
	ck_assert_str_eq(a.kind->level_severity(&a.rule, 0), "critical");
	ck_assert_str_eq(a.kind->level_severity(&a.rule, 1), "warning");
	ck_assert_ptr_null(a.kind->level_severity(&a.rule, 2));
}
END_TEST

static const struct {
	const char *label;
	double short_bad, short_total, long_bad, long_total; /* NaN: no series */
	const char *want;
} burns[] = {
	{ "both windows burn", 20, 100, 200, 1000, "breach{}" },
	{ "at the factor is not above it", 10, 100, 100, 1000, "ok{}" },
	{ "over in the short window", 1, 100, 200, 1000, "ok{}" },
	{ "not long enough yet", 50, 100, 5, 1000, "ok{}" },
	{ "no series of bad: nothing bad", NOTHING, 100, NOTHING, 1000, "ok{}" },
	{ "no traffic burns nothing and proves nothing", 0, 0, 0, 0, "insufficient{}" },
	{ "no traffic lately, and it burned", 0, 0, 200, 1000, "insufficient{}" },
	{ "no traffic lately, and it did not", 0, 0, 1, 1000, "ok{}" },
	{ "too few events", 4, 4, 4, 4, "insufficient{}" },
	{ "a little over the whole is the whole", 101, 100, 1001, 1000, "breach{}" },
};

START_TEST(burning_needs_both_windows)
{
	answers_rule(&a, "burn_rate", BURN ", min_total: 5}");
	answers_row(&a, 0, "job=x", burns[_i].short_total);
	if (!isnan(burns[_i].short_bad))
		answers_row(&a, 1, "job=x", burns[_i].short_bad);
	answers_row(&a, 2, "job=x", burns[_i].long_total);
	if (!isnan(burns[_i].long_bad))
		answers_row(&a, 3, "job=x", burns[_i].long_bad);
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_msg(strcmp(answers_outcomes(&a), burns[_i].want) == 0, "%s: %s", burns[_i].label,
	    answers_outcomes(&a));
}
END_TEST

START_TEST(good_events_instead_of_bad_ones)
{
	answers_rule(&a, "burn_rate",
	    "{good: 'g[$window]', total: 't[$window]', objective: 0.99, pairs: "
	    "[{long: 1h, short: 5m, factor: 10}]}");
	answers_row(&a, 0, "job=x", 100);
	answers_row(&a, 1, "job=x", 80);
	answers_row(&a, 2, "job=x", 1000);
	answers_row(&a, 3, "job=x", 750);
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_str_eq(answers_outcomes(&a), "breach{}");
	ck_assert_double_eq_tol(a.judgement.observations[0].value, 25, 1e-9);
	ck_assert_double_eq_tol(a.judgement.observations[0].explain->effect, 25.0 / 720.0, 1e-12);
}
END_TEST

START_TEST(pairs_of_one_severity_are_one_alert)
{
	answers_rule(&a, "burn_rate",
	    "{bad: 'b[$window]', total: 't[$window]', objective: 0.99, pairs: ["
	    "{long: 1h, short: 5m, factor: 10, severity: page}, "
	    "{long: 1h, short: 5m, factor: 2, severity: ticket}, "
	    "{long: 6h, short: 5m, factor: 5, severity: page}]}");
	answers_row(&a, 0, "job=x", 100);
	answers_row(&a, 1, "job=x", 8);
	answers_row(&a, 2, "job=x", 1000);
	answers_row(&a, 3, "job=x", 80);
	answers_row(&a, 4, "job=x", 6000);
	answers_row(&a, 5, "job=x", 480);
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_str_eq(answers_outcomes(&a), "breach{} breach{}");
	ck_assert_double_eq(a.judgement.observations[0].explain->threshold, 5);
	ck_assert_double_eq(a.judgement.observations[1].explain->threshold, 2);
}
END_TEST

/* --- absent ------------------------------------------------------------ */

START_TEST(missing_instances_are_told_of_by_name)
{
	answers_rule(&a, "absent",
	    "{query: up, expected: [{instance: a}, {instance: b, job: j}, {instance: c}]}");
	answers_row(&a, 0, "instance=a job=j", 1);
	answers_row(&a, 0, "instance=b job=k", 1);
	answers_row(&a, 0, "instance=c job=k", NOTHING)->missing = true;
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_str_eq(answers_outcomes(&a),
	    "ok{instance=\"a\"} breach{instance=\"b\", job=\"j\"} breach{instance=\"c\"}");
}
END_TEST

START_TEST(nothing_there_means_all_are_missing)
{
	answers_rule(&a, "absent", "{query: up, expected: [{instance: a}, {instance: b}]}");
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_str_eq(answers_outcomes(&a), "breach{instance=\"a\"} breach{instance=\"b\"}");
}
END_TEST

START_TEST(what_was_there_must_be_there)
{
	struct rule_plan plan;

	answers_rule(&a, "absent", "{query: up, expected_query: up, ago: 1h, by: [instance]}");
	answers_plan(&a, NOW, &plan);
	ck_assert_int_eq(wall_since(NOW, plan.queries[1].at).ns, DUR_S(3600).ns);
	answers_row(&a, 0, "__name__=up instance=a pod=2", 1);
	answers_row(&a, 1, "__name__=up instance=a pod=1", 1);
	answers_row(&a, 1, "__name__=up instance=b pod=1", 1);
	answers_row(&a, 1, "__name__=up instance=b pod=9", 1);
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_str_eq(answers_outcomes(&a), "ok{instance=\"a\"} breach{instance=\"b\"}");
}
END_TEST

/* --- settings that are refused ----------------------------------------- */

static const struct {
	const char *kind, *yaml, *text;
} refused[] = {
	{ "rate_of_change", "{query: m, op: '>', value: 1}", "window" },
	{ "rate_of_change", "{query: m, window: 10m, op: '>'}", "rate_of_change needs value" },
	{ "rate_of_change", "{query: m, window: 10m, op: '>', value: 1, baseline_points: 2}",
	    "must be odd" },
	{ "rate_of_change", "{query: m, window: 1m, op: '>', value: 1, baseline_points: 5}",
	    "reach into the present" },
	{ "rate_of_change", "{query: m, window: 1m, op: '>', value: 1, min_abs_change: -1}",
	    "not negative" },
	{ "rate_of_change",
	    "{query: m, window: 1m, op: '>', value: 1, compare: ratio, direction: down}",
	    "direction makes no sense" },
	{ "burn_rate", "{total: 't[$window]', objective: 0.9}", "needs bad or good" },
	{ "burn_rate", "{bad: 'b', total: 't[$window]', objective: 0.9}",
	    "bad is asked for windows of several lengths and does not mention $window" },
	{ "burn_rate", "{bad: 'b[$window]', total: 't[$window]', objective: 99.9}", "objective" },
	{ "burn_rate",
	    "{bad: 'b[$window]', total: 't[$window]', objective: 0.9, pairs: [{long: 5m, "
	    "short: 1h, factor: 1}]}",
	    "short must be shorter" },
	{ "burn_rate",
	    "{bad: 'b[$window]', total: 't[$window]', objective: 0.9, pairs: [{long: 1h, "
	    "short: 5m, factor: 1, severity: a}, {long: 2h, short: 5m, factor: 1}]}",
	    "either every pair has a severity" },
	{ "absent", "{query: up}", "needs expected" },
	{ "absent", "{query: up, expected: []}", "empty list" },
	{ "absent", "{query: up, expected: [a]}", "list of label sets" },
	{ "absent", "{query: up, expected: [{a: b}], expected_query: up}", "expected" },
	{ "absent", "{query: up, expected: [{a: b}], by: [a]}", "by goes with expected_query" },
};

START_TEST(settings_that_make_no_sense_are_refused)
{
	const char *text = answers_finding(&a, refused[_i].kind, refused[_i].yaml);

	ck_assert_msg(strstr(text, refused[_i].text) != NULL, "%s: '%s'", refused[_i].yaml, text);
}
END_TEST

TCase *
tcase_change(void)
{
	TCase *t = tcase_create("change");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, change_against_a_window_ago, 0, (int)ARRAY_LEN(changes));
	tcase_add_test(t, plan_asks_now_and_around_then);
	tcase_add_test(t, one_wild_point_does_not_make_the_baseline);
	tcase_add_test(t, series_without_a_baseline_is_new_not_changed);
	tcase_add_test(t, guard_keeps_a_change_without_traffic_silent);
	tcase_add_test(t, window_is_put_into_the_queries);
	tcase_add_loop_test(t, burning_needs_both_windows, 0, (int)ARRAY_LEN(burns));
	tcase_add_test(t, good_events_instead_of_bad_ones);
	tcase_add_test(t, pairs_of_one_severity_are_one_alert);
	tcase_add_test(t, missing_instances_are_told_of_by_name);
	tcase_add_test(t, nothing_there_means_all_are_missing);
	tcase_add_test(t, what_was_there_must_be_there);
	tcase_add_loop_test(t, settings_that_make_no_sense_are_refused, 0, (int)ARRAY_LEN(refused));
	return t;
}
