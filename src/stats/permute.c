/* SPDX-License-Identifier: Apache-2.0 */
/* Dealing out the pooled points again and again. */
#include "config.h"

#include "stats/permute.h"

#include <math.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "stats/special.h"

/* Moments of the rounds, as they come (Welford). */
struct tally {
	uint32_t n, reached;
	double mean, squares;
};

static void
tally_add(struct tally *tally, double value, double observed)
{
	double gap = value - tally->mean;

	tally->n++;
	/* Equal up to rounding is equal: the same split gives the same value. */
	tally->reached += !(value < observed - 1e-12 * fabs(observed));
	if (!isfinite(value))
		return;
	tally->mean += gap / tally->n;
	tally->squares += gap * (value - tally->mean);
}

/* Tail of the gamma law with this mean and variance. */
static double
gamma_tail(const struct tally *tally, double observed)
{
	double var = tally->n > 1 ? tally->squares / (tally->n - 1) : 0.0;

	if (!(var > 0.0) || !(tally->mean > 0.0) || !isfinite(observed))
		return 1.0;
	return special_gamma_q(tally->mean * tally->mean / var, observed * tally->mean / var);
}

/* pooled: ascending. */
static double
deal(const double *pooled, size_t n, size_t m, double observed, permute_statistic_fn *statistic,
    void *arg, const struct permute_options *options, struct rng *rng)
{
	struct sample_set ref = { .v = xmalloc((n + 1) * sizeof(*ref.v)) };
	struct sample_set cur = { .v = xmalloc((m + 1) * sizeof(*cur.v)) };
	struct tally tally = { 0 };
	double p, tail;

	while (tally.n < options->rounds) {
		size_t left = m;

		ref.n = cur.n = 0;
		for (size_t i = 0; i < n + m; i++) {
			if (left > 0 && rng_below(rng, n + m - i) < left) {
				cur.v[cur.n++] = pooled[i];
				left--;
			} else {
				ref.v[ref.n++] = pooled[i];
			}
		}
		tally_add(&tally, statistic(&ref, &cur, arg), observed);
		if (options->stop > 0.0 &&
		    tally.reached + 1.0 > options->stop * (options->rounds + 1.0))
			break;
	}
	free(ref.v);
	free(cur.v);
	p = (tally.reached + 1.0) / (tally.n + 1.0);
	/* Ended early: the share so far may be small by luck, but not the final one. */
	if (tally.n < options->rounds)
		p = fmax(p, (tally.reached + 1.0) / (options->rounds + 1.0));
	tail = tally.reached == 0 ? gamma_tail(&tally, observed) : 1.0;
	return fmin(p, tail);
}

static double
scaled(double observed, double n, double m, double n_used, double m_used, double power)
{
	return observed * pow((1.0 / n_used + 1.0 / m_used) / (1.0 / n + 1.0 / m), power);
}

struct stats_value
permute_p(const struct sample_set *ref, const struct sample_set *cur, double observed,
    permute_statistic_fn *statistic, void *arg, const struct permute_options *options,
    struct rng *rng)
{
	size_t n = ref->n < PERMUTE_POINTS_MAX ? ref->n : PERMUTE_POINTS_MAX;
	size_t m = cur->n < PERMUTE_POINTS_MAX ? cur->n : PERMUTE_POINTS_MAX;
	size_t all = ref->n + cur->n, i = 0, j = 0, taken = 0;
	double *pooled, p;

	if (options->rounds == 0 || options->rounds > PERMUTE_ROUNDS_MAX)
		return stats_value_undefined(STATS_INVALID);
	if (n == 0 || m == 0)
		return stats_value_undefined(STATS_FEW);
	pooled = xmalloc((n + m) * sizeof(*pooled));
	for (size_t at = 0; at < all; at++) {
		double x = j >= cur->n || (i < ref->n && ref->v[i] <= cur->v[j]) ? ref->v[i++]
										 : cur->v[j++];

		/* The points in the middle of n + m equal parts of the order. */
		if (taken < n + m &&
		    (double)at + 1.0 > ((double)taken + 0.5) * (double)all / (double)(n + m))
			pooled[taken++] = x;
	}
	while (taken < n + m) {
		pooled[taken] = pooled[taken - 1];
		taken++;
	}
	p = deal(pooled, n, m,
	    scaled(observed, (double)ref->n, (double)cur->n, (double)n, (double)m, options->power),
	    statistic, arg, options, rng);
	free(pooled);
	return stats_value_of(p);
}

struct stats_value
permute_counts_p(const double *ref, const double *cur, size_t k, double observed,
    permute_statistic_fn *statistic, void *arg, const struct permute_options *options,
    struct rng *rng)
{
	double n_all = stats_sum(ref, k), m_all = stats_sum(cur, k), before = 0.0, p;
	double *pooled;
	size_t n, m, taken = 0;

	if (options->rounds == 0 || options->rounds > PERMUTE_ROUNDS_MAX)
		return stats_value_undefined(STATS_INVALID);
	if (!(n_all >= 0.5 && m_all >= 0.5) || !isfinite(n_all + m_all))
		return stats_value_undefined(STATS_FEW);
	n = (size_t)nearbyint(fmin(n_all, PERMUTE_POINTS_MAX));
	m = (size_t)nearbyint(fmin(m_all, PERMUTE_POINTS_MAX));
	n += n == 0;
	m += m == 0;
	pooled = xmalloc((n + m) * sizeof(*pooled));
	for (size_t i = 0; i < k && taken < n + m; i++) {
		before += ref[i] + cur[i];
		while (taken < n + m &&
		       ((double)taken + 0.5) * (n_all + m_all) / (double)(n + m) < before)
			pooled[taken++] = (double)i;
	}
	while (taken < n + m)
		pooled[taken++] = (double)(k - 1);
	p = deal(pooled, n, m, scaled(observed, n_all, m_all, (double)n, (double)m, options->power),
	    statistic, arg, options, rng);
	free(pooled);
	return stats_value_of(p);
}
