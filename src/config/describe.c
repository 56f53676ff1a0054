/* SPDX-License-Identifier: Apache-2.0 */
/* The two documents that describe the files: JSON Schema and manual. */
#include <config.h>

#include <string.h>

#include "base/json.h"
#include "config/internal.h"
#include "config/schema_internal.h"

/*
 * The type decides which other keys a source may have; editors follow the
 * constant.
 */
static const char *
sources_schema(struct arena *arena, const struct config_kinds *kinds,
    const struct tables *tables, struct schema_defs *defs)
{
	struct buf out = { 0 };
	const char *text;

	buf_puts(&out, "{\"type\": \"array\", \"items\": {\"anyOf\": [");
	for (size_t i = 0; i < tables->n_sources; i++) {
		buf_printf(&out,
		    "%s{\"properties\": {\"type\": {\"const\": \"%s\"}}, "
		    "\"$ref\": \"#/$defs/",
		    i > 0 ? ", " : "", kinds->sources[i]->name);
		schema_defs_name(defs,
		    schema_defs_add(defs, &tables->sources[i]), &out);
		buf_puts(&out, "\"}");
	}
	buf_puts(&out, "]}}");
	text = arena_str(arena, buf_str(&out)).p;
	buf_fini(&out);
	return text;
}

void
config_put_json_schema(const struct config_kinds *kinds, bool rules,
    struct buf *out)
{
	struct arena *arena = arena_new(0);
	const struct tables *tables = tables_new(arena, kinds);
	struct schema_defs *defs = ARENA_NEW(arena, struct schema_defs);
	struct schema top = rules ? tables->rule_file : tables->top;
	struct schema_field *fields = ARENA_ARRAY(arena, top.n_fields,
	    struct schema_field);

	memcpy(fields, top.fields, top.n_fields * sizeof(*fields));
	for (size_t i = 0; i < top.n_fields; i++) {
		if (strcmp(fields[i].name, "sources") == 0) {
			fields[i].json_schema = sources_schema(arena, kinds,
			    tables, defs);
		}
	}
	top.fields = fields;
	buf_printf(out,
	    "{\n  \"$schema\": "
	    "\"https://json-schema.org/draft/2020-12/schema\",\n"
	    "  \"title\": \"Tocsin %s\",\n  \"description\": ",
	    top.name);
	json_put_str(out, str_from(top.doc));
	buf_puts(out, ",\n  ");
	schema_put_object(&top, defs, out, 0);
	buf_puts(out, ",\n  \"$defs\": {");
	schema_put_defs(defs, out, 2);
	buf_puts(out, "\n  }\n}\n");
	arena_free(arena);
}

static void
add_below(struct schema_defs *defs, const struct schema *schema)
{
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct schema_field *field = &schema->fields[i];

		if (field->sub != NULL && field->kind != FIELD_UNSUPPORTED) {
			schema_defs_add(defs, field->sub);
		}
	}
}

void
config_put_manual(const struct config_kinds *kinds, struct buf *out)
{
	struct arena *arena = arena_new(0);
	const struct tables *tables = tables_new(arena, kinds);
	struct schema_defs *defs = ARENA_NEW(arena, struct schema_defs);

	schema_defs_add(defs, &tables->top);
	for (size_t i = 0; i < tables->n_sources; i++) {
		schema_defs_add(defs, &tables->sources[i]);
	}
	schema_defs_add(defs, &tables->rule_file);
	for (size_t i = 0; i < defs->n; i++) {
		add_below(defs, defs->items[i]);
	}
	for (size_t i = 0; i < defs->n; i++) {
		buf_puts(out, i > 0 ? "\n" : "");
		schema_put_manual(defs->items[i], out);
	}
	arena_free(arena);
}
