/* SPDX-License-Identifier: Apache-2.0 */
/* Wasserstein-1 and energy distance on the line. */
#include "config.h"

#include "stats/wasserstein.h"

#include <math.h>

/* Integral over x of |F - G|^power, power 1 or 2. */
static double
integral(const struct sample_set *ref, const struct sample_set *cur, bool squared)
{
	size_t i = 0, j = 0;
	double n = (double)ref->n, m = (double)cur->n, sum = 0.0, lost = 0.0, x;

	x = fmin(ref->v[0], cur->v[0]);
	while (i < ref->n || j < cur->n) {
		double next =
		    j >= cur->n || (i < ref->n && ref->v[i] <= cur->v[j]) ? ref->v[i] : cur->v[j];
		double gap = fabs((double)i / n - (double)j / m), term, after;

		term = (squared ? gap * gap : gap) * (next - x);
		after = sum + (term + lost);
		lost = term + lost - (after - sum);
		sum = after;
		x = next;
		while (i < ref->n && ref->v[i] == x)
			i++;
		while (j < cur->n && cur->v[j] == x)
			j++;
	}
	return sum;
}

static enum stats_status
check(const struct sample_set *ref, const struct sample_set *cur)
{
	if (ref->inf_count + cur->inf_count > 0)
		return STATS_NOT_FINITE;
	return ref->n > 0 && cur->n > 0 ? STATS_OK : STATS_FEW;
}

struct stats_value
wasserstein_distance(const struct sample_set *ref, const struct sample_set *cur)
{
	enum stats_status status = check(ref, cur);

	return status != STATS_OK ? stats_value_undefined(status)
				  : stats_value_of(integral(ref, cur, false));
}

struct stats_value
wasserstein_normed(const struct sample_set *ref, const struct sample_set *cur, double floor)
{
	struct stats_value distance = wasserstein_distance(ref, cur);
	double sd;

	if (distance.status != STATS_OK)
		return distance;
	if (!(floor >= 0.0))
		return stats_value_undefined(STATS_INVALID);
	sd = fmax(sqrt(sample_moments(ref->v, ref->n).var_pop), floor);
	if (sd > 0.0)
		return stats_value_of(distance.value / sd);
	return distance.value == 0.0 ? distance : stats_value_undefined(STATS_CONSTANT);
}

struct stats_value
wasserstein_energy(const struct sample_set *ref, const struct sample_set *cur)
{
	enum stats_status status = check(ref, cur);

	return status != STATS_OK ? stats_value_undefined(status)
				  : stats_value_of(sqrt(2.0 * integral(ref, cur, true)));
}

struct stats_value
wasserstein_histogram(const double *centres, const double *ref, const double *cur, size_t k)
{
	double n, m, f = 0.0, g = 0.0, sum = 0.0;

	if (k == 0)
		return stats_value_undefined(STATS_FEW);
	if (!stats_all_finite(centres, k) || !stats_all_finite(ref, k) || !stats_all_finite(cur, k))
		return stats_value_undefined(STATS_NOT_FINITE);
	for (size_t i = 0; i < k; i++)
		if (ref[i] < 0.0 || cur[i] < 0.0 || (i > 0 && centres[i] <= centres[i - 1]))
			return stats_value_undefined(STATS_INVALID);
	n = stats_sum(ref, k);
	m = stats_sum(cur, k);
	if (!(n > 0.0 && m > 0.0))
		return stats_value_undefined(STATS_FEW);
	for (size_t i = 0; i + 1 < k; i++) {
		f += ref[i];
		g += cur[i];
		sum += fabs(f / n - g / m) * (centres[i + 1] - centres[i]);
	}
	return stats_value_of(sum);
}
