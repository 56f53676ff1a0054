/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `absent:`: something that must be there is not.
 *
 * What must be there is a list of label sets or the answer of a query (the
 * inventory, or the same query as of a day ago); each is an alert of its own,
 * with these labels.  It is there while the query has a series that carries
 * all of them, whatever its value.  So an instance that vanishes is told of by
 * name, which an expression over what is left cannot do.
 */
#include "config.h"

#include <stdlib.h>

#include "rule/kinds.h"
#include "rule/series.h"

#define EXPECTED_MAX 10000

struct expected_set {
	struct label_view *labels; /* sorted by name */
	uint32_t n;
	struct pos pos;
};

struct expected_list {
	struct expected_set *sets;
	uint32_t n;
	bool set;
};

struct absent_settings {
	const char *query, *expected_query;
	struct expected_list expected;
	struct string_list by;
	dur_t ago;
	struct pos pos;
};

static int
absent_plan(const struct rule_config *rule, const struct past *past UNUSED, wall_t now,
    struct rule_plan *ret, struct err *err UNUSED)
{
	const struct absent_settings *settings = rule->settings;
	wall_t at = rule_query_at(rule, now);

	rule_plan_one(rule, now, settings->query, ret);
	if (settings->expected_query != NULL)
		ret->queries[ret->n++] = (struct rule_query){
			.text = str_from(settings->expected_query),
			.at = wall_sub(at, settings->ago),
		};
	return 0;
}

/* --- judging ----------------------------------------------------------- */

static int
compare_names(const void *a, const void *b)
{
	return str_cmp(((const struct label_view *)a)->name, ((const struct label_view *)b)->name);
}

static bool
name_wanted(const struct absent_settings *settings, struct str name)
{
	if (str_is(name, "__name__"))
		return false;
	for (uint32_t i = 0; i < settings->by.n; i++)
		if (str_is(name, settings->by.items[i]))
			return true;
	return settings->by.n == 0;
}

/* The labels of a sample that tell instances apart, sorted. */
static int
read_labels(const struct rule_input *in, uint32_t answer, const struct sample *sample,
    struct expected_set *ret, struct err *err)
{
	const struct absent_settings *settings = in->rule->settings;
	struct label_view *views;
	uint32_t n, kept = 0;
	int code = sample_labels(in->sources[answer], sample, in->arena, &views, &n, err);

	if (code < 0)
		return code;
	for (uint32_t i = 0; i < n; i++)
		if (name_wanted(settings, views[i].name) && views[i].value.n > 0)
			views[kept++] = views[i];
	if (kept > 1)
		qsort(views, kept, sizeof(*views), compare_names);
	*ret = (struct expected_set){ .labels = views, .n = kept };
	return 0;
}

static struct str
put_set(const struct label_view *labels, uint32_t n, struct arena *arena)
{
	struct buf text = { 0 };
	struct str whole;

	for (uint32_t i = 0; i < n; i++) {
		buf_put_u32le(&text, labels[i].name.n);
		buf_put_str(&text, labels[i].name);
		buf_put_u32le(&text, labels[i].value.n);
		buf_put_str(&text, labels[i].value);
	}
	whole = arena_str(arena, buf_str(&text));
	buf_fini(&text);
	return whole;
}

/* Those of a sample's labels whose names an expected set has; n 0 when it lacks one. */
static bool
project(const struct expected_set *from, const struct expected_set *names, struct label_view *out)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < names->n; i++) {
		while (at < from->n && str_cmp(from->labels[at].name, names->labels[i].name) < 0)
			at++;
		if (at == from->n || !str_eq(from->labels[at].name, names->labels[i].name))
			return false;
		out[i] = from->labels[at];
	}
	return true;
}

static bool
has_same_names(const struct expected_set *a, const struct expected_set *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (!str_eq(a->labels[i].name, b->labels[i].name))
			return false;
	return true;
}

/* The present series by the labels named, for sets that all have the same names. */
struct present {
	const struct expected_set *names;
	struct vector vector;
	struct series_set by_labels;
};

static void
index_present(struct present *present, const struct expected_set *names,
    const struct expected_set *there, uint32_t n_there, struct arena *arena)
{
	struct label_view *out = ARENA_ARRAY(arena, names->n, struct label_view);

	present->names = names;
	present->vector = (struct vector){ ARENA_ARRAY(arena, n_there, struct sample), 0 };
	for (uint32_t i = 0; i < n_there; i++)
		if (project(&there[i], names, out))
			present->vector.samples[present->vector.n++].key =
			    put_set(out, names->n, arena);
	series_group(&present->vector, arena, &present->by_labels);
}

static const struct explain *
explain_absent(const struct absent_settings *settings, uint32_t there, uint32_t expected,
    bool is_there, struct arena *arena)
{
	struct explain *explain = ARENA_NEW(arena, struct explain);

	*explain = explain_none;
	explain->method = settings->expected_query != NULL ? "expected_query" : "expected";
	explain->value = is_there ? 1.0 : 0.0;
	explain->threshold = 1.0;
	explain->detail =
	    str_from(arena_printf(arena, "{\"expected\":%u,\"there\":%u}", expected, there));
	explain->window = settings->ago;
	explain->said =
	    is_there ? STR("it is there")
		     : str_from(arena_printf(arena,
			   "missing: none of %u that are there has its labels, %u are expected",
			   there, expected));
	return explain;
}

static int
read_answer(const struct rule_input *in, uint32_t answer, struct expected_set **ret,
    uint32_t *ret_n, struct err *err)
{
	const struct vector *vector = &in->answers[answer];

	*ret = ARENA_ARRAY(in->arena, vector->n, struct expected_set);
	*ret_n = 0;
	for (uint32_t i = 0; i < vector->n; i++) {
		int code;

		/* A row without a value is no sign of life. */
		if (vector->samples[i].missing)
			continue;
		code = read_labels(in, answer, &vector->samples[i], &(*ret)[*ret_n], err);
		if (code < 0)
			return code;
		++*ret_n;
	}
	return 0;
}

static void
judge_sets(const struct rule_input *in, const struct expected_set *sets, uint32_t n,
    const struct expected_set *there, uint32_t n_there, struct judgement *ret)
{
	const struct absent_settings *settings = in->rule->settings;
	struct present present = { 0 };
	struct vector seen = { ARENA_ARRAY(in->arena, n, struct sample), n };
	struct series_set unique;

	for (uint32_t i = 0; i < n; i++)
		seen.samples[i].key = put_set(sets[i].labels, sets[i].n, in->arena);
	series_group(&seen, in->arena, &unique); /* a query may say the same twice */
	for (uint32_t i = 0; i < unique.n; i++) {
		const struct expected_set *set = &sets[unique.list[i].samples[0] - seen.samples];
		bool is_there;

		if (present.names == NULL || !has_same_names(present.names, set))
			index_present(&present, set, there, n_there, in->arena);
		is_there = series_find(&present.by_labels, unique.list[i].key) != NULL;
		ret->observations[ret->n++] = (struct observation){
			.made = true,
			.labels = set->labels,
			.n_labels = set->n,
			.outcome = is_there ? OUTCOME_OK : OUTCOME_BREACH,
			.value = is_there ? 1.0 : 0.0,
			.explain = explain_absent(settings, n_there, unique.n, is_there, in->arena),
		};
	}
}

static int
absent_judge(const struct rule_input *in, struct judgement *ret, struct err *err)
{
	const struct absent_settings *settings = in->rule->settings;
	struct expected_set *there, *sets = settings->expected.sets;
	uint32_t n_there, n = settings->expected.n;
	int code = read_answer(in, 0, &there, &n_there, err);

	if (code == 0 && settings->expected_query != NULL)
		code = read_answer(in, 1, &sets, &n, err);
	if (code < 0)
		return code;
	if (n > EXPECTED_MAX)
		return err_set(
		    err, ERR_LIMIT, "%u expected instances are more than %d", n, EXPECTED_MAX);
	series_observations(in->arena, n, 1, ret);
	judge_sets(in, sets, n, there, n_there, ret);
	return 0;
}

static const char *
absent_level_severity(const struct rule_config *rule UNUSED, uint8_t level UNUSED)
{
	return NULL;
}

/* --- settings ---------------------------------------------------------- */

static void
read_set(struct schema_context *ctx, const struct yaml_node *node, struct expected_set *ret)
{
	ret->pos = node->pos;
	if (node->kind != YAML_MAPPING || node->n == 0) {
		diag_error(ctx->diag, node->pos,
		    "what is expected is a list of label sets, such as [{instance: a}]");
		return;
	}
	ret->labels = ARENA_ARRAY(ctx->arena, node->n, struct label_view);
	for (uint32_t i = 0; i < node->n; i++) {
		const struct yaml_node *value = node->pairs[i].value;

		if (value->kind != YAML_SCALAR || value->text.n == 0) {
			diag_error(ctx->diag, value->pos, "a label's value is a text");
			continue;
		}
		ret->labels[ret->n++] = (struct label_view){
			arena_str(ctx->arena, node->pairs[i].key->text),
			arena_str(ctx->arena, value->text),
		};
	}
	if (ret->n > 1)
		qsort(ret->labels, ret->n, sizeof(*ret->labels), compare_names);
}

static void
read_expected(struct schema_context *ctx, const struct yaml_node *node, void *member)
{
	struct expected_list *list = member;

	list->set = true;
	if (!schema_is_list(ctx, node, "[{instance: a}, {instance: b}]"))
		return;
	if (node->n > EXPECTED_MAX) {
		diag_error(ctx->diag, node->pos, "more than %d label sets", EXPECTED_MAX);
		return;
	}
	list->sets = ARENA_ARRAY(ctx->arena, node->n, struct expected_set);
	for (uint32_t i = 0; i < node->n; i++)
		read_set(ctx, node->items[i], &list->sets[list->n++]);
}

static void
absent_check(struct schema_context *ctx, void *value, const struct yaml_node *node UNUSED)
{
	struct absent_settings *settings = value;

	if (settings->query != NULL)
		settings->query = rule_query_text(ctx, settings->query, settings->pos, "query");
	if (!settings->expected.set && settings->expected_query == NULL)
		diag_error(ctx->diag, settings->pos,
		    "absent needs expected (a list of label sets) or expected_query: what must be "
		    "there cannot be told from what is there");
	if (settings->expected.set && settings->expected.n == 0 && settings->expected.sets != NULL)
		diag_error(ctx->diag, settings->pos, "expected is an empty list");
	if (settings->expected.set && settings->ago.ns > 0)
		diag_error(ctx->diag, settings->pos, "ago goes with expected_query only");
	if (settings->expected.set && settings->by.n > 0)
		diag_error(ctx->diag, settings->pos,
		    "by goes with expected_query only: an expected set says itself which labels "
		    "count");
}

static void
absent_finish(struct schema_context *ctx UNUSED, struct rule_config *rule)
{
	rule->query_text = ((const struct absent_settings *)rule->settings)->query;
}

/* Who is expected is not what the rule means: an instance more in the list keeps the others' state.
 */
static void
absent_identity(const struct rule_config *rule, struct buf *out)
{
	const struct absent_settings *settings = rule->settings;

	config_normalize_query(str_from(rule->query_text), out);
	for (uint32_t i = 0; i < settings->by.n; i++)
		buf_printf(out, "%c%s", '\0', settings->by.items[i]);
}

static const struct schema_field absent_fields[] = {
	{ .name = "query",
	    .kind = FIELD_STRING,
	    .offset = offsetof(struct absent_settings, query),
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY,
	    .doc = "What is there: an expected instance is missed while no series of the answer "
		   "has all its labels." },
	{ .name = "expected",
	    .kind = FIELD_CUSTOM,
	    .offset = offsetof(struct absent_settings, expected),
	    .custom = read_expected,
	    .exclusive = "expected or expected_query",
	    .json_schema = "{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":\"object\","
			   "\"additionalProperties\":{\"type\":[\"string\",\"number\","
			   "\"boolean\"]}}}",
	    .doc = "What must be there: a list of label sets; each that is missing is an alert "
		   "with these labels." },
	{ .name = "expected_query",
	    .kind = FIELD_STRING,
	    .offset = offsetof(struct absent_settings, expected_query),
	    .flags = FIELD_NONEMPTY,
	    .exclusive = "expected or expected_query",
	    .doc = "What must be there, as a query: one alert for each label set of its answer "
		   "that is missing." },
	{ .name = "ago",
	    .kind = FIELD_DURATION,
	    .offset = offsetof(struct absent_settings, ago),
	    .fallback = "0s",
	    .doc = "Ask expected_query for the state this long ago: what was there then must be "
		   "there now." },
	{ .name = "by",
	    .kind = FIELD_STRING_LIST,
	    .offset = offsetof(struct absent_settings, by),
	    .doc = "The labels of expected_query's answer that tell instances apart; default: "
		   "all." },
};

static const struct schema absent_schema = {
	.name = "absent",
	.doc = "Tells by name which of the expected instances is missing.",
	.size = sizeof(struct absent_settings),
	SCHEMA_FIELDS(absent_fields),
	.pos_offset = offsetof(struct absent_settings, pos) + 1,
	.check = absent_check,
};

const struct rule_kind_schema rule_kind_absent_schema = {
	.name = "absent",
	.schema = &absent_schema,
	.finish = absent_finish,
	.identity = absent_identity,
};

const struct rule_kind rule_kind_absent = {
	.schema = &rule_kind_absent_schema,
	.plan = absent_plan,
	.judge = absent_judge,
	.level_severity = absent_level_severity,
};
