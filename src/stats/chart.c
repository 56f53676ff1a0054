/* SPDX-License-Identifier: Apache-2.0 */
/* Control charts: one step at a time. */
#include "config.h"

#include "stats/chart.h"

#include <math.h>

#include "stats/sample.h"

enum stats_status
chart_ewma_init(struct chart_ewma *chart, double mu, double sigma, double lambda, double width)
{
	*chart = (struct chart_ewma){ 0 };
	if (!isfinite(mu) || !(sigma > 0.0 && isfinite(sigma)) ||
	    !(lambda > 0.0 && lambda <= 1.0) || !(width > 0.0 && isfinite(width)))
		return STATS_INVALID;
	*chart = (struct chart_ewma){ .mu = mu,
		.sigma = sigma,
		.lambda = lambda,
		.width = width,
		.z = mu,
		.decay = 1.0,
		.low = mu,
		.high = mu };
	return STATS_OK;
}

bool
chart_ewma_step(struct chart_ewma *chart, double x)
{
	double keep = 1.0 - chart->lambda, half;

	if (!isfinite(x))
		return false;
	chart->z = chart->lambda * x + keep * chart->z;
	chart->decay *= keep * keep;
	half = chart->width * chart->sigma *
	       sqrt(chart->lambda / (2.0 - chart->lambda) * (1.0 - chart->decay));
	chart->low = chart->mu - half;
	chart->high = chart->mu + half;
	return chart->z > chart->high || chart->z < chart->low;
}

enum stats_status
chart_cusum_init(struct chart_cusum *chart, double mu, double sigma, double k, double h)
{
	*chart = (struct chart_cusum){ 0 };
	if (!isfinite(mu) || !(sigma > 0.0 && isfinite(sigma)) || !(k >= 0.0 && isfinite(k)) ||
	    !(h > 0.0 && isfinite(h)))
		return STATS_INVALID;
	*chart = (struct chart_cusum){ .mu = mu, .sigma = sigma, .k = k, .h = h };
	return STATS_OK;
}

bool
chart_cusum_step(struct chart_cusum *chart, double x)
{
	double z = (x - chart->mu) / chart->sigma;

	if (!isfinite(z))
		return false;
	chart->up = fmax(0.0, chart->up + z - chart->k);
	chart->down = fmax(0.0, chart->down - z - chart->k);
	return chart->up > chart->h || chart->down > chart->h;
}

void
chart_cusum_reset(struct chart_cusum *chart)
{
	chart->up = 0.0;
	chart->down = 0.0;
}

enum stats_status
chart_page_hinkley_init(struct chart_page_hinkley *chart, double delta, double lambda, double alpha,
    uint64_t points_min)
{
	*chart = (struct chart_page_hinkley){ 0 };
	if (!(delta >= 0.0 && isfinite(delta)) || !(lambda > 0.0 && isfinite(lambda)) ||
	    !(alpha > 0.0 && alpha <= 1.0))
		return STATS_INVALID;
	*chart = (struct chart_page_hinkley){ .delta = delta,
		.lambda = lambda,
		.alpha = alpha,
		.points_min = points_min,
		.least = STATS_INFINITY };
	return STATS_OK;
}

bool
chart_page_hinkley_step(struct chart_page_hinkley *chart, double x)
{
	double mean, sum;

	mean = chart->mean + (x - chart->mean) / (double)(chart->points + 1);
	sum = chart->alpha * chart->sum + (x - mean - chart->delta);
	/* Also when finite values are so large that their sums are not. */
	if (!isfinite(x) || !isfinite(mean) || !isfinite(sum))
		return false;
	chart->points++;
	chart->mean = mean;
	chart->sum = sum;
	chart->least = fmin(chart->least, sum);
	chart->statistic = sum - chart->least;
	return chart->points >= chart->points_min && chart->statistic > chart->lambda;
}

void
chart_ddm_init(struct chart_ddm *chart, uint64_t points_min)
{
	*chart = (struct chart_ddm){
		.points_min = points_min, .p_min = STATS_INFINITY, .s_min = STATS_INFINITY
	};
}

enum chart_ddm_state
chart_ddm_step(struct chart_ddm *chart, bool is_error)
{
	double s;

	chart->points++;
	chart->errors += is_error;
	chart->p = (double)chart->errors / (double)chart->points;
	s = sqrt(chart->p * (1.0 - chart->p) / (double)chart->points);
	if (chart->points < chart->points_min)
		return CHART_DDM_STABLE;
	if (chart->p + s < chart->p_min + chart->s_min) {
		chart->p_min = chart->p;
		chart->s_min = s;
	}
	if (chart->p + s > chart->p_min + 3.0 * chart->s_min)
		return CHART_DDM_DRIFT;
	return chart->p + s > chart->p_min + 2.0 * chart->s_min ? CHART_DDM_WARNING
								: CHART_DDM_STABLE;
}

double
chart_adwin_eps(double n0, double n1, double var, double delta, double n)
{
	double m = 1.0 / (1.0 / n0 + 1.0 / n1), log_term = log(2.0 * log(n) / delta);

	return sqrt(2.0 / m * var * log_term) + 2.0 / (3.0 * m) * log_term;
}

struct chart_adwin
chart_adwin(const double *x, size_t n, double delta, size_t part_min)
{
	struct chart_adwin best = { .status = STATS_OK, .gap = STATS_NAN, .eps = STATS_NAN };
	double var, total, before = 0.0, excess = -STATS_INFINITY;

	if (!(delta > 0.0 && delta < 1.0))
		best.status = STATS_INVALID;
	else if (part_min == 0 || n < 3 || n / 2 < part_min)
		best.status = STATS_FEW;
	for (size_t i = 0; i < n && best.status == STATS_OK; i++)
		if (!(x[i] >= 0.0 && x[i] <= 1.0))
			best.status = isfinite(x[i]) ? STATS_INVALID : STATS_NOT_FINITE;
	if (best.status != STATS_OK)
		return best;
	var = sample_moments(x, n).var_pop;
	total = stats_sum(x, n);
	for (size_t i = 0; i + part_min < n; i++) {
		double n0 = (double)(i + 1), n1 = (double)(n - i - 1), gap, eps;

		before += x[i];
		if (i + 1 < part_min)
			continue;
		gap = fabs(before / n0 - (total - before) / n1);
		eps = chart_adwin_eps(n0, n1, var, delta, (double)n);
		if (gap - eps > excess) {
			excess = gap - eps;
			best.cut = i + 1;
			best.gap = gap;
			best.eps = eps;
			best.is_change = gap > eps;
		}
	}
	return best;
}
