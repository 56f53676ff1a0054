/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels and annotations of rules: which names they may have, and how a
 * group's labels, a rule's own and a short form (severity, runbook_url)
 * become one sorted mapping.
 */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "config/rules_internal.h"

void
rule_texts_check(struct loader *l, const struct template_map *map, const char *what)
{
	for (uint32_t i = 0; i < map->n; i++) {
		const struct template_pair *pair = &map->pairs[i];

		if (pair->key[0] == '\0') {
			diag_error(l->ctx.diag, pair->key_pos,
			    "the name of %s must not be empty", what);
		} else if (strcmp(pair->key, "__name__") == 0) {
			diag_error(l->ctx.diag, pair->key_pos,
			    "'__name__' is the metric's name and cannot be set "
			    "by a rule");
		} else if (strlen(pair->key) > LABEL_NAME_BYTES_MAX) {
			diag_error(l->ctx.diag, pair->key_pos,
			    "the name is longer than %d bytes",
			    LABEL_NAME_BYTES_MAX);
		}
	}
}

static int
compare_pairs(const void *pa, const void *pb)
{
	const struct template_pair *a = pa, *b = pb;

	return strcmp(a->key, b->key);
}

static const struct template_pair *
map_get(const struct template_map *map, const char *key)
{
	for (uint32_t i = 0; i < map->n; i++) {
		if (strcmp(map->pairs[i].key, key) == 0) {
			return &map->pairs[i];
		}
	}
	return NULL;
}

struct template_map
rule_texts_join(struct loader *l, const struct template_map *base,
    const struct template_map *own, const char *extra_key,
    struct template *extra, const struct yaml_node *extra_node)
{
	struct template_map out = { 0 };

	out.pairs = ARENA_ARRAY(l->ctx.arena, base->n + own->n + 1,
	    struct template_pair);
	for (uint32_t i = 0; i < own->n; i++) {
		out.pairs[out.n++] = own->pairs[i];
	}
	if (extra != NULL && extra_node != NULL) {
		const struct template_pair *both = map_get(own, extra_key);

		if (both != NULL) {
			diag_error(l->ctx.diag, extra_node->pos,
			    "'%s' is given twice: here and in the mapping that "
			    "it is short for",
			    extra_key);
			diag_note(l->ctx.diag, both->key_pos, "and here");
		} else {
			out.pairs[out.n++] = (struct template_pair){ extra_key,
				extra, extra_node->pos, extra_node->pos };
		}
	}
	for (uint32_t i = 0; i < base->n; i++) {
		if (map_get(&out, base->pairs[i].key) == NULL) {
			out.pairs[out.n++] = base->pairs[i];
		}
	}
	if (out.n > 1) {
		qsort(out.pairs, out.n, sizeof(*out.pairs), compare_pairs);
	}
	return out;
}
