/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "route/inhibit_index.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/xalloc.h"

struct pair {
	const struct istr *name, *value;
};

static bool
list_is(const void *value, const void *key)
{
	const struct inhibit_list *list = value;
	const struct pair *pair = key;

	return list->value == pair->value && list->name == pair->name;
}

static struct inhibit_list *
list_find(const struct inhibit_index *index, const struct istr *name, const struct istr *value)
{
	struct pair pair = { name, value };

	return map_find(&index->lists, hash_mix(name->hash, value->hash), list_is, &pair);
}

struct inhibit_list *
inhibit_index_choose(struct inhibit_index *index, const struct matchers *matchers)
{
	const struct matcher *best = NULL;
	size_t best_n = SIZE_MAX;
	struct inhibit_list *list;

	for (uint32_t i = 0; matchers != NULL && i < matchers->n; i++) {
		const struct matcher *m = &matchers->m[i];
		size_t n;

		/* An empty value would mean "label absent", which no label leads to. */
		if (m->op != MATCH_EQUAL || m->value->n == 0)
			continue;
		list = list_find(index, m->name, m->value);
		n = list != NULL ? list->n : 0;
		if (n < best_n) {
			best = m;
			best_n = n;
		}
	}
	if (best == NULL)
		return &index->rest;
	list = list_find(index, best->name, best->value);
	if (list == NULL) {
		list = xcalloc(1, sizeof(*list));
		list->name = istr_ref(best->name);
		list->value = istr_ref(best->value);
		map_insert(&index->lists, hash_mix(best->name->hash, best->value->hash), list);
	}
	return list;
}

void
inhibit_list_add(struct inhibit_list *list, void *item)
{
	list->items = xgrow(list->items, &list->cap, list->n + 1, sizeof(*list->items));
	list->items[list->n++] = item;
}

void
inhibit_index_walk(const struct inhibit_index *index, const struct labels *labels,
    inhibit_list_fn *fn, void *arg)
{
	if (fn(arg, &index->rest))
		return;
	for (uint32_t i = 0; index->lists.n > 0 && i < labels->n; i++) {
		const struct inhibit_list *list =
		    list_find(index, labels->l[i].name, labels->l[i].value);

		if (list != NULL && fn(arg, list))
			return;
	}
}

void
inhibit_index_fini(struct inhibit_index *index)
{
	struct inhibit_list *list;

	for (size_t it = 0; (list = map_next(&index->lists, &it)) != NULL;) {
		istr_unref(list->name);
		istr_unref(list->value);
		free(list->items);
		free(list);
	}
	free(index->rest.items);
	map_fini(&index->lists);
}
