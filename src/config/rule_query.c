/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rule's query where it is PromQL: read at load, so that a mistake has a
 * line and a column instead of an evaluation that fails for ever, and shown
 * as Prometheus prints it.  What the source is asked stays as written.
 */
#include <config.h>

#include <assert.h>
#include <string.h>

#include "config/internal.h"
#include "labels/regex_replace.h"
#include "promql/promql.h"

#define ANCHOR_OPEN "^(?:"
#define ANCHOR_CLOSE ")$"

/*
 * Does the source speak PromQL?  A rule checked alone does unless it names a
 * source.  where: the mapping that has the query; its own source goes before
 * the rule's.
 */
static bool
is_promql(const struct loader *l, const struct rule_config *rule, const struct yaml_node *where,
    bool names_source)
{
	const struct source_config *source = rule->source;
	const struct yaml_node *own = where != NULL ? yaml_get(where, "source") : NULL;

	if (own != NULL && own->kind == YAML_SCALAR) {
		names_source = true;
		source = l->sources != NULL ? config_source(l->sources, own->text.p) : NULL;
	}
	if (source == NULL)
		return !names_source;
	return source->kind->promql != NULL && source->kind->promql(source->settings);
}

/* The text itself: `expr: TEXT`, or `query` of a kind's mapping; NULL: it has none. */
static const struct yaml_node *
query_node(const struct rule_config *rule, const struct yaml_node *node)
{
	const struct yaml_node *condition = yaml_get(node, rule->kind->name);

	if (condition != NULL && condition->kind == YAML_MAPPING)
		condition = yaml_get(condition, "query");
	return condition != NULL && condition->kind == YAML_SCALAR ? condition : NULL;
}

static int
check_regex(struct str pattern, bool *ret_matches_empty, struct err *err)
{
	struct arena *arena = arena_new(0);
	struct buf anchored = { 0 };
	struct regex_search *re;
	struct err inner = { .at = ERR_NOWHERE };
	int rc = 0;

	buf_puts(&anchored, ANCHOR_OPEN);
	buf_put_str(&anchored, pattern);
	buf_puts(&anchored, ANCHOR_CLOSE);
	re = regex_search_new(arena, buf_str(&anchored), &inner);
	if (re == NULL)
		rc = err_set(err, ERR_INVALID, "%s", inner.text);
	else
		*ret_matches_empty = regex_search_find(re, STR(""), NULL) == 1;
	buf_fini(&anchored);
	arena_free(arena);
	return rc;
}

/* Whoever runs another server must learn how to say so. */
static void
put_remedy(struct loader *l, const struct rule_config *rule, struct pos pos)
{
	if (l->language_told)
		return;
	l->language_told = true;
	if (rule->source != NULL)
		diag_note(l->ctx.diag, rule->source->pos,
		    "source '%s' is asked in PromQL; if it is VictoriaMetrics or Loki, add "
		    "'language: metricsql' or 'language: logql' to it",
		    rule->source->name);
	else
		diag_note(l->ctx.diag, pos,
		    "taken as PromQL; for VictoriaMetrics or Loki check it with a configuration "
		    "(--config.file) whose source has 'language: metricsql' or 'language: logql'");
}

static void
report(struct loader *l, const struct rule_config *rule, const struct yaml_node *scalar,
    const struct err *err, uint32_t skipped)
{
	struct pos pos = scalar->pos;

	if (err->at != ERR_NOWHERE)
		pos = yaml_pos_at(scalar, err->at + skipped);
	diag_error(l->ctx.diag, pos, "could not parse expression: %s", err->text);
	put_remedy(l, rule, pos);
}

/*
 * A budget's queries hold $window; what stands in its place is a duration of
 * the same length, so that places stay right.
 */
static struct str
with_duration(struct arena *arena, struct str text)
{
	static const char placeholder[] = "$window", duration[] = "000005m";
	struct str copy = arena_str(arena, text);
	char *at = (char *)(uintptr_t)copy.p;

	static_assert(sizeof(placeholder) == sizeof(duration), "places stay right");
	while ((at = strstr(at, placeholder)) != NULL)
		memcpy(at, duration, sizeof(duration) - 1);
	return copy;
}

/* Its canonical form goes to canonical. */
static bool
check_text(struct loader *l, const struct rule_config *rule, const struct yaml_node *scalar,
    struct buf *canonical)
{
	struct err err = { .at = ERR_NOWHERE };
	struct arena *arena = arena_new(0);
	struct promql_expr *expr;
	struct str text = str_trim(scalar->text);
	uint32_t skipped = (uint32_t)(text.p - scalar->text.p);
	bool ok = true;

	expr = promql_parse_with(arena, with_duration(arena, text), check_regex, &err);
	if (expr != NULL &&
	    (promql_type(expr) == PROMQL_TEXT || promql_type(expr) == PROMQL_MATRIX)) {
		err_set_at(&err, ERR_INVALID, 0,
		    "the result is a %s, and a rule needs an instant vector or a scalar",
		    promql_value_name(promql_type(expr)));
		expr = NULL;
	}
	if (expr == NULL) {
		report(l, rule, scalar, &err, skipped);
		ok = false;
	} else {
		promql_print(expr, canonical);
	}
	arena_free(arena);
	return ok;
}

/* What some kinds ask besides their `query`. */
static bool
check_further(struct loader *l, const struct rule_config *rule, const struct yaml_node *node)
{
	static const char *const names[] = { "guard", "bad", "good", "total", "expected_query" };
	const struct yaml_node *condition = yaml_get(node, rule->kind->name);
	bool ok = true;

	if (condition == NULL || condition->kind != YAML_MAPPING)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct yaml_node *scalar = yaml_get(condition, names[i]);
		struct buf canonical = { 0 };

		if (scalar != NULL && scalar->kind == YAML_SCALAR)
			ok = check_text(l, rule, scalar, &canonical) && ok;
		buf_fini(&canonical);
	}
	return ok;
}

/* Both sides of a comparison, each with a source of its own perhaps. */
static bool
check_arms(struct loader *l, const struct rule_config *rule, const struct yaml_node *condition,
    bool names_source)
{
	static const char *const arms[] = { "reference", "current", "a", "b" };
	static const char *const queries[] = { "query", "total" };
	bool ok = true;

	for (size_t i = 0; i < ARRAY_LEN(arms); i++) {
		const struct yaml_node *arm = yaml_get(condition, arms[i]);

		if (arm == NULL || arm->kind != YAML_MAPPING ||
		    !is_promql(l, rule, arm, names_source))
			continue;
		for (size_t k = 0; k < ARRAY_LEN(queries); k++) {
			const struct yaml_node *scalar = yaml_get(arm, queries[k]);
			struct buf canonical = { 0 };

			if (scalar != NULL && scalar->kind == YAML_SCALAR)
				ok = check_text(l, rule, scalar, &canonical) && ok;
			buf_fini(&canonical);
		}
	}
	return ok;
}

bool
rule_query_check(
    struct loader *l, struct rule_config *rule, const struct yaml_node *node, bool names_source)
{
	const struct yaml_node *scalar = query_node(rule, node);
	const struct yaml_node *condition = yaml_get(node, rule->kind->name);
	struct buf canonical = { 0 };
	bool ok = true;

	if (condition != NULL && condition->kind != YAML_MAPPING)
		condition = NULL;
	if (rule->query_text != NULL && condition != NULL)
		ok = check_arms(l, rule, condition, names_source);
	if (rule->query_text == NULL || !is_promql(l, rule, condition, names_source))
		return ok;
	ok = check_further(l, rule, node) && ok;
	if (scalar == NULL)
		return ok;
	if (check_text(l, rule, scalar, &canonical)) {
		rule->query_text = arena_str(l->ctx.arena, buf_str(&canonical)).p;
		rule->promql = true;
	} else {
		ok = false;
	}
	buf_fini(&canonical);
	return ok;
}
