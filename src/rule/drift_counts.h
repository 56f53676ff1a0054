/* SPDX-License-Identifier: Apache-2.0 */
/* Counts per category or bin, for drift_compare.c alone. */
#pragma once

#include "rule/drift.h"

struct drift_counts { /* owned; k on each side */
	double *ref, *cur;
	size_t k;
};

const char *drift_reason(enum stats_status status);
/* Q(chi2, df) */
double drift_chi2_p(double chi2, size_t df);
/* From categories or buckets, with the missing values where they are a bin; false: not a histogram. */
bool drift_counts_of(const struct drift_spec *spec, const struct drift_pair *pair, struct drift_counts *ret);
void drift_counts_from_bins(const struct drift_spec *spec, const struct drift_pair *pair, const struct bins *bins,
    struct drift_counts *ret);
void drift_counts_fini(struct drift_counts *counts);
/*
 * chi2, chi2_gof, g.  Categories that expect fewer than 5 points on the smaller
 * side are taken together; a table of two by two that still does is Fisher's.
 */
struct stats_test drift_test_counts(const struct drift_spec *spec, struct drift_counts *counts);
/* Of shares per bucket; a bucket's mass stands in its middle, that of the last one at its lower bound. */
struct stats_value drift_buckets_wasserstein(const double *bounds, const double *ref, const double *cur, size_t k, bool normed);
