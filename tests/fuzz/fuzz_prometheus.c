/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: answers of Prometheus' query API.
 *
 * Beyond not crashing: an error has a text and leaves the result alone, keys
 * lie inside the body, and no answer that is cut short is accepted.
 */
#include "config.h"

#include <stdlib.h>

#include "fuzz.h"
#include "source/source.h"

static bool
inside(struct str key, struct str body)
{
	return key.n == 0 ||
	       (key.p >= body.p && key.p + key.n <= body.p + body.n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str body = str_trim(str_make((const char *)data, size));
	struct arena *arena = arena_new(0);
	struct vector vector = { NULL, UINT32_MAX };
	struct err err = { 0 };

	if (prometheus_decode(body, 200, (wall_t){ 0 }, arena, &vector, &err) <
	    0) {
		if (err.text[0] == '\0' || vector.n != UINT32_MAX)
			abort();
	} else {
		if (vector.n > SERIES_MAX)
			abort();
		for (uint32_t i = 0; i < vector.n; i++)
			if (!inside(vector.samples[i].key, body))
				abort();
		if (prometheus_decode(str_make(body.p, body.n - 1), 200,
			(wall_t){ 0 }, arena, &vector, &err) == 0)
			abort();
	}
	arena_free(arena);
	return 0;
}
