/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash map from a 64-bit hash and an equality test to a pointer.
 *
 * Open addressing, power-of-two table, no tombstones (back-shift deletion).
 * The map owns neither keys nor values.  { 0 } is a valid empty map.  During
 * a walk with map_next() only the current entry may be removed, by
 * map_remove_at().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot {
	uint64_t hash;
	void *value; /* NULL: free */
};

struct map {
	struct map_slot *slots;
	size_t n, cap;
};

/* Does the stored value answer to this key? */
typedef bool map_eq_fn(const void *value, const void *key);

void map_fini(struct map *map);
void *map_find(const struct map *map, uint64_t hash, map_eq_fn *eq, const void *key);
/* The key must not be present. */
void map_insert(struct map *map, uint64_t hash, void *value);
/* Removes and returns it, or NULL. */
void *map_remove(struct map *map, uint64_t hash, map_eq_fn *eq, const void *key);
/* Removes exactly this value (pointer equality); true if it was there. */
bool map_remove_value(struct map *map, uint64_t hash, const void *value);
/* for (size_t it = 0; (v = map_next(map, &it)) != NULL; ) */
void *map_next(const struct map *map, size_t *it);
/* Removes the value that map_next(map, &it) has just returned; it stays valid for the next call. */
void map_remove_at(struct map *map, size_t *it);
