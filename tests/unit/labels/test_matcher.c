/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matchers: both grammars, which one wins, what they print and what they
 * match.  The tables name Alertmanager's quirks.
 */
#include "config.h"

#include <stdlib.h>

#include <check.h>

#include "base/arena.h"
#include "labels/matcher.h"
#include "suites.h"

#define N(a) (int)(sizeof(a) / sizeof((a)[0]))

/* One matcher: its text, and what it is read as (NULL: refused at `at`). */
static const struct {
	const char *text, *want;
	uint32_t at;
	const char *words;
} singles[] = {
	/* both grammars agree */
	{ "foo=bar", "foo=\"bar\"", 0, NULL },
	{ "foo=\"bar\"", "foo=\"bar\"", 0, NULL },
	{ " foo != \"bar baz\" ", "foo!=\"bar baz\"", 0, NULL },
	{ "foo=~\"a|b\"", "foo=~\"a|b\"", 0, NULL },
	{ "foo!~b.*", "foo!~\"b.*\"", 0, NULL },
	{ "foo=\"\"", "foo=\"\"", 0, NULL },
	{ "foo=\"a\\\\b\\\"c\\nd\"", "foo=\"a\\\\b\\\"c\\nd\"", 0, NULL },
	{ "foo=\"{,}\"", "foo=\"{,}\"", 0, NULL },
	/* classic only */
	{ "foo=bar baz", "foo=\"bar baz\"", 0, NULL },
	{ "foo=", "foo=\"\"", 0, NULL },
	{ "foo=~", "foo=~\"\"", 0, NULL },
	{ "foo = ~bar", "foo=\"~bar\"", 0, NULL },
	{ "foo==bar", "foo=\"=bar\"", 0, NULL },
	{ "foo=a{2", "foo=\"a{2\"", 0, NULL },
	{ "foo=it's", "foo=\"it's\"", 0, NULL },
	{ "foo=\"a\\.b\"", "foo=\"a\\\\.b\"", 0, NULL },
	{ "foo=a\\", "foo=\"a\\\\\"", 0, NULL },
	{ "foo=\"two\nlines\"", "foo=\"two\\nlines\"", 0, NULL },
	{ "foo=a\\\"b", "foo=\"a\\\"b\"", 0, NULL },
	/* UTF-8 only */
	{ "\"foo\"=\"bar\"", "foo=\"bar\"", 0, NULL },
	{ "f\u00f6\u00f6=bar", "f\u00f6\u00f6=\"bar\"", 0, NULL },
	{ "\"a b\"=\"x\ty\"", "\"a b\"=\"x\\ty\"", 0, NULL },
	{ "foo.bar=baz", "foo.bar=\"baz\"", 0, NULL },
	{ "\"foo bar\"=~\"a\\\\.b\"", "\"foo bar\"=~\"a\\\\.b\"", 0, NULL },
	{ "\"a b\"=\"\\x41\\u00e9\\U0001f600\\101\\t\"",
	    "\"a b\"=\"A\u00e9\U0001f600A\\t\"", 0, NULL },
	/* both understand and disagree: classic wins */
	{ "foo=bar,", "foo=\"bar,\"", 0, NULL },
	{ "foo=\"\\u00e9\"", "foo=\"\\\\u00e9\"", 0, NULL },
	{ "foo=\"a\\tb\"", "foo=\"a\\\\tb\"", 0, NULL },
	{ "foo=a,bar=b", "foo=\"a,bar=b\"", 0, NULL },
	/* neither */
	{ "", NULL, 0, "expected a matcher" },
	{ "foo", NULL, 3, "expected an operator" },
	{ "=bar", NULL, 0, "expected a label name" },
	{ "foo!bar", NULL, 3, "expected = or ~" },
	{ "foo bar", NULL, 4, "expected an operator" },
	{ "{foo=bar}", NULL, 0, "unexpected open brace" },
	{ "foo=~a{2}", NULL, 8, "unexpected close brace" },
	{ "foo=\"bar", NULL, 4, "not closed" },
	{ "foo=\"bar\"baz", NULL, 9, "expected a comma" },
	{ "foo=bar\"", NULL, 7, "not closed" },
	{ "f-\"oo=bar", NULL, 2, "not closed" },
	{ "\"foo\\q\"=bar", NULL, 4, "invalid escape" },
	{ "\"\\xff\"=bar", NULL, 0, "not valid UTF-8" },
	{ "\"\\ud800\"=bar", NULL, 1, "invalid escape" },
	{ "\"\\400\"=bar", NULL, 1, "invalid escape" },
	{ "\"\"=bar", NULL, 0, "label name of a matcher is empty" },
	{ "foo=\xff", NULL, 0, "not valid UTF-8" },
	{ "foo=~\"a(b\"", NULL, 9, "missing closing parenthesis" },
	{ "foo=~a(b c", NULL, 10, "missing closing parenthesis" },
	{ "foo=~\"\\\\d(?=x)\"", NULL, 9, "look-ahead" },
};

START_TEST(single_matchers)
{
	struct matcher m;
	struct err err = { 0 };
	struct buf out = { 0 };

	if (matcher_parse(str_from(singles[_i].text), &m, &err) < 0) {
		ck_assert_msg(singles[_i].want == NULL, "%s: %s",
		    singles[_i].text, err.text);
		ck_assert_msg(strstr(err.text, singles[_i].words) != NULL &&
		    err.at == singles[_i].at, "%s: at %u: %s",
		    singles[_i].text, err.at, err.text);
		return;
	}
	ck_assert_msg(singles[_i].want != NULL, "%s was accepted",
	    singles[_i].text);
	matcher_format(&m, &out);
	ck_assert_str_is(buf_str(&out), singles[_i].want);
	buf_fini(&out);
	matcher_fini(&m);
}
END_TEST

static const struct {
	const char *text, *want;
	uint32_t at;
} lists[] = {
	{ "", "{}", 0 },
	{ "{}", "{}", 0 },
	{ " ", "{}", 0 },
	{ "{a=\"b\",c=~\"d\"}", "{a=\"b\",c=~\"d\"}", 0 },
	{ "a=b, c!=d", "{a=\"b\",c!=\"d\"}", 0 },
	{ "{a=\"b\" , c!~\"d\" , }", "{a=\"b\",c!~\"d\"}", 0 },
	{ "{a=\"x,y\",b=\"}\"}", "{a=\"x,y\",b=\"}\"}", 0 },
	{ "a=b c,d=e", "{a=\"b c\",d=\"e\"}", 0 },
	{ "{\"a b\"=c,d=\"\\u00e9\"}", "{\"a b\"=\"c\",d=\"\u00e9\"}", 0 },
	/* classic: a brace may be missing at either end */
	{ "{a=b", "{a=\"b\"}", 0 },
	{ "a=b}", "{a=\"b\"}", 0 },
	{ "a=~b{2}", "{a=~\"b{2\"}", 0 }, /* and so the brace is lost */
	{ "{a=b,,c=d}", NULL, 5 },
	{ ",a=b", NULL, 0 },
	{ "{a=b}}", "{a=\"b}\"}", 0 },
	{ "{a=\"b\"}x", NULL, 7 },
	{ "{\"a b\"=c", NULL, 8 },
	{ "\"a b\"=c}", NULL, 7 },
	{ "{a=b,c}", NULL, 6 },
};

START_TEST(matcher_lists)
{
	struct err err = { 0 };
	struct buf out = { 0 };
	struct matchers *ms = matchers_parse(str_from(lists[_i].text), &err);

	if (lists[_i].want == NULL) {
		ck_assert_msg(ms == NULL && err.at == lists[_i].at,
		    "%s: at %u: %s", lists[_i].text, err.at, err.text);
	} else {
		ck_assert_msg(ms != NULL, "%s: %s", lists[_i].text, err.text);
		matchers_format(ms, &out);
		ck_assert_str_is(buf_str(&out), lists[_i].want);
	}
	buf_fini(&out);
	matchers_free(ms);
}
END_TEST

START_TEST(lists_have_a_limit)
{
	struct buf text = { 0 };
	struct err err = { 0 };
	struct matchers *ms;

	for (int i = 0; i < MATCHERS_MAX; i++)
		buf_puts(&text, "a=b,");
	ms = matchers_parse(buf_str(&text), &err);
	ck_assert_msg(ms != NULL && ms->n == MATCHERS_MAX, "%s", err.text);
	matchers_free(ms);
	buf_puts(&text, "a=b");
	ck_assert_ptr_null(matchers_parse(buf_str(&text), &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
	while (text.n <= MATCHER_TEXT_MAX)
		buf_puts(&text, "bbbbbbbbbbbbbbbb");
	ck_assert_ptr_null(matchers_parse(buf_str(&text), &err));
	ck_assert_int_eq(err.code, ERR_LIMIT);
	buf_fini(&text);
}
END_TEST

/* As printed in the group keys of a running Alertmanager. */
START_TEST(sorted_matchers_print_as_in_group_keys)
{
	static const struct {
		enum matcher_op op;
		const char *name, *value;
	} parts[] = {
		{ MATCH_REGEX, "sev", "a|b" },
		{ MATCH_NOT_EQUAL, "job", "x\\y" },
		{ MATCH_EQUAL, "job", "tab\t\"q\" \u00e9" },
		{ MATCH_NOT_REGEX, "aa", "x\ny" },
		{ MATCH_NOT_EQUAL, "sev", "a|b" },
	};
	struct matcher m[N(parts)];
	struct matchers *ms;
	struct buf out = { 0 };

	for (int i = 0; i < N(parts); i++)
		ck_assert_int_eq(matcher_make(parts[i].op,
		    str_from(parts[i].name), str_from(parts[i].value), &m[i],
		    NULL), 0);
	ms = matchers_new(m, N(parts), true);
	matchers_format(ms, &out);
	ck_assert_str_is(buf_str(&out),
	    "{aa!~\"x\\ny\",job=\"tab\t\\\"q\\\" \u00e9\",job!=\"x\\\\y\","
	    "sev!=\"a|b\",sev=~\"a|b\"}");
	buf_fini(&out);
	matchers_free(ms);
}
END_TEST

static const struct {
	const char *matchers;
	bool want; /* on {job="api",sev="critical"} */
} matches[] = {
	{ "job=api", true },
	{ "job=apis", false },
	{ "job!=api", false },
	{ "job!=db", true },
	{ "job=~\"a.i\"", true },
	{ "job=~\"a.\"", false },
	{ "job!~\"a.i\"", false },
	{ "job!~\"db|web\"", true },
	{ "absent=\"\"", true },
	{ "absent!=\"\"", false },
	{ "absent=x", false },
	{ "absent!=x", true },
	{ "absent=~\".*\"", true },
	{ "absent=~\".+\"", false },
	{ "absent!~\".+\"", true },
	{ "job!=\"\"", true },
	{ "job=\"\"", false },
	{ "job=api,sev=~\"critical|warning\"", true },
	{ "job=api,sev=warning", false },
	{ "", true },
};

START_TEST(matching)
{
	struct arena *arena = arena_new(0);
	struct labels_builder b;
	struct labels *labels;
	struct matchers *ms =
	    matchers_parse(str_from(matches[_i].matchers), NULL);

	labels_builder_init(&b, arena);
	labels_builder_set(&b, STR("job"), STR("api"));
	labels_builder_set(&b, STR("sev"), STR("critical"));
	labels = labels_intern(&b, NULL);
	ck_assert_ptr_nonnull(ms);
	ck_assert_msg(matchers_match(ms, labels) == matches[_i].want, "%s",
	    matches[_i].matchers);
	ck_assert(matchers_match(NULL, labels));
	if (ms->n == 1 && str_is(istr_str(ms->m[0].name), "absent"))
		ck_assert_int_eq(
		    matcher_matches_empty(&ms->m[0]), matches[_i].want);
	matchers_free(ms);
	labels_unref(labels);
	arena_free(arena);
}
END_TEST

START_TEST(equality_ignores_order_but_not_number)
{
	struct matchers *a = matchers_parse(STR("a=b,c=~d,a=b"), NULL);
	struct matchers *b = matchers_parse(STR("{c=~\"d\",a=b,a=b}"), NULL);
	struct matchers *c = matchers_parse(STR("a=b,c=~d,c=~d"), NULL);
	struct matchers *d = matchers_parse(STR("a=b,c=d,a=b"), NULL);
	struct matchers *none = matchers_parse(STR(""), NULL);

	ck_assert(matchers_equal(a, b));
	ck_assert(!matchers_equal(a, c));
	ck_assert(!matchers_equal(c, a));
	ck_assert(!matchers_equal(a, d));
	ck_assert(!matchers_equal(a, none));
	ck_assert(matchers_equal(NULL, none));
	matchers_free(a);
	matchers_free(b);
	matchers_free(c);
	matchers_free(d);
	matchers_free(none);
	matchers_free(NULL);
}
END_TEST

Suite *
matcher_suite(void)
{
	Suite *suite = suite_create("matcher");
	TCase *tcase = interning_tcase("parse");

	tcase_add_loop_test(tcase, single_matchers, 0, N(singles));
	tcase_add_loop_test(tcase, matcher_lists, 0, N(lists));
	tcase_add_test(tcase, lists_have_a_limit);
	tcase_add_test(tcase, sorted_matchers_print_as_in_group_keys);
	suite_add_tcase(suite, tcase);

	tcase = interning_tcase("match");
	tcase_add_loop_test(tcase, matching, 0, N(matches));
	tcase_add_test(tcase, equality_ignores_order_but_not_number);
	suite_add_tcase(suite, tcase);
	return suite;
}
