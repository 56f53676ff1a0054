/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: chunks of points as the store gives them back.  Each chunk of
 * the input is a byte with its number, two with its length (little-endian),
 * and its bytes.
 *
 * Beyond not crashing: errors say something, times ascend, and what was
 * accepted is written so that it reads back the same.
 */
#include "config.h"

#include <stdlib.h>

#include "fuzz.h"
#include "rule/past_keep.h"

static void
check_line(const struct past_line *line)
{
	for (uint32_t i = 1; i < line->n; i++)
		if (line->at[line->start + i].ns <= line->at[line->start + i - 1].ns)
			abort();
}

/* As what was read would be kept again. */
static void
check_written(const struct past_need *need, const struct past_line *line)
{
	struct past *past = past_new(need);
	struct past_line *copy = past_line_add(past, STR("copy"));
	const uint64_t end = line->first + line->n;
	struct buf bytes = { 0 };
	struct err err = { 0 };

	for (uint64_t k = line->first / PAST_CHUNK; line->n > 0 && k * PAST_CHUNK < end; k++) {
		buf_clear(&bytes);
		past_chunk_encode(line, k, &bytes);
		if (past_chunk_decode(past, copy, k, buf_str(&bytes), &err) < 0)
			abort();
	}
	if (copy->n != line->n)
		abort();
	for (uint32_t i = 0; i < copy->n; i++)
		if (copy->at[copy->start + i].ns != line->at[line->start + i].ns)
			abort();
	buf_fini(&bytes);
	past_unref(past);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct past_need need = { .window = DUR_S(3600), .step = DUR_S(1) };
	struct past *past = past_new(&need);
	struct past_line *line = past_line_add(past, STR("labels"));
	struct err err;

	while (size >= 3) {
		const uint64_t k = data[0];
		size_t n = (size_t)data[1] | (size_t)data[2] << 8;
		char *exact;

		data += 3;
		size -= 3;
		n = n < size ? n : size;
		/* A copy without a byte to spare, so that a sanitizer sees a step too far. */
		exact = malloc(n > 0 ? n : 1);
		if (exact == NULL)
			abort();
		for (size_t i = 0; i < n; i++)
			exact[i] = (char)data[i];
		err = (struct err){ 0 };
		if (past_chunk_decode(past, line, k, str_make(exact, n), &err) < 0 &&
		    err.text[0] == '\0')
			abort();
		free(exact);
		data += n;
		size -= n;
		check_line(line);
	}
	check_written(&need, line);
	past_unref(past);
	return 0;
}
