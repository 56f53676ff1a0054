/* SPDX-License-Identifier: Apache-2.0 */
/* Welch's and Student's t tests. */
#include "config.h"

#include "stats/location.h"

#include <math.h>

#include "stats/dist.h"

static struct stats_test
t_test(const struct moments *ref, const struct moments *cur, enum stats_side side, bool welch)
{
	double n = (double)ref->n, m = (double)cur->n, pooled, a, b, se, df, t, gap, p;

	if ((unsigned)side >= STATS_SIDE_COUNT)
		return stats_test_undefined(STATS_INVALID);
	if (ref->n < 2 || cur->n < 2)
		return stats_test_undefined(STATS_FEW);
	gap = ref->mean - cur->mean;
	if (!isfinite(gap) || !isfinite(ref->var) || !isfinite(cur->var))
		return stats_test_undefined(STATS_NOT_FINITE);
	if (ref->var < 0.0 || cur->var < 0.0)
		return stats_test_undefined(STATS_INVALID);
	pooled = ((n - 1.0) * ref->var + (m - 1.0) * cur->var) / (n + m - 2.0);
	a = (welch ? ref->var : pooled) / n;
	b = (welch ? cur->var : pooled) / m;
	se = sqrt(a + b);
	if (!(se > 0.0))
		return gap == 0.0 ? stats_test_of(0.0, 1.0, n + m - 2.0, 0.0)
				  : stats_test_undefined(STATS_CONSTANT);
	/* Shares of the variance, so that tiny variances do not underflow. */
	df = n + m - 2.0;
	if (welch) {
		double share = a / (a + b), rest = b / (a + b);

		df = 1.0 / (share * share / (n - 1.0) + rest * rest / (m - 1.0));
	}
	t = gap / se;
	p = side == STATS_TWO_SIDED       ? dist_t_two_sided(t, df)
	    : side == STATS_CURRENT_LOWER ? dist_t_sf(t, df)
					  : dist_t_sf(-t, df);
	return stats_test_of(t, p, df, -gap / sqrt(pooled));
}

struct stats_test
location_welch_moments(const struct moments *ref, const struct moments *cur, enum stats_side side)
{
	return t_test(ref, cur, side, true);
}

struct stats_test
location_welch(const struct sample_set *ref, const struct sample_set *cur, enum stats_side side)
{
	struct moments a = sample_moments(ref->v, ref->n), b = sample_moments(cur->v, cur->n);

	return t_test(&a, &b, side, true);
}

struct stats_test
location_student(const struct sample_set *ref, const struct sample_set *cur, enum stats_side side)
{
	struct moments a = sample_moments(ref->v, ref->n), b = sample_moments(cur->v, cur->n);

	return t_test(&a, &b, side, false);
}
