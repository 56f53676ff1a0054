/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Maximum mean discrepancy with a Gaussian kernel, and its permutation test.
 *
 * k(a, b) = exp(-|a-b|^2 / (2 sigma^2)) on rows of dim values, stored one row
 * after the other (Gretton et al. 2012).  For vectors (embeddings); memory is
 * 8 (n+m)^2 bytes, so rows are limited, and a permutation costs min(n,m)^2/2:
 * run it on a worker.  At least 2 rows a side; rows with NaN or infinity are
 * STATS_NOT_FINITE.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "stats/stats.h"

#define MMD_ROWS_MAX 2000u       /* both sides together */
#define MMD_VALUES_MAX 4000000u  /* rows * dim */
#define MMD_PERMUTATIONS_MAX 100000u

struct mmd_rows {
	const double *x; /* n * dim */
	size_t n;
};

enum mmd_sigma {
	MMD_SIGMA_ALIBI,     /* sqrt(half the median squared distance of distinct rows) */
	MMD_SIGMA_EVIDENTLY, /* the same over all pairs with each row's own, nearest rank; sqrt(1/2) if 0 */
	MMD_SIGMA_COUNT
};

/*
 * Kernel width from the reference alone, so that it stays while current rows
 * come and go; STATS_CONSTANT if the median distance is 0.
 */
struct stats_value mmd_sigma(struct mmd_rows ref, size_t dim, enum mmd_sigma rule);
/* Squared discrepancy; unbiased (can be negative), or biased (with the diagonal, >= 0). */
struct stats_value mmd_unbiased(struct mmd_rows ref, struct mmd_rows cur, size_t dim, double sigma);
struct stats_value mmd_biased(struct mmd_rows ref, struct mmd_rows cur, size_t dim, double sigma);
/*
 * statistic = unbiased MMD^2; effect the same.  p: share of relabellings with
 * at least the observed value.  All C(n+m, n) of them if that is at most
 * permutations; else (c+1)/(permutations+1) over random ones from rng, so that
 * p is never 0 and a seed repeats it.
 */
struct stats_test mmd_test(struct mmd_rows ref, struct mmd_rows cur, size_t dim, double sigma, uint32_t permutations, struct rng *rng);
