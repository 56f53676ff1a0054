/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several columns at once: rows as points, compared by their maximum mean
 * discrepancy (stats/mmd.h), which sees what no column shows by itself, such
 * as a correlation that is gone.
 *
 * Each column is first divided by its standard deviation in the reference; one
 * that is constant there by that of both sides together, so that a constant
 * which begins to move is seen.  The kernel's width is the median heuristic on
 * the reference (Gretton et al. 2012, section 8), or 1 / sqrt(2) where more
 * than half of its points are one and the same.  Pure.
 */
#pragma once

#include "rule/drift.h"

struct stats_test drift_test_points(const struct drift_spec *spec, const struct drift_pair *pair);
/* By how many of these standard deviations each column's mean has moved; NaN: the column is constant. */
void drift_points_shift(const struct drift_pair *pair, uint32_t n_columns, double *ret);
