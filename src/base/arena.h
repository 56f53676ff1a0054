/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is given back all at once.
 *
 * Bump chunks; arena_reset() keeps the first one.  Zeroed memory is returned,
 * aligned to 16 bytes.  With --enable-arena-debug every allocation is a malloc
 * of its own, so that AddressSanitizer and valgrind see overruns.
 */
#pragma once

#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;

struct arena *arena_new(size_t first_chunk_bytes); /* 0: 4 KiB */
void arena_free(struct arena *arena);              /* accepts NULL */
void arena_reset(struct arena *arena);
void *arena_alloc(struct arena *arena, size_t bytes);
void *arena_array(struct arena *arena, size_t count, size_t bytes); /* overflow aborts */
char *arena_strdup(struct arena *arena, const char *z);
struct str arena_str(struct arena *arena, struct str s); /* a NUL-terminated copy */
char *arena_printf(struct arena *arena, const char *fmt, ...) PRINTF(2, 3);
/* From now on p, of malloc(), is freed with the arena's own memory. Accepts NULL. */
void arena_adopt(struct arena *arena, void *p);
size_t arena_bytes(const struct arena *arena); /* allocated from the system */

#define ARENA_NEW(arena, T) ((T *)arena_alloc((arena), sizeof(T)))
#define ARENA_ARRAY(arena, count, T) ((T *)arena_array((arena), (count), sizeof(T)))
