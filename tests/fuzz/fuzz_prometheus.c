/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: answers of Prometheus' query API.
 *
 * Beyond not crashing: an error has a text and leaves the result alone, keys
 * lie inside the body, and no answer that is cut short is accepted.  The
 * points of a range stand by series, in order of time.
 */
#include "config.h"

#include <stdlib.h>

#include "fuzz.h"
#include "source/rows.h"
#include "source/source.h"

static bool
inside(struct str key, struct str body)
{
	return key.n == 0 || (key.p >= body.p && key.p + key.n <= body.p + body.n);
}

/* Ranges and rows of the same body. */
static void
decode_rows(struct str body, enum query_shape shape)
{
	static const char *const fields[] = { "job", "le" };
	const struct rows_want want = { .shape = shape, .fields = fields, .n_fields = 2 };
	struct arena *arena = arena_new(0);
	struct vector vector = { NULL, 0 };
	struct err err = { 0 };
	struct rows rows;

	rows_init_for(&rows, &want);
	if (prometheus_decode_rows(body, 200, (wall_t){ 0 }, &rows, arena, &err) == 0 &&
	    rows_finish(&rows, &err) == 0)
		rows_keep(&rows, arena, &vector);
	else if (err.text[0] == '\0')
		abort();
	for (uint32_t i = 1; i < vector.n && shape == QUERY_RANGE; i++)
		if (str_eq(vector.samples[i].key, vector.samples[i - 1].key) &&
		    !wall_before(vector.samples[i - 1].at, vector.samples[i].at))
			abort();
	rows_fini(&rows);
	arena_free(arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str body = str_trim(str_make((const char *)data, size));
	struct arena *arena = arena_new(0);
	struct vector vector = { NULL, UINT32_MAX };
	struct err err = { 0 };

	if (prometheus_decode(body, 200, (wall_t){ 0 }, arena, &vector, &err) < 0) {
		if (err.text[0] == '\0' || vector.n != UINT32_MAX)
			abort();
	} else {
		if (vector.n > SERIES_MAX)
			abort();
		for (uint32_t i = 0; i < vector.n; i++)
			if (!inside(vector.samples[i].key, body))
				abort();
		if (prometheus_decode(str_make(body.p, body.n - 1), 200, (wall_t){ 0 }, arena,
			&vector, &err) == 0)
			abort();
	}
	decode_rows(body, QUERY_ROWS);
	decode_rows(body, QUERY_RANGE);
	arena_free(arena);
	return 0;
}
