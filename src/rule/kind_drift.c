/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `drift:` does the current data still look like the reference?
 *
 * Two queries, a feature per label set of `by`, a test or distance for each,
 * a correction for their number, and one verdict.  This file reads the
 * settings and plans; drift_check.c says what does not fit, drift_judge.c judges, drift_compare.c
 * has the mathematics.
 */
#include "config.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rule/drift_judge.h"
#include "rule/kinds.h"

#define MIN_SAMPLES_TEST    30
#define MIN_REFERENCE_AWARE 100 /* a distance that knows what chance does */
#define MIN_CURRENT_AWARE   30
#define MIN_SAMPLES_UNAWARE 500
#define QUANTILES_DEFAULT   10
#define QUANTILES_MAX       1000
#define NULL_ALPHA_DEFAULT  0.002
#define P_VALUE_DEFAULT     0.05

enum {
	LOG_E,
	LOG_2,
	LOG_10,
	LOG_COUNT
};
static const char *const log_names[] = { "e", "2", "10", NULL };
static const double log_bases[] = { 0, 2, 10 };
static_assert(ARRAY_LEN(log_bases) == LOG_COUNT, "a number for every base");

static const char *const correct_names[] = { "none", "bonferroni", "holm", "bh", "by", NULL };
static_assert(ARRAY_LEN(correct_names) == MULTIPLE_METHOD_COUNT + 1, "a name for every method");

static const char *const null_names[] = { "drop", "own_bin", NULL };
static const char *const direction_names[] = { "both", "up", "down", NULL };
static_assert(ARRAY_LEN(direction_names) == STATS_SIDE_COUNT + 1, "a name for every side");

static const char *const value_field[] = { "value" };

static int
drift_plan(const struct rule_config *rule, const struct past *past UNUSED, wall_t now,
    struct rule_plan *ret, struct err *err UNUSED)
{
	const struct drift_settings *settings = rule->settings;
	const struct rule_arm *arms[] = { settings->reference, settings->current };
	bool samples = settings->spec.form == DRIFT_SAMPLES;

	ret->n = 0;
	for (size_t i = 0; i < ARRAY_LEN(arms); i++) {
		struct rule_query *query =
		    rule_plan_arm(rule, arms[i], now, samples ? QUERY_ROWS : QUERY_INSTANT, ret);

		if (settings->columns.n > 0) {
			query->fields = settings->columns.items;
			query->n_fields = settings->columns.n;
		} else if (samples && settings->spec.categories) {
			query->fields = value_field;
			query->n_fields = ARRAY_LEN(value_field);
		}
	}
	return 0;
}

/* --- reading the settings ------------------------------------------------ */

static void
read_edges(struct schema_context *ctx, const struct yaml_node *node, struct drift_bins *bins)
{
	double *edges;

	if (!schema_is_list(ctx, node, "[0, 1, 2]"))
		return;
	edges = ARENA_ARRAY(ctx->arena, node->n + 1, double);
	for (uint32_t i = 0; i < node->n; i++) {
		const struct yaml_node *item = node->items[i];

		if (item->kind != YAML_SCALAR || !str_to_double(item->text, &edges[i]) ||
		    !isfinite(edges[i]) || (i > 0 && edges[i] <= edges[i - 1])) {
			diag_error(ctx->diag, item->pos,
			    "edges are numbers, each larger than the one before");
			return;
		}
	}
	if (node->n == 0 || node->n >= BINS_MAX) {
		diag_error(ctx->diag, node->pos, "edges: between 1 and %u numbers", BINS_MAX - 1);
		return;
	}
	bins->how = DRIFT_BINS_EDGES;
	bins->edges = edges;
	bins->n_edges = node->n;
}

static void
read_bins(struct schema_context *ctx, const struct yaml_node *node, void *member)
{
	struct drift_bins *bins = member;
	int64_t k;

	bins->given = true;
	if (node->kind == YAML_SCALAR && str_is(node->text, "sturges_pooled")) {
		bins->how = DRIFT_BINS_STURGES;
	} else if (node->kind == YAML_SCALAR && str_is(node->text, "distinct")) {
		bins->how = DRIFT_BINS_DISTINCT;
	} else if (node->kind == YAML_MAPPING && node->n == 1 &&
		   str_is(node->pairs[0].key->text, "ref_quantiles")) {
		const struct yaml_node *count = node->pairs[0].value;

		bins->how = DRIFT_BINS_QUANTILES;
		if (count->kind == YAML_SCALAR && str_to_i64(count->text, &k) && k >= 2 &&
		    k <= QUANTILES_MAX)
			bins->quantiles = (uint32_t)k;
		else
			diag_error(ctx->diag, count->pos,
			    "ref_quantiles is a whole number between 2 and %d", QUANTILES_MAX);
	} else if (node->kind == YAML_MAPPING && node->n == 1 &&
		   str_is(node->pairs[0].key->text, "edges")) {
		read_edges(ctx, node->pairs[0].value, bins);
	} else {
		diag_error(ctx->diag, node->pos,
		    "bins is {ref_quantiles: 10}, {edges: [0, 1, 2]}, sturges_pooled or distinct");
	}
}

static void
read_null_aware(struct schema_context *ctx, const struct yaml_node *node, void *member)
{
	struct drift_null_aware *aware = member;

	aware->given = true;
	aware->alpha = (double)NAN;
	if (node->kind == YAML_SCALAR && str_is(node->text, "false"))
		return;
	aware->alpha = NULL_ALPHA_DEFAULT;
	if (node->kind == YAML_SCALAR && str_is(node->text, "true"))
		return;
	if (node->kind == YAML_MAPPING && node->n == 1 &&
	    str_is(node->pairs[0].key->text, "alpha") &&
	    node->pairs[0].value->kind == YAML_SCALAR &&
	    str_to_double(node->pairs[0].value->text, &aware->alpha) && aware->alpha > 0 &&
	    aware->alpha < 1)
		return;
	diag_error(ctx->diag, node->pos,
	    "null_aware is {alpha: 0.01}, a number between 0 and 1, or false");
}

static bool
read_count(const struct yaml_node *node, double *ret)
{
	int64_t n;

	if (node->kind != YAML_SCALAR || !str_to_i64(node->text, &n) || n < 1)
		return false;
	*ret = (double)n;
	return true;
}

static void
read_min_samples(struct schema_context *ctx, const struct yaml_node *node, void *member)
{
	struct drift_min_samples *min = member;
	bool ok = true;

	min->given = true;
	min->reference = min->current = 0; /* not said: the default */
	if (node->kind == YAML_SCALAR) {
		ok = read_count(node, &min->reference);
		min->current = min->reference;
	} else if (node->kind == YAML_MAPPING) {
		for (uint32_t i = 0; i < node->n; i++) {
			struct str key = node->pairs[i].key->text;

			ok = ok && ((str_is(key, "reference") &&
					read_count(node->pairs[i].value, &min->reference)) ||
				       (str_is(key, "current") &&
					   read_count(node->pairs[i].value, &min->current)));
		}
	} else {
		ok = false;
	}
	if (!ok)
		diag_error(ctx->diag, node->pos,
		    "min_samples is {reference: 500, current: 200}, whole numbers from 1, or one "
		    "number for both");
}

/* --- what follows from them ----------------------------------------------- */

static double
min_samples(double given, const struct drift_settings *s, double aware)
{
	if (given > 0)
		return given;
	if (!drift_is_distance(s->spec.test))
		return MIN_SAMPLES_TEST;
	return isnan(s->spec.null_alpha) ? MIN_SAMPLES_UNAWARE : aware;
}

static void
fill_spec(struct drift_settings *s)
{
	struct drift_spec *spec = &s->spec;
	enum drift_test test = (enum drift_test)s->test;

	*spec = (struct drift_spec){
		.test = test,
		.form = (enum drift_form)s->form,
		.bins = s->bins,
		.epsilon = s->epsilon,
		.log_base = log_bases[s->log_base],
		.min_effect = s->min_effect,
		.own_bin = s->nulls == 1,
		.n_columns = s->columns.n,
		.side = (enum stats_side)s->direction,
	};
	if (!s->bins.given)
		spec->bins =
		    (struct drift_bins){ .how = drift_is_distance(test) ? DRIFT_BINS_QUANTILES
									: DRIFT_BINS_DISTINCT,
			    .quantiles = QUANTILES_DEFAULT };
	spec->categories = spec->form == DRIFT_SAMPLES && drift_test_has_bins(test) &&
			   spec->bins.how == DRIFT_BINS_DISTINCT;
	spec->null_alpha = s->null_aware.given ? s->null_aware.alpha : NULL_ALPHA_DEFAULT;
	spec->level = drift_is_distance(test)
			  ? (isnan(s->value) ? drift_default_value(test) : s->value)
			  : (isnan(s->p_value) ? P_VALUE_DEFAULT : s->p_value);
	spec->min_reference = min_samples(
	    s->min_samples.given ? s->min_samples.reference : 0, s, MIN_REFERENCE_AWARE);
	spec->min_current =
	    min_samples(s->min_samples.given ? s->min_samples.current : 0, s, MIN_CURRENT_AWARE);
}

static void
drift_check(struct schema_context *ctx, void *value, const struct yaml_node *node)
{
	struct drift_settings *s = value;

	if (s->test < 0 || s->form < 0 || s->reference == NULL || s->current == NULL)
		return; /* said already */
	fill_spec(s);
	drift_check_fit(ctx, s, node);
}

static void
drift_finish(struct schema_context *ctx, struct rule_config *rule)
{
	const struct drift_settings *s = rule->settings;

	rule->query_text = s->current->query;
	drift_check_source(ctx, rule, s);
	if (s->form == DRIFT_SAMPLES) {
		rule_arm_needs_window(ctx, rule, s->reference, "reference");
		rule_arm_needs_window(ctx, rule, s->current, "current");
	}
}

static void
put_names(const struct string_list *list, struct buf *out)
{
	for (uint32_t i = 0; i < list->n; i++)
		buf_printf(out, "%s,", list->items[i]);
	buf_putc(out, '\0');
}

static void
drift_identity(const struct rule_config *rule, struct buf *out)
{
	const struct drift_settings *s = rule->settings;
	const struct drift_spec *spec = &s->spec;

	rule_arm_identity(s->reference, out);
	rule_arm_identity(s->current, out);
	put_names(&s->by, out);
	put_names(&s->group, out);
	buf_printf(out, "%s %s %s %.17g %.17g %.17g %.17g %.17g %d %d %.17g %s %d",
	    drift_test_names[spec->test], drift_form_names[spec->form],
	    s->category != NULL ? s->category : "", spec->level, spec->min_effect, spec->null_alpha,
	    spec->epsilon, spec->log_base, spec->own_bin, (int)s->aggregate.how, s->aggregate.limit,
	    correct_names[s->correct], (int)spec->side);
	buf_printf(out, " %d %u", (int)spec->bins.how, spec->bins.quantiles);
	for (uint32_t i = 0; i < spec->bins.n_edges; i++)
		buf_printf(out, " %.17g", spec->bins.edges[i]);
	if (s->columns.n > 0)
		put_names(&s->columns, out);
}

static const struct schema_field reference_fields[] = {
	ARM_FIELDS("What is compared against: the training data, or an earlier time. A column "
		   "named value and "
		   "one for each label; :from and :to are the window's ends."),
	{ .name = "cache",
	    .kind = FIELD_DURATION,
	    .offset = offsetof(struct rule_arm, cache),
	    .fallback = "0s",
	    .doc = "How long an answer may be used again, for a reference that is large and does "
		   "not change; kept in memory until then, or until the configuration is "
		   "reloaded." }
};
static const struct schema_field current_fields[] = { ARM_FIELDS(
    "What is looked at now: the same columns as the reference. max_age and for_points go by the "
    "newest row's time, where the rows have one.") };

static const struct schema reference_schema = {
	.name = "reference",
	.doc = "The data that things should look like.",
	.size = sizeof(struct rule_arm),
	SCHEMA_FIELDS(reference_fields),
	.pos_offset = offsetof(struct rule_arm, pos) + 1,
	.check = rule_arm_check,
};
static const struct schema current_schema = {
	.name = "current",
	.doc = "The data of now.",
	.size = sizeof(struct rule_arm),
	SCHEMA_FIELDS(current_fields),
	.pos_offset = offsetof(struct rule_arm, pos) + 1,
	.check = rule_arm_check,
};

#define DRIFT(m) .offset = offsetof(struct drift_settings, m)

static const struct schema_field drift_fields[] = {
	{ .name = "reference",
	    .kind = FIELD_SUB,
	    .sub = &reference_schema,
	    DRIFT(reference),
	    .flags = FIELD_REQUIRED,
	    .doc = "The data that things should look like." },
	{ .name = "current",
	    .kind = FIELD_SUB,
	    .sub = &current_schema,
	    DRIFT(current),
	    .flags = FIELD_REQUIRED,
	    .doc = "The data of now." },
	{ .name = "by",
	    .kind = FIELD_STRING_LIST,
	    DRIFT(by),
	    .doc = "Labels that tell the features apart; each label set is compared for itself. "
		   "Without it all rows are one feature." },
	{ .name = "test",
	    .kind = FIELD_ENUM,
	    DRIFT(test),
	    .flags = FIELD_REQUIRED,
	    .choices = drift_test_names,
	    .doc =
		"How the two are compared. Tests give a p-value: ks (numbers), chi2, g and "
		"chi2_gof (categories; chi2_gof measures the distance from the reference's "
		"shares, as Evidently and whylogs do), cvm, ad, mann_whitney, welch, "
		"epps_singleton and mmd (numbers; mmd also several columns at once). "
		"Distances have a threshold: psi, js, kl (of current from reference), hellinger, "
		"tv and l_infinity over bins, wasserstein and energy in units of the data, "
		"wasserstein_normed in standard deviations of the reference." },
	{ .name = "columns",
	    .kind = FIELD_STRING_LIST,
	    DRIFT(columns),
	    .flags = FIELD_NONEMPTY,
	    .doc = "mmd: these columns together instead of the column value; each row is one "
		   "point, and what changes between columns is seen, too, such as a correlation "
		   "that is gone. Each column is divided by its standard deviation in the "
		   "reference; a row without one of them is left out. At most 32 columns; of more "
		   "than 500 rows a side so many are drawn at random, from a fixed seed. "
		   "$explain.detail has how far each column's mean moved." },
	{ .name = "form",
	    .kind = FIELD_ENUM,
	    DRIFT(form),
	    .choices = drift_form_names,
	    .fallback = "samples",
	    .doc = "What a row is: samples (a value), counts (a category and how often), or "
		   "cumulative_buckets (a Prometheus histogram's bucket with its label le)." },
	{ .name = "category",
	    .kind = FIELD_STRING,
	    DRIFT(category),
	    .flags = FIELD_NONEMPTY,
	    .doc = "form counts: the label that has the category's name; default: all labels that "
		   "are not in by." },
	{ .name = "bins",
	    .kind = FIELD_CUSTOM,
	    DRIFT(bins),
	    .custom = read_bins,
	    .json_schema =
		"{\"anyOf\":[{\"enum\":[\"sturges_pooled\",\"distinct\"]},{\"type\":\"object\","
		"\"additionalProperties\":false,\"minProperties\":1,\"maxProperties\":1,"
		"\"properties\":{\"ref_quantiles\":{\"type\":\"integer\",\"minimum\":2,"
		"\"maximum\":1000},\"edges\":{\"type\":\"array\",\"minItems\":1,\"items\":{"
		"\"type\":\"number\"}}}}]}",
	    .doc = "How values are binned: {ref_quantiles: 10} (quantiles of the reference; the "
		   "default of distances), {edges: [...]} (yours; the outer bins are open), "
		   "sturges_pooled (equal widths, as Evidently), distinct (each value is a "
		   "category, texts too; the default of chi2, g and chi2_gof)." },
	{ .name = "epsilon",
	    .kind = FIELD_DOUBLE,
	    DRIFT(epsilon),
	    .fallback = "0.0001",
	    .min = 1e-12,
	    .max = 0.1,
	    .doc = "psi and kl: what the share of an empty bin is raised to; the value depends "
		   "on it." },
	{ .name = "log_base",
	    .kind = FIELD_ENUM,
	    DRIFT(log_base),
	    .choices = log_names,
	    .fallback = "e",
	    .doc = "js and kl: the logarithm's base. js goes up to 0.83 with e (as Evidently), up "
		   "to 1 with 2 (as NannyML)." },
	{ .name = "p_value",
	    .kind = FIELD_DOUBLE,
	    DRIFT(p_value),
	    .min = 1e-300,
	    .max = 1,
	    .doc = "Tests: drift when the p-value, after correction, is at most this; default "
		   "0.05." },
	{ .name = "value",
	    .kind = FIELD_DOUBLE,
	    DRIFT(value),
	    .flags = FIELD_POSITIVE,
	    .doc = "Distances: drift when the distance is at least this. Default: psi 0.2; js, "
		   "kl, hellinger, tv, l_infinity and wasserstein_normed 0.1." },
	{ .name = "null_aware",
	    .kind = FIELD_CUSTOM,
	    DRIFT(null_aware),
	    .custom = read_null_aware,
	    .json_schema =
		"{\"anyOf\":[{\"type\":\"boolean\"},{\"type\":\"object\",\"properties\":{\"alpha\":"
		"{\"type\":\"number\",\"exclusiveMinimum\":0,\"exclusiveMaximum\":1}},"
		"\"required\":[\"alpha\"],\"additionalProperties\":false}]}",
	    .doc = "Distances: drift only if chance alone would make the distance as large, at "
		   "these sample sizes, with at most this probability; default {alpha: 0.002}; "
		   "false: the threshold alone decides, and small samples cry wolf. chi2_gof: "
		   "false takes the reference as exact." },
	{ .name = "min_effect",
	    .kind = FIELD_DOUBLE,
	    DRIFT(min_effect),
	    .flags = FIELD_POSITIVE,
	    .doc = "Tests: drift only if the difference is also this large: ks D, chi2 and g "
		   "Cramer's V, chi2_gof Cohen's w, mann_whitney |AUC - 0.5|, welch Cohen's d. "
		   "Large samples make any difference significant." },
	{ .name = "direction",
	    .kind = FIELD_ENUM,
	    DRIFT(direction),
	    .choices = direction_names,
	    .fallback = "both",
	    .doc = "ks, mann_whitney and welch: only if the current values tend up, or down." },
	{ .name = "correct",
	    .kind = FIELD_ENUM,
	    DRIFT(correct),
	    .choices = correct_names,
	    .fallback = "bh",
	    .doc = "Correction for the number of features: of 30 that do not drift, one seems to "
		   "in three of four evaluations without any. bh (Benjamini-Hochberg), by (the "
		   "same for any dependence), holm, bonferroni, none." },
	{ .name = "aggregate",
	    .kind = FIELD_CUSTOM,
	    DRIFT(aggregate),
	    .custom = aggregate_read,
	    .json_schema = AGGREGATE_JSON_SCHEMA,
	    .doc = "any: an alert for each feature that drifts, with its labels (default). all, "
		   "{count: n}, {share: x}: one alert when so many of those judged drift; "
		   "$explain.features lists them." },
	{ .name = "group",
	    .kind = FIELD_STRING_LIST,
	    DRIFT(group),
	    .doc = "With aggregate: one alert for each value of these labels of by." },
	{ .name = "min_samples",
	    .kind = FIELD_CUSTOM,
	    DRIFT(min_samples),
	    .custom = read_min_samples,
	    .json_schema =
		"{\"anyOf\":[{\"type\":\"integer\",\"minimum\":1},{\"type\":\"object\","
		"\"additionalProperties\":false,\"properties\":{\"reference\":{\"type\":"
		"\"integer\",\"minimum\":1},\"current\":{\"type\":\"integer\",\"minimum\":1}}}]}",
	    .doc = "With fewer values on a side a feature is not judged (insufficient). Default: "
		   "30 and 30 for tests; 100 and 30 for distances, 500 and 500 where null_aware is "
		   "off." },
	{ .name = "nulls",
	    .kind = FIELD_ENUM,
	    DRIFT(nulls),
	    .choices = null_names,
	    .fallback = "drop",
	    .doc = "Missing values and NaN: left out, or a bin of their own, so that a change of "
		   "their share is drift." },
	{ .name = "max_rows",
	    .kind = FIELD_INT,
	    DRIFT(max_rows),
	    .fallback = "200000",
	    .min = 100,
	    .max = POINTS_MAX,
	    .doc = "Numbers compared per feature and side. Of more, so many are drawn at random, "
		   "each row with equal chance, from a fixed seed: the same rows in the same order "
		   "give the same draw." },
};

static const struct schema drift_schema = {
	.name = "drift",
	.doc = "Compares current data with a reference, feature by feature: a statistical test or "
	       "a distance, aware of sample sizes and of the number of features.",
	.size = sizeof(struct drift_settings),
	SCHEMA_FIELDS(drift_fields),
	.pos_offset = offsetof(struct drift_settings, pos) + 1,
	.check = drift_check,
};

const struct rule_kind_schema rule_kind_drift_schema = {
	.name = "drift",
	.min_samples = true,
	.schema = &drift_schema,
	.finish = drift_finish,
	.identity = drift_identity,
};

const struct rule_kind rule_kind_drift = {
	.schema = &rule_kind_drift_schema,
	.plan = drift_plan,
	.judge = drift_judge,
	.heavy = true,
	.heavy_always = true, /* permutations: a hundred rows can take 50 ms */
};
