/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two-sample Kolmogorov-Smirnov test: do both samples come from one
 * continuous distribution?
 *
 * D = sup |F(x) - G(x)| over the pooled points, F and G the right-continuous
 * empirical distributions of reference (n) and current (m); for one side,
 * sup (F - G) = current higher, sup (G - F) = current lower.
 * statistic = effect = D, df = NaN.  Invariant under increasing maps; accepts
 * infinities and ties (the untied laws are then conservative).
 * Smallest sample: 1 and 1; below 30 each side the power is poor.
 * Cost: one pass over the sorted samples; the exact law adds up to 50 ms at
 * 10,000 points a side (2 ms near D = 0.02), so large ones belong on a worker.
 * Source: Smirnov 1939; Hodges 1958 for the exact law.
 */
#pragma once

#include "stats/sample.h"
#include "stats/stats.h"

enum ks_method {
	KS_AUTO,       /* exact up to KS_AUTO_EXACT_MAX points a side, then KS_FINITE */
	KS_EXACT,      /* exact for untied data; STATS_LIMIT above KS_CELLS_MAX */
	KS_EXACT_TIES, /* exact given the ties (R >= 4.2); STATS_LIMIT likewise */
	KS_LIMIT,      /* Kolmogorov's limit law at sqrt(nm/(n+m)) D */
	KS_STEPHENS,   /* the limit, corrected after Stephens 1970 */
	KS_FINITE,     /* one-sample law at round(nm/(n+m)); scipy's "asymp" */
	KS_METHOD_COUNT
};

#define KS_AUTO_EXACT_MAX 10000u
#define KS_CELLS_MAX ((uint64_t)400 * 1000 * 1000)

/* The laws but the exact ones are two-sided; one side with them is Hodges 1958, eq. 5.3. */
struct stats_test ks_test(const struct sample_set *ref, const struct sample_set *cur, enum ks_method method, enum stats_side side);

/*
 * From cumulative bucket counts (Prometheus `le` buckets: both of length k,
 * same bounds, the last is the total).  D is a lower bound of the samples' D,
 * so p is an upper bound: conservative.  Counts may be fractional (rates);
 * the law is the one-sample one at the rounded effective size.  A decreasing
 * or negative count is STATS_INVALID; a total below 1 is STATS_FEW.
 */
struct stats_test ks_test_buckets(const double *ref_cum, const double *cur_cum, size_t k);
