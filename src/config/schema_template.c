/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Templates as values of a table, and those that the user has defined anew in
 * place of Alertmanager's.
 */
#include "config.h"

#include "config/schema_internal.h"

#include <stdlib.h>
#include <string.h>

static struct template *
template_read(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node)
{
	struct err err = { .at = ERR_NOWHERE };
	struct template *template;
	struct str text = STR("");
	bool changed = false;

	if (node->kind != YAML_NULL &&
	    !schema_text_read(ctx, field, node, "a string", &text, &changed)) {
		return NULL;
	}
	if ((field->flags & FIELD_NOTIFICATION) != 0)
		template = template_parse_with(ctx->arena, text, ctx->templates, &err);
	else
		template = template_parse(ctx->arena, text, TEMPLATE_RULE, &err);
	if (template == NULL) {
		if (changed) {
			err.at = ERR_NOWHERE;
		}
		schema_error_in(ctx, node, &err, NULL);
	}
	return template;
}

struct template *
schema_notification_template(struct schema_context *ctx, const struct yaml_node *node)
{
	static const struct schema_field field = {
		.name = "text", .kind = FIELD_TEMPLATE, .flags = FIELD_NOTIFICATION
	};

	return template_read(ctx, &field, node);
}

struct template *
schema_stock_template(struct schema_context *ctx, struct pos pos, const char *name)
{
	return schema_stock_template_of(ctx, pos, name, ".");
}

struct template *
schema_stock_template_of(struct schema_context *ctx, struct pos pos, const char *name,
    const char *argument)
{
	struct err err = { .at = ERR_NOWHERE };
	struct template *template;
	const char *text;

	if (ctx->templates == NULL || template_set_is_stock(ctx->templates))
		return NULL;
	text = arena_printf(ctx->arena, "{{ template \"%s\" %s }}", name, argument);
	template = template_parse_with(ctx->arena, str_from(text), ctx->templates, &err);
	if (template == NULL)
		diag_error(ctx->diag, pos, "%s", err.text);
	return template != NULL && !template_is_stock(template) ? template : NULL;
}

void
schema_read_template(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, void *place)
{
	struct template **member = place;

	*member = template_read(ctx, field, node);
}

/* A secret that may be a template is kept in both forms. */
void
schema_read_secret(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, void *place)
{
	struct secret *secret = place;
	struct str text;
	bool changed;

	if (!schema_text_read(ctx, field, node, "a string", &text, &changed)) {
		return;
	}
	secret->value = text.p;
	if ((field->flags & FIELD_NOTIFICATION) != 0 && strstr(text.p, "{{") != NULL) {
		((struct secret_text *)place)->text = template_read(ctx, field, node);
	}
}

static int
compare_templates(const void *pa, const void *pb)
{
	const struct template_pair *a = pa, *b = pb;

	return strcmp(a->key, b->key);
}

void
schema_read_template_map(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, void *place)
{
	struct template_map *member = place;

	if (!schema_is_mapping(ctx, field, node, "{key: text}")) {
		return;
	}
	member->pairs = ARENA_ARRAY(ctx->arena, node->n, struct template_pair);
	for (uint32_t i = 0; i < node->n; i++) {
		const struct yaml_pair *pair = &node->pairs[i];
		struct template *t = template_read(ctx, field, pair->value);

		if (t != NULL) {
			member->pairs[member->n++] = (struct template_pair){
				arena_str(ctx->arena, pair->key->text).p, t,
				pair->key->pos, pair->value->pos
			};
		}
	}
	if (member->n > 1) {
		qsort(member->pairs, member->n, sizeof(*member->pairs),
		    compare_templates);
	}
}
