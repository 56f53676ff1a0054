/* SPDX-License-Identifier: Apache-2.0 */
/* Two proportions: z test, Wilson and Newcombe intervals, ratio. */
#include "config.h"

#include "stats/proportions.h"

#include <math.h>

#include "stats/dist.h"

static enum stats_status
check(double x, double n)
{
	if (!isfinite(x) || !isfinite(n))
		return STATS_NOT_FINITE;
	if (x < 0.0 || n < 0.0 || x > n)
		return STATS_INVALID;
	return n > 0.0 ? STATS_OK : STATS_FEW;
}

static enum stats_status
check_two(double x1, double n1, double x2, double n2)
{
	enum stats_status status = check(x1, n1);

	return status != STATS_OK ? status : check(x2, n2);
}

struct stats_test
proportions_test(double x_ref, double n_ref, double x_cur, double n_cur, enum stats_side side)
{
	enum stats_status status = check_two(x_ref, n_ref, x_cur, n_cur);
	double pooled, sd, gap, z, p;

	if (status != STATS_OK)
		return stats_test_undefined(status);
	pooled = (x_ref + x_cur) / (n_ref + n_cur);
	gap = x_ref / n_ref - x_cur / n_cur;
	sd = sqrt(fmax(0.0, pooled * (1.0 - pooled)) * (1.0 / n_ref + 1.0 / n_cur));
	z = sd > 0.0 ? gap / sd : 0.0;
	switch (side) {
	case STATS_TWO_SIDED:
		p = sd > 0.0 ? 2.0 * dist_normal_sf(fabs(z)) : 1.0;
		break;
	case STATS_CURRENT_HIGHER:
		p = sd > 0.0 ? dist_normal_cdf(z) : 1.0;
		break;
	case STATS_CURRENT_LOWER:
		p = sd > 0.0 ? dist_normal_sf(z) : 1.0;
		break;
	case STATS_SIDE_COUNT:
	default:
		return stats_test_undefined(STATS_INVALID);
	}
	return stats_test_of(z, p, STATS_NAN, -gap);
}

struct interval
proportions_wilson(double x, double n, double confidence)
{
	struct interval result = { check(x, n), STATS_NAN, STATS_NAN };
	double z, share, middle, half, scale;

	if (result.status == STATS_OK && !(confidence > 0.0 && confidence < 1.0))
		result.status = STATS_INVALID;
	if (result.status != STATS_OK)
		return result;
	z = dist_normal_isf(0.5 * (1.0 - confidence));
	share = x / n;
	scale = 1.0 + z * z / n;
	middle = (share + z * z / (2.0 * n)) / scale;
	half = z * sqrt(share * (1.0 - share) / n + z * z / (4.0 * n * n)) / scale;
	/* Exactly 0 and 1 at the ends, where rounding would leave dust. */
	result.low = x == 0.0 ? 0.0 : fmax(0.0, middle - half);
	result.high = x == n ? 1.0 : fmin(1.0, middle + half);
	return result;
}

struct interval
proportions_newcombe(double x1, double n1, double x2, double n2, double confidence)
{
	struct interval a = proportions_wilson(x1, n1, confidence);
	struct interval b = proportions_wilson(x2, n2, confidence);
	struct interval result = { a.status != STATS_OK ? a.status : b.status, STATS_NAN,
		STATS_NAN };
	double p1 = x1 / n1, p2 = x2 / n2;

	if (result.status != STATS_OK)
		return result;
	result.low = p1 - p2 - hypot(p1 - a.low, b.high - p2);
	result.high = p1 - p2 + hypot(a.high - p1, p2 - b.low);
	return result;
}

struct stats_value
proportions_ratio(double x_ref, double n_ref, double x_cur, double n_cur)
{
	enum stats_status status = check_two(x_ref, n_ref, x_cur, n_cur);

	if (status != STATS_OK)
		return stats_value_undefined(status);
	if (x_ref == 0.0)
		return stats_value_of(x_cur == 0.0 ? 1.0 : STATS_INFINITY);
	return stats_value_of(x_cur / n_cur / (x_ref / n_ref));
}
