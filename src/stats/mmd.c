/* SPDX-License-Identifier: Apache-2.0 */
/* Maximum mean discrepancy by a kernel matrix that is computed once. */
#include "config.h"

#include "stats/mmd.h"

#include <math.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "stats/sample.h"
#include "stats/special.h"

/* Pooled kernel values: rows 0..n-1 are the reference's. */
struct kernel {
	size_t n, m;
	double *k;    /* (n+m)^2, symmetric, diagonal 0 */
	double *row;  /* sums of the rows */
	double total; /* sum over pairs i < j */
};

static enum stats_status
check(struct mmd_rows ref, struct mmd_rows cur, size_t dim)
{
	if (dim == 0)
		return STATS_INVALID;
	if (ref.n < 2 || cur.n < 2)
		return STATS_FEW;
	if (ref.n > MMD_ROWS_MAX || cur.n > MMD_ROWS_MAX - ref.n ||
	    dim > MMD_VALUES_MAX / (ref.n + cur.n))
		return STATS_LIMIT;
	if (!stats_all_finite(ref.x, ref.n * dim) || !stats_all_finite(cur.x, cur.n * dim))
		return STATS_NOT_FINITE;
	return STATS_OK;
}

static const double *
pooled_row(struct mmd_rows ref, struct mmd_rows cur, size_t dim, size_t i)
{
	return i < ref.n ? ref.x + i * dim : cur.x + (i - ref.n) * dim;
}

static double
squared_distance(const double *a, const double *b, size_t dim)
{
	double sum = 0.0;

	for (size_t i = 0; i < dim; i++)
		sum += (a[i] - b[i]) * (a[i] - b[i]);
	return sum;
}

struct stats_value
mmd_sigma(struct mmd_rows ref, size_t dim, enum mmd_sigma rule)
{
	enum stats_status status = check(ref, (struct mmd_rows){ ref.x, 2 }, dim);
	size_t pairs = 0, at;
	double *d2, median;

	if (status != STATS_OK)
		return stats_value_undefined(status);
	d2 = xmalloc(ref.n * (ref.n - 1) / 2 * sizeof(*d2));
	for (size_t i = 1; i < ref.n; i++)
		for (size_t j = 0; j < i; j++)
			d2[pairs++] = squared_distance(ref.x + i * dim, ref.x + j * dim, dim);
	sample_sort(d2, pairs);
	if (rule == MMD_SIGMA_EVIDENTLY) {
		/* rank among all n^2 values: first n zeros, then each pair twice */
		at = (size_t)nearbyint((double)(ref.n * ref.n - 1) * 0.5);
		median = at < ref.n ? 0.0 : d2[(at - ref.n) / 2];
		if (median == 0.0)
			median = 1.0;
	} else {
		median = d2[(pairs - 1) / 2];
	}
	free(d2);
	if (!(median > 0.0))
		return stats_value_undefined(STATS_CONSTANT);
	return isfinite(median) ? stats_value_of(sqrt(0.5 * median))
				: stats_value_undefined(STATS_NOT_FINITE);
}

static enum stats_status
kernel_init(
    struct kernel *kernel, struct mmd_rows ref, struct mmd_rows cur, size_t dim, double sigma)
{
	enum stats_status status = check(ref, cur, dim);
	size_t rows = ref.n + cur.n;

	*kernel = (struct kernel){ .n = ref.n, .m = cur.n };
	if (status == STATS_OK && !(sigma > 0.0 && isfinite(sigma)))
		status = STATS_INVALID;
	if (status != STATS_OK)
		return status;
	kernel->k = xcalloc(rows * rows, sizeof(*kernel->k));
	kernel->row = xcalloc(rows, sizeof(*kernel->row));
	for (size_t i = 1; i < rows; i++)
		for (size_t j = 0; j < i; j++) {
			double d2 = squared_distance(
			    pooled_row(ref, cur, dim, i), pooled_row(ref, cur, dim, j), dim);
			double value = exp(-0.5 * (d2 / sigma) / sigma);

			kernel->k[i * rows + j] = value;
			kernel->k[j * rows + i] = value;
			kernel->row[i] += value;
			kernel->row[j] += value;
			kernel->total += value;
		}
	return STATS_OK;
}

static void
kernel_fini(struct kernel *kernel)
{
	free(kernel->k);
	free(kernel->row);
}

/* Sums over pairs within the rows named (count of them), within the rest, and across. */
static void
split(const struct kernel *kernel, const size_t *named, size_t count, double sums[3])
{
	size_t rows = kernel->n + kernel->m;
	double within = 0.0, touching = 0.0;

	for (size_t i = 0; i < count; i++) {
		const double *k = kernel->k + named[i] * rows;

		touching += kernel->row[named[i]];
		for (size_t j = 0; j < i; j++)
			within += k[named[j]];
	}
	sums[0] = within;
	sums[2] = touching - 2.0 * within;
	sums[1] = kernel->total - sums[0] - sums[2];
}

static double
unbiased(double n, double m, const double sums[3])
{
	return 2.0 * sums[0] / (n * (n - 1.0)) + 2.0 * sums[1] / (m * (m - 1.0)) -
	       2.0 * sums[2] / (n * m);
}

static double
observed(const struct kernel *kernel, bool is_biased)
{
	double n = (double)kernel->n, m = (double)kernel->m, sums[3];
	size_t *named = xmalloc(kernel->n * sizeof(*named));

	for (size_t i = 0; i < kernel->n; i++)
		named[i] = i;
	split(kernel, named, kernel->n, sums);
	free(named);
	if (is_biased)
		return (2.0 * sums[0] + n) / (n * n) + (2.0 * sums[1] + m) / (m * m) -
		       2.0 * sums[2] / (n * m);
	return unbiased(n, m, sums);
}

static struct stats_value
discrepancy(struct mmd_rows ref, struct mmd_rows cur, size_t dim, double sigma, bool is_biased)
{
	struct kernel kernel;
	enum stats_status status = kernel_init(&kernel, ref, cur, dim, sigma);
	struct stats_value value = status == STATS_OK ? stats_value_of(observed(&kernel, is_biased))
						      : stats_value_undefined(status);

	kernel_fini(&kernel);
	return value;
}

struct stats_value
mmd_unbiased(struct mmd_rows ref, struct mmd_rows cur, size_t dim, double sigma)
{
	return discrepancy(ref, cur, dim, sigma, false);
}

struct stats_value
mmd_biased(struct mmd_rows ref, struct mmd_rows cur, size_t dim, double sigma)
{
	return discrepancy(ref, cur, dim, sigma, true);
}

/* The smaller side is the one whose pairs are summed. */
static double
relabelled(const struct kernel *kernel, const size_t *named, size_t count)
{
	double sums[3];

	split(kernel, named, count, sums);
	return count == kernel->n ? unbiased((double)kernel->n, (double)kernel->m, sums)
				  : unbiased((double)kernel->m, (double)kernel->n, sums);
}

/* The next choice of count out of rows in lexicographic order; false after the last. */
static bool
next_choice(size_t *named, size_t count, size_t rows)
{
	size_t i = count;

	while (i > 0 && named[i - 1] == rows - count + i - 1)
		i--;
	if (i == 0)
		return false;
	named[i - 1]++;
	for (; i < count; i++)
		named[i] = named[i - 1] + 1;
	return true;
}

static double
exhaustive_p(const struct kernel *kernel, size_t *rows_list, size_t count, double limit)
{
	size_t rows = kernel->n + kernel->m;
	double above = 0.0, all = 0.0;

	do {
		above += relabelled(kernel, rows_list, count) >= limit;
		all++;
	} while (next_choice(rows_list, count, rows));
	return above / all;
}

static double
random_p(const struct kernel *kernel, size_t *rows_list, size_t count, double limit,
    uint32_t permutations, struct rng *rng)
{
	size_t rows = kernel->n + kernel->m;
	double above = 0.0;

	for (uint32_t p = 0; p < permutations; p++) {
		/* Fisher and Yates, as far as needed */
		for (size_t i = 0; i < count; i++) {
			size_t j = i + (size_t)rng_below(rng, rows - i), swap = rows_list[i];

			rows_list[i] = rows_list[j];
			rows_list[j] = swap;
		}
		above += relabelled(kernel, rows_list, count) >= limit;
	}
	return (above + 1.0) / ((double)permutations + 1.0);
}

struct stats_test
mmd_test(struct mmd_rows ref, struct mmd_rows cur, size_t dim, double sigma, uint32_t permutations,
    struct rng *rng)
{
	struct kernel kernel;
	enum stats_status status = kernel_init(&kernel, ref, cur, dim, sigma);
	size_t rows = ref.n + cur.n, count = ref.n < cur.n ? ref.n : cur.n, *rows_list;
	double value, limit, p;

	if (status == STATS_OK && permutations == 0)
		status = STATS_INVALID;
	if (status == STATS_OK && permutations > MMD_PERMUTATIONS_MAX)
		status = STATS_LIMIT;
	if (status != STATS_OK) {
		kernel_fini(&kernel);
		return stats_test_undefined(status);
	}
	rows_list = xmalloc(rows * sizeof(*rows_list));
	for (size_t i = 0; i < rows; i++)
		rows_list[i] = i;
	value = observed(&kernel, false);
	/* The same split summed in another order may differ in the last bits. */
	limit = value - 1e-12 * fmax(1.0, fabs(value));
	p = special_log_choose((double)rows, (double)count) <= log((double)permutations + 0.5)
		? exhaustive_p(&kernel, rows_list, count, limit)
		: random_p(&kernel, rows_list, count, limit, permutations, rng);
	free(rows_list);
	kernel_fini(&kernel);
	return stats_test_of(value, p, STATS_NAN, value);
}
