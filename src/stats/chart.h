/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control charts over a stream: EWMA, CUSUM, Page-Hinkley, DDM, and ADWIN's
 * cut test on a window.
 *
 * Each is a plain struct that the caller keeps (and may store); a step takes
 * one value.  A value that is not finite changes nothing and raises no
 * signal.  Parameters outside their domain: _init says STATS_INVALID.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/stats.h"

/*
 * Exponentially weighted moving average (Roberts 1959): z = lambda x +
 * (1-lambda) z from mu; limits mu -/+ width sigma sqrt(lambda/(2-lambda)
 * (1-(1-lambda)^(2t))).  Usual: lambda 0.2, width 3.  sigma > 0.
 */
struct chart_ewma {
	double mu, sigma, lambda, width;
	double z;
	double decay; /* (1-lambda)^(2t) */
	double low, high;
};
enum stats_status chart_ewma_init(struct chart_ewma *chart, double mu, double sigma, double lambda, double width);
bool chart_ewma_step(struct chart_ewma *chart, double x); /* outside the limits? */

/*
 * Tabular CUSUM (Page 1954): up = max(0, up + z - k), down = max(0, down - z
 * - k), z = (x - mu)/sigma; signal above h.  Usual: k 0.5, h 5 (one false
 * alarm in about 465 points).  Call _reset after a signal has been acted on.
 */
struct chart_cusum {
	double mu, sigma, k, h;
	double up, down;
};
enum stats_status chart_cusum_init(struct chart_cusum *chart, double mu, double sigma, double k, double h);
bool chart_cusum_step(struct chart_cusum *chart, double x);
void chart_cusum_reset(struct chart_cusum *chart);

/*
 * Page-Hinkley for an increase: S = alpha S + (x - running mean - delta);
 * statistic = S - least S so far; signal above lambda once points >= min.
 * alpha in (0, 1]: forgetting, 1 for none.  For a decrease give -x.
 */
struct chart_page_hinkley {
	double delta, lambda, alpha;
	uint64_t points_min;
	uint64_t points;
	double mean, sum, least, statistic;
};
enum stats_status chart_page_hinkley_init(struct chart_page_hinkley *chart, double delta, double lambda, double alpha, uint64_t points_min);
bool chart_page_hinkley_step(struct chart_page_hinkley *chart, double x);

/*
 * DDM on a stream of errors 0/1 (Gama 2004): p + s against the least seen;
 * warning above p_min + 2 s_min, drift above + 3, from points_min on (30).
 */
enum chart_ddm_state { CHART_DDM_STABLE, CHART_DDM_WARNING, CHART_DDM_DRIFT, CHART_DDM_COUNT };
struct chart_ddm {
	uint64_t points_min;
	uint64_t points, errors;
	double p, p_min, s_min;
};
void chart_ddm_init(struct chart_ddm *chart, uint64_t points_min);
enum chart_ddm_state chart_ddm_step(struct chart_ddm *chart, bool is_error);

/*
 * ADWIN2's cut test over a whole window (Bifet and Gavalda 2007): a cut into n0
 * and n1 values is a change if |mean0 - mean1| > eps = sqrt(2/m var ln(2/d))
 * + 2/(3m) ln(2/d), 1/m = 1/n0 + 1/n1, d = delta/ln n.  Values in [0, 1].
 * Every cut with at least part_min on each side; the one with the largest
 * excess over its eps is reported.
 */
struct chart_adwin {
	enum stats_status status;
	bool is_change;
	size_t cut; /* n0 */
	double gap; /* |mean0 - mean1| */
	double eps;
};
struct chart_adwin chart_adwin(const double *x, size_t n, double delta, size_t part_min);
double chart_adwin_eps(double n0, double n1, double var, double delta, double n);
