/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive doubly linked ring: an element embeds a struct link, the list is a struct link too. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"

struct link {
	struct link *prev, *next;
};

static inline void
list_init(struct link *list)
{
	list->prev = list->next = list;
}

static inline bool
list_empty(const struct link *list)
{
	return list->next == list;
}

static inline void
list_append(struct link *list, struct link *l)
{
	l->prev = list->prev;
	l->next = list;
	list->prev->next = l;
	list->prev = l;
}

/* Safe on a link that is zeroed or already removed. */
static inline void
list_remove(struct link *l)
{
	if (l->next == NULL)
		return;
	l->prev->next = l->next;
	l->next->prev = l->prev;
	l->prev = l->next = NULL;
}

#define LIST_FOREACH(l, list) for (struct link *l = (list)->next; l != (list); l = l->next)
/* The current element may be removed. */
#define LIST_FOREACH_SAFE(l, tmp, list) \
	for (struct link *l = (list)->next, *tmp = l->next; l != (list); l = tmp, tmp = l->next)
