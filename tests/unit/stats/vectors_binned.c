/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of binned distances, and of the tests under Evidently's names. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/bins.h"
#include "stats/categories.h"
#include "stats/distance.h"
#include "stats/kernels.h"
#include "stats/ks.h"
#include "stats/location.h"
#include "stats/proportions.h"
#include "stats/rank.h"
#include "stats/wasserstein.h"
#include "vectors.h"

static void
run_binned(struct vector *v)
{
	struct numbers p = vector_numbers(v->inputs, "ref_p"),
		       q = vector_numbers(v->inputs, "cur_p");
	double js = distance_js(p.x, q.x, p.n, 0.0).value;

	vector_statistic(v, "psi_clip_1e4", distance_psi(p.x, q.x, p.n, 1e-4).value);
	vector_statistic(v, "psi_clip_1e6", distance_psi(p.x, q.x, p.n, 1e-6).value);
	vector_statistic(v, "js_distance_nat", js);
	vector_statistic(v, "js_divergence_nat", js * js);
	vector_statistic(v, "js_distance_base2", distance_js(p.x, q.x, p.n, 2.0).value);
	vector_statistic(v, "kl_cur_from_ref", distance_kl(q.x, p.x, p.n).value);
	vector_statistic(v, "kl_ref_from_cur", distance_kl(p.x, q.x, p.n).value);
	vector_statistic(v, "hellinger", distance_hellinger(p.x, q.x, p.n).value);
	vector_statistic(v, "total_variation", distance_total_variation(p.x, q.x, p.n).value);
	vector_statistic(v, "l_infinity", distance_l_infinity(p.x, q.x, p.n).value);
	free(p.x);
	free(q.x);
}

static void
run_psi_quantiles(struct vector *v)
{
	struct sample_set ref = vector_sample(v->inputs, "ref");
	struct sample_set cur = vector_sample(v->inputs, "cur");
	struct bins bins;

	if (bins_by_quantiles(&bins, &ref, &cur, (size_t)vector_get(v->params, "n_bins")) !=
	    STATS_OK)
		vector_fail(v, " no bins;");
	vector_list(v, "inner_edges", bins.edges, bins.edge_count);
	if (bins.by_value) {
		/*
		 * A constant reference.  The other side puts everything into one
		 * open bin and calls it 0; we compare values instead.
		 */
		vector_other(v, "ref_p", "one bin");
		vector_other(v, "cur_p", "one bin");
		vector_other(v, "effective_bins", "one bin");
		vector_other(v, "psi", "one bin");
	} else {
		vector_list(v, "ref_p", bins.ref, bins.k);
		vector_list(v, "cur_p", bins.cur, bins.k);
		vector_statistic(v, "effective_bins", (double)bins.k);
		vector_statistic(v, "psi",
		    distance_psi(bins.ref, bins.cur, bins.k, vector_get(v->params, "eps")).value);
	}
	bins_fini(&bins);
	sample_fini(&ref);
	sample_fini(&cur);
}

static void
run_sturges(struct vector *v)
{
	struct sample_set x = vector_sample(v->inputs, "values");
	size_t k = bins_sturges_count(x.v[0], x.v[x.n - 1], x.n);
	double edges[100];

	for (size_t i = 0; i <= k && i < 100; i++)
		edges[i] = bins_equal_edge(x.v[0], x.v[x.n - 1], k, i);
	vector_statistic(v, "n_bins", (double)k);
	vector_list(v, "edges", edges, k + 1);
	sample_fini(&x);
}

/* Categories become numbers: their own, or the sum of their characters. */
static struct sample_set
categories_of(struct json_object *inputs, const char *key)
{
	struct json_object *array;
	struct numbers x = vector_numbers(inputs, key);
	struct sample_set sample;

	(void)json_object_object_get_ex(inputs, key, &array);
	for (size_t i = 0; i < x.n; i++) {
		struct json_object *item = json_object_array_get_idx(array, i);

		if (json_object_is_type(item, json_type_string)) {
			x.x[i] = 0.0;
			for (const char *s = json_object_get_string(item); *s != '\0'; s++)
				x.x[i] = x.x[i] * 256.0 + (double)(unsigned char)*s;
		}
	}
	if (sample_init(&sample, x.x, x.n) != STATS_OK)
		abort();
	free(x.x);
	return sample;
}

static double
evidently_binned(
    const char *name, const struct sample_set *ref, const struct sample_set *cur, bool is_number)
{
	struct bins bins;
	struct stats_value value = { STATS_INVALID, STATS_NAN };
	bool is_hellinger = strcmp(name, "hellinger") == 0;
	enum stats_status status = !is_number     ? bins_by_distinct(&bins, ref, cur)
				   : is_hellinger ? bins_by_sturges_distinct(&bins, ref, cur)
						  : bins_by_sturges(&bins, ref, cur);

	if (status == STATS_OK && is_hellinger)
		value = distance_hellinger(bins.ref, bins.cur, bins.k);
	else if (status == STATS_OK && strcmp(name, "jensenshannon") == 0)
		value = distance_js(bins.ref, bins.cur, bins.k, 0.0);
	else if (status == STATS_OK) {
		distance_fill(bins.ref, bins.k, DISTANCE_FILL_EVIDENTLY, 0.0);
		distance_fill(bins.cur, bins.k, DISTANCE_FILL_EVIDENTLY, 0.0);
		value = strcmp(name, "psi") == 0 ? distance_psi(bins.ref, bins.cur, bins.k, 1e-300)
						 : distance_kl(bins.ref, bins.cur, bins.k);
	}
	bins_fini(&bins);
	return value.value;
}

static double
evidently_counts(const char *name, const struct sample_set *ref, const struct sample_set *cur)
{
	struct bins bins;
	double p;

	if (bins_by_distinct(&bins, ref, cur) != STATS_OK)
		return STATS_NAN;
	for (size_t i = 0; i < bins.k; i++) {
		bins.ref[i] = nearbyint(bins.ref[i] * (double)ref->n);
		bins.cur[i] = nearbyint(bins.cur[i] * (double)cur->n);
	}
	if (strcmp(name, "z") == 0)
		p = proportions_test(
		    bins.ref[0], (double)ref->n, bins.cur[0], (double)cur->n, STATS_TWO_SIDED)
			.p;
	else if (strcmp(name, "fisher_exact") == 0)
		p = bins.k == 2
			? categories_fisher(bins.ref[0], bins.ref[1], bins.cur[0], bins.cur[1]).p
			: STATS_NAN;
	else /* its G test is one of fit too: a new category gives 0 either way */
		p = categories_fit(bins.ref, bins.cur, bins.k).test.p;
	bins_fini(&bins);
	return p;
}

static bool
is_among(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

static void
run_evidently(struct vector *v)
{
	static const char *const distances[] = { "psi", "jensenshannon", "kl_div", "hellinger",
		NULL };
	static const char *const counts[] = { "z", "fisher_exact", "chisquare", "g_test", NULL };
	struct sample_set ref = categories_of(v->inputs, "ref");
	struct sample_set cur = categories_of(v->inputs, "cur");
	struct json_object *type, *label;
	const char *name = NULL;
	bool is_number;
	static const struct {
		const char *label, *name;
	} labels[] = { { "Jensen-Shannon distance", "jensenshannon" }, { "PSI", "psi" },
		{ "Kullback-Leibler divergence", "kl_div" }, { "Hellinger distance", "hellinger" },
		{ "K-S p_value", "ks" }, { "Anderson-Darling", "anderson" },
		{ "Cramer-von Mises", "cramer_von_mises" }, { "Energy-distance", "ed" },
		{ "Epps-Singleton", "es" }, { "Mann-Whitney U-rank test", "mannw" },
		{ "t_test", "t_test" }, { "Wasserstein distance (normed)", "wasserstein" },
		{ "chi-square p_value", "chisquare" }, { "g_test", "g_test" },
		{ "Z-test p_value", "z" }, { "Fisher's Exact test", "fisher_exact" } };

	(void)json_object_object_get_ex(v->inputs, "column_type", &type);
	(void)json_object_object_get_ex(v->expected, "stattest_name", &label);
	is_number = strcmp(json_object_get_string(type), "num") == 0;
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		if (strcmp(labels[i].label, json_object_get_string(label)) == 0)
			name = labels[i].name;
	if (name == NULL)
		vector_fail(v, " no test '%s';", json_object_get_string(label));
	else if (is_among(name, distances))
		vector_statistic(v, "score", evidently_binned(name, &ref, &cur, is_number));
	else if (is_among(name, counts))
		vector_p(v, "score", evidently_counts(name, &ref, &cur));
	else if (strcmp(name, "ks") == 0)
		vector_p(v, "score", ks_test(&ref, &cur, KS_AUTO, STATS_TWO_SIDED).p);
	else if (strcmp(name, "anderson") == 0)
		vector_p(
		    v, "score", rank_anderson_table_p(rank_anderson(&ref, &cur, true).statistic));
	else if (strcmp(name, "cramer_von_mises") == 0)
		vector_p(v, "score", rank_cvm(&ref, &cur, RANK_AUTO).p);
	else if (strcmp(name, "es") == 0)
		vector_p(v, "score", kernels_epps_singleton(&ref, &cur).p);
	else if (strcmp(name, "mannw") == 0)
		/* one-sided there */
		vector_p(
		    v, "score", rank_mann_whitney(&ref, &cur, RANK_AUTO, STATS_CURRENT_HIGHER).p);
	else if (strcmp(name, "t_test") == 0)
		vector_p(v, "score", location_student(&ref, &cur, STATS_TWO_SIDED).p);
	else if (strcmp(name, "ed") == 0)
		vector_statistic(v, "score", wasserstein_energy(&ref, &cur).value);
	else
		vector_statistic(
		    v, "score", wasserstein_normed(&ref, &cur, WASSERSTEIN_EVIDENTLY_FLOOR).value);
	vector_other(v, "stattest_name", "how the test was found");
	vector_other(v, "default_threshold", "a rule's business");
	vector_other(v, "drift_at_default", "a rule's business");
	sample_fini(&ref);
	sample_fini(&cur);
}

static void
run_histogram_quantile(struct vector *v)
{
	struct numbers le = vector_numbers(v->inputs, "le"), cum = vector_numbers(v->inputs, "cum");

	vector_statistic(v, "p50", bins_histogram_quantile(0.5, le.x, cum.x, le.n).value);
	vector_statistic(v, "p90", bins_histogram_quantile(0.9, le.x, cum.x, le.n).value);
	vector_statistic(v, "p99", bins_histogram_quantile(0.99, le.x, cum.x, le.n).value);
	free(le.x);
	free(cum.x);
}

static void
run_entropy(struct vector *v)
{
	struct numbers counts = vector_numbers(v->inputs, "counts");

	vector_statistic(v, "H_nat", categories_entropy(counts.x, counts.n).value);
	vector_statistic(v, "H_norm", categories_entropy_normalised(counts.x, counts.n).value);
	free(counts.x);
}

const struct vector_kind vector_kinds_binned[] = {
	{ "binned_distances", run_binned, NULL },
	{ "psi_reference_quantile_bins", run_psi_quantiles, NULL },
	{ "sturges_edges", run_sturges, NULL },
	{ "evidently:", run_evidently, NULL },
	{ "histogram_quantile_classic", run_histogram_quantile, NULL },
	{ "normalised_entropy", run_entropy, NULL },
	{ NULL, NULL, NULL },
};
