/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behind an expression: [5m], [1h:5m], offset, @, anchored, smoothed; and the
 * durations in them, which since 3.x may be arithmetic.
 */
#include "config.h"

#include <math.h>

#include "promql/internal.h"

#define SECONDS_MAX    9223372036.854775 /* what nanoseconds in 64 bits hold */
#define PRECEDENCE_MUL 5
#define DURATION_FORMS "number, duration, step(), or range()"
#define TRIAL          (PROMQL_NEEDS_3 | PROMQL_NEEDS_EXPERIMENTAL)

/* Where a duration stands, for messages. */
struct place {
	const char *where, *wanted;
};

static const struct place in_offset = { "offset", DURATION_FORMS };
static const struct place in_range = { "subquery or range selector", DURATION_FORMS };
static const struct place in_step = { "subquery selector",
	"number, duration, step(), range(), or \"]\"" };

static struct promql_expr *parse_duration(struct parser *p, const struct place *place, int least);

static struct promql_expr *
duration_node(
    struct parser *p, enum promql_op op, uint32_t at, struct promql_expr *a, struct promql_expr *b)
{
	struct promql_expr **args = ARENA_ARRAY(p->arena, 2, struct promql_expr *), *expr;

	args[0] = a;
	args[1] = b;
	expr = promql_node(p, PROMQL_DURATION, at, args, a == NULL ? 0 : b == NULL ? 1 : 2);
	if (expr != NULL) {
		expr->u.sign.op = op;
		expr->flags |= TRIAL;
	}
	return expr;
}

static struct promql_expr *
parse_literal(struct parser *p)
{
	bool number = promql_is(p, TOKEN_NUMBER);
	struct promql_expr *expr = promql_number_literal(p);

	if (expr == NULL)
		return NULL;
	if (number)
		expr->flags |= PROMQL_NEEDS_3;
	if (!(fabs(expr->u.number.v) <= SECONDS_MAX))
		return promql_fail(p, expr->at, "duration out of range");
	return expr;
}

static bool
clock_op(const struct parser *p, enum promql_op *ret)
{
	if (promql_is_sub(p, TOKEN_AGGREGATOR, PROMQL_MINIMUM))
		*ret = PROMQL_MIN;
	else if (promql_is_sub(p, TOKEN_AGGREGATOR, PROMQL_MAXIMUM))
		*ret = PROMQL_MAX;
	else if (promql_is_sub(p, TOKEN_CLOCK, KEYWORD_MIN_OF))
		*ret = PROMQL_MIN_OF;
	else if (promql_is_sub(p, TOKEN_CLOCK, KEYWORD_MAX_OF))
		*ret = PROMQL_MAX_OF;
	else if (promql_is_sub(p, TOKEN_CLOCK, KEYWORD_STEP))
		*ret = PROMQL_STEP;
	else if (promql_is_sub(p, TOKEN_CLOCK, KEYWORD_RANGE))
		*ret = PROMQL_WINDOW;
	else
		return false;
	return true;
}

/* step(), range(), min_of(a, b), max_of(a, b) */
static struct promql_expr *
parse_clock(struct parser *p, const struct place *place, enum promql_op op)
{
	struct promql_expr *a = NULL, *b = NULL;
	uint32_t at = p->token.at;

	promql_advance(p);
	if (!promql_expect(p, TOKEN_LPAREN, place->where, place->wanted))
		return NULL;
	if (op != PROMQL_STEP && op != PROMQL_WINDOW) {
		a = parse_duration(p, place, 1);
		if (a == NULL || !promql_expect(p, TOKEN_COMMA, place->where, place->wanted))
			return NULL;
		b = parse_duration(p, place, 1);
		if (b == NULL)
			return NULL;
	}
	if (!promql_expect(p, TOKEN_RPAREN, place->where, place->wanted))
		return NULL;
	return duration_node(p, op, at, a, b);
}

/* In parentheses.  A literal gets a node around it, or they would be lost. */
static struct promql_expr *
parse_wrapped(struct parser *p, const struct place *place)
{
	uint32_t at = p->token.at;
	struct promql_expr *inner;

	promql_advance(p);
	inner = parse_duration(p, place, 1);
	if (inner == NULL || !promql_expect(p, TOKEN_RPAREN, place->where, place->wanted))
		return NULL;
	if (inner->kind == PROMQL_NUMBER)
		inner = duration_node(p, PROMQL_ADD, at, inner, NULL);
	inner->u.sign.wrapped = true;
	return inner;
}

/* A literal keeps its sign to itself; + changes nothing. */
static struct promql_expr *
signed_duration(struct parser *p, struct token sign, struct promql_expr *inner)
{
	if (inner == NULL)
		return NULL;
	if (inner->kind == PROMQL_NUMBER) {
		if (sign.sub == PROMQL_SUB)
			inner->u.number.v = -inner->u.number.v;
		inner->at = sign.at;
		return inner;
	}
	return sign.sub == PROMQL_SUB ? duration_node(p, PROMQL_SUB, sign.at, inner, NULL) : inner;
}

static struct promql_expr *
parse_duration_operand(struct parser *p, const struct place *place)
{
	enum promql_op op;

	if (promql_is(p, TOKEN_NUMBER) || promql_is(p, TOKEN_TIME))
		return parse_literal(p);
	if (promql_is(p, TOKEN_LPAREN))
		return parse_wrapped(p, place);
	if (clock_op(p, &op))
		return parse_clock(p, place, op);
	return promql_unexpected(p, place->where, place->wanted);
}

static bool
divides_by_zero(struct parser *p, struct token op, const struct promql_expr *right)
{
	if ((op.sub != PROMQL_DIV && op.sub != PROMQL_MOD) || right->kind != PROMQL_NUMBER ||
	    right->u.number.v != 0.0)
		return false;
	promql_fail(p, op.at, "%s by zero", op.sub == PROMQL_DIV ? "division" : "modulo");
	return true;
}

static bool
is_arithmetic(const struct parser *p, int least)
{
	return promql_is(p, TOKEN_OP) && p->token.sub >= PROMQL_ADD &&
	       p->token.sub != PROMQL_ATAN2 &&
	       promql_precedence((enum promql_op)p->token.sub) >= least;
}

/* Operators of at least this precedence, as between expressions. */
static struct promql_expr *
parse_duration(struct parser *p, const struct place *place, int least)
{
	struct promql_expr *expr = NULL;

	if (promql_nest(p)) {
		struct token sign = p->token;

		if (promql_is_sign(p)) {
			promql_advance(p);
			expr =
			    signed_duration(p, sign, parse_duration(p, place, PRECEDENCE_MUL + 1));
		} else {
			expr = parse_duration_operand(p, place);
		}
	}
	while (expr != NULL && is_arithmetic(p, least)) {
		struct token op = p->token;
		int precedence = promql_precedence((enum promql_op)op.sub);
		struct promql_expr *right;

		promql_advance(p);
		right =
		    parse_duration(p, place, op.sub == PROMQL_POW ? precedence : precedence + 1);
		if (right == NULL || divides_by_zero(p, op, right))
			expr = NULL;
		else
			expr = duration_node(p, (enum promql_op)op.sub, expr->at, expr, right);
	}
	p->nesting--;
	return expr;
}

static struct promql_span
span_of(struct promql_expr *expr)
{
	if (expr->kind != PROMQL_NUMBER)
		return (struct promql_span){ .expr = expr };
	/* Prometheus: nanoseconds to the nearest, printed as whole milliseconds. */
	return (struct promql_span){ .ms = (int64_t)trunc(round(expr->u.number.v * 1e9) / 1e6) };
}

static bool
parse_span(struct parser *p, const struct place *place, struct promql_span *ret, uint32_t *flags)
{
	struct promql_expr *expr = parse_duration(p, place, 1);

	if (expr == NULL)
		return false;
	*flags |= expr->flags;
	*ret = span_of(expr);
	if (expr->kind == PROMQL_NUMBER && ret->ms <= 0) {
		promql_fail(p, expr->at, "duration must be greater than 0");
		return false;
	}
	return true;
}

/* What an offset or @ behind expr applies to; NULL when to nothing. */
static struct promql_shift *
shift_of(struct promql_expr *expr)
{
	if (expr->kind == PROMQL_SELECTOR)
		return &expr->u.selector.shift;
	if (expr->kind == PROMQL_RANGE)
		return &expr->args[0]->u.selector.shift;
	return expr->kind == PROMQL_SUBQUERY ? &expr->u.window.shift : NULL;
}

static struct promql_expr *
window_node(struct parser *p, enum promql_kind kind, struct promql_expr *inner)
{
	struct promql_expr **args = ARENA_NEW(p->arena, struct promql_expr *), *expr;

	args[0] = inner;
	expr = promql_node(p, kind, inner->at, args, 1);
	if (expr != NULL)
		expr->type = PROMQL_MATRIX;
	return expr;
}

static struct promql_expr *
range_node(struct parser *p, struct promql_expr *inner, uint32_t bracket_at)
{
	if (inner->kind != PROMQL_SELECTOR)
		return promql_fail(p, bracket_at, "ranges only allowed for vector selectors");
	if (inner->u.selector.shift.offset.ms != 0 || inner->u.selector.shift.offset.expr != NULL)
		return promql_fail(p, bracket_at, "no offset modifiers allowed before range");
	if (inner->u.selector.shift.at == PROMQL_AT_TIME) /* but start() and end() are */
		return promql_fail(p, bracket_at, "no @ modifiers allowed before range");
	return window_node(p, PROMQL_RANGE, inner);
}

static struct promql_expr *
parse_window(struct parser *p, struct promql_expr *inner)
{
	struct promql_span range, step = { 0 };
	uint32_t at = p->token.at, flags = 0;
	struct promql_expr *expr;
	bool subquery;

	promql_advance(p);
	if (!parse_span(p, &in_range, &range, &flags))
		return NULL;
	subquery = promql_is(p, TOKEN_COLON);
	if (subquery) {
		promql_advance(p);
		if (!promql_is(p, TOKEN_RBRACKET) && !parse_span(p, &in_step, &step, &flags))
			return NULL;
		if (!promql_expect(p, TOKEN_RBRACKET, "subquery selector", "\"]\""))
			return NULL;
	} else if (!promql_expect(p, TOKEN_RBRACKET, "subquery or range", "\":\" or \"]\"")) {
		return NULL;
	}
	expr = subquery ? window_node(p, PROMQL_SUBQUERY, inner) : range_node(p, inner, at);
	if (expr != NULL) {
		expr->u.window.range = range;
		expr->u.window.step = step;
		expr->flags |= flags;
	}
	return expr;
}

/* Ends at a literal: foo offset 1m + 1m is (foo offset 1m) + 1m. */
static struct promql_expr *
parse_offset_duration(struct parser *p)
{
	struct token sign = p->token;

	if (!promql_is_sign(p))
		return parse_duration_operand(p, &in_offset);
	promql_advance(p);
	return signed_duration(p, sign, parse_duration_operand(p, &in_offset));
}

static struct promql_expr *
parse_offset(struct parser *p, struct promql_expr *expr)
{
	struct promql_shift *shift = shift_of(expr);
	struct promql_expr *duration;

	promql_advance(p);
	duration = parse_offset_duration(p);
	if (duration == NULL)
		return NULL;
	if (shift == NULL)
		return promql_fail(p, expr->at,
		    "offset modifier must be preceded by an instant vector selector or range "
		    "vector selector or "
		    "a subquery");
	if (shift->offset.ms != 0 || shift->offset.expr != NULL)
		return promql_fail(p, expr->at, "offset may not be set multiple times");
	shift->offset = span_of(duration);
	expr->flags |= duration->flags;
	if (duration->kind == PROMQL_NUMBER && shift->offset.ms == 0)
		expr->flags |= PROMQL_NEEDS_3;
	expr->end = p->last_end;
	return expr;
}

/* The time behind @ in seconds, or start() or end(). */
static bool
parse_instant(struct parser *p, struct promql_shift *ret, double *ret_seconds)
{
	static const char where[] = "@", wanted[] = "timestamp";
	struct promql_expr *number;
	bool negative = false;

	if (promql_is_sub(p, TOKEN_CLOCK, KEYWORD_START) ||
	    promql_is_sub(p, TOKEN_CLOCK, KEYWORD_END)) {
		ret->at = p->token.sub == KEYWORD_START ? PROMQL_AT_START : PROMQL_AT_END;
		promql_advance(p);
		return promql_expect(p, TOKEN_LPAREN, where, wanted) &&
		       promql_expect(p, TOKEN_RPAREN, where, wanted);
	}
	if (promql_is_sign(p)) {
		negative = p->token.sub == PROMQL_SUB;
		promql_advance(p);
	}
	if (!promql_is(p, TOKEN_NUMBER) && !promql_is(p, TOKEN_TIME)) {
		promql_unexpected(p, where, wanted);
		return false;
	}
	number = promql_number_literal(p);
	if (number == NULL)
		return false;
	ret->at = PROMQL_AT_TIME;
	*ret_seconds = negative ? -number->u.number.v : number->u.number.v;
	return true;
}

static struct promql_expr *
parse_at(struct parser *p, struct promql_expr *expr)
{
	struct promql_shift *shift = shift_of(expr), at = { 0 };
	double seconds = 0.0, ms;
	bool needs_3;

	promql_advance(p);
	needs_3 = promql_is(p, TOKEN_TIME);
	if (!parse_instant(p, &at, &seconds))
		return NULL;
	if (!isfinite(seconds))
		return promql_fail(p, expr->at, "timestamp out of bounds for @ modifier: %s",
		    isnan(seconds) ? "NaN"
		    : seconds > 0  ? "+Inf"
				   : "-Inf");
	if (!(fabs(seconds) < 0x1p63))
		return promql_fail(
		    p, expr->at, "timestamp out of bounds for @ modifier: %f", seconds);
	if (shift == NULL)
		return promql_fail(p, expr->at,
		    "@ modifier must be preceded by an instant vector selector or range vector "
		    "selector or a "
		    "subquery");
	if (shift->at != PROMQL_AT_NONE)
		return promql_fail(p, expr->at, "@ <timestamp> may not be set multiple times");
	ms = round(seconds * 1000.0);
	shift->at = at.at;
	shift->at_ms = fabs(ms) < 0x1p63 ? (int64_t)ms : INT64_MIN; /* as amd64 converts it */
	if (needs_3)
		expr->flags |= PROMQL_NEEDS_3;
	expr->end = p->last_end;
	return expr;
}

static struct promql_expr *
parse_extension(struct parser *p, struct promql_expr *expr)
{
	struct promql_expr *inner = expr->kind == PROMQL_RANGE ? expr->args[0] : expr;
	bool anchored = p->token.sub == KEYWORD_ANCHORED;

	promql_advance(p);
	if (inner->kind != PROMQL_SELECTOR)
		return promql_fail(p, expr->at, "%s modifier %s",
		    anchored ? "anchored" : "smoothed",
		    inner->kind == PROMQL_SUBQUERY ? "is not supported for subqueries"
						   : "not implemented");
	*(anchored ? &inner->u.selector.anchored : &inner->u.selector.smoothed) = true;
	if (inner->u.selector.anchored && inner->u.selector.smoothed)
		return promql_fail(
		    p, expr->at, "anchored and smoothed modifiers cannot be used together");
	expr->flags |= TRIAL;
	expr->end = p->last_end;
	return expr;
}

/* All that follows expr; NULL stays NULL. */
struct promql_expr *
promql_modifiers(struct parser *p, struct promql_expr *expr)
{
	while (expr != NULL) {
		if (promql_is(p, TOKEN_LBRACKET))
			expr = parse_window(p, expr);
		else if (promql_is_sub(p, TOKEN_KEYWORD, KEYWORD_OFFSET))
			expr = parse_offset(p, expr);
		else if (promql_is(p, TOKEN_AT))
			expr = parse_at(p, expr);
		else if (promql_is_sub(p, TOKEN_KEYWORD, KEYWORD_ANCHORED) ||
			 promql_is_sub(p, TOKEN_KEYWORD, KEYWORD_SMOOTHED))
			expr = parse_extension(p, expr);
		else
			break;
	}
	return expr;
}
