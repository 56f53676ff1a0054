/* SPDX-License-Identifier: Apache-2.0 */
/* Kolmogorov-Smirnov laws: limit, one sample, two samples. */
#include "config.h"

#include "stats/kolmogorov.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "stats/special.h"
#include "stats/stats.h"

#define SCALE        1e140
#define TAIL_MAX     750.0
#define MATRIX_N_MAX 100000u

double
kolmogorov_limit(double x)
{
	double sum = 0.0;

	if (isnan(x))
		return x;
	if (x <= 0.0)
		return 1.0;
	if (x < 1.18) {
		double unit = M_PI * M_PI / (8.0 * x * x);

		for (int k = 1; k < 20; k += 2)
			sum += exp(-k * k * unit);
		return 1.0 - sqrt(2.0 * M_PI) / x * sum;
	}
	for (int k = 1; k < 20; k += 2)
		sum += exp(-2.0 * k * k * x * x) - exp(-2.0 * (k + 1) * (k + 1) * x * x);
	return 2.0 * sum;
}

double
kolmogorov_stephens(double n, double d)
{
	double root = sqrt(n);

	if (!(n > 0.0))
		return STATS_NAN;
	return kolmogorov_limit((root + 0.12 + 0.11 / root) * d);
}

/* c = a b, all size x size */
static void
matrix_multiply(const double *a, const double *b, double *c, size_t size)
{
	memset(c, 0, size * size * sizeof(*c));
	for (size_t i = 0; i < size; i++)
		for (size_t k = 0; k < size; k++) {
			double x = a[i * size + k];

			for (size_t j = 0; j < size; j++)
				c[i * size + j] += x * b[k * size + j];
		}
}

/* Keeps the middle element in range; *exponent counts factors of SCALE. */
static void
matrix_scale(double *a, size_t size, int *exponent)
{
	if (a[(size / 2) * size + size / 2] <= SCALE)
		return;
	for (size_t i = 0; i < size * size; i++)
		a[i] /= SCALE;
	++*exponent;
}

static void
durbin_matrix(double *a, size_t size, double h)
{
	for (size_t i = 0; i < size; i++)
		for (size_t j = 0; j < size; j++)
			a[i * size + j] = i + 1 >= j ? 1.0 : 0.0;
	for (size_t i = 0; i < size; i++) {
		a[i * size] -= pow(h, (double)(i + 1));
		a[(size - 1) * size + i] -= pow(h, (double)(size - i));
	}
	a[(size - 1) * size] += 2 * h - 1 > 0 ? pow(2 * h - 1, (double)size) : 0.0;
	for (size_t i = 0; i < size; i++)
		for (size_t j = 0; j <= i; j++)
			for (size_t g = 1; g <= i - j + 1; g++)
				a[i * size + j] /= (double)g;
}

/* P(D < d) by the n-th power of Durbin's matrix */
static double
durbin_cdf(uint64_t n, double d)
{
	size_t k = (size_t)((double)n * d) + 1, size = 2 * k - 1;
	size_t cells = size * size;
	double *power = xmalloc(3 * cells * sizeof(*power));
	double *base = power + cells, *work = base + cells;
	int exponent = 0, base_exponent = 0;
	double cdf;

	durbin_matrix(base, size, (double)k - (double)n * d);
	memset(power, 0, cells * sizeof(*power));
	for (size_t i = 0; i < size; i++)
		power[i * size + i] = 1.0;
	for (uint64_t left = n; left > 0; left /= 2) {
		if (left % 2 == 1) {
			matrix_multiply(power, base, work, size);
			memcpy(power, work, cells * sizeof(*power));
			exponent += base_exponent;
			matrix_scale(power, size, &exponent);
		}
		matrix_multiply(base, base, work, size);
		memcpy(base, work, cells * sizeof(*base));
		base_exponent *= 2;
		matrix_scale(base, size, &base_exponent);
	}
	cdf = power[(k - 1) * size + k - 1];
	for (uint64_t i = 1; i <= n; i++) {
		cdf *= (double)i / (double)n;
		if (cdf < 1.0 / SCALE) {
			cdf *= SCALE;
			exponent--;
		}
	}
	free(power);
	return cdf * pow(SCALE, exponent);
}

/* P(D+ >= d) = d sum C(n,j) (d+j/n)^(j-1) (1-d-j/n)^(n-j), Smirnov 1944 */
static double
smirnov_sf(uint64_t n, double d)
{
	double size = (double)n, sum = 0.0;

	for (uint64_t j = 0; j <= n; j++) {
		double at = d + (double)j / size, rest = 1.0 - at;

		if (rest <= 0.0)
			break;
		sum += exp(special_log_choose(size, (double)j) + ((double)j - 1.0) * log(at) +
			   (size - (double)j) * log1p(-at));
	}
	return d * sum;
}

/*
 * P(D < z/sqrt n) = K0 + K1/sqrt n + K2/n + K3/n^(3/2), as written out by
 * Simard and L'Ecuyer 2011, section 2.5; a over half-integers k + 1/2 times
 * pi, b over integers times pi, both squared.
 */
static double
pelz_good_cdf(double n, double z)
{
	double z2 = z * z, z4 = z2 * z2, z6 = z4 * z2, z8 = z4 * z4;
	double k0 = 0.0, k1 = 0.0, k2 = 0.0, k2b = 0.0, k3 = 0.0, k3b = 0.0;

	for (int k = 0; k < 40; k++) {
		double a = M_PI * M_PI * (k + 0.5) * (k + 0.5),
		       b = M_PI * M_PI * (k + 1.0) * (k + 1.0);
		double ea = exp(-0.5 * a / z2), eb = exp(-0.5 * b / z2);

		k0 += ea;
		k1 += (a - z2) * ea;
		k2 += (6.0 * z6 + 2.0 * z4 + (2.0 * z4 - 5.0 * z2) * a + (1.0 - 2.0 * z2) * a * a) *
		      ea;
		k2b += b * eb;
		k3 += (a * a * a * (5.0 - 30.0 * z2) + a * a * (-60.0 * z2 + 212.0 * z4) +
			  a * (135.0 * z4 - 96.0 * z6) - 30.0 * z6 - 90.0 * z8) *
		      ea;
		k3b += (-b * b + 3.0 * b * z2) * eb;
	}
	/* Each sum over all integers is twice the one over k >= 0. */
	k0 *= sqrt(2.0 * M_PI) / z;
	k1 *= sqrt(2.0 * M_PI) / (6.0 * z4);
	k2 = sqrt(2.0 * M_PI) * (k2 / (72.0 * z6 * z) - k2b / (36.0 * z2 * z));
	k3 = sqrt(2.0 * M_PI) * (k3 / (6480.0 * z8 * z2) + k3b / (216.0 * z6));
	return k0 + k1 / sqrt(n) + k2 / n + k3 / (n * sqrt(n));
}

double
kolmogorov_one_sample(uint64_t n, double d)
{
	double size = (double)n;

	if (n == 0 || isnan(d))
		return STATS_NAN;
	if (d <= 0.5 / size)
		return 1.0;
	if (d >= 1.0)
		return 0.0;
	if (size * d * d >= (n <= KOLMOGOROV_EXACT_N ? 4.0 : 2.2))
		return fmin(1.0, 2.0 * smirnov_sf(n, d));
	if (n <= KOLMOGOROV_EXACT_N || (n <= MATRIX_N_MAX && size * d * sqrt(d) <= 1.4))
		return fmin(1.0, fmax(0.0, 1.0 - durbin_cdf(n, d)));
	return fmin(1.0, fmax(0.0, 1.0 - pelz_good_cdf(size, sqrt(size) * d)));
}

struct band {
	uint64_t n, m, h;
	bool one_sided;
};

/* The i on diagonal s = i + j that are strictly inside: [*ret_lo, *ret_hi]. */
static void
band_at(const struct band *band, uint64_t s, uint64_t *ret_lo, uint64_t *ret_hi)
{
	uint64_t total = band->n + band->m, mid = s * band->n;
	uint64_t lo = s > band->m ? s - band->m : 0, hi = s < band->n ? s : band->n;

	/* i m - j n = i total - s n, and it must be below h and above -h */
	if ((mid + band->h - 1) / total < hi)
		hi = (mid + band->h - 1) / total;
	if (!band->one_sided && mid >= band->h && (mid - band->h) / total + 1 > lo)
		lo = (mid - band->h) / total + 1;
	*ret_lo = lo;
	*ret_hi = hi;
}

/* next[i] = (i old[i-1] + (s-i) old[i]) / s for lo <= i <= hi; arrays start at -1 */
static void
diagonal(const double *restrict old, double *restrict next, uint64_t s, uint64_t lo, uint64_t hi)
{
	double share = 1.0 / (double)s, total = (double)s;

	for (uint64_t i = lo; i <= hi; i++) {
		double up = (double)(int64_t)i;

		next[i + 1] = (up * old[i] + (total - up) * old[i + 1]) * share;
	}
}

double
kolmogorov_two_sample(uint64_t n, uint64_t m, uint64_t h, bool one_sided, const unsigned char *ties)
{
	struct band band = { n, m, h, one_sided };
	double *old, *next, *swap, left, d;

	if (n == 0 || m == 0)
		return STATS_NAN;
	if (h == 0)
		return 1.0;
	/* p < e exp(-2 z^2) (Wei and Dudley 2012): smaller than any double */
	d = (double)h / ((double)n * (double)m);
	if (2.0 * d * d * ((double)n / (double)(n + m) * (double)m) > TAIL_MAX)
		return 0.0;
	old = xmalloc(2 * (n + 3) * sizeof(*old));
	next = old + n + 3;
	swap = old;
	for (uint64_t i = 0; i < 2 * (n + 3); i++)
		old[i] = 1.0;
	old[1] = 0.0; /* at (0, 0) nothing has left yet */
	for (uint64_t s = 1; s <= n + m; s++) {
		uint64_t lo, hi, from, to;
		double *t = old;

		band_at(&band, s, &lo, &hi);
		from = ties == NULL ? lo : s > m ? s - m : 0;
		to = ties == NULL ? hi : s < n ? s : n;
		diagonal(old, next, s, from, to);
		if (ties == NULL || ties[s - 1] != 0) {
			for (uint64_t i = from; i < lo; i++)
				next[i + 1] = 1.0;
			for (uint64_t i = hi + 1; i <= to; i++)
				next[i + 1] = 1.0;
		}
		/* What lies just beyond has left, and is looked at next. */
		next[from] = 1.0;
		next[to + 2] = 1.0;
		old = next;
		next = t;
	}
	left = old[n + 1];
	free(swap);
	return left;
}
