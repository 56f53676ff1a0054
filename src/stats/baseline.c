/* SPDX-License-Identifier: Apache-2.0 */
/* Scores of a new point: z, robust, Tukey, seasonal. */
#include "config.h"

#include "stats/baseline.h"

#include <math.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "stats/dist.h"
#include "stats/sample.h"

static struct baseline_score
undefined(enum stats_status status, size_t n)
{
	return (struct baseline_score){ status, n, STATS_NAN, STATS_NAN, STATS_NAN, STATS_NAN,
		STATS_NAN, STATS_NAN };
}

static struct baseline_score
score_of(const struct baseline_score *found, double point, double spread_floor)
{
	struct baseline_score score = *found;

	score.status = STATS_OK;
	if (!isfinite(score.centre) || !isfinite(score.spread))
		return undefined(STATS_NOT_FINITE, score.n);
	score.spread = fmax(score.spread, spread_floor);
	score.low = score.centre - score.limit * score.spread;
	score.high = score.centre + score.limit * score.spread;
	if (point == score.centre)
		score.score = 0.0;
	else if (score.spread > 0.0)
		score.score = (point - score.centre) / score.spread;
	else
		return undefined(STATS_CONSTANT, score.n);
	if (!isfinite(score.low) || !isfinite(score.high) || isnan(score.score))
		return undefined(STATS_NOT_FINITE, score.n);
	return score;
}

/* Cleans x into sample; STATS_OK if n_min finite values are left. */
static enum stats_status
clean(struct sample_set *sample, const double *x, size_t n, size_t n_min, double point,
    double width, double spread_floor)
{
	enum stats_status status;

	*sample = (struct sample_set){ 0 };
	if (!isfinite(point))
		return STATS_NOT_FINITE;
	if (!(width > 0.0 && isfinite(width)) || !(spread_floor >= 0.0 && isfinite(spread_floor)))
		return STATS_INVALID;
	if (n > BASELINE_VALUES_MAX)
		return STATS_LIMIT;
	status = sample_init(sample, x, n);
	if (status == STATS_OK && sample->inf_count > 0)
		status = STATS_NOT_FINITE;
	if (status == STATS_OK && sample->n < n_min)
		status = STATS_FEW;
	return status;
}

double
baseline_limit(size_t n, double sigmas)
{
	double tail = dist_normal_sf(sigmas);

	if (n < 2 || !(sigmas > 0.0))
		return STATS_NAN;
	/* Beyond the range of doubles the factor is as good as 1 for large n. */
	if (!(tail > 1e-290))
		return sigmas * sqrt(1.0 + 1.0 / (double)n);
	return dist_t_isf(tail, (double)(n - 1)) * sqrt(1.0 + 1.0 / (double)n);
}

struct baseline_score
baseline_zscore(const double *x, size_t n, double point, double sigmas, double spread_floor)
{
	struct sample_set sample;
	struct baseline_score score;
	struct moments moments;
	enum stats_status status = clean(&sample, x, n, 2, point, sigmas, spread_floor);

	score = undefined(status, sample.n);
	if (status == STATS_OK) {
		moments = sample_moments(sample.v, sample.n);
		score.centre = moments.mean;
		score.spread = sqrt(moments.var);
		score.limit = baseline_limit(sample.n, sigmas);
		score = score_of(&score, point, spread_floor);
	}
	sample_fini(&sample);
	return score;
}

/* 1.4826 MAD, or where that is 0, 1.2533 mean |x - median| */
static double
robust_spread(const struct sample_set *sample, double median)
{
	double mad = sample_mad(sample->v, sample->n, median), sum = 0.0;

	if (mad > 0.0)
		return MAD_SCALE * mad;
	for (size_t i = 0; i < sample->n; i++)
		sum += fabs(sample->v[i] - median);
	return MEAN_ABS_SCALE * sum / (double)sample->n;
}

struct baseline_score
baseline_robust(const double *x, size_t n, double point, double sigmas, double spread_floor)
{
	struct sample_set sample;
	struct baseline_score score;
	enum stats_status status = clean(&sample, x, n, 3, point, sigmas, spread_floor);

	score = undefined(status, sample.n);
	if (status == STATS_OK) {
		score.centre = sample_median(sample.v, sample.n);
		score.spread = robust_spread(&sample, score.centre);
		score.limit = sigmas;
		score = score_of(&score, point, spread_floor);
	}
	sample_fini(&sample);
	return score;
}

struct baseline_score
baseline_iqr(const double *x, size_t n, double point, double width, double spread_floor)
{
	struct sample_set sample;
	struct baseline_score score;
	enum stats_status status = clean(&sample, x, n, 4, point, width, spread_floor);
	double q1, q3, beyond;

	score = undefined(status, sample.n);
	if (status == STATS_OK) {
		q1 = sample_quantile(sample.v, sample.n, 0.25);
		q3 = sample_quantile(sample.v, sample.n, 0.75);
		score.centre = sample_median(sample.v, sample.n);
		score.spread = fmax(q3 - q1, spread_floor);
		score.limit = width;
		score.low = q1 - width * score.spread;
		score.high = q3 + width * score.spread;
		beyond = point > q3 ? point - q3 : point < q1 ? point - q1 : 0.0;
		if (!isfinite(score.low) || !isfinite(score.high))
			score = undefined(STATS_NOT_FINITE, sample.n);
		else if (beyond != 0.0 && !(score.spread > 0.0))
			score = undefined(STATS_CONSTANT, sample.n);
		else
			score.score = beyond == 0.0 ? 0.0 : beyond / score.spread;
	}
	sample_fini(&sample);
	return score;
}

/* The medians of periods with values, sorted; returns how many. */
static size_t
period_medians(const struct baseline_period *periods, size_t count, double *medians)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		struct sample_set sample;

		if (sample_init(&sample, periods[i].x, periods[i].n) == STATS_OK && sample.n > 0)
			medians[found++] = sample_median(sample.v, sample.n);
		sample_fini(&sample);
	}
	sample_sort(medians, found);
	return found;
}

struct baseline_score
baseline_seasonal(const struct baseline_period *periods, size_t count, size_t periods_min,
    double point, double sigmas, double spread_floor)
{
	struct baseline_score score = undefined(STATS_LIMIT, 0);
	struct sample_set sample;
	double *pooled, *medians;
	size_t total = 0, at = 0, found;
	enum stats_status status;

	for (size_t i = 0; i < count; i++) {
		if (periods[i].n > BASELINE_VALUES_MAX - total)
			return score;
		total += periods[i].n;
	}
	pooled = xmalloc(total * sizeof(*pooled));
	medians = xmalloc(count * sizeof(*medians));
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < periods[i].n; j++)
			pooled[at++] = periods[i].x[j];
	found = period_medians(periods, count, medians);
	status = clean(&sample, pooled, total, 3, point, sigmas, spread_floor);
	if (status == STATS_OK && found < periods_min)
		status = STATS_FEW;
	score = undefined(status, sample.n);
	if (status == STATS_OK) {
		score.centre = sample_median(medians, found);
		score.spread = robust_spread(&sample, sample_median(sample.v, sample.n));
		score.limit = sigmas;
		score = score_of(&score, point, spread_floor);
	}
	sample_fini(&sample);
	free(pooled);
	free(medians);
	return score;
}
