/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nonsense in, a status out: random arrays with NaN, infinities, denormals,
 * ties and huge values through every function.  Seeded; the sanitizers watch.
 */
#include <float.h>

#include "base/attr.h"
#include "stats/baseline.h"
#include "stats/bins.h"
#include "stats/categories.h"
#include "stats/chart.h"
#include "stats/dist.h"
#include "stats/distance.h"
#include "stats/forecast.h"
#include "stats/kernels.h"
#include "stats/ks.h"
#include "stats/location.h"
#include "stats/mmd.h"
#include "stats/multiple.h"
#include "stats/proportions.h"
#include "stats/rank.h"
#include "stats/smoothing.h"
#include "stats/special.h"
#include "stats/wasserstein.h"
#include "suites.h"

#define ROUNDS 4000
#define POINTS 40

static double
odd_value(struct rng *rng, unsigned kind)
{
	static const double odd[] = { STATS_NAN, STATS_INFINITY, -STATS_INFINITY, 0.0, -0.0,
		DBL_MIN, DBL_MAX, -DBL_MAX, 1e-310, 1.0, -1.0, 0.5, 1e300, 5.0 };

	switch (rng_below(rng, 4) == 0 ? kind : kind % 4) {
	case 0:
		return random_normal(rng);
	case 1:
		return (double)rng_below(rng, 4);
	case 2:
		return 5.0;
	case 3:
		return rng_unit(rng);
	default:
		return odd[rng_below(rng, ARRAY_LEN(odd))];
	}
}

static void
require_test(struct stats_test test)
{
	REQUIRE((unsigned)test.status < STATS_STATUS_COUNT);
	if (test.status == STATS_OK)
		REQUIRE(!isnan(test.statistic) && test.p >= 0.0 && test.p <= 1.0);
	else
		REQUIRE(isnan(test.statistic) && isnan(test.p));
}

static void
require_value(struct stats_value value)
{
	REQUIRE((unsigned)value.status < STATS_STATUS_COUNT);
	REQUIRE((value.status == STATS_OK) == !isnan(value.value));
}

static void
require_score(struct baseline_score score)
{
	REQUIRE((score.status == STATS_OK) == !isnan(score.score));
	if (score.status == STATS_OK)
		REQUIRE(score.low <= score.high);
}

static void
try_samples(const double *x, size_t n, const double *y, size_t m, struct rng *rng)
{
	struct sample_set a = sample_make(x, n), b = sample_make(y, m);

	for (int side = 0; side < STATS_SIDE_COUNT; side++) {
		for (int method = 0; method < KS_METHOD_COUNT; method++)
			require_test(
			    ks_test(&a, &b, (enum ks_method)method, (enum stats_side)side));
		for (int law = 0; law < RANK_LAW_COUNT; law++)
			require_test(
			    rank_mann_whitney(&a, &b, (enum rank_law)law, (enum stats_side)side));
		require_test(location_welch(&a, &b, (enum stats_side)side));
		require_test(location_student(&a, &b, (enum stats_side)side));
	}
	if (a.n <= 12 && b.n <= 12)
		require_test(rank_cvm(&a, &b, RANK_EXACT));
	require_test(rank_cvm(&a, &b, RANK_LIMIT));
	require_test(rank_anderson(&a, &b, true));
	require_test(rank_anderson(&a, &b, false));
	require_test(kernels_epps_singleton(&a, &b));
	require_value(kernels_lsdd(&a, &b, y, m, 0.5, 0.1, NULL));
	require_value(wasserstein_distance(&a, &b));
	require_value(wasserstein_normed(&a, &b, 0.0));
	require_value(wasserstein_energy(&a, &b));
	require_value(mmd_sigma((struct mmd_rows){ x, n }, 1, MMD_SIGMA_ALIBI));
	require_value(mmd_sigma((struct mmd_rows){ x, n / 2 }, 2, MMD_SIGMA_EVIDENTLY));
	require_test(
	    mmd_test((struct mmd_rows){ x, n }, (struct mmd_rows){ y, m }, 1, 1.0, 20, rng));
	sample_fini(&a);
	sample_fini(&b);
}

static void
require_bins(enum stats_status status, struct bins *bins)
{
	REQUIRE((status == STATS_OK) == (bins->k > 0));
	if (status == STATS_OK) {
		REQUIRE(fabs(stats_sum(bins->ref, bins->k) - 1.0) < 1e-9);
		REQUIRE(fabs(stats_sum(bins->cur, bins->k) - 1.0) < 1e-9);
		require_value(distance_psi(bins->ref, bins->cur, bins->k, 1e-4));
		distance_fill(bins->ref, bins->k, DISTANCE_FILL_EVIDENTLY, 0.0);
		require_value(distance_kl(bins->ref, bins->cur, bins->k));
		require_value(distance_js(bins->ref, bins->cur, bins->k, 2.0));
		require_value(distance_hellinger(bins->ref, bins->cur, bins->k));
	}
	bins_fini(bins);
}

static void
try_bins(const double *x, size_t n, const double *y, size_t m)
{
	struct sample_set a = sample_make(x, n), b = sample_make(y, m);
	size_t both = n < m ? n : m;
	struct bins bins;

	require_bins(bins_by_quantiles(&bins, &a, &b, 5), &bins);
	require_bins(bins_by_sturges(&bins, &a, &b), &bins);
	require_bins(bins_by_sturges_distinct(&bins, &a, &b), &bins);
	require_bins(bins_by_distinct(&bins, &a, &b), &bins);
	require_bins(bins_by_edges(&bins, &a, &b, y, m), &bins);
	require_bins(bins_from_counts(&bins, x, y, both), &bins);
	require_bins(bins_from_cumulative(&bins, x, y, both), &bins);
	require_test(ks_test_buckets(x, y, both));
	require_value(bins_histogram_quantile(0.5, x, y, both));
	require_value(distance_js(x, y, both, 0.0));
	require_value(distance_psi(x, y, both, 1e-4));
	require_value(distance_kl(x, y, both));
	require_value(distance_hellinger(x, y, both));
	require_value(distance_total_variation(x, y, both));
	require_value(wasserstein_histogram(x, y, y, both));
	require_test(categories_chi2(x, y, both, true).test);
	require_test(categories_g(x, y, both).test);
	require_test(categories_fit(x, y, both).test);
	require_value(categories_entropy_normalised(x, n));
	sample_fini(&a);
	sample_fini(&b);
}

static void
try_series(const double *x, size_t n, const double *y, double point)
{
	struct baseline_period periods[] = { { x, n / 2 }, { x + n / 2, n - n / 2 }, { y, n } };
	struct smoothing_winters winters;
	struct forecast_line line;
	struct chart_page_hinkley ph;
	struct chart_cusum cusum;
	struct chart_ewma ewma;

	require_score(baseline_zscore(x, n, point, 3.0, 0.0));
	require_score(baseline_robust(x, n, point, 3.5, 0.1));
	require_score(baseline_iqr(x, n, point, 1.5, 0.0));
	require_score(baseline_seasonal(periods, 3, 2, point, 3.5, 0.0));
	require_value(smoothing_holt(x, n, 0.3, 0.1));
	line = forecast_least_squares(x, y, n);
	REQUIRE((line.status == STATS_OK) == isfinite(line.slope));
	require_value(forecast_time_to(&line, 0.0, point));
	line = forecast_theil_sen(x, y, n);
	REQUIRE((line.status == STATS_OK) == isfinite(line.slope));
	require_test(forecast_kendall(x, y, n));
	if (smoothing_winters_fit(&winters, 0.3, 0.1, 0.2, 3, x, n) == STATS_OK)
		(void)smoothing_winters_sd(&winters, 2);
	smoothing_winters_fini(&winters);
	(void)chart_adwin(x, n, 0.01, 2);
	if (chart_ewma_init(&ewma, 0, 1, 0.2, 3) != STATS_OK ||
	    chart_cusum_init(&cusum, 0, 1, 0.5, 5) != STATS_OK ||
	    chart_page_hinkley_init(&ph, 0.005, 5, 0.999, 3) != STATS_OK)
		ck_abort_msg("charts do not start");
	for (size_t i = 0; i < n; i++) {
		(void)chart_ewma_step(&ewma, x[i]);
		(void)chart_cusum_step(&cusum, x[i]);
		(void)chart_page_hinkley_step(&ph, x[i]);
		REQUIRE(!isnan(ewma.z) && !isnan(cusum.up) && !isnan(ph.statistic));
	}
}

static void
try_numbers(const double *x)
{
	double adjusted[4];

	require_test(proportions_test(x[0], x[1], x[2], x[3], STATS_TWO_SIDED));
	require_value(proportions_ratio(x[0], x[1], x[2], x[3]));
	(void)proportions_newcombe(x[0], x[1], x[2], x[3], 0.95);
	require_test(categories_fisher(x[0], x[1], x[2], x[3]));
	for (int method = 0; method < MULTIPLE_METHOD_COUNT; method++)
		(void)multiple_adjust((enum multiple_method)method, x, 4, adjusted);
	require_test(multiple_fisher(x, 4));
	/* domains only: a NaN or a probability */
	REQUIRE(!(dist_chi2_sf(x[0], fmin(x[1], 1e6)) > 1.0 + 1e-9));
	REQUIRE(!(dist_t_two_sided(x[0], x[1]) > 1.0 + 1e-9));
	REQUIRE(!(dist_f_sf(x[0], fmin(x[1], 1e6), fmin(x[2], 1e6)) > 1.0 + 1e-9));
	(void)dist_normal_isf(x[0]);
	(void)dist_t_isf(x[0], x[1]);
	require_value(distance_psi_chance_level(x[0], x[1], 10, x[2]));
}

START_TEST(random_input_gives_a_status)
{
	struct rng rng;

	rng_init(&rng, (uint64_t)_i);
	for (int round = 0; round < ROUNDS / 8; round++) {
		double x[POINTS + 4], y[POINTS + 4];
		size_t n = rng_below(&rng, POINTS + 1), m = rng_below(&rng, POINTS + 1);
		unsigned kind = (unsigned)rng_below(&rng, 8);

		for (size_t i = 0; i < POINTS + 4; i++) {
			x[i] = odd_value(&rng, kind);
			y[i] = odd_value(&rng, (kind + (unsigned)rng_below(&rng, 2)) % 8);
		}
		try_samples(x, n, y, m, &rng);
		try_bins(x, n, y, m);
		try_series(x, n, y, y[POINTS]);
		try_numbers(x);
	}
}
END_TEST

TCase *
case_random_input(void)
{
	TCase *tc = tcase_create("random input");

	tcase_add_loop_test(tc, random_input_gives_a_status, 0, 8);
	tcase_set_timeout(tc, 60);
	return tc;
}
