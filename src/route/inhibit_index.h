/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From labels to what may concern them, through one `name="value"` matcher
 * each: for inhibit.c alone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/map.h"
#include "labels/labels.h"
#include "labels/matcher.h"

/* What shares a matcher: rules on the source side, families on the target side. */
struct inhibit_list {
	struct istr *name, *value; /* NULL: no equality matcher on this side */
	void **items;
	size_t n, cap;
};

struct inhibit_index {
	struct map lists;
	struct inhibit_list rest;
};

/* The list of the matcher that fewest share; made when it is new. */
struct inhibit_list *inhibit_index_choose(struct inhibit_index *index, const struct matchers *matchers);
void inhibit_list_add(struct inhibit_list *list, void *item);
/* Calls fn for each list whose matcher the labels meet; true ends the walk. */
typedef bool inhibit_list_fn(void *arg, const struct inhibit_list *list);
void inhibit_index_walk(const struct inhibit_index *index, const struct labels *labels, inhibit_list_fn *fn, void *arg);
void inhibit_index_fini(struct inhibit_index *index);
