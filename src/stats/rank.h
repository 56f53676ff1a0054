/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two-sample tests built on ranks: Cramer-von Mises, Anderson-Darling,
 * Mann-Whitney.
 *
 * Tied values share the mean of their ranks.  All are invariant under
 * increasing maps and accept infinities; df = NaN.
 * Two samples that are one and the same constant differ in nothing:
 * STATS_OK with p 1.
 */
#pragma once

#include "stats/sample.h"
#include "stats/stats.h"

/*
 * Cramer-von Mises: T = U/(nm(n+m)) - (4nm-1)/(6(n+m)),
 * U = n sum (r_i - i)^2 + m sum (s_j - j)^2, r and s the pooled ranks
 * (Anderson 1962).  At least 2 points a side.  effect = T (n+m)/(nm), a mean
 * squared gap of the two distributions.
 * p: exact over all orders, ignoring ties (Xiao, Gordon and Yakovlev 2007);
 * or the limit law of T normalised by its mean and variance.
 */
enum rank_law {
	RANK_AUTO,  /* exact where small: see each test */
	RANK_EXACT, /* STATS_LIMIT beyond the named sizes */
	RANK_LIMIT,
	RANK_LAW_COUNT
};
#define RANK_CVM_AUTO_MAX 20u  /* points a side */
#define RANK_CVM_EXACT_MAX 30u
struct stats_test rank_cvm(const struct sample_set *ref, const struct sample_set *cur, enum rank_law law);

/*
 * Anderson-Darling for two samples (Scholz and Stephens 1987, k = 2).
 * statistic: (A^2 - 1)/sigma_N.  At least 2 points a side; effect = A^2/N.
 * midrank: version 2 of the paper (scipy's default), else version 1.
 * p is the tail of the limit law at 1 + statistic * sigma_infinity,
 * sigma_infinity^2 = 2(pi^2 - 9)/3: uncapped, so usable with corrections for
 * many features.  rank_anderson_table_p() gives the published table instead,
 * interpolated as scipy does and held within [0.001, 0.25]; the two agree to
 * about 10 % of p in the middle.
 */
struct stats_test rank_anderson(const struct sample_set *ref, const struct sample_set *cur, bool midrank);
double rank_anderson_table_p(double statistic);

/*
 * Mann and Whitney 1947.  statistic = U of the reference: pairs with
 * ref > cur, ties count half.  effect = P(cur > ref) + P(tie)/2 (AUC);
 * 0.5 is no difference.
 * RANK_LIMIT: normal with tie term and continuity correction; RANK_EXACT
 * counts all orders, ignoring ties; RANK_AUTO is exact if both sides have at
 * most RANK_MW_AUTO_MAX points and no ties.
 */
#define RANK_MW_AUTO_MAX 8u
#define RANK_MW_EXACT_MAX 50u /* points a side */
struct stats_test rank_mann_whitney(const struct sample_set *ref, const struct sample_set *cur, enum rank_law law, enum stats_side side);
