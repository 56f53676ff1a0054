/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates: what plain ones become, what is refused when parsed and where.
 */
#include "config.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include <check.h>

#include "base/arena.h"
#include "template/go_float.h"
#include "suites.h"
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
	/* what the value reaches */
	{ "{{ $labels.job | toUpper }}", TEMPLATE_RULE, "API", false, false },
	{ "{{ if $value }}x{{ end }}", TEMPLATE_RULE, "x", false, true },
	{ "{{ with $.Labels }}{{ $x := .job }}{{ $x }}{{ end }}", TEMPLATE_RULE,
	    "api", false, false },
	{ "{{ with . }}{{ .Labels.job }}{{ end }}", TEMPLATE_RULE, "api", false,
	    true },
	{ "{{ range $externalLabels }}{{ . }}{{ end }}", TEMPLATE_RULE, "eu",
	    false, false },
	{ "{{ template \"a\" . }}{{ define \"a\" }}{{ .Labels.job }}{{ end }}",
	    TEMPLATE_RULE, "api", false, false },
	{ "{{ template \"a\" . }}{{ define \"a\" }}{{ .Value }}{{ end }}",
	    TEMPLATE_RULE, "42.5", false, true },
	{ "{{ template \"a\" $value }}{{ define \"a\" }}{{ . }}{{ end }}",
	    TEMPLATE_RULE, "42.5", false, true },
	{ "{{ define \"a\" }}{{ .Value }}{{ end }}x", TEMPLATE_RULE, "x", true,
	    false },
	{ "{{ if false }}{{ now }}{{ end }}", TEMPLATE_RULE, "", false, true },
	{ "{{ \"x\" }}", TEMPLATE_RULE, "x", false, false },
	{ "{{ $labels = $externalLabels }}{{ $labels.region }}", TEMPLATE_RULE,
	    "eu", false, false },
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
	/* names */
	{ "{{ querry \"up\" | first }}", TEMPLATE_RULE, 3,
	    "function \"querry\" is not defined (did you mean query?)" },
	{ "{{ query }}", TEMPLATE_RULE, 3, "query takes 1 argument, not 0" },
	{ "{{ (query \"up\" | first).Vlue }}", TEMPLATE_RULE, 23,
	    "unknown field \".Vlue\" of *template.sample" },
	{ "{{ humanise $value }}", TEMPLATE_RULE, 3,
	    "function \"humanise\" is not defined (did you mean humanize?)" },
	{ "{{ $labels.job is down", TEMPLATE_RULE, 15,
	    "function \"is\" is not defined" },
	{ "{{ $value | nope }}", TEMPLATE_RULE, 12, "\"nope\" is not defined" },
	{ "{{ toJson $value }}", TEMPLATE_RULE, 3, "\"toJson\" is not defined" },
	{ "{{ humanize 1 }}", TEMPLATE_NOTIFICATION, 3, "is not defined" },
	{ "{{ query \"up\" }}", TEMPLATE_NOTIFICATION, 3, "is not defined" },
	{ "{{ $foo }}", TEMPLATE_RULE, 3, "variable \"$foo\" is not defined" },
	{ "{{ $value }}", TEMPLATE_NOTIFICATION, 3, "variable \"$value\"" },
	{ "{{ if $x := 1 }}{{ end }}{{ $x }}", TEMPLATE_RULE, 28, "\"$x\"" },
	{ "{{ $x := $x }}", TEMPLATE_RULE, 9, "\"$x\" is not defined" },
	{ "{{ $x = 1 }}", TEMPLATE_RULE, 3, "\"$x\" is not defined" },
	{ "{{ define \"a\" }}{{ $labels }}{{ end }}", TEMPLATE_RULE, 19,
	    "\"$labels\" is not defined" },
	{ "{{ template \"x\" . }}", TEMPLATE_NOTIFICATION, 0,
	    "template \"x\" is not defined" },
	/* fields */
	{ "{{ .Foo }}", TEMPLATE_RULE, 3, "unknown field \".Foo\" of the data" },
	{ "{{ .Lables.job }}", TEMPLATE_RULE, 3, "did you mean .Labels?" },
	{ "{{ .Labels.job }}", TEMPLATE_NOTIFICATION, 3, "\".Labels\"" },
	{ "{{ .Status }}", TEMPLATE_RULE, 3, "\".Status\"" },
	{ "{{ range .Alerts }}{{ .Anotations.x }}{{ end }}",
	    TEMPLATE_NOTIFICATION, 22, "did you mean .Annotations?" },
	{ "{{ with .Alerts }}{{ .Fireing }}{{ end }}", TEMPLATE_NOTIFICATION,
	    21, "did you mean .Firing?" },
	{ "{{ define \"a\" }}{{ .Foo }}{{ end }}{{ template \"a\" . }}",
	    TEMPLATE_RULE, 19, "unknown field \".Foo\"" },
	{ "{{ $labels.a.b }}", TEMPLATE_RULE, 12, "unknown field \".b\"" },
	{ "{{ $value.x }}", TEMPLATE_RULE, 9, "unknown field \".x\"" },
	{ "{{ (index .Alerts 0).StartsAt.x }}{{ .Nope }}",
	    TEMPLATE_NOTIFICATION, 37, "\".Nope\"" },
	/* arguments */
	{ "{{ humanize }}", TEMPLATE_RULE, 3,
	    "humanize takes 1 argument, not 0" },
	{ "{{ humanize 1 2 }}", TEMPLATE_RULE, 3, "1 argument, not 2" },
	{ "{{ 1 | humanize 2 }}", TEMPLATE_RULE, 7, "1 argument, not 2" },
	{ "{{ printf }}", TEMPLATE_RULE, 3, "at least 1 argument, not 0" },
	{ "{{ eq 1 }}", TEMPLATE_RULE, 3, "at least 2 arguments, not 1" },
	{ "{{ eq (humanize) 1 }}", TEMPLATE_RULE, 7, "not 0" },
	{ "{{ .Alerts.Firing 1 }}", TEMPLATE_NOTIFICATION, 10,
	    ".Firing takes 0 arguments, not 1" },
	{ "{{ $value 1 }}", TEMPLATE_RULE, 3, "\"$value\" is not a function" },
	{ "{{ 1 | $value }}", TEMPLATE_RULE, 7, "is not a function" },
	{ "{{ .CommonLabels.a 1 }}", TEMPLATE_NOTIFICATION, 16,
	    "takes no arguments" },
	{ "{{ nil }}", TEMPLATE_RULE, 3, "nil is not a command" },
	{ "{{ 1 | 2 }}", TEMPLATE_RULE, 7, "a constant cannot take" },
	{ "{{ match \"a(\" \"b\" }}", TEMPLATE_RULE, 12,
	    "regular expression: missing closing parenthesis" },
	{ "{{ reReplaceAll \"(?=a)\" \"\" \"b\" }}", TEMPLATE_RULE, 17,
	    "look-ahead" },
	/* grammar */
	{ "x{{end}}", TEMPLATE_RULE, 1, "unexpected {{end}}" },
	{ "{{else}}", TEMPLATE_RULE, 0, "unexpected {{else}}" },
	{ "a{{ if $value }}x", TEMPLATE_RULE, 1, "{{if}} is not closed" },
	{ "{{ range .Alerts }}{{ else }}", TEMPLATE_NOTIFICATION, 0,
	    "{{range}} is not closed" },
	{ "{{ if 1 }}{{ else }}{{ else }}{{ end }}", TEMPLATE_RULE, 27,
	    "a second {{else}}" },
	{ "{{ if }}{{ end }}", TEMPLATE_RULE, 6, "missing value for if" },
	{ "{{ break }}", TEMPLATE_RULE, 0, "{{break}} outside {{range}}" },
	{ "{{ if 1 }}{{ define \"x\" }}{{ end }}{{ end }}", TEMPLATE_RULE, 10,
	    "{{define}} stands only outside" },
	{ "{{ define \"a\" }}1{{ end }}{{ define \"a\" }}2{{ end }}",
	    TEMPLATE_RULE, 26, "defined twice" },
	{ "{{ template x }}", TEMPLATE_RULE, 12, "needs a name in quotes" },
	{ "{{ $value | }}", TEMPLATE_RULE, 12, "missing value" },
	{ "{{ | $value }}", TEMPLATE_RULE, 3, "missing value" },
	{ "{{ ($value }}", TEMPLATE_RULE, 11, "where ) should stand" },
	{ "{{ $value) }}", TEMPLATE_RULE, 9, "unexpected \")\"" },
	{ "{{ () }}", TEMPLATE_RULE, 4, "missing value for parentheses" },
	{ "{{ $labels.a-b }}", TEMPLATE_RULE, 12, "unexpected \"-b\"" },
	{ "{{ \"a\".b }}", TEMPLATE_RULE, 6, "after a constant" },
	{ "{{ $a, $b := 1 }}", TEMPLATE_RULE, 5, "only range takes two" },
	{ "{{ ; }}", TEMPLATE_RULE, 3, "unexpected \";\"" },
	{ "{{ 1a }}", TEMPLATE_RULE, 3, "bad number syntax: \"1a\"" },
	{ "{{ 99999999999999999999 }}", TEMPLATE_RULE, 3, "too large" },
	{ "{{ \"a }}", TEMPLATE_RULE, 3, "the string is not closed" },
	{ "{{ \"\\q\" }}", TEMPLATE_RULE, 4, "no such escape" },
	{ "{{ 'ab' }}", TEMPLATE_RULE, 3, "malformed character constant" },
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

START_TEST(what_is_wrong_is_said_when_parsed)
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
	    tcase, what_is_wrong_is_said_when_parsed, 0, N(refusals));
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("expand");
	tcase_add_test(tcase, labels_may_be_interned_or_views);
	tcase_add_test(tcase, output_is_cut_at_the_limit_between_characters);
	tcase_add_loop_test(tcase, numbers_print_as_in_go, 0, N(floats));
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_add_suite(runner, suite_engine());
	srunner_add_suite(runner, suite_query());
	srunner_add_suite(runner, suite_defaults());
	srunner_add_suite(runner, suite_observed());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
