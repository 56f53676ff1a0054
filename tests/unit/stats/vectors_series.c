/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of streams: descriptive, charts, smoothing, lines, change. */
#include <math.h>
#include <stdlib.h>

#include "stats/baseline.h"
#include "stats/burn.h"
#include "stats/chart.h"
#include "stats/forecast.h"
#include "stats/smoothing.h"
#include "vectors.h"

#define POINTS_MAX 1000

/* As vector_numbers(), at most as many as the results have room for. */
static struct numbers
series(struct vector *vector, const char *key)
{
	struct numbers x = vector_numbers(vector->inputs, key);

	if (x.n > POINTS_MAX) {
		vector_fail(vector, " more than %d points;", POINTS_MAX);
		x.n = POINTS_MAX;
	}
	return x;
}

static void
run_descriptive(struct vector *v)
{
	static const double at[] = { 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99 };
	struct sample_set x = vector_sample(v->inputs, "x");
	struct moments m = sample_moments(x.v, x.n);
	double median = sample_median(x.v, x.n), mad = sample_mad(x.v, x.n, median);
	double q[7], iqr;

	for (size_t i = 0; i < 7; i++)
		q[i] = sample_quantile(x.v, x.n, at[i]);
	iqr = q[4] - q[2];
	vector_statistic(v, "n", (double)x.n);
	vector_statistic(v, "mean", m.mean);
	vector_statistic(v, "var_pop", m.var_pop);
	vector_statistic(v, "sd_pop", sqrt(m.var_pop));
	vector_statistic(v, "sd_sample", sqrt(m.var));
	vector_statistic(v, "median", median);
	vector_statistic(v, "mad_raw", mad);
	vector_statistic(v, "mad_scaled_1_4826", MAD_SCALE * mad);
	vector_list(v, "quantiles_type7", q, 7);
	vector_statistic(v, "iqr", iqr);
	vector_statistic(v, "tukey_low", q[2] - 1.5 * iqr);
	vector_statistic(v, "tukey_high", q[4] + 1.5 * iqr);
	if (x.n >= 4) {
		struct baseline_score fences = baseline_iqr(x.v, x.n, median, 1.5, 0.0);

		vector_statistic(v, "tukey_low", fences.low);
		vector_statistic(v, "tukey_high", fences.high);
	}
	sample_fini(&x);
}

static void
run_zscore(struct vector *v)
{
	struct numbers x = vector_numbers(v->inputs, "baseline");
	double point = vector_get(v->inputs, "x");
	struct baseline_score robust = baseline_robust(x.x, x.n, point, 3.5, 0.0);

	vector_statistic(v, "z_sample_sd", baseline_zscore(x.x, x.n, point, 3.0, 0.0).score);
	vector_statistic(v, "robust_z", robust.score);
	/* M = 0.6745 (x - med)/MAD: the same with a rounded constant */
	vector_statistic(v, "iglewicz_hoaglin_M", robust.score * 0.6745 * MAD_SCALE);
	free(x.x);
}

static void
run_ewma(struct vector *v)
{
	struct numbers x = series(v, "x");
	struct chart_ewma chart;
	static double z[POINTS_MAX], high[POINTS_MAX];
	double first = -1.0;

	(void)chart_ewma_init(&chart, vector_get(v->params, "mu"), vector_get(v->params, "sigma"),
	    vector_get(v->params, "lam"), vector_get(v->params, "L"));
	for (size_t i = 0; i < x.n; i++) {
		bool signal = chart_ewma_step(&chart, x.x[i]);

		if (signal && first < 0.0)
			first = (double)i;
		z[i] = chart.z;
		high[i] = chart.high;
	}
	vector_list(v, "z", z, x.n);
	vector_list(v, "ucl", high, x.n);
	vector_statistic(v, "first_signal_index", first);
	free(x.x);
}

static void
run_cusum(struct vector *v)
{
	struct numbers x = series(v, "x");
	struct chart_cusum chart;
	static double up[POINTS_MAX], down[POINTS_MAX];
	double first = -1.0;

	(void)chart_cusum_init(&chart, vector_get(v->params, "mu"), vector_get(v->params, "sigma"),
	    vector_get(v->params, "k"), vector_get(v->params, "h"));
	for (size_t i = 0; i < x.n; i++) {
		bool signal = chart_cusum_step(&chart, x.x[i]);

		if (signal && first < 0.0)
			first = (double)i;
		up[i] = chart.up;
		down[i] = chart.down;
	}
	vector_list(v, "c_plus", up, x.n);
	vector_list(v, "c_minus", down, x.n);
	vector_statistic(v, "first_signal_index", first);
	free(x.x);
}

static void
run_page_hinkley(struct vector *v)
{
	struct numbers x = series(v, "x");
	struct chart_page_hinkley chart;
	static double statistic[POINTS_MAX];
	double first = -1.0;

	(void)chart_page_hinkley_init(&chart, vector_get(v->params, "delta"),
	    vector_get(v->params, "lam"), vector_get(v->params, "alpha"),
	    (uint64_t)vector_get(v->params, "min_instances"));
	for (size_t i = 0; i < x.n; i++) {
		bool signal = chart_page_hinkley_step(&chart, x.x[i]);

		if (signal && first < 0.0)
			first = (double)i;
		statistic[i] = chart.statistic;
	}
	vector_list(v, "statistic", statistic, x.n);
	vector_statistic(v, "first_signal_index", first);
	free(x.x);
}

static void
run_adwin(struct vector *v)
{
	struct numbers x = vector_numbers(v->inputs, "window");
	struct chart_adwin cut = chart_adwin(x.x, x.n, vector_get(v->params, "delta"), 5);

	vector_statistic(v, "best_cut", (double)cut.cut);
	vector_statistic(v, "eps_cut", cut.eps);
	vector_statistic(v, "mean_diff", cut.gap);
	vector_statistic(v, "drift", cut.is_change ? 1.0 : 0.0);
	free(x.x);
}

static void
run_adwin_eps(struct vector *v)
{
	struct json_object *cases;
	static double eps[POINTS_MAX];
	size_t n = 0;

	(void)json_object_object_get_ex(v->inputs, "cases", &cases);
	for (; n < json_object_array_length(cases) && n < POINTS_MAX; n++) {
		struct numbers c = numbers_of(json_object_array_get_idx(cases, n));

		eps[n] = chart_adwin_eps(c.x[0], c.x[1], c.x[2], c.x[3], c.x[4]);
		free(c.x);
	}
	vector_list(v, "eps", eps, n);
}

static void
run_ddm(struct vector *v)
{
	struct numbers x = vector_numbers(v->inputs, "errors");
	struct chart_ddm chart;
	double warning = -1.0, drift = -1.0;

	chart_ddm_init(&chart, 30);
	for (size_t i = 0; i < x.n; i++) {
		enum chart_ddm_state state = chart_ddm_step(&chart, x.x[i] > 0.0);

		if (state != CHART_DDM_STABLE && warning < 0.0)
			warning = (double)i;
		if (state == CHART_DDM_DRIFT && drift < 0.0)
			drift = (double)i;
	}
	vector_statistic(v, "p_min", chart.p_min);
	vector_statistic(v, "s_min", chart.s_min);
	vector_statistic(v, "first_warning_index", warning);
	vector_statistic(v, "first_drift_index", drift);
	vector_statistic(v, "p_end", chart.p);
	free(x.x);
}

static void
run_holt(struct vector *v)
{
	struct numbers x = vector_numbers(v->inputs, "x");

	vector_statistic(v, "value",
	    smoothing_holt(x.x, x.n, vector_get(v->inputs, "sf"), vector_get(v->inputs, "tf"))
		.value);
	free(x.x);
}

static void
run_lines(struct vector *v)
{
	struct numbers t = vector_numbers(v->inputs, "t_sec"), y = vector_numbers(v->inputs, "y");
	struct forecast_line line = forecast_theil_sen(t.x, y.x, t.n);
	struct stats_test trend = forecast_kendall(t.x, y.x, t.n);

	vector_statistic(v, "slope", line.slope);
	vector_statistic(v, "intercept", line.intercept);
	vector_statistic(v, "tau", trend.statistic);
	vector_p(v, "p", trend.p);
	free(t.x);
	free(y.x);
}

static void
run_least_squares(struct vector *v)
{
	struct numbers t = vector_numbers(v->inputs, "t_sec"), y = vector_numbers(v->inputs, "y");
	struct forecast_line line = forecast_least_squares(t.x, y.x, t.n);

	vector_statistic(v, "slope", line.slope);
	vector_statistic(v, "intercept", line.intercept);
	vector_statistic(v, "r2", line.r2);
	vector_statistic(v, "slope_stderr", line.slope_stderr);
	vector_statistic(v, "sd", line.sd);
	free(t.x);
	free(y.x);
}

static void
run_winters(struct vector *v)
{
	struct numbers x = vector_numbers(v->inputs, "x");
	struct numbers start = vector_numbers(v->params, "s_start");
	size_t period = (size_t)vector_get(v->inputs, "period");
	struct smoothing_winters w;
	static double fitted[POINTS_MAX], seasonal[POINTS_MAX];
	double predicted[3];

	if (period > POINTS_MAX || x.n > POINTS_MAX || x.n < period + 3 ||
	    smoothing_winters_init(&w, vector_get(v->params, "alpha"),
		vector_get(v->params, "beta"), vector_get(v->params, "gamma"), period,
		vector_get(v->params, "l_start"), vector_get(v->params, "b_start"),
		start.x) != STATS_OK) {
		vector_fail(v, " cannot start;");
		free(x.x);
		free(start.x);
		return;
	}
	for (size_t i = period; i < x.n; i++)
		fitted[i] = smoothing_winters_step(&w, x.x[i]);
	for (size_t i = 0; i < period; i++)
		seasonal[i] = w.seasonal[(w.at + i) % period];
	for (size_t i = 0; i < 3; i++)
		predicted[i] = smoothing_winters_predict(&w, i + 1);
	vector_statistic(v, "level", w.level);
	vector_statistic(v, "trend", w.trend);
	vector_list(v, "seasonal", seasonal, period);
	vector_statistic(v, "sse", w.sse);
	vector_list(v, "pred3", predicted, 3);
	vector_list(v, "fitted_last3", fitted + x.n - 3, 3);
	smoothing_winters_fini(&w);
	free(x.x);
	free(start.x);
}

static void
run_seasonal(struct vector *v)
{
	struct json_object *list;
	struct baseline_period periods[64];
	static double pooled[POINTS_MAX];
	double point = vector_get(v->inputs, "x");
	size_t count = 0, n = 0;
	struct baseline_score score, z;

	(void)json_object_object_get_ex(v->inputs, "same_slot_last_k_periods", &list);
	for (; count < json_object_array_length(list) && count < 64; count++) {
		struct numbers x = numbers_of(json_object_array_get_idx(list, count));

		periods[count] = (struct baseline_period){ pooled + n, x.n };
		for (size_t i = 0; i < x.n && n < POINTS_MAX; i++)
			pooled[n++] = x.x[i];
		free(x.x);
	}
	score = baseline_seasonal(periods, count, 3, point, 3.5, 0.0);
	z = baseline_zscore(pooled, n, point, 3.0, 0.0);
	vector_statistic(v, "pooled_mean", z.centre);
	vector_statistic(v, "pooled_sd", z.spread);
	vector_statistic(v, "z", z.score);
	vector_statistic(v, "median_of_period_medians", score.centre);
	vector_statistic(v, "pooled_mad_z", score.score);
}

static void
run_change(struct vector *v)
{
	struct json_object *pairs, *want;

	(void)json_object_object_get_ex(v->inputs, "pairs", &pairs);
	(void)json_object_object_get_ex(v->expected, "rel", &want);
	vector_other(v, "rel", "read here: some items are words");
	for (size_t i = 0; i < json_object_array_length(pairs); i++) {
		struct numbers pair = numbers_of(json_object_array_get_idx(pairs, i));
		struct json_object *item = json_object_array_get_idx(want, i);
		struct stats_value got = burn_relative_change(pair.x[0], pair.x[1]);
		const char *text = json_object_get_string(item);
		double number = json_object_is_type(item, json_type_string) ? strtod(text, NULL)
									    : vector_number(item);
		bool is_undefined = text[0] == 'u';

		if (is_undefined ? got.status == STATS_OK
				 : !(fabs(got.value - number) <= 1e-9 * fabs(number)))
			vector_fail(v, " pair %zu: want %s, got %g;", i, text, got.value);
		free(pair.x);
	}
}

const struct vector_kind vector_kinds_series[] = {
	{ "descriptive", run_descriptive, NULL },
	{ "zscore_of_new_point", run_zscore, NULL },
	{ "ewma_chart", run_ewma, NULL },
	{ "tabular_cusum", run_cusum, NULL },
	{ "page_hinkley_increase", run_page_hinkley, NULL },
	{ "adwin_cut_test", run_adwin, NULL },
	{ "adwin_eps", run_adwin_eps, NULL },
	{ "ddm", run_ddm, NULL },
	{ "prom_double_exponential_smoothing", run_holt, NULL },
	{ "theil_sen_and_kendall", run_lines, NULL },
	{ "least_squares", run_least_squares, NULL },
	{ "holt_winters_additive", run_winters, NULL },
	{ "seasonal_same_slot_baseline", run_seasonal, NULL },
	{ "relative_change", run_change, NULL },
	{ NULL, NULL, NULL },
};
