/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Growable bytes with a maximum.
 *
 * Appending past `max` sets `overflow`, drops that piece and every later
 * one; the caller tests it once, at the end.  The content is always followed
 * by a NUL that is not counted.  { 0 } is a valid empty buffer without limit
 * of its own (BUF_MAX_DEFAULT applies).
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "base/str.h"

#define BUF_MAX_DEFAULT ((size_t)1 << 30)

struct buf {
	char *p;
	size_t n, cap;
	size_t max; /* 0: BUF_MAX_DEFAULT */
	bool overflow;
};

void buf_init(struct buf *buf, size_t max);
void buf_fini(struct buf *buf);
void buf_clear(struct buf *buf); /* empty, memory kept */
char *buf_take(struct buf *buf); /* the NUL-terminated content, now the caller's (free()); buf is empty */
void buf_reserve(struct buf *buf, size_t more);
void buf_put_slow(struct buf *buf, const void *p, size_t n); /* grows; for the functions below */
void buf_printf(struct buf *buf, const char *fmt, ...) PRINTF(2, 3);
void buf_vprintf(struct buf *buf, const char *fmt, va_list ap) PRINTF(2, 0);
void buf_put_i64(struct buf *buf, int64_t v);
/* Little-endian binary, for the encodings that go to disk. */
void buf_put_u32le(struct buf *buf, uint32_t v);
void buf_put_u64le(struct buf *buf, uint64_t v);
uint32_t get_u32le(const void *p);
uint64_t get_u64le(const void *p);

static inline struct str
buf_str(const struct buf *buf)
{
	return (struct str){ buf->p != NULL ? buf->p : "", (uint32_t)buf->n };
}

static inline void
buf_put(struct buf *buf, const void *p, size_t n)
{
	/* cap - n leaves room for the NUL; cap never exceeds max + 1. */
	if (n < buf->cap - buf->n && n != 0 && !buf->overflow) {
		memcpy(buf->p + buf->n, p, n);
		buf->n += n;
		buf->p[buf->n] = '\0';
	} else {
		buf_put_slow(buf, p, n);
	}
}

static inline void
buf_putc(struct buf *buf, char c)
{
	if (buf->cap - buf->n > 1 && !buf->overflow) {
		buf->p[buf->n++] = c;
		buf->p[buf->n] = '\0';
	} else {
		buf_put_slow(buf, &c, 1);
	}
}

static inline void
buf_puts(struct buf *buf, const char *z)
{
	buf_put(buf, z, strlen(z));
}

static inline void
buf_put_str(struct buf *buf, struct str s)
{
	buf_put(buf, s.p, s.n);
}
