/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `score:` drift scores that somebody else has computed and stored.
 *
 * A score is an event: it comes once per batch.  Of each series the newest row
 * is judged, and its own time is the datum's; for_points counts every row that
 * the query gives (score_points.h), so that batches written between two
 * evaluations, or while the program was down, are not lost.  Nothing of that
 * has to be remembered here: the rows are read anew, and what an alert has
 * counted is kept with it.  Whether high or low is drift is said by the rule or
 * by the name of the method in the row; a name that is not known is an error.
 */
#include "config.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "rule/aggregate.h"
#include "rule/arm.h"
#include "rule/cells.h"
#include "rule/kinds.h"
#include "rule/score_points.h"
#include "rule/verdicts.h"

enum {
	DIRECTION_HIGH,
	DIRECTION_LOW,
	DIRECTION_BY_METHOD,
	DIRECTION_COUNT
};
static const char *const direction_names[] = { "high", "low", "by_method", NULL };
static_assert(ARRAY_LEN(direction_names) == DIRECTION_COUNT + 1, "a name for every direction");

static const char *const correct_names[] = { "none", "bonferroni", "holm", "bh", "by", NULL };
static_assert(ARRAY_LEN(correct_names) == MULTIPLE_METHOD_COUNT + 1, "a name for every method");

struct score_threshold {
	bool column; /* each row has its own */
	double value;
};

struct score_settings {
	struct rule_arm arm; /* first: query, source, window, lag */
	struct string_list by, group;
	int direction, correct;
	struct score_threshold threshold;
	const char *method_column, *threshold_column;
	struct aggregate aggregate;
	/* from the above */
	const char *fields[2];
	uint32_t n_fields, method_field, threshold_field;
};
static_assert(offsetof(struct score_settings, arm) == 0, "ARM_FIELDS fill the beginning");
#define NO_FIELD UINT32_MAX

/* A PromQL source gives values as of an evaluation, over and over; others give events. */
static bool
has_events(const struct source_config *source)
{
	return source == NULL || source->kind == NULL || source->kind->promql == NULL ||
	       !source->kind->promql(source->settings);
}

static bool
counts_rows(const struct rule_config *rule, const struct source_config *source)
{
	return rule->for_points.n > 0 && has_events(source);
}

static int
score_plan(const struct rule_config *rule, const struct past *past UNUSED, wall_t now,
    struct rule_plan *ret, struct err *err UNUSED)
{
	const struct score_settings *s = rule->settings;
	const struct source_config *source = s->arm.source != NULL ? s->arm.source : rule->source;
	bool rows = dur_is_set(s->arm.window) || counts_rows(rule, source);
	struct rule_query *query;

	ret->n = 0;
	query = rule_plan_arm(rule, &s->arm, now, rows ? QUERY_ROWS : QUERY_INSTANT, ret);
	query->fields = s->fields;
	query->n_fields = s->n_fields;
	return 0;
}

/* --- judging ------------------------------------------------------------- */

static int
set_direction(const struct score_settings *s, const struct sample *sample, size_t row,
    struct score *score, struct err *err)
{
	const struct score_method *method;
	struct str name;

	score->direction = s->direction == DIRECTION_LOW ? SCORE_LOW : SCORE_HIGH;
	score->inclusive = true;
	if (s->direction != DIRECTION_BY_METHOD)
		return 0;
	name = cells_field(sample, s->method_field);
	if (name.p == NULL)
		return err_set(err, ERR_INVALID,
		    "row %zu: no %s, so it is not known whether high or low is drift", row,
		    s->method_column);
	method = score_method_find(name);
	if (method == NULL)
		return err_set(err, ERR_INVALID,
		    "row %zu: method '%.*s' is not known; say direction: high or low", row,
		    STR_ARG(str_head(name, 60)));
	score->method = method->name;
	score->direction = method->direction;
	score->inclusive = method->inclusive;
	return 0;
}

static int
read_score(const struct score_settings *s, const struct sample *sample, size_t row,
    struct score *ret, struct err *err)
{
	struct score fresh = { .seen = true,
		.missing = sample->missing || isnan(sample->value),
		.value = sample->value,
		.threshold = s->threshold.value,
		.at = sample->at };
	int code = set_direction(s, sample, row, &fresh, err);

	if (code == 0 && s->threshold.column)
		code = cells_number(
		    sample, s->threshold_field, s->threshold_column, row, &fresh.threshold, err);
	if (code < 0)
		return code;
	if (fresh.direction == SCORE_LOW && fresh.method != NULL && !fresh.missing &&
	    !(fresh.value >= 0 && fresh.value <= 1))
		return err_set(err, ERR_INVALID, "row %zu: %g is no p-value, which %s gives", row,
		    fresh.value, fresh.method);
	*ret = fresh;
	return 0;
}

static void
set_verdict(const struct score_settings *s, const struct score *score, struct arena *arena,
    struct verdict *ret)
{
	struct explain *e = &ret->explain;

	ret->reason = score_reason(score);
	ret->outcome = ret->reason != NULL     ? OUTCOME_INSUFFICIENT
		       : score_is_drift(score) ? OUTCOME_BREACH
					       : OUTCOME_OK;
	ret->value = score->missing ? (double)NAN : score->adjusted;
	ret->rank = score->direction == SCORE_LOW ? ret->value : -ret->value;
	ret->data_at = score->at;
	*e = explain_none;
	e->method = score->method != NULL ? score->method : direction_names[s->direction];
	e->value = ret->value;
	e->threshold = score->threshold;
	e->statistic = score->missing ? (double)NAN : score->value;
	if (score->direction == SCORE_LOW)
		e->p_value = ret->value;
	if (dur_is_set(s->arm.window))
		e->window = s->arm.window;
	if (score->method != NULL)
		ret->more = str_from(arena_printf(arena, "\"method\":\"%s\"", score->method));
}

/* The newest row of each series, and all of them where they count. */
struct gathered {
	struct cells *cells;
	struct score *newest;
	uint32_t cap;
	struct score_row *rows; /* NULL: the newest alone counts */
};

static void
make_room(struct gathered *g, uint32_t series, struct arena *arena)
{
	struct score *more;

	if (series < g->cap)
		return;
	g->cap = g->cap == 0 ? 64 : g->cap * 2;
	more = ARENA_ARRAY(arena, g->cap, struct score);
	if (g->newest != NULL)
		memcpy(more, g->newest, series * sizeof(*more));
	g->newest = more;
}

static int
gather(const struct rule_input *in, const struct score_settings *s, struct gathered *g,
    struct err *err)
{
	for (uint32_t i = 0; i < in->answers->n; i++) {
		const struct sample *sample = &in->answers->samples[i];
		struct score score;
		uint32_t series;
		int code = cells_place(g->cells, in->sources[0], sample, &series, NULL, err);

		if (code == 0)
			code = read_score(s, sample, i + 1, &score, err);
		if (code < 0)
			return code;
		make_room(g, series, in->arena);
		/* Rows without a time come in order; the last one counts. */
		if (!g->newest[series].seen || g->newest[series].at.ns <= score.at.ns)
			g->newest[series] = score;
		if (g->rows != NULL)
			g->rows[i] = (struct score_row){ score, series, i };
	}
	return 0;
}

/* What for_points counts of each alert; observations stand as series or their groups do. */
static void
set_points(const struct rule_input *in, const struct gathered *g, struct judgement *ret)
{
	const struct score_settings *s = in->rule->settings;
	struct score_history history = { .rows = g->rows,
		.n = in->answers->n,
		.series = g->cells->groups,
		.n_series = g->cells->n,
		.correct = (enum multiple_method)s->correct,
		.aggregate = &s->aggregate,
		.group = &s->group };
	const struct score_points *points;

	if (g->rows == NULL || g->cells->n == 0)
		return;
	points = score_points_of(&history, in->arena);
	for (uint32_t i = 0; i < ret->n; i++) {
		ret->observations[i].points = points[i].points;
		ret->observations[i].n_points = points[i].n;
	}
}

static int
score_judge(const struct rule_input *in, struct judgement *ret, struct err *err)
{
	const struct score_settings *s = in->rule->settings;
	const struct cells_options options = { .by = s->by.set ? &s->by : NULL };
	struct explain base = explain_none;
	struct verdict *verdicts;
	struct cells cells;
	struct gathered g = { .cells = &cells };
	int code;

	if (counts_rows(in->rule, in->sources[0]->config))
		g.rows = ARENA_ARRAY(in->arena, in->answers->n + 1, struct score_row);
	cells_init(&cells, in->arena, &options);
	code = gather(in, s, &g, err);
	if (code == 0) {
		scores_correct(g.newest, cells.n, (enum multiple_method)s->correct, in->arena);
		verdicts = ARENA_ARRAY(in->arena, cells.n + 1, struct verdict);
		for (uint32_t i = 0; i < cells.n; i++) {
			verdicts[i].labels = &cells.groups[i];
			set_verdict(s, &g.newest[i], in->arena, &verdicts[i]);
		}
		base.method = direction_names[s->direction];
		if (dur_is_set(s->arm.window))
			base.window = s->arm.window;
		*ret = (struct judgement){ .absent = OUTCOME_OK };
		verdicts_observe(
		    in->arena, verdicts, cells.n, &s->aggregate, &s->group, &base, ret);
		set_points(in, &g, ret);
	}
	cells_fini(&cells);
	return code;
}

/* --- settings ------------------------------------------------------------ */

static void
read_threshold(struct schema_context *ctx, const struct yaml_node *node, void *member)
{
	struct score_threshold *threshold = member;

	if (node->kind == YAML_SCALAR && str_is(node->text, "column")) {
		threshold->column = true;
		threshold->value = (double)NAN;
	} else if (node->kind != YAML_SCALAR || !str_to_double(node->text, &threshold->value) ||
		   isnan(threshold->value)) {
		diag_error(
		    ctx->diag, node->pos, "threshold is a number, or column: each row has its own");
	}
}

static void
score_check(struct schema_context *ctx, void *value, const struct yaml_node *node)
{
	struct score_settings *s = value;

	rule_arm_check(ctx, &s->arm, node);
	s->n_fields = 0;
	s->method_field = s->threshold_field = NO_FIELD;
	if (s->direction == DIRECTION_BY_METHOD) {
		s->method_field = s->n_fields;
		s->fields[s->n_fields++] = s->method_column;
	}
	if (s->threshold.column) {
		s->threshold_field = s->n_fields;
		s->fields[s->n_fields++] = s->threshold_column;
	}
	if (s->n_fields == 2 && strcmp(s->fields[0], s->fields[1]) == 0)
		diag_error(
		    ctx->diag, s->arm.pos, "method_column and threshold_column are the same");
	if (s->direction == DIRECTION_HIGH && s->correct != MULTIPLE_NONE)
		diag_error(ctx->diag, rule_key_pos(node, "correct"),
		    "correct is for p-values, of which low ones are drift; direction is high");
	if (s->group.n > 0 && s->aggregate.how == AGGREGATE_ANY)
		diag_error(ctx->diag, rule_key_pos(node, "group"),
		    "group needs aggregate: all, {count: n} or {share: x}; with any each score "
		    "has an alert of its own");
}

static void
score_finish(struct schema_context *ctx UNUSED, struct rule_config *rule)
{
	rule->query_text = ((const struct score_settings *)rule->settings)->arm.query;
}

static void
put_names(const struct string_list *list, struct buf *out)
{
	for (uint32_t i = 0; i < list->n; i++)
		buf_printf(out, "%s,", list->items[i]);
	buf_putc(out, '\0');
}

static void
score_identity(const struct rule_config *rule, struct buf *out)
{
	const struct score_settings *s = rule->settings;

	rule_arm_identity(&s->arm, out);
	put_names(&s->by, out);
	put_names(&s->group, out);
	buf_printf(out, "%d %d %.17g %d %d %.17g %s %s", s->by.set, s->direction,
	    s->threshold.value, s->correct, (int)s->aggregate.how, s->aggregate.limit,
	    s->method_column, s->threshold_column);
}

#define SCORE(m) .offset = offsetof(struct score_settings, m)

static const struct schema_field score_fields[] = {
	ARM_FIELDS("The stored scores: a column named value, one for each label, and the time of "
		   "the score in the source's time column. Of rows with equal labels the newest "
		   "is judged; with for_points every one is a point, so let the query (or "
		   "window) reach back over as many as for_points looks at."),
	{ .name = "by",
	    .kind = FIELD_STRING_LIST,
	    SCORE(by),
	    .doc = "Labels that tell the scores apart; default: all there are." },
	{ .name = "direction",
	    .kind = FIELD_ENUM,
	    SCORE(direction),
	    .flags = FIELD_REQUIRED,
	    .choices = direction_names,
	    .doc = "Which scores are drift: high ones (distances), low ones (p-values), or "
		   "by_method: the row's method says, by the names of Evidently and of the kind "
		   "drift." },
	{ .name = "threshold",
	    .kind = FIELD_CUSTOM,
	    SCORE(threshold),
	    .flags = FIELD_REQUIRED,
	    .custom = read_threshold,
	    .json_schema = "{\"anyOf\":[{\"type\":\"number\"},{\"const\":\"column\"}]}",
	    .doc = "A number, or column: each row brings its own." },
	{ .name = "method_column",
	    .kind = FIELD_STRING,
	    SCORE(method_column),
	    .flags = FIELD_NONEMPTY,
	    .fallback = "method",
	    .doc = "direction by_method: the column with the method's name." },
	{ .name = "threshold_column",
	    .kind = FIELD_STRING,
	    SCORE(threshold_column),
	    .flags = FIELD_NONEMPTY,
	    .fallback = "threshold",
	    .doc = "threshold: column: the column that has it." },
	{ .name = "correct",
	    .kind = FIELD_ENUM,
	    SCORE(correct),
	    .choices = correct_names,
	    .fallback = "none",
	    .doc = "Correction of those scores that are p-values for their number: bh, by, holm, "
		   "bonferroni or none." },
	{ .name = "aggregate",
	    .kind = FIELD_CUSTOM,
	    SCORE(aggregate),
	    .custom = aggregate_read,
	    .json_schema = AGGREGATE_JSON_SCHEMA,
	    .doc = "any: an alert for each score that is drift (default). all, {count: n}, "
		   "{share: x}: one alert when so many are; $explain.features lists "
		   "them." },
	{ .name = "group",
	    .kind = FIELD_STRING_LIST,
	    SCORE(group),
	    .doc = "With aggregate: one alert for each value of these labels." },
};

static const struct schema score_schema = {
	.name = "score",
	.doc = "Judges drift scores that were computed elsewhere and stored. for_points counts "
	       "each stored score once, by its own time, however many were written since the last "
	       "evaluation; one that arrives late counts in its place if the query reaches back "
	       "over all that for_points looks at, else only scores newer than the last one "
	       "counted do. Scores of a PromQL source are values as of the evaluation and count "
	       "once in each.",
	.size = sizeof(struct score_settings),
	SCHEMA_FIELDS(score_fields),
	.pos_offset = offsetof(struct score_settings, arm.pos) + 1,
	.check = score_check,
};

const struct rule_kind_schema rule_kind_score_schema = {
	.name = "score",
	.schema = &score_schema,
	.finish = score_finish,
	.identity = score_identity,
};

const struct rule_kind rule_kind_score = {
	.schema = &rule_kind_score_schema,
	.plan = score_plan,
	.judge = score_judge,
	.heavy = true,
};
