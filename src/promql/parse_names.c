/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of names: label matchers in braces, labels to group or match by. */
#include "config.h"

#include "promql/internal.h"

/* What stands in a list of labels: a word, most keywords too, or quoted text. */
static bool
parse_label(struct parser *p, struct str *ret)
{
	static const char where[] = "grouping opts";
	struct token token = p->token;

	switch (token.type) {
	case TOKEN_STRING:
		*ret = promql_unquote(p->arena, token.text);
		if (ret->n == 0 || !str_is_utf8(*ret)) {
			promql_fail(p, token.at, "invalid label name for grouping: %s",
			    promql_quoted(p->arena, *ret));
			return false;
		}
		break;
	case TOKEN_OP:
		if (!promql_is_label(token.text)) {
			promql_unexpected(p, where, "label");
			return false;
		}
		*ret = token.text;
		break;
	case TOKEN_KEYWORD:
		if (token.sub == KEYWORD_WITHOUT) { /* an oversight of the grammar, kept */
			promql_unexpected(p, where, "label");
			return false;
		}
		*ret = token.text;
		break;
	case TOKEN_IDENTIFIER:
	case TOKEN_AGGREGATOR:
	case TOKEN_CLOCK:
		*ret = token.text;
		break;
	case TOKEN_METRIC:
	case TOKEN_EOF:
	case TOKEN_ERROR:
	case TOKEN_COMMA:
	case TOKEN_COLON:
	case TOKEN_LPAREN:
	case TOKEN_RPAREN:
	case TOKEN_LBRACE:
	case TOKEN_RBRACE:
	case TOKEN_LBRACKET:
	case TOKEN_RBRACKET:
	case TOKEN_ASSIGN:
	case TOKEN_MATCH:
	case TOKEN_AT:
	case TOKEN_NUMBER:
	case TOKEN_TIME:
		promql_unexpected(p, where, "label");
		return false;
	}
	promql_advance(p);
	return true;
}

static void
names_add(struct parser *p, struct promql_names *names, struct str name)
{
	if ((names->n & (names->n - 1)) == 0) { /* full at 0, 1, 2, 4, 8, ... */
		struct str *old = names->list;

		names->list = ARENA_ARRAY(p->arena, names->n == 0 ? 1 : 2 * names->n, struct str);
		if (names->n > 0)
			memcpy(names->list, old, names->n * sizeof(struct str));
	}
	names->list[names->n++] = name;
}

/* (a, b,) */
bool
promql_names(struct parser *p, struct promql_names *ret)
{
	static const char where[] = "grouping opts";

	if (!promql_expect(p, TOKEN_LPAREN, where, "\"(\""))
		return false;
	while (!promql_is(p, TOKEN_RPAREN)) {
		struct str name;

		if (!parse_label(p, &name))
			return false;
		names_add(p, ret, name);
		if (promql_is(p, TOKEN_COMMA)) {
			promql_advance(p);
		} else if (!promql_is(p, TOKEN_RPAREN)) {
			promql_unexpected(p, where, "\",\" or \")\"");
			return false;
		}
	}
	promql_advance(p);
	return true;
}

static bool
match_op(const struct parser *p, enum promql_match *ret)
{
	if (promql_is(p, TOKEN_ASSIGN))
		*ret = PROMQL_MATCH_EQ;
	else if (promql_is_sub(p, TOKEN_OP, PROMQL_NE))
		*ret = PROMQL_MATCH_NE;
	else if (promql_is(p, TOKEN_MATCH))
		*ret = (enum promql_match)p->token.sub;
	else
		return false;
	return true;
}

/* name="value", "quoted name"="value", or the quoted name of the metric. */
static bool
parse_matcher(struct parser *p, struct promql_matcher *ret, uint32_t *flags)
{
	static const char where[] = "label matching";
	struct token name = p->token;
	struct err err = { 0 };
	bool empty;

	if (name.type != TOKEN_IDENTIFIER && name.type != TOKEN_STRING) {
		promql_unexpected(p, where, "identifier or \"}\"");
		return false;
	}
	promql_advance(p);
	*ret = (struct promql_matcher){ .at = name.at, .name = name.text };
	if (name.type == TOKEN_STRING) {
		ret->name = promql_unquote(p->arena, name.text);
		*flags |= PROMQL_NEEDS_3;
	}
	if (!match_op(p, &ret->op)) {
		ret->value = ret->name;
		ret->name = STR("__name__");
		if (name.type == TOKEN_IDENTIFIER)
			promql_unexpected(p, where, "label matching operator");
		return name.type == TOKEN_STRING;
	}
	promql_advance(p);
	if (!promql_is(p, TOKEN_STRING)) {
		promql_unexpected(p, where, "string");
		return false;
	}
	ret->value = promql_unquote(p->arena, p->token.text);
	if (ret->op >= PROMQL_MATCH_RE && p->regex != NULL &&
	    p->regex(ret->value, &empty, &err) < 0) {
		promql_fail(p, name.at, "%s", err.text);
		return false;
	}
	promql_advance(p);
	return true;
}

static bool
parse_matchers(struct parser *p, struct promql_selector *selector, uint32_t *flags)
{
	promql_advance(p);
	while (!promql_is(p, TOKEN_RBRACE)) {
		struct promql_matcher matcher;

		if (!parse_matcher(p, &matcher, flags))
			return false;
		if ((selector->n & (selector->n - 1)) == 0) {
			struct promql_matcher *old = selector->matchers;

			selector->matchers = ARENA_ARRAY(p->arena,
			    selector->n == 0 ? 1 : 2 * selector->n, struct promql_matcher);
			if (selector->n > 0)
				memcpy(selector->matchers, old, selector->n * sizeof(*old));
		}
		selector->matchers[selector->n++] = matcher;
		if (promql_is(p, TOKEN_COMMA)) {
			promql_advance(p);
		} else if (!promql_is(p, TOKEN_RBRACE)) {
			promql_unexpected(p, "label matching", "\",\" or \"}\"");
			return false;
		}
	}
	promql_advance(p);
	return true;
}

struct promql_expr *
promql_selector(struct parser *p, const struct token *name)
{
	struct promql_selector selector = { 0 };
	uint32_t at = name != NULL ? name->at : p->token.at, flags = 0;
	struct promql_expr *expr;

	if (name != NULL)
		selector.name = name->text;
	if (promql_is(p, TOKEN_LBRACE) && !parse_matchers(p, &selector, &flags))
		return NULL;
	expr = promql_node(p, PROMQL_SELECTOR, at, NULL, 0);
	expr->type = PROMQL_VECTOR;
	expr->flags = flags;
	expr->u.selector = selector;
	return expr;
}
