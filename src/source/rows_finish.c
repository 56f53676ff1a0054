/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows into samples: a range in order of series and time, within its window,
 * no denser than its step.  What is made here is handed to the query's arena
 * as it is, so that the loop has no work with it.
 */
#include "config.h"

#include <stdlib.h>

#include "base/xalloc.h"
#include "source/rows.h"

struct order { /* of a range's rows */
	uint32_t series, row;
	int64_t at;
};

static int
by_series_and_time(const void *pa, const void *pb)
{
	const struct order *a = pa, *b = pb;

	if (a->series != b->series)
		return a->series < b->series ? -1 : 1;
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return a->row < b->row ? -1 : a->row > b->row;
}

static bool
is_outside(const struct rows_want *want, wall_t at)
{
	return (wall_is_set(want->from) && wall_before(at, want->from)) ||
	       (wall_is_set(want->to) && wall_before(want->to, at));
}

/* Which piece of the step a time falls into; a piece gives one point. */
static int64_t
piece_of(const struct rows_want *want, int64_t at)
{
	if (want->step.ns <= 0)
		return at;
	return (at - (wall_is_set(want->from) ? want->from.ns : 0)) / want->step.ns;
}

/* One row of each piece: the last that has a value. */
static uint32_t
thin(const struct rows *rows, struct order *order, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct order *last = kept > 0 ? &order[kept - 1] : NULL;

		if (last == NULL || last->series != order[i].series ||
		    piece_of(&rows->want, last->at) != piece_of(&rows->want, order[i].at))
			order[kept++] = order[i];
		else if (!rows->items[order[i].row].missing || rows->items[last->row].missing)
			*last = order[i];
	}
	return kept;
}

static int
order_range(const struct rows *rows, struct order **ret, uint32_t *ret_n, struct err *err)
{
	struct order *order = xcalloc(rows->n + 1, sizeof(*order));
	bool sorted = true;
	uint32_t n = 0;

	for (size_t i = 0; i < rows->n; i++) {
		const struct row *row = &rows->items[i];

		if (!wall_is_set(row->at)) {
			free(order);
			return err_set(err, ERR_INVALID,
			    "row %zu has no time; a query over a window needs a column %s with it",
			    i + 1,
			    rows->want.time_column != NULL ? rows->want.time_column
							   : ROWS_TIME_COLUMN);
		}
		if (is_outside(&rows->want, row->at))
			continue;
		order[n] = (struct order){ row->series, (uint32_t)i, row->at.ns };
		sorted = sorted && (n == 0 || by_series_and_time(&order[n - 1], &order[n]) < 0);
		n++;
	}
	if (!sorted)
		qsort(order, n, sizeof(*order), by_series_and_time);
	*ret = order;
	*ret_n = thin(rows, order, n);
	return 0;
}

static void
make_sample(struct rows *rows, uint32_t from, uint32_t to)
{
	const struct row *row = &rows->items[from];
	const uint32_t n_fields = rows->want.n_fields;
	struct str *cells = n_fields > 0 ? &rows->cells[(size_t)to * n_fields] : NULL;

	rows->samples[to] = (struct sample){
		.key = str_make(rows->keys.p != NULL ? rows->keys.p + row->key_at : "", row->key_n),
		.value = row->value,
		.missing = row->missing,
		.at = row->at,
		.fields = cells,
	};
	for (uint32_t i = 0; i < n_fields; i++) {
		const struct rows_text *text = &rows->fields[(size_t)from * n_fields + i];

		cells[i] = (struct str){ 0 };
		if (text->n != UINT32_MAX)
			cells[i] = str_make(
			    rows->texts.p != NULL ? rows->texts.p + text->at : "", text->n);
	}
}

int
rows_finish(struct rows *rows, struct err *err)
{
	struct order *order = NULL;
	uint32_t n = (uint32_t)rows->n;
	int code = rows_close(rows, err);

	if (code == 0 && rows->want.shape == QUERY_RANGE)
		code = order_range(rows, &order, &n, err);
	if (code < 0)
		return code;
	rows->samples = xcalloc((size_t)n + 1, sizeof(*rows->samples));
	if (rows->want.n_fields > 0)
		rows->cells = xcalloc((size_t)n + 1, rows->want.n_fields * sizeof(*rows->cells));
	for (uint32_t i = 0; i < n; i++)
		make_sample(rows, order != NULL ? order[i].row : i, i);
	rows->n_samples = n;
	free(order);
	return 0;
}

void
rows_keep(struct rows *rows, struct arena *arena, struct vector *ret)
{
	*ret = (struct vector){ rows->samples, rows->n_samples };
	arena_adopt(arena, rows->samples);
	arena_adopt(arena, rows->cells);
	arena_adopt(arena, buf_take(&rows->keys));
	arena_adopt(arena, buf_take(&rows->texts));
	rows->samples = NULL;
	rows->cells = NULL;
	rows->n_samples = 0;
}
