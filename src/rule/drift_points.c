/* SPDX-License-Identifier: Apache-2.0 */
/* Points to a common scale, and their discrepancy. */
#include "config.h"

#include "rule/drift_points.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/xalloc.h"
#include "rule/drift_tests.h"
#include "stats/mmd.h"

static_assert(2 * DRIFT_MMD_POINTS <= MMD_ROWS_MAX, "as many as the test takes");
static_assert(2 * DRIFT_MMD_POINTS * DRIFT_COLUMNS_MAX <= MMD_VALUES_MAX, "with all columns");

/* One column of the reference, then of what is current. */
static void
take_column(const struct drift_pair *pair, uint32_t n_columns, uint32_t column, double *ret)
{
	for (size_t i = 0; i < pair->ref_points.n; i++)
		*ret++ = pair->ref_points.x[i * n_columns + column];
	for (size_t i = 0; i < pair->cur_points.n; i++)
		*ret++ = pair->cur_points.x[i * n_columns + column];
}

/* 0: the column is constant on both sides. */
static double
scale_of(const struct drift_pair *pair, const double *values)
{
	const size_t n = pair->ref_points.n, m = pair->cur_points.n;
	double var = sample_moments(values, n).var;

	if (!(var > 0.0))
		var = sample_moments(values, n + m).var;
	return var > 0.0 ? sqrt(var) : 0.0;
}

void
drift_points_shift(const struct drift_pair *pair, uint32_t n_columns, double *ret)
{
	const size_t n = pair->ref_points.n, m = pair->cur_points.n;
	double *values = xmalloc((n + m + 1) * sizeof(*values));

	for (uint32_t c = 0; c < n_columns; c++) {
		double scale;

		take_column(pair, n_columns, c, values);
		scale = scale_of(pair, values);
		ret[c] = (sample_moments(values + n, m).mean - sample_moments(values, n).mean) /
			 (scale > 0.0 ? scale : (double)NAN);
	}
	free(values);
}

static double *
scaled(const struct drift_points *points, uint32_t n_columns, const double *scale)
{
	double *ret = xmalloc((points->n * n_columns + 1) * sizeof(*ret));

	for (size_t i = 0; i < points->n * n_columns; i++)
		ret[i] = scale[i % n_columns] > 0.0 ? points->x[i] / scale[i % n_columns] : 0.0;
	return ret;
}

static struct stats_test
test_scaled(struct mmd_rows ref, struct mmd_rows cur, uint32_t n_columns)
{
	struct stats_value sigma = mmd_sigma(ref, n_columns, MMD_SIGMA_ALIBI);
	struct rng rng;

	/* Evidently's rule has a width for this, in standard deviations a sensible one. */
	if (sigma.status == STATS_CONSTANT)
		sigma = mmd_sigma(ref, n_columns, MMD_SIGMA_EVIDENTLY);
	if (sigma.status != STATS_OK)
		return stats_test_undefined(sigma.status);
	rng_init(&rng, DRIFT_SEED);
	return mmd_test(ref, cur, n_columns, sigma.value, DRIFT_ROUNDS, &rng);
}

struct stats_test
drift_test_points(const struct drift_spec *spec, const struct drift_pair *pair)
{
	const size_t n = pair->ref_points.n, m = pair->cur_points.n;
	double scale[DRIFT_COLUMNS_MAX], *values = xmalloc((n + m + 1) * sizeof(*values));
	double *ref, *cur;
	bool varies = false;
	struct stats_test test;

	for (uint32_t c = 0; c < spec->n_columns; c++) {
		take_column(pair, spec->n_columns, c, values);
		if (!stats_all_finite(values, n + m)) {
			free(values);
			return stats_test_undefined(STATS_NOT_FINITE);
		}
		scale[c] = scale_of(pair, values);
		varies |= scale[c] > 0.0;
	}
	free(values);
	if (!varies)
		return stats_test_undefined(STATS_CONSTANT);
	ref = scaled(&pair->ref_points, spec->n_columns, scale);
	cur = scaled(&pair->cur_points, spec->n_columns, scale);
	test =
	    test_scaled((struct mmd_rows){ ref, n }, (struct mmd_rows){ cur, m }, spec->n_columns);
	free(ref);
	free(cur);
	return test;
}
