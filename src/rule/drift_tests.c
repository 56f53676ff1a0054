/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tests and distances of `drift:` by name: what each takes, what it is
 * computed by, and which threshold it has when a rule gives none.
 *
 * drift_compare.c asks; the arithmetic itself is in stats/.
 */
#include "config.h"

#include "rule/drift_tests.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "base/xalloc.h"
#include "stats/distance.h"
#include "stats/kernels.h"
#include "stats/ks.h"
#include "stats/location.h"
#include "stats/mmd.h"
#include "stats/permute.h"
#include "stats/rank.h"
#include "stats/wasserstein.h"

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

enum stats_status
drift_bin_values(const struct drift_spec *spec, const struct sample_set *ref,
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
	rng_init(&rng, DRIFT_SEED);
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

	rng_init(&rng, DRIFT_SEED);
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

const struct drift_facts drift_facts[] = {
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
static_assert(ARRAY_LEN(drift_facts) == DRIFT_TEST_COUNT, "facts of every test");

bool
drift_test_takes(enum drift_test test, enum drift_form form, bool categories)
{
	switch (form) {
	case DRIFT_SAMPLES:
		return drift_facts[test].flags & (categories ? TAKES_NAMES : TAKES_VALUES);
	case DRIFT_COUNTS:
		return drift_facts[test].flags & TAKES_NAMES;
	case DRIFT_BUCKETS:
		return drift_facts[test].flags & TAKES_BUCKETS;
	case DRIFT_FORM_COUNT:
		break;
	}
	return false;
}

bool
drift_test_has_side(enum drift_test test)
{
	return drift_facts[test].flags & HAS_SIDE;
}

bool
drift_test_has_bins(enum drift_test test)
{
	return drift_facts[test].flags & HAS_BINS;
}

double
drift_default_value(enum drift_test test)
{
	return drift_facts[test].value;
}
