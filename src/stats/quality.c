/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics of classifiers, scores and forecasts, with bounds. */
#include "config.h"

#include "stats/quality.h"

#include <math.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "stats/dist.h"
#include "stats/proportions.h"
#include "stats/rank.h"
#include "stats/sample.h"
#include "stats/special.h"

#define LOG_LOSS_CLIP 1e-15
#define AUC_END       1e-9

static struct estimate
undefined(enum stats_status status)
{
	return (struct estimate){ status, STATS_NAN, STATS_NAN, STATS_NAN };
}

static bool
is_confidence(double confidence)
{
	return confidence > 0.5 && confidence < 1.0;
}

struct estimate
quality_share(double x, double n, double confidence)
{
	struct interval wilson;

	if (!is_confidence(confidence))
		return undefined(STATS_INVALID);
	wilson = proportions_wilson(x, n, 2.0 * confidence - 1.0);
	if (wilson.status != STATS_OK)
		return undefined(wilson.status);
	return (struct estimate){ STATS_OK, x / n, wilson.low, wilson.high };
}

static double
f1_of_jaccard(double j)
{
	return 2.0 * j / (1.0 + j);
}

struct estimate
quality_f1(double tp, double fp, double fn, double confidence)
{
	struct estimate j = quality_share(tp, tp + fp + fn, confidence);

	if (j.status != STATS_OK)
		return j;
	return (struct estimate){ STATS_OK, f1_of_jaccard(j.value), f1_of_jaccard(j.low),
		f1_of_jaccard(j.high) };
}

/* --- area under the curve ------------------------------------------------ */

struct auc {
	double value, z, m, n;
};

/* Zero where theta is a bound: (A - theta)^2 = z^2 V(theta). */
static double
auc_gap(double theta, const void *arg)
{
	const struct auc *a = arg;
	double middle = 0.5 * (a->m + a->n);
	double var =
	    theta * (1.0 - theta) *
	    (1.0 + (middle - 1.0) * ((1.0 - theta) / (2.0 - theta) + theta / (1.0 + theta))) /
	    (a->m * a->n);

	return (a->value - theta) * (a->value - theta) - a->z * a->z * var;
}

struct estimate
quality_auc(const double *score, const bool *positive, size_t n, double confidence)
{
	struct sample_set sides[2] = { { .v = xmalloc((n + 1) * sizeof(double)) },
		{ .v = xmalloc((n + 1) * sizeof(double)) } };
	struct estimate ret = { .status = STATS_OK };
	struct stats_test test;
	struct auc auc;

	for (size_t i = 0; i < n; i++) {
		struct sample_set *side = &sides[positive[i]];

		if (isnan(score[i]))
			ret.status = STATS_NOT_FINITE;
		side->v[side->n++] = score[i] + 0.0;
	}
	if (ret.status == STATS_OK && !is_confidence(confidence))
		ret.status = STATS_INVALID;
	if (ret.status == STATS_OK && (sides[0].n == 0 || sides[1].n == 0))
		ret.status = STATS_FEW;
	if (ret.status == STATS_OK) {
		sample_sort(sides[0].v, sides[0].n);
		sample_sort(sides[1].v, sides[1].n);
		test = rank_mann_whitney(&sides[0], &sides[1], RANK_LIMIT, STATS_TWO_SIDED);
		auc = (struct auc){ test.effect, dist_normal_isf(1.0 - confidence),
			(double)sides[1].n, (double)sides[0].n };
		ret.value = auc.value;
		/* At the end that the value stands at, the bound is that end; next to it the
		 * variance, which shrinks with the distance, outweighs its square. */
		ret.low = auc.value <= 0.0 ? 0.0
					   : special_solve(auc_gap, &auc, 0.0, 0.0,
						 fmin(auc.value, 1.0 - AUC_END));
		ret.high = auc.value >= 1.0 ? 1.0
					    : special_solve(auc_gap, &auc, 0.0,
						  fmax(auc.value, AUC_END), 1.0);
		ret.status = test.status;
	}
	free(sides[0].v);
	free(sides[1].v);
	return ret.status == STATS_OK ? ret : undefined(ret.status);
}

/* --- means --------------------------------------------------------------- */

struct estimate
quality_mean(const double *x, size_t n, double confidence)
{
	struct moments m = sample_moments(x, n);
	double half;

	if (n == 0)
		return undefined(STATS_FEW);
	if (!isfinite(m.mean))
		return undefined(STATS_NOT_FINITE);
	if (!is_confidence(confidence))
		return undefined(STATS_INVALID);
	if (n < 2)
		return (struct estimate){ STATS_OK, m.mean, STATS_NAN, STATS_NAN };
	half = dist_t_isf(1.0 - confidence, (double)n - 1.0) * sqrt(m.var / (double)n);
	return (struct estimate){ STATS_OK, m.mean, m.mean - half, m.mean + half };
}

struct estimate
quality_root(struct estimate mean)
{
	if (mean.status != STATS_OK)
		return mean;
	/* Not fmax(): a bound that is not there stays away. */
	return (struct estimate){ STATS_OK, sqrt(mean.value), mean.low < 0.0 ? 0.0 : sqrt(mean.low),
		sqrt(mean.high) };
}

/* --- calibration and fit -------------------------------------------------- */

struct estimate
quality_ece(const double *score, const bool *positive, size_t n, size_t bins)
{
	struct bin {
		double n, scores, positives;
	} * bin;
	double sum = 0.0;

	if (n == 0)
		return undefined(STATS_FEW);
	if (bins == 0)
		return undefined(STATS_INVALID);
	for (size_t i = 0; i < n; i++)
		if (!(score[i] >= 0.0 && score[i] <= 1.0))
			return undefined(isnan(score[i]) ? STATS_NOT_FINITE : STATS_INVALID);
	bin = xcalloc(bins, sizeof(*bin));
	for (size_t i = 0; i < n; i++) {
		/* (a, b], as in the paper; 0 belongs to the first. */
		double at = ceil(score[i] * (double)bins) - 1.0;
		struct bin *b = &bin[at <= 0.0 ? 0 : (size_t)at];

		b->n++;
		b->scores += score[i];
		b->positives += positive[i];
	}
	for (size_t i = 0; i < bins; i++)
		sum += fabs(bin[i].positives - bin[i].scores);
	free(bin);
	return (struct estimate){ STATS_OK, sum / (double)n, STATS_NAN, STATS_NAN };
}

struct estimate
quality_r2(const double *prediction, const double *y, size_t n)
{
	struct moments m = sample_moments(y, n);
	double sum = 0.0;

	if (n < 2)
		return undefined(STATS_FEW);
	if (!isfinite(m.var_pop))
		return undefined(STATS_NOT_FINITE);
	if (m.var_pop <= 0.0)
		return undefined(STATS_CONSTANT);
	for (size_t i = 0; i < n; i++)
		sum += (y[i] - prediction[i]) * (y[i] - prediction[i]);
	if (!isfinite(sum))
		return undefined(STATS_NOT_FINITE);
	return (
	    struct estimate){ STATS_OK, 1.0 - sum / (m.var_pop * (double)n), STATS_NAN, STATS_NAN };
}

double
quality_log_loss(double p, bool positive)
{
	p = fmin(fmax(p, LOG_LOSS_CLIP), 1.0 - LOG_LOSS_CLIP);
	return positive ? -log(p) : -log1p(-p);
}
