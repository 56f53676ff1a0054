/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the kinds that are refused, and what a comparison says at its
 * edges. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/diag.h"
#include "rule/kind.h"
#include "unit/rule/test_rule.h"
#include "yaml/yaml.h"

static struct arena *arena;

static void
set_up(void)
{
	arena = arena_new(0);
}

static void
tear_down(void)
{
	arena_free(arena);
}

static const struct rule_kind *
kind_named(const char *name)
{
	for (size_t i = 0; rule_kind_list[i] != NULL; i++)
		if (strcmp(rule_kind_list[i]->schema->name, name) == 0)
			return rule_kind_list[i];
	ck_abort_msg("no kind %s", name);
	return NULL;
}

static void *
read_settings(const char *kind, const char *yaml, struct diag *diag)
{
	const struct schema *schema = kind_named(kind)->schema->schema;
	struct schema_context ctx = { .arena = arena, .diag = diag, .dir = "/" };
	struct yaml_node *node = yaml_parse(arena, diag, "test.yml", str_from(yaml));
	void *settings = arena_alloc(arena, schema->size);

	ck_assert_ptr_nonnull(node);
	schema_read(&ctx, schema, node, settings);
	return settings;
}

static void
put_identity(
    const struct rule_kind_schema *kind, const char *yaml, struct diag *diag, struct buf *out)
{
	struct schema_context ctx = { .arena = arena, .diag = diag, .dir = "/" };
	struct rule_config rule = { .kind = kind, .name = "r" };

	rule.settings = read_settings(kind->name, yaml, diag);
	kind->finish(&ctx, &rule);
	kind->identity(&rule, out);
}

static const struct {
	const char *yaml, *text; /* text NULL: fine */
} settings[] = {
	{ "{query: m, op: '>', value: 1}", NULL },
	{ "{query: m, op: '>', value: 1, recover: 1}", NULL },
	{ "{query: m, op: '>', value: 1, recover: 0.5}", NULL },
	{ "{query: m, op: '>', value: 1, recover: 1.5}", "must be less than the threshold 1" },
	{ "{query: m, op: '<', value: 1, recover: 1.5}", NULL },
	{ "{query: m, op: '<=', value: 1, recover: 0.5}", "must be greater than the threshold 1" },
	{ "{query: m, op: '==', value: 1, recover: 0.5}", "recover makes no sense with op '=='" },
	{ "{query: m, op: '>', levels: {warning: 80, critical: 90}}", NULL },
	{ "{query: m, op: '>', levels: {critical: 90, warning: 80}, recover: "
	  "70}",
	    NULL },
	{ "{query: m, op: '>', levels: {critical: 80, warning: 90}}",
	    "level 'critical' (80) must lie beyond 'warning' (90)" },
	{ "{query: m, op: '<', levels: {critical: 80, warning: 90}}", NULL },
	{ "{query: m, op: '<', levels: {critical: 95, warning: 90}}",
	    "level 'critical' (95) must lie beyond 'warning' (90)" },
	{ "{query: m, op: '>', levels: {a: 90, b: 80}}", NULL },
	{ "{query: m, op: '>', levels: {a: 80, b: 80}}", "levels 'a' and 'b' have the same value" },
	{ "{query: m, op: '!=', levels: {a: 80, b: 90}}", "levels make no sense with op '!='" },
	{ "{query: m, op: '>', levels: {warning: 80, critical: 90}, recover: "
	  "85}",
	    "must be less than the threshold 80" },
	{ "{query: m, op: '>', levels: {warning: 80}, recover: {critical: 1}}",
	    "'critical', which is no level" },
	{ "{query: m, op: '>', levels: {warning: 80}, recover: {warning: x}}",
	    "recover is a number" },
	{ "{query: m, op: '>', value: 80, recover: [1]}", "recover is a number" },
	{ "{query: m, op: '>'}", "needs value, or levels" },
	{ "{query: m, op: '>', value: 1, levels: {a: 1}}", "value" },
	{ "{query: '  ', op: '>', value: 1}", "query is empty" },
	{ "{op: '>', value: 1}", "query" },
	{ "{query: m, op: '=>', value: 1}", "expected one of" },
	{ "{query: m, op: '>', levels: {a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: "
	  "7, h: 8}}",
	    NULL },
	{ "{query: m, op: '>', levels: {a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: "
	  "7, h: 8, i: 9}}",
	    "more than 8 levels" },
};

START_TEST(threshold_settings)
{
	struct diag *diag = diag_new();

	read_settings("threshold", settings[_i].yaml, diag);
	if (settings[_i].text == NULL) {
		ck_assert_msg(diag_errors(diag) == 0, "%s: %s", settings[_i].yaml,
		    diag_count(diag) > 0 ? diag_at(diag, 0)->text : "");
	} else {
		ck_assert_msg(diag_errors(diag) > 0, "%s", settings[_i].yaml);
		ck_assert_msg(strstr(diag_at(diag, 0)->text, settings[_i].text) != NULL, "%s: %s",
		    settings[_i].yaml, diag_at(diag, 0)->text);
	}
	diag_free(diag);
}
END_TEST

START_TEST(expr_settings)
{
	static const struct {
		const char *yaml;
		bool ok;
	} cases[] = {
		{ "up == 0", true },
		{ "5", true },
		{ "' '", false },
		{ "[up]", false },
		{ "{a: b}", false },
		{ "", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct diag *diag = diag_new();

		read_settings("expr", cases[i].yaml, diag);
		ck_assert_msg((diag_errors(diag) == 0) == cases[i].ok, "'%s'", cases[i].yaml);
		diag_free(diag);
	}
}
END_TEST

static const struct {
	const char *op;
	double threshold, recover, value; /* recover NAN: none */
	enum outcome want;
} edges[] = {
	{ ">", 5, (double)NAN, 5, OUTCOME_OK },
	{ ">", 5, (double)NAN, 5.1, OUTCOME_BREACH },
	{ ">=", 5, (double)NAN, 5, OUTCOME_BREACH },
	{ ">=", 5, 3, 4, OUTCOME_HOLD },
	{ ">=", 5, 3, 3, OUTCOME_HOLD },
	{ ">=", 5, 3, 2.9, OUTCOME_OK },
	{ ">", 5, 3, 3, OUTCOME_OK },
	{ ">", 5, 3, 3.1, OUTCOME_HOLD },
	{ "<", 5, 7, 4.9, OUTCOME_BREACH },
	{ "<", 5, 7, 5, OUTCOME_HOLD },
	{ "<", 5, 7, 7, OUTCOME_OK },
	{ "<=", 5, 7, 7, OUTCOME_HOLD },
	{ "==", 5, (double)NAN, 5, OUTCOME_BREACH },
	{ "==", 5, (double)NAN, 4, OUTCOME_OK },
	{ "!=", 5, (double)NAN, 4, OUTCOME_BREACH },
	{ "!=", 5, (double)NAN, 5, OUTCOME_OK },
	{ ">", 5, 3, (double)INFINITY, OUTCOME_BREACH },
	{ ">", 5, 3, -(double)INFINITY, OUTCOME_OK },
	{ ">", 5, 3, (double)NAN, OUTCOME_INSUFFICIENT },
	{ "!=", 5, (double)NAN, (double)NAN, OUTCOME_INSUFFICIENT },
};

START_TEST(threshold_edges)
{
	const struct rule_kind *kind = kind_named("threshold");
	struct sample sample = { .value = edges[_i].value };
	struct vector vector = { &sample, 1 };
	struct rule_config rule = { 0 };
	const struct rule_input in = { .rule = &rule, .answers = &vector, .n = 1, .arena = arena };
	struct diag *diag = diag_new();
	struct judgement j;
	char yaml[128], recover[32] = "";

	if (!isnan(edges[_i].recover))
		snprintf(recover, sizeof(recover), ", recover: %g", edges[_i].recover);
	snprintf(yaml, sizeof(yaml), "{query: m, op: '%s', value: %g%s}", edges[_i].op,
	    edges[_i].threshold, recover);
	rule.settings = read_settings("threshold", yaml, diag);
	ck_assert_uint_eq(diag_errors(diag), 0);
	ck_assert_int_eq(kind->judge(&in, &j, NULL), 0);
	ck_assert_msg(j.n == 1 && j.observations[0].outcome == edges[_i].want, "%s with %g: %s",
	    yaml, edges[_i].value, outcome_name(j.observations[0].outcome));
	sample.missing = true;
	ck_assert_int_eq(kind->judge(&in, &j, NULL), 0);
	ck_assert_int_eq(j.observations[0].outcome, OUTCOME_INSUFFICIENT);
	diag_free(diag);
}
END_TEST

START_TEST(identity_is_the_condition_not_the_way_back)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{ "{query: m, op: '>', value: 1}", "{query: m, op: '>', value: 1, recover: 0}",
		    true },
		{ "{query: m, op: '>', value: 1}", "{query: ' m ', op: '>', value: 1.0}", true },
		{ "{query: m, op: '>', value: 1}", "{query: m, op: '>', value: 2}", false },
		{ "{query: m, op: '>', value: 1}", "{query: m, op: '>=', value: 1}", false },
		{ "{query: m, op: '>', value: 1}", "{query: n, op: '>', value: 1}", false },
		{ "{query: m, op: '>', value: 1}", "{query: m, op: '>', levels: {a: 1}}", false },
		{ "{query: m, op: '>', levels: {b: 2, a: 1}}",
		    "{query: m, op: '>', levels: {a: 1, b: 2}}", true },
	};
	const struct rule_kind_schema *schema = kind_named("threshold")->schema;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct diag *diag = diag_new();
		struct buf a = { 0 }, b = { 0 };

		put_identity(schema, cases[i].a, diag, &a);
		put_identity(schema, cases[i].b, diag, &b);
		ck_assert_msg(str_eq(buf_str(&a), buf_str(&b)) == cases[i].same, "%s", cases[i].b);
		buf_fini(&a);
		buf_fini(&b);
		diag_free(diag);
	}
}
END_TEST

TCase *
tcase_kinds(void)
{
	TCase *t = tcase_create("kinds");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, threshold_settings, 0, (int)ARRAY_LEN(settings));
	tcase_add_test(t, expr_settings);
	tcase_add_loop_test(t, threshold_edges, 0, (int)ARRAY_LEN(edges));
	tcase_add_test(t, identity_is_the_condition_not_the_way_back);
	return t;
}
