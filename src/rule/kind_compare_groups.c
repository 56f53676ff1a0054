/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `compare_groups:` do groups fare alike?  Rates of approval by gender, hits by
 * region.
 *
 * Each group's rate is measured against the best group's, the worst one's, a
 * named one's, or that of all the others; one alert per group.  A breach is a
 * gap beyond the threshold that chance does not explain, corrected for the
 * number of groups.
 */
#include "config.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "rule/arm.h"
#include "rule/cells.h"
#include "rule/kinds.h"
#include "rule/levels.h"
#include "rule/verdicts.h"
#include "stats/multiple.h"
#include "stats/proportions.h"

enum rate {
	RATE,
	RATE_TPR,
	RATE_FPR,
	RATE_PPV,
	RATE_COUNT
};
/* The columns of how often, and of the rest: of how many, or the others. */
static const struct {
	const char *hits, *rest;
	bool rest_is_total;
} rates[] = {
	[RATE] = { "x", "n", true },
	[RATE_TPR] = { "tp", "fn", false },
	[RATE_FPR] = { "fp", "tn", false },
	[RATE_PPV] = { "tp", "fp", false },
};
static_assert(ARRAY_LEN(rates) == RATE_COUNT, "columns of every rate");

/* Each rate as a ratio, then as a difference. */
static const char *const metric_names[] = { "rate_ratio", "rate_difference", "tpr_ratio",
	"tpr_difference", "fpr_ratio", "fpr_difference", "ppv_ratio", "ppv_difference", NULL };
static_assert(ARRAY_LEN(metric_names) == 2 * RATE_COUNT + 1, "two metrics of every rate");

static const char *const correct_names[] = { "none", "bonferroni", "holm", "bh", "by", NULL };
static_assert(ARRAY_LEN(correct_names) == MULTIPLE_METHOD_COUNT + 1, "a name for every method");

struct groups_settings {
	struct rule_arm arm; /* first */
	struct string_list by;
	int metric, op, correct;
	double value, alpha;
	int64_t min_group;
	const char *against;
	/* from the above */
	enum rate rate;
	bool difference;
	const char *fields[2];
};
static_assert(offsetof(struct groups_settings, arm) == 0, "ARM_FIELDS fill the beginning");

struct group {
	double x, n;
	bool seen;
	wall_t at; /* of its newest row */
	/* of the comparison */
	const char *reason;
	double against_x, against_n, gap, p;
};

static int
groups_plan(const struct rule_config *rule, const struct past *past UNUSED, wall_t now,
    struct rule_plan *ret, struct err *err UNUSED)
{
	const struct groups_settings *s = rule->settings;
	struct rule_query *query;

	ret->n = 0;
	query = rule_plan_arm(rule, &s->arm, now, QUERY_INSTANT, ret);
	if (s->arm.total == NULL) {
		query->fields = s->fields;
		query->n_fields = ARRAY_LEN(s->fields);
	} else {
		query = rule_plan_arm(rule, &s->arm, now, QUERY_INSTANT, ret);
		query->text = str_from(s->arm.total);
	}
	return 0;
}

/* --- judging ------------------------------------------------------------- */

static int
add_row(const struct groups_settings *s, const struct sample *sample, bool total, size_t row,
    struct group *group, struct err *err)
{
	double hits, rest;
	int code;

	if (s->arm.total != NULL) {
		if (!sample->missing && !isnan(sample->value))
			*(total ? &group->n : &group->x) += sample->value;
		group->seen = group->seen || total;
		return 0;
	}
	code = cells_number(sample, 0, s->fields[0], row, &hits, err);
	if (code == 0)
		code = cells_number(sample, 1, s->fields[1], row, &rest, err);
	if (code < 0 || isnan(hits) || isnan(rest))
		return code;
	group->x += hits;
	group->n += rates[s->rate].rest_is_total ? rest : hits + rest;
	group->seen = true;
	return 0;
}

static int
gather(const struct rule_input *in, const struct groups_settings *s, struct cells *cells,
    struct group **ret, struct err *err)
{
	struct group *groups = NULL;
	uint32_t cap = 0;

	for (uint32_t query = 0; query < in->n; query++) {
		for (uint32_t i = 0; i < in->answers[query].n; i++) {
			const struct sample *sample = &in->answers[query].samples[i];
			uint32_t at;
			int code = cells_place(cells, in->sources[query], sample, &at, NULL, err);

			if (code < 0)
				return code;
			if (at >= cap) {
				struct group *more;

				cap = cap == 0 ? 64 : cap * 2;
				more = ARENA_ARRAY(in->arena, cap, struct group);
				if (groups != NULL)
					memcpy(more, groups, at * sizeof(*more));
				groups = more;
			}
			groups[at].at = wall_max(groups[at].at, sample->at);
			code = add_row(s, sample, query == 1, i + 1, &groups[at], err);
			if (code < 0)
				return code;
			if (groups[at].x < 0 || groups[at].n < 0)
				return err_set(err, ERR_INVALID, "row %u: a negative count", i + 1);
		}
	}
	*ret = groups;
	return 0;
}

static bool
is_judged(const struct groups_settings *s, const struct group *group)
{
	return group->seen && group->n >= (double)s->min_group && group->x <= group->n;
}

static bool
is_named(const struct cells_group *labels, const char *name)
{
	for (uint32_t i = 0; i < labels->n_labels; i++)
		if (str_is(labels->labels[i].value, name))
			return true;
	return false;
}

/* The group that the others are measured by; UINT32_MAX: there is none. */
static uint32_t
find_against(const struct groups_settings *s, const struct cells *cells, const struct group *groups)
{
	bool highest = strcmp(s->against, "highest") == 0;
	bool lowest = strcmp(s->against, "lowest") == 0;
	uint32_t best = UINT32_MAX;

	for (uint32_t i = 0; i < cells->n; i++) {
		double rate = groups[i].x / groups[i].n, best_rate;

		if (!is_judged(s, &groups[i]))
			continue;
		if (!highest && !lowest) {
			if (is_named(&cells->groups[i], s->against))
				return i;
			continue;
		}
		best_rate = best == UINT32_MAX ? (double)NAN : groups[best].x / groups[best].n;
		if (best == UINT32_MAX || (highest ? rate > best_rate : rate < best_rate))
			best = i;
	}
	return best;
}

static void
compare(const struct groups_settings *s, struct group *g)
{
	struct stats_test test =
	    proportions_test(g->against_x, g->against_n, g->x, g->n, STATS_TWO_SIDED);
	double rate = g->x / g->n, against = g->against_x / g->against_n;

	g->gap = s->difference ? rate - against : against > 0 ? rate / against : (double)NAN;
	g->p = test.p;
	if (test.status != STATS_OK)
		g->reason = stats_status_name(test.status);
	else if (isnan(g->gap))
		g->reason = "the rate to compare with is 0, so there is no ratio";
}

static void
compare_all(const struct groups_settings *s, const struct cells *cells, struct group *groups,
    struct arena *arena)
{
	bool rest = strcmp(s->against, "rest") == 0;
	uint32_t against = rest ? UINT32_MAX : find_against(s, cells, groups);
	double x = 0, n = 0, *p = ARENA_ARRAY(arena, cells->n + 1, double);

	for (uint32_t i = 0; i < cells->n; i++) {
		if (!is_judged(s, &groups[i]))
			continue;
		x += groups[i].x;
		n += groups[i].n;
	}
	for (uint32_t i = 0; i < cells->n; i++) {
		struct group *g = &groups[i];

		g->gap = g->p = (double)NAN;
		g->against_x = rest ? x - g->x : against < cells->n ? groups[against].x : 0;
		g->against_n = rest ? n - g->n : against < cells->n ? groups[against].n : 0;
		if (g->seen && g->x > g->n)
			g->reason = "more hits than there are in all";
		else if (!is_judged(s, g))
			g->reason = "smaller than min_group";
		else if (!(g->against_n > 0))
			g->reason = "there is no group to compare with";
		else
			compare(s, g);
		/* The one that the others are measured by is no test. */
		p[i] = g->reason != NULL || i == against ? (double)NAN : g->p;
	}
	(void)!multiple_adjust((enum multiple_method)s->correct, p, cells->n, p);
	for (uint32_t i = 0; i < cells->n; i++)
		groups[i].p = i == against ? 1.0 : p[i];
}

static void
set_verdict(const struct groups_settings *s, const struct group *g, struct arena *arena,
    struct verdict *ret)
{
	struct explain *e = &ret->explain;
	struct buf more = { 0 };
	bool beyond = op_holds((enum op)s->op, g->gap, s->value) && g->p <= s->alpha;

	ret->reason = g->reason;
	ret->outcome = g->reason != NULL ? OUTCOME_INSUFFICIENT
		       : beyond          ? OUTCOME_BREACH
					 : OUTCOME_OK;
	ret->value = g->gap;
	ret->data_at = g->at;
	verdict_put_number(&more, "rate", g->n > 0 ? g->x / g->n : (double)NAN);
	if (g->reason == NULL && s->difference) {
		struct interval gap =
		    proportions_newcombe(g->x, g->n, g->against_x, g->against_n, 1.0 - s->alpha);

		verdict_put_number(&more, "gap_low", gap.low);
		verdict_put_number(&more, "gap_high", gap.high);
	}
	ret->more = verdict_keep(arena, &more);
	*e = explain_none;
	e->method = metric_names[s->metric];
	e->value = g->gap;
	e->threshold = s->value;
	e->baseline = g->against_n > 0 ? g->against_x / g->against_n : (double)NAN;
	e->n_reference = g->against_n;
	e->n_current = g->n;
	e->p_value = g->p;
	e->effect = g->gap;
	if (dur_is_set(s->arm.window))
		e->window = s->arm.window;
}

static int
groups_judge(const struct rule_input *in, struct judgement *ret, struct err *err)
{
	static const struct aggregate each = { .how = AGGREGATE_ANY };
	static const struct string_list no_group;
	const struct groups_settings *s = in->rule->settings;
	const struct cells_options options = { .by = s->by.set ? &s->by : NULL };
	struct group *groups = NULL;
	struct verdict *verdicts;
	struct cells cells;
	int code;

	cells_init(&cells, in->arena, &options);
	code = gather(in, s, &cells, &groups, err);
	if (code == 0) {
		compare_all(s, &cells, groups, in->arena);
		verdicts = ARENA_ARRAY(in->arena, cells.n + 1, struct verdict);
		for (uint32_t i = 0; i < cells.n; i++) {
			verdicts[i].labels = &cells.groups[i];
			set_verdict(s, &groups[i], in->arena, &verdicts[i]);
		}
		*ret = (struct judgement){ .absent = OUTCOME_OK };
		verdicts_observe(
		    in->arena, verdicts, cells.n, &each, &no_group, &explain_none, ret);
	}
	cells_fini(&cells);
	return code;
}

/* --- settings ------------------------------------------------------------ */

static void
groups_check(struct schema_context *ctx, void *value, const struct yaml_node *node)
{
	struct groups_settings *s = value;

	rule_arm_check(ctx, &s->arm, node);
	if (s->metric < 0)
		return; /* said already */
	s->rate = (enum rate)(s->metric / 2);
	s->difference = s->metric % 2 == 1;
	s->fields[0] = rates[s->rate].hits;
	s->fields[1] = rates[s->rate].rest;
	if (s->arm.total != NULL && s->rate != RATE)
		diag_error(ctx->diag, rule_key_pos(node, "total"),
		    "total belongs to rate_ratio and rate_difference; %s reads columns %s and %s",
		    metric_names[s->metric], s->fields[0], s->fields[1]);
	if (s->op == OP_EQ || s->op == OP_NE)
		diag_error(ctx->diag, rule_key_pos(node, "op"), "op '%s' makes no sense for rates",
		    op_names[s->op]);
}

static void
groups_finish(struct schema_context *ctx, struct rule_config *rule)
{
	const struct groups_settings *s = rule->settings;
	const struct source_config *source = s->arm.source != NULL ? s->arm.source : rule->source;

	rule->query_text = s->arm.query;
	if (s->arm.total == NULL && source != NULL && source->kind->series)
		diag_error(ctx->diag, s->arm.pos,
		    "source '%s' has metrics, not columns: give total, the query that counts all, "
		    "of which query counts some",
		    source->name);
}

static void
groups_identity(const struct rule_config *rule, struct buf *out)
{
	const struct groups_settings *s = rule->settings;

	rule_arm_identity(&s->arm, out);
	for (uint32_t i = 0; i < s->by.n; i++)
		buf_printf(out, "%s,", s->by.items[i]);
	buf_printf(out, "%c%d %s %s %.17g %.17g %s %s", '\0', s->by.set, metric_names[s->metric],
	    op_names[s->op], s->value, s->alpha, s->against, correct_names[s->correct]);
}

#define GROUPS(m) .offset = offsetof(struct groups_settings, m)

static const struct schema_field groups_fields[] = {
	ARM_FIELDS("One row for each group: its label, and the columns of the metric: x and n for "
		   "rates, tp and fn for tpr, fp and tn for fpr, tp and fp for ppv."),
	{ .name = "total",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY,
	    .offset = offsetof(struct rule_arm, total),
	    .doc = "rate_ratio, rate_difference: a second query for how many there are in all; "
		   "query then counts the hits, as a value each." },
	{ .name = "by",
	    .kind = FIELD_STRING_LIST,
	    GROUPS(by),
	    .doc = "Labels that make the groups; default: all there are." },
	{ .name = "metric",
	    .kind = FIELD_ENUM,
	    GROUPS(metric),
	    .flags = FIELD_REQUIRED,
	    .choices = metric_names,
	    .doc = "What is compared: a group's rate divided by the other's (four fifths: < 0.8), "
		   "or less the other's; tpr, fpr and ppv are rates of a classifier." },
	{ .name = "op",
	    .kind = FIELD_ENUM,
	    GROUPS(op),
	    .flags = FIELD_REQUIRED,
	    .choices = op_names,
	    .doc = "How the gap is compared with value." },
	{ .name = "value",
	    .kind = FIELD_DOUBLE,
	    GROUPS(value),
	    .flags = FIELD_REQUIRED,
	    .doc = "The gap from which on it is an alert." },
	{ .name = "against",
	    .kind = FIELD_STRING,
	    GROUPS(against),
	    .flags = FIELD_NONEMPTY,
	    .fallback = "highest",
	    .doc = "What a group is measured by: the group with the highest rate, with the lowest "
		   "one, the rest (all others together), or a group by its name." },
	{ .name = "min_group",
	    .kind = FIELD_INT,
	    GROUPS(min_group),
	    .fallback = "100",
	    .min = 1,
	    .max = 1e15,
	    .doc = "Smaller groups are not judged (insufficient)." },
	{ .name = "alpha",
	    .kind = FIELD_DOUBLE,
	    GROUPS(alpha),
	    .fallback = "0.05",
	    .min = 1e-300,
	    .max = 1,
	    .doc = "The p-value, after correction, above which a gap is taken for chance; 1: the "
		   "threshold alone decides." },
	{ .name = "correct",
	    .kind = FIELD_ENUM,
	    GROUPS(correct),
	    .choices = correct_names,
	    .fallback = "holm",
	    .doc = "Correction for the number of groups." },
};

static const struct schema groups_schema = {
	.name = "compare_groups",
	.doc = "Compares the rates of groups with each other: fairness, regions, versions.",
	.size = sizeof(struct groups_settings),
	SCHEMA_FIELDS(groups_fields),
	.pos_offset = offsetof(struct groups_settings, arm.pos) + 1,
	.check = groups_check,
};

const struct rule_kind_schema rule_kind_compare_groups_schema = {
	.name = "compare_groups",
	.schema = &groups_schema,
	.finish = groups_finish,
	.identity = groups_identity,
};

const struct rule_kind rule_kind_compare_groups = {
	.schema = &rule_kind_compare_groups_schema,
	.plan = groups_plan,
	.judge = groups_judge,
};
