/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold for any data: symmetry, invariance, agreement of two ways. */
#include "base/attr.h"
#include "stats/bins.h"
#include "stats/categories.h"
#include "stats/distance.h"
#include "stats/ks.h"
#include "stats/location.h"
#include "stats/mmd.h"
#include "stats/rank.h"
#include "stats/wasserstein.h"
#include "suites.h"

#define N 60
#define M 45

struct pair {
	double x[N], y[M];
	struct sample_set ref, cur;
};

static void
pair_init(struct pair *pair, uint64_t seed, double (*map)(double))
{
	struct rng rng;

	rng_init(&rng, seed);
	for (size_t i = 0; i < N; i++)
		pair->x[i] = map(random_normal(&rng));
	for (size_t i = 0; i < M; i++)
		pair->y[i] = map(random_normal(&rng) + 0.3);
	pair->ref = sample_make(pair->x, N);
	pair->cur = sample_make(pair->y, M);
}

static void
pair_fini(struct pair *pair)
{
	sample_fini(&pair->ref);
	sample_fini(&pair->cur);
}

static double
same(double x)
{
	return x;
}

/* To one digit: many ties. */
static double
rounded(double x)
{
	return nearbyint(x * 4.0) / 4.0;
}

static double
scaled(double x)
{
	return 8.0 * x - 1024.0;
}

START_TEST(tests_are_symmetric)
{
	struct pair p;

	for (uint64_t seed = 0; seed < 20; seed++) {
		pair_init(&p, seed, seed % 2 == 0 ? same : rounded);
		for (int method = 0; method < KS_METHOD_COUNT; method++) {
			REQUIRE(
			    fabs(
				ks_test(&p.ref, &p.cur, (enum ks_method)method, STATS_TWO_SIDED).p /
				    ks_test(&p.cur, &p.ref, (enum ks_method)method, STATS_TWO_SIDED)
					.p -
				1.0) < 1e-10);
			REQUIRE(fabs(ks_test(&p.ref, &p.cur, (enum ks_method)method,
					 STATS_CURRENT_HIGHER)
					     .p /
					 ks_test(&p.cur, &p.ref, (enum ks_method)method,
					     STATS_CURRENT_LOWER)
					     .p -
				     1.0) < 1e-10);
		}
		REQUIRE(fabs(rank_cvm(&p.ref, &p.cur, RANK_LIMIT).statistic -
			     rank_cvm(&p.cur, &p.ref, RANK_LIMIT).statistic) < 1e-12);
		REQUIRE(fabs(rank_anderson(&p.ref, &p.cur, true).statistic -
			     rank_anderson(&p.cur, &p.ref, true).statistic) < 1e-9);
		REQUIRE(rank_mann_whitney(&p.ref, &p.cur, RANK_AUTO, STATS_TWO_SIDED).p ==
			rank_mann_whitney(&p.cur, &p.ref, RANK_AUTO, STATS_TWO_SIDED).p);
		REQUIRE(location_welch(&p.ref, &p.cur, STATS_TWO_SIDED).p ==
			location_welch(&p.cur, &p.ref, STATS_TWO_SIDED).p);
		REQUIRE(fabs(wasserstein_distance(&p.ref, &p.cur).value -
			     wasserstein_distance(&p.cur, &p.ref).value) < 1e-14);
		pair_fini(&p);
	}
}
END_TEST

START_TEST(rank_tests_are_invariant_under_increasing_maps)
{
	static double (*const maps[])(double) = { exp, atan, scaled, cbrt };

	for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
		struct pair a, b;

		pair_init(&a, 99, same);
		pair_init(&b, 99, maps[i]);
		REQUIRE(ks_test(&a.ref, &a.cur, KS_AUTO, STATS_TWO_SIDED).p ==
			ks_test(&b.ref, &b.cur, KS_AUTO, STATS_TWO_SIDED).p);
		REQUIRE(
		    rank_cvm(&a.ref, &a.cur, RANK_AUTO).p == rank_cvm(&b.ref, &b.cur, RANK_AUTO).p);
		REQUIRE(
		    rank_anderson(&a.ref, &a.cur, true).p == rank_anderson(&b.ref, &b.cur, true).p);
		REQUIRE(rank_mann_whitney(&a.ref, &a.cur, RANK_AUTO, STATS_TWO_SIDED).p ==
			rank_mann_whitney(&b.ref, &b.cur, RANK_AUTO, STATS_TWO_SIDED).p);
		pair_fini(&a);
		pair_fini(&b);
	}
}
END_TEST

START_TEST(wasserstein_scales_and_normed_does_not)
{
	struct pair a, b;

	pair_init(&a, 5, same);
	pair_init(&b, 5, scaled);
	ck_assert_double_eq_tol(wasserstein_distance(&b.ref, &b.cur).value,
	    8.0 * wasserstein_distance(&a.ref, &a.cur).value, 1e-9);
	ck_assert_double_eq_tol(wasserstein_normed(&b.ref, &b.cur, 0.0).value,
	    wasserstein_normed(&a.ref, &a.cur, 0.0).value, 1e-10);
	pair_fini(&a);
	pair_fini(&b);
}
END_TEST

START_TEST(a_shift_moves_wasserstein_by_itself)
{
	double x[N], y[N];
	struct rng rng;
	struct sample_set a, b;

	rng_init(&rng, 3);
	for (size_t i = 0; i < N; i++) {
		x[i] = random_normal(&rng);
		y[i] = x[i] + 2.5;
	}
	a = sample_make(x, N);
	b = sample_make(y, N);
	ck_assert_double_eq_tol(wasserstein_distance(&a, &b).value, 2.5, 1e-12);
	sample_fini(&a);
	sample_fini(&b);
}
END_TEST

/* Buckets see less than the samples: D from them is never larger. */
START_TEST(bucket_distance_is_a_lower_bound)
{
	static const double edges[] = { -1.5, -0.5, 0.0, 0.5, 1.0, 2.0 };

	for (uint64_t seed = 0; seed < 30; seed++) {
		double ref[7], cur[7];
		struct pair p;
		struct bins bins;
		double full;

		pair_init(&p, seed, same);
		full = ks_test(&p.ref, &p.cur, KS_AUTO, STATS_TWO_SIDED).statistic;
		REQUIRE(bins_by_edges(&bins, &p.ref, &p.cur, edges, ARRAY_LEN(edges)) == STATS_OK);
		for (size_t i = 0; i < 7; i++) {
			ref[i] = bins.ref[i] * N + (i > 0 ? ref[i - 1] : 0.0);
			cur[i] = bins.cur[i] * M + (i > 0 ? cur[i - 1] : 0.0);
		}
		REQUIRE(ks_test_buckets(ref, cur, 7).statistic <= full + 1e-12);
		REQUIRE(ks_test_buckets(ref, cur, 7).statistic > 0.0);
		bins_fini(&bins);
		pair_fini(&p);
	}
}
END_TEST

START_TEST(distances_keep_their_order_and_range)
{
	struct rng rng;

	rng_init(&rng, 8);
	for (int round = 0; round < 2000; round++) {
		double p[8], q[8], sum_p = 0.0, sum_q = 0.0, js, h, tv;

		for (size_t i = 0; i < 8; i++) {
			p[i] = rng_below(&rng, 4) == 0 ? 0.0 : rng_unit(&rng);
			q[i] = rng_below(&rng, 4) == 0 ? 0.0 : rng_unit(&rng);
			sum_p += p[i];
			sum_q += q[i];
		}
		if (sum_p == 0.0 || sum_q == 0.0)
			continue;
		for (size_t i = 0; i < 8; i++) {
			p[i] /= sum_p;
			q[i] /= sum_q;
		}
		js = distance_js(p, q, 8, 2.0).value;
		h = distance_hellinger(p, q, 8).value;
		tv = distance_total_variation(p, q, 8).value;
		REQUIRE(fabs(js - distance_js(q, p, 8, 2.0).value) < 1e-14);
		REQUIRE(js >= 0.0 && js <= 1.0 + 1e-15 && h <= 1.0 && tv <= 1.0 + 1e-15);
		/* H^2 <= TV <= sqrt2 H; JS^2 <= TV (Lin 1991) */
		REQUIRE(h * h <= tv + 1e-12 && tv <= M_SQRT2 * h + 1e-12);
		REQUIRE(js * js <= tv + 1e-12);
		REQUIRE(fabs(distance_psi(p, q, 8, 1e-9).value -
			     distance_psi(q, p, 8, 1e-9).value) < 1e-9);
		/* Pinsker */
		REQUIRE(distance_kl(p, q, 8).value >= 2.0 * tv * tv - 1e-12);
	}
}
END_TEST

START_TEST(mmd_repeats_with_its_seed_and_sees_a_shift)
{
	double x[40], y[40], z[40];
	struct rng rng;
	struct mmd_rows a = { x, 20 }, b = { y, 20 }, c = { z, 20 };
	struct stats_test first, again;
	double sigma;

	rng_init(&rng, 4);
	for (size_t i = 0; i < 40; i++) {
		x[i] = random_normal(&rng);
		y[i] = random_normal(&rng);
		z[i] = random_normal(&rng) + 1.5;
	}
	sigma = mmd_sigma(a, 2, MMD_SIGMA_ALIBI).value;
	rng_init(&rng, 7);
	first = mmd_test(a, b, 2, sigma, 500, &rng);
	rng_init(&rng, 7);
	again = mmd_test(a, b, 2, sigma, 500, &rng);
	ck_assert_double_eq(first.p, again.p);
	ck_assert_double_eq_tol(first.statistic, mmd_unbiased(a, b, 2, sigma).value, 1e-15);
	ck_assert(first.p > 0.05);
	ck_assert_double_eq_tol(mmd_test(a, c, 2, sigma, 500, &rng).p, 1.0 / 501.0, 1e-15);
}
END_TEST

TCase *
case_properties(void)
{
	TCase *tc = tcase_create("properties");

	tcase_add_test(tc, tests_are_symmetric);
	tcase_add_test(tc, rank_tests_are_invariant_under_increasing_maps);
	tcase_add_test(tc, wasserstein_scales_and_normed_does_not);
	tcase_add_test(tc, a_shift_moves_wasserstein_by_itself);
	tcase_add_test(tc, bucket_distance_is_a_lower_bound);
	tcase_add_test(tc, distances_keep_their_order_and_range);
	tcase_add_test(tc, mmd_repeats_with_its_seed_and_sees_a_shift);
	return tc;
}
