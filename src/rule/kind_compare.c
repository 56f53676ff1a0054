/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `compare:` is arm a worse than arm b?  A canary against stable, this week
 * against last.
 *
 * Shares are compared from two counts each (how often, of how many), numbers
 * from samples.  A breach is a difference that chance does not explain (alpha)
 * and that matters (min_effect), in the direction asked for.
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
#include "rule/verdicts.h"
#include "stats/categories.h"
#include "stats/ks.h"
#include "stats/location.h"
#include "stats/proportions.h"
#include "stats/rank.h"

enum {
	A,
	B,
	ARMS
};

enum compare_test {
	COMPARE_TWO_PROPORTIONS,
	COMPARE_FISHER,
	COMPARE_WELCH,
	COMPARE_MANN_WHITNEY,
	COMPARE_KS,
	COMPARE_RATIO,
	COMPARE_TEST_COUNT
};
static const char *const test_names[] = { "two_proportions", "fisher", "welch", "mann_whitney",
	"ks", "ratio", NULL };
static_assert(ARRAY_LEN(test_names) == COMPARE_TEST_COUNT + 1, "a name for every test");

/* b is the reference, a is current. */
static const char *const alternative_names[] = { "two_sided", "a_greater", "a_less", NULL };
static_assert(ARRAY_LEN(alternative_names) == STATS_SIDE_COUNT + 1, "a name for every side");

static const char *const count_fields[] = { "x", "n" };

struct compare_settings {
	struct rule_arm *arms[ARMS];
	struct string_list by;
	int test, alternative;
	double alpha, min_effect;
	int64_t min_total;
	struct pos pos;
};

static bool
takes_samples(const struct compare_settings *s)
{
	return s->test == COMPARE_WELCH || s->test == COMPARE_MANN_WHITNEY || s->test == COMPARE_KS;
}

/* Counts without a query for the total: columns x and n of one row. */
static bool
reads_columns(const struct compare_settings *s, const struct rule_arm *arm)
{
	return arm->total == NULL &&
	       (s->test == COMPARE_TWO_PROPORTIONS || s->test == COMPARE_FISHER);
}

static int
compare_plan(const struct rule_config *rule, const struct past *past UNUSED, wall_t now,
    struct rule_plan *ret, struct err *err UNUSED)
{
	const struct compare_settings *s = rule->settings;

	ret->n = 0;
	for (int i = 0; i < ARMS; i++) {
		const struct rule_arm *arm = s->arms[i];
		struct rule_query *query = rule_plan_arm(
		    rule, arm, now, takes_samples(s) ? QUERY_ROWS : QUERY_INSTANT, ret);

		if (reads_columns(s, arm)) {
			query->fields = count_fields;
			query->n_fields = ARRAY_LEN(count_fields);
		}
		if (arm->total != NULL) {
			query = rule_plan_arm(rule, arm, now, QUERY_INSTANT, ret);
			query->text = str_from(arm->total);
		}
	}
	return 0;
}

/* --- gathering ----------------------------------------------------------- */

struct side {
	double x, n;      /* counts; ratio: the value, and the total or 1 */
	bool seen, total; /* there was a row of either query */
	wall_t at;        /* of the newest */
	double *values;
	size_t n_values, cap;
};

struct pair {
	struct side sides[ARMS];
};

struct gathering {
	const struct rule_input *in;
	const struct compare_settings *s;
	struct cells cells;
	struct pair *pairs;
	size_t n, cap;
};

static struct pair *
pair_at(struct gathering *g, uint32_t at)
{
	if (at >= g->cap)
		g->pairs = xgrow(g->pairs, &g->cap, at + 1, sizeof(*g->pairs));
	while (g->n <= at)
		g->pairs[g->n++] = (struct pair){ 0 };
	return &g->pairs[at];
}

static int
add_columns(const struct sample *sample, size_t row, struct side *side, struct err *err)
{
	double x, n;
	int code = cells_number(sample, 0, "x", row, &x, err);

	if (code == 0)
		code = cells_number(sample, 1, "n", row, &n, err);
	if (code < 0 || isnan(x) || isnan(n))
		return code;
	side->x += x;
	side->n += n;
	side->seen = side->total = true;
	return 0;
}

static int
add_row(struct gathering *g, int arm, bool total, uint32_t query, uint32_t row, struct err *err)
{
	const struct sample *sample = &g->in->answers[query].samples[row];
	struct side *side;
	uint32_t group;
	int code = cells_place(&g->cells, g->in->sources[query], sample, &group, NULL, err);

	if (code < 0)
		return code;
	side = &pair_at(g, group)->sides[arm];
	side->at = wall_max(side->at, sample->at);
	if (reads_columns(g->s, g->s->arms[arm]))
		return add_columns(sample, row + 1, side, err);
	if (sample->missing || isnan(sample->value))
		return 0;
	if (takes_samples(g->s)) {
		if (side->n_values == side->cap)
			side->values = xgrow(
			    side->values, &side->cap, side->n_values + 1, sizeof(*side->values));
		side->values[side->n_values++] = sample->value;
	} else if (total) {
		side->n += sample->value;
		side->total = true;
	} else {
		side->x += sample->value;
		side->seen = true;
	}
	return 0;
}

static int
gather(struct gathering *g, struct err *err)
{
	static const char *const arm_names[] = { "a", "b" };
	uint32_t query = 0;

	for (int arm = 0; arm < ARMS; arm++) {
		uint32_t queries = g->s->arms[arm]->total != NULL ? 2 : 1;

		for (uint32_t q = 0; q < queries; q++, query++) {
			for (uint32_t i = 0; i < g->in->answers[query].n; i++) {
				int code = add_row(g, arm, q == 1, query, i, err);

				if (code < 0)
					return err_wrap(err, "%s", arm_names[arm]);
			}
		}
	}
	return 0;
}

/* --- comparing ----------------------------------------------------------- */

struct compared {
	const char *reason;
	double n[ARMS], of[ARMS]; /* sizes; the share, mean or value of each arm */
	double statistic, p, effect;
};

static void
set_test(struct compared *c, struct stats_test test)
{
	if (test.status != STATS_OK) {
		c->reason = stats_status_name(test.status);
		return;
	}
	c->statistic = test.statistic;
	c->p = test.p;
	c->effect = test.effect;
}

static void
compare_shares(const struct compare_settings *s, const struct pair *pair, struct compared *c)
{
	const struct side *a = &pair->sides[A], *b = &pair->sides[B];
	enum stats_side side = (enum stats_side)s->alternative;

	for (int i = 0; i < ARMS; i++) {
		c->n[i] = pair->sides[i].n;
		c->of[i] = c->n[i] > 0 ? pair->sides[i].x / c->n[i] : (double)NAN;
	}
	if (!a->total || !b->total)
		c->reason = "an arm has no total";
	/* Among many, none is a count of 0: a counter that was never raised is not there. */
	else if (c->n[A] < (double)s->min_total || c->n[B] < (double)s->min_total)
		c->reason = "an arm is smaller than min_total";
	else if (s->test == COMPARE_TWO_PROPORTIONS)
		set_test(c, proportions_test(b->x, b->n, a->x, a->n, side));
	else
		set_test(
		    c, categories_fisher_side(nearbyint(b->x), nearbyint(b->n) - nearbyint(b->x),
			   nearbyint(a->x), nearbyint(a->n) - nearbyint(a->x), side));
	if (c->reason == NULL)
		c->effect = c->of[A] - c->of[B];
}

/* Cohen's d, |AUC - 1/2| with a sign, D with the direction's sign left out. */
static void
compare_samples(const struct compare_settings *s, const struct pair *pair, struct compared *c)
{
	enum stats_side side = (enum stats_side)s->alternative;
	struct sample_set sets[ARMS];
	enum stats_status status = STATS_OK;

	for (int i = 0; i < ARMS; i++) {
		enum stats_status one =
		    sample_init(&sets[i], pair->sides[i].values, pair->sides[i].n_values);

		status = status == STATS_OK ? one : status;
		c->n[i] = (double)sets[i].n;
		c->of[i] = s->test == COMPARE_WELCH ? sample_moments(sets[i].v, sets[i].n).mean
						    : sample_median(sets[i].v, sets[i].n);
	}
	if (status != STATS_OK) {
		c->reason = stats_status_name(status);
	} else if (c->n[A] < (double)s->min_total || c->n[B] < (double)s->min_total) {
		c->reason = "an arm is smaller than min_total";
	} else if (s->test == COMPARE_WELCH) {
		set_test(c, location_welch(&sets[B], &sets[A], side));
	} else if (s->test == COMPARE_MANN_WHITNEY) {
		set_test(c, rank_mann_whitney(&sets[B], &sets[A], RANK_AUTO, side));
		c->effect -= 0.5;
	} else {
		set_test(c, ks_test(&sets[B], &sets[A], KS_AUTO, side));
	}
	sample_fini(&sets[A]);
	sample_fini(&sets[B]);
}

/* How much more, as a share of b: 0.1 is a tenth more. */
static void
compare_ratio(const struct compare_settings *s, const struct pair *pair, struct compared *c)
{
	for (int i = 0; i < ARMS; i++) {
		const struct side *side = &pair->sides[i];

		c->n[i] = s->arms[i]->total != NULL ? side->n : (double)NAN;
		c->of[i] = s->arms[i]->total != NULL ? side->x / side->n : side->x;
		if (!side->seen)
			c->reason = "an arm has no data";
		else if (s->arms[i]->total != NULL && !(side->n >= (double)s->min_total))
			c->reason = "an arm is smaller than min_total";
	}
	if (c->reason == NULL && !(c->of[B] > 0))
		c->reason = "arm b is not above 0, so there is no ratio";
	if (c->reason == NULL) {
		c->statistic = c->of[A] / c->of[B];
		c->effect = c->statistic - 1.0;
	}
}

static bool
is_breach(const struct compare_settings *s, const struct compared *c)
{
	double size = fabs(c->effect);

	/* D has no sign, its p has; elsewhere the effect must point the right way, too. */
	if (s->test != COMPARE_KS && s->alternative != STATS_TWO_SIDED)
		size = s->alternative == STATS_CURRENT_HIGHER ? c->effect : -c->effect;
	if (s->test == COMPARE_RATIO)
		return size >= s->min_effect;
	return c->p <= s->alpha && size >= s->min_effect;
}

/* "0.05 against 0.01": the shares, means, medians or values that differ. */
static struct str
say_arms(const struct compare_settings *s, const struct compared *c, struct arena *arena)
{
	static const char *const what[] = { [COMPARE_TWO_PROPORTIONS] = "a share of ",
		[COMPARE_FISHER] = "a share of ",
		[COMPARE_WELCH] = "a mean of ",
		[COMPARE_MANN_WHITNEY] = "a median of ",
		[COMPARE_KS] = "a median of ",
		[COMPARE_RATIO] = "" };

	if (c->reason != NULL)
		return STR("");
	return str_from(
	    arena_printf(arena, "%s%.6g against %.6g", what[s->test], c->of[A], c->of[B]));
}

static void
set_verdict(const struct compare_settings *s, const struct pair *pair, struct arena *arena,
    struct verdict *ret)
{
	struct compared c = { .statistic = (double)NAN, .p = (double)NAN, .effect = (double)NAN };
	struct explain *e = &ret->explain;
	struct buf more = { 0 };

	if (takes_samples(s))
		compare_samples(s, pair, &c);
	else if (s->test == COMPARE_RATIO)
		compare_ratio(s, pair, &c);
	else
		compare_shares(s, pair, &c);
	ret->reason = c.reason;
	ret->outcome = c.reason != NULL   ? OUTCOME_INSUFFICIENT
		       : is_breach(s, &c) ? OUTCOME_BREACH
					  : OUTCOME_OK;
	ret->value = c.reason != NULL ? (double)NAN : c.effect;
	ret->data_at = pair->sides[A].at;
	verdict_put_number(&more, "a", c.of[A]);
	verdict_put_number(&more, "b", c.of[B]);
	ret->more = verdict_keep(arena, &more);
	*e = explain_none;
	e->said = say_arms(s, &c, arena);
	e->method = test_names[s->test];
	e->value = ret->value;
	e->threshold = s->min_effect;
	e->baseline = c.of[B];
	e->n_reference = c.n[B];
	e->n_current = c.n[A];
	e->statistic = c.statistic;
	e->p_value = c.p;
	e->effect = c.effect;
	if (dur_is_set(s->arms[A]->window))
		e->window = s->arms[A]->window;
}

static int
compare_judge(const struct rule_input *in, struct judgement *ret, struct err *err)
{
	static const struct aggregate each = { .how = AGGREGATE_ANY };
	static const struct string_list no_group;
	const struct compare_settings *s = in->rule->settings;
	const struct cells_options options = { .by = &s->by };
	struct gathering g = { .in = in, .s = s };
	struct verdict *verdicts;
	int code;

	cells_init(&g.cells, in->arena, &options);
	code = gather(&g, err);
	if (code == 0) {
		verdicts = ARENA_ARRAY(in->arena, g.n + 1, struct verdict);
		for (uint32_t i = 0; i < g.n; i++) {
			verdicts[i].labels = &g.cells.groups[i];
			set_verdict(s, &g.pairs[i], in->arena, &verdicts[i]);
		}
		*ret = (struct judgement){ .absent = OUTCOME_OK,
			.no_data = in->answers[0].n == 0 &&
				   (s->arms[A]->total == NULL || in->answers[1].n == 0) };
		verdicts_observe(
		    in->arena, verdicts, (uint32_t)g.n, &each, &no_group, &explain_none, ret);
	}
	for (size_t i = 0; i < g.n; i++)
		for (int arm = 0; arm < ARMS; arm++)
			free(g.pairs[i].sides[arm].values);
	free(g.pairs);
	cells_fini(&g.cells);
	return code;
}

/* --- settings ------------------------------------------------------------ */

static void
compare_check(struct schema_context *ctx, void *value, const struct yaml_node *node UNUSED)
{
	const struct compare_settings *s = value;

	if (s->test < 0 || s->arms[A] == NULL || s->arms[B] == NULL)
		return; /* said already */
	for (int i = 0; i < ARMS; i++)
		if (takes_samples(s) && s->arms[i]->total != NULL)
			diag_error(ctx->diag, s->arms[i]->pos,
			    "%s compares values, one in each row, and has no total; "
			    "two_proportions "
			    "and fisher have",
			    test_names[s->test]);
	if (s->test == COMPARE_RATIO && isnan(s->min_effect))
		diag_error(ctx->diag, s->pos,
		    "ratio needs min_effect: 0.1 is a tenth more (or less) than b");
}

static void
compare_finish(struct schema_context *ctx, struct rule_config *rule)
{
	struct compare_settings *s = (struct compare_settings *)(uintptr_t)rule->settings;
	static const char *const arm_names[] = { "a", "b" };

	if (isnan(s->min_effect))
		s->min_effect = 0;
	rule->query_text = s->arms[A]->query;
	for (int i = 0; i < ARMS; i++) {
		const struct rule_arm *arm = s->arms[i];
		const struct source_config *source =
		    arm->source != NULL ? arm->source : rule->source;

		if (takes_samples(s))
			rule_arm_needs_window(ctx, rule, arm, arm_names[i]);
		else if (reads_columns(s, arm) && source != NULL && source->kind->series)
			diag_error(ctx->diag, arm->pos,
			    "%s needs a total: the query that counts all, of which query counts "
			    "some",
			    arm_names[i]);
	}
}

static void
compare_identity(const struct rule_config *rule, struct buf *out)
{
	const struct compare_settings *s = rule->settings;

	rule_arm_identity(s->arms[A], out);
	rule_arm_identity(s->arms[B], out);
	for (uint32_t i = 0; i < s->by.n; i++)
		buf_printf(out, "%s,", s->by.items[i]);
	buf_printf(out, "%c%s %s %.17g %.17g", '\0', test_names[s->test],
	    alternative_names[s->alternative], s->alpha, s->min_effect);
}

#define TOTAL_FIELD                                                                                \
	{                                                                                          \
		.name = "total", .kind = FIELD_STRING, .flags = FIELD_NONEMPTY,                    \
		.offset = offsetof(struct rule_arm, total),                                        \
		.doc =                                                                             \
		    "two_proportions, fisher, ratio: how many there are in all. Without it the "   \
		    "query has columns x (how often) and n (of how many); for ratio the value "    \
		    "itself."                                                                      \
	}

static const struct schema_field a_fields[] = {
	ARM_FIELDS("The arm that is watched: what is counted, or a value in each row."),
	TOTAL_FIELD,
};
static const struct schema_field b_fields[] = {
	ARM_FIELDS("The arm it is measured by."),
	TOTAL_FIELD,
};
static const struct schema a_schema = { .name = "a",
	.doc = "The arm that is watched.",
	.size = sizeof(struct rule_arm),
	SCHEMA_FIELDS(a_fields),
	.pos_offset = offsetof(struct rule_arm, pos) + 1,
	.check = rule_arm_check };
static const struct schema b_schema = { .name = "b",
	.doc = "The arm it is measured by.",
	.size = sizeof(struct rule_arm),
	SCHEMA_FIELDS(b_fields),
	.pos_offset = offsetof(struct rule_arm, pos) + 1,
	.check = rule_arm_check };

#define COMPARE(m) .offset = offsetof(struct compare_settings, m)

static const struct schema_field compare_fields[] = {
	{ .name = "a",
	    .kind = FIELD_SUB,
	    .sub = &a_schema,
	    COMPARE(arms[A]),
	    .flags = FIELD_REQUIRED,
	    .doc = "The arm that is watched, e.g. the canary." },
	{ .name = "b",
	    .kind = FIELD_SUB,
	    .sub = &b_schema,
	    COMPARE(arms[B]),
	    .flags = FIELD_REQUIRED,
	    .doc = "The arm it is measured by, e.g. stable." },
	{ .name = "by",
	    .kind = FIELD_STRING_LIST,
	    COMPARE(by),
	    .doc = "Labels by which the two are compared one for one; counts of other labels are "
		   "added up. Default: none." },
	{ .name = "test",
	    .kind = FIELD_ENUM,
	    COMPARE(test),
	    .flags = FIELD_REQUIRED,
	    .choices = test_names,
	    .doc = "two_proportions or fisher (few counts) for shares, welch (means), "
		   "mann_whitney or ks (distributions) for values, ratio for a/b without a test." },
	{ .name = "alternative",
	    .kind = FIELD_ENUM,
	    COMPARE(alternative),
	    .choices = alternative_names,
	    .fallback = "two_sided",
	    .doc = "Which difference is an alert." },
	{ .name = "alpha",
	    .kind = FIELD_DOUBLE,
	    COMPARE(alpha),
	    .fallback = "0.01",
	    .min = 1e-300,
	    .max = 1,
	    .doc = "The p-value above which a difference is taken for chance." },
	{ .name = "min_effect",
	    .kind = FIELD_DOUBLE,
	    COMPARE(min_effect),
	    .flags = FIELD_POSITIVE,
	    .doc = "The smallest difference that matters: of shares (0.005 is half a point), "
		   "Cohen's d of welch, |AUC - 0.5| of mann_whitney, D of ks, the relative "
		   "difference of ratio. Default: any." },
	{ .name = "min_total",
	    .kind = FIELD_INT,
	    COMPARE(min_total),
	    .fallback = "30",
	    .min = 1,
	    .max = 1e15,
	    .doc = "With fewer in an arm nothing is judged (insufficient)." },
};

static const struct schema compare_schema = {
	.name = "compare",
	.doc = "Compares two groups, a canary with stable or a week with the week before, by a "
	       "test and the size of the difference.",
	.size = sizeof(struct compare_settings),
	SCHEMA_FIELDS(compare_fields),
	.pos_offset = offsetof(struct compare_settings, pos) + 1,
	.check = compare_check,
};

const struct rule_kind_schema rule_kind_compare_schema = {
	.name = "compare",
	.schema = &compare_schema,
	.finish = compare_finish,
	.identity = compare_identity,
};

const struct rule_kind rule_kind_compare = {
	.schema = &rule_kind_compare_schema,
	.plan = compare_plan,
	.judge = compare_judge,
	.heavy = true,
};
