/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rule groups: Prometheus' format with a source, typed conditions, and short
 * forms for severity and runbook.
 *
 * Conditions are the kinds' own tables; a rule has exactly one.  Raw structs
 * are reused from rule to rule, since there may be 200,000 of them.
 */
#include <config.h>

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/xalloc.h"
#include "config/internal.h"

struct for_points_raw {
	int64_t n, of;
	struct pos pos;
};

/* Filled by a table made for the kinds at hand: conditions[] has one for each. */
struct rule_raw {
	const char *alert, *record, *source;
	struct template *severity, *runbook_url;
	dur_t for_, keep_firing_for, max_age;
	int on_no_data, on_error;
	struct for_points_raw *for_points;
	int64_t min_samples;
	struct template_map labels, annotations;
	void *conditions[];
};

struct group_raw {
	const char *name, *source;
	dur_t interval, query_offset;
	int64_t limit;
	struct template_map labels;
	const struct yaml_node *rules;
};

struct rules_reader {
	struct loader *l;
	struct rule_group_config *groups;
	size_t n, cap;
	uint32_t n_rules;
	struct map identities;
	struct rule_raw *raw;
	bool no_source_reported;
};

/* ---- tables -------------------------------------------------------------------- */

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
		   "count again. With 'for' both must hold." },
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

/* ---- labels and annotations ------------------------------------------------------- */

static void
check_names(struct loader *l, const struct template_map *map, const char *what)
{
	for (uint32_t i = 0; i < map->n; i++) {
		const struct template_pair *pair = &map->pairs[i];

		if (pair->key[0] == '\0') {
			diag_error(l->ctx.diag, pair->key_pos,
			    "the name of %s must not be empty", what);
		} else if (strcmp(pair->key, "__name__") == 0) {
			diag_error(l->ctx.diag, pair->key_pos,
			    "'__name__' is the metric's name and cannot be set "
			    "by a rule");
		} else if (strlen(pair->key) > LABEL_NAME_BYTES_MAX) {
			diag_error(l->ctx.diag, pair->key_pos,
			    "the name is longer than %d bytes",
			    LABEL_NAME_BYTES_MAX);
		}
	}
}

static int
compare_pairs(const void *pa, const void *pb)
{
	const struct template_pair *a = pa, *b = pb;

	return strcmp(a->key, b->key);
}

static const struct template_pair *
map_get(const struct template_map *map, const char *key)
{
	for (uint32_t i = 0; i < map->n; i++) {
		if (strcmp(map->pairs[i].key, key) == 0) {
			return &map->pairs[i];
		}
	}
	return NULL;
}

/* base's pairs that own lacks, own's, and extra under its key; sorted. */
static struct template_map
map_join(struct loader *l, const struct template_map *base,
    const struct template_map *own, const char *extra_key,
    struct template *extra, const struct yaml_node *extra_node)
{
	struct template_map out = { 0 };

	out.pairs = ARENA_ARRAY(l->ctx.arena, base->n + own->n + 1,
	    struct template_pair);
	for (uint32_t i = 0; i < own->n; i++) {
		out.pairs[out.n++] = own->pairs[i];
	}
	if (extra != NULL && extra_node != NULL) {
		const struct template_pair *both = map_get(own, extra_key);

		if (both != NULL) {
			diag_error(l->ctx.diag, extra_node->pos,
			    "'%s' is given twice: here and in the mapping that "
			    "it is short for",
			    extra_key);
			diag_note(l->ctx.diag, both->key_pos, "and here");
		} else {
			out.pairs[out.n++] = (struct template_pair){ extra_key,
				extra, extra_node->pos, extra_node->pos };
		}
	}
	for (uint32_t i = 0; i < base->n; i++) {
		if (map_get(&out, base->pairs[i].key) == NULL) {
			out.pairs[out.n++] = base->pairs[i];
		}
	}
	if (out.n > 1) {
		qsort(out.pairs, out.n, sizeof(*out.pairs), compare_pairs);
	}
	return out;
}

/* ---- sources ------------------------------------------------------------------------ */

static const struct source_config *
source_named(struct rules_reader *r, const char *name,
    const struct yaml_node *node)
{
	struct loader *l = r->l;
	const struct source_config *source;
	const char **names, *meant;

	if (l->sources == NULL) {
		return NULL; /* checked alone */
	}
	source = config_source(l->sources, name);
	if (source != NULL) {
		return source;
	}
	names = ARENA_ARRAY(l->scratch, l->sources->n_sources + 1, const char *);
	for (uint32_t i = 0; i < l->sources->n_sources; i++) {
		names[i] = l->sources->sources[i].name;
	}
	meant = schema_suggest_among(names, l->sources->n_sources,
	    str_from(name));
	diag_error(l->ctx.diag, node->pos, "there is no source '%s'%s%s%s",
	    name, meant != NULL ? " (did you mean '" : "",
	    meant != NULL ? meant : "", meant != NULL ? "'?)" : "");
	return NULL;
}

static const struct source_config *
default_source(struct rules_reader *r, const struct yaml_node *group)
{
	struct loader *l = r->l;

	if (l->sources == NULL) {
		return NULL;
	}
	if (l->sources->n_sources > 0) {
		return &l->sources->sources[0];
	}
	if (!r->no_source_reported && yaml_get(group, "rules") != NULL) {
		diag_error(l->ctx.diag, group->pos,
		    "rules need a source and the configuration has none; add "
		    "'sources: [{name: prom, type: prometheus, url: "
		    "http://localhost:9090}]' to it");
		r->no_source_reported = true;
	}
	return NULL;
}

/* ---- rules -------------------------------------------------------------------------- */

/* The one condition; false and a finding when there is none or more. */
static bool
set_condition(struct rules_reader *r, const struct yaml_node *node,
    struct rule_config *rule, bool silent)
{
	const struct config_kinds *kinds = r->l->kinds;
	struct buf known = { 0 };

	for (size_t i = 0; kinds->rules[i] != NULL; i++) {
		buf_printf(&known, "%s'%s'", i > 0 ? ", " : "",
		    kinds->rules[i]->name);
		if (r->raw->conditions[i] == NULL) {
			continue;
		}
		if (rule->kind != NULL) {
			diag_error(r->l->ctx.diag,
			    yaml_get(node, kinds->rules[i]->name)->pos,
			    "a rule has one condition, and '%s' is given "
			    "besides '%s'",
			    kinds->rules[i]->name, rule->kind->name);
			buf_fini(&known);
			return false;
		}
		rule->kind = kinds->rules[i];
		rule->settings = r->raw->conditions[i];
	}
	if (rule->kind == NULL && !silent) {
		diag_error(r->l->ctx.diag, node->pos,
		    "the rule has no condition; add one of %s", known.p);
	}
	buf_fini(&known);
	return rule->kind != NULL;
}

static void
set_texts(struct rules_reader *r, const struct yaml_node *node,
    const struct group_raw *group, struct rule_config *rule)
{
	static const struct template_map none = { 0 };
	const struct rule_raw *raw = r->raw;

	check_names(r->l, &raw->labels, "a label");
	check_names(r->l, &raw->annotations, "an annotation");
	rule->labels = map_join(r->l, &group->labels, &raw->labels, "severity",
	    raw->severity, yaml_get(node, "severity"));
	rule->annotations = map_join(r->l, &none, &raw->annotations,
	    "runbook_url", raw->runbook_url, yaml_get(node, "runbook_url"));
}

static bool
has_text(const struct yaml_node *node)
{
	return node != NULL && node->kind != YAML_NULL &&
	    (node->kind != YAML_SCALAR || node->text.n > 0);
}

static bool
check_alert_or_record(struct loader *l, const struct yaml_node *node)
{
	const struct yaml_node *alert, *record;

	if (node->kind != YAML_MAPPING) {
		return true; /* said elsewhere */
	}
	alert = yaml_get(node, "alert");
	record = yaml_get(node, "record");
	if (has_text(alert) && has_text(record)) {
		diag_error(l->ctx.diag, record->pos,
		    "only one of 'record' and 'alert' must be set");
		diag_note(l->ctx.diag, alert->pos, "'alert' is here");
		return false;
	}
	if (!has_text(alert) && !has_text(record)) {
		diag_error(l->ctx.diag,
		    alert != NULL ? alert->pos :
			record != NULL ? record->pos : node->pos,
		    "one of 'record' or 'alert' must be set");
		return false;
	}
	return true;
}

static bool
recording_read(struct rules_reader *r, const struct yaml_node *node,
    const struct group_raw *group, const struct rule_group_config *owner,
    struct rule_config *rule)
{
	struct loader *l = r->l;
	const char *source;

	*rule = (struct rule_config){ .group = owner, .pos = node->pos };
	if (!record_read(l, node, &group->labels, rule, &source)) {
		return false;
	}
	rule->source = source != NULL ?
	    source_named(r, source, yaml_get(node, "source")) :
	    owner->source;
	if (!record_check_source(l, rule, yaml_get(node, "record")->pos)) {
		return false;
	}
	rule->kind->finish(&l->ctx, rule);
	if (!rule_query_check(l, rule, node,
		source != NULL || group->source != NULL)) {
		return false;
	}
	rule_identify(l, rule, &r->identities);
	return true;
}

/* False when the rule is not fit for use; what is wrong is in diag. */
static bool
rule_read(struct rules_reader *r, const struct yaml_node *node,
    const struct group_raw *group, const struct rule_group_config *owner,
    struct rule_config *rule)
{
	struct loader *l = r->l;
	const uint32_t errors = diag_errors(l->ctx.diag);
	struct rule_raw *raw = r->raw;

	if (!check_alert_or_record(l, node)) {
		return false;
	}
	if (has_text(yaml_get(node, "record"))) {
		return recording_read(r, node, group, owner, rule);
	}
	memset(raw, 0, l->tables->rule.size);
	schema_read(&l->ctx, &l->tables->rule, node, raw);
	if (node->kind != YAML_MAPPING) {
		return false;
	}
	*rule = (struct rule_config){ .group = owner,
		.name = raw->alert,
		.for_ = raw->for_,
		.keep_firing_for = raw->keep_firing_for,
		.on_no_data = (enum on_no_data)raw->on_no_data,
		.on_error = (enum on_error)raw->on_error,
		.max_age = raw->max_age,
		.pos = node->pos };
	if (raw->for_points != NULL) {
		rule->for_points.n = (uint32_t)raw->for_points->n;
		rule->for_points.of = (uint32_t)raw->for_points->of;
	}
	rule->min_samples = (uint32_t)raw->min_samples;
	rule->source = raw->source != NULL ?
	    source_named(r, raw->source, yaml_get(node, "source")) :
	    owner->source;
	set_texts(r, node, group, rule);
	if (!set_condition(r, node, rule, diag_errors(l->ctx.diag) != errors) ||
	    diag_errors(l->ctx.diag) != errors) {
		return false;
	}
	if (rule->min_samples > 0 && !rule->kind->min_samples) {
		diag_error(l->ctx.diag, yaml_get(node, "min_samples")->pos,
		    "'%s' counts no samples, so 'min_samples' says nothing",
		    rule->kind->name);
		return false;
	}
	if (rule->kind->finish != NULL) {
		rule->kind->finish(&l->ctx, rule);
	}
	if (!rule_query_check(l, rule, node,
		raw->source != NULL || group->source != NULL)) {
		return false;
	}
	rule_identify(l, rule, &r->identities);
	return true;
}

static void
rules_of_group(struct rules_reader *r, const struct group_raw *raw,
    struct rule_group_config *group)
{
	struct loader *l = r->l;
	const struct yaml_node *list = raw->rules;

	if (list == NULL ||
	    !schema_is_list(&l->ctx, list, "[{alert: ..., expr: ...}]")) {
		return;
	}
	if (list->n > RULES_MAX - r->n_rules) {
		diag_error(l->ctx.diag, list->pos, "more than %d rules",
		    RULES_MAX);
		return;
	}
	group->rules = ARENA_ARRAY(l->ctx.arena, list->n + 1,
	    struct rule_config);
	for (uint32_t i = 0; i < list->n; i++) {
		struct rule_config *rule = &group->rules[group->n_rules];

		if (rule_read(r, list->items[i], raw, group, rule)) {
			rule->index = group->n_rules++;
		}
	}
	r->n_rules += list->n;
}

/* ---- groups ------------------------------------------------------------------------- */

static void
group_read(struct rules_reader *r, const struct yaml_node *node,
    const char *file)
{
	struct loader *l = r->l;
	struct rule_group_config group = { .file = file, .pos = node->pos };
	struct group_raw raw = { 0 };

	schema_read(&l->ctx, &l->tables->group, node, &raw);
	if (node->kind != YAML_MAPPING) {
		return;
	}
	check_names(l, &raw.labels, "a label");
	group.name = raw.name != NULL ? raw.name : "";
	group.interval = raw.interval.ns > 0 ?
	    raw.interval :
	    l->generation->config.evaluation_interval;
	group.interval_assumed = raw.interval.ns <= 0 && l->sources == NULL;
	group.query_offset = raw.query_offset;
	group.limit = raw.limit > 0 ? raw.limit : 0;
	group.source = raw.source != NULL ?
	    source_named(r, raw.source, yaml_get(node, "source")) :
	    default_source(r, node);
	rules_of_group(r, &raw, &group);
	r->groups = xgrow(r->groups, &r->cap, r->n + 1, sizeof(*r->groups));
	r->groups[r->n++] = group;
}

static bool
node_has_text(const void *value, const void *key)
{
	return str_eq(((const struct yaml_node *)value)->text,
	    *(const struct str *)key);
}

static void
check_group_name(struct rules_reader *r, struct map *names,
    const struct yaml_node *group)
{
	const struct yaml_node *name = yaml_get(group, "name");
	const struct yaml_node *first;
	uint64_t hash;

	if (name == NULL || name->kind != YAML_SCALAR) {
		return;
	}
	hash = hash_bytes(name->text.p, name->text.n);
	first = map_find(names, hash, node_has_text, &name->text);
	if (first != NULL) {
		diag_error(r->l->ctx.diag, name->pos,
		    "groupname: \"%.*s\" is repeated in the same file",
		    STR_ARG(str_head(name->text, 80)));
		diag_note(r->l->ctx.diag, first->pos, "the first is here");
		return;
	}
	map_insert(names, hash, (struct yaml_node *)(uintptr_t)name);
}

void
rules_read(struct rules_reader *r, const struct yaml_node *root,
    const char *path)
{
	struct loader *l = r->l;
	const char *file = arena_strdup(l->ctx.arena, path);
	const struct yaml_node *list = NULL;
	struct map names = { 0 };

	if (l->second_document.line > 0) {
		diag_warning(l->ctx.diag, l->second_document,
		    "a second document begins here: it is ignored, as by "
		    "Prometheus; put it into a file of its own");
	}
	if (yaml_get(root, "apiVersion") != NULL &&
	    yaml_get(root, "spec") != NULL) {
		diag_error(l->ctx.diag, root->pos,
		    "this is a Kubernetes object; a rule file holds what is "
		    "under its 'spec'");
		return;
	}
	schema_read(&l->ctx, &l->tables->rule_file, root, &list);
	if (list == NULL || !schema_is_list(&l->ctx, list, "[{name: ...}]")) {
		return;
	}
	for (uint32_t i = 0; i < list->n; i++) {
		check_group_name(r, &names, list->items[i]);
		group_read(r, list->items[i], file);
	}
	map_fini(&names);
}

struct rules_reader *
rules_reader_new(struct loader *l)
{
	struct rules_reader *r = xcalloc(1, sizeof(*r));

	r->l = l;
	r->raw = xcalloc(1, l->tables->rule.size);
	return r;
}

/* What the kinds demand of all rules together; of a part of them it would be wrong. */
static void
check_together(struct loader *l, const struct config *config)
{
	const struct rule_kind_schema *const *kinds = l->kinds->rules;

	if (loader_failed(l))
		return;
	for (size_t i = 0; kinds[i] != NULL; i++) {
		bool used = false;

		for (uint32_t g = 0; g < config->n_groups && !used; g++)
			for (uint32_t k = 0; k < config->groups[g].n_rules && !used; k++)
				used = config->groups[g].rules[k].kind == kinds[i];
		if (used && kinds[i]->check_all != NULL)
			kinds[i]->check_all(&l->ctx, config, l->sources == config);
	}
}

void
rules_finish(struct rules_reader *r)
{
	struct config *config = &r->l->generation->config;

	config->groups = ARENA_ARRAY(r->l->ctx.arena, r->n + 1,
	    struct rule_group_config);
	for (size_t i = 0; i < r->n; i++) {
		struct rule_group_config *group = &config->groups[i];

		*group = r->groups[i];
		group->index = (uint32_t)i;
		for (uint32_t k = 0; k < group->n_rules; k++) {
			group->rules[k].group = group;
		}
		config->n_rules += group->n_rules;
	}
	config->n_groups = (uint32_t)r->n;
	check_together(r->l, config);
	map_fini(&r->identities);
	free(r->groups);
	free(r->raw);
	free(r);
}
