/* SPDX-License-Identifier: Apache-2.0 */
/* Binary heap of pointers to nodes that know their place. */
#include "base/heap.h"

#include <stdlib.h>

#include "base/xalloc.h"

void
heap_fini(struct heap *heap)
{
	for (size_t i = 0; i < heap->n; i++)
		heap->nodes[i]->index = 0;
	free(heap->nodes);
	*heap = (struct heap){ 0 };
}

static inline bool
before(const struct heap_node *a, const struct heap_node *b)
{
	return a->key != b->key ? a->key < b->key : a->seq < b->seq;
}

static inline void
place(struct heap *heap, size_t i, struct heap_node *node)
{
	heap->nodes[i] = node;
	node->index = i + 1;
}

static void
sift_up(struct heap *heap, size_t i, struct heap_node *node)
{
	while (i > 0) {
		size_t parent = (i - 1) / 2;

		if (!before(node, heap->nodes[parent]))
			break;
		place(heap, i, heap->nodes[parent]);
		i = parent;
	}
	place(heap, i, node);
}

static void
sift_down(struct heap *heap, size_t i, struct heap_node *node)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= heap->n)
			break;
		if (child + 1 < heap->n &&
		    before(heap->nodes[child + 1], heap->nodes[child]))
			child++;
		if (!before(heap->nodes[child], node))
			break;
		place(heap, i, heap->nodes[child]);
		i = child;
	}
	place(heap, i, node);
}

/* Puts the node where it belongs, starting at the free place i. */
static void
settle(struct heap *heap, size_t i, struct heap_node *node)
{
	if (i > 0 && before(node, heap->nodes[(i - 1) / 2]))
		sift_up(heap, i, node);
	else
		sift_down(heap, i, node);
}

void
heap_set(struct heap *heap, struct heap_node *node, int64_t key)
{
	node->key = key;
	node->seq = heap->seq++;
	if (node->index != 0) {
		settle(heap, node->index - 1, node);
		return;
	}
	heap->nodes = xgrow(
	    heap->nodes, &heap->cap, heap->n + 1, sizeof(struct heap_node *));
	heap->n++;
	sift_up(heap, heap->n - 1, node);
}

void
heap_remove(struct heap *heap, struct heap_node *node)
{
	size_t i = node->index;
	struct heap_node *last;

	if (i == 0)
		return;
	node->index = 0;
	last = heap->nodes[--heap->n];
	if (last != node)
		settle(heap, i - 1, last);
}

struct heap_node *
heap_top(const struct heap *heap)
{
	return heap->n != 0 ? heap->nodes[0] : NULL;
}
