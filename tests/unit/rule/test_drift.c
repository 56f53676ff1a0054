/* SPDX-License-Identifier: Apache-2.0 */
/* Drift rules: what each form and test makes of known data, guards, many
 * features, and settings that are refused. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "unit/rule/answers.h"
#include "unit/rule/test_rule.h"

#define NOW   ((wall_t){ INT64_C(1763621040) * 1000000000 })
#define SIDES "reference: {query: r}, current: {query: c}"

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

/* n values of mean `mean` and deviation 1 in answer `at`. */
static void
add_normal(uint32_t at, const char *labels, uint32_t n, double mean, uint64_t seed)
{
	struct rng rng;

	rng_init(&rng, seed);
	for (uint32_t i = 0; i < n; i++)
		answers_row(&a, at, labels, random_normal(&rng) + mean);
}

/* --- every test and form ---------------------------------------------- */

static const char *const numeric_tests[] = { "ks", "chi2, bins: {ref_quantiles: 8}",
	"g, bins: {edges: [-1, 0, 1]}", "chi2_gof, bins: {ref_quantiles: 5}", "cvm", "ad",
	"mann_whitney", "welch", "epps_singleton", "mmd", "psi", "js", "kl", "hellinger", "tv",
	"l_infinity", "wasserstein, value: 0.1", "wasserstein_normed", "energy, value: 0.1",
	"psi, bins: sturges_pooled", "hellinger, bins: sturges_pooled",
	"psi, bins: {edges: [-1, 0, 1]}", "js, log_base: 2", "psi, nulls: own_bin" };

START_TEST(shift_is_drift_and_none_is_none)
{
	char yaml[256];

	snprintf(yaml, sizeof(yaml), "{" SIDES ", by: [feature], test: %s}", numeric_tests[_i]);
	answers_rule(&a, "drift", yaml);
	add_normal(0, "feature=same", 500, 0.0, 1);
	add_normal(1, "feature=same", 300, 0.0, 2);
	add_normal(0, "feature=shifted", 500, 0.0, 3);
	add_normal(1, "feature=shifted", 300, 0.8, 4);
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_msg(
	    strcmp(answers_outcomes(&a), "ok{feature=\"same\"} breach{feature=\"shifted\"}") == 0,
	    "%s: %s", numeric_tests[_i], answers_outcomes(&a));
	for (uint32_t i = 0; i < 2; i++) {
		const struct explain *e = a.judgement.observations[i].explain;

		ck_assert_double_eq_tol(e->n_reference, 500, 1e-9);
		ck_assert_double_eq_tol(e->n_current, 300, 1e-9);
		ck_assert(isfinite(e->statistic) && isfinite(e->threshold));
		ck_assert(a.judgement.observations[i].made);
	}
}
END_TEST

static const char *const name_tests[] = { "chi2", "g", "chi2_gof", "psi, bins: distinct",
	"js, bins: distinct", "kl, bins: distinct", "hellinger, bins: distinct",
	"tv, bins: distinct", "l_infinity, bins: distinct" };

static void
add_names(uint32_t at, const char *labels, const char *name, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		answers_cells(&a, at, labels, &name, 1);
}

START_TEST(categories_are_compared_by_their_names)
{
	char yaml[256];

	snprintf(yaml, sizeof(yaml), "{" SIDES ", by: [feature], test: %s}", name_tests[_i]);
	answers_rule(&a, "drift", yaml);
	for (uint32_t at = 0; at < 2; at++) {
		add_names(at, "feature=same", "red", 300);
		add_names(at, "feature=same", "blue", 200);
		add_names(at, "feature=new", "red", at == 0 ? 300 : 200);
		add_names(at, "feature=new", "blue", 200);
		add_names(at, "feature=new", "green", at == 0 ? 0 : 100);
	}
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_msg(
	    strcmp(answers_outcomes(&a), "ok{feature=\"same\"} breach{feature=\"new\"}") == 0,
	    "%s: %s", name_tests[_i], answers_outcomes(&a));
}
END_TEST

START_TEST(counts_are_one_row_per_category)
{
	answers_rule(
	    &a, "drift", "{" SIDES ", form: counts, category: class, by: [model], test: psi}");
	answers_row(&a, 0, "model=m class=yes", 900);
	answers_row(&a, 0, "model=m class=no", 100);
	answers_row(&a, 1, "model=m class=yes", 300);
	answers_row(&a, 1, "model=m class=no", 200);
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_str_eq(answers_outcomes(&a), "breach{model=\"m\"}");
	/* (.6-.9) ln(.6/.9) + (.4-.1) ln(.4/.1) */
	ck_assert_double_eq_tol(
	    a.judgement.observations[0].value, 0.3 * log(1.5) + 0.3 * log(4.0), 1e-12);
	ck_assert_double_eq_tol(a.judgement.observations[0].explain->n_reference, 1000, 1e-9);
}
END_TEST

static const char *const bucket_tests[] = { "ks", "psi", "js", "chi2", "wasserstein_normed",
	"wasserstein, value: 0.05", "tv" };

START_TEST(histograms_are_compared_by_their_buckets)
{
	static const char *const le[] = { "0.1", "0.5", "1", "+Inf" };
	static const double ref[] = { 500, 4000, 4900, 5000 }, same[] = { 52, 398, 489, 500 },
			    moved[] = { 10, 150, 400, 500 };
	char yaml[256], labels[64];

	snprintf(yaml, sizeof(yaml), "{" SIDES ", form: cumulative_buckets, by: [m], test: %s}",
	    bucket_tests[_i]);
	answers_rule(&a, "drift", yaml);
	for (int i = 3; i >= 0; i--) {
		snprintf(labels, sizeof(labels), "m=same le=%s", le[i]);
		answers_row(&a, 0, labels, ref[i]);
		answers_row(&a, 1, labels, same[i]);
		snprintf(labels, sizeof(labels), "m=moved le=%s", le[i]);
		answers_row(&a, 0, labels, ref[i]);
		answers_row(&a, 1, labels, moved[i]);
	}
	/* A bound that only one side has says nothing of the other. */
	answers_row(&a, 0, "m=same le=0.25", 2000);
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_msg(strcmp(answers_outcomes(&a), "ok{m=\"same\"} breach{m=\"moved\"}") == 0,
	    "%s: %s", bucket_tests[_i], answers_outcomes(&a));
}
END_TEST

/* --- guards ------------------------------------------------------------ */

START_TEST(too_little_data_is_insufficient_with_a_reason)
{
	answers_rule(&a, "drift",
	    "{" SIDES ", by: [f], test: ks, min_samples: {reference: 50, current: 40}}");
	add_normal(0, "f=few-now", 50, 0, 1);
	add_normal(1, "f=few-now", 39, 5, 2);
	add_normal(0, "f=few-before", 49, 0, 3);
	add_normal(1, "f=few-before", 40, 5, 4);
	add_normal(1, "f=new", 100, 5, 5);
	add_normal(0, "f=gone", 100, 5, 6);
	add_normal(0, "f=nan", 100, 5, 7);
	for (int i = 0; i < 100; i++)
		answers_row(&a, 1, "f=nan", (double)NAN);
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	for (uint32_t i = 0; i < a.judgement.n; i++)
		ck_assert_int_eq(a.judgement.observations[i].outcome, OUTCOME_INSUFFICIENT);
	ck_assert(strstr(answers_of(&a, "{f=\"few-now\"}")->explain->detail.p,
		      "current smaller than min_samples") != NULL);
	ck_assert(strstr(answers_of(&a, "{f=\"few-before\"}")->explain->detail.p,
		      "reference smaller than min_samples") != NULL);
	ck_assert(strstr(answers_of(&a, "{f=\"new\"}")->explain->detail.p, "no reference") != NULL);
	ck_assert(
	    strstr(answers_of(&a, "{f=\"gone\"}")->explain->detail.p, "no current data") != NULL);
	ck_assert(strstr(answers_of(&a, "{f=\"nan\"}")->explain->detail.p,
		      "current has only missing values; nulls: own_bin") != NULL);
	ck_assert(strstr(answers_of(&a, "{f=\"nan\"}")->explain->detail.p,
		      "\"missing_current\":100") != NULL);
}
END_TEST

START_TEST(constant_reference_is_no_page)
{
	answers_rule(&a, "drift", "{" SIDES ", test: wasserstein_normed}");
	for (int i = 0; i < 200; i++) {
		answers_row(&a, 0, "", 1.0);
		answers_row(&a, 1, "", 1.01);
	}
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_str_eq(answers_outcomes(&a), "insufficient{}");
}
END_TEST

START_TEST(missing_values_are_a_bin_when_asked_for)
{
	static const char *const nulls[] = { "drop", "own_bin" };
	char yaml[256];

	snprintf(yaml, sizeof(yaml), "{" SIDES ", test: psi, nulls: %s}", nulls[_i]);
	answers_rule(&a, "drift", yaml);
	add_normal(0, "", 1000, 0, 1);
	add_normal(1, "", 500, 0, 2);
	for (int i = 0; i < 200; i++)
		answers_row(&a, 1, "", 0)->missing = true;
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_str_eq(answers_outcomes(&a), _i == 0 ? "ok{}" : "breach{}");
}
END_TEST

/* A pipeline that delivers nothing but nulls is the largest change of their share there is. */
START_TEST(nothing_but_missing_values_is_drift_where_they_are_a_bin)
{
	static const struct {
		const char *settings, *want;
		bool names;
	} cases[] = {
		{ "psi", "insufficient{}", false },
		{ "psi, nulls: own_bin", "breach{}", false },
		{ "chi2, bins: {ref_quantiles: 5}, nulls: own_bin", "breach{}", false },
		{ "js, bins: {edges: [0]}, nulls: own_bin", "breach{}", false },
		{ "chi2, nulls: own_bin", "breach{}", true },
	};
	char yaml[256];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		answers_clear(&a);
		snprintf(yaml, sizeof(yaml), "{" SIDES ", test: %s}", cases[i].settings);
		answers_rule(&a, "drift", yaml);
		if (cases[i].names)
			add_names(0, "", "red", 500);
		else
			add_normal(0, "", 500, 0, 1);
		for (int k = 0; k < 300; k++) {
			if (cases[i].names)
				answers_cells(&a, 1, "", &(const char *){ NULL }, 1);
			else
				answers_row(&a, 1, "", 0)->missing = true;
		}
		ck_assert_int_eq(answers_judge(&a, NOW), 0);
		ck_assert_msg(strcmp(answers_outcomes(&a), cases[i].want) == 0, "%s: %s",
		    cases[i].settings, answers_outcomes(&a));
	}
}
END_TEST

/* Infinitely far from the reference's shares, and chance all the same. */
START_TEST(one_row_of_a_new_category_is_no_page)
{
	answers_rule(&a, "drift", "{" SIDES ", test: chi2_gof}");
	add_names(0, "", "red", 1000);
	add_names(1, "", "red", 999);
	add_names(1, "", "green", 1);
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_str_eq(answers_outcomes(&a), "ok{}");
	ck_assert_double_eq_tol(a.judgement.observations[0].explain->p_value, 1.0, 1e-12);
	add_names(1, "", "green", 20);
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_str_eq(answers_outcomes(&a), "breach{}");
}
END_TEST

/* A difference that is certain and does not matter. */
START_TEST(small_effects_of_large_samples_are_let_pass)
{
	static const struct {
		const char *more, *want;
	} cases[] = { { "", "breach{}" }, { ", min_effect: 0.1", "ok{}" } };
	char yaml[256];

	snprintf(yaml, sizeof(yaml), "{" SIDES ", test: ks%s}", cases[_i].more);
	answers_rule(&a, "drift", yaml);
	add_normal(0, "", 20000, 0, 1);
	add_normal(1, "", 20000, 0.08, 2);
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_str_eq(answers_outcomes(&a), cases[_i].want);
}
END_TEST

START_TEST(direction_lets_the_other_way_pass)
{
	static const struct {
		const char *test, *direction, *want;
		double mean;
	} cases[] = {
		{ "ks", "up", "breach{}", 1 },
		{ "ks", "up", "ok{}", -1 },
		{ "ks", "down", "breach{}", -1 },
		{ "mann_whitney", "down", "ok{}", 1 },
		{ "mann_whitney", "down", "breach{}", -1 },
		{ "welch", "up", "breach{}", 1 },
		{ "welch", "up", "ok{}", -1 },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char yaml[256];

		answers_clear(&a);
		snprintf(yaml, sizeof(yaml), "{" SIDES ", test: %s, direction: %s}", cases[i].test,
		    cases[i].direction);
		answers_rule(&a, "drift", yaml);
		add_normal(0, "", 100, 0, 1);
		add_normal(1, "", 100, cases[i].mean, 2);
		ck_assert_int_eq(answers_judge(&a, NOW), 0);
		ck_assert_msg(strcmp(answers_outcomes(&a), cases[i].want) == 0, "%s to %g", yaml,
		    cases[i].mean);
	}
}
END_TEST

START_TEST(more_rows_than_compared_are_thinned_alike_every_time)
{
	double first;

	answers_rule(&a, "drift", "{" SIDES ", test: ks, max_rows: 500}");
	add_normal(0, "", 3000, 0, 1);
	add_normal(1, "", 400, 0, 2);
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	first = a.judgement.observations[0].explain->statistic;
	ck_assert_double_eq_tol(a.judgement.observations[0].explain->n_reference, 500, 1e-9);
	ck_assert(strstr(a.judgement.observations[0].explain->detail.p,
		      "\"rows_reference\":3000") != NULL);
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert(a.judgement.observations[0].explain->statistic == first);
}
END_TEST

/* --- many features ----------------------------------------------------- */

static void
add_features(uint32_t n, uint32_t shifted)
{
	char labels[64];

	for (uint32_t i = 0; i < n; i++) {
		snprintf(labels, sizeof(labels), "feature=f%02u model=%s", i, i % 2 ? "b" : "a");
		add_normal(0, labels, 200, 0, i * 7 + 13);
		add_normal(1, labels, 100, i < shifted ? 2 : 0, i * 7 + 5000);
	}
}

START_TEST(correction_keeps_thirty_quiet_features_quiet)
{
	static const struct {
		const char *correct;
		bool quiet;
	} cases[] = { { "none", false }, { "bh", true }, { "by", true }, { "holm", true },
		{ "bonferroni", true } };
	uint32_t breaches = 0;
	char yaml[256];

	snprintf(yaml, sizeof(yaml), "{" SIDES ", by: [feature, model], test: ks, correct: %s}",
	    cases[_i].correct);
	answers_rule(&a, "drift", yaml);
	add_features(60, 0);
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	for (uint32_t i = 0; i < a.judgement.n; i++)
		breaches += a.judgement.observations[i].outcome == OUTCOME_BREACH;
	ck_assert_msg((breaches == 0) == cases[_i].quiet, "%s: %u", cases[_i].correct, breaches);
}
END_TEST

static const struct {
	const char *aggregate;
	uint32_t shifted;
	const char *want;
	double value;
} together[] = {
	{ "{count: 3}", 2, "ok{}", 2 },
	{ "{count: 3}", 3, "breach{}", 3 },
	{ "{share: 0.5}", 4, "ok{}", 0.4 },
	{ "{share: 0.5}", 5, "breach{}", 0.5 },
	{ "all", 9, "ok{}", 9 },
	{ "all", 10, "breach{}", 10 },
	{ "{count: 2}, group: [model]", 3, "breach{model=\"a\"} ok{model=\"b\"}", 2 },
};

START_TEST(features_are_put_together)
{
	const struct explain *explain;
	char yaml[256];

	snprintf(yaml, sizeof(yaml), "{" SIDES ", by: [feature, model], test: ks, aggregate: %s}",
	    together[_i].aggregate);
	answers_rule(&a, "drift", yaml);
	add_features(10, together[_i].shifted);
	/* Not judged, so not counted. */
	add_normal(1, "feature=new model=a", 50, 0, 99);
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_msg(strcmp(answers_outcomes(&a), together[_i].want) == 0, "%s, %u: %s",
	    together[_i].aggregate, together[_i].shifted, answers_outcomes(&a));
	explain = a.judgement.observations[0].explain;
	ck_assert_double_eq_tol(a.judgement.observations[0].value, together[_i].value, 1e-12);
	ck_assert(strstr(explain->detail.p, "\"insufficient\":1") != NULL);
	if (strstr(together[_i].aggregate, "group") != NULL)
		ck_assert_msg(strstr(explain->detail.p, "{\"features\":\"f00, f02\",") != NULL ||
				  strstr(explain->detail.p, "{\"features\":\"f02, f00\",") != NULL,
		    "%s", explain->detail.p);
}
END_TEST

START_TEST(nothing_at_all_is_one_insufficient_alert_when_put_together)
{
	answers_rule(&a, "drift", "{" SIDES ", by: [f], test: ks, aggregate: all}");
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_str_eq(answers_outcomes(&a), "insufficient{}");
	answers_rule(&a, "drift", "{" SIDES ", by: [f], test: ks}");
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_uint_eq(a.judgement.n, 0);
}
END_TEST

START_TEST(an_empty_present_is_no_data)
{
	answers_rule(&a, "drift", "{" SIDES ", by: [f], test: ks}");
	add_normal(0, "f=x", 100, 0, 1);
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert(a.judgement.no_data);
	ck_assert_str_eq(answers_outcomes(&a), "insufficient{f=\"x\"}");
	add_normal(1, "f=x", 10, 0, 1);
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert(!a.judgement.no_data);
}
END_TEST

START_TEST(newest_current_row_is_the_datum)
{
	const wall_t late = wall_sub(NOW, DUR_S(60));

	answers_rule(&a, "drift", "{" SIDES ", by: [f], test: ks}");
	add_normal(0, "f=x", 100, 0, 1);
	add_normal(1, "f=x", 100, 0, 2);
	a.vectors[0].samples[3].at = NOW;
	a.vectors[1].samples[7].at = late;
	a.vectors[1].samples[9].at = wall_sub(late, DUR_S(1));
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_int_eq(a.judgement.observations[0].data_at.ns, late.ns);
	answers_rule(&a, "drift", "{" SIDES ", by: [f], test: ks, aggregate: all}");
	ck_assert_int_eq(answers_judge(&a, NOW), 0);
	ck_assert_int_eq(a.judgement.observations[0].data_at.ns, late.ns);
}
END_TEST

/* --- the plan ---------------------------------------------------------- */

START_TEST(windows_and_lags_become_spans)
{
	struct rule_plan plan;

	answers_rule(&a, "drift",
	    "{reference: {query: ' r ', window: 7d, lag: 1d}, current: {query: c}, test: chi2}");
	answers_plan(&a, NOW, &plan);
	ck_assert_uint_eq(plan.n, 2);
	ck_assert(str_is(plan.queries[0].text, "r"));
	ck_assert_int_eq(plan.queries[0].to.ns, wall_sub(NOW, DUR_S(86400)).ns);
	ck_assert_int_eq(plan.queries[0].from.ns, wall_sub(NOW, DUR_S(8 * 86400)).ns);
	ck_assert(!wall_is_set(plan.queries[1].from) && !wall_is_set(plan.queries[1].to));
	ck_assert_int_eq(plan.queries[0].shape, QUERY_ROWS);
	ck_assert_uint_eq(plan.queries[0].n_fields, 1); /* names, not numbers */
	answers_rule(&a, "drift", "{" SIDES ", test: ks, form: cumulative_buckets}");
	answers_plan(&a, NOW, &plan);
	ck_assert_int_eq(plan.queries[0].shape, QUERY_INSTANT);
	ck_assert_uint_eq(plan.queries[0].n_fields, 0);
}
END_TEST

/* --- what is refused ---------------------------------------------------- */

static const struct {
	const char *yaml, *text; /* NULL: fine */
} settings[] = {
	{ "{" SIDES ", test: ks}", NULL },
	{ "{" SIDES ", test: psi, value: 0.1, null_aware: {alpha: 0.001}}", NULL },
	{ "{" SIDES ", test: psi, null_aware: false}", NULL },
	{ "{" SIDES ", test: ks, min_samples: 100}", NULL },
	{ "{" SIDES "}", "test" },
	{ "{reference: {query: r}, test: ks}", "current" },
	{ "{" SIDES ", test: kolmogorov}", "expected one of" },
	{ "{" SIDES ", test: psi, p_value: 0.05}", "psi is a distance and has no p_value" },
	{ "{" SIDES ", test: ks, value: 0.1}", "ks is a test: its threshold is p_value" },
	{ "{" SIDES ", test: ks, null_aware: {alpha: 0.1}}", "null_aware is for distances" },
	{ "{" SIDES ", test: chi2_gof, null_aware: false}", NULL },
	{ "{" SIDES ", test: wasserstein}", "wasserstein_normed is in standard deviations" },
	{ "{" SIDES ", test: psi, min_effect: 0.1}", "min_effect is for tests" },
	{ "{" SIDES ", test: ks, bins: distinct}", "bins has no meaning with ks" },
	{ "{" SIDES ", test: psi, bins: {ref_quantiles: 1}}", "between 2 and 1000" },
	{ "{" SIDES ", test: psi, bins: {edges: [1, 1]}}", "each larger than the one before" },
	{ "{" SIDES ", test: psi, bins: deciles}", "bins is {ref_quantiles: 10}" },
	{ "{" SIDES ", test: ks, form: counts}", "ks cannot be computed from counts" },
	{ "{" SIDES ", test: ks, nulls: own_bin}", "own_bin needs" },
	{ "{" SIDES ", test: psi, direction: up}", "direction is for ks" },
	{ "{" SIDES ", test: ks, group: [m]}", "group needs aggregate" },
	{ "{" SIDES ", test: ks, aggregate: some}", "aggregate is any" },
	{ "{" SIDES ", test: ks, aggregate: {share: 1.5}}", "aggregate is any" },
	{ "{" SIDES ", test: ks, min_samples: {reference: 0}}", "min_samples is" },
	{ "{" SIDES ", test: ks, category: c}", "category belongs to form: counts" },
	{ "{" SIDES ", test: psi, null_aware: {alpha: 2}}", "null_aware is" },
	{ "{reference: {query: ' '}, current: {query: c}, test: ks}", "query is empty" },
};

START_TEST(settings_are_checked)
{
	const char *text = answers_finding(&a, "drift", settings[_i].yaml);

	if (settings[_i].text == NULL)
		ck_assert_msg(text[0] == '\0', "%s: %s", settings[_i].yaml, text);
	else
		ck_assert_msg(
		    strstr(text, settings[_i].text) != NULL, "%s: '%s'", settings[_i].yaml, text);
}
END_TEST

START_TEST(mangled_answers_are_errors)
{
	answers_rule(&a, "drift", "{" SIDES ", form: cumulative_buckets, test: ks}");
	answers_row(&a, 0, "a=b", 3);
	ck_assert_int_lt(answers_judge(&a, NOW), 0);
	ck_assert_msg(
	    strstr(a.err.text, "reference: a row without the label le") != NULL, "%s", a.err.text);
	answers_clear(&a);
	answers_row(&a, 1, "le=wide", 3);
	ck_assert_int_lt(answers_judge(&a, NOW), 0);
	ck_assert_msg(strstr(a.err.text, "'wide', which is no number") != NULL, "%s", a.err.text);
	answers_clear(&a);
	answers_rule(&a, "drift", "{" SIDES ", form: counts, test: chi2}");
	answers_row(&a, 1, "c=x", -1);
	ck_assert_int_lt(answers_judge(&a, NOW), 0);
	ck_assert_msg(
	    strstr(a.err.text, "current: row 1: a count of -1") != NULL, "%s", a.err.text);
}
END_TEST

TCase *
tcase_drift(void)
{
	TCase *t = tcase_create("drift");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, shift_is_drift_and_none_is_none, 0, (int)ARRAY_LEN(numeric_tests));
	tcase_add_loop_test(
	    t, categories_are_compared_by_their_names, 0, (int)ARRAY_LEN(name_tests));
	tcase_add_test(t, counts_are_one_row_per_category);
	tcase_add_loop_test(
	    t, histograms_are_compared_by_their_buckets, 0, (int)ARRAY_LEN(bucket_tests));
	tcase_add_test(t, too_little_data_is_insufficient_with_a_reason);
	tcase_add_test(t, constant_reference_is_no_page);
	tcase_add_loop_test(t, missing_values_are_a_bin_when_asked_for, 0, 2);
	tcase_add_test(t, nothing_but_missing_values_is_drift_where_they_are_a_bin);
	tcase_add_test(t, one_row_of_a_new_category_is_no_page);
	tcase_add_loop_test(t, small_effects_of_large_samples_are_let_pass, 0, 2);
	tcase_add_test(t, direction_lets_the_other_way_pass);
	tcase_add_test(t, more_rows_than_compared_are_thinned_alike_every_time);
	tcase_add_loop_test(t, correction_keeps_thirty_quiet_features_quiet, 0, 5);
	tcase_add_loop_test(t, features_are_put_together, 0, (int)ARRAY_LEN(together));
	tcase_add_test(t, nothing_at_all_is_one_insufficient_alert_when_put_together);
	tcase_add_test(t, an_empty_present_is_no_data);
	tcase_add_test(t, newest_current_row_is_the_datum);
	tcase_add_test(t, windows_and_lags_become_spans);
	tcase_add_loop_test(t, settings_are_checked, 0, (int)ARRAY_LEN(settings));
	tcase_add_test(t, mangled_answers_are_errors);
	tcase_set_timeout(t, 60);
	return t;
}
