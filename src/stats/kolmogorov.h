/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The laws of Kolmogorov's and Smirnov's statistics.
 *
 * Each is the upper tail P(D >= d) under no difference.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Limit law Q(x) = 2 sum (-1)^(j-1) exp(-2 j^2 x^2), x = sqrt(n) D.
 * Kolmogorov 1933; below x = 1.18 its dual theta series.
 */
double kolmogorov_limit(double x);
/* The limit at (sqrt n + 0.12 + 0.11/sqrt n) d: Stephens 1970, n effective size. */
double kolmogorov_stephens(double n, double d);
/*
 * One sample of n >= 1.  Up to KOLMOGOROV_EXACT_N exact: Durbin's matrix
 * (Marsaglia, Tsang and Wang 2003) or, where n d^2 >= 4, twice Smirnov's
 * one-sided law, which there differs by less than 4e-11 relative.  Above, the
 * division of Simard and L'Ecuyer 2011 (and scipy): twice Smirnov's law from
 * n d^2 = 2.2 on (2e-6 relative, far less further out), else the matrix for very
 * small d or the expansion of Pelz and Good 1976 (5e-6 absolute at n = 100,
 * falling with 1/n^2).
 */
#define KOLMOGOROV_EXACT_N 140u
double kolmogorov_one_sample(uint64_t n, double d);

/*
 * Two samples of n and m, exact: the share of the C(n+m, n) orders of the
 * pooled sample whose lattice path leaves the band
 * |i/n - j/m| < h/(nm), with i/n - j/m alone if one_sided.  h is the integer
 * n m D.  Computed as the probability of having left, so that small results
 * keep their digits; O(nm) at worst, less the smaller h is.
 * ties: NULL, or n+m flags; ties[s-1] says that the band is looked at after s
 * pooled points (the last of a group of equal values): then conditional on
 * the ties, as R's ks.test since 4.2.
 */
double kolmogorov_two_sample(uint64_t n, uint64_t m, uint64_t h, bool one_sided, const unsigned char *ties);
