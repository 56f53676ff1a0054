/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bump allocation in chunks.  Chunks double up to CHUNK_MAX; a larger piece
 * gets a chunk of its own.  With ARENA_DEBUG every piece is its own malloc.
 */
#ifdef HAVE_CONFIG_H
#	include "config.h"
#endif

#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/xalloc.h"

#define CHUNK_FIRST 4096
#ifndef ARENA_DEBUG
#	define CHUNK_MAX ((size_t)1 << 20)
#	define ALIGNMENT ((size_t)16)
#endif

struct chunk {
	struct chunk *next; /* the one made before it */
	size_t bytes;       /* of data */
	_Alignas(16) char data[];
};

struct adopted { /* lives in the arena itself */
	struct adopted *next;
	void *p;
};

struct arena {
	struct chunk *chunks; /* newest first */
	struct adopted *adopted;
	char *p, *end; /* free part of the newest */
	size_t first_bytes, next_bytes;
	size_t total;
};

static void
add_chunk(struct arena *arena, size_t bytes)
{
	struct chunk *chunk;

	if (bytes > SIZE_MAX / 2)
		xrealloc(NULL, bytes, SIZE_MAX); /* aborts, naming the size */
	chunk = xmalloc(sizeof(*chunk) + bytes);
	chunk->bytes = bytes;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	arena->p = chunk->data;
	arena->end = chunk->data + bytes;
	arena->total += sizeof(*chunk) + bytes;
}

struct arena *
arena_new(size_t first_chunk_bytes)
{
	struct arena *arena = xcalloc(1, sizeof(*arena));

	arena->first_bytes = first_chunk_bytes != 0 ? first_chunk_bytes : CHUNK_FIRST;
	arena->next_bytes = arena->first_bytes;
	arena->total = sizeof(*arena);
	return arena;
}

/* Gives back all chunks, or all but the oldest. */
static void
drop_chunks(struct arena *arena, bool keep_first)
{
	for (struct adopted *a = arena->adopted; a != NULL; a = a->next)
		free(a->p);
	arena->adopted = NULL;
	while (arena->chunks != NULL && (!keep_first || arena->chunks->next != NULL)) {
		struct chunk *chunk = arena->chunks;

		arena->chunks = chunk->next;
		arena->total -= sizeof(*chunk) + chunk->bytes;
		free(chunk);
	}
}

void
arena_free(struct arena *arena)
{
	if (arena == NULL)
		return;
	drop_chunks(arena, false);
	free(arena);
}

void
arena_reset(struct arena *arena)
{
#ifdef ARENA_DEBUG
	drop_chunks(arena, false);
	arena->p = arena->end = NULL;
#else
	drop_chunks(arena, true);
	if (arena->chunks != NULL) {
		arena->p = arena->chunks->data;
		arena->end = arena->p + arena->chunks->bytes;
	}
	arena->next_bytes = arena->first_bytes * 2;
#endif
}

void *
arena_alloc(struct arena *arena, size_t bytes)
{
	char *p;

#ifdef ARENA_DEBUG
	add_chunk(arena, bytes != 0 ? bytes : 1);
	p = arena->p;
#else
	size_t rounded = (bytes + ALIGNMENT - 1) & ~(ALIGNMENT - 1);

	if (rounded < bytes)
		xrealloc(NULL, bytes, SIZE_MAX); /* aborts, naming the size */
	if (rounded == 0)
		rounded = ALIGNMENT;
	if (arena->p == NULL || (size_t)(arena->end - arena->p) < rounded) {
		add_chunk(arena, rounded > arena->next_bytes ? rounded : arena->next_bytes);
		if (arena->next_bytes < CHUNK_MAX)
			arena->next_bytes *= 2;
	}
	p = arena->p;
	arena->p += rounded;
#endif
	memset(p, 0, bytes);
	return p;
}

void *
arena_array(struct arena *arena, size_t count, size_t bytes)
{
	size_t total;

	if (__builtin_mul_overflow(count, bytes, &total))
		return xrealloc(NULL, count, bytes); /* aborts, naming the size */
	return arena_alloc(arena, total);
}

char *
arena_strdup(struct arena *arena, const char *z)
{
	size_t n = strlen(z);
	char *p = arena_alloc(arena, n + 1);

	memcpy(p, z, n);
	return p;
}

struct str
arena_str(struct arena *arena, struct str s)
{
	char *p = arena_alloc(arena, (size_t)s.n + 1);

	if (s.n != 0)
		memcpy(p, s.p, s.n);
	return str_make(p, s.n);
}

char *
arena_printf(struct arena *arena, const char *fmt, ...)
{
	char text[256], *p;
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	p = arena_alloc(arena, (size_t)n + 1);
	if ((size_t)n < sizeof(text))
		memcpy(p, text, (size_t)n);
	else
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}

void
arena_adopt(struct arena *arena, void *p)
{
	struct adopted *adopted;

	if (p == NULL)
		return;
	adopted = ARENA_NEW(arena, struct adopted);
	adopted->p = p;
	adopted->next = arena->adopted;
	arena->adopted = adopted;
}

size_t
arena_bytes(const struct arena *arena)
{
	return arena->total;
}
