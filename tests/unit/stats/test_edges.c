/* SPDX-License-Identifier: Apache-2.0 */
/* What cannot be answered is a status: empty, tiny, constant, infinite, NaN. */
#include "base/attr.h"
#include "stats/bins.h"
#include "stats/burn.h"
#include "stats/categories.h"
#include "stats/distance.h"
#include "stats/kernels.h"
#include "stats/ks.h"
#include "stats/location.h"
#include "stats/mmd.h"
#include "stats/multiple.h"
#include "stats/proportions.h"
#include "stats/rank.h"
#include "stats/wasserstein.h"
#include "suites.h"

#define INF  STATS_INFINITY
#define NONE STATS_NAN

static struct stats_test
run_ks(const struct sample_set *a, const struct sample_set *b)
{
	return ks_test(a, b, KS_AUTO, STATS_TWO_SIDED);
}

static struct stats_test
run_cvm(const struct sample_set *a, const struct sample_set *b)
{
	return rank_cvm(a, b, RANK_AUTO);
}

static struct stats_test
run_anderson(const struct sample_set *a, const struct sample_set *b)
{
	return rank_anderson(a, b, true);
}

static struct stats_test
run_mann_whitney(const struct sample_set *a, const struct sample_set *b)
{
	return rank_mann_whitney(a, b, RANK_AUTO, STATS_TWO_SIDED);
}

static struct stats_test
run_welch(const struct sample_set *a, const struct sample_set *b)
{
	return location_welch(a, b, STATS_TWO_SIDED);
}

static struct stats_test
value_as_test(struct stats_value value)
{
	return (struct stats_test){ value.status, value.value, NONE, NONE, NONE };
}

static struct stats_test
run_wasserstein(const struct sample_set *a, const struct sample_set *b)
{
	return value_as_test(wasserstein_normed(a, b, 0.0));
}

static struct stats_test
run_psi(const struct sample_set *a, const struct sample_set *b)
{
	struct bins bins;
	enum stats_status status = bins_by_quantiles(&bins, a, b, 10);
	struct stats_value value = status == STATS_OK
				       ? distance_psi(bins.ref, bins.cur, bins.k, DISTANCE_EPSILON)
				       : stats_value_undefined(status);

	bins_fini(&bins);
	return value_as_test(value);
}

static struct stats_test
run_sturges(const struct sample_set *a, const struct sample_set *b)
{
	struct bins bins;
	enum stats_status status = bins_by_sturges_distinct(&bins, a, b);
	struct stats_value value = status == STATS_OK ? distance_js(bins.ref, bins.cur, bins.k, 2.0)
						      : stats_value_undefined(status);

	bins_fini(&bins);
	return value_as_test(value);
}

enum {
	KS,
	CVM,
	ANDERSON,
	MANN_WHITNEY,
	WELCH,
	EPPS,
	WASSERSTEIN,
	PSI,
	STURGES,
	TESTS
};
static struct stats_test (*const tests[TESTS])(
    const struct sample_set *, const struct sample_set *) = {
	run_ks,
	run_cvm,
	run_anderson,
	run_mann_whitney,
	run_welch,
	kernels_epps_singleton,
	run_wasserstein,
	run_psi,
	run_sturges,
};

#define FIVES                                                                                      \
	{                                                                                          \
		5, 5, 5, 5, 5, 5                                                                   \
	}
#define SIXES                                                                                      \
	{                                                                                          \
		6, 6, 6, 6, 6, 6                                                                   \
	}
#define SPREAD                                                                                     \
	{                                                                                          \
		1, 2, 3, 4, 5, 6                                                                   \
	}
#define ONE                                                                                        \
	{                                                                                          \
		1, NONE, NONE, NONE, NONE, NONE                                                    \
	}
#define EMPTY                                                                                      \
	{                                                                                          \
		NONE, NONE, NONE, NONE, NONE, NONE                                                 \
	}
#define WITH_INF                                                                                   \
	{                                                                                          \
		1, 2, 3, 4, 5, INF                                                                 \
	}
#define OK     STATS_OK
#define FEW    STATS_FEW
#define CONST  STATS_CONSTANT
#define NOTFIN STATS_NOT_FINITE
/* clang-format off */
static const struct {
	const char *label;
	double ref[6], cur[6];
	enum stats_status want[TESTS];
	bool no_drift; /* then p is 1, or the distance 0, wherever the status is ok */
} samples[] = {
	/*                                      KS   CVM   AD    MW   Welch   ES      W       PSI  Sturges */
	{ "both empty",         EMPTY, EMPTY,   { FEW, FEW, FEW, FEW, FEW,    FEW,    FEW,    FEW, FEW }, false },
	{ "current empty",      SPREAD, EMPTY,  { FEW, FEW, FEW, FEW, FEW,    FEW,    FEW,    FEW, FEW }, false },
	{ "one current value",  SPREAD, ONE,    { OK,  FEW, FEW, OK,  FEW,    FEW,    OK,     OK,  OK }, false },
	{ "one same constant",  FIVES, FIVES,   { OK,  OK,  OK,  OK,  OK,     CONST,  OK,     OK,  OK }, true },
	{ "two constants",      FIVES, SIXES,   { OK,  OK,  OK,  OK,  CONST,  CONST,  CONST,  OK,  OK }, false },
	{ "identical samples",  SPREAD, SPREAD, { OK,  OK,  OK,  OK,  OK,     OK,     OK,     OK,  OK }, false },
	{ "infinite current",   SPREAD, WITH_INF, { OK, OK, OK,  OK,  NOTFIN, NOTFIN, NOTFIN, OK,  NOTFIN }, false },
	{ "infinite reference", WITH_INF, SPREAD, { OK, OK, OK,  OK,  NOTFIN, NOTFIN, NOTFIN, OK,  NOTFIN }, false },
};
/* clang-format on */

START_TEST(two_samples_have_a_defined_outcome)
{
	struct sample_set ref = sample_make(samples[_i].ref, 6),
			  cur = sample_make(samples[_i].cur, 6);

	for (size_t t = 0; t < TESTS; t++) {
		struct stats_test got = tests[t](&ref, &cur);

		ck_assert_msg(got.status == samples[_i].want[t], "%s, test %zu: %s",
		    samples[_i].label, t, stats_status_name(got.status));
		ck_assert_msg((got.status == STATS_OK) == !isnan(got.statistic), "%s, test %zu",
		    samples[_i].label, t);
		if (samples[_i].no_drift && got.status == STATS_OK)
			ck_assert_msg(t <= EPPS ? got.p == 1.0 : got.statistic == 0.0,
			    "%s, test %zu: %g %g", samples[_i].label, t, got.statistic, got.p);
	}
	sample_fini(&ref);
	sample_fini(&cur);
}
END_TEST

START_TEST(sample_drops_nan_and_counts)
{
	static const double x[] = { 3, NONE, -0.0, INF, -1, 0.0, NONE, -INF };
	struct sample_set s = sample_make(x, ARRAY_LEN(x));

	ck_assert_uint_eq(s.n, 6);
	ck_assert_uint_eq(s.nan_count, 2);
	ck_assert_uint_eq(s.inf_count, 2);
	ck_assert(s.v[0] == -INF && s.v[1] == -1 && s.v[4] == 3 && s.v[5] == INF);
	ck_assert(signbit(s.v[2]) == 0 && signbit(s.v[3]) == 0);
	ck_assert_uint_eq(sample_distinct(s.v, s.n), 5);
	sample_fini(&s);
	ck_assert_int_eq(sample_init(&s, x, SAMPLE_VALUES_MAX + 1), STATS_LIMIT);
	ck_assert_uint_eq(s.n, 0);
}
END_TEST

START_TEST(sort_orders_every_size)
{
	struct rng rng;
	static double x[5000];

	rng_init(&rng, 11);
	for (size_t n = 0; n <= 5000; n = n < 60 ? n + 1 : n * 3 / 2) {
		double sum = 0.0, after = 0.0;

		for (size_t i = 0; i < n; i++) {
			x[i] = i % 7 == 0
				   ? 0.0
				   : ldexp(rng_unit(&rng) - 0.5, (int)rng_below(&rng, 2000) - 1000);
			if (i % 11 == 3)
				x[i] = i % 2 == 0 ? INF : -INF;
			sum += isinf(x[i]) ? 1.0 : atan(x[i]);
		}
		sample_sort(x, n);
		for (size_t i = 0; i < n; i++) {
			REQUIRE(i == 0 || x[i - 1] <= x[i]);
			after += isinf(x[i]) ? 1.0 : atan(x[i]);
		}
		REQUIRE(fabs(sum - after) <= 1e-9 * (double)(n + 1));
	}
}
END_TEST

START_TEST(mad_equals_its_definition)
{
	struct rng rng;
	double x[41], gaps[41];

	rng_init(&rng, 12);
	for (int round = 0; round < 500; round++) {
		size_t n = 1 + rng_below(&rng, 41);
		double centre;

		for (size_t i = 0; i < n; i++)
			x[i] = (double)rng_below(&rng, 9);
		sample_sort(x, n);
		centre = sample_median(x, n);
		for (size_t i = 0; i < n; i++)
			gaps[i] = fabs(x[i] - centre);
		sample_sort(gaps, n);
		REQUIRE(sample_mad(x, n, centre) == sample_median(gaps, n));
	}
}
END_TEST

START_TEST(constant_has_no_variance_whatever_its_mean_rounds_to)
{
	double x[7];
	struct moments m;

	for (size_t i = 0; i < 7; i++)
		x[i] = 0.1;
	m = sample_moments(x, 7);
	ck_assert_double_eq(m.var, 0.0);
	ck_assert_double_eq(m.mean, 0.1);
	/* and a large offset does not swallow a small one */
	for (size_t i = 0; i < 7; i++)
		x[i] = 1e9 + (double)i;
	ck_assert_double_eq_tol(sample_moments(x, 7).var, 28.0 / 6.0, 1e-12);
}
END_TEST

static const struct {
	const char *label;
	double ref[3], cur[3];
	enum stats_status want;
	double statistic, p, df; /* statistic or p NaN: not looked at */
} counts[] = {
	{ "negative count", { 1, -1, 2 }, { 1, 1, 1 }, STATS_INVALID, NONE, NONE, 0 },
	{ "NaN count", { 1, NONE, 2 }, { 1, 1, 1 }, STATS_NOT_FINITE, NONE, NONE, 0 },
	{ "infinite count", { 1, INF, 2 }, { 1, 1, 1 }, STATS_NOT_FINITE, NONE, NONE, 0 },
	{ "empty side", { 0, 0, 0 }, { 1, 1, 1 }, STATS_FEW, NONE, NONE, 0 },
	{ "one category", { 9, 0, 0 }, { 4, 0, 0 }, STATS_OK, 0, 1, 0 },
	{ "category missing on both sides", { 5, 5, 0 }, { 5, 5, 0 }, STATS_OK, 0, 1, 1 },
	{ "same shares, different sizes", { 100, 200, 300 }, { 1, 2, 3 }, STATS_OK, 0, 1, 2 },
	{ "nothing in common", { 8, 0, 0 }, { 0, 5, 3 }, STATS_OK, 16, NONE, 2 },
};

START_TEST(counts_have_a_defined_outcome)
{
	struct stats_test got = categories_chi2(counts[_i].ref, counts[_i].cur, 3, false).test;

	ck_assert_msg(got.status == counts[_i].want, "%s: %s", counts[_i].label,
	    stats_status_name(got.status));
	if (got.status != STATS_OK)
		return;
	ck_assert_msg(fabs(got.statistic - counts[_i].statistic) < 1e-12, "%s: %g",
	    counts[_i].label, got.statistic);
	ck_assert_msg(isnan(counts[_i].p) || fabs(got.p - counts[_i].p) < 1e-12, "%s: p %g",
	    counts[_i].label, got.p);
	ck_assert_double_eq(got.df, counts[_i].df);
}
END_TEST

START_TEST(unseen_category_is_infinite_for_a_fit_and_fine_for_a_table)
{
	static const double ref[] = { 60, 40, 0 }, cur[] = { 50, 40, 10 };
	struct category_test fit = categories_fit(ref, cur, 3);

	ck_assert(isinf(fit.test.statistic) && fit.test.p == 0.0);
	ck_assert_double_eq(fit.expected_min, 0.0);
	ck_assert(categories_chi2(ref, cur, 3, false).test.p > 0.004);
}
END_TEST

START_TEST(fisher_has_a_defined_outcome)
{
	ck_assert_double_eq(categories_fisher(0, 0, 4, 5).p, 1.0);
	ck_assert_double_eq(categories_fisher(3, 3, 3, 3).p, 1.0);
	ck_assert_int_eq(categories_fisher(0, 0, 0, 0).status, STATS_FEW);
	ck_assert_int_eq(categories_fisher(1.5, 1, 1, 1).status, STATS_INVALID);
	ck_assert_int_eq(categories_fisher(-1, 1, 1, 1).status, STATS_INVALID);
	ck_assert_int_eq(categories_fisher(NONE, 1, 1, 1).status, STATS_NOT_FINITE);
	ck_assert_int_eq(categories_fisher(1e9, 1, 1, 1).status, STATS_LIMIT);
	/* huge tables take no time and far ones keep an order of magnitude */
	ck_assert(categories_fisher(1e8, 2e8, 1.001e8, 2e8).p < 1e-8);
	ck_assert(categories_fisher(4e8, 0, 0, 4e8).p < 1e-300);
}
END_TEST

START_TEST(shares_have_a_defined_outcome)
{
	static const double good[] = { 0.5, 0.5 }, negative[] = { 1.5, -0.5 },
			    nan[] = { NONE, 1.0 }, zero[] = { 0.0, 0.0 };

	ck_assert_int_eq(distance_psi(good, good, 0, 1e-4).status, STATS_FEW);
	ck_assert_int_eq(distance_psi(good, negative, 2, 1e-4).status, STATS_INVALID);
	ck_assert_int_eq(distance_psi(good, nan, 2, 1e-4).status, STATS_NOT_FINITE);
	ck_assert_int_eq(distance_psi(good, good, 2, 0.0).status, STATS_INVALID);
	ck_assert_int_eq(distance_js(good, good, 2, 1.0).status, STATS_INVALID);
	ck_assert_int_eq(distance_js(good, zero, 2, 0.0).status, STATS_FEW);
	ck_assert_int_eq(distance_kl(zero, good, 2).status, STATS_FEW);
	ck_assert_double_eq(distance_hellinger(good, good, 2).value, 0.0);
	ck_assert_int_eq(distance_psi_chance_level(0, 5, 10, 0.05).status, STATS_FEW);
	ck_assert_int_eq(distance_psi_chance_level(5, 5, 10, 0.0).status, STATS_INVALID);
	ck_assert_double_eq(distance_psi_chance_level(5, 5, 1, 0.05).value, 0.0);
	/* chi2 of 9 degrees at 5 % is 16.919 */
	ck_assert_double_eq_tol(distance_psi_chance_level(2000, 185, 10, 0.05).value,
	    16.918977604620448 * (1.0 / 2000 + 1.0 / 185), 1e-12);
}
END_TEST

START_TEST(binning_has_a_defined_outcome)
{
	static const double ones[] = { 1, 1, 1, 1 }, rising[] = { 1, 2, 3, 4 }, edges[] = { 2, 3 },
			    bad[] = { 3, 3 };
	static const double shrinking[] = { 5, 4, 9 }, growing[] = { 1, 2, 9 };
	struct sample_set constant = sample_make(ones, 4), spread = sample_make(rising, 4);
	struct bins bins;

	ck_assert_int_eq(bins_by_quantiles(&bins, &constant, &spread, 10), STATS_OK);
	ck_assert(bins.by_value && bins.edges == NULL && bins.k == 4);
	bins_fini(&bins);
	ck_assert_int_eq(bins_by_quantiles(&bins, &constant, &spread, 1), STATS_INVALID);
	ck_assert_int_eq(bins_by_edges(&bins, &spread, &spread, bad, 2), STATS_INVALID);
	ck_assert_int_eq(bins_by_edges(&bins, &spread, &spread, edges, 0), STATS_INVALID);
	ck_assert_int_eq(bins_by_edges(&bins, &spread, &constant, edges, 2), STATS_OK);
	/* right-closed: 2 falls into the first bin, 3 into the second */
	ck_assert(bins.ref[0] == 0.5 && bins.ref[1] == 0.25 && bins.ref[2] == 0.25);
	ck_assert(bins.cur[0] == 1.0);
	bins_fini(&bins);
	ck_assert_int_eq(bins_from_cumulative(&bins, shrinking, growing, 3), STATS_INVALID);
	ck_assert_int_eq(bins_from_cumulative(&bins, growing, growing, 0), STATS_FEW);
	ck_assert_int_eq(ks_test_buckets(shrinking, growing, 3).status, STATS_INVALID);
	ck_assert_int_eq(ks_test_buckets(growing, growing, 0).status, STATS_FEW);
	ck_assert_double_eq(ks_test_buckets(growing, growing, 3).p, 1.0);
	sample_fini(&constant);
	sample_fini(&spread);
}
END_TEST

START_TEST(sizes_have_limits)
{
	static double x[25000];
	struct sample_set s;
	struct rng rng;
	struct mmd_rows rows = { x, MMD_ROWS_MAX }, two = { x, 2 };

	for (size_t i = 0; i < ARRAY_LEN(x); i++)
		x[i] = (double)i;
	s = sample_make(x, ARRAY_LEN(x));
	rng_init(&rng, 1);
	ck_assert_int_eq(ks_test(&s, &s, KS_EXACT, STATS_TWO_SIDED).status, STATS_LIMIT);
	ck_assert_int_eq(rank_cvm(&s, &s, RANK_EXACT).status, STATS_LIMIT);
	ck_assert_int_eq(
	    rank_mann_whitney(&s, &s, RANK_EXACT, STATS_TWO_SIDED).status, STATS_LIMIT);
	ck_assert_int_eq(mmd_unbiased(rows, two, 1, 1.0).status, STATS_LIMIT);
	ck_assert_int_eq(
	    mmd_test(two, two, 1, 1.0, MMD_PERMUTATIONS_MAX + 1, &rng).status, STATS_LIMIT);
	ck_assert_int_eq(mmd_test(two, two, 1, 1.0, 0, &rng).status, STATS_INVALID);
	ck_assert_int_eq(
	    mmd_sigma((struct mmd_rows){ x, 1 }, 1, MMD_SIGMA_ALIBI).status, STATS_FEW);
	sample_fini(&s);
}
END_TEST

START_TEST(corrections_pass_over_tests_without_an_answer)
{
	double p[] = { 0.01, NONE, 0.04, 0.03 }, bad[] = { 0.5, 1.5 }, out[4];

	ck_assert_int_eq(multiple_adjust(MULTIPLE_BONFERRONI, p, 4, out), STATS_OK);
	ck_assert_double_eq(out[0], 0.03);
	ck_assert(isnan(out[1]));
	ck_assert_int_eq(multiple_adjust(MULTIPLE_BH, p, 4, p), STATS_OK);
	ck_assert_double_eq_tol(p[0], 0.03, 1e-15);
	ck_assert_double_eq_tol(p[3], 0.04, 1e-15);
	ck_assert_int_eq(multiple_adjust(MULTIPLE_HOLM, bad, 2, out), STATS_INVALID);
	ck_assert_int_eq(multiple_adjust(MULTIPLE_BH, p, 0, out), STATS_OK);
	ck_assert_int_eq(multiple_fisher(p, 0).status, STATS_FEW);
}
END_TEST

START_TEST(proportions_have_a_defined_outcome)
{
	ck_assert_int_eq(proportions_test(0, 0, 1, 2, STATS_TWO_SIDED).status, STATS_FEW);
	ck_assert_int_eq(proportions_test(3, 2, 1, 2, STATS_TWO_SIDED).status, STATS_INVALID);
	ck_assert_int_eq(proportions_test(1, INF, 1, 2, STATS_TWO_SIDED).status, STATS_NOT_FINITE);
	ck_assert_double_eq(proportions_test(5, 5, 9, 9, STATS_TWO_SIDED).p, 1.0);
	ck_assert_double_eq(proportions_test(0, 5, 0, 9, STATS_CURRENT_HIGHER).p, 1.0);
	/* the side that moved is the one that is significant */
	ck_assert(proportions_test(10, 1000, 40, 1000, STATS_CURRENT_HIGHER).p < 1e-4);
	ck_assert(proportions_test(10, 1000, 40, 1000, STATS_CURRENT_LOWER).p > 0.99);
	ck_assert_double_eq(proportions_wilson(0, 10, 0.95).low, 0.0);
	ck_assert_double_eq(proportions_wilson(10, 10, 0.95).high, 1.0);
	ck_assert_int_eq(proportions_wilson(1, 10, 1.0).status, STATS_INVALID);
	ck_assert(isinf(proportions_ratio(0, 5, 1, 5).value));
}
END_TEST

START_TEST(burning_has_a_defined_outcome)
{
	struct stats_value fast = burn_rate(15, 1000, 0.999), slow = burn_rate(0, 1000, 0.999);

	ck_assert_double_eq_tol(fast.value, 15.0, 1e-9);
	ck_assert(burn_is_above(fast, fast, 14.4));
	ck_assert(!burn_is_above(fast, slow, 14.4));
	ck_assert(!burn_is_above(fast, burn_rate(0, 0, 0.999), 14.4));
	ck_assert_int_eq(burn_rate(0, 0, 0.999).status, STATS_FEW);
	ck_assert_int_eq(burn_rate(2, 1, 0.999).status, STATS_INVALID);
	ck_assert_int_eq(burn_rate(1, 2, 1.0).status, STATS_INVALID);
	ck_assert_int_eq(burn_rate(NONE, 2, 0.9).status, STATS_NOT_FINITE);
	/* SRE workbook: 14.4 for 1 h spends 2 % of 30 days */
	ck_assert_double_eq_tol(burn_budget_spent(14.4, 1, 720).value, 0.02, 1e-15);
	ck_assert_double_eq_tol(burn_time_left(14.4, 1.0, 720).value, 50.0, 1e-12);
	ck_assert(isinf(burn_time_left(0.0, 1.0, 720).value));
	ck_assert_int_eq(burn_relative_change(0, 5).status, STATS_CONSTANT);
	ck_assert_int_eq(burn_relative_change(INF, 5).status, STATS_NOT_FINITE);
}
END_TEST

TCase *
case_edges(void)
{
	TCase *tc = tcase_create("edges");

	tcase_add_loop_test(tc, two_samples_have_a_defined_outcome, 0, (int)ARRAY_LEN(samples));
	tcase_add_test(tc, sample_drops_nan_and_counts);
	tcase_add_test(tc, sort_orders_every_size);
	tcase_add_test(tc, mad_equals_its_definition);
	tcase_add_test(tc, constant_has_no_variance_whatever_its_mean_rounds_to);
	tcase_add_loop_test(tc, counts_have_a_defined_outcome, 0, (int)ARRAY_LEN(counts));
	tcase_add_test(tc, unseen_category_is_infinite_for_a_fit_and_fine_for_a_table);
	tcase_add_test(tc, fisher_has_a_defined_outcome);
	tcase_add_test(tc, shares_have_a_defined_outcome);
	tcase_add_test(tc, binning_has_a_defined_outcome);
	tcase_add_test(tc, sizes_have_limits);
	tcase_add_test(tc, corrections_pass_over_tests_without_an_answer);
	tcase_add_test(tc, proportions_have_a_defined_outcome);
	tcase_add_test(tc, burning_has_a_defined_outcome);
	return tc;
}
