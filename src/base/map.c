/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linear probing with back-shift deletion.  The table is at most 7/8 full (half a
 * table of waste would cost more memory than short probes save time), so
 * there is always a free slot; map_next() starts behind one, which keeps a
 * cluster from being walked in two parts (a removal in the second part would
 * move entries already seen to where they are seen again).
 */
#include "base/map.h"

#include <assert.h>
#include <stdlib.h>

#include "base/xalloc.h"

#define MAP_FIRST 8
/* *it: the free slot the walk began behind, and how many slots it has passed.
 */
#define IT_SHIFT 32
static_assert(
    sizeof(size_t) == 8, "map_next() packs two slot numbers into a size_t");

/* Hashes may be weak in the low bits (ids, pointers). */
static inline size_t
home(const struct map *map, uint64_t hash)
{
	uint64_t h = hash * UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(h ^ (h >> 32)) & (map->cap - 1);
}

void
map_fini(struct map *map)
{
	free(map->slots);
	*map = (struct map){ 0 };
}

void *
map_find(const struct map *map, uint64_t hash, map_eq_fn *eq, const void *key)
{
	if (map->n == 0)
		return NULL;
	for (size_t i = home(map, hash); map->slots[i].value != NULL;
	     i = (i + 1) & (map->cap - 1)) {
		const struct map_slot *slot = &map->slots[i];

		if (slot->hash == hash && eq(slot->value, key))
			return slot->value;
	}
	return NULL;
}

static void
put(struct map *map, uint64_t hash, void *value)
{
	size_t i = home(map, hash);

	while (map->slots[i].value != NULL)
		i = (i + 1) & (map->cap - 1);
	map->slots[i] = (struct map_slot){ hash, value };
}

static void
grow(struct map *map)
{
	struct map_slot *old = map->slots;
	size_t old_cap = map->cap;

	map->cap = old_cap != 0 ? old_cap * 2 : MAP_FIRST;
	map->slots = xcalloc(map->cap, sizeof(*map->slots));
	for (size_t i = 0; i < old_cap; i++)
		if (old[i].value != NULL)
			put(map, old[i].hash, old[i].value);
	free(old);
}

void
map_insert(struct map *map, uint64_t hash, void *value)
{
	assert(value != NULL);
	if (map->n + 1 > map->cap - map->cap / 8)
		grow(map);
	put(map, hash, value);
	map->n++;
}

/* Frees slot i and moves back whatever was displaced past it. */
static void
remove_slot(struct map *map, size_t i)
{
	size_t mask = map->cap - 1;

	for (size_t j = (i + 1) & mask; map->slots[j].value != NULL;
	     j = (j + 1) & mask) {
		size_t distance = (j - home(map, map->slots[j].hash)) & mask;

		if (distance >= ((j - i) & mask)) {
			map->slots[i] = map->slots[j];
			i = j;
		}
	}
	map->slots[i] = (struct map_slot){ 0 };
	map->n--;
}

void *
map_remove(struct map *map, uint64_t hash, map_eq_fn *eq, const void *key)
{
	if (map->n == 0)
		return NULL;
	for (size_t i = home(map, hash); map->slots[i].value != NULL;
	     i = (i + 1) & (map->cap - 1)) {
		struct map_slot slot = map->slots[i];

		if (slot.hash == hash && eq(slot.value, key)) {
			remove_slot(map, i);
			return slot.value;
		}
	}
	return NULL;
}

bool
map_remove_value(struct map *map, uint64_t hash, const void *value)
{
	if (map->n == 0)
		return false;
	for (size_t i = home(map, hash); map->slots[i].value != NULL;
	     i = (i + 1) & (map->cap - 1)) {
		if (map->slots[i].value == value) {
			remove_slot(map, i);
			return true;
		}
	}
	return false;
}

static size_t
first_free(const struct map *map)
{
	size_t i = 0;

	while (map->slots[i].value != NULL)
		i++;
	return i;
}

void *
map_next(const struct map *map, size_t *it)
{
	size_t start, passed;

	if (map->n == 0)
		return NULL;
	start = *it != 0 ? *it >> IT_SHIFT : first_free(map);
	passed = *it & UINT32_MAX;
	while (passed + 1 < map->cap) {
		void *value;

		passed++;
		value = map->slots[(start + passed) & (map->cap - 1)].value;
		if (value != NULL) {
			*it = start << IT_SHIFT | passed;
			return value;
		}
	}
	*it = start << IT_SHIFT | passed;
	return NULL;
}

void
map_remove_at(struct map *map, size_t *it)
{
	size_t start = *it >> IT_SHIFT, passed = *it & UINT32_MAX;

	remove_slot(map, (start + passed) & (map->cap - 1));
	/* Look at the same slot again: the next entry may have moved there. */
	*it = start << IT_SHIFT | (passed - 1);
}
