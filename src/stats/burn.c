/* SPDX-License-Identifier: Apache-2.0 */
/* Burn rates and relative change. */
#include "config.h"

#include "stats/burn.h"

#include <math.h>

struct stats_value
burn_rate(double bad, double total, double objective)
{
	if (!isfinite(bad) || !isfinite(total))
		return stats_value_undefined(STATS_NOT_FINITE);
	if (!(objective > 0.0 && objective < 1.0) || bad < 0.0 || bad > total)
		return stats_value_undefined(STATS_INVALID);
	if (total == 0.0)
		return stats_value_undefined(STATS_FEW);
	return stats_value_of(bad / total / (1.0 - objective));
}

bool
burn_is_above(struct stats_value long_rate, struct stats_value short_rate, double factor)
{
	return long_rate.status == STATS_OK && short_rate.status == STATS_OK &&
	       long_rate.value > factor && short_rate.value > factor;
}

struct stats_value
burn_budget_spent(double rate, double window, double period)
{
	if (!(rate >= 0.0) || !(window >= 0.0) || !(period > 0.0))
		return stats_value_undefined(STATS_INVALID);
	return stats_value_of(rate * (window / period));
}

struct stats_value
burn_time_left(double rate, double rest, double period)
{
	if (!(rate >= 0.0) || !(rest >= 0.0 && rest <= 1.0) || !(period > 0.0))
		return stats_value_undefined(STATS_INVALID);
	return stats_value_of(rate == 0.0 ? STATS_INFINITY : rest * period / rate);
}

struct stats_value
burn_relative_change(double base, double current)
{
	if (!isfinite(base) || !isfinite(current))
		return stats_value_undefined(STATS_NOT_FINITE);
	if (base == 0.0)
		return current == 0.0 ? stats_value_of(0.0) : stats_value_undefined(STATS_CONSTANT);
	return stats_value_of((current - base) / fabs(base));
}
