/* SPDX-License-Identifier: Apache-2.0 */
/* Chi-squared, G and Fisher's exact test on counts. */
#include "config.h"

#include "stats/categories.h"

#include <math.h>

#include "stats/dist.h"

enum measure {
	MEASURE_PEARSON,
	MEASURE_YATES,
	MEASURE_LIKELIHOOD
};

static struct category_test
undefined(enum stats_status status)
{
	return (struct category_test){ stats_test_undefined(status), STATS_NAN, 0 };
}

static enum stats_status
check_counts(const double *ref, const double *cur, size_t k, double *ret_ref, double *ret_cur)
{
	if (!stats_all_finite(ref, k) || !stats_all_finite(cur, k))
		return STATS_NOT_FINITE;
	for (size_t i = 0; i < k; i++)
		if (ref[i] < 0.0 || cur[i] < 0.0)
			return STATS_INVALID;
	*ret_ref = stats_sum(ref, k);
	*ret_cur = stats_sum(cur, k);
	if (!isfinite(*ret_ref + *ret_cur))
		return STATS_LIMIT;
	return *ret_ref > 0.0 && *ret_cur > 0.0 ? STATS_OK : STATS_FEW;
}

static double
cell(double observed, double expected, enum measure measure)
{
	double gap = fabs(observed - expected);

	if (measure == MEASURE_LIKELIHOOD)
		return observed > 0.0 ? 2.0 * observed * log(observed / expected) : 0.0;
	if (measure == MEASURE_YATES)
		gap -= fmin(0.5, gap);
	return gap * gap / expected;
}

static struct category_test
contingency(const double *ref, const double *cur, size_t k, enum measure measure)
{
	struct category_test result = { .expected_min = STATS_INFINITY };
	double n, m, stat = 0.0, df;
	enum stats_status status = check_counts(ref, cur, k, &n, &m);

	if (status != STATS_OK)
		return undefined(status);
	for (size_t i = 0; i < k; i++)
		result.categories += ref[i] + cur[i] > 0.0;
	if (measure == MEASURE_YATES && result.categories != 2)
		measure = MEASURE_PEARSON;
	for (size_t i = 0; i < k; i++) {
		double both = ref[i] + cur[i];
		double e_ref = both * (n / (n + m)), e_cur = both * (m / (n + m));

		if (both <= 0.0 || e_ref <= 0.0 || e_cur <= 0.0)
			continue;
		result.expected_min = fmin(result.expected_min, fmin(e_ref, e_cur));
		stat += cell(ref[i], e_ref, measure) + cell(cur[i], e_cur, measure);
	}
	stat = fmax(stat, 0.0);
	df = (double)result.categories - 1.0;
	result.test =
	    stats_test_of(stat, df > 0.0 ? dist_chi2_sf(stat, df) : 1.0, df, sqrt(stat / (n + m)));
	return result;
}

struct category_test
categories_chi2(const double *ref, const double *cur, size_t k, bool yates)
{
	return contingency(ref, cur, k, yates ? MEASURE_YATES : MEASURE_PEARSON);
}

struct category_test
categories_g(const double *ref, const double *cur, size_t k)
{
	return contingency(ref, cur, k, MEASURE_LIKELIHOOD);
}

struct category_test
categories_fit(const double *ref, const double *cur, size_t k)
{
	struct category_test result = { .expected_min = STATS_INFINITY };
	double n, m, stat = 0.0, df;
	enum stats_status status = check_counts(ref, cur, k, &n, &m);

	if (status != STATS_OK)
		return undefined(status);
	for (size_t i = 0; i < k; i++) {
		double expected = ref[i] / n * m;

		if (ref[i] + cur[i] <= 0.0)
			continue;
		result.categories++;
		result.expected_min = fmin(result.expected_min, expected);
		if (expected > 0.0)
			stat += cell(cur[i], expected, MEASURE_PEARSON);
		else if (cur[i] > 0.0)
			stat = STATS_INFINITY;
	}
	df = (double)result.categories - 1.0;
	result.test =
	    stats_test_of(stat, df > 0.0 ? dist_chi2_sf(stat, df) : 1.0, df, sqrt(stat / m));
	return result;
}

struct stats_value
categories_entropy(const double *counts, size_t k)
{
	double total, sum = 0.0;
	enum stats_status status = check_counts(counts, counts, k, &total, &total);

	if (status != STATS_OK)
		return stats_value_undefined(status);
	for (size_t i = 0; i < k; i++)
		if (counts[i] > 0.0)
			sum -= counts[i] / total * log(counts[i] / total);
	return stats_value_of(fmax(sum, 0.0));
}

struct stats_value
categories_entropy_normalised(const double *counts, size_t k)
{
	struct stats_value value = categories_entropy(counts, k);

	if (value.status != STATS_OK)
		return value;
	return k > 1 ? stats_value_of(value.value / log((double)k))
		     : stats_value_undefined(STATS_FEW);
}

/*
 * Weights below this add nothing; and the smallest double times 0.9 is itself
 * again, so that a walk waiting for 0 would not end.
 */
#define WEIGHT_MIN 1e-300

/* Walks x from the mode by direction; adds weights relative to the mode's. */
static void
add_weights(
    double x, int direction, const double margin[3], double *sum, double *tail, double limit)
{
	double row = margin[0], column = margin[1], total = margin[2], weight = 1.0;

	for (;;) {
		if (direction > 0)
			weight *= (row - x) / (x + 1.0) *
				  ((column - x) / (total - row - column + x + 1.0));
		else
			weight *=
			    x / (row - x + 1.0) * ((total - row - column + x) / (column - x + 1.0));
		if (!(weight > WEIGHT_MIN))
			return;
		x += direction;
		*sum += weight;
		if (weight <= limit)
			*tail += weight;
	}
}

/* log of the observed table's weight relative to the mode's */
static double
log_weight(double x, double mode, const double margin[3])
{
	double row = margin[0], column = margin[1], rest = margin[2] - row - column;
	double at[2] = { x, mode }, value[2];

	for (int i = 0; i < 2; i++)
		value[i] = lgamma_r(at[i] + 1.0, &(int){ 0 }) +
			   lgamma_r(row - at[i] + 1.0, &(int){ 0 }) +
			   lgamma_r(column - at[i] + 1.0, &(int){ 0 }) +
			   lgamma_r(rest + at[i] + 1.0, &(int){ 0 });
	return value[1] - value[0];
}

struct stats_test
categories_fisher(double a, double b, double c, double d)
{
	const double table[] = { a, b, c, d }, margin[3] = { a + b, a + c, a + b + c + d };
	double mode, lowest, highest, weight = 1.0, sum = 1.0, tail = 0.0, limit, odds;

	if (!stats_all_finite(table, 4))
		return stats_test_undefined(STATS_NOT_FINITE);
	for (int i = 0; i < 4; i++)
		if (table[i] < 0.0 || table[i] != floor(table[i]))
			return stats_test_undefined(STATS_INVALID);
	if (margin[2] > FISHER_TOTAL_MAX)
		return stats_test_undefined(STATS_LIMIT);
	if (margin[2] == 0.0)
		return stats_test_undefined(STATS_FEW);
	odds = a * d == 0.0 && b * c == 0.0 ? 1.0 : a * d / (b * c);
	lowest = fmax(0.0, margin[0] + margin[1] - margin[2]);
	highest = fmin(margin[0], margin[1]);
	mode = floor((margin[0] + 1.0) * (margin[1] + 1.0) / (margin[2] + 2.0));
	mode = fmin(fmax(mode, lowest), highest);
	/* The same recurrence as the sum below, so that equal weights are equal. */
	for (double x = mode; x < a && weight > WEIGHT_MIN; x++)
		weight *= (margin[0] - x) / (x + 1.0) *
			  ((margin[1] - x) / (margin[2] - margin[0] - margin[1] + x + 1.0));
	for (double x = mode; x > a && weight > WEIGHT_MIN; x--)
		weight *= x / (margin[0] - x + 1.0) *
			  ((margin[2] - margin[0] - margin[1] + x) / (margin[1] - x + 1.0));
	limit = weight * (1.0 + 1e-7);
	if (weight <= WEIGHT_MIN) /* so rare that only its order of magnitude is left */
		return stats_test_of(odds, exp(log_weight(a, mode, margin)), STATS_NAN, log(odds));
	if (1.0 <= limit)
		tail = 1.0;
	add_weights(mode, 1, margin, &sum, &tail, limit);
	add_weights(mode, -1, margin, &sum, &tail, limit);
	return stats_test_of(odds, tail / sum, STATS_NAN, log(odds));
}

/* Weights relative to the mode's in one direction; those on the wanted side of a, a included, are
 * the tail. */
static void
add_side(
    double x, int direction, const double margin[3], double a, bool up, double *sum, double *tail)
{
	double row = margin[0], column = margin[1], total = margin[2], weight = 1.0;

	for (;;) {
		if (direction > 0)
			weight *= (row - x) / (x + 1.0) *
				  ((column - x) / (total - row - column + x + 1.0));
		else
			weight *=
			    x / (row - x + 1.0) * ((total - row - column + x) / (column - x + 1.0));
		if (!(weight > WEIGHT_MIN))
			return;
		x += direction;
		*sum += weight;
		if (up ? x >= a : x <= a)
			*tail += weight;
	}
}

struct stats_test
categories_fisher_side(double a, double b, double c, double d, enum stats_side side)
{
	struct stats_test test = categories_fisher(a, b, c, d);
	const double margin[3] = { a + b, a + c, a + b + c + d };
	/* The reference has fewer of the first column where the current row has more. */
	bool up = side == STATS_CURRENT_LOWER;
	double mode, lowest, highest, sum = 1.0, tail = 0.0;

	if (side == STATS_TWO_SIDED || test.status != STATS_OK)
		return test;
	if ((unsigned)side >= STATS_SIDE_COUNT)
		return stats_test_undefined(STATS_INVALID);
	lowest = fmax(0.0, margin[0] + margin[1] - margin[2]);
	highest = fmin(margin[0], margin[1]);
	mode = floor((margin[0] + 1.0) * (margin[1] + 1.0) / (margin[2] + 2.0));
	mode = fmin(fmax(mode, lowest), highest);
	if (up ? mode >= a : mode <= a)
		tail = 1.0;
	add_side(mode, 1, margin, a, up, &sum, &tail);
	add_side(mode, -1, margin, a, up, &sum, &tail);
	/* So rare that only its order of magnitude is left. */
	test.p = tail > 0.0 ? tail / sum : exp(log_weight(a, mode, margin));
	return test;
}
