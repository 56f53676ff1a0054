/* SPDX-License-Identifier: Apache-2.0 */
/* Sorts points by series and time, and drops those nobody asked for. */
#include "config.h"

#include "source/points.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

/* A point and what it is compared by. */
struct point {
	const char *key;
	uint32_t key_n;
	int64_t at;
	size_t index; /* where it stood */
};

static int
by_time(const struct point *x, const struct point *y)
{
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static int
compare_rows(const void *a, const void *b)
{
	return by_time(a, b);
}

static int
same_series(const struct point *x, const struct point *y)
{
	uint32_t n = x->key_n < y->key_n ? x->key_n : y->key_n;
	int order = n > 0 ? memcmp(x->key, y->key, n) : 0;

	return order != 0 ? order : x->key_n < y->key_n ? -1 : x->key_n > y->key_n;
}

static int
compare_series(const void *a, const void *b)
{
	int order = same_series(a, b);

	return order != 0 ? order : by_time(a, b);
}

/* Does the point after this one, of the same series, say what this one says? */
static bool
is_superseded(const struct point *p, const struct point *next, enum query_shape shape, wall_t from,
    dur_t step)
{
	switch (shape) {
	case QUERY_INSTANT:
		return true;
	case QUERY_RANGE:
		return p->at == next->at || (step.ns > 0 && (p->at - from.ns) / step.ns ==
								(next->at - from.ns) / step.ns);
	case QUERY_ROWS:
	case QUERY_SHAPE_COUNT:
		break;
	}
	return false;
}

void
points_arrange(struct rows *rows, enum query_shape shape, bool ties, wall_t at, wall_t from,
    wall_t to, dur_t step)
{
	struct point *points = xcalloc(rows->n + 1, sizeof(*points));
	struct row *items = xcalloc(rows->n + 1, sizeof(*items));
	size_t n = 0, kept = rows->n;
	int64_t newest = 0;

	for (size_t i = 0; i < rows->n; i++) {
		const struct row *row = &rows->items[i];
		wall_t time = wall_is_set(row->at) ? row->at : at;

		if (wall_before(shape == QUERY_INSTANT ? at : to, time) ||
		    (shape != QUERY_INSTANT && wall_before(time, from)))
			continue;
		points[n++] = (struct point){ rows->keys.p + row->key_at, row->key_n, time.ns, i };
	}
	qsort(points, n, sizeof(*points), shape == QUERY_ROWS ? compare_rows : compare_series);
	for (size_t i = n; i-- > 0;) {
		const struct point *p = &points[i], *next = i + 1 < n ? &points[i + 1] : NULL;

		if (next == NULL || same_series(p, next) != 0)
			newest = p->at;
		else if (ties && shape == QUERY_INSTANT ? p->at != newest
							: is_superseded(p, next, shape, from, step))
			continue;
		items[--kept] = rows->items[p->index];
	}
	memmove(items, items + kept, (rows->n - kept) * sizeof(*items));
	free(points);
	free(rows->items);
	rows->items = items;
	rows->cap = rows->n + 1;
	rows->n -= kept;
}
