/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Straight lines through a series, and what they foretell.
 *
 * t is time in any unit (the slope is per that unit), y the values; points
 * where either is NaN are dropped, infinity is STATS_NOT_FINITE.  Points need
 * not be sorted or evenly spaced; at least 2 different times
 * (STATS_FEW, STATS_CONSTANT).
 */
#pragma once

#include <stddef.h>

#include "stats/stats.h"

#define FORECAST_POINTS_MAX 1000000u
#define FORECAST_PAIRS_POINTS_MAX 2000u /* Theil-Sen and Kendall look at all pairs */

struct forecast_line {
	enum stats_status status;
	size_t n;
	double slope, intercept; /* y = intercept + slope t */
	/* least squares only, NaN for Theil-Sen */
	double r2;           /* 1 if y has no spread at all */
	double slope_stderr; /* NaN for n < 3 */
	double sd;           /* residual, n-2; NaN for n < 3 */
	double t_mean, t_squares; /* sum (t - mean)^2 */
};

struct forecast_line forecast_least_squares(const double *t, const double *y, size_t n);
/*
 * Median of the slopes of all pairs with different times; intercept =
 * median(y) - slope median(t) (Theil 1950, Sen 1968).  29 % of the points may
 * be wild.  O(n^2) time and memory (0.1 s, 16 MB at the limit); STATS_LIMIT above
 * FORECAST_PAIRS_POINTS_MAX.
 */
struct forecast_line forecast_theil_sen(const double *t, const double *y, size_t n);
double forecast_at(const struct forecast_line *line, double t);
/* Standard deviation of a new point around the line at t; least squares, n >= 3. */
struct stats_value forecast_sd_at(const struct forecast_line *line, double t);
/*
 * When the line reaches y, not before now: a time, or infinity if it never
 * does; now itself if it is beyond y already in the direction it moves.
 */
struct stats_value forecast_time_to(const struct forecast_line *line, double now, double y);
/*
 * Kendall's tau-b and the p of "no trend": exact without ties up to 33
 * points, else normal with tie terms.  statistic = effect = tau.
 */
struct stats_test forecast_kendall(const double *t, const double *y, size_t n);
