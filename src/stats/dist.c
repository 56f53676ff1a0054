/* SPDX-License-Identifier: Apache-2.0 */
/* Normal, chi-squared, t and F: tails and quantiles. */
#include "config.h"

#include "stats/dist.h"

#include <math.h>

#include "stats/special.h"
#include "stats/stats.h"

double
dist_normal_cdf(double z)
{
	return 0.5 * erfc(-z * M_SQRT1_2);
}

double
dist_normal_sf(double z)
{
	return 0.5 * erfc(z * M_SQRT1_2);
}

static double
ratio(const double *top, const double *bottom, int n, double r)
{
	double a = top[n - 1], b = bottom[n - 1];

	for (int i = n - 2; i >= 0; i--) {
		a = a * r + top[i];
		b = b * r + bottom[i];
	}
	return a / b;
}

/* AS 241, PPND16: Phi^-1(p) for p <= 1/2 */
static double
normal_quantile(double p)
{
	static const double a[] = { 3.3871328727963666080e0, 1.3314166789178437745e2,
		1.9715909503065514427e3, 1.3731693765509461125e4, 4.5921953931549871457e4,
		6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3 };
	static const double b[] = { 1.0, 4.2313330701600911252e1, 6.8718700749205790830e2,
		5.3941960214247511077e3, 2.1213794301586595867e4, 3.9307895800092710610e4,
		2.8729085735721942674e4, 5.2264952788528545610e3 };
	static const double c[] = { 1.42343711074968357734e0, 4.63033784615654529590e0,
		5.76949722146069140550e0, 3.64784832476320460504e0, 1.27045825245236838258e0,
		2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4 };
	static const double d[] = { 1.0, 2.05319162663775882187e0, 1.67638483018380384940e0,
		6.89767334985100004550e-1, 1.48103976427480074590e-1, 1.51986665636164571966e-2,
		5.47593808499534494600e-4, 1.05075007164441684324e-9 };
	static const double e[] = { 6.65790464350110377720e0, 5.46378491116411436990e0,
		1.78482653991729133580e0, 2.96560571828504891230e-1, 2.65321895265761230930e-2,
		1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7 };
	static const double f[] = { 1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1,
		1.48753612908506148525e-2, 7.86869131145613259100e-4, 1.84631831751005468180e-5,
		1.42151175831644588870e-7, 2.04426310338993978564e-15 };
	double q = p - 0.5, r;

	if (fabs(q) <= 0.425)
		return q * ratio(a, b, 8, 0.180625 - q * q);
	r = sqrt(-log(p));
	return r <= 5.0 ? -ratio(c, d, 8, r - 1.6) : -ratio(e, f, 8, r - 5.0);
}

double
dist_normal_isf(double q)
{
	double z, step;

	if (!(q > 0.0 && q < 1.0))
		return q == 0.0 ? STATS_INFINITY : q == 1.0 ? -STATS_INFINITY : STATS_NAN;
	if (q > 0.5)
		return -dist_normal_isf(1.0 - q);
	z = -normal_quantile(q);
	/* Halley on log-free residual; the density cannot vanish here. */
	step = (dist_normal_sf(z) - q) * exp(0.5 * z * z) * 2.5066282746310005024;
	if (isfinite(step))
		z += step / (1.0 + 0.5 * z * step);
	return z;
}

double
dist_chi2_sf(double x, double df)
{
	if (isnan(x) || !(df > 0.0))
		return STATS_NAN;
	return x <= 0.0 ? 1.0 : special_gamma_q(0.5 * df, 0.5 * x);
}

struct quantile_of {
	double df;
	double (*sf)(double x, double df);
};

static double
quantile_step(double x, const void *arg)
{
	const struct quantile_of *of = arg;

	return log(of->sf(x, of->df));
}

/* The x >= lo with sf(x) = q, starting from the guess. */
static double
quantile(double (*sf)(double, double), double df, double q, double lo, double guess)
{
	struct quantile_of of = { df, sf };
	double hi = fmax(guess, 1e-3);

	while (sf(hi, df) > q && hi < 1e300) {
		lo = hi;
		hi *= 2.0;
	}
	return special_solve(quantile_step, &of, log(q), lo, hi);
}

double
dist_chi2_isf(double q, double df)
{
	double c = 2.0 / (9.0 * df), guess;

	if (!(q > 0.0 && q < 1.0 && df > 0.0 && isfinite(df)))
		return STATS_NAN;
	/* Wilson and Hilferty 1931, to begin with */
	guess = 1.0 - c + dist_normal_isf(q) * sqrt(c);
	return quantile(dist_chi2_sf, df, q, 0.0, df * guess * guess * guess);
}

double
dist_t_two_sided(double t, double df)
{
	double sum;

	if (isnan(t) || !(df > 0.0))
		return STATS_NAN;
	if (isinf(t))
		return 0.0;
	if (df > 1e10)
		return 2.0 * dist_normal_sf(fabs(t));
	sum = df + t * t;
	if (isinf(sum))
		return 0.0;
	return special_beta_i(0.5 * df, 0.5, df / sum, t * t / sum);
}

double
dist_t_sf(double t, double df)
{
	double half = 0.5 * dist_t_two_sided(t, df);

	return t > 0.0 ? half : 1.0 - half;
}

double
dist_t_isf(double q, double df)
{
	if (!(q > 0.0 && q < 1.0 && df > 0.0))
		return STATS_NAN;
	if (df > 1e10)
		return dist_normal_isf(q);
	if (q > 0.5)
		return -dist_t_isf(1.0 - q, df);
	if (q == 0.5)
		return 0.0;
	return quantile(dist_t_sf, df, q, 0.0, dist_normal_isf(q));
}

double
dist_f_sf(double f, double df1, double df2)
{
	double a = df1 * f, sum;

	if (isnan(f) || !(df1 > 0.0 && df2 > 0.0))
		return STATS_NAN;
	if (f <= 0.0)
		return 1.0;
	sum = a + df2;
	if (isinf(sum))
		return 0.0;
	return special_beta_i(0.5 * df2, 0.5 * df1, df2 / sum, a / sum);
}
