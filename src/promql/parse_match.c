/* SPDX-License-Identifier: Apache-2.0 */
/* Between an operator and its right side: bool, on(), group_left(), fill(). */
#include "config.h"

#include "promql/internal.h"

static bool
parse_fill(struct parser *p, double *ret)
{
	struct promql_expr *number;
	bool negative = false;

	promql_advance(p);
	if (!promql_expect(p, TOKEN_LPAREN, NULL, NULL))
		return false;
	if (promql_is_sign(p)) {
		negative = p->token.sub == PROMQL_SUB;
		promql_advance(p);
	}
	if (!promql_is(p, TOKEN_NUMBER) && !promql_is(p, TOKEN_TIME)) {
		promql_unexpected(p, NULL, NULL);
		return false;
	}
	number = promql_number_literal(p);
	if (number == NULL)
		return false;
	*ret = negative ? -number->u.number.v : number->u.number.v;
	return promql_expect(p, TOKEN_RPAREN, NULL, NULL);
}

/* fill(0), or fill_left(0) and fill_right(0) in either order. */
static bool
parse_fills(struct parser *p, struct promql_binary *binary)
{
	if (promql_is_sub(p, TOKEN_KEYWORD, KEYWORD_FILL)) {
		if (!parse_fill(p, &binary->fill_left))
			return false;
		binary->fill_right = binary->fill_left;
		binary->fills_left = binary->fills_right = true;
		return true;
	}
	for (;;) {
		if (promql_is_sub(p, TOKEN_KEYWORD, KEYWORD_FILL_LEFT) && !binary->fills_left) {
			binary->fills_left = true;
			if (!parse_fill(p, &binary->fill_left))
				return false;
		} else if (promql_is_sub(p, TOKEN_KEYWORD, KEYWORD_FILL_RIGHT) &&
			   !binary->fills_right) {
			binary->fills_right = true;
			if (!parse_fill(p, &binary->fill_right))
				return false;
		} else {
			return true;
		}
	}
}

/* bool, on or ignoring, group_left or group_right, fills. */
bool
promql_matching(struct parser *p, struct promql_binary *binary)
{
	if (promql_is_sub(p, TOKEN_KEYWORD, KEYWORD_BOOL)) {
		binary->is_bool = true;
		promql_advance(p);
	}
	if (promql_is_sub(p, TOKEN_KEYWORD, KEYWORD_ON) ||
	    promql_is_sub(p, TOKEN_KEYWORD, KEYWORD_IGNORING)) {
		binary->on = p->token.sub == KEYWORD_ON;
		promql_advance(p);
		if (!promql_names(p, &binary->matching))
			return false;
		binary->group_left = promql_is_sub(p, TOKEN_KEYWORD, KEYWORD_GROUP_LEFT);
		binary->group_right = promql_is_sub(p, TOKEN_KEYWORD, KEYWORD_GROUP_RIGHT);
		if (binary->group_left || binary->group_right) {
			promql_advance(p);
			if (promql_is(p, TOKEN_LPAREN) && !promql_names(p, &binary->include))
				return false;
		}
	}
	return parse_fills(p, binary);
}

uint32_t
promql_matching_flags(const struct promql_binary *binary)
{
	uint32_t flags = 0;

	if (binary->fills_left || binary->fills_right || binary->op == PROMQL_TRIM_UPPER ||
	    binary->op == PROMQL_TRIM_LOWER)
		flags |= PROMQL_NEEDS_3 | PROMQL_NEEDS_EXPERIMENTAL;
	for (uint32_t i = 0; i < binary->matching.n; i++)
		if (!promql_is_label(binary->matching.list[i]))
			flags |= PROMQL_NEEDS_3;
	for (uint32_t i = 0; i < binary->include.n; i++)
		if (!promql_is_label(binary->include.list[i]))
			flags |= PROMQL_NEEDS_3;
	return flags;
}
