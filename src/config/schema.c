/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mapping read by its table: defaults, keys, then what holds between keys.
 *
 * Nothing here stops at the first mistake.  An empty value (key: with nothing
 * behind it) is an absent one, as Alertmanager has it.
 */
#include <config.h>

#include "config/schema_internal.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

/* ---- lookup ------------------------------------------------------------------ */

static bool
is_twin(const struct schema_field *field, struct str name)
{
	const struct str base = str_from(field->name);

	return field->kind == FIELD_SECRET && name.n == base.n + 5 &&
	    str_starts(name, base) && str_ends(name, STR("_file"));
}

static const struct schema_field *
find(const struct schema *schema, struct str name, bool *ret_twin)
{
	for (size_t i = 0; i < schema->n_fields; i++) {
		*ret_twin = is_twin(&schema->fields[i], name);
		if (*ret_twin || str_is(name, schema->fields[i].name)) {
			return &schema->fields[i];
		}
	}
	return NULL;
}

const struct schema_field *
schema_find(const struct schema *schema, const char *name)
{
	bool twin;

	return find(schema, str_from(name), &twin);
}

/* How many edits still make a typing mistake. */
static uint32_t
edits_allowed(struct str name)
{
	return name.n <= 3 ? 1 : name.n <= 5 ? 2 : 3;
}

/* "ulr" for "url": the same letters, two of them exchanged. */
static bool
is_transposed(struct str a, struct str b)
{
	uint32_t i = 0;

	if (a.n != b.n) {
		return false;
	}
	while (i < a.n && a.p[i] == b.p[i]) {
		i++;
	}
	return i + 1 < a.n && a.p[i] == b.p[i + 1] && a.p[i + 1] == b.p[i] &&
	    memcmp(a.p + i + 2, b.p + i + 2, a.n - i - 2) == 0;
}

static void
suggest_step(const char *candidate, struct str name, uint32_t *best,
    const char **ret)
{
	const uint32_t d = is_transposed(str_from(candidate), name) ?
	    1 :
	    str_distance(str_from(candidate), name, *best);

	/* All letters exchanged is another word, not a slip. */
	if (d < *best && d < name.n && d < strlen(candidate)) {
		*best = d;
		*ret = candidate;
	}
}

const char *
schema_suggest_among(const char *const *names, size_t n, struct str name)
{
	uint32_t best = edits_allowed(name) + 1;
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		suggest_step(names[i], name, &best, &found);
	}
	return found;
}

const char *
schema_suggest(const struct schema *schema, struct str name)
{
	uint32_t best = edits_allowed(name) + 1;
	const char *found = NULL;

	for (size_t i = 0; i < schema->n_fields; i++) {
		if (schema->fields[i].kind != FIELD_UNSUPPORTED) {
			suggest_step(schema->fields[i].name, name, &best,
			    &found);
		}
	}
	return found;
}

/* ---- defaults ----------------------------------------------------------------- */

static void *
member_of(void *value, const struct schema_field *field)
{
	return (char *)value + field->offset;
}

static void
apply_default(struct schema_context *ctx, const struct schema_field *field,
    void *value)
{
	void *member = member_of(value, field);
	struct yaml_node node = { .kind = YAML_SCALAR, .style = YAML_PLAIN };
	struct schema_context plain = *ctx;

	if (field->kind == FIELD_UNSUPPORTED || field->kind == FIELD_ACCEPTED) {
		return;
	}
	if (field->kind == FIELD_EMBED) {
		node.kind = YAML_NULL;
		plain.diag = diag_new(); /* absent: its required keys are not missed */
		schema_read(&plain, field->sub, &node, member);
		diag_free(plain.diag);
	} else if (field->fallback != NULL) {
		node.text = str_from(field->fallback);
		plain.expand_env = false;
		schema_read_value(&plain, field, &node, member);
	} else if (field->kind == FIELD_DOUBLE) {
		*(double *)member = (double)NAN;
	} else if (field->kind == FIELD_DURATION) {
		*(dur_t *)member = DUR_UNSET;
	} else if (field->kind == FIELD_ENUM) {
		*(int *)member = -1;
	}
}

/* ---- keys ---------------------------------------------------------------------- */

static void
unknown_key(struct schema_context *ctx, const struct schema *schema,
    const struct yaml_node *key)
{
	const char *meant = schema_suggest(schema, key->text);
	const struct str shown = str_head(key->text, 80);

	if (meant != NULL) {
		diag_error(ctx->diag, key->pos,
		    "unknown key '%.*s' in %s (did you mean '%s'?)",
		    STR_ARG(shown), schema->name, meant);
	} else {
		diag_error(ctx->diag, key->pos, "unknown key '%.*s' in %s",
		    STR_ARG(shown), schema->name);
	}
}

static bool
is_empty_value(const struct yaml_node *node)
{
	return node->kind == YAML_NULL ||
	    (node->kind == YAML_SCALAR &&
		(node->text.n == 0 || str_is(node->text, "false"))) ||
	    ((node->kind == YAML_SEQUENCE || node->kind == YAML_MAPPING) &&
		node->n == 0);
}

static void
unsupported_key(struct schema_context *ctx, const struct schema *schema,
    const struct schema_field *field, const struct yaml_pair *pair)
{
	if (is_empty_value(pair->value)) {
		return;
	}
	if (field->fallback != NULL) {
		diag_error(ctx->diag, pair->key->pos, "%s", field->fallback);
	} else {
		diag_error(ctx->diag, pair->key->pos,
		    "'%s' in %s is not supported yet", field->name,
		    schema->name);
	}
}

static void
read_twin(struct schema_context *ctx, const struct schema_field *field,
    const struct yaml_node *node, void *value)
{
	struct secret *secret = member_of(value, field);
	const struct schema_field file = { .name = field->name,
		.kind = FIELD_STRING,
		.flags = FIELD_PATH | FIELD_LATER | FIELD_NONEMPTY |
		    (field->flags & FIELD_ENV) };

	schema_read_value(ctx, &file, node, &secret->file);
}

/* The pairs that gave each field its value, by index. */
struct given {
	const struct yaml_pair *pairs[SCHEMA_FIELDS_MAX];
};

static void
both_given(struct schema_context *ctx, const struct schema *schema,
    const struct yaml_pair *first, const struct yaml_pair *second)
{
	diag_error(ctx->diag, second->key->pos,
	    "only one of '%.*s' and '%.*s' can be given in %s",
	    STR_ARG(first->key->text), STR_ARG(second->key->text),
	    schema->name);
	diag_note(ctx->diag, first->key->pos, "'%.*s' is here",
	    STR_ARG(first->key->text));
}

/* An earlier pair of the same exclusive group, or the twin of a secret. */
static const struct yaml_pair *
excluded_by(const struct schema *schema, const struct given *given,
    const struct schema_field *field)
{
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct schema_field *other = &schema->fields[i];

		if (given->pairs[i] != NULL &&
		    (other == field ||
			(other->exclusive != NULL && field->exclusive != NULL &&
			    strcmp(other->exclusive, field->exclusive) == 0))) {
			return given->pairs[i];
		}
	}
	return NULL;
}

static void
read_pair(struct schema_context *ctx, const struct schema *schema,
    const struct yaml_pair *pair, struct given *given, void *value)
{
	const struct schema_field *field;
	const struct yaml_pair *other;
	bool twin;

	field = find(schema, pair->key->text, &twin);
	if (field == NULL) {
		unknown_key(ctx, schema, pair->key);
		return;
	}
	if (field->kind == FIELD_UNSUPPORTED) {
		unsupported_key(ctx, schema, field, pair);
		return;
	}
	if (field->kind == FIELD_ACCEPTED && (field->flags & FIELD_WARNS) != 0) {
		diag_warning(ctx->diag, pair->key->pos, "'%s' has no effect here", field->name);
	}
	if (pair->value->kind == YAML_NULL || field->kind == FIELD_ACCEPTED) {
		return;
	}
	other = excluded_by(schema, given, field);
	if (other != NULL) {
		both_given(ctx, schema, other, pair);
		return;
	}
	given->pairs[field - schema->fields] = pair;
	if (twin) {
		read_twin(ctx, field, pair->value, value);
	} else {
		schema_read_value(ctx, field, pair->value,
		    member_of(value, field));
	}
}

static void
check_required(struct schema_context *ctx, const struct schema *schema,
    const struct yaml_node *node, const struct given *given)
{
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct schema_field *field = &schema->fields[i];

		if ((field->flags & FIELD_REQUIRED) != 0 &&
		    given->pairs[i] == NULL) {
			diag_error(ctx->diag, node->pos,
			    "missing key '%s' in %s", field->name,
			    schema->name);
		}
	}
}

static void
read_stock(struct schema_context *ctx, const struct schema *schema,
    struct pos pos, const struct given *given, void *value)
{
	for (size_t i = 0; i < schema->n_fields; i++) {
		const struct schema_field *field = &schema->fields[i];
		struct template **member;

		if (field->stock == NULL || given->pairs[i] != NULL) {
			continue;
		}
		member = (struct template **)member_of(value, field);
		*member = schema_stock_template(ctx, pos, field->stock);
	}
}

void
schema_read(struct schema_context *ctx, const struct schema *schema,
    const struct yaml_node *node, void *value)
{
	const uint32_t errors = diag_errors(ctx->diag);
	struct given given = { { NULL } };

	assert(schema->n_fields <= SCHEMA_FIELDS_MAX);
	for (size_t i = 0; i < schema->n_fields; i++) {
		apply_default(ctx, &schema->fields[i], value);
	}
	if (schema->pos_offset > 0) {
		memcpy((char *)value + schema->pos_offset - 1, &node->pos,
		    sizeof(node->pos));
	}
	if (schema->node_offset > 0) {
		memcpy((char *)value + schema->node_offset - 1, &node,
		    sizeof(node));
	}
	if (node->kind == YAML_SCALAR && schema->scalar != NULL) {
		schema->scalar(ctx, node, value);
	} else if ((node->kind != YAML_MAPPING && node->kind != YAML_NULL) ||
	    (schema->scalar != NULL && schema->n_fields == 0)) {
		schema_expected(ctx, node,
		    arena_printf(ctx->arena, "a %s for %s",
			schema->scalar != NULL && schema->n_fields == 0 ?
			    "string" :
			    "mapping",
			schema->name));
		return;
	} else {
		for (uint32_t i = 0; i < node->n; i++) {
			read_pair(ctx, schema, &node->pairs[i], &given, value);
		}
		check_required(ctx, schema, node, &given);
		read_stock(ctx, schema, node->pos, &given, value);
	}
	if (schema->check != NULL && diag_errors(ctx->diag) == errors) {
		schema->check(ctx, value, node);
	}
}
