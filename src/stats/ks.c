/* SPDX-License-Identifier: Apache-2.0 */
/* Two-sample Kolmogorov-Smirnov test, from sorted samples and from buckets. */
#include "config.h"

#include "stats/ks.h"

#include <math.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "stats/kolmogorov.h"

/* Largest distance as the integer n m D, so that ties in D stay ties. */
static uint64_t
largest_distance(const struct sample_set *ref, const struct sample_set *cur, enum stats_side side)
{
	size_t n = ref->n, m = cur->n, i = 0, j = 0;
	int64_t up = 0, down = 0;

	while (i < n && j < m) {
		double x = fmin(ref->v[i], cur->v[j]);
		int64_t gap;

		while (i < n && ref->v[i] == x)
			i++;
		while (j < m && cur->v[j] == x)
			j++;
		gap = (int64_t)(i * m) - (int64_t)(j * n);
		if (gap > up)
			up = gap;
		if (-gap > down)
			down = -gap;
	}
	if (side == STATS_CURRENT_HIGHER)
		return (uint64_t)up;
	if (side == STATS_CURRENT_LOWER)
		return (uint64_t)down;
	return (uint64_t)(up > down ? up : down);
}

/* Flags the last of each group of equal values in the pooled order. */
static unsigned char *
tie_ends(const struct sample_set *ref, const struct sample_set *cur)
{
	size_t i = 0, j = 0, s = 0;
	unsigned char *ends = xcalloc(ref->n + cur->n, 1);

	while (i < ref->n || j < cur->n) {
		double x =
		    j >= cur->n || (i < ref->n && ref->v[i] <= cur->v[j]) ? ref->v[i] : cur->v[j];

		for (; i < ref->n && ref->v[i] == x; i++)
			s++;
		for (; j < cur->n && cur->v[j] == x; j++)
			s++;
		ends[s - 1] = 1;
	}
	return ends;
}

static double
exact_p(const struct sample_set *ref, const struct sample_set *cur, uint64_t h,
    enum stats_side side, bool given_ties)
{
	unsigned char *ties = given_ties ? tie_ends(ref, cur) : NULL;
	const struct sample_set *first = side == STATS_CURRENT_LOWER ? cur : ref;
	const struct sample_set *second = side == STATS_CURRENT_LOWER ? ref : cur;
	double p = kolmogorov_two_sample(first->n, second->n, h, side != STATS_TWO_SIDED, ties);

	free(ties);
	return p;
}

/* exp(-2 z^2 - 2/3 z (larger + 2 smaller)/sqrt(nm(n+m))), z = sqrt(nm/(n+m)) d */
static double
hodges_p(double n, double m, double d)
{
	double z = sqrt(n * m / (n + m)) * d, larger = fmax(n, m), smaller = fmin(n, m);

	return exp(-2.0 * z * z - 2.0 / 3.0 * z * (larger + 2.0 * smaller) / sqrt(n * m * (n + m)));
}

struct stats_test
ks_test(const struct sample_set *ref, const struct sample_set *cur, enum ks_method method,
    enum stats_side side)
{
	double n = (double)ref->n, m = (double)cur->n, size = n * m / (n + m), d, p = STATS_NAN;
	uint64_t h;

	if ((unsigned)method >= KS_METHOD_COUNT || (unsigned)side >= STATS_SIDE_COUNT)
		return stats_test_undefined(STATS_INVALID);
	if (ref->n == 0 || cur->n == 0)
		return stats_test_undefined(STATS_FEW);
	if (method == KS_AUTO)
		method = ref->n <= KS_AUTO_EXACT_MAX && cur->n <= KS_AUTO_EXACT_MAX ? KS_EXACT
										    : KS_FINITE;
	h = largest_distance(ref, cur, side);
	d = (double)h / (n * m);
	switch (method) {
	case KS_EXACT:
	case KS_EXACT_TIES:
		if ((uint64_t)ref->n * cur->n > KS_CELLS_MAX)
			return stats_test_undefined(STATS_LIMIT);
		p = exact_p(ref, cur, h, side, method == KS_EXACT_TIES);
		break;
	case KS_AUTO:
	case KS_LIMIT:
		p = kolmogorov_limit(sqrt(size) * d);
		break;
	case KS_STEPHENS:
		p = kolmogorov_stephens(size, d);
		break;
	case KS_FINITE:
		p = kolmogorov_one_sample((uint64_t)fmax(1.0, nearbyint(size)), d);
		break;
	case KS_METHOD_COUNT:
		break;
	}
	if (side != STATS_TWO_SIDED && method != KS_EXACT && method != KS_EXACT_TIES)
		p = hodges_p(n, m, d);
	return stats_test_of(d, p, STATS_NAN, d);
}

struct stats_test
ks_test_buckets(const double *ref_cum, const double *cur_cum, size_t k)
{
	double n, m, size, d = 0.0;

	if (k == 0)
		return stats_test_undefined(STATS_FEW);
	if (!stats_all_finite(ref_cum, k) || !stats_all_finite(cur_cum, k))
		return stats_test_undefined(STATS_NOT_FINITE);
	n = ref_cum[k - 1];
	m = cur_cum[k - 1];
	for (size_t i = 0; i < k; i++) {
		if (ref_cum[i] < (i > 0 ? ref_cum[i - 1] : 0.0) ||
		    cur_cum[i] < (i > 0 ? cur_cum[i - 1] : 0.0))
			return stats_test_undefined(STATS_INVALID);
	}
	if (n < 1.0 || m < 1.0)
		return stats_test_undefined(STATS_FEW);
	for (size_t i = 0; i < k; i++)
		d = fmax(d, fabs(ref_cum[i] / n - cur_cum[i] / m));
	size = n / (n + m) * m;
	return stats_test_of(d,
	    size < 1e15 ? kolmogorov_one_sample((uint64_t)fmax(1.0, nearbyint(size)), d)
			: kolmogorov_limit(sqrt(size) * d),
	    STATS_NAN, d);
}
