/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes KLL sketches, and answers from the sorted items and their weights. */
#include "config.h"

#include "stats/kll.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/xalloc.h"

#define FAMILY_KLL     15
#define LEVELS_MAX     61 /* weights are below 2^61 */
#define PREAMBLE_SHORT 2
#define PREAMBLE_FULL  5
#define VERSION_FULL   1
#define VERSION_SINGLE 2
#define FLAG_EMPTY     (1u << 0)
#define FLAG_SINGLE    (1u << 2)
#define HEADER_BYTES   8
#define FULL_BYTES     20 /* up to the levels */
#define M_STANDARD     8

struct item {
	double v;
	uint64_t weight;
};

static double
get_double(const uint8_t *p)
{
	uint64_t bits = get_u64le(p);
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

static int
by_value(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return (x->v > y->v) - (x->v < y->v);
}

static enum stats_status
keep_items(struct kll *kll, struct item *items, size_t count)
{
	uint64_t sum = 0;

	qsort(items, count, sizeof(*items), by_value);
	kll->v = xcalloc(count, sizeof(*kll->v));
	kll->upto = xcalloc(count, sizeof(*kll->upto));
	kll->count = count;
	for (size_t i = 0; i < count; i++) {
		if (isnan(items[i].v) || __builtin_add_overflow(sum, items[i].weight, &sum))
			return STATS_INVALID;
		kll->v[i] = items[i].v;
		kll->upto[i] = sum;
	}
	return sum == kll->n ? STATS_OK : STATS_INVALID;
}

static enum stats_status
read_single(struct kll *kll, const uint8_t *p, size_t n)
{
	struct item item = { .weight = 1 };

	if (n != HEADER_BYTES + 8)
		return STATS_INVALID;
	item.v = kll->min = kll->max = get_double(p + HEADER_BYTES);
	kll->n = 1;
	return keep_items(kll, &item, 1);
}

static enum stats_status
read_full(struct kll *kll, const uint8_t *p, size_t n)
{
	uint32_t levels, start, end;
	const uint8_t *offsets, *values;
	struct item *items;
	size_t count, at = 0;
	enum stats_status status;

	if (n < FULL_BYTES)
		return STATS_INVALID;
	kll->n = get_u64le(p + 8);
	kll->min_k = (uint32_t)p[16] | (uint32_t)p[17] << 8;
	levels = p[18];
	offsets = p + FULL_BYTES;
	if (levels == 0 || levels > LEVELS_MAX || kll->n == 0 || kll->min_k == 0 ||
	    n < FULL_BYTES + 4 * (size_t)levels + 16)
		return STATS_INVALID;
	kll->min = get_double(offsets + 4 * levels);
	kll->max = get_double(offsets + 4 * levels + 8);
	values = offsets + 4 * levels + 16;
	count = (n - (size_t)(values - p)) / 8;
	if (count == 0 || (n - (size_t)(values - p)) % 8 != 0 || isnan(kll->min) ||
	    isnan(kll->max) || kll->min > kll->max)
		return STATS_INVALID;
	items = xcalloc(count, sizeof(*items));
	for (uint32_t level = 0; level < levels; level++) {
		start = get_u32le(offsets + 4 * level) - get_u32le(offsets);
		end = level + 1 < levels ? get_u32le(offsets + 4 * (level + 1)) - get_u32le(offsets)
					 : (uint32_t)count;
		if (start != at || end < start || end > count) {
			free(items);
			return STATS_INVALID;
		}
		for (; at < end; at++)
			items[at] =
			    (struct item){ get_double(values + 8 * at), UINT64_C(1) << level };
	}
	status = keep_items(kll, items, count);
	free(items);
	return status;
}

enum stats_status
kll_init(struct kll *kll, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	enum stats_status status = STATS_INVALID;

	*kll = (struct kll){ .min = STATS_NAN, .max = STATS_NAN };
	if (n > KLL_BYTES_MAX)
		return STATS_LIMIT;
	if (n < HEADER_BYTES || p[2] != FAMILY_KLL || p[6] != M_STANDARD)
		return STATS_INVALID;
	kll->k = kll->min_k = (uint32_t)p[4] | (uint32_t)p[5] << 8;
	if (kll->k < M_STANDARD)
		return STATS_INVALID;
	if ((p[3] & FLAG_EMPTY) != 0)
		status = p[0] == PREAMBLE_SHORT && n == HEADER_BYTES ? STATS_OK : STATS_INVALID;
	else if ((p[3] & FLAG_SINGLE) != 0 && p[0] == PREAMBLE_SHORT && p[1] == VERSION_SINGLE)
		status = read_single(kll, p, n);
	else if (p[0] == PREAMBLE_FULL && p[1] == VERSION_FULL)
		status = read_full(kll, p, n);
	if (status != STATS_OK)
		kll_fini(kll);
	return status;
}

void
kll_fini(struct kll *kll)
{
	free(kll->v);
	free(kll->upto);
	*kll = (struct kll){ 0 };
}

/* Index of the first item whose upto is at least weight (count: none). */
static size_t
first_reaching(const struct kll *kll, uint64_t weight)
{
	size_t low = 0, high = kll->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (kll->upto[mid] >= weight)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static struct stats_value
quantile(const struct kll *kll, double q, bool inclusive)
{
	double weight = q * (double)kll->n;
	size_t i;

	if (!(q >= 0 && q <= 1))
		return stats_value_undefined(STATS_INVALID);
	if (kll->n == 0)
		return stats_value_undefined(STATS_FEW);
	weight = inclusive ? ceil(weight) : floor(weight) + 1;
	i = weight >= (double)kll->n ? kll->count - 1 : first_reaching(kll, (uint64_t)weight);
	return stats_value_of(kll->v[i]);
}

struct stats_value
kll_quantile(const struct kll *kll, double q)
{
	return quantile(kll, q, false);
}

struct stats_value
kll_quantile_inclusive(const struct kll *kll, double q)
{
	return quantile(kll, q, true);
}

struct stats_value
kll_rank(const struct kll *kll, double x, bool inclusive)
{
	size_t low = 0, high = kll->count;

	if (isnan(x))
		return stats_value_undefined(STATS_NOT_FINITE);
	if (kll->n == 0)
		return stats_value_undefined(STATS_FEW);
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (inclusive ? kll->v[mid] <= x : kll->v[mid] < x)
			low = mid + 1;
		else
			high = mid;
	}
	return stats_value_of(low > 0 ? (double)kll->upto[low - 1] / (double)kll->n : 0.0);
}

/* DataSketches' fit to measured errors at a confidence of 99 %. */
double
kll_error(const struct kll *kll, bool two_sided)
{
	return two_sided ? 2.446 / pow(kll->min_k, 0.9433) : 2.296 / pow(kll->min_k, 0.9723);
}

struct stats_test
kll_ks(const struct kll *ref, const struct kll *cur)
{
	struct stats_test test;
	double d = 0, noise;
	size_t i = 0, j = 0;

	if (ref->n == 0 || cur->n == 0)
		return stats_test_undefined(STATS_FEW);
	/* Both stand past all that equals x before they are compared. */
	while (i < ref->count && j < cur->count) {
		double x = ref->v[i] < cur->v[j] ? ref->v[i] : cur->v[j], gap;

		while (i < ref->count && ref->v[i] <= x)
			i++;
		while (j < cur->count && cur->v[j] <= x)
			j++;
		gap = fabs((i > 0 ? (double)ref->upto[i - 1] / (double)ref->n : 0) -
			   (j > 0 ? (double)cur->upto[j - 1] / (double)cur->n : 0));
		if (gap > d)
			d = gap;
	}
	noise = kll_error(ref, false) + kll_error(cur, false);
	test = stats_test_undefined(STATS_OK);
	test.statistic = d;
	test.effect = d > noise ? d - noise : 0;
	return test;
}
