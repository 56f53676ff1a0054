/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recording rules: `record`, `expr` and literal labels, nothing else.
 *
 * Findings are worded as promtool words them.  A rule is read by this table
 * as soon as it has `record`, so that its labels are never taken for
 * templates.
 */
#include <config.h>
#include <stdlib.h>
#include <string.h>

#include "config/internal.h"

struct record_raw {
	const char *record, *source;
	dur_t for_, keep_firing_for;
	struct string_map labels, annotations;
	void *expr;
};

#define RECORD(m) .offset = offsetof(struct record_raw, m)
#define FORBIDDEN(key)                                                                             \
	{                                                                                          \
		.name = key, .kind = FIELD_UNSUPPORTED,                                            \
		.fallback = "invalid field '" key "' in recording rule",                           \
		.doc = "Of alerting rules."                                                        \
	}

static const struct schema_field record_fields[] = {
	{ .name = "record",
	    .kind = FIELD_STRING,
	    RECORD(record),
	    .doc = "Name of the recorded metric." },
	{ .name = "source",
	    .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY | FIELD_OURS,
	    RECORD(source),
	    .doc = "Where this rule asks, and writes." },
	{ .name = "labels",
	    .kind = FIELD_STRING_MAP,
	    RECORD(labels),
	    .doc = "Labels of the recorded series." },
	/* zero and empty ones are nothing to complain about */
	{ .name = "for",
	    .kind = FIELD_DURATION,
	    .fallback = "0s",
	    RECORD(for_),
	    .doc = "Not allowed." },
	{ .name = "keep_firing_for",
	    .kind = FIELD_DURATION,
	    .fallback = "0s",
	    RECORD(keep_firing_for),
	    .doc = "Not allowed." },
	{ .name = "annotations",
	    .kind = FIELD_STRING_MAP,
	    RECORD(annotations),
	    .doc = "Not allowed." },
	FORBIDDEN("alert"),
	FORBIDDEN("severity"),
	FORBIDDEN("runbook_url"),
	FORBIDDEN("on_no_data"),
	FORBIDDEN("on_error"),
	FORBIDDEN("max_age"),
	FORBIDDEN("for_points"),
	FORBIDDEN("min_samples"),
};

static const struct rule_kind_schema *
expr_kind(const struct config_kinds *kinds)
{
	for (size_t i = 0; kinds->rules[i] != NULL; i++)
		if (strcmp(kinds->rules[i]->name, "expr") == 0)
			return kinds->rules[i];
	return NULL;
}

void
record_table(struct schema *record, struct arena *arena, const struct config_kinds *kinds)
{
	const struct rule_kind_schema *expr = expr_kind(kinds);
	size_t n = ARRAY_LEN(record_fields), n_kinds = 0;
	struct schema_field *fields;

	while (kinds->rules[n_kinds] != NULL)
		n_kinds++;
	fields = ARENA_ARRAY(arena, n + n_kinds, struct schema_field);
	memcpy(fields, record_fields, sizeof(record_fields));
	for (size_t i = 0; i < n_kinds; i++) {
		const char *name = kinds->rules[i]->name;

		fields[n++] = kinds->rules[i] == expr
				  ? (struct schema_field){ .name = name,
					    .kind = FIELD_SUB,
					    .sub = expr->schema,
					    RECORD(expr),
					    .doc = "What is recorded." }
				  : (struct schema_field){ .name = name,
					    .kind = FIELD_UNSUPPORTED,
					    .fallback = arena_printf(arena,
						"invalid field '%s' in recording rule; it records "
						"an 'expr'",
						name),
					    .doc = "A kind of condition." };
	}
	*record = (struct schema){ .name = "recording rule",
		.doc = "A series computed from others and written back.",
		.size = sizeof(struct record_raw),
		.fields = fields,
		.n_fields = n };
}

/* ---- labels ------------------------------------------------------------------ */

static bool
map_has(const struct string_map *map, const char *key)
{
	for (uint32_t i = 0; i < map->n; i++)
		if (strcmp(map->pairs[i].key, key) == 0)
			return true;
	return false;
}

static int
compare_pairs(const void *pa, const void *pb)
{
	const struct string_pair *a = pa, *b = pb;

	return strcmp(a->key, b->key);
}

static void
check_label(struct loader *l, const struct string_pair *pair)
{
	if (pair->key[0] == '\0' || strcmp(pair->key, "__name__") == 0)
		diag_error(l->ctx.diag, pair->key_pos, "invalid label name: %s%s", pair->key,
		    pair->key[0] != '\0' ? " (the name is what 'record' says)" : "");
	else if (strlen(pair->key) > LABEL_NAME_BYTES_MAX)
		diag_error(l->ctx.diag, pair->key_pos, "the name is longer than %d bytes",
		    LABEL_NAME_BYTES_MAX);
	else if (strlen(pair->value) > LABEL_VALUE_BYTES_MAX)
		diag_error(l->ctx.diag, pair->value_pos, "the value is longer than %u bytes",
		    LABEL_VALUE_BYTES_MAX);
}

/* "group labels are merged under rule labels (rule wins)"; taken by their text. */
static struct string_map
join_labels(struct loader *l, const struct string_map *own, const struct template_map *group)
{
	struct string_map out = { 0 };

	out.pairs = ARENA_ARRAY(l->ctx.arena, own->n + group->n + 1, struct string_pair);
	for (uint32_t i = 0; i < own->n; i++) {
		check_label(l, &own->pairs[i]);
		out.pairs[out.n++] = own->pairs[i];
	}
	for (uint32_t i = 0; i < group->n; i++) {
		const struct template_pair *pair = &group->pairs[i];

		if (!map_has(own, pair->key))
			out.pairs[out.n++] = (struct string_pair){ pair->key,
				arena_str(l->ctx.arena, template_text(pair->template)).p,
				pair->key_pos, pair->value_pos };
	}
	if (out.n > 1)
		qsort(out.pairs, out.n, sizeof(*out.pairs), compare_pairs);
	return out;
}

/* ---- the rule ---------------------------------------------------------------- */

static void
check_forbidden(struct loader *l, const struct yaml_node *node, const struct record_raw *raw)
{
	const struct {
		const char *key;
		bool given;
	} fields[] = {
		{ "annotations", raw->annotations.n > 0 },
		{ "for", raw->for_.ns > 0 },
		{ "keep_firing_for", raw->keep_firing_for.ns > 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (fields[i].given)
			diag_error(l->ctx.diag, yaml_get(node, fields[i].key)->pos,
			    "invalid field '%s' in recording rule", fields[i].key);
}

static void
check_name(struct loader *l, const struct yaml_node *node, const char *name)
{
	if (name == NULL)
		return;
	if (strpbrk(name, "{}") != NULL)
		diag_error(l->ctx.diag, node->pos,
		    "braces present in the recording rule name; should it be in expr?: %s", name);
	else if (strlen(name) > LABEL_VALUE_BYTES_MAX)
		diag_error(l->ctx.diag, node->pos, "the name is longer than %u bytes",
		    LABEL_VALUE_BYTES_MAX);
}

bool
record_read(struct loader *l, const struct yaml_node *node, const struct template_map *group_labels,
    struct rule_config *rule, const char **ret_source)
{
	const uint32_t errors = diag_errors(l->ctx.diag);
	struct record_raw raw = { 0 };

	schema_read(&l->ctx, &l->tables->record, node, &raw);
	check_name(l, yaml_get(node, "record"), raw.record);
	check_forbidden(l, node, &raw);
	rule->recording = true;
	rule->name = raw.record;
	rule->kind = expr_kind(l->kinds);
	rule->settings = raw.expr;
	rule->max_age = DUR_UNSET;
	rule->literals = join_labels(l, &raw.labels, group_labels);
	*ret_source = raw.source;
	if (raw.expr == NULL && diag_errors(l->ctx.diag) == errors)
		diag_error(l->ctx.diag, node->pos, "field 'expr' must be set in rule");
	return diag_errors(l->ctx.diag) == errors;
}

bool
record_check_source(struct loader *l, const struct rule_config *rule, struct pos pos)
{
	const struct source_config *source = rule->source;

	if (source == NULL) /* checked alone, or reported already */
		return true;
	if (source->kind->can_write != NULL && source->kind->can_write(source->settings))
		return true;
	if (source->kind->can_write == NULL)
		diag_error(l->ctx.diag, pos,
		    "what a recording rule computes is written to its source, and source '%s' (%s) "
		    "cannot be "
		    "written to; give the rule or its group a 'source' of type prometheus",
		    source->name, source->kind->name);
	else
		diag_error(l->ctx.diag, pos,
		    "what a recording rule computes is written to its source, and source '%s' has "
		    "no "
		    "remote_write_url; add 'remote_write_url: http://localhost:9090/api/v1/write' "
		    "to it",
		    source->name);
	diag_note(l->ctx.diag, source->pos, "the source is here");
	return false;
}
