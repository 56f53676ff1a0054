/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is a new point unlike its past?  Centre, spread and band from a baseline.
 *
 * The point is not part of the baseline.  NaN in the baseline is dropped;
 * infinity there, or a point that is not finite: STATS_NOT_FINITE.
 * A baseline without spread: if the point equals the centre, score 0; else
 * STATS_CONSTANT, unless spread_floor > 0 takes the place of the spread.  The
 * floor (in the units of x) is what keeps a metric that was flat for a week
 * from paging at its first stir.
 */
#pragma once

#include <stddef.h>

#include "stats/stats.h"

#define BASELINE_VALUES_MAX ((size_t)1 << 22)

struct baseline_score {
	enum stats_status status;
	size_t n;      /* baseline points used */
	double centre;
	double spread; /* standard deviation or its robust estimate */
	double score;  /* (point - centre)/spread, signed */
	double low;    /* band: centre -/+ width * spread, or as said below */
	double high;
	double limit;  /* the |score| at which the band ends */
};

/*
 * z = (x - mean)/s, s with n-1.  The band is what a new point of a normal
 * population leaves as often as |Z| > sigmas: limit = t_(n-1) quantile times
 * sqrt(1 + 1/n), so that "3 sigma" means 0.27 % at any n (it would be 1.9 % at
 * n = 10).  n >= 2; 30 advised.
 */
struct baseline_score baseline_zscore(const double *x, size_t n, double point, double sigmas, double spread_floor);
/*
 * Median and 1.4826 MAD; where the MAD is 0 (over half the values equal),
 * 1.2533 times the mean absolute deviation.  limit = sigmas.  n >= 3.
 * Iglewicz and Hoaglin 1993 advise 3.5.
 */
struct baseline_score baseline_robust(const double *x, size_t n, double point, double sigmas, double spread_floor);
/*
 * Tukey's fences: low = Q1 - width IQR, high = Q3 + width IQR (type 7), width
 * 1.5 by custom.  centre = median, spread = IQR, score = distance from the
 * nearer quartile in IQRs (0 between them), limit = width.  n >= 4; 20 advised.
 */
struct baseline_score baseline_iqr(const double *x, size_t n, double point, double width, double spread_floor);

/* The same slot of one past period, e.g. 10:00-10:15 of one day. */
struct baseline_period {
	const double *x;
	size_t n;
};
/*
 * Same-slot seasonal baseline: centre = median of the periods' medians (one
 * bad day cannot move it), spread = 1.4826 MAD of the pooled values around
 * their own median, with the fallback of baseline_robust().  Periods without
 * values do not count; fewer than periods_min left: STATS_FEW (3 advised).
 */
struct baseline_score baseline_seasonal(const struct baseline_period *periods, size_t count, size_t periods_min, double point, double sigmas, double spread_floor);

/* The |score| that a new point exceeds as rarely as |Z| > sigmas, n baseline points. */
double baseline_limit(size_t n, double sigmas);
