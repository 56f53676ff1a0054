/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drift of one feature: reference against current, by a named test or
 * distance.
 *
 * What a rule of kind `drift` and the command of that name share.  Pure.
 *
 * A distance is drift when it reaches its threshold and is larger than chance
 * makes it at these sample sizes: the second is a p-value of its own, by the
 * limit law where every bin expects DRIFT_LAW_EXPECTED points and by
 * permutation elsewhere.  Without that, PSI at 0.1 fires at 100 points in four
 * of five evaluations although nothing drifts.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "stats/bins.h"
#include "stats/multiple.h"
#include "stats/sample.h"
#include "stats/stats.h"

enum drift_form {
	DRIFT_SAMPLES, /* a row per value */
	DRIFT_COUNTS,  /* a row per category with its count */
	DRIFT_BUCKETS, /* cumulative counts by upper bound */
	DRIFT_FORM_COUNT
};

enum drift_binning { DRIFT_BINS_QUANTILES, DRIFT_BINS_EDGES, DRIFT_BINS_STURGES, DRIFT_BINS_DISTINCT };
struct drift_bins {
	bool given;
	enum drift_binning how;
	uint32_t quantiles;
	const double *edges;
	uint32_t n_edges;
};

enum drift_test {
	DRIFT_KS, DRIFT_CHI2, DRIFT_CHI2_GOF, DRIFT_G, DRIFT_CVM, DRIFT_AD, DRIFT_MANN_WHITNEY, DRIFT_WELCH,
	DRIFT_EPPS_SINGLETON, DRIFT_MMD,
	/* distances from here on */
	DRIFT_PSI, DRIFT_JS, DRIFT_KL, DRIFT_HELLINGER, DRIFT_TV, DRIFT_L_INFINITY, DRIFT_WASSERSTEIN,
	DRIFT_WASSERSTEIN_NORMED, DRIFT_ENERGY,
	DRIFT_TEST_COUNT
};
extern const char *const drift_test_names[]; /* NULL-terminated */
#define DRIFT_FIRST_DISTANCE DRIFT_PSI
#define DRIFT_ROUNDS 1999
#define DRIFT_LAW_EXPECTED 50.0
#define DRIFT_MMD_POINTS 500u /* a side */
#define DRIFT_CATEGORIES_MAX 50000u
#define DRIFT_COLUMNS_MAX 32u /* of mmd over several */

static inline bool
drift_is_distance(enum drift_test test)
{
	return test >= DRIFT_FIRST_DISTANCE;
}
bool drift_test_takes(enum drift_test test, enum drift_form form, bool categories);
bool drift_test_has_side(enum drift_test test);
bool drift_test_has_bins(enum drift_test test);
double drift_default_value(enum drift_test test); /* of a distance; NaN: it has a unit, none is sensible */

/* What is asked of every feature. */
struct drift_spec {
	enum drift_test test;
	enum drift_form form;
	bool categories; /* DRIFT_SAMPLES: the values are names */
	uint32_t n_columns; /* mmd: a row is a point of so many; 0: it is one value */
	struct drift_bins bins;
	double epsilon, log_base; /* log_base 0: e */
	double level;             /* p_value of tests, value of distances */
	double min_effect;        /* tests; NaN: any */
	double null_alpha;        /* distances; NaN: not looked at */
	bool own_bin;             /* missing values are a bin */
	enum stats_side side;
	double min_reference, min_current;
};

/* Rows of several columns: at most DRIFT_MMD_POINTS, one after the other. */
struct drift_points {
	double *x;
	size_t n;
};

/* Both sides of a feature; by form. */
struct drift_pair {
	struct sample_set ref, cur;       /* DRIFT_SAMPLES of numbers */
	struct drift_points ref_points, cur_points; /* ... of several columns */
	double *ref_counts, *cur_counts;  /* else: per category, or cumulative per bound */
	const double *bounds;             /* DRIFT_BUCKETS: ascending, the last is infinite */
	size_t k;
	double ref_nulls, cur_nulls;      /* rows without a value */
	wall_t cur_at;                    /* of the newest current row; WALL_NONE: rows have no time */
	double ref_rows, cur_rows;        /* rows seen; more than are compared where max_rows cut them */
};

struct drift_result {
	const char *reason; /* why there is no answer, static; NULL: there is one */
	double n_ref, n_cur;
	double statistic, effect;
	double p;           /* of a test; of a distance: by chance alone, NaN where not looked at */
	double p_adjusted;  /* after correction for many features */
	double baseline;    /* of a distance: nothing; a mean where the test is one of means */
	bool reaches;       /* a distance: its threshold; a test: its smallest effect */
	bool drifted;
};

/* All but p_adjusted and drifted, which need the other features. */
void drift_compare(const struct drift_spec *spec, const struct drift_pair *pair, struct drift_result *ret);
/* These two: correct over n features, then decide. */
void drift_decide(const struct drift_spec *spec, enum multiple_method correct, struct drift_result *results, size_t n);
