/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about a tree: what it reads, what it calls, whether it filters. */
#include "config.h"

#include "promql/internal.h"

bool
promql_walk(const struct promql_expr *expr, promql_walk_fn *fn, void *arg)
{
	if (!fn(expr, arg))
		return false;
	for (uint32_t i = 0; i < expr->n; i++)
		if (!promql_walk(expr->args[i], fn, arg))
			return false;
	return true;
}

bool
promql_selector_metric(const struct promql_expr *expr, struct str *ret)
{
	const struct promql_selector *selector = &expr->u.selector;

	if (expr->kind != PROMQL_SELECTOR)
		return false;
	if (selector->name.n > 0) {
		*ret = selector->name;
		return true;
	}
	for (uint32_t i = 0; i < selector->n; i++) {
		const struct promql_matcher *matcher = &selector->matchers[i];

		if (matcher->op == PROMQL_MATCH_EQ && str_is(matcher->name, "__name__")) {
			*ret = matcher->value;
			return true;
		}
	}
	return false;
}

static bool
count_selector(const struct promql_expr *expr, void *arg)
{
	uint32_t *n = arg;

	*n += expr->kind == PROMQL_SELECTOR;
	return true;
}

static bool
add_metric(const struct promql_expr *expr, void *arg)
{
	struct promql_names *names = arg;
	struct str name;

	if (!promql_selector_metric(expr, &name))
		return true;
	for (uint32_t i = 0; i < names->n; i++)
		if (str_eq(names->list[i], name))
			return true;
	names->list[names->n++] = name;
	return true;
}

struct promql_names
promql_metrics(const struct promql_expr *expr, struct arena *arena)
{
	struct promql_names names = { 0 };
	uint32_t n = 0;

	promql_walk(expr, count_selector, &n);
	names.list = ARENA_ARRAY(arena, n, struct str);
	promql_walk(expr, add_metric, &names);
	return names;
}

struct wanted {
	const char *name;
};

static bool
is_other_function(const struct promql_expr *expr, void *arg)
{
	const struct wanted *wanted = arg;

	return expr->kind != PROMQL_CALL || strcmp(expr->u.function->name, wanted->name) != 0;
}

bool
promql_calls(const struct promql_expr *expr, const char *function)
{
	struct wanted wanted = { function };

	return !promql_walk(expr, is_other_function, &wanted);
}

static bool
call_is_unconditional(const struct promql_expr *expr)
{
	const char *name = expr->u.function->name;

	if (strncmp(name, "absent", 6) == 0)
		return false;
	if (expr->u.function->returns == PROMQL_SCALAR || strcmp(name, "vector") == 0)
		return true; /* a scalar is always there, at worst as NaN */
	for (uint32_t i = 0; i < expr->n; i++)
		if (!promql_is_unconditional(expr->args[i]))
			return false;
	return true;
}

static bool
binary_is_unconditional(const struct promql_expr *expr)
{
	const struct promql_binary *binary = &expr->u.binary;
	bool left, right;

	if (binary->op == PROMQL_UNLESS || (promql_op_compares(binary->op) && !binary->is_bool))
		return false;
	left = promql_is_unconditional(expr->args[0]);
	right = promql_is_unconditional(expr->args[1]);
	return binary->op == PROMQL_OR ? left || right : left && right;
}

bool
promql_is_unconditional(const struct promql_expr *expr)
{
	switch (expr->kind) {
	case PROMQL_NUMBER:
	case PROMQL_STRING:
	case PROMQL_SELECTOR:
	case PROMQL_DURATION:
		return true;
	case PROMQL_CALL:
		return call_is_unconditional(expr);
	case PROMQL_BINARY:
		return binary_is_unconditional(expr);
	case PROMQL_RANGE:
	case PROMQL_SUBQUERY:
	case PROMQL_AGGREGATE:
	case PROMQL_UNARY:
	case PROMQL_PAREN:
		return promql_is_unconditional(expr->args[expr->n - 1]);
	case PROMQL_KIND_COUNT:
		break;
	}
	return true;
}

static const struct promql_expr *
without_parens(const struct promql_expr *expr)
{
	while (expr->kind == PROMQL_PAREN)
		expr = expr->args[0];
	return expr;
}

static enum promql_op
mirrored(enum promql_op op)
{
	return op == PROMQL_LT   ? PROMQL_GT
	       : op == PROMQL_GT ? PROMQL_LT
	       : op == PROMQL_LE ? PROMQL_GE
	       : op == PROMQL_GE ? PROMQL_LE
				 : op;
}

bool
promql_threshold(const struct promql_expr *expr, struct promql_threshold *ret)
{
	const struct promql_expr *left, *right;

	expr = without_parens(expr);
	if (expr->kind != PROMQL_BINARY || !promql_op_compares(expr->u.binary.op) ||
	    expr->u.binary.is_bool)
		return false;
	left = without_parens(expr->args[0]);
	right = without_parens(expr->args[1]);
	if (right->kind == PROMQL_NUMBER)
		*ret = (struct promql_threshold){ left, expr->u.binary.op, right->u.number.v };
	else if (left->kind == PROMQL_NUMBER)
		*ret = (struct promql_threshold){ right, mirrored(expr->u.binary.op),
			left->u.number.v };
	else
		return false;
	return true;
}
