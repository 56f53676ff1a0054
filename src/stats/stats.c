/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of this room, and sums that keep their digits. */
#include "config.h"

#include "stats/stats.h"

#include <assert.h>
#include <math.h>

static const char *const status_names[] = {
	[STATS_OK] = "ok",
	[STATS_FEW] = "too few points",
	[STATS_CONSTANT] = "constant",
	[STATS_NOT_FINITE] = "not finite",
	[STATS_INVALID] = "invalid parameter",
	[STATS_LIMIT] = "too large",
};
static_assert(
    sizeof(status_names) / sizeof(status_names[0]) == STATS_STATUS_COUNT, "a name for each status");

const char *
stats_status_name(enum stats_status status)
{
	return (unsigned)status < STATS_STATUS_COUNT ? status_names[status] : "?";
}

struct stats_test
stats_test_undefined(enum stats_status status)
{
	return (struct stats_test){ status, STATS_NAN, STATS_NAN, STATS_NAN, STATS_NAN };
}

struct stats_test
stats_test_of(double statistic, double p, double df, double effect)
{
	if (isnan(statistic) || isnan(p))
		return stats_test_undefined(STATS_NOT_FINITE);
	return (struct stats_test){ STATS_OK, statistic, fmin(fmax(p, 0.0), 1.0), df, effect };
}

struct stats_value
stats_value_undefined(enum stats_status status)
{
	return (struct stats_value){ status, STATS_NAN };
}

struct stats_value
stats_value_of(double value)
{
	if (isnan(value))
		return stats_value_undefined(STATS_NOT_FINITE);
	return (struct stats_value){ STATS_OK, value };
}

double
stats_sum(const double *x, size_t n)
{
	double sum = 0.0, lost = 0.0;

	for (size_t i = 0; i < n; i++) {
		double next = sum + x[i];

		lost += fabs(sum) >= fabs(x[i]) ? (sum - next) + x[i] : (x[i] - next) + sum;
		sum = next;
	}
	/* An infinite sum would make the correction NaN. */
	return isfinite(sum) ? sum + lost : sum;
}

bool
stats_all_finite(const double *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(x[i]))
			return false;
	return true;
}
