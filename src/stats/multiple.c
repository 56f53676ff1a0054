/* SPDX-License-Identifier: Apache-2.0 */
/* Corrections for many tests. */
#include "config.h"

#include "stats/multiple.h"

#include <math.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "stats/dist.h"

struct ranked {
	double p;
	size_t at;
};

static int
compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->p != y->p)
		return x->p < y->p ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

/* Running maximum of (f - i) p from the smallest. */
static void
step_down(const struct ranked *ranked, size_t f, double *adjusted)
{
	double most = 0.0;

	for (size_t i = 0; i < f; i++) {
		most = fmax(most, fmin(1.0, (double)(f - i) * ranked[i].p));
		adjusted[ranked[i].at] = most;
	}
}

/* Running minimum of factor p f/i from the largest. */
static void
step_up(const struct ranked *ranked, size_t f, double factor, double *adjusted)
{
	double least = 1.0;

	for (size_t i = f; i-- > 0;) {
		least = fmin(least, factor * (ranked[i].p / ((double)(i + 1) / (double)f)));
		adjusted[ranked[i].at] = least;
	}
}

static enum stats_status
check(const double *p, size_t f)
{
	for (size_t i = 0; i < f; i++)
		if (p[i] < 0.0 || p[i] > 1.0)
			return STATS_INVALID;
	return STATS_OK;
}

enum stats_status
multiple_adjust(enum multiple_method method, const double *p, size_t f, double *adjusted)
{
	struct ranked *ranked;
	size_t used = 0;
	double factor = 1.0;

	if ((unsigned)method >= MULTIPLE_METHOD_COUNT || check(p, f) != STATS_OK)
		return STATS_INVALID;
	ranked = xmalloc(f * sizeof(*ranked));
	for (size_t i = 0; i < f; i++) {
		if (!isnan(p[i]))
			ranked[used++] = (struct ranked){ p[i], i };
		adjusted[i] = p[i];
	}
	qsort(ranked, used, sizeof(*ranked), compare_ranked);
	switch (method) {
	case MULTIPLE_BONFERRONI:
		for (size_t i = 0; i < used; i++)
			adjusted[ranked[i].at] = fmin(1.0, ranked[i].p * (double)used);
		break;
	case MULTIPLE_HOLM:
		step_down(ranked, used, adjusted);
		break;
	case MULTIPLE_BY:
		factor = 0.0;
		for (size_t i = used; i > 0; i--)
			factor += 1.0 / (double)i;
		step_up(ranked, used, factor, adjusted);
		break;
	case MULTIPLE_BH:
		step_up(ranked, used, factor, adjusted);
		break;
	case MULTIPLE_NONE:
	case MULTIPLE_METHOD_COUNT:
		break;
	}
	free(ranked);
	return STATS_OK;
}

struct stats_test
multiple_fisher(const double *p, size_t f)
{
	double sum = 0.0;
	size_t used = 0;

	if (check(p, f) != STATS_OK)
		return stats_test_undefined(STATS_INVALID);
	for (size_t i = 0; i < f; i++) {
		if (isnan(p[i]))
			continue;
		sum -= 2.0 * log(p[i]);
		used++;
	}
	if (used == 0)
		return stats_test_undefined(STATS_FEW);
	return stats_test_of(
	    sum, dist_chi2_sf(sum, 2.0 * (double)used), 2.0 * (double)used, STATS_NAN);
}
