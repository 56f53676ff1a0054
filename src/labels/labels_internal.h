/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share and nobody else needs. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "labels/labels.h"

/* What malloc really takes for a request of this size (glibc's rounding). */
static inline size_t
malloc_bytes(size_t request)
{
	return (request + sizeof(size_t) + 15) & ~(size_t)15;
}

/* A string's hash as kept in its istr. */
static inline uint32_t
istr_hash(struct str s)
{
	uint64_t hash = hash_bytes(s.n > 0 ? s.p : "", s.n);

	return (uint32_t)(hash ^ hash >> 32);
}

/* istr_intern() for who has istr_hash(s) already. */
struct istr *istr_intern_hashed(struct str s, uint32_t hash);
size_t istr_bytes(void);

/*
 * Interns n views that are sorted by name and without duplicates; +1
 * reference.  Values may be empty: annotations keep them.  NULL and err when
 * over a limit, not UTF-8 or a name is empty.
 */
struct labels *labels_intern_sorted(const struct label_view *views, uint32_t n, struct err *err);
