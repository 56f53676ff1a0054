/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distributions: upper tails and quantiles of the normal, chi-squared,
 * Student's t and Fisher's F.
 *
 * Upper tails are computed as such (never 1 - cdf), so small p-values keep
 * their digits.  Quantiles take the upper tail probability, 0 < q < 1.
 * Parameters outside the domain give NaN.
 */
#pragma once

double dist_normal_cdf(double z);
double dist_normal_sf(double z); /* P(Z > z) = erfc(z/sqrt 2)/2 */
/* z with P(Z > z) = q; Wichura 1988 (AS 241) and one Halley step. */
double dist_normal_isf(double q);
double dist_chi2_sf(double x, double df); /* df > 0; x < 0 gives 1 */
double dist_chi2_isf(double q, double df);
double dist_t_sf(double t, double df);
double dist_t_two_sided(double t, double df); /* P(|T| >= |t|); df may be infinite */
double dist_t_isf(double q, double df);
double dist_f_sf(double f, double df1, double df2);
