/* SPDX-License-Identifier: Apache-2.0 */
/* Tails of the two quadratic limit laws. */
#include "config.h"

#include "stats/quadform.h"

#include <math.h>

#include "stats/special.h"

#define NODES         64
#define INTERVALS_MAX 200

/*
 * The integral over s in (start, start + width) of front(s) exp(-x y(s)/2) /
 * sqrt(wave(s)), where wave vanishes linearly at both ends.  With
 * s = start + width (1 - cos t)/2 the midpoint rule in t converges faster
 * than any power.
 */
static double
one_interval(double x, double start, double width, double wavelength, double (*front)(double s),
    double (*y)(double s))
{
	double sum = 0.0;

	for (int i = 0; i < NODES; i++) {
		double t = M_PI * (i + 0.5) / NODES;
		double u = 0.5 * width * (1.0 - cos(t)), s = start + u;

		sum += front(s) * exp(-0.5 * x * y(s)) * 0.5 * width * sin(t) /
		       sqrt(sin(M_PI * u / wavelength));
	}
	return sum * M_PI / NODES;
}

static double
tail(double x, double first, double step, double width, double (*front)(double s),
    double (*y)(double s))
{
	double sum = 0.0;

	for (int k = 0; k < INTERVALS_MAX; k++) {
		double term = one_interval(x, first + k * step, width, width, front, y);

		sum += k % 2 == 0 ? term : -term;
		if (term <= 1e-17 * fabs(sum))
			break;
	}
	return fmin(1.0, fmax(0.0, sum / M_PI));
}

/* y = s^2, D = sin s / s: dy / (y sqrt|D|) = 2 ds / (sqrt s sqrt|sin s|) */
static double
cvm_front(double s)
{
	return 2.0 / sqrt(s);
}

static double
cvm_y(double s)
{
	return s * s;
}

/*
 * Near 0 the inversion needs many terms, so there the distribution itself:
 * sum over k of Gamma(k+1/2)/k! sqrt(4k+1) exp(-q) K_1/4(q) / (pi^(3/2) sqrt x),
 * q = (4k+1)^2/(16x); Csorgo and Faraway 1996, eq. 1.3.
 */
static double
cvm_cdf_small(double x)
{
	double sum = 0.0;

	for (int k = 0; k < 20; k++) {
		double y = 4.0 * k + 1.0, q = y * y / (16.0 * x), term;

		term = exp(special_lgamma(k + 0.5) - special_lgamma(k + 1.0) - 2.0 * q) * sqrt(y) *
		       special_bessel_k_scaled(0.25, q);
		sum += term;
		if (term <= 1e-17 * sum)
			break;
	}
	return sum / (pow(M_PI, 1.5) * sqrt(x));
}

double
quadform_cvm_sf(double x)
{
	if (isnan(x))
		return x;
	if (x <= 0.003)
		return 1.0;
	if (x < 0.15)
		return 1.0 - cvm_cdf_small(x);
	return tail(x, M_PI, 2.0 * M_PI, M_PI, cvm_front, cvm_y);
}

/*
 * y = (s^2-1)/4, D = -cos(pi s/2)/(pi y):
 * dy / (y sqrt|D|) = s sqrt(pi) / (2 sqrt y sqrt|cos(pi s/2)|) ds
 */
static double
anderson_front(double s)
{
	return 0.5 * s * sqrt(M_PI) / sqrt(0.25 * (s * s - 1.0));
}

static double
anderson_y(double s)
{
	return 0.25 * (s * s - 1.0);
}

double
quadform_anderson_sf(double x)
{
	if (isnan(x))
		return x;
	if (x <= 0.05)
		return 1.0;
	return tail(x, 3.0, 4.0, 2.0, anderson_front, anderson_y);
}
