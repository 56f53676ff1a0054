/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "unit/source/decode_write.h"

#include <check.h>

struct reader {
	const unsigned char *p;
	size_t n;
};

static uint64_t
varint(struct reader *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		unsigned char c;

		ck_assert_uint_gt(r->n, 0);
		c = *r->p++;
		r->n--;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (c < 0x80)
			return v;
	}
	ck_abort_msg("varint too long");
	return 0;
}

static struct reader
bytes(struct reader *r, uint64_t n)
{
	struct reader part = { r->p, (size_t)n };

	ck_assert_uint_le(n, r->n);
	r->p += n;
	r->n -= (size_t)n;
	return part;
}

static uint64_t
little(struct reader *r, unsigned n)
{
	struct reader part = bytes(r, n);
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v |= (uint64_t)part.p[i] << (8 * i);
	return v;
}

static void
copy(struct buf *out, uint64_t offset, uint64_t n)
{
	ck_assert_uint_gt(offset, 0);
	ck_assert_uint_le(offset, out->n);
	for (; n > 0; n--)
		buf_putc(out, out->p[out->n - offset]);
}

void
unpack(struct str packed, struct buf *out)
{
	struct reader r = { (const unsigned char *)packed.p, packed.n };
	uint64_t want = varint(&r);

	while (r.n > 0) {
		unsigned tag = (unsigned)little(&r, 1);
		uint64_t n = tag >> 2;
		struct reader part;

		switch (tag & 3) {
		case 0:
			n = n < 60 ? n + 1 : little(&r, (unsigned)n - 59) + 1;
			part = bytes(&r, n);
			buf_put(out, part.p, part.n);
			break;
		case 1:
			copy(out, (uint64_t)(tag >> 5) << 8 | little(&r, 1), (n & 7) + 4);
			break;
		case 2:
			copy(out, little(&r, 2), n + 1);
			break;
		default:
			copy(out, little(&r, 4), n + 1);
			break;
		}
	}
	ck_assert_uint_eq(out->n, want);
}

static struct reader
field(struct reader *r, unsigned char tag)
{
	ck_assert_uint_gt(r->n, 0);
	ck_assert_uint_eq(*r->p, tag);
	r->p++;
	r->n--;
	return bytes(r, varint(r));
}

static void
put_sample(struct reader r, struct buf *out)
{
	uint64_t bits;
	double value;

	ck_assert_uint_eq(little(&r, 1), 0x09);
	bits = little(&r, 8);
	memcpy(&value, &bits, sizeof(value));
	if (bits == UINT64_C(0x7ff0000000000002))
		buf_puts(out, " stale");
	else if (bits == UINT64_C(0x7ff8000000000001))
		buf_puts(out, " NaN");
	else
		buf_printf(out, " %.17g", value);
	ck_assert_uint_eq(little(&r, 1), 0x10);
	buf_printf(out, " @%llu\n", (unsigned long long)varint(&r));
	ck_assert_uint_eq(r.n, 0);
}

static void
put_series(struct reader r, struct buf *out)
{
	struct reader last = { (const unsigned char *)"", 0 };
	bool any = false;

	buf_putc(out, '{');
	while (r.n > 0 && *r.p == 0x0a) {
		struct reader label = field(&r, 0x0a);
		struct reader name = field(&label, 0x0a), value = field(&label, 0x12);

		ck_assert_uint_eq(label.n, 0);
		ck_assert_uint_gt(value.n, 0);
		ck_assert_msg(str_cmp(str_make((const char *)last.p, last.n),
				  str_make((const char *)name.p, name.n)) < 0,
		    "labels must be sorted");
		last = name;
		buf_printf(out, "%s%.*s=\"%.*s\"", any ? ", " : "", (int)name.n,
		    (const char *)name.p, (int)value.n, (const char *)value.p);
		any = true;
	}
	buf_putc(out, '}');
	put_sample(field(&r, 0x12), out);
	ck_assert_uint_eq(r.n, 0);
}

void
decode_write(struct str body, struct buf *out)
{
	struct buf plain = { 0 };
	struct reader r;

	unpack(body, &plain);
	r = (struct reader){ (const unsigned char *)plain.p, plain.n };
	while (r.n > 0)
		put_series(field(&r, 0x0a), out);
	buf_fini(&plain);
}
