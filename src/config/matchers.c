/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matchers of a mapping: the list of matcher texts, and the two older maps
 * beside it.  All hold together.  A regular expression of the older map keeps
 * its anchors in its text, because group keys print it so.
 */
#include <config.h>

#include <stdlib.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/xalloc.h"
#include "config/internal.h"

struct matcher_list {
	struct matcher *p;
	size_t n, cap;
};

static void
list_add(struct matcher_list *list, const struct matcher *m)
{
	list->p = xgrow(list->p, &list->cap, list->n + 1, sizeof(*list->p));
	list->p[list->n++] = *m;
}

/* One item may hold several, separated by commas. */
static void
add_text(struct loader *l, struct matcher_list *list,
    const struct yaml_node *node)
{
	struct err err = { .at = ERR_NOWHERE };
	struct matchers *parsed;

	if (node->kind != YAML_SCALAR) {
		schema_expected(&l->ctx, node, "a matcher such as team=\"ml\"");
		return;
	}
	parsed = matchers_parse(node->text, &err);
	if (parsed == NULL) {
		schema_error_in(&l->ctx, node, &err, NULL);
		return;
	}
	for (uint32_t i = 0; i < parsed->n; i++) {
		const struct matcher *from = &parsed->m[i];
		struct matcher m;

		if (matcher_make(from->op, istr_str(from->name),
			istr_str(from->value), &m, &err) < 0) {
			schema_error_in(&l->ctx, node, &err, NULL);
			continue;
		}
		list_add(list, &m);
	}
	matchers_free(parsed);
}

static void
add_pair(struct loader *l, struct matcher_list *list, enum matcher_op op,
    const struct yaml_pair *pair)
{
	struct err err = { .at = ERR_NOWHERE };
	struct str value = pair->value->text;
	struct matcher m;

	if (pair->value->kind != YAML_SCALAR && pair->value->kind != YAML_NULL) {
		schema_expected(&l->ctx, pair->value, "a string");
		return;
	}
	if (!label_name_is_classic(pair->key->text)) {
		diag_error(l->ctx.diag, pair->key->pos,
		    "'%.*s' is no label name (letters, digits and _ only)",
		    STR_ARG(str_head(pair->key->text, 60)));
		return;
	}
	if (pair->value->kind == YAML_NULL) {
		value = STR("");
	}
	if (op == MATCH_REGEX) {
		value = str_from(arena_printf(l->scratch, "^(?:%.*s)$",
		    STR_ARG(value)));
	}
	if (matcher_make(op, pair->key->text, value, &m, &err) < 0) {
		if (op == MATCH_REGEX && err.at != ERR_NOWHERE) {
			err.at = err.at > 4 ? err.at - 4 : 0;
			err.at = err.at > pair->value->text.n ?
			    pair->value->text.n :
			    err.at;
		}
		schema_error_in(&l->ctx, pair->value, &err, NULL);
		return;
	}
	list_add(list, &m);
}

static void
add_map(struct loader *l, struct matcher_list *list, enum matcher_op op,
    const struct yaml_node *map)
{
	if (map == NULL || map->kind != YAML_MAPPING) {
		return; /* absent, or reported by the table */
	}
	for (uint32_t i = 0; i < map->n; i++) {
		add_pair(l, list, op, &map->pairs[i]);
	}
}

struct matchers *
matchers_build(struct loader *l, const struct yaml_node *node,
    const char *list_key, const char *equal_key, const char *regex_key)
{
	const struct yaml_node *list = yaml_get(node, list_key);
	struct generation *g = l->generation;
	struct matcher_list found = { 0 };
	struct matchers *matchers = NULL;

	if (list != NULL && list->kind == YAML_SEQUENCE) {
		for (uint32_t i = 0; i < list->n; i++) {
			add_text(l, &found, list->items[i]);
		}
	}
	add_map(l, &found, MATCH_EQUAL, yaml_get(node, equal_key));
	add_map(l, &found, MATCH_REGEX, yaml_get(node, regex_key));
	if (found.n > MATCHERS_MAX) {
		diag_error(l->ctx.diag, node->pos,
		    "%zu matchers are more than the limit of %d", found.n,
		    MATCHERS_MAX);
		for (size_t i = MATCHERS_MAX; i < found.n; i++) {
			matcher_fini(&found.p[i]);
		}
		found.n = MATCHERS_MAX;
	}
	if (found.n > 0) {
		matchers = matchers_new(found.p, (uint32_t)found.n, true);
		g->matchers = xgrow(g->matchers, &g->cap_matchers,
		    g->n_matchers + 1, sizeof(struct matchers *));
		g->matchers[g->n_matchers++] = matchers;
	}
	free(found.p);
	return matchers;
}
