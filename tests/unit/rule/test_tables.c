/* SPDX-License-Identifier: Apache-2.0 */
/* Rules over tables: stored scores, two arms, groups. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/buf.h"
#include "rule/score_method.h"
#include "unit/rule/answers.h"
#include "unit/rule/test_rule.h"

#define NOW ((wall_t){ INT64_C(1763621040) * 1000000000 })

static struct answers a;

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
expect_outcomes(const char *want)
{
	ck_assert_msg(answers_judge(&a, NOW) == 0, "%s", a.err.text);
	ck_assert_str_eq(answers_outcomes(&a), want);
}

static void
expect_error(const char *want)
{
	ck_assert_int_lt(answers_judge(&a, NOW), 0);
	ck_assert_msg(strstr(a.err.text, want) != NULL, "%s", a.err.text);
}

static struct sample *
cells2(uint32_t at, const char *labels, const char *x, const char *y)
{
	const char *fields[] = { x, y };

	return answers_cells(&a, at, labels, fields, 2);
}

/* --- score ------------------------------------------------------------- */

static struct sample *
score(const char *labels, double value, const char *method, const char *threshold)
{
	struct sample *sample = cells2(0, labels, method, threshold);

	sample->value = value;
	sample->missing = false;
	return sample;
}

START_TEST(direction_is_in_the_method)
{
	answers_rule(&a, "score", "{query: q, direction: by_method, threshold: column}");
	score("f=a", 0.04, "K-S p_value", "0.05");
	score("f=b", 0.06, "K-S p_value", "0.05");
	score("f=c", 0.04, "Wasserstein distance (normed)", "0.1");
	score("f=d", 0.1, "Jensen-Shannon distance", "0.1");
	score("f=e", 0.05, "chi-square p_value", "0.05");
	score("f=f", 0.05, "ks", "0.05");
	score("f=g", 0.01, "Total-Variation-Distance", "0.05");
	score("f=h", 0.3, "psi", NULL);
	score("f=i", (double)NAN, "psi", "0.1");
	expect_outcomes("breach{f=\"a\"} ok{f=\"b\"} ok{f=\"c\"} breach{f=\"d\"} ok{f=\"e\"} "
			"breach{f=\"f\"} breach{f=\"g\"} insufficient{f=\"h\"} "
			"insufficient{f=\"i\"}");
	ck_assert_str_eq(answers_of(&a, "{f=\"a\"}")->explain->method, "kspvalue");
	ck_assert_double_eq_tol(answers_of(&a, "{f=\"a\"}")->explain->threshold, 0.05, 1e-15);
}
END_TEST

START_TEST(unknown_methods_are_refused)
{
	answers_rule(&a, "score", "{query: q, direction: by_method, threshold: column}");
	score("f=a", 0.04, "my own score", "0.05");
	expect_error("row 1: method 'my own score' is not known; say direction: high or low");
	answers_clear(&a);
	score("f=a", 0.04, NULL, "0.05");
	expect_error("row 1: no method");
	answers_clear(&a);
	score("f=a", 1.5, "ks", "0.05");
	expect_error("row 1: 1.5 is no p-value");
	answers_clear(&a);
	score("f=a", 0.5, "ks", "five");
	expect_error("row 1: column threshold has 'five', which is no number");
}
END_TEST

START_TEST(newest_score_of_a_feature_counts_with_its_own_time)
{
	const wall_t early = wall_sub(NOW, DUR_S(7200)), late = wall_sub(NOW, DUR_S(3600));

	answers_rule(&a, "score", "{query: q, by: [f], direction: high, threshold: 0.2}");
	answers_row(&a, 0, "f=a run=2", 0.1)->at = late;
	answers_row(&a, 0, "f=a run=1", 0.9)->at = early;
	answers_row(&a, 0, "f=b run=1", 0.1)->at = early;
	answers_row(&a, 0, "f=b run=2", 0.9)->at = late;
	expect_outcomes("ok{f=\"a\"} breach{f=\"b\"}");
	ck_assert_int_eq(a.judgement.observations[0].data_at.ns, late.ns);
	ck_assert_int_eq(a.judgement.observations[1].data_at.ns, late.ns);
}
END_TEST

START_TEST(only_p_values_are_corrected)
{
	char labels[32];

	answers_rule(&a, "score",
	    "{query: q, direction: by_method, threshold: column, correct: bonferroni, "
	    "aggregate: {count: 2}}");
	for (int i = 0; i < 9; i++) {
		snprintf(labels, sizeof(labels), "f=p%d", i);
		score(labels, i == 0 ? 0.001 : 0.02, "ks", "0.05");
	}
	score("f=d", 0.3, "psi", "0.2");
	expect_outcomes("breach{}");
	ck_assert_double_eq_tol(a.judgement.observations[0].value, 2, 1e-12);
	ck_assert_msg(strstr(a.judgement.observations[0].explain->detail.p,
			  "{\"features\":\"d, p0\",\"breaches\":2,\"judged\":10,") != NULL,
	    "%s", a.judgement.observations[0].explain->detail.p);
}
END_TEST

/* Every method of the table is found under its own name. */
START_TEST(method_names_are_read_leniently)
{
	static const struct {
		const char *name;
		int want; /* -1: unknown */
	} cases[] = { { "Jensen-Shannon distance", SCORE_HIGH }, { "PSI", SCORE_HIGH },
		{ "Energy-distance", SCORE_HIGH }, { "Fisher's Exact test", SCORE_LOW },
		{ "Mann-Whitney U-rank test", SCORE_LOW }, { "empirical_mmd", SCORE_LOW },
		{ "t_test", SCORE_LOW }, { "tv", SCORE_HIGH }, { "TVD", SCORE_LOW }, { "", -1 },
		{ "psi2", -1 },
		{ "a name that is much longer than any name of any method that there is in it",
		    -1 } };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct score_method *m = score_method_find(str_from(cases[i].name));

		ck_assert_msg(
		    (m == NULL ? -1 : (int)m->direction) == cases[i].want, "%s", cases[i].name);
	}
}
END_TEST

/* --- compare ----------------------------------------------------------- */

#define COUNTED "a: {query: ax, total: an}, b: {query: bx, total: bn}"

static const struct {
	const char *more;
	double ax, an, bx, bn;
	const char *want;
} shares[] = {
	{ "test: two_proportions", 50, 1000, 20, 1000, "breach{}" },
	{ "test: two_proportions", 21, 1000, 20, 1000, "ok{}" },
	{ "test: two_proportions, alternative: a_greater", 20, 1000, 50, 1000, "ok{}" },
	{ "test: two_proportions, alternative: a_less", 20, 1000, 50, 1000, "breach{}" },
	{ "test: two_proportions, min_effect: 0.05", 50, 1000, 20, 1000, "ok{}" },
	{ "test: two_proportions, min_total: 2000", 50, 1000, 20, 1000, "insufficient{}" },
	{ "test: two_proportions", 0, 1000, 0, 1000, "ok{}" },
	{ "test: fisher, alternative: a_greater", 9, 40, 0, 40, "breach{}" },
	{ "test: fisher, alternative: a_less", 9, 40, 0, 40, "ok{}" },
	{ "test: fisher", 3, 40, 0, 40, "ok{}" },
	{ "test: ratio, min_effect: 0.5, alternative: a_greater", 31, 100, 20, 100, "breach{}" },
	{ "test: ratio, min_effect: 0.5, alternative: a_greater", 29, 100, 20, 100, "ok{}" },
	{ "test: ratio, min_effect: 0.5", 9, 100, 20, 100, "breach{}" },
	{ "test: ratio, min_effect: 0.5", 9, 100, 0, 100, "insufficient{}" },
};

START_TEST(shares_of_two_arms)
{
	char yaml[256];

	snprintf(yaml, sizeof(yaml), "{" COUNTED ", %s}", shares[_i].more);
	answers_rule(&a, "compare", yaml);
	answers_row(&a, 0, "pod=1", shares[_i].ax);
	answers_row(&a, 1, "pod=1", shares[_i].an / 2);
	answers_row(&a, 1, "pod=2", shares[_i].an / 2);
	answers_row(&a, 2, "", shares[_i].bx);
	answers_row(&a, 3, "", shares[_i].bn);
	expect_outcomes(shares[_i].want);
}
END_TEST

START_TEST(arms_of_a_table_have_columns)
{
	struct rule_plan plan;

	answers_rule(&a, "compare",
	    "{a: {query: a}, b: {query: b}, by: [region], test: two_proportions, "
	    "alternative: a_greater}");
	answers_plan(&a, NOW, &plan);
	ck_assert_uint_eq(plan.n, 2);
	ck_assert_uint_eq(plan.queries[0].n_fields, 2);
	cells2(0, "region=eu", "60", "1000");
	cells2(1, "region=eu", "20", "1000");
	cells2(0, "region=us", "20", "1000");
	cells2(1, "region=us", "20", "1000");
	cells2(0, "region=new", "20", "1000");
	expect_outcomes("breach{region=\"eu\"} ok{region=\"us\"} insufficient{region=\"new\"}");
	ck_assert_double_eq_tol(a.judgement.observations[0].value, 0.04, 1e-12);
	ck_assert_double_eq_tol(a.judgement.observations[0].explain->baseline, 0.02, 1e-12);
	ck_assert_double_eq_tol(a.judgement.observations[0].explain->n_current, 1000, 1e-9);
	answers_clear(&a);
	cells2(1, "region=eu", "many", "1000");
	expect_error("b: row 1: column x has 'many'");
}
END_TEST

static const struct {
	const char *more;
	double mean;
	uint32_t n;
	const char *want;
} samples[] = {
	{ "test: welch", 1, 50, "breach{}" },
	{ "test: welch", 0, 50, "ok{}" },
	{ "test: welch, alternative: a_greater", -1, 50, "ok{}" },
	{ "test: welch, alternative: a_less, min_effect: 0.5", -1, 50, "breach{}" },
	{ "test: mann_whitney, min_effect: 0.1", 1, 50, "breach{}" },
	{ "test: mann_whitney, min_effect: 0.45", 1, 50, "ok{}" },
	{ "test: mann_whitney, alternative: a_greater", -1, 50, "ok{}" },
	{ "test: ks", 1, 50, "breach{}" },
	{ "test: ks, alternative: a_less", 1, 50, "ok{}" },
	{ "test: ks, alternative: a_greater", 1, 50, "breach{}" },
	{ "test: welch, min_total: 51", 1, 50, "insufficient{}" },
};

START_TEST(values_of_two_arms)
{
	struct rng rng;
	char yaml[256];

	rng_init(&rng, 5);
	snprintf(yaml, sizeof(yaml), "{a: {query: a, window: 1h}, b: {query: b, window: 7d}, %s}",
	    samples[_i].more);
	answers_rule(&a, "compare", yaml);
	for (uint32_t i = 0; i < 200; i++) {
		if (i < samples[_i].n)
			answers_row(&a, 0, "", random_normal(&rng) + samples[_i].mean);
		answers_row(&a, 1, "", random_normal(&rng));
	}
	expect_outcomes(samples[_i].want);
}
END_TEST

/* --- compare_groups ---------------------------------------------------- */

START_TEST(four_fifths)
{
	answers_rule(&a, "compare_groups", "{query: q, metric: rate_ratio, op: '<', value: 0.8}");
	cells2(0, "grp=a", "500", "1000");
	cells2(0, "grp=b", "350", "1000");
	cells2(0, "grp=c", "450", "1000");
	cells2(0, "grp=d", "60", "90"); /* the highest rate, but too small to count */
	expect_outcomes("ok{grp=\"a\"} breach{grp=\"b\"} ok{grp=\"c\"} insufficient{grp=\"d\"}");
	ck_assert_double_eq_tol(answers_of(&a, "{grp=\"b\"}")->value, 0.7, 1e-12);
	ck_assert_double_eq_tol(answers_of(&a, "{grp=\"b\"}")->explain->baseline, 0.5, 1e-12);
}
END_TEST

START_TEST(gap_that_chance_explains_is_none)
{
	static const struct {
		const char *more, *want;
	} cases[] = {
		{ "", "ok{g=\"a\"} ok{g=\"b\"}" },
		{ ", alpha: 1", "ok{g=\"a\"} breach{g=\"b\"}" },
	};
	char yaml[128];

	snprintf(yaml, sizeof(yaml), "{query: q, metric: rate_ratio, op: '<', value: 0.8%s}",
	    cases[_i].more);
	answers_rule(&a, "compare_groups", yaml);
	cells2(0, "g=a", "20", "100");
	cells2(0, "g=b", "15", "100");
	expect_outcomes(cases[_i].want);
}
END_TEST

static const struct {
	const char *more, *want;
} against[] = {
	{ "metric: rate_difference, op: '<', value: -0.1", "ok breach ok" },
	{ "metric: rate_difference, op: '>', value: 0.1, against: lowest", "breach ok breach" },
	{ "metric: rate_difference, op: '>', value: 0.1, against: b", "breach ok breach" },
	{ "metric: rate_difference, op: '<', value: -0.1, against: rest", "ok breach ok" },
	{ "metric: rate_ratio, op: '<', value: 0.8, against: nobody",
	    "insufficient insufficient insufficient" },
};

START_TEST(groups_are_measured_by_the_one_that_is_named)
{
	struct buf got = { 0 };
	char yaml[128];

	snprintf(yaml, sizeof(yaml), "{query: q, %s}", against[_i].more);
	answers_rule(&a, "compare_groups", yaml);
	cells2(0, "g=a", "500", "1000");
	cells2(0, "g=b", "300", "1000");
	cells2(0, "g=c", "480", "1000");
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	for (uint32_t i = 0; i < 3; i++) {
		buf_printf(&got, "%s%s", i > 0 ? " " : "",
		    outcome_name(a.judgement.observations[i].outcome));
	}
	ck_assert_msg(str_is(buf_str(&got), against[_i].want), "%s: %s", against[_i].more, got.p);
	buf_fini(&got);
}
END_TEST

START_TEST(true_positive_rates_read_their_columns)
{
	struct rule_plan plan;

	answers_rule(
	    &a, "compare_groups", "{query: q, metric: tpr_difference, op: '<', value: -0.1}");
	answers_plan(&a, NOW, &plan);
	ck_assert_str_eq(plan.queries[0].fields[0], "tp");
	ck_assert_str_eq(plan.queries[0].fields[1], "fn");
	cells2(0, "g=a", "180", "20");
	cells2(0, "g=b", "120", "80");
	expect_outcomes("ok{g=\"a\"} breach{g=\"b\"}");
	ck_assert_double_eq_tol(answers_of(&a, "{g=\"b\"}")->value, -0.3, 1e-12);
}
END_TEST

START_TEST(groups_of_metrics_have_a_total)
{
	answers_rule(
	    &a, "compare_groups", "{query: x, total: n, metric: rate_ratio, op: '<', value: 0.8}");
	answers_row(&a, 0, "g=a", 500);
	answers_row(&a, 0, "g=b", 300);
	answers_row(&a, 1, "g=a", 1000);
	answers_row(&a, 1, "g=b", 1000);
	expect_outcomes("ok{g=\"a\"} breach{g=\"b\"}");
}
END_TEST

/* --- what is refused ---------------------------------------------------- */

static const struct {
	const char *kind, *yaml, *text;
} refused[] = {
	{ "score", "{query: q, threshold: 1}", "direction" },
	{ "score", "{query: q, direction: high, threshold: low}", "threshold is a number" },
	{ "score", "{query: q, direction: high, threshold: 1, correct: bh}", "correct is for" },
	{ "score", "{query: q, direction: high, threshold: 1, group: [m]}", "group needs" },
	{ "compare", "{a: {query: a}, test: welch}", "b" },
	{ "compare", "{a: {query: a, total: t}, b: {query: b}, test: welch}", "has no total" },
	{ "compare", "{a: {query: a}, b: {query: b}, test: ratio}", "ratio needs min_effect" },
	{ "compare", "{a: {query: ' '}, b: {query: b}, test: ks}", "query is empty" },
	{ "compare_groups", "{query: q, metric: rate_ratio, op: '==', value: 1}",
	    "makes no sense" },
	{ "compare_groups", "{query: q, total: t, metric: tpr_ratio, op: '<', value: 1}",
	    "reads columns tp and fn" },
	{ "compare_groups", "{query: q, metric: rate_ratio, op: '<'}", "value" },
};

START_TEST(settings_are_checked)
{
	const char *text = answers_finding(&a, refused[_i].kind, refused[_i].yaml);

	ck_assert_msg(strstr(text, refused[_i].text) != NULL, "%s: '%s'", refused[_i].yaml, text);
}
END_TEST

TCase *
tcase_tables(void)
{
	TCase *t = tcase_create("tables");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, direction_is_in_the_method);
	tcase_add_test(t, unknown_methods_are_refused);
	tcase_add_test(t, newest_score_of_a_feature_counts_with_its_own_time);
	tcase_add_test(t, only_p_values_are_corrected);
	tcase_add_test(t, method_names_are_read_leniently);
	tcase_add_loop_test(t, shares_of_two_arms, 0, (int)ARRAY_LEN(shares));
	tcase_add_test(t, arms_of_a_table_have_columns);
	tcase_add_loop_test(t, values_of_two_arms, 0, (int)ARRAY_LEN(samples));
	tcase_add_test(t, four_fifths);
	tcase_add_loop_test(t, gap_that_chance_explains_is_none, 0, 2);
	tcase_add_loop_test(
	    t, groups_are_measured_by_the_one_that_is_named, 0, (int)ARRAY_LEN(against));
	tcase_add_test(t, true_positive_rates_read_their_columns);
	tcase_add_test(t, groups_of_metrics_have_a_total);
	tcase_add_loop_test(t, settings_are_checked, 0, (int)ARRAY_LEN(refused));
	return t;
}
