/* SPDX-License-Identifier: Apache-2.0 */
/* PromQL: canonical text, errors, what 3.x added, limits, questions about trees. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "observed.h"
#include "promql/promql.h"
#include "suites.h"

static struct arena *arena;
static struct buf out;

static void
setup(void)
{
	arena = arena_new(0);
	buf_init(&out, 0);
}

static void
teardown(void)
{
	buf_fini(&out);
	arena_free(arena);
}

static const struct promql_expr *
parse(const char *text)
{
	struct err err = { 0 };
	const struct promql_expr *expr = promql_parse(arena, str_from(text), &err);

	ck_assert_msg(expr != NULL, "%s: %u: %s", text, err.at, err.text);
	return expr;
}

static const char *
print(const struct promql_expr *expr)
{
	buf_clear(&out);
	promql_print(expr, &out);
	return out.p;
}

START_TEST(prints_as_prometheus_does)
{
	const struct promql_expr *expr = parse(printed[_i].text);

	ck_assert_str_eq(print(expr), printed[_i].want);
	ck_assert_uint_eq(expr->flags & PROMQL_NEEDS_3, 0);
}
END_TEST

START_TEST(refuses_as_prometheus_does)
{
	struct err err = { 0 };

	ck_assert_ptr_null(promql_parse(arena, str_from(refused[_i].text), &err));
	ck_assert_str_eq(err.text, refused[_i].want);
	ck_assert_int_eq(err.code, ERR_INVALID);
	ck_assert_msg(err.at == refused[_i].at, "%s: at %u, not %u", refused[_i].text, err.at,
	    refused[_i].at);
}
END_TEST

#define V3    PROMQL_NEEDS_3
#define TRIAL (PROMQL_NEEDS_3 | PROMQL_NEEDS_EXPERIMENTAL)

static const struct {
	const char *text, *want;
	uint32_t flags;
} newer[] = {
	{ "{\"a.b\"}", "{__name__=\"a.b\"}", V3 },
	{ "foo{\"c d\"=\"e\"}", "foo{\"c d\"=\"e\"}", V3 },
	{ "sum by (\"a.b\", c) (foo)", "sum by (\"a.b\", c) (foo)", V3 },
	{ "foo + on(\"a b\") group_left(\"c d\") bar",
	    "foo + on (\"a b\") group_left (\"c d\") bar", V3 },
	{ "1_000_000", "1000000", V3 },
	{ "0x_1F", "31", V3 },
	{ "5m", "5m", V3 },
	{ "-90s + time()", "-1m30s + time()", V3 },
	{ "foo[300]", "foo[5m]", V3 },
	{ "foo[1.5]", "foo[1s500ms]", V3 },
	{ "foo offset 60", "foo offset 1m", V3 },
	{ "foo offset 0s", "foo", V3 },
	{ "foo @ 5m", "foo @ 300.000", V3 },
	{ "foo[5m+1m*2]", "foo[5m + 1m * 2]", TRIAL },
	{ "foo[2^3^2s]", "foo[2 ^ 3 ^ 2s]", TRIAL },
	{ "foo[(5m)]", "foo[(5m)]", TRIAL },
	{ "foo[-(-5m)]", "foo[-(-5m)]", TRIAL },
	{ "foo[step()]", "foo[step()]", TRIAL },
	{ "foo[1h:range() / 10]", "foo[1h:range() / 10]", TRIAL },
	{ "foo[min_of(5m, step())] offset -max_of(1m,2m)",
	    "foo[min_of(5m, step())] offset -max_of(1m, 2m)", TRIAL },
	{ "foo[MIN(5m, 1m)]", "foo[min(5m, 1m)]", TRIAL },
	{ "foo offset (1h - 5m)", "foo offset (1h - 5m)", TRIAL },
	{ "foo offset step() * 2", "foo offset step() * 2", TRIAL },
	{ "foo offset 1m + 1", "foo offset 1m + 1", 0 },
	{ "foo offset -2^2", "foo offset -2s ^ 2", V3 },
	{ "rate(foo[5m] anchored)", "rate(foo[5m] anchored)", TRIAL },
	{ "foo smoothed @ 1 offset 5m", "foo @ 1.000 smoothed offset 5m", TRIAL },
	{ "anchored smoothed", "anchored smoothed", TRIAL },
	{ "foo * fill(0) bar", "foo * fill (0) bar", TRIAL },
	{ "foo + on(a) fill_right(-1) fill_left(0.5) bar",
	    "foo + on (a) fill_left (0.5) fill_right (-1) bar", TRIAL },
	{ "fill + fill_left", "fill + fill_left", 0 },
	{ "foo </ 1 >/ 2", "foo </ 1 >/ 2", TRIAL },
	{ "limitk(5, foo)", "limitk(5, foo)", TRIAL },
	{ "limit_ratio(-0.5, foo)", "limit_ratio(-0.5, foo)", TRIAL },
	{ "info(foo, {a=~\".*\"})", "info(foo, {a=~\".*\"})", TRIAL },
	{ "info(foo, {})", "info(foo, {})", TRIAL },
	{ "info(foo)", "info(foo)", TRIAL },
	{ "sort_by_label(foo, \"a\", \"b\")", "sort_by_label(foo, \"a\", \"b\")", TRIAL },
	{ "histogram_quantiles(foo, \"q\", 0.5, 0.9, 0.99)",
	    "histogram_quantiles(foo, \"q\", 0.5, 0.9, 0.99)", TRIAL },
	{ "vector(end() - start())", "vector(end() - start())", TRIAL },
	{ "max_of(1, step())", "max_of(1, step())", TRIAL },
	{ "histogram_avg(foo)", "histogram_avg(foo)", V3 },
	{ "holt_winters(foo[5m], 0.1, 0.2)", "holt_winters(foo[5m], 0.1, 0.2)", PROMQL_GONE_IN_3 },
	/* 2.42 wrote 1e+06 and 1.5e-07 here */
	{ "1e6", "1000000", 0 },
	{ "1.5e-7", "0.00000015", 0 },
	{ "0.1 + 0.30000000000000004", "0.1 + 0.30000000000000004", 0 },
	{ "foo{a=\"\\uFFFD\\u200b\"}", "foo{a=\"\\ufffd\\u200b\"}", 0 },
};

START_TEST(reads_what_3_added)
{
	const struct promql_expr *expr = parse(newer[_i].text), *again;

	ck_assert_str_eq(print(expr), newer[_i].want);
	ck_assert_msg(expr->flags == newer[_i].flags, "%s: flags %u", newer[_i].text, expr->flags);
	again = parse(out.p);
	ck_assert_msg(promql_equal(expr, again), "%s", newer[_i].text);
}
END_TEST

#define FORMS "number, duration, step(), or range()"

static const struct {
	const char *text;
	uint32_t at;
	const char *want;
} newer_bad[] = {
	{ "foo[-5m]", 4, "duration must be greater than 0" },
	{ "foo[0]", 4, "duration must be greater than 0" },
	{ "foo[5m:0]", 7, "duration must be greater than 0" },
	{ "foo[NaN]", 4, "unexpected character in duration expression: 'N'" },
	{ "foo[5m / 0]", 7, "division by zero" },
	{ "foo[5m % 0]", 7, "modulo by zero" },
	{ "foo[1e300]", 4, "duration out of range" },
	{ "foo[*]", 4, "unexpected <op:*> in subquery or range selector, expected " FORMS },
	{ "foo[", 4, "unexpected end of input in duration expression" },
	{ "foo[min(5m)]", 10, "unexpected \")\" in subquery or range selector, expected " FORMS },
	{ "foo[5m:+]", 8,
	    "unexpected \"]\" in subquery selector, expected number, duration, step(), range(), or "
	    "\"]\"" },
	{ "foo offset bar", 11, "unexpected identifier \"bar\" in offset, expected " FORMS },
	{ "foo offset", 10, "unexpected end of input in offset, expected " FORMS },
	{ "foo offset step() offset 5m", 0, "offset may not be set multiple times" },
	{ "foo[5m:] anchored", 0, "anchored modifier is not supported for subqueries" },
	{ "1 smoothed", 0, "smoothed modifier not implemented" },
	{ "foo anchored smoothed", 0, "anchored and smoothed modifiers cannot be used together" },
	{ "foo + fill(0) 1", 0, "filling in missing series only allowed between instant vectors" },
	{ "foo and fill(0) bar", 0, "filling in missing series not allowed for set operators" },
	{ "foo + fill(x) bar", 11, "unexpected identifier \"x\"" },
	{ "info(foo, bar)", 10, "expected label selectors only, got vector selector instead" },
	{ "info(foo, sum(bar))", 10, "expected label selectors only" },
	{ "histogram_quantiles(foo, \"q\")", 0,
	    "expected at least 3 argument(s) in call to \"histogram_quantiles\", got 2" },
	{ "sum by (\"\") (foo)", 8, "invalid label name for grouping: \"\"" },
	{ "foo{\"a\"}", 0, "metric name must not be set twice: \"foo\" or \"a\"" },
	{ "{\"\"}", 0, "vector selector must contain at least one non-empty matcher" },
	{ "{\"a\"=}", 5, "unexpected \"}\" in label matching, expected string" },
	{ "1__0", 0, "error parsing number: strconv.ParseFloat: parsing \"1__0\": invalid syntax" },
	{ "1_", 0, "error parsing number: strconv.ParseFloat: parsing \"1_\": invalid syntax" },
	{ "foo @ -inf", 0, "timestamp out of bounds for @ modifier: -Inf" },
	{ "foo[5m:1m:]", 9, "unexpected colon ':'" },
	{ "step(foo", 8, "unclosed left parenthesis" },
	{ "1.2.3", 0, "bad number or duration syntax: \"1.2.\"" },
	{ "\xc3\xa4", 0, "unexpected character: '\xc3\xa4'" },
	{ "foo{a=\"\xff\"}", 6, "invalid UTF-8 rune" },
};

START_TEST(refuses_misuse_of_what_3_added)
{
	struct err err = { 0 };

	ck_assert_ptr_null(promql_parse(arena, str_from(newer_bad[_i].text), &err));
	ck_assert_str_eq(err.text, newer_bad[_i].want);
	ck_assert_msg(err.at == newer_bad[_i].at, "%s: at %u, not %u", newer_bad[_i].text, err.at,
	    newer_bad[_i].at);
}
END_TEST

/* n times piece, between head and tail. */
static struct str
repeated(const char *head, const char *piece, unsigned n, const char *tail)
{
	buf_clear(&out);
	buf_puts(&out, head);
	for (unsigned i = 0; i < n; i++)
		buf_puts(&out, piece);
	buf_puts(&out, tail);
	return arena_str(arena, buf_str(&out));
}

static const struct {
	const char *label, *head, *piece, *tail;
	unsigned good, bad;
} limits[] = {
	{ "parentheses", "", "(", "foo", 0, PROMQL_NESTING_MAX },
	{ "calls", "", "abs(", "foo", 0, PROMQL_NESTING_MAX },
	{ "signs", "", "-", "foo", PROMQL_NESTING_MAX - 1, PROMQL_NESTING_MAX },
	{ "powers", "", "foo^", "foo", PROMQL_NESTING_MAX - 1, PROMQL_NESTING_MAX },
	{ "signs in a duration", "foo[", "-", "5m:]", 0, PROMQL_NESTING_MAX },
	{ "a chain of operators", "foo", " + foo", "", PROMQL_DEPTH_MAX, PROMQL_DEPTH_MAX + 1 },
	{ "subqueries", "foo", "[5m:]", "", 1, PROMQL_DEPTH_MAX + 1 },
	{ "bytes", "foo", " ", "", PROMQL_TEXT_MAX - 3, PROMQL_TEXT_MAX - 2 },
};

START_TEST(limit_holds)
{
	struct err err = { 0 };
	struct str text;

	if (limits[_i].good > 0) {
		text =
		    repeated(limits[_i].head, limits[_i].piece, limits[_i].good, limits[_i].tail);
		ck_assert_msg(
		    promql_parse(arena, text, &err) != NULL, "%s: %s", limits[_i].label, err.text);
	}
	text = repeated(limits[_i].head, limits[_i].piece, limits[_i].bad, limits[_i].tail);
	ck_assert_ptr_null(promql_parse(arena, text, &err));
	ck_assert_msg(err.code == ERR_LIMIT, "%s: %s", limits[_i].label, err.text);
}
END_TEST

static int
fake_regex(struct str pattern, bool *ret_matches_empty, struct err *err)
{
	*ret_matches_empty = str_is(pattern, "x?");
	return str_is(pattern, "(") ? err_set(err, ERR_INVALID, "no such pattern") : 0;
}

START_TEST(patterns_are_the_callers_to_judge)
{
	struct err err = { 0 };

	ck_assert_ptr_nonnull(promql_parse(arena, STR("foo{a=~\"(\"}"), &err));
	ck_assert_ptr_null(
	    promql_parse_with(arena, STR("foo{b=\"c\",a=~\"(\"}"), fake_regex, &err));
	ck_assert_str_eq(err.text, "no such pattern");
	ck_assert_uint_eq(err.at, 10);
	ck_assert_ptr_null(promql_parse_with(arena, STR("{a=~\"x?\"}"), fake_regex, &err));
	ck_assert_str_eq(err.text, "vector selector must contain at least one non-empty matcher");
	ck_assert_ptr_nonnull(promql_parse_with(arena, STR("{a!~\"x?\"}"), fake_regex, &err));
}
END_TEST

START_TEST(an_error_needs_no_place_to_go)
{
	ck_assert_ptr_null(promql_parse(arena, STR("foo $"), NULL));
	ck_assert_ptr_null(promql_parse(arena, STR("rate(foo)"), NULL));
	ck_assert_ptr_null(promql_parse(arena, repeated("", " ", PROMQL_TEXT_MAX + 1, ""), NULL));
}
END_TEST

static const struct {
	const char *text;
	enum promql_value want;
} types[] = {
	{ "1", PROMQL_SCALAR },
	{ "1 + 2 * time()", PROMQL_SCALAR },
	{ "(scalar(foo))", PROMQL_SCALAR },
	{ "-foo", PROMQL_VECTOR },
	{ "foo > 1", PROMQL_VECTOR },
	{ "1 + foo", PROMQL_VECTOR },
	{ "sum(foo)", PROMQL_VECTOR },
	{ "foo[5m]", PROMQL_MATRIX },
	{ "sum(foo)[5m:]", PROMQL_MATRIX },
	{ "'a'", PROMQL_TEXT },
};

START_TEST(expression_has_a_type)
{
	ck_assert_int_eq(promql_type(parse(types[_i].text)), types[_i].want);
}
END_TEST

START_TEST(equal_is_what_prints_the_same)
{
	ck_assert(promql_equal(
	    parse("sum(foo{b='2',a='1'})by(x)"), parse("sum by (x) (foo{a=\"1\", b=\"2\"})")));
	ck_assert(promql_equal(parse("foo[60s]"), parse("foo[1m]")));
	ck_assert(!promql_equal(parse("foo"), parse("(foo)")));
	ck_assert(!promql_equal(parse("foo > 1"), parse("foo > 2")));
}
END_TEST

static const struct {
	const char *text, *subject;
	enum promql_op op;
	double limit;
} thresholds[] = {
	{ "foo > 1", "foo", PROMQL_GT, 1 },
	{ "(foo / bar) >= -0.5", "foo / bar", PROMQL_GE, -0.5 },
	{ "((5 < sum(foo)))", "sum(foo)", PROMQL_GT, 5 },
	{ "5 >= foo", "foo", PROMQL_LE, 5 },
	{ "0 == up", "up", PROMQL_EQ, 0 },
	{ "foo > bar", NULL, 0, 0 },
	{ "foo > bool 1", NULL, 0, 0 },
	{ "foo > 1 and bar", NULL, 0, 0 },
	{ "foo", NULL, 0, 0 },
	{ "foo > 1 + 1", NULL, 0, 0 },
};

START_TEST(threshold_is_taken_apart)
{
	struct promql_threshold threshold;
	bool is = promql_threshold(parse(thresholds[_i].text), &threshold);

	ck_assert_int_eq(is, thresholds[_i].subject != NULL);
	if (is) {
		ck_assert_str_eq(print(threshold.subject), thresholds[_i].subject);
		ck_assert_int_eq(threshold.op, thresholds[_i].op);
		ck_assert_double_eq(threshold.limit, thresholds[_i].limit);
	}
}
END_TEST

static const struct {
	const char *text;
	bool want;
} unconditional[] = {
	{ "foo", true },
	{ "sum(rate(foo[5m])) / 5", true },
	{ "foo > bool 1", true },
	{ "foo or bar > 1", true },
	{ "vector(scalar(foo > 1))", true },
	{ "1", true },
	{ "foo and bar", true },
	{ "foo > 1", false },
	{ "sum(foo == 0)", false },
	{ "-(foo < bar) * 2", false },
	{ "max_over_time((foo > 1)[5m:])", false },
	{ "foo > 1 or bar > 2", false },
	{ "foo and bar > 1", false },
	{ "foo unless bar", false },
	{ "absent(foo)", false },
	{ "count(absent_over_time(foo[5m]))", false },
};

START_TEST(expression_without_condition_is_known)
{
	ck_assert_msg(
	    promql_is_unconditional(parse(unconditional[_i].text)) == unconditional[_i].want, "%s",
	    unconditional[_i].text);
}
END_TEST

START_TEST(metrics_are_listed_once_in_order)
{
	struct promql_names names =
	    promql_metrics(parse("b > 1 and rate(a{x='y'}[5m]) / {__name__='c d'} unless b or "
				 "{__name__=~'z.*'} + max_over_time(d[1h:])"),
		arena);

	ck_assert_uint_eq(names.n, 4);
	ck_assert(str_is(names.list[0], "b"));
	ck_assert(str_is(names.list[1], "a"));
	ck_assert(str_is(names.list[2], "c d"));
	ck_assert(str_is(names.list[3], "d"));
}
END_TEST

START_TEST(calls_are_found_at_any_depth)
{
	const struct promql_expr *expr = parse("foo or sum(1 - -(absent(bar)))");

	ck_assert(promql_calls(expr, "absent"));
	ck_assert(!promql_calls(expr, "absent_over_time"));
	ck_assert(!promql_calls(expr, "sum"));
}
END_TEST

START_TEST(nodes_know_where_they_stand)
{
	static const char text[] = " sum(foo{a=\"b\"}) by (c)  > on(c) -rate(bar[5m] offset 1h)";
	const struct promql_expr *expr = parse(text), *call = expr->args[1]->args[0];

	ck_assert_uint_eq(expr->at, 1);
	ck_assert_uint_eq(expr->end, strlen(text));
	ck_assert_uint_eq(expr->u.binary.op_at, 25);
	ck_assert_uint_eq(expr->args[0]->at, 1);
	ck_assert_uint_eq(expr->args[0]->end, 23);
	ck_assert_uint_eq(expr->args[0]->args[0]->u.selector.matchers[0].at, 9);
	ck_assert_uint_eq(expr->args[1]->at, 33);
	ck_assert_uint_eq(call->at, 34);
	ck_assert_uint_eq(call->args[0]->at, 39);
	ck_assert_uint_eq(call->args[0]->end, strlen(text) - 1);
}
END_TEST

START_TEST(functions_are_ordered_by_name)
{
	const struct promql_function *function;
	uint32_t n = 0;

	for (; (function = promql_function_at(n)) != NULL; n++) {
		ck_assert_ptr_eq(promql_function(str_from(function->name)), function);
		if (n > 0)
			ck_assert_str_lt(promql_function_at(n - 1)->name, function->name);
		ck_assert_uint_eq(strspn(function->args, "vmst"), strlen(function->args));
	}
	ck_assert_uint_gt(n, 80);
	ck_assert_ptr_null(promql_function(STR("Rate")));
}
END_TEST

static void
add_language(Suite *suite)
{
	TCase *tcase = tcase_create("language");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, prints_as_prometheus_does, 0, ARRAY_LEN(printed));
	tcase_add_loop_test(tcase, refuses_as_prometheus_does, 0, ARRAY_LEN(refused));
	tcase_add_loop_test(tcase, reads_what_3_added, 0, ARRAY_LEN(newer));
	tcase_add_loop_test(tcase, refuses_misuse_of_what_3_added, 0, ARRAY_LEN(newer_bad));
	tcase_add_loop_test(tcase, limit_holds, 0, ARRAY_LEN(limits));
	tcase_add_test(tcase, patterns_are_the_callers_to_judge);
	tcase_add_test(tcase, an_error_needs_no_place_to_go);
}

static void
add_questions(Suite *suite)
{
	TCase *tcase = tcase_create("questions");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, expression_has_a_type, 0, ARRAY_LEN(types));
	tcase_add_test(tcase, equal_is_what_prints_the_same);
	tcase_add_loop_test(tcase, threshold_is_taken_apart, 0, ARRAY_LEN(thresholds));
	tcase_add_loop_test(
	    tcase, expression_without_condition_is_known, 0, ARRAY_LEN(unconditional));
	tcase_add_test(tcase, metrics_are_listed_once_in_order);
	tcase_add_test(tcase, calls_are_found_at_any_depth);
	tcase_add_test(tcase, nodes_know_where_they_stand);
	tcase_add_test(tcase, functions_are_ordered_by_name);
}

int
main(void)
{
	Suite *suite = suite_create("promql");
	SRunner *runner;
	int failed;

	add_language(suite);
	add_questions(suite);
	add_corpus(suite);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
