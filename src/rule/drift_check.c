/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of a drift rule that do not fit each other, its test, or its source. */
#include "config.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/attr.h"
#include "rule/drift_judge.h"

const char *const drift_form_names[] = { "samples", "counts", "cumulative_buckets", NULL };
static_assert(ARRAY_LEN(drift_form_names) == DRIFT_FORM_COUNT + 1, "a name for every form");

static void
check_level(
    struct schema_context *ctx, const struct drift_settings *s, const struct yaml_node *node)
{
	enum drift_test test = (enum drift_test)s->test;

	if (drift_is_distance(test)) {
		if (!isnan(s->p_value))
			diag_error(ctx->diag, rule_key_pos(node, "p_value"),
			    "%s is a distance and has no p_value; its threshold is value, and "
			    "null_aware: {alpha: %g} is what chance may exceed",
			    drift_test_names[test], s->p_value);
		if (!isnan(s->min_effect))
			diag_error(ctx->diag, rule_key_pos(node, "min_effect"),
			    "min_effect is for tests; %s has value", drift_test_names[test]);
		if (isnan(s->value) && isnan(drift_default_value(test)))
			diag_error(ctx->diag, rule_key_pos(node, "test"),
			    "%s is in the units of the data and needs a value%s",
			    drift_test_names[test],
			    test == DRIFT_WASSERSTEIN
				? "; wasserstein_normed is in standard deviations of the "
				  "reference, whose value is 0.1 unless given"
				: "");
	} else {
		if (!isnan(s->value))
			diag_error(ctx->diag, rule_key_pos(node, "value"),
			    "%s is a test: its threshold is p_value, and min_effect the smallest "
			    "difference that matters",
			    drift_test_names[test]);
		if (s->null_aware.given && test != DRIFT_CHI2_GOF)
			diag_error(ctx->diag, rule_key_pos(node, "null_aware"),
			    "null_aware is for distances and chi2_gof; %s knows the sample sizes "
			    "by itself",
			    drift_test_names[test]);
	}
}

static void
check_form(struct schema_context *ctx, const struct drift_settings *s, const struct yaml_node *node)
{
	enum drift_test test = (enum drift_test)s->test;

	if (!drift_test_takes(test, s->spec.form, s->spec.categories))
		diag_error(ctx->diag, rule_key_pos(node, "test"), "%s cannot be computed from %s",
		    drift_test_names[test],
		    s->spec.form != DRIFT_SAMPLES ? drift_form_names[s->spec.form]
						  : "distinct values; it needs numbers in order");
	if (s->bins.given && (s->form != DRIFT_SAMPLES || !drift_test_has_bins(test)))
		diag_error(ctx->diag, rule_key_pos(node, "bins"), "bins has no meaning with %s",
		    s->form != DRIFT_SAMPLES ? drift_form_names[s->form] : drift_test_names[test]);
	if (s->spec.own_bin && (s->form != DRIFT_SAMPLES || !drift_test_has_bins(test)))
		diag_error(ctx->diag, rule_key_pos(node, "nulls"),
		    "nulls: own_bin needs form samples and a test over bins: psi, js, kl, "
		    "hellinger, tv, l_infinity, chi2, chi2_gof or g");
	if (s->category != NULL && s->form != DRIFT_COUNTS)
		diag_error(
		    ctx->diag, rule_key_pos(node, "category"), "category belongs to form: counts");
	if (s->direction != STATS_TWO_SIDED && !drift_test_has_side(test))
		diag_error(ctx->diag, rule_key_pos(node, "direction"),
		    "direction is for ks, mann_whitney and welch; %s has none",
		    drift_test_names[test]);
	if (s->group.n > 0 && s->aggregate.how == AGGREGATE_ANY)
		diag_error(ctx->diag, rule_key_pos(node, "group"),
		    "group needs aggregate: all, {count: n} or {share: x}; with any each feature "
		    "has an alert of its own");
}

static bool
is_in(const struct string_list *list, uint32_t n, const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		if (strcmp(list->items[i], name) == 0)
			return true;
	return false;
}

static void
check_columns(struct schema_context *ctx, const struct drift_settings *s)
{
	const struct string_list *columns = &s->columns;

	if (columns->n == 0)
		return;
	if (s->test != DRIFT_MMD || s->form != DRIFT_SAMPLES)
		diag_error(ctx->diag, columns->pos[0],
		    "columns are compared at once by mmd on samples; %s looks at one value a row",
		    s->test != DRIFT_MMD ? drift_test_names[s->test] : drift_form_names[s->form]);
	if (columns->n > DRIFT_COLUMNS_MAX)
		diag_error(ctx->diag, columns->pos[DRIFT_COLUMNS_MAX],
		    "more than %u columns; leave some out, or reduce them first, as by principal "
		    "components",
		    DRIFT_COLUMNS_MAX);
	for (uint32_t i = 0; i < columns->n; i++)
		if (is_in(columns, i, columns->items[i]) ||
		    is_in(&s->by, s->by.n, columns->items[i]))
			diag_error(ctx->diag, columns->pos[i], "the column '%s' is named %s",
			    columns->items[i],
			    is_in(columns, i, columns->items[i]) ? "twice" : "in by, too");
}

void
drift_check_fit(
    struct schema_context *ctx, const struct drift_settings *s, const struct yaml_node *node)
{
	check_level(ctx, s, node);
	check_form(ctx, s, node);
	check_columns(ctx, s);
}

void
drift_check_source(
    struct schema_context *ctx, const struct rule_config *rule, const struct drift_settings *s)
{
	const struct rule_arm *arms[] = { s->reference, s->current };

	for (size_t i = 0; i < ARRAY_LEN(arms) && s->columns.n > 0; i++) {
		const struct source_config *source =
		    arms[i]->source != NULL ? arms[i]->source : rule->source;

		if (source != NULL && source->kind->promql != NULL &&
		    source->kind->promql(source->settings))
			diag_error(ctx->diag, s->columns.pos[0],
			    "columns are those of a table, and source '%s' has metrics; give it a "
			    "source that has rows",
			    source->name);
	}
}
