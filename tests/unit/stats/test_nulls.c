/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where nothing drifts, p-values are uniform and alarms as rare as promised;
 * where something does, the tests see it.  Seeded, so never flaky.
 */
#include <stdlib.h>

#include "base/attr.h"
#include "stats/baseline.h"
#include "stats/bins.h"
#include "stats/categories.h"
#include "stats/distance.h"
#include "stats/kernels.h"
#include "stats/ks.h"
#include "stats/location.h"
#include "stats/rank.h"
#include "suites.h"

#define ROUNDS 2000
#define N      200
#define M      80

static double
p_ks(const struct sample_set *a, const struct sample_set *b)
{
	return ks_test(a, b, KS_AUTO, STATS_TWO_SIDED).p;
}

static double
p_ks_finite(const struct sample_set *a, const struct sample_set *b)
{
	return ks_test(a, b, KS_FINITE, STATS_TWO_SIDED).p;
}

static double
p_cvm(const struct sample_set *a, const struct sample_set *b)
{
	return rank_cvm(a, b, RANK_AUTO).p;
}

static double
p_anderson(const struct sample_set *a, const struct sample_set *b)
{
	return rank_anderson(a, b, true).p;
}

static double
p_mann_whitney(const struct sample_set *a, const struct sample_set *b)
{
	return rank_mann_whitney(a, b, RANK_AUTO, STATS_TWO_SIDED).p;
}

static double
p_welch(const struct sample_set *a, const struct sample_set *b)
{
	return location_welch(a, b, STATS_TWO_SIDED).p;
}

static double
p_epps(const struct sample_set *a, const struct sample_set *b)
{
	return kernels_epps_singleton(a, b).p;
}

/* Five fixed bins, so that the table's law holds. */
static double
p_chi2(const struct sample_set *a, const struct sample_set *b)
{
	static const double edges[] = { -0.8, -0.2, 0.3, 0.9 };
	double ref[5], cur[5];
	struct bins bins;

	if (bins_by_edges(&bins, a, b, edges, 4) != STATS_OK)
		return STATS_NAN;
	for (size_t i = 0; i < 5; i++) {
		ref[i] = bins.ref[i] * (double)a->n;
		cur[i] = bins.cur[i] * (double)b->n;
	}
	bins_fini(&bins);
	return categories_chi2(ref, cur, 5, false).test.p;
}

static const struct {
	const char *label;
	double (*p)(const struct sample_set *, const struct sample_set *);
	double uniform_max;      /* distance from uniform: discrete laws are conservative */
	double power_min;        /* share of shifts by 1/2 seen at 1 % */
	size_t at_1_percent_max; /* of 2,000: 20, and 3 standard deviations */
	size_t at_5_percent_max; /* 100, likewise */
} tests[] = {
	{ "ks", p_ks, 0.045, 0.65, 34, 130 },
	{ "ks, finite law", p_ks_finite, 0.08, 0.65, 34, 130 },
	{ "cramer-von mises", p_cvm, 0.031, 0.80, 34, 130 },
	{ "anderson-darling", p_anderson, 0.031, 0.80, 34, 130 },
	{ "mann-whitney", p_mann_whitney, 0.031, 0.80, 34, 130 },
	{ "welch", p_welch, 0.031, 0.80, 34, 130 },
	{ "epps-singleton", p_epps, 0.10, 0.70, 60, 210 },
	{ "chi-squared", p_chi2, 0.045, 0.50, 34, 130 },
};

static void
draw(struct sample_set *sample, struct rng *rng, size_t n, double shift)
{
	double x[N];

	for (size_t i = 0; i < n; i++)
		x[i] = random_normal(rng) + shift;
	*sample = sample_make(x, n);
}

/* 2,000 nulls: the empirical law of p lies within about its own 4 % point of uniform. */
START_TEST(p_values_are_uniform_without_drift)
{
	static double p[ROUNDS];
	struct rng rng;
	double most = 0.0;
	size_t at_1_percent = 0, at_5_percent = 0;

	rng_init(&rng, 20240131);
	for (size_t r = 0; r < ROUNDS; r++) {
		struct sample_set a, b;

		draw(&a, &rng, N, 0.0);
		draw(&b, &rng, M, 0.0);
		p[r] = tests[_i].p(&a, &b);
		at_1_percent += p[r] <= 0.01;
		at_5_percent += p[r] <= 0.05;
		sample_fini(&a);
		sample_fini(&b);
	}
	sample_sort(p, ROUNDS);
	for (size_t r = 0; r < ROUNDS; r++) {
		most = fmax(most, fabs(p[r] - (double)(r + 1) / ROUNDS));
		most = fmax(most, fabs(p[r] - (double)r / ROUNDS));
	}
	ck_assert_msg(most < tests[_i].uniform_max, "%s: %g from uniform", tests[_i].label, most);
	ck_assert_msg(at_1_percent <= tests[_i].at_1_percent_max, "%s: %zu at 1 %%",
	    tests[_i].label, at_1_percent);
	ck_assert_msg(at_5_percent <= tests[_i].at_5_percent_max, "%s: %zu at 5 %%",
	    tests[_i].label, at_5_percent);
}
END_TEST

START_TEST(shift_of_half_a_sigma_is_seen)
{
	struct rng rng;
	size_t seen = 0;

	rng_init(&rng, 77);
	for (size_t r = 0; r < 300; r++) {
		struct sample_set a, b;

		draw(&a, &rng, N, 0.0);
		draw(&b, &rng, M, 0.5);
		seen += tests[_i].p(&a, &b) < 0.01;
		sample_fini(&a);
		sample_fini(&b);
	}
	ck_assert_msg(
	    (double)seen / 300 >= tests[_i].power_min, "%s: saw %zu of 300", tests[_i].label, seen);
}
END_TEST

/* Reference 2,000: the plain threshold cries wolf, the chance level does not. */
START_TEST(chance_level_keeps_psi_and_js_quiet)
{
	static const size_t sizes[] = { 100, 200, 500, 1000 };
	static double x[2000], y[1000];
	struct rng rng;

	rng_init(&rng, 9);
	for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
		size_t plain = 0, psi_above = 0, js_above = 0, m = sizes[s];

		for (int r = 0; r < 300; r++) {
			struct sample_set a, b;
			struct bins bins;
			double psi, js;

			for (size_t i = 0; i < 2000; i++)
				x[i] = random_normal(&rng);
			for (size_t i = 0; i < m; i++)
				y[i] = random_normal(&rng);
			a = sample_make(x, 2000);
			b = sample_make(y, m);
			REQUIRE(bins_by_quantiles(&bins, &a, &b, 10) == STATS_OK);
			psi = distance_psi(bins.ref, bins.cur, 10, DISTANCE_EPSILON).value;
			js = distance_js(bins.ref, bins.cur, 10, 2.0).value;
			plain += psi >= 0.1;
			psi_above +=
			    psi >=
			    fmax(0.1, distance_psi_chance_level(2000, (double)m, 10, 0.001).value);
			js_above +=
			    js >=
			    fmax(0.1,
				distance_js_chance_level(2000, (double)m, 10, 0.001, 2.0).value);
			bins_fini(&bins);
			sample_fini(&a);
			sample_fini(&b);
		}
		ck_assert_msg(
		    m > 100 || plain > 90, "%zu: the plain threshold fired %zu", m, plain);
		ck_assert_msg(psi_above <= 3, "%zu: psi fired %zu of 300", m, psi_above);
		ck_assert_msg(js_above <= 3, "%zu: js fired %zu of 300", m, js_above);
	}
}
END_TEST

/* "3 sigma" is 0.27 % at every baseline length; with a plain 3 it is 1.9 % at n = 10. */
START_TEST(zscore_band_is_left_as_rarely_as_promised)
{
	static const size_t sizes[] = { 4, 10, 30, 100 };
	struct rng rng;

	rng_init(&rng, 10);
	for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
		size_t outside = 0, plain = 0, rounds = 40000;

		for (size_t r = 0; r < rounds; r++) {
			double x[100];
			struct baseline_score score;

			for (size_t i = 0; i < sizes[s]; i++)
				x[i] = random_normal(&rng);
			/* sorted input is the cheap one to check */
			score = baseline_zscore(x, sizes[s], random_normal(&rng), 2.0, 0.0);
			outside += fabs(score.score) > score.limit;
			plain += fabs(score.score) > 2.0;
		}
		/* 4.55 %: 1820 +- 3 * 41.7 */
		ck_assert_msg(outside > 1690 && outside < 1950, "n = %zu: %zu", sizes[s], outside);
		ck_assert_msg(sizes[s] > 10 || plain > 2400, "n = %zu: plain %zu", sizes[s], plain);
	}
}
END_TEST

TCase *
case_nulls(void)
{
	TCase *tc = tcase_create("nulls");

	tcase_add_loop_test(tc, p_values_are_uniform_without_drift, 0, (int)ARRAY_LEN(tests));
	tcase_add_loop_test(tc, shift_of_half_a_sigma_is_seen, 0, (int)ARRAY_LEN(tests));
	tcase_add_test(tc, chance_level_keeps_psi_and_js_quiet);
	tcase_add_test(tc, zscore_band_is_left_as_rarely_as_promised);
	tcase_set_timeout(tc, 120);
	return tc;
}
