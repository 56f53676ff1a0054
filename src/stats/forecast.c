/* SPDX-License-Identifier: Apache-2.0 */
/* Least squares, Theil-Sen, Kendall. */
#include "config.h"

#include "stats/forecast.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "stats/dist.h"
#include "stats/sample.h"

#define KENDALL_EXACT_MAX 33u

static struct forecast_line
undefined(enum stats_status status, size_t n)
{
	return (struct forecast_line){ status, n, STATS_NAN, STATS_NAN, STATS_NAN, STATS_NAN,
		STATS_NAN, STATS_NAN, STATS_NAN };
}

/* Copies the points without NaN; *ret_t and *ret_y are the caller's to free. */
static enum stats_status
clean(const double *t, const double *y, size_t n, size_t n_max, double **ret_t, double **ret_y,
    size_t *ret_n)
{
	size_t used = 0;
	bool moves = false;

	*ret_t = *ret_y = NULL;
	*ret_n = n;
	if (n > n_max)
		return STATS_LIMIT;
	*ret_t = xmalloc(n * sizeof(*t));
	*ret_y = xmalloc(n * sizeof(*y));
	for (size_t i = 0; i < n; i++) {
		if (isnan(t[i]) || isnan(y[i]))
			continue;
		if (!isfinite(t[i]) || !isfinite(y[i]))
			return STATS_NOT_FINITE;
		(*ret_t)[used] = t[i];
		(*ret_y)[used++] = y[i];
		moves = moves || t[i] != (*ret_t)[0];
	}
	*ret_n = used;
	if (used < 2)
		return STATS_FEW;
	return moves ? STATS_OK : STATS_CONSTANT;
}

static struct forecast_line
least_squares(const double *t, const double *y, size_t n)
{
	struct forecast_line line = undefined(STATS_OK, n);
	double y_mean = stats_sum(y, n) / (double)n, both = 0.0, y_squares = 0.0, rest = 0.0;

	line.t_mean = stats_sum(t, n) / (double)n;
	line.t_squares = 0.0;
	for (size_t i = 0; i < n; i++) {
		double dt = t[i] - line.t_mean, dy = y[i] - y_mean;

		line.t_squares += dt * dt;
		both += dt * dy;
		y_squares += dy * dy;
	}
	line.slope = both / line.t_squares;
	line.intercept = y_mean - line.slope * line.t_mean;
	for (size_t i = 0; i < n; i++) {
		double gap = y[i] - y_mean - line.slope * (t[i] - line.t_mean);

		rest += gap * gap;
	}
	line.r2 = y_squares > 0.0 ? fmax(0.0, 1.0 - rest / y_squares) : 1.0;
	if (n > 2) {
		line.sd = sqrt(rest / (double)(n - 2));
		line.slope_stderr = line.sd / sqrt(line.t_squares);
	}
	/* Differences of huge or of nearly equal times can lose everything. */
	if (!isfinite(line.slope) || !isfinite(line.intercept))
		return undefined(STATS_NOT_FINITE, n);
	return line;
}

struct forecast_line
forecast_least_squares(const double *t, const double *y, size_t n)
{
	double *own_t, *own_y;
	size_t used;
	enum stats_status status = clean(t, y, n, FORECAST_POINTS_MAX, &own_t, &own_y, &used);
	struct forecast_line line =
	    status == STATS_OK ? least_squares(own_t, own_y, used) : undefined(status, used);

	free(own_t);
	free(own_y);
	return line;
}

static struct forecast_line
theil_sen(double *t, double *y, size_t n)
{
	struct forecast_line line = undefined(STATS_OK, n);
	double *slopes = xmalloc(n * (n - 1) / 2 * sizeof(*slopes));
	size_t count = 0;

	for (size_t i = 1; i < n; i++)
		for (size_t j = 0; j < i; j++) {
			double slope = (y[i] - y[j]) / (t[i] - t[j]);

			if (t[i] != t[j] && !isnan(slope))
				slopes[count++] = slope;
		}
	sample_sort(slopes, count);
	line.slope = sample_median(slopes, count);
	free(slopes);
	sample_sort(t, n);
	sample_sort(y, n);
	line.intercept = sample_median(y, n) - line.slope * sample_median(t, n);
	if (!isfinite(line.slope) || !isfinite(line.intercept))
		return undefined(STATS_NOT_FINITE, n);
	return line;
}

struct forecast_line
forecast_theil_sen(const double *t, const double *y, size_t n)
{
	double *own_t, *own_y;
	size_t used;
	enum stats_status status = clean(t, y, n, FORECAST_PAIRS_POINTS_MAX, &own_t, &own_y, &used);
	struct forecast_line line =
	    status == STATS_OK ? theil_sen(own_t, own_y, used) : undefined(status, used);

	free(own_t);
	free(own_y);
	return line;
}

double
forecast_at(const struct forecast_line *line, double t)
{
	return line->status == STATS_OK ? line->intercept + line->slope * t : STATS_NAN;
}

struct stats_value
forecast_sd_at(const struct forecast_line *line, double t)
{
	double gap = t - line->t_mean;

	if (line->status != STATS_OK)
		return stats_value_undefined(line->status);
	if (isnan(line->sd))
		return stats_value_undefined(STATS_FEW);
	return stats_value_of(
	    line->sd * sqrt(1.0 + 1.0 / (double)line->n + gap * gap / line->t_squares));
}

struct stats_value
forecast_time_to(const struct forecast_line *line, double now, double y)
{
	double at;

	if (line->status != STATS_OK)
		return stats_value_undefined(line->status);
	if (!isfinite(now) || isnan(y))
		return stats_value_undefined(STATS_NOT_FINITE);
	at = line->intercept + line->slope * now;
	if (at == y)
		return stats_value_of(now);
	if (line->slope == 0.0)
		return stats_value_of(STATS_INFINITY);
	return stats_value_of(fmax(now, (y - line->intercept) / line->slope));
}

/* 2 P(at most c discordant pairs of n), all orders alike; Kendall 1970 */
static double
kendall_exact(size_t n, size_t c)
{
	size_t pairs = n * (n - 1) / 2, least = c < pairs - c ? c : pairs - c;
	double *share = xcalloc(least + 1, sizeof(*share)), *next, sum = 0.0;

	next = xcalloc(least + 1, sizeof(*next));
	share[0] = 1.0;
	for (size_t size = 2; size <= n; size++) {
		double *swap = share;

		/* A new largest point adds 0 .. size-1 discordant pairs. */
		for (size_t k = 0; k <= least; k++) {
			next[k] = 0.0;
			for (size_t add = 0; add < size && add <= k; add++)
				next[k] += share[k - add] / (double)size;
		}
		share = next;
		next = swap;
	}
	for (size_t k = 0; k <= least; k++)
		sum += share[k];
	free(share);
	free(next);
	return fmin(1.0, 2.0 * sum);
}

/* Sums over groups of equal values of ascending x: g(g-1), g(g-1)(g-2), g(g-1)(2g+5). */
static void
tie_sums(const double *x, size_t n, double sums[3])
{
	sums[0] = sums[1] = sums[2] = 0.0;
	for (size_t i = 0, j; i < n; i = j) {
		double g;

		for (j = i + 1; j < n && x[j] == x[i]; j++)
			;
		g = (double)(j - i);
		sums[0] += g * (g - 1.0);
		sums[1] += g * (g - 1.0) * (g - 2.0);
		sums[2] += g * (g - 1.0) * (2.0 * g + 5.0);
	}
}

static struct stats_test
kendall(double *t, double *y, size_t n)
{
	double size = (double)n, pairs = size * (size - 1.0), in_t[3], in_y[3], tau, var;
	int64_t balance = 0;

	for (size_t i = 1; i < n; i++)
		for (size_t j = 0; j < i; j++)
			balance +=
			    ((t[i] > t[j]) - (t[i] < t[j])) * ((y[i] > y[j]) - (y[i] < y[j]));
	sample_sort(t, n);
	sample_sort(y, n);
	tie_sums(t, n, in_t);
	tie_sums(y, n, in_y);
	/* A flat series has no trend. */
	if (in_y[0] == pairs)
		return stats_test_of(0.0, 1.0, STATS_NAN, 0.0);
	tau = 2.0 * (double)balance / sqrt((pairs - in_t[0]) * (pairs - in_y[0]));
	tau = fmin(1.0, fmax(-1.0, tau));
	if (in_t[0] == 0.0 && in_y[0] == 0.0 && n <= KENDALL_EXACT_MAX)
		return stats_test_of(tau,
		    kendall_exact(n, (size_t)(((int64_t)(n * (n - 1) / 2) - balance) / 2)),
		    STATS_NAN, tau);
	var = (pairs * (2.0 * size + 5.0) - in_t[2] - in_y[2]) / 18.0 +
	      in_t[0] * in_y[0] / (2.0 * pairs);
	if (n > 2)
		var += in_t[1] * in_y[1] / (9.0 * pairs * (size - 2.0));
	return stats_test_of(tau,
	    var > 0.0 ? 2.0 * dist_normal_sf(fabs((double)balance) / sqrt(var)) : 1.0, STATS_NAN,
	    tau);
}

struct stats_test
forecast_kendall(const double *t, const double *y, size_t n)
{
	double *own_t, *own_y;
	size_t used;
	enum stats_status status = clean(t, y, n, FORECAST_PAIRS_POINTS_MAX, &own_t, &own_y, &used);
	struct stats_test test =
	    status == STATS_OK ? kendall(own_t, own_y, used) : stats_test_undefined(status);

	free(own_t);
	free(own_y);
	return test;
}
