/* SPDX-License-Identifier: Apache-2.0 */
/* Peaks over threshold. */
#include "config.h"

#include "stats/tail.h"

#include <math.h>

#define SHAPE_ZERO 1e-6 /* below it the exponential is as good */

/* The i-th furthest value, turned so that further is greater. */
static double
furthest(const struct tail *tail, size_t i)
{
	return tail->sign > 0 ? tail->x[tail->n - 1 - i] : -tail->x[i];
}

struct tail
tail_fit(const double *x, size_t n, int sign, double share, double scale_floor, double cluster)
{
	struct tail tail = { .x = x, .n = n, .sign = sign };
	double mean = 0.0, var = 0.0, ratio;
	size_t k = (size_t)ceil((double)n * share);

	if (n < TAIL_POINTS_MIN) {
		tail.status = STATS_FEW;
		return tail;
	}
	if (k < TAIL_EXCESSES_MIN)
		k = TAIL_EXCESSES_MIN;
	if (k >= n || !isfinite(x[0]) || !isfinite(x[n - 1])) {
		tail.status = STATS_NOT_FINITE;
		return tail;
	}
	tail.threshold = furthest(&tail, k);
	tail.share = (double)k / (double)n;
	for (size_t i = 0; i < k; i++)
		mean += (furthest(&tail, i) - tail.threshold) / (double)k;
	for (size_t i = 0; i < k; i++) {
		double gap = furthest(&tail, i) - tail.threshold - mean;

		var += gap * gap / (double)k;
	}
	if (mean < scale_floor || !(var > 0.0)) {
		tail.scale = fmax(mean, scale_floor);
		return tail;
	}
	ratio = mean * mean / var;
	tail.shape = fmax((1.0 - ratio) / 2.0, 0.0) + (cluster - 1.0) / (double)k;
	tail.shape = fmin(tail.shape, TAIL_SHAPE_MAX);
	tail.scale = fmax(mean * (1.0 + ratio) / 2.0, scale_floor);
	return tail;
}

/* How many values lie as far out as this, or further. */
static size_t
count_beyond(const struct tail *tail, double value)
{
	size_t low = 0, high = tail->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (furthest(tail, middle) >= value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

double
tail_surprise(const struct tail *tail, double value)
{
	double out = value * tail->sign, excess = out - tail->threshold, surprise;

	if (tail->status != STATS_OK || isnan(value))
		return 0.0;
	if (excess <= 0.0)
		return -log10(((double)count_beyond(tail, out) + 1.0) / ((double)tail->n + 1.0));
	surprise = -log10(tail->share);
	if (!(tail->scale > 0.0))
		return STATS_INFINITY;
	if (tail->shape < SHAPE_ZERO)
		return surprise + excess / tail->scale / log(10.0);
	return surprise + log10(1.0 + tail->shape * excess / tail->scale) / tail->shape;
}

double
tail_value(const struct tail *tail, double surprise)
{
	double more = fmax(0.0, surprise + log10(tail->share)), excess;

	if (tail->status != STATS_OK)
		return STATS_NAN;
	if (tail->shape < SHAPE_ZERO)
		excess = more * log(10.0) * tail->scale;
	else
		excess = (pow(10.0, more * tail->shape) - 1.0) / tail->shape * tail->scale;
	return (tail->threshold + excess) * tail->sign;
}
