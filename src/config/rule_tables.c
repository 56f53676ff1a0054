/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of a rule and of a rule group: those that all rules have, with
 * for_points and its short form, and one for each kind of condition.
 *
 * The rule's table is made for the kinds at hand; what it fills is described
 * in rules_internal.h and read by rules.c.
 */
#include <config.h>

#include <string.h>

#include "config/rules_internal.h"

static const char *const no_data_choices[] = { "ok", "keep", "alert", NULL };
static const char *const error_choices[] = { "keep", "alert", NULL };

/* `for_points: 3` is 3 of 3. */
static void
for_points_scalar(struct schema_context *ctx, const struct yaml_node *node,
    void *value)
{
	struct for_points_raw *raw = value;
	const char *text = schema_scalar(ctx, node, "a number of points");

	raw->pos = node->pos;
	if (text != NULL && !str_to_i64(str_from(text), &raw->n)) {
		schema_expected(ctx, node,
		    "a number of points, or {n: 2, of: 3}");
		raw->n = 1;
	}
	raw->of = raw->n;
}

static void
for_points_check(struct schema_context *ctx, void *value,
    const struct yaml_node *node)
{
	const struct for_points_raw *raw = value;

	if (raw->n < 1 || raw->of > FOR_POINTS_MAX) {
		diag_error(ctx->diag, node->pos,
		    "for_points: between 1 and %d points", FOR_POINTS_MAX);
	} else if (raw->n > raw->of) {
		diag_error(ctx->diag, node->pos,
		    "for_points: %lld of the last %lld points can never "
		    "breach",
		    (long long)raw->n, (long long)raw->of);
	}
}

static const struct schema_field for_points_fields[] = {
	{ .name = "n", .kind = FIELD_INT, .flags = FIELD_REQUIRED, .min = 1,
	    .max = FOR_POINTS_MAX,
	    .offset = offsetof(struct for_points_raw, n),
	    .doc = "Points that must breach." },
	{ .name = "of", .kind = FIELD_INT, .flags = FIELD_REQUIRED, .min = 1,
	    .max = FOR_POINTS_MAX,
	    .offset = offsetof(struct for_points_raw, of),
	    .doc = "... among so many of the last ones." },
};

static const struct schema for_points_schema = {
	.name = "for_points",
	.doc = "Breaches among the last data points; a bare number n is n of "
	       "n.",
	.size = sizeof(struct for_points_raw),
	SCHEMA_FIELDS(for_points_fields),
	.pos_offset = offsetof(struct for_points_raw, pos) + 1,
	.check = for_points_check,
	.scalar = for_points_scalar,
};

#define RULE(m) .offset = offsetof(struct rule_raw, m)
#define GROUP(m) .offset = offsetof(struct group_raw, m)

static const struct schema_field rule_common_fields[] = {
	{ .name = "alert", .kind = FIELD_STRING, RULE(alert),
	    .doc = "Name of the alert; a rule has this or 'record'." },
	{ .name = "record", .kind = FIELD_STRING, RULE(record),
	    .doc = "Name of the metric that a recording rule writes: it has "
		   "'expr', 'labels' (literal) and 'source' besides." },
	{ .name = "for", .kind = FIELD_DURATION, .fallback = "0s", RULE(for_),
	    .doc = "How long the condition must hold before the alert "
		   "fires; the time of a restart counts." },
	{ .name = "keep_firing_for", .kind = FIELD_DURATION, .fallback = "0s",
	    RULE(keep_firing_for),
	    .doc = "How long the alert goes on after the condition has "
		   "ended." },
	{ .name = "labels", .kind = FIELD_TEMPLATE_MAP, RULE(labels),
	    .doc = "Labels added to the alert." },
	{ .name = "annotations", .kind = FIELD_TEMPLATE_MAP,
	    RULE(annotations),
	    .doc = "Texts for whoever is told; {{ $explain.text }} says in a "
		   "sentence why the alert fires." },
	{ .name = "source", .kind = FIELD_STRING,
	    .flags = FIELD_NONEMPTY | FIELD_OURS, RULE(source),
	    .doc = "Where this rule asks; default: its group's source." },
	{ .name = "severity", .kind = FIELD_TEMPLATE, .flags = FIELD_OURS,
	    RULE(severity), .doc = "Short for the label of this name." },
	{ .name = "runbook_url", .kind = FIELD_TEMPLATE, .flags = FIELD_OURS,
	    RULE(runbook_url),
	    .doc = "Short for the annotation of this name." },
	{ .name = "on_no_data", .kind = FIELD_ENUM, .flags = FIELD_OURS,
	    .choices = no_data_choices, .fallback = "ok", RULE(on_no_data),
	    .doc = "What an answer without data means: all is well, no "
		   "change, or an alert." },
	{ .name = "on_error", .kind = FIELD_ENUM, .flags = FIELD_OURS,
	    .choices = error_choices, .fallback = "keep", RULE(on_error),
	    .doc = "What a failed query means: no change, or an alert." },
	{ .name = "max_age", .kind = FIELD_DURATION,
	    .flags = FIELD_OURS | FIELD_POSITIVE, RULE(max_age),
	    .doc = "Data older than this is stale." },
	{ .name = "for_points", .kind = FIELD_SUB, .flags = FIELD_OURS,
	    .sub = &for_points_schema, RULE(for_points),
	    .doc = "So many of the last data points must breach before the "
		   "alert fires, and it ends when fewer do. A point is a datum "
		   "with a time of its own: one that is seen again does not "
		   "count again. With fewer, while one of them counts beside the next "
		   "point, the alert is pending. 'score' counts every score that was "
		   "stored, the other conditions what they find at an evaluation. With "
		   "'for' both must hold." },
	{ .name = "min_samples", .kind = FIELD_INT, .flags = FIELD_OURS,
	    .min = 1, .max = 1e9, RULE(min_samples),
	    .doc = "With fewer samples nothing is judged: the outcome is "
		   "insufficient. Default: the condition's own." },
};

/* Kinds that are known but perhaps not built. */
static const char *const other_kinds[] = { "rate_of_change", "deviation",
	"drift", "score", "burn_rate", "compare", "compare_groups",
	"freshness", "quality", "forecast" };

static const struct schema_field group_fields[] = {
	{ .name = "name", .kind = FIELD_STRING,
	    .flags = FIELD_REQUIRED | FIELD_NONEMPTY, GROUP(name),
	    .doc = "Name of the group; unique in its file." },
	{ .name = "interval", .kind = FIELD_DURATION, .fallback = "0s",
	    GROUP(interval),
	    .doc = "How often it is evaluated; default: "
		   "evaluation_interval." },
	{ .name = "limit", .kind = FIELD_INT, .fallback = "0", GROUP(limit),
	    .doc = "Alerts that one rule may raise; 0: any number." },
	{ .name = "query_offset", .kind = FIELD_DURATION, .fallback = "0s",
	    GROUP(query_offset),
	    .doc = "Ask for the state this long ago." },
	{ .name = "labels", .kind = FIELD_TEMPLATE_MAP, GROUP(labels),
	    .doc = "Labels of all rules of the group; a rule's own win." },
	{ .name = "source", .kind = FIELD_STRING,
	    .flags = FIELD_OURS | FIELD_NONEMPTY, GROUP(source),
	    .doc = "Where its rules ask; default: the first source." },
};

static size_t
count_kinds(const struct config_kinds *kinds)
{
	size_t n = 0;

	while (kinds->rules[n] != NULL) {
		n++;
	}
	return n;
}

static bool
is_built(const struct config_kinds *kinds, const char *name)
{
	for (size_t i = 0; kinds->rules[i] != NULL; i++) {
		if (strcmp(kinds->rules[i]->name, name) == 0) {
			return true;
		}
	}
	return false;
}

struct schema_field *
rule_fields(struct arena *arena, const struct config_kinds *kinds,
    size_t *ret_n, size_t *ret_size)
{
	const size_t n_kinds = count_kinds(kinds);
	const size_t n_common = ARRAY_LEN(rule_common_fields);
	struct schema_field *fields = ARENA_ARRAY(arena,
	    n_common + n_kinds + ARRAY_LEN(other_kinds), struct schema_field);
	size_t n = n_common;

	memcpy(fields, rule_common_fields, sizeof(rule_common_fields));
	for (size_t i = 0; i < n_kinds; i++) {
		fields[n++] = (struct schema_field){
			.name = kinds->rules[i]->name,
			.kind = FIELD_SUB,
			.sub = kinds->rules[i]->schema,
			.offset = offsetof(struct rule_raw, conditions) +
			    i * sizeof(void *),
			.doc = kinds->rules[i]->schema->doc
		};
	}
	for (size_t i = 0; i < ARRAY_LEN(other_kinds); i++) {
		if (!is_built(kinds, other_kinds[i])) {
			fields[n++] = (struct schema_field){
				.name = other_kinds[i],
				.kind = FIELD_UNSUPPORTED,
				.doc = "A kind of condition."
			};
		}
	}
	*ret_n = n;
	*ret_size = sizeof(struct rule_raw) + n_kinds * sizeof(void *);
	return fields;
}

static void
keep_node(struct schema_context *ctx, const struct yaml_node *node,
    void *member)
{
	(void)ctx;
	*(const struct yaml_node **)member = node;
}

void
group_table(struct schema *group, struct arena *arena,
    const struct schema *rule)
{
	const size_t n = ARRAY_LEN(group_fields);
	struct schema_field *fields = ARENA_ARRAY(arena, n + 1,
	    struct schema_field);

	memcpy(fields, group_fields, sizeof(group_fields));
	fields[n] = (struct schema_field){ .name = "rules",
		.kind = FIELD_CUSTOM,
		.custom = keep_node,
		.sub = rule,
		.offset = offsetof(struct group_raw, rules),
		.doc = "Rules, evaluated in this order." };
	*group = (struct schema){ .name = "group",
		.doc = "Rules that are evaluated together, at one time.",
		.size = sizeof(struct group_raw),
		.fields = fields,
		.n_fields = n + 1 };
}
