/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pure Alertmanager part of a file, for tools that ask a running program
 * for its configuration: keys of ours left out, secrets hidden.
 */
#include <config.h>

#include <string.h>

#include "config/schema_internal.h"

static struct yaml_node *
plain_node(struct arena *arena, const struct yaml_node *like, const char *text)
{
	struct yaml_node *node = ARENA_NEW(arena, struct yaml_node);

	*node = *like;
	node->kind = YAML_SCALAR;
	node->style = YAML_PLAIN;
	node->text = str_from(text);
	return node;
}

/* The host (and port) of an http(s) URL, without credentials; empty: no such URL. */
static struct str
host_of(struct str url, const char **ret_scheme)
{
	uint32_t i = str_starts(url, STR("https://")) ? 8 :
	    str_starts(url, STR("http://"))	      ? 7 :
							0;
	uint32_t start = i;

	*ret_scheme = i == 8 ? "https" : "http";
	while (i > 0 && i < url.n && strchr("/?#", url.p[i]) == NULL) {
		const char c = url.p[i++];

		if (c <= ' ' || c == '<' || c == '"') {
			return STR("");
		}
		start = c == '@' ? i : start;
	}
	return str_make(url.p + start, i - start);
}

/*
 * Alertmanager 0.25 takes <secret> for some addresses and wants a URL for
 * others; https://host/<secret> passes as both.
 */
static struct yaml_node *
hidden(struct arena *arena, const struct yaml_node *node)
{
	struct str text = node->text, host;
	const char *scheme;
	bool changed;

	if (node->kind != YAML_SCALAR) {
		return plain_node(arena, node, "<secret>");
	}
	if (!schema_expand_env(arena, NULL, node, &text, &changed)) {
		text = node->text;
	}
	host = host_of(text, &scheme);
	if (memmem(text.p, text.n, "{{", 2) != NULL &&
	    (host.n == 0 || memchr(host.p, '{', host.n) != NULL)) {
		return plain_node(arena, node, "http://template.invalid/<secret>");
	}
	if (host.n == 0) {
		return plain_node(arena, node, "<secret>");
	}
	return plain_node(arena, node,
	    arena_printf(arena, "%s://%.*s/<secret>", scheme, STR_ARG(host)));
}

static struct yaml_node *
project_list(struct arena *arena, const struct schema *sub,
    const struct yaml_node *list)
{
	struct yaml_node *out = ARENA_NEW(arena, struct yaml_node);

	*out = *list;
	if (list->kind != YAML_SEQUENCE || list->n == 0) {
		return out;
	}
	out->items = ARENA_ARRAY(arena, list->n, struct yaml_node *);
	for (uint32_t i = 0; i < list->n; i++) {
		out->items[i] = schema_project(arena, sub, list->items[i]);
	}
	return out;
}

/* The expanded address, when it stands in a variable. */
static struct yaml_node *
project_url(struct arena *arena, const struct yaml_node *node)
{
	struct str text;
	bool changed;

	if (node->kind == YAML_SCALAR &&
	    schema_expand_env(arena, NULL, node, &text, &changed) && changed) {
		return plain_node(arena, node, text.p);
	}
	return (struct yaml_node *)(uintptr_t)node;
}

static struct yaml_node *
project_value(struct arena *arena, const struct schema_field *field,
    const struct yaml_pair *pair)
{
	const bool is_twin = !str_is(pair->key->text, field->name);

	if (pair->value->kind == YAML_NULL || is_twin) {
		return pair->value;
	}
	if (field->kind == FIELD_SECRET || (field->flags & FIELD_HIDDEN) != 0) {
		return hidden(arena, pair->value);
	}
	if (field->kind == FIELD_SUB || field->kind == FIELD_EMBED) {
		return schema_project(arena, field->sub, pair->value);
	}
	if (field->kind == FIELD_SUB_LIST) {
		return project_list(arena, field->sub, pair->value);
	}
	if (field->kind == FIELD_URL) {
		return project_url(arena, pair->value);
	}
	return pair->value;
}

struct yaml_node *
schema_project(struct arena *arena, const struct schema *schema,
    const struct yaml_node *node)
{
	struct yaml_node *out = ARENA_NEW(arena, struct yaml_node);

	*out = *node;
	if (node->kind != YAML_MAPPING || node->n == 0) {
		return out;
	}
	out->n = 0;
	out->pairs = ARENA_ARRAY(arena, node->n, struct yaml_pair);
	for (uint32_t i = 0; i < node->n; i++) {
		const struct schema_field *field = schema_find(schema,
		    node->pairs[i].key->text.p);

		if (field == NULL || (field->flags & FIELD_OURS) != 0 ||
		    field->kind == FIELD_UNSUPPORTED) {
			continue;
		}
		out->pairs[out->n++] = (struct yaml_pair){
			node->pairs[i].key,
			project_value(arena, field, &node->pairs[i])
		};
	}
	return out;
}
