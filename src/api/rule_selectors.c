/* SPDX-License-Identifier: Apache-2.0 */
/* match[] of the rules API: see the header. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "api/rule_selectors.h"

#include "api/handlers.h"
#include "base/xalloc.h"
#include "promql/promql.h"

/* The label as configured, templates as they are written; "" when there is none. */
static struct str
rule_label(const struct rule_config *rule, struct str name)
{
	for (uint32_t i = 0; i < rule->labels.n; i++)
		if (str_is(name, rule->labels.pairs[i].key))
			return template_text(rule->labels.pairs[i].template);
	for (uint32_t i = 0; i < rule->literals.n; i++)
		if (str_is(name, rule->literals.pairs[i].key))
			return str_from(rule->literals.pairs[i].value);
	return STR("");
}

bool
rule_selectors_match(const struct rule_selectors *selectors, const struct rule_config *rule)
{
	bool all = selectors->n == 0;

	for (uint32_t i = 0; i < selectors->n && !all; i++) {
		const struct matchers *ms = selectors->list[i];

		all = true;
		for (uint32_t k = 0; k < ms->n && all; k++)
			all = matcher_matches_value(
			    &ms->m[k], rule_label(rule, istr_str(ms->m[k].name)));
	}
	return all;
}

static int
make_matcher(enum promql_match op, struct str name, struct str value, struct matcher *ret,
    struct err *err)
{
	static const enum matcher_op ops[] = {
		[PROMQL_MATCH_EQ] = MATCH_EQUAL,
		[PROMQL_MATCH_NE] = MATCH_NOT_EQUAL,
		[PROMQL_MATCH_RE] = MATCH_REGEX,
		[PROMQL_MATCH_NRE] = MATCH_NOT_REGEX,
	};

	return matcher_make(ops[op], name, value, ret, err);
}

/* name{label="value"} and nothing else; NULL and err when it is no such thing. */
static struct matchers *
read_selector(struct str text, struct arena *arena, struct err *err)
{
	const struct promql_expr *expr = promql_parse(arena, text, err);
	const struct promql_selector *selector;
	struct matcher *m;
	uint32_t n = 0;
	int code = 0;

	if (expr == NULL)
		return NULL;
	if (expr->kind != PROMQL_SELECTOR) {
		err_set_at(err, ERR_INVALID, expr->at, "expected a series selector");
		return NULL;
	}
	selector = &expr->u.selector;
	m = ARENA_ARRAY(arena, selector->n + 1, struct matcher);
	if (selector->name.n > 0) {
		code = make_matcher(
		    PROMQL_MATCH_EQ, STR("__name__"), selector->name, &m[n], err);
		n += code == 0;
	}
	for (uint32_t i = 0; i < selector->n && code == 0; i++) {
		const struct promql_matcher *from = &selector->matchers[i];

		code = make_matcher(from->op, from->name, from->value, &m[n], err);
		n += code == 0;
		if (code < 0)
			err->at = from->at;
	}
	if (code == 0)
		return matchers_new(m, n, false);
	while (n > 0)
		matcher_fini(&m[--n]);
	return NULL;
}

/* A selector that every rule meets selects nothing; the parser sees only the plain ones. */
static bool
needs_nothing(const struct matchers *ms, const struct err *err)
{
	if (ms == NULL)
		return strstr(err->text, "non-empty matcher") != NULL;
	for (uint32_t i = 0; i < ms->n; i++)
		if (!matcher_matches_empty(&ms->m[i]))
			return false;
	return true;
}

void
rule_selectors_fini(struct rule_selectors *selectors)
{
	for (uint32_t i = 0; i < selectors->n; i++)
		matchers_free(selectors->list[i]);
	free(selectors->list);
}

bool
rule_selectors_read(struct http_call *call, struct rule_selectors *ret)
{
	struct arena *arena = arena_new(0);
	const char *text;
	uint32_t n = 0;
	bool ok = true;

	while (http_param(call, "match[]", n) != NULL)
		n++;
	ret->list = xcalloc((size_t)n + 1, sizeof(struct matchers *));
	for (uint32_t i = 0; i < n && ok; i++) {
		struct err err = { .at = 0 };
		struct matchers *ms;

		text = http_param(call, "match[]", i);
		ms = read_selector(str_from(text), arena, &err);
		ok = ms != NULL && !needs_nothing(ms, &err);
		if (ok)
			ret->list[ret->n++] = ms;
		else if (needs_nothing(ms, &err))
			reply_prom_error(call, 400, "bad_data",
			    "invalid parameter \"match[]\": match[] must contain at least one "
			    "non-empty matcher");
		else
			reply_prom_error(call, 400, "bad_data",
			    "invalid parameter \"match[]\": 1:%u: parse error: %s", err.at + 1,
			    err.text);
		if (!ok)
			matchers_free(ms);
	}
	arena_free(arena);
	if (!ok)
		rule_selectors_fini(ret);
	return ok;
}
