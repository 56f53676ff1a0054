/* SPDX-License-Identifier: Apache-2.0 */
/* Tables as Markdown, for the manual. */
#include <config.h>

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "config/schema.h"

/* Indexed by enum field_kind. */
static const char *const kind_names[] = {
	"string", "true or false", "whole number", "number", "duration",
	"choice", "URL", "template", "secret, or `_file`", "list of strings",
	"mapping of strings", "mapping of templates", "mapping of numbers",
	"mapping", "mapping", "list of mappings", "see text", "", "ignored",
};
static_assert(ARRAY_LEN(kind_names) == FIELD_KIND_COUNT,
    "each kind of field has a name");

/* A vertical bar would end the cell. */
static void
put_cell(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '|') {
			buf_putc(out, '\\');
		}
		buf_putc(out, *text);
	}
}

static void
put_type(const struct schema_field *field, struct buf *out)
{
	if (field->kind == FIELD_ENUM) {
		for (size_t i = 0; field->choices[i] != NULL; i++) {
			buf_printf(out, "%s`%s`", i > 0 ? ", " : "",
			    field->choices[i]);
		}
	} else if (field->sub != NULL && field->kind == FIELD_CUSTOM) {
		buf_printf(out, "list of %s", field->sub->name);
	} else if (field->sub != NULL) {
		buf_printf(out, "%s: %s", kind_names[field->kind],
		    field->sub->name);
	} else {
		buf_puts(out, kind_names[field->kind]);
	}
}

void
schema_put_manual(const struct schema *schema, struct buf *out)
{
	buf_printf(out,
	    "### %s\n\n%s\n\n"
	    "| key | type | default | meaning |\n|---|---|---|---|\n",
	    schema->name, schema->doc);
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct schema_field *field = &schema->fields[i];

		if (field->kind == FIELD_UNSUPPORTED) {
			continue;
		}
		buf_printf(out, "| `%s` | ", field->name);
		put_type(field, out);
		buf_puts(out, " | ");
		if ((field->flags & FIELD_REQUIRED) != 0) {
			buf_puts(out, "required");
		} else if (field->fallback != NULL &&
		    field->fallback[0] != '\0') {
			buf_putc(out, '`');
			put_cell(out, field->fallback);
			buf_putc(out, '`');
		}
		buf_puts(out, " | ");
		put_cell(out, field->doc);
		buf_puts(out, " |\n");
	}
}
