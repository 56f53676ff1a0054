/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many tests at once: adjusted p-values, to be compared with the level as if
 * each were alone.
 *
 * A NaN among the p-values is a test that gave no answer: it stays NaN and
 * does not count as a test.  Others must lie in [0, 1] (STATS_INVALID).
 */
#pragma once

#include <stddef.h>

#include "stats/stats.h"

enum multiple_method {
	MULTIPLE_NONE,
	MULTIPLE_BONFERRONI, /* p f */
	MULTIPLE_HOLM,       /* step-down: max over smaller p of (f - i + 1) p; Holm 1979 */
	MULTIPLE_BH,         /* step-up false discovery rate: min over larger p of p f/i; Benjamini and Hochberg 1995 */
	MULTIPLE_BY,         /* BH times sum 1/i, for any dependence; Benjamini and Yekutieli 2001 */
	MULTIPLE_METHOD_COUNT
};

/* adjusted may be p itself.  Both of length f; adjusted is untouched on failure. */
enum stats_status multiple_adjust(enum multiple_method method, const double *p, size_t f, double *adjusted);

/* Fisher's combination: Q(chi2 = -2 sum ln p, 2f).  df is 2f. */
struct stats_test multiple_fisher(const double *p, size_t f);
