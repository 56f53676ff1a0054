/* SPDX-License-Identifier: Apache-2.0 */
/* Tails: how rare is a value, against laws that are known. */
#include "config.h"

#include <math.h>

#include "base/rng.h"
#include "stats/sample.h"
#include "stats/tail.h"
#include "unit/stats/suites.h"

#define N 4000

static double x[N];

/* Sorted draws: exponential, or Pareto with P(X > v) = v^-2. */
static void
draw(bool heavy, uint64_t seed)
{
	struct rng rng;

	rng_init(&rng, seed);
	for (size_t i = 0; i < N; i++) {
		double u = 1.0 - rng_unit(&rng);

		x[i] = heavy ? pow(u, -0.5) : -log(u);
	}
	sample_sort(x, N);
}

START_TEST(surprise_is_the_powers_of_ten_of_an_exponential_tail)
{
	draw(false, 1);
	for (double surprise = 2.0; surprise <= 7.0; surprise += 1.0) {
		struct tail tail = tail_fit(x, N, 1, 0.02, 0.0, 1.0);

		ck_assert_double_eq_tol(
		    tail_surprise(&tail, surprise * log(10.0)), surprise, 0.25 * surprise);
	}
}
END_TEST

START_TEST(heavy_tail_is_not_taken_for_a_light_one)
{
	struct tail tail;

	draw(true, 2);
	tail = tail_fit(x, N, 1, 0.02, 0.0, 1.0);
	/* 1000 is 10^-6 of the law; an exponential of the same mean would say 10^-50. */
	ck_assert_double_gt(tail_surprise(&tail, 1000.0), 4.0);
	ck_assert_double_lt(tail_surprise(&tail, 1000.0), 9.0);
}
END_TEST

START_TEST(within_the_sample_the_sample_says)
{
	struct tail tail;

	draw(false, 3);
	tail = tail_fit(x, N, 1, 0.02, 0.0, 1.0);
	ck_assert_double_eq_tol(tail_surprise(&tail, x[N / 2]), 0.301, 0.01);
	ck_assert_double_eq_tol(tail_surprise(&tail, x[0] - 1.0), 0.0, 1e-3);
}
END_TEST

START_TEST(lower_tail_mirrors_the_upper)
{
	struct tail up, down;
	static double mirrored[N];

	draw(false, 4);
	up = tail_fit(x, N, 1, 0.02, 0.0, 1.0);
	for (size_t i = 0; i < N; i++)
		mirrored[i] = -x[N - 1 - i];
	down = tail_fit(mirrored, N, -1, 0.02, 0.0, 1.0);
	for (double v = 0.1; v < 30.0; v *= 1.7)
		ck_assert_double_eq_tol(tail_surprise(&up, v), tail_surprise(&down, -v), 1e-12);
}
END_TEST

START_TEST(value_and_surprise_are_inverse)
{
	struct tail tail;

	for (int heavy = 0; heavy < 2; heavy++) {
		draw(heavy == 1, 5);
		tail = tail_fit(x, N, 1, 0.02, 0.0, 1.0);
		for (double s = 2.0; s < 9.0; s += 0.5)
			ck_assert_double_eq_tol(
			    tail_surprise(&tail, tail_value(&tail, s)), s, 1e-9);
	}
}
END_TEST

START_TEST(surprise_never_falls_outwards)
{
	struct tail tail;
	double last = 0.0;

	draw(true, 6);
	tail = tail_fit(x, N, 1, 0.02, 0.0, 1.0);
	for (double v = 1.0; v < 1e6; v *= 1.05) {
		double now = tail_surprise(&tail, v);

		ck_assert(now >= last - 0.02);
		last = now;
	}
}
END_TEST

START_TEST(too_few_not_finite_and_constant_samples)
{
	struct tail tail;

	draw(false, 7);
	tail = tail_fit(x, TAIL_POINTS_MIN - 1, 1, 0.02, 0.0, 1.0);
	ck_assert_int_eq(tail.status, STATS_FEW);
	ck_assert_double_eq(tail_surprise(&tail, 1e9), 0.0);
	x[N - 1] = STATS_INFINITY;
	ck_assert_int_eq(tail_fit(x, N, 1, 0.02, 0.0, 1.0).status, STATS_NOT_FINITE);
	for (size_t i = 0; i < N; i++)
		x[i] = 5.0;
	tail = tail_fit(x, N, 1, 0.02, 0.1, 1.0);
	ck_assert_double_eq_tol(tail_surprise(&tail, 5.0), 0.0, 1e-3);
	ck_assert_double_eq_tol(tail_surprise(&tail, 6.0), -log10(0.02) + 10.0 / log(10.0), 1e-9);
	ck_assert_double_eq(tail_surprise(&tail, STATS_NAN), 0.0);
}
END_TEST

TCase *
case_tail(void)
{
	TCase *t = tcase_create("tail");

	tcase_add_test(t, surprise_is_the_powers_of_ten_of_an_exponential_tail);
	tcase_add_test(t, heavy_tail_is_not_taken_for_a_light_one);
	tcase_add_test(t, within_the_sample_the_sample_says);
	tcase_add_test(t, lower_tail_mirrors_the_upper);
	tcase_add_test(t, value_and_surprise_are_inverse);
	tcase_add_test(t, surprise_never_falls_outwards);
	tcase_add_test(t, too_few_not_finite_and_constant_samples);
	return t;
}
