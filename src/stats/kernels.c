/* SPDX-License-Identifier: Apache-2.0 */
/* Epps-Singleton and least-squares density difference. */
#include "config.h"

#include "stats/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "stats/dist.h"

#define WAVES 4

/* In-place Cholesky factor of a symmetric k x k matrix; false if not positive definite. */
static bool
cholesky(double *a, size_t k)
{
	for (size_t j = 0; j < k; j++) {
		double least = 1e-13 * fabs(a[j * k + j]);

		for (size_t i = j; i < k; i++) {
			double sum = a[i * k + j];

			for (size_t c = 0; c < j; c++)
				sum -= a[i * k + c] * a[j * k + c];
			if (i > j)
				a[i * k + j] = sum / a[j * k + j];
			else if (sum > least)
				a[j * k + j] = sqrt(sum);
			else
				return false;
		}
	}
	return true;
}

/* x := A^-1 x by the factor */
static void
cholesky_solve(const double *a, size_t k, double *x)
{
	for (size_t i = 0; i < k; i++) {
		for (size_t c = 0; c < i; c++)
			x[i] -= a[i * k + c] * x[c];
		x[i] /= a[i * k + i];
	}
	for (size_t i = k; i-- > 0;) {
		for (size_t c = i + 1; c < k; c++)
			x[i] -= a[c * k + i] * x[c];
		x[i] /= a[i * k + i];
	}
}

/* Means and population covariance, times weight, of the four waves over a sample. */
static void
waves(const struct sample_set *sample, double scale, double weight, double mean[WAVES],
    double *covariance)
{
	double(*g)[WAVES] = xmalloc(sample->n * sizeof(*g));

	for (size_t j = 0; j < WAVES; j++)
		mean[j] = 0.0;
	for (size_t i = 0; i < sample->n; i++) {
		double near = 0.4 / scale * sample->v[i], far = 0.8 / scale * sample->v[i];

		g[i][0] = cos(near);
		g[i][1] = cos(far);
		g[i][2] = sin(near);
		g[i][3] = sin(far);
		for (size_t j = 0; j < WAVES; j++)
			mean[j] += g[i][j] / (double)sample->n;
	}
	for (size_t i = 0; i < sample->n; i++)
		for (size_t j = 0; j < WAVES; j++)
			for (size_t c = 0; c < WAVES; c++)
				covariance[j * WAVES + c] += weight * (g[i][j] - mean[j]) *
							     (g[i][c] - mean[c]) /
							     (double)sample->n;
	free(g);
}

static double
pooled_iqr(const struct sample_set *ref, const struct sample_set *cur)
{
	size_t n = ref->n + cur->n;
	double *pooled = xmalloc(n * sizeof(*pooled)), iqr;

	memcpy(pooled, ref->v, ref->n * sizeof(*pooled));
	memcpy(pooled + ref->n, cur->v, cur->n * sizeof(*pooled));
	sample_sort(pooled, n);
	iqr = sample_quantile(pooled, n, 0.75) - sample_quantile(pooled, n, 0.25);
	free(pooled);
	return iqr;
}

struct stats_test
kernels_epps_singleton(const struct sample_set *ref, const struct sample_set *cur)
{
	double n = (double)ref->n, m = (double)cur->n, total = n + m, iqr, w = 0.0;
	double mean_ref[WAVES], mean_cur[WAVES], gap[WAVES], solved[WAVES];
	double covariance[WAVES * WAVES] = { 0 };

	if (ref->n < 5 || cur->n < 5)
		return stats_test_undefined(STATS_FEW);
	if (ref->inf_count + cur->inf_count > 0)
		return stats_test_undefined(STATS_NOT_FINITE);
	iqr = pooled_iqr(ref, cur);
	if (!(iqr > 0.0 && isfinite(iqr)))
		return stats_test_undefined(iqr == 0.0 ? STATS_CONSTANT : STATS_NOT_FINITE);
	waves(ref, 0.5 * iqr, total / n, mean_ref, covariance);
	waves(cur, 0.5 * iqr, total / m, mean_cur, covariance);
	for (size_t j = 0; j < WAVES; j++)
		solved[j] = gap[j] = mean_ref[j] - mean_cur[j];
	if (!cholesky(covariance, WAVES))
		return stats_test_undefined(STATS_CONSTANT);
	cholesky_solve(covariance, WAVES, solved);
	for (size_t j = 0; j < WAVES; j++)
		w += total * gap[j] * solved[j];
	if (n < 25.0 && m < 25.0)
		w /= 1.0 + pow(total, -0.45) + 10.1 * (pow(n, -1.7) + pow(m, -1.7));
	return stats_test_of(w, dist_chi2_sf(w, WAVES), WAVES, w / total);
}

static double
mean_kernel(const struct sample_set *sample, double centre, double sigma)
{
	double sum = 0.0;

	for (size_t i = 0; i < sample->n; i++) {
		double d = (sample->v[i] - centre) / sigma;

		sum += exp(-0.5 * d * d);
	}
	return sum / (double)sample->n;
}

struct stats_value
kernels_lsdd(const struct sample_set *ref, const struct sample_set *cur, const double *centres,
    size_t k, double sigma, double lambda, double *h_out)
{
	double *big_h, *factor, *h, *a, value = 0.0;
	bool solvable;

	if (!(sigma > 0.0 && isfinite(sigma)) || !(lambda > 0.0 && isfinite(lambda)) || k == 0)
		return stats_value_undefined(STATS_INVALID);
	if (k > KERNELS_CENTRES_MAX)
		return stats_value_undefined(STATS_LIMIT);
	if (ref->n == 0 || cur->n == 0)
		return stats_value_undefined(STATS_FEW);
	if (ref->inf_count + cur->inf_count > 0 || !stats_all_finite(centres, k))
		return stats_value_undefined(STATS_NOT_FINITE);
	big_h = xmalloc((2 * k * k + 2 * k) * sizeof(*big_h));
	factor = big_h + k * k;
	h = factor + k * k;
	a = h + k;
	for (size_t i = 0; i < k; i++) {
		a[i] = h[i] =
		    mean_kernel(ref, centres[i], sigma) - mean_kernel(cur, centres[i], sigma);
		for (size_t j = 0; j < k; j++) {
			double d = (centres[i] - centres[j]) / sigma;

			big_h[i * k + j] = exp(-0.25 * d * d);
			factor[i * k + j] = big_h[i * k + j] + (i == j ? lambda : 0.0);
		}
	}
	solvable = cholesky(factor, k);
	if (solvable)
		cholesky_solve(factor, k, a);
	/* h'(2A - A H A)h = 2 h'a - a'H a with a = A h */
	for (size_t i = 0; i < k && solvable; i++) {
		value += 2.0 * h[i] * a[i];
		for (size_t j = 0; j < k; j++)
			value -= a[i] * big_h[i * k + j] * a[j];
	}
	if (h_out != NULL)
		memcpy(h_out, h, k * sizeof(*h));
	free(big_h);
	return solvable ? stats_value_of(value) : stats_value_undefined(STATS_CONSTANT);
}
