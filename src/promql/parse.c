/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions: operators by precedence, calls, aggregations.
 *
 * The parser looks one token ahead and stops at the first error; functions
 * return NULL once it is set.  Messages are Prometheus', whose grammar names
 * the construct that a wrong token stands in.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>

#include "promql/internal.h"

#define PRECEDENCE_POW 6

void
promql_advance(struct parser *p)
{
	p->last_end = p->token.at + p->token.text.n;
	p->token = promql_lex(&p->lexer);
}

bool
promql_is(const struct parser *p, enum token_type type)
{
	return p->token.type == type;
}

bool
promql_is_sub(const struct parser *p, enum token_type type, int sub)
{
	return p->token.type == type && p->token.sub == sub;
}

/* + or -, as a sign or an operator. */
bool
promql_is_sign(const struct parser *p)
{
	return promql_is_sub(p, TOKEN_OP, PROMQL_ADD) || promql_is_sub(p, TOKEN_OP, PROMQL_SUB);
}

void *
promql_fail(struct parser *p, uint32_t at, const char *fmt, ...)
{
	char text[sizeof(p->err->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set_at(p->err, ERR_INVALID, at, "%s", text);
	return NULL;
}

/* The next token does not belong here; where and wanted may be NULL. */
void *
promql_unexpected(struct parser *p, const char *where, const char *wanted)
{
	if (promql_is(p, TOKEN_ERROR)) {
		if (p->err != NULL)
			*p->err = p->lexer.err;
		return NULL;
	}
	if (where == NULL && p->aggregations > 0)
		where = "aggregation";
	return promql_fail(p, p->token.at, "unexpected %s%s%s%s%s",
	    promql_describe(p->arena, &p->token), where != NULL ? " in " : "",
	    where != NULL ? where : "", wanted != NULL ? ", expected " : "",
	    wanted != NULL ? wanted : "");
}

bool
promql_expect(struct parser *p, enum token_type type, const char *where, const char *wanted)
{
	if (!promql_is(p, type)) {
		promql_unexpected(p, where, wanted);
		return false;
	}
	promql_advance(p);
	return true;
}

/* Each caller takes one back: p->nesting--. */
bool
promql_nest(struct parser *p)
{
	if (++p->nesting <= PROMQL_NESTING_MAX)
		return true;
	err_set_at(p->err, ERR_LIMIT, p->token.at, "expression is nested deeper than %d",
	    PROMQL_NESTING_MAX);
	return false;
}

struct promql_expr *
promql_node(
    struct parser *p, enum promql_kind kind, uint32_t at, struct promql_expr **args, uint32_t n)
{
	struct promql_expr *expr = ARENA_NEW(p->arena, struct promql_expr);

	*expr = (struct promql_expr){
		.kind = kind, .at = at, .end = p->last_end, .n = n, .args = args
	};
	for (uint32_t i = 0; i < n; i++) {
		expr->flags |= args[i]->flags;
		if (args[i]->depth >= expr->depth)
			expr->depth = args[i]->depth + 1;
	}
	if (expr->depth > PROMQL_DEPTH_MAX) {
		err_set_at(
		    p->err, ERR_LIMIT, at, "expression has more than %d levels", PROMQL_DEPTH_MAX);
		return NULL;
	}
	return expr;
}

static struct promql_expr *
node_of(struct parser *p, enum promql_kind kind, uint32_t at, struct promql_expr *a,
    struct promql_expr *b)
{
	struct promql_expr **args = ARENA_ARRAY(p->arena, 2, struct promql_expr *);

	args[0] = a;
	args[1] = b;
	return promql_node(p, kind, at, args, b != NULL ? 2 : 1);
}

/* Takes a number or a duration; the caller has seen that it is one. */
struct promql_expr *
promql_number_literal(struct parser *p)
{
	struct token token = p->token;
	struct promql_expr *expr;
	const char *wrong;
	bool needs_3 = false;
	double v;

	wrong = token.type == TOKEN_TIME ? promql_seconds(p->arena, token.text, &v)
					 : promql_number(p->arena, token.text, &v, &needs_3);
	if (wrong != NULL)
		return promql_fail(p, token.at, "%s", wrong);
	promql_advance(p);
	expr = promql_node(p, PROMQL_NUMBER, token.at, NULL, 0);
	expr->u.number.v = v;
	expr->u.number.is_duration = token.type == TOKEN_TIME;
	if (needs_3)
		expr->flags |= PROMQL_NEEDS_3;
	return expr;
}

struct list {
	struct promql_expr **p;
	uint32_t n, cap;
};

static void
list_add(struct parser *p, struct list *list, struct promql_expr *expr)
{
	if (list->n == list->cap) {
		struct promql_expr **old = list->p;

		list->cap = list->cap == 0 ? 4 : 2 * list->cap;
		list->p = ARENA_ARRAY(p->arena, list->cap, struct promql_expr *);
		if (list->n > 0)
			memcpy(list->p, old, list->n * sizeof(struct promql_expr *));
	}
	list->p[list->n++] = expr;
}

/* A word that may name a metric: most keywords may. */
static bool
is_metric_word(const struct token *token)
{
	switch (token->type) {
	case TOKEN_IDENTIFIER:
	case TOKEN_METRIC:
	case TOKEN_AGGREGATOR:
	case TOKEN_CLOCK:
		return true;
	case TOKEN_OP:
		return promql_op_is_set((enum promql_op)token->sub);
	case TOKEN_KEYWORD:
		return token->sub == KEYWORD_BY || token->sub == KEYWORD_WITHOUT ||
		       token->sub == KEYWORD_OFFSET || token->sub == KEYWORD_ANCHORED ||
		       token->sub == KEYWORD_SMOOTHED;
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
	case TOKEN_STRING:
	case TOKEN_NUMBER:
	case TOKEN_TIME:
		break;
	}
	return false;
}

/* An error of the lexer counts: it is reported where an expression is read. */
static bool
begins_expression(const struct token *token)
{
	return is_metric_word(token) ||
	       (token->type == TOKEN_OP &&
		   (token->sub == PROMQL_ADD || token->sub == PROMQL_SUB)) ||
	       token->type == TOKEN_NUMBER || token->type == TOKEN_TIME ||
	       token->type == TOKEN_STRING || token->type == TOKEN_LPAREN ||
	       token->type == TOKEN_LBRACE || token->type == TOKEN_ERROR;
}

/* From ( to ). */
static bool
parse_arguments(struct parser *p, struct list *ret)
{
	if (!promql_expect(p, TOKEN_LPAREN, NULL, NULL))
		return false;
	if (promql_is(p, TOKEN_RPAREN)) {
		promql_advance(p);
		return true;
	}
	for (;;) {
		struct promql_expr *expr = promql_expression(p);
		uint32_t comma_at = p->token.at;

		if (expr == NULL)
			return false;
		list_add(p, ret, expr);
		if (!promql_is(p, TOKEN_COMMA))
			return promql_expect(p, TOKEN_RPAREN, NULL, NULL);
		promql_advance(p);
		if (!begins_expression(&p->token)) {
			promql_fail(
			    p, comma_at, "trailing commas not allowed in function call args");
			return false;
		}
	}
}

/* The name is taken, a parenthesis follows. */
static struct promql_expr *
parse_call(struct parser *p, struct token name)
{
	const struct promql_function *function = promql_function(name.text);
	struct promql_expr *expr;
	struct list args = { 0 };

	if (!parse_arguments(p, &args))
		return NULL;
	if (function == NULL)
		return promql_fail(p, name.at, "unknown function with name %s",
		    promql_quoted(p->arena, name.text));
	expr = promql_node(p, PROMQL_CALL, name.at, args.p, args.n);
	if (expr != NULL) {
		expr->u.function = function;
		expr->type = function->returns;
		expr->flags |= function->flags;
	}
	return expr;
}

static bool
is_grouping(const struct parser *p)
{
	return promql_is_sub(p, TOKEN_KEYWORD, KEYWORD_BY) ||
	       promql_is_sub(p, TOKEN_KEYWORD, KEYWORD_WITHOUT);
}

static bool
parse_grouping(struct parser *p, struct promql_names *by, bool *ret_without)
{
	*ret_without = promql_is_sub(p, TOKEN_KEYWORD, KEYWORD_WITHOUT);
	promql_advance(p);
	return promql_names(p, by);
}

/* The name is taken, a parenthesis or a grouping follows. */
static struct promql_expr *
parse_aggregate(struct parser *p, struct token name)
{
	enum promql_aggregator op = (enum promql_aggregator)name.sub;
	uint32_t want = promql_takes_parameter(op) ? 2 : 1;
	struct promql_expr *expr;
	struct promql_names by = { 0 };
	struct list args = { 0 };
	bool without = false, grouped = is_grouping(p), ok;

	if (grouped && !parse_grouping(p, &by, &without))
		return NULL;
	p->aggregations++;
	ok = parse_arguments(p, &args);
	p->aggregations--;
	if (!ok || (!grouped && is_grouping(p) && !parse_grouping(p, &by, &without)))
		return NULL;
	if (args.n == 0)
		return promql_fail(p, name.at, "no arguments for aggregate expression provided");
	if (args.n != want)
		return promql_fail(p, name.at,
		    "wrong number of arguments for aggregate expression provided, expected %u, got "
		    "%u",
		    want, args.n);
	expr = promql_node(p, PROMQL_AGGREGATE, name.at, args.p, args.n);
	if (expr == NULL)
		return NULL;
	expr->type = PROMQL_VECTOR;
	expr->u.aggregate.op = op;
	expr->u.aggregate.without = without;
	expr->u.aggregate.by = by;
	for (uint32_t i = 0; i < by.n; i++)
		if (!promql_is_label(by.list[i]))
			expr->flags |= PROMQL_NEEDS_3;
	if (op == PROMQL_LIMITK || op == PROMQL_LIMIT_RATIO)
		expr->flags |= PROMQL_NEEDS_3 | PROMQL_NEEDS_EXPERIMENTAL;
	return expr;
}

/* A word in the place of an operand. */
static struct promql_expr *
parse_word(struct parser *p)
{
	struct token name = p->token;

	if (!is_metric_word(&name))
		return promql_unexpected(p, NULL, NULL);
	promql_advance(p);
	if (promql_is(p, TOKEN_LPAREN) &&
	    (name.type == TOKEN_IDENTIFIER || name.type == TOKEN_CLOCK))
		return parse_call(p, name);
	if (name.type == TOKEN_AGGREGATOR && (promql_is(p, TOKEN_LPAREN) || is_grouping(p)))
		return parse_aggregate(p, name);
	return promql_selector(p, &name);
}

static struct promql_expr *
parse_paren(struct parser *p)
{
	uint32_t at = p->token.at;
	struct promql_expr *inner, *expr;

	promql_advance(p);
	inner = promql_expression(p);
	if (inner == NULL || !promql_expect(p, TOKEN_RPAREN, NULL, NULL))
		return NULL;
	expr = node_of(p, PROMQL_PAREN, at, inner, NULL);
	if (expr != NULL)
		expr->type = inner->type;
	return expr;
}

static struct promql_expr *
parse_operand(struct parser *p)
{
	struct promql_expr *expr;

	switch (p->token.type) {
	case TOKEN_NUMBER:
		return promql_number_literal(p);
	case TOKEN_TIME:
		expr = promql_number_literal(p);
		if (expr != NULL)
			expr->flags |= PROMQL_NEEDS_3;
		return expr;
	case TOKEN_STRING:
		expr = promql_node(p, PROMQL_STRING, p->token.at, NULL, 0);
		expr->type = PROMQL_TEXT;
		expr->u.string = promql_unquote(p->arena, p->token.text);
		promql_advance(p);
		expr->end = p->last_end;
		return expr;
	case TOKEN_LPAREN:
		return parse_paren(p);
	case TOKEN_LBRACE:
		return promql_selector(p, NULL);
	case TOKEN_IDENTIFIER:
	case TOKEN_METRIC:
	case TOKEN_AGGREGATOR:
	case TOKEN_KEYWORD:
	case TOKEN_CLOCK:
	case TOKEN_OP:
		return parse_word(p);
	case TOKEN_EOF:
	case TOKEN_ERROR:
	case TOKEN_COMMA:
	case TOKEN_COLON:
	case TOKEN_RPAREN:
	case TOKEN_RBRACE:
	case TOKEN_LBRACKET:
	case TOKEN_RBRACKET:
	case TOKEN_ASSIGN:
	case TOKEN_MATCH:
	case TOKEN_AT:
		break;
	}
	return promql_unexpected(p, NULL, NULL);
}

static struct promql_expr *parse_from(struct parser *p, int least);

/* A sign binds like *, so that -2^2 is -4; a signed number is a number. */
static struct promql_expr *
parse_signed(struct parser *p)
{
	struct token sign = p->token;
	struct promql_expr *inner, *expr;

	promql_advance(p);
	inner = parse_from(p, PRECEDENCE_POW);
	if (inner == NULL)
		return NULL;
	if (inner->kind == PROMQL_NUMBER) {
		if (sign.sub == PROMQL_SUB)
			inner->u.number.v = -inner->u.number.v;
		inner->at = sign.at;
		return inner;
	}
	expr = node_of(p, PROMQL_UNARY, sign.at, inner, NULL);
	if (expr != NULL) {
		expr->type = inner->type;
		expr->u.sign.op = (enum promql_op)sign.sub;
	}
	return expr;
}

/* The operator is next; its right side binds tighter, or as tight for ^. */
static struct promql_expr *
parse_binary(struct parser *p, struct promql_expr *left)
{
	struct promql_binary binary = { .op = (enum promql_op)p->token.sub, .op_at = p->token.at };
	int precedence = promql_precedence(binary.op);
	struct promql_expr *right, *expr;

	promql_advance(p);
	if (!promql_matching(p, &binary))
		return NULL;
	right = parse_from(p, binary.op == PROMQL_POW ? precedence : precedence + 1);
	if (right == NULL)
		return NULL;
	expr = node_of(p, PROMQL_BINARY, left->at, left, right);
	if (expr == NULL)
		return NULL;
	expr->u.binary = binary;
	expr->flags |= promql_matching_flags(&binary);
	expr->type = left->type == PROMQL_SCALAR && right->type == PROMQL_SCALAR ? PROMQL_SCALAR
										 : PROMQL_VECTOR;
	return expr;
}

/* Operators of at least this precedence. */
static struct promql_expr *
parse_from(struct parser *p, int least)
{
	struct promql_expr *expr = NULL;

	if (promql_nest(p)) {
		if (promql_is_sign(p))
			expr = parse_signed(p);
		else
			expr = promql_modifiers(p, parse_operand(p));
	}
	while (expr != NULL && promql_is(p, TOKEN_OP) &&
	       promql_precedence((enum promql_op)p->token.sub) >= least)
		expr = parse_binary(p, expr);
	p->nesting--;
	return expr;
}

struct promql_expr *
promql_expression(struct parser *p)
{
	return parse_from(p, 1);
}

struct promql_expr *
promql_parse_with(struct arena *arena, struct str text, promql_regex_fn *regex, struct err *err)
{
	struct err own;
	struct parser p = {
		.arena = arena,
		.lexer = { .in = text },
		.regex = regex,
		.err = err != NULL ? err : &own,
	};
	struct promql_expr *expr;

	if (text.n > PROMQL_TEXT_MAX) {
		err_set_at(err, ERR_LIMIT, PROMQL_TEXT_MAX, "expression is longer than %u bytes",
		    PROMQL_TEXT_MAX);
		return NULL;
	}
	promql_advance(&p);
	if (promql_is(&p, TOKEN_EOF))
		return promql_fail(&p, 0, "no expression found in input");
	expr = promql_expression(&p);
	if (expr == NULL)
		return NULL;
	if (!promql_is(&p, TOKEN_EOF))
		return promql_unexpected(&p, NULL, NULL);
	return promql_check(arena, expr, regex, p.err) < 0 ? NULL : expr;
}

struct promql_expr *
promql_parse(struct arena *arena, struct str text, struct err *err)
{
	return promql_parse_with(arena, text, NULL, err);
}

enum promql_value
promql_type(const struct promql_expr *expr)
{
	return expr->type;
}
