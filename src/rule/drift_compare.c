/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One feature: from two sides to a statistic, an effect and a p-value.
 *
 * Every random choice (permutations, thinning for MMD) starts from a fixed
 * seed: the same data give the same answer, on any machine.
 */
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/xalloc.h"
#include "rule/drift.h"
#include "rule/drift_counts.h"
#include "rule/drift_points.h"
#include "rule/drift_tests.h"
#include "stats/ks.h"
#include "stats/permute.h"

/* --- distances --------------------------------------------------------- */

/*
 * What chance alone would exceed with the p that is returned, where the limit
 * law is good: PSI ~ (1/n + 1/m) chi2, and the others as multiples of it.
 * NaN: it is not.
 */
static double
law_p(const struct drift_spec *spec, const struct bins *bins, double distance)
{
	double size = 1.0 / bins->n_ref + 1.0 / bins->n_cur, least = STATS_INFINITY;
	double smaller = fmin(bins->n_ref, bins->n_cur);

	for (size_t i = 0; i < bins->k; i++) {
		double share = (bins->ref[i] * bins->n_ref + bins->cur[i] * bins->n_cur) /
			       (bins->n_ref + bins->n_cur);

		least = fmin(least, share * smaller);
	}
	if (drift_facts[spec->test].as_psi == NULL || least < DRIFT_LAW_EXPECTED || bins->k < 2)
		return STATS_NAN;
	return drift_chi2_p(drift_facts[spec->test].as_psi(spec, distance) / size, bins->k - 1);
}

/* permute_statistic_fn on values */
static double
permuted_values(const struct sample_set *ref, const struct sample_set *cur, void *arg)
{
	const struct drift_spec *spec = arg;
	struct stats_value value;
	struct bins bins;

	if (!drift_test_has_bins(spec->test))
		return drift_facts[spec->test].plain(ref, cur).value;
	value.status = drift_bin_values(spec, ref, cur, &bins);
	if (value.status != STATS_OK)
		return STATS_NAN;
	value = drift_facts[spec->test].binned(spec, &bins);
	bins_fini(&bins);
	return value.value;
}

/* permute_statistic_fn on category numbers */
struct permuted_counts {
	const struct drift_spec *spec;
	const double *bounds; /* Wasserstein of buckets */
	size_t k;
	double *ref, *cur;
};

static double
permuted_counts(const struct sample_set *ref, const struct sample_set *cur, void *arg)
{
	struct permuted_counts *p = arg;
	struct bins bins = { .k = p->k, .ref = p->ref, .cur = p->cur };

	memset(p->ref, 0, p->k * sizeof(*p->ref));
	memset(p->cur, 0, p->k * sizeof(*p->cur));
	for (size_t i = 0; i < ref->n; i++)
		p->ref[(size_t)ref->v[i]] += 1.0 / (double)ref->n;
	for (size_t i = 0; i < cur->n; i++)
		p->cur[(size_t)cur->v[i]] += 1.0 / (double)cur->n;
	if (!drift_test_has_bins(p->spec->test))
		return drift_buckets_wasserstein(
		    p->bounds, p->ref, p->cur, p->k, p->spec->test == DRIFT_WASSERSTEIN_NORMED)
		    .value;
	return drift_facts[p->spec->test].binned(p->spec, &bins).value;
}

static struct permute_options
permute_options(const struct drift_spec *spec)
{
	return (struct permute_options){
		.rounds = DRIFT_ROUNDS,
		.power = drift_facts[spec->test].power,
		.stop = spec->null_alpha,
	};
}

/* Is it worth asking what chance makes of it? */
static bool
asks_chance(const struct drift_spec *spec, const struct drift_result *ret)
{
	return ret->reaches && !isnan(spec->null_alpha);
}

static void
set_distance(const struct drift_spec *spec, struct stats_value distance, struct drift_result *ret)
{
	if (distance.status != STATS_OK) {
		ret->reason = drift_reason(distance.status);
		return;
	}
	ret->statistic = ret->effect = distance.value;
	ret->reaches = distance.value >= spec->level;
}

static void
distance_of_counts(const struct drift_spec *spec, const struct drift_counts *counts,
    const double *bounds, struct drift_result *ret)
{
	struct permute_options options = permute_options(spec);
	struct permuted_counts arg = { spec, bounds, counts->k, NULL, NULL };
	struct bins bins;
	enum stats_status status = bins_from_counts(&bins, counts->ref, counts->cur, counts->k);
	struct rng rng;

	if (status != STATS_OK) {
		ret->reason = drift_reason(status);
		return;
	}
	set_distance(spec,
	    drift_test_has_bins(spec->test) ? drift_facts[spec->test].binned(spec, &bins)
					    : drift_buckets_wasserstein(bounds, bins.ref, bins.cur,
						  bins.k, spec->test == DRIFT_WASSERSTEIN_NORMED),
	    ret);
	if (ret->reason == NULL && asks_chance(spec, ret)) {
		ret->p = law_p(spec, &bins, ret->statistic);
		if (isnan(ret->p)) {
			rng_init(&rng, DRIFT_SEED);
			arg.ref = xcalloc(bins.k, sizeof(double));
			arg.cur = xcalloc(bins.k, sizeof(double));
			ret->p = permute_counts_p(counts->ref, counts->cur, counts->k,
			    ret->statistic, permuted_counts, &arg, &options, &rng)
				     .value;
			free(arg.ref);
			free(arg.cur);
		}
	}
	bins_fini(&bins);
}

static void
distance_of_values(
    const struct drift_spec *spec, const struct drift_pair *pair, struct drift_result *ret)
{
	struct permute_options options = permute_options(spec);
	struct bins bins = { 0 };
	struct stats_value distance;
	struct drift_spec copy = *spec;
	struct rng rng;

	if (drift_test_has_bins(spec->test)) {
		enum stats_status status = drift_bin_values(spec, &pair->ref, &pair->cur, &bins);

		distance = status == STATS_OK ? drift_facts[spec->test].binned(spec, &bins)
					      : stats_value_undefined(status);
	} else {
		distance = drift_facts[spec->test].plain(&pair->ref, &pair->cur);
	}
	set_distance(spec, distance, ret);
	if (ret->reason == NULL && asks_chance(spec, ret)) {
		if (bins.k > 0)
			ret->p = law_p(spec, &bins, ret->statistic);
		if (isnan(ret->p)) {
			rng_init(&rng, DRIFT_SEED);
			ret->p = permute_p(&pair->ref, &pair->cur, ret->statistic, permuted_values,
			    &copy, &options, &rng)
				     .value;
		}
	}
	bins_fini(&bins);
}

/* --- both -------------------------------------------------------------- */

static void
set_test(const struct drift_spec *spec, struct stats_test test, struct drift_result *ret)
{
	double size;

	if (test.status != STATS_OK) {
		ret->reason = drift_reason(test.status);
		return;
	}
	ret->statistic = test.statistic;
	ret->effect = test.effect;
	ret->p = test.p;
	/* AUC: half is no effect. */
	size = spec->test == DRIFT_MANN_WHITNEY ? fabs(test.effect - 0.5) : fabs(test.effect);
	ret->reaches = isnan(spec->min_effect) || size >= spec->min_effect;
}

static bool
has_enough(const struct drift_spec *spec, const struct drift_pair *pair, struct drift_result *ret)
{
	if (ret->n_ref <= 0)
		ret->reason =
		    pair->ref_nulls > 0 ? "reference has only missing values" : "no reference";
	else if (ret->n_cur <= 0)
		ret->reason = pair->cur_nulls > 0 ? "current has only missing values; nulls: "
						    "own_bin makes that drift"
						  : "no current data";
	else if (ret->n_ref < spec->min_reference)
		ret->reason = "reference smaller than min_samples";
	else if (ret->n_cur < spec->min_current)
		ret->reason = "current smaller than min_samples";
	return ret->reason == NULL;
}

static void
compare_counts(
    const struct drift_spec *spec, const struct drift_pair *pair, struct drift_result *ret)
{
	struct drift_counts counts;

	if (!drift_counts_of(spec, pair, &counts)) {
		ret->reason = "cumulative counts are no histogram";
		return;
	}
	ret->n_ref = stats_sum(counts.ref, counts.k);
	ret->n_cur = stats_sum(counts.cur, counts.k);
	if (!has_enough(spec, pair, ret)) {
		/* said */
	} else if (drift_is_distance(spec->test)) {
		distance_of_counts(spec, &counts, pair->bounds, ret);
	} else if (spec->test == DRIFT_KS) {
		set_test(spec, ks_test_buckets(pair->ref_counts, pair->cur_counts, pair->k), ret);
	} else {
		set_test(spec, drift_test_counts(spec, &counts), ret);
	}
	drift_counts_fini(&counts);
}

/* Numbers whose test is one of counts, or whose missing values are a bin. */
static void
compare_binned(
    const struct drift_spec *spec, const struct drift_pair *pair, struct drift_result *ret)
{
	struct drift_counts counts;
	struct bins bins = { .k = 1, .n_ref = (double)pair->ref.n, .n_cur = (double)pair->cur.n };
	enum stats_status status = STATS_OK;

	/* One side has nothing but missing values: those, and all others together. */
	if (pair->ref.n == 0 || pair->cur.n == 0) {
		bins.ref = xcalloc(1, sizeof(double));
		bins.cur = xcalloc(1, sizeof(double));
		bins.ref[0] = bins.cur[0] = 1.0;
	} else {
		status = drift_bin_values(spec, &pair->ref, &pair->cur, &bins);
	}
	if (status != STATS_OK) {
		ret->reason = drift_reason(status);
		return;
	}
	drift_counts_from_bins(spec, pair, &bins, &counts);
	if (drift_is_distance(spec->test))
		distance_of_counts(spec, &counts, NULL, ret);
	else
		set_test(spec, drift_test_counts(spec, &counts), ret);
	drift_counts_fini(&counts);
	bins_fini(&bins);
}

void
drift_compare(
    const struct drift_spec *spec, const struct drift_pair *pair, struct drift_result *ret)
{
	bool counted =
	    drift_test_has_bins(spec->test) && (spec->own_bin || !drift_is_distance(spec->test));

	*ret = (struct drift_result){ .statistic = STATS_NAN,
		.effect = STATS_NAN,
		.p = STATS_NAN,
		.p_adjusted = STATS_NAN,
		.baseline = STATS_NAN };
	if (spec->form != DRIFT_SAMPLES || spec->categories) {
		compare_counts(spec, pair, ret);
		return;
	}
	if (spec->n_columns > 0) {
		ret->n_ref = pair->ref_rows;
		ret->n_cur = pair->cur_rows;
		if (pair->cur_rows <= 0 && pair->cur_nulls > 0)
			ret->reason = "no current row has all columns";
		else if (has_enough(spec, pair, ret))
			set_test(spec, drift_test_points(spec, pair), ret);
		return;
	}
	ret->n_ref = (double)pair->ref.n + (spec->own_bin ? pair->ref_nulls : 0.0);
	ret->n_cur = (double)pair->cur.n + (spec->own_bin ? pair->cur_nulls : 0.0);
	if (!has_enough(spec, pair, ret))
		return;
	if (counted)
		compare_binned(spec, pair, ret);
	else if (drift_is_distance(spec->test))
		distance_of_values(spec, pair, ret);
	else
		set_test(spec, drift_facts[spec->test].test(spec, pair), ret);
	if (spec->test == DRIFT_WELCH && ret->reason == NULL)
		ret->baseline = sample_moments(pair->ref.v, pair->ref.n).mean;
}

void
drift_decide(const struct drift_spec *spec, enum multiple_method correct,
    struct drift_result *results, size_t n)
{
	bool distance = drift_is_distance(spec->test);
	double level = distance ? spec->null_alpha : spec->level;
	double *p = xmalloc((n + 1) * sizeof(*p));

	/* A distance that stays below its threshold was not asked for its p; it counts as a
	 * test all the same, one without a finding. */
	for (size_t i = 0; i < n; i++)
		p[i] = results[i].reason != NULL ? STATS_NAN
		       : isnan(results[i].p)     ? 1.0
						 : results[i].p;
	(void)!multiple_adjust(correct, p, n, p);
	for (size_t i = 0; i < n; i++) {
		struct drift_result *r = &results[i];

		if (r->reason != NULL)
			continue;
		if (!isnan(r->p))
			r->p_adjusted = p[i];
		r->drifted = r->reaches && (distance && isnan(level) ? true : p[i] <= level);
	}
	free(p);
}
