/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types and the other rules that hold for a whole tree, tested in the order
 * in which Prometheus does, so that the first finding is the same.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>

#include "promql/internal.h"

struct check {
	struct arena *arena;
	promql_regex_fn *regex;
	struct err *err;
};

static int check_expr(const struct check *check, const struct promql_expr *expr);

static int PRINTF(3, 4) fail(const struct check *check, uint32_t at, const char *fmt, ...)
{
	va_list ap;
	char text[sizeof(check->err->text)];

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set_at(check->err, ERR_INVALID, at, "%s", text);
}

static int
expect_type(const struct check *check, const struct promql_expr *expr, enum promql_value want,
    const char *where)
{
	int ret = check_expr(check, expr);

	if (ret == 0 && expr->type != want)
		ret = fail(check, expr->at, "expected type %s in %s, got %s",
		    promql_value_name(want), where, promql_value_name(expr->type));
	return ret;
}

static int
check_aggregate(const struct check *check, const struct promql_expr *expr)
{
	int ret =
	    expect_type(check, expr->args[expr->n - 1], PROMQL_VECTOR, "aggregation expression");

	if (ret == 0 && expr->n == 2)
		ret = expect_type(check, expr->args[0],
		    expr->u.aggregate.op == PROMQL_COUNT_VALUES ? PROMQL_TEXT : PROMQL_SCALAR,
		    "aggregation parameter");
	return ret;
}

static bool
is_operand(const struct promql_expr *expr)
{
	return expr->type == PROMQL_SCALAR || expr->type == PROMQL_VECTOR;
}

/* A label may not decide the match and be copied from the one side too. */
static int
check_labels(const struct check *check, const struct promql_binary *binary)
{
	for (uint32_t i = 0; binary->on && i < binary->matching.n; i++)
		for (uint32_t k = 0; k < binary->include.n; k++)
			if (str_eq(binary->matching.list[i], binary->include.list[k]))
				return fail(check, binary->op_at,
				    "label %s must not occur in ON and GROUP clause at once",
				    promql_quoted(check->arena, binary->include.list[k]));
	return 0;
}

static int
check_vectors(const struct check *check, const struct promql_expr *expr)
{
	const struct promql_binary *binary = &expr->u.binary;
	bool vectors = expr->args[0]->type == PROMQL_VECTOR && expr->args[1]->type == PROMQL_VECTOR;
	bool fills = binary->fills_left || binary->fills_right;

	if (!vectors && binary->matching.n > 0)
		return fail(
		    check, expr->at, "vector matching only allowed between instant vectors");
	if (!vectors && fills)
		return fail(check, expr->at,
		    "filling in missing series only allowed between instant vectors");
	if (!promql_op_is_set(binary->op))
		return 0;
	if (vectors && (binary->group_left || binary->group_right))
		return fail(check, expr->at, "no grouping allowed for \"%s\" operation",
		    promql_op_text(binary->op));
	if (vectors && fills)
		return fail(
		    check, expr->at, "filling in missing series not allowed for set operators");
	if (!vectors)
		return fail(check, expr->at,
		    "set operator \"%s\" not allowed in binary scalar expression",
		    promql_op_text(binary->op));
	return 0;
}

static int
check_binary(const struct check *check, const struct promql_expr *expr)
{
	const struct promql_binary *binary = &expr->u.binary;
	const struct promql_expr *left = expr->args[0], *right = expr->args[1];
	bool compares = promql_op_compares(binary->op);
	int ret = check_expr(check, left);

	if (ret == 0)
		ret = check_expr(check, right);
	if (ret < 0)
		return ret;
	if (binary->is_bool && !compares)
		return fail(
		    check, binary->op_at, "bool modifier can only be used on comparison operators");
	if (compares && !binary->is_bool && left->type == PROMQL_SCALAR &&
	    right->type == PROMQL_SCALAR)
		return fail(
		    check, binary->op_at, "comparisons between scalars must use BOOL modifier");
	ret = check_labels(check, binary);
	if (ret < 0)
		return ret;
	if (!is_operand(left) || !is_operand(right))
		return fail(check, is_operand(left) ? right->at : left->at,
		    "binary expression must contain only scalar and instant vector types");
	return check_vectors(check, expr);
}

static int
check_count(const struct check *check, const struct promql_expr *expr)
{
	const struct promql_function *function = expr->u.function;
	uint32_t want = (uint32_t)strlen(function->args);

	if (function->variadic == 0 && expr->n != want)
		return fail(check, expr->at, "expected %u argument(s) in call to \"%s\", got %u",
		    want, function->name, expr->n);
	if (function->variadic != 0 && expr->n + 1 < want)
		return fail(check, expr->at,
		    "expected at least %u argument(s) in call to \"%s\", got %u", want - 1,
		    function->name, expr->n);
	if (function->variadic > 0 && expr->n > want - 1 + (uint32_t)function->variadic)
		return fail(check, expr->at,
		    "expected at most %u argument(s) in call to \"%s\", got %u",
		    want - 1 + (uint32_t)function->variadic, function->name, expr->n);
	return 0;
}

static enum promql_value
type_of_letter(char letter)
{
	return letter == 'v'   ? PROMQL_VECTOR
	       : letter == 'm' ? PROMQL_MATRIX
	       : letter == 's' ? PROMQL_SCALAR
			       : PROMQL_TEXT;
}

/* The second argument of info() is no selector of series: braces only, any matchers. */
static bool
is_info_matchers(const struct promql_expr *call, uint32_t i)
{
	return i == 1 && strcmp(call->u.function->name, "info") == 0;
}

static int
check_call(const struct check *check, const struct promql_expr *expr)
{
	const struct promql_function *function = expr->u.function;
	uint32_t last = (uint32_t)strlen(function->args);
	int ret = check_count(check, expr);
	char where[64];

	snprintf(where, sizeof(where), "call to function \"%s\"", function->name);
	for (uint32_t i = 0; ret == 0 && i < expr->n; i++) {
		const struct promql_expr *arg = expr->args[i];
		enum promql_value want = type_of_letter(function->args[i < last ? i : last - 1]);

		if (!is_info_matchers(expr, i))
			ret = expect_type(check, arg, want, where);
		else if (arg->kind != PROMQL_SELECTOR)
			ret = fail(check, arg->at, "expected label selectors only");
		else if (arg->u.selector.name.n > 0)
			ret = fail(check, arg->at,
			    "expected label selectors only, got vector selector instead");
	}
	return ret;
}

static bool
matches_empty(const struct check *check, const struct promql_matcher *matcher)
{
	bool regex_matches = matcher->value.n == 0 || str_is(matcher->value, ".*");

	if (matcher->op >= PROMQL_MATCH_RE && check->regex != NULL)
		check->regex(matcher->value, &regex_matches, NULL);
	switch (matcher->op) {
	case PROMQL_MATCH_EQ:
		return matcher->value.n == 0;
	case PROMQL_MATCH_NE:
		return matcher->value.n > 0;
	case PROMQL_MATCH_RE:
		return regex_matches;
	case PROMQL_MATCH_NRE:
		return !regex_matches;
	}
	return false;
}

static int
check_selector(const struct check *check, const struct promql_expr *expr)
{
	const struct promql_selector *selector = &expr->u.selector;

	for (uint32_t i = 0; i < selector->n; i++) {
		const struct promql_matcher *matcher = &selector->matchers[i];

		if (selector->name.n > 0 && str_is(matcher->name, "__name__"))
			return fail(check, expr->at, "metric name must not be set twice: %s or %s",
			    promql_quoted(check->arena, selector->name),
			    promql_quoted(check->arena, matcher->value));
		if (selector->name.n == 0 && !matches_empty(check, matcher))
			return 0;
	}
	if (selector->name.n == 0)
		return fail(
		    check, expr->at, "vector selector must contain at least one non-empty matcher");
	return 0;
}

static int
check_unary(const struct check *check, const struct promql_expr *expr)
{
	int ret = check_expr(check, expr->args[0]);

	if (ret == 0 && !is_operand(expr->args[0]))
		ret = fail(check, expr->at,
		    "unary expression only allowed on expressions of type scalar or instant "
		    "vector, got \"%s\"",
		    promql_value_name(expr->args[0]->type));
	return ret;
}

static int
check_subquery(const struct check *check, const struct promql_expr *expr)
{
	static const char *const names[] = {
		[PROMQL_SCALAR] = "scalar",
		[PROMQL_VECTOR] = "vector",
		[PROMQL_MATRIX] = "matrix",
		[PROMQL_TEXT] = "string",
	};
	int ret = check_expr(check, expr->args[0]);

	if (ret == 0 && expr->args[0]->type != PROMQL_VECTOR)
		ret = fail(check, expr->at,
		    "subquery is only allowed on instant vector, got %s instead",
		    names[expr->args[0]->type]);
	return ret;
}

static int
check_expr(const struct check *check, const struct promql_expr *expr)
{
	switch (expr->kind) {
	case PROMQL_NUMBER:
	case PROMQL_STRING:
	case PROMQL_DURATION:
		return 0;
	case PROMQL_SELECTOR:
		return check_selector(check, expr);
	case PROMQL_RANGE:
	case PROMQL_PAREN:
		return check_expr(check, expr->args[0]);
	case PROMQL_SUBQUERY:
		return check_subquery(check, expr);
	case PROMQL_CALL:
		return check_call(check, expr);
	case PROMQL_AGGREGATE:
		return check_aggregate(check, expr);
	case PROMQL_BINARY:
		return check_binary(check, expr);
	case PROMQL_UNARY:
		return check_unary(check, expr);
	case PROMQL_KIND_COUNT:
		break;
	}
	return 0;
}

/* 0, or negative with the first thing that is wrong. */
int
promql_check(
    struct arena *arena, const struct promql_expr *expr, promql_regex_fn *regex, struct err *err)
{
	struct check check = { .arena = arena, .regex = regex, .err = err };

	return check_expr(&check, expr);
}
