/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `quality:` is the model still right?  Predictions joined with the labels that
 * come later.
 *
 * The window ends label_delay ago, so that labels had time to come; while too
 * many are missing nothing is judged, because those that come first are not
 * like the rest.  With lower_confidence a small sample that happens to be bad
 * is no alert: the bound towards the good side must be beyond the threshold.
 */
#include "config.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "rule/arm.h"
#include "rule/cells.h"
#include "rule/kinds.h"
#include "rule/levels.h"
#include "rule/verdicts.h"
#include "stats/quality.h"

#define ECE_BINS 10
/* Bounds are shown even where none is asked for. */
#define CONFIDENCE_SHOWN 0.95

enum metric {
	METRIC_ACCURACY,
	METRIC_PRECISION,
	METRIC_RECALL,
	METRIC_F1,
	METRIC_AUC,
	METRIC_BRIER,
	METRIC_LOG_LOSS,
	METRIC_ECE,
	METRIC_RMSE,
	METRIC_MAE,
	METRIC_MAPE,
	METRIC_BIAS,
	METRIC_R2,
	METRIC_COUNT
};
static const char *const metric_names[] = { "accuracy", "precision", "recall", "f1", "auc", "brier",
	"log_loss", "ece", "rmse", "mae", "mape", "bias", "r2", NULL };
static_assert(ARRAY_LEN(metric_names) == METRIC_COUNT + 1, "a name for every metric");

struct quality_settings {
	struct rule_arm arm; /* first; its lag is not used */
	struct string_list by;
	int metric, op;
	double value, min_label_coverage, lower_confidence;
	dur_t label_delay;
	int64_t min_samples;
	const char *pred_column, *score_column, *label_column, *positive;
	/* from the above */
	const char *fields[2];
};
static_assert(offsetof(struct quality_settings, arm) == 0, "ARM_FIELDS fill the beginning");

static bool
reads_classes(int metric)
{
	return metric <= METRIC_F1;
}

static bool
reads_scores(int metric)
{
	return metric >= METRIC_AUC && metric <= METRIC_ECE;
}

static bool
has_bounds(int metric)
{
	return metric != METRIC_ECE && metric != METRIC_R2;
}

static int
quality_plan(const struct rule_config *rule, const struct past *past UNUSED, wall_t now,
    struct rule_plan *ret, struct err *err UNUSED)
{
	const struct quality_settings *s = rule->settings;
	struct rule_query *query;

	ret->n = 0;
	query = rule_plan_arm(rule, &s->arm, wall_sub(now, s->label_delay), QUERY_ROWS, ret);
	query->fields = s->fields;
	query->n_fields = ARRAY_LEN(s->fields);
	return 0;
}

/* --- gathering ----------------------------------------------------------- */

struct group {
	double rows, labelled;
	wall_t at;                  /* of its newest row */
	double correct, tp, fp, fn; /* classes */
	double *x, *y;              /* score or prediction, and number; or error in x alone */
	bool *positive;
	size_t n, cap;
};

/* "1" and "1.0" and "true" are the same class; other names are what they are. */
static bool
same_class(struct str a, struct str b)
{
	double x, y;

	if (str_eq(a, b))
		return true;
	return str_to_double(str_trim(a), &x) && str_to_double(str_trim(b), &y) && x == y;
}

static bool
is_positive(const struct quality_settings *s, struct str label)
{
	return same_class(label, str_from(s->positive)) ||
	       (strcmp(s->positive, "1") == 0 &&
		   (str_is(label, "true") || str_is(label, "t") || str_is(label, "True")));
}

static void
add_class(const struct quality_settings *s, struct str pred, struct str label, struct group *g)
{
	bool predicted = is_positive(s, pred), actual = is_positive(s, label);

	g->correct += same_class(pred, label) || (predicted && actual);
	g->tp += predicted && actual;
	g->fp += predicted && !actual;
	g->fn += !predicted && actual;
}

static void
add_point(struct group *g, double x, double y, bool positive)
{
	if (g->n == g->cap) {
		g->x = xgrow(g->x, &g->cap, g->n + 1, sizeof(*g->x));
		g->y = xrealloc(g->y, g->cap, sizeof(*g->y));
		g->positive = xrealloc(g->positive, g->cap, sizeof(*g->positive));
	}
	g->x[g->n] = x;
	g->y[g->n] = y;
	g->positive[g->n++] = positive;
}

static int
add_row(const struct quality_settings *s, const struct sample *sample, size_t row, struct group *g,
    struct err *err)
{
	struct str pred = cells_field(sample, 0), label = cells_field(sample, 1);
	double x = 0, y = 0;
	int code = 0;

	/* Without a prediction there is nothing that could be right or wrong. */
	if (pred.p == NULL)
		return 0;
	if (!reads_classes(s->metric)) {
		code = cells_number(sample, 0, s->fields[0], row, &x, err);
		if (code == 0 && !reads_scores(s->metric))
			code = cells_number(sample, 1, s->label_column, row, &y, err);
		if (code < 0 || isnan(x))
			return code;
	}
	g->rows++;
	g->at = wall_max(g->at, sample->at);
	if (label.p == NULL || isnan(y))
		return 0;
	g->labelled++;
	if (reads_classes(s->metric))
		add_class(s, pred, label, g);
	else
		add_point(g, x, y, reads_scores(s->metric) && is_positive(s, label));
	return 0;
}

/* --- measuring ----------------------------------------------------------- */

/* The error of a point, of which the metric is the mean; NaN: it has none. */
static double
error_of(enum metric metric, double x, double y, bool positive)
{
	double target = positive ? 1.0 : 0.0;

	if (metric == METRIC_BRIER)
		return (x - target) * (x - target);
	if (metric == METRIC_LOG_LOSS)
		return x >= 0 && x <= 1 ? quality_log_loss(x, positive) : (double)NAN;
	if (metric == METRIC_RMSE)
		return (x - y) * (x - y);
	if (metric == METRIC_MAE)
		return fabs(x - y);
	if (metric == METRIC_MAPE)
		return y == 0 ? (double)NAN : fabs((x - y) / y);
	return x - y;
}

static struct estimate
mean_error(enum metric metric, const struct group *g, double confidence)
{
	double *errors = xmalloc((g->n + 1) * sizeof(*errors));
	struct estimate ret;
	size_t n = 0;

	for (size_t i = 0; i < g->n; i++) {
		double error = error_of(metric, g->x[i], g->y[i], g->positive[i]);

		/* MAPE: a true value of 0 has no relative error. */
		if (metric != METRIC_MAPE || !isnan(error))
			errors[n++] = error;
	}
	ret = quality_mean(errors, n, confidence);
	free(errors);
	return metric == METRIC_RMSE ? quality_root(ret) : ret;
}

static struct estimate
measure(const struct quality_settings *s, const struct group *g)
{
	double c = isnan(s->lower_confidence) ? CONFIDENCE_SHOWN : s->lower_confidence;

	if (s->metric == METRIC_ACCURACY)
		return quality_share(g->correct, g->labelled, c);
	if (s->metric == METRIC_PRECISION)
		return quality_share(g->tp, g->tp + g->fp, c);
	if (s->metric == METRIC_RECALL)
		return quality_share(g->tp, g->tp + g->fn, c);
	if (s->metric == METRIC_F1)
		return quality_f1(g->tp, g->fp, g->fn, c);
	if (s->metric == METRIC_AUC)
		return quality_auc(g->x, g->positive, g->n, c);
	if (s->metric == METRIC_ECE)
		return quality_ece(g->x, g->positive, g->n, ECE_BINS);
	if (s->metric == METRIC_R2)
		return quality_r2(g->x, g->y, g->n);
	return mean_error((enum metric)s->metric, g, c);
}

static const char *
reason_of(enum stats_status status)
{
	switch (status) {
	case STATS_FEW:
		return "nothing to count: no positive prediction or label, or one class alone";
	case STATS_CONSTANT:
		return "all true values are the same";
	case STATS_INVALID:
		return "scores outside 0 to 1";
	case STATS_NOT_FINITE:
		return "infinite or invalid values";
	case STATS_LIMIT:
		return "too many values";
	case STATS_OK:
	case STATS_STATUS_COUNT:
		break;
	}
	return NULL;
}

static bool
is_breach(const struct quality_settings *s, const struct estimate *e)
{
	enum op op = (enum op)s->op;

	if (isnan(s->lower_confidence))
		return op_holds(op, e->value, s->value);
	/* The bound on the good side: all that is likely lies beyond the threshold. */
	return op_holds(op, op == OP_LT || op == OP_LE ? e->high : e->low, s->value);
}

static void
set_verdict(
    const struct rule_config *rule, const struct group *g, struct arena *arena, struct verdict *ret)
{
	const struct quality_settings *s = rule->settings;
	double least = rule->min_samples > 0 ? rule->min_samples : (double)s->min_samples;
	double coverage = g->rows > 0 ? g->labelled / g->rows : 0;
	struct estimate estimate = {
		.value = (double)NAN, .low = (double)NAN, .high = (double)NAN
	};
	struct explain *e = &ret->explain;
	struct buf more = { 0 };

	if (g->labelled < least) {
		ret->reason = "fewer labelled predictions than min_samples";
	} else if (coverage < s->min_label_coverage) {
		ret->reason = "too many labels have not come yet";
	} else {
		estimate = measure(s, g);
		ret->reason = reason_of(estimate.status);
	}
	ret->outcome = ret->reason != NULL       ? OUTCOME_INSUFFICIENT
		       : is_breach(s, &estimate) ? OUTCOME_BREACH
						 : OUTCOME_OK;
	ret->value = estimate.value;
	ret->data_at = g->at;
	verdict_put_number(&more, "label_coverage", coverage);
	verdict_put_number(&more, "bound_low", estimate.low);
	verdict_put_number(&more, "bound_high", estimate.high);
	if (reads_classes(s->metric)) {
		verdict_put_number(&more, "true_positives", g->tp);
		verdict_put_number(&more, "false_positives", g->fp);
		verdict_put_number(&more, "false_negatives", g->fn);
	}
	ret->more = verdict_keep(arena, &more);
	*e = explain_none;
	e->method = metric_names[s->metric];
	e->value = estimate.value;
	e->threshold = s->value;
	e->n_current = g->labelled;
	if (dur_is_set(s->arm.window))
		e->window = s->arm.window;
}

static int
gather(const struct rule_input *in, struct cells *cells, struct group **groups, size_t *n,
    struct err *err)
{
	const struct quality_settings *s = in->rule->settings;
	size_t cap = 0;

	for (uint32_t i = 0; i < in->answers->n; i++) {
		const struct sample *sample = &in->answers->samples[i];
		uint32_t at;
		int code = cells_place(cells, in->sources[0], sample, &at, NULL, err);

		if (code < 0)
			return code;
		if (at >= cap)
			*groups = xgrow(*groups, &cap, at + 1, sizeof(**groups));
		while (*n <= at)
			(*groups)[(*n)++] = (struct group){ 0 };
		code = add_row(s, sample, i + 1, &(*groups)[at], err);
		if (code < 0)
			return code;
	}
	return 0;
}

static int
quality_judge(const struct rule_input *in, struct judgement *ret, struct err *err)
{
	static const struct aggregate each = { .how = AGGREGATE_ANY };
	static const struct string_list no_group;
	const struct quality_settings *s = in->rule->settings;
	const struct cells_options options = { .by = &s->by };
	struct group *groups = NULL;
	struct verdict *verdicts;
	struct cells cells;
	size_t n = 0;
	int code;

	cells_init(&cells, in->arena, &options);
	code = gather(in, &cells, &groups, &n, err);
	if (code == 0) {
		verdicts = ARENA_ARRAY(in->arena, n + 1, struct verdict);
		for (uint32_t i = 0; i < n; i++) {
			verdicts[i].labels = &cells.groups[i];
			set_verdict(in->rule, &groups[i], in->arena, &verdicts[i]);
		}
		*ret = (struct judgement){ .absent = OUTCOME_OK };
		verdicts_observe(
		    in->arena, verdicts, (uint32_t)n, &each, &no_group, &explain_none, ret);
	}
	for (size_t i = 0; i < n; i++) {
		free(groups[i].x);
		free(groups[i].y);
		free(groups[i].positive);
	}
	free(groups);
	cells_fini(&cells);
	return code;
}

/* --- settings ------------------------------------------------------------ */

static void
quality_check(struct schema_context *ctx, void *value, const struct yaml_node *node)
{
	struct quality_settings *s = value;

	rule_arm_check(ctx, &s->arm, node);
	if (s->metric < 0 || s->op < 0)
		return; /* said already */
	s->fields[0] = reads_scores(s->metric) ? s->score_column : s->pred_column;
	s->fields[1] = s->label_column;
	if (strcmp(s->fields[0], s->fields[1]) == 0)
		diag_error(ctx->diag, s->arm.pos, "prediction and label are the same column '%s'",
		    s->fields[0]);
	if (!isnan(s->lower_confidence) && !has_bounds(s->metric))
		diag_error(ctx->diag, rule_key_pos(node, "lower_confidence"),
		    "%s has no bounds, so lower_confidence cannot "
		    "be met; leave it out",
		    metric_names[s->metric]);
	if (s->op == OP_EQ || s->op == OP_NE)
		diag_error(ctx->diag, rule_key_pos(node, "op"), "op '%s' makes no sense for %s",
		    op_names[s->op], metric_names[s->metric]);
	if (s->label_delay.ns > 0 && !dur_is_set(s->arm.window))
		diag_error(ctx->diag, rule_key_pos(node, "label_delay"),
		    "label_delay moves the window, and there is none: add e.g. 'window: 7d' and "
		    "use :from and :to in the query");
}

static void
quality_finish(struct schema_context *ctx, struct rule_config *rule)
{
	const struct quality_settings *s = rule->settings;
	const struct source_config *source = s->arm.source != NULL ? s->arm.source : rule->source;

	rule->query_text = s->arm.query;
	if (source != NULL && source->kind->series)
		diag_error(ctx->diag, s->arm.pos,
		    "quality reads a table of predictions and labels, and source '%s' has "
		    "one number for each series; give it a 'source' that has rows",
		    source->name);
}

static void
quality_identity(const struct rule_config *rule, struct buf *out)
{
	const struct quality_settings *s = rule->settings;

	rule_arm_identity(&s->arm, out);
	for (uint32_t i = 0; i < s->by.n; i++)
		buf_printf(out, "%s,", s->by.items[i]);
	buf_printf(out, "%c%s %s %.17g %.17g %lld %s %s %s", '\0', metric_names[s->metric],
	    op_names[s->op], s->value, s->lower_confidence, (long long)s->label_delay.ns,
	    s->fields[0], s->fields[1], s->positive);
}

#define QUALITY(m) .offset = offsetof(struct quality_settings, m)

static const struct schema_field quality_fields[] = {
	ARM_FIELDS("One row for each prediction, with its label where it has come (else NULL): "
		   "columns pred or score, label, and those of by; :from and :to are the ends of "
		   "the window."),
	{ .name = "by",
	    .kind = FIELD_STRING_LIST,
	    QUALITY(by),
	    .doc = "Labels, e.g. model, by which it is measured for itself; default: all rows "
		   "together." },
	{ .name = "metric",
	    .kind = FIELD_ENUM,
	    QUALITY(metric),
	    .flags = FIELD_REQUIRED,
	    .choices = metric_names,
	    .doc = "accuracy, precision, recall and f1 of classes; auc, brier, log_loss and ece "
		   "of scores; rmse, mae, mape, bias (predicted less true) and r2 of numbers." },
	{ .name = "op",
	    .kind = FIELD_ENUM,
	    QUALITY(op),
	    .flags = FIELD_REQUIRED,
	    .choices = op_names,
	    .doc = "How the metric is compared with value." },
	{ .name = "value",
	    .kind = FIELD_DOUBLE,
	    QUALITY(value),
	    .flags = FIELD_REQUIRED,
	    .doc = "The threshold." },
	{ .name = "label_delay",
	    .kind = FIELD_DURATION,
	    QUALITY(label_delay),
	    .fallback = "0s",
	    .doc = "How long labels take to come: the window ends this long ago." },
	{ .name = "min_label_coverage",
	    .kind = FIELD_DOUBLE,
	    QUALITY(min_label_coverage),
	    .fallback = "0.8",
	    .min = 1e-9,
	    .max = 1,
	    .doc = "With labels for a smaller share of the predictions nothing is judged "
		   "(insufficient): those that come first are not like the rest." },
	{ .name = "min_samples",
	    .kind = FIELD_INT,
	    QUALITY(min_samples),
	    .fallback = "100",
	    .min = 1,
	    .max = POINTS_MAX,
	    .doc = "With fewer labelled predictions nothing is judged (insufficient)." },
	{ .name = "lower_confidence",
	    .kind = FIELD_DOUBLE,
	    QUALITY(lower_confidence),
	    .min = 0.501,
	    .max = 0.999999,
	    .doc = "Alert only if with this confidence, e.g. 0.95, the true value is beyond the "
		   "threshold, not the measured one alone (Wilson, Student and Newcombe bounds)." },
	{ .name = "positive",
	    .kind = FIELD_STRING,
	    QUALITY(positive),
	    .flags = FIELD_NONEMPTY,
	    .fallback = "1",
	    .doc = "The class that is looked for; 1 is also true." },
	{ .name = "pred_column",
	    .kind = FIELD_STRING,
	    QUALITY(pred_column),
	    .flags = FIELD_NONEMPTY,
	    .fallback = "pred",
	    .doc = "The column with the predicted class or number." },
	{ .name = "score_column",
	    .kind = FIELD_STRING,
	    QUALITY(score_column),
	    .flags = FIELD_NONEMPTY,
	    .fallback = "score",
	    .doc = "The column with the score, for auc, brier, log_loss and ece." },
	{ .name = "label_column",
	    .kind = FIELD_STRING,
	    QUALITY(label_column),
	    .flags = FIELD_NONEMPTY,
	    .fallback = "label",
	    .doc = "The column with what turned out to be true; NULL: not known yet." },
};

static const struct schema quality_schema = {
	.name = "quality",
	.doc = "Measures predictions by the labels that come later.",
	.size = sizeof(struct quality_settings),
	SCHEMA_FIELDS(quality_fields),
	.pos_offset = offsetof(struct quality_settings, arm.pos) + 1,
	.check = quality_check,
};

const struct rule_kind_schema rule_kind_quality_schema = {
	.name = "quality",
	.min_samples = true,
	.schema = &quality_schema,
	.finish = quality_finish,
	.identity = quality_identity,
};

const struct rule_kind rule_kind_quality = {
	.schema = &rule_kind_quality_schema,
	.plan = quality_plan,
	.judge = quality_judge,
	.heavy = true,
};
