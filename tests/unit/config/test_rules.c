/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files: what a rule gets from its group, and what makes it the same rule. */
#include "config.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "base/buf.h"
#include "unit/config/fake_kinds.h"
#include "unit/config/scratch.h"
#include "unit/config/suites.h"

#define SOURCES \
	"sources:\n" \
	"- {name: prom, type: prometheus, url: 'http://localhost:9090'}\n" \
	"- {name: drift, type: sqlite, path: drift.db}\n"

static struct config *
load_rules(const char *rules)
{
	scratch_write("rules.yml", rules);
	scratch_write("t.yml", SOURCES "rule_files: ['r*.yml', rules.yml]\n");
	return scratch_load("t.yml");
}

START_TEST(rule_gets_defaults_and_its_groups_keys)
{
	struct config *config = load_rules(
	    "groups:\n"
	    "- name: g\n"
	    "  interval: 15s\n"
	    "  limit: -1\n"
	    "  query_offset: 1m\n"
	    "  labels: {team: ml, tier: '1'}\n"
	    "  rules:\n"
	    "  - alert: A\n"
	    "    expr: up == 0\n"
	    "    for: 5m\n"
	    "    severity: warning\n"
	    "    runbook_url: https://x/{{ $labels.job }}\n"
	    "    labels: {tier: '2', empty: }\n"
	    "    annotations: {summary: 'up is {{ $value }}', count: 3}\n"
	    "  - alert: B\n"
	    "    threshold: {query: up, op: '<', levels: {warning: 1}}\n"
	    "    source: drift\n"
	    "    on_no_data: alert\n"
	    "    on_error: alert\n"
	    "    max_age: 1h\n"
	    "    keep_firing_for: 1m\n"
	    "- name: h\n"
	    "  interval: 0\n"
	    "  source: drift\n"
	    "  rules: [{alert: C, expr: 1}]\n"
	    "- name: i\n"
	    "  rules:\n");
	const struct rule_group_config *g = &config->groups[0];
	const struct rule_config *rule = &g->rules[0];

	ck_assert_uint_eq(config->n_groups, 3);
	ck_assert_uint_eq(config->n_rules, 3);
	ck_assert_str_eq(g->file, scratch_path("rules.yml"));
	ck_assert_int_eq(g->interval.ns, DUR_S(15).ns);
	ck_assert_int_eq(g->query_offset.ns, DUR_S(60).ns);
	ck_assert_int_eq(g->limit, 0);
	ck_assert_ptr_eq(rule->group, g);
	ck_assert_str_eq(rule->source->name, "prom");
	ck_assert_str_eq(rule->query_text, "up == 0");
	ck_assert_int_eq(rule->for_.ns, DUR_S(300).ns);
	ck_assert_int_eq(rule->keep_firing_for.ns, 0);
	ck_assert_int_eq(rule->on_no_data, ON_NO_DATA_OK);
	ck_assert_int_eq(rule->on_error, ON_ERROR_KEEP);
	ck_assert(!dur_is_set(rule->max_age));
	ck_assert_uint_eq(rule->labels.n, 4);
	ck_assert_str_eq(rule->labels.pairs[0].key, "empty");
	ck_assert_str_eq(rule->labels.pairs[1].key, "severity");
	ck_assert_str_eq(rule->labels.pairs[2].key, "team");
	ck_assert_str_eq(rule->labels.pairs[3].key, "tier");
	ck_assert(str_is(template_text(rule->labels.pairs[3].template), "2"));
	ck_assert_uint_eq(rule->annotations.n, 3);
	ck_assert_str_eq(rule->annotations.pairs[1].key, "runbook_url");
	rule = &g->rules[1];
	ck_assert_uint_eq(rule->index, 1);
	ck_assert_str_eq(rule->kind->name, "threshold");
	ck_assert_str_eq(rule->source->name, "drift");
	ck_assert_int_eq(rule->on_no_data, ON_NO_DATA_ALERT);
	ck_assert_int_eq(rule->on_error, ON_ERROR_ALERT);
	ck_assert_int_eq(rule->max_age.ns, DUR_S(3600).ns);
	ck_assert_int_eq(rule->keep_firing_for.ns, DUR_S(60).ns);
	g = &config->groups[1];
	ck_assert_int_eq(g->interval.ns, DUR_S(60).ns);
	ck_assert_str_eq(g->rules[0].source->name, "drift");
	ck_assert_str_eq(g->rules[0].query_text, "1");
	ck_assert_uint_eq(config->groups[2].n_rules, 0);
	config_unref(config);
}
END_TEST

/* ---- identity ------------------------------------------------------------------ */

#define RULE(text) "groups:\n- name: g\n  rules:\n  - alert: A\n    " text "\n"

static const struct {
	const char *label, *a, *b;
	bool same;
} identities[] = {
	{ "annotations do not matter", RULE("expr: up == 0"),
	    RULE("expr: up == 0\n    annotations: {a: b}"), true },
	{ "white space does not matter", RULE("expr: up == 0"),
	    RULE("expr: ' up  ==0 '"), true },
	{ "white space in quotes does",
	    RULE("expr: up{a=\"b c\"} == 0"), RULE("expr: up{a=\"b  c\"} == 0"),
	    false },
	{ "for does not matter", RULE("expr: up == 0"),
	    RULE("expr: up == 0\n    for: 5m"), true },
	{ "the query matters", RULE("expr: up == 0"), RULE("expr: up == 1"),
	    false },
	{ "labels matter", RULE("expr: up == 0"),
	    RULE("expr: up == 0\n    labels: {a: b}"), false },
	{ "severity is a label", RULE("expr: up == 0\n    severity: x"),
	    RULE("expr: up == 0\n    labels: {severity: x}"), true },
	{ "the source matters", RULE("expr: up == 0"),
	    RULE("expr: up == 0\n    source: drift"), false },
	{ "the default source named is the same", RULE("expr: up == 0"),
	    RULE("expr: up == 0\n    source: prom"), true },
	{ "the kind matters", RULE("expr: up"),
	    RULE("threshold: {query: up, op: '>', value: 0}"), false },
};

static void
identity_of(const char *rules, char out[33])
{
	struct config *config = load_rules(rules);

	ck_assert_uint_eq(config->n_rules, 1);
	ck_assert_uint_eq(strlen(config->groups[0].rules[0].identity), 32);
	memcpy(out, config->groups[0].rules[0].identity, 33);
	config_unref(config);
}

START_TEST(identity_is_the_meaning)
{
	char a[33], b[33];

	identity_of(identities[_i].a, a);
	identity_of(identities[_i].b, b);
	ck_assert_msg((strcmp(a, b) == 0) == identities[_i].same, "%s",
	    identities[_i].label);
}
END_TEST

START_TEST(equal_rules_are_told_apart_by_order)
{
	struct config *config = load_rules(
	    "groups:\n"
	    "- name: g\n"
	    "  rules:\n"
	    "  - {alert: A, expr: up == 0}\n"
	    "  - {alert: A, expr: up == 0}\n"
	    "  - {alert: A, expr: up == 0}\n"
	    "- name: h\n"
	    "  rules:\n"
	    "  - {alert: A, expr: up == 0}\n");
	const struct rule_config *r = config->groups[0].rules;

	ck_assert_str_ne(r[0].identity, r[1].identity);
	ck_assert_str_ne(r[1].identity, r[2].identity);
	ck_assert_str_ne(r[0].identity, r[2].identity);
	ck_assert_str_ne(r[0].identity, config->groups[1].rules[0].identity);
	config_unref(config);
}
END_TEST

static const struct {
	const char *query, *want;
} normal[] = {
	{ "", "" },
	{ "  up  ", "up" },
	{ "sum by ( job )\n(rate( x [ 5m ] ))", "sum by(job)(rate(x[5m]))" },
	{ "a  and\tb", "a and b" },
	{ "a > 1", "a>1" },
	{ "a - -1", "a- -1" },
	{ "a > = 1", "a> =1" },
	{ "x{a = \"b  c\" , d='e  f'}", "x{a=\"b  c\",d='e  f'}" },
	{ "x{a=\"q\\\"  r\"}  >  1", "x{a=\"q\\\"  r\"}>1" },
	{ "x{a=`b\\`}  > 1", "x{a=`b\\`}>1" },
	{ "5m  offset  1h", "5m offset 1h" },
	{ "SELECT  a ,  b FROM t", "SELECT a,b FROM t" },
};

START_TEST(query_is_normalized)
{
	struct buf out = { 0 };

	config_normalize_query(str_from(normal[_i].query), &out);
	buf_putc(&out, '\0');
	ck_assert_str_eq(out.p, normal[_i].want);
	buf_fini(&out);
}
END_TEST

/* ---- files ----------------------------------------------------------------------- */

START_TEST(pattern_without_files_is_a_warning)
{
	char *finding;
	struct buf want = { 0 };

	scratch_write("t.yml", SOURCES "rule_files: ['none-*.yml']\n");
	finding = scratch_finding("t.yml");
	buf_printf(&want, "4:14: no file matches '%s'",
	    scratch_path("none-*.yml"));
	ck_assert_str_eq(finding, want.p);
	free(finding);
	buf_fini(&want);
}
END_TEST

START_TEST(rule_file_alone_takes_any_source)
{
	struct diag *diag = diag_new();
	struct config *with;

	scratch_write("rules.yml",
	    "groups:\n- name: g\n  source: elsewhere\n"
	    "  rules: [{alert: A, expr: x}, {alert: B, expr: y}]\n");
	ck_assert_int_eq(config_check_file(scratch_path("rules.yml"),
	    &fake_kinds, NULL, diag, NULL), 2);
	ck_assert_uint_eq(diag_count(diag), 0);
	scratch_write("t.yml", SOURCES);
	with = scratch_load("t.yml");
	ck_assert_int_eq(config_check_file(scratch_path("rules.yml"),
	    &fake_kinds, with, diag, NULL), -1);
	ck_assert_str_eq(diag_at(diag, 0)->text,
	    "there is no source 'elsewhere'");
	config_unref(with);
	diag_free(diag);
}
END_TEST

START_TEST(rules_without_route_load)
{
	struct config *config = load_rules(RULE("expr: up == 0"));

	ck_assert_ptr_null(config->root);
	ck_assert_uint_eq(config->n_rules, 1);
	config_unref(config);
}
END_TEST

START_TEST(all_findings_of_all_files_are_shown)
{
	struct diag *diag = diag_new();

	scratch_write("a.yml", RULE("exprr: up"));
	scratch_write("b.yml", RULE("expr: up\n    for: x"));
	scratch_write("t.yml",
	    SOURCES "rule_files: ['?.yml']\nevaluation_interval: 0s\n");
	ck_assert_ptr_null(config_load(scratch_path("t.yml"), &fake_kinds,
	    diag));
	/* t.yml itself is met as a rule file, too. */
	ck_assert_uint_ge(diag_errors(diag), 3);
	diag_free(diag);
}
END_TEST

/* ---- a folder of real files, when there is one ------------------------------------- */

static unsigned corpus_files, corpus_good, corpus_template, corpus_record;

static int
try_file(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	const char *dot = strrchr(path, '.');
	struct diag *diag;
	bool template = false, record = false;

	(void)st;
	(void)walk;
	if (type != FTW_F || dot == NULL ||
	    (strcmp(dot, ".yml") != 0 && strcmp(dot, ".yaml") != 0)) {
		return 0;
	}
	diag = diag_new();
	corpus_files++;
	if (config_check_file(path, &fake_kinds, NULL, diag, NULL) >= 0) {
		corpus_good++;
	}
	for (uint32_t i = 0; i < diag_count(diag); i++) {
		const char *text = diag_at(diag, i)->text;

		template = template || strstr(text, "a template may") != NULL;
		record = record || strstr(text, "recording rules") != NULL;
	}
	corpus_template += template;
	corpus_record += record;
	diag_free(diag);
	return 0;
}

START_TEST(real_rule_files_load)
{
	const char *dir = getenv("TOCSIN_CORPUS");
	char path[4096];

	if (dir == NULL) {
		return;
	}
	snprintf(path, sizeof(path), "%s/rules", dir);
	ck_assert_int_eq(nftw(path, try_file, 16, FTW_PHYS), 0);
	ck_assert_uint_gt(corpus_good, 0);
	fprintf(stderr,
	    "# corpus: %u files, %u load, %u need template functions, "
	    "%u have recording rules\n",
	    corpus_files, corpus_good, corpus_template, corpus_record);
}
END_TEST

void
add_rules(Suite *suite)
{
	TCase *tcase = tcase_create("rules");

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, NULL, scratch_remove);
	tcase_add_test(tcase, rule_gets_defaults_and_its_groups_keys);
	tcase_add_loop_test(tcase, identity_is_the_meaning, 0,
	    ARRAY_LEN(identities));
	tcase_add_test(tcase, equal_rules_are_told_apart_by_order);
	tcase_add_loop_test(tcase, query_is_normalized, 0, ARRAY_LEN(normal));
	tcase_add_test(tcase, pattern_without_files_is_a_warning);
	tcase_add_test(tcase, rule_file_alone_takes_any_source);
	tcase_add_test(tcase, rules_without_route_load);
	tcase_add_test(tcase, all_findings_of_all_files_are_shown);
	tcase_add_test(tcase, real_rule_files_load);
}
