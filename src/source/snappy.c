/* SPDX-License-Identifier: Apache-2.0 */
/* Snappy's block format; see the header. */
#include "config.h"

#include "source/snappy.h"

#include <stdint.h>
#include <string.h>

#define BLOCK_BYTES  (64u << 10)
#define TABLE_BITS   11
#define MATCH_MIN    4u
#define COPY_MAX     64u
#define SKIP_SHIFT   5 /* the longer nothing matches, the larger the steps */
#define TAG_LITERAL  0u
#define TAG_COPY_TWO 2u

static void
put_varint(struct buf *out, uint32_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_putc(out, (char)(v | 0x80));
	buf_putc(out, (char)v);
}

/* "lengths up to 60 are in the tag, longer ones in 1 to 4 bytes behind it" */
static void
put_literal(struct buf *out, const char *p, uint32_t n)
{
	uint32_t less = n - 1;

	if (n == 0)
		return;
	if (less < 60) {
		buf_putc(out, (char)(less << 2 | TAG_LITERAL));
	} else if (less < 256) {
		buf_putc(out, (char)(60u << 2 | TAG_LITERAL));
		buf_putc(out, (char)less);
	} else {
		buf_putc(out, (char)(61u << 2 | TAG_LITERAL));
		buf_putc(out, (char)(less & 0xff));
		buf_putc(out, (char)(less >> 8));
	}
	buf_put(out, p, n);
}

static void
put_copy(struct buf *out, uint32_t offset, uint32_t n)
{
	while (n > 0) {
		uint32_t part = n < COPY_MAX ? n : COPY_MAX;

		buf_putc(out, (char)((part - 1) << 2 | TAG_COPY_TWO));
		buf_putc(out, (char)(offset & 0xff));
		buf_putc(out, (char)(offset >> 8));
		n -= part;
	}
}

static uint32_t
load(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t
slot_of(uint32_t v)
{
	return (v * UINT32_C(0x1e35a7bd)) >> (32 - TABLE_BITS);
}

static uint32_t
match_length(const char *p, uint32_t old, uint32_t now, uint32_t n)
{
	uint32_t length = MATCH_MIN;

	while (now + length < n && p[old + length] == p[now + length])
		length++;
	return length;
}

/* n is at most BLOCK_BYTES, so that positions and offsets have 16 bits. */
static void
compress_block(const char *p, uint32_t n, struct buf *out)
{
	uint16_t table[1u << TABLE_BITS] = { 0 };
	uint32_t at = 1, literal = 0, missed = 0;

	while (n >= MATCH_MIN && at <= n - MATCH_MIN) {
		uint32_t now = load(p + at), slot = slot_of(now), old = table[slot], length;

		table[slot] = (uint16_t)at;
		if (old >= at || load(p + old) != now) {
			at += 1 + (missed++ >> SKIP_SHIFT);
			continue;
		}
		length = match_length(p, old, at, n);
		put_literal(out, p + literal, at - literal);
		put_copy(out, at - old, length);
		at += length;
		literal = at;
		missed = 0;
	}
	put_literal(out, p + literal, n - literal);
}

void
snappy_compress(struct str in, struct buf *out)
{
	put_varint(out, in.n);
	for (uint32_t at = 0; at < in.n; at += BLOCK_BYTES) {
		uint32_t n = in.n - at < BLOCK_BYTES ? in.n - at : BLOCK_BYTES;

		compress_block(in.p + at, n, out);
	}
}
