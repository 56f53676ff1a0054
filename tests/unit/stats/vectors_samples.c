/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of two-sample tests on raw values and on counts. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "stats/categories.h"
#include "stats/dist.h"
#include "stats/kernels.h"
#include "stats/ks.h"
#include "stats/location.h"
#include "stats/mmd.h"
#include "stats/multiple.h"
#include "stats/proportions.h"
#include "stats/rank.h"
#include "stats/special.h"
#include "stats/wasserstein.h"
#include "vectors.h"

static void
run_ks(struct vector *v)
{
	struct sample_set ref = vector_sample(v->inputs, "ref");
	struct sample_set cur = vector_sample(v->inputs, "cur");

	vector_statistic(v, "D", ks_test(&ref, &cur, KS_AUTO, STATS_TWO_SIDED).statistic);
	vector_p(v, "p_asymp_kstwo_round_en", ks_test(&ref, &cur, KS_FINITE, STATS_TWO_SIDED).p);
	vector_p(v, "p_kolmogorov_limit", ks_test(&ref, &cur, KS_LIMIT, STATS_TWO_SIDED).p);
	vector_p(v, "p_stephens_correction", ks_test(&ref, &cur, KS_STEPHENS, STATS_TWO_SIDED).p);
	vector_p(v, "p_exact_no_ties", ks_test(&ref, &cur, KS_EXACT, STATS_TWO_SIDED).p);
	vector_p(v, "p_exact_given_ties", ks_test(&ref, &cur, KS_EXACT_TIES, STATS_TWO_SIDED).p);
	vector_p(v, "p_auto", ks_test(&ref, &cur, KS_AUTO, STATS_TWO_SIDED).p);
	/* Where scipy's exact one-sided count overflows it falls back to Hodges. */
	vector_p(v, "p_greater_auto",
	    ks_test(&ref, &cur, vector_has(v, "p_exact_no_ties") ? KS_EXACT : KS_LIMIT,
		STATS_CURRENT_HIGHER)
		.p);
	vector_p(v, "p_less_auto", ks_test(&ref, &cur, KS_AUTO, STATS_CURRENT_LOWER).p);
	sample_fini(&ref);
	sample_fini(&cur);
}

static void
run_ks_buckets(struct vector *v)
{
	struct numbers ref = vector_numbers(v->inputs, "ref_cum");
	struct numbers cur = vector_numbers(v->inputs, "cur_cum");

	vector_statistic(v, "D_lower_bound", ks_test_buckets(ref.x, cur.x, ref.n).statistic);
	free(ref.x);
	free(cur.x);
}

static void
run_chi2(struct vector *v)
{
	struct numbers ref = vector_numbers(v->inputs, "ref_counts");
	struct numbers cur = vector_numbers(v->inputs, "cur_counts");
	struct category_test plain = categories_chi2(ref.x, cur.x, ref.n, false);
	struct category_test yates = categories_chi2(ref.x, cur.x, ref.n, true);
	struct category_test g = categories_g(ref.x, cur.x, ref.n);
	struct category_test fit = categories_fit(ref.x, cur.x, ref.n);

	vector_statistic(v, "stat", plain.test.statistic);
	vector_p(v, "p", plain.test.p);
	vector_statistic(v, "dof", plain.test.df);
	vector_statistic(v, "cramers_v", plain.test.effect);
	vector_statistic(v, "stat_scipy_default", yates.test.statistic);
	vector_p(v, "p_scipy_default", yates.test.p);
	vector_statistic(v, "G", g.test.statistic);
	vector_p(v, "p_G", g.test.p);
	vector_statistic(v, "gof_stat_cur_vs_scaled_ref", fit.test.statistic);
	vector_p(v, "gof_p", fit.test.p);
	free(ref.x);
	free(cur.x);
}

static void
run_fisher(struct vector *v)
{
	struct json_object *table;
	struct numbers row[2];
	struct stats_test test;

	if (!json_object_object_get_ex(v->inputs, "table", &table)) {
		vector_fail(v, " no table;");
		return;
	}
	for (size_t i = 0; i < 2; i++)
		row[i] = numbers_of(json_object_array_get_idx(table, i));
	test = categories_fisher(row[0].x[0], row[0].x[1], row[1].x[0], row[1].x[1]);
	vector_statistic(v, "odds_ratio", test.statistic);
	vector_p(v, "p_two_sided", test.p);
	free(row[0].x);
	free(row[1].x);
}

static void
run_proportions(struct vector *v)
{
	double x1 = vector_get(v->inputs, "x1"), n1 = vector_get(v->inputs, "n1");
	double x2 = vector_get(v->inputs, "x2"), n2 = vector_get(v->inputs, "n2");
	struct stats_test test = proportions_test(x1, n1, x2, n2, STATS_TWO_SIDED);
	struct interval a = proportions_wilson(x1, n1, 0.95);
	struct interval b = proportions_wilson(x2, n2, 0.95);
	struct interval gap = proportions_newcombe(x1, n1, x2, n2, 0.95);

	vector_statistic(v, "z_pooled", test.statistic);
	vector_p(v, "p_two_sided", test.p);
	vector_statistic(v, "diff", -test.effect);
	vector_list(v, "wilson1", (double[]){ a.low, a.high }, 2);
	vector_list(v, "wilson2", (double[]){ b.low, b.high }, 2);
	vector_list(v, "newcombe_diff_ci95", (double[]){ gap.low, gap.high }, 2);
	vector_statistic(v, "ratio", proportions_ratio(x1, n1, x2, n2).value);
}

static void
run_cvm(struct vector *v)
{
	struct sample_set ref = vector_sample(v->inputs, "ref");
	struct sample_set cur = vector_sample(v->inputs, "cur");

	vector_statistic(v, "T", rank_cvm(&ref, &cur, RANK_LIMIT).statistic);
	vector_p(v, "p_asymptotic", rank_cvm(&ref, &cur, RANK_LIMIT).p);
	vector_p(v, "p_exact", rank_cvm(&ref, &cur, RANK_EXACT).p);
	sample_fini(&ref);
	sample_fini(&cur);
}

static void
run_anderson(struct vector *v)
{
	struct sample_set ref = vector_sample(v->inputs, "ref");
	struct sample_set cur = vector_sample(v->inputs, "cur");
	double midrank = rank_anderson(&ref, &cur, true).statistic;

	vector_statistic(v, "stat_midrank", midrank);
	vector_statistic(v, "stat_right", rank_anderson(&ref, &cur, false).statistic);
	vector_p(v, "p_midrank_capped", rank_anderson_table_p(midrank));
	vector_other(v, "critical_values", "constants of the table");
	sample_fini(&ref);
	sample_fini(&cur);
}

static void
run_location(struct vector *v)
{
	struct sample_set a = vector_sample(v->inputs, "a"), b = vector_sample(v->inputs, "b");
	struct stats_test welch = location_welch(&a, &b, STATS_TWO_SIDED);
	struct stats_test student = location_student(&a, &b, STATS_TWO_SIDED);
	struct stats_test u = rank_mann_whitney(&a, &b, RANK_LIMIT, STATS_TWO_SIDED);

	vector_statistic(v, "U1", u.statistic);
	vector_p(v, "p_asymptotic_cc", u.p);
	if (vector_has(v, "p_exact_no_ties"))
		vector_p(
		    v, "p_exact_no_ties", rank_mann_whitney(&a, &b, RANK_EXACT, STATS_TWO_SIDED).p);
	vector_statistic(v, "welch_t", welch.statistic);
	vector_p(v, "welch_p", welch.p);
	vector_statistic(v, "welch_df", welch.df);
	vector_statistic(v, "student_t", student.statistic);
	vector_p(v, "student_p", student.p);
	vector_statistic(v, "cohens_d", student.effect);
	sample_fini(&a);
	sample_fini(&b);
}

/* Rows are numbers or lists of numbers. */
static struct numbers
rows_of(struct json_object *inputs, const char *key, size_t *ret_dim)
{
	struct json_object *array, *first;
	struct numbers all = { calloc(10000, sizeof(double)), 0 };

	*ret_dim = 1;
	if (all.x == NULL || !json_object_object_get_ex(inputs, key, &array))
		return all;
	first = json_object_array_get_idx(array, 0);
	if (!json_object_is_type(first, json_type_array)) {
		free(all.x);
		return numbers_of(array);
	}
	*ret_dim = json_object_array_length(first);
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct numbers row = numbers_of(json_object_array_get_idx(array, i));

		for (size_t j = 0; j < row.n && all.n < 10000; j++)
			all.x[all.n++] = row.x[j];
		free(row.x);
	}
	return all;
}

static void
run_mmd(struct vector *v)
{
	size_t dim;
	struct numbers ref = rows_of(v->inputs, "ref", &dim), cur = rows_of(v->inputs, "cur", &dim);
	struct mmd_rows a = { ref.x, ref.n / dim }, b = { cur.x, cur.n / dim };
	double sigma = mmd_sigma(a, dim, MMD_SIGMA_ALIBI).value;
	struct rng rng;

	rng_init(&rng, 1);
	vector_statistic(v, "sigma_alibi_median", sigma);
	vector_statistic(v, "sigma_evidently_median", mmd_sigma(a, dim, MMD_SIGMA_EVIDENTLY).value);
	vector_statistic(v, "mmd2_unbiased_at_that_sigma", mmd_unbiased(a, b, dim, sigma).value);
	vector_statistic(v, "mmd2_biased_at_that_sigma", mmd_biased(a, b, dim, sigma).value);
	vector_statistic(v, "mmd2_unbiased_sigma1", mmd_unbiased(a, b, dim, 1.0).value);
	vector_statistic(v, "mmd2_biased_sigma1", mmd_biased(a, b, dim, 1.0).value);
	vector_p(v, "exact_permutation_p", mmd_test(a, b, dim, sigma, 10000, &rng).p);
	vector_other(v, "permutations", "C(n+m, n)");
	free(ref.x);
	free(cur.x);
}

static void
run_lsdd(struct vector *v)
{
	struct sample_set ref = vector_sample(v->inputs, "ref");
	struct sample_set cur = vector_sample(v->inputs, "cur");
	struct numbers centres = vector_numbers(v->inputs, "centers");
	double h[KERNELS_CENTRES_MAX];

	vector_statistic(v, "lsdd",
	    kernels_lsdd(&ref, &cur, centres.x, centres.n, vector_get(v->params, "sigma"),
		vector_get(v->params, "lam"), h)
		.value);
	vector_list(v, "h", h, centres.n);
	free(centres.x);
	sample_fini(&ref);
	sample_fini(&cur);
}

static void
run_wasserstein(struct vector *v)
{
	struct sample_set ref = vector_sample(v->inputs, "ref");
	struct sample_set cur = vector_sample(v->inputs, "cur");

	vector_statistic(v, "w1", wasserstein_distance(&ref, &cur).value);
	vector_statistic(v, "w1_over_ref_pop_std",
	    wasserstein_normed(&ref, &cur, WASSERSTEIN_EVIDENTLY_FLOOR).value);
	vector_statistic(v, "energy", wasserstein_energy(&ref, &cur).value);
	sample_fini(&ref);
	sample_fini(&cur);
}

static void
run_wasserstein_histogram(struct vector *v)
{
	struct numbers at = vector_numbers(v->inputs, "centers");
	struct numbers ref = vector_numbers(v->inputs, "ref_w");
	struct numbers cur = vector_numbers(v->inputs, "cur_w");

	vector_statistic(v, "w1", wasserstein_histogram(at.x, ref.x, cur.x, at.n).value);
	free(at.x);
	free(ref.x);
	free(cur.x);
}

static void
run_multiple(struct vector *v)
{
	static const struct {
		const char *key;
		enum multiple_method method;
	} methods[] = { { "bonferroni", MULTIPLE_BONFERRONI }, { "holm", MULTIPLE_HOLM },
		{ "bh", MULTIPLE_BH }, { "by", MULTIPLE_BY } };
	struct numbers p = vector_numbers(v->inputs, "p");
	double *out = calloc(p.n + 1, sizeof(*out));

	if (out == NULL)
		abort();
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		(void)multiple_adjust(methods[i].method, p.x, p.n, out);
		vector_list(v, methods[i].key, out, p.n);
	}
	(void)multiple_adjust(MULTIPLE_BH, p.x, p.n, out);
	for (size_t i = 0; i < p.n; i++)
		out[i] = out[i] <= 0.05 ? 1.0 : 0.0;
	vector_list(v, "bh_reject", out, p.n);
	vector_other(v, "alibi_fdr_any", "alibi's strict <");
	vector_other(v, "alibi_fdr_threshold", "a p-value on alibi's scale");
	/* The expected value was made with zeros raised to 1e-300. */
	for (size_t i = 0; i < p.n; i++)
		p.x[i] = fmax(p.x[i], 1e-300);
	vector_p(v, "fisher_combined_p", multiple_fisher(p.x, p.n).p);
	free(out);
	free(p.x);
}

/* inputs: {"function", "args"}; expected: {"value"} */
static void
run_function(struct vector *v)
{
	static const struct {
		const char *name;
		double (*one)(double);
		double (*two)(double, double);
	} functions[] = {
		{ "normal_sf", dist_normal_sf, NULL },
		{ "normal_isf", dist_normal_isf, NULL },
		{ "chi2_sf", NULL, dist_chi2_sf },
		{ "chi2_isf", NULL, dist_chi2_isf },
		{ "t_two_sided", NULL, dist_t_two_sided },
		{ "t_isf", NULL, dist_t_isf },
		{ "gamma_p", NULL, special_gamma_p },
		{ "gamma_q", NULL, special_gamma_q },
		{ "bessel_k_scaled", NULL, special_bessel_k_scaled },
	};
	struct json_object *name;
	struct numbers args = vector_numbers(v->inputs, "args");
	bool found = false;

	(void)json_object_object_get_ex(v->inputs, "function", &name);
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (strcmp(functions[i].name, json_object_get_string(name)) == 0) {
			found = true;
			vector_statistic(v, "value",
			    functions[i].one != NULL ? functions[i].one(args.x[0])
						     : functions[i].two(args.x[0], args.x[1]));
		}
	if (strcmp(json_object_get_string(name), "f_sf") == 0) {
		found = true;
		vector_statistic(v, "value", dist_f_sf(args.x[0], args.x[1], args.x[2]));
	}
	if (strcmp(json_object_get_string(name), "beta_i") == 0) {
		found = true;
		vector_statistic(
		    v, "value", special_beta_i(args.x[0], args.x[1], args.x[2], args.x[3]));
	}
	if (!found)
		vector_fail(v, " no function %s;", json_object_get_string(name));
	free(args.x);
}

const struct vector_kind vector_kinds_samples[] = {
	{ "ks_2samp", run_ks, NULL },
	{ "ks_from_cumulative_buckets", run_ks_buckets, NULL },
	{ "chi2", run_chi2, NULL },
	{ "fisher_exact_2x2", run_fisher, NULL },
	{ "two_proportions", run_proportions, NULL },
	{ "cramervonmises_2samp", run_cvm, NULL },
	{ "anderson_ksamp", run_anderson, NULL },
	{ "location_tests", run_location, NULL },
	{ "mmd_rbf", run_mmd, NULL },
	{ "lsdd", run_lsdd, NULL },
	{ "wasserstein_1d", run_wasserstein, NULL },
	{ "wasserstein_1d_histogram", run_wasserstein_histogram, NULL },
	{ "multiple_testing", run_multiple, NULL },
	{ "function", run_function, NULL },
	{ NULL, NULL, NULL },
};
