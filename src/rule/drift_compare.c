/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One feature: from two sides to a statistic, an effect and a p-value.
 *
 * Every random choice (permutations, thinning for MMD) starts from a fixed
 * seed: the same data give the same answer, on any machine.
 */
#include "config.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "rule/drift.h"
#include "rule/drift_counts.h"
#include "stats/categories.h"
#include "stats/distance.h"
#include "stats/kernels.h"
#include "stats/ks.h"
#include "stats/location.h"
#include "stats/mmd.h"
#include "stats/permute.h"
#include "stats/rank.h"
#include "stats/wasserstein.h"

#define SEED UINT64_C(0x746f6373696e)
/* Below this many points a side the law of Epps and Singleton is too generous. */
#define EPPS_LAW_POINTS 1000u

enum {
	TAKES_VALUES = 1,
	TAKES_NAMES = 2,
	TAKES_BUCKETS = 4,
	HAS_SIDE = 8,
	HAS_BINS = 16
};

const char *const drift_test_names[] = { "ks", "chi2", "chi2_gof", "g", "cvm", "ad", "mann_whitney",
	"welch", "epps_singleton", "mmd", "psi", "js", "kl", "hellinger", "tv", "l_infinity",
	"wasserstein", "wasserstein_normed", "energy", NULL };
static_assert(ARRAY_LEN(drift_test_names) == DRIFT_TEST_COUNT + 1, "a name for every test");

/* --- bins -------------------------------------------------------------- */

#define EXPECTED_MIN 5.0 /* Cochran 1954 */

/*
 * A test of counts over quantiles of the reference: as many as leave every bin
 * enough points.  To merge rare ones afterwards would choose them by what is
 * tested: all reference counts are alike.
 */
static size_t
quantiles_for(
    const struct drift_spec *spec, const struct sample_set *ref, const struct sample_set *cur)
{
	double points = fmin((double)ref->n, (double)cur->n);
	double k = spec->bins.quantiles;

	return drift_is_distance(spec->test) ? (size_t)k
					     : (size_t)fmax(2.0, fmin(k, points / EXPECTED_MIN));
}

static enum stats_status
bin_values(const struct drift_spec *spec, const struct sample_set *ref,
    const struct sample_set *cur, struct bins *bins)
{
	const struct drift_bins *how = &spec->bins;

	switch (how->how) {
	case DRIFT_BINS_QUANTILES:
		return bins_by_quantiles(bins, ref, cur, quantiles_for(spec, ref, cur));
	case DRIFT_BINS_EDGES:
		return bins_by_edges(bins, ref, cur, how->edges, how->n_edges);
	case DRIFT_BINS_STURGES:
		return spec->test == DRIFT_HELLINGER ? bins_by_sturges_distinct(bins, ref, cur)
						     : bins_by_sturges(bins, ref, cur);
	case DRIFT_BINS_DISTINCT:
		return bins_by_distinct(bins, ref, cur);
	}
	return STATS_INVALID;
}

static struct stats_value
psi(const struct drift_spec *spec, struct bins *bins)
{
	return distance_psi(bins->ref, bins->cur, bins->k, spec->epsilon);
}

static struct stats_value
js(const struct drift_spec *spec, struct bins *bins)
{
	return distance_js(bins->ref, bins->cur, bins->k, spec->log_base);
}

static double
log_of(const struct drift_spec *spec)
{
	return spec->log_base > 0 ? log(spec->log_base) : 1.0;
}

/* An empty bin would make it infinite: raised as with PSI. */
static struct stats_value
kl(const struct drift_spec *spec, struct bins *bins)
{
	struct stats_value value;

	distance_fill(bins->ref, bins->k, DISTANCE_FILL_EPSILON, spec->epsilon);
	distance_fill(bins->cur, bins->k, DISTANCE_FILL_EPSILON, spec->epsilon);
	value = distance_kl(bins->cur, bins->ref, bins->k);
	value.value /= log_of(spec);
	return value;
}

static struct stats_value
hellinger(const struct drift_spec *spec UNUSED, struct bins *bins)
{
	return distance_hellinger(bins->ref, bins->cur, bins->k);
}

static struct stats_value
total_variation(const struct drift_spec *spec UNUSED, struct bins *bins)
{
	return distance_total_variation(bins->ref, bins->cur, bins->k);
}

static struct stats_value
l_infinity(const struct drift_spec *spec UNUSED, struct bins *bins)
{
	return distance_l_infinity(bins->ref, bins->cur, bins->k);
}

/* Each as the PSI that it is near where both are small. */
static double
psi_of_psi(const struct drift_spec *spec UNUSED, double distance)
{
	return distance;
}

static double
psi_of_kl(const struct drift_spec *spec, double distance)
{
	return 2.0 * distance * log_of(spec);
}

static double
psi_of_js(const struct drift_spec *spec, double distance)
{
	return 8.0 * distance * distance * log_of(spec);
}

static double
psi_of_hellinger(const struct drift_spec *spec UNUSED, double distance)
{
	return 8.0 * distance * distance;
}

/* --- values ------------------------------------------------------------ */

static struct stats_value
normed(const struct sample_set *ref, const struct sample_set *cur)
{
	return wasserstein_normed(ref, cur, 0.0);
}

static double
epps_statistic(const struct sample_set *ref, const struct sample_set *cur, void *arg UNUSED)
{
	return kernels_epps_singleton(ref, cur).statistic;
}

static struct stats_test
epps_singleton(const struct drift_spec *spec, const struct drift_pair *pair)
{
	static const struct permute_options options = { .rounds = DRIFT_ROUNDS };
	struct stats_test test = kernels_epps_singleton(&pair->ref, &pair->cur);
	struct permute_options used = options;
	struct rng rng;

	if (test.status != STATS_OK || test.p > spec->level ||
	    fmin((double)pair->ref.n, (double)pair->cur.n) >= EPPS_LAW_POINTS)
		return test;
	rng_init(&rng, SEED);
	used.stop = spec->level;
	test.p = fmax(test.p,
	    permute_p(&pair->ref, &pair->cur, test.statistic, epps_statistic, NULL, &used, &rng)
		.value);
	return test;
}

/* At most DRIFT_MMD_POINTS of them, drawn without return; malloc'ed. */
static double *
draw(const struct sample_set *sample, struct rng *rng, size_t *ret_n)
{
	size_t n = sample->n < DRIFT_MMD_POINTS ? sample->n : DRIFT_MMD_POINTS, left = n;
	double *x = xmalloc((n + 1) * sizeof(*x));

	*ret_n = 0;
	for (size_t i = 0; i < sample->n && left > 0; i++) {
		if (rng_below(rng, sample->n - i) < left) {
			x[(*ret_n)++] = sample->v[i];
			left--;
		}
	}
	return x;
}

static struct stats_test
mmd(const struct drift_spec *spec UNUSED, const struct drift_pair *pair)
{
	struct rng rng;
	size_t n, m;
	double *x, *y;
	struct stats_value sigma;
	struct stats_test test;

	rng_init(&rng, SEED);
	x = draw(&pair->ref, &rng, &n);
	y = draw(&pair->cur, &rng, &m);
	sigma = mmd_sigma((struct mmd_rows){ x, n }, 1, MMD_SIGMA_ALIBI);
	test = sigma.status == STATS_OK
		   ? mmd_test((struct mmd_rows){ x, n }, (struct mmd_rows){ y, m }, 1, sigma.value,
			 DRIFT_ROUNDS, &rng)
		   : stats_test_undefined(sigma.status);
	free(x);
	free(y);
	return test;
}

static struct stats_test
ks(const struct drift_spec *spec, const struct drift_pair *pair)
{
	return ks_test(&pair->ref, &pair->cur, KS_AUTO, spec->side);
}

static struct stats_test
cvm(const struct drift_spec *spec UNUSED, const struct drift_pair *pair)
{
	return rank_cvm(&pair->ref, &pair->cur, RANK_AUTO);
}

static struct stats_test
anderson(const struct drift_spec *spec UNUSED, const struct drift_pair *pair)
{
	return rank_anderson(&pair->ref, &pair->cur, true);
}

static struct stats_test
mann_whitney(const struct drift_spec *spec, const struct drift_pair *pair)
{
	return rank_mann_whitney(&pair->ref, &pair->cur, RANK_AUTO, spec->side);
}

static struct stats_test
welch(const struct drift_spec *spec, const struct drift_pair *pair)
{
	return location_welch(&pair->ref, &pair->cur, spec->side);
}

/* --- what each test is --------------------------------------------------- */

#define BINNED (TAKES_VALUES | TAKES_NAMES | TAKES_BUCKETS | HAS_BINS)

static const struct {
	unsigned flags;
	double value; /* default threshold of a distance */
	double power; /* permute.h */
	/* One of these; none: a test of counts, drift_test_counts(). */
	struct stats_test (*test)(const struct drift_spec *, const struct drift_pair *);
	struct stats_value (*binned)(const struct drift_spec *, struct bins *);
	struct stats_value (*plain)(const struct sample_set *, const struct sample_set *);
	double (*as_psi)(const struct drift_spec *, double); /* NULL: no law */
} facts[] = {
	[DRIFT_KS] = { .flags = TAKES_VALUES | TAKES_BUCKETS | HAS_SIDE, .test = ks },
	[DRIFT_CHI2] = { .flags = BINNED },
	[DRIFT_CHI2_GOF] = { .flags = BINNED },
	[DRIFT_G] = { .flags = BINNED },
	[DRIFT_CVM] = { .flags = TAKES_VALUES, .test = cvm },
	[DRIFT_AD] = { .flags = TAKES_VALUES, .test = anderson },
	[DRIFT_MANN_WHITNEY] = { .flags = TAKES_VALUES | HAS_SIDE, .test = mann_whitney },
	[DRIFT_WELCH] = { .flags = TAKES_VALUES | HAS_SIDE, .test = welch },
	[DRIFT_EPPS_SINGLETON] = { .flags = TAKES_VALUES, .test = epps_singleton },
	[DRIFT_MMD] = { .flags = TAKES_VALUES, .test = mmd },
	[DRIFT_PSI] = { BINNED, 0.2, 1, .binned = psi, .as_psi = psi_of_psi },
	[DRIFT_JS] = { BINNED, 0.1, 0.5, .binned = js, .as_psi = psi_of_js },
	[DRIFT_KL] = { BINNED, 0.1, 1, .binned = kl, .as_psi = psi_of_kl },
	[DRIFT_HELLINGER] = { BINNED, 0.1, 0.5, .binned = hellinger, .as_psi = psi_of_hellinger },
	[DRIFT_TV] = { BINNED, 0.1, 0.5, .binned = total_variation },
	[DRIFT_L_INFINITY] = { BINNED, 0.1, 0.5, .binned = l_infinity },
	[DRIFT_WASSERSTEIN] = { TAKES_VALUES | TAKES_BUCKETS, (double)NAN, 0.5,
	    .plain = wasserstein_distance },
	[DRIFT_WASSERSTEIN_NORMED] = { TAKES_VALUES | TAKES_BUCKETS, 0.1, 0.5, .plain = normed },
	[DRIFT_ENERGY] = { TAKES_VALUES, (double)NAN, 0.5, .plain = wasserstein_energy },
};
static_assert(ARRAY_LEN(facts) == DRIFT_TEST_COUNT, "facts of every test");

bool
drift_test_takes(enum drift_test test, enum drift_form form, bool categories)
{
	switch (form) {
	case DRIFT_SAMPLES:
		return facts[test].flags & (categories ? TAKES_NAMES : TAKES_VALUES);
	case DRIFT_COUNTS:
		return facts[test].flags & TAKES_NAMES;
	case DRIFT_BUCKETS:
		return facts[test].flags & TAKES_BUCKETS;
	case DRIFT_FORM_COUNT:
		break;
	}
	return false;
}

bool
drift_test_has_side(enum drift_test test)
{
	return facts[test].flags & HAS_SIDE;
}

bool
drift_test_has_bins(enum drift_test test)
{
	return facts[test].flags & HAS_BINS;
}

double
drift_default_value(enum drift_test test)
{
	return facts[test].value;
}

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
	if (facts[spec->test].as_psi == NULL || least < DRIFT_LAW_EXPECTED || bins->k < 2)
		return STATS_NAN;
	return drift_chi2_p(facts[spec->test].as_psi(spec, distance) / size, bins->k - 1);
}

/* permute_statistic_fn on values */
static double
permuted_values(const struct sample_set *ref, const struct sample_set *cur, void *arg)
{
	const struct drift_spec *spec = arg;
	struct stats_value value;
	struct bins bins;

	if (!drift_test_has_bins(spec->test))
		return facts[spec->test].plain(ref, cur).value;
	value.status = bin_values(spec, ref, cur, &bins);
	if (value.status != STATS_OK)
		return STATS_NAN;
	value = facts[spec->test].binned(spec, &bins);
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
	return facts[p->spec->test].binned(p->spec, &bins).value;
}

static struct permute_options
permute_options(const struct drift_spec *spec)
{
	return (struct permute_options){
		.rounds = DRIFT_ROUNDS, .power = facts[spec->test].power, .stop = spec->null_alpha
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
	    drift_test_has_bins(spec->test) ? facts[spec->test].binned(spec, &bins)
					    : drift_buckets_wasserstein(bounds, bins.ref, bins.cur,
						  bins.k, spec->test == DRIFT_WASSERSTEIN_NORMED),
	    ret);
	if (ret->reason == NULL && asks_chance(spec, ret)) {
		ret->p = law_p(spec, &bins, ret->statistic);
		if (isnan(ret->p)) {
			rng_init(&rng, SEED);
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
		enum stats_status status = bin_values(spec, &pair->ref, &pair->cur, &bins);

		distance = status == STATS_OK ? facts[spec->test].binned(spec, &bins)
					      : stats_value_undefined(status);
	} else {
		distance = facts[spec->test].plain(&pair->ref, &pair->cur);
	}
	set_distance(spec, distance, ret);
	if (ret->reason == NULL && asks_chance(spec, ret)) {
		if (bins.k > 0)
			ret->p = law_p(spec, &bins, ret->statistic);
		if (isnan(ret->p)) {
			rng_init(&rng, SEED);
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
has_enough(const struct drift_spec *spec, struct drift_result *ret)
{
	if (ret->n_ref <= 0)
		ret->reason = "no reference";
	else if (ret->n_cur <= 0)
		ret->reason = "no current data";
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
	if (!has_enough(spec, ret)) {
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
	struct bins bins;
	enum stats_status status = bin_values(spec, &pair->ref, &pair->cur, &bins);

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
	ret->n_ref = (double)pair->ref.n + (spec->own_bin ? pair->ref_nulls : 0.0);
	ret->n_cur = (double)pair->cur.n + (spec->own_bin ? pair->cur_nulls : 0.0);
	if (!has_enough(spec, ret))
		return;
	if (pair->ref.n == 0 || pair->cur.n == 0) {
		ret->reason = "nothing but missing values";
		return;
	}
	if (counted)
		compare_binned(spec, pair, ret);
	else if (drift_is_distance(spec->test))
		distance_of_values(spec, pair, ret);
	else
		set_test(spec, facts[spec->test].test(spec, pair), ret);
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
