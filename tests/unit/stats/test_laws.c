/* SPDX-License-Identifier: Apache-2.0 */
/* Laws against published values, and against each other where two methods meet. */
#include "base/attr.h"
#include "stats/dist.h"
#include "stats/kolmogorov.h"
#include "stats/quadform.h"
#include "stats/rank.h"
#include "suites.h"

static const struct {
	const char *label;
	double (*sf)(double x);
	double x, want, tolerance;
} published[] = {
	{ "Kolmogorov 5 %", kolmogorov_limit, 1.3580986393225507, 0.05, 1e-12 },
	{ "Kolmogorov 1 %", kolmogorov_limit, 1.6276236115189504, 0.01, 1e-12 },
	/* Smirnov 1948, table: K(0.60) = 0.135718 */
	{ "Kolmogorov, lower end", kolmogorov_limit, 0.60, 1.0 - 0.135718, 1e-6 },
	/* Csorgo and Faraway 1996, table 1 */
	{ "Cramer-von Mises 5 %", quadform_cvm_sf, 0.46136, 0.05, 1e-6 },
	{ "Cramer-von Mises 1 %", quadform_cvm_sf, 0.74346, 0.01, 1e-6 },
	{ "Cramer-von Mises 95 %", quadform_cvm_sf, 0.03656, 0.95, 3e-4 },
	/* Anderson and Darling 1954; Lewis 1961 */
	{ "Anderson-Darling 10 %", quadform_anderson_sf, 1.933, 0.10, 1e-4 },
	{ "Anderson-Darling 5 %", quadform_anderson_sf, 2.492, 0.05, 3e-5 },
	{ "Anderson-Darling 1 %", quadform_anderson_sf, 3.878, 0.01, 3e-5 },
	/* Marsaglia and Marsaglia 2004: ADinf(1) = 0.6427... */
	{ "Anderson-Darling at 1", quadform_anderson_sf, 1.0, 0.3572, 1e-4 },
};

START_TEST(tail_has_published_value)
{
	double got = published[_i].sf(published[_i].x);

	ck_assert_msg(fabs(got - published[_i].want) <= published[_i].tolerance,
	    "%s: want %g, got %.10g", published[_i].label, published[_i].want, got);
}
END_TEST

/* Marsaglia, Tsang and Wang 2003, section 3 */
START_TEST(one_sample_law_has_published_value)
{
	ck_assert_double_eq_tol(1.0 - kolmogorov_one_sample(10, 0.274), 0.6284796154565043, 1e-13);
}
END_TEST

/* Durbin's matrix, evaluated once for sizes above those that use it: D < z/sqrt n. */
static const struct {
	uint64_t n;
	double z, cdf;
} one_sample[] = {
	{ 200, 0.5, 0.043639339296 },
	{ 200, 0.9, 0.623075424127 },
	{ 200, 1.3, 0.936129352658 },
	{ 800, 0.5, 0.039839096979 },
	{ 800, 1.1, 0.826846097558 },
	{ 800, 1.7, 0.994083454592 },
	{ 2000, 0.7, 0.294908658487 },
	{ 2000, 1.3, 0.933232063298 },
	{ 2000, 1.9, 0.998580267463 },
};

START_TEST(one_sample_expansion_agrees_with_the_matrix)
{
	double n = (double)one_sample[_i].n, z = one_sample[_i].z;
	double got = 1.0 - kolmogorov_one_sample(one_sample[_i].n, z / sqrt(n));

	ck_assert_msg(
	    fabs(got - one_sample[_i].cdf) <= 0.06 / (n * n), "n = %g, z = %g: %.12f", n, z, got);
}
END_TEST

START_TEST(one_sample_methods_meet)
{
	static const struct {
		uint64_t n;
		double at, tolerance; /* n d^2 where two methods meet */
	} seams[] = { { 140, 4.0, 1e-9 }, { 500, 2.2, 2e-5 }, { 20000, 2.2, 3e-6 } };

	for (size_t i = 0; i < ARRAY_LEN(seams); i++) {
		double d = sqrt(seams[i].at / (double)seams[i].n);
		double below = kolmogorov_one_sample(seams[i].n, d * (1.0 - 1e-12));
		double above = kolmogorov_one_sample(seams[i].n, d * (1.0 + 1e-12));

		ck_assert_msg(fabs(below / above - 1.0) <= seams[i].tolerance, "seam %zu: %g", i,
		    below / above - 1.0);
	}
}
END_TEST

START_TEST(cramer_von_mises_series_meet)
{
	double below = quadform_cvm_sf(0.15 * (1.0 - 1e-14));
	double above = quadform_cvm_sf(0.15);

	ck_assert_double_eq_tol(below, above, 1e-11);
}
END_TEST

/* A tail that 1 - cdf could not resolve. */
START_TEST(tails_keep_their_digits)
{
	/* ratio of tails tends to exp(-lambda_1 dx / 2) */
	double ratio = quadform_cvm_sf(12.0) / quadform_cvm_sf(10.0);

	ck_assert_double_eq_tol(ratio, exp(-M_PI * M_PI) * sqrt(10.0 / 12.0), 1e-7);
	ck_assert(quadform_cvm_sf(12.0) > 0.0 && quadform_cvm_sf(12.0) < 1e-20);
	ck_assert(kolmogorov_two_sample(3000, 3000, UINT64_C(2700000), false, NULL) > 0.0);
	/* close to where a double ends, and beyond */
	ck_assert(kolmogorov_two_sample(3000, 3000, UINT64_C(4200000), false, NULL) > 0.0);
	ck_assert(kolmogorov_two_sample(3000, 3000, UINT64_C(9000000), false, NULL) == 0.0);
	ck_assert(kolmogorov_two_sample(3000, 3000, UINT64_C(2700000), false, NULL) < 1e-110);
}
END_TEST

/* P(D >= h/n^2), n = m: closed form by reflection (Gnedenko and Korolyuk 1951). */
START_TEST(exact_law_has_closed_form_for_equal_sizes)
{
	for (uint64_t n = 1; n <= 60; n += 7)
		for (uint64_t h = 1; h <= n; h += 3) {
			double sum = 0.0, base = lgamma((double)n + 1.0) * 2.0, got;

			for (uint64_t k = 1; k * h <= n; k++) {
				double term = exp(base - lgamma((double)(n + k * h) + 1.0) -
						  lgamma((double)(n - k * h) + 1.0));

				sum += k % 2 == 1 ? term : -term;
			}
			got = kolmogorov_two_sample(n, n, h * n, false, NULL);
			REQUIRE(fabs(got - 2.0 * sum) <= 1e-11);
			got = kolmogorov_two_sample(n, n, h * n, true, NULL);
			REQUIRE(fabs(got - exp(base - lgamma((double)(n + h) + 1.0) -
					       lgamma((double)(n - h) + 1.0))) <= 1e-12);
		}
}
END_TEST

START_TEST(quantiles_invert_tails)
{
	for (int i = 1; i < 400; i++) {
		double q = i < 200 ? exp(-0.5 * i) : 0.005 * (i - 200) + 1e-4;

		REQUIRE(fabs(dist_normal_sf(dist_normal_isf(q)) / q - 1.0) < 1e-11);
		REQUIRE(fabs(dist_t_sf(dist_t_isf(q, 7.0), 7.0) / q - 1.0) < 1e-10);
		REQUIRE(fabs(dist_chi2_sf(dist_chi2_isf(q, 5.0), 5.0) / q - 1.0) < 1e-10);
	}
}
END_TEST

/* Scholz and Stephens 1987, table 1: the limit's quantiles for k = 2 */
START_TEST(anderson_table_and_limit_agree)
{
	static const double at[] = { 1.226, 1.961, 2.718, 3.752 };

	for (size_t i = 0; i < ARRAY_LEN(at); i++) {
		double limit =
		    quadform_anderson_sf(1.0 + at[i] * sqrt(2.0 * (M_PI * M_PI - 9.0) / 3.0));

		REQUIRE(fabs(rank_anderson_table_p(at[i]) / limit - 1.0) < 0.1);
	}
	ck_assert_double_eq(rank_anderson_table_p(0.0), 0.25);
	ck_assert_double_eq(rank_anderson_table_p(50.0), 0.001);
}
END_TEST

TCase *
case_laws(void)
{
	TCase *tc = tcase_create("laws");

	tcase_add_loop_test(tc, tail_has_published_value, 0, (int)ARRAY_LEN(published));
	tcase_add_test(tc, one_sample_law_has_published_value);
	tcase_add_loop_test(
	    tc, one_sample_expansion_agrees_with_the_matrix, 0, (int)ARRAY_LEN(one_sample));
	tcase_add_test(tc, one_sample_methods_meet);
	tcase_add_test(tc, cramer_von_mises_series_meet);
	tcase_add_test(tc, tails_keep_their_digits);
	tcase_add_test(tc, exact_law_has_closed_form_for_equal_sizes);
	tcase_add_test(tc, quantiles_invert_tails);
	tcase_add_test(tc, anderson_table_and_limit_agree);
	tcase_set_timeout(tc, 60);
	return tc;
}
