/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distances of two vectors of shares p (reference) and q (current), k bins.
 *
 * Shares are >= 0 and finite (STATS_INVALID otherwise), at least one bin
 * (STATS_FEW).  They are taken as given, not normalised, unless noted.
 * bins.h makes them.  Without a scale of chance a distance means little at
 * small n: see distance_chance_level().
 */
#pragma once

#include <stddef.h>

#include "stats/stats.h"

/* What replaces an empty bin; changes are visible in the score. */
enum distance_fill {
	DISTANCE_FILL_EPSILON, /* shares below epsilon become epsilon */
	DISTANCE_FILL_EVIDENTLY, /* zeros become 1e-4, or min/1e6 if the least share is <= 1e-4 */
	DISTANCE_FILL_COUNT
};
#define DISTANCE_EPSILON 1e-4

/* In place; no renormalisation.  epsilon is used by DISTANCE_FILL_EPSILON only. */
void distance_fill(double *shares, size_t k, enum distance_fill fill, double epsilon);

/*
 * Population stability index: sum (q-p) ln(q/p), [0, inf); symmetric.
 * A zero share is first raised to epsilon (0 < epsilon < 1), on which the
 * value then depends.  Conventional levels 0.1 and 0.2.
 */
struct stats_value distance_psi(const double *p, const double *q, size_t k, double epsilon);
/*
 * Jensen-Shannon distance: sqrt(KL(p||m)/2 + KL(q||m)/2), m = (p+q)/2, both
 * normalised first.  base 0 for natural logarithms (max 0.8326), 2 for base 2
 * (max 1); any base > 1.  Lin 1991; Endres and Schindelin 2003.
 */
struct stats_value distance_js(const double *p, const double *q, size_t k, double base);
/*
 * Kullback-Leibler divergence KL(p||q) = sum p ln(p/q), both normalised
 * first; infinite where q = 0 < p.  Evidently's kl_div is KL(ref||cur) on
 * filled shares.
 */
struct stats_value distance_kl(const double *p, const double *q, size_t k);
struct stats_value distance_hellinger(const double *p, const double *q, size_t k); /* sqrt(1 - sum sqrt(pq)), [0, 1] */
struct stats_value distance_total_variation(const double *p, const double *q, size_t k); /* sum |p-q| / 2, [0, 1] */
struct stats_value distance_l_infinity(const double *p, const double *q, size_t k);      /* max |p-q|, [0, 1] */

/*
 * What chance alone exceeds with probability alpha, no drift, k bins, n and m
 * points: PSI ~ (1/n + 1/m) chi2_(k-1), and JS^2 (nat) ~ PSI/8 (Yurdakul 2018).
 * A rule fires only if the distance is above its threshold and above this.
 * Too small below about 100 points a side.  k < 2: 0.
 */
struct stats_value distance_psi_chance_level(double n, double m, size_t k, double alpha);
struct stats_value distance_js_chance_level(double n, double m, size_t k, double alpha, double base);
