/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limit laws of Cramer and von Mises and of Anderson and Darling.
 *
 * Both are sums of independent chi-squared variables with weights 1/lambda_j:
 * lambda_j = (j pi)^2, and j (j+1).  Upper tails by Smirnov's inversion (1937):
 * P(W > x) = 1/pi sum (-1)^(k+1) integral from lambda_(2k-1) to lambda_2k of
 * exp(-x y/2) / (y sqrt(-D(y))) dy, D(y) = prod (1 - y/lambda_j), which has no
 * cancellation in the tail: 1e-12 relative for x above the median.
 */
#pragma once

double quadform_cvm_sf(double x);      /* P(W^2 > x) */
double quadform_anderson_sf(double x); /* P(A^2 > x) */
