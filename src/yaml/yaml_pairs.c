/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pairs of a mapping while it is read: no key twice, and what `<<` merges
 * into them.
 */
#include "config.h"

#include "yaml/internal.h"

#include "base/hash.h"
#include "base/xalloc.h"

/* Above this many keys a mapping is searched through a hash table. */
#define PAIRS_LINEAR_MAX 16

static bool
key_is(const void *value, const void *key)
{
	return str_eq(((const struct yaml_node *)value)->text,
	    *(const struct str *)key);
}

const struct yaml_node *
yaml_pairs_find(const struct pairs *pairs, struct str key)
{
	if (pairs->n > PAIRS_LINEAR_MAX) {
		return map_find(&pairs->keys, hash_bytes(key.p, key.n), key_is,
		    &key);
	}
	for (size_t i = 0; i < pairs->n; i++) {
		if (str_eq(pairs->p[i].key->text, key)) {
			return pairs->p[i].key;
		}
	}
	return NULL;
}

void
yaml_pairs_add(struct pairs *pairs, struct yaml_node *key, struct yaml_node *value)
{
	pairs->p = xgrow(pairs->p, &pairs->cap, pairs->n + 1, sizeof(*pairs->p));
	pairs->p[pairs->n++] = (struct yaml_pair){ key, value };
	if (pairs->n <= PAIRS_LINEAR_MAX) {
		return;
	}
	for (size_t i = pairs->keys.n; i < pairs->n; i++) {
		struct yaml_node *k = pairs->p[i].key;

		map_insert(&pairs->keys, hash_bytes(k->text.p, k->text.n), k);
	}
}

static bool
merge_one(struct reader *r, struct pairs *pairs, const struct yaml_node *from)
{
	if (from->kind != YAML_MAPPING) {
		diag_error(r->diag, from->pos,
		    "'<<' takes a mapping or a list of mappings, not %s",
		    yaml_kind_name(from));
		return false;
	}
	for (uint32_t i = 0; i < from->n; i++) {
		if (yaml_pairs_find(pairs, from->pairs[i].key->text) == NULL) {
			yaml_pairs_add(pairs, from->pairs[i].key,
			    from->pairs[i].value);
		}
	}
	return true;
}

/* Keys of the mapping itself win, then the earlier of a list. */
bool
yaml_pairs_merge(struct reader *r, struct pairs *pairs, const struct yaml_node *from)
{
	if (from->kind != YAML_SEQUENCE) {
		return merge_one(r, pairs, from);
	}
	for (uint32_t i = 0; i < from->n; i++) {
		if (!merge_one(r, pairs, from->items[i])) {
			return false;
		}
	}
	return true;
}
