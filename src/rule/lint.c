/* SPDX-License-Identifier: Apache-2.0 */
/* One function for each thing to warn of; see the header. */
#include "config.h"

#include "rule/lint.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/duration.h"
#include "base/hash.h"
#include "base/map.h"
#include "promql/promql.h"
#include "rule/kind.h"

#define ARENA_BYTES (16 << 10)

static bool
has_key(const struct template_map *map, const char *key)
{
	for (uint32_t i = 0; i < map->n; i++)
		if (strcmp(map->pairs[i].key, key) == 0)
			return true;
	return false;
}

/* Whoever is woken needs both: how bad it is, and what to do. */
static void
lint_missing(const struct rule_config *rule, struct diag *diag)
{
	const struct rule_kind *kind = rule_kind_of(rule->kind);
	bool levels =
	    kind != NULL && kind->level_severity != NULL && kind->level_severity(rule, 0) != NULL;
	bool severity = levels || has_key(&rule->labels, "severity");
	bool runbook = has_key(&rule->annotations, "runbook_url");

	if (severity && runbook)
		return;
	diag_warning(diag, rule->pos, "'%s' has no %s%s%s", rule->name,
	    severity ? "" : "label 'severity'", severity || runbook ? "" : " and no ",
	    runbook ? "" : "annotation 'runbook_url'");
}

static void
lint_for(const struct rule_config *rule, struct diag *diag)
{
	const struct rule_group_config *group = rule->group;
	char for_text[DURATION_TEXT_MAX], interval_text[DURATION_TEXT_MAX];

	if (rule->for_.ns == 0 || group->interval_assumed || !dur_less(rule->for_, group->interval))
		return;
	diag_warning(diag, rule->pos,
	    "'%s' has for: %s, less than the interval of its group (%s): it fires at the second "
	    "evaluation that finds it, whatever happened between the two",
	    rule->name, duration_format(rule->for_, for_text),
	    duration_format(group->interval, interval_text));
}

static void
lint_value_in_label(const struct rule_config *rule, struct diag *diag)
{
	for (uint32_t i = 0; i < rule->labels.n; i++)
		if (template_uses_value(rule->labels.pairs[i].template))
			diag_warning(diag, rule->labels.pairs[i].value_pos,
			    "the label '%s' of '%s' varies with the value: each new value is a new "
			    "alert, "
			    "whose 'for' begins anew; use an annotation",
			    rule->labels.pairs[i].key, rule->name);
}

/* --- expressions ------------------------------------------------------- */

/* One function that not every Prometheus has is enough to tell of. */
static bool
is_everywhere(const struct promql_expr *expr, void *arg)
{
	const struct promql_function **ret = arg;

	if (expr->kind != PROMQL_CALL ||
	    (expr->u.function->flags & (PROMQL_NEEDS_EXPERIMENTAL | PROMQL_GONE_IN_3)) == 0)
		return true;
	*ret = expr->u.function;
	return false;
}

static void
lint_version(const struct rule_config *rule, const struct promql_expr *expr, struct diag *diag)
{
	const struct promql_function *function = NULL;
	const char *what = "syntax";

	promql_walk(expr, is_everywhere, &function);
	if (function != NULL)
		what = function->name;
	if ((function != NULL ? function->flags : expr->flags) & PROMQL_GONE_IN_3)
		diag_warning(diag, rule->pos,
		    "the expression of '%s' uses %s, which Prometheus 3 does not have any more",
		    rule->name, what);
	else if ((function != NULL ? function->flags : expr->flags) & PROMQL_NEEDS_EXPERIMENTAL)
		diag_warning(diag, rule->pos,
		    "the expression of '%s' uses %s, which Prometheus has only behind a feature "
		    "flag",
		    rule->name, what);
}

/* ALERTS is there only while something is wrong. */
static bool
is_state(struct promql_names metrics)
{
	for (uint32_t i = 0; i < metrics.n; i++)
		if (str_starts(metrics.list[i], STR("ALERTS")))
			return true;
	return false;
}

/* vector(1) is meant to fire always: that alert says that the way to whoever is told works. */
static void
lint_unconditional(const struct rule_config *rule, const struct promql_expr *expr,
    struct arena *arena, struct diag *diag)
{
	struct promql_names metrics;

	if (rule->recording || strcmp(rule->kind->name, "expr") != 0 ||
	    !promql_is_unconditional(expr))
		return;
	metrics = promql_metrics(expr, arena);
	if (metrics.n > 0 && !is_state(metrics))
		diag_warning(diag, rule->pos,
		    "'%s' fires for every series of its expression, whatever the value: add a "
		    "comparison such as '> 0'",
		    rule->name);
}

static void
lint_expression(const struct rule_config *rule, struct diag *diag)
{
	struct arena *arena;
	const struct promql_expr *expr;

	if (!rule->promql)
		return;
	arena = arena_new(ARENA_BYTES);
	expr = promql_parse(arena, str_from(rule->query_text), NULL);
	if (expr != NULL) {
		lint_version(rule, expr, diag);
		lint_unconditional(rule, expr, arena, diag);
	}
	arena_free(arena);
}

/* --- duplicates -------------------------------------------------------- */

struct seen {
	struct str key;
	const struct rule_config *rule;
};

static void
put_part(struct buf *out, struct str part)
{
	buf_put_u32le(out, part.n);
	buf_put_str(out, part);
}

/*
 * File, kind, name and labels; of an alerting rule its condition, too, since
 * two conditions may well raise the same alert.
 */
static void
put_key(const struct rule_config *rule, struct buf *out)
{
	struct buf condition = { 0 };

	put_part(out, str_from(rule->group->file));
	put_part(out, rule->recording ? STR("record") : str_from(rule->kind->name));
	put_part(out, str_from(rule->name));
	for (uint32_t i = 0; i < rule->labels.n; i++) {
		put_part(out, str_from(rule->labels.pairs[i].key));
		put_part(out, template_text(rule->labels.pairs[i].template));
	}
	for (uint32_t i = 0; i < rule->literals.n; i++) {
		put_part(out, str_from(rule->literals.pairs[i].key));
		put_part(out, str_from(rule->literals.pairs[i].value));
	}
	if (!rule->recording && rule->kind->identity != NULL)
		rule->kind->identity(rule, &condition);
	if (!rule->recording && rule->source != NULL)
		put_part(out, str_from(rule->source->name));
	put_part(out, buf_str(&condition));
	buf_fini(&condition);
}

static bool
has_same_key(const void *value, const void *key)
{
	return str_eq(((const struct seen *)value)->key, *(const struct str *)key);
}

static void
lint_duplicate(
    const struct rule_config *rule, struct arena *arena, struct map *all, struct diag *diag)
{
	struct buf text = { 0 };
	struct seen *seen;
	struct str key;
	uint64_t hash;

	put_key(rule, &text);
	key = buf_str(&text);
	hash = hash_bytes(key.p, key.n);
	seen = map_find(all, hash, has_same_key, &key);
	if (seen == NULL) {
		seen = ARENA_NEW(arena, struct seen);
		*seen = (struct seen){ arena_str(arena, key), rule };
		map_insert(all, hash, seen);
	} else if (rule->recording) {
		diag_warning(diag, rule->pos,
		    "duplicate rule: '%s' is recorded with the same labels twice; one overwrites "
		    "the other",
		    rule->name);
		diag_note(diag, seen->rule->pos, "the first is here");
	} else {
		diag_warning(diag, rule->pos,
		    "duplicate rule: there is another '%s' with the same labels and condition",
		    rule->name);
		diag_note(diag, seen->rule->pos, "the first is here");
	}
	buf_fini(&text);
}

void
rule_lint(const struct config *config, struct diag *diag)
{
	struct arena *arena = arena_new(ARENA_BYTES);
	struct map seen = { 0 };

	for (uint32_t g = 0; g < config->n_groups; g++) {
		const struct rule_group_config *group = &config->groups[g];

		for (uint32_t r = 0; r < group->n_rules; r++) {
			const struct rule_config *rule = &group->rules[r];

			lint_duplicate(rule, arena, &seen, diag);
			lint_expression(rule, diag);
			if (rule->recording)
				continue;
			lint_missing(rule, diag);
			lint_for(rule, diag);
			lint_value_in_label(rule, diag);
		}
	}
	map_fini(&seen);
	arena_free(arena);
}
