/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two more comparisons of samples: Epps-Singleton by characteristic
 * functions, and the least-squares density difference.
 */
#pragma once

#include "stats/sample.h"
#include "stats/stats.h"

/*
 * Epps and Singleton 1986: quadratic form of the gap of the two empirical
 * characteristic functions at t = 0.4 and 0.8 over half the pooled
 * interquartile range; p = Q(chi2, 4), small-sample factor below 25 points.
 * Sees scale and shape as well as location, and is made for discrete values
 * too.  The law is rough in its tail: at 200 and 80 points
 * 5 % is about 9 %, 1 % about 2 %.  At least 5 finite points a side; an interquartile range of 0 or a
 * singular covariance is STATS_CONSTANT.
 */
struct stats_test kernels_epps_singleton(const struct sample_set *ref, const struct sample_set *cur);

/*
 * Least-squares density difference (Sugiyama et al. 2013) with Gaussian kernels
 * of width sigma at the given centres, ridge lambda: h'(2A - A H A)h, A = (H +
 * lambda I)^-1, without the factor (pi sigma^2)^(1/2), as alibi-detect has it.
 * h_out may be NULL or takes the k mean kernel gaps.  1 to KERNELS_CENTRES_MAX centres.
 */
#define KERNELS_CENTRES_MAX 500u
struct stats_value kernels_lsdd(const struct sample_set *ref, const struct sample_set *cur, const double *centres, size_t k, double sigma, double lambda, double *h_out);
