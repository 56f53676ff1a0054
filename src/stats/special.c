/* SPDX-License-Identifier: Apache-2.0 */
/* Incomplete gamma and beta functions, Bessel K, and a root finder. */
#include "config.h"

#include "stats/special.h"

#include <float.h>
#include <math.h>

#include "stats/stats.h"

#define TINY        1e-300
#define LN_SQRT_2PI 0.91893853320467274178
#define TERMS_MAX   100000
#define GAMMA_A_MAX 1e9

double
special_lgamma(double x)
{
	int sign;

	return lgamma_r(x, &sign);
}

/*
 * lgamma(x) - [(x - 1/2) log x - x + log sqrt(2 pi)], the remainder of
 * Stirling's formula; "stirlerr" of Loader 2000, "Fast and accurate
 * computation of binomial probabilities", in its argument less one.
 */
static double
stirling_rest(double x)
{
	double s = 1.0 / (x * x);

	if (x < 16.0)
		return special_lgamma(x) - ((x - 0.5) * log(x) - x + LN_SQRT_2PI);
	return (1.0 / 12 -
		   (1.0 / 360 - (1.0 / 1260 - (1.0 / 1680 - (1.0 / 1188) * s) * s) * s) * s) /
	       x;
}

/* x log(x/m) + m - x without cancellation near x = m ("bd0" of Loader). */
static double
deviance(double x, double m)
{
	double v, sum, term, next;

	if (fabs(x - m) >= 0.1 * (x + m))
		return x * log(x / m) + m - x;
	v = (x - m) / (x + m);
	sum = (x - m) * v;
	term = 2.0 * x * v;
	v *= v;
	for (int j = 1; j < 1000; j++) {
		term *= v;
		next = sum + term / (2 * j + 1);
		if (next == sum)
			break;
		sum = next;
	}
	return sum;
}

/* x^a e^-x / Gamma(a) */
static double
gamma_front(double a, double x)
{
	if (a < 1.0)
		return exp(a * log(x) - x - special_lgamma(a));
	return sqrt(a) * exp(-deviance(a, x) - stirling_rest(a) - LN_SQRT_2PI);
}

/* P(a,x) = front / a * sum x^n / ((a+1)...(a+n)) */
static double
gamma_series(double a, double x)
{
	double sum = 1.0, term = 1.0;

	for (int n = 1; n < TERMS_MAX; n++) {
		term *= x / (a + n);
		sum += term;
		if (term < sum * 0.25 * DBL_EPSILON)
			break;
	}
	return gamma_front(a, x) * sum / a;
}

/* Q(a,x) = front / (x+1-a- 1(1-a)/(x+3-a- ...)), modified Lentz */
static double
gamma_fraction(double a, double x)
{
	double b = x + 1.0 - a;
	double c = 1.0 / TINY;
	double d = 1.0 / b;
	double h = d;

	for (int i = 1; i < TERMS_MAX; i++) {
		double an = -i * (i - a), step;

		b += 2.0;
		d = an * d + b;
		if (fabs(d) < TINY)
			d = TINY;
		c = b + an / c;
		if (fabs(c) < TINY)
			c = TINY;
		d = 1.0 / d;
		step = d * c;
		h *= step;
		if (fabs(step - 1.0) < DBL_EPSILON)
			break;
	}
	return gamma_front(a, x) * h;
}

double
special_gamma_p(double a, double x)
{
	if (!(a > 0.0 && a <= GAMMA_A_MAX && x >= 0.0))
		return STATS_NAN;
	if (x == 0.0)
		return 0.0;
	if (isinf(x))
		return 1.0;
	return x < a + 1.0 ? gamma_series(a, x) : 1.0 - gamma_fraction(a, x);
}

double
special_gamma_q(double a, double x)
{
	if (!(a > 0.0 && a <= GAMMA_A_MAX && x >= 0.0))
		return STATS_NAN;
	if (x == 0.0)
		return 1.0;
	if (isinf(x))
		return 0.0;
	return x < a + 1.0 ? 1.0 - gamma_series(a, x) : gamma_fraction(a, x);
}

/* x^a y^b / B(a,b) */
static double
beta_front(double a, double b, double x, double y)
{
	double n = a + b;

	if (a < 1.0 || b < 1.0)
		return exp(a * log(x) + b * log(y) - special_lgamma(a) - special_lgamma(b) +
			   special_lgamma(n));
	return sqrt(a * (b / n)) * exp(stirling_rest(n) - stirling_rest(a) - stirling_rest(b) -
				       deviance(a, n * x) - deviance(b, n * y) - LN_SQRT_2PI);
}

static double
beta_fraction(double a, double b, double x)
{
	double c = 1.0, d = 1.0 - (a + b) * x / (a + 1.0), h;

	if (fabs(d) < TINY)
		d = TINY;
	d = 1.0 / d;
	h = d;
	for (int m = 1; m < TERMS_MAX; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double step;

		d = 1.0 + even * d;
		c = 1.0 + even / c;
		if (fabs(d) < TINY)
			d = TINY;
		if (fabs(c) < TINY)
			c = TINY;
		d = 1.0 / d;
		h *= d * c;
		d = 1.0 + odd * d;
		c = 1.0 + odd / c;
		if (fabs(d) < TINY)
			d = TINY;
		if (fabs(c) < TINY)
			c = TINY;
		d = 1.0 / d;
		step = d * c;
		h *= step;
		if (fabs(step - 1.0) < DBL_EPSILON)
			break;
	}
	return h;
}

double
special_beta_i(double a, double b, double x, double y)
{
	if (!(a > 0.0 && b > 0.0 && x >= 0.0 && y >= 0.0) || isinf(a) || isinf(b))
		return STATS_NAN;
	if (x == 0.0)
		return 0.0;
	if (y == 0.0)
		return 1.0;
	if (x <= (a + 1.0) / (a + b + 2.0))
		return beta_front(a, b, x, y) * beta_fraction(a, b, x) / a;
	return 1.0 - beta_front(b, a, y, x) * beta_fraction(b, a, y) / b;
}

double
special_log_choose(double n, double k)
{
	return special_lgamma(n + 1.0) - special_lgamma(k + 1.0) - special_lgamma(n - k + 1.0);
}

double
special_bessel_k_scaled(double nu, double x)
{
	double sum = 0.5, step = 0.05 / fmax(1.0, sqrt(sqrt(x)));

	if (!(x > 0.0))
		return STATS_NAN;
	for (int k = 1; k < TERMS_MAX; k++) {
		double t = k * step, s = sinh(0.5 * t);
		double term = exp(-2.0 * x * s * s) * cosh(nu * t);

		sum += term;
		if (term < sum * 1e-18)
			break;
	}
	return sum * step;
}

double
special_solve(
    double (*f)(double, const void *), const void *arg, double target, double lo, double hi)
{
	double flo = f(lo, arg) - target, fhi = f(hi, arg) - target;
	int side = 0;

	for (int i = 0; i < 400 && fabs(hi - lo) > 4 * DBL_EPSILON * fabs(lo + hi); i++) {
		double x = i % 4 == 3 ? 0.5 * (lo + hi) : lo - flo * (hi - lo) / (fhi - flo);
		double fx;

		if (!(x > lo && x < hi))
			x = 0.5 * (lo + hi);
		fx = f(x, arg) - target;
		if (fx == 0.0)
			return x;
		if ((fx < 0.0) == (flo < 0.0)) {
			lo = x;
			flo = fx;
			if (side == -1)
				fhi *= 0.5;
			side = -1;
		} else {
			hi = x;
			fhi = fx;
			if (side == 1)
				flo *= 0.5;
			side = 1;
		}
	}
	return 0.5 * (lo + hi);
}
