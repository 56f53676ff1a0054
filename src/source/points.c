/* SPDX-License-Identifier: Apache-2.0 */
/* Sorts points by series and time, and drops those nobody asked for. */
#include "config.h"

#include "source/points.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

struct point {
	uint32_t series, index; /* index: where it stood */
	int64_t at;
};

static int
compare_rows(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static int
compare_series(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	if (x->series != y->series)
		return x->series < y->series ? -1 : 1;
	return compare_rows(a, b);
}

void
points_init(struct rows *rows, const struct source_query *query)
{
	struct rows_want want = rows_want_of(query);

	/* An instant answer is chosen from many; no label is the time, whatever its name. */
	if (want.shape == QUERY_INSTANT)
		want.shape = QUERY_ROWS;
	want.time_column = "";
	rows_init_for(rows, &want);
}

void
points_init_plain(struct rows *rows)
{
	const struct rows_want want = { .shape = QUERY_ROWS, .time_column = "" };

	rows_init_for(rows, &want);
}

/* The rows at these places, in this order, and their fields. */
static void
keep_only(struct rows *rows, const struct point *points, size_t n)
{
	const uint32_t n_fields = rows->want.n_fields;
	struct row *items = xcalloc(n + 1, sizeof(*items));
	struct rows_text *fields = xcalloc(n * n_fields + 1, sizeof(*fields));

	for (size_t i = 0; i < n; i++) {
		items[i] = rows->items[points[i].index];
		if (n_fields > 0)
			memcpy(&fields[i * n_fields],
			    &rows->fields[(size_t)points[i].index * n_fields],
			    n_fields * sizeof(*fields));
	}
	free(rows->items);
	free(rows->fields);
	rows->items = items;
	rows->fields = fields;
	rows->n = n;
	rows->cap = n + 1;
	rows->fields_cap = n * n_fields + 1;
}

static void
keep_newest(struct rows *rows, struct point *points, size_t n, bool ties)
{
	size_t kept = n;
	int64_t newest = 0;

	qsort(points, n, sizeof(*points), compare_series);
	for (size_t i = n; i-- > 0;) {
		bool last = i + 1 == n || points[i + 1].series != points[i].series;
		struct point p = points[i];

		if (last)
			newest = p.at;
		/* What is moved away stands behind all that is still to be looked at. */
		if (last || (ties && p.at == newest))
			points[--kept] = p;
	}
	keep_only(rows, points + kept, n - kept);
}

int
points_finish(struct rows *rows, enum query_shape shape, bool ties, wall_t at, wall_t from,
    wall_t to, struct err *err)
{
	struct point *points;
	size_t n = 0;
	int code = rows_close(rows, err);

	if (code < 0)
		return code;
	points = xcalloc(rows->n + 1, sizeof(*points));
	for (size_t i = 0; i < rows->n; i++) {
		struct row *row = &rows->items[i];
		wall_t time = wall_is_set(row->at) ? row->at : at;

		if (shape == QUERY_RANGE)
			row->at = time;
		else if (!wall_before(shape == QUERY_INSTANT ? at : to, time) &&
			 (shape == QUERY_INSTANT || !wall_before(time, from)))
			points[n++] = (struct point){ row->series, (uint32_t)i, time.ns };
	}
	if (shape == QUERY_INSTANT) {
		keep_newest(rows, points, n, ties);
	} else if (shape == QUERY_ROWS) {
		qsort(points, n, sizeof(*points), compare_rows);
		keep_only(rows, points, n);
	}
	free(points);
	return rows_finish(rows, err);
}
