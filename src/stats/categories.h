/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests on counts per category: chi-squared and G, as contingency table and
 * as goodness of fit.
 *
 * Counts are >= 0, in the same order on both sides; a category that one side
 * has never seen is a zero there.  Categories empty on both sides are left
 * out.  Counts may be fractional (weighted).  Negative counts: STATS_INVALID.
 */
#pragma once

#include "stats/stats.h"

struct category_test {
	struct stats_test test;  /* effect: Cramer's V for the table, Cohen's w for the fit */
	double expected_min;     /* smallest expected count: below 5 the law is rough (Cochran 1954) */
	size_t categories;       /* used */
};

/*
 * Pearson's chi-squared on the 2 x k table, E from the margins,
 * p = Q(chi2, k-1).  yates subtracts min(1/2, |O-E|) where df is 1 (Yates
 * 1934, as scipy), and is ignored for more categories.
 * Both sides need a total > 0 (STATS_FEW).  One category in all: statistic 0,
 * p 1, df 0: there is nothing that could differ.
 */
struct category_test categories_chi2(const double *ref, const double *cur, size_t k, bool yates);
/* 2 sum O ln(O/E) on the same table (G test, log-likelihood ratio). */
struct category_test categories_g(const double *ref, const double *cur, size_t k);
/*
 * Goodness of fit of cur to the shares of ref, taken as exact: what Evidently
 * and whylogs call chi-square.  Too sensitive unless ref is much larger.
 * A category unseen in ref gives statistic infinity and p 0.
 */
struct category_test categories_fit(const double *ref, const double *cur, size_t k);

/* Shannon entropy (nats) of counts and its share of ln k, k categories given. */
struct stats_value categories_entropy(const double *counts, size_t k);
struct stats_value categories_entropy_normalised(const double *counts, size_t k);

/*
 * Fisher's exact test on [[a, b], [c, d]] (rows: reference, current), two
 * sided: the sum of all tables with the same margins that are at most as
 * likely (with 1e-7 slack for rounding, as R).  statistic = odds ratio
 * ad/(bc), NaN turned into 1 if it is 0/0; effect = its log.
 * Counts are integers up to FISHER_TOTAL_MAX in all.  A margin of 0: p = 1.
 */
#define FISHER_TOTAL_MAX 1000000000.0
struct stats_test categories_fisher(double a, double b, double c, double d);
/*
 * The same for one side: STATS_CURRENT_HIGHER if the share of the first column
 * is higher in the current row (c), STATS_CURRENT_LOWER if lower; p is the tail of
 * the hypergeometric law from the observed table on, itself included.
 */
struct stats_test categories_fisher_side(double a, double b, double c, double d, enum stats_side side);
