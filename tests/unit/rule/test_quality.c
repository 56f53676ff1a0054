/* SPDX-License-Identifier: Apache-2.0 */
/* Rules over predictions and their labels, and over the age of datasets. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/timestamp.h"
#include "unit/rule/answers.h"
#include "unit/rule/test_rule.h"

static struct answers a;
static wall_t now;

static wall_t
when(const char *text)
{
	wall_t at;

	ck_assert(timestamp_parse(str_from(text), &at));
	return at;
}

static void
set_up(void)
{
	answers_init(&a);
	now = when("2026-11-20T12:00:00Z"); /* a Friday */
}

static void
tear_down(void)
{
	answers_fini(&a);
}

static void
add(const char *labels, const char *pred, const char *label, uint32_t n)
{
	const char *fields[] = { pred, label };

	for (uint32_t i = 0; i < n; i++)
		answers_cells(&a, 0, labels, fields, 2);
}

static void
expect_outcomes(const char *want)
{
	ck_assert_msg(answers_judge(&a, now) == 0, "%s", a.err.text);
	ck_assert_str_eq(answers_outcomes(&a), want);
}

/* --- quality ----------------------------------------------------------- */

/* 60 true and 20 false positives, 10 false and 110 true negatives. */
static const struct {
	const char *metric;
	double want;
} classes[] = {
	{ "accuracy", 170.0 / 200 },
	{ "precision", 60.0 / 80 },
	{ "recall", 60.0 / 70 },
	{ "f1", 120.0 / 150 },
};

START_TEST(classes_are_counted)
{
	const struct explain *e;
	char yaml[128];

	snprintf(
	    yaml, sizeof(yaml), "{query: q, metric: %s, op: '<', value: 0.5}", classes[_i].metric);
	answers_rule(&a, "quality", yaml);
	add("", "1", "1", 60);
	add("", "1", "0.0", 20);
	add("", "0", "true", 10);
	add("", "0", "0", 110);
	expect_outcomes("ok{}");
	e = a.judgement.observations[0].explain;
	ck_assert_double_eq_tol(a.judgement.observations[0].value, classes[_i].want, 1e-12);
	ck_assert(strstr(e->detail.p, "\"bound_low\":0.") != NULL);
	ck_assert_double_eq_tol(e->n_current, 200, 1e-9);
}
END_TEST

static const struct {
	const char *metric, *pred[4], *label[4];
	double want;
} points[] = {
	{ "auc", { "0.1", "0.4", "0.35", "0.8" }, { "0", "0", "1", "1" }, 0.75 },
	{ "brier", { "0.1", "0.4", "0.35", "0.8" }, { "0", "0", "1", "1" }, 0.158125 },
	{ "log_loss", { "0.5", "0.5", "0.5", "0.5" }, { "0", "0", "1", "1" }, M_LN2 },
	{ "ece", { "0.1", "0.1", "0.9", "0.9" }, { "0", "1", "1", "1" }, 0.25 },
	{ "rmse", { "1", "2", "3", "4" }, { "2", "2", "3", "6" }, 1.118033988749895 },
	{ "mae", { "1", "2", "3", "4" }, { "2", "2", "3", "6" }, 0.75 },
	{ "mape", { "1", "2", "3", "4" }, { "2", "2", "0", "8" }, 1.0 / 3 },
	{ "bias", { "1", "2", "3", "4" }, { "2", "2", "3", "6" }, -0.75 },
	{ "r2", { "1", "2", "3", "4" }, { "2", "2", "3", "6" }, 1 - 5 / 10.75 },
};

START_TEST(points_are_measured)
{
	char yaml[128];

	snprintf(yaml, sizeof(yaml), "{query: q, metric: %s, op: '>', value: 100, min_samples: 4}",
	    points[_i].metric);
	answers_rule(&a, "quality", yaml);
	for (int i = 0; i < 4; i++)
		add("", points[_i].pred[i], points[_i].label[i], 1);
	expect_outcomes("ok{}");
	ck_assert_msg(fabs(a.judgement.observations[0].value - points[_i].want) < 1e-12,
	    "%s: %.17g", points[_i].metric, a.judgement.observations[0].value);
}
END_TEST

START_TEST(labels_that_have_not_come_hold_the_verdict)
{
	answers_rule(&a, "quality",
	    "{query: q, by: [model], metric: accuracy, op: '<', value: 0.9, min_samples: 50}");
	add("model=late", "1", "0", 79);
	add("model=late", "1", NULL, 21);
	add("model=there", "1", "0", 80);
	add("model=there", "1", NULL, 20);
	add("model=few", "1", "0", 49);
	add("model=none", NULL, "1", 100);
	expect_outcomes("insufficient{model=\"late\"} breach{model=\"there\"} "
			"insufficient{model=\"few\"} insufficient{model=\"none\"}");
	ck_assert(strstr(answers_of(&a, "{model=\"late\"}")->explain->detail.p,
		      "\"label_coverage\":0.79") != NULL);
}
END_TEST

/* 85 of 100 is below 0.9; a true share of 0.9 gives that in one of thirteen windows. */
START_TEST(small_sample_that_happens_to_be_bad_is_no_alert)
{
	static const struct {
		const char *more, *want;
		uint32_t n;
	} cases[] = {
		{ "", "breach{}", 100 },
		{ ", lower_confidence: 0.99", "ok{}", 100 },
		{ ", lower_confidence: 0.99", "breach{}", 1000 },
	};
	char yaml[128];

	snprintf(yaml, sizeof(yaml), "{query: q, metric: accuracy, op: '<', value: 0.9%s}",
	    cases[_i].more);
	answers_rule(&a, "quality", yaml);
	add("", "1", "1", cases[_i].n * 85 / 100);
	add("", "1", "0", cases[_i].n * 15 / 100);
	expect_outcomes(cases[_i].want);
}
END_TEST

START_TEST(window_ends_label_delay_ago)
{
	struct rule_plan plan;

	answers_rule(&a, "quality",
	    "{query: q, metric: auc, op: '<', value: 0.9, window: 7d, label_delay: 3d}");
	answers_plan(&a, now, &plan);
	ck_assert_int_eq(plan.queries[0].to.ns, when("2026-11-17T12:00:00Z").ns);
	ck_assert_int_eq(plan.queries[0].from.ns, when("2026-11-10T12:00:00Z").ns);
	ck_assert_str_eq(plan.queries[0].fields[0], "score");
	ck_assert_str_eq(plan.queries[0].fields[1], "label");
}
END_TEST

START_TEST(mangled_predictions_are_told)
{
	answers_rule(&a, "quality", "{query: q, metric: rmse, op: '>', value: 1}");
	add("", "much", "1", 1);
	ck_assert_int_lt(answers_judge(&a, now), 0);
	ck_assert_msg(
	    strstr(a.err.text, "row 1: column pred has 'much'") != NULL, "%s", a.err.text);
	answers_clear(&a);
	answers_rule(&a, "quality", "{query: q, metric: ece, op: '>', value: 1, min_samples: 1}");
	add("", "1.5", "1", 1);
	expect_outcomes("insufficient{}");
	answers_clear(&a);
	answers_rule(&a, "quality", "{query: q, metric: auc, op: '<', value: 1, min_samples: 1}");
	add("", "0.5", "1", 5);
	expect_outcomes("insufficient{}");
}
END_TEST

/* --- freshness --------------------------------------------------------- */

static void
add_time(const char *labels, const char *at)
{
	answers_cells(&a, 0, labels, &at, 1);
}

START_TEST(old_datasets_are_stale)
{
	answers_rule(&a, "freshness", "{query: q, max_age: 2h, by: [dataset], expect: [a, d, e]}");
	add_time("dataset=a", "2026-11-20T10:00:00Z");
	add_time("dataset=b", "2026-11-20 09:59:59");
	add_time("dataset=c", NULL);
	add_time("dataset=d", NULL);
	/* Of several rows the latest. */
	add_time("dataset=f", "2026-11-20T01:00:00Z");
	add_time("dataset=f", "1795175940"); /* 11:59 */
	expect_outcomes("ok{dataset=\"a\"} breach{dataset=\"b\"} insufficient{dataset=\"c\"} "
			"breach{dataset=\"d\"} ok{dataset=\"f\"} breach{dataset=\"e\"}");
	ck_assert_double_eq_tol(answers_of(&a, "{dataset=\"b\"}")->value, 7201, 1e-9);
	ck_assert_double_eq_tol(answers_of(&a, "{dataset=\"f\"}")->value, 60, 1e-9);
	ck_assert_double_eq_tol(answers_of(&a, "{dataset=\"b\"}")->explain->threshold, 7200, 1e-9);
}
END_TEST

START_TEST(metric_is_a_unix_time)
{
	answers_rule(&a, "freshness", "{query: q, max_age: 2h}");
	answers_row(&a, 0, "j=s", 1795175940);
	answers_row(&a, 0, "j=ms", 1795175940e3);
	answers_row(&a, 0, "j=old", 1795100000);
	answers_row(&a, 0, "j=nan", (double)NAN);
	answers_row(&a, 0, "j=mad", 1e300);
	expect_outcomes("ok{j=\"s\"} ok{j=\"ms\"} breach{j=\"old\"} insufficient{j=\"nan\"} "
			"insufficient{j=\"mad\"}");
}
END_TEST

static const struct {
	const char *calendar, *at, *now;
	enum outcome want;
} calendars[] = {
	/* Loaded Friday 20:00; Monday 05:00 is 4 h of Friday and 5 h of Monday later. */
	{ "{except: [Sat, Sun]}", "2026-11-20T20:00:00Z", "2026-11-23T05:00:00Z", OUTCOME_OK },
	{ "{except: [sat, SUNDAY]}", "2026-11-20T20:00:00Z", "2026-11-23T06:00:01Z",
	    OUTCOME_BREACH },
	{ "{except: [Sat]}", "2026-11-20T20:00:00Z", "2026-11-23T05:00:00Z", OUTCOME_BREACH },
	/* In Berlin Saturday begins at 23:00 UTC. */
	{ "{except: [Sat, Sun], time_zone: Europe/Berlin}", "2026-11-20T20:00:00Z",
	    "2026-11-23T06:00:00Z", OUTCOME_OK },
	{ "{except: [Sat, Sun], time_zone: Europe/Berlin}", "2026-11-20T20:00:00Z",
	    "2026-11-23T06:00:01Z", OUTCOME_BREACH },
};

START_TEST(excepted_days_do_not_count)
{
	char yaml[128];

	snprintf(
	    yaml, sizeof(yaml), "{query: q, max_age: 10h, calendar: %s}", calendars[_i].calendar);
	answers_rule(&a, "freshness", yaml);
	now = when(calendars[_i].now);
	add_time("d=x", calendars[_i].at);
	ck_assert_int_eq(answers_judge(&a, now), 0);
	ck_assert_msg(a.judgement.observations[0].outcome == calendars[_i].want, "%s %s: %s", yaml,
	    calendars[_i].now, a.judgement.observations[0].explain->detail.p);
}
END_TEST

START_TEST(what_is_no_time_is_told)
{
	answers_rule(&a, "freshness", "{query: q, max_age: 2h, column: loaded}");
	add_time("d=x", "yesterday");
	ck_assert_int_lt(answers_judge(&a, now), 0);
	ck_assert_msg(
	    strstr(a.err.text, "row 1: column loaded has 'yesterday', which is no time") != NULL,
	    "%s", a.err.text);
}
END_TEST

/* --- what is refused ---------------------------------------------------- */

static const struct {
	const char *kind, *yaml, *text;
} refused[] = {
	{ "quality", "{query: q, metric: auc, op: '<'}", "value" },
	{ "quality", "{query: q, metric: ece, op: '>', value: 0.1, lower_confidence: 0.95}",
	    "ece has no bounds" },
	{ "quality", "{query: q, metric: auc, op: '<', value: 1, label_delay: 3d}",
	    "add e.g. 'window: 7d'" },
	{ "quality", "{query: q, metric: auc, op: '==', value: 1}", "makes no sense for auc" },
	{ "quality", "{query: q, metric: auc, op: '<', value: 1, lower_confidence: 95}",
	    "from 0.501 to 0.999999" },
	{ "quality", "{query: q, metric: mae, op: '>', value: 1, pred_column: label}",
	    "the same column" },
	{ "freshness", "{query: q}", "max_age" },
	{ "freshness", "{query: q, max_age: 1h, expect: [a]}", "expect needs by" },
	{ "freshness", "{query: q, max_age: 1h, calendar: {except: [Caturday]}}",
	    "'Caturday' is no day" },
	{ "freshness", "{query: q, max_age: 1h, calendar: {time_zone: Berlin}}",
	    "there is no time zone 'Berlin'" },
};

START_TEST(settings_are_checked)
{
	const char *text = answers_finding(&a, refused[_i].kind, refused[_i].yaml);

	ck_assert_msg(strstr(text, refused[_i].text) != NULL, "%s: '%s'", refused[_i].yaml, text);
}
END_TEST

TCase *
tcase_quality(void)
{
	TCase *t = tcase_create("quality");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, classes_are_counted, 0, (int)ARRAY_LEN(classes));
	tcase_add_loop_test(t, points_are_measured, 0, (int)ARRAY_LEN(points));
	tcase_add_test(t, labels_that_have_not_come_hold_the_verdict);
	tcase_add_loop_test(t, small_sample_that_happens_to_be_bad_is_no_alert, 0, 3);
	tcase_add_test(t, window_ends_label_delay_ago);
	tcase_add_test(t, mangled_predictions_are_told);
	tcase_add_test(t, old_datasets_are_stale);
	tcase_add_test(t, metric_is_a_unix_time);
	tcase_add_loop_test(t, excepted_days_do_not_count, 0, (int)ARRAY_LEN(calendars));
	tcase_add_test(t, what_is_no_time_is_told);
	tcase_add_loop_test(t, settings_are_checked, 0, (int)ARRAY_LEN(refused));
	return t;
}
