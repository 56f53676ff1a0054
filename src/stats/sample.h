/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sample, cleaned and sorted once, and its order statistics.  (struct sample is
 * a datum of a source.)
 *
 * NaN values are dropped and counted; -0 becomes +0; infinities stay, because
 * an order exists with them.  What needs a mean or a width answers
 * STATS_NOT_FINITE when there are any.
 * Sorting dominates the cost of every test: it is a radix sort, O(n).
 */
#pragma once

#include <stddef.h>

#include "base/attr.h"
#include "stats/stats.h"

#define SAMPLE_VALUES_MAX ((size_t)1 << 24) /* 128 MiB; callers limit rows long before */

struct sample_set {
	double *v;         /* ascending, owned, no NaN */
	size_t n;
	size_t nan_count;  /* dropped */
	size_t inf_count;  /* kept in v */
};

/* STATS_OK, or STATS_LIMIT with an empty sample.  values may be NULL if n is 0. */
enum stats_status sample_init(struct sample_set *sample, const double *values, size_t n) NODISCARD;
void sample_fini(struct sample_set *sample);

/* Sorts x[0..n) ascending; no NaN allowed. */
void sample_sort(double *x, size_t n);

/*
 * Quantile of type 7 (Hyndman and Fan 1996, R's and numpy's default) of the
 * ascending x[0..n): linear between order statistics, h = (n-1)q.  NaN if n
 * is 0 or q is outside [0, 1].
 */
double sample_quantile(const double *x, size_t n, double q);
double sample_median(const double *x, size_t n); /* ascending x */
size_t sample_distinct(const double *x, size_t n); /* ascending x */
/*
 * Median of |x - centre| for ascending x, unscaled (multiply by MAD_SCALE for
 * a consistent estimate of a normal's sigma).  O(n), no copy.  NaN if n is 0.
 */
double sample_mad(const double *x, size_t n, double centre);
#define MAD_SCALE 1.4826022185056018        /* 1 / Phi^-1(3/4) */
#define MEAN_ABS_SCALE 1.2533141373155003   /* sqrt(pi/2) */

/* Mean and spread in two passes; any order.  Infinite inputs give NaN or infinity. */
struct moments {
	size_t n;
	double mean;
	double var_pop; /* divided by n;   NaN for n = 0 */
	double var;     /* divided by n-1; NaN for n < 2 */
};
struct moments sample_moments(const double *x, size_t n);
