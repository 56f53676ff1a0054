/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shares: comparing two, and intervals for one and for a gap.
 *
 * x successes of n trials, 0 <= x <= n; counts may be fractional (rates times
 * a window).  x outside the range: STATS_INVALID; n = 0: STATS_FEW.
 */
#pragma once

#include "stats/stats.h"

struct interval {
	enum stats_status status;
	double low, high;
};

/*
 * Pooled two-proportion z test.  statistic = z = (p_ref - p_cur) / sqrt(P(1-P)
 * (1/n_ref + 1/n_cur)); effect = p_cur - p_ref.  P of 0 or 1 (both shares
 * equal): z 0, p 1.  Below 5 successes or failures a side prefer Fisher.
 */
struct stats_test proportions_test(double x_ref, double n_ref, double x_cur, double n_cur, enum stats_side side);
/* Wilson 1927 score interval at the given confidence, e.g. 0.95. */
struct interval proportions_wilson(double x, double n, double confidence);
/* Newcombe 1998 (method 10) for p1 - p2, from the two Wilson intervals. */
struct interval proportions_newcombe(double x1, double n1, double x2, double n2, double confidence);
/* p_cur / p_ref; infinity over a reference of 0, 1 if both are 0. */
struct stats_value proportions_ratio(double x_ref, double n_ref, double x_cur, double n_cur);
