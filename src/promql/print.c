/* SPDX-License-Identifier: Apache-2.0 */
/* Trees to text, as Prometheus' String() writes them. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/xalloc.h"
#include "promql/internal.h"

static void
put_names(struct buf *out, const struct promql_names *names)
{
	buf_putc(out, '(');
	for (uint32_t i = 0; i < names->n; i++) {
		if (i > 0)
			buf_puts(out, ", ");
		if (promql_is_label(names->list[i]))
			buf_put_str(out, names->list[i]);
		else
			promql_put_quoted(out, names->list[i], '"');
	}
	buf_putc(out, ')');
}

static void
put_matcher(struct buf *out, const struct promql_matcher *matcher)
{
	static const char *const ops[] = {
		[PROMQL_MATCH_EQ] = "=",
		[PROMQL_MATCH_NE] = "!=",
		[PROMQL_MATCH_RE] = "=~",
		[PROMQL_MATCH_NRE] = "!~",
	};

	if (promql_is_label(matcher->name))
		buf_put_str(out, matcher->name);
	else
		promql_put_quoted(out, matcher->name, '"');
	buf_puts(out, ops[matcher->op]);
	promql_put_quoted(out, matcher->value, '"');
}

static int
compare_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* {a="b",c=~"d"}, ordered by their text. */
static void
put_matchers(struct buf *out, const struct promql_selector *selector)
{
	struct buf text = { 0 };
	struct str *pieces;
	uint32_t at = 0;

	buf_putc(out, '{');
	if (selector->n == 1) {
		put_matcher(out, &selector->matchers[0]);
		buf_putc(out, '}');
		return;
	}
	pieces = xmalloc(selector->n * sizeof(*pieces));
	for (uint32_t i = 0; i < selector->n; i++) {
		uint32_t start = (uint32_t)text.n;

		put_matcher(&text, &selector->matchers[i]);
		pieces[i].n = (uint32_t)text.n - start;
	}
	for (uint32_t i = 0; i < selector->n; i++) { /* only now does the text stay where it is */
		pieces[i].p = text.p + at;
		at += pieces[i].n;
	}
	qsort(pieces, selector->n, sizeof(*pieces), compare_text);
	for (uint32_t i = 0; i < selector->n; i++) {
		if (i > 0)
			buf_putc(out, ',');
		buf_put_str(out, pieces[i]);
	}
	buf_putc(out, '}');
	free(pieces);
	buf_fini(&text);
}

static void
put_span(struct buf *out, const struct promql_span *span)
{
	if (span->expr != NULL)
		promql_print(span->expr, out);
	else
		promql_put_ms(out, span->ms);
}

static void
put_at(struct buf *out, const struct promql_shift *shift)
{
	uint64_t ms = shift->at_ms < 0 ? 0 - (uint64_t)shift->at_ms : (uint64_t)shift->at_ms;

	switch (shift->at) {
	case PROMQL_AT_NONE:
		break;
	case PROMQL_AT_TIME:
		buf_printf(out, " @ %s%" PRIu64 ".%03" PRIu64, shift->at_ms < 0 ? "-" : "",
		    ms / 1000, ms % 1000);
		break;
	case PROMQL_AT_START:
		buf_puts(out, " @ start()");
		break;
	case PROMQL_AT_END:
		buf_puts(out, " @ end()");
		break;
	}
}

static void
put_offset(struct buf *out, const struct promql_shift *shift)
{
	if (shift->offset.expr == NULL && shift->offset.ms == 0)
		return;
	buf_puts(out, " offset ");
	put_span(out, &shift->offset);
}

static void
put_extension(struct buf *out, const struct promql_selector *selector)
{
	if (selector->anchored)
		buf_puts(out, " anchored");
	else if (selector->smoothed)
		buf_puts(out, " smoothed");
}

static void
put_series(struct buf *out, const struct promql_selector *selector)
{
	buf_put_str(out, selector->name);
	if (selector->n > 0)
		put_matchers(out, selector);
	else if (selector->name.n == 0)
		buf_puts(out, "{}"); /* info(x, {}) */
}

static void
put_window(struct buf *out, const struct promql_expr *expr)
{
	const struct promql_expr *inner = expr->args[0];
	bool subquery = expr->kind == PROMQL_SUBQUERY;
	const struct promql_shift *shift =
	    subquery ? &expr->u.window.shift : &inner->u.selector.shift;

	if (subquery)
		promql_print(inner, out);
	else
		put_series(out, &inner->u.selector);
	buf_putc(out, '[');
	put_span(out, &expr->u.window.range);
	if (subquery) {
		buf_putc(out, ':');
		if (expr->u.window.step.expr != NULL || expr->u.window.step.ms != 0)
			put_span(out, &expr->u.window.step);
	}
	buf_putc(out, ']');
	if (!subquery)
		put_extension(out, &inner->u.selector);
	put_at(out, shift);
	put_offset(out, shift);
}

static void
put_args(struct buf *out, const struct promql_expr *expr)
{
	buf_putc(out, '(');
	for (uint32_t i = 0; i < expr->n; i++) {
		if (i > 0)
			buf_puts(out, ", ");
		promql_print(expr->args[i], out);
	}
	buf_putc(out, ')');
}

static void
put_aggregate(struct buf *out, const struct promql_expr *expr)
{
	buf_puts(out, promql_aggregator_name(expr->u.aggregate.op));
	if (expr->u.aggregate.without || expr->u.aggregate.by.n > 0) {
		buf_puts(out, expr->u.aggregate.without ? " without " : " by ");
		put_names(out, &expr->u.aggregate.by);
		buf_putc(out, ' ');
	}
	put_args(out, expr);
}

static void
put_fill(struct buf *out, const char *word, double v)
{
	buf_printf(out, " %s (", word);
	promql_put_number(out, v);
	buf_putc(out, ')');
}

static void
put_matching(struct buf *out, const struct promql_binary *binary)
{
	bool groups = binary->group_left || binary->group_right;

	if (binary->is_bool)
		buf_puts(out, " bool");
	if (binary->matching.n > 0 || binary->on || groups) {
		buf_puts(out, binary->on ? " on " : " ignoring ");
		put_names(out, &binary->matching);
	}
	if (groups) {
		buf_puts(out, binary->group_left ? " group_left " : " group_right ");
		put_names(out, &binary->include);
	}
	if (binary->fills_left && binary->fills_right &&
	    memcmp(&binary->fill_left, &binary->fill_right, sizeof(double)) == 0) {
		put_fill(out, "fill", binary->fill_left);
		return;
	}
	if (binary->fills_left)
		put_fill(out, "fill_left", binary->fill_left);
	if (binary->fills_right)
		put_fill(out, "fill_right", binary->fill_right);
}

static void
put_binary(struct buf *out, const struct promql_expr *expr)
{
	struct promql_binary binary = expr->u.binary;

	/* Between anything but two vectors there is nothing to match. */
	if (expr->args[0]->type != PROMQL_VECTOR || expr->args[1]->type != PROMQL_VECTOR) {
		binary.on = binary.group_left = binary.group_right = false;
		binary.matching.n = 0;
	}
	promql_print(expr->args[0], out);
	buf_putc(out, ' ');
	buf_puts(out, promql_op_text(binary.op));
	put_matching(out, &binary);
	buf_putc(out, ' ');
	promql_print(expr->args[1], out);
}

static void
put_duration(struct buf *out, const struct promql_expr *expr)
{
	enum promql_op op = expr->u.sign.op;
	const char *text = promql_op_text(op);

	if (expr->u.sign.wrapped)
		buf_putc(out, '(');
	if (op >= PROMQL_STEP) {
		buf_puts(out, text);
		put_args(out, expr);
	} else if (expr->n == 1) {
		if (op == PROMQL_SUB)
			buf_putc(out, '-');
		promql_print(expr->args[0], out);
	} else {
		promql_print(expr->args[0], out);
		buf_printf(out, " %s ", text);
		promql_print(expr->args[1], out);
	}
	if (expr->u.sign.wrapped)
		buf_putc(out, ')');
}

static void
put_literal(struct buf *out, const struct promql_expr *expr)
{
	double v = expr->u.number.v;

	if (expr->u.number.is_duration)
		promql_put_ms(out, (int64_t)(v * 1000.0 + (v < 0.0 ? -0.5 : 0.5)));
	else
		promql_put_number(out, v);
}

void
promql_print(const struct promql_expr *expr, struct buf *out)
{
	switch (expr->kind) {
	case PROMQL_NUMBER:
		put_literal(out, expr);
		break;
	case PROMQL_STRING:
		promql_put_quoted(out, expr->u.string, '"');
		break;
	case PROMQL_SELECTOR:
		put_series(out, &expr->u.selector);
		put_at(out, &expr->u.selector.shift);
		put_extension(out, &expr->u.selector);
		put_offset(out, &expr->u.selector.shift);
		break;
	case PROMQL_RANGE:
	case PROMQL_SUBQUERY:
		put_window(out, expr);
		break;
	case PROMQL_CALL:
		buf_puts(out, expr->u.function->name);
		put_args(out, expr);
		break;
	case PROMQL_AGGREGATE:
		put_aggregate(out, expr);
		break;
	case PROMQL_BINARY:
		put_binary(out, expr);
		break;
	case PROMQL_UNARY:
		buf_puts(out, promql_op_text(expr->u.sign.op));
		promql_print(expr->args[0], out);
		break;
	case PROMQL_PAREN:
		put_args(out, expr);
		break;
	case PROMQL_DURATION:
		put_duration(out, expr);
		break;
	case PROMQL_KIND_COUNT:
		break;
	}
}

bool
promql_equal(const struct promql_expr *a, const struct promql_expr *b)
{
	struct buf text_a = { 0 }, text_b = { 0 };
	bool equal;

	promql_print(a, &text_a);
	promql_print(b, &text_b);
	equal = str_eq(buf_str(&text_a), buf_str(&text_b));
	buf_fini(&text_a);
	buf_fini(&text_b);
	return equal;
}
