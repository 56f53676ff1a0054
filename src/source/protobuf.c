/* SPDX-License-Identifier: Apache-2.0 */
/* Varints, and the five lines of protobuf's wire format that are still in use. */
#include "config.h"

#include "source/protobuf.h"

#include <string.h>

#include "base/buf.h"

#define VARINT_BYTES_MAX 10

struct pb_reader
pb_reader_of(struct str bytes)
{
	return (struct pb_reader){ .rest = bytes };
}

static bool
fail(struct pb_reader *r)
{
	r->failed = true;
	r->rest = str_make(r->rest.p, 0);
	return false;
}

static void
drop(struct pb_reader *r, uint32_t n)
{
	r->rest = str_make(r->rest.p + n, r->rest.n - n);
}

bool
pb_varint(struct pb_reader *r, uint64_t *ret)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < VARINT_BYTES_MAX && i < r->rest.n; i++) {
		uint64_t bits = (unsigned char)r->rest.p[i];

		if (i == VARINT_BYTES_MAX - 1 && bits > 1)
			break;
		value |= (bits & 127) << 7 * i;
		if (bits < 128) {
			drop(r, i + 1);
			*ret = value;
			return true;
		}
	}
	return fail(r);
}

bool
pb_delimited(struct pb_reader *r, struct str *ret)
{
	uint64_t n;

	if (!pb_varint(r, &n))
		return false;
	if (n > r->rest.n)
		return fail(r);
	*ret = str_make(r->rest.p, n);
	drop(r, (uint32_t)n);
	return true;
}

bool
pb_next(struct pb_reader *r, struct pb_field *ret)
{
	uint64_t tag;

	if (r->rest.n == 0 || !pb_varint(r, &tag))
		return false;
	*ret = (struct pb_field){ .number = (uint32_t)(tag >> 3), .type = (enum pb_type)(tag & 7) };
	if (tag >> 3 == 0 || tag >> 3 > (1u << 29) - 1)
		return fail(r);
	switch (tag & 7) {
	case PB_VARINT:
		return pb_varint(r, &ret->value);
	case PB_BYTES:
		return pb_delimited(r, &ret->bytes);
	case PB_I64:
		if (r->rest.n < 8)
			return fail(r);
		ret->value = get_u64le(r->rest.p);
		drop(r, 8);
		return true;
	case PB_I32:
		if (r->rest.n < 4)
			return fail(r);
		ret->value = get_u32le(r->rest.p);
		drop(r, 4);
		return true;
	default:
		return fail(r);
	}
}

double
pb_double(uint64_t bits)
{
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

double
pb_float(uint64_t bits)
{
	uint32_t narrow = (uint32_t)bits;
	float v;

	memcpy(&v, &narrow, sizeof(v));
	return (double)v;
}

bool
pb_entry(struct str bytes, struct pb_field *ret_key, struct pb_field *ret_value)
{
	struct pb_reader r = pb_reader_of(bytes);
	struct pb_field field;

	*ret_key = (struct pb_field){ .number = 1, .type = PB_BYTES };
	*ret_value = (struct pb_field){ .number = 2, .type = PB_BYTES };
	while (pb_next(&r, &field))
		if (field.number == 1)
			*ret_key = field;
		else if (field.number == 2)
			*ret_value = field;
	return !r.failed;
}
