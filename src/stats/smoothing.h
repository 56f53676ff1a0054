/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exponential smoothing: Holt's line as PromQL has it, and Holt-Winters with
 * additive seasons and prediction bands.
 */
#pragma once

#include <stddef.h>

#include "base/attr.h"
#include "stats/stats.h"

/*
 * holt_winters() / double_exponential_smoothing() of PromQL: the last
 * smoothed level of x[0..n), first trend x[1]-x[0].  0 < sf, tf < 1, n >= 2.
 * NaN in x is dropped.
 */
struct stats_value smoothing_holt(const double *x, size_t n, double sf, double tf);

/*
 * Additive Holt-Winters (Winters 1960, as R's HoltWinters):
 * l = alpha (x - s) + (1-alpha)(l + b); b = beta (l - l') + (1-beta) b;
 * s = gamma (x - l) + (1-gamma) s.
 */
#define SMOOTHING_PERIOD_MAX 100000u
struct smoothing_winters {
	double alpha, beta, gamma; /* each in [0, 1] */
	size_t period;             /* points per season, >= 2 */
	double *seasonal;          /* owned, period values */
	size_t at;                 /* slot of the next point */
	double level, trend;
	double sse;                /* sum of squared one-step errors */
	size_t steps;              /* errors in it */
};

/* level, trend and seasonal[period] as they stand before the next point; copied. */
enum stats_status smoothing_winters_init(struct smoothing_winters *winters, double alpha, double beta, double gamma, size_t period, double level, double trend, const double *seasonal) NODISCARD;
/*
 * Start values from at least two whole seasons of x, NaN not allowed: level
 * and trend by least squares on the seasons' means, seasonal = mean deviation
 * from that line; then steps through x from its second season on.
 */
enum stats_status smoothing_winters_fit(struct smoothing_winters *winters, double alpha, double beta, double gamma, size_t period, const double *x, size_t n) NODISCARD;
void smoothing_winters_fini(struct smoothing_winters *winters);

/*
 * One-step prediction of x made before seeing it; then learns x.  A value
 * that is not finite is taken as equal to its prediction, without error.
 */
double smoothing_winters_step(struct smoothing_winters *winters, double x);
/* Prediction h >= 1 points ahead of the last one. */
double smoothing_winters_predict(const struct smoothing_winters *winters, size_t h);
/*
 * Standard deviation of that prediction's error: sigma sqrt(1 + sum over j < h
 * of (alpha (1 + j beta) + [j mod period = 0] gamma (1-alpha))^2), sigma^2 = sse over
 * steps (Yar and Chatfield 1990).  STATS_FEW before period steps;
 * STATS_CONSTANT if there was never an error.
 */
struct stats_value smoothing_winters_sd(const struct smoothing_winters *winters, size_t h);
