/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables as JSON Schema, for editors that complete and check while typing.
 *
 * Strings may be written as numbers in YAML (a version, a port), so rows of
 * free text accept them.  Unsupported keys are left out: editors then flag
 * them as the program does.
 */
#include <config.h>

#include <string.h>

#include "base/json.h"
#include "config/internal.h"
#include "config/schema_internal.h"

#define TEXT_TYPE "\"type\": [\"string\", \"number\", \"boolean\"]"
#define DURATION_PATTERN \
	"^([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?" \
	"([0-9]+ms)?$"

#define GO_DURATION_PATTERN "^([0-9]+([.][0-9]*)?(y|w|d|h|m|s|ms|us|ns))+$"

/* ---- tables met on the way --------------------------------------------------------- */

size_t
schema_defs_add(struct schema_defs *defs, const struct schema *schema)
{
	for (size_t i = 0; i < defs->n; i++) {
		if (defs->items[i] == schema) {
			return i;
		}
	}
	if (defs->n == SCHEMA_DEFS_MAX) {
		return defs->n - 1;
	}
	defs->items[defs->n] = schema;
	return defs->n++;
}

/* Names with other characters than letters, digits and _ would need escapes. */
void
schema_defs_name(const struct schema_defs *defs, size_t i, struct buf *out)
{
	size_t same = 0;

	for (const char *p = defs->items[i]->name; *p != '\0'; p++) {
		buf_putc(out, *p == ' ' || *p == '/' ? '_' : *p);
	}
	for (size_t k = 0; k < i; k++) {
		same += strcmp(defs->items[k]->name, defs->items[i]->name) == 0;
	}
	if (same > 0) {
		buf_printf(out, "_%zu", same + 1);
	}
}

/* ---- one value ---------------------------------------------------------------------- */

static void
put_newline(struct buf *out, int indent)
{
	buf_putc(out, '\n');
	for (int i = 0; i < indent; i++) {
		buf_puts(out, "  ");
	}
}

/* A table below: by reference in a document, else written out. */
static void
put_sub(const struct schema *sub, struct schema_defs *defs, struct buf *out,
    int indent)
{
	if (defs != NULL) {
		buf_puts(out, "\"$ref\": \"#/$defs/");
		schema_defs_name(defs, schema_defs_add(defs, sub), out);
		buf_putc(out, '"');
	} else {
		schema_put_object(sub, NULL, out, indent);
	}
}

static void
put_items(const struct schema *sub, struct schema_defs *defs, struct buf *out,
    int indent)
{
	buf_puts(out, "\"type\": \"array\", \"items\": {");
	put_sub(sub, defs, out, indent);
	buf_putc(out, '}');
}

static void
put_choices(const struct schema_field *field, struct buf *out)
{
	buf_puts(out, "\"enum\": [");
	for (size_t i = 0; field->choices[i] != NULL; i++) {
		buf_puts(out, i > 0 ? ", " : "");
		json_put_str(out, str_from(field->choices[i]));
	}
	buf_putc(out, ']');
}

static void
put_number(const struct schema_field *field, struct buf *out)
{
	buf_printf(out, "\"type\": \"%s\"",
	    field->kind == FIELD_INT ? "integer" : "number");
	if (field->min != 0 || field->max != 0) {
		buf_printf(out, ", \"minimum\": %.15g, \"maximum\": %.15g",
		    field->min, field->max);
	} else if ((field->flags & FIELD_POSITIVE) != 0) {
		buf_puts(out, ", \"exclusiveMinimum\": 0");
	} else if ((field->flags & FIELD_NOT_NEGATIVE) != 0) {
		buf_puts(out, ", \"minimum\": 0");
	}
}

static void
put_type(const struct schema_field *field, struct schema_defs *defs,
    struct buf *out, int indent)
{
	switch (field->kind) {
	case FIELD_STRING:
	case FIELD_TEMPLATE:
	case FIELD_SECRET:
		buf_puts(out, TEXT_TYPE);
		break;
	case FIELD_URL:
		buf_puts(out, "\"type\": \"string\"");
		break;
	case FIELD_BOOL:
		buf_puts(out, "\"type\": \"boolean\"");
		break;
	case FIELD_INT:
	case FIELD_DOUBLE:
		put_number(field, out);
		break;
	case FIELD_DURATION:
		if ((field->flags & FIELD_GO_DURATION) != 0) {
			buf_puts(out, "\"anyOf\": [{\"type\": \"string\", \"pattern\": \""
				      GO_DURATION_PATTERN "\"}, {\"const\": 0}]");
			break;
		}
		buf_puts(out, "\"anyOf\": [{\"type\": \"string\", \"pattern\": "
			      "\"" DURATION_PATTERN "\"}, {\"const\": 0}]");
		break;
	case FIELD_ENUM:
		put_choices(field, out);
		break;
	case FIELD_STRING_LIST:
		buf_puts(out, "\"type\": \"array\", \"items\": {" TEXT_TYPE "}");
		break;
	case FIELD_STRING_MAP:
	case FIELD_TEMPLATE_MAP:
		buf_puts(out, "\"type\": \"object\", \"additionalProperties\": "
			      "{\"type\": [\"string\", \"number\", "
			      "\"boolean\", \"null\"]}");
		break;
	case FIELD_NUMBER_MAP:
		buf_puts(out, "\"type\": \"object\", \"additionalProperties\": "
			      "{\"type\": \"number\"}");
		break;
	case FIELD_SUB:
	case FIELD_EMBED:
		put_sub(field->sub, defs, out, indent);
		break;
	case FIELD_SUB_LIST:
		put_items(field->sub, defs, out, indent);
		break;
	case FIELD_CUSTOM:
		if (field->sub != NULL) {
			put_items(field->sub, defs, out, indent);
		}
		break;
	case FIELD_UNSUPPORTED:
	case FIELD_ACCEPTED:
	case FIELD_KIND_COUNT:
		break;
	}
}

static void
put_default(const struct schema_field *field, struct buf *out)
{
	if (field->fallback == NULL) {
		return;
	}
	buf_puts(out, ", \"default\": ");
	if (field->kind == FIELD_BOOL || field->kind == FIELD_INT ||
	    field->kind == FIELD_DOUBLE) {
		buf_puts(out, field->fallback);
	} else {
		json_put_str(out, str_from(field->fallback));
	}
}

/* ---- a table -------------------------------------------------------------------------- */

static void
put_property(const struct schema_field *field, struct schema_defs *defs,
    struct buf *out, int indent)
{
	struct buf type = { 0 };

	json_put_str(out, str_from(field->name));
	buf_puts(out, ": {\"description\": ");
	json_put_str(out, str_from(field->doc));
	if (field->kind == FIELD_CUSTOM && field->json_schema != NULL) {
		/* The text is an object; its members go into this one. */
		const struct str text = str_trim(str_from(field->json_schema));

		if (text.n > 2) {
			buf_printf(out, ", %.*s", (int)text.n - 2, text.p + 1);
		}
	} else {
		put_type(field, defs, &type, indent);
		if (type.n > 0) {
			buf_puts(out, ", ");
			buf_put_str(out, buf_str(&type));
		}
		put_default(field, out);
	}
	if ((field->flags & FIELD_DEPRECATED) != 0) {
		buf_puts(out, ", \"deprecated\": true");
	}
	buf_putc(out, '}');
	buf_fini(&type);
}

static void
put_twin(const struct schema_field *field, struct buf *out)
{
	buf_printf(out,
	    "\"%s_file\": {\"description\": \"File that holds '%s'; read at "
	    "each use.\", \"type\": \"string\"}",
	    field->name, field->name);
}

static void
put_required(const struct schema *schema, struct buf *out, int indent)
{
	bool any = false;

	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct schema_field *field = &schema->fields[i];

		/* A secret may come as its file. */
		if ((field->flags & FIELD_REQUIRED) == 0 ||
		    field->kind == FIELD_SECRET) {
			continue;
		}
		if (!any) {
			buf_putc(out, ',');
			put_newline(out, indent);
		}
		buf_puts(out, any ? ", " : "\"required\": [");
		json_put_str(out, str_from(field->name));
		any = true;
	}
	buf_puts(out, any ? "]" : "");
}

static void
put_either(const struct schema *schema, struct buf *out, int indent)
{
	if (schema->either == NULL) {
		return;
	}
	buf_putc(out, ',');
	put_newline(out, indent);
	for (size_t i = 0; schema->either[i] != NULL; i++) {
		buf_puts(out, i == 0 ? "\"oneOf\": [" : ", ");
		buf_puts(out, "{\"required\": [");
		json_put_str(out, str_from(schema->either[i]));
		buf_puts(out, "]}");
	}
	buf_putc(out, ']');
}

void
schema_put_object(const struct schema *schema, struct schema_defs *defs,
    struct buf *out, int indent)
{
	bool any = false;

	if (schema->n_fields == 0 && schema->scalar != NULL) {
		buf_puts(out, TEXT_TYPE);
		return;
	}
	buf_printf(out, "\"type\": %s,",
	    schema->scalar != NULL ?
		"[\"object\", \"string\", \"number\", \"boolean\"]" :
		"\"object\"");
	put_newline(out, indent + 1);
	buf_puts(out, "\"additionalProperties\": false,");
	put_newline(out, indent + 1);
	buf_puts(out, "\"properties\": {");
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct schema_field *field = &schema->fields[i];

		/* Written out, a table that holds itself would never end. */
		if (field->kind == FIELD_UNSUPPORTED ||
		    (defs == NULL && field->sub == schema)) {
			continue;
		}
		buf_puts(out, any ? "," : "");
		put_newline(out, indent + 2);
		put_property(field, defs, out, indent + 2);
		if (field->kind == FIELD_SECRET) {
			buf_putc(out, ',');
			put_newline(out, indent + 2);
			put_twin(field, out);
		}
		any = true;
	}
	put_newline(out, indent + 1);
	buf_putc(out, '}');
	put_required(schema, out, indent + 1);
	put_either(schema, out, indent + 1);
}

void
schema_put_json_schema(const struct schema *schema, struct buf *out, int indent)
{
	buf_putc(out, '{');
	put_newline(out, indent + 1);
	buf_puts(out, "\"description\": ");
	json_put_str(out, str_from(schema->doc));
	buf_puts(out, ", ");
	schema_put_object(schema, NULL, out, indent);
	put_newline(out, indent);
	buf_putc(out, '}');
}

void
schema_put_defs(struct schema_defs *defs, struct buf *out, int indent)
{
	/* Grows while it is written. */
	for (size_t i = 0; i < defs->n; i++) {
		buf_puts(out, i > 0 ? "," : "");
		put_newline(out, indent);
		buf_putc(out, '"');
		schema_defs_name(defs, i, out);
		buf_puts(out, "\": {");
		put_newline(out, indent + 1);
		buf_puts(out, "\"description\": ");
		json_put_str(out, str_from(defs->items[i]->doc));
		buf_puts(out, ", ");
		schema_put_object(defs->items[i], defs, out, indent);
		put_newline(out, indent);
		buf_putc(out, '}');
	}
}
