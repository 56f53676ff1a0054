/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real rule files: every expression of every file that Prometheus' own check
 * accepts is read, printed and read again.  Runs when TOCSIN_CORPUS names a
 * folder with rules/verdicts.tsv (file, tab, 0 for accepted, ...).
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/diag.h"
#include "promql/promql.h"
#include "suites.h"
#include "yaml/yaml.h"

static unsigned files, expressions;

static void
try_expression(struct arena *arena, const char *path, struct str text)
{
	struct err err = { 0 };
	struct buf printed = { 0 };
	const struct promql_expr *expr = promql_parse(arena, text, &err), *again;

	ck_assert_msg(expr != NULL, "%s: %.*s: %u: %s", path, STR_ARG(text), err.at, err.text);
	promql_print(expr, &printed);
	again = promql_parse(arena, buf_str(&printed), &err);
	ck_assert_msg(again != NULL && promql_equal(expr, again), "%s: %s", path, printed.p);
	buf_fini(&printed);
	expressions++;
}

/* Rules may be at any depth: a PrometheusRule has its groups under spec. */
static void
try_node(struct arena *arena, const char *path, const struct yaml_node *node)
{
	const struct yaml_node *rules = NULL;

	if (node->kind == YAML_MAPPING)
		rules = yaml_get(node, "rules");
	if (rules != NULL && rules->kind == YAML_SEQUENCE) {
		for (uint32_t i = 0; i < rules->n; i++) {
			const struct yaml_node *expr = NULL;

			if (rules->items[i]->kind == YAML_MAPPING)
				expr = yaml_get(rules->items[i], "expr");
			if (expr != NULL)
				try_expression(arena, path, expr->text);
		}
		return;
	}
	for (uint32_t i = 0; i < node->n; i++)
		try_node(arena, path,
		    node->kind == YAML_MAPPING ? node->pairs[i].value : node->items[i]);
}

static void
try_file(const char *path)
{
	struct arena *arena = arena_new(0);
	struct diag *diag = diag_new();
	const struct yaml_node *root = yaml_parse_file(arena, diag, path);

	if (root != NULL) {
		files++;
		try_node(arena, path, root);
	}
	diag_free(diag);
	arena_free(arena);
}

START_TEST(expressions_of_real_rules_are_read)
{
	const char *dir = getenv("TOCSIN_CORPUS");
	char path[4096], line[2048];
	FILE *list;

	if (dir == NULL)
		return;
	snprintf(path, sizeof(path), "%s/rules/verdicts.tsv", dir);
	list = fopen(path, "re");
	ck_assert_ptr_nonnull(list);
	while (fgets(line, sizeof(line), list) != NULL) {
		char *tab = strchr(line, '\t');

		if (tab == NULL || tab[1] != '0')
			continue;
		*tab = '\0';
		snprintf(path, sizeof(path), "%s/rules/%s", dir, line);
		try_file(path);
	}
	fclose(list);
	ck_assert_uint_gt(expressions, 0);
	fprintf(stderr, "# corpus: %u expressions of %u files\n", expressions, files);
}
END_TEST

void
add_corpus(Suite *suite)
{
	TCase *tcase = tcase_create("corpus");

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, expressions_of_real_rules_are_read);
}
