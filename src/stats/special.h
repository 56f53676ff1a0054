/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Special functions: incomplete gamma and beta, and the deviances that keep
 * their prefactors accurate.
 *
 * Aimed at 1e-12 relative for parameters up to 1e6; above, convergence is
 * slower and accuracy falls to about 1e-10.  Arguments outside the domain
 * give NaN.
 */
#pragma once

/* lgamma without the global sign of the C library: safe on any thread; x > 0. */
double special_lgamma(double x);
/*
 * Regularised incomplete gamma: P(a,x) = gamma(a,x)/Gamma(a), Q = 1 - P, each
 * computed without cancellation.  a > 0, x >= 0.  Series for x < a + 1, else
 * continued fraction (NIST DLMF 8.7.1, 8.9.2).
 */
double special_gamma_p(double a, double x);
double special_gamma_q(double a, double x);
/*
 * Regularised incomplete beta I_x(a,b); y must be 1 - x, given separately so
 * that neither end loses digits.  a, b > 0.  Continued fraction (DLMF 8.17.22).
 */
double special_beta_i(double a, double b, double x, double y);
/* log(n choose k); 0 <= k <= n. */
double special_log_choose(double n, double k);
/* Modified Bessel K_nu(x) * exp(x); x > 0.  DLMF 10.32.9 by the trapezoidal rule. */
double special_bessel_k_scaled(double nu, double x);
/*
 * The x where the monotone f(x, arg) equals target, between lo and hi where
 * f(lo) - target and f(hi) - target differ in sign; bisection with secant
 * steps (Illinois), to about 1e-15 relative.
 */
double special_solve(double (*f)(double x, const void *arg), const void *arg, double target, double lo, double hi);
