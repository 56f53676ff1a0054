/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Intrusive binary heap ordered by an int64 key (smallest first).
 *
 * The node is embedded in its owner; the heap holds pointers only.  Equal
 * keys come out in the order of insertion, so that runs are reproducible.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
	int64_t key;
	uint64_t seq;
	size_t index; /* 1-based; 0: not in a heap */
};

struct heap {
	struct heap_node **nodes;
	size_t n, cap;
	uint64_t seq;
};

void heap_fini(struct heap *heap);
/* Inserts, or moves a node that is already in. */
void heap_set(struct heap *heap, struct heap_node *node, int64_t key);
void heap_remove(struct heap *heap, struct heap_node *node); /* no-op when not in */
struct heap_node *heap_top(const struct heap *heap);         /* NULL when empty */

static inline bool
heap_has(const struct heap_node *node)
{
	return node->index != 0;
}
