/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of predictions: known values, bounds that hold as often as promised,
 * and the permutation test that gives distances their chance level. */
#include <math.h>
#include <stdlib.h>

#include "base/attr.h"
#include "stats/categories.h"
#include "stats/ks.h"
#include "stats/permute.h"
#include "stats/quality.h"
#include "stats/wasserstein.h"
#include "suites.h"

#define NEAR(a, b) ck_assert_double_eq_tol((a), (b), 1e-9)

START_TEST(bounds_have_published_values)
{
	/* Newcombe 1998, table I: 81 of 263 and 15 of 148, Wilson, 95 % two-sided. */
	struct estimate e = quality_share(81, 263, 0.975);

	ck_assert_double_eq_tol(e.low, 0.2553, 5e-5);
	ck_assert_double_eq_tol(e.high, 0.3662, 5e-5);
	e = quality_share(15, 148, 0.975);
	ck_assert_double_eq_tol(e.low, 0.0624, 5e-5);
	ck_assert_double_eq_tol(e.high, 0.1605, 5e-5);
	/* J of 60/90 = 2/3 is an F1 of 0.8. */
	e = quality_f1(60, 20, 10, 0.975);
	NEAR(e.value, 0.8);
	NEAR(e.low, 2 * quality_share(60, 90, 0.975).low / (1 + quality_share(60, 90, 0.975).low));
}
END_TEST

START_TEST(perfect_ranking_has_a_bound_below_one)
{
	double score[40];
	bool positive[40];
	struct estimate e;

	for (size_t i = 0; i < 40; i++) {
		score[i] = (double)i;
		positive[i] = i >= 20;
	}
	e = quality_auc(score, positive, 40, 0.95);
	ck_assert_int_eq(e.status, STATS_OK);
	NEAR(e.value, 1.0);
	NEAR(e.high, 1.0);
	ck_assert(e.low > 0.8 && e.low < 0.99);
	for (size_t i = 0; i < 40; i++)
		positive[i] = !positive[i];
	e = quality_auc(score, positive, 40, 0.95);
	NEAR(e.value, 0.0);
	NEAR(e.low, 0.0);
	ck_assert(e.high < 0.2 && e.high > 0.01);
}
END_TEST

START_TEST(what_cannot_be_measured_has_a_status)
{
	const double x[] = { 1, 2, STATS_NAN };
	const bool positive[] = { true, false, true };

	ck_assert_int_eq(quality_share(0, 0, 0.9).status, STATS_FEW);
	ck_assert_int_eq(quality_share(1, 2, 0.5).status, STATS_INVALID);
	ck_assert_int_eq(quality_f1(0, 0, 0, 0.9).status, STATS_FEW);
	ck_assert_int_eq(quality_auc(x, positive, 3, 0.9).status, STATS_NOT_FINITE);
	ck_assert_int_eq(quality_auc(x, positive, 1, 0.9).status, STATS_FEW);
	ck_assert_int_eq(quality_auc(NULL, NULL, 0, 0.9).status, STATS_FEW);
	ck_assert_int_eq(quality_mean(x, 3, 0.9).status, STATS_NOT_FINITE);
	ck_assert_int_eq(quality_mean(x, 0, 0.9).status, STATS_FEW);
	ck_assert(isnan(quality_mean(x, 1, 0.9).low));
	ck_assert_int_eq(quality_ece(x, positive, 2, 10).status, STATS_INVALID);
	ck_assert_int_eq(quality_ece(x, positive, 0, 10).status, STATS_FEW);
	ck_assert_int_eq(quality_r2(x, (const double[]){ 3, 3 }, 2).status, STATS_CONSTANT);
	ck_assert(isfinite(quality_log_loss(0.0, true)));
}
END_TEST

/* The true AUC of two normals a standard deviation apart is Phi(1/sqrt 2). */
START_TEST(auc_bounds_hold_as_often_as_promised)
{
	const double truth = 0.5 * erfc(-0.5);
	size_t below = 0, above = 0, rounds = 2000;
	struct rng rng;

	rng_init(&rng, 8);
	for (size_t r = 0; r < rounds; r++) {
		double score[100];
		bool positive[100];
		struct estimate e;

		for (size_t i = 0; i < 100; i++) {
			positive[i] = i < 40;
			score[i] = random_normal(&rng) + (positive[i] ? 1.0 : 0.0);
		}
		e = quality_auc(score, positive, 100, 0.95);
		below += e.low > truth;
		above += e.high < truth;
	}
	/* 5 % are 100; three standard deviations are 29 */
	ck_assert_msg(below < 140 && below > 50, "low was above the truth %zu times", below);
	ck_assert_msg(above < 140 && above > 50, "high was below the truth %zu times", above);
}
END_TEST

/* --- permutations ------------------------------------------------------ */

static double
ks_distance(const struct sample_set *ref, const struct sample_set *cur, void *arg UNUSED)
{
	return ks_test(ref, cur, KS_LIMIT, STATS_TWO_SIDED).statistic;
}

static double
transport(const struct sample_set *ref, const struct sample_set *cur, void *arg UNUSED)
{
	return wasserstein_distance(ref, cur).value;
}

/* Against a test whose law is known. */
START_TEST(permutations_agree_with_the_exact_law)
{
	const struct permute_options options = { .rounds = 9999 };
	double x[30], y[25];
	struct rng rng;

	rng_init(&rng, 3);
	for (int round = 0; round < 5; round++) {
		struct sample_set a, b;
		struct stats_test exact;
		struct stats_value p;

		for (size_t i = 0; i < 30; i++)
			x[i] = random_normal(&rng);
		for (size_t i = 0; i < 25; i++)
			y[i] = random_normal(&rng) + 0.2 * round;
		a = sample_make(x, 30);
		b = sample_make(y, 25);
		exact = ks_test(&a, &b, KS_EXACT, STATS_TWO_SIDED);
		p = permute_p(&a, &b, exact.statistic, ks_distance, NULL, &options, &rng);
		ck_assert_int_eq(p.status, STATS_OK);
		ck_assert_msg(
		    fabs(p.value - exact.p) < 0.003 + 4 * sqrt(exact.p * (1 - exact.p) / 9999),
		    "%g, exact %g", p.value, exact.p);
		sample_fini(&a);
		sample_fini(&b);
	}
}
END_TEST

START_TEST(permuted_p_values_are_uniform_without_drift)
{
	const struct permute_options options = { .rounds = 99, .power = 0.5 };
	size_t at_5_percent = 0, at_half = 0;
	double x[60], y[25];
	struct rng rng;

	rng_init(&rng, 4);
	for (size_t r = 0; r < 2000; r++) {
		struct sample_set a, b;
		double p;

		for (size_t i = 0; i < 60; i++)
			x[i] = random_normal(&rng);
		for (size_t i = 0; i < 25; i++)
			y[i] = random_normal(&rng);
		a = sample_make(x, 60);
		b = sample_make(y, 25);
		p = permute_p(&a, &b, transport(&a, &b, NULL), transport, NULL, &options, &rng)
			.value;
		at_5_percent += p <= 0.05;
		at_half += p <= 0.5;
		sample_fini(&a);
		sample_fini(&b);
	}
	ck_assert_msg(at_5_percent > 70 && at_5_percent < 130, "%zu at 5 %%", at_5_percent);
	ck_assert_msg(at_half > 930 && at_half < 1070, "%zu at 50 %%", at_half);
}
END_TEST

START_TEST(thinned_samples_keep_the_chance_level)
{
	const struct permute_options options = { .rounds = 199, .power = 0.5 };
	size_t below = 0, n = 3 * PERMUTE_POINTS_MAX, m = 500;
	double *x = malloc(n * sizeof(*x)), *y = malloc(m * sizeof(*y));
	struct rng rng;

	rng_init(&rng, 5);
	for (size_t r = 0; r < 60; r++) {
		struct sample_set a, b;

		for (size_t i = 0; i < n; i++)
			x[i] = random_normal(&rng);
		for (size_t i = 0; i < m; i++)
			y[i] = random_normal(&rng);
		a = sample_make(x, n);
		b = sample_make(y, m);
		below += permute_p(&a, &b, transport(&a, &b, NULL), transport, NULL, &options, &rng)
			     .value <= 0.5;
		sample_fini(&a);
		sample_fini(&b);
	}
	free(x);
	free(y);
	ck_assert_msg(below > 18 && below < 42, "%zu of 60 below a half", below);
}
END_TEST

START_TEST(permutations_refuse_what_they_cannot_do)
{
	const struct permute_options none = { .rounds = 0 }, some = { .rounds = 9 };
	const double counts[] = { 0, 0 };
	struct sample_set empty = sample_make(NULL, 0);
	struct rng rng;

	rng_init(&rng, 6);
	ck_assert_int_eq(
	    permute_p(&empty, &empty, 1, transport, NULL, &none, &rng).status, STATS_INVALID);
	ck_assert_int_eq(
	    permute_p(&empty, &empty, 1, transport, NULL, &some, &rng).status, STATS_FEW);
	ck_assert_int_eq(
	    permute_counts_p(counts, counts, 2, 1, transport, NULL, &some, &rng).status, STATS_FEW);
	sample_fini(&empty);
}
END_TEST

/* --- Fisher, one side ---------------------------------------------------- */

START_TEST(one_sided_fisher_has_known_values)
{
	/* The lady tasting tea: 17 of 70 tables have at least three right. */
	NEAR(categories_fisher_side(3, 1, 1, 3, STATS_CURRENT_LOWER).p, 17.0 / 70);
	NEAR(categories_fisher_side(1, 3, 3, 1, STATS_CURRENT_HIGHER).p, 17.0 / 70);
	NEAR(categories_fisher_side(3, 1, 1, 3, STATS_CURRENT_HIGHER).p, 69.0 / 70);
	/* Convictions of twins (Fisher 1962): one side 0.0004652. */
	ck_assert_double_eq_tol(
	    categories_fisher_side(2, 15, 10, 3, STATS_CURRENT_HIGHER).p, 0.0004651809, 1e-9);
	ck_assert(categories_fisher_side(4e8, 0, 0, 4e8, STATS_CURRENT_LOWER).p < 1e-300);
	NEAR(
	    categories_fisher_side(3, 1, 1, 3, STATS_TWO_SIDED).p, categories_fisher(3, 1, 1, 3).p);
	ck_assert_int_eq(
	    categories_fisher_side(1, 1, 1, 1, STATS_SIDE_COUNT).status, STATS_INVALID);
}
END_TEST

TCase *
case_quality(void)
{
	TCase *tc = tcase_create("quality");

	tcase_add_test(tc, bounds_have_published_values);
	tcase_add_test(tc, perfect_ranking_has_a_bound_below_one);
	tcase_add_test(tc, what_cannot_be_measured_has_a_status);
	tcase_add_test(tc, auc_bounds_hold_as_often_as_promised);
	tcase_add_test(tc, permutations_agree_with_the_exact_law);
	tcase_add_test(tc, permuted_p_values_are_uniform_without_drift);
	tcase_add_test(tc, thinned_samples_keep_the_chance_level);
	tcase_add_test(tc, permutations_refuse_what_they_cannot_do);
	tcase_add_test(tc, one_sided_fisher_has_known_values);
	tcase_set_timeout(tc, 60);
	return tc;
}
