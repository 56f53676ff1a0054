/* SPDX-License-Identifier: Apache-2.0 */
/* Rules whose expressions are read: what makes a rule another one, and what is shown of it. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "rule/kind.h"
#include "unit/rule/fixture.h"
#include "unit/rule/test_rule.h"

#define UP_A  SERIES("\"__name__\":\"m\",\"job\":\"a\"", "7")
#define GROUP "groups:\n- name: g\n  interval: 30s\n  rules:\n"
#define VM(language)                                                                               \
	"sources: [{name: vm, type: prometheus, url: 'http://vm', language: " language "}]\n"

static const struct {
	const char *label, *before, *after;
	bool same;
} edits[] = {
	{ "white space", "m>0", "m  >\t0", true },
	{ "where by stands", "sum(m) by (job) > 0", "sum by (job) (m) > 0", true },
	{ "a trailing comma and quotes", "m{a=\"1\",} > 0", "m{a='1'} > 0", true },
	{ "a comment", "m > 0", "m > 0 # really", true },
	{ "a duration in other words", "rate(m[1h]) > 0", "rate(m[60m]) > 0", true },
	{ "another limit", "m > 0", "m > 1", false },
	{ "other brackets", "(m + 1) * 2 > 0", "m + 1 * 2 > 0", false },
	{ "another matcher", "m{a=\"1\"} > 0", "m{a=~\"1\"} > 0", false },
};

static void
put_rule(struct buf *out, const char *expr)
{
	buf_clear(out);
	buf_printf(out, GROUP "  - alert: A\n    expr: |-\n      %s\n", expr);
}

START_TEST(an_edit_that_means_the_same_keeps_alerts)
{
	struct buf rules = { 0 };

	put_rule(&rules, edits[_i].before);
	world_open(rules.p, false);
	world_answer("query=", VECTOR(UP_A));
	world_slot(0);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", job=\"a\"}");
	put_rule(&rules, edits[_i].after);
	world_reload(rules.p);
	ck_assert_msg((world_events()[0] == '\0') == edits[_i].same, "%s", edits[_i].label);
	world_close();
	buf_fini(&rules);
}
END_TEST

START_TEST(the_source_is_asked_as_written_and_the_canonical_form_is_shown)
{
	world_open(GROUP "  - {alert: A, expr: 'sum(m)by(job)>0'}\n", false);
	world_answer("query=", VECTOR(UP_A));
	world_slot(0);
	ck_assert_ptr_nonnull(strstr(world.last_url, "query=sum%28m%29by%28job%29%3E0"));
	ck_assert_str_eq(world_rule(0, 0).config->query_text, "sum by (job) (m) > 0");
	ck_assert_ptr_nonnull(
	    strstr(world.events[0].url, "/graph?g0.expr=sum+by+%28job%29+%28m%29+%3E+0&g0.tab=1"));
	world_close();
}
END_TEST

/* Where the first error is, and how many findings there are. */
static const struct {
	const char *label, *rules, *want;
} alone[] = {
	{ "an expression by itself is PromQL", GROUP "  - {alert: A, expr: m >}\n",
	    "5:25 could not parse expression: unexpected end of input" },
	{ "of a recording rule, too", GROUP "  - {record: a, expr: sum(m}\n",
	    "5:28 could not parse expression: unclosed left parenthesis" },
	{ "a threshold's query, too",
	    GROUP "  - {alert: A, threshold: {query: 'm[5m]', op: '>', value: 1}}\n",
	    "5:36 could not parse expression: the result is a range vector, and a rule needs an "
	    "instant vector or a scalar" },
	{ "white space before it is counted", GROUP "  - {alert: A, expr: '  sum('}\n",
	    "5:29 could not parse expression: unclosed left parenthesis" },
	{ "a scalar is a result", GROUP "  - {alert: A, expr: '1'}\n", "" },
	{ "a string is none", GROUP "  - {alert: A, expr: '\"x\"'}\n",
	    "5:23 could not parse expression: the result is a string, and a rule needs an instant "
	    "vector or a scalar" },
	{ "a source by name may be anything", GROUP "  - {alert: A, source: db, expr: SELECT 1}\n",
	    "" },
	{ "a group's source, too",
	    "groups: [{name: g, source: db, rules: [{alert: A, expr: SELECT 1}]}]\n", "" },
	{ "a second document is not read", GROUP "  - {alert: A, expr: m > 1}\n---\n[}\n",
	    "6:1 warning a second document begins here: it is ignored, as by Prometheus; put it "
	    "into a file of its own" },
};

START_TEST(a_file_by_itself)
{
	static const struct integration_kind *const none[] = { NULL };
	const struct config_kinds kinds = { none, source_kinds, rule_kind_schemas };
	char path[] = "/tmp/tocsin-promql-XXXXXX";
	FILE *f = fdopen(mkstemp(path), "w");
	struct diag *diag = diag_new();
	const struct finding *first;
	struct buf out = { 0 };

	ck_assert_ptr_nonnull(f);
	fputs(alone[_i].rules, f);
	fclose(f);
	(void)config_check_file(path, &kinds, NULL, diag, NULL);
	unlink(path);
	first = diag_count(diag) > 0 ? diag_at(diag, 0) : NULL;
	buf_puts(&out, "");
	if (first != NULL)
		buf_printf(&out, "%u:%u %s%s", first->pos.line, first->pos.col,
		    first->level == DIAG_WARNING ? "warning " : "", first->text);
	ck_assert_msg(str_is(buf_str(&out), alone[_i].want), "%s: %s", alone[_i].label, out.p);
	buf_fini(&out);
	diag_free(diag);
}
END_TEST

START_TEST(other_languages_are_the_sources_business)
{
	world_sources(VM("metricsql"));
	world_open(GROUP "  - {alert: A, expr: 'range_median(m) default 0 > 1'}\n", false);
	world_answer("query=", VECTOR(UP_A));
	world_slot(0);
	ck_assert_str_eq(world_events(), "firing{alertname=\"A\", job=\"a\"}");
	ck_assert(!world_rule(0, 0).config->promql);
	world_close();
}
END_TEST

TCase *
tcase_promql(void)
{
	TCase *t = tcase_create("promql");

	tcase_add_loop_test(
	    t, an_edit_that_means_the_same_keeps_alerts, 0, (int)ARRAY_LEN(edits));
	tcase_add_test(t, the_source_is_asked_as_written_and_the_canonical_form_is_shown);
	tcase_add_loop_test(t, a_file_by_itself, 0, (int)ARRAY_LEN(alone));
	tcase_add_test(t, other_languages_are_the_sources_business);
	return t;
}
