/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates: what is understood, what it becomes, and what the refusal of
 * everything else says.
 */
#include "config.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include <check.h>

#include "base/arena.h"
#include "template/go_float.h"
#include "template/template.h"

#define N(a) (int)(sizeof(a) / sizeof((a)[0]))
#define LIT(lit) { (lit), (uint32_t)(sizeof(lit) - 1) }

static const struct label_view sample[] = {
	{ LIT("__name__"), LIT("up") },
	{ LIT("job"), LIT("api") },
	{ LIT("f1_\u00e9"), LIT("accent") },
};
static const struct label_view external[] = {
	{ LIT("region"), LIT("eu") },
};
static const struct label_view group[] = {
	{ LIT("alertname"), LIT("Drift") },
};

static struct template_data
make_data(void)
{
	return (struct template_data){
		.labels = { .views = sample, .n_views = N(sample) },
		.value = 42.5,
		.external_labels = { .views = external, .n_views = 1 },
		.status = { "firing", 6 },
		.receiver = { "ops", 3 },
		.group_labels = { .views = group, .n_views = 1 },
		.common_labels = { .views = sample, .n_views = N(sample) },
		.common_annotations = { .views = external, .n_views = 1 },
		.external_url = { "http://t:9093", 13 },
	};
}

static const struct {
	const char *text;
	enum template_scope scope;
	const char *want;
	bool constant, uses_value;
} expansions[] = {
	{ "", TEMPLATE_RULE, "", true, false },
	{ "plain } }} { text", TEMPLATE_RULE, "plain } }} { text", true, false },
	{ "{{ $labels.job }}", TEMPLATE_RULE, "api", false, false },
	{ "{{$labels.job}}", TEMPLATE_RULE, "api", false, false },
	{ "{{ .Labels.job }}", TEMPLATE_RULE, "api", false, false },
	{ "{{\n$labels.__name__\t}}", TEMPLATE_RULE, "up", false, false },
	{ "{{ $labels.f1_\u00e9 }}", TEMPLATE_RULE, "accent", false, false },
	{ "a {{ $labels.absent }} b", TEMPLATE_RULE, "a  b", false, false },
	{ "{{ $value }}", TEMPLATE_RULE, "42.5", false, true },
	{ "{{ .Value }}{{$value}}", TEMPLATE_RULE, "42.542.5", false, true },
	{ "{{ $externalLabels.region }}-{{ .ExternalLabels.region }}",
	    TEMPLATE_RULE, "eu-eu", false, false },
	{ "{{ $externalURL }}/{{ .ExternalURL }}", TEMPLATE_RULE,
	    "http://t:9093/http://t:9093", false, false },
	{ "{{ .Status }} {{ .Receiver }} {{ .ExternalURL }}",
	    TEMPLATE_NOTIFICATION, "firing ops http://t:9093", false, false },
	{ "{{ .GroupLabels.alertname }}{{ .CommonLabels.job }}"
	  "{{ .CommonAnnotations.region }}",
	    TEMPLATE_NOTIFICATION, "Driftapieu", false, false },
	/* trim markers */
	{ "a \n{{- $value -}}\n b", TEMPLATE_RULE, "a42.5b", false, true },
	{ "a {{- $value }} b", TEMPLATE_RULE, "a42.5 b", false, true },
	{ "a {{ $value -}} b", TEMPLATE_RULE, "a 42.5b", false, true },
	{ "{{ $value -}} \n {{- $value }}", TEMPLATE_RULE, "42.542.5", false,
	    true },
	{ "{{ $value\n-}} x", TEMPLATE_RULE, "42.5x", false, true },
	/* comments */
	{ "a {{/* {{ if }} */}} b", TEMPLATE_RULE, "a  b", true, false },
	{ "a {{- /* c */ -}} b", TEMPLATE_RULE, "ab", true, false },
	{ "{{/**/}}", TEMPLATE_RULE, "", true, false },
};

START_TEST(what_is_understood)
{
	struct arena *arena = arena_new(0);
	struct template_data data = make_data();
	struct buf out = { 0 };
	struct err err = { 0 };
	struct template *t = template_parse(arena,
	    str_from(expansions[_i].text), expansions[_i].scope, &err);

	ck_assert_msg(
	    t != NULL, "%s: %s", expansions[_i].text, err.text);
	template_expand(t, &data, &out);
	ck_assert_msg(str_is(buf_str(&out), expansions[_i].want),
	    "%s: got %.*s", expansions[_i].text, STR_ARG(buf_str(&out)));
	ck_assert_int_eq(template_is_constant(t), expansions[_i].constant);
	ck_assert_int_eq(template_uses_value(t), expansions[_i].uses_value);
	ck_assert(str_is(template_text(t), expansions[_i].text));
	buf_fini(&out);
	arena_free(arena);
}
END_TEST

static const struct {
	const char *text;
	enum template_scope scope;
	uint32_t at;
	const char *words;
} refusals[] = {
	{ "{{ humanize $value }}", TEMPLATE_RULE, 3,
	    "function \"humanize\" is not supported yet; a template may use "
	    "{{ $labels.NAME }}, {{ $value }}" },
	{ "{{ $value | humanize }}", TEMPLATE_RULE, 10, "a pipe |" },
	{ "{{ $value|humanize }}", TEMPLATE_RULE, 9, "a pipe |" },
	{ "{{ if $value }}x{{ end }}", TEMPLATE_RULE, 3, "keyword \"if\"" },
	{ "x{{end}}", TEMPLATE_RULE, 3, "keyword \"end\"" },
	{ "{{ template \"x\" . }}", TEMPLATE_NOTIFICATION, 3,
	    "keyword \"template\" is not supported yet; a template may use "
	    "{{ .Status }}" },
	{ "{{ index $labels \"a-b\" }}", TEMPLATE_RULE, 3,
	    "function \"index\"" },
	{ "{{ $labels }}", TEMPLATE_RULE, 10, "needs the name of a label" },
	{ "{{ $labels. }}", TEMPLATE_RULE, 10, "needs the name of a label" },
	{ "{{ $labels.a-b }}", TEMPLATE_RULE, 12, "unexpected \"-b\"" },
	{ "{{ $labels.a.b }}", TEMPLATE_RULE, 12, "no field \".b\"" },
	{ "{{ $labels.1a }}", TEMPLATE_RULE, 11, "begin with a digit" },
	{ "{{ $value.x }}", TEMPLATE_RULE, 9, "no field \".x\"" },
	{ "{{ $foo }}", TEMPLATE_RULE, 3, "variable \"$foo\" is not known" },
	{ "{{ .Foo }}", TEMPLATE_RULE, 3, "field \".Foo\" is not known" },
	{ "{{ .Labels.job }}", TEMPLATE_NOTIFICATION, 3, "\".Labels.job\"" },
	{ "{{ $value }}", TEMPLATE_NOTIFICATION, 3, "variable \"$value\"" },
	{ "{{ .Status }}", TEMPLATE_RULE, 3, "field \".Status\"" },
	{ "{{ . }}", TEMPLATE_RULE, 3, "\".\" needs a name" },
	{ "{{ $ }}", TEMPLATE_RULE, 3, "\"$\" needs a name" },
	{ "{{ $x := 1 }}", TEMPLATE_RULE, 3, "variable \"$x\"" },
	{ "{{ $value := 1 }}", TEMPLATE_RULE, 10, "variables are not" },
	{ "{{ \"x\" }}", TEMPLATE_RULE, 3, "a constant" },
	{ "{{ `x` }}", TEMPLATE_RULE, 3, "a constant" },
	{ "{{ 1.5 }}", TEMPLATE_RULE, 3, "a number" },
	{ "{{ -1 }}", TEMPLATE_RULE, 3, "a number" },
	{ "{{-1 }}", TEMPLATE_RULE, 2, "a number" },
	{ "{{ ($value) }}", TEMPLATE_RULE, 3, "parentheses" },
	{ "{{ ; }}", TEMPLATE_RULE, 3, "unexpected \";\"" },
	{ "{{ $value $value }}", TEMPLATE_RULE, 10, "unexpected \"$value\"" },
	{ "{{}}", TEMPLATE_RULE, 0, "empty" },
	{ "a{{ }}", TEMPLATE_RULE, 1, "empty" },
	{ "{{- -}}", TEMPLATE_RULE, 0, "empty" },
	{ "a {{", TEMPLATE_RULE, 2, "not closed" },
	{ "a {{ $value", TEMPLATE_RULE, 11, "not closed" },
	{ "{{ $value }", TEMPLATE_RULE, 10, "unexpected \"}\"" },
	{ "{{ $value-}}", TEMPLATE_RULE, 9, "unexpected \"-\"" },
	{ "{{/* x }}", TEMPLATE_RULE, 2, "comment is not closed" },
	{ "{{/* x */ }}", TEMPLATE_RULE, 9, "a comment ends with" },
	{ "{{ /* x */}}", TEMPLATE_RULE, 3, "a comment begins with" },
};

START_TEST(everything_else_is_refused_by_name)
{
	struct arena *arena = arena_new(0);
	struct err err = { 0 };
	struct template *t = template_parse(arena,
	    str_from(refusals[_i].text), refusals[_i].scope, &err);

	ck_assert_msg(t == NULL, "%s was accepted", refusals[_i].text);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_msg(err.at == refusals[_i].at &&
	    strstr(err.text, refusals[_i].words) != NULL, "%s: at %u: %s",
	    refusals[_i].text, err.at, err.text);
	arena_free(arena);
}
END_TEST

START_TEST(labels_may_be_interned_or_views)
{
	struct arena *arena = arena_new(0);
	struct labels_builder b;
	struct template_data data = { 0 };
	struct buf out = { 0 };
	struct template *t = template_parse(
	    arena, STR("<{{ $labels.job }}>"), TEMPLATE_RULE, NULL);
	struct labels *labels;

	template_expand(t, &data, &out);
	ck_assert(str_is(buf_str(&out), "<>"));
	labels_builder_init(&b, arena);
	labels_builder_set(&b, STR("job"), STR("db"));
	labels = labels_intern(&b, NULL);
	data.labels.labels = labels;
	template_expand(t, &data, &out); /* appends */
	ck_assert(str_is(buf_str(&out), "<><db>"));
	labels_unref(labels);
	ck_assert_uint_eq(labels_live(), 0);
	ck_assert_uint_eq(istr_live(), 0);
	buf_fini(&out);
	arena_free(arena);
}
END_TEST

START_TEST(output_is_cut_at_the_limit_between_characters)
{
	struct arena *arena = arena_new(0);
	uint32_t n = TEMPLATE_OUTPUT_MAX - 2;
	char *big = arena_alloc(arena, n);
	struct label_view view = { STR("x"), { big, n } };
	struct template_data data = { .labels = { .views = &view,
					  .n_views = 1 } };
	struct buf out = { 0 };
	struct template *t = template_parse(arena,
	    STR("a{{ $labels.x }}\u00e9b{{ $labels.x }}"), TEMPLATE_RULE,
	    NULL);

	memset(big, 'x', n);
	buf_puts(&out, "before");
	template_expand(t, &data, &out);
	/* One byte was left for the two of the accent. */
	ck_assert_uint_eq(out.n, 6 + 1 + n);
	ck_assert(str_ends(buf_str(&out), STR("xx")));
	buf_fini(&out);
	arena_free(arena);
}
END_TEST

static const struct {
	double v;
	const char *want;
} floats[] = {
	{ 42.5, "42.5" }, { 100000, "100000" }, { 1e6, "1e+06" },
	{ 1234567, "1.234567e+06" }, { 1e-5, "1e-05" }, { 0.0001, "0.0001" },
	{ 0.00012345, "0.00012345" }, { 123456.7, "123456.7" },
	{ 999999.9, "999999.9" }, { 0, "0" }, { -0.0, "-0" }, { -1.5, "-1.5" },
	{ 1, "1" }, { 10, "10" }, { 0.1, "0.1" }, { 0.1 + 0.2,
	    "0.30000000000000004" }, { 1.0 / 3, "0.3333333333333333" },
	{ 1e21, "1e+21" }, { 1e100, "1e+100" }, { 123456789, "1.23456789e+08" },
	{ DBL_MAX, "1.7976931348623157e+308" }, { DBL_MIN,
	    "2.2250738585072014e-308" }, { 5e-324, "5e-324" },
	{ 1e-310, "1e-310" }, { -1.234567e-8, "-1.234567e-08" },
	{ 9007199254740993.0, "9.007199254740992e+15" }, { 5e-5, "5e-05" },
	{ INFINITY, "+Inf" }, { -INFINITY, "-Inf" }, { NAN, "NaN" },
};

START_TEST(numbers_print_as_in_go)
{
	char text[GO_FLOAT_MAX];
	int n = go_float(floats[_i].v, text);

	ck_assert_str_eq(text, floats[_i].want);
	ck_assert_int_eq(n, (int)strlen(text));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("template");
	TCase *tcase = tcase_create("parse");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, what_is_understood, 0, N(expansions));
	tcase_add_loop_test(
	    tcase, everything_else_is_refused_by_name, 0, N(refusals));
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("expand");
	tcase_add_test(tcase, labels_may_be_interned_or_views);
	tcase_add_test(tcase, output_is_cut_at_the_limit_between_characters);
	tcase_add_loop_test(tcase, numbers_print_as_in_go, 0, N(floats));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
