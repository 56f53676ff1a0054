/* SPDX-License-Identifier: Apache-2.0 */
/* Mann-Whitney U: the statistic, its exact and its normal law. */
#include "config.h"

#include <math.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "stats/dist.h"
#include "stats/rank.h"
#include "stats/rank_internal.h"

/*
 * P(U >= u) by the last point of the pooled order: it is a reference point,
 * above all m current ones, with probability n/(n+m) (Mann and Whitney 1947).
 * Sums of positive shares only, so that small results keep their digits.
 */
static double
exact_upper(size_t n, size_t m, size_t u)
{
	size_t cells = n * m + 1;
	double *share = xcalloc((n + 1) * cells, sizeof(*share)), sum = 0.0;

	/* share[i][k]: P(U = k) for i reference and j current points */
	for (size_t i = 0; i <= n; i++)
		share[i * cells] = 1.0;
	for (size_t j = 1; j <= m; j++)
		for (size_t i = 1; i <= n; i++) {
			double up = (double)i / (double)(i + j);
			double *at = share + i * cells;

			for (size_t k = i * j + 1; k-- > 0;)
				at[k] =
				    (1.0 - up) * at[k] + (k >= j ? up * at[k - j - cells] : 0.0);
		}
	for (size_t k = cells; k-- > u;)
		sum += share[n * cells + k];
	free(share);
	return sum;
}

static double
exact_p(size_t n, size_t m, double u, enum stats_side side)
{
	double product = (double)n * (double)m;
	double larger = side == STATS_CURRENT_HIGHER  ? product - u
			: side == STATS_CURRENT_LOWER ? u
						      : fmax(u, product - u);
	double p = exact_upper(n, m, (size_t)ceil(larger));

	return side == STATS_TWO_SIDED ? fmin(1.0, 2.0 * p) : p;
}

static double
normal_p(double n, double m, double u, double tie_term, enum stats_side side)
{
	double total = n + m, mean = 0.5 * n * m;
	double sd = sqrt(n * m / 12.0 * ((total + 1.0) - tie_term / (total * (total - 1.0))));
	double larger = side == STATS_CURRENT_HIGHER  ? n * m - u
			: side == STATS_CURRENT_LOWER ? u
						      : fmax(u, n * m - u);
	double p;

	if (!(sd > 0.0))
		return 1.0;
	p = dist_normal_sf((larger - mean - 0.5) / sd);
	return side == STATS_TWO_SIDED ? fmin(1.0, 2.0 * p) : p;
}

struct stats_test
rank_mann_whitney(const struct sample_set *ref, const struct sample_set *cur, enum rank_law law,
    enum stats_side side)
{
	struct rank_group group = { 0 };
	double n = (double)ref->n, m = (double)cur->n, u = 0.0, tie_term = 0.0, p;
	size_t larger = ref->n > cur->n ? ref->n : cur->n;

	if ((unsigned)law >= RANK_LAW_COUNT || (unsigned)side >= STATS_SIDE_COUNT)
		return stats_test_undefined(STATS_INVALID);
	if (ref->n == 0 || cur->n == 0)
		return stats_test_undefined(STATS_FEW);
	if (law == RANK_EXACT && larger > RANK_MW_EXACT_MAX)
		return stats_test_undefined(STATS_LIMIT);
	while (rank_group_next(ref, cur, &group)) {
		double size = (double)(group.ref + group.cur);

		u += (double)group.ref * ((double)group.cur_before + 0.5 * (double)group.cur);
		tie_term += size * (size * size - 1.0);
	}
	if (law == RANK_AUTO)
		law = larger <= RANK_MW_AUTO_MAX && tie_term == 0.0 ? RANK_EXACT : RANK_LIMIT;
	p = law == RANK_EXACT ? exact_p(ref->n, cur->n, u, side)
			      : normal_p(n, m, u, tie_term, side);
	return stats_test_of(u, p, STATS_NAN, 1.0 - u / (n * m));
}
