/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: what goes out by remote write (source/snappy.c and the encoder
 * of source/remote_write.c), read back by the unit tests' decoder, which
 * refuses anything that its specification does not have.
 *
 * The first byte says how often the rest is repeated before it is packed: the
 * packer works in blocks of 64 KiB.  The rest is also the label set of a
 * sample: value of eight bytes, then names and values between zeros.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "source/remote_write.h"
#include "source/snappy.h"
#include "unit/source/decode_write.h"

#define PLAIN_MAX (200u << 10)

static void
check_packing(struct str plain)
{
	struct buf packed = { 0 }, back = { 0 };

	snappy_compress(plain, &packed);
	unpack(buf_str(&packed), &back);
	if (!str_eq(buf_str(&back), plain) || packed.n > plain.n + plain.n / 6 + 32)
		abort();
	buf_fini(&packed);
	buf_fini(&back);
}

static struct str
next_text(struct str *rest)
{
	const char *end = rest->n > 0 ? memchr(rest->p, '\0', rest->n) : NULL;
	struct str text = *rest;

	if (end != NULL)
		text.n = (uint32_t)(end - rest->p);
	rest->p += text.n + (end != NULL);
	rest->n -= text.n + (end != NULL);
	return text;
}

static void
check_sample(struct str input)
{
	struct arena *arena = arena_new(0);
	struct buf body = { 0 }, packed = { 0 }, text = { 0 };
	struct write_sample sample = { .at = { INT64_C(1763621040000000000) } };
	struct labels_builder b;
	struct err err = { 0 };
	struct labels *labels;

	labels_builder_init(&b, arena);
	memcpy(&sample.value, input.p, sizeof(sample.value));
	for (input = str_make(input.p + 8, input.n - 8); input.n > 0;) {
		struct str name = next_text(&input);

		labels_builder_set(&b, name, next_text(&input));
	}
	labels = labels_intern(&b, &err);
	if (labels != NULL) {
		sample.labels = labels;
		sample.stale = labels->n % 2 == 1;
		remote_write_encode(&sample, &body);
		snappy_compress(buf_str(&body), &packed);
		decode_write(buf_str(&packed), &text);
		if (text.n == 0)
			abort();
	}
	labels_unref(labels);
	buf_fini(&body);
	buf_fini(&packed);
	buf_fini(&text);
	arena_free(arena);
	if (labels_live() != 0 || istr_live() != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf plain = { 0 };

	if (size == 0)
		return 0;
	for (unsigned i = 0; i <= data[0]; i++) {
		if (plain.n + size > PLAIN_MAX)
			break;
		buf_put(&plain, (const char *)data + 1, size - 1);
	}
	check_packing(buf_str(&plain));
	buf_fini(&plain);
	if (size > 9)
		check_sample(str_make((const char *)data + 1, size - 1));
	return 0;
}
