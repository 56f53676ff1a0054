/* SPDX-License-Identifier: Apache-2.0 */
/* Binning of two samples, and quantiles of bucket counts. */
#include "config.h"

#include "stats/bins.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

void
bins_fini(struct bins *bins)
{
	free(bins->edges);
	free(bins->ref);
	free(bins->cur);
	*bins = (struct bins){ 0 };
}

static void
allocate(struct bins *bins, size_t k)
{
	bins->k = k;
	bins->ref = xcalloc(k, sizeof(*bins->ref));
	bins->cur = xcalloc(k, sizeof(*bins->cur));
}

static void
counts_to_shares(struct bins *bins, double n_ref, double n_cur)
{
	bins->n_ref = n_ref;
	bins->n_cur = n_cur;
	for (size_t i = 0; i < bins->k; i++) {
		bins->ref[i] /= n_ref;
		bins->cur[i] /= n_cur;
	}
}

/* The number of leading values of ascending x that are <= edge (or < edge). */
static size_t
count_below(const double *x, size_t n, double edge, bool closed)
{
	size_t left = 0, right = n;

	while (left < right) {
		size_t middle = left + (right - left) / 2;

		if (closed ? x[middle] <= edge : x[middle] < edge)
			left = middle + 1;
		else
			right = middle;
	}
	return left;
}

/* Counts between inner edges, outer bins open. */
static void
count_between(double *counts, const struct sample_set *sample, const double *edges,
    size_t edge_count, bool right_closed)
{
	size_t before = 0;

	for (size_t i = 0; i < edge_count; i++) {
		size_t at = count_below(sample->v, sample->n, edges[i], right_closed);

		counts[i] = (double)(at - before);
		before = at;
	}
	counts[edge_count] = (double)(sample->n - before);
}

static bool
either_empty(const struct sample_set *ref, const struct sample_set *cur)
{
	return ref->n == 0 || cur->n == 0;
}

enum stats_status
bins_by_edges(struct bins *bins, const struct sample_set *ref, const struct sample_set *cur,
    const double *edges, size_t edge_count)
{
	*bins = (struct bins){ 0 };
	if (edge_count == 0 || !stats_all_finite(edges, edge_count))
		return STATS_INVALID;
	if (edge_count >= BINS_MAX)
		return STATS_LIMIT;
	for (size_t i = 1; i < edge_count; i++)
		if (edges[i] <= edges[i - 1])
			return STATS_INVALID;
	if (either_empty(ref, cur))
		return STATS_FEW;
	allocate(bins, edge_count + 1);
	bins->edges = xmalloc(edge_count * sizeof(*edges));
	bins->edge_count = edge_count;
	memcpy(bins->edges, edges, edge_count * sizeof(*edges));
	count_between(bins->ref, ref, edges, edge_count, true);
	count_between(bins->cur, cur, edges, edge_count, true);
	counts_to_shares(bins, (double)ref->n, (double)cur->n);
	return STATS_OK;
}

enum stats_status
bins_by_quantiles(
    struct bins *bins, const struct sample_set *ref, const struct sample_set *cur, size_t k)
{
	double *edges;
	size_t count = 0;
	enum stats_status status;

	*bins = (struct bins){ 0 };
	if (k < 2)
		return STATS_INVALID;
	if (k > BINS_MAX)
		return STATS_LIMIT;
	if (either_empty(ref, cur))
		return STATS_FEW;
	edges = xmalloc(k * sizeof(*edges));
	for (size_t i = 1; i < k; i++) {
		double edge = sample_quantile(ref->v, ref->n, (double)i / (double)k);

		/* An infinite edge parts nothing: the outer bins are open. */
		if (isfinite(edge) && (count == 0 || edge > edges[count - 1]))
			edges[count++] = edge;
	}
	if (count < 2 && k > 2)
		count = 0;
	status = count == 0 ? bins_by_distinct(bins, ref, cur)
			    : bins_by_edges(bins, ref, cur, edges, count);
	bins->by_value = count == 0;
	free(edges);
	return status;
}

size_t
bins_sturges_count(double min, double max, size_t n)
{
	double width = (max - min) / (log2((double)n) + 1.0);

	/* Quotient, not logarithm alone: the rounding is part of the definition. */
	return n > 0 && width > 0.0 ? (size_t)ceil((max - min) / width) : 1;
}

double
bins_equal_edge(double min, double max, size_t k, size_t i)
{
	return i >= k ? max : (double)i * ((max - min) / (double)k) + min;
}

/* Equal widths on [min, max]; the size decides the number. */
static enum stats_status
equal_width(struct bins *bins, const struct sample_set *ref, const struct sample_set *cur,
    double min, double max, size_t size)
{
	size_t k;

	if (!isfinite(max - min))
		return STATS_NOT_FINITE;
	/* numpy.histogram widens a single value to a bin around it. */
	if (min == max) {
		min -= 0.5;
		max += 0.5;
	}
	k = bins_sturges_count(min, max, size);
	allocate(bins, k);
	bins->edge_count = k + 1;
	bins->edges = xmalloc((k + 1) * sizeof(*bins->edges));
	for (size_t i = 0; i <= k; i++)
		bins->edges[i] = bins_equal_edge(min, max, k, i);
	count_between(bins->ref, ref, bins->edges + 1, k - 1, false);
	count_between(bins->cur, cur, bins->edges + 1, k - 1, false);
	counts_to_shares(bins, (double)ref->n, (double)cur->n);
	return STATS_OK;
}

enum stats_status
bins_by_sturges(struct bins *bins, const struct sample_set *ref, const struct sample_set *cur)
{
	*bins = (struct bins){ 0 };
	if (either_empty(ref, cur))
		return STATS_FEW;
	if (sample_distinct(ref->v, ref->n) <= BINS_STURGES_DISTINCT)
		return bins_by_distinct(bins, ref, cur);
	return equal_width(bins, ref, cur, fmin(ref->v[0], cur->v[0]),
	    fmax(ref->v[ref->n - 1], cur->v[cur->n - 1]), ref->n + cur->n);
}

/* Values that occur on either side, each once; calls back with their counts. */
static size_t
walk_distinct(const struct sample_set *ref, const struct sample_set *cur, struct bins *fill)
{
	size_t i = 0, j = 0, k = 0;

	for (; i < ref->n || j < cur->n; k++) {
		double x =
		    j >= cur->n || (i < ref->n && ref->v[i] <= cur->v[j]) ? ref->v[i] : cur->v[j];
		size_t i0 = i, j0 = j;

		while (i < ref->n && ref->v[i] == x)
			i++;
		while (j < cur->n && cur->v[j] == x)
			j++;
		if (fill != NULL) {
			fill->ref[k] = (double)(i - i0);
			fill->cur[k] = (double)(j - j0);
		}
	}
	return k;
}

enum stats_status
bins_by_sturges_distinct(
    struct bins *bins, const struct sample_set *ref, const struct sample_set *cur)
{
	*bins = (struct bins){ 0 };
	if (either_empty(ref, cur))
		return STATS_FEW;
	return equal_width(bins, ref, cur, fmin(ref->v[0], cur->v[0]),
	    fmax(ref->v[ref->n - 1], cur->v[cur->n - 1]), walk_distinct(ref, cur, NULL));
}

enum stats_status
bins_by_distinct(struct bins *bins, const struct sample_set *ref, const struct sample_set *cur)
{
	size_t k;

	*bins = (struct bins){ 0 };
	if (either_empty(ref, cur))
		return STATS_FEW;
	k = walk_distinct(ref, cur, NULL);
	if (k > BINS_MAX)
		return STATS_LIMIT;
	allocate(bins, k);
	(void)walk_distinct(ref, cur, bins);
	counts_to_shares(bins, (double)ref->n, (double)cur->n);
	return STATS_OK;
}

enum stats_status
bins_from_counts(struct bins *bins, const double *ref, const double *cur, size_t k)
{
	double n, m;

	*bins = (struct bins){ 0 };
	if (k > BINS_MAX)
		return STATS_LIMIT;
	if (!stats_all_finite(ref, k) || !stats_all_finite(cur, k))
		return STATS_NOT_FINITE;
	for (size_t i = 0; i < k; i++)
		if (ref[i] < 0.0 || cur[i] < 0.0)
			return STATS_INVALID;
	n = stats_sum(ref, k);
	m = stats_sum(cur, k);
	if (!isfinite(n) || !isfinite(m))
		return STATS_LIMIT;
	if (!(n > 0.0 && m > 0.0))
		return STATS_FEW;
	allocate(bins, k);
	memcpy(bins->ref, ref, k * sizeof(*ref));
	memcpy(bins->cur, cur, k * sizeof(*cur));
	counts_to_shares(bins, n, m);
	return STATS_OK;
}

enum stats_status
bins_from_cumulative(struct bins *bins, const double *ref_cum, const double *cur_cum, size_t k)
{
	double *counts;
	enum stats_status status;

	*bins = (struct bins){ 0 };
	if (k > BINS_MAX)
		return STATS_LIMIT;
	counts = xmalloc(2 * k * sizeof(*counts));
	for (size_t i = 0; i < k; i++) {
		counts[i] = ref_cum[i] - (i > 0 ? ref_cum[i - 1] : 0.0);
		counts[k + i] = cur_cum[i] - (i > 0 ? cur_cum[i - 1] : 0.0);
	}
	status = bins_from_counts(bins, counts, counts + k, k);
	free(counts);
	return status;
}

struct stats_value
bins_histogram_quantile(double q, const double *bounds, const double *cum, size_t k)
{
	double rank, total = 0.0, before = 0.0, start, end, count = 0.0;
	size_t i;

	if (!(q >= 0.0 && q <= 1.0) || k < 2 || bounds[k - 1] != STATS_INFINITY)
		return stats_value_undefined(STATS_INVALID);
	for (i = 0; i < k; i++) {
		if (!isfinite(cum[i]) || isnan(bounds[i]))
			return stats_value_undefined(STATS_NOT_FINITE);
		if (i > 0 && bounds[i] <= bounds[i - 1])
			return stats_value_undefined(STATS_INVALID);
		total = fmax(total, cum[i]);
	}
	if (!(total > 0.0))
		return stats_value_undefined(STATS_FEW);
	rank = q * total;
	for (i = 0; i < k; i++) {
		before = count;
		count = fmax(count, cum[i]);
		if (count >= rank)
			break;
	}
	if (i >= k - 1)
		return stats_value_of(bounds[k - 2]);
	if (i == 0 && bounds[0] <= 0.0)
		return stats_value_of(bounds[0]);
	start = i == 0 ? 0.0 : bounds[i - 1];
	end = bounds[i];
	return stats_value_of(
	    count > before ? start + (end - start) * ((rank - before) / (count - before)) : start);
}
