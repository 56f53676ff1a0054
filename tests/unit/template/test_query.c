/* SPDX-License-Identifier: Apache-2.0 */
/* Texts that ask the source: what they make of answers, failures and waiting. */
#include "config.h"

#include <check.h>

#include "base/attr.h"
#include "unit/template/suites.h"

static const struct label_view first[] = {
	{ { "__name__", 8 }, { "up", 2 } },
	{ { "instance", 8 }, { "b:1", 3 } },
};
static const struct label_view second[] = {
	{ { "__value__", 9 }, { "text", 4 } },
	{ { "instance", 8 }, { "a:1", 3 } },
};
static const struct template_sample ups[] = {
	{ { .views = first, .n_views = 2 }, 1 },
	{ { .views = second, .n_views = 2 }, 0.5 },
};

static void
answer(void *arg, struct str query, struct template_answer *ret)
{
	uint32_t *asked = arg;

	++*asked;
	if (str_is(query, "up"))
		*ret = (struct template_answer){ .samples = ups, .n = 2 };
	else if (str_is(query, "none"))
		*ret = (struct template_answer){ .state = TEMPLATE_ANSWERED };
	else if (str_is(query, "later"))
		*ret = (struct template_answer){ .state = TEMPLATE_PENDING };
	else
		*ret = (struct template_answer){ .state = TEMPLATE_FAILED,
			.error = "HTTP 500: no" };
}

static const struct {
	const char *text, *want;
} texts[] = {
	{ "{{ query \"up\" | first | value }}", "1" },
	{ "{{ with query \"up\" }}{{ . | first | value | humanize }}{{ end }}",
	    "1" },
	{ "{{ query \"up\" | first | label \"instance\" }}", "b:1" },
	{ "{{ query \"up\" | first | label \"absent\" }}", "" },
	{ "{{ query \"up\" | sortByLabel \"instance\" | first | strvalue }}",
	    "text" },
	{ "{{ range query \"up\" | sortByLabel \"instance\" }}"
	  "{{ .Labels.instance }}={{ .Value }} {{ end }}",
	    "a:1=0.5 b:1=1 " },
	{ "{{ range $i, $s := query \"up\" }}{{ $i }}{{ $s.Labels.__name__ }} "
	  "{{ end }}",
	    "0up 1 " },
	{ "{{ len (query \"up\") }}{{ len (query \"none\") }}", "20" },
	{ "{{ (index (query \"up\") 1).Value }}", "0.5" },
	{ "{{ with query \"none\" }}x{{ else }}nothing{{ end }}", "nothing" },
	{ "{{ query \"none\" | first | value }}",
	    "<error expanding template: 1:19: error calling first: first() "
	    "called on vector with no elements>" },
	{ "a {{ query \"x\" | first | value }}",
	    "<error expanding template: 1:6: error calling query: HTTP 500: "
	    "no>" },
	{ "{{ $value | value }}",
	    "<error expanding template: 1:13: wrong type for value; expected "
	    "*template.sample; got float64>" },
	{ "{{ query (printf \"%s\" $labels.job) }}",
	    "<error expanding template: 1:4: error calling query: HTTP 500: "
	    "no>" },
};

START_TEST(answers_are_samples)
{
	struct arena *arena = arena_new(0);
	struct template_data data = observed_rule_data();
	struct buf out = { 0 };
	struct err err = { 0 };
	uint32_t asked = 0;
	struct template *t = template_parse(
	    arena, str_from(texts[_i].text), TEMPLATE_RULE, &err);

	ck_assert_msg(t != NULL, "%s: %s", texts[_i].text, err.text);
	data.query = answer;
	data.query_arg = &asked;
	template_expand(t, &data, &out);
	ck_assert_msg(str_is(buf_str(&out), texts[_i].want), "%s: got %.*s",
	    texts[_i].text, STR_ARG(buf_str(&out)));
	ck_assert(template_uses_value(t));
	ck_assert_int_eq(template_asks(t), asked > 0);
	buf_fini(&out);
	arena_free(arena);
}
END_TEST

START_TEST(an_answer_to_come_ends_the_expansion)
{
	struct arena *arena = arena_new(0);
	struct template_data data = observed_rule_data();
	struct template *t = template_parse(arena,
	    STR("x {{ query \"later\" | first | value }}{{ query \"up\" }}"),
	    TEMPLATE_RULE, NULL);
	struct buf out = { 0 };
	struct err err = { 0 };
	uint32_t asked = 0;

	data.query = answer;
	data.query_arg = &asked;
	ck_assert_int_eq(template_execute(t, &data, &out, &err), -ERR_BUSY);
	ck_assert_uint_eq(asked, 1);
	ck_assert_uint_eq(out.n, 0);
	data.query = NULL;
	ck_assert_int_eq(
	    template_execute(t, &data, &out, &err), -ERR_INVALID);
	ck_assert_str_eq(err.text,
	    "error calling query: there is no source to ask here");
	buf_fini(&out);
	arena_free(arena);
}
END_TEST

Suite *
suite_query(void)
{
	Suite *suite = suite_create("query");
	TCase *tcase = tcase_create("query");

	tcase_add_loop_test(
	    tcase, answers_are_samples, 0, (int)ARRAY_LEN(texts));
	tcase_add_test(tcase, an_answer_to_come_ends_the_expansion);
	suite_add_tcase(suite, tcase);
	return suite;
}
