/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Binning: from two samples (or bucket counts) to two vectors of shares.
 *
 * The same data give different distances in different bins, so a rule names
 * its variant.  Shares sum to 1 on each side.  Every variant bins both sides
 * alike, outer bins catch all values beyond the edges where noted.
 */
#pragma once

#include <stddef.h>

#include "stats/sample.h"
#include "base/attr.h"
#include "stats/stats.h"

#define BINS_MAX 100000u

struct bins {
	size_t k;       /* bins */
	double *edges;  /* owned; inner edges, see each variant; NULL for distinct values */
	size_t edge_count;
	double *ref;    /* owned, k shares */
	double *cur;    /* owned, k shares */
	double n_ref;   /* what the shares were counted from */
	double n_cur;
	bool by_value;  /* quantiles told nothing apart: one bin per distinct value */
};

void bins_fini(struct bins *bins);

/*
 * Inner edges at the k-quantiles (type 7) of the reference without repeats,
 * outer bins open, bin i = (e[i-1], e[i]].  When fewer than 2 edges remain
 * (fewer than 1 for k = 2), the quantiles say little, and the
 * distinct values are compared instead: edges is NULL and by_value set.
 * k >= 2.
 */
enum stats_status bins_by_quantiles(struct bins *bins, const struct sample_set *ref, const struct sample_set *cur, size_t k) NODISCARD;
/* Given strictly increasing inner edges; outer bins open, right-closed: (e[i-1], e[i]]. */
enum stats_status bins_by_edges(struct bins *bins, const struct sample_set *ref, const struct sample_set *cur, const double *edges, size_t edge_count) NODISCARD;
/*
 * As Evidently: if ref has more than BINS_STURGES_DISTINCT distinct values,
 * bins of equal width over the range of both samples, their number after
 * Sturges 1926 on the pooled size (numpy.histogram: [e[i-1], e[i]), the last
 * closed; edges holds all k+1); else distinct values.
 * Infinities: STATS_NOT_FINITE in the first case.
 */
#define BINS_STURGES_DISTINCT 20u
enum stats_status bins_by_sturges(struct bins *bins, const struct sample_set *ref, const struct sample_set *cur) NODISCARD;
/*
 * The same over the distinct values of both samples (each once), always:
 * Evidently's variant for the Hellinger distance of numbers.
 */
enum stats_status bins_by_sturges_distinct(struct bins *bins, const struct sample_set *ref, const struct sample_set *cur) NODISCARD;
/* One bin for each value that occurs on either side. */
enum stats_status bins_by_distinct(struct bins *bins, const struct sample_set *ref, const struct sample_set *cur) NODISCARD;
/* From counts per bin, k on each side; both totals > 0. */
enum stats_status bins_from_counts(struct bins *bins, const double *ref, const double *cur, size_t k) NODISCARD;
/* From cumulative bucket counts (Prometheus `le`), the last of which is the total. */
enum stats_status bins_from_cumulative(struct bins *bins, const double *ref_cum, const double *cur_cum, size_t k) NODISCARD;

/*
 * Sturges edges of x[0..n) (any order): the number of bins for a range and a
 * size, and the i-th of its k+1 edges, to the bit as numpy.
 */
size_t bins_sturges_count(double min, double max, size_t n);
double bins_equal_edge(double min, double max, size_t k, size_t i);

/*
 * Quantile q of a classic histogram as Prometheus' histogram_quantile: linear
 * within a bucket, a first bucket with a positive bound starts at 0, and in
 * the last (infinite) bucket the bound below it.  At least two buckets, the
 * last bound +Inf, total > 0; counts that decrease are raised to the one
 * before, as Prometheus does.
 */
struct stats_value bins_histogram_quantile(double q, const double *bounds, const double *cum, size_t k);
