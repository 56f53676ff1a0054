/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes frequent items sketches. */
#include "config.h"

#include "stats/frequent.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/xalloc.h"

#define FAMILY_FREQUENT 10
#define FORMAT_VERSION  1
#define EMPTY_BYTES     8
#define HEADER_BYTES    32
#define ITEM_BYTES      12 /* at least: a weight and the length of a text */

static int
by_weight(const void *a, const void *b)
{
	const struct frequent_item *x = a, *y = b;

	if (x->weight != y->weight)
		return x->weight < y->weight ? 1 : -1;
	return str_cmp(x->text, y->text);
}

static enum stats_status
read_items(struct frequent *f, const uint8_t *p, size_t n)
{
	size_t at = HEADER_BYTES + 8 * (size_t)f->n;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < f->n; i++) {
		uint32_t length;

		if (n - at < 4)
			return STATS_INVALID;
		length = get_u32le(p + at);
		at += 4;
		if (n - at < length)
			return STATS_INVALID;
		f->items[i].text = str_make((const char *)p + at, length);
		f->items[i].weight = get_u64le(p + HEADER_BYTES + 8 * (size_t)i);
		at += length;
		if (__builtin_add_overflow(sum, f->items[i].weight, &sum))
			return STATS_INVALID;
	}
	return at == n && sum <= f->total ? STATS_OK : STATS_INVALID;
}

enum stats_status
frequent_init(struct frequent *frequent, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	struct frequent f = { 0 };
	enum stats_status status;

	*frequent = f;
	if (n > FREQUENT_BYTES_MAX)
		return STATS_LIMIT;
	if (n < EMPTY_BYTES || p[1] != FORMAT_VERSION || p[2] != FAMILY_FREQUENT)
		return STATS_INVALID;
	if (p[0] == 1) /* eight bytes: nothing went in */
		return n == EMPTY_BYTES ? STATS_OK : STATS_INVALID;
	if (p[0] != 4 || n < HEADER_BYTES)
		return STATS_INVALID;
	f.n = get_u32le(p + 8);
	f.total = get_u64le(p + 16);
	f.error = get_u64le(p + 24);
	if (f.n > (n - HEADER_BYTES) / ITEM_BYTES || f.error > f.total)
		return STATS_INVALID;
	f.items = xcalloc((size_t)f.n + 1, sizeof(*f.items));
	status = read_items(&f, p, n);
	if (status != STATS_OK) {
		free(f.items);
		return status;
	}
	qsort(f.items, f.n, sizeof(*f.items), by_weight);
	*frequent = f;
	return STATS_OK;
}

void
frequent_fini(struct frequent *frequent)
{
	free(frequent->items);
	*frequent = (struct frequent){ 0 };
}
