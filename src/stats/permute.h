/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Permutation test of any statistic of two samples: how often is it as large
 * when the pooled points are dealt out at random?
 *
 * Exact for exchangeable points whatever the sizes, ties and bins (Fisher
 * 1935; Pitman 1937), so it is the chance level of distances that have no law
 * of their own, or whose law is rough at small sizes.
 * p = (c + 1)/(rounds + 1); when no round reaches the observed value, the tail
 * of a gamma law with the rounds' mean and variance, if that is smaller still:
 * corrections for many features need p-values below 1/rounds.
 *
 * Of more than PERMUTE_POINTS_MAX points a side, so many are taken evenly from
 * the pooled order, and the observed value is scaled by ((1/n' + 1/m') / (1/n +
 * 1/m))^power, since distances shrink with the sizes in that way.
 * Cost: rounds * (n + m) and the statistic each time; about 20 ms for 2,000 and
 * 1,000 points and 999 rounds of PSI.  The rng is the caller's: a seed repeats it.
 */
#pragma once

#include <stdint.h>

#include "base/rng.h"
#include "stats/sample.h"
#include "stats/stats.h"

#define PERMUTE_POINTS_MAX 5000u
#define PERMUTE_ROUNDS_MAX 100000u

/* NaN counts as a value that reaches any other: what cannot be judged is no evidence. */
typedef double permute_statistic_fn(const struct sample_set *ref, const struct sample_set *cur, void *arg);

struct permute_options {
	uint32_t rounds;
	double power; /* 1: a sum of squares as PSI; 0.5: its root, a distance; 0: does not depend on the sizes */
	double stop;  /* p is no longer of interest above this: ends as soon as it cannot get there, with a p above; 0: never */
};

/* STATS_FEW without points, STATS_INVALID without rounds. */
struct stats_value permute_p(const struct sample_set *ref, const struct sample_set *cur, double observed,
    permute_statistic_fn *statistic, void *arg, const struct permute_options *options, struct rng *rng);
/*
 * The same for counts per category: points are category numbers, 0 to k-1.
 * Fractional totals are rounded.
 */
struct stats_value permute_counts_p(const double *ref, const double *cur, size_t k, double observed,
    permute_statistic_fn *statistic, void *arg, const struct permute_options *options, struct rng *rng);
