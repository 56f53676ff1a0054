/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of sketches, and of the profile that carries them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "source/whylogs_profile.h"
#include "stats/frequent.h"
#include "stats/hll.h"
#include "stats/kll.h"
#include "vectors.h"

#define BYTES_MAX (1u << 20)

struct bytes {
	uint8_t *p; /* exactly n of them, so that a sanitizer sees an overrun */
	size_t n;
};

static struct bytes
bytes_of(struct vector *v)
{
	struct json_object *hex;
	struct bytes bytes = { 0 };
	const char *text;
	size_t n;

	if (!json_object_object_get_ex(v->inputs, "hex", &hex))
		abort();
	text = json_object_get_string(hex);
	n = strlen(text) / 2;
	bytes.p = malloc(n > 0 ? n : 1);
	if (bytes.p == NULL || n > BYTES_MAX)
		abort();
	for (bytes.n = 0; bytes.n < n; bytes.n++) {
		char pair[3] = { text[2 * bytes.n], text[2 * bytes.n + 1], '\0' };

		bytes.p[bytes.n] = (uint8_t)strtoul(pair, NULL, 16); /* style-ok: two hex digits */
	}
	return bytes;
}

static void
expect_text(struct vector *v, const char *key, const char *got)
{
	struct json_object *want;

	vector_other(v, key, "a text");
	if (json_object_object_get_ex(v->expected, key, &want) &&
	    strcmp(json_object_get_string(want), got) != 0)
		vector_fail(v, " %s: want %s, got %s;", key, json_object_get_string(want), got);
}

static double
weight_at(const struct kll *kll, size_t i)
{
	return (double)(kll->upto[i] - (i > 0 ? kll->upto[i - 1] : 0));
}

/* [[value, weight], ...]: the first, or the last, of the items. */
static void
expect_items(struct vector *v, const char *key, const struct kll *kll, bool last)
{
	struct json_object *list;
	size_t n;

	vector_other(v, key, "compared here");
	if (!json_object_object_get_ex(v->expected, key, &list))
		return;
	n = json_object_array_length(list);
	for (size_t i = 0; i < n; i++) {
		struct json_object *pair = json_object_array_get_idx(list, i);
		size_t at = last ? kll->count - n + i : i;

		if (at >= kll->count ||
		    vector_number(json_object_array_get_idx(pair, 0)) != kll->v[at] ||
		    vector_number(json_object_array_get_idx(pair, 1)) != weight_at(kll, at))
			vector_fail(v, " %s[%zu] differs;", key, i);
	}
}

static void
expect_ranks(struct vector *v, const char *key, const struct kll *kll, bool inclusive)
{
	struct json_object *list;

	vector_other(v, key, "compared here");
	if (!json_object_object_get_ex(v->expected, key, &list))
		return;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *pair = json_object_array_get_idx(list, i);
		double x = vector_number(json_object_array_get_idx(pair, 0));
		double want = vector_number(json_object_array_get_idx(pair, 1));
		double got = kll_rank(kll, x, inclusive).value;

		if (!(fabs(want - got) <= 1e-12))
			vector_fail(v, " %s at %g: want %.17g, got %.17g;", key, x, want, got);
	}
}

static void
run_kll(struct vector *v)
{
	static const double q[] = { 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99 };
	struct bytes bytes = bytes_of(v);
	double below[7], upto[7];
	struct kll kll;

	if (kll_init(&kll, bytes.p, bytes.n) != STATS_OK) {
		vector_fail(v, " no sketch;");
		free(bytes.p);
		return;
	}
	for (size_t i = 0; i < 7; i++) {
		below[i] = kll_quantile(&kll, q[i]).value;
		upto[i] = kll_quantile_inclusive(&kll, q[i]).value;
	}
	vector_statistic(v, "k", kll.k);
	vector_statistic(v, "n", (double)kll.n);
	vector_statistic(v, "retained", (double)kll.count);
	vector_statistic(v, "eps", kll_error(&kll, false));
	vector_statistic(v, "eps_pmf", kll_error(&kll, true));
	vector_statistic(v, "min", kll.min);
	vector_statistic(v, "max", kll.max);
	vector_list(v, "quantiles_excl", below, 7);
	vector_list(v, "quantiles_incl", upto, 7);
	expect_ranks(v, "rank_excl_at", &kll, false);
	expect_ranks(v, "rank_incl_at", &kll, true);
	expect_items(v, "decoded_first3", &kll, false);
	expect_items(v, "decoded_last1", &kll, true);
	kll_fini(&kll);
	free(bytes.p);
}

static void
run_hll(struct vector *v)
{
	struct bytes bytes = bytes_of(v);
	struct hll hll = { 0 };

	if (hll_read(&hll, bytes.p, bytes.n) != STATS_OK)
		vector_fail(v, " no sketch;");
	expect_text(v, "kind", "hll");
	expect_text(v, "type", hll_type_name(hll.type));
	vector_other(v, "n", "what went in: the estimate's truth");
	vector_statistic(v, "lg_k", hll.lg_k);
	vector_statistic(v, "est", hll.estimate);
	vector_statistic(v, "lower1", hll.lower);
	vector_statistic(v, "upper1", hll.upper);
	free(bytes.p);
}

/* [[text, estimate, lower, upper], ...] or [[text, estimate], ...] */
static void
expect_frequent(struct vector *v, struct json_object *list, const struct frequent *f)
{
	if (json_object_array_length(list) != f->n) {
		vector_fail(v, " %u items;", f->n);
		return;
	}
	for (uint32_t i = 0; i < f->n; i++) {
		struct json_object *row = json_object_array_get_idx(list, i);
		double weight = (double)f->items[i].weight;
		double want[3] = { weight + (double)f->error, weight, weight + (double)f->error };

		if (!str_is(f->items[i].text,
			json_object_get_string(json_object_array_get_idx(row, 0))))
			vector_fail(v, " item %u is another;", i);
		for (size_t j = 1; j < json_object_array_length(row); j++)
			if (vector_number(json_object_array_get_idx(row, j)) != want[j - 1])
				vector_fail(v, " item %u counts otherwise;", i);
	}
}

static void
run_frequent(struct vector *v)
{
	struct bytes bytes = bytes_of(v);
	struct json_object *items;
	struct frequent f;

	if (frequent_init(&f, bytes.p, bytes.n) != STATS_OK)
		vector_fail(v, " no sketch;");
	expect_text(v, "kind", "frequent_strings");
	vector_other(v, "lg_max_k", "how large it may become");
	vector_statistic(v, "total", (double)f.total);
	vector_other(v, "items", "compared here");
	if (json_object_object_get_ex(v->expected, "items", &items))
		expect_frequent(v, items, &f);
	frequent_fini(&f);
	free(bytes.p);
}

static double
number_at(const struct whylogs_column *column, const char *path)
{
	const struct whylogs_component *c = whylogs_find(column, str_from(path));

	return c != NULL ? c->number : STATS_NAN;
}

static double
computed(struct vector *v, const struct whylogs_column *column, const char *what)
{
	const struct whylogs_component *c;
	struct kll kll;
	double n;

	if (strcmp(what, "null_ratio") == 0)
		return number_at(column, "counts/null") / number_at(column, "counts/n");
	c = whylogs_find(column, STR("distribution/kll"));
	if (c == NULL || kll_init(&kll, c->bytes.p, c->bytes.n) != STATS_OK) {
		vector_fail(v, " no distribution;");
		return STATS_NAN;
	}
	n = (double)kll.n;
	kll_fini(&kll);
	return strcmp(what, "kll_n") == 0 ? n
					  : sqrt(number_at(column, "distribution/m2") / (n - 1));
}

static void
expect_column(struct vector *v, struct json_object *want, const struct whylogs_column *column)
{
	json_object_object_foreach(want, key, value)
	{
		double got, expected;

		if (strcmp(key, "frequent") == 0) {
			const struct whylogs_component *c =
			    whylogs_find(column, STR("frequent_items/frequent_strings"));
			struct frequent f;

			if (c == NULL || frequent_init(&f, c->bytes.p, c->bytes.n) != STATS_OK) {
				vector_fail(v, " no frequent items;");
				continue;
			}
			expect_frequent(v, value, &f);
			frequent_fini(&f);
			continue;
		}
		got = strchr(key, '/') != NULL ? number_at(column, key) : computed(v, column, key);
		expected = vector_number(value);
		if (!(fabs(got - expected) <= 1e-9 * fabs(expected)))
			vector_fail(v, " %s: want %.17g, got %.17g;", key, expected, got);
	}
}

static void
expect_profile(struct vector *v, const struct whylogs_profile *profile)
{
	struct json_object *columns, *metadata;

	vector_statistic(v, "dataset_timestamp_ms", (double)(profile->dataset.ns / 1000000));
	vector_other(v, "metadata", "compared here");
	vector_other(v, "columns", "compared here");
	if (json_object_object_get_ex(v->expected, "metadata", &metadata)) {
		json_object_object_foreach(metadata, name, text)
		{
			bool found = false;

			for (uint32_t i = 0; i < profile->n_metadata; i++)
				found = found || (str_is(profile->metadata[i].key, name) &&
						     str_is(profile->metadata[i].value,
							 json_object_get_string(text)));
			if (!found)
				vector_fail(v, " no metadata %s;", name);
		}
	}
	if (!json_object_object_get_ex(v->expected, "columns", &columns))
		return;
	json_object_object_foreach(columns, name, want)
	{
		const struct whylogs_column *column = NULL;

		for (uint32_t i = 0; i < profile->n_columns; i++)
			if (str_is(profile->columns[i].name, name))
				column = &profile->columns[i];
		if (column == NULL)
			vector_fail(v, " no column %s;", name);
		else
			expect_column(v, want, column);
	}
}

static void
run_why1(struct vector *v)
{
	struct bytes bytes = bytes_of(v);
	struct arena *arena = arena_new(0);
	struct whylogs_profile profile;
	struct err err;

	if (whylogs_read(str_make((const char *)bytes.p, bytes.n), arena, &profile, &err) < 0)
		vector_fail(v, " %s;", err.text);
	else
		expect_profile(v, &profile);
	arena_free(arena);
	free(bytes.p);
}

const struct vector_kind vector_kinds_sketches[] = {
	{ "kll_doubles_sketch_decode", run_kll, NULL },
	{ "datasketches_hll", run_hll, NULL },
	{ "datasketches_frequent_strings", run_frequent, NULL },
	{ "whylogs_v1_file", run_why1, NULL },
	{ NULL, NULL, NULL },
};
