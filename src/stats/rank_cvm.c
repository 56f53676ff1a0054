/* SPDX-License-Identifier: Apache-2.0 */
/* Cramer-von Mises: the statistic, its exact law for small samples, its limit. */
#include "config.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "stats/quadform.h"
#include "stats/rank.h"
#include "stats/rank_internal.h"
#include "stats/special.h"

/* sum over a group of (midrank - i)^2 for i = first .. first+count-1, times 4 */
static long double
squares(size_t first, size_t count, size_t rank_twice)
{
	long double sum = 0.0L;

	for (size_t i = first; i < first + count; i++) {
		long double gap = (long double)rank_twice - 2.0L * (long double)i;

		sum += gap * gap;
	}
	return sum;
}

/* U of the definition */
static long double
cvm_u(const struct sample_set *ref, const struct sample_set *cur)
{
	struct rank_group group = { 0 };
	long double own = 0.0L, other = 0.0L;

	while (rank_group_next(ref, cur, &group)) {
		size_t below = group.ref_before + group.cur_before;
		size_t twice = 2 * below + group.ref + group.cur + 1;

		own += squares(group.ref_before + 1, group.ref, twice);
		other += squares(group.cur_before + 1, group.cur, twice);
	}
	return ((long double)ref->n * own + (long double)cur->n * other) / 4.0L;
}

/* How many paths have which sum, ascending by sum. */
struct table {
	int64_t *sum;
	double *count;
	size_t n;
};

static void
table_free(struct table *table)
{
	free(table->sum);
	free(table->count);
	*table = (struct table){ 0 };
}

/* a + b, each sum raised by step; sums of limit and more go to *over. */
static struct table
table_merge(const struct table *a, const struct table *b, int64_t step, int64_t limit, double *over)
{
	struct table out = { 0 };
	size_t i = 0, j = 0;

	out.sum = xmalloc((a->n + b->n) * sizeof(*out.sum));
	out.count = xmalloc((a->n + b->n) * sizeof(*out.count));
	*over = 0.0;
	while (i < a->n || j < b->n) {
		int64_t sum;
		double count = 0.0;

		sum = j >= b->n || (i < a->n && a->sum[i] <= b->sum[j]) ? a->sum[i] : b->sum[j];
		if (i < a->n && a->sum[i] == sum)
			count += a->count[i++];
		if (j < b->n && b->sum[j] == sum)
			count += b->count[j++];
		if (sum + step >= limit) {
			*over += count;
			continue;
		}
		out.sum[out.n] = sum + step;
		out.count[out.n++] = count;
	}
	return out;
}

static size_t
gcd(size_t a, size_t b)
{
	while (b != 0) {
		size_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/*
 * Share of the lattice paths from (0,0) to (n,m) with sum of (a u - b v)^2
 * over the visited points at least zeta; a = lcm/n, b = lcm/m.  The sum only
 * grows, so a path beyond zeta is counted at once, with all its ways home.
 */
static double
exact_share(size_t n, size_t m, int64_t zeta)
{
	size_t g = gcd(n, m);
	int64_t a = (int64_t)(m / g), b = (int64_t)(n / g);
	struct table *row = xcalloc(n + 1, sizeof(*row));
	double beyond = 0.0, all = special_log_choose((double)(n + m), (double)n);

	for (size_t v = 0; v <= m; v++) {
		for (size_t u = 0; u <= n; u++) {
			struct table none = { 0 }, next;
			const struct table *left = u > 0 ? &row[u - 1] : &none;
			int64_t gap = a * (int64_t)u - b * (int64_t)v;
			double over;

			if (u == 0 && v == 0) {
				row[0] = (struct table){ xcalloc(1, sizeof(int64_t)),
					xmalloc(sizeof(double)), 1 };
				row[0].count[0] = 1.0;
				continue;
			}
			next = table_merge(left, &row[u], gap * gap, zeta, &over);
			if (over > 0.0)
				beyond += over * exp(special_log_choose(
							 (double)(n - u + m - v), (double)(n - u)) -
						     all);
			table_free(&row[u]);
			row[u] = next;
		}
	}
	for (size_t u = 0; u <= n; u++)
		table_free(&row[u]);
	free(row);
	return beyond;
}

static double
exact_p(size_t n, size_t m, long double u)
{
	size_t lcm = n / gcd(n, m) * m;
	long double nm = (long double)(n * m);
	long double zeta = (long double)(lcm * lcm) * (long double)(n + m) *
			   (6.0L * u - nm * (4.0L * nm - 1.0L)) / (6.0L * nm * nm);
	/* An integer without ties; with ties a sum that exceeds the floor counts. */
	int64_t least = (int64_t)floorl(zeta + 1e-6L);

	return least <= 0 ? 1.0 : exact_share(n, m, least);
}

static double
limit_p(double n, double m, double t)
{
	double k = n * m, total = n + m;
	double mean = (1.0 + 1.0 / total) / 6.0;
	double var = (total + 1.0) * (4.0 * k * total - 3.0 * (n * n + m * m) - 2.0 * k) /
		     (45.0 * total * total * 4.0 * k);

	return quadform_cvm_sf(1.0 / 6.0 + (t - mean) / sqrt(45.0 * var));
}

struct stats_test
rank_cvm(const struct sample_set *ref, const struct sample_set *cur, enum rank_law law)
{
	double n = (double)ref->n, m = (double)cur->n, t, p;
	long double u, nm;
	size_t larger = ref->n > cur->n ? ref->n : cur->n;

	if ((unsigned)law >= RANK_LAW_COUNT)
		return stats_test_undefined(STATS_INVALID);
	if (ref->n < 2 || cur->n < 2)
		return stats_test_undefined(STATS_FEW);
	if (law == RANK_EXACT && larger > RANK_CVM_EXACT_MAX)
		return stats_test_undefined(STATS_LIMIT);
	if (law == RANK_AUTO)
		law = larger <= RANK_CVM_AUTO_MAX ? RANK_EXACT : RANK_LIMIT;
	u = cvm_u(ref, cur);
	nm = (long double)ref->n * (long double)cur->n;
	t = (double)(u / (nm * (long double)(ref->n + cur->n)) -
		     (4.0L * nm - 1.0L) / (6.0L * (long double)(ref->n + cur->n)));
	if (rank_is_constant(ref, cur))
		return stats_test_of(t, 1.0, STATS_NAN, 0.0);
	p = law == RANK_EXACT ? exact_p(ref->n, cur->n, u) : limit_p(n, m, t);
	return stats_test_of(t, p, STATS_NAN, t * (n + m) / (n * m));
}
