/* SPDX-License-Identifier: Apache-2.0 */
/* Baselines, charts, smoothing and lines: their edges, and that they see change. */
#include "base/attr.h"
#include "stats/baseline.h"
#include "stats/chart.h"
#include "stats/forecast.h"
#include "stats/smoothing.h"
#include "suites.h"

#define INF  STATS_INFINITY
#define NONE STATS_NAN

typedef struct baseline_score baseline_fn(const double *, size_t, double, double, double);

/* clang-format off */
static const struct {
	const char *label;
	baseline_fn *run;
	double x[6];
	double point, width, floor;
	enum stats_status want;
	double score; /* NaN: not looked at */
} baselines[] = {
	{ "z: equal to a constant", baseline_zscore, { 5, 5, 5, 5, 5, 5 }, 5, 3, 0, STATS_OK, 0 },
	{ "z: off a constant", baseline_zscore, { 5, 5, 5, 5, 5, 5 }, 5.01, 3, 0, STATS_CONSTANT, NONE },
	{ "z: off a constant, with a floor", baseline_zscore, { 5, 5, 5, 5, 5, 5 }, 6, 3, 0.5, STATS_OK, 2 },
	{ "z: infinite baseline", baseline_zscore, { 5, 5, INF, 5, 5, 5 }, 5, 3, 0, STATS_NOT_FINITE, NONE },
	{ "z: NaN point", baseline_zscore, { 1, 2, 3, 4, 5, 6 }, NONE, 3, 0, STATS_NOT_FINITE, NONE },
	{ "z: one value", baseline_zscore, { 1, NONE, NONE, NONE, NONE, NONE }, 2, 3, 0, STATS_FEW, NONE },
	{ "z: no width", baseline_zscore, { 1, 2, 3, 4, 5, 6 }, 2, 0, 0, STATS_INVALID, NONE },
	{ "z: negative floor", baseline_zscore, { 1, 2, 3, 4, 5, 6 }, 2, 3, -1, STATS_INVALID, NONE },
	{ "z: huge values", baseline_zscore, { 1e308, -1e308, 1e308, -1e308, 1e308, -1e308 }, 0, 3, 0, STATS_NOT_FINITE, NONE },
	{ "robust: one outlier moves nothing", baseline_robust, { 1, 2, 3, 4, 5, 1e9 }, 3.5, 3.5, 0, STATS_OK, 0 },
	{ "robust: over half equal", baseline_robust, { 5, 5, 5, 5, 9, 1 }, 6, 3.5, 0, STATS_OK, 0.598413420602149 },
	{ "robust: off a constant", baseline_robust, { 5, 5, 5, 5, 5, 5 }, 6, 3.5, 0, STATS_CONSTANT, NONE },
	{ "robust: two values", baseline_robust, { 5, 6, NONE, NONE, NONE, NONE }, 6, 3.5, 0, STATS_FEW, NONE },
	{ "iqr: inside", baseline_iqr, { 1, 2, 3, 4, 5, 6 }, 3, 1.5, 0, STATS_OK, 0 },
	{ "iqr: above", baseline_iqr, { 1, 2, 3, 4, 5, 6 }, 9.75, 1.5, 0, STATS_OK, 2 },
	{ "iqr: off a constant", baseline_iqr, { 5, 5, 5, 5, 5, 5 }, 6, 1.5, 0, STATS_CONSTANT, NONE },
	{ "iqr: three values", baseline_iqr, { 5, 6, 7, NONE, NONE, NONE }, 6, 1.5, 0, STATS_FEW, NONE },
};
/* clang-format on */

START_TEST(baseline_has_a_defined_outcome)
{
	struct baseline_score got = baselines[_i].run(
	    baselines[_i].x, 6, baselines[_i].point, baselines[_i].width, baselines[_i].floor);

	ck_assert_msg(got.status == baselines[_i].want, "%s: %s", baselines[_i].label,
	    stats_status_name(got.status));
	ck_assert_msg((got.status == STATS_OK) == !isnan(got.score), "%s", baselines[_i].label);
	if (!isnan(baselines[_i].score))
		ck_assert_msg(fabs(got.score - baselines[_i].score) < 1e-12, "%s: %.17g",
		    baselines[_i].label, got.score);
	if (got.status == STATS_OK)
		ck_assert_msg((baselines[_i].point > got.high || baselines[_i].point < got.low) ==
				  (fabs(got.score) > got.limit),
		    "%s: band and score disagree", baselines[_i].label);
}
END_TEST

START_TEST(one_bad_period_does_not_move_a_seasonal_centre)
{
	static const double a[] = { 9, 10, 11 }, b[] = { 10, 11, 12 }, c[] = { 8, 9, 10 },
			    bad[] = { 500, 510, 520 };
	struct baseline_period periods[] = { { a, 3 }, { b, 3 }, { c, 3 }, { bad, 3 }, { a, 0 } };
	struct baseline_score score = baseline_seasonal(periods, 5, 3, 10.5, 3.5, 0.0);

	ck_assert_int_eq(score.status, STATS_OK);
	ck_assert_double_eq(score.centre, 10.5);
	ck_assert_double_eq(score.score, 0.0);
	ck_assert_int_eq(baseline_seasonal(periods, 5, 5, 10, 3.5, 0.0).status, STATS_FEW);
	ck_assert_int_eq(baseline_seasonal(periods, 0, 0, 10, 3.5, 0.0).status, STATS_FEW);
	ck_assert_int_eq(baseline_seasonal(periods, 5, 3, NONE, 3.5, 0.0).status, STATS_NOT_FINITE);
}
END_TEST

START_TEST(charts_refuse_bad_parameters)
{
	struct chart_ewma ewma;
	struct chart_cusum cusum;
	struct chart_page_hinkley ph;

	ck_assert_int_eq(chart_ewma_init(&ewma, 0, 0, 0.2, 3), STATS_INVALID);
	ck_assert_int_eq(chart_ewma_init(&ewma, 0, 1, 0, 3), STATS_INVALID);
	ck_assert_int_eq(chart_ewma_init(&ewma, NONE, 1, 0.2, 3), STATS_INVALID);
	ck_assert_int_eq(chart_cusum_init(&cusum, 0, 0, 0.5, 5), STATS_INVALID);
	ck_assert_int_eq(chart_cusum_init(&cusum, 0, INF, 0.5, 5), STATS_INVALID);
	ck_assert_int_eq(chart_page_hinkley_init(&ph, 0, 5, 0, 10), STATS_INVALID);
	ck_assert_int_eq(chart_page_hinkley_init(&ph, 0, NONE, 1, 10), STATS_INVALID);
	ck_assert_int_eq(chart_adwin(NULL, 0, 0.01, 5).status, STATS_FEW);
}
END_TEST

/* NaN and infinity between good points must leave no trace. */
START_TEST(charts_pass_over_what_is_not_finite)
{
	struct chart_ewma ewma[2];
	struct chart_cusum cusum[2];
	struct chart_page_hinkley ph[2];

	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(chart_ewma_init(&ewma[i], 0, 1, 0.2, 3), STATS_OK);
		ck_assert_int_eq(chart_cusum_init(&cusum[i], 0, 1, 0.5, 5), STATS_OK);
		ck_assert_int_eq(chart_page_hinkley_init(&ph[i], 0.005, 5, 1, 10), STATS_OK);
		for (int t = 0; t < 20; t++) {
			double x = 0.1 * t;

			(void)chart_ewma_step(&ewma[i], x);
			(void)chart_cusum_step(&cusum[i], x);
			(void)chart_page_hinkley_step(&ph[i], x);
			if (i == 0)
				continue;
			x = t % 2 == 0 ? NONE : -INF;
			ck_assert(!chart_ewma_step(&ewma[i], x));
			ck_assert(!chart_cusum_step(&cusum[i], x));
			ck_assert(!chart_page_hinkley_step(&ph[i], x));
		}
	}
	ck_assert_double_eq(ewma[0].z, ewma[1].z);
	ck_assert_double_eq(ewma[0].high, ewma[1].high);
	ck_assert_double_eq(cusum[0].up, cusum[1].up);
	ck_assert_double_eq(ph[0].statistic, ph[1].statistic);
	ck_assert_uint_eq(ph[1].points, 20);
}
END_TEST

/* Average run length of CUSUM k = 0.5, h = 5: 465 without, 10.4 with a shift of one sigma. */
START_TEST(cusum_has_its_published_run_lengths)
{
	static const struct {
		double shift, want, tolerance;
	} runs[] = { { 0.0, 465.0, 60.0 }, { 1.0, 10.4, 0.6 } };
	struct rng rng;

	rng_init(&rng, 21);
	for (size_t r = 0; r < ARRAY_LEN(runs); r++) {
		struct chart_cusum chart;
		double points = 0.0;

		ck_assert_int_eq(chart_cusum_init(&chart, 0, 1, 0.5, 5), STATS_OK);
		for (int i = 0; i < 1000; i++) {
			chart_cusum_reset(&chart);
			do
				points++;
			while (!chart_cusum_step(&chart, random_normal(&rng) + runs[r].shift));
		}
		ck_assert_double_eq_tol(points / 1000.0, runs[r].want, runs[r].tolerance);
	}
}
END_TEST

static double
wave(size_t t)
{
	static const double shape[] = { 0, 5, 9, 4, -3, -8, -7 };

	return 100.0 + 0.5 * (double)t + shape[t % 7];
}

START_TEST(winters_learns_a_line_with_seasons)
{
	double x[70];
	struct smoothing_winters w;
	struct rng rng;

	for (size_t t = 0; t < 70; t++)
		x[t] = wave(t);
	ck_assert_int_eq(smoothing_winters_fit(&w, 0.3, 0.1, 0.2, 7, x, 70), STATS_OK);
	for (size_t h = 1; h <= 20; h++)
		ck_assert_double_eq_tol(smoothing_winters_predict(&w, h), wave(69 + h), 1e-6);
	smoothing_winters_fini(&w);
	/* with noise of sigma 1 the band has about that width, and grows */
	rng_init(&rng, 5);
	for (size_t t = 0; t < 70; t++)
		x[t] += random_normal(&rng);
	ck_assert_int_eq(smoothing_winters_fit(&w, 0.3, 0.1, 0.2, 7, x, 70), STATS_OK);
	ck_assert_double_eq_tol(smoothing_winters_sd(&w, 1).value, 1.2, 0.4);
	ck_assert(smoothing_winters_sd(&w, 10).value > smoothing_winters_sd(&w, 1).value);
	/* a hole is bridged */
	(void)smoothing_winters_step(&w, NONE);
	ck_assert_double_eq_tol(smoothing_winters_predict(&w, 1), wave(71), 3.0);
	smoothing_winters_fini(&w);
}
END_TEST

START_TEST(winters_has_a_defined_outcome)
{
	double x[20] = { 0 };
	struct smoothing_winters w;

	ck_assert_int_eq(smoothing_winters_fit(&w, 0.3, 0.1, 0.2, 11, x, 20), STATS_FEW);
	ck_assert_int_eq(smoothing_winters_fit(&w, 0.3, 0.1, 0.2, 1, x, 20), STATS_INVALID);
	ck_assert_int_eq(smoothing_winters_fit(&w, 1.3, 0.1, 0.2, 5, x, 20), STATS_INVALID);
	ck_assert_int_eq(
	    smoothing_winters_fit(&w, 0.3, 0.1, 0.2, SMOOTHING_PERIOD_MAX + 1, x, 20), STATS_LIMIT);
	/* constant: a perfect prediction and no band to judge by */
	ck_assert_int_eq(smoothing_winters_fit(&w, 0.3, 0.1, 0.2, 5, x, 20), STATS_OK);
	ck_assert_double_eq(smoothing_winters_predict(&w, 3), 0.0);
	ck_assert_int_eq(smoothing_winters_sd(&w, 1).status, STATS_CONSTANT);
	smoothing_winters_fini(&w);
	x[3] = INF;
	ck_assert_int_eq(smoothing_winters_fit(&w, 0.3, 0.1, 0.2, 5, x, 20), STATS_NOT_FINITE);
	ck_assert_int_eq(smoothing_holt(x, 1, 0.5, 0.5).status, STATS_FEW);
	ck_assert_int_eq(smoothing_holt(x, 20, 0.5, 0.5).status, STATS_NOT_FINITE);
	ck_assert_int_eq(smoothing_holt(x, 3, 1.0, 0.5).status, STATS_INVALID);
}
END_TEST

START_TEST(lines_have_a_defined_outcome)
{
	static const double t[] = { 0, 1, 2, 3, 4, 5, 6, 7 }, same[8] = { 3, 3, 3, 3, 3, 3, 3, 3 };
	double y[] = { 0, 2, 4, 6, 8, 10, 12, 1000 };
	struct forecast_line robust = forecast_theil_sen(t, y, 8);
	struct forecast_line least = forecast_least_squares(t, y, 8);

	/* one wild point: Theil-Sen does not mind */
	ck_assert_double_eq_tol(robust.slope, 2.0, 1e-12);
	ck_assert(least.slope > 50.0);
	ck_assert_double_eq_tol(
	    forecast_time_to(&robust, 7, forecast_at(&robust, 10)).value, 10, 1e-9);
	/* behind us or never */
	ck_assert_double_eq(forecast_time_to(&robust, 7, 3).value, 7);
	ck_assert_int_eq(forecast_least_squares(same, y, 8).status, STATS_CONSTANT);
	ck_assert_int_eq(forecast_theil_sen(same, y, 8).status, STATS_CONSTANT);
	least = forecast_least_squares(t, same, 8);
	ck_assert(least.status == STATS_OK && least.slope == 0.0 && least.r2 == 1.0);
	ck_assert(isinf(forecast_time_to(&least, 0, 9).value));
	ck_assert_double_eq(forecast_kendall(t, same, 8).p, 1.0);
	ck_assert_int_eq(forecast_least_squares(t, y, 1).status, STATS_FEW);
	least = forecast_least_squares(t, y, 2);
	ck_assert_int_eq(forecast_sd_at(&least, 3).status, STATS_FEW);
	y[2] = INF;
	ck_assert_int_eq(forecast_theil_sen(t, y, 8).status, STATS_NOT_FINITE);
	y[2] = NONE;
	ck_assert_double_eq_tol(forecast_theil_sen(t, y, 8).slope, 2.0, 1e-12);
	ck_assert_uint_eq(forecast_theil_sen(t, y, 8).n, 7);
	ck_assert_int_eq(
	    forecast_theil_sen(t, y, FORECAST_PAIRS_POINTS_MAX + 1).status, STATS_LIMIT);
}
END_TEST

START_TEST(adwin_finds_the_cut)
{
	double x[120];
	struct chart_adwin cut;

	for (size_t i = 0; i < 120; i++)
		x[i] = i < 80 ? (i % 10 == 0) : (i % 10 != 0);
	cut = chart_adwin(x, 120, 0.002, 5);
	ck_assert(cut.status == STATS_OK && cut.is_change);
	ck_assert_uint_ge(cut.cut, 78);
	ck_assert_uint_le(cut.cut, 83);
	cut = chart_adwin(x, 80, 0.002, 5);
	ck_assert(cut.status == STATS_OK && !cut.is_change);
	x[3] = 2.0;
	ck_assert_int_eq(chart_adwin(x, 80, 0.002, 5).status, STATS_INVALID);
}
END_TEST

TCase *
case_streams(void)
{
	TCase *tc = tcase_create("streams");

	tcase_add_loop_test(tc, baseline_has_a_defined_outcome, 0, (int)ARRAY_LEN(baselines));
	tcase_add_test(tc, one_bad_period_does_not_move_a_seasonal_centre);
	tcase_add_test(tc, charts_refuse_bad_parameters);
	tcase_add_test(tc, charts_pass_over_what_is_not_finite);
	tcase_add_test(tc, cusum_has_its_published_run_lengths);
	tcase_add_test(tc, winters_learns_a_line_with_seasons);
	tcase_add_test(tc, winters_has_a_defined_outcome);
	tcase_add_test(tc, lines_have_a_defined_outcome);
	tcase_add_test(tc, adwin_finds_the_cut);
	tcase_set_timeout(tc, 30);
	return tc;
}
