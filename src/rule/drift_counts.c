/* SPDX-License-Identifier: Apache-2.0 */
/* Categories, bins and buckets as counts, and the tests on them. */
#include "config.h"

#include "rule/drift_counts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "stats/categories.h"
#include "stats/dist.h"
#include "stats/wasserstein.h"

#define EXPECTED_MIN 5.0 /* Cochran 1954 */

const char *
drift_reason(enum stats_status status)
{
	switch (status) {
	case STATS_FEW:
		return "too few values for this test";
	case STATS_CONSTANT:
		return "the reference is constant; use ks";
	case STATS_NOT_FINITE:
		return "infinite values, which this test cannot take; use ks";
	case STATS_INVALID:
		return "negative counts, or edges that do not ascend";
	case STATS_LIMIT:
		return "more bins or values than this test takes";
	case STATS_OK:
	case STATS_STATUS_COUNT:
		break;
	}
	return NULL;
}

double
drift_chi2_p(double chi2, size_t df)
{
	return dist_chi2_sf(chi2, (double)df);
}

static void
allocate(struct drift_counts *counts, size_t k)
{
	counts->ref = xcalloc(k + 1, sizeof(double)); /* room for the missing ones */
	counts->cur = xcalloc(k + 1, sizeof(double));
	counts->k = k;
}

static void
add_nulls(const struct drift_spec *spec, const struct drift_pair *pair, struct drift_counts *counts)
{
	if (!spec->own_bin || pair->ref_nulls + pair->cur_nulls <= 0)
		return;
	counts->ref[counts->k] = pair->ref_nulls;
	counts->cur[counts->k++] = pair->cur_nulls;
}

bool
drift_counts_of(
    const struct drift_spec *spec, const struct drift_pair *pair, struct drift_counts *ret)
{
	allocate(ret, pair->k);
	for (size_t i = 0; i < pair->k; i++) {
		bool first = spec->form != DRIFT_BUCKETS || i == 0;

		ret->ref[i] = pair->ref_counts[i] - (first ? 0.0 : pair->ref_counts[i - 1]);
		ret->cur[i] = pair->cur_counts[i] - (first ? 0.0 : pair->cur_counts[i - 1]);
		if (!(ret->ref[i] >= 0.0) || !(ret->cur[i] >= 0.0)) {
			drift_counts_fini(ret);
			return false;
		}
	}
	add_nulls(spec, pair, ret);
	return true;
}

void
drift_counts_from_bins(const struct drift_spec *spec, const struct drift_pair *pair,
    const struct bins *bins, struct drift_counts *ret)
{
	allocate(ret, bins->k);
	for (size_t i = 0; i < bins->k; i++) {
		ret->ref[i] = nearbyint(bins->ref[i] * bins->n_ref);
		ret->cur[i] = nearbyint(bins->cur[i] * bins->n_cur);
	}
	add_nulls(spec, pair, ret);
}

void
drift_counts_fini(struct drift_counts *counts)
{
	free(counts->ref);
	free(counts->cur);
	*counts = (struct drift_counts){ 0 };
}

/* --- tests ------------------------------------------------------------- */

struct category {
	double ref, cur;
};

static int
rarest_first(const void *a, const void *b)
{
	double x = ((const struct category *)a)->ref + ((const struct category *)a)->cur;
	double y = ((const struct category *)b)->ref + ((const struct category *)b)->cur;

	return (x > y) - (x < y);
}

/* Takes rare categories together until each expects enough on the smaller side. */
static void
merge_rare(struct drift_counts *counts)
{
	double n = stats_sum(counts->ref, counts->k), m = stats_sum(counts->cur, counts->k);
	double share = fmin(n, m) / (n + m);
	struct category *list = xmalloc((counts->k + 1) * sizeof(*list));
	struct category rare = { 0 };
	size_t k = 0, at = 0;

	for (size_t i = 0; i < counts->k; i++)
		if (counts->ref[i] + counts->cur[i] > 0)
			list[k++] = (struct category){ counts->ref[i], counts->cur[i] };
	qsort(list, k, sizeof(*list), rarest_first);
	/* The rare ones, and as many more as make them common; two stay apart. */
	while (at + 1 < k && (list[at].ref + list[at].cur) * share < EXPECTED_MIN) {
		rare.ref += list[at].ref;
		rare.cur += list[at].cur;
		at++;
	}
	while (at > 0 && at + 1 < k && (rare.ref + rare.cur) * share < EXPECTED_MIN) {
		rare.ref += list[at].ref;
		rare.cur += list[at].cur;
		at++;
	}
	counts->k = 0;
	if (at > 0) {
		counts->ref[counts->k] = rare.ref;
		counts->cur[counts->k++] = rare.cur;
	}
	for (; at < k; at++) {
		counts->ref[counts->k] = list[at].ref;
		counts->cur[counts->k++] = list[at].cur;
	}
	free(list);
}

/* Both sides are samples.  Two categories of which one is rare: exact. */
static struct stats_test
contingency(const struct drift_spec *spec, const struct drift_counts *counts)
{
	struct category_test test =
	    spec->test == DRIFT_G ? categories_g(counts->ref, counts->cur, counts->k)
				  : categories_chi2(counts->ref, counts->cur, counts->k, false);

	if (counts->k == 2 && test.expected_min < EXPECTED_MIN && test.test.status == STATS_OK) {
		struct stats_test fisher =
		    categories_fisher(nearbyint(counts->ref[0]), nearbyint(counts->ref[1]),
			nearbyint(counts->cur[0]), nearbyint(counts->cur[1]));

		if (fisher.status == STATS_OK)
			test.test.p = fisher.p;
	}
	return test.test;
}

/*
 * The distance from the reference's shares.  Unless the reference is to be taken as exact, what
 * chance makes of it is what it makes of two samples: one row of a category that the reference
 * happens to lack is infinitely far from it and still says nothing.
 */
static struct stats_test
fit(const struct drift_spec *spec, const struct drift_counts *counts)
{
	struct stats_test test = categories_fit(counts->ref, counts->cur, counts->k).test;

	if (test.status == STATS_OK && !isnan(spec->null_alpha))
		test.p = contingency(spec, counts).p;
	return test;
}

struct stats_test
drift_test_counts(const struct drift_spec *spec, struct drift_counts *counts)
{
	if (spec->form != DRIFT_SAMPLES || spec->bins.how != DRIFT_BINS_QUANTILES)
		merge_rare(counts);
	if (counts->k < 2)
		return stats_test_of(0.0, 1.0, 0.0, 0.0); /* nothing that could differ */
	return spec->test == DRIFT_CHI2_GOF ? fit(spec, counts) : contingency(spec, counts);
}

/* --- buckets ----------------------------------------------------------- */

struct stats_value
drift_buckets_wasserstein(
    const double *bounds, const double *ref, const double *cur, size_t k, bool normed)
{
	struct stats_value distance;
	double *centres, mean = 0.0, square = 0.0;

	if (bounds == NULL || k < 2)
		return stats_value_undefined(STATS_FEW);
	centres = xmalloc(k * sizeof(*centres));
	for (size_t i = 0; i < k; i++) {
		double low = i > 0 ? bounds[i - 1] : bounds[0] > 0 ? 0.0 : bounds[0];

		centres[i] = i + 1 == k ? bounds[k - 2] : 0.5 * (low + bounds[i]);
		mean += ref[i] * centres[i];
	}
	for (size_t i = 0; i < k; i++)
		square += ref[i] * (centres[i] - mean) * (centres[i] - mean);
	distance = wasserstein_histogram(centres, ref, cur, k);
	free(centres);
	if (!normed || distance.status != STATS_OK || distance.value == 0.0)
		return distance;
	if (!(square > 0.0))
		return stats_value_undefined(STATS_CONSTANT);
	return stats_value_of(distance.value / sqrt(square));
}
