/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of interned strings: each distinct string once, counted.
 *
 * One table for names and values alike, owned by the loop thread, so there is
 * no lock.  An empty table holds no memory.
 */
#include "config.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/xalloc.h"
#include "labels/labels.h"
#include "labels/labels_internal.h"

static struct {
	struct map map;
	size_t bytes; /* of the strings, without the map */
} table;

static bool
istr_is(const void *value, const void *key)
{
	const struct istr *istr = value;
	const struct str *s = key;

	return istr->n == s->n &&
	    (s->n == 0 || memcmp(istr->p, s->p, s->n) == 0);
}

static size_t
istr_size(uint32_t n)
{
	return malloc_bytes(offsetof(struct istr, p) + n + 1);
}

struct istr *
istr_intern_hashed(struct str s, uint32_t hash)
{
	struct istr *istr = map_find(&table.map, hash, istr_is, &s);

	if (istr != NULL)
		return istr_ref(istr);
	istr = xmalloc(offsetof(struct istr, p) + s.n + 1);
	istr->refs = 1;
	istr->n = s.n;
	istr->hash = hash;
	if (s.n > 0)
		memcpy(istr->p, s.p, s.n);
	istr->p[s.n] = '\0';
	map_insert(&table.map, hash, istr);
	table.bytes += istr_size(s.n);
	return istr;
}

struct istr *
istr_intern(struct str s)
{
	return istr_intern_hashed(s, istr_hash(s));
}

struct istr *
istr_ref(struct istr *s)
{
	s->refs++;
	return s;
}

void
istr_unref(struct istr *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	map_remove_value(&table.map, s->hash, s);
	table.bytes -= istr_size(s->n);
	free(s);
	if (table.map.n == 0)
		map_fini(&table.map);
}

size_t
istr_live(void)
{
	return table.map.n;
}

size_t
istr_bytes(void)
{
	return table.bytes + table.map.cap * sizeof(struct map_slot);
}
