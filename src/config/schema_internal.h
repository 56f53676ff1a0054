/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files that interpret schema tables. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "config/schema.h"

/*
 * Text with ${NAME} replaced from the environment; $${ gives a literal ${, and
 * ${{ stays as it is (a template).  False and a finding (diag may be NULL)
 * when a variable is not set.  *ret_changed: positions in the result are not
 * those of the scalar.
 */
bool schema_expand_env(struct arena *arena, struct diag *diag,
    const struct yaml_node *scalar, struct str *ret, bool *ret_changed);

/* One value into its member; the node is neither absent nor empty. */
void schema_read_value(struct schema_context *ctx,
    const struct schema_field *field, const struct yaml_node *node,
    void *member);

/* schema_value.c: the scalar's text in the arena, variables expanded; false and a finding: it is none. */
bool schema_text_read(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, const char *want, struct str *ret, bool *ret_changed);
bool schema_is_mapping(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, const char *example);

/* schema_template.c: of FIELD_TEMPLATE and FIELD_TEMPLATE_MAP */
void schema_read_secret(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, void *place);
void schema_read_template(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, void *place);
void schema_read_template_map(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, void *place);

/* Tables met on the way, for $defs and for the manual. */
#define SCHEMA_DEFS_MAX 256
struct schema_defs {
	const struct schema *items[SCHEMA_DEFS_MAX];
	size_t n;
};
/* The table's place, added if new. */
size_t schema_defs_add(struct schema_defs *defs, const struct schema *schema);
void schema_defs_name(const struct schema_defs *defs, size_t i, struct buf *out);
/* Members of a JSON Schema object, from "type" on; tables below by $ref. */
void schema_put_object(const struct schema *schema, struct schema_defs *defs,
    struct buf *out, int indent);
void schema_put_defs(struct schema_defs *defs, struct buf *out, int indent);
