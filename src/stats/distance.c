/* SPDX-License-Identifier: Apache-2.0 */
/* Distances of binned distributions, and what chance makes of them. */
#include "config.h"

#include "stats/distance.h"

#include <math.h>

#include "stats/dist.h"

static enum stats_status
check(const double *p, const double *q, size_t k)
{
	if (k == 0)
		return STATS_FEW;
	if (!stats_all_finite(p, k) || !stats_all_finite(q, k))
		return STATS_NOT_FINITE;
	for (size_t i = 0; i < k; i++)
		if (p[i] < 0.0 || q[i] < 0.0)
			return STATS_INVALID;
	return STATS_OK;
}

void
distance_fill(double *shares, size_t k, enum distance_fill fill, double epsilon)
{
	double least = STATS_INFINITY;

	if (fill == DISTANCE_FILL_EPSILON) {
		for (size_t i = 0; i < k; i++)
			shares[i] = fmax(shares[i], epsilon);
		return;
	}
	for (size_t i = 0; i < k; i++)
		if (shares[i] > 0.0)
			least = fmin(least, shares[i]);
	for (size_t i = 0; i < k; i++)
		if (shares[i] == 0.0)
			shares[i] = least <= 1e-4 ? least / 1e6 : 1e-4;
}

struct stats_value
distance_psi(const double *p, const double *q, size_t k, double epsilon)
{
	enum stats_status status = check(p, q, k);
	double sum = 0.0;

	if (status == STATS_OK && !(epsilon > 0.0 && epsilon < 1.0))
		status = STATS_INVALID;
	if (status != STATS_OK)
		return stats_value_undefined(status);
	for (size_t i = 0; i < k; i++) {
		double a = fmax(p[i], epsilon), b = fmax(q[i], epsilon);

		sum += (b - a) * log(b / a);
	}
	return stats_value_of(sum);
}

/* x ln(x/y); 0 at x = 0, infinite at y = 0 < x */
static double
relative_entropy(double x, double y)
{
	return x <= 0.0 ? 0.0 : y <= 0.0 ? STATS_INFINITY : x * log(x / y);
}

struct stats_value
distance_kl(const double *p, const double *q, size_t k)
{
	enum stats_status status = check(p, q, k);
	double sum_p, sum_q, sum = 0.0;

	if (status != STATS_OK)
		return stats_value_undefined(status);
	sum_p = stats_sum(p, k);
	sum_q = stats_sum(q, k);
	if (!(sum_p > 0.0 && sum_q > 0.0))
		return stats_value_undefined(STATS_FEW);
	if (!isfinite(sum_p) || !isfinite(sum_q))
		return stats_value_undefined(STATS_LIMIT);
	for (size_t i = 0; i < k; i++)
		sum += relative_entropy(p[i] / sum_p, q[i] / sum_q);
	return stats_value_of(fmax(0.0, sum));
}

/*
 * x ln(x/m) + y ln(y/m), m = (x+y)/2, without cancellation for x near y:
 * with t = (x-y)/(x+y) it is m [(1+t) log1p(t) + (1-t) log1p(-t)].
 */
static double
js_term(double x, double y)
{
	double m = 0.5 * (x + y), t;

	if (m <= 0.0)
		return 0.0;
	t = 0.5 * (x - y) / m;
	if (fabs(t) >= 1.0)
		return 2.0 * m * M_LN2;
	if (fabs(t) < 0.01) {
		double s = t * t;

		/* its series: sum t^(2j) / (j (2j-1)) */
		return m * s * (1.0 + s * (1.0 / 6 + s * (1.0 / 15 + s * (1.0 / 28 + s / 45))));
	}
	return m * ((1.0 + t) * log1p(t) + (1.0 - t) * log1p(-t));
}

struct stats_value
distance_js(const double *p, const double *q, size_t k, double base)
{
	enum stats_status status = check(p, q, k);
	double sum_p, sum_q, sum = 0.0;

	if (status == STATS_OK && base != 0.0 && !(base > 1.0))
		status = STATS_INVALID;
	if (status != STATS_OK)
		return stats_value_undefined(status);
	sum_p = stats_sum(p, k);
	sum_q = stats_sum(q, k);
	if (!(sum_p > 0.0 && sum_q > 0.0))
		return stats_value_undefined(STATS_FEW);
	if (!isfinite(sum_p) || !isfinite(sum_q))
		return stats_value_undefined(STATS_LIMIT);
	for (size_t i = 0; i < k; i++)
		sum += js_term(p[i] / sum_p, q[i] / sum_q);
	return stats_value_of(sqrt(0.5 * sum / (base == 0.0 ? 1.0 : log(base))));
}

struct stats_value
distance_hellinger(const double *p, const double *q, size_t k)
{
	enum stats_status status = check(p, q, k);
	double overlap = 0.0;

	if (status != STATS_OK)
		return stats_value_undefined(status);
	/*
	 * 1 - sum sqrt(pq) = sum (sqrt p - sqrt q)^2 / 2 when both sum to 1,
	 * and that form keeps the digits of small distances; what the sums
	 * lack of 1 is added so that the definition holds for any input.
	 */
	for (size_t i = 0; i < k; i++) {
		double gap = sqrt(p[i]) - sqrt(q[i]);

		overlap += 0.5 * gap * gap;
	}
	overlap += 1.0 - 0.5 * (stats_sum(p, k) + stats_sum(q, k));
	/* Sums of shares are 1 only up to rounding. */
	if (overlap < (double)k * 0x1p-53)
		overlap = 0.0;
	return stats_value_of(sqrt(overlap));
}

struct stats_value
distance_total_variation(const double *p, const double *q, size_t k)
{
	enum stats_status status = check(p, q, k);
	double sum = 0.0;

	if (status != STATS_OK)
		return stats_value_undefined(status);
	for (size_t i = 0; i < k; i++)
		sum += fabs(p[i] - q[i]);
	return stats_value_of(0.5 * sum);
}

struct stats_value
distance_l_infinity(const double *p, const double *q, size_t k)
{
	enum stats_status status = check(p, q, k);
	double most = 0.0;

	if (status != STATS_OK)
		return stats_value_undefined(status);
	for (size_t i = 0; i < k; i++)
		most = fmax(most, fabs(p[i] - q[i]));
	return stats_value_of(most);
}

struct stats_value
distance_psi_chance_level(double n, double m, size_t k, double alpha)
{
	if (!(alpha > 0.0 && alpha < 1.0))
		return stats_value_undefined(STATS_INVALID);
	if (!(n > 0.0 && m > 0.0))
		return stats_value_undefined(STATS_FEW);
	if (k < 2)
		return stats_value_of(0.0);
	return stats_value_of((1.0 / n + 1.0 / m) * dist_chi2_isf(alpha, (double)k - 1.0));
}

struct stats_value
distance_js_chance_level(double n, double m, size_t k, double alpha, double base)
{
	struct stats_value psi = distance_psi_chance_level(n, m, k, alpha);

	if (psi.status != STATS_OK)
		return psi;
	if (base != 0.0 && !(base > 1.0))
		return stats_value_undefined(STATS_INVALID);
	return stats_value_of(sqrt(psi.value / 8.0 / (base == 0.0 ? 1.0 : log(base))));
}
