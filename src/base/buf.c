/* SPDX-License-Identifier: Apache-2.0 */
/* Growable bytes with a maximum: the parts that are not inline. */
#include "base/buf.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"

#define BUF_FIRST 64

void
buf_init(struct buf *buf, size_t max)
{
	*buf = (struct buf){ .max = max };
}

void
buf_fini(struct buf *buf)
{
	free(buf->p);
	*buf = (struct buf){ .max = buf->max };
}

void
buf_clear(struct buf *buf)
{
	buf->n = 0;
	buf->overflow = false;
	if (buf->p != NULL)
		buf->p[0] = '\0';
}

char *
buf_take(struct buf *buf)
{
	char *p = buf->p != NULL ? buf->p : xstrdup("");

	*buf = (struct buf){ .max = buf->max };
	return p;
}

/* Room for more bytes and the NUL; false (and overflow) when past the maximum.
 */
static bool
make_room(struct buf *buf, size_t more)
{
	size_t max = buf->max != 0 ? buf->max : BUF_MAX_DEFAULT;
	size_t cap = buf->cap;

	if (buf->overflow)
		return false;
	if (more > max || buf->n > max - more) {
		buf->overflow = true;
		return false;
	}
	if (buf->n + more < cap)
		return true;
	if (cap < BUF_FIRST)
		cap = BUF_FIRST;
	while (cap <= buf->n + more)
		cap *= 2;
	if (cap > max + 1)
		cap = max + 1;
	buf->p = xrealloc(buf->p, cap, 1);
	buf->p[buf->n] = '\0';
	buf->cap = cap;
	return true;
}

void
buf_reserve(struct buf *buf, size_t more)
{
	size_t max = buf->max != 0 ? buf->max : BUF_MAX_DEFAULT;

	/* Room reserved in vain is no overflow. */
	if (more > max - buf->n)
		more = max - buf->n;
	make_room(buf, more);
}

void
buf_put_slow(struct buf *buf, const void *p, size_t n)
{
	if (n == 0 || !make_room(buf, n))
		return;
	memcpy(buf->p + buf->n, p, n);
	buf->n += n;
	buf->p[buf->n] = '\0';
}

void
buf_vprintf(struct buf *buf, const char *fmt, va_list ap)
{
	size_t room = buf->cap - buf->n;
	va_list again;
	int n;

	if (buf->overflow)
		return;
	va_copy(again, ap);
	n = vsnprintf(room != 0 ? buf->p + buf->n : NULL, room, fmt, ap);
	if (n >= 0 && (size_t)n < room) {
		buf->n += (size_t)n;
	} else {
		if (buf->p != NULL)
			buf->p[buf->n] = '\0';
		if (n >= 0 && make_room(buf, (size_t)n)) {
			vsnprintf(buf->p + buf->n, (size_t)n + 1, fmt, again);
			buf->n += (size_t)n;
		}
	}
	va_end(again);
}

void
buf_printf(struct buf *buf, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(buf, fmt, ap);
	va_end(ap);
}

void
buf_put_i64(struct buf *buf, int64_t v)
{
	char text[24], *p = text + sizeof(text);
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	do {
		*--p = (char)('0' + u % 10);
		u /= 10;
	} while (u != 0);
	if (v < 0)
		*--p = '-';
	buf_put(buf, p, (size_t)(text + sizeof(text) - p));
}

void
buf_put_u32le(struct buf *buf, uint32_t v)
{
	v = htole32(v);
	buf_put(buf, &v, sizeof(v));
}

void
buf_put_u64le(struct buf *buf, uint64_t v)
{
	v = htole64(v);
	buf_put(buf, &v, sizeof(v));
}

uint32_t
get_u32le(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return le32toh(v);
}

uint64_t
get_u64le(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}
