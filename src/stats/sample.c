/* SPDX-License-Identifier: Apache-2.0 */
/* Cleaning, sorting and order statistics of one sample. */
#include "config.h"

#include "stats/sample.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#define DIGIT_BITS    11
#define DIGITS        6 /* 6 * 11 >= 64 */
#define DIGIT_VALUES  (1u << DIGIT_BITS)
#define INSERTION_MAX 48 /* below this, no histogram pays */
#define RADIX_MIN     1024

/* IEEE doubles order like integers once negatives are turned round. */
static uint64_t
key_of(double x)
{
	uint64_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits >> 63 ? ~bits : bits | (UINT64_C(1) << 63);
}

static double
value_of(uint64_t key)
{
	uint64_t bits = key >> 63 ? key & ~(UINT64_C(1) << 63) : ~key;
	double x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

static void
sort_insertion(double *x, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		double value = x[i];
		size_t j = i;

		for (; j > 0 && x[j - 1] > value; j--)
			x[j] = x[j - 1];
		x[j] = value;
	}
}

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void
sort_radix(double *x, size_t n)
{
	uint64_t *from = xmalloc(n * sizeof(*from));
	uint64_t *to = xmalloc(n * sizeof(*to));
	size_t(*counts)[DIGIT_VALUES] = xcalloc(DIGITS, sizeof(*counts));
	uint64_t *swap;

	for (size_t i = 0; i < n; i++) {
		from[i] = key_of(x[i]);
		for (unsigned d = 0; d < DIGITS; d++)
			counts[d][(from[i] >> (d * DIGIT_BITS)) % DIGIT_VALUES]++;
	}
	for (unsigned d = 0; d < DIGITS; d++) {
		unsigned shift = d * DIGIT_BITS;
		size_t at = 0;

		/* A digit that all keys share moves nothing. */
		if (counts[d][(from[0] >> shift) % DIGIT_VALUES] == n)
			continue;
		for (size_t b = 0; b < DIGIT_VALUES; b++) {
			size_t count = counts[d][b];

			counts[d][b] = at;
			at += count;
		}
		for (size_t i = 0; i < n; i++)
			to[counts[d][(from[i] >> shift) % DIGIT_VALUES]++] = from[i];
		swap = from;
		from = to;
		to = swap;
	}
	for (size_t i = 0; i < n; i++)
		x[i] = value_of(from[i]);
	free(from);
	free(to);
	free(counts);
}

void
sample_sort(double *x, size_t n)
{
	if (n < INSERTION_MAX)
		sort_insertion(x, n);
	else if (n < RADIX_MIN)
		qsort(x, n, sizeof(*x), compare_doubles);
	else
		sort_radix(x, n);
}

enum stats_status
sample_init(struct sample_set *sample, const double *values, size_t n)
{
	*sample = (struct sample_set){ 0 };
	if (n > SAMPLE_VALUES_MAX)
		return STATS_LIMIT;
	sample->v = xmalloc((n + 1) * sizeof(*sample->v));
	for (size_t i = 0; i < n; i++) {
		if (isnan(values[i])) {
			sample->nan_count++;
			continue;
		}
		if (isinf(values[i]))
			sample->inf_count++;
		sample->v[sample->n++] = values[i] + 0.0;
	}
	sample_sort(sample->v, sample->n);
	return STATS_OK;
}

void
sample_fini(struct sample_set *sample)
{
	free(sample->v);
	*sample = (struct sample_set){ 0 };
}

double
sample_quantile(const double *x, size_t n, double q)
{
	double at, low, gap, part;
	size_t i;

	if (n == 0 || !(q >= 0.0 && q <= 1.0))
		return STATS_NAN;
	at = (double)(n - 1) * q;
	i = (size_t)at;
	if (i >= n - 1)
		return x[n - 1];
	low = x[i];
	part = at - (double)i;
	/* Equal neighbours: also keeps infinity from becoming NaN. */
	if (low == x[i + 1] || part == 0.0)
		return low;
	gap = x[i + 1] - low;
	/* From the nearer end, as numpy does, so that edges agree to the bit. */
	return part >= 0.5 ? x[i + 1] - gap * (1.0 - part) : low + gap * part;
}

double
sample_median(const double *x, size_t n)
{
	if (n == 0)
		return STATS_NAN;
	if (n % 2 == 1 || x[n / 2 - 1] == x[n / 2])
		return x[n / 2];
	/* Halves first: the sum of two large values can overflow. */
	return 0.5 * x[n / 2 - 1] + 0.5 * x[n / 2];
}

size_t
sample_distinct(const double *x, size_t n)
{
	size_t count = n > 0;

	for (size_t i = 1; i < n; i++)
		count += x[i] != x[i - 1];
	return count;
}

double
sample_mad(const double *x, size_t n, double centre)
{
	size_t left, right, steps = n / 2 + 1;
	double last = 0.0, before = 0.0;

	if (n == 0 || isnan(centre))
		return STATS_NAN;
	/* right: first value above the centre; deviations grow from there. */
	for (left = 0, right = n; left < right;) {
		size_t middle = left + (right - left) / 2;

		if (x[middle] <= centre)
			left = middle + 1;
		else
			right = middle;
	}
	for (size_t i = 0; i < steps; i++) {
		double down = left > 0 ? centre - x[left - 1] : STATS_INFINITY;
		double up = right < n ? x[right] - centre : STATS_INFINITY;

		before = last;
		if (left > 0 && (right >= n || down <= up)) {
			last = down;
			left--;
		} else {
			last = up;
			right++;
		}
	}
	return n % 2 == 1 || before == last ? last : 0.5 * before + 0.5 * last;
}

struct moments
sample_moments(const double *x, size_t n)
{
	struct moments m = { .n = n, .mean = STATS_NAN, .var_pop = STATS_NAN, .var = STATS_NAN };
	double squares = 0.0, rest = 0.0;

	if (n == 0)
		return m;
	m.mean = stats_sum(x, n) / (double)n;
	/* A constant must have no spread, whatever its mean was rounded to. */
	if (fabs(x[0] - m.mean) <= 4.0 * 0x1p-53 * fabs(x[0])) {
		size_t i = 1;

		while (i < n && x[i] == x[0])
			i++;
		if (i == n)
			m.mean = x[0];
	}
	for (size_t i = 0; i < n; i++) {
		double d = x[i] - m.mean;

		squares += d * d;
		rest += d;
	}
	/* "corrected two-pass algorithm", Chan, Golub and LeVeque 1983 */
	squares -= rest * rest / (double)n;
	if (squares < 0.0) /* and a NaN stays one */
		squares = 0.0;
	m.var_pop = squares / (double)n;
	if (n > 1)
		m.var = squares / (double)(n - 1);
	return m;
}
