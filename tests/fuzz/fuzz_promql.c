/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: PromQL.
 *
 * Beyond not crashing: what is accepted prints as a text that is accepted and
 * prints the same again; errors point into the text and say something.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "fuzz.h"
#include "promql/promql.h"

struct seen {
	uint32_t nodes;
	size_t size;
};

static bool
look_at(const struct promql_expr *expr, void *arg)
{
	struct seen *seen = arg;

	if (expr->at > expr->end || expr->end > seen->size)
		abort();
	return ++seen->nodes != 0;
}

static void
ask_everything(struct arena *arena, const struct promql_expr *expr, size_t size)
{
	struct promql_threshold threshold;
	struct seen seen = { .size = size };

	promql_walk(expr, look_at, &seen);
	if (promql_metrics(expr, arena).n > seen.nodes)
		abort();
	if (promql_threshold(expr, &threshold) && promql_is_unconditional(expr))
		abort();
	promql_calls(expr, "absent");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	struct arena *arena = arena_new(0);
	struct buf first = { 0 }, second = { 0 };
	struct err err = { 0 };
	const struct promql_expr *expr = promql_parse(arena, text, &err), *again;

	if (expr == NULL) {
		if (err.code == ERR_NONE || err.at > size || err.text[0] == '\0')
			abort();
	} else {
		ask_everything(arena, expr, size);
		promql_print(expr, &first);
		again = promql_parse(arena, buf_str(&first), &err);
		if (again == NULL && err.code != ERR_LIMIT)
			abort();
		if (again != NULL) {
			promql_print(again, &second);
			/* Prometheus prints inf ^ 2 as +Inf ^ 2, which it reads as a sign and a
			 * power. */
			if (strstr(first.p, "+Inf ^") == NULL &&
			    !str_eq(buf_str(&first), buf_str(&second)))
				abort();
			if (again->type != expr->type)
				abort();
		}
	}
	buf_fini(&first);
	buf_fini(&second);
	arena_free(arena);
	return 0;
}
