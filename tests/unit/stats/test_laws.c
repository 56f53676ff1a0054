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

START_TEST(one_sample_matrix_and_correction_meet)
{
	/* just above the size at which the matrix gives way */
	for (int i = 4; i < 20; i++) {
		double x = 0.1 * i, below = KOLMOGOROV_EXACT_N, above = below + 1.0;
		double a = kolmogorov_one_sample(KOLMOGOROV_EXACT_N, x / sqrt(below));
		double b = kolmogorov_one_sample(KOLMOGOROV_EXACT_N + 1, x / sqrt(above));

		/* the law itself moves by up to 2e-6 from n to n + 1 */
		ck_assert_msg(fabs(a - b) < 2e-6, "x = %g: %.10g and %.10g", x, a, b);
	}
}
END_TEST

START_TEST(one_sample_tail_and_matrix_meet)
{
	double d = 2.0 / sqrt(500.0), below, above;

	below = kolmogorov_one_sample(500, d * (1.0 - 1e-12));
	above = kolmogorov_one_sample(500, d * (1.0 + 1e-12));
	ck_assert_double_eq_tol(below / above, 1.0, 1e-8);
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
	tcase_add_test(tc, one_sample_matrix_and_correction_meet);
	tcase_add_test(tc, one_sample_tail_and_matrix_meet);
	tcase_add_test(tc, cramer_von_mises_series_meet);
	tcase_add_test(tc, tails_keep_their_digits);
	tcase_add_test(tc, exact_law_has_closed_form_for_equal_sizes);
	tcase_add_test(tc, quantiles_invert_tails);
	tcase_add_test(tc, anderson_table_and_limit_agree);
	tcase_set_timeout(tc, 60);
	return tc;
}
