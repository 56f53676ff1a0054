/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distances in the units of x: Wasserstein-1 and energy, of samples and of
 * weighted points.
 *
 * Both need finite values (STATS_NOT_FINITE) and one point a side.
 */
#pragma once

#include "stats/sample.h"
#include "stats/stats.h"

/* Integral of |F - G|: the mean way mass has to be moved.  Units of x. */
struct stats_value wasserstein_distance(const struct sample_set *ref, const struct sample_set *cur);
/*
 * The same over the population standard deviation of the reference, which is
 * raised to floor where smaller (0 for none: a constant reference is then
 * STATS_CONSTANT unless the distance is 0).  Evidently's floor is 0.001 and
 * turns a change of 0.01 on a constant into a score of 10.
 */
#define WASSERSTEIN_EVIDENTLY_FLOOR 0.001
struct stats_value wasserstein_normed(const struct sample_set *ref, const struct sample_set *cur, double floor);
/* sqrt(2 integral (F - G)^2), square root of the units of x.  Szekely 2003. */
struct stats_value wasserstein_energy(const struct sample_set *ref, const struct sample_set *cur);
/*
 * Wasserstein-1 of two histograms on the same strictly increasing centres;
 * weights >= 0, each total > 0.
 */
struct stats_value wasserstein_histogram(const double *centres, const double *ref, const double *cur, size_t k);
